// expect: this Auth sends a secret and this Transport does not encrypt: use HttpsTransport
#include "blueprint/faas/auth/digitalocean.hpp"
#include "blueprint/faas/provider/custom.hpp"
#include "blueprint/faas/transport/https.hpp"
#include "blueprint/faas/transport/loopback.hpp"

namespace faas = blueprint::faas;

#ifdef CONTROL
using Transport = faas::HttpsTransport;
#else
using Transport = faas::LoopbackTransport;
#endif

using Executor = faas::custom::HttpFaasExecutor<faas::DigitalOceanAuth, Transport>;

static_assert(sizeof(Executor) > 0);
