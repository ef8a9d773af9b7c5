#ifndef BLUEPRINT_FAAS_RESILIENCE_IMPL_STANDARD_IPP
#define BLUEPRINT_FAAS_RESILIENCE_IMPL_STANDARD_IPP

#include "blueprint/faas/resilience/standard.hpp"

#include <chrono>
#include <string>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

BLUEPRINT_FAAS_COLD inline Error StandardResilience::Turn::refused(Moment now) {
    Error error{.code = errc::infrastructure,
                .message = "not sent: most of the last requests failed, so the circuit breaker holds requests back",
                .retryable = true,
                .execution = Execution::not_started};
    const std::lock_guard lock{state_->mutex};
    const auto left = state_->breaker->open_left(now);
    if (left.count() > 0) {
        error.retry_after = left;
        error.message += " for another " + std::to_string(left.count()) + " ms";
    } else {
        error.message += " until a few have succeeded";
    }
    return error;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<void>> StandardResilience::Turn::admit(
    Deadline deadline) {
    // A closed door is told before the queue, not after it.
    bool closed = false;
    if (const auto now = std::chrono::steady_clock::now(); state_->breaker) {
        const std::lock_guard lock{state_->mutex};
        closed = !state_->breaker->lets_in(now);
    }
    if (closed) co_return refused(std::chrono::steady_clock::now());
    if (state_->gate) {
        auto entered = co_await Gate::enter(state_->gate, deadline);
        if (!entered) co_return std::move(entered).error();
        permit_ = GatePermit{state_->gate};
    }
    const auto now = std::chrono::steady_clock::now();
    if (pass(now)) co_return result<void>{};
    permit_.release();
    co_return refused(now);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL RetryDecision StandardResilience::Turn::after(const Error& error, Moment now,
                                                                                      double jitter) {
    permit_.release();
    const auto& options = state_->options;
    const std::lock_guard lock{state_->mutex};
    leave(verdict_of(error), error.code == errc::authentication ? Verdict::failure : Verdict::neither, now);
    RetryDecision decision;
    RetrySchedule schedule{options.retry, failures_};
    const auto wait = schedule.after(error, jitter);
    failures_ = schedule.failures();
    if (!wait) return decision;
    const auto cost = error.code == errc::throttled ? options.quota.throttled_retry_cost : options.quota.retry_cost;
    if (!state_->quota.take(cost)) {
        decision.why_not = "not tried again: too many retries have failed lately";
        return decision;
    }
    if (!state_->budget.take(now)) {
        state_->quota.give(cost);
        decision.why_not = "not tried again: retries have used up their share of the traffic";
        return decision;
    }
    reserved_ = cost;
    decision.wait = wait;
    return decision;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool StandardResilience::Turn::renew(Moment now) {
    permit_.release();
    const std::lock_guard lock{state_->mutex};
    leave(Verdict::success, Verdict::failure, now);  // who refuses a credential is up
    renewal_ = state_->renewals.enter(now);
    return renewal_.has_value();
}

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
