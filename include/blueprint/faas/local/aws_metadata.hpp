#ifndef BLUEPRINT_FAAS_LOCAL_AWS_METADATA_HPP
#define BLUEPRINT_FAAS_LOCAL_AWS_METADATA_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/local/aws_gate.hpp"
#include "blueprint/faas/local/aws_options.hpp"
#include "blueprint/faas/local/aws_sessions.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// What hands out credentials to who runs inside AWS: the instance metadata service, version 2 alone, below `/latest/`,
/// and the endpoint of containers at `/container-credentials`.
/// Source: Amazon EC2 User Guide, "Use the Instance Metadata Service"; Amazon EKS User Guide, "EKS Pod Identity".
class AwsMetadata {
public:
    static constexpr std::string_view container_path = "/container-credentials";

    /// All must outlive it.
    AwsMetadata(const AwsOptions& options, AwsSessions& sessions, const AwsClock& clock)
        : options_{options}, sessions_{sessions}, clock_{clock} {}

    static bool takes(const ServerRequest& head) { return aws_service_of(head).empty(); }
    /// Answers a request; nobody signs these, so that the caller is not looked at.
    ServerAnswer answer(const ServerRequest& request, const AwsCaller* caller = nullptr);

private:
    ServerAnswer token(const ServerRequest& request);
    ServerAnswer container(const ServerRequest& request);
    bool knows_token(std::string_view token) const;
    const AwsSession& current();

    const AwsOptions& options_;
    AwsSessions& sessions_;
    const AwsClock& clock_;
    std::map<std::string, std::chrono::system_clock::time_point, std::less<>> tokens_;  // by their SHA-256: no secrets
    std::optional<AwsSession> current_;
    std::chrono::system_clock::time_point issued_{};
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/aws_metadata.ipp"
#endif

#endif
