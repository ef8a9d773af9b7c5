#include "blueprint/faas/runner/runner.hpp"
#include "support.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

namespace order_and_limits_test {

namespace faas = blueprint::faas;
namespace asio = boost::asio;
using namespace blueprint::faas::tests;
using faas::Bytes;
using faas::CollectorConsumer;
using faas::EndReason;
using faas::ErrorPolicy;
using faas::JobCall;
using faas::JobId;
using faas::RangeProducer;
using faas::result;
using faas::Router;
using faas::Runner;
using faas::RunReport;

namespace {

using Running = Operation<result<RunReport>>;

std::vector<std::string> numbers_of(const std::vector<faas::Invocation>& results) {
    std::vector<std::string> numbers;
    for (const auto& one : results) numbers.emplace_back(one.result.metadata.get("n").value_or("?"));
    return numbers;
}

// Calls of job 1 with arguments {100}, {101}, ..., so that they have gates of their own.
std::vector<JobCall> slow_calls(std::uint8_t count) {
    auto calls = calls_of(JobId{1}, count);
    for (auto& call : calls) call.args[0] = static_cast<std::uint8_t>(call.args[0] + 100);
    return calls;
}

}  // namespace

TEST_CASE("order: results come in the calls' order however the calls end, within the in-flight limit") {
    asio::io_context io;
    FakeExecutor fake{io};
    for (std::uint8_t n = 0; n < 3; ++n) fake.gates.try_emplace(n, io);
    CollectorConsumer results;
    auto calls = calls_of(JobId{0}, 10);
    calls[4].args = Bytes{0xff};  // a failure has its place too
    auto runner = Runner::builder(io)
                      .router(Router{})
                      .producer(RangeProducer{calls})
                      .consumer(results)
                      .error_policy(ErrorPolicy::report)
                      .max_in_flight(5)
                      .ordered_results()
                      .with_faas_executor<0>(fake)
                      .build();
    REQUIRE(runner.has_value());
    Running running{io, runner->run()};
    io.poll();
    CHECK(fake.ids.size() == 5);  // 3 and 4 have ended, and hold their places
    CHECK(results.size() == 0);
    fake.gates.at(1).open();
    io.restart();
    io.poll();
    CHECK(results.size() == 0);
    CHECK(fake.ids.size() == 5);
    fake.gates.at(0).open();
    io.restart();
    io.poll();
    CHECK(results.size() == 2);
    CHECK(fake.ids.size() == 7);
    fake.gates.at(2).open();
    io.restart();
    io.poll();
    REQUIRE(running.ended());
    CHECK(numbers_of(results.take()) == std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"});
    CHECK(fake.peak <= 5);
}

TEST_CASE("order: two producers and a job with a limit keep each producer's order and do not lock each other out") {
    asio::io_context io;
    FakeExecutor fake{io};
    for (std::uint8_t n = 100; n < 108; ++n) fake.gates.try_emplace(n, io);
    CollectorConsumer results;
    auto runner = Runner::builder(io)
                      .router(Router{})
                      .producer(RangeProducer{slow_calls(8)})
                      .producer(RangeProducer{calls_of(JobId{0}, 50)})
                      .consumer(results)
                      .max_in_flight(4)
                      .max_in_flight<1>(1)
                      .ordered_results()
                      .with_faas_executor<0, 1>(fake)
                      .build();
    REQUIRE(runner.has_value());
    Running running{io, runner->run()};
    for (std::uint8_t n = 100; n < 108; ++n) {
        io.restart();
        io.poll();
        fake.gates.at(n).open();
    }
    io.restart();
    io.poll();
    REQUIRE(running.ended());
    std::map<JobId, int> last{{JobId{0}, -1}, {JobId{1}, -1}};
    for (const auto& one : results.take()) {
        const int n = std::stoi(std::string{*one.result.metadata.get("n")});
        CHECK(n == last[one.result.job_id] + 1);
        last[one.result.job_id] = n;
    }
    CHECK(last[JobId{0}] == 49);
    CHECK(last[JobId{1}] == 7);
}

TEST_CASE("limits: a slow job stays within its own limit and does not hold up the others") {
    asio::io_context io;
    FakeExecutor fake{io};
    for (std::uint8_t n = 100; n < 110; ++n) fake.gates.try_emplace(n, io);
    CollectorConsumer results;
    // All of the slow job's calls come first, from the same producer.
    auto calls = slow_calls(10);
    for (auto& call : calls_of(JobId{0}, 90)) calls.push_back(call);
    auto runner = Runner::builder(io)
                      .router(Router{})
                      .producer(RangeProducer{calls})
                      .consumer(results)
                      .max_in_flight(4)
                      .max_in_flight<1>(2)
                      .job_queue(8)
                      .with_faas_executor<0, 1>(fake)
                      .build();
    REQUIRE(runner.has_value());
    Running running{io, runner->run()};
    io.poll();
    CHECK(results.size() == 90);
    CHECK(fake.running == 2);
    const auto statistics = runner->statistics();
    CHECK(statistics.jobs.at(1).in_flight == 2);
    CHECK(statistics.jobs.at(1).waiting == 8);
    for (std::uint8_t n = 100; n < 110; ++n) {
        CHECK(fake.running <= 2);
        fake.gates.at(n).open();
        io.restart();
        io.poll();
    }
    REQUIRE(running.ended());
    CHECK(results.size() == 100);
    CHECK(fake.peak <= 4);
    CHECK(runner->statistics().jobs.at(1).waiting == 0);
    CHECK(runner->statistics().jobs.at(1).in_flight == 0);
}

TEST_CASE("limits: beyond the job's queue its producer waits, and another producer goes on") {
    asio::io_context io;
    FakeExecutor fake{io};
    for (std::uint8_t n = 100; n < 110; ++n) fake.gates.try_emplace(n, io);
    CollectorConsumer results;
    auto blocked = slow_calls(10);
    for (auto& call : calls_of(JobId{0}, 5)) blocked.push_back(call);
    auto runner = Runner::builder(io)
                      .router(Router{})
                      .producer(RangeProducer{blocked})
                      .producer(RangeProducer{calls_of(JobId{0}, 20)})
                      .consumer(results)
                      .max_in_flight<1>(1)
                      .job_queue(3)
                      .with_faas_executor<0, 1>(fake)
                      .build();
    REQUIRE(runner.has_value());
    Running running{io, runner->run()};
    io.poll();
    CHECK(results.size() == 20);
    CHECK(runner->statistics().jobs.at(1).waiting == 3);
    SUBCASE("it goes on when there is room") {
        for (std::uint8_t n = 100; n < 110; ++n) fake.gates.at(n).open();
        io.restart();
        io.poll();
        REQUIRE(running.ended());
        CHECK(results.size() == 35);
    }
    SUBCASE("a stop cuts off what waits, and counts it") {
        runner->request_stop();
        io.restart();
        io.poll();
        CHECK(!running.ended());  // one call is in flight
        fake.gates.at(100).open();
        io.restart();
        io.poll();
        REQUIRE(running.ended());
        const auto& report = runner->report();
        CHECK(report.reason == EndReason::stop_requested);
        CHECK(report.unfinished == 4);  // three that waited, and the one in the producer's hand
        CHECK(report.succeeded == 21);
        CHECK(results.size() == 25);
        CHECK(fake.ids.size() == 21);
    }
}

TEST_CASE("limits: a limit of nothing is refused") {
    asio::io_context io;
    auto runner =
        Runner::builder(io).router(Router{}).producer(RangeProducer{calls_of(JobId{0}, 1)}).max_in_flight<7>(0).build();
    REQUIRE(runner.has_error());
    CHECK(runner.error().message.find("job 7") != std::string::npos);
}

}  // namespace order_and_limits_test
