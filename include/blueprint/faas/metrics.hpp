#ifndef BLUEPRINT_FAAS_METRICS_HPP
#define BLUEPRINT_FAAS_METRICS_HPP

#include "blueprint/faas/job.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace blueprint::faas {

/// Says why one try of an exchange failed, how long it took and where it went. Never holds a secret or a payload.
struct Attempt {
    std::chrono::microseconds began_after{};    ///< since the operation began
    std::chrono::microseconds took{};           ///< until it failed, authorisation included
    std::chrono::microseconds waited_before{};  ///< for a free slot, or since the attempt before
    std::string where{};                        ///< the origin, "https://faas.example.com:8443", or an executor's name
    boost::system::error_code code{};           ///< compare with an `errc`
    unsigned http_status = 0;                   ///< 0: there was no HTTP answer
    std::string why{};                          ///< the error's message
    Execution execution = Execution::unknown;   ///< whether this attempt may have run the job
};

/// What was measured of one call. A member that the platform did not tell is empty: nothing here is ever guessed.
struct FaasMetrics {
    std::chrono::microseconds total_duration{};  ///< as the caller saw it, retries and waits included
    std::optional<std::chrono::microseconds> execution_duration{};  ///< the job's own time, told by the platform
    std::optional<std::chrono::milliseconds> billed_duration{};     ///< told by the platform, never derived
    std::optional<std::chrono::microseconds> init_duration{};       ///< the start of a new instance
    std::optional<std::chrono::microseconds> queue_duration{};      ///< the platform had the call wait before it ran
    std::optional<bool> cold_start{};                               ///< this call had to start an instance
    std::optional<std::uint32_t> memory_used_mib{};
    std::uint32_t attempts = 1;               ///< exchanges made for this call
    std::optional<bool> connection_reused{};  ///< the last exchange went over a kept connection
    std::string request_id{};
    std::string executed_version{};                   ///< of the function, where the platform has versions
    std::optional<std::uint32_t> memory_limit_mib{};  ///< what the instance was given
    std::string log_tail{};                           ///< the end of the job's log, where it was asked for
    /// Every attempt that failed, in order, those included that ended before anything was sent; of a failed call the
    /// last one too, unless its exchange went well and the answer told that the job had failed, as Lambda and OpenWhisk
    /// do. Empty of an untroubled call.
    std::vector<Attempt> failed_attempts{};
};

/// The result of a call and what was measured of it.
struct Invocation {
    JobResult result{};
    FaasMetrics metrics{};
};

}  // namespace blueprint::faas

#endif
