#ifndef BLUEPRINT_FAAS_CODEC_LINK_HPP
#define BLUEPRINT_FAAS_CODEC_LINK_HPP

#include "blueprint/faas/auth/concept.hpp"
#include "blueprint/faas/detail/redact.hpp"
#include "blueprint/faas/detail/wait.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/resilience/concept.hpp"
#include "blueprint/faas/transport/concept.hpp"

#include <boost/asio/awaitable.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace blueprint::faas {

/// Whether sending an exchange a second time can do harm.
enum class Repeat {
    safe,       ///< Once or twice is the same: reading, replacing, deleting.
    if_unsent,  ///< Only if the first one certainly did not start the job.
};

/// What a codec makes its exchanges through, for the length of one operation: every request is authorised, sent under
/// the operation's deadline, judged, and sent again where that is safe. Used by one coroutine.
template <Transport TransportPolicy, Auth AuthPolicy, Resilience ResiliencePolicy>
class Link {
public:
    Link(TransportPolicy& transport, AuthPolicy& auth, ResiliencePolicy& resilience, Deadline deadline,
         const Environment& environment = Environment::process())
        : transport_{transport},
          auth_{auth},
          schedule_{resilience.begin()},
          environment_{environment},
          deadline_{deadline} {}

    /// Sends `request` until its answer passes `judge`, the schedule gives up or the deadline comes.
    /// `judge(const HttpResponse&)` returns the `std::optional<Error>` that the platform means by an answer. Its
    /// `retryable` says whether an idempotent exchange may be repeated; an `errc::authentication` that is retryable
    /// means "expired", which drops the credential and repeats once. `request` outlives the awaitable.
    template <class Purpose, class Judge>
    asio::awaitable<result<HttpResponse>> exchange(HttpRequest& request, Purpose purpose, Repeat repeat, Judge judge) {
        bool renewed = false;
        for (;;) {
            auto answer = co_await attempt(request, purpose, judge);
            if (answer) co_return answer;
            Error error = std::move(answer).error();
            if (error.code == errc::authentication && error.retryable && !renewed && auth_.invalidate()) {
                renewed = true;
                continue;
            }
            error.retryable = error.retryable && error.code != errc::authentication &&
                              (repeat == Repeat::safe || error.execution == Execution::not_started);
            const auto delay = schedule_.after(error, environment_.jitter());
            if (!delay || *delay >= time_left(deadline_)) co_return error;
            const auto waited = co_await wait(*delay);
            if (!waited) co_return waited.error();
        }
    }

    /// Waits, for codecs that poll; `errc::timed_out` at once if the deadline would pass meanwhile.
    asio::awaitable<result<void>> wait(std::chrono::milliseconds delay) {
        if (delay >= time_left(deadline_))
            co_return Error{.code = errc::timed_out,
                            .message = "the operation's deadline leaves no time for a further look; give it longer"};
        const bool waited = co_await detail::wait_for(delay);
        if (!waited)
            co_return Error{.code = errc::cancelled, .message = "cancelled while waiting between two requests"};
        co_return result<void>{};
    }

    Deadline deadline() const noexcept { return deadline_; }
    /// Counts the requests handed to the transport so far.
    std::uint32_t attempts() const noexcept { return attempts_; }

private:
    template <class Purpose, class Judge>
    asio::awaitable<result<HttpResponse>> attempt(HttpRequest& request, Purpose purpose, Judge& judge) {
        auto authorised = co_await auth_.authorize(request, purpose);
        if (!authorised) {
            Error error = std::move(authorised).error();
            error.execution = Execution::not_started;
            co_return error;
        }
        ++attempts_;
        auto answer = co_await transport_.exchange(request, deadline_);
        if (answer) {
            std::optional<Error> meant = judge(std::as_const(*answer));
            if (meant) {
                detail::redact(*meant, request.headers);
                co_return std::move(*meant);
            }
        }
        co_return answer;
    }

    TransportPolicy& transport_;
    AuthPolicy& auth_;
    decltype(std::declval<ResiliencePolicy&>().begin()) schedule_;
    const Environment& environment_;
    Deadline deadline_;
    std::uint32_t attempts_ = 0;
};

}  // namespace blueprint::faas

#endif
