#include "blueprint/faas/detail/wait.hpp"
#include "blueprint/faas/resilience/gate.hpp"
#include "blueprint/faas/resilience/standard.hpp"
#include "support/run.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace turn_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using tests::failed;
using tests::run;

namespace {

// Far in the future: what is taken there is not affected by the real clock.
constexpr Moment at(std::chrono::nanoseconds since) { return Moment{100'000h + since}; }

const Error reset{.code = errc::infrastructure, .message = "reset", .retryable = true};
const Error throttled{.code = errc::throttled,
                      .message = "slow down",
                      .http_status = 429,
                      .retryable = true,
                      .execution = Execution::not_started};

struct Sent {
    int calls = 0;
    int requests = 0;
    int succeeded = 0;
};

// Makes `per_second` calls a second for `seconds` by a clock moved by hand; `answer(n)` says how request `n` ends.
Sent simulate(const StandardResilience& resilience, int per_second, int seconds,
              const std::function<const Error*(int)>& answer) {
    Sent sent;
    for (int call = 0; call < per_second * seconds; ++call) {
        const auto now = at(1s * call / per_second);
        auto turn = resilience.begin();
        ++sent.calls;
        while (turn.try_admit(now)) {
            const Error* const error = answer(sent.requests++);
            if (error == nullptr) {
                turn.succeeded(now);
                ++sent.succeeded;
                break;
            }
            if (!turn.after(*error, now, 0.5).wait) break;
        }
    }
    return sent;
}

}  // namespace

TEST_CASE("standard: when everything fails, retries end; 1,000 calls a second are no more than 1.2 requests each") {
    for (const Error& error : {reset, throttled}) {
        CAPTURE(error.message);
        const auto sent = simulate(StandardResilience{}, 1000, 10, [&](int) { return &error; });
        CHECK(sent.succeeded == 0);
        CHECK(sent.calls == 10'000);
        CHECK(sent.requests > sent.calls);  // it does retry
        CHECK(sent.requests <= sent.calls + 100);
    }
}

TEST_CASE("standard: when retries help, they still stay within a fifth of the calls") {
    // Each first try fails, each second one succeeds: the quota never runs dry, and the budget alone bounds it.
    for (const int every : {2, 3, 4}) {
        CAPTURE(every);
        const auto sent =
            simulate(StandardResilience{}, 1000, 30, [&](int n) { return n % every == 0 ? &reset : nullptr; });
        CHECK(sent.requests <= sent.calls * 12 / 10);
        CHECK(sent.requests >= sent.calls * 115 / 100);
    }
}

TEST_CASE("standard: few calls are retried in full") {
    const auto sent = simulate(StandardResilience{}, 2, 30, [&](int n) { return n % 3 != 2 ? &reset : nullptr; });
    CHECK(sent.succeeded == 60);
    CHECK(sent.requests == 180);
}

TEST_CASE("standard: a retry that is given up gives back what it took") {
    const StandardResilience resilience{
        ResilienceOptions{.quota = {.tokens = 14}, .budget = {.share = 0, .floor_per_second = 1}}};
    for (int i = 0; i < 5; ++i) {
        CAPTURE(i);
        auto turn = resilience.begin();
        REQUIRE(turn.try_admit(at(0s)));
        CHECK(turn.after(reset, at(0s), 0.5).wait);  // and no second attempt: the deadline, say
    }
    auto turn = resilience.begin();
    REQUIRE(turn.try_admit(at(0s)));
    REQUIRE(turn.after(reset, at(0s), 0.5).wait);
    REQUIRE(turn.try_admit(at(0s)));
    const auto end = turn.after(reset, at(0s), 0.5);
    CHECK_FALSE(end.wait);
    CHECK(end.why_not == "not tried again: too many retries have failed lately");
}

TEST_CASE("standard: a success after a retry gives back its price, one at once gives a little") {
    const StandardResilience resilience{ResilienceOptions{.quota = {.tokens = 15}}};
    const auto retried = [&](bool succeeds) {
        auto turn = resilience.begin();
        REQUIRE(turn.try_admit(at(0s)));
        if (!turn.after(reset, at(0s), 0.5).wait) return false;
        REQUIRE(turn.try_admit(at(0s)));
        succeeds ? turn.succeeded(at(0s)) : (void)turn.after(reset, at(0s), 0.5);
        return true;
    };
    for (int i = 0; i < 5; ++i) CHECK(retried(true));
    CHECK(retried(false));        // 1 is left
    CHECK_FALSE(retried(false));  // too little
    for (int i = 0; i < 13; ++i) {
        CHECK_FALSE(retried(false));
        auto turn = resilience.begin();
        REQUIRE(turn.try_admit(at(0s)));
        turn.succeeded(at(0s));
    }
    CHECK(retried(false));
}

TEST_CASE("standard: with a breaker, twenty failures are the last ones sent until it has been open for 5 s") {
    const StandardResilience resilience{ResilienceOptions{.retry = {.max_attempts = 1}, .breaker = BreakerOptions{}}};
    auto sent = simulate(resilience, 1000, 4, [&](int) { return &reset; });
    CHECK(sent.requests == 20);

    boost::asio::io_context io;
    auto turn = resilience.begin();
    CHECK_FALSE(turn.try_admit(at(4s)));
    // The simulated failures lie ahead of the real clock, by which `admit` tells when it may be tried again.
    const auto refusal = failed(run(io, turn.admit(deadline_after(1s))));
    CHECK(refusal.code == errc::infrastructure);
    CHECK(refusal.execution == Execution::not_started);
    CHECK(refusal.retryable);
    CHECK(refusal.retry_after.has_value());
    CHECK(refusal.message.find("circuit breaker") != std::string::npos);

    auto probe = resilience.begin();
    CHECK(probe.try_admit(at(6s)));
}

TEST_CASE("standard: an attempt that is dropped gives its probe back") {
    const StandardResilience resilience{
        ResilienceOptions{.breaker = BreakerOptions{.consecutive_failures = 1, .probes = 1}}};
    {
        auto turn = resilience.begin();
        REQUIRE(turn.try_admit(at(0s)));
        (void)turn.after(reset, at(0s), 0.5);
    }
    for (int i = 0; i < 3; ++i) {
        auto dropped = resilience.begin();
        CHECK(dropped.try_admit(at(6s)));
        auto second = resilience.begin();
        CHECK_FALSE(second.try_admit(at(6s)));
    }
}

TEST_CASE("standard: renewing credentials ends when fresh ones are refused as well") {
    const StandardResilience resilience;
    const Error refused{.code = errc::authentication, .http_status = 401, .execution = Execution::not_started};
    int renewals = 0;
    for (int call = 0; call < 1000; ++call) {
        auto turn = resilience.begin();
        REQUIRE(turn.try_admit(at(0s)));
        if (!turn.renew(at(0s))) continue;
        ++renewals;
        REQUIRE(turn.try_admit(at(0s)));
        CHECK_FALSE(turn.after(refused, at(0s), 0.5).wait);
    }
    CHECK(renewals == 20);

    const StandardResilience fresh;
    for (int call = 0; call < 1000; ++call) {  // all tokens expired at once: each call may renew
        auto turn = fresh.begin();
        REQUIRE(turn.try_admit(at(0s)));
        CHECK(turn.renew(at(0s)));
        REQUIRE(turn.try_admit(at(0s)));
        turn.succeeded(at(0s));
    }
}

TEST_CASE("standard: copies share what they bound") {
    const StandardResilience one{ResilienceOptions{.quota = {.tokens = 14}}};
    const StandardResilience other = one;
    auto turn = one.begin();
    REQUIRE(turn.try_admit(at(0s)));
    CHECK(turn.after(reset, at(0s), 0.5).wait);
    auto second = other.begin();
    REQUIRE(second.try_admit(at(0s)));
    CHECK_FALSE(second.after(reset, at(0s), 0.5).wait);
}

namespace {

// Callers at a gate, each with what became of it.
struct Callers {
    explicit Callers(RateLimitOptions rate, std::size_t max_concurrent)
        : gate{std::make_shared<Gate>(rate, max_concurrent)} {}

    boost::asio::io_context io{};
    std::shared_ptr<Gate> gate;
    std::vector<int> order{};
    std::vector<std::optional<result<void>>> ended = std::vector<std::optional<result<void>>>(16);
    std::deque<boost::asio::cancellation_signal> signals = std::deque<boost::asio::cancellation_signal>(16);

    void queue(int who, Deadline deadline = Deadline::max()) {
        const auto index = static_cast<std::size_t>(who);
        boost::asio::co_spawn(
            io, call(deadline),
            boost::asio::bind_cancellation_slot(signals[index].slot(),
                                                [this, who, index](std::exception_ptr failure, result<void> outcome) {
                                                    if (failure) std::rethrow_exception(failure);
                                                    ended[index] = std::move(outcome);
                                                    order.push_back(who);
                                                }));
    }
    asio::awaitable<result<void>> call(Deadline deadline) {
        co_await asio::this_coro::throw_if_cancelled(false);
        auto entered = co_await Gate::enter(gate, deadline);
        co_return entered;
    }
    void poll() {
        io.restart();
        io.poll();
    }
};

}  // namespace

TEST_CASE("gate: first come, first served, and nobody overtakes who waits") {
    Callers callers{{}, 2};
    CHECK(callers.gate->try_enter(at(0s)));
    CHECK(callers.gate->try_enter(at(0s)));
    CHECK_FALSE(callers.gate->try_enter(at(0s)));
    for (int who = 0; who < 5; ++who) callers.queue(who);
    callers.poll();
    CHECK(callers.order.empty());
    CHECK(callers.gate->waiting() == 5);
    callers.gate->leave();
    CHECK_FALSE(callers.gate->try_enter(at(0s)));  // the place is the first one's, who has not woken yet
    callers.poll();
    CHECK((callers.order == std::vector{0}));
    callers.gate->leave();
    callers.gate->leave();
    callers.poll();
    CHECK((callers.order == std::vector{0, 1, 2}));
    CHECK(callers.gate->inside() == 2);
    for (int i = 0; i < 2; ++i) callers.gate->leave();
    callers.poll();
    for (int i = 0; i < 2; ++i) callers.gate->leave();
    CHECK((callers.order == std::vector{0, 1, 2, 3, 4}));
    CHECK(callers.gate->inside() == 0);
    CHECK(callers.gate->waiting() == 0);
}

TEST_CASE("gate: who is late or cancelled leaves the queue, and those behind move up") {
    Callers callers{{}, 1};
    CHECK(callers.gate->try_enter(at(0s)));
    callers.queue(0, deadline_after(20ms));
    callers.queue(1);
    callers.queue(2);
    callers.poll();
    callers.signals[1].emit(asio::cancellation_type::terminal);
    callers.poll();
    REQUIRE(callers.ended[1]);
    CHECK(failed(*callers.ended[1]).code == errc::cancelled);
    CHECK(failed(*callers.ended[1]).execution == Execution::not_started);
    callers.io.restart();
    callers.io.run_one_for(2s);
    callers.poll();
    REQUIRE(callers.ended[0]);
    CHECK(failed(*callers.ended[0]).code == errc::timed_out);
    CHECK(failed(*callers.ended[0]).execution == Execution::not_started);
    CHECK(callers.gate->waiting() == 1);
    callers.gate->leave();
    callers.poll();
    REQUIRE(callers.ended[2]);
    CHECK(callers.ended[2]->has_value());
}

TEST_CASE("gate: who is let in and cancelled at once leaves no place taken") {
    Callers callers{{}, 1};
    CHECK(callers.gate->try_enter(at(0s)));
    callers.queue(0);
    callers.queue(1);
    callers.poll();
    callers.signals[0].emit(asio::cancellation_type::terminal);
    callers.gate->leave();
    callers.poll();
    REQUIRE(callers.ended[0]);
    CHECK(failed(*callers.ended[0]).code == errc::cancelled);
    REQUIRE(callers.ended[1]);
    CHECK(callers.ended[1]->has_value());
    CHECK(callers.gate->inside() == 1);
}

TEST_CASE("gate: the rate lets in one after the other") {
    Callers callers{{.per_second = 200, .burst = 1}, 0};
    const auto began = std::chrono::steady_clock::now();
    for (int who = 0; who < 11; ++who) callers.queue(who);
    callers.io.run();
    CHECK((callers.order == std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
    CHECK(std::chrono::steady_clock::now() - began >= 50ms);  // never earlier than the rate allows
}

TEST_CASE("gate: what the rate has room for belongs to who waits, not to who comes by") {
    Callers callers{{.per_second = 0.001, .burst = 1}, 0};
    CHECK(callers.gate->try_enter(std::chrono::steady_clock::now()));
    callers.queue(0);
    callers.poll();
    CHECK(callers.gate->waiting() == 1);
    CHECK_FALSE(callers.gate->try_enter(at(0s)));  // long after the next may go
}

TEST_CASE("gate: coroutines that are destroyed while they wait leave the queue") {
    const auto gate = std::make_shared<Gate>(RateLimitOptions{}, 1);
    CHECK(gate->try_enter(at(0s)));
    {
        boost::asio::io_context io;
        for (int i = 0; i < 3; ++i)
            boost::asio::co_spawn(io, Gate::enter(gate, Deadline::max()), [](std::exception_ptr, result<void>) {});
        io.poll();
        CHECK(gate->waiting() == 3);
        gate->leave();  // one has the place, and never wakes to take it
        CHECK(gate->inside() == 1);
    }
    CHECK(gate->waiting() == 0);
    CHECK(gate->inside() == 0);
}

TEST_CASE("gate: four threads never are more inside than allowed, and all come through") {
    const auto gate = std::make_shared<Gate>(RateLimitOptions{}, 3);
    boost::asio::io_context io;
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
    std::atomic<int> through{0};
    struct Caller {
        static asio::awaitable<void> come(std::shared_ptr<Gate> gate, std::atomic<int>& inside, std::atomic<int>& most,
                                          std::atomic<int>& through) {
            for (int i = 0; i < 200; ++i) {
                const auto now = std::chrono::steady_clock::now();
                if (!gate->try_enter(now)) {
                    const auto entered = co_await Gate::enter(gate, Deadline::max());
                    if (!entered) co_return;
                }
                const int count = ++inside;
                for (int seen = most; count > seen && !most.compare_exchange_weak(seen, count);) {
                }
                const bool waited = co_await detail::wait_for(std::chrono::milliseconds{0});
                if (waited) ++through;
                --inside;
                gate->leave();
            }
        }
    };
    for (int i = 0; i < 16; ++i)
        boost::asio::co_spawn(io, Caller::come(gate, inside, most, through), [](std::exception_ptr failure) {
            if (failure) std::rethrow_exception(failure);
        });
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { io.run(); });
    for (auto& thread : threads) thread.join();
    CHECK(through == 16 * 200);
    CHECK(most == 3);
    CHECK(gate->inside() == 0);
}

}  // namespace turn_test
