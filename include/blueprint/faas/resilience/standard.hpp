#ifndef BLUEPRINT_FAAS_RESILIENCE_STANDARD_HPP
#define BLUEPRINT_FAAS_RESILIENCE_STANDARD_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/resilience/budget.hpp"
#include "blueprint/faas/resilience/circuit_breaker.hpp"
#include "blueprint/faas/resilience/concept.hpp"
#include "blueprint/faas/resilience/gate.hpp"
#include "blueprint/faas/resilience/rate_limit.hpp"
#include "blueprint/faas/resilience/retry.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

/// Every number of `StandardResilience`.
struct ResilienceOptions {
    RetryLimits retry{};
    RetryQuotaOptions quota{};
    RetryBudgetOptions budget{};
    RateLimitOptions rate{};         ///< of requests that leave; off unless told otherwise
    std::size_t max_concurrent = 0;  ///< requests under way at once, over all jobs; 0: any number
    /// Off unless told otherwise: `.breaker = BreakerOptions{}`. Alone it turns late failures into early ones, and a
    /// platform's short restart into failures that a retry would have got over; the load on a platform in trouble is
    /// bounded without it. It pays where calls can go elsewhere, and `Failover` brings its own.
    std::optional<BreakerOptions> breaker{};
};

/// Tries up to three times with full jitter, obeying the platform's `Retry-After`, and bounds what all calls together
/// may repeat by a quota and a budget. On request it also bounds rate and concurrency and breaks the circuit.
/// Copies share quota, budget, limits and breaker: give one to several executors of one account. From any thread.
class StandardResilience {
    struct State {
        explicit State(const ResilienceOptions& given)
            : options{given}, quota{given.quota.tokens}, budget{given.budget}, renewals{BreakerOptions{}} {
            if (given.breaker) breaker.emplace(*given.breaker);
            if (given.rate.per_second > 0 || given.max_concurrent != 0)
                gate = std::make_shared<Gate>(given.rate, given.max_concurrent);
        }

        const ResilienceOptions options;
        std::shared_ptr<Gate> gate;  // null: no limits
        std::mutex mutex;            // guards what follows; never held over a co_await
        RetryQuota quota;
        RetryBudget budget;
        CircuitBreaker renewals;  // whether fresh credentials are worth another request
        std::optional<CircuitBreaker> breaker;
    };

public:
    /// One exchange with its repeats: see `ResilienceTurn`.
    class Turn {
    public:
        explicit Turn(std::shared_ptr<State> state) : state_{std::move(state)} {}
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;
        /// Counts an attempt that was neither successful nor failed (its coroutine was destroyed) neither way.
        ~Turn() {
            if (!inside_ && !renewal_ && reserved_ == 0) return;
            const auto now = std::chrono::steady_clock::now();
            const std::lock_guard lock{state_->mutex};
            leave(Verdict::neither, Verdict::neither, now);
            give_back(now);
        }

        bool try_admit(Moment now) {
            if (state_->gate) {
                if (!state_->gate->try_enter(now)) return false;
                permit_ = GatePermit{state_->gate};
            }
            const bool entered = pass(now);
            if (!entered) permit_.release();
            return entered;
        }
        BLUEPRINT_FAAS_DECL asio::awaitable<result<void>> admit(Deadline deadline);
        void succeeded(Moment now) {
            permit_.release();
            const auto& quota = state_->options.quota;
            const std::lock_guard lock{state_->mutex};
            leave(Verdict::success, Verdict::success, now);
            state_->quota.give(paid_ != 0 ? paid_ : quota.success_gives);
        }
        BLUEPRINT_FAAS_DECL RetryDecision after(const Error& error, Moment now, double jitter);
        BLUEPRINT_FAAS_DECL bool renew(Moment now);

    private:
        // Passes the breaker; what was put aside for this attempt is spent.
        bool pass(Moment now) {
            const std::lock_guard lock{state_->mutex};
            if (state_->breaker) {
                ticket_ = state_->breaker->enter(now);
                if (!ticket_) return false;
            }
            if (!std::exchange(counted_, true)) state_->budget.called(now);
            paid_ += std::exchange(reserved_, 0);
            inside_ = true;
            return true;
        }
        // Ends an attempt, with the lock held: what it tells of the platform, and of the fresh credential that it used.
        void leave(Verdict verdict, Verdict credential, Moment now) {
            inside_ = false;
            if (ticket_) state_->breaker->leave(*ticket_, verdict, now);
            ticket_.reset();
            if (renewal_) state_->renewals.leave(*renewal_, credential, now);
            renewal_.reset();
        }
        void give_back(Moment now) {
            if (reserved_ == 0) return;
            state_->quota.give(std::exchange(reserved_, 0));
            state_->budget.give_back(now);
        }
        Error refused(Moment now);

        std::shared_ptr<State> state_;
        GatePermit permit_{};
        std::optional<CircuitBreaker::Ticket> ticket_{};
        std::optional<CircuitBreaker::Ticket> renewal_{};
        bool inside_ = false;
        bool counted_ = false;
        std::uint32_t failures_ = 0;
        std::uint32_t reserved_ = 0;  // tokens put aside for the next attempt
        std::uint32_t paid_ = 0;      // tokens of the retries so far
    };

    StandardResilience() : StandardResilience{ResilienceOptions{}} {}
    explicit StandardResilience(RetryLimits limits) : StandardResilience{ResilienceOptions{.retry = limits}} {}
    explicit StandardResilience(ResilienceOptions options) : state_{std::make_shared<State>(options)} {}

    Turn begin() const { return Turn{state_}; }
    /// Says whether the circuit breaker lets requests through; `closed` without one.
    BreakerState breaker_state() const {
        const std::lock_guard lock{state_->mutex};
        if (!state_->breaker) return BreakerState::closed;
        return state_->breaker->state(std::chrono::steady_clock::now());
    }

private:
    std::shared_ptr<State> state_;
};
static_assert(Resilience<StandardResilience>);

/// Never tries again: for callers who repeat themselves.
class NoRetry {
public:
    struct Turn {
        bool try_admit(Moment) const noexcept { return true; }
        asio::awaitable<result<void>> admit(Deadline) const { co_return result<void>{}; }
        void succeeded(Moment) const noexcept {}
        RetryDecision after(const Error&, Moment, double) const noexcept { return {}; }
        bool renew(Moment) const noexcept { return true; }
    };
    Turn begin() const noexcept { return {}; }
};
static_assert(Resilience<NoRetry>);

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/resilience/impl/standard.ipp"
#endif

#endif
