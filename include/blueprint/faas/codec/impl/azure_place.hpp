#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AZURE_PLACE_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AZURE_PLACE_HPP

#include "blueprint/faas/codec/impl/azure_exchanges.hpp"

#include <optional>
#include <string>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// An app that is there, and where the packages of its jobs are.
struct AzurePlace {
    AzureSite site{};
    AzurePlan plan{};  ///< read of apps that are not of Flex Consumption alone
    AzureSettings settings{};
    AzureStore store{};  ///< its container may be absent in an app that somebody else made
    bool made = false;   ///< just now: host and roles may not be ready yet
    bool is_flex() const { return site.config.has_value(); }
};

/// Finds the app and where it keeps its storage. All that it refers to outlives it, and it outlives its awaitables.
template <class L>
class AzureFinder {
public:
    explicit AzureFinder(AzureExchanges<L>& exchanges) noexcept : exchanges_{exchanges}, api_{exchanges.api()} {}
    AzureFinder(const AzureFinder&) = delete;
    AzureFinder& operator=(const AzureFinder&) = delete;

    /// Looks whether the app is there; one that cannot run jobs is an error.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::optional<AzurePlace>>> find() {
        AzurePlace place;
        auto site = co_await find_site();
        if (!site) co_return std::move(site).error();
        if (!*site) co_return std::optional<AzurePlace>{};
        place.site = std::move(**site);
        if (auto unfit = place.site.unfit()) co_return *unfit;
        if (!place.is_flex()) {
            auto look = api_.get_plan(place.site.plan_id);
            auto answer = co_await exchanges_.ask(look);
            if (!answer) co_return std::move(answer).error();
            auto plan = AzureApp::read_plan(*answer);
            if (!plan) co_return std::move(plan).error();
            place.plan = std::move(*plan);
        }
        auto settings = co_await read_settings();
        if (!settings) co_return std::move(settings).error();
        place.settings = std::move(*settings);
        auto told = AzureApp::store_of(api_, place.settings);
        if (!told) co_return std::move(told).error();
        auto store = co_await reach(std::move(*told));
        if (!store) co_return std::move(store).error();
        place.store = std::move(*store);
        co_return std::optional<AzurePlace>{std::move(place)};
    }

    /// The app alone, as it is.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::optional<AzureSite>>> find_site() {
        auto look = api_.get_site();
        auto answer = co_await exchanges_.find(look);
        if (!answer) co_return std::move(answer).error();
        if (!*answer) co_return std::optional<AzureSite>{};
        auto site = AzureApp::read_site(**answer);
        if (!site) co_return std::move(site).error();
        co_return std::optional<AzureSite>{std::move(*site)};
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<AzureSettings>> read_settings() {
        auto request = api_.list_settings();
        auto answer = co_await exchanges_.ask(request);
        if (!answer) co_return std::move(answer).error();
        co_return AzureApp::read_settings(*answer);
    }

    /// Completes `store` by the container of packages and, where that is how it is got at, the account's key.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<AzureStore>> with_key(AzureStore store, bool key_access) {
        store.container = api_.packages_container();
        if (exchanges_.options().storage_access == AzureStorageAccess::identity || !store.key.empty()) co_return store;
        if (!key_access)
            co_return Error{.code = errc::invalid_configuration,
                            .message = "the storage account " + store.account +
                                       " takes no keys; set AzureFunctionsOptions::storage_access to identity, or name "
                                       "another account",
                            .execution = Execution::not_started};
        auto request = api_.list_account_keys(store.account);
        auto answer = co_await exchanges_.ask(request);
        if (!answer) co_return std::move(answer).error();
        auto key = AzureApp::read_account_key(*answer);
        if (!key) co_return std::move(key).error();
        store.key = std::move(*key);
        co_return store;
    }

private:
    // Completes what an app's settings tell of its storage. What the options name goes before it.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<AzureStore>> reach(std::optional<AzureStore> told) {
        AzureStore store;
        if (told && (!api_.account_is_given() || told->account == api_.account())) {
            store = std::move(*told);
        } else if (api_.account_is_given()) {
            store.account = api_.account();
        } else {
            co_return Error{.code = errc::invalid_configuration,
                            .message = "the settings of the app " + api_.app() +
                                       " do not tell its storage account; name one in "
                                       "AzureFunctionsOptions::storage_account",
                            .execution = Execution::not_started};
        }
        store.container = api_.packages_container();
        const bool by_key = exchanges_.options().storage_access == AzureStorageAccess::account_key;
        if (!by_key) store.key = Secret{};
        if (!store.endpoint.empty() && (!by_key || !store.key.empty())) co_return store;
        auto look = api_.get_account(store.account);
        auto answer = co_await exchanges_.find(look);
        if (!answer) co_return std::move(answer).error();
        if (!*answer)
            co_return Error{.code = errc::invalid_configuration,
                            .message = "the storage account " + store.account + " is not in the resource group " +
                                       exchanges_.options().resource_group +
                                       "; name one that is in AzureFunctionsOptions::storage_account",
                            .execution = Execution::not_started};
        auto account = AzureApp::read_account(**answer);
        if (!account) co_return std::move(account).error();
        store.endpoint = std::move(account->blob_endpoint);
        co_return co_await with_key(std::move(store), account->key_access);
    }

    AzureExchanges<L>& exchanges_;
    const AzureApi& api_;
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
