#ifndef BLUEPRINT_FAAS_LOCAL_INVOKE_MESSAGES_HPP
#define BLUEPRINT_FAAS_LOCAL_INVOKE_MESSAGES_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/local/custom_messages.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/process.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

// What an invocation's messages say: of the caller, to the function, of the function, to the caller.

/// Bytes of a call or of its answer. Usually they stay the JSON text that they came as: it has been checked, and is
/// what the other side reads.
struct CallBytes {
    std::string_view text{};  ///< "[1,2,255]", without white space; empty: see `bytes`
    Bytes bytes{};
};

/// A call, however its bytes travelled.
struct InvokeRequest {
    std::uint32_t job_id = 0;
    CallBytes args{};               ///< `text` is a part of the request's body
    bool binary = false;            ///< came as application/octet-stream, and goes back so
    bool base64 = false;            ///< the result is to be a Base64 string
    bool respond_async = false;     ///< the caller does not wait for the result
    std::string idempotency_key{};  ///< empty: none
    std::optional<std::chrono::milliseconds> timeout{};
};

/// Checks what an invocation's head alone can tell: 415 for its content type, 400 for its timeout, job id or key.
BLUEPRINT_FAAS_DECL result<InvokeRequest> read_invoke_head(const ServerRequest& head, bool strict_1_0);
/// The same with the body: `{"job_id":0,"args":[1,2,3]}`, or bare bytes. `request` must outlive the call's `args`.
BLUEPRINT_FAAS_DECL result<InvokeRequest> read_invoke_request(ServerRequest& request, bool strict_1_0);

/// What makes two calls the same, however they travelled: a digest of job id and arguments.
BLUEPRINT_FAAS_DECL faas::detail::Sha256Digest call_digest(const InvokeRequest& call);

/// Writes the line that the function reads on stdin. A caller who reads Base64 lets the function write it too:
/// `"context":{"bytes":"base64"}` tells it that it may.
BLUEPRINT_FAAS_DECL std::string function_input(const InvokeRequest& call, const ServerRequest& request,
                                               std::chrono::system_clock::time_point deadline, bool strict_1_0);

/// What came of a call, whoever asks for it and in whatever form.
struct InvokeOutcome {
    std::string output{};  ///< what the function wrote; `result.text` is a part of it
    CallBytes result{};
    std::optional<ServerAnswer> failure{};  ///< the answer if there is no result
    std::uint32_t job_id = 0;
    std::int64_t execution_ms = 0;
    std::optional<std::uint32_t> memory_mib{};
    bool cold = true;
    bool began = true;    ///< the function may have seen the call
    bool in_step = true;  ///< what was written is one answer: a loop may go on

    InvokeOutcome() = default;
    InvokeOutcome(const InvokeOutcome&) = delete;
    InvokeOutcome& operator=(const InvokeOutcome&) = delete;
};

/// Reads what the process did with the call into `outcome`, which is new.
BLUEPRINT_FAAS_DECL void read_outcome(const std::string& function_id, const InvokeRequest& call, ProcessOutcome process,
                                      std::chrono::seconds limit, bool strict_1_0, InvokeOutcome& outcome);

/// Words the outcome for the one who asked: as numbers, Base64 or bare bytes.
BLUEPRINT_FAAS_DECL ServerAnswer invoke_answer(const std::string& function_id, const InvokeRequest& call,
                                               const InvokeOutcome& outcome, bool strict_1_0,
                                               const CloudLimits& limits);

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/invoke_messages.ipp"
#endif

#endif
