#ifndef BLUEPRINT_FAAS_DETAIL_BOUNDED_QUEUE_HPP
#define BLUEPRINT_FAAS_DETAIL_BOUNDED_QUEUE_HPP

#include "blueprint/faas/error.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

namespace asio = boost::asio;

namespace detail {

/// A bounded queue between coroutines of any threads: whoever finds it full (or empty) waits on its own executor.
/// Asio's own channel mistakes waiting senders for receivers when it is closed (Boost 1.81), so a channel serves here
/// only as the one-shot event of a single waiter.
template <class T>
class BoundedQueue {
public:
    explicit BoundedQueue(std::size_t capacity) : capacity_{std::max<std::size_t>(capacity, 1)} {}

    /// Appends `item` if there is room; it is moved from only then.
    bool try_push(T& item) {
        const std::lock_guard lock{mutex_};
        return push_if_room(item);
    }
    std::optional<T> try_pop() {
        const std::lock_guard lock{mutex_};
        return pop_if_any();
    }
    /// Refuses further items; those inside can still be taken.
    void close() {
        const std::lock_guard lock{mutex_};
        closed_ = true;
        wake(readers_, readers_.size());
        wake(writers_, writers_.size());
    }
    /// Closes and drops what is inside; returns how many that were.
    std::size_t abandon() {
        close();
        const std::lock_guard lock{mutex_};
        return std::exchange(items_, {}).size();
    }

    /// Appends `item`, waiting while there is no room; `errc::cancelled` once closed, or when cancelled.
    static asio::awaitable<result<void>> push(std::shared_ptr<BoundedQueue> self, T item) {
        co_await asio::this_coro::throw_if_cancelled(false);
        const asio::any_io_executor here = co_await asio::this_coro::executor;
        for (;;) {
            std::shared_ptr<Event> event;
            {
                const std::lock_guard lock{self->mutex_};
                if (self->closed_)
                    co_return Error{.code = errc::cancelled,
                                    .message = "not sent: the channel is closed; its other end has finished",
                                    .execution = Execution::not_started};
                if (self->push_if_room(item)) co_return result<void>{};
                event = self->wait_in(self->writers_, here);
            }
            const auto [stopped] = co_await event->async_receive(asio::as_tuple(asio::use_awaitable));
            if (!stopped) continue;
            self->leave(self->writers_, event);
            co_return Error{.code = errc::cancelled,
                            .message = "not sent: the wait for room in the channel was cancelled",
                            .execution = Execution::not_started};
        }
    }
    /// Takes the first item, waiting for one; empty once closed and drained; `errc::cancelled` when cancelled.
    static asio::awaitable<result<std::optional<T>>> pop(std::shared_ptr<BoundedQueue> self) {
        co_await asio::this_coro::throw_if_cancelled(false);
        const asio::any_io_executor here = co_await asio::this_coro::executor;
        for (;;) {
            std::shared_ptr<Event> event;
            {
                const std::lock_guard lock{self->mutex_};
                auto item = self->pop_if_any();
                if (item || self->closed_) co_return item;
                event = self->wait_in(self->readers_, here);
            }
            const auto [stopped] = co_await event->async_receive(asio::as_tuple(asio::use_awaitable));
            if (!stopped) continue;
            self->leave(self->readers_, event);
            co_return Error{.code = errc::cancelled,
                            .message = "nothing received: the wait was cancelled",
                            .execution = Execution::not_started};
        }
    }

private:
    using Event = asio::experimental::concurrent_channel<void(boost::system::error_code)>;
    using Waiters = std::deque<std::shared_ptr<Event>>;

    // All of these with the mutex held.
    bool push_if_room(T& item) {
        if (closed_ || items_.size() >= capacity_) return false;
        items_.push_back(std::move(item));
        wake(readers_, 1);
        return true;
    }
    std::optional<T> pop_if_any() {
        if (items_.empty()) return std::nullopt;
        std::optional<T> item{std::move(items_.front())};
        items_.pop_front();
        wake(writers_, 1);
        return item;
    }
    static std::shared_ptr<Event> wait_in(Waiters& waiters, const asio::any_io_executor& executor) {
        auto event = std::make_shared<Event>(executor, 1);
        waiters.push_back(event);
        return event;
    }
    static void wake(Waiters& waiters, std::size_t count) {
        for (; count > 0 && !waiters.empty(); --count) {
            waiters.front()->try_send(boost::system::error_code{});
            waiters.pop_front();
        }
    }

    // A waiter that was cancelled after somebody woke it passes that on, or the item (or the room) would lie unseen.
    void leave(Waiters& waiters, const std::shared_ptr<Event>& event) {
        const std::lock_guard lock{mutex_};
        if (std::erase(waiters, event) == 0) wake(waiters, 1);
    }

    std::mutex mutex_;
    std::deque<T> items_;
    Waiters readers_, writers_;
    std::size_t capacity_;
    bool closed_ = false;
};

}  // namespace detail

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
