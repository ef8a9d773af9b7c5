// A forward proxy of another project: HTTPS through CONNECT.
#include "blueprint/faas/provider/custom.hpp"
#include "world.hpp"

#include <chrono>
#include <sstream>
#include <vector>

namespace tinyproxy_test {

using namespace blueprint::faas;
using namespace blueprint::faas::test;
using namespace std::chrono_literals;

namespace {

const std::string_view password = "proxy-pass-1";  // tinyproxy's configuration takes no other characters

std::filesystem::path tinyproxy() {
    return find_program("tinyproxy", {peers_directory() / "debian/usr/bin/tinyproxy"});
}

// tinyproxy, and a platform over TLS that is reached through it.
class ProxyWorld : public PeerWorld {
public:
    explicit ProxyWorld(bool with_password = false) : with_password_{with_password} {
        server = start_peer([this](std::uint16_t port) { return command(port); }, directory / "tinyproxy.log");
    }
    void restart() {
        server.process = std::make_unique<PeerProcess>(command(server.port), directory / "tinyproxy.log");
        wait_until_listening(*server.process, server.port);
    }
    std::string proxy_name() const { return "127.0.0.1:" + std::to_string(server.port); }
    ConnectionOptions through() const {
        ConnectionOptions connections;
        connections.proxy.url = "http://" + proxy_name();
        return connections;
    }
    auto executor(ConnectionOptions connections) {
        return ok(custom::create(transport({}, std::move(connections)), {.base_url = platform.url()}));
    }
    // How many tunnels the proxy's own log tells of.
    std::size_t tunnels() const {
        const std::string log = server.process->log();
        std::size_t count = 0;
        for (auto at = log.find("CONNECT 127.0.0.1:"); at != std::string::npos;
             at = log.find("CONNECT 127.0.0.1:", at + 1))
            ++count;
        return count;
    }

    Peer server{};
    SmallPlatform platform{io.get_executor(), identity()};

private:
    std::vector<std::string> command(std::uint16_t port) const {
        std::ostringstream conf;
        conf << "Listen 127.0.0.1\nPort " << port << "\nTimeout 30\nLogLevel Info\nMaxClients 20\nAllow 127.0.0.1\n";
        if (with_password_) conf << "BasicAuth proxy-user " << password << '\n';
        const auto path = write_private(directory / "tinyproxy.conf", conf.str());
        return {tinyproxy().string(), "-d", "-c", path.string()};
    }
    bool with_password_;
};

}  // namespace

TEST_CASE("peers: tinyproxy opens a tunnel to the platform, which stays TLS from end to end and is kept") {
    ProxyWorld world;
    auto executor = world.executor(world.through());
    for (int i = 0; i < 3; ++i) ok(world.run(executor.invoke({.job_id = 0})));
    CHECK(world.platform.calls() == 3);
    CHECK(world.platform.connections() == 1);
    CHECK(world.tunnels() == 1);
}

TEST_CASE("peers: tinyproxy wants a name and a password, and the error says so without showing one") {
    ProxyWorld world{true};
    auto connections = world.through();
    SUBCASE("right") {
        connections.proxy.user = "proxy-user";
        connections.proxy.password = password;
        auto executor = world.executor(connections);
        ok(world.run(executor.invoke({.job_id = 0})));
        CHECK(world.tunnels() == 1);
    }
    SUBCASE("wrong or none") {
        std::string_view says = "wants a user name and a password";
        SUBCASE("none") {}
        SUBCASE("wrong") {
            connections.proxy.user = "proxy-user";
            connections.proxy.password = "not-this-one";
            says = "does not accept the user name and password";
        }
        auto executor = world.executor(connections);
        const auto error = failed(world.run(executor.invoke({.job_id = 0})));
        CAPTURE(error.message);
        CHECK(error.code == errc::authentication);
        CHECK(error.execution == Execution::not_started);
        CHECK(error.message.find("the proxy " + world.proxy_name()) != std::string::npos);
        CHECK(error.message.find(says) != std::string::npos);
        CHECK(error.message.find("not-this-one") == std::string::npos);
        CHECK(world.platform.connections() == 0);
    }
}

TEST_CASE("peers: tinyproxy is passed by for the hosts of NO_PROXY") {
    ProxyWorld world;
    auto connections = world.through();
    bool direct = true;
    SUBCASE("the address") { connections.proxy.no_proxy = {"example.com", "127.0.0.1"}; }
    SUBCASE("its block") { connections.proxy.no_proxy = {"127.0.0.0/8"}; }
    SUBCASE("another") {
        connections.proxy.no_proxy = {"10.0.0.0/8", "example.com"};
        direct = false;
    }
    auto executor = world.executor(connections);
    ok(world.run(executor.invoke({.job_id = 0})));
    CHECK(world.tunnels() == (direct ? 0 : 1));
    CHECK(world.platform.calls() == 1);
}

TEST_CASE("peers: tinyproxy that dies in between is named, and used again when it is back") {
    ProxyWorld world;
    auto executor = world.executor(world.through());
    ok(world.run(executor.invoke({.job_id = 0})));
    world.server.process->end();
    const auto error = failed(world.run(executor.invoke({.job_id = 0, .timeout = 5s})));
    CAPTURE(error.message);
    CHECK(error.code == errc::infrastructure);
    CHECK(error.execution == Execution::not_started);
    CHECK(error.message.find(world.proxy_name()) != std::string::npos);
    CHECK(world.platform.calls() == 1);
    world.restart();
    ok(world.run(executor.invoke({.job_id = 0})));
    CHECK(world.platform.calls() == 2);
}

TEST_CASE("peers: tinyproxy says when the platform behind it is not there") {
    ProxyWorld world;
    auto executor = ok(custom::create(world.transport({}, world.through()),
                                      {.base_url = "https://127.0.0.1:" + std::to_string(free_port())}));
    const auto error = failed(world.run(executor.invoke({.job_id = 0, .timeout = 5s})));
    CAPTURE(error.message);
    CHECK(error.code == errc::infrastructure);
    CHECK(error.execution == Execution::not_started);
    CHECK(error.message.find("the proxy " + world.proxy_name()) != std::string::npos);
}

}  // namespace tinyproxy_test

namespace blueprint::faas::test {

std::string missing_tinyproxy() { return tinyproxy_test::tinyproxy().empty() ? "tinyproxy is not here" : ""; }

}  // namespace blueprint::faas::test
