#ifndef BLUEPRINT_FAAS_DETAIL_IMPL_SINGLE_FLIGHT_IPP
#define BLUEPRINT_FAAS_DETAIL_IMPL_SINGLE_FLIGHT_IPP

#include "blueprint/faas/detail/single_flight.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>

#include <algorithm>
#include <exception>
#include <mutex>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

struct SingleFlight::State {
    explicit State(asio::any_io_executor executor) : strand{asio::make_strand(std::move(executor))} {}

    /// One coroutine that waits: its timer ends at its deadline, or is cancelled when the operation is over.
    struct Waiter {
        Waiter(const asio::any_io_executor& executor, std::uint64_t flight) : timer{executor}, number{flight} {}
        asio::steady_timer timer;
        std::uint64_t number;
        bool landed = false;
    };
    /// Starts a wait with the lock held, so that no operation lands between the look and the wait.
    struct StartWait {
        State* state;
        Waiter* waiter;
        template <class Handler>
        void operator()(Handler handler) const {
            const std::lock_guard lock{state->mutex};
            waiter->landed = state->landed >= waiter->number;
            if (waiter->landed) {
                waiter->timer.expires_at(Deadline{});  // long past
            } else {
                state->waiters.push_back(waiter);
            }
            waiter->timer.async_wait(std::move(handler));
        }
    };

    BLUEPRINT_FAAS_COLD void land(std::uint64_t number, const std::shared_ptr<asio::cancellation_signal>& signal) {
        const std::lock_guard lock{mutex};
        landed = number;
        if (stop == signal) stop.reset();  // the next one may have started
        for (auto* waiter : waiters) {
            if (waiter->number > number) continue;
            waiter->landed = true;
            waiter->timer.cancel();
        }
    }
    // Emitted on the operation's own strand: a signal and what it cancels are not for two threads.
    BLUEPRINT_FAAS_COLD void cancel() {
        if (!stop) return;
        asio::post(strand, [signal = std::move(stop)] { signal->emit(asio::cancellation_type::terminal); });
    }

    asio::strand<asio::any_io_executor> strand;
    std::mutex mutex;  // guards what follows; never held over a co_await
    std::vector<Waiter*> waiters;
    std::shared_ptr<asio::cancellation_signal> stop;  // of the operation that runs, until it is cancelled
    std::uint64_t landed = 0;
    bool awaited = false;
};

BLUEPRINT_FAAS_DECL SingleFlight::SingleFlight(asio::any_io_executor executor)
    : state_{std::make_shared<State>(std::move(executor))} {}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL SingleFlight::~SingleFlight() {
    const std::lock_guard lock{state_->mutex};
    state_->cancel();
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL void SingleFlight::start(std::uint64_t number, asio::awaitable<void> operation,
                                                                 bool awaited) {
    auto signal = std::make_shared<asio::cancellation_signal>();
    {
        const std::lock_guard lock{state_->mutex};
        state_->stop = signal;
        state_->awaited = awaited;
    }
    auto landed = [state = state_, signal, number](std::exception_ptr) {
        state->land(number, signal);
        asio::post(state->strand, [signal] {});  // what winds up after this handler still looks at it
    };
    asio::co_spawn(state_->strand, std::move(operation),
                   asio::bind_cancellation_slot(signal->slot(), std::move(landed)));
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<FlightEnd> SingleFlight::wait(std::uint64_t number,
                                                                                      Deadline deadline) {
    const auto state = state_;
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    State::Waiter waiter{executor, number};
    boost::system::error_code woken = asio::error::operation_aborted;
    if (cancellation.cancelled() == asio::cancellation_type::none) {
        waiter.timer.expires_at(deadline);
        const State::StartWait start_wait{state.get(), &waiter};
        auto token = asio::as_tuple(asio::use_awaitable);
        auto waiting = asio::async_initiate<decltype(token), void(boost::system::error_code)>(start_wait, token);
        const auto [outcome] = co_await std::move(waiting);
        woken = outcome;
    }
    const std::lock_guard lock{state->mutex};
    std::erase(state->waiters, &waiter);
    if (waiter.landed) co_return FlightEnd::landed;
    if (!woken) co_return FlightEnd::timed_out;
    if (state->waiters.empty() && state->awaited) state->cancel();
    co_return FlightEnd::cancelled;
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
