#ifndef BLUEPRINT_FAAS_CODEC_IMPL_CUSTOM_ANNOUNCED_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_CUSTOM_ANNOUNCED_IPP

// What contract 1.1 adds to the wire format: description, list, receipts, idempotency keys.

#include "blueprint/faas/codec/custom_protocol.hpp"
#include "blueprint/faas/codec/impl/custom_reading.hpp"
#include "blueprint/faas/detail/encoding.hpp"

#include <boost/json/array.hpp>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace blueprint::faas::detail {

namespace custom_protocol {

inline bool no_such_operation(unsigned status) noexcept { return status == 404 || status == 405 || status == 501; }

inline std::size_t body_limit(std::optional<std::size_t> configured, const PlatformDescription* announced,
                              std::string_view name) {
    static constexpr std::size_t standard = 6U << 20U;
    static constexpr std::uint64_t most = 64U << 20U;  // so that no answer fills the memory unasked
    if (configured) return *configured;
    const auto told = announced != nullptr ? announced->limit(name) : std::nullopt;
    return told ? static_cast<std::size_t>(std::min(*told, most)) : standard;
}

}  // namespace custom_protocol

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<JobId> CustomProtocol::job_of(std::string_view function) const {
    const auto lead = options_.prefix.empty() ? std::string{"job"} : options_.prefix + "-job-";
    if (!function.starts_with(lead)) return std::nullopt;
    function.remove_prefix(lead.size());
    std::uint32_t number = 0;
    const auto [end, failed] = std::from_chars(function.data(), function.data() + function.size(), number);
    if (failed != std::errc{} || end != function.data() + function.size()) return std::nullopt;
    if (std::to_string(number) != function) return std::nullopt;  // job007 is a name, but none of ours
    return JobId{number};
}

BLUEPRINT_FAAS_DECL bool CustomProtocol::announced_for(JobId id) const {
    const auto own = job_endpoints_.find(id);
    return own == job_endpoints_.end() || own->second.origin == base_.origin;
}

BLUEPRINT_FAAS_DECL std::size_t CustomProtocol::request_limit(const PlatformDescription* announced) const {
    return custom_protocol::body_limit(options_.max_body_bytes, announced, "request_bytes");
}

BLUEPRINT_FAAS_DECL std::size_t CustomProtocol::answer_limit(const PlatformDescription* announced) const {
    return custom_protocol::body_limit(options_.max_body_bytes, announced, "answer_bytes");
}

BLUEPRINT_FAAS_DECL bool CustomProtocol::honours_keys(const PlatformDescription* announced) const {
    switch (options_.idempotency_keys) {
        case IdempotencyKeys::never: break;
        case IdempotencyKeys::if_announced:
            return !options_.strict_1_0 && announced != nullptr && announced->has("idempotency");
        case IdempotencyKeys::always: return true;
    }
    return false;
}

BLUEPRINT_FAAS_DECL bool CustomProtocol::ensure_key(HttpRequest& request) {
    const auto own = request.headers.get("Idempotency-Key");
    if (own && !own->empty()) return true;
    std::array<std::uint8_t, 16> bits{};
    if (RAND_bytes(bits.data(), static_cast<int>(bits.size())) != 1) return false;
    request.headers.set("Idempotency-Key", hex_encode(bits));
    return true;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Receipt> CustomProtocol::read_receipt(const HttpResponse& answer,
                                                                                     JobId id) const {
    using namespace custom_protocol;
    Receipt receipt;
    if (answer.status != 202) {
        // RFC 7240, section 2: a preference may be ignored. Then the job ran, and failed if its answer says so.
        const auto done = read_invocation(answer, id);
        if (!done) return done.error();
        receipt.completed = true;
        receipt.invocation_id = done->metrics.request_id;
        return receipt;
    }
    const auto body = parse_object(answer.body);
    if (body) receipt.invocation_id = text_member(*body, "invocation_id");
    if (receipt.invocation_id.empty())
        return unreadable("the platform took the call of job " + std::to_string(id.value()) +
                              " and gave no `invocation_id`: it may run all the same",
                          answer);
    return receipt;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::vector<FaasDeployment>> CustomProtocol::read_list(
    const HttpResponse& answer) const {
    using namespace custom_protocol;
    const auto body = parse_object(answer.body);
    const auto* member = body ? body->if_contains("functions") : nullptr;
    const auto* functions = member != nullptr ? member->if_array() : nullptr;
    if (functions == nullptr) return unreadable("the list of functions has no array `functions`", answer);
    std::vector<FaasDeployment> deployments;
    for (const auto& entry : *functions) {
        const auto* function = entry.if_object();
        if (function == nullptr || text_member(*function, "function_id").empty())
            return unreadable("an entry of the list of functions has no `function_id`", answer);
        if (const auto job = job_of(text_member(*function, "function_id")))
            deployments.push_back(deployment_in(*function, *job));
    }
    return deployments;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<PlatformDescription> CustomProtocol::read_description(
    const HttpResponse& answer) {
    using namespace custom_protocol;
    PlatformDescription description;
    description.spec = "1.0";
    if (no_such_operation(answer.status)) return description;
    const auto body = parse_object(answer.body);
    if (!body) return unreadable("the platform's description is no JSON object", answer);
    if (const auto spec = text_member(*body, "spec"); !spec.empty()) description.spec = for_people(spec);
    if (const auto* features = body->if_contains("features")) {
        if (!features->is_array()) return unreadable("`features` of the platform's description is no array", answer);
        for (const auto& feature : features->get_array()) {
            const auto* name = feature.if_string();
            if (name == nullptr) return unreadable("`features` of the platform's description holds no strings", answer);
            description.features.push_back(for_people(*name));
        }
    }
    const auto* limits = body->if_contains("limits");
    if (limits == nullptr || !limits->is_object()) return description;
    for (const auto& [key, value] : limits->get_object()) {
        const std::string name{key.data(), key.size()};
        if (const auto number = number_member<std::uint64_t>(limits->get_object(), name))
            description.limits.emplace_back(name, *number);
        const auto* range = value.if_object();
        for (const std::string_view end : {"min", "max"}) {
            const auto number = range != nullptr ? number_member<std::uint64_t>(*range, end) : std::nullopt;
            if (number) description.limits.emplace_back(name + '.' + std::string{end}, *number);
        }
    }
    return description;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<Error> CustomProtocol::judge_list(const HttpResponse& answer) {
    auto error = judge(answer);
    if (error && custom_protocol::no_such_operation(answer.status)) {
        error->code = errc::unsupported;
        error->message = "this platform does not list its functions (HTTP " + std::to_string(answer.status) + ')';
    }
    return error;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<Error> CustomProtocol::judge_description(
    const HttpResponse& answer) {
    if (custom_protocol::no_such_operation(answer.status)) return std::nullopt;
    return judge(answer);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Error CustomProtocol::lacks(std::string_view operation,
                                                                    std::string_view feature) const {
    const auto why = options_.strict_1_0 ? std::string{"CustomOptions::strict_1_0 allows nothing of contract 1.1"}
                                         : "the platform does not announce `" + std::string{feature} + '`';
    return Error{.code = errc::unsupported,
                 .message = std::string{operation} + " was not done: " + why,
                 .execution = Execution::not_started};
}

}  // namespace blueprint::faas::detail

#endif
