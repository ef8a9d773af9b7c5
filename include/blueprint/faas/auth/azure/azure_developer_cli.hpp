#ifndef BLUEPRINT_FAAS_AUTH_AZURE_AZURE_DEVELOPER_CLI_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_AZURE_DEVELOPER_CLI_HPP

#include "blueprint/faas/auth/azure/credential.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::azure::credentials {

/// Whose token the Azure Developer CLI gives; without a tenant it is that of whoever is signed in.
struct AzureDeveloperCliOptions {
    std::string tenant{};
    std::string program{"azd"};                 ///< as a shell finds it
    std::chrono::milliseconds timeout{30'000};  ///< of one run
};

/// Whoever is signed in to the Azure Developer CLI (`azd auth login`). Each token is a run of `azd auth token`, as with
/// `AzureCli`, and the chain goes on in the same cases.
/// Source: Azure Developer CLI reference, "azd auth token".
class AzureDeveloperCli {
public:
    static constexpr std::string_view name = "AzureDeveloperCliCredential";

    explicit AzureDeveloperCli(AzureDeveloperCliOptions options = {}) : options_{std::move(options)} {}
    BLUEPRINT_FAAS_DECL asio::awaitable<result<CredentialSearch>> find(const Reach& reach, Deadline deadline) const;

private:
    AzureDeveloperCliOptions options_;
};
static_assert(CredentialSource<AzureDeveloperCli>);

}  // namespace blueprint::faas::azure::credentials

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/azure/impl/azure_developer_cli.ipp"
#endif

#endif
