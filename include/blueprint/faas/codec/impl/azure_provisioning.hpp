#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AZURE_PROVISIONING_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AZURE_PROVISIONING_HPP

#include "blueprint/faas/codec/impl/azure_place.hpp"
#include "blueprint/faas/codec/impl/azure_removal.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// Has the app and what it needs: resource group, storage account with containers, plan, the app itself, the role of
/// its identity. All that it refers to outlives it, and it outlives its awaitables.
template <class L>
class AzureProvisioning {
    using Step = DeployProgress::Step;

public:
    explicit AzureProvisioning(AzureExchanges<L>& exchanges) noexcept : exchanges_{exchanges}, api_{exchanges.api()} {}
    AzureProvisioning(const AzureProvisioning&) = delete;
    AzureProvisioning& operator=(const AzureProvisioning&) = delete;

    /// Looks whether the app is there; one that cannot run jobs is an error.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::optional<AzurePlace>>> find() { return finder_.find(); }

    /// Makes the app and all that is missing around it. Two who do so at once make the same one.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<AzurePlace>> make(AzureAppWanted wanted) {
        if (!exchanges_.options().create)
            co_return Error{
                .code = errc::not_found,
                .message = "there is no such app, and AzureFunctionsOptions::create does not let it be made",
                .execution = Execution::not_started};
        if (api_.cannot_make()) co_return *api_.cannot_make();
        auto grouped = co_await have_group();
        if (!grouped) co_return std::move(grouped).error();
        auto account = co_await have_account();
        if (!account) co_return std::move(account).error();
        AzureStore told;
        told.account = account->name;
        told.endpoint = account->blob_endpoint;
        auto store = co_await finder_.with_key(std::move(told), account->key_access);
        if (!store) co_return std::move(store).error();
        // The one for deployments has to be there before the first of them (pitfall 6).
        for (const auto* container : {&api_.packages_container(), &api_.deployment_container()}) {
            auto made = co_await make_container(store->account, *container);
            if (!made) co_return std::move(made).error();
        }
        auto planned = co_await have_plan();
        if (!planned) co_return std::move(planned).error();
        auto site = co_await make_site(std::move(wanted), *store);
        if (!site) co_return std::move(site).error();
        if (exchanges_.options().storage_access == AzureStorageAccess::identity) {
            auto allowed = co_await have_role(store->account, site->principal_id);
            if (!allowed) co_return std::move(allowed).error();
        }
        auto settings = co_await finder_.read_settings();
        if (!settings) co_return std::move(settings).error();
        AzurePlace place;
        place.site = std::move(*site);
        place.settings = std::move(*settings);
        place.store = std::move(*store);
        place.made = true;
        co_return place;
    }

    /// Tells what `make` would do, by adding to `plan`.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> plan_making(DeployPlan& plan) {
        if (!exchanges_.options().create || api_.cannot_make()) {
            // It would fail before anything is sent.
            auto refused = co_await make(AzureAppWanted{});
            co_return std::move(refused).error();
        }
        const auto add = [&](const HttpRequest& request, std::string why, bool writes) {
            plan.calls.push_back(planned_azure_call(request, std::move(why), writes));
        };
        const auto& account = api_.account();
        auto look = api_.get_group();
        add(look, "is the resource group there", false);
        auto group = co_await exchanges_.find(look);
        if (!group) co_return std::move(group).error();
        if (!*group) add(api_.put_group(Body{}), "there is no such resource group", true);
        look = api_.get_account(account);
        add(look, "is the storage account there", false);
        auto there = co_await exchanges_.find(look);
        if (!there) co_return std::move(there).error();
        if (!*there) add(api_.put_account(account, Body{}), "there is no such storage account", true);
        if (exchanges_.options().storage_access == AzureStorageAccess::account_key)
            add(api_.list_account_keys(account), "packages are put there with a key", false);
        add(api_.put_container(account, api_.packages_container()), "for the packages of jobs", true);
        add(api_.put_container(account, api_.deployment_container()), "for what the platform deploys", true);
        look = api_.get_plan(api_.plan_id());
        add(look, "is the plan there", false);
        auto found = co_await exchanges_.find(look);
        if (!found) co_return std::move(found).error();
        if (!*found) add(api_.put_plan(Body{}), "there is no such plan", true);
        add(api_.put_site(Body{}), "there is no such app", true);
        add(api_.get_site(), "what became of it", false);
        if (exchanges_.options().storage_access == AzureStorageAccess::identity)
            add(api_.put_role(account, "ROLE", Body{}), "so that the app gets at its storage", true);
        co_return result<void>{};
    }

    /// Makes the container for packages of an app that is there.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> have_container(AzureStore store) {
        auto look = api_.get_account(store.account);
        auto account = co_await exchanges_.find(look);
        if (!account) co_return std::move(account).error();
        if (*account) co_return co_await make_container(store.account, store.container);
        // It is in another resource group, which nobody named: storage itself is asked.
        exchanges_.tell(Step::uploading, "the container " + store.container + " is made for packages");
        auto storage = AzureStorage::make(std::move(store));
        if (!storage) co_return std::move(storage).error();
        auto request = storage->make_container(exchanges_.now());
        auto made = co_await exchanges_.ask_storage(*storage, request);
        if (!made && made.error().platform_code != "ContainerAlreadyExists") co_return std::move(made).error();
        co_return result<void>{};
    }

    /// Names what `apply` would change: "memory", "the setting NAME"; empty: nothing.
    std::vector<std::string> differences(const AzurePlace& place, const AzureAppWanted& wanted) const {
        auto settings = place.settings;
        auto names = AzureApp::change(settings, complete(place, wanted));
        if (place.site.config) {
            auto config = *place.site.config;
            const auto more = AzureApp::change(config, AzureApp::config(api_, wanted, {}));
            names.insert(names.end(), more.begin(), more.end());
        }
        return names;
    }

    /// Changes how the app runs and its settings to what is wanted, as far as they differ; tells whether they did.
    /// Settings that are not ours stay.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<bool>> apply(AzurePlace& place, AzureAppWanted wanted) {
        if (auto other = runs_other(place)) co_return *other;
        const auto all = complete(place, wanted);
        bool changed = false;
        if (place.site.config) {
            auto config = *place.site.config;
            const auto names = AzureApp::change(config, AzureApp::config(api_, wanted, {}));
            if (!names.empty()) {
                exchanges_.tell(Step::waiting, "these of the app are changed: " + joined(names));
                auto request = api_.patch_site(AzureApp::config_body(config));
                auto done = co_await exchanges_.change(request);
                if (!done) co_return std::move(done).error();
                place.site.config = std::move(config);
                changed = true;
            }
        } else {
            auto cleared = co_await clear_linux_version();
            if (!cleared) co_return cleared;
            changed = *cleared;
        }
        auto trial = place.settings;
        if (AzureApp::change(trial, all).empty()) co_return changed;
        // All of them are replaced at once, so what somebody else set meanwhile is read once more.
        auto fresh = co_await finder_.read_settings();
        if (!fresh) co_return std::move(fresh).error();
        place.settings = std::move(*fresh);
        const auto names = AzureApp::change(place.settings, all);
        if (names.empty()) co_return changed;
        exchanges_.tell(Step::waiting, "these of the app are changed: " + joined(names));
        const auto body = AzureApp::settings_body(place.settings);
        auto request = api_.put_settings(body.body());
        auto done = co_await exchanges_.change(request);
        if (!done) co_return std::move(done).error();
        co_return true;
    }

    /// Removes the app if it was made by us, with the plan, the containers and the storage account that were made for
    /// it; tells whether it did: somebody else's app stays.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<bool>> remove() {
        AzureRemoval<L> removal{exchanges_};
        co_return co_await removal.run();
    }

private:
    static std::string joined(const std::vector<std::string>& names) {
        std::string text;
        for (const auto& name : names) text.append(text.empty() ? "" : ", ").append(name);
        return text;
    }

    // Flex Consumption has the first two elsewhere and refuses them here; other plans need them (Z5).
    AzureAppWanted complete(const AzurePlace& place, AzureAppWanted wanted) const {
        if (place.is_flex()) return wanted;
        wanted.settings.insert_or_assign("FUNCTIONS_EXTENSION_VERSION", Secret{"~4"});
        wanted.settings.insert_or_assign("FUNCTIONS_WORKER_RUNTIME", Secret{"custom"});
        return wanted;
    }
    // An app of another language would be broken by what is written for jobs.
    std::optional<Error> runs_other(const AzurePlace& place) const {
        const auto found = place.settings.find("FUNCTIONS_WORKER_RUNTIME");
        if (place.is_flex() || found == place.settings.end() || found->second.reveal() == "custom") return std::nullopt;
        return Error{.code = errc::invalid_configuration,
                     .message = "the app " + api_.app() +
                                " is there and cannot run jobs: its setting FUNCTIONS_WORKER_RUNTIME is not custom; "
                                "name another one in AzureFunctionsOptions::app, or set it",
                     .execution = Execution::not_started};
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> have_group() {
        auto look = api_.get_group();
        auto there = co_await exchanges_.find(look);
        if (!there) co_return std::move(there).error();
        if (*there) co_return result<void>{};
        exchanges_.tell(Step::waiting, "the resource group " + exchanges_.options().resource_group + " is made");
        auto request = api_.put_group(AzureApp::group_body(api_));
        co_return co_await exchanges_.change(request);
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<AzureAccount>> have_account() {
        AzurePatience patience{exchanges_.options()};
        const auto what = "the storage account " + api_.account();
        for (bool made = false;;) {
            auto look = api_.get_account(api_.account());
            auto there = co_await exchanges_.find(look);
            if (!there) co_return std::move(there).error();
            if (*there) {
                auto account = AzureApp::read_account(**there);
                if (!account || is_settled(account->state)) co_return account;
                if (!is_broken(account->state)) {
                    auto waited = co_await wait_for_others(patience, what);
                    if (!waited) co_return std::move(waited).error();
                    continue;
                }
            }
            if (std::exchange(made, true)) co_return vanished(what);
            exchanges_.tell(Step::waiting, "the storage account " + api_.account() + " is made");
            auto request = api_.put_account(api_.account(), AzureApp::account_body(api_));
            auto done = co_await exchanges_.change(request);
            if (!done) co_return std::move(done).error();
        }
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> make_container(std::string account, std::string container) {
        exchanges_.tell(Step::waiting, "the container " + container + " is made");
        auto request = api_.put_container(account, container);
        co_return co_await exchanges_.change(request);
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> have_plan() {
        AzurePatience patience{exchanges_.options()};
        const auto what = "the plan " + api_.plan();
        for (bool made = false;;) {
            auto look = api_.get_plan(api_.plan_id());
            auto there = co_await exchanges_.find(look);
            if (!there) co_return std::move(there).error();
            if (*there) {
                auto plan = AzureApp::read_plan(**there);
                if (!plan) co_return std::move(plan).error();
                if (plan->is_flex() && is_settled(plan->state)) co_return result<void>{};
                if (!plan->is_flex()) co_return no_flex(*plan);
                if (!is_broken(plan->state)) {
                    auto waited = co_await wait_for_others(patience, what);
                    if (!waited) co_return waited;
                    continue;
                }
            }
            if (std::exchange(made, true)) co_return vanished(what);
            exchanges_.tell(Step::waiting, "the plan " + api_.plan() + " is made");
            auto request = api_.put_plan(AzureApp::plan_body(api_));
            auto done = co_await exchanges_.change(request);
            if (!done) co_return done;
        }
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<AzureSite>> make_site(AzureAppWanted wanted, AzureStore store) {
        const auto storage = AzureStorage::make(store);
        if (!storage) co_return storage.error();
        const auto config = AzureApp::config(api_, wanted, storage->container_url(api_.deployment_container()));
        auto settings = std::move(wanted.settings);
        for (auto& [name, value] : AzureApp::storage_settings(store)) settings.insert_or_assign(name, value);
        const auto body = AzureApp::site_body(api_, config, settings);
        exchanges_.tell(Step::waiting, "the app " + api_.app() + " is made");
        auto request = api_.put_site(body.body());
        auto done = co_await exchanges_.change(request);
        if (!done) {
            Error error = std::move(done).error();
            if (error.code == errc::conflict || error.platform_code == "Conflict")
                add_reason(error,
                           "the name of an app is one of all Azure's: name another one in "
                           "AzureFunctionsOptions::app");
            co_return error;
        }
        AzurePatience patience{exchanges_.options()};
        const std::string what_for = "the app is made and not running yet";
        for (;;) {
            auto site = co_await finder_.find_site();
            if (!site) co_return std::move(site).error();
            const bool ready = *site && !(*site)->host.empty() && !(*site)->scm_host.empty() && (*site)->is_running() &&
                               (!needs_identity() || !(*site)->principal_id.empty());
            if (ready) co_return std::move(**site);
            const auto pause = patience.next();
            if (!pause) co_return vanished("the app " + api_.app());
            exchanges_.tell(Step::waiting, what_for);
            auto waited = co_await exchanges_.wait(*pause, what_for);
            if (!waited) co_return std::move(waited).error();
        }
    }
    bool needs_identity() const { return exchanges_.options().storage_access == AzureStorageAccess::identity; }

    // A new identity is not known everywhere at once.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> have_role(std::string account, std::string principal_id) {
        const auto name = AzureApp::role_name(api_.account_id(account), principal_id);
        exchanges_.tell(Step::waiting, "the app is given the role Storage Blob Data Owner on " + account);
        AzurePatience patience{exchanges_.options()};
        for (;;) {
            auto request = api_.put_role(account, name, AzureApp::role_body(api_, principal_id));
            auto done = co_await exchanges_.change(request);
            if (done) co_return done;
            Error error = std::move(done).error();
            if (error.platform_code == "RoleAssignmentExists") co_return result<void>{};
            const auto pause = patience.next();
            if (error.platform_code != "PrincipalNotFound" || !pause) {
                add_reason(error,
                           "whoever deploys needs the right to assign roles, or have somebody give the app's "
                           "identity the role Storage Blob Data Owner on the storage account " +
                               account);
                co_return error;
            }
            auto waited = co_await exchanges_.wait(*pause, error.message);
            if (!waited) co_return waited;
        }
    }

    // One that applies to apps of other plans alone.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<bool>> clear_linux_version() {
        auto look = api_.get_web_config();
        auto answer = co_await exchanges_.ask(look);
        if (!answer) co_return std::move(answer).error();
        auto version = AzureApp::read_linux_version(*answer);
        if (!version) co_return std::move(version).error();
        if (version->empty()) co_return false;
        exchanges_.tell(Step::waiting, "linuxFxVersion of the app is emptied: a custom handler has none");
        auto request = api_.patch_web_config(Body{std::string{R"({"properties":{"linuxFxVersion":""}})"}});
        auto done = co_await exchanges_.change(request);
        if (!done) co_return std::move(done).error();
        co_return true;
    }

    // Somebody else, or an earlier deployment that was broken off, began to make it.
    static bool is_settled(std::string_view state) { return state.empty() || iequals(state, "Succeeded"); }
    static bool is_broken(std::string_view state) { return iequals(state, "Failed") || iequals(state, "Canceled"); }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> wait_for_others(AzurePatience& patience,
                                                                      const std::string& what) {
        const auto pause = patience.next();
        if (!pause) co_return vanished(what);
        exchanges_.tell(Step::waiting, what + " is being made");
        co_return co_await exchanges_.wait(*pause, what);
    }
    Error no_flex(const AzurePlan& plan) const {
        return Error{.code = errc::invalid_configuration,
                     .message = "the plan " + api_.plan() + " is there and is none of Flex Consumption (" + plan.sku +
                                "); name another one in AzureFunctionsOptions::plan",
                     .execution = Execution::not_started};
    }
    // What was just made or seen is not there.
    static Error vanished(std::string what) {
        return Error{.code = errc::infrastructure,
                     .message = std::move(what) + " was made and is not there, or not ready; try again later",
                     .retryable = true,
                     .execution = Execution::not_started};
    }

    AzureExchanges<L>& exchanges_;
    const AzureApi& api_;
    AzureFinder<L> finder_{exchanges_};
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
