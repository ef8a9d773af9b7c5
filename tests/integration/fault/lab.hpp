#ifndef BLUEPRINT_FAAS_TESTS_FAULT_LAB_HPP
#define BLUEPRINT_FAAS_TESTS_FAULT_LAB_HPP

#include "operations.hpp"
#include "step_faults.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace tests {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// What may pass between a deadline and the end of the operation.
inline constexpr std::chrono::milliseconds margin{sanitized ? 200 : 50};

/// Measures how late this machine is: how long the calling thread had to wait for a processor, and how much later than
/// asked for another thread is woken at the same deadline. Both belong to the machine's load, not to the library, and
/// are taken off what an operation overran.
class Lateness {
public:
    explicit Lateness(Clock::time_point deadline)
        : waited_{waited()}, sleeper_{[this, deadline] { sleep(deadline); }} {}
    Lateness(const Lateness&) = delete;
    Lateness& operator=(const Lateness&) = delete;
    ~Lateness() { end(); }

    /// Ends the measurement. From the thread that began it.
    std::chrono::nanoseconds end() {
        if (sleeper_.joinable()) {
            {
                const std::lock_guard lock{mutex_};
                ended_ = true;
            }
            wake_.notify_all();
            sleeper_.join();
            waited_ = waited() - waited_;
        }
        return waited_ + late_;
    }

private:
    // The second number of schedstat: nanoseconds spent runnable and not running.
    static std::chrono::nanoseconds waited() {
        std::ifstream file{"/proc/thread-self/schedstat"};
        long long ran = 0;
        long long waiting = 0;
        file >> ran >> waiting;
        return std::chrono::nanoseconds{file ? waiting : 0};
    }
    void sleep(Clock::time_point deadline) {
        std::unique_lock lock{mutex_};
        while (!ended_ && Clock::now() < deadline) wake_.wait_until(lock, deadline);
        if (!ended_) late_ = Clock::now() - deadline;
    }

    std::chrono::nanoseconds waited_;
    std::mutex mutex_{};
    std::condition_variable wake_{};
    bool ended_ = false;
    std::chrono::nanoseconds late_{0};
    std::thread sleeper_;
};

/// Counts this process's sockets, timers and event queues. Not the pipes and children that a local cloud keeps for its
/// functions.
inline std::size_t open_descriptors() {
    std::size_t count = 0;
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd", failed}) {
        const auto what = std::filesystem::read_symlink(entry.path(), failed).string();
        if (!failed && (what.starts_with("socket:") || what.starts_with("anon_inode:[event") ||
                        what.starts_with("anon_inode:[timer")))
            ++count;
    }
    return count;
}

/// Waits until `condition` holds; false if it does not within `limit`.
template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds limit = 5s) {
    const auto end = Clock::now() + limit;
    while (!condition()) {
        if (Clock::now() > end) return false;
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

/// Counts the descriptors when their number has not changed for a while: peers close theirs a little later than we do.
inline std::size_t settled_descriptors() {
    auto count = open_descriptors();
    for (int same = 0; same < 20; ++same) {
        std::this_thread::sleep_for(5ms);
        if (const auto now = open_descriptors(); now != count) {
            count = now;
            same = 0;
        }
    }
    return count;
}

/// Runs `operation` on `io`; nothing if it has not ended within `limit`.
template <class T>
std::optional<T> run_within(asio::io_context& io, asio::awaitable<T> operation, std::chrono::milliseconds limit) {
    std::optional<T> outcome;
    asio::co_spawn(io, std::move(operation), [&outcome](std::exception_ptr failure, T value) {
        if (failure) std::rethrow_exception(failure);
        outcome.emplace(std::move(value));
    });
    const auto end = Clock::now() + limit;
    io.restart();
    while (!outcome && Clock::now() < end) {
        if (io.run_one_until(end) == 0) break;
    }
    return outcome;
}

/// Reads a number from the environment.
inline std::size_t setting(const char* name, std::size_t otherwise) {
    const char* text = std::getenv(name);
    return text != nullptr ? static_cast<std::size_t>(std::strtoull(text, nullptr, 10)) : otherwise;
}

}  // namespace tests

#endif
