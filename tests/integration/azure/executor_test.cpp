// The executor of Azure Functions against the local cloud: with tokens of an application, over TLS, and with a real
// function binary in child processes.
#include "blueprint/faas/auth/azure/tokens.hpp"
#include "blueprint/faas/detail/child_command.hpp"
#include "support/temporary_directory.hpp"
#include "world.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <cstdlib>

using namespace blueprint::faas;
using namespace std::chrono_literals;
using blueprint::faas::test::SentLines;
using tests::AzureWorld;
using tests::deployed_function;
using tests::failed;
using tests::number;
using tests::ok;
using tests::other_function;
using tests::string_of;

namespace {

FaasConfig small(std::chrono::seconds timeout = 10s) { return {.memory_mib = 512, .timeout = timeout}; }

// What changes something; calls of jobs, and what is read by POST, do not.
std::size_t writes(const std::vector<std::string>& lines) {
    return static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
        const auto has = [&](std::string_view part) { return line.find(part) != std::string::npos; };
        const bool reads = line.starts_with("GET ") || line.starts_with("HEAD ") || has("/list?") ||
                           has("/listkeys?") || has("/listKeys?") || has("/checkNameAvailability");
        return !reads && !has(" /api/run");
    }));
}

std::string variable_of(AzureWorld& world, tests::AppExecutor& app, std::string_view name) {
    const auto done = ok(world.run(app.invoke({.job_id = 6, .args = tests::text(name)})));
    return string_of(ok(done.outcome));
}

std::uint64_t square_of(AzureWorld& world, tests::AppExecutor& app, std::uint64_t value) {
    const auto done = ok(world.run(app.invoke({.job_id = 0, .args = number(value)})));
    const auto bytes = ok(done.outcome);
    std::uint64_t out = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) out = out << 8U | bytes[i];
    return out;
}

}  // namespace

TEST_CASE("azure: deploy, call, look, remove: the whole life of an app") {
    AzureWorld world;
    SentLines sent;
    auto app = world.executor({}, &sent);
    CHECK(ok(world.run(app.health_check(0))).state == HealthState::absent);
    CHECK(failed(world.run(app.get_deployment(0))).code == errc::not_found);
    CHECK(failed(world.run(app.invoke({.job_id = 0, .args = number(1)}))).code == errc::not_found);

    const auto plan = ok(world.run(app.plan_deploy(0, deployed_function(), small())));
    CHECK_FALSE(plan.unchanged);
    CHECK(writes(*sent) == 0);
    const auto deployed = ok(world.run(app.deploy_job(0, deployed_function(), small())));
    CHECK(deployed.endpoint.starts_with("https://127.0.0.1:"));
    CHECK(deployed.memory_mib == 512);
    CHECK((deployed.timeout == 10s));
    CHECK(deployed.package_sha256 == deployed_function().sha256());
    CHECK_FALSE(deployed.unchanged);
    CHECK(ok(world.run(app.health_check(0))).state == HealthState::healthy);
    CHECK(ok(world.run(app.get_deployment(0))).endpoint == deployed.endpoint);
    const auto listed = ok(world.run(app.list_deployments()));
    REQUIRE(listed.size() == 1);
    CHECK(listed.front().job_id == JobId{0});
    CHECK(listed.front().package_sha256 == deployed_function().sha256());
    CHECK(square_of(world, app, 12) == 144);

    ok(world.run(app.undeploy_job(0)));
    ok(world.run(app.undeploy_job(0)));
    CHECK(failed(world.run(app.invoke({.job_id = 0, .args = number(1)}))).code == errc::not_found);
    CHECK(ok(world.run(app.list_deployments())).empty());
    CHECK(ok(world.run(app.health_check(0))).state == HealthState::absent);
    // And again, where its name is taken by nobody.
    ok(world.run(app.deploy_job(0, deployed_function(), small())));
    CHECK(square_of(world, app, 5) == 25);
}

TEST_CASE("Z2, Z3: a warm call is one request, and its key stands in a field") {
    AzureWorld world;
    SentLines sent;
    auto app = world.executor({}, &sent);
    ok(world.run(app.deploy_job(0, deployed_function(), small())));
    CHECK(square_of(world, app, 12) == 144);
    sent->clear();
    const auto before = world.cloud->stats().requests;
    CHECK(square_of(world, app, 12) == 144);
    REQUIRE(sent->size() == 1);
    CHECK(sent->front() == "POST /api/run");
    CHECK(world.cloud->stats().requests <= before + 1);
}

TEST_CASE("Z7: two jobs deployed one after the other both answer, also with packages of their own") {
    AzureWorld world;
    auto app = world.executor();
    ok(world.run(app.deploy_job(0, deployed_function(), small())));
    ok(world.run(app.deploy_job(2, deployed_function(), small())));
    ok(world.run(app.deploy_job(6, other_function(), small())));
    CHECK(square_of(world, app, 12) == 144);
    const auto bytes = tests::text("as they are");
    CHECK((*ok(world.run(app.invoke({.job_id = 2, .args = bytes}))).outcome == bytes));
    CHECK(variable_of(world, app, "NOT_SET") == "(not set)");
    CHECK(ok(world.run(app.list_deployments())).size() == 3);

    ok(world.run(app.undeploy_job(2)));
    CHECK(square_of(world, app, 7) == 49);
    CHECK(failed(world.run(app.invoke({.job_id = 2, .args = bytes}))).code == errc::not_found);
    CHECK(ok(world.run(app.list_deployments())).size() == 2);
}

TEST_CASE("azure: redeploying unchanged writes nothing") {
    AzureWorld world;
    SentLines sent;
    auto app = world.executor({}, &sent);
    FaasConfig config = small();
    config.env_vars.emplace("GREETING", "hello");
    ok(world.run(app.deploy_job(6, deployed_function(), config)));
    ok(world.run(app.deploy_job(0, deployed_function(), small())));
    sent->clear();
    CHECK(ok(world.run(app.deploy_job(0, deployed_function(), small()))).unchanged);
    CHECK(ok(world.run(app.deploy_job(6, deployed_function(), config))).unchanged);
    CHECK(writes(*sent) == 0);
    CHECK(ok(world.run(app.plan_deploy(0, deployed_function(), small()))).unchanged);
    CHECK(variable_of(world, app, "GREETING") == "hello");
    // Nor by somebody who has never looked at the app.
    SentLines others;
    auto another = world.executor({}, &others);
    CHECK(ok(world.run(another.deploy_job(0, deployed_function(), small()))).unchanged);
    CHECK(writes(*others) == 0);
}

TEST_CASE("azure: two who deploy at once both end up in the app") {
    AzureWorld world;
    auto one = world.executor();
    auto two = world.executor();
    ok(world.run(one.deploy_job(0, deployed_function(), small())));
    std::optional<result<FaasDeployment>> first;
    const auto package = other_function();
    asio::co_spawn(world.io, one.deploy_job(2, deployed_function(), small()),
                   [&](std::exception_ptr, result<FaasDeployment> done) { first.emplace(std::move(done)); });
    ok(world.run(two.deploy_job(6, package, small())));
    while (!first) {
        world.io.restart();
        world.io.run_one();
    }
    ok(std::move(*first));
    CHECK(square_of(world, one, 3) == 9);
    CHECK(variable_of(world, two, "NOT_SET") == "(not set)");
    CHECK((*ok(world.run(two.invoke({.job_id = 2, .args = number(1)}))).outcome == number(1)));
}

TEST_CASE("azure: bytes, failures, crashes and metadata come back as they are") {
    AzureWorld world;
    auto app = world.executor();
    for (const JobId id : {JobId{1}, JobId{2}, JobId{4}, JobId{6}, JobId{7}})
        ok(world.run(app.deploy_job(id, deployed_function(), small())));
    Bytes all(70'000);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
    const auto echoed = ok(world.run(app.invoke_with_metrics({.job_id = 2, .args = all})));
    CHECK((*echoed.result.outcome == all));
    CHECK(echoed.metrics.execution_duration.has_value());
    CHECK(echoed.metrics.cold_start.has_value());
    const auto again = ok(world.run(app.invoke_with_metrics({.job_id = 2, .args = {}})));
    CHECK(again.result.outcome->empty());
    CHECK(again.metrics.cold_start == false);
    CHECK(again.metrics.memory_used_mib.value_or(0) > 0);

    const auto error = failed(world.run(app.invoke({.job_id = 1, .args = number(3)})));
    CHECK(error.code == errc::function_error);
    CHECK(error.message.find("there is no answer to 3") != std::string::npos);
    CHECK(error.execution == Execution::started);

    const auto crashed = failed(world.run(app.invoke({.job_id = 4})));
    CHECK(crashed.code == errc::infrastructure);
    CHECK(crashed.execution != Execution::not_started);
    CHECK((*ok(world.run(app.invoke({.job_id = 2, .args = all}))).outcome == all));

    JobCall traced{.job_id = 7, .args = tests::text("tenant")};
    traced.metadata.set("tenant", "Zürich & Söhne");
    CHECK(string_of(*ok(world.run(app.invoke(traced))).outcome) == "Zürich & Söhne");
}

TEST_CASE("Z8: memory, timeout and variables are brought up to date, and told as they are") {
    AzureWorld world;
    auto app = world.executor();
    FaasConfig config = small();
    config.env_vars.emplace("GREETING", "hello");
    config.env_vars.emplace("GONE", "soon");
    ok(world.run(app.deploy_job(6, deployed_function(), config)));
    CHECK(variable_of(world, app, "GREETING") == "hello");
    config.env_vars.erase("GONE");
    config.env_vars.find("GREETING")->second = "goodbye";
    config.memory_mib = 2048;
    config.timeout = 20s;
    const auto changed = ok(world.run(app.deploy_job(6, other_function(), config)));
    CHECK(changed.memory_mib == 2048);
    CHECK((changed.timeout == 20s));
    CHECK(changed.package_sha256 == other_function().sha256());
    CHECK(variable_of(world, app, "GREETING") == "goodbye");
    CHECK(variable_of(world, app, "GONE") == "(not set)");

    const auto too_long = failed(world.run(app.deploy_job(6, deployed_function(), small(300s))));
    CHECK(too_long.code == errc::invalid_configuration);
    CHECK(too_long.message.find("230") != std::string::npos);
    const auto odd = failed(world.run(app.deploy_job(6, deployed_function(), {.memory_mib = 600, .timeout = 10s})));
    CHECK(odd.message.find("2048") != std::string::npos);
}

TEST_CASE("azure: every style of long-running operations leads to the same app") {
    using Style = local::AzureOptions::Style;
    for (const auto style :
         {Style::async_operation, Style::operation_location, Style::location, Style::provisioning_state}) {
        CAPTURE(static_cast<int>(style));
        local::AzureOptions options;
        options.operations = style;
        options.unregistered = {"Microsoft.Web", "Microsoft.Storage"};
        AzureWorld world{std::move(options)};
        auto app = world.executor();
        ok(world.run(app.deploy_job(0, deployed_function(), small())));
        CHECK(square_of(world, app, 12) == 144);
    }
}

TEST_CASE("azure: warming starts instances and counts them") {
    AzureWorld world;
    auto options = world.options();
    options.warm_hold = tests::held_long;
    auto app = world.executor(std::move(options));
    ok(world.run(app.deploy_job(0, deployed_function(), small())));
    const auto warmed = ok(world.run(app.warm(0, 3)));
    CHECK(warmed.supported);
    CHECK(warmed.instances == 3);
}

TEST_CASE("azure: storage by identity instead of keys holds packages too") {
    AzureWorld world;
    auto options = world.options();
    options.storage_access = AzureStorageAccess::identity;
    auto app = world.executor(options);
    ok(world.run(app.deploy_job(0, deployed_function(), small())));
    ok(world.run(app.deploy_job(2, other_function(), small())));
    CHECK(square_of(world, app, 12) == 144);
    CHECK((*ok(world.run(app.invoke({.job_id = 2, .args = number(1)}))).outcome == number(1)));
}

TEST_CASE("azure: an app that is known is called without any management API") {
    AzureWorld world;
    auto owner = world.executor();
    const auto deployed = ok(world.run(owner.deploy_job(0, deployed_function(), small())));
    AzureFunctionsOptions known;
    known.app_url = deployed.endpoint.substr(0, deployed.endpoint.find('/', 8));
    known.function_key = Secret{"wrong-key-made-for-this-test"};
    HttpsTransport transport{world.io.get_executor(), world.tls()};
    auto caller = ok(azure::create(transport, world.chain(), known));
    const auto refused = failed(world.run(caller.invoke({.job_id = 0, .args = number(12)})));
    CHECK(refused.code == errc::authentication);
    CHECK(refused.http_status == 401);
    CHECK(refused.execution == Execution::not_started);
}

TEST_CASE("C5: an operation that fails at Azure is told with Azure's own words") {
    local::AzureOptions options;
    options.operation_fault = [](std::string_view resource) -> std::optional<local::AzureFault> {
        if (resource.find("/serverfarms/") == std::string_view::npos) return std::nullopt;
        return local::AzureFault{.code = "SubscriptionIsOverQuotaForSku", .message = "No quota left in this region."};
    };
    AzureWorld world{std::move(options)};
    auto app = world.executor();
    const auto refused = failed(world.run(app.deploy_job(0, deployed_function(), small())));
    CHECK(refused.message.find("No quota left") != std::string::npos);
    CHECK(refused.platform_code == "SubscriptionIsOverQuotaForSku");
}

TEST_CASE("arm client: Microsoft's own client of the management API reads what was deployed" *
          doctest::skip(std::getenv("BLUEPRINT_FAAS_READ_APP") == nullptr)) {
    AzureWorld world;
    auto wanted = world.options();
    wanted.app = "read-by-arm-appservice";
    auto app = world.executor(wanted);
    FaasConfig config = small();
    config.env_vars.emplace("GREETING", "hello");
    config.keep_warm = 1;
    ok(world.run(app.deploy_job(0, deployed_function(), config)));
    ok(world.run(app.deploy_job(2, deployed_function(), small())));

    const test::TemporaryDirectory directory;
    const auto authority = (directory / "ca.pem").string();
    ok(Environment::process().replace_file(authority, Secret{world.authority.certificate()}));
    detail::ChildCommand command;
    command.words = {std::getenv("BLUEPRINT_FAAS_NODE"),
                     std::getenv("BLUEPRINT_FAAS_READ_APP"),
                     world.cloud->azure_url(),
                     world.tenant,
                     std::string{AzureWorld::client},
                     std::string{AzureWorld::secret},
                     world.subscription,
                     "group",
                     wanted.app};
    command.max_log_bytes = 64U << 10;
    command.variables = {{"NODE_EXTRA_CA_CERTS", authority}};
    const auto end = ok(world.run(detail::run_child(std::move(command), "node", deadline_after(120s))));
    CAPTURE(end.log);
    REQUIRE(end.exit_code == 0);
    const auto read = boost::json::parse({end.output.reveal().data(), end.output.reveal().size()});
    const auto text = [](const boost::json::value& value) {
        return value.is_string() ? std::string{value.get_string().data(), value.get_string().size()}
                                 : boost::json::serialize(value);
    };
    const auto deployed = ok(world.run(app.get_deployment(0)));
    const auto& site = read.at("site");
    CHECK(text(read.at("sites").at(0)) == wanted.app);
    CHECK("https://" + text(site.at("defaultHostName")) + "/api/run" == deployed.endpoint);
    CHECK(text(site.at("kind")) == "functionapp,linux");
    CHECK(text(site.at("tags").at("managed-by")) == "blueprint-faas");
    const auto& setup = site.at("functionAppConfig");
    CHECK(text(setup.at("runtime").at("name")) == "custom");
    CHECK(text(setup.at("scaleAndConcurrency").at("instanceMemoryMB")) == "512");
    CHECK(text(setup.at("scaleAndConcurrency").at("alwaysReady").at(0).at("instanceCount")) == "1");
    CHECK(text(read.at("plan").at("sku").at("name")) == "FC1");
    CHECK(text(read.at("settings").at("GREETING")) == "hello");
    CHECK(text(read.at("functions")) == "[\"run\"]");
}
