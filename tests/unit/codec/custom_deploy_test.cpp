#include "blueprint/faas/codec/custom.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "fixture.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace custom_deploy_test {

using namespace blueprint::faas;
using tests::Custom;
using tests::failed;
using tests::ok;
using tests::run;
using Lines = std::vector<std::string>;

namespace {

const std::string absent = R"({"code":"NOT_FOUND","error":"no such function"})";
const std::string conflict = R"({"code":"CONFLICT","error":"it exists"})";

std::string deployed(const std::string& more = {}) { return R"({"function_id":"job0")" + more + "}"; }

std::string revision_of(const FaasConfig& config) {
    const detail::CustomProtocol protocol{{.base_url = "https://faas.example.com"}};
    const auto package = tests::package();
    return detail::CustomProtocol::revision(package, ok(protocol.write_config(config, package)));
}

template <class C>
result<FaasDeployment> deploy(C& custom, FaasConfig config = {}) {
    return run(custom.io, custom.executor.deploy_job(0, tests::package(), std::move(config)));
}

}  // namespace

TEST_CASE("H1: deploying uploads the package with its configuration") {
    Custom<> custom;
    custom.script->then(404, absent);
    custom.script->then(
        201, deployed(R"(,"endpoint":"https://faas.example.com/run/me","status":"deployed","cold_start_ms":80)"));
    FaasConfig config{.memory_mib = 130,
                      .timeout = std::chrono::seconds{7},
                      .env_vars = {{"KEY", "v"}},
                      .max_concurrency = 4,
                      .keep_warm = 2};
    const auto done = ok(deploy(custom, config));
    CHECK(done.function_id == "job0");
    CHECK(done.job_id == JobId{0});
    CHECK_FALSE(done.unchanged);
    CHECK((done.cold_start_estimate == std::chrono::milliseconds{80}));
    CHECK((done.timeout == std::chrono::seconds{7}));
    CHECK((custom.script->lines() == Lines{"GET /api/functions/job0", "PUT /api/functions/job0"}));
    const auto& put = custom.script->seen[1];
    const auto package = tests::package();
    CHECK(put.headers.get("Content-Type") == "application/zip");
    CHECK_FALSE(put.headers.get("If-Match"));
    CHECK(put.body.size() == package.size_bytes());
    const auto document = detail::base64_decode(put.headers.get("X-Blueprint-Config").value_or(""));
    REQUIRE(document);
    CHECK(
        detail::text_of(*document) ==
        R"({"memory_mb":192,"timeout_secs":7,"max_concurrency":4,"env_vars":{"KEY":"v"},"keep_warm":2,"package_sha256":")" +
            package.sha256() + "\"}");
    CHECK(put.headers.get("X-Blueprint-Revision") == revision_of(config));

    custom.script->then(200, R"({"result":[]})");
    ok(custom.invoke({.job_id = 0}));
    CHECK(custom.script->seen[2].line == "POST /run/me");  // the platform's own endpoint, of the same origin
}

TEST_CASE("C7: what was not asked for is left out of the configuration, never null or zero") {
    const detail::CustomProtocol protocol{{.base_url = "https://faas.example.com"}};
    const auto package = tests::package();
    CHECK(ok(protocol.write_config({}, package)) ==
          R"({"memory_mb":512,"timeout_secs":300,"package_sha256":")" + package.sha256() + "\"}");
}

TEST_CASE("custom: the same package and configuration again write nothing") {
    Custom<> custom;
    custom.script->then(200, deployed(R"(,"revision":")" + revision_of({}) + "\""));
    CHECK(ok(deploy(custom)).unchanged);
    CHECK((custom.script->lines() == Lines{"GET /api/functions/job0"}));
}

TEST_CASE("custom: an existing function is replaced in place") {
    Custom<> custom;
    custom.script->then(200, deployed(R"(,"revision":"old")"));
    custom.script->then(200, deployed());
    ok(deploy(custom));
    CHECK((custom.script->lines() == Lines{"GET /api/functions/job0", "PUT /api/functions/job0"}));
    CHECK(custom.script->seen[1].headers.get("If-Match") == "*");
}

TEST_CASE("custom: a 1.0 platform that cannot replace: recreate, keep or fail, as told") {
    const auto play = [](Custom<>& custom) {
        custom.script->then(200, deployed());
        custom.script->then(409, conflict);
        custom.script->then(200, deployed());
        custom.script->then(204);
        custom.script->then(201, deployed());
        return deploy(custom);
    };
    Custom<> recreate;
    CHECK_FALSE(ok(play(recreate)).unchanged);
    CHECK((recreate.script->lines() == Lines{"GET /api/functions/job0", "PUT /api/functions/job0",
                                             "GET /api/functions/job0", "DELETE /api/functions/job0",
                                             "PUT /api/functions/job0"}));
    CHECK_FALSE(recreate.script->seen[4].headers.get("If-Match"));

    Custom<> keep{{.base_url = "https://faas.example.com", .on_conflict = OnConflict::keep}};
    CHECK(ok(play(keep)).unchanged);
    CHECK(keep.script->seen.size() == 3);

    Custom<> fail{{.base_url = "https://faas.example.com", .on_conflict = OnConflict::fail}};
    CHECK(failed(play(fail)).code == errc::conflict);
    CHECK(fail.script->seen.size() == 3);
}

TEST_CASE("custom: a function that others make again and again is removed twice, and then they have it") {
    const std::string get = "GET /api/functions/job0", put = "PUT /api/functions/job0";
    const std::string remove = "DELETE /api/functions/job0";
    Custom<> custom{{.base_url = "https://faas.example.com", .strict_1_0 = true}};
    custom.script->then(200, deployed());
    for (int i = 0; i < 2; ++i) {
        custom.script->then(204);
        custom.script->then(409, conflict);
        custom.script->then(200, deployed());
    }
    CHECK(failed(deploy(custom)).code == errc::conflict);
    CHECK((custom.script->lines() == Lines{get, remove, put, get, remove, put, get}));
}

TEST_CASE("custom: an upload whose answer was lost is not made a second function") {
    Custom<> custom;
    custom.script->then(404, absent);
    custom.script->then(Error{.code = errc::infrastructure, .message = "reset", .retryable = true});
    custom.script->then(409, conflict);  // to the repeated upload: the first one had arrived
    custom.script->then(200, deployed(R"(,"revision":")" + revision_of({}) + "\""));
    ok(deploy(custom));
    CHECK((custom.script->lines() == Lines{"GET /api/functions/job0", "PUT /api/functions/job0",
                                           "PUT /api/functions/job0", "GET /api/functions/job0"}));
}

TEST_CASE("custom: a function that came or went between look and upload is met as it is") {
    Custom<> came;
    came.script->then(404, absent);
    came.script->then(409, conflict);
    came.script->then(200, deployed(R"(,"revision":"somebody else's")"));
    came.script->then(200, deployed());
    ok(deploy(came));
    CHECK(came.script->seen[3].headers.get("If-Match") == "*");

    Custom<> went;
    went.script->then(200, deployed());
    went.script->then(412, R"({"code":"PRECONDITION_FAILED"})");
    went.script->then(201, deployed());
    ok(deploy(went));
    CHECK_FALSE(went.script->seen[2].headers.get("If-Match"));
}

TEST_CASE("C8: deploying returns when the function can be invoked") {
    Custom<> custom;
    custom.script->then(404, absent);
    custom.script->then(202, deployed(R"(,"status":"deploying")"));
    custom.script->then(200, deployed(R"(,"status":"deployed","memory_mb":512)"));
    std::vector<DeployProgress::Step> steps;
    const auto done =
        ok(run(custom.io, custom.executor.deploy_job(0, tests::package(), {}, [&](const DeployProgress& progress) {
            steps.push_back(progress.step);
        })));
    CHECK(done.state == DeploymentState::deployed);
    CHECK(custom.script->seen.size() == 3);
    using Step = DeployProgress::Step;
    CHECK((steps == std::vector{Step::checking, Step::uploading, Step::waiting, Step::done}));
}

TEST_CASE("C11: only `not found` means that a function does not exist") {
    for (const unsigned status : {401U, 403U, 429U, 500U, 503U}) {
        CAPTURE(status);
        Custom<> custom;
        for (int i = 0; i < 3; ++i) custom.script->then(status, "{}");
        failed(deploy(custom));
        for (const auto& line : custom.script->lines()) CHECK(line == "GET /api/functions/job0");
    }
}

TEST_CASE("C11: a refused upload is a failure") {
    for (const unsigned status : {400U, 403U, 413U, 500U}) {
        CAPTURE(status);
        Custom<> custom;
        custom.script->then(404, absent);
        for (int i = 0; i < 3; ++i) custom.script->then(status, R"({"error":"no"})");
        CHECK(failed(deploy(custom)).http_status == status);
    }
}

TEST_CASE("custom: a platform that says `failed` did not deploy") {
    Custom<> custom;
    custom.script->then(404, absent);
    custom.script->then(202, deployed(R"(,"status":"deploying")"));
    custom.script->then(200, deployed(R"(,"status":"failed","error":"no disk left")"));
    const auto error = failed(deploy(custom));
    CHECK(error.code == errc::infrastructure);
    CHECK(error.message.find("no disk left") != std::string::npos);
}

TEST_CASE("custom: a platform without deployment is told from one without the function") {
    for (const unsigned status : {404U, 405U}) {
        Custom<> custom;
        custom.script->then(404, "not here");
        custom.script->then(status, "not here");
        CHECK(failed(deploy(custom)).code == errc::unsupported);
    }
}

TEST_CASE("C7: what the platform cannot do is refused before anything is sent") {
    const FaasConfig bad[] = {{.memory_mib = 127},
                              {.memory_mib = 10241},
                              {.timeout = std::chrono::seconds{0}},
                              {.timeout = std::chrono::seconds{901}},
                              {.env_vars = {{"1X", "v"}}},
                              {.env_vars = {{"A=B", "v"}}},
                              {.env_vars = {{"BLUEPRINT_X", "v"}}},
                              {.env_vars = {{"BIG", std::string(9000, 'x')}}},
                              {.max_concurrency = 0},
                              {.max_concurrency = 1001}};
    for (const auto& config : bad) {
        Custom<> custom;
        const auto error = failed(deploy(custom, config));
        CAPTURE(error.message);
        CHECK(error.code == errc::invalid_configuration);
        CHECK(custom.script->seen.empty());
    }
}

TEST_CASE("custom: an endpoint of a stranger is not used and not sent the credential") {
    std::vector<std::string> warnings;
    CustomOptions options{.base_url = "https://faas.example.com",
                          .warn = [&](std::string_view text) { warnings.emplace_back(text); }};
    Custom<> custom{options};
    custom.script->then(200, deployed(R"(,"endpoint":"https://evil.example/run")"));
    ok(run(custom.io, custom.executor.get_deployment(0)));
    custom.script->then(200, R"({"result":[]})");
    ok(custom.invoke({.job_id = 0}));
    CHECK(custom.script->seen[1].origin == "https://faas.example.com");
    REQUIRE(warnings.size() == 1);
    CHECK(warnings[0].find("evil.example") != std::string::npos);

    options.trusted_origins = {"https://evil.example"};
    Custom<> trusting{options};
    trusting.script->then(200, deployed(R"(,"endpoint":"https://evil.example/run")"));
    ok(run(trusting.io, trusting.executor.get_deployment(0)));
    trusting.script->then(404, absent);
    failed(trusting.invoke({.job_id = 0}));
    CHECK(trusting.script->seen[1].origin == "https://evil.example");
    trusting.script->then(200, R"({"result":[]})");
    ok(trusting.invoke({.job_id = 0}));
    CHECK(trusting.script->seen[2].line == "POST /api/functions/job0/invoke");  // forgotten after the 404
}

TEST_CASE("H1: undeploying and reading an absent function tell the truth") {
    Custom<> custom;
    custom.script->then(204);
    CHECK(run(custom.io, custom.executor.undeploy_job(0)).has_value());
    custom.script->then(404, absent);
    CHECK(run(custom.io, custom.executor.undeploy_job(0)).has_value());
    custom.script->then(500, "{}");
    custom.script->then(500, "{}");
    custom.script->then(500, "{}");
    CHECK(failed(run(custom.io, custom.executor.undeploy_job(0))).code == errc::infrastructure);
    custom.script->then(404, absent);
    CHECK(failed(run(custom.io, custom.executor.get_deployment(0))).code == errc::not_found);
    custom.script->then(200, deployed());
    const auto known = ok(run(custom.io, custom.executor.get_deployment(0)));
    CHECK_FALSE(known.memory_mib.has_value());  // not told, so not invented
    CHECK_FALSE(known.timeout.has_value());
}

TEST_CASE("custom: every operation survives the loss of any of its exchanges") {
    const Error lost{.code = errc::infrastructure, .message = "reset", .retryable = true};
    for (int nth = 0; nth < 5; ++nth) {
        CAPTURE(nth);
        Custom<> custom;
        custom.script->then(200, deployed());
        custom.script->then(409, conflict);
        custom.script->then(200, deployed());
        custom.script->then(204);
        custom.script->then(201, deployed());
        custom.script->answers.insert(custom.script->answers.begin() + nth, lost);
        CHECK(ok(deploy(custom)).function_id == "job0");
        CHECK(custom.script->seen.size() == 6);
    }
}

}  // namespace custom_deploy_test
