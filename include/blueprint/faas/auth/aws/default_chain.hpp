#ifndef BLUEPRINT_FAAS_AUTH_AWS_DEFAULT_CHAIN_HPP
#define BLUEPRINT_FAAS_AUTH_AWS_DEFAULT_CHAIN_HPP

#include "blueprint/faas/auth/aws/chain.hpp"
#include "blueprint/faas/auth/aws/container.hpp"
#include "blueprint/faas/auth/aws/environment.hpp"
#include "blueprint/faas/auth/aws/instance_metadata.hpp"
#include "blueprint/faas/auth/aws/profile.hpp"
#include "blueprint/faas/auth/aws/settings_options.hpp"
#include "blueprint/faas/auth/aws/web_identity.hpp"
#include "blueprint/faas/detail/declare.hpp"

namespace blueprint::faas::aws {

/// Looks where AWS's own tools look: variables, the profile, a web identity, the container, the instance. Of the two
/// orders that these tools have it is that of the Rust SDK, where all that a profile can say is one place; in the CLI
/// and boto3 the web identity of the variables stands in the midst of it, behind the roles that a profile takes on and
/// before its keys. They differ only where a profile has keys and AWS_WEB_IDENTITY_TOKEN_FILE is set as well: here the
/// profile gives the credentials. One source for each place, and the order can be told in one sentence.
using DefaultChain = Chain<credentials::Environment, credentials::Profile, credentials::WebIdentity,
                           credentials::Container, credentials::InstanceMetadata>;
static_assert(CredentialsProvider<DefaultChain>);

/// Makes the usual chain with what the caller decides: a profile, a region.
BLUEPRINT_FAAS_DECL DefaultChain default_chain(Reach reach, const SettingsOptions& settings, ChainOptions options = {});

}  // namespace blueprint::faas::aws

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/aws/impl/default_chain.ipp"
#endif

#endif
