// expect: TokenProvider
#include "blueprint/faas/auth/google.hpp"

namespace faas = blueprint::faas;

#ifdef CONTROL
using Identity = faas::gcp::SharedIdToken;
#else
using Identity = faas::gcp::SharedAccessToken;  // whoever calls a function would send it
#endif

struct Provider {
    faas::gcp::SharedAccessToken ready_access();
    faas::gcp::SharedIdToken ready_identity(std::string_view audience);
    boost::asio::awaitable<faas::result<faas::gcp::SharedAccessToken>> get_access(faas::Deadline deadline);
    boost::asio::awaitable<faas::result<Identity>> get_identity(std::string audience, faas::Deadline deadline);
    bool invalidate(std::string_view authorization) noexcept;
};

static_assert(sizeof(faas::GoogleAuth<Provider>) > 0);
