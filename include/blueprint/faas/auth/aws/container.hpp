#ifndef BLUEPRINT_FAAS_AUTH_AWS_CONTAINER_HPP
#define BLUEPRINT_FAAS_AUTH_AWS_CONTAINER_HPP

#include "blueprint/faas/auth/aws/source.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/resilience/retry.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <string_view>

namespace blueprint::faas::aws::credentials {

/// How patiently the endpoint of a container is asked.
struct ContainerOptions {
    std::chrono::milliseconds timeout{2000};  ///< of one request
    RetryLimits retry{.max_attempts = 3, .first_delay = std::chrono::milliseconds{1000}};
};

/// The endpoint that Amazon ECS, AWS Lambda with SnapStart and EKS Pod Identity give to a container: at
/// `http://169.254.170.2` and AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, or at AWS_CONTAINER_CREDENTIALS_FULL_URI. A full
/// one may be any `https://` URL, but `http://` only with the address of this machine or of these services. The token
/// of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, read anew each time, or of AWS_CONTAINER_AUTHORIZATION_TOKEN is sent as
/// it stands. Not here if neither URI is set; an error if one is, and what it leads to gives no credentials.
/// Source: AWS SDKs and Tools Reference Guide, "Container credential provider".
class Container {
public:
    static constexpr std::string_view name = "the container's endpoint";

    explicit Container(ContainerOptions options = {}) : options_{options} {}
    BLUEPRINT_FAAS_DECL asio::awaitable<result<Search>> find(const Reach& reach, Deadline deadline) const;

private:
    ContainerOptions options_;
};
static_assert(CredentialSource<Container>);

}  // namespace blueprint::faas::aws::credentials

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/aws/impl/container.ipp"
#endif

#endif
