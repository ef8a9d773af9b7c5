#ifndef BLUEPRINT_FAAS_AUTH_AZURE_IMPL_TOKEN_ENDPOINT_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_IMPL_TOKEN_ENDPOINT_HPP

#include "blueprint/faas/auth/azure/clouds.hpp"
#include "blueprint/faas/auth/azure/credential.hpp"
#include "blueprint/faas/auth/azure/impl/aadsts.hpp"
#include "blueprint/faas/auth/azure/names.hpp"
#include "blueprint/faas/auth/impl/token_question.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/retry_after.hpp"
#include "blueprint/faas/detail/wiped.hpp"
#include "blueprint/faas/detail/wiped_json.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::azure_auth {

using token_question::failure;
using token_question::form_of;
using token_question::form_type;
using token_question::name_of;
using token_question::Question;
using token_question::shown;
using token_question::unreadable;
using token_question::variable;

/// The number in "AADSTS7000215: Invalid client secret …"; 0: there is none.
BLUEPRINT_FAAS_COLD inline std::uint64_t aadsts_number(const boost::json::object& answer) {
    if (const auto* codes = answer.if_contains("error_codes"); codes != nullptr && codes->is_array())
        for (const auto& code : codes->get_array())
            if (code.is_int64() && code.get_int64() > 0) return static_cast<std::uint64_t>(code.get_int64());
    return number_in(text_in(answer, "error_description"));
}

/// Words the answer of a token endpoint that gave no token: an OAuth error with Microsoft Entra's number, or neither.
/// Source: Microsoft identity platform, "OAuth 2.0 client credentials flow", error response.
BLUEPRINT_FAAS_COLD inline Error refusal(const Question& question, const HttpResponse& answer, std::string_view text) {
    WipedMemory memory{text.size()};
    boost::system::error_code failed;
    const boost::json::value document = boost::json::parse({text.data(), text.size()}, failed, memory.storage());
    const boost::json::object empty;
    const auto* object = failed ? nullptr : document.if_object();
    if (object == nullptr) object = &empty;
    const std::string name = shown(question, text_in(*object, "error"));
    const std::string told = shown(question, without_traces(text_in(*object, "error_description")));
    const auto number = aadsts_number(*object);
    const std::string numbered = number == 0 ? std::string{} : "AADSTS" + std::to_string(number);
    const Meaning meaning = meaning_of(answer.status, number, name);
    Error error{.code = meaning.code,
                .http_status = answer.status,
                .platform_code = numbered.empty() ? name : numbered,
                .retryable = meaning.retryable,
                .execution = Execution::not_started};
    std::string kind = name.empty() ? "HTTP " + std::to_string(answer.status) : name;
    if (!numbered.empty()) kind += ", " + numbered;
    error.message = name_of(question.url) + " gives no " + question.what + " (" + kind + ")";
    if (!told.empty()) error.message += ": " + told;
    const bool closer = meaning.code == errc::authentication && !meaning.exact && !question.refused.empty();
    error.message.append("; ").append(closer ? std::string_view{question.refused} : meaning.advice);
    error.request_id = one_line(text_in(*object, "trace_id"));
    if (error.request_id.empty()) error.request_id = one_line(answer.headers.get("x-ms-request-id").value_or(""));
    if (meaning.retryable) error.retry_after = read_retry_after(answer);
    return error;
}

/// Who asks a token endpoint: an application of a tenant. Never changed after it is made, so that fetches may share it.
struct Application {
    std::string what{};  ///< see `azure::Credential::what`
    std::string client_id{};
    std::string token_url{};  ///< as text, which is the audience of what the application signs
    Url url{};                ///< the same, taken apart
};

/// Who says what, for messages. Static lifetime.
struct Names {
    std::string_view tenant{};     ///< "AZURE_TENANT_ID"
    std::string_view client_id{};  ///< "AZURE_CLIENT_ID"
    std::string_view proof{};      ///< "AZURE_CLIENT_SECRET"
};
inline constexpr std::string_view tenant_variable = "AZURE_TENANT_ID";
inline constexpr std::string_view client_variable = "AZURE_CLIENT_ID";

/// Makes an application of what was configured. `kind` is how it proves who it is: "the client secret". `authority` may
/// be empty.
BLUEPRINT_FAAS_COLD inline result<Application> make_application(const Environment& environment, std::string_view kind,
                                                                const Names& names, std::string_view tenant,
                                                                std::string_view client_id,
                                                                std::string_view authority) {
    if (auto good = azure::check_tenant(tenant, names.tenant); !good) return std::move(good).error();
    if (client_id.empty() || client_id.find_first_of(" \t\r\n") != std::string_view::npos)
        return failure(errc::invalid_configuration,
                       std::string{names.client_id} + " is no application: give its 'Application (client) ID'");
    auto host = azure::resolve_authority(environment, authority);
    if (!host) return std::move(host).error();
    Application application{.what = std::string{kind} + " of the application '" + one_line(client_id) + "'",
                            .client_id = std::string{client_id},
                            .token_url = *host + '/' + std::string{tenant} + "/oauth2/v2.0/token"};
    auto url = token_question::secret_url(application.token_url, "the token endpoint");
    if (!url) return std::move(url).error();
    application.url = std::move(*url);
    return application;
}

/// Makes the answer of a source that need not ask anybody.
BLUEPRINT_FAAS_COLD inline asio::awaitable<result<azure::CredentialSearch>> found_at_once(
    result<azure::Credential> credential) {
    if (!credential) co_return std::move(credential).error();
    azure::CredentialSearch search;
    search.found = std::move(*credential);
    co_return search;
}

/// How an application proves who it is: one of the two.
struct Proof {
    Secret client_secret{};
    Secret assertion{};
};

/// Writes what is asked of the token endpoint. Source: Microsoft identity platform, "OAuth 2.0 client credentials
/// flow", get a token.
BLUEPRINT_FAAS_COLD inline Question question_of(const Application& application, const azure::TokenRequest& request,
                                                const Proof& proof) {
    constexpr std::string_view jwt_bearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    const bool asserted = !proof.assertion.empty();
    return Question{.url = application.url,
                    .what = "token for '" + one_line(request.scope) + "' by " + application.what,
                    .content_type = form_type,
                    .body = form_of({{"grant_type", "client_credentials"},
                                     {"client_id", application.client_id},
                                     {"scope", request.scope},
                                     {"client_secret", proof.client_secret.reveal()},
                                     {"client_assertion_type", asserted ? jwt_bearer : std::string_view{}},
                                     {"client_assertion", proof.assertion.reveal()},
                                     {"claims", request.claims}}),
                    .hidden = {proof.client_secret, proof.assertion}};
}

/// Asks a token endpoint until there is a token, or trying again is no use or would take too long.
BLUEPRINT_FAAS_COLD inline asio::awaitable<result<azure::TimedToken>> ask_for_token(Reach reach, Question question,
                                                                                    Deadline deadline) {
    const auto asked = reach.environment->now();
    auto asking = token_question::ask_patiently(reach, question, deadline, &refusal);
    auto text = co_await std::move(asking);
    if (!text) co_return std::move(text).error();
    auto grant = token_question::read_grant(question, *text, asked);
    if (!grant) co_return std::move(grant).error();
    if (grant->access_token.empty()) co_return unreadable(question, "it gave no access_token");
    co_return azure::TimedToken{.value = std::move(grant->access_token),
                                .expires = grant->expires.value_or(asked + std::chrono::hours{1}),
                                .refresh_at = grant->refresh_at};
}

}  // namespace blueprint::faas::detail::azure_auth
BLUEPRINT_FAAS_COROUTINES_END

#endif
