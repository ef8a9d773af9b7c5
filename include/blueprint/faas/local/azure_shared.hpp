#ifndef BLUEPRINT_FAAS_LOCAL_AZURE_SHARED_HPP
#define BLUEPRINT_FAAS_LOCAL_AZURE_SHARED_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/local/azure_blobs.hpp"
#include "blueprint/faas/local/azure_gate.hpp"
#include "blueprint/faas/local/azure_operations.hpp"
#include "blueprint/faas/local/azure_options.hpp"
#include "blueprint/faas/local/azure_requests.hpp"
#include "blueprint/faas/local/background.hpp"
#include "blueprint/faas/local/deployment.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::local {

/// That somebody has a role at a scope, which is a resource's id or the beginning of ids.
struct AzureRoleAssignment {
    std::string id{};
    std::string name{};  ///< a UUID
    std::string scope{};
    std::string role{};  ///< its UUID
    std::string principal{};
    std::string principal_type{};
};

/// What the providers of the local Azure share, and what goes on in them. On the host's strand only.
struct AzureShared : Background {
    AzureShared(FunctionHost& function_host, const AzureOptions& azure_options, const AzureGate& azure_gate,
                const AzureClock& azure_clock)
        : Background{function_host.strand},
          host{function_host},
          options{azure_options},
          gate{azure_gate},
          clock{azure_clock},
          operations{azure_options},
          blobs{azure_options, azure_gate, azure_clock} {}

    std::string now() const { return azure_time(clock.now()); }
    /// What `AzureOptions::operation_fault` says of an operation that comes to its end; when the cloud is being
    /// stopped, that it was cancelled.
    std::optional<AzureFault> fault(std::string_view resource) const;
    /// Carries out a change: waits as long as it takes, then has `done` told what is wrong, or nothing, and ends the
    /// operation.
    void carry_out(std::string operation, std::string resource,
                   std::function<void(const std::optional<AzureFault>& fault)> done);
    /// Tells whether a name is somebody else's.
    bool taken(std::string_view name) const;
    /// Returns "/subscriptions/S/resourceGroups/RG/providers/".
    std::string providers_of(std::string_view group) const;
    /// Where operations of a provider are asked about: "/subscriptions/S/providers/Microsoft.Web/locations/L".
    std::string operations_of(std::string_view provider, std::string_view location) const;
    /// Tells whether somebody may read, or write, the blobs of the account with that id.
    bool has_blob_role(std::string_view account_id, std::string_view principal, bool writes) const;

    FunctionHost& host;
    const AzureOptions& options;
    const AzureGate& gate;
    const AzureClock& clock;
    AzureOperations operations;
    AzureBlobs blobs;
    std::vector<AzureRoleAssignment> roles{};
    std::string url{};  ///< of the management API

private:
    asio::awaitable<void> settle(std::string operation, std::string resource,
                                 std::function<void(const std::optional<AzureFault>& fault)> done);
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/azure_shared.ipp"
#endif

#endif
