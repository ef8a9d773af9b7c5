#ifndef BLUEPRINT_FAAS_AUTH_GCP_IMPL_SERVICE_ACCOUNT_IPP
#define BLUEPRINT_FAAS_AUTH_GCP_IMPL_SERVICE_ACCOUNT_IPP

#include "blueprint/faas/auth/gcp/impl/file_members.hpp"
#include "blueprint/faas/auth/gcp/impl/id_token.hpp"
#include "blueprint/faas/auth/gcp/service_account.hpp"
#include "blueprint/faas/auth/jwt.hpp"

#include <boost/json/serialize.hpp>

#include <memory>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::gcp_service_account {

namespace json = boost::json;
using gcp_auth::Question;
using Time = std::chrono::system_clock::time_point;

inline constexpr std::chrono::seconds assertion_life{3600};  // Google takes no longer one

/// Never changed after it is made, so that fetches may share it.
struct Account {
    std::string what{};
    std::string email{};
    std::string key_id{};
    std::string universe{};
    RsaKey key{};
    Url token_url{};
    std::string audience{};  ///< of assertions: the token endpoint, as the file names it
    bool self_signed = true;
};
using SharedAccount = std::shared_ptr<const Account>;

BLUEPRINT_FAAS_COLD inline result<Secret> signed_claims(const Account& account, json::object claims, Time now) {
    const auto issued = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
    claims["iss"] = account.email;
    claims["iat"] = issued.count();
    claims["exp"] = (issued + assertion_life).count();
    json::object header{{"alg", "RS256"}, {"typ", "JWT"}};
    if (!account.key_id.empty()) header["kid"] = account.key_id;
    return sign_jwt(account.key, json::serialize(header), json::serialize(claims));
}

// An access token that nobody was asked for. Source: AIP-4111; the claim `scope` stands instead of `aud`, never with
// it.
BLUEPRINT_FAAS_COLD inline result<gcp::TimedToken> self_signed(const Account& account, std::string_view scopes,
                                                               const Environment& environment) {
    const auto now = environment.now();
    json::object claims;
    claims["sub"] = account.email;
    claims["scope"] = scopes;
    auto token = signed_claims(account, std::move(claims), now);
    if (!token) return std::move(token).error();
    return gcp::TimedToken{.value = std::move(*token),
                           .expires = std::chrono::floor<std::chrono::seconds>(now) + assertion_life};
}

BLUEPRINT_FAAS_COLD inline result<Question> grant_question(const Account& account, const gcp::TokenRequest& request,
                                                           const Environment& environment) {
    const bool access = request.kind == gcp::TokenRequest::Kind::access;
    json::object claims;
    claims["aud"] = account.audience;
    claims[access ? "scope" : "target_audience"] = request.target;
    const auto assertion = signed_claims(account, std::move(claims), environment.now());
    if (!assertion) return assertion.error();
    Question question{.url = account.token_url,
                      .what = (access ? "access token of " : "ID token of ") + account.what,
                      .content_type = gcp_auth::form_type,
                      .body = gcp_auth::form_of({{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"},
                                                 {"assertion", assertion->reveal()}}),
                      .hidden = {*assertion}};
    return question;
}

BLUEPRINT_FAAS_COLD inline result<Question> iam_question(const Account& account, const std::string& audience,
                                                         const Environment& environment) {
    auto bearer = self_signed(account, "https://www.googleapis.com/auth/iam", environment);
    if (!bearer) return std::move(bearer).error();
    const std::string url = "https://iamcredentials." + account.universe + "/v1/projects/-/serviceAccounts/" +
                            percent_encode(account.email) + ":generateIdToken";
    auto parsed = gcp_auth::secret_url(url, "the IAM Credentials API");
    if (!parsed) return std::move(parsed).error();
    const json::object body{{"audience", audience}, {"includeEmail", true}};
    Question question{.url = std::move(*parsed),
                      .what = "ID token of " + account.what,
                      .content_type = gcp_auth::json_type,
                      .body = json::serialize(body),
                      .authorization = "Bearer " + bearer->value,
                      .hidden = {bearer->value}};
    return question;
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<gcp::TimedToken>> fetch(SharedAccount account, Reach reach,
                                                                          gcp::TokenRequest request,
                                                                          Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const bool access = request.kind == gcp::TokenRequest::Kind::access;
    const auto& environment = *reach.environment;
    if (access && account->self_signed) co_return self_signed(*account, request.target, environment);
    const bool elsewhere = account->universe != gcp_auth::usual_universe;
    auto question = elsewhere ? iam_question(*account, request.target, environment)
                              : grant_question(*account, request, environment);
    if (!question) co_return std::move(question).error();
    if (elsewhere) {
        auto asking = gcp_auth::ask(reach, *question, deadline);
        auto text = co_await std::move(asking);
        if (!text) co_return std::move(text).error();
        co_return gcp_auth::read_generated_id_token(*question, *text, {}, environment);
    }
    auto asking = gcp_auth::ask_for_grant(reach, *question, deadline);
    auto grant = co_await std::move(asking);
    if (!grant) co_return std::move(grant).error();
    if (access) co_return gcp_auth::access_token_of(*question, std::move(*grant), environment);
    if (grant->id_token.empty()) co_return gcp_auth::unreadable(*question, "it gave no id_token");
    co_return gcp_auth::id_token_of(*question, std::move(grant->id_token), request.target, environment);
}

}  // namespace blueprint::faas::detail::gcp_service_account

namespace blueprint::faas::gcp {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Credential> service_account(const boost::json::object& file,
                                                                           std::string_view where,
                                                                           ServiceAccountOptions options) {
    using namespace faas::detail::gcp_auth;
    using faas::detail::text_in;
    auto credential = common_members(file, where);
    if (!credential) return credential;
    if (auto complete = require(file, {"client_email", "private_key"}, where); !complete)
        return std::move(complete).error();
    const std::string place{where};
    auto key = RsaKey::from_pem(text_in(file, "private_key"), "'private_key' of '" + place + "'");
    if (!key) return std::move(key).error();
    std::string token_uri{text_in(file, "token_uri")};
    if (token_uri.empty()) token_uri = "https://oauth2.googleapis.com/token";
    auto token_url = secret_url(token_uri, "'token_uri' of '" + place + "'");
    if (!token_url) return std::move(token_url).error();

    credential->email = text_in(file, "client_email");
    credential->what = "the service account '" + faas::detail::one_line(credential->email) + "' of '" + place + "'";
    auto account = std::make_shared<faas::detail::gcp_service_account::Account>();
    account->what = credential->what;
    account->email = credential->email;
    account->key_id = text_in(file, "private_key_id");
    account->universe = credential->universe_domain;
    account->key = std::move(*key);
    account->token_url = std::move(*token_url);
    account->audience = std::move(token_uri);
    account->self_signed = options.self_signed || account->universe != usual_universe;
    credential->fetch = [shared = faas::detail::gcp_service_account::SharedAccount{std::move(account)}](
                            Reach reach, TokenRequest request, Deadline deadline) {
        return faas::detail::gcp_service_account::fetch(shared, std::move(reach), std::move(request), deadline);
    };
    return credential;
}

}  // namespace blueprint::faas::gcp
BLUEPRINT_FAAS_COROUTINES_END

#endif
