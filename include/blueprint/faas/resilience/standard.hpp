#ifndef BLUEPRINT_FAAS_RESILIENCE_STANDARD_HPP
#define BLUEPRINT_FAAS_RESILIENCE_STANDARD_HPP

#include "blueprint/faas/resilience/concept.hpp"
#include "blueprint/faas/resilience/retry.hpp"

namespace blueprint::faas {

/// Tries up to three times with full jitter, obeying the platform's `Retry-After`.
class StandardResilience {
public:
    StandardResilience() = default;
    explicit StandardResilience(RetryLimits limits) noexcept : limits_{limits} {}
    RetrySchedule begin() const noexcept { return RetrySchedule{limits_}; }

private:
    RetryLimits limits_{};
};
static_assert(Resilience<StandardResilience>);

/// Never tries again: for callers who repeat themselves.
class NoRetry {
public:
    RetrySchedule begin() const noexcept { return RetrySchedule{RetryLimits{.max_attempts = 1}}; }
};
static_assert(Resilience<NoRetry>);

}  // namespace blueprint::faas

#endif
