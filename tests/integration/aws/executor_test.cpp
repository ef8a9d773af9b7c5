// The Lambda executor against the local cloud's Lambda: signed, over sockets, with a real function binary in a child
// process that speaks the runtime API.
#include "blueprint/faas/start.hpp"
#include "support/aws_world.hpp"
#include "support/deployed_function.hpp"
#include "world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace blueprint::faas;
using namespace std::chrono_literals;
using blueprint::faas::test::SentLines;
using tests::deployed_function;
using tests::failed;
using tests::number;
using tests::ok;
using tests::other_function;
using tests::text;

namespace {

const std::string& role = tests::LambdaWorld::role;

// What this file's tests ask of it beside that.
class World : public tests::LambdaWorld {
public:
    using LambdaWorld::LambdaWorld;

    asio::awaitable<result<HttpResponse>> create_bucket(std::string name) {
        HttpRequest put;
        put.origin = ok(detail::parse_url(cloud->aws_url())).origin;
        put.verb = Verb::put;
        put.target = '/' + name;
        const aws::SigningScope scope{.region = "us-east-1", .service = "s3"};
        ok(aws::sign_request(put, *key().ready(), scope, std::chrono::system_clock::now()));
        LoopbackTransport transport{io.get_executor()};
        co_return co_await transport.exchange(put, deadline_after(10s));
    }
};

FaasConfig small(std::chrono::seconds timeout = 10s) { return {.memory_mib = 256, .timeout = timeout}; }

std::size_t writes(const std::vector<std::string>& lines) {
    return static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
        const bool invoked = line.find("/invocations") != std::string::npos;  // a dry run changes nothing
        return !line.starts_with("GET ") && !line.starts_with("HEAD ") && !invoked;
    }));
}

}  // namespace

TEST_CASE("aws: deploy, call, look, warm, remove: the whole life of a function") {
    World world;
    SentLines sent;
    auto lambda = world.executor({.warm_hold = tests::held_long}, &sent);
    CHECK(ok(world.run(lambda.health_check(0))).state == HealthState::absent);
    CHECK(failed(world.run(lambda.get_deployment(0))).code == errc::not_found);

    const auto deployed = ok(world.run(lambda.deploy_job(0, deployed_function(), small())));
    CHECK(deployed.function_id == "arn:aws:lambda:us-east-1:123456789012:function:blueprint-job-0");
    CHECK(deployed.memory_mib == 256);
    CHECK((deployed.timeout == 10s));
    CHECK(deployed.package_sha256 == deployed_function().sha256());
    CHECK_FALSE(deployed.unchanged);
    CHECK(ok(world.run(lambda.health_check(0))).state == HealthState::healthy);
    CHECK(ok(world.run(lambda.get_deployment(0))).package_sha256 == deployed_function().sha256());
    const auto listed = ok(world.run(lambda.list_deployments()));
    REQUIRE(listed.size() == 1);
    CHECK(listed.front().job_id == JobId{0});
    ok(world.run(lambda.check_invoke(0)));

    CHECK((*ok(world.run(lambda.invoke({.job_id = 0, .args = number(12)}))).outcome == number(144)));
    const auto warmed = ok(world.run(lambda.warm(0, 3)));
    CHECK(warmed.supported);
    CHECK(warmed.instances == 3);

    ok(world.run(lambda.undeploy_job(0)));
    ok(world.run(lambda.undeploy_job(0)));
    CHECK(failed(world.run(lambda.invoke({.job_id = 0, .args = number(1)}))).code == errc::not_found);
}

TEST_CASE("A1: the log's end tells duration, billing, memory, version and whether the call was a cold start") {
    World world;
    auto lambda = world.executor();
    ok(world.run(lambda.deploy_job(0, deployed_function(), small())));
    const auto cold = ok(world.run(lambda.invoke_with_metrics({.job_id = 0, .args = number(12)}))).metrics;
    CHECK(cold.cold_start == true);
    REQUIRE(cold.init_duration.has_value());
    REQUIRE(cold.execution_duration.has_value());
    REQUIRE(cold.billed_duration.has_value());
    CHECK((*cold.billed_duration >= *cold.init_duration));  // Lambda bills the start too
    CHECK(cold.memory_limit_mib == 256);
    CHECK(cold.memory_used_mib.value_or(0) > 0);
    CHECK(cold.executed_version == "1");
    CHECK(cold.request_id.size() == 36);
    CHECK(cold.log_tail.empty());
    const auto warm = ok(world.run(lambda.invoke_with_metrics({.job_id = 0, .args = number(12)}))).metrics;
    CHECK(warm.cold_start == false);
    CHECK_FALSE(warm.init_duration.has_value());
    CHECK(warm.request_id != cold.request_id);
}

TEST_CASE("A2: a failed job comes back with its own words") {
    World world;
    auto lambda = world.executor();
    ok(world.run(lambda.deploy_job(1, deployed_function(), small())));
    const auto error = failed(world.run(lambda.invoke({.job_id = 1, .args = number(3)})));
    CHECK(error.code == errc::function_error);
    CHECK(error.message.find("there is no answer to 3") != std::string::npos);
    CHECK(error.platform_code.find("Unhandled") == std::string::npos);
    CHECK(error.execution == Execution::started);
    REQUIRE(error.metrics != nullptr);
    CHECK(error.metrics->billed_duration.has_value());
}

TEST_CASE("aws: a job that takes too long, and one that ends its process, are told apart, and the next call runs") {
    World world;
    auto lambda = world.executor();
    ok(world.run(lambda.deploy_job(3, deployed_function(), small(1s))));
    const auto late = failed(world.run(lambda.invoke({.job_id = 3, .args = number(10'000)})));
    CHECK(late.code == errc::timed_out);
    CHECK(late.execution == Execution::started);
    CHECK(ok(world.run(lambda.invoke({.job_id = 3, .args = number(1)}))).succeeded());
    ok(world.run(lambda.deploy_job(4, deployed_function(), small())));
    const auto crashed = failed(world.run(lambda.invoke({.job_id = 4})));
    CHECK(crashed.code == errc::function_error);
    CHECK(crashed.platform_code == "Runtime.ExitError");
}

TEST_CASE("aws: a warm invoke is one request") {
    World world;
    SentLines sent;
    auto lambda = world.executor({}, &sent);
    ok(world.run(lambda.deploy_job(0, deployed_function(), small())));
    ok(world.run(lambda.invoke({.job_id = 0, .args = number(12)})));
    sent->clear();
    ok(world.run(lambda.invoke({.job_id = 0, .args = number(12)})));
    CHECK((*sent == std::vector<std::string>{"POST /2015-03-31/functions/blueprint-job-0/invocations?Qualifier=live"}));
}

TEST_CASE("aws: temporary credentials of a chain are fetched once, and cost nothing on a warm invoke") {
    local::AwsOptions options;
    options.container_token = "token-of-this-test";
    World world{std::move(options)};
    tests::AwsWorld surroundings;
    surroundings.time = std::chrono::system_clock::now();
    surroundings.variables = {
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI", world.cloud->aws_url() + "/container-credentials"},
        {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "token-of-this-test"},
    };
    const auto io = world.io.get_executor();
    const aws::Chain<aws::credentials::Environment, aws::credentials::Profile, aws::credentials::Container> chain{
        aws::make_reach(HttpsTransport{io}, MetadataTransport{io}, surroundings)};
    CHECK(world.cloud->stats().requests == 0);
    LambdaOptions lambda_options{.region = "us-east-1", .endpoint = world.cloud->aws_url(), .role_arn = role};
    lambda_options.first_poll = 20ms;
    auto lambda = ok(aws::create(LoopbackTransport{io}, chain, lambda_options));
    CHECK(world.cloud->stats().requests == 0);  // making one asks nobody
    ok(world.run(lambda.deploy_job(0, deployed_function(), small())));
    ok(world.run(lambda.invoke({.job_id = 0, .args = number(12)})));
    const auto before = world.cloud->stats().requests;
    for (int i = 0; i < 5; ++i) ok(world.run(lambda.invoke({.job_id = 0, .args = number(12)})));
    CHECK(world.cloud->stats().requests == before + 5);
    CHECK(world.said.str().find("token-of-this-test") == std::string::npos);
}

TEST_CASE("aws: deploying unchanged writes nothing, and a plan says so before") {
    World world;
    SentLines sent;
    auto lambda = world.executor({}, &sent);
    FaasConfig config = small();
    config.env_vars.emplace("MODE", "fast");
    config.max_concurrency = 5;
    const auto plan = ok(world.run(lambda.plan_deploy(0, deployed_function(), config)));
    CHECK_FALSE(plan.unchanged);
    CHECK(writes(*sent) == 0);
    ok(world.run(lambda.deploy_job(0, deployed_function(), config)));
    CHECK(writes(*sent) >= 3);
    CHECK(ok(world.run(lambda.plan_deploy(0, deployed_function(), config))).unchanged);
    sent->clear();
    const auto again = ok(world.run(lambda.deploy_job(0, deployed_function(), config)));
    CHECK(again.unchanged);
    CHECK(writes(*sent) == 0);
}

TEST_CASE("A4: deploying anew brings environment, memory, timeout and code up to date") {
    World world;
    auto lambda = world.executor();
    FaasConfig config = small();
    config.env_vars.emplace("GREETING", "hello");
    config.env_vars.emplace("GONE", "soon");
    ok(world.run(lambda.deploy_job(6, deployed_function(), config)));
    const auto variable = [&](std::string_view name) {
        const auto done = ok(world.run(lambda.invoke({.job_id = 6, .args = text(name)})));
        return std::string{done.outcome->begin(), done.outcome->end()};
    };
    CHECK(variable("GREETING") == "hello");
    config.env_vars.erase("GONE");
    config.env_vars.find("GREETING")->second = "goodbye";
    config.memory_mib = 512;
    config.timeout = 20s;
    const auto changed = ok(world.run(lambda.deploy_job(6, other_function(), config)));
    CHECK(changed.memory_mib == 512);
    CHECK((changed.timeout == 20s));
    CHECK(changed.package_sha256 == other_function().sha256());
    CHECK(variable("GREETING") == "goodbye");
    CHECK(variable("GONE") == "(not set)");
    CHECK(variable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE") == "512");
}

TEST_CASE("aws: traffic is shifted between two versions, and rolled back") {
    World world;
    auto lambda = world.executor();
    FaasConfig config = small();
    config.env_vars.emplace("WHO", "first");
    ok(world.run(lambda.deploy_job(6, deployed_function(), config)));
    config.env_vars.find("WHO")->second = "second";
    ok(world.run(lambda.deploy_job(6, deployed_function(), config)));
    const auto who = [&] {
        const auto done = ok(world.run(lambda.invoke({.job_id = 6, .args = text("WHO")})));
        return std::string{done.outcome->begin(), done.outcome->end()};
    };
    CHECK(who() == "second");
    const auto revisions = ok(world.run(lambda.list_revisions(6)));
    REQUIRE(revisions.size() == 2);
    CHECK(revisions.front().id == "2");
    CHECK(revisions.front().traffic == doctest::Approx(1.0));
    CHECK(revisions.back().traffic == doctest::Approx(0.0));
    ok(world.run(lambda.shift_traffic(6, "1", 0.5)));
    int first = 0;
    for (int i = 0; i < 60; ++i) first += who() == "first" ? 1 : 0;
    CHECK(first > 5);  // of 60 with a share of one half: fewer than six come once in 10^11 runs
    CHECK(first < 55);
    ok(world.run(lambda.shift_traffic(6, "1", 0)));
    CHECK(who() == "second");
    CHECK(ok(world.run(lambda.roll_back(6))).id == "1");
    CHECK(who() == "first");
}

TEST_CASE("aws: of two deployments of one job at once one wins, the other is told, and there is no half state") {
    World world;
    auto one = world.executor();
    auto other = world.executor();
    FaasConfig config = small();
    config.env_vars.emplace("WHO", "nobody");
    ok(world.run(one.deploy_job(6, deployed_function(), config)));
    std::vector<result<FaasDeployment>> outcomes;
    FaasConfig red = config;
    FaasConfig blue = config;
    red.env_vars.find("WHO")->second = "red";
    blue.env_vars.find("WHO")->second = "blue";
    start(one, one.deploy_job(6, deployed_function(), red),
          [&](result<FaasDeployment> done) { outcomes.push_back(done); });
    start(other, other.deploy_job(6, other_function(), blue),
          [&](result<FaasDeployment> done) { outcomes.push_back(done); });
    world.io.restart();
    while (outcomes.size() < 2 && world.io.run_one() != 0) {
    }
    REQUIRE(outcomes.size() == 2);
    const auto won = std::count_if(outcomes.begin(), outcomes.end(), [](const auto& each) { return each.has_value(); });
    for (const auto& each : outcomes)
        if (!each) CHECK(each.error().code == errc::conflict);
    REQUIRE(won == 1);
    const auto& winner = outcomes[0] ? outcomes[0] : outcomes[1];
    const auto done = ok(world.run(one.invoke({.job_id = 6, .args = text("WHO")})));
    const std::string who{done.outcome->begin(), done.outcome->end()};
    CHECK(who == (winner->package_sha256 == deployed_function().sha256() ? "red" : "blue"));
}

TEST_CASE("AWS pitfall 8: a role that cannot be assumed yet is waited for") {
    local::AwsOptions slow;
    slow.role_delay = 700ms;
    World world{std::move(slow)};
    auto lambda = world.executor();
    ok(world.run(lambda.deploy_job(0, deployed_function(), small())));
    CHECK(ok(world.run(lambda.invoke({.job_id = 0, .args = number(2)}))).succeeded());
}

TEST_CASE("AWS pitfall 14: a clock that is wrong is corrected by the server's Date, once for all calls") {
    local::AwsOptions ahead;
    ahead.clock_offset = 2h;
    World world{std::move(ahead)};
    SentLines sent;
    auto lambda = world.executor({}, &sent);
    ok(world.run(lambda.deploy_job(0, deployed_function(), small())));
    sent->clear();
    ok(world.run(lambda.invoke({.job_id = 0, .args = number(2)})));
    CHECK(sent->size() == 1);
}

TEST_CASE("aws: a wrong key and an unknown one are refused, and no secret is told") {
    World world;
    LambdaOptions options{.region = "us-east-1", .endpoint = world.cloud->aws_url(), .role_arn = role};
    auto wrong = ok(aws::create(LoopbackTransport{world.io.get_executor()}, World::key("another-secret"), options));
    const auto error = failed(world.run(wrong.invoke({.job_id = 0})));
    CHECK(error.code == errc::authentication);
    CHECK(error.platform_code == "InvalidSignatureException");
    CHECK(error.execution == Execution::not_started);
    CHECK(world.said.str().find("another-secret") == std::string::npos);
    aws::Credentials nobody;
    nobody.access_key_id = "AKIDNOBODY";
    nobody.secret_access_key = "x";
    auto stranger = ok(aws::create(LoopbackTransport{world.io.get_executor()}, aws::FixedCredentials{nobody}, options));
    CHECK(failed(world.run(stranger.invoke({.job_id = 0}))).platform_code == "UnrecognizedClientException");
}

TEST_CASE("aws: the result comes piece by piece, and a failure is told there too") {
    World world;
    auto lambda = world.executor();
    ok(world.run(lambda.deploy_job(2, deployed_function(), small())));
    const Bytes large(3'000'000, 7);
    Bytes came;
    std::size_t pieces = 0;
    const ResultSink sink = [&](std::span<const std::uint8_t> piece) {
        ++pieces;
        came.insert(came.end(), piece.begin(), piece.end());
        return result<void>{};
    };
    const auto done = ok(world.run(lambda.invoke_streaming({.job_id = 2, .args = large}, sink)));
    CHECK((came == large));
    CHECK(pieces > 1);
    CHECK(done.metrics.billed_duration.has_value());
    ok(world.run(lambda.deploy_job(1, deployed_function(), small())));
    const auto error = failed(world.run(lambda.invoke_streaming({.job_id = 1, .args = number(3)}, sink)));
    CHECK(error.code == errc::function_error);
    CHECK(error.message.find("there is no answer to 3") != std::string::npos);
}

TEST_CASE("aws: what belongs to a call arrives in the function: metadata, trace and deadline") {
    World world;
    auto lambda = world.executor();
    ok(world.run(lambda.deploy_job(7, deployed_function(), small())));
    JobCall call{.job_id = 7, .args = text("tenant")};
    call.metadata.set("tenant", "blue");
    call.metadata.set("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    const auto done = ok(world.run(lambda.invoke(call)));
    CHECK((*done.outcome == text("blue")));
    call.args = text("traceparent");
    CHECK((*ok(world.run(lambda.invoke(call))).outcome ==
           text("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")));
}

TEST_CASE("aws: an asynchronous call is handed over, and six MiB are refused before they are sent") {
    World world;
    SentLines sent;
    auto lambda = world.executor({}, &sent);
    ok(world.run(lambda.deploy_job(2, deployed_function(), small())));
    const auto receipt = ok(world.run(lambda.invoke_async({.job_id = 2, .args = text("later")})));
    CHECK(receipt.invocation_id.size() == 36);
    CHECK_FALSE(receipt.completed);
    sent->clear();
    const auto error = failed(world.run(lambda.invoke({.job_id = 2, .args = Bytes(5'000'000)})));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(error.execution == Execution::not_started);
    CHECK(sent->empty());
}

TEST_CASE("aws: a package above 50 MB goes through the bucket in parts, once") {
    World world;
    SentLines sent;
    LambdaOptions options;
    options.storage_endpoint = world.cloud->aws_url();
    options.storage_bucket = "packages";
    auto lambda = world.executor(options, &sent);
    ok(world.run(world.create_bucket("packages")));
    PackageOptions with;
    with.max_packed_bytes = 200U << 20U;
    Bytes noise(56U << 20U);
    std::uint64_t state = 1;
    for (auto& byte : noise) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        byte = static_cast<std::uint8_t>(state >> 56U);
    }
    with.extra_files.push_back({.path = "noise", .data = std::move(noise)});
    const auto big = ok(Package::from_binary_file(std::getenv("BLUEPRINT_FAAS_TEST_FUNCTION"), with));
    REQUIRE(big.size_bytes() > 52'428'800);
    ok(world.run(lambda.deploy_job(0, big, small())));
    CHECK((*ok(world.run(lambda.invoke({.job_id = 0, .args = number(3)}))).outcome == number(9)));
    const auto parts = std::count_if(sent->begin(), sent->end(),
                                     [](const auto& line) { return line.find("partNumber=") != std::string::npos; });
    const auto part_bytes = LambdaOptions{}.part_bytes;
    CHECK(static_cast<std::size_t>(parts) == (big.size_bytes() + part_bytes - 1) / part_bytes);
    sent->clear();
    CHECK(ok(world.run(lambda.deploy_job(0, big, small()))).unchanged);
    CHECK(writes(*sent) == 0);
}
