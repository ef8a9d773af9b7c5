#ifndef BLUEPRINT_FAAS_TESTS_SOAK_PULSE_HPP
#define BLUEPRINT_FAAS_TESTS_SOAK_PULSE_HPP

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>

namespace soak {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

inline asio::awaitable<void> pause(std::chrono::milliseconds time) {
    asio::steady_timer timer{co_await asio::this_coro::executor, time};
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

/// Notices that a loop gets no turn for half a second, because the machine has others to serve: what sides promise each
/// other about times, such as who closes an idle connection first, does not hold then.
class Pulse {
public:
    /// Runs on the loop that is watched, until `ending`; `*this` must outlive it.
    asio::awaitable<void> beat(const std::atomic<bool>& ending) {
        while (!ending) {
            last_ = Clock::now();
            co_await pause(50ms);
            if (late()) ++stalls_;
        }
        ended_ = true;
    }
    /// How often the loop stood still, the present time included. From any thread.
    std::size_t stalls() const { return stalls_ + (!ended_ && late() ? 1 : 0); }

private:
    bool late() const { return Clock::now() - last_.load() > 550ms; }
    std::atomic<Clock::time_point> last_{Clock::now()};
    std::atomic<std::size_t> stalls_{0};
    std::atomic<bool> ended_{false};
};

}  // namespace soak

#endif
