#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_RUN_SETTINGS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_RUN_SETTINGS_IPP

#include "blueprint/faas/local/gcp_requests.hpp"
#include "blueprint/faas/local/gcp_run_settings.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <tuple>
#include <utility>

namespace blueprint::faas::local {

inline constexpr std::uint64_t gcp_mib = 1ULL << 20;

/// Refuses names that are in a namespace of Google's own.
inline result<void> check_run_namespaces(const boost::json::object& holder, std::string_view member,
                                         std::string_view path) {
    static constexpr std::array<std::string_view, 4> own{"run.googleapis.com/", "cloud.googleapis.com/",
                                                         "serving.knative.dev/", "autoscaling.knative.dev/"};
    const auto* const map = holder.if_contains(member);
    if (map == nullptr) return {};
    for (const auto& [key, value] : map->get_object())
        if (std::any_of(own.begin(), own.end(), [&](auto one) { return std::string_view{key}.starts_with(one); }))
            return gcp_invalid("Violation in " + std::string{path} + '.' + std::string{member} + ": the key '" +
                               std::string{key} + "' is in a namespace that v2 does not support");
    return {};
}

inline result<void> check_run_range(const boost::json::object& json, std::string_view member, std::int64_t least,
                                    std::int64_t most, std::string_view path) {
    if (gcp_at(json, member) == nullptr) return {};
    const auto number = gcp_number(json, member);
    if (number >= least && number <= most) return {};
    return gcp_invalid(std::string{path} + '.' + std::string{member} + ": must be between " + std::to_string(least) +
                       " and " + std::to_string(most) + ", and is " + std::to_string(number));
}

/// Source: Cloud Run documentation, "Configure CPU limits", CPU and memory.
inline result<void> check_run_resources(boost::json::object& container, std::int64_t concurrency) {
    if (container.if_contains("resources") == nullptr)  // who sends none gets this; who sends some says it himself
        container["resources"] = boost::json::object{{"cpuIdle", true}, {"startupCpuBoost", true}};
    auto& resources = container["resources"].get_object();
    if (resources.if_contains("limits") == nullptr) resources["limits"] = boost::json::object{};
    auto& limits = resources["limits"].get_object();
    const std::string path = "template.containers[0].resources.limits";
    for (const auto& [key, value] : limits)
        if (key != "cpu" && key != "memory")
            return gcp_invalid(path + ": '" + std::string{key} + "' is not supported; only cpu and memory are");
    if (limits.if_contains("cpu") == nullptr) limits["cpu"] = "1000m";
    if (limits.if_contains("memory") == nullptr) limits["memory"] = "512Mi";
    const auto cpu = gcp_processors(limits.at("cpu").get_string());
    const auto memory = gcp_memory(limits.at("memory").get_string());
    if (!cpu || *cpu < 80 || (*cpu > 1000 && *cpu != 2000 && *cpu != 4000 && *cpu != 6000 && *cpu != 8000))
        return gcp_invalid(path + ".cpu: Invalid value specified for cpu. '" + gcp_text(limits, "cpu") +
                           "' is none of 1, 2, 4, 6, 8 or at least 0.08 and below 1");
    if (!memory || *memory < 128'000'000 || *memory > 32768 * gcp_mib)
        return gcp_invalid(path + ".memory: Invalid value specified for memory. '" + gcp_text(limits, "memory") +
                           "' is not between 128Mi and 32Gi");
    const std::uint64_t least = *cpu >= 6000 ? 4096 : *cpu == 4000 ? 2048 : 0;
    const std::uint64_t most = *cpu < 500     ? 512
                               : *cpu < 1000  ? 1024
                               : *cpu == 1000 ? 4096
                               : *cpu == 2000 ? 8192
                               : *cpu == 4000 ? 16384
                               : *cpu == 6000 ? 24576
                                              : 32768;
    if (*memory < least * gcp_mib || *memory > most * gcp_mib)
        return gcp_invalid(path + ": Total memory and cpu do not fit: " + gcp_text(limits, "cpu") + " CPU takes from " +
                           std::to_string(least) + "Mi to " + std::to_string(most) + "Mi, not " +
                           gcp_text(limits, "memory"));
    const auto* const idle = resources.if_contains("cpuIdle");
    if (*cpu < 1000 && (concurrency > 1 || idle == nullptr || !idle->get_bool()))
        return gcp_invalid(path + ".cpu: less than 1 CPU needs a concurrency of 1 and cpuIdle");
    return {};
}

inline result<void> check_run_variables(const boost::json::object& container) {
    const auto* const list = container.if_contains("env");
    if (list == nullptr) return {};
    static constexpr std::array<std::string_view, 4> reserved{"PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"};
    const std::string path = "template.containers[0].env";
    if (list->get_array().size() > 1000) return gcp_invalid(path + ": there may be 1000 variables at most");
    std::set<std::string> names;
    for (const auto& item : list->get_array()) {
        const auto& variable = item.get_object();
        const auto name = gcp_text(variable, "name");
        if (name.empty() || name.size() > 32768 || name.find('=') != std::string::npos ||
            name.find('\0') != std::string::npos)
            return gcp_invalid(path + ".name: '" + name + "' cannot be the name of a variable");
        if (std::find(reserved.begin(), reserved.end(), name) != reserved.end())
            return gcp_invalid(path + ": The following reserved env names were provided: " + name +
                               ". These values are automatically set by the system.");
        if (!names.insert(name).second) return gcp_invalid(path + ": '" + name + "' is given twice");
        if (variable.if_contains("value") != nullptr && variable.if_contains("valueSource") != nullptr)
            return gcp_invalid(path + ": '" + name + "' has both a value and a valueSource");
        if (variable.if_contains("valueSource") != nullptr)
            return gcp_invalid(path + ": '" + name + "' is a secret, and the local cloud has no Secret Manager");
    }
    return {};
}

inline result<void> check_run_probe(boost::json::object& container, std::int64_t port) {
    if (container.if_contains("startupProbe") == nullptr) {
        container["startupProbe"] = boost::json::object{{"timeoutSeconds", 240},
                                                        {"periodSeconds", 240},
                                                        {"failureThreshold", 1},
                                                        {"tcpSocket", boost::json::object{{"port", port}}}};
        return {};
    }
    auto& probe = container["startupProbe"].get_object();
    const std::string path = "template.containers[0].startupProbe";
    for (const auto& [member, value] :
         {std::pair{"timeoutSeconds", 1}, std::pair{"periodSeconds", 10}, std::pair{"failureThreshold", 3}})
        if (gcp_number(probe, member) == 0) probe[member] = value;
    for (const auto& [member, least, most] :
         {std::tuple{"initialDelaySeconds", 0, 240}, std::tuple{"timeoutSeconds", 1, 240},
          std::tuple{"periodSeconds", 1, 240}, std::tuple{"failureThreshold", 1, 1000}})
        if (auto fits = check_run_range(probe, member, least, most, path); !fits) return fits;
    if (gcp_number(probe, "timeoutSeconds") > gcp_number(probe, "periodSeconds"))
        return gcp_invalid(path + ".timeoutSeconds: must not be longer than periodSeconds");
    if (gcp_number(probe, "periodSeconds") * gcp_number(probe, "failureThreshold") > 240)
        return gcp_invalid(path + ": periodSeconds times failureThreshold must not exceed 240 seconds");
    if (probe.if_contains("grpc") != nullptr)
        return gcp_invalid(path + ".grpc: the local cloud probes by TCP and HTTP");
    const bool http = probe.if_contains("httpGet") != nullptr;
    if (http && probe.if_contains("tcpSocket") != nullptr)
        return gcp_invalid(path + ": only one of httpGet and tcpSocket may be set");
    auto& action = probe[http ? "httpGet" : "tcpSocket"];
    if (!action.is_object()) action = boost::json::object{};
    if (gcp_number(action.get_object(), "port") == 0) action.get_object()["port"] = port;
    if (gcp_number(action.get_object(), "port") != port)
        return gcp_invalid(path + ": the port probed must be the container's, " + std::to_string(port));
    return {};
}

inline result<void> check_run_source(const boost::json::object& container, const GcpOptions& options) {
    const std::string path = "template.containers[0]";
    const auto image = gcp_text(container, "image");
    if (image.empty()) return gcp_invalid(path + ".image: must be set");
    const auto* const source = gcp_at(container, "sourceCode");
    if (image != "scratch") {
        if (source != nullptr) return gcp_invalid(path + ".sourceCode: needs the image 'scratch'");
        if (image.find(gcp_function_images) == std::string::npos && options.images.find(image) == options.images.end())
            return gcp_invalid(path + ".image: the local cloud runs no containers and knows no program for '" + image +
                               "': name one in GcpOptions::images");
        return {};
    }
    if (source == nullptr) return gcp_invalid(path + ".sourceCode: must be set with the image 'scratch'");
    if (gcp_at(container, "sourceCode.inlinedSource") != nullptr)
        return gcp_invalid(path + ".sourceCode.inlinedSource: the local cloud takes cloudStorageSource");
    for (const auto* const member : {"bucket", "object"})
        if (gcp_text(container, "sourceCode.cloudStorageSource." + std::string{member}).empty())
            return gcp_invalid(path + ".sourceCode.cloudStorageSource." + member + ": must be set");
    const auto base = gcp_text(container, "baseImageUri");
    if (base.empty()) return gcp_invalid(path + ".baseImageUri: must be set with the image 'scratch'");
    if (base.find("osonly") == std::string::npos)
        return gcp_invalid(path + ".baseImageUri: the local cloud knows 'osonly24', not '" + base + '\'');
    const auto* const command = gcp_at(container, "command");
    if (command == nullptr || command->get_array().empty())
        return gcp_invalid(path + ".command: must be set: '" + base + "' starts nothing by itself");
    const std::string program{command->get_array().front().get_string()};
    if (program.empty() || program.front() == '/' || program.find("..") != std::string::npos)
        return gcp_invalid(path + ".command: must name a file of the archive, such as './main', not '" + program +
                           '\'');
    return {};
}

inline result<void> judge_run_template(boost::json::object& revision, std::string_view id, const GcpOptions& options) {
    for (const auto* const member : {"labels", "annotations"})
        if (auto fine = check_run_namespaces(revision, member, "template"); !fine) return fine;
    if (auto fine = check_gcp_labels(revision, "template.labels"); !fine) return fine;
    const auto name = gcp_text(revision, "revision");
    if (!name.empty() && (!name.starts_with(std::string{id} + '-') || !is_gcp_name(name, 63)))
        return gcp_invalid("template.revision: '" + name + "' must begin with '" + std::string{id} +
                           "-' and be a name of at most 63 lower-case letters, digits and '-'");
    if (revision.if_contains("timeout") == nullptr) revision["timeout"] = "300s";
    const auto timeout = gcp_duration(revision.at("timeout").get_string());
    if (timeout->count() < 1000 || *timeout > std::chrono::hours{1})
        return gcp_invalid("template.timeout: must be between 1s and 3600s, and is " + gcp_text(revision, "timeout"));
    const auto* const containers = revision.if_contains("containers");
    if (containers == nullptr || containers->get_array().empty())
        return gcp_invalid("template.containers: must contain at least one container");
    if (containers->get_array().size() > 1)
        return gcp_invalid("template.containers: the local cloud runs one container for each instance");
    for (const auto* const member : {"volumes", "vpcAccess", "nodeSelector", "serviceMesh", "encryptionKey"})
        if (revision.if_contains(member) != nullptr)
            return gcp_invalid("template." + std::string{member} + ": the local cloud has no such thing");
    auto& container = revision["containers"].get_array().front().get_object();
    if (auto fine = check_run_source(container, options); !fine) return fine;
    if (auto fine = check_run_variables(container); !fine) return fine;
    if (container.if_contains("ports") == nullptr || container.at("ports").get_array().empty())
        container["ports"] = boost::json::array{boost::json::object{{"name", "http1"}, {"containerPort", 8080}}};
    auto& ports = container["ports"].get_array();
    if (ports.size() > 1) return gcp_invalid("template.containers[0].ports: there may be one port");
    auto& port = ports.front().get_object();
    if (port.if_contains("name") == nullptr) port["name"] = "http1";
    if (gcp_text(port, "name") != "http1")
        return gcp_invalid("template.containers[0].ports[0].name: the local cloud speaks 'http1'");
    if (auto fits = check_run_range(port, "containerPort", 1, 65535, "template.containers[0].ports[0]"); !fits)
        return fits;
    if (auto fits = check_run_range(revision, "maxInstanceRequestConcurrency", 0, 1000, "template"); !fits) return fits;
    const auto cpu = gcp_processors(gcp_text(container, "resources.limits.cpu"));
    auto concurrency = gcp_number(revision, "maxInstanceRequestConcurrency");
    if (concurrency == 0) concurrency = cpu && *cpu < 1000 ? 1 : 80;
    revision["maxInstanceRequestConcurrency"] = concurrency;
    if (auto fits = check_run_resources(container, concurrency); !fits) return fits;
    return check_run_probe(container, gcp_number(port, "containerPort"));
}

inline result<void> check_run_scaling(const boost::json::object& holder, const GcpOptions& options,
                                      std::string_view path) {
    const auto* const found = holder.if_contains("scaling");
    if (found == nullptr) return {};
    const auto& scaling = found->get_object();
    const auto most = gcp_number(scaling, "maxInstanceCount", options.max_instances);
    if (most < 0 || gcp_number(scaling, "minInstanceCount") < 0)
        return gcp_invalid(std::string{path} + ".scaling: counts must not be negative");
    if (most > options.max_instances)
        return gcp_invalid(
            "spec.template.metadata.annotations[autoscaling.knative.dev/maxScale]: You do not have quota "
            "for using more than " +
            std::to_string(options.max_instances) + " instances: maxScale may not exceed " +
            std::to_string(options.max_instances));
    if (most > 0 && gcp_number(scaling, "minInstanceCount") > most)
        return gcp_invalid(
            "spec.template.metadata.annotations[autoscaling.knative.dev/minScale]: must not be more than "
            "maxScale");
    if (gcp_text(scaling, "scalingMode") == "MANUAL")
        return gcp_invalid(std::string{path} + ".scaling.scalingMode: the local cloud scales by itself");
    return {};
}

inline result<void> check_run_traffic(boost::json::object& service) {
    const auto* const given = service.if_contains("traffic");
    if (given == nullptr || given->get_array().empty()) {
        const boost::json::object latest{{"type", "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"}, {"percent", 100}};
        service["traffic"] = boost::json::array{latest};
        return {};
    }
    std::int64_t total = 0;
    for (const auto& item : given->get_array()) {
        const auto& target = item.get_object();
        const auto type = gcp_text(target, "type");
        const bool names = !gcp_text(target, "revision").empty();
        if (type != "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST" && type != "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION")
            return gcp_invalid("traffic.type: must be set");
        if (names != (type == "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"))
            return gcp_invalid("traffic.revision: must be set for the type REVISION, and for no other");
        if (!gcp_text(target, "tag").empty()) return gcp_invalid("traffic.tag: the local cloud has no tags");
        if (auto fits = check_run_range(target, "percent", 0, 100, "traffic"); !fits) return fits;
        total += gcp_number(target, "percent");
    }
    if (total != 100)
        return gcp_invalid("traffic: the percentages must add up to 100, and add up to " + std::to_string(total));
    return {};
}

BLUEPRINT_FAAS_DECL result<boost::json::object> judge_run_service(boost::json::object service, std::string_view id,
                                                                  const GcpOptions& options) {
    for (const auto* const member : {"labels", "annotations"})
        if (auto fine = check_run_namespaces(service, member, "service"); !fine) return fine.error();
    if (auto fine = check_gcp_labels(service, "labels"); !fine) return fine.error();
    if (gcp_text(service, "description").size() > 512)
        return gcp_invalid("description: may have 512 characters at most");
    for (const auto* const member : {"buildConfig", "multiRegionSettings", "iapEnabled"})
        if (service.if_contains(member) != nullptr)
            return gcp_invalid(std::string{member} + ": the local cloud has no such thing");
    const auto* const revision = service.if_contains("template");
    if (revision == nullptr) return gcp_invalid("template: must be set");
    if (auto fine = judge_run_template(service["template"].get_object(), id, options); !fine) return fine.error();
    if (auto fine = check_run_scaling(service, options, "service"); !fine) return fine.error();
    if (auto fine = check_run_scaling(service["template"].get_object(), options, "template"); !fine)
        return fine.error();
    if (auto fine = check_run_traffic(service); !fine) return fine.error();
    if (const auto* const audiences = service.if_contains("customAudiences"))
        for (const auto& audience : audiences->get_array())
            if (audience.get_string().empty()) return gcp_invalid("customAudiences: must not be empty");
    auto& account = service["template"].get_object()["serviceAccount"];
    if (!account.is_string() || account.get_string().empty())
        account = options.project_number + "-compute@developer.gserviceaccount.com";
    const auto ingress = gcp_text(service, "ingress");
    if (ingress.empty() || ingress == "INGRESS_TRAFFIC_UNSPECIFIED") service["ingress"] = "INGRESS_TRAFFIC_ALL";
    service["launchStage"] = "GA";
    for (const auto* const member : {"name", "etag"}) service.erase(member);
    return service;
}

BLUEPRINT_FAAS_DECL HttpInstancePlan plan_of_run_revision(const boost::json::object& revision,
                                                          const boost::json::object& service) {
    HttpInstancePlan plan;
    const auto& container = revision.at("containers").get_array().front().get_object();
    if (const auto* const variables = container.if_contains("env"))
        for (const auto& item : variables->get_array())
            plan.variables[gcp_text(item.get_object(), "name")] = gcp_text(item.get_object(), "value");
    const auto* const command = container.if_contains("command");
    const auto* const arguments = container.if_contains("args");
    if (command != nullptr)
        for (std::size_t i = 1; i < command->get_array().size(); ++i)
            plan.arguments.emplace_back(command->get_array()[i].get_string());
    if (arguments != nullptr)
        for (const auto& argument : arguments->get_array()) plan.arguments.emplace_back(argument.get_string());
    plan.memory_bytes = gcp_memory(gcp_text(container, "resources.limits.memory")).value_or(0);
    const auto& port = container.at("ports").get_array().front().get_object();
    plan.port = static_cast<std::uint16_t>(gcp_number(port, "containerPort"));
    const auto& probe = container.at("startupProbe").get_object();
    plan.startup.delay = std::chrono::seconds{gcp_number(probe, "initialDelaySeconds")};
    plan.startup.patience =
        std::chrono::seconds{gcp_number(probe, "periodSeconds") * gcp_number(probe, "failureThreshold")};
    if (const auto* const http = gcp_at(probe, "httpGet")) {
        plan.startup.path = gcp_text(http->get_object(), "path");
        if (plan.startup.path.empty()) plan.startup.path = "/";
    }
    plan.concurrency = static_cast<std::uint32_t>(gcp_number(revision, "maxInstanceRequestConcurrency"));
    plan.timeout = *gcp_duration(gcp_text(revision, "timeout"));
    std::int64_t most = 100;
    for (const auto* const holder : {&revision, &service}) {
        if (const auto limit = gcp_number(*holder, "scaling.maxInstanceCount"); limit > 0) most = std::min(most, limit);
        plan.min_instances =
            std::max(plan.min_instances, static_cast<std::uint32_t>(gcp_number(*holder, "scaling.minInstanceCount")));
    }
    plan.max_instances = static_cast<std::uint32_t>(most);
    return plan;
}

}  // namespace blueprint::faas::local

#endif
