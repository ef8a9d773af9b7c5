#ifndef BLUEPRINT_FAAS_LOCAL_GCP_SHARED_HPP
#define BLUEPRINT_FAAS_LOCAL_GCP_SHARED_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/local/background.hpp"
#include "blueprint/faas/local/deployment.hpp"
#include "blueprint/faas/local/gcp_gate.hpp"
#include "blueprint/faas/local/gcp_operations.hpp"
#include "blueprint/faas/local/gcp_options.hpp"
#include "blueprint/faas/local/gcp_requests.hpp"
#include "blueprint/faas/local/gcp_storage.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// What the services of the local Google Cloud share, and what goes on in them. On the host's strand only.
struct GcpShared : Background {
    GcpShared(FunctionHost& function_host, const GcpOptions& gcp_options, const GcpGate& gcp_gate,
              const GcpClock& gcp_clock)
        : Background{function_host.strand},
          host{function_host},
          options{gcp_options},
          gate{gcp_gate},
          clock{gcp_clock},
          operations{function_host.strand},
          storage{gcp_options, gcp_gate, gcp_clock} {}

    std::string now() const { return gcp_time(clock.now()); }
    /// What `GcpOptions::operation_fault` says of an operation.
    std::optional<GcpStatus> fault(std::string_view verb, std::string_view name) const;
    /// Refuses a place that is none of the cloud's: another project, or what is no region. A project's number becomes
    /// its name.
    result<void> check_place(GcpTarget& target, bool lists) const;
    /// Refuses a service account that the cloud does not know. Empty: the project's own.
    result<void> check_account(std::string_view email) const;
    std::string default_account() const { return options.project_number + "-compute@developer.gserviceaccount.com"; }

    FunctionHost& host;
    const GcpOptions& options;
    const GcpGate& gate;
    const GcpClock& clock;
    GcpOperations operations;
    GcpStorage storage;
    std::string url{};  ///< of the APIs
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/gcp_shared.ipp"
#endif

#endif
