#ifndef BLUEPRINT_FAAS_LOCAL_AWS_SESSIONS_HPP
#define BLUEPRINT_FAAS_LOCAL_AWS_SESSIONS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/aws_options.hpp"
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

/// The clock of the local AWS: the machine's, moved by `AwsOptions::clock_offset`.
class AwsClock {
public:
    /// `environment` must outlive it.
    explicit AwsClock(const AwsOptions& options, const Environment& environment = Environment::process())
        : environment_{&environment}, offset_{options.clock_offset} {}

    std::chrono::system_clock::time_point now() const { return environment_->now() + offset_; }
    /// Words the time for `ServerAnswer::date`, from which clients learn how wrong their clock is.
    std::string http_date() const;

private:
    const Environment* environment_;
    std::chrono::seconds offset_;
};

/// Draws so many random characters of Base64 without '+', '/' and '='. Throws `std::runtime_error` if OpenSSL has none.
BLUEPRINT_FAAS_DECL std::string random_text(std::size_t length);

/// Draws a request id, as in "8b1f0b3c-6a5d-4f0e-9d58-0c2f3e9a7b61".
BLUEPRINT_FAAS_DECL std::string random_uuid();

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
