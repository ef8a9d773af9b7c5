#ifndef BLUEPRINT_FAAS_AUTH_AZURE_MANAGED_IDENTITY_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_MANAGED_IDENTITY_HPP

#include "blueprint/faas/auth/azure/credential.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/resilience/retry.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::azure::credentials {

/// Which identity of what runs here it is, by one of three names, and how patiently it is asked for. Without a name
/// AZURE_CLIENT_ID names it; without that it is the system-assigned one.
struct ManagedIdentityOptions {
    std::string client_id{};
    std::string object_id{};
    std::string resource_id{};  ///< "/subscriptions/…/userAssignedIdentities/NAME"

    std::chrono::milliseconds probe_timeout{1000};  ///< of the one look whether a metadata service is there
    std::chrono::milliseconds timeout{10'000};      ///< of a request to somebody who is
    RetryLimits retry{.max_attempts = 4, .first_delay = std::chrono::milliseconds{1000}};
    /// A metadata service that is being renewed (HTTP 410) is back within 70 seconds: after eight requests.
    RetryLimits renewal{.max_attempts = 8, .first_delay = std::chrono::milliseconds{10'000}};
};

/// The identity that Azure has given to what runs here, by what its platform offers, found out in this order:
/// - Service Fabric (IDENTITY_ENDPOINT, IDENTITY_HEADER, IDENTITY_SERVER_THUMBPRINT): `errc::unsupported`.
/// - App Service, Functions, Container Apps (IDENTITY_ENDPOINT, IDENTITY_HEADER).
/// - Machine Learning, and App Service of old (MSI_ENDPOINT, MSI_SECRET); user-assigned ones by client id only.
/// - Cloud Shell (MSI_ENDPOINT alone): the user who has signed in.
/// - Azure Arc (IDENTITY_ENDPOINT, IMDS_ENDPOINT, or its agent is installed): system-assigned only. The agent proves
///   that we may read its files: it names one in a directory of its own, and no other is read.
/// - The metadata service of a machine (IMDS), or what AZURE_POD_IDENTITY_AUTHORITY_HOST names in its place. It is
///   looked for once, within `probe_timeout`, unless that variable is set or AZURE_TOKEN_CREDENTIALS names this source.
///
/// Not here if none is there. A metadata service tells only by the first token that no identity is assigned: then the
/// credential says `errc::not_found`, and the chain goes on. Requests to `http://` go to this machine and to link-local
/// addresses, and through no proxy. It has no way to hand on the claims that Azure demands of a token.
/// Source: Microsoft Entra, "How to use managed identities for Azure resources on an Azure VM to acquire an access
/// token"; App Service, "Use managed identities", REST endpoint reference; Azure Arc, "Managed identity
/// authentication".
class ManagedIdentity {
public:
    static constexpr std::string_view name = "ManagedIdentityCredential";

    explicit ManagedIdentity(ManagedIdentityOptions options = {}) : options_{std::move(options)} {}
    BLUEPRINT_FAAS_DECL asio::awaitable<result<CredentialSearch>> find(const Reach& reach, Deadline deadline) const;

private:
    ManagedIdentityOptions options_;
};
static_assert(CredentialSource<ManagedIdentity>);

}  // namespace blueprint::faas::azure::credentials

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/azure/impl/managed_identity.ipp"
#endif

#endif
