#include "blueprint/faas/runner/runner.hpp"
#include "support.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace runner_end_test {

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
using faas::JobCall;
using faas::JobId;
using faas::RangeProducer;
using faas::result;
using faas::Router;
using faas::Runner;
using faas::RunReport;

namespace {

using Running = Operation<result<RunReport>>;

// Gives its calls at once, then waits until it is cancelled, as a connection that stays open does.
struct OpenProducer {
    std::vector<JobCall> calls;
    std::size_t next_call = 0;
    asio::awaitable<result<std::optional<JobCall>>> next() {
        if (next_call < calls.size()) co_return std::optional<JobCall>{calls[next_call++]};
        asio::steady_timer forever{co_await asio::this_coro::executor, asio::steady_timer::time_point::max()};
        co_await forever.async_wait(asio::as_tuple(asio::use_awaitable));
        co_return Error{.code = errc::cancelled, .message = "stopped"};
    }
};

struct FailingProducer {
    asio::awaitable<result<std::optional<JobCall>>> next() {
        co_return Error{.code = errc::infrastructure, .message = "the connection broke"};
    }
};

// A service that ends when its gate opens: well, or with the error it was given.
struct Service {
    Gate* gate;
    std::optional<Error> error;
    int* ended;
    asio::awaitable<result<void>> start() {
        if (gate) co_await gate->wait();
        ++*ended;
        if (error) co_return *error;
        co_return result<void>{};
    }
};

auto waiting_for(Gate& gate, int& ended, std::optional<Error> error = {}) {
    return Service{&gate, std::move(error), &ended};
}

}  // namespace

TEST_CASE("R3: a finite producer is a good end, and nothing in flight is lost") {
    asio::io_context io;
    FakeExecutor fake{io};
    fake.gates.try_emplace(1, io);
    CollectorConsumer results;
    auto runner = Runner::builder(io)
                      .router(Router{})
                      .producer(RangeProducer{calls_of(JobId{0}, 3)})
                      .producer(RangeProducer{calls_of(JobId{0}, 0)})
                      .consumer(results)
                      .with_faas_executor<0>(fake)
                      .build();
    REQUIRE(runner.has_value());
    Running running{io, runner->run()};
    io.poll();
    CHECK(!running.ended());
    CHECK(results.size() == 2);
    fake.gates.at(1).open();
    io.restart();
    io.poll();
    REQUIRE(running.ended());
    REQUIRE(running.outcome().has_value());
    CHECK(running.outcome()->reason == EndReason::producers_ended);
    CHECK(running.outcome()->succeeded == 3);
    CHECK(results.size() == 3);
}

TEST_CASE("R3: one failed job does not stop the others when it is to be reported") {
    asio::io_context io;
    FakeExecutor fake{io};
    CollectorConsumer results;
    auto calls = calls_of(JobId{0}, 5);
    calls[1].args = Bytes{0xff};
    auto runner = Runner::builder(io)
                      .router(Router{})
                      .producer(RangeProducer{calls})
                      .consumer(results)
                      .error_policy(ErrorPolicy::report)
                      .with_faas_executor<0>(fake)
                      .build();
    REQUIRE(runner.has_value());
    auto report = run(io, *runner);
    REQUIRE(report.has_value());
    CHECK(report->succeeded == 4);
    CHECK(report->failed == 1);
    CHECK(!report->error);
    CHECK(results.size() == 5);
}

TEST_CASE("R3: under the stop policy a failed job ends the run with its error after draining what is in flight") {
    asio::io_context io;
    FakeExecutor fake{io};
    fake.gates.try_emplace(0, io);
    CollectorConsumer results;
    OpenProducer producer{calls_of(JobId{0}, 2)};
    producer.calls[1].args = Bytes{0xff};
    auto runner = Runner::builder(io)
                      .router(Router{})
                      .producer(std::ref(producer))
                      .consumer(results)
                      .with_faas_executor<0>(fake)
                      .build();
    REQUIRE(runner.has_value());
    Running running{io, runner->run()};
    io.poll();
    CHECK(!running.ended());  // the first call is still at its gate
    CHECK(results.size() == 1);
    fake.gates.at(0).open();
    io.poll();
    REQUIRE(running.ended());
    REQUIRE(running.outcome().has_error());
    CHECK(running.outcome().error().code == errc::function_error);
    CHECK(runner->report().reason == EndReason::job_failed);
    CHECK(runner->report().succeeded == 1);
    CHECK(runner->report().failed == 1);
    CHECK(results.size() == 2);
}

TEST_CASE("R1: a background service that does not start ends the run, and no later part is started") {
    asio::io_context io;
    int first = 0, second = 0;
    CollectorConsumer results;
    auto runner =
        Runner::builder(io)
            .router(std::move(Router{}.route(0, Echo{})))
            .producer(RangeProducer{calls_of(JobId{0}, 4)})
            .consumer(results)
            .error_policy(ErrorPolicy::report)
            .background_service(Service{nullptr, Error{.code = errc::infrastructure, .message = "port taken"}, &first})
            .background_service(Service{nullptr, {}, &second})
            .build();
    REQUIRE(runner.has_value());
    auto report = run(io, *runner);
    REQUIRE(report.has_error());
    CHECK(report.error().message == "port taken");
    CHECK(runner->report().reason == EndReason::service_failed);
    CHECK(runner->report().produced == 0);
    CHECK(first == 1);
    CHECK(second == 0);
}

TEST_CASE("R1: a background service that reports failure later ends the run with its error") {
    asio::io_context io;
    Gate gate{io};
    int ended = 0;
    auto runner =
        Runner::builder(io)
            .router(Router{})
            .producer(OpenProducer{{}})
            .background_service(waiting_for(gate, ended, Error{.code = errc::authentication, .message = "expired"}))
            .build();
    REQUIRE(runner.has_value());
    Running running{io, runner->run()};
    io.poll();
    CHECK(!running.ended());
    gate.open();
    io.poll();
    REQUIRE(running.ended());
    REQUIRE(running.outcome().has_error());
    CHECK(running.outcome().error().code == errc::authentication);
    REQUIRE(runner->report().problems.size() == 1);
    CHECK(runner->report().problems[0].where == "background service 0");
}

TEST_CASE("R1: a background service that ends well ends nothing, and one that still runs is stopped at the end") {
    asio::io_context io;
    Gate opened{io}, never{io};
    opened.open();
    int well = 0, stopped = 0;
    auto runner =
        Runner::builder(io)
            .router(std::move(Router{}.route(0, Echo{})))
            .producer(RangeProducer{calls_of(JobId{0}, 4)})
            .background_service(waiting_for(opened, well))
            .background_service(waiting_for(never, stopped, Error{.code = errc::cancelled, .message = "stopped"}))
            .build();
    REQUIRE(runner.has_value());
    auto report = run(io, *runner);
    REQUIRE(report.has_value());
    CHECK(report->succeeded == 4);
    CHECK(well == 1);
    CHECK(stopped == 1);
}

TEST_CASE("R2: a stop from outside ends the producers, drains what is in flight, and awaits the shutdown handler") {
    asio::io_context io;
    FakeExecutor fake{io};
    fake.gates.try_emplace(0, io);
    Gate shutdown{io};
    CollectorConsumer results;
    int shut_down = 0;
    auto runner = Runner::builder(io)
                      .router(Router{})
                      .producer(OpenProducer{calls_of(JobId{0}, 1)})
                      .consumer(results)
                      .with_faas_executor<0>(fake)
                      .shutdown_handler([&]() -> asio::awaitable<result<void>> {
                          co_await shutdown.wait();
                          ++shut_down;
                          co_return result<void>{};
                      })
                      .build();
    REQUIRE(runner.has_value());
    Running running{io, runner->run()};
    io.poll();
    runner->request_stop();
    io.poll();
    CHECK(!running.ended());
    fake.gates.at(0).open();
    io.poll();
    CHECK(!running.ended());  // waits for the shutdown handler
    CHECK(results.size() == 1);
    shutdown.open();
    io.poll();
    REQUIRE(running.ended());
    REQUIRE(running.outcome().has_value());
    CHECK(running.outcome()->reason == EndReason::stop_requested);
    CHECK(running.outcome()->succeeded == 1);
    CHECK(running.outcome()->unfinished == 0);
    CHECK(shut_down == 1);
}

TEST_CASE("R2: the shutdown handler is awaited after a failure too, and its own failure is told") {
    for (const bool fails : {false, true}) {
        CAPTURE(fails);
        asio::io_context io;
        int shut_down = 0;
        auto runner = Runner::builder(io)
                          .router(Router{})
                          .producer(FailingProducer{})
                          .shutdown_handler([&]() -> asio::awaitable<result<void>> {
                              asio::steady_timer pause{co_await asio::this_coro::executor, 0ms};
                              co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
                              ++shut_down;
                              if (fails) throw std::runtime_error{"cannot tidy up"};
                              co_return result<void>{};
                          })
                          .build();
        REQUIRE(runner.has_value());
        auto report = run(io, *runner);
        REQUIRE(report.has_error());
        CHECK(report.error().message == "the connection broke");
        CHECK(runner->report().reason == EndReason::producer_failed);
        CHECK(shut_down == 1);
        REQUIRE(runner->report().problems.size() == (fails ? 2 : 1));
        if (fails) CHECK(runner->report().problems[1].error.message == "the shutdown handler threw: cannot tidy up");
    }
}

TEST_CASE("R2: a shutdown handler that fails after a good run makes it a failed one") {
    asio::io_context io;
    auto runner = Runner::builder(io)
                      .router(Router{})
                      .producer(RangeProducer{calls_of(JobId{0}, 0)})
                      .error_policy(ErrorPolicy::report)
                      .shutdown_handler([]() -> asio::awaitable<result<void>> {
                          co_return Error{.code = errc::infrastructure, .message = "cannot undeploy"};
                      })
                      .build();
    REQUIRE(runner.has_value());
    auto report = run(io, *runner);
    REQUIRE(report.has_error());
    CHECK(report.error().message == "cannot undeploy");
    CHECK(runner->report().reason == EndReason::shutdown_handler_failed);
}

TEST_CASE("runner: what is in flight at the drain deadline is cancelled, delivered as cancelled, and listed") {
    asio::io_context io;
    FakeExecutor fake{io};
    fake.gates.try_emplace(1, io);
    Gate local{io};
    CollectorConsumer results;
    auto calls = calls_of(JobId{0}, 2);
    calls.push_back(calls_of(JobId{7}, 1).front());
    auto runner = Runner::builder(io)
                      .router(std::move(Router{}.route(7,
                                                       [&local](JobCall call) -> asio::awaitable<Bytes> {
                                                           while (!co_await local.wait())
                                                               continue;  // a handler that does not give up by itself
                                                           co_return call.args;
                                                       })))
                      .producer(OpenProducer{calls})
                      .consumer(results)
                      .drain_timeout(1ms)
                      .with_faas_executor<0>(fake)
                      .build();
    REQUIRE(runner.has_value());
    Running running{io, runner->run()};
    io.poll();
    CHECK(results.size() == 1);
    runner->request_stop();
    io.run();
    REQUIRE(running.ended());
    REQUIRE(running.outcome().has_value());
    const RunReport& report = *running.outcome();
    CHECK(report.reason == EndReason::stop_requested);
    CHECK(report.produced == 3);
    CHECK(report.succeeded == 1);
    CHECK(report.failed == 0);
    CHECK(report.unfinished == 2);
    REQUIRE(report.unfinished_calls.size() == 2);
    CHECK(report.unfinished_calls[0].metadata.get("n").has_value());
    const auto all = results.take();
    REQUIRE(all.size() == 3);
    for (std::size_t n = 1; n < 3; ++n) {
        CAPTURE(all[n].result.job_id);
        REQUIRE(all[n].result.outcome.has_error());
        CHECK(all[n].result.outcome.error().code == errc::cancelled);
        CHECK(all[n].result.metadata.get("n").has_value());
    }
}

TEST_CASE("runner: a stop at once skips the drain, and so does cancelling the run") {
    for (const bool by_cancelling : {false, true}) {
        CAPTURE(by_cancelling);
        asio::io_context io;
        FakeExecutor fake{io};
        fake.gates.try_emplace(0, io);
        CollectorConsumer results;
        auto runner = Runner::builder(io)
                          .router(Router{})
                          .producer(OpenProducer{calls_of(JobId{0}, 1)})
                          .consumer(results)
                          .with_faas_executor<0>(fake)
                          .build();
        REQUIRE(runner.has_value());
        Running running{io, runner->run()};
        io.poll();
        by_cancelling ? running.cancel() : runner->request_stop_now();
        io.poll();
        REQUIRE(running.ended());
        REQUIRE(running.outcome().has_value());
        CHECK(running.outcome()->unfinished == 1);
        CHECK(results.size() == 1);
    }
}

TEST_CASE("runner: a stop asked for before the run starts no call") {
    asio::io_context io;
    auto runner = Runner::builder(io)
                      .router(std::move(Router{}.route(0, Echo{})))
                      .producer(RangeProducer{calls_of(JobId{0}, 4)})
                      .build();
    REQUIRE(runner.has_value());
    runner->request_stop();
    auto report = run(io, *runner);
    REQUIRE(report.has_value());
    CHECK(report->produced == 0);
    CHECK(report->reason == EndReason::stop_requested);
}

TEST_CASE("runner: a signal drains, and a second one does not wait") {
    asio::io_context io;
    FakeExecutor fake{io};
    fake.gates.try_emplace(0, io);
    CollectorConsumer results;
    auto runner = Runner::builder(io)
                      .router(Router{})
                      .producer(OpenProducer{calls_of(JobId{0}, 1)})
                      .consumer(results)
                      .handle_signals()
                      .with_faas_executor<0>(fake)
                      .build();
    REQUIRE(runner.has_value());
    Running running{io, runner->run()};
    io.poll();
    std::raise(SIGTERM);
    for (int polls = 0; polls < 10; ++polls) io.poll();
    CHECK(!running.ended());
    std::raise(SIGINT);
    io.run();
    REQUIRE(running.ended());
    REQUIRE(running.outcome().has_value());
    CHECK(running.outcome()->reason == EndReason::signal);
    CHECK(running.outcome()->unfinished == 1);
    CHECK(results.size() == 1);
}

TEST_CASE("runner: without being asked for it handles no signal") {
    asio::io_context io;
    struct sigaction before{}, during{};
    ::sigaction(SIGTERM, nullptr, &before);
    auto runner = Runner::builder(io).router(Router{}).producer(OpenProducer{{}}).build();
    REQUIRE(runner.has_value());
    Running running{io, runner->run()};
    io.poll();
    ::sigaction(SIGTERM, nullptr, &during);
    CHECK((before.sa_handler == during.sa_handler));
    runner->request_stop();
    io.run();
    CHECK(running.ended());
}

TEST_CASE("runner: a failing producer ends the run or is reported, and the others' calls are not lost") {
    for (const auto policy : {ErrorPolicy::stop, ErrorPolicy::report}) {
        CAPTURE(static_cast<int>(policy));
        asio::io_context io;
        CollectorConsumer results;
        auto runner = Runner::builder(io)
                          .router(std::move(Router{}.route(0, Echo{})))
                          .producer(RangeProducer{calls_of(JobId{0}, 4)})
                          .producer(FailingProducer{})
                          .consumer(results)
                          .error_policy(policy)
                          .build();
        REQUIRE(runner.has_value());
        auto report = run(io, *runner);
        CHECK(report.has_value() == (policy == ErrorPolicy::report));
        REQUIRE(runner->report().problems.size() == 1);
        CHECK(runner->report().problems[0].where == "producer 1");
        CHECK(results.size() == runner->report().succeeded);
        if (report) CHECK(report->succeeded == 4);
    }
}

TEST_CASE("runner: a run that is given up midway leaves nothing behind") {
    auto io = std::make_unique<asio::io_context>();
    FakeExecutor fake{*io};
    fake.gates.try_emplace(0, *io);
    auto runner = Runner::builder(*io)
                      .router(Router{})
                      .producer(OpenProducer{calls_of(JobId{0}, 3)})
                      .consumer(CollectorConsumer{})
                      .max_in_flight(1)
                      .with_faas_executor<0>(fake)
                      .build();
    REQUIRE(runner.has_value());
    Running running{*io, runner->run()};
    io->poll();
    CHECK(fake.running == 1);
    {
        const auto gone = std::move(*runner);
    }
    fake.gates.clear();
    io.reset();  // the address sanitizer sees what would be left, or used too late
    CHECK(!running.ended());
}

}  // namespace runner_end_test
