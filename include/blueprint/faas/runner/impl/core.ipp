#ifndef BLUEPRINT_FAAS_RUNNER_IMPL_CORE_IPP
#define BLUEPRINT_FAAS_RUNNER_IMPL_CORE_IPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/runner/core.hpp"
#include "blueprint/faas/runner/impl/core_calls.ipp"
#include "blueprint/faas/runner/impl/router.ipp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <csignal>
#include <deque>
#include <exception>
#include <variant>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

BLUEPRINT_FAAS_DECL Error setup_error(std::string what) {
    return Error{.code = errc::invalid_configuration,
                 .message = "the runner cannot be built: " + std::move(what),
                 .execution = Execution::not_started};
}

BLUEPRINT_FAAS_DECL RunnerSetup::RunnerSetup() = default;
BLUEPRINT_FAAS_DECL RunnerSetup::RunnerSetup(RunnerSetup&&) noexcept = default;
BLUEPRINT_FAAS_DECL RunnerSetup::~RunnerSetup() = default;

BLUEPRINT_FAAS_DECL std::optional<Error> check_setup(const RunnerSetup& setup, std::vector<std::string>& warnings) {
    if (!setup.router) return setup_error("it has no router; add router(Router{}), an empty one if no job is local");
    if (!setup.router->problems().empty()) {
        std::string all;
        for (const auto& one : setup.router->problems()) all += (all.empty() ? "" : "; ") + one.message;
        return setup_error(std::move(all));
    }
    if (setup.producers.empty()) return setup_error("it has no producer; add producer(...) at least once");
    if (setup.max_in_flight == 0) return setup_error("max_in_flight is 0; it is at least 1");
    if (setup.consumer_queue == 0) return setup_error("consumer_queue is 0; it is at least 1");
    for (const auto& [id, limit] : setup.job_limits)
        if (limit == 0)
            return setup_error("max_in_flight of job " + std::to_string(id.value()) + " is 0; it is at least 1");
    if (setup.dead_letters && setup.dead_letters->path.empty()) return setup_error("the dead letters have no path");
    for (const JobId id : setup.faas->job_ids()) {
        if (setup.router->has_route(id) || setup.router->has_fallback()) continue;
        const std::string number = std::to_string(id.value());
        if (setup.faas->can_be_switched_off(id))
            return setup_error("job " + number +
                               " is bound through a Switch, but the router has no route for it; add route(" + number +
                               ", handler) or a fallback");
        warnings.push_back("job " + number + " runs on its executor only: the router has no route for it");
    }
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL std::optional<Error> open_files(RunnerSetup& setup) {
    if (!setup.dead_letters) return std::nullopt;
    auto file = DeadLetterFile::open(*setup.dead_letters);
    if (!file) return std::move(file).error();
    setup.dead_letter_file.emplace(std::move(*file));
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL RunState::Step RunState::next_step() noexcept {
    if (wanted != StopLevel::none && !producers_stopped) {
        producers_stopped = true;
        return Step::stop_producers;
    }
    if (producers_stopped && !calls_cancelled && (deadline_passed || wanted == StopLevel::now)) {
        calls_cancelled = true;
        deadline_passed = false;  // the consumers have their own
        return Step::cancel_calls;
    }
    if (producers == 0 && calls == 0 && waiting == 0 && !queues_closed) {
        queues_closed = true;
        return Step::close_queues;
    }
    if (queues_closed && consumers == 0) return Step::done;
    if (queues_closed && calls_cancelled && deadline_passed && !consumers_cancelled) {
        consumers_cancelled = true;
        return Step::cancel_consumers;
    }
    return Step::wait;
}

// Awaits what a part does. What it throws, because it is broken or because it was cancelled, becomes an error.
template <class T>
asio::awaitable<result<T>> guarded(asio::awaitable<result<T>> operation, std::string who) {
    std::optional<result<T>> outcome;
    co_await asio::this_coro::throw_if_cancelled(true);
    try {
        outcome = co_await std::move(operation);
    } catch (const boost::system::system_error& error) {
        const bool aborted = error.code() == asio::error::operation_aborted;
        outcome = Error{.code = aborted ? errc::cancelled : errc::infrastructure,
                        .message = who + (aborted ? " was stopped" : std::string{" threw: "} + error.what())};
    } catch (const std::exception& error) {
        outcome = Error{.code = errc::infrastructure, .message = who + " threw: " + error.what()};
    } catch (...) {
        outcome = Error{.code = errc::infrastructure, .message = who + " threw something that is no std::exception"};
    }
    co_await asio::this_coro::throw_if_cancelled(false);
    co_return std::move(*outcome);
}

// The right of a call to be in flight. It is given back when the call has ended and each consumer has the call's
// results within the bound of its queue.
struct RunnerCore::Slot {
    explicit Slot(RunnerCore& owner) : core{owner.weak_from_this()} { ++owner.slots_; }
    Slot(const Slot&) = delete;
    ~Slot() {
        const auto owner = core.lock();
        if (!owner) return;
        --owner->slots_;
        if (owner->lanes_.empty()) {
            owner->room_.cancel_one();
        } else {
            owner->wake_lanes();
            owner->room_.cancel();
        }
    }
    std::weak_ptr<RunnerCore> core;
};

struct RunnerCore::Delivery {
    std::shared_ptr<const Invocation> invocation{};
    std::shared_ptr<Slot> slot{};  // held while this stands beyond the queue's bound
};

// One consumer and its queue. What is beyond the bound keeps its call in flight, so a consumer that stalls fills its
// own queue, then the slots, and then the producers wait; other consumers go on meanwhile.
struct RunnerCore::Outlet {
    explicit Outlet(const asio::any_io_executor& executor) : wake{executor, asio::steady_timer::time_point::max()} {}
    std::deque<Delivery> queue{};
    asio::steady_timer wake;
    bool open = true;
};

BLUEPRINT_FAAS_DECL RunnerCore::RunnerCore(const asio::any_io_executor& executor, RunnerSetup setup)
    : strand_{asio::make_strand(executor)},
      setup_{std::move(setup)},
      change_{strand_, asio::steady_timer::time_point::max()},
      room_{strand_, asio::steady_timer::time_point::max()} {
    auto known = setup_.router->route_ids();
    for (const JobId id : setup_.faas->job_ids()) known.push_back(id);
    board_ = std::make_shared<StatisticsBoard>(known);
    for (const auto& source : setup_.statistics_sources) source.attach(board_);
    for (const auto& [id, limit] : setup_.job_limits) lanes_[id].limit = limit;
}

BLUEPRINT_FAAS_DECL RunnerCore::~RunnerCore() = default;

BLUEPRINT_FAAS_DECL asio::awaitable<result<RunReport>> RunnerCore::run_all(Shared self) {
    if (self->started_.exchange(true))
        co_return Error{.code = errc::conflict,
                        .message = "this runner has run already; build another one",
                        .execution = Execution::not_started};
    co_await asio::this_coro::throw_if_cancelled(false);
    // Asio would hand a cancellation on to `drive` by a raw pointer across executors; a request to stop is safe
    // instead.
    auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.slot().is_connected())
        cancellation.slot().assign([weak = self->weak_from_this()](asio::cancellation_type) {
            if (const auto core = weak.lock()) core->request_stop(EndReason::stop_requested, RunState::StopLevel::now);
        });
    if (cancellation.cancelled() != asio::cancellation_type::none)
        self->request_stop(EndReason::stop_requested, RunState::StopLevel::now);
    auto driving = drive(self);
    const asio::cancellation_slot none{};
    co_await asio::co_spawn(self->strand_, std::move(driving), asio::bind_cancellation_slot(none, asio::use_awaitable));
    if (self->report_.error) co_return *self->report_.error;
    co_return self->report_;
}

BLUEPRINT_FAAS_DECL void RunnerCore::request_stop(EndReason reason, RunState::StopLevel level) {
    asio::post(strand_, [self = shared_from_this(), reason, level] { self->end(reason, std::nullopt, level); });
}

BLUEPRINT_FAAS_DECL void RunnerCore::spawn(std::list<Task>& tasks, asio::awaitable<void> operation,
                                           std::size_t& running) {
    const auto task = tasks.emplace(tasks.end());
    ++running;
    asio::co_spawn(strand_, std::move(operation),
                   asio::bind_cancellation_slot(task->cancel.slot(), [self = shared_from_this(), &tasks, task,
                                                                      &running](const std::exception_ptr& failure) {
                       tasks.erase(task);
                       if (--running == 0) self->change_.cancel();
                       if (failure) std::rethrow_exception(failure);
                   }));
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> RunnerCore::drive(Shared self) {
    co_await asio::this_coro::throw_if_cancelled(false);
    auto& state = self->state_;
    const auto& executor = self->strand_;
    for (std::size_t index = 0; index < self->setup_.consumers.size(); ++index) {
        self->outlets_.push_back(std::make_unique<Outlet>(executor));
        self->spawn(self->consumers_, consume(self, index), state.consumers);
    }
    if (self->setup_.handle_signals) {
        self->signals_.emplace(executor, SIGINT, SIGTERM);
        self->spawn(self->services_, watch_signals(self), self->services_running_);
    }
    if (self->setup_.on_statistics) self->spawn(self->services_, tell_statistics(self), self->services_running_);
    for (std::size_t index = 0; index < self->setup_.services.size(); ++index)
        if (!self->stopping())  // a service that fails at once is followed by no other
            self->spawn(self->services_, serve(self, index), self->services_running_);
    for (std::size_t index = 0; index < self->setup_.producers.size(); ++index)
        self->spawn(self->producers_, produce(self, index), state.producers);

    for (;;) {
        const auto step = state.next_step();
        if (step == RunState::Step::done) break;
        if (step != RunState::Step::wait) {
            self->take_step(step);
            continue;
        }
        const auto [woken] = co_await self->change_.async_wait(asio::as_tuple(asio::use_awaitable));
        if (woken) continue;
        state.deadline_passed = true;
        self->change_.expires_at(asio::steady_timer::time_point::max());
    }
    co_await wind_up(self);
}

BLUEPRINT_FAAS_DECL void RunnerCore::take_step(RunState::Step step) {
    const auto cancel_all = [](std::list<Task>& tasks) {
        for (auto task = tasks.begin(); task != tasks.end();) (task++)->cancel.emit(asio::cancellation_type::terminal);
    };
    const auto set_deadline = [this](std::chrono::milliseconds timeout) {
        change_.expires_at(deadline_after(std::max(timeout, std::chrono::milliseconds{0})));
    };
    switch (step) {
        case RunState::Step::stop_producers:
            cancel_all(producers_);
            cut_off_waiting();
            return set_deadline(setup_.drain_timeout);
        case RunState::Step::cancel_calls: cancel_all(calls_); return set_deadline(setup_.delivery_timeout);
        case RunState::Step::close_queues:
            for (const auto& outlet : outlets_) outlet->wake.cancel();
            return;
        case RunState::Step::cancel_consumers: return cancel_all(consumers_);
        case RunState::Step::wait:
        case RunState::Step::done: return;
    }
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> RunnerCore::wind_up(Shared self) {
    self->services_stopped_ = true;
    for (auto task = self->services_.begin(); task != self->services_.end();)
        (task++)->cancel.emit(asio::cancellation_type::terminal);
    self->change_.expires_at(asio::steady_timer::time_point::max());
    while (self->services_running_ > 0) co_await self->change_.async_wait(asio::as_tuple(asio::use_awaitable));
    self->signals_.reset();  // from here on a signal ends the program as it would without us
    if (self->setup_.shutdown) {
        auto running = self->setup_.shutdown->run();
        auto done = co_await guarded(std::move(running), "the shutdown handler");
        if (!done)
            self->problem("shutdown handler", std::move(done).error(), FailureOf::shutdown_handler,
                          EndReason::shutdown_handler_failed);
    }
    self->ended_ = true;
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> RunnerCore::produce(Shared self, std::size_t index) {
    // A producer that never waits must not keep everybody else from running.
    constexpr unsigned calls_without_pause = 64;
    co_await asio::this_coro::throw_if_cancelled(false);
    auto& producer = *self->setup_.producers[index];
    const std::string name = "producer " + std::to_string(index);
    for (unsigned taken = 1; !self->stopping(); ++taken) {
        auto pending = producer.next();
        auto next = co_await guarded(std::move(pending), name);
        if (!next) {
            if (self->stopping() && next.error().code == errc::cancelled) break;
            self->problem(name, std::move(next).error(), FailureOf::producer, EndReason::producer_failed);
            break;
        }
        if (!*next) break;
        const auto since = Clock::now();
        const auto* const call = std::get_if<JobCall>(&**next);
        Lane* const lane = call == nullptr ? nullptr : self->lane_of(call->job_id);
        while (self->must_wait(lane) && !self->stopping())
            co_await self->room_.async_wait(asio::as_tuple(asio::use_awaitable));
        self->admit(std::move(**next), lane, since);
        if (taken % calls_without_pause == 0) co_await asio::post(asio::as_tuple(asio::use_awaitable));
    }
    self->report_.never_started += producer.abandon();
}

BLUEPRINT_FAAS_DECL RunnerCore::Ticket RunnerCore::take_ticket() {
    return Ticket{.slot = std::make_shared<Slot>(*this), .number = next_ticket_++};
}

BLUEPRINT_FAAS_DECL void RunnerCore::start_call(JobCall call, Ticket ticket, Clock::time_point since) {
    auto& statistics = board_->of(call.job_id);
    statistics.queue_wait.add(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - since));
    detail::count(statistics.in_flight);
    if (Lane* const lane = lane_of(call.job_id)) ++lane->running;
    spawn(calls_, carry_out(shared_from_this(), std::move(call), std::move(ticket)), state_.calls);
}

// A call that was taken from its producer and not started when the run was already ending: told as unfinished.
BLUEPRINT_FAAS_DECL void RunnerCore::cut_off(JobCall call, Ticket ticket) {
    Answers answers(1);
    auto& result = answers.front().result;
    result.job_id = call.job_id;
    result.metadata = call.metadata;
    result.outcome = cancelled_call(call.job_id, Execution::not_started);
    answers.front().metrics.attempts = 0;
    count(answers, call.job_id, true);
    bury(call, answers);
    hand_over(std::move(answers), std::move(ticket));
}

BLUEPRINT_FAAS_DECL void RunnerCore::refuse(RefusedCall refused, Ticket ticket) {
    ++report_.refused;
    Answers answers(1);
    auto& result = answers.front().result;
    result.job_id = refused.job_id.value_or(JobId{});
    result.metadata = std::move(refused.metadata);
    result.outcome = refused.error;
    ++report_.failed;
    ++(refused.job_id ? counts_of(*refused.job_id) : report_.other_jobs).failed;
    hand_over(std::move(answers), std::move(ticket));
    if (ends_run(setup_.policy, FailureOf::job))
        end(EndReason::job_failed, std::move(refused.error), RunState::StopLevel::drain);
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> RunnerCore::carry_out(Shared self, JobCall call, Ticket ticket) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const JobId id = call.job_id;
    std::optional<JobCall> letter;
    if (self->setup_.dead_letter_file) letter = call;
    auto answers = co_await self->setup_.router->run_through(*self, std::move(call));
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    detail::uncount(self->board_->of(id).in_flight);
    self->count(answers, id, cancellation.cancelled() != asio::cancellation_type::none);
    if (letter) self->bury(*letter, answers);
    self->hand_over(std::move(answers), std::move(ticket));
    if (Lane* const lane = self->lane_of(id)) {
        --lane->running;
        self->wake_lanes();
    }
}

BLUEPRINT_FAAS_DECL void RunnerCore::count(const Answers& answers, JobId id, bool cancelled) {
    const auto failed =
        std::find_if(answers.begin(), answers.end(), [](const Invocation& one) { return !one.result.succeeded(); });
    JobCounts& counts = counts_of(id);
    if (std::any_of(answers.begin(), answers.end(),
                    [](const Invocation& one) { return !one.result.ran_on.empty() && one.result.ran_on != "local"; }))
        ++counts.on_faas;
    auto& statistics = board_->of(id);
    if (failed == answers.end()) {
        ++report_.succeeded;
        ++counts.succeeded;
        detail::count(statistics.succeeded);
    } else if (cancelled) {
        ++report_.unfinished;
        ++counts.unfinished;
        detail::count(statistics.unfinished);
        if (report_.unfinished_calls.size() < RunReport::max_listed)
            report_.unfinished_calls.push_back(UnfinishedCall{.job_id = id, .metadata = failed->result.metadata});
    } else {
        ++report_.failed;
        ++counts.failed;
        detail::count(statistics.failed);
        if (ends_run(policy_of(id), FailureOf::job))
            end(EndReason::job_failed, failed->result.outcome.error(), RunState::StopLevel::drain);
    }
}

// Foreign ids must not fill the memory, so only those that somebody added have counts of their own.
BLUEPRINT_FAAS_DECL JobCounts& RunnerCore::counts_of(JobId id) {
    return setup_.faas->is_faas_job(id) || setup_.router->has_route(id) ? report_.jobs[id] : report_.other_jobs;
}

BLUEPRINT_FAAS_DECL void RunnerCore::deliver(Invocation invocation, const std::shared_ptr<Slot>& slot) {
    ++report_.results;
    const auto shared = std::make_shared<const Invocation>(std::move(invocation));
    for (const auto& outlet : outlets_) {
        if (!outlet->open) {
            ++report_.undelivered;
            continue;
        }
        const bool within_bound = outlet->queue.size() < setup_.consumer_queue;
        outlet->queue.push_back(Delivery{.invocation = shared, .slot = within_bound ? nullptr : slot});
        outlet->wake.cancel();
    }
}

BLUEPRINT_FAAS_DECL void RunnerCore::close(Outlet& outlet) {
    outlet.open = false;
    report_.undelivered += outlet.queue.size();
    outlet.queue.clear();
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> RunnerCore::consume(Shared self, std::size_t index) {
    co_await asio::this_coro::throw_if_cancelled(false);
    auto& consumer = *self->setup_.consumers[index];
    auto& outlet = *self->outlets_[index];
    const std::string name = "consumer " + std::to_string(index);
    std::optional<Error> failed;
    while (!failed) {
        while (outlet.queue.empty() && !self->state_.queues_closed)
            co_await outlet.wake.async_wait(asio::as_tuple(asio::use_awaitable));
        if (outlet.queue.empty() || self->state_.consumers_cancelled) break;
        const auto invocation = std::move(outlet.queue.front().invocation);
        outlet.queue.pop_front();
        const auto bound = self->setup_.consumer_queue;
        if (outlet.queue.size() >= bound) outlet.queue[bound - 1].slot.reset();
        auto pending = consumer.consume(*invocation);
        auto taken = co_await guarded(std::move(pending), name);
        if (taken) continue;
        ++self->report_.undelivered;
        failed = std::move(taken).error();
    }
    const std::size_t left = outlet.queue.size();
    self->close(outlet);
    if (self->state_.consumers_cancelled && (failed || left > 0)) {
        failed = Error{.code = errc::timed_out,
                       .message = name + " did not take " + std::to_string(left + (failed ? 1 : 0)) +
                                  " results before the run ended; give it more time with drain_timeout"};
    } else if (!failed) {
        auto pending = consumer.finish();
        auto finished = co_await guarded(std::move(pending), name);
        if (!finished) failed = std::move(finished).error();
    }
    if (!failed) co_return;
    const bool last = ++self->consumers_failed_ == self->setup_.consumers.size();
    self->problem(name, std::move(*failed), last ? FailureOf::last_consumer : FailureOf::consumer,
                  EndReason::consumer_failed);
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> RunnerCore::serve(Shared self, std::size_t index) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const std::string name = "background service " + std::to_string(index);
    auto running = self->setup_.services[index]->run();
    auto ended = co_await guarded(std::move(running), name);
    if (ended || (self->services_stopped_ && ended.error().code == errc::cancelled)) co_return;
    self->problem(name, std::move(ended).error(), FailureOf::background_service, EndReason::service_failed);
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> RunnerCore::tell_statistics(Shared self) {
    co_await asio::this_coro::throw_if_cancelled(false);
    asio::steady_timer timer{self->strand_};
    while (!self->services_stopped_) {
        timer.expires_at(deadline_after(std::max(self->setup_.statistics_interval, std::chrono::milliseconds{1})));
        co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        self->setup_.on_statistics(self->statistics());
    }
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> RunnerCore::watch_signals(Shared self) {
    co_await asio::this_coro::throw_if_cancelled(false);
    for (auto level = RunState::StopLevel::drain;; level = RunState::StopLevel::now) {
        const auto [failed, number] = co_await self->signals_->async_wait(asio::as_tuple(asio::use_awaitable));
        if (failed) co_return;
        self->end(EndReason::signal, std::nullopt, level);
    }
}

BLUEPRINT_FAAS_DECL void RunnerCore::problem(std::string where, Error error, FailureOf failure, EndReason reason) {
    report_.problems.push_back(RunProblem{.where = std::move(where), .error = error});
    if (ends_run(setup_.policy, failure)) end(reason, std::move(error), RunState::StopLevel::drain);
}

BLUEPRINT_FAAS_DECL void RunnerCore::end(EndReason reason, std::optional<Error> error, RunState::StopLevel level) {
    if (ended_) return;
    if (state_.wanted == RunState::StopLevel::none) report_.reason = reason;
    if (!report_.error) report_.error = std::move(error);
    state_.wanted = std::max(state_.wanted, level);
    change_.cancel();
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
