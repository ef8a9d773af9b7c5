#ifndef BLUEPRINT_FAAS_LOCAL_SERVER_STREAM_HPP
#define BLUEPRINT_FAAS_LOCAL_SERVER_STREAM_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/local/options.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace boost::asio::ssl {
class context;
template <typename Stream>
class stream;
}  // namespace boost::asio::ssl

namespace blueprint::faas::local {

namespace asio = boost::asio;

/// Makes the server's TLS context: TLS 1.2 or newer, no renegotiation. With `client_ca`, a PEM bundle, a client must
/// have a certificate that leads to one of these. `errc::invalid_configuration` if chain, key or bundle cannot be used
/// or chain and key do not belong together.
BLUEPRINT_FAAS_DECL result<std::shared_ptr<asio::ssl::context>> make_server_tls(const TlsIdentity& identity,
                                                                                std::string_view client_ca = {});

/// One accepted connection, plain or TLS behind the same calls. One operation at a time; `close` at any time.
class ServerStream {
public:
    using Transferred = std::pair<boost::system::error_code, std::size_t>;

    /// `tls` is null for a plain connection.
    ServerStream(asio::ip::tcp::socket socket, std::shared_ptr<asio::ssl::context> tls);
    ~ServerStream();
    ServerStream(const ServerStream&) = delete;
    ServerStream& operator=(const ServerStream&) = delete;

    /// Makes the TLS handshake; nothing to do on a plain connection.
    asio::awaitable<boost::system::error_code> handshake();
    asio::awaitable<Transferred> read_some(asio::mutable_buffer buffer);
    /// Writes all of `data`.
    asio::awaitable<boost::system::error_code> write(asio::const_buffer data);
    /// Tells a plain peer that nothing more is written, while reading goes on. TLS has no such state: nothing is done.
    void half_close() noexcept;
    /// Ends the TLS session in order (the peer is to answer, so the caller bounds the time), then the connection.
    asio::awaitable<void> shut();
    void close() noexcept;
    bool tls() const noexcept { return tls_stream_ != nullptr; }
    /// Returns the subject of the client's certificate, as in "CN=worker,O=Example"; empty if it has shown none.
    std::string client_subject() const;

private:
    std::shared_ptr<asio::ssl::context> tls_;
    asio::ip::tcp::socket socket_;
    std::unique_ptr<asio::ssl::stream<asio::ip::tcp::socket&>> tls_stream_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/server_stream.ipp"
#endif

#endif
