#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_HTTP_CONNECTION_HPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_HTTP_CONNECTION_HPP

// One accepted connection of an `HttpServer`, and what all of them share. Included by http_server.ipp alone.

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/local/http_server.hpp"
#include "blueprint/faas/local/server_stream.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/vector_body.hpp>
#include <boost/beast/http/verb.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <exception>
#include <limits>
#include <memory>
#include <ostream>  // boost/beast/http/verb.hpp of 1.81 needs it and does not include it
#include <string>
#include <unordered_set>
#include <utility>

namespace blueprint::faas::local {

class HttpConnection;

struct HttpServer::State {
    State(asio::any_io_executor executor, HttpService& served)
        : strand{std::move(executor)},
          service{served},
          acceptor{strand},
          room{strand, asio::steady_timer::time_point::max()},
          all_done{strand, asio::steady_timer::time_point::max()} {}

    /// Counts a coroutine that nobody awaits, and knows its connection, for as long as its frame exists: that may end
    /// with the io_context instead of a return.
    struct Task {
        explicit Task(State& owner, HttpConnection* serves = nullptr) : state{owner}, connection{serves} {
            ++state.tasks;
        }
        Task(const Task&) = delete;
        Task& operator=(const Task&) = delete;
        ~Task() {
            if (connection != nullptr && state.open.erase(connection) > 0) state.room.cancel();
            if (--state.tasks == 0) state.all_done.cancel();
        }
        State& state;
        HttpConnection* connection;
    };

    asio::any_io_executor strand;
    HttpService& service;
    CloudOptions options;
    std::weak_ptr<void> owner;
    std::shared_ptr<asio::ssl::context> tls;
    asio::ip::tcp::acceptor acceptor;
    asio::steady_timer room;
    asio::steady_timer all_done;
    std::unordered_set<HttpConnection*> open;
    std::string url;
    std::size_t tasks = 0;
    std::uint64_t requests = 0;
    std::uint64_t connections = 0;
    std::uint64_t buffered = 0;
    bool stopping = false;
};

/// One accepted connection. Its clock closes the socket when the phase it is in takes too long.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
public:
    HttpConnection(std::shared_ptr<HttpServer::State> state, asio::ip::tcp::socket socket);
    asio::awaitable<void> serve();
    void close() noexcept { stream_.close(); }
    /// Tells whether no request is being received or answered.
    bool waiting() const noexcept { return waiting_; }

private:
    using Parser = boost::beast::http::request_parser<boost::beast::http::vector_body<std::uint8_t>>;
    enum class Next { keep, close };

    /// What is reserved of the server's memory for one body.
    struct Reservation {
        HttpServer::State* state = nullptr;
        std::uint64_t bytes = 0;
        Reservation() = default;
        Reservation(const Reservation&) = delete;
        Reservation& operator=(const Reservation&) = delete;
        ~Reservation() {
            if (state != nullptr) state->buffered -= bytes;
        }
        bool take(HttpServer::State& from, std::uint64_t wanted) noexcept {
            if (from.options.limits.buffered_bytes - from.buffered < wanted) return false;
            state = &from;
            bytes = wanted;
            from.buffered += wanted;
            return true;
        }
    };

    asio::awaitable<Next> serve_one();
    asio::awaitable<boost::system::error_code> read_until_parsed(Parser& parser, bool head);
    asio::awaitable<bool> send(const ServerRequest& request, ServerAnswer answer, bool keep, unsigned version);
    asio::awaitable<bool> discard(std::uint64_t bytes);
    asio::awaitable<void> linger();
    asio::awaitable<ServerAnswer> answer_safely(ServerRequest request);
    std::optional<ServerAnswer> refuse(const ServerRequest& request, const Admission& admission, const Parser& parser,
                                       Reservation& reservation);
    void log(const ServerRequest& request, unsigned status) const;
    void arm(std::chrono::milliseconds time);
    void disarm() noexcept { limit_ = Deadline::max(); }
    void watch();

    std::shared_ptr<HttpServer::State> state_;
    ServerStream stream_;
    boost::beast::flat_buffer buffer_;
    asio::steady_timer clock_;
    Deadline limit_ = Deadline::max();
    std::uint64_t clock_turn_ = 0;
    bool clock_runs_ = false;
    bool waiting_ = true;
};

inline std::string_view reason_phrase(unsigned status) noexcept {
    const auto phrase = boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(status));
    return {phrase.data(), phrase.size()};
}

/// Now, as in "Sun, 06 Nov 1994 08:49:37 GMT". Source: RFC 9110, section 5.6.7.
inline std::string http_date() {
    static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    char text[64];
    const int size =
        std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[utc.tm_wday % 7], utc.tm_mday,
                      months[utc.tm_mon % 12], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
    return {text, static_cast<std::size_t>(size)};
}

inline HttpConnection::HttpConnection(std::shared_ptr<HttpServer::State> state, asio::ip::tcp::socket socket)
    : state_{std::move(state)}, stream_{std::move(socket), state_->tls}, clock_{state_->strand} {}

inline void HttpConnection::arm(std::chrono::milliseconds time) {
    limit_ = deadline_after(time);
    // The clock is set back only for an earlier limit; a later one is found when it rings.
    if (!clock_runs_ || limit_ < clock_.expiry()) watch();
}

inline void HttpConnection::watch() {
    clock_runs_ = true;
    const auto turn = ++clock_turn_;
    clock_.expires_at(limit_);
    clock_.async_wait([weak = weak_from_this(), turn](boost::system::error_code) {
        const auto self = weak.lock();
        if (!self || turn != self->clock_turn_) return;
        if (self->limit_ == Deadline::max()) {
            self->clock_runs_ = false;
        } else if (std::chrono::steady_clock::now() >= self->limit_) {
            self->close();
        } else {
            self->watch();
        }
    });
}

inline asio::awaitable<void> HttpConnection::serve() {
    const auto self = shared_from_this();
    const auto& limits = state_->options.limits;
    arm(limits.stall);
    const auto refused = co_await stream_.handshake();
    Next next = refused || state_->stopping ? Next::close : Next::keep;
    while (next == Next::keep) {
        next = co_await serve_one();
        if (state_->stopping) next = Next::close;
    }
    if (!refused) {
        arm(std::chrono::seconds{1});
        co_await stream_.shut();
    }
    stream_.close();
    clock_.cancel();
    ++clock_turn_;
}

/// Reads until the head (or the whole message) is parsed.
inline asio::awaitable<boost::system::error_code> HttpConnection::read_until_parsed(Parser& parser, bool head) {
    const auto& limits = state_->options.limits;
    boost::system::error_code failed;
    for (;;) {
        if (buffer_.size() > 0) {
            const auto used = parser.put(buffer_.data(), failed);
            buffer_.consume(used);
            if (failed && failed != boost::beast::http::error::need_more) co_return failed;
            if (head ? parser.is_header_done() : parser.is_done()) co_return boost::system::error_code{};
            if (!failed && used > 0) continue;
        } else if (!head && parser.is_done()) {
            co_return boost::system::error_code{};
        }
        const auto room = buffer_.prepare(std::size_t{64} << 10);
        const auto [broken, size] = co_await stream_.read_some(room);
        if (broken) co_return broken;
        buffer_.commit(size);
        // A head has one limit from its first byte on, so that a drop now and then does not keep it open; a body may
        // take its time as long as it moves.
        if (waiting_ || !head) arm(limits.stall);
        waiting_ = false;
    }
}

inline ServerRequest request_from(const boost::beast::http::request_header<>& head) {
    ServerRequest request;
    request.method = {head.method_string().data(), head.method_string().size()};
    request.target = {head.target().data(), head.target().size()};
    for (const std::string_view scheme : {"http://", "https://"}) {  // the absolute form, which proxies are sent
        if (request.target.compare(0, scheme.size(), scheme) != 0) continue;
        const auto path = request.target.find('/', scheme.size());
        request.target = path == std::string::npos ? "/" : request.target.substr(path);
    }
    for (const auto& entry : head)
        request.fields.emplace_back(std::string{entry.name_string().data(), entry.name_string().size()},
                                    std::string{entry.value().data(), entry.value().size()});
    return request;
}

inline std::optional<ServerAnswer> HttpConnection::refuse(const ServerRequest& request, const Admission& admission,
                                                          const Parser& parser, Reservation& reservation) {
    auto& service = state_->service;
    if (parser.get().version() >= 11 && !request.field("host")) {
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

inline asio::awaitable<HttpConnection::Next> HttpConnection::serve_one() {
    namespace http = boost::beast::http;
    const auto& limits = state_->options.limits;
    waiting_ = buffer_.size() == 0;
    arm(waiting_ ? limits.idle : limits.stall);
    Parser parser;
    parser.header_limit(64U << 10);
    parser.body_limit(boost::none);
    auto failed = co_await read_until_parsed(parser, true);
    waiting_ = false;
    if (failed) {
        // Only what the parser found is worth an answer; a broken or silent connection hears none.
        if (failed.category() != http::make_error_code(http::error::bad_method).category() ||
            failed == http::error::end_of_stream || failed == http::error::partial_message)
            co_return Next::close;
        ++state_->requests;
        const bool too_long = failed == http::error::header_limit || failed == http::error::buffer_overflow;
        auto answer = state_->service.failure(too_long ? 431 : 400, "the request is not HTTP/1.1: " + failed.message());
        const ServerRequest nothing{.method = "-", .target = "-", .received = std::chrono::steady_clock::now()};
        co_await send(nothing, std::move(answer), false, 11);
        co_await linger();
        co_return Next::close;
    }
    ++state_->requests;
    const unsigned version = parser.get().version();
    ServerRequest request = request_from(parser.get());
    request.tls = stream_.tls();
    request.received = std::chrono::steady_clock::now();
    if (const auto length = parser.content_length()) request.content_length = *length;
    const bool has_body = !parser.is_done();
    const bool expects = faas::detail::iequals(request.field("expect").value_or(""), "100-continue");

    Reservation reservation;
    Admission admission = state_->service.admit(request);
    auto refusal = refuse(request, admission, parser, reservation);
    if (refusal) {
        // A client that is still sending would lose the answer if the connection were closed under it, so a body of
        // lawful size is read and thrown away.
        constexpr std::uint64_t most_discarded = 64U << 20;
        const bool can_discard = request.content_length && *request.content_length <= most_discarded && !expects;
        const bool keep = parser.keep_alive() && !refusal->close && (!has_body || can_discard);
        const bool sent = co_await send(request, std::move(*refusal), keep, version);
        if (!sent) co_return Next::close;
        if (keep && !has_body) co_return Next::keep;
        if (keep) {
            const bool drained = co_await discard(*request.content_length);
            co_return drained ? Next::keep : Next::close;
        }
        if (has_body) co_await linger();
        co_return Next::close;
    }

    if (has_body) {
        if (expects && buffer_.size() == 0) {
            constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
            arm(limits.stall);
            failed = co_await stream_.write(asio::const_buffer{go_on.data(), go_on.size()});
            if (failed) co_return Next::close;
        }
        parser.body_limit(admission.body_bytes);
        parser.eager(true);
        arm(limits.stall);
        failed = co_await read_until_parsed(parser, false);
        if (failed) {
            if (failed.category() != http::make_error_code(http::error::bad_method).category() ||
                failed == http::error::partial_message)
                co_return Next::close;
            const bool too_long = failed == http::error::body_limit;
            auto answer = state_->service.failure(
                too_long ? 413 : 400, too_long
                                          ? "the body is longer than " + std::to_string(admission.body_bytes) + " bytes"
                                          : "the body is not HTTP/1.1: " + failed.message());
            co_await send(request, std::move(answer), false, version);
            co_await linger();
            co_return Next::close;
        }
    }
    disarm();
    const bool keep = parser.keep_alive();
    request.body = std::move(parser.get().body());
    request.received = std::chrono::steady_clock::now();
    ServerRequest line;  // what the log and the answer's framing need of it
    line.method = request.method;
    line.target = request.target;
    line.received = request.received;
    ServerAnswer answer = co_await answer_safely(std::move(request));
    const bool go_on = keep && !answer.close && !state_->stopping;
    const bool sent = co_await send(line, std::move(answer), go_on, version);
    co_return sent&& go_on ? Next::keep : Next::close;
}

inline asio::awaitable<ServerAnswer> HttpConnection::answer_safely(ServerRequest request) {
    std::string what;
    try {
        co_return co_await state_->service.answer(std::move(request));
    } catch (const std::bad_alloc&) {
        what = "the server has no memory left for this request";
    } catch (const std::exception&) {
        what = "the server failed on this request";
    }
    co_return state_->service.failure(500, what);
}

inline asio::awaitable<bool> HttpConnection::send(const ServerRequest& request, ServerAnswer answer, bool keep,
                                                  unsigned version) {
    const bool bare = answer.status == 204 || answer.status == 304;
    const std::size_t length = answer.body.size();
    if (request.method == "HEAD" || bare) answer.body.clear();
    std::string head = "HTTP/1.1 " + std::to_string(answer.status) + ' ';
    head.append(reason_phrase(answer.status)).append("\r\nDate: ").append(http_date()).append("\r\n");
    if (!bare) {
        head += "Content-Length: " + std::to_string(length) + "\r\n";
        if (!answer.content_type.empty()) head += "Content-Type: " + answer.content_type + "\r\n";
    }
    for (const auto& [name, value] : answer.headers) head.append(name).append(": ").append(value).append("\r\n");
    if (!keep)
        head += "Connection: close\r\n";
    else if (version < 11)
        head += "Connection: keep-alive\r\n";
    head += "\r\n";

    // The line is written first: who has the answer can find it in the log.
    log(request, answer.status);
    boost::system::error_code failed;
    constexpr std::size_t piece = std::size_t{256} << 10;
    const std::size_t with_head = std::min<std::size_t>(answer.body.size(), 16U << 10);
    head.append(answer.body, 0, with_head);
    arm(state_->options.limits.stall);
    failed = co_await stream_.write(asio::const_buffer{head.data(), head.size()});
    // In pieces, so that a slow reader is told from one that reads nothing.
    for (std::size_t at = with_head; !failed && at < answer.body.size(); at += piece) {
        const auto size = std::min(piece, answer.body.size() - at);
        arm(state_->options.limits.stall);
        failed = co_await stream_.write(asio::const_buffer{answer.body.data() + at, size});
    }
    co_return !failed;
}

inline asio::awaitable<bool> HttpConnection::discard(std::uint64_t bytes) {
    for (;;) {
        const auto used = std::min<std::uint64_t>(bytes, buffer_.size());
        buffer_.consume(static_cast<std::size_t>(used));
        bytes -= used;
        if (bytes == 0) co_return true;
        arm(state_->options.limits.stall);
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

inline void HttpConnection::log(const ServerRequest& request, unsigned status) const {
    if (!state_->options.log) return;
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - request.received);
    const auto path = std::string_view{request.target}.substr(0, request.target.find('?'));
    std::string line = request.method + ' ';
    line.append(path).append(" " + std::to_string(status) + ' ' + std::to_string(took.count()) + " ms");
    state_->options.log(line);
}

/// Serves one connection to its end. Detached, but counted in `state->tasks`.
inline asio::awaitable<void> serve_connection(std::shared_ptr<void> owner, std::shared_ptr<HttpServer::State> state,
                                              std::shared_ptr<HttpConnection> connection) {
    const auto kept = std::move(owner);  // the service is its own, and answers may still be under way
    const HttpServer::State::Task task{*state, connection.get()};
    try {
        co_await connection->serve();
    } catch (const std::exception&) {  // out of memory: this connection ends, the server goes on
        connection->close();
    }
}

}  // namespace blueprint::faas::local

#endif
