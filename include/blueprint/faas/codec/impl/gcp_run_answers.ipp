#ifndef BLUEPRINT_FAAS_CODEC_IMPL_GCP_RUN_ANSWERS_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_GCP_RUN_ANSWERS_IPP

// What Cloud Run's answers say of services and revisions.

#include "blueprint/faas/codec/gcp_run_control.hpp"
#include "blueprint/faas/codec/impl/gcp_reading.hpp"
#include "blueprint/faas/codec/impl/gcp_run_json.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/detail/wiped_json.hpp"

#include <boost/json/parse.hpp>

#include <array>
#include <charconv>
#include <utility>

namespace blueprint::faas::detail {

namespace gcp_run {

using gcp_reading::array_member;
using gcp_reading::for_people;
using gcp_reading::number_member;
using gcp_reading::object_member;
using gcp_reading::text_member;
using gcp_reading::true_member;
using gcp_reading::unreadable;
namespace json = boost::json;

BLUEPRINT_FAAS_COLD inline std::string last_part(std::string_view name) {
    return std::string{name.substr(name.rfind('/') + 1)};  // npos + 1 is 0
}

BLUEPRINT_FAAS_COLD inline std::chrono::seconds seconds_in(std::string_view text) {
    std::int64_t seconds = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    return std::chrono::seconds{failed == std::errc{} ? seconds : 0};
}

BLUEPRINT_FAAS_COLD inline std::map<std::string, std::string> texts_in(const json::object& object,
                                                                       std::string_view name) {
    std::map<std::string, std::string> out;
    if (const auto* members = object_member(object, name))
        for (const auto& member : *members)
            if (const auto* text = member.value().if_string()) out.emplace(member.key(), *text);
    return out;
}

BLUEPRINT_FAAS_COLD inline CloudRunCondition condition_in(const json::object& object) {
    CloudRunCondition out;
    out.state = text_member(object, "state");
    for (const auto* name : {"reason", "revisionReason", "executionReason"})
        if (out.reason.empty()) out.reason = for_people(text_member(object, name));
    out.message = for_people(text_member(object, "message"));
    return out;
}

// Of a template or a revision, which name what they have in common alike.
BLUEPRINT_FAAS_COLD inline CloudRunSettings settings_in(const json::object& object) {
    CloudRunSettings out;
    out.timeout = seconds_in(text_member(object, "timeout"));
    out.concurrency = number_member<std::uint32_t>(object, "maxInstanceRequestConcurrency").value_or(0);
    out.service_account = text_member(object, "serviceAccount");
    out.execution_environment = text_member(object, "executionEnvironment");
    out.labels = texts_in(object, "labels");
    const auto& containers = array_member(object, "containers");
    if (containers.empty() || !containers.front().is_object()) return out;
    const auto& container = containers.front().get_object();
    out.image = text_member(container, "image");
    out.base_image = text_member(container, "baseImageUri");
    for (const auto& word : array_member(container, "command"))
        if (const auto* text = word.if_string()) out.command.emplace_back(*text);
    if (const auto* code = object_member(container, "sourceCode"))
        if (const auto* source = object_member(*code, "cloudStorageSource")) {
            out.bucket = text_member(*source, "bucket");
            out.object = text_member(*source, "object");
        }
    for (const auto& one : array_member(container, "env")) {
        const auto* variable = one.if_object();
        if (variable == nullptr) continue;
        if (variable->contains("valueSource")) out.plain_environment = false;
        out.environment.insert_or_assign(std::string{text_member(*variable, "name")},
                                         Secret{text_member(*variable, "value")});
    }
    if (const auto* resources = object_member(container, "resources")) {
        out.cpu_idle = true_member(*resources, "cpuIdle");
        out.cpu_boost = true_member(*resources, "startupCpuBoost");
        if (const auto* limits = object_member(*resources, "limits")) {
            out.memory_bytes = read_memory_bytes(text_member(*limits, "memory")).value_or(0);
            out.milli_cpu = read_milli_cpu(text_member(*limits, "cpu")).value_or(0);
        }
    }
    if (const auto* probe = object_member(container, "startupProbe")) {
        const auto period = number_member<std::uint32_t>(*probe, "periodSeconds").value_or(10);
        const auto failures = number_member<std::uint32_t>(*probe, "failureThreshold").value_or(3);
        if (period <= 3600 && failures <= 3600) out.probe_seconds = period * failures;
    }
    return out;
}

BLUEPRINT_FAAS_COLD inline std::vector<CloudRunTraffic> traffic_in(const json::object& object, std::string_view name) {
    std::vector<CloudRunTraffic> out;
    for (const auto& one : array_member(object, name)) {
        const auto* target = one.if_object();
        if (target == nullptr) continue;
        CloudRunTraffic traffic;
        // What Google says of the latest one may name it too.
        if (text_member(*target, "type") != "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST")
            traffic.revision = last_part(text_member(*target, "revision"));
        traffic.percent = number_member<std::uint32_t>(*target, "percent").value_or(0);
        traffic.tag = text_member(*target, "tag");
        out.push_back(std::move(traffic));
    }
    return out;
}

// Of what can be written, in the order that Google gives it: the same state has the same text.
BLUEPRINT_FAAS_COLD inline std::string spec_digest(const json::object& object) {
    Sha256 digest;
    for (const auto* name : {"labels", "annotations", "description", "ingress", "scaling", "template", "traffic"}) {
        digest.update(bytes_of(name));
        if (const auto* part = object.if_contains(name))
            write_json(*part, [&](std::string_view piece) { digest.update(bytes_of(piece)); });
    }
    return hex_encode(digest.conclude());
}

BLUEPRINT_FAAS_COLD inline std::optional<CloudRunService> service_in(const json::object& object) {
    CloudRunService out;
    out.name = text_member(object, "name");
    const auto* settings = object_member(object, "template");
    if (out.name.empty() || settings == nullptr) return std::nullopt;
    out.settings = settings_in(*settings);
    out.uri = text_member(object, "uri");
    out.etag = text_member(object, "etag");
    out.description = text_member(object, "description");
    out.ingress = text_member(object, "ingress");
    out.updated = text_member(object, "updateTime");
    out.latest_created = last_part(text_member(object, "latestCreatedRevision"));
    out.latest_ready = last_part(text_member(object, "latestReadyRevision"));
    if (const auto* scaling = object_member(object, "scaling")) {
        out.min_instances = number_member<std::uint32_t>(*scaling, "minInstanceCount").value_or(0);
        out.max_instances = number_member<std::uint32_t>(*scaling, "maxInstanceCount").value_or(0);
        out.manual_scaling = text_member(*scaling, "scalingMode") == "MANUAL";
    }
    if (const auto* condition = object_member(object, "terminalCondition")) out.ready = condition_in(*condition);
    out.reconciling = true_member(object, "reconciling") || out.ready.state == "CONDITION_PENDING" ||
                      out.ready.state == "CONDITION_RECONCILING";
    out.labels = texts_in(object, "labels");
    out.traffic = traffic_in(object, "traffic");
    out.serving = traffic_in(object, "trafficStatuses");
    out.spec_sha256 = spec_digest(object);
    return out;
}

BLUEPRINT_FAAS_COLD inline std::optional<CloudRunRevision> revision_in(const json::object& object) {
    CloudRunRevision out;
    out.id = last_part(text_member(object, "name"));
    if (out.id.empty()) return std::nullopt;
    out.created = text_member(object, "createTime");
    out.log_uri = for_people(text_member(object, "logUri"));
    CloudRunCondition cause;
    for (const auto& one : array_member(object, "conditions")) {
        const auto* condition = one.if_object();
        if (condition == nullptr) continue;
        auto told = condition_in(*condition);
        if (text_member(*condition, "type") == "Ready") {
            out.ready = std::move(told);
        } else if (told.failed() && !cause.failed()) {
            cause = std::move(told);
        }
    }
    // "Ready" sums the others up, and mostly says why.
    if (cause.failed() && (out.ready.state.empty() || out.ready.failed()) && out.ready.reason.empty()) {
        if (!out.ready.message.empty()) cause.message = std::move(out.ready.message);
        out.ready = std::move(cause);
    }
    out.settings = settings_in(object);
    return out;
}

// An answer that may hold variables: its text is wiped, and so is what it was parsed into.
class Document {
public:
    explicit Document(HttpResponse& answer)
        : text_{std::move(answer.body)}, memory_{text_.size()}, value_(memory_.storage()) {
        wipe(answer.body);
        boost::system::error_code failed;
        value_ = json::parse(text_.reveal(), failed, memory_.storage());
        if (failed) value_.emplace_null();
    }
    const json::object* object() const noexcept { return value_.if_object(); }
    Secret take_text() { return std::move(text_); }

private:
    Secret text_;
    WipedMemory memory_;
    json::value value_;
};

template <class T, class Read>
result<CloudRunPage<T>> read_page(HttpResponse& answer, std::string_view member, Read read) {
    const Document document{answer};
    if (document.object() == nullptr) return unreadable(answer, "a list is no JSON object");
    CloudRunPage<T> page;
    if (const auto* list = document.object()->if_contains(member); list != nullptr && !list->is_array())
        return unreadable(answer, "the member " + std::string{member} + " is no list");
    for (const auto& one : array_member(*document.object(), member)) {
        auto entry = one.is_object() ? read(one.get_object()) : std::nullopt;
        if (!entry) return unreadable(answer, "a list of " + std::string{member} + " has something else in it");
        page.entries.push_back(std::move(*entry));
    }
    page.next = text_member(*document.object(), "nextPageToken");
    return page;
}

// What to do about a condition, where its own words do not say it (pitfalls 8 and 14).
struct ConditionAdvice {
    std::string_view reason;
    std::string_view advice;
};
inline constexpr std::array<ConditionAdvice, 12> condition_advice{{
    {"HEALTH_CHECK_CONTAINER_ERROR",
     "the program did not open its port: it has to listen on 0.0.0.0 at the port that the variable PORT names, as "
     "serve() does, be built for linux/amd64, and be there within CloudRunOptions::start_patience; its log says more"},
    {"PROGRESS_DEADLINE_EXCEEDED", "it did not become ready in time; its log says more"},
    {"CONTAINER_MISSING", "the image or the package is not there; deploy it again"},
    {"CONTAINER_PERMISSION_DENIED",
     "the service agent of Cloud Run may not read the image or the package: grant it roles/artifactregistry.reader or "
     "roles/storage.objectViewer"},
    {"CONTAINER_IMAGE_UNAUTHORIZED",
     "the service agent of Cloud Run may not read the image: grant it roles/artifactregistry.reader"},
    {"CONTAINER_IMAGE_AUTHORIZATION_CHECK_FAILED",
     "the project's policy on images (Binary Authorization) does not let it run"},
    {"SECRETS_ACCESS_CHECK_FAILED", "the account that jobs run as may not read a secret of its variables"},
    {"ENCRYPTION_KEY_PERMISSION_DENIED", "the service agent of Cloud Run may not use the key of the image"},
    {"ACTIVE_REVISION_LIMIT_REACHED",
     "too many revisions get calls: give fewer of them a share, or lower CloudRunOptions::keep_revisions"},
    {"MIN_INSTANCES_NOT_PROVISIONED", "so many instances cannot be kept: lower FaasConfig::keep_warm"},
    {"VPC_NETWORK_NOT_FOUND", "the network that the service was connected to is not there"},
    {"INTERNAL", "Google has a problem, try again later"},
}};

}  // namespace gcp_run

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string CloudRunCondition::text() const {
    auto out = reason;
    if (!message.empty()) out.append(out.empty() ? "" : ": ").append(message);
    if (out.empty()) out = state.empty() ? "nothing is told of its state" : state;
    for (const auto& known : gcp_run::condition_advice)
        if (known.reason == reason) out.append("; ").append(known.advice);
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<CloudRunService> CloudRunControl::read_service(HttpResponse& answer) {
    gcp_run::Document document{answer};
    auto service = document.object() != nullptr ? gcp_run::service_in(*document.object()) : std::nullopt;
    if (!service) return gcp_run::unreadable(answer, "a service has no name or no template");
    service->document = document.take_text();
    return std::move(*service);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<CloudRunPage<CloudRunService>> CloudRunControl::read_services(
    HttpResponse& answer) {
    return gcp_run::read_page<CloudRunService>(answer, "services", &gcp_run::service_in);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<CloudRunRevision> CloudRunControl::read_revision(HttpResponse& answer) {
    const gcp_run::Document document{answer};
    auto revision = document.object() != nullptr ? gcp_run::revision_in(*document.object()) : std::nullopt;
    if (!revision) return gcp_run::unreadable(answer, "a revision has no name");
    return std::move(*revision);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<CloudRunPage<CloudRunRevision>> CloudRunControl::read_revisions(
    HttpResponse& answer) {
    return gcp_run::read_page<CloudRunRevision>(answer, "revisions", &gcp_run::revision_in);
}

}  // namespace blueprint::faas::detail

#endif
