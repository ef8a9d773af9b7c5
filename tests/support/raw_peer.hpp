#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_RAW_PEER_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_RAW_PEER_HPP

#include "blueprint/faas/local/certificates.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <charconv>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace tests {

namespace asio = boost::asio;

/// A server on loopback that answers bytes which a test wrote, right or wrong. Each step of the script serves one
/// request; the last one serves all further requests.
class RawPeer {
public:
    struct Step {
        std::string answer{};        ///< written when a whole request has been read
        bool close = false;          ///< then hangs up
        bool hang_up_first = false;  ///< hangs up without reading
        bool silent = false;         ///< reads, and never answers
        std::size_t piece = 0;       ///< writes this many bytes at a time; 0: all at once
    };

    /// With a certificate it speaks TLS; `prepare` may then change how.
    RawPeer(asio::io_context& io, std::vector<Step> script,
            std::optional<blueprint::faas::local::Certificate> certificate = std::nullopt,
            const std::function<void(asio::ssl::context&)>& prepare = {})
        : state_{std::make_shared<State>(io, std::move(script))} {
        if (certificate) {
            state_->tls.emplace(asio::ssl::context::tls_server);
            state_->tls->use_certificate_chain(asio::buffer(certificate->certificate));
            const auto key = certificate->private_key.reveal();
            state_->tls->use_private_key(asio::buffer(key.data(), key.size()), asio::ssl::context::pem);
            if (prepare) prepare(*state_->tls);
        }
        asio::co_spawn(io, listen(state_), asio::detached);
    }
    RawPeer(const RawPeer&) = delete;
    RawPeer& operator=(const RawPeer&) = delete;
    ~RawPeer() { stop(); }

    std::string url(const std::string& host = "127.0.0.1") const {
        return (state_->tls ? "https://" : "http://") + host + ':' + std::to_string(port());
    }
    std::uint16_t port() const { return state_->port; }
    std::size_t connections() const { return state_->connections; }
    const std::vector<std::string>& requests() const { return state_->requests; }
    void stop() {
        boost::system::error_code ignored;
        state_->acceptor.close(ignored);
        for (const auto& socket : state_->sockets) socket->close(ignored);
    }

private:
    using tcp = asio::ip::tcp;
    struct State {
        State(asio::io_context& io, std::vector<Step> steps)
            : acceptor{io, tcp::endpoint{asio::ip::address_v4::loopback(), 0}}, script{std::move(steps)} {
            port = acceptor.local_endpoint().port();
        }
        tcp::acceptor acceptor;
        std::vector<Step> script;
        std::uint16_t port = 0;
        std::optional<asio::ssl::context> tls{};
        std::size_t connections = 0;
        std::vector<std::string> requests{};
        std::vector<std::shared_ptr<tcp::socket>> sockets{};

        const Step& step() const { return script[std::min(requests.size(), script.size() - 1)]; }
    };

    static asio::awaitable<void> listen(std::shared_ptr<State> state) {
        for (;;) {
            auto [failed, socket] = co_await state->acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
            if (failed) co_return;
            ++state->connections;
            auto kept = std::make_shared<tcp::socket>(std::move(socket));
            state->sockets.push_back(kept);
            asio::co_spawn(state->acceptor.get_executor(), serve(state, kept), asio::detached);
        }
    }
    static asio::awaitable<void> serve(std::shared_ptr<State> state, std::shared_ptr<tcp::socket> socket) {
        if (!state->tls) {
            co_await talk(state, socket, *socket);
            co_return;
        }
        asio::ssl::stream<tcp::socket&> stream{*socket, *state->tls};
        const auto [failed] =
            co_await stream.async_handshake(asio::ssl::stream_base::server, asio::as_tuple(asio::use_awaitable));
        boost::system::error_code ignored;
        if (failed) {
            socket->close(ignored);
            co_return;
        }
        co_await talk(state, socket, stream);
    }
    template <class Stream>
    static asio::awaitable<void> talk(std::shared_ptr<State> state, std::shared_ptr<tcp::socket> socket,
                                      Stream& stream) {
        boost::system::error_code ignored;
        std::string input;
        for (;;) {
            if (state->step().hang_up_first) {
                state->requests.emplace_back();
                socket->close(ignored);
                co_return;
            }
            while (!whole(input)) {
                char piece[4096];
                const auto space = asio::buffer(piece);
                const auto [failed, taken] =
                    co_await stream.async_read_some(space, asio::as_tuple(asio::use_awaitable));
                if (failed) co_return;
                input.append(piece, taken);
            }
            const Step step = state->step();
            state->requests.push_back(std::exchange(input, {}));
            if (step.silent) continue;
            std::string_view rest = step.answer;
            while (!rest.empty()) {
                const auto piece = rest.substr(0, step.piece == 0 ? rest.size() : step.piece);
                const auto data = asio::buffer(piece.data(), piece.size());
                const auto [failed, sent] = co_await stream.async_write_some(data, asio::as_tuple(asio::use_awaitable));
                if (failed) co_return;
                rest.remove_prefix(sent);
            }
            if (step.close) {
                socket->shutdown(tcp::socket::shutdown_both, ignored);
                socket->close(ignored);
                co_return;
            }
        }
    }
    static bool whole(const std::string& input) {
        const auto end = input.find("\r\n\r\n");
        if (end == std::string::npos) return false;
        std::size_t length = 0;
        if (const auto at = input.find("Content-Length: "); at < end)
            std::from_chars(input.data() + at + 16, input.data() + input.size(), length);
        return input.size() >= end + 4 + length;
    }

    std::shared_ptr<State> state_;
};

/// Writes a JSON answer with its head.
inline std::string json_answer(const std::string& body, const std::string& status = "200 OK") {
    return "HTTP/1.1 " + status +
           "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace tests

#endif
