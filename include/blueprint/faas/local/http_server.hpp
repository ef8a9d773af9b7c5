#ifndef BLUEPRINT_FAAS_LOCAL_HTTP_SERVER_HPP
#define BLUEPRINT_FAAS_LOCAL_HTTP_SERVER_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/options.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace blueprint::faas::local {

namespace asio = boost::asio;

/// Listens on one address and hands the requests to one service: HTTP/1.1 with keep-alive, plain or TLS. Malformed
/// requests get 400 and lose their connection; heads beyond 64 KiB get 431; who stalls loses the connection.
/// All of it runs on `strand`, on which the members are to be called; the io_context must outlive the server.
class HttpServer {
public:
    /// `service` must outlive all connections; see `start`.
    HttpServer(asio::any_io_executor strand, HttpService& service);
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;
    /// Closes the listening socket and all connections.
    ~HttpServer();

    /// Binds and listens, so that clients may connect when it returns. Once. Every connection keeps `owner` alive,
    /// which is to own the service: a connection may be in the middle of an answer when everybody else has let go.
    result<void> start(const CloudOptions& options, std::weak_ptr<void> owner);
    /// Stops accepting and closes the connections on which nothing is being answered.
    void stop_accepting();
    /// Stops accepting and closes all connections.
    void close();
    /// Waits until the running answers are sent, at most `grace`, and closes what is left. Returns when nothing is
    /// left.
    asio::awaitable<void> stop(std::chrono::milliseconds grace);
    /// Where it listens, "https://127.0.0.1:4711"; empty before `start`.
    std::string url() const;
    std::uint64_t requests() const noexcept;
    std::uint64_t connections() const noexcept;
    std::size_t open_connections() const noexcept;

    struct State;

private:
    std::shared_ptr<State> state_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/http_server.ipp"
#endif

#endif
