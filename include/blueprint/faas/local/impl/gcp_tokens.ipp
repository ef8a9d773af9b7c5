#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_TOKENS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_TOKENS_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/local/gcp_tokens.hpp"
#include "blueprint/faas/local/random.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <utility>

namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL std::string gcp_member(const GcpOptions& options, std::string_view email) {
    const bool user = std::any_of(options.users.begin(), options.users.end(),
                                  [&](const GcpUser& each) { return each.email == email; });
    return (user ? "user:" : "serviceAccount:") + std::string{email};
}

BLUEPRINT_FAAS_DECL std::string gcp_unique_id(std::string_view email) {
    const auto digest = faas::detail::sha256(faas::detail::bytes_of(email));
    std::string number = "1";
    for (std::size_t i = 0; i < 20; ++i) number += static_cast<char>('0' + digest[i] % 10);
    return number;
}

BLUEPRINT_FAAS_DECL GcpTokens::GcpTokens(const GcpOptions& options, const GcpClock& clock)
    : options_{options}, clock_{clock} {
    const boost::json::object by_id{{key_.id(), key_.certificate()}};
    certificates_ = boost::json::serialize(by_id);
}

inline std::string gcp_token_digest(std::string_view token) {
    return faas::detail::sha256_hex(faas::detail::bytes_of(token));
}

BLUEPRINT_FAAS_DECL GcpToken GcpTokens::issue_access(GcpCaller caller, std::chrono::seconds life) {
    constexpr std::size_t most = 100'000;
    const auto now = clock_.now();
    if (access_.size() >= most) {
        std::erase_if(access_, [&](const auto& entry) { return entry.second.expires <= now; });
        if (access_.size() >= most)
            access_.erase(std::min_element(access_.begin(), access_.end(), [](const auto& a, const auto& b) {
                return a.second.expires < b.second.expires;
            }));
    }
    GcpToken token{.value = "local-" + random_text(128), .caller = std::move(caller), .expires = now + life};
    access_.insert_or_assign(gcp_token_digest(token.value.reveal()),
                             Entry{.caller = token.caller, .expires = token.expires});
    return token;
}

BLUEPRINT_FAAS_DECL std::optional<GcpCaller> GcpTokens::find_access(std::string_view token) const {
    const auto found = access_.find(gcp_token_digest(token));
    if (found == access_.end() || found->second.expires <= clock_.now()) return std::nullopt;
    return found->second.caller;
}

BLUEPRINT_FAAS_DECL std::string GcpTokens::issue_identity(const Identity& identity) const {
    const auto now = clock_.seconds();
    const auto number = gcp_unique_id(identity.email);
    boost::json::object claims{
        {"aud", identity.audience},
        {"azp", identity.authorized_party.empty() ? number : identity.authorized_party},
        {"exp", now + std::int64_t{identity_life.count()}},
        {"iat", now},
        {"iss", std::string{issuer}},
        {"sub", number},
    };
    if (identity.with_email) {
        claims["email"] = identity.email;
        claims["email_verified"] = true;
    }
    if (identity.full) {
        const boost::json::object engine{
            {"instance_creation_timestamp", now},
            {"instance_id", gcp_unique_id("instance")},
            {"instance_name", "local"},
            {"project_id", options_.project},
            {"project_number", std::strtoll(options_.project_number.c_str(), nullptr, 10)},
            {"zone", options_.region + "-b"},
        };
        claims["google"] = boost::json::object{{"compute_engine", engine}};
    }
    return key_.sign(claims);
}

BLUEPRINT_FAAS_DECL result<GcpCaller> GcpTokens::judge_identity(std::string_view token,
                                                                const std::vector<std::string>& audiences) const {
    const auto refused = [](std::string why) {
        return Error{.code = errc::authentication,
                     .message = std::move(why),
                     .http_status = 401,
                     .execution = Execution::not_started};
    };
    const auto jwt = read_jwt(token);
    if (!jwt) return refused("it is no ID token");
    if (!verify_jwt(*jwt, key_.public_key())) return refused("its signature is not by the issuer's key");
    if (jwt->text("iss") != issuer) return refused("it is by another issuer");
    const auto now = clock_.seconds();
    const auto expires = jwt->number("exp");
    const auto issued = jwt->number("iat");
    if (!expires || *expires <= now) return refused("it has expired");
    if (!issued || *issued > now + std::int64_t{options_.max_skew.count()}) return refused("it is of the future");
    // A list of audiences is nothing that Google issues.
    if (std::find(audiences.begin(), audiences.end(), jwt->text("aud")) == audiences.end())
        return refused("it is for another audience");
    const auto email = jwt->text("email");
    if (email.empty()) return refused("it does not tell the email");
    return GcpCaller{.member = gcp_member(options_, email), .email = email};
}

BLUEPRINT_FAAS_DECL std::string GcpTokens::key_set() const {
    const boost::json::object key{{"alg", "RS256"}, {"e", key_.exponent()}, {"kid", key_.id()},
                                  {"kty", "RSA"},   {"n", key_.modulus()},  {"use", "sig"}};
    const boost::json::object set{{"keys", boost::json::array{key}}};
    return boost::json::serialize(set);
}

}  // namespace blueprint::faas::local

#endif
