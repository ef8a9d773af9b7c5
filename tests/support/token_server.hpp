#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_TOKEN_SERVER_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_TOKEN_SERVER_HPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/certificates.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/http_server.hpp"
#include "blueprint/faas/local/options.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::test {

namespace asio = boost::asio;

/// What a `TokenServer` knows and how it behaves.
struct TokenServerOptions {
    std::string client_id = "job-runner";
    Secret client_secret = "a secret of the tests";
    std::chrono::seconds life{5};
};

/// A token endpoint for the client credentials grant, over TLS on loopback, whose tokens live for a few seconds: it
/// knows one client, takes `client_secret_basic` only, and can be told to fail or to forget its tokens. The platforms
/// that accept the tokens ask `accepts`. Its members may be called from any thread; the io_context must outlive it.
class TokenServer {
public:
    TokenServer(asio::any_io_executor executor, const local::Certificate& identity, TokenServerOptions options = {})
        : state_{std::make_shared<State>(std::move(executor), std::move(options))} {
        local::CloudOptions listening;
        listening.tls = local::TlsIdentity{identity.certificate, identity.private_key};
        const auto started = state_->server.start(listening, state_);
        if (!started) throw FaasException{started.error()};
    }
    TokenServer(const TokenServer&) = delete;
    TokenServer& operator=(const TokenServer&) = delete;
    ~TokenServer() { close(); }

    /// What `ClientCredentialsOptions::token_url` is to be.
    std::string token_url() const { return state_->server.url() + "/token"; }
    const TokenServerOptions& options() const noexcept { return state_->options; }
    /// Closes the listening socket and all connections. On the thread that runs the executor, or when none does.
    void close() { state_->server.close(); }

    /// Tells whether a platform is to accept this value of an Authorization field now.
    bool accepts(std::string_view authorization) const {
        const auto now = std::chrono::steady_clock::now();
        const std::lock_guard lock{state_->mutex};
        const auto found = state_->tokens.find(authorization);
        return found != state_->tokens.end() && now < found->second;
    }
    /// Forgets all tokens, as a server does that restarts with another key.
    void revoke_all() {
        const std::lock_guard lock{state_->mutex};
        state_->tokens.clear();
    }
    /// Answers 503 from now on, or no longer.
    void fail(bool failing) noexcept { state_->failing = failing; }
    std::uint64_t issued() const noexcept { return state_->issued; }
    std::uint64_t refused() const noexcept { return state_->refused; }

private:
    struct State final : local::HttpService {
        State(asio::any_io_executor executor, TokenServerOptions how)
            : options{std::move(how)}, server{asio::make_strand(std::move(executor)), *this} {}

        local::Admission admit(const local::ServerRequest&) override { return {.body_bytes = 64U << 10}; }
        asio::awaitable<local::ServerAnswer> answer(local::ServerRequest request) override {
            co_return decide(request);
        }
        local::ServerAnswer failure(unsigned status, std::string_view message) override {
            ++refused;
            return {.status = status,
                    .body = R"({"error":"invalid_request","error_description":")" + std::string{message} + "\"}"};
        }
        local::ServerAnswer decide(const local::ServerRequest& request) {
            if (failing) return failure(503, "told to fail");
            const auto body = detail::text_of(request.body);
            if (request.method != "POST" || request.target != "/token") return failure(404, "no such place");
            if (!body.starts_with("grant_type=client_credentials")) {
                ++refused;
                return {.status = 400, .body = R"({"error":"unsupported_grant_type"})"};
            }
            const Secret pair = detail::percent_encode(options.client_id) + ':' +
                                Secret{detail::percent_encode(options.client_secret.reveal())};
            const Secret expected = "Basic " + Secret{detail::base64_encode(detail::bytes_of(pair.reveal()))};
            if (request.field("Authorization") != expected.reveal()) {
                ++refused;
                return {.status = 401, .body = R"({"error":"invalid_client"})"};
            }
            const std::string token = "short-lived-" + std::to_string(++issued);
            {
                const auto now = std::chrono::steady_clock::now();
                const std::lock_guard lock{mutex};
                std::erase_if(tokens, [&](const auto& one) { return one.second <= now; });
                tokens.emplace("Bearer " + token, now + options.life);
            }
            return {.headers = {{"Cache-Control", "no-store"}},
                    .body = R"({"access_token":")" + token + R"(","token_type":"Bearer","expires_in":)" +
                            std::to_string(options.life.count()) + "}"};
        }

        const TokenServerOptions options;
        std::atomic<bool> failing{false};
        std::atomic<std::uint64_t> issued{0};
        std::atomic<std::uint64_t> refused{0};
        std::mutex mutex;  // guards what follows
        std::map<std::string, std::chrono::steady_clock::time_point, std::less<>> tokens;
        local::HttpServer server;
    };

    std::shared_ptr<State> state_;
};

}  // namespace blueprint::faas::test

#endif
