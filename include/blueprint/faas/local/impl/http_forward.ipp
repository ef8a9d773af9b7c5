#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_HTTP_FORWARD_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_HTTP_FORWARD_IPP

#include "blueprint/faas/detail/chunked.hpp"
#include "blueprint/faas/local/http_instance.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/version.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <sys/socket.h>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

// How calls go to an instance and its answers come back.

/// Reads an answer of an instance.
class InstanceAnswerParser final : public boost::beast::http::basic_parser<false> {
public:
    explicit InstanceAnswerParser(std::uint64_t max_body_bytes) {
        header_limit(64U << 10);
        body_limit(max_body_bytes);
    }
    unsigned status = 0;
    std::vector<std::pair<std::string, std::string>> fields{};
    std::string body{};

private:
    using Text = boost::beast::string_view;
    using Failed = boost::beast::error_code;

    void on_request_impl(boost::beast::http::verb, Text, Text, int, Failed&) override {}
    void on_response_impl(int code, Text, int, Failed&) override { status = static_cast<unsigned>(code); }
    void on_field_impl(boost::beast::http::field, Text name, Text value, Failed&) override {
        if (!is_header_done())
            fields.emplace_back(std::string{name.data(), name.size()}, std::string{value.data(), value.size()});
    }
#if BOOST_VERSION >= 109000  // until then trailers came as fields
    void on_trailer_field_impl(boost::beast::http::field, Text, Text, Failed&) override {}
#endif
    void on_header_impl(Failed&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, Failed&) override {}
    std::size_t on_body_impl(Text text, Failed&) override {
        body.append(text.data(), text.size());
        return text.size();
    }
    void on_chunk_header_impl(std::uint64_t, Text, Failed&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, Text text, Failed& failed) override {
        return on_body_impl(text, failed);
    }
    void on_finish_impl(Failed&) override {}
};

struct HttpInstance::Connection {
    explicit Connection(const asio::any_io_executor& strand) : socket{strand}, limit{strand} {}

    asio::ip::tcp::socket socket;
    asio::steady_timer limit;
    boost::beast::flat_buffer buffer{};
    bool used = false;
    bool late = false;

    void close() {
        boost::system::error_code ignored;
        socket.close(ignored);
    }
    /// Tells whether the instance has not closed it, nor said anything unasked.
    bool quiet() {
        char one = 0;
        return ::recv(socket.native_handle(), &one, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
    }
    /// Closes it at `deadline`, until `limit` is cancelled.
    static void bound(const std::shared_ptr<Connection>& self, Deadline deadline) {
        self->limit.expires_at(deadline);
        self->limit.async_wait([weak = std::weak_ptr{self}](boost::system::error_code failed) {
            const auto alive = weak.lock();
            if (failed || !alive) return;
            alive->late = true;
            alive->close();
        });
    }
};

/// Tells whether a field is of one connection alone. Source: RFC 9110, section 7.6.1.
inline bool is_hop_by_hop(std::string_view name) {
    static constexpr std::array<std::string_view, 9> own{"connection",
                                                         "keep-alive",
                                                         "proxy-authenticate",
                                                         "proxy-authorization",
                                                         "proxy-connection",
                                                         "te",
                                                         "trailer",
                                                         "transfer-encoding",
                                                         "upgrade"};
    return std::any_of(own.begin(), own.end(), [&](auto one) { return faas::detail::iequals(one, name); });
}

BLUEPRINT_FAAS_DECL std::string HttpInstance::head_of(const ServerRequest& request) {
    std::string head = request.method + ' ' + request.target + " HTTP/1.1\r\n";
    for (const auto& [name, value] : request.fields) {
        const bool ours = faas::detail::iequals(name, "content-length") || faas::detail::iequals(name, "expect");
        if (!ours && !is_hop_by_hop(name)) head.append(name).append(": ").append(value).append("\r\n");
    }
    const bool bare = request.method == "GET" || request.method == "HEAD";
    if (!bare || !request.body.empty()) head += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
    return head += "\r\n";
}

BLUEPRINT_FAAS_DECL asio::awaitable<std::shared_ptr<HttpInstance::Connection>> HttpInstance::connect(
    Deadline deadline) {
    auto connection = std::make_shared<Connection>(strand_);
    Connection::bound(connection, deadline);
    const asio::ip::tcp::endpoint peer{asio::ip::address_v4::loopback(), port_};
    const auto [failed] = co_await connection->socket.async_connect(peer, asio::as_tuple(asio::use_awaitable));
    connection->limit.cancel();
    port_lost_ = failed == asio::error::connection_refused;
    if (failed) co_return std::shared_ptr<Connection>{};
    boost::system::error_code ignored;
    connection->socket.set_option(asio::ip::tcp::no_delay{true}, ignored);
    co_return connection;
}

BLUEPRINT_FAAS_DECL void HttpInstance::keep(std::shared_ptr<Connection> connection) {
    if (!ended_) idle_.push_back(std::move(connection));
}

inline Error instance_error(std::string_view why, std::string message) {
    return Error{.code = errc::infrastructure, .message = std::move(message), .platform_code = std::string{why}};
}

BLUEPRINT_FAAS_DECL asio::awaitable<result<ServerAnswer>> HttpInstance::exchange(std::shared_ptr<Connection> connection,
                                                                                 const std::string& head,
                                                                                 const ServerRequest& request,
                                                                                 Deadline deadline) {
    namespace http = boost::beast::http;
    Connection::bound(connection, deadline);
    const bool reused = std::exchange(connection->used, true);
    const std::array<asio::const_buffer, 2> out{asio::buffer(head),
                                                asio::const_buffer{request.body.data(), request.body.size()}};
    auto [failed, written] = co_await asio::async_write(connection->socket, out, asio::as_tuple(asio::use_awaitable));
    static_cast<void>(written);
    bool heard = false;
    auto parser = std::make_unique<InstanceAnswerParser>(answer_bytes_);
    parser->eager(true);
    if (request.method == "HEAD") parser->skip(true);
    auto& buffer = connection->buffer;
    // Who answers before it has read everything is heard, though writing to it fails.
    failed = {};
    while (!parser->is_done()) {
        const std::string_view unread{static_cast<const char*>(buffer.data().data()), buffer.size()};
        const bool in_chunks = parser->is_header_done() && parser->chunked();
        if (!unread.empty() && (!in_chunks || faas::detail::may_parse_chunked(unread))) {
            const auto used = parser->put(buffer.data(), failed);
            buffer.consume(used);
            if (failed && failed != http::error::need_more) break;
            if (parser->is_done() && parser->status < 200) {  // there will be another one
                parser = std::make_unique<InstanceAnswerParser>(answer_bytes_);
                parser->eager(true);
                if (request.method == "HEAD") parser->skip(true);
                continue;
            }
            if (!failed && used > 0) continue;
        }
        const auto room = buffer.prepare(std::size_t{64} << 10);
        const auto [broken, size] =
            co_await connection->socket.async_read_some(room, asio::as_tuple(asio::use_awaitable));
        failed = broken;
        if (broken == asio::error::eof && parser->is_header_done() && !parser->is_done()) {
            failed = {};
            parser->put_eof(failed);  // the end of a body whose length was not told
        }
        if (failed || broken) break;
        heard = true;
        buffer.commit(size);
    }
    connection->limit.cancel();
    if (connection->late) co_return instance_error("TIMEOUT", "the instance did not answer in time");
    if (failed == http::error::body_limit) {
        connection->close();
        co_return instance_error("TOO_LARGE", "the instance's answer is too long");
    }
    if (failed || !parser->is_done()) {
        connection->close();
        co_return instance_error(reused && !heard ? "STALE" : "BROKEN", "the instance broke off: " + failed.message());
    }
    ServerAnswer answer{.status = parser->status, .content_type = ""};
    for (auto& [name, value] : parser->fields) {
        if (faas::detail::iequals(name, "content-type")) {
            answer.content_type = std::move(value);
        } else if (faas::detail::iequals(name, "date")) {
            answer.date = std::move(value);
        } else if (faas::detail::iequals(name, "content-length")) {
            if (request.method == "HEAD")  // what the body would have been long is told too
                answer.body.assign(static_cast<std::size_t>(std::min<std::uint64_t>(
                                       std::strtoull(value.c_str(), nullptr, 10), answer_bytes_)),
                                   ' ');
        } else if (!is_hop_by_hop(name)) {
            answer.headers.emplace_back(std::move(name), std::move(value));
        }
    }
    if (request.method != "HEAD") answer.body = std::move(parser->body);
    if (parser->keep_alive())
        keep(std::move(connection));
    else
        connection->close();
    co_return answer;
}

BLUEPRINT_FAAS_DECL asio::awaitable<result<ServerAnswer>> HttpInstance::forward(const ServerRequest& request,
                                                                                Deadline deadline) {
    const auto self = shared_from_this();
    const auto head = head_of(request);
    bool sent = false;
    while (!ended_) {
        std::shared_ptr<Connection> connection;
        if (idle_.empty()) {
            connection = co_await connect(deadline);
        } else {
            connection = std::move(idle_.back());
            idle_.pop_back();
            if (!connection->quiet()) continue;
        }
        if (!connection) break;
        auto answer = co_await exchange(std::move(connection), head, request, deadline);
        // A kept connection that the instance closed meanwhile says nothing of the call.
        if (answer || answer.error().platform_code != "STALE") co_return answer;
        sent = true;  // and perhaps it is what broke the instance: no other one is given it
    }
    if (port_lost_ && !ended_) {  // it is about to end, or of no more use
        state_ = State::failed;
        terminate();
    }
    if (!sent && (port_lost_ || ended_)) co_return instance_error("REFUSED", "the instance takes no connection");
    const bool late = std::chrono::steady_clock::now() >= deadline;
    co_return instance_error(late ? "TIMEOUT" : "BROKEN", "the instance takes no connection");
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
