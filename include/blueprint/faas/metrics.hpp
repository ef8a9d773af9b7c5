#ifndef BLUEPRINT_FAAS_METRICS_HPP
#define BLUEPRINT_FAAS_METRICS_HPP

#include "blueprint/faas/job.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace blueprint::faas {

/// What was measured of one call. A member that the platform did not tell is empty: nothing here is ever guessed.
struct FaasMetrics {
    std::chrono::microseconds total_duration{};  ///< as the caller saw it, retries and waits included
    std::optional<std::chrono::microseconds> execution_duration{};  ///< the job's own time, told by the platform
    std::optional<std::chrono::milliseconds> billed_duration{};     ///< told by the platform, never derived
    std::optional<std::chrono::microseconds> init_duration{};       ///< the start of a new instance
    std::optional<bool> cold_start{};                               ///< this call had to start an instance
    std::optional<std::uint32_t> memory_used_mib{};
    std::uint32_t attempts = 1;               ///< exchanges made for this call
    std::optional<bool> connection_reused{};  ///< the last exchange went over a kept connection
    std::string request_id{};
};

/// The result of a call and what was measured of it.
struct Invocation {
    JobResult result{};
    FaasMetrics metrics{};
};

}  // namespace blueprint::faas

#endif
