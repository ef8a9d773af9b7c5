#ifndef BLUEPRINT_FAAS_AUTH_IMPL_TOKEN_QUESTION_HPP
#define BLUEPRINT_FAAS_AUTH_IMPL_TOKEN_QUESTION_HPP

#include "blueprint/faas/auth/reach.hpp"
#include "blueprint/faas/detail/bearer_token.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/redact.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/detail/wait.hpp"
#include "blueprint/faas/detail/wiped.hpp"
#include "blueprint/faas/detail/wiped_json.hpp"
#include "blueprint/faas/resilience/retry.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What asking a token endpoint is on all platforms.
BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::token_question {

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

/// One question to a token endpoint, or to another server that gives tokens.
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

/// Makes a text of the answer fit to be shown: what was sent and must not be seen is taken out first, because what is
/// cut or cleaned is not recognised any more.
BLUEPRINT_FAAS_COLD inline std::string shown(const Question& question, std::string_view raw) {
    std::string text{raw};
    const auto hide = [&](std::string_view secret) {
        redact(text, secret);
        if (const auto blank = secret.find(' '); blank != std::string_view::npos)
            redact(text, secret.substr(blank + 1));
    };
    for (const auto& secret : question.hidden) hide(secret.reveal());
    for (const auto& [field, value] : question.headers) hide(value.reveal());
    hide(question.authorization.reveal());
    return one_line(text);
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

/// Words the answer of somebody who gave no token, and tells whether he may be asked again.
using Refusal = Error (*)(const Question& question, const HttpResponse& answer, std::string_view text);

/// Asks until there is an answer of 2xx, whose text is returned, or trying again is no use or would take too long.
BLUEPRINT_FAAS_COLD inline asio::awaitable<result<Secret>> ask_patiently(Reach reach, Question question,
                                                                         Deadline deadline, Refusal refusal,
                                                                         RetryLimits limits = {}) {
    co_await asio::this_coro::throw_if_cancelled(false);
    RetrySchedule schedule{limits};
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
    std::optional<std::chrono::system_clock::time_point> refresh_at{};  ///< if the server advises when to ask again
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
    if (const auto* told = object->if_contains("refresh_in"); told != nullptr)
        if (const auto seconds = lifetime_of(*told)) grant.refresh_at = asked + *seconds;
    return grant;
}

}  // namespace blueprint::faas::detail::token_question
BLUEPRINT_FAAS_COROUTINES_END

#endif
