#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_EXCHANGE_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_EXCHANGE_HPP

#include "blueprint/faas/body_stream.hpp"
#include "blueprint/faas/detail/chunked.hpp"
#include "blueprint/faas/transport/impl/answer_parser.hpp"
#include "blueprint/faas/transport/impl/connection.hpp"
#include "blueprint/faas/transport/impl/plain_answer.hpp"
#include "blueprint/faas/transport/impl/request_head.hpp"
#include "blueprint/faas/transport/impl/watchdog.hpp"
#include "blueprint/faas/transport/impl/workbench.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

namespace http_exchange {

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

// What an exchange knows of its own progress.
struct Progress {
    std::size_t sent = 0;                // bytes that the system took
    boost::system::error_code broken{};  // why writing ended early
    boost::system::error_code ended{};   // why nothing more can be read
    std::optional<Error> body_failed{};  // why the body could not be had
};

// The bytes of a request that have yet to go out.
class Outgoing {
public:
    // Head and body leave together. TLS takes one piece at a time, so that a second one would cost a second record and
    // a second system call; and of two small pieces the system makes more work than copying does.
    explicit Outgoing(Connection& connection) noexcept : connection_{connection} {}

    // What the system does not take at once is kept with the connection.
    SocketStep begin(Workbenches& benches, const HttpRequest& request, Progress& progress) {
        const Workbenches::Lease bench{benches};
        const auto body = request.body.view();
        const bool joined = body.size() <= (connection_.tls ? 64U * 1024U : 8U * 1024U);
        write_head(bench->out, request, joined ? body.size() : 0);
        if (joined) bench->out.append(body);
        first_ = bench->out;
        if (!joined) second_ = body;
        const auto step = send(progress);
        if (on_bench_ && step != SocketStep::done && step != SocketStep::failed) {
            wipe(connection_.out);
            connection_.out = first_;
            first_ = connection_.out;
        }
        return step;
    }
    SocketStep send(Progress& progress) {
        while (!first_.empty()) {
            std::size_t taken = 0;
            const auto step = connection_.try_write(first_, second_, taken, progress.broken);
            if (step != SocketStep::done) return step;
            progress.sent += taken;
            const auto of_first = std::min(taken, first_.size());
            first_.remove_prefix(of_first);
            second_.remove_prefix(taken - of_first);
            if (!first_.empty()) continue;
            first_ = std::exchange(second_, {});
            on_bench_ = false;
        }
        return SocketStep::done;
    }

private:
    Connection& connection_;
    std::string_view first_{};
    std::string_view second_{};
    bool on_bench_ = true;  // where `first_` is
};

// An answer of the plain form, as far as it has come.
class Incoming {
public:
    explicit Incoming(const HttpRequest& request) : request_{request} {}

    // Reads what is there. `done`: see `whole`; `failed`: it is for the parser, or for `progress.ended` there is no
    // more of it.
    SocketStep read(Connection& connection, Workbenches& benches, Progress& progress) {
        for (;;) {
            const auto step = begun()                       ? read_body(connection, progress)
                              : connection.unread().empty() ? begin(connection, benches, progress)
                                                            : read_on(connection, progress);
            if (step != SocketStep::done || whole()) return step;
        }
    }
    bool whole() const noexcept { return answer_.status != 0 && taken_ == answer_.body.size(); }
    // Whether the head has been taken, so that the parser would not find it any more.
    bool begun() const noexcept { return answer_.status != 0; }
    bool keep_alive() const noexcept { return keep_alive_; }
    HttpResponse& answer() noexcept { return answer_; }

private:
    static constexpr int most_tries = 4;  // each looks at all of the head again

    // Mostly all of an answer comes at once; what is not taken of it is kept with the connection.
    SocketStep begin(Connection& connection, Workbenches& benches, Progress& progress) {
        const Workbenches::Lease bench{benches};
        std::size_t got = 0;
        const auto step = connection.try_read({bench->in.get(), Workbench::in_bytes}, got, progress.ended);
        prefetch(request_.headers.text().data(), request_.headers.text().size());  // wiped after the answer
        if (step != SocketStep::done) return step;
        const std::string_view text{bench->in.get(), got};
        std::size_t used = 0;
        const auto outcome = look(text, used);
        connection.keep_unread(text.substr(used));
        return outcome;
    }
    SocketStep read_on(Connection& connection, Progress& progress) {
        const auto step = connection.try_read(progress.ended);
        if (step != SocketStep::done) return step;
        std::size_t used = 0;
        const auto outcome = look(connection.unread(), used);
        connection.consume(used);
        return outcome;
    }
    SocketStep look(std::string_view text, std::size_t& used) {
        const auto found = find_plain_answer(text);
        if (found.kind == PlainAnswer::Kind::incomplete && found.head_bytes == 0 && ++tries_ < most_tries)
            return SocketStep::done;
        if (found.head_bytes == 0 || found.kind == PlainAnswer::Kind::other ||
            found.body_bytes > request_.max_response_bytes)
            return SocketStep::failed;
        answer_.status = found.status;
        answer_.headers = Headers{std::string{found.fields}};
        keep_alive_ = found.keep_alive;
        taken_ = std::min(text.size() - found.head_bytes, found.body_bytes);
        answer_.body.reserve(found.body_bytes);
        answer_.body.assign(text.substr(found.head_bytes, taken_));
        answer_.body.resize(found.body_bytes);
        used = found.head_bytes + taken_;
        return SocketStep::done;
    }
    SocketStep read_body(Connection& connection, Progress& progress) {
        std::size_t got = 0;
        const auto step =
            connection.try_read({answer_.body.data() + taken_, answer_.body.size() - taken_}, got, progress.ended);
        if (step == SocketStep::done) taken_ += got;
        return step;
    }

    const HttpRequest& request_;
    HttpResponse answer_{};
    std::size_t taken_ = 0;  // of the body
    int tries_ = 0;
    bool keep_alive_ = true;
};

inline asio::awaitable<void> write_body(Connection& connection, const HttpRequest& request, Progress& progress) {
    static constexpr std::size_t piece_bytes = 256 * 1024;
    const auto total = request.body.size();
    auto* source = request.body.source().get();
    std::string_view rest = request.body.view();
    std::string piece(source != nullptr ? std::min<std::uint64_t>(piece_bytes, total) : 0, '\0');
    for (std::uint64_t done = 0; done < total;) {
        std::string_view next = rest.substr(0, request.upload_progress ? piece_bytes : rest.size());
        if (source != nullptr) {
            auto got = source->read(std::span{piece.data(), piece.size()});
            if (got && (*got == 0 || *got > total - done))
                got = Error{.code = errc::invalid_configuration,
                            .message = "the body to be sent has not the " + std::to_string(total) +
                                       " bytes that it had at first: let nobody change it meanwhile"};
            if (!got) {
                progress.body_failed = std::move(got).error();
                co_return;
            }
            next = std::string_view{piece}.substr(0, *got);
        } else {
            rest.remove_prefix(next.size());
        }
        progress.broken = co_await connection.write(next, progress.sent);
        if (progress.broken) co_return;
        done += next.size();
        if (request.upload_progress) request.upload_progress(done, total);
    }
}

// Sends a request whose body comes in pieces, or whose sender wants to be told of its progress.
inline asio::awaitable<void> send_in_pieces(Connection& connection, const HttpRequest& request, Progress& progress) {
    if (const auto& source = request.body.source()) {
        auto ready = source->rewind();
        if (!ready) {
            progress.body_failed = std::move(ready).error();
            progress.body_failed->execution = Execution::not_started;
            co_return;
        }
    }
    write_head(connection.out, request);
    progress.broken = co_await connection.write(connection.out, progress.sent);
    if (!progress.broken) co_await write_body(connection, request, progress);
}

// Hears an answer of any form, behind what has been read of it.
inline asio::awaitable<result<HttpResponse>> hear_answer(Connection& connection, Watchdog::Watch& watch,
                                                         const HttpRequest& request, Progress& progress,
                                                         bool& reusable) {
    const auto sent = progress.sent;
    const auto write_failed = progress.broken;
    std::optional<Parser> parser;
    start_parser(parser, request);
    bool prepared = false;
    int interim_answers = 0;
    boost::system::error_code failed = progress.ended;
    for (;;) {
        const auto unread = connection.unread();
        if (!unread.empty() && !(prepared && parser->chunked() && !may_parse_chunked(unread))) {
            boost::system::error_code why;
            connection.consume(parser->put(asio::buffer(unread.data(), unread.size()), why));
            if (why && why != http::error::need_more) co_return parse_error(*parser, request, why);
            if (parser->is_done() && parser->get().result_int() < 200 && parser->get().result_int() != 101) {
                if (++interim_answers > 32) co_return unreadable(request.origin, "with interim answers only");
                start_parser(parser, request);  // an interim answer; the real one follows
                continue;
            }
            if (parser->is_header_done() && !prepared) {
                prepared = true;
                auto refused = prepare_body(*parser, request);
                if (refused) co_return std::move(*refused);
                parser->eager(true);
                if (!parser->is_done()) continue;
            }
            if (parser->is_done()) break;
        }
        if (!failed) failed = co_await connection.read();
        if (!failed) continue;
        if (watch.expired() || failed == asio::error::operation_aborted)
            co_return exchange_error(request.origin, failed, {}, watch.expired(), sent);
        if (!parser->got_some())  // nothing of an answer, or nothing behind an interim one
            co_return exchange_error(
                request.origin, failed,
                write_failed ? "broke the connection while the request was being sent: " + write_failed.message()
                             : "closed the connection without an answer: " + failed.message(),
                watch.expired(), sent);
        boost::system::error_code why;
        if (failed == asio::error::eof) parser->put_eof(why);
        if (parser->get().body().failed) co_return parse_error(*parser, request, why);
        if (failed != asio::error::eof || why || !parser->is_done())
            co_return exchange_error(request.origin, failed, "closed the connection in the middle of its answer",
                                     watch.expired(), sent);
        break;
    }
    reusable = parser->get().keep_alive() && !write_failed && connection.unread().empty() && !watch.expired();
    auto answer = take_answer(*parser);
    co_return answer;
}

// Why an exchange ends before its answer was heard.
inline result<HttpResponse> unheard(const HttpRequest& request, Watchdog::Watch& watch, Progress& progress) {
    if (progress.body_failed) return std::move(*progress.body_failed);
    if (progress.broken)
        return exchange_error(request.origin, progress.broken, "took no request: " + progress.broken.message(),
                              watch.expired(), progress.sent);
    return exchange_error(request.origin, progress.ended, "closed the connection in the middle of its answer",
                          watch.expired(), progress.sent);
}

}  // namespace http_exchange

/// One request on a connection and the answer to it, until `watch` shuts the socket. Nearly all of them need nothing
/// but steps, which the coroutine that has the connection takes by itself, because another one would cost every call:
///
///     Conversation talk{connection, watch, benches, request};
///     for (auto step = talk.begin(); Conversation::waits(step);) {
///         const auto ready = co_await connection.until(step);
///         const auto state = co_await asio::this_coro::cancellation_state;
///         step = talk.go_on(ready.failed, state.cancelled());
///     }
///     if (!talk.answered()) auto answer = co_await talk.end();
class Conversation {
public:
    using pooled_frames = void;

    /// All of them outlive it.
    Conversation(Connection& connection, Watchdog::Watch& watch, Workbenches& benches, const HttpRequest& request)
        : connection_{connection}, watch_{watch}, benches_{benches}, request_{request} {}
    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;

    static bool waits(SocketStep step) noexcept { return step == SocketStep::readable || step == SocketStep::writable; }

    /// Sends the request, if it may be sent as a whole.
    SocketStep begin() {
        if (in_pieces()) return SocketStep::failed;
        return after_sending(outgoing_.begin(benches_, request_, progress_));
    }
    /// Goes on after a wait, which may have failed, and during which the caller may have been cancelled.
    SocketStep go_on(const boost::system::error_code& failed, asio::cancellation_type cancelled) {
        // Of a thousand exchanges under way none has its memory in the processor's cache.
        prefetch(this, sizeof *this);
        prefetch(&request_, sizeof request_);
        if (failed) return stop(failed);
        const bool unwanted = cancelled != asio::cancellation_type::none;
        if (unwanted && !sent_) return stop(asio::error::operation_aborted);
        const auto step =
            sent_ ? incoming_.read(connection_, benches_, progress_) : after_sending(outgoing_.send(progress_));
        return unwanted && waits(step) ? stop(asio::error::operation_aborted) : step;
    }
    /// Whether `answer` is there.
    bool answered() const noexcept { return incoming_.whole(); }
    HttpResponse& answer() noexcept { return incoming_.answer(); }
    /// Returns the answer that steps have not brought: to a request that goes out in pieces, of another form, or none.
    asio::awaitable<result<HttpResponse>> end() {
        using namespace http_exchange;
        if (in_pieces()) co_await send_in_pieces(connection_, request_, progress_);
        // A server that refuses a request may answer and hang up before it has read all of it: its answer tells more
        // than the broken write.
        const bool unsent = progress_.broken && (progress_.sent == 0 || watch_.expired() ||
                                                 progress_.broken == asio::error::operation_aborted);
        if (progress_.body_failed || unsent || incoming_.begun()) co_return unheard(request_, watch_, progress_);
        co_return co_await hear_answer(connection_, watch_, request_, progress_, reusable_);
    }
    /// Whether the connection can carry another request after the answer.
    bool reusable() const noexcept {
        if (!answered()) return reusable_;
        return incoming_.keep_alive() && connection_.unread().empty() && !watch_.expired();
    }

private:
    bool in_pieces() const noexcept { return request_.body.source() || request_.upload_progress; }
    SocketStep stop(const boost::system::error_code& why) noexcept {
        (sent_ ? progress_.ended : progress_.broken) = why;
        return SocketStep::failed;
    }
    SocketStep after_sending(SocketStep step) {
        if (step != SocketStep::done) return step;
        sent_ = true;
        if (request_.sink || request_.verb == Verb::head) return SocketStep::failed;  // the parser's
        if (connection_.tls && connection_.tls->has_pending()) return incoming_.read(connection_, benches_, progress_);
        return SocketStep::readable;
    }

    Connection& connection_;
    Watchdog::Watch& watch_;
    Workbenches& benches_;
    const HttpRequest& request_;
    http_exchange::Progress progress_{};
    http_exchange::Outgoing outgoing_{connection_};
    http_exchange::Incoming incoming_{request_};
    bool sent_ = false;
    bool reusable_ = false;
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
