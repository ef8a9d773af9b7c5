#include "blueprint/faas/any_executor.hpp"
#include "blueprint/faas/detail/wait.hpp"
#include "blueprint/faas/registry.hpp"
#include "blueprint/faas/resilience/failover.hpp"
#include "blueprint/faas/resilience/hedging.hpp"
#include "blueprint/faas/resilience/limited.hpp"
#include "blueprint/faas/start.hpp"
#include "blueprint/faas/switch.hpp"
#include "support/run.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace between_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using tests::failed;
using tests::ok;
using tests::run;

namespace {

// An executor whose calls take and end as the test says. `act(n)` tells of call number n, counted from 1.
class Scene {
public:
    struct Act {
        std::chrono::milliseconds takes{};
        std::optional<Error> fails{};
        bool heeds = true;  // ends when it is cancelled
        bool throws = false;
    };
    Scene(asio::io_context& io, std::string_view name, std::function<Act(int)> act)
        : io_{io.get_executor()}, name_{name}, act_{std::move(act)} {}

    std::string_view provider_name() const { return name_; }
    asio::any_io_executor get_executor() const { return io_; }
    asio::awaitable<result<JobResult>> invoke(JobCall call) {
        auto done = co_await invoke_with_metrics(std::move(call));
        if (!done) co_return std::move(done).error();
        co_return std::move(done->result);
    }
    asio::awaitable<result<Invocation>> invoke_with_metrics(JobCall call) {
        co_await asio::this_coro::throw_if_cancelled(false);
        const Act act = act_(++calls);
        ++running;
        last = call;
        if (act.takes.count() > 0) {
            const auto until = deadline_after(act.takes);
            bool stopped = false;
            while (!stopped && time_left(until).count() > 0) {
                const bool waited = co_await detail::wait_for(time_left(until));
                stopped = !waited && act.heeds;
            }
            if (stopped) {
                --running;
                ++cancelled;
                co_return Error{.code = errc::cancelled, .message = "cancelled in flight", .provider = name_};
            }
        }
        --running;
        if (act.throws) throw std::logic_error{"a programming error"};
        if (act.fails) {
            Error error = *act.fails;
            error.provider = name_;
            co_return error;
        }
        Invocation done;
        done.result.job_id = call.job_id;
        done.result.outcome = call.args;
        done.result.ran_on = name_;
        co_return done;
    }

    int calls = 0;
    int running = 0;
    int cancelled = 0;
    JobCall last{};

private:
    asio::any_io_executor io_;
    std::string_view name_;
    std::function<Act(int)> act_;
};
static_assert(Executor<Scene>);

Scene::Act fine(int) { return {}; }
Scene::Act down(int) {
    return {.fails = Error{.code = errc::infrastructure,
                           .message = "no connection",
                           .retryable = true,
                           .execution = Execution::not_started}};
}
Scene::Act lost(int) {
    return {.fails = Error{.code = errc::infrastructure, .message = "connection broke", .http_status = 503}};
}

static_assert(Executor<Failover<Scene, AnyFaasExecutor>>);
static_assert(Executor<Hedged<Scene>>);
static_assert(Executor<Limited<Scene>>);
static_assert(Executor<Limited<Hedged<Failover<Scene, Scene>>>>);

}  // namespace

TEST_CASE("failover: the first that works runs the job, and the result says who") {
    asio::io_context io;
    Scene aws{io, "aws", down};
    Scene gcp{io, "gcp", fine};
    Failover both{aws, gcp};
    const auto done = ok(run(io, both.invoke_with_metrics({.job_id = 3, .args = {1, 2}})));
    CHECK(done.result.ran_on == "gcp");
    CHECK((*done.result.outcome == Bytes{1, 2}));
    CHECK(done.metrics.attempts == 2);
    REQUIRE(done.metrics.failed_attempts.size() == 1);
    CHECK(done.metrics.failed_attempts[0].where == "aws");
    CHECK(done.metrics.failed_attempts[0].why == "no connection");
    CHECK(ok(run(io, both.invoke({.job_id = 3}))).ran_on == "gcp");
    Scene works{io, "works", fine};
    Failover untroubled{works, gcp};
    CHECK(ok(run(io, untroubled.invoke_with_metrics({.job_id = 3}))).metrics.failed_attempts.empty());
    CHECK(gcp.calls == 2);
}

TEST_CASE("failover: a call that may have run goes elsewhere only if it is idempotent") {
    struct Row {
        Error error;
        bool idempotent;
        bool moves;
    };
    const Row rows[] = {
        {{.code = errc::infrastructure, .message = "x", .execution = Execution::not_started}, false, true},
        {{.code = errc::infrastructure, .message = "x"}, false, false},
        {{.code = errc::infrastructure, .message = "x"}, true, true},
        {{.code = errc::timed_out, .message = "x", .execution = Execution::started}, false, false},
        {{.code = errc::timed_out, .message = "x", .execution = Execution::started}, true, true},
        {{.code = errc::throttled, .message = "x", .execution = Execution::not_started}, false, true},
        {{.code = errc::not_found, .message = "x", .execution = Execution::not_started}, false, true},
        {{.code = errc::function_error, .message = "x", .execution = Execution::started}, true, false},
        {{.code = errc::cancelled, .message = "x", .execution = Execution::not_started}, true, false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.error.code.message());
        CAPTURE(row.idempotent);
        asio::io_context io;
        Scene aws{io, "aws", [&](int) { return Scene::Act{.fails = row.error}; }};
        Scene gcp{io, "gcp", fine};
        Failover both{aws, gcp};
        const auto outcome = run(io, both.invoke({.job_id = 3, .idempotent = row.idempotent}));
        CHECK(outcome.has_value() == row.moves);
        CHECK(gcp.calls == (row.moves ? 1 : 0));
        if (outcome) continue;
        CHECK(outcome.error().code == row.error.code);
        CHECK(outcome.error().execution == row.error.execution);
        CHECK(outcome.error().provider == "aws");
    }
}

TEST_CASE("failover: when all fail the error names each and its reason, and whether the job may have run") {
    asio::io_context io;
    Scene aws{io, "aws", lost};
    Scene gcp{io, "gcp", down};
    Failover both{aws, gcp};
    const auto error = failed(run(io, both.invoke({.job_id = 3, .idempotent = true})));
    CHECK(error.message == "no executor ran the job: aws: connection broke; gcp: no connection");
    CHECK(error.execution == Execution::unknown);
    CHECK(error.code == errc::infrastructure);
    REQUIRE(error.metrics);
    CHECK(error.metrics->attempts == 2);
    CHECK(error.metrics->failed_attempts.size() == 2);
}

TEST_CASE("failover: an executor that keeps failing is left alone, and comes back when its probes succeed") {
    asio::io_context io;
    bool up = false;
    Scene aws{io, "aws", [&](int n) { return up ? fine(n) : down(n); }};
    Scene gcp{io, "gcp", fine};
    Failover both{FailoverOptions{.breaker = {.consecutive_failures = 5, .open_for = 800ms}}, aws, gcp};
    for (int i = 0; i < 20; ++i) CHECK(ok(run(io, both.invoke({.job_id = 1}))).ran_on == "gcp");
    CHECK(aws.calls == 5);
    CHECK(both.state(0) == BreakerState::open);
    CHECK(both.state(1) == BreakerState::closed);
    up = true;
    const auto patience = std::chrono::steady_clock::now() + 10s;
    while (both.state(0) == BreakerState::open && std::chrono::steady_clock::now() < patience)
        std::this_thread::yield();
    CHECK(both.state(0) == BreakerState::half_open);
    for (int i = 0; i < 3; ++i) CHECK(ok(run(io, both.invoke({.job_id = 1}))).ran_on == "aws");
    CHECK(both.state(0) == BreakerState::closed);
}

TEST_CASE("failover: with all left alone nothing is sent, and the error says until when") {
    asio::io_context io;
    Scene aws{io, "aws", down};
    Scene gcp{io, "gcp", down};
    Failover both{FailoverOptions{.breaker = {.consecutive_failures = 1}}, aws, gcp};
    failed(run(io, both.invoke({.job_id = 1})));
    const auto error = failed(run(io, both.invoke({.job_id = 1})));
    CHECK(aws.calls + gcp.calls == 2);
    CHECK(error.code == errc::infrastructure);
    CHECK(error.execution == Execution::not_started);
    CHECK(error.retryable);
    CHECK(error.provider == "failover");
    REQUIRE(error.retry_after);
    CHECK(*error.retry_after > 0ms);
    CHECK(error.message.find("aws: skipped, because it keeps failing") != std::string::npos);
    CHECK(error.message.find("gcp: skipped") != std::string::npos);
    CHECK(error.metrics->attempts == 0);
}

TEST_CASE("failover: one deadline for all, of which a member may be given a part") {
    asio::io_context io;
    Scene aws{io, "aws", [](int n) {
                  auto act = down(n);
                  act.takes = 20ms;
                  return act;
              }};
    Scene gcp{io, "gcp", fine};
    Failover both{aws, gcp};
    ok(run(io, both.invoke({.job_id = 1, .timeout = 10s})));
    CHECK(*aws.last.timeout == 10s);
    CHECK(*gcp.last.timeout <= 9980ms);
    const auto late = failed(run(io, both.invoke({.job_id = 1, .timeout = 15ms})));
    CHECK(late.message.find("the deadline left no time for the next executor") != std::string::npos);
    CHECK(gcp.calls == 1);
    Failover parts{FailoverOptions{.member_timeout = 2s}, aws, gcp};
    ok(run(io, parts.invoke({.job_id = 1, .timeout = 10s})));
    CHECK(*aws.last.timeout == 2s);
    CHECK(*gcp.last.timeout > 2s);
    ok(run(io, parts.invoke({.job_id = 1})));
    CHECK(*aws.last.timeout == 2s);
    CHECK_FALSE(gcp.last.timeout);
}

TEST_CASE("failover: cancelled while the first runs, the second is not tried") {
    for (const bool heeds : {true, false}) {
        CAPTURE(heeds);
        asio::io_context io;
        Scene aws{io, "aws", [&](int n) {
                      auto act = down(n);
                      act.takes = heeds ? 1h : 30ms;
                      act.heeds = heeds;
                      return act;
                  }};
        Scene gcp{io, "gcp", fine};
        Failover both{aws, gcp};
        asio::cancellation_signal stop;
        std::optional<result<JobResult>> ended;
        start(both, both.invoke({.job_id = 1}),
              asio::bind_cancellation_slot(stop.slot(), [&](result<JobResult> done) { ended = std::move(done); }));
        io.poll();
        stop.emit(asio::cancellation_type::total);
        io.run();
        REQUIRE(ended);
        CHECK(failed(*ended).code == errc::cancelled);
        CHECK(failed(*ended).execution == (heeds ? Execution::unknown : Execution::not_started));
        CHECK(gcp.calls == 0);
    }
}

namespace {

constexpr HedgingOptions soon{.min_samples = 10};

// Lets a `Hedged` see enough latencies of next to nothing.
template <class H>
void warm_up(asio::io_context& io, H& hedged, int calls = 60) {
    for (int i = 0; i < calls; ++i) ok(run(io, hedged.invoke({.job_id = 1, .idempotent = true})));
}

}  // namespace

TEST_CASE("hedging: the second copy answers for a slow first one, which is cancelled and waited for") {
    asio::io_context io;
    bool slow = false;
    int slow_call = 0;
    Scene aws{io, "aws", [&](int n) {
                  if (slow && slow_call == 0) slow_call = n;
                  return Scene::Act{.takes = slow && n == slow_call ? std::chrono::milliseconds{1h} : 0ms};
              }};
    Hedged quick{aws, soon};
    warm_up(io, quick);
    CHECK(quick.statistics().quantile > 0us);
    slow = true;
    const int before = aws.calls;
    const auto done =
        ok(run(io, quick.invoke_with_metrics({.job_id = 1, .args = {9}, .timeout = 10h, .idempotent = true})));
    CHECK((*done.result.outcome == Bytes{9}));
    CHECK(aws.calls == before + 2);
    CHECK(aws.cancelled == 1);
    CHECK(aws.running == 0);
    CHECK(done.metrics.attempts == 2);
    CHECK(done.metrics.failed_attempts.empty());
    CHECK(*aws.last.timeout < 10h);
    const auto statistics = quick.statistics();
    CHECK(statistics.hedged >= 1);
    CHECK(statistics.won >= 1);
}

TEST_CASE("hedging: only idempotent calls, only with enough latencies, and at most one in twenty") {
    asio::io_context io;
    std::chrono::milliseconds takes{};
    Scene aws{io, "aws", [&](int) { return Scene::Act{.takes = takes}; }};
    Hedged quick{aws};
    warm_up(io, quick, 99);
    takes = 5ms;
    ok(run(io, quick.invoke({.job_id = 1, .idempotent = true})));
    CHECK(aws.calls == 100);  // the hundredth is measured, not hedged
    CHECK(quick.statistics().hedged == 0);
    for (int i = 0; i < 20; ++i) ok(run(io, quick.invoke({.job_id = 1})));
    CHECK(aws.calls == 120);
    takes = 0ms;
    warm_up(io, quick, 880);
    // Everything is slow from here on, which a quantile of the last 1,000 does not know yet: the share bounds it.
    takes = 200ms;
    int ended = 0;
    for (int i = 0; i < 100; ++i)
        start(quick, quick.invoke({.job_id = 1, .idempotent = true}), [&](result<JobResult> outcome) {
            ok(std::move(outcome));
            ++ended;
        });
    io.restart();
    io.run();
    CHECK(ended == 100);
    const auto statistics = quick.statistics();
    CHECK(statistics.hedged >= 10);
    CHECK(statistics.hedged <= statistics.calls / 20);
    CHECK(static_cast<std::uint64_t>(aws.calls) == statistics.calls + statistics.hedged);
}

TEST_CASE("hedging: unless told otherwise, at most one in twenty, by the latencies of the last thousand calls") {
    asio::io_context io;
    std::chrono::milliseconds takes{};
    Scene aws{io, "aws", [&](int) { return Scene::Act{.takes = takes}; }};
    Hedged half{aws, {.quantile = 0.5}};
    warm_up(io, half, 200);
    takes = 2ms;
    warm_up(io, half, 60);  // all of them take longer than half of the calls did
    const auto statistics = half.statistics();
    CHECK(statistics.hedged >= 1);
    CHECK(statistics.hedged <= statistics.calls / 20);

    takes = 300ms;
    Hedged longest{aws, {.quantile = 1}};
    warm_up(io, longest, 1);
    takes = 0ms;
    warm_up(io, longest, 999);
    CHECK(longest.statistics().quantile >= 300ms);
    warm_up(io, longest, 1);
    CHECK(longest.statistics().quantile < 300ms);
}

TEST_CASE("hedging: a copy that fails leaves it to the other; when both fail the first one's error is told") {
    for (const int failures : {1, 2}) {
        CAPTURE(failures);
        asio::io_context io;
        int from = 0;
        Scene aws{io, "aws", [&](int n) {
                      if (from == 0) return Scene::Act{};
                      const int copy = n - from;
                      Scene::Act act{.takes = copy == 0 ? 400ms : 200ms};
                      if (copy < failures) {
                          act = copy == 0 ? lost(n) : down(n);
                          act.takes = copy == 0 ? 200ms : 400ms;
                      }
                      return act;
                  }};
        Hedged quick{aws, soon};
        warm_up(io, quick);
        from = aws.calls + 1;
        auto outcome = run(io, quick.invoke_with_metrics({.job_id = 1, .idempotent = true}));
        CHECK(outcome.has_value() == (failures == 1));
        CHECK(aws.running == 0);
        const auto& metrics = outcome ? outcome->metrics : *outcome.error().metrics;
        CHECK(metrics.attempts == 2);
        CHECK(metrics.failed_attempts.size() == static_cast<std::size_t>(failures));
        if (outcome) continue;
        CHECK(outcome.error().message == "connection broke");
        CHECK(outcome.error().execution == Execution::unknown);
    }
}

TEST_CASE("hedging: cancelling ends both copies before the call ends") {
    asio::io_context io;
    bool slow = false;
    Scene aws{io, "aws", [&](int) { return Scene::Act{.takes = slow ? std::chrono::milliseconds{1h} : 0ms}; }};
    Hedged quick{aws, soon};
    warm_up(io, quick);
    slow = true;
    asio::cancellation_signal stop;
    std::optional<result<JobResult>> ended;
    start(quick, quick.invoke({.job_id = 1, .idempotent = true}),
          asio::bind_cancellation_slot(stop.slot(), [&](result<JobResult> done) { ended = std::move(done); }));
    io.restart();
    while (aws.running < 2) io.run_one();
    stop.emit(asio::cancellation_type::partial);
    io.run();
    REQUIRE(ended);
    CHECK(failed(*ended).code == errc::cancelled);
    CHECK(failed(*ended).execution == Execution::unknown);
    CHECK(aws.cancelled == 2);
    CHECK(aws.running == 0);
}

TEST_CASE("hedging: a programming error in one copy comes out when both have ended") {
    asio::io_context io;
    bool bad = false;
    Scene aws{io, "aws", [&](int) { return Scene::Act{.takes = bad ? 20ms : 0ms, .throws = bad}; }};
    Hedged quick{aws, soon};
    warm_up(io, quick);
    bad = true;
    CHECK_THROWS_AS(run(io, quick.invoke({.job_id = 1, .idempotent = true})), std::logic_error);
    CHECK(aws.running == 0);
}

TEST_CASE("hedging: an io_context that ends in the middle of a race leaves nothing behind") {
    auto io = std::make_unique<asio::io_context>();
    bool slow = false;
    Scene aws{*io, "aws", [&](int) { return Scene::Act{.takes = slow ? std::chrono::milliseconds{1h} : 0ms}; }};
    Hedged quick{aws, soon};
    warm_up(*io, quick);
    slow = true;
    bool ended = false;
    start(quick, quick.invoke({.job_id = 1, .idempotent = true}), [&](result<JobResult>) { ended = true; });
    io->restart();
    while (aws.running < 2) io->run_one();
    io.reset();
    CHECK_FALSE(ended);
}

TEST_CASE("limited: so many at once and no more; the queue's time is part of the call's") {
    asio::io_context io;
    int most = 0;
    Scene* scene = nullptr;
    Scene aws{io, "aws", [&](int) {
                  most = std::max(most, scene->running + 1);
                  return Scene::Act{.takes = 200ms};  // far longer than all calls need to arrive
              }};
    scene = &aws;
    Limited gentle{aws, {.max_concurrent = 2}};
    int done = 0;
    int late = 0;
    for (int i = 0; i < 8; ++i)
        start(gentle, gentle.invoke({.job_id = 1, .timeout = 10s}),
              [&](result<JobResult> outcome) { outcome ? ++done : ++late; });
    start(gentle, gentle.invoke_with_metrics({.job_id = 1, .timeout = 5ms}), [&](result<Invocation> outcome) {
        const auto error = failed(std::move(outcome));
        CHECK(error.code == errc::timed_out);
        CHECK(error.execution == Execution::not_started);
        CHECK(error.provider == "aws");
        CHECK(error.metrics->attempts == 0);
        CHECK(error.metrics->total_duration >= 5ms);
        ++late;
    });
    io.poll();
    CHECK(gentle.running() == 2);
    CHECK(gentle.waiting() == 7);
    io.run();
    CHECK(done == 8);
    CHECK(late == 1);
    CHECK(most == 2);
    CHECK(*aws.last.timeout <= 9800ms);  // it was in the queue while three others before it ran
    CHECK(gentle.running() == 0);
}

TEST_CASE("limited: the rate holds back what comes too fast, and a call may wait no longer than it is told") {
    asio::io_context io;
    Scene aws{io, "aws", fine};
    Limited gentle{aws, {.rate = {.per_second = 0.01, .burst = 2}, .max_wait = 10ms}};
    for (int i = 0; i < 2; ++i) ok(run(io, gentle.invoke({.job_id = 1})));
    CHECK(failed(run(io, gentle.invoke({.job_id = 1}))).code == errc::timed_out);
    CHECK(aws.calls == 2);
}

TEST_CASE("limited: who waits can be cancelled, and was never sent") {
    asio::io_context io;
    Scene aws{io, "aws", [](int) { return Scene::Act{.takes = std::chrono::milliseconds{1h}}; }};
    Limited gentle{aws, {.max_concurrent = 1}};
    asio::cancellation_signal first;
    asio::cancellation_signal second;
    std::vector<Error> errors;
    const auto ended = [&](result<JobResult> outcome) { errors.push_back(failed(std::move(outcome))); };
    start(gentle, gentle.invoke({.job_id = 1}), asio::bind_cancellation_slot(first.slot(), ended));
    start(gentle, gentle.invoke({.job_id = 1}), asio::bind_cancellation_slot(second.slot(), ended));
    io.poll();
    second.emit(asio::cancellation_type::partial);
    io.poll();
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].code == errc::cancelled);
    CHECK(errors[0].execution == Execution::not_started);
    first.emit(asio::cancellation_type::partial);
    io.restart();
    io.run();
    REQUIRE(errors.size() == 2);
    CHECK(errors[1].execution == Execution::unknown);
    CHECK(aws.calls == 1);
    CHECK(gentle.running() == 0);
}

TEST_CASE("between executors: each can be bound, switched, nested and erased") {
    asio::io_context io;
    Scene aws{io, "aws", down};
    Scene gcp{io, "gcp", fine};
    Failover both{aws, gcp};
    Hedged quick{both};
    Limited gentle{quick, {.max_concurrent = 4}};
    Switch off{gentle};
    AnyFaasExecutor any{Limited{gcp}};
    const StaticRegistry registry{bind<0>(off), bind<1>(Failover{aws, any})};
    CHECK(ok(run(io, registry.invoke({.job_id = 0}))).ran_on == "gcp");
    CHECK(ok(run(io, registry.invoke({.job_id = 1}))).ran_on == "gcp");
    CHECK(registry.get<1>().provider_name() == "failover");
    CHECK(any.provider_name() == "gcp");
}

namespace {

// Fails every seventh call and is slow with every twentieth; safe from every thread.
class Busy {
public:
    explicit Busy(asio::io_context& io) : io_{io.get_executor()} {}
    std::string_view provider_name() const { return "busy"; }
    asio::any_io_executor get_executor() const { return io_; }
    asio::awaitable<result<JobResult>> invoke(JobCall call) {
        auto done = co_await invoke_with_metrics(std::move(call));
        if (!done) co_return std::move(done).error();
        co_return std::move(done->result);
    }
    asio::awaitable<result<Invocation>> invoke_with_metrics(JobCall call) {
        co_await asio::this_coro::throw_if_cancelled(false);
        const int number = ++*calls_;
        ++*running_;
        const bool waited = co_await detail::wait_for(std::chrono::milliseconds{number % 20 == 0 ? 20 : number % 2});
        --*running_;
        if (!waited) co_return Error{.code = errc::cancelled, .message = "cancelled"};
        if (number % 7 == 0) {
            Error error = *down(0).fails;
            co_return error;
        }
        Invocation done;
        done.result.outcome = call.args;
        co_return done;
    }
    int running() const { return *running_; }

private:
    asio::any_io_executor io_;
    std::unique_ptr<std::atomic<int>> calls_ = std::make_unique<std::atomic<int>>(0);
    std::unique_ptr<std::atomic<int>> running_ = std::make_unique<std::atomic<int>>(0);
};

}  // namespace

TEST_CASE("between executors: four threads use the same ones, and every call ends once") {
    asio::io_context io;
    Busy aws{io};
    Busy gcp{io};
    Failover both{aws, gcp};
    Hedged quick{both, {.min_samples = 20, .max_extra = 1.0}};
    Limited gentle{quick, {.max_concurrent = 32}};
    std::atomic<int> succeeded{0};
    std::atomic<int> ended{0};
    for (int i = 0; i < 2'000; ++i)
        start(gentle, gentle.invoke({.job_id = 1, .args = {7}, .idempotent = true}), [&](result<JobResult> outcome) {
            if (outcome) ++succeeded;
            ++ended;
        });
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { io.run(); });
    for (auto& thread : threads) thread.join();
    CHECK(ended == 2'000);
    CHECK(succeeded >= 1'500);
    CHECK(quick.statistics().hedged > 0);
    CHECK(aws.running() + gcp.running() == 0);
    CHECK(gentle.running() == 0);
}

}  // namespace between_test
