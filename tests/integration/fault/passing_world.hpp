#ifndef BLUEPRINT_FAAS_TESTS_FAULT_PASSING_WORLD_HPP
#define BLUEPRINT_FAAS_TESTS_FAULT_PASSING_WORLD_HPP

#include "support/aws_world.hpp"

#include <atomic>
#include <chrono>

namespace tests {

/// Tells what time has passed. The monotonic clock as it is seen by the calling thread, unless a test that lets that
/// leap says otherwise, because platforms on other threads do not leap.
inline std::atomic<std::chrono::nanoseconds (*)()> time_passed{
    [] { return std::chrono::nanoseconds{std::chrono::steady_clock::now().time_since_epoch()}; }};

/// Surroundings whose time passes, by hand or not: what is remembered for a while is forgotten again.
class PassingWorld final : public AwsWorld {
public:
    std::chrono::system_clock::time_point now() const override {
        return time + std::chrono::duration_cast<std::chrono::system_clock::duration>(time_passed.load()() - begun_);
    }

private:
    std::chrono::nanoseconds begun_ = time_passed.load()();
};

}  // namespace tests

#endif
