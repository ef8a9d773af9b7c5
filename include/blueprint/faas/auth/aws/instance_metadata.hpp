#ifndef BLUEPRINT_FAAS_AUTH_AWS_INSTANCE_METADATA_HPP
#define BLUEPRINT_FAAS_AUTH_AWS_INSTANCE_METADATA_HPP

#include "blueprint/faas/auth/aws/source.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/resilience/retry.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::detail::instance_metadata {

struct Memory;

}  // namespace blueprint::faas::detail::instance_metadata

namespace blueprint::faas::aws::credentials {

/// How patiently the metadata service is asked. AWS_METADATA_SERVICE_TIMEOUT (seconds) and
/// AWS_METADATA_SERVICE_NUM_ATTEMPTS go before these.
struct InstanceMetadataOptions {
    std::chrono::milliseconds timeout{1000};  ///< of one request
    /// Where nobody can be connected to, it is tried once: most machines that look for this service have none.
    RetryLimits retry{.max_attempts = 3, .first_delay = std::chrono::milliseconds{200}};
};

/// The metadata service of an EC2 instance (IMDS), which gives out the credentials of the instance's role. A session
/// token is asked for first (version 2), kept, and renewed when the service wants another. Without one it goes on as
/// version 1 where the service has no version 2 or the token's answer is lost, as it is at a container's hop limit of
/// one, unless AWS_EC2_METADATA_V1_DISABLED is true.
///
/// Not here if AWS_EC2_METADATA_DISABLED is true, if nobody can be connected to, or if the instance has no role. When
/// the service fails while its last credentials are near their end, or still gives those, they go on being given, to be
/// asked for again after 12 to 25 minutes: AWS may accept them for longer than it said, and an instance without any is
/// no better off. Copies share token and credentials.
/// Source: AWS SDKs and Tools Reference Guide, "IMDS credential provider"; Amazon EC2 User Guide, "Use the Instance
/// Metadata Service to access instance metadata".
class InstanceMetadata {
public:
    static constexpr std::string_view name = "the instance metadata service";

    BLUEPRINT_FAAS_DECL explicit InstanceMetadata(InstanceMetadataOptions options = {});
    BLUEPRINT_FAAS_DECL asio::awaitable<result<Search>> find(const Reach& reach, Deadline deadline) const;
    /// Returns the region that the instance is in: "eu-central-1"; nothing where `find` says "not here".
    BLUEPRINT_FAAS_DECL asio::awaitable<result<std::optional<std::string>>> region(const Reach& reach,
                                                                                   Deadline deadline) const;

private:
    InstanceMetadataOptions options_;
    std::shared_ptr<faas::detail::instance_metadata::Memory> memory_;
};
static_assert(CredentialSource<InstanceMetadata>);

}  // namespace blueprint::faas::aws::credentials

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/aws/impl/instance_metadata.ipp"
#endif

#endif
