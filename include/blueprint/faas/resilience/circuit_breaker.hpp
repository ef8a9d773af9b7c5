#ifndef BLUEPRINT_FAAS_RESILIENCE_CIRCUIT_BREAKER_HPP
#define BLUEPRINT_FAAS_RESILIENCE_CIRCUIT_BREAKER_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/error.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace blueprint::faas {

/// When a circuit breaker stops calls, and how it finds out that they may go on.
struct BreakerOptions {
    std::chrono::milliseconds window{10'000};  ///< what is counted, in ten slots
    std::uint32_t min_calls = 20;              ///< fewer calls in the window prove nothing
    double failure_ratio = 0.5;                ///< of the calls in the window; reached means open
    /// Opens it too, however many calls succeeded before: after a busy time the ratio would see a dead platform only
    /// when half a window has failed. 0: never.
    std::uint32_t consecutive_failures = 20;
    std::chrono::milliseconds open_for{5'000};       ///< doubles with each probe that fails
    std::chrono::milliseconds max_open_for{60'000};  ///< where doubling ends
    std::uint32_t probes = 3;                        ///< must succeed before everything flows again
};

/// What one call tells of the health of whom it was made to.
enum class Verdict {
    success,  ///< It answered, if only to refuse.
    failure,  ///< It did not do its part.
    neither,  ///< Nothing: cancelled, throttled, never sent.
};

/// Judges a failed call. Failures are `infrastructure` (no connection, broken connections, answers of 5xx), and
/// `timed_out` without an answer. A job that fails or takes too long, a request that is refused (400, 401, 404, 409)
/// came from a platform that works. Throttling is a healthy platform's word, and answered by waiting.
inline Verdict verdict_of(const Error& error) noexcept {
    if (error.code == errc::infrastructure) return Verdict::failure;
    if (error.code == errc::timed_out && error.http_status == 0 && error.execution != Execution::started) {
        // Without an attempt, because the deadline had already passed.
        const bool tried = error.execution == Execution::unknown || error.retryable;
        return tried ? Verdict::failure : Verdict::neither;
    }
    if (error.code == errc::cancelled || error.code == errc::throttled) return Verdict::neither;
    if (error.http_status == 0 && error.execution == Execution::not_started) return Verdict::neither;
    return Verdict::success;
}

/// Whether a circuit breaker lets calls through.
enum class BreakerState {
    closed,     ///< all
    open,       ///< none
    half_open,  ///< a few, to see whether they succeed
};

/// Stops calls to what keeps failing. A call asks `enter`, and if it may go says with `leave` how it ended; what began
/// before the last change of state changes nothing any more. No clock, no lock.
class CircuitBreaker {
public:
    using Ticket = std::uint64_t;

    explicit CircuitBreaker(BreakerOptions options) noexcept : options_{options}, open_for_{options.open_for} {}

    /// Returns the ticket of a call that may go; nothing if it must not. Every ticket comes back by `leave`.
    std::optional<Ticket> enter(Moment now) noexcept {
        begin_probing(now);
        if (state_ == BreakerState::open) return std::nullopt;
        if (state_ == BreakerState::half_open) {
            if (probes_out_ + probes_passed_ >= probes_wanted()) return std::nullopt;
            ++probes_out_;
        }
        return epoch_;
    }
    void leave(Ticket ticket, Verdict verdict, Moment now) noexcept {
        if (ticket != epoch_) return;
        if (state_ == BreakerState::half_open) {
            --probes_out_;
            if (verdict == Verdict::failure) {
                open_for_ = std::min(open_for_ * 2, options_.max_open_for);
                open(now);
            } else if (verdict == Verdict::success && ++probes_passed_ >= probes_wanted()) {
                open_for_ = options_.open_for;
                change(BreakerState::closed);
            }
            return;
        }
        if (verdict == Verdict::neither) return;
        Slot& current = slot(now);
        ++current.calls;
        ++calls_;
        if (verdict == Verdict::success) {
            in_a_row_ = 0;
            return;
        }
        ++current.failures;
        ++failures_;
        ++in_a_row_;
        const bool many = calls_ >= options_.min_calls &&
                          static_cast<double>(failures_) >= static_cast<double>(calls_) * options_.failure_ratio;
        const bool dead = options_.consecutive_failures != 0 && in_a_row_ >= options_.consecutive_failures;
        if (many || dead) open(now);
    }

    BreakerState state(Moment now) noexcept {
        begin_probing(now);
        return state_;
    }
    /// Tells whether `enter` would give a ticket.
    bool lets_in(Moment now) noexcept {
        begin_probing(now);
        return state_ == BreakerState::closed ||
               (state_ == BreakerState::half_open && probes_out_ + probes_passed_ < probes_wanted());
    }
    /// Tells how long it stays open; zero if it is not open.
    std::chrono::milliseconds open_left(Moment now) noexcept {
        begin_probing(now);
        if (state_ != BreakerState::open) return std::chrono::milliseconds{0};
        return std::chrono::ceil<std::chrono::milliseconds>(open_until_ - now);
    }

private:
    struct Slot {
        std::uint64_t calls = 0;
        std::uint64_t failures = 0;
    };

    std::uint32_t probes_wanted() const noexcept { return std::max(options_.probes, 1U); }
    void begin_probing(Moment now) noexcept {
        if (state_ == BreakerState::open && now >= open_until_) change(BreakerState::half_open);
    }
    void open(Moment now) noexcept {
        change(BreakerState::open);
        open_until_ = now + open_for_;
    }
    void change(BreakerState state) noexcept {
        state_ = state;
        ++epoch_;
        probes_out_ = probes_passed_ = in_a_row_ = 0;
        slots_ = {};
        calls_ = failures_ = 0;
    }
    // A caller may have read its clock just before another one did: what is late counts as now.
    Slot& slot(Moment now) noexcept {
        const auto width = std::max<std::chrono::nanoseconds>(options_.window / 10, std::chrono::milliseconds{1});
        const auto number = static_cast<std::int64_t>(now.time_since_epoch() / width);
        const auto steps = std::min<std::int64_t>(number - number_, static_cast<std::int64_t>(slots_.size()));
        for (std::int64_t step = 0; step < steps; ++step) {
            at_ = (at_ + 1) % slots_.size();
            calls_ -= slots_[at_].calls;
            failures_ -= slots_[at_].failures;
            slots_[at_] = {};
        }
        number_ = std::max(number_, number);
        return slots_[at_];
    }

    BreakerOptions options_;
    BreakerState state_ = BreakerState::closed;
    Ticket epoch_ = 0;
    std::chrono::milliseconds open_for_;
    Moment open_until_{};
    std::uint32_t probes_out_ = 0;
    std::uint32_t probes_passed_ = 0;
    std::uint32_t in_a_row_ = 0;
    std::array<Slot, 10> slots_{};
    std::size_t at_ = 0;
    std::int64_t number_ = 0;
    std::uint64_t calls_ = 0;     // of all slots
    std::uint64_t failures_ = 0;  // of all slots
};

}  // namespace blueprint::faas

#endif
