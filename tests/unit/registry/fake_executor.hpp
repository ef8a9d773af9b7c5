#ifndef BLUEPRINT_FAAS_TESTS_UNIT_REGISTRY_FAKE_EXECUTOR_HPP
#define BLUEPRINT_FAAS_TESTS_UNIT_REGISTRY_FAKE_EXECUTOR_HPP

#include "blueprint/faas/executor_concept.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/system_executor.hpp>

#include <exception>
#include <optional>
#include <string_view>
#include <utility>

namespace blueprint::faas::tests {

/// The poorest executor: counts its calls and answers with the bytes it got.
struct FakeExecutor {
    constexpr explicit FakeExecutor(std::string_view name) noexcept : name_{name} {}

    constexpr std::string_view provider_name() const noexcept { return name_; }
    asio::any_io_executor get_executor() { return asio::system_executor{}; }
    asio::awaitable<result<JobResult>> invoke(JobCall call) {
        ++calls;
        co_return JobResult{.job_id = call.job_id, .outcome = call.args, .metadata = call.metadata, .ran_on = name_};
    }
    asio::awaitable<result<Invocation>> invoke_with_metrics(JobCall call) {
        auto done = co_await invoke(std::move(call));
        Invocation invocation;
        invocation.result = std::move(*done);
        co_return invocation;
    }

    int calls = 0;

private:
    std::string_view name_;
};
static_assert(Executor<FakeExecutor>);

/// Runs `operation` to its end on an `io_context` of its own.
template <class T>
T finish(asio::awaitable<T> operation) {
    asio::io_context io;
    std::optional<T> outcome;
    asio::co_spawn(io, std::move(operation), [&outcome](std::exception_ptr failure, T value) {
        if (failure) std::rethrow_exception(failure);
        outcome.emplace(std::move(value));
    });
    io.run();
    return std::move(outcome).value();
}

}  // namespace blueprint::faas::tests

#endif
