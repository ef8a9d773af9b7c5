#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_LOOP_INSTANCES_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_LOOP_INSTANCES_IPP

#include "blueprint/faas/local/loop_instances.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <thread>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL LoopInstances::LoopInstances(asio::any_io_executor strand, LoopPlan plan, Start start)
    : strand_{std::move(strand)}, plan_{plan}, start_{std::move(start)}, growth_{strand_} {}

BLUEPRINT_FAAS_DECL result<std::shared_ptr<Process>> LoopInstances::start() {
    auto process = start_();
    if (!process) return process;
    all_.push_back({.process = *process, .given = std::chrono::steady_clock::now()});
    (*process)->serve_calls(plan_.idle, [weak = weak_from_this(), raw = process->get()](bool expired) {
        const auto self = weak.lock();
        if (!self) return;
        self->forget(raw);
        // One that ended by itself is not replaced: it would end again, and again.
        if (expired && !self->retired_ && self->idle() < self->plan_.keep_warm)
            static_cast<void>(self->warm(self->idle() + 1));
        self->serve_waiting();
    });
    return process;
}

BLUEPRINT_FAAS_DECL void LoopInstances::forget(const Process* process) {
    std::erase_if(idle_, [&](const auto& other) { return other.get() == process; });
    std::erase_if(all_, [&](const Entry& other) { return other.process.get() == process; });
}

BLUEPRINT_FAAS_DECL void LoopInstances::given(const std::shared_ptr<Process>& process) noexcept {
    for (auto& entry : all_)
        if (entry.process == process) entry.given = std::chrono::steady_clock::now();
}

BLUEPRINT_FAAS_DECL asio::awaitable<result<Instance>> LoopInstances::take(Deadline deadline) {
    const auto self = shared_from_this();
    while (!idle_.empty()) {
        const auto process = std::move(idle_.back());
        idle_.pop_back();
        if (process->usable()) {
            given(process);
            co_return Instance{.process = process, .cold = false};
        }
        forget(process.get());
    }
    if (all_.empty()) {
        auto process = start();
        if (!process) co_return std::move(process).error();
        co_return Instance{.process = std::move(*process), .cold = true};
    }
    Waiter waiter{*this};
    watch_queue();
    waiter.woken.expires_at(deadline);
    const auto [ignored] = co_await waiter.woken.async_wait(asio::as_tuple(asio::use_awaitable));
    static_cast<void>(ignored);
    if (waiter.answer) co_return std::move(*waiter.answer);
    co_return Error{.code = errc::throttled,
                    .message = "no instance of the function became free in time",
                    .retryable = true,
                    .execution = Execution::not_started};
}

/// Gives `process` to the call that has waited longest.
BLUEPRINT_FAAS_DECL void LoopInstances::hand(const std::shared_ptr<Process>& process, bool cold) {
    Waiter& first = *queue_.front();
    queue_.pop_front();
    given(process);
    first.answer = Instance{.process = process, .cold = cold};
    first.woken.cancel();
}

BLUEPRINT_FAAS_DECL void LoopInstances::give_back(const std::shared_ptr<Process>& process, bool in_step) {
    if (!in_step || !process->usable()) {
        process->kill();
        forget(process.get());
        serve_waiting();
    } else if (!queue_.empty()) {
        hand(process, false);
    } else if (retired_) {
        process->end();
        forget(process.get());
    } else {
        idle_.push_back(process);
    }
}

/// Starts an instance if calls wait and nobody would ever serve them.
BLUEPRINT_FAAS_DECL void LoopInstances::serve_waiting() {
    if (queue_.empty() || !all_.empty()) return;
    const auto process = start();
    if (process) {
        hand(*process, true);
        return;
    }
    for (auto* waiter : std::exchange(queue_, {})) {
        waiter->answer = process.error();
        waiter->woken.cancel();
    }
}

BLUEPRINT_FAAS_DECL void LoopInstances::watch_queue() {
    if (watching_ || queue_.empty()) return;
    watching_ = true;
    const auto now = std::chrono::steady_clock::now();
    growth_.expires_at(std::max(queue_.front()->since + plan_.patience, now + plan_.patience / 2));
    growth_.async_wait([weak = weak_from_this()](boost::system::error_code failed) {
        const auto self = weak.lock();
        if (!self || failed) return;
        // Answers may have come while this thread was busy elsewhere: they are looked at first.
        asio::post(self->strand_, [weak] {
            if (const auto again = weak.lock()) again->grow();
        });
    });
}

BLUEPRINT_FAAS_DECL bool LoopInstances::is_brisk(const Entry& entry, std::chrono::steady_clock::time_point now) const {
    return now - entry.given < plan_.patience || entry.process->computing();
}

BLUEPRINT_FAAS_DECL void LoopInstances::grow() {
    watching_ = false;
    if (queue_.empty()) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - queue_.front()->since >= plan_.patience) {
        const auto wide = std::max<std::size_t>(2, std::thread::hardware_concurrency());
        std::size_t brisk = 0;
        for (auto entry = all_.rbegin(); entry != all_.rend() && brisk < wide; ++entry)
            brisk += is_brisk(*entry, now) ? 1U : 0U;
        auto count = instances_to_start(
            {.waiting = queue_.size(), .instances = all_.size(), .brisk = brisk, .most = plan_.most, .wide = wide});
        for (; count > 0; --count) {
            const auto process = start();
            if (!process) break;  // there are others, which will serve
            hand(*process, true);
        }
    }
    watch_queue();
}

BLUEPRINT_FAAS_DECL result<std::uint32_t> LoopInstances::warm(std::uint32_t count) {
    while (!retired_ && idle() < count && all_.size() < plan_.most) {
        auto process = start();
        if (!process) return std::move(process).error();
        idle_.insert(idle_.begin(), *process);  // behind those that have shown that they work
    }
    return idle();
}

BLUEPRINT_FAAS_DECL void LoopInstances::retire() {
    retired_ = true;
    for (const auto& process : std::exchange(idle_, {})) {
        process->end();
        forget(process.get());
    }
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
