#ifndef BLUEPRINT_FAAS_AUTH_GCP_IMPL_ID_TOKEN_HPP
#define BLUEPRINT_FAAS_AUTH_GCP_IMPL_ID_TOKEN_HPP

#include "blueprint/faas/auth/gcp/impl/token_endpoint.hpp"
#include "blueprint/faas/auth/jwt.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace blueprint::faas::detail::gcp_auth {

/// Refuses a token that had ended by this machine's clock before it came.
BLUEPRINT_FAAS_COLD inline result<gcp::TimedToken> not_ended(const Question& question, gcp::TimedToken token,
                                                             const Environment& environment) {
    if (token.expires <= environment.now())
        return failure(errc::authentication, name_of(question.url) + " gave an " + question.what +
                                                 " that has ended already; check this machine's clock");
    return token;
}

/// Makes a timed token of an ID token, which says itself when it ends and whom it is for. `audience` is whom it must be
/// for; empty: anybody.
BLUEPRINT_FAAS_COLD inline result<gcp::TimedToken> id_token_of(const Question& question, Secret token,
                                                               std::string_view audience,
                                                               const Environment& environment) {
    const auto claims = read_unverified_jwt(token);
    if (!claims) return unreadable(question, "its ID token is none: " + claims.error().message);
    if (!is_bearer_token(token.reveal())) return unreadable(question, "its ID token has characters that none has");
    if (!claims->expires) return unreadable(question, "its ID token does not say when it ends (exp)");
    const auto& audiences = claims->audiences;
    if (!audience.empty() && std::find(audiences.begin(), audiences.end(), audience) == audiences.end())
        return unreadable(question, "its ID token is not for the audience '" + one_line(audience) + "' but for '" +
                                        (audiences.empty() ? "nobody" : one_line(audiences.front())) + "'");
    return not_ended(question, gcp::TimedToken{.value = std::move(token), .expires = *claims->expires}, environment);
}

/// Reads the answer of `generateIdToken`: {"token":"…"}. Source: IAM Credentials API, projects.serviceAccounts.
BLUEPRINT_FAAS_COLD inline result<gcp::TimedToken> read_generated_id_token(const Question& question, const Secret& text,
                                                                           std::string_view audience,
                                                                           const Environment& environment) {
    WipedMemory memory{text.size()};
    boost::system::error_code failed;
    const boost::json::value document =
        boost::json::parse({text.reveal().data(), text.size()}, failed, memory.storage());
    const auto* object = failed ? nullptr : document.if_object();
    if (object == nullptr) return unreadable(question, "its answer is no JSON object");
    Secret token{text_in(*object, "token")};
    if (token.empty()) return unreadable(question, "it gave no token");
    return id_token_of(question, std::move(token), audience, environment);
}

}  // namespace blueprint::faas::detail::gcp_auth

#endif
