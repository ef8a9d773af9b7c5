#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AZURE_APP_BODIES_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AZURE_APP_BODIES_IPP

#include "blueprint/faas/codec/azure_app.hpp"
#include "blueprint/faas/codec/impl/azure_reading.hpp"
#include "blueprint/faas/codec/impl/wiped_json.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail {

namespace azure_app {

namespace json = boost::json;

// Storage Blob Data Owner. Source: "Azure built-in roles".
inline constexpr std::string_view blob_owner = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b";

BLUEPRINT_FAAS_COLD inline json::object tags_json(const AzureApi& api) {
    json::object out;
    for (const auto& [name, value] : AzureApp::tags(api)) out.emplace(name, value);
    return out;
}
BLUEPRINT_FAAS_COLD inline Body body_of(const json::object& object) { return Body{json::serialize(object)}; }

BLUEPRINT_FAAS_COLD inline json::object config_json(const AzureAppConfig& config) {
    json::object authentication{{"type", config.authentication}};
    if (!config.connection_setting.empty())
        authentication.emplace("storageAccountConnectionStringName", config.connection_setting);
    if (!config.user_identity.empty()) authentication.emplace("userAssignedIdentityResourceId", config.user_identity);
    json::object storage{{"type", "blobContainer"}, {"value", config.container_url}};
    storage.emplace("authentication", std::move(authentication));
    json::object deployment;
    deployment.emplace("storage", std::move(storage));
    json::array ready;
    if (config.always_ready != 0) ready.push_back({{"name", "http"}, {"instanceCount", config.always_ready}});
    for (const auto& [name, count] : config.others_ready) ready.push_back({{"name", name}, {"instanceCount", count}});
    json::object scale{{"instanceMemoryMB", config.memory_mib}, {"maximumInstanceCount", config.max_instances}};
    scale.emplace("alwaysReady", std::move(ready));
    if (config.concurrency != 0) {
        json::object http{{"perInstanceConcurrency", config.concurrency}};
        json::object triggers;
        triggers.emplace("http", std::move(http));
        scale.emplace("triggers", std::move(triggers));
    }
    json::object out;
    out.emplace("deployment", std::move(deployment));
    out.emplace("runtime", json::object{{"name", config.runtime}, {"version", config.runtime_version}});
    out.emplace("scaleAndConcurrency", std::move(scale));
    return out;
}

}  // namespace azure_app

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL AzureTags AzureApp::tags(const AzureApi& api) {
    AzureTags tags{api.options().tags.begin(), api.options().tags.end()};
    tags.insert_or_assign(std::string{azure_app::tag_name}, std::string{azure_app::tag_value});
    return tags;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Body AzureApp::group_body(const AzureApi& api) {
    using namespace azure_app;
    json::object body{{"location", api.location()}};
    body.emplace("tags", tags_json(api));
    return body_of(body);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Body AzureApp::account_body(const AzureApi& api) {
    using namespace azure_app;
    const bool by_key = api.options().storage_access == AzureStorageAccess::account_key;
    json::object body{{"location", api.location()}, {"kind", "StorageV2"}};
    body.emplace("sku", json::object{{"name", "Standard_LRS"}});
    body.emplace("tags", tags_json(api));
    body.emplace("properties", json::object{{"minimumTlsVersion", "TLS1_2"},
                                            {"allowBlobPublicAccess", false},
                                            {"supportsHttpsTrafficOnly", true},
                                            {"allowSharedKeyAccess", by_key}});
    return body_of(body);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Body AzureApp::plan_body(const AzureApi& api) {
    using namespace azure_app;
    json::object body{{"location", api.location()}, {"kind", "functionapp"}};
    body.emplace("sku", json::object{{"name", "FC1"}, {"tier", "FlexConsumption"}});
    body.emplace("tags", tags_json(api));
    body.emplace("properties", json::object{{"reserved", true}});
    return body_of(body);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL WipedBody AzureApp::site_body(const AzureApi& api, const AzureAppConfig& config,
                                                                      const AzureSettings& settings) {
    using namespace azure_app;
    WipedBody body;
    WipedJson out{body.bytes()};
    out.member("location", api.location());
    out.member("kind", "functionapp,linux");
    out.name("tags");
    out.raw(json::serialize(tags_json(api)));
    if (config.authentication == "SystemAssignedIdentity") {
        auto identity = out.object("identity");
        identity.member("type", "SystemAssigned");
        identity.end();
    }
    auto properties = out.object("properties");
    properties.member("serverFarmId", api.plan_id());
    properties.name("httpsOnly");
    properties.raw("true");
    properties.name("functionAppConfig");
    properties.raw(json::serialize(config_json(config)));
    auto site = properties.object("siteConfig");
    site.name("appSettings");
    site.raw("[");
    bool first = true;
    for (const auto& [name, value] : settings) {
        if (!first) site.raw(",");
        first = false;
        WipedJson one{body.bytes()};
        one.member("name", name);
        one.member("value", value.reveal());
        one.end();
    }
    site.raw("]");
    site.end();
    properties.end();
    out.end();
    return body;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Body AzureApp::config_body(const AzureAppConfig& config) {
    using namespace azure_app;
    json::object properties;
    properties.emplace("functionAppConfig", config_json(config));
    json::object body;
    body.emplace("properties", std::move(properties));
    return body_of(body);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL WipedBody AzureApp::settings_body(const AzureSettings& settings) {
    WipedBody body;
    WipedJson out{body.bytes()};
    auto properties = out.object("properties");
    for (const auto& [name, value] : settings) properties.member(name, value.reveal());
    properties.end();
    out.end();
    return body;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Body AzureApp::role_body(const AzureApi& api, std::string_view principal_id) {
    using namespace azure_app;
    const auto role = "/subscriptions/" + api.options().subscription +
                      "/providers/Microsoft.Authorization/roleDefinitions/" + std::string{blob_owner};
    json::object body;
    body.emplace(
        "properties",
        json::object{{"roleDefinitionId", role}, {"principalId", principal_id}, {"principalType", "ServicePrincipal"}});
    return body_of(body);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string AzureApp::role_name(std::string_view account_id,
                                                                        std::string_view principal_id) {
    using azure_reading::lower;
    auto digest =
        sha256(bytes_of(lower(account_id) + '/' + lower(principal_id) + '/' + std::string{azure_app::blob_owner}));
    // Marked as a name-based one of nobody's scheme. Source: RFC 9562, section 5.8.
    digest[6] = static_cast<std::uint8_t>((digest[6] & 0x0fU) | 0x80U);
    digest[8] = static_cast<std::uint8_t>((digest[8] & 0x3fU) | 0x80U);
    auto text = hex_encode(digest).substr(0, 32);
    for (const std::size_t at : {8U, 13U, 18U, 23U}) text.insert(at, 1, '-');
    return text;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL AzureAppConfig AzureApp::config(const AzureApi& api,
                                                                        const AzureAppWanted& wanted,
                                                                        const std::string& container_url) {
    AzureAppConfig config;
    config.memory_mib = wanted.memory_mib;
    config.max_instances = wanted.max_instances;
    config.always_ready = wanted.always_ready;
    config.concurrency = api.options().instance_concurrency;
    config.container_url = container_url;
    if (api.options().storage_access == AzureStorageAccess::identity) {
        config.authentication = "SystemAssignedIdentity";
    } else {
        config.authentication = "StorageAccountConnectionString";
        config.connection_setting = deployment_setting;
    }
    return config;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL AzureSettings AzureApp::storage_settings(const AzureStore& store) {
    AzureSettings settings;
    if (!store.key.empty()) {
        const auto text = write_connection_string(store);
        settings.emplace("AzureWebJobsStorage", text);
        settings.emplace(std::string{deployment_setting}, text);
        return settings;
    }
    settings.emplace("AzureWebJobsStorage__accountName", Secret{std::string_view{store.account}});
    // The host takes accounts to be where Azure's usual ones are.
    if (store.endpoint != "https://" + store.account + ".blob.core.windows.net/")
        settings.emplace("AzureWebJobsStorage__blobServiceUri", Secret{std::string_view{store.endpoint}});
    return settings;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::vector<std::string> AzureApp::change(AzureAppConfig& there,
                                                                                  const AzureAppConfig& wanted) {
    std::vector<std::string> changed;
    const auto set = [&](std::uint32_t& value, std::uint32_t to, std::string_view name) {
        if (value == to) return;
        value = to;
        changed.emplace_back(name);
    };
    set(there.memory_mib, wanted.memory_mib, "memory");
    set(there.max_instances, wanted.max_instances, "instances");
    set(there.always_ready, wanted.always_ready, "instances kept ready");
    set(there.concurrency, wanted.concurrency, "concurrency");
    return changed;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::vector<std::string> AzureApp::change(AzureSettings& there,
                                                                                  const AzureAppWanted& wanted) {
    std::vector<std::string> changed;
    for (const auto& [name, value] : wanted.settings) {
        const auto found = there.find(name);
        if (found != there.end() && found->second == value) continue;
        there.insert_or_assign(name, value);
        changed.push_back("the setting " + name);
    }
    for (const auto& name : wanted.dropped)
        if (!wanted.settings.contains(name) && there.erase(name) != 0) changed.push_back("the setting " + name);
    return changed;
}

}  // namespace blueprint::faas::detail

#endif
