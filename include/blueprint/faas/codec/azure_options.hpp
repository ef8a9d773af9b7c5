#ifndef BLUEPRINT_FAAS_CODEC_AZURE_OPTIONS_HPP
#define BLUEPRINT_FAAS_CODEC_AZURE_OPTIONS_HPP

#include "blueprint/faas/secret.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace blueprint::faas {

/// How an executor gets at the packages that it keeps in the app's storage account.
enum class AzureStorageAccess {
    account_key,  ///< by short-lived signatures, made with a key that Azure's management API gives
    identity,     ///< by tokens: the role Storage Blob Data Contributor is needed, for the app and for who deploys
};

/// How jobs become functions of one Azure function app: all of them run in it, and one package holds them all.
struct AzureFunctionsOptions {
    std::string subscription{};        ///< its id: "00000000-0000-0000-0000-000000000000"
    std::string resource_group{};      ///< made if it is not there
    std::string location{};            ///< "westeurope"
    std::string prefix = "blueprint";  ///< begins the names that are derived below

    /// The app's name, which is a host name and hence unique in all of Azure. Empty: `{prefix}-` and 13 characters
    /// that stand for subscription, resource group and prefix, so that it stays the same and meets nobody else's.
    std::string app{};
    std::string plan{};             ///< empty: `{app}-plan`
    std::string storage_account{};  ///< empty: the app's own one, or one that is made, with a derived name
    /// Whether what is missing is made. Otherwise the app must be there: a Flex Consumption app, or one of an older
    /// plan that takes zip deployment.
    bool create = true;
    AzureStorageAccess storage_access = AzureStorageAccess::account_key;
    std::map<std::string, std::string> tags{};  ///< of what is made; those that others set stay

    /// Where calls go, and with which key, for an app that is known: no management API is asked then.
    std::string app_url{};  ///< "https://my-app.azurewebsites.net"
    Secret function_key{};  ///< a host key, or one of the function `run`

    /// Calls that one instance takes at a time. More than 1 wants jobs that may run on several threads at once.
    std::uint32_t instance_concurrency = 1;
    /// Instances at most, where `FaasConfig::max_concurrency` does not say how many calls there may be at a time. Azure
    /// takes 40 to 1000.
    std::uint32_t max_instances = 100;

    std::string endpoint{};                       ///< of the management API; empty: `https://management.azure.com`
    std::size_t max_body_bytes = 100U << 20;      ///< of a call and of its answer; Azure takes no more
    std::chrono::milliseconds first_poll{1'000};  ///< between looks at what goes on; grows by a half
    std::chrono::milliseconds max_poll{15'000};
    std::chrono::milliseconds start_patience{300'000};  ///< that a deployed app has to answer
    std::chrono::milliseconds warm_hold{75};  ///< a warming call stays this long, so that the next one starts another
};

}  // namespace blueprint::faas

#endif
