#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_HTTP_READ_HPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_HTTP_READ_HPP

// How a connection of an `HttpServer` reads requests. Included by http_server.ipp alone.

#include "blueprint/faas/detail/chunked.hpp"
#include "blueprint/faas/local/impl/http_connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/verb.hpp>
#include <boost/version.hpp>

#include <algorithm>
#include <ostream>  // boost/beast/http/verb.hpp of 1.81 needs it and does not include it
#include <string_view>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

/// Reads one request straight into a `ServerRequest`.
class RequestParser final : public boost::beast::http::basic_parser<true> {
public:
    explicit RequestParser(ServerRequest& request) : request_{request} {
        header_limit(64U << 10);
        body_limit(boost::none);
    }
    unsigned version() const noexcept { return version_; }
    /// From here on the body goes there instead of into the request.
    void body_to(std::function<void(std::string_view)> sink) { sink_ = std::move(sink); }

private:
    using Text = boost::beast::string_view;
    using Failed = boost::beast::error_code;

    void on_request_impl(boost::beast::http::verb, Text method, Text target, int version, Failed&) override {
        version_ = static_cast<unsigned>(version);
        request_.method.assign(method.data(), method.size());
        for (const std::string_view scheme : {"http://", "https://"}) {  // the absolute form, which proxies are sent
            if (target.substr(0, scheme.size()) != Text{scheme.data(), scheme.size()}) continue;
            const auto path = target.find('/', scheme.size());
            target = path == Text::npos ? Text{"/"} : target.substr(path);
        }
        request_.target.assign(target.data(), target.size());
    }
    void on_response_impl(int, Text, int, Failed&) override {}
    void on_field_impl(boost::beast::http::field, Text name, Text value, Failed&) override {
        auto& fields = is_header_done() ? request_.trailers : request_.fields;
        fields.emplace_back(std::string_view{name.data(), name.size()}, std::string_view{value.data(), value.size()});
    }
#if BOOST_VERSION >= 109000  // until then trailers came as fields
    void on_trailer_field_impl(boost::beast::http::field known, Text name, Text value, Failed& failed) override {
        on_field_impl(known, name, value, failed);
    }
#endif
    void on_header_impl(Failed&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>& length, Failed&) override {
        // The announced length is believed only as far as memory is cheap.
        if (length && !sink_)
            request_.body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, 8U << 20)));
    }
    std::size_t on_body_impl(Text body, Failed&) override {
        if (sink_) {
            sink_(std::string_view{body.data(), body.size()});
            return body.size();
        }
        const auto* const data = reinterpret_cast<const std::uint8_t*>(body.data());
        request_.body.insert(request_.body.end(), data, data + body.size());
        return body.size();
    }
    void on_chunk_header_impl(std::uint64_t, Text, Failed&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, Text body, Failed& failed) override {
        return on_body_impl(body, failed);
    }
    void on_finish_impl(Failed&) override {}

    ServerRequest& request_;
    std::function<void(std::string_view)> sink_;
    unsigned version_ = 11;
};

/// Tells whether the bytes were wrong, and not merely the connection.
inline bool is_malformed(const boost::system::error_code& failed) {
    namespace http = boost::beast::http;
    return failed.category() == http::make_error_code(http::error::bad_method).category() &&
           failed != http::error::end_of_stream && failed != http::error::partial_message;
}

/// Reads until the head (or the whole message) is parsed.
inline asio::awaitable<boost::system::error_code> HttpConnection::read_until_parsed(RequestParser& parser, bool head) {
    const auto& limits = state_->options.limits;
    const auto began = std::chrono::steady_clock::now();
    std::uint64_t received = 0;
    boost::system::error_code failed;
    for (;;) {
        const std::string_view unread{static_cast<const char*>(buffer_.data().data()), buffer_.size()};
        const bool in_chunks = parser.is_header_done() && parser.chunked();
        if (!unread.empty() && (!in_chunks || faas::detail::may_parse_chunked(unread))) {
            const auto used = parser.put(buffer_.data(), failed);
            buffer_.consume(used);
            if (failed && failed != boost::beast::http::error::need_more) co_return failed;
            if (head ? parser.is_header_done() : parser.is_done()) co_return boost::system::error_code{};
            if (!failed && used > 0) continue;
        } else if (!head && parser.is_done()) {
            co_return boost::system::error_code{};
        }
        // There may be thousands of connections, and most requests are small.
        const auto room = buffer_.prepare(head || received == 0 ? std::size_t{8} << 10 : std::size_t{64} << 10);
        const auto [broken, size] = co_await stream_.read_some(room);
        if (broken) co_return broken;
        buffer_.commit(size);
        received += size;
        // A head has one limit from its first byte on, so that a drop now and then does not keep it open; a body may
        // take its time as long as it moves, and on the whole not too slowly.
        if (waiting_ || !head) arm(limits.stall);
        if (!head) {
            const auto rate = std::max<std::uint64_t>(limits.body_bytes_per_second, 1);
            const auto allowed = limits.stall + std::chrono::milliseconds{received * 1000 / rate};
            limit_until(began + allowed);
        }
        waiting_ = false;
    }
}

inline std::optional<ServerAnswer> HttpConnection::refuse(const ServerRequest& request, const Admission& admission,
                                                          const RequestParser& parser, Reservation& reservation) {
    auto& service = state_->service;
    if (parser.version() >= 11 && !request.field("host")) {
        auto answer = service.failure(400, "the request has no Host");
        answer.close = true;
        return answer;
    }
    if (request.field("transfer-encoding") && !parser.chunked()) {
        auto answer = service.failure(400, "the request's Transfer-Encoding is not chunked");
        answer.close = true;
        return answer;
    }
    if (admission.refusal) return admission.refusal;
    const auto most = admission.body_bytes;
    if (request.content_length && *request.content_length > most)
        return service.failure(413, "the body has " + std::to_string(*request.content_length) +
                                        " bytes; here are at most " + std::to_string(most) + " allowed");
    const auto wanted = parser.chunked() ? most : request.content_length.value_or(0);
    if (wanted > 0 && !reservation.take(*state_, wanted))
        return service.failure(503, "too many bodies are being received at once: try again later");
    return std::nullopt;
}

/// Sends a refusal. A client that is still sending would lose it if the connection were closed under it, so a body of
/// lawful size is read and thrown away.
inline asio::awaitable<HttpConnection::Next> HttpConnection::answer_refused(Line line, ServerAnswer refusal, bool keep,
                                                                            std::uint64_t discarded, bool body) {
    const bool sent = co_await send(std::move(line), std::move(refusal), keep);
    if (!sent) co_return Next::close;
    if (keep) {
        const bool drained = co_await discard(discarded);
        co_return drained ? Next::keep : Next::close;
    }
    if (body) co_await linger();
    co_return Next::close;
}

inline asio::awaitable<HttpConnection::Next> HttpConnection::answer_malformed(Line line, unsigned status,
                                                                              std::string message) {
    ServerAnswer answer = state_->service.failure(status, message);
    const bool sent = co_await send(std::move(line), std::move(answer), false);
    if (sent) co_await linger();
    co_return Next::close;
}

inline Admission HttpConnection::judge(const ServerRequest& request) {
    auto& service = state_->service;
    if (service.anybody_may(request))
        if (const auto why = state_->strangers.refusal(request); !why.empty()) {
            auto answer = service.failure(403, why);
            answer.close = true;  // the body of a stranger is not read
            return {.refusal = std::move(answer)};
        }
    return service.admit(request);
}

inline asio::awaitable<HttpConnection::Next> HttpConnection::serve_one() {
    namespace http = boost::beast::http;
    const auto& limits = state_->options.limits;
    waiting_ = buffer_.size() == 0;
    if (waiting_ && buffer_.capacity() > std::size_t{16} << 10) buffer_.shrink_to_fit();
    arm(waiting_ ? limits.idle : limits.stall);
    ServerRequest request;
    RequestParser parser{request};
    auto failed = co_await read_until_parsed(parser, true);
    waiting_ = false;
    Line line{.received = std::chrono::steady_clock::now()};
    if (failed) {
        if (!is_malformed(failed)) co_return Next::close;  // a broken or silent connection hears no answer
        ++state_->requests;
        const bool too_long = failed == http::error::header_limit || failed == http::error::buffer_overflow;
        line.method = line.target = "-";
        std::string message = "the request is not HTTP/1.1: " + failed.message();
        const Next next = co_await answer_malformed(std::move(line), too_long ? 431 : 400, std::move(message));
        co_return next;
    }
    ++state_->requests;
    line.version = parser.version();
    line.method = request.method;
    line.target = request.target;
    request.tls = stream_.tls();
    request.client_subject = client_subject_;
    request.received = line.received;
    if (const auto length = parser.content_length()) request.content_length = *length;
    const bool has_body = !parser.is_done();
    const bool expects = faas::detail::iequals(request.field("expect").value_or(""), "100-continue");

    Reservation reservation;
    Admission admission = judge(request);
    auto refusal = refuse(request, admission, parser, reservation);
    if (refusal) {
        constexpr std::uint64_t most_discarded = 96U << 20;
        const std::uint64_t length = has_body ? request.content_length.value_or(most_discarded + 1) : 0;
        const bool keep =
            parser.keep_alive() && !refusal->close && (!has_body || (length <= most_discarded && !expects));
        const Next next = co_await answer_refused(std::move(line), std::move(*refusal), keep, length, has_body);
        co_return next;
    }
    if (has_body) {
        if (expects && buffer_.size() == 0) {
            constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
            arm(limits.stall);
            failed = co_await stream_.write(asio::const_buffer{go_on.data(), go_on.size()});
            if (failed) {
                state_->service.broken_off(request, false);
                co_return Next::close;
            }
        }
        parser.body_limit(admission.body_bytes);
        parser.eager(true);
        if (admission.body_sink) parser.body_to(std::move(admission.body_sink));
        arm(limits.stall);
        failed = co_await read_until_parsed(parser, false);
        if (failed) {
            const bool too_long = failed == http::error::body_limit;
            state_->service.broken_off(request, too_long);
            if (!is_malformed(failed)) co_return Next::close;
            std::string message = too_long
                                      ? "the body is longer than " + std::to_string(admission.body_bytes) + " bytes"
                                      : "the body is not HTTP/1.1: " + failed.message();
            const Next next = co_await answer_malformed(std::move(line), too_long ? 413 : 400, std::move(message));
            co_return next;
        }
        line.received = request.received = std::chrono::steady_clock::now();
    }
    disarm();
    const bool keep = parser.keep_alive();
    ServerAnswer answer = co_await answer_safely(std::move(request));
    const bool go_on = keep && !answer.close && !state_->stopping;
    const bool sent = co_await send(std::move(line), std::move(answer), go_on);
    co_return sent&& go_on ? Next::keep : Next::close;
}

inline asio::awaitable<bool> HttpConnection::discard(std::uint64_t bytes) {
    const auto& limits = state_->options.limits;
    const auto rate = std::max<std::uint64_t>(limits.body_bytes_per_second, 1);
    const auto latest =
        std::chrono::steady_clock::now() + limits.stall + std::chrono::milliseconds{bytes * 1000 / rate};
    for (;;) {
        const auto used = std::min<std::uint64_t>(bytes, buffer_.size());
        buffer_.consume(static_cast<std::size_t>(used));
        bytes -= used;
        if (bytes == 0) co_return true;
        arm(limits.stall);
        limit_until(latest);
        const auto room = buffer_.prepare(std::size_t{64} << 10);
        const auto [broken, size] = co_await stream_.read_some(room);
        if (broken) co_return false;
        buffer_.commit(size);
    }
}

/// Reads a little of what is still coming, because closing a socket with unread bytes makes the kernel throw away the
/// answer too.
inline asio::awaitable<void> HttpConnection::linger() {
    stream_.half_close();
    buffer_.clear();
    arm(std::min(state_->options.limits.stall, std::chrono::milliseconds{2000}));
    std::uint64_t left = 1U << 20;
    while (left > 0) {
        const auto room = buffer_.prepare(std::size_t{64} << 10);
        const auto [broken, size] = co_await stream_.read_some(room);
        if (broken) break;
        left -= std::min<std::uint64_t>(left, size);
    }
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
