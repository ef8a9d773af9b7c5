#ifndef BLUEPRINT_FAAS_AUTH_GCP_IMPL_IAM_CREDENTIALS_HPP
#define BLUEPRINT_FAAS_AUTH_GCP_IMPL_IAM_CREDENTIALS_HPP

#include "blueprint/faas/auth/gcp/credential.hpp"
#include "blueprint/faas/auth/gcp/impl/id_token.hpp"
#include "blueprint/faas/auth/gcp/impl/token_endpoint.hpp"
#include "blueprint/faas/detail/bearer_token.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/timestamp.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/detail/wiped_json.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::gcp_auth {

/// A service account, in whose name the IAM Credentials API makes tokens for others.
struct Impersonation {
    Url account{};  ///< "…/v1/projects/-/serviceAccounts/EMAIL", to which ":generateAccessToken" is added
    std::string email{};
    std::vector<std::string> delegates{};  ///< who stand between, each as "projects/-/serviceAccounts/EMAIL"
    std::chrono::seconds lifetime{3600};   ///< of access tokens
};

/// Reads "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/EMAIL:generateAccessToken"; `what` names
/// it in messages.
BLUEPRINT_FAAS_COLD inline result<Impersonation> read_impersonation(std::string_view url, const std::string& what) {
    auto parsed = secret_url(url, what);
    if (!parsed) return std::move(parsed).error();
    Impersonation account{.account = std::move(*parsed)};
    auto& target = account.account.target;
    const auto method = target.rfind(":generate");
    static constexpr std::string_view before = "/serviceAccounts/";
    const auto name = target.rfind(before);
    if (method != std::string::npos && name != std::string::npos && name + before.size() < method) {
        const auto begin = name + before.size();
        account.email = percent_decode(std::string_view{target}.substr(begin, method - begin)).value_or(std::string{});
        target.resize(method);
    }
    const bool plain =
        std::all_of(account.email.begin(), account.email.end(), [](char c) { return c > ' ' && c <= '~' && c != '/'; });
    if (account.email.empty() || !plain)
        return failure(errc::invalid_configuration,
                       what +
                           " should look like "
                           "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
                           "NAME@PROJECT.iam.gserviceaccount.com:generateAccessToken");
    return account;
}

/// Writes what is asked for. Source: IAM Service Account Credentials API, projects.serviceAccounts.generateAccessToken
/// and generateIdToken.
BLUEPRINT_FAAS_COLD inline std::string impersonation_body(const Impersonation& account,
                                                          const gcp::TokenRequest& request) {
    namespace json = boost::json;
    json::object body;
    if (request.kind == gcp::TokenRequest::Kind::access) {
        json::array scopes;
        for (const auto scope : scopes_of(request)) scopes.emplace_back(json::string_view{scope.data(), scope.size()});
        body["scope"] = std::move(scopes);
        body["lifetime"] = std::to_string(account.lifetime.count()) + 's';
    } else {
        body["audience"] = request.target;
        body["includeEmail"] = true;
    }
    if (!account.delegates.empty()) {
        json::array delegates;
        for (const auto& one : account.delegates) delegates.emplace_back(json::string_view{one.data(), one.size()});
        body["delegates"] = std::move(delegates);
    }
    return json::serialize(body);
}

/// Reads {"accessToken":…,"expireTime":…}.
BLUEPRINT_FAAS_COLD inline result<gcp::TimedToken> read_generated_access_token(const Question& question,
                                                                               const Secret& text) {
    WipedMemory memory{text.size()};
    boost::system::error_code failed;
    const boost::json::value document =
        boost::json::parse({text.reveal().data(), text.size()}, failed, memory.storage());
    const auto* object = failed ? nullptr : document.if_object();
    if (object == nullptr) return unreadable(question, "its answer is no JSON object");
    Secret token{text_in(*object, "accessToken")};
    if (!is_bearer_token(token.reveal())) return unreadable(question, "it gave no token that may be sent");
    const auto end = read_timestamp(text_in(*object, "expireTime"));
    if (!end) return unreadable(question, "its expireTime is no time such as 2026-01-02T03:04:05Z");
    return gcp::TimedToken{.value = std::move(token), .expires = *end};
}

/// Asks for a token in the name of `account`. `by` is an access token of who asks, `quota_project` pays for it (empty:
/// nobody else).
BLUEPRINT_FAAS_COLD inline asio::awaitable<result<gcp::TimedToken>> impersonate(Reach reach, Impersonation account,
                                                                                Secret by, std::string quota_project,
                                                                                gcp::TokenRequest request,
                                                                                Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const bool access = request.kind == gcp::TokenRequest::Kind::access;
    Question question{.url = account.account,
                      .what = (access ? "access token of the service account '" : "ID token of the service account '") +
                              account.email + '\'',
                      .content_type = json_type};
    question.url.target += access ? ":generateAccessToken" : ":generateIdToken";
    question.refused = "give who asks the role roles/iam.serviceAccountTokenCreator on the service account '" +
                       account.email + "'; it may take minutes until it works";
    question.body = impersonation_body(account, request);
    question.authorization = "Bearer " + by;
    if (!quota_project.empty()) question.headers.emplace_back("x-goog-user-project", quota_project);
    question.hidden.push_back(std::move(by));
    auto asking = ask(reach, question, deadline);
    const auto text = co_await std::move(asking);
    if (!text) co_return text.error();
    if (!access) co_return read_generated_id_token(question, *text, request.target, *reach.environment);
    auto token = read_generated_access_token(question, *text);
    if (!token) co_return token;
    co_return not_ended(question, std::move(*token), *reach.environment);
}

}  // namespace blueprint::faas::detail::gcp_auth
BLUEPRINT_FAAS_COROUTINES_END

#endif
