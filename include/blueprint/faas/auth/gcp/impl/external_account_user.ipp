#ifndef BLUEPRINT_FAAS_AUTH_GCP_IMPL_EXTERNAL_ACCOUNT_USER_IPP
#define BLUEPRINT_FAAS_AUTH_GCP_IMPL_EXTERNAL_ACCOUNT_USER_IPP

#include "blueprint/faas/auth/gcp/external_account_user.hpp"
#include "blueprint/faas/auth/gcp/impl/file_members.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::gcp_external_user {

using gcp_auth::Question;

/// Shared by all fetches; only the refresh token changes.
class User {
public:
    std::string what{};
    std::string client_id{};
    Secret client_secret{};
    Url token_url{};

    BLUEPRINT_FAAS_COLD Secret refresh_token() const {
        const std::lock_guard lock{mutex_};
        return refresh_token_;
    }
    BLUEPRINT_FAAS_COLD void keep(Secret refresh_token) {
        const std::lock_guard lock{mutex_};
        refresh_token_ = std::move(refresh_token);
    }

private:
    mutable std::mutex mutex_;
    Secret refresh_token_{};
};
using SharedUser = std::shared_ptr<User>;

BLUEPRINT_FAAS_COLD inline Question question_of(const User& user) {
    const Secret refresh_token = user.refresh_token();
    return {.url = user.token_url,
            .what = "access token of " + user.what,
            .refused =
                "the sign-in has ended or was revoked: run 'gcloud auth application-default login "
                "--login-config=FILE' again",
            .content_type = gcp_auth::form_type,
            .body = gcp_auth::form_of({{"grant_type", "refresh_token"}, {"refresh_token", refresh_token.reveal()}}),
            .authorization = gcp_auth::basic_authorization(user.client_id, user.client_secret),
            .hidden = {user.client_secret, refresh_token}};
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<gcp::TimedToken>> fetch(SharedUser user, Reach reach,
                                                                          gcp::TokenRequest request,
                                                                          Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    if (request.kind == gcp::TokenRequest::Kind::identity)
        co_return gcp_auth::failure(
            errc::invalid_configuration,
            "there is no ID token of " + user->what + " to call '" + one_line(request.target) +
                "': Google makes them of service accounts alone. Sign in as one that may call (gcloud auth "
                "application-default login --impersonate-service-account=EMAIL)");
    const Question question = question_of(*user);
    auto asking = gcp_auth::ask_for_grant(reach, question, deadline);
    auto grant = co_await std::move(asking);
    if (!grant) co_return std::move(grant).error();
    if (!grant->refresh_token.empty()) user->keep(std::move(grant->refresh_token));
    co_return gcp_auth::access_token_of(question, std::move(*grant), *reach.environment);
}

}  // namespace blueprint::faas::detail::gcp_external_user

namespace blueprint::faas::gcp {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Credential> external_account_authorized_user(
    const boost::json::object& file, std::string_view where) {
    using namespace faas::detail::gcp_auth;
    using faas::detail::text_in;
    auto credential = common_members(file, where);
    if (!credential) return credential;
    if (auto complete = require(file, {"client_id", "client_secret", "refresh_token"}, where); !complete)
        return std::move(complete).error();
    const std::string place{where};
    std::string url{text_in(file, "token_url")};
    if (url.empty()) url = "https://sts." + credential->universe_domain + "/v1/oauthtoken";
    auto token_url = secret_url(url, "'token_url' of '" + place + "'");
    if (!token_url) return std::move(token_url).error();

    credential->what = "the workforce user of '" + place + "'";
    auto user = std::make_shared<faas::detail::gcp_external_user::User>();
    user->what = credential->what;
    user->client_id = text_in(file, "client_id");
    user->client_secret = text_in(file, "client_secret");
    user->keep(text_in(file, "refresh_token"));
    user->token_url = std::move(*token_url);
    credential->fetch = [user = std::move(user)](Reach reach, TokenRequest request, Deadline deadline) {
        return faas::detail::gcp_external_user::fetch(user, std::move(reach), std::move(request), deadline);
    };
    return credential;
}

}  // namespace blueprint::faas::gcp
BLUEPRINT_FAAS_COROUTINES_END

#endif
