#ifndef BLUEPRINT_FAAS_SERVE_IMPL_HTTP_MESSAGES_IPP
#define BLUEPRINT_FAAS_SERVE_IMPL_HTTP_MESSAGES_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/serve/http_messages.hpp"
#include "blueprint/faas/serve/impl/exec.ipp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace blueprint::faas::detail {

// Those that a job sees as metadata, under these names. The rest of its metadata is in X-Blueprint-Metadata.
inline constexpr std::array<std::string_view, 5> http_metadata_fields{"traceparent", "tracestate", "x-request-id",
                                                                      "idempotency-key", "x-cloud-trace-context"};

BLUEPRINT_FAAS_DECL std::string_view HttpReply::body() const noexcept {
    return text.empty() ? text_of(bytes) : std::string_view{text};
}

BLUEPRINT_FAAS_DECL bool is_http_call_field(std::string_view name) noexcept {
    const auto is = [name](std::string_view other) { return iequals(name, other); };
    return is("content-type") || is("x-azure-functions-invocationid") || is("content-encoding") ||
           is("transfer-encoding") || is("expect") ||
           (name.size() > 12 && iequals(name.substr(0, 12), "x-blueprint-")) ||
           std::any_of(http_metadata_fields.begin(), http_metadata_fields.end(), is);
}

BLUEPRINT_FAAS_DECL Error http_refusal(unsigned status, std::string_view code, std::string message) {
    return Error{.code = errc::invalid_configuration,
                 .message = std::move(message),
                 .http_status = status,
                 .platform_code = std::string{code},
                 .execution = Execution::not_started};
}

inline Error bad_http_call(std::string message) { return http_refusal(400, "BAD_REQUEST", std::move(message)); }

BLUEPRINT_FAAS_DECL Error http_call_too_late() {
    return http_refusal(504, "TIMEOUT",
                        "the call's time was over before its job could run: call again, or let more "
                        "calls run at once");
}

inline std::optional<std::uint64_t> read_http_number(std::string_view text) noexcept {
    std::uint64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) return std::nullopt;
    return number;
}

/// The caller's own id of the request; else that of Azure's host.
inline std::string http_request_id(const Headers& headers) {
    const auto id = headers.get("X-Request-Id");
    return std::string{id ? *id : headers.get("X-Azure-Functions-InvocationId").value_or("")};
}

inline result<void> read_http_metadata(const Headers& headers, Metadata& metadata) {
    for (const auto name : http_metadata_fields)
        if (const auto value = headers.get(name)) metadata.set(name, *value);
    if (const auto id = http_request_id(headers); !id.empty()) metadata.set("x-request-id", id);
    const auto packed = headers.get("X-Blueprint-Metadata");
    if (!packed) return {};
    const auto bytes = base64_decode(*packed);
    if (!bytes) return bad_http_call("X-Blueprint-Metadata is not standard Base64 with padding");
    const auto json = text_of(*bytes);
    boost::system::error_code failed;
    const auto parsed = boost::json::parse(boost::json::string_view{json.data(), json.size()}, failed);
    if (failed || !parsed.is_object()) return bad_http_call("X-Blueprint-Metadata holds no JSON object");
    for (const auto& [key, value] : parsed.get_object()) {
        const std::string_view name{key.data(), key.size()};
        if (!value.is_string()) return bad_http_call("X-Blueprint-Metadata: a value is no string");
        if (name.starts_with("blueprint-") || metadata.get(name)) continue;
        metadata.set(name, std::string_view{value.get_string().data(), value.get_string().size()});
    }
    return {};
}

inline result<void> read_http_format(const Headers& headers, HttpCall& call) {
    auto type = headers.get("Content-Type").value_or("");
    type = type.substr(0, type.find(';'));
    type = type.substr(0, type.find_last_not_of(" \t") + 1);
    if (headers.get("Content-Encoding"))
        return http_refusal(415, "UNSUPPORTED_MEDIA", "the body must come without Content-Encoding");
    call.binary = iequals(type, "application/octet-stream");
    if (!call.binary && !iequals(type, "application/json"))
        return http_refusal(415, "UNSUPPORTED_MEDIA",
                            "a call must be application/octet-stream or application/json: set Content-Type");
    if (const auto text = headers.get("X-Blueprint-Job-Id")) {
        const auto number = read_http_number(*text);
        if (!number || *number > 0xffffffffU)
            return bad_http_call("X-Blueprint-Job-Id is no integer from 0 to 4294967295");
        call.job_id = JobId{static_cast<std::uint32_t>(*number)};
    }
    if (call.binary && !call.job_id) return bad_http_call("a call of bare bytes needs X-Blueprint-Job-Id");
    call.request.base64 = iequals(headers.get("X-Blueprint-Bytes").value_or(""), "base64");
    return {};
}

BLUEPRINT_FAAS_DECL result<HttpCall> read_http_head(std::string_view method, const Headers& headers, SteadyTime now) {
    constexpr std::uint64_t longest_hold_ms = 10'000, longest_timeout_ms = 24ULL * 3'600'000;
    HttpCall call;
    call.request_id = http_request_id(headers);
    call.health = method == "GET" || method == "HEAD";
    if (call.health) return call;
    if (method != "POST")
        return http_refusal(405, "NOT_SUPPORTED", "a call is a POST; GET and HEAD ask for the health");
    if (const auto text = headers.get("X-Blueprint-Warm-Ms")) {
        const auto hold = read_http_number(*text);
        if (!hold) return bad_http_call("X-Blueprint-Warm-Ms is no number of milliseconds");
        call.hold = std::chrono::milliseconds{std::min(*hold, longest_hold_ms)};
        return call;
    }
    if (const auto format = read_http_format(headers, call); !format) return format.error();
    if (const auto text = headers.get("X-Blueprint-Timeout-Ms")) {
        const auto timeout = read_http_number(*text);
        if (!timeout || *timeout == 0) return bad_http_call("X-Blueprint-Timeout-Ms must be a positive integer");
        call.deadline = now + std::chrono::milliseconds{std::min(*timeout, longest_timeout_ms)};
    }
    if (const auto metadata = read_http_metadata(headers, call.request.call.metadata); !metadata)
        return metadata.error();
    return call;
}

inline result<void> read_http_json(HttpCall& call, std::chrono::system_clock::time_point today, SteadyTime now) {
    auto read = read_exec_request(text_of(call.body), today);
    if (!read) return bad_http_call(std::move(read).error().message);
    if (call.job_id && *call.job_id != read->call.job_id)
        return bad_http_call("X-Blueprint-Job-Id and the body's job_id differ");
    call.job_id = read->call.job_id;
    read->base64 = read->base64 || call.request.base64;
    // What a field says goes before what the body says of the same.
    for (const auto& [name, value] : call.request.call.metadata) read->call.metadata.set(name, value);
    if (read->call.timeout) call.deadline = std::min(call.deadline, now + *read->call.timeout);
    call.request = *std::move(read);
    call.body = {};
    return {};
}

BLUEPRINT_FAAS_DECL result<void> read_http_body(HttpCall& call, std::chrono::system_clock::time_point today,
                                                SteadyTime now) {
    auto& job = call.request.call;
    if (call.binary) {
        job.args = std::move(call.body);
        job.job_id = *call.job_id;
    } else if (const auto read = read_http_json(call, today, now); !read) {
        return read;
    }
    if (call.deadline == SteadyTime::max()) return {};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(call.deadline - now);
    if (left.count() <= 0) return http_call_too_late();
    job.timeout = left;
    return {};
}

inline std::string http_field(std::string_view name, std::string_view value) {
    return std::string{name}.append(": ").append(value).append("\r\n");
}

inline std::string http_json_type() { return http_field("Content-Type", "application/json"); }

// What every answer of this process to a call says.
inline std::string http_call_fields(const HttpInstance& instance, const HttpCall& call) {
    auto fields = http_field("X-Blueprint-Cold-Start", call.cold_start ? "true" : "false");
    if (call.cold_start && instance.init)
        fields += http_field("X-Blueprint-Init-Ms", std::to_string(instance.init->count()));
    fields += http_field("X-Blueprint-Instance", instance.id);
    if (!instance.revision.empty()) fields += http_field("X-Blueprint-Revision", instance.revision);
    if (!call.request_id.empty()) fields += http_field("X-Request-Id", call.request_id);
    return fields;
}

BLUEPRINT_FAAS_DECL HttpReply write_http_refusal(const Error& error, std::string_view request_id) {
    HttpReply reply{.status = error.http_status, .fields = http_json_type()};
    if (!request_id.empty()) reply.fields += http_field("X-Request-Id", request_id);
    if (error.http_status == 405) reply.fields += http_field("Allow", "GET, HEAD, POST");
    if (error.retry_after)
        reply.fields += http_field("Retry-After", std::to_string((error.retry_after->count() + 999) / 1000));
    reply.text = "{\"error\":" + boost::json::serialize(presentable(error.message, 1024)) +
                 ",\"code\":" + boost::json::serialize(error.platform_code) + "}\n";
    return reply;
}

BLUEPRINT_FAAS_DECL HttpReply write_http_answer(const HttpInstance& instance, const HttpCall& call,
                                                result<Bytes> outcome, std::chrono::milliseconds took,
                                                std::optional<std::size_t> memory_mib, std::size_t max_bytes) {
    HttpReply reply{.fields = http_field("X-Blueprint-Execution-Ms", std::to_string(took.count()))};
    if (memory_mib) reply.fields += http_field("X-Blueprint-Memory-Mb", std::to_string(*memory_mib));
    reply.fields += http_call_fields(instance, call);
    if (outcome && call.binary && outcome->size() <= max_bytes) {
        reply.fields += http_field("Content-Type", "application/octet-stream");
        reply.bytes = *std::move(outcome);
        return reply;
    }
    if (outcome && call.binary) {
        outcome =
            Error{.code = errc::function_error,
                  .message = "the job's result has " + std::to_string(outcome->size()) + " bytes, more than the " +
                             std::to_string(max_bytes) + " that can go back at once: give less",
                  .platform_code = "TOO_LARGE"};
    }
    reply.fields += http_json_type();
    reply.text = write_exec_answer(call.job_id, outcome, took, memory_mib, max_bytes, call.request.base64);
    // Also a result that was too large in the end has become a failure there; nothing else begins so.
    const auto head = "{\"job_id\":" + std::to_string(call.job_id->value()) + ",\"success\":false";
    if (reply.text.starts_with(head)) reply.status = 500;
    return reply;
}

BLUEPRINT_FAAS_DECL HttpReply write_http_warm(const HttpInstance& instance, const HttpCall& call) {
    HttpReply reply{.fields = http_json_type() + http_call_fields(instance, call)};
    reply.text = "{\"warm\":true,\"instance\":\"" + instance.id +
                 "\",\"cold_start\":" + (call.cold_start ? "true}\n" : "false}\n");
    return reply;
}

BLUEPRINT_FAAS_DECL HttpReply write_http_health(const HttpInstance& instance, const HttpCall& call,
                                                std::string_view more) {
    HttpReply reply{.fields = http_json_type()};
    if (!call.request_id.empty()) reply.fields += http_field("X-Request-Id", call.request_id);
    reply.text = "{\"status\":\"healthy\",\"instance\":\"" + instance.id +
                 "\",\"revision\":" + boost::json::serialize(instance.revision);
    reply.text.append(more).append("}\n");
    return reply;
}

inline std::string_view http_reason(unsigned status) noexcept {
    switch (status) {
        case 200: return "OK";
        case 400: return "Bad Request";
        case 405: return "Method Not Allowed";
        case 408: return "Request Timeout";
        case 413: return "Content Too Large";
        case 415: return "Unsupported Media Type";
        case 417: return "Expectation Failed";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 500: return "Internal Server Error";
        case 503: return "Service Unavailable";
        case 504: return "Gateway Timeout";
        default: return "";
    }
}

BLUEPRINT_FAAS_DECL std::string write_http_head(const HttpReply& reply, bool keep) {
    std::string head = "HTTP/1.1 " + std::to_string(reply.status) + ' ';
    head.append(http_reason(reply.status)).append("\r\n").append(reply.fields);
    head += http_field("Content-Length", std::to_string(reply.body().size()));
    head += http_field("Connection", keep ? "keep-alive" : "close");
    return head += "\r\n";
}

}  // namespace blueprint::faas::detail

#endif
