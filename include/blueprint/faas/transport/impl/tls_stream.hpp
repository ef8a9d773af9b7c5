#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_TLS_STREAM_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_TLS_STREAM_HPP

#include "blueprint/faas/transport/impl/socket_step.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/system/error_code.hpp>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <string_view>

namespace blueprint::faas::detail {

namespace asio = boost::asio;

/// TLS over a socket that somebody else owns. No step waits: each says what it would have to wait for. OpenSSL reads
/// from the socket and writes to it, so that no byte is copied on its way and a connection without traffic holds no
/// buffers; Asio's stream has four of 17 KiB for each.
class TlsStream {
public:
    /// Makes a client's stream over `socket`, which outlives it.
    TlsStream(SSL_CTX* context, asio::ip::tcp::socket& socket) : ssl_{SSL_new(context)}, socket_{socket} {
        auto* const bio = ssl_ ? BIO_new(method()) : nullptr;
        if (bio == nullptr) throw std::bad_alloc{};
        BIO_set_data(bio, this);
        BIO_set_init(bio, 1);
        SSL_set_bio(ssl_.get(), bio, bio);
        SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_set_read_ahead(ssl_.get(), 1);  // a record and what follows it by one system call
    }
    TlsStream(const TlsStream&) = delete;
    TlsStream& operator=(const TlsStream&) = delete;

    SSL* native_handle() const noexcept { return ssl_.get(); }

    SocketStep handshake(boost::system::error_code& failed) {
        begin();
        return outcome(SSL_connect(ssl_.get()), failed);
    }
    /// Writes the first of `data`; `taken` says how much, if it is done. What was not done must be tried again with the
    /// same data.
    SocketStep write(std::string_view data, std::size_t& taken, boost::system::error_code& failed) {
        begin();
        const int result = SSL_write(ssl_.get(), data.data(), size_of(data.size()));
        taken = result > 0 ? static_cast<std::size_t>(result) : 0;
        return outcome(result, failed);
    }
    SocketStep read(std::span<char> into, std::size_t& taken, boost::system::error_code& failed) {
        begin();
        const int result = SSL_read(ssl_.get(), into.data(), size_of(into.size()));
        taken = result > 0 ? static_cast<std::size_t>(result) : 0;
        return outcome(result, failed);
    }
    /// Tells whether the peer has said anything but what belongs to TLS itself, such as a ticket. May be asked only
    /// when nothing is under way.
    bool is_silent() {
        begin();
        char byte = 0;
        boost::system::error_code failed;
        return outcome(SSL_peek(ssl_.get(), &byte, 1), failed) == SocketStep::readable;
    }
    /// Tells whether bytes have been read from the socket that nobody has looked at.
    bool has_pending() const noexcept { return SSL_has_pending(ssl_.get()) == 1; }

private:
    struct Free {
        void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
    };

    static int size_of(std::size_t size) noexcept {
        return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
    }
    void begin() noexcept {
        if (ERR_peek_error() != 0) ERR_clear_error();  // what others left would be taken for ours
        broken_ = {};
    }
    SocketStep outcome(int result, boost::system::error_code& failed) {
        failed = {};
        if (result > 0) return SocketStep::done;
        const int why = SSL_get_error(ssl_.get(), result);
        if (why == SSL_ERROR_WANT_READ) return SocketStep::readable;
        if (why == SSL_ERROR_WANT_WRITE) return SocketStep::writable;
        failed = what_failed(why);
        return SocketStep::failed;
    }
    boost::system::error_code what_failed(int why) const {
        if (why == SSL_ERROR_ZERO_RETURN) return asio::error::eof;
        // An end without the peer's word that it is one: somebody may have cut the connection.
        if (broken_ == asio::error::eof) return asio::ssl::error::stream_truncated;
        const auto told = ERR_get_error();
        if (broken_) return broken_;
        if (told == 0) return asio::ssl::error::unspecified_system_error;
        return {static_cast<int>(told), asio::error::get_ssl_category()};
    }

    static const BIO_METHOD* method() {
        static const BIO_METHOD* const made = [] {
            auto* const fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "blueprint faas socket");
            if (fresh == nullptr) throw std::bad_alloc{};
            BIO_meth_set_write(fresh, &send_some);
            BIO_meth_set_read(fresh, &receive_some);
            BIO_meth_set_ctrl(fresh, &control);
            return fresh;
        }();
        return made;
    }
    static int send_some(BIO* bio, const char* data, int size) {
        auto* const self = static_cast<TlsStream*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        std::size_t taken = 0;
        const auto step =
            send_to(self->socket_.native_handle(), {data, static_cast<std::size_t>(size)}, {}, taken, self->broken_);
        if (step == SocketStep::writable) BIO_set_retry_write(bio);
        return step == SocketStep::done ? static_cast<int>(taken) : -1;
    }
    static int receive_some(BIO* bio, char* into, int size) {
        auto* const self = static_cast<TlsStream*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        std::size_t taken = 0;
        const auto step =
            receive_from(self->socket_.native_handle(), {into, static_cast<std::size_t>(size)}, taken, self->broken_);
        if (step == SocketStep::readable) BIO_set_retry_read(bio);
        return step == SocketStep::done ? static_cast<int>(taken) : -1;
    }
    static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

    std::unique_ptr<SSL, Free> ssl_;
    asio::ip::tcp::socket& socket_;
    boost::system::error_code broken_{};  // what the socket said in this step
};

}  // namespace blueprint::faas::detail

#endif
