#ifndef BLUEPRINT_FAAS_AUTH_AWS_CONFIG_FILE_HPP
#define BLUEPRINT_FAAS_AUTH_AWS_CONFIG_FILE_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/secret.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::aws {

/// Values by their key, which is in lower case. All are kept as secrets, whatever they are: a file says with its keys
/// which ones are, and keys are mistyped.
using ConfigValues = std::map<std::string, Secret, std::less<>>;

/// One section of a file.
struct ConfigSection {
    ConfigValues values{};
    std::map<std::string, ConfigValues, std::less<>> nested{};  ///< the indented lines below a key without a value

    /// Returns a value that is not to be kept secret, such as a region; empty if it is not there. Lives as the section.
    std::string_view text(std::string_view key) const noexcept;
    std::string_view text(std::string_view key, std::string_view nested_key) const noexcept;
    /// Tells whether the key has a value; an empty one counts as none.
    bool has(std::string_view key) const noexcept { return !text(key).empty(); }
};

using ConfigSections = std::map<std::string, ConfigSection, std::less<>>;

enum class ConfigFileKind : std::uint8_t {
    config,       ///< sections are `[default]`, `[profile NAME]`, `[sso-session NAME]` and `[services NAME]`
    credentials,  ///< a section's whole text is the name of a profile
};

/// What one file says.
struct ConfigFile {
    std::string path{};    ///< of the file, for messages
    bool present = false;  ///< there is such a file
    ConfigSections profiles{};
    ConfigSections sso_sessions{};
    ConfigSections services{};
    std::vector<std::string> other_sections{};  ///< the texts of sections that say nothing to us
};

/// Reads the text of a config or credentials file: `key = value` lines below `[section]` lines; `#` and `;` begin a
/// comment, at the start of a line or behind a blank; a line that is indented more than the key above it belongs to
/// that one; names may be quoted as in a shell. A section or key that comes twice is one, and what comes last counts;
/// but of `[default]` and `[profile default]` the second alone counts. Sections and keys that are not known are let
/// pass. `errc::invalid_configuration` names path and line, but shows nothing of the line, which may hold a secret.
/// Source: AWS SDKs and Tools Reference Guide, "Using shared config and credentials files".
BLUEPRINT_FAAS_DECL result<ConfigFile> read_config(const Secret& text, std::string path, ConfigFileKind kind);

/// What both files of a user say.
struct ConfigFiles {
    ConfigFile config{};
    ConfigFile credentials{};

    bool has_profile(std::string_view name) const noexcept;
    /// Returns all that is said about a profile; a value of the credentials file comes before one of the config file.
    ConfigSection profile(std::string_view name) const;
    /// Says that there is no such profile, where it was looked for, and what may be meant; `wanted_by` says who asks
    /// for it: "AWS_PROFILE".
    Error no_such_profile(std::string_view name, std::string_view wanted_by) const;
};

/// Reads `AWS_CONFIG_FILE` (else ~/.aws/config) and `AWS_SHARED_CREDENTIALS_FILE` (else ~/.aws/credentials). Files that
/// do not exist say nothing. Blocks while it reads.
BLUEPRINT_FAAS_DECL result<ConfigFiles> read_config_files(const faas::Environment& environment);

/// Puts the home directory (`HOME`) in the place of a leading "~/".
BLUEPRINT_FAAS_DECL std::string expand_home(std::string path, const faas::Environment& environment);

}  // namespace blueprint::faas::aws

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/aws/impl/config_file.ipp"
#endif

#endif
