#ifndef BLUEPRINT_FAAS_TESTS_INTEGRATION_DIGITALOCEAN_WORLD_HPP
#define BLUEPRINT_FAAS_TESTS_INTEGRATION_DIGITALOCEAN_WORLD_HPP

#include "blueprint/faas/local/certificates.hpp"
#include "blueprint/faas/local/cloud.hpp"
#include "blueprint/faas/provider/digitalocean.hpp"
#include "blueprint/faas/provider/openwhisk.hpp"
#include "support/deployed_function.hpp"
#include "support/has_node.hpp"
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

namespace tests {

namespace asio = boost::asio;
namespace faas = blueprint::faas;

using CloudRecording = faas::test::RecordingTransport<faas::HttpsTransport>;

/// How functions are run here: without Node.js, by ActionLoop alone.
inline faas::OpenWhiskWay usual_way() {
    return faas::test::has_node() ? faas::OpenWhiskWay::node : faas::OpenWhiskWay::action_loop;
}

/// A local cloud that plays DigitalOcean and a self-hosted OpenWhisk over TLS, and clients of them. All that anybody
/// says is kept: no secret may be in it.
class FunctionsWorld {
public:
    static constexpr std::string_view token = "made-for-this-test";
    static constexpr std::string_view password = "made-for-this-test-too";

    explicit FunctionsWorld(faas::local::DigitalOceanOptions digitalocean = {},
                            faas::local::OpenWhiskOptions own = {}) {
        const auto identity = ok(authority.issue({"127.0.0.1", "localhost"}));
        faas::local::CloudOptions options;
        options.tls = faas::local::TlsIdentity{identity.certificate, identity.private_key};
        digitalocean.tokens.emplace_back(token);
        own.users.push_back({.user = "tester", .password = faas::Secret{password}});
        options.digitalocean = std::move(digitalocean);
        options.openwhisk = std::move(own);
        options.limit_memory = std::getenv("BLUEPRINT_FAAS_NO_MEMORY_LIMIT") == nullptr;
        options.log = [this](std::string_view line) { said << line << '\n'; };
        cloud.emplace(io, std::move(options));
        ok(cloud->start());
    }
    FunctionsWorld(const FunctionsWorld&) = delete;
    FunctionsWorld& operator=(const FunctionsWorld&) = delete;
    ~FunctionsWorld() {
        asio::co_spawn(io, cloud->stop(), [](std::exception_ptr) {});
        io.restart();
        io.run();
        const auto all = said.str();
        CHECK(all.find(token) == std::string::npos);
        CHECK(all.find(password) == std::string::npos);
        CHECK(all.find("Basic ") == std::string::npos);
    }

    template <class T>
    T run(asio::awaitable<T> operation) {
        auto outcome = run_beside(io, std::move(operation));
        if (outcome.has_error()) said << outcome.error() << '\n';
        return outcome;
    }
    /// A transport to the cloud; `sent` is what goes over it.
    CloudRecording transport(faas::test::SentLines* sent = nullptr) {
        CloudRecording made{faas::HttpsTransport{io.get_executor(), {.extra_roots = authority.certificate()}}};
        if (sent != nullptr) *sent = made.lines;
        return made;
    }

    faas::DigitalOceanOptions digitalocean_options(faas::OpenWhiskWay way = usual_way()) const {
        faas::DigitalOceanOptions options;
        options.region = "fra1";
        options.endpoint = cloud->digitalocean_url();
        options.actions = actions(way);
        return options;
    }
    faas::OpenWhiskOptions openwhisk_options(faas::OpenWhiskWay way = usual_way()) const {
        faas::OpenWhiskOptions options;
        options.api_host = cloud->openwhisk_url();
        options.auth = "tester:" + faas::Secret{password};
        options.actions = actions(way);
        return options;
    }
    auto digitalocean(faas::DigitalOceanOptions wanted, faas::test::SentLines* sent = nullptr) {
        return ok(faas::digitalocean::create(transport(sent), faas::DigitalOceanAuth{faas::Secret{token}},
                                             std::move(wanted)));
    }
    auto digitalocean(faas::test::SentLines* sent = nullptr) { return digitalocean(digitalocean_options(), sent); }
    auto openwhisk(faas::OpenWhiskOptions wanted, faas::test::SentLines* sent = nullptr) {
        return ok(faas::openwhisk::create(transport(sent), std::move(wanted)));
    }
    auto openwhisk(faas::test::SentLines* sent = nullptr) { return openwhisk(openwhisk_options(), sent); }

    asio::io_context io{};
    std::ostringstream said{};
    faas::local::CertificateAuthority authority = ok(faas::local::CertificateAuthority::create());
    std::optional<faas::local::Cloud> cloud{};

private:
    static faas::OpenWhiskActionOptions actions(faas::OpenWhiskWay way) {
        faas::OpenWhiskActionOptions options;
        options.way = way;
        if (way == faas::OpenWhiskWay::action_loop) options.exec_env = faas::local::OpenWhiskSettings{}.exec_env;
        options.first_poll = std::chrono::milliseconds{10};
        options.max_poll = std::chrono::milliseconds{100};
        return options;
    }
};

}  // namespace tests

#endif
