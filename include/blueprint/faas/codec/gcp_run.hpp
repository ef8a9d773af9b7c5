#ifndef BLUEPRINT_FAAS_CODEC_GCP_RUN_HPP
#define BLUEPRINT_FAAS_CODEC_GCP_RUN_HPP

#include "blueprint/faas/codec/concept.hpp"
#include "blueprint/faas/codec/facts.hpp"
#include "blueprint/faas/codec/gcp_calls.hpp"
#include "blueprint/faas/codec/gcp_options.hpp"
#include "blueprint/faas/codec/gcp_run_control.hpp"
#include "blueprint/faas/codec/impl/function_caller.hpp"
#include "blueprint/faas/codec/impl/gcp_run_deployment.hpp"
#include "blueprint/faas/codec/impl/gcp_run_operations.hpp"
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

/// Speaks the API of Cloud Run, which runs a program as it is, without a build, or a container image of the user's own.
/// `Format` is how a job's bytes travel; bare ones cost nothing. A call's deadline and its metadata reach the job, but
/// for names that begin with "blueprint-". The URL of a job's service is looked up before its first call and kept until
/// it answers 404. Safe to use from all threads.
template <PayloadFormat Format = Binary>
class CloudRunCodec {
    using Caller = detail::FunctionCaller<Format, detail::GoogleCalls>;
    using Prepared = typename Caller::Prepared;

public:
    static constexpr std::string_view provider_name = "Google Cloud Run";
    /// Source: Cloud Run documentation, "Cloud Run quotas and limits" (HTTP/1 requests and responses); the
    /// metrics are `serve`'s own, but for the request's id.
    static constexpr PlatformFacts facts{.call_bytes = 32U << 20U,
                                         .result_bytes = 32U << 20U,
                                         .metrics = {.execution_duration = true,
                                                     .init_duration = true,
                                                     .cold_start = true,
                                                     .memory_used = true,
                                                     .request_id = true,
                                                     .executed_version = true},
                                         .health_asks_program = true};

    /// Options that cannot work are told by every operation, before anything is sent; `misconfigured()` tells at once.
    /// `environment` tells the time, and outlives the codec.
    explicit CloudRunCodec(CloudRunOptions options, const Environment& environment = Environment::process())
        : state_{std::make_shared<State>(std::move(options), environment)} {}

    const std::optional<Error>& misconfigured() const noexcept { return state_->misconfigured; }
    const CloudRunOptions& options() const noexcept { return state_->control.options(); }

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

    /// Asks whether the job may be called: the service is there, and the credential has the role of callers.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> check_invoke(L& link, JobId id) {
        if (unmanageable()) co_return *unmanageable();
        Service<L> service{*state_, link, id};
        co_return co_await service.operations.check_invoke();
    }

    /// Puts the job's service in place: uploads the package to a bucket, makes a revision that runs it, sends all calls
    /// there once it is ready, adds callers, and sees that it answers. Only what differs from what is there is written:
    /// the same package and configuration again write nothing. A revision that cannot start is told with its own
    /// reason, and callers keep the one before. Of two deployments at once one gets `errc::conflict`.
    /// With `CloudRunOptions::image` that image is what runs: `package` may be any and is neither checked nor uploaded.
    /// The image is known by its name alone, so name it by its digest ("...@sha256:...") to have a new one deployed.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> deploy_job(L& link, JobId id, const Package& package,
                                                                           const FaasConfig& config,
                                                                           const DeployObserver& observer) {
        if (unmanageable()) co_return *unmanageable();
        Service<L> service{*state_, link, id, observer};
        detail::CloudRunDeployment<L> deployment{service.exchanges, state_->control, package, config,
                                                 state_->environment};
        std::optional<detail::GoogleAddress> address;
        auto done = co_await deployment.deploy(address);
        if (address) state_->caller.keep(id, std::move(*address));
        co_return done;
    }

    /// Decides as `deploy_job` does, and changes nothing. What an answer would tell first stands as a word: "OBJECT".
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<DeployPlan>> plan_deploy(L& link, JobId id, const Package& package,
                                                                        const FaasConfig& config) {
        if (unmanageable()) co_return *unmanageable();
        Service<L> service{*state_, link, id};
        detail::CloudRunDeployment<L> deployment{service.exchanges, state_->control, package, config,
                                                 state_->environment};
        co_return co_await deployment.plan();
    }

    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> get_deployment(L& link, JobId id) {
        if (unmanageable()) co_return *unmanageable();
        Service<L> service{*state_, link, id};
        auto found = co_await service.operations.needed();
        if (!found) co_return std::move(found).error();
        co_return state_->control.deployment(id, *found);
    }

    /// Lists the services that are jobs of this codec's prefix.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::vector<FaasDeployment>>> list_deployments(L& link) {
        if (unmanageable()) co_return *unmanageable();
        co_return co_await detail::list_cloud_run_services(state_->control, link);
    }

    /// Removes the service with its revisions and their packages; that they are absent is no error.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> undeploy_job(L& link, JobId id) {
        if (unmanageable()) co_return *unmanageable();
        Service<L> service{*state_, link, id};
        auto removed = co_await service.operations.remove();
        if (removed) state_->caller.forget(id);
        co_return removed;
    }

    /// Reads the service's state, and asks the job's program itself, which runs no job.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Health>> health_check(L& link, JobId id) {
        if (unmanageable()) co_return *unmanageable();
        Service<L> service{*state_, link, id};
        co_return co_await service.operations.health();
    }

    /// Makes as many marked calls at once as keep `instances` busy, at most 100, which `serve` answers without running
    /// a job.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<WarmReport>> warm(L& link, JobId id, std::uint32_t instances) {
        if (misconfigured()) co_return *misconfigured();
        const auto looking_up = look_up();
        auto address = co_await state_->caller.address(link, id, looking_up);
        if (!address) co_return std::move(address).error();
        Service<L> service{*state_, link, id};
        co_return co_await service.exchanges.warm(std::move(*address), instances);
    }

    /// Tells of the revisions that are there, the newest first.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::vector<Revision>>> list_revisions(L& link, JobId id) {
        if (unmanageable()) co_return *unmanageable();
        Service<L> service{*state_, link, id};
        co_return co_await service.operations.revisions();
    }

    /// Has a revision get a share of the calls, in whole percents; the rest goes to who has most of them now. The next
    /// deployment sends all calls to its own revision.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> shift_traffic(L& link, JobId id, const std::string& revision,
                                                                    double share) {
        if (unmanageable()) co_return *unmanageable();
        Service<L> service{*state_, link, id};
        co_return co_await service.operations.shift(revision, share);
    }

    /// Goes back to the newest revision that is older than all which get calls and can itself be called.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Revision>> roll_back(L& link, JobId id) {
        if (unmanageable()) co_return *unmanageable();
        Service<L> service{*state_, link, id};
        co_return co_await service.operations.roll_back();
    }

    /// Tells Google's limits, as far as they bind this codec; nothing is asked.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<PlatformDescription>> describe_platform(L&) {
        if (misconfigured()) co_return *misconfigured();
        co_return detail::CloudRunControl::describe();
    }

private:
    struct State {
        State(CloudRunOptions options, const Environment& world)
            : control{std::move(options)}, caller{control.options().cloud}, environment{world} {
            misconfigured = control.misconfigured() ? control.misconfigured() : caller.calls().misconfigured();
        }
        const detail::CloudRunControl control;
        const Caller caller;
        const Environment& environment;
        std::optional<Error> misconfigured{};
    };
    // One job's service, as the operations on it begin with.
    template <class L>
    struct Service {
        Service(const State& state, L& link, JobId id, const DeployObserver& observer = nobody)
            : exchanges{state.control.api(), state.caller.calls(), link, id, observer},
              operations{exchanges, state.control} {}
        Service(const Service&) = delete;
        Service& operator=(const Service&) = delete;

        static inline const DeployObserver nobody{};
        detail::GoogleExchanges<L> exchanges;
        detail::CloudRunOperations<L> operations;
    };
    struct LookUp {
        template <class L>
        asio::awaitable<result<detail::GoogleAddress>> operator()(L& link, JobId id) const {
            if (state->control.cannot_manage()) co_return *state->control.cannot_manage();
            Service<L> service{*state, link, id};
            co_return co_await service.operations.address();
        }
        std::shared_ptr<const State> state;
    };
    LookUp look_up() const { return LookUp{state_}; }
    const std::optional<Error>& unmanageable() const noexcept {
        return misconfigured() ? misconfigured() : state_->control.cannot_manage();
    }

    std::shared_ptr<const State> state_;
};
static_assert(Codec<CloudRunCodec<>>);

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
