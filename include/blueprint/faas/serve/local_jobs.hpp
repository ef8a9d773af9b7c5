#ifndef BLUEPRINT_FAAS_SERVE_LOCAL_JOBS_HPP
#define BLUEPRINT_FAAS_SERVE_LOCAL_JOBS_HPP

#include "blueprint/faas/deployment.hpp"
#include "blueprint/faas/metrics.hpp"
#include "blueprint/faas/result_sink.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <concepts>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace blueprint::faas {

namespace asio = boost::asio;

namespace detail {

template <class A>
inline constexpr bool is_local_answer = false;
template <>
inline constexpr bool is_local_answer<asio::awaitable<result<Bytes>>> = true;
template <>
inline constexpr bool is_local_answer<asio::awaitable<std::vector<Invocation>>> = true;

template <class A>
concept LocalAnswer = is_local_answer<A>;

}  // namespace detail

/// Runs jobs in this process: what `serve` answers a platform's calls with. `run` gives the job's bytes or its failure
/// (an id that nobody knows: `errc::not_found`), or a list of results, of which a call on a platform can have one only.
/// The awaitable is lazy, and `jobs` outlives it. Models: JobSet, Router.
template <class J>
concept LocalJobs = requires(J& jobs, JobCall call) {
    { jobs.run(std::move(call)) } -> detail::LocalAnswer;
};

/// Local jobs that can also hand a result over piece by piece, for platforms that pass pieces on while the job runs.
/// `stream` gives them to the sink, those of a job that has its result whole at once; what it returns is the job's
/// failure, or the sink's. Model: JobSet.
template <class J>
concept StreamingJobs = LocalJobs<J> && requires(J& jobs, JobCall call, ResultSink sink) {
    { jobs.stream(std::move(call), std::move(sink)) } -> std::same_as<asio::awaitable<result<void>>>;
};

namespace detail {

inline result<void> one_result(result<void> outcome) { return outcome; }
inline result<Bytes> one_result(result<Bytes> outcome) { return outcome; }
inline result<Bytes> one_result(std::vector<Invocation> answers) {
    for (auto& answer : answers)
        if (!answer.result.outcome) return std::move(answer.result.outcome);
    if (answers.size() > 1) {
        return Error{.code = errc::function_error,
                     .message = "the job gave " + std::to_string(answers.size()) +
                                " results, and a call on a platform has one: join them, or run the job locally",
                     .execution = Execution::started};
    }
    return answers.empty() ? result<Bytes>{} : std::move(answers.front().result.outcome);
}

/// Runs jobs one after the other on an io_context of their own, each until it has ended. What one left behind there is
/// dropped, together with that io_context. One thread at a time.
class JobRunner {
public:
    template <LocalJobs Jobs>
    result<Bytes> run(Jobs& jobs, JobCall call) {
        return until_it_ends<result<Bytes>>([&] { return jobs.run(std::move(call)); });
    }
    template <StreamingJobs Jobs>
    result<void> stream(Jobs& jobs, JobCall call, ResultSink sink) {
        return until_it_ends<result<void>>([&] { return jobs.stream(std::move(call), std::move(sink)); });
    }

private:
    template <class Outcome, class Start>
    Outcome until_it_ends(Start start) {
        std::optional<Outcome> outcome;
        const auto fail = [&outcome](std::string message) {
            outcome =
                Error{.code = errc::function_error, .message = std::move(message), .execution = Execution::started};
        };
        try {
            if (!io_) io_.emplace(1);
            asio::co_spawn(*io_, start(), [&](std::exception_ptr thrown, auto ended) {
                if (thrown) std::rethrow_exception(thrown);
                outcome = one_result(std::move(ended));
            });
            while (!outcome && io_->run_one() > 0) {
            }
            if (!outcome) fail("the job waits for something that cannot come any more");
            if (io_->stopped()) {  // it has nothing left to do: it may serve the next job
                io_->restart();
                return *std::move(outcome);
            }
        } catch (const std::exception& thrown) {
            fail(std::string{"an exception ended the job: "} + thrown.what());
        } catch (...) {
            fail("an exception ended the job: it is no std::exception");
        }
        io_.reset();
        return *std::move(outcome);
    }

    std::optional<asio::io_context> io_;
};

}  // namespace detail

}  // namespace blueprint::faas

#endif
