#ifndef BLUEPRINT_FAAS_DEPLOYMENT_HPP
#define BLUEPRINT_FAAS_DEPLOYMENT_HPP

#include "blueprint/faas/job.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas {

/// Where a deployment stands.
enum class DeploymentState { deployed, deploying, failed };

/// What the platform says of a job's function. What it did not say is empty, never a guess.
struct FaasDeployment {
    JobId job_id{};
    std::string function_id{};
    std::string endpoint{};  ///< the URL that calls go to
    DeploymentState state = DeploymentState::deployed;
    std::optional<std::uint32_t> memory_mib{};
    std::optional<std::chrono::seconds> timeout{};
    std::optional<std::chrono::milliseconds> cold_start_estimate{};  ///< the platform's estimate, not a measurement
    std::string revision{};                                          ///< what identifies package and configuration
    std::string package_sha256{};                                    ///< lower-case hex
    std::string deployed_at{};                                       ///< RFC 3339, UTC
    std::optional<std::uint64_t> binary_size_bytes{};
    std::string problem{};   ///< why it failed, as the platform tells it
    bool unchanged = false;  ///< `deploy_job` found this very revision in place and wrote nothing
};

/// Whether a job's function can do its work.
enum class HealthState { healthy, unhealthy, deploying, absent, unknown };

inline std::string_view to_string(HealthState state) noexcept {
    switch (state) {
        case HealthState::healthy: return "healthy";
        case HealthState::unhealthy: return "unhealthy";
        case HealthState::deploying: return "deploying";
        case HealthState::absent: return "absent";
        case HealthState::unknown: break;
    }
    return "unknown";
}

/// The answer to a health check: a state and why. Absent and unhealthy are answers, not errors.
struct Health {
    HealthState state = HealthState::unknown;
    std::string reason{};
    std::string last_invocation{};  ///< RFC 3339, UTC; empty: never, or not told
    std::optional<std::uint64_t> total_invocations{};
};

/// What warming did. `instances` is what the platform says it has ready; empty: it does not count them.
struct WarmReport {
    bool supported = true;  ///< false: this platform has no warming, and nothing was done
    std::uint32_t requested = 0;
    std::optional<std::uint32_t> instances{};
    std::string reason{};
};

/// The platform's word that it took an asynchronous call.
struct Receipt {
    std::string invocation_id{};
    bool completed = false;  ///< the platform ran the job to its end before it answered; its result was dropped
};

/// What a platform announces of itself.
struct PlatformDescription {
    std::string spec{};                   ///< the contract's version: "1.1"; "1.0" if it does not describe itself
    std::vector<std::string> features{};  ///< what it has beyond 1.0, such as "async"
    /// Its limits by their names, "request_bytes"; the ends of a range are "memory_mb.min" and "memory_mb.max".
    std::vector<std::pair<std::string, std::uint64_t>> limits{};

    /// Tells whether the platform announced `feature`.
    bool has(std::string_view feature) const noexcept {
        for (const auto& one : features)
            if (one == feature) return true;
        return false;
    }
    /// Returns the limit of that name; nothing if it was not announced.
    std::optional<std::uint64_t> limit(std::string_view name) const noexcept {
        for (const auto& [one, value] : limits)
            if (one == name) return value;
        return std::nullopt;
    }
};

/// One step of a deployment, told while it goes on. `uploading` is told again and again while the package travels.
struct DeployProgress {
    enum class Step { checking, uploading, waiting, removing_old, done };
    Step step = Step::checking;
    std::string detail{};
    std::uint64_t bytes_sent = 0;   ///< of the package, while it is uploaded; starts anew if it has to be sent again
    std::uint64_t bytes_total = 0;  ///< the package's size while it is uploaded, else 0
};

/// One request that a deployment would make.
struct PlannedCall {
    std::string what{};   ///< "PUT /2015-03-31/functions/blueprint-job-0/code", in the platform's words
    std::string why{};    ///< "the package differs from the one in place"
    bool writes = false;  ///< it changes something
};

/// What `deploy_job` would do now: nothing was changed to find out.
struct DeployPlan {
    bool unchanged = false;  ///< it would write nothing
    std::vector<PlannedCall> calls{};
};

/// One state of a job's function that the platform keeps, where it keeps several.
struct Revision {
    std::string id{};              ///< the platform's name of it: "7"
    double traffic = 0;            ///< the share of calls that it gets, 0 to 1
    std::string deployed_at{};     ///< RFC 3339, UTC, as far as the platform tells
    std::string package_sha256{};  ///< lower-case hex
    std::string description{};
};

/// Is told of every step of a deployment; called from the coroutine that deploys, so it must return soon.
using DeployObserver = std::function<void(const DeployProgress&)>;

}  // namespace blueprint::faas

#endif
