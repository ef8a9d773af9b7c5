#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_WATCHDOG_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_WATCHDOG_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/transport/impl/optional_mutex.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <sys/socket.h>
#include <utility>
#include <vector>

namespace blueprint::faas::detail {

namespace asio = boost::asio;

/// Holds connections to their deadlines with one timer for all. A connection that is late is shut down at the socket,
/// which any thread may do and which ends every wait on it; closing it stays with the coroutine that uses it.
/// One timer per operation costs several times as much as the rest of a watch.
class Watchdog : public std::enable_shared_from_this<Watchdog> {
public:
    Watchdog(asio::any_io_executor executor, bool locks) : mutex_{locks}, timer_{std::move(executor)} {}

    /// Watches a connected socket for as long as it lives. `expired()` is true once the watchdog has shut it down.
    /// The socket must be closed after the watch has gone, never before: a closed descriptor may already be another's,
    /// and the watchdog would shut that one. The lock is held while it shuts, so a watch that has gone is never bitten.
    /// `dog` outlives the watch.
    class Watch {
    public:
        Watch(Watchdog& dog, int socket, Deadline deadline) : dog_{dog}, socket_{socket}, deadline_{deadline} {
            const std::lock_guard lock{dog_.mutex_};
            index_ = dog_.watches_.size();
            dog_.watches_.push_back(this);
            if (deadline_ < dog_.armed_for_) dog_.arm(deadline_);
        }
        Watch(const Watch&) = delete;
        Watch& operator=(const Watch&) = delete;
        ~Watch() {
            const std::lock_guard lock{dog_.mutex_};
            dog_.watches_.back()->index_ = index_;
            std::swap(dog_.watches_[index_], dog_.watches_.back());
            dog_.watches_.pop_back();
            // A timer that waits for nobody would keep the io_context from ending.
            if (dog_.watches_.empty() && dog_.armed_for_ != Deadline::max()) {
                dog_.armed_for_ = Deadline::max();
                dog_.timer_.cancel();
            }
        }
        bool expired() const noexcept { return expired_.load(std::memory_order_acquire); }

    private:
        friend class Watchdog;
        Watchdog& dog_;
        int socket_;
        Deadline deadline_;
        std::size_t index_ = 0;
        std::atomic<bool> expired_{false};
    };

private:
    void arm(Deadline when) {
        armed_for_ = when;
        timer_.expires_at(when);
        timer_.async_wait([dog = weak_from_this()](const boost::system::error_code& stopped) {
            if (stopped) return;
            if (const auto self = dog.lock()) self->bite();
        });
    }
    void bite() {
        const std::lock_guard lock{mutex_};
        const auto now = std::chrono::steady_clock::now();
        auto next = Deadline::max();
        for (auto* watch : watches_) {
            if (watch->expired()) continue;
            if (watch->deadline_ <= now) {
                watch->expired_.store(true, std::memory_order_release);
                ::shutdown(watch->socket_, SHUT_RDWR);
            } else {
                next = std::min(next, watch->deadline_);
            }
        }
        armed_for_ = Deadline::max();
        if (next != Deadline::max()) arm(next);
    }

    OptionalMutex mutex_;
    asio::steady_timer timer_;
    std::vector<Watch*> watches_;
    Deadline armed_for_ = Deadline::max();
};

}  // namespace blueprint::faas::detail

#endif
