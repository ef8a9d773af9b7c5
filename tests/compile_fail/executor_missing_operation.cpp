// expect: CanUndeploy
#include "blueprint/faas/provider/custom.hpp"

namespace faas = blueprint::faas;

#ifdef CONTROL
using Platform = faas::custom::HttpFaasExecutor<>;
#else
using Platform = faas::custom::BareHttpExecutor<>;  // a bare platform has no operation but invoke and health
#endif

void remove(Platform& platform) { (void)platform.undeploy_job(faas::JobId{0U}); }
