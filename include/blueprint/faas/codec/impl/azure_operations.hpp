#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AZURE_OPERATIONS_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AZURE_OPERATIONS_HPP

#include "blueprint/faas/codec/impl/azure_caller.hpp"

#include <optional>
#include <string>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// Says by the app's own words whether the job may be called.
BLUEPRINT_FAAS_COLD inline result<void> check_azure_job(const AzureAppAnswer& app, JobId id) {
    const auto job = "job " + std::to_string(id.value());
    if (!app.has(id))
        return Error{.code = errc::not_found,
                     .message = "the app answers, and has no " + job + ": deploy it",
                     .platform_code = "NOT_FOUND",
                     .execution = Execution::not_started};
    if (!app.healthy)
        return Error{.code = errc::infrastructure,
                     .message = "the app says of itself: " + app.words,
                     .execution = Execution::not_started};
    return result<void>{};
}

/// Looks after an app and one of its jobs, from the outside in: the app's state, its host's, the program's own word.
/// All that it refers to outlives it, and it outlives its awaitables.
template <class L>
class AzureHealth {
public:
    AzureHealth(AzureAppExchanges<L>& app, const AzureApi& api, const AzureCalls& calls) noexcept
        : app_{app}, api_{api}, calls_{calls} {}
    AzureHealth(const AzureHealth&) = delete;
    AzureHealth& operator=(const AzureHealth&) = delete;

    /// Absent and unhealthy are answers; only what tells neither is an error.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Health>> of(JobId id) {
        AzureAddress address;
        if (!calls_.given().empty()) {
            address = calls_.given().begin()->second;
        } else {
            auto seen = co_await from_outside(address);
            if (!seen) co_return std::move(seen).error();
            if (*seen) co_return std::move(**seen);
        }
        auto told = co_await app_.ask_app(address);
        if (!told && told.error().http_status == 0) co_return std::move(told).error();
        if (!told) co_return unhealthy(std::move(told).error().message);
        if (!told->has(id))
            co_return Health{.state = HealthState::absent,
                             .reason = "the app answers, and has no job " + std::to_string(id.value())};
        if (!told->healthy)
            co_return Health{.state = HealthState::unhealthy, .reason = "the app says of itself: " + told->words};
        co_return Health{.state = HealthState::healthy, .reason = "the app answers and says that it is healthy"};
    }

private:
    // Nothing but `address` if there is no reason why the app should not answer.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::optional<Health>>> from_outside(AzureAddress& address) {
        auto site = co_await app_.site();
        if (!site) co_return std::move(site).error();
        if (!*site) co_return found(HealthState::absent, azure_app_absent(api_).message);
        const std::string name = "the app " + (*site)->name;
        if (!(*site)->is_running())
            co_return found(HealthState::unhealthy, "Azure says of " + name + ": " + (*site)->state);
        auto url = calls_.given_url() ? result<Url>{*calls_.given_url()} : AzureCalls::function_url_of((*site)->host);
        if (!url) co_return std::move(url).error();
        address.url = std::move(*url);
        auto keys = co_await app_.keys(false);
        if (!keys && keys.error().retryable)
            co_return found(HealthState::deploying, "the host of " + name + " is not up: " + keys.error().message);
        if (!keys) co_return std::move(keys).error();
        const auto master_key = std::move(keys->master_key);
        auto key = app_.key_of(std::move(*keys));
        if (!key) co_return std::move(key).error();
        address.key = std::move(*key);
        if (!AzureCalls::is_key(master_key)) co_return std::optional<Health>{};
        auto host = co_await app_.ask_host(address.url, master_key);
        if (!host && host.error().http_status == 0) co_return std::move(host).error();
        if (!host) co_return std::optional{unhealthy("the host of " + name + ": " + host.error().message)};
        if (host->is_running()) co_return std::optional<Health>{};
        std::string words = "the host of " + name + " says of itself: " + host->state;
        for (const auto& error : host->errors) words += "; " + error;
        co_return found(host->state == "Error" ? HealthState::unhealthy : HealthState::deploying, std::move(words));
    }
    BLUEPRINT_FAAS_COLD static std::optional<Health> found(HealthState state, std::string reason) {
        Health health;
        health.state = state;
        health.reason = std::move(reason);
        return health;
    }
    BLUEPRINT_FAAS_COLD static Health unhealthy(std::string reason) {
        return *found(HealthState::unhealthy, std::move(reason));
    }

    AzureAppExchanges<L>& app_;
    const AzureApi& api_;
    const AzureCalls& calls_;
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
