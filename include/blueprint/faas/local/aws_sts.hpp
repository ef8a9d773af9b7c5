#ifndef BLUEPRINT_FAAS_LOCAL_AWS_STS_HPP
#define BLUEPRINT_FAAS_LOCAL_AWS_STS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/aws_gate.hpp"
#include "blueprint/faas/local/aws_options.hpp"
#include "blueprint/faas/local/aws_sessions.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace blueprint::faas::local {

/// The Security Token Service: AssumeRole, AssumeRoleWithWebIdentity and GetCallerIdentity. Every role of the account
/// may be assumed by everybody in it.
/// Source: AWS Security Token Service API Reference.
class AwsSts {
public:
    static constexpr std::uint64_t body_bytes = 128U << 10;  ///< the longest request: a web identity token has 20,000

    /// All must outlive it.
    AwsSts(const AwsOptions& options, AwsSessions& sessions, const AwsClock& clock)
        : options_{options}, sessions_{sessions}, clock_{clock} {}

    static bool takes(const ServerRequest& head) { return aws_service_of(head) == "sts"; }
    /// Answers a request. `caller`: who signed it; null: nobody, and then it may only be AssumeRoleWithWebIdentity.
    ServerAnswer answer(const ServerRequest& request, const AwsCaller* caller);
    /// Words a refusal in XML.
    static ServerAnswer failure(const Error& error);

    using Form = std::map<std::string, std::string, std::less<>>;

private:
    result<std::string> assume_role(const Form& form, const AwsCaller& caller);
    result<std::string> assume_role_with_web_identity(const Form& form);
    std::string caller_identity(const AwsCaller& caller) const;

    const AwsOptions& options_;
    AwsSessions& sessions_;
    const AwsClock& clock_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/aws_sts.ipp"
#endif

#endif
