#ifndef BLUEPRINT_FAAS_AUTH_DIGITALOCEAN_TOKEN_HPP
#define BLUEPRINT_FAAS_AUTH_DIGITALOCEAN_TOKEN_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/secret.hpp"

#include <string>
#include <string_view>

namespace blueprint::faas::digitalocean {

/// Where an API token is looked for; what is empty is found as doctl finds it.
struct TokenOptions {
    std::string context{};      ///< of doctl, as DIGITALOCEAN_CONTEXT names one: "work"; "default" is the usual one
    std::string config_file{};  ///< doctl's config.yaml
};

/// An API token, without "Bearer", and who has it, for messages: "DIGITALOCEAN_TOKEN".
struct FoundToken {
    Secret value{};
    std::string by{};
};

/// Refuses what cannot be an API token, before it is sent anywhere: an access key of Functions (`dof_v1_…`), a refresh
/// token (`dor_v1_…`), characters that no token has. `by` is who says so. Prefixes and lengths that are not known are
/// let pass, because kinds of tokens come and go. The error shows nothing of it.
/// Source: DigitalOcean API, "Authentication".
BLUEPRINT_FAAS_DECL result<void> check_token(const Secret& token, std::string_view by);

/// Looks for an API token. The first of these that has one counts:
/// - an account of doctl's that `options.context` or DIGITALOCEAN_CONTEXT names and that is not `default`;
/// - DIGITALOCEAN_TOKEN, which knows nothing of doctl's accounts, as for DigitalOcean's libraries and Terraform;
/// - the account that doctl has chosen (`context:` in its file); if that is `default`, DIGITALOCEAN_ACCESS_TOKEN, then
///   `access-token:`. Of another one nothing but its own token counts, not even the variable: so it is for doctl.
/// `errc::authentication` names all that was looked at; `errc::invalid_configuration` what is there and cannot be used.
/// Neither ever shows a token. Blocks while it reads the file, which is not read if it does not matter.
/// Source: doctl, README.md, "Logging into multiple DigitalOcean accounts" and "Configuring Default Values".
BLUEPRINT_FAAS_DECL result<FoundToken> find_token(const faas::Environment& environment,
                                                  const TokenOptions& options = {});

}  // namespace blueprint::faas::digitalocean

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/digitalocean/impl/token.ipp"
#endif

#endif
