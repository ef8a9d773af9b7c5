#ifndef BLUEPRINT_FAAS_TESTS_FAULT_OPERATIONS_HPP
#define BLUEPRINT_FAAS_TESTS_FAULT_OPERATIONS_HPP

// The operations of an executor behind one function, so that a table can run through all of them.

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/executor.hpp"

#include <boost/asio/awaitable.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace tests {

using namespace blueprint::faas;

enum class Operation : std::uint8_t {
    invoke,
    invoke_idempotent,
    invoke_with_metrics,
    invoke_streaming,
    invoke_async,
    deploy_job,
    health_check,
    warm,
    get_deployment,
    list_deployments,
    describe_platform,
    list_revisions,
    check_invoke,
    plan_deploy,
    shift_traffic,
    roll_back,
    undeploy_job,
    release,
};

struct Named {
    Operation operation;
    const char* name;
};
inline constexpr std::array<Named, 18> all_operations{{
    {Operation::invoke, "invoke"},
    {Operation::invoke_idempotent, "invoke (idempotent)"},
    {Operation::invoke_with_metrics, "invoke_with_metrics"},
    {Operation::invoke_streaming, "invoke_streaming"},
    {Operation::invoke_async, "invoke_async"},
    {Operation::deploy_job, "deploy_job"},
    {Operation::health_check, "health_check"},
    {Operation::warm, "warm"},
    {Operation::get_deployment, "get_deployment"},
    {Operation::list_deployments, "list_deployments"},
    {Operation::describe_platform, "describe_platform"},
    {Operation::list_revisions, "list_revisions"},
    {Operation::check_invoke, "check_invoke"},
    {Operation::plan_deploy, "plan_deploy"},
    {Operation::shift_traffic, "shift_traffic"},
    {Operation::roll_back, "roll_back"},
    {Operation::undeploy_job, "undeploy_job"},
    {Operation::release, "release"},
}};

/// Whether the operation runs the job.
constexpr bool runs_job(Operation operation) noexcept { return operation <= Operation::invoke_async; }
/// Whether the library may send it twice although the first may have arrived.
constexpr bool repeatable(Operation operation) noexcept {
    return !runs_job(operation) || operation == Operation::invoke_idempotent;
}

/// Whether the operation changes what the platform holds.
constexpr bool changes(Operation operation) noexcept {
    return operation == Operation::deploy_job || operation >= Operation::shift_traffic;
}

/// What only the platform knows of an operation's success. The names of the custom contract, unless told otherwise.
struct Truth {
    std::string function_id = "job0";  ///< or what an identifier ends with that the platform makes
    std::string spec = "1.1";
    std::string revision{};  ///< the one before the one that gets the calls, where the platform keeps several
};

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
        case Operation::invoke_streaming:
            return requires(E& executor, JobCall call, ResultSink sink) { executor.invoke_streaming(call, sink); };
        case Operation::list_deployments: return requires(E& executor) { executor.list_deployments(); };
        case Operation::describe_platform: return requires(E& executor) { executor.describe_platform(); };
        case Operation::list_revisions: return requires(E& executor) { executor.list_revisions(0); };
        case Operation::check_invoke: return requires(E& executor) { executor.check_invoke(0); };
        case Operation::plan_deploy:
            return requires(E& executor, Package package, FaasConfig config) {
                executor.plan_deploy(0, package, config);
            };
        case Operation::shift_traffic: return requires(E& executor) { executor.shift_traffic(0, "", 0.5); };
        case Operation::roll_back: return requires(E& executor) { executor.roll_back(0); };
        case Operation::release: return requires(E& executor) { executor.release(); };
        default: return true;
    }
}

/// The configuration of a deployment that is another one for each number.
inline FaasConfig numbered(FaasConfig config, std::uint64_t number) {
    config.env_vars["NUMBER"] = Secret{std::to_string(number)};
    return config;
}

/// Performs `operation` on job 0. `number` is what the job is called with and must answer; `package` is what is
/// deployed, with `number` in its configuration. A success is compared with the `truth`.
template <class E>
asio::awaitable<Outcome> perform(E& executor, Operation operation, std::uint64_t number, Package package,
                                 FaasConfig config, std::chrono::milliseconds timeout, Truth truth = {}) {
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
        case Operation::invoke_streaming: {
            if constexpr (has<E>(Operation::invoke_streaming)) {
                Bytes taken;
                ResultSink sink = [&taken](std::span<const std::uint8_t> piece) {
                    taken.insert(taken.end(), piece.begin(), piece.end());
                    return result<void>{};
                };
                auto done = co_await executor.invoke_streaming(std::move(call), std::move(sink));
                if (!done) {
                    outcome.error = std::move(done).error();
                } else if (taken != right) {
                    outcome.wrong = "other bytes than the job's";
                }
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
            auto wanted = numbered(std::move(config), number);
            auto done = co_await executor.deploy_job(0, std::move(package), std::move(wanted));
            if (!done) {
                outcome.error = std::move(done).error();
            } else if (!done->function_id.ends_with(truth.function_id) || done->state != DeploymentState::deployed ||
                       done->unchanged) {
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
                    outcome.wrong = "a function that is " + std::string{to_string(done->state)} + ": " + done->reason;
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
            } else if (!done->function_id.ends_with(truth.function_id) || done->revision.empty()) {
                outcome.wrong = "not what was deployed";
            }
            break;
        }
        case Operation::list_deployments: {
            if constexpr (has<E>(Operation::list_deployments)) {
                auto done = co_await executor.list_deployments();
                if (!done) {
                    outcome.error = std::move(done).error();
                } else if (done->size() != 1 || !done->front().function_id.ends_with(truth.function_id)) {
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
                } else if (done->spec != truth.spec) {
                    outcome.wrong = "another version than the platform's";
                }
            }
            break;
        }
        case Operation::list_revisions: {
            if constexpr (has<E>(Operation::list_revisions)) {
                auto done = co_await executor.list_revisions(0);
                if (!done) {
                    outcome.error = std::move(done).error();
                } else if (std::none_of(done->begin(), done->end(),
                                        [&truth](const Revision& one) { return one.id == truth.revision; })) {
                    outcome.wrong = "not all revisions";
                }
            }
            break;
        }
        case Operation::check_invoke: {
            if constexpr (has<E>(Operation::check_invoke)) {
                auto done = co_await executor.check_invoke(0);
                if (!done) outcome.error = std::move(done).error();
            }
            break;
        }
        case Operation::plan_deploy: {
            if constexpr (has<E>(Operation::plan_deploy)) {
                auto wanted = numbered(std::move(config), number);
                auto done = co_await executor.plan_deploy(0, std::move(package), std::move(wanted));
                if (!done) {
                    outcome.error = std::move(done).error();
                } else if (done->unchanged || done->calls.empty()) {
                    outcome.wrong = "nothing is planned";
                }
            }
            break;
        }
        case Operation::shift_traffic: {
            if constexpr (has<E>(Operation::shift_traffic)) {
                auto done = co_await executor.shift_traffic(0, truth.revision, 0.25);
                if (!done) outcome.error = std::move(done).error();
            }
            break;
        }
        case Operation::roll_back: {
            if constexpr (has<E>(Operation::roll_back)) {
                auto done = co_await executor.roll_back(0);
                if (!done) {
                    outcome.error = std::move(done).error();
                } else if (done->id != truth.revision) {
                    outcome.wrong = "another revision than the one before";
                }
            }
            break;
        }
        case Operation::undeploy_job: {
            auto done = co_await executor.undeploy_job(0);
            if (!done) outcome.error = std::move(done).error();
            break;
        }
        case Operation::release: {
            if constexpr (has<E>(Operation::release)) {
                auto done = co_await executor.release();
                if (!done) outcome.error = std::move(done).error();
            }
            break;
        }
    }
    co_return outcome;
}

/// Asks the platform whether it is as `operation`, which succeeded, has left it: what is not, or nothing. The arguments
/// are those of `perform`.
template <class E>
asio::awaitable<std::string> find_difference(E& executor, Operation operation, std::uint64_t number, Package package,
                                             FaasConfig config, Truth truth) {
    const auto share_of = [&truth](const result<std::vector<Revision>>& all) {
        if (all)
            for (const auto& one : *all)
                if (one.id == truth.revision) return one.traffic;
        return -1.0;
    };
    if (operation == Operation::deploy_job) {
        auto wanted = numbered(std::move(config), number);
        if constexpr (has<E>(Operation::plan_deploy)) {
            auto plan = co_await executor.plan_deploy(0, std::move(package), std::move(wanted));
            if (!plan) co_return plan.error().message;
            if (!plan->unchanged)
                co_return plan->calls.empty() ? "another plan" : "still to do: " + plan->calls[0].what;
        } else {
            auto again = co_await executor.deploy_job(0, std::move(package), std::move(wanted));
            if (!again) co_return again.error().message;
            if (!again->unchanged) co_return "another deployment is in place";
        }
    } else if (operation == Operation::undeploy_job) {
        auto found = co_await executor.get_deployment(0);
        if (found) co_return "the function is still there";
        if (found.error().code != errc::not_found) co_return found.error().message;
    } else if (operation == Operation::shift_traffic || operation == Operation::roll_back) {
        if constexpr (has<E>(Operation::list_revisions)) {
            auto all = co_await executor.list_revisions(0);
            const double share = share_of(all);
            const double wanted = operation == Operation::roll_back ? 1.0 : 0.25;
            if (share < wanted - 0.01 || share > wanted + 0.01)
                co_return "the revision has the share " + std::to_string(share);
        }
    }
    co_return std::string{};
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
