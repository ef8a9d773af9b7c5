#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_CONNECTION_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_CONNECTION_HPP

#include "blueprint/faas/http.hpp"
#include "blueprint/faas/secret.hpp"
#include "blueprint/faas/transport/impl/tls_context.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <tuple>
#include <utility>
#include <vector>

namespace blueprint::faas::detail {

namespace asio = boost::asio;

/// One connection, plain or TLS behind the same functions, so that HTTP is instantiated once. Used by one coroutine
/// at a time.
class Connection {
public:
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
        tls.emplace(socket, context->context);
        SSL_set_ex_data(tls->native_handle(), tls_peer_index(), &peer);
    }

    // A cancellation that comes when one operation has ended and the next has not begun meets neither: so each begins
    // by asking whether there was one.

    /// Writes all of `data`. `sent` counts what the system took, also when the write fails.
    asio::awaitable<boost::system::error_code> write(std::string_view data, std::size_t& sent) {
        while (!data.empty()) {
            const auto state = co_await asio::this_coro::cancellation_state;
            if (state.cancelled() != asio::cancellation_type::none) co_return asio::error::operation_aborted;
            const auto chunk = asio::buffer(data.data(), data.size());
            boost::system::error_code failed;
            std::size_t taken = 0;
            if (tls) {
                begin_forwarding(state.slot());
                auto token = asio::bind_cancellation_slot(stop_.slot(), asio::as_tuple(asio::use_awaitable));
                std::tie(failed, taken) = co_await tls->async_write_some(chunk, token);
                end_forwarding(state.slot(), failed);
            } else {
                std::tie(failed, taken) = co_await socket.async_write_some(chunk, asio::as_tuple(asio::use_awaitable));
            }
            sent += taken;
            if (failed) co_return failed;
            data.remove_prefix(taken);
        }
        co_return boost::system::error_code{};
    }

    /// Reads some bytes behind those that are still unread.
    asio::awaitable<boost::system::error_code> read() {
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none) co_return asio::error::operation_aborted;
        if (begin == end) begin = end = 0;
        if (end == in.size()) make_room();
        const auto space = asio::buffer(in.data() + end, in.size() - end);
        boost::system::error_code failed;
        std::size_t taken = 0;
        if (tls) {
            begin_forwarding(state.slot());
            auto token = asio::bind_cancellation_slot(stop_.slot(), asio::as_tuple(asio::use_awaitable));
            std::tie(failed, taken) = co_await tls->async_read_some(space, token);
            end_forwarding(state.slot(), failed);
        } else {
            std::tie(failed, taken) = co_await socket.async_read_some(space, asio::as_tuple(asio::use_awaitable));
        }
        end += taken;
        co_return failed;
    }
    std::string_view unread() const noexcept { return {in.data() + begin, end - begin}; }
    void consume(std::size_t bytes) noexcept { begin += bytes; }

    /// Tells whether an idle connection can carry a request: nothing unread, and the peer has said nothing, not even
    /// good-bye. What a server sends unasked (an end, an alert, a 408) makes it useless.
    bool reusable() {
        if (begin != end || !socket.is_open()) return false;
        if (tls && SSL_pending(tls->native_handle()) != 0) return false;
        char byte = 0;
        const auto got = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }

    asio::ip::tcp::socket socket;
    std::shared_ptr<TlsContext> context;
    TlsPeer peer;
    std::optional<asio::ssl::stream<asio::ip::tcp::socket&>> tls;
    boost::system::error_code tls_failure;  // the last one; it may be the server's word about our certificate
    std::string out;                        // the request head; kept for its capacity, wiped at the end
    const std::chrono::steady_clock::time_point opened = std::chrono::steady_clock::now();

private:
    // Asio's TLS stream obeys terminal cancellation alone. Whatever kind the caller lets through must end the wait, so
    // it is turned into that one.
    struct Terminate {
        asio::cancellation_signal* stop;
        void operator()(asio::cancellation_type) const { stop->emit(asio::cancellation_type::terminal); }
    };
    void begin_forwarding(asio::cancellation_slot slot) {
        if (slot.is_connected()) slot.assign(Terminate{&stop_});
    }
    void end_forwarding(asio::cancellation_slot slot, const boost::system::error_code& failed) {
        if (slot.is_connected()) slot.clear();
        if (failed.category() == asio::error::get_ssl_category()) tls_failure = failed;
    }

    void make_room() {
        if (begin > 0) {
            std::copy(in.begin() + static_cast<std::ptrdiff_t>(begin), in.begin() + static_cast<std::ptrdiff_t>(end),
                      in.begin());
            end -= begin;
            begin = 0;
        } else {
            in.resize(in.empty() ? 16U * 1024U : in.size() * 2);
        }
    }

    Origin origin_;
    asio::cancellation_signal stop_;
    std::vector<char> in;
    std::size_t begin = 0;
    std::size_t end = 0;
};

}  // namespace blueprint::faas::detail

#endif
