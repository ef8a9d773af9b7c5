// expect: Auth
// expect: reveals_secret
#include "blueprint/faas/provider/custom.hpp"

namespace faas = blueprint::faas;

#ifdef CONTROL
using Who = faas::NoAuth;
#else
struct Who {  // does not say whether it reveals a secret
    boost::asio::awaitable<faas::result<void>> authorize(faas::HttpRequest&, auto) { co_return faas::result<void>{}; }
    bool invalidate() noexcept { return false; }
};
#endif

using Platform = faas::FaasExecutor<faas::InMemoryTransport, Who, faas::CustomCodec<>>;
faas::result<void> use(Platform& platform);
