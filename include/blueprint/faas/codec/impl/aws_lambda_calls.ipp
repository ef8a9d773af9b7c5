#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AWS_LAMBDA_CALLS_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AWS_LAMBDA_CALLS_IPP

// Calls of functions: how they are written, and what their answers mean.

#include "blueprint/faas/codec/aws_lambda_protocol.hpp"
#include "blueprint/faas/codec/aws_report.hpp"
#include "blueprint/faas/codec/impl/aws_lambda_reading.hpp"
#include "blueprint/faas/codec/impl/call_answer.hpp"
#include "blueprint/faas/codec/impl/json_text.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/field_names.hpp"
#include "blueprint/faas/detail/json_bytes.hpp"
#include "blueprint/faas/detail/utf8.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

namespace blueprint::faas::detail {

namespace lambda_protocol {

using json_text::append_member;
using json_text::append_number;

// Whether a call's metadata can stand in JSON, and so reach the function.
inline std::optional<Error> unfit_metadata(const JobCall& call) {
    for (const auto& [name, value] : call.metadata)
        if (!is_utf8(name) || !is_utf8(value))
            return refused("the metadata '" + for_people(name) + "' of the call of job " +
                           std::to_string(call.job_id.value()) + " is not UTF-8; only text reaches the function");
    return std::nullopt;
}

// Names that begin so are ours: what a caller's metadata says must not turn its job into something else.
inline constexpr std::string_view own_names = "blueprint-";

// Writes {"custom":{...}} over `out`; nothing if there is nothing to tell.
inline void write_client_context(std::string& out, const JobCall& call, Deadline deadline, Moment now, bool stream,
                                 const Environment& environment) {
    static constexpr std::string_view begin = "{\"custom\":{";
    out = begin;
    for (const auto& [name, value] : call.metadata)
        if (!name.starts_with(own_names)) append_member(out, name, value);
    if (deadline != Deadline::max()) {
        static constexpr std::chrono::milliseconds longest =
            std::chrono::hours{24 * 365};  // so that no clock overflows
        const auto at = environment.now() + std::min(time_left(deadline, now), longest);
        out += out.size() == begin.size() ? "\"blueprint-deadline-ms\":\"" : ",\"blueprint-deadline-ms\":\"";
        append_number(out, std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count());
        out += '"';
    }
    if (stream) append_member(out, "blueprint-response", "stream");
    if (out.size() == begin.size())
        out.clear();
    else
        out += "}}";
}

BLUEPRINT_FAAS_COLD inline std::vector<std::string> stack_trace(const json::object& failure) {
    static constexpr std::size_t most_lines = 64;
    std::vector<std::string> lines;
    const auto* told = failure.if_contains("stackTrace");
    if (told == nullptr) told = failure.if_contains("trace");  // the Node.js runtimes' name of it
    if (told == nullptr) return lines;
    if (const auto* text = told->if_string()) {
        for (std::string_view rest{*text}; !rest.empty() && lines.size() < most_lines;) {
            const auto line = rest.substr(0, rest.find('\n'));
            rest.remove_prefix(std::min(line.size() + 1, rest.size()));
            if (!line.empty()) lines.push_back(for_people(line));
        }
    } else if (const auto* all = told->if_array()) {
        for (const auto& line : *all) {
            if (lines.size() == most_lines) break;
            // Some languages have an array for each frame: file, line, function, source.
            lines.push_back(line.is_string() ? for_people(line.get_string()) : for_people(json::serialize(line)));
        }
    }
    return lines;
}

}  // namespace lambda_protocol

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Error LambdaProtocol::function_failed(std::string_view failure,
                                                                              std::string_view kind,
                                                                              FaasMetrics metrics) {
    using namespace lambda_protocol;
    Error error{.code = errc::function_error, .execution = Execution::started};
    const auto told = parse_object(failure);
    auto text = told ? for_people(text_member(*told, "errorMessage")) : plain_body_text(failure);
    error.platform_code = told ? for_people(text_member(*told, "errorType")) : std::string{};
    if (error.platform_code.empty()) error.platform_code = for_people(kind);
    if (told) error.stack_trace = stack_trace(*told);
    const auto& code = error.platform_code;
    if (code == "Sandbox.Timedout" || code == "Function.TimedOut" ||
        text.find("Task timed out after") != std::string::npos) {
        error.code = errc::timed_out;
        text += "; give the function a longer timeout, or the job less to do";
    } else if (code == "Function.UnknownJob") {  // serve() says so of a job that its program does not have
        error.code = errc::not_found;
        error.execution = Execution::not_started;
        text += "; deploy a program that has the job";
    } else if (code == "Runtime.InvalidEntrypoint") {
        error.execution = Execution::not_started;  // the program itself could not be started
        text += "; the package's program cannot run there: check its architecture and that it needs no newer libraries";
    }
    error.message =
        text.empty() ? "the job failed and gave no reason; see the function's log" : "the job failed: " + text;
    error.request_id = metrics.request_id;
    error.metrics = std::make_shared<const FaasMetrics>(std::move(metrics));
    return error;
}

BLUEPRINT_FAAS_COLD inline void LambdaProtocol::write_head(HttpRequest& request, JobId id, Way way) const {
    static constexpr std::size_t most_streamed = 256U << 20U;  // Lambda ends them at 200 MB
    request.origin = base_.origin;
    request.verb = Verb::post;
    request.target = base_.target;
    request.target += function_path(id, way == Way::stream ? "2021-11-15" : "2015-03-31");
    request.target += way == Way::stream ? "/response-streaming-invocations" : "/invocations";
    if (!options_.alias.empty()) request.target.append("?Qualifier=").append(percent_encode(options_.alias));
    request.max_response_bytes = way == Way::stream ? most_streamed : options_.max_answer_bytes;
    request.headers.add("Content-Type", "application/json");
    if (way != Way::stream)
        request.headers.add("X-Amz-Invocation-Type", way == Way::queue   ? "Event"
                                                     : way == Way::check ? "DryRun"
                                                                         : "RequestResponse");
    if ((way == Way::wait || way == Way::stream) && options_.log_tail) request.headers.add("X-Amz-Log-Type", "Tail");
}

inline std::optional<Error> LambdaProtocol::complete(HttpRequest& request, std::string& json, std::string& base64,
                                                     const JobCall& call, Deadline deadline, Moment now,
                                                     Way way) const {
    using namespace lambda_protocol;
    static constexpr std::size_t most_waited = 6'291'456;
    static constexpr std::size_t most_queued = 1'048'576;  // older ones take 256 KB and say so (pitfall 15)
    static constexpr std::size_t most_context = 3583;
    const auto job = [&] { return "the call of job " + std::to_string(call.job_id.value()); };
    const auto most = way == Way::queue ? most_queued : most_waited;
    if (request.body.size() > most)
        return refused(job() + " is " + std::to_string(request.body.size()) +
                       " bytes as it would be sent, and Lambda takes " + std::to_string(most) +
                       (way == Way::queue ? " of calls that it queues" : "") +
                       "; send less, or the place where the rest is");
    if (auto unfit = unfit_metadata(call)) return unfit;
    if (way != Way::wait && way != Way::stream) return std::nullopt;
    write_client_context(json, call, deadline, now, way == Way::stream, environment_);
    if (json.empty()) return std::nullopt;
    base64.clear();
    append_base64(base64, bytes_of(json));
    if (base64.size() > most_context)
        return refused("the metadata of " + job() + " makes a client context of " + std::to_string(base64.size()) +
                       " bytes, and Lambda takes " + std::to_string(most_context) +
                       "; send less beside the arguments, or as a part of them");
    request.headers.add("X-Amz-Client-Context", base64);
    return std::nullopt;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<HttpRequest> LambdaProtocol::call_request(const JobCall& call,
                                                                                         std::string body,
                                                                                         Deadline deadline,
                                                                                         Way way) const {
    HttpRequest out;
    write_head(out, call.job_id, way);
    out.body = std::move(body);
    std::string json;
    std::string base64;
    auto wrong = complete(out, json, base64, call, deadline, std::chrono::steady_clock::now(), way);
    if (wrong) return std::move(*wrong);
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL void LambdaProtocol::begin_form(CallForm& form, JobId id) const {
    if (form.is_for(id, 0)) return;
    form.clear();
    write_head(form.request, id, Way::wait);
    form.fix(id, 0);
}

BLUEPRINT_FAAS_DECL std::optional<Error> LambdaProtocol::end_form(CallForm& form, const JobCall& call,
                                                                  Deadline deadline, Moment now) const {
    return complete(form.request, form.scratch, form.scratch_base64, call, deadline, now, Way::wait);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string LambdaProtocol::queued_context(const JobCall& call) {
    using namespace lambda_protocol;
    struct Name {
        std::string_view metadata;
        std::string_view json;
    };
    static constexpr std::array<Name, 3> names{
        {{"traceparent", "traceparent"}, {"tracestate", "tracestate"}, {"x-request-id", "request_id"}}};
    std::string members;
    for (const auto& [metadata, name] : names)
        if (const auto value = call.metadata.get(metadata)) append_member(members, name, *value);
    return members.empty() ? members : ",\"context\":{" + members + '}';
}

namespace lambda_protocol {

// The fields of an answer that tell about a call.
struct CallFields {
    std::optional<std::string_view> request_id{};
    std::optional<std::string_view> version{};
    std::optional<std::string_view> log{};
    std::optional<std::string_view> failed{};
};

inline CallFields call_fields(const HttpResponse& answer) {
    CallFields told;
    const auto take = [](std::optional<std::string_view>& first, std::string_view value) {
        if (!first) first = value;
    };
    each_field(answer.headers, "x", [&](std::string_view name, std::string_view value) {
        switch (name.size()) {
            case 16:
                if (is_field(name, "x-amzn-requestid")) take(told.request_id, value);
                if (is_field(name, "x-amz-log-result")) take(told.log, value);
                break;
            case 20:
                if (is_field(name, "x-amz-function-error")) take(told.failed, value);
                break;
            case 22:
                if (is_field(name, "x-amz-executed-version")) take(told.version, value);
                break;
            default: break;
        }
    });
    return told;
}

}  // namespace lambda_protocol

BLUEPRINT_FAAS_DECL FaasMetrics LambdaProtocol::read_metrics(const HttpResponse& answer) const {
    return read_metrics(answer, lambda_protocol::call_fields(answer));
}

inline FaasMetrics LambdaProtocol::read_metrics(const HttpResponse& answer,
                                                const lambda_protocol::CallFields& told) const {
    FaasMetrics metrics;
    metrics.connection_reused = answer.connection_reused;
    metrics.request_id = lambda_protocol::shown_id(told.request_id.value_or(""));
    metrics.executed_version = told.version.value_or("");
    if (told.log) read_log(*told.log, metrics);
    return metrics;
}

BLUEPRINT_FAAS_DECL void LambdaProtocol::read_log(std::string_view base64, FaasMetrics& metrics) const {
    const auto bytes = base64_decode(base64);
    if (!bytes || bytes->empty()) return;
    const auto log = text_of(*bytes);
    apply_last_report(log, metrics.request_id, metrics);
    if (options_.keep_log_text) metrics.log_tail = log;
}

BLUEPRINT_FAAS_DECL result<Invocation> LambdaProtocol::read_invocation(const HttpResponse& answer, JobId id,
                                                                       bool metered) const {
    const auto fields = lambda_protocol::call_fields(answer);
    if (fields.failed) return read_unusual(answer, id, read_metrics(answer, fields), fields.failed);
    auto told = answer_reading::UsualAnswer{answer.body}.read(id);
    if (!told) return read_unusual(answer, id, read_metrics(answer, fields), std::nullopt);
    result<Invocation> done;
    done->result.job_id = id;
    done->result.outcome = std::move(*told->bytes);
    if (!metered) return done;
    auto& metrics = done->metrics;
    metrics = read_metrics(answer, fields);
    if (!metrics.execution_duration && told->execution_ms)
        metrics.execution_duration = std::chrono::milliseconds{*told->execution_ms};
    if (!metrics.memory_used_mib) metrics.memory_used_mib = told->memory_used_mb;
    return done;
}

// Reads the answer of a job that failed, and whatever serve() would not have written so.
BLUEPRINT_FAAS_COLD inline result<Invocation> LambdaProtocol::read_unusual(
    const HttpResponse& answer, JobId id, FaasMetrics metered, std::optional<std::string_view> failed) const {
    using namespace lambda_protocol;
    Invocation done;
    done.result.job_id = id;
    done.metrics = std::move(metered);
    // The status says nothing about the function: it is 200 for one that failed too.
    if (failed) {
        auto error = function_failed(answer.body, *failed, std::move(done.metrics));
        error.http_status = answer.status;
        return error;
    }
    const auto fail = [&](errc code, std::string why) {
        Error error{.code = code, .message = std::move(why), .http_status = answer.status};
        error.request_id = done.metrics.request_id;
        // Who answers without a version may be a server in front of Lambda, which never saw the call.
        error.execution = done.metrics.executed_version.empty() ? Execution::unknown : Execution::started;
        error.metrics = std::make_shared<const FaasMetrics>(std::move(done.metrics));
        return error;
    };
    std::optional<Bytes> bytes;
    const auto body = parse_object_with_bytes(answer.body, "result", bytes);
    if (!body)
        return fail(errc::serialization, "the answer to job " + std::to_string(id.value()) +
                                             " is not what serve() writes: " + body.error().message +
                                             "; check that the function is one of this library's");
    auto& metrics = done.metrics;
    if (!metrics.execution_duration)
        if (const auto took = number_member<std::uint32_t>(*body, "execution_ms"))
            metrics.execution_duration = std::chrono::milliseconds{*took};
    if (!metrics.memory_used_mib) metrics.memory_used_mib = number_member<std::uint32_t>(*body, "memory_used_mb");
    if (const auto* told = body->if_contains("job_id"); told != nullptr) {
        const auto number = number_member<std::uint32_t>(*body, "job_id");
        if (!number || *number != id.value())
            return fail(errc::serialization,
                        "the answer is for another job than " + std::to_string(id.value()) + ", which was called");
    }
    if (const auto* success = body->if_contains("success");
        success != nullptr && !(success->is_bool() && success->as_bool())) {
        if (!success->is_bool()) return fail(errc::serialization, "`success` of the answer is neither true nor false");
        const auto text = for_people(text_member(*body, "error"));
        auto error = fail(errc::function_error,
                          text.empty() ? "the job failed and gave no reason; see its log" : "the job failed: " + text);
        error.platform_code = for_people(text_member(*body, "code"));
        if (error.platform_code == "TIMEOUT") error.code = errc::timed_out;
        error.execution = Execution::started;
        return error;
    }
    if (!bytes) return fail(errc::serialization, "the answer has no `result`: whatever ran, it computed nothing");
    done.result.outcome = std::move(*bytes);
    return done;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Receipt> LambdaProtocol::read_receipt(const HttpResponse& answer,
                                                                                     JobId id) const {
    Receipt receipt;
    receipt.invocation_id = lambda_protocol::request_id(answer);
    if (answer.status == 202) return receipt;
    const auto done = read_invocation(answer, id);
    if (!done) return done.error();
    receipt.completed = true;
    return receipt;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<void> LambdaProtocol::read_check(const HttpResponse& answer) {
    if (answer.status == 204) return {};
    return Error{.code = errc::unsupported,
                 .message = "the platform answered a dry run with HTTP " + std::to_string(answer.status) +
                            " instead of 204: it does not know dry runs, and may have run the job",
                 .http_status = answer.status,
                 .request_id = lambda_protocol::request_id(answer)};
}

}  // namespace blueprint::faas::detail

#endif
