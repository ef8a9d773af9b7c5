#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_SMALL_PLATFORM_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_SMALL_PLATFORM_HPP

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
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::test {

namespace asio = boost::asio;

/// A platform that runs every job by answering 42, if `accepts` likes the Authorization field. It is asked over TLS
/// with `identity`, else over plain HTTP.
class SmallPlatform {
public:
    using Accepts = std::function<asio::awaitable<bool>(std::string)>;

    SmallPlatform(asio::any_io_executor executor, std::optional<local::Certificate> identity, Accepts accepts = {},
                  std::uint16_t port = 0)
        : state_{std::make_shared<State>(std::move(executor), std::move(accepts))} {
        local::CloudOptions listening;
        listening.port = port;
        if (identity) listening.tls = local::TlsIdentity{identity->certificate, identity->private_key};
        const auto started = state_->server.start(listening, state_);
        if (!started) throw FaasException{started.error()};
    }
    SmallPlatform(const SmallPlatform&) = delete;
    SmallPlatform& operator=(const SmallPlatform&) = delete;
    ~SmallPlatform() { state_->server.close(); }

    std::string url() const { return state_->server.url(); }
    /// Lets running answers end, at most for `grace`, and closes everything.
    asio::awaitable<void> stop(std::chrono::milliseconds grace) { return state_->server.stop(grace); }
    std::uint64_t calls() const noexcept { return state_->calls; }
    std::uint64_t refused() const noexcept { return state_->refused; }
    std::uint64_t connections() const noexcept { return state_->server.connections(); }

private:
    struct State final : local::HttpService {
        State(asio::any_io_executor executor, Accepts check)
            : accepts{std::move(check)}, server{asio::make_strand(std::move(executor)), *this} {}
        local::Admission admit(const local::ServerRequest&) override { return {.body_bytes = 1U << 20}; }
        asio::awaitable<local::ServerAnswer> answer(local::ServerRequest request) override {
            if (accepts) {
                std::string field{request.field("Authorization").value_or("")};
                asio::awaitable<bool> checking = accepts(std::move(field));
                const bool good = co_await std::move(checking);
                if (!good) {
                    ++refused;
                    co_return failure(401, "the token is not good");
                }
            }
            ++calls;
            local::ServerAnswer done;
            done.body = R"({"success":true,"result":[42]})";
            co_return done;
        }
        local::ServerAnswer failure(unsigned status, std::string_view message) override {
            return {.status = status, .body = R"({"success":false,"error":")" + std::string{message} + "\"}"};
        }

        Accepts accepts;
        std::atomic<std::uint64_t> calls{0};
        std::atomic<std::uint64_t> refused{0};
        local::HttpServer server;
    };
    std::shared_ptr<State> state_;
};

}  // namespace blueprint::faas::test

#endif
