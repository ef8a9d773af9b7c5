// expect: Executor
#include "blueprint/faas/provider/custom.hpp"
#include "blueprint/faas/registry.hpp"

namespace faas = blueprint::faas;

#ifdef CONTROL
using Target = faas::custom::HttpFaasExecutor<>;
#else
using Target = faas::HttpsTransport;
#endif

void use(Target& target) {
    auto bound = faas::bind<0>(target);
    (void)bound;
}
