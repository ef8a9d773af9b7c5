#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_FUNCTIONS_SETTINGS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_FUNCTIONS_SETTINGS_IPP

#include "blueprint/faas/local/gcp_functions.hpp"
#include "blueprint/faas/local/gcp_run_settings.hpp"
#include "blueprint/faas/local/impl/gcp_functions.ipp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace blueprint::faas::local {

// What Cloud Functions takes, and the service of Cloud Run that it makes of it.

inline result<void> check_function_variables(const boost::json::object& holder, std::string_view path) {
    static constexpr std::array<std::string_view, 9> reserved{"PORT",
                                                              "K_SERVICE",
                                                              "K_REVISION",
                                                              "K_CONFIGURATION",
                                                              "FUNCTION_TARGET",
                                                              "FUNCTION_SIGNATURE_TYPE",
                                                              "FUNCTION_NAME",
                                                              "FUNCTION_REGION",
                                                              "GOOGLE_ENTRYPOINT"};
    const auto* const variables = holder.if_contains("environmentVariables");
    if (variables == nullptr) return {};
    for (const auto& [key, value] : variables->get_object()) {
        const std::string_view name{key};
        if (name.empty() || name.find('=') != std::string_view::npos || name.starts_with("X_GOOGLE_") ||
            std::find(reserved.begin(), reserved.end(), name) != reserved.end())
            return gcp_invalid(std::string{path} + ".environmentVariables: '" + std::string{name} +
                               "' is reserved by the system or no name of a variable");
    }
    return {};
}

/// How much processor goes with so much memory. Source: Cloud Run functions documentation, "Configure memory limits".
inline std::string function_processors(std::uint64_t memory) {
    const auto mib = memory / 1'000'000;
    if (mib <= 140) return "0.083";
    if (mib <= 280) return "0.1666";
    if (mib <= 560) return "0.3333";
    if (mib <= 1200) return "0.5833";
    if (mib <= 2400) return "1";
    return mib <= 9000 ? "2" : mib <= 18'000 ? "4" : "8";
}

BLUEPRINT_FAAS_DECL result<boost::json::object> GcpFunctions::judge(boost::json::object function,
                                                                    std::string_view id) const {
    if (auto fine = check_gcp_labels(function, "function.labels"); !fine) return fine.error();
    const auto environment = gcp_text(function, "environment");
    if (environment == "GEN_1")
        return gcp_invalid("function.environment: the local cloud has functions of the second generation");
    function["environment"] = "GEN_2";
    for (const auto* const member : {"eventTrigger", "kmsKeyName"})
        if (function.if_contains(member) != nullptr)
            return gcp_invalid("function." + std::string{member} + ": the local cloud has functions called by HTTP");
    for (const auto* const member : {"buildConfig", "serviceConfig"})
        if (function.if_contains(member) == nullptr) function[member] = boost::json::object{};
    auto& build = function["buildConfig"].get_object();
    const auto runtime = gcp_text(build, "runtime");
    if (std::find(gcp_node_runtimes.begin(), gcp_node_runtimes.end(), runtime) == gcp_node_runtimes.end())
        return gcp_invalid("function.build_config.runtime: Invalid runtime '" + runtime +
                           "'; the local cloud has nodejs18, nodejs20, nodejs22 and nodejs24");
    if (gcp_text(build, "entryPoint").empty()) return gcp_invalid("function.build_config.entry_point: must be set");
    for (const auto* const member : {"bucket", "object"})
        if (gcp_text(build, "source.storageSource." + std::string{member}).empty())
            return gcp_invalid("function.build_config.source.storage_source." + std::string{member} + ": must be set");
    if (auto fine = check_function_variables(build, "function.build_config"); !fine) return fine.error();
    const auto account = gcp_text(build, "serviceAccount");
    if (!account.empty() && !account.starts_with("projects/"))
        return gcp_invalid("function.build_config.service_account: must be projects/{project}/serviceAccounts/{email}");
    if (auto fine = shared_.check_account(account.substr(account.rfind('/') + 1)); !fine) return fine.error();
    build["dockerRegistry"] = "ARTIFACT_REGISTRY";

    auto& config = function["serviceConfig"].get_object();
    if (auto fine = check_function_variables(config, "function.service_config"); !fine) return fine.error();
    for (const auto* const member : {"secretEnvironmentVariables", "secretVolumes"})
        if (const auto* const list = config.if_contains(member); list != nullptr && !list->get_array().empty())
            return gcp_invalid("function.service_config." + std::string{member} +
                               ": the local cloud has no Secret Manager");
    if (gcp_text(config, "availableMemory").empty()) config["availableMemory"] = "256M";
    const auto memory = gcp_memory(gcp_text(config, "availableMemory"));
    if (!memory)
        return gcp_invalid("function.service_config.available_memory: '" + gcp_text(config, "availableMemory") +
                           "' is no amount of memory");
    if (gcp_text(config, "availableCpu").empty()) config["availableCpu"] = function_processors(*memory);
    const std::tuple<const char*, std::int64_t> defaults[] = {
        {"timeoutSeconds", 60}, {"maxInstanceCount", 100}, {"maxInstanceRequestConcurrency", 1}};
    for (const auto& [member, value] : defaults)
        if (gcp_number(config, member) == 0) config[member] = value;
    const auto timeout = gcp_number(config, "timeoutSeconds");
    if (timeout < 1 || timeout > 3600)
        return gcp_invalid("function.service_config.timeout_seconds: must be between 1 and 3600, and is " +
                           std::to_string(timeout));
    if (gcp_text(config, "ingressSettings").empty()) config["ingressSettings"] = "ALLOW_ALL";
    if (config.if_contains("allTrafficOnLatestRevision") == nullptr) config["allTrafficOnLatestRevision"] = true;
    if (gcp_text(config, "serviceAccountEmail").empty()) config["serviceAccountEmail"] = shared_.default_account();
    if (auto fine = shared_.check_account(gcp_text(config, "serviceAccountEmail")); !fine) return fine.error();
    // What Cloud Run would not take is told at once, and not only by the operation.
    GcpFunction planned;
    planned.shown = function;
    planned.id = id;
    if (auto taken = judge_run_service(service_of(planned), id, shared_.options); !taken) {
        auto error = taken.error();
        error.message = "Could not create Cloud Run service " + std::string{id} + ". " + error.message;
        return error;
    }
    return function;
}

BLUEPRINT_FAAS_DECL boost::json::object GcpFunctions::service_of(const GcpFunction& of) const {
    const auto& config = of.shown.at("serviceConfig").get_object();
    boost::json::array variables;
    if (const auto* const given = config.if_contains("environmentVariables"))
        for (const auto& [name, value] : given->get_object())
            variables.push_back(boost::json::object{{"name", name}, {"value", value}});
    boost::json::object container{
        {"image", "local-docker.pkg.dev/" + shared_.options.project + std::string{gcp_function_images} + of.id},
        {"env", std::move(variables)}};
    const boost::json::object limits{{"cpu", gcp_text(config, "availableCpu")},
                                     {"memory", gcp_text(config, "availableMemory")}};
    container["resources"] = boost::json::object{{"limits", limits}, {"cpuIdle", true}, {"startupCpuBoost", true}};
    const boost::json::object scaling{{"minInstanceCount", gcp_number(config, "minInstanceCount")},
                                      {"maxInstanceCount", gcp_number(config, "maxInstanceCount")}};
    boost::json::object revision{{"serviceAccount", gcp_text(config, "serviceAccountEmail")},
                                 {"timeout", std::to_string(gcp_number(config, "timeoutSeconds")) + 's'},
                                 {"maxInstanceRequestConcurrency", gcp_number(config, "maxInstanceRequestConcurrency")},
                                 {"scaling", scaling},
                                 {"containers", boost::json::array{std::move(container)}}};
    boost::json::object labels;
    if (const auto* const given = of.shown.if_contains("labels")) labels = given->get_object();
    labels["goog-managed-by"] = "cloudfunctions";
    const auto ingress = gcp_text(config, "ingressSettings");
    boost::json::object below{
        {"labels", std::move(labels)},
        {"annotations", boost::json::object{{"cloudfunctions.googleapis.com/function-id", of.id}}},
        {"template", std::move(revision)}};
    below["ingress"] = ingress == "ALLOW_ALL"             ? "INGRESS_TRAFFIC_ALL"
                       : ingress == "ALLOW_INTERNAL_ONLY" ? "INGRESS_TRAFFIC_INTERNAL_ONLY"
                                                          : "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER";
    return below;
}

}  // namespace blueprint::faas::local

#endif
