#include "blueprint/faas/runner/producer.hpp"

#include "blueprint/faas/runner/channel.hpp"
#include "support.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <ranges>
#include <utility>
#include <vector>

namespace producer_test {

namespace faas = blueprint::faas;
namespace asio = boost::asio;
using namespace blueprint::faas::tests;
using namespace std::chrono_literals;
using faas::errc;
using faas::JobCall;
using faas::JobId;
using faas::result;

namespace {

// A clock that stands still until a test moves it.
struct ManualClock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<ManualClock>;
    [[maybe_unused]] static constexpr bool is_steady = true;
    static inline time_point current{};
    static time_point now() noexcept { return current; }
};

JobCall numbered(std::uint64_t n) {
    JobCall call;
    call.job_id = 3;
    call.args = faas::Bytes{static_cast<std::uint8_t>(n)};
    return call;
}

using Next = Operation<result<std::optional<JobCall>>>;

template <class P>
std::vector<int> drain(P& producer) {
    std::vector<int> args;
    for (;;) {
        auto next = finish(producer.next());
        REQUIRE(next.has_value());
        if (!*next) return args;
        args.push_back((*next)->args.at(0));
    }
}

}  // namespace

TEST_CASE("range producer: gives the calls of a container, an array or a view, then a good end") {
    faas::RangeProducer container{calls_of(JobId{1}, 3)};
    CHECK(drain(container) == std::vector{0, 1, 2});
    faas::RangeProducer array{std::array{numbered(5), numbered(6)}};
    CHECK(drain(array) == std::vector{5, 6});
    faas::RangeProducer view{std::views::iota(0, 4) |
                             std::views::transform([](int n) { return numbered(static_cast<std::uint64_t>(n)); })};
    CHECK(drain(view) == std::vector{0, 1, 2, 3});
    const auto kept = calls_of(JobId{1}, 2);
    faas::RangeProducer borrowed{std::views::all(kept)};
    CHECK(drain(borrowed) == std::vector{0, 1});
    CHECK(kept[0].args.size() == 1);
}

TEST_CASE("generator producer: gives what the function returns until that is empty") {
    faas::GeneratorProducer producer{[n = 0U]() mutable -> std::optional<JobCall> {
        if (n == 2) return std::nullopt;
        return numbered(n++);
    }};
    CHECK(drain(producer) == std::vector{0, 1});
}

TEST_CASE("timer producer: missed ticks are left out, and the rhythm is kept") {
    using Time = ManualClock::time_point;
    struct Row {
        std::chrono::milliseconds now, expected;
    };
    for (const auto& row : {Row{0ms, 110ms}, Row{105ms, 110ms}, Row{110ms, 110ms}, Row{111ms, 120ms}, Row{120ms, 120ms},
                            Row{175ms, 180ms}}) {
        CAPTURE(row.now.count());
        CHECK((faas::next_tick(Time{100ms}, 10ms, Time{row.now}) == Time{row.expected}));
    }
}

TEST_CASE("timer producer: ticks at its interval and ends after its count") {
    ManualClock::current = ManualClock::time_point{};
    asio::io_context io;
    faas::TimerProducer<JobCall (*)(std::uint64_t), ManualClock> producer{10ms, numbered, 2};
    for (const auto expected : {0, 1}) {
        CAPTURE(expected);
        Next next{io, producer.next()};
        io.poll();
        CHECK(!next.ended());
        ManualClock::current += 10ms;
        io.restart();
        io.run();
        REQUIRE(next.ended());
        CHECK(next.outcome().value()->args.at(0) == expected);
    }
    Next end{io, producer.next()};
    io.restart();
    io.run();
    CHECK(!end.outcome().value());
}

TEST_CASE("timer producer: waiting for the tick can be cancelled") {
    asio::io_context io;
    faas::TimerProducer producer{1h, numbered};
    Next next{io, producer.next()};
    io.poll();
    next.cancel();
    io.run();
    REQUIRE(next.ended());
    CHECK(next.outcome().error().code == errc::cancelled);
}

TEST_CASE("channel: calls arrive in order, a full channel makes the sender wait, and close ends it after the last") {
    asio::io_context io;
    auto [sender, producer] = faas::make_call_channel(2);
    CHECK(sender.try_send(numbered(0)));
    CHECK(sender.try_send(numbered(1)));
    CHECK(!sender.try_send(numbered(9)));
    Operation<result<void>> waiting{io, sender.send(numbered(2))};
    io.poll();
    CHECK(!waiting.ended());
    Next first{io, producer.next()};
    io.restart();
    io.poll();
    REQUIRE(first.ended());
    CHECK(first.outcome().value()->args.at(0) == 0);
    REQUIRE(waiting.ended());
    CHECK(waiting.outcome().has_value());
    sender.close();
    CHECK(!sender.try_send(numbered(9)));
    CHECK(finish(sender.send(numbered(9))).error().code == errc::cancelled);
    CHECK(drain(producer) == std::vector{1, 2});
}

TEST_CASE("channel: a reader waits for a call, and the last sender's end is the channel's") {
    asio::io_context io;
    auto channel = faas::make_call_channel(2);
    auto producer = std::move(channel.producer);
    {
        const auto sender = std::move(channel.sender);
        const auto copy = sender;
        Next next{io, producer.next()};
        io.poll();
        CHECK(!next.ended());
        CHECK(copy.try_send(numbered(4)));
        io.run();
        REQUIRE(next.ended());
        CHECK(next.outcome().value()->args.at(0) == 4);
    }
    CHECK(!finish(producer.next()).value());
}

TEST_CASE("channel: abandoning it frees waiting senders and counts what was never taken") {
    asio::io_context io;
    auto [sender, producer] = faas::make_call_channel(2);
    CHECK(sender.try_send(numbered(0)));
    CHECK(sender.try_send(numbered(1)));
    Operation<result<void>> waiting{io, sender.send(numbered(2))};
    io.poll();
    CHECK(producer.abandon() == 2);
    io.restart();
    io.run();
    REQUIRE(waiting.ended());
    CHECK(waiting.outcome().error().code == errc::cancelled);
    CHECK(producer.abandon() == 0);
}

TEST_CASE("channel: a cancelled reader does not swallow the call that was meant for it") {
    asio::io_context io;
    auto [sender, producer] = faas::make_call_channel(2);
    Next cancelled{io, producer.next()}, patient{io, producer.next()};
    io.poll();
    CHECK(sender.try_send(numbered(8)));  // wakes the first reader, which is cancelled before it looks
    cancelled.cancel();
    io.restart();
    io.run_for(0ms);
    io.poll();
    CHECK(cancelled.ended());
    if (cancelled.outcome().has_error()) {
        REQUIRE(patient.ended());
        CHECK(patient.outcome().value()->args.at(0) == 8);
    } else {
        CHECK(cancelled.outcome().value()->args.at(0) == 8);
        sender.close();
        io.restart();
        io.run();
    }
}

TEST_CASE("channel: a runner takes calls from it, and after a stop senders are told") {
    asio::io_context io;
    auto [sender, producer] = faas::make_call_channel(4);
    faas::CollectorConsumer results;
    auto runner = faas::Runner::builder(io)
                      .router(std::move(faas::Router{}.route(3, Echo{})))
                      .producer(std::move(producer))
                      .consumer(results)
                      .build();
    REQUIRE(runner.has_value());
    Operation<result<faas::RunReport>> running{io, runner->run()};
    CHECK(sender.try_send(numbered(1)));
    io.poll();
    CHECK(results.size() == 1);
    runner->request_stop();
    CHECK(sender.try_send(numbered(2)));
    CHECK(sender.try_send(numbered(3)));
    io.run();
    REQUIRE(running.ended());
    REQUIRE(running.outcome().has_value());
    const auto& report = *running.outcome();
    CHECK(report.produced + report.never_started == 3);  // nothing that was accepted is missing
    CHECK(report.succeeded + report.unfinished == report.produced);
    CHECK(finish(sender.send(numbered(4))).error().code == errc::cancelled);
}

}  // namespace producer_test
