#ifndef BLUEPRINT_FAAS_RUNNER_REPORT_HPP
#define BLUEPRINT_FAAS_RUNNER_REPORT_HPP

#include "blueprint/faas/job.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas {

/// Why a run ended. The first reason counts.
enum class EndReason {
    producers_ended,         ///< every producer ended well and everything was delivered
    stop_requested,          ///< `Runner::request_stop`, or the awaitable of `run` was cancelled
    signal,                  ///< SIGINT or SIGTERM
    job_failed,              ///< under `ErrorPolicy::stop`
    producer_failed,         ///< under `ErrorPolicy::stop`
    consumer_failed,         ///< under `ErrorPolicy::stop`, or it was the last consumer
    service_failed,          ///< a background service did not start, or ended with an error
    dead_letters_failed,     ///< a failed call could not be written to the dead letters
    shutdown_handler_failed  ///< nothing else was wrong
};

inline std::string_view to_string(EndReason reason) noexcept {
    switch (reason) {
        case EndReason::producers_ended: return "producers ended";
        case EndReason::stop_requested: return "stop requested";
        case EndReason::signal: return "signal";
        case EndReason::job_failed: return "job failed";
        case EndReason::producer_failed: return "producer failed";
        case EndReason::consumer_failed: return "consumer failed";
        case EndReason::service_failed: return "background service failed";
        case EndReason::dead_letters_failed: return "dead letters failed";
        case EndReason::shutdown_handler_failed: break;
    }
    return "shutdown handler failed";
}

/// What became of calls. A call counts once however many results it gave: as failed if any of them failed, as
/// unfinished if it was cancelled because the run ended.
struct JobCounts {
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
    std::uint64_t unfinished = 0;
    std::uint64_t on_faas = 0;  ///< of these, how many went to an executor

    friend bool operator==(const JobCounts&, const JobCounts&) = default;
};

/// A call that the end of the run cut off. Its result, an `Error` of `errc::cancelled`, went to the consumers too.
struct UnfinishedCall {
    JobId job_id{};
    Metadata metadata{};
};

/// Something that failed and is no job: "producer 0", "consumer 1", "background service 0", "dead letters", "shutdown
/// handler".
struct RunProblem {
    std::string where{};
    Error error{};
};

/// What a run did. produced = succeeded + failed + unfinished.
struct RunReport {
    static constexpr std::size_t max_listed = 100;

    EndReason reason = EndReason::producers_ended;
    std::optional<Error> error{};  ///< what `run` returned as its error
    std::uint64_t produced = 0;    ///< calls taken from producers, refused ones included
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
    std::uint64_t unfinished = 0;
    std::uint64_t refused = 0;            ///< of `failed`: input that never became a call, such as a broken line
    std::uint64_t results = 0;            ///< results handed to the consumers
    std::uint64_t undelivered = 0;        ///< results that a consumer did not take, counted once for each such consumer
    std::uint64_t never_started = 0;      ///< calls that producers had accepted from others and could not hand over
    std::uint64_t retries = 0;            ///< attempts that a failure made the runner add, at the same place
    std::uint64_t failovers = 0;          ///< and at other executors
    std::uint64_t fallbacks = 0;          ///< and here
    std::uint64_t dead_letters = 0;       ///< failed and unfinished calls that were written down
    std::uint64_t dead_letters_lost = 0;  ///< and that could not be; their results went to the consumers all the same
    std::map<JobId, JobCounts> jobs{};    ///< of ids that have an executor or a route
    JobCounts other_jobs{};               ///< all other ids together, so that foreign ids cannot fill the memory
    std::vector<UnfinishedCall> unfinished_calls{};  ///< the first `max_listed`
    std::vector<RunProblem> problems{};              ///< failures of anything but jobs, in order
};

}  // namespace blueprint::faas

#endif
