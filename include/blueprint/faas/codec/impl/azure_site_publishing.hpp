#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AZURE_SITE_PUBLISHING_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AZURE_SITE_PUBLISHING_HPP

#include "blueprint/faas/codec/azure_calls.hpp"
#include "blueprint/faas/codec/azure_publish.hpp"
#include "blueprint/faas/codec/impl/azure_exchanges.hpp"
#include "blueprint/faas/codec/impl/azure_provisioning.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// Where an app takes calls, and with which key.
struct AzureAppAccess {
    std::string host{};  ///< with a port, if it has one
    Secret key{};
};

/// Brings a site to an app, and asks the app itself which one it has. All that it refers to outlives it, and it
/// outlives its awaitables.
template <class L>
class AzureSitePublishing {
    using Step = DeployProgress::Step;

public:
    /// `key`: the app's, if it is known already.
    AzureSitePublishing(AzureExchanges<L>& exchanges, const AzurePlace& place, Secret key)
        : exchanges_{exchanges}, place_{place}, key_{std::move(key)} {}
    AzureSitePublishing(const AzureSitePublishing&) = delete;
    AzureSitePublishing& operator=(const AzureSitePublishing&) = delete;

    static AzurePublishWay way_of(const AzurePlace& place) {
        return place.is_flex() ? AzurePublishWay::one_deploy : AzurePublishWay::zip_deploy;
    }

    /// Has the app's deployment service put the site in place, and waits until that is done.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> publish(std::shared_ptr<const Bytes> zip) {
        auto service = AzurePublish::make(place_.site.scm_host, way_of(place_));
        if (!service) co_return std::move(service).error();
        auto begun = co_await hand_over(*service, std::move(zip));
        if (!begun) co_return std::move(begun).error();
        auto done = co_await watch(*service, std::move(*begun));
        if (!done || place_.is_flex()) co_return done;
        co_return co_await sync_triggers();
    }

    /// Asks the app which site it has. `patient`: its host may be starting, so its keys are waited for.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<AzureSiteAnswer>> ask_site(bool patient) {
        if (key_.empty()) {
            auto keys = co_await exchanges_.host_keys(patient);
            if (!keys) co_return std::move(keys).error();
            key_ = std::move(keys->function_key);
        }
        AzureAddress address;
        auto url = AzureCalls::function_url_of(place_.site.host);
        if (!url) co_return std::move(url).error();
        address.url = std::move(*url);
        address.key = key_;
        auto request = AzureCalls::health_request(address);
        const purpose::Invocation invocation;
        auto answer = co_await exchanges_.link().exchange(request, invocation, Repeat::safe, &judge_site);
        if (answer) co_return read_azure_site_answer(*answer);
        if (answer.error().http_status == 401) key_ = {};  // it may have been renewed
        co_return std::move(answer).error();
    }
    /// Waits until the app has the site with that digest; false: it has got another one meanwhile. `before`: the one it
    /// had, as far as it told. `published`: the site was just brought, so that an app which cannot tell has it, too.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<bool>> has_site(std::string digest, std::string before, bool published) {
        AzurePatience patience{exchanges_.options()};
        for (;;) {
            std::string what_for = "the app has the site before";
            auto now = co_await ask_site(true);
            if (now) {
                if (now->digest == digest || (published && now->digest.empty())) co_return true;
                if (!now->digest.empty() && now->digest != before) co_return false;
            } else if (!may_pass(now.error())) {
                co_return std::move(now).error();
            } else {
                what_for = now.error().message;
            }
            const auto pause = patience.next();
            if (!pause) co_return does_not_answer(now ? std::optional<Error>{} : std::move(now).error());
            exchanges_.tell(Step::waiting, "it does not answer with its new site yet: " + what_for);
            auto waited = co_await exchanges_.wait(*pause, what_for);
            if (!waited) co_return std::move(waited).error();
        }
    }
    /// Tells whether such an answer says only that the app is not up, or has no site yet.
    static bool may_pass(const Error& error) {
        if (error.code == errc::cancelled || error.code == errc::timed_out) return false;
        if (error.code == errc::authentication) return error.http_status == 401 && error.platform_code.empty();
        return error.code != errc::invalid_configuration && error.code != errc::serialization;
    }

    AzureAppAccess access() const { return {.host = place_.site.host, .key = key_}; }

private:
    // What is not up yet is asked again here, with more patience than for one exchange.
    static std::optional<Error> judge_site(const HttpResponse& answer) {
        if (answer.status >= 200 && answer.status < 300) return std::nullopt;
        Error error{.code = errc::infrastructure,
                    .message = "the app answers " + std::to_string(answer.status),
                    .http_status = answer.status,
                    .execution = Execution::not_started};
        switch (answer.status) {
            case 401:
                error.code = errc::authentication;
                error.message += " (its key is not taken)";
                break;
            case 403: error.message += " (it is stopped, or its access restrictions do not let this machine in)"; break;
            case 404: error.message += " (it does not have the function 'run')"; break;
            case 500:
            case 502:
            case 503: error.message += " (its program has not started)"; break;
            default: break;
        }
        return error;
    }
    Error does_not_answer(std::optional<Error> last) const {
        Error error;
        if (last) error = std::move(*last);
        const auto why = error.message.empty() ? std::string{"it still has the one before"} : error.message;
        error.code = errc::invocation_failed;
        error.message =
            "the new site is deployed, and the app does not answer with it: " + why +
            "; its log stream says more. A program has to open its port within 30 s, as serve() does, and to find the "
            "C library that it was built for: link it statically if in doubt";
        error.retryable = false;
        error.execution = Execution::not_started;
        return error;
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::string>> hand_over(const AzurePublish& service,
                                                                       std::shared_ptr<const Bytes> zip) {
        AzurePatience patience{exchanges_.options()};
        for (bool made_container = false;;) {
            auto request = service.publish(zip);
            exchanges_.watch_upload(request, "the site of " + exchanges_.api().app());
            auto answer = co_await exchanges_.ask(request, &AzurePublish::judge_publish);
            if (answer) co_return service.read_begun(*answer);
            Error error = std::move(answer).error();
            auto remedy = AzurePublish::remedy(error);
            // A service that was just made is not known everywhere.
            if (remedy == AzurePublishRemedy::none && place_.made && error.http_status == 404)
                remedy = AzurePublishRemedy::wait_for_service;
            if (remedy == AzurePublishRemedy::none) co_return error;
            if (remedy == AzurePublishRemedy::make_container && !made_container) {
                made_container = true;
                auto made = co_await make_deployment_container(error);
                if (!made) co_return std::move(made).error();
                continue;
            }
            const auto pause = patience.next();
            if (!pause) {
                if (remedy == AzurePublishRemedy::wait_for_service)
                    add_reason(error,
                               "if it stays so, the deployment service of this app is broken: undeploy the app and "
                               "deploy it again");
                co_return error;
            }
            exchanges_.tell(Step::waiting, error.message);
            auto length = *pause;
            if (error.retry_after) length = std::max(length, *error.retry_after);
            auto waited = co_await exchanges_.wait(length, error.message);
            if (!waited) co_return std::move(waited).error();
        }
    }
    // Of an app's own account alone: that of another is for its owner to mend.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> make_deployment_container(Error cause) {
        const auto& url = place_.site.config ? place_.site.config->container_url : std::string{};
        const auto& endpoint = place_.store.endpoint;
        const auto name = !endpoint.empty() && url.starts_with(endpoint) ? url.substr(endpoint.size()) : std::string{};
        if (name.empty() || name.find('/') != std::string::npos) {
            add_reason(cause, "make it, or have the app keep its deployments elsewhere");
            co_return cause;
        }
        exchanges_.tell(Step::waiting, "the container " + name + " for deployments is made");
        auto request = exchanges_.api().put_container(place_.store.account, name);
        co_return co_await exchanges_.change(request);
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> watch(const AzurePublish& service, std::string path) {
        const auto& options = exchanges_.options();
        PollPause pause{options.first_poll, std::min(options.max_poll, options.first_poll * 2)};
        AzurePublishWatch seen;
        for (;;) {
            auto request = service.look(path);
            auto answer = co_await exchanges_.ask(request, &AzurePublish::judge_look);
            auto status =
                answer ? service.read_status(*answer) : result<AzureDeploymentStatus>{std::move(answer).error()};
            auto next = seen.after(status);
            if (!next) {
                Error error = std::move(next).error();
                if (status) co_await add_log(service, std::move(*status), error);
                co_return error;
            }
            if (*next == AzurePublishWatch::Next::done) co_return result<void>{};
            if (*next == AzurePublishWatch::Next::vanished) {
                exchanges_.tell(Step::waiting, "who deployed is gone: the app itself tells whether it is done");
                co_return result<void>{};
            }
            const std::string what_for = status && !status->text.empty() ? status->text : "the site is deployed";
            exchanges_.tell(Step::waiting, what_for);
            auto length = pause.next();
            if (status && status->retry_after) length = std::max(length, *status->retry_after);
            auto waited = co_await exchanges_.wait(length, what_for);
            if (!waited) co_return waited;
        }
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<void> add_log(const AzurePublish& service, AzureDeploymentStatus status,
                                                      Error& error) {
        auto request = service.log(status);
        auto answer = co_await exchanges_.ask(request, &AzurePublish::judge_look);
        const auto log = answer ? AzurePublish::read_log(*answer) : std::string{};
        if (!log.empty()) add_reason(error, "its log: " + log);
    }
    // Zip deployment does not always tell the platform that functions have changed, and the host may be restarting
    // (pitfall 5).
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> sync_triggers() {
        AzurePatience patience{exchanges_.options()};
        for (;;) {
            auto request = exchanges_.api().sync_triggers();
            auto answer = co_await exchanges_.ask(request, &AzureApi::judge_host);
            if (answer) co_return result<void>{};
            Error error = std::move(answer).error();
            const auto pause = patience.next();
            if (!error.retryable || !pause) co_return error;
            exchanges_.tell(Step::waiting, "the platform does not take notice of the functions yet: " + error.message);
            auto waited = co_await exchanges_.wait(*pause, error.message);
            if (!waited) co_return waited;
        }
    }

    AzureExchanges<L>& exchanges_;
    const AzurePlace& place_;
    Secret key_;
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
