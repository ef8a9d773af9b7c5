#ifndef BLUEPRINT_FAAS_AUTH_AZURE_WORKLOAD_IDENTITY_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_WORKLOAD_IDENTITY_HPP

#include "blueprint/faas/auth/azure/credential.hpp"
#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::azure::credentials {

/// What the caller knows of a workload identity; what is empty is looked up in the variables.
struct WorkloadIdentityOptions {
    std::string tenant{};      ///< else AZURE_TENANT_ID
    std::string client_id{};   ///< else AZURE_CLIENT_ID
    std::string token_file{};  ///< else AZURE_FEDERATED_TOKEN_FILE
    std::string authority{};   ///< else AZURE_AUTHORITY_HOST, else that of the public cloud
};

/// An application that trusts another issuer of identities, such as a Kubernetes cluster or a service of continuous
/// integration, whose token stands in a file. The file is read anew for every token of Azure's, because whoever put it
/// there renews it. Not here if one of the three is missing, as in a cluster where a managed identity is used instead.
/// Source: Microsoft Entra, "Workload identity federation"; Azure Kubernetes Service, "Workload identity overview".
class WorkloadIdentity {
public:
    static constexpr std::string_view name = "WorkloadIdentityCredential";

    WorkloadIdentity() = default;
    explicit WorkloadIdentity(WorkloadIdentityOptions options) : options_{std::move(options)} {}

    BLUEPRINT_FAAS_DECL asio::awaitable<result<CredentialSearch>> find(const Reach& reach, Deadline deadline) const;

private:
    WorkloadIdentityOptions options_{};
};
static_assert(CredentialSource<WorkloadIdentity>);

}  // namespace blueprint::faas::azure::credentials

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/azure/impl/workload_identity.ipp"
#endif

#endif
