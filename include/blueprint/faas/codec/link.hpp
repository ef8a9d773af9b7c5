#ifndef BLUEPRINT_FAAS_CODEC_LINK_HPP
#define BLUEPRINT_FAAS_CODEC_LINK_HPP

#include "blueprint/faas/auth/concept.hpp"
#include "blueprint/faas/detail/attempts.hpp"
#include "blueprint/faas/detail/redact.hpp"
#include "blueprint/faas/detail/wait.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/metrics.hpp"
#include "blueprint/faas/resilience/concept.hpp"
#include "blueprint/faas/transport/concept.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace blueprint::faas {

/// Whether sending an exchange a second time can do harm.
enum class Repeat {
    safe,       ///< Once or twice is the same: reading, replacing, deleting.
    if_unsent,  ///< Only if the first one certainly did not start the job.
};

/// What a codec makes its exchanges through, for the length of one operation: every request is let in by the resilience
/// policy, authorised, sent under the operation's deadline, judged, and sent again where that is safe. Used by one
/// coroutine; an operation that makes several exchanges at once gives each a `fork` of its link.
template <Transport TransportPolicy, Auth AuthPolicy, Resilience ResiliencePolicy>
class Link {
    using Clock = std::chrono::steady_clock;

public:
    Link(TransportPolicy& transport, AuthPolicy& auth, ResiliencePolicy& resilience, Deadline deadline,
         const Environment& environment = Environment::process())
        : Link{transport, auth, resilience, deadline, environment, Clock::now()} {}

    /// Sends `request` until its answer passes `judge`, the resilience policy gives up or the deadline comes.
    /// `judge(const HttpResponse&)` returns the `std::optional<Error>` that the platform means by an answer. Its
    /// `retryable` says whether an idempotent exchange may be repeated; an `errc::authentication` that is retryable
    /// means "expired", which drops the credential and repeats once. With `Repeat::if_unsent` nothing is repeated but
    /// what certainly did not start the job. The error is the last attempt's, its `execution` that of all of them
    /// together. `request` outlives the awaitable.
    template <class Purpose, class Judge>
    asio::awaitable<result<HttpResponse>> exchange(HttpRequest& request, Purpose purpose, Repeat repeat, Judge judge) {
        auto turn = resilience_.begin();
        std::optional<Error> last;
        auto fate = Execution::not_started;  // of all attempts so far
        bool renewed = false;
        for (auto waiting_since = Clock::now();;) {
            auto began = Clock::now();
            if (!turn.try_admit(began)) {
                auto admitted = co_await turn.admit(deadline_);
                if (!admitted) co_return not_admitted(std::move(last), std::move(admitted).error(), fate);
                began = Clock::now();
            }
            auto answer = co_await attempt(request, purpose, judge);
            const auto ended = Clock::now();
            if (answer) {
                turn.succeeded(ended);
                co_return answer;
            }
            Error error = std::move(answer).error();
            failed_.push_back(
                detail::failed_attempt(error, to_string(request.origin), began_, waiting_since, began, ended));
            waiting_since = ended;
            fate = detail::either(fate, error.execution);
            const bool harmless = repeat == Repeat::safe || error.execution == Execution::not_started;
            if (error.code == errc::authentication && error.retryable && harmless && !renewed &&
                invalidate(auth_, request)) {
                renewed = true;
                if (!turn.renew(ended)) {
                    error.execution = fate;
                    co_return error;
                }
                last = std::move(error);
                continue;
            }
            error.retryable = error.retryable && harmless && error.code != errc::authentication;
            const RetryDecision next = turn.after(error, ended, environment_.jitter());
            error.execution = fate;
            if (!next.why_not.empty()) detail::add_reason(error, next.why_not);
            if (!next.wait) co_return error;
            if (*next.wait >= time_left(deadline_)) {
                detail::add_reason(error, "the deadline left no time for another attempt");
                co_return error;
            }
            const auto state = co_await asio::this_coro::cancellation_state;
            bool stopped = state.cancelled() != asio::cancellation_type::none;
            if (!stopped) {
                const bool waited = co_await detail::wait_for(*next.wait);
                stopped = !waited;
            }
            if (stopped) co_return cancelled_between(error);
            last = std::move(error);
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

    /// Makes a link for exchanges beside those of this one, of the same operation. What it measured is taken over by
    /// `join`.
    Link fork() const { return {transport_, auth_, resilience_, deadline_, environment_, began_}; }
    /// Takes over what `child`, which is used no more, has measured.
    void join(Link& child) {
        attempts_ += std::exchange(child.attempts_, 0);
        for (auto& attempt : child.failed_) failed_.push_back(std::move(attempt));
        child.failed_.clear();
        std::sort(failed_.begin(), failed_.end(),
                  [](const Attempt& a, const Attempt& b) { return a.began_after < b.began_after; });
    }

    Deadline deadline() const noexcept { return deadline_; }
    /// Counts the requests handed to the transport so far.
    std::uint32_t attempts() const noexcept { return attempts_; }
    /// Fills in what the link has measured: duration, attempts, and those that failed. Once, at the operation's end.
    void conclude(FaasMetrics& metrics) {
        metrics.total_duration = detail::between(began_, Clock::now());
        metrics.attempts = attempts_;
        metrics.failed_attempts = std::move(failed_);
    }

private:
    Link(TransportPolicy& transport, AuthPolicy& auth, ResiliencePolicy& resilience, Deadline deadline,
         const Environment& environment, Moment began)
        : transport_{transport},
          auth_{auth},
          resilience_{resilience},
          environment_{environment},
          deadline_{deadline},
          began_{began} {}

    template <class Purpose, class Judge>
    asio::awaitable<result<HttpResponse>> attempt(HttpRequest& request, Purpose purpose, Judge& judge) {
        if (!request.timeout_header.empty() && deadline_ != Deadline::max())
            request.headers.set(request.timeout_header,
                                std::to_string(std::max<std::int64_t>(1, time_left(deadline_).count())));
        auto authorised = co_await authorize(auth_, request, purpose, deadline_);
        if (!authorised) {
            Error error = std::move(authorised).error();
            error.execution = Execution::not_started;
            co_return error;
        }
        // A credential may have come from where cancelling is not heard.
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none)
            co_return Error{.code = errc::cancelled,
                            .message = "cancelled before the request was sent",
                            .execution = Execution::not_started};
        ++attempts_;
        auto answer = co_await transport_.exchange(request, deadline_);
        if (answer) {
            if constexpr (requires { auth_.observe(std::as_const(request), std::as_const(*answer)); })
                auth_.observe(std::as_const(request), std::as_const(*answer));
            std::optional<Error> meant = judge(std::as_const(*answer));
            if (meant) {
                detail::redact(*meant, request.headers);
                co_return std::move(*meant);
            }
        }
        co_return answer;
    }
    // What the last attempt met says more than why there is no further one.
    static Error not_admitted(std::optional<Error> last, Error refusal, Execution fate) {
        refusal.execution = fate;
        if (!last || refusal.code == errc::cancelled) return refusal;
        detail::add_reason(*last, "no further attempt was made: " + refusal.message);
        if (refusal.retry_after) last->retry_after = refusal.retry_after;
        return std::move(*last);
    }
    static Error cancelled_between(const Error& last) {
        return Error{.code = errc::cancelled,
                     .message = "cancelled while waiting to try again; the last attempt: " + last.message,
                     .http_status = last.http_status,
                     .platform_code = last.platform_code,
                     .request_id = last.request_id,
                     .execution = last.execution};
    }

    TransportPolicy& transport_;
    AuthPolicy& auth_;
    ResiliencePolicy& resilience_;
    const Environment& environment_;
    const Deadline deadline_;
    const Moment began_;
    std::uint32_t attempts_ = 0;
    std::vector<Attempt> failed_{};
};

}  // namespace blueprint::faas

#endif
