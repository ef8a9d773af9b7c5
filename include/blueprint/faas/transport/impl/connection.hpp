#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_CONNECTION_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_CONNECTION_HPP

#include "blueprint/faas/detail/pooled_frame.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/secret.hpp"
#include "blueprint/faas/transport/impl/edge_socket.hpp"
#include "blueprint/faas/transport/impl/socket_step.hpp"
#include "blueprint/faas/transport/impl/socket_wait.hpp"
#include "blueprint/faas/transport/impl/tls_context.hpp"
#include "blueprint/faas/transport/impl/tls_stream.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

namespace asio = boost::asio;

/// One connection, plain or TLS behind the same functions, so that HTTP is instantiated once. Used by one coroutine
/// at a time.
class Connection {
public:
    using pooled_frames = void;

    Connection(const asio::any_io_executor& executor, Origin origin) : socket{executor}, origin_{std::move(origin)} {}
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() {
        // OpenSSL forgets a session whose connection ends without this.
        if (tls) SSL_set_shutdown(tls->native_handle(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        wipe(out);
    }

    const Origin& origin() const noexcept { return origin_; }

    /// Makes `tls` over the socket, and ties the callbacks of `shared` to this connection.
    void start_tls(std::shared_ptr<TlsContext> shared) {
        context = std::move(shared);
        peer.context = context.get();
        peer.origin = to_string(origin_);
        tls.emplace(context->context.native_handle(), socket);
        SSL_set_ex_data(tls->native_handle(), tls_peer_index(), &peer);
    }

    /// Returns what waits until the socket is ready for what `step` wants, of which a try has just found that it is
    /// not. One wait at a time.
    SocketWait until(SocketStep step) noexcept {
        return {socket, waiting_, step == SocketStep::writable ? SocketWait::For::writable : SocketWait::For::arrival};
    }

    /// Writes the first of `data` and `more` without waiting. What was not done must be tried again with the same data.
    SocketStep try_write(std::string_view data, std::string_view more, std::size_t& taken,
                         boost::system::error_code& failed) {
        if (!tls) return send_to(socket.native_handle(), data, more, taken, failed);
        return noted(tls->write(data, taken, failed), failed);
    }
    /// Reads what is there, without waiting.
    SocketStep try_read(std::span<char> into, std::size_t& taken, boost::system::error_code& failed) {
        if (!tls) return receive_from(socket.native_handle(), into, taken, failed);
        return noted(tls->read(into, taken, failed), failed);
    }
    /// Reads what is there behind those bytes that are still unread, without waiting.
    SocketStep try_read(boost::system::error_code& failed) {
        if (begin_ == end_) begin_ = end_ = 0;
        if (end_ == in_size_) make_room();
        std::size_t taken = 0;
        const auto step = try_read({in_.get() + end_, in_size_ - end_}, taken, failed);
        if (step == SocketStep::done) end_ += taken;
        return step;
    }

    // A cancellation that comes when one wait has ended and the next has not begun meets neither: so each begins by
    // asking whether there was one. What is ready again and again lets others have their turn.

    /// Performs the TLS handshake.
    asio::awaitable<boost::system::error_code> handshake() {
        for (;;) {
            boost::system::error_code failed;
            const auto step = noted(tls->handshake(failed), failed);
            if (step == SocketStep::done || step == SocketStep::failed) co_return failed;
            const auto ready = co_await until(step);
            if (ready.failed) co_return ready.failed;
        }
    }

    /// Writes all of `data`. `sent` counts what the system took, also when the write fails.
    asio::awaitable<boost::system::error_code> write(std::string_view data, std::size_t& sent) {
        for (unsigned turns = 0; !data.empty(); ++turns) {
            const auto state = co_await asio::this_coro::cancellation_state;
            if (state.cancelled() != asio::cancellation_type::none) co_return asio::error::operation_aborted;
            boost::system::error_code failed;
            std::size_t taken = 0;
            auto step = try_write(data, {}, taken, failed);
            if (step == SocketStep::failed) co_return failed;
            if (step == SocketStep::done) {
                sent += taken;
                data.remove_prefix(taken);
                if (data.empty() || turns % most_turns != most_turns - 1) continue;
                step = SocketStep::writable;
            }
            const auto ready = co_await until(step);
            if (ready.failed) co_return ready.failed;
        }
        co_return boost::system::error_code{};
    }

    /// Reads some bytes behind those that are still unread.
    asio::awaitable<boost::system::error_code> read() {
        if (++turns_ % most_turns == 0 && !(tls && tls->has_pending())) {
            const auto ready = co_await turn();
            if (ready.failed) co_return ready.failed;
        }
        for (;;) {
            const auto state = co_await asio::this_coro::cancellation_state;
            if (state.cancelled() != asio::cancellation_type::none) co_return asio::error::operation_aborted;
            boost::system::error_code failed;
            const auto step = try_read(failed);
            if (step == SocketStep::done || step == SocketStep::failed) co_return failed;
            const auto ready = co_await until(step);
            if (ready.failed) co_return ready.failed;
        }
    }
    /// Puts `text` behind what is unread.
    void keep_unread(std::string_view text) {
        if (text.empty()) return;
        if (begin_ == end_) begin_ = end_ = 0;
        while (in_size_ - end_ < text.size()) make_room();
        std::copy(text.begin(), text.end(), in_.get() + end_);
        end_ += text.size();
    }
    std::string_view unread() const noexcept { return {in_.get() + begin_, end_ - begin_}; }
    void consume(std::size_t bytes) noexcept { begin_ += bytes; }

    /// Tells whether an idle connection can carry a request: nothing unread, and the peer has said nothing, not even
    /// good-bye. What a server sends unasked (an end, an alert, a 408) makes it useless; TLS tickets do not.
    bool reusable() {
        if (begin_ != end_ || !socket.is_open()) return false;
        char byte = 0;
        const auto got = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (got < 0) return would_block(errno) && !(tls && tls->has_pending() && !tls->is_silent());
        return got > 0 && tls && tls->is_silent();
    }

    EdgeSocket socket;
    std::shared_ptr<TlsContext> context;
    TlsPeer peer;
    std::optional<TlsStream> tls;
    boost::system::error_code tls_failure;  // the last one; it may be the server's word about our certificate
    std::string out;                        // what of a request has yet to go out; wiped at the end
    const std::chrono::steady_clock::time_point opened = std::chrono::steady_clock::now();

private:
    static constexpr unsigned most_turns = 32;  // without a wait

    SocketWait turn() noexcept { return {socket, waiting_, SocketWait::For::readable}; }
    SocketStep noted(SocketStep step, const boost::system::error_code& failed) noexcept {
        if (step == SocketStep::failed && failed.category() == asio::error::get_ssl_category()) tls_failure = failed;
        return step;
    }
    void make_room() {
        if (begin_ > 0) {
            std::copy(in_.get() + begin_, in_.get() + end_, in_.get());
            end_ -= begin_;
            begin_ = 0;
            return;
        }
        // Not filled with anything: of a connection that gets short answers, one page is ever touched.
        const auto size = in_size_ == 0 ? std::size_t{16} * 1024 : in_size_ * 2;
        std::unique_ptr<char[]> grown{new char[size]};
        std::copy(in_.get(), in_.get() + end_, grown.get());
        in_ = std::move(grown);
        in_size_ = size;
    }

    Origin origin_;
    WaitMemory waiting_;
    std::unique_ptr<char[]> in_;
    std::size_t in_size_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    unsigned turns_ = 0;
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
