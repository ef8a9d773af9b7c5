#ifndef BLUEPRINT_FAAS_ENVIRONMENT_HPP
#define BLUEPRINT_FAAS_ENVIRONMENT_HPP

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

namespace blueprint::faas {

/// The one door to wall clock, jitter and environment variables, so that a test can stand in it.
/// Not on the way of a successful call, hence virtual. May be used from several threads.
class Environment {
public:
    virtual ~Environment() = default;
    /// Returns the wall clock, for signatures and tokens. Waits are measured with `std::chrono::steady_clock`.
    virtual std::chrono::system_clock::time_point now() const { return std::chrono::system_clock::now(); }
    /// Draws from [0, 1). Good enough to spread retries, not for keys.
    virtual double jitter() const noexcept {
        static constexpr std::uint64_t step = 0x9E3779B97F4A7C15ULL;
        static std::atomic<std::uint64_t> state{
            static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count())};
        std::uint64_t x = state.fetch_add(step, std::memory_order_relaxed) + step;
        x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
        x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
        return static_cast<double>((x ^ (x >> 31U)) >> 11U) * 0x1.0p-53;
    }
    /// Returns an environment variable; nothing if it is not set.
    virtual std::optional<std::string> variable(const std::string& name) const {
        const char* value = std::getenv(name.c_str());
        if (value == nullptr) return std::nullopt;
        return std::string{value};
    }

    /// The process's own environment.
    static const Environment& process() noexcept {
        static const Environment instance;
        return instance;
    }
};

}  // namespace blueprint::faas

#endif
