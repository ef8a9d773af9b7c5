// The executor against the local cloud: over TLS, with a real function binary in a child process.
#include "blueprint/faas/any_executor.hpp"
#include "blueprint/faas/start.hpp"
#include "world.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

using namespace blueprint::faas;
using namespace std::chrono_literals;
using tests::failed;
using tests::ok;

namespace {

using World = tests::CustomWorld;

const Package& function() {
    static const Package package = ok(Package::from_binary_file(std::getenv("BLUEPRINT_FAAS_TEST_FUNCTION")));
    return package;
}

Bytes number(std::uint64_t value) {
    Bytes bytes(8);
    for (auto& byte : bytes) {
        byte = static_cast<std::uint8_t>(value);
        value >>= 8U;
    }
    return bytes;
}

Bytes text(std::string_view value) { return {value.begin(), value.end()}; }

FaasConfig small(std::chrono::seconds timeout = 10s) { return {.memory_mib = 256, .timeout = timeout}; }

}  // namespace

TEST_CASE("custom: deploy, call, look, warm, remove: the whole life of a function over TLS") {
    World world;
    auto executor = world.executor();
    CHECK(ok(world.run(executor.health_check(0))).state == HealthState::absent);

    const auto deployed = ok(world.run(executor.deploy_job(0, function(), small())));
    CHECK(deployed.function_id == "job0");
    CHECK(deployed.memory_mib == 256);
    CHECK((deployed.timeout == 10s));
    CHECK_FALSE(deployed.unchanged);

    const auto cold = ok(world.run(executor.invoke_with_metrics({.job_id = 0, .args = number(12)})));
    CHECK((*cold.result.outcome == number(144)));
    CHECK(cold.metrics.cold_start == true);
    CHECK(cold.metrics.execution_duration.has_value());
    CHECK(cold.metrics.memory_used_mib.has_value());
    CHECK(cold.metrics.attempts == 1);

    const auto warmed = ok(world.run(executor.warm(0, 2)));
    CHECK(warmed.supported);
    CHECK(warmed.instances == 2);
    const auto warm = ok(world.run(executor.invoke_with_metrics({.job_id = 0, .args = number(3)})));
    CHECK((*warm.result.outcome == number(9)));
    CHECK(warm.metrics.cold_start == false);
    CHECK(warm.metrics.connection_reused == true);

    const auto health = ok(world.run(executor.health_check(0)));
    CHECK(health.state == HealthState::healthy);
    CHECK(health.total_invocations == 2);
    CHECK(ok(world.run(executor.get_deployment(0))).revision == deployed.revision);

    CHECK(world.run(executor.undeploy_job(0)).has_value());
    CHECK(world.run(executor.undeploy_job(0)).has_value());
    CHECK(failed(world.run(executor.get_deployment(0))).code == errc::not_found);
    CHECK(failed(world.run(executor.invoke({.job_id = 0, .args = number(1)}))).code == errc::not_found);
    CHECK(executor.transport().statistics().connections_opened == 1);
}

TEST_CASE("C8: deploying the same again writes nothing; a change replaces the function in place") {
    World world;
    auto executor = world.executor();
    ok(world.run(executor.deploy_job(6, function(), small())));
    const auto requests = world.cloud->stats().requests;
    CHECK(ok(world.run(executor.deploy_job(6, function(), small()))).unchanged);
    CHECK(world.cloud->stats().requests == requests + 1);

    auto changed = small();
    changed.env_vars["COLOUR"] = "green";
    CHECK_FALSE(ok(world.run(executor.deploy_job(6, function(), changed))).unchanged);
    CHECK((*ok(world.run(executor.invoke({.job_id = 6, .args = text("COLOUR")}))).outcome == text("green")));
    CHECK((*ok(world.run(executor.invoke({.job_id = 6, .args = text("BLUEPRINT_FUNCTION_ID")}))).outcome ==
           text("job6")));
}

TEST_CASE("custom: a platform of contract 1.0 gets the old function removed and the new one deployed") {
    World world{true};
    auto executor = world.executor();
    ok(world.run(executor.deploy_job(6, function(), small())));
    auto changed = small();
    changed.env_vars["COLOUR"] = "blue";
    ok(world.run(executor.deploy_job(6, function(), changed)));
    CHECK((*ok(world.run(executor.invoke({.job_id = 6, .args = text("COLOUR")}))).outcome == text("blue")));

    auto careful = world.executor({.on_conflict = OnConflict::fail});
    CHECK(failed(world.run(careful.deploy_job(6, function(), small()))).code == errc::conflict);
}

namespace {

template <PayloadFormat Format>
void bytes_survive() {
    World world;
    auto executor = world.executor<Format>();
    ok(world.run(executor.deploy_job(2, function(), small())));
    for (const std::size_t size : {0U, 1U, 256U, 1U << 20U}) {
        CAPTURE(size);
        Bytes bytes(size);
        for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
        const auto done = ok(world.run(executor.invoke({.job_id = 2, .args = bytes})));
        CHECK((*done.outcome == bytes));
    }
}

}  // namespace

TEST_CASE("custom: 0, 1, 256 bytes and 1 MiB come back as they went, in every payload format") {
    SUBCASE("numbers") { bytes_survive<JsonBytes>(); }
    SUBCASE("Base64") { bytes_survive<Base64Json>(); }
    SUBCASE("binary") { bytes_survive<Binary>(); }
}

TEST_CASE("C4: what a function does wrong is told as what it is") {
    World world;
    auto executor = world.executor();
    for (const std::uint32_t id : {1U, 3U, 4U, 5U, 9U}) ok(world.run(executor.deploy_job(id, function(), small(1s))));

    const auto error = failed(world.run(executor.invoke({.job_id = 1, .args = number(7)})));
    CHECK(error.code == errc::function_error);
    CHECK(error.execution == Execution::started);
    CHECK(error.message.find("there is no answer to 7") != std::string::npos);

    const auto size = failed(world.run(executor.invoke({.job_id = 1, .args = {1, 2, 3}})));
    CHECK(size.message.find("takes 8 bytes") != std::string::npos);

    const auto late = failed(world.run(executor.invoke({.job_id = 3, .args = number(60'000)})));
    CHECK(late.code == errc::timed_out);
    CHECK(late.execution == Execution::started);
    CHECK(late.platform_code == "TIMEOUT");

    CHECK(failed(world.run(executor.invoke({.job_id = 4}))).platform_code == "EXECUTION_ERROR");
    CHECK((*ok(world.run(executor.invoke({.job_id = 5}))).outcome == text("fine")));

    const auto unknown = failed(world.run(executor.invoke({.job_id = 9})));
    CHECK(unknown.code == errc::function_error);
    CHECK(unknown.message.find("no job 9") != std::string::npos);
}

TEST_CASE("C6: the caller's own deadline ends a call, and goes on to the function") {
    World world;
    auto executor = world.executor();
    ok(world.run(executor.deploy_job(3, function(), small(10s))));
    const auto begun = std::chrono::steady_clock::now();
    const auto error = failed(world.run(executor.invoke({.job_id = 3, .args = number(60'000), .timeout = 300ms})));
    CHECK(error.code == errc::timed_out);
    CHECK(std::chrono::steady_clock::now() - begun < 5s);
}

TEST_CASE("C2: trace and request id reach the job, and all metadata comes back") {
    World world;
    auto executor = world.executor();
    ok(world.run(executor.deploy_job(7, function(), small())));
    const Metadata metadata{{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
                            {"service", "s-1"}};
    const auto done = ok(world.run(executor.invoke({.job_id = 7, .args = text("traceparent"), .metadata = metadata})));
    CHECK((*done.outcome == text("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")));
    CHECK(done.metadata == metadata);
}

TEST_CASE("custom: a call beyond the concurrency limit is throttled, waits, and is answered") {
    World world;
    auto executor = world.executor();
    auto config = small();
    config.max_concurrency = 1;
    ok(world.run(executor.deploy_job(3, function(), config)));
    int ended = 0;
    std::uint32_t attempts = 0;
    for (int i = 0; i < 2; ++i)
        start(executor, executor.invoke_with_metrics({.job_id = 3, .args = number(300)}), [&](result<Invocation> done) {
            CHECK(done.has_value());
            if (done) attempts += done->metrics.attempts;
            ++ended;
        });
    while (ended < 2 && world.io.run_one() != 0) {
    }
    CHECK(attempts > 2);
}

TEST_CASE("custom: a wrong or missing token is `authentication`, asked once, and never shown") {
    World world;
    const Secret wrong{"a-wrong-token-value"};
    auto executor = ok(custom::create(world.transport(), {.base_url = world.cloud->url()}, Bearer{wrong}));
    const auto error = failed(world.run(executor.deploy_job(0, function(), small())));
    CHECK(error.code == errc::authentication);
    CHECK(error.http_status == 401);
    CHECK(error.message.find(std::string{wrong.reveal()}) == std::string::npos);
    CHECK(world.cloud->stats().requests == 1);
    auto nobody = ok(custom::create(world.transport(), {.base_url = world.cloud->url()}));
    CHECK(failed(world.run(nobody.invoke({.job_id = 0}))).code == errc::authentication);
}

TEST_CASE("C7: `keep_warm` instances are there at the first call") {
    World world;
    auto executor = world.executor();
    auto config = small();
    config.keep_warm = 1;
    ok(world.run(executor.deploy_job(0, function(), config)));
    const auto done = ok(world.run(executor.invoke_with_metrics({.job_id = 0, .args = number(2)})));
    CHECK(done.metrics.cold_start == false);
}

TEST_CASE("any executor: the erased form does all the same") {
    World world;
    AnyFaasExecutor executor{world.executor()};
    ok(world.run(executor.deploy_job(0, function(), small())));
    CHECK((*ok(world.run(executor.invoke({.job_id = 0, .args = number(5)}))).outcome == number(25)));
    CHECK(ok(world.run(executor.warm(0, 1))).instances == 1);
    CHECK_FALSE(ok(world.run(executor.invoke_async({.job_id = 0, .args = number(5)}))).invocation_id.empty());
    CHECK(ok(world.run(executor.list_deployments())).size() == 1);
    CHECK(ok(world.run(executor.describe_platform())).spec == "1.1");
    CHECK(world.run(executor.undeploy_job(0)).has_value());
}
