#ifndef BLUEPRINT_FAAS_JOB_SET_HPP
#define BLUEPRINT_FAAS_JOB_SET_HPP

#include "blueprint/faas/result_sink.hpp"
#include "blueprint/faas/typed_job.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

namespace detail {

inline Error unknown_job(JobId id, std::span<const JobId> known) {
    constexpr std::size_t most_named = 16;
    std::string message = "there is no " + job_name(id) + " here";
    for (std::size_t i = 0; i < std::min(known.size(), most_named); ++i)
        message += (i == 0 ? ": the jobs are " : ", ") + std::to_string(known[i].value());
    if (known.size() > most_named) message += " and " + std::to_string(known.size() - most_named) + " more";
    return Error{.code = errc::not_found, .message = std::move(message), .execution = Execution::not_started};
}
inline asio::awaitable<result<Bytes>> no_such_job(JobId id, std::span<const JobId> known) {
    co_return unknown_job(id, known);
}
inline asio::awaitable<result<void>> no_job_to_stream(JobId id, std::span<const JobId> known) {
    co_return unknown_job(id, known);
}

template <std::size_t Count>
constexpr std::array<JobId, Count> sorted(std::array<JobId, Count> ids) {
    std::sort(ids.begin(), ids.end());
    return ids;
}

}  // namespace detail

/// The jobs of a program: `JobSet<Job<0, &square>, Job<1, &greet>> jobs;`. The same set makes the runner's router and
/// the function binary's `serve(jobs)`. It holds nothing, so it may be used from any thread.
template <class... Jobs>
class JobSet {
    static_assert((TypedJob<Jobs> && ...), "a JobSet is made of Job<id, &function> types");

public:
    /// The ids of the jobs, in ascending order.
    static constexpr std::array<JobId, sizeof...(Jobs)> job_ids =
        detail::sorted(std::array<JobId, sizeof...(Jobs)>{Jobs::id...});
    static_assert(std::adjacent_find(job_ids.begin(), job_ids.end()) == job_ids.end(),
                  "a job id is used twice in this JobSet: each job has one number of its own");

    static constexpr bool contains(JobId id) noexcept { return ((Jobs::id == id) || ...); }

    /// Runs the job of the call's id; `errc::not_found`, naming the jobs there are, if it has none.
    asio::awaitable<result<Bytes>> run(JobCall call) const {
        asio::awaitable<result<Bytes>> (*found)(JobCall) = nullptr;
        const bool known = ((Jobs::id == call.job_id && (found = &Jobs::run) != nullptr) || ...);
        return known ? found(std::move(call)) : detail::no_such_job(call.job_id, job_ids);
    }

    /// The same, with the result given to `sink` piece by piece: see `Job`.
    asio::awaitable<result<void>> stream(JobCall call, ResultSink sink) const {
        asio::awaitable<result<void>> (*found)(JobCall, ResultSink) = nullptr;
        const bool known = ((Jobs::id == call.job_id && (found = &Jobs::stream) != nullptr) || ...);
        return known ? found(std::move(call), std::move(sink)) : detail::no_job_to_stream(call.job_id, job_ids);
    }
};

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
