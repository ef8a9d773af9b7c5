#include "blueprint/faas/auth/no_auth.hpp"
#include "blueprint/faas/capabilities.hpp"
#include "blueprint/faas/start.hpp"
#include "openwhisk_codec_fixture.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace openwhisk_codec_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using tests::DigitalOcean;
using tests::digitalocean_options;
using tests::failed;
using tests::FakeOpenWhisk;
using tests::hasty;
using tests::lines_with;
using tests::ok;
using tests::OpenWhisk;
using tests::openwhisk_options;
using tests::run;
using tests::says;
using tests::short_config;
using tests::whisk_program;
using Lines = std::vector<std::string>;

namespace {

const std::string action = "functions:/namespaces/_/actions/blueprint-job-0";
const std::string spaces = "management:/v2/functions/namespaces";

template <class Whisk>
Health health_of(Whisk& whisk, JobId id = {}) {
    return ok(run(whisk.io, whisk.executor.health_check(id)));
}

/// A host whose namespaces are all empty.
struct NoActions {
    std::vector<std::string> targets{};

    result<HttpResponse> answer(const HttpRequest& request) {
        targets.push_back(request.target);
        return HttpResponse{.status = 404, .body = R"({"error":"The requested resource does not exist.","code":"x"})"};
    }
};

/// Every operation that asks for the actions, with a name; each succeeds if job 0 is deployed.
template <class Whisk>
std::vector<std::pair<std::string, std::function<std::optional<Error>(Whisk&)>>> operations() {
    const auto outcome = [](auto done) { return done ? std::optional<Error>{} : std::optional{done.error()}; };
    return {
        {"invoke", [=](Whisk& w) { return outcome(w.invoke({.job_id = 0, .args = {1}})); }},
        {"invoke_async", [=](Whisk& w) { return outcome(run(w.io, w.executor.invoke_async({.job_id = 0}))); }},
        {"check_invoke", [=](Whisk& w) { return outcome(run(w.io, w.executor.check_invoke(0))); }},
        {"deploy", [=](Whisk& w) { return outcome(w.deploy(0, whisk_program("new"))); }},
        {"deploy again", [=](Whisk& w) { return outcome(w.deploy(0, whisk_program())); }},
        {"plan", [=](Whisk& w) { return outcome(w.plan(0, whisk_program())); }},
        {"get", [=](Whisk& w) { return outcome(run(w.io, w.executor.get_deployment(0))); }},
        {"list", [=](Whisk& w) { return outcome(run(w.io, w.executor.list_deployments())); }},
        {"health", [=](Whisk& w) { return outcome(run(w.io, w.executor.health_check(0))); }},
        {"warm", [=](Whisk& w) { return outcome(run(w.io, w.executor.warm(0, 2))); }},
        {"undeploy", [=](Whisk& w) { return outcome(w.undeploy(0)); }},
    };
}

}  // namespace

static_assert(OpenWhisk::executor_type::provider_name() == "Apache OpenWhisk");
static_assert(DigitalOcean::executor_type::provider_name() == "DigitalOcean Functions");

TEST_CASE("openwhisk: a job that is deployed is called by one request, and what it answers is told with its measures") {
    OpenWhisk whisk;
    ok(whisk.deploy(0, whisk_program()));
    whisk.asked();
    const auto done = ok(whisk.invoke({.job_id = 0, .args = {1, 2, 3}}));
    CHECK((whisk.asked() == Lines{"POST " + action}));
    CHECK((*done.result.outcome == Bytes{1, 2, 3}));
    CHECK(done.result.ran_on == "Apache OpenWhisk");
    CHECK(done.metrics.executed_version == "0.0.1");
    CHECK(done.metrics.execution_duration == 12ms);
    CHECK(done.metrics.cold_start == false);
    const auto error = failed(whisk.invoke({.job_id = 0, .args = {'f', 'a', 'i', 'l'}}));
    CHECK(error.code == errc::function_error);
    CHECK(says(error, "it failed as it was told"));
    CHECK(failed(whisk.invoke({.job_id = 1})).code == errc::not_found);
}

TEST_CASE("pitfall 5 (OpenWhisk): a call that outlives the wait is looked at until its record is there") {
    OpenWhisk whisk;
    ok(whisk.deploy(0, whisk_program()));
    whisk.asked();
    whisk.fake->actions.unfinished = 1;
    whisk.fake->actions.unstored = 2;
    const auto done = ok(whisk.invoke({.job_id = 0, .args = {7}}));
    CHECK((*done.result.outcome == Bytes{7}));
    const std::string record = "GET functions:/namespaces/_/activations/00000000000000000000000000000002";
    CHECK((whisk.asked() == Lines{"POST " + action, record, record, record}));
    CHECK(whisk.fake->actions.calls.size() == 1);
}

TEST_CASE("openwhisk: a call that is handed over has the id of its activation") {
    OpenWhisk whisk;
    ok(whisk.deploy(0, whisk_program()));
    const auto receipt = ok(run(whisk.io, whisk.executor.invoke_async({.job_id = 0, .args = {1}})));
    CHECK(receipt.invocation_id == "00000000000000000000000000000002");
    CHECK_FALSE(receipt.completed);
    CHECK_FALSE(says(whisk.fake->targets.back(), "blocking=true"));
    CHECK(whisk.fake->actions.calls.size() == 1);
}

TEST_CASE("openwhisk: jobs are listed page by page, without what only looks like one") {
    OpenWhisk whisk;
    ok(whisk.deploy(0, whisk_program()));
    const auto one = whisk.fake->actions.only();
    for (int i = 1; i < 450; ++i) whisk.fake->actions.all["blueprint-job-" + std::to_string(i)] = one;
    for (const auto* name :
         {"blueprint-job-07", "blueprint-job-x", "other-job-1", "blueprint-job-", "jobs/blueprint-job-9"})
        whisk.fake->actions.all[name] = one;
    whisk.asked();
    whisk.fake->targets.clear();
    const auto listed = ok(run(whisk.io, whisk.executor.list_deployments()));
    REQUIRE(listed.size() == 450);
    for (std::uint32_t i = 0; i < 450; ++i) CHECK(listed[i].job_id == JobId{i});
    CHECK(listed[7].package_sha256 == whisk_program().sha256());
    CHECK(listed[7].memory_mib == 256);
    REQUIRE(whisk.fake->targets.size() == 3);
    CHECK(says(whisk.fake->targets[2], "limit=200"));
    CHECK(says(whisk.fake->targets[2], "skip=400"));
    // Those of a package are another codec's.
    auto actions = hasty();
    actions.package = "jobs";
    OpenWhisk packaged{openwhisk_options(actions), whisk.fake};
    CHECK(ok(run(packaged.io, packaged.executor.list_deployments())).empty());  // it is not there
    whisk.fake->actions.packages["jobs"] = 1;
    const auto in_package = ok(run(packaged.io, packaged.executor.list_deployments()));
    REQUIRE(in_package.size() == 1);
    CHECK(in_package[0].job_id == JobId{9U});
    CHECK(says(in_package[0].endpoint, "/actions/jobs/blueprint-job-9"));
}

TEST_CASE("openwhisk: what is deployed is told as the platform has it, and what is not is not found") {
    OpenWhisk whisk;
    ok(whisk.deploy(0, whisk_program()));
    whisk.asked();
    const auto told = ok(run(whisk.io, whisk.executor.get_deployment(0)));
    CHECK((whisk.asked() == Lines{"GET " + action}));
    CHECK(told.revision == "0.0.1");
    CHECK(told.memory_mib == 256);
    CHECK(told.timeout == 60s);
    CHECK(told.package_sha256 == whisk_program().sha256());
    CHECK(told.binary_size_bytes == whisk_program().binary_size_bytes());
    CHECK(told.deployed_at == "2026-09-21T14:13:20.001Z");
    const auto absent = failed(run(whisk.io, whisk.executor.get_deployment(1)));
    CHECK(absent.code == errc::not_found);
    CHECK(says(absent, "blueprint-job-1"));
    CHECK(says(absent, "deploy"));
}

TEST_CASE("openwhisk: an action that is absent is told with the namespace where it was looked for") {
    const std::vector<std::pair<std::string, std::string>> namespaces{
        {"_", "in the namespace of the credential at https://openwhisk.example.com;"},
        {"guest", "in the namespace guest at https://openwhisk.example.com;"}};
    for (const auto& [name, told] : namespaces) {
        CAPTURE(name);
        auto options = openwhisk_options();
        options.name_space = name;
        asio::io_context io;
        const auto actions = std::make_shared<NoActions>();
        FaasExecutor executor{tests::FakeTransport<NoActions>{io.get_executor(), actions, {}}, NoAuth{},
                              OpenWhiskCodec<>{options}};
        const auto absent = failed(run(io, executor.get_deployment(0)));
        CHECK(absent.code == errc::not_found);
        CHECK(says(absent, "there is no action blueprint-job-0 " + told));
        const auto health = ok(run(io, executor.health_check(0)));
        CHECK(health.state == HealthState::absent);
        CHECK(says(health.reason, told));
        REQUIRE(actions->targets.size() == 2);
        CHECK(says(actions->targets.front(), "/namespaces/" + name + "/actions/blueprint-job-0"));
    }
}

TEST_CASE("openwhisk: undeploying twice is fine, and what is refused is told (C11)") {
    OpenWhisk whisk;
    ok(whisk.deploy(0, whisk_program()));
    ok(whisk.deploy(1, whisk_program()));
    whisk.asked();
    whisk.fake->actions.concurrent_changes = 1;
    ok(whisk.undeploy(0));
    CHECK((whisk.asked() == Lines{"DELETE " + action, "DELETE " + action}));
    ok(whisk.undeploy(0));
    CHECK(whisk.fake->actions.all.size() == 1);
    whisk.fake->fault_at = whisk.fake->lines.size() + 1;
    const auto refused = failed(whisk.undeploy(1));
    CHECK(refused.code == errc::authentication);
    CHECK(says(refused, "blueprint-job-1"));
    CHECK(whisk.fake->actions.all.size() == 1);
    whisk.fake->actions.concurrent_changes = -1;
    whisk.fake->fault_at = 0;
    whisk.asked();
    CHECK(failed(whisk.undeploy(1)).code == errc::conflict);
    CHECK(lines_with(whisk.asked(), "DELETE ") == 8);
}

TEST_CASE("C12 (OpenWhisk): health is whether the action is there and its program answers; no job runs for it") {
    OpenWhisk whisk;
    const auto absent = health_of(whisk);
    CHECK(absent.state == HealthState::absent);
    CHECK(says(absent.reason, "blueprint-job-0"));
    CHECK((whisk.asked() == Lines{"GET " + action}));
    ok(whisk.deploy(0, whisk_program()));
    whisk.asked();
    CHECK(health_of(whisk).state == HealthState::healthy);
    CHECK((whisk.asked() == Lines{"GET " + action, "POST " + action}));
    whisk.fake->actions.broken = "The action did not initialize";
    whisk.fake->actions.log = "library not found";
    const auto broken = health_of(whisk);
    CHECK(broken.state == HealthState::unhealthy);
    CHECK(says(broken.reason, "did not initialize"));
    CHECK(says(broken.reason, "library not found"));
    whisk.fake->actions.broken.clear();
    whisk.fake->actions.foreign = true;
    CHECK(health_of(whisk).state == HealthState::unhealthy);
    whisk.fake->actions.foreign = false;
    whisk.fake->actions.unfinished = 1;
    CHECK(health_of(whisk).state == HealthState::unknown);
    whisk.fake->actions.throttled = 1000;
    const auto throttled = health_of(whisk);
    CHECK(throttled.state == HealthState::unhealthy);
    CHECK(says(throttled.reason, "Too many requests"));
    CHECK(whisk.fake->actions.calls.empty());
}

TEST_CASE("openwhisk: whether a job may be called is found out by a call that runs no job") {
    OpenWhisk whisk;
    CHECK(failed(run(whisk.io, whisk.executor.check_invoke(0))).code == errc::not_found);
    ok(whisk.deploy(0, whisk_program()));
    whisk.asked();
    ok(run(whisk.io, whisk.executor.check_invoke(0)));
    CHECK((whisk.asked() == Lines{"POST " + action}));
    whisk.fake->actions.broken = "The action did not initialize";
    const auto error = failed(run(whisk.io, whisk.executor.check_invoke(0)));
    CHECK(error.code == errc::invocation_failed);
    CHECK(says(error, "did not initialize"));
    whisk.fake->users.clear();
    CHECK(failed(run(whisk.io, whisk.executor.check_invoke(0))).code == errc::authentication);
    CHECK(whisk.fake->actions.calls.empty());
}

TEST_CASE("C13 (OpenWhisk): warming makes marked calls at once, which run no job, and counts who answered") {
    auto actions = hasty();
    actions.instance_calls = 2;
    OpenWhisk whisk{openwhisk_options(actions)};
    ok(whisk.deploy(256, whisk_program()));
    whisk.fake->actions.marked.clear();
    const auto report = ok(run(whisk.io, whisk.executor.warm(256, 2)));
    CHECK(report.supported);
    CHECK(report.requested == 2);
    CHECK(report.instances == 3);
    CHECK((whisk.fake->actions.marked == Lines{"warm", "warm", "warm", "warm"}));
    CHECK(lines_with(whisk.asked(), "blueprint-job-256") == 7);
    CHECK(whisk.fake->actions.calls.empty());
    whisk.fake->actions.foreign = true;
    CHECK_FALSE(ok(run(whisk.io, whisk.executor.warm(256, 1))).supported);
    const auto absent = failed(run(whisk.io, whisk.executor.warm(0, 1)));
    CHECK(absent.code == errc::not_found);
    CHECK(says(absent, "blueprint-job-0"));
}

TEST_CASE("openwhisk: the platform's description has the host's limits and runtimes, asked once") {
    OpenWhisk whisk;
    const auto told = ok(run(whisk.io, whisk.executor.describe_platform()));
    CHECK(told.limit("memory_mb.min") == 128);
    CHECK(told.limit("memory_mb.max") == 512);
    CHECK(told.limit("timeout_secs.max") == 300);
    CHECK(told.limit("request_bytes") == 1048576);
    CHECK(told.limit("response_bytes") == 1048576);
    CHECK(told.limit("package_bytes") == 35ULL << 20);
    CHECK(told.limit("calls_per_minute") == 60);
    CHECK(told.limit("concurrent_calls") == 30);
    for (const auto* feature : {"async", "list", "warm", "plan"}) CHECK(told.has(feature));
    CHECK(told.has("nodejs:22"));
    CHECK_FALSE(told.has("nodejs:14"));  // nothing can be made of it any more
    ok(run(whisk.io, whisk.executor.describe_platform()));
    CHECK((whisk.asked() == Lines{"GET functions:/"}));
    // A host that tells nothing has what is usual.
    OpenWhisk silent;
    silent.fake->no_offer = true;
    CHECK(ok(run(silent.io, silent.executor.describe_platform())).limit("memory_mb.max") == 512);
}

TEST_CASE("openwhisk: DigitalOcean tells what is billed and a self-hosted system does not; else both tell the same") {
    constexpr auto ocean = capabilities_of<DigitalOcean::executor_type>();
    constexpr auto whisk = capabilities_of<OpenWhisk::executor_type>();
    CHECK(ocean.facts.metrics.billed_duration);
    CHECK_FALSE(whisk.facts.metrics.billed_duration);
    auto as_ocean = whisk;
    as_ocean.facts.metrics.billed_duration = true;
    CHECK(as_ocean == ocean);
}

TEST_CASE("D4: DigitalOcean's own limits are told, also where there is no namespace yet") {
    for (const bool there : {true, false}) {
        DigitalOcean ocean;
        ocean.fake->has_namespace = there;
        const auto told = ok(run(ocean.io, ocean.executor.describe_platform()));
        CHECK(told.limit("memory_mb.max") == 1024);
        CHECK(told.limit("timeout_secs.max") == 900);
        CHECK(told.limit("blocking_wait_secs") == 30);
        CHECK(told.limit("request_bytes") == 1048576);
        CHECK(told.has("nodejs:22") == there);
        CHECK(ocean.fake->has_namespace == there);
    }
}

TEST_CASE("digitalocean: a key that is refused is made anew, once, whatever was being done") {
    for (const auto& [name, operation] : operations<DigitalOcean>()) {
        CAPTURE(name);
        DigitalOcean ocean;
        ok(ocean.deploy(0, whisk_program()));
        CHECK(ocean.fake->keys_made == 1);
        ocean.fake->keys.clear();
        const auto failure = operation(ocean);
        CHECK_MESSAGE(!failure, failure->message);
        CHECK(ocean.fake->keys_made == 2);
        CHECK(ocean.fake->keys.size() == 1);
        // Where a new one is of no use either, that is told, and nobody asks for ever.
        ocean.fake->takes_no_key = true;
        const auto refused = operation(ocean);
        REQUIRE(refused.has_value());
        CHECK(refused->code == errc::authentication);
        CHECK(refused->http_status == 401);
        CHECK(ocean.fake->keys_made == 3);
        CHECK_FALSE(says(*refused, "secret-of-key"));
    }
}

TEST_CASE("digitalocean: a given address and key are used as they are, without any question to DigitalOcean's API") {
    auto options = digitalocean_options();
    options.api_host = "https://" + std::string{FakeOpenWhisk::functions_host};
    options.access_key = "dof_v1_given:given-secret";
    DigitalOcean ocean{options};
    ocean.fake->keys["dof_v1_given"] = "given-secret";
    ok(ocean.deploy(0, whisk_program()));
    CHECK(ok(ocean.invoke({.job_id = 0, .args = {1}})).result.succeeded());
    ok(run(ocean.io, ocean.executor.release()));
    CHECK(lines_with(ocean.fake->lines, "management:") == 0);
    CHECK(ocean.fake->keys.size() == 1);
    ocean.fake->keys.clear();
    const auto refused = failed(ocean.invoke({.job_id = 0}));
    CHECK(refused.code == errc::authentication);
    CHECK_FALSE(says(refused, "given-secret"));
    CHECK(lines_with(ocean.fake->lines, "management:") == 0);
}

TEST_CASE("digitalocean: the key that was made for an executor is given back, and the next work makes another") {
    DigitalOcean ocean;
    ok(ocean.deploy(0, whisk_program()));
    CHECK(ocean.fake->keys.size() == 1);
    ok(run(ocean.io, ocean.executor.release()));
    CHECK(ocean.fake->keys.empty());
    CHECK(ocean.fake->actions.all.size() == 1);
    ok(run(ocean.io, ocean.executor.release()));  // nothing is left to give back
    ocean.asked();
    CHECK(ok(ocean.invoke({.job_id = 0, .args = {1}})).result.succeeded());
    CHECK(ocean.fake->keys_made == 2);
    CHECK(lines_with(ocean.asked(), "POST functions:") == 1);  // without a vain one with the old key
    // A self-hosted system gave nothing.
    OpenWhisk whisk;
    ok(run(whisk.io, whisk.executor.release()));
    CHECK(whisk.fake->lines.empty());
}

TEST_CASE("openwhisk: what cannot work is told by every operation, before anything is sent") {
    auto options = openwhisk_options();
    options.auth = "guest-user";
    for (auto& [name, operation] : operations<OpenWhisk>()) {
        CAPTURE(name);
        OpenWhisk whisk{options};
        const auto error = operation(whisk);
        REQUIRE(error.has_value());
        CHECK(error->code == errc::invalid_configuration);
        CHECK(says(*error, "OpenWhiskOptions::auth"));
        CHECK(whisk.fake->lines.empty());
    }
    OpenWhisk whisk{options};
    CHECK(whisk.executor.codec().misconfigured().has_value());
    CHECK(failed(run(whisk.io, whisk.executor.describe_platform())).code == errc::invalid_configuration);
    CHECK(failed(run(whisk.io, whisk.executor.release())).code == errc::invalid_configuration);
    // So are options that both platforms have.
    auto actions = hasty();
    actions.prefix = "/";
    OpenWhisk named{openwhisk_options(actions)};
    CHECK(says(failed(named.invoke({.job_id = 0})), "prefix"));
    DigitalOcean ocean{digitalocean_options(actions)};
    CHECK(says(failed(ocean.invoke({.job_id = 0})), "prefix"));
    CHECK(ocean.fake->lines.empty());
}

TEST_CASE("openwhisk: every operation of which any request fails ends with what happened, and harms no other") {
    for (const auto fault : {FakeOpenWhisk::Fault::refused, FakeOpenWhisk::Fault::lost}) {
        for (auto& [name, operation] : operations<OpenWhisk>()) {
            for (std::size_t at = 1;; ++at) {
                CAPTURE(name);
                CAPTURE(at);
                OpenWhisk whisk;
                ok(whisk.deploy(0, whisk_program()));
                whisk.asked();
                whisk.fake->fault = fault;
                whisk.fake->fault_at = at;
                const auto error = operation(whisk);
                const bool reached = whisk.fake->lines.size() >= at;
                if (!reached) {
                    CHECK(at > 1);
                    CHECK_FALSE(error.has_value());
                    break;
                }
                // A call may have run the job, so it is not made again by itself.
                const bool calls = name.starts_with("invoke");
                if (fault == FakeOpenWhisk::Fault::lost && !calls) CHECK_MESSAGE(!error, error->message);
                if (fault == FakeOpenWhisk::Fault::lost && calls) CHECK(error->execution == Execution::unknown);
                if (error) {
                    std::ostringstream text;
                    text << *error;
                    CHECK_FALSE(says(text.str(), "guest-password"));
                    CHECK(error->provider == "Apache OpenWhisk");
                }
                whisk.fake->fault_at = 0;
                ok(whisk.deploy(0, whisk_program()));
                CHECK(health_of(whisk).state == HealthState::healthy);
            }
        }
    }
}

TEST_CASE("openwhisk: operations at once share one look, and disturb one another not") {
    int number = 0;
    DigitalOcean ocean{digitalocean_options(), std::make_shared<FakeOpenWhisk>(), [&] { return ++number % 4; }};
    std::vector<std::optional<result<FaasDeployment>>> deployed(4);
    for (std::uint32_t id = 0; id < 4; ++id)
        start(ocean.executor, ocean.executor.deploy_job(id, whisk_program(), short_config()),
              [&deployed, id](result<FaasDeployment> done) { deployed[id] = std::move(done); });
    ocean.io.run();
    for (auto& one : deployed) {
        REQUIRE(one.has_value());
        CHECK(ok(*one).revision == "0.0.1");
    }
    CHECK(ocean.fake->keys_made == 1);
    CHECK(lines_with(ocean.fake->lines, spaces + '/') == 1);
    // So do those that find out together that the key is not taken any more.
    ocean.fake->keys.clear();
    std::vector<std::optional<result<JobResult>>> called(8);
    for (std::size_t i = 0; i < called.size(); ++i)
        start(ocean.executor, ocean.executor.invoke({.job_id = JobId{static_cast<std::uint32_t>(i % 4)}, .args = {5}}),
              [&called, i](result<JobResult> done) { called[i] = std::move(done); });
    ocean.io.restart();
    ocean.io.run();
    for (auto& one : called) {
        REQUIRE(one.has_value());
        CHECK((*ok(*one).outcome == Bytes{5}));
    }
    CHECK(ocean.fake->keys_made == 2);
}

}  // namespace openwhisk_codec_test
