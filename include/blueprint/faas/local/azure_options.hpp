#ifndef BLUEPRINT_FAAS_LOCAL_AZURE_OPTIONS_HPP
#define BLUEPRINT_FAAS_LOCAL_AZURE_OPTIONS_HPP

#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/secret.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::local {

/// An identity of another issuer that an application takes for itself: workload identity federation.
struct AzureFederatedCredential {
    std::string issuer{};
    std::string subject{};
    std::string audience = "api://AzureADTokenExchange";
};

/// An application of the tenant, as the one who signs in. Certificates' private keys are their owners'.
struct AzureApplication {
    std::string client_id{};
    std::vector<Secret> secrets{};
    std::vector<Secret> expired_secrets{};    ///< which it is told to renew
    std::vector<std::string> certificates{};  ///< PEM: whose keys may sign its assertions
    std::vector<AzureFederatedCredential> federated{};
};

/// A managed identity that the metadata service gives tokens for.
struct AzureManagedIdentity {
    std::string client_id{};
    std::string object_id{};
    std::string resource_id{};     ///< "/subscriptions/…/userAssignedIdentities/NAME"
    bool system_assigned = false;  ///< it is the one that is given where none is named
};

/// The error that a long-running operation ends with.
struct AzureFault {
    std::string code{};
    std::string message{};
};

/// How the local cloud plays Azure: the token endpoint, managed identity, the management API as far as function apps
/// need it, blob storage, and the apps with their deployment endpoints. The first three stand on one address.
struct AzureOptions {
    std::uint16_t port = 0;  ///< 0: any free one
    std::string tenant = "72f988bf-0000-4000-8000-000000000000";
    std::string subscription = "11111111-2222-4333-8444-555555555555";
    std::vector<AzureApplication> applications{};
    std::vector<AzureManagedIdentity> identities{};
    /// What the App Service form of managed identity wants as X-IDENTITY-HEADER, at `/msi/token`. Empty: it is not
    /// there.
    Secret identity_header{};
    /// Who may manage, by client id. Nothing: everybody whom the cloud knows.
    std::optional<std::vector<std::string>> administrators{};
    std::chrono::seconds token_life{3599};
    std::chrono::seconds max_skew{300};    ///< how far the times in a client's assertion may be from the server's
    std::chrono::seconds clock_offset{0};  ///< how far the server's clock is ahead of the machine's
    /// How long an operation takes: an account, a plan, an app, a deployment.
    std::chrono::milliseconds settle{200};
    /// How long after its making an app cannot tell its keys (pitfall 4).
    std::chrono::milliseconds host_start{200};
    /// How long a custom handler may take until it answers on its port.
    std::chrono::milliseconds start_limit{30'000};
    /// How long a call may take, whatever the app's own limit is.
    std::chrono::milliseconds answer_limit{230'000};
    /// Which header tells where an operation is asked about.
    /// `provisioning_state`: none, the resource itself tells; an app has no such member, and gives a Location.
    enum class Style { async_operation, operation_location, location, provisioning_state };
    Style operations = Style::async_operation;
    std::vector<std::string> unregistered{};     ///< resource providers: "Microsoft.Web"
    std::vector<std::string> taken_names{};      ///< of apps and storage accounts, by somebody else
    std::uint64_t storage_bytes = 512ULL << 20;  ///< of all blobs, in memory
    std::uint32_t max_instances = 100;           ///< of one app, processes of this machine
    /// How long a call waits for an instance that is free before it is answered 503.
    std::chrono::milliseconds queue_time{10'000};
    /// Asked about each request, with its head alone: what it returns is answered instead. For tests of clients. Called
    /// on the server's strand.
    std::function<std::optional<ServerAnswer>(const ServerRequest& head)> fault{};
    /// Asked when an operation comes to its end: what it returns is the operation's error. `resource`: its full id;
    /// of a deployment the app's, followed by "/publish". Called on the server's strand.
    std::function<std::optional<AzureFault>(std::string_view resource)> operation_fault{};
};

}  // namespace blueprint::faas::local

#endif
