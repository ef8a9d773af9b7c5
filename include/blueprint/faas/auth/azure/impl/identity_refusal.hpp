#ifndef BLUEPRINT_FAAS_AUTH_AZURE_IMPL_IDENTITY_REFUSAL_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_IMPL_IDENTITY_REFUSAL_HPP

#include "blueprint/faas/auth/impl/token_question.hpp"
#include "blueprint/faas/detail/redact.hpp"
#include "blueprint/faas/detail/retry_after.hpp"
#include "blueprint/faas/detail/wiped.hpp"
#include "blueprint/faas/detail/wiped_json.hpp"
#include "blueprint/faas/http.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <string>
#include <string_view>

namespace blueprint::faas::detail::azure_identity {

using token_question::failure;

/// What an answer without a token says.
struct Told {
    std::string code{};
    std::string message{};
};

BLUEPRINT_FAAS_COLD inline Told read_told(std::string_view text) {
    WipedMemory memory{text.size()};
    boost::system::error_code failed;
    const boost::json::value document = boost::json::parse({text.data(), text.size()}, failed, memory.storage());
    const auto* object = failed ? nullptr : document.if_object();
    if (object == nullptr) return {};
    const auto* inner = object->if_contains("error");
    const auto* error = inner != nullptr ? inner->if_object() : nullptr;
    Told told{
        .code = std::string{error != nullptr ? text_in(*error, "code") : text_in(*object, "error")},
        .message = std::string{error != nullptr ? text_in(*error, "message") : text_in(*object, "error_description")}};
    if (told.message.empty()) told.message = text_in(*object, "message");
    return told;
}

/// Words the answer of somebody who gave no token; `what` names him. What was `sent` must not be seen if he echoes it.
BLUEPRINT_FAAS_COLD inline Error refusal(std::string_view what, const HttpResponse& answer, std::string_view text,
                                         const Headers& sent) {
    auto told = read_told(text);
    // First: what is cut or cleaned is not recognised any more.
    for (auto* one : {&told.code, &told.message}) {
        redact(*one, sent);
        *one = one_line(*one);
    }
    const auto status = answer.status;
    Error error = failure(errc::authentication, std::string{what} + " gives no token (");
    error.http_status = status;
    error.platform_code = told.code;
    error.message += (told.code.empty() ? "HTTP " + std::to_string(status) : told.code) + ")";
    if (!told.message.empty()) error.message += ": " + told.message;
    if (status == 429) {
        error.code = errc::throttled;
        error.message += "; ask for fewer tokens, or wait";
    } else if (status >= 500 || status == 404 || status == 408 || status == 410) {
        error.code = errc::infrastructure;
        error.message += status == 410 ? "; it is being renewed, try again in a minute"
                                       : "; it is not ready or has a problem, try again later";
    } else if (status >= 300 && status < 400) {
        error.code = errc::invalid_configuration;
        error.message += "; it wants to send us elsewhere, and a secret is not sent on";
    } else if (status == 400) {
        error.message += "; assign a managed identity to what runs here, or, of a user-assigned one, check its id";
    } else {
        error.message += "; check that what runs here has a managed identity, and may use it";
    }
    error.retryable = error.code == errc::throttled || error.code == errc::infrastructure;
    if (error.retryable) error.retry_after = read_retry_after(answer);
    return error;
}

}  // namespace blueprint::faas::detail::azure_identity

#endif
