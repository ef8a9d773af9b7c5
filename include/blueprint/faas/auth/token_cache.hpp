#ifndef BLUEPRINT_FAAS_AUTH_TOKEN_CACHE_HPP
#define BLUEPRINT_FAAS_AUTH_TOKEN_CACHE_HPP

#include "blueprint/faas/auth/token_schedule.hpp"
#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/single_flight.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/error.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

namespace asio = boost::asio;

/// A fresh credential and when it ends, by the wall clock. `T` holds its secrets as `Secret`.
template <class T>
struct FetchedToken {
    T value{};
    TokenSchedule::Time expires{};
    std::optional<TokenSchedule::Time> refresh_at{};  ///< when who gave it wants to be asked anew; nothing: not told
};

/// Keeps a credential that runs out, and fetches the next one before it does: one fetch at a time whoever asks, in the
/// background while the old one is good, with pauses after failures; see `TokenSchedule`. A fetch belongs to the cache
/// and not to the call that started it: a call that ends early takes nothing from the others, and none waits longer
/// than its own deadline. When nobody waits any more, or the cache goes, the fetch is cancelled.
/// Safe to use from every thread of the executor, whose io_context must outlive it.
template <class T>
class TokenCache {
public:
    using Fetched = result<FetchedToken<T>>;
    /// Fetches a credential. It is called again for every fetch, on a strand, and must own what it uses: a fetch may
    /// outlive the cache until its cancellation has reached it. It has a time limit of its own.
    using Fetch = std::function<asio::awaitable<Fetched>()>;
    using Token = std::shared_ptr<const T>;

    TokenCache(asio::any_io_executor executor, Fetch fetch, TokenRules rules = {},
               const Environment& environment = Environment::process())
        : flight_{std::move(executor)},
          state_{std::make_shared<State>(std::move(fetch), TokenSchedule{rules}, environment)} {}

    /// Returns the credential if it is good, without waiting, and starts its refresh if that is due; else nothing.
    Token ready() { return look(0).token; }

    /// Returns a good credential, fetched first if need be. The error is that of the fetch, or `errc::timed_out` or
    /// `errc::cancelled` for this call alone. `*this` must outlive the awaitable.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Token>> get(Deadline deadline) {
        std::uint64_t joined = 0;
        int without_outcome = 0;
        for (;;) {
            Look seen = look(joined);
            if (seen.token) co_return std::move(seen.token);
            if (seen.error) co_return std::move(*seen.error);
            joined = seen.flight;
            const auto end = co_await flight_.wait(joined, deadline);
            if (end == detail::FlightEnd::cancelled)
                co_return stopped(errc::cancelled, "cancelled while waiting for a token");
            if (end == detail::FlightEnd::timed_out)
                co_return stopped(errc::timed_out,
                                  "no token came before the call's deadline; give it longer, or look at the token "
                                  "endpoint");
            // A flight without an outcome was cancelled as this call came: the next one is ours, and nobody else's to
            // cancel. One whose token was refused before we saw it is followed by another, as often as tokens may be
            // dropped.
            if (!had_outcome(joined) && ++without_outcome == 3) {
                Error error = stopped(errc::infrastructure,
                                      "the fetch of a token ended again and again as if it had been cancelled; look at "
                                      "what gives tokens");
                error.retryable = true;
                co_return error;
            }
        }
    }

    /// Drops the credential that a platform refused, if `is_that_one(const T&)` says so of the one that is kept, and
    /// tells whether the next `get` may give another. False if too many were refused of late.
    template <class IsThatOne>
    BLUEPRINT_FAAS_COLD bool invalidate(IsThatOne is_that_one) {
        Token dropped;  // wiped outside the lock
        const std::lock_guard lock{state_->mutex};
        if (!state_->token || !is_that_one(*state_->token)) return true;
        if (!state_->schedule.drop(state_->environment.now())) return false;
        dropped = std::move(state_->token);
        return true;
    }

private:
    struct State {
        State(Fetch how, TokenSchedule when, const Environment& world)
            : fetch{std::move(how)}, schedule{when}, environment{world} {}

        void settle(Fetched fetched) {
            Token old;
            const std::lock_guard lock{mutex};
            const auto now = environment.now();
            if (fetched) {
                old = std::exchange(token, std::make_shared<const T>(std::move(fetched->value)));
                schedule.fetched(now, fetched->expires, environment.jitter(), fetched->refresh_at);
                failure.reset();
                failed_flight = 0;
                fetched_flight = flights;
                return;
            }
            Error error = std::move(fetched).error();
            if (error.code == errc::cancelled) return schedule.abandoned();
            error.execution = Execution::not_started;
            schedule.failed(now, error.retry_after, environment.jitter());
            failure = std::move(error);
            failed_flight = flights;
        }

        const Fetch fetch;
        std::mutex mutex;  // guards what follows; never held over a co_await
        TokenSchedule schedule;
        const Environment& environment;
        Token token{};
        std::optional<Error> failure{};  // of the last fetch
        std::uint64_t flights = 0;
        std::uint64_t failed_flight = 0;
        std::uint64_t fetched_flight = 0;
    };
    /// One of: a credential, an error, or the flight to wait for.
    struct Look {
        Token token{};
        std::optional<Error> error{};
        std::uint64_t flight = 0;
    };

    static Error stopped(errc code, std::string message) {
        return Error{.code = code, .message = std::move(message), .execution = Execution::not_started};
    }
    BLUEPRINT_FAAS_COLD static asio::awaitable<void> carry_out(std::shared_ptr<State> state) {
        co_await asio::this_coro::throw_if_cancelled(false);
        Fetched fetched = Error{.code = errc::infrastructure, .message = "the fetch of a token threw an exception"};
        try {
            asio::awaitable<Fetched> fetching = state->fetch();
            fetched = co_await std::move(fetching);
        } catch (const std::exception& thrown) {
            fetched = Error{.code = errc::infrastructure,
                            .message = std::string{"the fetch of a token threw an exception: "} + thrown.what()};
        }
        state->settle(std::move(fetched));
    }
    bool had_outcome(std::uint64_t flight) const {
        const std::lock_guard lock{state_->mutex};
        return state_->failed_flight >= flight || state_->fetched_flight >= flight;
    }
    Look look(std::uint64_t joined) {
        Look seen;
        TokenStep step{};
        {
            const std::lock_guard lock{state_->mutex};
            const auto now = state_->environment.now();
            if (joined != 0 && !state_->schedule.usable(now)) {  // what came is for those who waited for it
                if (state_->failed_flight >= joined) seen.error = state_->failure;
                if (state_->fetched_flight >= joined) seen.token = state_->token;
                if (seen.error || seen.token) return seen;
            }
            step = state_->schedule.next(now);
            if (step == TokenStep::use || step == TokenStep::use_and_refresh) seen.token = state_->token;
            if (step == TokenStep::use_and_refresh || step == TokenStep::fetch) ++state_->flights;
            if (step == TokenStep::pause) {
                seen.error = state_->failure;
                if (seen.error->retryable) seen.error->retry_after = state_->schedule.pause_left(now);
            }
            seen.flight = state_->flights;
        }
        if (step == TokenStep::use_and_refresh || step == TokenStep::fetch)
            flight_.start(seen.flight, carry_out(state_), step == TokenStep::fetch);
        return seen;
    }

    detail::SingleFlight flight_;
    std::shared_ptr<State> state_;
};

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
