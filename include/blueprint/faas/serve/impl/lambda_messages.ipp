#ifndef BLUEPRINT_FAAS_SERVE_IMPL_LAMBDA_MESSAGES_IPP
#define BLUEPRINT_FAAS_SERVE_IMPL_LAMBDA_MESSAGES_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/json_bytes.hpp"
#include "blueprint/faas/serve/impl/exec.ipp"
#include "blueprint/faas/serve/lambda_messages.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

namespace blueprint::faas::detail {

inline constexpr std::string_view lambda_own_names = "blueprint-";

BLUEPRINT_FAAS_DECL result<LambdaCall> read_lambda_head(const Headers& headers) {
    LambdaCall call;
    call.request_id = headers.get("Lambda-Runtime-Aws-Request-Id").value_or("");
    if (call.request_id.empty()) {
        return Error{.code = errc::serialization,
                     .message = "the runtime API gave an event without Lambda-Runtime-Aws-Request-Id"};
    }
    // Newer hosts tell one attempt of a request from the next, and want to hear which one a reply is to.
    if (const auto id = headers.get("Lambda-Runtime-Invocation-Id"))
        call.echoed.append("Lambda-Runtime-Invocation-Id: ").append(*id).append("\r\n");
    return call;
}

// The client context's `custom`; nothing if there is none, or it is something else.
inline std::optional<boost::json::object> read_lambda_custom(const Headers& headers) {
    const auto text = headers.get("Lambda-Runtime-Client-Context");
    if (!text || text->empty()) return std::nullopt;
    std::string_view json = *text;
    std::optional<Bytes> decoded;
    if (!json.starts_with('{')) {
        decoded = base64_decode(json);
        if (!decoded) return std::nullopt;
        json = text_of(*decoded);
    }
    boost::system::error_code failed;
    auto context = boost::json::parse(boost::json::string_view{json.data(), json.size()}, failed);
    if (failed || !context.is_object()) return std::nullopt;
    auto* custom = context.get_object().if_contains("custom");
    if (custom == nullptr || !custom->is_object()) return std::nullopt;
    return std::move(custom->get_object());
}

inline std::optional<std::chrono::milliseconds> time_until(std::string_view unix_ms,
                                                           std::chrono::system_clock::time_point now) noexcept {
    std::int64_t at = 0;
    const auto read = std::from_chars(unix_ms.data(), unix_ms.data() + unix_ms.size(), at);
    if (unix_ms.empty() || read.ec != std::errc{} || read.ptr != unix_ms.data() + unix_ms.size()) return std::nullopt;
    const auto today = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
    at = std::clamp<std::int64_t>(at, 0, INT64_MAX / 2);
    return std::chrono::milliseconds{std::max<std::int64_t>(at - today, 0)};
}

inline void shorten(std::optional<std::chrono::milliseconds>& timeout,
                    std::optional<std::chrono::milliseconds> other) noexcept {
    if (other && (!timeout || *other < *timeout)) timeout = other;
}

// Reads what the client context says; what the event itself said of the same goes before it.
inline void read_lambda_context(const boost::json::object& custom, std::chrono::system_clock::time_point now,
                                LambdaCall& call) {
    auto& metadata = call.request.call.metadata;
    for (const auto& [key, value] : custom) {
        const std::string_view name{key.data(), key.size()};
        if (!value.is_string()) continue;
        const std::string_view text{value.get_string().data(), value.get_string().size()};
        if (name == "blueprint-deadline-ms") shorten(call.request.call.timeout, time_until(text, now));
        if (name == "blueprint-response") call.stream = text == "stream";
        if (!name.starts_with(lambda_own_names) && !metadata.get(name)) metadata.set(name, text);
    }
}

// Nothing if the event is no warming mark. The name is looked for first, because events may be long.
inline result<std::optional<std::chrono::milliseconds>> read_lambda_warm(std::string_view event, JobId& id) {
    constexpr std::int64_t longest_ms = 1'000;
    using HoldTime = std::optional<std::chrono::milliseconds>;
    if (event.find("\"warm\"") == std::string_view::npos) return HoldTime{};
    std::optional<Bytes> args;
    const auto request = parse_object_with_bytes(event, "args", args);
    if (!request || args) return HoldTime{};
    const auto* warm = request->if_contains("warm");
    if (warm == nullptr || !warm->is_object()) return HoldTime{};
    const auto checked = read_exec_job_id(*request);
    if (!checked) return checked.error();
    id = *checked;
    const auto* hold = warm->get_object().if_contains("hold_ms");
    if (hold == nullptr || hold->is_null()) return HoldTime{std::chrono::milliseconds{0}};
    if (!hold->is_int64()) return bad_exec_request("warm.hold_ms is not an integer");
    return HoldTime{std::chrono::milliseconds{std::clamp<std::int64_t>(hold->get_int64(), 0, longest_ms)}};
}

BLUEPRINT_FAAS_DECL result<void> read_lambda_event(const Headers& headers, std::string_view event,
                                                   std::chrono::system_clock::time_point now, LambdaCall& call) {
    auto& job = call.request.call;
    const auto warm = read_lambda_warm(event, call.job_id);
    if (!warm) return warm.error();
    call.hold = *warm;
    if (call.hold) return {};
    auto request = read_exec_request(event, now);
    if (!request) return request.error();
    call.request = *std::move(request);
    call.job_id = job.job_id;
    if (const auto custom = read_lambda_custom(headers)) read_lambda_context(*custom, now, call);
    if (const auto deadline = headers.get("Lambda-Runtime-Deadline-Ms"))
        shorten(job.timeout, time_until(*deadline, now));
    if (!job.metadata.get("x-request-id")) job.metadata.set("x-request-id", call.request_id);
    if (const auto trace = headers.get("Lambda-Runtime-Trace-Id")) job.metadata.set("x-amzn-trace-id", *trace);
    return {};
}

// Category.Reason, as Lambda reads it: "Function." or "Runtime." and letters, the first a capital.
inline bool is_lambda_error_type(std::string_view type) noexcept {
    if (!type.starts_with("Function.") && !type.starts_with("Runtime.")) return false;
    type.remove_prefix(type.find('.') + 1);
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    return type.size() >= 2 && type.size() <= 64 && type[0] <= 'Z' && std::all_of(type.begin(), type.end(), is_letter);
}

inline std::string_view lambda_error_type(const Error& error) noexcept {
    const bool ran = error.execution != Execution::not_started;
    if (is_lambda_error_type(error.platform_code)) return error.platform_code;
    if (error.code == errc::not_found && !ran) return "Function.UnknownJob";
    if (error.code == errc::serialization && !ran) return "Function.InvalidArguments";
    if (error.code == errc::timed_out) return "Function.TimedOut";
    if (error.code == errc::throttled) return "Function.Throttled";
    return "Function.JobFailed";
}

BLUEPRINT_FAAS_DECL LambdaFailure write_lambda_failure(const Error& error) {
    constexpr std::size_t longest_message = 8U << 10, longest_code = 128, longest_line = 512, most_lines = 32;
    LambdaFailure failure{.type = std::string{lambda_error_type(error)}};
    const std::string_view code = error.platform_code.empty() ? failure.type : error.platform_code;
    failure.body = "{\"errorMessage\":" + boost::json::serialize(presentable(error.message, longest_message)) +
                   ",\"errorType\":" + boost::json::serialize(presentable(code, longest_code)) + ",\"stackTrace\":[";
    for (std::size_t i = 0; i < std::min(error.stack_trace.size(), most_lines); ++i) {
        failure.body += i == 0 ? "" : ",";
        failure.body += boost::json::serialize(presentable(error.stack_trace[i], longest_line));
    }
    failure.body += "]}";
    return failure;
}

BLUEPRINT_FAAS_DECL Error invalid_lambda_event(Error why) {
    why.platform_code = "Runtime.InvalidPayload";
    return why;
}

BLUEPRINT_FAAS_DECL Error too_large_for_lambda(std::size_t bytes, std::size_t most) {
    return Error{.code = errc::function_error,
                 .message = "the job's result of " + std::to_string(bytes) +
                            " bytes makes an answer of more than the " + std::to_string(most) +
                            " bytes that Lambda takes: give less at once, or let the caller read it as a stream",
                 .platform_code = "Function.ResponseSizeTooLarge",
                 .execution = Execution::started};
}

BLUEPRINT_FAAS_DECL result<std::string> write_lambda_answer(JobId id, const result<Bytes>& outcome,
                                                            std::chrono::milliseconds took,
                                                            std::optional<std::size_t> memory_mib,
                                                            std::size_t max_bytes, bool base64) {
    if (!outcome) return outcome.error();
    // What cannot fit is not written out first: it would be several times as long as the result.
    const auto least = base64 ? outcome->size() / 3 * 4 : outcome->size() * 2;
    if (least > max_bytes) return too_large_for_lambda(outcome->size(), max_bytes);
    auto text = write_exec_answer(id, outcome, took, memory_mib, SIZE_MAX, base64);
    text.pop_back();  // the end of its line
    if (text.size() > max_bytes) return too_large_for_lambda(outcome->size(), max_bytes);
    return text;
}

BLUEPRINT_FAAS_DECL std::string write_lambda_warm(JobId id, std::string_view instance, bool cold_start) {
    return "{\"job_id\":" + std::to_string(id.value()) + ",\"success\":true,\"warm\":true,\"instance\":" +
           boost::json::serialize(boost::json::string_view{instance.data(), instance.size()}) +
           ",\"cold_start\":" + (cold_start ? "true" : "false") + '}';
}

BLUEPRINT_FAAS_DECL std::string write_lambda_trailers(const LambdaFailure& failure) {
    return "Lambda-Runtime-Function-Error-Type: " + failure.type +
           "\r\nLambda-Runtime-Function-Error-Body: " + base64_encode(bytes_of(failure.body)) + "\r\n";
}

}  // namespace blueprint::faas::detail

#endif
