#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_RACE_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_RACE_HPP

#include "blueprint/faas/transport/impl/attempt.hpp"
#include "blueprint/faas/transport/impl/dns_cache.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace blueprint::faas::detail {

/// Connects to several addresses of one host, each begun when the one before failed or was silent for 250 ms. The first
/// that answers wins, the others are closed. Runs on the attempt's `serial`. Source: RFC 8305, section 5.
class ConnectRace : public std::enable_shared_from_this<ConnectRace> {
public:
    static constexpr std::chrono::milliseconds stagger{250};

    ConnectRace(std::shared_ptr<ConnectAttempt> attempt, asio::any_io_executor executor, Origin origin,
                Addresses addresses, std::uint16_t port)
        : attempt_{std::move(attempt)},
          executor_{std::move(executor)},
          origin_{std::move(origin)},
          addresses_{std::move(addresses)},
          port_{port},
          next_turn_{attempt_->serial} {}

    void start() { begin_next(); }
    bool over() const noexcept { return over_; }
    /// Returns the connection that won; nothing if none did, and `failed()` then tells what the first one met.
    std::shared_ptr<Connection> winner() const { return winner_; }
    const boost::system::error_code& failed() const noexcept { return failed_; }

    /// Ends the race; whoever has not won is closed.
    BLUEPRINT_FAAS_COLD void end() {
        over_ = true;
        next_turn_.cancel();
        boost::system::error_code ignored;
        for (const auto& runner : runners_)
            if (runner != winner_) runner->socket.close(ignored);
        runners_.clear();
    }

private:
    void begin_next() {
        const auto address = addresses_[runners_.size()];
        const auto runner = std::make_shared<Connection>(executor_, origin_);
        runners_.push_back(runner);
        ++running_;
        runner->socket.async_connect(
            {address, port_}, asio::bind_executor(attempt_->serial, [self = shared_from_this(),
                                                                     runner](const boost::system::error_code& failed) {
                self->arrived(runner, failed);
            }));
        if (runners_.size() == addresses_.size()) return;
        next_turn_.expires_after(stagger);
        next_turn_.async_wait(asio::bind_executor(attempt_->serial, [self = shared_from_this(), turn = runners_.size()](
                                                                        const boost::system::error_code& failed) {
            if (!failed && !self->over_ && self->runners_.size() == turn) self->begin_next();
        }));
    }
    BLUEPRINT_FAAS_COLD void arrived(const std::shared_ptr<Connection>& runner,
                                     const boost::system::error_code& failed) {
        if (over_) return;
        --running_;
        if (!failed) {
            winner_ = runner;
        } else {
            if (!failed_) failed_ = failed;
            if (runners_.size() < addresses_.size()) return begin_next();
            if (running_ > 0) return;
        }
        end();
        attempt_->ring();
    }

    const std::shared_ptr<ConnectAttempt> attempt_;
    const asio::any_io_executor executor_;
    const Origin origin_;
    const Addresses addresses_;
    const std::uint16_t port_;
    asio::steady_timer next_turn_;
    std::vector<std::shared_ptr<Connection>> runners_{};
    std::size_t running_ = 0;
    std::shared_ptr<Connection> winner_{};
    boost::system::error_code failed_{};
    bool over_ = false;
};

}  // namespace blueprint::faas::detail

#endif
