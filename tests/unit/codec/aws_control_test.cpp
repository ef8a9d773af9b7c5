#include "aws_deploy_fixture.hpp"
#include "blueprint/faas/codec/aws_lambda_control.hpp"
#include "blueprint/faas/codec/aws_storage.hpp"
#include "blueprint/faas/codec/impl/aws_lambda_exchanges.hpp"
#include "blueprint/faas/detail/run_all.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aws_control_test {

using namespace blueprint::faas;
using tests::Deploying;
using tests::failed;
using tests::FakeLambda;
using tests::lambda_options;
using tests::ok;
using tests::program;
using tests::run;
using Lines = std::vector<std::string>;

namespace {

const std::string function = "/2015-03-31/functions/blueprint-job-0";

detail::LambdaConfiguration version(std::string number) {
    detail::LambdaConfiguration out;
    out.version = std::move(number);
    return out;
}

HttpResponse answer(unsigned status, std::string body, std::string code = {}) {
    HttpResponse out;
    out.status = status;
    out.body = std::move(body);
    if (!code.empty()) out.headers.set("x-amzn-ErrorType", code);
    return out;
}

Health health(const std::string& members) {
    auto told = answer(200, R"({"Configuration":{"FunctionArn":"arn:aws:lambda:r:1:function:f",)" + members + "}}");
    return detail::LambdaControl::health(ok(detail::LambdaControl::read_function(told)));
}

/// A platform with three versions, of which the alias names the last.
std::unique_ptr<Deploying> three_versions(LambdaOptions options = lambda_options()) {
    auto platform = std::make_unique<Deploying>(std::move(options));
    for (const auto* code : {"1", "2", "3"}) ok(platform->deploy(program(code)));
    platform->fake->lines.clear();
    return platform;
}

}  // namespace

TEST_CASE("lambda deploy: what Lambda would refuse is refused before anything is sent, by its name") {
    struct Row {
        std::string what;
        std::function<void(LambdaOptions&, FaasConfig&)> alter;
        std::string told;
    };
    const std::vector<Row> rows{
        {"no role", [](LambdaOptions& o, FaasConfig&) { o.role_arn.clear(); }, "role_arn is empty"},
        {"a role's name", [](LambdaOptions& o, FaasConfig&) { o.role_arn = "jobs"; }, "role_arn is no role's ARN"},
        {"a user", [](LambdaOptions& o, FaasConfig&) { o.role_arn = "arn:aws:iam::123456789012:user/a"; }, "role_arn"},
        {"short account", [](LambdaOptions& o, FaasConfig&) { o.role_arn = "arn:aws:iam::12345:role/a"; }, "role_arn"},
        {"memory", [](LambdaOptions&, FaasConfig& c) { c.memory_mib = 127; }, "memory_mib is 127"},
        {"memory", [](LambdaOptions&, FaasConfig& c) { c.memory_mib = 10'241; }, "memory_mib is 10241"},
        {"timeout", [](LambdaOptions&, FaasConfig& c) { c.timeout = std::chrono::seconds{0}; }, "timeout is 0"},
        {"timeout", [](LambdaOptions&, FaasConfig& c) { c.timeout = std::chrono::seconds{901}; }, "timeout is 901"},
        {"concurrency", [](LambdaOptions&, FaasConfig& c) { c.max_concurrency = 0; }, "max_concurrency is 0"},
        {"warm",
         [](LambdaOptions&, FaasConfig& c) {
             c.max_concurrency = 2;
             c.keep_warm = 3;
         },
         "keep_warm is 3"},
        {"reserved", [](LambdaOptions&, FaasConfig& c) { c.env_vars = {{"AWS_REGION", "x"}}; },
         "'AWS_REGION' is set by"},
        {"reserved", [](LambdaOptions&, FaasConfig& c) { c.env_vars = {{"_HANDLER", "x"}}; }, "'_HANDLER' is set by"},
        {"one letter", [](LambdaOptions&, FaasConfig& c) { c.env_vars = {{"A", "x"}}; }, "'A' has no name"},
        {"dash", [](LambdaOptions&, FaasConfig& c) { c.env_vars = {{"A-B", "x"}}; }, "'A-B' has no name"},
        {"no text", [](LambdaOptions&, FaasConfig& c) { c.env_vars = {{"AB", "\xff"}}; }, "'AB' has a value"},
        {"too much", [](LambdaOptions&, FaasConfig& c) { c.env_vars = {{"AB", std::string(4089, 'x')}}; },
         "the environment has 4098 bytes"},
        {"description", [](LambdaOptions& o, FaasConfig&) { o.description = std::string(257, 'x'); }, "description"},
        {"tags",
         [](LambdaOptions& o, FaasConfig&) {
             for (int i = 0; i < 51; ++i) o.tags[std::to_string(i)] = "x";
         },
         "tags has 51"},
        {"AWS's tag", [](LambdaOptions& o, FaasConfig&) { o.tags = {{"aws:x", "y"}}; }, "aws:"},
        {"long tag", [](LambdaOptions& o, FaasConfig&) { o.tags = {{"x", std::string(257, 'y')}}; }, "'x' has a value"},
        {"inline", [](LambdaOptions& o, FaasConfig&) { o.inline_bytes = 52'428'801; }, "inline_bytes"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        auto options = lambda_options();
        FaasConfig config;
        row.alter(options, config);
        Deploying platform{options};
        const auto error = failed(platform.deploy(program(), config));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(error.execution == Execution::not_started);
        CHECK_MESSAGE(error.message.find(row.told) != std::string::npos, error.message);
        CHECK(platform.fake->lines.empty());
        CHECK(failed(run(platform.io, platform.executor.plan_deploy(0, program(), config))).message == error.message);
    }
    FaasConfig full;
    full.env_vars = {{"AB", std::string(4087, 'x')}};
    full.memory_mib = 10'240;
    full.timeout = std::chrono::seconds{900};
    auto options = lambda_options();
    options.description = "\xc3\xa4" + std::string(255, 'x');  // 256 characters in 257 bytes
    ok(Deploying{options}.deploy(program(), full));
}

TEST_CASE("lambda: the pauses between looks at a change double from 250 ms to 2 s, unless the options say otherwise") {
    using namespace std::chrono_literals;
    const LambdaOptions usual;
    detail::LambdaPause pause{usual};
    for (const auto expected : {250ms, 500ms, 1000ms, 2000ms, 2000ms}) CHECK(pause.next() == expected);
    LambdaOptions own;
    own.first_poll = 7ms;
    own.max_poll = 20ms;
    detail::LambdaPause short_one{own};
    for (const auto expected : {7ms, 14ms, 20ms, 20ms}) CHECK(short_one.next() == expected);
}

TEST_CASE("lambda deploy: a script has no architecture, and a zip without bootstrap nothing to start") {
    PackageOptions script;
    script.allow_script = true;
    const std::string text = "#!/bin/sh\n";
    const auto packed = ok(Package::from_binary(Bytes{text.begin(), text.end()}, script));
    CHECK(failed(Deploying{}.deploy(packed)).message.find("no ELF executable") != std::string::npos);
    ZipWriter writer;
    ok(writer.add("other", Bytes{1}, 0755));
    const auto other = ok(Package::from_zip(writer.finish()));
    CHECK(failed(Deploying{}.deploy(other)).message.find("no file bootstrap") != std::string::npos);
}

TEST_CASE("lambda storage: where the bucket is, and what cannot be one") {
    struct Row {
        std::string bucket, storage_endpoint, endpoint, region;
        std::string url;  ///< or what the error says
    };
    const std::vector<Row> rows{
        {"jobs", "", "", "eu-central-1", "https://jobs.s3.eu-central-1.amazonaws.com/k"},
        {"my.jobs", "", "", "eu-central-1", "https://s3.eu-central-1.amazonaws.com/my.jobs/k"},
        {"jobs", "", "", "cn-north-1", "https://jobs.s3.cn-north-1.amazonaws.com.cn/k"},
        {"jobs", "http://127.0.0.1:9000/s3/", "", "eu-central-1", "http://127.0.0.1:9000/s3/jobs/k"},
        {"jobs", "", "http://127.0.0.1:4566", "eu-central-1", "storage_endpoint is not"},
        {"", "", "", "eu-central-1", "name a bucket"},
        {"jo", "", "", "eu-central-1", "no name of a bucket"},
        {"jobs/x", "", "", "eu-central-1", "no name of a bucket"},
        {"jobs", "ftp://x", "", "eu-central-1", "storage_endpoint"},
        {"jobs", "https://x?y", "", "eu-central-1", "query"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.url);
        auto options = lambda_options();
        options.storage_bucket = row.bucket;
        options.storage_endpoint = row.storage_endpoint;
        options.endpoint = row.endpoint;
        options.region = row.region;
        const detail::LambdaProtocol protocol{options};
        const auto storage = detail::AwsStorage::make(protocol);
        if (!row.url.starts_with("http")) {
            REQUIRE(storage.has_error());
            CHECK_MESSAGE(storage.error().message.find(row.url) != std::string::npos, storage.error().message);
            continue;
        }
        const auto request = ok(storage).head("k");
        CHECK(to_string(request.origin) + request.target == row.url);
    }
    auto small = lambda_options();
    small.storage_bucket = "jobs";
    const detail::LambdaProtocol usual{small};
    CHECK(ok(detail::AwsStorage::make(usual)).part_bytes() == 16'777'216);
    small.part_bytes = 5'242'879;
    const detail::LambdaProtocol protocol{small};
    CHECK(detail::AwsStorage::make(protocol).error().message.find("part_bytes") != std::string::npos);
}

TEST_CASE("lambda storage: the parts of an upload are named in their order, and their tags are escaped for XML") {
    auto options = lambda_options();
    options.storage_bucket = "jobs";
    const detail::LambdaProtocol protocol{options};
    const auto storage = ok(detail::AwsStorage::make(protocol));
    const auto request = storage.complete_upload("k", "up/1", {"\"0a1b\"", "<&>", "a&amp;b>c"});
    CHECK(request.verb == Verb::post);
    CHECK(request.target == "/k?uploadId=up%2F1");
    CHECK(request.headers.get("Content-Type") == "application/xml");
    CHECK(request.body.view() ==
          R"(<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)"
          R"(<Part><PartNumber>1</PartNumber><ETag>"0a1b"</ETag></Part>)"
          "<Part><PartNumber>2</PartNumber><ETag>&lt;&amp;&gt;</ETag></Part>"
          "<Part><PartNumber>3</PartNumber><ETag>a&amp;amp;b&gt;c</ETag></Part></CompleteMultipartUpload>");
}

TEST_CASE("lambda storage: S3's refusals, and absence that is none") {
    using detail::AwsStorage;
    const auto refusal = [](unsigned status, const std::string& code) {
        return AwsStorage::judge(
            answer(status, "<Error><Code>" + code + "</Code><Message>m</Message><X>secret</X></Error>"));
    };
    CHECK_FALSE(AwsStorage::judge(answer(200, "")));
    CHECK(refusal(403, "AccessDenied")->code == errc::authentication);
    CHECK_FALSE(refusal(403, "AccessDenied")->retryable);
    CHECK(refusal(400, "ExpiredToken")->code == errc::authentication);
    CHECK(refusal(400, "ExpiredToken")->retryable);
    CHECK(refusal(404, "NoSuchBucket")->code == errc::invalid_configuration);
    CHECK(refusal(503, "SlowDown")->code == errc::throttled);
    CHECK(refusal(200, "InternalError")->retryable);  // late, with the status of a success
    CHECK(refusal(400, "Unheard")->code == errc::invalid_configuration);
    CHECK(refusal(400, "Unheard")->message == "S3 refused the package: m");
    CHECK(AwsStorage::judge(answer(503, "<html>"))->retryable);
    CHECK(AwsStorage::judge(answer(301, ""))->code == errc::invalid_configuration);
    CHECK_FALSE(AwsStorage::judge_head(answer(404, "")));
    CHECK_FALSE(AwsStorage::judge_head(answer(403, "")));  // of those who may not list the bucket
    CHECK(AwsStorage::judge_head(answer(500, "")));
    CHECK_FALSE(AwsStorage::is_there(answer(200, ""), 0));
    CHECK(AwsStorage::read_upload(answer(200, "<R><UploadId/></R>")).has_error());
    CHECK(AwsStorage::read_part(answer(200, "")).has_error());
}

TEST_CASE("lambda: a 409 is a change under way or something that exists, by its text; AWS pitfall 8: so is a 400") {
    using detail::LambdaRefusal;
    const auto refusal = [](unsigned status, const std::string& code, const std::string& text) {
        return detail::lambda_refusal(
            *detail::LambdaProtocol::judge(answer(status, "{\"Message\":\"" + text + "\"}", code)));
    };
    const std::string conflict = "ResourceConflictException";
    CHECK(refusal(409, conflict,
                  "The operation cannot be performed at this time. An update is in progress for resource: arn:x") ==
          LambdaRefusal::busy);
    CHECK(refusal(409, conflict,
                  "The operation cannot be performed at this time. The function is currently in the following state: "
                  "Pending") == LambdaRefusal::busy);
    CHECK(refusal(409, conflict, "Function already exist: f") == LambdaRefusal::exists);
    CHECK(refusal(409, conflict, "Alias already exists: arn:x") == LambdaRefusal::exists);
    CHECK(refusal(409, conflict, "something else") == LambdaRefusal::other);
    CHECK(refusal(412, "PreconditionFailedException", "x") == LambdaRefusal::outdated);
    const std::string invalid = "InvalidParameterValueException";
    CHECK(refusal(400, invalid, "The role defined for the function cannot be assumed by Lambda.") ==
          LambdaRefusal::role);
    CHECK(
        refusal(400, invalid, "The provided execution role does not have permissions to call CreateNetworkInterface") ==
        LambdaRefusal::role);
    CHECK(refusal(400, invalid, "KMS key is invalid for CreateGrant: ARN does not refer to a valid principal") ==
          LambdaRefusal::role);
    CHECK(refusal(400, invalid, "CodeSHA256 (a) is different from current CodeSHA256 in $LATEST (b).") ==
          LambdaRefusal::outdated);
    CHECK(refusal(400, invalid, "Unzipped size must be smaller than 262144000 bytes") == LambdaRefusal::other);
    CHECK(refusal(403, "AccessDeniedException", "cannot be assumed by Lambda") == LambdaRefusal::other);
}

TEST_CASE("A7: a function is healthy if it can be invoked, else its reason is told") {
    struct Row {
        std::string members;
        HealthState state;
        std::string reason;
    };
    const std::vector<Row> rows{
        {R"("State":"Active","LastUpdateStatus":"Successful")", HealthState::healthy, "Active"},
        {R"("MemorySize":128)", HealthState::healthy, "Active"},  // answers that are older than states
        {R"("State":"Pending","StateReasonCode":"Creating")", HealthState::deploying, "Pending: Creating"},
        {R"("State":"Failed","StateReasonCode":"ImageDeleted","StateReason":"gone")", HealthState::unhealthy,
         "Failed: ImageDeleted: gone"},
        {R"("State":"Inactive","StateReasonCode":"Idle")", HealthState::unhealthy, "the next call starts it again"},
        {R"("State":"Active","LastUpdateStatus":"InProgress")", HealthState::deploying, "still reach what was there"},
        {R"("State":"Active","LastUpdateStatus":"Failed","LastUpdateStatusReason":"r")", HealthState::unhealthy,
         "the last update failed: r; calls still reach"},
        {R"("State":"Deactivated")", HealthState::unhealthy, "Deactivated"},
        {R"("State":"SomethingNew")", HealthState::unhealthy, "SomethingNew"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.members);
        const auto told = health(row.members);
        CHECK(to_string(told.state) == to_string(row.state));
        CHECK_MESSAGE(told.reason.find(row.reason) != std::string::npos, told.reason);
    }
}

TEST_CASE("A7: health asks for a call that is not made; C12: absent is an answer") {
    Deploying platform;
    const auto check = [&] { return ok(run(platform.io, platform.executor.health_check(0))); };
    CHECK(to_string(check().state) == "absent");
    ok(platform.deploy(program()));
    platform.fake->lines.clear();
    const auto healthy = check();
    CHECK(to_string(healthy.state) == "healthy");
    CHECK((platform.fake->lines ==
           Lines{"GET " + function + "?Qualifier=live", "POST " + function + "/invocations?Qualifier=live"}));

    platform.fake->fault_at = 4;  // the call is not allowed
    const auto forbidden = check();
    CHECK(to_string(forbidden.state) == "unhealthy");
    CHECK(forbidden.reason.find("not allowed") != std::string::npos);
    platform.fake->fault_at = platform.fake->lines.size() + 1;  // and neither is looking
    CHECK(failed(run(platform.io, platform.executor.health_check(0))).code == errc::authentication);
    platform.fake->fault_at = 0;

    platform.fake->job().reserved = 0;
    CHECK(check().reason.find("reserved concurrency is 0") != std::string::npos);
    platform.fake->job().aliases.clear();
    const auto no_alias = check();
    CHECK(to_string(no_alias.state) == "unhealthy");
    CHECK(no_alias.reason.find("no alias live") != std::string::npos);
}

TEST_CASE("lambda: what is deployed is read, listed over all pages, and removed") {
    Deploying platform;
    CHECK(failed(run(platform.io, platform.executor.get_deployment(0))).code == errc::not_found);
    ok(platform.deploy(program()));
    const auto read = ok(run(platform.io, platform.executor.get_deployment(0)));
    CHECK(read.function_id == "arn:aws:lambda:eu-central-1:123456789012:function:blueprint-job-0");
    CHECK(read.revision == "1");
    CHECK(read.package_sha256 == program().sha256());
    CHECK((read.state == DeploymentState::deployed));

    const auto one = platform.fake->job();
    for (int i = 0; i < 120; ++i) platform.fake->functions["another-" + std::to_string(i)] = one;
    platform.fake->functions["blueprint-job-77"] = one;
    platform.fake->functions["blueprint-job-007"] = one;
    platform.fake->functions["blueprint-job-x"] = one;
    platform.fake->lines.clear();
    const auto all = ok(run(platform.io, platform.executor.list_deployments()));
    REQUIRE(all.size() == 2);
    CHECK(all[0].job_id == JobId{0});
    CHECK(all[1].job_id == JobId{77});
    CHECK(platform.fake->lines.size() == 3);
    CHECK(platform.fake->lines[0] == "GET /2015-03-31/functions?MaxItems=50");
    CHECK(platform.fake->lines[1].starts_with("GET /2015-03-31/functions?MaxItems=50&Marker=another-"));

    platform.fake->job().looks = 1;
    platform.fake->lines.clear();
    platform.fake->before = [&](std::size_t number, const HttpRequest&) {
        if (number == 2) platform.fake->job().looks = 0;
    };
    ok(run(platform.io, platform.executor.undeploy_job(0)));
    CHECK((platform.fake->lines == Lines{"DELETE " + function, "DELETE " + function}));  // it was busy at first
    platform.fake->before = {};
    ok(run(platform.io, platform.executor.undeploy_job(0)));
    CHECK_FALSE(platform.fake->functions.contains("blueprint-job-0"));
}

TEST_CASE("C13: warming makes marked calls at once, which run no job, and counts the instances") {
    Deploying platform;
    ok(platform.deploy(program()));
    platform.fake->lines.clear();
    platform.fake->bodies.clear();
    const auto report = ok(run(platform.io, platform.executor.warm(0, 5)));
    CHECK(report.supported);
    CHECK(report.requested == 5);
    CHECK(report.instances == 5);
    CHECK(platform.fake->lines.size() == 5);
    for (const auto& body : platform.fake->bodies) CHECK(body == R"({"job_id":0,"warm":{"hold_ms":75}})");

    int answered = 0;  // two calls met the same instance, and one was refused
    platform.fake->invoked = [&](const HttpRequest& request) {
        CHECK_FALSE(request.headers.get("X-Amz-Log-Type"));  // nobody reads it
        if (++answered == 3) return FakeLambda::error(429, "TooManyRequestsException", "Rate Exceeded.");
        if (answered > 5) return FakeLambda::error(429, "TooManyRequestsException", "Rate Exceeded.");
        return FakeLambda::reply(200, {{"warm", true}, {"instance", answered < 3 ? "a" : "b"}});
    };
    const auto partly = ok(run(platform.io, platform.executor.warm(0, 5)));
    CHECK(partly.instances == 2);
    CHECK(partly.reason.find("1 of 5 calls failed: Rate Exceeded.") != std::string::npos);
    const auto none = failed(run(platform.io, platform.executor.warm(0, 2)));
    CHECK(none.code == errc::throttled);
    REQUIRE(none.metrics);
    CHECK(none.metrics->attempts == 6);
    CHECK(none.metrics->failed_attempts.size() == 6);

    CHECK(ok(run(platform.io, platform.executor.warm(0, 0))).instances == 0);
}

TEST_CASE("C13: a function that does not know the mark is told of, and at most a hundred calls are made") {
    Deploying platform;
    ok(platform.deploy(program()));
    platform.fake->lines.clear();
    platform.fake->invoked = [](const HttpRequest&) { return FakeLambda::reply(200, {{"result", "AA=="}}); };
    const auto unknown = ok(run(platform.io, platform.executor.warm(0, 2)));
    CHECK_FALSE(unknown.supported);
    CHECK_FALSE(unknown.instances);
    CHECK(unknown.reason.find("does not know warming calls") != std::string::npos);
    platform.fake->invoked = [](const HttpRequest&) {
        auto out = FakeLambda::reply(200, {{"errorMessage", "no args"}, {"errorType", "X"}});
        out.headers.set("X-Amz-Function-Error", "Unhandled");
        return out;
    };
    const auto broken = ok(run(platform.io, platform.executor.warm(0, 1)));
    CHECK_FALSE(broken.supported);
    CHECK(broken.reason == "the function failed: no args");
    platform.fake->invoked = {};
    platform.fake->lines.clear();
    const auto many = ok(run(platform.io, platform.executor.warm(0, 250)));
    CHECK(many.instances == 100);
    CHECK(many.requested == 250);
    CHECK(many.reason.find("at most 100") != std::string::npos);
    CHECK(platform.fake->lines.size() == 100);
}

TEST_CASE("run_all: operations are under way at once, and cancelling all of them waits for each") {
    boost::asio::io_context io;
    struct Board {
        int running = 0, most = 0, ended = 0;
    };
    const auto board = std::make_shared<Board>();
    const auto one = [](std::shared_ptr<Board> on) -> boost::asio::awaitable<void> {
        co_await boost::asio::this_coro::throw_if_cancelled(false);
        on->most = std::max(on->most, ++on->running);
        const bool whole = co_await detail::wait_for(std::chrono::hours{1});
        --on->running;
        on->ended += whole ? 0 : 1;
    };
    std::vector<boost::asio::awaitable<void>> operations;
    for (int i = 0; i < 10; ++i) operations.push_back(one(board));
    boost::asio::cancellation_signal stop;
    bool over = false;
    boost::asio::co_spawn(io, detail::run_all(std::move(operations)),
                          boost::asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr) { over = true; }));
    io.poll();
    CHECK(board->most == 10);
    CHECK_FALSE(over);
    stop.emit(boost::asio::cancellation_type::terminal);
    io.restart();
    io.poll();
    CHECK(board->ended == 10);
    CHECK(over);
}

TEST_CASE("run_all: what one operation throws comes out when all have ended") {
    boost::asio::io_context io;
    const auto ended = std::make_shared<int>(0);
    const auto one = [](std::shared_ptr<int> count, int number) -> boost::asio::awaitable<void> {
        co_await detail::wait_for(std::chrono::milliseconds{0});
        ++*count;
        if (number == 1) throw std::runtime_error{"thrown"};
    };
    std::vector<boost::asio::awaitable<void>> operations;
    for (int i = 0; i < 4; ++i) operations.push_back(one(ended, i));
    std::exception_ptr thrown;
    boost::asio::co_spawn(io, detail::run_all(std::move(operations)), [&](std::exception_ptr told) { thrown = told; });
    io.run();
    CHECK(*ended == 4);
    CHECK(thrown);
}

TEST_CASE("lambda revisions: all pages, the newest first, with their traffic") {
    auto platform = three_versions();
    ok(run(platform->io, platform->executor.shift_traffic(0, "2", 0.25)));
    ok(platform->deploy(program("4")));
    ok(platform->deploy(program("5")));
    ok(run(platform->io, platform->executor.shift_traffic(0, "4", 0.25)));
    platform->fake->lines.clear();
    const auto all = ok(run(platform->io, platform->executor.list_revisions(0)));
    REQUIRE(all.size() == 5);
    CHECK(all[0].id == "5");
    CHECK(all[0].traffic == 0.75);
    CHECK(all[0].package_sha256 == program("5").sha256());
    CHECK(all[0].description == "package " + program("5").sha256());
    CHECK(all[0].deployed_at == "2026-01-02T03:04:05.678Z");
    CHECK(all[1].id == "4");
    CHECK(all[1].traffic == 0.25);
    CHECK(all[4].traffic == 0);
    CHECK(platform->fake->lines.size() == 3);  // two pages and the alias
    Deploying absent;
    CHECK(failed(run(absent.io, absent.executor.list_revisions(0))).code == errc::not_found);

    auto options = lambda_options();
    options.alias.clear();
    Deploying without{options, platform->fake};
    const auto latest = ok(run(without.io, without.executor.list_revisions(0)));
    REQUIRE(latest.size() == 6);
    CHECK(latest[0].id == "$LATEST");
    CHECK(latest[0].traffic == 1);
    CHECK(failed(run(without.io, without.executor.roll_back(0))).code == errc::invalid_configuration);
}

TEST_CASE("lambda traffic: a share goes to another version, and 0 or 1 ends the split") {
    auto platform = three_versions();
    const auto shift = [&](const std::string& to, double share) {
        return run(platform->io, platform->executor.shift_traffic(0, to, share));
    };
    auto& alias = platform->fake->job().aliases.at("live");
    ok(shift("2", 0.1));
    CHECK(alias.version == "3");
    CHECK(boost::json::serialize(alias.weights) == R"({"2":1E-1})");
    CHECK(platform->fake->bodies.back().find(R"("AdditionalVersionWeights":{"2":0.1}})") != std::string::npos);
    const auto before = platform->fake->lines.size();
    ok(shift("2", 0.1));  // as it is: nothing to write
    CHECK(platform->fake->writes(before).empty());
    ok(shift("3", 0.5));  // the rest to the other one of the two
    CHECK(alias.version == "2");
    CHECK(alias.weights.at("3").as_double() == 0.5);
    ok(shift("1", 0.25));
    CHECK(alias.version == "2");
    CHECK(alias.weights.contains("1"));
    ok(shift("1", 0));
    CHECK(alias.version == "2");
    CHECK(alias.weights.empty());
    ok(shift("3", 1));
    CHECK(alias.version == "3");

    CHECK(failed(shift("3", 0.5)).code == errc::invalid_configuration);
    CHECK(failed(shift("x", 0.5)).code == errc::invalid_configuration);
    CHECK(failed(shift("$LATEST", 0.5)).code == errc::invalid_configuration);
    CHECK(failed(shift("2", 1.5)).code == errc::invalid_configuration);
    CHECK(failed(shift("2", std::nan(""))).code == errc::invalid_configuration);
    CHECK(failed(shift("9", 0.5)).code == errc::not_found);
    platform->fake->job().provisioned["live"] = {.requested = 1, .looks = 0};
    CHECK(failed(shift("2", 0.5)).message.find("keep_warm") != std::string::npos);
    ok(shift("2", 1));
}

TEST_CASE("lambda traffic: a change that somebody else made meanwhile stays, and is told as a conflict") {
    auto platform = three_versions();
    auto& alias = platform->fake->job().aliases.at("live");
    platform->fake->before = [&](std::size_t, const HttpRequest& request) {
        if (request.verb != Verb::put) return;
        alias.version = "1";
        alias.revision = "theirs";
    };
    CHECK(failed(run(platform->io, platform->executor.roll_back(0))).code == errc::conflict);
    CHECK(alias.version == "1");
    // A new revision of the same route is none, and neither is our own first attempt.
    alias.version = "3";
    platform->fake->before = [&, once = true](std::size_t, const HttpRequest& request) mutable {
        if (request.verb == Verb::put && std::exchange(once, false)) alias.revision = "of the same";
    };
    CHECK(ok(run(platform->io, platform->executor.roll_back(0))).id == "2");
    platform->fake->before = {};
    alias.version = "3";
    platform->fake->fault = FakeLambda::Fault::lost;
    platform->fake->fault_at = platform->fake->lines.size() + 5;  // alias, two pages, version, the change
    CHECK(ok(run(platform->io, platform->executor.roll_back(0))).id == "2");
    CHECK(alias.version == "2");
}

TEST_CASE("lambda roll back: the version before gets all calls, and none is refused clearly") {
    auto platform = three_versions();
    ok(run(platform->io, platform->executor.shift_traffic(0, "2", 0.5)));
    const auto first = ok(run(platform->io, platform->executor.roll_back(0)));
    CHECK(first.id == "2");
    CHECK(first.traffic == 1);
    CHECK(first.package_sha256 == program("2").sha256());
    CHECK(platform->fake->job().aliases.at("live").version == "2");
    CHECK(platform->fake->job().aliases.at("live").weights.empty());
    CHECK(ok(run(platform->io, platform->executor.roll_back(0))).id == "1");
    const auto error = failed(run(platform->io, platform->executor.roll_back(0)));
    CHECK(error.code == errc::not_found);
    CHECK(error.message.find("no version before 1") != std::string::npos);
    CHECK(platform->fake->job().aliases.at("live").version == "1");
    Deploying absent;
    CHECK(failed(run(absent.io, absent.executor.roll_back(0))).code == errc::not_found);
}

TEST_CASE("lambda versions: which may go and which one may go back to") {
    const std::vector<detail::LambdaConfiguration> all{version("$LATEST"), version("1"), version("2"),
                                                       version("10"),      version("9"), version("11")};
    detail::LambdaAlias alias{.version = "10", .other = "2", .other_share = 0.5, .revision_id = {}};
    CHECK((detail::LambdaControl::prunable(all, alias, 1) == Lines{"1"}));
    CHECK((detail::LambdaControl::prunable(all, alias, 0) == Lines{"9", "1"}));
    CHECK((detail::LambdaControl::older(all, alias) == Lines{"9", "2", "1"}));
    alias.other = "11";
    CHECK((detail::LambdaControl::older(all, alias) == Lines{"10", "9", "2", "1"}));
}

TEST_CASE("lambda: answers that are none are told, with the request's id, and no environment is left in them") {
    using detail::LambdaControl;
    for (const std::string body : {"", "[]", "{", "<html>", R"({"Configuration":[]})", R"({"Configuration":{}})"}) {
        CAPTURE(body);
        auto told = answer(200, body);
        told.headers.set("x-amzn-RequestId", "request-1");
        const auto error = failed(LambdaControl::read_function(told));
        CHECK(error.code == errc::serialization);
        CHECK(error.request_id == "request-1");
        CHECK(LambdaControl::read_alias(answer(200, body)).has_error());
        CHECK(LambdaControl::read_provisioned(answer(200, body)).has_error());
        told.body = body;
        CHECK(LambdaControl::read_page(told).has_error());
        CHECK_FALSE(LambdaControl::read_warmed(answer(200, body)).why_not.empty());
    }
    auto full = answer(200, R"({"FunctionArn":"a","Environment":{"Variables":{"KEY":"hidden-value"}}})");
    const auto read = ok(LambdaControl::read_configuration(full));
    CHECK(read.settings.environment.at("KEY").reveal() == "hidden-value");
    CHECK(read.settings.architecture == "x86_64");
    CHECK(full.body.empty());
    auto hidden = answer(200, R"({"FunctionArn":"a","Environment":{"Error":{"ErrorCode":"AccessDenied"}}})");
    CHECK_FALSE(ok(LambdaControl::read_configuration(hidden)).settings.environment_known);
    // A share is one of the calls: nothing else may come out as a revision's traffic.
    for (const std::string share : {"\"x\"", "-0.5", "1.5", "1e400"}) {
        CAPTURE(share);
        CHECK(LambdaControl::read_alias(
                  answer(200,
                         R"({"FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"2":)" + share + "}}}"))
                  .has_error());
    }
    // What is no SHA-256 is not handed on as one.
    auto odd = answer(200, R"({"FunctionArn":"a","Version":"1","CodeSha256":"AQI="})");
    const auto versions = LambdaControl::revisions({ok(LambdaControl::read_configuration(odd))}, std::nullopt);
    CHECK(versions.at(0).package_sha256.empty());
}

}  // namespace aws_control_test
