// expect: TokenProvider
#include "blueprint/faas/auth/azure_ad.hpp"

namespace faas = blueprint::faas;

struct Provider {
    faas::azure::SharedAccessToken ready(std::string_view scope);
    boost::asio::awaitable<faas::result<faas::azure::SharedAccessToken>> get(std::string scope,
                                                                             faas::Deadline deadline);
    bool invalidate(std::string_view authorization) noexcept;
#ifdef CONTROL
    void demand(std::string_view authorization, std::string claims);
#endif
};

static_assert(sizeof(faas::AzureAd<Provider>) > 0);
