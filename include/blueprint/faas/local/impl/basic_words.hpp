#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_BASIC_WORDS_HPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_BASIC_WORDS_HPP

// What the platforms that play OpenWhisk read of HTTP Basic authentication. Included by files of the local cloud alone.

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/local/openwhisk_service.hpp"
#include "blueprint/faas/secret.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::local {

/// Who one says to be, and what proves it.
struct BasicPair {
    std::string user{};
    Secret password{};
};

/// Reads a field "Basic BASE64", whatever the case of "Basic"; nothing if it is of another scheme, or malformed. The
/// user ends at the first colon. Source: RFC 7617, section 2.
inline std::optional<BasicPair> basic_pair(std::string_view field) {
    constexpr std::string_view scheme = "basic ";
    if (!faas::detail::iequals(field.substr(0, scheme.size()), scheme)) return std::nullopt;
    auto decoded = faas::detail::base64_decode(field.substr(scheme.size()));
    if (!decoded) return std::nullopt;
    const auto text = faas::detail::text_of(*decoded);
    const auto colon = text.find(':');
    std::optional<BasicPair> pair;
    if (colon != std::string_view::npos)
        pair = BasicPair{.user = std::string{text.substr(0, colon)}, .password = Secret{text.substr(colon + 1)}};
    faas::detail::wipe(decoded->data(), decoded->size());
    return pair;
}

/// Refuses who does not prove to be somebody, with OpenWhisk's words and challenge.
/// Source: Apache OpenWhisk, `BasicAuthenticationDirective`.
inline ServerAnswer openwhisk_unauthorized(OpenWhiskService& functions, bool shown) {
    ServerAnswer answer =
        functions.refusal(401, shown ? "The supplied authentication is invalid"
                                     : "The resource requires authentication, which was not supplied with the request");
    answer.headers.emplace_back("WWW-Authenticate", "Basic realm=\"OpenWhisk secure realm\",charset=UTF-8");
    return answer;
}

}  // namespace blueprint::faas::local

#endif
