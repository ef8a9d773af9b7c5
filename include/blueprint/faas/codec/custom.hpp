#ifndef BLUEPRINT_FAAS_CODEC_CUSTOM_HPP
#define BLUEPRINT_FAAS_CODEC_CUSTOM_HPP

#include "blueprint/faas/codec/concept.hpp"
#include "blueprint/faas/codec/custom_protocol.hpp"
#include "blueprint/faas/codec/payload.hpp"

#include <algorithm>
#include <chrono>
#include <concepts>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas {

/// The contract's lifecycle paths: every operation exists.
struct LifecycleLayout {};
/// `POST {base}/job/{id}` and nothing else, as the original's client had it: jobs run and health is asked; deploying,
/// warming, reading and removing do not exist.
struct BareLayout {};

/// Speaks the custom HTTP contract, 1.0 with what 1.1 adds harmlessly. `Format` is how bytes are written. Safe to use
/// from all threads.
template <PayloadFormat Format = JsonBytes, class Layout = LifecycleLayout>
    requires(std::same_as<Layout, LifecycleLayout> || std::same_as<Layout, BareLayout>)
class CustomCodec {
    static constexpr bool bare = std::same_as<Layout, BareLayout>;
    using Route = detail::CustomProtocol::Route;

public:
    static constexpr std::string_view provider_name = "Custom HTTP FaaS";

    /// Options that cannot work are told by every operation, before anything is sent; `misconfigured()` tells at once.
    explicit CustomCodec(CustomOptions options)
        : protocol_{std::make_shared<const detail::CustomProtocol>(std::move(options))},
          endpoints_{std::make_unique<Endpoints>()} {}

    const std::optional<Error>& misconfigured() const noexcept { return protocol_->misconfigured(); }

    template <class L>
    asio::awaitable<result<Invocation>> invoke(L& link, const JobCall& call) {
        if (misconfigured()) co_return *misconfigured();
        HttpRequest request;
        request.verb = Verb::post;
        request.max_response_bytes = protocol_->options().max_body_bytes;
        const auto named = endpoints_->find(call.job_id);
        auto url = named ? *named : protocol_->invoke_url(call.job_id, bare);
        request.origin = std::move(url.origin);
        request.target = std::move(url.target);
        const auto audience = to_string(request.origin) + request.target;
        protocol_->add_call_headers(request, call, link.deadline());
        auto body = write_call(request, call);
        if (auto too_long = protocol_->check_size(call.job_id, body.size())) co_return std::move(*too_long);
        request.body = std::move(body);
        const auto repeat = call.idempotent ? Repeat::safe : Repeat::if_unsent;
        const purpose::Invocation purpose{audience};
        auto answer = co_await link.exchange(request, purpose, repeat, &detail::CustomProtocol::judge);
        if (!answer) {
            if (named && answer.error().http_status == 404) endpoints_->forget(call.job_id);
            co_return answer.error();
        }
        co_return protocol_->read_invocation(*answer, call.job_id);
    }

    /// GET first: the same revision is left alone, an existing function is replaced (`If-Match: *`), and only a
    /// platform that cannot replace comes to `on_conflict`.
    template <class L>
    asio::awaitable<result<FaasDeployment>> deploy_job(L& link, JobId id, const Package& package,
                                                       const FaasConfig& config, const DeployObserver& observer)
        requires(!bare)
    {
        using Step = DeployProgress::Step;
        if (misconfigured()) co_return *misconfigured();
        auto document = protocol_->write_config(config, package);
        if (!document) co_return document.error();
        auto put = protocol_->deploy_request(id, package, *document);
        const auto revision = detail::CustomProtocol::revision(package, *document);
        detail::wipe(*document);
        if (!put) co_return put.error();

        tell(observer, Step::checking, protocol_->function_id(id));
        auto existing = co_await look(link, id);
        if (!existing && existing.error().code != errc::not_found) co_return existing.error();
        if (existing && existing->revision == revision) {
            if (existing->state == DeploymentState::deployed) existing->unchanged = true;
            co_return co_await settle(link, id, std::move(existing), config, revision, observer);
        }
        if (existing) put->headers.set("If-Match", "*");

        const purpose::ControlPlane management;
        bool removed = false;
        for (int round = 0;; ++round) {
            tell(observer, Step::uploading, detail::CustomProtocol::describe(package));
            auto answer = co_await link.exchange(*put, management, Repeat::safe, &detail::CustomProtocol::judge);
            if (answer) {
                auto written = protocol_->read_deployment(*answer, id);
                co_return co_await settle(link, id, std::move(written), config, revision, observer);
            }
            const auto& error = answer.error();
            if (error.http_status == 404 || error.http_status == 405 || error.http_status == 501) {
                auto unsupported = error;
                unsupported.code = errc::unsupported;
                unsupported.message = "this platform cannot deploy functions: " + error.message;
                co_return unsupported;
            }
            if (error.code != errc::conflict || round == 3) co_return error;
            if (error.http_status == 412) {  // it went away between the look and the upload
                put->headers.erase("If-Match");
                continue;
            }
            auto found = co_await look(link, id);
            if (!found && found.error().code != errc::not_found) co_return found.error();
            // A repeated upload meets what its first attempt left; so does one that somebody else was faster with.
            if (found && found->revision == revision)
                co_return co_await settle(link, id, std::move(found), config, revision, observer);
            if (found && !put->headers.get("If-Match")) {  // somebody made it meanwhile
                put->headers.set("If-Match", "*");
                continue;
            }
            switch (protocol_->options().on_conflict) {
                case OnConflict::fail: co_return error;
                case OnConflict::keep:
                    if (!found) continue;
                    found->unchanged = true;
                    co_return found;
                case OnConflict::recreate: break;
            }
            if (removed) co_return error;
            tell(observer, Step::removing_old, "this platform cannot replace a function in place");
            auto gone = co_await undeploy_job(link, id);
            if (!gone) co_return gone.error();
            removed = true;
            put->headers.erase("If-Match");
        }
    }

    template <class L>
    asio::awaitable<result<Health>> health_check(L& link, JobId id) {
        if (misconfigured()) co_return *misconfigured();
        auto request = protocol_->request(bare ? Verb::head : Verb::get, id, Route::health);
        if constexpr (bare) {
            auto url = protocol_->invoke_url(id, true);
            request.origin = std::move(url.origin);
            request.target = std::move(url.target);
        }
        const purpose::ControlPlane management;
        const auto judge = [](const HttpResponse& answer) -> std::optional<Error> {
            if (answer.status == 404 || answer.status == 503 || (bare && answer.status == 405)) return std::nullopt;
            return detail::CustomProtocol::judge(answer);
        };
        auto answer = co_await link.exchange(request, management, Repeat::safe, judge);
        if (!answer) co_return answer.error();
        if constexpr (bare) {
            if (answer->status != 404 && answer->status != 503) {
                Health health;
                health.state = HealthState::healthy;
                health.reason = "the address is reachable; a bare platform tells no more";
                co_return health;
            }
        }
        co_return protocol_->read_health(*answer);
    }

    template <class L>
    asio::awaitable<result<WarmReport>> warm(L& link, JobId id, std::uint32_t instances)
        requires(!bare)
    {
        if (misconfigured()) co_return *misconfigured();
        auto request = protocol_->request(Verb::post, id, Route::warm);
        request.headers.set("Content-Type", "application/json");
        request.body = "{\"instances\":" + std::to_string(instances) + '}';
        const purpose::ControlPlane management;
        const auto judge = [](const HttpResponse& answer) -> std::optional<Error> {
            auto error = detail::CustomProtocol::judge(answer);
            const bool no_function = answer.status == 404 && error->platform_code == "NOT_FOUND";
            if (answer.status == 405 || answer.status == 501 || (answer.status == 404 && !no_function))
                return std::nullopt;
            return error;
        };
        auto answer = co_await link.exchange(request, management, Repeat::safe, judge);
        if (!answer) co_return answer.error();
        co_return protocol_->read_warm(*answer, instances);
    }

    template <class L>
    asio::awaitable<result<FaasDeployment>> get_deployment(L& link, JobId id)
        requires(!bare)
    {
        if (misconfigured()) co_return *misconfigured();
        auto found = co_await look(link, id);
        if (found) remember(*found);
        co_return found;
    }

    template <class L>
    asio::awaitable<result<void>> undeploy_job(L& link, JobId id)
        requires(!bare)
    {
        if (misconfigured()) co_return *misconfigured();
        auto request = protocol_->request(Verb::del, id, Route::function);
        const purpose::ControlPlane management;
        auto answer = co_await link.exchange(request, management, Repeat::safe, &detail::CustomProtocol::judge);
        if (!answer && answer.error().code != errc::not_found) co_return answer.error();
        endpoints_->forget(id);
        co_return result<void>{};
    }

private:
    // Addresses that the platform named, by job. A lock, because several operations run at once.
    class Endpoints {
    public:
        std::optional<detail::Url> find(JobId id) {
            const std::lock_guard lock{mutex_};
            const auto found = urls_.find(id);
            if (found == urls_.end()) return std::nullopt;
            return found->second;
        }
        void set(JobId id, detail::Url url) {
            const std::lock_guard lock{mutex_};
            urls_.insert_or_assign(id, std::move(url));
        }
        void forget(JobId id) {
            const std::lock_guard lock{mutex_};
            urls_.erase(id);
        }

    private:
        std::mutex mutex_;
        std::map<JobId, detail::Url> urls_;
    };

    static std::string write_call(HttpRequest& request, const JobCall& call) {
        std::string body;
        if constexpr (Format::is_json) {
            request.headers.set("Content-Type", "application/json");
            if constexpr (std::same_as<Format, Base64Json>) request.headers.set("X-Blueprint-Bytes", "base64");
            body = "{\"job_id\":" + std::to_string(call.job_id.value()) + ",\"args\":";
            Format::append(body, call.args);
            body += '}';
        } else {
            request.headers.set("Content-Type", "application/octet-stream");
            request.headers.set("X-Blueprint-Job-Id", std::to_string(call.job_id.value()));
            Format::append(body, call.args);
        }
        return body;
    }
    static void tell(const DeployObserver& observer, DeployProgress::Step step, std::string detail) {
        if (observer) observer(DeployProgress{step, std::move(detail)});
    }
    template <class L>
    asio::awaitable<result<FaasDeployment>> look(L& link, JobId id) {
        auto request = protocol_->request(Verb::get, id, Route::function);
        const purpose::ControlPlane management;
        auto answer = co_await link.exchange(request, management, Repeat::safe, &detail::CustomProtocol::judge);
        if (!answer) co_return answer.error();
        co_return protocol_->read_deployment(*answer, id);
    }
    void remember(const FaasDeployment& deployment) {
        if (protocol_->options().job_endpoints.contains(deployment.job_id)) return;
        std::optional<detail::Url> url;
        if (!deployment.endpoint.empty()) url = protocol_->trusted_endpoint(deployment.endpoint);
        if (url) endpoints_->set(deployment.job_id, std::move(*url));
    }
    // Waits until the platform has finished, fills in what it did not say from what was asked for, and keeps the
    // address.
    template <class L>
    asio::awaitable<result<FaasDeployment>> settle(L& link, JobId id, result<FaasDeployment> deployment,
                                                   const FaasConfig& config, const std::string& revision,
                                                   const DeployObserver& observer) {
        std::chrono::milliseconds pause{250};
        while (deployment && deployment->state == DeploymentState::deploying) {
            tell(observer, DeployProgress::Step::waiting, "the platform is still deploying");
            auto waited = co_await link.wait(pause);
            if (!waited) co_return waited.error();
            pause = std::min(pause * 2, std::chrono::milliseconds{5000});
            deployment = co_await look(link, id);
        }
        if (!deployment) co_return deployment.error();
        if (!deployment->memory_mib) deployment->memory_mib = config.memory_mib;
        if (!deployment->timeout) deployment->timeout = config.timeout;
        if (deployment->revision.empty()) deployment->revision = revision;
        remember(*deployment);
        tell(observer, DeployProgress::Step::done, deployment->function_id);
        co_return deployment;
    }

    std::shared_ptr<const detail::CustomProtocol> protocol_;
    std::unique_ptr<Endpoints> endpoints_;
};
static_assert(Codec<CustomCodec<>>);

}  // namespace blueprint::faas

#endif
