#ifndef BLUEPRINT_FAAS_CODEC_AZURE_APP_HPP
#define BLUEPRINT_FAAS_CODEC_AZURE_APP_HPP

#include "blueprint/faas/codec/azure_api.hpp"
#include "blueprint/faas/codec/azure_storage.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/wiped_body.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/secret.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::detail {

using AzureTags = std::map<std::string, std::string, std::less<>>;
/// The settings of an app, which are its environment variables.
using AzureSettings = std::map<std::string, Secret, std::less<>>;

/// What the management API tells of a storage account.
struct AzureAccount {
    std::string id{};
    std::string name{};
    std::string blob_endpoint{};  ///< "https://ACCOUNT.blob.core.windows.net/"; it may have a path
    bool key_access = true;       ///< whether requests that are signed with its keys are taken
    std::string state{};          ///< its provisioningState: "Succeeded"
    AzureTags tags{};
    BLUEPRINT_FAAS_DECL bool is_ours() const;
};

/// What it tells of a plan.
struct AzurePlan {
    std::string id{};
    std::string name{};
    std::string sku{};   ///< "FC1"
    std::string tier{};  ///< "FlexConsumption"; of Linux Consumption "Dynamic"
    std::string state{};
    AzureTags tags{};
    bool is_flex() const { return tier == "FlexConsumption" || sku == "FC1"; }
    bool is_consumption() const { return tier == "Dynamic" || sku == "Y1"; }
    BLUEPRINT_FAAS_DECL bool is_ours() const;
};

/// How a Flex Consumption app runs: its functionAppConfig.
struct AzureAppConfig {
    std::string runtime = "custom";
    std::string runtime_version = "1.0";
    std::uint32_t memory_mib = 512;
    std::uint32_t max_instances = 100;
    std::uint32_t always_ready = 0;  ///< instances of the group "http"
    std::uint32_t concurrency = 0;   ///< calls that an instance takes at a time; 0: Azure's choice
    std::string container_url{};     ///< where the platform keeps what is deployed
    std::string authentication{};    ///< "StorageAccountConnectionString", "SystemAssignedIdentity"
    std::string connection_setting{};
    /// Instances that others keep ready for groups of triggers that are not ours, by the group's name.
    std::map<std::string, std::uint32_t, std::less<>> others_ready{};
    std::string user_identity{};  ///< the resource that `authentication` "UserAssignedIdentity" names
};

/// What the management API tells of an app.
struct AzureSite {
    std::string id{};
    std::string name{};
    std::string kind{};   ///< "functionapp,linux"
    std::string state{};  ///< "Running"
    std::string location{};
    std::string host{};      ///< with a port, if it has one: "my-app.azurewebsites.net"
    std::string scm_host{};  ///< of its deployment endpoint
    std::string plan_id{};
    std::string principal_id{};              ///< of its own identity; empty: it has none
    std::optional<AzureAppConfig> config{};  ///< of Flex Consumption apps alone
    AzureTags tags{};

    bool is_running() const { return state == "Running" || state.empty(); }
    BLUEPRINT_FAAS_DECL bool is_ours() const;
    /// Says why jobs cannot run there: it is no function app, runs on Windows, in a container or another runtime.
    BLUEPRINT_FAAS_DECL std::optional<Error> unfit() const;
};

struct AzureHostKeys {
    Secret function_key{};  ///< for calls: `functionKeys.default`
    Secret master_key{};    ///< for /admin/host/status
};

/// What an app is to be like for all its jobs together.
struct AzureAppWanted {
    std::uint32_t memory_mib = 512;  ///< 512, 2048 or 4096
    std::uint32_t max_instances = 100;
    std::uint32_t always_ready = 0;
    AzureSettings settings{};                      ///< that are to be there, with these values
    std::set<std::string, std::less<>> dropped{};  ///< settings that are to go; all others stay
};

/// The bodies of requests about apps, and what answers about them say. All of it is stateless. Members of answers that
/// are not known pass. `errc::serialization` if an answer is none of the request.
/// Source: Azure REST API reference, App Service "Web Apps", "App Service Plans"; Storage Resource Provider "Storage
/// Accounts"; Authorization "Role Assignments - Create".
class AzureApp {
public:
    /// The setting that names the storage where the platform keeps what is deployed.
    static constexpr std::string_view deployment_setting = "DEPLOYMENT_STORAGE_CONNECTION_STRING";

    /// Those of the options, and that it was made by us.
    BLUEPRINT_FAAS_DECL static AzureTags tags(const AzureApi& api);

    BLUEPRINT_FAAS_DECL static Body group_body(const AzureApi& api);
    BLUEPRINT_FAAS_DECL static Body account_body(const AzureApi& api);
    BLUEPRINT_FAAS_DECL static Body plan_body(const AzureApi& api);
    /// Makes the app, with an identity of its own if it gets at its storage by that.
    BLUEPRINT_FAAS_DECL static WipedBody site_body(const AzureApi& api, const AzureAppConfig& config,
                                                   const AzureSettings& settings);
    /// Changes how the app runs and nothing else.
    BLUEPRINT_FAAS_DECL static Body config_body(const AzureAppConfig& config);
    BLUEPRINT_FAAS_DECL static WipedBody settings_body(const AzureSettings& settings);
    /// Gives the app's identity the role Storage Blob Data Owner.
    BLUEPRINT_FAAS_DECL static Body role_body(const AzureApi& api, std::string_view principal_id);
    /// The name of that role assignment, a GUID: the same for the same account and identity.
    BLUEPRINT_FAAS_DECL static std::string role_name(std::string_view account_id, std::string_view principal_id);

    BLUEPRINT_FAAS_DECL static result<AzureAccount> read_account(const HttpResponse& answer);
    /// Reads the first key that may do everything. The answer is wiped; so it is by those below.
    BLUEPRINT_FAAS_DECL static result<Secret> read_account_key(HttpResponse& answer);
    BLUEPRINT_FAAS_DECL static result<AzurePlan> read_plan(const HttpResponse& answer);
    BLUEPRINT_FAAS_DECL static result<AzureSite> read_site(const HttpResponse& answer);
    BLUEPRINT_FAAS_DECL static result<AzureSettings> read_settings(HttpResponse& answer);
    BLUEPRINT_FAAS_DECL static result<AzureHostKeys> read_host_keys(HttpResponse& answer);
    /// Reads out of a list of containers whether other apps keep packages in the account; also if the list goes on.
    BLUEPRINT_FAAS_DECL static result<bool> read_other_apps(const AzureApi& api, const HttpResponse& answer);
    /// Reads `linuxFxVersion`, which of an app with a custom handler is empty.
    BLUEPRINT_FAAS_DECL static result<std::string> read_linux_version(const HttpResponse& answer);

    /// What a Flex Consumption app is to run like. `container_url`: where the platform keeps what is deployed.
    BLUEPRINT_FAAS_DECL static AzureAppConfig config(const AzureApi& api, const AzureAppWanted& wanted,
                                                     const std::string& container_url);
    /// The settings that an app needs to reach its storage: by the key, if `store` has one, else by its identity.
    BLUEPRINT_FAAS_DECL static AzureSettings storage_settings(const AzureStore& store);
    /// Changes `there` to what is wanted as far as that is ours, and names what differed: "memory", "instances"; empty:
    /// nothing did. Where what is deployed is kept stays as it is.
    BLUEPRINT_FAAS_DECL static std::vector<std::string> change(AzureAppConfig& there, const AzureAppConfig& wanted);
    /// The same for settings; names alone, never values.
    BLUEPRINT_FAAS_DECL static std::vector<std::string> change(AzureSettings& there, const AzureAppWanted& wanted);
    /// Finds out from an app's settings where it keeps its storage; without a key if the app gets there by its
    /// identity, and without an endpoint if the settings tell only the account. Nothing: they do not tell.
    BLUEPRINT_FAAS_DECL static result<std::optional<AzureStore>> store_of(const AzureApi& api,
                                                                          const AzureSettings& settings);
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/azure_app_answers.ipp"
#include "blueprint/faas/codec/impl/azure_app_bodies.ipp"
#endif

#endif
