#ifndef BLUEPRINT_FAAS_LOCAL_AWS_SESSIONS_HPP
#define BLUEPRINT_FAAS_LOCAL_AWS_SESSIONS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/aws_options.hpp"
#include "blueprint/faas/local/platform_clock.hpp"
#include "blueprint/faas/local/random.hpp"
#include "blueprint/faas/secret.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::local {

/// Makes the `Error` of a request that AWS refuses: its status, the code's name there, and the text.
inline Error aws_refusal(unsigned status, std::string_view code, std::string message) {
    return Error{.code = errc::invocation_failed,
                 .message = std::move(message),
                 .http_status = status,
                 .platform_code = std::string{code},
                 .execution = Execution::not_started};
}

using AwsClock = PlatformClock;

/// Makes an id of IAM from an ARN, the same for the same one: `prefix` and 17 capital letters and digits.
BLUEPRINT_FAAS_DECL std::string aws_unique_id(std::string_view prefix, std::string_view arn);

/// Begins an ARN of the options' account: "arn:aws:iam::123456789012:" for "iam".
BLUEPRINT_FAAS_DECL std::string aws_arn(const AwsOptions& options, std::string_view service);

/// Temporary credentials that somebody was given.
struct AwsSession {
    std::string access_key_id{};  ///< "ASIA..."
    Secret secret_access_key{};
    Secret token{};
    std::string arn{};  ///< "arn:aws:sts::123456789012:assumed-role/ROLE/SESSION"
    std::chrono::system_clock::time_point expires{};
};

/// The book of the temporary credentials that the local AWS gave out: STS and the metadata services write it, the
/// gate reads it. What has expired stays for a day, because its holder is to hear that it expired.
class AwsSessions {
public:
    explicit AwsSessions(AwsClock clock) : clock_{clock} {}

    /// Gives new credentials, random all of them, to who is now `arn`.
    AwsSession issue(std::string arn, std::chrono::seconds life);
    /// Enters credentials that were chosen elsewhere.
    void add(AwsSession session);
    /// Returns the entry of that access key id, also an expired one; null if there is none. Valid until the next entry.
    const AwsSession* find(std::string_view access_key_id) const;

private:
    AwsClock clock_;
    std::map<std::string, AwsSession, std::less<>> sessions_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/aws_sessions.ipp"
#endif

#endif
