// The library against a self-hosted Apache OpenWhisk, whose credential is as long as one of OpenWhisk's is.
#include "blueprint/faas/provider/openwhisk.hpp"
#include "ours.hpp"
#include "plain_transport.hpp"

#include <string>

namespace bench {

std::unique_ptr<Client> make_openwhisk(const Setting& setting) {
    faas::OpenWhiskOptions options;
    options.api_host = (setting.tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(setting.port);
    options.auth = std::string(36, 'u') + ':' + std::string(64, 'x');
    if (!setting.tls)
        return make_ours(setting,
                         [&](auto executor) { return faas::openwhisk::create(PlainTransport{executor}, options); });
    const faas::TlsOptions tls{.system_roots = false, .extra_roots = setting.authority};
    return make_ours(
        setting, [&](auto executor) { return faas::openwhisk::create(faas::HttpsTransport{executor, tls}, options); });
}

}  // namespace bench
