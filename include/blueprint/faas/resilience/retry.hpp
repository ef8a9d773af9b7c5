#ifndef BLUEPRINT_FAAS_RESILIENCE_RETRY_HPP
#define BLUEPRINT_FAAS_RESILIENCE_RETRY_HPP

#include "blueprint/faas/error.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace blueprint::faas {

/// How often and how patiently a failed exchange is sent again.
struct RetryLimits {
    std::uint32_t max_attempts = 3;
    std::chrono::milliseconds first_delay{50};              ///< ceiling of the first wait; doubles with every failure
    std::chrono::milliseconds first_throttled_delay{1000};  ///< the same after `errc::throttled`
    std::chrono::milliseconds max_delay{20'000};
};

/// The retries of one exchange: no clock, no timer, no I/O.
class RetrySchedule {
public:
    /// `failures`: those that there were already.
    explicit RetrySchedule(RetryLimits limits, std::uint32_t failures = 0) noexcept
        : limits_{limits}, failures_{failures} {}

    std::uint32_t failures() const noexcept { return failures_; }

    /// What follows a failed attempt: wait this long and try again, or (nothing) give up. `jitter` is from [0, 1).
    std::optional<std::chrono::milliseconds> after(const Error& error, double jitter) noexcept {
        if (!error.retryable || ++failures_ >= limits_.max_attempts) return std::nullopt;
        if (error.retry_after) return error.retry_after;  // the platform knows better than our curve
        const auto first = error.code == errc::throttled ? limits_.first_throttled_delay : limits_.first_delay;
        const auto factor = std::int64_t{1} << std::min(failures_ - 1, 20U);
        const std::chrono::milliseconds ceiling =
            std::min<std::chrono::milliseconds>(limits_.max_delay, first * factor);
        return std::chrono::milliseconds{
            static_cast<std::chrono::milliseconds::rep>(static_cast<double>(ceiling.count()) * jitter)};
    }

private:
    RetryLimits limits_;
    std::uint32_t failures_;
};

}  // namespace blueprint::faas

#endif
