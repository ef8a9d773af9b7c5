#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_APP_SETTINGS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_APP_SETTINGS_IPP

#include "blueprint/faas/local/azure_sites.hpp"
#include "blueprint/faas/local/impl/azure_plans.ipp"
#include "blueprint/faas/local/random.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace blueprint::faas::local {

// What an app's owner may set, judged as Azure judges it.

/// App settings that Flex Consumption does not take.
/// Source: Azure Functions documentation, "App settings reference", Flex Consumption plan deprecations.
inline constexpr std::array<std::string_view, 8> azure_not_on_flex{
    "FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_EXTENSION_VERSION",
    "WEBSITE_RUN_FROM_PACKAGE", "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "WEBSITE_CONTENTSHARE",     "WEBSITE_NODE_DEFAULT_VERSION",
    "ENABLE_ORYX_BUILD",        "SCM_DO_BUILD_DURING_DEPLOYMENT"};

BLUEPRINT_FAAS_DECL result<void> AzureSites::judge_variable(std::string_view name, bool flex) {
    const bool well_formed = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    });
    if (!well_formed) return azure_web_bad("AppSetting with name(s) '" + std::string{name} + "' is not allowed.");
    const bool refused = flex && std::any_of(azure_not_on_flex.begin(), azure_not_on_flex.end(),
                                             [&](std::string_view one) { return faas::detail::iequals(one, name); });
    if (!refused) return {};
    return azure_web_bad("The following app setting (Site.SiteConfig.AppSettings." + std::string{name} +
                         ") for Flex Consumption sites is invalid.  Please remove or rename it before retrying.");
}

BLUEPRINT_FAAS_DECL result<void> AzureSites::judge_site_config(const boost::json::object& given, bool flex,
                                                               AzureAppSettings& into) {
    AzureReading reading{azure_web_bad};
    constexpr std::string_view path = "properties.siteConfig.";
    if (const auto* const list = reading.list(given, "appSettings", path)) {
        std::map<std::string, Secret, std::less<>> variables;
        for (const auto& item : *list) {
            if (!item.is_object()) return azure_web_bad("An app setting is an object with name and value.");
            const auto name = reading.text(item.get_object(), "name", "appSettings.").value_or("");
            auto value = reading.text(item.get_object(), "value", "appSettings.").value_or("");
            if (reading.failure()) return *reading.failure();
            if (const auto fine = judge_variable(name, flex); !fine) return fine.error();
            variables.insert_or_assign(name, Secret{std::move(value)});
        }
        into.variables = std::move(variables);
    }
    const auto linux_version = reading.text(given, "linuxFxVersion", path);
    const auto always_on = reading.flag(given, "alwaysOn", path);
    if (reading.failure()) return *reading.failure();
    if (flex && linux_version && !linux_version->empty())
        return azure_web_bad(
            "Site.SiteConfig.LinuxFxVersion is invalid.  The runtime of Flex Consumption sites is set "
            "in FunctionAppConfig.");
    if (flex && always_on && *always_on)
        return azure_web_bad("Site.SiteConfig.AlwaysOn is invalid.  It is not available for Flex Consumption sites.");
    if (linux_version) into.site_config["linuxFxVersion"] = *linux_version;
    if (always_on) into.site_config["alwaysOn"] = *always_on;
    for (const auto* const name : {"http20Enabled", "webSocketsEnabled", "use32BitWorkerProcess"})
        if (const auto flag = reading.flag(given, name, path)) into.site_config[name] = *flag;
    for (const auto* const name : {"minTlsVersion", "scmMinTlsVersion", "ftpsState", "healthCheckPath"})
        if (const auto text = reading.text(given, name, path)) into.site_config[name] = *text;
    for (const auto* const name : {"numberOfWorkers", "functionAppScaleLimit", "minimumElasticInstanceCount"})
        if (const auto number = reading.number(given, name, path)) into.site_config[name] = *number;
    if (const auto* const cors = reading.object(given, "cors", path)) into.site_config["cors"] = *cors;
    if (reading.failure()) return *reading.failure();
    return {};
}

/// Source: App Service REST API, "Web Apps - Create Or Update", FunctionsDeploymentStorage.
BLUEPRINT_FAAS_DECL result<void> AzureSites::judge_storage(AzureReading& reading, const boost::json::object& config,
                                                           const AzureAppSettings& into) const {
    constexpr std::string_view path = "functionAppConfig.deployment.storage.";
    const auto wrong = [](std::string_view member, std::string_view why) {
        return azure_web_bad("Site.FunctionAppConfig.Deployment.Storage." + std::string{member} + " is invalid.  " +
                             std::string{why});
    };
    const auto* const deployment = reading.object(config, "deployment", "functionAppConfig.");
    const auto* const storage =
        deployment == nullptr ? nullptr : reading.object(*deployment, "storage", "functionAppConfig.deployment.");
    if (reading.failure()) return *reading.failure();
    if (storage == nullptr) return azure_web_bad("Site.FunctionAppConfig.Deployment.Storage is required.");
    const auto type = reading.text(*storage, "type", path).value_or("");
    const auto value = reading.text(*storage, "value", path).value_or("");
    const auto* const access = reading.object(*storage, "authentication", path);
    if (reading.failure()) return *reading.failure();
    if (!faas::detail::iequals(type, "blobContainer")) return wrong("Type", "It must be blobContainer.");
    const auto container = read_request_target(value, shared_.url + std::string{AzureBlobs::root});
    if (!value.starts_with(shared_.url + std::string{AzureBlobs::root}) || container.segments.size() < 2 ||
        container.segments[1].empty())
        return wrong("Value", "It must be the URL of a blob container.");
    if (access == nullptr) return wrong("Authentication", "It is required.");
    const auto way = reading.text(*access, "type", path).value_or("");
    const auto variable = reading.text(*access, "storageAccountConnectionStringName", path).value_or("");
    const auto identity = reading.text(*access, "userAssignedIdentityResourceId", path).value_or("");
    if (reading.failure()) return *reading.failure();
    if (way == "StorageAccountConnectionString") {
        if (variable.empty()) return wrong("Authentication.StorageAccountConnectionStringName", "It is required.");
        if (!into.variables.contains(variable))
            return wrong("Authentication.StorageAccountConnectionStringName",
                         "There is no app setting '" + variable + "'.");
        return {};
    }
    if (way == "SystemAssignedIdentity") {
        if (into.principal.empty()) return wrong("Authentication.Type", "The site has no system-assigned identity.");
        return {};
    }
    if (way != "UserAssignedIdentity")
        return wrong("Authentication.Type",
                     "It must be StorageAccountConnectionString, SystemAssignedIdentity or UserAssignedIdentity.");
    if (identity.empty() || !into.user_identities.contains(identity))
        return wrong("Authentication.UserAssignedIdentityResourceId", "It must be one of the site's identities.");
    return {};
}

/// Source: App Service REST API, "Web Apps - Create Or Update", FunctionAppConfig; Azure Functions documentation,
/// "Azure Functions Flex Consumption plan hosting", Instance sizes, Per-function scaling.
BLUEPRINT_FAAS_DECL result<void> AzureSites::judge_function_app_config(AzureAppSettings& into) const {
    auto& config = into.function_app_config;
    AzureReading reading{azure_web_bad};
    if (const auto fine = judge_storage(reading, config, into); !fine) return fine.error();
    const auto* const runtime = reading.object(config, "runtime", "functionAppConfig.");
    if (runtime == nullptr) return azure_web_bad("Site.FunctionAppConfig.Runtime is required.");
    const auto name = reading.text(*runtime, "name", "functionAppConfig.runtime.").value_or("");
    const auto version = reading.text(*runtime, "version", "functionAppConfig.runtime.").value_or("");
    if (reading.failure()) return *reading.failure();
    static constexpr std::array<std::string_view, 5> others{"dotnet-isolated", "node", "java", "powershell", "python"};
    if (std::find(others.begin(), others.end(), name) != others.end())
        return azure_web_bad(
            "Site.FunctionAppConfig.Runtime.Name is invalid.  The local cloud runs custom handlers, "
            "and nothing of '" +
            name + "'.");
    if (name != "custom")
        return azure_web_bad("Site.FunctionAppConfig.Runtime.Name is invalid.  There is no '" + name + "'.");
    if (version != "1.0")
        return azure_web_bad("Site.FunctionAppConfig.Runtime.Version is invalid.  Of custom there is the version 1.0.");
    constexpr std::string_view path = "functionAppConfig.scaleAndConcurrency.";
    static const boost::json::object nothing;
    const auto* const given = reading.object(config, "scaleAndConcurrency", "functionAppConfig.");
    boost::json::object scale = given == nullptr ? nothing : *given;
    const auto memory = reading.number(scale, "instanceMemoryMB", path).value_or(2048);
    const auto most = reading.number(scale, "maximumInstanceCount", path).value_or(100);
    if (reading.failure()) return *reading.failure();
    if (memory != 512 && memory != 2048 && memory != 4096)
        return azure_web_bad(
            "Site.FunctionAppConfig.ScaleAndConcurrency.InstanceMemoryMB is invalid.  It must be one "
            "of 512, 2048, 4096.");
    if (most < 40 || most > 1000)
        return azure_web_bad(
            "Site.FunctionAppConfig.ScaleAndConcurrency.MaximumInstanceCount is invalid.  It must be "
            "between 40 and 1000.");
    if (const auto* const ready = reading.list(scale, "alwaysReady", path))
        for (const auto& item : *ready) {
            if (!item.is_object())
                return azure_web_bad("Site.FunctionAppConfig.ScaleAndConcurrency.AlwaysReady is invalid.");
            const auto group = reading.text(item.get_object(), "name", path).value_or("");
            const auto count = reading.number(item.get_object(), "instanceCount", path).value_or(0);
            if (reading.failure()) return *reading.failure();
            const bool known =
                group == "http" || group == "durable" || group == "blob" || group.starts_with("function:");
            if (!known || count < 0 || count > most)
                return azure_web_bad(
                    "Site.FunctionAppConfig.ScaleAndConcurrency.AlwaysReady is invalid.  It names http, "
                    "durable, blob or function:NAME, and as many instances as there may be at most.");
        }
    if (const auto* const triggers = reading.object(scale, "triggers", path))
        if (const auto* const http = reading.object(*triggers, "http", path)) {
            const auto each = reading.number(*http, "perInstanceConcurrency", path);
            if (each && (*each < 1 || *each > 1000))
                return azure_web_bad(
                    "Site.FunctionAppConfig.ScaleAndConcurrency.Triggers.Http.PerInstanceConcurrency "
                    "is invalid.  It must be between 1 and 1000.");
        }
    if (reading.failure()) return *reading.failure();
    scale["instanceMemoryMB"] = memory;
    scale["maximumInstanceCount"] = most;
    for (const auto* const member : {"alwaysReady", "triggers"})
        if (!scale.contains(member)) scale[member] = nullptr;
    config["scaleAndConcurrency"] = std::move(scale);
    return {};
}

BLUEPRINT_FAAS_DECL result<void> AzureSites::judge(const boost::json::object& body, const AzureTarget& target,
                                                   AzureAppSettings& into) const {
    AzureReading reading{azure_web_bad};
    if (const auto kind = reading.text(body, "kind", "")) into.kind = *kind;
    if (const auto location = reading.text(body, "location", "")) into.location = *location;
    if (const auto* const tags = reading.object(body, "tags", "")) into.tags = *tags;
    if (const auto* const identity = reading.object(body, "identity", "")) {
        into.identity = reading.text(*identity, "type", "identity.").value_or("None");
        const auto* const users = reading.object(*identity, "userAssignedIdentities", "identity.");
        into.user_identities = users == nullptr ? boost::json::object{} : *users;
        static constexpr std::array<std::string_view, 4> types{"SystemAssigned", "UserAssigned", "None",
                                                               "SystemAssigned, UserAssigned"};
        if (std::find(types.begin(), types.end(), into.identity) == types.end())
            reading.wrong("The identity type '" + into.identity + "' is not valid.");
        if (into.identity.find("SystemAssigned") == std::string::npos)
            into.principal.clear();
        else if (into.principal.empty())
            into.principal = random_uuid();
    }
    static const boost::json::object nothing;
    const auto* const given = reading.object(body, "properties", "");
    const auto& properties = given == nullptr ? nothing : *given;
    if (const auto secure = reading.flag(properties, "httpsOnly", "properties.")) into.https_only = *secure;
    if (const auto farm = reading.text(properties, "serverFarmId", "properties.")) {
        const auto named = read_azure_target(farm->starts_with('/') ? *farm : std::string{});
        const bool whole = named.path.size() == 2 && named.is(0, "serverfarms");
        if (farm->starts_with('/') && !whole) reading.wrong("The parameter ServerFarmId has an invalid value.");
        into.plan = whole ? azure_plan_key(named.group, named.path[1]) : azure_plan_key(target.group, *farm);
        if (!reading.failure() && plan_of(into) == nullptr)
            return azure_web_refusal(404, "NotFound",
                                     "Cannot find server farm with name " + (whole ? named.path[1] : *farm) + '.');
    }
    if (reading.failure()) return *reading.failure();
    const auto* const plan = plan_of(into);
    if (plan == nullptr) return azure_web_bad("The parameter properties.serverFarmId is missing: a site has a plan.");
    if (plan->state != "Succeeded")
        return azure_web_refusal(409, "Conflict", "The server farm '" + plan->name + "' is not ready yet.");
    if (azure_region(plan->location) != azure_region(into.location))
        return azure_web_bad("The site is in another region than its plan, which is in " + plan->location + '.');
    const bool flex = plan->flex();
    if (!azure_lower(into.kind).starts_with("functionapp"))
        return azure_web_bad("The local cloud has function apps alone, whose kind is functionapp,linux.");
    if (flex && reading.number(properties, "containerSize", "properties."))
        return azure_web_bad(
            "Site.ContainerSize is invalid.  The memory of Flex Consumption sites is set in "
            "FunctionAppConfig.");
    if (const auto* const site = reading.object(properties, "siteConfig", "properties."))
        if (const auto fine = judge_site_config(*site, flex, into); !fine) return fine.error();
    // Older versions of the API do not know the member.
    const auto* const config =
        target.version < "2023-12-01" ? nullptr : reading.object(properties, "functionAppConfig", "properties.");
    if (reading.failure()) return *reading.failure();
    if (config != nullptr && !flex)
        return azure_web_bad(
            "Site.FunctionAppConfig is invalid.  The FunctionAppConfig section is only valid for Flex "
            "Consumption sites.");
    if (!flex) return {};
    if (config != nullptr) {
        for (const auto* const member : {"deployment", "runtime", "scaleAndConcurrency"})
            if (const auto* const part = config->if_contains(member); part != nullptr && !part->is_null())
                into.function_app_config[member] = *part;
    } else if (into.function_app_config.empty()) {
        return azure_web_bad(
            "Site.FunctionAppConfig is invalid.  The FunctionAppConfig section was not specified in "
            "the request, which is required for Flex Consumption sites.  To proceed, please add the "
            "FunctionAppConfig section in your request.");
    }
    return judge_function_app_config(into);
}

}  // namespace blueprint::faas::local

#endif
