#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_STS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_STS_IPP

#include "blueprint/faas/local/aws_gate.hpp"
#include "blueprint/faas/local/aws_options.hpp"
#include "blueprint/faas/local/aws_sessions.hpp"
#include "blueprint/faas/local/gcp_sts.hpp"
#include "blueprint/faas/local/impl/gcp_words.hpp"
#include "blueprint/faas/local/options.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL bool GcpSts::takes(const ServerRequest& head) { return path_of(head) == "/v1/token"; }

inline Error sts_refusal(std::string_view error, std::string description) {
    return Error{.code = errc::authentication,
                 .message = std::move(description),
                 .http_status = 400,
                 .platform_code = std::string{error},
                 .execution = Execution::not_started};
}

BLUEPRINT_FAAS_DECL result<std::string> GcpSts::judge_token(const GcpWorkloadIdentity& identity, std::string_view token,
                                                            bool is_jwt) const {
    const auto jwt = read_jwt(token);
    if (!identity.subject_tokens.empty()) {
        bool known = false;
        for (const auto& allowed : identity.subject_tokens) known |= same_secret(token, allowed);
        if (!known) return sts_refusal("invalid_grant", "The given credential is rejected by the provider.");
        return jwt && !jwt->text("sub").empty() ? jwt->text("sub") : std::string{"local-subject"};
    }
    if (!is_jwt) return sts_refusal("invalid_grant", "The SAML response is rejected by the provider.");
    if (!jwt) return sts_refusal("invalid_grant", "Error parsing the ID Token: it is not a valid JWT.");
    const auto now = clock_.seconds();
    const auto expires = jwt->number("exp");
    if (!expires || *expires <= now)
        return sts_refusal("invalid_grant", "ID Token issued at " + std::to_string(jwt->number("iat").value_or(0)) +
                                                " is stale to sign-in.");
    const auto issuer = jwt->text("iss");
    if (!identity.issuers.empty() &&
        std::find(identity.issuers.begin(), identity.issuers.end(), issuer) == identity.issuers.end())
        return sts_refusal("invalid_grant", "The issuer in ID Token does not match the expected ones.");
    const auto audience = jwt->text("aud");
    if (audience != identity.audience && audience != "https:" + identity.audience)
        return sts_refusal("invalid_grant", "The audience in ID Token does not match the expected audience.");
    if (jwt->text("sub").empty())
        return sts_refusal("invalid_grant", "The ID Token has no subject: google.subject cannot be mapped.");
    return jwt->text("sub");
}

/// Reads what `{"url":...,"method":"POST","headers":[{"key":...,"value":...}]}` says as the request that AWS's STS
/// would get; nothing if it is anything else.
inline std::optional<ServerRequest> read_aws_subject(std::string_view token) {
    const auto text = faas::detail::percent_decode(token);
    if (!text) return std::nullopt;
    boost::system::error_code failed;
    const auto json = boost::json::parse(*text, failed);
    const auto* object = failed ? nullptr : json.if_object();
    if (object == nullptr) return std::nullopt;
    const auto text_of = [](const boost::json::object& from, const char* name) -> std::optional<std::string> {
        const auto* found = from.if_contains(name);
        const auto* value = found != nullptr ? found->if_string() : nullptr;
        if (value == nullptr) return std::nullopt;
        return std::string{value->data(), value->size()};
    };
    const auto url = text_of(*object, "url");
    const auto method = text_of(*object, "method");
    const auto* headers = object->if_contains("headers");
    if (!url || !method || headers == nullptr || !headers->is_array()) return std::nullopt;
    ServerRequest request{.method = *method, .content_length = 0, .tls = true};
    for (const auto& each : headers->get_array()) {
        const auto* pair = each.if_object();
        if (pair == nullptr) return std::nullopt;
        auto key = text_of(*pair, "key");
        auto value = text_of(*pair, "value");
        if (!key || !value || key->empty() || request.field(*key)) return std::nullopt;
        request.fields.emplace_back(std::move(*key), std::move(*value));
    }
    constexpr std::string_view scheme = "https://";
    if (!url->starts_with(scheme)) return std::nullopt;
    const auto authority_end = std::min(url->find_first_of("/?", scheme.size()), url->size());
    // What the signature is of names the host that the request is for.
    if (request.field("host") != std::string_view{*url}.substr(scheme.size(), authority_end - scheme.size()))
        return std::nullopt;
    request.target = url->substr(authority_end);
    if (!request.target.starts_with('/')) request.target.insert(0, 1, '/');
    return request;
}

/// Returns the region of "sts.eu-west-1.amazonaws.com"; nothing if that is another host.
inline std::optional<std::string> aws_sts_region(std::string_view host) {
    constexpr std::string_view before = "sts.";
    constexpr std::string_view after = ".amazonaws.com";
    if (host == "sts.amazonaws.com") return "us-east-1";
    if (!host.starts_with(before) || !host.ends_with(after) || host.size() <= before.size() + after.size())
        return std::nullopt;
    const auto region = host.substr(before.size(), host.size() - before.size() - after.size());
    if (region.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string_view::npos)
        return std::nullopt;
    return std::string{region};
}

BLUEPRINT_FAAS_DECL result<std::string> GcpSts::judge_aws(const GcpWorkloadIdentity& identity,
                                                          std::string_view token) const {
    const auto refused = [](std::string why) { return sts_refusal("invalid_grant", std::move(why)); };
    if (identity.aws_keys.empty()) return refused("The provider takes no identities of AWS.");
    const auto request = read_aws_subject(token);
    if (!request) return refused("Error parsing the AWS subject token: it is not a serialized signed request.");
    const auto region = aws_sts_region(request->field("host").value_or(""));
    const auto query = aws_query(request->target);
    const bool asks_who = query.size() == 2 && query[0].name == "Action" && query[0].value == "GetCallerIdentity" &&
                          query[1].name == "Version" && query[1].value == "2011-06-15";
    if (!region || request->method != "POST" || path_of(*request) != "/" || !asks_who)
        return refused("The AWS subject token is not a request of GetCallerIdentity to STS.");
    const auto resource = request->field("x-goog-cloud-target-resource").value_or("");
    if (resource != identity.audience && resource != "https:" + identity.audience)
        return refused("The x-goog-cloud-target-resource of the AWS subject token does not match the audience.");

    AwsOptions aws{.region = *region, .clock_offset = options_.clock_offset};
    const AwsClock clock{aws.clock_offset, clock_.environment()};
    AwsSessions sessions{clock};
    for (const auto& [id, key] : identity.aws_keys) {
        if (key.session_token.empty()) {
            aws.keys.insert_or_assign(id, key.secret_access_key);
            continue;
        }
        sessions.add({.access_key_id = id,
                      .secret_access_key = key.secret_access_key,
                      .token = key.session_token,
                      .arn = key.arn,
                      .expires = clock.now() + std::chrono::hours{1}});
    }
    const AwsGate gate{aws, sessions, clock};
    const auto caller = gate.judge(*request, "sts");
    if (!caller) return refused("Invalid AWS subject token: " + caller.error().message);
    const auto key = identity.aws_keys.find(caller->access_key_id);
    return key != identity.aws_keys.end() && !key->second.arn.empty() ? key->second.arn : caller->arn;
}

BLUEPRINT_FAAS_DECL ServerAnswer GcpSts::answer(const ServerRequest& request) {
    const auto failure = [](std::string_view error, std::string_view description) {
        return gcp_oauth_failure(400, error, description);
    };
    if (request.method != "POST") return gcp_oauth_failure(405, "invalid_request", "Only POST is allowed here.");
    if (!has_type(request, "application/x-www-form-urlencoded"))
        return failure("invalid_request", "The body must be application/x-www-form-urlencoded.");
    const auto form = read_http_form(faas::detail::text_of(request.body));
    if (!form) return failure("invalid_request", "The body is no form, or has a parameter twice.");
    if (form_text(*form, "grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange")
        return failure("unsupported_grant_type", "Invalid value for \"grant_type\".");
    if (form_text(*form, "requested_token_type") != "urn:ietf:params:oauth:token-type:access_token")
        return failure("invalid_request", "Invalid value for \"requested_token_type\".");
    const auto audience = form_text(*form, "audience");
    const auto identity = std::find_if(options_.identities.begin(), options_.identities.end(),
                                       [&](const GcpWorkloadIdentity& each) { return each.audience == audience; });
    if (audience.empty() || identity == options_.identities.end())
        return failure("invalid_target",
                       "The target service indicated by the \"audience\" parameters is invalid. This might either be "
                       "because the pool or provider is disabled or deleted or because it doesn't exist.");
    const auto client = gcp_basic_client(request);
    if (!identity->client_id.empty() && (!client || client->first != identity->client_id ||
                                         !same_secret(client->second.reveal(), identity->client_secret)))
        return gcp_oauth_failure(401, "invalid_client", "The OAuth client was not found.");
    // Who pays is said by the client, or by the options, not by both.
    if (client && form->find("options") != form->end())
        return failure("invalid_request", "Invalid value for \"options\".");
    const auto scopes = form_text(*form, "scope");
    if (!gcp_scopes_are_real(scopes)) return failure("invalid_scope", "Invalid value for \"scope\".");
    const auto token = form_text(*form, "subject_token");
    if (token.empty()) return failure("invalid_request", "Missing required parameter: subject_token");

    const auto type = form_text(*form, "subject_token_type");
    const bool jwt =
        type == "urn:ietf:params:oauth:token-type:jwt" || type == "urn:ietf:params:oauth:token-type:id_token";
    result<std::string> subject = sts_refusal("invalid_request", "Invalid value for \"subject_token_type\".");
    if (jwt || type == "urn:ietf:params:oauth:token-type:saml2")
        subject = judge_token(*identity, token, jwt);
    else if (type == "urn:ietf:params:aws:token-type:aws4_request")
        subject = judge_aws(*identity, token);
    if (!subject) return failure(subject.error().platform_code, subject.error().message);

    const auto pool = audience.substr(0, std::min(audience.find("/providers/"), audience.size()));
    const auto given = tokens_.issue_access(
        {.member = "principal:" + std::string{pool} + "/subject/" + *subject, .scopes = std::string{scopes}},
        options_.token_life);
    return token_answer({{"access_token", given.value.reveal()},
                         {"issued_token_type", "urn:ietf:params:oauth:token-type:access_token"},
                         {"token_type", "Bearer"},
                         {"expires_in", std::int64_t{options_.token_life.count()}}});
}

}  // namespace blueprint::faas::local

#endif
