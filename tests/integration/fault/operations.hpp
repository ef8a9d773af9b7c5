#ifndef BLUEPRINT_FAAS_TESTS_FAULT_OPERATIONS_HPP
#define BLUEPRINT_FAAS_TESTS_FAULT_OPERATIONS_HPP

// The operations of an executor behind one function, so that a table can run through all of them.

#include "blueprint/faas/auth/no_auth.hpp"
#include "blueprint/faas/codec/custom.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/executor.hpp"

#include <boost/asio/awaitable.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace tests {

using namespace blueprint::faas;

enum class Operation : std::uint8_t {
    invoke,
    invoke_idempotent,
    invoke_with_metrics,
    invoke_async,
    deploy_job,
    health_check,
    warm,
    get_deployment,
    list_deployments,
    describe_platform,
    undeploy_job,
};

struct Named {
    Operation operation;
    const char* name;
};
inline constexpr std::array<Named, 11> all_operations{{
    {Operation::invoke, "invoke"},
    {Operation::invoke_idempotent, "invoke (idempotent)"},
    {Operation::invoke_with_metrics, "invoke_with_metrics"},
    {Operation::invoke_async, "invoke_async"},
    {Operation::deploy_job, "deploy_job"},
    {Operation::health_check, "health_check"},
    {Operation::warm, "warm"},
    {Operation::get_deployment, "get_deployment"},
    {Operation::list_deployments, "list_deployments"},
    {Operation::describe_platform, "describe_platform"},
    {Operation::undeploy_job, "undeploy_job"},
}};

/// Whether the operation runs the job.
constexpr bool runs_job(Operation operation) noexcept { return operation <= Operation::invoke_async; }
/// Whether the library may send it twice although the first may have arrived.
constexpr bool repeatable(Operation operation) noexcept {
    return !runs_job(operation) || operation == Operation::invoke_idempotent;
}

/// What became of one operation, whichever it was.
struct Outcome {
    std::optional<Error> error{};
    std::string wrong{};  ///< a success that is none: what is wrong with it
    HealthState health = HealthState::unknown;
};

/// The bytes of a number, little-endian.
inline Bytes bytes_of_number(std::uint64_t number) {
    Bytes bytes(8);
    for (auto& byte : bytes) {
        byte = static_cast<std::uint8_t>(number);
        number >>= 8U;
    }
    return bytes;
}

/// Whether executors of this kind have the operation.
template <class E>
constexpr bool has(Operation operation) {
    switch (operation) {
        case Operation::invoke_async: return requires(E& executor, JobCall call) { executor.invoke_async(call); };
        case Operation::list_deployments: return requires(E& executor) { executor.list_deployments(); };
        case Operation::describe_platform: return requires(E& executor) { executor.describe_platform(); };
        default: return true;
    }
}

/// Performs `operation` on job 0. `number` is what the job is called with and must answer; `package` is what is
/// deployed, with `number` in its configuration, so that each deployment is another one.
template <class E>
asio::awaitable<Outcome> perform(E& executor, Operation operation, std::uint64_t number, Package package,
                                 FaasConfig config, std::chrono::milliseconds timeout) {
    Outcome outcome;
    JobCall call;
    call.job_id = 0;
    call.args = bytes_of_number(number);
    call.timeout = timeout;
    const Bytes right = call.args;
    switch (operation) {
        case Operation::invoke:
        case Operation::invoke_idempotent: {
            call.idempotent = operation == Operation::invoke_idempotent;
            auto done = co_await executor.invoke(std::move(call));
            if (!done) {
                outcome.error = std::move(done).error();
            } else if (!done->outcome || *done->outcome != right) {
                outcome.wrong = "other bytes than the job's";
            }
            break;
        }
        case Operation::invoke_with_metrics: {
            auto done = co_await executor.invoke_with_metrics(std::move(call));
            if (!done) {
                outcome.error = std::move(done).error();
            } else if (!done->result.outcome || *done->result.outcome != right) {
                outcome.wrong = "other bytes than the job's";
            }
            break;
        }
        case Operation::invoke_async: {
            if constexpr (has<E>(Operation::invoke_async)) {
                auto done = co_await executor.invoke_async(std::move(call));
                if (!done) {
                    outcome.error = std::move(done).error();
                } else if (done->invocation_id.empty()) {
                    outcome.wrong = "a receipt without a number";
                }
            }
            break;
        }
        case Operation::deploy_job: {
            config.env_vars["NUMBER"] = Secret{std::to_string(number)};
            auto done = co_await executor.deploy_job(0, std::move(package), std::move(config));
            if (!done) {
                outcome.error = std::move(done).error();
            } else if (done->function_id != "job0" || done->state != DeploymentState::deployed || done->unchanged) {
                outcome.wrong = "not what was deployed";
            }
            break;
        }
        case Operation::health_check: {
            auto done = co_await executor.health_check(0);
            if (!done) {
                outcome.error = std::move(done).error();
            } else {
                outcome.health = done->state;
                if (done->state != HealthState::healthy)
                    outcome.wrong = "a function that is " + std::string{to_string(done->state)};
            }
            break;
        }
        case Operation::warm: {
            auto done = co_await executor.warm(0, 1);
            if (!done) {
                outcome.error = std::move(done).error();
            } else if (!done->supported || done->instances != 1) {
                outcome.wrong = "not one instance";
            }
            break;
        }
        case Operation::get_deployment: {
            auto done = co_await executor.get_deployment(0);
            if (!done) {
                outcome.error = std::move(done).error();
            } else if (done->function_id != "job0" || done->revision.empty()) {
                outcome.wrong = "not what was deployed";
            }
            break;
        }
        case Operation::list_deployments: {
            if constexpr (has<E>(Operation::list_deployments)) {
                auto done = co_await executor.list_deployments();
                if (!done) {
                    outcome.error = std::move(done).error();
                } else if (done->size() != 1 || done->front().function_id != "job0") {
                    outcome.wrong = "not what was deployed";
                }
            }
            break;
        }
        case Operation::describe_platform: {
            if constexpr (has<E>(Operation::describe_platform)) {
                auto done = co_await executor.describe_platform();
                if (!done) {
                    outcome.error = std::move(done).error();
                } else if (done->spec != "1.1") {
                    outcome.wrong = "another version than the platform's";
                }
            }
            break;
        }
        case Operation::undeploy_job: {
            auto done = co_await executor.undeploy_job(0);
            if (!done) outcome.error = std::move(done).error();
            break;
        }
    }
    co_return outcome;
}

/// Complains of an executor that does not work again once a fault has gone: `after` is what one more operation came to,
/// `before` the one that met the fault.
template <class Complain>
void judge_afterwards(const std::optional<Outcome>& after, Operation before, const Complain& complain) {
    if (!after) return complain("the executor did not work again");
    // An operation that removed the function leaves none to be found.
    const bool gone = before == Operation::undeploy_job && after->error && after->error->code == errc::not_found;
    if (after->error && !gone) complain("afterwards: " + after->error->message);
    if (!after->wrong.empty()) complain("afterwards: " + after->wrong);
}

}  // namespace tests

#endif
