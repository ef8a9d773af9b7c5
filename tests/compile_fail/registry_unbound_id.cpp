// expect: this job id is bound to no executor
#include "blueprint/faas/provider/custom.hpp"
#include "blueprint/faas/registry.hpp"

namespace faas = blueprint::faas;

using Platform = faas::custom::HttpFaasExecutor<>;

void use(Platform& lambda) {
    faas::StaticRegistry registry{faas::bind<0, 3>(lambda)};
#ifdef CONTROL
    (void)registry.get<3>();
#else
    (void)registry.get<4>();
#endif
}
