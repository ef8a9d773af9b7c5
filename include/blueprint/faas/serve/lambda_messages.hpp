#ifndef BLUEPRINT_FAAS_SERVE_LAMBDA_MESSAGES_HPP
#define BLUEPRINT_FAAS_SERVE_LAMBDA_MESSAGES_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/serve/exec.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::detail {

/// One event of the Lambda runtime API, read.
struct LambdaCall {
    std::string request_id{};
    JobId job_id{};  ///< of `request`, which goes to the job
    /// The header fields that every reply to this event repeats: whole lines, perhaps none.
    std::string echoed{};
    ExecRequest request{};
    bool stream = false;  ///< the caller reads the result as it comes
    /// The event is a warming mark, and not for the job: hold the process for so long and say which one it is.
    std::optional<std::chrono::milliseconds> hold{};
};

/// Reads who asks from the header fields of an event; `errc::serialization` if they do not have a request id, without
/// which nobody can be answered. Source: AWS Lambda Developer Guide, "Next invocation".
BLUEPRINT_FAAS_DECL result<LambdaCall> read_lambda_head(const Headers& headers);

/// Reads the event itself, which is the call as `read_exec_request` has it, or {"job_id":0,"warm":{"hold_ms":75}}.
/// The timeout is what is left of the shortest of Lambda's own, the caller's ("blueprint-deadline-ms" in the client
/// context) and the event's (`context.deadline_ms`); all three are points in Unix time. Metadata are the texts of
/// the client context's `custom` whose names do not begin with "blueprint-", where the event does not say otherwise,
/// "x-request-id" (Lambda's, if the caller gave none) and "x-amzn-trace-id". A client context that others wrote in
/// another form is passed over. `errc::serialization` says what is wrong with the event.
/// Source: AWS Lambda Developer Guide, "Next invocation"; the context's text is JSON, which emulators leave in Base64.
BLUEPRINT_FAAS_DECL result<void> read_lambda_event(const Headers& headers, std::string_view event,
                                                   std::chrono::system_clock::time_point now, LambdaCall& call);

/// A failure as the runtime API takes it.
struct LambdaFailure {
    std::string type{};  ///< "Function.JobFailed", for the header field
    std::string body{};  ///< {"errorMessage":"...","errorType":"...","stackTrace":[]}
};

/// Writes a failure. `errorType` is the job's own `platform_code` if it gave one; the header's type is that too if it
/// has the form that Lambda reads, Category.Reason, else a word of ours for what happened.
/// Source: AWS Lambda Developer Guide, "Invocation error".
BLUEPRINT_FAAS_DECL LambdaFailure write_lambda_failure(const Error& error);

/// Makes the error of an event that could not be read, and of a result that is too large for Lambda.
BLUEPRINT_FAAS_DECL Error invalid_lambda_event(Error why);
BLUEPRINT_FAAS_DECL Error too_large_for_lambda(std::size_t bytes, std::size_t most);

/// Writes the answer of a job that succeeded, as `write_exec_answer` does. `errc::function_error` if it has more than
/// `max_bytes`; the text is not made then.
BLUEPRINT_FAAS_DECL result<std::string> write_lambda_answer(JobId id, const result<Bytes>& outcome,
                                                            std::chrono::milliseconds took,
                                                            std::optional<std::size_t> memory_mib,
                                                            std::size_t max_bytes, bool base64);

/// Writes the answer to a warming mark: {"job_id":0,"success":true,"warm":true,"instance":"...","cold_start":true}.
BLUEPRINT_FAAS_DECL std::string write_lambda_warm(JobId id, std::string_view instance, bool cold_start);

/// Writes the trailers of a streamed answer whose job failed after its first byte.
/// Source: AWS Lambda Developer Guide, "Implementing response streaming in a custom runtime".
BLUEPRINT_FAAS_DECL std::string write_lambda_trailers(const LambdaFailure& failure);

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/serve/impl/lambda_messages.ipp"
#endif

#endif
