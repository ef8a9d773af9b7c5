#ifndef BLUEPRINT_FAAS_RESILIENCE_HEDGING_HPP
#define BLUEPRINT_FAAS_RESILIENCE_HEDGING_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/executor_ref.hpp"
#include "blueprint/faas/resilience/budget.hpp"
#include "blueprint/faas/resilience/latency.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

namespace blueprint::faas {

/// When a `Hedged` sends a call a second time.
struct HedgingOptions {
    double quantile = 0.95;         ///< of the latencies: a call that takes longer gets a second copy
    std::size_t window = 1'000;     ///< how many latencies are remembered
    std::size_t min_samples = 100;  ///< fewer tell nothing of a quantile: no second copies until then
    double max_extra = 0.05;        ///< second copies, as a share of all calls so far
    std::uint32_t burst = 50;       ///< unused second copies that are kept for worse times
};

/// What a `Hedged` has done so far.
struct HedgingStatistics {
    std::uint64_t calls = 0;
    std::uint64_t hedged = 0;              ///< calls that were sent a second time
    std::uint64_t won = 0;                 ///< of those, the ones that the second copy answered first
    std::chrono::microseconds quantile{};  ///< how long a call may take before it is sent again; 0: not known yet
};

namespace detail {

class Hedging {
public:
    explicit Hedging(HedgingOptions options)
        : options_{options}, latencies_{options.quantile, options.window}, budget_{options.max_extra, options.burst} {}

    BLUEPRINT_FAAS_DECL static asio::awaitable<result<Invocation>> invoke(std::shared_ptr<Hedging> hedging,
                                                                          ExecutorRef executor, JobCall call);
    BLUEPRINT_FAAS_DECL HedgingStatistics statistics();

private:
    // Counts a call; returns after what time it may be sent again, if at all.
    std::optional<std::chrono::microseconds> begin(bool idempotent);
    bool take();
    void won();
    void succeeded(std::chrono::microseconds latency);
    static asio::awaitable<result<Invocation>> race(std::shared_ptr<Hedging> hedging, ExecutorRef executor,
                                                    JobCall call, Moment second_at);

    const HedgingOptions options_;
    std::mutex mutex_;  // guards what follows; never held over a co_await
    LatencyWindow latencies_;
    ShareBudget budget_;
    HedgingStatistics statistics_{};
};

}  // namespace detail

/// Sends an idempotent call a second time when it takes longer than 95 of the last 100 did, and takes the answer that
/// comes first: `Hedged quick{lambda}; ... bind<0>(quick)`. The other copy is cancelled, and the call ends when that
/// has ended too, so nothing goes on behind its back. Second copies are at most 5 % of all calls; calls that are not
/// idempotent are passed on as they are. A copy that fails leaves the matter to the other one; a call that fails before
/// there are two is not sent again: that is for retries. Both copies count in `FaasMetrics::attempts`.
/// Borrows the executor, which must outlive it and every call. Safe from every thread if the executor is.
template <Executor E>
class Hedged {
public:
    explicit Hedged(E& executor, HedgingOptions options = {})
        : executor_{&executor}, hedging_{std::make_shared<detail::Hedging>(options)} {}

    /// Returns the executor itself, to deploy to or to ask for its health.
    E& executor() const noexcept { return *executor_; }
    HedgingStatistics statistics() const { return hedging_->statistics(); }

    std::string_view provider_name() const { return executor_->provider_name(); }
    asio::any_io_executor get_executor() const { return executor_->get_executor(); }
    /// Runs the job, if need be twice.
    asio::awaitable<result<JobResult>> invoke(JobCall call) {
        return detail::only_result(invoke_with_metrics(std::move(call)));
    }
    asio::awaitable<result<Invocation>> invoke_with_metrics(JobCall call) {
        return detail::Hedging::invoke(hedging_, detail::ExecutorRef{*executor_}, std::move(call));
    }

private:
    E* executor_;
    std::shared_ptr<detail::Hedging> hedging_;
};

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/resilience/impl/hedging.ipp"
#endif

#endif
