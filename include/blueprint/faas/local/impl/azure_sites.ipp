#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_SITES_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_SITES_IPP

#include "blueprint/faas/local/azure_sites.hpp"
#include "blueprint/faas/local/impl/azure_plans.ipp"

#include <algorithm>
#include <array>
#include <utility>

namespace blueprint::faas::local {

// Apps: their making and end, and how they are shown.

/// The host and port of a URL: "127.0.0.1:4711".
inline std::string azure_authority(std::string_view url) {
    const auto begin = url.find("://");
    return std::string{begin == std::string_view::npos ? url : url.substr(begin + 3)};
}

BLUEPRINT_FAAS_DECL std::string AzureSites::id_of(const AzureApp& app) const {
    return shared_.providers_of(app.group) + "Microsoft.Web/sites/" + app.name;
}

BLUEPRINT_FAAS_DECL AzureSites::Found AzureSites::find(std::string_view name, std::string_view group) const {
    const auto found = apps_.find(azure_lower(name));
    if (found == apps_.end() || !faas::detail::iequals(found->second->group, group)) return nullptr;
    return found->second;
}

/// Source: App Service REST API, "Web Apps - Get", Site.
BLUEPRINT_FAAS_DECL boost::json::object AzureSites::show(const AzureApp& app) const {
    const auto& settings = app.settings;
    const auto* const plan = plan_of(settings);
    const auto front = azure_authority(app.host->url());
    const auto scm = azure_authority(app.scm->url());
    const boost::json::object site_config{
        {"numberOfWorkers", 1},
        {"linuxFxVersion", settings.site_config.contains("linuxFxVersion") ? settings.site_config.at("linuxFxVersion")
                                                                           : boost::json::value("")},
        {"alwaysOn", false},
        {"http20Enabled", false}};
    boost::json::object properties{{"state", app.stopped ? "Stopped" : "Running"},
                                   {"hostNames", boost::json::array{front}},
                                   {"repositorySiteName", app.name},
                                   {"usageState", "Normal"},
                                   {"enabled", true},
                                   {"enabledHostNames", boost::json::array{front, scm}},
                                   {"availabilityState", "Normal"},
                                   {"reserved", true},
                                   {"isXenon", false},
                                   {"hyperV", false},
                                   {"lastModifiedTimeUtc", app.modified},
                                   {"clientAffinityEnabled", false},
                                   {"clientCertEnabled", false},
                                   {"clientCertMode", "Required"},
                                   {"hostNamesDisabled", false},
                                   {"resourceGroup", app.group},
                                   {"defaultHostName", front},
                                   {"httpsOnly", settings.https_only},
                                   {"redundancyMode", "None"},
                                   {"scmSiteAlsoStopped", false},
                                   {"storageAccountRequired", false},
                                   {"keyVaultReferenceIdentity", "SystemAssigned"}};
    properties["hostNameSslStates"] =
        boost::json::array{boost::json::object{{"name", front}, {"sslState", "Disabled"}, {"hostType", "Standard"}},
                           boost::json::object{{"name", scm}, {"sslState", "Disabled"}, {"hostType", "Repository"}}};
    properties["siteConfig"] = site_config;
    if (plan != nullptr) {
        properties["serverFarmId"] = shared_.providers_of(plan->group) + "Microsoft.Web/serverfarms/" + plan->name;
        properties["sku"] = plan->tier;
    }
    if (!settings.function_app_config.empty()) properties["functionAppConfig"] = settings.function_app_config;
    boost::json::object shown{{"id", id_of(app)},
                              {"name", app.name},
                              {"type", "Microsoft.Web/sites"},
                              {"kind", settings.kind},
                              {"location", settings.location},
                              {"tags", settings.tags}};
    shown["properties"] = std::move(properties);
    if (!settings.identity.empty() && settings.identity != "None") {
        boost::json::object identity{{"type", settings.identity}};
        if (!settings.principal.empty()) {
            identity["tenantId"] = shared_.options.tenant;
            identity["principalId"] = settings.principal;
        }
        if (!settings.user_identities.empty()) identity["userAssignedIdentities"] = settings.user_identities;
        shown["identity"] = std::move(identity);
    }
    return shown;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureSites::show_at(const AzureTarget& target) const {
    const auto name = target.path.size() > 1 ? target.path[1] : std::string{};
    if (target.is(0, "serverfarms")) {
        const auto found = plans_.find(azure_plan_key(target.group, name));
        if (found == plans_.end()) return azure_no_resource("Microsoft.Web/serverfarms/" + name, target.group);
        return azure_json(show(found->second));
    }
    const auto app = find(name, target.group);
    if (!app) return azure_no_resource("Microsoft.Web/sites/" + name, target.group);
    return azure_json(show(*app));
}

BLUEPRINT_FAAS_DECL void AzureSites::list_resources(std::string_view group, boost::json::array& listed) const {
    const auto add = [&](boost::json::object shown) {
        shown.erase("properties");
        listed.push_back(std::move(shown));
    };
    for (const auto& [key, plan] : plans_)
        if (faas::detail::iequals(plan.group, group)) add(show(plan));
    for (const auto& [key, app] : apps_)
        if (faas::detail::iequals(app->group, group)) add(show(*app));
}

BLUEPRINT_FAAS_DECL bool AzureSites::knows_principal(std::string_view id) const {
    return !id.empty() && std::any_of(apps_.begin(), apps_.end(), [&](const auto& entry) {
        return faas::detail::iequals(entry.second->settings.principal, id);
    });
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureSites::answer(const AzureTarget& target, const ServerRequest& request) {
    if (target.is(0, "serverfarms")) return plans(target, request);
    if (target.is(0, "checkNameAvailability") && request.method == "POST") return check_name(request);
    if (!target.is(0, "sites")) return azure_unknown_action(request);
    const auto& method = request.method;
    if (target.path.size() == 1) return method == "GET" ? list(target) : azure_unknown_action(request);
    if (target.group.empty()) return azure_unknown_action(request);
    if (target.path.size() == 2 && method == "PUT") return put(target, request);
    const auto app = find(target.path[1], target.group);
    if (!app) {
        if (target.path.size() == 2 && method == "DELETE") return azure_empty(204);
        return azure_no_resource("Microsoft.Web/sites/" + target.path[1], target.group);
    }
    if (target.path.size() > 2) return of_app(target, request, app);
    if (method == "GET") return azure_json(show(*app));
    if (method == "PATCH") return patch(target, request, app);
    if (method == "DELETE") return erase(target, app);
    return azure_unknown_action(request);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureSites::list(const AzureTarget& target) const {
    boost::json::array listed;
    for (const auto& [key, app] : apps_)
        if (target.group.empty() || faas::detail::iequals(app->group, target.group)) listed.push_back(show(*app));
    return azure_json({{"value", std::move(listed)}});
}

/// Source: Azure documentation, "Naming rules and restrictions for Azure resources", Microsoft.Web, sites.
inline bool is_azure_app_name(std::string_view name) {
    const auto alphanumeric = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    return name.size() >= 2 && name.size() <= 60 && alphanumeric(name.front()) && alphanumeric(name.back()) &&
           std::all_of(name.begin(), name.end(), [&](char c) { return alphanumeric(c) || c == '-'; });
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureSites::check_name(const ServerRequest& request) const {
    const auto body = read_azure_body(request);
    if (!body) return body.error();
    AzureReading reading{azure_web_bad};
    const auto name = reading.text(*body, "name", "").value_or("");
    const auto type = reading.text(*body, "type", "").value_or("");
    if (reading.failure()) return *reading.failure();
    if (type != "Site" && type != "Microsoft.Web/sites")
        return azure_web_bad("The parameter type has an invalid value.");
    if (!is_azure_app_name(name))
        return azure_json({{"nameAvailable", false},
                           {"reason", "Invalid"},
                           {"message", "The name '" + name + "' is not a valid name of a site."}});
    if (shared_.taken(name) || apps_.contains(azure_lower(name)))
        return azure_json({{"nameAvailable", false},
                           {"reason", "AlreadyExists"},
                           {"message", "Hostname '" + name + "' already exists. Please select a different name."}});
    return azure_json({{"nameAvailable", true}, {"reason", ""}, {"message", ""}});
}

/// Returns the number of a member of `from`, or what is given.
inline std::uint32_t azure_count(const boost::json::object& from, std::string_view name, std::uint32_t otherwise) {
    const auto* const found = from.if_contains(name);
    return found != nullptr && found->is_int64() ? static_cast<std::uint32_t>(found->get_int64()) : otherwise;
}

BLUEPRINT_FAAS_DECL AzureAppConfig AzureSites::config_of(const AzureApp& app) const {
    const auto& settings = app.settings;
    const auto* const plan = plan_of(settings);
    AzureAppConfig config{.id = id_of(app), .name = app.name, .flex = plan != nullptr && plan->flex()};
    config.stopped = app.stopped;
    config.settings = settings.variables;
    if (!config.flex) {
        // Source: Azure Functions documentation, "Azure Functions hosting options", Service limits.
        config.memory_mib = plan != nullptr && plan->tier == "Dynamic" ? 1536 : 3584;
        config.concurrency = 100;
        return config;
    }
    const auto& scale = settings.function_app_config.at("scaleAndConcurrency").get_object();
    config.memory_mib = azure_count(scale, "instanceMemoryMB", 2048);
    config.max_instances = azure_count(scale, "maximumInstanceCount", 100);
    // Source: Azure Functions documentation, "Flex Consumption plan", HTTP trigger concurrency: by an instance's size.
    config.concurrency = config.memory_mib >= 4096 ? 32 : config.memory_mib >= 2048 ? 16 : 4;
    if (const auto* const ready = scale.at("alwaysReady").if_array())
        for (const auto& item : *ready)
            if (item.at("name").get_string() == "http")
                config.always_ready = azure_count(item.get_object(), "instanceCount", 0);
    if (const auto* const triggers = scale.at("triggers").if_object())
        if (const auto* const http = triggers->if_contains("http"); http != nullptr && http->is_object())
            config.concurrency = azure_count(http->get_object(), "perInstanceConcurrency", config.concurrency);
    return config;
}

BLUEPRINT_FAAS_DECL result<void> AzureSites::open(AzureApp& app) {
    auto host = AzureHost::open(shared_.host, *this, config_of(app), shared_.owner());
    if (!host) return host.error();
    auto scm = AzureScm::open(shared_.host, *this, *host, shared_.owner());
    if (!scm) {
        (*host)->close();
        return scm.error();
    }
    app.host = std::move(*host);
    app.scm = std::move(*scm);
    return {};
}

BLUEPRINT_FAAS_DECL void AzureSites::close(AzureApp& app) {
    if (app.scm) app.scm->close();
    if (app.host) app.host->close();
}

/// Tells that a change of a site goes on: another one has to wait.
inline Error azure_site_busy(std::string_view name) {
    return azure_web_refusal(
        409, "Conflict",
        "Cannot modify this site '" + std::string{name} + "' because another operation is in progress.");
}

/// Source: App Service REST API, "Web Apps - Create Or Update".
BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureSites::put(const AzureTarget& target, const ServerRequest& request) {
    const auto& name = target.path[1];
    const auto body = read_azure_body(request);
    if (!body) return body.error();
    if (const auto fine = check_azure_resource(*body, true); !fine) return fine.error();
    if (!is_azure_app_name(name))
        return azure_web_bad(
            "The parameter name has an invalid value. The name of a site has 2 to 60 letters, digits "
            "and hyphens, and begins and ends with no hyphen.");
    const auto there = apps_.find(azure_lower(name));
    const bool others = there != apps_.end() && !faas::detail::iequals(there->second->group, target.group);
    if (shared_.taken(name) || others)
        return azure_web_refusal(409, "Conflict", "Website with given name " + name + " already exists.");
    auto app = there == apps_.end() ? nullptr : there->second;
    if (app && app->state != "Succeeded") return azure_site_busy(name);
    AzureAppSettings wanted;
    if (app) wanted = app->settings;
    wanted.function_app_config.clear();
    if (const auto fine = judge(*body, target, wanted); !fine) return fine.error();
    const auto* const plan = plan_of(wanted);
    if (plan->flex() && (!app || app->settings.plan != wanted.plan) && apps_of(wanted.plan) > 0)
        return azure_web_refusal(
            409, "Conflict",
            "The Flex Consumption plan '" + plan->name + "' has an app already: one app may be in such a plan.");
    const bool is_new = !app;
    if (is_new) {
        app = std::make_shared<AzureApp>();
        app->name = name;
        app->group = target.group;
        app->settings = wanted;
        if (const auto opened = open(*app); !opened) return opened.error();
        apps_[azure_lower(name)] = app;
    }
    app->state = "InProgress";
    app->modified = shared_.now();
    const auto id = id_of(*app);
    const auto operation = shared_.operations.begin(id, shared_.now());
    // Shown at once is what will be, as the service does.
    auto shown = *app;
    shown.settings = wanted;
    auto answer = azure_json(show(shown));
    const auto path = shared_.operations_of(provider, wanted.location);
    if (shared_.options.operations == AzureOptions::Style::provisioning_state) {
        answer.status = 202;
        shared_.operations.locate(answer, operation, shared_.url, path, target.version);
    } else {
        shared_.operations.announce(answer, operation, shared_.url, path, target.version);
    }
    shared_.carry_out(operation, id,
                      [this, app, wanted = std::move(wanted), is_new](const std::optional<AzureFault>& fault) {
                          const auto found = apps_.find(azure_lower(app->name));
                          if (found == apps_.end() || found->second != app) return;  // it has gone meanwhile
                          app->state = "Succeeded";
                          app->modified = shared_.now();
                          if (fault && is_new) {
                              close(*app);
                              apps_.erase(found);
                          } else if (!fault && !is_new) {
                              app->settings = wanted;
                              app->host->configure(config_of(*app));
                          }
                      });
    return answer;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureSites::patch(const AzureTarget& target, const ServerRequest& request,
                                                           const Found& app) {
    const auto body = read_azure_body(request);
    if (!body) return body.error();
    if (const auto fine = check_azure_resource(*body, false); !fine) return fine.error();
    if (app->state != "Succeeded") return azure_site_busy(app->name);
    auto wanted = app->settings;
    if (const auto fine = judge(*body, target, wanted); !fine) return fine.error();
    if (wanted.plan != app->settings.plan)
        return azure_web_bad("A site of the local cloud stays in its plan: it is moved by being made anew.");
    app->settings = std::move(wanted);
    app->modified = shared_.now();
    app->host->configure(config_of(*app));
    return azure_json(show(*app));
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureSites::erase(const AzureTarget& target, const Found& app) {
    if (app->state != "Succeeded") return azure_site_busy(app->name);
    close(*app);
    apps_.erase(azure_lower(app->name));
    // An empty plan goes too, unless that is forbidden.
    if (!faas::detail::iequals(target.get("deleteEmptyServerFarm"), "false") && apps_of(app->settings.plan) == 0)
        plans_.erase(app->settings.plan);
    return azure_empty(200);
}

BLUEPRINT_FAAS_DECL void AzureSites::erase_group(std::string_view group) {
    for (auto at = apps_.begin(); at != apps_.end();) {
        const bool goes = faas::detail::iequals(at->second->group, group);
        if (goes) close(*at->second);
        at = goes ? apps_.erase(at) : std::next(at);
    }
    std::erase_if(plans_, [&](const auto& entry) { return faas::detail::iequals(entry.second.group, group); });
}

BLUEPRINT_FAAS_DECL void AzureSites::stop_accepting() {
    for (const auto& [name, app] : apps_) {
        app->scm->stop_accepting();
        app->host->stop_accepting();
    }
}

BLUEPRINT_FAAS_DECL void AzureSites::end() {
    for (const auto& [name, app] : apps_) close(*app);
}

BLUEPRINT_FAAS_DECL std::size_t AzureSites::calls() const noexcept {
    std::size_t count = 0;
    for (const auto& [name, app] : apps_) count += app->host->calls();
    return count;
}

BLUEPRINT_FAAS_DECL std::size_t AzureSites::instances() const noexcept {
    std::size_t count = 0;
    for (const auto& [name, app] : apps_) count += app->host->instances();
    return count;
}

BLUEPRINT_FAAS_DECL std::optional<ServerAnswer> AzureSites::judge_deployer(const ServerRequest& head) {
    const auto caller = shared_.gate.judge_management(head);
    if (!caller) return azure_answer(caller.error(), shared_.options.tenant);
    if (const auto may = shared_.gate.require(*caller, "Microsoft.Web/sites/publish/action", head.target); !may)
        return azure_answer(may.error(), shared_.options.tenant);
    return std::nullopt;
}

/// Reads a part of a connection string: "AccountKey" of "AccountName=a;AccountKey=b".
inline std::string azure_connection_part(std::string_view text, std::string_view name) {
    while (!text.empty()) {
        const auto one = text.substr(0, text.find(';'));
        const auto equals = std::min(one.find('='), one.size());
        if (faas::detail::iequals(one.substr(0, equals), name))
            return std::string{one.substr(std::min(equals + 1, one.size()))};
        text.remove_prefix(std::min(one.size() + 1, text.size()));
    }
    return {};
}

BLUEPRINT_FAAS_DECL result<void> AzureSites::keep_package(const AzureAppConfig& app,
                                                          std::span<const std::uint8_t> zip) {
    const auto found = apps_.find(azure_lower(app.name));
    if (found == apps_.end()) return azure_refusal(404, "ResourceNotFound", "The app is gone.");
    const auto& settings = found->second->settings;
    const auto& storage = settings.function_app_config.at("deployment").at("storage").get_object();
    const std::string value{storage.at("value").get_string()};
    const auto place = read_request_target(value, shared_.url + std::string{AzureBlobs::root});
    const auto& account = place.segments.at(0);
    const auto& container = place.segments.at(1);
    const auto& access = storage.at("authentication").get_object();
    if (access.at("type").get_string() == "StorageAccountConnectionString") {
        const auto variable = settings.variables.find(access.at("storageAccountConnectionStringName").get_string());
        const std::string text{variable == settings.variables.end() ? std::string_view{} : variable->second.reveal()};
        const Secret key{azure_connection_part(text, "AccountKey")};
        if (azure_connection_part(text, "AccountName") != account || !shared_.blobs.opens(account, key.reveal()))
            return azure_refusal(403, "AuthenticationFailed",
                                 "Server failed to authenticate the request. Make sure the value of Authorization "
                                 "header is formed correctly including the signature.");
    } else {
        auto principal = settings.principal;
        if (access.at("type").get_string() == "UserAssignedIdentity") {
            const auto& identity = access.at("userAssignedIdentityResourceId").get_string();
            for (const auto& known : shared_.options.identities)
                if (faas::detail::iequals(known.resource_id, identity)) principal = known.object_id;
        }
        if (!shared_.has_blob_role(accounts_.id_of(account), principal, true))
            return azure_refusal(403, "AuthorizationPermissionMismatch",
                                 "This request is not authorized to perform this operation using this permission.");
    }
    return shared_.blobs.put(account, container, "released-package.zip", Bytes(zip.begin(), zip.end()),
                             "application/zip");
}

}  // namespace blueprint::faas::local

#endif
