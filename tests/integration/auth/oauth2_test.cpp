// Short-lived tokens under load: four threads, a token server that forgets and fails, and a platform that checks.
#include "blueprint/faas/auth/oauth2.hpp"

#include "blueprint/faas/local/certificates.hpp"
#include "blueprint/faas/provider/custom.hpp"
#include "blueprint/faas/transport/https.hpp"
#include "support/run.hpp"
#include "support/small_platform.hpp"
#include "support/token_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace blueprint::faas;
using namespace blueprint::faas::test;
using namespace std::chrono_literals;
using tests::ok;

namespace {

constexpr std::size_t workers = 32;
using Executor = custom::HttpFaasExecutor<ClientCredentials<HttpsTransport>>;

struct Load {
    std::array<std::atomic<std::uint64_t>, workers> done{};
    std::atomic<bool> stop{false};
    std::atomic<int> failed{0};
    std::mutex mutex;
    std::string first_failure;

    void note(const Error& error) {
        ++failed;
        const std::lock_guard lock{mutex};
        if (first_failure.empty()) first_failure = error.message;
    }
    // Waits until every worker has ended two more calls: then none is left of those that had begun.
    bool round() const {
        std::array<std::uint64_t, workers> before{};
        for (std::size_t i = 0; i < workers; ++i) before[i] = done[i];
        return until([&] {
            for (std::size_t i = 0; i < workers; ++i)
                if (done[i] < before[i] + 2) return false;
            return true;
        });
    }
    static bool until(const std::function<bool()>& condition) {
        const auto end = std::chrono::steady_clock::now() + 60s;
        while (!condition()) {
            if (std::chrono::steady_clock::now() > end) return false;
            std::this_thread::sleep_for(5ms);
        }
        return true;
    }
};

asio::awaitable<void> work(Executor& executor, Load& load, std::size_t number) {
    while (!load.stop) {
        JobCall call;
        call.job_id = 0;
        call.timeout = 30s;
        auto outcome = co_await executor.invoke(std::move(call));
        if (!outcome) load.note(outcome.error());
        ++load.done[number];
    }
}

asio::awaitable<bool> ask(const TokenServer& server, std::string authorization) {
    co_return server.accepts(authorization);
}

}  // namespace

TEST_CASE(
    "oauth2: revoked tokens and a failing token server cost no call, and the server is asked no more than needed") {
    asio::io_context io{4};
    const auto authority = ok(local::CertificateAuthority::create());
    const auto identity = ok(authority.issue({"127.0.0.1"}));
    TokenServer server{io.get_executor(), identity};
    SmallPlatform platform{io.get_executor(), identity,
                           [&](std::string authorization) { return ask(server, std::move(authorization)); }};
    TlsOptions tls;
    tls.extra_roots = authority.certificate();
    ClientCredentialsOptions options;
    options.token_url = server.token_url();
    options.client_id = server.options().client_id;
    options.client_secret = server.options().client_secret;
    auto executor = ok(custom::create(HttpsTransport{io.get_executor(), tls}, {.base_url = platform.url()},
                                      ClientCredentials{HttpsTransport{io.get_executor(), tls}, options}));
    Load load;
    std::atomic<std::size_t> ended{0};
    for (std::size_t i = 0; i < workers; ++i)
        asio::co_spawn(io, work(executor, load, i), [&](std::exception_ptr) { ++ended; });
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { io.run(); });

    CHECK(load.round());
    for (int i = 0; i < 3; ++i) {
        server.revoke_all();
        CHECK(load.round());
    }
    CHECK(platform.refused() >= 3);
    const auto issued = server.issued();
    server.fail(true);  // the next refresh, some three seconds from now, fails at first
    CHECK(Load::until([&] { return server.refused() > 0; }));
    server.fail(false);
    CHECK(Load::until([&] { return server.issued() > issued; }));
    CHECK(load.round());

    load.stop = true;
    CHECK(Load::until([&] { return ended == workers; }));
    io.stop();
    threads.clear();
    CAPTURE(load.first_failure);
    CHECK(load.failed == 0);
    CHECK(server.issued() >= 5);
    CHECK(server.issued() <= 8);
}
