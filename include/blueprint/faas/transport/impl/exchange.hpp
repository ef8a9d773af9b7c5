#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_EXCHANGE_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_EXCHANGE_HPP

#include "blueprint/faas/body_stream.hpp"
#include "blueprint/faas/detail/chunked.hpp"
#include "blueprint/faas/transport/impl/connection.hpp"
#include "blueprint/faas/transport/impl/gunzip.hpp"
#include "blueprint/faas/transport/impl/watchdog.hpp"

#include <boost/asio/error.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>
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

inline void write_head(std::string& out, const HttpRequest& request) {
    out.clear();
    out.append(to_string(request.verb)).append(" ").append(request.target).append(" HTTP/1.1\r\nHost: ");
    const auto host_text = to_string(request.origin);
    out.append(host_text, host_text.find("//") + 2, std::string::npos).append("\r\n");
    if (request.body.size() != 0 || request.verb == Verb::post || request.verb == Verb::put ||
        request.verb == Verb::patch)
        out.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
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
    std::optional<Error> body_failed{};  // why the body could not be had
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

}  // namespace http_exchange

/// Writes `request` to `connection` and reads its answer, until `watch` shuts the socket. `reusable` becomes true if
/// the connection can carry another request afterwards.
inline asio::awaitable<result<HttpResponse>> converse(Connection& connection, Watchdog::Watch& watch,
                                                      const HttpRequest& request, bool& reusable) {
    using namespace http_exchange;
    const auto& source = request.body.source();
    if (source) {
        auto ready = source->rewind();
        if (!ready) {
            auto error = std::move(ready).error();
            error.execution = Execution::not_started;
            co_return error;
        }
    }
    // One write for head and body, unless copying the body would cost more than a second write.
    write_head(connection.out, request);
    const bool together = !source && request.body.size() <= 64 * 1024;
    if (together) connection.out.append(request.body.view());
    Progress progress;
    progress.broken = co_await connection.write(connection.out, progress.sent);
    if (!progress.broken && !together) co_await write_body(connection, request, progress);
    if (!progress.broken && together && request.upload_progress && request.body.size() != 0)
        request.upload_progress(request.body.size(), request.body.size());
    if (progress.body_failed) co_return std::move(*progress.body_failed);
    const auto sent = progress.sent;
    const auto write_failed = progress.broken;

    // A server that refuses a request may answer and hang up before it has read all of it: its answer tells more than
    // the broken write.
    if (write_failed && (sent == 0 || watch.expired() || write_failed == asio::error::operation_aborted))
        co_return exchange_error(request.origin, write_failed, "took no request: " + write_failed.message(),
                                 watch.expired(), sent);

    std::optional<Parser> parser;
    start_parser(parser, request);
    bool prepared = false;
    int interim_answers = 0;
    boost::system::error_code failed;
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
        failed = co_await connection.read();
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

}  // namespace blueprint::faas::detail

#endif
