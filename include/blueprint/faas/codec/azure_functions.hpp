#ifndef BLUEPRINT_FAAS_CODEC_AZURE_FUNCTIONS_HPP
#define BLUEPRINT_FAAS_CODEC_AZURE_FUNCTIONS_HPP

#include "blueprint/faas/codec/azure_api.hpp"
#include "blueprint/faas/codec/azure_calls.hpp"
#include "blueprint/faas/codec/azure_options.hpp"
#include "blueprint/faas/codec/concept.hpp"
#include "blueprint/faas/codec/facts.hpp"
#include "blueprint/faas/codec/impl/azure_caller.hpp"
#include "blueprint/faas/codec/impl/azure_deployment.hpp"
#include "blueprint/faas/codec/impl/azure_operations.hpp"
#include "blueprint/faas/codec/impl/function_caller.hpp"
#include "blueprint/faas/codec/payload.hpp"
#include "blueprint/faas/package/azure_site.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

/// Speaks the API of Azure Functions: one app runs all jobs, each as a program of its own behind a custom handler.
/// `Format` is how a job's bytes travel; bare ones cost nothing. A call's deadline and its metadata reach the job, but
/// for names that begin with "blueprint-". Where the app is and its key are looked up before the first call, and kept
/// until it answers 404, or does not take the key. Azure gives a call 230 s at most, whatever its timeout is. Safe to
/// use from all threads.
template <PayloadFormat Format = Binary>
class AzureFunctionsCodec {
    using Caller = detail::FunctionCaller<Format, detail::AzureCalls>;
    using Prepared = typename Caller::Prepared;

public:
    static constexpr std::string_view provider_name = "Azure Functions";
    /// Source: Azure Functions documentation, "Azure Functions HTTP trigger", "Limits"; the metrics are `serve`'s own.
    static constexpr PlatformFacts facts{.call_bytes = detail::azure_request_bytes,
                                         .result_bytes = detail::azure_request_bytes,
                                         .metrics = {.execution_duration = true,
                                                     .init_duration = true,
                                                     .cold_start = true,
                                                     .memory_used = true,
                                                     .request_id = true,
                                                     .executed_version = true},
                                         .one_app_for_all_jobs = true,
                                         .health_asks_program = true};

    /// Options that cannot work are told by every operation, before anything is sent; `misconfigured()` tells at once.
    /// `environment` tells the time, and outlives the codec.
    explicit AzureFunctionsCodec(AzureFunctionsOptions options, const Environment& environment = Environment::process())
        : state_{std::make_shared<State>(std::move(options), environment)} {}

    const std::optional<Error>& misconfigured() const noexcept { return state_->misconfigured; }
    const AzureFunctionsOptions& options() const noexcept { return state_->api.options(); }

    /// Runs the job and waits for its end. Azure has no key by which it knows a repeated call: one whose fate is
    /// unknown is sent again only if it is idempotent.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Invocation>> invoke(L& link, const JobCall& call) {
        if (misconfigured()) co_return *misconfigured();
        const auto looking_up = look_up();
        co_return co_await state_->caller.invoke(link, call, looking_up);
    }
    /// Writes the call down for who makes the exchange: see `CanPrepare`.
    template <class L>
    Prepared prepare(L& link, const JobCall& call) const {
        if (misconfigured()) return {};
        return state_->caller.prepare(link, call);
    }

    /// Asks whether the job may be called: the app answers to the key, and has the job.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> check_invoke(L& link, JobId id) {
        if (misconfigured()) co_return *misconfigured();
        const auto looking_up = look_up();
        App<L> app{*state_, link};
        for (bool again = false;; again = true) {
            auto address = co_await state_->caller.address(link, id, looking_up);
            if (!address) co_return std::move(address).error();
            auto told = co_await app.exchanges.ask_app(*address);
            if (told) co_return detail::check_azure_job(*told, id);
            if (again || !state_->caller.outdated(id, *address, told.error())) co_return std::move(told).error();
        }
    }

    /// Puts the job in place beside the other jobs of its app: makes what is missing (resource group, storage, plan,
    /// app), keeps the package in the app's storage, publishes a site of all jobs' packages, and sees that the app
    /// answers with it. Only what differs from what is there is written: the same package and configuration again write
    /// nothing. Of two deployments at once both jobs end up in the site. `errc::invalid_configuration` of a timeout
    /// above 230 s, or a memory that Azure does not have (Z8).
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> deploy_job(L& link, JobId id, const Package& package,
                                                                           const FaasConfig& config,
                                                                           const DeployObserver& observer) {
        if (unmanageable()) co_return *unmanageable();
        App<L> app{*state_, link, observer};
        detail::AzureDeployment<L> deployment{app.management, id};
        std::optional<detail::AzureAppAccess> access;
        auto done = co_await deployment.deploy(package, config, access);
        if (access) keep(std::move(*access));
        co_return done;
    }

    /// Decides as `deploy_job` does, and changes nothing. What an answer would tell first stands as a word: "STORAGE".
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<DeployPlan>> plan_deploy(L& link, JobId id, const Package& package,
                                                                        const FaasConfig& config) {
        if (unmanageable()) co_return *unmanageable();
        App<L> app{*state_, link};
        detail::AzureDeployment<L> deployment{app.management, id};
        co_return co_await deployment.plan(package, config);
    }

    /// Tells what the app's manifest says of the job, and the memory that its instances have (Z8).
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> get_deployment(L& link, JobId id) {
        if (unmanageable()) co_return *unmanageable();
        App<L> app{*state_, link};
        detail::AzureDeployment<L> deployment{app.management, id};
        co_return co_await deployment.get();
    }

    /// Lists the jobs of the app; none if there is no app.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::vector<FaasDeployment>>> list_deployments(L& link) {
        if (unmanageable()) co_return *unmanageable();
        App<L> app{*state_, link};
        detail::AzureDeployment<L> deployment{app.management, JobId{0U}};
        co_return co_await deployment.list();
    }

    /// Takes the job out of the app, which goes on with the others; that it is absent is no error. With the last one
    /// goes the app, and what was made for it. An app that somebody else made stays.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> undeploy_job(L& link, JobId id) {
        if (unmanageable()) co_return *unmanageable();
        App<L> app{*state_, link};
        detail::AzureDeployment<L> deployment{app.management, id};
        auto removed = co_await deployment.remove();
        if (removed) state_->caller.forget(id);  // the app may be gone with it
        co_return removed;
    }

    /// Reads the app's state and its host's, and asks the app itself, which runs no job.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Health>> health_check(L& link, JobId id) {
        if (misconfigured()) co_return *misconfigured();
        App<L> app{*state_, link};
        detail::AzureHealth<L> health{app.exchanges, state_->api, state_->caller.calls()};
        co_return co_await health.of(id);
    }

    /// Makes as many marked calls at once as keep `instances` busy, at most 100, which `serve` answers without running
    /// a job.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<WarmReport>> warm(L& link, JobId id, std::uint32_t instances) {
        if (misconfigured()) co_return *misconfigured();
        const auto looking_up = look_up();
        App<L> app{*state_, link};
        for (bool again = false;; again = true) {
            auto address = co_await state_->caller.address(link, id, looking_up);
            if (!address) co_return std::move(address).error();
            auto report = co_await app.exchanges.warm(*address, instances);
            if (report || again || !state_->caller.outdated(id, *address, report.error())) co_return report;
        }
    }

    /// Tells Azure's limits, as far as they bind this codec; nothing is asked.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<PlatformDescription>> describe_platform(L&) {
        if (misconfigured()) co_return *misconfigured();
        co_return detail::AzureCalls::describe(detail::azure_site_bytes);
    }

private:
    struct State {
        State(AzureFunctionsOptions options, const Environment& world)
            : api{std::move(options)}, caller{api.options()}, environment{world} {
            misconfigured = api.misconfigured() ? api.misconfigured() : caller.calls().misconfigured();
        }
        const detail::AzureApi api;
        const Caller caller;
        const Environment& environment;
        std::optional<Error> misconfigured{};
    };
    // The app, as the operations on it begin with.
    template <class L>
    struct App {
        App(const State& state, L& link, const DeployObserver& observer = nobody)
            : management{state.api, link, observer, state.environment}, exchanges{management, state.caller.calls()} {}
        App(const App&) = delete;
        App& operator=(const App&) = delete;

        static inline const DeployObserver nobody{};
        detail::AzureExchanges<L> management;
        detail::AzureAppExchanges<L> exchanges;
    };
    struct LookUp {
        template <class L>
        asio::awaitable<result<detail::AzureAddress>> operator()(L& link, JobId id) const {
            App<L> app{*state, link};
            co_return co_await app.exchanges.look_up(state->caller.remembered(id));
        }
        std::shared_ptr<const State> state;
    };
    void keep(detail::AzureAppAccess access) const {
        auto url = detail::AzureCalls::function_url_of(access.host);
        if (!url || !detail::AzureCalls::is_key(access.key)) return;
        const auto& calls = state_->caller.calls();
        state_->caller.keep(JobId{0U}, {.url = calls.given_url() ? *calls.given_url() : std::move(*url),
                                        .key = calls.given_key().empty() ? std::move(access.key) : calls.given_key()});
    }
    LookUp look_up() const { return LookUp{state_}; }
    const std::optional<Error>& unmanageable() const noexcept {
        return misconfigured() ? misconfigured() : state_->api.cannot_manage();
    }

    std::shared_ptr<const State> state_;
};
static_assert(Codec<AzureFunctionsCodec<>>);

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
