#ifndef BLUEPRINT_FAAS_DEADLINE_HPP
#define BLUEPRINT_FAAS_DEADLINE_HPP

#include <chrono>

namespace blueprint::faas {

/// The point in time at which an operation must have ended. It is handed down through all layers, so waits never add
/// up.
using Deadline = std::chrono::steady_clock::time_point;

/// A point in time of the clock that all waits are measured with. What decides is told it, and reads no clock.
using Moment = std::chrono::steady_clock::time_point;

/// Returns the deadline `timeout` from `now`; a timeout too long for the clock means "never".
inline Deadline deadline_after(std::chrono::milliseconds timeout,
                               Moment now = std::chrono::steady_clock::now()) noexcept {
    const auto room = std::chrono::duration_cast<std::chrono::milliseconds>(Deadline::max() - now);
    return timeout >= room ? Deadline::max() : now + timeout;
}

/// Returns what is left from `now` until `deadline`, never less than zero.
inline std::chrono::milliseconds time_left(Deadline deadline, Moment now = std::chrono::steady_clock::now()) noexcept {
    if (deadline <= now) return std::chrono::milliseconds{0};
    return std::chrono::duration_cast<std::chrono::milliseconds>(deadline - now);
}

}  // namespace blueprint::faas

#endif
