#ifndef BLUEPRINT_FAAS_SERVE_HTTP_MESSAGES_HPP
#define BLUEPRINT_FAAS_SERVE_HTTP_MESSAGES_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/serve/exec.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// A function's calls over HTTP, as values: what a request says and what its answer looks like. No socket, no clock.
namespace blueprint::faas::detail {

using SteadyTime = std::chrono::steady_clock::time_point;

/// What a process tells of itself.
struct HttpInstance {
    std::string id{};                                 ///< 32 hexadecimal digits
    std::string revision{};                           ///< empty: the platform names none
    std::optional<std::chrono::milliseconds> init{};  ///< from the start of the process to its open port
};

/// A request to the function.
struct HttpCall {
    std::uint64_t connection = 0;                     ///< whose it is
    bool health = false;                              ///< nothing but whether the process is there
    std::optional<std::chrono::milliseconds> hold{};  ///< a warming call: it is held that long and runs no job
    bool binary = false;                              ///< bare bytes, both ways
    std::optional<JobId> job_id{};
    std::string request_id{};                 ///< goes back with the answer
    bool cold_start = false;                  ///< the first call of this process
    SteadyTime deadline = SteadyTime::max();  ///< when the caller waits no longer
    Bytes body{};                             ///< as it came, until `read_http_body`
    ExecRequest request{};                    ///< what goes to the job
    bool enveloped = false;                   ///< it came in the envelope of Azure's host, and so goes its answer
    Headers fields{};                         ///< those that say anything to us, if they are kept
    Bytes kept{};                             ///< the body as it came, of JSON, if it is kept
};

/// An answer, but for what belongs to the connection: Content-Length and Connection.
struct HttpReply {
    unsigned status = 200;
    std::string fields{};  ///< whole lines
    std::string text{};    ///< the body; if it is empty, `bytes` is
    Bytes bytes{};

    BLUEPRINT_FAAS_DECL std::string_view body() const noexcept;
};

/// Tells whether the field `name` says anything to us. Others are not even kept, so credentials stay nowhere.
BLUEPRINT_FAAS_DECL bool is_http_call_field(std::string_view name) noexcept;

/// Reads the head of a request that came at `now`: POST is a call, or a warming one with X-Blueprint-Warm-Ms; GET and
/// HEAD ask for the health. The error has the status of its answer as `http_status`.
BLUEPRINT_FAAS_DECL result<HttpCall> read_http_head(std::string_view method, const Headers& headers, SteadyTime now);

/// Reads the body into the job's call, whose timeout becomes what is left of the caller's time. Errors as above, 504
/// if nothing is left.
BLUEPRINT_FAAS_DECL result<void> read_http_body(HttpCall& call, std::chrono::system_clock::time_point today,
                                                SteadyTime now);

/// Makes the error of a request that is answered with `status`, and says that no job ran.
BLUEPRINT_FAAS_DECL Error http_refusal(unsigned status, std::string_view code, std::string message);
/// Makes the error of a call whose time was over before a job ran.
BLUEPRINT_FAAS_DECL Error http_call_too_late();

/// Writes {"error":"...","code":"BAD_REQUEST"} with the error's status.
BLUEPRINT_FAAS_DECL HttpReply write_http_refusal(const Error& error, std::string_view request_id = {});
/// Writes what the job gave: 200 with the bare bytes or the exec model's JSON, 500 with its JSON for a job that failed,
/// also because its result has more than `max_bytes`.
BLUEPRINT_FAAS_DECL HttpReply write_http_answer(const HttpInstance& instance, const HttpCall& call,
                                                result<Bytes> outcome, std::chrono::milliseconds took,
                                                std::optional<std::size_t> memory_mib, std::size_t max_bytes);
/// Writes {"warm":true,"instance":"...","cold_start":true}.
BLUEPRINT_FAAS_DECL HttpReply write_http_warm(const HttpInstance& instance, const HttpCall& call);
/// Writes {"status":"healthy","instance":"...","revision":"..."}, with `more` before the last brace.
BLUEPRINT_FAAS_DECL HttpReply write_http_health(const HttpInstance& instance, const HttpCall& call,
                                                std::string_view more = {});

/// Writes the status line and the fields of an answer. Source: RFC 9112, sections 4 and 9.3.
BLUEPRINT_FAAS_DECL std::string write_http_head(const HttpReply& reply, bool keep);

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/serve/impl/http_messages.ipp"
#endif

#endif
