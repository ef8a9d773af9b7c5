#ifndef BLUEPRINT_FAAS_TESTS_INTEGRATION_CUSTOM_WORLD_HPP
#define BLUEPRINT_FAAS_TESTS_INTEGRATION_CUSTOM_WORLD_HPP

#include "blueprint/faas/auth/api_key.hpp"
#include "blueprint/faas/local/certificates.hpp"
#include "blueprint/faas/local/cloud.hpp"
#include "blueprint/faas/provider/custom.hpp"
#include "blueprint/faas/transport/https.hpp"
#include "support/run.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdlib>
#include <exception>
#include <optional>
#include <utility>

namespace tests {

namespace asio = boost::asio;
namespace faas = blueprint::faas;

/// A local cloud of the custom contract over TLS, and what a test needs to reach it.
class CustomWorld {
public:
    inline static const faas::Secret token{"integration-test-token"};

    explicit CustomWorld(bool strict_1_0 = false) {
        const auto identity = ok(authority.issue({"localhost", "127.0.0.1"}));
        faas::local::CloudOptions options;
        options.tls = faas::local::TlsIdentity{identity.certificate, identity.private_key};
        options.bearer_tokens.push_back(token);
        options.strict_1_0 = strict_1_0;
        options.limit_memory = std::getenv("BLUEPRINT_FAAS_NO_MEMORY_LIMIT") == nullptr;
        cloud.emplace(io, std::move(options));
        ok(cloud->start());
    }
    CustomWorld(const CustomWorld&) = delete;
    CustomWorld& operator=(const CustomWorld&) = delete;
    ~CustomWorld() {
        asio::co_spawn(io, cloud->stop(), [](std::exception_ptr) {});
        io.restart();
        io.run();
    }

    template <class T>
    T run(asio::awaitable<T> operation) {
        return run_beside(io, std::move(operation));
    }
    faas::HttpsTransport transport() {
        return faas::HttpsTransport{io.get_executor(), {.extra_roots = authority.certificate()}};
    }
    template <faas::PayloadFormat Format = faas::JsonBytes>
    auto executor(faas::CustomOptions options = {}) {
        options.base_url = cloud->url();
        return ok(faas::custom::create<Format>(transport(), std::move(options), faas::Bearer{token}));
    }

    asio::io_context io{};
    faas::local::CertificateAuthority authority = ok(faas::local::CertificateAuthority::create());
    std::optional<faas::local::Cloud> cloud{};
};

}  // namespace tests

#endif
