#ifndef BLUEPRINT_FAAS_RESILIENCE_IMPL_RACE_HPP
#define BLUEPRINT_FAAS_RESILIENCE_IMPL_RACE_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/metrics.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

namespace asio = boost::asio;

/// Two calls under way at once, and one coroutine that waits for them. All of it runs on one strand. The calls share
/// it, so that what cancels them outlives them also where the io_context ends before they do.
class Race : public std::enable_shared_from_this<Race> {
public:
    static constexpr std::size_t lanes = 2;

    explicit Race(asio::any_io_executor strand) : strand_{std::move(strand)}, ended_one_{strand_} {}

    /// Starts a call on the next lane; at most `lanes`.
    void start(asio::awaitable<result<Invocation>> operation) {
        const auto lane = started_++;
        asio::co_spawn(strand_, std::move(operation),
                       asio::bind_cancellation_slot(signals_[lane].slot(),
                                                    asio::bind_executor(strand_, Ended{shared_from_this(), lane})));
    }
    /// Waits until one of them has ended beyond the first `seen`, `until` has come, or the waiter was cancelled.
    /// Whoever calls it keeps the race.
    asio::awaitable<void> wait(std::size_t seen, Moment until) {
        if (ended_ > seen) co_return;
        ended_one_.expires_at(until);
        co_await ended_one_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    void cancel() {
        for (std::size_t lane = 0; lane < started_; ++lane)
            if (!outcomes_[lane] && !failures_[lane]) signals_[lane].emit(asio::cancellation_type::terminal);
    }

    std::size_t started() const noexcept { return started_; }
    std::size_t ended() const noexcept { return ended_; }
    std::size_t running() const noexcept { return started_ - ended_; }
    /// Returns the lane that succeeded first; nothing if none has.
    std::optional<std::size_t> winner() const noexcept { return winner_; }
    result<Invocation>& outcome(std::size_t lane) { return *outcomes_[lane]; }
    bool succeeded(std::size_t lane) const { return outcomes_[lane] && outcomes_[lane]->has_value(); }
    void rethrow() const {
        for (const auto& failure : failures_)
            if (failure) std::rethrow_exception(failure);
    }

private:
    struct Ended {
        std::shared_ptr<Race> race;
        std::size_t lane;
        void operator()(std::exception_ptr failure, result<Invocation> outcome) const {
            race->failures_[lane] = failure;
            if (!failure) {
                if (outcome && !race->winner_) race->winner_ = lane;
                race->outcomes_[lane].emplace(std::move(outcome));
            }
            ++race->ended_;
            race->ended_one_.cancel();
        }
    };

    asio::any_io_executor strand_;
    asio::steady_timer ended_one_;
    std::array<asio::cancellation_signal, lanes> signals_{};
    std::array<std::optional<result<Invocation>>, lanes> outcomes_{};
    std::array<std::exception_ptr, lanes> failures_{};
    std::optional<std::size_t> winner_{};
    std::size_t started_ = 0;
    std::size_t ended_ = 0;
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
