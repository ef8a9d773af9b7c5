#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_HTTP_CLIENT_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_HTTP_CLIENT_HPP

#include "blueprint/faas/http.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// A small HTTP client of the tests' own: it shares no code with the library, and sends whatever bytes it is told to.
namespace blueprint::faas::test {

namespace asio = boost::asio;

using HttpFields = std::vector<std::pair<std::string, std::string>>;

/// What a server answered.
struct HttpReply {
    unsigned status = 0;
    HttpFields fields{};
    std::string body{};

    std::string field(std::string_view name) const {
        for (const auto& entry : fields)
            if (faas::detail::iequals(entry.first, name)) return entry.second;
        return {};
    }
};

/// What is asked. Content-Length is written from the body unless `fields` has one.
struct HttpAsk {
    std::string method = "GET";
    std::string target = "/";
    HttpFields fields{};
    std::string body{};
};

/// Runs `io` until `operation` is over and returns its value; throws after `limit`.
template <class T>
T wait_for(asio::io_context& io, asio::awaitable<T> operation, std::chrono::seconds limit = std::chrono::seconds{60}) {
    std::optional<T> outcome;
    std::exception_ptr failure;
    bool over = false;
    asio::co_spawn(io, std::move(operation), [&](std::exception_ptr thrown, T value) {
        failure = thrown;
        outcome.emplace(std::move(value));
        over = true;
    });
    const auto end = std::chrono::steady_clock::now() + limit;
    io.restart();
    while (!over) {
        io.run_one_until(end);
        if (std::chrono::steady_clock::now() >= end) throw std::runtime_error{"an operation of the test hangs"};
    }
    if (failure) std::rethrow_exception(failure);
    return std::move(*outcome);
}

inline void wait_for(asio::io_context& io, asio::awaitable<void> operation,
                     std::chrono::seconds limit = std::chrono::seconds{60}) {
    // g++ 12 wants the inner coroutine's arguments named.
    const auto with_value = [](asio::awaitable<void> inner) -> asio::awaitable<bool> {
        co_await std::move(inner);
        co_return true;
    };
    asio::awaitable<bool> outer = with_value(std::move(operation));
    wait_for<bool>(io, std::move(outer), limit);
}

/// One connection to "http://ADDRESS:PORT" or, with a TLS context, "https://ADDRESS:PORT".
class HttpClient {
public:
    HttpClient(asio::io_context& io, const std::string& url, asio::ssl::context* tls = nullptr) : socket_{io} {
        const auto authority = url.substr(url.find("://") + 3);
        host_ = authority;
        const auto colon = authority.rfind(':');
        socket_.connect({asio::ip::make_address(authority.substr(0, colon)),
                         static_cast<unsigned short>(std::stoul(authority.substr(colon + 1)))});
        if (tls != nullptr) tls_ = std::make_unique<asio::ssl::stream<asio::ip::tcp::socket&>>(socket_, *tls);
    }

    /// Makes the TLS handshake. The client must outlive it.
    asio::awaitable<boost::system::error_code> handshake() {
        const auto [failed] =
            co_await tls_->async_handshake(asio::ssl::stream_base::client, asio::as_tuple(asio::use_awaitable));
        co_return failed;
    }

    /// Writes a request and reads its answer; throws if the connection breaks before that is complete.
    asio::awaitable<HttpReply> exchange(HttpAsk ask) {
        bool has_host = false;
        bool has_length = false;
        std::string head = ask.method + ' ' + ask.target + " HTTP/1.1\r\n";
        for (const auto& [name, value] : ask.fields) {
            head += name + ": " + value + "\r\n";
            has_host |= faas::detail::iequals(name, "host");
            has_length |= faas::detail::iequals(name, "content-length");
        }
        if (!has_host) head += "Host: " + host_ + "\r\n";
        if (!has_length && !ask.body.empty()) head += "Content-Length: " + std::to_string(ask.body.size()) + "\r\n";
        head += "\r\n" + ask.body;
        co_await write(std::move(head));
        HttpReply reply = co_await read_reply(ask.method == "HEAD");
        co_return reply;
    }

    /// Writes exactly these bytes.
    asio::awaitable<void> write(std::string bytes) {
        const auto data = asio::buffer(bytes);
        if (tls_)
            co_await asio::async_write(*tls_, data, asio::use_awaitable);
        else
            co_await asio::async_write(socket_, data, asio::use_awaitable);
    }

    asio::awaitable<HttpReply> read_reply(bool without_body = false) {
        std::size_t head_end = 0;
        while ((head_end = received_.find("\r\n\r\n")) == std::string::npos) {
            const bool more = co_await read_more();
            if (!more) throw std::runtime_error{"the server closed the connection without a whole answer"};
        }
        const std::string head = received_.substr(0, head_end + 2);
        received_.erase(0, head_end + 4);
        HttpReply reply;
        std::size_t at = head.find("\r\n") + 2;
        reply.status = static_cast<unsigned>(std::stoul(head.substr(9, 3)));
        while (at < head.size()) {
            const auto end = head.find("\r\n", at);
            const auto colon = head.find(": ", at);
            reply.fields.emplace_back(head.substr(at, colon - at), head.substr(colon + 2, end - colon - 2));
            at = end + 2;
        }
        const auto length = reply.field("content-length");
        const std::size_t size = length.empty() || without_body ? 0 : std::stoul(length);
        while (received_.size() < size) {
            const bool more = co_await read_more();
            if (!more) throw std::runtime_error{"the server closed the connection in the middle of an answer"};
        }
        reply.body = received_.substr(0, size);
        received_.erase(0, size);
        co_return reply;
    }

    /// Waits until the server closes the connection and returns what came before that.
    asio::awaitable<std::string> read_to_end() {
        for (;;) {
            const bool more = co_await read_more();
            if (!more) break;
        }
        co_return std::exchange(received_, {});
    }

    void close() {
        boost::system::error_code ignored;
        socket_.close(ignored);
    }

private:
    asio::awaitable<bool> read_more() {
        const auto room = asio::buffer(chunk_);
        std::size_t size = 0;
        boost::system::error_code failed;
        if (tls_)
            std::tie(failed, size) = co_await tls_->async_read_some(room, asio::as_tuple(asio::use_awaitable));
        else
            std::tie(failed, size) = co_await socket_.async_read_some(room, asio::as_tuple(asio::use_awaitable));
        received_.append(chunk_.data(), size);
        co_return !failed;
    }

    asio::ip::tcp::socket socket_;
    std::unique_ptr<asio::ssl::stream<asio::ip::tcp::socket&>> tls_;
    std::string host_;
    std::string received_;
    std::array<char, 65536> chunk_{};
};

}  // namespace blueprint::faas::test

#endif
