#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AWS_LAMBDA_ANSWERS_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AWS_LAMBDA_ANSWERS_IPP

// What the answers of Lambda's control plane say.

#include "blueprint/faas/codec/aws_lambda_control.hpp"
#include "blueprint/faas/codec/impl/aws_lambda_reading.hpp"
#include "blueprint/faas/detail/encoding.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace blueprint::faas::detail {

namespace lambda_control {

namespace json = boost::json;
using lambda_protocol::for_people;
using lambda_protocol::number_member;
using lambda_protocol::parse_object;
using lambda_protocol::text_member;

inline Error unreadable(const HttpResponse& answer, std::string_view what) {
    Error error{.code = errc::serialization,
                .message = std::string{"Lambda's answer is no "}.append(what),
                .http_status = answer.status};
    error.request_id = lambda_protocol::request_id(answer);
    return error;
}

inline const json::object* object_member(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr ? value->if_object() : nullptr;
}

// "2026-01-02T03:04:05.678+0000" as RFC 3339 has it.
inline std::string timestamp(std::string_view text) {
    std::string out = for_people(text);
    if (out.ends_with("+0000")) out.replace(out.size() - 5, 5, "Z");
    return out;
}

inline std::string reason(const json::object& object, std::string_view lead) {
    auto text = for_people(text_member(object, std::string{lead} + "ReasonCode"));
    const auto told = for_people(text_member(object, std::string{lead} + "Reason"));
    if (!text.empty() && !told.empty()) text += ": ";
    return text + told;
}

// Takes the variables out of the tree and wipes them there.
inline void take_environment(json::object& object, LambdaSettings& settings) {
    auto* environment = object.if_contains("Environment");
    if (environment == nullptr || !environment->is_object()) return;
    auto& members = environment->get_object();
    settings.environment_known = object_member(members, "Error") == nullptr;
    auto* variables = members.if_contains("Variables");
    if (variables == nullptr || !variables->is_object()) return;
    for (auto& variable : variables->get_object()) {
        auto* text = variable.value().if_string();
        if (text == nullptr) continue;
        settings.environment.emplace(std::string{variable.key()}, Secret{std::string_view{*text}});
        wipe(text->data(), text->size());
    }
}

inline std::optional<LambdaConfiguration> configuration_in(json::object& object) {
    LambdaConfiguration out;
    out.arn = text_member(object, "FunctionArn");
    if (out.arn.empty()) return std::nullopt;
    auto& settings = out.settings;
    settings.role = text_member(object, "Role");
    settings.runtime = text_member(object, "Runtime");
    settings.handler = text_member(object, "Handler");
    settings.description = text_member(object, "Description");
    settings.code_sha256 = text_member(object, "CodeSha256");
    settings.memory = number_member<std::uint32_t>(object, "MemorySize").value_or(0);
    settings.timeout = number_member<std::uint32_t>(object, "Timeout").value_or(0);
    settings.architecture = "x86_64";  // of answers that are older than the choice
    const auto* architectures = object.if_contains("Architectures");
    const auto* list = architectures != nullptr ? architectures->if_array() : nullptr;
    if (list != nullptr && !list->empty() && list->front().is_string())
        settings.architecture = std::string_view{list->front().get_string()};
    if (const auto* logging = object_member(object, "LoggingConfig"))
        settings.log_format = text_member(*logging, "LogFormat");
    take_environment(object, settings);
    out.version = text_member(object, "Version");
    out.revision_id = text_member(object, "RevisionId");
    out.last_modified = timestamp(text_member(object, "LastModified"));
    out.state = for_people(text_member(object, "State"));
    out.state_reason = reason(object, "State");
    out.update_status = for_people(text_member(object, "LastUpdateStatus"));
    out.update_reason = reason(object, "LastUpdateStatus");
    return out;
}

// Parses an answer that may hold an environment, and wipes its text.
inline std::optional<json::object> parse_and_wipe(HttpResponse& answer) {
    auto object = parse_object(answer.body);
    wipe(answer.body);
    return object;
}

inline std::optional<std::uint64_t> version_number(std::string_view version) {
    std::uint64_t number = 0;
    const auto* const end = version.data() + version.size();
    const auto [stopped, failed] = std::from_chars(version.data(), end, number);
    if (failed != std::errc{} || stopped != end) return std::nullopt;
    return number;
}

inline std::uint64_t newest_with_traffic(const LambdaAlias& alias) {
    return std::max(version_number(alias.version).value_or(0), version_number(alias.other).value_or(0));
}

inline std::vector<std::uint64_t> numbers(const std::vector<LambdaConfiguration>& versions) {
    std::vector<std::uint64_t> out;
    for (const auto& version : versions)
        if (const auto number = version_number(version.version)) out.push_back(*number);
    std::sort(out.rbegin(), out.rend());
    return out;
}

inline std::string package_digest(std::string_view base64) {
    const auto bytes = base64_decode(base64);
    return bytes && bytes->size() == 32 ? hex_encode(*bytes) : std::string{};
}

}  // namespace lambda_control

BLUEPRINT_FAAS_DECL LambdaPhase LambdaConfiguration::phase() const {
    // A change that is under way may yet mend what failed before it.
    if (update_status == "InProgress" || state == "Pending" || state == "Deactivating" || state == "Deleting")
        return LambdaPhase::changing;
    return update_status == "Failed" || state == "Failed" ? LambdaPhase::failed : LambdaPhase::settled;
}

BLUEPRINT_FAAS_DECL std::string LambdaConfiguration::status() const {
    const auto told = [](std::string text, const std::string& reason) {
        return reason.empty() ? std::move(text) : std::move(text) + ": " + reason;
    };
    if (state == "Failed") return told("the function is in the state Failed", state_reason);
    if (update_status == "Failed") return told("the last update failed", update_reason);
    if (update_status == "InProgress") return told("an update is in progress", update_reason);
    return told("the function is in the state " + (state.empty() ? "Active" : state), state_reason);
}

BLUEPRINT_FAAS_DECL result<LambdaFunction> LambdaControl::read_function(HttpResponse& answer) {
    using namespace lambda_control;
    auto body = parse_and_wipe(answer);
    auto* member = body ? body->if_contains("Configuration") : nullptr;
    auto configuration = member != nullptr && member->is_object() ? configuration_in(member->get_object())
                                                                  : std::optional<LambdaConfiguration>{};
    if (!configuration) return unreadable(answer, "description of a function");
    LambdaFunction out;
    out.configuration = std::move(*configuration);
    if (const auto* tags = object_member(*body, "Tags"))
        for (const auto& tag : *tags)
            if (const auto* text = tag.value().if_string()) out.tags.emplace(tag.key(), *text);
    if (const auto* concurrency = object_member(*body, "Concurrency"))
        out.reserved = number_member<std::uint32_t>(*concurrency, "ReservedConcurrentExecutions");
    return out;
}

BLUEPRINT_FAAS_DECL result<LambdaConfiguration> LambdaControl::read_configuration(HttpResponse& answer) {
    using namespace lambda_control;
    auto body = parse_and_wipe(answer);
    auto configuration = body ? configuration_in(*body) : std::optional<LambdaConfiguration>{};
    if (!configuration) return unreadable(answer, "configuration of a function");
    return std::move(*configuration);
}

BLUEPRINT_FAAS_DECL result<LambdaPage> LambdaControl::read_page(HttpResponse& answer) {
    using namespace lambda_control;
    auto body = parse_and_wipe(answer);
    auto* list = body ? body->if_contains("Versions") : nullptr;
    if (body && list == nullptr) list = body->if_contains("Functions");
    if (list == nullptr || !list->is_array()) return unreadable(answer, "list of functions or versions");
    LambdaPage page;
    for (auto& entry : list->get_array()) {
        auto configuration =
            entry.is_object() ? configuration_in(entry.get_object()) : std::optional<LambdaConfiguration>{};
        if (!configuration) return unreadable(answer, "list of functions or versions");
        page.entries.push_back(std::move(*configuration));
    }
    page.next = text_member(*body, "NextMarker");
    return page;
}

BLUEPRINT_FAAS_DECL result<LambdaAlias> LambdaControl::read_alias(const HttpResponse& answer) {
    using namespace lambda_control;
    const auto body = parse_object(answer.body);
    LambdaAlias alias;
    if (body) alias.version = text_member(*body, "FunctionVersion");
    if (alias.version.empty()) return unreadable(answer, "alias");
    alias.revision_id = text_member(*body, "RevisionId");
    const auto* routing = object_member(*body, "RoutingConfig");
    const auto* weights = routing != nullptr ? object_member(*routing, "AdditionalVersionWeights") : nullptr;
    if (weights == nullptr || weights->empty()) return alias;
    const auto& weight = *weights->begin();  // there is never more than one
    boost::system::error_code failed;
    alias.other = weight.key();
    alias.other_share = weight.value().to_number<double>(failed);
    if (failed || !(alias.other_share >= 0 && alias.other_share <= 1)) return unreadable(answer, "alias");
    return alias;
}

BLUEPRINT_FAAS_DECL result<LambdaProvisioned> LambdaControl::read_provisioned(const HttpResponse& answer) {
    using namespace lambda_control;
    const auto body = parse_object(answer.body);
    LambdaProvisioned out;
    if (body) out.status = for_people(text_member(*body, "Status"));
    if (out.status.empty()) return unreadable(answer, "provisioned concurrency");
    out.requested = number_member<std::uint32_t>(*body, "RequestedProvisionedConcurrentExecutions").value_or(0);
    out.reason = for_people(text_member(*body, "StatusReason"));
    return out;
}

BLUEPRINT_FAAS_DECL LambdaControl::Warmed LambdaControl::read_warmed(const HttpResponse& answer) {
    using namespace lambda_control;
    Warmed out;
    const auto body = parse_object(answer.body);
    const auto* warm = body ? body->if_contains("warm") : nullptr;
    if (const auto failed = answer.headers.get("X-Amz-Function-Error")) {
        const auto told = body ? for_people(text_member(*body, "errorMessage")) : std::string{};
        out.why_not = "the function failed" + (told.empty() ? " (" + for_people(*failed) + ')' : ": " + told);
    } else if (warm == nullptr || !warm->is_bool() || !warm->get_bool()) {
        out.why_not = "the function does not know warming calls: it is not one of serve(), or an older one";
    } else {
        out.instance = text_member(*body, "instance");
        if (out.instance.empty()) out.why_not = "the function does not say which of its instances answered";
    }
    return out;
}

BLUEPRINT_FAAS_DECL FaasDeployment LambdaControl::deployment(JobId id, const LambdaConfiguration& configuration) const {
    using namespace lambda_control;
    FaasDeployment out;
    out.job_id = id;
    // With the version or alias after the name, the ARN is not the function's.
    out.function_id = configuration.arn;
    const auto name = out.function_id.find(":function:");
    if (name != std::string::npos)
        out.function_id.resize(std::min(out.function_id.size(), out.function_id.find(':', name + 10)));
    out.endpoint = protocol_.where() + dry_run(id).target;
    out.memory_mib = configuration.settings.memory;
    out.timeout = std::chrono::seconds{configuration.settings.timeout};
    const bool numbered = version_number(configuration.version).has_value();
    out.revision = numbered ? configuration.version : configuration.revision_id;
    out.package_sha256 = package_digest(configuration.settings.code_sha256);
    out.deployed_at = configuration.last_modified;
    switch (configuration.phase()) {
        case LambdaPhase::settled: out.state = DeploymentState::deployed; break;
        case LambdaPhase::changing: out.state = DeploymentState::deploying; break;
        case LambdaPhase::failed:
            out.state = DeploymentState::failed;
            out.problem = configuration.status();
            break;
    }
    return out;
}

BLUEPRINT_FAAS_DECL std::vector<Revision> LambdaControl::revisions(const std::vector<LambdaConfiguration>& versions,
                                                                   const std::optional<LambdaAlias>& alias) {
    using namespace lambda_control;
    std::vector<const LambdaConfiguration*> sorted;
    for (const auto& version : versions)
        if (!alias || version_number(version.version)) sorted.push_back(&version);
    const auto rank = [](const LambdaConfiguration* version) {
        return version_number(version->version).value_or(std::numeric_limits<std::uint64_t>::max());
    };
    std::sort(sorted.begin(), sorted.end(), [&](const auto* a, const auto* b) { return rank(a) > rank(b); });
    std::vector<Revision> out;
    for (const auto* version : sorted) {
        Revision revision;
        revision.id = version->version;
        if (!alias) {
            revision.traffic = version->version == "$LATEST" ? 1 : 0;
        } else {
            const double other = alias->other.empty() ? 0 : alias->other_share;
            if (version->version == alias->version) revision.traffic = 1 - other;
            if (version->version == alias->other) revision.traffic = other;
        }
        revision.deployed_at = version->last_modified;
        revision.package_sha256 = package_digest(version->settings.code_sha256);
        revision.description = for_people(version->settings.description);
        out.push_back(std::move(revision));
    }
    return out;
}

BLUEPRINT_FAAS_DECL Health LambdaControl::health(const LambdaFunction& function) {
    Health health;
    const auto& now = function.configuration;
    const auto phase = now.phase();
    health.reason = now.status();
    if (phase == LambdaPhase::changing) {
        health.state = HealthState::deploying;
        if (now.state != "Pending") health.reason += "; calls still reach what was there before";
    } else if (phase == LambdaPhase::failed) {
        health.state = HealthState::unhealthy;
        if (now.state != "Failed") health.reason += "; calls still reach what was there before";
    } else if (now.state == "Inactive") {
        health.state = HealthState::unhealthy;
        health.reason +=
            "; Lambda took its resources away because it was not called: the next call starts it again, "
            "and fails until that is done";
    } else if (!now.state.empty() && now.state != "Active") {
        health.state = HealthState::unhealthy;
    } else if (function.reserved == std::uint32_t{0}) {
        health.state = HealthState::unhealthy;
        health.reason = "its reserved concurrency is 0: Lambda refuses every call";
    } else {
        health.state = HealthState::healthy;
    }
    return health;
}

BLUEPRINT_FAAS_DECL result<LambdaAlias> LambdaControl::shifted(const LambdaAlias& now, const std::string& revision,
                                                               double share) {
    using lambda_protocol::refused;
    if (!lambda_control::version_number(revision))
        return refused("'" + lambda_control::for_people(revision) + "' is no revision: they are numbers, such as 7");
    if (!(share >= 0 && share <= 1)) return refused("a share of the calls is between 0 and 1");
    // Who has most of the calls now, the revision itself left out.
    std::string rest;
    if (now.version != revision) rest = now.version;
    if (!now.other.empty() && now.other != revision && (rest.empty() || now.other_share > 1 - now.other_share))
        rest = now.other;
    LambdaAlias out;
    out.revision_id = now.revision_id;
    if (share == 1) {
        out.version = revision;
        return out;
    }
    if (rest.empty())
        return refused("revision " + revision +
                       " has all the calls already, and no other one has any; shift calls to another revision instead");
    out.version = rest;
    if (share > 0) {
        out.other = revision;
        out.other_share = share;
    }
    return out;
}

BLUEPRINT_FAAS_DECL std::vector<std::string> LambdaControl::prunable(const std::vector<LambdaConfiguration>& versions,
                                                                     const LambdaAlias& alias, std::uint32_t keep) {
    std::vector<std::string> out;
    const auto current = lambda_control::version_number(alias.version).value_or(0);
    for (const auto number : lambda_control::numbers(versions)) {
        if (number >= current || std::to_string(number) == alias.other) continue;
        if (keep != 0) {
            --keep;
        } else {
            out.push_back(std::to_string(number));
        }
    }
    return out;
}

BLUEPRINT_FAAS_DECL std::vector<std::string> LambdaControl::older(const std::vector<LambdaConfiguration>& versions,
                                                                  const LambdaAlias& alias) {
    std::vector<std::string> out;
    const auto current = lambda_control::newest_with_traffic(alias);
    for (const auto number : lambda_control::numbers(versions))
        if (number < current) out.push_back(std::to_string(number));
    return out;
}

}  // namespace blueprint::faas::detail

#endif
