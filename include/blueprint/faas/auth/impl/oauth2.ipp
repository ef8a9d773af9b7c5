#ifndef BLUEPRINT_FAAS_AUTH_IMPL_OAUTH2_IPP
#define BLUEPRINT_FAAS_AUTH_IMPL_OAUTH2_IPP

#include "blueprint/faas/auth/oauth2.hpp"
#include "blueprint/faas/detail/bearer_token.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/redact.hpp"
#include "blueprint/faas/detail/retry_after.hpp"
#include "blueprint/faas/detail/wiped.hpp"
#include "blueprint/faas/detail/wiped_json.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace blueprint::faas::detail {

namespace oauth2 {

namespace json = boost::json;

inline Error wrong(std::string_view member, std::string why) {
    std::string message{"ClientCredentialsOptions::"};
    message.append(member).append(": ").append(why);
    return Error{
        .code = errc::invalid_configuration, .message = std::move(message), .execution = Execution::not_started};
}

struct Meaning {
    std::string_view name;
    errc code;
    bool retryable;
    std::string_view advice;
};

// Source: RFC 6749, sections 4.1.2.1 and 5.2; RFC 8707, section 2.
inline const Meaning* meaning_of(std::string_view name) {
    static constexpr std::array<Meaning, 9> table{{
        {"invalid_client", errc::authentication, false,
         "check client_id and client_secret (it may have run out) and the way it is sent "
         "(ClientCredentialsOptions::authentication)"},
        {"unauthorized_client", errc::authentication, false,
         "allow this client the grant 'client_credentials' at the server"},
        {"invalid_grant", errc::authentication, false,
         "allow this client the grant 'client_credentials' at the server"},
        {"access_denied", errc::authentication, false, "give this client the right to what it asks for at the server"},
        {"invalid_scope", errc::invalid_configuration, false, "check ClientCredentialsOptions::scope"},
        {"invalid_target", errc::invalid_configuration, false, "check ClientCredentialsOptions::resources"},
        {"invalid_request", errc::invalid_configuration, false,
         "look in the server's document for what it needs (audience, resources, parameters)"},
        {"unsupported_grant_type", errc::unsupported, false, "this server does not have the client credentials grant"},
        {"temporarily_unavailable", errc::infrastructure, true, "the token server has a problem, try again later"},
    }};
    for (const auto& one : table)
        if (one.name == name) return &one;
    return nullptr;
}

inline Meaning meaning_of(unsigned status) {
    if (status == 429) return {"", errc::throttled, true, "ask for fewer tokens, or wait"};
    if (status >= 500) return {"", errc::infrastructure, true, "the token server has a problem, try again later"};
    if (status == 401 || status == 403)
        return {"", errc::authentication, false, "check client_id and client_secret, and the client's rights"};
    if (status >= 300 && status < 400)
        return {"", errc::invalid_configuration, false,
                "it wants to send us elsewhere, and a secret is not sent on: put the final address into token_url"};
    return {"", errc::invalid_configuration, false, "check token_url: this may be no token endpoint"};
}

}  // namespace oauth2

BLUEPRINT_FAAS_DECL ClientCredentialsProtocol::ClientCredentialsProtocol(ClientCredentialsOptions options)
    : options_{std::move(options)} {
    using oauth2::wrong;
    auto url = parse_url(options_.token_url);
    if (!url) {
        misconfigured_ = std::move(url).error();
        misconfigured_->message.insert(0, "ClientCredentialsOptions::token_url: ");
        return;
    }
    url_ = std::move(*url);
    name_ = to_string(url_.origin) + url_.target.substr(0, url_.target.find('?'));
    const bool by_secret = options_.authentication != ClientAuthentication::tls;
    if (!url_.origin.tls)
        misconfigured_ = wrong("token_url", "it must begin with https://, because a secret goes there");
    else if (options_.client_id.empty())
        misconfigured_ = wrong("client_id", "it is empty; give the name under which the server knows this client");
    else if (by_secret && options_.client_secret.empty())
        misconfigured_ = wrong("client_secret", "it is empty; without a secret only ClientAuthentication::tls works");
    else if (!by_secret && !options_.client_secret.empty())
        misconfigured_ = wrong("client_secret", "ClientAuthentication::tls sends none; leave it out");
    if (misconfigured_) return;
    for (const auto& [name, value] : options_.parameters) {
        static constexpr std::array<std::string_view, 6> ours{"grant_type", "client_id", "client_secret",
                                                              "scope",      "audience",  "resource"};
        if (std::find(ours.begin(), ours.end(), name) == ours.end()) continue;
        misconfigured_ = wrong("parameters", "'" + name + "' is set by the option of its own");
        return;
    }
}

BLUEPRINT_FAAS_DECL HttpRequest ClientCredentialsProtocol::request() const {
    HttpRequest request;
    request.origin = url_.origin;
    request.target = url_.target;
    request.verb = Verb::post;
    request.max_response_bytes = 64U * 1024;
    request.headers.set("Accept", "application/json");
    request.headers.set("Content-Type", "application/x-www-form-urlencoded");

    std::string form = "grant_type=client_credentials";
    const auto add = [&](std::string_view name, std::string_view value) {
        if (!value.empty()) form += '&' + percent_encode(name) + '=' + percent_encode(value);
    };
    add("scope", options_.scope);
    add("audience", options_.audience);
    for (const auto& resource : options_.resources) add("resource", resource);
    for (const auto& [name, value] : options_.parameters) add(name, value);
    if (options_.authentication != ClientAuthentication::basic) add("client_id", options_.client_id);
    Secret body{std::move(form)};

    const Secret secret = percent_encode(options_.client_secret.reveal());
    if (options_.authentication == ClientAuthentication::post)
        body = std::string{body.reveal()} + "&client_secret=" + secret;
    if (options_.authentication == ClientAuthentication::basic) {
        const Secret pair = percent_encode(options_.client_id) + ':' + secret;
        const Secret encoded = base64_encode(bytes_of(pair.reveal()));
        const Secret field = "Basic " + encoded;
        request.headers.set("Authorization", field.reveal());
    }
    request.body = wiped_bytes(body);
    return request;
}

BLUEPRINT_FAAS_DECL result<FetchedToken<Secret>> ClientCredentialsProtocol::read(HttpResponse answer,
                                                                                 TokenSchedule::Time asked) const {
    using namespace oauth2;
    const Secret text{std::move(answer.body)};
    answer.body.clear();
    WipedMemory memory{text.size()};
    boost::system::error_code failed;
    const json::value document = json::parse({text.reveal().data(), text.size()}, failed, memory.storage());
    const auto* object = failed ? nullptr : document.if_object();
    const bool granted = answer.status == 200 && (object == nullptr || !object->contains("error"));
    if (!granted) {
        answer.body = object == nullptr ? std::string{} : std::string{text.reveal()};
        Error error = refusal(answer);
        wipe(answer.body);
        return error;
    }
    const auto unreadable = [&](std::string why) {
        return Error{.code = errc::serialization,
                     .message = "the token endpoint " + name_ + " answered 200, but " + std::move(why) +
                                "; check that token_url is the token endpoint",
                     .http_status = answer.status,
                     .execution = Execution::not_started};
    };
    if (object == nullptr) return unreadable("its answer is no JSON object");
    const auto token = text_in(*object, "access_token");
    if (token.empty()) return unreadable("it gave no access_token");
    if (!is_bearer_token(token)) return unreadable("the access_token has characters that no Bearer token has");
    const auto type = text_in(*object, "token_type");
    if (!iequals(type, "Bearer")) {
        std::string told{type};
        hide_secret(told);
        return unreadable("its token_type is '" + one_line(told) + "' and not Bearer");
    }
    std::chrono::milliseconds life = options_.default_lifetime;
    if (const auto* told = object->if_contains("expires_in"); told != nullptr && !told->is_null()) {
        const auto seconds = lifetime_of(*told);
        if (!seconds) return unreadable("its expires_in is no number of seconds above 0");
        life = *seconds;
    }
    // Servers that count whole seconds let a token end up to one earlier than they said.
    life -= std::min<std::chrono::milliseconds>(std::chrono::seconds{1}, life / 4);
    std::string value;
    value.reserve(token.size() + 7);
    value.append("Bearer ").append(token);
    return FetchedToken<Secret>{.value = Secret{std::move(value)}, .expires = asked + life};
}

BLUEPRINT_FAAS_DECL Error ClientCredentialsProtocol::unreachable(Error error) const {
    error.message.insert(0, "no token from " + name_ + ": ");
    hide_secret(error.message);
    error.execution = Execution::not_started;
    return error;
}

inline Error ClientCredentialsProtocol::refusal(const HttpResponse& answer) const {
    using namespace oauth2;
    boost::system::error_code failed;
    const json::value document = json::parse(answer.body, failed);
    const auto* object = failed ? nullptr : document.if_object();
    const auto tell = [&](std::string_view member) {
        std::string text{object == nullptr ? std::string_view{} : text_in(*object, member)};
        hide_secret(text);  // first: what is cut or cleaned is not recognised any more
        return one_line(text);
    };
    const std::string name = tell("error");
    const std::string told = tell("error_description");
    const bool transient = answer.status == 429 || answer.status >= 500;
    const auto* known = transient ? nullptr : meaning_of(name);
    const Meaning meaning = known != nullptr ? *known : meaning_of(answer.status);
    Error error{.code = meaning.code,
                .http_status = answer.status,
                .platform_code = name,
                .retryable = meaning.retryable,
                .execution = Execution::not_started};
    error.message = "the token endpoint " + name_ + " gives the client '" + one_line(options_.client_id) +
                    "' no token (" + (name.empty() ? "HTTP " + std::to_string(answer.status) : name) + ")";
    if (!told.empty()) error.message += ": " + told;
    error.message.append("; ").append(meaning.advice);
    error.request_id = one_line(answer.headers.get("X-Request-Id").value_or(""));
    if (meaning.retryable) error.retry_after = detail::read_retry_after(answer);
    return error;
}

// A server that echoes what it was sent must not put the secret into a message or a log.
inline void ClientCredentialsProtocol::hide_secret(std::string& text) const {
    const HttpRequest sent = request();
    redact(text, sent.headers);
    const auto secret = options_.client_secret.reveal();
    const Secret encoded = percent_encode(secret);
    for (const auto form : {secret, encoded.reveal()})
        if (!form.empty() && text.find(form) != std::string::npos) text = "[redacted]";
}

}  // namespace blueprint::faas::detail

#endif
