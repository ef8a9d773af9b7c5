// expect: this Codec sends a secret and this Transport does not encrypt: use HttpsTransport, or LoopbackTransport
#include "blueprint/faas/auth/no_auth.hpp"
#include "blueprint/faas/codec/openwhisk.hpp"
#include "blueprint/faas/executor.hpp"
#include "blueprint/faas/transport/loopback.hpp"
#include "blueprint/faas/transport/metadata.hpp"

namespace faas = blueprint::faas;

#ifdef CONTROL
using Transport = faas::LoopbackTransport;
#else
using Transport = faas::MetadataTransport;
#endif

using Executor = faas::FaasExecutor<Transport, faas::NoAuth, faas::OpenWhiskCodec<>>;

static_assert(sizeof(Executor) > 0);
