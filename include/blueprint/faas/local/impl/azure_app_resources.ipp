#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_APP_RESOURCES_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_APP_RESOURCES_IPP

#include "blueprint/faas/local/azure_sites.hpp"
#include "blueprint/faas/local/impl/azure_plans.ipp"
#include "blueprint/faas/local/random.hpp"

#include <algorithm>
#include <utility>

namespace blueprint::faas::local {

// What stands below an app: its settings, its functions, its keys, and what can be done with it.

/// What the API says when the app's host cannot be asked: it starts, or is stopped (pitfalls 4 and 5).
inline Error azure_host_unavailable() {
    return azure_web_bad("Encountered an error (ServiceUnavailable) from host runtime.");
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureSites::of_app(const AzureTarget& target, const ServerRequest& request,
                                                            const Found& app) {
    const bool posts = request.method == "POST";
    const auto segments = target.path.size();
    if (target.is(2, "config")) return config(target, request, app);
    if (target.is(2, "functions")) return functions(target, request, *app);
    if (target.is(2, "basicPublishingCredentialsPolicies")) return policies(target, request, *app);
    if (target.is(2, "deployments") && request.method == "GET") return deployments(target, *app);
    if (target.is(2, "host") && target.is(3, "default")) {
        if (segments == 5 && posts && (target.is(4, "sync") || target.is(4, "listsyncstatus"))) return sync(*app);
        return host_keys(target, request, *app);
    }
    if (segments != 3 || !posts) return azure_unknown_action(request);
    if (target.is(2, "syncfunctiontriggers")) return sync(*app);
    const bool stops = target.is(2, "stop");
    if (!stops && !target.is(2, "start") && !target.is(2, "restart")) return azure_unknown_action(request);
    if (target.is(2, "restart")) {
        app->host->restart();
        return azure_empty(200);
    }
    if (stops != app->stopped) {
        app->stopped = stops;
        app->host->configure(config_of(*app));
    }
    return azure_empty(200);
}

BLUEPRINT_FAAS_DECL boost::json::object AzureSites::show_variables(const AzureApp& app) const {
    boost::json::object variables;
    for (const auto& [name, value] : app.settings.variables) variables[name] = value.reveal();
    return {{"id", id_of(app) + "/config/appsettings"},
            {"name", "appsettings"},
            {"type", "Microsoft.Web/sites/config"},
            {"properties", std::move(variables)}};
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureSites::put_variables(const ServerRequest& request, AzureApp& app) {
    const auto body = read_azure_body(request);
    if (!body) return body.error();
    AzureReading reading{azure_web_bad};
    const auto* const properties = reading.object(*body, "properties", "");
    if (reading.failure()) return *reading.failure();
    if (properties == nullptr) return azure_web_bad("The parameter properties is missing.");
    const auto* const plan = plan_of(app.settings);
    std::map<std::string, Secret, std::less<>> variables;
    for (const auto& [name, value] : *properties) {
        if (!value.is_string() && !value.is_null())
            return azure_web_bad("The value of the app setting '" + std::string{name} + "' is no text.");
        if (const auto fine = judge_variable(name, plan != nullptr && plan->flex()); !fine) return fine.error();
        variables.insert_or_assign(std::string{name},
                                   Secret{value.is_null() ? std::string{} : std::string{value.get_string()}});
    }
    app.settings.variables = std::move(variables);
    app.modified = shared_.now();
    app.host->configure(config_of(app));
    return azure_json(show_variables(app));
}

/// Source: App Service REST API, "Web Apps - List Application Settings", "Update Application Settings", "Get
/// Configuration".
BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureSites::config(const AzureTarget& target, const ServerRequest& request,
                                                            const Found& app) {
    const auto& method = request.method;
    const auto segments = target.path.size();
    const bool lists = segments == 5 && target.is(4, "list") && method == "POST";
    if (target.is(3, "appsettings") && lists) return azure_json(show_variables(*app));
    if (target.is(3, "publishingcredentials") && lists) {
        const boost::json::object properties{{"publishingUserName", '$' + app->name}, {"scmUri", app->scm->url()}};
        return azure_json({{"id", id_of(*app) + "/publishingcredentials/$" + app->name},
                           {"name", app->name},
                           {"type", "Microsoft.Web/sites/publishingcredentials"},
                           {"properties", properties}});
    }
    if (segments != 4 && !(segments == 3 && method == "GET")) return azure_unknown_action(request);
    const bool changes = method == "PUT" || method == "PATCH";
    if (changes && app->state != "Succeeded")
        return azure_web_refusal(
            409, "Conflict", "Cannot modify this site '" + app->name + "' because another operation is in progress.");
    if (target.is(3, "appsettings") && method == "PUT") return put_variables(request, *app);
    if (segments == 4 && (!target.is(3, "web") || (!changes && method != "GET"))) return azure_unknown_action(request);
    if (changes) {
        const auto body = read_azure_body(request);
        if (!body) return body.error();
        AzureReading reading{azure_web_bad};
        const auto* const properties = reading.object(*body, "properties", "");
        if (reading.failure()) return *reading.failure();
        if (properties == nullptr) return azure_web_bad("The parameter properties is missing.");
        const auto* const plan = plan_of(app->settings);
        if (const auto fine = judge_site_config(*properties, plan != nullptr && plan->flex(), app->settings); !fine)
            return fine.error();
        app->modified = shared_.now();
        app->host->configure(config_of(*app));
    }
    boost::json::object properties = app->settings.site_config;
    if (!properties.contains("linuxFxVersion")) properties["linuxFxVersion"] = "";
    if (!properties.contains("numberOfWorkers")) properties["numberOfWorkers"] = 1;
    boost::json::object shown{
        {"id", id_of(*app) + "/config/web"}, {"name", app->name}, {"type", "Microsoft.Web/sites/config"}};
    shown["properties"] = std::move(properties);
    if (segments == 4) return azure_json(shown);
    return azure_json({{"value", boost::json::array{std::move(shown)}}});
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureSites::policies(const AzureTarget& target, const ServerRequest& request,
                                                              const AzureApp& app) const {
    const auto show = [&](std::string_view name) {
        return boost::json::object{{"id", id_of(app) + "/basicPublishingCredentialsPolicies/" + std::string{name}},
                                   {"name", name},
                                   {"type", "Microsoft.Web/sites/basicPublishingCredentialsPolicies"},
                                   {"properties", boost::json::object{{"allow", false}}}};
    };
    if (target.path.size() == 3 && request.method == "GET")
        return azure_json({{"value", boost::json::array{show("ftp"), show("scm")}}});
    if (target.path.size() != 4 || (!target.is(3, "scm") && !target.is(3, "ftp"))) return azure_unknown_action(request);
    if (request.method == "PUT") {
        const auto body = read_azure_body(request);
        if (!body) return body.error();
        AzureReading reading{azure_web_bad};
        const auto* const properties = reading.object(*body, "properties", "");
        const auto allow = properties == nullptr ? std::nullopt : reading.flag(*properties, "allow", "properties.");
        if (reading.failure()) return *reading.failure();
        if (!allow) return azure_web_bad("The parameter properties.allow is missing.");
        // Deployments show tokens (pitfall 13), as it is where a policy of the subscription forbids passwords.
        if (*allow)
            return azure_refusal(403, "RequestDisallowedByPolicy",
                                 "Resource '" + azure_lower(target.path[3]) +
                                     "' was disallowed by policy: basic authentication stays off.");
    } else if (request.method != "GET") {
        return azure_unknown_action(request);
    }
    return azure_json(show(azure_lower(target.path[3])));
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureSites::sync(const AzureApp& app) const {
    if (app.host->state() == "Starting" || app.host->keys() == nullptr) return azure_host_unavailable();
    return azure_empty(204);
}

BLUEPRINT_FAAS_DECL boost::json::object AzureSites::show_function(const AzureApp& app,
                                                                  const AzureFunction& function) const {
    const auto root = app.scm->url() + "/api/vfs/site/wwwroot/";
    boost::json::object properties{{"function_app_id", nullptr},
                                   {"script_root_path_href", root + function.name + '/'},
                                   {"config_href", root + function.name + "/function.json"},
                                   {"href", app.host->url() + "/admin/functions/" + function.name},
                                   {"config", function.config},
                                   {"files", nullptr},
                                   {"test_data", ""},
                                   {"isDisabled", false}};
    properties["language"] = "Custom";
    if (!function.route.empty()) properties["invoke_url_template"] = app.host->url() + "/api/" + function.route;
    return {{"id", id_of(app) + "/functions/" + function.name},
            {"name", app.name + '/' + function.name},
            {"type", "Microsoft.Web/sites/functions"},
            {"properties", std::move(properties)}};
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureSites::functions(const AzureTarget& target, const ServerRequest& request,
                                                               const AzureApp& app) {
    const auto& all = app.host->functions();
    const auto segments = target.path.size();
    const auto& method = request.method;
    if (segments == 3) {
        if (method != "GET") return azure_unknown_action(request);
        boost::json::array listed;
        for (const auto& function : all) listed.push_back(show_function(app, function));
        return azure_json({{"value", std::move(listed)}});
    }
    const auto& name = target.path[3];
    const auto function = std::find_if(all.begin(), all.end(),
                                       [&](const AzureFunction& one) { return faas::detail::iequals(one.name, name); });
    if (function == all.end())
        return azure_web_refusal(404, "NotFound", "Function '" + name + "' of site '" + app.name + "' was not found.");
    if (segments == 4) {
        if (method != "GET") return azure_unknown_action(request);
        return azure_json(show_function(app, *function));
    }
    auto* const keys = app.host->keys();
    if (keys == nullptr) return azure_host_unavailable();
    auto& own = keys->functions[function->name];
    if (segments == 5 && target.is(4, "listkeys") && method == "POST") {
        boost::json::object listed;
        for (const auto& [key, value] : own) listed[key] = value.reveal();
        return azure_json(listed);
    }
    if (segments == 6 && target.is(4, "keys")) return change_key(target, request, own, "functions/keys");
    return azure_unknown_action(request);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureSites::host_keys(const AzureTarget& target, const ServerRequest& request,
                                                               const AzureApp& app) {
    const auto segments = target.path.size();
    auto* const keys = app.host->keys();
    const bool lists = segments == 5 && target.is(4, "listkeys") && request.method == "POST";
    const bool of_functions = target.is(4, "functionKeys");
    const bool changes = segments == 6 && (of_functions || target.is(4, "systemKeys"));
    if (!lists && !changes) return azure_unknown_action(request);
    if (keys == nullptr) return azure_host_unavailable();
    if (changes)
        return change_key(target, request, of_functions ? keys->host : keys->system,
                          of_functions ? "host/functionKeys" : "host/systemKeys");
    const auto listed = [](const AzureKeys::Named& named) {
        boost::json::object out;
        for (const auto& [key, value] : named) out[key] = value.reveal();
        return out;
    };
    return azure_json({{"masterKey", keys->master.reveal()},
                       {"functionKeys", listed(keys->host)},
                       {"systemKeys", listed(keys->system)}});
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureSites::change_key(const AzureTarget& target, const ServerRequest& request,
                                                                AzureKeys::Named& keys, std::string_view type) {
    const auto& name = target.path[5];
    if (request.method == "DELETE") {
        if (keys.erase(name) == 0) return azure_web_refusal(404, "NotFound", "There is no key '" + name + "'.");
        return azure_empty(204);
    }
    if (request.method != "PUT") return azure_unknown_action(request);
    const auto body = read_azure_body(request);
    if (!body) return body.error();
    AzureReading reading{azure_web_bad};
    const auto* const properties = reading.object(*body, "properties", "");
    const auto value = properties == nullptr ? std::nullopt : reading.text(*properties, "value", "properties.");
    if (reading.failure()) return *reading.failure();
    Secret key{value.value_or("")};
    if (key.reveal().empty()) key = Secret{random_text(56)};
    const auto [at, is_new] = keys.insert_or_assign(name, std::move(key));
    return azure_json({{"name", name},
                       {"type", "Microsoft.Web/sites/" + std::string{type}},
                       {"properties", boost::json::object{{"name", name}, {"value", at->second.reveal()}}}},
                      is_new ? 201 : 200);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureSites::deployments(const AzureTarget& target, const AzureApp& app) const {
    const auto show = [&](const AzureDeploymentRecord& one) {
        boost::json::object properties{{"status", static_cast<int>(one.status)},
                                       {"message", one.status_text},
                                       {"deployer", one.deployer},
                                       {"author", one.author},
                                       {"start_time", one.started},
                                       {"active", one.status == AzureDeploymentRecord::Status::success}};
        if (!one.ended.empty()) properties["end_time"] = one.ended;
        return boost::json::object{{"id", id_of(app) + "/deployments/" + one.id},
                                   {"name", app.name + '/' + one.id},
                                   {"type", "Microsoft.Web/sites/deployments"},
                                   {"properties", std::move(properties)}};
    };
    const auto& all = app.scm->deployments();
    if (target.path.size() == 3) {
        boost::json::array listed;
        for (auto at = all.rbegin(); at != all.rend(); ++at) listed.push_back(show(*at));
        return azure_json({{"value", std::move(listed)}});
    }
    for (const auto& one : all)
        if (target.path.size() == 4 && one.id == target.path[3]) return azure_json(show(one));
    return azure_web_refusal(404, "NotFound", "There is no such deployment of site '" + app.name + "'.");
}

}  // namespace blueprint::faas::local

#endif
