#ifndef BLUEPRINT_FAAS_CODEC_GCP_SERVICE_CONFIG_HPP
#define BLUEPRINT_FAAS_CODEC_GCP_SERVICE_CONFIG_HPP

#include "blueprint/faas/codec/gcp_options.hpp"
#include "blueprint/faas/config.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/job.hpp"
#include "blueprint/faas/package/glibc.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas {
class Package;
}

namespace blueprint::faas::detail {

/// How a job's service is to run, as Cloud Run and Cloud Functions both want it; checked.
struct GoogleServiceConfig {
    std::uint32_t memory_mib = 0;
    std::string memory{};         ///< "512Mi"
    std::uint32_t milli_cpu = 0;  ///< 1000 is one processor
    std::string cpu{};            ///< "1", "500m"
    std::chrono::seconds timeout{};
    std::uint32_t concurrency = 1;    ///< calls that an instance takes at a time
    std::uint32_t min_instances = 0;  ///< of the service
    std::uint32_t max_instances = 0;
    /// The variables of the configuration, and ours: BLUEPRINT_CONCURRENCY.
    std::map<std::string, Secret, std::less<>> environment{};
    std::map<std::string, std::string> labels{};  ///< ours, and those of the options; what others set stays
    std::string service_account{};                ///< email; empty: the project's default one
    std::string ingress{};                        ///< "INGRESS_TRAFFIC_ALL"
};

/// What a job's service is deployed with, for `GoogleServiceConfig::labels`.
struct GoogleDeployed {
    JobId job{};
    std::string package_sha256{};
};

/// Checks everything that Google would refuse: `errc::invalid_configuration`, which names the value.
/// Source: Cloud Run documentation, "Configure CPU limits", "Configure memory limits", "Quotas and limits", "Container
/// runtime contract" (environment variables); Resource Manager documentation, "Requirements for labels".
BLUEPRINT_FAAS_DECL result<GoogleServiceConfig> google_service_config(const GoogleCloudOptions& options,
                                                                      const FaasConfig& config,
                                                                      const GoogleDeployed& what);

/// Tells why Google cannot run a package; nothing if it can. `where` has `present`: ("Ubuntu 24.04 (osonly24)").
BLUEPRINT_FAAS_DECL std::optional<Error> google_package_problem(const Package& package, GlibcVersion present,
                                                                std::string_view where);

/// Reads a size of memory in bytes: "512Mi", "1Gi", "512M", "1G", "64k", "0.5Gi", or plain bytes; nothing if it is
/// none. Source: Kubernetes API conventions, "Quantity".
BLUEPRINT_FAAS_DECL std::optional<std::uint64_t> read_memory_bytes(std::string_view text);
/// Reads a share of processors in thousandths, rounded down: "1", "0.5", "500m"; nothing if it is none.
BLUEPRINT_FAAS_DECL std::optional<std::uint32_t> read_milli_cpu(std::string_view text);

/// Our label of a package's digest, both halves: labels hold 63 characters. Empty if `labels` do not have both.
BLUEPRINT_FAAS_DECL std::string labelled_package(const std::map<std::string, std::string>& labels);

/// Tells whether what is there is as wanted. Variables that Google adds by itself are no difference; labels that are
/// not wanted belong to others.
BLUEPRINT_FAAS_DECL bool same_environment(const std::map<std::string, Secret, std::less<>>& wanted,
                                          const std::map<std::string, Secret, std::less<>>& there);
BLUEPRINT_FAAS_DECL bool has_labels(const std::map<std::string, std::string>& wanted,
                                    const std::map<std::string, std::string>& there);

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/gcp_service_config.ipp"
#endif

#endif
