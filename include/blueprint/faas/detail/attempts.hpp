#ifndef BLUEPRINT_FAAS_DETAIL_ATTEMPTS_HPP
#define BLUEPRINT_FAAS_DETAIL_ATTEMPTS_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/metrics.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail {

/// Tells whether a job may have run if of two attempts one had the fate `a` and the other `b`.
constexpr Execution either(Execution a, Execution b) noexcept {
    if (a == Execution::started || b == Execution::started) return Execution::started;
    return a == Execution::unknown || b == Execution::unknown ? Execution::unknown : Execution::not_started;
}

inline std::chrono::microseconds between(Moment from, Moment to) noexcept {
    return std::chrono::duration_cast<std::chrono::microseconds>(to - from);
}

/// Writes down an attempt that failed: the operation began at `operation`, the wait before the attempt at `waited`, the
/// attempt itself at `began`.
BLUEPRINT_FAAS_COLD inline Attempt failed_attempt(const Error& error, std::string where, Moment operation,
                                                  Moment waited, Moment began, Moment ended) {
    return Attempt{.began_after = between(operation, began),
                   .took = between(began, ended),
                   .waited_before = between(waited, began),
                   .where = std::move(where),
                   .code = error.code,
                   .http_status = error.http_status,
                   .why = error.message,
                   .execution = error.execution};
}

/// Adds to a message why the matter rests there.
inline void add_reason(Error& error, std::string_view reason) { error.message.append("; ").append(reason); }

}  // namespace blueprint::faas::detail

#endif
