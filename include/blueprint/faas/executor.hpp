#ifndef BLUEPRINT_FAAS_EXECUTOR_HPP
#define BLUEPRINT_FAAS_EXECUTOR_HPP

#include "blueprint/faas/codec/concept.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/pooled_frame.hpp"
#include "blueprint/faas/executor_concept.hpp"
#include "blueprint/faas/package/package.hpp"
#include "blueprint/faas/result_sink.hpp"

#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

/// How long an operation may take when the caller does not say, all its retries and waits included.
struct ExecutorOptions {
    std::chrono::milliseconds invoke_timeout{std::chrono::minutes{5} + std::chrono::seconds{10}};
    std::chrono::milliseconds control_timeout{std::chrono::seconds{30}};
    std::chrono::milliseconds deploy_timeout{std::chrono::minutes{10}};
};

namespace detail {

template <class T>
inline constexpr bool stays_on_this_machine = requires { requires T::stays_on_this_machine; };
template <class C>
inline constexpr bool reveals_secret = requires { requires C::reveals_secret; };

}  // namespace detail

/// Runs jobs on one FaaS platform: `CodecPolicy` knows what to say, `AuthPolicy` who asks, `TransportPolicy` how it
/// travels, `ResiliencePolicy` what is tried again. Nothing on the way of an invoke is virtual.
/// A failed operation tells of every attempt in `Error::metrics`; `errc::cancelled` tells by `Error::execution` whether
/// the job may have run. Every operation is a lazy awaitable, and `*this` must outlive it; `start()` makes any
/// completion token of one and `blocking()` calls one from ordinary code. May be used from every thread that its
/// policies allow.
template <Transport TransportPolicy, Auth AuthPolicy, Codec CodecPolicy,
          Resilience ResiliencePolicy = StandardResilience>
class FaasExecutor {
    static_assert(TransportPolicy::confidential || !AuthPolicy::reveals_secret,
                  "this Auth sends a secret and this Transport does not encrypt: use HttpsTransport");
    static_assert(TransportPolicy::confidential || detail::stays_on_this_machine<TransportPolicy> ||
                      !detail::reveals_secret<CodecPolicy>,
                  "this Codec sends a secret and this Transport does not encrypt: use HttpsTransport, or "
                  "LoopbackTransport for a platform on this machine");

public:
    using pooled_frames = void;  // coroutines take their frames from a pool
    using link_type = Link<TransportPolicy, AuthPolicy, ResiliencePolicy>;

    FaasExecutor(TransportPolicy transport, AuthPolicy auth, CodecPolicy codec, ResiliencePolicy resilience = {},
                 ExecutorOptions options = {})
        : transport_{std::move(transport)},
          auth_{std::move(auth)},
          codec_{std::move(codec)},
          resilience_{std::move(resilience)},
          options_{options} {}

    static constexpr std::string_view provider_name() noexcept { return CodecPolicy::provider_name; }
    asio::any_io_executor get_executor() { return transport_.get_executor(); }
    const TransportPolicy& transport() const noexcept { return transport_; }
    const CodecPolicy& codec() const noexcept { return codec_; }

    /// Runs the job; a job that failed is an `Error` of `errc::function_error`.
    asio::awaitable<result<JobResult>> invoke(JobCall call);
    /// Runs the job and tells what was measured; of a failed call, as far as known, in `Error::metrics`.
    asio::awaitable<result<Invocation>> invoke_with_metrics(JobCall call);
    /// Hands the call over and does not wait for its end.
    asio::awaitable<result<Receipt>> invoke_async(JobCall call)
        requires CanInvokeAsync<CodecPolicy, link_type>
    {
        co_await asio::this_coro::throw_if_cancelled(false);
        link_type link{transport_, auth_, resilience_, deadline_after(call.timeout.value_or(options_.control_timeout))};
        auto outcome = co_await codec_.invoke_async(link, call);
        co_return concluded(link, std::move(outcome));
    }
    /// Runs the job and hands its result to `sink` while it comes; the result that is returned has no bytes.
    asio::awaitable<result<Invocation>> invoke_streaming(JobCall call, ResultSink sink)
        requires CanInvokeStreaming<CodecPolicy, link_type>
    {
        co_await asio::this_coro::throw_if_cancelled(false);
        link_type link = call_link(call);
        auto done = co_await codec_.invoke_streaming(link, call, sink);
        co_return ended<Invocation>(link, call, std::move(done));
    }
    /// Asks whether the job may be invoked with these credentials and parameters. No job runs by it.
    asio::awaitable<result<void>> check_invoke(JobId id)
        requires CanCheckInvoke<CodecPolicy, link_type>
    {
        co_await asio::this_coro::throw_if_cancelled(false);
        link_type link = control_link(options_.control_timeout);
        auto outcome = co_await codec_.check_invoke(link, id);
        co_return concluded(link, std::move(outcome));
    }
    /// Tells which requests `deploy_job` with the same arguments would make now. Nothing is changed by it.
    asio::awaitable<result<DeployPlan>> plan_deploy(JobId id, Package package, FaasConfig config)
        requires CanPlanDeploy<CodecPolicy, link_type>
    {
        co_await asio::this_coro::throw_if_cancelled(false);
        link_type link = control_link(options_.control_timeout);
        auto outcome = co_await codec_.plan_deploy(link, id, package, config);
        co_return concluded(link, std::move(outcome));
    }
    /// Puts the job's function in place and returns when it can be invoked. The same package and configuration again
    /// write nothing. `observer` is told of each step.
    asio::awaitable<result<FaasDeployment>> deploy_job(JobId id, Package package, FaasConfig config,
                                                       DeployObserver observer = {})
        requires CanDeploy<CodecPolicy, link_type>
    {
        co_await asio::this_coro::throw_if_cancelled(false);
        link_type link = control_link(options_.deploy_timeout);
        auto outcome = co_await codec_.deploy_job(link, id, package, config, observer);
        co_return concluded(link, std::move(outcome));
    }
    /// Tells whether the job's function can do its work; absent and unhealthy are answers, not errors.
    asio::awaitable<result<Health>> health_check(JobId id)
        requires CanCheckHealth<CodecPolicy, link_type>
    {
        co_await asio::this_coro::throw_if_cancelled(false);
        link_type link = control_link(options_.control_timeout);
        auto outcome = co_await codec_.health_check(link, id);
        co_return concluded(link, std::move(outcome));
    }
    /// Asks for `instances` started instances. No job runs by it.
    asio::awaitable<result<WarmReport>> warm(JobId id, std::uint32_t instances = 1)
        requires CanWarm<CodecPolicy, link_type>
    {
        co_await asio::this_coro::throw_if_cancelled(false);
        link_type link = control_link(options_.control_timeout);
        auto outcome = co_await codec_.warm(link, id, instances);
        co_return concluded(link, std::move(outcome));
    }
    /// Returns what the platform says of the job's function; `errc::not_found` if there is none.
    asio::awaitable<result<FaasDeployment>> get_deployment(JobId id)
        requires CanGetDeployment<CodecPolicy, link_type>
    {
        co_await asio::this_coro::throw_if_cancelled(false);
        link_type link = control_link(options_.control_timeout);
        auto outcome = co_await codec_.get_deployment(link, id);
        co_return concluded(link, std::move(outcome));
    }
    /// Returns what the platform says of every job's function that it holds under this executor's names.
    asio::awaitable<result<std::vector<FaasDeployment>>> list_deployments()
        requires CanList<CodecPolicy, link_type>
    {
        co_await asio::this_coro::throw_if_cancelled(false);
        link_type link = control_link(options_.control_timeout);
        auto outcome = co_await codec_.list_deployments(link);
        co_return concluded(link, std::move(outcome));
    }
    /// Returns what the platform announces of itself; asked once and kept.
    asio::awaitable<result<PlatformDescription>> describe_platform()
        requires CanDescribe<CodecPolicy, link_type>
    {
        co_await asio::this_coro::throw_if_cancelled(false);
        link_type link = control_link(options_.control_timeout);
        auto outcome = co_await codec_.describe_platform(link);
        co_return concluded(link, std::move(outcome));
    }
    /// Returns the states of the job's function that the platform keeps, the newest first.
    asio::awaitable<result<std::vector<Revision>>> list_revisions(JobId id)
        requires CanListRevisions<CodecPolicy, link_type>
    {
        co_await asio::this_coro::throw_if_cancelled(false);
        link_type link = control_link(options_.control_timeout);
        auto outcome = co_await codec_.list_revisions(link, id);
        co_return concluded(link, std::move(outcome));
    }
    /// Gives `revision` the share (0 to 1) of the job's calls, and the rest to the one that has most of them now.
    asio::awaitable<result<void>> shift_traffic(JobId id, std::string revision, double share)
        requires CanShiftTraffic<CodecPolicy, link_type>
    {
        co_await asio::this_coro::throw_if_cancelled(false);
        link_type link = control_link(options_.control_timeout);
        auto outcome = co_await codec_.shift_traffic(link, id, revision, share);
        co_return concluded(link, std::move(outcome));
    }
    /// Gives all calls to the revision before the one that has them now, and returns it.
    asio::awaitable<result<Revision>> roll_back(JobId id)
        requires CanRollBack<CodecPolicy, link_type>
    {
        co_await asio::this_coro::throw_if_cancelled(false);
        link_type link = control_link(options_.control_timeout);
        auto outcome = co_await codec_.roll_back(link, id);
        co_return concluded(link, std::move(outcome));
    }
    /// Removes the job's function; an unknown job is no error.
    asio::awaitable<result<void>> undeploy_job(JobId id)
        requires CanUndeploy<CodecPolicy, link_type>
    {
        co_await asio::this_coro::throw_if_cancelled(false);
        link_type link = control_link(options_.control_timeout);
        auto outcome = co_await codec_.undeploy_job(link, id);
        co_return concluded(link, std::move(outcome));
    }
    /// Gives back what this executor obtained at the platform for itself, such as a key; the functions stay. For when
    /// its work is over: what is asked of it after that obtains it anew.
    asio::awaitable<result<void>> release()
        requires CanRelease<CodecPolicy, link_type>
    {
        co_await asio::this_coro::throw_if_cancelled(false);
        link_type link = control_link(options_.control_timeout);
        auto outcome = co_await codec_.release(link);
        co_return concluded(link, std::move(outcome));
    }

private:
    link_type call_link(const JobCall& call) {
        const auto now = std::chrono::steady_clock::now();
        const auto deadline = deadline_after(call.timeout.value_or(options_.invoke_timeout), now);
        return {transport_, auth_, resilience_, deadline, Environment::process(), now};
    }
    // All of an undisturbed call. Of a thousand calls under way each has such a frame, so what it holds is in the
    // processor's cache or is not: a local of this function costs every call.
    template <class T>
    asio::awaitable<result<T>> run(JobCall call) {
        co_await asio::this_coro::throw_if_cancelled(false);
        link_type link = call_link(call);
        if constexpr (CanPrepare<CodecPolicy, link_type>) {
            static constexpr bool metered = std::same_as<T, Invocation>;
            auto prepared = codec_.prepare(link, call);
            if (prepared) {
                typename link_type::Opening first{link};
                const auto state = co_await asio::this_coro::cancellation_state;
                if (first.ready(prepared.request(), prepared.purpose(), state.cancelled())) {
                    auto answer = co_await first.send(prepared.request());
                    if (first.passes(prepared.request(), answer, prepared.judge)) {
                        if constexpr (CanComplete<CodecPolicy, link_type>) {
                            if (prepared.goes_on(*answer, metered)) {
                                auto done = co_await completed(link, prepared, *answer);
                                co_return ended<T>(link, call, std::move(*done));
                            }
                        }
                        co_return ended<T>(link, call, prepared.finish(std::move(answer), metered));
                    }
                }
                auto last = co_await further(first, prepared);
                if constexpr (CanComplete<CodecPolicy, link_type>) {
                    if (*last && prepared.goes_on(**last, metered)) {
                        auto done = co_await completed(link, prepared, **last);
                        co_return ended<T>(link, call, std::move(*done));
                    }
                }
                if (!outdated(prepared, *last))
                    co_return ended<T>(link, call, prepared.finish(std::move(*last), metered));
            }
        }
        auto done = co_await invoked(link, call);
        co_return ended<T>(link, call, std::move(*done));
    }
    // Not a line of `run`, whose frame it would enlarge.
    static auto further(auto& first, auto& prepared) {
        return first.go_on(prepared.request(), prepared.purpose(), prepared.repeat(), prepared.judge);
    }
    BLUEPRINT_FAAS_COLD static bool outdated(const auto& prepared, const result<HttpResponse>& last) {
        if constexpr (requires { prepared.outdated(last.error()); })
            return !last && prepared.outdated(last.error());
        else
            return false;
    }
    // By a pointer, for which every call's frame has room.
    BLUEPRINT_FAAS_COLD asio::awaitable<std::unique_ptr<result<Invocation>>> invoked(link_type& link,
                                                                                     const JobCall& call) {
        auto done = co_await codec_.invoke(link, call);
        co_return std::make_unique<result<Invocation>>(std::move(done));
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<std::unique_ptr<result<Invocation>>> completed(link_type& link,
                                                                                       const auto& prepared,
                                                                                       const HttpResponse& answer) {
        auto done = co_await codec_.complete(link, prepared, answer);
        co_return std::make_unique<result<Invocation>>(std::move(done));
    }
    // Puts on a call's outcome what the codec leaves to the executor.
    template <class T>
    static result<T> ended(link_type& link, JobCall& call, result<Invocation> done) {
        if (!done) return concluded<T>(link, std::move(done).error());
        done->result.job_id = call.job_id;
        done->result.metadata = std::move(call.metadata);
        done->result.ran_on = provider_name();
        if constexpr (std::same_as<T, JobResult>) {
            return std::move(done->result);
        } else {
            link.conclude(done->metrics);
            return done;
        }
    }
    link_type control_link(std::chrono::milliseconds timeout) {
        return {transport_, auth_, resilience_, deadline_after(timeout)};
    }
    // Puts the provider's name and what was measured on a failure.
    template <class T>
    static result<T> concluded(link_type& link, result<T> outcome) {
        if (outcome) return outcome;
        return concluded<T>(link, std::move(outcome).error());
    }
    template <class T>
    BLUEPRINT_FAAS_COLD static result<T> concluded(link_type& link, Error error) {
        if (error.provider.empty()) error.provider = provider_name();
        FaasMetrics metrics = error.metrics ? *error.metrics : FaasMetrics{};
        link.conclude(metrics);
        error.metrics = std::make_shared<const FaasMetrics>(std::move(metrics));
        return error;
    }

    TransportPolicy transport_;
    AuthPolicy auth_;
    CodecPolicy codec_;
    ResiliencePolicy resilience_;
    ExecutorOptions options_;
};

// Not inline: what providers declare `extern template` is then compiled once, with src.hpp, and not in each file.
template <Transport TransportPolicy, Auth AuthPolicy, Codec CodecPolicy, Resilience ResiliencePolicy>
asio::awaitable<result<JobResult>> FaasExecutor<TransportPolicy, AuthPolicy, CodecPolicy, ResiliencePolicy>::invoke(
    JobCall call) {
    return run<JobResult>(std::move(call));
}
template <Transport TransportPolicy, Auth AuthPolicy, Codec CodecPolicy, Resilience ResiliencePolicy>
asio::awaitable<result<Invocation>>
FaasExecutor<TransportPolicy, AuthPolicy, CodecPolicy, ResiliencePolicy>::invoke_with_metrics(JobCall call) {
    return run<Invocation>(std::move(call));
}

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
