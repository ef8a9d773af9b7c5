// The library against a service of Google Cloud Run, with tokens that are ready. The token is as long as Google's are.
#include "blueprint/faas/provider/gcp.hpp"
#include "ours.hpp"
#include "plain_transport.hpp"

#include <string>
#include <utility>

namespace bench {

std::unique_ptr<Client> make_gcp(const Setting& setting) {
    const auto url = (setting.tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(setting.port);
    faas::CloudRunOptions options;
    options.cloud.job_urls.emplace(faas::JobId{0}, url);
    const faas::gcp::FixedTokens tokens{faas::Secret{}, {{url, faas::Secret{std::string(900, 'x')}}}};
    if (!setting.tls)
        return make_ours(setting,
                         [&](auto executor) { return faas::gcp::create(PlainTransport{executor}, tokens, options); });
    const faas::TlsOptions tls{.system_roots = false, .extra_roots = setting.authority};
    return make_ours(setting, [&](auto executor) {
        return faas::gcp::create(faas::HttpsTransport{executor, tls}, tokens, options);
    });
}

}  // namespace bench
