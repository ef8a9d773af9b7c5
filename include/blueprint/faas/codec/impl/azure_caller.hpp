#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AZURE_CALLER_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AZURE_CALLER_HPP

#include "blueprint/faas/codec/azure_calls.hpp"
#include "blueprint/faas/codec/impl/azure_exchanges.hpp"
#include "blueprint/faas/codec/impl/warm_calls.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// The error of an app that is not there.
BLUEPRINT_FAAS_COLD inline Error azure_app_absent(const AzureApi& api) {
    return Error{.code = errc::not_found,
                 .message = "there is no function app " + api.app() + " in the resource group " +
                            api.options().resource_group +
                            "; deploy a job first, and check subscription, resource group, prefix and app",
                 .platform_code = "ResourceNotFound",
                 .execution = Execution::not_started};
}

/// What goes to the app itself and not to Azure's management API: finding out where that is and with which key, and
/// what is asked there beside calls. All that it refers to outlives it, and it outlives its awaitables.
template <class L>
class AzureAppExchanges {
public:
    AzureAppExchanges(AzureExchanges<L>& exchanges, const AzureCalls& calls) noexcept
        : exchanges_{exchanges}, calls_{calls} {}
    AzureAppExchanges(const AzureAppExchanges&) = delete;
    AzureAppExchanges& operator=(const AzureAppExchanges&) = delete;

    /// Finds out where calls go and with which key: what the options do not say is asked for, one request each (Z2).
    /// `remembered`: where they went until now, with a key that was refused.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<AzureAddress>> look_up(std::optional<AzureAddress> remembered) {
        AzureAddress address;
        if (calls_.given_url()) {
            address.url = *calls_.given_url();
        } else if (remembered) {
            address.url = std::move(remembered->url);
        } else {
            auto site = co_await this->site();
            if (!site) co_return std::move(site).error();
            if (!*site) co_return azure_app_absent(exchanges_.api());
            auto url = AzureCalls::function_url_of((*site)->host);
            if (!url) co_return std::move(url).error();
            address.url = std::move(*url);
        }
        if (!calls_.given_key().empty()) {
            address.key = calls_.given_key();
            co_return address;
        }
        auto keys = co_await this->keys(true);
        if (!keys) co_return std::move(keys).error();
        auto key = key_of(std::move(*keys));
        if (!key) co_return std::move(key).error();
        address.key = std::move(*key);
        co_return address;
    }
    /// Reads the app; nothing if there is none.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::optional<AzureSite>>> site() {
        if (exchanges_.api().cannot_manage()) co_return *exchanges_.api().cannot_manage();
        auto request = exchanges_.api().get_site();
        auto answer = co_await exchanges_.find(request);
        if (!answer) co_return std::move(answer).error();
        if (!*answer) co_return std::optional<AzureSite>{};
        auto site = AzureApp::read_site(**answer);
        if (!site) co_return std::move(site).error();
        co_return std::optional<AzureSite>{std::move(*site)};
    }
    /// Reads the app's keys. `patient`: an app that has no instance at the moment starts one for this, which is waited
    /// for; else that is an error which is retryable.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<AzureHostKeys>> keys(bool patient) {
        if (exchanges_.api().cannot_manage()) co_return *exchanges_.api().cannot_manage();
        co_return co_await exchanges_.host_keys(patient);
    }
    /// The key that calls go with.
    result<Secret> key_of(AzureHostKeys keys) const {
        if (!calls_.given_key().empty()) return calls_.given_key();
        if (AzureCalls::is_key(keys.function_key)) return std::move(keys.function_key);
        return Error{.code = errc::serialization,
                     .message = "the app " + exchanges_.api().app() +
                                " has no key named `default` for its functions; make one, or give "
                                "AzureFunctionsOptions::function_key",
                     .execution = Execution::not_started};
    }

    /// Asks the app's program, which runs no job.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<AzureAppAnswer>> ask_app(const AzureAddress& address) {
        auto request = AzureCalls::health_request(address);
        auto answer = co_await ask(request);
        if (!answer) co_return std::move(answer).error();
        co_return AzureCalls::read_app(*answer);
    }
    /// Asks the host that runs the program.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<AzureHostStatus>> ask_host(const Url& function,
                                                                          const Secret& master_key) {
        auto request = AzureCalls::host_status_request(function, master_key);
        auto answer = co_await ask(request);
        if (!answer) co_return std::move(answer).error();
        co_return AzureCalls::read_host_status(*answer);
    }

    /// Makes as many marked calls at once as keep `wanted` instances busy, at most 100, and counts the instances that
    /// answered.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<WarmReport>> warm(const AzureAddress& address, std::uint32_t wanted) {
        WarmReport report;
        const auto number = warming_calls(wanted, exchanges_.options().instance_concurrency, report);
        auto request = calls_.warm_request(address);
        auto warming = warm_at_once(exchanges_.link(), std::move(request), std::string{}, number, &AzureCalls::judge,
                                    &AzureCalls::read_warmed, std::move(report));
        co_return co_await std::move(warming);
    }

private:
    BLUEPRINT_FAAS_COLD asio::awaitable<result<HttpResponse>> ask(HttpRequest& request) {
        const purpose::Invocation with_key{};
        return exchanges_.link().exchange(request, with_key, Repeat::safe, &AzureCalls::judge);
    }

    AzureExchanges<L>& exchanges_;
    const AzureCalls& calls_;
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
