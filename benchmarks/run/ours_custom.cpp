// The library against a platform that speaks the custom contract, with each way to write a job's bytes.
#include "blueprint/faas/provider/custom.hpp"
#include "blueprint/faas/transport/loopback.hpp"
#include "ours.hpp"

namespace bench {

namespace {

template <class Format>
std::unique_ptr<Client> make(const Setting& setting) {
    faas::CustomOptions options;
    options.base_url = (setting.tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(setting.port);
    options.max_body_bytes = 64U << 20U;
    if (!setting.tls)
        return make_ours(setting, [&](auto executor) {
            return faas::custom::create<Format>(faas::LoopbackTransport{executor}, options);
        });
    const faas::TlsOptions tls{.system_roots = false, .extra_roots = setting.authority};
    return make_ours(setting, [&](auto executor) {
        return faas::custom::create<Format>(faas::HttpsTransport{executor, tls}, options);
    });
}

}  // namespace

std::unique_ptr<Client> make_custom_json(const Setting& setting) { return make<faas::JsonBytes>(setting); }
std::unique_ptr<Client> make_custom_base64(const Setting& setting) { return make<faas::Base64Json>(setting); }
std::unique_ptr<Client> make_custom_binary(const Setting& setting) { return make<faas::Binary>(setting); }

}  // namespace bench
