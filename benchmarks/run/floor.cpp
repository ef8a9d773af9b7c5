// What the system and OpenSSL cost: blocking sockets, bytes that lie ready, and an answer that is read as far as its
// length. Of many calls in flight all are written first; then each answer is read in turn and the next call written.
#include "client.hpp"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace bench {

namespace {

class Floor : public Client {
public:
    explicit Floor(const Setting& setting) : setting_{setting}, connections_(setting.in_flight) {
        const auto request = unsigned_request(setting);
        out_.append(request_line(request)).append(request.headers.text()).append("\r\n").append(request.body.view());
        if (!setting.tls) return;
        BIO* const pem = BIO_new_mem_buf(setting.authority.data(), static_cast<int>(setting.authority.size()));
        X509* const authority = PEM_read_bio_X509(pem, nullptr, nullptr, nullptr);
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(tls_), authority) != 1) fail("the authority cannot be used");
        SSL_CTX_set_verify(tls_, SSL_VERIFY_PEER, nullptr);
        X509_free(authority);
        BIO_free(pem);
    }
    ~Floor() override {
        for (const auto& each : connections_) {
            SSL_free(each.ssl);
            if (each.fd >= 0) ::close(each.fd);
        }
        SSL_CTX_free(tls_);
    }
    Floor(const Floor&) = delete;
    Floor& operator=(const Floor&) = delete;

    void run(Meter& meter) override {
        for (auto& each : connections_)
            if (each.fd < 0) connect(each);
        std::size_t waiting = 0;
        for (auto& each : connections_) waiting += begin(each, meter);
        while (waiting > 0) {
            for (auto& each : connections_) {
                if (!each.began) continue;
                meter.done(*each.began, read_answer(each));
                if (!begin(each, meter)) --waiting;
            }
        }
    }

private:
    struct Connection {
        int fd = -1;
        SSL* ssl = nullptr;
        std::optional<Clock::time_point> began{};
        std::string in = std::string(8 * 1024, '\0');
    };

    void connect(Connection& connection) {
        connection.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(setting_.port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int yes = 1;
        ::setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        if (::connect(connection.fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fail("no connection");
        if (!setting_.tls) return;
        connection.ssl = SSL_new(tls_);
        SSL_set_fd(connection.ssl, connection.fd);
        SSL_set1_host(connection.ssl, "127.0.0.1");
        SSL_set_read_ahead(connection.ssl, 1);
        if (SSL_connect(connection.ssl) != 1) fail("no TLS");
    }
    bool begin(Connection& connection, Meter& meter) {
        connection.began = meter.start();
        if (!connection.began) return false;
        for (std::size_t sent = 0; sent < out_.size();) {
            std::size_t size = 0;
            if (connection.ssl != nullptr) {
                if (SSL_write_ex(connection.ssl, out_.data() + sent, out_.size() - sent, &size) != 1)
                    fail("nothing can be written");
            } else {
                const auto taken = ::send(connection.fd, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
                if (taken < 0) fail("nothing can be written");
                size = static_cast<std::size_t>(taken);
            }
            sent += size;
        }
        return true;
    }
    static std::size_t read_some(Connection& connection, std::size_t have) {
        auto& in = connection.in;
        if (have == in.size()) in.resize(in.size() * 2);
        std::size_t size = 0;
        if (connection.ssl != nullptr) {
            if (SSL_read_ex(connection.ssl, in.data() + have, in.size() - have, &size) != 1) fail("no answer");
            return size;
        }
        const auto came = ::recv(connection.fd, in.data() + have, in.size() - have, 0);
        if (came <= 0) fail("no answer");
        return static_cast<std::size_t>(came);
    }
    bool read_answer(Connection& connection) const {
        std::size_t have = 0, needed = SIZE_MAX, body = 0;
        while (have < needed) {
            have += read_some(connection, have);
            if (needed != SIZE_MAX) continue;
            const std::string_view text{connection.in.data(), have};
            const auto end = text.find("\r\n\r\n");
            if (end == std::string_view::npos) continue;
            const auto length = text.find("Content-Length: ");
            if (length > end) fail("an answer without a length");
            body = std::strtoul(text.data() + length + 16, nullptr, 10);
            needed = end + 4 + body;
        }
        return connection.in.compare(0, 12, "HTTP/1.1 200") == 0 && body > setting_.payload;
    }

    Setting setting_;
    std::vector<Connection> connections_;
    std::string out_{};
    SSL_CTX* tls_ = SSL_CTX_new(TLS_client_method());
};

}  // namespace

std::unique_ptr<Client> make_floor(const Setting& setting) { return std::make_unique<Floor>(setting); }

}  // namespace bench
