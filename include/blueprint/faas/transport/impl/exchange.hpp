#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_EXCHANGE_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_EXCHANGE_HPP

#include "blueprint/faas/body_stream.hpp"
#include "blueprint/faas/detail/chunked.hpp"
#include "blueprint/faas/transport/impl/connection.hpp"
#include "blueprint/faas/transport/impl/gunzip.hpp"
#include "blueprint/faas/transport/impl/plain_answer.hpp"
#include "blueprint/faas/transport/impl/watchdog.hpp"
#include "blueprint/faas/transport/impl/workbench.hpp"

#include <boost/asio/error.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail {

namespace http_exchange {

namespace http = boost::beast::http;

inline Error unreadable(const Origin& origin, const std::string& what) {
    return Error{.code = errc::serialization,
                 .message = to_string(origin) + " answered " + what + "; check that the URL is the platform's"};
}

/// Where the bytes of an answer's body go: unpacked if they are gzip, counted, into the text or the caller's sink.
struct Intake {
    const HttpRequest* request = nullptr;
    BodySink* sink = nullptr;
    std::unique_ptr<Gunzip> gunzip{};
    std::string text{};
    std::size_t taken = 0;
    std::optional<Error> failed{};

    bool take(std::string_view piece) {
        if (piece.size() > request->max_response_bytes - taken) {
            failed = unreadable(request->origin, "more than the " + std::to_string(request->max_response_bytes) +
                                                     " bytes that were expected");
            return false;
        }
        taken += piece.size();
        if (sink == nullptr) {
            text.append(piece);
            return true;
        }
        auto written = sink->write(piece);
        if (!written) failed = std::move(written).error();
        return !failed;
    }
    bool take_packed(std::string_view piece) {
        if (!gunzip) return take(piece);
        const auto problem = gunzip->feed(piece, [this](std::string_view unpacked) { return take(unpacked); });
        if (!problem.empty() && !failed)
            failed = unreadable(request->origin, "a body that cannot be unpacked: " + std::string{problem});
        return !failed;
    }
    bool end() {
        if (gunzip && !gunzip->complete())
            failed = unreadable(request->origin, "a body that ends in the middle of its gzip data");
        return !failed;
    }
};

/// Lets Beast's parser hand the body of an answer to an `Intake`.
struct AnswerBody {
    using value_type = Intake;
    class reader {
    public:
        template <bool IsRequest, class Fields>
        reader(http::header<IsRequest, Fields>&, value_type& intake) : intake_{intake} {}
        void init(const boost::optional<std::uint64_t>& length, boost::system::error_code& failed) {
            failed = {};
            if (length && !intake_.sink && !intake_.gunzip)
                intake_.text.reserve(std::min<std::uint64_t>(*length, intake_.request->max_response_bytes));
        }
        template <class Buffers>
        std::size_t put(const Buffers& buffers, boost::system::error_code& failed) {
            std::size_t taken = 0;
            failed = {};
            for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers); ++at) {
                const asio::const_buffer piece = *at;
                if (!intake_.take_packed({static_cast<const char*>(piece.data()), piece.size()})) {
                    failed = http::error::body_limit;  // a sign only: what it was stands in the intake
                    return taken;
                }
                taken += piece.size();
            }
            return taken;
        }
        void finish(boost::system::error_code& failed) {
            failed = {};
            if (!intake_.end()) failed = http::error::partial_message;
        }

    private:
        value_type& intake_;
    };
};
using Parser = http::response_parser<AnswerBody>;

inline void append_number(std::string& out, std::uint64_t number) {
    char digits[20];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

inline void write_host(std::string& out, const Origin& origin) {
    const bool v6 = origin.host.find(':') != std::string::npos;
    if (v6) out += '[';
    out += origin.host;
    if (v6) out += ']';
    if (origin.port == (origin.tls ? 443 : 80)) return;
    out += ':';
    append_number(out, origin.port);
}

// Makes room in `out` for a head and `more`. Growing while it is written would leave a credential behind.
inline void make_room(std::string& out, const HttpRequest& request, std::size_t more) {
    const auto enough = request.target.size() + request.origin.host.size() + request.headers.text().size() + more + 128;
    if (out.capacity() < enough) {
        wipe(out);
        std::string grown;
        grown.reserve(enough + enough / 2);
        out.swap(grown);
    }
    out.clear();
}

inline void write_head(std::string& out, const HttpRequest& request, std::size_t more = 0) {
    make_room(out, request, more);
    out.append(to_string(request.verb)).append(" ").append(request.target).append(" HTTP/1.1\r\nHost: ");
    write_host(out, request.origin);
    out += "\r\n";
    if (request.body.size() != 0 || request.verb == Verb::post || request.verb == Verb::put ||
        request.verb == Verb::patch) {
        out += "Content-Length: ";
        append_number(out, request.body.size());
        out += "\r\n";
    }
    if (request.accept_gzip) out.append("Accept-Encoding: gzip\r\n");
    out.append(request.headers.text()).append("\r\n");
}

inline void start_parser(std::optional<Parser>& parser, const HttpRequest& request) {
    parser.emplace();
    parser->header_limit(64 * 1024);
    // What is packed may be a little longer than what it holds; the intake counts what matters, exactly.
    parser->body_limit(std::uint64_t{request.max_response_bytes} + request.max_response_bytes / 1024 + 64 * 1024);
    parser->get().body().request = &request;
    if (request.verb == Verb::head) parser->skip(true);
}

inline HttpResponse read_head(const Parser& parser) {
    HttpResponse answer;
    answer.status = parser.get().result_int();
    const bool unpacked = parser.get().body().gunzip != nullptr;
    for (const auto& field : parser.get()) {
        const bool of_packed_form =
            field.name() == http::field::content_encoding || field.name() == http::field::content_length;
        if (!unpacked || !of_packed_form) answer.headers.add(field.name_string(), field.value());
    }
    return answer;
}

// Decides, once the head of the final answer is there, where its body goes.
inline std::optional<Error> prepare_body(Parser& parser, const HttpRequest& request) {
    const auto status = parser.get().result_int();
    if (status == 101)
        return unreadable(request.origin, "that it switches to another protocol, which nobody asked for");
    if (status < 200) return unreadable(request.origin, "with the status " + std::to_string(status));
    auto& intake = parser.get().body();
    const std::string_view coding = parser.get()[http::field::content_encoding];
    if (iequals(coding, "gzip") || iequals(coding, "x-gzip")) {
        intake.gunzip = std::make_unique<Gunzip>();
    } else if (!coding.empty() && !iequals(coding, "identity")) {
        return unreadable(request.origin,
                          "a body in the coding '" + std::string{coding.substr(0, 32)} + "', which nobody asked for");
    }
    if (request.sink && status >= 200 && status < 300) {
        intake.sink = request.sink.get();
        auto begun = intake.sink->begin(read_head(parser));
        if (!begun) return std::move(begun).error();
    }
    return std::nullopt;
}

inline HttpResponse take_answer(Parser& parser) {
    auto answer = read_head(parser);
    answer.body = std::move(parser.get().body().text);
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

// Why the bytes that came are no answer to `request`.
inline Error parse_error(Parser& parser, const HttpRequest& request, const boost::system::error_code& why) {
    if (auto& failed = parser.get().body().failed) return std::move(*failed);
    if (why == http::error::body_limit)
        return unreadable(request.origin,
                          "more than the " + std::to_string(request.max_response_bytes) + " bytes that were expected");
    if (why == http::error::header_limit) return unreadable(request.origin, "with more than 64 KiB of headers");
    return unreadable(request.origin, "what is not HTTP (" + why.message() + ")");
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
            // What TLS has already taken from the socket makes it readable no more.
            if (!connection.tls) return SocketStep::readable;
        }
    }
    bool whole() const noexcept { return answer_.status != 0 && taken_ == answer_.body.size(); }
    // Whether the head has been taken, so that the parser would not find it any more.
    bool begun() const noexcept { return answer_.status != 0; }
    bool keep_alive() const noexcept { return keep_alive_; }
    HttpResponse take() { return std::move(answer_); }

private:
    static constexpr int most_tries = 4;  // each looks at all of the head again

    // Mostly all of an answer comes at once; what is not taken of it is kept with the connection.
    SocketStep begin(Connection& connection, Workbenches& benches, Progress& progress) {
        const Workbenches::Lease bench{benches};
        std::size_t got = 0;
        const auto step = connection.try_read({bench->in.get(), Workbench::in_bytes}, got, progress.ended);
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

/// Writes `request` to `connection` and reads its answer, until `watch` shuts the socket. `reusable` becomes true if
/// the connection can carry another request afterwards.
inline asio::awaitable<result<HttpResponse>> converse(Connection& connection, Watchdog::Watch& watch,
                                                      Workbenches& benches, const HttpRequest& request,
                                                      bool& reusable) {
    using namespace http_exchange;
    Progress progress;
    if (request.body.source() || request.upload_progress) {
        co_await send_in_pieces(connection, request, progress);
    } else {
        Outgoing outgoing{connection};
        for (auto step = outgoing.begin(benches, request, progress);
             step != SocketStep::done && step != SocketStep::failed;) {
            const auto ready = co_await connection.until(step);
            const auto state = co_await asio::this_coro::cancellation_state;
            progress.broken = ready.failed;
            if (state.cancelled() != asio::cancellation_type::none) progress.broken = asio::error::operation_aborted;
            step = progress.broken ? SocketStep::failed : outgoing.send(progress);
        }
    }
    // A server that refuses a request may answer and hang up before it has read all of it: its answer tells more than
    // the broken write.
    if (progress.body_failed || (progress.broken && (progress.sent == 0 || watch.expired() ||
                                                     progress.broken == asio::error::operation_aborted)))
        co_return unheard(request, watch, progress);

    if (!progress.broken && !request.sink && request.verb != Verb::head) {
        Incoming incoming{request};
        auto step = SocketStep::readable;
        if (connection.tls && connection.tls->has_pending()) step = incoming.read(connection, benches, progress);
        while (step != SocketStep::done && step != SocketStep::failed) {
            const auto before = co_await asio::this_coro::cancellation_state;
            if (before.cancelled() != asio::cancellation_type::none) {
                progress.ended = asio::error::operation_aborted;
                break;
            }
            const auto ready = co_await connection.until(step);
            progress.ended = ready.failed;
            if (ready.failed) break;
            step = incoming.read(connection, benches, progress);
        }
        if (incoming.whole()) {
            reusable = incoming.keep_alive() && connection.unread().empty() && !watch.expired();
            co_return incoming.take();
        }
        if (incoming.begun()) co_return unheard(request, watch, progress);
    }
    co_return co_await hear_answer(connection, watch, request, progress, reusable);
}

}  // namespace blueprint::faas::detail

#endif
