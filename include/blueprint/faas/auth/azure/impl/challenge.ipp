#ifndef BLUEPRINT_FAAS_AUTH_AZURE_IMPL_CHALLENGE_IPP
#define BLUEPRINT_FAAS_AUTH_AZURE_IMPL_CHALLENGE_IPP

#include "blueprint/faas/auth/azure_ad.hpp"
#include "blueprint/faas/auth/jwt.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/wiped.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail::azure_challenge {

/// One parameter of a challenge: `claims="e30="`. Quoted texts have no escapes in what Azure sends.
struct Parameter {
    std::string_view name{};
    std::string_view value{};
};

/// Takes the next parameter off `rest`, and with it the name of a scheme before it; nothing: there is no further one.
/// Source: RFC 9110, section 11.6.1.
BLUEPRINT_FAAS_COLD inline std::optional<Parameter> next_parameter(std::string_view& rest) noexcept {
    const auto equals = rest.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    Parameter parameter{.name = trimmed(rest.substr(0, equals))};
    if (const auto before = parameter.name.find_last_of(", \t"); before != std::string_view::npos)
        parameter.name.remove_prefix(before + 1);
    rest.remove_prefix(equals + 1);
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
    const bool quoted = rest.starts_with('"');
    if (quoted) rest.remove_prefix(1);
    const auto end = std::min(quoted ? rest.find('"') : rest.find_first_of(", \t"), rest.size());
    parameter.value = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return parameter;
}

/// Reads the claims of one field; nothing if it demands none, or what it demands is no JSON object in Base64.
BLUEPRINT_FAAS_COLD inline std::optional<std::string> claims_in(std::string_view challenge) {
    constexpr std::size_t longest = 16U * 1024;
    bool insufficient = false;
    std::string encoded;
    for (auto rest = challenge.substr(0, longest); const auto parameter = next_parameter(rest);) {
        if (iequals(parameter->name, "error")) insufficient = parameter->value == "insufficient_claims";
        if (iequals(parameter->name, "claims")) encoded = parameter->value;
    }
    if (!insufficient || encoded.empty()) return std::nullopt;
    // Both alphabets are in use, with padding and without.
    for (auto& c : encoded) c = c == '+' ? '-' : c == '/' ? '_' : c;
    while (encoded.ends_with('=')) encoded.pop_back();
    const auto bytes = base64url_decode(encoded);
    if (!bytes) return std::nullopt;
    std::string claims{text_of(*bytes)};
    boost::system::error_code failed;
    const auto document = boost::json::parse(claims, failed);
    if (failed || !document.is_object()) return std::nullopt;
    return claims;
}

}  // namespace blueprint::faas::detail::azure_challenge

namespace blueprint::faas::azure {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<std::string> demanded_claims(const Headers& answer) {
    constexpr std::string_view field = "WWW-Authenticate";
    for (auto lines = answer.text(); !lines.empty();) {
        const auto line = lines.substr(0, lines.find("\r\n"));
        lines.remove_prefix(line.size() + 2);
        const auto colon = line.find(':');
        if (!faas::detail::iequals(line.substr(0, colon), field)) continue;
        if (auto claims = faas::detail::azure_challenge::claims_in(line.substr(colon + 1))) return claims;
    }
    return std::nullopt;
}

}  // namespace blueprint::faas::azure

#endif
