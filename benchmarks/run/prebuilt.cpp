// The least that can be had of Asio and Beast: the request's bytes lie ready, or all but the signature does.
#include "blueprint/faas/auth/aws/credentials.hpp"
#include "blueprint/faas/auth/sigv4_signing.hpp"
#include "client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace bench {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

using Socket = asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type>;
using Plain = Socket;
using Tls = asio::ssl::stream<Socket>;
using Token = asio::use_awaitable_t<asio::io_context::executor_type>;
template <class T>
using Awaitable = asio::awaitable<T, asio::io_context::executor_type>;

template <class Stream>
class Prebuilt : public Client {
    static constexpr bool is_tls = std::is_same_v<Stream, Tls>;

public:
    Prebuilt(const Setting& setting, bool sign)
        : setting_{setting},
          sign_{sign},
          connections_(setting.in_flight),
          line_{request_line(unsigned_request(setting))} {
        const auto request = unsigned_request(setting);
        for (auto& connection : connections_) {
            connection.request = request;
            connection.in.resize(std::max<std::size_t>(8 * 1024, std::min<std::size_t>(setting.payload, 64 * 1024)));
            write_out(connection);
        }
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
        faas::HttpRequest request{};
        std::string out{};
        std::string in{};
    };

    void write_out(Connection& connection) const {
        auto& out = connection.out;
        out.clear();
        out.append(line_).append(connection.request.headers.text()).append("\r\n");
        out.append(connection.request.body.view());
    }
    Socket& socket(Connection& connection) {
        if constexpr (is_tls)
            return connection.stream->next_layer();
        else
            return *connection.stream;
    }
    Awaitable<void> connect(Connection& connection) {
        const asio::ip::tcp::endpoint to{asio::ip::address_v4::loopback(), setting_.port};
        if constexpr (is_tls)
            connection.stream = std::make_unique<Stream>(io_, tls_);
        else
            connection.stream = std::make_unique<Stream>(io_);
        co_await socket(connection).async_connect(to, Token{});
        socket(connection).set_option(asio::ip::tcp::no_delay{true});
        if constexpr (is_tls) {
            connection.stream->set_verify_callback(asio::ssl::host_name_verification{"127.0.0.1"});
            co_await connection.stream->async_handshake(asio::ssl::stream_base::client, Token{});
        }
    }
    Awaitable<void> call_on(Connection& connection, Meter& meter) {
        const Token token;
        if (!connection.stream) co_await connect(connection);
        while (const auto began = meter.start()) {
            if (sign_) {
                const auto now = std::chrono::system_clock::now();
                if (!signer_.sign(connection.request, credentials_, scope_, now)) fail("it cannot be signed");
                write_out(connection);
            }
            co_await asio::async_write(*connection.stream, asio::buffer(connection.out), token);
            http::response_parser<http::string_body> parser;
            parser.eager(true);
            parser.body_limit(16U << 20U);
            std::size_t have = 0;
            while (!parser.is_done()) {
                const auto room = asio::buffer(connection.in.data() + have, connection.in.size() - have);
                have += co_await connection.stream->async_read_some(room, token);
                boost::system::error_code failed;
                const auto used = parser.put(asio::buffer(connection.in.data(), have), failed);
                if (failed && failed != http::error::need_more) fail("the answer is no HTTP: " + failed.message());
                std::copy(connection.in.begin() + static_cast<std::ptrdiff_t>(used),
                          connection.in.begin() + static_cast<std::ptrdiff_t>(have), connection.in.begin());
                have -= used;
            }
            meter.done(*began, parser.get().result_int() == 200 && parser.get().body().size() > setting_.payload);
        }
    }

    Setting setting_;
    bool sign_;
    asio::io_context io_{1};
    asio::ssl::context tls_{asio::ssl::context::tls_client};
    std::vector<Connection> connections_;
    std::string line_;
    faas::aws::Signer signer_{};
    const faas::aws::SigningScope scope_{.region = region, .service = "lambda"};
    const faas::aws::Credentials credentials_{.access_key_id = access_key_id, .secret_access_key = secret_access_key};
};

std::unique_ptr<Client> make(const Setting& setting, bool sign) {
    if (setting.tls) return std::make_unique<Prebuilt<Tls>>(setting, sign);
    return std::make_unique<Prebuilt<Plain>>(setting, sign);
}

}  // namespace

std::unique_ptr<Client> make_prebuilt(const Setting& setting) { return make(setting, false); }
std::unique_ptr<Client> make_prebuilt_signed(const Setting& setting) { return make(setting, true); }

}  // namespace bench
