#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_SHARED_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_SHARED_IPP

#include "blueprint/faas/local/azure_shared.hpp"

#include <algorithm>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL std::optional<AzureFault> AzureShared::fault(std::string_view resource) const {
    if (stopping()) return AzureFault{.code = "OperationCanceled", .message = "The operation was canceled."};
    if (!options.operation_fault) return std::nullopt;
    return options.operation_fault(resource);
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> AzureShared::settle(
    std::string operation, std::string resource, std::function<void(const std::optional<AzureFault>& fault)> done) {
    co_await pause(options.settle);
    const auto wrong = fault(resource);
    done(wrong);
    operations.end(operation, now(), wrong);
}

BLUEPRINT_FAAS_DECL void AzureShared::carry_out(std::string operation, std::string resource,
                                                std::function<void(const std::optional<AzureFault>& fault)> done) {
    spawn(settle(std::move(operation), std::move(resource), std::move(done)));
}

BLUEPRINT_FAAS_DECL bool AzureShared::taken(std::string_view name) const {
    return std::any_of(options.taken_names.begin(), options.taken_names.end(),
                       [&](const std::string& other) { return faas::detail::iequals(other, name); });
}

BLUEPRINT_FAAS_DECL std::string AzureShared::providers_of(std::string_view group) const {
    return "/subscriptions/" + options.subscription + "/resourceGroups/" + std::string{group} + "/providers/";
}

BLUEPRINT_FAAS_DECL std::string AzureShared::operations_of(std::string_view provider, std::string_view location) const {
    return "/subscriptions/" + options.subscription + "/providers/" + std::string{provider} + "/locations/" +
           azure_region(location);
}

/// Source: Azure documentation, "Azure built-in roles", Storage.
BLUEPRINT_FAAS_DECL bool AzureShared::has_blob_role(std::string_view account_id, std::string_view principal,
                                                    bool writes) const {
    constexpr std::string_view owner = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b";
    constexpr std::string_view contributor = "ba92f5b4-2d11-453d-a403-e96b0029c9fe";
    constexpr std::string_view reader = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1";
    return std::any_of(roles.begin(), roles.end(), [&](const AzureRoleAssignment& one) {
        const auto scope = std::string_view{account_id}.substr(0, one.scope.size());
        const bool fits = one.role == owner || one.role == contributor || (!writes && one.role == reader);
        return fits && faas::detail::iequals(one.principal, principal) && faas::detail::iequals(one.scope, scope);
    });
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
