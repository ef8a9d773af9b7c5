#include "blueprint/faas/resilience/budget.hpp"
#include "blueprint/faas/resilience/circuit_breaker.hpp"
#include "blueprint/faas/resilience/latency.hpp"
#include "blueprint/faas/resilience/rate_limit.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace decisions_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;

namespace {

// A clock moved by hand.
constexpr Moment at(std::chrono::nanoseconds since) { return Moment{1000h + since}; }

template <class F>
int count_true(int times, F f) {
    int count = 0;
    for (int i = 0; i < times; ++i) count += f() ? 1 : 0;
    return count;
}

}  // namespace

TEST_CASE("budget: retries are a fifth of the calls of the last ten seconds, and leave with them") {
    RetryBudget budget{{}};
    for (int i = 0; i < 1000; ++i) budget.called(at(0s));
    CHECK(count_true(1000, [&] { return budget.take(at(0s)); }) == 200);
    CHECK_FALSE(budget.take(at(9999ms)));  // calls and retries are both still in the window
    CHECK(count_true(1000, [&] { return budget.take(at(10s)); }) == 10);  // both have left; what is left is the floor
}

TEST_CASE("budget: the floor is ten a second, however few calls there are") {
    RetryBudget budget{{}};
    for (int second = 0; second < 30; ++second) {
        CAPTURE(second);
        CHECK(count_true(50, [&] { return budget.take(at(second * 1s)); }) == 10);
        CHECK_FALSE(budget.take(at(second * 1s + 999ms)));
    }
}

TEST_CASE("budget: the floor is no addition to the share") {
    RetryBudget budget{{}};
    for (int i = 0; i < 1000; ++i) budget.called(at(0s));
    CHECK(count_true(1000, [&] { return budget.take(at(0s)); }) == 200);
    CHECK(count_true(1000, [&] { return budget.take(at(1s)); }) == 0);
}

TEST_CASE("budget: over any stretch of time retries stay within the share") {
    RetryBudget budget{{}};
    int calls = 0;
    int retries = 0;
    for (int ms = 0; ms < 60'000; ++ms) {
        budget.called(at(ms * 1ms));
        ++calls;
        if (budget.take(at(ms * 1ms))) ++retries;
        if (ms == 4'999 || ms == 59'999) CHECK(retries <= calls / 5 + 10);
    }
    CHECK(retries >= calls / 5 - 200);
}

TEST_CASE("budget: what was taken and not used is given back, and a late clock does no harm") {
    RetryBudget budget{{}};
    CHECK(count_true(20, [&] { return budget.take(at(5s)); }) == 10);
    budget.give_back(at(5s));
    CHECK(budget.take(at(4s)));
    CHECK_FALSE(budget.take(at(4s)));
    CHECK_FALSE(budget.take(at(5s)));
    budget.give_back(at(20s));  // its second has left the window: nothing is owed
    CHECK(count_true(20, [&] { return budget.take(at(20s)); }) == 10);
}

TEST_CASE("quota: it pays for 35 retries, or 100 after throttling, and holds no more than it began with") {
    RetryQuota quota{500};
    CHECK(count_true(1000, [&] { return quota.take(14); }) == 35);
    CHECK(quota.tokens() == 10);
    RetryQuota throttled{500};
    CHECK(count_true(1000, [&] { return throttled.take(5); }) == 100);
    for (int i = 0; i < 14; ++i) throttled.give(1);
    CHECK(throttled.take(14));
    CHECK_FALSE(throttled.take(1));
    throttled.give(10'000);
    CHECK(throttled.tokens() == 500);
}

TEST_CASE("share: never more than the share of all calls so far, and unused ones are kept up to the burst") {
    ShareBudget share{0.05, 3};
    int taken = 0;
    for (int calls = 1; calls <= 1000; ++calls) {
        share.called();
        if (share.take()) ++taken;
        CHECK(taken <= calls / 20);
    }
    CHECK(taken == 50);
    for (int i = 0; i < 1000; ++i) share.called();
    CHECK(count_true(10, [&] { return share.take(); }) == 3);
}

TEST_CASE("rate: a burst at once, then one every interval") {
    RateLimit rate{{.per_second = 10, .burst = 3}};
    CHECK(count_true(10, [&] { return rate.try_take(at(0s)); }) == 3);
    CHECK(rate.next() == at(100ms));
    CHECK_FALSE(rate.try_take(at(99ms)));
    CHECK(rate.try_take(at(100ms)));
    CHECK_FALSE(rate.try_take(at(100ms)));
    CHECK(count_true(10, [&] { return rate.try_take(at(1h)); }) == 3);  // a quiet time gives the burst, no more
    rate.give_back();
    CHECK(rate.try_take(at(1h)));
}

TEST_CASE("rate: it neither drifts nor rounds away") {
    RateLimit rate{{.per_second = 3, .burst = 1}};
    int taken = 0;
    for (int ms = 0; ms < 100'000; ++ms) taken += rate.try_take(at(ms * 1ms)) ? 1 : 0;
    CHECK(taken >= 299);
    CHECK(taken <= 301);
}

TEST_CASE("rate: without a number there is no limit; without a burst it is one second's") {
    RateLimit none{{}};
    CHECK(count_true(100'000, [&] { return none.try_take(at(0s)); }) == 100'000);
    RateLimit second{{.per_second = 25}};
    CHECK(count_true(1000, [&] { return second.try_take(at(0s)); }) == 25);
    RateLimit slow{{.per_second = 0.1}};
    CHECK(count_true(10, [&] { return slow.try_take(at(0s)); }) == 1);
    CHECK(slow.next() == at(10s));
}

namespace {

// Plays a line of events, a character each, one call a step: '+' succeeds, '-' fails, '0' tells nothing, 'x' must be
// refused; '.' lets time pass. Returns the state after each.
std::string play(CircuitBreaker& breaker, const std::string& events, std::chrono::milliseconds& now,
                 std::chrono::milliseconds step) {
    std::string states;
    for (const char event : events) {
        now += step;
        if (event != '.') {
            const auto ticket = breaker.enter(at(now));
            CHECK(ticket.has_value() == (event != 'x'));
            const auto verdict = event == '+' ? Verdict::success : event == '-' ? Verdict::failure : Verdict::neither;
            if (ticket) breaker.leave(*ticket, verdict, at(now));
        }
        states += "coh"[static_cast<int>(breaker.state(at(now)))];
    }
    return states;
}

std::string play(BreakerOptions options, const std::string& events, std::chrono::milliseconds step) {
    CircuitBreaker breaker{options};
    std::chrono::milliseconds now{};
    return play(breaker, events, now, step);
}

}  // namespace

TEST_CASE("breaker: the table of its states") {
    const BreakerOptions standard{};
    const BreakerOptions small{.min_calls = 4, .consecutive_failures = 0};
    struct Row {
        BreakerOptions options;
        std::string events;
        std::chrono::milliseconds step;
        std::string states;
    };
    const Row rows[] = {
        // Nineteen failures are too few to tell; the twentieth opens.
        {standard, std::string(19, '-'), 1ms, std::string(19, 'c')},
        {standard, std::string(20, '-') + "xx", 1ms, std::string(19, 'c') + "ooo"},
        {small, "+-+-x", 1ms, "cccoo"},
        {small, "+++--", 1ms, "ccccc"},
        // A fraction below the half stays closed; what tells nothing counts neither way.
        {small, "++-0000+-0+", 1ms, "ccccccccccc"},
        // Failures that have left the window count no more: three at 0 to 2 s, the fourth at 11 s.
        {small, "---........-", 1s, "cccccccccccc"},
        {small, "---......-", 1s, "ccccccccco"},
        // In a row, after however many successes.
        {standard, std::string(500, '+') + std::string(20, '-'), 1ms, std::string(519, 'c') + "o"},
        {standard, std::string(500, '+') + std::string(19, '-') + "+-", 1ms, std::string(521, 'c')},
        // Open for 5 s; three probes must succeed.
        {small, "----x....+++-", 1s, "cccooooohhhcc"},
        // A probe that fails opens it for twice as long.
        {small, "----x....-x........+", 1s, "cccooooohoooooooooohh"},
        // A probe that tells nothing changes nothing.
        {small, "----.....0+0++", 1s, "cccooooohhhhhc"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.events);
        auto expected = row.states;
        expected.resize(row.events.size());
        CHECK(play(row.options, row.events, row.step) == expected);
    }
}

TEST_CASE("breaker: the open time doubles to its limit, and begins anew after a recovery") {
    CircuitBreaker breaker{{.min_calls = 1}};
    std::chrono::milliseconds now{};
    play(breaker, "-", now, 1ms);
    for (const auto expected : {5s, 10s, 20s, 40s, 60s, 60s}) {
        CHECK((breaker.open_left(at(now)) == expected));
        CHECK_FALSE(breaker.enter(at(now + expected - 1ms)));
        now += expected - 1ms;
        CHECK(play(breaker, "-", now, 1ms) == "o");
    }
    now += 60s;
    CHECK(play(breaker, "+++-", now, 1ms) == "hhco");
    CHECK((breaker.open_left(at(now)) == 5s));
}

TEST_CASE("breaker: while it probes, three calls at once and no more") {
    CircuitBreaker breaker{{.min_calls = 1}};
    std::chrono::milliseconds now{};
    play(breaker, "-", now, 1ms);
    now += 5s;
    std::vector<CircuitBreaker::Ticket> probes;
    for (int i = 0; i < 3; ++i) probes.push_back(breaker.enter(at(now)).value());
    CHECK_FALSE(breaker.enter(at(now)));
    CHECK_FALSE(breaker.lets_in(at(now)));
    breaker.leave(probes[0], Verdict::neither, at(now));  // a probe that tells nothing makes room for another
    CHECK(breaker.lets_in(at(now)));
    breaker.leave(probes[1], Verdict::success, at(now));
    CHECK(breaker.enter(at(now)));
    CHECK_FALSE(breaker.enter(at(now)));
}

TEST_CASE("breaker: what began before a change of state changes nothing") {
    CircuitBreaker breaker{{.min_calls = 2}};
    const auto old = breaker.enter(at(0s)).value();
    std::chrono::milliseconds now{};
    play(breaker, "--", now, 1ms);
    breaker.leave(old, Verdict::success, at(now));
    CHECK(breaker.state(at(now)) == BreakerState::open);
    now += 5s;
    CHECK(breaker.state(at(now)) == BreakerState::half_open);
    for (int i = 0; i < 3; ++i) breaker.leave(old, Verdict::success, at(now));
    CHECK(breaker.state(at(now)) == BreakerState::half_open);
    breaker.leave(old, Verdict::failure, at(now));
    CHECK(breaker.state(at(now)) == BreakerState::half_open);
}

TEST_CASE("breaker: what a failure tells of the platform") {
    struct Row {
        Error error;
        Verdict verdict;
    };
    const Row rows[] = {
        {{.code = errc::infrastructure, .retryable = true, .execution = Execution::not_started}, Verdict::failure},
        {{.code = errc::infrastructure, .http_status = 503}, Verdict::failure},
        {{.code = errc::timed_out}, Verdict::failure},  // sent, and no answer
        {{.code = errc::timed_out, .retryable = true, .execution = Execution::not_started}, Verdict::failure},
        {{.code = errc::timed_out, .execution = Execution::not_started}, Verdict::neither},  // it was late before
        {{.code = errc::timed_out, .http_status = 504, .execution = Execution::started}, Verdict::success},
        {{.code = errc::function_error, .http_status = 200, .execution = Execution::started}, Verdict::success},
        {{.code = errc::not_found, .http_status = 404, .execution = Execution::not_started}, Verdict::success},
        {{.code = errc::authentication, .http_status = 401, .execution = Execution::not_started}, Verdict::success},
        {{.code = errc::throttled, .http_status = 429, .execution = Execution::not_started}, Verdict::neither},
        {{.code = errc::cancelled}, Verdict::neither},
        {{.code = errc::invalid_configuration, .execution = Execution::not_started}, Verdict::neither},
    };
    for (const auto& row : rows) {
        CAPTURE(row.error.code.message());
        CAPTURE(row.error.http_status);
        CHECK(verdict_of(row.error) == row.verdict);
    }
}

TEST_CASE("latency: the quantile is never below the truth and at most one part in 64 above it") {
    for (const double quantile : {0.5, 0.95, 0.99, 1.0}) {
        CAPTURE(quantile);
        LatencyWindow window{quantile, 1000};
        CHECK(window.value() == 0us);
        std::deque<std::int64_t> last;
        std::uint64_t state = 12345;
        for (int i = 0; i < 6000; ++i) {
            state = state * 6364136223846793005ULL + 1442695040888963407ULL;
            // From microseconds to minutes, in stretches, so that the place has to travel.
            const auto span = std::uint64_t{1} << (1 + (static_cast<unsigned>(i) / 400 * 7) % 30);
            const auto latency = static_cast<std::int64_t>((state >> 33U) % span);
            window.add(std::chrono::microseconds{latency});
            last.push_back(latency);
            if (last.size() > 1000) last.pop_front();
            if (i % 97 != 0) continue;
            std::vector<std::int64_t> sorted{last.begin(), last.end()};
            std::sort(sorted.begin(), sorted.end());
            const auto rank = static_cast<std::size_t>(std::ceil(quantile * static_cast<double>(sorted.size())));
            const auto truth = sorted[std::max<std::size_t>(rank, 1) - 1];
            CHECK(window.value().count() >= truth);
            CHECK(window.value().count() <= truth + truth / 64 + 1);
            CHECK(window.size() == sorted.size());
        }
    }
}

TEST_CASE("latency: the longest and the impossible are taken too") {
    LatencyWindow window{0.95, 3};
    window.add(-5us);
    CHECK(window.value() == 0us);
    window.add(std::chrono::hours{24 * 365});
    CHECK(window.value() > 30h);
    for (int i = 0; i < 3; ++i) window.add(127us);
    CHECK(window.value() == 127us);
    window.add(128us);
    CHECK(window.value() == 129us);
}

}  // namespace decisions_test
