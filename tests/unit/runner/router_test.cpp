#include "blueprint/faas/runner/router.hpp"

#include "support.hpp"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace router_test {

namespace faas = blueprint::faas;
namespace asio = boost::asio;
using namespace blueprint::faas::tests;
using faas::Answers;
using faas::Bytes;
using faas::errc;
using faas::Error;
using faas::JobCall;
using faas::JobId;
using faas::Router;

namespace {

asio::awaitable<faas::result<Bytes>> doubled(JobCall call) {
    Bytes twice = call.args;
    twice.insert(twice.end(), call.args.begin(), call.args.end());
    co_return twice;
}

// The shape that a set of typed jobs has.
struct Jobs {
    static constexpr std::array<std::uint32_t, 2> job_ids{4, 5};
    asio::awaitable<faas::result<Bytes>> run(JobCall call) const {
        co_return Bytes{static_cast<std::uint8_t>(call.job_id.value() + *offset)};
    }
    std::unique_ptr<std::uint32_t> offset = std::make_unique<std::uint32_t>(10);
};

Answers run_one(Router& router, JobId id, Bytes args = {1}) {
    JobCall call;
    call.job_id = id;
    call.args = std::move(args);
    call.metadata.set("call_id", "77");
    return finish(router.run(std::move(call)));
}

}  // namespace

TEST_CASE("router: functions and coroutines may answer with one, several or no results") {
    Router router;
    router.route(0, [](JobCall call) { return call.args; })
        .route(1, [](const JobCall& call) -> faas::result<Bytes> { return call.args; })
        .route(2, [](JobCall call) { return std::vector<Bytes>{call.args, call.args}; })
        .route(3, [](const JobCall&) -> faas::result<std::vector<Bytes>> { return std::vector<Bytes>{}; })
        .route(4, [](const JobCall&) {})
        .route(5, doubled)
        .route(6, [](JobCall call) -> asio::awaitable<Bytes> { co_return call.args; })
        .route(7,
               [](JobCall call) -> asio::awaitable<std::vector<Bytes>> { co_return std::vector<Bytes>(3, call.args); })
        .route(8, [](JobCall) -> asio::awaitable<void> { co_return; })
        .route(9, [](JobCall) -> asio::awaitable<faas::result<void>> { co_return faas::result<void>{}; });
    struct Row {
        std::uint32_t id;
        std::vector<Bytes> expected;
    };
    const Bytes one{1};
    for (const auto& row : {Row{0, {one}}, Row{1, {one}}, Row{2, {one, one}}, Row{3, {}}, Row{4, {}},
                            Row{5, {Bytes{1, 1}}}, Row{6, {one}}, Row{7, {one, one, one}}, Row{8, {}}, Row{9, {}}}) {
        CAPTURE(row.id);
        std::vector<Bytes> got;
        for (const auto& [result, metrics] : run_one(router, JobId{row.id})) {
            got.push_back(result.outcome.value());
            CHECK(result.job_id == JobId{row.id});
            CHECK(result.ran_on == "local");
            CHECK(result.metadata.get("call_id") == "77");
        }
        CHECK(got == row.expected);
    }
}

TEST_CASE("router: a coroutine lambda with captures is kept as long as its calls") {
    Router router;
    router.route(0, [text = std::make_unique<std::string>("kept")](JobCall) -> asio::awaitable<Bytes> {
        asio::steady_timer pause{co_await asio::this_coro::executor, std::chrono::milliseconds{0}};
        co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
        co_return Bytes(text->begin(), text->end());
    });
    const auto answers = run_one(router, JobId{0});
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].result.outcome.value() == Bytes{'k', 'e', 'p', 't'});
}

TEST_CASE("router: an error and an exception are failed results, and the always handlers still run") {
    Router router;
    int always = 0;
    router
        .route(
            0,
            [](const JobCall&) -> faas::result<Bytes> { return Error{.code = errc::function_error, .message = "no"}; })
        .route(1, [](const JobCall&) -> Bytes { throw std::runtime_error{"broken"}; })
        .route(2,
               [](JobCall) -> asio::awaitable<Bytes> {
                   throw 5;
                   co_return Bytes{};
               })
        .always([&always](const JobCall&) { ++always; });
    const std::array<std::string, 3> expected{"no", "job 1: its handler threw: broken",
                                              "job 2: its handler threw: something that is no std::exception"};
    for (std::uint32_t id = 0; id < 3; ++id) {
        CAPTURE(id);
        const auto answers = run_one(router, JobId{id});
        REQUIRE(answers.size() == 1);
        REQUIRE(answers[0].result.outcome.has_error());
        CHECK(answers[0].result.outcome.error().code == errc::function_error);
        CHECK(answers[0].result.outcome.error().message == expected[id]);
        CHECK(answers[0].result.metadata.get("call_id") == "77");
    }
    CHECK(always == 3);
}

TEST_CASE("router: calls without a route go to the fallback, and without one are not found") {
    Router router;
    router.route(0, Echo{});
    const auto lost = run_one(router, JobId{3});
    REQUIRE(lost.size() == 1);
    REQUIRE(lost[0].result.outcome.has_error());
    CHECK(lost[0].result.outcome.error().code == errc::not_found);
    CHECK(lost[0].result.outcome.error().execution == faas::Execution::not_started);
    CHECK(lost[0].result.outcome.error().message.find("job 3 is unknown: add route(3, handler)") != std::string::npos);
    router.fallback([](const JobCall& call) { return Bytes{static_cast<std::uint8_t>(call.job_id.value())}; });
    CHECK(run_one(router, JobId{3})[0].result.outcome.value() == Bytes{3});
    CHECK(run_one(router, JobId{0})[0].result.outcome.value() == Bytes{1});
}

TEST_CASE("R5: a second route of an id or a second fallback is a problem and changes nothing") {
    Router router;
    router.route(3, [](const JobCall&) { return Bytes{1}; })
        .route(3, [](const JobCall&) { return Bytes{2}; })
        .fallback([](const JobCall&) { return Bytes{3}; })
        .fallback([](const JobCall&) { return Bytes{4}; });
    REQUIRE(router.problems().size() == 2);
    CHECK(router.problems()[0].message.find("job 3 has two routes") != std::string::npos);
    CHECK(router.problems()[1].message.find("two fallbacks") != std::string::npos);
    CHECK(run_one(router, JobId{3})[0].result.outcome.value() == Bytes{1});
    CHECK(run_one(router, JobId{9})[0].result.outcome.value() == Bytes{3});
}

TEST_CASE("router: a set of jobs is added in one go, and its ids are checked against the routes") {
    Router router;
    router.add(Jobs{});
    CHECK(router.problems().empty());
    CHECK(router.has_route(JobId{4}));
    CHECK(!router.has_route(JobId{6}));
    CHECK(run_one(router, JobId{4})[0].result.outcome.value() == Bytes{14});
    CHECK(run_one(router, JobId{5})[0].result.outcome.value() == Bytes{15});
    router.route(5, Echo{});
    CHECK(router.problems().size() == 1);
}

TEST_CASE("router: layers stand around each other, the first added outermost, and may call on, again or not at all") {
    Router router;
    std::string order;
    int attempts = 0;
    router
        .route(0,
               [&attempts](JobCall call) -> faas::result<Bytes> {
                   if (++attempts == 1) return Error{.code = errc::infrastructure, .message = "first"};
                   return call.args;
               })
        .layer([&order](JobCall call, faas::Next next) -> asio::awaitable<faas::result<Answers>> {
            order += 'a';
            const bool refuse = call.args.empty();
            if (refuse) co_return Error{.code = errc::invalid_configuration, .message = "empty"};
            auto answers = co_await next(std::move(call));
            order += 'A';
            co_return answers;
        })
        .layer([&order](JobCall call, faas::Next next) -> asio::awaitable<faas::result<Answers>> {
            order += 'b';
            auto answers = co_await next(call);
            if (answers && !answers->front().result.succeeded()) answers = co_await next(call);
            co_return answers;
        });
    CHECK(run_one(router, JobId{0})[0].result.succeeded());
    CHECK(attempts == 2);
    CHECK(order == "abA");
    const auto refused = run_one(router, JobId{0}, Bytes{});
    REQUIRE(refused.size() == 1);
    CHECK(refused[0].result.outcome.error().message == "empty");
    CHECK(refused[0].result.ran_on.empty());
    CHECK(refused[0].result.metadata.get("call_id") == "77");
    CHECK(attempts == 2);
}

TEST_CASE("router: a layer that throws is a failed result of its call") {
    Router router;
    router.route(0, Echo{}).layer([](JobCall, faas::Next) -> asio::awaitable<faas::result<Answers>> {
        throw std::runtime_error{"broken layer"};
    });
    const auto answers = run_one(router, JobId{0});
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].result.outcome.error().message == "job 0: its layer threw: broken layer");
}

}  // namespace router_test
