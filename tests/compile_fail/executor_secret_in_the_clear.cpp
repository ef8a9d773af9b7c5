// expect: this Auth sends a secret and this Transport does not encrypt: use HttpsTransport
#include "blueprint/faas/provider/custom.hpp"
#include "blueprint/faas/transport/loopback.hpp"

namespace faas = blueprint::faas;

#ifdef CONTROL
using Policies = faas::custom::HttpFaasExecutor<faas::NoAuth, faas::LoopbackTransport>;
#else
using Policies = faas::custom::HttpFaasExecutor<faas::Bearer, faas::LoopbackTransport>;
#endif

static_assert(sizeof(Policies) > 0);
