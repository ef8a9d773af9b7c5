#ifndef BLUEPRINT_FAAS_SERVE_EXEC_HPP
#define BLUEPRINT_FAAS_SERVE_EXEC_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/serve/local_jobs.hpp"
#include "blueprint/faas/serve/protocol.hpp"
#include "blueprint/faas/serve/stdio.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas {

namespace detail {

/// A call as the platform handed it over.
struct ExecRequest {
    JobCall call{};
    bool base64 = false;  ///< the platform reads Base64: it has sent the arguments so, or has said it
};

/// Reads what the platform hands to a function: {"job_id":0,"args":[1,2,3]}, args as an array or a Base64 string.
/// `context`, if there, becomes the call's timeout (`deadline_ms`: Unix time in milliseconds) and metadata
/// (`traceparent`, `tracestate`, `request_id` as "x-request-id"); its `"bytes":"base64"` allows the result to be a
/// Base64 string. `errc::serialization` says what is wrong.
/// Source: the custom platform contract, "Invoke" and "How a function runs".
BLUEPRINT_FAAS_DECL result<ExecRequest> read_exec_request(std::string_view text,
                                                          std::chrono::system_clock::time_point now);

/// Writes the answer, one line: {"job_id":0,"result":[25],"success":true,"execution_ms":45,"memory_used_mb":3}, with
/// `base64` "result":"GQ==", or
/// {"job_id":0,"success":false,"error":"...","code":"FUNCTION_ERROR",...}. The code is the job's own `platform_code` if
/// it gave one. Absent: `id` if the request could not be read, `took` if nothing ran.
BLUEPRINT_FAAS_DECL std::string write_exec_answer(std::optional<JobId> id, const result<Bytes>& outcome,
                                                  std::optional<std::chrono::milliseconds> took,
                                                  std::optional<std::size_t> memory_mib, std::size_t max_bytes,
                                                  bool base64 = false);

/// Makes text that JSON can hold of whatever a job gave as its reason: at most `limit` bytes and "...", '?' for each
/// byte that is not UTF-8.
BLUEPRINT_FAAS_DECL std::string presentable(std::string_view text, std::size_t limit);

/// What is kept from one call to the next.
struct ExecState {
    JobRunner runner{};
    PeakMemory memory{};
};

template <LocalJobs Jobs>
std::string serve_exec(ExecState& state, Jobs& jobs, std::string_view input, const ServeOptions& options,
                       const Environment& world) {
    auto request = read_exec_request(input, world.now());
    if (!request) return write_exec_answer({}, request.error(), {}, {}, options.max_answer_bytes);
    const auto id = request->call.job_id;
    const auto begun = std::chrono::steady_clock::now();
    const auto outcome = state.runner.run(jobs, std::move(request->call));
    const auto took = std::chrono::steady_clock::now() - begun;
    return write_exec_answer(id, outcome, std::chrono::duration_cast<std::chrono::milliseconds>(took),
                             state.memory.mib(), options.max_answer_bytes, request->base64);
}

}  // namespace detail

/// Answers one call of the custom contract's exec model: a JSON text in, a line of JSON out. Nothing is read or
/// written, and no failure leaves it but as such an answer. `world` tells the time.
template <LocalJobs Jobs>
std::string serve_exec(Jobs& jobs, std::string_view input, const ServeOptions& options = {},
                       const Environment& world = Environment::process()) {
    detail::ExecState state;
    return detail::serve_exec(state, jobs, input, options, world);
}

/// The exec model of the custom contract: one process a call, the call on standard input up to its end, the answer on
/// standard output, status 0 also for a failed job. What jobs print goes to standard error.
struct ExecProtocol {
    static constexpr std::string_view name = "exec";

    static bool detect(const Surroundings& found) { return !found.stdin_is_terminal; }

    template <LocalJobs Jobs>
    static int serve(Jobs& jobs, const Surroundings& found, const ServeOptions& options) {
        auto answer = detail::AnswerStream::take(1, 2);
        if (!answer) return detail::complain(answer.error().message + '\n'), 1;
        detail::InputStream input{0, options.max_input_bytes};
        auto text = input.read_all();
        const auto line = text ? serve_exec(jobs, *text, options, found.world)
                               : detail::write_exec_answer({}, text.error(), {}, {}, options.max_answer_bytes);
        const auto written = answer->write(line);
        if (!written) return detail::complain(written.error().message + '\n'), 1;
        return 0;
    }
};

/// The contract's loop model (1.1), which the platform announces with BLUEPRINT_LOOP=1: one process for many calls, a
/// line of JSON in and a line out, one after the other, until the end of the input.
struct LoopProtocol {
    static constexpr std::string_view name = "loop";

    static bool detect(const Surroundings& found) { return found.world.variable("BLUEPRINT_LOOP") == "1"; }

    template <LocalJobs Jobs>
    static int serve(Jobs& jobs, const Surroundings& found, const ServeOptions& options) {
        auto answer = detail::AnswerStream::take(1, 2);
        if (!answer) return detail::complain(answer.error().message + '\n'), 1;
        detail::InputStream input{0, options.max_input_bytes};
        detail::ExecState state;
        for (;;) {
            const auto text = input.read_line();
            if (text && !*text) return 0;
            const auto line = text ? detail::serve_exec(state, jobs, **text, options, found.world)
                                   : detail::write_exec_answer({}, text.error(), {}, {}, options.max_answer_bytes);
            const auto written = answer->write(line);
            if (!written) detail::complain(written.error().message + '\n');
            if (!written || !text) return 1;  // where the next line begins is not known
        }
    }
};

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/serve/impl/exec.ipp"
#endif

#endif
