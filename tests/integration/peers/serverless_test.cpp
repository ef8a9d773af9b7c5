// The Lambda executor against serverless-offline, another project's server of Lambda's Invoke.
#include "blueprint/faas/provider/aws.hpp"
#include "world.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace serverless_test {

using namespace blueprint::faas;
using namespace blueprint::faas::test;
using namespace std::chrono_literals;

namespace {

std::filesystem::path files() {
    const char* const tests = std::getenv("BLUEPRINT_FAAS_TESTS_DIR");
    return std::filesystem::path{tests == nullptr ? "tests" : tests} / "support/peers/serverless";
}

std::filesystem::path program() { return peers_directory() / "serverless/node_modules/osls/bin/serverless.js"; }

class ServerlessWorld : public PeerWorld {
public:
    ServerlessWorld() {
        for (const auto* name : {"serverless.yml", "handler.js"})
            std::filesystem::copy_file(files() / name, directory / name);
        std::filesystem::create_directory_symlink(
            std::filesystem::absolute(peers_directory()) / "serverless/node_modules", directory / "node_modules");
        server = start_peer([this](std::uint16_t port) { return command(port); }, directory / "serverless.log");
    }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(server.port); }
    auto executor(LambdaOptions options = {}) {
        options.region = "us-east-1";
        options.endpoint = url();
        options.prefix = "jobs-test";
        options.alias.clear();
        aws::Credentials key;
        key.access_key_id = "AKIDEXAMPLE";
        key.secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        return ok(aws::create(LoopbackTransport{io.get_executor()}, aws::FixedCredentials{key}, std::move(options)));
    }

    Peer server{};

private:
    // It looks for its files where it starts, and for its settings at home.
    std::vector<std::string> command(std::uint16_t port) const {
        const std::string at = directory.path().string();
        return {"/usr/bin/env",
                "-C",
                at,
                "HOME=" + at,
                "SLS_TELEMETRY_DISABLED=1",
                "SLS_NOTIFICATIONS_MODE=off",
                "SLS_TRACING_DISABLED=1",
                node_program().string(),
                std::filesystem::absolute(program()).string(),
                "offline",
                "start",
                "--host",
                "127.0.0.1",
                "--httpPort",
                std::to_string(free_port()),
                "--lambdaPort",
                std::to_string(port),
                "--noPrependStageInUrl"};
    }
};

}  // namespace

TEST_CASE("peers: serverless runs our jobs, and says why they fail") {
    ServerlessWorld world;
    auto lambda = world.executor();
    const auto done = ok(world.run(lambda.invoke_with_metrics({.job_id = 0, .args = {5}})));
    CHECK((*done.result.outcome == Bytes{25}));
    CHECK(done.result.ran_on == "AWS Lambda");
    CHECK(done.metrics.attempts == 1);
    CHECK_FALSE(done.metrics.billed_duration.has_value());  // it tells none, so none is made up

    const auto error = failed(world.run(lambda.invoke({.job_id = 1, .args = {5}})));
    CHECK(error.code == errc::function_error);
    CHECK(error.platform_code == "Error");  // whatever it was: this server calls all of them so
    CHECK(error.message.find("there is no answer") != std::string::npos);
    REQUIRE_FALSE(error.stack_trace.empty());
    CHECK(error.stack_trace.front() == "TypeError: there is no answer");

    const auto absent = failed(world.run(lambda.invoke({.job_id = 9, .args = {5}})));
    CHECK(absent.code == errc::not_found);
    CHECK(absent.platform_code == "ResourceNotFoundException");
}

TEST_CASE("peers: serverless hands the call's metadata to the function") {
    ServerlessWorld world;
    auto lambda = world.executor();
    JobCall call{.job_id = 2};
    call.metadata.set("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    call.metadata.set("tenant", "blue");
    const auto done = ok(world.run(lambda.invoke(std::move(call))));
    const std::string seen{done.outcome->begin(), done.outcome->end()};
    CHECK(seen.find(R"("traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")") != std::string::npos);
    CHECK(seen.find(R"("tenant":"blue")") != std::string::npos);
}

TEST_CASE("peers: serverless takes asynchronous calls, and ends what takes too long") {
    ServerlessWorld world;
    auto lambda = world.executor();
    const auto receipt = ok(world.run(lambda.invoke_async({.job_id = 0, .args = {5}})));
    CHECK_FALSE(receipt.completed);
    const auto late = failed(world.run(lambda.invoke({.job_id = 3})));
    CHECK(late.code == errc::function_error);  // AWS has other words for it, see "aws: a job that takes too long ..."
    CHECK(late.message.find("Lambda timeout") != std::string::npos);
    CHECK(late.execution == Execution::started);
}

}  // namespace serverless_test

std::string blueprint::faas::test::missing_serverless() {
    if (!std::filesystem::exists(serverless_test::program())) return "serverless-offline of npm is not installed";
    if (node_program().empty()) return "there is no Node.js";
    return {};
}
