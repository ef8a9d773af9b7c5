#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_ATTEMPT_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_ATTEMPT_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/transport/impl/connection.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

namespace asio = boost::asio;

/// One exchange's way to a connection: queueing, name, TCP, proxy, TLS. It has one timer for the deadline, and a bell
/// that other threads ring. All but `ring` runs on `serial`, which runs one thing at a time.
class ConnectAttempt : public std::enable_shared_from_this<ConnectAttempt> {
public:
    explicit ConnectAttempt(const asio::any_io_executor& on) : serial{on}, timer_{on}, bell_{on} {}

    /// Ends the attempt at `when`, instead of at an earlier call's time. `by_option` says that it is not the caller's
    /// deadline but `ConnectionOptions::connect_timeout`.
    BLUEPRINT_FAAS_COLD void hold_to(Deadline when, bool by_option) {
        limit_ = when;
        by_option_ = by_option;
        timer_.expires_at(when);
        timer_.async_wait(
            asio::bind_executor(serial, [self = shared_from_this()](const boost::system::error_code& failed) {
                if (failed || self->ended_ || std::chrono::steady_clock::now() < self->limit_) return;
                self->late_ = true;
                self->stop();
            }));
    }
    /// Ends every wait of the attempt, now and from now on.
    BLUEPRINT_FAAS_COLD void stop() {
        if (ended_ || stopped_) return;
        stopped_ = true;
        boost::system::error_code ignored;
        if (connection) connection->socket.close(ignored);
        bell_.cancel();
    }
    /// Says that the attempt is over: what still comes of `stop` and `hold_to` is too late.
    BLUEPRINT_FAAS_COLD void end() {
        ended_ = true;
        connection.reset();
        timer_.cancel();
    }
    bool stopped() const noexcept { return stopped_; }
    bool late() const noexcept { return late_; }
    bool late_by_option() const noexcept { return late_ && by_option_; }

    /// Wakes the coroutine in `wait`, or lets its next `wait` return at once. Any thread may ring.
    BLUEPRINT_FAAS_COLD void ring() {
        asio::post(serial, [self = shared_from_this()] {
            self->rung_ = true;
            self->bell_.cancel();
        });
    }
    /// Waits for the bell or the end of the attempt. What the ring was for is to be looked up: one may come unasked.
    BLUEPRINT_FAAS_COLD asio::awaitable<void> wait() {
        if (!rung_ && !stopped_) {
            bell_.expires_at(Deadline::max());
            co_await bell_.async_wait(asio::as_tuple(asio::use_awaitable));
        }
        rung_ = false;
    }

    const asio::any_io_executor serial;
    std::shared_ptr<Connection> connection{};  // what `stop` closes

private:
    asio::steady_timer timer_;
    asio::steady_timer bell_;
    Deadline limit_ = Deadline::max();
    bool by_option_ = false;
    bool late_ = false;
    bool stopped_ = false;
    bool ended_ = false;
    bool rung_ = false;
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
