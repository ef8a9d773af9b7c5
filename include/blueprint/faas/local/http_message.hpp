#ifndef BLUEPRINT_FAAS_LOCAL_HTTP_MESSAGE_HPP
#define BLUEPRINT_FAAS_LOCAL_HTTP_MESSAGE_HPP

#include "blueprint/faas/http.hpp"
#include "blueprint/faas/job.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::local {

namespace asio = boost::asio;

/// A request as the server received it.
struct ServerRequest {
    std::string method{};  ///< as sent: "PUT"
    std::string target{};  ///< as sent, in origin form: "/api/functions/job0?x=1"
    std::vector<std::pair<std::string, std::string>> fields{};
    std::optional<std::uint64_t> content_length{};
    bool tls = false;
    std::string client_subject{};  ///< of the client's certificate, if the server asks for one: "CN=worker,O=Example"
    Bytes body{};                  ///< empty while only the head is there, and if `Admission::body_sink` took it
    std::vector<std::pair<std::string, std::string>> trailers{};  ///< the fields after a body in chunks
    std::chrono::steady_clock::time_point received{};

    /// Returns the value of the first header field of that name, whatever its case; nothing if it was not sent.
    std::optional<std::string_view> field(std::string_view name) const noexcept {
        for (const auto& entry : fields)
            if (faas::detail::iequals(entry.first, name)) return entry.second;
        return std::nullopt;
    }
};

/// The body of an answer that comes piece by piece. Let go of when it is over, or when its reader has gone.
class AnswerStream {
public:
    virtual ~AnswerStream() = default;
    /// Returns the next piece, when there is one; nothing at the end.
    virtual asio::awaitable<std::optional<std::string>> next() = 0;
};

/// What the server answers. Content-Length and Connection are the server's own.
struct ServerAnswer {
    unsigned status = 200;
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string content_type = "application/json";
    std::string body{};
    bool close = false;  ///< the connection ends after it, and the rest of the request is not waited for
    std::string date{};  ///< the field Date, of a platform whose clock is not the machine's; empty: the machine's time
    std::shared_ptr<AnswerStream> stream{};  ///< sent in chunks after `body`; null: `body` is all
};

/// What becomes of a request whose head alone was read.
struct Admission {
    std::optional<ServerAnswer> refusal{};  ///< sent instead of reading the body
    std::uint64_t body_bytes = 0;           ///< the longest body taken
    /// Is given the body as it comes, instead of `ServerRequest::body`.
    std::function<void(std::string_view piece)> body_sink{};
};

/// What an HTTP server serves: one platform's API. Called on the server's strand only; must outlive the server.
class HttpService {
public:
    virtual ~HttpService() = default;
    /// Judges the head, so that who may not is refused before a byte of the body is read.
    virtual Admission admit(const ServerRequest& head) = 0;
    /// Whether what `head` asks needs nothing that only some know. On loopback the server lets it pass only as
    /// `Strangers` says, and refuses it by `failure` with 403 else.
    virtual bool anybody_may(const ServerRequest& head) const {
        static_cast<void>(head);
        return false;
    }
    /// Answers a whole request. Not cancelled when the client goes away.
    virtual asio::awaitable<ServerAnswer> answer(ServerRequest request) = 0;
    /// Is told that a request that was admitted will not be answered by `answer`: its body was longer than allowed
    /// (`too_long`), was malformed, or did not come to its end.
    virtual void broken_off(const ServerRequest& head, bool too_long) {
        static_cast<void>(head), static_cast<void>(too_long);
    }
    /// Words an error that the server itself found: 400, 403, 413, 431, 500 or 503, in the platform's shape.
    virtual ServerAnswer failure(unsigned status, std::string_view message) = 0;
};

}  // namespace blueprint::faas::local

#endif
