#include "blueprint/faas/runner/on_error.hpp"

#include "support.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <string>
#include <utility>
#include <vector>

namespace on_error_test {

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
using faas::Execution;
using faas::Invocation;
using faas::JobCall;
using faas::JobId;
using faas::OnError;
using faas::RangeProducer;
using faas::result;
using faas::Router;
using faas::Runner;
using faas::RunReport;
using faas::detail::RemedyPlan;

namespace {

Error error_of(errc code, Execution execution) {
    return Error{.code = code, .message = "no luck", .provider = "fake", .execution = execution};
}

// Fails the first `times` calls of each argument with one error.
struct FailFirst {
    Error error;
    unsigned times;
    std::map<std::uint8_t, unsigned> seen{};
    std::optional<Error> operator()(const JobCall& call) {
        if (seen[call.args.at(0)]++ < times) return error;
        return std::nullopt;
    }
};

struct Ended {
    RunReport report{};
    std::vector<Invocation> results{};
};

Ended run_with(asio::io_context& io, FakeExecutor& fake, Router router, std::vector<JobCall> calls, OnError what,
               ErrorPolicy policy = ErrorPolicy::report) {
    CollectorConsumer results;
    auto runner = Runner::builder(io)
                      .router(std::move(router))
                      .producer(RangeProducer{std::move(calls)})
                      .consumer(results)
                      .error_policy(policy)
                      .on_error(what)
                      .with_faas_executor<0>(fake)
                      .build();
    REQUIRE(runner.has_value());
    const auto ended = run(io, *runner);
    Ended all{.report = runner->report(), .results = results.take()};
    CHECK(all.report.produced == all.report.succeeded + all.report.failed + all.report.unfinished);
    CHECK(ended.has_value() == !all.report.error.has_value());
    return all;
}

}  // namespace

TEST_CASE("on error: what may have run is never run again, whatever was asked for; what did not run is") {
    struct Case {
        Execution execution;
        bool idempotent;
        bool safe;
    };
    for (const auto& [execution, idempotent, safe] :
         {Case{Execution::not_started, false, true}, Case{Execution::unknown, false, false},
          Case{Execution::started, false, false}, Case{Execution::not_started, true, true},
          Case{Execution::unknown, true, true}, Case{Execution::started, true, true}}) {
        for (const int policy : {0, 1, 2}) {
            CAPTURE(static_cast<int>(execution));
            CAPTURE(idempotent);
            CAPTURE(policy);
            asio::io_context io;
            FakeExecutor fake{io}, other{io, "other"};
            fake.fails = FailFirst{error_of(errc::infrastructure, execution), policy == 0 ? 1U : 99U};
            OnError what;
            if (policy == 0) what.retry(2, {1ms});
            if (policy == 1) what.failover_to(other);
            if (policy == 2) what.fall_back_to_local_route();
            auto calls = calls_of(JobId{0}, 1);
            calls[0].idempotent = idempotent;
            const auto ended = run_with(io, fake, std::move(Router{}.route(0, Echo{})), calls, what);
            REQUIRE(ended.results.size() == 1);
            const auto& [answer, metrics] = ended.results[0];
            CHECK(answer.succeeded() == safe);
            CHECK(fake.ids.size() == (safe && policy == 0 ? 2 : 1));
            CHECK(other.ids.size() == (safe && policy == 1 ? 1 : 0));
            CHECK(ended.report.retries == (safe && policy == 0 ? 1 : 0));
            CHECK(ended.report.failovers == (safe && policy == 1 ? 1 : 0));
            CHECK(ended.report.fallbacks == (safe && policy == 2 ? 1 : 0));
            CHECK(metrics.attempts == (safe ? 2 : 1));
            CHECK(answer.ran_on == (!safe || policy == 0 ? "fake" : policy == 1 ? "other" : "local"));
            if (!safe) CHECK(answer.outcome.error().message == "no luck");
        }
    }
}

TEST_CASE("on error: retries come first, then each other executor once, then the local route, then the failure") {
    asio::io_context io;
    FakeExecutor fake{io}, second{io, "second"}, third{io, "third"};
    const auto down = [](const JobCall&) -> std::optional<Error> {
        return error_of(errc::infrastructure, Execution::not_started);
    };
    fake.fails = second.fails = third.fails = down;
    OnError what;
    what.retry(2, {}).failover_to(second).failover_to(third).fall_back_to_local_route();
    SUBCASE("here it works") {
        const auto ended = run_with(io, fake, std::move(Router{}.route(0, Echo{})), calls_of(JobId{0}, 1), what);
        CHECK(ended.results.at(0).result.ran_on == "local");
        CHECK(ended.results.at(0).metrics.attempts == 6);
        CHECK(ended.report.succeeded == 1);
    }
    SUBCASE("there is no route here") {
        const auto ended = run_with(io, fake, Router{}, calls_of(JobId{0}, 1), what);
        CHECK(ended.results.at(0).result.ran_on == "third");
        CHECK(ended.results.at(0).result.outcome.error().message == "no luck");
        CHECK(ended.report.fallbacks == 0);
        CHECK(ended.report.failed == 1);
    }
    CHECK(fake.ids.size() == 3);
    CHECK(second.ids.size() == 1);
    CHECK(third.ids.size() == 1);
}

TEST_CASE("on error: a failover that may have run the job is the end of it") {
    asio::io_context io;
    FakeExecutor fake{io}, second{io, "second"}, third{io, "third"};
    fake.fails = FailFirst{error_of(errc::throttled, Execution::not_started), 99};
    second.fails = FailFirst{error_of(errc::timed_out, Execution::unknown), 99};
    const auto ended = run_with(io, fake, std::move(Router{}.route(0, Echo{})), calls_of(JobId{0}, 1),
                                OnError{}.failover_to(second).failover_to(third).fall_back_to_local_route());
    CHECK((ended.results.at(0).result.outcome.error().code == errc::timed_out));
    CHECK(third.ids.empty());
    CHECK(ended.report.fallbacks == 0);
}

TEST_CASE("on error: the plan waits as told, as long as the platform asked, and within the call's time") {
    faas::detail::Remedies remedies;
    remedies.retries = 4;
    remedies.delays = {10ms, 50ms};
    auto error = error_of(errc::throttled, Execution::not_started);
    RemedyPlan plan{remedies, false, true};
    CHECK((plan.after(error, std::nullopt).delay == 10ms));
    CHECK((plan.after(error, std::nullopt).delay == 50ms));
    error.retry_after = 3s;
    CHECK((plan.after(error, 4s).delay == 3s));
    RemedyPlan short_of_time{remedies, false, true};
    CHECK((short_of_time.after(error, 3s).kind == RemedyPlan::Kind::give_up));  // would end with the call's time
    error.retry_after.reset();
    CHECK((plan.after(error, 51ms).delay == 50ms));
    CHECK((plan.after(error, std::nullopt).kind == RemedyPlan::Kind::give_up));  // the fifth
    for (const auto lasting : {errc::invalid_configuration, errc::unsupported, errc::serialization,
                               errc::authentication, errc::not_found, errc::cancelled}) {
        RemedyPlan fresh{remedies, true, true};
        CHECK((fresh.after(error_of(lasting, Execution::not_started), std::nullopt).kind == RemedyPlan::Kind::give_up));
    }
    remedies.local_route = true;
    RemedyPlan late{remedies, true, true};
    CHECK((late.after(error_of(errc::timed_out, Execution::unknown), 0ms).kind == RemedyPlan::Kind::give_up));
    RemedyPlan unknown_job{remedies, false, true};
    const auto step = unknown_job.after(error_of(errc::not_found, Execution::not_started), std::nullopt);
    CHECK((step.kind == RemedyPlan::Kind::local_route));
}

TEST_CASE("on error: attempts get what is left of the call's time") {
    asio::io_context io;
    FakeExecutor fake{io};
    fake.keep_calls = true;
    fake.fails = FailFirst{error_of(errc::infrastructure, Execution::not_started), 1};
    auto calls = calls_of(JobId{0}, 1);
    calls[0].timeout = 10s;
    run_with(io, fake, Router{}, calls, OnError{}.retry(1, {30ms}));
    REQUIRE(fake.calls.size() == 2);
    CHECK(fake.calls[0].timeout == 10s);
    CHECK(*fake.calls[1].timeout <= 9970ms);
    CHECK(*fake.calls[1].timeout > 5s);
}

TEST_CASE("on error: a local job that failed ran, so it is tried again only if it is idempotent") {
    for (const bool idempotent : {false, true}) {
        asio::io_context io;
        FakeExecutor fake{io};
        int ran = 0;
        Router router;
        router.route(5, [&ran](JobCall) -> result<Bytes> {
            if (++ran == 1) return Error{.code = errc::function_error, .execution = Execution::started};
            return Bytes{1};
        });
        auto calls = calls_of(JobId{5}, 1);
        calls[0].idempotent = idempotent;
        const auto ended =
            run_with(io, fake, std::move(router), calls, OnError{}.retry(1, {}).fall_back_to_local_route());
        CHECK(ran == (idempotent ? 2 : 1));
        CHECK(ended.report.succeeded == (idempotent ? 1 : 0));
        CHECK(ended.report.fallbacks == 0);
    }
}

TEST_CASE("on error: a job has its own remedies, and its own answer to what is left") {
    asio::io_context io;
    FakeExecutor fake{io};
    fake.fails = FailFirst{error_of(errc::infrastructure, Execution::not_started), 1};
    CollectorConsumer results;
    auto calls = calls_of(JobId{0}, 1);
    for (auto& call : calls_of(JobId{1}, 2)) calls.push_back(call);
    calls[0].args = Bytes{100};
    auto runner = Runner::builder(io)
                      .router(Router{})
                      .producer(RangeProducer{calls})
                      .consumer(results)
                      .on_error<0>(OnError{}.then(ErrorPolicy::report))
                      .on_error<1>(OnError{}.retry(1, {}))
                      .with_faas_executor<0, 1>(fake)
                      .build();
    REQUIRE(runner.has_value());
    const auto report = run(io, *runner);  // the run's own policy is stop, and no failure meets it
    REQUIRE(report.has_value());
    CHECK(report->failed == 1);
    CHECK(report->succeeded == 2);
    CHECK(report->retries == 2);
}

TEST_CASE("on error: a failure that nothing mends stops the run under the stop policy") {
    asio::io_context io;
    FakeExecutor fake{io};
    fake.fails = FailFirst{error_of(errc::infrastructure, Execution::not_started), 99};
    const auto ended = run_with(io, fake, Router{}, calls_of(JobId{0}, 1), OnError{}.retry(2, {}), ErrorPolicy::stop);
    CHECK(ended.report.reason == EndReason::job_failed);
    CHECK(ended.report.retries == 2);
    CHECK(fake.ids.size() == 3);
}

TEST_CASE("on error: a call that waits to be tried again is drained by one signal and cut off by the next") {
    for (const bool twice : {false, true}) {
        CAPTURE(twice);
        asio::io_context io;
        FakeExecutor fake{io};
        fake.fails = FailFirst{error_of(errc::throttled, Execution::not_started), 1};
        CollectorConsumer results;
        auto runner = Runner::builder(io)
                          .router(Router{})
                          .producer(RangeProducer{calls_of(JobId{0}, 1)})
                          .consumer(results)
                          .error_policy(ErrorPolicy::report)
                          .on_error(OnError{}.retry(1, {twice ? 1h : 30ms}))
                          .handle_signals()
                          .with_faas_executor<0>(fake)
                          .build();
        REQUIRE(runner.has_value());
        Operation<result<RunReport>> running{io, runner->run()};
        io.poll();
        REQUIRE(fake.ids.size() == 1);
        std::raise(SIGTERM);
        while (runner->report().reason != EndReason::signal) io.run_one();
        if (twice) std::raise(SIGTERM);
        io.run();
        REQUIRE(running.ended());
        const auto& report = runner->report();
        CHECK(report.reason == EndReason::signal);
        CHECK(report.succeeded == (twice ? 0 : 1));
        CHECK(report.unfinished == (twice ? 1 : 0));
        const auto all = results.take();
        REQUIRE(all.size() == 1);
        if (twice) {
            CHECK((all[0].result.outcome.error().code == errc::cancelled));
            CHECK(all[0].result.outcome.error().execution == Execution::not_started);
        }
    }
}

}  // namespace on_error_test
