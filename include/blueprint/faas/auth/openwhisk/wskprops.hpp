#ifndef BLUEPRINT_FAAS_AUTH_OPENWHISK_WSKPROPS_HPP
#define BLUEPRINT_FAAS_AUTH_OPENWHISK_WSKPROPS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/secret.hpp"

#include <string>

namespace blueprint::faas::openwhisk {

/// Where an OpenWhisk is, and what opens a namespace of it, as one place tells them together. What is empty is not told
/// there.
struct Properties {
    std::string api_host{};  ///< "openwhisk.example.com", "http://127.0.0.1:3233"
    Secret auth{};           ///< "user:password"
    std::string by{};        ///< who tells them, for messages: "'/etc/wskprops'"
};

/// Reads the text of a file of the command line `wsk`: `KEY=value` lines, of which `APIHOST` and `AUTH` are ours;
/// blanks around keys and values do not count, lines without '=' and other keys are let pass, and what comes last
/// counts. `NAMESPACE` is let pass too: the credential decides which namespace it opens. Source: apache/openwhisk,
/// docs/cli.md, "Configure the whisk properties".
BLUEPRINT_FAAS_DECL Properties read_wskprops(const Secret& text);

/// Finds what an action is told of its own system: `__OW_API_HOST`, and `__OW_API_KEY`, which it has only if it is
/// annotated with `provide-api-key`. Source: apache/openwhisk, docs/actions.md, "Accessing action metadata".
BLUEPRINT_FAAS_DECL Properties properties_of_action(const faas::Environment& environment);

/// Reads the file that WSK_CONFIG_FILE names, else `~/.wskprops`; one that does not exist tells nothing, unless it was
/// named. `errc::invalid_configuration` names the path. Blocks while it reads.
/// Source: apache/openwhisk, docs/cli.md, "Configure the whisk properties".
BLUEPRINT_FAAS_DECL result<Properties> properties_of_user(const faas::Environment& environment);

}  // namespace blueprint::faas::openwhisk

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/openwhisk/impl/wskprops.ipp"
#endif

#endif
