#ifndef BLUEPRINT_FAAS_RESILIENCE_FAILOVER_HPP
#define BLUEPRINT_FAAS_RESILIENCE_FAILOVER_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/executor_ref.hpp"
#include "blueprint/faas/resilience/circuit_breaker.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas {

/// When a `Failover` leaves an executor, and how it comes back.
struct FailoverOptions {
    /// Each executor has its own. With somewhere else to go, a few failures in a row are reason enough.
    BreakerOptions breaker{.consecutive_failures = 5};
    /// What an executor gets of a call's time while there is another one behind it; nothing: all of it. Of use for
    /// idempotent jobs: those that are not stay where they may have run.
    std::optional<std::chrono::milliseconds> member_timeout{};
};

namespace detail {

/// The executors of a `Failover`, in order, and their circuit breakers.
class FailoverMembers {
public:
    FailoverMembers(std::vector<ExecutorRef> executors, const FailoverOptions& options) : options_{options} {
        members_.reserve(executors.size());
        for (const auto& executor : executors) members_.push_back(Member{executor, CircuitBreaker{options.breaker}});
    }

    BLUEPRINT_FAAS_DECL static asio::awaitable<result<Invocation>> invoke(std::shared_ptr<FailoverMembers> members,
                                                                          JobCall call);
    BLUEPRINT_FAAS_DECL BreakerState state(std::size_t member);
    asio::any_io_executor get_executor() const { return members_.front().executor.get_executor(); }

private:
    struct Member {
        ExecutorRef executor;
        CircuitBreaker breaker;  // guarded by `mutex_`
    };
    class Permit;
    struct Call;

    const FailoverOptions options_;
    std::vector<Member> members_;
    std::mutex mutex_;  // never held over a co_await
};

}  // namespace detail

/// Runs jobs on the first of several executors that works: `Failover both{aws, gcp}; ... bind<0>(both);`.
/// A call goes on to the next executor if the one before certainly did not start the job, or if the call is idempotent;
/// never after `errc::function_error` or `errc::cancelled`. An executor that keeps failing is left alone until a few
/// calls succeed on it again. `JobResult::ran_on` tells who ran the job; when all fail, the error names each executor
/// and its reason. Every call copies its bytes for the next executor.
/// Borrows the executors, which must outlive it and every call. Safe from every thread if they are.
template <Executor... Es>
    requires(sizeof...(Es) > 1)
class Failover {
public:
    explicit Failover(Es&... executors) : Failover{FailoverOptions{}, executors...} {}
    explicit Failover(FailoverOptions options, Es&... executors)
        : members_{std::make_shared<detail::FailoverMembers>(std::vector{detail::ExecutorRef{executors}...}, options)} {
    }

    /// Says whether calls go to executor number `member`, counted from 0.
    BreakerState state(std::size_t member) const { return members_->state(member); }

    static constexpr std::string_view provider_name() noexcept { return "failover"; }
    asio::any_io_executor get_executor() const { return members_->get_executor(); }
    /// Runs the job on the first executor that takes it.
    asio::awaitable<result<JobResult>> invoke(JobCall call) {
        return detail::only_result(invoke_with_metrics(std::move(call)));
    }
    /// Runs the job and tells of all attempts, on whatever executor.
    asio::awaitable<result<Invocation>> invoke_with_metrics(JobCall call) {
        return detail::FailoverMembers::invoke(members_, std::move(call));
    }

private:
    std::shared_ptr<detail::FailoverMembers> members_;
};

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/resilience/impl/failover.ipp"
#endif

#endif
