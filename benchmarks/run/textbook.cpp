// Beast as its documentation shows it: streams with a time limit for each operation, messages written and read whole.
#include "client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include <string>
#include <type_traits>
#include <vector>

namespace bench {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using namespace std::chrono_literals;

using BeastPlain = beast::tcp_stream;
using BeastTls = beast::ssl_stream<beast::tcp_stream>;

template <class Stream>
class Textbook : public Client {
    static constexpr bool is_tls = std::is_same_v<Stream, BeastTls>;

public:
    explicit Textbook(const Setting& setting) : setting_{setting}, connections_(setting.in_flight) {
        const auto request = unsigned_request(setting);
        target_ = request.target;
        body_ = request.body.view();
        context_ = std::string{request.headers.get("X-Amz-Client-Context").value_or("")};
        host_ = "127.0.0.1:" + std::to_string(setting.port);
        if constexpr (is_tls) {
            tls_.add_certificate_authority(asio::buffer(setting.authority));
            tls_.set_verify_mode(asio::ssl::verify_peer);
        }
    }
    void run(Meter& meter) override {
        for (auto& connection : connections_) asio::co_spawn(io_, call_on(connection, meter), asio::detached);
        io_.restart();
        io_.run();
    }

private:
    struct Connection {
        std::unique_ptr<Stream> stream{};
        beast::flat_buffer buffer{};
    };

    asio::awaitable<void> connect(Connection& connection) {
        const asio::ip::tcp::endpoint to{asio::ip::address_v4::loopback(), setting_.port};
        if constexpr (is_tls)
            connection.stream = std::make_unique<Stream>(io_, tls_);
        else
            connection.stream = std::make_unique<Stream>(io_);
        auto& tcp = beast::get_lowest_layer(*connection.stream);
        tcp.expires_after(30s);
        co_await tcp.async_connect(to, asio::use_awaitable);
        tcp.socket().set_option(asio::ip::tcp::no_delay{true});
        if constexpr (is_tls) {
            connection.stream->set_verify_callback(asio::ssl::host_name_verification{"127.0.0.1"});
            co_await connection.stream->async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
        }
    }
    asio::awaitable<void> call_on(Connection& connection, Meter& meter) {
        if (!connection.stream) co_await connect(connection);
        while (const auto began = meter.start()) {
            http::request<http::string_body> request{http::verb::post, target_, 11};
            request.set(http::field::host, host_);
            request.set(http::field::content_type, "application/json");
            request.set("X-Amz-Invocation-Type", "RequestResponse");
            if (setting_.log_tail) request.set("X-Amz-Log-Type", "Tail");
            request.set("X-Amz-Client-Context", context_);
            request.body() = body_;
            request.prepare_payload();
            beast::get_lowest_layer(*connection.stream).expires_after(30s);
            co_await http::async_write(*connection.stream, request, asio::use_awaitable);
            http::response_parser<http::string_body> parser;
            parser.body_limit(16U << 20U);
            beast::get_lowest_layer(*connection.stream).expires_after(30s);
            co_await http::async_read(*connection.stream, connection.buffer, parser, asio::use_awaitable);
            const http::response<http::string_body> answer = parser.release();
            meter.done(*began, answer.result_int() == 200 && answer.body().size() > setting_.payload);
        }
    }

    Setting setting_;
    asio::io_context io_{1};
    asio::ssl::context tls_{asio::ssl::context::tls_client};
    std::vector<Connection> connections_;
    std::string host_{}, target_{}, body_{}, context_{};
};

}  // namespace

std::unique_ptr<Client> make_textbook(const Setting& setting) {
    if (setting.tls) return std::make_unique<Textbook<BeastTls>>(setting);
    return std::make_unique<Textbook<BeastPlain>>(setting);
}

}  // namespace bench
