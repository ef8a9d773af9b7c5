#ifndef BLUEPRINT_FAAS_RESILIENCE_IMPL_LIMITED_IPP
#define BLUEPRINT_FAAS_RESILIENCE_IMPL_LIMITED_IPP

#include "blueprint/faas/resilience/impl/measured.hpp"
#include "blueprint/faas/resilience/limited.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

BLUEPRINT_FAAS_DECL asio::awaitable<result<Invocation>> invoke_limited(std::shared_ptr<Gate> gate, ExecutorRef executor,
                                                                       std::chrono::milliseconds max_wait,
                                                                       JobCall call) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto began = std::chrono::steady_clock::now();
    if (!gate->try_enter(began)) {
        const auto whole = deadline_after(call.timeout.value_or(std::chrono::milliseconds::max()));
        const auto deadline = std::min(whole, deadline_after(max_wait));
        auto entered = co_await Gate::enter(gate, deadline);
        if (!entered) {
            Error error = std::move(entered).error();
            error.provider = executor.name();
            auto metrics = metrics_of(error);
            metrics.attempts = 0;
            put_metrics(error, std::move(metrics), began);
            co_return error;
        }
        if (call.timeout) call.timeout = time_left(whole);
    }
    const GatePermit permit{gate};
    auto done = co_await executor.invoke(std::move(call));
    if (done) {
        done->metrics.total_duration = between(began, std::chrono::steady_clock::now());
        co_return done;
    }
    Error error = std::move(done).error();
    put_metrics(error, metrics_of(error), began);
    co_return error;
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
