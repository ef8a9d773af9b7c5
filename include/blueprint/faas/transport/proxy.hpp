#ifndef BLUEPRINT_FAAS_TRANSPORT_PROXY_HPP
#define BLUEPRINT_FAAS_TRANSPORT_PROXY_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/secret.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas {

/// A forward proxy that HTTPS connections go through with CONNECT. What passes it stays encrypted from end to end.
struct ProxyOptions {
    std::string url{};   ///< `http://host:port`; empty: none. A user name or password in it is refused: see below.
    std::string user{};  ///< for Basic authentication; empty: none
    Secret password{};
    /// Who is spoken to directly: `example.com` (and all below it), `.example.com` or `*.example.com` (all below it),
    /// an address, a block such as `10.0.0.0/8` or `fd00::/8`, any of these with `:port`, or `*` for everyone.
    std::vector<std::string> no_proxy{};

    /// Reads `HTTPS_PROXY` or `https_proxy` (which may hold `user:password@`, percent-encoded) and `NO_PROXY` or
    /// `no_proxy`. Without the former, `url` is empty. An error shows nothing of the URL.
    BLUEPRINT_FAAS_DECL static result<ProxyOptions> from_environment(
        const Environment& environment = Environment::process());
};

namespace detail {

/// A proxy as it is connected to. `authorization` is the value of `Proxy-Authorization`, or empty.
struct Proxy {
    Origin address{};
    Secret authorization{};
    std::vector<std::string> no_proxy{};
    bool of_environment = false;
};

/// Checks what a user wrote; nothing if there is no proxy.
BLUEPRINT_FAAS_DECL result<std::optional<Proxy>> make_proxy(const ProxyOptions& options, bool of_environment);

/// Tells whether `no_proxy` names `origin`. Addresses are compared as numbers; names without case.
BLUEPRINT_FAAS_DECL bool bypasses_proxy(const std::vector<std::string>& no_proxy, const Origin& origin);

/// Tells whether `host` is this machine by its very name: `localhost`, 127/8 or ::1.
BLUEPRINT_FAAS_DECL bool is_loopback_name(std::string_view host);

/// Tells whether `origin` is reached through `proxy`. A proxy of the environment is for the world outside, so it is
/// never asked for this machine.
inline bool goes_through(const Proxy& proxy, const Origin& origin) {
    if (proxy.of_environment && is_loopback_name(origin.host)) return false;
    return !bypasses_proxy(proxy.no_proxy, origin);
}

/// Writes `host:port` of a proxy, for messages.
inline std::string proxy_name(const Origin& address) {
    const bool v6 = address.host.find(':') != std::string::npos;
    return (v6 ? '[' + address.host + ']' : address.host) + ':' + std::to_string(address.port);
}

}  // namespace detail
}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/transport/impl/proxy.ipp"
#endif

#endif
