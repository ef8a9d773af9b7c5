#ifndef BLUEPRINT_FAAS_DETAIL_URL_HPP
#define BLUEPRINT_FAAS_DETAIL_URL_HPP

#include "blueprint/faas/http.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace blueprint::faas::detail {

/// An absolute http or https URL, taken apart. `target` begins with '/' and has no fragment.
struct Url {
    Origin origin{};
    std::string target{};
};

/// Takes an absolute URL apart. The error shows no part of the URL: it may hold a password.
inline result<Url> parse_url(std::string_view text) {
    const auto refuse = [](std::string_view why) {
        return Error{.code = errc::invalid_configuration,
                     .message = std::string{"bad URL: "}.append(why) + "; it should look like https://faas.example.com",
                     .execution = Execution::not_started};
    };
    Url url;
    if (text.starts_with("https://")) {
        text.remove_prefix(8);
    } else if (text.starts_with("http://")) {
        text.remove_prefix(7);
        url.origin.tls = false;
        url.origin.port = 80;
    } else {
        return refuse("it does not begin with https:// or http://");
    }
    if (text.find_first_of(std::string_view{" \t\r\n\0\"<>\\^`{|}", 15}) != std::string_view::npos)
        return refuse("it holds a blank or a character that must be percent-encoded");
    text = text.substr(0, text.find('#'));
    const auto authority_end = std::min(text.find_first_of("/?"), text.size());
    std::string_view authority = text.substr(0, authority_end);
    url.target = text.substr(authority_end);
    if (!url.target.starts_with('/')) url.target.insert(url.target.begin(), '/');
    if (authority.find('@') != std::string_view::npos)
        return refuse("a user name or password in a URL is not accepted, give the credential to an Auth");
    std::string_view port;
    if (authority.starts_with('[')) {
        const auto close = authority.find(']');
        if (close == std::string_view::npos) return refuse("'[' without ']'");
        url.origin.host = authority.substr(1, close - 1);
        if (const auto rest = authority.substr(close + 1); rest.starts_with(':')) {
            port = rest.substr(1);
        } else if (!rest.empty()) {
            return refuse("something stands between ']' and the port");
        }
    } else if (const auto colon = authority.find(':'); colon != std::string_view::npos) {
        url.origin.host = authority.substr(0, colon);
        port = authority.substr(colon + 1);
    } else {
        url.origin.host = authority;
    }
    if (url.origin.host.empty()) return refuse("it has no host");
    if (url.origin.host.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:") !=
        std::string::npos)
        return refuse("the host has a character that host names do not have");
    std::transform(url.origin.host.begin(), url.origin.host.end(), url.origin.host.begin(), ascii_lower);
    if (!port.empty()) {
        std::uint16_t number = 0;
        const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), number);
        if (failure != std::errc{} || end != port.data() + port.size() || number == 0)
            return refuse("the port is not a number from 1 to 65535");
        url.origin.port = number;
    }
    return url;
}

}  // namespace blueprint::faas::detail

#endif
