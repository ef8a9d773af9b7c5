#include "azure_deploy_fixture.hpp"
#include "blueprint/faas/codec/impl/azure_deployment.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/json/parse.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace azure_deploy_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using tests::azure_program;
using tests::AzureCloud;
using tests::count;
using tests::deploy_options;
using tests::failed;
using tests::FakeAzure;
using tests::FakeAzureApps;
using tests::name_of;
using tests::ok;
using tests::run;
using tests::says;

namespace {

using Lines = std::vector<std::string>;
using Fault = FakeAzure::Fault;

const FaasConfig minute{.timeout = 60s};

std::size_t writes_after(const AzureCloud& cloud, std::size_t from) { return cloud.fake->writes(from).size(); }

// An app of an older plan that somebody else made, with its storage account.
struct OlderApp : AzureCloud {
    explicit OlderApp(std::string runtime = "custom") : AzureCloud{named()} {
        fake->arm.put_group();
        fake->arm.put_account("theirstorage");
        auto& settings = fake->arm.put_site("theirs", "Y1", "Dynamic").settings;
        settings["AzureWebJobsStorage"] = "DefaultEndpointsProtocol=https;AccountName=theirstorage;AccountKey=" +
                                          tests::azure::Arm::key_of("theirstorage") +
                                          ";EndpointSuffix=core.windows.net";
        settings["THEIRS"] = "stays";
        settings["FUNCTIONS_WORKER_RUNTIME"] = std::move(runtime);
    }
    static AzureFunctionsOptions named() {
        auto options = deploy_options();
        options.app = "theirs";
        return options;
    }
};

DeployObserver written_down(Lines& told) {
    return [&told](const DeployProgress& step) { told.push_back(step.detail); };
}

tests::azure::Response page(unsigned status, std::string text) {
    tests::azure::Response out{.status = status};
    out.body = std::move(text);
    return out;
}

}  // namespace

TEST_CASE("Z7: two jobs deployed one after the other both stay and both answer") {
    AzureCloud cloud;
    ok(cloud.deploy(0, azure_program("1")));
    CHECK(cloud.call(0) == name_of(azure_program("1")));
    ok(cloud.deploy(1, azure_program("2")));
    CHECK(cloud.call(0) == name_of(azure_program("1")));
    CHECK(cloud.call(1) == name_of(azure_program("2")));
    const auto all = ok(run(cloud.io, cloud.executor.list_deployments()));
    REQUIRE(all.size() == 2);
    CHECK(all[0].package_sha256 == azure_program("1").sha256());
    CHECK(all[1].package_sha256 == azure_program("2").sha256());
    CHECK(all[0].revision == all[1].revision);
    // A new package of one takes the place of its old one alone.
    ok(cloud.deploy(0, azure_program("3")));
    CHECK(cloud.call(0) == name_of(azure_program("3")));
    CHECK(cloud.call(1) == name_of(azure_program("2")));
    CHECK(cloud.blobs().size() == 3);
    CHECK(count(cloud.blobs(), azure_program("1").sha256()) == 0);
}

TEST_CASE("Z5, Azure pitfall 7: a first deployment makes all that Flex Consumption needs, and never what it refuses") {
    AzureCloud cloud;
    const auto deployment = ok(cloud.deploy(0, azure_program(), {.timeout = 60s, .env_vars = {{"LEVEL", "3"}}}));
    const auto& fake = *cloud.fake;
    CHECK(fake.arm.groups.size() == 1);
    CHECK(fake.arm.plans.size() == 1);
    REQUIRE(fake.arm.accounts.size() == 1);
    CHECK(fake.arm.accounts.begin()->second.containers.size() == 2);
    CHECK(cloud.site().settings.at("LEVEL") == "3");
    CHECK(cloud.site().settings.at("BLUEPRINT_CONCURRENCY") == "1");
    CHECK_FALSE(cloud.site().settings.contains("FUNCTIONS_WORKER_RUNTIME"));
    const auto& config = cloud.site().resource.at("properties").at("functionAppConfig");
    CHECK(config.at("runtime") == boost::json::parse(R"({"name":"custom","version":"1.0"})"));
    CHECK(deployment.function_id == cloud.app());
    CHECK(deployment.endpoint == "https://" + cloud.app() + "-c0ffee.westeurope-01.azurewebsites.net/api/run");
    CHECK(deployment.memory_mib == 512);
    CHECK(deployment.timeout == 60s);
    CHECK(deployment.package_sha256 == azure_program().sha256());
    CHECK(deployment.binary_size_bytes == azure_program().binary_size_bytes());
    CHECK(deployment.revision == cloud.running().text("blueprint.sha256"));
    CHECK_FALSE(deployment.unchanged);
}

TEST_CASE("azure: deploying the same again writes nothing") {
    AzureCloud cloud;
    const FaasConfig config{.memory_mib = 2048, .timeout = 230s, .env_vars = {{"A", "1"}}, .keep_warm = 2};
    ok(cloud.deploy(0, azure_program("1"), config));
    ok(cloud.deploy(1, azure_program("2")));
    for (const auto& [id, package, wanted] :
         {std::tuple{JobId{0U}, azure_program("1"), config}, {JobId{1U}, azure_program("2"), minute}}) {
        const auto before = cloud.fake->lines.size();
        const auto again = ok(cloud.deploy(id, package, wanted));
        CHECK(again.unchanged);
        CHECK(writes_after(cloud, before) == 0);
        // site, settings, manifest, keys, the app, the package
        CHECK(cloud.fake->lines.size() - before == 6);
        CHECK(ok(cloud.plan(id, package, wanted)).unchanged);
        CHECK(writes_after(cloud, before) == 0);
    }
}

TEST_CASE("Z8: what a job is to run like is kept, and what differs is written alone") {
    AzureCloud cloud;
    ok(cloud.deploy(0, azure_program()));
    auto before = cloud.fake->lines.size();
    const auto larger = ok(cloud.deploy(0, azure_program(), {.memory_mib = 4096, .timeout = 60s}));
    CHECK(larger.memory_mib == 4096);
    CHECK(count(cloud.fake->writes(before), "/config/appsettings") == 0);
    const auto& config = cloud.site().resource.at("properties").at("functionAppConfig").at("scaleAndConcurrency");
    CHECK(config.at("instanceMemoryMB").as_int64() == 4096);
    before = cloud.fake->lines.size();
    ok(cloud.deploy(0, azure_program(), {.memory_mib = 4096, .timeout = 230s}));
    CHECK(cloud.running().text("host.json").find("00:03:50") != std::string::npos);
    CHECK(ok(run(cloud.io, cloud.executor.get_deployment(0))).timeout == 230s);
    before = cloud.fake->lines.size();
    ok(cloud.deploy(0, azure_program(), {.memory_mib = 4096, .timeout = 230s, .env_vars = {{"LEVEL", "3"}}}));
    CHECK(count(cloud.fake->writes(before), "/config/appsettings") == 1);
    before = cloud.fake->lines.size();
    ok(cloud.deploy(0, azure_program(), {.memory_mib = 4096, .timeout = 230s, .env_vars = {{"LEVEL", "4"}}}));
    CHECK(cloud.site().settings.at("LEVEL") == "4");
    CHECK(cloud.fake->writes(before).size() == 1);  // a value alone makes no new site
    const auto refused = failed(cloud.deploy(0, azure_program(), {}));
    CHECK(refused.code == errc::invalid_configuration);
    CHECK(says(refused, "230 s"));
}

TEST_CASE("azure: instances and variables go with the last job that wants them") {
    AzureCloud cloud;
    ok(cloud.deploy(0, azure_program("1"), {.timeout = 60s, .env_vars = {{"COMMON", "1"}, {"A", "2"}}}));
    ok(cloud.deploy(1, azure_program("2"), {.memory_mib = 2048, .timeout = 100s, .env_vars = {{"COMMON", "1"}}}));
    cloud.site().settings["THEIRS"] = "stays";
    const auto conflict =
        failed(cloud.deploy(2, azure_program("3"), {.timeout = 60s, .env_vars = {{"COMMON", "not-to-be-seen"}}}));
    CHECK(conflict.code == errc::conflict);
    CHECK(says(conflict, "'COMMON'"));
    CHECK_FALSE(says(conflict, "not-to-be-seen"));
    CHECK(ok(run(cloud.io, cloud.executor.list_deployments())).size() == 2);
    ok(cloud.undeploy(0));
    CHECK_FALSE(cloud.site().settings.contains("A"));
    CHECK(cloud.site().settings.at("COMMON") == "1");
    CHECK(cloud.site().settings.at("THEIRS") == "stays");
    ok(cloud.deploy(0, azure_program("1")));
    ok(cloud.undeploy(1));
    CHECK_FALSE(cloud.site().settings.contains("COMMON"));
    CHECK(ok(run(cloud.io, cloud.executor.get_deployment(0))).memory_mib == 512);
    CHECK(failed(run(cloud.io, cloud.executor.get_deployment(1))).code == errc::not_found);
    CHECK(cloud.running().text("host.json").find("00:01:00") != std::string::npos);
    CHECK(cloud.call(0) == name_of(azure_program("1")));
}

TEST_CASE("azure: a deployment fails or succeeds with each of its requests, and the next one mends it") {
    enum class What { first, again, beside };
    const auto prepare = [](AzureCloud& cloud, What what) {
        if (what != What::first) ok(cloud.deploy(0, azure_program("1")));
        return cloud.fake->lines.size();
    };
    const auto id = [](What what) { return what == What::beside ? JobId{1U} : JobId{0U}; };
    for (const auto what : {What::first, What::again, What::beside}) {
        AzureCloud whole;
        const auto begin = prepare(whole, what);
        ok(whole.deploy(id(what), azure_program("2")));
        const auto requests = whole.fake->lines.size() - begin;
        CHECK(requests > 10);
        for (const auto fault : {Fault::refused, Fault::lost})
            for (std::size_t n = 1; n <= requests + 1; ++n) {
                CAPTURE(static_cast<int>(what));
                CAPTURE(n);
                CAPTURE(fault == Fault::lost);
                AzureCloud cloud;
                cloud.fake->fault_at = prepare(cloud, what) + n;
                cloud.fake->fault = fault;
                const auto deployment = cloud.deploy(id(what), azure_program("2"));
                const auto& lines = cloud.fake->lines;
                if (n <= lines.size()) CAPTURE(lines[std::min(lines.size(), cloud.fake->fault_at) - 1]);
                if (lines.size() < cloud.fake->fault_at) CHECK(deployment.has_value());
                if (fault == Fault::lost) CHECK(ok(deployment).package_sha256 == azure_program("2").sha256());
                cloud.fake->fault_at = 0;
                // The job that was there before answers, whatever became of the other one.
                if (what == What::beside) CHECK(cloud.call(0) == name_of(azure_program("1")));
                ok(cloud.deploy(id(what), azure_program("2")));
                CHECK(cloud.call(id(what)) == name_of(azure_program("2")));
                if (what == What::beside) CHECK(cloud.call(0) == name_of(azure_program("1")));
                CHECK(ok(cloud.deploy(id(what), azure_program("2"))).unchanged);
            }
    }
}

TEST_CASE("azure: of two deployments at once both jobs end up in the site") {
    for (const bool there : {false, true})
        for (int stops = 0; stops < 24; ++stops) {
            CAPTURE(there);
            CAPTURE(stops);
            const auto fake = std::make_shared<FakeAzureApps>();
            AzureCloud first{deploy_options(), fake};
            AzureCloud second{deploy_options(), fake, [stops] { return stops % 6; }};
            if (there) ok(first.deploy(7, azure_program("0")));
            std::optional<result<FaasDeployment>> a, b;
            boost::asio::co_spawn(first.io, first.executor.deploy_job(0, azure_program("1"), minute, {}),
                                  [&](std::exception_ptr, auto done) { a.emplace(std::move(done)); });
            boost::asio::co_spawn(second.io, second.executor.deploy_job(1, azure_program("2"), minute, {}),
                                  [&](std::exception_ptr, auto done) { b.emplace(std::move(done)); });
            first.io.restart();
            for (int i = 0; !a || !b; ++i) {
                REQUIRE(i < 100'000);
                if (!a && i >= stops / 6) first.io.poll_one();
                if (!b) second.io.poll_one();
            }
            for (const auto* one : {&*a, &*b}) {
                CAPTURE((one->has_value() ? std::string{} : one->error().message));
                CHECK(one->has_value());
            }
            CHECK(first.call(0) == name_of(azure_program("1")));
            CHECK(first.call(1) == name_of(azure_program("2")));
            if (there) CHECK(first.call(7) == name_of(azure_program("0")));
            CHECK(ok(first.deploy(0, azure_program("1"))).unchanged);
            CHECK(ok(first.deploy(1, azure_program("2"))).unchanged);
        }
}

TEST_CASE("azure: a job that somebody else deploys between look and write stays") {
    AzureCloud cloud;
    ok(cloud.deploy(0, azure_program("1")));
    bool once = false;
    cloud.fake->before = [&](std::size_t, const HttpRequest& request) {
        if (request.verb != Verb::put || request.target.find("/manifest.json") == std::string::npos ||
            std::exchange(once, true))
            return;
        for (auto& [name, blob] : cloud.fake->storage.blobs) {
            if (!name.ends_with("/manifest.json")) continue;
            auto theirs = ok(detail::read_azure_manifest(blob.body));
            theirs.jobs[JobId{7U}] = theirs.jobs.at(JobId{0U});
            blob.body = to_text(theirs);
            blob.etag = "\"theirs\"";
        }
    };
    ok(cloud.deploy(1, azure_program("2")));
    CHECK(cloud.call(7) == name_of(azure_program("1")));
    CHECK(cloud.call(1) == name_of(azure_program("2")));
    CHECK(ok(run(cloud.io, cloud.executor.list_deployments())).size() == 3);
}

TEST_CASE("azure: a plan names the writes that a deployment makes") {
    const auto agree = [](AzureCloud& cloud, JobId id, const Package& package, const FaasConfig& config) {
        const auto before = cloud.fake->lines.size();
        const auto plan = ok(cloud.plan(id, package, config));
        CHECK(writes_after(cloud, before) == 0);
        const auto planned = cloud.fake->lines.size();
        const auto deployment = ok(cloud.deploy(id, package, config));
        CHECK(plan.unchanged == deployment.unchanged);
        Lines wanted;
        for (const auto& call : plan.calls)
            if (call.writes) wanted.push_back(call.what.substr(call.what.rfind('/')));
        Lines made;
        for (const auto& line : cloud.fake->writes(planned)) made.push_back(line.substr(line.rfind('/')));
        const auto joined = [](const Lines& lines) {
            std::string out;
            for (const auto& line : lines) out += line + '\n';
            return out;
        };
        CHECK(joined(made) == joined(wanted));
        for (const auto& call : plan.calls) CHECK(call.what.find("sig=") == std::string::npos);
    };
    AzureCloud cloud;
    agree(cloud, 0, azure_program("1"), minute);
    agree(cloud, 0, azure_program("1"), minute);
    agree(cloud, 1, azure_program("2"), {.memory_mib = 2048, .timeout = 60s, .env_vars = {{"A", "1"}}});
    agree(cloud, 0, azure_program("3"), minute);
    agree(cloud, 0, azure_program("3"), {.timeout = 60s, .env_vars = {{"B", "1"}}});
    OlderApp older;
    older.site().linux_version = "something";
    agree(older, 0, azure_program("1"), minute);
    agree(older, 0, azure_program("1"), minute);
}

TEST_CASE("Azure pitfall 6: the container for deployments is made again, and a role that spreads is waited for") {
    AzureCloud cloud;
    ok(cloud.deploy(0, azure_program("1")));
    auto& containers = cloud.fake->arm.accounts.begin()->second.containers;
    std::erase_if(containers, [](const std::string& name) { return name.starts_with("deploy-"); });
    ok(cloud.deploy(0, azure_program("2")));
    CHECK(containers.size() == 2);
    for (int i = 0; i < 4; ++i)
        cloud.fake->refusals.push_back(
            page(400, R"({"Message":"BlobUploadFailedException: the storage account answers 403 (Forbidden)."})"));
    ok(cloud.deploy(0, azure_program("3")));
    CHECK(cloud.call(0) == name_of(azure_program("3")));
}

TEST_CASE("Azure pitfall 6: without keys, roles that spread are waited for, and no key is anywhere") {
    auto options = deploy_options();
    options.storage_access = AzureStorageAccess::identity;
    AzureCloud cloud{options};
    cloud.fake->storage.takes_keys = false;
    cloud.fake->storage.role_spreads = 8;
    cloud.fake->arm.identity_spreads = 2;
    ok(cloud.deploy(0, azure_program("1")));
    CHECK(cloud.call(0) == name_of(azure_program("1")));
    CHECK(ok(cloud.deploy(0, azure_program("1"))).unchanged);
    CHECK(count(cloud.fake->lines, "/listKeys") == 0);
    for (const auto& [name, value] : cloud.site().settings) CHECK(value.find("AccountKey") == std::string::npos);
}

TEST_CASE("azure: another deployment is waited for, and so is a deployment service that is not up") {
    AzureCloud cloud;
    Lines told;
    const auto observer = written_down(told);
    for (const auto status : {409U, 503U, 409U}) cloud.fake->refusals.push_back(page(status, "not now"));
    ok(cloud.deploy(0, azure_program(), minute, observer));
    CHECK(cloud.fake->published == 1);
    CHECK(count(told, "not now") == 2);  // the link itself asks again after 503
    // Right after the app was made it may not be known there.
    AzureCloud young;
    young.fake->refusals.push_back(page(404, "404 Web Site not found."));
    ok(young.deploy(0, azure_program()));
}

TEST_CASE("Azure pitfall 9: a deployment service that stays away is told with what to do") {
    AzureCloud cloud;
    ok(cloud.deploy(0, azure_program("1")));
    for (int i = 0; i < 4000; ++i) cloud.fake->refusals.push_back(page(503, "Site Unavailable"));
    const auto error = failed(cloud.deploy(0, azure_program("2")));
    CHECK(error.http_status == 503);
    CHECK(says(error, "undeploy the app and deploy it again"));
    cloud.fake->refusals.clear();
    ok(cloud.deploy(0, azure_program("2")));
}

TEST_CASE("Azure pitfall 13: a token that the deployment service does not know is told with the role that it needs") {
    AzureCloud cloud;
    for (int i = 0; i < 10; ++i) cloud.fake->refusals.push_back(page(401, ""));
    const auto error = failed(cloud.deploy(0, azure_program()));
    CHECK(error.code == errc::authentication);
    CHECK(says(error, "Website Contributor"));
    cloud.fake->refusals = {page(403, "Ip Forbidden")};
    CHECK(says(failed(cloud.deploy(0, azure_program())), "access restrictions"));
}

TEST_CASE("azure: a deployment that is not known yet, and one that is gone when it has ended, both succeed") {
    AzureCloud cloud;
    cloud.fake->early_looks = 3;
    ok(cloud.deploy(0, azure_program("1")));
    cloud.fake->early_looks = 0;
    cloud.fake->vanishes = true;
    cloud.fake->deployment_looks = 2;
    ok(cloud.deploy(0, azure_program("2")));
    CHECK(cloud.call(0) == name_of(azure_program("2")));
}

TEST_CASE("azure: a deployment that fails is told with its log, and the jobs before stay") {
    AzureCloud cloud;
    ok(cloud.deploy(0, azure_program("1")));
    cloud.fake->deployment_fails = 1;
    const auto error = failed(cloud.deploy(1, azure_program("2")));
    CHECK(error.code == errc::invocation_failed);
    CHECK(says(error, "the site cannot be mounted"));
    CHECK(says(error, "the site before is in place again"));
    CHECK(cloud.call(0) == name_of(azure_program("1")));
    CHECK(failed(run(cloud.io, cloud.executor.get_deployment(1))).code == errc::not_found);
    ok(cloud.deploy(1, azure_program("2")));
}

TEST_CASE("azure: a program that cannot be started does not take the other jobs with it") {
    AzureCloud cloud;
    ok(cloud.deploy(0, azure_program("1"), {.timeout = 60s, .env_vars = {{"A", "1"}}}));
    cloud.fake->broken = {name_of(azure_program("2"))};
    const auto error =
        failed(cloud.deploy(1, azure_program("2"), {.memory_mib = 2048, .timeout = 60s, .env_vars = {{"B", "1"}}}));
    CHECK(error.code == errc::invocation_failed);
    CHECK(says(error, "its program has not started"));
    CHECK(says(error, "the site before is in place again"));
    CHECK(cloud.call(0) == name_of(azure_program("1")));
    CHECK(cloud.site().settings.at("A") == "1");
    CHECK_FALSE(cloud.site().settings.contains("B"));
    CHECK(ok(cloud.deploy(0, azure_program("1"), {.timeout = 60s, .env_vars = {{"A", "1"}}})).unchanged);
    // The only job has nothing that could be put back.
    AzureCloud alone;
    alone.fake->broken = {name_of(azure_program("2"))};
    const auto first = failed(alone.deploy(0, azure_program("2")));
    CHECK(says(first, "link it statically"));
    CHECK_FALSE(says(first, "put back"));
    alone.fake->broken.clear();
    ok(alone.deploy(0, azure_program("2")));
}

TEST_CASE("Azure pitfall 15: an app that has no function after a deployment is told") {
    AzureCloud cloud;
    cloud.fake->vanishes = true;
    cloud.fake->deployment_looks = 2;
    cloud.fake->deployment_fails = 1;
    const auto error = failed(cloud.deploy(0, azure_program()));
    CAPTURE(error.message);
    CHECK(error.http_status == 404);
    CHECK(says(error, "it does not have the function 'run'"));
}

TEST_CASE("azure: instances that still have the site before are waited for, and the key is asked for again") {
    AzureCloud cloud;
    Lines told;
    const auto observer = written_down(told);
    ok(cloud.deploy(0, azure_program("1")));
    cloud.fake->old_answers = 8;
    bool once = false;
    cloud.fake->before = [&](std::size_t, const HttpRequest& request) {
        if (request.origin.host.find(".scm.") == std::string::npos || std::exchange(once, true)) return;
        cloud.fake->arm.function_key = "another-key-for-calls";
    };
    ok(cloud.deploy(0, azure_program("2"), minute, observer));
    CHECK(cloud.fake->published == 2);
    CHECK(cloud.running().old_answers < 5);
    for (const auto* why : {"the app answers 401 (its key is not taken)", "the app has the site before"})
        CHECK(count(told, std::string{"it does not answer with its new site yet: "} + why) == 1);
    cloud.running().old_answers = 0;
    CHECK(cloud.call(0) == name_of(azure_program("2")));
}

TEST_CASE("Azure pitfall 4: a host that starts with the first site is waited for until it can tell its keys") {
    AzureCloud cloud;
    cloud.fake->arm.host_starts = 20;
    Lines told;
    ok(cloud.deploy(0, azure_program(), minute, written_down(told)));
    CHECK(count(told, "the app's host cannot tell its keys yet: Encountered an error (ServiceUnavailable)") > 0);
    CHECK(count(told, "it does not answer with its new site yet") == 0);
    CHECK(cloud.call(0) == name_of(azure_program()));
}

TEST_CASE("azure: programs that know nothing of sites are deployed, and again each time") {
    AzureCloud cloud;
    cloud.fake->tells_site = false;
    CHECK_FALSE(ok(cloud.deploy(0, azure_program("1"))).unchanged);
    CHECK(cloud.fake->published == 1);
    CHECK_FALSE(ok(cloud.deploy(0, azure_program("1"))).unchanged);
    CHECK(cloud.fake->published == 2);
}

TEST_CASE("azure: undeploying takes one job out, and the last one takes the app with it") {
    AzureCloud cloud;
    ok(cloud.undeploy(0));  // there is nothing
    CHECK(cloud.fake->writes().empty());
    ok(cloud.deploy(0, azure_program("1")));
    ok(cloud.deploy(1, azure_program("2")));
    auto before = cloud.fake->lines.size();
    ok(cloud.undeploy(7));
    CHECK(writes_after(cloud, before) == 0);
    ok(cloud.undeploy(1));
    CHECK(cloud.call(0) == name_of(azure_program("1")));
    CHECK(cloud.blobs().size() == 2);
    CHECK(cloud.fake->zip_files == 5);
    ok(cloud.undeploy(0));
    CHECK(cloud.fake->arm.sites.empty());
    CHECK(cloud.fake->arm.plans.empty());
    CHECK(cloud.fake->arm.accounts.empty());
    CHECK(cloud.fake->arm.groups.size() == 1);
    before = cloud.fake->lines.size();
    ok(cloud.undeploy(0));
    CHECK(writes_after(cloud, before) == 0);
    ok(cloud.deploy(0, azure_program("1")));
    CHECK(cloud.call(0) == name_of(azure_program("1")));
}

TEST_CASE("azure: an account that never turns the page of its list is not asked for ever") {
    AzureCloud cloud;
    for (const std::uint32_t id : {0U, 1U, 2U}) ok(cloud.deploy(id, azure_program(std::to_string(id))));
    REQUIRE(cloud.blobs().size() > cloud.fake->storage.page);
    cloud.fake->storage.turns_pages = false;
    cloud.fake->storage.lists = 0;
    ok(cloud.undeploy(2));
    CHECK(cloud.fake->storage.lists >= 2);
    CHECK(cloud.fake->storage.lists <= 4);
}

TEST_CASE("azure: undeploying fails or succeeds with each of its requests, and the next one mends it") {
    for (const bool last : {false, true}) {
        const auto prepare = [&](AzureCloud& cloud) {
            ok(cloud.deploy(0, azure_program("1")));
            if (!last) ok(cloud.deploy(1, azure_program("2")));
            return cloud.fake->lines.size();
        };
        AzureCloud whole;
        const auto begin = prepare(whole);
        ok(whole.undeploy(0));
        const auto requests = whole.fake->lines.size() - begin;
        for (const auto fault : {Fault::refused, Fault::lost})
            for (std::size_t n = 1; n <= requests; ++n) {
                CAPTURE(last);
                CAPTURE(n);
                CAPTURE(fault == Fault::lost);
                AzureCloud cloud;
                cloud.fake->fault_at = prepare(cloud) + n;
                cloud.fake->fault = fault;
                const auto removed = cloud.undeploy(0);
                if (fault == Fault::lost) ok(removed);
                cloud.fake->fault_at = 0;
                ok(cloud.undeploy(0));
                CHECK(failed(run(cloud.io, cloud.executor.get_deployment(0))).code == errc::not_found);
                if (last) {
                    CHECK(cloud.fake->arm.sites.empty());
                    CHECK(cloud.fake->arm.accounts.empty());
                } else {
                    CHECK(cloud.call(1) == name_of(azure_program("2")));
                    CHECK(cloud.call(0) != name_of(azure_program("1")));
                    CHECK(ok(cloud.deploy(1, azure_program("2"))).unchanged);
                }
            }
    }
}

TEST_CASE("Azure pitfall 9: an app of an older plan gets its site by zip deployment, and keeps what is not ours") {
    OlderApp cloud;
    cloud.fake->syncs_refused = 5;  // pitfall 5
    cloud.fake->deployment_looks = 3;
    const auto deployment = ok(cloud.deploy(0, azure_program("1"), {.timeout = 60s, .env_vars = {{"LEVEL", "3"}}}));
    CHECK_FALSE(deployment.memory_mib.has_value());  // the plan decides it
    CHECK(count(cloud.fake->lines, "/api/zipdeploy") == 1);
    CHECK(count(cloud.fake->lines, "/syncfunctiontriggers") == 6);
    CHECK(cloud.site().settings.at("FUNCTIONS_EXTENSION_VERSION") == "~4");
    CHECK(cloud.call(0) == name_of(azure_program("1")));
    CHECK(ok(cloud.deploy(0, azure_program("1"), {.timeout = 60s, .env_vars = {{"LEVEL", "3"}}})).unchanged);
    CHECK(failed(cloud.deploy(0, azure_program("1"), {.timeout = 60s, .keep_warm = 1})).code ==
          errc::invalid_configuration);

    ok(cloud.undeploy(0));
    CHECK(cloud.fake->arm.sites.size() == 1);
    CHECK(cloud.fake->arm.accounts.size() == 1);
    CHECK_FALSE(cloud.running().files.contains("run/function.json"));
    CHECK_FALSE(cloud.site().settings.contains("LEVEL"));
    CHECK(cloud.site().settings.at("THEIRS") == "stays");
    CHECK(cloud.blobs() == Lines{"manifest.json"});
    const auto before = cloud.fake->lines.size();
    ok(cloud.undeploy(0));
    CHECK(writes_after(cloud, before) == 0);
}

TEST_CASE("Azure pitfall 5: triggers that cannot be synchronised for good are told") {
    OlderApp cloud;
    cloud.fake->syncs_refused = 100'000;
    CHECK(says(failed(cloud.deploy(0, azure_program())), "from host runtime"));
    cloud.fake->syncs_refused = 0;
    ok(cloud.deploy(0, azure_program()));
}

TEST_CASE("Azure pitfall 14: an app whose functions would be lost is left as it is") {
    OlderApp cloud;
    cloud.site().settings["WEBSITE_RUN_FROM_PACKAGE"] = "https://a.blob.core.windows.net/c/b.zip?sig=not-to-be-seen";
    const auto error = failed(cloud.deploy(0, azure_program()));
    CHECK(error.code == errc::conflict);
    CHECK(says(error, "WEBSITE_RUN_FROM_PACKAGE"));
    CHECK_FALSE(says(error, "not-to-be-seen"));
    OlderApp python{"python"};
    CHECK(says(failed(python.deploy(0, azure_program())), "FUNCTIONS_WORKER_RUNTIME"));
    CHECK(cloud.fake->writes().empty());
    CHECK(python.fake->writes().empty());
    auto options = deploy_options();
    options.create = false;
    AzureCloud none{options};
    none.fake->arm.put_group();
    const auto absent = failed(none.deploy(0, azure_program()));
    CHECK(absent.code == errc::not_found);
    CHECK(says(absent, "AzureFunctionsOptions::create"));
    CHECK(failed(none.plan(0, azure_program())).message == absent.message);
    CHECK(none.fake->writes().empty());
}

TEST_CASE("azure: no key and no signature is shown by what is told of a deployment") {
    AzureCloud cloud;
    Lines told;
    const auto observer = written_down(told);
    ok(cloud.deploy(0, azure_program("1"), {.timeout = 60s, .env_vars = {{"A", "not-to-be-seen"}}}, observer));
    ok(cloud.deploy(1, azure_program("2"), minute, observer));
    CHECK(told.size() > 10);
    const auto key = tests::azure::Arm::key_of(cloud.fake->arm.accounts.begin()->first);
    for (const auto* secret : {"not-to-be-seen", "sig=", "a-key-for-calls", key.c_str()})
        CHECK(count(told, secret) == 0);
}

}  // namespace azure_deploy_test
