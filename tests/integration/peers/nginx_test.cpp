// Mutual TLS: nginx asks for a client certificate and stands before a local cloud.
#include "blueprint/faas/local/cloud.hpp"
#include "blueprint/faas/package/package.hpp"
#include "blueprint/faas/provider/custom.hpp"
#include "support/client_certificate.hpp"
#include "world.hpp"

#include <chrono>
#include <cstdlib>
#include <sstream>
#include <vector>

namespace nginx_test {

using namespace blueprint::faas;
using namespace blueprint::faas::test;
using namespace std::chrono_literals;

namespace {

const std::string password = "opens-the-key";

std::filesystem::path nginx() { return find_program("nginx", {peers_directory() / "debian/usr/sbin/nginx"}); }

// nginx with `ssl_verify_client on`, and behind it a local cloud over plain HTTP.
class NginxWorld : public PeerWorld {
public:
    NginxWorld() {
        local::CloudOptions options;
        options.limit_memory = std::getenv("BLUEPRINT_FAAS_NO_MEMORY_LIMIT") == nullptr;
        cloud.emplace(io, std::move(options));
        ok(cloud->start());
        const auto files = identity_files();
        const auto trusted = write_private(directory / "client.pem", client.certificate).string();
        server = start_peer(
            [&](std::uint16_t port) {
                const auto conf = write_private(directory / "nginx.conf", configuration(port, files, trusted));
                return std::vector<std::string>{nginx().string(),          "-e", "stderr",     "-p",
                                                directory.path().string(), "-c", conf.string()};
            },
            directory / "nginx.log");
    }
    ~NginxWorld() {
        asio::co_spawn(io, cloud->stop(), [](std::exception_ptr) {});
        io.restart();
        io.run();
    }
    NginxWorld(const NginxWorld&) = delete;
    NginxWorld& operator=(const NginxWorld&) = delete;

    std::string url() const { return "https://127.0.0.1:" + std::to_string(server.port); }
    auto executor(TlsOptions tls) { return ok(custom::create(transport(std::move(tls)), {.base_url = url()})); }
    TlsOptions identified() const {
        TlsOptions tls;
        tls.client_certificate = client.certificate;
        tls.client_key = client.key;
        return tls;
    }

    SelfSigned client = make_self_signed();
    std::optional<local::Cloud> cloud{};
    Peer server{};

private:
    // One process in the foreground, nothing outside `directory`.
    std::string configuration(std::uint16_t port, const std::pair<std::string, std::string>& files,
                              const std::string& trusted) const {
        const auto own = directory.path().string();
        std::ostringstream conf;
        conf << "daemon off;\nmaster_process off;\npid " << own << "/nginx.pid;\nerror_log stderr info;\n"
             << "events { worker_connections 64; }\nhttp {\n  access_log off;\n  client_max_body_size 64m;\n";
        for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
            conf << "  " << kind << "_temp_path " << own << "/" << kind << ";\n";
        conf << "  server {\n    listen 127.0.0.1:" << port << " ssl;\n    ssl_certificate " << files.first
             << ";\n    ssl_certificate_key " << files.second << ";\n    ssl_client_certificate " << trusted
             << ";\n    ssl_verify_client on;\n    location / {\n      proxy_pass " << cloud->url()
             << ";\n      proxy_http_version 1.1;\n    }\n  }\n}\n";
        return conf.str();
    }
};

}  // namespace

TEST_CASE("peers: nginx lets us through to the platform with our certificate, its key plain or encrypted") {
    NginxWorld world;
    auto tls = world.identified();
    SUBCASE("plain") {}
    SUBCASE("encrypted") {
        tls.client_key = encrypt_key(world.client.key, password);
        tls.client_key_password = password;
    }
    auto executor = world.executor(tls);
    const auto package = ok(Package::from_binary_file(std::getenv("BLUEPRINT_FAAS_TEST_FUNCTION")));
    ok(world.run(executor.deploy_job(0, package, {.memory_mib = 256, .timeout = 10s})));
    const auto done = ok(world.run(executor.invoke({.job_id = 0, .args = {12, 0, 0, 0, 0, 0, 0, 0}})));
    CHECK((*done.outcome == Bytes{144, 0, 0, 0, 0, 0, 0, 0}));
    CHECK(executor.transport().statistics().connections_opened == 1);
}

TEST_CASE("peers: nginx without a certificate of ours, or with one it does not trust, is `authentication`") {
    NginxWorld world;
    TlsOptions tls;
    std::string_view says;
    SUBCASE("none") { says = "No required SSL certificate was sent"; }
    SUBCASE("untrusted") {
        const auto other = make_self_signed();
        tls.client_certificate = other.certificate;
        tls.client_key = other.key;
        says = "The SSL certificate error";
    }
    auto executor = world.executor(tls);
    const auto error = failed(world.run(executor.invoke({.job_id = 0})));
    CAPTURE(error.message);
    CHECK(error.code == errc::authentication);
    CHECK(error.http_status == 400);
    CHECK(error.execution == Execution::not_started);
    CHECK_FALSE(error.retryable);
    CHECK(error.message.find(says) != std::string::npos);
    CHECK(error.message.find("client certificate") != std::string::npos);
    CHECK(world.cloud->stats().requests == 0);
}

TEST_CASE("peers: nginx is not asked at all if our encrypted key does not open") {
    NginxWorld world;
    auto tls = world.identified();
    tls.client_key = encrypt_key(world.client.key, password);
    std::string_view says = "TlsOptions::client_key_password";
    SUBCASE("no password") {}
    SUBCASE("a wrong one") { tls.client_key_password = "a-wrong-password"; }
    auto executor = world.executor(tls);
    const auto error = failed(world.run(executor.invoke({.job_id = 0})));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(error.execution == Execution::not_started);
    CHECK(error.message.find(says) != std::string::npos);
    CHECK(error.message.find("a-wrong-password") == std::string::npos);
    CHECK(executor.transport().statistics().requests_sent == 0);
}

}  // namespace nginx_test

namespace blueprint::faas::test {

std::string missing_nginx() { return nginx_test::nginx().empty() ? "nginx is not here" : ""; }

}  // namespace blueprint::faas::test
