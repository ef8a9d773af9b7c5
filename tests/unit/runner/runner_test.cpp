#include "blueprint/faas/runner/runner.hpp"

#include "support.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace runner_test {

namespace faas = blueprint::faas;
namespace asio = boost::asio;
using namespace blueprint::faas::tests;
using faas::Bytes;
using faas::CollectorConsumer;
using faas::EndReason;
using faas::errc;
using faas::ErrorPolicy;
using faas::JobCall;
using faas::JobId;
using faas::RangeProducer;
using faas::Router;
using faas::Runner;

namespace {

std::vector<JobCall> mixed_calls() {
    auto calls = calls_of(JobId{0}, 3);
    for (auto& call : calls_of(JobId{7}, 2)) calls.push_back(call);
    return calls;
}

}  // namespace

TEST_CASE("runner: bound jobs run on their executor, the others here, and all results arrive") {
    asio::io_context io;
    FakeExecutor fake{io};
    CollectorConsumer results;
    auto runner = Runner::builder(io)
                      .router(std::move(Router{}.route(7, Echo{})))
                      .producer(RangeProducer{mixed_calls()})
                      .consumer(results)
                      .with_faas_executor<0, 3>(fake)
                      .build();
    REQUIRE(runner.has_value());
    auto report = run(io, *runner);
    REQUIRE(report.has_value());
    CHECK(report->reason == EndReason::producers_ended);
    CHECK(report->produced == 5);
    CHECK(report->succeeded == 5);
    CHECK(report->results == 5);
    CHECK(report->failed + report->unfinished + report->undelivered == 0);
    CHECK(report->jobs ==
          std::map<JobId, faas::JobCounts>{{JobId{0}, {.succeeded = 3, .on_faas = 3}}, {JobId{7}, {.succeeded = 2}}});
    std::map<std::string, int> ran_on;
    for (const auto& [result, metrics] : results.take()) ++ran_on[std::string{result.ran_on}];
    CHECK(ran_on == std::map<std::string, int>{{"fake", 3}, {"local", 2}});
}

TEST_CASE("C1: ids that share their low bits run on their own executor or route") {
    asio::io_context io;
    FakeExecutor zero{io, "zero"}, big{io, "big"};
    CollectorConsumer results;
    std::vector<JobCall> calls(3);
    calls[0].job_id = 0;
    calls[1].job_id = 256;
    calls[2].job_id = 65536;
    auto runner = Runner::builder(io)
                      .router(std::move(Router{}.route(256, Echo{})))
                      .producer(RangeProducer{calls})
                      .consumer(results)
                      .with_faas_executor<0>(zero)
                      .with_faas_executor<65536>(big)
                      .build();
    REQUIRE(runner.has_value());
    REQUIRE(run(io, *runner).has_value());
    for (const auto& [result, metrics] : results.take()) {
        CAPTURE(result.job_id);
        const std::string_view expected = result.job_id == JobId{0}     ? "zero"
                                          : result.job_id == JobId{256} ? "local"
                                                                        : "big";
        CHECK(result.ran_on == expected);
    }
}

TEST_CASE("C2: metadata of the call comes back with every result, FaaS or local, good or failed") {
    asio::io_context io;
    FakeExecutor fake{io};
    CollectorConsumer results;
    std::vector<JobCall> calls(5);
    calls[0].job_id = 0;
    calls[1].job_id = 0;
    calls[1].args = Bytes{0xff};
    calls[2].job_id = 7;
    calls[3].job_id = 8;
    calls[4].job_id = 99;
    for (std::size_t n = 0; n < calls.size(); ++n)
        calls[n].metadata = faas::Metadata{{"call_id", std::to_string(n)}, {"service_id", "12"}};
    Router router;
    router.route(7, Echo{}).route(8, [](const JobCall&) -> faas::result<Bytes> {
        return faas::Error{.code = errc::function_error, .message = "no"};
    });
    auto runner = Runner::builder(io)
                      .router(router)
                      .producer(RangeProducer{calls})
                      .consumer(results)
                      .error_policy(ErrorPolicy::report)
                      .with_faas_executor<0>(fake)
                      .build();
    REQUIRE(runner.has_value());
    REQUIRE(run(io, *runner).has_value());
    const auto all = results.take();
    REQUIRE(all.size() == calls.size());
    std::map<std::string, int> seen;
    for (const auto& [result, metrics] : all) {
        ++seen[std::string{result.metadata.get("call_id").value_or("none")}];
        CHECK(result.metadata.get("service_id") == "12");
        if (result.ran_on == "fake" && result.succeeded()) CHECK(result.metadata.get("served-by") == "fake");
    }
    CHECK(seen == std::map<std::string, int>{{"0", 1}, {"1", 1}, {"2", 1}, {"3", 1}, {"4", 1}});
}

TEST_CASE("C4: a failed job is a failed result with its error, never an empty success") {
    asio::io_context io;
    FakeExecutor fake{io};
    CollectorConsumer results;
    JobCall failing;
    failing.args = Bytes{0xff};
    auto runner = Runner::builder(io)
                      .router(Router{})
                      .producer(RangeProducer{std::vector{failing}})
                      .consumer(results)
                      .error_policy(ErrorPolicy::report)
                      .with_faas_executor<0>(fake)
                      .build();
    REQUIRE(runner.has_value());
    auto report = run(io, *runner);
    REQUIRE(report.has_value());
    CHECK(report->failed == 1);
    CHECK(report->succeeded == 0);
    const auto all = results.take();
    REQUIRE(all.size() == 1);
    REQUIRE(all[0].result.outcome.has_error());
    CHECK(all[0].result.outcome.error().code == errc::function_error);
    CHECK(all[0].result.ran_on == "fake");
    CHECK(all[0].metrics.attempts == 3);
}

TEST_CASE("runner: layers and always handlers see FaaS calls and local calls alike") {
    asio::io_context io;
    FakeExecutor fake{io};
    CollectorConsumer results;
    std::vector<std::string> seen;
    Router router;
    router.route(7, Echo{})
        .always([&seen](const JobCall& call) { seen.push_back("always " + std::to_string(call.job_id.value())); })
        .layer([&seen](JobCall call, faas::Next next) -> asio::awaitable<faas::result<faas::Answers>> {
            seen.push_back("layer " + std::to_string(call.job_id.value()));
            call.args.push_back(9);
            auto answers = co_await next(std::move(call));
            if (answers) answers->front().result.metadata.set("layer", "was here");
            co_return answers;
        });
    std::vector<JobCall> calls(2);
    calls[1].job_id = 7;
    auto runner = Runner::builder(io)
                      .router(router)
                      .producer(RangeProducer{calls})
                      .consumer(results)
                      .max_in_flight(1)
                      .with_faas_executor<0>(fake)
                      .build();
    REQUIRE(runner.has_value());
    REQUIRE(run(io, *runner).has_value());
    CHECK(seen == std::vector<std::string>{"layer 0", "always 0", "layer 7", "always 7"});
    const auto all = results.take();
    REQUIRE(all.size() == 2);
    for (const auto& [result, metrics] : all) {
        CHECK(result.outcome.value() == Bytes{9});
        CHECK(result.metadata.get("layer") == "was here");
    }
}

TEST_CASE("runner: an always handler's results follow the job's own, even when the job failed") {
    asio::io_context io;
    FakeExecutor fake{io};
    CollectorConsumer results;
    std::vector<JobCall> calls(2);
    calls[1].args = Bytes{0xff};
    Router router;
    router.always([](const JobCall& call) { return Bytes(call.args.size() + 1, 5); });
    auto runner = Runner::builder(io)
                      .router(router)
                      .producer(RangeProducer{calls})
                      .consumer(results)
                      .error_policy(ErrorPolicy::report)
                      .max_in_flight(1)
                      .with_faas_executor<0>(fake)
                      .build();
    REQUIRE(runner.has_value());
    auto report = run(io, *runner);
    REQUIRE(report.has_value());
    CHECK(report->produced == 2);
    CHECK(report->results == 4);
    const auto all = results.take();
    REQUIRE(all.size() == 4);
    CHECK(all[0].result.ran_on == "fake");
    CHECK(all[1].result.ran_on == "local");
    CHECK(all[1].result.outcome.value() == Bytes{5});
    CHECK(!all[2].result.succeeded());
    CHECK(all[3].result.outcome.value() == Bytes{5, 5});
}

TEST_CASE("runner: a switched off job goes to the router, and back") {
    asio::io_context io;
    FakeExecutor fake{io};
    faas::Switch on_fake{fake};
    CollectorConsumer results;
    std::size_t taken = 0;
    auto calls = calls_of(JobId{0}, 3);
    auto producer = faas::GeneratorProducer{[&]() -> std::optional<JobCall> {
        if (taken == calls.size()) return std::nullopt;
        taken == 1 ? on_fake.turn_off() : on_fake.turn_on();
        return calls[taken++];
    }};
    auto runner = Runner::builder(io)
                      .router(std::move(Router{}.route(0, Echo{})))
                      .producer(std::move(producer))
                      .consumer(results)
                      .with_faas_executor<0>(on_fake)
                      .build();
    REQUIRE(runner.has_value());
    CHECK(runner->warnings().empty());
    REQUIRE(run(io, *runner).has_value());
    std::map<std::string, std::string> where;
    for (const auto& [result, metrics] : results.take())
        where[std::string{*result.metadata.get("n")}] = std::string{result.ran_on};
    CHECK(where == std::map<std::string, std::string>{{"0", "fake"}, {"1", "local"}, {"2", "fake"}});
}

TEST_CASE("runner: a call of an unknown job is one failed result that says what to do") {
    asio::io_context io;
    CollectorConsumer results;
    auto runner = Runner::builder(io)
                      .router(Router{})
                      .producer(RangeProducer{calls_of(JobId{4294967295}, 1)})
                      .consumer(results)
                      .error_policy(ErrorPolicy::report)
                      .build();
    REQUIRE(runner.has_value());
    auto report = run(io, *runner);
    REQUIRE(report.has_value());
    CHECK(report->jobs.empty());
    CHECK(report->other_jobs == faas::JobCounts{.failed = 1});
    const auto all = results.take();
    REQUIRE(all.size() == 1);
    CHECK(all[0].result.outcome.error().code == errc::not_found);
    CHECK(all[0].result.outcome.error().message.find("route(4294967295, handler)") != std::string::npos);
}

TEST_CASE("runner: metrics of a FaaS call are the executor's, of a local one measured here") {
    asio::io_context io;
    FakeExecutor fake{io};
    CollectorConsumer results;
    std::vector<JobCall> calls(2);
    calls[1].job_id = 7;
    auto runner = Runner::builder(io)
                      .router(std::move(Router{}.route(7, Echo{})))
                      .producer(RangeProducer{calls})
                      .consumer(results)
                      .with_faas_executor<0>(fake)
                      .build();
    REQUIRE(runner.has_value());
    REQUIRE(run(io, *runner).has_value());
    for (const auto& [result, metrics] : results.take()) {
        CAPTURE(result.job_id);
        CHECK(metrics.cold_start.has_value() == (result.job_id == JobId{0}));
        CHECK(metrics.total_duration.count() >= 0);
        CHECK(!metrics.billed_duration);
    }
}

TEST_CASE("runner: parts may stay the caller's") {
    asio::io_context io;
    RangeProducer producer{calls_of(JobId{0}, 2)};
    auto collector = std::make_shared<CollectorConsumer>();
    auto executor = std::make_shared<FakeExecutor>(io);
    auto runner = Runner::builder(io)
                      .router(Router{})
                      .producer(std::ref(producer))
                      .consumer(collector)
                      .with_faas_executor<0>(executor)
                      .build();
    REQUIRE(runner.has_value());
    REQUIRE(run(io, *runner).has_value());
    CHECK(collector->size() == 2);
    CHECK(executor->ids.size() == 2);
}

TEST_CASE("runner: it runs once") {
    asio::io_context io;
    auto runner = Runner::builder(io).router(Router{}).producer(RangeProducer{calls_of(JobId{0}, 0)}).build();
    REQUIRE(runner.has_value());
    REQUIRE(run(io, *runner).has_value());
    auto again = run(io, *runner);
    REQUIRE(again.has_error());
    CHECK(again.error().code == errc::conflict);
}

}  // namespace runner_test
