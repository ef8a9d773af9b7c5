#ifndef BLUEPRINT_FAAS_MAP_IMPL_CORE_IPP
#define BLUEPRINT_FAAS_MAP_IMPL_CORE_IPP

#include "blueprint/faas/map/core.hpp"

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
#include <exception>
#include <limits>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

BLUEPRINT_FAAS_DECL void RateMeter::advance(std::chrono::steady_clock::time_point now) noexcept {
    const auto second = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    const auto count = static_cast<std::int64_t>(cells_.size());
    if (second - second_ >= count) cells_.fill(0);
    for (auto at = std::max(second_, second - count); at < second; ++at)
        cells_[static_cast<std::size_t>((at + 1) % count)] = 0;
    second_ = std::max(second_, second);
}

BLUEPRINT_FAAS_DECL double RateMeter::per_second(std::chrono::steady_clock::time_point start,
                                                 std::chrono::steady_clock::time_point now) noexcept {
    advance(now);
    std::uint64_t events = 0;
    for (const auto cell : cells_) events += cell;
    const auto whole = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
    const std::chrono::duration<double> window =
        std::min<std::chrono::duration<double>>(now.time_since_epoch() - whole + std::chrono::seconds{10}, now - start);
    return window.count() > 0 ? static_cast<double>(events) / window.count() : 0;
}

BLUEPRINT_FAAS_DECL MapState map_state(const MapProgress& counts, std::size_t limit, bool started, bool stopping,
                                       bool pulling, bool inputs_ended) noexcept {
    if (!started) return MapState::not_started;
    if (counts.in_flight == 0 && counts.untaken > 0 && (counts.end || stopping || inputs_ended))
        return MapState::waiting_for_consumer;
    if (counts.end) return MapState::ended;
    if (stopping) return MapState::stopping;
    if (pulling) return MapState::waiting_for_input;
    if (counts.in_flight > 0 && (inputs_ended || counts.in_flight + counts.untaken >= limit))
        return MapState::waiting_for_calls;
    return counts.untaken >= limit ? MapState::waiting_for_consumer : MapState::running;
}

BLUEPRINT_FAAS_DECL MapCore::MapCore(const asio::any_io_executor& executor, JobId job,
                                     std::unique_ptr<MapInputs> inputs, std::unique_ptr<MapTarget> target,
                                     MapOptions options)
    : strand_{asio::make_strand(executor)},
      job_{job},
      options_{std::move(options)},
      inputs_{std::move(inputs)},
      target_{std::move(target)},
      done_{std::make_shared<BoundedQueue<Finished>>(std::numeric_limits<std::size_t>::max())},
      room_{strand_, asio::steady_timer::time_point::max()},
      clock_{strand_, asio::steady_timer::time_point::max()} {
    counts_.total = options_.total ? options_.total : inputs_->total();
}

BLUEPRINT_FAAS_DECL MapCore::~MapCore() = default;

BLUEPRINT_FAAS_DECL asio::awaitable<result<std::optional<MapCore::Finished>>> MapCore::next(Shared self) {
    co_await asio::this_coro::throw_if_cancelled(false);
    self->start();
    auto popping = BoundedQueue<Finished>::pop(self->done_);
    auto got = co_await std::move(popping);
    if (!got) co_return std::move(got).error();
    if (*got)
        self->took();
    else if (self->error_)  // complete since the queue was closed
        co_return *self->error_;
    co_return got;
}

BLUEPRINT_FAAS_DECL void MapCore::start() {
    if (started_.exchange(true)) return;
    {
        const std::lock_guard lock{mutex_};
        start_ = std::chrono::steady_clock::now();
    }
    const auto pass_on = [](const std::exception_ptr& failure) {
        if (failure) std::rethrow_exception(failure);
    };
    asio::co_spawn(strand_, pump(shared_from_this()), asio::bind_cancellation_slot(cancel_pull_.slot(), pass_on));
    if (options_.time_limit || options_.on_progress) asio::co_spawn(strand_, watch(shared_from_this()), pass_on);
}

// A completion has gone to the consumer, so that another input may be taken.
BLUEPRINT_FAAS_DECL void MapCore::took() {
    {
        const std::lock_guard lock{mutex_};
        --counts_.untaken;
    }
    --outstanding_;
    if (pump_waits_.exchange(false)) asio::post(strand_, [self = shared_from_this()] { self->room_.cancel(); });
}

BLUEPRINT_FAAS_DECL bool MapCore::wait_for_room() {
    if (stopping() || outstanding_ < options_.in_flight) return false;
    pump_waits_ = true;
    return outstanding_ >= options_.in_flight;  // looked at again: `took` looks at `pump_waits_` after it has made room
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> MapCore::pump(Shared self) {
    // A range that never waits must not keep everybody else from running.
    constexpr unsigned inputs_without_pause = 64;
    co_await asio::this_coro::throw_if_cancelled(false);
    if (auto wrong = check_options(self->options_)) {
        self->fail(MapEnd::refused, std::move(*wrong));
    } else if (self->options_.resume) {
        auto opened = ResumeFile::open(*self->options_.resume, self->job_, self->options_.run_id);
        if (opened)
            self->file_.emplace(std::move(*opened));
        else
            self->fail(MapEnd::resume_failed, std::move(opened).error());
    }
    for (unsigned pulled = 1; !self->stopping(); ++pulled) {
        while (self->wait_for_room()) co_await self->room_.async_wait(asio::as_tuple(asio::use_awaitable));
        if (self->stopping()) break;
        auto pulling = pull(self);
        auto input = co_await std::move(pulling);
        if (!input) {
            if (!self->stopping() || input.error().code != errc::cancelled)
                self->fail(MapEnd::source_failed, std::move(input).error());
            break;
        }
        std::uint64_t index = 0;
        {
            const std::lock_guard lock{self->mutex_};
            if (*input)
                index = self->counts_.taken++;
            else
                self->inputs_ended_ = true;
        }
        if (!*input) break;
        self->take_up(index, std::move(**input));
        if (pulled % inputs_without_pause == 0) co_await asio::post(asio::as_tuple(asio::use_awaitable));
    }
    while (!self->calls_.empty()) co_await self->room_.async_wait(asio::as_tuple(asio::use_awaitable));
    self->conclude();
}

// Takes the next input. What the range throws, because it is broken or because it was cancelled, becomes an error.
BLUEPRINT_FAAS_DECL asio::awaitable<result<std::optional<Bytes>>> MapCore::pull(Shared self) {
    std::optional<result<std::optional<Bytes>>> got;
    {
        const std::lock_guard lock{self->mutex_};
        self->pulling_ = true;
    }
    co_await asio::this_coro::throw_if_cancelled(true);
    try {
        auto pending = self->inputs_->next();
        got = co_await std::move(pending);
    } catch (const boost::system::system_error& error) {
        const bool aborted = error.code() == asio::error::operation_aborted;
        got = Error{.code = aborted ? errc::cancelled : errc::infrastructure,
                    .message = std::string{"the map's inputs failed: "} + error.what(),
                    .execution = Execution::not_started};
    } catch (const std::exception& error) {
        got = Error{.code = errc::infrastructure,
                    .message = std::string{"the map's inputs threw: "} + error.what(),
                    .execution = Execution::not_started};
    } catch (...) {
        got = Error{.code = errc::infrastructure,
                    .message = "the map's inputs threw something that is no std::exception",
                    .execution = Execution::not_started};
    }
    co_await asio::this_coro::throw_if_cancelled(false);
    {
        const std::lock_guard lock{self->mutex_};
        self->pulling_ = false;
    }
    co_return std::move(*got);
}

BLUEPRINT_FAAS_DECL void MapCore::take_up(std::uint64_t index, Bytes args) {
    Finished done{.index = index};
    ResumeFile::Item item;
    if (file_) item = file_->find(index);
    if (item.fate != ResumeFile::Fate::succeeded || options_.resume->yield_stored) ++outstanding_;
    const std::string name = "input " + std::to_string(index);
    if (stopping()) {
        done.value = Error{.code = errc::cancelled,
                           .message = name + " was not submitted: the map was stopped before",
                           .execution = Execution::not_started};
    } else if (file_ && !ResumeFile::same_input(item, args)) {
        Error other{.code = errc::invalid_configuration,
                    .message = name + " is not what it was when the resume file " + options_.resume->path +
                               " was written; give the same range in the same order, or start over with a new file",
                    .execution = Execution::not_started};
        done.value = other;
        if (item.fate == ResumeFile::Fate::succeeded && !options_.resume->yield_stored) ++outstanding_;
        fail(MapEnd::resume_failed, std::move(other));
    } else if (item.fate == ResumeFile::Fate::succeeded) {
        std::optional<Finished> out;
        if (options_.resume->yield_stored) {
            done.stored = true;
            done.value = file_->stored(index, item);
            if (!done.value) fail(MapEnd::resume_failed, done.value.error());
            out = std::move(done);
        }
        file_->forget(index);
        {
            const std::lock_guard lock{mutex_};
            ++counts_.resumed;
        }
        return hand_out(index, std::move(out));
    } else if (item.fate == ResumeFile::Fate::unknown && !options_.idempotent && !options_.resume->rerun_unknown) {
        done.stored = true;
        done.value = file_->stored_error(index, item);
    } else {
        result<void> recorded;
        if (file_) recorded = file_->started(index, args);
        if (recorded) return submit(index, std::move(args), item.failures);
        done.value = recorded.error();
        fail(MapEnd::resume_failed, std::move(recorded).error());
    }
    finish(std::move(done), false);
}

BLUEPRINT_FAAS_DECL void MapCore::submit(std::uint64_t index, Bytes args, std::uint32_t failures) {
    JobCall call{.job_id = job_,
                 .args = std::move(args),
                 .metadata = options_.metadata,
                 .timeout = options_.timeout,
                 .idempotent = options_.idempotent};
    if (options_.idempotency_keys)
        call.metadata.set("idempotency-key", idempotency_key(options_.run_id, index, failures));
    std::list<Call>::iterator place;
    {
        const std::lock_guard lock{mutex_};
        ++counts_.submitted;
        ++counts_.in_flight;
        place = calls_.emplace(calls_.end());
        place->index = index;
        place->since = std::chrono::steady_clock::now();
    }
    asio::co_spawn(strand_, run_call(shared_from_this(), index, std::move(call)),
                   asio::bind_cancellation_slot(place->cancel.slot(),
                                                [self = shared_from_this(), place](const std::exception_ptr& failure) {
                                                    {
                                                        const std::lock_guard lock{self->mutex_};
                                                        self->calls_.erase(place);
                                                    }
                                                    if (self->calls_.empty()) self->room_.cancel();
                                                    if (failure) std::rethrow_exception(failure);
                                                }));
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> MapCore::run_call(Shared self, std::uint64_t index, JobCall call) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto started = std::chrono::steady_clock::now();
    std::optional<result<Invocation>> outcome;
    try {
        auto running = self->target_->invoke(std::move(call));
        outcome = co_await std::move(running);
    } catch (const std::exception& error) {
        outcome = Error{.code = errc::infrastructure, .message = std::string{"the executor threw: "} + error.what()};
    } catch (...) {
        outcome =
            Error{.code = errc::infrastructure, .message = "the executor threw something that is no std::exception"};
    }
    Finished done{.index = index};
    if (*outcome) {
        done.value = std::move((*outcome)->result.outcome);
        done.metrics = std::move((*outcome)->metrics);
    } else {
        Error error = std::move(*outcome).error();
        if (error.metrics)
            done.metrics = *error.metrics;
        else
            done.metrics.total_duration =
                std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
        done.value = std::move(error);
    }
    self->finish(std::move(done), true);
}

BLUEPRINT_FAAS_DECL void MapCore::finish(Finished done, bool called) {
    if (file_) {
        result<void> recorded;
        if (called) recorded = file_->finished(done.index, done.value);
        if (!recorded) fail(MapEnd::resume_failed, std::move(recorded).error());
        file_->forget(done.index);
    }
    {
        const std::lock_guard lock{mutex_};
        if (done.value) {
            ++counts_.succeeded;
        } else {
            const Error& error = done.value.error();
            ++counts_.failed;
            if (called) ++calls_failed_;
            if (error.execution == Execution::unknown) ++counts_.unknown;
            counts_.last_failure = error.message;
        }
        if (called) --counts_.in_flight;
        rate_.note(std::chrono::steady_clock::now());
    }
    const auto index = done.index;
    hand_out(index, std::move(done));
    if (const auto end = too_many_failures(options_, counts_.succeeded, calls_failed_))
        stop(*end, options_.cancel_when_stopped);
}

BLUEPRINT_FAAS_DECL void MapCore::hand_out(std::uint64_t index, std::optional<Finished> done) {
    if (done) {
        const std::lock_guard lock{mutex_};
        ++counts_.untaken;
    }
    if (!options_.ordered) {
        if (done) done_->try_push(*done);
        return;
    }
    held_.emplace(index, std::move(done));
    for (auto first = held_.begin(); first != held_.end() && first->first == next_out_; first = held_.erase(first)) {
        ++next_out_;
        if (first->second) done_->try_push(*first->second);
    }
}

BLUEPRINT_FAAS_DECL void MapCore::conclude() {
    {
        const std::lock_guard lock{mutex_};
        counts_.end = why_.value_or(MapEnd::inputs_ended);
        if (inputs_ended_)
            counts_.not_submitted = 0;
        else if (counts_.total)
            counts_.not_submitted = *counts_.total - std::min(*counts_.total, counts_.taken);
    }
    file_.reset();
    clock_.expires_at(asio::steady_timer::time_point::max());
    report();
    done_->close();
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> MapCore::watch(Shared self) {
    co_await asio::this_coro::throw_if_cancelled(false);
    constexpr auto never = asio::steady_timer::time_point::max();
    const auto interval = std::max(self->options_.progress_interval, std::chrono::milliseconds{1});
    auto limit = self->options_.time_limit ? deadline_after(*self->options_.time_limit) : never;
    auto tick = self->options_.on_progress ? deadline_after(interval) : never;
    while (!self->counts_.end) {
        self->clock_.expires_at(std::min(limit, tick));
        const auto [cancelled] = co_await self->clock_.async_wait(asio::as_tuple(asio::use_awaitable));
        if (cancelled) continue;
        const auto now = std::chrono::steady_clock::now();
        if (now >= limit) {
            limit = never;
            self->stop(MapEnd::time_limit, self->options_.cancel_when_stopped);
        }
        if (now < tick) continue;
        tick = now + interval;
        if (!self->counts_.end) self->report();
    }
}

BLUEPRINT_FAAS_DECL void MapCore::report() {
    if (options_.on_progress) options_.on_progress(progress());
}

BLUEPRINT_FAAS_DECL void MapCore::stop(MapEnd why, bool cancel_now) {
    if (counts_.end) return;
    if (!why_) {
        why_ = why;
        {
            const std::lock_guard lock{mutex_};
            stop_seen_ = true;
        }
        cancel_pull_.emit(asio::cancellation_type::terminal);
        room_.cancel();
    }
    if (cancel_now) cancel_calls();
}

BLUEPRINT_FAAS_DECL void MapCore::cancel_calls() {
    for (auto call = calls_.begin(); call != calls_.end();) (call++)->cancel.emit(asio::cancellation_type::terminal);
}

BLUEPRINT_FAAS_DECL void MapCore::fail(MapEnd why, Error error) {
    if (!error_) error_ = std::move(error);
    stop(why, options_.cancel_when_stopped);
}

BLUEPRINT_FAAS_DECL void MapCore::request_stop(MapEnd why, bool cancel_now) {
    asio::post(strand_, [self = shared_from_this(), why, cancel_now] { self->stop(why, cancel_now); });
}

BLUEPRINT_FAAS_DECL void MapCore::abandon() {
    if (!started_.exchange(true)) return;
    {
        const std::lock_guard lock{mutex_};
        if (counts_.end) return;
    }
    request_stop(MapEnd::abandoned, true);
}

BLUEPRINT_FAAS_DECL MapProgress MapCore::progress() const {
    const auto now = std::chrono::steady_clock::now();
    const auto since = [now](std::chrono::steady_clock::time_point then) {
        return std::chrono::duration_cast<std::chrono::milliseconds>(now - then);
    };
    const std::lock_guard lock{mutex_};
    const bool started = start_ != std::chrono::steady_clock::time_point{};
    MapProgress now_is = counts_;
    now_is.state = map_state(counts_, options_.in_flight, started, stop_seen_, pulling_, inputs_ended_);
    if (started) {
        now_is.elapsed = since(start_);
        now_is.per_second = rate_.per_second(start_, now);
    }
    if (!calls_.empty()) {
        now_is.oldest = calls_.front().index;
        now_is.oldest_running_for = since(calls_.front().since);
    }
    return now_is;
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
