#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_HTTP_CLIENT_IPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_HTTP_CLIENT_IPP

#include "blueprint/faas/transport/http_client.hpp"
#include "blueprint/faas/transport/impl/connect.hpp"
#include "blueprint/faas/transport/impl/connection.hpp"
#include "blueprint/faas/transport/impl/tls_context.hpp"
#include "blueprint/faas/transport/impl/watchdog.hpp"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <deque>
#include <mutex>
#include <optional>
#include <ostream>

namespace blueprint::faas::detail {

struct HttpClient::State {
    State(asio::any_io_executor io, Mode kind, ConnectionOptions limits, TlsOptions trust)
        : executor{std::move(io)},
          mode{kind},
          options{limits},
          tls{std::move(trust)},
          watchdog{std::make_shared<Watchdog>(executor)} {}

    asio::any_io_executor executor;
    const Mode mode;
    const ConnectionOptions options;
    const TlsOptions tls;
    std::shared_ptr<Watchdog> watchdog;

    std::mutex mutex;  // guards what follows; never held over a co_await
    std::shared_ptr<asio::ssl::context> context;
    std::deque<std::shared_ptr<Connection>> idle;  // the one used last is at the back
    TransportStatistics statistics;

    std::optional<Error> refuse(const HttpRequest& request) const {
        const auto error = [](std::string message) {
            return Error{.code = errc::invalid_configuration,
                         .message = std::move(message),
                         .execution = Execution::not_started};
        };
        if (mode == Mode::https_only && !request.origin.tls)
            return error(to_string(request.origin) +
                         " is plain HTTP: HttpsTransport speaks https:// only (LoopbackTransport speaks http:// to "
                         "this machine)");
        if (mode == Mode::loopback_http_only && request.origin.tls)
            return error(to_string(request.origin) + " wants TLS: use HttpsTransport");
        if (!request.headers.refused().empty())
            return error("header field '" + request.headers.refused() +
                         "' was not sent: names must be tokens, and values free of line breaks and NUL");
        if (!request.target.starts_with('/') ||
            request.target.find_first_of(std::string_view{" \t\r\n\0", 5}) != std::string::npos)
            return error("the request target is no percent-encoded path that begins with '/'");
        return std::nullopt;
    }

    result<std::shared_ptr<asio::ssl::context>> tls_context() {
        const std::lock_guard lock{mutex};
        if (!context) {
            auto made = make_tls_context(tls);
            if (!made) return made.error();
            context = std::move(*made);
        }
        return context;
    }

    std::shared_ptr<Connection> take_idle(const Origin& origin) {
        // Those too old or useless are closed outside the lock, when `dropped` goes.
        std::vector<std::shared_ptr<Connection>> dropped;
        const std::lock_guard lock{mutex};
        const auto oldest = std::chrono::steady_clock::now() - options.max_idle_time;
        while (!idle.empty() && idle.front()->idle_since < oldest) {
            dropped.push_back(std::move(idle.front()));
            idle.pop_front();
        }
        for (auto at = idle.size(); at-- > 0;) {
            if (idle[at]->origin() != origin) continue;
            auto connection = std::move(idle[at]);
            idle.erase(idle.begin() + static_cast<std::ptrdiff_t>(at));
            if (connection->reusable()) return connection;
            dropped.push_back(std::move(connection));
        }
        return nullptr;
    }

    void keep(std::shared_ptr<Connection> connection) {
        std::shared_ptr<Connection> dropped;
        const std::lock_guard lock{mutex};
        connection->idle_since = std::chrono::steady_clock::now();
        idle.push_back(std::move(connection));
        if (idle.size() > options.max_idle) {
            dropped = std::move(idle.front());
            idle.pop_front();
        }
    }
};

namespace http_client {

namespace http = boost::beast::http;
using Parser = http::response_parser<http::string_body>;

inline void write_head(std::string& out, const HttpRequest& request) {
    out.clear();
    out.append(to_string(request.verb)).append(" ").append(request.target).append(" HTTP/1.1\r\nHost: ");
    const auto host_text = to_string(request.origin);
    out.append(host_text, host_text.find("//") + 2, std::string::npos).append("\r\n");
    if (request.body.size() != 0 || request.verb == Verb::post || request.verb == Verb::put ||
        request.verb == Verb::patch)
        out.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
    out.append(request.headers.text()).append("\r\n");
}

inline void start_parser(std::optional<Parser>& parser, const HttpRequest& request) {
    parser.emplace();
    parser->header_limit(64 * 1024);
    parser->body_limit(request.max_response_bytes);
    parser->eager(true);
    if (request.verb == Verb::head) parser->skip(true);
}

inline HttpResponse take_answer(Parser& parser, bool reused) {
    auto message = parser.release();
    HttpResponse answer;
    answer.status = message.result_int();
    for (const auto& field : message) answer.headers.add(field.name_string(), field.value());
    answer.body = std::move(message.body());
    answer.connection_reused = reused;
    return answer;
}

// Why an exchange ended without an answer: the deadline, the caller, or (`what`) the peer.
inline Error exchange_error(const Origin& origin, const boost::system::error_code& why, const std::string& what,
                            bool expired, std::size_t sent) {
    Error error{.code = errc::infrastructure, .message = to_string(origin) + ' ' + what, .retryable = true};
    if (expired) {
        error =
            Error{.code = errc::timed_out,
                  .message = to_string(origin) +
                             " did not answer before the deadline: allow more time, or look at how long the job takes"};
    } else if (why == asio::error::operation_aborted) {
        error = Error{.code = errc::cancelled, .message = "cancelled while waiting for " + to_string(origin)};
    }
    error.execution = sent == 0 ? Execution::not_started : Execution::unknown;
    return error;
}

inline Error unreadable(const Origin& origin, const boost::system::error_code& why, std::size_t limit) {
    std::string message = to_string(origin) + " answered what is not HTTP (" + why.message() + ")";
    if (why == http::error::body_limit)
        message = to_string(origin) + " answered more than the " + std::to_string(limit) + " bytes that were expected";
    if (why == http::error::header_limit) message = to_string(origin) + " answered with more than 64 KiB of headers";
    return Error{.code = errc::serialization, .message = message + "; check that the URL is the platform's"};
}

}  // namespace http_client

BLUEPRINT_FAAS_DECL HttpClient::HttpClient(asio::any_io_executor executor, Mode mode, ConnectionOptions connections,
                                           TlsOptions tls)
    : state_{std::make_shared<State>(std::move(executor), mode, connections, std::move(tls))} {}

BLUEPRINT_FAAS_DECL HttpClient::~HttpClient() = default;

BLUEPRINT_FAAS_DECL asio::any_io_executor HttpClient::get_executor() const noexcept { return state_->executor; }

BLUEPRINT_FAAS_DECL TransportStatistics HttpClient::statistics() const {
    const std::lock_guard lock{state_->mutex};
    auto statistics = state_->statistics;
    statistics.idle_connections = state_->idle.size();
    return statistics;
}

BLUEPRINT_FAAS_DECL asio::awaitable<result<HttpResponse>> HttpClient::exchange(const HttpRequest& request,
                                                                               Deadline deadline) {
    using namespace http_client;
    const auto state = state_;
    if (auto refused = state->refuse(request)) co_return std::move(*refused);
    if (std::chrono::steady_clock::now() >= deadline)
        co_return connect_error(
            errc::timed_out, "the deadline had passed before the request to " + to_string(request.origin) + " was sent",
            false);

    auto connection = state->take_idle(request.origin);
    const bool reused = connection != nullptr;
    if (!connection) {
        std::shared_ptr<asio::ssl::context> context;
        if (request.origin.tls) {
            auto made = state->tls_context();
            if (!made) co_return made.error();
            context = std::move(*made);
        }
        const Strand strand = asio::make_strand(state->executor);
        const auto limit = std::min(deadline, deadline_after(state->options.connect_timeout));
        auto connecting = connect(strand, state->executor, request.origin, std::move(context),
                                  state->mode == Mode::loopback_http_only, limit);
        auto [failure, opened] =
            co_await asio::co_spawn(strand, std::move(connecting), asio::as_tuple(asio::use_awaitable));
        if (failure) std::rethrow_exception(failure);
        if (!opened) co_return opened.error();
        connection = std::move(*opened);
        const std::lock_guard lock{state->mutex};
        ++state->statistics.connections_opened;
    }
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none)
        co_return connect_error(errc::cancelled, "cancelled before the request was sent", false);

    std::optional<Watchdog::Watch> watch;
    watch.emplace(state->watchdog, connection->socket.native_handle(), deadline);
    {
        const std::lock_guard lock{state->mutex};
        ++state->statistics.requests_sent;
    }
    // One write for head and body, unless copying the body would cost more than a second write.
    write_head(connection->out, request);
    const auto body = request.body.view();
    const bool together = body.size() <= 64 * 1024;
    if (together) connection->out.append(body);
    std::size_t sent = 0;
    auto failed = co_await connection->write(connection->out, sent);
    if (!failed && !together) failed = co_await connection->write(body, sent);
    const auto write_failed = failed;

    // A server that refuses a request may answer and hang up before it has read all of it: its answer tells more than
    // the broken write.
    if (write_failed && (sent == 0 || watch->expired() || write_failed == asio::error::operation_aborted))
        co_return exchange_error(request.origin, write_failed, "took no request: " + write_failed.message(),
                                 watch->expired(), sent);

    std::optional<Parser> parser;
    start_parser(parser, request);
    bool got_some = false;
    for (;;) {
        if (const auto unread = connection->unread(); !unread.empty()) {
            got_some = true;
            boost::system::error_code why;
            connection->consume(parser->put(asio::buffer(unread.data(), unread.size()), why));
            if (why && why != http::error::need_more) {
                auto error = unreadable(request.origin, why, request.max_response_bytes);
                co_return error;
            }
            if (parser->is_done()) {
                if (parser->get().result_int() >= 200) break;
                start_parser(parser, request);  // an interim answer; the real one follows
                continue;
            }
        }
        failed = co_await connection->read();
        if (!failed) continue;
        if (watch->expired() || failed == asio::error::operation_aborted)
            co_return exchange_error(request.origin, failed, {}, watch->expired(), sent);
        if (!got_some)
            co_return exchange_error(
                request.origin, failed,
                write_failed ? "broke the connection while the request was being sent: " + write_failed.message()
                             : "closed the connection without an answer: " + failed.message(),
                watch->expired(), sent);
        boost::system::error_code why;
        if (failed == asio::error::eof) parser->put_eof(why);
        if (failed != asio::error::eof || why || !parser->is_done())
            co_return exchange_error(request.origin, failed, "closed the connection in the middle of its answer",
                                     watch->expired(), sent);
        break;
    }
    const bool keep = parser->get().keep_alive() && !write_failed && connection->unread().empty() && !watch->expired();
    auto answer = take_answer(*parser, reused);
    watch.reset();  // before another coroutine may take the connection
    if (keep) state->keep(std::move(connection));
    co_return answer;
}

}  // namespace blueprint::faas::detail

#endif
