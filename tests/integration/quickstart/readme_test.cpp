// The README's program, run as it stands against a local cloud over TLS: it deploys itself.
#include "blueprint/faas/local/certificates.hpp"
#include "blueprint/faas/local/cloud.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <string>
#include <thread>

using namespace blueprint::faas;

TEST_CASE("README: the program to paste deploys itself, is called, and removes itself") {
    boost::asio::io_context io;
    const auto authority = tests::ok(local::CertificateAuthority::create());
    const auto identity = tests::ok(authority.issue({"localhost", "127.0.0.1"}));
    local::CloudOptions options;
    options.tls = local::TlsIdentity{identity.certificate, identity.private_key};
    options.bearer_tokens.emplace_back("readme-test-token");
    options.limit_memory = std::getenv("BLUEPRINT_FAAS_NO_MEMORY_LIMIT") == nullptr;
    local::Cloud cloud{io, std::move(options)};
    tests::ok(cloud.start());

    const test::TemporaryDirectory directory;
    const auto roots = directory.path() / "roots.pem";
    std::ofstream{roots} << authority.certificate();
    ::setenv("SSL_CERT_FILE", roots.c_str(), 1);
    ::setenv("FAAS_TOKEN", "readme-test-token", 1);
    const std::string command = std::string{std::getenv("BLUEPRINT_FAAS_README_PROGRAM")} + ' ' + cloud.url() + " 2>&1";

    // Of its own, because this one waits for the program; the functions die with the thread that started them.
    std::thread platform{[&] { io.run(); }};
    std::string said;
    auto* program = ::popen(command.c_str(), "r");
    REQUIRE(program != nullptr);
    char piece[256];
    while (std::fgets(piece, sizeof piece, program) != nullptr) said += piece;
    CHECK(::pclose(program) == 0);
    CHECK(said == "12 squared by Custom HTTP FaaS is 144\n");
    boost::asio::co_spawn(io, cloud.stop(), [](std::exception_ptr) {});
    platform.join();
}
