#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_ACCOUNTS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_ACCOUNTS_IPP

#include "blueprint/faas/local/azure_accounts.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace blueprint::faas::local {

inline Error azure_account_parameter(std::string message) {
    return azure_refusal(400, "InvalidValuesForRequestParameters", std::move(message));
}

/// Source: Azure Storage documentation, "Storage account overview", Storage account name.
inline bool is_azure_account_name(std::string_view name) {
    return name.size() >= 3 && name.size() <= 24 && std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
           });
}

inline constexpr std::string_view azure_account_name_rule =
    " is not a valid storage account name. Storage account name must be between 3 and 24 characters in length and use "
    "numbers and lower-case letters only.";

BLUEPRINT_FAAS_DECL std::string AzureAccounts::id_of(const Account& account) const {
    return shared_.providers_of(account.group) + "Microsoft.Storage/storageAccounts/" + account.name;
}

BLUEPRINT_FAAS_DECL std::string AzureAccounts::id_of(std::string_view account) const {
    const auto found = accounts_.find(account);
    return found == accounts_.end() ? std::string{} : id_of(found->second);
}

BLUEPRINT_FAAS_DECL std::string AzureAccounts::blob_endpoint(std::string_view account) const {
    return shared_.url + std::string{AzureBlobs::root}.append(account).append("/");
}

BLUEPRINT_FAAS_DECL AzureAccounts::Account* AzureAccounts::find(std::string_view name, std::string_view group) {
    const auto found = accounts_.find(name);
    if (found == accounts_.end() || !faas::detail::iequals(found->second.group, group)) return nullptr;
    return &found->second;
}

BLUEPRINT_FAAS_DECL const AzureAccounts::Account* AzureAccounts::find(std::string_view name,
                                                                      std::string_view group) const {
    const auto found = accounts_.find(name);
    if (found == accounts_.end() || !faas::detail::iequals(found->second.group, group)) return nullptr;
    return &found->second;
}

BLUEPRINT_FAAS_DECL boost::json::object AzureAccounts::show(const Account& account) const {
    const boost::json::object sku{{"name", account.sku}, {"tier", account.sku.substr(0, account.sku.find('_'))}};
    boost::json::object properties = account.settings;
    properties["provisioningState"] = account.state;
    properties["creationTime"] = account.created;
    properties["primaryLocation"] = account.location;
    properties["statusOfPrimary"] = "available";
    properties["privateEndpointConnections"] = boost::json::array{};
    if (account.state == "Succeeded") {
        properties["primaryEndpoints"] = boost::json::object{{"blob", blob_endpoint(account.name)}};
        properties["keyCreationTime"] = boost::json::object{{"key1", account.created}, {"key2", account.created}};
    }
    boost::json::object shown{{"sku", sku},
                              {"kind", account.kind},
                              {"id", id_of(account)},
                              {"name", account.name},
                              {"type", "Microsoft.Storage/storageAccounts"},
                              {"location", account.location},
                              {"tags", account.tags}};
    shown["properties"] = std::move(properties);
    return shown;
}

BLUEPRINT_FAAS_DECL void AzureAccounts::list_resources(std::string_view group, boost::json::array& listed) const {
    for (const auto& [name, account] : accounts_) {
        if (!faas::detail::iequals(account.group, group)) continue;
        auto shown = show(account);
        shown.erase("properties");
        listed.push_back(std::move(shown));
    }
}

BLUEPRINT_FAAS_DECL void AzureAccounts::erase_group(std::string_view group) {
    for (auto at = accounts_.begin(); at != accounts_.end();) {
        const bool goes = faas::detail::iequals(at->second.group, group);
        if (goes) shared_.blobs.remove_account(at->first);
        at = goes ? accounts_.erase(at) : std::next(at);
    }
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureAccounts::show_at(const AzureTarget& target) const {
    const auto name = target.path.size() > 1 ? target.path[1] : std::string{};
    const auto* const account = find(name, target.group);
    if (account == nullptr) return azure_no_resource("Microsoft.Storage/storageAccounts/" + name, target.group);
    return azure_json(show(*account));
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureAccounts::answer(const AzureTarget& target,
                                                               const ServerRequest& request) {
    if (target.is(0, "checkNameAvailability") && request.method == "POST") return check_name(target, request);
    if (!target.is(0, "storageAccounts")) return azure_unknown_action(request);
    if (target.path.size() > 1) {
        if (target.group.empty()) return azure_unknown_action(request);
        return of_account(target, request);
    }
    if (request.method != "GET") return azure_unknown_action(request);
    boost::json::array listed;
    for (const auto& [name, account] : accounts_)
        if (target.group.empty() || faas::detail::iequals(account.group, target.group)) listed.push_back(show(account));
    return azure_json({{"value", std::move(listed)}});
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureAccounts::check_name(const AzureTarget&,
                                                                   const ServerRequest& request) const {
    const auto body = read_azure_body(request);
    if (!body) return body.error();
    AzureReading reading{azure_account_parameter};
    const auto name = reading.text(*body, "name", "").value_or("");
    if (reading.text(*body, "type", "").value_or("") != "Microsoft.Storage/storageAccounts")
        reading.wrong("Values for request parameters are invalid: type.");
    if (reading.failure()) return *reading.failure();
    const auto unavailable = [](std::string_view reason, std::string message) {
        return azure_json({{"nameAvailable", false}, {"reason", reason}, {"message", std::move(message)}});
    };
    if (!is_azure_account_name(name))
        return unavailable("AccountNameInvalid", name + std::string{azure_account_name_rule});
    if (shared_.taken(name) || accounts_.contains(name))
        return unavailable("AlreadyExists", "The storage account named " + name + " is already taken.");
    return azure_json({{"nameAvailable", true}});
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureAccounts::of_account(const AzureTarget& target,
                                                                   const ServerRequest& request) {
    const auto& method = request.method;
    const auto& name = target.path[1];
    if (target.path.size() == 2 && method == "PUT") return put(target, request);
    auto* const account = find(name, target.group);
    if (account == nullptr) {
        if (target.path.size() == 2 && method == "DELETE") return azure_empty(204);
        return azure_no_resource("Microsoft.Storage/storageAccounts/" + name, target.group);
    }
    if (target.path.size() == 2) {
        if (method == "GET") return azure_json(show(*account));
        if (method != "PATCH" && method != "DELETE") return azure_unknown_action(request);
        if (shared_.operations.busy(id_of(*account)))
            return azure_refusal(409, "StorageAccountOperationInProgress",
                                 "An operation is currently performing on this storage account that requires exclusive "
                                 "access.");
        if (method == "PATCH") return patch(*account, request);
        shared_.blobs.remove_account(name);
        accounts_.erase(accounts_.find(name));
        return azure_empty(200);
    }
    if (account->state != "Succeeded")
        return azure_refusal(409, "StorageAccountIsNotProvisioned",
                             "The storage account provisioning state must be 'Succeeded' before executing the "
                             "operation.");
    if (target.is(2, "listKeys") && method == "POST") return keys(*account, request, false);
    if (target.is(2, "regenerateKey") && method == "POST") return keys(*account, request, true);
    if (target.is(2, "blobServices") && target.is(3, "default") && target.is(4, "containers"))
        return containers(target, request, *account);
    return azure_unknown_action(request);
}

/// Source: Azure Storage resource provider REST API, "Storage Accounts - Create".
BLUEPRINT_FAAS_DECL result<void> AzureAccounts::read_settings(const boost::json::object& body, Account& into) {
    static constexpr std::array<std::string_view, 5> kinds{"StorageV2", "Storage", "BlobStorage", "FileStorage",
                                                           "BlockBlobStorage"};
    static constexpr std::array<std::string_view, 8> skus{"Standard_LRS",  "Standard_GRS",   "Standard_RAGRS",
                                                          "Standard_ZRS",  "Premium_LRS",    "Premium_ZRS",
                                                          "Standard_GZRS", "Standard_RAGZRS"};
    AzureReading reading{azure_account_parameter};
    const auto one_of = [&](const auto& words, std::string_view word, const char* name) {
        if (std::find(words.begin(), words.end(), word) == words.end())
            reading.wrong("Values for request parameters are invalid: " + std::string{name} + '.');
    };
    if (const auto kind = reading.text(body, "kind", "")) into.kind = *kind;
    if (const auto* const sku = reading.object(body, "sku", ""))
        into.sku = reading.text(*sku, "name", "sku.").value_or("");
    one_of(kinds, into.kind, "kind");
    one_of(skus, into.sku, "sku");
    static const boost::json::object nothing;
    const auto* const given = reading.object(body, "properties", "");
    const auto& properties = given == nullptr ? nothing : *given;
    for (const auto* const name : {"supportsHttpsTrafficOnly", "allowBlobPublicAccess", "allowSharedKeyAccess",
                                   "defaultToOAuthAuthentication", "allowCrossTenantReplication"})
        if (const auto flag = reading.flag(properties, name, "properties.")) into.settings[name] = *flag;
    if (const auto tls = reading.text(properties, "minimumTlsVersion", "properties.")) {
        one_of(std::array<std::string_view, 4>{"TLS1_0", "TLS1_1", "TLS1_2", "TLS1_3"}, *tls, "minimumTlsVersion");
        into.settings["minimumTlsVersion"] = *tls;
    }
    if (const auto tier = reading.text(properties, "accessTier", "properties.")) {
        one_of(std::array<std::string_view, 4>{"Hot", "Cool", "Cold", "Premium"}, *tier, "accessTier");
        into.settings["accessTier"] = *tier;
    }
    if (const auto access = reading.text(properties, "publicNetworkAccess", "properties.")) {
        one_of(std::array<std::string_view, 3>{"Enabled", "Disabled", "SecuredByPerimeter"}, *access,
               "publicNetworkAccess");
        into.settings["publicNetworkAccess"] = *access;
    }
    if (const auto* const tags = reading.object(body, "tags", "")) into.tags = *tags;
    if (reading.failure()) return *reading.failure();
    return {};
}

/// Tells whether keys and signatures open an account with those settings.
inline bool azure_key_access(const boost::json::object& settings) {
    const auto* const allowed = settings.if_contains("allowSharedKeyAccess");
    return allowed == nullptr || allowed->get_bool();
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureAccounts::put(const AzureTarget& target, const ServerRequest& request) {
    const auto& name = target.path[1];
    const auto body = read_azure_body(request);
    if (!body) return body.error();
    if (const auto fine = check_azure_resource(*body, true); !fine) return fine.error();
    if (!is_azure_account_name(name))
        return azure_refusal(400, "AccountNameInvalid", name + std::string{azure_account_name_rule});
    const auto found = accounts_.find(name);
    if (shared_.taken(name))
        return azure_refusal(409, "StorageAccountAlreadyTaken",
                             "The storage account named " + name + " is already taken.");
    if (found != accounts_.end() && !faas::detail::iequals(found->second.group, target.group))
        return azure_refusal(409, "StorageAccountInAnotherResourceGroup",
                             "The account " + name + " is already in another resource group in this subscription.");
    const auto location = azure_region(body->at("location").get_string());
    if (!is_azure_region(location))
        return azure_refusal(400, "LocationNotAvailableForResourceType",
                             "The provided location '" + location +
                                 "' is not available for resource type 'Microsoft.Storage/storageAccounts'.");
    Account wanted{.name = name, .group = target.group, .location = location, .created = shared_.now()};
    wanted.settings = {{"minimumTlsVersion", "TLS1_0"},
                       {"allowBlobPublicAccess", false},
                       {"supportsHttpsTrafficOnly", true},
                       {"accessTier", "Hot"}};
    if (found != accounts_.end()) wanted = found->second;
    if (location != wanted.location)
        return azure_refusal(409, "InvalidResourceLocation",
                             "The resource '" + name + "' already exists in location '" + wanted.location +
                                 "' in resource group '" + wanted.group +
                                 "'. A resource with the same name cannot be created in location '" + location +
                                 "'. Please select a new resource name.");
    if (const auto fine = read_settings(*body, wanted); !fine) return fine.error();
    if (found != accounts_.end()) {
        if (shared_.operations.busy(id_of(wanted)))
            return azure_refusal(409, "StorageAccountOperationInProgress",
                                 "An operation is currently performing on this storage account that requires exclusive "
                                 "access.");
        found->second = wanted;
        shared_.blobs.find_account(name)->key_access = azure_key_access(wanted.settings);
        return azure_json(show(wanted));
    }
    wanted.state = "Creating";
    accounts_[name] = wanted;
    const auto id = id_of(wanted);
    const auto operation = shared_.operations.begin(id, shared_.now());
    shared_.carry_out(operation, id, [this, name](const std::optional<AzureFault>& fault) {
        const auto made = accounts_.find(name);
        if (made == accounts_.end()) return;  // its resource group has gone meanwhile
        if (fault) {
            accounts_.erase(made);
            return;
        }
        made->second.state = "Succeeded";
        shared_.blobs.add_account(name).key_access = azure_key_access(made->second.settings);
    });
    // What is accepted has no body; only what is told by its state must show that.
    auto answer = shared_.options.operations == AzureOptions::Style::provisioning_state ? azure_json(show(wanted))
                                                                                        : azure_empty(202);
    shared_.operations.announce(answer, operation, shared_.url, shared_.operations_of(provider, wanted.location),
                                target.version);
    return answer;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureAccounts::patch(Account& account, const ServerRequest& request) {
    const auto body = read_azure_body(request);
    if (!body) return body.error();
    if (const auto fine = check_azure_resource(*body, false); !fine) return fine.error();
    auto wanted = account;
    if (const auto fine = read_settings(*body, wanted); !fine) return fine.error();
    account = wanted;
    shared_.blobs.find_account(account.name)->key_access = azure_key_access(account.settings);
    return azure_json(show(account));
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureAccounts::keys(const Account& account, const ServerRequest& request,
                                                             bool renew) {
    auto& keys = shared_.blobs.find_account(account.name)->keys;
    if (renew) {
        const auto body = read_azure_body(request);
        if (!body) return body.error();
        AzureReading reading{azure_account_parameter};
        const auto name = reading.text(*body, "keyName", "").value_or("");
        if (name != "key1" && name != "key2")
            return azure_account_parameter("Values for request parameters are invalid: keyName.");
        keys[name == "key1" ? 0 : 1] = AzureBlobs::new_key();
    }
    boost::json::array listed;
    for (std::size_t i = 0; i < keys.size(); ++i)
        listed.push_back(boost::json::object{{"creationTime", account.created},
                                             {"keyName", "key" + std::to_string(i + 1)},
                                             {"value", keys[i].reveal()},
                                             {"permissions", "FULL"}});
    return azure_json({{"keys", std::move(listed)}});
}

BLUEPRINT_FAAS_DECL boost::json::object AzureAccounts::show_container(const Account& account,
                                                                      std::string_view name) const {
    const auto& containers = shared_.blobs.find_account(account.name)->containers;
    const auto& container = containers.find(name)->second;
    boost::json::object properties{{"publicAccess", "None"},
                                   {"leaseStatus", "Unlocked"},
                                   {"leaseState", "Available"},
                                   {"lastModifiedTime", container.modified_time},
                                   {"hasImmutabilityPolicy", false},
                                   {"hasLegalHold", false},
                                   {"deleted", false},
                                   {"remainingRetentionDays", 0},
                                   {"defaultEncryptionScope", "$account-encryption-key"},
                                   {"denyEncryptionScopeOverride", false}};
    return {{"id", id_of(account) + "/blobServices/default/containers/" + std::string{name}},
            {"name", name},
            {"type", "Microsoft.Storage/storageAccounts/blobServices/containers"},
            {"etag", container.etag},
            {"properties", std::move(properties)}};
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureAccounts::containers(const AzureTarget& target,
                                                                   const ServerRequest& request, Account& account) {
    auto& stored = *shared_.blobs.find_account(account.name);
    const auto& method = request.method;
    if (target.path.size() == 5) {
        if (method != "GET") return azure_unknown_action(request);
        boost::json::array listed;
        for (const auto& [name, container] : stored.containers) listed.push_back(show_container(account, name));
        return azure_json({{"value", std::move(listed)}});
    }
    if (target.path.size() > 6) return azure_unknown_action(request);
    const auto& name = target.path[5];
    const bool there = stored.containers.contains(name);
    if (method == "DELETE") return azure_empty(shared_.blobs.remove_container(stored, name) ? 200 : 204);
    if (method == "GET") {
        if (!there) return azure_refusal(404, "ContainerNotFound", "The specified container does not exist.");
        return azure_json(show_container(account, name));
    }
    if (method != "PUT" && method != "PATCH") return azure_unknown_action(request);
    const auto body = read_azure_body(request);
    if (!body) return body.error();
    if (const auto fine = check_azure_resource(*body, false); !fine) return fine.error();
    AzureReading reading{azure_account_parameter};
    const auto* const properties = reading.object(*body, "properties", "");
    const auto access = properties == nullptr ? std::nullopt : reading.text(*properties, "publicAccess", "properties.");
    if (reading.failure()) return *reading.failure();
    if (access && *access != "None")
        return *access == "Blob" || *access == "Container"
                   ? azure_refusal(409, "PublicAccessNotPermitted",
                                   "Public access is not permitted on this storage account.")
                   : azure_account_parameter("Values for request parameters are invalid: publicAccess.");
    if (!AzureBlobs::is_container_name(name))
        return azure_refusal(400, "ContainerNameInvalid",
                             "The specified container name is invalid. It has 3 to 63 lower-case letters, digits and "
                             "single hyphens, and begins and ends with a letter or digit.");
    if (!there && method == "PATCH")
        return azure_refusal(404, "ContainerNotFound", "The specified container does not exist.");
    const bool is_new = shared_.blobs.add_container(stored, name);
    return azure_json(show_container(account, name), is_new ? 201 : 200);
}

}  // namespace blueprint::faas::local

#endif
