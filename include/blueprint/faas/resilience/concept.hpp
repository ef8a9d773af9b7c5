#ifndef BLUEPRINT_FAAS_RESILIENCE_CONCEPT_HPP
#define BLUEPRINT_FAAS_RESILIENCE_CONCEPT_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/error.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <concepts>
#include <optional>
#include <string_view>

namespace blueprint::faas {

namespace asio = boost::asio;

/// What follows a failed attempt.
struct RetryDecision {
    std::optional<std::chrono::milliseconds> wait{};  ///< then try again; nothing: give up
    std::string_view why_not{};  ///< why a failure that could be repeated is not, for its message; static lifetime
};

/// One exchange with all its repeats, as its resilience policy sees it; used by one coroutine.
/// Before each attempt `try_admit(now)` is asked, which neither waits nor allocates. Where it says no,
/// `admit(deadline)` waits until the attempt may be made, or says why it may not (then `execution` is `not_started`).
/// An attempt that was let in ends by one of: `succeeded(now)`; `after(error, now, jitter)`, with `jitter` from [0, 1),
/// where an error that is not `retryable` must never be tried again; `renew(now)` when the platform refused an expired
/// credential, which tells whether the exchange may be made at once with a fresh one; or the object's end. It may
/// outlive its policy.
template <class T>
concept ResilienceTurn = requires(T& turn, Moment now, Deadline deadline, const Error& error, double jitter) {
    { turn.try_admit(now) } -> std::same_as<bool>;
    { turn.admit(deadline) } -> std::same_as<asio::awaitable<result<void>>>;
    { turn.succeeded(now) } -> std::same_as<void>;
    { turn.after(error, now, jitter) } -> std::same_as<RetryDecision>;
    { turn.renew(now) } -> std::same_as<bool>;
};

/// Decides which attempts are made when, and which failures are tried again. `begin()` gives the turn of one exchange.
/// May be called from several threads. Models: StandardResilience, NoRetry.
template <class R>
concept Resilience = std::move_constructible<R> && requires(R& resilience) {
    { resilience.begin() } -> ResilienceTurn;
};

}  // namespace blueprint::faas

#endif
