#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_WORDS_HPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_WORDS_HPP

// What several services of the local Google Cloud read and judge in the same way. Included by its files alone.

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/gcp_jwt.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/secret.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::local {

inline constexpr std::string_view gcp_cloud_platform = "https://www.googleapis.com/auth/cloud-platform";

inline std::vector<std::string_view> gcp_split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = std::min(text.find(separator), text.size());
        if (end > 0) parts.push_back(text.substr(0, end));
        if (end == text.size()) return parts;
        text.remove_prefix(end + 1);
    }
}

/// Tells whether the scopes of a token hold `cloud-platform` or one of `enough`.
inline bool gcp_scopes_allow(std::string_view scopes, std::string_view enough) {
    const auto wanted = gcp_split(enough, ' ');
    for (const auto scope : gcp_split(scopes, ' '))
        if (scope == gcp_cloud_platform || std::find(wanted.begin(), wanted.end(), scope) != wanted.end()) return true;
    return false;
}

/// Tells whether a token that a client signed is of now: not of the future, not over, and for an hour at most.
/// Source: Google Identity, "Using OAuth 2.0 for Server to Server Applications", Forming the JWT claim set.
inline bool gcp_times_hold(const GcpJwt& jwt, std::int64_t now, std::chrono::seconds skew) {
    const auto issued = jwt.number("iat");
    const auto expires = jwt.number("exp");
    if (!issued || !expires) return false;
    return *issued <= now + skew.count() && *expires > now - skew.count() && *expires > *issued &&
           *expires - *issued <= 3600;
}

using GcpForm = std::map<std::string, std::string, std::less<>>;

/// Reads `a=b&c=d%20e+f`; nothing if it is no such form, or a name comes twice. Source: RFC 6749, sections 3.2 and B.
inline std::optional<GcpForm> read_gcp_form(std::string_view text) {
    GcpForm form;
    for (const auto pair : gcp_split(text, '&')) {
        const auto equals = std::min(pair.find('='), pair.size());
        std::string name{pair.substr(0, equals)};
        std::string value{pair.substr(std::min(equals + 1, pair.size()))};
        std::replace(name.begin(), name.end(), '+', ' ');
        std::replace(value.begin(), value.end(), '+', ' ');
        auto decoded_name = faas::detail::percent_decode(name);
        auto decoded_value = faas::detail::percent_decode(value);
        if (!decoded_name || !decoded_value ||
            !form.emplace(std::move(*decoded_name), std::move(*decoded_value)).second)
            return std::nullopt;
    }
    return form;
}

/// Returns a parameter of a form; empty if it was not sent.
inline std::string_view form_text(const GcpForm& form, std::string_view name) {
    const auto found = form.find(name);
    return found == form.end() ? std::string_view{} : std::string_view{found->second};
}

inline std::string_view gcp_path(const ServerRequest& request) {
    return std::string_view{request.target}.substr(0, request.target.find('?'));
}

/// Tells whether a body's type is that one, whatever parameters follow.
inline bool gcp_has_type(const ServerRequest& request, std::string_view type) {
    const auto field = request.field("content-type").value_or("");
    auto essence = field.substr(0, field.find(';'));
    while (essence.ends_with(' ')) essence.remove_suffix(1);
    return faas::detail::iequals(essence, type);
}

/// Answers a request for tokens with JSON that nobody keeps.
inline ServerAnswer gcp_token_answer(const boost::json::object& content, unsigned status = 200) {
    ServerAnswer answer{.status = status, .content_type = "application/json; charset=utf-8"};
    answer.headers.emplace_back("Cache-Control", "no-cache, no-store, max-age=0, must-revalidate");
    answer.body = boost::json::serialize(content);
    return answer;
}

/// Words a refusal as OAuth does, which is not the APIs' way. Source: RFC 6749, section 5.2.
inline ServerAnswer gcp_oauth_failure(unsigned status, std::string_view error, std::string_view description) {
    return gcp_token_answer({{"error", error}, {"error_description", description}}, status);
}

/// Tells whether every one of the scopes is one: a URL of Google's, or one of OpenID's.
inline bool gcp_scopes_are_real(std::string_view scopes) {
    const auto parts = gcp_split(scopes, ' ');
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
