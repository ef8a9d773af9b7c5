#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AZURE_APP_ANSWERS_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AZURE_APP_ANSWERS_IPP

#include "blueprint/faas/codec/azure_app.hpp"
#include "blueprint/faas/codec/impl/azure_reading.hpp"
#include "blueprint/faas/detail/wiped_json.hpp"

#include <boost/json/parse.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail {

namespace azure_app {

using azure_reading::array_member;
using azure_reading::for_people;
using azure_reading::number_member;
using azure_reading::object_member;
using azure_reading::parse_object;
using azure_reading::refused;
using azure_reading::text_member;
using azure_reading::unreadable;
namespace json = boost::json;

inline constexpr std::string_view tag_name = "managed-by";
inline constexpr std::string_view tag_value = "blueprint-faas";

BLUEPRINT_FAAS_COLD inline bool is_ours(const AzureTags& tags) {
    const auto found = tags.find(tag_name);
    return found != tags.end() && found->second == tag_value;
}

BLUEPRINT_FAAS_COLD inline AzureTags tags_of(const json::object& resource) {
    AzureTags tags;
    if (const auto* told = object_member(resource, "tags"))
        for (const auto& [name, value] : *told)
            if (const auto* text = value.if_string()) tags.emplace(std::string{name}, std::string{*text});
    return tags;
}

BLUEPRINT_FAAS_COLD inline AzureAppConfig config_of(const json::object& told) {
    AzureAppConfig config;
    config.runtime.clear();
    config.runtime_version.clear();
    if (const auto* runtime = object_member(told, "runtime")) {
        config.runtime = text_member(*runtime, "name");
        config.runtime_version = text_member(*runtime, "version");
    }
    if (const auto* scale = object_member(told, "scaleAndConcurrency")) {
        config.memory_mib = number_member<std::uint32_t>(*scale, "instanceMemoryMB").value_or(0);
        config.max_instances = number_member<std::uint32_t>(*scale, "maximumInstanceCount").value_or(0);
        for (const auto& one : array_member(*scale, "alwaysReady")) {
            if (!one.is_object()) continue;
            const auto name = text_member(one.get_object(), "name");
            const auto count = number_member<std::uint32_t>(one.get_object(), "instanceCount").value_or(0);
            if (name == "http")
                config.always_ready = count;
            else
                config.others_ready.emplace(name, count);
        }
        if (const auto* triggers = object_member(*scale, "triggers"))
            if (const auto* http = object_member(*triggers, "http"))
                config.concurrency = number_member<std::uint32_t>(*http, "perInstanceConcurrency").value_or(0);
    }
    const auto* deployment = object_member(told, "deployment");
    const auto* storage = deployment != nullptr ? object_member(*deployment, "storage") : nullptr;
    if (storage == nullptr) return config;
    config.container_url = text_member(*storage, "value");
    if (const auto* authentication = object_member(*storage, "authentication")) {
        config.authentication = text_member(*authentication, "type");
        config.connection_setting = text_member(*authentication, "storageAccountConnectionStringName");
        config.user_identity = text_member(*authentication, "userAssignedIdentityResourceId");
    }
    return config;
}

// Reads what holds secrets: parsed into memory that is wiped, out of a text that is wiped too.
template <class T, class Read>
BLUEPRINT_FAAS_COLD result<T> read_wiped(HttpResponse& answer, std::string_view what, Read read) {
    WipedMemory memory{answer.body.size()};
    boost::system::error_code failed;
    const json::value document = json::parse(answer.body, failed, memory.storage());
    wipe(answer.body);
    const auto* object = !failed ? document.if_object() : nullptr;
    std::optional<T> out;
    if (object != nullptr) out = read(*object);
    if (!out) return unreadable(answer, what);
    return std::move(*out);
}

}  // namespace azure_app

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool AzureAccount::is_ours() const { return azure_app::is_ours(tags); }
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool AzurePlan::is_ours() const { return azure_app::is_ours(tags); }
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool AzureSite::is_ours() const { return azure_app::is_ours(tags); }

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<Error> AzureSite::unfit() const {
    const auto wrong = [&](std::string_view why) {
        return azure_app::refused("the app " + name + " is there and cannot run jobs: " + std::string{why} +
                                  "; name another one in AzureFunctionsOptions::app");
    };
    const auto what = azure_reading::lower(kind);
    const auto has = [&](std::string_view part) { return what.find(part) != std::string::npos; };
    if (!has("functionapp")) return wrong("it is no function app");
    if (!has("linux")) return wrong("it runs on Windows");
    if (has("container") || has("kubernetes") || has("workflow"))
        return wrong("its kind '" + azure_app::for_people(kind) + "' takes no package of ours");
    if (config && config->runtime != "custom")
        return wrong("its runtime is '" + azure_app::for_people(config->runtime) + "', not custom");
    return std::nullopt;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<AzureAccount> AzureApp::read_account(const HttpResponse& answer) {
    using namespace azure_app;
    const auto body = parse_object(answer.body);
    const auto* const properties = body ? object_member(*body, "properties") : nullptr;
    const auto* const endpoints = properties != nullptr ? object_member(*properties, "primaryEndpoints") : nullptr;
    AzureAccount account;
    if (endpoints != nullptr) account.blob_endpoint = text_member(*endpoints, "blob");
    if (account.blob_endpoint.empty()) return unreadable(answer, "a storage account has no endpoint for blobs");
    account.id = text_member(*body, "id");
    account.name = text_member(*body, "name");
    const auto* const access = properties->if_contains("allowSharedKeyAccess");
    account.key_access = access == nullptr || !access->is_bool() || access->get_bool();
    account.state = text_member(*properties, "provisioningState");
    account.tags = tags_of(*body);
    return account;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Secret> AzureApp::read_account_key(HttpResponse& answer) {
    using namespace azure_app;
    return read_wiped<Secret>(answer, "a storage account has no key", [](const json::object& body) {
        std::optional<Secret> key;
        for (const auto& one : array_member(body, "keys")) {
            if (key || !one.is_object()) continue;
            const auto& told = one.get_object();
            const auto value = text_member(told, "value");
            if (!value.empty() && iequals(text_member(told, "permissions"), "FULL")) key = Secret{value};
        }
        return key;
    });
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<AzurePlan> AzureApp::read_plan(const HttpResponse& answer) {
    using namespace azure_app;
    const auto body = parse_object(answer.body);
    const auto* const sku = body ? object_member(*body, "sku") : nullptr;
    if (sku == nullptr) return unreadable(answer, "a plan has no SKU");
    AzurePlan plan;
    plan.id = text_member(*body, "id");
    plan.name = text_member(*body, "name");
    plan.sku = text_member(*sku, "name");
    plan.tier = text_member(*sku, "tier");
    if (const auto* const properties = object_member(*body, "properties"))
        plan.state = text_member(*properties, "provisioningState");
    plan.tags = tags_of(*body);
    return plan;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<AzureSite> AzureApp::read_site(const HttpResponse& answer) {
    using namespace azure_app;
    const auto body = parse_object(answer.body);
    const auto* const properties = body ? object_member(*body, "properties") : nullptr;
    if (properties == nullptr) return unreadable(answer, "an app has no properties");
    AzureSite site;
    site.id = text_member(*body, "id");
    site.name = text_member(*body, "name");
    site.kind = text_member(*body, "kind");
    site.location = text_member(*body, "location");
    site.state = text_member(*properties, "state");
    site.host = text_member(*properties, "defaultHostName");
    site.plan_id = text_member(*properties, "serverFarmId");
    if (const auto* const identity = object_member(*body, "identity"))
        site.principal_id = text_member(*identity, "principalId");
    for (const auto& one : array_member(*properties, "hostNameSslStates"))
        if (one.is_object() && text_member(one.get_object(), "hostType") == "Repository")
            site.scm_host = text_member(one.get_object(), "name");
    if (const auto* const config = object_member(*properties, "functionAppConfig")) site.config = config_of(*config);
    site.tags = tags_of(*body);
    // Both are where tokens and keys go, so what is kept is a host and a port alone.
    for (auto* host : {&site.host, &site.scm_host}) {
        static constexpr std::size_t scheme = std::string_view{"https://"}.size();
        if (host->empty()) continue;
        const auto url = parse_url("https://" + *host);
        if (!url || url->target != "/") return unreadable(answer, "an app's host name is none");
        *host = to_string(url->origin).substr(scheme);
    }
    return site;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<AzureSettings> AzureApp::read_settings(HttpResponse& answer) {
    using namespace azure_app;
    return read_wiped<AzureSettings>(answer, "an app's settings are none", [](const json::object& body) {
        std::optional<AzureSettings> settings;
        const auto* const told = object_member(body, "properties");
        if (told == nullptr) return settings;
        settings.emplace();
        for (const auto& [name, value] : *told) {
            if (value.is_null()) continue;
            const auto* text = value.if_string();
            if (text == nullptr)
                return std::optional<AzureSettings>{};  // they are written as a whole: none may be lost
            settings->emplace(std::string{name}, Secret{std::string_view{*text}});
        }
        return settings;
    });
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<AzureHostKeys> AzureApp::read_host_keys(HttpResponse& answer) {
    using namespace azure_app;
    return read_wiped<AzureHostKeys>(answer, "an app's host has no keys", [](const json::object& body) {
        std::optional<AzureHostKeys> keys;
        AzureHostKeys told;
        told.master_key = Secret{text_member(body, "masterKey")};
        if (const auto* const functions = object_member(body, "functionKeys")) {
            told.function_key = Secret{text_member(*functions, "default")};
            // Somebody may have replaced the key of that name by others.
            for (const auto& [name, value] : *functions)
                if (const auto* text = value.if_string(); text != nullptr && told.function_key.empty())
                    told.function_key = Secret{std::string_view{*text}};
        }
        if (!told.function_key.empty()) keys = std::move(told);
        return keys;
    });
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<bool> AzureApp::read_other_apps(const AzureApi& api,
                                                                               const HttpResponse& answer) {
    using namespace azure_app;
    static constexpr std::string_view lead = "packages-";
    const auto body = parse_object(answer.body);
    if (!body || !body->contains("value")) return unreadable(answer, "a list of containers has no value");
    bool others = !text_member(*body, "nextLink").empty();
    for (const auto& one : array_member(*body, "value")) {
        if (!one.is_object()) continue;
        const auto name = text_member(one.get_object(), "name");
        others = others || (name.starts_with(lead) && name != api.packages_container());
    }
    return others;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::string> AzureApp::read_linux_version(const HttpResponse& answer) {
    using namespace azure_app;
    const auto body = parse_object(answer.body);
    const auto* const properties = body ? object_member(*body, "properties") : nullptr;
    if (properties == nullptr) return unreadable(answer, "an app's configuration has no properties");
    return std::string{text_member(*properties, "linuxFxVersion")};
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::optional<AzureStore>> AzureApp::store_of(
    const AzureApi& api, const AzureSettings& settings) {
    const auto value = [&](std::string_view name) {
        const auto found = settings.find(name);
        return found == settings.end() ? std::string_view{} : found->second.reveal();
    };
    AzureStore store;
    const auto text = value("AzureWebJobsStorage");
    // "@Microsoft.KeyVault(...)" tells nothing here; who reads it has rights of its own.
    if (!text.empty() && !text.starts_with('@')) {
        auto read = read_connection_string(Secret{text});
        if (!read) {
            Error error = std::move(read).error();
            error.message = "the setting AzureWebJobsStorage of the app " + api.app() + ": " + error.message;
            return error;
        }
        store = std::move(*read);
    } else {
        store.account = value("AzureWebJobsStorage__accountName");
        store.endpoint = value("AzureWebJobsStorage__blobServiceUri");
        if (store.account.empty() && !store.endpoint.empty()) {
            const auto url = parse_url(store.endpoint);
            if (url) store.account = url->origin.host.substr(0, url->origin.host.find('.'));
        }
        if (store.account.empty()) return std::optional<AzureStore>{};
    }
    store.container = api.packages_container();
    return std::optional<AzureStore>{std::move(store)};
}

}  // namespace blueprint::faas::detail

#endif
