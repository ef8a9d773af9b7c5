#ifndef BLUEPRINT_FAAS_RUNNER_IMPL_ROUTER_IPP
#define BLUEPRINT_FAAS_RUNNER_IMPL_ROUTER_IPP

#include "blueprint/faas/runner/router.hpp"

#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <string>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

namespace detail {

BLUEPRINT_FAAS_DECL Error cancelled_call(JobId id, Execution execution) {
    return Error{.code = errc::cancelled,
                 .message = "job " + std::to_string(id.value()) + " was cancelled: the run ended before it did",
                 .execution = execution};
}

BLUEPRINT_FAAS_DECL Error threw(JobId id, std::string_view who, const char* what) {
    return Error{.code = errc::function_error,
                 .message = "job " + std::to_string(id.value()) + ": its " + std::string{who} + " threw: " + what,
                 .execution = Execution::started};
}

BLUEPRINT_FAAS_DECL void append_results(Answers& answers, JobId id, HandlerResults results, FaasMetrics metrics) {
    const auto append = [&](result<Bytes> outcome) {
        Invocation one;
        one.result.job_id = id;
        one.result.outcome = std::move(outcome);
        one.result.ran_on = "local";
        one.metrics = metrics;
        answers.push_back(std::move(one));
    };
    if (!results) return append(std::move(results).error());
    for (auto& bytes : *results) append(std::move(bytes));
}

// Runs one handler. What it throws, because it is broken or because it was cancelled, becomes an error.
BLUEPRINT_FAAS_DECL asio::awaitable<void> run_handler(const Handler& handler, JobCall call, Answers& answers) {
    const JobId id = call.job_id;
    const auto started = std::chrono::steady_clock::now();
    std::optional<HandlerResults> results;
    auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
        results = cancelled_call(id, Execution::not_started);
    } else {
        // A handler that does not look at its errors must not go on for ever after it was cancelled.
        co_await asio::this_coro::throw_if_cancelled(true);
        try {
            results = co_await handler(std::move(call));
        } catch (const std::exception& error) {
            results = threw(id, "handler", error.what());
        } catch (...) {
            results = threw(id, "handler", "something that is no std::exception");
        }
        co_await asio::this_coro::throw_if_cancelled(false);
        state = co_await asio::this_coro::cancellation_state;
        if (!*results && state.cancelled() != asio::cancellation_type::none)
            results = cancelled_call(id, Execution::started);
    }
    FaasMetrics metrics;
    metrics.total_duration =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
    append_results(answers, id, std::move(*results), std::move(metrics));
}

// Gives every result the call's id, and the call's metadata beside what executor and layers added.
BLUEPRINT_FAAS_DECL void settle(Answers& answers, JobId id, const Metadata& metadata) {
    for (auto& [result, metrics] : answers) {
        result.job_id = id;
        if (result.metadata.empty())
            result.metadata = metadata;
        else
            for (const auto& [name, value] : metadata) result.metadata.set(name, value);
    }
}

}  // namespace detail

BLUEPRINT_FAAS_DECL Router& Router::add_route(JobId id, detail::Handler handler) {
    if (!routes_.try_emplace(id, std::move(handler)).second)
        problems_.push_back(Error{
            .code = errc::invalid_configuration,
            .message = "job " + std::to_string(id.value()) + " has two routes: the first was kept; remove one of them",
            .execution = Execution::not_started});
    return *this;
}

BLUEPRINT_FAAS_DECL Router& Router::set_fallback(detail::Handler handler) {
    if (fallback_)
        problems_.push_back(Error{.code = errc::invalid_configuration,
                                  .message = "the router has two fallbacks: the first was kept; remove one of them",
                                  .execution = Execution::not_started});
    else
        fallback_ = std::move(handler);
    return *this;
}

namespace detail {

// Where calls go when there is no runner: to the router's own routes.
class LocalDestination final : public Destination {
public:
    explicit LocalDestination(Router& router) noexcept : router_{&router} {}
    asio::awaitable<result<Answers>> run(JobCall call) override {
        std::optional<JobCall> copy;
        if (router_->has_always()) copy = call;
        auto answers = co_await router_->run_route(std::move(call));
        if (copy) co_await router_->run_always(std::move(*copy), answers);
        co_return answers;
    }

private:
    Router* router_;
};

}  // namespace detail

BLUEPRINT_FAAS_DECL asio::awaitable<Answers> Router::run(JobCall call) {
    co_await asio::this_coro::throw_if_cancelled(false);
    detail::LocalDestination here{*this};
    auto answers = co_await run_through(here, std::move(call));
    co_return answers;
}

BLUEPRINT_FAAS_DECL asio::awaitable<Answers> Router::run_through(detail::Destination& destination, JobCall call) {
    const JobId id = call.job_id;
    const Metadata metadata = call.metadata;
    std::optional<result<Answers>> outcome;
    try {
        const Next first{layers_, 0, destination};
        outcome = co_await first(std::move(call));
    } catch (const std::exception& error) {
        outcome = detail::threw(id, "layer", error.what());
    } catch (...) {
        outcome = detail::threw(id, "layer", "something that is no std::exception");
    }
    Answers answers;
    if (*outcome) {
        answers = std::move(**outcome);
    } else {
        Invocation failed;
        failed.result.outcome = std::move(*outcome).error();
        answers.push_back(std::move(failed));
    }
    detail::settle(answers, id, metadata);
    co_return answers;
}

BLUEPRINT_FAAS_DECL asio::awaitable<Answers> Router::run_route(JobCall call) {
    Answers answers;
    const JobId id = call.job_id;
    const auto found = routes_.find(id);
    if (found != routes_.end()) {
        co_await detail::run_handler(found->second, std::move(call), answers);
    } else if (fallback_) {
        co_await detail::run_handler(fallback_, std::move(call), answers);
    } else {
        const std::string number = std::to_string(id.value());
        Invocation unknown;
        unknown.result.job_id = id;
        unknown.result.outcome =
            Error{.code = errc::not_found,
                  .message = "job " + number + " is unknown: add route(" + number +
                             ", handler) or a fallback to the router, or bind it with with_faas_executor<" + number +
                             ">(executor)",
                  .execution = Execution::not_started};
        answers.push_back(std::move(unknown));
    }
    co_return answers;
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> Router::run_always(JobCall call, Answers& answers) {
    for (const auto& handler : always_) co_await detail::run_handler(handler, call, answers);
}

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
