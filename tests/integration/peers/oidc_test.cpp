// OAuth 2.0 client credentials against oidc-provider, a certified server of another project.
#include "blueprint/faas/auth/oauth2.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/wait.hpp"
#include "blueprint/faas/provider/custom.hpp"
#include "support/client_certificate.hpp"
#include "world.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <chrono>
#include <cstdlib>
#include <sstream>
#include <vector>

namespace oidc_test {

using namespace blueprint::faas;
using namespace blueprint::faas::test;
using namespace std::chrono_literals;

namespace {

// Every character that form encoding, Basic and percent encoding treat differently.
const std::string_view client_secret = "a+b%2F c:d&e=f/~'*!";

std::filesystem::path script() {
    const char* const tests = std::getenv("BLUEPRINT_FAAS_TESTS_DIR");
    return std::filesystem::path{tests == nullptr ? "tests" : tests} / "support/peers/oidc/server.mjs";
}

// oidc-provider with clients that know `client_secret`, and a platform which asks it about every token.
class OidcWorld : public PeerWorld {
public:
    explicit OidcWorld(std::chrono::seconds life = 60s)
        : files_{identity_files()},
          certificate_{write_private(directory / "client.pem", client.certificate).string()},
          life_{life} {
        server = start_peer([this](std::uint16_t port) { return command(port); }, directory / "oidc.log");
    }
    // The same server anew: it remembers no token that it gave before.
    void restart() {
        server.process->end();
        server.process = std::make_unique<PeerProcess>(command(server.port), directory / "oidc.log");
        wait_until_listening(*server.process, server.port);
    }
    std::string url() const { return "https://127.0.0.1:" + std::to_string(server.port); }
    ClientCredentialsOptions options(std::string client_id = "by basic") const {
        ClientCredentialsOptions all;
        all.token_url = url() + "/token";
        all.client_id = std::move(client_id);
        all.client_secret = client_secret;
        return all;
    }
    auto executor(ClientCredentialsOptions with, TlsOptions tls = {}) {
        auto token_transport = transport(std::move(tls));
        token_requests = [token_transport] { return token_transport.statistics().requests_sent; };
        ClientCredentials auth{std::move(token_transport), std::move(with)};
        return ok(custom::create(transport(), {.base_url = platform.url()}, std::move(auth)));
    }
    std::size_t granted(std::string_view client_id) const {
        const std::string log = server.process->log();
        const std::string line = "grant.success " + std::string{client_id} + '\n';
        std::size_t count = 0;
        for (auto at = log.find(line); at != std::string::npos; at = log.find(line, at + 1)) ++count;
        return count;
    }

    SelfSigned client = make_self_signed();
    Peer server{};
    std::function<std::uint64_t()> token_requests{};
    SmallPlatform platform{io.get_executor(), identity(),
                           [this](std::string field) { return is_active(std::move(field)); }};

private:
    std::vector<std::string> command(std::uint16_t port) const {
        return {node_program().string(),
                script().string(),
                (peers_directory() / "oidc").string(),
                std::to_string(port),
                files_.first,
                files_.second,
                certificate_,
                std::to_string(life_.count()),
                std::string{client_secret}};
    }
    // RFC 7662: the server that gave a token says whether it is good.
    asio::awaitable<bool> is_active(std::string field) {
        if (!field.starts_with("Bearer ")) co_return false;
        HttpRequest request;
        request.origin = Origin{.tls = true, .host = "127.0.0.1", .port = server.port};
        request.verb = Verb::post;
        request.target = "/token/introspection";
        const auto pair = "platform:" + detail::percent_encode(client_secret);
        request.headers.set("Authorization", "Basic " + detail::base64_encode(detail::bytes_of(pair)));
        request.headers.set("Content-Type", "application/x-www-form-urlencoded");
        request.body = "token=" + detail::percent_encode(std::string_view{field}.substr(7));
        auto answer = co_await introspection_.exchange(request, deadline_after(10s));
        if (!answer) co_return false;
        boost::system::error_code bad;
        const auto json = boost::json::parse(answer->body, bad);
        const auto* told = bad || !json.is_object() ? nullptr : json.get_object().if_contains("active");
        co_return told != nullptr && told->is_bool() && told->get_bool();
    }

    std::pair<std::string, std::string> files_;
    std::string certificate_;
    std::chrono::seconds life_;
    HttpsTransport introspection_ = transport();
};

}  // namespace

TEST_CASE("peers: oidc-provider gives a token that the platform accepts, and one serves many calls") {
    OidcWorld world;
    auto with = world.options();
    with.scope = "jobs";
    SUBCASE("the secret in the Authorization field") {}
    SUBCASE("the secret in the body") {
        with = world.options("by-post");
        with.authentication = ClientAuthentication::post;
    }
    auto executor = world.executor(with);
    for (int i = 0; i < 5; ++i) {
        const auto done = ok(world.run(executor.invoke({.job_id = 0, .args = {1}})));
        CHECK((*done.outcome == Bytes{42}));
    }
    CHECK(world.platform.calls() == 5);
    CHECK(world.platform.refused() == 0);
    CHECK(world.token_requests() == 1);
    CHECK(world.granted(with.client_id) == 1);
}

TEST_CASE("peers: oidc-provider knows a client by its certificate, without a secret") {
    OidcWorld world;
    auto with = world.options("by-certificate");
    with.authentication = ClientAuthentication::tls;
    with.client_secret = Secret{};
    TlsOptions tls;
    tls.client_certificate = world.client.certificate;
    tls.client_key = world.client.key;
    auto executor = world.executor(with, tls);
    ok(world.run(executor.invoke({.job_id = 0})));
    CHECK(world.granted("by-certificate") == 1);

    auto nobody = world.executor(with);
    CHECK(failed(world.run(nobody.invoke({.job_id = 0}))).code == errc::authentication);
    CHECK(world.platform.calls() == 1);
}

TEST_CASE("peers: oidc-provider refuses a wrong secret, and the error says what to do and not the secret") {
    OidcWorld world;
    auto with = world.options();
    with.client_secret = "quite-another-secret";
    auto executor = world.executor(with);
    const auto error = failed(world.run(executor.invoke({.job_id = 0})));
    CHECK(error.code == errc::authentication);
    CHECK(error.http_status == 401);
    CHECK(error.platform_code == "invalid_client");
    CHECK(error.execution == Execution::not_started);
    CHECK_FALSE(error.retryable);
    std::ostringstream shown;
    shown << error;
    CHECK(shown.str().find("check client_id and client_secret") != std::string::npos);
    CHECK(shown.str().find(world.url() + "/token") != std::string::npos);
    CHECK(shown.str().find("quite-another") == std::string::npos);
    CHECK(world.platform.calls() + world.platform.refused() == 0);
    CHECK(world.token_requests() == 1);
}

TEST_CASE("peers: oidc-provider refuses a scope that this client may not have, and the error names it") {
    OidcWorld world;
    auto with = world.options();
    with.scope = "everything";
    auto executor = world.executor(with);
    const auto error = failed(world.run(executor.invoke({.job_id = 0})));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(error.platform_code == "invalid_scope");
    CHECK(error.message.find("ClientCredentialsOptions::scope") != std::string::npos);
}

TEST_CASE("peers: oidc-provider's tokens of 3 seconds are renewed in time: no call meets an old one") {
    OidcWorld world{3s};
    auto executor = world.executor(world.options());
    const auto end = std::chrono::steady_clock::now() + 6s;
    int calls = 0;
    while (std::chrono::steady_clock::now() < end) {
        ok(world.run(executor.invoke({.job_id = 0})));
        ++calls;
        world.run(detail::wait_for(20ms));
    }
    CHECK(world.platform.calls() == static_cast<std::uint64_t>(calls));
    CHECK(world.platform.refused() == 0);
    CHECK(world.token_requests() >= 3);  // at 0 s, before 3 s, before 6 s
    CHECK(world.token_requests() <= 5);
}

TEST_CASE("peers: oidc-provider forgets its tokens in a restart, and the call that notices gets a new one") {
    OidcWorld world;
    auto executor = world.executor(world.options());
    ok(world.run(executor.invoke({.job_id = 0})));
    world.restart();
    ok(world.run(executor.invoke({.job_id = 0})));
    CHECK(world.platform.refused() == 1);
    CHECK(world.platform.calls() == 2);
    CHECK(world.granted("by basic") == 1);
}

}  // namespace oidc_test

namespace blueprint::faas::test {

std::string missing_oidc() {
    if (!std::filesystem::exists(peers_directory() / "oidc/node_modules/oidc-provider/package.json"))
        return "oidc-provider is not in " + peers_directory().string();
    return node_program().empty() ? "there is no Node.js" : "";
}

}  // namespace blueprint::faas::test
