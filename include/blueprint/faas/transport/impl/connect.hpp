#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_CONNECT_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_CONNECT_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/transport/impl/connection.hpp"
#include "blueprint/faas/transport/impl/tls_context.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace blueprint::faas::detail {

using Strand = asio::strand<asio::any_io_executor>;

inline Error connect_error(errc code, std::string message, bool retryable) {
    return Error{
        .code = code, .message = std::move(message), .retryable = retryable, .execution = Execution::not_started};
}

inline Error too_late(const std::string& what, const Origin& origin) {
    return connect_error(
        errc::timed_out,
        what + " " + to_string(origin) + " took too long: check that it is up and reachable, or allow more time", true);
}

/// Finds the addresses of a host. The system's look-up cannot be stopped once it runs, so nobody waits for it beyond
/// `limit`; it ends by itself. Runs on `strand`.
inline asio::awaitable<result<std::vector<asio::ip::address>>> resolve(Strand strand, Origin origin, Deadline limit) {
    using Addresses = std::vector<asio::ip::address>;
    boost::system::error_code no_literal;
    const auto literal = asio::ip::make_address(origin.host, no_literal);
    if (!no_literal) co_return Addresses(1, literal);
    if (origin.host == "localhost" || origin.host.ends_with(".localhost")) {
        // RFC 6761, section 6.3: never asked of a name server.
        Addresses loopback;
        loopback.push_back(asio::ip::address_v4::loopback());
        loopback.push_back(asio::ip::address_v6::loopback());
        co_return loopback;
    }
    struct Lookup {
        explicit Lookup(const Strand& on) : resolver{on}, done{on} {}
        asio::ip::tcp::resolver resolver;
        asio::steady_timer done;
        Addresses found{};
        boost::system::error_code failed{};
        bool ended = false;
    };
    auto lookup = std::make_shared<Lookup>(strand);
    lookup->done.expires_at(limit);
    lookup->resolver.async_resolve(
        origin.host, std::to_string(origin.port),
        asio::bind_executor(strand, [lookup](boost::system::error_code failed, const auto& entries) {
            lookup->ended = true;
            lookup->failed = failed;
            for (const auto& entry : entries) lookup->found.push_back(entry.endpoint().address());
            lookup->done.cancel();
        }));
    const auto [woken] = co_await lookup->done.async_wait(asio::as_tuple(asio::use_awaitable));
    if (!lookup->ended) {
        lookup->resolver.cancel();
        if (woken) co_return connect_error(errc::cancelled, "cancelled while looking up " + origin.host, false);
        co_return too_late("looking up the name of", origin);
    }
    if (lookup->failed)
        co_return connect_error(errc::infrastructure,
                                "the name '" + origin.host + "' could not be looked up: " + lookup->failed.message() +
                                    "; check its spelling and this machine's name service",
                                true);
    co_return lookup->found;
}

inline result<void> prepare_tls(Connection& connection, asio::ssl::context& context) {
    auto& tls = connection.tls.emplace(connection.socket, context);
    auto* native = tls.native_handle();
    const auto& host = connection.origin().host;
    boost::system::error_code no_literal;
    asio::ip::make_address(host, no_literal);
    bool accepted = true;
    if (no_literal) {
        accepted = SSL_set_tlsext_host_name(native, host.c_str()) == 1;
        SSL_set_hostflags(native, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        accepted = accepted && SSL_set1_host(native, host.c_str()) == 1;
    } else {
        accepted = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(native), host.c_str()) == 1;
    }
    if (!accepted)
        return connect_error(errc::invalid_configuration, "'" + host + "' cannot be used as a TLS server name", false);
    return {};
}

inline Error tls_error(Connection& connection, const boost::system::error_code& failed) {
    const auto verdict = SSL_get_verify_result(connection.tls->native_handle());
    if (verdict != X509_V_OK)
        return connect_error(errc::infrastructure,
                             "the certificate of " + to_string(connection.origin()) +
                                 " is not accepted: " + explain_certificate(verdict),
                             false);
    return connect_error(errc::infrastructure,
                         "no TLS connection with " + to_string(connection.origin()) + ": " + failed.message() +
                             "; check that this port speaks TLS 1.2 or newer",
                         true);
}

/// Opens a connection to `origin`: addresses in turn, then TLS if `context` is given. Runs on `strand`, because the
/// timer that ends it closes a socket which the coroutine is using.
inline asio::awaitable<result<std::shared_ptr<Connection>>> connect(Strand strand, asio::any_io_executor executor,
                                                                    Origin origin,
                                                                    std::shared_ptr<asio::ssl::context> context,
                                                                    bool loopback_only, Deadline limit) {
    co_await asio::this_coro::throw_if_cancelled(false);
    auto addresses = co_await resolve(strand, origin, limit);
    if (!addresses) co_return addresses.error();
    if (loopback_only) {
        std::erase_if(*addresses, [](const auto& address) { return !address.is_loopback(); });
        if (addresses->empty())
            co_return connect_error(
                errc::invalid_configuration,
                to_string(origin) + " is not this machine: plain HTTP goes to loopback only, use HttpsTransport",
                false);
    }
    struct Attempt {
        std::shared_ptr<Connection> connection{};
        bool late = false;
        bool ended = false;
    };
    auto attempt = std::make_shared<Attempt>();
    asio::steady_timer timer{strand, limit};
    timer.async_wait(asio::bind_executor(strand, [attempt](boost::system::error_code stopped) {
        if (stopped || attempt->ended) return;
        attempt->late = true;
        boost::system::error_code ignored;
        if (attempt->connection) attempt->connection->socket.close(ignored);
    }));

    boost::system::error_code failed;
    for (const auto& address : *addresses) {
        attempt->connection = std::make_shared<Connection>(executor, origin);
        auto& socket = attempt->connection->socket;
        const asio::ip::tcp::endpoint endpoint{address, origin.port};
        failed = {};
        std::tie(failed) = co_await socket.async_connect(endpoint, asio::as_tuple(asio::use_awaitable));
        if (!failed || attempt->late || failed == asio::error::operation_aborted) break;
    }
    if (attempt->late) co_return too_late("connecting to", origin);
    if (failed == asio::error::operation_aborted) {
        attempt->ended = true;
        co_return connect_error(errc::cancelled, "cancelled while connecting to " + to_string(origin), false);
    }
    if (failed) {
        attempt->ended = true;
        co_return connect_error(errc::infrastructure,
                                "no connection to " + to_string(origin) + ": " + failed.message() +
                                    "; check the address and that the platform is up",
                                true);
    }
    auto connection = attempt->connection;
    boost::system::error_code ignored;
    connection->socket.set_option(asio::ip::tcp::no_delay{true}, ignored);
    if (context) {
        if (auto ready = prepare_tls(*connection, *context); !ready) {
            attempt->ended = true;
            co_return ready.error();
        }
        std::tie(failed) = co_await connection->tls->async_handshake(asio::ssl::stream_base::client,
                                                                     asio::as_tuple(asio::use_awaitable));
        if (attempt->late) co_return too_late("the TLS handshake with", origin);
        attempt->ended = true;
        if (failed == asio::error::operation_aborted)
            co_return connect_error(errc::cancelled, "cancelled in the TLS handshake with " + to_string(origin), false);
        if (failed) co_return tls_error(*connection, failed);
    }
    attempt->ended = true;  // from here on a timer that has already gone off leaves the connection alone
    attempt->connection.reset();
    timer.cancel();
    co_return connection;
}

}  // namespace blueprint::faas::detail

#endif
