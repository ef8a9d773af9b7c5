// expect: calling a function wants its key
#include "blueprint/faas/auth/azure_ad.hpp"

namespace faas = blueprint::faas;

#ifdef CONTROL
using Purpose = faas::purpose::ControlPlane;
#else
using Purpose = faas::purpose::Invocation;  // whoever answers could ask Azure's APIs in our name
#endif

void ask(faas::HttpRequest& request, const faas::azure::AccessToken& token) {
    faas::azure::present(request, Purpose{}, token);
}
