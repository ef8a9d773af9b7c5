#ifndef BLUEPRINT_FAAS_LOCAL_AWS_GATE_HPP
#define BLUEPRINT_FAAS_LOCAL_AWS_GATE_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/aws_options.hpp"
#include "blueprint/faas/local/aws_sessions.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::local {

/// Who signed a request.
struct AwsCaller {
    std::string access_key_id{};
    std::string arn{};  ///< of the user, or of the assumed role
    std::string account_id{};
    std::string service{};  ///< that the signature is for: "lambda"
};

/// Returns the service that a request is meant for, by its path and Host: "lambda", "sts" or "s3"; empty for the
/// metadata services, whose requests carry no signature. Lambda's paths begin with the date of its API; STS is
/// `POST /` or `GET /?Action=`; all else is a bucket's.
BLUEPRINT_FAAS_DECL std::string_view aws_service_of(const ServerRequest& head);

/// Returns the bucket that a Host below "localhost" names: "b" of "b.localhost:4711"; empty for any other Host.
BLUEPRINT_FAAS_DECL std::string aws_bucket_of_host(const ServerRequest& head);

/// One parameter of a query, decoded.
struct AwsParameter {
    std::string name{};
    std::string value{};
};

/// Takes the query of a target apart, in the order as sent; what is no proper escape stays as it is.
BLUEPRINT_FAAS_DECL std::vector<AwsParameter> aws_query(std::string_view target);

/// Verifies signatures of version 4, in the Authorization field or in the query, as AWS does: anything that the client
/// signed in another way than it sent is refused. The `Error` of a refusal has the status, code and text that the
/// service in question gives.
/// Source: AWS IAM User Guide, "AWS Signature Version 4 for API requests".
class AwsGate {
public:
    /// All must outlive it.
    AwsGate(const AwsOptions& options, const AwsSessions& sessions, const AwsClock& clock)
        : options_{options}, sessions_{sessions}, clock_{clock} {}

    /// Judges what can be judged before the body is there: all but the body's hash. A request with a body that does
    /// not announce the hash in `x-amz-content-sha256` passes with its signature unchecked; `judge` will see.
    /// `service`: for which it must be signed; empty: `aws_service_of`.
    result<AwsCaller> judge_head(const ServerRequest& head, std::string_view service = {}) const {
        return judge(head, service, false);
    }
    /// Judges the whole request.
    result<AwsCaller> judge(const ServerRequest& request, std::string_view service = {}) const {
        return judge(request, service, true);
    }
    /// Tells whether the request carries a signature at all, be it good or bad.
    static bool is_signed(const ServerRequest& head);

private:
    result<AwsCaller> judge(const ServerRequest& request, std::string_view service, bool with_body) const;

    const AwsOptions& options_;
    const AwsSessions& sessions_;
    const AwsClock& clock_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/aws_gate.ipp"
#endif

#endif
