#ifndef BLUEPRINT_FAAS_CODEC_IMPL_CUSTOM_PROTOCOL_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_CUSTOM_PROTOCOL_IPP

#include "blueprint/faas/codec/custom_protocol.hpp"
#include "blueprint/faas/codec/impl/call_answer.hpp"
#include "blueprint/faas/codec/impl/custom_reading.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/field_names.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/detail/json_bytes.hpp"
#include "blueprint/faas/detail/retry_after.hpp"
#include "blueprint/faas/package/package.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace blueprint::faas::detail {

namespace custom_protocol {

BLUEPRINT_FAAS_COLD inline bool valid_function_id(std::string_view id) {
    const auto alphanumeric = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    return !id.empty() && id.size() <= 64 && alphanumeric(id.front()) &&
           std::all_of(id.begin(), id.end(), [&](char c) { return alphanumeric(c) || c == '_' || c == '-'; });
}

BLUEPRINT_FAAS_COLD inline bool valid_variable_name(std::string_view name) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    return !name.empty() && letter(name.front()) &&
           std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

struct Meaning {
    errc code{};
    bool retryable = false;
    Execution execution = Execution::unknown;
};

BLUEPRINT_FAAS_COLD inline std::optional<Meaning> by_code(std::string_view code) {
    struct Row {
        std::string_view code;
        Meaning meaning;
    };
    static constexpr std::array<Row, 19> table{{
        {"BAD_REQUEST", {errc::invalid_configuration, false, Execution::not_started}},
        {"UNAUTHORIZED", {errc::authentication, true, Execution::not_started}},
        {"FORBIDDEN", {errc::authentication, false, Execution::not_started}},
        {"NOT_FOUND", {errc::not_found, false, Execution::not_started}},
        {"NOT_SUPPORTED", {errc::unsupported, false, Execution::not_started}},
        {"CONFLICT", {errc::conflict, false, Execution::not_started}},
        {"PRECONDITION_FAILED", {errc::conflict, false, Execution::not_started}},
        {"KEY_REUSED", {errc::conflict, false, Execution::not_started}},
        {"TOO_LARGE", {errc::invalid_configuration, false, Execution::not_started}},
        {"UNSUPPORTED_MEDIA", {errc::invalid_configuration, false, Execution::not_started}},
        {"HEADER_TOO_LARGE", {errc::invalid_configuration, false, Execution::not_started}},
        {"THROTTLED", {errc::throttled, true, Execution::not_started}},
        {"EXECUTION_ERROR", {errc::function_error, false, Execution::started}},
        {"INFRASTRUCTURE_ERROR", {errc::infrastructure, true, Execution::unknown}},
        {"UNAVAILABLE", {errc::infrastructure, true, Execution::unknown}},
        {"UNHEALTHY", {errc::infrastructure, true, Execution::unknown}},
        {"TIMEOUT", {errc::timed_out, false, Execution::started}},
        {"INVOCATION_FAILED", {errc::invocation_failed, false, Execution::unknown}},
        {"INVALID_CONFIGURATION", {errc::invalid_configuration, false, Execution::not_started}},
    }};
    for (const auto& row : table)
        if (row.code == code) return row.meaning;
    return std::nullopt;
}

BLUEPRINT_FAAS_COLD inline std::optional<Meaning> by_status(unsigned status) {
    switch (status) {
        case 400:
        case 413:
        case 415:
        case 431: return Meaning{errc::invalid_configuration, false, Execution::not_started};
        case 401: return Meaning{errc::authentication, true, Execution::not_started};
        case 403:
        case 495:  // nginx's own: the client's certificate is bad, or there is none
        case 496: return Meaning{errc::authentication, false, Execution::not_started};
        case 404: return Meaning{errc::not_found, false, Execution::not_started};
        case 405:
        case 501: return Meaning{errc::unsupported, false, Execution::not_started};
        case 409:
        case 412:
        case 422: return Meaning{errc::conflict, false, Execution::not_started};
        case 429: return Meaning{errc::throttled, true, Execution::not_started};
        case 500:
        case 502:
        case 503: return Meaning{errc::infrastructure, true, Execution::unknown};
        case 504: return Meaning{errc::timed_out, false, Execution::unknown};  // a gateway's, without the code
        default: return std::nullopt;
    }
}

BLUEPRINT_FAAS_COLD inline std::string_view advice(errc code) {
    switch (code) {
        case errc::authentication: return "; check the credential and its rights";
        case errc::not_found: return "; deploy the job first";
        case errc::throttled: return "; send fewer calls at once, or wait";
        case errc::infrastructure: return "; the platform has a problem, try again later";
        case errc::timed_out: return "; give the function a longer timeout, or the job less to do";
        default: return "";
    }
}

// What a TLS server in front of the platform means by a 400 that is a page. Source: nginx, "ngx_http_ssl_module", error
// processing (495, 496 and 497 are answered as 400), and its page texts.
struct FrontProblem {
    errc code{};
    std::string_view advice{};
};
BLUEPRINT_FAAS_COLD inline std::optional<FrontProblem> front_problem(unsigned status, std::string_view text) {
    if (status != 400) return std::nullopt;
    if (text.find("No required SSL certificate was sent") != std::string_view::npos)
        return FrontProblem{errc::authentication,
                            "; the server in front of the platform wants a client certificate: give the transport one"};
    if (text.find("The SSL certificate error") != std::string_view::npos)
        return FrontProblem{errc::authentication,
                            "; the server in front of the platform does not trust the client certificate it was given: "
                            "check its issuer and its dates"};
    if (text.find("plain HTTP request was sent to HTTPS port") != std::string_view::npos)
        return FrontProblem{errc::invalid_configuration,
                            "; the platform speaks TLS there: begin the URL with https://"};
    return std::nullopt;
}

BLUEPRINT_FAAS_COLD inline Error function_failed(const json::object& body, const HttpResponse& answer) {
    const auto text = for_people(text_member(body, "error"));
    Error error{.code = errc::function_error,
                .message = text.empty() ? "the job failed and gave no reason; see the platform's log"
                                        : "the job failed: " + text,
                .http_status = answer.status,
                .platform_code = for_people(text_member(body, "code")),
                .execution = Execution::started};
    error.request_id = shown_id(answer.headers.get("X-Request-Id").value_or(""));
    return error;
}

// The fields of an answer that tell about a call.
struct CallFields {
    std::optional<std::string_view> type{};
    std::optional<std::string_view> request_id{};
    std::optional<std::string_view> execution_ms{};
    std::optional<std::string_view> memory_mb{};
    std::optional<std::string_view> cold_start{};
};

inline CallFields call_fields(const HttpResponse& answer) {
    CallFields told;
    const auto take = [](std::optional<std::string_view>& first, std::string_view value) {
        if (!first) first = value;
    };
    each_field(answer.headers, "cx", [&](std::string_view name, std::string_view value) {
        switch (name.size()) {
            case 12:
                if (is_field(name, "content-type")) take(told.type, value);
                if (is_field(name, "x-request-id")) take(told.request_id, value);
                break;
            case 21:
                if (is_field(name, "x-blueprint-memory-mb")) take(told.memory_mb, value);
                break;
            case 22:
                if (is_field(name, "x-blueprint-cold-start")) take(told.cold_start, value);
                break;
            case 24:
                if (is_field(name, "x-blueprint-execution-ms")) take(told.execution_ms, value);
                break;
            default: break;
        }
    });
    return told;
}

// What the body does not tell, a field may.
inline FaasMetrics read_metrics(const answer_reading::CallAnswer& body, const CallFields& fields,
                                const HttpResponse& answer) {
    FaasMetrics metrics;
    const auto number_in = [](std::optional<std::string_view> text) -> std::optional<std::uint32_t> {
        std::uint32_t number = 0;
        if (!text) return std::nullopt;
        const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), number);
        if (failed != std::errc{} || end != text->data() + text->size()) return std::nullopt;
        return number;
    };
    const auto execution = body.execution_ms ? body.execution_ms : number_in(fields.execution_ms);
    if (execution) metrics.execution_duration = std::chrono::milliseconds{*execution};
    metrics.memory_used_mib = body.memory_used_mb ? body.memory_used_mb : number_in(fields.memory_mb);
    if (body.init_ms) metrics.init_duration = std::chrono::milliseconds{*body.init_ms};
    metrics.cold_start = body.cold_start;
    if (!metrics.cold_start && (fields.cold_start == "true" || fields.cold_start == "false"))
        metrics.cold_start = fields.cold_start == "true";
    metrics.request_id = shown_id(fields.request_id.value_or(""));
    metrics.connection_reused = answer.connection_reused;
    return metrics;
}

inline FaasMetrics read_metrics(const json::object& body, const HttpResponse& answer) {
    return read_metrics(answer_reading::numbers_in(body), call_fields(answer), answer);
}

}  // namespace custom_protocol

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL CustomProtocol::CustomProtocol(CustomOptions options, bool bytes_of_1_1)
    : options_{std::move(options)} {
    using namespace custom_protocol;
    if (options_.strict_1_0 && (bytes_of_1_1 || options_.idempotency_keys == IdempotencyKeys::always)) {
        misconfigured_ = refused(
            bytes_of_1_1 ? "CustomOptions::strict_1_0: contract 1.0 has arrays of numbers alone; use JsonBytes"
                         : "CustomOptions::strict_1_0: contract 1.0 promises nothing about idempotency keys; use "
                           "IdempotencyKeys::never");
        return;
    }
    auto base = parse_url(options_.base_url);
    if (!base) {
        misconfigured_ = base.error();
        misconfigured_->message.insert(0, "CustomOptions::base_url: ");
        return;
    }
    base_ = std::move(*base);
    if (base_.target.find('?') != std::string::npos) {
        misconfigured_ = refused("CustomOptions::base_url: it must not have a query ('?')");
        return;
    }
    base_.target.erase(base_.target.find_last_not_of('/') + 1);
    if (!valid_function_id(function_id(JobId{std::numeric_limits<std::uint32_t>::max()}))) {
        misconfigured_ = refused(
            "CustomOptions::prefix: use letters, digits, '_' and '-', a letter or digit first, at most 49 characters");
        return;
    }
    for (const auto& [id, text] : options_.job_endpoints) {
        auto url = parse_url(text);
        if (!url) {
            misconfigured_ = url.error();
            misconfigured_->message.insert(0, "CustomOptions::job_endpoints, job " + std::to_string(id.value()) + ": ");
            return;
        }
        job_endpoints_.emplace(id, std::move(*url));
    }
    for (const auto& text : options_.trusted_origins) {
        auto url = parse_url(text);
        if (!url) {
            misconfigured_ = url.error();
            misconfigured_->message.insert(0, "CustomOptions::trusted_origins: ");
            return;
        }
        trusted_.push_back(std::move(url->origin));
    }
}

BLUEPRINT_FAAS_DECL std::string CustomProtocol::function_id(JobId id) const {
    const auto number = std::to_string(id.value());
    return options_.prefix.empty() ? "job" + number : options_.prefix + "-job-" + number;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest CustomProtocol::request(Verb verb, JobId id, Route route) const {
    static constexpr std::array<std::string_view, 4> suffix{"", "/invoke", "/health", "/warm"};
    HttpRequest request;
    request.origin = base_.origin;
    request.verb = verb;
    request.target = base_.target + "/api/functions/" + function_id(id);
    request.target += suffix[static_cast<std::size_t>(route)];
    request.headers.set("Accept", "application/json");
    return request;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest CustomProtocol::platform_request(std::string_view path) const {
    HttpRequest request;
    request.origin = base_.origin;
    request.target = base_.target;
    request.target += path;
    request.headers.set("Accept", "application/json");
    return request;
}

BLUEPRINT_FAAS_DECL Url CustomProtocol::invoke_url(JobId id, bool bare) const {
    if (const auto own = job_endpoints_.find(id); own != job_endpoints_.end()) return own->second;
    if (bare) return Url{base_.origin, base_.target + "/job/" + std::to_string(id.value())};
    return Url{base_.origin, base_.target + "/api/functions/" + function_id(id) + "/invoke"};
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<Url> CustomProtocol::trusted_endpoint(
    std::string_view endpoint) const {
    const auto url = parse_url(endpoint);
    if (url &&
        (url->origin == base_.origin || std::find(trusted_.begin(), trusted_.end(), url->origin) != trusted_.end()))
        return std::move(*url);
    if (options_.warn)
        options_.warn("the platform named an endpoint of another origin" +
                      (url ? ", " + to_string(url->origin) : std::string{}) +
                      "; it is not used, because it would be sent the credential "
                      "(CustomOptions::trusted_origins allows it)");
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL void CustomProtocol::add_call_headers(HttpRequest& request, const JobCall& call,
                                                          Deadline deadline) const {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> passed_on{
        {{"traceparent", "traceparent"},
         {"tracestate", "tracestate"},
         {"x-request-id", "X-Request-Id"},
         {"idempotency-key", "Idempotency-Key"}}};
    for (const auto& [key, header] : passed_on)
        if (const auto value = call.metadata.get(key)) request.headers.set(header, *value);
    request.timeout_header = deadline == Deadline::max() ? std::string_view{} : "X-Blueprint-Timeout-Ms";
}

BLUEPRINT_FAAS_DECL std::optional<Error> CustomProtocol::check_size(JobId id, std::size_t body_bytes,
                                                                    std::size_t limit) {
    if (body_bytes <= limit) return std::nullopt;
    return custom_protocol::refused("the call of job " + std::to_string(id.value()) + " is " +
                                    std::to_string(body_bytes) + " bytes as it would be sent, and the platform takes " +
                                    std::to_string(limit) +
                                    "; send less, or use a denser payload format (Base64Json, Binary)");
}

BLUEPRINT_FAAS_DECL result<Invocation> CustomProtocol::read_invocation(const HttpResponse& answer, JobId id,
                                                                       bool metered) const {
    using namespace custom_protocol;
    const auto fields = call_fields(answer);
    const auto type = fields.type.value_or("");
    std::optional<answer_reading::CallAnswer> told;
    if (iequals(type.substr(0, type.find(';')), "application/octet-stream")) {
        const auto bytes = bytes_of(answer.body);
        told.emplace().bytes.emplace(bytes.begin(), bytes.end());
    } else {
        told = answer_reading::UsualAnswer{answer.body}.read(id);
    }
    if (!told) return read_unusual(answer, id);
    result<Invocation> done;
    done->result.job_id = id;
    done->result.outcome = std::move(*told->bytes);
    if (metered) done->metrics = read_metrics(*told, fields, answer);
    return done;
}

// Reads the answer of a job that failed, and whatever is not written as most write it.
BLUEPRINT_FAAS_COLD inline result<Invocation> CustomProtocol::read_unusual(const HttpResponse& answer, JobId id) const {
    using namespace custom_protocol;
    Invocation invocation;
    invocation.result.job_id = id;
    std::optional<Bytes> bytes;
    auto body = parse_object_with_bytes(answer.body, "result", bytes);
    const auto fail = [&](std::string why) {
        auto error = unreadable(std::move(why), answer);
        error.execution = Execution::started;
        return error;
    };
    if (!body)  // whoever wrote this may be a server in front of the platform, which never saw the call
        return unreadable("the answer to job " + std::to_string(id.value()) +
                              " is not what the contract says: " + body.error().message,
                          answer);
    invocation.metrics = read_metrics(*body, answer);
    if (const auto* success = body->if_contains("success");
        success != nullptr && !(success->is_bool() && success->as_bool())) {
        if (!success->is_bool()) return fail("`success` of the answer is neither true nor false");
        auto error = function_failed(*body, answer);
        error.metrics = std::make_shared<const FaasMetrics>(invocation.metrics);
        return error;
    }
    if (const auto* told = body->if_contains("job_id"); told != nullptr) {
        const auto number = number_member<std::uint32_t>(*body, "job_id");
        if (!number || *number != id.value())
            return fail("the answer is for another job than " + std::to_string(id.value()) + ", which was called");
    }
    if (!bytes) return fail("the answer has no `result`: whatever ran, it computed nothing");
    invocation.result.outcome = std::move(*bytes);
    return invocation;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::string> CustomProtocol::write_config(const FaasConfig& config,
                                                                                         const Package& package) const {
    using namespace custom_protocol;
    static constexpr std::uint32_t step = 64;
    if (options_.strict_1_0 && config.keep_warm > 0)
        return refused("keep_warm is " + std::to_string(config.keep_warm) +
                       "; contract 1.0 has no such setting (CustomOptions::strict_1_0): call warm() instead");
    if (config.memory_mib < 128 || config.memory_mib > 10240)
        return refused("memory_mib is " + std::to_string(config.memory_mib) + "; the platform has 128 to 10240");
    if (config.timeout.count() < 1 || config.timeout.count() > 900)
        return refused("timeout is " + std::to_string(config.timeout.count()) + " s; the platform has 1 to 900");
    if (config.max_concurrency && (*config.max_concurrency < 1 || *config.max_concurrency > 1000))
        return refused("max_concurrency is " + std::to_string(*config.max_concurrency) +
                       "; the platform has 1 to 1000");
    json::object variables;
    for (const auto& [name, value] : config.env_vars) {
        if (!valid_variable_name(name))
            return refused("'" + for_people(name) +
                           "' cannot be the name of an environment variable: use letters, digits and '_'");
        if (name.starts_with("BLUEPRINT_"))
            return refused("environment variable '" + name +
                           "': names that begin with BLUEPRINT_ are the platform's own");
        variables[name] = value.reveal();
    }
    json::object document;
    document["memory_mb"] = (config.memory_mib + step - 1) / step * step;
    document["timeout_secs"] = config.timeout.count();
    if (config.max_concurrency) document["max_concurrency"] = *config.max_concurrency;
    if (!variables.empty()) document["env_vars"] = std::move(variables);
    if (config.keep_warm > 0) document["keep_warm"] = config.keep_warm;
    if (!options_.strict_1_0) document["package_sha256"] = package.sha256();
    return json::serialize(document);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<HttpRequest> CustomProtocol::deploy_request(
    JobId id, const Package& package, const std::string& config_json) const {
    using namespace custom_protocol;
    static constexpr std::size_t max_package = 50U << 20U;
    if (package.size_bytes() > max_package)
        return refused("the package is " + std::to_string(package.size_bytes()) +
                       " bytes, and the platform takes 52428800; strip the binary or leave files out");
    auto header = base64_encode(bytes_of(config_json));
    const auto header_bytes = header.size();
    auto put = request(Verb::put, id, Route::function);
    put.headers.set("Content-Type", "application/zip");
    put.headers.set("X-Blueprint-Config", header);
    if (!options_.strict_1_0) put.headers.set("X-Blueprint-Revision", revision(package, config_json));
    wipe(header);
    if (header_bytes > 8192)
        return refused(
            "the configuration is " + std::to_string(header_bytes) +
            " bytes as it would be sent, and the platform takes 8192; use fewer or shorter environment variables");
    put.body = package.zip();
    return put;
}

BLUEPRINT_FAAS_DECL std::string CustomProtocol::describe(const Package& package) {
    return std::to_string(package.size_bytes()) + " bytes";
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string CustomProtocol::revision(const Package& package,
                                                                             const std::string& config_json) {
    Sha256 hash;
    hash.update(bytes_of(package.sha256()));
    hash.update(bytes_of(config_json));
    return hex_encode(hash.finish());
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<FaasDeployment> CustomProtocol::read_deployment(
    const HttpResponse& answer, JobId id) const {
    using namespace custom_protocol;
    const auto body = parse_object(answer.body);
    if (!body) return unreadable("the answer about the deployment is no JSON object", answer);
    auto deployment = deployment_in(*body, id);
    if (deployment.function_id.empty())
        return unreadable("the answer about the deployment has no `function_id`", answer);
    if (deployment.function_id != function_id(id))
        return unreadable("the answer is about another function than " + function_id(id) + ", which was asked for",
                          answer);
    if (answer.status == 202 && deployment.state == DeploymentState::deployed)
        deployment.state = DeploymentState::deploying;
    return deployment;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Error CustomProtocol::failed_deployment(const FaasDeployment& deployment) {
    const auto why = deployment.problem.empty() ? std::string{"it gives no reason"} : deployment.problem;
    return Error{
        .code = errc::infrastructure,
        .message = "the platform could not deploy " + deployment.function_id + ": " + why + "; look at its log",
        .execution = Execution::not_started};
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Health> CustomProtocol::read_health(const HttpResponse& answer) const {
    using namespace custom_protocol;
    Health health;
    if (answer.status == 404) {
        health.state = HealthState::absent;
        health.reason = "the platform has no such function; deploy the job first";
        return health;
    }
    const auto body = parse_object(answer.body);
    if (answer.status == 503) {
        health.state = HealthState::unhealthy;
        if (body) health.reason = for_people(text_member(*body, "error"));
        if (health.reason.empty()) health.reason = "the platform says so and gives no reason";
        return health;
    }
    if (!body) return unreadable("the answer to the health check is no JSON object", answer);
    const auto status = text_member(*body, "status");
    health.state = status == "healthy"     ? HealthState::healthy
                   : status == "unhealthy" ? HealthState::unhealthy
                   : status == "deploying" ? HealthState::deploying
                                           : HealthState::unknown;
    health.reason = for_people(text_member(*body, "error"));
    health.last_invocation = text_member(*body, "last_invocation");
    health.total_invocations = number_member<std::uint64_t>(*body, "total_invocations");
    return health;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<WarmReport> CustomProtocol::read_warm(const HttpResponse& answer,
                                                                                     std::uint32_t requested) const {
    using namespace custom_protocol;
    WarmReport report;
    report.requested = requested;
    if (answer.status != 200) {
        report.supported = false;
        report.reason = "this platform does not warm functions (HTTP " + std::to_string(answer.status) + ")";
        return report;
    }
    const auto body = parse_object(answer.body);
    if (!body) return unreadable("the answer to warming is no JSON object", answer);
    report.instances = number_member<std::uint32_t>(*body, "instances_warmed");
    return report;
}

BLUEPRINT_FAAS_DECL std::optional<Error> CustomProtocol::judge(const HttpResponse& answer) {
    using namespace custom_protocol;
    if (answer.status == 200 || answer.status == 201 || answer.status == 202 || answer.status == 204)
        return std::nullopt;
    Error error{.code = errc::serialization, .http_status = answer.status};
    error.request_id = shown_id(answer.headers.get("X-Request-Id").value_or(""));
    if (answer.status >= 300 && answer.status < 400) {
        error.code = errc::infrastructure;
        error.execution = Execution::not_started;
        error.message = "the platform redirects to " +
                        for_people(answer.headers.get("Location").value_or("an address it does not name")) +
                        "; redirects are not followed, so give that address yourself if you trust it";
        return error;
    }
    const auto body = parse_object(answer.body);
    std::string text;
    bool failed_function = false;
    if (body) {
        error.platform_code = for_people(text_member(*body, "code"));
        for (const std::string_view member : {"error", "message", "detail"})
            if (text.empty()) text = for_people(text_member(*body, member));
        const auto* success = body->if_contains("success");
        failed_function = success != nullptr && success->is_bool() && !success->as_bool();
    } else {
        text = plain_body_text(answer.body);
        if (const auto front = front_problem(answer.status, text)) {
            error.code = front->code;
            error.execution = Execution::not_started;
            error.message = text.append(front->advice);
            return error;
        }
    }
    auto meaning = by_code(error.platform_code);
    if (!meaning) meaning = by_status(answer.status);
    // 1.0 shows a timeout as a 500 with these words (R13). A job that says them itself says so with a code of its own.
    const bool platforms_words = error.platform_code.empty() || by_code(error.platform_code);
    if (platforms_words && text.starts_with("Function timeout after"))
        meaning = Meaning{errc::timed_out, false, Execution::started};
    const bool job_said_so =
        failed_function && (!meaning || (meaning->code != errc::timed_out && meaning->code != errc::throttled &&
                                         meaning->code != errc::authentication));
    if (job_said_so) {
        auto failed = function_failed(*body, answer);
        failed.metrics = std::make_shared<const FaasMetrics>(read_metrics(*body, answer));
        return failed;
    }
    if (!meaning) {
        error.message = "the platform answered HTTP " + std::to_string(answer.status) +
                        ", which the contract does not have" + (text.empty() ? "" : ": " + text);
        return error;
    }
    error.code = meaning->code;
    error.retryable = meaning->retryable;
    error.execution = meaning->execution;
    error.retry_after = read_retry_after(answer);
    error.message = (text.empty() ? "the platform answered HTTP " + std::to_string(answer.status) : text)
                        .append(advice(meaning->code));
    return error;
}

}  // namespace blueprint::faas::detail

#endif
