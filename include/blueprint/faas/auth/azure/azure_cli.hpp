#ifndef BLUEPRINT_FAAS_AUTH_AZURE_AZURE_CLI_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_AZURE_CLI_HPP

#include "blueprint/faas/auth/azure/credential.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::azure::credentials {

/// Whose token the Azure CLI gives. It takes a tenant or a subscription, and not both; without either it is the
/// subscription that is chosen in it (`az account set`).
struct AzureCliOptions {
    std::string tenant{};
    std::string subscription{};                 ///< its id or name
    std::string program{"az"};                  ///< as a shell finds it
    std::chrono::milliseconds timeout{30'000};  ///< of one run; it takes two seconds to start
};

/// Whoever is signed in to the Azure CLI (`az login`). Each token is a run of `az account get-access-token`, in the
/// directory /bin; no shell sees its arguments, and each is checked before.
///
/// It is run when a token is wanted. If it is not installed then, if nobody is signed in, or if it gives no token for
/// another reason, the credential says `errc::not_found` and which, and the chain goes on. Claims that Azure demands
/// cannot be handed on: then one must sign in again. Source: Azure CLI reference, "az account get-access-token".
class AzureCli {
public:
    static constexpr std::string_view name = "AzureCliCredential";

    explicit AzureCli(AzureCliOptions options = {}) : options_{std::move(options)} {}
    BLUEPRINT_FAAS_DECL asio::awaitable<result<CredentialSearch>> find(const Reach& reach, Deadline deadline) const;

private:
    AzureCliOptions options_;
};
static_assert(CredentialSource<AzureCli>);

}  // namespace blueprint::faas::azure::credentials

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/azure/impl/azure_cli.ipp"
#endif

#endif
