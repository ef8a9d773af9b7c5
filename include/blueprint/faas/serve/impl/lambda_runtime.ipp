#ifndef BLUEPRINT_FAAS_SERVE_IMPL_LAMBDA_RUNTIME_IPP
#define BLUEPRINT_FAAS_SERVE_IMPL_LAMBDA_RUNTIME_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/serve/lambda_runtime.hpp"
#include "blueprint/faas/serve/stdio.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <sys/random.h>
#include <thread>

namespace blueprint::faas::detail {

inline constexpr std::string_view lambda_runtime_base = "/2018-06-01/runtime";

inline void log_lambda(std::string_view text) { complain("blueprint: " + std::string{text} + '\n'); }

BLUEPRINT_FAAS_DECL LambdaSession::LambdaSession(const Environment& world, const ServeOptions& options)
    : world_{world},
      options_{options},
      client_{world.variable("AWS_LAMBDA_RUNTIME_API").value_or(""), options.max_input_bytes} {}

BLUEPRINT_FAAS_DECL const std::string& LambdaSession::instance() {
    if (instance_.empty()) {
        std::array<std::uint8_t, 16> random{};
        [[maybe_unused]] const auto size = ::getrandom(random.data(), random.size(), 0);  // 16 bytes never come short
        instance_ = hex_encode(random);
    }
    return instance_;
}

BLUEPRINT_FAAS_DECL result<LambdaCall> LambdaSession::ask() {
    const auto answer = client_.exchange(Verb::get, std::string{lambda_runtime_base} + "/invocation/next", "");
    if (!answer) return answer.error();
    if (answer->status >= 500) over_ = true;  // of no use to ask again: the host says that it cannot recover
    if (answer->status != 200) {
        return Error{
            .code = errc::infrastructure,
            .message = "the runtime API answered HTTP " + std::to_string(answer->status) + " instead of an event"};
    }
    auto call = read_lambda_head(answer->headers);
    if (!call) return call;
    const auto trace = answer->headers.get("Lambda-Runtime-Trace-Id");
    if (trace)
        ::setenv("_X_AMZN_TRACE_ID", std::string{*trace}.c_str(), 1);
    else
        ::unsetenv("_X_AMZN_TRACE_ID");
    unreadable_.reset();
    auto read = read_lambda_event(answer->headers, answer->body, world_.now(), *call);
    if (answer->too_long) {
        read = Error{.code = errc::serialization,
                     .message = "the event is longer than " + std::to_string(options_.max_input_bytes) +
                                " bytes: send less at once",
                     .execution = Execution::not_started};
    }
    if (!read) unreadable_ = invalid_lambda_event(std::move(read).error());
    return call;
}

BLUEPRINT_FAAS_DECL bool LambdaSession::answer_here(const LambdaCall& call) {
    if (unreadable_) {
        fail(call, *unreadable_);
        return true;
    }
    if (!call.hold) return false;
    // While this process is held, the next mark finds none that is free and starts another one.
    std::this_thread::sleep_for(*call.hold);
    const auto body = write_lambda_warm(call.job_id, instance(), cold_start_);
    post("/invocation/" + percent_encode(call.request_id) + "/response",
         call.echoed + "Content-Type: application/json\r\n", body);
    return true;
}

BLUEPRINT_FAAS_DECL std::optional<LambdaCall> LambdaSession::next() {
    constexpr int most_failures = 3;
    for (int failures = 0; !over_;) {
        auto call = ask();
        if (!call) {
            ++failures;
            over_ = over_ || failures == most_failures || call.error().code == errc::invalid_configuration;
            if (!over_) continue;
            status_ = 1;
            log_lambda("the function ends, because it gets no events: " + call.error().message);
            break;
        }
        failures = 0;
        const bool answered = answer_here(*call);
        cold_start_ = false;
        if (!answered) return std::move(*call);
    }
    return std::nullopt;
}

// A reply that the host refuses is that call's misfortune; a host that is broken ends the process.
BLUEPRINT_FAAS_DECL void LambdaSession::judge(std::string_view target, const result<RuntimeAnswer>& answer) {
    if (answer && answer->status < 300) return;
    std::string text = "the reply " + std::string{target} + " did not arrive: ";
    if (!answer) {
        log_lambda(text + answer.error().message);
        return;
    }
    text += "HTTP " + std::to_string(answer->status) + ' ' + presentable(answer->body, 300);
    std::replace(text.begin(), text.end(), '\n', ' ');
    log_lambda(text);
    if (answer->status < 500) return;
    over_ = true;
    status_ = 1;
    log_lambda("the function ends, because the runtime API cannot go on");
}

BLUEPRINT_FAAS_DECL void LambdaSession::post(std::string_view target, std::string fields, std::string_view body) {
    std::fflush(stdout);  // the process may be frozen as soon as it has replied, and the log ends with the call
    const auto path = std::string{lambda_runtime_base}.append(target);
    judge(target, client_.exchange(Verb::post, path, fields, body));
}

BLUEPRINT_FAAS_DECL void LambdaSession::fail(const LambdaCall& call, const Error& error) {
    const auto failure = write_lambda_failure(error);
    post("/invocation/" + percent_encode(call.request_id) + "/error",
         call.echoed + "Content-Type: application/json\r\nLambda-Runtime-Function-Error-Type: " + failure.type + "\r\n",
         failure.body);
}

BLUEPRINT_FAAS_DECL void LambdaSession::reply(const LambdaCall& call, const result<Bytes>& outcome,
                                              std::chrono::milliseconds took, std::optional<std::size_t> memory_mib) {
    constexpr std::size_t most_bytes = 6'291'456;
    const auto most = std::min(options_.max_answer_bytes, most_bytes);
    const auto text = write_lambda_answer(call.job_id, outcome, took, memory_mib, most, call.request.base64);
    if (!text) return fail(call, text.error());
    post("/invocation/" + percent_encode(call.request_id) + "/response",
         call.echoed + "Content-Type: application/json\r\n", *text);
}

BLUEPRINT_FAAS_DECL result<void> LambdaSession::begin_pieces(const LambdaCall& call,
                                                             std::span<const std::uint8_t> first) {
    const auto target =
        std::string{lambda_runtime_base} + "/invocation/" + percent_encode(call.request_id) + "/response";
    const auto fields = call.echoed +
                        "Content-Type: application/octet-stream\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n"
                        "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n";
    begun_ = true;
    return client_.begin_chunked(target, fields, first);
}

BLUEPRINT_FAAS_DECL result<void> LambdaSession::reply_piece(const LambdaCall& call,
                                                            std::span<const std::uint8_t> piece) {
    if (stuck_) return *stuck_;
    if (piece.empty()) return {};
    auto sent = begun_ ? client_.send_chunk(piece) : begin_pieces(call, piece);
    if (!sent) stuck_ = sent.error();
    return sent;
}

BLUEPRINT_FAAS_DECL void LambdaSession::end_pieces(const LambdaCall& call, const result<void>& outcome) {
    if (!outcome && !begun_) return fail(call, outcome.error());
    if (!begun_) {  // an empty result is a reply too
        if (const auto sent = begin_pieces(call, {}); !sent) stuck_ = sent.error();
    }
    std::fflush(stdout);
    const auto trailers = outcome ? std::string{} : write_lambda_trailers(write_lambda_failure(outcome.error()));
    auto answer = client_.end_chunked(trailers);
    if (!answer && stuck_) answer = *stuck_;
    judge("/invocation/" + percent_encode(call.request_id) + "/response", answer);
    begun_ = false;
    stuck_.reset();
}

BLUEPRINT_FAAS_DECL void LambdaSession::report_init_error(const Error& error) {
    auto named = error;
    if (named.platform_code.empty()) named.platform_code = "Function.InitFailed";
    const auto failure = write_lambda_failure(named);
    post("/init/error",
         "Content-Type: application/json\r\nLambda-Runtime-Function-Error-Type: " + failure.type + "\r\n",
         failure.body);
}

}  // namespace blueprint::faas::detail

#endif
