#ifndef BLUEPRINT_FAAS_RESILIENCE_RATE_LIMIT_HPP
#define BLUEPRINT_FAAS_RESILIENCE_RATE_LIMIT_HPP

#include "blueprint/faas/deadline.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace blueprint::faas {

/// How many requests a second may leave, and how many of them at once.
struct RateLimitOptions {
    double per_second = 0;    ///< 0: no limit
    std::uint32_t burst = 0;  ///< that many at once after a quiet time; 0: those of one second
};

/// Spaces events so that at most `burst` come at once and `per_second` in the long run. Keeps one point in time
/// instead of a count of tokens: nothing drifts and nothing has to be refilled. No clock, no lock.
class RateLimit {
public:
    explicit RateLimit(RateLimitOptions options) noexcept : limited_{options.per_second > 0} {
        if (!limited_) return;
        const auto nanoseconds = std::clamp(1e9 / options.per_second, 1.0, 1e18);
        interval_ = std::chrono::nanoseconds{static_cast<std::int64_t>(nanoseconds)};
        const auto one_second = std::clamp(options.per_second, 1.0, 4e9);
        const auto burst = options.burst != 0 ? options.burst : static_cast<std::uint32_t>(one_second);
        const auto tolerance = std::min(static_cast<double>(burst - 1) * nanoseconds, 1e18);
        tolerance_ = std::chrono::nanoseconds{static_cast<std::int64_t>(tolerance)};
    }

    /// Takes one event now; false if it comes too early.
    bool try_take(Moment now) noexcept {
        if (!limited_) return true;
        if (now < next()) return false;
        full_at_ = std::max(full_at_, now) + interval_;
        return true;
    }
    /// Tells from when on the next event may be taken; long past if at once.
    Moment next() const noexcept { return limited_ ? full_at_ - tolerance_ : Moment{}; }
    /// Gives back an event that was taken and then not used.
    void give_back() noexcept {
        if (limited_) full_at_ -= interval_;
    }

private:
    bool limited_;
    std::chrono::nanoseconds interval_{};
    std::chrono::nanoseconds tolerance_{};
    Moment full_at_{};  // when the whole burst is there again
};

}  // namespace blueprint::faas

#endif
