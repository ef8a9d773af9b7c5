#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AZURE_APP_VIEW_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AZURE_APP_VIEW_HPP

#include "blueprint/faas/codec/azure_job_config.hpp"
#include "blueprint/faas/codec/impl/azure_package_store.hpp"
#include "blueprint/faas/codec/impl/azure_site_publishing.hpp"
#include "blueprint/faas/package/package.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// What is to be seen of an app: itself, its manifest, and which site it says that it has. All that it refers to
/// outlives it, and it outlives its awaitables.
template <class L>
class AzureAppView {
public:
    AzureAppView(AzureExchanges<L>& exchanges, JobId id) : exchanges_{exchanges}, id_{id} {}
    AzureAppView(const AzureAppView&) = delete;
    AzureAppView& operator=(const AzureAppView&) = delete;

    AzureExchanges<L>& exchanges() const noexcept { return exchanges_; }
    const AzureFunctionsOptions& options() const noexcept { return exchanges_.options(); }
    JobId id() const noexcept { return id_; }
    AzurePlace& place() noexcept { return *place_; }
    const AzurePlace& place() const noexcept { return *place_; }
    AzureStoredManifest& there() noexcept { return there_; }
    const AzureStoredManifest& there() const noexcept { return there_; }
    AzurePackageStore<L>& packages() noexcept { return *packages_; }
    AzureSitePublishing<L>& publishing() noexcept { return *publishing_; }

    /// Tells what is wrong with what is wanted, as far as that needs no request.
    result<void> check(const Package& package, const FaasConfig& config) const {
        auto flex = azure_wanted(options(), id_, package, config, true);
        if (flex || azure_wanted(options(), id_, package, config, false)) return {};
        return std::move(flex).error();
    }

    /// Looks at the app and at its manifest; false: there is no app.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<bool>> look() {
        place_.reset();
        there_ = {};
        AzureProvisioning<L> provisioning{exchanges_};
        auto found = co_await provisioning.find();
        if (!found) co_return std::move(found).error();
        if (!*found) co_return false;
        auto seen = co_await look_into(std::move(**found));
        if (!seen) co_return std::move(seen).error();
        co_return true;
    }
    /// The same of an app that was just made.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> look_into(AzurePlace place) {
        made_ = made_ || place.made;
        place.made = made_;
        place_.emplace(std::move(place));
        auto storage = AzureStorage::make(place_->store);
        if (!storage) co_return std::move(storage).error();
        packages_ = std::make_unique<AzurePackageStore<L>>(exchanges_, std::move(*storage), made_);
        auto key = publishing_ ? publishing_->access().key : Secret{};
        publishing_ = std::make_unique<AzureSitePublishing<L>>(exchanges_, *place_, std::move(key));
        auto there = co_await packages_->read_manifest();
        if (!there) co_return std::move(there).error();
        there_ = std::move(*there);
        co_return result<void>{};
    }

    /// Asks the app which site it has. Nothing: it does not tell, as one whose host is starting, or which has no site
    /// yet.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::optional<AzureSiteAnswer>>> site_now() {
        if (there_.etag.empty()) co_return std::optional<AzureSiteAnswer>{};
        auto now = co_await publishing_->ask_site(false);
        if (now) co_return std::optional<AzureSiteAnswer>{std::move(*now)};
        if (AzureSitePublishing<L>::may_pass(now.error())) co_return std::optional<AzureSiteAnswer>{};
        co_return std::move(now).error();
    }

    /// What the app is to be like with the jobs `after`, of which this one has `variables`.
    result<AzureAppWanted> app_wanted(const AzureManifest& after, const AzureSettings& variables) const {
        auto wanted = azure_app_wanted(options(), place_->settings, there_.manifest, after, id_, variables);
        if (!wanted || place_->is_flex() || after.jobs.empty()) return wanted;
        if (auto fit = want_azure_runtime(*wanted, place_->settings); !fit) return std::move(fit).error();
        return wanted;
    }

    /// Tells of one of the app's jobs.
    FaasDeployment describe(JobId id) const {
        FaasDeployment out;
        out.job_id = id;
        out.function_id = place_->site.name;
        out.endpoint = "https://" + place_->site.host + "/api/" + std::string{azure_function_name};
        out.state = place_->site.is_running() ? DeploymentState::deployed : DeploymentState::failed;
        if (!place_->site.is_running()) out.problem = "the app is " + place_->site.state;
        out.revision = azure_site_digest(there_.manifest);
        if (place_->site.config)
            out.memory_mib = place_->site.config->memory_mib;  // what it has, not what was asked (Z8)
        const auto job = there_.manifest.jobs.find(id);
        if (job == there_.manifest.jobs.end()) return out;
        out.timeout = job->second.timeout;
        out.package_sha256 = job->second.package_sha256;
        out.binary_size_bytes = job->second.binary_bytes;
        return out;
    }

    Error named(Error error) const {
        error.message.insert(0, exchanges_.api().app() + ": ");
        return error;
    }
    Error absent() const {
        return Error{
            .code = errc::not_found,
            .message = exchanges_.api().app() + ": job " + std::to_string(id_.value()) + " is not deployed there",
            .execution = Execution::not_started};
    }

private:
    AzureExchanges<L>& exchanges_;
    const JobId id_;
    std::optional<AzurePlace> place_{};
    AzureStoredManifest there_{};
    std::unique_ptr<AzurePackageStore<L>> packages_{};
    std::unique_ptr<AzureSitePublishing<L>> publishing_{};
    bool made_ = false;  // the app was made by this very operation
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
