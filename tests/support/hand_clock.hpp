#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_HAND_CLOCK_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_HAND_CLOCK_HPP

#include "blueprint/faas/environment.hpp"

#include <atomic>
#include <chrono>

namespace tests {

/// A wall clock that stands still until a test moves it, and jitter that is always the same.
class HandClock final : public blueprint::faas::Environment {
public:
    std::chrono::system_clock::time_point now() const override { return start_ + passed_.load(); }
    double jitter() const noexcept override { return 0.5; }
    void advance(std::chrono::milliseconds time) { passed_ = passed_.load() + time; }

private:
    std::chrono::system_clock::time_point start_{std::chrono::hours{24} * 365 * 55};
    std::atomic<std::chrono::milliseconds> passed_{std::chrono::milliseconds{0}};
};

}  // namespace tests

#endif
