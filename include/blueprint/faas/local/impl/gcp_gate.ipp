#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_GATE_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_GATE_IPP

#include "blueprint/faas/local/gcp_gate.hpp"
#include "blueprint/faas/local/impl/answer_json.hpp"
#include "blueprint/faas/local/impl/gcp_words.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL Error gcp_refusal(unsigned http_status, std::string_view status, std::string message) {
    return Error{.code = errc::invocation_failed,
                 .message = std::move(message),
                 .http_status = http_status,
                 .platform_code = std::string{status},
                 .execution = Execution::not_started};
}

BLUEPRINT_FAAS_DECL ServerAnswer gcp_failure(const Error& error) {
    const unsigned http_status = error.http_status == 0 ? 500 : error.http_status;
    const std::string_view code = error.platform_code;
    const auto blank = std::min(code.find(' '), code.size());
    boost::json::object content{{"code", http_status},
                                {"message", error.message},
                                {"status", http_status == 500 && code.empty() ? "INTERNAL" : code.substr(0, blank)}};
    if (blank < code.size()) {
        const boost::json::object info{{"@type", "type.googleapis.com/google.rpc.ErrorInfo"},
                                       {"reason", code.substr(blank + 1)},
                                       {"domain", "googleapis.com"}};
        content["details"] = boost::json::array{info};
    }
    ServerAnswer answer{.status = http_status, .content_type = "application/json; charset=UTF-8"};
    answer.body = answer_json(boost::json::object{{"error", std::move(content)}});
    if (http_status == 401) {
        const bool missing = code.ends_with("CREDENTIALS_MISSING");
        answer.headers.emplace_back("WWW-Authenticate", missing ? "Bearer realm=\"https://accounts.google.com/\""
                                                                : "Bearer realm=\"https://accounts.google.com/\", "
                                                                  "error=\"invalid_token\"");
    }
    return answer;
}

BLUEPRINT_FAAS_DECL ServerAnswer gcp_invocation_failure(const Error& error) {
    ServerAnswer answer{.status = error.http_status, .content_type = "text/html; charset=UTF-8"};
    const std::string_view title = error.http_status == 401 ? "Unauthorized" : "Forbidden";
    answer.body = "<html><head><title>" + std::to_string(error.http_status) + ' ' + std::string{title} +
                  "</title></head><body><h1>Error: " + std::string{title} + "</h1><h2>" + error.message +
                  "</h2></body></html>\n";
    if (error.http_status == 401)
        answer.headers.emplace_back(
            "WWW-Authenticate",
            "Bearer error=\"invalid_token\" error_description=\"The access token could not be verified\"");
    return answer;
}

inline Error invalid_credentials(std::string_view reason) {
    return gcp_refusal(401, std::string{"UNAUTHENTICATED "}.append(reason),
                       "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or "
                       "other valid authentication credential. See "
                       "https://developers.google.com/identity/sign-in/web/devconsole-project.");
}

BLUEPRINT_FAAS_DECL result<GcpCaller> GcpGate::judge_self_signed(std::string_view token,
                                                                 std::string_view service) const {
    const auto invalid = invalid_credentials("ACCESS_TOKEN_TYPE_UNSUPPORTED");
    const auto jwt = read_jwt(token);
    if (!jwt) return invalid;
    const auto email = jwt->text("iss");
    const auto account = options_.service_accounts.find(email);
    if (account == options_.service_accounts.end() || account->second.public_key.empty() || jwt->text("sub") != email)
        return invalid;
    // Google finds the key by its id alone.
    const auto key_id = jwt->header_text("kid");
    if (key_id.empty() || (!account->second.key_id.empty() && key_id != account->second.key_id)) return invalid;
    if (!verify_jwt(*jwt, account->second.public_key)) return invalid;
    if (!gcp_times_hold(*jwt, clock_.seconds(), options_.max_skew)) return invalid_credentials("ACCESS_TOKEN_EXPIRED");
    const auto audience = jwt->text("aud");
    const auto scopes = jwt->text("scope");
    if (audience.empty() == scopes.empty()) return invalid;
    if (!audience.empty() && audience != "https://" + std::string{service} + '/') return invalid;
    return GcpCaller{.member = gcp_member(options_, email), .email = email, .scopes = scopes};
}

BLUEPRINT_FAAS_DECL result<GcpCaller> GcpGate::judge_api(const ServerRequest& head, std::string_view service,
                                                         std::string_view scopes) const {
    const auto field = head.field("authorization");
    if (!field)
        return gcp_refusal(401, "UNAUTHENTICATED CREDENTIALS_MISSING",
                           "Request is missing required authentication credential. Expected OAuth 2 access token, "
                           "login cookie or other valid authentication credential. See "
                           "https://developers.google.com/identity/sign-in/web/devconsole-project.");
    const auto token = bearer_token(*field);
    if (!token) return invalid_credentials("ACCESS_TOKEN_TYPE_UNSUPPORTED");
    std::optional<GcpCaller> caller = tokens_.find_access(*token);
    const bool access = caller.has_value();
    if (!access) {
        // An ID token has dots too, and is not signed by its subject.
        auto judged = token->find('.') != std::string_view::npos
                          ? judge_self_signed(*token, service)
                          : result<GcpCaller>{invalid_credentials("ACCESS_TOKEN_EXPIRED")};
        if (!judged) return judged.error();
        caller = std::move(*judged);
    }
    if ((access || !caller->scopes.empty()) && !gcp_scopes_allow(caller->scopes, scopes))
        return gcp_refusal(403, "PERMISSION_DENIED ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                           "Request had insufficient authentication scopes.");
    return std::move(*caller);
}

BLUEPRINT_FAAS_DECL bool GcpGate::may_administrate(const GcpCaller& caller) const {
    if (!options_.administrators) return true;
    const auto& known = *options_.administrators;
    return std::find(known.begin(), known.end(), caller.member) != known.end();
}

BLUEPRINT_FAAS_DECL result<void> GcpGate::require(const GcpCaller& caller, std::string_view permission,
                                                  std::string_view resource) const {
    if (may_administrate(caller)) return {};
    return gcp_refusal(403, "PERMISSION_DENIED IAM_PERMISSION_DENIED",
                       "Permission '" + std::string{permission} + "' denied on resource '" + std::string{resource} +
                           "' (or it may not exist).");
}

BLUEPRINT_FAAS_DECL Error GcpGate::not_invoker() {
    return gcp_refusal(403, "PERMISSION_DENIED", "Your client does not have permission to get URL from this server.");
}

BLUEPRINT_FAAS_DECL result<GcpCaller> GcpGate::judge_invocation(const ServerRequest& head,
                                                                const std::vector<std::string>& audiences) const {
    auto field = head.field("x-serverless-authorization");
    if (!field) field = head.field("authorization");
    if (!field) return not_invoker();
    const auto unauthorized =
        gcp_refusal(401, "UNAUTHENTICATED", "Your client does not have permission to the requested URL.");
    const auto token = bearer_token(*field);
    if (!token) return unauthorized;
    auto accepted = audiences;
    accepted.insert(accepted.end(), options_.invoking_clients.begin(), options_.invoking_clients.end());
    auto judged = tokens_.judge_identity(*token, accepted);
    if (!judged) return unauthorized;
    return std::move(*judged);
}

}  // namespace blueprint::faas::local

#endif
