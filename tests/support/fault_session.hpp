#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_FAULT_SESSION_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_FAULT_SESSION_HPP

// One connection of a FaultProxy, served by a thread of its own with steps that block.

#include "blueprint/faas/local/certificates.hpp"
#include "support/fault.hpp"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <charconv>
#include <memory>
#include <mutex>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace tests {

/// Owns a descriptor.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int fd) noexcept : fd_{fd} {}
    Descriptor(Descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        reset(std::exchange(other.fd_, -1));
        return *this;
    }
    ~Descriptor() { reset(); }
    int get() const noexcept { return fd_; }
    void reset(int fd = -1) noexcept {
        if (fd_ >= 0) ::close(fd_);
        fd_ = fd;
    }

private:
    int fd_ = -1;
};

/// A flag that poll() can wait for.
class Signal {
public:
    Signal() : fd_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {}
    int get() const noexcept { return fd_.get(); }
    void raise() const noexcept { ::eventfd_write(fd_.get(), 1); }
    void lower() const noexcept {
        eventfd_t value = 0;
        ::eventfd_read(fd_.get(), &value);
    }

private:
    Descriptor fd_;
};

inline sockaddr_in loopback(std::uint16_t port) noexcept {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/// What all connections of one proxy share.
struct ProxyState {
    std::uint16_t upstream = 0;
    Backend backend{};
    Chooser choose{};
    std::shared_ptr<SSL_CTX> context{};
    Signal stop{};
    std::mutex mutex{};  // guards the next three
    Fault fault{};
    std::size_t times = 0;
    std::size_t skip = 0;
    std::atomic<std::size_t> connections{0};
    std::atomic<std::size_t> sessions{0};
    std::atomic<std::size_t> passed_on{0};
    std::atomic<std::size_t> answered{0};

    static bool of_connection(Fault::Kind kind) noexcept {
        return kind == Fault::Kind::hang_up || kind == Fault::Kind::not_tls || kind == Fault::Kind::cut_raw;
    }
    Fault take(bool for_connection) {
        const std::lock_guard lock{mutex};
        if (times == 0 || of_connection(fault.kind) != for_connection) return {};
        if (skip > 0) {
            --skip;
            return {};
        }
        --times;
        return fault;
    }
    bool next_is_unread() {
        const std::lock_guard lock{mutex};
        return times != 0 && skip == 0 && fault.kind == Fault::Kind::unread;
    }
};

inline std::shared_ptr<SSL_CTX> make_server_context(const blueprint::faas::local::Certificate& certificate) {
    std::shared_ptr<SSL_CTX> context{SSL_CTX_new(TLS_server_method()), &SSL_CTX_free};
    const auto pem = [](std::string_view text) {
        return std::unique_ptr<BIO, decltype(&BIO_free)>{BIO_new_mem_buf(text.data(), static_cast<int>(text.size())),
                                                         &BIO_free};
    };
    const auto chain = pem(certificate.certificate);
    const std::unique_ptr<X509, decltype(&X509_free)> leaf{PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr),
                                                           &X509_free};
    const auto text = pem(certificate.private_key.reveal());
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{
        PEM_read_bio_PrivateKey(text.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free};
    if (!leaf || !key || SSL_CTX_use_certificate(context.get(), leaf.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1)
        throw std::runtime_error{"the proxy cannot use its certificate"};
    return context;
}

/// One accepted connection.
class Session {
public:
    Session(ProxyState& state, Descriptor client) : state_{state}, client_{std::move(client)} {
        const int on = 1;
        ::setsockopt(client_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }

    void serve() {
        try {
            begin();
            while (one_exchange()) {
            }
        } catch (const Ended&) {
        }
    }

private:
    using Kind = Fault::Kind;
    struct Ended {};  // the connection is over, whoever ended it

    void begin() {
        const Fault fault = state_.take(true);
        if (fault.kind == Kind::hang_up) hang_up(fault);
        if (fault.kind == Kind::cut_raw) cut_ = fault;
        if (fault.kind == Kind::not_tls) {
            write_raw("220 mail.example ESMTP\r\n");
            stay();
        }
        if (!state_.context) return;
        tls_.reset(SSL_new(state_.context.get()));
        SSL_set_bio(tls_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        SSL_set_accept_state(tls_.get());
        for (;;) {
            const int done = SSL_do_handshake(tls_.get());
            flush();
            if (done == 1) return;
            if (SSL_get_error(tls_.get(), done) != SSL_ERROR_WANT_READ) throw Ended{};
            feed();
        }
    }

    bool one_exchange() {
        const bool buffered = tls_ && (SSL_pending(tls_.get()) > 0 || BIO_ctrl_pending(SSL_get_rbio(tls_.get())) > 0);
        if (input_.empty() && !buffered) {
            wait(client_.get(), POLLIN, -1);
        }
        if (input_.empty() && state_.next_is_unread()) hang_up_unread();
        Fault fault{};
        bool taken = false;
        if (!state_.choose) {
            while (input_.empty()) read_some();
            fault = state_.take(false);
            taken = true;
            if (fault.kind == Kind::half_read) {
                while (input_.size() < fault.at) read_some();
                hang_up(fault);
            }
        }
        const ProxyRequest request = read_request();
        if (!taken) fault = state_.choose(request);
        switch (fault.kind) {
            case Kind::unread:
            case Kind::swallow: hang_up(fault);
            case Kind::hold: stay();
            case Kind::status:
                write(answer_text(static_cast<unsigned>(fault.at), R"({"error":"injected"})", "Retry-After: 0\r\n"));
                return true;
            default: break;
        }
        ++state_.passed_on;
        std::string answer;
        try {
            answer = state_.upstream != 0 ? ask_upstream(request) : state_.backend(request);
        } catch (...) {
            ++state_.answered;
            throw;
        }
        ++state_.answered;
        // An answer without a body cannot be spoilt in its body; one that says nothing is the same to the client.
        if (fault.kind != Kind::none && answer.starts_with("HTTP/1.1 204")) answer = answer_text(200, "{}");
        answer_with(fault, answer);
        return true;
    }

    void answer_with(const Fault& fault, const std::string& answer) {
        const auto head_size = answer.find("\r\n\r\n") + 4;
        const std::string body = answer.substr(head_size);
        const auto middle = head_size + body.size() / 2;
        switch (fault.kind) {
            case Kind::lost: hang_up(fault);
            case Kind::half_close: half_close();
            case Kind::silent: stay();
            case Kind::cut_head: write(answer.substr(0, head_size / 2)); hang_up(fault);
            case Kind::cut_body: write(answer.substr(0, middle)); hang_up(fault);
            case Kind::half_close_in_body: write(answer.substr(0, middle)); half_close();
            case Kind::stop_in_body: write(answer.substr(0, middle)); stay();
            case Kind::chunked: write(in_chunks(answer) + "0\r\n\r\n"); return;
            case Kind::chunk_cut: {
                const auto text = in_chunks(answer);
                write(text.substr(0, text.size() - 3));
                hang_up(fault);
            }
            case Kind::chunk_no_end: write(in_chunks(answer)); hang_up(fault);
            case Kind::chunk_garbage: write(in_chunks(answer) + "zz\r\n"); stay();
            case Kind::length_long: write(with_length(answer, 10)); hang_up(fault);
            case Kind::length_long_silent: write(with_length(answer, 10)); stay();
            case Kind::length_short: write(with_length(answer, -3)); stay();
            case Kind::lengths_differ:
                write(answer.substr(0, head_size - 2) + "Content-Length: 1\r\n" + answer.substr(head_size - 2));
                stay();
            case Kind::bytewise:
                for (const char byte : answer) {
                    write({&byte, 1});
                    if (fault.pause.count() > 0) wait(-1, 0, static_cast<int>(fault.pause.count()));
                }
                return;
            case Kind::garbage: write("SSH-2.0-OpenSSH_9.2\r\n"); stay();
            case Kind::zeros: write(std::string(300, '\0')); stay();
            case Kind::garbage_after: write(answer + "HTTP/1.1 200 surplus"); stay();
            case Kind::big_head: write("HTTP/1.1 200 OK\r\nX: " + std::string(128 << 10, 'x') + "\r\n\r\n"); stay();
            case Kind::interim_some: {
                std::string text;
                for (std::size_t i = 0; i < fault.at; ++i) text += "HTTP/1.1 102 Processing\r\n\r\n";
                write(text + answer);
                return;
            }
            case Kind::interim_flood:
                for (;;) write("HTTP/1.1 100 Continue\r\n\r\n");
            case Kind::closed_after: write(answer); hang_up(fault);
            case Kind::told_408_after:
                write(answer);
                write(answer_text(408, "{}", "Connection: close\r\n"));
                hang_up(fault);
            case Kind::corrupt_record:
                corrupt_ = true;
                write(answer);
                stay();
            case Kind::no_json: write(answer_text(200, "<html>It works!</html>")); return;
            case Kind::empty: write(answer_text(200, {})); return;
            default: write(answer); return;
        }
    }

    // -- bytes

    /// Waits for `what` on `fd`, or for `milliseconds`; -1: for ever. The proxy's end ends the connection.
    bool wait(int fd, short what, int milliseconds) {
        pollfd ready[2] = {{state_.stop.get(), POLLIN, 0}, {fd, what, 0}};
        ::poll(ready, 2, milliseconds);
        if (ready[0].revents != 0) throw Ended{};
        return ready[1].revents != 0;
    }
    std::size_t read_raw(int fd, char* into, std::size_t room) {
        for (;;) {
            const auto got = ::recv(fd, into, room, MSG_DONTWAIT);
            if (got > 0) return static_cast<std::size_t>(got);
            if (got == 0 || (errno != EAGAIN && errno != EINTR)) throw Ended{};
            wait(fd, POLLIN, -1);
        }
    }
    void write_raw(std::string_view data) { write_to(client_.get(), data); }
    void write_to(int fd, std::string_view data) {
        const bool cuts = cut_.kind == Kind::cut_raw && fd == client_.get();
        const bool ends = cuts && data.size() >= cut_.at - sent_;
        if (ends) data = data.substr(0, cut_.at - sent_);
        if (fd == client_.get()) sent_ += data.size();
        while (!data.empty()) {
            const auto taken = ::send(fd, data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (taken < 0 && errno != EAGAIN && errno != EINTR) throw Ended{};
            if (taken < 0) {
                wait(fd, POLLOUT, -1);
            } else {
                data.remove_prefix(static_cast<std::size_t>(taken));
            }
        }
        if (ends) hang_up(cut_);
    }
    void feed() {
        char piece[16384];
        const auto got = read_raw(client_.get(), piece, sizeof piece);
        BIO_write(SSL_get_rbio(tls_.get()), piece, static_cast<int>(got));
    }
    void flush() {
        char* data = nullptr;
        const long size = BIO_get_mem_data(SSL_get_wbio(tls_.get()), &data);
        std::string records{data, static_cast<std::size_t>(size)};
        (void)BIO_reset(SSL_get_wbio(tls_.get()));
        if (corrupt_ && !records.empty()) records.back() = static_cast<char>(records.back() ^ 1);
        write_raw(records);
    }
    void read_some() {
        char piece[16384];
        if (!tls_) {
            input_.append(piece, read_raw(client_.get(), piece, sizeof piece));
            return;
        }
        for (;;) {
            const int got = SSL_read(tls_.get(), piece, sizeof piece);
            if (got > 0) {
                input_.append(piece, static_cast<std::size_t>(got));
                return;
            }
            if (SSL_get_error(tls_.get(), got) != SSL_ERROR_WANT_READ) throw Ended{};
            feed();
        }
    }
    void write(std::string_view data) {
        if (!tls_) return write_raw(data);
        SSL_write(tls_.get(), data.data(), static_cast<int>(data.size()));
        flush();
    }

    // -- HTTP

    static std::size_t content_length(std::string_view head) {
        std::size_t length = 0;
        const std::string_view name = "Content-Length: ";
        if (const auto at = head.find(name); at != std::string_view::npos)
            std::from_chars(head.data() + at + name.size(), head.data() + head.size(), length);
        return length;
    }
    ProxyRequest read_request() {
        auto end = input_.find("\r\n\r\n");
        for (; end == std::string::npos; end = input_.find("\r\n\r\n")) read_some();
        ProxyRequest request{.text = {}, .head_size = end + 4};
        const auto size = request.head_size + content_length(std::string_view{input_}.substr(0, end + 2));
        while (input_.size() < size) read_some();
        request.text = input_.substr(0, size);
        input_.erase(0, size);
        return request;
    }
    std::string ask_upstream(const ProxyRequest& request) {
        if (platform_.get() < 0) {
            platform_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
            const sockaddr_in address = loopback(state_.upstream);
            if (::connect(platform_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
                throw Ended{};
        }
        write_to(platform_.get(), request.text);
        std::string answer;
        char piece[16384];
        auto end = std::string::npos;
        while (end == std::string::npos || answer.size() < end + 4 + content_length(answer.substr(0, end + 2))) {
            answer.append(piece, read_raw(platform_.get(), piece, sizeof piece));
            end = answer.find("\r\n\r\n");
        }
        return answer;
    }
    static std::string without_length(const std::string& answer, const std::string& instead) {
        const auto begin = answer.find("Content-Length: ");
        if (begin == std::string::npos) return answer;
        return answer.substr(0, begin) + instead + answer.substr(answer.find("\r\n", begin) + 2);
    }
    static std::string with_length(const std::string& answer, std::ptrdiff_t more) {
        const auto length = static_cast<std::ptrdiff_t>(content_length(answer));
        return without_length(answer,
                              "Content-Length: " + std::to_string(std::max<std::ptrdiff_t>(length + more, 0)) + "\r\n");
    }
    static std::string in_chunks(const std::string& answer) {
        const auto changed = without_length(answer, "Transfer-Encoding: chunked\r\n");
        const auto head_size = changed.find("\r\n\r\n") + 4;
        std::string text = changed.substr(0, head_size);
        for (auto at = head_size; at < changed.size(); at += 3) {
            const auto piece = changed.substr(at, 3);
            text += std::to_string(piece.size()) + "\r\n" + piece + "\r\n";
        }
        return text;
    }

    // -- ends

    [[noreturn]] void hang_up(const Fault& fault) {
        if (fault.reset) {
            const ::linger at_once{1, 0};
            ::setsockopt(client_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        } else {
            ::shutdown(client_.get(), SHUT_RDWR);
        }
        client_.reset();
        throw Ended{};
    }
    // What was not read makes the system send a RST all the same, so a plain end reads first.
    [[noreturn]] void hang_up_unread() {
        const Fault fault = state_.take(false);
        if (!fault.reset) read_some();
        hang_up(fault);
    }
    /// Reads and drops until the client goes.
    [[noreturn]] void stay() {
        char piece[4096];
        for (;;) read_raw(client_.get(), piece, sizeof piece);
    }
    [[noreturn]] void half_close() {
        ::shutdown(client_.get(), SHUT_WR);
        stay();
    }

    struct FreeTls {
        void operator()(SSL* tls) const noexcept { SSL_free(tls); }
    };

    ProxyState& state_;
    Descriptor client_;
    Descriptor platform_{};
    std::unique_ptr<SSL, FreeTls> tls_{};
    std::string input_{};
    Fault cut_{};
    std::size_t sent_ = 0;
    bool corrupt_ = false;
};

}  // namespace tests

#endif
