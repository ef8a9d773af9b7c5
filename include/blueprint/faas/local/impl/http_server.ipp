#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_HTTP_SERVER_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_HTTP_SERVER_IPP

#include "blueprint/faas/local/http_server.hpp"
#include "blueprint/faas/local/impl/http_connection.hpp"
#include "blueprint/faas/local/impl/http_read.hpp"
#include "blueprint/faas/local/impl/http_write.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

/// Accepts until the socket is closed. Detached, but counted in `state->tasks`, and `HttpServer::stop` waits for that.
inline asio::awaitable<void> accept_connections(std::shared_ptr<HttpServer::State> state) {
    const HttpServer::State::Task task{*state};
    asio::steady_timer pause{state->strand};
    while (!state->stopping) {
        while (state->open.size() >= state->options.limits.connections && !state->stopping) {
            // Further clients wait in the kernel's queue until a connection ends.
            const auto [ignored] = co_await state->room.async_wait(asio::as_tuple(asio::use_awaitable));
            static_cast<void>(ignored);
        }
        if (state->stopping) break;
        auto [failed, socket] = co_await state->acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
        if (state->stopping) break;
        if (failed) {  // out of descriptors, or the client left: neither is a reason to stop
            pause.expires_after(std::chrono::milliseconds{50});
            const auto [ignored] = co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
            static_cast<void>(ignored);
            continue;
        }
        auto owner = state->owner.lock();
        if (!owner) break;
        ++state->connections;
        auto connection = std::make_shared<HttpConnection>(state, std::move(socket));
        state->open.insert(connection.get());
        asio::co_spawn(state->strand, serve_connection(std::move(owner), state, std::move(connection)), asio::detached);
    }
}

BLUEPRINT_FAAS_DECL HttpServer::HttpServer(asio::any_io_executor strand, HttpService& service)
    : state_{std::make_shared<State>(std::move(strand), service)} {}

BLUEPRINT_FAAS_DECL HttpServer::~HttpServer() { close(); }

BLUEPRINT_FAAS_DECL void HttpServer::close() {
    stop_accepting();
    for (auto* connection : state_->open) connection->close();
}

BLUEPRINT_FAAS_DECL result<void> HttpServer::start(const CloudOptions& options, std::weak_ptr<void> owner) {
    const auto refused = [](std::string message) {
        return Error{
            .code = errc::invalid_configuration, .message = std::move(message), .execution = Execution::not_started};
    };
    boost::system::error_code failed;
    const auto address = asio::ip::make_address(options.listen_address, failed);
    if (failed)
        return refused("cannot listen on '" + options.listen_address +
                       "': give an IP address such as 127.0.0.1 or ::1");
    if (!address.is_loopback()) {
        if (!options.allow_non_loopback)
            return refused("will not listen on " + options.listen_address +
                           ": it runs what is deployed to it, so beyond loopback only if allowed explicitly");
        if (!options.tls)
            return refused("will not listen on " + options.listen_address +
                           " without TLS: plain HTTP is for loopback only; give a certificate and its key");
    }
    if (!options.client_ca.empty() && !options.tls)
        return refused("cannot ask for client certificates without TLS: give a certificate and its key");
    if (options.tls) {
        auto tls = make_server_tls(*options.tls, options.client_ca);
        if (!tls) return tls.error();
        state_->tls = std::move(*tls);
    }
    state_->owner = std::move(owner);
    state_->options = options;
    state_->strangers = Strangers{options};
    state_->options.tls.reset();  // the context has them
    state_->options.bearer_tokens.clear();
    state_->options.api_keys.clear();
    state_->options.basic_users.clear();

    const asio::ip::tcp::endpoint endpoint{address, options.port};
    auto& acceptor = state_->acceptor;
    const auto here = [&](std::string_view what) {
        const Error error{.code = errc::infrastructure,
                          .message = "cannot " + std::string{what} + ' ' + options.listen_address + " port " +
                                     std::to_string(options.port) + ": " + failed.message(),
                          .execution = Execution::not_started};
        boost::system::error_code ignored;
        acceptor.close(ignored);
        return error;
    };
    if (acceptor.open(endpoint.protocol(), failed); failed) return here("open a socket for");
    if (acceptor.set_option(asio::ip::tcp::acceptor::reuse_address{true}, failed); failed) return here("set up");
    if (acceptor.bind(endpoint, failed); failed) return here("bind to");
    if (acceptor.listen(asio::socket_base::max_listen_connections, failed); failed) return here("listen on");
    const auto bound = acceptor.local_endpoint(failed);
    if (failed) return here("find the port of");
    const std::string host = address.is_v6() ? '[' + address.to_string() + ']' : address.to_string();
    state_->url = (state_->tls ? "https://" : "http://") + host + ':' + std::to_string(bound.port());
    asio::co_spawn(state_->strand, accept_connections(state_), asio::detached);
    return {};
}

BLUEPRINT_FAAS_DECL void HttpServer::stop_accepting() {
    state_->stopping = true;
    boost::system::error_code ignored;
    state_->acceptor.close(ignored);
    state_->room.cancel();
    for (auto* connection : state_->open)
        if (connection->waiting()) connection->close();
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> HttpServer::stop(std::chrono::milliseconds grace) {
    const auto state = state_;
    stop_accepting();
    asio::steady_timer limit{state->strand};
    limit.expires_after(grace);
    limit.async_wait([weak = std::weak_ptr{state}](boost::system::error_code failed) {
        const auto alive = weak.lock();
        if (failed || !alive) return;
        for (auto* connection : alive->open) connection->close();
    });
    while (state->tasks > 0) {
        const auto [ignored] = co_await state->all_done.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
}

BLUEPRINT_FAAS_DECL std::string HttpServer::url() const { return state_->url; }
BLUEPRINT_FAAS_DECL std::uint64_t HttpServer::requests() const noexcept { return state_->requests; }
BLUEPRINT_FAAS_DECL std::uint64_t HttpServer::connections() const noexcept { return state_->connections; }
BLUEPRINT_FAAS_DECL std::size_t HttpServer::open_connections() const noexcept { return state_->open.size(); }

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
