#ifndef BLUEPRINT_FAAS_TESTS_INTEGRATION_RESILIENCE_PEER_HPP
#define BLUEPRINT_FAAS_TESTS_INTEGRATION_RESILIENCE_PEER_HPP

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>

namespace tests {

namespace asio = boost::asio;

/// A platform on loopback that counts what it is asked, answers all of it with the same bytes, and can be made to
/// answer others, to hang up, or to be gone and come back on its port.
class CountingPeer {
public:
    CountingPeer(asio::io_context& io, std::string answer) : state_{std::make_shared<State>(io)} {
        state_->answer = std::move(answer);
        come_back();
    }
    CountingPeer(const CountingPeer&) = delete;
    ~CountingPeer() { go_away(); }

    std::string url() const { return "http://127.0.0.1:" + std::to_string(state_->port); }
    std::size_t requests() const { return state_->requests; }
    void answer(std::string bytes) { state_->answer = std::move(bytes); }
    /// Reads requests, and then closes the connection without an answer.
    void hang_up() { state_->answer.clear(); }
    /// Refuses connections from now on.
    void go_away() {
        boost::system::error_code ignored;
        state_->acceptor.close(ignored);
        for (auto* socket : state_->open) socket->close(ignored);
    }
    void come_back() {
        const tcp::endpoint endpoint{asio::ip::address_v4::loopback(), state_->port};
        state_->acceptor.open(endpoint.protocol());
        state_->acceptor.set_option(tcp::acceptor::reuse_address{true});
        state_->acceptor.bind(endpoint);
        state_->acceptor.listen();
        state_->port = state_->acceptor.local_endpoint().port();
        asio::co_spawn(state_->acceptor.get_executor(), listen(state_), asio::detached);
    }

private:
    using tcp = asio::ip::tcp;
    struct State {
        explicit State(asio::io_context& io) : acceptor{io} {}
        tcp::acceptor acceptor;
        std::uint16_t port = 0;
        std::string answer{};
        std::size_t requests = 0;
        std::set<tcp::socket*> open{};
    };

    static asio::awaitable<void> listen(std::shared_ptr<State> state) {
        for (;;) {
            auto [failed, socket] = co_await state->acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
            if (failed) co_return;
            asio::co_spawn(state->acceptor.get_executor(), serve(state, std::move(socket)), asio::detached);
        }
    }
    static asio::awaitable<void> serve(std::shared_ptr<State> state, tcp::socket socket) {
        state->open.insert(&socket);
        std::string input;
        for (bool open = true; open;) {
            char piece[4096];
            const auto space = asio::buffer(piece);
            const auto [failed, taken] = co_await socket.async_read_some(space, asio::as_tuple(asio::use_awaitable));
            if (failed) break;
            input.append(piece, taken);
            while (open && take(input)) {
                ++state->requests;
                const std::string answer = state->answer;
                open = !answer.empty();
                if (!open) break;
                const auto bytes = asio::buffer(answer);
                const auto [broken, sent] =
                    co_await asio::async_write(socket, bytes, asio::as_tuple(asio::use_awaitable));
                open = !broken;
            }
        }
        state->open.erase(&socket);
    }
    // Takes one whole request from the front of `input`; false if there is none.
    static bool take(std::string& input) {
        const auto end = input.find("\r\n\r\n");
        if (end == std::string::npos) return false;
        std::size_t length = 0;
        if (const auto at = input.find("Content-Length: "); at < end)
            std::from_chars(input.data() + at + 16, input.data() + input.size(), length);
        if (input.size() < end + 4 + length) return false;
        input.erase(0, end + 4 + length);
        return true;
    }

    std::shared_ptr<State> state_;
};

}  // namespace tests

#endif
