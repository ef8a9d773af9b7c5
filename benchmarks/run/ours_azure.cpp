// The library against an app of Azure Functions, whose address and key are known. The key is as long as Azure's are.
#include "blueprint/faas/provider/azure.hpp"
#include "ours.hpp"
#include "plain_transport.hpp"

#include <map>
#include <string>

namespace bench {

std::unique_ptr<Client> make_azure(const Setting& setting) {
    faas::AzureFunctionsOptions options;
    options.app_url = (setting.tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(setting.port);
    options.function_key = std::string(56, 'x');
    const std::map<std::string, faas::Secret> no_tokens;  // a call wants none
    const faas::azure::FixedTokens none{no_tokens};
    if (!setting.tls)
        return make_ours(setting,
                         [&](auto executor) { return faas::azure::create(PlainTransport{executor}, none, options); });
    const faas::TlsOptions tls{.system_roots = false, .extra_roots = setting.authority};
    return make_ours(setting, [&](auto executor) {
        return faas::azure::create(faas::HttpsTransport{executor, tls}, none, options);
    });
}

}  // namespace bench
