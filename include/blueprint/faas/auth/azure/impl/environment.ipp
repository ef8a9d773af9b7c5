#ifndef BLUEPRINT_FAAS_AUTH_AZURE_IMPL_ENVIRONMENT_IPP
#define BLUEPRINT_FAAS_AUTH_AZURE_IMPL_ENVIRONMENT_IPP

#include "blueprint/faas/auth/azure/client_certificate.hpp"
#include "blueprint/faas/auth/azure/client_secret.hpp"
#include "blueprint/faas/auth/azure/environment.hpp"

#include <initializer_list>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::azure_environment {

using azure_auth::variable;

BLUEPRINT_FAAS_COLD inline result<azure::CredentialSearch> found(result<azure::Credential> credential) {
    if (!credential) return std::move(credential).error();
    azure::CredentialSearch search;
    search.found = std::move(*credential);
    return search;
}

BLUEPRINT_FAAS_COLD inline std::string missing_in(const Environment& environment,
                                                  std::initializer_list<std::string_view> names) {
    std::string missing;
    for (const auto name : names)
        if (variable(environment, std::string{name}.c_str()).empty())
            missing.append(missing.empty() ? "" : " and ").append(name);
    return missing;
}

BLUEPRINT_FAAS_COLD inline result<azure::CredentialSearch> find(const Environment& environment,
                                                                const std::string& authority) {
    const Secret secret = variable(environment, "AZURE_CLIENT_SECRET");
    const auto path = variable(environment, "AZURE_CLIENT_CERTIFICATE_PATH");
    const bool user = missing_in(environment, {"AZURE_USERNAME", "AZURE_PASSWORD"}).empty();
    const bool proof = !secret.empty() || !path.empty() || user;
    auto missing = missing_in(environment, {azure_auth::tenant_variable, azure_auth::client_variable});
    if (!proof)
        missing.append(missing.empty() ? "" : " and ").append("AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH");
    if (!missing.empty()) return azure::CredentialSearch{.not_here = "not set: " + missing};
    auto tenant = variable(environment, "AZURE_TENANT_ID");
    auto client_id = variable(environment, "AZURE_CLIENT_ID");
    if (!secret.empty()) {
        static constexpr azure_auth::Names names{.tenant = azure_auth::tenant_variable,
                                                 .client_id = azure_auth::client_variable,
                                                 .proof = "AZURE_CLIENT_SECRET"};
        azure::ClientSecretOptions options{.tenant = std::move(tenant), .client_id = std::move(client_id)};
        options.secret = secret;
        options.authority = authority;
        return found(azure_client_secret::make(environment, std::move(options), names));
    }
    if (path.empty())
        return azure_auth::failure(
            errc::unsupported,
            "AZURE_USERNAME and AZURE_PASSWORD are not used: Azure wants a second factor of users who manage "
            "resources, which a password alone is not; set AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH, or "
            "unset them and run 'az login'");
    static constexpr azure_auth::Names names{.tenant = azure_auth::tenant_variable,
                                             .client_id = azure_auth::client_variable,
                                             .proof = "AZURE_CLIENT_CERTIFICATE_PATH"};
    const auto send_chain = variable(environment, "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN");
    azure::ClientCertificateOptions options{.tenant = std::move(tenant),
                                            .client_id = std::move(client_id),
                                            .path = path,
                                            .password = variable(environment, "AZURE_CLIENT_CERTIFICATE_PASSWORD"),
                                            .send_chain = send_chain == "1" || iequals(send_chain, "true")};
    options.authority = authority;
    return found(azure_certificate::make(environment, std::move(options), names));
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<azure::CredentialSearch>> at_once(
    result<azure::CredentialSearch> search) {
    co_return search;
}

}  // namespace blueprint::faas::detail::azure_environment

namespace blueprint::faas::azure::credentials {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<CredentialSearch>> Environment::find(const Reach& reach,
                                                                                                    Deadline) const {
    return faas::detail::azure_environment::at_once(
        faas::detail::azure_environment::find(*reach.environment, authority_));
}

}  // namespace blueprint::faas::azure::credentials
BLUEPRINT_FAAS_COROUTINES_END

#endif
