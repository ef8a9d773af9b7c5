#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_OAUTH_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_OAUTH_IPP

#include "blueprint/faas/local/gcp_oauth.hpp"
#include "blueprint/faas/local/impl/gcp_words.hpp"
#include "blueprint/faas/local/options.hpp"

#include <algorithm>
#include <utility>

namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL bool GcpOauth::takes(const ServerRequest& head) {
    const auto path = path_of(head);
    return path == "/token" || path == "/v1/oauthtoken" || path == "/oauth2/v1/certs" || path == "/oauth2/v3/certs";
}

BLUEPRINT_FAAS_DECL ServerAnswer GcpOauth::by_assertion(const ServerRequest& request, std::string_view assertion) {
    const auto refused = [](std::string_view why) { return gcp_oauth_failure(400, "invalid_grant", why); };
    const auto jwt = read_jwt(assertion);
    if (!jwt) return refused("Invalid JWT: it must have a header, claims and a signature.");
    const auto email = jwt->text("iss");
    const auto account = options_.service_accounts.find(email);
    if (account == options_.service_accounts.end()) return refused("Invalid grant: account not found");
    const auto& key_id = account->second.key_id;
    const auto named = jwt->header_text("kid");
    if ((!named.empty() && !key_id.empty() && named != key_id) || !verify_jwt(*jwt, account->second.public_key))
        return refused("Invalid JWT Signature.");

    constexpr std::string_view production = "https://oauth2.googleapis.com/token";
    const auto audience = jwt->text("aud");
    // As the client named this server: 127.0.0.1 and localhost are one.
    const auto here =
        (request.tls ? "https://" : "http://") + std::string{request.field("host").value_or("")} + "/token";
    if (audience != production && audience != here && audience != url_ + "/token")
        return refused("Invalid JWT: Failed audience check. The right audience is " + std::string{production});
    if (!gcp_times_hold(*jwt, clock_.seconds(), options_.max_skew))
        return refused(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat "
            "and exp values in the JWT claim.");
    if (const auto subject = jwt->text("sub"); !subject.empty() && subject != email)
        return gcp_oauth_failure(401, "unauthorized_client",
                                 "Client is unauthorized to retrieve access tokens using this method, or client not "
                                 "authorized for any of the scopes requested.");
    const auto scopes = jwt->text("scope");
    const auto target = jwt->text("target_audience");
    if (scopes.empty() == target.empty() || (target.empty() && !gcp_scopes_are_real(scopes)))
        return gcp_oauth_failure(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.");
    if (!target.empty())
        return token_answer({{"id_token", tokens_.issue_identity({.email = email, .audience = target})}});
    const auto token = tokens_.issue_access({.member = gcp_member(options_, email), .email = email, .scopes = scopes},
                                            options_.token_life);
    return token_answer({{"access_token", token.value.reveal()},
                         {"expires_in", std::int64_t{options_.token_life.count()}},
                         {"token_type", "Bearer"}});
}

BLUEPRINT_FAAS_DECL ServerAnswer GcpOauth::by_refresh_token(std::string_view client_id, std::string_view client_secret,
                                                            std::string_view refresh_token, std::string_view scopes,
                                                            bool foreign) {
    const auto same_client = [&](const GcpUser& user) { return user.client_id == client_id; };
    if (std::none_of(options_.users.begin(), options_.users.end(), same_client))
        return gcp_oauth_failure(401, "invalid_client", "The OAuth client was not found.");
    const GcpUser* known = nullptr;
    bool right_secret = false;
    for (const auto& user : options_.users) {
        if (!same_client(user) || !same_secret(client_secret, user.client_secret)) continue;
        right_secret = true;
        if (same_secret(refresh_token, user.refresh_token)) known = &user;
    }
    if (!right_secret) return gcp_oauth_failure(401, "invalid_client", "Unauthorized");
    if (known == nullptr) return gcp_oauth_failure(400, "invalid_grant", "Token has been expired or revoked.");

    std::string granted = "openid https://www.googleapis.com/auth/userinfo.email " + std::string{gcp_cloud_platform};
    if (!scopes.empty()) {
        const auto all = split_text(granted, ' ');
        for (const auto scope : split_text(scopes, ' '))
            if (std::find(all.begin(), all.end(), scope) == all.end())
                return gcp_oauth_failure(400, "invalid_scope", "Some requested scopes were invalid.");
        granted = scopes;
    }
    const auto token = tokens_.issue_access(
        {.member = gcp_member(options_, known->email), .email = known->email, .scopes = granted}, options_.token_life);
    boost::json::object content{{"access_token", token.value.reveal()},
                                {"expires_in", std::int64_t{options_.token_life.count()}},
                                {"token_type", "Bearer"}};
    if (!foreign) {
        content["scope"] = granted;
        // Google's only way to an ID token of a user: its audience is the program that the user logged in with.
        content["id_token"] = tokens_.issue_identity(
            {.email = known->email, .audience = known->client_id, .authorized_party = known->client_id});
    }
    return token_answer(content);
}

BLUEPRINT_FAAS_DECL ServerAnswer GcpOauth::answer(const ServerRequest& request) {
    const auto path = path_of(request);
    if (path.starts_with("/oauth2/")) {
        if (request.method != "GET" && request.method != "HEAD")
            return gcp_oauth_failure(405, "invalid_request", "Only GET is allowed here.");
        ServerAnswer answer{.content_type = "application/json; charset=UTF-8"};
        answer.headers.emplace_back("Cache-Control", "public, max-age=3600, must-revalidate, no-transform");
        answer.body = path == "/oauth2/v3/certs" ? tokens_.key_set() : tokens_.certificates();
        return answer;
    }
    if (request.method != "POST") return gcp_oauth_failure(405, "invalid_request", "Only POST is allowed here.");
    if (!has_type(request, "application/x-www-form-urlencoded"))
        return gcp_oauth_failure(400, "invalid_request", "The body must be application/x-www-form-urlencoded.");
    const auto form = read_http_form(faas::detail::text_of(request.body));
    if (!form) return gcp_oauth_failure(400, "invalid_request", "The body is no form, or has a parameter twice.");
    const auto grant = form_text(*form, "grant_type");
    const bool foreign = path == "/v1/oauthtoken";
    if (grant == "urn:ietf:params:oauth:grant-type:jwt-bearer" && !foreign) {
        const auto assertion = form_text(*form, "assertion");
        if (assertion.empty())
            return gcp_oauth_failure(400, "invalid_request", "Missing required parameter: assertion");
        return by_assertion(request, assertion);
    }
    if (grant != "refresh_token")
        return gcp_oauth_failure(400, "unsupported_grant_type",
                                 "Invalid grant_type: " + std::string{grant.substr(0, 100)});
    std::string client_id{form_text(*form, "client_id")};
    Secret client_secret{form_text(*form, "client_secret")};
    // Foreign users' programs show theirs as HTTP Basic. Elsewhere one way or the other, never both.
    if (auto client = gcp_basic_client(request)) {
        if (!client_id.empty())
            return gcp_oauth_failure(400, "invalid_request", "The client must be authenticated in one way.");
        client_id = std::move(client->first);
        client_secret = std::move(client->second);
    } else if (foreign) {
        return gcp_oauth_failure(401, "invalid_client", "The OAuth client was not found.");
    }
    const auto refresh_token = form_text(*form, "refresh_token");
    if (client_id.empty() || refresh_token.empty())
        return gcp_oauth_failure(400, "invalid_request",
                                 client_id.empty() ? "Could not determine client ID from request."
                                                   : "Missing required parameter: refresh_token");
    return by_refresh_token(client_id, client_secret.reveal(), refresh_token, form_text(*form, "scope"), foreign);
}

}  // namespace blueprint::faas::local

#endif
