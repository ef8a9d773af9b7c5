#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_OPENWHISK_RUNTIME_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_OPENWHISK_RUNTIME_IPP

#include "blueprint/faas/local/impl/openwhisk_actions.ipp"
#include "blueprint/faas/local/openwhisk_runtime.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

// Who gets which instance, and what is made of its answer. How an instance is started: openwhisk_instance.ipp.

/// A call that waits. It leaves the queue when its coroutine ends, however that happens.
struct OpenWhiskPool::Waiter {
    explicit Waiter(OpenWhiskPool& waited_for)
        : pool{waited_for}, woken{waited_for.host_.strand, asio::steady_timer::time_point::max()} {
        pool.queue_.push_back(this);
    }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    ~Waiter() { std::erase(pool.queue_, this); }

    OpenWhiskPool& pool;
    asio::steady_timer woken;
    bool served = false;
    Held instance{};  // null: it may start one
};

class OpenWhiskPool::Seat {
public:
    Seat(std::shared_ptr<OpenWhiskPool> pool, Held given)
        : instance{std::move(given)}, cold{!instance}, pool_{std::move(pool)} {}
    Seat(Seat&&) noexcept = default;
    Seat& operator=(Seat&&) = delete;
    ~Seat() {
        if (pool_) pool_->leave(std::move(instance), keep);
    }

    Held instance;
    bool cold;
    bool keep = false;  // the instance may have another call

private:
    std::shared_ptr<OpenWhiskPool> pool_;
};

BLUEPRINT_FAAS_DECL OpenWhiskPool::OpenWhiskPool(FunctionHost& host, const OpenWhiskSettings& settings,
                                                 std::shared_ptr<const OpenWhiskActionState> action)
    : host_{host}, settings_{settings}, action_{std::move(action)} {}

BLUEPRINT_FAAS_DECL asio::awaitable<OpenWhiskPool::Seat> OpenWhiskPool::take() {
    while (!idle_.empty()) {
        auto instance = std::move(idle_.back());
        idle_.pop_back();
        if (instance->process->usable()) co_return Seat{shared_from_this(), std::move(instance)};
        drop(instance);
    }
    if (instances_ < std::max(1U, settings_.instances)) {
        ++instances_;
        co_return Seat{shared_from_this(), nullptr};
    }
    Waiter waiter{*this};
    while (!waiter.served) {
        const auto [ignored] = co_await waiter.woken.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
    co_return Seat{shared_from_this(), std::move(waiter.instance)};
}

/// Ends an instance. Its place is free, or is given to the call that has waited longest.
BLUEPRINT_FAAS_DECL void OpenWhiskPool::drop(const Held& instance) {
    if (instance) instance->process->kill();
    std::erase(all_, instance);
    give_place();
}

BLUEPRINT_FAAS_DECL void OpenWhiskPool::give_place() {
    if (queue_.empty()) {
        --instances_;
        return;
    }
    Waiter& first = *queue_.front();
    queue_.pop_front();
    first.served = true;
    first.woken.cancel();
}

BLUEPRINT_FAAS_DECL void OpenWhiskPool::leave(Held instance, bool keep) {
    if (!instance || !keep || !instance->process->usable() || ended_) return drop(instance);
    if (!queue_.empty()) {
        queue_.front()->instance = std::move(instance);
        return give_place();
    }
    if (!retired_) return idle_.push_back(std::move(instance));
    instance->process->end();
    std::erase(all_, instance);
    --instances_;
}

/// An instance ended while it waited.
BLUEPRINT_FAAS_DECL void OpenWhiskPool::forget_idle(const Instance* instance) {
    const auto found = std::find_if(idle_.begin(), idle_.end(), [&](const auto& one) { return one.get() == instance; });
    if (found == idle_.end()) return;  // a call has it, and will find out
    const auto ended = std::move(*found);
    idle_.erase(found);
    std::erase(all_, ended);
    --instances_;
}

BLUEPRINT_FAAS_DECL void OpenWhiskPool::retire() {
    retired_ = true;
    for (const auto& instance : std::exchange(idle_, {})) {
        instance->process->end();
        std::erase(all_, instance);
        --instances_;
    }
}

BLUEPRINT_FAAS_DECL void OpenWhiskPool::end() {
    retired_ = ended_ = true;
    for (const auto& instance : std::exchange(idle_, {})) {
        std::erase(all_, instance);
        --instances_;
        instance->process->kill();
    }
    for (const auto& instance : all_) instance->process->kill();
}

inline std::chrono::milliseconds openwhisk_since(std::chrono::steady_clock::time_point began) {
    return std::chrono::round<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
}

BLUEPRINT_FAAS_DECL asio::awaitable<OpenWhiskOutcome> OpenWhiskPool::run(OpenWhiskCall call) {
    const auto self = shared_from_this();
    std::string line;
    for (int attempt = 0;; ++attempt) {
        auto taking = take();
        auto seat = co_await std::move(taking);
        OpenWhiskOutcome outcome;
        outcome.wait = openwhisk_since(call.received);
        outcome.start = openwhisk_now();
        const auto began = std::chrono::steady_clock::now();
        if (!seat.instance) {
            auto starting = start(seat, call, outcome);
            co_await std::move(starting);
            outcome.init = openwhisk_since(began);
        }
        if (outcome.status == OpenWhiskStatus::success) {
            if (line.empty()) line = line_of(call);
            const auto process = seat.instance->process;
            const auto limit = deadline_after(timeout());
            auto calling = process->call(std::move(line), limit);
            auto answer = co_await std::move(calling);
            // One that had ended before it saw the call, while nobody looked, is no reason to fail.
            constexpr int most_attempts = 3;
            if (answer.unread && !seat.cold && attempt < most_attempts && !ended_) {
                line = std::exchange(answer.output, {});
                continue;
            }
            judge(std::move(answer), outcome);
        }
        if (seat.instance) outcome.log = seat.instance->log.take();
        // Whoever fails otherwise than by an error of his own is not used again.
        // Source: apache/openwhisk, ContainerProxy, ActivationUnsuccessfulError.
        seat.keep = outcome.status == OpenWhiskStatus::success || outcome.status == OpenWhiskStatus::application_error;
        outcome.duration = openwhisk_since(began);
        outcome.end = outcome.start + outcome.duration;
        co_return outcome;
    }
}

/// Writes the line that the program reads: what it is called with, and of what call.
BLUEPRINT_FAAS_DECL std::string OpenWhiskPool::line_of(OpenWhiskCall& call) const {
    const auto deadline = openwhisk_now() + timeout();
    boost::json::object line{{"value", std::move(call.arguments)},
                             {"activation_id", call.activation_id},
                             {"namespace", action_->name_space},
                             {"action_name", '/' + action_->qualified()},
                             {"action_version", action_->version.text()},
                             {"transaction_id", call.transaction_id},
                             {"api_host", call.api_host},
                             {"deadline", std::to_string(deadline.time_since_epoch().count())}};
    return boost::json::serialize(line) + '\n';
}

BLUEPRINT_FAAS_DECL void OpenWhiskPool::fail(OpenWhiskOutcome& outcome, std::string message,
                                             OpenWhiskStatus status) const {
    outcome.status = status;
    outcome.result = boost::json::object{{"error", std::move(message)}};
}

BLUEPRINT_FAAS_DECL void OpenWhiskPool::time_out(OpenWhiskOutcome& outcome, bool starting) const {
    outcome.timed_out = true;
    fail(outcome, "The action exceeded its time limits of " + std::to_string(timeout().count()) + " milliseconds" +
                      (starting ? " during initialization." : "."));
}

/// Says what came of the call from what the process did.
BLUEPRINT_FAAS_DECL void OpenWhiskPool::judge(ProcessOutcome answer, OpenWhiskOutcome& outcome) const {
    // Of one that ended before it saw the call, `output` is the call.
    const bool answered =
        !answer.unread && answer.end == ProcessEnd::exited && answer.status == 0 && answer.output.ends_with('\n');
    if (answered) {
        answer.output.pop_back();
        return judge_answer(answer.output, outcome);
    }
    switch (answer.end) {
        case ProcessEnd::timed_out: return time_out(outcome, false);
        case ProcessEnd::stopped: return fail(outcome, "The system ended the action.", OpenWhiskStatus::whisk_error);
        case ProcessEnd::too_much_output: return judge_answer(answer.output, outcome);
        case ProcessEnd::exited:
        case ProcessEnd::signalled: break;
    }
    // The Go proxy lives on and says what it saw; the Node.js runtime is the program.
    fail(outcome, node() ? "The action did not produce a valid response and exited unexpectedly."
                         : std::string{"command exited"});
}

/// Source: apache/openwhisk, ActivationResponse.processRunResponseContent: of a result with a member `error` that
/// member alone is kept.
BLUEPRINT_FAAS_DECL void OpenWhiskPool::judge_answer(std::string_view text, OpenWhiskOutcome& outcome) const {
    bool good = true;
    if (node() && !text.empty()) {
        good = text.front() == '+';
        text.remove_prefix(1);
    }
    outcome.size = text.size();
    if (text.size() > settings_.parameter_bytes) {
        std::string message =
            "The action produced a response that exceeded the allowed length: " + std::to_string(text.size()) + " > " +
            std::to_string(settings_.parameter_bytes) + " bytes.";
        return fail(outcome, std::move(message), OpenWhiskStatus::application_error);
    }
    boost::system::error_code failed;
    boost::json::parse_options options;
    options.max_depth = 512;
    auto json = boost::json::parse(text, failed, {}, options);
    if (failed || !(json.is_object() || json.is_array())) {
        if (!node()) return fail(outcome, "The action did not return a dictionary or array.");
        return fail(outcome, "The action did not produce a valid JSON or JSON Array response: " +
                                 std::string{text.substr(0, 200)});
    }
    auto* const object = json.if_object();
    auto* const error = object != nullptr ? object->if_contains("error") : nullptr;
    if (error != nullptr) {
        outcome.status = good ? OpenWhiskStatus::application_error : OpenWhiskStatus::developer_error;
        outcome.result = boost::json::object{{"error", std::move(*error)}};
    } else {
        outcome.result = std::move(json);
    }
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
