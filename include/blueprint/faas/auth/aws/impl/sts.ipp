#ifndef BLUEPRINT_FAAS_AUTH_AWS_IMPL_STS_IPP
#define BLUEPRINT_FAAS_AUTH_AWS_IMPL_STS_IPP

#include "blueprint/faas/auth/aws/sts.hpp"
#include "blueprint/faas/auth/sigv4_signing.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/redact.hpp"
#include "blueprint/faas/detail/retry_after.hpp"
#include "blueprint/faas/detail/timestamp.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/detail/wait.hpp"
#include "blueprint/faas/detail/wiped.hpp"
#include "blueprint/faas/detail/xml.hpp"
#include "blueprint/faas/resilience/retry.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

namespace sts {

/// One call: its form, and the credentials that sign it; nothing: it is not signed.
struct Call {
    aws::StsPlace place{};
    std::string_view action{};  ///< static lifetime
    std::string what{};         ///< is asked for, in messages: "credentials of the role 'arn:aws:iam::…'"
    Secret form{};
    std::optional<aws::Credentials> by{};
    Secret hidden{};  ///< what of the form must not be seen
};

BLUEPRINT_FAAS_COLD inline Error failure(errc code, std::string message) {
    return Error{.code = code, .message = std::move(message), .execution = Execution::not_started};
}

BLUEPRINT_FAAS_COLD inline Secret form_of(std::string_view action,
                                          std::initializer_list<std::pair<std::string_view, std::string>> fields) {
    std::string form = "Action=" + std::string{action} + "&Version=2011-06-15";
    for (const auto& [name, value] : fields)
        if (!value.empty()) form.append("&").append(name).append("=").append(percent_encode(value));
    return Secret{std::move(form)};
}

// The name shows in CloudTrail, where it should tell sessions apart.
BLUEPRINT_FAAS_COLD inline std::string session_name(const std::string& wanted, const Environment& environment) {
    if (!wanted.empty()) return wanted;
    const auto since = std::chrono::duration_cast<std::chrono::seconds>(environment.now().time_since_epoch());
    return "blueprint-faas-" + std::to_string(since.count());
}

struct Meaning {
    std::string_view name;
    errc code;
    bool retryable;
    std::string_view advice;
};

// Source: AWS STS API Reference, "Common Errors" and the errors of both actions.
BLUEPRINT_FAAS_COLD inline const Meaning* meaning_of(std::string_view name) {
    static constexpr std::string_view renew = "get new credentials: those that asked have ended";
    static constexpr std::string_view new_token =
        "the token in the file has ended: look why what should renew it does not";
    static constexpr std::string_view unknown_key =
        "AWS does not know the credentials that asked: check the access key id, and that temporary credentials came "
        "with their session token";
    static constexpr std::string_view throttled = "ask less often, or wait";
    static constexpr std::array<Meaning, 18> table{{
        {"IDPCommunicationError", errc::infrastructure, true, "AWS could not reach the identity provider"},
        {"ExpiredTokenException", errc::authentication, false, new_token},
        {"ExpiredToken", errc::authentication, false, renew},
        {"InvalidIdentityToken", errc::authentication, false,
         "check that the account has an identity provider for the token's issuer and audience"},
        {"IDPRejectedClaim", errc::authentication, false, "the identity provider does not accept the token: renew it"},
        {"RegionDisabledException", errc::invalid_configuration, false,
         "STS is not active in this region: activate it in the account's settings in IAM, or use another region"},
        {"AccessDenied", errc::authentication, false,
         "the role's trust policy must name who asks (and the external id, if it wants one), and who asks must be "
         "allowed to do this"},
        {"AccessDeniedException", errc::authentication, false,
         "the role's trust policy must name who asks, and who asks must be allowed to do this"},
        {"InvalidClientTokenId", errc::authentication, false, unknown_key},
        {"UnrecognizedClientException", errc::authentication, false, unknown_key},
        {"SignatureDoesNotMatch", errc::authentication, false,
         "check the secret access key, and this machine's clock, which may be five minutes wrong at most"},
        {"IncompleteSignature", errc::authentication, false, "check the access key id"},
        {"MalformedPolicyDocument", errc::invalid_configuration, false, "correct the session policy"},
        {"ValidationError", errc::invalid_configuration, false,
         "check the role's ARN, the session's name, its duration and the external id"},
        {"Throttling", errc::throttled, true, throttled},
        {"ThrottlingException", errc::throttled, true, throttled},
        {"RequestLimitExceeded", errc::throttled, true, throttled},
        {"ServiceUnavailable", errc::infrastructure, true, "STS has a problem, try again later"},
    }};
    for (const auto& one : table)
        if (one.name == name) return &one;
    return nullptr;
}

BLUEPRINT_FAAS_COLD inline Meaning meaning_of(unsigned status) {
    if (status == 429) return {"", errc::throttled, true, "ask less often, or wait"};
    if (status >= 500) return {"", errc::infrastructure, true, "STS has a problem, try again later"};
    if (status == 401 || status == 403) return {"", errc::authentication, false, "check the credentials that asked"};
    return {"", errc::invalid_configuration, false, "check that this is the endpoint of STS, and what was asked for"};
}

BLUEPRINT_FAAS_COLD inline Error refusal(std::string_view what, const HttpResponse& answer) {
    const auto document = read_xml(answer.body);
    const auto tell = [&](std::string_view path) {
        return document ? one_line(document->text_at(path)) : std::string{};
    };
    const std::string name = tell("Error/Code");
    const std::string told = tell("Error/Message");
    const auto* known = meaning_of(name);
    const Meaning meaning = known != nullptr ? *known : meaning_of(answer.status);
    Error error{.code = meaning.code,
                .http_status = answer.status,
                .platform_code = name,
                .request_id = tell("RequestId"),
                .retryable = meaning.retryable,
                .execution = Execution::not_started};
    error.message.append("STS refused to give ").append(what);
    error.message += " (" + (name.empty() ? "HTTP " + std::to_string(answer.status) : name) + ")";
    if (!told.empty()) error.message += ": " + told;
    error.message.append("; ").append(meaning.advice);
    if (meaning.retryable) error.retry_after = read_retry_after(answer);
    return error;
}

BLUEPRINT_FAAS_COLD inline Error unreadable(std::string_view what, const HttpResponse& answer, std::string_view why) {
    Error error = failure(errc::serialization, "STS was asked for ");
    error.message.append(what)
        .append(" and answered 200, but ")
        .append(why)
        .append("; check that this is the endpoint of STS");
    error.http_status = answer.status;
    return error;
}

BLUEPRINT_FAAS_COLD inline result<HttpRequest> request_of(const Call& call, const Environment& environment) {
    auto url = parse_url(call.place.endpoint);
    if (!url) {
        Error error = std::move(url).error();
        error.message.insert(0, "the endpoint of STS: ");
        return error;
    }
    HttpRequest request;
    request.origin = std::move(url->origin);
    request.target = std::move(url->target);
    request.verb = Verb::post;
    request.max_response_bytes = 64U * 1024;
    request.headers.set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
    request.body = wiped_bytes(call.form);
    if (!call.by) return request;
    auto done =
        aws::sign_request(request, *call.by, {.region = call.place.region, .service = "sts"}, environment.now());
    if (!done) return std::move(done).error();
    return request;
}

// A server that echoes what it was sent must not put a secret into a message or a log.
BLUEPRINT_FAAS_COLD inline void hide_secrets(Error& error, const Call& call, const HttpRequest& request) {
    redact(error, request.headers);
    for (auto* text : {&error.message, &error.platform_code, &error.request_id}) {
        redact(*text, call.hidden.reveal());
        if (call.by) redact(*text, call.by->secret_access_key.reveal());
        if (call.by) redact(*text, call.by->session_token.reveal());
    }
}

// Sends the call, signed afresh, until `read` makes a value of the answer, or trying again is no use.
template <class T, class Read>
BLUEPRINT_FAAS_COLD asio::awaitable<result<T>> ask(aws::Reach reach, Call call, Deadline deadline, Read read) {
    RetrySchedule schedule{RetryLimits{}};
    for (;;) {
        auto request = request_of(call, *reach.environment);
        if (!request) co_return std::move(request).error();
        auto answer = co_await reach.exchange(*request, deadline);
        Error error;
        if (answer) {
            result<T> value = read(*answer);
            wipe(answer->body);
            if (value) co_return std::move(value);
            error = std::move(value).error();
        } else {
            error = std::move(answer).error();
            error.message.insert(0, "STS could not be asked for " + call.what + ": ");
            error.execution = Execution::not_started;
        }
        hide_secrets(error, call, *request);
        const auto delay = schedule.after(error, reach.environment->jitter());
        if (!delay || *delay >= time_left(deadline)) co_return error;
        const bool waited = co_await wait_for(*delay);
        if (!waited) co_return failure(errc::cancelled, "cancelled between two requests to STS");
    }
}

// What reads an answer with credentials: a named type, because no lambda may outlive its call in a coroutine.
struct ReadCredentials {
    std::string_view action{};
    std::string what{};
    const Environment* environment = nullptr;
    result<aws::TimedCredentials> operator()(const HttpResponse& answer) const {
        return read_sts_credentials(action, what, answer, environment->now());
    }
};

struct ReadIdentity {
    std::string what{};
    BLUEPRINT_FAAS_COLD result<aws::CallerIdentity> operator()(const HttpResponse& answer) const {
        if (answer.status != 200) return refusal(what, answer);
        const auto document = read_xml(answer.body);
        const auto* told = document ? document->find("GetCallerIdentityResult") : nullptr;
        aws::CallerIdentity identity;
        if (told != nullptr)
            identity = {.account = one_line(told->text_at("Account")),
                        .arn = one_line(told->text_at("Arn")),
                        .user_id = one_line(told->text_at("UserId"))};
        if (identity.account.empty() || identity.arn.empty())
            return unreadable(what, answer, "its answer is no GetCallerIdentityResponse");
        return identity;
    }
};

// The account that a role belongs to stands in its ARN: "arn:aws:sts::123456789012:assumed-role/…".
BLUEPRINT_FAAS_COLD inline std::string account_of(std::string_view arn) {
    for (int colons = 0; colons < 4; ++colons) {
        const auto colon = arn.find(':');
        if (colon == std::string_view::npos) return {};
        arn.remove_prefix(colon + 1);
    }
    const auto account = arn.substr(0, arn.find(':'));
    const bool digits = account.find_first_not_of("0123456789") == std::string_view::npos;
    return std::string{digits ? account : std::string_view{}};
}

BLUEPRINT_FAAS_COLD inline Error nobody_to_ask(const aws::AssumeRole& role) {
    return failure(errc::unsupported, "the role '" + role.role_arn + "' wants a code of the device '" +
                                          role.mfa_serial +
                                          "', and there is nobody to ask for one; sign in elsewhere, and use the "
                                          "credentials of that session");
}

BLUEPRINT_FAAS_COLD inline Call call_of(aws::StsPlace place, const aws::AssumeRole& role,
                                        const Environment& environment) {
    Call call{.place = std::move(place),
              .action = "AssumeRole",
              .what = "credentials of the role '" + one_line(role.role_arn) + "'"};
    call.form = form_of(call.action,
                        {{"RoleArn", role.role_arn},
                         {"RoleSessionName", session_name(role.session_name, environment)},
                         {"DurationSeconds", role.duration.count() > 0 ? std::to_string(role.duration.count()) : ""},
                         {"ExternalId", role.external_id}});
    call.hidden = std::string_view{role.external_id};  // no secret for AWS, but users treat it as one
    return call;
}

BLUEPRINT_FAAS_COLD inline Call call_of(aws::StsPlace place, const aws::WebIdentityRole& role, Secret token,
                                        const Environment& environment) {
    Call call{.place = std::move(place),
              .action = "AssumeRoleWithWebIdentity",
              .what = "credentials of the role '" + one_line(role.role_arn) + "'"};
    const Secret form = form_of(
        call.action, {{"RoleArn", role.role_arn}, {"RoleSessionName", session_name(role.session_name, environment)}});
    const Secret encoded = percent_encode(token.reveal());
    call.form = std::string{form.reveal()} + "&WebIdentityToken=" + encoded;
    call.hidden = std::move(token);
    return call;
}

// Reads the token anew: what renews it replaces the file.
BLUEPRINT_FAAS_COLD inline result<Secret> token_in(const std::string& path, const Environment& environment) {
    const auto refused = [&](std::string_view why) {
        return failure(errc::invalid_configuration, "the web identity token file '" + path + "' " + std::string{why} +
                                                        "; check AWS_WEB_IDENTITY_TOKEN_FILE, or the profile's "
                                                        "web_identity_token_file");
    };
    auto file = environment.read_file(path, 64U * 1024);
    if (!file) return std::move(file).error();
    if (!*file) return refused("does not exist");
    Secret token = trimmed((*file)->reveal());
    if (token.empty()) return refused("is empty");
    return token;
}

}  // namespace sts

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<aws::TimedCredentials> read_sts_credentials(
    std::string_view action, std::string_view what, const HttpResponse& answer,
    std::chrono::system_clock::time_point now) {
    if (answer.status != 200) return sts::refusal(what, answer);
    const auto document = read_xml(answer.body);
    if (!document) return sts::unreadable(what, answer, document.error().message);
    const std::string prefix{action};
    const auto* given = document->find(prefix + "Result/Credentials");
    if (document->name != prefix + "Response" || given == nullptr)
        return sts::unreadable(what, answer, "its answer is no " + prefix + "Response with credentials");
    aws::TimedCredentials timed{
        .credentials = {.access_key_id = std::string{given->text_at("AccessKeyId")},
                        .secret_access_key = given->text_at("SecretAccessKey"),
                        .session_token = given->text_at("SessionToken"),
                        .account_id = sts::account_of(document->text_at(prefix + "Result/AssumedRoleUser/Arn"))},
        .expires = read_timestamp(given->text_at("Expiration"))};
    const auto& credentials = timed.credentials;
    if (credentials.access_key_id.empty() || credentials.secret_access_key.empty() || credentials.session_token.empty())
        return sts::unreadable(what, answer, "a part of the credentials is missing");
    if (!timed.expires) return sts::unreadable(what, answer, "the credentials' Expiration is no time");
    if (*timed.expires <= now) {
        Error error = sts::failure(errc::authentication, "STS gave ");
        error.message.append(what).append(" that have ended already; check this machine's clock");
        return error;
    }
    return timed;
}

}  // namespace blueprint::faas::detail

namespace blueprint::faas::aws {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<TimedCredentials>> assume_role(
    Reach reach, StsPlace place, AssumeRole role, Credentials by, Deadline deadline) {
    namespace sts = faas::detail::sts;
    co_await asio::this_coro::throw_if_cancelled(false);
    if (!role.mfa_serial.empty()) co_return sts::nobody_to_ask(role);
    sts::Call call = sts::call_of(std::move(place), role, *reach.environment);
    call.by = std::move(by);
    sts::ReadCredentials read{.action = call.action, .what = call.what, .environment = reach.environment};
    auto asking = sts::ask<TimedCredentials>(std::move(reach), std::move(call), deadline, std::move(read));
    co_return co_await std::move(asking);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<TimedCredentials>> assume_role_with_web_identity(
    Reach reach, StsPlace place, WebIdentityRole role, Deadline deadline) {
    namespace sts = faas::detail::sts;
    co_await asio::this_coro::throw_if_cancelled(false);
    auto token = sts::token_in(role.token_file, *reach.environment);
    if (!token) co_return std::move(token).error();
    sts::Call call = sts::call_of(std::move(place), role, std::move(*token), *reach.environment);
    sts::ReadCredentials read{.action = call.action, .what = call.what, .environment = reach.environment};
    auto asking = sts::ask<TimedCredentials>(std::move(reach), std::move(call), deadline, std::move(read));
    co_return co_await std::move(asking);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<CallerIdentity>> get_caller_identity(Reach reach,
                                                                                                    StsPlace place,
                                                                                                    Credentials by,
                                                                                                    Deadline deadline) {
    namespace sts = faas::detail::sts;
    co_await asio::this_coro::throw_if_cancelled(false);
    sts::Call call{.place = std::move(place), .action = "GetCallerIdentity", .what = "the caller's identity"};
    call.form = sts::form_of(call.action, {});
    call.by = std::move(by);
    sts::ReadIdentity read{.what = call.what};
    auto asking = sts::ask<CallerIdentity>(std::move(reach), std::move(call), deadline, std::move(read));
    co_return co_await std::move(asking);
}

}  // namespace blueprint::faas::aws
BLUEPRINT_FAAS_COROUTINES_END

#endif
