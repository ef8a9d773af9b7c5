#include "gcp_fixture.hpp"
#include "support/versioned_image.hpp"

#include <boost/json/parse.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace gcp_functions_test {

using namespace blueprint::faas;
using tests::CloudFunctions;
using tests::failed;
using tests::FakeGcp;
using tests::function_options;
using tests::google_options;
using tests::ok;
using tests::program;
using tests::run;
using Lines = std::vector<std::string>;

namespace {

const std::string api = "https://cloudfunctions.googleapis.com/v2/projects/p/locations/europe-west1/";
const std::string function = api + "functions/blueprint-job-0";
const std::string policy = "https://run.googleapis.com/v2/projects/p/locations/europe-west1/services/blueprint-job-0";
const std::string service = "https://blueprint-job-0-abc123-ew.a.run.app";

FaasConfig config(std::uint32_t memory = 512) {
    FaasConfig out;
    out.memory_mib = memory;
    out.timeout = std::chrono::seconds{30};
    out.env_vars = {{"MODE", "fast \"and\" small"}};
    return out;
}
CloudFunctionOptions with_invokers(std::vector<std::string> invokers) {
    auto options = function_options();
    options.cloud.invokers = std::move(invokers);
    return options;
}
bool says(const Error& error, std::string_view text) { return error.message.find(text) != std::string::npos; }
std::size_t count(const Lines& lines, const std::string& line) {
    return static_cast<std::size_t>(std::count(lines.begin(), lines.end(), line));
}

}  // namespace

TEST_CASE("google functions: a new function is uploaded, made, waited for and seen to answer, in this order") {
    CloudFunctions cloud;
    cloud.fake->operations.looks = 2;
    const auto package = program();
    std::vector<DeployProgress> told;
    const auto done = ok(cloud.deploy(package, config(), [&](const DeployProgress& step) { told.push_back(step); }));
    const auto operation = api + "operations/operation-1";
    CHECK((cloud.fake->lines == Lines{"GET " + function, "POST " + api + "functions:generateUploadUrl",
                                      "PUT https://storage.googleapis.com/gcf-v2-uploads-1-europe-west1/source-1.zip",
                                      "POST " + api + "functions", "GET " + operation, "GET " + operation,
                                      "GET " + function, "POST " + policy + ":testIamPermissions",
                                      "GET " + service + "/"}));
    CHECK(done.function_id == "projects/p/locations/europe-west1/functions/blueprint-job-0");
    CHECK(done.endpoint == service);
    CHECK(done.state == DeploymentState::deployed);
    CHECK(done.memory_mib == 512);
    CHECK(done.timeout == std::chrono::seconds{30});
    CHECK(done.revision == "blueprint-job-0-00001");
    CHECK(done.package_sha256 == package.sha256());
    CHECK(done.binary_size_bytes == package.binary_size_bytes());
    CHECK_FALSE(done.unchanged);
    const auto expected =
        R"({"environment":"GEN_2","description":"","labels":{"blueprint-job":"0","blueprint-package-1":")" +
        package.sha256().substr(0, 32) + R"(","blueprint-package-2":")" + package.sha256().substr(32) +
        R"(","blueprint-shim":")" + node_shim_digest() +
        R"(","managed-by":"blueprint-faas"},"buildConfig":{"runtime":"nodejs22","entryPoint":"run","source":)"
        R"({"storageSource":{"bucket":"gcf-v2-uploads-1-europe-west1","object":"source-1.zip"}}},"serviceConfig":)"
        R"({"availableMemory":"512Mi","availableCpu":"1","timeoutSeconds":30,"minInstanceCount":0,)"
        R"("maxInstanceCount":20,"maxInstanceRequestConcurrency":1,"ingressSettings":"ALLOW_ALL",)"
        R"("allTrafficOnLatestRevision":true,"environmentVariables":{"BLUEPRINT_CONCURRENCY":"1",)"
        R"("MODE":"fast \"and\" small"}}})";
    CHECK((boost::json::parse(cloud.fake->bodies[3]) == boost::json::parse(expected)));
    const auto zip = ok(node_function_zip(package));
    CHECK(cloud.fake->bodies[2] == std::string(zip.begin(), zip.end()));
    REQUIRE(!told.empty());
    CHECK(told.front().step == DeployProgress::Step::checking);
    CHECK(told.back().step == DeployProgress::Step::done);
    CHECK(std::any_of(told.begin(), told.end(), [&](const DeployProgress& step) {
        return step.bytes_total == zip.size() && step.bytes_sent == zip.size();
    }));
}

TEST_CASE("google functions: the same package and configuration again make only GETs") {
    auto options = with_invokers({"serviceAccount:deployer@p.iam.gserviceaccount.com"});
    options.cloud.labels = {{"team", "blue"}};
    options.cloud.service_account = "jobs@p.iam.gserviceaccount.com";
    options.cloud.cpu = "2";
    options.cloud.instance_concurrency = 4;
    options.build_service_account = "builder@p.iam.gserviceaccount.com";
    options.description = "squares numbers";
    auto wanted = config();
    wanted.max_concurrency = 8;
    wanted.keep_warm = 1;
    for (const bool invokers : {true, false}) {
        CAPTURE(invokers);
        if (!invokers) options.cloud.invokers.clear();
        CloudFunctions cloud{options};
        ok(cloud.deploy(program(), wanted));
        // What Google spells otherwise, or adds, is no difference.
        auto& there = cloud.fake->function().at("serviceConfig").as_object();
        there["availableMemory"] = "0.5Gi";
        there["availableCpu"] = "2000m";
        there["environmentVariables"].as_object()["LOG_EXECUTION_ID"] = "true";
        cloud.fake->function().at("labels").as_object()["theirs"] = "too";
        cloud.fake->lines.clear();
        const auto again = ok(cloud.deploy(program(), wanted));
        CHECK(again.unchanged);
        for (const auto& line : cloud.fake->lines) CHECK(line.starts_with("GET "));
        CHECK(cloud.fake->lines.size() == (invokers ? 3 : 2));
        CHECK(ok(run(cloud.io, cloud.executor.plan_deploy(0, program(), wanted))).unchanged);
        CHECK(cloud.fake->writes().empty());
    }
}

TEST_CASE("GCP pitfall 9: only what differs is written, by a mask that lists maps whole") {
    auto usual = function_options();
    struct Row {
        std::string what;
        std::function<void(CloudFunctionOptions&, FaasConfig&)> alter;
        std::string mask;
    };
    const std::vector<Row> rows{
        {"memory", [](auto&, FaasConfig& c) { c.memory_mib = 256; }, "serviceConfig.availableMemory"},
        {"cpu", [](CloudFunctionOptions& o, auto&) { o.cloud.cpu = "2"; }, "serviceConfig.availableCpu"},
        {"timeout", [](auto&, FaasConfig& c) { c.timeout = std::chrono::seconds{9}; }, "serviceConfig.timeoutSeconds"},
        {"keep_warm", [](auto&, FaasConfig& c) { c.keep_warm = 2; }, "serviceConfig.minInstanceCount"},
        {"max", [](auto&, FaasConfig& c) { c.max_concurrency = 5; }, "serviceConfig.maxInstanceCount"},
        {"concurrency", [](CloudFunctionOptions& o, auto&) { o.cloud.instance_concurrency = 2; },
         "serviceConfig.maxInstanceRequestConcurrency,serviceConfig.environmentVariables"},
        {"environment", [](auto&, FaasConfig& c) { c.env_vars = {{"OTHER", "x"}}; },
         "serviceConfig.environmentVariables"},
        {"account", [](CloudFunctionOptions& o, auto&) { o.cloud.service_account = "j@p.iam.gserviceaccount.com"; },
         "serviceConfig.serviceAccountEmail"},
        {"builder", [](CloudFunctionOptions& o, auto&) { o.build_service_account = "b@p.iam.gserviceaccount.com"; },
         "buildConfig.serviceAccount"},
        {"ingress", [](CloudFunctionOptions& o, auto&) { o.cloud.ingress = "INGRESS_TRAFFIC_INTERNAL_ONLY"; },
         "serviceConfig.ingressSettings"},
        {"label", [](CloudFunctionOptions& o, auto&) { o.cloud.labels = {{"team", "red"}}; }, "labels"},
        {"description", [](CloudFunctionOptions& o, auto&) { o.description = "new"; }, "description"},
        {"runtime", [](CloudFunctionOptions& o, auto&) { o.runtime = "nodejs24"; },
         "buildConfig.runtime,buildConfig.source"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        CloudFunctions cloud{usual};
        ok(cloud.deploy(program(), config()));
        cloud.fake->function().at("labels").as_object()["theirs"] = "too";
        auto options = usual;
        auto wanted = config();
        row.alter(options, wanted);
        CloudFunctions other{options, cloud.fake};
        ok(other.deploy(program(), wanted));
        REQUIRE(cloud.fake->functions.masks.size() == 1);
        CHECK(cloud.fake->functions.masks.front() == row.mask);
        CHECK(cloud.fake->function().at("labels").as_object().at("theirs").as_string() == "too");
        cloud.fake->lines.clear();
        CHECK(ok(other.deploy(program(), wanted)).unchanged);
        CHECK(cloud.fake->writes().empty());
    }
    CloudFunctions cloud{usual};
    ok(cloud.deploy(program(), config()));
    const auto done = ok(cloud.deploy(program("2"), config()));
    CHECK(cloud.fake->functions.masks.front() == "labels,buildConfig.source");
    CHECK(done.package_sha256 == program("2").sha256());
    const auto& variables = cloud.fake->function().at("serviceConfig").as_object().at("environmentVariables");
    CHECK(variables.as_object().size() == 2);  // an update leaves what it does not name
    // What was taken out of the configuration goes.
    auto fewer = config();
    fewer.env_vars.clear();
    ok(cloud.deploy(program("2"), fewer));
    CHECK(variables.as_object().size() == 1);
}

TEST_CASE(
    "G3, G5: what is uploaded is source for a runtime that exists, to the API's own place, and its refusal counts") {
    CloudFunctions cloud;
    cloud.fake->functions.upload_refusals = 3;  // rights that lag behind
    ok(cloud.deploy(program(), config()));
    CHECK(cloud.fake->functions.uploads.size() == 1);
    const auto put = "PUT https://storage.googleapis.com/gcf-v2-uploads-1-europe-west1/source-1.zip";
    CHECK(count(cloud.fake->lines, put) == 4);

    CloudFunctions refused;
    refused.fake->functions.upload_refusals = 1000;
    const auto error = failed(refused.deploy(program(), config()));
    CHECK(error.code == errc::authentication);
    CHECK(error.platform_code == "AccessDenied");
    CHECK(says(error, "the source could not be uploaded"));
    CHECK_FALSE(says(error, "signature-of"));
    CHECK(refused.fake->functions.all.empty());
}

TEST_CASE("GCP pitfall 7: a signed URL gets the demanded fields, no token, and no other field") {
    CloudFunctions cloud;
    std::string fields;
    cloud.fake->before = [&](std::size_t, const HttpRequest& request) {
        if (request.verb == Verb::put) fields = request.headers.text();
    };
    ok(cloud.deploy(program(), config()));
    CHECK(fields == "Content-Type: application/zip\r\n");
}

TEST_CASE("G4: a change is waited for to its end, whose error is read with the build's own words and log") {
    CloudFunctions cloud;
    cloud.fake->operations.looks = 40;
    cloud.fake->operations.failing = {2, 3, 4, 5, 6, 7, 8, 9};  // more in turn than one look is tried again
    ok(cloud.deploy(program(), config()));
    CHECK(cloud.fake->operations.looked() == 48);

    CloudFunctions broken;
    broken.fake->operations.metadata =
        boost::json::parse(
            R"({"stages":[{"name":"BUILD","state":"COMPLETE","message":"Build failed","resourceUri":)"
            R"("https://console.cloud.google.com/cloud-build/builds/1","stateMessages":[{"severity":"ERROR",)"
            R"("message":"npm error code E404"}]},{"name":"SERVICE","state":"NOT_STARTED"}],)"
            R"("buildName":"projects/1/locations/europe-west1/builds/b-1"})")
            .as_object();
    broken.fake->operations.next_failure = {{"code", 3}, {"message", "Build failed with status: FAILURE"}};
    const auto error = failed(broken.deploy(program(), config()));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(says(error, "blueprint-job-0: Build failed with status: FAILURE"));
    CHECK(says(error, "npm error code E404"));
    CHECK(says(error, "https://console.cloud.google.com/cloud-build/builds/1"));
    CHECK(says(error, "projects/1/locations/europe-west1/builds/b-1"));
}

TEST_CASE("GCP pitfall 6, 8 and 13: failures that many meet say what to do") {
    const auto advice = [](const std::string& message) {
        CloudFunctions cloud;
        cloud.fake->operations.next_failure = {{"code", 3}, {"message", message}};
        return failed(cloud.deploy(program(), config()));
    };
    CHECK(says(advice("Build failed: 1-compute@developer.gserviceaccount.com does not have storage.objects.get access"),
               "build_service_account"));
    CHECK(says(advice("Container failed to start and listen on the port defined provided by the PORT=8080"),
               "runs on x86_64"));
    CHECK(says(advice("fetcher image: denied by artifactregistry"), "Cloud Run needs no build"));
}

TEST_CASE(
    "google functions: a function that failed is told with its messages, and written anew by the next deployment") {
    CloudFunctions cloud;
    cloud.fake->operations.next_failure = {{"code", 13}, {"message", "internal"}};
    cloud.fake->functions.next_state_message = "Cloud Run service was not found";
    failed(cloud.deploy(program(), config()));
    const auto there = ok(run(cloud.io, cloud.executor.get_deployment(0)));
    CHECK(there.state == DeploymentState::failed);
    CHECK(there.problem == "it is FAILED: CloudRunServiceNotFound: Cloud Run service was not found");
    const auto health = ok(run(cloud.io, cloud.executor.health_check(0)));
    CHECK(health.state == HealthState::unhealthy);
    CHECK(health.reason == there.problem);
    const auto plan = ok(run(cloud.io, cloud.executor.plan_deploy(0, program(), config())));
    CHECK_FALSE(plan.unchanged);
    const auto done = ok(cloud.deploy(program(), config()));
    CHECK(done.state == DeploymentState::deployed);
    REQUIRE(cloud.fake->functions.masks.size() == 1);
    CHECK(cloud.fake->functions.masks.front().starts_with("description,labels,buildConfig.runtime"));
    CHECK(cloud.fake->functions.masks.front().find("buildConfig.source") != std::string::npos);
}

TEST_CASE("GCP pitfall 15: a change for which Google lacks resources is asked for again") {
    CloudFunctions cloud;
    int failures = 3;
    cloud.fake->before = [&](std::size_t, const HttpRequest& request) {
        const bool change = request.verb == Verb::patch || request.target.find("functionId=") != std::string::npos;
        if (change && failures-- > 0)
            cloud.fake->operations.next_failure = {{"code", 8}, {"message", "Quota exceeded for total CPU"}};
    };
    // A create leaves the function behind, so the same request again is a conflict; then it is changed instead.
    ok(cloud.deploy(program(), config()));
    CHECK(failures <= 0);
    CHECK(cloud.fake->function().at("state").as_string() == "ACTIVE");
}

TEST_CASE("google functions: a change that is refused for another one is asked for again, and not for ever") {
    CloudFunctions cloud;
    ok(cloud.deploy(program(), config()));
    cloud.fake->more = [](const tests::gcp::Call&, const HttpRequest& request) -> std::optional<FakeGcp::Answer> {
        if (request.verb != Verb::patch) return std::nullopt;
        return tests::gcp::error(409, "ABORTED", "unable to queue the operation");
    };
    cloud.fake->lines.clear();
    const auto error = failed(cloud.deploy(program(), config(1024)));
    CHECK(error.code == errc::conflict);
    CHECK(says(error, "unable to queue the operation"));
    CHECK(count(cloud.fake->lines, "PATCH " + function) == 8);
    cloud.fake->more = nullptr;
    ok(cloud.deploy(program(), config(1024)));
}

TEST_CASE("G7, GCP pitfall 5: callers are bound on the Cloud Run service, once, and a change meanwhile is met") {
    const std::string deployer = "serviceAccount:deployer@p.iam.gserviceaccount.com";
    auto options = with_invokers({deployer, "group:callers@example.com"});
    CloudFunctions cloud{options};
    cloud.fake->iam.inherited = false;
    cloud.fake->iam.conflicts = 2;
    cloud.fake->iam.lag = 4;
    ok(cloud.deploy(program(), config()));
    CHECK(count(cloud.fake->lines, "POST " + policy + ":setIamPolicy") == 3);
    CHECK(count(cloud.fake->lines, "GET " + service + "/") == 5);
    for (const auto& line : cloud.fake->lines) CHECK(line.find("functions/blueprint-job-0:") == std::string::npos);
    const auto& bound = cloud.fake->iam.policies.begin()->second.at("bindings").as_array();
    REQUIRE(bound.size() == 1);
    CHECK(bound[0].as_object().at("members").as_array().size() == 2);
    cloud.fake->lines.clear();
    CHECK(ok(cloud.deploy(program(), config())).unchanged);
    CHECK(cloud.fake->writes().empty());
    // Somebody took a caller away: a deployment of the same adds it again, and that is a change.
    cloud.fake->iam.policies.begin()->second["bindings"] = boost::json::array{};
    CHECK_FALSE(ok(cloud.deploy(program(), config())).unchanged);
    CHECK(cloud.fake->writes().size() == 1);
    ok(run(cloud.io, cloud.executor.check_invoke(0)));
}

TEST_CASE("G7: without named callers, whoever deploys must be one; with them, others may be") {
    CloudFunctions nobody;
    nobody.fake->iam.inherited = false;
    const auto error = failed(nobody.deploy(program(), config()));
    CHECK(error.code == errc::authentication);
    CHECK(says(error, "GoogleCloudOptions::invokers"));
    CHECK(nobody.fake->function().at("state").as_string() == "ACTIVE");              // the deployment itself stays
    CHECK(failed(nobody.deploy(program(), config())).code == errc::authentication);  // and does not pass as unchanged
    CHECK(failed(run(nobody.io, nobody.executor.check_invoke(0))).code == errc::authentication);

    CloudFunctions others{with_invokers({"serviceAccount:caller@p.iam.gserviceaccount.com"})};
    others.fake->iam.inherited = false;
    ok(others.deploy(program(), config()));
    CHECK(ok(others.deploy(program(), config())).unchanged);

    // A user may deploy for others, and has no ID tokens to call with.
    tests::TwoTokens user;
    user.no_id_tokens = true;
    CloudFunctions by_user{
        with_invokers({"serviceAccount:caller@p.iam.gserviceaccount.com"}), std::make_shared<FakeGcp>(), {}, user};
    ok(by_user.deploy(program(), config()));

    // Google's organisation policies may forbid members.
    CloudFunctions forbidden{with_invokers({"allUsers"})};
    forbidden.fake->more = [](const tests::gcp::Call& call, const HttpRequest&) -> std::optional<FakeGcp::Answer> {
        if (!call.path.ends_with(":setIamPolicy")) return std::nullopt;
        return tests::gcp::error(400, "FAILED_PRECONDITION",
                                 "One or more users do not belong to a permitted customer.");
    };
    const auto why = failed(forbidden.deploy(program(), config()));
    CHECK(says(why, "is deployed, and who may call was not set"));
    CHECK(says(why, "organisation"));
}

TEST_CASE("C8: a deployment ends when the function answers, not before, and says so if it never does") {
    CloudFunctions cloud;
    int silent = 6;
    cloud.fake->more = [&](const tests::gcp::Call& call, const HttpRequest&) -> std::optional<FakeGcp::Answer> {
        if (!call.host.ends_with(".run.app") || silent-- <= 0) return std::nullopt;
        return tests::gcp::page(404, "Error: Page not found");
    };
    ok(cloud.deploy(program(), config()));
    CHECK(count(cloud.fake->lines, "GET " + service + "/") == 7);
    silent = 1'000'000;
    const auto error = failed(cloud.deploy(program("2"), config()));
    CHECK(error.code == errc::not_found);
    CHECK(says(error, "blueprint-job-0 is deployed and does not answer"));
    // Where this network may not be let in, nothing is concluded from silence.
    auto inside = function_options();
    inside.cloud.ingress = "INGRESS_TRAFFIC_INTERNAL_ONLY";
    CloudFunctions internal{inside, cloud.fake};
    ok(internal.deploy(program("2"), config()));
}

TEST_CASE("C11: whatever is no 404 of the API's own is an error of a deployment, and nothing is written") {
    for (const auto& refusal :
         {tests::gcp::error(403, "PERMISSION_DENIED", "no"), tests::gcp::page(404, "Not Found"),
          tests::gcp::error(429, "RESOURCE_EXHAUSTED", "slow"), tests::gcp::page(502, "Bad Gateway")}) {
        CAPTURE(refusal.status);
        CloudFunctions cloud;
        cloud.fake->more = [&](const tests::gcp::Call&, const HttpRequest&) {
            return std::optional<FakeGcp::Answer>{refusal};
        };
        failed(cloud.deploy(program(), config()));
        CHECK(cloud.fake->writes().empty());
        CHECK(failed(run(cloud.io, cloud.executor.get_deployment(0))).http_status == refusal.status);
    }
}

TEST_CASE(
    "google functions: a deployment fails or ends well, whichever of its exchanges does, and the next one mends it") {
    const auto options = with_invokers({"serviceAccount:deployer@p.iam.gserviceaccount.com"});
    for (const bool exists : {false, true}) {
        for (const auto fault : {FakeGcp::Fault::refused, FakeGcp::Fault::lost}) {
            for (std::size_t at = 1;; ++at) {
                CAPTURE(exists);
                CAPTURE(at);
                CloudFunctions cloud{options};
                cloud.fake->iam.inherited = false;
                if (exists) ok(cloud.deploy(program(), config()));
                cloud.fake->lines.clear();
                cloud.fake->fault_at = at;
                cloud.fake->fault = fault;
                const auto outcome = cloud.deploy(program("2"), config(1024));
                const bool met = cloud.fake->lines.size() >= at;
                if (fault == FakeGcp::Fault::lost || !met) {
                    if (!outcome) FAIL(outcome.error().message);
                } else if (outcome) {  // the upload and the function itself may be refused for a while
                    CHECK((cloud.fake->lines[at - 1].starts_with("PUT ") ||
                           cloud.fake->lines[at - 1].ends_with(".run.app/")));
                } else {
                    CHECK_FALSE(outcome.error().message.empty());
                }
                cloud.fake->fault_at = 0;
                ok(cloud.deploy(program("2"), config(1024)));
                CHECK(cloud.fake->function().at("state").as_string() == "ACTIVE");
                CHECK(cloud.fake->function().at("serviceConfig").as_object().at("availableMemory").as_string() ==
                      "1024Mi");
                CHECK(ok(cloud.deploy(program("2"), config(1024))).unchanged);
                if (!met) break;
            }
        }
    }
}

TEST_CASE("google functions: of two deployments at once one goes ahead, and the other says that it was overtaken") {
    const auto shared = std::make_shared<FakeGcp>();
    CloudFunctions first{function_options(), shared};
    CloudFunctions second{function_options(), shared};
    bool overtaken = false;
    shared->before = [&](std::size_t, const HttpRequest& request) {
        if (overtaken || request.target.find("functionId=") == std::string::npos) return;
        overtaken = true;
        ok(second.deploy(program("theirs"), config()));
    };
    const auto error = failed(first.deploy(program("ours"), config()));
    CHECK(error.code == errc::conflict);
    CHECK(says(error, "somebody else is deploying it"));
    CHECK(ok(run(first.io, first.executor.get_deployment(0))).package_sha256 == program("theirs").sha256());
    // The same by somebody else is what was wanted.
    shared->before = nullptr;
    shared->functions.all.clear();
    overtaken = false;
    shared->before = [&](std::size_t, const HttpRequest& request) {
        if (overtaken || request.target.find("functionId=") == std::string::npos) return;
        overtaken = true;
        ok(second.deploy(program("ours"), config()));
    };
    ok(first.deploy(program("ours"), config()));
}

TEST_CASE("google functions: what the platform cannot run is refused before anything is sent") {
    CloudFunctions cloud;
    const auto refused = [&](CloudFunctionOptions options, const Package& package, const FaasConfig& wanted) {
        CloudFunctions other{std::move(options), cloud.fake};
        const auto error = failed(other.deploy(package, wanted));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(error.execution == Execution::not_started);
        CHECK(cloud.fake->lines.empty());
        return error;
    };
    blueprint::faas::test::ElfImage image;
    image.machine = 183;
    PackageOptions arm;
    arm.architecture = Architecture::aarch64;
    CHECK(
        says(refused(function_options(), ok(Package::from_binary(blueprint::faas::test::build(image), arm)), config()),
             "x86_64"));
    PackageOptions script;
    script.allow_script = true;
    const std::string text = "#!/bin/sh\n";
    CHECK(says(refused(function_options(), ok(Package::from_binary(Bytes{text.begin(), text.end()}, script)), config()),
               "no ELF executable"));
    auto options = function_options();
    options.runtime = "python312";
    CHECK(says(refused(options, program(), config()), "CloudFunctionOptions::runtime"));
    options = function_options();
    options.build_service_account = "builder";
    CHECK(says(refused(options, program(), config()), "build_service_account"));
    options = function_options();
    options.cloud.ingress = "INGRESS_TRAFFIC_NONE";
    CHECK(says(refused(options, program(), config()), "ingress"));
    options = function_options();
    options.cloud.project = "";
    options.cloud.job_urls = {{JobId{0U}, service}};
    CHECK(says(refused(options, program(), config()), "GoogleCloudOptions::project"));
    CHECK(says(refused(function_options(), program(), config(64)), "memory_mib is 64"));
}

TEST_CASE("google functions: a program that needs a newer glibc is refused by older runtimes alone") {
    PackageOptions for_google;
    for_google.architecture = Architecture::x86_64;
    const auto recent = ok(Package::from_binary(
        blueprint::faas::test::build(blueprint::faas::test::VersionedImage{.versions = {"GLIBC_2.38"}}), for_google));
    auto options = function_options();
    for (const auto* runtime : {"nodejs18", "nodejs22"}) {
        CAPTURE(runtime);
        options.runtime = runtime;
        CloudFunctions older{options};
        const auto error = failed(older.deploy(recent, config()));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(says(error, "needs glibc 2.38, and " + options.runtime + " has 2.35"));
        CHECK(older.fake->lines.empty());
    }
    options.runtime = "nodejs24";
    CloudFunctions newer{options};
    ok(newer.deploy(recent, config()));
    CHECK(newer.fake->function().at("buildConfig").as_object().at("runtime").as_string() == "nodejs24");
}

TEST_CASE("google functions: removing waits for the end, and what is not there is no error") {
    CloudFunctions cloud;
    ok(run(cloud.io, cloud.executor.undeploy_job(0)));
    ok(cloud.deploy(program(), config()));
    cloud.fake->operations.looks = 3;
    ok(run(cloud.io, cloud.executor.undeploy_job(0)));
    CHECK(cloud.fake->functions.all.empty());
    // Its URL is forgotten.
    cloud.fake->lines.clear();
    CHECK(failed(cloud.invoke(JobCall{})).code == errc::not_found);
    CHECK(cloud.fake->lines.size() == 1);
    for (const auto fault : {FakeGcp::Fault::refused, FakeGcp::Fault::lost}) {
        for (std::size_t at = 1; at <= 4; ++at) {
            CAPTURE(at);
            CloudFunctions other;
            ok(other.deploy(program(), config()));
            other.fake->operations.looks = 2;
            other.fake->lines.clear();
            other.fake->fault_at = at;
            other.fake->fault = fault;
            const auto removed = run(other.io, other.executor.undeploy_job(0));
            CHECK(removed.has_value() == (fault == FakeGcp::Fault::lost || at == 4));
            if (removed) CHECK(other.fake->functions.all.empty());
        }
    }
}

TEST_CASE("google functions: jobs are listed over all pages, others are left out, and a gap is an error") {
    CloudFunctions cloud;
    for (const unsigned id : {0U, 3U, 12U}) ok(run(cloud.io, cloud.executor.deploy_job(id, program(), config(), {})));
    auto stranger = cloud.fake->function();
    stranger["name"] = "projects/p/locations/europe-west1/functions/other-job-1";
    cloud.fake->functions.all[std::string{stranger.at("name").as_string()}] = stranger;
    auto old = cloud.fake->function();
    old["name"] = "projects/p/locations/europe-west1/functions/blueprint-job-5";
    old["environment"] = "GEN_1";
    cloud.fake->functions.all[std::string{old.at("name").as_string()}] = old;
    cloud.fake->lines.clear();
    std::vector<unsigned> ids;
    for (const auto& one : ok(run(cloud.io, cloud.executor.list_deployments()))) ids.push_back(one.job_id.value());
    std::sort(ids.begin(), ids.end());
    CHECK(ids == std::vector<unsigned>{0, 3, 12});
    CHECK(cloud.fake->lines.size() == 3);
    CHECK(failed(run(cloud.io, cloud.executor.deploy_job(5, program(), config(), {}))).code == errc::conflict);
    cloud.fake->more = [](const tests::gcp::Call&, const HttpRequest&) {
        return std::optional<FakeGcp::Answer>{
            tests::gcp::reply(200, {{"functions", boost::json::array{}}, {"unreachable", {"europe-west1"}}})};
    };
    CHECK(failed(run(cloud.io, cloud.executor.list_deployments())).code == errc::infrastructure);
}

TEST_CASE("C12: health is the function's own answer, and says why not") {
    CloudFunctions cloud;
    const auto health = [&] { return ok(run(cloud.io, cloud.executor.health_check(0))); };
    CHECK(health().state == HealthState::absent);
    ok(cloud.deploy(program(), config()));
    CHECK(health().state == HealthState::healthy);
    cloud.fake->iam.inherited = false;
    CHECK(health().state == HealthState::unhealthy);
    CHECK(health().reason.find("roles/run.invoker") != std::string::npos);
    cloud.fake->iam.inherited = true;
    cloud.fake->more = [](const tests::gcp::Call& call, const HttpRequest&) -> std::optional<FakeGcp::Answer> {
        if (!call.host.ends_with(".run.app")) return std::nullopt;
        return HttpResponse{.status = 200, .body = "<html>another program</html>"};
    };
    CHECK(health().state == HealthState::unhealthy);
    CHECK(health().reason == "something answers there, but not as serve() does");
    cloud.fake->more = [](const tests::gcp::Call& call, const HttpRequest&) -> std::optional<FakeGcp::Answer> {
        if (!call.host.ends_with(".run.app")) return std::nullopt;
        return HttpResponse{.status = 200, .body = R"({"status":"about to end"})"};
    };
    CHECK(health().state == HealthState::unhealthy);
    CHECK(health().reason == "the function says: about to end");
    cloud.fake->more = nullptr;
    cloud.fake->function()["state"] = "DEPLOYING";
    CHECK(health().state == HealthState::deploying);
    cloud.fake->fault_at = cloud.fake->lines.size() + 1;
    CHECK(failed(run(cloud.io, cloud.executor.health_check(0))).code == errc::authentication);
}

TEST_CASE("C13: warming makes marked calls at once, which run no job, and counts instances") {
    auto options = function_options();
    options.cloud.instance_concurrency = 2;
    CloudFunctions cloud{options};
    ok(cloud.deploy(program(), config()));
    int jobs = 0;
    cloud.fake->invoked = [&](const HttpRequest&) { return ++jobs, HttpResponse{.status = 200}; };
    cloud.fake->lines.clear();
    const auto report = ok(run(cloud.io, cloud.executor.warm(0, 3)));
    CHECK(report.supported);
    CHECK(report.requested == 3);
    CHECK(cloud.fake->lines.size() == 6);  // two calls keep an instance busy
    CHECK(report.instances == 6);
    CHECK(jobs == 0);
    CHECK(ok(run(cloud.io, cloud.executor.warm(0, 500))).reason.find("100") != std::string::npos);
    cloud.fake->fault_at = cloud.fake->lines.size() + 2;
    const auto partly = ok(run(cloud.io, cloud.executor.warm(0, 2)));
    CHECK(partly.reason.find("1 of 4 calls failed") != std::string::npos);
    cloud.fake->more = [](const tests::gcp::Call&, const HttpRequest&) {
        return std::optional<FakeGcp::Answer>{HttpResponse{.status = 200, .body = "hello"}};
    };
    CHECK_FALSE(ok(run(cloud.io, cloud.executor.warm(0, 1))).supported);
    CloudFunctions absent;
    CHECK(failed(run(absent.io, absent.executor.warm(0, 1))).code == errc::not_found);
}

TEST_CASE("google functions: a plan tells the requests of a deployment and makes no change") {
    CloudFunctions cloud{with_invokers({"allUsers"})};
    const auto plan = ok(run(cloud.io, cloud.executor.plan_deploy(0, program(), config())));
    CHECK_FALSE(plan.unchanged);
    Lines planned;
    for (const auto& call : plan.calls)
        if (call.writes) planned.push_back(call.what.substr(0, call.what.find('?')));
    CHECK((planned == Lines{"POST " + api + "functions:generateUploadUrl", "PUT UPLOAD_URL",
                            "POST " + api + "functions", "POST " + policy + ":setIamPolicy"}));
    CHECK(cloud.fake->writes().empty());
    ok(cloud.deploy(program(), config()));
    CHECK(ok(run(cloud.io, cloud.executor.plan_deploy(0, program(), config()))).unchanged);
    const auto smaller = ok(run(cloud.io, cloud.executor.plan_deploy(0, program(), config(256))));
    CHECK(std::count_if(smaller.calls.begin(), smaller.calls.end(), [](const auto& call) { return call.writes; }) == 1);
    CHECK(smaller.calls[1].what == "PATCH " + function + "?updateMask=serviceConfig.availableMemory");
    const auto about = ok(run(cloud.io, cloud.executor.describe_platform()));
    CHECK(about.limit("memory_mb.max") == 32'768);
    CHECK(about.limit("request_bytes") == 33'554'432);
}

TEST_CASE("a list of functions that holds something else is none, and not a shorter one") {
    using detail::GoogleFunctions;
    for (const auto* body :
         {R"({"functions":"f"})", R"({"functions":{}})", R"({"functions":[7]})", R"({"functions":[{"name":7}]})"}) {
        HttpResponse answer{.status = 200};
        answer.body = body;
        CAPTURE(body);
        CHECK(failed(GoogleFunctions::read_page(answer)).code == errc::serialization);
    }
    HttpResponse none{.status = 200, .body = "{}"};
    CHECK(ok(GoogleFunctions::read_page(none)).functions.empty());
}

}  // namespace gcp_functions_test
