#ifndef BLUEPRINT_FAAS_RUNNER_ERROR_POLICY_HPP
#define BLUEPRINT_FAAS_RUNNER_ERROR_POLICY_HPP

namespace blueprint::faas {

/// What a runner does after a failure. Either way the failure is delivered or reported, never dropped.
enum class ErrorPolicy {
    stop,    ///< the run ends with that error, after what is in flight was finished; the default
    report,  ///< the run goes on: failed jobs reach the consumers, everything else stands in `RunReport::problems`
};

/// What failed.
enum class FailureOf { job, producer, consumer, last_consumer, background_service, shutdown_handler };

/// Tells whether a failure ends the run. Without its services or without anyone who takes results, no run goes on.
constexpr bool ends_run(ErrorPolicy policy, FailureOf failure) noexcept {
    switch (failure) {
        case FailureOf::last_consumer:
        case FailureOf::background_service:
        case FailureOf::shutdown_handler: return true;
        case FailureOf::job:
        case FailureOf::producer:
        case FailureOf::consumer: break;
    }
    return policy == ErrorPolicy::stop;
}

}  // namespace blueprint::faas

#endif
