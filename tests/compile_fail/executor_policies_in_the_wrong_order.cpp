// expect: constraint
// expect: Transport
#include "blueprint/faas/provider/custom.hpp"

namespace faas = blueprint::faas;

#ifdef CONTROL
using Platform = faas::FaasExecutor<faas::HttpsTransport, faas::Bearer, faas::CustomCodec<>>;
#else
using Platform = faas::FaasExecutor<faas::Bearer, faas::HttpsTransport, faas::CustomCodec<>>;
#endif

faas::result<void> use(Platform& platform);
