#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_FAULT_PROXY_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_FAULT_PROXY_HPP

#include "support/fault.hpp"
#include "support/fault_session.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace tests {

/// Stands between a client and a platform on loopback and spoils what it is told to. Plain, or TLS with a certificate
/// of its own towards the client; towards the platform always plain HTTP, or a function in place of it. Everything
/// runs on threads of its own with blocking steps, so that nothing the client does can disturb it, and so that what a
/// test injects into the client's thread does not reach it.
class FaultProxy {
public:
    struct Options {
        std::uint16_t upstream = 0;  ///< the platform's port on 127.0.0.1; 0: `backend` answers
        Backend backend{};
        std::optional<blueprint::faas::local::Certificate> certificate{};
        Fault fault{};  ///< met by all connections and exchanges until `set`
        std::size_t times = ~std::size_t{0};
        std::size_t skip = 0;  ///< connections, or exchanges, that come before it and meet nothing
        Chooser choose{};      ///< asked for each request, if given; then `fault` is not used
    };

    explicit FaultProxy(Options options) : state_{std::make_shared<ProxyState>()} {
        state_->upstream = options.upstream;
        state_->backend = std::move(options.backend);
        state_->choose = std::move(options.choose);
        if (options.certificate) state_->context = make_server_context(*options.certificate);
        state_->fault = options.fault;
        state_->times = options.times;
        state_->skip = options.skip;
        listen_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address = loopback(0);
        socklen_t size = sizeof address;
        if (::bind(listen_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
            ::getsockname(listen_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw std::runtime_error{"no port for the proxy"};
        port_ = ntohs(address.sin_port);
        if (options.fault.kind == Fault::Kind::full_queue) {
            fill_queue();
        } else if (options.fault.kind != Fault::Kind::refuse) {  // a port that is bound and not listened on refuses
            listen(1024);
        }
        acceptor_ = std::thread{[this] { accept_all(); }};
    }
    FaultProxy(const FaultProxy&) = delete;
    FaultProxy& operator=(const FaultProxy&) = delete;
    ~FaultProxy() {
        state_->stop.raise();
        wake_.raise();
        acceptor_.join();
        for (auto& session : sessions_) session->thread.join();
    }

    std::uint16_t port() const noexcept { return port_; }
    std::string url(const std::string& host = "127.0.0.1") const {
        return (state_->context ? "https://" : "http://") + host + ':' + std::to_string(port_);
    }
    /// What the connections and exchanges from now on meet, `times` times. Reaches those that have not begun.
    void set(Fault fault, std::size_t times = ~std::size_t{0}) {
        {
            const std::lock_guard lock{state_->mutex};
            state_->fault = fault;
            state_->times = times;
            state_->skip = 0;
        }
        fillers_.clear();
        if (fault.kind != Fault::Kind::refuse) listen(1024);
        wake_.raise();
    }
    std::size_t connections() const noexcept { return state_->connections; }
    /// Connections that are open.
    std::size_t sessions() const noexcept { return state_->sessions; }
    /// Requests that went on to the platform, of which some may still be running there.
    std::size_t passed_on() const noexcept { return state_->passed_on; }
    /// Waits until the platform has answered all that was passed on. False: it did not within ten seconds.
    bool settle() const {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        while (state_->answered.load() != state_->passed_on.load()) {
            if (std::chrono::steady_clock::now() > end) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        }
        return true;
    }

private:
    struct Running {
        std::thread thread{};
        std::atomic<bool> ended{false};
    };

    void listen(int backlog) {
        if (::listen(listen_.get(), backlog) != 0) throw std::runtime_error{"the proxy cannot listen"};
        listening_ = true;
    }
    // A queue of one that is full: the system then drops further connection requests without a word.
    void fill_queue() {
        listen(0);
        listening_ = false;
        for (int i = 0; i < 4; ++i) {
            Descriptor filler{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
            const sockaddr_in address = loopback(port_);
            ::connect(filler.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
            fillers_.push_back(std::move(filler));
        }
    }
    bool may_accept() const {
        const std::lock_guard lock{state_->mutex};
        const auto kind = state_->times == 0 ? Fault::Kind::none : state_->fault.kind;
        return listening_ && kind != Fault::Kind::never_accept && kind != Fault::Kind::full_queue &&
               kind != Fault::Kind::refuse;
    }
    void accept_all() {
        for (;;) {
            pollfd ready[3] = {{state_->stop.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}, {listen_.get(), POLLIN, 0}};
            ::poll(ready, may_accept() ? 3 : 2, -1);
            if (ready[0].revents != 0) return;
            if (ready[1].revents != 0) wake_.lower();
            if ((ready[2].revents & POLLIN) == 0) continue;
            const int accepted = ::accept4(listen_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (accepted < 0) continue;
            ++state_->connections;
            ++state_->sessions;
            for (auto at = sessions_.begin(); at != sessions_.end();) {
                if (!(*at)->ended) {
                    ++at;
                    continue;
                }
                (*at)->thread.join();
                at = sessions_.erase(at);
            }
            auto& session = *sessions_.emplace_back(std::make_unique<Running>());
            session.thread = std::thread{[&session, state = state_, accepted] {
                Session{*state, Descriptor{accepted}}.serve();
                --state->sessions;
                session.ended = true;
            }};
        }
    }

    std::shared_ptr<ProxyState> state_;
    Descriptor listen_{};
    Signal wake_{};
    std::atomic<bool> listening_{false};
    std::vector<Descriptor> fillers_{};
    std::list<std::unique_ptr<Running>> sessions_{};
    std::thread acceptor_{};
    std::uint16_t port_ = 0;
};

}  // namespace tests

#endif
