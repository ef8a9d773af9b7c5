#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_EXECUTOR_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_EXECUTOR_HPP

#include "blueprint/faas/executor_concept.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::tests {

/// Holds coroutines back until a test lets them go.
class Gate {
public:
    explicit Gate(asio::io_context& io) : timer_{io, asio::steady_timer::time_point::max()} {}
    void open() {
        open_ = true;
        timer_.cancel();
    }
    /// Lets one waiter through, the one that has waited longest.
    void let_one() {
        ++tickets_;
        timer_.cancel_one();
    }
    /// True: let through. False: the waiter was cancelled.
    asio::awaitable<bool> wait() {
        while (!open_ && tickets_ == 0) {
            co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
            const auto state = co_await asio::this_coro::cancellation_state;
            if (state.cancelled() != asio::cancellation_type::none) co_return false;
        }
        if (!open_) --tickets_;
        co_return true;
    }

private:
    asio::steady_timer timer_;
    bool open_ = false;
    int tickets_ = 0;
};

/// An executor whose calls wait at the gate of their first argument byte, if a test made one; the answer is the
/// arguments reversed. A call of arguments {0xff, ...} fails, and so does one that `fails` has an error for. As a real
/// one it hands the cancellation on.
class FakeExecutor {
public:
    explicit FakeExecutor(asio::io_context& io, std::string_view name = "fake") : io_{&io}, name_{name} {}

    std::string_view provider_name() const noexcept { return name_; }
    asio::any_io_executor get_executor() { return io_->get_executor(); }
    asio::awaitable<result<JobResult>> invoke(JobCall call) {
        auto done = co_await invoke_with_metrics(std::move(call));
        if (!done) co_return std::move(done).error();
        co_return std::move(done->result);
    }
    asio::awaitable<result<Invocation>> invoke_with_metrics(JobCall call) {
        co_await asio::this_coro::throw_if_cancelled(false);
        ids.push_back(call.job_id);
        if (keep_calls) calls.push_back(call);
        peak = std::max(peak, ++running);
        const auto gate = call.args.empty() ? gates.end() : gates.find(call.args.front());
        const bool through = gate == gates.end() || co_await wait_at(gate->second);
        --running;
        if (!through)
            co_return Error{.code = errc::cancelled, .message = "the fake call was cancelled", .provider = name_};
        if (!call.args.empty() && call.args.front() == 0xff) {
            auto metrics = std::make_shared<FaasMetrics>();
            metrics->attempts = 3;
            co_return Error{
                .code = errc::function_error, .message = "the job said no", .provider = name_, .metrics = metrics};
        }
        std::optional<Error> error;
        if (fails) error = fails(call);
        if (error) co_return std::move(*error);
        Invocation done;
        done.result.outcome = Bytes{call.args.rbegin(), call.args.rend()};
        done.result.metadata.set("served-by", name_);
        done.metrics.cold_start = true;
        co_return done;
    }

    std::map<std::uint8_t, Gate> gates{};
    std::vector<JobId> ids{};
    std::function<std::optional<Error>(const JobCall&)> fails{};
    std::vector<JobCall> calls{};  ///< what was asked for, if `keep_calls`
    bool keep_calls = false;
    std::size_t running = 0;
    std::size_t peak = 0;

private:
    static asio::awaitable<bool> wait_at(Gate& gate) { return gate.wait(); }

    asio::io_context* io_;
    std::string_view name_;
};
static_assert(Executor<FakeExecutor>);

/// Runs one operation on `io` from start() to outcome().
template <class T>
class Operation {
public:
    Operation(asio::io_context& io, asio::awaitable<T> operation) {
        asio::co_spawn(io, std::move(operation),
                       asio::bind_cancellation_slot(cancel_.slot(), [this](std::exception_ptr failure, T value) {
                           if (failure) std::rethrow_exception(failure);
                           outcome_.emplace(std::move(value));
                       }));
    }
    Operation(const Operation&) = delete;
    bool ended() const noexcept { return outcome_.has_value(); }
    T& outcome() { return outcome_.value(); }
    void cancel() { cancel_.emit(asio::cancellation_type::terminal); }

private:
    asio::cancellation_signal cancel_;
    std::optional<T> outcome_;
};

/// Runs `operation` to its end on an `io_context` of its own.
template <class T>
T finish(asio::awaitable<T> operation) {
    asio::io_context io;
    Operation<T> running{io, std::move(operation)};
    io.run();
    return std::move(running.outcome());
}

/// Calls of one job with the arguments {0}, {1}, ...
inline std::vector<JobCall> calls_of(JobId id, std::uint8_t count) {
    std::vector<JobCall> calls;
    for (std::uint8_t n = 0; n < count; ++n) {
        JobCall call;
        call.job_id = id;
        call.args = Bytes{n};
        call.metadata.set("n", std::to_string(n));
        calls.push_back(std::move(call));
    }
    return calls;
}

}  // namespace blueprint::faas::tests

#endif
