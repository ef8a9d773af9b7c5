// Both executors of Google Cloud against the local cloud: with tokens of a service account's key, over TLS, and with a
// real function binary in a child process.
#include "blueprint/faas/detail/child_command.hpp"
#include "blueprint/faas/start.hpp"
#include "support/temporary_directory.hpp"
#include "world.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <cstdlib>
#include <unistd.h>

using namespace blueprint::faas;
using namespace std::chrono_literals;
using blueprint::faas::test::SentLines;
using tests::deployed_function;
using tests::failed;
using tests::GcpWorld;
using tests::number;
using tests::ok;
using tests::other_function;
using tests::string_of;

namespace {

FaasConfig small(std::chrono::seconds timeout = 10s) { return {.memory_mib = 512, .timeout = timeout}; }

// What is asked of an API and changes something; calls of services are none.
std::size_t writes(const std::vector<std::string>& lines) {
    return static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
        const bool reads = line.starts_with("GET ") || line.find(":testIamPermissions") != std::string::npos;
        return !reads && (line.find(" /v2/") != std::string::npos || line.find("/storage/v1/") != std::string::npos);
    }));
}

template <class Executor>
std::string variable_of(GcpWorld& world, Executor& executor, std::string_view name) {
    const auto done = ok(world.run(executor.invoke({.job_id = 6, .args = tests::text(name)})));
    return string_of(ok(done.outcome));
}

// What holds of both: deploy, call, look, warm, remove.
template <class Executor>
void live(GcpWorld& world, Executor& executor, const SentLines& sent) {
    CHECK(ok(world.run(executor.health_check(0))).state == HealthState::absent);
    CHECK(failed(world.run(executor.get_deployment(0))).code == errc::not_found);
    CHECK(failed(world.run(executor.invoke({.job_id = 0, .args = number(1)}))).code == errc::not_found);

    const auto plan = ok(world.run(executor.plan_deploy(0, deployed_function(), small())));
    CHECK_FALSE(plan.unchanged);
    CHECK(writes(*sent) == 0);
    const auto deployed = ok(world.run(executor.deploy_job(0, deployed_function(), small())));
    CHECK(deployed.endpoint.starts_with("https://127.0.0.1:"));
    CHECK(deployed.memory_mib == 512);
    CHECK((deployed.timeout == 10s));
    CHECK(deployed.package_sha256 == deployed_function().sha256());
    CHECK_FALSE(deployed.unchanged);
    CHECK(ok(world.run(executor.health_check(0))).state == HealthState::healthy);
    CHECK(ok(world.run(executor.get_deployment(0))).endpoint == deployed.endpoint);
    const auto listed = ok(world.run(executor.list_deployments()));
    REQUIRE(listed.size() == 1);
    CHECK(listed.front().job_id == JobId{0});
    CHECK(listed.front().package_sha256 == deployed_function().sha256());

    CHECK((*ok(world.run(executor.invoke({.job_id = 0, .args = number(12)}))).outcome == number(144)));

    // Warm: one request, and it is the call (G2).
    sent->clear();
    const auto before = world.cloud->stats().requests;
    ok(world.run(executor.invoke({.job_id = 0, .args = number(12)})));
    CHECK(sent->size() == 1);
    CHECK(sent->front() == "POST /");
    CHECK(world.cloud->stats().requests <= before + 1);

    // Unchanged: only looks.
    sent->clear();
    CHECK(ok(world.run(executor.deploy_job(0, deployed_function(), small()))).unchanged);
    CHECK(writes(*sent) == 0);
    CHECK(ok(world.run(executor.plan_deploy(0, deployed_function(), small()))).unchanged);

    ok(world.run(executor.undeploy_job(0)));
    ok(world.run(executor.undeploy_job(0)));
    CHECK(failed(world.run(executor.invoke({.job_id = 0, .args = number(1)}))).code == errc::not_found);
    CHECK(ok(world.run(executor.list_deployments())).empty());
}

// What jobs do to their platform, and what of it comes back.
template <class Executor>
void run_jobs(GcpWorld& world, Executor& executor) {
    for (const JobId id : {JobId{1}, JobId{2}, JobId{4}, JobId{6}, JobId{7}})
        ok(world.run(executor.deploy_job(id, deployed_function(), small())));
    Bytes all(70'000);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
    const auto echoed = ok(world.run(executor.invoke_with_metrics({.job_id = 2, .args = all})));
    CHECK((*echoed.result.outcome == all));
    CHECK(echoed.metrics.execution_duration.has_value());
    CHECK(echoed.metrics.cold_start.has_value());
    const auto again = ok(world.run(executor.invoke_with_metrics({.job_id = 2, .args = {}})));
    CHECK(again.result.outcome->empty());
    CHECK(again.metrics.cold_start == false);
    CHECK(again.metrics.memory_used_mib.value_or(0) > 0);

    const auto error = failed(world.run(executor.invoke({.job_id = 1, .args = number(3)})));
    CHECK(error.code == errc::function_error);
    CHECK(error.message.find("there is no answer to 3") != std::string::npos);
    CHECK(error.execution == Execution::started);

    const auto crashed = failed(world.run(executor.invoke({.job_id = 4})));
    CHECK(crashed.code == errc::infrastructure);
    CHECK(crashed.execution != Execution::not_started);

    JobCall traced{.job_id = 7, .args = tests::text("tenant")};
    traced.metadata.set("tenant", "Zürich & Söhne");
    CHECK(string_of(*ok(world.run(executor.invoke(traced))).outcome) == "Zürich & Söhne");
}

// Variables, memory, timeout and code are brought up to date (A4 of the other platform, pitfall 9).
template <class Executor>
void change(GcpWorld& world, Executor& executor) {
    FaasConfig config = small();
    config.env_vars.emplace("GREETING", "hello");
    config.env_vars.emplace("GONE", "soon");
    ok(world.run(executor.deploy_job(6, deployed_function(), config)));
    CHECK(variable_of(world, executor, "GREETING") == "hello");
    config.env_vars.erase("GONE");
    config.env_vars.find("GREETING")->second = "goodbye";
    config.memory_mib = 1024;
    config.timeout = 20s;
    const auto changed = ok(world.run(executor.deploy_job(6, other_function(), config)));
    CHECK(changed.memory_mib == 1024);
    CHECK((changed.timeout == 20s));
    CHECK(changed.package_sha256 == other_function().sha256());
    CHECK(variable_of(world, executor, "GREETING") == "goodbye");
    CHECK(variable_of(world, executor, "GONE") == "(not set)");
}

}  // namespace

TEST_CASE("cloud run: deploy, call, look, remove: the whole life of a service") {
    GcpWorld world;
    SentLines sent;
    auto run = world.run_executor({}, &sent);
    live(world, run, sent);
}

TEST_CASE("cloud functions: deploy, call, look, remove: the whole life of a function") {
    GcpWorld world;
    SentLines sent;
    auto functions = world.function_executor({}, &sent);
    live(world, functions, sent);
}

TEST_CASE("cloud run: bytes, failures, crashes and metadata come back as they are") {
    GcpWorld world;
    auto run = world.run_executor();
    run_jobs(world, run);
}

TEST_CASE("cloud functions: bytes, failures, crashes and metadata come back as they are") {
    GcpWorld world;
    auto functions = world.function_executor();
    run_jobs(world, functions);
}

TEST_CASE("GCP pitfall 9: deploying anew brings variables, memory, timeout and code of a service up to date") {
    GcpWorld world;
    auto run = world.run_executor();
    change(world, run);
}

TEST_CASE("GCP pitfall 9: deploying anew brings variables, memory, timeout and code of a function up to date") {
    GcpWorld world;
    auto functions = world.function_executor();
    change(world, functions);
}

TEST_CASE("cloud run: a revision that cannot start gets no calls, and the one before goes on") {
    GcpWorld world;
    CloudRunOptions options;
    options.start_patience = 2s;
    auto run = world.run_executor(options);
    ok(world.run(run.deploy_job(0, deployed_function(), small())));
    // A program that ends at once.
    PackageOptions script;
    script.allow_script = true;
    const std::string_view text = "#!/bin/false\n";
    const auto broken =
        ok(Package::from_binary({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, script));
    const auto error = failed(world.run(run.deploy_job(0, broken, small())));
    CAPTURE(error.message);
    CHECK(error.code != errc::timed_out);
    CHECK((*ok(world.run(run.invoke({.job_id = 0, .args = number(12)}))).outcome == number(144)));
}

TEST_CASE("cloud run: traffic is shifted between two revisions, and rolled back") {
    GcpWorld world;
    auto run = world.run_executor();
    FaasConfig config = small();
    config.env_vars.emplace("WHO", "first");
    ok(world.run(run.deploy_job(6, deployed_function(), config)));
    config.env_vars.find("WHO")->second = "second";
    ok(world.run(run.deploy_job(6, deployed_function(), config)));
    CHECK(variable_of(world, run, "WHO") == "second");
    const auto revisions = ok(world.run(run.list_revisions(6)));
    REQUIRE(revisions.size() == 2);
    CHECK(revisions[0].traffic == doctest::Approx(1));
    CHECK(revisions[1].traffic == doctest::Approx(0));

    ok(world.run(run.shift_traffic(6, revisions[1].id, 0.5)));
    bool first = false;
    bool second = false;
    for (int i = 0; i < 200 && !(first && second); ++i) {
        const auto who = variable_of(world, run, "WHO");
        first = first || who == "first";
        second = second || who == "second";
    }
    CHECK(first);
    CHECK(second);
    ok(world.run(run.shift_traffic(6, revisions[0].id, 1)));
    CHECK(variable_of(world, run, "WHO") == "second");
    const auto back = ok(world.run(run.roll_back(6)));
    CHECK(back.id == revisions[1].id);
    CHECK(variable_of(world, run, "WHO") == "first");
    // The next deployment is what callers get, whatever was rolled back before.
    config.env_vars.find("WHO")->second = "third";
    ok(world.run(run.deploy_job(6, deployed_function(), config)));
    CHECK(variable_of(world, run, "WHO") == "third");
}

TEST_CASE(
    "cloud run: a package that is too large for one request goes up in pieces, without a token but for the first") {
    GcpWorld world;
    SentLines sent;
    auto run = world.run_executor({}, &sent);
    PackageOptions options;
    auto& ballast = options.extra_files.emplace_back(ZipFile{.path = "ballast", .data = Bytes(9U << 20)});
    std::uint32_t state = 1;
    for (auto& byte : ballast.data) byte = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
    const auto large = ok(Package::from_binary_file(std::getenv("BLUEPRINT_FAAS_TEST_FUNCTION"), options));
    ok(world.run(run.deploy_job(0, large, small())));
    const auto pieces = std::count_if(sent->begin(), sent->end(), [](const std::string& line) {
        return line.starts_with("PUT ") && line.find("upload_id=") != std::string::npos;
    });
    CHECK(pieces >= 1);
    CHECK((*ok(world.run(run.invoke({.job_id = 0, .args = number(12)}))).outcome == number(144)));
}

TEST_CASE("cloud run: warming starts instances and counts them") {
    GcpWorld world;
    auto run = world.run_executor({.cloud = {.warm_hold = tests::held_long}});
    ok(world.run(run.deploy_job(0, deployed_function(), small())));
    const auto warmed = ok(world.run(run.warm(0, 3)));
    CHECK(warmed.supported);
    CHECK(warmed.instances == 3);
}

TEST_CASE("G7: who may not call is told so, and may after a deployment that lets him in") {
    GcpWorld world;
    auto owner = world.run_executor();
    const auto deployed = ok(world.run(owner.deploy_job(0, deployed_function(), small())));
    world.be(GcpWorld::stranger);
    CloudRunOptions only_calls;
    only_calls.cloud.job_urls.emplace(JobId{0}, deployed.endpoint);
    auto caller = world.run_executor(only_calls);
    const auto refused = failed(world.run(caller.invoke({.job_id = 0, .args = number(12)})));
    CHECK(refused.code == errc::authentication);
    CHECK(refused.http_status == 403);
    CHECK(refused.message.find("run.invoker") != std::string::npos);

    world.be(GcpWorld::deployer);
    CloudRunOptions with_invoker;
    with_invoker.cloud.invokers = {"serviceAccount:" + std::string{GcpWorld::stranger}};
    auto again = world.run_executor(with_invoker);
    ok(world.run(again.deploy_job(0, deployed_function(), small())));
    CHECK((*ok(world.run(caller.invoke({.job_id = 0, .args = number(12)}))).outcome == number(144)));
}

TEST_CASE("google: every kind of credential gets at an API and calls a service") {
    local::GcpOptions options;
    const std::string audience =
        "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/pool/providers/ci";
    options.metadata_account = GcpWorld::deployer;
    options.users.push_back({.email = "dev@example.com",
                             .client_id = "cli.apps.example.com",
                             .client_secret = "made-for-this-test",
                             .refresh_token = "refresh-made-for-this-test"});
    options.invoking_clients = {"cli.apps.example.com"};
    options.identities.push_back({.audience = audience, .subject_tokens = {"subject-made-for-this-test"}});
    options.administrators = {"serviceAccount:" + std::string{GcpWorld::deployer}, "user:dev@example.com"};
    GcpWorld world{std::move(options)};
    const std::string url = world.cloud->gcp_url();
    auto owner = world.run_executor();
    CloudRunOptions everybody;
    everybody.cloud.invokers = {"serviceAccount:" + std::string{GcpWorld::deployer}, "user:dev@example.com"};
    auto deploying = world.run_executor(everybody);
    ok(world.run(deploying.deploy_job(0, deployed_function(), small())));

    const std::string impersonation =
        url + "/v1/projects/-/serviceAccounts/" + std::string{GcpWorld::deployer} + ":generateAccessToken";
    world.around.files["/subject"] = "subject-made-for-this-test";
    const boost::json::object user{{"type", "authorized_user"},
                                   {"client_id", "cli.apps.example.com"},
                                   {"client_secret", "made-for-this-test"},
                                   {"refresh_token", "refresh-made-for-this-test"},
                                   {"token_uri", url + "/token"}};
    const boost::json::object external{{"type", "external_account"},
                                       {"audience", audience},
                                       {"subject_token_type", "urn:ietf:params:oauth:token-type:jwt"},
                                       {"token_url", url + "/v1/token"},
                                       {"service_account_impersonation_url", impersonation},
                                       {"credential_source", {{"file", "/subject"}}}};
    const boost::json::object impersonated{{"type", "impersonated_service_account"},
                                           {"service_account_impersonation_url", impersonation},
                                           {"delegates", boost::json::array{}},
                                           {"source_credentials", world.key_file(GcpWorld::stranger)}};
    for (const auto& [name, file] :
         {std::pair<const char*, boost::json::object>{"service account", world.key_file(GcpWorld::deployer)},
          {"external account", external},
          {"impersonated", impersonated},
          {"user", user}}) {
        CAPTURE(name);
        world.lie_down(file);
        auto run = world.run_executor();
        CHECK(ok(world.run(run.get_deployment(0))).state == DeploymentState::deployed);
        CHECK((*ok(world.run(run.invoke({.job_id = 0, .args = number(12)}))).outcome == number(144)));
    }
}

TEST_CASE("G1: an access token never reaches a service, and one that did would be refused") {
    GcpWorld world;
    auto run = world.run_executor();
    const auto deployed = ok(world.run(run.deploy_job(0, deployed_function(), small())));
    auto chain = world.chain();
    const auto access = ok(world.run(chain.get_access(deadline_after(10s))));
    // The wrong kind, put there by force: tokens that say they are for the audience.
    const auto bare = access->authorization.reveal().substr(7);
    gcp::FixedTokens wrong{Secret{bare}, {{deployed.endpoint, Secret{bare}}}};
    CloudRunOptions options;
    options.cloud.job_urls.emplace(JobId{0}, deployed.endpoint);
    auto forced = ok(gcp::create(HttpsTransport{world.io.get_executor(), world.tls()}, wrong, options));
    const auto refused = failed(world.run(forced.invoke({.job_id = 0, .args = number(12)})));
    CHECK(refused.code == errc::authentication);
    CHECK(refused.http_status == 401);
    CHECK(refused.execution == Execution::not_started);
}

TEST_CASE("gcloud: Google's own command line lists and describes what was deployed" *
          doctest::skip(std::getenv("BLUEPRINT_FAAS_GCLOUD") == nullptr)) {
    GcpWorld world;
    auto functions = world.function_executor();
    FaasConfig config = small();
    config.env_vars.emplace("GREETING", "hello");
    config.keep_warm = 1;
    ok(world.run(functions.deploy_job(0, deployed_function(), config)));
    ok(world.run(functions.deploy_job(7, deployed_function(), config)));

    const test::TemporaryDirectory directory;
    const auto file = [&](const char* name, std::string_view text) {
        const auto path = (directory / name).string();
        ok(Environment::process().replace_file(path, Secret{text}));
        return path;
    };
    const auto gcloud = [&](std::vector<std::string> words, std::vector<std::string> before = {}) {
        detail::ChildCommand command;
        command.words = std::move(before);
        command.words.emplace_back(std::getenv("BLUEPRINT_FAAS_GCLOUD"));
        command.words.insert(command.words.end(), words.begin(), words.end());
        command.words.insert(command.words.end(), {"--format=json", "--quiet"});
        command.max_log_bytes = 64U << 10;
        const auto key = file("key.json", boost::json::serialize(world.key_file(GcpWorld::deployer)));
        const auto authority = file("ca.pem", world.authority.certificate());
        command.variables = {
            {"CLOUDSDK_CONFIG", (directory / "config").string()},
            {"CLOUDSDK_CORE_PROJECT", "local-project"},
            {"CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "1"},
            {"CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK", "1"},
            {"CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", authority},
            {"REQUESTS_CA_BUNDLE", authority},  // of the requests for tokens
            {"CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", key},
            {"CLOUDSDK_AUTH_TOKEN_HOST", world.cloud->gcp_url() + "/token"},
            {"CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDFUNCTIONS", world.cloud->gcp_url() + '/'},
            {"CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN",
             "https://localhost" + world.cloud->gcp_url().substr(world.cloud->gcp_url().rfind(':')) + '/'},
        };
        const auto end = ok(world.run(detail::run_child(std::move(command), "gcloud", deadline_after(120s))));
        CAPTURE(end.log);
        REQUIRE(end.exit_code == 0);
        return boost::json::parse({end.output.reveal().data(), end.output.reveal().size()});
    };
    const auto text = [](const boost::json::value& value) {
        return value.is_string() ? std::string{value.get_string().data(), value.get_string().size()}
                                 : boost::json::serialize(value);
    };
    const auto listed = gcloud({"functions", "list", "--v2", "--regions=europe-west1"});
    REQUIRE(listed.as_array().size() == 2);
    CHECK(text(listed.at(0).at("name")) == "projects/local-project/locations/europe-west1/functions/blueprint-job-0");
    CHECK(text(listed.at(1).at("state")) == "ACTIVE");
    const auto told = gcloud({"functions", "describe", "blueprint-job-7", "--v2", "--region=europe-west1"});
    CHECK(text(told.at("buildConfig").at("runtime")) == "nodejs22");
    CHECK(text(told.at("buildConfig").at("entryPoint")) == "run");
    const auto& service = told.at("serviceConfig");
    CHECK(text(service.at("availableMemory")) == "512Mi");
    CHECK(text(service.at("minInstanceCount")) == "1");
    CHECK(text(service.at("environmentVariables").at("GREETING")) == "hello");
    CHECK(text(service.at("uri")) == ok(world.run(functions.get_deployment(7))).endpoint);
    CHECK(text(told.at("labels").at("blueprint-job")) == "7");

    // Its commands for Cloud Run put the region before the host's name, whatever the endpoint. So that name has to lead
    // here, in a view of the files of its own, which only root can make.
    if (::geteuid() != 0) return;
    auto run = world.run_executor();
    ok(world.run(run.deploy_job(2, deployed_function(), config)));
    const auto hosts = file("hosts", "127.0.0.1 localhost europe-west1-localhost\n");
    const std::vector<std::string> there{
        "unshare", "--mount", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\"", hosts};
    const auto services = gcloud({"run", "services", "list", "--region=europe-west1"}, there);
    REQUIRE(services.as_array().size() == 3);  // those below the functions too, as at Google
    CHECK(text(services.at(1).at("metadata").at("name")) == "blueprint-job-2");
    const auto shown = gcloud({"run", "services", "describe", "blueprint-job-2", "--region=europe-west1"}, there);
    CHECK(text(shown.at("status").at("url")) == ok(world.run(run.get_deployment(2))).endpoint);
    CHECK(text(shown.at("status").at("conditions").at(0).at("status")) == "True");
    const auto& revision = shown.at("spec").at("template");
    CHECK(text(revision.at("metadata").at("annotations").at("autoscaling.knative.dev/minScale")) == "1");
    CHECK(text(revision.at("spec").at("timeoutSeconds")) == "10");
    const auto& container = revision.at("spec").at("containers").at(0);
    CHECK(text(container.at("image")) == "scratch");
    CHECK(text(container.at("resources").at("limits").at("memory")) == "512Mi");
    CHECK(text(shown.at("metadata").at("labels").at("blueprint-job")) == "2");
}

TEST_CASE("framework: a function that Google's own framework runs answers the executor's calls" *
          doctest::skip(std::getenv("BLUEPRINT_FAAS_FUNCTIONS_FRAMEWORK") == nullptr)) {
    local::GcpOptions options;
    options.functions_framework = std::getenv("BLUEPRINT_FAAS_FUNCTIONS_FRAMEWORK");
    GcpWorld world{std::move(options)};
    auto functions = world.function_executor({.cloud = {.warm_hold = tests::held_long}});
    run_jobs(world, functions);
    ok(world.run(functions.deploy_job(0, deployed_function(), small())));
    CHECK(ok(world.run(functions.health_check(0))).state == HealthState::healthy);
    const auto warmed = ok(world.run(functions.warm(0, 2)));
    CHECK(warmed.instances == 2);
    CHECK((*ok(world.run(functions.invoke({.job_id = 0, .args = number(12)}))).outcome == number(144)));
}
