#ifndef BLUEPRINT_FAAS_AUTH_AWS_SETTINGS_OPTIONS_HPP
#define BLUEPRINT_FAAS_AUTH_AWS_SETTINGS_OPTIONS_HPP

#include <optional>
#include <string>

namespace blueprint::faas::aws {

/// What a caller decides; it comes before variables and files. What is empty is looked up there.
struct SettingsOptions {
    /// A profile that is chosen here takes the keys in the environment's variables out of the search for credentials;
    /// `AWS_PROFILE` does not.
    std::string profile{};
    std::string region{};
    std::string endpoint{};            ///< of Lambda; those of the other services come from variables and files alone
    std::optional<bool> fips{};        ///< use the endpoints with validated cryptography
    std::optional<bool> dual_stack{};  ///< use the endpoints that have IPv6 addresses too
    std::string ca_bundle{};           ///< path of a PEM file with the authorities to trust
};

}  // namespace blueprint::faas::aws

#endif
