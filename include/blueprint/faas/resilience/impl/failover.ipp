#ifndef BLUEPRINT_FAAS_RESILIENCE_IMPL_FAILOVER_IPP
#define BLUEPRINT_FAAS_RESILIENCE_IMPL_FAILOVER_IPP

#include "blueprint/faas/resilience/failover.hpp"
#include "blueprint/faas/resilience/impl/measured.hpp"

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <string>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

// One call that was let through to a member; the breaker hears of its end whatever that is.
class FailoverMembers::Permit {
public:
    Permit(std::shared_ptr<FailoverMembers> members, std::size_t index, Moment now)
        : members_{std::move(members)}, index_{index} {
        const std::lock_guard lock{members_->mutex_};
        auto& breaker = members_->members_[index_].breaker;
        ticket_ = breaker.enter(now);
        if (!ticket_) open_left_ = breaker.open_left(now);
    }
    Permit(const Permit&) = delete;
    ~Permit() { leave(Verdict::neither); }

    bool given() const noexcept { return ticket_.has_value(); }
    std::chrono::milliseconds open_left() const noexcept { return open_left_; }
    void leave(Verdict verdict) {
        if (!ticket_) return;
        const std::lock_guard lock{members_->mutex_};
        members_->members_[index_].breaker.leave(*ticket_, verdict, std::chrono::steady_clock::now());
        ticket_.reset();
    }

private:
    std::shared_ptr<FailoverMembers> members_;
    std::size_t index_;
    std::optional<CircuitBreaker::Ticket> ticket_{};
    std::chrono::milliseconds open_left_{};
};

// What one call has met so far.
struct FailoverMembers::Call {
    explicit Call(Moment from) : began{from}, attempts{from} {}

    const Moment began;
    MergedAttempts attempts;
    std::string reasons{};  // "aws: no connection; gcp: skipped, ..."
    std::size_t named = 0;
    std::optional<Error> last{};
    Execution fate = Execution::not_started;
    bool retryable = false;
    std::optional<std::chrono::milliseconds> opens{};

    void name(std::string_view executor, std::string_view reason) {
        if (named++ != 0) reasons += "; ";
        reasons.append(executor).append(": ").append(reason);
    }
    void skipped(std::string_view executor, std::chrono::milliseconds left) {
        opens = std::min(left, opens.value_or(left));
        name(executor, left.count() > 0
                           ? "skipped, because it keeps failing, for another " + std::to_string(left.count()) + " ms"
                           : "skipped, until a few calls have shown that it works again");
    }
    void failed(Error error, std::string_view executor, Moment from) {
        attempts.failed(error, executor, from);
        fate = either(fate, error.execution);
        retryable = retryable || error.retryable;
        name(executor, error.message);
        last = std::move(error);
    }
    // Says why a call stays where it failed, if it must.
    static std::string_view stays(const Error& error, bool idempotent) {
        if (error.code == errc::cancelled) return "cancelled";
        if (error.code == errc::function_error) return "the job itself failed";
        if (error.execution == Execution::not_started || idempotent) return {};
        return "not tried elsewhere, because the job may have run; a call that is marked as idempotent would be";
    }
    Error conclude(std::string_view why) {
        Error error =
            last ? std::move(*last) : Error{.code = errc::infrastructure, .provider = "failover", .retryable = true};
        if (!last) {
            error.retry_after = opens;
            retryable = true;
        }
        if (named > 1 || !last) error.message = "no executor ran the job: " + std::move(reasons);
        if (!why.empty()) add_reason(error, why);
        error.execution = fate;
        error.retryable = retryable && error.code != errc::cancelled;
        attempts.put(error);
        return error;
    }
};

BLUEPRINT_FAAS_DECL BreakerState FailoverMembers::state(std::size_t member) {
    const std::lock_guard lock{mutex_};
    return members_.at(member).breaker.state(std::chrono::steady_clock::now());
}

BLUEPRINT_FAAS_DECL asio::awaitable<result<Invocation>> FailoverMembers::invoke(
    std::shared_ptr<FailoverMembers> members, JobCall call) {
    co_await asio::this_coro::throw_if_cancelled(false);
    Call state{std::chrono::steady_clock::now()};
    const auto deadline = deadline_after(call.timeout.value_or(std::chrono::milliseconds::max()));
    const auto count = members->members_.size();
    for (std::size_t index = 0; index < count; ++index) {
        const auto& executor = members->members_[index].executor;
        const auto from = std::chrono::steady_clock::now();
        if (state.last && from >= deadline) co_return state.conclude("the deadline left no time for the next executor");
        Permit permit{members, index, from};
        if (!permit.given()) {
            state.skipped(executor.name(), permit.open_left());
            continue;
        }
        const bool is_last = index + 1 == count;
        JobCall copy = is_last ? std::move(call) : call;
        if (copy.timeout && index != 0) copy.timeout = time_left(deadline);
        if (members->options_.member_timeout && !is_last)
            copy.timeout =
                std::min(copy.timeout.value_or(*members->options_.member_timeout), *members->options_.member_timeout);
        const bool idempotent = copy.idempotent;
        auto done = co_await executor.invoke(std::move(copy));
        if (done) {
            permit.leave(Verdict::success);
            state.attempts.succeeded(done->metrics, from);
            co_return done;
        }
        Error error = std::move(done).error();
        permit.leave(verdict_of(error));
        const auto stays = Call::stays(error, idempotent);
        const bool quiet = error.code == errc::cancelled || error.code == errc::function_error;
        state.failed(std::move(error), executor.name(), from);
        if (!stays.empty()) {
            if (quiet || is_last) co_return state.conclude({});
            co_return state.conclude(stays);
        }
        const auto cancellation = co_await asio::this_coro::cancellation_state;
        if (!is_last && cancellation.cancelled() != asio::cancellation_type::none) {
            state.last->code = errc::cancelled;
            co_return state.conclude("cancelled before the next executor was tried");
        }
    }
    co_return state.conclude({});
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
