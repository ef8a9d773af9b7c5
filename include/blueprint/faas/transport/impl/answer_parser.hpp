#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_ANSWER_PARSER_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_ANSWER_PARSER_HPP

#include "blueprint/faas/body_stream.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/transport/impl/gunzip.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/optional/optional.hpp>
#include <boost/system/error_code.hpp>
#include <boost/version.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail {

namespace http_exchange {

namespace asio = boost::asio;
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

/// Beast's parser over fields of our own: those that come with its messages cost a compiler as much again.
class Parser : public http::basic_parser<false> {
    using Failed = boost::system::error_code;

public:
    /// What has been read, named as Beast's messages name it.
    class Answer {
    public:
        explicit Answer(const Parser& of) noexcept : of_{&of} {}
        unsigned result_int() const noexcept { return status_; }
        bool keep_alive() const noexcept { return of_->is_header_done() && of_->keep_alive(); }
        Intake& body() noexcept { return body_; }
        const Intake& body() const noexcept { return body_; }
        const Headers& fields() const noexcept { return fields_; }

    private:
        friend Parser;
        const Parser* of_;
        unsigned status_ = 0;
        Headers fields_{};
        Intake body_{};
    };
    Answer& get() noexcept { return answer_; }
    const Answer& get() const noexcept { return answer_; }

private:
    void on_request_impl(http::verb, boost::beast::string_view, boost::beast::string_view, int, Failed&) override {}
    void on_response_impl(int code, boost::beast::string_view, int, Failed& failed) override {
        failed = {};
        answer_.status_ = static_cast<unsigned>(code);
    }
    void on_field_impl(http::field, boost::beast::string_view name, boost::beast::string_view value,
                       Failed& failed) override {
        failed = {};
        if (is_header_done()) return;  // trailers are no headers, and a late one must not pass for one
        answer_.fields_.add({name.data(), name.size()}, {value.data(), value.size()});
    }
#if BOOST_VERSION >= 109000  // until then they came as fields
    void on_trailer_field_impl(http::field, boost::beast::string_view, boost::beast::string_view,
                               Failed& failed) override {
        failed = {};
    }
#endif
    void on_header_impl(Failed& failed) override { failed = {}; }
    void on_body_init_impl(const boost::optional<std::uint64_t>& length, Failed& failed) override {
        failed = {};
        auto& intake = answer_.body_;
        if (length && !intake.sink && !intake.gunzip)
            intake.text.reserve(std::min<std::uint64_t>(*length, intake.request->max_response_bytes));
    }
    std::size_t on_body_impl(boost::beast::string_view piece, Failed& failed) override {
        failed = {};
        if (answer_.body_.take_packed({piece.data(), piece.size()})) return piece.size();
        failed = http::error::body_limit;  // a sign only: what it was stands in the intake
        return 0;
    }
    void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, Failed& failed) override { failed = {}; }
    std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view piece, Failed& failed) override {
        return on_body_impl(piece, failed);
    }
    void on_finish_impl(Failed& failed) override {
        failed = {};
        if (!answer_.body_.end()) failed = http::error::partial_message;
    }

    Answer answer_{*this};
};

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
    answer.headers = parser.get().fields();
    if (parser.get().body().gunzip == nullptr) return answer;
    for (const auto* of_packed_form : {"Content-Encoding", "Content-Length"}) answer.headers.erase(of_packed_form);
    return answer;
}

// Decides, once the head of the final answer is there, where its body goes.
inline std::optional<Error> prepare_body(Parser& parser, const HttpRequest& request) {
    const auto status = parser.get().result_int();
    if (status == 101)
        return unreadable(request.origin, "that it switches to another protocol, which nobody asked for");
    if (status < 200) return unreadable(request.origin, "with the status " + std::to_string(status));
    auto& intake = parser.get().body();
    const auto coding = parser.get().fields().get("Content-Encoding").value_or("");
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

// Why the bytes that came are no answer to `request`.
inline Error parse_error(Parser& parser, const HttpRequest& request, const boost::system::error_code& why) {
    if (auto& failed = parser.get().body().failed) return std::move(*failed);
    if (why == http::error::body_limit)
        return unreadable(request.origin,
                          "more than the " + std::to_string(request.max_response_bytes) + " bytes that were expected");
    if (why == http::error::header_limit) return unreadable(request.origin, "with more than 64 KiB of headers");
    return unreadable(request.origin, "what is not HTTP (" + why.message() + ")");
}

}  // namespace http_exchange

}  // namespace blueprint::faas::detail

#endif
