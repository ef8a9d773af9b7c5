#ifndef BLUEPRINT_FAAS_TESTS_INTEGRATION_PEERS_WORLD_HPP
#define BLUEPRINT_FAAS_TESTS_INTEGRATION_PEERS_WORLD_HPP

#include "blueprint/faas/local/certificates.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/http_server.hpp"
#include "blueprint/faas/transport/https.hpp"
#include "support/peer_process.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <doctest/doctest.h>

#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::test {

using tests::failed;
using tests::ok;

/// Says why the named peer's tests cannot run here; empty: they can.
std::string missing_oidc();
std::string missing_nginx();
std::string missing_tinyproxy();

/// A platform that runs every job by answering 42, if `accepts` likes the Authorization field. It is asked over TLS
/// with `identity`, else over plain HTTP.
class SmallPlatform final {
public:
    using Accepts = std::function<asio::awaitable<bool>(std::string)>;

    SmallPlatform(asio::io_context& io, std::optional<local::Certificate> identity, Accepts accepts = {})
        : state_{std::make_shared<State>(io, std::move(accepts))} {
        local::CloudOptions listening;
        if (identity) listening.tls = local::TlsIdentity{identity->certificate, identity->private_key};
        const auto started = state_->server.start(listening, state_);
        if (!started) throw FaasException{started.error()};
    }
    SmallPlatform(const SmallPlatform&) = delete;
    SmallPlatform& operator=(const SmallPlatform&) = delete;
    ~SmallPlatform() { state_->server.close(); }

    std::string url() const { return state_->server.url(); }
    std::uint64_t calls() const noexcept { return state_->calls; }
    std::uint64_t refused() const noexcept { return state_->refused; }
    std::uint64_t connections() const noexcept { return state_->server.connections(); }

private:
    struct State final : local::HttpService {
        State(asio::io_context& io, Accepts check)
            : accepts{std::move(check)}, server{asio::make_strand(io.get_executor()), *this} {}
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
        std::uint64_t calls = 0;
        std::uint64_t refused = 0;
        local::HttpServer server;
    };
    std::shared_ptr<State> state_;
};

/// An io_context, an authority whose certificates our client trusts, and a directory for the peer's files.
class PeerWorld {
public:
    local::Certificate identity() const { return ok(authority.issue({"localhost", "127.0.0.1"})); }
    /// Writes a certificate and its key for a peer to read.
    std::pair<std::string, std::string> identity_files() const {
        const auto one = identity();
        return {write_private(directory / "server.pem", one.certificate).string(),
                write_private(directory / "server.key", one.private_key.reveal()).string()};
    }
    HttpsTransport transport(TlsOptions tls = {}, ConnectionOptions connections = {}) {
        tls.extra_roots = authority.certificate();
        return HttpsTransport{io.get_executor(), std::move(tls), std::move(connections)};
    }
    /// Runs one operation to its end; servers on the same io_context go on.
    template <class T>
    T run(asio::awaitable<T> operation) {
        std::optional<T> outcome;
        asio::co_spawn(io, std::move(operation), [&](std::exception_ptr failure, T value) {
            if (failure) std::rethrow_exception(failure);
            outcome.emplace(std::move(value));
        });
        io.restart();
        while (!outcome && io.run_one() != 0) {
        }
        REQUIRE(outcome.has_value());
        return std::move(*outcome);
    }

    asio::io_context io{};
    TemporaryDirectory directory{};
    local::CertificateAuthority authority = ok(local::CertificateAuthority::create());
};

}  // namespace blueprint::faas::test

#endif
