#ifndef BLUEPRINT_FAAS_CODEC_IMPL_GCP_RUN_CONTROL_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_GCP_RUN_CONTROL_IPP

// The requests of Cloud Run's management API.

#include "blueprint/faas/codec/gcp_run_control.hpp"
#include "blueprint/faas/codec/impl/gcp_reading.hpp"
#include "blueprint/faas/codec/impl/gcp_run_json.hpp"
#include "blueprint/faas/codec/impl/wiped_json.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/utf8.hpp"
#include "blueprint/faas/detail/wiped_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <utility>

namespace blueprint::faas::detail {

namespace gcp_run {

namespace json = boost::json;

// Fifty services, each with as many variables as are usual. One with the most that Google takes has a page of its own.
inline constexpr std::size_t longest_page = 16U << 20U;
inline constexpr std::uint32_t port = 8080;

BLUEPRINT_FAAS_COLD inline std::string paged(std::string path, std::string_view page) {
    path += "?pageSize=50";
    if (!page.empty()) path.append("&pageToken=").append(percent_encode(page));
    return path;
}

// The member as an object; it is made one if it is not.
BLUEPRINT_FAAS_COLD inline json::object& object_at(json::object& object, std::string_view name) {
    auto& member = object[name];
    if (!member.is_object()) member.emplace_object();
    return member.get_object();
}

BLUEPRINT_FAAS_COLD inline void write_labels(json::object& labels, const CloudRunWanted& wanted) {
    for (const auto* ours : {"blueprint-package-1", "blueprint-package-2"}) labels.erase(ours);
    for (const auto& [key, value] : wanted.config.labels) labels[key] = value;
}

BLUEPRINT_FAAS_COLD inline void write_scaling(json::object& scaling, const CloudRunWanted& wanted) {
    scaling.erase("manualInstanceCount");
    if (scaling.contains("scalingMode")) scaling["scalingMode"] = "AUTOMATIC";
    scaling["minInstanceCount"] = wanted.config.min_instances;
    scaling["maxInstanceCount"] = wanted.config.max_instances;
}

BLUEPRINT_FAAS_COLD inline void write_traffic(json::value& out, const std::vector<CloudRunTraffic>& traffic) {
    auto& list = out.emplace_array();
    for (const auto& one : traffic) {
        json::object target(out.storage());
        const bool latest = one.revision.empty();
        target["type"] = latest ? "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST" : "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION";
        if (!latest) target["revision"] = one.revision;
        if (one.percent != 0) target["percent"] = one.percent;
        if (!one.tag.empty()) target["tag"] = one.tag;
        list.push_back(std::move(target));
    }
}

// All calls to the latest revision that is ready; the addresses that somebody made by tags stay.
BLUEPRINT_FAAS_COLD inline std::vector<CloudRunTraffic> to_latest(const std::vector<CloudRunTraffic>& now) {
    std::vector<CloudRunTraffic> out;
    out.push_back({.revision = {}, .percent = 100, .tag = {}});
    for (const auto& one : now) {
        if (one.tag.empty()) continue;
        out.push_back(one);
        out.back().percent = 0;
    }
    return out;
}

BLUEPRINT_FAAS_COLD inline void write_probe(json::object& container, std::uint32_t seconds) {
    json::object probe(container.storage());
    object_at(probe, "tcpSocket")["port"] = port;
    probe["periodSeconds"] = 1;
    probe["timeoutSeconds"] = 1;
    probe["failureThreshold"] = seconds;
    container["startupProbe"] = std::move(probe);
}

// What a package needs to run without a build (pitfall 14), or an image: its own program is what starts.
BLUEPRINT_FAAS_COLD inline void write_program(json::object& container, const CloudRunOptions& options,
                                              const CloudRunWanted& wanted, const CloudRunSource& source) {
    for (const auto* name : {"args", "baseImageUri", "buildInfo", "command", "sourceCode"}) container.erase(name);
    if (wanted.from_image()) {
        container["image"] = options.image;
        return;
    }
    container["image"] = "scratch";
    container["baseImageUri"] = options.base_image;
    container["command"].emplace_array().emplace_back("./bootstrap");
    auto& storage = object_at(object_at(container, "sourceCode"), "cloudStorageSource");
    storage["bucket"] = source.bucket;
    storage["object"] = source.object;
}

BLUEPRINT_FAAS_COLD inline void write_template(json::object& out, const CloudRunOptions& options,
                                               const CloudRunWanted& wanted, const CloudRunSource& source) {
    const auto& config = wanted.config;
    out.erase("revision");  // Google names the next one
    write_labels(object_at(out, "labels"), wanted);
    out["timeout"] = std::to_string(config.timeout.count()) + 's';
    out["maxInstanceRequestConcurrency"] = config.concurrency;
    if (!config.service_account.empty()) out["serviceAccount"] = config.service_account;
    if (!options.execution_environment.empty()) out["executionEnvironment"] = options.execution_environment;
    auto& list = out["containers"];
    if (!list.is_array()) list.emplace_array();
    auto& containers = list.get_array();
    if (containers.empty() || !containers.front().is_object()) {
        containers.clear();
        containers.emplace_back(json::object_kind);
    }
    for (auto& one : containers)
        if (one.is_object()) one.get_object().erase("buildInfo");  // Google's to tell
    auto& container = containers.front().get_object();
    write_program(container, options, wanted, source);
    auto& variables = container["env"].emplace_array();
    for (const auto& [name, value] : config.environment) {
        json::object variable(variables.storage());
        variable["name"] = name;
        variable["value"] = value.reveal();
        variables.push_back(std::move(variable));
    }
    auto& resources = object_at(container, "resources");
    auto& limits = object_at(resources, "limits");
    limits["cpu"] = config.cpu;
    limits["memory"] = config.memory;
    // Unless it is sent, processors are there and paid for all the time.
    resources["cpuIdle"] = true;
    resources["startupCpuBoost"] = true;
    json::object open(container.storage());
    open["containerPort"] = port;
    auto& ports = container["ports"].emplace_array();
    ports.push_back(std::move(open));
    const auto patience = std::chrono::ceil<std::chrono::seconds>(options.start_patience).count();
    write_probe(container, static_cast<std::uint32_t>(patience));
}

// Writes a document to bytes that are wiped, too.
BLUEPRINT_FAAS_COLD inline WipedBody body_of(const json::value& document) {
    WipedBody body;
    WipedJson out{body.bytes()};
    write_json(document, [&](std::string_view piece) { out.raw(piece); });
    return body;
}

BLUEPRINT_FAAS_COLD inline std::size_t text_bytes(const CloudRunWanted& wanted) {
    std::size_t bytes = 4096;
    for (const auto& [name, value] : wanted.config.environment) bytes += name.size() + value.size() + 64;
    for (const auto& [name, value] : wanted.config.labels) bytes += 2 * (name.size() + value.size() + 16);
    return bytes;
}

}  // namespace gcp_run

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL CloudRunControl::CloudRunControl(CloudRunOptions options)
    : options_{std::move(options)}, api_{options_.cloud} {
    misconfigured_ = api_.misconfigured();
    if (!misconfigured_) misconfigured_ = check();
    cannot_manage_ = misconfigured_ ? misconfigured_ : api_.cannot_manage();
}

BLUEPRINT_FAAS_COLD inline std::optional<Error> CloudRunControl::check() const {
    using gcp_reading::refused;
    static constexpr std::size_t longest_description = 512;
    const auto bucket_character = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    };
    const auto blank = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; };
    const auto& bucket = options_.bucket;
    if (!bucket.empty() &&
        (bucket.size() < 3 || bucket.size() > 222 || !std::all_of(bucket.begin(), bucket.end(), bucket_character)))
        return refused("CloudRunOptions::bucket is no name of a bucket; give it without gs://");
    if (std::any_of(options_.image.begin(), options_.image.end(), blank))
        return refused("CloudRunOptions::image is no name of an image: it has a blank in it");
    if (options_.image.empty() && options_.base_image.empty())
        return refused("CloudRunOptions::base_image is empty; osonly24 is Google's Ubuntu 24.04");
    const auto& environment = options_.execution_environment;
    if (!environment.empty() && environment != "EXECUTION_ENVIRONMENT_GEN1" &&
        environment != "EXECUTION_ENVIRONMENT_GEN2")
        return refused(
            "CloudRunOptions::execution_environment is neither EXECUTION_ENVIRONMENT_GEN1 nor "
            "EXECUTION_ENVIRONMENT_GEN2");
    if (options_.start_patience < std::chrono::seconds{1} || options_.start_patience > std::chrono::seconds{240})
        return refused("CloudRunOptions::start_patience is " + std::to_string(options_.start_patience.count()) +
                       " ms, and Cloud Run waits for 1 to 240 seconds");
    if (!is_utf8(options_.description) || options_.description.size() > longest_description)
        return refused("CloudRunOptions::description has more than 512 characters, or is no UTF-8 text");
    return std::nullopt;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest CloudRunControl::get_service(JobId id) const {
    auto request = api_.request(GoogleService::run, Verb::get, "/v2/" + service_name(id));
    request.max_response_bytes = gcp_run::longest_page;
    return request;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest CloudRunControl::list_services(std::string_view page) const {
    auto request =
        api_.request(GoogleService::run, Verb::get, gcp_run::paged("/v2/" + api_.location() + "/services", page));
    request.max_response_bytes = gcp_run::longest_page;
    return request;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest CloudRunControl::create_service(JobId id, Body body) const {
    return api_.request(GoogleService::run, Verb::post,
                        "/v2/" + api_.location() + "/services?serviceId=" + api_.id_of(id), std::move(body));
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest CloudRunControl::patch_service(JobId id,
                                                                                   const CloudRunDifference& what,
                                                                                   Body body) const {
    return api_.request(
        GoogleService::run, Verb::patch,
        "/v2/" + service_name(id) + "?updateMask=" + what.mask() + (what.anew ? "&forceNewRevision=true" : ""),
        std::move(body));
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest CloudRunControl::delete_service(JobId id) const {
    return api_.request(GoogleService::run, Verb::del, "/v2/" + service_name(id));
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest CloudRunControl::list_revisions(JobId id,
                                                                                    std::string_view page) const {
    auto request =
        api_.request(GoogleService::run, Verb::get, gcp_run::paged("/v2/" + service_name(id) + "/revisions", page));
    request.max_response_bytes = gcp_run::longest_page;
    return request;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest CloudRunControl::get_revision(JobId id,
                                                                                  std::string_view revision) const {
    auto request = api_.request(GoogleService::run, Verb::get,
                                "/v2/" + service_name(id) + "/revisions/" + percent_encode(revision));
    request.max_response_bytes = gcp_run::longest_page;
    return request;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest CloudRunControl::delete_revision(JobId id,
                                                                                     std::string_view revision) const {
    return api_.request(GoogleService::run, Verb::del,
                        "/v2/" + service_name(id) + "/revisions/" + percent_encode(revision));
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL WipedBody CloudRunControl::create_body(const CloudRunWanted& wanted,
                                                                               const CloudRunSource& source) const {
    WipedMemory memory{gcp_run::text_bytes(wanted)};
    gcp_run::json::value document(gcp_run::json::object_kind, memory.storage());
    auto& out = document.get_object();
    out["client"] = "blueprint-faas";
    if (!options_.description.empty()) out["description"] = options_.description;
    gcp_run::write_labels(gcp_run::object_at(out, "labels"), wanted);
    out["ingress"] = wanted.config.ingress;
    gcp_run::write_scaling(gcp_run::object_at(out, "scaling"), wanted);
    gcp_run::write_template(gcp_run::object_at(out, "template"), options_, wanted, source);
    gcp_run::write_traffic(out["traffic"], gcp_run::to_latest({}));
    return gcp_run::body_of(document);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL WipedBody CloudRunControl::patch_body(const CloudRunWanted& wanted,
                                                                              const CloudRunSource& source,
                                                                              const CloudRunService& before,
                                                                              const CloudRunDifference& what) const {
    const auto text = before.document.reveal();
    WipedMemory memory{2 * text.size() + gcp_run::text_bytes(wanted)};
    boost::system::error_code failed;
    auto told = gcp_run::json::parse(text, failed, memory.storage());
    if (failed || !told.is_object()) told.emplace_object();
    auto& there = told.get_object();
    gcp_run::json::value document(gcp_run::json::object_kind, memory.storage());
    auto& out = document.get_object();
    // What others have set in these parts stays as it is.
    const auto take = [&](std::string_view name) -> gcp_run::json::object& {
        if (auto* part = there.if_contains(name)) out[name] = std::move(*part);
        return gcp_run::object_at(out, name);
    };
    if (!before.etag.empty()) out["etag"] = before.etag;
    if (what.description) out["description"] = options_.description;
    if (what.labels) gcp_run::write_labels(take("labels"), wanted);
    if (what.ingress) out["ingress"] = wanted.config.ingress;
    if (what.scaling) gcp_run::write_scaling(take("scaling"), wanted);
    if (what.revision) gcp_run::write_template(take("template"), options_, wanted, source);
    if (what.traffic) gcp_run::write_traffic(out["traffic"], gcp_run::to_latest(before.traffic));
    return gcp_run::body_of(document);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL WipedBody
CloudRunControl::traffic_body(const CloudRunService& before, const std::vector<CloudRunTraffic>& traffic) {
    gcp_run::json::value document(gcp_run::json::object_kind);
    auto& out = document.get_object();
    if (!before.etag.empty()) out["etag"] = before.etag;
    gcp_run::write_traffic(out["traffic"], traffic);
    return gcp_run::body_of(document);
}

}  // namespace blueprint::faas::detail

#endif
