#ifndef BLUEPRINT_FAAS_AUTH_AWS_IMPL_SSO_IPP
#define BLUEPRINT_FAAS_AUTH_AWS_IMPL_SSO_IPP

#include "blueprint/faas/auth/aws/sso.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/redact.hpp"
#include "blueprint/faas/detail/retry_after.hpp"
#include "blueprint/faas/detail/timestamp.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/detail/wait.hpp"
#include "blueprint/faas/detail/wiped.hpp"
#include "blueprint/faas/detail/wiped_json.hpp"
#include "blueprint/faas/resilience/retry.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

namespace sso {

namespace json = boost::json;
using Time = std::chrono::system_clock::time_point;

inline constexpr std::chrono::minutes refresh_window{15};

BLUEPRINT_FAAS_COLD inline Error failure(errc code, std::string message) {
    return Error{.code = code, .message = std::move(message), .execution = Execution::not_started};
}

BLUEPRINT_FAAS_COLD inline std::string command_of(const aws::SsoRole& role) {
    return role.session.empty() ? "aws sso login --profile " + one_line(role.profile)
                                : "aws sso login --sso-session " + one_line(role.session);
}

BLUEPRINT_FAAS_COLD inline Error sign_in_again(const aws::SsoRole& role, std::string_view why) {
    std::string message{why};
    return failure(errc::authentication,
                   message + "; run '" + command_of(role) + "' (profile '" + one_line(role.profile) + "')");
}

// Whether a header field can hold it: a token with a line break is none.
BLUEPRINT_FAAS_COLD inline bool fits_field(std::string_view token) noexcept {
    return !token.empty() &&
           std::none_of(token.begin(), token.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

/// What the file of a sign-in says.
struct Token {
    Secret access_token{};
    Time expires{};
    Secret refresh_token{};
    std::string client_id{};
    Secret client_secret{};
    std::optional<Time> registration_expires{};

    BLUEPRINT_FAAS_COLD bool refreshable(Time now) const noexcept {
        return !refresh_token.empty() && !client_id.empty() && !client_secret.empty() && registration_expires &&
               *registration_expires > now;
    }
};

// Old tools wrote "UTC" for the Z.
BLUEPRINT_FAAS_COLD inline std::optional<Time> read_time(std::string_view text) {
    if (!text.ends_with("UTC")) return read_timestamp(text);
    const std::string zulu = std::string{text.substr(0, text.size() - 3)} + 'Z';
    return read_timestamp(zulu);
}

BLUEPRINT_FAAS_COLD inline std::string write_time(Time time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    const auto day = std::chrono::floor<std::chrono::days>(seconds);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{seconds - day};
    char text[64];
    std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()));
    return text;
}

/// Reads the file; nothing if it has no token and time, or is no JSON.
BLUEPRINT_FAAS_COLD inline std::optional<Token> read_token(const Secret& text) {
    WipedMemory memory{text.size()};
    boost::system::error_code failed;
    const json::value document = json::parse({text.reveal().data(), text.size()}, failed, memory.storage());
    const auto* object = failed ? nullptr : document.if_object();
    if (object == nullptr) return std::nullopt;
    const auto expires = read_time(text_in(*object, "expiresAt"));
    Token token{.access_token = text_in(*object, "accessToken"),
                .expires = expires.value_or(Time{}),
                .refresh_token = text_in(*object, "refreshToken"),
                .client_id = std::string{text_in(*object, "clientId")},
                .client_secret = text_in(*object, "clientSecret"),
                .registration_expires = read_time(text_in(*object, "registrationExpiresAt"))};
    if (!fits_field(token.access_token.reveal()) || !expires) return std::nullopt;
    return token;
}

/// Writes a fresh token into the text of the file. What else stands there stays: other tools read it too.
BLUEPRINT_FAAS_COLD inline Secret write_token(const Secret& text, const Token& fresh) {
    WipedMemory memory{text.size() + fresh.access_token.size() + fresh.refresh_token.size()};
    boost::system::error_code failed;
    json::value document = json::parse({text.reveal().data(), text.size()}, failed, memory.storage());
    auto& object = document.as_object();
    const auto put = [&](const char* name, std::string_view value) {
        object[name] = json::string_view{value.data(), value.size()};
    };
    put("accessToken", fresh.access_token.reveal());
    put("expiresAt", write_time(fresh.expires));
    put("refreshToken", fresh.refresh_token.reveal());
    return Secret{json::serialize(document)};
}

BLUEPRINT_FAAS_COLD inline std::optional<std::string> sha1_hex(std::string_view text) {
    const std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> algorithm{EVP_MD_fetch(nullptr, "SHA1", nullptr),
                                                                    &EVP_MD_free};
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (!algorithm || EVP_Digest(text.data(), text.size(), digest.data(), &size, algorithm.get(), nullptr) != 1)
        return std::nullopt;
    return hex_encode(std::span{digest}.first(size));
}

/// One exchange: `what` it is for, in messages, and what nobody may see in them.
struct Call {
    std::string what{};
    aws::Endpoint at{};
    std::string target{};
    Secret bearer{};
    Secret form{};  ///< a JSON body; empty: GET
    std::vector<Secret> hidden{};
};

BLUEPRINT_FAAS_COLD inline Error refusal(const Call& call, const HttpResponse& answer) {
    boost::system::error_code failed;
    const json::value document = json::parse(answer.body, failed);
    const auto* object = failed ? nullptr : document.if_object();
    const auto tell = [&](std::string_view member, std::string_view other) {
        std::string text{object == nullptr ? std::string_view{} : text_in(*object, member)};
        if (text.empty() && object != nullptr) text = text_in(*object, other);
        for (const auto& secret : call.hidden) redact(text, secret.reveal());
        return one_line(text);
    };
    Error error =
        failure(errc::authentication, call.what + " was refused (HTTP " + std::to_string(answer.status) + ")");
    error.http_status = answer.status;
    error.platform_code = tell("error", "__type");
    error.request_id = one_line(answer.headers.get("x-amzn-RequestId").value_or(""));
    const std::string told = tell("message", "error_description");
    if (!told.empty()) error.message += ": " + told;
    if (answer.status == 429) error.code = errc::throttled;
    if (answer.status >= 500) error.code = errc::infrastructure;
    error.retryable = answer.status == 429 || answer.status >= 500;
    if (error.retryable) error.retry_after = read_retry_after(answer);
    return error;
}

BLUEPRINT_FAAS_COLD inline result<HttpRequest> request_of(const Call& call) {
    auto url = parse_url(call.at.url);
    if (!url) return std::move(url).error();
    HttpRequest request;
    request.origin = std::move(url->origin);
    if (url->target.ends_with('/')) url->target.pop_back();
    request.target = url->target + call.target;
    request.max_response_bytes = 64U * 1024;
    request.headers.set("Accept", "application/json");
    if (!call.bearer.empty()) request.headers.set("x-amz-sso_bearer_token", call.bearer.reveal());
    if (call.form.empty()) return request;
    request.verb = Verb::post;
    request.headers.set("Content-Type", "application/json");
    request.body = wiped_bytes(call.form);
    return request;
}

/// Returns the text of the answer 200, or why there is none, after trying again what may pass by itself.
BLUEPRINT_FAAS_COLD inline asio::awaitable<result<Secret>> ask(aws::Reach reach, Call call, Deadline deadline) {
    RetrySchedule schedule{RetryLimits{}};
    for (;;) {
        auto request = request_of(call);
        if (!request) co_return std::move(request).error();
        auto asking = reach.exchange(std::move(*request), deadline);
        auto answer = co_await std::move(asking);
        Error error;
        if (answer && answer->status == 200) co_return Secret{std::move(answer->body)};
        if (answer) {
            error = refusal(call, *answer);
        } else {
            error = std::move(answer).error();
            error.message.insert(0, call.what + " failed: ");
            error.execution = Execution::not_started;
            for (const auto& secret : call.hidden) redact(error.message, secret.reveal());
        }
        const auto delay = schedule.after(error, reach.environment->jitter());
        if (!delay || *delay >= time_left(deadline)) co_return error;
        const bool waited = co_await wait_for(*delay);
        if (!waited) co_return failure(errc::cancelled, call.what + " was cancelled between two requests");
    }
}

BLUEPRINT_FAAS_COLD inline Call refresh_call(const Token& token, aws::Endpoint sign_in) {
    WipedMemory memory{token.refresh_token.size() + token.client_secret.size() + token.client_id.size()};
    json::object form{memory.storage()};
    const auto put = [&](const char* name, std::string_view value) {
        form[name] = json::string_view{value.data(), value.size()};
    };
    put("clientId", token.client_id);
    put("clientSecret", token.client_secret.reveal());
    put("grantType", "refresh_token");
    put("refreshToken", token.refresh_token.reveal());
    return Call{.what = "the refresh of the sign-in with IAM Identity Center",
                .at = std::move(sign_in),
                .target = "/token",
                .form = Secret{json::serialize(form)},
                .hidden = {token.refresh_token, token.client_secret, token.access_token}};
}

/// Reads the answer to a refresh that was asked for at `now`.
BLUEPRINT_FAAS_COLD inline result<Token> read_refreshed(const Secret& text, Token token, Time now) {
    WipedMemory memory{text.size()};
    boost::system::error_code failed;
    const json::value document = json::parse({text.reveal().data(), text.size()}, failed, memory.storage());
    const auto* object = failed ? nullptr : document.if_object();
    const auto access = object == nullptr ? std::string_view{} : text_in(*object, "accessToken");
    const auto* life = object == nullptr ? nullptr : object->if_contains("expiresIn");
    if (!fits_field(access) || life == nullptr || !life->is_int64() || life->get_int64() <= 0)
        return failure(errc::serialization, "IAM Identity Center refreshed the sign-in, but gave no usable token");
    token.access_token = access;
    constexpr std::int64_t ten_years = 10LL * 365 * 86'400;
    token.expires = now + std::chrono::seconds{std::min(life->get_int64(), ten_years)};
    if (const auto next = text_in(*object, "refreshToken"); !next.empty()) token.refresh_token = next;
    return token;
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<Token>> refresh(aws::Reach reach, Token token, aws::Endpoint sign_in,
                                                                  Deadline deadline) {
    const auto now = reach.environment->now();
    auto asking = ask(std::move(reach), refresh_call(token, std::move(sign_in)), deadline);
    auto answer = co_await std::move(asking);
    if (!answer) co_return std::move(answer).error();
    co_return read_refreshed(*answer, std::move(token), now);
}

/// Reads {"roleCredentials":{"accessKeyId":…,"secretAccessKey":…,"sessionToken":…,"expiration":milliseconds}}.
BLUEPRINT_FAAS_COLD inline result<aws::TimedCredentials> read_role_credentials(const Secret& text,
                                                                               const aws::SsoRole& role, Time now) {
    WipedMemory memory{text.size()};
    boost::system::error_code failed;
    const json::value document = json::parse({text.reveal().data(), text.size()}, failed, memory.storage());
    const auto* object = failed ? nullptr : document.if_object();
    const auto* member = object == nullptr ? nullptr : object->if_contains("roleCredentials");
    const auto* given = member == nullptr ? nullptr : member->if_object();
    const auto* end = given == nullptr ? nullptr : given->if_contains("expiration");
    if (end == nullptr || !end->is_int64() || text_in(*given, "accessKeyId").empty() ||
        text_in(*given, "secretAccessKey").empty() || text_in(*given, "sessionToken").empty())
        return failure(errc::serialization, "IAM Identity Center answered 200, but gave no whole credentials");
    aws::TimedCredentials timed{.credentials = {.access_key_id = std::string{text_in(*given, "accessKeyId")},
                                                .secret_access_key = text_in(*given, "secretAccessKey"),
                                                .session_token = text_in(*given, "sessionToken"),
                                                .account_id = role.account_id},
                                .expires = within_clock(std::chrono::sys_time<std::chrono::milliseconds>{
                                    std::chrono::milliseconds{end->get_int64()}})};
    if (*timed.expires <= now)
        return failure(errc::authentication,
                       "IAM Identity Center gave credentials that have ended already; check this machine's clock");
    return timed;
}

}  // namespace sso

}  // namespace blueprint::faas::detail

namespace blueprint::faas::aws {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::string> sso_token_path(const SsoRole& role,
                                                                           const faas::Environment& environment) {
    const auto hash = faas::detail::sso::sha1_hex(role.session.empty() ? role.start_url : role.session);
    if (!hash)
        return faas::detail::sso::failure(
            errc::invalid_configuration,
            "the file of a sign-in is found by a SHA-1 digest, and OpenSSL offers none: look at its configuration");
    return expand_home("~/.aws/sso/cache/" + *hash + ".json", environment);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<TimedCredentials>> sso_credentials(
    Reach reach, SsoRole role, Endpoint portal, Endpoint sign_in, Deadline deadline) {
    namespace sso = faas::detail::sso;
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto path = sso_token_path(role, *reach.environment);
    if (!path) co_return path.error();
    const auto text = reach.environment->read_file(*path);
    if (!text) co_return text.error();
    if (!*text) co_return sso::sign_in_again(role, "nobody has signed in: there is no file '" + *path + '\'');
    auto token = sso::read_token(**text);
    if (!token) co_return sso::sign_in_again(role, "the file '" + *path + "' holds no sign-in that can be read");

    const auto now = reach.environment->now();
    // Sign-ins without a session cannot be refreshed.
    if (!role.session.empty() && token->expires - now < sso::refresh_window && token->refreshable(now)) {
        auto refreshing = sso::refresh(reach, *token, std::move(sign_in), deadline);
        auto fresh = co_await std::move(refreshing);
        if (fresh) {
            token = std::move(*fresh);
            // A home directory may be read-only: the token is good all the same, and the next refresh tells if not.
            static_cast<void>(reach.environment->replace_file(*path, sso::write_token(**text, *token)));
        } else if (token->expires <= now) {
            Error error = std::move(fresh).error();
            error.message += "; the sign-in has ended, so try again, or run '" + sso::command_of(role) +
                             "' (profile '" + faas::detail::one_line(role.profile) + "')";
            co_return error;
        }
    }
    if (token->expires <= now) co_return sso::sign_in_again(role, "the sign-in with IAM Identity Center has ended");

    sso::Call call{.what = "the request for credentials of the role '" + faas::detail::one_line(role.role_name) +
                           "' in the account " + faas::detail::one_line(role.account_id),
                   .at = std::move(portal),
                   .target = "/federation/credentials?role_name=" + faas::detail::percent_encode(role.role_name) +
                             "&account_id=" + faas::detail::percent_encode(role.account_id),
                   .bearer = token->access_token,
                   .hidden = {token->access_token}};
    auto asking = sso::ask(reach, std::move(call), deadline);
    auto answer = co_await std::move(asking);
    if (answer) co_return sso::read_role_credentials(*answer, role, reach.environment->now());
    Error error = std::move(answer).error();
    if (error.http_status == 401)
        error.message +=
            "; run '" + sso::command_of(role) + "' (profile '" + faas::detail::one_line(role.profile) + "')";
    else if (error.http_status >= 400 && error.http_status < 500 && error.http_status != 429)
        error.message +=
            "; check sso_account_id and sso_role_name of the profile '" + faas::detail::one_line(role.profile) + "'";
    co_return error;
}

}  // namespace blueprint::faas::aws
BLUEPRINT_FAAS_COROUTINES_END

#endif
