#ifndef BLUEPRINT_FAAS_SERVE_LAMBDA_RUNTIME_HPP
#define BLUEPRINT_FAAS_SERVE_LAMBDA_RUNTIME_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/result_sink.hpp"
#include "blueprint/faas/serve/exec.hpp"
#include "blueprint/faas/serve/lambda_messages.hpp"
#include "blueprint/faas/serve/protocol.hpp"
#include "blueprint/faas/serve/runtime_client.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas {

namespace detail {

/// The talk with Lambda's runtime API from the first event to the end of the process. What goes wrong with one reply is
/// a line on standard error, which is the function's log; the next event is asked for all the same.
class LambdaSession {
public:
    BLUEPRINT_FAAS_DECL LambdaSession(const Environment& world, const ServeOptions& options);
    LambdaSession(const LambdaSession&) = delete;
    LambdaSession& operator=(const LambdaSession&) = delete;

    /// Waits for the next event that a job must run for; unreadable ones and warming marks are answered here. Nothing:
    /// the process must end, and with `status()`.
    BLUEPRINT_FAAS_DECL std::optional<LambdaCall> next();
    int status() const noexcept { return status_; }

    /// Replies with what the job gave.
    BLUEPRINT_FAAS_DECL void reply(const LambdaCall& call, const result<Bytes>& outcome, std::chrono::milliseconds took,
                                   std::optional<std::size_t> memory_mib);
    /// Replies with one more piece of the job's result; the first byte begins the reply. An error means that the host
    /// takes no more, and is given again for every further piece.
    BLUEPRINT_FAAS_DECL result<void> reply_piece(const LambdaCall& call, std::span<const std::uint8_t> piece);
    /// Ends a reply in pieces. A failure before the first one is an ordinary error.
    BLUEPRINT_FAAS_DECL void end_pieces(const LambdaCall& call, const result<void>& outcome);
    /// Says that the process cannot take any event.
    BLUEPRINT_FAAS_DECL void report_init_error(const Error& error);

private:
    BLUEPRINT_FAAS_DECL result<LambdaCall> ask();
    BLUEPRINT_FAAS_DECL bool answer_here(const LambdaCall& call);
    BLUEPRINT_FAAS_DECL result<void> begin_pieces(const LambdaCall& call, std::span<const std::uint8_t> first);
    BLUEPRINT_FAAS_DECL void fail(const LambdaCall& call, const Error& error);
    BLUEPRINT_FAAS_DECL void post(std::string_view target, std::string fields, std::string_view body);
    BLUEPRINT_FAAS_DECL void judge(std::string_view target, const result<RuntimeAnswer>& answer);
    BLUEPRINT_FAAS_DECL const std::string& instance();

    const Environment& world_;
    ServeOptions options_;
    RuntimeClient client_;
    std::string instance_{};
    bool cold_start_ = true;  // no event has come yet
    bool over_ = false;
    int status_ = 0;
    bool begun_ = false;                 // a reply in pieces is under way
    std::optional<Error> stuck_{};       // the host took no further piece of it
    std::optional<Error> unreadable_{};  // what is wrong with the event just read
};

}  // namespace detail

/// AWS Lambda's runtime API, of custom runtimes (provided.al2023): the process asks for an event, answers it, and asks
/// again, over one connection to AWS_LAMBDA_RUNTIME_API. Each event is a call as of the exec model; the answer is its
/// answer, or pieces of the bare result if the caller reads a stream. The call's timeout is what is left of the
/// function's time, its metadata what the caller sent, and _X_AMZN_TRACE_ID is set while the job runs. Calls come one
/// at a time: AWS_LAMBDA_MAX_CONCURRENCY, of Lambda Managed Instances, is not looked at. What jobs print goes to the
/// log. Source: AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes", version 2018-06-01.
struct LambdaProtocol {
    static constexpr std::string_view name = "lambda";

    static bool detect(const Surroundings& found) { return found.world.variable("AWS_LAMBDA_RUNTIME_API").has_value(); }

    template <LocalJobs Jobs>
    static int serve(Jobs& jobs, const Surroundings& found, const ServeOptions& options) {
        detail::LambdaSession session{found.world, options};
        detail::ExecState state;
        while (auto call = session.next()) {
            if (call->stream) {
                session.end_pieces(*call, run_in_pieces(state.runner, jobs, session, *call));
                continue;
            }
            const auto begun = std::chrono::steady_clock::now();
            const auto outcome = state.runner.run(jobs, std::move(call->request.call));
            const auto took = std::chrono::steady_clock::now() - begun;
            session.reply(*call, outcome, std::chrono::duration_cast<std::chrono::milliseconds>(took),
                          state.memory.mib());
        }
        return session.status();
    }

    /// Tells Lambda that this process cannot serve, and why: see `blueprint::faas::report_init_error`.
    static void report_init_error(const Surroundings& found, const Error& error) {
        detail::LambdaSession{found.world, {}}.report_init_error(error);
    }

private:
    template <LocalJobs Jobs>
    static result<void> run_in_pieces(detail::JobRunner& runner, Jobs& jobs, detail::LambdaSession& session,
                                      detail::LambdaCall& call) {
        const ResultSink sink = [&](std::span<const std::uint8_t> piece) { return session.reply_piece(call, piece); };
        if constexpr (StreamingJobs<Jobs>) {
            return runner.stream(jobs, std::move(call.request.call), sink);
        } else {
            const auto whole = runner.run(jobs, std::move(call.request.call));
            if (!whole) return whole.error();
            return sink(*whole);
        }
    }
};

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/serve/impl/lambda_runtime.ipp"
#endif

#endif
