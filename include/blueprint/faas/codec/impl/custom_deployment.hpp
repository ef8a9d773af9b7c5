#ifndef BLUEPRINT_FAAS_CODEC_IMPL_CUSTOM_DEPLOYMENT_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_CUSTOM_DEPLOYMENT_HPP

#include "blueprint/faas/codec/custom_protocol.hpp"
#include "blueprint/faas/codec/impl/custom_discovered.hpp"
#include "blueprint/faas/codec/link.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {
class Package;
}

namespace blueprint::faas::detail {

/// Carries out what the custom contract says of one function's deployment (R8), over a link `L`. All that it refers to
/// outlives it, and it outlives its awaitables.
template <class L>
class CustomDeployment {
    using Protocol = CustomProtocol;
    using Route = CustomProtocol::Route;
    using Step = DeployProgress::Step;

public:
    CustomDeployment(const Protocol& protocol, CustomDiscovered& discovered, L& link, JobId id,
                     const DeployObserver& observer) noexcept
        : protocol_{protocol}, discovered_{discovered}, link_{link}, id_{id}, observer_{observer} {}
    CustomDeployment(const CustomDeployment&) = delete;
    CustomDeployment& operator=(const CustomDeployment&) = delete;

    /// Puts the function in place: GET first; the same revision is left alone, an existing function is replaced
    /// (`If-Match: *`), and only a platform that cannot replace comes to `on_conflict`.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> deploy(const Package& package,
                                                                       const FaasConfig& config) {
        auto document = protocol_.write_config(config, package);
        if (!document) co_return document.error();
        auto put = protocol_.deploy_request(id_, package, *document);
        const auto revision = Protocol::revision(package, *document);
        wipe(*document);
        if (!put) co_return put.error();

        tell(Step::checking, protocol_.function_id(id_));
        auto existing = co_await look();
        if (!existing && existing.error().code != errc::not_found) co_return existing.error();
        if (existing && existing->revision == revision && existing->state != DeploymentState::failed) {
            if (existing->state == DeploymentState::deployed) existing->unchanged = true;
            co_return co_await settle(std::move(existing), config, revision);
        }
        const auto on_conflict = protocol_.options().on_conflict;
        const bool may_replace = !protocol_.options().strict_1_0;
        int removals = 0;
        if (existing && may_replace) {
            put->headers.set("If-Match", "*");
        } else if (existing) {  // an upload would be for nothing
            if (on_conflict == OnConflict::fail) co_return exists();
            existing->unchanged = on_conflict == OnConflict::keep;
            if (existing->unchanged) co_return existing;
            auto gone = co_await make_room();
            if (!gone) co_return gone.error();
            ++removals;
        }

        const purpose::ControlPlane management;
        const auto upload = Protocol::describe(package);
        watch_upload(*put, upload);
        for (int round = 0;; ++round) {
            tell(Step::uploading, upload, put->body.size());
            auto answer = co_await link_.exchange(*put, management, Repeat::safe, &Protocol::judge);
            if (answer) {
                auto written = protocol_.read_deployment(*answer, id_);
                co_return co_await settle(std::move(written), config, revision);
            }
            Error error = std::move(answer).error();
            if (error.http_status == 404 || error.http_status == 405 || error.http_status == 501) {
                error.code = errc::unsupported;
                error.message.insert(0, "this platform cannot deploy functions: ");
                co_return error;
            }
            if (error.code != errc::conflict || round == 3) co_return error;
            if (error.http_status == 412) {  // it went away between the look and the upload
                put->headers.erase("If-Match");
                continue;
            }
            auto found = co_await look();
            if (!found && found.error().code != errc::not_found) co_return found.error();
            // A repeated upload meets what its first attempt left; so does one that somebody else was faster with.
            if (found && found->revision == revision) co_return co_await settle(std::move(found), config, revision);
            if (found && may_replace && !put->headers.get("If-Match")) {  // somebody made it meanwhile
                put->headers.set("If-Match", "*");
                continue;
            }
            if (on_conflict == OnConflict::fail) co_return error;
            if (on_conflict == OnConflict::keep) {
                if (!found) continue;
                found->unchanged = true;
                co_return found;
            }
            // Twice, because a platform of 1.0 cannot tell a repeated upload from somebody else's function.
            if (removals == 2) co_return error;
            auto gone = co_await make_room();
            if (!gone) co_return gone.error();
            ++removals;
            put->headers.erase("If-Match");
        }
    }

    /// Reads what is deployed, and keeps the address that the platform names.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> get() {
        auto found = co_await look();
        if (found) remember(*found);
        co_return found;
    }

    /// Removes the function; that it is absent is no error (R16).
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> remove() {
        auto request = protocol_.request(Verb::del, id_, Route::function);
        const purpose::ControlPlane management;
        auto answer = co_await link_.exchange(request, management, Repeat::safe, &Protocol::judge);
        if (!answer && answer.error().code != errc::not_found) co_return answer.error();
        discovered_.forget_endpoint(id_);
        co_return result<void>{};
    }

private:
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> make_room() {
        tell(Step::removing_old, "this platform cannot replace a function in place");
        return remove();
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> look() {
        auto request = protocol_.request(Verb::get, id_, Route::function);
        const purpose::ControlPlane management;
        auto answer = co_await link_.exchange(request, management, Repeat::safe, &Protocol::judge);
        if (!answer) co_return answer.error();
        co_return protocol_.read_deployment(*answer, id_);
    }
    // Waits until the platform has finished, fills in what it did not say from what was asked for, and keeps the
    // address.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> settle(result<FaasDeployment> deployment,
                                                                       const FaasConfig& config,
                                                                       const std::string& revision) {
        std::chrono::milliseconds pause{250};
        while (deployment && deployment->state == DeploymentState::deploying) {
            tell(Step::waiting, "the platform is still deploying");
            auto waited = co_await link_.wait(pause);
            if (!waited) co_return waited.error();
            pause = std::min(pause * 2, std::chrono::milliseconds{5000});
            deployment = co_await look();
        }
        if (!deployment) co_return deployment.error();
        if (deployment->state == DeploymentState::failed) co_return Protocol::failed_deployment(*deployment);
        if (!deployment->memory_mib) deployment->memory_mib = config.memory_mib;
        if (!deployment->timeout) deployment->timeout = config.timeout;
        if (deployment->revision.empty()) deployment->revision = revision;
        remember(*deployment);
        tell(Step::done, deployment->function_id);
        co_return deployment;
    }
    void remember(const FaasDeployment& deployment) {
        if (protocol_.options().job_endpoints.contains(deployment.job_id)) return;
        std::optional<Url> url;
        if (!deployment.endpoint.empty()) url = protocol_.trusted_endpoint(deployment.endpoint);
        if (url) discovered_.set_endpoint(deployment.job_id, std::move(*url));
    }
    void tell(Step step, std::string detail, std::uint64_t bytes_total = 0) {
        if (observer_) observer_(DeployProgress{step, std::move(detail), 0, bytes_total});
    }
    void watch_upload(HttpRequest& put, const std::string& detail) {
        if (!observer_) return;
        put.upload_progress = [&observer = observer_, detail](std::uint64_t sent, std::uint64_t total) {
            observer(DeployProgress{Step::uploading, detail, sent, total});
        };
    }
    Error exists() const {
        return Error{.code = errc::conflict,
                     .message = protocol_.function_id(id_) + " exists already, and OnConflict::fail was asked for",
                     .execution = Execution::not_started};
    }

    const Protocol& protocol_;
    CustomDiscovered& discovered_;
    L& link_;
    JobId id_;
    const DeployObserver& observer_;
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
