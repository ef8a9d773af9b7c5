#ifndef BLUEPRINT_FAAS_CODEC_IMPL_GCP_CALLS_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_GCP_CALLS_IPP

#include "blueprint/faas/codec/gcp_calls.hpp"
#include "blueprint/faas/codec/impl/call_answer.hpp"
#include "blueprint/faas/codec/impl/gcp_reading.hpp"
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

namespace gcp_calls {

using gcp_reading::for_people;
using gcp_reading::job_text;
using gcp_reading::object_member;
using gcp_reading::parse_object;
using gcp_reading::plain_body_text;
using gcp_reading::refused;
using gcp_reading::text_member;
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
    metrics.request_id = fields.request_id.empty() ? fields.trace : fields.request_id;
    metrics.executed_version = fields.revision;
    metrics.connection_reused = answer.connection_reused;
    return metrics;
}

struct Meaning {
    errc code{};
    bool retryable = false;
    Execution execution = Execution::unknown;
    std::string_view advice{};
};

// The words of serve() and of the shim before it; `status` is what they came with. A failed job says so as 500.
BLUEPRINT_FAAS_COLD inline Meaning functions_meaning(unsigned status, std::string_view code, bool job_failed) {
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
        case 429:
            return {errc::throttled, true, Execution::not_started,
                    "; send fewer calls at once, or raise GoogleCloudOptions::instance_concurrency"};
        // An instance that is about to end says so before it begins with a job.
        case 503:
            return {errc::infrastructure, true, code == "UNAVAILABLE" ? Execution::not_started : Execution::unknown,
                    "; try again"};
        // The program says so before it begins with a job.
        case 504: return {errc::timed_out, false, Execution::not_started, "; give the call more time"};
        default: return {errc::infrastructure, true, Execution::unknown, "; see the function's log"};
    }
}

// The words of Google's front end, which are pages.
// Source: Cloud Run documentation, "Troubleshoot Cloud Run issues".
BLUEPRINT_FAAS_COLD inline std::optional<Meaning> front_meaning(unsigned status, std::string_view text) {
    switch (status) {
        case 400: return Meaning{errc::invalid_configuration, false, Execution::not_started, ""};
        case 401:
            return Meaning{
                errc::authentication, true, Execution::not_started,
                "; a service takes ID tokens alone, and only one whose audience is the service's own URL: use "
                "GoogleAuth with a service account, and check job_urls and this machine's clock"};
        case 403:
            return Meaning{errc::authentication, false, Execution::not_started,
                           "; the caller is known and has not the role roles/run.invoker: name it in "
                           "GoogleCloudOptions::invokers and deploy, or see whether `ingress` lets this network in"};
        case 404:
            return Meaning{errc::not_found, false, Execution::not_started,
                           "; there is no such service, or its `ingress` does not let this network in: deploy the job, "
                           "or check its URL"};
        case 405: return Meaning{errc::unsupported, false, Execution::not_started, ""};
        case 413:
            return Meaning{errc::invalid_configuration, false, Execution::not_started,
                           "; send less, or the place where the rest is"};
        case 429:
            return Meaning{errc::throttled, true, Execution::not_started,
                           "; no instance was free for the call: send fewer at once, or raise max_instances or "
                           "FaasConfig::max_concurrency"};
        case 500:
            if (text.find("no available instance") != std::string_view::npos)
                return Meaning{errc::throttled, true, Execution::not_started,
                               "; raise max_instances or FaasConfig::max_concurrency"};
            return Meaning{errc::infrastructure, true, Execution::unknown,
                           "; the program ended before it answered: see its log"};
        case 502:
        case 503:
            return Meaning{errc::infrastructure, true, Execution::unknown,
                           "; the program could not be started, or gave no proper answer: see its log"};
        case 504:
            return Meaning{errc::timed_out, true, Execution::unknown,
                           "; give the function a longer timeout, or the job less to do"};
        default: return std::nullopt;
    }
}

BLUEPRINT_FAAS_COLD inline Error unreadable(std::string message, const HttpResponse& answer) {
    Error error{.code = errc::serialization, .message = std::move(message), .http_status = answer.status};
    const auto fields = call_fields(answer);
    error.request_id = fields.request_id.empty() ? fields.trace : fields.request_id;
    return error;
}

// A job that failed, by its own answer.
BLUEPRINT_FAAS_COLD inline Error function_failed(const json::object& body, const HttpResponse& answer) {
    const auto code = for_people(text_member(body, "code"));
    const auto meaning = functions_meaning(answer.status, code, true);
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

}  // namespace gcp_calls

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL GoogleCalls::GoogleCalls(const GoogleCloudOptions& options)
    : max_body_bytes_{options.max_body_bytes}, warm_hold_{options.warm_hold} {
    for (const auto& [id, text] : options.job_urls) {
        auto one = address(text);
        if (!one) {
            misconfigured_ = std::move(one).error();
            misconfigured_->message.insert(0, "GoogleCloudOptions::job_urls, " + gcp_calls::job_text(id) + ": ");
            return;
        }
        given_.emplace(id, std::move(*one));
    }
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<GoogleAddress> GoogleCalls::address(std::string_view url) {
    auto parsed = parse_url(url);
    if (!parsed) return std::move(parsed).error();
    GoogleAddress out;
    // A service's own name stands for all its paths.
    const bool whole_host = parsed->origin.host.ends_with(".run.app");
    out.audience = url.substr(0, url.find_first_of("?#"));
    if (whole_host) out.audience = to_string(parsed->origin);
    out.url = std::move(*parsed);
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL void GoogleCalls::begin_form(CallForm& form, JobId id,
                                                                     const GoogleAddress& address, std::uint64_t state,
                                                                     Form bytes) const {
    form.clear();
    auto& request = form.request;
    request.verb = Verb::post;
    request.origin = address.url.origin;
    request.target = address.url.target;
    request.max_response_bytes = max_body_bytes_;
    form.audience = address.audience;
    form.longest_body = max_body_bytes_;
    request.headers.add("Content-Type", bytes == Form::bare ? "application/octet-stream" : "application/json");
    if (bytes == Form::base64) request.headers.add("X-Blueprint-Bytes", "base64");
    request.headers.add("X-Blueprint-Job-Id", std::to_string(id.value()));
    form.fix(id, state);
}

BLUEPRINT_FAAS_DECL std::optional<Error> GoogleCalls::end_form(CallForm& form, const JobCall& call,
                                                               Deadline deadline) const {
    auto& request = form.request;
    form.repeat = call.idempotent ? Repeat::safe : Repeat::if_unsent;
    request.timeout_header = deadline == Deadline::max() ? std::string_view{} : "X-Blueprint-Timeout-Ms";
    bool others = false;
    for (const auto& [name, value] : call.metadata) {
        for (const auto& [metadata, field] : gcp_calls::own_fields)
            if (metadata == name) request.headers.set(field, value);
        others = others || gcp_calls::travels_in_json(name);
    }
    if (others)
        if (auto wrong = gcp_calls::write_metadata(request, call)) return wrong;
    if (request.body.size() <= form.longest_body) return std::nullopt;
    return gcp_calls::refused(
        "the call of " + gcp_calls::job_text(call.job_id) + " is " + std::to_string(request.body.size()) +
        " bytes as it would be sent, and " + std::to_string(form.longest_body) +
        " may be (GoogleCloudOptions::max_body_bytes, of which Google takes 33554432); send less, "
        "or the place where the rest is");
}

BLUEPRINT_FAAS_DECL result<Invocation> GoogleCalls::read_invocation(const HttpResponse& answer, JobId id,
                                                                    bool metered) const {
    const auto fields = gcp_calls::call_fields(answer);
    std::optional<answer_reading::CallAnswer> told;
    if (iequals(fields.type.substr(0, fields.type.find(';')), "application/octet-stream")) {
        const auto bytes = bytes_of(answer.body);
        told.emplace().bytes.emplace(bytes.begin(), bytes.end());
    } else {
        told = answer_reading::UsualAnswer{answer.body}.read(id);
    }
    if (!told) return read_unusual(answer, id);
    result<Invocation> done;
    done->result.job_id = id;
    done->result.outcome = std::move(*told->bytes);
    if (metered) done->metrics = gcp_calls::read_metrics(*told, fields, answer);
    return done;
}

// Reads whatever is not written as most write it.
BLUEPRINT_FAAS_COLD inline result<Invocation> GoogleCalls::read_unusual(const HttpResponse& answer, JobId id) const {
    using namespace gcp_calls;
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
        const auto number = gcp_reading::number_member<std::uint32_t>(*body, "job_id");
        if (!number || *number != id.value()) return fail("the answer is for another job than " + job_text(id));
    }
    if (!bytes) return fail("the answer has no `result`: whatever ran, it computed nothing");
    invocation.result.outcome = std::move(*bytes);
    return invocation;
}

BLUEPRINT_FAAS_DECL std::optional<Error> GoogleCalls::judge(const HttpResponse& answer) {
    using namespace gcp_calls;
    if (answer.status == 200) return std::nullopt;
    auto error = unreadable({}, answer);
    if (answer.status >= 300 && answer.status < 400) {
        error.code = errc::infrastructure;
        error.execution = Execution::not_started;
        error.message = "the service redirects to " +
                        for_people(answer.headers.get("Location").value_or("an address it does not name")) +
                        "; redirects are not followed: give that address in job_urls if you trust it";
        return error;
    }
    const auto body = parse_object(answer.body);
    if (body && says_failed(*body)) return function_failed(*body, answer);
    std::string text;
    const bool own_words = body && !text_member(*body, "error").empty();
    if (own_words) {
        text = for_people(text_member(*body, "error"));
        error.platform_code = for_people(text_member(*body, "code"));
    } else if (const auto* googles = body ? object_member(*body, "error") : nullptr; googles != nullptr) {
        text = for_people(text_member(*googles, "message"));
        error.platform_code = for_people(text_member(*googles, "status"));
    } else {
        text = plain_body_text(answer.body);
    }
    if (const auto why = answer.headers.get("WWW-Authenticate"); why && answer.status == 401)
        text.append(text.empty() ? "" : " ").append("(" + for_people(*why) + ")");
    // The framework before the program says so of a shim that threw.
    if (const auto crash = answer.headers.get("X-Google-Status"); crash && text.empty())
        text = "the function's runtime reports: " + for_people(*crash);
    if (text.empty()) text = "the service answered HTTP " + std::to_string(answer.status);
    auto meaning = own_words ? std::optional{functions_meaning(answer.status, error.platform_code, false)}
                             : front_meaning(answer.status, text);
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

BLUEPRINT_FAAS_COLD inline HttpRequest GoogleCalls::plain_request(const GoogleAddress& address, Verb verb) const {
    HttpRequest request;
    request.verb = verb;
    request.origin = address.url.origin;
    request.target = address.url.target;
    request.headers.set("Accept", "application/json");
    return request;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleCalls::warm_request(const GoogleAddress& address) const {
    auto request = plain_request(address, Verb::post);
    request.headers.set("Content-Type", "application/octet-stream");
    request.headers.set("X-Blueprint-Warm-Ms", std::to_string(warm_hold_.count()));
    return request;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleCalls::health_request(const GoogleAddress& address) const {
    return plain_request(address, Verb::get);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL GoogleCalls::Warmed GoogleCalls::read_warmed(const HttpResponse& answer) {
    Warmed warmed;
    const auto body = gcp_calls::parse_object(answer.body);
    if (body && gcp_reading::true_member(*body, "warm"))
        warmed.instance = gcp_calls::for_people(gcp_calls::text_member(*body, "instance"));
    if (warmed.instance.empty())
        warmed.why_not = "the program does not answer warming calls as serve() does; build it with this library";
    return warmed;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Health GoogleCalls::read_health(const HttpResponse& answer) {
    Health health;
    const auto body = gcp_calls::parse_object(answer.body);
    const auto status = body ? gcp_calls::text_member(*body, "status") : std::string_view{};
    health.state = status == "healthy" ? HealthState::healthy : HealthState::unhealthy;
    health.reason = "the function answers and says that it is healthy";
    if (health.state == HealthState::healthy) return health;
    health.reason = status.empty() ? "something answers there, but not as serve() does"
                                   : "the function says: " + gcp_calls::for_people(status);
    return health;
}

}  // namespace blueprint::faas::detail

#endif
