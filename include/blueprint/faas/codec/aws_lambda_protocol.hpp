#ifndef BLUEPRINT_FAAS_CODEC_AWS_LAMBDA_PROTOCOL_HPP
#define BLUEPRINT_FAAS_CODEC_AWS_LAMBDA_PROTOCOL_HPP

#include "blueprint/faas/codec/aws_lambda_options.hpp"
#include "blueprint/faas/codec/impl/call_forms.hpp"
#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/deployment.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/metrics.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::detail {

namespace lambda_protocol {
struct CallFields;
}

/// The wire format of the Lambda API without any exchange: requests out of operations, results out of answers.
/// Immutable after construction; `environment` outlives it.
/// Source: AWS Lambda Developer Guide, "API reference".
class LambdaProtocol {
public:
    /// How a call is made: its answer is waited for, or comes in pieces, or the call is queued, or it is only checked.
    enum class Way { wait, stream, queue, check };

    BLUEPRINT_FAAS_DECL explicit LambdaProtocol(LambdaOptions options,
                                                const Environment& environment = Environment::process());

    /// Tells what is wrong with the options; every operation answers with it.
    const std::optional<Error>& misconfigured() const noexcept { return misconfigured_; }
    const LambdaOptions& options() const noexcept { return options_; }
    const Environment& environment() const noexcept { return environment_; }
    /// Where the API is, as text: the audience of tokens, for those who use such.
    const std::string& where() const noexcept { return where_; }

    BLUEPRINT_FAAS_DECL std::string function_name(JobId id) const;
    /// The job that a function of that name is; nothing if it is none of ours.
    BLUEPRINT_FAAS_DECL std::optional<JobId> job_of(std::string_view function_name) const;
    /// "/2015-03-31/functions/blueprint-job-0"; `version` is the one of the operation's path.
    BLUEPRINT_FAAS_DECL std::string function_path(JobId id, std::string_view version = "2015-03-31") const;
    /// Makes a request to the API. `path` begins with '/', is percent-encoded (also ':' and '$', pitfall 2) and may
    /// have a query; the endpoint's own path is put before it.
    BLUEPRINT_FAAS_DECL HttpRequest request(Verb verb, std::string_view path) const;

    /// Makes the request of a call with `body`, which is the function's event. Refuses what Lambda would refuse for its
    /// size: the body (6 MiB; queued 1 MiB) and the client context (3,583 bytes).
    /// Source: AWS Lambda Developer Guide, "Invoke" and "Lambda quotas".
    BLUEPRINT_FAAS_DECL result<HttpRequest> call_request(const JobCall& call, std::string body, Deadline deadline,
                                                         Way way) const;
    /// Begins the same for a call that is waited for: `form` is then one of its job and lacks the body.
    BLUEPRINT_FAAS_DECL void begin_form(CallForm& form, JobId id) const;
    /// Ends it, when the body is written. `now` is the moment that the deadline is counted from.
    BLUEPRINT_FAAS_DECL std::optional<Error> end_form(CallForm& form, const JobCall& call, Deadline deadline,
                                                      Moment now) const;
    /// What a queued call says beside its bytes, as it stands in the event: `,"context":{...}`; empty if nothing.
    /// Client contexts reach functions that are waited for alone.
    BLUEPRINT_FAAS_DECL static std::string queued_context(const JobCall& call);

    /// Reads what the answer's header fields tell of the call, the end of its log too if that was asked for.
    BLUEPRINT_FAAS_DECL FaasMetrics read_metrics(const HttpResponse& answer) const;
    /// Reads the end of a function's log, in Base64, for the report about the call of `metrics.request_id`.
    BLUEPRINT_FAAS_DECL void read_log(std::string_view base64, FaasMetrics& metrics) const;
    BLUEPRINT_FAAS_DECL result<Invocation> read_invocation(const HttpResponse& answer, JobId id,
                                                           bool metered = true) const;
    /// Reads the answer to a queued call. A platform that ran it at once is believed.
    BLUEPRINT_FAAS_DECL result<Receipt> read_receipt(const HttpResponse& answer, JobId id) const;
    /// Reads the answer to a call that was only to be checked.
    BLUEPRINT_FAAS_DECL static result<void> read_check(const HttpResponse& answer);

    /// Makes the error of a function that failed: `failure` is {"errorMessage","errorType","stackTrace"}, or whatever
    /// its runtime wrote; `kind` is Lambda's word for it, where the function has none.
    BLUEPRINT_FAAS_DECL static Error function_failed(std::string_view failure, std::string_view kind,
                                                     FaasMetrics metrics);

    /// Says what an answer means as a failure; nothing if its status is a success. A function that failed is such a
    /// success. `execution` is `not_started` where Lambda reserves the code for functions that it did not run.
    /// Source: AWS Lambda Developer Guide, "Invoke", errors; AWS SDKs and Tools Reference Guide, "Retry behavior".
    BLUEPRINT_FAAS_DECL static std::optional<Error> judge(const HttpResponse& answer);

private:
    BLUEPRINT_FAAS_DECL result<Url> checked_base() const;
    FaasMetrics read_metrics(const HttpResponse& answer, const lambda_protocol::CallFields& told) const;
    void write_head(HttpRequest& request, JobId id, Way way) const;
    std::optional<Error> complete(HttpRequest& request, std::string& json, std::string& base64, const JobCall& call,
                                  Deadline deadline, Moment now, Way way) const;
    result<Invocation> read_unusual(const HttpResponse& answer, JobId id, FaasMetrics metrics,
                                    std::optional<std::string_view> failed) const;

    LambdaOptions options_;
    const Environment& environment_;
    Url base_{};
    std::string where_{};
    std::optional<Error> misconfigured_{};
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/aws_lambda_calls.ipp"
#include "blueprint/faas/codec/impl/aws_lambda_protocol.ipp"
#endif

#endif
