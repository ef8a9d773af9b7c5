#ifndef BLUEPRINT_FAAS_RUNNER_ERROR_POLICY_HPP
#define BLUEPRINT_FAAS_RUNNER_ERROR_POLICY_HPP

namespace blueprint::faas {

/// What a runner does after a failure that nothing could mend (see `OnError` for what is tried before). Either way the
/// failure is delivered or reported, never dropped.
enum class ErrorPolicy {
    stop,    ///< the run ends with that error, after what is in flight was finished; the default
    report,  ///< the run goes on: failed jobs reach the consumers, everything else stands in `RunReport::problems`
};

/// What failed.
enum class FailureOf { job, producer, consumer, last_consumer, background_service, shutdown_handler, dead_letters };

/// Tells whether a failure ends the run. Without its services, without anyone who takes results, or without the file
/// that keeps failed calls, no run goes on.
constexpr bool ends_run(ErrorPolicy policy, FailureOf failure) noexcept {
    switch (failure) {
        case FailureOf::last_consumer:
        case FailureOf::background_service:
        case FailureOf::shutdown_handler:
        case FailureOf::dead_letters: return true;
        case FailureOf::job:
        case FailureOf::producer:
        case FailureOf::consumer: break;
    }
    return policy == ErrorPolicy::stop;
}

}  // namespace blueprint::faas

#endif
