// What gives tokens of Azure's: Microsoft Entra, managed identities, and what the tools of developers print.
#include "blueprint/faas/auth/azure/impl/arc_challenge.hpp"
#include "blueprint/faas/auth/azure/impl/certificate_file.hpp"
#include "blueprint/faas/auth/azure/impl/developer_tool.hpp"
#include "blueprint/faas/auth/azure/impl/identity_answer.hpp"
#include "blueprint/faas/auth/azure/impl/identity_refusal.hpp"
#include "blueprint/faas/auth/azure/impl/token_endpoint.hpp"
#include "blueprint/faas/auth/azure_ad.hpp"
#include "fit.hpp"
#include "targets.hpp"

#include <boost/json/parse.hpp>

#include <chrono>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::fuzz {

namespace {

/// It is always the same day, and nothing of this machine is read.
class Somewhere final : public Environment {
public:
    std::chrono::system_clock::time_point now() const override {
        return std::chrono::sys_days{std::chrono::year{2026} / 1 / 2};
    }
    std::optional<std::string> variable(const std::string&) const override { return std::nullopt; }
    result<std::optional<Secret>> read_file(const std::string& path, std::size_t) const override {
        FAAS_REQUIRE(path.starts_with("/var/opt/azcmagent/tokens/") && path.ends_with(".key"));
        FAAS_REQUIRE(path.find("..") == std::string::npos || path.find('/', 26) == std::string::npos);
        return std::optional<Secret>{Secret{"key"}};
    }
};

const Somewhere& somewhere() {
    static const Somewhere instance;
    return instance;
}

/// A token that has not ended, and can be sent.
void good(const result<azure::TimedToken>& token) {
    if (!fits(token)) return;
    FAAS_REQUIRE(detail::is_bearer_token(token->value.reveal()));
    FAAS_REQUIRE(token->expires > somewhere().now());
    if (token->refresh_at)
        FAAS_REQUIRE(*token->refresh_at >= somewhere().now() && *token->refresh_at <= token->expires);
}

}  // namespace

void azure_token(Input input) {
    Reader reader{input};
    HttpResponse answer;
    static constexpr unsigned statuses[] = {200, 400, 401, 403, 404, 408, 410, 429, 500, 503, 302, 201};
    answer.status = statuses[reader.byte() % std::size(statuses)];
    const std::string field{reader.until('\n')};
    answer.headers.set("WWW-Authenticate", field);
    answer.headers.set("Retry-After", field);
    const Secret text{reader.rest()};

    fits(detail::azure_identity::arc_proof(field, somewhere()));
    if (const auto claims = azure::demanded_claims(answer.headers))
        FAAS_REQUIRE(boost::json::parse(*claims).is_object());
    good(detail::azure_identity::read_identity_answer(text, "the identity", somewhere().now()));
    Headers sent;
    sent.set("X-IDENTITY-HEADER", "header-secret");
    const auto refused = detail::azure_identity::refusal("the identity", answer, text.reveal(), sent);
    fit_for_people(refused);
    FAAS_REQUIRE(refused.message.find("header-secret") == std::string::npos);
    FAAS_REQUIRE(refused.http_status == answer.status && refused.execution == Execution::not_started);

    detail::azure_auth::Question question;
    question.what = "token";
    question.hidden = {Secret{"client-secret"}};
    const auto by_entra = detail::azure_auth::refusal(question, answer, text.reveal());
    fit_for_people(by_entra);
    FAAS_REQUIRE(by_entra.message.find("client-secret") == std::string::npos);
    const auto grant = detail::token_question::read_grant(question, text, somewhere().now());
    if (fits(grant) && grant->expires) FAAS_REQUIRE(*grant->expires > somewhere().now());
}

void azure_tool(Input input) {
    const Secret text{detail::text_of(input)};
    good(detail::azure_identity::read_cli_answer(text, "the tool", somewhere()));
    good(detail::azure_identity::read_developer_cli_answer(text, "the tool", somewhere()));
    detail::azure_tool::Tool tool;
    tool.what = "the tool";
    tool.sign_in = "az login";
    const auto refused =
        detail::azure_tool::refusal(tool, {.exit_code = 1, .output = text, .log = std::string{text.reveal()}});
    fit_for_people(refused);
    FAAS_REQUIRE(refused.message.find("eyJ") == std::string::npos);
    fits(detail::azure_certificate::read_certificate(text, "password", "the file"));
    const auto tenant = azure::check_tenant(text.reveal(), "the tenant");
    const auto subscription = detail::azure_tool::check_subscription(text.reveal());
    const auto scope = azure::check_scope(text.reveal());
    if (!text.empty() && (fits(tenant) || fits(subscription) || fits(scope)))
        FAAS_REQUIRE(text.reveal().front() != '-' &&
                     text.reveal().find_first_of("\n\"'`$;|&<>()\\") == std::string_view::npos);
}

}  // namespace blueprint::faas::fuzz
