// expect: calling a function wants an ID token that is made for its audience
#include "blueprint/faas/auth/google.hpp"

namespace faas = blueprint::faas;

#ifdef CONTROL
using Token = faas::gcp::IdToken;
#else
using Token = faas::gcp::AccessToken;
#endif

void call(faas::HttpRequest& request, const Token& token) {
    faas::gcp::present(request, faas::purpose::Invocation{.audience = "https://job.run.app"}, token);
}
