#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_CONNECT_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_CONNECT_HPP

#include "blueprint/faas/transport/impl/attempt.hpp"
#include "blueprint/faas/transport/impl/connection.hpp"
#include "blueprint/faas/transport/impl/peers.hpp"
#include "blueprint/faas/transport/impl/proxy_tunnel.hpp"
#include "blueprint/faas/transport/impl/race.hpp"
#include "blueprint/faas/transport/impl/resolver.hpp"
#include "blueprint/faas/transport/impl/tls_context.hpp"
#include "blueprint/faas/transport/options.hpp"

#include <boost/asio/this_coro.hpp>

#include <memory>
#include <netinet/tcp.h>
#include <string>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// Where to, and how. `proxy` is null for a direct way, `tls` for plain HTTP.
struct ConnectPlan {
    asio::any_io_executor executor{};
    Origin origin{};
    std::shared_ptr<TlsContext> tls{};
    std::shared_ptr<const Proxy> proxy{};
    std::shared_ptr<const ConnectionOptions> options{};
    Peers peers = Peers::all;
};

/// Makes the error of an attempt that was stopped while `doing` something, such as "connecting to https://a.example".
BLUEPRINT_FAAS_COLD inline Error stopped_error(const ConnectAttempt& attempt, const std::string& doing,
                                               const ConnectionOptions& options) {
    if (!attempt.late()) return connect_error(errc::cancelled, "cancelled while " + doing, false);
    if (attempt.late_by_option())
        return connect_error(errc::timed_out,
                             doing + " took longer than ConnectionOptions::connect_timeout (" +
                                 std::to_string(options.connect_timeout.count()) +
                                 " ms): check that it is up and reachable, or allow more time",
                             true);
    return connect_error(errc::timed_out,
                         doing +
                             " had not ended when the call's deadline came: check that it is up and reachable, or "
                             "allow more time",
                         true);
}

/// Writes who is connected to: the origin, or the proxy and for whom.
BLUEPRINT_FAAS_COLD inline std::string connect_target(const ConnectPlan& plan) {
    if (!plan.proxy) return to_string(plan.origin);
    return "the proxy " + proxy_name(plan.proxy->address) + " (for " + to_string(plan.origin) + ')';
}

BLUEPRINT_FAAS_COLD inline std::string connect_advice(const ConnectPlan& plan) {
    if (!plan.proxy) return "; check the address and that the platform is up";
    return plan.proxy->of_environment ? "; check HTTPS_PROXY, and that the proxy runs"
                                      : "; check ProxyOptions::url, and that the proxy runs";
}

BLUEPRINT_FAAS_COLD inline void set_socket_options(asio::ip::tcp::socket& socket, const ConnectionOptions& options) {
    boost::system::error_code ignored;
    socket.set_option(asio::ip::tcp::no_delay{true}, ignored);
    if (options.keepalive_idle.count() <= 0) return;
    socket.set_option(asio::socket_base::keep_alive{true}, ignored);
    const auto set = [&](int name, int value) {
        ::setsockopt(socket.native_handle(), IPPROTO_TCP, name, &value, sizeof value);
    };
    set(TCP_KEEPIDLE, static_cast<int>(options.keepalive_idle.count()));
    set(TCP_KEEPINTVL, static_cast<int>(std::max<std::int64_t>(options.keepalive_interval.count(), 1)));
    set(TCP_KEEPCNT, 3);
}

/// Resolves and connects TCP: to the proxy if there is one, else to the origin.
BLUEPRINT_FAAS_COLD inline asio::awaitable<result<std::shared_ptr<Connection>>> connect_tcp(
    std::shared_ptr<ConnectAttempt> attempt, ConnectPlan plan, std::shared_ptr<Resolver> resolver) {
    const Origin& target = plan.proxy ? plan.proxy->address : plan.origin;
    auto found = co_await resolver->resolve(attempt, target.host);
    if (attempt->stopped())
        co_return stopped_error(*attempt, "looking up the name '" + target.host + "'", *plan.options);
    if (found.failed)
        co_return connect_error(errc::infrastructure,
                                "the name '" + target.host + "'" + (plan.proxy ? " of the proxy" : "") +
                                    " could not be looked up: " + found.failed.message() +
                                    "; check its spelling and this machine's name service",
                                true);
    std::erase_if(found.addresses, [&](const auto& address) { return !allows(plan.peers, address); });
    if (found.addresses.empty()) co_return refused_peer(plan.peers, plan.origin);

    const auto race =
        std::make_shared<ConnectRace>(attempt, plan.executor, plan.origin, interleave(found.addresses), target.port);
    race->start();
    while (!race->over() && !attempt->stopped()) co_await attempt->wait();
    race->end();
    if (attempt->stopped()) co_return stopped_error(*attempt, "connecting to " + connect_target(plan), *plan.options);
    if (!race->winner()) {
        resolver->forget(target.host);
        co_return connect_error(
            errc::infrastructure,
            "no connection to " + connect_target(plan) + ": " + race->failed().message() + connect_advice(plan), true);
    }
    set_socket_options(race->winner()->socket, *plan.options);
    co_return race->winner();
}

BLUEPRINT_FAAS_COLD inline result<void> prepare_tls(Connection& connection, std::shared_ptr<TlsContext> context) {
    connection.start_tls(std::move(context));
    auto* const native = connection.tls->native_handle();
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
    if (const auto session = connection.peer.context->sessions.take(connection.peer.origin))
        SSL_set_session(native, session.get());
    return {};
}

/// Makes the error of a server that wants a client certificate, or another one than ours.
BLUEPRINT_FAAS_COLD inline Error certificate_error(const Connection& connection,
                                                   const boost::system::error_code& failed) {
    const auto name = to_string(connection.origin());
    if (connection.peer.wanted_our_certificate)
        return connect_error(errc::authentication,
                             name +
                                 " wants a client certificate: give TlsOptions::client_certificate and client_key (" +
                                 failed.message() + ")",
                             false);
    return connect_error(errc::authentication,
                         name + " does not accept our client certificate: " + failed.message() +
                             "; check who issued TlsOptions::client_certificate and until when it is good",
                         false);
}

BLUEPRINT_FAAS_COLD inline Error tls_error(Connection& connection, const boost::system::error_code& failed) {
    const auto verdict = SSL_get_verify_result(connection.tls->native_handle());
    const auto name = to_string(connection.origin());
    if (verdict != X509_V_OK)
        return connect_error(errc::infrastructure,
                             "the certificate of " + name + " is not accepted: " + explain_certificate(verdict), false);
    // TLS 1.2 has no word for "certificate required": OpenSSL then says that the handshake failed.
    const bool refused =
        failed.category() == asio::error::get_ssl_category() &&
        ERR_GET_REASON(static_cast<unsigned long>(failed.value())) == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE;
    if (is_about_our_certificate(failed) || (refused && connection.peer.wanted_our_certificate))
        return certificate_error(connection, failed);
    return connect_error(
        errc::infrastructure,
        "no TLS connection with " + name + ": " + failed.message() + "; check that this port speaks TLS 1.2 or newer",
        true);
}

/// Opens a connection: name, TCP, the proxy's tunnel, TLS. Runs on `attempt->serial`, and stops when the attempt does.
BLUEPRINT_FAAS_COLD inline asio::awaitable<result<std::shared_ptr<Connection>>> connect(
    std::shared_ptr<ConnectAttempt> attempt, ConnectPlan plan, std::shared_ptr<Resolver> resolver) {
    co_await asio::this_coro::throw_if_cancelled(false);
    auto opened = co_await connect_tcp(attempt, plan, resolver);
    if (!opened) co_return opened;
    const auto connection = *opened;
    attempt->connection = connection;
    boost::system::error_code failed;
    if (plan.proxy) {
        auto tunnel = co_await open_tunnel(*connection, *plan.proxy, failed);
        if (attempt->stopped()) co_return stopped_error(*attempt, "waiting for " + connect_target(plan), *plan.options);
        if (!tunnel) co_return std::move(tunnel).error();
    }
    if (plan.tls) {
        auto ready = prepare_tls(*connection, plan.tls);
        if (!ready) co_return std::move(ready).error();
        failed = co_await connection->handshake();
        if (attempt->stopped())
            co_return stopped_error(*attempt, "the TLS handshake with " + to_string(plan.origin), *plan.options);
        if (failed) co_return tls_error(*connection, failed);
    }
    co_return connection;
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
