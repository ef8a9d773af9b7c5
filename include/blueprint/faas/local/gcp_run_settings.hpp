#ifndef BLUEPRINT_FAAS_LOCAL_GCP_RUN_SETTINGS_HPP
#define BLUEPRINT_FAAS_LOCAL_GCP_RUN_SETTINGS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/gcp_options.hpp"
#include "blueprint/faas/local/http_instance.hpp"

#include <boost/json/object.hpp>

#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// What images that a build of Cloud Functions made have in their names.
inline constexpr std::string_view gcp_function_images = "/gcf-artifacts/";

/// Judges a service as Cloud Run's API does, and fills in what it fills in. `service`: as `gcp_run_schema` read it. The
/// `Error` is a 400 that names the member. `id`: of the service. Whether accounts and revisions exist is not seen here.
/// Source: Cloud Run Admin API v2, projects.locations.services; Cloud Run documentation, "Configure memory limits" and
/// "Configure CPU limits".
BLUEPRINT_FAAS_DECL result<boost::json::object> judge_run_service(boost::json::object service, std::string_view id,
                                                                  const GcpOptions& options);

/// Reads how the instances of a revision run, but for what program that is. `revision`: a template that was judged;
/// `service`: its service, whose scaling counts too.
BLUEPRINT_FAAS_DECL HttpInstancePlan plan_of_run_revision(const boost::json::object& revision,
                                                          const boost::json::object& service);

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/gcp_run_settings.ipp"
#endif

#endif
