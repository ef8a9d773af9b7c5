#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AZURE_JOB_CONFIG_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AZURE_JOB_CONFIG_IPP

#include "blueprint/faas/codec/azure_job_config.hpp"
#include "blueprint/faas/codec/impl/answer_reading.hpp"
#include "blueprint/faas/detail/utf8.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/package/azure_site.hpp"
#include "blueprint/faas/package/package.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail {

namespace azure_job_config {

using answer_reading::for_people;

inline constexpr std::string_view concurrency_setting = "BLUEPRINT_CONCURRENCY";
// The settings that jobs have had set as variables, so that they stay ours when an undeployment is interrupted.
inline constexpr std::string_view variables_setting = "BLUEPRINT_VARIABLES";
inline constexpr std::array<std::uint32_t, 3> memories{512, 2048, 4096};
inline constexpr std::uint32_t least_instances = 40;
inline constexpr std::uint32_t most_instances = 1000;

BLUEPRINT_FAAS_COLD inline Error wrong(JobId id, std::string why) {
    return Error{.code = errc::invalid_configuration,
                 .message = "job " + std::to_string(id.value()) + ": " + std::move(why),
                 .execution = Execution::not_started};
}

// Source: Azure Functions documentation, "App settings reference for Azure Functions"; App Service documentation,
// "Environment variables and app settings in Azure App Service".
BLUEPRINT_FAAS_COLD inline bool reserved_variable(std::string_view name) {
    static constexpr std::array<std::string_view, 10> beginnings{
        "FUNCTIONS_",           "WEBSITE_",    "WEBSITES_", "AzureWebJobs", "AzureFunctions", "SCM_", "APPSETTING_",
        "APPLICATIONINSIGHTS_", "DEPLOYMENT_", "IDENTITY_"};
    static constexpr std::array<std::string_view, 8> names{
        "PORT", "ENABLE_ORYX_BUILD", "APPINSIGHTS_INSTRUMENTATIONKEY", "MSI_ENDPOINT", "MSI_SECRET", "HOME",
        "PATH", "CONTAINER_NAME"};
    // Azure knows its own in whatever case they are written.
    const auto begins = [&](std::string_view with) {
        return name.size() >= with.size() && iequals(name.substr(0, with.size()), with);
    };
    return std::any_of(beginnings.begin(), beginnings.end(), begins) ||
           std::any_of(names.begin(), names.end(), [&](std::string_view one) { return iequals(name, one); });
}

BLUEPRINT_FAAS_COLD inline std::optional<Error> variables_refused(JobId id, const FaasConfig& config) {
    static constexpr std::size_t longest = 32U << 10U;
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    for (const auto& [name, value] : config.env_vars) {
        const auto variable = "the environment variable '" + for_people(name) + "' ";
        const bool fit = !name.empty() && letter(name.front()) && std::all_of(name.begin(), name.end(), [&](char c) {
            return letter(c) || (c >= '0' && c <= '9');
        });
        if (!fit) return wrong(id, variable + "has no name that Azure takes: use letters, digits and '_'");
        if (reserved_variable(name))
            return wrong(id, variable + "is one that Azure or its host sets itself, it cannot be chosen");
        if (iequals(std::string_view{name}.substr(0, 10), "BLUEPRINT_"))
            return wrong(id, variable + "cannot be chosen: names that begin with BLUEPRINT_ are this library's own");
        if (!is_utf8(value.reveal()) || value.reveal().find('\0') != std::string_view::npos)
            return wrong(id, variable + "has a value that is no UTF-8 text");
        if (value.reveal().starts_with("@Microsoft."))
            return wrong(id, variable +
                                 "has a value that Azure takes for a reference to a secret that it keeps: set "
                                 "that in the app's settings, not here");
        if (value.size() > longest)
            return wrong(id, variable + "has " + std::to_string(value.size()) + " bytes, and at most 32768 are taken");
    }
    return std::nullopt;
}

BLUEPRINT_FAAS_COLD inline std::optional<Error> instances_refused(const AzureFunctionsOptions& options, JobId id,
                                                                  const FaasConfig& config) {
    const auto at_once = std::max(1U, options.instance_concurrency);
    if (config.max_concurrency) {
        const auto instances = *config.max_concurrency / at_once;
        if (instances < least_instances || instances > most_instances)
            return wrong(id, "max_concurrency " + std::to_string(*config.max_concurrency) + " would be " +
                                 std::to_string(instances) + " instances of " + std::to_string(at_once) +
                                 " calls each, and Azure takes 40 to 1000 instances: give " +
                                 std::to_string(std::uint64_t{least_instances} * at_once) + " to " +
                                 std::to_string(std::uint64_t{most_instances} * at_once) + ", or none");
    }
    const auto most = config.max_concurrency ? *config.max_concurrency / at_once : options.max_instances;
    if (config.keep_warm > most)
        return wrong(id, "keep_warm " + std::to_string(config.keep_warm) + " is more than the " + std::to_string(most) +
                             " instances that there are at most");
    return std::nullopt;
}

BLUEPRINT_FAAS_COLD inline std::optional<Error> refused(const AzureFunctionsOptions& options, JobId id,
                                                        const FaasConfig& config, bool flex) {
    if (config.timeout.count() < 1 || config.timeout > azure_longest_call)
        return wrong(id, "timeout " + std::to_string(config.timeout.count()) +
                             " s cannot be kept: Azure ends the answer to a call after 230 s, whatever the function is "
                             "allowed; set FaasConfig::timeout to 1 s to 230 s");
    if (auto error = variables_refused(id, config)) return error;
    if (flex) {
        const auto fit = std::lower_bound(memories.begin(), memories.end(), config.memory_mib);
        if (fit == memories.end() || *fit != config.memory_mib)
            return wrong(id, "memory_mib " + std::to_string(config.memory_mib) +
                                 " is none that Azure has: there are 512, 2048 and 4096" +
                                 (fit == memories.end() ? "" : "; take " + std::to_string(*fit)));
        return instances_refused(options, id, config);
    }
    static constexpr std::uint32_t consumption_mib = 1536;
    if (config.memory_mib > consumption_mib)
        return wrong(id, "memory_mib " + std::to_string(config.memory_mib) +
                             " cannot be had: the app's plan decides the memory; give at most 1536, or use an app of "
                             "Flex Consumption");
    if (config.max_concurrency || config.keep_warm != 0)
        return wrong(id,
                     "max_concurrency and keep_warm cannot be kept: the app's plan decides the instances; leave them "
                     "out, or use an app of Flex Consumption");
    return std::nullopt;
}

// The names that the app's settings tell to be jobs' variables.
BLUEPRINT_FAAS_COLD inline std::set<std::string_view> recorded_names(const AzureSettings& there) {
    std::set<std::string_view> out;
    const auto found = there.find(variables_setting);
    if (found == there.end()) return out;
    for (auto rest = found->second.reveal(); !rest.empty();) {
        const auto name = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(rest.size(), name.size() + 1));
        if (!name.empty() && !reserved_variable(name))
            out.insert(name);  // whoever wrote this: Azure's own are not ours
    }
    return out;
}

// Names who has the variable beside job `id`; nothing: it has it alone. `recorded`: see above.
BLUEPRINT_FAAS_COLD inline std::optional<std::string> other_owner(const AzureManifest& before,
                                                                  const AzureManifest& after, JobId id,
                                                                  const std::set<std::string_view>& recorded,
                                                                  std::string_view name) {
    const auto has = [&](const AzureManifestJob& job) {
        return std::find(job.env.begin(), job.env.end(), name) != job.env.end();
    };
    for (const auto& [other, job] : after.jobs)
        if (other != id && has(job)) return "job " + std::to_string(other.value());
    const auto was = before.jobs.find(id);
    if (was != before.jobs.end() && has(was->second)) return std::nullopt;
    if (recorded.contains(name)) return std::nullopt;
    return "the app itself, where somebody else set it";
}

BLUEPRINT_FAAS_COLD inline std::set<std::string_view> names_in(const AzureManifest& manifest) {
    std::set<std::string_view> out;
    for (const auto& [id, job] : manifest.jobs) out.insert(job.env.begin(), job.env.end());
    return out;
}

}  // namespace azure_job_config

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<AzureWanted> azure_wanted(const AzureFunctionsOptions& options, JobId id,
                                                                         const Package& package,
                                                                         const FaasConfig& config, bool flex) {
    if (auto error = azure_job_config::refused(options, id, config, flex)) return std::move(*error);
    if (const auto fit = check_azure_package(package); !fit) return fit.error();
    AzureWanted out;
    out.job.package_sha256 = package.sha256();
    out.job.memory_mib = config.memory_mib;
    out.job.timeout = config.timeout;
    out.job.keep_warm = config.keep_warm;
    out.job.max_concurrency = config.max_concurrency.value_or(0);
    out.job.binary_bytes = package.binary_size_bytes();
    for (const auto& [name, value] : config.env_vars) out.job.env.push_back(name);
    out.variables = config.env_vars;
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<AzureAppWanted> azure_app_wanted(const AzureFunctionsOptions& options,
                                                                                const AzureSettings& there,
                                                                                const AzureManifest& before,
                                                                                const AzureManifest& after, JobId id,
                                                                                const AzureSettings& variables) {
    using namespace azure_job_config;
    AzureAppWanted out;
    const auto at_once = std::max(1U, options.instance_concurrency);
    std::uint32_t instances = 0;
    for (const auto& [other, job] : after.jobs) {
        out.memory_mib = std::max(out.memory_mib, job.memory_mib);
        out.always_ready = std::max(out.always_ready, job.keep_warm);
        instances = std::max(instances, job.max_concurrency / at_once);
    }
    out.max_instances = std::max(instances != 0 ? instances : options.max_instances, out.always_ready);

    const auto wanted = names_in(after);
    const auto recorded = recorded_names(there);
    auto had = names_in(before);
    had.insert(recorded.begin(), recorded.end());
    for (const auto name : had)
        if (!wanted.contains(name)) out.dropped.emplace(name);
    for (const auto& [name, value] : variables) {
        const auto found = there.find(name);
        if (found != there.end() && found->second != value)
            if (auto whose = other_owner(before, after, id, recorded, name))
                return Error{.code = errc::conflict,
                             .message = "job " + std::to_string(id.value()) + ": the environment variable '" +
                                        for_people(name) + "' has another value for " + *whose +
                                        ", and all jobs of an app have one environment: name it otherwise, or give "
                                        "the job an app of its own",
                             .execution = Execution::not_started};
        out.settings.insert_or_assign(name, value);
    }
    std::string names;
    for (const auto name : wanted) names.append(names.empty() ? "" : ",").append(name);
    if (names.empty())
        out.dropped.emplace(variables_setting);
    else
        out.settings.insert_or_assign(std::string{variables_setting}, Secret{std::string_view{names}});
    if (after.jobs.empty())
        out.dropped.emplace(concurrency_setting);
    else
        out.settings.insert_or_assign(std::string{concurrency_setting}, Secret{std::to_string(at_once)});
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<void> want_azure_runtime(AzureAppWanted& wanted,
                                                                        const AzureSettings& there) {
    const auto conflict = [](std::string_view why) {
        return Error{.code = errc::conflict, .message = std::string{why}, .execution = Execution::not_started};
    };
    const auto has_other = [&](std::string_view name, std::initializer_list<std::string_view> fit) {
        const auto found = there.find(name);
        return found != there.end() && !found->second.empty() &&
               std::find(fit.begin(), fit.end(), found->second.reveal()) == fit.end();
    };
    // The signature in such a URL ends some day, and all functions with it (pitfall 14).
    if (has_other("WEBSITE_RUN_FROM_PACKAGE", {"0", "1"}))
        return conflict(
            "the app runs a package from a URL (WEBSITE_RUN_FROM_PACKAGE), so nothing that is deployed to it would "
            "run: take the setting away, or set it to 1");
    if (has_other("FUNCTIONS_WORKER_RUNTIME", {"custom"}))
        return conflict(
            "the app's functions are of another kind (FUNCTIONS_WORKER_RUNTIME is not 'custom') and would be lost: "
            "name another app");
    wanted.settings.insert_or_assign("FUNCTIONS_WORKER_RUNTIME", Secret{"custom"});
    wanted.settings.insert_or_assign("FUNCTIONS_EXTENSION_VERSION", Secret{"~4"});
    return {};
}

}  // namespace blueprint::faas::detail

#endif
