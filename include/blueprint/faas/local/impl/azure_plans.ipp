#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_PLANS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_PLANS_IPP

#include "blueprint/faas/local/azure_sites.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace blueprint::faas::local {

// App Service plans, which Azure's API calls server farms.

inline Error azure_web_bad(std::string message) { return azure_web_refusal(400, "BadRequest", std::move(message)); }

/// The plans that are played: name, tier and family.
inline constexpr std::array<std::array<std::string_view, 3>, 9> azure_skus{{{"FC1", "FlexConsumption", "FC"},
                                                                            {"Y1", "Dynamic", "Y"},
                                                                            {"EP1", "ElasticPremium", "EP"},
                                                                            {"EP2", "ElasticPremium", "EP"},
                                                                            {"EP3", "ElasticPremium", "EP"},
                                                                            {"B1", "Basic", "B"},
                                                                            {"S1", "Standard", "S"},
                                                                            {"P0v3", "Premium0V3", "Pv3"},
                                                                            {"P1v3", "PremiumV3", "Pv3"}}};

inline std::string azure_plan_key(std::string_view group, std::string_view name) {
    return azure_lower(group) + '/' + azure_lower(name);
}

BLUEPRINT_FAAS_DECL AzurePlan* AzureSites::find_plan(std::string_view name, std::string_view group) {
    const auto found = plans_.find(azure_plan_key(group, name));
    return found == plans_.end() ? nullptr : &found->second;
}

BLUEPRINT_FAAS_DECL const AzurePlan* AzureSites::plan_of(const AzureAppSettings& settings) const {
    const auto found = plans_.find(settings.plan);
    return found == plans_.end() ? nullptr : &found->second;
}

BLUEPRINT_FAAS_DECL std::size_t AzureSites::apps_of(std::string_view plan) const {
    return static_cast<std::size_t>(std::count_if(
        apps_.begin(), apps_.end(), [&](const auto& entry) { return entry.second->settings.plan == plan; }));
}

BLUEPRINT_FAAS_DECL boost::json::object AzureSites::show(const AzurePlan& plan) const {
    std::string_view family;
    for (const auto& known : azure_skus)
        if (known[0] == plan.sku) family = known[2];
    const boost::json::object sku{
        {"name", plan.sku}, {"tier", plan.tier}, {"size", plan.sku}, {"family", family}, {"capacity", 0}};
    boost::json::object properties{{"status", plan.state == "Succeeded" ? "Ready" : "Creating"},
                                   {"subscription", shared_.options.subscription},
                                   {"numberOfWorkers", 0},
                                   {"maximumNumberOfWorkers", 1000},
                                   {"numberOfSites", apps_of(azure_plan_key(plan.group, plan.name))},
                                   {"geoRegion", plan.location},
                                   {"perSiteScaling", false},
                                   {"elasticScaleEnabled", plan.tier == "ElasticPremium"},
                                   {"isSpot", false},
                                   {"resourceGroup", plan.group},
                                   {"reserved", true},
                                   {"isXenon", false},
                                   {"hyperV", false},
                                   {"zoneRedundant", false},
                                   {"provisioningState", plan.state}};
    return {{"id", shared_.providers_of(plan.group) + "Microsoft.Web/serverfarms/" + plan.name},
            {"name", plan.name},
            {"type", "Microsoft.Web/serverfarms"},
            {"kind", plan.kind},
            {"location", plan.location},
            {"tags", plan.tags},
            {"sku", sku},
            {"properties", std::move(properties)}};
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureSites::plans(const AzureTarget& target, const ServerRequest& request) {
    const auto& method = request.method;
    if (target.path.size() == 1) {
        if (method != "GET") return azure_unknown_action(request);
        boost::json::array listed;
        for (const auto& [key, plan] : plans_)
            if (target.group.empty() || faas::detail::iequals(plan.group, target.group)) listed.push_back(show(plan));
        return azure_json({{"value", std::move(listed)}});
    }
    if (target.path.size() > 2 || target.group.empty()) return azure_unknown_action(request);
    if (method == "PUT" || method == "PATCH") return put_plan(target, request);
    if (method == "DELETE") return erase_plan(target);
    if (method == "GET") return show_at(target);
    return azure_unknown_action(request);
}

/// Source: App Service REST API, "App Service Plans - Create Or Update".
BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureSites::put_plan(const AzureTarget& target, const ServerRequest& request) {
    const auto& name = target.path[1];
    auto* const existing = find_plan(name, target.group);
    const bool whole = request.method == "PUT";
    if (!whole && existing == nullptr) return azure_no_resource("Microsoft.Web/serverfarms/" + name, target.group);
    const auto body = read_azure_body(request);
    if (!body) return body.error();
    if (const auto fine = check_azure_resource(*body, whole); !fine) return fine.error();
    const bool well_named = !name.empty() && name.size() <= 60 && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    });
    if (!well_named) return azure_web_bad("The parameter Name has an invalid value.");
    AzureReading reading{azure_web_bad};
    AzurePlan wanted{.name = name, .group = target.group};
    if (existing != nullptr) wanted = *existing;
    if (const auto location = reading.text(*body, "location", "")) {
        if (!is_azure_region(azure_region(*location)))
            return azure_refusal(400, "LocationNotAvailableForResourceType",
                                 "The provided location '" + *location +
                                     "' is not available for resource type 'Microsoft.Web/serverFarms'.");
        if (existing != nullptr && azure_region(*location) != azure_region(existing->location))
            return azure_refusal(409, "InvalidResourceLocation",
                                 "The resource '" + name + "' already exists in location '" + existing->location +
                                     "' in resource group '" + existing->group + "'.");
        wanted.location = *location;
    }
    if (const auto kind = reading.text(*body, "kind", "")) wanted.kind = *kind;
    if (const auto* const tags = reading.object(*body, "tags", "")) wanted.tags = *tags;
    if (const auto* const sku = reading.object(*body, "sku", "")) {
        const auto sku_name = reading.text(*sku, "name", "sku.").value_or("");
        const auto tier = reading.text(*sku, "tier", "sku.").value_or("");
        const auto known = std::find_if(azure_skus.begin(), azure_skus.end(), [&](const auto& one) {
            return sku_name.empty() ? faas::detail::iequals(one[1], tier) : faas::detail::iequals(one[0], sku_name);
        });
        if (known == azure_skus.end() || (!tier.empty() && !faas::detail::iequals((*known)[1], tier)))
            return azure_web_bad("The SKU '" + sku_name + "' of tier '" + tier + "' is not valid.");
        if (existing != nullptr && existing->tier != (*known)[1])
            return azure_web_bad("A plan of tier '" + existing->tier + "' cannot become one of tier '" +
                                 std::string{(*known)[1]} + "'.");
        wanted.sku = (*known)[0];
        wanted.tier = (*known)[1];
    } else if (whole && existing == nullptr) {
        return azure_web_bad("The parameter SKU is missing: a plan has one.");
    }
    static const boost::json::object nothing;
    const auto* const given = reading.object(*body, "properties", "");
    const bool linux_plan =
        reading.flag(given == nullptr ? nothing : *given, "reserved", "properties.").value_or(false);
    if (reading.failure()) return *reading.failure();
    if (existing == nullptr && !linux_plan)
        return azure_web_bad(wanted.flex() ? "Flex Consumption plans are Linux plans: reserved must be true."
                                           : "The local cloud has Linux plans alone: reserved must be true.");
    if (existing != nullptr) {
        *existing = wanted;
        return azure_json(show(wanted));
    }
    wanted.state = "InProgress";
    const auto key = azure_plan_key(target.group, name);
    plans_[key] = wanted;
    const auto id = shared_.providers_of(target.group) + "Microsoft.Web/serverfarms/" + name;
    const auto operation = shared_.operations.begin(id, shared_.now());
    shared_.carry_out(operation, id, [this, key](const std::optional<AzureFault>& fault) {
        const auto made = plans_.find(key);
        if (made == plans_.end()) return;
        if (fault)
            plans_.erase(made);
        else
            made->second.state = "Succeeded";
    });
    auto answer = azure_json(show(wanted));
    shared_.operations.announce(answer, operation, shared_.url, shared_.operations_of(provider, wanted.location),
                                target.version);
    return answer;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureSites::erase_plan(const AzureTarget& target) {
    const auto found = plans_.find(azure_plan_key(target.group, target.path[1]));
    if (found == plans_.end()) return azure_empty(204);
    for (const auto& [name, app] : apps_)
        if (app->settings.plan == found->first)
            return azure_web_refusal(409, "Conflict",
                                     "Server farm '" + found->second.name +
                                         "' cannot be deleted because it has web app(s) " + app->name +
                                         " assigned to it.");
    plans_.erase(found);
    return azure_empty(200);
}

}  // namespace blueprint::faas::local

#endif
