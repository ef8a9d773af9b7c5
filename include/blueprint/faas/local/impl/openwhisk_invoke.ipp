#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_OPENWHISK_INVOKE_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_OPENWHISK_INVOKE_IPP

#include "blueprint/faas/local/openwhisk_system.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <optional>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

// Calls: who may make one, who waits for it and for how long, and what he is told.

class OpenWhiskSystem::Counted {
public:
    Counted(OpenWhiskSystem& system, std::shared_ptr<Namespace> own) : system_{system}, own_{std::move(own)} {
        ++system_.calls_;
        ++own_->calls;
    }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() {
        --system_.calls_;
        --own_->calls;
    }

private:
    OpenWhiskSystem& system_;
    std::shared_ptr<Namespace> own_;
};

struct OpenWhiskSystem::Accepted {
    explicit Accepted(asio::any_io_executor strand) : over{std::move(strand), asio::steady_timer::time_point::max()} {}

    std::shared_ptr<Namespace> own{};
    std::optional<Counted> counted{};  // until it is over
    Action action{};
    OpenWhiskCall call{};
    bool blocking = false;
    bool result_only = false;
    std::chrono::milliseconds wait{};
    std::shared_ptr<const OpenWhiskRecord> record{};  // null: it runs
    asio::steady_timer over;
};

/// Source: apache/openwhisk, Messages.tooManyRequests and tooManyConcurrentRequests.
BLUEPRINT_FAAS_DECL result<void> OpenWhiskSystem::throttle(Namespace& own) const {
    if (stopping_) return openwhisk_refusal(503, "System is overloaded, try again later.");
    const auto now = std::chrono::steady_clock::now();
    while (!own.begun.empty() && own.begun.front() + std::chrono::minutes{1} <= now) own.begun.pop_front();
    const auto words = [](std::size_t count, std::uint32_t allowed) {
        return " (count: " + std::to_string(count) + ", allowed: " + std::to_string(allowed) + ").";
    };
    const auto count = own.begun.size() + 1;
    if (count > settings_.calls_per_minute)
        return openwhisk_refusal(429,
                                 "Too many requests in the last minute" + words(count, settings_.calls_per_minute));
    if (own.calls >= settings_.concurrent_calls)
        return openwhisk_refusal(
            429, "Too many concurrent requests in flight" + words(own.calls, settings_.concurrent_calls));
    own.begun.push_back(now);
    return {};
}

BLUEPRINT_FAAS_DECL result<std::shared_ptr<OpenWhiskSystem::Accepted>> OpenWhiskSystem::accept(Asked& asked) {
    const auto blocking = read_openwhisk_flag(asked.target, "blocking", false);
    if (!blocking) return blocking.error();
    const auto result_only = read_openwhisk_flag(asked.target, "result", false);
    if (!result_only) return result_only.error();
    const auto most = settings_.blocking_wait.count();
    const auto bad_wait = "Timeout must be number of milliseconds up to " + std::to_string(most) + '.';
    const auto wait = read_openwhisk_number(asked.target, "timeout", bad_wait);
    if (!wait) return wait.error();
    if (*wait && (**wait <= 0 || **wait > most)) return openwhisk_refusal(400, bad_wait);
    if (asked.request.body.size() > settings_.parameter_bytes)
        return openwhisk_too_big("Request", asked.request.body.size(), settings_.parameter_bytes);
    auto payload = read_openwhisk_body(asked.request);
    if (!payload) return payload.error();
    const auto action = find_action(asked);
    if (!action) return action.error();
    const auto& state = *(*action)->state;

    OpenWhiskValues parameters = state.parameters;
    const auto& inherited = package_parameters(asked);
    parameters.insert(inherited.begin(), inherited.end());  // the action's own ones count
    const bool final = is_openwhisk_true(state.annotations, "final");
    const auto accepted = std::make_shared<Accepted>(host_.strand);
    auto& call = accepted->call;
    for (auto& [key, entry] : parameters) {
        const auto given = payload->find(key);
        const bool is_given = given != payload->end();
        if (is_given && final && !entry.value.is_null())
            return openwhisk_refusal(400,
                                     "Request defines parameters that are not allowed (e.g., reserved properties).");
        auto value = is_given ? std::move(given->value()) : std::move(entry.value);
        if (is_given) payload->erase(given);
        (entry.init ? call.environment : call.arguments)[key] = std::move(value);
    }
    for (auto& [key, value] : *payload) call.arguments[key] = std::move(value);
    call.activation_id = openwhisk_id();
    call.transaction_id = openwhisk_id();
    call.api_host = url_;
    call.received = asked.request.received == std::chrono::steady_clock::time_point{} ? std::chrono::steady_clock::now()
                                                                                      : asked.request.received;
    accepted->own = namespaces_.find(asked.name_space)->second;
    accepted->counted.emplace(*this, accepted->own);
    accepted->action = **action;
    accepted->blocking = *blocking;
    accepted->result_only = *result_only;
    accepted->wait = std::chrono::milliseconds{wait->value_or(most)};
    return accepted;
}

/// Runs the call to its end, whoever waits, and keeps its record.
BLUEPRINT_FAAS_DECL asio::awaitable<void> OpenWhiskSystem::run(std::shared_ptr<Accepted> accepted) {
    auto record = std::make_shared<OpenWhiskRecord>();
    record->id = accepted->call.activation_id;
    record->action = accepted->action.state;
    auto running = accepted->action.pool->run(std::move(accepted->call));
    record->outcome = co_await std::move(running);
    accepted->own->activations.add(record, settings_);
    accepted->record = std::move(record);
    accepted->counted.reset();
    accepted->over.cancel();
}

BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> OpenWhiskSystem::invoke(std::shared_ptr<Accepted> accepted) {
    const auto id = accepted->call.activation_id;
    const auto transaction = accepted->call.transaction_id;
    const auto limit = deadline_after(accepted->wait);
    background_.spawn(run(accepted));
    if (accepted->blocking) {
        asio::steady_timer patience{host_.strand};
        patience.expires_at(limit);
        patience.async_wait([waiting = std::weak_ptr<Accepted>{accepted}](boost::system::error_code failed) {
            const auto alive = waiting.lock();
            if (!failed && alive) alive->over.cancel();
        });
        while (!accepted->record && std::chrono::steady_clock::now() < limit) {
            const auto [ignored] = co_await accepted->over.async_wait(asio::as_tuple(asio::use_awaitable));
            static_cast<void>(ignored);
        }
    }
    ServerAnswer answer;
    if (!accepted->blocking || !accepted->record) {
        answer = openwhisk_answer(boost::json::object{{"activationId", id}}, 202);
    } else {
        const auto& record = *accepted->record;
        const auto status = record.outcome.status;
        const bool bare = accepted->result_only || record.outcome.result.is_array();  // an array has no other way
        answer = openwhisk_answer(
            bare ? record.outcome.result : boost::json::value(record.show(settings_.digitalocean, false)),
            status == OpenWhiskStatus::success       ? 200
            : status == OpenWhiskStatus::whisk_error ? 500
                                                     : 502);
    }
    answer.headers.emplace_back("x-openwhisk-activation-id", id);
    answer.headers.emplace_back("X-Request-ID", transaction);
    co_return answer;
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
