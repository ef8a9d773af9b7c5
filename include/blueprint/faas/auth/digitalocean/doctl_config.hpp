#ifndef BLUEPRINT_FAAS_AUTH_DIGITALOCEAN_DOCTL_CONFIG_HPP
#define BLUEPRINT_FAAS_AUTH_DIGITALOCEAN_DOCTL_CONFIG_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/secret.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace blueprint::faas::digitalocean {

/// What doctl, DigitalOcean's command line, keeps of the accounts that its user is signed in to.
struct DoctlConfig {
    std::string context{};  ///< the account that is chosen, in lower case; empty: `default`
    Secret access_token{};  ///< of the context `default`
    std::map<std::string, Secret, std::less<>> contexts{};  ///< tokens of the others, by their name in lower case
};

/// Reads the text of doctl's config.yaml: `access-token`, `context`, and the one level below `auth-contexts`; keys are
/// taken in lower case, as doctl does. Values stand on the line of their key, bare or in quotes. What belongs to other
/// keys is let pass, however it is nested: doctl writes the defaults of all its commands into that file.
/// `errc::invalid_configuration` names path and line, but shows nothing of the line, which may hold a token: for what
/// is no YAML, and for a value of ours that is an anchor, a tag, a list or a block.
/// Source: doctl, README.md, "Configuring Default Values"; YAML 1.2, chapters 6 to 8.
BLUEPRINT_FAAS_DECL result<DoctlConfig> read_doctl_config(const Secret& text, const std::string& path);

/// Where programs keep what they know of their user.
enum class System : std::uint8_t {
    linux_or_bsd,  ///< $XDG_CONFIG_HOME, else ~/.config
    macos,         ///< ~/Library/Application Support
    windows,       ///< %APPDATA%
#if defined(__APPLE__)
    here = macos
#elif defined(_WIN32)
    here = windows
#else
    here = linux_or_bsd
#endif
};

/// Returns the path of doctl's config.yaml: DIGITALOCEAN_CONFIG, else that in the usual directory; empty if no variable
/// says where that is. Source: doctl, README.md, "Configuring Default Values".
BLUEPRINT_FAAS_DECL std::string doctl_config_path(const faas::Environment& environment, System system = System::here);

}  // namespace blueprint::faas::digitalocean

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/digitalocean/impl/doctl_config.ipp"
#endif

#endif
