#ifndef BLUEPRINT_FAAS_AUTH_GCP_IMPERSONATED_HPP
#define BLUEPRINT_FAAS_AUTH_GCP_IMPERSONATED_HPP

#include "blueprint/faas/auth/gcp/credential.hpp"
#include "blueprint/faas/auth/gcp/service_account.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/error.hpp"

#include <boost/json/fwd.hpp>

#include <string_view>

namespace blueprint::faas::gcp {

/// Makes a credential of what `gcloud auth application-default login --impersonate-service-account=...` leaves
/// (`"type":"impersonated_service_account"`): somebody, of any type and in the same file, who gets the tokens of a
/// service account. `where` is for messages: the file's path. `errc::invalid_configuration` names what is missing or
/// wrong. The file's `scopes` are asked for where the caller wants nothing narrower than the cloud platform.
/// Source: Google Cloud IAM, "Create short-lived credentials for a service account"; AIP-4110.
BLUEPRINT_FAAS_DECL result<Credential> impersonated_service_account(const boost::json::object& file,
                                                                    std::string_view where,
                                                                    const Environment& environment,
                                                                    ServiceAccountOptions options = {});

}  // namespace blueprint::faas::gcp

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/gcp/impl/impersonated.ipp"
#endif

#endif
