#ifndef BLUEPRINT_FAAS_AUTH_AWS_REACH_HPP
#define BLUEPRINT_FAAS_AUTH_AWS_REACH_HPP

#include "blueprint/faas/auth/reach.hpp"

namespace blueprint::faas::aws {

using faas::make_reach;
using faas::Ways;

}  // namespace blueprint::faas::aws

#endif
