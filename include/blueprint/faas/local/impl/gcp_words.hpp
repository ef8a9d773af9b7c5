#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_WORDS_HPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_WORDS_HPP

// What several services of the local Google Cloud read and judge in the same way. Included by its files alone.

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/impl/form_words.hpp"
#include "blueprint/faas/local/jwt.hpp"
#include "blueprint/faas/secret.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::local {

inline constexpr std::string_view gcp_cloud_platform = "https://www.googleapis.com/auth/cloud-platform";

/// Tells whether the scopes of a token hold `cloud-platform` or one of `enough`.
inline bool gcp_scopes_allow(std::string_view scopes, std::string_view enough) {
    const auto wanted = split_text(enough, ' ');
    for (const auto scope : split_text(scopes, ' '))
        if (scope == gcp_cloud_platform || std::find(wanted.begin(), wanted.end(), scope) != wanted.end()) return true;
    return false;
}

/// Tells whether a token that a client signed is of now: not of the future, not over, and for an hour at most.
/// Source: Google Identity, "Using OAuth 2.0 for Server to Server Applications", Forming the JWT claim set.
inline bool gcp_times_hold(const Jwt& jwt, std::int64_t now, std::chrono::seconds skew) {
    const auto issued = jwt.number("iat");
    const auto expires = jwt.number("exp");
    if (!issued || !expires) return false;
    return *issued <= now + skew.count() && *expires > now - skew.count() && *expires > *issued &&
           *expires - *issued <= 3600;
}

/// Words a refusal as OAuth does, which is not the APIs' way. Source: RFC 6749, section 5.2.
inline ServerAnswer gcp_oauth_failure(unsigned status, std::string_view error, std::string_view description) {
    return token_answer({{"error", error}, {"error_description", description}}, status);
}

/// Tells whether every one of the scopes is one: a URL of Google's, or one of OpenID's.
inline bool gcp_scopes_are_real(std::string_view scopes) {
    const auto parts = split_text(scopes, ' ');
    return !parts.empty() && std::all_of(parts.begin(), parts.end(), [](std::string_view scope) {
        constexpr std::string_view ours = "https://www.googleapis.com/auth/";
        return (scope.starts_with(ours) && scope.size() > ours.size()) || scope == "openid" || scope == "email" ||
               scope == "profile";
    });
}

/// Reads the client's name and password of HTTP Basic; nothing if they were not sent, or not so.
inline std::optional<std::pair<std::string, Secret>> gcp_basic_client(const ServerRequest& request) {
    const auto field = request.field("authorization").value_or("");
    constexpr std::string_view scheme = "basic ";
    if (field.size() <= scheme.size() || !faas::detail::iequals(field.substr(0, scheme.size()), scheme))
        return std::nullopt;
    auto bytes = faas::detail::base64_decode(field.substr(scheme.size()));
    if (!bytes) return std::nullopt;
    const auto text = faas::detail::text_of(*bytes);
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    auto name = faas::detail::percent_decode(text.substr(0, colon));
    auto password = faas::detail::percent_decode(text.substr(colon + 1));
    if (!name || !password) return std::nullopt;
    return std::pair{std::move(*name), Secret{std::move(*password)}};
}

}  // namespace blueprint::faas::local

#endif
