#include "blueprint/faas/runner/runner.hpp"
#include "support.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace runner_flow_test {

namespace faas = blueprint::faas;
namespace asio = boost::asio;
using namespace blueprint::faas::tests;
using namespace std::chrono_literals;
using faas::Bytes;
using faas::CollectorConsumer;
using faas::EndReason;
using faas::errc;
using faas::Error;
using faas::ErrorPolicy;
using faas::Invocation;
using faas::JobCall;
using faas::JobId;
using faas::RangeProducer;
using faas::result;
using faas::Router;
using faas::Runner;
using faas::RunReport;

namespace {

using Running = Operation<result<RunReport>>;

// Takes a result when its gate lets one through.
struct SlowConsumer {
    explicit SlowConsumer(asio::io_context& io) : gate{io} {}
    asio::awaitable<result<void>> consume(const Invocation& invocation) {
        const bool through = co_await gate.wait();
        if (!through) co_return Error{.code = errc::cancelled, .message = "cancelled"};
        taken.push_back(invocation.result.outcome.value());
        co_return result<void>{};
    }
    asio::awaitable<result<void>> finish() {
        ++finished;
        co_return result<void>{};
    }
    Gate gate;
    std::vector<Bytes> taken{};
    int finished = 0;
};

struct FailingConsumer {
    int good = 0;
    asio::awaitable<result<void>> consume(const Invocation&) {
        if (good-- == 0) co_return Error{.code = errc::infrastructure, .message = "the disk is full"};
        co_return result<void>{};
    }
};

// Counts how many calls were asked for.
struct CountingProducer {
    std::size_t limit;
    std::size_t asked = 0;
    asio::awaitable<result<std::optional<JobCall>>> next() {
        std::optional<JobCall> call;
        if (asked < limit) call = calls_of(JobId{0}, 1).front();
        ++asked;
        co_return call;
    }
};

}  // namespace

TEST_CASE("R4: at most max_in_flight calls run at once, and producers wait beyond that") {
    for (const std::size_t limit : {1U, 3U}) {
        CAPTURE(limit);
        asio::io_context io;
        FakeExecutor fake{io};
        Gate& gate = fake.gates.try_emplace(0, io).first->second;
        CountingProducer first{10}, second{10};
        auto runner = Runner::builder(io)
                          .router(Router{})
                          .producer(std::ref(first))
                          .producer(std::ref(second))
                          .max_in_flight(limit)
                          .with_faas_executor<0>(fake)
                          .build();
        REQUIRE(runner.has_value());
        Running running{io, runner->run()};
        io.poll();
        CHECK(fake.running == limit);
        CHECK(first.asked + second.asked == limit + 2);  // each producer holds one call that waits for room
        for (int n = 0; n < 20; ++n) {
            gate.let_one();
            io.poll();
        }
        REQUIRE(running.ended());
        CHECK(running.outcome()->succeeded == 20);
        CHECK(fake.peak == limit);
    }
}

TEST_CASE("R4: a slow consumer stalls its own queue, the others get their results, and at last the producers wait") {
    asio::io_context io;
    SlowConsumer slow{io};
    CollectorConsumer fast;
    CountingProducer producer{100};
    auto runner = Runner::builder(io)
                      .router(std::move(Router{}.route(0, Echo{})))
                      .producer(std::ref(producer))
                      .consumer(std::ref(slow))
                      .consumer(fast)
                      .max_in_flight(4)
                      .consumer_queue(2)
                      .build();
    REQUIRE(runner.has_value());
    Running running{io, runner->run()};
    io.poll();
    // One result is with the slow consumer, two are in its queue, four calls are in flight until it takes theirs.
    CHECK(fast.size() == 7);
    CHECK(producer.asked == 8);
    CHECK(slow.taken.empty());
    slow.gate.let_one();
    io.poll();
    CHECK(slow.taken.size() == 1);
    CHECK(fast.size() == 8);
    slow.gate.open();
    io.poll();
    REQUIRE(running.ended());
    CHECK(slow.taken.size() == 100);
    CHECK(slow.finished == 1);
    CHECK(fast.size() == 100);
    CHECK(running.outcome()->undelivered == 0);
}

TEST_CASE("R4: results come in the order in which the calls finished, each consumer's the same") {
    asio::io_context io;
    FakeExecutor fake{io};
    for (const auto n : Bytes{0, 1, 2}) fake.gates.try_emplace(n, io);
    CollectorConsumer first, second;
    auto runner = Runner::builder(io)
                      .router(Router{})
                      .producer(RangeProducer{calls_of(JobId{0}, 3)})
                      .consumer(first)
                      .consumer(second)
                      .with_faas_executor<0>(fake)
                      .build();
    REQUIRE(runner.has_value());
    Running running{io, runner->run()};
    io.poll();
    for (const auto n : Bytes{2, 0, 1}) {
        fake.gates.at(n).open();
        io.poll();
    }
    REQUIRE(running.ended());
    for (auto* const collector : {&first, &second}) {
        const auto all = collector->take();
        REQUIRE(all.size() == 3);
        CHECK(all[0].result.outcome.value() == Bytes{2});
        CHECK(all[1].result.outcome.value() == Bytes{0});
        CHECK(all[2].result.outcome.value() == Bytes{1});
    }
}

TEST_CASE("runner: a consumer's error ends the run or only the consumer, and what it missed is counted") {
    for (const auto policy : {ErrorPolicy::stop, ErrorPolicy::report}) {
        CAPTURE(static_cast<int>(policy));
        asio::io_context io;
        CollectorConsumer good;
        auto runner = Runner::builder(io)
                          .router(std::move(Router{}.route(0, Echo{})))
                          .producer(RangeProducer{calls_of(JobId{0}, 10)})
                          .consumer(FailingConsumer{2})
                          .consumer(good)
                          .error_policy(policy)
                          .build();
        REQUIRE(runner.has_value());
        auto report = run(io, *runner);
        CHECK(report.has_value() == (policy == ErrorPolicy::report));
        const auto& told = runner->report();
        REQUIRE(told.problems.size() == 1);
        CHECK(told.problems[0].where == "consumer 0");
        CHECK(good.size() == told.results);
        CHECK(told.undelivered == told.results - 2);
        if (policy == ErrorPolicy::report) CHECK(told.succeeded == 10);
    }
}

TEST_CASE("runner: when the last consumer is gone the run ends under either policy") {
    asio::io_context io;
    auto runner = Runner::builder(io)
                      .router(std::move(Router{}.route(0, Echo{})))
                      .producer(CountingProducer{1'000'000})
                      .consumer(FailingConsumer{0})
                      .consumer(FailingConsumer{3})
                      .error_policy(ErrorPolicy::report)
                      .build();
    REQUIRE(runner.has_value());
    auto report = run(io, *runner);
    REQUIRE(report.has_error());
    CHECK(report.error().message == "the disk is full");
    CHECK(runner->report().reason == EndReason::consumer_failed);
    CHECK(runner->report().produced < 1'000'000);
}

TEST_CASE("runner: a consumer that does not take its results in time is cut off and told") {
    asio::io_context io;
    SlowConsumer stuck{io};
    auto runner = Runner::builder(io)
                      .router(std::move(Router{}.route(0, Echo{})))
                      .producer(CountingProducer{1'000'000})
                      .consumer(std::ref(stuck))
                      .consumer_queue(2)
                      .max_in_flight(4)
                      .drain_timeout(1ms, 1ms)
                      .build();
    REQUIRE(runner.has_value());
    Running running{io, runner->run()};
    io.poll();
    runner->request_stop();
    io.run();
    REQUIRE(running.ended());
    REQUIRE(running.outcome().has_error());
    const auto& report = runner->report();
    CHECK(report.reason == EndReason::stop_requested);
    CHECK(report.error->code == errc::timed_out);
    CHECK(report.error->message.find("consumer 0 did not take 8 results") != std::string::npos);
    CHECK(report.produced == 8);
    CHECK(report.unfinished == 1);  // the call that waited for room
    CHECK(report.results == 8);
    CHECK(report.undelivered == 8);
    CHECK(stuck.finished == 0);
}

TEST_CASE("runner: a producer that never waits does not keep a stop from being seen") {
    asio::io_context io;
    CountingProducer endless{static_cast<std::size_t>(-1)};
    auto runner = Runner::builder(io).router(std::move(Router{}.route(0, Echo{}))).producer(std::ref(endless)).build();
    REQUIRE(runner.has_value());
    Running running{io, runner->run()};
    asio::post(io, [&] { runner->request_stop(); });
    io.run();
    REQUIRE(running.ended());
    REQUIRE(running.outcome().has_value());
    CHECK(running.outcome()->produced < 1000);
    CHECK(running.outcome()->produced == running.outcome()->succeeded);
}

TEST_CASE("runner: what a part throws is an error of that part") {
    struct Thrower {
        asio::awaitable<result<std::optional<JobCall>>> next() { throw std::runtime_error{"bad producer"}; }
        asio::awaitable<result<void>> consume(const Invocation&) { throw std::runtime_error{"bad consumer"}; }
        asio::awaitable<result<void>> start() { throw std::runtime_error{"bad service"}; }
    };
    {
        asio::io_context io;
        auto runner = Runner::builder(io).router(Router{}).producer(Thrower{}).build();
        REQUIRE(runner.has_value());
        CHECK(run(io, *runner).error().message == "producer 0 threw: bad producer");
    }
    {
        asio::io_context io;
        auto runner = Runner::builder(io)
                          .router(std::move(Router{}.route(0, Echo{})))
                          .producer(RangeProducer{calls_of(JobId{0}, 1)})
                          .consumer(Thrower{})
                          .build();
        REQUIRE(runner.has_value());
        CHECK(run(io, *runner).error().message == "consumer 0 threw: bad consumer");
    }
    {
        asio::io_context io;
        auto runner =
            Runner::builder(io).router(Router{}).producer(CountingProducer{3}).background_service(Thrower{}).build();
        REQUIRE(runner.has_value());
        CHECK(run(io, *runner).error().message == "background service 0 threw: bad service");
    }
}

}  // namespace runner_flow_test
