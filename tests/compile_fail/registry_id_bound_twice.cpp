// expect: a job id is bound twice: each job has one executor
#include "blueprint/faas/provider/custom.hpp"
#include "blueprint/faas/registry.hpp"

namespace faas = blueprint::faas;

using Platform = faas::custom::HttpFaasExecutor<>;

void use(Platform& lambda, Platform& gcp) {
#ifdef CONTROL
    faas::StaticRegistry registry{faas::bind<0, 3>(lambda), faas::bind<1>(gcp)};
#else
    faas::StaticRegistry registry{faas::bind<0, 3>(lambda), faas::bind<3>(gcp)};
#endif
    (void)registry;
}
