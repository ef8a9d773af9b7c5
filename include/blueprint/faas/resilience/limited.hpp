#ifndef BLUEPRINT_FAAS_RESILIENCE_LIMITED_HPP
#define BLUEPRINT_FAAS_RESILIENCE_LIMITED_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/executor_ref.hpp"
#include "blueprint/faas/resilience/gate.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace blueprint::faas {

/// What a `Limited` lets through.
struct LimitedOptions {
    RateLimitOptions rate{};         ///< calls, whatever requests each of them makes
    std::size_t max_concurrent = 0;  ///< calls at once; 0: any number
    std::chrono::milliseconds max_wait{
        std::chrono::hours{1}};  ///< in the queue; a call's own timeout may end it sooner
};

namespace detail {

BLUEPRINT_FAAS_DECL asio::awaitable<result<Invocation>> invoke_limited(std::shared_ptr<Gate> gate, ExecutorRef executor,
                                                                       std::chrono::milliseconds max_wait,
                                                                       JobCall call);

}  // namespace detail

/// Lets calls through to an executor at a bounded rate and a bounded number at once: `Limited gentle{lambda,
/// {.max_concurrent = 8}}; ... bind<0>(gentle)`. Who must wait stands in one queue; what comes to nothing there is
/// `errc::timed_out` or `errc::cancelled`, and was never sent. Borrows the executor, which must outlive it and every
/// call. Safe from every thread if the executor is.
template <Executor E>
class Limited {
public:
    explicit Limited(E& executor, LimitedOptions options = {})
        : executor_{&executor},
          max_wait_{options.max_wait},
          gate_{std::make_shared<Gate>(options.rate, options.max_concurrent)} {}

    /// Returns the executor itself, to deploy to or to ask for its health.
    E& executor() const noexcept { return *executor_; }
    std::size_t running() const { return gate_->inside(); }
    std::size_t waiting() const { return gate_->waiting(); }

    std::string_view provider_name() const { return executor_->provider_name(); }
    asio::any_io_executor get_executor() const { return executor_->get_executor(); }
    /// Runs the job when it is its turn. The time in the queue is part of the call's timeout.
    asio::awaitable<result<JobResult>> invoke(JobCall call) {
        return detail::only_result(invoke_with_metrics(std::move(call)));
    }
    asio::awaitable<result<Invocation>> invoke_with_metrics(JobCall call) {
        return detail::invoke_limited(gate_, detail::ExecutorRef{*executor_}, max_wait_, std::move(call));
    }

private:
    E* executor_;
    std::chrono::milliseconds max_wait_;
    std::shared_ptr<Gate> gate_;
};

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/resilience/impl/limited.ipp"
#endif

#endif
