#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_HTTP_WRITE_HPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_HTTP_WRITE_HPP

// How a connection of an `HttpServer` writes answers. Included by http_server.ipp alone.

#include "blueprint/faas/local/impl/http_connection.hpp"
#include "blueprint/faas/local/impl/http_date.hpp"

#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <ostream>  // boost/beast/http/status.hpp of 1.81 needs it and does not include it

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

inline std::string_view reason_phrase(unsigned status) noexcept {
    const auto phrase = boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(status));
    return {phrase.data(), phrase.size()};
}

inline void append_number(std::string& out, std::uint64_t number) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    out.append(digits, end);
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

inline asio::awaitable<bool> HttpConnection::send(Line line, ServerAnswer answer, bool keep) {
    const bool bare = answer.status == 204 || answer.status == 304;
    const std::size_t length = answer.body.size();
    if (line.method == "HEAD" || bare) {
        answer.body.clear();
        answer.stream.reset();
    }
    const bool in_chunks = answer.stream != nullptr;
    if (in_chunks && line.version < 11) keep = false;  // its end is the connection's
    if (const auto now = std::time(nullptr); answer.date.empty() && now != state_->dated) {
        state_->date = http_date(now);
        state_->dated = now;
    }
    std::string& head = out_;
    head.assign("HTTP/1.1 ");
    append_number(head, answer.status);
    head.append(1, ' ').append(reason_phrase(answer.status)).append("\r\nDate: ");
    head.append(answer.date.empty() ? state_->date : answer.date).append("\r\n");
    if (!bare) {
        if (in_chunks) {
            if (line.version >= 11) head.append("Transfer-Encoding: chunked\r\n");
        } else {
            head.append("Content-Length: ");
            append_number(head, length);
            head.append("\r\n");
        }
        if (!answer.content_type.empty()) head.append("Content-Type: ").append(answer.content_type).append("\r\n");
    }
    for (const auto& [name, value] : answer.headers) head.append(name).append(": ").append(value).append("\r\n");
    if (!keep)
        head += "Connection: close\r\n";
    else if (line.version < 11)
        head += "Connection: keep-alive\r\n";
    head += "\r\n";

    // The line is written first: who has the answer can find it in the log.
    log(line, answer.status);
    boost::system::error_code failed;
    if (in_chunks) {
        arm(state_->options.limits.stall);
        failed = co_await stream_.write(asio::const_buffer{head.data(), head.size()});
        if (failed) co_return false;
        const bool sent = co_await send_pieces(std::move(answer), line.version >= 11);
        co_return sent&& keep;
    }
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

/// Sends the body of an answer that comes in pieces, each as soon as it is there.
inline asio::awaitable<bool> HttpConnection::send_pieces(ServerAnswer answer, bool in_chunks) {
    std::optional<std::string> piece{std::move(answer.body)};
    boost::system::error_code failed;
    while (piece && !failed) {
        if (!piece->empty()) {  // an empty chunk would be the end
            char size[24];
            std::snprintf(size, sizeof size, "%zx\r\n", piece->size());
            out_.assign(in_chunks ? size : "");
            out_.append(*piece).append(in_chunks ? "\r\n" : "");
            arm(state_->options.limits.stall);
            failed = co_await stream_.write(asio::const_buffer{out_.data(), out_.size()});
            if (failed) break;
        }
        disarm();
        piece = co_await answer.stream->next();
    }
    if (failed) co_return false;
    arm(state_->options.limits.stall);
    constexpr std::string_view end = "0\r\n\r\n";
    if (in_chunks) failed = co_await stream_.write(asio::const_buffer{end.data(), end.size()});
    co_return !failed;
}

inline void HttpConnection::log(const Line& line, unsigned status) const {
    if (!state_->options.log) return;
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - line.received);
    const auto path = std::string_view{line.target}.substr(0, line.target.find('?'));
    std::string text = line.method + ' ';
    text.append(path).append(" " + std::to_string(status) + ' ' + std::to_string(took.count()) + " ms");
    state_->options.log(text);
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
