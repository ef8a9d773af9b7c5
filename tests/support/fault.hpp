#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_FAULT_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_FAULT_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace tests {

/// One thing that goes wrong between client and platform.
struct Fault {
    enum class Kind : std::uint8_t {
        none,
        // the connection
        refuse,        ///< the port is closed
        never_accept,  ///< the system takes the connection, the server never does
        full_queue,    ///< the system takes no connection either and says nothing
        hang_up,       ///< accepted and ended at once
        not_tls,       ///< bytes that are no TLS in place of a handshake
        cut_raw,       ///< the bytes towards the client end after `at` of them, be it inside a TLS record
        // the request
        unread,     ///< hangs up when the request has arrived, without reading it
        half_read,  ///< reads `at` bytes of the request, then hangs up
        swallow,    ///< reads all of it, passes nothing on, hangs up
        hold,       ///< reads all of it, passes nothing on, says nothing
        // the answer: the platform has done its work
        lost,                ///< hangs up in place of the answer
        half_close,          ///< says in place of the answer that nothing more will come, and stays
        cut_head,            ///< hangs up in the middle of the head
        cut_body,            ///< hangs up in the middle of the body
        half_close_in_body,  ///< says in the middle of the body that nothing more will come, and stays
        stop_in_body,        ///< says nothing more in the middle of the body
        chunked,             ///< no fault: the body in chunks of three bytes
        chunk_cut,           ///< hangs up inside the last chunk
        chunk_no_end,        ///< hangs up before the chunk that ends the body
        chunk_garbage,       ///< a chunk size that is no number
        length_long,         ///< a Content-Length of ten more than comes, then hangs up
        length_long_silent,  ///< the same, and stays
        length_short,        ///< a Content-Length of three less than comes
        lengths_differ,      ///< two Content-Length fields that contradict each other
        bytewise,            ///< one byte a write, `pause` between
        silent,              ///< no answer
        garbage,             ///< another protocol's words
        zeros,               ///< NUL bytes
        garbage_after,       ///< more bytes behind the right answer
        big_head,            ///< a head of 128 KiB
        interim_some,        ///< no fault: `at` interim answers, then the right one
        interim_flood,       ///< interim answers without end
        closed_after,        ///< no fault: the right answer, then hangs up
        told_408_after,      ///< no fault: the right answer, then an unasked 408 and the end
        corrupt_record,      ///< one bit of the TLS record that carries the answer is another
        no_json,             ///< 200 with a body that is no JSON
        empty,               ///< 200 without a body
        status,              ///< in place of passing it on: an answer of status `at`
    };

    Kind kind = Kind::none;
    std::size_t at = 0;
    bool reset = false;  ///< ends with a RST in place of a FIN
    std::chrono::milliseconds pause{0};
};

/// A whole request as the proxy read it.
struct ProxyRequest {
    std::string text{};         ///< head and body
    std::size_t head_size = 0;  ///< with the empty line

    std::string head() const { return text.substr(0, head_size); }
    std::string body() const { return text.substr(head_size); }
};

/// Answers a request in place of a platform, with head and Content-Length. Called from several threads at once.
using Backend = std::function<std::string(const ProxyRequest&)>;
/// Chooses what a request meets. Called from several threads at once.
using Chooser = std::function<Fault(const ProxyRequest&)>;

/// Writes an answer with its head, as a backend gives it.
inline std::string answer_text(unsigned status, const std::string& body, const std::string& more_fields = {}) {
    return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Type: application/json\r\n" + more_fields +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace tests

#endif
