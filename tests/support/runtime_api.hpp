#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_RUNTIME_API_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_RUNTIME_API_HPP

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

// Lambda's runtime API as a test plays it, on plain sockets and without a line of the library, and the function's
// process that talks to it.
namespace blueprint::faas::test {

/// A request as the function's process sent it.
struct RuntimeRequest {
    std::string method{};
    std::string target{};
    std::vector<std::pair<std::string, std::string>> fields{};
    std::string body{};
    std::vector<std::size_t> chunks{};  ///< their sizes, if it came in chunks
    std::vector<std::pair<std::string, std::string>> trailers{};

    static std::string find(const std::vector<std::pair<std::string, std::string>>& in, const char* name) {
        for (const auto& [key, value] : in)
            if (::strcasecmp(key.c_str(), name) == 0) return value;
        return {};
    }
    std::string field(const char* name) const { return find(fields, name); }
    std::string trailer(const char* name) const { return find(trailers, name); }
    bool is_next() const { return method == "GET" && target == "/2018-06-01/runtime/invocation/next"; }
};

/// What it is answered.
struct RuntimeReply {
    std::string bytes{};
    bool close = false;  ///< then hang up
    bool stop = false;   ///< then hang up and listen no more
};

inline std::string http_answer(const std::string& status, const std::string& body, const std::string& fields = {}) {
    return "HTTP/1.1 " + status + "\r\n" + fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
}

/// A socket, closed when it goes. Nothing on it takes longer than `limit`.
class RuntimeSocket {
public:
    static constexpr std::chrono::seconds limit{30};

    explicit RuntimeSocket(int descriptor = -1) : descriptor_{descriptor} {
        const ::timeval time{.tv_sec = limit.count(), .tv_usec = 0};
        if (descriptor_ >= 0) ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    }
    RuntimeSocket(RuntimeSocket&& other) noexcept : descriptor_{std::exchange(other.descriptor_, -1)} {}
    RuntimeSocket& operator=(RuntimeSocket&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ~RuntimeSocket() { close(); }

    int get() const { return descriptor_; }
    bool is_open() const { return descriptor_ >= 0; }
    void close() {
        if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
    }
    /// Returns a connection that was made.
    RuntimeSocket accept() const {
        ::pollfd ready{.fd = descriptor_, .events = POLLIN, .revents = 0};
        if (::poll(&ready, 1, static_cast<int>(limit.count()) * 1'000) != 1)
            throw std::runtime_error{"the function's process does not connect"};
        return RuntimeSocket{::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC)};
    }
    /// Appends what arrives; false at the end of the connection.
    bool read(std::string& to) const {
        char piece[65536];
        const auto size = ::recv(descriptor_, piece, sizeof piece, 0);
        if (size < 0 && errno != ECONNRESET) throw std::system_error{errno, std::generic_category(), "the function"};
        to.append(piece, static_cast<std::size_t>(std::max<::ssize_t>(size, 0)));
        return size > 0;
    }
    void write(std::string_view bytes) const {
        while (!bytes.empty()) {
            const auto size = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (size < 0) return;  // the process may be gone, which the test sees
            bytes.remove_prefix(static_cast<std::size_t>(size));
        }
    }

private:
    int descriptor_;
};

/// The server. It answers one connection after the other, in the thread that calls `serve`.
class RuntimeApi {
public:
    using Handler = std::function<RuntimeReply(const RuntimeRequest&)>;

    explicit RuntimeApi(bool ipv6 = false) {
        ::sockaddr_storage storage{};
        ::sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_addr = in6addr_loopback;
        ::socklen_t size = ipv6 ? sizeof v6 : sizeof v4;
        std::memcpy(&storage, ipv6 ? static_cast<const void*>(&v6) : &v4, size);
        auto* address = reinterpret_cast<::sockaddr*>(&storage);
        listener_ = RuntimeSocket{::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        if (::bind(listener_.get(), address, size) != 0 || ::listen(listener_.get(), 8) != 0 ||
            ::getsockname(listener_.get(), address, &size) != 0)
            throw std::system_error{errno, std::generic_category(), "the runtime API's socket"};
        std::memcpy(ipv6 ? static_cast<void*>(&v6) : &v4, &storage, size);
        port_ = ntohs(ipv6 ? v6.sin6_port : v4.sin_port);
    }

    std::uint16_t port() const { return port_; }
    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    std::size_t connections() const { return connections_; }

    /// Is asked as soon as the head of a request is read; what it gives is the answer, and the body stays unread.
    std::function<std::optional<RuntimeReply>(const RuntimeRequest& head)> early{};
    /// Is given each chunk of a body as it comes.
    std::function<void(std::string_view chunk)> on_chunk{};

    /// Answers requests until a reply says that it is the last.
    void serve(const Handler& handler) {
        for (;;) {
            if (!connection_.is_open()) {
                connection_ = listener_.accept();
                ++connections_;
                unread_.clear();
            }
            RuntimeRequest request;
            std::optional<RuntimeReply> reply;
            if (!read_head(request)) {
                connection_.close();
                continue;
            }
            if (early) reply = early(request);
            if (!reply && !read_body(request)) {
                connection_.close();
                continue;
            }
            if (!reply) reply = handler(request);
            connection_.write(reply->bytes);
            if (reply->close || reply->stop) connection_.close();
            if (!reply->stop) continue;
            listener_.close();
            return;
        }
    }

private:
    // False if the connection ends first.
    std::optional<std::string> read_line() {
        std::size_t end = 0;
        while ((end = unread_.find("\r\n")) == std::string::npos)
            if (!connection_.read(unread_)) return std::nullopt;
        auto line = unread_.substr(0, end);
        unread_.erase(0, end + 2);
        return line;
    }
    bool read_bytes(std::size_t size, std::string& to) {
        while (unread_.size() < size)
            if (!connection_.read(unread_)) return false;
        to.append(unread_, 0, size);
        unread_.erase(0, size);
        return true;
    }
    bool read_fields(std::vector<std::pair<std::string, std::string>>& to) {
        for (;;) {
            const auto line = read_line();
            if (!line) return false;
            if (line->empty()) return true;
            const auto colon = line->find(": ");
            if (colon == std::string::npos) throw std::runtime_error{"the function sent no header field: " + *line};
            to.emplace_back(line->substr(0, colon), line->substr(colon + 2));
        }
    }
    bool read_head(RuntimeRequest& request) {
        const auto line = read_line();
        if (!line) return false;
        const auto blank = line->find(' '), end = line->rfind(' ');
        if (blank == end || line->substr(end) != " HTTP/1.1") throw std::runtime_error{"no HTTP: " + *line};
        request.method = line->substr(0, blank);
        request.target = line->substr(blank + 1, end - blank - 1);
        return read_fields(request.fields);
    }
    bool read_body(RuntimeRequest& request) {
        if (const auto length = request.field("Content-Length"); !length.empty())
            return read_bytes(std::stoul(length), request.body);
        if (request.field("Transfer-Encoding") != "chunked") return true;
        for (;;) {
            const auto line = read_line();
            if (!line) return false;
            const auto size = std::stoul(*line, nullptr, 16);
            if (size == 0) return read_fields(request.trailers);
            const auto before = request.body.size();
            std::string end;
            if (!read_bytes(size, request.body) || !read_bytes(2, end)) return false;
            if (end != "\r\n") throw std::runtime_error{"a chunk does not end where it says"};
            request.chunks.push_back(size);
            if (on_chunk) on_chunk(std::string_view{request.body}.substr(before));
        }
    }

    RuntimeSocket listener_{};
    RuntimeSocket connection_{};
    std::string unread_{};
    std::uint16_t port_ = 0;
    std::size_t connections_ = 0;
};

/// A function's process. What it writes goes into a file; it is killed when this object goes, and with this thread.
class FunctionProcess {
public:
    /// `variables` are "NAME=value", beside those of this process.
    FunctionProcess(std::string program, std::vector<std::string> variables, std::filesystem::path log)
        : log_{std::move(log)} {
        for (char** one = environ; *one != nullptr; ++one) variables.emplace_back(*one);
        std::vector<char*> list;
        for (auto& one : variables) list.push_back(one.data());
        list.push_back(nullptr);
        char* arguments[] = {program.data(), nullptr};
        const int output = ::open(log_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (output < 0) throw std::system_error{errno, std::generic_category(), log_.string()};
        const pid_t parent = ::getpid();
        pid_ = ::fork();
        if (pid_ == 0) {  // only what is safe after fork
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() != parent) ::_exit(127);
            ::dup2(output, 1);
            ::dup2(output, 2);
            ::execve(program.c_str(), arguments, list.data());
            ::_exit(127);
        }
        ::close(output);
        if (pid_ < 0) throw std::system_error{errno, std::generic_category(), "fork"};
    }
    FunctionProcess(const FunctionProcess&) = delete;
    FunctionProcess& operator=(const FunctionProcess&) = delete;
    ~FunctionProcess() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        wait();
    }

    pid_t pid() const { return pid_; }
    /// Waits for its end; returns its exit status, or 128 and the signal that ended it.
    int wait() {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    std::string log() const {
        std::ifstream file{log_, std::ios::binary};
        return {std::istreambuf_iterator<char>{file}, {}};
    }

private:
    std::filesystem::path log_;
    pid_t pid_ = -1;
};

}  // namespace blueprint::faas::test

#endif
