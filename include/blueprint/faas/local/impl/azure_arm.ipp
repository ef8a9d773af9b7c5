#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_ARM_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_ARM_IPP

#include "blueprint/faas/local/azure_arm.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>

#include <algorithm>
#include <array>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

// The management API's own part: where requests go, and what all resources have in common.

/// What the API knows of a provider. Source: Azure documentation, "Azure resource providers and types"; the versions
/// are those that Azure's own templates reference lists.
struct AzureProvider {
    std::string_view name{};
    std::string_view types{};     // parted by blanks
    std::string_view versions{};  // parted by blanks; the newest first
};

inline constexpr std::array<AzureProvider, 4> azure_providers{
    {{"Microsoft.Resources", "subscriptions resourceGroups tenants providers",
      "2025-04-01 2025-03-01 2024-11-01 2024-07-01 2024-03-01 2023-07-01 2022-12-01 2022-09-01 2022-05-01 2022-01-01 "
      "2021-04-01 2021-01-01 2020-10-01 2020-08-01 2020-06-01 2020-01-01 2019-11-01 2019-10-01 2019-08-01 2019-07-01 "
      "2019-06-01 2019-05-10 2019-05-01 2018-05-01 2018-02-01 2017-05-10 2016-09-01 2016-06-01 2016-02-01 2015-11-01 "
      "2015-01-01"},
     {"Microsoft.Storage", "storageAccounts checkNameAvailability locations operations",
      "2025-08-01 2025-06-01 2025-01-01 2024-01-01 2023-05-01 2023-04-01 2023-01-01 2022-09-01 2022-05-01 2021-09-01 "
      "2021-08-01 2021-06-01 2021-04-01 2021-02-01 2021-01-01 2019-06-01 2019-04-01 2018-11-01 2018-07-01 2018-02-01"},
     {"Microsoft.Web", "sites serverfarms checkNameAvailability locations operations",
      "2025-05-01 2025-03-01 2024-11-01 2024-04-01 2023-12-01 2023-01-01 2022-09-01 2022-03-01 2021-03-01 2021-02-01 "
      "2021-01-15 2021-01-01 2020-12-01 2020-10-01 2020-09-01 2020-06-01 2019-08-01 2018-11-01 2018-02-01 2016-08-01"},
     {"Microsoft.Authorization", "roleAssignments roleDefinitions",
      "2022-04-01 2020-10-01-preview 2020-08-01-preview 2020-04-01-preview 2018-09-01-preview 2015-07-01"}}};

/// Tells whether a path names a provider itself, "/subscriptions/S/providers/Microsoft.Web", or its registration.
inline bool names_azure_provider(const AzureTarget& target) {
    return !target.provider.empty() && target.group.empty() &&
           (target.path.empty() || (target.path.size() == 1 && target.is(0, "register")));
}

inline const AzureProvider* find_azure_provider(std::string_view name) {
    for (const auto& provider : azure_providers)
        if (faas::detail::iequals(provider.name, name)) return &provider;
    return nullptr;
}

/// Finds a word of a list that is parted by blanks, in whatever case; empty if it is not there.
inline std::string_view azure_word_of(std::string_view list, std::string_view word) {
    while (!list.empty()) {
        const auto one = list.substr(0, list.find(' '));
        if (faas::detail::iequals(one, word)) return one;
        list.remove_prefix(std::min(one.size() + 1, list.size()));
    }
    return {};
}

inline std::string azure_listed(std::string_view list) {
    std::string out;
    for (const char c : list) out += c == ' ' ? std::string{", "} : std::string{c};
    return out;
}

BLUEPRINT_FAAS_DECL AzureArm::AzureArm(FunctionHost& host, const AzurePlatform& platform)
    : shared_{host, platform.options(), platform.gate(), platform.clock()},
      accounts_{shared_},
      sites_{shared_, accounts_} {
    for (const auto& name : shared_.options.unregistered) registration_[azure_lower(name)] = "NotRegistered";
    shared_.blobs.judge_roles_by([this](std::string_view account, std::string_view principal, bool writes) {
        return shared_.has_blob_role(accounts_.id_of(account), principal, writes);
    });
}

BLUEPRINT_FAAS_DECL Admission AzureArm::admit(const ServerRequest& head) {
    if (AzureBlobs::takes(head)) return shared_.blobs.admit(head);
    const auto caller = shared_.gate.judge_management(head);
    if (!caller) return {.refusal = azure_answer(caller.error(), shared_.options.tenant)};
    return {.body_bytes = 4U << 20};
}

BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> AzureArm::answer(ServerRequest request) {
    if (AzureBlobs::takes(request)) co_return shared_.blobs.answer(std::move(request));
    const auto caller = shared_.gate.judge_management(request);
    if (!caller) co_return azure_answer(caller.error(), shared_.options.tenant);
    auto answer = handle(read_azure_target(request.target), request, *caller);
    auto told = answer ? std::move(*answer) : azure_answer(answer.error(), shared_.options.tenant);
    const auto id = request.field("x-ms-client-request-id").value_or("");
    if (!id.empty() && id.size() <= 128) told.headers.emplace_back("x-ms-client-request-id", id);
    co_return told;
}

/// Source: Azure documentation, "Resolve errors for API versions": NoRegisteredProviderFound and its like.
BLUEPRINT_FAAS_DECL result<void> AzureArm::check_version(const AzureTarget& target) const {
    if (target.version.empty())
        return azure_refusal(400, "MissingApiVersionParameter",
                             "The api-version query parameter (?api-version=) is required for all requests.");
    const bool own = target.provider.empty() || names_azure_provider(target);
    const auto* const provider = find_azure_provider(own ? "Microsoft.Resources" : std::string_view{target.provider});
    if (provider == nullptr)
        return azure_refusal(404, "InvalidResourceNamespace",
                             "The resource namespace '" + target.provider + "' is invalid.");
    const bool known = !azure_word_of(provider->versions, target.version).empty();
    const auto versions = azure_listed(provider->versions);
    if (own) {
        if (known) return {};
        return azure_refusal(
            400, "InvalidApiVersionParameter",
            "The api-version '" + target.version + "' is invalid. The supported versions are '" + versions + "'.");
    }
    const auto type = target.path.empty() ? std::string{} : target.path[0];
    if (azure_word_of(provider->types, type).empty())
        return azure_refusal(404, "InvalidResourceType",
                             "The resource type '" + type + "' could not be found in the namespace '" +
                                 std::string{provider->name} + "' for api version '" + target.version +
                                 "'. The supported api-versions are '" + versions + "'.");
    if (known) return {};
    return azure_refusal(400, "NoRegisteredProviderFound",
                         "No registered resource provider found for location 'westeurope' and API version '" +
                             target.version + "' for type '" + target.type() + "'. The supported api-versions are '" +
                             versions + "'.");
}

BLUEPRINT_FAAS_DECL result<void> AzureArm::check_place(const AzureTarget& target, const ServerRequest& request) const {
    if (!target.subscription.empty() && !faas::detail::iequals(target.subscription, shared_.options.subscription))
        return azure_refusal(404, "SubscriptionNotFound",
                             "The subscription '" + target.subscription + "' could not be found.");
    if (!target.provider.empty() && request.method != "GET" && !names_azure_provider(target) &&
        !is_registered(target.provider))
        return azure_refusal(409, "MissingSubscriptionRegistration",
                             "The subscription is not registered to use namespace '" + target.provider +
                                 "'. See https://aka.ms/rps-not-found for how to register subscriptions.");
    if (target.provider.empty() || target.group.empty()) return {};
    const auto* const group = find_group(target.group);
    if (group == nullptr)
        return azure_refusal(404, "ResourceGroupNotFound", "Resource group '" + target.group + "' could not be found.");
    if (group->deleting && request.method != "GET")
        return azure_refusal(
            409, "ResourceGroupBeingDeleted",
            "The resource group '" + group->name + "' is in deprovisioning state and cannot perform this operation.");
    return {};
}

/// What a caller must be allowed: "Microsoft.Web/sites/write".
inline std::string azure_action(const AzureTarget& target, const ServerRequest& request) {
    auto action = target.provider.empty() ? std::string{"Microsoft.Resources/subscriptions"} : target.provider;
    if (target.provider.empty() && !target.group.empty()) action += "/resourceGroups";
    if (!target.provider.empty()) action += '/' + target.type();
    if (request.method == "POST" && !target.path.empty()) action += '/' + target.path.back();
    const bool reads = request.method == "GET" || request.method == "HEAD";
    return action + (reads                        ? "/read"
                     : request.method == "DELETE" ? "/delete"
                     : request.method == "POST"   ? "/action"
                                                  : "/write");
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureArm::handle(const AzureTarget& target, const ServerRequest& request,
                                                          const AzureCaller& caller) {
    if (const auto fine = check_version(target); !fine) return fine.error();
    const auto scope = request.target.substr(0, request.target.find('?'));
    if (const auto may = shared_.gate.require(caller, azure_action(target, request), scope); !may) return may.error();
    if (const auto fine = check_place(target, request); !fine) return fine.error();
    if (names_azure_provider(target)) return providers(target, request);
    const auto segments = target.path.size();
    if (segments > 1 && (target.is(segments - 2, "operations") || target.is(segments - 2, "operationresults")))
        return operation(target, request);
    if (faas::detail::iequals(target.provider, "Microsoft.Authorization")) return role_assignments(target, request);
    if (faas::detail::iequals(target.provider, AzureAccounts::provider)) return accounts_.answer(target, request);
    if (faas::detail::iequals(target.provider, AzureSites::provider)) return sites_.answer(target, request);
    if (!target.provider.empty()) return azure_unknown_action(request);
    if (!target.group.empty() || target.is(0, "resourceGroups")) return groups(target, request);
    if (!target.subscription.empty() && target.is(0, "providers")) return providers(target, request);
    return subscriptions(target, request);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureArm::operation(const AzureTarget& target,
                                                             const ServerRequest& request) const {
    if (request.method != "GET") return azure_unknown_action(request);
    return shared_.operations.show(target, [this](std::string_view id) -> result<ServerAnswer> {
        const auto resource = read_azure_target(id);
        if (faas::detail::iequals(resource.provider, AzureAccounts::provider)) return accounts_.show_at(resource);
        if (faas::detail::iequals(resource.provider, AzureSites::provider)) return sites_.show_at(resource);
        return azure_empty(200);  // a resource group that has gone
    });
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureArm::subscriptions(const AzureTarget& target,
                                                                 const ServerRequest& request) const {
    if (request.method != "GET") return azure_unknown_action(request);
    const auto& options = shared_.options;
    const boost::json::object tenant{{"id", "/tenants/" + options.tenant},
                                     {"tenantId", options.tenant},
                                     {"displayName", "Local"},
                                     {"tenantType", "AAD"}};
    if (target.subscription.empty() && target.is(0, "tenants") && target.path.size() == 1)
        return azure_json({{"value", boost::json::array{tenant}}});
    const boost::json::object one{{"id", "/subscriptions/" + options.subscription},
                                  {"subscriptionId", options.subscription},
                                  {"tenantId", options.tenant},
                                  {"displayName", "Local"},
                                  {"state", "Enabled"},
                                  {"authorizationSource", "RoleBased"}};
    if (target.subscription.empty() && target.is(0, "subscriptions") && target.path.size() == 1)
        return azure_json({{"value", boost::json::array{one}}});
    if (!target.subscription.empty() && target.path.empty()) return azure_json(one);
    return azure_unknown_action(request);
}

BLUEPRINT_FAAS_DECL bool AzureArm::is_registered(std::string_view provider) const {
    const auto found = registration_.find(azure_lower(provider));
    return found == registration_.end() || found->second == "Registered";
}

BLUEPRINT_FAAS_DECL boost::json::object AzureArm::show_provider(std::string_view provider) const {
    const auto& known = *find_azure_provider(provider);
    const auto found = registration_.find(azure_lower(provider));
    boost::json::array versions;
    for (auto list = known.versions; !list.empty();) {
        const auto one = list.substr(0, list.find(' '));
        versions.push_back(boost::json::value(boost::json::string{one}));
        list.remove_prefix(std::min(one.size() + 1, list.size()));
    }
    boost::json::array types;
    for (auto list = known.types; !list.empty();) {
        const auto one = list.substr(0, list.find(' '));
        types.push_back(boost::json::object{
            {"resourceType", one}, {"locations", boost::json::array{"West Europe"}}, {"apiVersions", versions}});
        list.remove_prefix(std::min(one.size() + 1, list.size()));
    }
    return {{"id", "/subscriptions/" + shared_.options.subscription + "/providers/" + std::string{known.name}},
            {"namespace", known.name},
            {"registrationPolicy", "RegistrationRequired"},
            {"registrationState", found == registration_.end() ? std::string{"Registered"} : found->second},
            {"resourceTypes", std::move(types)}};
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureArm::providers(const AzureTarget& target, const ServerRequest& request) {
    if (target.provider.empty()) {
        if (target.path.size() != 1 || request.method != "GET") return azure_unknown_action(request);
        boost::json::array listed;
        for (const auto& provider : azure_providers) listed.push_back(show_provider(provider.name));
        return azure_json({{"value", std::move(listed)}});
    }
    const auto* const provider = find_azure_provider(target.provider);
    if (provider == nullptr)
        return azure_refusal(404, "InvalidResourceNamespace",
                             "The resource namespace '" + target.provider + "' is invalid.");
    if (target.path.empty() && request.method == "GET") return azure_json(show_provider(provider->name));
    if (target.path.empty() || request.method != "POST") return azure_unknown_action(request);
    if (!is_registered(provider->name)) {
        const auto name = azure_lower(provider->name);
        registration_[name] = "Registering";
        const auto id = "/subscriptions/" + shared_.options.subscription + "/providers/" + std::string{provider->name};
        shared_.carry_out(shared_.operations.begin(id, shared_.now()), id,
                          [this, name](const std::optional<AzureFault>& fault) {
                              registration_[name] = fault ? "NotRegistered" : "Registered";
                          });
    }
    return azure_json(show_provider(provider->name));
}

BLUEPRINT_FAAS_DECL void AzureArm::serve_at(std::string url, std::weak_ptr<void> owner) {
    shared_.url = std::move(url);
    shared_.owned_by(std::move(owner));
}

BLUEPRINT_FAAS_DECL void AzureArm::end_processes() {
    shared_.host.ending = true;
    shared_.begin_stopping();
    sites_.end();
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> AzureArm::stop(std::chrono::milliseconds grace) {
    asio::steady_timer look{shared_.host.strand};
    sites_.stop_accepting();
    const auto limit = deadline_after(grace);
    while (sites_.calls() > 0 && std::chrono::steady_clock::now() < limit) {
        look.expires_after(std::chrono::milliseconds{5});
        const auto [ignored] = co_await look.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
    end_processes();
    auto finishing = shared_.finish();
    co_await std::move(finishing);
    const auto killed = deadline_after(shared_.host.options.limits.kill_after + std::chrono::milliseconds{500});
    while (sites_.instances() > 0 && std::chrono::steady_clock::now() < killed) {
        look.expires_after(std::chrono::milliseconds{5});
        const auto [ignored] = co_await look.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
