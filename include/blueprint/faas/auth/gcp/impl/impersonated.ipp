#ifndef BLUEPRINT_FAAS_AUTH_GCP_IMPL_IMPERSONATED_IPP
#define BLUEPRINT_FAAS_AUTH_GCP_IMPL_IMPERSONATED_IPP

#include "blueprint/faas/auth/gcp/credential_file.hpp"
#include "blueprint/faas/auth/gcp/impersonated.hpp"
#include "blueprint/faas/auth/gcp/impl/file_members.hpp"
#include "blueprint/faas/auth/gcp/impl/iam_credentials.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::gcp_impersonated {

/// Never changed after it is made, so that fetches may share it.
struct Account {
    gcp_auth::Impersonation impersonation{};
    gcp::Credential source{};
    std::string scopes{};  ///< of the file; empty: none are there
};
using SharedAccount = std::shared_ptr<const Account>;

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<gcp::TimedToken>> fetch(SharedAccount account, Reach reach,
                                                                          gcp::TokenRequest request,
                                                                          Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const bool access = request.kind == gcp::TokenRequest::Kind::access;
    if (access && !account->scopes.empty() && request.target == gcp::cloud_platform_scope)
        request.target = account->scopes;
    auto getting = account->source.fetch(reach, gcp::TokenRequest::access(), deadline);
    auto by = co_await std::move(getting);
    if (!by) {
        Error error = std::move(by).error();
        error.message.insert(0, "no token of the service account '" + one_line(account->impersonation.email) +
                                    "', because who is to ask for it has none: ");
        co_return error;
    }
    auto impersonating = gcp_auth::impersonate(reach, account->impersonation, std::move(by->value),
                                               account->source.quota_project, std::move(request), deadline);
    co_return co_await std::move(impersonating);
}

/// Reads a list of texts; one that is not there is empty.
BLUEPRINT_FAAS_COLD inline result<std::vector<std::string>> texts_in(const boost::json::object& file,
                                                                     std::string_view name, std::string_view where) {
    std::vector<std::string> texts;
    const auto* value = file.if_contains(name);
    if (value == nullptr || value->is_null()) return texts;
    const auto wrong = [&] {
        return gcp_auth::wrong_file(where, "its '" + std::string{name} + "' is no list of texts");
    };
    const auto* list = value->if_array();
    if (list == nullptr) return wrong();
    for (const auto& one : *list) {
        const auto* text = one.if_string();
        if (text == nullptr || text->empty()) return wrong();
        texts.emplace_back(*text);
    }
    return texts;
}

}  // namespace blueprint::faas::detail::gcp_impersonated

namespace blueprint::faas::gcp {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Credential> impersonated_service_account(const boost::json::object& file,
                                                                                        std::string_view where,
                                                                                        const Environment& environment,
                                                                                        ServiceAccountOptions options) {
    namespace impersonated = faas::detail::gcp_impersonated;
    using namespace faas::detail::gcp_auth;
    using faas::detail::text_in;
    auto credential = common_members(file, where);
    if (!credential) return credential;
    if (auto complete = require(file, {"service_account_impersonation_url"}, where); !complete)
        return std::move(complete).error();
    const std::string place{where};
    auto impersonation = read_impersonation(text_in(file, "service_account_impersonation_url"),
                                            "'service_account_impersonation_url' of '" + place + "'");
    if (!impersonation) return std::move(impersonation).error();
    auto delegates = impersonated::texts_in(file, "delegates", where);
    if (!delegates) return std::move(delegates).error();
    for (auto& one : *delegates) {
        // Files have e-mail addresses or the names of resources that the API's document wants.
        if (!one.starts_with("projects/")) one.insert(0, "projects/-/serviceAccounts/");
        impersonation->delegates.push_back(std::move(one));
    }
    auto scopes = impersonated::texts_in(file, "scopes", where);
    if (!scopes) return std::move(scopes).error();
    const auto* member = file.if_contains("source_credentials");
    const auto* nested = member != nullptr ? member->if_object() : nullptr;
    if (nested == nullptr)
        return wrong_file(where, "it has no 'source_credentials', those of who is to ask; make it again");
    auto source = read_credential(*nested, place + ", source_credentials", environment, options);
    if (!source) return source;

    auto account = std::make_shared<impersonated::Account>();
    credential->email = impersonation->email;
    credential->what = "the service account '" + faas::detail::one_line(credential->email) + "' by " + source->what;
    account->impersonation = std::move(*impersonation);
    account->source = std::move(*source);
    for (const auto& one : *scopes) account->scopes.append(account->scopes.empty() ? "" : " ").append(one);
    credential->fetch = [shared = impersonated::SharedAccount{std::move(account)}](Reach reach, TokenRequest request,
                                                                                   Deadline deadline) {
        return impersonated::fetch(shared, std::move(reach), std::move(request), deadline);
    };
    return credential;
}

}  // namespace blueprint::faas::gcp
BLUEPRINT_FAAS_COROUTINES_END

#endif
