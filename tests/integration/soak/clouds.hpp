#ifndef BLUEPRINT_FAAS_TESTS_SOAK_CLOUDS_HPP
#define BLUEPRINT_FAAS_TESTS_SOAK_CLOUDS_HPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/certificates.hpp"
#include "blueprint/faas/local/cloud.hpp"
#include "pulse.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"
#include "support/token_server.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <utility>

namespace soak {

namespace faas = blueprint::faas;
using tests::ok;

inline constexpr std::string_view google_account = "caller@local-project.iam.gserviceaccount.com";
inline constexpr std::string_view azure_client = "99999999-0000-4000-8000-000000000001";
inline constexpr std::string_view made_up = "made-for-this-test";
inline constexpr std::chrono::seconds token_life{5};

inline std::uint16_t port_of(const std::string& url) {
    return static_cast<std::uint16_t>(std::strtoul(url.c_str() + url.rfind(':') + 1, nullptr, 10));
}

/// A port to come back to: below those that the system gives to whoever asks for any, or the port of a platform that is
/// being restarted would be given to a connection meanwhile. It may be taken: then the next one is to be tried.
inline std::uint16_t next_port() {
    static unsigned turn = static_cast<unsigned>(::getpid()) * 31U;
    return static_cast<std::uint16_t>(20'000U + turn++ % 12'000U);
}

/// The platforms that have a cloud of their own. Google's has two kinds of jobs.
enum class Platform : std::uint8_t { custom, aws, google, azure, digitalocean, openwhisk };
inline constexpr std::size_t platforms = 6;

/// Six local clouds on a thread of their own, each of which plays one platform over TLS. One after the other is ended,
/// now with its calls answered and now in the middle of them, and comes back at the same address with nothing
/// deployed. The token server of the custom platform is here too, and forgets its tokens now and then.
class Clouds {
public:
    Clouds(const faas::local::CertificateAuthority& authority, std::string google_key)
        : identity_{ok(authority.issue({"127.0.0.1", "localhost", "europe-west1-localhost"}))},
          google_key_{std::move(google_key)},
          tokens{io_.get_executor(), identity_, {.life = token_life}} {
        for (std::size_t i = 0; i < platforms; ++i) {
            for (int tries = 0; !make(i, next_port()); ++tries) REQUIRE(tries < 1000);
            urls[i] = url_of(i);
        }
        asio::co_spawn(io_, pulse_.beat(ending_), asio::detached);
        thread_ = std::thread{[this] { io_.run(); }};
    }
    Clouds(const Clouds&) = delete;
    Clouds& operator=(const Clouds&) = delete;
    ~Clouds() { end(); }

    const std::string& url(Platform platform) const { return urls.at(static_cast<std::size_t>(platform)); }
    /// How often the platform has come back; its deployments are gone each time.
    std::size_t generation(Platform platform) const { return generations_.at(static_cast<std::size_t>(platform)); }
    /// Tells whether it is being restarted, from before the first call can notice.
    bool is_going(Platform platform) const { return going_.at(static_cast<std::size_t>(platform)); }
    std::size_t restarts() const { return restarts_; }
    std::size_t stalls() const { return pulse_.stalls(); }
    /// When the token server last forgot its tokens.
    Clock::time_point revoked_at() const { return revoked_at_; }
    std::size_t revocations() const { return revocations_; }
    std::uint64_t connections() const { return connections_; }
    std::uint64_t processes() const { return processes_; }
    std::uint64_t throttled() const { return throttled_; }

    /// Restarts one platform after the other, `every` so often, until `end`: in the first round and in every second one
    /// after that not before `settled(platform)`, in the others maybe in the middle of a deployment.
    void restart_every(std::chrono::milliseconds every, std::function<bool(Platform)> settled) {
        asio::co_spawn(io_, restart_all(every, std::move(settled)), asio::detached);
    }
    /// Stops all platforms and waits until nothing of them is left.
    void end() {
        if (!thread_.joinable()) return;
        std::promise<void> stopped;
        ending_ = true;
        asio::co_spawn(io_, stop_all(), [&stopped](std::exception_ptr) { stopped.set_value(); });
        stopped.get_future().wait();
        thread_.join();
    }

private:
    std::string url_of(std::size_t i) const {
        switch (static_cast<Platform>(i)) {
            case Platform::custom: return clouds_[i]->url();
            case Platform::aws: return clouds_[i]->aws_url();
            case Platform::google: return clouds_[i]->gcp_url();
            case Platform::azure: return clouds_[i]->azure_url();
            case Platform::digitalocean: return clouds_[i]->digitalocean_url();
            default: return clouds_[i]->openwhisk_url();
        }
    }
    // Sees calls of jobs only: one of 400 is turned away, as one of too many.
    std::optional<faas::local::ServerAnswer> turn_away(const faas::local::ServerRequest& head) {
        const auto has = [&](std::string_view part) { return head.target.find(part) != std::string::npos; };
        const bool call = head.method == "POST" && (head.target == "/" || has("/api/run") || has("blocking=true"));
        if (!call || ++calls_ % 400 != 0) return std::nullopt;
        ++throttled_;
        return faas::local::ServerAnswer{
            .status = 429, .headers = {{"Retry-After", "0"}}, .body = R"({"error":"too many calls"})"};
    }
    faas::local::CloudOptions options(std::size_t i, std::uint16_t port) {
        faas::local::CloudOptions options;
        options.tls = faas::local::TlsIdentity{identity_.certificate, identity_.private_key};
        options.data_directory = data_.path();
        options.limit_memory = std::getenv("BLUEPRINT_FAAS_NO_MEMORY_LIMIT") == nullptr;
        options.single_thread = true;
        options.limits.idle = 2s;
        options.limits.kill_after = 200ms;
        const auto fault = [this](const faas::local::ServerRequest& head) { return turn_away(head); };
        switch (static_cast<Platform>(i)) {
            case Platform::custom:
                options.port = port;
                options.authorize =
                    [this](const faas::local::ServerRequest& head) -> std::optional<faas::local::Denial> {
                    if (tokens.accepts(head.field("Authorization").value_or(""))) return std::nullopt;
                    return faas::local::Denial{.message = "the token is not good"};
                };
                break;
            case Platform::aws:
                options.aws.emplace();
                options.aws->port = port;
                options.aws->settle = 30ms;
                options.aws->session = token_life;
                break;
            case Platform::google:
                options.gcp.emplace();
                options.gcp->port = port;
                options.gcp->settle = 30ms;
                options.gcp->token_life = token_life;
                options.gcp->service_accounts.emplace(
                    google_account, faas::local::GcpServiceAccount{.public_key = google_key_, .key_id = "key-1"});
                options.gcp->fault = fault;
                break;
            case Platform::azure:
                options.azure.emplace();
                options.azure->port = port;
                options.azure->settle = 30ms;
                options.azure->host_start = 30ms;
                options.azure->token_life = token_life;
                options.azure->applications.push_back(
                    {.client_id = std::string{azure_client}, .secrets = {faas::Secret{made_up}}});
                options.azure->fault = fault;
                break;
            case Platform::digitalocean:
                options.digitalocean.emplace();
                options.digitalocean->port = port;
                options.digitalocean->tokens.emplace_back(made_up);
                many(options.digitalocean->functions);
                options.digitalocean->fault = fault;
                break;
            case Platform::openwhisk:
                options.openwhisk.emplace();
                options.openwhisk->port = port;
                options.openwhisk->users.push_back({.user = "tester", .password = faas::Secret{made_up}});
                many(options.openwhisk->settings);
                options.openwhisk->fault = fault;
                break;
        }
        return options;
    }
    static void many(faas::local::OpenWhiskSettings& settings) {
        settings.calls_per_minute = 10'000'000;
        settings.records = 1'000;
    }
    bool make(std::size_t i, std::uint16_t port) {
        clouds_[i].emplace(io_, options(i, port));
        return clouds_[i]->start().has_value();
    }
    asio::awaitable<void> restart_all(std::chrono::milliseconds every, std::function<bool(Platform)> settled) {
        for (std::size_t turn = 0;; ++turn) {
            co_await pause(every);
            const auto i = turn % platforms;
            const bool gentle = turn / platforms % 2 == 0;
            while (gentle && !ending_ && !settled(static_cast<Platform>(i))) co_await pause(20ms);
            if (ending_) co_return;
            if (Clock::now() - revoked_at_.load() >= token_life) {
                ++revocations_;
                revoked_at_ = Clock::now();
                tokens.revoke_all();  // before the end that was promised
            }
            going_[i] = true;
            co_await pause(20ms);  // the clients' clock may see it first
            count(i);
            if (gentle) {
                asio::awaitable<void> stopping = clouds_[i]->stop(1s);
                co_await std::move(stopping);
            }
            clouds_[i].reset();
            const auto port = port_of(urls[i]);
            for (int tries = 0; !make(i, port); ++tries) {
                if (tries == 500) std::abort();  // the address is lost: nothing of the soak can go on
                clouds_[i].reset();
                co_await pause(10ms);
            }
            ++restarts_;
            ++generations_[i];
            going_[i] = false;
        }
    }
    asio::awaitable<void> stop_all() {
        for (std::size_t i = 0; i < platforms; ++i) {
            while (going_[i]) co_await pause(10ms);
            count(i);
            asio::awaitable<void> stopping = clouds_[i]->stop(1s);
            co_await std::move(stopping);
            clouds_[i].reset();
        }
        tokens.close();
    }
    void count(std::size_t i) {
        const auto stats = clouds_[i]->stats();
        connections_ += stats.connections;
        processes_ += stats.processes_started;
    }

    const faas::local::Certificate identity_;
    const std::string google_key_;
    blueprint::faas::test::TemporaryDirectory data_{};
    asio::io_context io_{1};

public:
    faas::test::TokenServer tokens;

private:
    std::array<std::string, platforms> urls{};
    std::array<std::optional<faas::local::Cloud>, platforms> clouds_{};
    std::array<std::atomic<std::size_t>, platforms> generations_{};
    std::array<std::atomic<bool>, platforms> going_{};
    std::atomic<bool> ending_{false};
    std::atomic<std::size_t> restarts_{0};
    std::atomic<std::size_t> revocations_{0};
    std::atomic<Clock::time_point> revoked_at_{Clock::now()};
    Pulse pulse_{};
    std::atomic<std::uint64_t> connections_{0};
    std::atomic<std::uint64_t> processes_{0};
    std::atomic<std::uint64_t> throttled_{0};
    std::uint64_t calls_ = 0;
    std::thread thread_{};
};

}  // namespace soak

#endif
