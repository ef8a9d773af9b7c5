// One executor for a long time: tokens that live five seconds, a platform that is restarted every three, and what the
// process holds in the end compared with what it held when it had warmed up. BLUEPRINT_FAAS_SOAK_SECONDS says how long.
#include "blueprint/faas/auth/oauth2.hpp"
#include "blueprint/faas/local/certificates.hpp"
#include "blueprint/faas/provider/custom.hpp"
#include "blueprint/faas/transport/https.hpp"
#include "measures.hpp"
#include "support/run.hpp"
#include "support/small_platform.hpp"
#include "support/token_server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace blueprint::faas;
using namespace blueprint::faas::test;
using namespace std::chrono_literals;
using soak::Sample;
using soak::take_sample;
using tests::ok;

namespace {

using Executor = custom::HttpFaasExecutor<ClientCredentials<HttpsTransport>>;

std::chrono::seconds length() {
    const char* const text = std::getenv("BLUEPRINT_FAAS_SOAK_SECONDS");
    return std::chrono::seconds{text != nullptr ? std::strtol(text, nullptr, 10) : 20};
}

asio::awaitable<void> wait(std::chrono::milliseconds time) {
    asio::steady_timer timer{co_await asio::this_coro::executor, time};
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

asio::awaitable<bool> ask(const TokenServer& server, std::string authorization) {
    co_return server.accepts(authorization);
}

// The other side, on a thread of its own: a token server, and a platform that comes back at the same address.
class Servers {
public:
    explicit Servers(const local::Certificate& identity)
        : identity_{identity}, tokens{io_.get_executor(), identity}, platform_{make(0)} {
        url = platform_->url();
        asio::co_spawn(io_, restart(), asio::detached);
        thread_ = std::thread{[this] { io_.run(); }};
    }
    Servers(const Servers&) = delete;
    Servers& operator=(const Servers&) = delete;
    ~Servers() {
        io_.stop();
        thread_.join();
    }

    std::string url;
    std::atomic<std::size_t> restarts{0};

private:
    std::unique_ptr<SmallPlatform> make(std::uint16_t port) {
        return std::make_unique<SmallPlatform>(
            io_.get_executor(), identity_,
            [this](std::string authorization) { return ask(tokens, std::move(authorization)); }, port);
    }
    asio::awaitable<void> restart() {
        std::uint16_t port = 0;
        const auto digits = url.substr(url.rfind(':') + 1);
        std::from_chars(digits.data(), digits.data() + digits.size(), port);
        for (;;) {
            co_await wait(3s);
            co_await platform_->stop(1s);
            platform_.reset();
            platform_ = make(port);
            ++restarts;
        }
    }

    const local::Certificate identity_;
    asio::io_context io_{1};

public:
    TokenServer tokens;

private:
    std::unique_ptr<SmallPlatform> platform_;
    std::thread thread_;
};

// Whether a call failed by what the test does to the platform, and by that alone: every attempt found nobody or was cut
// off, and there were as many as may be made, or the client held further ones back.
bool met_restarts_only(const Error& error) {
    if (error.code != errc::infrastructure || !error.metrics || error.http_status != 0) return false;
    const auto& attempts = error.metrics->failed_attempts;
    const bool all = std::all_of(attempts.begin(), attempts.end(),
                                 [](const Attempt& one) { return one.code == errc::infrastructure; });
    return all && (attempts.size() == RetryLimits{}.max_attempts ||
                   error.message.find("not tried again") != std::string::npos);
}

struct Client {
    asio::io_context io{1};
    std::size_t calls = 0;
    std::size_t failed = 0;
    std::size_t interrupted = 0;  // each attempt met a platform that was going or gone
    std::size_t repeated = 0;
    std::string first_failure{};
    bool stop = false;

    asio::awaitable<void> work(Executor& executor) {
        while (!stop) {
            JobCall call{.job_id = 0, .args = Bytes(100, 7), .timeout = 10s, .idempotent = true};
            auto outcome = co_await executor.invoke_with_metrics(std::move(call));
            ++calls;
            if (outcome) {
                repeated += outcome->metrics.attempts > 1 ? 1U : 0U;
            } else {
                // A restart lasts some milliseconds, on a busy machine longer: it may meet all attempts of a call.
                const auto error = std::move(outcome).error();
                const bool by_restart = met_restarts_only(error);
                ++(by_restart ? interrupted : failed);
                if (!by_restart && first_failure.empty()) first_failure = error.message;
            }
            co_await wait(10ms);
        }
    }
    asio::awaitable<void> watch(std::chrono::seconds time, std::vector<Sample>& samples) {
        constexpr int parts = 20;
        for (int part = 0; part < parts; ++part) {
            co_await wait(std::chrono::milliseconds{time} / parts);
            samples.push_back(take_sample());
        }
        stop = true;
    }
};

Sample most(const std::vector<Sample>& samples, std::size_t from, std::size_t to) {
    Sample most;
    for (std::size_t i = from; i < to; ++i) {
        most.descriptors = std::max(most.descriptors, samples[i].descriptors);
        most.resident_kib = std::max(most.resident_kib, samples[i].resident_kib);
    }
    return most;
}

}  // namespace

TEST_CASE("soak: descriptors and memory stay what they were, and restarts and expiring tokens cost no call") {
    const auto authority = ok(local::CertificateAuthority::create());
    Servers servers{ok(authority.issue({"127.0.0.1"}))};
    Client client;
    TlsOptions tls;
    tls.extra_roots = authority.certificate();
    ClientCredentialsOptions options;
    options.token_url = servers.tokens.token_url();
    options.client_id = servers.tokens.options().client_id;
    options.client_secret = servers.tokens.options().client_secret;
    auto executor = ok(custom::create(HttpsTransport{client.io.get_executor(), tls}, {.base_url = servers.url},
                                      ClientCredentials{HttpsTransport{client.io.get_executor(), tls}, options}));
    std::vector<Sample> samples;
    for (int i = 0; i < 32; ++i) asio::co_spawn(client.io, client.work(executor), asio::detached);
    asio::co_spawn(client.io, client.watch(length(), samples), asio::detached);
    client.io.run();

    std::string text;
    for (const auto& sample : samples)
        text += "  " + std::to_string(sample.descriptors) + '/' + std::to_string(sample.resident_kib / 1024);
    MESSAGE("calls: " << client.calls << ", repeated: " << client.repeated
                      << ", lost to restarts: " << client.interrupted << ", failed: " << client.failed
                      << ", restarts: " << servers.restarts.load() << ", tokens: " << servers.tokens.issued());
    MESSAGE("descriptors/MiB:" << text);
    CAPTURE(client.first_failure);
    CHECK(client.failed == 0);
    CHECK(client.calls > 0);
    CHECK(client.interrupted <= client.calls / 1000);
    CHECK(servers.restarts >= static_cast<std::size_t>(length().count()) / 6);
    CHECK(servers.tokens.issued() >= static_cast<std::size_t>(length().count()) / 5);
    // The first quarter warms up; both ends of the connections of 32 callers are in this process.
    REQUIRE(samples.size() == 20);
    const auto early = most(samples, 5, 10);
    const auto late = most(samples, 15, 20);
    CHECK(late.descriptors <= early.descriptors + 32);
    // The address sanitizer keeps what was freed.
    if (std::getenv("BLUEPRINT_FAAS_NO_MEMORY_LIMIT") == nullptr)
        CHECK(late.resident_kib <= early.resident_kib + early.resident_kib / 20 + 4096);
}
