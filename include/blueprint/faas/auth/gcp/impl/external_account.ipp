#ifndef BLUEPRINT_FAAS_AUTH_GCP_IMPL_EXTERNAL_ACCOUNT_IPP
#define BLUEPRINT_FAAS_AUTH_GCP_IMPL_EXTERNAL_ACCOUNT_IPP

#include "blueprint/faas/auth/gcp/external_account.hpp"
#include "blueprint/faas/auth/gcp/impl/file_members.hpp"
#include "blueprint/faas/auth/gcp/impl/iam_credentials.hpp"
#include "blueprint/faas/auth/gcp/subject_token.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::gcp_external {

using gcp_auth::Question;

/// Never changed after it is made, so that fetches may share it.
struct Account {
    std::string what{};
    std::string audience{};
    std::string token_type{};
    Url token_url{};
    gcp::SubjectSource source{};
    std::optional<gcp_auth::Impersonation> impersonation{};
    std::string user_project{};  ///< of workforce identities: who pays, told to the token service
    std::string client_id{};
    Secret client_secret{};
};
using SharedAccount = std::shared_ptr<const Account>;

// Source: Security Token Service API, "token": the form of RFC 8693, section 2.1, with Google's `options`.
BLUEPRINT_FAAS_COLD inline Question exchange_question(const Account& account, Secret proof, std::string_view scopes) {
    std::string options;
    // A client of OAuth belongs to a project itself.
    if (!account.user_project.empty() && account.client_id.empty()) {
        boost::json::object object;
        object["userProject"] = account.user_project;
        options = boost::json::serialize(object);
    }
    Question question{
        .url = account.token_url,
        .what = "access token of " + account.what,
        .refused =
            "check that the provider in the pool accepts the token's issuer, audience and attributes, and that "
            "the token has not ended",
        .content_type = gcp_auth::form_type,
        .body = gcp_auth::form_of({{"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"},
                                   {"requested_token_type", "urn:ietf:params:oauth:token-type:access_token"},
                                   {"audience", account.audience},
                                   {"scope", scopes},
                                   {"subject_token_type", account.token_type},
                                   {"subject_token", proof.reveal()},
                                   {"options", options}}),
        .hidden = {account.client_secret}};
    if (!account.client_id.empty())
        question.authorization = gcp_auth::basic_authorization(account.client_id, account.client_secret);
    question.hidden.push_back(std::move(proof));
    return question;
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<gcp::TimedToken>> fetch(SharedAccount account, Reach reach,
                                                                          gcp::TokenRequest request,
                                                                          Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const bool access = request.kind == gcp::TokenRequest::Kind::access;
    if (!access && !account->impersonation)
        co_return gcp_auth::failure(
            errc::invalid_configuration,
            "there is no ID token of " + account->what + " to call '" + one_line(request.target) +
                "': Google makes them of service accounts alone. Add service_account_impersonation_url to the file "
                "(gcloud iam workload-identity-pools create-cred-config --service-account=EMAIL), and give the "
                "identity roles/iam.workloadIdentityUser on that account");
    gcp::SubjectUse use{.audience = account->audience, .token_type = account->token_type};
    if (account->impersonation) use.impersonated_email = account->impersonation->email;
    auto proving = gcp::subject_token(reach, account->source, std::move(use), deadline);
    auto proof = co_await std::move(proving);
    if (!proof) {
        Error error = std::move(proof).error();
        error.message.insert(0, "no token of " + account->what + ": ");
        co_return error;
    }
    const std::string scopes = account->impersonation ? std::string{gcp::cloud_platform_scope} : request.target;
    const Question question = exchange_question(*account, std::move(*proof), scopes);
    auto asking = gcp_auth::ask_for_grant(reach, question, deadline);
    auto grant = co_await std::move(asking);
    if (!grant) {
        Error error = std::move(grant).error();
        if (error.platform_code == "unauthorized_client")
            error.message += "; if an attribute condition of the provider rejects the identity, change one of them";
        co_return error;
    }
    auto federated = gcp_auth::access_token_of(question, std::move(*grant), *reach.environment);
    if (!federated || !account->impersonation) co_return federated;
    auto impersonating = gcp_auth::impersonate(reach, *account->impersonation, std::move(federated->value), {},
                                               std::move(request), deadline);
    co_return co_await std::move(impersonating);
}

BLUEPRINT_FAAS_COLD inline result<std::optional<gcp_auth::Impersonation>> read_impersonation(
    const boost::json::object& file, std::string_view where) {
    const auto url = text_in(file, "service_account_impersonation_url");
    if (url.empty()) return std::optional<gcp_auth::Impersonation>{};
    auto read =
        gcp_auth::read_impersonation(url, "'service_account_impersonation_url' of '" + std::string{where} + "'");
    if (!read) return std::move(read).error();
    const auto* more = file.if_contains("service_account_impersonation");
    const auto* options = more != nullptr ? more->if_object() : nullptr;
    const auto* life = options != nullptr ? options->if_contains("token_lifetime_seconds") : nullptr;
    if (life != nullptr && !life->is_null()) {
        // Source: Google Cloud IAM, "Create short-lived credentials for a service account".
        if (!life->is_int64() || life->get_int64() < 600 || life->get_int64() > 43'200)
            return gcp_auth::wrong_file(where, "its 'token_lifetime_seconds' is no number from 600 to 43200");
        read->lifetime = std::chrono::seconds{life->get_int64()};
    }
    return std::optional{std::move(*read)};
}

}  // namespace blueprint::faas::detail::gcp_external

namespace blueprint::faas::gcp {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Credential> external_account(const boost::json::object& file,
                                                                            std::string_view where) {
    namespace external = faas::detail::gcp_external;
    using namespace faas::detail::gcp_auth;
    using faas::detail::text_in;
    auto credential = common_members(file, where);
    if (!credential) return credential;
    if (auto complete = require(file, {"audience", "subject_token_type"}, where); !complete)
        return std::move(complete).error();
    const std::string place{where};
    const auto* source_member = file.if_contains("credential_source");
    const auto* source_object = source_member != nullptr ? source_member->if_object() : nullptr;
    if (source_object == nullptr)
        return wrong_file(where, "it has no 'credential_source' that says where the token comes from; make it again");
    auto source = read_subject_source(*source_object, where);
    if (!source) return std::move(source).error();
    std::string url{text_in(file, "token_url")};
    if (url.empty()) url = "https://sts." + credential->universe_domain + "/v1/token";
    auto token_url = secret_url(url, "'token_url' of '" + place + "'");
    if (!token_url) return std::move(token_url).error();
    auto impersonation = external::read_impersonation(file, where);
    if (!impersonation) return std::move(impersonation).error();

    auto account = std::make_shared<external::Account>();
    account->audience = text_in(file, "audience");
    account->token_type = text_in(file, "subject_token_type");
    account->token_url = std::move(*token_url);
    account->source = std::move(*source);
    account->impersonation = std::move(*impersonation);
    account->client_id = text_in(file, "client_id");
    account->client_secret = text_in(file, "client_secret");
    account->user_project = text_in(file, "workforce_pool_user_project");
    if (!account->user_project.empty() && account->audience.find("/workforcePools/") == std::string::npos)
        return wrong_file(where,
                          "its 'workforce_pool_user_project' is for workforce pools alone, and its 'audience' is "
                          "none; remove one or correct the other");
    if (account->impersonation) credential->email = account->impersonation->email;
    credential->what = (account->impersonation ? "the service account '" + faas::detail::one_line(credential->email) +
                                                     "' by the federated identity of '"
                                               : std::string{"the federated identity of '"}) +
                       place + "'";
    account->what = "the federated identity of '" + place + "'";
    credential->fetch = [shared = external::SharedAccount{std::move(account)}](Reach reach, TokenRequest request,
                                                                               Deadline deadline) {
        return external::fetch(shared, std::move(reach), std::move(request), deadline);
    };
    return credential;
}

}  // namespace blueprint::faas::gcp
BLUEPRINT_FAAS_COROUTINES_END

#endif
