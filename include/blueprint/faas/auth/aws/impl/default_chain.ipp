#ifndef BLUEPRINT_FAAS_AUTH_AWS_IMPL_DEFAULT_CHAIN_IPP
#define BLUEPRINT_FAAS_AUTH_AWS_IMPL_DEFAULT_CHAIN_IPP

#include "blueprint/faas/auth/aws/default_chain.hpp"

#include <utility>

namespace blueprint::faas::aws {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL DefaultChain default_chain(Reach reach, const SettingsOptions& settings,
                                                                   ChainOptions options) {
    return DefaultChain{std::move(reach),
                        std::move(options),
                        credentials::Environment{settings},
                        credentials::Profile{settings},
                        credentials::WebIdentity{settings},
                        credentials::Container{},
                        credentials::InstanceMetadata{}};
}

}  // namespace blueprint::faas::aws

#endif
