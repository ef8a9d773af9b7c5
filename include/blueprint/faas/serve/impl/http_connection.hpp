#ifndef BLUEPRINT_FAAS_SERVE_IMPL_HTTP_CONNECTION_HPP
#define BLUEPRINT_FAAS_SERVE_IMPL_HTTP_CONNECTION_HPP

// One client of a function's server. Included by http_server.ipp alone.

#include "blueprint/faas/detail/chunked.hpp"
#include "blueprint/faas/serve/impl/http_listen.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/verb.hpp>
#include <boost/version.hpp>

#include <algorithm>
#include <optional>
#include <ostream>  // boost/beast/http/verb.hpp of 1.81 needs it and does not include it
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail {

/// Reads one request: the fields that mean anything to us, and the body.
class HttpRequestParser final : public boost::beast::http::basic_parser<true> {
public:
    /// How far it has come: it waits for bytes, has the whole head (told once), has all.
    enum class Progress { waits, head, whole };

    explicit HttpRequestParser(std::size_t max_body_bytes) : max_body_bytes_{max_body_bytes} {
        header_limit(64U << 10);
        body_limit(max_body_bytes);
    }

    /// Takes from the front of `unread` what it can. The error says what is malformed; then read no further.
    result<Progress> take(std::string& unread) {
        const bool had_head = is_header_done();
        for (;;) {
            if (is_done()) return Progress::whole;
            if (is_header_done() && chunked() && !may_parse_chunked(unread)) return Progress::waits;
            Failed failed;
            const auto used = put(boost::asio::const_buffer{unread.data(), unread.size()}, failed);
            unread.erase(0, used);
            if (failed && failed != boost::beast::http::error::need_more) return malformed(failed);
            if (!had_head && is_header_done()) return Progress::head;
            if (!is_done() && (failed || used == 0 || unread.empty())) return Progress::waits;
        }
    }

    std::string method{};
    Headers headers{};
    Bytes body{};
    bool has_host = false;
    int version = 11;

private:
    using Text = boost::beast::string_view;
    using Failed = boost::beast::error_code;

    Error malformed(const Failed& failed) const {
        namespace http = boost::beast::http;
        if (failed == http::error::body_limit)
            return http_refusal(
                413, "TOO_LARGE",
                "the body has more than the " + std::to_string(max_body_bytes_) + " bytes that are taken");
        if (failed == http::error::header_limit) return http_refusal(431, "HEADER_TOO_LARGE", "the head is too long");
        return http_refusal(400, "BAD_REQUEST", "the request is not HTTP/1.1: " + failed.message());
    }
    void on_request_impl(boost::beast::http::verb, Text word, Text, int number, Failed&) override {
        method.assign(word.data(), word.size());
        version = number;
    }
    void on_response_impl(int, Text, int, Failed&) override {}
    void on_field_impl(boost::beast::http::field, Text name, Text value, Failed&) override {
        if (is_header_done()) return;  // trailers say nothing to us
        const std::string_view known{name.data(), name.size()};
        if (iequals(known, "host")) has_host = true;
        if (is_http_call_field(known)) headers.add(known, {value.data(), value.size()});
    }
#if BOOST_VERSION >= 109000  // until then they came as fields
    void on_trailer_field_impl(boost::beast::http::field, Text, Text, Failed&) override {}
#endif
    void on_header_impl(Failed&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>& length, Failed&) override {
        // The announced length is believed only as far as memory is cheap.
        if (length) body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, 4U << 20)));
    }
    std::size_t on_body_impl(Text part, Failed&) override {
        const auto* const data = reinterpret_cast<const std::uint8_t*>(part.data());
        body.insert(body.end(), data, data + part.size());
        return part.size();
    }
    void on_chunk_header_impl(std::uint64_t, Text, Failed&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, Text part, Failed& failed) override {
        return on_body_impl(part, failed);
    }
    void on_finish_impl(Failed&) override {}

    std::size_t max_body_bytes_;
};

/// What a client may be in the middle of.
enum class HttpPhase {
    idle,       ///< no byte of a request has come
    head,       ///< a part of one
    body,       ///< the head, and a part of the body
    busy,       ///< the request is with a job, or held
    writing,    ///< the answer goes out
    lingering,  ///< all is said; a connection that is closed under a client that still sends loses the answer
    closed,
};

struct HttpConnection {
    HttpConnection(std::uint64_t own_id, OwnedDescriptor own_socket) : id{own_id}, socket{std::move(own_socket)} {}

    std::uint64_t id;
    OwnedDescriptor socket;
    HttpPhase phase = HttpPhase::idle;
    SteadyTime deadline = SteadyTime::max();  ///< of the phase
    std::uint32_t watched = 0;                ///< what epoll looks for
    std::string unread{};                     ///< received, not parsed yet
    std::optional<HttpRequestParser> parser{};
    HttpCall call{};         ///< of the request that is being read or held
    bool keep = true;        ///< after the answer
    bool head_only = false;  ///< the answer to HEAD has no body
    HttpReply reply{};
    std::string head{};  ///< of the answer
    std::size_t sent = 0;
};

/// Says what is wrong with a head that Beast's parser has let pass; nothing: it is HTTP as we take it.
inline std::optional<Error> problem_of_head(const HttpRequestParser& parser) {
    if (parser.version >= 11 && !parser.has_host) return http_refusal(400, "BAD_REQUEST", "the request has no Host");
    if (const auto coding = parser.headers.get("Transfer-Encoding"); coding && !iequals(*coding, "chunked"))
        return http_refusal(400, "BAD_REQUEST", "the request's Transfer-Encoding is not chunked");
    if (const auto expected = parser.headers.get("Expect"); expected && !iequals(*expected, "100-continue"))
        return http_refusal(417, "NOT_SUPPORTED", "Expect can be 100-continue only");
    return std::nullopt;
}

}  // namespace blueprint::faas::detail

#endif
