#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_PROXY_TUNNEL_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_PROXY_TUNNEL_HPP

#include "blueprint/faas/detail/redact.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/transport/impl/connection.hpp"
#include "blueprint/faas/transport/proxy.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// Writes the request for a tunnel: the origin's host and port, and our credential if there is one.
/// Source: RFC 9110, section 9.3.6 (CONNECT) and section 11.7.1 (Proxy-Authorization).
BLUEPRINT_FAAS_COLD inline void write_connect(std::string& out, const Origin& origin, const Proxy& proxy) {
    const auto authority = proxy_name(origin);
    const auto credential = proxy.authorization.reveal();
    out.clear();
    out.reserve(256 + 2 * authority.size() + credential.size());  // growing would leave the credential behind
    out.append("CONNECT ").append(authority).append(" HTTP/1.1\r\nHost: ").append(authority).append("\r\n");
    if (!credential.empty()) out.append("Proxy-Authorization: ").append(credential).append("\r\n");
    out.append("\r\n");
}

/// What a proxy said to CONNECT.
struct ConnectAnswer {
    unsigned status = 0;  ///< 0: it is not HTTP
    std::string_view reason{};
    std::size_t size = 0;  ///< of the head, with its empty line
};

/// Reads the head of an answer to CONNECT; nothing as long as it is not complete. More than 16 KiB of it is no HTTP.
BLUEPRINT_FAAS_COLD inline std::optional<ConnectAnswer> read_connect_answer(std::string_view text) {
    constexpr std::string_view version = "HTTP/1.";
    if (text.substr(0, version.size()) != version.substr(0, text.size())) return ConnectAnswer{};
    const auto end = text.find("\r\n\r\n");
    if (end == std::string_view::npos) return text.size() > 16 * 1024 ? std::optional{ConnectAnswer{}} : std::nullopt;
    const auto line = text.substr(0, text.find("\r\n"));
    ConnectAnswer answer{.size = end + 4};
    if (line.size() < 12 || line[8] != ' ' || (line.size() > 12 && line[12] != ' ')) return ConnectAnswer{};
    for (const char digit : line.substr(9, 3)) {
        if (digit < '0' || digit > '9') return ConnectAnswer{};
        answer.status = answer.status * 10 + static_cast<unsigned>(digit - '0');
    }
    if (line.size() > 13) answer.reason = line.substr(13);
    return answer;
}

/// Makes the error of a proxy that gave no tunnel. It names the proxy, never the credential.
BLUEPRINT_FAAS_COLD inline Error tunnel_error(const ConnectAnswer& answer, const Proxy& proxy, const Origin& origin) {
    const auto name = "the proxy " + proxy_name(proxy.address);
    const auto target = to_string(origin);
    Error error{.code = errc::infrastructure, .execution = Execution::not_started};
    std::string said = std::to_string(answer.status);
    if (std::string reason{answer.reason}; !reason.empty()) {
        constexpr std::string_view scheme = "Basic ";
        const auto credential = proxy.authorization.reveal();
        redact(reason, credential.substr(std::min(scheme.size(), credential.size())));
        said += ' ';
        for (const char c : reason.substr(0, 100)) said += c >= ' ' && c <= '~' ? c : '?';
    }
    switch (answer.status) {
        case 0:
            error.code = errc::serialization;
            error.message = name + " answered what is not HTTP; check that " +
                            (proxy.of_environment ? "HTTPS_PROXY" : "ProxyOptions::url") + " names an HTTP proxy";
            break;
        case 401:  // so tinyproxy answers a wrong password
        case 407:
            error.code = errc::authentication;
            error.message = name +
                            (proxy.authorization.empty() ? " wants a user name and a password"
                                                         : " does not accept the user name and password") +
                            " (" + said + "); give them as " +
                            (proxy.of_environment ? "HTTPS_PROXY=http://user:password@host:port"
                                                  : "ProxyOptions::user and ::password");
            break;
        case 502:
        case 503:
        case 504:
            error.retryable = true;
            error.message =
                name + " did not reach " + target + " (" + said + "); check that it is up, or the proxy's log";
            break;
        default:
            error.message = name + " does not let us through to " + target + " (" + said +
                            "); ask who runs it, or reach the host directly by naming it in " +
                            (proxy.of_environment ? "NO_PROXY" : "ProxyOptions::no_proxy");
    }
    return error;
}

/// Asks the proxy at the other end of `connection` for a tunnel to its origin. A failed or cancelled read or write
/// comes back as `broken`.
BLUEPRINT_FAAS_COLD inline asio::awaitable<result<void>> open_tunnel(Connection& connection, const Proxy& proxy,
                                                                     boost::system::error_code& broken) {
    write_connect(connection.out, connection.origin(), proxy);
    std::size_t sent = 0;
    broken = co_await connection.write(connection.out, sent);
    wipe(connection.out);
    std::optional<ConnectAnswer> answer;
    while (!broken) {
        answer = read_connect_answer(connection.unread());
        if (answer && answer->status >= 100 && answer->status < 200) {
            connection.consume(answer->size);
            continue;
        }
        if (answer) break;
        broken = co_await connection.read();
    }
    if (!answer) {
        Error error{.code = errc::infrastructure,
                    .message = "the proxy " + proxy_name(proxy.address) +
                               " closed the connection instead of opening a "
                               "tunnel to " +
                               to_string(connection.origin()) + ": " + broken.message(),
                    .retryable = true,
                    .execution = Execution::not_started};
        co_return error;
    }
    if (answer->status < 200 || answer->status > 299) {
        auto error = tunnel_error(*answer, proxy, connection.origin());
        co_return error;
    }
    connection.consume(answer->size);
    if (!connection.unread().empty()) {  // in TLS the client speaks first
        auto error = tunnel_error(ConnectAnswer{}, proxy, connection.origin());
        co_return error;
    }
    co_return result<void>{};
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
