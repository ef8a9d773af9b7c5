#ifndef BLUEPRINT_FAAS_CODEC_IMPL_GCP_RUN_DECISIONS_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_GCP_RUN_DECISIONS_IPP

// What follows from what is wanted and what is there, without any exchange.

#include "blueprint/faas/codec/gcp_run_control.hpp"
#include "blueprint/faas/codec/impl/gcp_reading.hpp"
#include "blueprint/faas/detail/timestamp.hpp"
#include "blueprint/faas/package/package.hpp"
#include "blueprint/faas/package/tar.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace blueprint::faas::detail {

namespace gcp_run {

// The alias of a base image comes back as such, or as the image it stands for: "REGION-docker.pkg.dev/.../osonly24:x".
BLUEPRINT_FAAS_COLD inline bool same_base_image(std::string_view wanted, std::string_view there) {
    if (wanted == there) return true;
    there = there.substr(there.rfind('/') + 1);
    there = there.substr(0, there.find_first_of(":@"));
    return wanted == there;
}

BLUEPRINT_FAAS_COLD inline bool newer(const CloudRunRevision& a, const CloudRunRevision& b) {
    const auto when_a = read_timestamp(a.created), when_b = read_timestamp(b.created);
    if (when_a && when_b && *when_a != *when_b) return *when_a > *when_b;
    return a.id > b.id;  // they are numbered: blueprint-job-0-00007-abc
}

BLUEPRINT_FAAS_COLD inline std::string traffic_target(const CloudRunTraffic& traffic, const CloudRunService& service) {
    return traffic.revision.empty() ? service.latest_ready : traffic.revision;
}

// The share of each revision, in percent. What is told to be so counts, and if nothing is, what is asked for.
BLUEPRINT_FAAS_COLD inline std::map<std::string, std::uint32_t> shares(const CloudRunService& service) {
    std::map<std::string, std::uint32_t> out;
    for (const auto& one : service.serving.empty() ? service.traffic : service.serving)
        if (one.percent != 0) out[traffic_target(one, service)] += one.percent;
    if (out.empty() && !service.latest_ready.empty()) out[service.latest_ready] = 100;
    return out;
}

BLUEPRINT_FAAS_COLD inline bool traffic_to_latest(const std::vector<CloudRunTraffic>& traffic) {
    return std::all_of(traffic.begin(), traffic.end(),
                       [](const auto& one) { return one.percent == 0 || one.revision.empty(); });
}

}  // namespace gcp_run

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string CloudRunDifference::mask() const {
    std::string out;
    const auto add = [&](bool is_part, std::string_view name) {
        if (is_part) out.append(out.empty() ? "" : ",").append(name);
    };
    add(description, "description");
    add(ingress, "ingress");
    add(labels, "labels");
    add(scaling, "scaling");
    add(revision, "template");
    add(traffic, "traffic");
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL GlibcVersion CloudRunControl::glibc() const {
    return api_.is_googles(GoogleService::run) ? cloud_run_glibc : newest_glibc;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<CloudRunWanted> CloudRunControl::wanted(JobId id, const Package& package,
                                                                                       const FaasConfig& config) const {
    CloudRunWanted out;
    if (options_.image.empty()) {
        const auto fit = check_cloud_run_package(package, glibc());
        if (!fit) return fit.error();
        out.package_sha256 = package.sha256();
        out.binary_size_bytes = package.binary_size_bytes();
    }
    const GoogleDeployed what{.job = id, .package_sha256 = out.package_sha256};
    auto settings = google_service_config(options_.cloud, config, what);
    if (!settings) return std::move(settings).error();
    out.config = std::move(*settings);
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL CloudRunDifference
CloudRunControl::difference(const CloudRunWanted& wanted, const CloudRunService& now) const {
    CloudRunDifference out;
    const auto& config = wanted.config;
    const auto& there = now.settings;
    const auto differs = [&](bool& part, bool yes, std::string_view name) {
        if (!yes) return;
        part = true;
        out.why.append(out.why.empty() ? "" : ", ").append(name);
    };
    differs(out.description, options_.description != now.description, "description");
    differs(out.ingress, config.ingress != now.ingress, "ingress");
    differs(out.labels,
            !has_labels(config.labels, now.labels) || (wanted.from_image() && !labelled_package(now.labels).empty()),
            "labels");
    differs(
        out.scaling,
        config.min_instances != now.min_instances || config.max_instances != now.max_instances || now.manual_scaling,
        "numbers of instances");
    auto& revision = out.revision;
    if (wanted.from_image()) {
        differs(revision, there.image != options_.image || !there.object.empty(), "image");
    } else {
        differs(revision, there.object.empty() || labelled_package(there.labels) != wanted.package_sha256, "package");
        differs(revision, !gcp_run::same_base_image(options_.base_image, there.base_image), "base image");
        differs(revision, there.command != std::vector<std::string>{"./bootstrap"}, "command");
    }
    differs(revision, !has_labels(config.labels, there.labels) && !revision, "the revision's labels");
    differs(revision, there.memory_bytes != std::uint64_t{config.memory_mib} << 20U, "memory");
    differs(revision, there.milli_cpu != config.milli_cpu || !there.cpu_idle || !there.cpu_boost, "processors");
    differs(revision, there.timeout != config.timeout, "timeout");
    differs(revision, there.concurrency != config.concurrency, "calls at a time");
    differs(revision, !there.plain_environment || !same_environment(config.environment, there.environment),
            "variables");
    differs(revision, !config.service_account.empty() && there.service_account != config.service_account,
            "service account");
    differs(revision,
            !options_.execution_environment.empty() && there.execution_environment != options_.execution_environment,
            "execution environment");
    const auto patience = std::chrono::ceil<std::chrono::seconds>(options_.start_patience).count();
    differs(revision, there.probe_seconds != static_cast<std::uint64_t>(patience), "startup probe");
    if (!revision && !now.reconciling && !now.usable()) {
        differs(revision, true, "the last revision is not ready");
        out.anew = true;
    }
    differs(out.traffic, !gcp_run::traffic_to_latest(now.traffic), "traffic");
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL FaasDeployment
CloudRunControl::deployment(JobId id, const CloudRunService& service) const {
    FaasDeployment out;
    out.job_id = id;
    out.function_id = service.name;
    out.endpoint = service.uri;
    out.memory_mib = static_cast<std::uint32_t>(service.settings.memory_bytes >> 20U);
    out.timeout = service.settings.timeout;
    out.deployed_at = service.updated;
    // Who gets most of the calls; what that runs is known of the latest one alone.
    const auto shares = gcp_run::shares(service);
    const auto most = std::max_element(shares.begin(), shares.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most != shares.end()) out.revision = most->first;
    if (out.revision == service.latest_created) out.package_sha256 = labelled_package(service.settings.labels);
    if (service.reconciling) {
        out.state = DeploymentState::deploying;
    } else if (!service.usable()) {
        out.state = DeploymentState::failed;
        out.problem = service.ready.text();
    }
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::vector<Revision> CloudRunControl::revisions(
    const std::vector<CloudRunRevision>& all, const CloudRunService& service) {
    auto sorted = all;
    std::sort(sorted.begin(), sorted.end(), &gcp_run::newer);
    const auto shares = gcp_run::shares(service);
    std::vector<Revision> out;
    for (const auto& one : sorted) {
        Revision revision;
        revision.id = one.id;
        if (const auto share = shares.find(one.id); share != shares.end())
            revision.traffic = static_cast<double>(share->second) / 100;
        revision.deployed_at = one.created;
        revision.package_sha256 = labelled_package(one.settings.labels);
        revision.description = one.settings.object.empty() ? one.settings.image : "";
        if (one.ready.failed()) revision.description = one.ready.text();
        out.push_back(std::move(revision));
    }
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::vector<CloudRunTraffic>> CloudRunControl::shifted(
    const CloudRunService& now, const std::string& revision, double share) {
    using gcp_reading::refused;
    if (!(share >= 0 && share <= 1)) return refused("a share of the calls is between 0 and 1");
    const double percent = std::round(share * 100);
    if (std::abs(share * 100 - percent) > 1e-6)
        return refused("Cloud Run splits calls by whole percents: " + std::to_string(share) + " is none, such as 0.25");
    // Who has most of the calls now, the revision itself left out.
    std::string rest;
    std::uint32_t most = 0;
    for (const auto& [name, has] : gcp_run::shares(now)) {
        if (name == revision || has <= most) continue;
        rest = name;
        most = has;
    }
    const auto given = static_cast<std::uint32_t>(percent);
    if (rest.empty() && given != 100) {
        if (now.latest_ready.empty() || now.latest_ready == revision)
            return refused("no other revision gets calls, so " + gcp_reading::for_people(revision) +
                           " has to get all of them: shift calls to the other one instead");
        rest = now.latest_ready;
    }
    std::vector<CloudRunTraffic> out;
    if (given != 0) out.push_back({.revision = revision, .percent = given, .tag = {}});
    if (given != 100) out.push_back({.revision = rest, .percent = 100 - given, .tag = {}});
    for (const auto& one : now.traffic) {
        if (one.tag.empty()) continue;
        out.push_back(one);
        out.back().percent = 0;
    }
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::vector<CloudRunRevision> CloudRunControl::older(
    std::vector<CloudRunRevision> all, const CloudRunService& service) {
    std::sort(all.begin(), all.end(), &gcp_run::newer);
    const auto shares = gcp_run::shares(service);
    const auto last = std::find_if(all.rbegin(), all.rend(), [&](const auto& one) { return shares.contains(one.id); });
    all.erase(all.begin(), last.base());
    return all;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::vector<CloudRunRevision> CloudRunControl::prunable(
    std::vector<CloudRunRevision> all, const CloudRunService& service, std::uint32_t keep) {
    std::vector<CloudRunRevision> out;
    if (keep == 0) return out;
    std::set<std::string> used{service.latest_created, service.latest_ready};
    for (const auto* list : {&service.traffic, &service.serving})
        for (const auto& one : *list) used.insert(gcp_run::traffic_target(one, service));
    std::sort(all.begin(), all.end(), &gcp_run::newer);
    std::uint32_t idle = 0;
    for (auto& one : all)
        if (!used.contains(one.id) && ++idle > keep) out.push_back(std::move(one));
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Health CloudRunControl::health(const CloudRunService& service) {
    Health health;
    health.reason = service.ready.text();
    if (service.reconciling) {
        health.state = HealthState::deploying;
        if (!service.latest_ready.empty()) health.reason += "; calls still reach what was there before";
    } else if (!service.usable()) {
        health.state = HealthState::unhealthy;
        if (!service.latest_ready.empty()) health.reason += "; calls still reach " + service.latest_ready;
    } else {
        health.state = HealthState::healthy;
        health.reason = "the revision " + service.latest_ready + " is ready";
    }
    return health;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL PlatformDescription CloudRunControl::describe() {
    static constexpr std::uint64_t most_body = 32U << 20U;
    PlatformDescription out;
    out.spec = "v2";
    out.features = {"list", "warm", "plan", "revisions", "traffic"};
    out.limits = {
        {"request_bytes", most_body}, {"response_bytes", most_body},   {"package_bytes", cloud_run_archive_bytes},
        {"memory_mb.min", 128},       {"memory_mb.max", 32'768},       {"timeout_secs.min", 1},
        {"timeout_secs.max", 3600},   {"instance_concurrency.min", 1}, {"instance_concurrency.max", 1000}};
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool CloudRunControl::same_traffic(const std::vector<CloudRunTraffic>& a,
                                                                           const std::vector<CloudRunTraffic>& b) {
    const auto split = [](const std::vector<CloudRunTraffic>& traffic) {
        std::map<std::string, std::uint32_t> out;
        for (const auto& one : traffic)
            if (one.percent != 0) out[one.revision] += one.percent;
        return out;
    };
    return split(a) == split(b);
}

}  // namespace blueprint::faas::detail

#endif
