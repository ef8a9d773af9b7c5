#ifndef BLUEPRINT_FAAS_TESTS_INTEGRATION_GCP_WORLD_HPP
#define BLUEPRINT_FAAS_TESTS_INTEGRATION_GCP_WORLD_HPP

#include "blueprint/faas/auth/gcp/credential_file.hpp"
#include "blueprint/faas/auth/gcp/default_chain.hpp"
#include "blueprint/faas/local/certificates.hpp"
#include "blueprint/faas/local/cloud.hpp"
#include "blueprint/faas/provider/gcp.hpp"
#include "support/aws_world.hpp"
#include "support/deployed_function.hpp"
#include "support/recording_transport.hpp"
#include "support/run.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests {

namespace asio = boost::asio;
namespace faas = blueprint::faas;

/// A key of a service account, made once for all tests of a program; both PEM.
struct ServiceKey {
    std::string private_key{};
    std::string public_key{};

    static const ServiceKey& instance() {
        static const ServiceKey key = make();
        return key;
    }

private:
    static ServiceKey make() {
        const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{EVP_RSA_gen(2048), &EVP_PKEY_free};
        const auto text = [](auto write) {
            const std::unique_ptr<BIO, decltype(&BIO_free)> bio{BIO_new(BIO_s_mem()), &BIO_free};
            write(bio.get());
            char* data = nullptr;
            const long size = BIO_get_mem_data(bio.get(), &data);
            return std::string{data, static_cast<std::size_t>(size)};
        };
        return {.private_key = text([&](BIO* out) {
                    PEM_write_bio_PKCS8PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
                }),
                .public_key = text([&](BIO* out) { PEM_write_bio_PUBKEY(out, key.get()); })};
    }
};

using GcpRecording = faas::test::RecordingTransport<faas::HttpsTransport>;
using RunExecutor = faas::gcp::BasicCloudRunExecutor<faas::gcp::DefaultChain, GcpRecording>;
using FunctionExecutor = faas::gcp::BasicCloudFunctionExecutor<faas::gcp::DefaultChain, GcpRecording>;

/// A local cloud that plays Google Cloud over TLS, and the surroundings of a client of it: a key file in the place
/// where Google's tools look for one. All that anybody says is kept: no secret may be in it.
class GcpWorld {
public:
    static constexpr std::string_view deployer = "deployer@local-project.iam.gserviceaccount.com";
    static constexpr std::string_view stranger = "stranger@local-project.iam.gserviceaccount.com";

    explicit GcpWorld(faas::local::GcpOptions gcp = {}) {
        using namespace std::chrono_literals;
        const auto identity = ok(authority.issue({"127.0.0.1", "localhost", "europe-west1-localhost"}));
        faas::local::CloudOptions options;
        options.tls = faas::local::TlsIdentity{identity.certificate, identity.private_key};
        if (gcp.settle == faas::local::GcpOptions{}.settle) gcp.settle = 30ms;
        for (const auto who : {deployer, stranger})
            gcp.service_accounts.emplace(who, faas::local::GcpServiceAccount{
                                                  .public_key = ServiceKey::instance().public_key, .key_id = "key-1"});
        if (!gcp.administrators) gcp.administrators.emplace({"serviceAccount:" + std::string{deployer}});
        options.gcp = std::move(gcp);
        options.limit_memory = std::getenv("BLUEPRINT_FAAS_NO_MEMORY_LIMIT") == nullptr;
        options.log = [this](std::string_view line) { said << line << '\n'; };
        cloud.emplace(io, std::move(options));
        ok(cloud->start());
        around.time = std::chrono::system_clock::now();
        be(deployer);
    }
    GcpWorld(const GcpWorld&) = delete;
    GcpWorld& operator=(const GcpWorld&) = delete;
    ~GcpWorld() {
        asio::co_spawn(io, cloud->stop(), [](std::exception_ptr) {});
        io.restart();
        io.run();
        const auto all = said.str();
        CHECK(all.find("PRIVATE KEY") == std::string::npos);
        CHECK(all.find("eyJ") == std::string::npos);  // how every JWT begins
    }

    template <class T>
    T run(asio::awaitable<T> operation) {
        auto outcome = run_beside(io, std::move(operation));
        if (outcome.has_error()) said << outcome.error() << '\n';
        return outcome;
    }

    /// Makes the one whose key file is found this service account.
    void be(std::string_view email) { lie_down(key_file(email)); }
    /// Puts a credential file where GOOGLE_APPLICATION_CREDENTIALS points.
    void lie_down(const boost::json::object& file) {
        around.variables["GOOGLE_APPLICATION_CREDENTIALS"] = "/credentials.json";
        around.files["/credentials.json"] = boost::json::serialize(file);
    }
    boost::json::object key_file(std::string_view email) const {
        return {{"type", "service_account"}, {"project_id", "local-project"},
                {"private_key_id", "key-1"}, {"private_key", ServiceKey::instance().private_key},
                {"client_email", email},     {"token_uri", cloud->gcp_url() + "/token"}};
    }

    faas::TlsOptions tls() const { return {.extra_roots = authority.certificate()}; }
    faas::Reach reach() {
        return faas::make_reach(GcpRecording{faas::HttpsTransport{io.get_executor(), tls()}},
                                faas::MetadataTransport{io.get_executor()}, around);
    }
    faas::gcp::DefaultChain chain(faas::gcp::ChainOptions options = {}) {
        return faas::gcp::DefaultChain{reach(), std::move(options)};
    }
    RunExecutor run_executor(faas::CloudRunOptions options = {}, faas::test::SentLines* sent = nullptr) {
        fill(options.cloud);
        options.start_patience = std::chrono::seconds{20};
        return ok(faas::gcp::create(transport(sent), chain(), std::move(options)));
    }
    FunctionExecutor function_executor(faas::CloudFunctionOptions options = {}, faas::test::SentLines* sent = nullptr) {
        fill(options.cloud);
        options.endpoint = cloud->gcp_url();
        return ok(faas::gcp::create(transport(sent), chain(), std::move(options)));
    }

    asio::io_context io{};
    std::ostringstream said{};
    faas::local::CertificateAuthority authority = ok(faas::local::CertificateAuthority::create());
    std::optional<faas::local::Cloud> cloud{};
    AwsWorld around{};

private:
    GcpRecording transport(faas::test::SentLines* sent) {
        GcpRecording transport{faas::HttpsTransport{io.get_executor(), tls()}};
        if (sent != nullptr) *sent = transport.lines;
        return transport;
    }
    void fill(faas::GoogleCloudOptions& options) const {
        using namespace std::chrono_literals;
        options.project = "local-project";
        options.region = "europe-west1";
        options.run_endpoint = cloud->gcp_url();
        options.storage_endpoint = cloud->gcp_url();
        options.first_poll = 20ms;
        options.max_poll = 100ms;
        if (options.invokers.empty()) options.invokers = {"serviceAccount:" + std::string{deployer}};
    }
};

}  // namespace tests

#endif
