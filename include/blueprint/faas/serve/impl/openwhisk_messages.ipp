#ifndef BLUEPRINT_FAAS_SERVE_IMPL_OPENWHISK_MESSAGES_IPP
#define BLUEPRINT_FAAS_SERVE_IMPL_OPENWHISK_MESSAGES_IPP

#include "blueprint/faas/detail/impl/json_bytes.ipp"
#include "blueprint/faas/serve/impl/exec.ipp"
#include "blueprint/faas/serve/openwhisk_messages.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

namespace blueprint::faas::detail {

/// A line taken apart.
struct ActionLoopLine {
    std::string_view value{};     ///< the text of that member
    boost::json::object about{};  ///< the members beside it
};

/// Finds the member `value` of an object without building a tree of it, which may be large. What is malformed is left
/// to the parser, which sees both parts.
inline std::optional<std::string_view> find_action_loop_value(std::string_view line) {
    const char* const end = line.data() + line.size();
    const char* at = skip_json_space(line.data(), end);
    if (at == end || *at != '{') return std::nullopt;
    at = skip_json_space(at + 1, end);
    while (at != end && *at == '"') {
        const auto name = skip_json_string(at, end);
        const bool found = std::string_view{at, static_cast<std::size_t>(name.at - at)} == "\"value\"";
        at = skip_json_space(name.at, end);
        if (name.why != nullptr || at == end || *at != ':') return std::nullopt;
        at = skip_json_space(at + 1, end);
        const auto value = skip_json_value(at, end);
        if (value.why != nullptr) return std::nullopt;
        if (found) return std::string_view{at, static_cast<std::size_t>(value.at - at)};
        at = value.at;
        if (at == end || *at != ',') return std::nullopt;
        at = skip_json_space(at + 1, end);
    }
    return std::nullopt;
}

inline result<ActionLoopLine> take_action_loop_line_apart(std::string_view line) {
    const auto value = find_action_loop_value(line);
    if (!value) return bad_exec_request(R"(it is no line of JSON as {"value":{"job_id":0,"args":"AQI="}})");
    std::string about{line.substr(0, static_cast<std::size_t>(value->data() - line.data()))};
    about.append("null").append(value->data() + value->size(), line.data() + line.size());
    boost::json::parse_options options;
    options.max_depth = 32;
    boost::system::error_code failed;
    auto parsed = boost::json::parse(boost::json::string_view{about.data(), about.size()}, failed, {}, options);
    if (failed) return bad_exec_request("what stands beside its value is no JSON: " + failed.message());
    return ActionLoopLine{.value = *value, .about = std::move(parsed.as_object())};
}

inline std::optional<std::string_view> action_loop_text(const boost::json::object& from, std::string_view name) {
    const auto* text = from.if_contains(boost::json::string_view{name.data(), name.size()});
    if (text == nullptr || !text->is_string()) return std::nullopt;
    return std::string_view{text->get_string().data(), text->get_string().size()};
}

/// Reads what the platform says: a number, or a string with one. Anything else says nothing.
inline std::optional<std::int64_t> action_loop_deadline_ms(const boost::json::object& about) {
    const auto* deadline = about.if_contains("deadline");
    if (deadline != nullptr && deadline->is_int64()) return deadline->get_int64();
    const auto text = action_loop_text(about, "deadline").value_or("");
    std::int64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) return std::nullopt;
    return number;
}

inline result<void> read_action_loop_metadata(const boost::json::object& context, Metadata& metadata) {
    const auto* more = context.if_contains("metadata");
    if (more == nullptr || more->is_null()) return {};
    if (!more->is_object()) return bad_exec_request("context.metadata is not an object");
    for (const auto& [key, value] : more->get_object()) {
        const std::string_view name{key.data(), key.size()};
        if (!value.is_string()) return bad_exec_request("context.metadata: a value is not a string");
        if (name.starts_with("blueprint-") || metadata.get(name)) continue;
        metadata.set(name, std::string_view{value.get_string().data(), value.get_string().size()});
    }
    return {};
}

inline result<void> read_action_loop_context(const boost::json::object& value,
                                             std::chrono::system_clock::time_point now, JobCall& call) {
    constexpr std::int64_t longest_timeout_ms = 24LL * 3'600'000;
    if (const auto read = read_exec_context(value, now, call); !read) return read;
    const auto* found = value.if_contains("context");
    if (found == nullptr || found->is_null()) return {};
    const auto& context = found->get_object();
    if (const auto* timeout = context.if_contains("timeout_ms"); timeout != nullptr && !timeout->is_null()) {
        if (!timeout->is_int64()) return bad_exec_request("context.timeout_ms is not an integer");
        const std::chrono::milliseconds given{std::clamp<std::int64_t>(timeout->get_int64(), 0, longest_timeout_ms)};
        call.timeout = std::min(call.timeout.value_or(given), given);
    }
    return read_action_loop_metadata(context, call.metadata);
}

/// Puts what the platform says of the call beside what its caller says.
inline void add_action_loop_surroundings(const boost::json::object& about, std::chrono::system_clock::time_point now,
                                         JobCall& call) {
    const auto id = action_loop_text(about, "activation_id").value_or("");
    if (!id.empty() && !call.metadata.get("x-request-id")) call.metadata.set("x-request-id", id);
    const auto deadline = action_loop_deadline_ms(about);
    if (!deadline) return;
    const auto today = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
    const std::chrono::milliseconds left{
        std::max<std::int64_t>(std::clamp<std::int64_t>(*deadline, 0, INT64_MAX / 2) - today, 0)};
    call.timeout = std::min(call.timeout.value_or(left), left);
}

/// Reads a call that is for this library and no job: false if it is none.
inline result<bool> read_action_loop_mark(const boost::json::object& value, ActionLoopCall& call) {
    constexpr std::int64_t longest_hold_ms = 10'000;
    if (!value.contains("blueprint")) return false;
    const auto what = action_loop_text(value, "blueprint").value_or("");
    if (what == "health") {
        call.kind = ActionLoopCall::Kind::health;
        return true;
    }
    if (what != "warm") return bad_exec_request("blueprint is neither \"warm\" nor \"health\"");
    call.kind = ActionLoopCall::Kind::warm;
    const auto* hold = value.if_contains("hold_ms");
    if (hold == nullptr) return true;
    if (!hold->is_int64()) return bad_exec_request("hold_ms is not an integer");
    call.hold = std::chrono::milliseconds{std::clamp<std::int64_t>(hold->get_int64(), 0, longest_hold_ms)};
    return true;
}

BLUEPRINT_FAAS_DECL result<void> read_action_loop_call(std::string_view line, std::chrono::system_clock::time_point now,
                                                       ActionLoopCall& call) {
    const auto apart = take_action_loop_line_apart(line);
    if (!apart) return apart.error();
    std::optional<Bytes> args;
    const auto value = parse_object_with_bytes(apart->value, "args", args);
    if (!value) return bad_exec_request(value.error().message);
    const auto mark = read_action_loop_mark(*value, call);
    if (!mark) return mark.error();
    if (*mark) return {};
    const auto id = read_exec_job_id(*value);
    if (!id) return id.error();
    call.job_id = call.call.job_id = *id;
    if (!args) return bad_exec_request("args is missing");
    call.call.args = *std::move(args);
    if (const auto read = read_action_loop_context(*value, now, call.call); !read) return read;
    add_action_loop_surroundings(apart->about, now, call.call);
    if (!call.call.timeout || call.call.timeout->count() > 0) return {};
    return Error{.code = errc::timed_out,
                 .message = "the call's time was over before its job could run: call again, with more time",
                 .execution = Execution::not_started};
}

BLUEPRINT_FAAS_DECL std::string write_action_loop_answer(std::optional<JobId> id, const result<Bytes>& outcome,
                                                         std::optional<std::chrono::milliseconds> took,
                                                         std::optional<std::size_t> memory_mib, std::size_t max_bytes) {
    static constexpr std::string_view failed = "\"success\":false", begin = "{\"error\":";
    auto line = write_exec_answer(id, outcome, took, memory_mib, max_bytes, true);
    // Where the word stands if there is one: before it is nothing but the job's number.
    if (line.compare(id ? line.find(',') + 1 : 1, failed.size(), failed) != 0) return line;
    line.insert(0, begin).insert(line.size() - 1, 1, '}');
    return line;
}

BLUEPRINT_FAAS_DECL std::string write_action_loop_warm(std::string_view instance) {
    return std::string{R"({"blueprint":"warm","instance":")"}.append(instance).append("\"}\n");
}

BLUEPRINT_FAAS_DECL std::string write_action_loop_health(std::string_view instance) {
    return std::string{R"({"blueprint":"health","status":"healthy","instance":")"}.append(instance).append("\"}\n");
}

}  // namespace blueprint::faas::detail

#endif
