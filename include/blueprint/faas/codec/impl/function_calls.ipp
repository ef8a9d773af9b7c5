#ifndef BLUEPRINT_FAAS_CODEC_IMPL_FUNCTION_CALLS_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_FUNCTION_CALLS_IPP

#include "blueprint/faas/codec/function_calls.hpp"
#include "blueprint/faas/codec/impl/answer_reading.hpp"
#include "blueprint/faas/codec/impl/call_answer.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/field_names.hpp"
#include "blueprint/faas/detail/json_bytes.hpp"
#include "blueprint/faas/detail/retry_after.hpp"
#include "blueprint/faas/detail/utf8.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <array>
#include <charconv>
#include <memory>
#include <utility>

namespace blueprint::faas::detail {

namespace function_calls {

using answer_reading::for_people;
using answer_reading::job_text;
using answer_reading::number_member;
using answer_reading::parse_object;
using answer_reading::refused;
using answer_reading::shown_id;
using answer_reading::text_member;
using answer_reading::true_member;
namespace json = boost::json;

// What of a call's metadata has a field of its own.
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 4> own_fields{
    {{"traceparent", "traceparent"},
     {"tracestate", "tracestate"},
     {"x-request-id", "X-Request-Id"},
     {"idempotency-key", "Idempotency-Key"}}};

inline bool has_own_field(std::string_view name) noexcept {
    for (const auto& [metadata, field] : own_fields)
        if (metadata == name) return true;
    return false;
}

// Names that begin so are ours.
inline bool travels_in_json(std::string_view name) noexcept {
    return !has_own_field(name) && !name.starts_with("blueprint-");
}

// Writes the metadata that have no field of their own. Not inline with the call: most calls have none.
BLUEPRINT_FAAS_COLD inline std::optional<Error> write_metadata(HttpRequest& request, const JobCall& call) {
    static constexpr std::size_t most = 8192;
    json::object all;
    for (const auto& [name, value] : call.metadata) {
        if (!travels_in_json(name)) continue;
        if (!is_utf8(name) || !is_utf8(value))
            return refused("the metadata '" + for_people(name) + "' of the call of " + job_text(call.job_id) +
                           " is not UTF-8; only text reaches the function");
        all[name] = value;
    }
    const auto base64 = base64_encode(bytes_of(json::serialize(all)));
    if (base64.size() > most)
        return refused("the metadata of the call of " + job_text(call.job_id) + " make a field of " +
                       std::to_string(base64.size()) + " bytes, and " + std::to_string(most) +
                       " may be; send less beside the arguments, or as a part of them");
    request.headers.add("X-Blueprint-Metadata", base64);
    return std::nullopt;
}

// The fields of an answer that tell about a call.
struct CallFields {
    std::string_view type{};
    std::string_view request_id{};
    std::string_view trace{};
    std::string_view revision{};
    std::string_view execution_ms{};
    std::string_view memory_mb{};
    std::string_view init_ms{};
    std::string_view cold_start{};
};

inline CallFields call_fields(const HttpResponse& answer) {
    CallFields told;
    const auto take = [](bool is_it, std::string_view& place, std::string_view value) {
        if (is_it && place.empty()) place = value;
    };
    each_field(answer.headers, "cx", [&](std::string_view name, std::string_view value) {
        switch (name.size()) {
            case 12:
                take(is_field(name, "content-type"), told.type, value);
                take(is_field(name, "x-request-id"), told.request_id, value);
                break;
            case 19: take(is_field(name, "x-blueprint-init-ms"), told.init_ms, value); break;
            case 20: take(is_field(name, "x-blueprint-revision"), told.revision, value); break;
            case 21:
                take(is_field(name, "x-blueprint-memory-mb"), told.memory_mb, value);
                take(is_field(name, "x-cloud-trace-context"), told.trace, value);
                break;
            case 22: take(is_field(name, "x-blueprint-cold-start"), told.cold_start, value); break;
            case 24: take(is_field(name, "x-blueprint-execution-ms"), told.execution_ms, value); break;
            default: break;
        }
    });
    return told;
}

// What the body does not tell, a field may.
inline FaasMetrics read_metrics(const answer_reading::CallAnswer& body, const CallFields& fields,
                                const HttpResponse& answer) {
    FaasMetrics metrics;
    const auto number = [](std::optional<std::uint32_t> first, std::string_view text) -> std::optional<std::uint32_t> {
        if (first || text.empty()) return first;
        std::uint32_t value = 0;
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
        return value;
    };
    if (const auto took = number(body.execution_ms, fields.execution_ms))
        metrics.execution_duration = std::chrono::milliseconds{*took};
    if (const auto took = number(body.init_ms, fields.init_ms))
        metrics.init_duration = std::chrono::milliseconds{*took};
    metrics.memory_used_mib = number(body.memory_used_mb, fields.memory_mb);
    metrics.cold_start = body.cold_start;
    if (!metrics.cold_start && (fields.cold_start == "true" || fields.cold_start == "false"))
        metrics.cold_start = fields.cold_start == "true";
    metrics.request_id = shown_id(fields.request_id.empty() ? fields.trace : fields.request_id);
    metrics.executed_version = fields.revision;
    metrics.connection_reused = answer.connection_reused;
    return metrics;
}

// The words of serve() and of the shim before it; `status` is what they came with. A failed job says so as 500.
BLUEPRINT_FAAS_COLD inline FunctionCalls::Meaning functions_meaning(unsigned status, std::string_view code,
                                                                    bool job_failed,
                                                                    const FunctionCalls::Words& words) {
    if (code == "NOT_FOUND")
        return {errc::not_found, false, Execution::not_started, "; deploy a program that has the job"};
    if (job_failed && code == "TIMEOUT")
        return {errc::timed_out, false, Execution::started,
                "; give the function a longer timeout, or the job less to do"};
    if (job_failed) return {errc::function_error, false, Execution::started, ""};
    switch (status) {
        case 400:
        case 413:
        case 415: return {errc::invalid_configuration, false, Execution::not_started, ""};
        case 401: return {errc::authentication, true, Execution::not_started, ""};
        case 403: return {errc::authentication, false, Execution::not_started, ""};
        case 404: return {errc::not_found, false, Execution::not_started, "; deploy the job first"};
        case 429: return {errc::throttled, true, Execution::not_started, words.too_many};
        // An instance that is about to end says so before it begins with a job.
        case 503:
            return {errc::infrastructure, true, code == "UNAVAILABLE" ? Execution::not_started : Execution::unknown,
                    "; try again"};
        // The program says so before it begins with a job.
        case 504: return {errc::timed_out, false, Execution::not_started, "; give the call more time"};
        default: return {errc::infrastructure, true, Execution::unknown, "; see the function's log"};
    }
}

BLUEPRINT_FAAS_COLD inline Error unreadable(std::string message, const HttpResponse& answer) {
    Error error{.code = errc::serialization, .message = std::move(message), .http_status = answer.status};
    const auto fields = call_fields(answer);
    error.request_id = shown_id(fields.request_id.empty() ? fields.trace : fields.request_id);
    return error;
}

// A job that failed, by its own answer.
BLUEPRINT_FAAS_COLD inline Error function_failed(const json::object& body, const HttpResponse& answer) {
    const auto code = for_people(text_member(body, "code"));
    const auto meaning = functions_meaning(answer.status, code, true, {});
    auto text = for_people(text_member(body, "error"));
    auto metrics = read_metrics(answer_reading::numbers_in(body), call_fields(answer), answer);
    Error error{.code = meaning.code,
                .message = text.empty() ? "the job failed and gave no reason; see the function's log"
                                        : "the job failed: " + std::move(text),
                .http_status = answer.status,
                .platform_code = code,
                .execution = meaning.execution};
    error.message += meaning.advice;
    error.request_id = metrics.request_id;
    error.metrics = std::make_shared<const FaasMetrics>(std::move(metrics));
    return error;
}

BLUEPRINT_FAAS_COLD inline bool says_failed(const json::object& body) {
    const auto* success = body.if_contains("success");
    return success != nullptr && success->is_bool() && !success->get_bool();
}

// Reads whatever is not written as most write it.
BLUEPRINT_FAAS_COLD inline result<Invocation> read_unusual(const HttpResponse& answer, JobId id) {
    Invocation invocation;
    invocation.result.job_id = id;
    std::optional<faas::Bytes> bytes;
    const auto body = parse_object_with_bytes(answer.body, "result", bytes);
    const auto fail = [&](std::string why) {
        auto error = unreadable(std::move(why), answer);
        error.execution = Execution::started;
        return error;
    };
    if (!body)  // whoever wrote this may be another service than one of ours
        return unreadable("the answer to " + job_text(id) + " is neither bytes nor what serve() writes: " +
                              body.error().message + "; is the program of this job behind that URL?",
                          answer);
    invocation.metrics = read_metrics(answer_reading::numbers_in(*body), call_fields(answer), answer);
    if (says_failed(*body)) return function_failed(*body, answer);
    if (body->contains("job_id")) {
        const auto number = number_member<std::uint32_t>(*body, "job_id");
        if (!number || *number != id.value()) return fail("the answer is for another job than " + job_text(id));
    }
    if (!bytes) return fail("the answer has no `result`: whatever ran, it computed nothing");
    invocation.result.outcome = std::move(*bytes);
    return invocation;
}

BLUEPRINT_FAAS_COLD inline HttpRequest plain_request(const Url& url, Verb verb) {
    HttpRequest request;
    request.verb = verb;
    request.origin = url.origin;
    request.target = url.target;
    request.headers.set("Accept", "application/json");
    return request;
}

}  // namespace function_calls

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL void FunctionCalls::begin_form(CallForm& form, JobId id, const Url& url,
                                                                       Form bytes) const {
    form.clear();
    auto& request = form.request;
    request.verb = Verb::post;
    request.origin = url.origin;
    request.target = url.target;
    request.max_response_bytes = max_body_bytes_;
    form.longest_body = max_body_bytes_;
    request.headers.add("Content-Type", bytes == Form::bare ? "application/octet-stream" : "application/json");
    if (bytes == Form::base64) request.headers.add("X-Blueprint-Bytes", "base64");
    request.headers.add("X-Blueprint-Job-Id", std::to_string(id.value()));
}

BLUEPRINT_FAAS_DECL std::optional<Error> FunctionCalls::end_form(CallForm& form, const JobCall& call,
                                                                 Deadline deadline) const {
    auto& request = form.request;
    form.repeat = call.idempotent ? Repeat::safe : Repeat::if_unsent;
    request.timeout_header = deadline == Deadline::max() ? std::string_view{} : "X-Blueprint-Timeout-Ms";
    bool others = false;
    for (const auto& [name, value] : call.metadata) {
        for (const auto& [metadata, field] : function_calls::own_fields)
            if (metadata == name) request.headers.set(field, value);
        others = others || function_calls::travels_in_json(name);
    }
    if (others)
        if (auto wrong = function_calls::write_metadata(request, call)) return wrong;
    if (request.body.size() <= form.longest_body) return std::nullopt;
    return function_calls::refused("the call of " + function_calls::job_text(call.job_id) + " is " +
                                   std::to_string(request.body.size()) + " bytes as it would be sent, and " +
                                   std::to_string(form.longest_body) + " may be (" + std::string{words_.body_limit} +
                                   "); send less, or the place where the rest is");
}

BLUEPRINT_FAAS_DECL result<Invocation> FunctionCalls::read_invocation(const HttpResponse& answer, JobId id,
                                                                      bool metered) {
    const auto fields = function_calls::call_fields(answer);
    std::optional<answer_reading::CallAnswer> told;
    if (iequals(fields.type.substr(0, fields.type.find(';')), "application/octet-stream")) {
        const auto bytes = bytes_of(answer.body);
        told.emplace().bytes.emplace(bytes.begin(), bytes.end());
    } else {
        told = answer_reading::UsualAnswer{answer.body}.read(id);
    }
    if (!told) return function_calls::read_unusual(answer, id);
    result<Invocation> done;
    done->result.job_id = id;
    done->result.outcome = std::move(*told->bytes);
    if (metered) done->metrics = function_calls::read_metrics(*told, fields, answer);
    return done;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<Error> FunctionCalls::function_failure(const HttpResponse& answer,
                                                                                             const Words& words) {
    using namespace function_calls;
    if (answer.status >= 300 && answer.status < 400) {
        auto error = unreadable({}, answer);
        error.code = errc::infrastructure;
        error.execution = Execution::not_started;
        error.message = "the service redirects to " +
                        for_people(answer.headers.get("Location").value_or("an address it does not name")) +
                        "; redirects are not followed: " + std::string{words.other_address} + " if you trust it";
        return error;
    }
    const auto body = parse_object(answer.body);
    if (!body) return std::nullopt;
    if (says_failed(*body)) return function_failed(*body, answer);
    if (text_member(*body, "error").empty()) return std::nullopt;
    const auto code = for_people(text_member(*body, "code"));
    auto error = front_failure(answer, for_people(text_member(*body, "error")),
                               functions_meaning(answer.status, code, false, words));
    error.platform_code = code;
    return error;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Error FunctionCalls::front_failure(const HttpResponse& answer, std::string text,
                                                                           const std::optional<Meaning>& meaning) {
    auto error = function_calls::unreadable({}, answer);
    if (const auto why = answer.headers.get("WWW-Authenticate"); why && answer.status == 401)
        text.append(text.empty() ? "" : " ").append("(" + function_calls::for_people(*why) + ")");
    if (text.empty()) text = "the service answered HTTP " + std::to_string(answer.status);
    if (!meaning) {
        error.message = std::move(text) + "; that is an answer which calls of services do not have";
        return error;
    }
    error.code = meaning->code;
    error.retryable = meaning->retryable;
    error.execution = meaning->execution;
    error.retry_after = read_retry_after(answer);
    error.message = text.append(meaning->advice);
    return error;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest FunctionCalls::warm_request(const Url& url) const {
    auto request = function_calls::plain_request(url, Verb::post);
    request.headers.set("Content-Type", "application/octet-stream");
    request.headers.set("X-Blueprint-Warm-Ms", std::to_string(warm_hold_.count()));
    return request;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest FunctionCalls::health_request(const Url& url) {
    return function_calls::plain_request(url, Verb::get);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL FunctionCalls::Warmed FunctionCalls::read_warmed(const HttpResponse& answer) {
    Warmed warmed;
    const auto body = function_calls::parse_object(answer.body);
    if (body && function_calls::true_member(*body, "warm"))
        warmed.instance = function_calls::for_people(function_calls::text_member(*body, "instance"));
    if (warmed.instance.empty())
        warmed.why_not = "the program does not answer warming calls as serve() does; build it with this library";
    return warmed;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Health FunctionCalls::read_health(const HttpResponse& answer) {
    Health health;
    const auto body = function_calls::parse_object(answer.body);
    const auto status = body ? function_calls::text_member(*body, "status") : std::string_view{};
    health.state = status == "healthy" ? HealthState::healthy : HealthState::unhealthy;
    health.reason = "the function answers and says that it is healthy";
    if (health.state == HealthState::healthy) return health;
    health.reason = status.empty() ? "something answers there, but not as serve() does"
                                   : "the function says: " + function_calls::for_people(status);
    return health;
}

}  // namespace blueprint::faas::detail

#endif
