#include "blueprint/faas/any_executor.hpp"

#include "blueprint/faas/package/zip.hpp"
#include "blueprint/faas/registry.hpp"
#include "fake_executor.hpp"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace any_executor_test {

namespace faas = blueprint::faas;
using namespace blueprint::faas::tests;
using faas::AnyFaasExecutor;
using faas::errc;
using faas::JobId;

namespace {

// An executor that has every operation; move-only, as one that owns connections.
struct RichExecutor : FakeExecutor {
    using FakeExecutor::FakeExecutor;
    RichExecutor(RichExecutor&&) = default;

    faas::asio::awaitable<faas::result<faas::Receipt>> invoke_async(faas::JobCall call) {
        co_return faas::Receipt{.invocation_id = "receipt " + std::to_string(call.job_id.value())};
    }
    faas::asio::awaitable<faas::result<faas::FaasDeployment>> deploy_job(JobId id, faas::Package,
                                                                         faas::FaasConfig config,
                                                                         faas::DeployObserver observer = {}) {
        if (observer) observer({.step = faas::DeployProgress::Step::done, .detail = "done"});
        co_return faas::FaasDeployment{.job_id = id, .memory_mib = config.memory_mib};
    }
    faas::asio::awaitable<faas::result<faas::Health>> health_check(JobId) {
        co_return faas::Health{.state = faas::HealthState::healthy};
    }
    faas::asio::awaitable<faas::result<faas::WarmReport>> warm(JobId, std::uint32_t instances) {
        co_return faas::WarmReport{.requested = instances};
    }
    faas::asio::awaitable<faas::result<faas::FaasDeployment>> get_deployment(JobId id) {
        co_return faas::FaasDeployment{.job_id = id};
    }
    faas::asio::awaitable<faas::result<faas::Invocation>> invoke_streaming(faas::JobCall call, faas::ResultSink sink) {
        auto taken = sink(call.args);
        if (!taken) co_return taken.error();
        co_return faas::Invocation{};
    }
    faas::asio::awaitable<faas::result<void>> check_invoke(JobId id) {
        asked = "check " + std::to_string(id.value());
        co_return faas::result<void>{};
    }
    faas::asio::awaitable<faas::result<faas::DeployPlan>> plan_deploy(JobId, faas::Package, faas::FaasConfig config) {
        faas::DeployPlan plan;
        plan.calls.push_back({.what = "PUT " + std::to_string(config.memory_mib)});
        co_return plan;
    }
    faas::asio::awaitable<faas::result<std::vector<faas::Revision>>> list_revisions(JobId) {
        co_return std::vector<faas::Revision>(2);
    }
    faas::asio::awaitable<faas::result<void>> shift_traffic(JobId, std::string revision, double share) {
        asked = "shift " + revision + ' ' + std::to_string(share > 0.25 && share < 0.75);
        co_return faas::result<void>{};
    }
    faas::asio::awaitable<faas::result<faas::Revision>> roll_back(JobId) { co_return faas::Revision{.id = "6"}; }
    faas::asio::awaitable<faas::result<void>> undeploy_job(JobId) {
        ++undeployed;
        co_return faas::result<void>{};
    }
    faas::asio::awaitable<faas::result<void>> release() {
        ++released;
        co_return faas::result<void>{};
    }
    int undeployed = 0;
    int released = 0;
    std::string asked{};
};

faas::Package some_package() {
    faas::ZipWriter zip;
    const faas::Bytes script{'#', '!', '/', 'b', 'i', 'n', '/', 's', 'h', '\n'};
    REQUIRE(zip.add("bootstrap", script, 0755).has_value());
    return faas::Package::from_zip(zip.finish()).value();
}

}  // namespace

TEST_CASE("any executor: forwards every operation that the executor has") {
    auto rich = std::make_shared<RichExecutor>("rich");
    const AnyFaasExecutor any{rich};
    CHECK(any.provider_name() == "rich");
    CHECK(finish(any.invoke({.job_id = 1, .args = {4}}))->outcome.value() == faas::Bytes{4});
    CHECK(finish(any.invoke_with_metrics({.job_id = 1})).has_value());
    CHECK(finish(any.invoke_async({.job_id = 7}))->invocation_id == "receipt 7");
    CHECK(finish(any.health_check(JobId{1}))->state == faas::HealthState::healthy);
    CHECK(finish(any.warm(JobId{1}, 5))->requested == 5);
    CHECK(finish(any.get_deployment(JobId{8}))->job_id == JobId{8});
    CHECK(finish(any.undeploy_job(JobId{1})).has_value());
    CHECK(rich->undeployed == 1);
    CHECK(finish(any.release()).has_value());
    CHECK(rich->released == 1);
    const faas::Package package = some_package();
    std::string told;
    auto deployed = finish(any.deploy_job(JobId{2}, package, {.memory_mib = 256},
                                          [&](const faas::DeployProgress& progress) { told = progress.detail; }));
    REQUIRE(deployed.has_value());
    CHECK(deployed->job_id == JobId{2});
    CHECK(deployed->memory_mib == 256U);
    CHECK(told == "done");
    faas::Bytes pieces;
    CHECK(finish(any.invoke_streaming({.job_id = 1, .args = {4, 5}}, [&](auto piece) {
              pieces.insert(pieces.end(), piece.begin(), piece.end());
              return faas::result<void>{};
          })).has_value());
    CHECK((pieces == faas::Bytes{4, 5}));
    CHECK(finish(any.check_invoke(JobId{3})).has_value());
    CHECK(rich->asked == "check 3");
    CHECK(finish(any.plan_deploy(JobId{2}, package, {.memory_mib = 128}))->calls.front().what == "PUT 128");
    CHECK(finish(any.list_revisions(JobId{2}))->size() == 2);
    CHECK(finish(any.shift_traffic(JobId{2}, "7", 0.5)).has_value());
    CHECK(rich->asked == "shift 7 1");
    CHECK(finish(any.roll_back(JobId{2}))->id == "6");
    CHECK(rich->calls == 2);
}

TEST_CASE("any executor: an operation that the executor lacks is unsupported, not a success") {
    const AnyFaasExecutor any{FakeExecutor{"plain"}};
    const auto check = [](const auto& outcome, const std::string& operation) {
        CAPTURE(operation);
        REQUIRE(outcome.has_error());
        CHECK(outcome.error().code == errc::unsupported);
        CHECK(outcome.error().provider == "plain");
        CHECK(outcome.error().message.find(operation + " of job 6 was not done: plain has no such operation") !=
              std::string::npos);
    };
    check(finish(any.invoke_async({.job_id = 6})), "invoke_async");
    check(finish(any.health_check(JobId{6})), "health_check");
    check(finish(any.warm(JobId{6}, 1)), "warm");
    check(finish(any.get_deployment(JobId{6})), "get_deployment");
    check(finish(any.undeploy_job(JobId{6})), "undeploy_job");
    check(finish(any.invoke_streaming({.job_id = 6}, [](auto) { return faas::result<void>{}; })), "invoke_streaming");
    check(finish(any.check_invoke(JobId{6})), "check_invoke");
    check(finish(any.plan_deploy(JobId{6}, some_package(), {})), "plan_deploy");
    check(finish(any.list_revisions(JobId{6})), "list_revisions");
    check(finish(any.shift_traffic(JobId{6}, "2", 0.5)), "shift_traffic");
    check(finish(any.roll_back(JobId{6})), "roll_back");
    const faas::Package package = some_package();
    check(finish(any.deploy_job(JobId{6}, package, {})), "deploy_job");
    CHECK(finish(any.list_deployments()).error().message.find("list_deployments was not done: plain") == 0);
    CHECK(finish(any.describe_platform()).error().code == errc::unsupported);
    // What obtained nothing has given it all back.
    CHECK(finish(any.release()).has_value());
}

TEST_CASE("any executor: is an executor to a registry, and copies share it") {
    auto fake = std::make_shared<FakeExecutor>("fake");
    const AnyFaasExecutor first{fake};
    const AnyFaasExecutor second = first;
    const faas::StaticRegistry registry{faas::bind<0>(AnyFaasExecutor{first}), faas::bind<1>(second)};
    CHECK(finish(registry.invoke({.job_id = 0})).has_value());
    CHECK(finish(registry.invoke({.job_id = 1})).has_value());
    CHECK(fake->calls == 2);
}

TEST_CASE("any executor: different types stand in one map") {
    std::map<std::string, AnyFaasExecutor> by_name;
    by_name.emplace("plain", AnyFaasExecutor{FakeExecutor{"plain"}});
    by_name.emplace("rich", AnyFaasExecutor{RichExecutor{"rich"}});
    for (const auto& [name, executor] : by_name) CHECK(executor.provider_name() == name);
}

}  // namespace any_executor_test
