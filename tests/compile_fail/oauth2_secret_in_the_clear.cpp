// expect: reach the token endpoint by HttpsTransport
#include "blueprint/faas/auth/oauth2.hpp"
#include "blueprint/faas/transport/https.hpp"
#include "blueprint/faas/transport/loopback.hpp"

namespace faas = blueprint::faas;

#ifdef CONTROL
using Client = faas::ClientCredentials<faas::HttpsTransport>;
#else
using Client = faas::ClientCredentials<faas::LoopbackTransport>;
#endif

static_assert(sizeof(Client) > 0);
