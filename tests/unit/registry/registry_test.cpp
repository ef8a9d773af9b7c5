#include "blueprint/faas/registry.hpp"

#include "fake_executor.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace registry_test {

namespace faas = blueprint::faas;
using namespace blueprint::faas::tests;
using faas::bind;
using faas::errc;
using faas::JobCall;
using faas::JobId;
using faas::StaticRegistry;

namespace {

FakeExecutor static_aws{"aws"};
FakeExecutor static_gcp{"gcp"};
constexpr StaticRegistry constant_registry{bind<3, 0>(static_aws), bind<1>(static_gcp)};

static_assert(constant_registry.is_faas_job(JobId{0}));
static_assert(decltype(constant_registry)::is_faas_job(JobId{1}));
static_assert(!constant_registry.is_faas_job(JobId{2}));
static_assert(!constant_registry.is_faas_job(JobId{4294967295}));
static_assert(constant_registry.job_ids == std::array{JobId{0}, JobId{1}, JobId{3}});
static_assert(&constant_registry.get<3>() == &static_aws);
static_assert(constant_registry.routes(JobId{3}) && !constant_registry.can_be_switched_off(JobId{3}));
static_assert(StaticRegistry<>::job_ids.empty() && !StaticRegistry<>::is_faas_job(JobId{0}));

// Not copyable and not movable: it can be borrowed or shared, and nothing else.
struct Pinned : FakeExecutor {
    using FakeExecutor::FakeExecutor;
    Pinned(const Pinned&) = delete;
};

}  // namespace

TEST_CASE("registry: with_executor calls the bound executor once and nothing for a local job") {
    FakeExecutor aws{"aws"}, gcp{"gcp"};
    const StaticRegistry registry{bind<0, 3>(aws), bind<1>(gcp)};
    struct Row {
        JobId id;
        std::string expected;
    };
    for (const auto& row : {Row{JobId{0}, "aws"}, Row{JobId{1}, "gcp"}, Row{JobId{2}, ""}, Row{JobId{3}, "aws"},
                            Row{JobId{4294967295}, ""}}) {
        CAPTURE(row.id);
        std::string seen;
        CHECK(registry.with_executor(row.id, [&](auto& e) { seen += e.provider_name(); }) == !row.expected.empty());
        CHECK(seen == row.expected);
    }
}

TEST_CASE("registry: a constexpr registry reaches executors of static storage") {
    static_aws.calls = 0;
    auto answer = finish(constant_registry.invoke({.job_id = 3, .args = {7}}));
    REQUIRE(answer.has_value());
    CHECK(answer->outcome.value() == faas::Bytes{7});
    CHECK(static_aws.calls == 1);
}

TEST_CASE("registry: get gives the executor itself, borrowed, shared or owned") {
    Pinned borrowed{"borrowed"};
    auto shared = std::make_shared<Pinned>("shared");
    const StaticRegistry registry{bind<0>(borrowed), bind<1>(shared), bind<2>(FakeExecutor{"owned"})};
    CHECK(&registry.get<0>() == &borrowed);
    CHECK(&registry.get<1>() == shared.get());
    CHECK(shared.use_count() == 2);
    CHECK(registry.get<2>().provider_name() == "owned");
    static_assert(std::is_same_v<decltype(registry.get<2>()), FakeExecutor&>);
    auto answer = finish(registry.invoke_with_metrics({.job_id = 2}));
    REQUIRE(answer.has_value());
    CHECK(registry.get<2>().calls == 1);
}

TEST_CASE("registry: one executor may stand in several bindings") {
    FakeExecutor aws{"aws"};
    const StaticRegistry registry{bind<0>(aws), bind<5>(aws)};
    CHECK(&registry.get<0>() == &registry.get<5>());
}

TEST_CASE("registry: an unknown job is not found, and the message says what to do") {
    FakeExecutor aws{"aws"};
    const StaticRegistry registry{bind<0>(aws)};
    auto plain = finish(registry.invoke({.job_id = 4294967295}));
    auto measured = finish(registry.invoke_with_metrics({.job_id = 4294967295}));
    REQUIRE(plain.has_error());
    REQUIRE(measured.has_error());
    for (const auto& error : {plain.error(), measured.error()}) {
        CHECK(error.code == errc::not_found);
        CHECK(error.execution == faas::Execution::not_started);
        CHECK(error.message.find("job 4294967295") != std::string::npos);
        CHECK(error.message.find("bind<4294967295>(executor)") != std::string::npos);
    }
    CHECK(aws.calls == 0);
}

TEST_CASE("R5: an id cannot be replaced silently: the bound ids are a constant without doubles") {
    static_assert(std::is_const_v<std::remove_reference_t<decltype(constant_registry.job_ids)>>);
    CHECK(std::adjacent_find(constant_registry.job_ids.begin(), constant_registry.job_ids.end()) ==
          constant_registry.job_ids.end());
}

TEST_CASE("registry: of many bindings each id finds its own, and an id between them finds none") {
    FakeExecutor a{"a"}, b{"b"}, c{"c"};
    faas::Switch optional{c};
    const StaticRegistry registry{bind<4000000000>(a), bind<10, 30>(b), bind<20>(a), bind<0>(b),  bind<7>(a),
                                  bind<6>(b),          bind<5>(a),      bind<4>(b),  bind<50>(a), bind<3>(optional)};
    using Registry = decltype(registry);
    struct Row {
        JobId id;
        std::string expected;
    };
    const std::array rows{Row{JobId{0}, "b"},  Row{JobId{3}, "c"},  Row{JobId{4}, "b"},         Row{JobId{5}, "a"},
                          Row{JobId{6}, "b"},  Row{JobId{7}, "a"},  Row{JobId{10}, "b"},        Row{JobId{20}, "a"},
                          Row{JobId{30}, "b"}, Row{JobId{50}, "a"}, Row{JobId{4000000000}, "a"}};
    const auto seen = [&registry](JobId id) {
        std::string names;
        const bool called = registry.with_executor(id, [&](auto& e) { names += e.provider_name(); });
        CHECK(called == !names.empty());
        CHECK(registry.routes(id) == called);
        return names;
    };
    for (const auto& row : rows) {
        CAPTURE(row.id);
        CHECK(seen(row.id) == row.expected);
        CHECK(Registry::is_faas_job(row.id));
    }
    for (const JobId id : {JobId{1}, JobId{11}, JobId{51}, JobId{3999999999}, JobId{4294967295}}) {
        CAPTURE(id);
        CHECK(seen(id).empty());
        CHECK(!Registry::is_faas_job(id));
    }
    CHECK(&registry.get<30>() == &b);
    optional.turn_off();
    CHECK(seen(JobId{3}).empty());
    CHECK(Registry::is_faas_job(JobId{3}));
    CHECK(Registry::can_be_switched_off(JobId{3}));
}

TEST_CASE("registry: of many ids each finds the executor of its binding") {
    FakeExecutor even{"even"}, odd{"odd"};
    const StaticRegistry registry{bind<100, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20>(even),
                                  bind<1, 3, 5, 7, 9, 11, 13, 15, 17, 4294967295>(odd)};
    for (std::uint32_t number = 0; number <= 101; ++number) {
        CAPTURE(number);
        const bool bound = (number >= 1 && number <= 18) || number == 20 || number == 100;
        std::string seen;
        CHECK(registry.with_executor(JobId{number}, [&](auto& e) { seen += e.provider_name(); }) == bound);
        CHECK(seen == (bound ? (number % 2 == 0 ? "even" : "odd") : ""));
        CHECK(registry.is_faas_job(JobId{number}) == bound);
    }
    CHECK(registry.is_faas_job(JobId{4294967295}));
    CHECK(&registry.get<4294967295>() == &odd);
}

TEST_CASE("C1: ids that share their low bits are different jobs") {
    FakeExecutor a{"a"}, b{"b"}, c{"c"};
    const StaticRegistry registry{bind<0>(a), bind<256>(b), bind<65536>(c)};
    for (const auto& [id, name] : {std::pair{JobId{0}, "a"}, {JobId{256}, "b"}, {JobId{65536}, "c"}}) {
        std::string seen;
        registry.with_executor(id, [&](auto& e) { seen = e.provider_name(); });
        CHECK(seen == name);
    }
}

}  // namespace registry_test
