#ifndef BLUEPRINT_FAAS_AUTH_GCP_IMPL_TOKEN_ENDPOINT_HPP
#define BLUEPRINT_FAAS_AUTH_GCP_IMPL_TOKEN_ENDPOINT_HPP

#include "blueprint/faas/auth/gcp/credential.hpp"
#include "blueprint/faas/auth/reach.hpp"
#include "blueprint/faas/detail/bearer_token.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/redact.hpp"
#include "blueprint/faas/detail/retry_after.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/detail/wait.hpp"
#include "blueprint/faas/detail/wiped.hpp"
#include "blueprint/faas/detail/wiped_json.hpp"
#include "blueprint/faas/resilience/retry.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::detail::gcp_auth {

BLUEPRINT_FAAS_COLD inline Error failure(errc code, std::string message) {
    return Error{.code = code, .message = std::move(message), .execution = Execution::not_started};
}

/// Returns a variable; an empty one counts as not set.
BLUEPRINT_FAAS_COLD inline std::string variable(const Environment& environment, const char* name) {
    return environment.variable(name).value_or(std::string{});
}

struct Field {
    std::string_view name{};
    std::string_view value{};
};

/// Writes a form, in memory that is wiped; fields without a value are left out.
BLUEPRINT_FAAS_COLD inline Secret form_of(std::initializer_list<Field> fields) {
    std::size_t room = 0;
    for (const auto& one : fields) room += one.name.size() + 3 * one.value.size() + 2;
    std::string form;
    form.reserve(room);  // growing would leave copies behind
    for (const auto& one : fields) {
        if (one.value.empty()) continue;
        std::string value = percent_encode(one.value);
        form.append(form.empty() ? "" : "&").append(one.name).append("=").append(value);
        wipe(value);
    }
    return Secret{std::move(form)};
}

/// Makes the Authorization value of a client's name and secret. Source: RFC 6749, section 2.3.1.
BLUEPRINT_FAAS_COLD inline Secret basic_authorization(std::string_view client_id, const Secret& client_secret) {
    const Secret encoded_secret = percent_encode(client_secret.reveal());
    const Secret pair = percent_encode(client_id) + ':' + encoded_secret;
    const Secret encoded = base64_encode(bytes_of(pair.reveal()));
    return "Basic " + encoded;
}

/// Takes apart the URL of somebody who gets secrets: `https://`, or this machine. `what` is for messages: "token_uri of
/// '/key.json'".
BLUEPRINT_FAAS_COLD inline result<Url> secret_url(std::string_view text, std::string_view what) {
    auto url = parse_url(text);
    if (!url) {
        Error error = std::move(url).error();
        error.message.insert(0, std::string{what} + ": ");
        return error;
    }
    const auto& host = url->origin.host;
    const bool here = host == "localhost" || host == "::1" ||
                      (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos);
    if (!url->origin.tls && !here)
        return failure(errc::invalid_configuration,
                       std::string{what} + " must begin with https://, because secrets go there");
    return url;
}

/// One question to a token endpoint, or to an API of Google's that gives tokens.
struct Question {
    Url url{};                        ///< see `secret_url`
    std::string what{};               ///< is asked for, in messages: "a token of the service account 'a@b'"
    std::string refused{};            ///< advice where the credential or its rights are refused; empty: the usual
    std::string_view content_type{};  ///< static lifetime; empty: nothing is sent, by `verb`
    Verb verb = Verb::get;
    Secret body{};
    Secret authorization{};  ///< the whole field; empty: none
    std::vector<std::pair<std::string, Secret>> headers{};
    std::vector<Secret> hidden{};  ///< what of the body must not be seen if the server echoes it
    std::size_t max_response_bytes = 64U * 1024;
};

inline constexpr std::string_view form_type = "application/x-www-form-urlencoded";
inline constexpr std::string_view json_type = "application/json";

BLUEPRINT_FAAS_COLD inline std::string name_of(const Url& url) {
    return to_string(url.origin) + url.target.substr(0, url.target.find('?'));
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
    const auto hidden = [&](std::string_view raw) {
        std::string shown{raw};
        // First: what is cut or cleaned is not recognised any more.
        const auto hide = [&](std::string_view secret) {
            redact(shown, secret);
            if (const auto blank = secret.find(' '); blank != std::string_view::npos)
                redact(shown, secret.substr(blank + 1));
        };
        for (const auto& secret : question.hidden) hide(secret.reveal());
        for (const auto& [field, value] : question.headers) hide(value.reveal());
        hide(question.authorization.reveal());
        return one_line(shown);
    };
    const std::string name = hidden(rpc != nullptr ? text_in(*rpc, "status") : text_in(*object, "error"));
    const std::string told = hidden(rpc != nullptr ? text_in(*rpc, "message") : text_in(*object, "error_description"));
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

BLUEPRINT_FAAS_COLD inline HttpRequest request_of(const Question& question) {
    HttpRequest request;
    request.origin = question.url.origin;
    request.target = question.url.target;
    request.verb = question.content_type.empty() ? question.verb : Verb::post;
    request.max_response_bytes = question.max_response_bytes;
    request.headers.set("Accept", "application/json");
    for (const auto& [name, value] : question.headers) request.headers.set(name, value.reveal());
    if (!question.content_type.empty()) {
        request.headers.set("Content-Type", question.content_type);
        request.body = wiped_bytes(question.body);
    }
    if (!question.authorization.empty()) request.headers.set("Authorization", question.authorization.reveal());
    return request;
}

// A server that echoes what it was sent must not put a secret into a message or a log.
BLUEPRINT_FAAS_COLD inline void hide_secrets(Error& error, const Question& question, const Headers& sent) {
    redact(error, sent);
    for (const auto& secret : question.hidden) {
        const Secret encoded = percent_encode(secret.reveal());
        for (auto* text : {&error.message, &error.platform_code, &error.request_id}) {
            redact(*text, secret.reveal());
            redact(*text, encoded.reveal());
        }
    }
}

/// Asks until there is an answer of 2xx, whose text is returned, or trying again is no use or would take too long.
BLUEPRINT_FAAS_COLD inline asio::awaitable<result<Secret>> ask(Reach reach, Question question, Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    RetrySchedule schedule{RetryLimits{}};
    for (;;) {
        HttpRequest request = request_of(question);
        const Headers sent = request.headers;
        auto answer = co_await reach.exchange(std::move(request), deadline);
        Error error;
        if (answer) {
            Secret text{std::move(answer->body)};
            if (answer->status >= 200 && answer->status < 300) co_return text;
            error = refusal(question, *answer, text.reveal());
        } else {
            error = std::move(answer).error();
            error.message.insert(0, name_of(question.url) + " could not be asked for " + question.what + ": ");
            // Asking for a token once more harms nobody.
            error.retryable = error.retryable || error.code == errc::infrastructure;
            error.execution = Execution::not_started;
        }
        hide_secrets(error, question, sent);
        const auto delay = schedule.after(error, reach.environment->jitter());
        if (!delay || *delay >= time_left(deadline)) co_return error;
        const bool waited = co_await wait_for(*delay);
        if (!waited) co_return failure(errc::cancelled, "cancelled between two requests for a token");
    }
}

/// What a token endpoint gives. `expires` is of the access token: now plus what the server said, less a second because
/// servers count whole ones.
struct Grant {
    Secret access_token{};
    Secret id_token{};
    Secret refresh_token{};  ///< to be used from now on instead of the one that was sent; empty: that one stays
    std::optional<std::chrono::system_clock::time_point> expires{};
};

BLUEPRINT_FAAS_COLD inline Error unreadable(const Question& question, std::string_view why) {
    return failure(errc::serialization, name_of(question.url) + " was asked for " + question.what +
                                            " and answered 200, but " + std::string{why} +
                                            "; check that the URL is that of the token endpoint");
}

/// Reads the answer of a token endpoint that was asked at `asked`. Source: RFC 6749, section 5.1.
BLUEPRINT_FAAS_COLD inline result<Grant> read_grant(const Question& question, const Secret& text,
                                                    std::chrono::system_clock::time_point asked) {
    WipedMemory memory{text.size()};
    boost::system::error_code failed;
    const boost::json::value document =
        boost::json::parse({text.reveal().data(), text.size()}, failed, memory.storage());
    const auto* object = failed ? nullptr : document.if_object();
    if (object == nullptr) return unreadable(question, "its answer is no JSON object");
    Grant grant{.access_token = text_in(*object, "access_token"),
                .id_token = text_in(*object, "id_token"),
                .refresh_token = text_in(*object, "refresh_token")};
    for (const auto* token : {&grant.access_token, &grant.id_token})
        if (!token->empty() && !is_bearer_token(token->reveal()))
            return unreadable(question, "its token has characters that no Bearer token has");
    const auto type = text_in(*object, "token_type");
    if (!type.empty() && !iequals(type, "Bearer"))
        return unreadable(question, "its token_type is '" + one_line(type) + "' and not Bearer");
    if (const auto* told = object->if_contains("expires_in"); told != nullptr && !told->is_null()) {
        const auto seconds = lifetime_of(*told);
        if (!seconds) return unreadable(question, "its expires_in is no number of seconds above 0");
        const std::chrono::milliseconds life = *seconds;
        grant.expires = asked + life - std::min<std::chrono::milliseconds>(std::chrono::seconds{1}, life / 4);
    }
    return grant;
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

#endif
