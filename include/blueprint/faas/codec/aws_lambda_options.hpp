#ifndef BLUEPRINT_FAAS_CODEC_AWS_LAMBDA_OPTIONS_HPP
#define BLUEPRINT_FAAS_CODEC_AWS_LAMBDA_OPTIONS_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace blueprint::faas {

/// How jobs become functions of AWS Lambda.
struct LambdaOptions {
    std::string region{};              ///< "eu-central-1"
    std::string endpoint{};            ///< `https://lambda.REGION.amazonaws.com`, or where else the API is
    std::string role_arn{};            ///< the role that functions run as: needed to deploy, not to invoke
    std::string prefix = "blueprint";  ///< functions are `{prefix}-job-0`

    /// The alias that calls go to. A deployment publishes a version and moves the alias to it as its last step, so a
    /// failed one is never seen by callers and the one before can be had back. Empty: calls go to `$LATEST`, which a
    /// deployment changes step by step; needed for functions that somebody else deployed without aliases.
    std::string alias = "live";
    std::uint32_t keep_versions = 5;  ///< older ones that get no calls are deleted after a deployment; 0: none is

    std::string description{};                  ///< of the functions; at most 256 characters
    std::map<std::string, std::string> tags{};  ///< of the functions; at most 50; those that others set stay
    std::string storage_endpoint{};             ///< of S3; empty: `https://BUCKET.s3.REGION.amazonaws.com`
    std::string storage_bucket{};               ///< in `region`; needed for packages above 50 MB
    std::size_t inline_bytes = 52'428'800;  ///< packages below this travel in requests to Lambda, which takes no more
    std::size_t part_bytes = 16U << 20;     ///< of an upload to the bucket; at least 5 MiB

    /// Ask for the end of the function's log with every call: it tells cold starts, billed time and memory, and costs 4
    /// KB of answer. Without it those metrics are empty.
    bool log_tail = true;
    bool keep_log_text = false;  ///< hand the text on in `FaasMetrics::log_tail`; it holds whatever the job printed
    std::size_t max_answer_bytes = 8U << 20;  ///< of an answer; Lambda ends them at 6 MiB

    std::chrono::milliseconds role_patience{60'000};  ///< how long a role that cannot be assumed yet is waited for
    std::chrono::milliseconds first_poll{250};        ///< between looks at a function that is being changed; doubles
    std::chrono::milliseconds max_poll{2'000};
    std::chrono::milliseconds warm_hold{75};  ///< a warming call stays this long, so that the next one starts another
};

}  // namespace blueprint::faas

#endif
