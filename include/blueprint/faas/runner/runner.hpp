#ifndef BLUEPRINT_FAAS_RUNNER_RUNNER_HPP
#define BLUEPRINT_FAAS_RUNNER_RUNNER_HPP

#include "blueprint/faas/registry.hpp"
#include "blueprint/faas/runner/core.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/execution_context.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace blueprint::faas {

template <class Bound = detail::NothingBound, class... Bindings>
class RunnerBuilder;

/// Takes calls from producers, runs each on its FaaS executor or in this process, and hands every result to every
/// consumer. Made by `Runner::builder(io)`.
///
/// - At most `max_in_flight` calls are in flight; beyond that producers wait. Each consumer has a queue of its own: a
///   slow one fills that, then its undelivered results keep their calls in flight, and at last the producers wait.
///   Other consumers get their results meanwhile.
/// - Every result carries its call's metadata and job id, in order of completion, or with `ordered_results` in that of
///   the calls. Failures are results too.
/// - What is done about a failed call stands in `on_error`; what is left of failures can be kept as dead letters.
/// - The run ends well when all producers have ended and everything was delivered. It ends early by a request, a
///   signal, or a failure (see `ErrorPolicy`): the producers are stopped, what is in flight goes on for at most the
///   drain timeout, what is left then is cancelled and told as unfinished.
/// - Everything runs on one strand of the given executor, local handlers too. A runner runs once, and keeps the parts
///   it was given until it is destroyed; the borrowed ones and the `io_context` must outlive it.
class Runner {
public:
    /// Starts to build a runner that runs on `executor`, an `io_context` or any of its executors.
    static RunnerBuilder<> builder(asio::any_io_executor executor);
    template <class Context>
        requires std::derived_from<Context, asio::execution_context>
    static RunnerBuilder<> builder(Context& context);

    /// Runs to the end. An `Error` is what ended the run; a stop that was asked for is no error. `report()` tells the
    /// rest either way. Cancelling the awaitable is `request_stop_now`; the end is awaited even so.
    /// A job or consumer that ignores its cancellation holds up the end.
    asio::awaitable<result<RunReport>> run() { return detail::RunnerCore::run_all(core_); }
    /// Stops the producers and lets what is in flight finish, within the drain timeout. Safe from every thread.
    void request_stop() { core_->request_stop(EndReason::stop_requested, detail::RunState::StopLevel::drain); }
    /// Stops the producers and cancels what is in flight. Safe from every thread.
    void request_stop_now() { core_->request_stop(EndReason::stop_requested, detail::RunState::StopLevel::now); }
    /// What the run did: complete once `run` has ended, and to be read only before or after it.
    const RunReport& report() const noexcept { return core_->report(); }
    /// Returns the present numbers. Safe from every thread, at any time.
    Statistics statistics() const { return core_->statistics(); }
    /// What `build` found doubtful but possible, such as a FaaS job that could not be run locally.
    const std::vector<std::string>& warnings() const noexcept { return warnings_; }

private:
    template <class Bound, class... Bindings>
    friend class RunnerBuilder;
    Runner(std::shared_ptr<detail::RunnerCore> core, std::vector<std::string> warnings)
        : core_{std::move(core)}, warnings_{std::move(warnings)} {}

    std::shared_ptr<detail::RunnerCore> core_;
    std::vector<std::string> warnings_;
};

namespace detail {

// What a builder hands on with each step.
struct RunnerParts {
    explicit RunnerParts(asio::any_io_executor on) : executor{std::move(on)} {}
    asio::any_io_executor executor;
    RunnerSetup setup{};
};

}  // namespace detail

/// Gathers what a runner is made of. Producers, consumers and services come by value, or as `std::ref` or
/// `std::shared_ptr` of one that stays the caller's. Every member hands the builder on, so calls can be chained; use
/// what the last one returned.
template <class Bound, class... Bindings>
class RunnerBuilder {
public:
    /// Sets who runs local jobs and what stands around all of them. Required, though it may be empty.
    RunnerBuilder router(Router router) && {
        parts_->setup.router.emplace(std::move(router));
        return std::move(*this);
    }
    /// Adds a source of calls; at least one is required.
    template <class P>
        requires Producer<detail::Target<P>>
    RunnerBuilder producer(P producer) && {
        parts_->setup.producers.push_back(std::make_unique<detail::ErasedProducerOf<P>>(std::move(producer)));
        return std::move(*this);
    }
    /// Adds a taker of all results.
    template <class C>
        requires Consumer<detail::Target<C>>
    RunnerBuilder consumer(C consumer) && {
        parts_->setup.consumers.push_back(std::make_unique<detail::ErasedConsumerOf<C>>(std::move(consumer)));
        return std::move(*this);
    }
    /// Adds something that runs beside the jobs; services start before the producers, in the order they were added.
    template <class S>
        requires BackgroundService<detail::Target<S>>
    RunnerBuilder background_service(S service) && {
        parts_->setup.services.push_back(std::make_unique<detail::ServiceTask<S>>(std::move(service)));
        return std::move(*this);
    }
    /// Binds `Ids` to `executor` as `bind` does: an lvalue is borrowed, a `std::shared_ptr` shared, an rvalue moved in.
    template <auto... Ids, class E>
        requires Executor<typename detail::HolderOf<E>::type::executor_type>
    auto with_faas_executor(E&& executor) && {
        using Added = decltype(bind<Ids...>(std::forward<E>(executor)));
        using Now = detail::AlsoBound<Bound, sizeof...(Bindings), Added>;
        // Here, so that a second executor for an id is refused at the line that adds it.
        static_assert(Now::has_no_id_twice(), "a job id is bound twice: each job has one executor");
        return RunnerBuilder<Now, Bindings..., Added>{std::move(parts_),
                                                      Now{std::move(bound_), bind<Ids...>(std::forward<E>(executor))}};
    }
    /// Sets how many calls are in flight at most, 1,024 unless set.
    RunnerBuilder max_in_flight(std::size_t calls) && {
        parts_->setup.max_in_flight = calls;
        return std::move(*this);
    }
    /// Sets how many calls of each of the jobs `Ids` are in flight at most, beside the limit for all. Further calls of
    /// such a job wait aside, `job_queue` of each, so that a slow job does not hold up the others; only beyond that
    /// does the producer that has one more of them wait. With `ordered_results` those that wait count as in flight.
    template <auto... Ids>
        requires(sizeof...(Ids) > 0)
    RunnerBuilder max_in_flight(std::size_t calls) && {
        ((parts_->setup.job_limits[JobId{detail::bound_id<Ids>()}] = calls), ...);
        return std::move(*this);
    }
    /// Sets how many calls of a job wait for the job's own limit, 64 unless set, before producers wait. A stop cuts
    /// them off: they are told as unfinished.
    RunnerBuilder job_queue(std::size_t calls) && {
        parts_->setup.job_queue = calls;
        return std::move(*this);
    }
    /// Hands results to the consumers in the order in which the calls were taken from the producers, so each producer's
    /// own order is kept. What comes too early waits and counts as in flight: no more than `max_in_flight` calls.
    RunnerBuilder ordered_results() && {
        parts_->setup.ordered = true;
        return std::move(*this);
    }
    /// Sets how many results wait for each consumer before their calls count as in flight still; 1,024 unless set.
    RunnerBuilder consumer_queue(std::size_t results) && {
        parts_->setup.consumer_queue = results;
        return std::move(*this);
    }
    /// Sets what a failure does to the run; `ErrorPolicy::stop` unless set.
    RunnerBuilder error_policy(ErrorPolicy policy) && {
        parts_->setup.policy = policy;
        return std::move(*this);
    }
    /// Sets what is done about failed calls of all jobs that have nothing of their own; nothing unless set.
    RunnerBuilder on_error(const OnError& what) && {
        parts_->setup.remedies = what.remedies();
        return std::move(*this);
    }
    /// Sets what is done about failed calls of the jobs `Ids`.
    template <auto... Ids>
        requires(sizeof...(Ids) > 0)
    RunnerBuilder on_error(const OnError& what) && {
        ((parts_->setup.job_remedies[JobId{detail::bound_id<Ids>()}] = what.remedies()), ...);
        return std::move(*this);
    }
    /// Writes each call that failed in the end, or was not finished, to a file of JSON lines, which a
    /// `JsonLinesProducer` reads as calls again (see `format_dead_letter`). Input that never became a call is not
    /// among them. If the file cannot be written, the run ends with that error.
    RunnerBuilder dead_letters(DeadLetterOptions options) && {
        parts_->setup.dead_letters = std::move(options);
        return std::move(*this);
    }
    /// Calls `callback` with the present numbers at every interval and once at the end, on the runner's strand.
    RunnerBuilder on_statistics(std::function<void(const Statistics&)> callback,
                                std::chrono::milliseconds interval = std::chrono::seconds{10}) && {
        parts_->setup.on_statistics = std::move(callback);
        parts_->setup.statistics_interval = interval;
        return std::move(*this);
    }
    /// Lets `source` and its copies read the runner's numbers, for a page such as `MetricsPage`.
    RunnerBuilder publish_statistics(StatisticsSource source) && {
        parts_->setup.statistics_sources.push_back(std::move(source));
        return std::move(*this);
    }
    /// Sets how long calls may finish after a stop (30 s unless set), and after that consumers take results (1 s).
    RunnerBuilder drain_timeout(std::chrono::milliseconds calls,
                                std::chrono::milliseconds consumers = std::chrono::seconds{1}) && {
        parts_->setup.drain_timeout = calls;
        parts_->setup.delivery_timeout = consumers;
        return std::move(*this);
    }
    /// Sets what is awaited at the very end, after a failure too.
    template <ShutdownHandler H>
    RunnerBuilder shutdown_handler(H handler) && {
        parts_->setup.shutdown = std::make_unique<detail::ShutdownTask<H>>(std::move(handler));
        return std::move(*this);
    }
    /// Stops the run on SIGINT and SIGTERM; a second one skips the drain. Not done unless asked for.
    RunnerBuilder handle_signals() && {
        parts_->setup.handle_signals = true;
        return std::move(*this);
    }

    /// Makes the runner, or says what is missing: `errc::invalid_configuration` without a router or a producer, with a
    /// job routed twice, or with a switchable FaaS job that the router has no place for; what opening the dead letters
    /// came to, `errc::conflict` if another run has them.
    result<Runner> build() && {
        parts_->setup.faas = faas_side(std::index_sequence_for<Bindings...>{});
        std::vector<std::string> warnings;
        if (auto wrong = detail::check_setup(parts_->setup, warnings)) return std::move(*wrong);
        if (auto failed = detail::open_files(parts_->setup)) return std::move(*failed);
        return Runner{std::make_shared<detail::RunnerCore>(parts_->executor, std::move(parts_->setup)),
                      std::move(warnings)};
    }

private:
    friend class Runner;
    template <class OtherBound, class... Others>
    friend class RunnerBuilder;
    RunnerBuilder(std::unique_ptr<detail::RunnerParts> parts, Bound bound)
        : parts_{std::move(parts)}, bound_{std::move(bound)} {}

    template <std::size_t... Index>
    std::unique_ptr<detail::FaasSide> faas_side(std::index_sequence<Index...>) {
        using Registry = StaticRegistry<Bindings...>;
        return std::make_unique<detail::FaasSideOf<Registry>>(
            Registry{std::move(static_cast<detail::BindingAt<Index, Bindings>&>(bound_).binding)...});
    }

    std::unique_ptr<detail::RunnerParts> parts_;
    Bound bound_;
};

inline RunnerBuilder<> Runner::builder(asio::any_io_executor executor) {
    return RunnerBuilder<>{std::make_unique<detail::RunnerParts>(std::move(executor)), detail::NothingBound{}};
}
template <class Context>
    requires std::derived_from<Context, asio::execution_context>
RunnerBuilder<> Runner::builder(Context& context) {
    return builder(asio::any_io_executor{context.get_executor()});
}

}  // namespace blueprint::faas

#endif
