#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_PLAIN_HTTP_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_PLAIN_HTTP_HPP

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <utility>

// A blocking HTTP client of the tests' own, over TCP on loopback or a Unix socket. It shares no code with the library
// and sends whatever bytes it is told to; nothing takes it longer than a minute.
namespace blueprint::faas::test {

struct PlainReply {
    unsigned status = 0;
    std::map<std::string, std::string> fields{};  ///< names in lower case
    std::string body{};

    std::string field(const std::string& name) const {
        const auto found = fields.find(name);
        return found == fields.end() ? std::string{} : found->second;
    }
};

class PlainClient {
public:
    explicit PlainClient(std::uint16_t port, std::uint32_t address = INADDR_LOOPBACK) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(address);
        open(AF_INET, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    }
    explicit PlainClient(const std::filesystem::path& path) {
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        path.native().copy(to.sun_path, sizeof to.sun_path - 1);
        open(AF_UNIX, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    }
    PlainClient(PlainClient&& other) noexcept
        : descriptor_{std::exchange(other.descriptor_, -1)}, unread_{std::move(other.unread_)} {}
    PlainClient& operator=(PlainClient&&) = delete;
    ~PlainClient() { close(); }

    void close() noexcept {
        if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
    }
    void send(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto size = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (size < 0) throw std::system_error{errno, std::generic_category(), "send"};
            bytes.remove_prefix(static_cast<std::size_t>(size));
        }
    }
    /// Sends a request with Content-Length; `fields` are whole lines.
    void request(std::string_view method, std::string_view fields, std::string_view body) {
        std::string bytes{method};
        bytes.append(" / HTTP/1.1\r\nHost: test\r\n").append(fields);
        if (method == "POST") bytes += "Content-Length: " + std::to_string(body.size()) + "\r\n";
        send(bytes.append("\r\n").append(body));
    }
    /// Reads one answer; throws if the connection ends before it is whole.
    PlainReply read(bool without_body = false) {
        PlainReply reply;
        const auto line = read_line();
        if (!line.starts_with("HTTP/1.1 ")) throw std::runtime_error{"no HTTP: " + line};
        reply.status = static_cast<unsigned>(std::stoul(line.substr(9, 3)));
        for (auto field = read_line(); !field.empty(); field = read_line()) {
            auto name = field.substr(0, field.find(": "));
            std::transform(name.begin(), name.end(), name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
            reply.fields[name] = field.substr(std::min(name.size() + 2, field.size()));
        }
        if (without_body || reply.status == 100) return reply;
        if (reply.field("transfer-encoding") != "chunked") {
            reply.body = take(std::stoul("0" + reply.field("content-length")));
            return reply;
        }
        for (auto size = std::stoul(read_line(), nullptr, 16);; size = std::stoul(read_line(), nullptr, 16)) {
            reply.body += take(size);
            read_line();
            if (size == 0) return reply;
        }
    }
    PlainReply ask(std::string_view method, std::string_view fields = {}, std::string_view body = {}) {
        request(method, fields, body);
        return read(method == "HEAD");
    }
    /// Calls a job with bare bytes.
    PlainReply call(int job, std::string_view args = {}, const std::string& fields = {}) {
        return ask("POST", call_fields(job) + fields, args);
    }
    static std::string call_fields(int job) {
        return "Content-Type: application/octet-stream\r\nX-Blueprint-Job-Id: " + std::to_string(job) + "\r\n";
    }
    /// Waits for the end of the connection and returns how many bytes came before it.
    std::size_t read_to_end() {
        std::size_t size = unread_.size();
        try {
            for (;; size += unread_.size()) {
                unread_.clear();
                receive();
            }
        } catch (const std::runtime_error&) {
            return size;
        }
    }

private:
    void open(int family, const sockaddr* to, socklen_t size) {
        descriptor_ = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const timeval minute{60, 0};
        ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &minute, sizeof minute);
        ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &minute, sizeof minute);
        if (::connect(descriptor_, to, size) == 0) return;
        const int why = errno;
        close();
        throw std::system_error{why, std::generic_category(), "connect"};
    }
    void receive() {
        char piece[65536];
        const auto size = ::recv(descriptor_, piece, sizeof piece, 0);
        if (size < 0 && errno == EAGAIN) throw std::logic_error{"the server keeps silent"};
        if (size <= 0) throw std::runtime_error{"the connection has ended"};
        unread_.append(piece, static_cast<std::size_t>(size));
    }
    std::string read_line() {
        while (unread_.find("\r\n") == std::string::npos) receive();
        auto line = take(unread_.find("\r\n"));
        unread_.erase(0, 2);
        return line;
    }
    std::string take(std::size_t size) {
        while (unread_.size() < size) receive();
        auto text = unread_.substr(0, size);
        unread_.erase(0, size);
        return text;
    }

    int descriptor_ = -1;
    std::string unread_{};
};

}  // namespace blueprint::faas::test

#endif
