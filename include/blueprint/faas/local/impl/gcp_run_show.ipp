#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_RUN_SHOW_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_RUN_SHOW_IPP

#include "blueprint/faas/local/gcp_run.hpp"

#include <boost/json/array.hpp>

#include <utility>

namespace blueprint::faas::local {

// How services and revisions are told.

/// Says of a resource which it is, as operations tell it.
inline boost::json::object gcp_run_typed(std::string_view type, boost::json::object shown) {
    shown["@type"] = "type.googleapis.com/google.cloud.run.v2." + std::string{type};
    return shown;
}

BLUEPRINT_FAAS_DECL boost::json::object GcpRun::condition(std::string_view type, std::string_view reason,
                                                          std::string_view message, bool reconciling,
                                                          std::string_view time) const {
    boost::json::object out{{"type", type}, {"lastTransitionTime", time}};
    out["state"] = reconciling ? "CONDITION_RECONCILING" : reason.empty() ? "CONDITION_SUCCEEDED" : "CONDITION_FAILED";
    if (!reconciling && !reason.empty()) {
        // Revisions have reasons of their own. Source: Cloud Run Admin API v2, Condition.
        out[reason == "HEALTH_CHECK_CONTAINER_ERROR" ? "revisionReason" : "reason"] = reason;
        out["message"] = message;
    }
    return out;
}

BLUEPRINT_FAAS_DECL boost::json::object GcpRun::show(const GcpService& of) const {
    boost::json::object out{{"name", of.name}};
    for (const auto& [key, value] : of.shown) out[key] = value;
    const bool reconciling = of.changes > 0;
    if (!of.uid.empty()) out["uid"] = of.uid;
    out["generation"] = std::to_string(of.generation);
    out["observedGeneration"] = std::to_string(of.observed);
    out["createTime"] = of.created;
    out["updateTime"] = of.updated;
    out["creator"] = of.creator;
    out["lastModifier"] = of.creator;
    const auto revision_name = [&](const std::string& revision) { return of.name + "/revisions/" + revision; };
    if (!of.latest_created.empty()) out["latestCreatedRevision"] = revision_name(of.latest_created);
    if (!of.latest_ready.empty()) out["latestReadyRevision"] = revision_name(of.latest_ready);
    auto ready = condition("Ready", of.reason, of.message, reconciling, of.updated);
    auto routes = ready;
    auto configurations = ready;
    routes["type"] = "RoutesReady";
    configurations["type"] = "ConfigurationsReady";
    out["terminalCondition"] = std::move(ready);
    out["conditions"] = boost::json::array{std::move(routes), std::move(configurations)};
    boost::json::array traffic;
    for (const auto& item : of.shown.at("traffic").get_array()) {
        auto target = item.get_object();
        if (of.latest_ready.empty() && gcp_text(target, "revision").empty()) continue;
        traffic.push_back(std::move(target));
    }
    if (!traffic.empty()) out["trafficStatuses"] = std::move(traffic);
    if (of.front) {
        out["uri"] = of.front->url();
        out["urls"] = boost::json::array{of.front->url()};
    }
    if (reconciling) out["reconciling"] = true;
    out["etag"] = of.etag;
    return out;
}

BLUEPRINT_FAAS_DECL boost::json::object GcpRun::show(const GcpService& of, const GcpRevision& revision) const {
    const auto name = of.name + "/revisions/" + revision.name;
    boost::json::object out{{"name", name}};
    for (const auto& [key, value] : revision.shown) out[key] = value;
    const bool reconciling = !revision.ready && revision.reason.empty();
    out["service"] = of.id;
    out["generation"] = "1";
    out["observedGeneration"] = "1";
    out["createTime"] = revision.created;
    out["updateTime"] = revision.created;
    out["creator"] = of.creator;
    out["launchStage"] = "GA";
    out["conditions"] = boost::json::array{
        condition("Ready", revision.reason, revision.message, reconciling, revision.created),
        condition("ContainerHealthy", revision.reason, revision.message, reconciling, revision.created)};
    out["logUri"] = shared_.url + "/local/logs/" + name;
    if (reconciling) out["reconciling"] = true;
    out["etag"] = '"' + revision.name + '"';
    return out;
}

BLUEPRINT_FAAS_DECL std::optional<std::string> GcpRun::log_of(std::string_view revision) const {
    const auto end = revision.find("/revisions/");
    const auto of = find(revision.substr(0, end));
    if (!of || end == std::string_view::npos) return std::nullopt;
    const auto found = of->revisions.find(revision.substr(end + std::string_view{"/revisions/"}.size()));
    if (found == of->revisions.end()) return std::nullopt;
    return found->second->pool ? std::string{found->second->pool->log()} : std::string{};
}

}  // namespace blueprint::faas::local

#endif
