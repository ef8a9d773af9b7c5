#ifndef BLUEPRINT_FAAS_CODEC_AZURE_JOB_CONFIG_HPP
#define BLUEPRINT_FAAS_CODEC_AZURE_JOB_CONFIG_HPP

#include "blueprint/faas/codec/azure_app.hpp"
#include "blueprint/faas/codec/azure_options.hpp"
#include "blueprint/faas/config.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/job.hpp"
#include "blueprint/faas/package/azure_manifest.hpp"

#include <chrono>

namespace blueprint::faas {
class Package;
}

namespace blueprint::faas::detail {

/// Azure's load balancer ends a call after this time, whatever else is configured.
/// Source: Azure Functions documentation, "Azure Functions scale and hosting", Function app timeout duration.
inline constexpr std::chrono::seconds azure_longest_call{230};

/// What a job is to be like; checked.
struct AzureWanted {
    AzureManifestJob job{};
    AzureSettings variables{};
};

/// Checks everything that Azure would refuse, and what it would not keep (Z8): `errc::invalid_configuration`, which
/// names the value and what works. `flex`: the app is one of Flex Consumption, and not of an older plan, where neither
/// memory nor instances can be chosen.
/// Source: Azure Functions documentation, "Flex Consumption plan", "App settings reference".
BLUEPRINT_FAAS_DECL result<AzureWanted> azure_wanted(const AzureFunctionsOptions& options, JobId id,
                                                     const Package& package, const FaasConfig& config,
                                                     bool flex = true);

/// Says what the app is to be like when `before` becomes `after`. Each job gets at least what it asks for: memory and
/// instances are those of the most demanding one. Of settings, the variables of job `id` are wanted, and those that no
/// job has any more are dropped; those of other jobs and of others stay. A setting of
/// ours, BLUEPRINT_VARIABLES, names all variables of jobs: what an interrupted operation has left is known by it.
/// `errc::conflict`: somebody else has a variable of that name with another value, as `there` tells; the message names
/// it, and never a value.
BLUEPRINT_FAAS_DECL result<AzureAppWanted> azure_app_wanted(const AzureFunctionsOptions& options,
                                                            const AzureSettings& there, const AzureManifest& before,
                                                            const AzureManifest& after, JobId id,
                                                            const AzureSettings& variables);

/// Adds the settings that an app of an older plan needs to run programs; on Flex Consumption none of them may be.
/// `errc::conflict`: it has one that does not go with that, and that is not ours to change.
/// Source: Azure Functions documentation, "App settings reference for Azure Functions".
BLUEPRINT_FAAS_DECL result<void> want_azure_runtime(AzureAppWanted& wanted, const AzureSettings& there);

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/azure_job_config.ipp"
#endif

#endif
