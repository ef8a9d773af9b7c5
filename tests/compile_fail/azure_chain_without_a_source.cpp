// expect: a chain without a source has no credential
#include "blueprint/faas/auth/azure/chain.hpp"
#include "blueprint/faas/auth/azure/environment.hpp"

namespace azure = blueprint::faas::azure;

#ifdef CONTROL
using Chain = azure::Chain<azure::credentials::Environment>;
#else
using Chain = azure::Chain<>;
#endif

static_assert(sizeof(Chain) > 0);
