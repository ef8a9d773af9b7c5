#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_CUSTOM_INVOKE_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_CUSTOM_INVOKE_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/custom_platform.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

/// Counts one running invocation, and says so when it was the last.
class CustomPlatform::Place {
public:
    Place(CustomPlatform& platform, std::shared_ptr<Function> function)
        : platform_{platform}, function_{std::move(function)} {
        ++platform_.running_;
        ++function_->running;
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
        --function_->running;
        if (--platform_.running_ == 0) platform_.all_ended_.cancel();
    }

private:
    CustomPlatform& platform_;
    std::shared_ptr<Function> function_;
};

struct CustomPlatform::Accepted {
    Accepted(CustomPlatform& platform, std::shared_ptr<Function> called)
        : function{std::move(called)}, deployment{function->deployment}, place{platform, function} {}

    std::shared_ptr<Function> function;
    std::shared_ptr<Deployment> deployment;  // a replacement meanwhile changes nothing for this invocation
    std::string function_id{};
    ServerRequest request{};
    InvokeRequest call{};
    Deadline deadline{};
    std::string invocation_id{};
    IdempotencyStore::Claim claim{};
    Place place;
};

inline std::string new_invocation_id() {
    std::array<std::uint8_t, 16> random{};
    RAND_bytes(random.data(), static_cast<int>(random.size()));
    return faas::detail::hex_encode(random);
}

inline ServerAnswer accepted_answer(const std::string& invocation_id) {
    auto answer = json_answer(202, {{"invocation_id", invocation_id}});
    answer.headers.emplace_back("Preference-Applied", "respond-async");
    return answer;
}

BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> CustomPlatform::invoke(std::string function_id,
                                                                         ServerRequest request) {
    const bool strict = host_.options.strict_1_0;
    auto read = read_invoke_request(request, strict);
    if (!read) co_return error_answer(read.error(), function_id);
    InvokeRequest call = std::move(*read);
    const auto function = find(function_id);
    if (!function) co_return error_answer(absent(function_id), function_id);
    if (stopping_) co_return error_answer(refusal(503, "UNAVAILABLE", "the platform is being stopped"), function_id);
    const std::chrono::milliseconds limit = function->deployment->settings().timeout;
    const auto deadline = request.received + std::min(limit, call.timeout.value_or(limit));

    IdempotencyStore::Claim claim;
    std::string invocation_id;
    if (call.respond_async || !call.idempotency_key.empty()) invocation_id = new_invocation_id();
    if (!call.idempotency_key.empty()) {
        const auto digest = call_digest(call);
        auto known = keys_.find(function_id, call.idempotency_key);
        if (known && known->digest != digest)
            co_return error_answer(refusal(422, "KEY_REUSED", "the Idempotency-Key was used for another call"),
                                   function_id);
        if (known) {
            request.body = Bytes{};
            call.args = {};
            ServerAnswer answer =
                co_await answer_known(std::move(function_id), std::move(call), std::move(known), deadline);
            co_return answer;
        }
        claim = keys_.claim(function_id, call.idempotency_key, digest, invocation_id);
    }
    if (const auto full = no_place(*function)) co_return error_answer(*full, function_id);
    if (call.respond_async && running_alone_ >= host_.options.limits.async_invocations)
        co_return error_answer(
            refusal(429, "THROTTLED",
                    "the platform runs " + std::to_string(running_alone_) + " asynchronous invocations already"),
            function_id);

    auto accepted = std::make_unique<Accepted>(*this, function);
    accepted->function_id = function_id;
    accepted->call = std::move(call);
    accepted->request = std::move(request);  // of whose body the arguments are a part
    accepted->deadline = deadline;
    accepted->invocation_id = std::move(invocation_id);
    accepted->claim = std::move(claim);
    ++function->invocations;
    function->last_invocation = std::chrono::system_clock::now();
    if (accepted->call.respond_async) {
        ServerAnswer answer = accepted_answer(accepted->invocation_id);
        ++running_alone_;
        asio::co_spawn(host_.strand, run_alone(std::move(accepted), owner_.lock()), asio::detached);
        co_return answer;
    }
    InvokeRequest form;  // of the answer
    form.binary = accepted->call.binary;
    form.base64 = accepted->call.base64;
    const auto outcome = co_await run(std::move(accepted));
    co_return invoke_answer(function_id, form, *outcome, strict, host_.options.limits);
}

/// Answers a call whose key is known already.
BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> CustomPlatform::answer_known(
    std::string function_id, InvokeRequest call, std::shared_ptr<IdempotencyStore::Entry> known, Deadline deadline) {
    if (call.respond_async) co_return accepted_answer(known->invocation_id);
    const auto outcome = co_await IdempotencyStore::outcome_of(known, host_.strand, deadline);
    if (!outcome && !known->over)
        co_return error_answer(refusal(504, "TIMEOUT", "the first call with this Idempotency-Key still runs"),
                               function_id);
    if (!outcome)
        co_return error_answer(
            refusal(503, "UNAVAILABLE", "the first call with this Idempotency-Key came to nothing: send it again"),
            function_id);
    ServerAnswer answer = invoke_answer(function_id, call, *outcome, host_.options.strict_1_0, host_.options.limits);
    answer.headers.emplace_back("Idempotency-Replayed", "true");
    co_return answer;
}

/// Runs an accepted invocation to its end, and tells those who wait for its key.
BLUEPRINT_FAAS_DECL asio::awaitable<IdempotencyStore::Outcome> CustomPlatform::run(std::unique_ptr<Accepted> accepted) {
    const bool strict = host_.options.strict_1_0;
    const auto deployment = accepted->deployment;
    const auto function = accepted->function;
    const auto& function_id = accepted->function_id;
    const auto outcome = std::make_shared<InvokeOutcome>();
    const auto at_most = std::chrono::system_clock::now() + time_left(accepted->deadline);
    std::string input = function_input(accepted->call, accepted->request, at_most, strict);
    accepted->call.args = {};
    accepted->request = {};

    auto run = co_await deployment->run(std::move(input), accepted->deadline);
    if (run) {
        if (function->deployment == deployment && !function->problem.empty()) function->problem.clear();
        outcome->cold = run->cold;
        read_outcome(function_id, accepted->call, std::move(run->outcome), deployment->settings().timeout, strict,
                     *outcome);
        run->finish(outcome->in_step);
    } else {
        const auto& error = run.error();
        outcome->began = false;
        if (error.code == errc::function_error) {
            if (function->deployment == deployment) function->problem = error.message;
            outcome->failure = error_answer(
                refusal(500, "EXECUTION_ERROR", "the function cannot be started: " + error.message), function_id);
        } else if (error.code == errc::throttled) {
            outcome->failure = error_answer(refusal(429, "THROTTLED", error.message), function_id);
        } else if (host_.ending) {
            outcome->failure = error_answer(refusal(503, "UNAVAILABLE", error.message), function_id);
        } else {
            outcome->failure = error_answer(refusal(500, "INFRASTRUCTURE_ERROR", error.message), function_id);
        }
    }
    accepted->claim.end(outcome);
    co_return outcome;
}

/// Runs an invocation that nobody waits for. Detached, but counted as running, and `stop` waits for that.
BLUEPRINT_FAAS_DECL asio::awaitable<void> CustomPlatform::run_alone(std::unique_ptr<Accepted> accepted,
                                                                    std::shared_ptr<void> owner) {
    const auto kept = std::move(owner);
    std::string line = "ASYNC " + accepted->function_id + ' ' + accepted->invocation_id + ' ';
    try {
        const auto outcome = co_await run(std::move(accepted));
        line += std::to_string(outcome->failure ? outcome->failure->status : 200) + ' ' +
                std::to_string(outcome->execution_ms) + " ms";
    } catch (const std::exception&) {  // out of memory
        line += "500";
    }
    --running_alone_;
    if (host_.options.log) host_.options.log(line);
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
