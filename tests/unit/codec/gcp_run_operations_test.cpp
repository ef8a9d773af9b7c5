#include "gcp_run_fixture.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gcp_run_operations_test {

using namespace blueprint::faas;
using tests::CloudRun;
using tests::count;
using tests::failed;
using tests::FakeRun;
using tests::ok;
using tests::program;
using tests::run;
using tests::run_options;
using tests::run_service;
using tests::says;

namespace {

using Lines = std::vector<std::string>;
using Shares = std::map<std::string, std::int64_t>;
using Fault = tests::FakeGcp::Fault;

std::string revision(int number) { return "blueprint-job-0-0000" + std::to_string(number) + "-abc"; }
JobCall call_with(Bytes args) {
    JobCall call;
    call.job_id = 0U;
    call.args = std::move(args);
    return call;
}

// Has `operation` fail in each of its requests, in both ways, before a service of three revisions. `check` is told
// whether it succeeded, after the operation was made once more without a failure.
template <class Operation, class Check>
void with_each_request_failing(Operation operation, Check check) {
    CloudRun whole;
    whole.deploy_revisions(3);
    const auto deployed = whole.fake->lines.size();
    REQUIRE(operation(whole).has_value());
    const auto requests = whole.fake->lines.size() - deployed;
    REQUIRE(requests > 0);
    for (const auto fault : {Fault::refused, Fault::lost})
        for (std::size_t n = 1; n <= requests; ++n) {
            CAPTURE(n);
            CAPTURE(fault == Fault::lost);
            CloudRun cloud;
            cloud.deploy_revisions(3);
            cloud.fake->fault_at = cloud.fake->lines.size() + n;
            cloud.fake->fault = fault;
            const auto done = operation(cloud);
            if (fault == Fault::refused) {
                CHECK(done.has_error());
                CHECK(done.error().code == errc::authentication);
            } else if (done.has_error()) {
                CAPTURE(done.error().message);
                CHECK(done.has_value());
            }
            cloud.fake->fault_at = 0;
            check(cloud, done.has_value());
        }
}

}  // namespace

TEST_CASE("G2: a warm call is one request, with an ID token for the service's URL (GCP pitfall 2)") {
    CloudRun cloud;
    ok(cloud.deploy(program()));
    auto lines = cloud.fake->lines.size();
    CHECK((*ok(cloud.invoke(call_with({1, 2, 3}))).result.outcome == Bytes{1, 2, 3}));
    CHECK(cloud.fake->lines.size() == lines + 1);
    // Who did not deploy it looks it up once.
    CloudRun other{run_options(), cloud.fake};
    lines = cloud.fake->lines.size();
    ok(other.invoke(call_with({1})));
    ok(other.invoke(call_with({2})));
    CHECK((Lines{cloud.fake->lines.begin() + static_cast<std::ptrdiff_t>(lines), cloud.fake->lines.end()} ==
           Lines{"GET " + run_service, "POST https://blueprint-job-0-abc.a.run.app/",
                 "POST https://blueprint-job-0-abc.a.run.app/"}));
}

TEST_CASE("google run: a service that answers 404 is looked up anew, one that is absent is not found") {
    CloudRun cloud;
    ok(cloud.deploy(program()));
    ok(cloud.invoke(call_with({1})));
    cloud.fake->service()["uri"] = "https://moved-abc.a.run.app";
    CHECK(failed(cloud.invoke(call_with({1}))).http_status == 404);
    CHECK((*ok(cloud.invoke(call_with({4}))).result.outcome == Bytes{4}));
    CloudRun nobody;
    const auto error = failed(nobody.invoke(call_with({1})));
    CHECK(error.code == errc::not_found);
    CHECK(error.execution == Execution::not_started);
    CHECK(says(error, "there is no service blueprint-job-0"));
}

TEST_CASE("C12: health is that of what would be called") {
    CloudRun cloud;
    const auto health = [&] { return ok(run(cloud.io, cloud.executor.health_check(0))); };
    CHECK(health().state == HealthState::absent);
    ok(cloud.deploy(program()));
    CHECK(health().state == HealthState::healthy);
    cloud.fake->iam.inherited = false;
    CHECK(health().state == HealthState::unhealthy);
    cloud.fake->iam.inherited = true;
    cloud.fake->services.failing_reason = "HEALTH_CHECK_CONTAINER_ERROR";
    CHECK(cloud.deploy(program("2")).has_error());
    CHECK(health().state == HealthState::unhealthy);
    CHECK(health().reason.find("calls still reach " + revision(1)) != std::string::npos);
    cloud.fake->service()["reconciling"] = true;
    CHECK(health().state == HealthState::deploying);
    cloud.fake->more = [](const auto&, const auto&) { return tests::gcp::error(500, "INTERNAL", "told by Google"); };
    CHECK(failed(run(cloud.io, cloud.executor.health_check(0))).code == errc::infrastructure);
}

TEST_CASE("google run: whether the one who asks may call is asked for") {
    CloudRun cloud;
    CHECK(failed(run(cloud.io, cloud.executor.check_invoke(0))).code == errc::not_found);
    ok(cloud.deploy(program()));
    ok(run(cloud.io, cloud.executor.check_invoke(0)));
    cloud.fake->iam.inherited = false;
    CHECK(failed(run(cloud.io, cloud.executor.check_invoke(0))).code == errc::authentication);
}

TEST_CASE("google run: warming makes calls that run no job, and counts who answered") {
    CloudRun cloud;
    ok(cloud.deploy(program()));
    const auto report = ok(run(cloud.io, cloud.executor.warm(0, 3)));
    CHECK(report.instances == 3U);
    CHECK(report.requested == 3);
}

TEST_CASE("google run: the jobs of the prefix are listed, over all pages") {
    CloudRun cloud;
    for (const JobId id : {0U, 1U, 2U, 7U}) ok(run(cloud.io, cloud.executor.deploy_job(id, program(), {}, {})));
    cloud.fake->services.all["projects/p/locations/europe-west1/services/other"] = cloud.fake->service();
    cloud.fake->services.all["projects/p/locations/europe-west1/services/other"]["name"] =
        "projects/p/locations/europe-west1/services/other";
    const auto jobs = ok(run(cloud.io, cloud.executor.list_deployments()));
    REQUIRE(jobs.size() == 4);
    CHECK(jobs[3].job_id == JobId{7U});
    CHECK(jobs[3].package_sha256 == program().sha256());
    CHECK(jobs[3].endpoint == "https://blueprint-job-7-abc.a.run.app");
}

TEST_CASE("google run: what it can is described without a request") {
    CloudRun cloud;
    const auto description = ok(run(cloud.io, cloud.executor.describe_platform()));
    CHECK(description.has("traffic"));
    CHECK(description.limit("package_bytes") == 250ULL << 20);
    CHECK(cloud.fake->lines.empty());
}

TEST_CASE("google run: revisions are told newest first, with their packages and shares") {
    CloudRun cloud;
    CHECK(failed(run(cloud.io, cloud.executor.list_revisions(0))).code == errc::not_found);
    cloud.deploy_revisions(3);
    const auto revisions = ok(run(cloud.io, cloud.executor.list_revisions(0)));
    REQUIRE(revisions.size() == 3);
    CHECK(revisions[0].id == revision(3));
    CHECK(revisions[0].traffic == 1);
    CHECK(revisions[2].id == revision(1));
    CHECK(revisions[2].traffic == 0);
    CHECK(revisions[2].package_sha256 == program("1").sha256());
    CHECK(revisions[2].deployed_at == "2026-01-02T03:04:01Z");
    // Of those made in one second the number tells.
    for (auto& [name, one] : cloud.fake->services.revisions) one["createTime"] = "2026-01-02T03:04:01Z";
    const auto at_once = ok(run(cloud.io, cloud.executor.list_revisions(0)));
    REQUIRE(at_once.size() == 3);
    for (int i = 0; i < 3; ++i) CHECK(at_once[static_cast<std::size_t>(i)].id == revision(3 - i));
}

TEST_CASE("google run: calls are split between revisions by whole percents, and gone back with") {
    CloudRun cloud;
    cloud.deploy_revisions(3);
    const auto shift = [&](const std::string& to, double share) {
        return run(cloud.io, cloud.executor.shift_traffic(0, to, share));
    };
    ok(shift(revision(2), 0.25));
    CHECK((cloud.fake->services.shares() == Shares{{revision(2), 25}, {revision(3), 75}}));
    CHECK(ok(run(cloud.io, cloud.executor.list_revisions(0)))[1].traffic == 0.25);
    const auto lines = cloud.fake->lines.size();
    ok(shift(revision(2), 0.25));
    CHECK(cloud.fake->writes(lines).empty());
    ok(shift(revision(1), 0.4));  // the rest goes to who has most
    CHECK((cloud.fake->services.shares() == Shares{{revision(1), 40}, {revision(3), 60}}));
    ok(shift(revision(1), 0));
    CHECK((cloud.fake->services.shares() == Shares{{revision(3), 100}}));
    ok(shift(revision(2), 1));
    CHECK((cloud.fake->services.shares() == Shares{{revision(2), 100}}));
    CHECK(failed(shift(revision(2), 0.333)).code == errc::invalid_configuration);
    CHECK(failed(shift(revision(2), 1.5)).code == errc::invalid_configuration);
    CHECK(failed(shift(revision(8), 1)).code == errc::not_found);
    CHECK((cloud.fake->services.shares() == Shares{{revision(2), 100}}));

    CHECK(ok(run(cloud.io, cloud.executor.roll_back(0))).id == revision(1));
    CHECK((cloud.fake->services.shares() == Shares{{revision(1), 100}}));
    const auto there = ok(run(cloud.io, cloud.executor.get_deployment(0)));
    CHECK(there.revision == revision(1));
    CHECK(there.package_sha256.empty());
    CHECK(failed(run(cloud.io, cloud.executor.roll_back(0))).code == errc::not_found);
    // A deployment sends all calls to its own revision, also if it is like the latest one.
    CHECK_FALSE(ok(cloud.deploy(program("3"))).unchanged);
    CHECK((cloud.fake->services.shares() == Shares{{revision(3), 100}}));
}

TEST_CASE("google run: a revision that cannot be called gets no calls, and is passed over on the way back") {
    CloudRun cloud;
    cloud.deploy_revisions(1);
    cloud.fake->services.failing_reason = "HEALTH_CHECK_CONTAINER_ERROR";
    CHECK(cloud.deploy(program("2")).has_error());
    cloud.fake->services.failing_reason.clear();
    ok(cloud.deploy(program("3")));
    const auto error = failed(run(cloud.io, cloud.executor.shift_traffic(0, revision(2), 0.5)));
    CHECK(error.code == errc::invocation_failed);
    CHECK(error.platform_code == "HEALTH_CHECK_CONTAINER_ERROR");
    CHECK(ok(run(cloud.io, cloud.executor.roll_back(0))).id == revision(1));
}

TEST_CASE("google run: addresses that others made by tags stay when calls move") {
    CloudRun cloud;
    cloud.deploy_revisions(2);
    boost::json::array traffic = cloud.fake->service()["traffic"].as_array();
    traffic.emplace_back(tests::gcp::Object{
        {"type", "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"}, {"revision", revision(1)}, {"tag", "old"}});
    cloud.fake->service()["traffic"] = traffic;
    ok(run(cloud.io, cloud.executor.roll_back(0)));
    ok(cloud.deploy(program("3")));
    const auto& now = cloud.fake->service()["traffic"].as_array();
    REQUIRE(now.size() == 2);
    CHECK(tests::gcp::text(now[1].as_object(), "tag") == "old");
    CHECK_FALSE(now[1].as_object().contains("percent"));
}

TEST_CASE("google run: somebody else's split is a conflict, and a mere move of the etag is looked at again") {
    CloudRun cloud;
    cloud.deploy_revisions(3);
    cloud.fake->services.conflicts = 2;
    ok(run(cloud.io, cloud.executor.shift_traffic(0, revision(2), 1)));
    cloud.fake->services.before_patch = [&] {
        auto& service = cloud.fake->service();
        service["traffic"].as_array().front().as_object()["revision"] = revision(1);
        tests::gcp::RunServices::change_etag(service);
    };
    CHECK(failed(run(cloud.io, cloud.executor.shift_traffic(0, revision(3), 1))).code == errc::conflict);
}

TEST_CASE("google run: removing takes the service, its revisions and their packages away") {
    CloudRun cloud;
    ok(run(cloud.io, cloud.executor.undeploy_job(0)));  // that it is absent is no error
    cloud.deploy_revisions(3);
    cloud.fake->objects()["services/blueprint-job-1/x.tar.gz"] = "of another job";
    ok(run(cloud.io, cloud.executor.undeploy_job(0)));
    CHECK(cloud.fake->services.all.empty());
    CHECK(cloud.fake->objects().size() == 1);
    CHECK(failed(cloud.invoke(call_with({1}))).code == errc::not_found);

    ok(cloud.deploy(program()));
    cloud.fake->before = [&](std::size_t number, const HttpRequest& request) {
        if (request.verb == Verb::del && request.origin.host == "storage.googleapis.com") cloud.fake->fault_at = number;
    };
    const auto error = failed(run(cloud.io, cloud.executor.undeploy_job(0)));
    CHECK(says(error, "blueprint-job-0 is removed, but the package gs://blueprint-p-europe-west1/services/"));
    CHECK(cloud.fake->services.all.empty());
}

TEST_CASE("google run: operations fail or succeed with each of their requests") {
    with_each_request_failing(
        [](CloudRun& cloud) { return run(cloud.io, cloud.executor.shift_traffic(0, revision(2), 0.5)); },
        [](CloudRun& cloud, bool) {
            ok(run(cloud.io, cloud.executor.shift_traffic(0, revision(2), 0.5)));
            CHECK((cloud.fake->services.shares() == Shares{{revision(2), 50}, {revision(3), 50}}));
        });
    with_each_request_failing([](CloudRun& cloud) { return run(cloud.io, cloud.executor.roll_back(0)); },
                              [](CloudRun& cloud, bool done) {
                                  const auto shares = cloud.fake->services.shares();
                                  if (done) CHECK((shares == Shares{{revision(2), 100}}));
                                  CHECK((shares == Shares{{revision(2), 100}} || shares == Shares{{revision(3), 100}}));
                              });
    with_each_request_failing([](CloudRun& cloud) { return run(cloud.io, cloud.executor.undeploy_job(0)); },
                              [](CloudRun& cloud, bool done) {
                                  if (done) CHECK(cloud.fake->objects().empty());
                                  ok(run(cloud.io, cloud.executor.undeploy_job(0)));
                                  CHECK(cloud.fake->services.all.empty());
                              });
    with_each_request_failing([](CloudRun& cloud) { return run(cloud.io, cloud.executor.list_revisions(0)); },
                              [](CloudRun&, bool) {});
    with_each_request_failing([](CloudRun& cloud) { return run(cloud.io, cloud.executor.get_deployment(0)); },
                              [](CloudRun&, bool) {});
    with_each_request_failing([](CloudRun& cloud) { return run(cloud.io, cloud.executor.list_deployments()); },
                              [](CloudRun&, bool) {});
    with_each_request_failing([](CloudRun& cloud) { return run(cloud.io, cloud.executor.check_invoke(0)); },
                              [](CloudRun&, bool) {});
    with_each_request_failing(
        [](CloudRun& cloud) { return run(cloud.io, cloud.executor.plan_deploy(0, program("4"), {})); },
        [](CloudRun& cloud, bool) { CHECK(count(cloud.fake->writes(), "PATCH") == 2); });
}

TEST_CASE("a list that holds something else is none, and not a shorter one") {
    using detail::CloudRunControl;
    for (const auto* body : {R"({"services":"s"})", R"({"services":{}})", R"({"services":[7]})"}) {
        HttpResponse answer{.status = 200};
        answer.body = body;
        CAPTURE(body);
        CHECK(failed(CloudRunControl::read_services(answer)).code == errc::serialization);
    }
    HttpResponse none{.status = 200, .body = "{}"};
    CHECK(ok(CloudRunControl::read_services(none)).entries.empty());
}

}  // namespace gcp_run_operations_test
