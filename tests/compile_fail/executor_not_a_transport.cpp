// expect: Transport
// expect: exchange
#include "blueprint/faas/provider/custom.hpp"

namespace faas = blueprint::faas;

#ifdef CONTROL
using Carrier = faas::InMemoryTransport;
#else
struct Carrier {
    static constexpr bool confidential = true;
    boost::asio::any_io_executor get_executor() { return {}; }
    // no exchange()
};
#endif

using Platform = faas::FaasExecutor<Carrier, faas::NoAuth, faas::CustomCodec<>>;
faas::result<void> use(Platform& platform);
