#include "azure_app_fixture.hpp"
#include "azure_deploy_fixture.hpp"
#include "blueprint/faas/codec/azure_functions.hpp"
#include "blueprint/faas/provider/azure.hpp"
#include "blueprint/faas/transport/in_memory.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace azure_codec_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using tests::Azure;
using tests::azure_app_options;
using tests::azure_program;
using tests::AzureCloud;
using tests::failed;
using tests::FakeAzureApp;
using tests::known_azure_app;
using tests::name_of;
using tests::ok;
using tests::run;
using Lines = std::vector<std::string>;

namespace {

const std::string look = "GET site:/sites/my-app";
const std::string look_keys = "POST site:/sites/my-app/host/default/listkeys";

Health health_of(Azure& azure, JobId id = {}) { return ok(run(azure.io, azure.executor.health_check(id))); }
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

class Variables : public Environment {
public:
    explicit Variables(std::map<std::string, std::string> set = {}) : set_{std::move(set)} {}
    std::optional<std::string> variable(const std::string& name) const override {
        const auto found = set_.find(name);
        return found == set_.end() ? std::nullopt : std::optional{found->second};
    }

private:
    std::map<std::string, std::string> set_;
};

}  // namespace

TEST_CASE("C12: health is what app, host and program say, from the outside in; no job runs for it") {
    Azure azure;
    const auto healthy = health_of(azure);
    CHECK(healthy.state == HealthState::healthy);
    CHECK((azure.app->asked() == Lines{look, look_keys, "GET app:/admin/host/status", "GET app:/api/run"}));
    CHECK(azure.app->calls.empty());
    CHECK(health_of(azure, 7).state == HealthState::healthy);

    const auto other = health_of(azure, 1);
    CHECK(other.state == HealthState::absent);
    CHECK(has(other.reason, "job 1"));

    azure.app->health.body = R"({"status":"draining","jobs":[0]})";
    const auto draining = health_of(azure);
    CHECK(draining.state == HealthState::unhealthy);
    CHECK(has(draining.reason, "draining"));

    azure.app->health = {.status = 503, .body = "Function host is not running."};
    CHECK(health_of(azure).state == HealthState::unhealthy);
    azure.app->health = {.status = 200, .body = "<html>Your Functions 4.0 app is up and running</html>"};
    azure.app->asked();

    azure.app->host_status.body = R"({"state":"Error","errors":["The handler did not start in 30 s."]})";
    const auto broken = health_of(azure);
    CHECK(broken.state == HealthState::unhealthy);
    CHECK(has(broken.reason, "The handler did not start in 30 s."));
    CHECK((azure.app->asked() == Lines{look, look_keys, "GET app:/admin/host/status"}));

    azure.app->host_status.body = R"({"state":"Starting"})";
    CHECK(health_of(azure).state == HealthState::deploying);
    azure.app->keys_untold = 100;
    const auto starting = health_of(azure);
    CHECK(starting.state == HealthState::deploying);
    CHECK(has(starting.reason, "host runtime"));

    azure.app->state = "Stopped";
    azure.app->asked();
    const auto stopped = health_of(azure);
    CHECK(stopped.state == HealthState::unhealthy);
    CHECK(has(stopped.reason, "Stopped"));
    CHECK((azure.app->asked() == Lines{look}));
    azure.app->there = false;
    const auto absent = health_of(azure);
    CHECK(absent.state == HealthState::absent);
    CHECK(has(absent.reason, "my-app"));
}

TEST_CASE("azure: the health of an app that is known by its URL is its own word") {
    Azure azure{known_azure_app()};
    CHECK(health_of(azure).state == HealthState::healthy);
    CHECK((azure.app->asked() == Lines{"GET app:/api/run"}));
    azure.app->key = "another-key-of-the-app";
    const auto refused = health_of(azure);
    CHECK(refused.state == HealthState::unhealthy);
    CHECK(has(refused.reason, "function key"));
}

TEST_CASE("Z3: neither key is in what health tells") {
    Azure azure;
    azure.app->host_status = {.status = 500, .body = "you showed " + azure.app->master_key};
    const auto told = health_of(azure);
    CHECK(told.state == HealthState::unhealthy);
    CHECK(has(told.reason, "you showed [redacted]"));
    azure.app->host_status = FakeAzureApp{}.host_status;
    azure.app->health = {.status = 500, .body = "you showed " + azure.app->key};
    CHECK(has(health_of(azure).reason, "you showed [redacted]"));
}

TEST_CASE("azure: whether a job may be called is asked of the app, and no job runs") {
    Azure azure;
    ok(run(azure.io, azure.executor.check_invoke(0)));
    CHECK((azure.app->asked() == Lines{look, look_keys, "GET app:/api/run"}));
    const auto absent = failed(run(azure.io, azure.executor.check_invoke(1)));
    CHECK(absent.code == errc::not_found);
    CHECK(has(absent.message, "job 1"));
    azure.app->asked();
    azure.app->key = "function-key-of-the-app-2";
    ok(run(azure.io, azure.executor.check_invoke(0)));
    CHECK((azure.app->asked() == Lines{"GET app:/api/run", look_keys, "GET app:/api/run"}));
    CHECK(azure.app->calls.empty());
}

TEST_CASE("C13: warming makes marked calls at once, which run no job, and counts who answered") {
    auto options = azure_app_options();
    options.instance_concurrency = 2;
    Azure azure{options};
    const auto warmed = [](const std::string& instance) {
        return HttpResponse{.status = 200, .body = R"({"warm":true,"instance":")" + instance + R"("})"};
    };
    azure.app->calls_answered = {warmed("a"), warmed("b"), warmed("a"), warmed("b")};
    const auto report = ok(run(azure.io, azure.executor.warm(256, 2)));
    CHECK(report.supported);
    CHECK(report.requested == 2);
    CHECK(report.instances == 2);
    REQUIRE(azure.app->calls.size() == 4);
    for (const auto& call : azure.app->calls) {
        CHECK(call.headers.get("X-Blueprint-Warm-Ms") == "75");
        CHECK(call.headers.get("x-functions-key") == azure.app->key);
        CHECK_FALSE(call.headers.get("X-Blueprint-Job-Id").has_value());
        CHECK(call.body.size() == 0);
    }
    // A key that was changed is asked for once more.
    azure.app->asked();
    azure.app->key = "function-key-of-the-app-2";
    azure.app->calls_answered = {warmed("a"), warmed("a")};
    CHECK(ok(run(azure.io, azure.executor.warm(0, 1))).instances == 1);
    const auto asked = azure.app->asked();
    CHECK(std::count(asked.begin(), asked.end(), look_keys) == 1);
    azure.app->calls_answered = {HttpResponse{.status = 200, .body = "hello"},
                                 HttpResponse{.status = 200, .body = "hello"}};
    CHECK_FALSE(ok(run(azure.io, azure.executor.warm(0, 1))).supported);
}

TEST_CASE("Z8: the platform's description has the limits that bind, 230 s before all") {
    Azure azure{known_azure_app()};
    const auto told = ok(run(azure.io, azure.executor.describe_platform()));
    CHECK(told.spec == "v4");  // the version of the functions' host
    CHECK(told.limit("timeout_secs.max") == 230);
    CHECK(told.limit("memory_mb.min") == 512);
    CHECK(told.limit("memory_mb.max") == 4096);
    CHECK(told.limit("request_bytes") == 104857600);
    CHECK(told.limit("instances.max") == 1000);
    CHECK(told.limit("package_bytes").has_value());
    CHECK(azure.app->lines.empty());
}

TEST_CASE("azure: what cannot work is told by every operation, before anything is sent") {
    AzureFunctionsOptions options;  // no subscription, no app
    Azure azure{options};
    JobCall call;
    const auto wrong = [](const Error& error) {
        CHECK(error.code == errc::invalid_configuration);
        CHECK(has(error.message, "subscription"));
    };
    wrong(failed(azure.invoke(call)));
    wrong(failed(run(azure.io, azure.executor.health_check(0))));
    wrong(failed(run(azure.io, azure.executor.warm(0, 1))));
    wrong(failed(run(azure.io, azure.executor.check_invoke(0))));
    wrong(failed(run(azure.io, azure.executor.get_deployment(0))));
    wrong(failed(run(azure.io, azure.executor.list_deployments())));
    wrong(failed(run(azure.io, azure.executor.undeploy_job(0))));
    CHECK(azure.app->lines.empty());
    // An app that is known can be called, and not managed.
    Azure known{known_azure_app()};
    ok(known.invoke(call));
    known.app->lines.clear();
    wrong(failed(run(known.io, known.executor.get_deployment(0))));
    wrong(failed(run(known.io, known.executor.list_deployments())));
    wrong(failed(run(known.io, known.executor.undeploy_job(0))));
    wrong(failed(run(known.io, known.executor.deploy_job(0, tests::azure_program(), {.timeout = 60s}))));
    wrong(failed(run(known.io, known.executor.plan_deploy(0, tests::azure_program(), {.timeout = 60s}))));
    CHECK(known.app->lines.empty());
}

TEST_CASE("azure: after a deployment calls know their way, and after the last one's removal they look for it") {
    AzureCloud cloud;
    ok(cloud.deploy(0, azure_program("1")));
    auto from = cloud.fake->lines.size();
    CHECK(cloud.call(0) == name_of(azure_program("1")));
    CHECK(cloud.fake->lines.size() == from + 1);
    ok(cloud.deploy(1, azure_program("2")));
    from = cloud.fake->lines.size();
    CHECK(cloud.call(1) == name_of(azure_program("2")));
    CHECK(cloud.fake->lines.size() == from + 1);
    ok(cloud.undeploy(0));
    CHECK(cloud.call(1) == name_of(azure_program("2")));
    ok(cloud.undeploy(1));
    from = cloud.fake->lines.size();
    const auto gone = failed(run(cloud.io, cloud.executor.invoke({.job_id = JobId{1U}})));
    CHECK(gone.code == errc::not_found);
    CHECK(gone.execution == Execution::not_started);
    CHECK(cloud.fake->lines.size() == from + 1);
    CHECK(cloud.fake->lines.back().starts_with("GET https://management.azure.com/"));
}

TEST_CASE("Z8: memory and timeout are told as they are, and what Azure does not keep is refused when it is planned") {
    AzureCloud cloud;
    ok(cloud.deploy(0, azure_program("1"), {.memory_mib = 512, .timeout = 60s}));
    ok(cloud.deploy(1, azure_program("2"), {.memory_mib = 2048, .timeout = 230s}));
    for (const std::uint32_t id : {0U, 1U}) {
        CAPTURE(id);
        const auto told = ok(run(cloud.io, cloud.executor.get_deployment(id)));
        CHECK(told.memory_mib == 2048);  // of the app's instances, which are the same for all jobs
        CHECK(told.timeout == (id == 0 ? 60s : 230s));
    }
    CHECK(failed(run(cloud.io, cloud.executor.get_deployment(2))).code == errc::not_found);
    const auto from = cloud.fake->lines.size();
    const auto long_one = failed(cloud.plan(2, azure_program("1"), {.timeout = 231s}));
    CHECK(long_one.code == errc::invalid_configuration);
    CHECK(has(long_one.message, "230"));
    CHECK(failed(cloud.plan(2, azure_program("1"), {.memory_mib = 1024, .timeout = 60s})).code ==
          errc::invalid_configuration);
    CHECK(failed(cloud.deploy(2, azure_program("1"), {.timeout = 300s})).code == errc::invalid_configuration);
    CHECK(cloud.fake->writes(from).empty());
}

TEST_CASE("azure: options that are left open are filled in from the variables of Azure's tools") {
    const Variables set{{{"AZURE_SUBSCRIPTION_ID", "s1"}, {"AZURE_RESOURCE_GROUP", "g1"}, {"AZURE_LOCATION", "l1"}}};
    const auto filled = ok(azure::resolve({}, set));
    CHECK(filled.subscription == "s1");
    CHECK(filled.resource_group == "g1");
    CHECK(filled.location == "l1");
    AzureFunctionsOptions own;
    own.subscription = "s2";
    own.resource_group = "g2";
    own.location = "l2";
    const auto kept = ok(azure::resolve(own, set));
    CHECK(kept.subscription == "s2");
    CHECK(kept.resource_group == "g2");
    CHECK(kept.location == "l2");
    const Variables none;
    own.location.clear();
    CHECK(ok(azure::resolve(own, none)).location.empty());  // never guessed
    own.resource_group.clear();
    CHECK(has(failed(azure::resolve(own, none)).message, "AZURE_RESOURCE_GROUP"));
    own.subscription.clear();
    CHECK(has(failed(azure::resolve(own, none)).message, "AZURE_SUBSCRIPTION_ID"));
    CHECK(azure::resolve(known_azure_app(), none).has_value());
}

TEST_CASE("azure: the cloud that gives the tokens decides on management API and scopes") {
    struct Row {
        std::string given, variable, endpoint;
    };
    for (const auto& row :
         {Row{"", "", "https://management.azure.com"},
          Row{"https://login.microsoftonline.us", "", "https://management.usgovcloudapi.net"},
          Row{"", "https://login.chinacloudapi.cn/", "https://management.chinacloudapi.cn"},
          Row{"https://login.microsoftonline.us", "login.chinacloudapi.cn", "https://management.usgovcloudapi.net"}}) {
        CAPTURE(row.given);
        CAPTURE(row.variable);
        const Variables around{{{"AZURE_AUTHORITY_HOST", row.variable}}};
        azure::ClientOptions client;
        client.authority = row.given;
        AzureFunctionsOptions options;
        const auto scopes = ok(azure::enter_cloud(options, client, around));
        CHECK(options.endpoint == row.endpoint);
        CHECK(scopes.management == row.endpoint + "/.default");
        options.endpoint = "https://127.0.0.1:8443";
        ok(azure::enter_cloud(options, client, around));
        CHECK(options.endpoint == "https://127.0.0.1:8443");
    }
    AzureFunctionsOptions options;
    azure::ClientOptions client;
    client.authority = "http://login.example.com";
    CHECK(failed(azure::enter_cloud(options, client, Variables{})).code == errc::invalid_configuration);
}

TEST_CASE("azure: an executor is made of its parts, and its calls show no token") {
    boost::asio::io_context io;
    const auto app = std::make_shared<FakeAzureApp>();
    InMemoryTransport transport{
        io.get_executor(), [app](const HttpRequest& request) -> result<HttpResponse> { return app->answer(request); }};
    const azure::FixedTokens tokens{{{azure::public_cloud.management_scope(), Secret{"management-token"}}}};
    const Variables none;
    auto executor = ok(azure::create(transport, tokens, azure_app_options(), {}, none));
    JobCall call;
    call.args = {9};
    CHECK(ok(ok(run(io, executor.invoke(call))).outcome) == Bytes{9});
    CHECK(executor.provider_name() == "Azure Functions");
    auto bad = azure_app_options();
    bad.app_url = "nonsense";
    CHECK(azure::create(transport, tokens, bad, {}, none).has_error());
    // Without anything told the usual one says what to set.
    CHECK(has(failed(azure::create(io.get_executor(), AzureFunctionsOptions{}, {}, none)).message,
              "AZURE_SUBSCRIPTION_ID"));
    CHECK(azure::create(io.get_executor(), azure_app_options(), {}, none).has_value());
}

}  // namespace azure_codec_test
