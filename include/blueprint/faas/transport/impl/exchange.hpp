#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_EXCHANGE_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_EXCHANGE_HPP

#include "blueprint/faas/transport/impl/connection.hpp"
#include "blueprint/faas/transport/impl/watchdog.hpp"

#include <boost/asio/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <optional>
#include <ostream>
#include <string>

namespace blueprint::faas::detail {

namespace http_exchange {

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

inline HttpResponse take_answer(Parser& parser) {
    auto message = parser.release();
    HttpResponse answer;
    answer.status = message.result_int();
    for (const auto& field : message) answer.headers.add(field.name_string(), field.value());
    answer.body = std::move(message.body());
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

}  // namespace http_exchange

/// Writes `request` to `connection` and reads its answer, until `watch` shuts the socket. `reusable` becomes true if
/// the connection can carry another request afterwards.
inline asio::awaitable<result<HttpResponse>> converse(Connection& connection, Watchdog::Watch& watch,
                                                      const HttpRequest& request, bool& reusable) {
    using namespace http_exchange;
    // One write for head and body, unless copying the body would cost more than a second write.
    write_head(connection.out, request);
    const auto body = request.body.view();
    const bool together = body.size() <= 64 * 1024;
    if (together) connection.out.append(body);
    std::size_t sent = 0;
    auto failed = co_await connection.write(connection.out, sent);
    if (!failed && !together) failed = co_await connection.write(body, sent);
    const auto write_failed = failed;

    // A server that refuses a request may answer and hang up before it has read all of it: its answer tells more than
    // the broken write.
    if (write_failed && (sent == 0 || watch.expired() || write_failed == asio::error::operation_aborted))
        co_return exchange_error(request.origin, write_failed, "took no request: " + write_failed.message(),
                                 watch.expired(), sent);

    std::optional<Parser> parser;
    start_parser(parser, request);
    bool got_some = false;
    for (;;) {
        if (const auto unread = connection.unread(); !unread.empty()) {
            got_some = true;
            boost::system::error_code why;
            connection.consume(parser->put(asio::buffer(unread.data(), unread.size()), why));
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
        failed = co_await connection.read();
        if (!failed) continue;
        if (watch.expired() || failed == asio::error::operation_aborted)
            co_return exchange_error(request.origin, failed, {}, watch.expired(), sent);
        if (!got_some)
            co_return exchange_error(
                request.origin, failed,
                write_failed ? "broke the connection while the request was being sent: " + write_failed.message()
                             : "closed the connection without an answer: " + failed.message(),
                watch.expired(), sent);
        boost::system::error_code why;
        if (failed == asio::error::eof) parser->put_eof(why);
        if (failed != asio::error::eof || why || !parser->is_done())
            co_return exchange_error(request.origin, failed, "closed the connection in the middle of its answer",
                                     watch.expired(), sent);
        break;
    }
    reusable = parser->get().keep_alive() && !write_failed && connection.unread().empty() && !watch.expired();
    auto answer = take_answer(*parser);
    co_return answer;
}

}  // namespace blueprint::faas::detail

#endif
