// The executors of DigitalOcean Functions and of a self-hosted OpenWhisk against the local cloud, over TLS, with a real
// function binary: beside Node.js and as the program of an ActionLoop runtime.
#include "world.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <set>

using namespace blueprint::faas;
using namespace std::chrono_literals;
using blueprint::faas::test::SentLines;
using tests::deployed_function;
using tests::failed;
using tests::FunctionsWorld;
using tests::number;
using tests::ok;
using tests::other_function;
using tests::string_of;

namespace {

FaasConfig small(std::chrono::seconds timeout = 20s) { return {.memory_mib = 256, .timeout = timeout}; }

bool is_call(const std::string& line) {
    return line.starts_with("POST ") && line.find("/actions/") != std::string::npos;
}
// What changes something; calls of jobs do not.
std::size_t writes(const std::vector<std::string>& lines) {
    return static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
        return !line.starts_with("GET ") && !is_call(line);
    }));
}
std::size_t calls(const std::vector<std::string>& lines) {
    return static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), &is_call));
}

template <class E>
std::uint64_t square_of(FunctionsWorld& world, E& executor, std::uint64_t value) {
    const auto done = ok(world.run(executor.invoke({.job_id = 0, .args = number(value)})));
    const auto bytes = ok(done.outcome);
    std::uint64_t out = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) out = out << 8U | bytes[i];
    return out;
}
template <class E>
std::string variable_of(FunctionsWorld& world, E& executor, std::string_view name) {
    return string_of(*ok(world.run(executor.invoke({.job_id = 6, .args = tests::text(name)}))).outcome);
}

/// Does the same with every way in which there are functions here.
template <class Test>
void in_every_way(Test test) {
    for (const auto way : {OpenWhiskWay::node, OpenWhiskWay::action_loop}) {
        if (way == OpenWhiskWay::node && !test::has_node()) {
            MESSAGE("skipped: functions beside Node.js, because there is none here");
            continue;
        }
        CAPTURE(static_cast<int>(way));
        {
            FunctionsWorld world;
            SentLines sent;
            auto executor = world.digitalocean(world.digitalocean_options(way), &sent);
            CAPTURE("DigitalOcean");
            test(world, executor, sent);
        }
        FunctionsWorld world;
        SentLines sent;
        auto executor = world.openwhisk(world.openwhisk_options(way), &sent);
        CAPTURE("OpenWhisk");
        test(world, executor, sent);
    }
}

/// Asks DigitalOcean's API itself.
boost::json::value ask(FunctionsWorld& world, Verb verb, std::string target, std::string body = {}) {
    auto url = ok(detail::parse_url(world.cloud->digitalocean_url()));
    HttpRequest request{.origin = std::move(url.origin), .verb = verb, .target = std::move(target)};
    request.headers.set("Authorization", "Bearer " + std::string{FunctionsWorld::token});
    if (!body.empty()) request.headers.set("Content-Type", "application/json");
    request.body = std::move(body);
    auto transport = world.transport();
    const auto answer = ok(world.run(transport.exchange(request, deadline_after(10s))));
    REQUIRE_MESSAGE(answer.status < 300, answer.status);
    return answer.body.empty() ? boost::json::value{} : boost::json::parse(answer.body);
}
/// Asks OpenWhisk's API itself.
HttpResponse ask_openwhisk(FunctionsWorld& world, const std::string& what) {
    auto url = ok(detail::parse_url(world.cloud->openwhisk_url()));
    HttpRequest request{.origin = std::move(url.origin), .target = "/api/v1/namespaces/_/" + what};
    const std::string pair = "tester:" + std::string{FunctionsWorld::password};
    request.headers.set("Authorization", "Basic " + detail::base64_encode(detail::bytes_of(pair)));
    auto transport = world.transport();
    return ok(world.run(transport.exchange(request, deadline_after(10s))));
}
std::string text_of(const boost::json::value& value) { return {value.as_string().data(), value.as_string().size()}; }
std::string only_namespace(FunctionsWorld& world) {
    const auto all = ask(world, Verb::get, "/v2/functions/namespaces");
    const auto& namespaces = all.at("namespaces").as_array();
    REQUIRE(namespaces.size() == 1);
    return text_of(namespaces.front().at("namespace"));
}

}  // namespace

TEST_CASE("D2, D3: deploy, call, look, remove: the whole life of a function") {
    in_every_way([](FunctionsWorld& world, auto& executor, const SentLines& sent) {
        const auto plan = ok(world.run(executor.plan_deploy(0, deployed_function(), small())));
        CHECK_FALSE(plan.unchanged);
        const auto deployed = ok(world.run(executor.deploy_job(0, deployed_function(), small())));
        CHECK(deployed.endpoint.starts_with("https://127.0.0.1:"));
        CHECK(deployed.function_id.find("blueprint-job-0") != std::string::npos);
        CHECK(deployed.memory_mib == 256);
        CHECK((deployed.timeout == 20s));
        CHECK(deployed.package_sha256 == deployed_function().sha256());
        CHECK(deployed.revision == "0.0.1");
        CHECK_FALSE(deployed.unchanged);
        CHECK(ok(world.run(executor.health_check(0))).state == HealthState::healthy);
        ok(world.run(executor.check_invoke(0)));
        CHECK(ok(world.run(executor.get_deployment(0))).endpoint == deployed.endpoint);
        const auto listed = ok(world.run(executor.list_deployments()));
        REQUIRE(listed.size() == 1);
        CHECK(listed.front().job_id == JobId{0});
        CHECK(listed.front().package_sha256 == deployed_function().sha256());

        CHECK(square_of(world, executor, 12) == 144);
        sent->clear();
        CHECK(square_of(world, executor, 13) == 169);  // a warm call is one request
        REQUIRE(sent->size() == 1);
        CHECK(sent->front() == "POST /api/v1/namespaces/_/actions/blueprint-job-0?blocking=true&result=false");

        ok(world.run(executor.undeploy_job(0)));
        ok(world.run(executor.undeploy_job(0)));
        CHECK(failed(world.run(executor.invoke({.job_id = 0, .args = number(1)}))).code == errc::not_found);
        CHECK(failed(world.run(executor.get_deployment(0))).code == errc::not_found);
        CHECK(ok(world.run(executor.list_deployments())).empty());
        CHECK(ok(world.run(executor.health_check(0))).state == HealthState::absent);
    });
}

TEST_CASE("openwhisk: redeploying unchanged writes nothing") {
    in_every_way([](FunctionsWorld& world, auto& executor, const SentLines& sent) {
        FaasConfig config = small();
        config.env_vars.emplace("GREETING", "hello");
        ok(world.run(executor.deploy_job(6, deployed_function(), config)));
        sent->clear();
        const auto again = ok(world.run(executor.deploy_job(6, deployed_function(), config)));
        CHECK(again.unchanged);
        CHECK(again.revision == "0.0.1");
        CHECK(writes(*sent) == 0);
        CHECK(ok(world.run(executor.plan_deploy(6, deployed_function(), config))).unchanged);
        CHECK(variable_of(world, executor, "GREETING") == "hello");

        config.env_vars.find("GREETING")->second = "goodbye";
        config.env_vars.emplace("MORE", "1");
        config.memory_mib = 512;
        config.timeout = 10s;
        const auto changed = ok(world.run(executor.deploy_job(6, other_function(), config)));
        CHECK_FALSE(changed.unchanged);
        CHECK(changed.revision == "0.0.2");
        CHECK(changed.memory_mib == 512);
        CHECK((changed.timeout == 10s));
        CHECK(changed.package_sha256 == other_function().sha256());
        CHECK(variable_of(world, executor, "GREETING") == "goodbye");
        config.env_vars.erase("MORE");
        ok(world.run(executor.deploy_job(6, other_function(), config)));
        CHECK(variable_of(world, executor, "MORE") == "(not set)");
    });
}

TEST_CASE("openwhisk: bytes, failures, crashes, prints and metadata come back as they are") {
    in_every_way([](FunctionsWorld& world, auto& executor, const SentLines&) {
        for (const JobId id : {JobId{1}, JobId{2}, JobId{4}, JobId{5}, JobId{7}, JobId{77}})
            ok(world.run(executor.deploy_job(id, deployed_function(), small())));
        Bytes all(70'000);
        for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
        const auto echoed = ok(world.run(executor.invoke_with_metrics({.job_id = 2, .args = all})));
        CHECK((*echoed.result.outcome == all));
        CHECK(echoed.metrics.request_id.size() == 32);
        CHECK(echoed.metrics.execution_duration.has_value());
        CHECK(echoed.metrics.memory_limit_mib == 256);
        CHECK(echoed.metrics.executed_version == "0.0.1");
        const auto again = ok(world.run(executor.invoke_with_metrics({.job_id = 2, .args = {}})));
        CHECK(again.result.outcome->empty());
        CHECK(again.metrics.cold_start == false);
        CHECK(again.metrics.memory_used_mib.value_or(0) > 0);

        const auto error = failed(world.run(executor.invoke({.job_id = 1, .args = number(3)})));
        CHECK(error.code == errc::function_error);
        CHECK(error.message.find("there is no answer to 3") != std::string::npos);
        CHECK(error.execution == Execution::started);
        CHECK(error.request_id.size() == 32);

        CHECK(error.platform_code == "FUNCTION_ERROR");
        // The program has no such job, although it is deployed for it.
        CHECK(failed(world.run(executor.invoke({.job_id = 77}))).code == errc::not_found);

        const auto crashed = failed(world.run(executor.invoke({.job_id = 4})));
        CHECK(crashed.execution == Execution::started);
        CHECK(string_of(*ok(world.run(executor.invoke({.job_id = 5}))).outcome).find("fine") != std::string::npos);

        JobCall traced{.job_id = 7, .args = tests::text("tenant")};
        traced.metadata.set("tenant", "Zürich & Söhne");
        CHECK(string_of(*ok(world.run(executor.invoke(traced))).outcome) == "Zürich & Söhne");
    });
}

TEST_CASE("D4: memory, timeout and sizes are checked before anything is sent") {
    FunctionsWorld world;
    SentLines sent;
    auto executor = world.digitalocean(&sent);
    ok(world.run(executor.deploy_job(2, deployed_function(), small())));
    sent->clear();
    const auto refuse = [&](FaasConfig config, std::string_view word) {
        const auto refused = failed(world.run(executor.deploy_job(0, deployed_function(), std::move(config))));
        CHECK(refused.code == errc::invalid_configuration);
        CHECK(refused.message.find(word) != std::string::npos);
    };
    refuse({.memory_mib = 2048, .timeout = 10s}, "1024");
    refuse({.memory_mib = 64, .timeout = 10s}, "128");
    refuse({.memory_mib = 256, .timeout = 1000s}, "900");
    refuse({.memory_mib = 256, .timeout = 10s, .keep_warm = 2}, "keep_warm");
    const auto large = failed(world.run(executor.invoke({.job_id = 2, .args = Bytes(1'000'000)})));
    CHECK(large.execution == Execution::not_started);
    CHECK(sent->empty());
    const Bytes most(700'000, 7);
    CHECK((*ok(world.run(executor.invoke({.job_id = 2, .args = most}))).outcome == most));
}

TEST_CASE("D1: a namespace is found by label and region, and made once") {
    FunctionsWorld world;
    SentLines sent;
    auto one = world.digitalocean(&sent);
    ok(world.run(one.deploy_job(0, deployed_function(), small())));
    const auto name = only_namespace(world);
    auto other = world.digitalocean();
    CHECK(square_of(world, other, 5) == 25);
    CHECK(only_namespace(world) == name);
    // A region that there is not is told with those that look like it, before anything is sent.
    auto options = world.digitalocean_options();
    options.region = "nyc3";
    const auto refused = digitalocean::create(world.transport(), DigitalOceanAuth{Secret{"any"}}, options);
    REQUIRE(refused.has_error());
    CHECK(refused.error().message.find("nyc1") != std::string::npos);
    // Who only calls makes nothing.
    options = world.digitalocean_options();
    options.label = "another";
    auto caller = world.digitalocean(options);
    CHECK(failed(world.run(caller.invoke({.job_id = 0}))).code == errc::not_found);
    CHECK(only_namespace(world) == name);
}

TEST_CASE("digitalocean: an access key is made, renewed when it is refused, and given back") {
    FunctionsWorld world;
    SentLines sent;
    auto executor = world.digitalocean(&sent);
    ok(world.run(executor.deploy_job(0, deployed_function(), small())));
    const auto keys = "/v2/functions/namespaces/" + only_namespace(world) + "/keys";
    const auto listed = [&] { return ask(world, Verb::get, keys).at("access_keys").as_array(); };
    REQUIRE(listed().size() == 1);
    CHECK(text_of(listed().front().at("name")).starts_with("blueprint-faas-"));
    CHECK(listed().front().at("expires_at").is_string());
    ask(world, Verb::del, keys + '/' + text_of(listed().front().at("id")));
    sent->clear();
    CHECK(square_of(world, executor, 12) == 144);
    CHECK(listed().size() == 1);
    CHECK(calls(*sent) == 2);  // refused, and again
    ok(world.run(executor.release()));
    CHECK(listed().empty());
    ok(world.run(executor.release()));
    CHECK(square_of(world, executor, 3) == 9);
    ok(world.run(executor.release()));
}

TEST_CASE("digitalocean: with an address and an access key no API of DigitalOcean's is asked") {
    FunctionsWorld world;
    auto owner = world.digitalocean();
    ok(world.run(owner.deploy_job(0, deployed_function(), small())));
    const auto keys = "/v2/functions/namespaces/" + only_namespace(world) + "/keys";
    const auto key = ask(world, Verb::post, keys, R"({"name":"caller"})").at("access_key");
    auto options = world.digitalocean_options();
    options.api_host = world.cloud->digitalocean_url();
    options.access_key = Secret{text_of(key.at("id")) + ':' + text_of(key.at("secret"))};
    SentLines sent;
    auto caller = world.digitalocean(options, &sent);
    CHECK(square_of(world, caller, 12) == 144);
    CHECK(sent->size() == 1);
    ask(world, Verb::del, keys + '/' + text_of(key.at("id")));
    const auto refused = failed(world.run(caller.invoke({.job_id = 0, .args = number(1)})));
    CHECK(refused.code == errc::authentication);
    CHECK(refused.execution == Execution::not_started);
}

TEST_CASE("pitfall 5 (OpenWhisk): a call that outlives the blocking wait is waited for, and runs once") {
    local::DigitalOceanOptions settings;
    settings.functions.blocking_wait = 200ms;
    settings.functions.record_delay = 50ms;
    FunctionsWorld world{settings};
    SentLines sent;
    auto executor = world.digitalocean(&sent);
    ok(world.run(executor.deploy_job(3, deployed_function(), small())));
    sent->clear();
    const auto slept = ok(world.run(executor.invoke_with_metrics({.job_id = 3, .args = number(700)})));
    CHECK(slept.result.outcome->empty());
    CHECK(slept.metrics.execution_duration.value() >= 700ms);
    CHECK(calls(*sent) == 1);
    CHECK(sent->size() > 2);
    JobCall hasty{.job_id = 3, .args = number(3'000)};
    hasty.timeout = 600ms;
    const auto late = failed(world.run(executor.invoke(hasty)));
    CHECK(late.code == errc::timed_out);
    CHECK(late.execution == Execution::started);
    CHECK(late.request_id.size() == 32);
}

TEST_CASE("openwhisk: a call that takes longer than its action may is ended, and told so") {
    in_every_way([](FunctionsWorld& world, auto& executor, const SentLines&) {
        ok(world.run(executor.deploy_job(3, deployed_function(), small(1s))));
        const auto late = failed(world.run(executor.invoke({.job_id = 3, .args = number(5'000)})));
        CHECK(late.code == errc::timed_out);
        CHECK(late.execution == Execution::started);
        ok(world.run(executor.invoke({.job_id = 3, .args = number(1)})));
    });
}

TEST_CASE("openwhisk: an asynchronous call is handed over, and its end is told by its id") {
    FunctionsWorld world;
    auto executor = world.openwhisk();
    ok(world.run(executor.deploy_job(0, deployed_function(), small())));
    const auto receipt = ok(world.run(executor.invoke_async({.job_id = 0, .args = number(12)})));
    REQUIRE(receipt.invocation_id.size() == 32);
    CHECK_FALSE(receipt.completed);
    const auto end = std::chrono::steady_clock::now() + 20s;
    auto record = ask_openwhisk(world, "activations/" + receipt.invocation_id);
    while (record.status == 404 && std::chrono::steady_clock::now() < end)
        record = ask_openwhisk(world, "activations/" + receipt.invocation_id);
    REQUIRE(record.status == 200);
    const auto told = boost::json::parse(record.body).at("response").at("result");
    CHECK(text_of(told.at("result")) == detail::base64_encode(number(144)));
}

TEST_CASE("openwhisk: warming starts instances and counts them") {
    FunctionsWorld world;
    auto options = world.openwhisk_options();
    options.actions.warm_hold = tests::held_long;
    auto executor = world.openwhisk(options);
    ok(world.run(executor.deploy_job(0, deployed_function(), small())));
    const auto warmed = ok(world.run(executor.warm(0, 3)));
    CHECK(warmed.supported);
    CHECK(warmed.instances == 3);
}

TEST_CASE("openwhisk: a call's log comes with its metrics where it is asked for") {
    FunctionsWorld world;
    auto options = world.openwhisk_options();
    options.actions.log_tail = true;
    auto executor = world.openwhisk(options);
    ok(world.run(executor.deploy_job(5, deployed_function(), small())));
    const auto done = ok(world.run(executor.invoke_with_metrics({.job_id = 5})));
    CHECK(done.metrics.log_tail.find("this is no JSON") != std::string::npos);
}

TEST_CASE("openwhisk: actions stand in a package of OpenWhisk's if one is named") {
    FunctionsWorld world;
    auto executor = world.openwhisk();
    auto options = world.openwhisk_options();
    options.actions.package = "jobs";
    auto packed = world.openwhisk(options);
    ok(world.run(packed.deploy_job(0, deployed_function(), small())));
    CHECK(square_of(world, packed, 12) == 144);
    CHECK(ok(world.run(packed.list_deployments())).size() == 1);
    CHECK(ok(world.run(executor.list_deployments())).empty());
    ok(world.run(packed.undeploy_job(0)));
}

TEST_CASE("pitfall 1 (OpenWhisk): a wrong exec.env is told with what to do") {
    FunctionsWorld world;
    auto options = world.openwhisk_options(OpenWhiskWay::action_loop);
    options.actions.exec_env = "openwhisk/action-golang-v1.17";
    auto executor = world.openwhisk(options);
    const auto refused = failed(world.run(executor.deploy_job(0, deployed_function(), small())));
    CHECK(refused.message.find("exec_env") != std::string::npos);
}

TEST_CASE("pitfall 10 (OpenWhisk): a kind that the host does not offer is refused with those that it does") {
    FunctionsWorld world;
    auto options = world.openwhisk_options(OpenWhiskWay::node);
    options.actions.kind = "nodejs:21";
    auto executor = world.openwhisk(options);
    const auto refused = failed(world.run(executor.deploy_job(0, deployed_function(), small())));
    CHECK(refused.code == errc::invalid_configuration);
    CHECK(refused.message.find("nodejs:22") != std::string::npos);
}

TEST_CASE("pitfall 6 (OpenWhisk): a gateway that takes less than OpenWhisk does is told as what it is") {
    local::OpenWhiskOptions own;
    own.settings.request_bytes = 100U << 10;
    FunctionsWorld world{{}, own};
    auto executor = world.openwhisk();
    const auto refused = failed(world.run(executor.deploy_job(0, deployed_function(), small())));
    CHECK(refused.http_status == 413);
    CHECK_FALSE(refused.retryable);
    CHECK(refused.message.find("<html>") == std::string::npos);
    CAPTURE(refused.message);
    CHECK(refused.message.find("front ends take no more than 50 MB, those of test systems often 3 MB") !=
          std::string::npos);
    CHECK(failed(world.run(executor.get_deployment(0))).code == errc::not_found);
}

TEST_CASE("pitfalls 7 and 8 (OpenWhisk): a job is no web action, and its calls are none") {
    FunctionsWorld world;
    SentLines sent;
    auto executor = world.openwhisk(&sent);
    ok(world.run(executor.deploy_job(0, deployed_function(), small())));
    CHECK(square_of(world, executor, 12) == 144);
    CHECK(std::none_of(sent->begin(), sent->end(),
                       [](const std::string& line) { return line.find("/web/") != std::string::npos; }));
    const auto answer = ask_openwhisk(world, "actions/blueprint-job-0");
    REQUIRE(answer.status == 200);
    std::string web_export = "not told";
    const auto action = boost::json::parse(answer.body);
    for (const auto& annotation : action.at("annotations").as_array())
        if (annotation.at("key") == "web-export") web_export = boost::json::serialize(annotation.at("value"));
    CHECK(web_export == "false");
}

TEST_CASE("pitfall 12 (OpenWhisk): an API token is enough, and nothing has to be there") {
    FunctionsWorld world;
    auto executor = world.digitalocean();
    CHECK(ask(world, Verb::get, "/v2/functions/namespaces").at("namespaces").as_array().empty());
    ok(world.run(executor.deploy_job(0, deployed_function(), small())));
    CHECK(square_of(world, executor, 12) == 144);
    const auto made = ask(world, Verb::get, "/v2/functions/namespaces").at("namespaces").as_array();
    REQUIRE(made.size() == 1);
    CHECK(text_of(made.front().at("label")) == "blueprint");
    CHECK(text_of(made.front().at("region")) == "fra1");
    ok(world.run(executor.release()));
}

TEST_CASE("openwhisk: two who deploy the same job at once end with one of both in place") {
    FunctionsWorld world;
    auto one = world.openwhisk();
    auto two = world.openwhisk();
    std::optional<result<FaasDeployment>> first;
    tests::asio::co_spawn(world.io, one.deploy_job(0, deployed_function(), small()),
                          [&](std::exception_ptr, result<FaasDeployment> done) { first.emplace(std::move(done)); });
    ok(world.run(two.deploy_job(0, other_function(), small())));
    while (!first) {
        world.io.restart();
        world.io.run_one();
    }
    ok(std::move(*first));
    CHECK(square_of(world, one, 3) == 9);
}
