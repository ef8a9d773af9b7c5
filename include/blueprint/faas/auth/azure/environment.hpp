#ifndef BLUEPRINT_FAAS_AUTH_AZURE_ENVIRONMENT_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_ENVIRONMENT_HPP

#include "blueprint/faas/auth/azure/credential.hpp"
#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::azure::credentials {

/// The application of AZURE_TENANT_ID and AZURE_CLIENT_ID, with AZURE_CLIENT_SECRET, else with the certificate in
/// AZURE_CLIENT_CERTIFICATE_PATH (AZURE_CLIENT_CERTIFICATE_PASSWORD opens its key, and with
/// AZURE_CLIENT_SEND_CERTIFICATE_CHAIN=true its certificates are sent along). An empty variable counts as not set. Not
/// here if one of the first two or both of the others are missing. A user's name and password there
/// (AZURE_USERNAME, AZURE_PASSWORD) are `errc::unsupported`: Azure does not take them from who manages resources.
/// Source: Azure Identity libraries, "Environment variables".
class Environment {
public:
    static constexpr std::string_view name = "EnvironmentCredential";

    Environment() = default;
    /// `authority`: who gives tokens; empty: AZURE_AUTHORITY_HOST, else that of the public cloud.
    explicit Environment(std::string authority) : authority_{std::move(authority)} {}
    BLUEPRINT_FAAS_DECL asio::awaitable<result<CredentialSearch>> find(const Reach& reach, Deadline deadline) const;

private:
    std::string authority_{};
};
static_assert(CredentialSource<Environment>);

}  // namespace blueprint::faas::azure::credentials

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/azure/impl/environment.ipp"
#endif

#endif
