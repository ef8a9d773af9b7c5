#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AZURE_REMOVAL_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AZURE_REMOVAL_HPP

#include "blueprint/faas/codec/impl/azure_place.hpp"

#include <string>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// Removes the app and what was made for it. All that it refers to outlives it, and it outlives its awaitables.
template <class L>
class AzureRemoval {
    using Step = DeployProgress::Step;

public:
    explicit AzureRemoval(AzureExchanges<L>& exchanges) noexcept : exchanges_{exchanges}, api_{exchanges.api()} {}
    AzureRemoval(const AzureRemoval&) = delete;
    AzureRemoval& operator=(const AzureRemoval&) = delete;

    /// Removes the app if it was made by us, with the plan, the containers and the storage account that were made for
    /// it; tells whether it did: somebody else's app stays.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<bool>> run() {
        auto site = co_await finder_.find_site();
        if (!site) co_return std::move(site).error();
        if (*site && !(*site)->is_ours()) co_return false;
        std::string account = api_.account();
        if (*site) {
            auto settings = co_await finder_.read_settings();
            if (!settings) co_return std::move(settings).error();
            auto told = AzureApp::store_of(api_, *settings);
            if (told && *told && !api_.account_is_given()) account = (*told)->account;
        }
        const auto plan_id = *site ? (*site)->plan_id : api_.plan_id();
        auto look = api_.get_plan(plan_id);
        auto plan = co_await exchanges_.find(look);
        if (!plan) co_return std::move(plan).error();
        bool plan_is_ours = false;
        if (*plan) {
            auto read = AzureApp::read_plan(**plan);
            if (!read) co_return std::move(read).error();
            plan_is_ours = read->is_ours();
        }
        if (*site) {
            exchanges_.tell(Step::removing_old, "the app " + api_.app());
            auto request = api_.delete_site(plan_is_ours);
            auto gone = co_await remove_what(request);
            if (!gone) co_return std::move(gone).error();
        }
        if (plan_is_ours) {
            auto gone = co_await remove_plan(plan_id);
            if (!gone) co_return std::move(gone).error();
        }
        auto gone = co_await remove_storage(std::move(account));
        if (!gone) co_return std::move(gone).error();
        co_return true;
    }

private:
    // What is gone already was removed as well.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> remove_what(HttpRequest& request) {
        auto done = co_await exchanges_.change(request);
        if (!done && done.error().code == errc::not_found) co_return result<void>{};
        co_return done;
    }
    // It went with its last app, or stays with the others.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> remove_plan(std::string id) {
        auto request = api_.delete_plan(id);
        auto gone = co_await exchanges_.ask(request);
        if (gone || gone.error().code == errc::not_found || gone.error().code == errc::conflict)
            co_return result<void>{};
        co_return std::move(gone).error();
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> remove_storage(std::string name) {
        auto look = api_.get_account(name);
        auto there = co_await exchanges_.find(look);
        if (!there) co_return std::move(there).error();
        if (!*there) co_return result<void>{};
        auto account = AzureApp::read_account(**there);
        if (!account) co_return std::move(account).error();
        auto list = api_.list_containers(name);
        auto answer = co_await exchanges_.ask(list);
        if (!answer) co_return std::move(answer).error();
        auto others = AzureApp::read_other_apps(api_, *answer);
        if (!others) co_return std::move(others).error();
        if (account->is_ours() && !*others) {
            exchanges_.tell(Step::removing_old, "the storage account " + name);
            auto request = api_.delete_account(name);
            co_return co_await remove_what(request);
        }
        for (const auto* container : {&api_.packages_container(), &api_.deployment_container()}) {
            auto request = api_.delete_container(name, *container);
            auto gone = co_await remove_what(request);
            if (!gone) co_return gone;
        }
        co_return result<void>{};
    }

    AzureExchanges<L>& exchanges_;
    const AzureApi& api_;
    AzureFinder<L> finder_{exchanges_};
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
