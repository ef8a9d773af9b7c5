#ifndef BLUEPRINT_FAAS_SERVE_IMPL_RUNTIME_CLIENT_IPP
#define BLUEPRINT_FAAS_SERVE_IMPL_RUNTIME_CLIENT_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/serve/runtime_client.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace blueprint::faas::detail {

inline Error no_http(std::string_view why) {
    return Error{.code = errc::serialization, .message = "the runtime API's answer is no HTTP: " + std::string{why}};
}

// Reads all of `text` as a number; nothing if it is none.
inline std::optional<std::uint64_t> whole_number(std::string_view text, int base) noexcept {
    std::uint64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (text.empty() || read.ec != std::errc{} || read.ptr != text.data() + text.size()) return std::nullopt;
    return value;
}

inline std::string_view without_blanks(std::string_view text) noexcept {
    const auto from = std::min(text.find_first_not_of(" \t"), text.size());
    text.remove_prefix(from);
    return text.substr(0, text.find_last_not_of(" \t") + 1);
}

BLUEPRINT_FAAS_DECL result<void> RuntimeAnswerReader::take(std::string_view piece) {
    constexpr std::size_t most_head_bytes = 256U << 10;  // lines of chunks and trailers included
    begun_ = begun_ || !piece.empty();
    while (!piece.empty()) {
        if (part_ == Part::over) return no_http("something follows it");
        if (part_ == Part::sized || part_ == Part::until_end || part_ == Part::chunk) {
            piece.remove_prefix(take_body(piece));
            continue;
        }
        const auto end = piece.find('\n');
        const auto taken = piece.substr(0, end == std::string_view::npos ? end : end + 1);
        line_ += taken;
        head_bytes_ += taken.size();
        piece.remove_prefix(taken.size());
        if (head_bytes_ > most_head_bytes) return no_http("its head does not end");
        if (end == std::string_view::npos) continue;
        if (!line_.ends_with("\r\n")) return no_http("a line does not end as it should");
        line_.resize(line_.size() - 2);
        if (auto read = take_line(); !read) return read.error();
        line_.clear();
    }
    return {};
}

BLUEPRINT_FAAS_DECL result<void> RuntimeAnswerReader::end() {
    if (part_ == Part::until_end) part_ = Part::over;
    if (whole()) return {};
    return Error{.code = errc::infrastructure,
                 .message = begun_ ? "the runtime API closed the connection in the middle of an answer"
                                   : "the runtime API closed the connection without an answer"};
}

BLUEPRINT_FAAS_DECL std::size_t RuntimeAnswerReader::take_body(std::string_view piece) {
    if (part_ != Part::until_end && piece.size() > left_) piece = piece.substr(0, static_cast<std::size_t>(left_));
    const auto room = max_body_bytes_ - std::min(answer_.body.size(), max_body_bytes_);
    answer_.body.append(piece.substr(0, room));
    answer_.too_long = answer_.too_long || piece.size() > room;
    if (part_ == Part::until_end) return piece.size();
    left_ -= piece.size();
    if (left_ == 0) part_ = part_ == Part::sized ? Part::over : Part::chunk_end;
    return piece.size();
}

BLUEPRINT_FAAS_DECL result<void> RuntimeAnswerReader::take_line() {
    switch (part_) {
        case Part::status: return begin_answer();
        case Part::field: {
            if (line_.empty()) return begin_body();
            const auto colon = line_.find(':');
            if (colon == std::string::npos) return no_http("a header field has no colon");
            const std::string_view line = line_;
            answer_.headers.add(line.substr(0, colon), without_blanks(line.substr(colon + 1)));
            return {};
        }
        case Part::chunk_size: return begin_chunk();
        case Part::chunk_end:
            if (!line_.empty()) return no_http("a chunk does not end where it should");
            part_ = Part::chunk_size;
            return {};
        default:  // a trailer: nothing that we want
            if (line_.empty()) part_ = Part::over;
            return {};
    }
}

BLUEPRINT_FAAS_DECL result<void> RuntimeAnswerReader::begin_answer() {
    const std::string_view line = line_;
    const bool known = line.starts_with("HTTP/1.1 ") || line.starts_with("HTTP/1.0 ");
    const auto status = known && line.size() >= 12 ? whole_number(line.substr(9, 3), 10) : std::nullopt;
    if (!status || *status < 100) return no_http("it does not begin with a status");
    answer_ = {};
    answer_.status = static_cast<unsigned>(*status);
    answer_.last = line.starts_with("HTTP/1.0 ");
    part_ = Part::field;
    return {};
}

BLUEPRINT_FAAS_DECL result<void> RuntimeAnswerReader::begin_chunk() {
    const std::string_view size_text = without_blanks(std::string_view{line_}.substr(0, line_.find(';')));
    const auto size = whole_number(size_text, 16);
    if (!size) return no_http("a chunk has no size");
    left_ = *size;
    part_ = left_ == 0 ? Part::trailer : Part::chunk;
    return {};
}

BLUEPRINT_FAAS_DECL result<void> RuntimeAnswerReader::begin_body() {
    auto& headers = answer_.headers;
    if (answer_.status < 200) {
        part_ = Part::status;
        return {};
    }
    if (const auto connection = headers.get("connection"))
        answer_.last = iequals(*connection, "close") || (answer_.last && !iequals(*connection, "keep-alive"));
    if (answer_.status == 204 || answer_.status == 304) {
        part_ = Part::over;
        return {};
    }
    if (const auto coding = headers.get("transfer-encoding")) {
        if (!iequals(*coding, "chunked")) return no_http("its transfer coding is unknown");
        part_ = Part::chunk_size;
        return {};
    }
    if (const auto length = headers.get("content-length")) {
        const auto size = whole_number(*length, 10);
        if (!size) return no_http("its Content-Length is no number");
        left_ = *size;
        part_ = left_ == 0 ? Part::over : Part::sized;
        answer_.body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(left_, max_body_bytes_)));
        return {};
    }
    answer_.last = true;
    part_ = Part::until_end;
    return {};
}

/// An address as the system's calls take it.
struct SocketAddress {
    ::sockaddr_storage storage{};
    ::socklen_t size = 0;

    static std::optional<SocketAddress> of(const std::string& ip, std::uint16_t port) {
        SocketAddress address;
        ::sockaddr_in v4{};
        ::sockaddr_in6 v6{};
        if (::inet_pton(AF_INET, ip.c_str(), &v4.sin_addr) == 1) {
            v4.sin_family = AF_INET;
            v4.sin_port = htons(port);
            return address.take(v4);
        }
        if (::inet_pton(AF_INET6, ip.c_str(), &v6.sin6_addr) != 1) return std::nullopt;
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        return address.take(v6);
    }

private:
    template <class A>
    SocketAddress take(const A& address) {
        size = sizeof address;
        std::copy_n(reinterpret_cast<const char*>(&address), sizeof address, reinterpret_cast<char*>(&storage));
        return *this;
    }
};

/// The addresses that "HOST:PORT" may mean; none if HOST is a name, or that is no such text.
inline std::vector<SocketAddress> runtime_addresses(std::string_view text) {
    std::vector<SocketAddress> found;
    const auto colon = text.rfind(':');
    const auto number = colon == std::string_view::npos ? std::nullopt : whole_number(text.substr(colon + 1), 10);
    if (!number || *number == 0 || *number > 65'535) return found;
    const auto port = static_cast<std::uint16_t>(*number);
    auto host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const auto add = [&](std::string_view ip) {
        if (const auto address = SocketAddress::of(std::string{ip}, port)) found.push_back(*address);
    };
    if (iequals(host, "localhost")) {
        add("127.0.0.1");
        add("::1");
    } else {
        add(host);
    }
    return found;
}

/// Connects; waits on if a signal came, because the attempt goes on by itself. `errno` tells why it is false.
inline bool connect_socket(int descriptor, const SocketAddress& address) noexcept {
    if (::connect(descriptor, reinterpret_cast<const ::sockaddr*>(&address.storage), address.size) == 0) return true;
    if (errno != EINTR) return false;
    ::pollfd ready{.fd = descriptor, .events = POLLOUT, .revents = 0};
    while (::poll(&ready, 1, -1) < 0)
        if (errno != EINTR) return false;
    int failed = 0;
    ::socklen_t size = sizeof failed;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failed, &size) != 0) return false;
    errno = failed;
    return failed == 0;
}

BLUEPRINT_FAAS_DECL Error RuntimeClient::failure(std::string_view what) const {
    const auto code = std::error_code{errno, std::generic_category()};
    return Error{.code = errc::infrastructure,
                 .message = "the runtime API at " + address_ + ' ' + std::string{what} + ": " + code.message()};
}

BLUEPRINT_FAAS_DECL void RuntimeClient::close() noexcept {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

BLUEPRINT_FAAS_DECL result<void> RuntimeClient::connect() {
    close();
    const auto addresses = runtime_addresses(address_);
    if (addresses.empty()) {
        return Error{.code = errc::invalid_configuration,
                     .message = "AWS_LAMBDA_RUNTIME_API is '" + address_ +
                                "': an IP address or localhost with a port is expected, as in 127.0.0.1:9001"};
    }
    for (const auto& address : addresses) {
        descriptor_ = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (descriptor_ >= 0 && connect_socket(descriptor_, address)) {
            const int on = 1;
            ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            return {};
        }
        const int why = errno;
        close();
        errno = why;
    }
    return failure("cannot be reached");
}

// Between two requests nothing may come: what can be read is the end of the connection, or nonsense.
BLUEPRINT_FAAS_DECL bool RuntimeClient::still_connected() const noexcept {
    if (descriptor_ < 0) return false;
    char byte = 0;
    return ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

BLUEPRINT_FAAS_DECL result<void> RuntimeClient::send(std::string_view bytes, bool more_follows) {
    while (!bytes.empty()) {
        const auto sent =
            ::send(descriptor_, bytes.data(), bytes.size(), more_follows ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return failure("does not take the request");
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return {};
}

BLUEPRINT_FAAS_DECL result<void> RuntimeClient::read(RuntimeAnswerReader& reader) {
    std::array<char, 32U << 10> piece;  // NOLINT: filled before it is read
    while (!reader.whole()) {
        const auto size = ::recv(descriptor_, piece.data(), piece.size(), 0);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return failure("broke the connection");
        const auto taken = size == 0 ? reader.end() : reader.take({piece.data(), static_cast<std::size_t>(size)});
        if (!taken) return taken.error();
    }
    if (reader.answer().last) close();
    return {};
}

BLUEPRINT_FAAS_DECL std::string RuntimeClient::head(Verb verb, std::string_view target, std::string_view fields) const {
    std::string text{to_string(verb)};
    text.append(1, ' ').append(target).append(" HTTP/1.1\r\nHost: ").append(address_).append("\r\n").append(fields);
    return text;
}

BLUEPRINT_FAAS_DECL result<RuntimeAnswer> RuntimeClient::exchange(Verb verb, std::string_view target,
                                                                  std::string_view fields, std::string_view body) {
    auto text = head(verb, target, fields);
    if (verb != Verb::get) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    text += "\r\n";
    for (;;) {
        const bool kept = still_connected();
        if (!kept) {
            if (auto connected = connect(); !connected) return connected.error();
        }
        auto sent = send(text, !body.empty());
        if (sent) sent = send(body, false);
        RuntimeAnswerReader reader{max_body_bytes_};
        // Also when not all was taken: a host that refuses a long body says so, and hangs up.
        const auto read_all = read(reader);
        if (read_all) {
            if (!sent) close();
            return std::move(reader.answer());
        }
        close();
        // It was closed just as we wrote: whoever did that has not seen the request.
        if (!kept || reader.begun()) return sent ? read_all.error() : sent.error();
    }
}

BLUEPRINT_FAAS_DECL result<void> RuntimeClient::begin_chunked(std::string_view target, std::string_view fields,
                                                              std::span<const std::uint8_t> piece) {
    // What is streamed cannot be sent twice, so it does not rely on a connection that may be about to close.
    if (auto connected = connect(); !connected) return connected;
    const auto text = head(Verb::post, target, fields) + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    if (auto sent = send(text, !piece.empty()); !sent) return sent;
    return send_chunk(piece);
}

BLUEPRINT_FAAS_DECL result<void> RuntimeClient::send_chunk(std::span<const std::uint8_t> piece) {
    if (piece.empty()) return {};
    std::array<char, 18> size{};
    auto* end = std::to_chars(size.data(), size.data() + 16, piece.size(), 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    if (auto sent = send({size.data(), static_cast<std::size_t>(end - size.data())}, true); !sent) return sent;
    if (auto sent = send(text_of(piece), true); !sent) return sent;
    return send("\r\n", false);
}

BLUEPRINT_FAAS_DECL result<RuntimeAnswer> RuntimeClient::end_chunked(std::string_view trailers) {
    const auto sent = send("0\r\n" + std::string{trailers} + "\r\n", false);
    RuntimeAnswerReader reader{max_body_bytes_};
    const auto read_all = read(reader);
    close();
    if (read_all) return std::move(reader.answer());
    return sent ? read_all.error() : sent.error();
}

}  // namespace blueprint::faas::detail

#endif
