#ifndef BLUEPRINT_FAAS_TESTS_INTEGRATION_AZURE_WORLD_HPP
#define BLUEPRINT_FAAS_TESTS_INTEGRATION_AZURE_WORLD_HPP

#include "blueprint/faas/auth/azure/default_chain.hpp"
#include "blueprint/faas/local/certificates.hpp"
#include "blueprint/faas/local/cloud.hpp"
#include "blueprint/faas/provider/azure.hpp"
#include "support/aws_world.hpp"
#include "support/deployed_function.hpp"
#include "support/recording_transport.hpp"
#include "support/run.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests {

namespace asio = boost::asio;
namespace faas = blueprint::faas;

using AzureRecording = faas::test::RecordingTransport<faas::HttpsTransport>;
using AppExecutor = faas::azure::BasicFunctionsExecutor<faas::azure::DefaultChain, AzureRecording>;

/// A local cloud that plays Azure over TLS, and the surroundings of a client of it: an application's secret where
/// Azure's tools look for one. All that anybody says is kept: no secret may be in it.
class AzureWorld {
public:
    static constexpr std::string_view client = "99999999-0000-4000-8000-000000000001";
    static constexpr std::string_view secret = "made-for-this-test";

    explicit AzureWorld(faas::local::AzureOptions azure = {}) {
        using namespace std::chrono_literals;
        const auto identity = ok(authority.issue({"127.0.0.1", "localhost"}));
        faas::local::CloudOptions options;
        options.tls = faas::local::TlsIdentity{identity.certificate, identity.private_key};
        if (azure.settle == faas::local::AzureOptions{}.settle) azure.settle = 30ms;
        if (azure.host_start == faas::local::AzureOptions{}.host_start) azure.host_start = 30ms;
        azure.applications.push_back({.client_id = std::string{client}, .secrets = {faas::Secret{secret}}});
        tenant = azure.tenant;
        subscription = azure.subscription;
        options.azure = std::move(azure);
        options.limit_memory = std::getenv("BLUEPRINT_FAAS_NO_MEMORY_LIMIT") == nullptr;
        options.log = [this](std::string_view line) { said << line << '\n'; };
        cloud.emplace(io, std::move(options));
        ok(cloud->start());
        around.time = std::chrono::system_clock::now();
        around.variables["AZURE_AUTHORITY_HOST"] = cloud->azure_url();
        around.variables["AZURE_TENANT_ID"] = tenant;
        around.variables["AZURE_CLIENT_ID"] = client;
        around.variables["AZURE_CLIENT_SECRET"] = secret;
    }
    AzureWorld(const AzureWorld&) = delete;
    AzureWorld& operator=(const AzureWorld&) = delete;
    ~AzureWorld() {
        asio::co_spawn(io, cloud->stop(), [](std::exception_ptr) {});
        io.restart();
        io.run();
        const auto all = said.str();
        CHECK(all.find(secret) == std::string::npos);
        CHECK(all.find("AccountKey=") == std::string::npos);
        CHECK(all.find("sig=") == std::string::npos);
        CHECK(all.find("eyJ") == std::string::npos);  // how every JWT begins
    }

    template <class T>
    T run(asio::awaitable<T> operation) {
        auto outcome = run_beside(io, std::move(operation));
        if (outcome.has_error()) said << outcome.error() << '\n';
        return outcome;
    }

    faas::TlsOptions tls() const { return {.extra_roots = authority.certificate()}; }
    faas::azure::DefaultChain chain() {
        return faas::azure::DefaultChain{
            faas::make_reach(AzureRecording{faas::HttpsTransport{io.get_executor(), tls()}},
                             faas::MetadataTransport{io.get_executor()}, around)};
    }
    faas::AzureFunctionsOptions options() const {
        using namespace std::chrono_literals;
        faas::AzureFunctionsOptions options;
        options.subscription = subscription;
        options.resource_group = "group";
        options.location = "westeurope";
        options.endpoint = cloud->azure_url();
        options.first_poll = 20ms;
        options.max_poll = 100ms;
        options.start_patience = 20s;
        return options;
    }
    AppExecutor executor(std::optional<faas::AzureFunctionsOptions> wanted = {},
                         faas::test::SentLines* sent = nullptr) {
        AzureRecording transport{faas::HttpsTransport{io.get_executor(), tls()}};
        if (sent != nullptr) *sent = transport.lines;
        return ok(faas::azure::create(std::move(transport), chain(), wanted ? std::move(*wanted) : options()));
    }

    asio::io_context io{};
    std::ostringstream said{};
    faas::local::CertificateAuthority authority = ok(faas::local::CertificateAuthority::create());
    std::optional<faas::local::Cloud> cloud{};
    AwsWorld around{};
    std::string tenant{};
    std::string subscription{};
};

}  // namespace tests

#endif
