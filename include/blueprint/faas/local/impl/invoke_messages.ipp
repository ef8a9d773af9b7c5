#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_INVOKE_MESSAGES_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_INVOKE_MESSAGES_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/json_bytes.hpp"
#include "blueprint/faas/local/impl/custom_messages.ipp"
#include "blueprint/faas/local/invoke_messages.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace blueprint::faas::local {

/// Reads JSON as our own programs write it, without white space, from left to right. Whoever writes it otherwise is
/// read by the parser: what is refused here is not wrong, only unusual.
class PlainJson {
public:
    explicit PlainJson(std::string_view text) : rest_{text} {}

    bool literal(std::string_view expected) noexcept {
        if (rest_.substr(0, expected.size()) != expected) return false;
        rest_.remove_prefix(expected.size());
        return true;
    }
    std::optional<std::uint64_t> number() noexcept {
        std::uint64_t value = 0;
        const auto [end, failed] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
        const auto size = static_cast<std::size_t>(end - rest_.data());
        if (failed != std::errc{} || (size > 1 && rest_.front() == '0')) return std::nullopt;
        rest_.remove_prefix(size);
        return value;
    }
    /// An array of integers from 0 to 255; empty if it is not one.
    std::string_view bytes() noexcept {
        const auto digit = [](char c) { return c >= '0' && c <= '9'; };
        const char* const begin = rest_.data();
        const char* const end = begin + rest_.size();
        const char* at = begin;
        if (at == end || *at++ != '[') return {};
        if (at != end && *at == ']') return taken(at + 1);
        while (at != end && digit(*at)) {
            const char* const first = at;
            unsigned value = 0;
            for (; at != end && digit(*at) && at - first < 4; ++at)
                value = value * 10 + static_cast<unsigned>(*at - '0');
            if (value > 255 || at - first > 3 || (at - first > 1 && *first == '0') || at == end) return {};
            if (*at == ']') return taken(at + 1);
            if (*at++ != ',') return {};
        }
        return {};
    }
    std::string_view rest() const noexcept { return rest_; }

private:
    std::string_view taken(const char* end) noexcept {
        const auto size = static_cast<std::size_t>(end - rest_.data());
        const auto text = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return text;
    }

    std::string_view rest_;
};

/// Tells whether `list`, a header field with tokens between commas, has `token`; parameters behind it do not matter.
inline bool lists_token(std::string_view list, std::string_view token) noexcept {
    while (!list.empty()) {
        auto one = list.substr(0, list.find(','));
        list.remove_prefix(std::min(one.size() + 1, list.size()));
        one = one.substr(0, one.find(';'));
        while (!one.empty() && (one.front() == ' ' || one.front() == '\t')) one.remove_prefix(1);
        while (!one.empty() && (one.back() == ' ' || one.back() == '\t')) one.remove_suffix(1);
        if (faas::detail::iequals(one, token)) return true;
    }
    return false;
}

BLUEPRINT_FAAS_DECL result<InvokeRequest> read_invoke_head(const ServerRequest& head, bool strict_1_0) {
    InvokeRequest call;
    const auto type = media_type(head);
    if (head.field("content-encoding"))
        return refusal(415, "UNSUPPORTED_MEDIA", "the body must come without Content-Encoding");
    if (!strict_1_0 && faas::detail::iequals(type, "application/octet-stream")) {
        const auto job_id = read_number(head.field("x-blueprint-job-id").value_or(""));
        if (!job_id || *job_id > 0xffffffffU)
            return bad_request("a binary call needs X-Blueprint-Job-Id: an integer from 0 to 4294967295");
        call.job_id = static_cast<std::uint32_t>(*job_id);
        call.binary = true;
    } else if (!faas::detail::iequals(type, "application/json")) {
        return refusal(415, "UNSUPPORTED_MEDIA",
                       strict_1_0 ? "a call must be application/json"
                                  : "a call must be application/json or application/octet-stream");
    }
    if (const auto text = head.field("x-blueprint-timeout-ms")) {
        const auto timeout = read_number(*text);
        if (!timeout || *timeout == 0) return bad_request("X-Blueprint-Timeout-Ms must be a positive integer");
        call.timeout = std::chrono::milliseconds{std::min<std::uint64_t>(*timeout, 900'000)};
    }
    if (strict_1_0) return call;
    call.base64 = faas::detail::iequals(head.field("x-blueprint-bytes").value_or(""), "base64");
    call.respond_async = lists_token(head.field("prefer").value_or(""), "respond-async");
    if (const auto key = head.field("idempotency-key")) {
        const auto plain = plain_text(key, 255);
        if (!plain) return bad_request("Idempotency-Key must be 1 to 255 printable characters");
        call.idempotency_key = *plain;
    }
    return call;
}

/// Reads `{"job_id":0,"args":[1,2,3]}` written without white space in this order. False says nothing but "not so".
inline bool read_plain_call(std::string_view body, InvokeRequest& call) noexcept {
    PlainJson json{body};
    if (!json.literal("{\"job_id\":")) return false;
    const auto job_id = json.number();
    if (!job_id || *job_id > 0xffffffffU || !json.literal(",\"args\":")) return false;
    const auto args = json.bytes();
    if (args.empty() || !json.literal("}") || json.rest().find_first_not_of(" \t\r\n") != std::string_view::npos)
        return false;
    call.job_id = static_cast<std::uint32_t>(*job_id);
    call.args.text = args;
    return true;
}

BLUEPRINT_FAAS_DECL result<InvokeRequest> read_invoke_request(ServerRequest& request, bool strict_1_0) {
    auto head = read_invoke_head(request, strict_1_0);
    if (!head) return head;
    InvokeRequest call = std::move(*head);
    if (call.binary) {
        call.args.bytes = std::move(request.body);
        return call;
    }
    const auto body = faas::detail::text_of(request.body);
    if (read_plain_call(body, call)) return call;
    std::optional<Bytes> args;
    const auto json = faas::detail::parse_object_with_bytes(body, "args", args);
    if (!json) return bad_request("the call cannot be read: " + json.error().message);
    if (!args) return bad_request("the call has no args: an array of integers 0 to 255, or a Base64 string");
    const auto* job_id = json->if_contains("job_id");
    const auto number = job_id != nullptr ? read_number(*job_id) : std::nullopt;
    if (!number || *number > 0xffffffffU) return bad_request("job_id must be an integer from 0 to 4294967295");
    call.job_id = static_cast<std::uint32_t>(*number);
    call.args.bytes = std::move(*args);
    return call;
}

/// The bytes themselves; `room` holds them if they were text.
inline const Bytes& decoded(const CallBytes& from, Bytes& room) {
    if (from.text.empty()) return from.bytes;
    static_cast<void>(faas::detail::read_json_bytes(from.text, room));  // it was checked when it came
    return room;
}

inline void append_numbers(std::string& out, const CallBytes& from) {
    if (from.text.empty())
        faas::detail::append_json_bytes(out, from.bytes);
    else
        out += from.text;
}

BLUEPRINT_FAAS_DECL faas::detail::Sha256Digest call_digest(const InvokeRequest& call) {
    Bytes room;
    const auto id = std::to_string(call.job_id) + ':';
    faas::detail::Sha256 hash;
    hash.update(faas::detail::bytes_of(id));
    hash.update(decoded(call.args, room));
    return hash.finish();
}

/// Appends printable ASCII as a JSON string.
inline void append_json_text(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    out += '"';
}

BLUEPRINT_FAAS_DECL std::string function_input(const InvokeRequest& call, const ServerRequest& request,
                                               std::chrono::system_clock::time_point deadline, bool strict_1_0) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(deadline.time_since_epoch()).count();
    std::string text;
    text.reserve(call.args.text.size() + 256);
    text.append("{\"job_id\":").append(std::to_string(call.job_id)).append(",\"args\":");
    append_numbers(text, call.args);
    text.append(",\"context\":{\"deadline_ms\":").append(std::to_string(ms));
    if (const auto trace = plain_text(request.field("traceparent"), 256)) {
        text.append(",\"traceparent\":");
        append_json_text(text, *trace);
    }
    if (const auto trace = plain_text(request.field("tracestate"), 512)) {
        text.append(",\"tracestate\":");
        append_json_text(text, *trace);
    }
    if (const auto id = plain_text(request.field("x-request-id"), 256)) {
        text.append(",\"request_id\":");
        append_json_text(text, *id);
    }
    if (!strict_1_0 && (call.base64 || call.binary)) text.append(",\"bytes\":\"base64\"");
    text.append("}}\n");
    return text;
}

/// Makes text for a JSON answer of what a program wrote: what is not UTF-8 becomes '?'.
inline std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const auto lead = static_cast<unsigned char>(text[at]);
        const std::size_t length = lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        bool valid = lead < 0x80 || (lead >= 0xc2 && lead <= 0xf4 && at + length <= text.size());
        for (std::size_t i = 1; valid && i < length; ++i)
            valid = (static_cast<unsigned char>(text[at + i]) & 0xc0) == 0x80;
        if (valid && length > 2) {  // overlong forms, surrogates, and what is beyond Unicode
            const auto second = static_cast<unsigned char>(text[at + 1]);
            valid = !(lead == 0xe0 && second < 0xa0) && !(lead == 0xed && second > 0x9f) &&
                    !(lead == 0xf0 && second < 0x90) && !(lead == 0xf4 && second > 0x8f);
        }
        out.append(valid ? text.substr(at, length) : std::string_view{"?"});
        at += valid ? length : 1;
    }
    return out;
}

inline std::int64_t rounded_up_ms(std::chrono::microseconds time) noexcept {
    return std::chrono::ceil<std::chrono::milliseconds>(time).count();
}

/// A call that did not give bytes: what went wrong, and what is known of it.
struct InvokeFailure {
    unsigned status = 500;
    std::string code = "EXECUTION_ERROR";
    std::string message{};
};

/// What the end of the process says, whatever it wrote.
inline std::optional<InvokeFailure> read_process_end(const InvokeRequest& call, const ProcessOutcome& process,
                                                     std::chrono::seconds limit) {
    const auto failed = [](std::string message) { return InvokeFailure{.message = std::move(message)}; };
    switch (process.end) {
        case ProcessEnd::timed_out: {
            std::string message = "the function was ended after ";
            if (call.timeout && *call.timeout < limit)
                message += "the caller's " + std::to_string(call.timeout->count()) + " ms";
            else
                message += "its timeout of " + std::to_string(limit.count()) + " s";
            return InvokeFailure{.status = 504, .code = "TIMEOUT", .message = std::move(message)};
        }
        case ProcessEnd::stopped:
            return InvokeFailure{.status = 503, .code = "UNAVAILABLE", .message = "the platform is being stopped"};
        case ProcessEnd::too_much_output: return failed("the function wrote more than is allowed and was ended");
        case ProcessEnd::signalled: {
            const char* const name = ::strsignal(process.status);
            return failed("the function was ended by signal " + std::to_string(process.status) +
                          (name != nullptr ? " (" + std::string{name} + ")" : ""));
        }
        case ProcessEnd::exited: break;
    }
    if (process.status != 0) return failed("the function ended with status " + std::to_string(process.status));
    if (process.output.find_first_not_of(" \t\r\n") == std::string::npos)
        return failed("the function wrote nothing; it must write one JSON object");
    return std::nullopt;
}

/// The function's own word that it failed.
inline InvokeFailure read_reported_failure(const boost::json::object& json) {
    InvokeFailure failure{.message = "the function reported failure without saying why"};
    if (const auto* text = json.if_contains("error"); text != nullptr && text->is_string())
        failure.message.assign(text->get_string().data(), std::min<std::size_t>(text->get_string().size(), 4096));
    failure.message = printable(failure.message);
    if (const auto* code = json.if_contains("code"); code != nullptr && code->is_string())
        if (const auto plain = plain_text(std::string_view{code->get_string().data(), code->get_string().size()}, 64))
            failure.code = *plain;
    return failure;
}

/// Reads an answer of whatever form.
inline std::optional<InvokeFailure> read_function_answer(const InvokeRequest& call, InvokeOutcome& outcome) {
    const auto failed = [&](std::string message) {
        outcome.in_step = false;
        return InvokeFailure{.message = std::move(message)};
    };
    std::optional<Bytes> result_bytes;
    const auto json = faas::detail::parse_object_with_bytes(outcome.output, "result", result_bytes);
    if (!json) return failed("the function's answer cannot be read: " + json.error().message);
    // A function that ended too fast to be looked at knows itself what it needed.
    if (const auto* memory = json->if_contains("memory_used_mb"); memory != nullptr && !outcome.memory_mib) {
        if (const auto number = read_number(*memory); number && *number > 0 && *number <= 1U << 20U)
            outcome.memory_mib = static_cast<std::uint32_t>(*number);
    }
    if (const auto* id = json->if_contains("job_id")) {
        if (const auto number = read_number(*id); !number || *number != call.job_id)
            return failed("the function answered for another job than it was called for");
    }
    if (const auto* success = json->if_contains("success")) {
        if (!success->is_bool()) return failed("the function's answer has a success that is neither true nor false");
        if (!success->get_bool()) return read_reported_failure(*json);
    }
    if (!result_bytes) return failed("the function's answer has no result");
    outcome.result.bytes = std::move(*result_bytes);
    return std::nullopt;
}

/// Reads `{"job_id":0,"result":[25],"success":true,"execution_ms":1,"memory_used_mb":3}` as `serve` writes it.
inline bool read_plain_answer(const InvokeRequest& call, InvokeOutcome& outcome) {
    PlainJson json{outcome.output};
    if (!json.literal("{")) return false;
    if (json.literal("\"job_id\":")) {
        const auto job_id = json.number();
        if (!job_id || *job_id != call.job_id || !json.literal(",")) return false;
    }
    if (!json.literal("\"result\":")) return false;
    const auto result = json.bytes();
    if (result.empty()) return false;
    if (json.literal(",\"success\":true") && json.literal(",\"execution_ms\":") && !json.number()) return false;
    std::optional<std::uint64_t> memory;
    if (json.literal(",\"memory_used_mb\":") && !(memory = json.number())) return false;
    if (!json.literal("}") || json.rest().find_first_not_of(" \t\r\n") != std::string_view::npos) return false;
    if (memory && !outcome.memory_mib && *memory > 0 && *memory <= 1U << 20U)
        outcome.memory_mib = static_cast<std::uint32_t>(*memory);
    outcome.result.text = result;
    return true;
}

inline ServerAnswer failure_answer(const std::string& function_id, const InvokeFailure& failure,
                                   const ProcessOutcome& process, const InvokeOutcome& outcome, bool strict_1_0) {
    boost::json::object details{{"function_id", function_id}};
    if (process.end == ProcessEnd::exited) details["exit_status"] = process.status;
    if (process.end == ProcessEnd::signalled) details["signal"] = process.status;
    constexpr std::size_t most_log = 4096;
    if (!process.log_tail.empty()) {
        const std::string_view tail = process.log_tail;
        details["stderr"] = printable(tail.substr(tail.size() - std::min(tail.size(), most_log)));
    }
    boost::json::object content{{"error", failure.message},   {"code", failure.code},
                                {"function_id", function_id}, {"details", std::move(details)},
                                {"job_id", outcome.job_id},   {"execution_ms", outcome.execution_ms}};
    if (failure.status == 500) content["success"] = false;  // in a 504 it would look like the function's own word
    if (outcome.memory_mib) content["memory_used_mb"] = *outcome.memory_mib;
    if (!strict_1_0) content["cold_start"] = outcome.cold;
    return json_answer(failure.status, content);
}

BLUEPRINT_FAAS_DECL void read_outcome(const std::string& function_id, const InvokeRequest& call, ProcessOutcome process,
                                      std::chrono::seconds limit, bool strict_1_0, InvokeOutcome& outcome) {
    outcome.job_id = call.job_id;
    outcome.execution_ms = rounded_up_ms(process.duration);
    outcome.memory_mib = process.peak_memory_mib;
    outcome.began = !process.unread;
    auto failure = read_process_end(call, process, limit);
    outcome.in_step = !failure;
    if (!failure) {
        outcome.output = std::move(process.output);
        if (!read_plain_answer(call, outcome)) failure = read_function_answer(call, outcome);
    }
    if (!failure) return;
    outcome.failure = failure_answer(function_id, *failure, process, outcome, strict_1_0);
    outcome.output = std::string{};
}

BLUEPRINT_FAAS_DECL ServerAnswer invoke_answer(const std::string& function_id, const InvokeRequest& call,
                                               const InvokeOutcome& outcome, bool strict_1_0,
                                               const CloudLimits& limits) {
    if (outcome.failure) return *outcome.failure;
    Bytes room;
    ServerAnswer answer;
    auto& text = answer.body;
    if (call.binary) {
        answer.content_type = "application/octet-stream";
        answer.headers.emplace_back("X-Blueprint-Execution-Ms", std::to_string(outcome.execution_ms));
        if (outcome.memory_mib)
            answer.headers.emplace_back("X-Blueprint-Memory-Mb", std::to_string(*outcome.memory_mib));
        answer.headers.emplace_back("X-Blueprint-Cold-Start", outcome.cold ? "true" : "false");
        text = faas::detail::text_of(decoded(outcome.result, room));
    } else {
        text.reserve(outcome.result.text.size() + 128);
        text.append("{\"job_id\":").append(std::to_string(outcome.job_id)).append(",\"result\":");
        if (call.base64) {
            text += '"';
            faas::detail::append_base64(text, decoded(outcome.result, room));
            text += '"';
        } else {
            append_numbers(text, outcome.result);
        }
        text.append(",\"success\":true,\"execution_ms\":").append(std::to_string(outcome.execution_ms));
        if (outcome.memory_mib) text.append(",\"memory_used_mb\":").append(std::to_string(*outcome.memory_mib));
        if (!strict_1_0) text.append(",\"cold_start\":").append(outcome.cold ? "true" : "false");
        text += '}';
    }
    if (text.size() <= limits.answer_bytes) return answer;
    const InvokeFailure failure{.message = "the answer has " + std::to_string(text.size()) + " bytes; at most " +
                                           std::to_string(limits.answer_bytes) + " are sent"};
    return failure_answer(function_id, failure, {}, outcome, strict_1_0);
}

}  // namespace blueprint::faas::local

#endif
