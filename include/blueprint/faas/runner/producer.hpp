#ifndef BLUEPRINT_FAAS_RUNNER_PRODUCER_HPP
#define BLUEPRINT_FAAS_RUNNER_PRODUCER_HPP

#include "blueprint/faas/job.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <variant>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

namespace asio = boost::asio;

/// Input that is no call, such as a broken line: it becomes one failed result, and the producer goes on.
struct RefusedCall {
    std::optional<JobId> job_id{};  ///< if it could be read; the failed result has job 0 otherwise
    Error error{};
    Metadata metadata{};
};

/// What a producer hands over: a call, or input that is none.
using Produced = std::variant<JobCall, RefusedCall>;

/// Where calls come from. `next` gives a call, an empty optional once there are no more (a good end), or an `Error` (a
/// bad one); it is not called again after either. It is called on the runner's strand, one call at a time, and its
/// pending operation is cancelled when the run stops; what it returns then is still taken care of.
/// It may have `std::size_t abandon()`: called once when nothing more will be taken, it refuses further input and tells
/// how many accepted calls were never handed over.
/// Models: RangeProducer, GeneratorProducer, TimerProducer, ChannelProducer, JsonLinesProducer.
template <class P>
concept Producer = std::move_constructible<P> && (requires(P& producer) {
                       { producer.next() } -> std::same_as<asio::awaitable<result<std::optional<JobCall>>>>;
                   } || requires(P& producer) {
                       { producer.next() } -> std::same_as<asio::awaitable<result<std::optional<Produced>>>>;
                   });

/// Produces the calls of a range: of a container that it owns, or of a view. It is walked through once, lazily.
template <std::ranges::input_range R>
    requires std::convertible_to<std::ranges::range_rvalue_reference_t<R>, JobCall> ||
             std::convertible_to<std::ranges::range_reference_t<R>, JobCall>
class RangeProducer {
public:
    explicit RangeProducer(R range) : range_{std::move(range)} {}
    RangeProducer(RangeProducer&&) = default;  // before the first `next` only: an iterator may point into `range_`

    asio::awaitable<result<std::optional<JobCall>>> next() {
        if (!at_) at_.emplace(std::ranges::begin(range_));
        if (*at_ == std::ranges::end(range_)) co_return std::optional<JobCall>{};
        std::optional<JobCall> call{take()};
        ++*at_;
        co_return call;
    }

private:
    JobCall take() {
        if constexpr (std::ranges::view<R>)
            return **at_;
        else
            return std::ranges::iter_move(*at_);
    }

    R range_;
    std::optional<std::ranges::iterator_t<R>> at_;
};

/// Produces what `f()` returns, an `std::optional<JobCall>`, until it is empty.
template <class F>
    requires std::same_as<std::invoke_result_t<F&>, std::optional<JobCall>>
class GeneratorProducer {
public:
    explicit GeneratorProducer(F f) : f_{std::move(f)} {}

    asio::awaitable<result<std::optional<JobCall>>> next() {
        std::optional<JobCall> call = f_();
        co_return call;
    }

private:
    F f_;
};

/// Returns the tick after the one at `planned`: one interval later or, when that has passed already, the next one of
/// the same rhythm. Missed ticks are left out, never bunched.
template <class TimePoint>
constexpr TimePoint next_tick(TimePoint planned, typename TimePoint::duration interval, TimePoint now) noexcept {
    const TimePoint next = planned + interval;
    if (next >= now) return next;
    return next + interval * ((now - next + interval - typename TimePoint::duration{1}) / interval);
}

/// Produces `make_call(n)` for n = 0, 1, ... at every `interval` (at least 1 ms), the first one interval after the
/// start; `count` calls, or without end. `Clock` stands in for tests.
template <class F, class Clock = std::chrono::steady_clock>
    requires std::convertible_to<std::invoke_result_t<F&, std::uint64_t>, JobCall>
class TimerProducer {
public:
    TimerProducer(std::chrono::milliseconds interval, F make_call, std::optional<std::uint64_t> count = {})
        : interval_{interval.count() > 0 ? interval : std::chrono::milliseconds{1}},
          make_call_{std::move(make_call)},
          count_{count} {}

    asio::awaitable<result<std::optional<JobCall>>> next() {
        if (count_ && made_ >= *count_) co_return std::optional<JobCall>{};
        const auto now = Clock::now();
        planned_ = planned_ ? next_tick<typename Clock::time_point>(*planned_, interval_, now) : now + interval_;
        asio::basic_waitable_timer<Clock> timer{co_await asio::this_coro::executor};
        timer.expires_at(*planned_);
        const auto [stopped] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        if (stopped)
            co_return Error{.code = errc::cancelled,
                            .message = "the timer producer was stopped",
                            .execution = Execution::not_started};
        std::optional<JobCall> call{make_call_(made_++)};
        co_return call;
    }

private:
    std::chrono::milliseconds interval_;
    F make_call_;
    std::optional<std::uint64_t> count_;
    std::uint64_t made_ = 0;
    std::optional<typename Clock::time_point> planned_;
};

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
