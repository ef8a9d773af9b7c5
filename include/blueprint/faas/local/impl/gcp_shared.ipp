#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_SHARED_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_SHARED_IPP

#include "blueprint/faas/local/gcp_shared.hpp"

namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL std::optional<GcpStatus> GcpShared::fault(std::string_view verb, std::string_view name) const {
    if (!options.operation_fault) return std::nullopt;
    return options.operation_fault(verb, name);
}

BLUEPRINT_FAAS_DECL result<void> GcpShared::check_place(GcpTarget& target, bool lists) const {
    auto& segments = target.segments;
    if (segments[1] != options.project && segments[1] != options.project_number)
        return gcp_refusal(403, "PERMISSION_DENIED CONSUMER_INVALID",
                           "Permission denied on resource project " + segments[1] + '.');
    segments[1] = options.project;
    if (!(lists && segments[3] == "-") && !is_gcp_name(segments[3], 40))
        return gcp_invalid("Invalid resource field value in the request: location '" + segments[3] + '\'');
    return {};
}

BLUEPRINT_FAAS_DECL result<void> GcpShared::check_account(std::string_view email) const {
    if (email.empty() || email == default_account() || options.service_accounts.contains(std::string{email})) return {};
    return gcp_refusal(403, "PERMISSION_DENIED",
                       "Permission 'iam.serviceaccounts.actAs' denied on service account " + std::string{email} +
                           " (or it may not exist).");
}

}  // namespace blueprint::faas::local

#endif
