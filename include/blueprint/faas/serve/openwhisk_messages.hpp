#ifndef BLUEPRINT_FAAS_SERVE_OPENWHISK_MESSAGES_HPP
#define BLUEPRINT_FAAS_SERVE_OPENWHISK_MESSAGES_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/job.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

// An action's calls as lines of JSON, as values: what a line says and what is answered. No descriptor, no clock.
namespace blueprint::faas::detail {

/// What a line asks for.
struct ActionLoopCall {
    enum class Kind {
        job,
        warm,   ///< is held for `hold` and runs no job
        health  ///< nothing but whether the program is there
    };
    Kind kind = Kind::job;
    std::optional<JobId> job_id{};     ///< absent if that could not be read
    JobCall call{};                    ///< with what is left of the call's time
    std::chrono::milliseconds hold{};  ///< at most 10 s
};

/// Reads a line, which was there at `now`:
/// {"value":{"job_id":7,"args":"AQI=","context":{"timeout_ms":29950,"traceparent":"...","tracestate":"...",
/// "request_id":"...","metadata":{"k":"v"}}},"activation_id":"...","deadline":1790000000000}. `args` may be an array of
/// numbers; what stands beside `value` may be absent, and so may `context` and its members. The call's timeout is the
/// sooner of `timeout_ms` and `deadline`, which may be a string; the activation's id is "x-request-id" if the caller
/// gave none, and metadata that begins with "blueprint-" stays out.
/// A value {"blueprint":"warm","hold_ms":75} or {"blueprint":"health"} is no job's call.
/// `errc::serialization` says what is wrong, `errc::timed_out` that nothing is left of the call's time; `call.job_id`
/// is there if it could be read. Source: OpenWhisk runtime for Go, "ACTION.md" (the ActionLoop protocol).
BLUEPRINT_FAAS_DECL result<void> read_action_loop_call(std::string_view line, std::chrono::system_clock::time_point now,
                                                       ActionLoopCall& call);

/// Writes the answer to a job's call: what `write_exec_answer` writes with Base64, but a failure stands in a member
/// `error` as a whole: {"error":{"job_id":7,"success":false,"error":"...","code":"..."}}. By that member the platform
/// counts the call as failed, and it drops all others then. Source: OpenWhisk, `ActivationResponse`.
BLUEPRINT_FAAS_DECL std::string write_action_loop_answer(std::optional<JobId> id, const result<Bytes>& outcome,
                                                         std::optional<std::chrono::milliseconds> took,
                                                         std::optional<std::size_t> memory_mib, std::size_t max_bytes);
/// Writes {"blueprint":"warm","instance":"..."} and a line's end.
BLUEPRINT_FAAS_DECL std::string write_action_loop_warm(std::string_view instance);
/// Writes {"blueprint":"health","status":"healthy","instance":"..."} and a line's end.
BLUEPRINT_FAAS_DECL std::string write_action_loop_health(std::string_view instance);

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/serve/impl/openwhisk_messages.ipp"
#endif

#endif
