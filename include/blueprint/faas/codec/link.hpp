#ifndef BLUEPRINT_FAAS_CODEC_LINK_HPP
#define BLUEPRINT_FAAS_CODEC_LINK_HPP

#include "blueprint/faas/auth/concept.hpp"
#include "blueprint/faas/codec/repeat.hpp"
#include "blueprint/faas/detail/attempts.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/pooled_frame.hpp"
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
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

/// What a codec makes its exchanges through, for the length of one operation: every request is let in by the resilience
/// policy, authorised, sent under the operation's deadline, judged, and sent again where that is safe. Used by one
/// coroutine; an operation that makes several exchanges at once gives each a `fork` of its link.
template <Transport TransportPolicy, Auth AuthPolicy, Resilience ResiliencePolicy>
class Link {
public:
    using pooled_frames = void;  // coroutines take their frames from a pool

private:
    using Clock = std::chrono::steady_clock;
    // An attempt: when it was asked for, whether it was let in, and how it failed, if it has.
    struct Try {
        Moment began{};
        bool admitted = false;
        std::unique_ptr<Error> failed{};
    };

public:
    Link(TransportPolicy& transport, AuthPolicy& auth, ResiliencePolicy& resilience, Deadline deadline,
         const Environment& environment = Environment::process())
        : Link{transport, auth, resilience, deadline, environment, Clock::now()} {}
    /// For an operation that began at `began`.
    Link(TransportPolicy& transport, AuthPolicy& auth, ResiliencePolicy& resilience, Deadline deadline,
         const Environment& environment, Moment began)
        : transport_{transport},
          auth_{auth},
          resilience_{resilience},
          environment_{environment},
          deadline_{deadline},
          began_{began} {}

    /// Sends `request` until its answer passes `judge`, the resilience policy gives up or the deadline comes.
    /// `judge(const HttpResponse&)` returns the `std::optional<Error>` that the platform means by an answer. Its
    /// `retryable` says whether an idempotent exchange may be repeated; an `errc::authentication` that is retryable
    /// means "expired", which drops the credential and repeats once. With `Repeat::if_unsent` nothing is repeated but
    /// what certainly did not start the job. The error is the last attempt's, its `execution` that of all of them
    /// together. `request` outlives the awaitable.
    template <class Purpose, class Judge>
    asio::awaitable<result<HttpResponse>> exchange(HttpRequest& request, Purpose purpose, Repeat repeat, Judge judge) {
        Opening first{*this};
        const auto state = co_await asio::this_coro::cancellation_state;
        if (first.ready(request, purpose, state.cancelled())) {
            auto answer = co_await first.send(request);
            if (first.passes(request, answer, judge)) co_return answer;
        }
        auto last = co_await first.go_on(request, purpose, repeat, judge);
        co_return std::move(*last);
    }

    /// The first attempt of an exchange, which mostly is the last one, in steps: for a coroutine that goes on by
    /// itself, because the further attempts are not to be paid for by those that need none:
    ///
    ///     Opening first{link};
    ///     const auto state = co_await asio::this_coro::cancellation_state;
    ///     if (first.ready(request, purpose, state.cancelled())) {
    ///         auto answer = co_await first.send(request);
    ///         if (first.passes(request, answer, judge)) co_return what_it_means(std::move(answer));
    ///     }
    ///     auto last = co_await first.go_on(request, purpose, repeat, judge);
    ///
    /// `last` then points to the outcome of the exchange. It is used by one coroutine, and the link outlives it.
    class Opening {
    public:
        explicit Opening(Link& link) : link_{link}, turn_{link.resilience_.begin()} {}
        Opening(const Opening&) = delete;
        Opening& operator=(const Opening&) = delete;

        /// Tells whether the request may be sent at once: it is let in, and authorised without waiting.
        template <class Purpose>
        bool ready(HttpRequest& request, Purpose purpose, asio::cancellation_type cancelled) {
            made_.began = link_.now();
            link_.fresh_ = false;
            made_.admitted = turn_.try_admit(made_.began);
            if (!made_.admitted) return false;
            link_.tell_time_left(request, made_.began);
            if (!try_authorize(link_.auth_, request, purpose)) return false;
            if (cancelled != asio::cancellation_type::none) cancel_unsent(made_);
            return cancelled == asio::cancellation_type::none;
        }
        asio::awaitable<result<HttpResponse>> send(const HttpRequest& request) {
            ++link_.attempts_;
            return link_.transport_.exchange(request, link_.deadline_);
        }
        template <class Judge>
        bool passes(const HttpRequest& request, result<HttpResponse>& answer, Judge judge) {
            const bool passed = link_.passes(request, answer, judge, made_);
            if (passed) turn_.succeeded(Clock::now());
            return passed;
        }
        template <class Purpose, class Judge>
        asio::awaitable<std::unique_ptr<result<HttpResponse>>> go_on(HttpRequest& request, Purpose purpose,
                                                                     Repeat repeat, Judge judge) {
            return link_.go_on(turn_, std::move(made_), request, purpose, repeat, judge);
        }

    private:
        using Turn = decltype(std::declval<ResiliencePolicy&>().begin());
        Link& link_;
        Turn turn_;
        Try made_{};
    };

    /// Waits, for codecs that poll; `errc::timed_out` at once if the deadline would pass meanwhile.
    asio::awaitable<result<void>> wait(std::chrono::milliseconds delay) {
        fresh_ = false;
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
    Link fork() const {
        Link child{transport_, auth_, resilience_, deadline_, environment_, began_};
        child.fresh_ = false;
        return child;
    }
    /// Takes over what `child`, which is used no more, has measured.
    void join(Link& child) {
        attempts_ += std::exchange(child.attempts_, 0);
        if (!child.failed_) return;
        for (auto& attempt : *child.failed_) failed().push_back(std::move(attempt));
        child.failed_.reset();
        std::sort(failed().begin(), failed().end(),
                  [](const Attempt& a, const Attempt& b) { return a.began_after < b.began_after; });
    }

    Deadline deadline() const noexcept { return deadline_; }
    /// Tells the time. Until the operation's first exchange, or wait, it is the one at which the operation began: what
    /// is written before that takes no time, and asking the clock does.
    Moment now() const noexcept { return fresh_ ? began_ : Clock::now(); }
    /// Counts the requests handed to the transport so far.
    std::uint32_t attempts() const noexcept { return attempts_; }
    /// Fills in what the link has measured: duration, attempts, and those that failed. Once, at the operation's end.
    void conclude(FaasMetrics& metrics) {
        metrics.total_duration = detail::between(began_, Clock::now());
        metrics.attempts = attempts_;
        metrics.failed_attempts = failed_ ? std::move(*failed_) : std::vector<Attempt>{};
    }

private:
    std::vector<Attempt>& failed() {
        if (!failed_) failed_ = std::make_unique<std::vector<Attempt>>();
        return *failed_;
    }
    void tell_time_left(HttpRequest& request, Moment now) const {
        if (request.timeout_header.empty() || deadline_ == Deadline::max()) return;
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - now).count();
        request.headers.set(request.timeout_header, std::to_string(std::max<std::int64_t>(1, left)));
    }

    template <class Judge>
    bool passes(const HttpRequest& request, result<HttpResponse>& answer, Judge& judge, Try& made) {
        if (!answer) {
            fail(made, std::move(answer).error());
            return false;
        }
        if constexpr (requires { auth_.observe(request, std::as_const(*answer)); })
            auth_.observe(request, std::as_const(*answer));
        std::optional<Error> meant = judge(std::as_const(*answer));
        if (!meant) return true;
        detail::redact(*meant, request.headers);
        fail(made, std::move(*meant));
        return false;
    }
    BLUEPRINT_FAAS_COLD static void fail(Try& made, Error error) {
        made.failed = std::make_unique<Error>(std::move(error));
    }
    BLUEPRINT_FAAS_COLD static void cancel_unsent(Try& made) {
        fail(made, Error{.code = errc::cancelled,
                         .message = "cancelled before the request was sent",
                         .execution = Execution::not_started});
    }

    // Goes on where the attempt `made` stands: not let in, let in and not authorised, or failed. By pointers, so that
    // the frame of a call that comes here hardly ever has no room for it.
    template <class Turn, class Purpose, class Judge>
    BLUEPRINT_FAAS_COLD asio::awaitable<std::unique_ptr<result<HttpResponse>>> go_on(Turn& turn, Try made,
                                                                                     HttpRequest& request,
                                                                                     Purpose purpose, Repeat repeat,
                                                                                     Judge judge) {
        std::optional<Error> last;
        auto fate = Execution::not_started;  // of all attempts so far
        bool renewed = false;
        for (auto waiting_since = made.began;;) {
            if (!made.admitted) {
                auto admitted = co_await turn.admit(deadline_);
                if (!admitted) co_return ended(not_admitted(std::move(last), std::move(admitted).error(), fate));
                made.began = Clock::now();
            }
            if (!made.failed) {
                auto answer = co_await attempt(request, purpose, judge, made);
                if (!made.failed) {
                    turn.succeeded(Clock::now());
                    co_return std::move(answer);
                }
            }
            const auto ended_at = Clock::now();
            Error error = std::move(*made.failed);
            failed().push_back(
                detail::failed_attempt(error, to_string(request.origin), began_, waiting_since, made.began, ended_at));
            waiting_since = ended_at;
            fate = detail::either(fate, error.execution);
            const bool harmless = repeat == Repeat::safe || error.execution == Execution::not_started;
            if (error.code == errc::authentication && error.retryable && harmless && !renewed &&
                invalidate(auth_, request)) {
                renewed = true;
                if (!turn.renew(ended_at)) {
                    error.execution = fate;
                    co_return ended(std::move(error));
                }
            } else {
                error.retryable = error.retryable && harmless && error.code != errc::authentication;
                const RetryDecision next = turn.after(error, ended_at, environment_.jitter());
                error.execution = fate;
                if (!next.why_not.empty()) detail::add_reason(error, next.why_not);
                if (!next.wait) co_return ended(std::move(error));
                if (*next.wait >= time_left(deadline_)) {
                    detail::add_reason(error, "the deadline left no time for another attempt");
                    co_return ended(std::move(error));
                }
                const auto state = co_await asio::this_coro::cancellation_state;
                bool stopped = state.cancelled() != asio::cancellation_type::none;
                if (!stopped) {
                    const bool waited = co_await detail::wait_for(*next.wait);
                    stopped = !waited;
                }
                if (stopped) co_return ended(cancelled_between(error));
            }
            last = std::move(error);
            made = Try{};
            made.began = Clock::now();
            made.admitted = turn.try_admit(made.began);
        }
    }

    template <class Purpose, class Judge>
    BLUEPRINT_FAAS_COLD asio::awaitable<std::unique_ptr<result<HttpResponse>>> attempt(HttpRequest& request,
                                                                                       Purpose purpose, Judge& judge,
                                                                                       Try& made) {
        tell_time_left(request, made.began);
        auto authorised = co_await authorize(auth_, request, purpose, deadline_);
        if (!authorised) {
            fail(made, std::move(authorised).error());
            made.failed->execution = Execution::not_started;
            co_return nullptr;
        }
        // A credential may have come from where cancelling is not heard.
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none) {
            cancel_unsent(made);
            co_return nullptr;
        }
        ++attempts_;
        auto answer = co_await transport_.exchange(request, deadline_);
        if (!passes(request, answer, judge, made)) co_return nullptr;
        co_return std::make_unique<result<HttpResponse>>(std::move(answer));
    }
    BLUEPRINT_FAAS_COLD static std::unique_ptr<result<HttpResponse>> ended(Error error) {
        return std::make_unique<result<HttpResponse>>(std::move(error));
    }
    // What the last attempt met says more than why there is no further one.
    BLUEPRINT_FAAS_COLD static Error not_admitted(std::optional<Error> last, Error refusal, Execution fate) {
        refusal.execution = fate;
        if (!last || refusal.code == errc::cancelled) return refusal;
        detail::add_reason(*last, "no further attempt was made: " + refusal.message);
        if (refusal.retry_after) last->retry_after = refusal.retry_after;
        return std::move(*last);
    }
    BLUEPRINT_FAAS_COLD static Error cancelled_between(const Error& last) {
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
    bool fresh_ = true;  // nothing was waited for since `began_`
    std::uint32_t attempts_ = 0;
    std::unique_ptr<std::vector<Attempt>> failed_{};  // null: none has
};

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
