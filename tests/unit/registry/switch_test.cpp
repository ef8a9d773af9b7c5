#include "blueprint/faas/switch.hpp"

#include "blueprint/faas/registry.hpp"
#include "fake_executor.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>

namespace switch_test {

namespace faas = blueprint::faas;
using namespace blueprint::faas::tests;
using faas::bind;
using faas::errc;
using faas::JobId;
using faas::OneOf;
using faas::StaticRegistry;
using faas::Switch;

static_assert(faas::Executor<Switch<FakeExecutor>>);
static_assert(faas::Executor<OneOf<FakeExecutor, FakeExecutor>>);

TEST_CASE("switch: while it is off its jobs are not routed, and they are again when it is on") {
    FakeExecutor aws{"aws"};
    Switch aws_switch{aws};
    const StaticRegistry registry{bind<0, 1>(aws_switch), bind<2>(aws)};
    static_assert(decltype(registry)::is_faas_job(JobId{1}));
    static_assert(decltype(registry)::can_be_switched_off(JobId{1}));
    static_assert(!decltype(registry)::can_be_switched_off(JobId{2}));
    for (const bool on : {true, false, true}) {
        CAPTURE(on);
        on ? aws_switch.turn_on() : aws_switch.turn_off();
        CHECK(aws_switch.is_on() == on);
        CHECK(registry.routes(JobId{1}) == on);
        CHECK(registry.with_executor(JobId{1}, [](auto&) {}) == on);
        CHECK(registry.routes(JobId{2}));
    }
}

TEST_CASE("switch: a registry hands out the executor behind it, get the switch itself") {
    FakeExecutor aws{"aws"};
    const StaticRegistry registry{bind<0>(Switch{aws})};
    const void* seen = nullptr;
    registry.with_executor(JobId{0}, [&](auto& e) { seen = &e; });
    CHECK(seen == &aws);
    registry.get<0>().turn_off();
    CHECK(!registry.routes(JobId{0}));
    CHECK(&registry.get<0>().executor() == &aws);
}

TEST_CASE("switch: a call made past the registry is refused while it is off, and says so") {
    FakeExecutor aws{"aws"};
    Switch aws_switch{aws, false};
    auto plain = finish(aws_switch.invoke({.job_id = 9}));
    auto measured = finish(aws_switch.invoke_with_metrics({.job_id = 9}));
    REQUIRE(plain.has_error());
    REQUIRE(measured.has_error());
    CHECK(plain.error().code == errc::not_found);
    CHECK(plain.error().message.find("job 9 was not run: its Switch is off") != std::string::npos);
    const StaticRegistry registry{bind<9>(aws_switch)};
    auto routed = finish(registry.invoke({.job_id = 9}));
    REQUIRE(routed.has_error());
    CHECK(routed.error().message.find("switched off") != std::string::npos);
    CHECK(aws.calls == 0);
    aws_switch.turn_on();
    CHECK(finish(aws_switch.invoke({.job_id = 9})).has_value());
    CHECK(aws.calls == 1);
}

TEST_CASE("one of: calls go where it points, by constant or by number") {
    FakeExecutor aws{"aws"}, gcp{"gcp"}, azure{"azure"};
    OneOf any{aws, gcp, azure};
    const StaticRegistry registry{bind<0>(any)};
    CHECK(any.provider_name() == "aws");
    CHECK(finish(registry.invoke({.job_id = 0})).has_value());
    any.use<2>();
    CHECK(any.active() == 2);
    CHECK(any.provider_name() == "azure");
    CHECK(finish(registry.invoke({.job_id = 0})).has_value());
    REQUIRE(any.use(1).has_value());
    auto measured = finish(registry.invoke_with_metrics({.job_id = 0}));
    REQUIRE(measured.has_value());
    CHECK(measured->result.ran_on == "gcp");
    CHECK(&any.executor<1>() == &gcp);
    CHECK(std::array{aws.calls, gcp.calls, azure.calls} == std::array{1, 1, 1});
}

TEST_CASE("one of: a number out of range changes nothing and names the range") {
    FakeExecutor aws{"aws"}, gcp{"gcp"};
    OneOf any{aws, gcp};
    any.use<1>();
    auto refused = any.use(2);
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == errc::invalid_configuration);
    CHECK(refused.error().message.find("number 2: there are 2") != std::string::npos);
    CHECK(any.active() == 1);
}

TEST_CASE("one of: it can be switched, and moved into a registry") {
    FakeExecutor aws{"aws"}, gcp{"gcp"};
    OneOf any{aws, gcp};
    any.use<1>();
    Switch off{any, false};
    const StaticRegistry registry{bind<0>(off), bind<1>(std::move(any))};
    CHECK(!registry.routes(JobId{0}));
    CHECK(registry.get<1>().provider_name() == "gcp");
}

}  // namespace switch_test
