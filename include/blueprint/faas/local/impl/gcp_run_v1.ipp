#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_RUN_V1_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_RUN_V1_IPP

#include "blueprint/faas/local/gcp_run.hpp"
#include "blueprint/faas/local/impl/gcp_run.ipp"

#include <boost/json/array.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::local {

// Services as version 1 of the API tells them, which gcloud's own `run` commands read. Nothing is changed by it.
// Source: Cloud Run Admin API v1, REST reference, Service; Knative API specification 1.1.
namespace gcp_run_v1 {

inline constexpr std::string_view root = "/apis/serving.knative.dev/v1/";

inline std::string last_of(std::string_view name) { return std::string{name.substr(name.rfind('/') + 1)}; }

/// The region is in the host's name: "europe-west1-run.googleapis.com". Empty: it names none, and all are meant.
inline std::string region_of(const ServerRequest& request) {
    const auto host = request.field("host").value_or("");
    const auto end = host.rfind('-', host.find(':'));
    const auto region = host.substr(0, end == std::string_view::npos ? 0 : end);
    return is_gcp_name(region, 40) ? std::string{region} : std::string{};
}

/// Copies a member under another name if it is there.
inline void copy(boost::json::object& to, std::string_view as, const boost::json::object& from, std::string_view path) {
    if (const auto* const value = gcp_at(from, path)) to[as] = *value;
}

inline boost::json::object container(const boost::json::object& told) {
    boost::json::object out;
    for (const auto name : {"name", "image", "command", "args", "workingDir", "ports", "startupProbe"})
        copy(out, name, told, name);
    boost::json::array variables;
    if (const auto* const env = gcp_at(told, "env"))
        for (const auto& item : env->get_array()) {
            boost::json::object variable{{"name", gcp_text(item.get_object(), "name")}};
            copy(variable, "value", item.get_object(), "value");
            variables.push_back(std::move(variable));
        }
    if (!variables.empty()) out["env"] = std::move(variables);
    if (const auto* const limits = gcp_at(told, "resources.limits"))
        out["resources"] = boost::json::object{{"limits", *limits}};
    return out;
}

inline boost::json::array traffic(const boost::json::object& told, std::string_view latest) {
    boost::json::array out;
    const auto* const items = gcp_at(told, "traffic");
    if (items == nullptr) return out;
    for (const auto& item : items->get_array()) {
        const auto& target = item.get_object();
        const auto revision = gcp_text(target, "revision");
        boost::json::object one{{"percent", gcp_number(target, "percent")}};
        if (revision.empty()) one["latestRevision"] = true;
        if (!revision.empty()) one["revisionName"] = last_of(revision);
        if (revision.empty() && !latest.empty()) one["revisionName"] = latest;
        out.push_back(std::move(one));
    }
    return out;
}

/// The annotations that stand for what version 2 has members for.
inline boost::json::object annotations(const boost::json::object& told) {
    boost::json::object out;
    copy(out, "autoscaling.knative.dev/maxScale", told, "scaling.maxInstanceCount");
    copy(out, "autoscaling.knative.dev/minScale", told, "scaling.minInstanceCount");
    for (auto& [name, value] : out) value = std::to_string(value.get_int64());
    const auto* const containers = gcp_at(told, "template.containers");
    if (containers == nullptr || containers->get_array().empty()) return out;
    const auto& first = containers->get_array()[0].get_object();
    const auto name = gcp_text(first, "name");
    const auto of_container = [&](const std::string& value) { return "{\"" + name + "\":\"" + value + "\"}"; };
    const auto bucket = gcp_text(first, "sourceCode.cloudStorageSource.bucket");
    if (!bucket.empty())
        out["run.googleapis.com/sources"] =
            of_container("gs://" + bucket + '/' + gcp_text(first, "sourceCode.cloudStorageSource.object"));
    const auto base = gcp_text(first, "baseImageUri");
    if (!base.empty()) out["run.googleapis.com/base-images"] = of_container(base);
    return out;
}

/// `told`: the service as version 2 tells it.
inline boost::json::object service(const boost::json::object& told, std::string_view project) {
    const auto name = gcp_text(told, "name");
    const auto latest = last_of(gcp_text(told, "latestReadyRevision"));
    boost::json::object metadata{{"name", last_of(name)}, {"namespace", project}};
    copy(metadata, "uid", told, "uid");
    copy(metadata, "creationTimestamp", told, "createTime");
    metadata["generation"] = std::stoll(gcp_text(told, "generation"));
    boost::json::object labels;
    if (const auto* const given = gcp_at(told, "labels")) labels = given->get_object();
    const std::string_view after_project = std::string_view{name}.substr(name.find("/locations/") + 11);
    labels["cloud.googleapis.com/location"] = after_project.substr(0, after_project.find('/'));
    metadata["labels"] = std::move(labels);

    boost::json::object containers{
        {"containerConcurrency", gcp_number(told, "template.maxInstanceRequestConcurrency")}};
    if (const auto timeout = gcp_duration(gcp_text(told, "template.timeout")))
        containers["timeoutSeconds"] = timeout->count() / 1000;
    copy(containers, "serviceAccountName", told, "template.serviceAccount");
    boost::json::array all;
    if (const auto* const given = gcp_at(told, "template.containers"))
        for (const auto& item : given->get_array()) all.push_back(container(item.get_object()));
    containers["containers"] = std::move(all);
    boost::json::object revision{{"metadata", boost::json::object{{"annotations", annotations(told)}}}};
    revision["spec"] = std::move(containers);
    boost::json::object spec{{"template", std::move(revision)}, {"traffic", traffic(told, {})}};

    boost::json::object status{{"observedGeneration", metadata["generation"]}, {"traffic", traffic(told, latest)}};
    if (!latest.empty()) status["latestReadyRevisionName"] = latest;
    if (const auto created = last_of(gcp_text(told, "latestCreatedRevision")); !created.empty())
        status["latestCreatedRevisionName"] = created;
    const auto state = gcp_text(told, "terminalCondition.state");
    boost::json::object ready{{"type", "Ready"}};
    ready["status"] = state == "CONDITION_SUCCEEDED" ? "True" : state == "CONDITION_FAILED" ? "False" : "Unknown";
    copy(ready, "lastTransitionTime", told, "terminalCondition.lastTransitionTime");
    copy(ready, "message", told, "terminalCondition.message");
    status["conditions"] = boost::json::array{std::move(ready)};
    copy(status, "url", told, "uri");
    boost::json::object address;
    copy(address, "url", told, "uri");
    status["address"] = std::move(address);
    return {{"apiVersion", "serving.knative.dev/v1"},
            {"kind", "Service"},
            {"metadata", std::move(metadata)},
            {"spec", std::move(spec)},
            {"status", std::move(status)}};
}

}  // namespace gcp_run_v1

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpRun::answer_v1(const ServerRequest& request, const GcpCaller& caller) {
    const auto target = read_request_target(request.target, gcp_run_v1::root);
    const auto& segments = target.segments;  // "namespaces", project, "services", and maybe which
    const bool known = request.method == "GET" && (segments.size() == 3 || segments.size() == 4) &&
                       segments[0] == "namespaces" && segments[2] == "services";
    if (!known) return gcp_unknown_method(request);
    const auto& options = shared_.options;
    if (segments[1] != options.project && segments[1] != options.project_number)
        return gcp_refusal(403, "PERMISSION_DENIED CONSUMER_INVALID",
                           "Permission denied on resource project " + segments[1] + '.');
    const bool lists = segments.size() == 3;
    const auto place = "projects/" + options.project + "/locations/";
    const auto region = gcp_run_v1::region_of(request);
    if (auto may = shared_.gate.require(caller, lists ? "run.services.list" : "run.services.get", place); !may)
        return may.error();
    boost::json::array items;
    for (const auto& [name, one] : services_) {
        const bool here = region.empty() || name.starts_with(place + region + '/');
        if (!here || (!lists && one->id != segments[3])) continue;
        items.push_back(gcp_run_v1::service(show(*one), segments[1]));
    }
    if (lists)
        return gcp_json({{"apiVersion", "serving.knative.dev/v1"},
                         {"kind", "ServiceList"},
                         {"metadata", boost::json::object{}},
                         {"items", std::move(items)}});
    if (items.empty()) return gcp_no_resource("Resource", segments[3]);
    return gcp_json(items[0].get_object());
}

}  // namespace blueprint::faas::local

#endif
