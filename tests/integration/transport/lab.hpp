#ifndef BLUEPRINT_FAAS_TESTS_TRANSPORT_LAB_HPP
#define BLUEPRINT_FAAS_TESTS_TRANSPORT_LAB_HPP

#include "blueprint/faas/transport/https.hpp"
#include "blueprint/faas/transport/loopback.hpp"
#include "support/raw_peer.hpp"
#include "support/run.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tests {

using namespace std::chrono_literals;
using blueprint::faas::Deadline;
using blueprint::faas::deadline_after;
using blueprint::faas::HttpRequest;
using blueprint::faas::HttpResponse;
using blueprint::faas::Origin;
using blueprint::faas::result;
using tcp = asio::ip::tcp;

/// Counts the descriptors that this process has open.
inline std::size_t descriptors() {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator{"/proc/self/fd"}, std::filesystem::directory_iterator{}));
}

/// Runs `io` until `holds()`, but never long.
template <class Condition>
bool run_until(asio::io_context& io, Condition holds, std::chrono::milliseconds limit = 20s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    io.restart();
    while (!holds() && std::chrono::steady_clock::now() < end) io.run_one_for(20ms);
    return holds();
}

/// Lets `io` go on for a while.
inline void run_for(asio::io_context& io, std::chrono::milliseconds time) {
    io.restart();
    io.run_for(time);
}

/// One exchange under way, and how it ended. It stays where it is until then.
struct Call {
    asio::cancellation_signal stop{};
    std::optional<result<HttpResponse>> done{};
    std::chrono::steady_clock::time_point ended{};
};

// Lets every kind of cancellation through; by itself a coroutine obeys the terminal kind alone.
template <class Transport>
asio::awaitable<result<HttpResponse>> send(Transport transport, HttpRequest request, Deadline deadline) {
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    co_await asio::this_coro::throw_if_cancelled(false);
    auto answer = co_await transport.exchange(request, deadline);
    co_return answer;
}

/// Begins an exchange; `call` outlives it.
template <class Executor, class Transport>
void begin(const Executor& on, const Transport& transport, HttpRequest request, Deadline deadline, Call& call) {
    asio::co_spawn(on, send(transport, std::move(request), deadline),
                   asio::bind_cancellation_slot(call.stop.slot(),
                                                [&call](std::exception_ptr failure, result<HttpResponse> answer) {
                                                    if (failure) std::rethrow_exception(failure);
                                                    call.ended = std::chrono::steady_clock::now();
                                                    call.done.emplace(std::move(answer));
                                                }));
}

/// Makes one exchange and returns how it ended.
template <class Transport>
result<HttpResponse> exchange(asio::io_context& io, const Transport& transport, HttpRequest request,
                              std::chrono::milliseconds timeout = 10s) {
    Call call;
    begin(io.get_executor(), transport, std::move(request), deadline_after(timeout), call);
    REQUIRE(run_until(io, [&] { return call.done.has_value(); }));
    return std::move(*call.done);
}

inline HttpRequest get(bool tls, std::uint16_t port, std::string target = "/", std::string host = "localhost") {
    return {.origin = Origin{.tls = tls, .host = std::move(host), .port = port}, .target = std::move(target)};
}

/// A port that lets nobody in and refuses nobody: its queue is full, so that connecting to it takes for ever.
class DeafPort {
public:
    explicit DeafPort(asio::io_context& io, const asio::ip::address& at, std::uint16_t port = 0)
        : acceptor_{io, tcp::endpoint{at, port}} {
        acceptor_.listen(0);
        for (int i = 0; i < 4; ++i) {
            fill_.emplace_back(io);
            fill_.back().async_connect(acceptor_.local_endpoint(), [](boost::system::error_code) {});
        }
    }
    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

private:
    tcp::acceptor acceptor_;
    std::vector<tcp::socket> fill_;
};

/// A forward proxy on loopback. It answers CONNECT as it is told; after a 200 it passes bytes both ways, to that port
/// of this machine which was asked for.
class ProxyPeer {
public:
    struct Step {
        std::string answer = "HTTP/1.1 200 Connection established\r\nX-Of: proxy\r\n\r\n";
        bool silent = false;
        std::string wants{};  ///< another `Proxy-Authorization` than this gets a 407
    };

    ProxyPeer(asio::io_context& io, Step step) : state_{std::make_shared<State>(io, std::move(step))} {
        asio::co_spawn(io, listen(state_), asio::detached);
    }
    ProxyPeer(const ProxyPeer&) = delete;
    ProxyPeer& operator=(const ProxyPeer&) = delete;
    ~ProxyPeer() {
        boost::system::error_code ignored;
        state_->acceptor.close(ignored);
        for (const auto& socket : state_->sockets) socket->close(ignored);
    }

    std::uint16_t port() const { return state_->acceptor.local_endpoint().port(); }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port()); }
    const std::vector<std::string>& heads() const { return state_->heads; }

private:
    struct State {
        State(asio::io_context& io, Step what)
            : acceptor{io, tcp::endpoint{asio::ip::address_v4::loopback(), 0}}, step{std::move(what)} {}
        tcp::acceptor acceptor;
        Step step;
        std::vector<std::string> heads{};
        std::vector<std::shared_ptr<tcp::socket>> sockets{};
    };

    static asio::awaitable<void> listen(std::shared_ptr<State> state) {
        for (;;) {
            auto [failed, socket] = co_await state->acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
            if (failed) co_return;
            auto kept = std::make_shared<tcp::socket>(std::move(socket));
            state->sockets.push_back(kept);
            asio::co_spawn(state->acceptor.get_executor(), serve(state, kept), asio::detached);
        }
    }
    static asio::awaitable<void> serve(std::shared_ptr<State> state, std::shared_ptr<tcp::socket> client) {
        boost::system::error_code ignored;
        std::string head;
        while (head.find("\r\n\r\n") == std::string::npos) {
            char piece[1024];
            const auto space = asio::buffer(piece);
            const auto [failed, taken] = co_await client->async_read_some(space, asio::as_tuple(asio::use_awaitable));
            if (failed) co_return;
            head.append(piece, taken);
        }
        state->heads.push_back(head);
        if (state->step.silent) co_return;  // the socket stays open
        std::string answer = state->step.answer;
        if (!state->step.wants.empty() &&
            head.find("Proxy-Authorization: " + state->step.wants + "\r\n") == std::string::npos)
            answer = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n";
        const auto data = asio::buffer(answer);
        const auto [broken, sent] = co_await asio::async_write(*client, data, asio::as_tuple(asio::use_awaitable));
        if (broken || answer.find(" 200 ") == std::string::npos) {
            client->close(ignored);
            co_return;
        }
        const auto colon = head.find(':');
        const auto port = static_cast<std::uint16_t>(std::stoi(head.substr(colon + 1)));
        auto server = std::make_shared<tcp::socket>(state->acceptor.get_executor());
        state->sockets.push_back(server);
        const tcp::endpoint where{asio::ip::address_v4::loopback(), port};
        const auto [refused] = co_await server->async_connect(where, asio::as_tuple(asio::use_awaitable));
        if (refused) {
            client->close(ignored);
            co_return;
        }
        asio::co_spawn(state->acceptor.get_executor(), pass(server, client), asio::detached);
        co_await pass(client, server);
    }
    static asio::awaitable<void> pass(std::shared_ptr<tcp::socket> from, std::shared_ptr<tcp::socket> to) {
        boost::system::error_code ignored;
        for (;;) {
            char piece[4096];
            const auto space = asio::buffer(piece);
            const auto [failed, taken] = co_await from->async_read_some(space, asio::as_tuple(asio::use_awaitable));
            if (failed) break;
            const auto data = asio::buffer(piece, taken);
            const auto [broken, sent] = co_await asio::async_write(*to, data, asio::as_tuple(asio::use_awaitable));
            if (broken) break;
        }
        to->close(ignored);
        from->close(ignored);
    }

    std::shared_ptr<State> state_;
};

}  // namespace tests

#endif
