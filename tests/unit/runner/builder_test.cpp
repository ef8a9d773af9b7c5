#include "blueprint/faas/runner/runner.hpp"
#include "support.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>

namespace builder_test {

namespace faas = blueprint::faas;
namespace asio = boost::asio;
using namespace blueprint::faas::tests;
using faas::errc;
using faas::ErrorPolicy;
using faas::FailureOf;
using faas::JobId;
using faas::RangeProducer;
using faas::Router;
using faas::Runner;

namespace {

auto no_calls() { return RangeProducer{calls_of(JobId{0}, 0)}; }

void check_refused(faas::result<Runner> built, const std::string& words) {
    CAPTURE(words);
    REQUIRE(built.has_error());
    CHECK(built.error().code == errc::invalid_configuration);
    CHECK(built.error().message.find(words) != std::string::npos);
}

}  // namespace

TEST_CASE("builder: what is missing is named") {
    asio::io_context io;
    check_refused(Runner::builder(io).producer(no_calls()).build(), "it has no router; add router(");
    check_refused(Runner::builder(io).router(Router{}).build(), "it has no producer; add producer(");
    check_refused(Runner::builder(io).router(Router{}).producer(no_calls()).max_in_flight(0).build(),
                  "max_in_flight is 0");
    check_refused(Runner::builder(io).router(Router{}).producer(no_calls()).consumer_queue(0).build(),
                  "consumer_queue is 0");
    CHECK(Runner::builder(io.get_executor()).router(Router{}).producer(no_calls()).build().has_value());
}

TEST_CASE("R5: a job that is routed twice is refused by build") {
    asio::io_context io;
    check_refused(
        Runner::builder(io).router(std::move(Router{}.route(3, Echo{}).route(3, Echo{}))).producer(no_calls()).build(),
        "job 3 has two routes");
}

TEST_CASE("R5: a FaaS id missing from the router is refused if it can be switched off, and warned of if not") {
    asio::io_context io;
    FakeExecutor fake{io};
    faas::Switch off{fake};
    check_refused(Runner::builder(io).router(Router{}).producer(no_calls()).with_faas_executor<4>(off).build(),
                  "job 4 is bound through a Switch, but the router has no route for it");
    auto warned = Runner::builder(io)
                      .router(std::move(Router{}.route(4, Echo{}).route(6, Echo{})))
                      .producer(no_calls())
                      .with_faas_executor<4>(off)
                      .with_faas_executor<5, 6>(fake)
                      .build();
    REQUIRE(warned.has_value());
    REQUIRE(warned->warnings().size() == 1);
    CHECK(warned->warnings()[0] == "job 5 runs on its executor only: the router has no route for it");
    auto caught = Runner::builder(io)
                      .router(std::move(Router{}.fallback(Echo{})))
                      .producer(no_calls())
                      .with_faas_executor<4>(off)
                      .with_faas_executor<5>(fake)
                      .build();
    REQUIRE(caught.has_value());
    CHECK(caught->warnings().empty());
}

TEST_CASE("error policy: without services or anyone who takes results no run goes on, the rest is the policy's") {
    struct Row {
        FailureOf failure;
        bool ends_when_reporting;
    };
    for (const auto& row : {Row{FailureOf::job, false}, Row{FailureOf::producer, false},
                            Row{FailureOf::consumer, false}, Row{FailureOf::last_consumer, true},
                            Row{FailureOf::background_service, true}, Row{FailureOf::shutdown_handler, true}}) {
        CAPTURE(static_cast<int>(row.failure));
        CHECK(faas::ends_run(ErrorPolicy::stop, row.failure));
        CHECK(faas::ends_run(ErrorPolicy::report, row.failure) == row.ends_when_reporting);
    }
}

TEST_CASE("run state: producers end first, then calls, then consumers") {
    using State = faas::detail::RunState;
    using Step = State::Step;
    SUBCASE("by themselves") {
        State state{.producers = 1, .calls = 2, .consumers = 1};
        CHECK(state.next_step() == Step::wait);
        state.producers = 0;
        CHECK(state.next_step() == Step::wait);
        state.calls = 0;
        CHECK(state.next_step() == Step::close_queues);
        CHECK(state.next_step() == Step::wait);
        state.consumers = 0;
        CHECK(state.next_step() == Step::done);
    }
    SUBCASE("stopped, with two deadlines") {
        State state{.wanted = State::StopLevel::drain, .producers = 1, .calls = 2, .consumers = 1};
        CHECK(state.next_step() == Step::stop_producers);
        CHECK(state.next_step() == Step::wait);
        state.producers = 0;
        state.deadline_passed = true;
        CHECK(state.next_step() == Step::cancel_calls);
        CHECK(!state.deadline_passed);
        CHECK(state.next_step() == Step::wait);
        state.calls = 0;
        CHECK(state.next_step() == Step::close_queues);
        CHECK(state.next_step() == Step::wait);
        state.deadline_passed = true;
        CHECK(state.next_step() == Step::cancel_consumers);
        CHECK(state.next_step() == Step::wait);
        state.consumers = 0;
        CHECK(state.next_step() == Step::done);
    }
    SUBCASE("at once") {
        State state{.wanted = State::StopLevel::now, .producers = 1, .calls = 1};
        CHECK(state.next_step() == Step::stop_producers);
        CHECK(state.next_step() == Step::cancel_calls);
        CHECK(state.next_step() == Step::wait);
    }
    SUBCASE("without anything") {
        State state{};
        CHECK(state.next_step() == Step::close_queues);
        CHECK(state.next_step() == Step::done);
    }
}

}  // namespace builder_test
