#ifndef BLUEPRINT_FAAS_AUTH_AWS_SETTINGS_HPP
#define BLUEPRINT_FAAS_AUTH_AWS_SETTINGS_HPP

#include "blueprint/faas/auth/aws/config_file.hpp"
#include "blueprint/faas/auth/aws/settings_options.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/error.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace blueprint::faas::aws {

/// The services of AWS that are spoken to.
enum class Service : std::uint8_t {
    lambda,
    sts,
    s3,
    sso,       ///< the portal of IAM Identity Center, which gives credentials
    sso_oidc,  ///< its sign-in, which refreshes tokens
};
inline constexpr std::size_t service_count = 5;

/// Where a service is asked.
struct Endpoint {
    std::string url{};     ///< "https://lambda.eu-central-1.amazonaws.com"
    std::string region{};  ///< that signatures are made for
};

/// What variables, files and the caller say together.
struct Settings {
    std::string profile = "default";
    std::string region{};  ///< empty: nobody says which
    bool fips = false;
    bool dual_stack = false;
    std::string ca_bundle{};  ///< path of a PEM file; empty: the system's authorities

    /// The URL that was configured for a service, and who says so, for messages. Empty: AWS's own.
    struct Configured {
        std::string url{};
        std::string by{};
    };
    std::array<Configured, service_count> endpoints{};

    /// Tells where a service is asked, in `other_region` if that is not empty. `errc::invalid_configuration`, which
    /// says what to set: no region is known, a configured URL is none or cannot be had with FIPS or dual stack, or AWS
    /// has no such endpoint.
    BLUEPRINT_FAAS_DECL result<Endpoint> endpoint_for(Service service, std::string_view other_region = {}) const;
};

/// Finds out what to go by. For each setting the caller comes first, then the environment's variables, then the
/// profile; of the URLs a service's own before the one for all. `errc::invalid_configuration` names the variable, or
/// key and profile, that cannot be read, and never its value.
/// Source: AWS SDKs and Tools Reference Guide, "Settings reference" (AWS Region, service-specific endpoints, dual-stack
/// and FIPS endpoints, general configuration settings).
BLUEPRINT_FAAS_DECL result<Settings> resolve_settings(const faas::Environment& environment, const ConfigFiles& files,
                                                      const SettingsOptions& options = {});
/// The same from the user's files, which are read now.
BLUEPRINT_FAAS_DECL result<Settings> resolve_settings(const faas::Environment& environment,
                                                      const SettingsOptions& options = {});

/// Returns the name of the part of AWS that a region belongs to, which begins its ARNs: "aws", "aws-cn", "aws-us-gov".
/// A region that is not known is taken for one of "aws". Static lifetime.
BLUEPRINT_FAAS_DECL std::string_view partition_of(std::string_view region) noexcept;

}  // namespace blueprint::faas::aws

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/aws/impl/settings.ipp"
#endif

#endif
