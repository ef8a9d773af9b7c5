#ifndef BLUEPRINT_FAAS_AUTH_AZURE_NAMES_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_NAMES_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/wiped.hpp"
#include "blueprint/faas/error.hpp"

#include <string>
#include <string_view>

namespace blueprint::faas::azure {

/// Tells whether `text` can be a tenant: its id, or one of its domain names. Nothing that could mean something else in
/// a URL or on a command line is taken. Source: Microsoft identity platform, "Endpoints", the part {tenant}.
constexpr bool is_tenant(std::string_view text) noexcept {
    constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";
    return !text.empty() && text.size() <= 255 && text.find_first_not_of(allowed) == std::string_view::npos &&
           text.front() != '-' && text.front() != '.' && text.find("..") == std::string_view::npos;
}

/// Tells whether `text` can be a scope: a URI, or a GUID, and the name of a permission.
/// Source: Microsoft identity platform, "Scopes and permissions", the scope .default.
constexpr bool is_scope(std::string_view text) noexcept {
    constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:/";
    return !text.empty() && text.size() <= 512 && text.find_first_not_of(allowed) == std::string_view::npos &&
           text.front() != '-';
}

/// Returns the resource that a scope is of, as managed identity and the Azure CLI want it: the scope without
/// "/.default".
constexpr std::string_view resource_of(std::string_view scope) noexcept {
    constexpr std::string_view all = "/.default";
    if (scope.ends_with(all)) scope.remove_suffix(all.size());
    return scope;
}

/// Refuses what is no tenant, before it gets into a URL or a command line. `by` is who says so: "AZURE_TENANT_ID".
BLUEPRINT_FAAS_COLD inline result<void> check_tenant(std::string_view tenant, std::string_view by) {
    if (is_tenant(tenant)) return {};
    return Error{.code = errc::invalid_configuration,
                 .message = std::string{by} + " is no tenant: '" + faas::detail::one_line(tenant) +
                            "'; give its id (a GUID, see 'az account show --query tenantId') or its domain name, of "
                            "letters, digits, dots and hyphens",
                 .execution = Execution::not_started};
}

/// Refuses what is no scope.
BLUEPRINT_FAAS_COLD inline result<void> check_scope(std::string_view scope) {
    if (is_scope(scope)) return {};
    return Error{.code = errc::invalid_configuration,
                 .message = "'" + faas::detail::one_line(scope) +
                            "' is no scope that a token can be asked for; scopes are such as "
                            "'https://management.azure.com/.default'",
                 .execution = Execution::not_started};
}

}  // namespace blueprint::faas::azure

#endif
