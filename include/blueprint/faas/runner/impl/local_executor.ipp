#ifndef BLUEPRINT_FAAS_RUNNER_IMPL_LOCAL_EXECUTOR_IPP
#define BLUEPRINT_FAAS_RUNNER_IMPL_LOCAL_EXECUTOR_IPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/runner/local_executor.hpp"

#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <string>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

BLUEPRINT_FAAS_DECL asio::awaitable<result<JobResult>> LocalExecutor::invoke(JobCall call) const {
    auto running = run(router_, std::move(call));
    auto done = co_await std::move(running);
    if (!done) co_return std::move(done).error();
    co_return std::move(done->result);
}

BLUEPRINT_FAAS_DECL asio::awaitable<result<Invocation>> LocalExecutor::run(std::shared_ptr<Router> router,
                                                                           JobCall call) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const JobId id = call.job_id;
    Metadata metadata = call.metadata;
    const auto started = std::chrono::steady_clock::now();
    auto running = router->run_route(std::move(call));
    auto answers = co_await std::move(running);
    Invocation done;
    if (answers.size() == 1)
        done = std::move(answers.front());
    else
        done.metrics.total_duration =
            std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
    if (answers.size() > 1)
        done.result.outcome =
            Error{.code = errc::unsupported,
                  .message = "job " + std::to_string(id.value()) + " gave " + std::to_string(answers.size()) +
                             " results, and an executor gives one: run it through a Router",
                  .execution = Execution::started};
    if (!done.result.outcome) {
        Error error = done.result.outcome.error();
        if (error.provider.empty()) error.provider = provider_name();
        if (!error.metrics) error.metrics = std::make_shared<const FaasMetrics>(std::move(done.metrics));
        co_return error;
    }
    done.result.job_id = id;
    done.result.metadata = std::move(metadata);
    done.result.ran_on = provider_name();
    co_return done;
}

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
