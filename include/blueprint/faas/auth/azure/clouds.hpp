#ifndef BLUEPRINT_FAAS_AUTH_AZURE_CLOUDS_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_CLOUDS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/error.hpp"

#include <string>
#include <string_view>

namespace blueprint::faas::azure {

/// One of the clouds that Azure is: who gives tokens in it, and where its services are. All text has static lifetime.
/// Source: Microsoft Entra, "National clouds"; Azure, "Compare Azure Government and global Azure", and "Developer
/// guide" of Azure China.
struct Cloud {
    std::string_view name{};         ///< as the Azure CLI calls it: "AzureCloud"
    std::string_view authority{};    ///< who gives tokens: "https://login.microsoftonline.com"
    std::string_view management{};   ///< where resources are managed: "https://management.azure.com"
    std::string_view blob_suffix{};  ///< ends the host names of storage accounts: "blob.core.windows.net"
    std::string_view app_suffix{};   ///< ends the host names of apps: "azurewebsites.net"

    /// Returns what a token for the management API is asked for: "https://management.azure.com/.default".
    std::string management_scope() const { return std::string{management} + "/.default"; }
};

inline constexpr Cloud public_cloud{.name = "AzureCloud",
                                    .authority = "https://login.microsoftonline.com",
                                    .management = "https://management.azure.com",
                                    .blob_suffix = "blob.core.windows.net",
                                    .app_suffix = "azurewebsites.net"};
inline constexpr Cloud us_government_cloud{.name = "AzureUSGovernment",
                                           .authority = "https://login.microsoftonline.us",
                                           .management = "https://management.usgovcloudapi.net",
                                           .blob_suffix = "blob.core.usgovcloudapi.net",
                                           .app_suffix = "azurewebsites.us"};
inline constexpr Cloud china_cloud{.name = "AzureChinaCloud",
                                   .authority = "https://login.chinacloudapi.cn",
                                   .management = "https://management.chinacloudapi.cn",
                                   .blob_suffix = "blob.core.chinacloudapi.cn",
                                   .app_suffix = "chinacloudsites.cn"};

/// What a token for blob storage is asked for, in every cloud.
inline constexpr std::string_view storage_scope = "https://storage.azure.com/.default";

/// Finds out who gives tokens: `given`, else AZURE_AUTHORITY_HOST, else the public cloud's authority. Returns it as
/// "https://host", with a port if it is not the usual one, and no slash at its end; in the variable "https://" may be
/// missing. `errc::invalid_configuration`, which names who says so, if it is no such address: secrets go there, so it
/// must be `https://`, or this machine.
BLUEPRINT_FAAS_DECL result<std::string> resolve_authority(const Environment& environment, std::string_view given = {});

/// Returns the cloud that `resolve_authority`'s answer is of; the public one if it is of none that is known.
BLUEPRINT_FAAS_DECL const Cloud& cloud_of(std::string_view authority) noexcept;

}  // namespace blueprint::faas::azure

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/azure/impl/clouds.ipp"
#endif

#endif
