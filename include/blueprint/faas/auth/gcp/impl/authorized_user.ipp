#ifndef BLUEPRINT_FAAS_AUTH_GCP_IMPL_AUTHORIZED_USER_IPP
#define BLUEPRINT_FAAS_AUTH_GCP_IMPL_AUTHORIZED_USER_IPP

#include "blueprint/faas/auth/gcp/authorized_user.hpp"
#include "blueprint/faas/auth/gcp/impl/file_members.hpp"
#include "blueprint/faas/auth/gcp/impl/id_token.hpp"

#include <memory>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::gcp_user {

using gcp_auth::Question;

/// Never changed after it is made, so that fetches may share it.
struct User {
    std::string what{};
    std::string client_id{};
    Secret client_secret{};
    Secret refresh_token{};
    Url token_url{};
};
using SharedUser = std::shared_ptr<const User>;

BLUEPRINT_FAAS_COLD inline Question question_of(const User& user, bool access) {
    return {.url = user.token_url,
            .what = (access ? "access token of " : "ID token of ") + user.what,
            .refused = "the sign-in has ended or was revoked: run 'gcloud auth application-default login'",
            .content_type = gcp_auth::form_type,
            .body = gcp_auth::form_of({{"grant_type", "refresh_token"},
                                       {"client_id", user.client_id},
                                       {"client_secret", user.client_secret.reveal()},
                                       {"refresh_token", user.refresh_token.reveal()}}),
            .hidden = {user.client_secret, user.refresh_token}};
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<gcp::TimedToken>> fetch(SharedUser user, Reach reach,
                                                                          gcp::TokenRequest request,
                                                                          Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const bool access = request.kind == gcp::TokenRequest::Kind::access;
    const Question question = question_of(*user, access);
    auto asking = gcp_auth::ask_for_grant(reach, question, deadline);
    auto grant = co_await std::move(asking);
    if (!grant) co_return std::move(grant).error();
    if (access) co_return gcp_auth::access_token_of(question, std::move(*grant), *reach.environment);
    if (grant->id_token.empty())
        co_return gcp_auth::failure(
            errc::authentication,
            "Google makes no ID token of " + user->what + " to call '" + one_line(request.target) +
                "': users cannot get one for an audience, and this sign-in has not even the scope 'openid'. Sign in as "
                "a service account that may call (gcloud auth application-default login "
                "--impersonate-service-account=EMAIL), or set GOOGLE_APPLICATION_CREDENTIALS to the file of one");
    // Its audience is the OAuth client, whatever was asked for: see `authorized_user`.
    co_return gcp_auth::id_token_of(question, std::move(grant->id_token), {}, *reach.environment);
}

}  // namespace blueprint::faas::detail::gcp_user

namespace blueprint::faas::gcp {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Credential> authorized_user(const boost::json::object& file,
                                                                           std::string_view where) {
    using namespace faas::detail::gcp_auth;
    using faas::detail::text_in;
    auto credential = common_members(file, where);
    if (!credential) return credential;
    if (auto complete = require(file, {"client_id", "client_secret", "refresh_token"}, where); !complete)
        return std::move(complete).error();
    const std::string place{where};
    std::string token_uri{text_in(file, "token_uri")};
    if (token_uri.empty()) token_uri = "https://oauth2." + credential->universe_domain + "/token";
    auto token_url = secret_url(token_uri, "'token_uri' of '" + place + "'");
    if (!token_url) return std::move(token_url).error();

    credential->what = "the user of '" + place + "'";
    auto user = std::make_shared<faas::detail::gcp_user::User>();
    user->what = credential->what;
    user->client_id = text_in(file, "client_id");
    user->client_secret = text_in(file, "client_secret");
    user->refresh_token = text_in(file, "refresh_token");
    user->token_url = std::move(*token_url);
    credential->fetch = [shared = faas::detail::gcp_user::SharedUser{std::move(user)}](
                            Reach reach, TokenRequest request, Deadline deadline) {
        return faas::detail::gcp_user::fetch(shared, std::move(reach), std::move(request), deadline);
    };
    return credential;
}

}  // namespace blueprint::faas::gcp
BLUEPRINT_FAAS_COROUTINES_END

#endif
