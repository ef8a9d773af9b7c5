#ifndef BLUEPRINT_FAAS_RESILIENCE_CONCEPT_HPP
#define BLUEPRINT_FAAS_RESILIENCE_CONCEPT_HPP

#include "blueprint/faas/error.hpp"

#include <chrono>
#include <concepts>
#include <optional>

namespace blueprint::faas {

/// Decides which failures are tried again and when. `begin()` gives the schedule of one operation; the schedule's
/// `after(error, jitter)` is asked after each failed attempt and answers how long to wait, or nothing to give up. An
/// error that is not `retryable` must never be tried again. May be called from several threads. Models:
/// StandardResilience, NoRetry.
template <class R>
concept Resilience = std::move_constructible<R> && requires(R& resilience, const Error& error, double jitter) {
    { resilience.begin().after(error, jitter) } -> std::same_as<std::optional<std::chrono::milliseconds>>;
};

}  // namespace blueprint::faas

#endif
