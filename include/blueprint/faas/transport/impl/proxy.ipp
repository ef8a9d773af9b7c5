#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_PROXY_IPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_PROXY_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/transport/proxy.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <cstddef>
#include <utility>

namespace blueprint::faas {

namespace detail::proxy {

// An address as 16 bytes; IPv4 stands in ::ffff:0:0/96, so that both are compared in one way.
using Address = std::array<unsigned char, 16>;

BLUEPRINT_FAAS_COLD inline std::optional<Address> read_address(std::string_view text, bool* is_v4 = nullptr) {
    const std::string terminated{text};
    Address address{};
    if (is_v4 != nullptr) *is_v4 = false;
    if (::inet_pton(AF_INET6, terminated.c_str(), address.data()) == 1) return address;
    address[10] = address[11] = 0xff;
    if (::inet_pton(AF_INET, terminated.c_str(), address.data() + 12) != 1) return std::nullopt;
    if (is_v4 != nullptr) *is_v4 = true;
    return address;
}

BLUEPRINT_FAAS_COLD inline bool same_prefix(const Address& a, const Address& b, unsigned bits) {
    const std::size_t whole = bits / 8;
    if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin())) return false;
    if (bits % 8 == 0) return true;
    return ((a[whole] ^ b[whole]) >> (8 - bits % 8)) == 0;
}

BLUEPRINT_FAAS_COLD inline std::string_view trim(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

template <class Number>
BLUEPRINT_FAAS_COLD std::optional<Number> read_number(std::string_view text) {
    Number number{};
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

// Takes ":port" off an entry; false if the port is another one than that of `origin`, or none at all.
BLUEPRINT_FAAS_COLD inline bool take_port(std::string_view& entry, const Origin& origin) {
    std::string_view port;
    if (entry.starts_with('[')) {
        const auto close = entry.find(']');
        if (close == std::string_view::npos) return false;
        port = entry.substr(close + 1);
        entry = entry.substr(1, close - 1);
        if (port.empty()) return true;
        if (!port.starts_with(':')) return false;
        port.remove_prefix(1);
    } else {
        const auto colon = entry.find(':');
        if (colon == std::string_view::npos || entry.find(':', colon + 1) != std::string_view::npos) return true;
        port = entry.substr(colon + 1);
        entry = entry.substr(0, colon);
    }
    return read_number<std::uint16_t>(port) == origin.port;
}

BLUEPRINT_FAAS_COLD inline bool matches(std::string_view entry, const Origin& origin) {
    if (entry == "*") return true;
    if (!take_port(entry, origin)) return false;
    const auto host = read_address(origin.host);
    if (const auto slash = entry.find('/'); slash != std::string_view::npos) {
        bool v4 = false;
        const auto block = read_address(entry.substr(0, slash), &v4);
        const auto bits = read_number<unsigned>(entry.substr(slash + 1));
        if (!host || !block || !bits || *bits > (v4 ? 32U : 128U)) return false;
        return same_prefix(*host, *block, v4 ? *bits + 96 : *bits);
    }
    if (host) return read_address(entry) == host;

    bool below_only = false;
    if (entry.starts_with("*.")) entry.remove_prefix(1);
    if (entry.starts_with('.')) {
        below_only = true;
        entry.remove_prefix(1);
    }
    if (entry.ends_with('.')) entry.remove_suffix(1);
    std::string_view name = origin.host;
    if (name.ends_with('.')) name.remove_suffix(1);
    if (entry.empty() || name.size() < entry.size()) return false;
    const auto tail = name.substr(name.size() - entry.size());
    if (!iequals(tail, entry)) return false;
    if (name.size() == entry.size()) return !below_only;
    return name[name.size() - entry.size() - 1] == '.';
}

BLUEPRINT_FAAS_COLD inline Error refuse(std::string message) {
    return Error{
        .code = errc::invalid_configuration, .message = std::move(message), .execution = Execution::not_started};
}

}  // namespace detail::proxy

namespace detail {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool bypasses_proxy(const std::vector<std::string>& no_proxy,
                                                            const Origin& origin) {
    // No std::any_of: clang 22 warns that it cannot unroll the one of libstdc++ 16.
    for (const auto& entry : no_proxy)
        if (proxy::matches(proxy::trim(entry), origin)) return true;
    return false;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool is_loopback_name(std::string_view host) {
    if (host.ends_with('.')) host.remove_suffix(1);
    if (host == "localhost" || host.ends_with(".localhost")) return true;
    const auto address = proxy::read_address(host);
    if (!address) return false;
    static constexpr proxy::Address loopback_v4{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};
    static constexpr proxy::Address loopback_v6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    return proxy::same_prefix(*address, loopback_v4, 96 + 8) || *address == loopback_v6;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::optional<Proxy>> make_proxy(const ProxyOptions& options,
                                                                                bool of_environment) {
    if (options.url.empty()) return std::optional<Proxy>{};
    const std::string source = of_environment ? "HTTPS_PROXY" : "ProxyOptions::url";
    if (!options.url.starts_with("http://"))
        return proxy::refuse(source +
                             " must look like http://host:port: a proxy is spoken to over plain HTTP, and what "
                             "passes through it is encrypted all the same");
    if (options.url.find('@') != std::string::npos)
        return proxy::refuse(source + " holds a user name or password: give them as ProxyOptions::user and ::password");
    auto url = parse_url(options.url);
    if (!url) return proxy::refuse(source + " is not the URL of a proxy: " + std::move(url).error().message);
    if (url->target != "/") return proxy::refuse(source + " has a path or a query: a proxy is http://host:port alone");
    if (options.user.find(':') != std::string::npos)
        return proxy::refuse("the proxy's user name holds a ':', which Basic authentication cannot carry");
    if (options.user.empty() && !options.password.empty())
        return proxy::refuse(of_environment ? "HTTPS_PROXY has a password but no user name before it"
                                            : "ProxyOptions::password is given without ProxyOptions::user");

    Proxy made{.address = std::move(url->origin), .no_proxy = options.no_proxy, .of_environment = of_environment};
    if (!options.user.empty()) {
        const Secret pair = (options.user + ':') + options.password;
        made.authorization = "Basic " + Secret{base64_encode(bytes_of(pair.reveal()))};
    }
    return std::optional<Proxy>{std::move(made)};
}

}  // namespace detail

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<ProxyOptions> ProxyOptions::from_environment(
    const Environment& environment) {
    const auto variable = [&](const char* upper, const char* lower) {
        for (const char* const name : {upper, lower})
            if (auto value = environment.variable(name); value && !value->empty()) return *std::move(value);
        return std::string{};
    };
    ProxyOptions options;
    auto entries = variable("NO_PROXY", "no_proxy");
    for (std::string_view rest = entries; !rest.empty();) {
        const auto end = std::min(rest.find_first_of(", "), rest.size());
        if (const auto entry = detail::proxy::trim(rest.substr(0, end)); !entry.empty())
            options.no_proxy.emplace_back(entry);
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }

    const Secret url = variable("HTTPS_PROXY", "https_proxy");
    auto text = detail::proxy::trim(url.reveal());
    if (text.empty()) return options;
    std::string scheme = "http://";
    if (const auto end = text.find("://"); end != std::string_view::npos) {
        scheme = text.substr(0, end + 3);
        std::transform(scheme.begin(), scheme.end(), scheme.begin(), detail::ascii_lower);
        text.remove_prefix(end + 3);
    }
    const auto authority = text.substr(0, text.find_first_of("/?#"));
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
        const auto credential = authority.substr(0, at);
        const auto colon = std::min(credential.find(':'), credential.size());
        auto user = detail::percent_decode(credential.substr(0, colon));
        auto password = detail::percent_decode(credential.substr(std::min(colon + 1, credential.size())));
        if (!user || !password)
            return detail::proxy::refuse(
                "HTTPS_PROXY has a '%' in its user name or password that is not followed by "
                "two hexadecimal digits: write a '%' itself as %25");
        options.user = *std::move(user);
        options.password = *std::move(password);
        text.remove_prefix(at + 1);
    }
    while (text.ends_with('/')) text.remove_suffix(1);
    options.url = scheme;
    options.url += text;
    // Whatever is wrong with it is told here, by the variable's name.
    if (auto usable = detail::make_proxy(options, true); !usable) return usable.error();
    return options;
}

}  // namespace blueprint::faas

#endif
