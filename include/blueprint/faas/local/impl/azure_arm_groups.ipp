#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_ARM_GROUPS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_ARM_GROUPS_IPP

#include "blueprint/faas/local/azure_arm.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace blueprint::faas::local {

// Resource groups, and who has which role at what is in them.

BLUEPRINT_FAAS_DECL AzureArm::Group* AzureArm::find_group(std::string_view name) {
    const auto found = groups_.find(azure_lower(name));
    return found == groups_.end() ? nullptr : &found->second;
}

BLUEPRINT_FAAS_DECL const AzureArm::Group* AzureArm::find_group(std::string_view name) const {
    const auto found = groups_.find(azure_lower(name));
    return found == groups_.end() ? nullptr : &found->second;
}

BLUEPRINT_FAAS_DECL boost::json::object AzureArm::show(const Group& group) const {
    const boost::json::object properties{{"provisioningState", group.deleting ? "Deleting" : "Succeeded"}};
    boost::json::object shown{
        {"id", "/subscriptions/" + shared_.options.subscription + "/resourceGroups/" + group.name},
        {"name", group.name},
        {"type", "Microsoft.Resources/resourceGroups"},
        {"location", group.location},
        {"tags", group.tags},
        {"properties", properties}};
    if (!group.managed_by.is_null()) shown["managedBy"] = group.managed_by;
    return shown;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureArm::groups(const AzureTarget& target, const ServerRequest& request) {
    const auto& method = request.method;
    if (target.group.empty()) {
        if (target.path.size() != 1 || method != "GET") return azure_unknown_action(request);
        boost::json::array listed;
        for (const auto& [name, group] : groups_) listed.push_back(show(group));
        return azure_json({{"value", std::move(listed)}});
    }
    auto* const group = find_group(target.group);
    if (target.path.empty() && method == "PUT") return put_group(target, request);
    if (group == nullptr)
        return azure_refusal(404, "ResourceGroupNotFound", "Resource group '" + target.group + "' could not be found.");
    if (target.is(0, "resources") && target.path.size() == 1 && method == "GET") return list_resources(*group);
    if (!target.path.empty()) return azure_unknown_action(request);
    if (method == "HEAD") return azure_empty(204);
    if (method == "GET") return azure_json(show(*group));
    if (method == "PATCH") return put_group(target, request);
    if (method == "DELETE") return erase_group(*group, target.version);
    return azure_unknown_action(request);
}

/// Source: Azure documentation, "Naming rules and restrictions for Azure resources", Microsoft.Resources.
inline bool is_azure_group_name(std::string_view name) {
    return !name.empty() && name.size() <= 90 && name.back() != '.' &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                      c == '-' || c == '.' || c == '(' || c == ')';
           });
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureArm::put_group(const AzureTarget& target, const ServerRequest& request) {
    auto* const existing = find_group(target.group);
    const auto body = read_azure_body(request);
    if (!body) return body.error();
    if (const auto fine = check_azure_resource(*body, existing == nullptr || request.method == "PUT"); !fine)
        return fine.error();
    if (!is_azure_group_name(target.group))
        return azure_refusal(400, "InvalidParameter",
                             "The resource group name '" + target.group +
                                 "' has characters that are not allowed, is longer than 90, or ends with a period.");
    Group wanted{.name = target.group};
    if (existing != nullptr) wanted = *existing;
    if (const auto* const location = body->if_contains("location")) {
        const auto region = azure_region(location->get_string());
        if (!is_azure_region(region))
            return azure_refusal(400, "LocationNotAvailableForResourceGroup",
                                 "The provided location '" + region + "' is not available for resource group.");
        if (existing != nullptr && existing->location != region)
            return azure_refusal(409, "InvalidResourceGroupLocation",
                                 "Invalid resource group location '" + region +
                                     "'. The Resource group already exists in location '" + existing->location + "'.");
        wanted.location = region;
    }
    if (wanted.deleting)
        return azure_refusal(
            409, "ResourceGroupBeingDeleted",
            "The resource group '" + wanted.name + "' is in deprovisioning state and cannot perform this operation.");
    // What is not told of an existing group's tags is removed by PUT and kept by PATCH.
    if (request.method == "PUT") wanted.tags.clear();
    if (const auto* const tags = body->if_contains("tags"); tags != nullptr && tags->is_object())
        wanted.tags = tags->get_object();
    if (const auto* const by = body->if_contains("managedBy")) wanted.managed_by = *by;
    groups_[azure_lower(target.group)] = wanted;
    return azure_json(show(wanted), existing == nullptr ? 201 : 200);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureArm::erase_group(Group& group, std::string_view version) {
    const auto root = "/subscriptions/" + shared_.options.subscription;
    const auto id = root + "/resourceGroups/" + group.name;
    auto answer = azure_empty(202);
    const auto operation = shared_.operations.begin(id, shared_.now());
    shared_.operations.locate(answer, operation, shared_.url, root, version);
    group.deleting = true;
    const auto name = group.name;
    shared_.carry_out(operation, id, [this, name](const std::optional<AzureFault>& fault) {
        auto* const found = find_group(name);
        if (found == nullptr) return;  // it was asked for twice
        found->deleting = false;
        if (fault) return;
        sites_.erase_group(name);
        accounts_.erase_group(name);
        groups_.erase(azure_lower(name));
    });
    return answer;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureArm::list_resources(const Group& group) const {
    boost::json::array listed;
    accounts_.list_resources(group.name, listed);
    sites_.list_resources(group.name, listed);
    return azure_json({{"value", std::move(listed)}});
}

inline boost::json::object show_azure_role(const AzureRoleAssignment& one, std::string_view subscription) {
    const boost::json::object properties{
        {"scope", one.scope},
        {"roleDefinitionId", "/subscriptions/" + std::string{subscription} +
                                 "/providers/Microsoft.Authorization/roleDefinitions/" + one.role},
        {"principalId", one.principal},
        {"principalType", one.principal_type}};
    return {{"id", one.id},
            {"name", one.name},
            {"type", "Microsoft.Authorization/roleAssignments"},
            {"properties", properties}};
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureArm::role_assignments(const AzureTarget& target,
                                                                    const ServerRequest& request) {
    auto& roles = shared_.roles;
    if (!target.is(0, "roleAssignments") || target.path.size() > 2) return azure_unknown_action(request);
    if (target.path.size() == 1) {
        if (request.method != "GET") return azure_unknown_action(request);
        boost::json::array listed;
        for (const auto& one : roles)
            if (faas::detail::iequals(std::string_view{one.scope}.substr(0, target.scope.size()), target.scope))
                listed.push_back(show_azure_role(one, shared_.options.subscription));
        return azure_json({{"value", std::move(listed)}});
    }
    if (request.method == "PUT") return assign_role(target, request);
    const auto found = std::find_if(roles.begin(), roles.end(), [&](const AzureRoleAssignment& one) {
        return faas::detail::iequals(one.name, target.path[1]) && faas::detail::iequals(one.scope, target.scope);
    });
    if (found == roles.end())
        return request.method == "DELETE"
                   ? result<ServerAnswer>{azure_empty(204)}
                   : result<ServerAnswer>{azure_refusal(404, "RoleAssignmentNotFound",
                                                        "The role assignment '" + target.path[1] + "' is not found.")};
    const auto shown = show_azure_role(*found, shared_.options.subscription);
    if (request.method == "DELETE")
        roles.erase(found);
    else if (request.method != "GET")
        return azure_unknown_action(request);
    return azure_json(shown);
}

BLUEPRINT_FAAS_DECL bool AzureArm::knows_principal(std::string_view id) const {
    const auto& options = shared_.options;
    const auto same = [&](std::string_view other) { return faas::detail::iequals(other, id); };
    return std::any_of(options.identities.begin(), options.identities.end(),
                       [&](const auto& identity) { return same(identity.object_id); }) ||
           std::any_of(options.applications.begin(), options.applications.end(),
                       [&](const auto& one) { return same(azure_object_id(options.tenant, one.client_id)); }) ||
           sites_.knows_principal(id);
}

/// Source: Azure role-based access control REST API, "Role Assignments - Create".
BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureArm::assign_role(const AzureTarget& target,
                                                               const ServerRequest& request) {
    const auto body = read_azure_body(request);
    if (!body) return body.error();
    AzureReading reading{
        [](std::string message) { return azure_refusal(400, "BadRequestFormat", std::move(message)); }};
    static const boost::json::object nothing;
    const auto* const given = reading.object(*body, "properties", "");
    const auto& properties = given == nullptr ? nothing : *given;
    const auto definition = reading.text(properties, "roleDefinitionId", "properties.").value_or("");
    AzureRoleAssignment wanted{
        .id = target.scope + "/providers/Microsoft.Authorization/roleAssignments/" + target.path[1],
        .name = target.path[1],
        .scope = target.scope,
        .role = azure_lower(std::string_view{definition}.substr(definition.rfind('/') + 1)),
        .principal = reading.text(properties, "principalId", "properties.").value_or("")};
    wanted.principal_type = reading.text(properties, "principalType", "properties.").value_or("ServicePrincipal");
    if (reading.failure()) return *reading.failure();
    const auto is_uuid = [](std::string_view text) {
        return text.size() == 36 && text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-';
    };
    if (!is_uuid(wanted.name))
        return azure_refusal(
            400, "InvalidRoleAssignmentId",
            "The role assignment ID '" + wanted.name + "' is not valid. The role assignment ID must be a GUID.");
    if (!is_uuid(wanted.role))
        return azure_refusal(400, "RoleDefinitionDoesNotExist",
                             "The specified role definition with ID '" + wanted.role + "' does not exist.");
    if (!knows_principal(wanted.principal))
        return azure_refusal(400, "PrincipalNotFound",
                             "Principal " + wanted.principal + " does not exist in the directory " +
                                 shared_.options.tenant +
                                 ". Check that you have the correct principal ID. If you are creating this principal "
                                 "and then immediately assigning a role, this error might be related to a replication "
                                 "delay.");
    for (const auto& one : shared_.roles)
        if (faas::detail::iequals(one.scope, wanted.scope) && one.role == wanted.role &&
            faas::detail::iequals(one.principal, wanted.principal))
            return azure_refusal(
                409, "RoleAssignmentExists",
                "The role assignment already exists. The ID of the conflicting role assignment is " + one.name + '.');
    shared_.roles.push_back(wanted);
    return azure_json(show_azure_role(wanted, shared_.options.subscription), 201);
}

}  // namespace blueprint::faas::local

#endif
