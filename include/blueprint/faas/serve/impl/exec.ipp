#ifndef BLUEPRINT_FAAS_SERVE_IMPL_EXEC_IPP
#define BLUEPRINT_FAAS_SERVE_IMPL_EXEC_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/json_bytes.hpp"
#include "blueprint/faas/detail/utf8.hpp"
#include "blueprint/faas/serve/exec.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <cstdint>

namespace blueprint::faas::detail {

inline Error bad_exec_request(std::string why) {
    return Error{.code = errc::serialization,
                 .message = "the call cannot be read: " + std::move(why),
                 .execution = Execution::not_started};
}

inline result<JobId> read_exec_job_id(const boost::json::object& request) {
    const auto* id = request.if_contains("job_id");
    if (id == nullptr) return bad_exec_request("job_id is missing");
    const auto checked = id->is_int64()    ? JobId::from(id->get_int64())
                         : id->is_uint64() ? JobId::from(id->get_uint64())
                                           : result<JobId>{bad_exec_request("job_id is not an integer")};
    if (!checked) return bad_exec_request(checked.error().message);
    return *checked;
}

inline result<void> read_exec_context(const boost::json::object& request, std::chrono::system_clock::time_point now,
                                      JobCall& call) {
    const auto* context = request.if_contains("context");
    if (context == nullptr || context->is_null()) return {};
    if (!context->is_object()) return bad_exec_request("context is not an object");
    struct Name {
        const char* json;
        const char* metadata;
    };
    static constexpr std::array<Name, 3> names{
        {{"traceparent", "traceparent"}, {"tracestate", "tracestate"}, {"request_id", "x-request-id"}}};
    for (const auto& [json, metadata] : names) {
        const auto* text = context->get_object().if_contains(json);
        if (text == nullptr || text->is_null()) continue;
        if (!text->is_string()) return bad_exec_request(std::string{"context."} + json + " is not a string");
        call.metadata.set(metadata, std::string_view{text->get_string().data(), text->get_string().size()});
    }
    const auto* deadline = context->get_object().if_contains("deadline_ms");
    if (deadline == nullptr || deadline->is_null()) return {};
    if (!deadline->is_int64()) return bad_exec_request("context.deadline_ms is not an integer");
    const auto today = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
    const auto at = std::clamp<std::int64_t>(deadline->get_int64(), 0, INT64_MAX / 2);
    call.timeout = std::chrono::milliseconds{std::max<std::int64_t>(at - today, 0)};
    return {};
}

/// Tells whether the arguments came as a string. In JSON no text can look like the member's name: quotes inside a text
/// have a backslash.
inline bool has_text_args(std::string_view text) noexcept {
    constexpr std::string_view name = "\"args\"";
    for (auto at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
        auto rest = text.substr(at + name.size());
        const auto skip = [&rest] { rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size())); };
        skip();
        if (rest.substr(0, 1) != ":") continue;
        rest.remove_prefix(1);
        skip();
        return rest.substr(0, 1) == "\"";
    }
    return false;
}

inline bool reads_base64(const boost::json::object& request) {
    const auto* context = request.if_contains("context");
    if (context == nullptr || !context->is_object()) return false;
    const auto* bytes = context->get_object().if_contains("bytes");
    return bytes != nullptr && bytes->is_string() && bytes->get_string() == "base64";
}

BLUEPRINT_FAAS_DECL result<ExecRequest> read_exec_request(std::string_view text,
                                                          std::chrono::system_clock::time_point now) {
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos)
        return bad_exec_request(R"(there is none: {"job_id":0,"args":[1,2,3]} is expected)");
    std::optional<Bytes> args;
    const auto request = parse_object_with_bytes(text, "args", args);
    if (!request) return bad_exec_request(request.error().message);
    ExecRequest read;
    auto& call = read.call;
    const auto id = read_exec_job_id(*request);
    if (!id) return id.error();
    call.job_id = *id;
    if (!args) return bad_exec_request("args is missing");
    call.args = *std::move(args);
    if (const auto context = read_exec_context(*request, now, call); !context) return context.error();
    read.base64 = reads_base64(*request) || has_text_args(text);
    return read;
}

BLUEPRINT_FAAS_DECL std::string presentable(std::string_view text, std::size_t limit) {
    std::string out;
    while (!text.empty()) {
        const auto length = utf8_length(text);
        if (out.size() + std::max<std::size_t>(length, 1) > limit) return out + "...";
        if (length == 0)
            out += '?';
        else
            out += text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

inline std::string_view exec_error_code(const Error& error) noexcept {
    if (!error.platform_code.empty()) return error.platform_code;
    if (error.code == errc::not_found) return "NOT_FOUND";
    if (error.code == errc::serialization) return "BAD_REQUEST";
    if (error.code == errc::invalid_configuration) return "BAD_REQUEST";
    if (error.code == errc::timed_out) return "TIMEOUT";
    if (error.code == errc::throttled) return "THROTTLED";
    return "FUNCTION_ERROR";
}

BLUEPRINT_FAAS_DECL std::string write_exec_answer(std::optional<JobId> id, const result<Bytes>& outcome,
                                                  std::optional<std::chrono::milliseconds> took,
                                                  std::optional<std::size_t> memory_mib, std::size_t max_bytes,
                                                  bool base64) {
    constexpr std::size_t longest_error = 8U << 10;
    std::string out = "{";
    if (id) out += "\"job_id\":" + std::to_string(id->value()) + ',';
    const auto head = out.size();
    const auto finish = [&] {
        if (took) out += ",\"execution_ms\":" + std::to_string(took->count());
        if (memory_mib) out += ",\"memory_used_mb\":" + std::to_string(*memory_mib);
        out += "}\n";
    };
    const auto fail = [&](const Error& error) {
        out.resize(head);
        out += "\"success\":false,\"error\":" + boost::json::serialize(presentable(error.message, longest_error)) +
               ",\"code\":" + boost::json::serialize(presentable(exec_error_code(error), 64));
        finish();
    };
    if (!outcome) {
        fail(outcome.error());
        return out;
    }
    out += "\"result\":";
    if (base64) {
        out.reserve(out.size() + (outcome->size() + 2) / 3 * 4 + 96);  // also for what follows
        out += '"';
        append_base64(out, *outcome);
        out += '"';
    } else {
        append_json_bytes(out, *outcome);
    }
    out += ",\"success\":true";
    finish();
    if (out.size() > max_bytes) {
        fail(Error{.code = errc::function_error,
                   .message = "the job's result of " + std::to_string(outcome->size()) + " bytes makes an answer of " +
                              std::to_string(out.size()) + " bytes, more than the " + std::to_string(max_bytes) +
                              " that the platform takes: give less at once",
                   .platform_code = "TOO_LARGE"});
    }
    return out;
}

}  // namespace blueprint::faas::detail

#endif
