#ifndef BLUEPRINT_FAAS_CODEC_OPENWHISK_CALLS_HPP
#define BLUEPRINT_FAAS_CODEC_OPENWHISK_CALLS_HPP

#include "blueprint/faas/codec/impl/call_forms.hpp"
#include "blueprint/faas/codec/openwhisk_access.hpp"
#include "blueprint/faas/codec/openwhisk_activation.hpp"
#include "blueprint/faas/codec/openwhisk_options.hpp"
#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/deployment.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/metrics.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::detail {

/// How calls of jobs travel as invocations of actions, and back as activation records. Immutable after construction.
/// The body of a call are the action's parameters: `{"job_id":7,"context":{"timeout_ms":29950,"traceparent":"...",
/// "request_id":"...","metadata":{"k":"v"}},"args":"AQID"}`. The function's answer, which a record has as its result,
/// is `{"job_id":7,"result":"GQ==","success":true,"execution_ms":12,"memory_used_mb":3}`, or
/// `{"job_id":7,"success":false,"error":"...","code":"FUNCTION_ERROR","execution_ms":12}`, of which OpenWhisk keeps
/// `{"error":"..."}` alone.
/// Source: Apache OpenWhisk, "Using REST APIs with OpenWhisk", "Actions", and apiv1swagger.json, "invokeAction".
class OpenWhiskCalls {
public:
    /// What an answer to a warming call says: who answered it.
    struct Warmed {
        std::string instance{};  ///< empty: the function does not know such calls
        std::string why_not{};
    };

    BLUEPRINT_FAAS_DECL explicit OpenWhiskCalls(const OpenWhiskActionOptions& options);

    /// Begins a call: `form` is then one of the job, whose action is to be found by `access`, as known at `state`.
    BLUEPRINT_FAAS_DECL void begin_form(CallForm& form, JobId id, const OpenWhiskAccess& access,
                                        std::uint64_t state) const;
    /// Writes what a body has before the job's bytes. `deadline` is told as what is left of it now: a call that is sent
    /// again later tells the job more time than the caller still waits. Refuses metadata that are no text.
    BLUEPRINT_FAAS_DECL std::optional<Error> begin_body(std::string& body, const JobCall& call, Deadline deadline,
                                                        Moment now) const;
    /// Ends a call when its body is written. Refuses one that is larger than the platform takes.
    BLUEPRINT_FAAS_DECL std::optional<Error> end_form(CallForm& form, const JobCall& call) const;

    /// Makes the target of an action's calls; `blocking`: the answer is the activation's record, if it ends in time.
    BLUEPRINT_FAAS_DECL std::string target(const OpenWhiskAccess& access, JobId id, bool blocking) const;

    /// Says what an answer to a call means as a failure: of the platform, or of who stands before it. An activation
    /// that goes on, succeeded, or failed by its own fault is none: `read_invocation` tells of that. `retryable` may be
    /// repeated if that is harmless.
    BLUEPRINT_FAAS_DECL static std::optional<Error> judge(const HttpResponse& answer);
    /// The same of a look at an activation's record: that it is not stored yet (404) is no failure.
    BLUEPRINT_FAAS_DECL static std::optional<Error> judge_look(const HttpResponse& answer);
    /// Reads a record that tells how a call ended. The metrics of a success are read if `metered`.
    BLUEPRINT_FAAS_DECL result<Invocation> read_invocation(const HttpResponse& answer, JobId id, bool metered) const;
    /// Reads the answer to a call that was not to be waited for.
    BLUEPRINT_FAAS_DECL result<Receipt> read_receipt(const HttpResponse& answer, JobId id) const;
    /// Returns the id of the activation that an answer tells of; empty if it tells none.
    BLUEPRINT_FAAS_DECL static std::string activation_id(const HttpResponse& answer);
    /// Tells whether a call's log is wanted, and the record of `answer` has none.
    BLUEPRINT_FAAS_DECL bool lacks_log(const HttpResponse& answer) const;
    /// Reads the answer to a request for a log alone, `{"logs":["...",...]}`; empty if it is none.
    BLUEPRINT_FAAS_DECL static std::string read_log(const HttpResponse& answer);

    /// The error of a call that goes on as activation `id`, whose end was not seen because of `why`.
    BLUEPRINT_FAAS_DECL Error not_ended(JobId job, std::string_view id, const Error& why) const;

    /// A call that runs no job and is held for a moment, so that the next one needs another instance.
    BLUEPRINT_FAAS_DECL HttpRequest warm_request(const OpenWhiskAccess& access, JobId id) const;
    /// Asks the function whether it is there; runs no job.
    BLUEPRINT_FAAS_DECL HttpRequest health_request(const OpenWhiskAccess& access, JobId id) const;
    BLUEPRINT_FAAS_DECL static Warmed read_warmed(const HttpResponse& answer);
    BLUEPRINT_FAAS_DECL static Health read_health(const HttpResponse& answer);

    /// How long an answer that holds a record may be, its log included.
    std::size_t record_bytes() const noexcept { return record_bytes_; }

private:
    HttpRequest marked_request(const OpenWhiskAccess& access, JobId id, std::string body) const;
    result<Invocation> read_unusual(const HttpResponse& answer, JobId id) const;

    std::string prefix_;   // percent-encoded, as the path has it
    std::string package_;  // the same, with its '/'
    std::size_t max_body_bytes_;
    std::size_t record_bytes_;
    std::chrono::milliseconds warm_hold_;
    bool log_tail_;
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/openwhisk_calls.ipp"
#endif

#endif
