#ifndef BLUEPRINT_FAAS_AUTH_GCP_IMPL_TOKEN_ENDPOINT_HPP
#define BLUEPRINT_FAAS_AUTH_GCP_IMPL_TOKEN_ENDPOINT_HPP

#include "blueprint/faas/auth/gcp/credential.hpp"
#include "blueprint/faas/auth/impl/token_question.hpp"
#include "blueprint/faas/auth/reach.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/retry_after.hpp"
#include "blueprint/faas/detail/wiped.hpp"
#include "blueprint/faas/detail/wiped_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::gcp_auth {

using token_question::basic_authorization;
using token_question::failure;
using token_question::form_of;
using token_question::form_type;
using token_question::Grant;
using token_question::json_type;
using token_question::name_of;
using token_question::Question;
using token_question::read_grant;
using token_question::secret_url;
using token_question::shown;
using token_question::unreadable;
using token_question::variable;

/// The scopes of an access token that is wanted; more than one blank between them are no empty scopes.
BLUEPRINT_FAAS_COLD inline std::vector<std::string_view> scopes_of(const gcp::TokenRequest& request) {
    std::vector<std::string_view> scopes;
    for (std::string_view rest = request.target; !rest.empty();) {
        const auto scope = rest.substr(0, rest.find(' '));
        if (!scope.empty()) scopes.push_back(scope);
        rest.remove_prefix(std::min(rest.size(), scope.size() + 1));
    }
    return scopes;
}

struct Meaning {
    std::string_view name;
    errc code;
    bool retryable;
    std::string_view advice;
};

// Source: RFC 6749, section 5.2; Google Identity, "Using OAuth 2.0 for Server to Server Applications", JWT error codes,
// and "Using OAuth 2.0 for Web Server Applications", errors; the names of google.rpc.Code.
BLUEPRINT_FAAS_COLD inline const Meaning* meaning_of(std::string_view name) {
    static constexpr std::string_view problem = "Google has a problem, try again later";
    static constexpr std::string_view rights =
        "give who asks the right to do this in IAM; it may take minutes until it works";
    static constexpr std::array<Meaning, 24> table{{
        {"invalid_grant", errc::authentication, false,
         "the credential is not accepted any more: get a new one, and check this machine's clock"},
        {"invalid_client", errc::authentication, false,
         "check client_id and client_secret, or, of a service account's key, that the account still exists"},
        {"deleted_client", errc::authentication, false, "the OAuth client was deleted: get a new credential"},
        {"disabled_client", errc::authentication, false, "the OAuth client is disabled: have it enabled"},
        {"unauthorized_client", errc::authentication, false,
         "this client may not ask for that: check its scopes, or allow it for the domain"},
        {"access_denied", errc::authentication, false, rights},
        {"admin_policy_enforced", errc::authentication, false, "the organisation's policy forbids it: ask its admin"},
        {"org_internal", errc::authentication, false, "the OAuth client is for accounts of its organisation alone"},
        {"invalid_scope", errc::invalid_configuration, false,
         "scopes are such as https://www.googleapis.com/auth/cloud-platform; the URL of a service is no scope, but the "
         "audience of an ID token"},
        {"invalid_target", errc::invalid_configuration, false, "check the audience"},
        {"invalid_request", errc::invalid_configuration, false, "check the members of the credential file"},
        {"unsupported_grant_type", errc::unsupported, false, "check that this is the right token endpoint"},
        {"temporarily_unavailable", errc::infrastructure, true, problem},
        {"server_error", errc::infrastructure, true, problem},
        {"internal_failure", errc::infrastructure, true, problem},
        {"rate_limit_exceeded", errc::throttled, true, "ask for fewer tokens, or wait"},
        {"INVALID_ARGUMENT", errc::invalid_configuration, false,
         "check what was asked for: audience, scopes, lifetime"},
        {"UNAUTHENTICATED", errc::authentication, false, "the token that asked is not accepted: get a new credential"},
        {"PERMISSION_DENIED", errc::authentication, false, rights},
        {"NOT_FOUND", errc::authentication, false, "check that the service account exists and is spelled right"},
        {"FAILED_PRECONDITION", errc::invalid_configuration, false, "check what the message names"},
        {"RESOURCE_EXHAUSTED", errc::throttled, true, "ask for fewer tokens, or wait"},
        {"UNAVAILABLE", errc::infrastructure, true, problem},
        {"INTERNAL", errc::infrastructure, true, problem},
    }};
    for (const auto& one : table)
        if (one.name == name) return &one;
    return nullptr;
}

BLUEPRINT_FAAS_COLD inline Meaning meaning_of(unsigned status) {
    if (status == 429) return {"", errc::throttled, true, "ask for fewer tokens, or wait"};
    if (status >= 500 || status == 408)
        return {"", errc::infrastructure, true, "the server has a problem, try again later"};
    if (status == 401 || status == 403) return {"", errc::authentication, false, "check the credential and its rights"};
    if (status >= 300 && status < 400)
        return {"", errc::invalid_configuration, false,
                "it wants to send us elsewhere, and a secret is not sent on: put the final address into the file"};
    return {"", errc::invalid_configuration, false, "check the URL: this may be no token endpoint"};
}

// What Google means by invalid_grant stands in the description alone.
BLUEPRINT_FAAS_COLD inline std::string_view grant_advice(std::string_view told, std::string_view subtype) {
    const auto has = [&](std::string_view words) { return told.find(words) != std::string_view::npos; };
    if (has("Invalid JWT Signature") || has("Invalid signature"))
        return "the key was deleted or disabled, or belongs to another account: make a new one "
               "(gcloud iam service-accounts keys create) or use a credential without a key";
    if (has("account not found") || has("account has been deleted"))
        return "the account was deleted or is spelled wrong: check client_email, or get a new credential";
    if (has("JWT") && (has("iat") || has("exp") || has("timeframe")))
        return "check this machine's clock, which may be a few minutes wrong at most";
    if (has("rapt") || subtype == "invalid_rapt")
        return "the organisation wants users to sign in again from time to time: run "
               "'gcloud auth application-default login'; where nobody can sign in use a service account";
    return {};
}

// Who may not ask because an API is switched off is told so apart from all other rights that he may lack.
// Source: Google Cloud APIs, "Errors", google.rpc.ErrorInfo.
BLUEPRINT_FAAS_COLD inline std::string disabled_service(const boost::json::object& error) {
    const auto* list = error.if_contains("details");
    const auto* details = list != nullptr ? list->if_array() : nullptr;
    if (details == nullptr) return {};
    for (const auto& one : *details) {
        const auto* info = one.if_object();
        if (info == nullptr || text_in(*info, "reason") != "SERVICE_DISABLED") continue;
        const auto* more = info->if_contains("metadata");
        const auto* metadata = more != nullptr ? more->if_object() : nullptr;
        const auto service = metadata != nullptr ? text_in(*metadata, "service") : std::string_view{};
        return service.empty() ? "of this server" : one_line(service);
    }
    return {};
}

/// Words the answer of somebody who gave no token: an OAuth error, a google.rpc.Status, or neither.
BLUEPRINT_FAAS_COLD inline Error refusal(const Question& question, const HttpResponse& answer, std::string_view text) {
    WipedMemory memory{text.size()};
    boost::system::error_code failed;
    const boost::json::value document = boost::json::parse({text.data(), text.size()}, failed, memory.storage());
    const boost::json::object empty;
    const auto* object = failed ? nullptr : document.if_object();
    if (object == nullptr) object = &empty;
    const auto* status = object->if_contains("error");
    const auto* rpc = status != nullptr ? status->if_object() : nullptr;
    const std::string name = shown(question, rpc != nullptr ? text_in(*rpc, "status") : text_in(*object, "error"));
    const std::string told =
        shown(question, rpc != nullptr ? text_in(*rpc, "message") : text_in(*object, "error_description"));
    const bool transient = answer.status == 429 || answer.status >= 500 || answer.status == 408;
    const auto* known = transient ? nullptr : meaning_of(name);
    const Meaning meaning = known != nullptr ? *known : meaning_of(answer.status);
    Error error{.code = meaning.code,
                .http_status = answer.status,
                .platform_code = name,
                .retryable = meaning.retryable,
                .execution = Execution::not_started};
    error.message = name_of(question.url) + " gives no " + question.what + " (" +
                    (name.empty() ? "HTTP " + std::to_string(answer.status) : name) + ")";
    if (!told.empty()) error.message += ": " + told;
    std::string advice{meaning.advice};
    if (meaning.name == "PERMISSION_DENIED") {
        const std::string service = rpc != nullptr ? disabled_service(*rpc) : std::string{};
        if (!question.refused.empty()) advice = question.refused;
        if (!service.empty())
            advice = "enable the API (gcloud services enable " + service + "); it may take minutes until it works";
    }
    if (meaning.name == "invalid_grant") {
        const auto closer = grant_advice(told, text_in(*object, "error_subtype"));
        if (!closer.empty()) advice = closer;
        if (closer.empty() && !question.refused.empty()) advice = question.refused;
    }
    error.message.append("; ").append(advice);
    error.request_id = one_line(answer.headers.get("X-Request-Id").value_or(""));
    if (meaning.retryable) error.retry_after = read_retry_after(answer);
    return error;
}

/// Asks until there is an answer of 2xx, whose text is returned, or trying again is no use or would take too long.
BLUEPRINT_FAAS_COLD inline asio::awaitable<result<Secret>> ask(Reach reach, Question question, Deadline deadline) {
    return token_question::ask_patiently(std::move(reach), std::move(question), deadline, &refusal);
}

/// Asks a token endpoint by the form that `question` has.
BLUEPRINT_FAAS_COLD inline asio::awaitable<result<Grant>> ask_for_grant(Reach reach, Question question,
                                                                        Deadline deadline) {
    const auto asked = reach.environment->now();
    auto asking = ask(reach, question, deadline);
    auto text = co_await std::move(asking);
    if (!text) co_return std::move(text).error();
    co_return read_grant(question, *text, asked);
}

/// Makes an access token of what was granted; `life` is that of one whose end nobody told.
BLUEPRINT_FAAS_COLD inline result<gcp::TimedToken> access_token_of(const Question& question, Grant grant,
                                                                   const Environment& environment,
                                                                   std::chrono::seconds life = std::chrono::seconds{
                                                                       3600}) {
    if (grant.access_token.empty()) return unreadable(question, "it gave no access_token");
    return gcp::TimedToken{.value = std::move(grant.access_token),
                           .expires = grant.expires.value_or(environment.now() + life)};
}

}  // namespace blueprint::faas::detail::gcp_auth
BLUEPRINT_FAAS_COROUTINES_END

#endif
