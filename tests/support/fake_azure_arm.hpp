#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_AZURE_ARM_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_AZURE_ARM_HPP

#include "support/fake_azure_parts.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests::azure {

/// Azure's management API in memory, as far as function apps need it.
class Arm {
public:
    explicit Arm(Operations& operations) : operations_{operations} {}

    struct Account {
        Object resource{};
        std::string key{};  ///< Base64
        std::set<std::string, std::less<>> containers{};
    };
    struct Site {
        Object resource{};
        std::map<std::string, std::string, std::less<>> settings{};
        std::string linux_version{};
    };

    std::map<std::string, Object, std::less<>> groups{};
    std::map<std::string, Account, std::less<>> accounts{};
    std::map<std::string, Object, std::less<>> plans{};
    std::map<std::string, Site, std::less<>> sites{};
    std::map<std::string, Object, std::less<>> roles{};  ///< by the assignment's name

    std::set<std::string, std::less<>> registered{"Microsoft.Web", "Microsoft.Storage"};
    int registering = 1;                         ///< so many looks find that registering goes on
    std::set<std::string, std::less<>> taken{};  ///< names of apps and accounts that somebody else has
    int busy = 0;                                ///< so many changes find that another one goes on
    int host_starts = 0;                         ///< so many questions meet a host that is not running yet
    int identity_spreads = 0;                    ///< so many role assignments do not know the identity yet
    std::string blob_endpoint{};                 ///< of new accounts; empty: the usual one
    std::string function_key = "a-key-for-calls";
    std::string master_key = "a-key-for-everything";

    static std::string group_path() {
        return "/subscriptions/" + std::string{subscription} + "/resourceGroups/" + std::string{group};
    }
    static std::string key_of(std::string_view account) {
        const auto text = "no key of " + std::string{account};
        return blueprint::faas::detail::base64_encode(blueprint::faas::detail::bytes_of(text));
    }
    void put_group() { groups[std::string{group}] = {{"location", "westeurope"}}; }
    /// Puts an account there as it is made by others.
    Account& put_account(const std::string& name) {
        Object resource{{"location", "westeurope"}, {"kind", "StorageV2"}};
        part(resource, "properties")["allowSharedKeyAccess"] = true;
        return store_account(name, std::move(resource));
    }
    /// Puts an app there as it is made by others, in a plan of that SKU.
    Site& put_site(const std::string& name, const std::string& sku, const std::string& tier) {
        const auto plan = name + "-plan";
        plans[plan] = {{"sku", Object{{"name", sku}, {"tier", tier}}}};
        Object resource{{"location", "westeurope"}, {"kind", "functionapp,linux"}};
        part(resource, "properties")["serverFarmId"] = group_path() + "/providers/Microsoft.Web/serverfarms/" + plan;
        return store_site(name, std::move(resource));
    }

    Answer answer(const Call& call, const Request& request) {
        if (auto look = operations_.look(request)) return std::move(*look);
        const auto root = "/subscriptions/" + std::string{subscription};
        REQUIRE(call.path.starts_with(root + '/'));
        if (call.path.starts_with(root + "/providers/")) return provider(call, call.path.substr(root.size() + 11));
        REQUIRE(call.path.starts_with(group_path()));
        const auto rest = call.path.substr(group_path().size());
        if (rest.empty()) return resource_group(call);
        static const std::string lead = "/providers/";
        REQUIRE(rest.starts_with(lead));
        const auto slash = rest.find('/', lead.size());
        const auto space = rest.substr(lead.size(), slash - lead.size());
        if (!registered.contains(space))
            return error(409, "MissingSubscriptionRegistration",
                         "The subscription is not registered to use namespace '" + space + "'. See how to register.");
        if (!groups.contains(group))
            return error(404, "ResourceGroupNotFound", "Resource group 'jobs' could not be found.");
        if (busy > 0 && call.verb != Verb::get && call.verb != Verb::post) {
            --busy;
            return error(409, "AnotherOperationInProgress", "Another operation is in progress.");
        }
        std::vector<std::string> parts;
        for (auto more = rest.substr(slash + 1); !more.empty();) {
            parts.push_back(more.substr(0, more.find('/')));
            more.erase(0, parts.back().size() + 1);
        }
        REQUIRE(parts.size() >= 2);
        if (space == "Microsoft.Storage") return account(call, parts);
        REQUIRE(space == "Microsoft.Web");
        return parts[0] == "serverfarms" ? plan(call, parts) : site(call, parts);
    }

private:
    static void version(const Call& call, std::string_view wanted) {
        CAPTURE(call.path);
        REQUIRE(call.query.contains("api-version"));
        CHECK(call.query.at("api-version") == wanted);
    }
    static Response absent(std::string_view what) {
        return error(404, "ResourceNotFound", "The Resource '" + std::string{what} + "' was not found.");
    }
    static Response empty(unsigned status) { return {.status = status}; }

    Answer provider(const Call& call, const std::string& rest) {
        version(call, "2025-04-01");
        const auto name = rest.substr(0, rest.find('/'));
        if (call.verb == Verb::post) {
            CHECK(rest == name + "/register");
            looks_left_ = registering;
            return reply(200, {{"namespace", name}, {"registrationState", "Registering"}});
        }
        if (looks_left_ == 0) registered.insert(name);
        if (looks_left_ > 0) --looks_left_;
        return reply(200, {{"namespace", name},
                           {"registrationState", registered.contains(name) ? "Registered" : "Registering"}});
    }
    Answer resource_group(const Call& call) {
        version(call, "2025-04-01");
        if (call.verb == Verb::get)
            return groups.contains(group) ? reply(200, groups.find(group)->second)
                                          : error(404, "ResourceGroupNotFound", "Resource group could not be found.");
        REQUIRE(call.verb == Verb::put);
        groups[std::string{group}] = call.body;
        return reply(201, call.body);
    }

    Account& store_account(const std::string& name, Object resource) {
        resource["id"] = group_path() + "/providers/Microsoft.Storage/storageAccounts/" + name;
        resource["name"] = name;
        part(part(resource, "properties"), "primaryEndpoints")["blob"] =
            blob_endpoint.empty() ? "https://" + name + ".blob.core.windows.net/" : blob_endpoint;
        auto& account = accounts[name];
        account.resource = std::move(resource);
        account.key = key_of(name);
        return account;
    }
    Answer account(const Call& call, const std::vector<std::string>& parts) {
        REQUIRE(parts[0] == "storageAccounts");
        const auto& name = parts[1];
        const auto id = group_path() + "/providers/Microsoft.Storage/storageAccounts/" + name;
        const auto found = accounts.find(name);
        const bool there = found != accounts.end() && !operations_.goes_on(id);
        if (parts.size() > 4 && parts[3] == "Microsoft.Authorization") return role(call, parts.back());
        version(call, "2025-06-01");
        if (parts.size() == 2 && call.verb == Verb::put) {
            if (taken.contains(name))
                return error(409, "StorageAccountAlreadyTaken",
                             "The storage account named " + name + " is already taken.");
            auto resource = call.body;
            store_account(name, resource);
            return operations_.begin(
                id, [this, name] { return accounts[name].resource; },
                [this, name](bool failed) {
                    if (failed) accounts.erase(name);
                });
        }
        if (found == accounts.end()) return absent(name);
        if (parts.size() == 2 && call.verb == Verb::get)
            return reply(200, operations_.seen(id, found->second.resource));
        if (parts.size() == 2 && call.verb == Verb::del) {
            accounts.erase(found);
            return empty(200);
        }
        if (!there) return error(409, "StorageAccountOperationInProgress", "An operation is currently performing.");
        if (parts[2] == "listKeys") {
            CHECK(call.verb == Verb::post);
            boost::json::array keys{Object{{"keyName", "key1"}, {"value", found->second.key}, {"permissions", "FULL"}}};
            return reply(200, {{"keys", std::move(keys)}});
        }
        REQUIRE(parts.size() >= 5);
        REQUIRE(parts[4] == "containers");
        auto& containers = found->second.containers;
        if (parts.size() == 5) {
            boost::json::array all;
            for (const auto& one : containers) all.push_back(Object{{"name", one}});
            return reply(200, {{"value", std::move(all)}});
        }
        if (call.verb == Verb::del) {
            containers.erase(parts[5]);
            return empty(200);
        }
        REQUIRE(call.verb == Verb::put);
        CHECK(text(part(const_cast<Object&>(call.body), "properties"), "publicAccess") == "None");
        const bool made = containers.insert(parts[5]).second;
        return reply(made ? 201 : 200, {{"name", parts[5]}});
    }
    Answer role(const Call& call, const std::string& name) {
        version(call, "2022-04-01");
        REQUIRE(call.verb == Verb::put);
        if (identity_spreads > 0) {
            --identity_spreads;
            return error(400, "PrincipalNotFound", "Principal does not exist in the directory.");
        }
        if (roles.contains(name)) return error(409, "RoleAssignmentExists", "The role assignment already exists.");
        roles[name] = call.body;
        return reply(201, call.body);
    }

    Answer plan(const Call& call, const std::vector<std::string>& parts) {
        version(call, "2024-11-01");
        const auto& name = parts[1];
        const auto id = group_path() + "/providers/Microsoft.Web/serverfarms/" + name;
        if (call.verb == Verb::put) {
            auto resource = call.body;
            resource["id"] = id;
            resource["name"] = name;
            plans[name] = std::move(resource);
            return operations_.begin(
                id, [this, name] { return plans[name]; },
                [this, name](bool failed) {
                    if (failed) plans.erase(name);
                });
        }
        const auto found = plans.find(name);
        if (found == plans.end()) return absent(name);
        if (call.verb == Verb::get) return reply(200, operations_.seen(id, found->second));
        REQUIRE(call.verb == Verb::del);
        for (const auto& [site_name, one] : sites)
            if (text(one.resource.at("properties").as_object(), "serverFarmId") == id)
                return web_error(409, "Conflict",
                                 "Server farm '" + name + "' cannot be deleted because it has web app(s).");
        plans.erase(found);
        return empty(200);
    }

    Site& store_site(const std::string& name, Object resource) {
        const auto host = name + "-c0ffee.westeurope-01.azurewebsites.net";
        const auto scm = name + "-c0ffee.scm.westeurope-01.azurewebsites.net";
        resource["id"] = group_path() + "/providers/Microsoft.Web/sites/" + name;
        resource["name"] = name;
        if (auto* identity = resource.if_contains("identity"))
            identity->as_object()["principalId"] = "99999999-8888-4777-8666-555555555555";
        auto& properties = part(resource, "properties");
        properties["state"] = "Running";
        properties["defaultHostName"] = host;
        properties["hostNameSslStates"] = boost::json::array{Object{{"name", host}, {"hostType", "Standard"}},
                                                             Object{{"name", scm}, {"hostType", "Repository"}}};
        auto& site = sites[name];
        if (auto* config = properties.if_contains("siteConfig")) {
            site.settings.clear();
            for (const auto& one : config->as_object().at("appSettings").as_array())
                site.settings[text(one.as_object(), "name")] = text(one.as_object(), "value");
        }
        properties["siteConfig"] = nullptr;
        site.resource = std::move(resource);
        return site;
    }
    // What a Flex Consumption app has to have, and must not (Azure pitfalls 6, 7, 9).
    std::optional<Response> refused(const Object& body) {
        const auto& properties = body.at("properties").as_object();
        const auto* config = properties.if_contains("functionAppConfig");
        if (config == nullptr)
            return web_error(400, "BadRequest", "Site.FunctionAppConfig is invalid. It is required.");
        const auto& storage = config->as_object().at("deployment").as_object().at("storage").as_object();
        const auto url = text(storage, "value");
        bool known = false;
        for (const auto& [name, one] : accounts) {
            const auto base =
                text(one.resource.at("properties").as_object().at("primaryEndpoints").as_object(), "blob");
            known = known || (url.starts_with(base) && one.containers.contains(url.substr(base.size())));
        }
        CHECK_MESSAGE(known, "the container for deployments is not there: " << url);
        for (const auto& one : properties.at("siteConfig").as_object().at("appSettings").as_array()) {
            const auto name = text(one.as_object(), "name");
            for (const auto* never :
                 {"FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_EXTENSION_VERSION", "WEBSITE_RUN_FROM_PACKAGE"})
                if (name == never) return web_error(400, "BadRequest", "The setting " + name + " is not allowed.");
        }
        return std::nullopt;
    }
    Answer site(const Call& call, const std::vector<std::string>& parts) {
        version(call, "2024-11-01");
        REQUIRE(parts[0] == "sites");
        const auto& name = parts[1];
        const auto id = group_path() + "/providers/Microsoft.Web/sites/" + name;
        const auto found = sites.find(name);
        if (parts.size() == 2 && call.verb == Verb::put) {
            if (taken.contains(name))
                return web_error(409, "Conflict", "Website with given name " + name + " already exists.");
            if (auto wrong = refused(call.body)) return std::move(*wrong);
            const auto before = found != sites.end();
            store_site(name, call.body);
            return operations_.begin(
                id, [this, name] { return sites[name].resource; },
                [this, name, before](bool failed) {
                    if (failed && !before) sites.erase(name);
                });
        }
        if (found == sites.end()) return absent(name);
        auto& one = found->second;
        if (parts.size() == 2 && call.verb == Verb::get) return reply(200, operations_.seen(id, one.resource));
        if (parts.size() == 2 && call.verb == Verb::patch) {
            for (const auto& [member, value] : call.body.at("properties").as_object())
                part(one.resource, "properties")[member] = value;
            return reply(200, one.resource);
        }
        if (parts.size() == 2) {
            REQUIRE(call.verb == Verb::del);
            const auto plan_id = text(one.resource.at("properties").as_object(), "serverFarmId");
            sites.erase(found);
            if (call.query.at("deleteEmptyServerFarm") == "true") plans.erase(plan_id.substr(plan_id.rfind('/') + 1));
            return empty(200);
        }
        std::string below;
        for (std::size_t at = 2; at < parts.size(); ++at) below += '/' + parts[at];
        if (below == "/config/appsettings/list") {
            CHECK(call.verb == Verb::post);
            return reply(200, settings_of(one));
        }
        if (below == "/config/appsettings") {
            REQUIRE(call.verb == Verb::put);
            one.settings.clear();
            for (const auto& [setting, value] : call.body.at("properties").as_object())
                one.settings[std::string{setting}] = std::string{value.as_string()};
            return reply(200, settings_of(one));
        }
        if (below == "/config/web") {
            if (call.verb == Verb::patch)
                one.linux_version = text(call.body.at("properties").as_object(), "linuxFxVersion");
            return reply(200, {{"properties", Object{{"linuxFxVersion", one.linux_version}}}});
        }
        REQUIRE(below == "/host/default/listkeys");
        CHECK(call.verb == Verb::post);
        if (host_starts > 0) {
            --host_starts;
            return web_error(400, "BadRequest", "Encountered an error (ServiceUnavailable) from host runtime.");
        }
        return reply(
            200,
            {{"masterKey", master_key}, {"functionKeys", Object{{"default", function_key}}}, {"systemKeys", Object{}}});
    }
    static Object settings_of(const Site& site) {
        Object properties;
        for (const auto& [name, value] : site.settings) properties[name] = value;
        return {{"properties", std::move(properties)}};
    }

    Operations& operations_;
    int looks_left_ = -1;
};

}  // namespace tests::azure

#endif
