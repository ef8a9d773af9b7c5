#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AZURE_PACKAGE_STORE_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AZURE_PACKAGE_STORE_HPP

#include "blueprint/faas/codec/impl/azure_exchanges.hpp"
#include "blueprint/faas/codec/impl/azure_provisioning.hpp"
#include "blueprint/faas/package/azure_site.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// The manifest of an app as it stands in storage.
struct AzureStoredManifest {
    AzureManifest manifest{};
    std::string etag{};  ///< empty: there is none
};

/// What the app's container of packages holds: the manifest and a package for each of its jobs. All that it refers to
/// outlives it, and it outlives its awaitables.
template <class L>
class AzurePackageStore {
    using Step = DeployProgress::Step;

public:
    static constexpr std::string_view manifest_name = "manifest.json";

    /// `fresh`: access was given just now and may not be known everywhere (pitfall 6).
    AzurePackageStore(AzureExchanges<L>& exchanges, AzureStorage storage, bool fresh)
        : exchanges_{exchanges}, storage_{std::move(storage)}, fresh_{fresh} {}
    AzurePackageStore(const AzurePackageStore&) = delete;
    AzurePackageStore& operator=(const AzurePackageStore&) = delete;

    const AzureStorage& storage() const noexcept { return storage_; }
    static std::string name_of(std::string_view sha256) { return std::string{sha256} + ".zip"; }
    /// Whether the container was not there when the manifest was looked for: an app that somebody else made has none
    /// before its first job.
    bool has_no_container() const noexcept { return has_no_container_; }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<AzureStoredManifest>> read_manifest() {
        static constexpr std::size_t most_bytes = 4U << 20U;
        AzureStoredManifest out;
        auto request = storage_.get(manifest_name, most_bytes, exchanges_.now());
        auto answer = co_await ask(request);
        if (!answer) {
            has_no_container_ = answer.error().platform_code == "ContainerNotFound";
            if (answer.error().code == errc::not_found) co_return out;
            co_return std::move(answer).error();
        }
        auto blob = AzureStorage::read_blob(std::move(*answer));
        if (!blob) co_return std::move(blob).error();
        auto manifest = read_azure_manifest(blob->body);
        if (!manifest) co_return std::move(manifest).error();
        out.manifest = std::move(*manifest);
        out.etag = std::move(blob->etag);
        co_return out;
    }
    /// Writes `manifest` if it still is as `there` tells; false: somebody else was faster.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<bool>> write_manifest(const AzureManifest& manifest,
                                                                     const AzureStoredManifest& there) {
        AzureBlobCondition condition;
        condition.absent = there.etag.empty();
        condition.etag = there.etag;
        auto written = co_await put(std::string{manifest_name}, "application/json", Body{to_text(manifest)}, condition);
        if (written) co_return true;
        if (!AzureStorage::was_overtaken(written.error())) co_return std::move(written).error();
        // A request that was sent twice may have met what its own first attempt wrote.
        auto now = co_await read_manifest();
        if (!now) co_return std::move(now).error();
        co_return now->etag != there.etag && now->manifest == manifest;
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<bool>> has_package(std::string sha256) {
        auto request = storage_.head(name_of(sha256), exchanges_.now());
        auto answer = co_await ask(request);
        if (answer) co_return true;
        if (answer.error().code == errc::not_found) co_return false;
        co_return std::move(answer).error();
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> put_package(std::string sha256,
                                                                  std::shared_ptr<const Bytes> zip) {
        AzureBlobCondition condition;
        condition.absent = true;
        Body body{std::move(zip)};
        auto written = co_await put(name_of(sha256), "application/zip", std::move(body), condition);
        // Its name is its digest: one that is there is this one.
        if (!written && AzureStorage::was_overtaken(written.error())) co_return result<void>{};
        co_return written;
    }
    /// Reads the packages of all jobs, but for those that `packages` has.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> read_packages(const AzureManifest& manifest,
                                                                    AzurePackages& packages) {
        for (const auto& [id, job] : manifest.jobs) {
            if (packages.contains(job.package_sha256)) continue;
            auto request = storage_.get(name_of(job.package_sha256), azure_site_bytes, exchanges_.now());
            auto answer = co_await ask(request);
            if (!answer) {
                Error error = std::move(answer).error();
                if (error.code == errc::not_found)
                    add_reason(error, "the package of job " + std::to_string(id.value()) +
                                          " is lost: deploy that job again, or undeploy it");
                co_return error;
            }
            packages.emplace(job.package_sha256,
                             std::make_shared<const Bytes>(answer->body.begin(), answer->body.end()));
        }
        co_return result<void>{};
    }

    /// Removes packages that no job has. What cannot be removed stays, and is told of.
    BLUEPRINT_FAAS_COLD asio::awaitable<void> prune() {
        std::vector<std::string> all;
        auto listed = co_await list(all);
        // Read behind the list, so that few are taken which somebody has brought and is about to name: who finds his
        // package gone brings it again in his next round.
        auto there = co_await read_manifest();
        if (!listed || !there) {
            exchanges_.tell(Step::removing_old, "old packages were not removed: " +
                                                    (listed ? there.error().message : listed.error().message));
            co_return;
        }
        std::set<std::string> needed;
        for (const auto& [id, job] : there->manifest.jobs) needed.insert(name_of(job.package_sha256));
        for (const auto& name : all) {
            if (needed.contains(name) || !is_package(name)) continue;
            exchanges_.tell(Step::removing_old, "the package " + name.substr(0, 16));
            auto request = storage_.remove(name, exchanges_.now());
            auto removed = co_await ask(request);
            if (removed || removed.error().code == errc::not_found) continue;
            exchanges_.tell(Step::removing_old, "the package stays: " + removed.error().message);
            co_return;
        }
    }
    /// Lists the packages that no job of `after` has.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::vector<std::string>>> unneeded(const AzureManifest& after) {
        std::vector<std::string> all;
        auto listed = co_await list(all);
        if (!listed) co_return std::move(listed).error();
        std::erase_if(all, [&](const std::string& name) {
            if (!is_package(name)) return true;
            return std::any_of(after.jobs.begin(), after.jobs.end(),
                               [&](const auto& one) { return name_of(one.second.package_sha256) == name; });
        });
        co_return all;
    }

private:
    static bool is_package(std::string_view name) {
        return name.size() == 68 && name.ends_with(".zip") &&
               name.substr(0, 64).find_first_not_of("0123456789abcdef") == std::string_view::npos;
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> list(std::vector<std::string>& names) {
        std::string marker;
        do {
            auto request = storage_.list(marker, exchanges_.now());
            auto answer = co_await ask(request);
            if (!answer) {
                if (answer.error().code == errc::not_found) co_return result<void>{};
                co_return std::move(answer).error();
            }
            auto page = AzureStorage::read_page(*answer);
            if (!page) co_return std::move(page).error();
            names.insert(names.end(), page->names.begin(), page->names.end());
            if (page->next == marker) break;  // an account that does not turn the page would be asked for ever
            marker = std::move(page->next);
        } while (!marker.empty());
        co_return result<void>{};
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> put(std::string name, std::string_view type, Body body,
                                                          AzureBlobCondition condition) {
        if (has_no_container_) {
            AzureProvisioning<L> provisioning{exchanges_};
            auto store = storage_.store();
            auto there = co_await provisioning.have_container(std::move(store));
            if (!there) co_return there;
            has_no_container_ = false;
        }
        auto request = storage_.put(name, type, std::move(body), condition, exchanges_.now());
        if (type == "application/zip") exchanges_.watch_upload(request, "the package " + name.substr(0, 16));
        auto answer = co_await ask(request);
        if (!answer) co_return std::move(answer).error();
        co_return result<void>{};
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<HttpResponse>> ask(HttpRequest& request) {
        return exchanges_.ask_storage(storage_, request, fresh_);
    }

    AzureExchanges<L>& exchanges_;
    const AzureStorage storage_;
    const bool fresh_;
    bool has_no_container_ = false;
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
