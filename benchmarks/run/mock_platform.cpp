#include "mock_platform.hpp"

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/certificates.hpp"
// This part of the local cloud alone: all of it takes minutes to compile.
#include "blueprint/faas/local/impl/certificates.ipp"
#include "client.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <new>
#include <string_view>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {

namespace {

using namespace std::string_view_literals;

// A socket that listens on a free port of 127.0.0.1.
int listener(std::uint16_t& port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (fd < 0 || ::bind(fd, any, size) != 0 || ::listen(fd, 4096) != 0 || ::getsockname(fd, any, &size) != 0)
        fail("the mock cannot listen");
    port = ntohs(address.sin_port);
    return fd;
}

SSL_CTX* tls_context(const faas::local::Certificate& identity) {
    SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
    const auto pem = [](std::string_view text) { return BIO_new_mem_buf(text.data(), static_cast<int>(text.size())); };
    BIO* const chain = pem(identity.certificate);
    BIO* const secret = pem(identity.private_key.reveal());
    X509* const certificate = PEM_read_bio_X509(chain, nullptr, nullptr, nullptr);
    EVP_PKEY* const key = PEM_read_bio_PrivateKey(secret, nullptr, nullptr, nullptr);
    if (context == nullptr || SSL_CTX_use_certificate(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey(context, key) != 1 || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1)
        fail("the mock's certificate cannot be used");
    X509_free(certificate);
    EVP_PKEY_free(key);
    BIO_free(chain);
    BIO_free(secret);
    // One read of the system for a whole request instead of two for each record.
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, 32 * 1024);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return context;
}

// The parts of an answer that are always the same.
constexpr auto request_id = "8a5f3c1e-2b7d-4e9f-a1c3-5d7e9f0b2a4c"sv;

std::string lambda_head(bool log) {
    std::string head =
        "HTTP/1.1 200 OK\r\nDate: Tue, 25 Nov 2025 10:00:00 GMT\r\nContent-Type: application/json\r\n"
        "Connection: keep-alive\r\nx-amzn-RequestId: ";
    head.append(request_id).append("\r\nX-Amz-Executed-Version: 7\r\n");
    head += "X-Amzn-Trace-Id: Root=1-69257f20-3f6c1b2a4d5e6f708192a3b4;Sampled=0\r\n";
    if (log) {
        std::string text = "START RequestId: ";
        text.append(request_id).append(" Version: 7\nEND RequestId: ").append(request_id);
        text.append("\nREPORT RequestId: ").append(request_id);
        text += "\tDuration: 1.37 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 19 MB\t\n";
        head += "X-Amz-Log-Result: " + faas::detail::base64_encode(faas::detail::bytes_of(text)) + "\r\n";
    }
    return head + "Content-Length: ";
}

struct Heads {
    std::string lambda = lambda_head(false);
    std::string lambda_log = lambda_head(true);
    std::string json =
        "HTTP/1.1 200 OK\r\nDate: Tue, 25 Nov 2025 10:00:00 GMT\r\nContent-Type: application/json\r\n"
        "X-Request-Id: 8a5f3c1e-2b7d-4e9f\r\nContent-Length: ";
    std::string binary =
        "HTTP/1.1 200 OK\r\nDate: Tue, 25 Nov 2025 10:00:00 GMT\r\nContent-Type: application/octet-stream\r\n"
        "X-Request-Id: 8a5f3c1e-2b7d-4e9f\r\nX-Blueprint-Execution-Ms: 1\r\nX-Blueprint-Memory-Mb: 19\r\n"
        "Content-Length: ";
    std::string openwhisk =
        "HTTP/1.1 200 OK\r\nDate: Tue, 25 Nov 2025 10:00:00 GMT\r\nContent-Type: application/json\r\n"
        "X-Openwhisk-Activation-Id: 8a5f3c1e2b7d4e9fa1c35d7e9f0b2a4c\r\nContent-Length: ";
};

// An activation record, around what the program answers.
constexpr auto record_begin =
    R"({"activationId":"8a5f3c1e2b7d4e9fa1c35d7e9f0b2a4c","annotations":[{"key":"path","value":"guest/blueprint-job-0"},)"
    R"({"key":"waitTime","value":3},{"key":"kind","value":"nodejs:22"},{"key":"timeout","value":false},{"key":"limits",)"
    R"("value":{"concurrency":1,"logs":1,"memory":256,"timeout":60000}}],"duration":2,"end":1764064800002,"logs":[],)"
    R"("name":"blueprint-job-0","namespace":"guest","publish":false,"response":{"result":)"sv;
constexpr auto record_end =
    R"(,"size":1400,"status":"success","success":true},"start":1764064800000,"subject":"guest","version":"0.0.7"})"sv;

struct Connection {
    int fd = -1;
    SSL* ssl = nullptr;
    std::string in{};
    std::size_t have = 0;    // of `in`
    std::size_t needed = 0;  // of `in` for the whole request; 0: its head is not complete
    std::size_t head = 0;    // of `in`, the empty line with it
    std::string out{};
    std::size_t sent = 0;
    bool waits_to_write = false;
};

class Server {
public:
    Server(int plain, int tls, SSL_CTX* context, std::atomic<std::uint64_t>& requests)
        : epoll_{::epoll_create1(EPOLL_CLOEXEC)}, context_{context}, requests_{requests} {
        listeners_[0].fd = plain;
        listeners_[1].fd = tls;
        for (auto& each : listeners_) watch(each, EPOLLIN, EPOLL_CTL_ADD);
    }
    [[noreturn]] void serve() {
        epoll_event events[512];
        for (;;) {
            const int count = ::epoll_wait(epoll_, events, 512, -1);
            for (int i = 0; i < count; ++i) {
                auto& connection = *static_cast<Connection*>(events[i].data.ptr);
                if (&connection == &listeners_[0] || &connection == &listeners_[1])
                    accept_all(connection);
                else if (!go_on(connection))
                    close(connection);
            }
        }
    }

private:
    enum class Io { some, later, over };

    void watch(Connection& connection, std::uint32_t what, int how) const {
        epoll_event event{};
        event.events = what;
        event.data.ptr = &connection;
        ::epoll_ctl(epoll_, how, connection.fd, &event);
    }
    void accept_all(const Connection& on) {
        for (;;) {
            const int fd = ::accept4(on.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0) return;
            const int yes = 1;
            ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            auto* const made = new Connection;
            made->fd = fd;
            made->in.resize(4 * 1024);
            if (&on == &listeners_[1]) {
                made->ssl = SSL_new(context_);
                SSL_set_fd(made->ssl, fd);
                SSL_set_accept_state(made->ssl);
            }
            watch(*made, EPOLLIN, EPOLL_CTL_ADD);
        }
    }
    static void close(Connection& connection) {
        SSL_free(connection.ssl);
        ::close(connection.fd);
        delete &connection;
    }

    // False: the connection is over.
    bool go_on(Connection& connection) {
        if (connection.sent < connection.out.size()) return write(connection);
        for (;;) {
            const auto [io, size] = read(connection);
            if (io == Io::over) return false;
            if (io == Io::later) return true;
            connection.have += size;
            if (connection.needed == 0) find_end(connection);
            if (connection.needed > connection.in.size()) connection.in.resize(connection.needed);
            if (connection.needed == 0 && connection.have == connection.in.size())
                connection.in.resize(connection.in.size() * 2);
            if (connection.needed != 0 && connection.have >= connection.needed) {
                answer(connection);
                connection.have = 0;  // nobody sends a second request before the answer to the first
                connection.needed = 0;
                // Counted first, so that a client that has its answer finds its request counted.
                requests_.fetch_add(1, std::memory_order_release);
                if (!write(connection)) return false;
                if (connection.ssl == nullptr || SSL_has_pending(connection.ssl) == 0) return true;
            }
        }
    }
    static std::pair<Io, std::size_t> read(Connection& connection) {
        char* const to = connection.in.data() + connection.have;
        const auto room = connection.in.size() - connection.have;
        if (connection.ssl == nullptr) {
            const auto size = ::recv(connection.fd, to, room, 0);
            if (size > 0) return {Io::some, static_cast<std::size_t>(size)};
            return {size < 0 && errno == EAGAIN ? Io::later : Io::over, 0};
        }
        std::size_t size = 0;
        ERR_clear_error();
        if (SSL_read_ex(connection.ssl, to, room, &size) == 1) return {Io::some, size};
        return {SSL_get_error(connection.ssl, 0) == SSL_ERROR_WANT_READ ? Io::later : Io::over, 0};
    }
    static void find_end(Connection& connection) {
        const std::string_view text{connection.in.data(), connection.have};
        const auto end = text.find("\r\n\r\n");
        if (end == std::string_view::npos) return;
        connection.head = end + 4;
        connection.needed = connection.head;
        for (std::size_t at = text.find('\n'); at < end; at = text.find('\n', at + 1)) {
            static constexpr auto name = "content-length:"sv;
            if (::strncasecmp(text.data() + at + 1, name.data(), name.size()) != 0) continue;
            connection.needed += std::strtoul(text.data() + at + 1 + name.size(), nullptr, 10);
            return;
        }
    }

    void answer(Connection& connection) const {
        const std::string_view head{connection.in.data(), connection.head};
        const auto body = std::string_view{connection.in.data(), connection.needed}.substr(connection.head);
        auto& out = connection.out;
        out.clear();
        connection.sent = 0;
        const bool lambda = head.starts_with("POST /2015-03-31/");
        if (!lambda && head.find("\r\nX-Blueprint-Job-Id:") != std::string_view::npos) {
            out.append(heads_.binary).append(std::to_string(body.size())).append("\r\n\r\n").append(body);
            return;
        }
        // {"job_id":0,"args":...} becomes {"job_id":0,"result":...,"success":true,...}
        static constexpr auto before = "\"args\":"sv, instead = "\"result\":"sv;
        static constexpr auto after = ",\"success\":true,\"execution_ms\":1,\"memory_used_mb\":19}"sv;
        const auto args = body.substr(0, 64).find(before);
        if (args == std::string_view::npos) {
            out = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
            return;
        }
        const bool openwhisk = head.starts_with("POST /api/v1/namespaces/");
        if (openwhisk) {  // what else a call says stands before its arguments
            static constexpr auto told = R"({"job_id":0,"result":)"sv;
            const auto rest = body.substr(args + before.size());
            const auto text = rest.substr(0, rest.find('"', 1) + 1);
            out += heads_.openwhisk;
            out += std::to_string(record_begin.size() + told.size() + text.size() + after.size() + record_end.size());
            out.append("\r\n\r\n").append(record_begin).append(told).append(text).append(after).append(record_end);
            return;
        }
        const auto value = body.substr(args + before.size(), body.size() - args - before.size() - 1);
        const bool log = lambda && head.find("og-Type: Tail") != std::string_view::npos;
        out += log ? heads_.lambda_log : lambda ? heads_.lambda : heads_.json;
        out += std::to_string(args + instead.size() + value.size() + after.size());
        out.append("\r\n\r\n").append(body.substr(0, args)).append(instead).append(value).append(after);
    }

    bool write(Connection& connection) const {
        while (connection.sent < connection.out.size()) {
            const char* const from = connection.out.data() + connection.sent;
            const auto rest = connection.out.size() - connection.sent;
            std::size_t size = 0;
            if (connection.ssl == nullptr) {
                const auto taken = ::send(connection.fd, from, rest, MSG_NOSIGNAL);
                if (taken < 0 && errno != EAGAIN) return false;
                size = static_cast<std::size_t>(std::max<ssize_t>(taken, 0));
            } else {
                ERR_clear_error();
                if (SSL_write_ex(connection.ssl, from, rest, &size) != 1 &&
                    SSL_get_error(connection.ssl, 0) != SSL_ERROR_WANT_WRITE)
                    return false;
            }
            connection.sent += size;
            if (size == 0) {
                if (!connection.waits_to_write) watch(connection, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
                connection.waits_to_write = true;
                return true;
            }
        }
        if (connection.waits_to_write) watch(connection, EPOLLIN, EPOLL_CTL_MOD);
        connection.waits_to_write = false;
        return true;
    }

    int epoll_;
    SSL_CTX* context_;
    std::atomic<std::uint64_t>& requests_;
    Connection listeners_[2]{};
    Heads heads_{};
};

}  // namespace

MockPlatform::MockPlatform() {
    const auto authority = good(faas::local::CertificateAuthority::create());
    const auto identity = good(authority.issue({"127.0.0.1"}));
    authority_ = authority.certificate();
    void* const shared = ::mmap(nullptr, sizeof *requests_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) fail("there is no memory to share");
    requests_ = new (shared) std::atomic<std::uint64_t>{0};
    const int plain = listener(plain_port_);
    const int tls = listener(tls_port_);
    const pid_t parent = ::getpid();
    process_ = ::fork();
    if (process_ < 0) fail("the mock cannot be started");
    if (process_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) std::_Exit(1);
        Server{plain, tls, tls_context(identity), *requests_}.serve();
    }
    ::close(plain);
    ::close(tls);
}

MockPlatform::~MockPlatform() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
}

}  // namespace bench
