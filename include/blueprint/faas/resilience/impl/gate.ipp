#ifndef BLUEPRINT_FAAS_RESILIENCE_IMPL_GATE_IPP
#define BLUEPRINT_FAAS_RESILIENCE_IMPL_GATE_IPP

#include "blueprint/faas/resilience/gate.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <string>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

// One who stands in the queue. Lives in the coroutine that waits; what another thread touches is guarded by the gate's
// lock, the timer included.
struct Gate::Waiter {
    Waiter(std::shared_ptr<Gate> in, const asio::any_io_executor& executor) : gate{std::move(in)}, timer{executor} {}
    Waiter(const Waiter&) = delete;
    ~Waiter() {
        const std::lock_guard lock{gate->mutex_};
        if (!queued && !let_in) return;
        if (queued) gate->remove(*this);
        if (let_in) --gate->inside_;  // nobody took what was granted: cancelled, or destroyed
        gate->let_in(std::chrono::steady_clock::now());
    }

    std::shared_ptr<Gate> gate;
    asio::steady_timer timer;
    Waiter* before = nullptr;
    Waiter* behind = nullptr;
    bool queued = false;
    bool let_in = false;
    bool woken = false;
};

// Starts a waiter's wait. Under the lock, so that it cannot be woken between the last look and the wait.
struct Gate::Wait {
    Gate& gate;
    Waiter& waiter;
    Moment until;

    template <class Handler>
    void operator()(Handler&& handler) const {
        const std::lock_guard lock{gate.mutex_};
        waiter.timer.expires_at(waiter.woken ? Moment{} : until);
        waiter.timer.async_wait(std::forward<Handler>(handler));
    }
};

BLUEPRINT_FAAS_DECL bool Gate::try_enter(Moment now) {
    const std::lock_guard lock{mutex_};
    if (first_ != nullptr || !room() || !rate_.try_take(now)) return false;
    ++inside_;
    return true;
}

BLUEPRINT_FAAS_DECL void Gate::leave() noexcept {
    const std::lock_guard lock{mutex_};
    --inside_;
    if (first_ != nullptr) let_in(std::chrono::steady_clock::now());
}

inline void Gate::wake(Waiter* waiter) noexcept {
    if (waiter == nullptr || std::exchange(waiter->woken, true)) return;
    waiter->timer.cancel();
}

// Lets in whom it can from the front. Who is first afterwards looks anew: only the first waits for the rate.
inline void Gate::let_in(Moment now) {
    while (first_ != nullptr && room() && rate_.try_take(now)) {
        Waiter& next = *first_;
        remove(next);
        ++inside_;
        next.let_in = true;
        wake(&next);
    }
    if (room()) wake(first_);
}

inline void Gate::remove(Waiter& waiter) noexcept {
    (waiter.before != nullptr ? waiter.before->behind : first_) = waiter.behind;
    (waiter.behind != nullptr ? waiter.behind->before : last_) = waiter.before;
    waiter.before = waiter.behind = nullptr;
    waiter.queued = false;
    --waiting_;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<void>> Gate::enter(std::shared_ptr<Gate> gate,
                                                                                  Deadline deadline) {
    const auto executor = co_await asio::this_coro::executor;
    Waiter self{gate, executor};
    const auto token = asio::as_tuple(asio::use_awaitable);
    for (bool queued = false, expired = false;;) {
        const auto state = co_await asio::this_coro::cancellation_state;
        const bool cancelled = state.cancelled() != asio::cancellation_type::none;
        Moment until = deadline;
        {
            const std::lock_guard lock{gate->mutex_};
            if (!std::exchange(queued, true)) {
                self.before = gate->last_;
                (self.before != nullptr ? self.before->behind : gate->first_) = &self;
                gate->last_ = &self;
                self.queued = true;
                ++gate->waiting_;
            }
            const auto now = std::chrono::steady_clock::now();
            if (!cancelled && !self.let_in && gate->first_ == &self) gate->let_in(now);
            if (self.let_in && !cancelled) {
                self.let_in = false;
                co_return result<void>{};
            }
            expired = now >= deadline;
            self.woken = false;
            if (gate->first_ == &self && gate->room()) until = std::min(deadline, gate->rate_.next());
        }
        if (cancelled)
            co_return Error{.code = errc::cancelled,
                            .message = "cancelled while waiting for its turn behind the client's own limits",
                            .execution = Execution::not_started};
        if (expired)
            co_return Error{.code = errc::timed_out,
                            .message =
                                "the deadline came before the call's turn: the client's own limits (calls a "
                                "second, calls at once) let no more in; raise them, or send fewer calls",
                            .execution = Execution::not_started};
        const Wait wait{*gate, self, until};
        co_await asio::async_initiate<const decltype(token), void(boost::system::error_code)>(wait, token);
    }
}

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
