#ifndef BLUEPRINT_FAAS_CODEC_GCP_FUNCTIONS_HPP
#define BLUEPRINT_FAAS_CODEC_GCP_FUNCTIONS_HPP

#include "blueprint/faas/codec/concept.hpp"
#include "blueprint/faas/codec/facts.hpp"
#include "blueprint/faas/codec/gcp_calls.hpp"
#include "blueprint/faas/codec/gcp_functions_api.hpp"
#include "blueprint/faas/codec/gcp_options.hpp"
#include "blueprint/faas/codec/impl/function_caller.hpp"
#include "blueprint/faas/codec/impl/gcp_function_deployment.hpp"
#include "blueprint/faas/codec/impl/gcp_function_operations.hpp"
#include "blueprint/faas/codec/payload.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

/// Speaks the API of Cloud Functions v2 ("Cloud Run functions"), which builds a service of a program. `Format` is how a
/// job's bytes travel; bare ones cost nothing. A call's deadline and its metadata reach the job, but for names that
/// begin with "blueprint-". The URL of a job's service is looked up before its first call and kept until it answers
/// 404. Safe to use from all threads.
template <PayloadFormat Format = Binary>
class CloudFunctionCodec {
    using Caller = detail::FunctionCaller<Format, detail::GoogleCalls>;
    using Prepared = typename Caller::Prepared;

public:
    static constexpr std::string_view provider_name = "Google Cloud Functions";
    /// Source: Cloud Run documentation, "Cloud Run quotas and limits" (HTTP/1 requests and responses) and "Deploy a
    /// function"; the metrics are `serve`'s own, but for the request's id.
    static constexpr PlatformFacts facts{.call_bytes = 32U << 20U,
                                         .result_bytes = 32U << 20U,
                                         .metrics = {.execution_duration = true,
                                                     .init_duration = true,
                                                     .cold_start = true,
                                                     .memory_used = true,
                                                     .request_id = true,
                                                     .executed_version = true},
                                         .deploys_by_build = true,
                                         .health_asks_program = true};

    /// Options that cannot work are told by every operation, before anything is sent; `misconfigured()` tells at once.
    explicit CloudFunctionCodec(CloudFunctionOptions options) : state_{std::make_shared<State>(std::move(options))} {}

    const std::optional<Error>& misconfigured() const noexcept { return state_->misconfigured; }
    const CloudFunctionOptions& options() const noexcept { return state_->options; }

    /// Runs the job and waits for its end. Google has no key by which it knows a repeated call: one whose fate is
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

    /// Asks whether the job may be called: the function is there, and the credential has the role of callers.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> check_invoke(L& link, JobId id) {
        if (unmanageable()) co_return *unmanageable();
        Function<L> function{*state_, link, id};
        co_return co_await function.operations.check_invoke();
    }

    /// Puts the job's function in place: uploads the package with a Node.js program that starts it, has Google build
    /// it, which takes minutes, adds callers, and sees that it answers. Only what differs from what is there is
    /// written: the same package and configuration again write nothing. Of two deployments at once one gets
    /// `errc::conflict`.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> deploy_job(L& link, JobId id, const Package& package,
                                                                           const FaasConfig& config,
                                                                           const DeployObserver& observer) {
        if (unmanageable()) co_return *unmanageable();
        Function<L> function{*state_, link, id, observer};
        detail::GoogleFunctionDeployment<L> deployment{function.exchanges, function.functions, package, config};
        std::optional<detail::GoogleAddress> address;
        auto done = co_await deployment.deploy(address);
        if (address) state_->caller.keep(id, std::move(*address));
        co_return done;
    }

    /// Decides as `deploy_job` does, and changes nothing. What an answer would tell first stands as a word:
    /// "UPLOAD_URL".
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<DeployPlan>> plan_deploy(L& link, JobId id, const Package& package,
                                                                        const FaasConfig& config) {
        if (unmanageable()) co_return *unmanageable();
        Function<L> function{*state_, link, id};
        detail::GoogleFunctionDeployment<L> deployment{function.exchanges, function.functions, package, config};
        co_return co_await deployment.plan();
    }

    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> get_deployment(L& link, JobId id) {
        if (unmanageable()) co_return *unmanageable();
        Function<L> function{*state_, link, id};
        auto found = co_await function.operations.needed();
        if (!found) co_return std::move(found).error();
        co_return detail::GoogleFunctions::deployment(id, *found);
    }

    /// Lists the functions that are jobs of this codec's prefix.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::vector<FaasDeployment>>> list_deployments(L& link) {
        if (unmanageable()) co_return *unmanageable();
        const detail::GoogleFunctions functions{state_->api, state_->options};
        co_return co_await detail::list_google_functions(functions, link);
    }

    /// Removes the function with its service; that it is absent is no error.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> undeploy_job(L& link, JobId id) {
        if (unmanageable()) co_return *unmanageable();
        Function<L> function{*state_, link, id};
        auto removed = co_await function.operations.remove();
        if (removed) state_->caller.forget(id);
        co_return removed;
    }

    /// Reads the function's state, and asks the function itself, which runs no job.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Health>> health_check(L& link, JobId id) {
        if (unmanageable()) co_return *unmanageable();
        Function<L> function{*state_, link, id};
        co_return co_await function.operations.health();
    }

    /// Makes as many marked calls at once as keep `instances` busy, at most 100, which `serve` answers without running
    /// a job.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<WarmReport>> warm(L& link, JobId id, std::uint32_t instances) {
        if (misconfigured()) co_return *misconfigured();
        const auto looking_up = look_up();
        auto address = co_await state_->caller.address(link, id, looking_up);
        if (!address) co_return std::move(address).error();
        Function<L> function{*state_, link, id};
        co_return co_await function.exchanges.warm(std::move(*address), instances);
    }

    /// Tells Google's limits, as far as they bind this codec; nothing is asked.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<PlatformDescription>> describe_platform(L&) {
        if (misconfigured()) co_return *misconfigured();
        co_return detail::GoogleFunctions::describe();
    }

private:
    struct State {
        explicit State(CloudFunctionOptions given)
            : options{std::move(given)}, api{options.cloud, options.endpoint}, caller{options.cloud} {
            misconfigured = api.misconfigured() ? api.misconfigured() : caller.calls().misconfigured();
        }
        const CloudFunctionOptions options;
        const detail::GoogleApi api;
        const Caller caller;
        std::optional<Error> misconfigured{};
    };
    // One job's function, as the operations on it begin with.
    template <class L>
    struct Function {
        Function(const State& state, L& link, JobId id, const DeployObserver& observer = nobody)
            : functions{state.api, state.options}, exchanges{state.api, state.caller.calls(), link, id, observer} {}
        Function(const Function&) = delete;
        Function& operator=(const Function&) = delete;

        static inline const DeployObserver nobody{};
        const detail::GoogleFunctions functions;
        detail::GoogleExchanges<L> exchanges;
        detail::GoogleFunctionOperations<L> operations{exchanges, functions};
    };
    struct LookUp {
        template <class L>
        asio::awaitable<result<detail::GoogleAddress>> operator()(L& link, JobId id) const {
            if (state->api.cannot_manage()) co_return *state->api.cannot_manage();
            Function<L> function{*state, link, id};
            co_return co_await function.operations.address();
        }
        std::shared_ptr<const State> state;
    };
    LookUp look_up() const { return LookUp{state_}; }
    const std::optional<Error>& unmanageable() const noexcept {
        return misconfigured() ? misconfigured() : state_->api.cannot_manage();
    }

    std::shared_ptr<const State> state_;
};
static_assert(Codec<CloudFunctionCodec<>>);

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
