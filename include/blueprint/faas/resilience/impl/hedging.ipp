#ifndef BLUEPRINT_FAAS_RESILIENCE_IMPL_HEDGING_IPP
#define BLUEPRINT_FAAS_RESILIENCE_IMPL_HEDGING_IPP

#include "blueprint/faas/resilience/hedging.hpp"
#include "blueprint/faas/resilience/impl/measured.hpp"
#include "blueprint/faas/resilience/impl/race.hpp"

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <tuple>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

inline std::optional<std::chrono::microseconds> Hedging::begin(bool idempotent) {
    const std::lock_guard lock{mutex_};
    ++statistics_.calls;
    budget_.called();
    if (!idempotent || latencies_.size() < options_.min_samples) return std::nullopt;
    return latencies_.value();
}

inline bool Hedging::take() {
    const std::lock_guard lock{mutex_};
    const bool taken = budget_.take();
    if (taken) ++statistics_.hedged;
    return taken;
}

inline void Hedging::won() {
    const std::lock_guard lock{mutex_};
    ++statistics_.won;
}

inline void Hedging::succeeded(std::chrono::microseconds latency) {
    const std::lock_guard lock{mutex_};
    latencies_.add(latency);
}

BLUEPRINT_FAAS_DECL HedgingStatistics Hedging::statistics() {
    const std::lock_guard lock{mutex_};
    auto statistics = statistics_;
    if (latencies_.size() >= options_.min_samples) statistics.quantile = latencies_.value();
    return statistics;
}

BLUEPRINT_FAAS_DECL asio::awaitable<result<Invocation>> Hedging::invoke(std::shared_ptr<Hedging> hedging,
                                                                        ExecutorRef executor, JobCall call) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto began = std::chrono::steady_clock::now();
    const auto second_after = hedging->begin(call.idempotent);
    result<Invocation> done;
    if (!second_after) {
        done = co_await executor.invoke(std::move(call));
    } else {
        const asio::any_io_executor caller = co_await asio::this_coro::executor;
        const auto strand = asio::make_strand(caller);
        auto racing = race(hedging, executor, std::move(call), began + *second_after);
        const auto token = asio::as_tuple(asio::use_awaitable);
        std::exception_ptr failure;
        std::tie(failure, done) = co_await asio::co_spawn(strand, std::move(racing), token);
        if (failure) std::rethrow_exception(failure);
    }
    // What the caller saw, second copies included: the quantile of what they cut off would sink without end.
    if (done) hedging->succeeded(between(began, std::chrono::steady_clock::now()));
    co_return done;
}

inline asio::awaitable<result<Invocation>> Hedging::race(std::shared_ptr<Hedging> hedging, ExecutorRef executor,
                                                         JobCall call, Moment second_at) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto strand = co_await asio::this_coro::executor;
    const auto began = std::chrono::steady_clock::now();
    std::array<Moment, Race::lanes> from{began, began};
    const auto deadline = deadline_after(call.timeout.value_or(std::chrono::milliseconds::max()));
    const auto race = std::make_shared<Race>(strand);
    race->start(executor.invoke(call));
    co_await race->wait(0, second_at);
    auto cancellation = co_await asio::this_coro::cancellation_state;
    bool cancelled = cancellation.cancelled() != asio::cancellation_type::none;
    const auto now = std::chrono::steady_clock::now();
    if (race->running() == 1 && !cancelled && now < deadline && hedging->take()) {
        if (call.timeout) call.timeout = std::max(time_left(deadline), std::chrono::milliseconds{1});
        from[1] = now;
        race->start(executor.invoke(std::move(call)));
    }
    for (bool told = false; race->running() != 0;) {
        cancellation = co_await asio::this_coro::cancellation_state;
        cancelled = cancellation.cancelled() != asio::cancellation_type::none;
        // The other one ends as soon as its transport lets go; then nothing of this call uses the executor any more.
        if (!told && (cancelled || race->winner())) {
            told = true;
            race->cancel();
        }
        if (race->running() != 0) co_await race->wait(race->ended(), Moment::max());
    }
    race->rethrow();

    MergedAttempts attempts{began};
    const auto winner = race->winner();
    auto fate = Execution::not_started;
    for (std::size_t lane = 0; lane < race->started(); ++lane) {
        if (winner && *winner == lane) continue;
        if (race->succeeded(lane)) {
            attempts.cancelled(Error{.metrics = std::make_shared<const FaasMetrics>(race->outcome(lane)->metrics)});
            continue;
        }
        const auto error = race->outcome(lane).error();
        fate = either(fate, error.execution);
        if (winner && error.code == errc::cancelled) {
            attempts.cancelled(error);
        } else {
            attempts.failed(error, executor.name(), from[lane]);
        }
    }
    if (winner) {
        if (*winner != 0) hedging->won();
        auto done = std::move(race->outcome(*winner));
        attempts.succeeded(done->metrics, from[*winner]);
        co_return done;
    }
    Error error = race->outcome(0).error();
    error.execution = fate;
    attempts.put(error);
    co_return error;
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
