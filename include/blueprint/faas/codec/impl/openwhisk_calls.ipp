#ifndef BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_CALLS_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_CALLS_IPP

#include "blueprint/faas/codec/impl/answer_reading.hpp"
#include "blueprint/faas/codec/impl/call_answer.hpp"
#include "blueprint/faas/codec/impl/json_text.hpp"
#include "blueprint/faas/codec/impl/json_walk.hpp"
#include "blueprint/faas/codec/openwhisk_calls.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/json_bytes.hpp"
#include "blueprint/faas/detail/retry_after.hpp"
#include "blueprint/faas/detail/utf8.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

namespace blueprint::faas::detail {

namespace openwhisk_calls {

using answer_reading::CallAnswer;
using answer_reading::for_people;
using answer_reading::job_text;
using answer_reading::number_member;
using answer_reading::numbers_in;
using answer_reading::parse_object;
using answer_reading::plain_body_text;
using answer_reading::refused;
using answer_reading::text_member;
using answer_reading::UsualAnswer;
using json_text::append_member;
using json_text::append_number;
using json_text::append_text;
namespace json = boost::json;

// What of a call's metadata has a member of its own in the context.
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 3> own_members{
    {{"traceparent", "traceparent"}, {"tracestate", "tracestate"}, {"x-request-id", "request_id"}}};

inline std::string_view own_member(std::string_view metadata) noexcept {
    for (const auto& [name, member] : own_members)
        if (name == metadata) return member;
    return {};
}

inline void append_context(std::string& out, const JobCall& call, Deadline deadline, Moment now) {
    static constexpr std::string_view begin = ",\"context\":{";
    const auto before = out.size();
    out += begin;
    if (deadline != Deadline::max()) {
        out += "\"timeout_ms\":";
        append_number(out, std::max<std::int64_t>(1, time_left(deadline, now).count()));
    }
    bool others = false;
    for (const auto& [name, value] : call.metadata) {
        const auto own = own_member(name);
        if (!own.empty()) append_member(out, own, value);
        // Names that begin so are ours: what a caller's metadata says must not turn its job into something else.
        others = others || (own.empty() && !name.starts_with("blueprint-"));
    }
    if (others) {
        out += out.size() == before + begin.size() ? "\"metadata\":{" : ",\"metadata\":{";
        for (const auto& [name, value] : call.metadata)
            if (own_member(name).empty() && !name.starts_with("blueprint-")) append_member(out, name, value);
        out += '}';
    }
    if (out.size() == before + begin.size())
        out.resize(before);
    else
        out += '}';
}

inline FaasMetrics read_metrics(const OpenWhiskActivation& record, const CallAnswer& told, const HttpResponse& answer,
                                bool log_tail) {
    using std::chrono::milliseconds;
    FaasMetrics metrics;
    metrics.request_id = record.id;
    metrics.executed_version = record.version;
    metrics.connection_reused = answer.connection_reused;
    metrics.memory_used_mib = told.memory_used_mb;
    metrics.memory_limit_mib = record.memory_limit_mib;
    metrics.queue_duration = record.wait_time;
    metrics.init_duration = record.init_time;
    // The platform writes the annotation if it had to start an instance, and then only.
    if (!record.annotations.empty()) metrics.cold_start = record.init_time.has_value();
    if (told.execution_ms)
        metrics.execution_duration = milliseconds{*told.execution_ms};
    else if (record.duration && *record.duration >= record.init_time.value_or(milliseconds{}))
        metrics.execution_duration = *record.duration - record.init_time.value_or(milliseconds{});
    // DigitalOcean tells what it bills as GiB times seconds: divided by the GiB that the action has, which it tells
    // too, that is the time, in another unit and not by another rule.
    if (record.gib_seconds && record.memory_limit_mib.value_or(0) != 0) {
        const auto billed = *record.gib_seconds * 1024 / *record.memory_limit_mib * 1000;
        if (billed < 1e12) metrics.billed_duration = milliseconds{std::llround(billed)};
    }
    if (log_tail && !record.logs.empty()) metrics.log_tail = openwhisk_log_tail(record.logs);
    return metrics;
}

BLUEPRINT_FAAS_COLD inline std::string activation_text(std::string_view id) { return "activation " + for_people(id); }

// The words that the platform itself writes as the result of what it could not bring to an end.
// Source: Apache OpenWhisk, common/scala/.../http/ErrorResponse.scala, `Messages`; the runtimes' proxies.
BLUEPRINT_FAAS_COLD inline bool begins_with_any(std::string_view text, std::initializer_list<std::string_view> starts) {
    return std::any_of(starts.begin(), starts.end(), [&](std::string_view start) { return text.starts_with(start); });
}
BLUEPRINT_FAAS_COLD inline bool did_not_start(std::string_view text) {
    return begins_with_any(
        text, {"The action did not initialize", "The action failed during initialization", "Initialization has failed",
               "Cannot start action", "Cannot initialize action", "Failed to pull container image"});
}
BLUEPRINT_FAAS_COLD inline bool was_not_begun(std::string_view text) {
    return begins_with_any(text, {"Failed to provision resources", "Action could not be f", "Action version is not",
                                  "The action was not invoked", "Action limit exceeded", "The namespace limit is"});
}

struct Meaning {
    errc code{};
    bool retryable = false;
    Execution execution = Execution::unknown;
    std::string_view advice{};
};

BLUEPRINT_FAAS_COLD inline Meaning application_meaning(std::string_view text, std::string_view code) {
    if (code == "NOT_FOUND")
        return {errc::not_found, false, Execution::not_started, "; deploy a program that has the job"};
    if (code == "TIMEOUT")
        return {errc::timed_out, false, Execution::started,
                "; give the call or the function a longer timeout, or the job less to do"};
    if (text.starts_with("The action produced a response that exceeded"))
        return {errc::function_error, false, Execution::started,
                "; OpenWhisk takes results of 1 MiB, as they are written: give less, or the place where the rest is"};
    return {errc::function_error, false, Execution::started, ""};
}
BLUEPRINT_FAAS_COLD inline Meaning developer_meaning(std::string_view text, bool timed_out) {
    if (timed_out || text.starts_with("The action exceeded its time limits")) {
        if (text.find("during initialization") != std::string_view::npos)
            return {errc::timed_out, false, Execution::not_started,
                    "; the program was not ready in time: give the function a longer timeout (FaasConfig::timeout), or "
                    "the program less to do before it serves"};
        return {errc::timed_out, false, Execution::started,
                "; give the function a longer timeout (FaasConfig::timeout), or the job less to do"};
    }
    if (did_not_start(text))
        return {
            errc::invocation_failed, false, Execution::not_started,
            "; the program could not be started: see the activation's log. Where it is the program of an ActionLoop "
            "runtime, OpenWhiskActionOptions::exec_env must be what that runtime wants; else check that it is built "
            "for x86-64 and needs no libraries that the runtime lacks"};
    if (text.starts_with("The action exhausted its memory"))
        return {errc::function_error, false, Execution::started, "; give the function more memory_mib"};
    return {errc::function_error, false, Execution::started,
            "; the program ended before it answered, or gave no proper answer: see the activation's log"};
}
BLUEPRINT_FAAS_COLD inline Meaning internal_meaning(std::string_view text) {
    return {errc::infrastructure, true, was_not_begun(text) ? Execution::not_started : Execution::unknown,
            "; that is the platform's own failure: try again"};
}

// The failure that a record tells of, whose status is not `success`.
BLUEPRINT_FAAS_COLD inline Error record_failure(const OpenWhiskActivation& record, const HttpResponse& answer,
                                                bool log_tail) {
    std::string text, code, word;
    auto result = parse_object(record.result);
    if (result) {
        // A function may put all it has to say into `error`, which is what OpenWhisk keeps of it.
        if (const auto* inner = answer_reading::object_member(*result, "error")) {
            json::object all = *inner;
            *result = std::move(all);
        }
        const auto* told = result->if_contains("error");
        if (told != nullptr && told->is_string())
            text = for_people(told->get_string());
        else
            text = for_people(json::serialize(told != nullptr ? *told : json::value{*result}));
        code = for_people(text_member(*result, "code"));
    } else {
        text = for_people(record.result);
    }
    Meaning meaning;
    std::string lead;
    switch (*record.status) {
        case OpenWhiskStatus::application_error:
            meaning = application_meaning(text, code);
            lead = "the job failed";
            word = "application error";
            break;
        case OpenWhiskStatus::developer_error:
            meaning = developer_meaning(text, record.timed_out);
            lead = "the function failed";
            word = "action developer error";
            break;
        case OpenWhiskStatus::internal_error:
            meaning = internal_meaning(text);
            lead = "the platform failed";
            word = "whisk internal error";
            break;
        case OpenWhiskStatus::success:
        case OpenWhiskStatus::other:
            meaning = {errc::serialization, false, Execution::unknown,
                       "; the record has a status that OpenWhisk does not have"};
            lead = "the function may have failed";
            break;
    }
    auto metrics = read_metrics(record, result ? numbers_in(*result) : CallAnswer{}, answer, log_tail);
    Error error{.code = meaning.code,
                .message = text.empty() ? lead + " and gave no reason; see the log of " + activation_text(record.id)
                                        : lead + ": " + text,
                .http_status = answer.status,
                .platform_code = code.empty() ? word : code,
                .request_id = std::string{record.id},
                .retryable = meaning.retryable,
                .execution = meaning.execution};
    error.message += meaning.advice;
    error.metrics = std::make_shared<const FaasMetrics>(std::move(metrics));
    return error;
}

// What is answered in a record's place. Source: Apache OpenWhisk, apiv1swagger.json, "invokeAction";
// ErrorResponse.scala.
BLUEPRINT_FAAS_COLD inline std::optional<Meaning> front_meaning(unsigned status, bool told_by_openwhisk) {
    switch (status) {
        case 400: return Meaning{errc::invalid_configuration, false, Execution::not_started, ""};
        // Another key is got by the codec, not by the Auth: so it is none of the failures that an Auth can mend.
        case 401:
            return Meaning{errc::authentication, false, Execution::not_started,
                           "; the platform did not take the credential of the namespace"};
        case 403:
            return Meaning{errc::authentication, false, Execution::not_started,
                           "; the credential is not for this namespace, or may not do this"};
        case 404:
            if (told_by_openwhisk)
                return Meaning{errc::not_found, false, Execution::not_started,
                               "; deploy the job first, and check prefix, package and namespace"};
            return Meaning{errc::infrastructure, true, Execution::not_started,
                           "; OpenWhisk itself did not say so: check the options' api_host"};
        case 405: return Meaning{errc::unsupported, false, Execution::not_started, ""};
        case 408: return Meaning{errc::timed_out, true, Execution::unknown, ""};
        case 409:
            return Meaning{errc::conflict, false, Execution::not_started,
                           "; if an OpenWhisk package has the action's name, give another prefix"};
        case 413:
            return Meaning{errc::invalid_configuration, false, Execution::not_started,
                           "; send less, or the place where the rest is"};
        case 429:
            return Meaning{errc::throttled, true, Execution::not_started,
                           "; send fewer calls a minute, or at once: the limit is the namespace's"};
        case 500: return Meaning{errc::infrastructure, true, Execution::unknown, "; try again"};
        case 502:
            return Meaning{errc::infrastructure, true, Execution::unknown,
                           "; who stands before the platform got no answer from it: try again"};
        case 503:
            return Meaning{errc::infrastructure, true, told_by_openwhisk ? Execution::not_started : Execution::unknown,
                           "; try again"};
        case 504:
            return Meaning{errc::timed_out, true, Execution::unknown,
                           "; who stands before the platform did not wait for its answer"};
        default: return std::nullopt;
    }
}

// A transaction's id was a number in old versions.
BLUEPRINT_FAAS_COLD inline std::string transaction_of(const json::object& body) {
    if (const auto number = number_member<std::uint64_t>(body, "code")) return std::to_string(*number);
    return for_people(text_member(body, "code"));
}

BLUEPRINT_FAAS_COLD inline Error front_failure(const HttpResponse& answer) {
    Error error{.code = errc::serialization, .http_status = answer.status};
    const auto body = parse_object(answer.body);
    std::string text;
    if (body) {
        text = for_people(text_member(*body, "error"));
        error.request_id = transaction_of(*body);
    } else {
        text = plain_body_text(answer.body);
    }
    if (auto id = OpenWhiskCalls::activation_id(answer); !id.empty()) error.request_id = std::move(id);
    if (answer.status >= 300 && answer.status < 400) {
        error.code = errc::infrastructure;
        error.execution = Execution::not_started;
        error.message = "the service redirects to " +
                        for_people(answer.headers.get("Location").value_or("an address it does not name")) +
                        "; redirects are not followed: give that address as the options' api_host if you trust it";
        return error;
    }
    if (text.empty()) text = "the service answered HTTP " + std::to_string(answer.status);
    const auto meaning = front_meaning(answer.status, body && body->contains("error"));
    if (!meaning) {
        error.message = std::move(text) + "; that is an answer which calls of actions do not have";
        return error;
    }
    error.code = meaning->code;
    error.retryable = meaning->retryable;
    error.execution = meaning->execution;
    error.retry_after = read_retry_after(answer);
    error.message = text.append(meaning->advice);
    return error;
}

BLUEPRINT_FAAS_COLD inline bool is_array(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t\r\n");
    return begin != std::string_view::npos && text[begin] == '[';
}

// The object that a record of a success has as its result.
BLUEPRINT_FAAS_COLD inline std::optional<json::object> successful_result(const HttpResponse& answer) {
    const auto record = read_openwhisk_activation(answer.body, false);
    if (!record || record->status != OpenWhiskStatus::success) return std::nullopt;
    return parse_object(record->result);
}

BLUEPRINT_FAAS_COLD inline std::string why_no_answer(const HttpResponse& answer) {
    const auto record = read_openwhisk_activation(answer.body);
    if (record && record->status && record->status != OpenWhiskStatus::success)
        return record_failure(*record, answer, false).message;
    if (answer.status == 202)
        return "the platform did not wait for the function's answer; it goes on as " +
               activation_text(OpenWhiskCalls::activation_id(answer));
    return {};
}

// The list of lines in a record, as it stands there; of two the first.
BLUEPRINT_FAAS_COLD inline std::string_view logs_in(std::string_view record) {
    json_walk::Walk members{record};
    if (members.is_object())
        while (const auto member = members.next())
            if (member->name == "logs") return member->value;
    return {};
}

}  // namespace openwhisk_calls

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL OpenWhiskCalls::OpenWhiskCalls(const OpenWhiskActionOptions& options)
    : prefix_{percent_encode(options.prefix)},
      package_{options.package.empty() ? std::string{} : percent_encode(options.package) + '/'},
      max_body_bytes_{options.max_body_bytes},
      // Logs stand in a record as strings of JSON, each line with its time.
      record_bytes_{options.max_body_bytes + (std::size_t{options.log_mib} * 2 << 20U) + (64U << 10U)},
      warm_hold_{options.warm_hold},
      log_tail_{options.log_tail} {}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string OpenWhiskCalls::target(const OpenWhiskAccess& access, JobId id,
                                                                           bool blocking) const {
    return access.api.target + "/namespaces/" + percent_encode(access.name_space) + "/actions/" + package_ + prefix_ +
           "-job-" + std::to_string(id.value()) + (blocking ? "?blocking=true&result=false" : "?blocking=false");
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL void OpenWhiskCalls::begin_form(CallForm& form, JobId id,
                                                                        const OpenWhiskAccess& access,
                                                                        std::uint64_t state) const {
    form.clear();
    auto& request = form.request;
    request.verb = Verb::post;
    request.origin = access.api.origin;
    request.target = target(access, id, true);
    request.max_response_bytes = record_bytes_;
    request.timeout_header = {};
    form.longest_body = max_body_bytes_;
    form.audience.clear();
    request.headers.add("Content-Type", "application/json");
    request.headers.add("Authorization", access.authorization.reveal());
    // Else a system may keep no record of what went well, and so no log.
    // Source: Apache OpenWhisk, core/controller, `extraLoggingHeader`.
    if (log_tail_) request.headers.add("X-OW-EXTRA-LOGGING", "on");
    form.fix(id, state);
}

BLUEPRINT_FAAS_DECL std::optional<Error> OpenWhiskCalls::begin_body(std::string& body, const JobCall& call,
                                                                    Deadline deadline, Moment now) const {
    for (const auto& [name, value] : call.metadata)
        if (!is_utf8(name) || !is_utf8(value))
            return openwhisk_calls::refused("the metadata '" + openwhisk_calls::for_people(name) + "' of the call of " +
                                            openwhisk_calls::job_text(call.job_id) +
                                            " is not UTF-8; only text reaches the function");
    body += "{\"job_id\":";
    openwhisk_calls::append_number(body, call.job_id.value());
    openwhisk_calls::append_context(body, call, deadline, now);
    body += ",\"args\":";
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL std::optional<Error> OpenWhiskCalls::end_form(CallForm& form, const JobCall& call) const {
    form.repeat = call.idempotent ? Repeat::safe : Repeat::if_unsent;
    const auto size = form.request.body.size();
    if (size <= form.longest_body) return std::nullopt;
    return openwhisk_calls::refused("the call of " + openwhisk_calls::job_text(call.job_id) + " is " +
                                    std::to_string(size) + " bytes as it would be sent, and " +
                                    std::to_string(form.longest_body) +
                                    " may be (OpenWhiskActionOptions::max_body_bytes, of which OpenWhisk takes "
                                    "1048576); send less, or the place where the rest is");
}

BLUEPRINT_FAAS_DECL std::optional<Error> OpenWhiskCalls::judge(const HttpResponse& answer) {
    using namespace openwhisk_calls;
    if (answer.status == 200 || answer.status == 202) return std::nullopt;
    if (answer.status == 500 || answer.status == 502) {
        const auto record = read_openwhisk_activation(answer.body);
        if (record && record->status == OpenWhiskStatus::internal_error) return record_failure(*record, answer, true);
        if (record && record->status) return std::nullopt;
        if (is_array(answer.body) && !activation_id(answer).empty()) return std::nullopt;
    }
    return front_failure(answer);
}

BLUEPRINT_FAAS_DECL std::optional<Error> OpenWhiskCalls::judge_look(const HttpResponse& answer) {
    using namespace openwhisk_calls;
    if (answer.status == 200) return std::nullopt;
    const auto body = answer.status == 404 ? parse_object(answer.body) : std::nullopt;
    if (body && body->contains("error")) return std::nullopt;
    return front_failure(answer);
}

BLUEPRINT_FAAS_DECL result<Invocation> OpenWhiskCalls::read_invocation(const HttpResponse& answer, JobId id,
                                                                       bool metered) const {
    const auto record = read_openwhisk_activation(answer.body, metered);
    if (!record || record->status != OpenWhiskStatus::success) return read_unusual(answer, id);
    auto told = openwhisk_calls::UsualAnswer{record->result}.read(id);
    if (!told) return read_unusual(answer, id);
    result<Invocation> done;
    done->result.job_id = id;
    done->result.outcome = std::move(*told->bytes);
    if (metered) done->metrics = openwhisk_calls::read_metrics(*record, *told, answer, log_tail_);
    return done;
}

// Reads whatever is not a success that is written as most write it.
BLUEPRINT_FAAS_COLD inline result<Invocation> OpenWhiskCalls::read_unusual(const HttpResponse& answer, JobId id) const {
    using namespace openwhisk_calls;
    const auto record = read_openwhisk_activation(answer.body);
    FaasMetrics metrics;
    const auto fail = [&](std::string why) {
        Error error{.code = errc::serialization, .message = std::move(why), .http_status = answer.status};
        error.request_id = activation_id(answer);
        error.execution = error.request_id.empty() ? Execution::unknown : Execution::started;
        error.metrics = std::make_shared<const FaasMetrics>(std::move(metrics));
        return error;
    };
    if (!record && is_array(answer.body))
        return fail("the action of " + job_text(id) +
                    " answered with an array, which serve() does not: is the program of this job in it?");
    if (!record)
        return fail("the answer to the call of " + job_text(id) +
                    " is no activation record; is that an OpenWhisk, and not a service before it?");
    if (record->status && record->status != OpenWhiskStatus::success) return record_failure(*record, answer, log_tail_);
    metrics = read_metrics(*record, {}, answer, log_tail_);
    if (!record->status) return fail("the record of " + activation_text(record->id) + " does not tell how it ended");
    if (record->result.empty())
        return fail("the record of " + activation_text(record->id) +
                    ", which succeeded, has no result: it was too "
                    "large for the platform to keep; give less, or the place where the rest is");
    if (record->result.front() == '[')
        return fail("the action of " + job_text(id) +
                    " answered with an array, which serve() does not: is the program of this job in it?");
    Invocation done;
    done.result.job_id = id;
    std::optional<faas::Bytes> bytes;
    const auto body = parse_object_with_bytes(record->result, "result", bytes);
    if (!body)
        return fail("the result of " + job_text(id) + " is not what serve() writes: " + body.error().message +
                    "; is the program of this job in its action?");
    metrics = read_metrics(*record, numbers_in(*body), answer, log_tail_);
    const auto* success = body->if_contains("success");
    if (success != nullptr && !(success->is_bool() && success->get_bool()))
        return fail("the result of " + job_text(id) + " says that it failed, and gives no `error`");
    if (body->contains("job_id")) {
        const auto number = number_member<std::uint32_t>(*body, "job_id");
        if (!number || *number != id.value()) return fail("the result is for another job than " + job_text(id));
    }
    if (!bytes) return fail("the answer has no `result`: whatever ran, it computed nothing");
    done.result.outcome = std::move(*bytes);
    done.metrics = std::move(metrics);
    return done;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Receipt> OpenWhiskCalls::read_receipt(const HttpResponse& answer,
                                                                                     JobId id) const {
    Receipt receipt;
    receipt.invocation_id = activation_id(answer);
    if (answer.status != 202) {
        const auto done = read_invocation(answer, id, true);
        if (!done) return done.error();
        receipt.completed = true;
    }
    if (receipt.invocation_id.empty())
        return Error{.code = errc::serialization,
                     .message = "the platform took the call of " + openwhisk_calls::job_text(id) +
                                " and does not tell as which activation",
                     .http_status = answer.status,
                     .execution = Execution::started};
    return receipt;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string OpenWhiskCalls::activation_id(const HttpResponse& answer) {
    auto id = std::string{read_openwhisk_activation_id(answer.body)};
    if (id.empty()) id = answer.headers.get("X-OpenWhisk-Activation-Id").value_or("");
    // It becomes a part of paths.
    const bool fit = std::all_of(id.begin(), id.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
    });
    if (!fit || id.size() > 64) id.clear();
    return id;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool OpenWhiskCalls::lacks_log(const HttpResponse& answer) const {
    if (!log_tail_) return false;
    if (!read_openwhisk_activation(answer.body, false)) return false;
    json_walk::Walk lines{openwhisk_calls::logs_in(answer.body)};
    return !lines.next();
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string OpenWhiskCalls::read_log(const HttpResponse& answer) {
    const auto logs = openwhisk_calls::logs_in(answer.body);
    return logs.empty() ? std::string{} : openwhisk_log_tail(logs);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Error OpenWhiskCalls::not_ended(JobId job, std::string_view id,
                                                                        const Error& why) const {
    using namespace openwhisk_calls;
    Error error = why;
    error.request_id = id;
    error.retryable = false;
    error.execution = Execution::started;
    error.message = "the call of " + job_text(job) + " goes on as " + activation_text(id) + ", whose end was not seen";
    if (why.code == errc::timed_out && why.http_status == 0)
        error.message +=
            " before the call's deadline; give the call a longer timeout, or read the activation's record later";
    else
        error.message += ": " + why.message;
    return error;
}

BLUEPRINT_FAAS_COLD inline HttpRequest OpenWhiskCalls::marked_request(const OpenWhiskAccess& access, JobId id,
                                                                      std::string body) const {
    HttpRequest request;
    request.verb = Verb::post;
    request.origin = access.api.origin;
    request.target = target(access, id, true);
    request.max_response_bytes = record_bytes_;
    request.headers.set("Content-Type", "application/json");
    request.headers.set("Authorization", access.authorization.reveal());
    request.body = Body{std::move(body)};
    return request;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest OpenWhiskCalls::warm_request(const OpenWhiskAccess& access,
                                                                                 JobId id) const {
    return marked_request(access, id, R"({"blueprint":"warm","hold_ms":)" + std::to_string(warm_hold_.count()) + '}');
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest OpenWhiskCalls::health_request(const OpenWhiskAccess& access,
                                                                                   JobId id) const {
    return marked_request(access, id, R"({"blueprint":"health"})");
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL OpenWhiskCalls::Warmed OpenWhiskCalls::read_warmed(const HttpResponse& answer) {
    using namespace openwhisk_calls;
    Warmed warmed;
    const auto result = successful_result(answer);
    if (result && text_member(*result, "blueprint") == "warm")
        warmed.instance = for_people(text_member(*result, "instance"));
    if (!warmed.instance.empty()) return warmed;
    warmed.why_not = why_no_answer(answer);
    if (warmed.why_not.empty())
        warmed.why_not = "the program does not answer warming calls as serve() does; build it with this library";
    return warmed;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Health OpenWhiskCalls::read_health(const HttpResponse& answer) {
    using namespace openwhisk_calls;
    Health health;
    const auto result = successful_result(answer);
    const bool ours = result && text_member(*result, "blueprint") == "health";
    const auto status = ours ? text_member(*result, "status") : std::string_view{};
    if (status == "healthy") {
        health.state = HealthState::healthy;
        health.reason = "the function answers and says that it is healthy";
        return health;
    }
    health.state = answer.status == 202 ? HealthState::unknown : HealthState::unhealthy;
    health.reason = status.empty() ? why_no_answer(answer) : "the function says: " + for_people(status);
    if (health.reason.empty()) health.reason = "something answers there, but not as serve() does";
    return health;
}

}  // namespace blueprint::faas::detail

#endif
