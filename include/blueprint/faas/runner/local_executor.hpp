#ifndef BLUEPRINT_FAAS_RUNNER_LOCAL_EXECUTOR_HPP
#define BLUEPRINT_FAAS_RUNNER_LOCAL_EXECUTOR_HPP

#include "blueprint/faas/executor_concept.hpp"
#include "blueprint/faas/runner/router.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string_view>
#include <utility>

namespace blueprint::faas {

/// Runs jobs in this process where an `Executor` is asked for, such as the end of a failover. A job goes to the
/// router's route or fallback; its layers and "always" handlers do not run, since they stand around the whole call
/// wherever it runs. A job that gives nothing gives no bytes; one that gives several results is `errc::unsupported`,
/// because an executor gives one. A handler cannot be interrupted, so the call's timeout is not kept. Copies share the
/// router. Threads: as the router's handlers.
class LocalExecutor {
public:
    /// Borrows `router`, which must outlive every call.
    LocalExecutor(asio::any_io_executor executor, Router& router)
        : executor_{std::move(executor)}, router_{std::shared_ptr<Router>{}, &router} {}
    /// Keeps `router`.
    LocalExecutor(asio::any_io_executor executor, Router&& router)
        : executor_{std::move(executor)}, router_{std::make_shared<Router>(std::move(router))} {}

    static constexpr std::string_view provider_name() noexcept { return "local"; }
    asio::any_io_executor get_executor() const { return executor_; }
    /// Runs the job; a job that failed is an `Error`.
    asio::awaitable<result<JobResult>> invoke(JobCall call) const;
    /// Runs the job and tells how long it took.
    asio::awaitable<result<Invocation>> invoke_with_metrics(JobCall call) const {
        return run(router_, std::move(call));
    }

private:
    static asio::awaitable<result<Invocation>> run(std::shared_ptr<Router> router, JobCall call);

    asio::any_io_executor executor_;
    std::shared_ptr<Router> router_;
};

static_assert(Executor<LocalExecutor>);

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/runner/impl/local_executor.ipp"
#endif

#endif
