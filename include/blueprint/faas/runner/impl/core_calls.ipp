#ifndef BLUEPRINT_FAAS_RUNNER_IMPL_CORE_CALLS_IPP
#define BLUEPRINT_FAAS_RUNNER_IMPL_CORE_CALLS_IPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/runner/core.hpp"
#include "blueprint/faas/runner/impl/dead_letters.ipp"
#include "blueprint/faas/runner/impl/router.ipp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <exception>
#include <utility>
#include <variant>

// What a runner does with one call: who starts it when, what follows a failure, where its results go.
BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

BLUEPRINT_FAAS_DECL RunnerCore::Lane* RunnerCore::lane_of(JobId id) noexcept {
    if (lanes_.empty()) return nullptr;
    const auto found = lanes_.find(id);
    return found == lanes_.end() ? nullptr : &found->second;
}

BLUEPRINT_FAAS_DECL bool RunnerCore::any_lane_ready() const noexcept {
    if (state_.waiting == 0) return false;
    return std::any_of(lanes_.begin(), lanes_.end(),
                       [](const auto& lane) { return !lane.second.waiting.empty() && !lane.second.is_full(); });
}

// Tells whether a producer has to keep what it has taken. Calls that wait aside go first.
BLUEPRINT_FAAS_DECL bool RunnerCore::must_wait(const Lane* lane) const noexcept {
    const bool no_slot = slots_ >= setup_.max_in_flight;
    if (lane == nullptr || setup_.ordered) return no_slot || (!setup_.ordered && any_lane_ready());
    if (lane->is_full() || !lane->waiting.empty()) return lane->waiting.size() >= setup_.job_queue;
    return no_slot || any_lane_ready();
}

BLUEPRINT_FAAS_DECL void RunnerCore::admit(Produced produced, Lane* lane, Clock::time_point since) {
    ++report_.produced;
    if (auto* refused = std::get_if<RefusedCall>(&produced)) return refuse(std::move(*refused), take_ticket());
    auto& call = std::get<JobCall>(produced);
    if (stopping()) return cut_off(std::move(call), take_ticket());
    if (lane == nullptr || (!lane->is_full() && lane->waiting.empty()))
        return start_call(std::move(call), take_ticket(), since);
    // In order, whoever waits aside holds the place of its results, or they could be locked out by later ones.
    std::optional<Ticket> ticket;
    if (setup_.ordered) ticket = take_ticket();
    detail::count(board_->of(call.job_id).waiting);
    ++state_.waiting;
    lane->waiting.push_back(WaitingCall{.call = std::move(call), .since = since, .ticket = std::move(ticket)});
}

BLUEPRINT_FAAS_DECL void RunnerCore::wake_lanes() {
    if (state_.waiting == 0 || lanes_woken_) return;
    lanes_woken_ = true;
    asio::post(strand_, [self = shared_from_this()] {
        self->lanes_woken_ = false;
        self->start_lanes();
    });
}

BLUEPRINT_FAAS_DECL void RunnerCore::start_lanes() {
    for (auto& [id, lane] : lanes_) {
        while (!stopping() && !lane.waiting.empty() && !lane.is_full()) {
            if (!lane.waiting.front().ticket && slots_ >= setup_.max_in_flight) break;
            WaitingCall next = std::move(lane.waiting.front());
            lane.waiting.pop_front();
            --state_.waiting;
            detail::uncount(board_->of(id).waiting);
            Ticket ticket = next.ticket ? std::move(*next.ticket) : take_ticket();
            start_call(std::move(next.call), std::move(ticket), next.since);
        }
    }
    room_.cancel();
}

BLUEPRINT_FAAS_DECL void RunnerCore::cut_off_waiting() {
    for (auto& [id, lane] : lanes_) {
        for (auto& one : std::exchange(lane.waiting, {})) {
            --state_.waiting;
            detail::uncount(board_->of(id).waiting);
            Ticket ticket = one.ticket ? std::move(*one.ticket) : take_ticket();
            cut_off(std::move(one.call), std::move(ticket));
        }
    }
}

BLUEPRINT_FAAS_DECL void RunnerCore::hand_over(Answers answers, Ticket ticket) {
    if (!setup_.ordered) {
        for (auto& answer : answers) deliver(std::move(answer), ticket.slot);
        return;
    }
    held_.emplace(ticket.number, Held{.answers = std::move(answers), .slot = std::move(ticket.slot)});
    while (!held_.empty() && held_.begin()->first == next_delivered_) {
        ++next_delivered_;
        auto next = std::move(held_.extract(held_.begin()).mapped());
        for (auto& answer : next.answers) deliver(std::move(answer), next.slot);
    }
}

BLUEPRINT_FAAS_DECL void RunnerCore::bury(const JobCall& call, const Answers& answers) {
    if (!setup_.dead_letter_file) return;
    const auto failed =
        std::find_if(answers.begin(), answers.end(), [](const Invocation& one) { return !one.result.succeeded(); });
    if (failed == answers.end()) return;
    auto line = format_dead_letter(call, failed->result.outcome.error(), failed->metrics.attempts,
                                   std::chrono::system_clock::now());
    auto written = setup_.dead_letter_file->write(std::move(line));
    if (written) {
        ++report_.dead_letters;
        return detail::count(board_->of(call.job_id).dead_letters);
    }
    if (report_.dead_letters_lost++ == 0)
        problem("dead letters", std::move(written).error(), FailureOf::dead_letters, EndReason::dead_letters_failed);
}

BLUEPRINT_FAAS_DECL const Remedies& RunnerCore::remedies_of(JobId id) const {
    if (setup_.job_remedies.empty()) return setup_.remedies;
    const auto found = setup_.job_remedies.find(id);
    return found == setup_.job_remedies.end() ? setup_.remedies : found->second;
}

BLUEPRINT_FAAS_DECL asio::awaitable<bool> RunnerCore::pause(std::chrono::milliseconds delay) {
    asio::steady_timer timer{strand_, deadline_after(delay)};
    const auto [stopped] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return !stopped;
}

BLUEPRINT_FAAS_DECL asio::awaitable<result<Answers>> RunnerCore::run(JobCall call) {
    std::optional<JobCall> copy;
    if (setup_.router->has_always()) copy = call;
    const JobId id = call.job_id;
    const Remedies& remedies = remedies_of(id);
    bool remedied = remedies.any();
    // A job that nobody named, such as a slip in the input, must not find its way to another executor.
    if (remedied)
        remedied = setup_.faas->is_faas_job(id) || setup_.router->has_route(id) || setup_.router->has_fallback() ||
                   setup_.job_remedies.contains(id);
    auto trying = remedied ? attempt_until_done(std::move(call), remedies) : attempt(std::move(call), Place::usual, 0);
    auto answers = co_await std::move(trying);
    if (copy) {
        auto always = setup_.router->run_always(std::move(*copy), answers);
        co_await std::move(always);
    }
    co_return answers;
}

// Makes one attempt, and counts it for who made it.
BLUEPRINT_FAAS_DECL asio::awaitable<Answers> RunnerCore::attempt(JobCall call, Place place, std::size_t substitute) {
    Answers answers;
    const JobId id = call.job_id;
    const auto started = Clock::now();
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    std::optional<FaasCall> faas;
    std::optional<result<Invocation>> outcome;
    if (cancellation.cancelled() == asio::cancellation_type::none) {
        if (place == Place::usual) {
            faas = setup_.faas->start(call);
        } else if (place == Place::substitute) {
            auto& other = *remedies_of(id).substitutes[substitute];
            faas.emplace(FaasCall{.provider = other.provider_name(), .operation = other.invoke(std::move(call))});
        }
    }
    if (faas) {
        try {
            outcome = co_await std::move(faas->operation);
        } catch (const std::exception& error) {
            outcome = threw(id, "executor", error.what());
        } catch (...) {
            outcome = threw(id, "executor", "something that is no std::exception");
        }
        Invocation invocation;
        if (*outcome) {
            invocation = std::move(**outcome);
        } else {
            Error error = std::move(*outcome).error();
            if (error.metrics)
                invocation.metrics = *error.metrics;
            else
                invocation.metrics.total_duration =
                    std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - started);
            invocation.result.outcome = std::move(error);
        }
        invocation.result.ran_on = faas->provider;
        answers.push_back(std::move(invocation));
    } else {
        auto running = setup_.router->run_route(std::move(call));
        answers = co_await std::move(running);
    }
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - started);
    auto& statistics = board_->of(id).provider(faas ? faas->provider : std::string_view{"local"});
    const auto failed =
        std::find_if(answers.begin(), answers.end(), [](const Invocation& one) { return !one.result.succeeded(); });
    if (failed != answers.end())
        statistics.add(failed->result.outcome, failed->metrics, took);
    else if (!answers.empty())
        statistics.add(answers.front().result.outcome, answers.front().metrics, took);
    else
        statistics.add(Bytes{}, FaasMetrics{}, took);
    co_return answers;
}

BLUEPRINT_FAAS_DECL asio::awaitable<Answers> RunnerCore::attempt_until_done(JobCall call, const Remedies& remedies) {
    using Kind = RemedyPlan::Kind;
    const JobId id = call.job_id;
    auto& statistics = board_->of(id);
    const auto started = Clock::now();
    const auto deadline = call.timeout ? deadline_after(*call.timeout) : Deadline::max();
    const bool could_run_here = setup_.router->has_route(id) || setup_.router->has_fallback();
    std::optional<RemedyPlan> plan;
    Place place = Place::usual;
    std::size_t substitute = 0;
    std::uint32_t attempts = 0;
    for (bool again = false;; again = true) {
        JobCall copy = call;
        if (call.timeout && again) copy.timeout = std::max(time_left(deadline), std::chrono::milliseconds{1});
        auto trying = attempt(std::move(copy), place, substitute);
        auto answers = co_await std::move(trying);
        if (!answers.empty()) attempts += answers.front().metrics.attempts;
        const auto failed =
            std::find_if(answers.begin(), answers.end(), [](const Invocation& one) { return !one.result.succeeded(); });
        RemedyPlan::Step step;
        const auto cancellation = co_await asio::this_coro::cancellation_state;
        if (failed != answers.end() && cancellation.cancelled() == asio::cancellation_type::none) {
            // Where a job without executor ran first is its local route.
            if (!plan) plan.emplace(remedies, call.idempotent, could_run_here && failed->result.ran_on != "local");
            std::optional<std::chrono::milliseconds> left;
            if (call.timeout) left = time_left(deadline);
            step = plan->after(failed->result.outcome.error(), left);
        }
        if (step.kind == Kind::retry && step.delay.count() > 0) {
            auto waiting = pause(step.delay);
            const bool waited = co_await std::move(waiting);
            if (!waited) {
                failed->result.outcome = cancelled_call(id, failed->result.outcome.error().execution);
                step.kind = Kind::give_up;
            }
        }
        if (step.kind == Kind::give_up) {
            if (again) {
                for (auto& answer : answers) {
                    answer.metrics.attempts = attempts;
                    answer.metrics.total_duration =
                        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - started);
                }
            }
            co_return answers;
        }
        if (step.kind == Kind::retry) {
            ++report_.retries;
            detail::count(statistics.retries);
        } else if (step.kind == Kind::failover) {
            ++report_.failovers;
            detail::count(statistics.failovers);
            place = Place::substitute;
            substitute = step.substitute;
        } else {
            ++report_.fallbacks;
            detail::count(statistics.fallbacks);
            place = Place::here;
        }
    }
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
