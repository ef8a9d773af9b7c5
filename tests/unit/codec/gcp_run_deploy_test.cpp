#include "blueprint/faas/package/tar.hpp"
#include "gcp_run_fixture.hpp"
#include "support/versioned_image.hpp"

#include <boost/json/parse.hpp>
#include <doctest/doctest.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gcp_run_deploy_test {

using namespace blueprint::faas;
using tests::bucket_url;
using tests::CloudRun;
using tests::count;
using tests::failed;
using tests::FakeRun;
using tests::google_options;
using tests::ok;
using tests::program;
using tests::run;
using tests::run_api;
using tests::run_options;
using tests::run_service;
using tests::says;
namespace faas = blueprint::faas;
namespace json = boost::json;

namespace {

using Lines = std::vector<std::string>;
using tests::gcp::Object;
using tests::gcp::text;

Object last_patch(const FakeRun& fake) {
    for (auto at = fake.lines.size(); at-- > 0;)
        if (fake.lines[at].starts_with("PATCH ")) return json::parse(fake.bodies[at]).as_object();
    FAIL("no service was changed");
    return {};
}
std::size_t writes_after(const CloudRun& cloud, std::size_t lines) { return cloud.fake->writes(lines).size(); }

FaasConfig config_with(std::uint32_t memory_mib) {
    FaasConfig config;
    config.memory_mib = memory_mib;
    return config;
}

}  // namespace

TEST_CASE("google run: the first deployment makes bucket, object and service, and waits until it answers") {
    CloudRun cloud;
    Lines steps;
    FaasConfig config;
    config.env_vars.emplace("COLOUR", Secret{"blue"});
    const auto deployment =
        ok(cloud.deploy(program(), config, [&](const DeployProgress& step) { steps.push_back(step.detail); }));
    CHECK((cloud.fake->lines ==
           Lines{"GET " + run_service, "GET https://storage.googleapis.com/storage/v1/b",
                 "POST https://storage.googleapis.com/storage/v1/b",
                 "POST https://storage.googleapis.com/upload/storage/v1/b/blueprint-p-europe-west1/o",
                 "POST " + run_api + "services", "GET " + run_api + "operations/operation-1", "GET " + run_service,
                 "POST " + run_service + ":testIamPermissions", "GET https://blueprint-job-0-abc.a.run.app/",
                 "GET " + run_service + "/revisions"}));
    CHECK(deployment.endpoint == "https://blueprint-job-0-abc.a.run.app");
    CHECK(deployment.function_id == "projects/p/locations/europe-west1/services/blueprint-job-0");
    CHECK(deployment.revision == "blueprint-job-0-00001-abc");
    CHECK(deployment.package_sha256 == program().sha256());
    CHECK(deployment.state == DeploymentState::deployed);
    CHECK(deployment.memory_mib == 512U);
    CHECK((deployment.timeout == std::chrono::seconds{300}));
    CHECK_FALSE(deployment.unchanged);
    CHECK(count(steps, "bytes to gs://blueprint-p-europe-west1") > 0);
    const auto& bucket = cloud.fake->storage.made.at("blueprint-p-europe-west1");
    CHECK(text(bucket, "location") == "europe-west1");
    CHECK(bucket.at("iamConfiguration").at("uniformBucketLevelAccess").at("enabled").as_bool());
    CHECK(text(bucket.at("iamConfiguration").as_object(), "publicAccessPrevention") == "enforced");
}

TEST_CASE("GCP pitfall 14: without a build a service has no image, Google's base, and a program that can be run") {
    CloudRun cloud;
    ok(cloud.deploy(program()));
    const auto& container = cloud.fake->container();
    CHECK(text(container, "image") == "scratch");
    CHECK(text(container, "baseImageUri") == "osonly24");
    CHECK((container.at("command") == json::array{"./bootstrap"}));
    CHECK(container.at("resources").at("cpuIdle").as_bool());
    CHECK(container.at("resources").at("startupCpuBoost").as_bool());
    CHECK((container.at("resources").at("limits") == Object{{"cpu", "1"}, {"memory", "512Mi"}}));
    CHECK(container.at("startupProbe").at("failureThreshold").as_int64() == 60);
    CHECK(container.at("startupProbe").at("tcpSocket").at("port").as_int64() == 8080);
    const auto& source = container.at("sourceCode").at("cloudStorageSource").as_object();
    CHECK(text(source, "bucket") == "blueprint-p-europe-west1");
    CHECK_FALSE(source.contains("generation"));
    REQUIRE(cloud.fake->objects().size() == 1);
    const auto& [name, bytes] = *cloud.fake->objects().begin();
    CHECK(name == text(source, "object"));
    CHECK(name == "services/blueprint-job-0/20260102-030405-00000001-" + program().sha256().substr(0, 16) + ".tar.gz");
    const auto files = ok(read_tar_gz(detail::bytes_of(bytes)));
    REQUIRE(files.size() == 1);
    CHECK(files[0].path == "bootstrap");
    CHECK(files[0].mode == 0755);
}

TEST_CASE("GCP pitfall 10: the numbers of instances are always sent, and G6: they are what was asked for") {
    CloudRun cloud;
    ok(cloud.deploy(program()));
    CHECK(cloud.fake->service().at("scaling").at("maxInstanceCount").as_int64() == 20);
    auto options = google_options();
    options.instance_concurrency = 8;
    CloudRun other{run_options(options), cloud.fake};
    FaasConfig config;
    config.max_concurrency = 24;
    config.keep_warm = 2;
    ok(other.deploy(program(), config));
    CHECK(cloud.fake->service().at("scaling").at("maxInstanceCount").as_int64() == 3);
    CHECK(cloud.fake->service().at("scaling").at("minInstanceCount").as_int64() == 2);
    CHECK(cloud.fake->service().at("template").at("maxInstanceRequestConcurrency").as_int64() == 8);
    CHECK(
        (cloud.fake->container().at("env") == json::array{Object{{"name", "BLUEPRINT_CONCURRENCY"}, {"value", "8"}}}));
    config.max_concurrency = 25;
    const auto lines = cloud.fake->lines.size();
    CHECK(failed(other.deploy(program(), config)).code == errc::invalid_configuration);
    CHECK(cloud.fake->lines.size() == lines);
}

TEST_CASE("google run: a program that needs a newer glibc than Cloud Run has is refused by Google alone") {
    const auto recent = ok(Package::from_binary(
        blueprint::faas::test::build(blueprint::faas::test::VersionedImage{.versions = {"GLIBC_2.42"}})));
    CloudRun google;
    const auto error = failed(google.deploy(recent));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(says(error, "needs glibc 2.42, and Cloud Run's base image (Ubuntu 24.04) has 2.39"));
    CHECK(google.fake->lines.empty());

    // Elsewhere, such as in the local cloud, it runs on whatever that machine has.
    auto options = run_options();
    options.cloud.universe_domain = "cloud.example";
    options.cloud.run_endpoint = "https://run.googleapis.com";  // in that universe a stranger's
    options.cloud.storage_endpoint = "https://storage.googleapis.com";
    CloudRun elsewhere{options};
    CHECK_FALSE(ok(run(elsewhere.io, elsewhere.executor.plan_deploy(0, recent, FaasConfig{}))).unchanged);
    ok(elsewhere.deploy(recent));
}

TEST_CASE("google run: a service that somebody set to a fixed number of instances is scaled by its calls again") {
    CloudRun cloud;
    ok(cloud.deploy(program()));
    cloud.fake->service()["scaling"] = Object{
        {"scalingMode", "MANUAL"}, {"manualInstanceCount", 3}, {"minInstanceCount", 0}, {"maxInstanceCount", 20}};
    CHECK_FALSE(ok(cloud.deploy(program())).unchanged);
    CHECK((cloud.fake->service().at("scaling") ==
           Object{{"scalingMode", "AUTOMATIC"}, {"minInstanceCount", 0}, {"maxInstanceCount", 20}}));
    CHECK(cloud.fake->services.revisions.size() == 1);
    CHECK(ok(cloud.deploy(program())).unchanged);
}

TEST_CASE("google run: what is as wanted is only looked at") {
    auto options = google_options();
    options.invokers = {"serviceAccount:caller@p.iam.gserviceaccount.com"};
    options.service_account = "jobs@p.iam.gserviceaccount.com";
    options.labels = {{"team", "a"}};
    for (const bool invokers : {false, true}) {
        CAPTURE(invokers);
        if (!invokers) options.invokers.clear();
        auto whole = run_options(options);
        whole.description = "a job";
        whole.execution_environment = "EXECUTION_ENVIRONMENT_GEN2";
        options.invokers = {"serviceAccount:caller@p.iam.gserviceaccount.com"};
        CloudRun cloud{whole};
        FaasConfig config = config_with(1024);
        config.env_vars.emplace("A", Secret{"1"});
        config.keep_warm = 1;
        ok(cloud.deploy(program(), config));
        const auto lines = cloud.fake->lines.size();
        // Google spells some of it in its own way.
        auto& container = cloud.fake->container();
        container["baseImageUri"] = "europe-west1-docker.pkg.dev/serverless-runtimes/google-24/osonly24:latest";
        container["resources"].as_object()["limits"] = Object{{"cpu", "1000m"}, {"memory", "1Gi"}};
        const auto again = ok(cloud.deploy(program(), config));
        CHECK(again.unchanged);
        CHECK(writes_after(cloud, lines) == 0);
        for (auto at = lines; at < cloud.fake->lines.size(); ++at) CHECK(cloud.fake->lines[at].starts_with("GET "));
        CHECK(again.package_sha256 == program().sha256());
    }
}

TEST_CASE("google run: only the parts that differ are written, maps as a whole (GCP pitfall 9)") {
    CloudRun cloud;
    ok(cloud.deploy(program()));
    std::string target;
    cloud.fake->before = [&](std::size_t, const HttpRequest& request) {
        if (request.verb == Verb::patch) target = request.target.substr(request.target.find('?') + 1);
    };
    const auto first = cloud.fake->object();
    FaasConfig config;
    config.keep_warm = 1;
    ok(cloud.deploy(program(), config));
    CHECK(target == "updateMask=scaling");
    CHECK(cloud.fake->services.revisions.size() == 1);
    config.env_vars.emplace("A", Secret{"1"});
    ok(cloud.deploy(program(), config));
    CHECK(target == "updateMask=template");
    CHECK(cloud.fake->services.revisions.size() == 2);
    CHECK(cloud.fake->object() != first);  // what Cloud Run is given it takes by its name
    const auto deployment = ok(cloud.deploy(program("2"), config));
    CHECK(target == "updateMask=labels,template");
    CHECK(deployment.package_sha256 == program("2").sha256());
    auto options = run_options();
    options.description = "new";
    options.cloud.ingress = "INGRESS_TRAFFIC_INTERNAL_ONLY";
    CloudRun other{options, cloud.fake};
    ok(other.deploy(program("2"), config));
    CHECK(target == "updateMask=description,ingress");
    options.cloud.service_account = "jobs@p.iam.gserviceaccount.com";
    CloudRun as_another{options, cloud.fake};
    ok(as_another.deploy(program("2"), config));
    CHECK(target == "updateMask=template");
    CHECK(text(cloud.fake->service()["template"].as_object(), "serviceAccount") == options.cloud.service_account);
}

TEST_CASE("google run: what others have set stays, and nothing is sent that is Google's to tell") {
    CloudRun cloud;
    ok(cloud.deploy(program()));
    auto& service = cloud.fake->service();
    service["labels"].as_object()["theirs"] = "stays";
    auto& settings = service["template"].as_object();
    settings["vpcAccess"] = Object{{"connector", "c"}};
    settings["annotations"] = Object{{"theirs", "stays"}};
    settings["revision"] = "blueprint-job-0-00001-abc";
    cloud.fake->container()["buildInfo"] = Object{{"functionTarget", "f"}};
    cloud.fake->container()["name"] = "worker";
    cloud.fake->container()["volumeMounts"] = json::array{Object{{"name", "v"}, {"mountPath", "/v"}}};
    ok(cloud.deploy(program("2"), config_with(1024)));
    CHECK(text(cloud.fake->service()["labels"].as_object(), "theirs") == "stays");
    const auto& now = cloud.fake->service()["template"].as_object();
    CHECK((now.at("vpcAccess") == Object{{"connector", "c"}}));
    CHECK((now.at("annotations") == Object{{"theirs", "stays"}}));
    CHECK(text(cloud.fake->container(), "name") == "worker");
    CHECK(cloud.fake->container().contains("volumeMounts"));
    CHECK(text(cloud.fake->container().at("resources").at("limits").as_object(), "memory") == "1024Mi");
    // The etag says which state the change is based on.
    CHECK_FALSE(text(last_patch(*cloud.fake), "etag").empty());
}

TEST_CASE("C8: a revision that cannot start is told with its own reason, and never gets calls (GCP pitfall 8)") {
    CloudRun cloud;
    ok(cloud.deploy(program()));
    cloud.fake->services.failing_reason = "HEALTH_CHECK_CONTAINER_ERROR";
    cloud.fake->services.failing_message =
        "The user-provided container failed to start and listen on the port defined provided by the PORT=8080 "
        "environment variable.";
    const auto error = failed(cloud.deploy(program("2")));
    CAPTURE(error.message);
    CHECK(error.code == errc::invocation_failed);
    CHECK(error.platform_code == "HEALTH_CHECK_CONTAINER_ERROR");
    CHECK(says(error, "blueprint-job-0-00002-abc"));
    CHECK(says(error, "failed to start and listen on the port"));
    CHECK(says(error, "0.0.0.0"));
    CHECK(says(error, "its log: https://console.cloud.google.com/logs/blueprint-job-0-00002-abc"));
    CHECK(says(error, "calls still reach blueprint-job-0-00001-abc"));
    CHECK((cloud.fake->services.shares() == std::map<std::string, std::int64_t>{{"blueprint-job-0-00001-abc", 100}}));
    const auto there = ok(run(cloud.io, cloud.executor.get_deployment(0)));
    CHECK(there.state == DeploymentState::failed);
    CHECK(there.revision == "blueprint-job-0-00001-abc");
    CHECK(there.package_sha256.empty());  // of the revision that gets calls it is not told

    // The same again is not taken for deployed: it is tried anew.
    cloud.fake->services.failing_reason.clear();
    const auto mended = ok(cloud.deploy(program("2")));
    CHECK(mended.revision == "blueprint-job-0-00003-abc");
    CHECK((cloud.fake->services.shares() == std::map<std::string, std::int64_t>{{"blueprint-job-0-00003-abc", 100}}));
}

TEST_CASE("google run: a revision that cannot start and cannot be asked why is told in the service's words") {
    CloudRun cloud;
    ok(cloud.deploy(program()));
    cloud.fake->services.failing_reason = "HEALTH_CHECK_CONTAINER_ERROR";
    cloud.fake->before = [&](std::size_t number, const HttpRequest& request) {
        if (request.target.ends_with("/revisions/blueprint-job-0-00002-abc")) cloud.fake->fault_at = number;
    };
    const auto error = failed(cloud.deploy(program("2")));
    CAPTURE(error.message);
    CHECK(cloud.fake->fault_at != 0);
    CHECK(error.code == errc::invocation_failed);
    CHECK(error.platform_code == "REVISION_FAILED");
    CHECK(says(error, "Revision 'blueprint-job-0-00002-abc' is not ready and cannot serve traffic."));
    CHECK(says(error, "calls still reach blueprint-job-0-00001-abc"));
    CHECK_FALSE(says(error, "its log: "));
}

TEST_CASE("google run: a first deployment whose revision cannot start is told, too") {
    CloudRun cloud;
    cloud.fake->services.failing_reason = "CONTAINER_PERMISSION_DENIED";
    const auto error = failed(cloud.deploy(program()));
    CAPTURE(error.message);
    CHECK(error.platform_code == "CONTAINER_PERMISSION_DENIED");
    CHECK(says(error, "roles/storage.objectViewer"));
    CHECK(failed(cloud.invoke({.job_id = 0U, .args = {1}})).code != errc::cancelled);
    cloud.fake->services.failing_reason.clear();
    CHECK(ok(cloud.deploy(program())).revision == "blueprint-job-0-00002-abc");
}

TEST_CASE("C11: a look that fails is not taken for absence, and nothing is written") {
    for (const auto& [status, name] :
         {std::pair{403U, "PERMISSION_DENIED"}, {429U, "RESOURCE_EXHAUSTED"}, {500U, "INTERNAL"}, {404U, ""}}) {
        CAPTURE(status);
        CloudRun cloud;
        cloud.fake->more = [code = status, word = name, others = cloud.fake->more](
                               const auto& call, const auto& request) -> std::optional<tests::gcp::Answer> {
            if (!call.path.ends_with("/services/blueprint-job-0")) return others(call, request);
            const bool page = std::string_view{word}.empty();  // a 404 that is none of Google's API
            return page ? tests::gcp::page(code, "Not Found") : tests::gcp::error(code, word, "told by Google");
        };
        CHECK(failed(cloud.deploy(program())).code != errc::not_found);
        CHECK(cloud.fake->writes().empty());
    }
}

TEST_CASE("google run: a service that was made and is not to be seen is looked for again, and not for ever") {
    CloudRun cloud;
    cloud.fake->more = [others = cloud.fake->more](const auto& call,
                                                   const auto& request) -> std::optional<tests::gcp::Answer> {
        if (!call.path.ends_with("/services/blueprint-job-0")) return others(call, request);
        return tests::gcp::error(404, "NOT_FOUND", "Resource does not exist.");
    };
    const auto error = failed(cloud.deploy(program()));
    CHECK(error.code == errc::conflict);
    CHECK(says(error, "it was removed meanwhile"));
    CHECK(count(cloud.fake->lines, "GET " + run_service) == 1 + 5);  // before the change, and after it
}

TEST_CASE("GCP pitfall 15: a change that Google lacks resources for is asked for again") {
    CloudRun cloud;
    bool once = true;
    cloud.fake->before = [&](std::size_t, const HttpRequest& request) {
        if (request.verb != Verb::post || !request.target.starts_with("/v2/") || !once) return;
        once = false;
        cloud.fake->operations.next_failure = {{"code", 8}, {"message", "Too many services are deployed at once."}};
    };
    Lines told;
    const auto deployment =
        ok(cloud.deploy(program(), {}, [&](const DeployProgress& step) { told.push_back(step.detail); }));
    CHECK(deployment.state == DeploymentState::deployed);
    CHECK(count(told, "Google lacks resources") == 1);
}

TEST_CASE("G7: who may call is set, and a deployment that nobody may call is an error") {
    CloudRun closed;
    closed.fake->iam.inherited = false;
    const auto error = failed(closed.deploy(program()));
    CHECK(error.code == errc::authentication);
    CHECK(says(error, "GoogleCloudOptions::invokers"));
    CHECK(closed.fake->services.all.size() == 1);  // the deployment itself stays

    auto options = google_options();
    options.invokers = {closed.fake->iam.caller};
    CloudRun open{run_options(options), closed.fake};
    open.fake->iam.conflicts = 1;
    ok(open.deploy(program()));
    CHECK(open.fake->iam.policies.contains("projects/p/locations/europe-west1/services/blueprint-job-0"));
    CHECK(ok(open.deploy(program())).unchanged);
}

TEST_CASE("google run: a deployment fails or succeeds with each of its requests, and the next one mends it") {
    using Fault = tests::FakeGcp::Fault;
    CloudRun whole{run_options(), std::make_shared<FakeRun>()};
    whole.fake->storage.buckets["blueprint-p-europe-west1"];
    ok(whole.deploy(program("1")));
    const auto before = whole.fake->lines.size();
    ok(whole.deploy(program("2")));
    const auto again = whole.fake->lines.size() - before;
    for (const bool first : {true, false})
        for (const auto fault : {Fault::refused, Fault::lost})
            for (std::size_t n = 1; n <= (first ? before : again) + 1; ++n) {
                CAPTURE(first);
                CAPTURE(n);
                CAPTURE(fault == Fault::lost);
                CloudRun cloud;
                cloud.fake->storage.buckets["blueprint-p-europe-west1"];
                if (!first) ok(cloud.deploy(program("1")));
                const auto done_before = cloud.fake->lines.size();
                const auto object = first ? std::string{} : cloud.fake->object();
                cloud.fake->fault_at = done_before + n;
                cloud.fake->fault = fault;
                const auto deployment = cloud.deploy(program("2"));
                const bool met = cloud.fake->lines.size() >= cloud.fake->fault_at;
                if (!met) CHECK(deployment.has_value());
                if (fault == Fault::lost) CHECK(ok(deployment).state == DeploymentState::deployed);
                cloud.fake->fault_at = 0;
                // Whatever calls get to has its package.
                for (const auto& [name, service] : cloud.fake->services.all)
                    if (service.contains("latestReadyRevision"))
                        CHECK(cloud.fake->objects().contains(cloud.fake->object()));
                const auto mended = ok(cloud.deploy(program("2")));
                CHECK(mended.package_sha256 == program("2").sha256());
                CHECK(cloud.fake->objects().contains(cloud.fake->object()));
                CHECK(cloud.fake->services.revisions.size() <= 3);
                if (cloud.fake->services.revisions.size() == (first ? 1U : 2U))
                    CHECK(cloud.fake->objects().size() <= (first ? 2U : 3U));
                if (!first) CHECK(cloud.fake->objects().contains(object));  // its revision can be gone back to
                CHECK(ok(cloud.deploy(program("2"))).unchanged);
            }
}

TEST_CASE("google run: a package that nothing names is taken back where the change is refused") {
    CloudRun cloud;
    cloud.fake->storage.buckets["blueprint-p-europe-west1"];
    cloud.fake->fault_at = 4;  // the service is not made
    const auto error = failed(cloud.deploy(program()));
    CHECK(error.code == errc::authentication);
    CHECK(cloud.fake->objects().empty());
    CHECK(cloud.fake->lines.back().starts_with("DELETE " + bucket_url + "/o/services%2Fblueprint-job-0%2F"));
}

TEST_CASE("google run: of two deployments at once one goes on, and the other is told of it or did the same") {
    int conflicts = 0;
    for (const bool same : {false, true})
        for (int stops = 0; stops < 40; ++stops) {
            CAPTURE(same);
            CAPTURE(stops);
            const auto fake = std::make_shared<FakeRun>();
            CloudRun first{run_options(), fake};
            CloudRun second{run_options(), fake, [stops] { return stops % 8; }};
            if (stops >= 20) ok(first.deploy(program("0")));
            std::optional<result<FaasDeployment>> a, b;
            boost::asio::co_spawn(first.io, first.executor.deploy_job(0, program("1"), {}, {}),
                                  [&](std::exception_ptr, auto done) { a.emplace(std::move(done)); });
            boost::asio::co_spawn(second.io, second.executor.deploy_job(0, program(same ? "1" : "2"), {}, {}),
                                  [&](std::exception_ptr, auto done) { b.emplace(std::move(done)); });
            first.io.restart();
            for (int i = 0; !a || !b; ++i) {
                REQUIRE(i < 10'000);
                if (!a && i >= stops / 8) first.io.poll_one();
                if (!b) second.io.poll_one();
            }
            REQUIRE((a->has_value() || b->has_value()));
            for (const auto* one : {&*a, &*b})
                if (one->has_error()) {
                    CHECK(one->error().code == errc::conflict);
                    ++conflicts;
                }
            CHECK(fake->objects().contains(fake->object()));
            const auto there = ok(run(first.io, first.executor.get_deployment(0)));
            CHECK(there.state == DeploymentState::deployed);
        }
    CHECK(conflicts > 0);
}

TEST_CASE(
    "google run: somebody else's change between look and write is a conflict, and a mere move of the etag is not") {
    CloudRun cloud;
    ok(cloud.deploy(program()));
    cloud.fake->services.conflicts = 2;
    ok(cloud.deploy(program("2")));
    cloud.fake->services.before_patch = [&] {
        auto& service = cloud.fake->service();
        service["description"] = "theirs";
        tests::gcp::RunServices::change_etag(service);
    };
    const auto error = failed(cloud.deploy(program("3")));
    CHECK(error.code == errc::conflict);
    CHECK(says(error, "somebody else is deploying it"));
    CHECK(text(cloud.fake->service(), "description") == "theirs");
    CHECK(cloud.fake->objects().size() == 2);  // that of the refused deployment is gone
}

TEST_CASE("google run: old revisions and their packages are removed after a deployment") {
    auto options = run_options();
    options.keep_revisions = 2;
    CloudRun cloud{options};
    cloud.deploy_revisions(5);
    CHECK(cloud.fake->services.revisions.size() == 3);  // the one that gets calls and two before it
    CHECK(cloud.fake->objects().size() == 3);
    CHECK(cloud.fake->objects().contains(cloud.fake->object()));
    // That they cannot be removed is no failure.
    std::vector<std::string> told;
    cloud.fake->fault = tests::FakeGcp::Fault::refused;
    cloud.fake->before = [&](std::size_t number, const HttpRequest& request) {
        if (request.verb == Verb::del) cloud.fake->fault_at = number;
    };
    ok(cloud.deploy(program("6"), {}, [&](const DeployProgress& step) { told.push_back(step.detail); }));
    CHECK(count(told, "stays: ") == 1);
    CHECK(cloud.fake->services.revisions.size() == 4);
    options.keep_revisions = 0;
    CloudRun keeping{options, cloud.fake};
    ok(keeping.deploy(program("7")));
    CHECK(cloud.fake->services.revisions.size() == 5);
}

TEST_CASE("google run: an image of one's own is run as it is, and the package is left alone") {
    auto options = run_options();
    options.image = "europe-docker.pkg.dev/p/jobs/worker@sha256:0123";
    CloudRun cloud{options};
    faas::test::ElfImage arm;
    arm.machine = 183;
    PackageOptions other_host;
    other_host.architecture = Architecture::aarch64;
    const auto any = ok(Package::from_binary(faas::test::build(arm), other_host));
    const auto deployment = ok(cloud.deploy(any));
    CHECK(deployment.package_sha256.empty());
    CHECK(text(cloud.fake->container(), "image") == options.image);
    for (const auto* none : {"baseImageUri", "command", "sourceCode"})
        CHECK_FALSE(cloud.fake->container().contains(none));
    CHECK(count(cloud.fake->lines, "storage.googleapis.com") == 0);
    CHECK(ok(cloud.deploy(program())).unchanged);
    // From there to a package and back.
    CloudRun packaged{run_options(), cloud.fake};
    CHECK(ok(packaged.deploy(program())).package_sha256 == program().sha256());
    CHECK(text(cloud.fake->container(), "image") == "scratch");
    CHECK(ok(cloud.deploy(program())).package_sha256.empty());
    CHECK_FALSE(cloud.fake->service()["labels"].as_object().contains("blueprint-package-1"));
    CHECK(ok(cloud.deploy(program())).unchanged);
}

TEST_CASE("google run: a plan names the writes that a deployment makes") {
    const auto agree = [](CloudRun& cloud, const Package& package) {
        const auto before = cloud.fake->lines.size();
        const auto plan = ok(run(cloud.io, cloud.executor.plan_deploy(0, package, {})));
        CHECK(writes_after(cloud, before) == 0);
        const auto planned = cloud.fake->lines.size();
        const auto deployment = ok(cloud.deploy(package));
        CHECK(plan.unchanged == deployment.unchanged);
        Lines wanted;
        for (const auto& call : plan.calls)
            if (call.writes)
                wanted.push_back(call.what.substr(0, std::min(call.what.find('?'), call.what.find("/OBJECT"))));
        auto made = cloud.fake->writes(planned);
        REQUIRE(made.size() == wanted.size());
        for (std::size_t i = 0; i < made.size(); ++i) CHECK(made[i] == wanted[i]);
    };
    auto options = run_options();
    options.keep_revisions = 1;
    options.cloud.invokers = {"user:a@example.com"};
    CloudRun cloud{options};
    agree(cloud, program());
    agree(cloud, program());
    agree(cloud, program("2"));
    agree(cloud, program("3"));
}

TEST_CASE("google run: what cannot work is refused before anything is sent") {
    const auto refused = [](CloudRunOptions options, const Package& package, std::string_view why) {
        CloudRun cloud{std::move(options)};
        const auto error = failed(cloud.deploy(package));
        CAPTURE(error.message);
        CHECK(error.code == errc::invalid_configuration);
        CHECK(says(error, why));
        CHECK(cloud.fake->lines.empty());
    };
    const auto with = [](auto set) {
        auto options = run_options();
        set(options);
        return options;
    };
    refused(with([](auto& o) { o.start_patience = std::chrono::seconds{241}; }), program(), "start_patience");
    refused(with([](auto& o) { o.start_patience = {}; }), program(), "start_patience");
    refused(with([](auto& o) { o.bucket = "gs://packages"; }), program(), "bucket");
    refused(with([](auto& o) { o.image = "an image"; }), program(), "image");
    refused(with([](auto& o) { o.base_image.clear(); }), program(), "base_image");
    refused(with([](auto& o) { o.execution_environment = "GEN2"; }), program(), "execution_environment");
    refused(with([](auto& o) { o.description = std::string(513, 'd'); }), program(), "description");
    refused(with([](auto& o) { o.cloud.project.clear(); }), program(), "project");
    faas::test::ElfImage arm;
    arm.machine = 183;
    PackageOptions other_host;
    other_host.architecture = Architecture::aarch64;
    refused(run_options(), ok(Package::from_binary(faas::test::build(arm), other_host)), "linux/amd64");
}

}  // namespace gcp_run_deploy_test
