#ifndef BLUEPRINT_FAAS_AUTH_GCP_METADATA_SERVER_HPP
#define BLUEPRINT_FAAS_AUTH_GCP_METADATA_SERVER_HPP

#include "blueprint/faas/auth/gcp/credential.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/resilience/retry.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::gcp::credentials {

/// How patiently the metadata server is asked. GCE_METADATA_TIMEOUT (seconds) goes before `detection_timeout`.
struct MetadataServerOptions {
    std::chrono::milliseconds detection_timeout{3000};  ///< of the one look whether somebody is there
    std::chrono::milliseconds timeout{5000};            ///< of a request to somebody who is
    RetryLimits retry{.max_attempts = 4, .first_delay = std::chrono::milliseconds{500}};
};

/// The metadata server of a machine, a container or a function of Google Cloud, which gives out the tokens of the
/// service account that is attached there. An ID token is for the audience asked for.
///
/// Not here if METADATA_SERVER_DETECTION is `none` or NO_GCE_CHECK is `true`, if nobody answers, if who answers is not
/// Google's (no `Metadata-Flavor: Google`), or if no service account is attached. K_SERVICE, CLOUD_RUN_JOB,
/// FUNCTION_NAME, the machine's name ("Google") or METADATA_SERVER_DETECTION=`assume-present` say that it must be
/// there: then it is not looked for, but asked again and again when it fails, and its failure is an error; `bios-only`
/// goes by these alone, `ping-only` by none. GCE_METADATA_HOST (host[:port], also of this machine; or the older
/// GCE_METADATA_ROOT, or GCE_METADATA_IP) stands for 169.254.169.254.
/// Source: Compute Engine, "About VM metadata" and "Query VM metadata"; Cloud Run, "Introduction to service identity".
class MetadataServer {
public:
    static constexpr std::string_view name = "the metadata server";

    explicit MetadataServer(MetadataServerOptions options = {}) : options_{options} {}
    BLUEPRINT_FAAS_DECL asio::awaitable<result<CredentialSearch>> find(const Reach& reach, Deadline deadline) const;
    /// Returns the region of what runs here: "europe-west1"; nothing where `find` says "not here".
    BLUEPRINT_FAAS_DECL asio::awaitable<result<std::optional<std::string>>> region(const Reach& reach,
                                                                                   Deadline deadline) const;

private:
    MetadataServerOptions options_;
};
static_assert(CredentialSource<MetadataServer>);

}  // namespace blueprint::faas::gcp::credentials

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/gcp/impl/metadata_server.ipp"
#endif

#endif
