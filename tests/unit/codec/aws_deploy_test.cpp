#include "aws_deploy_fixture.hpp"
#include "support/versioned_image.hpp"

#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace aws_deploy_test {

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

FaasConfig config(std::uint32_t memory = 512) {
    FaasConfig out;
    out.memory_mib = memory;
    out.timeout = std::chrono::seconds{30};
    out.env_vars = {{"MODE", "fast \"and\" small"}};
    return out;
}

std::string text_of_code(const FakeLambda::Object& settings) {
    return std::string{settings.at("CodeSha256").as_string()};
}

}  // namespace

TEST_CASE("lambda deploy: a new function is made, published and named by the alias, in this order") {
    Deploying platform;
    platform.fake->looks = 2;
    const auto package = program();
    std::vector<DeployProgress> told;
    const auto done = ok(platform.deploy(package, config(), [&](const DeployProgress& step) { told.push_back(step); }));
    CHECK((platform.fake->lines == Lines{"GET " + function, "POST /2015-03-31/functions", "GET " + function,
                                         "GET " + function, "POST " + function + "/versions",
                                         "GET " + function + "?Qualifier=1", "GET " + function + "?Qualifier=1",
                                         "POST " + function + "/aliases"}));
    CHECK(done.function_id == "arn:aws:lambda:eu-central-1:123456789012:function:blueprint-job-0");
    CHECK(done.endpoint == "https://lambda.eu-central-1.amazonaws.com" + function + "/invocations?Qualifier=live");
    CHECK(done.revision == "1");
    CHECK(done.package_sha256 == package.sha256());
    CHECK(done.deployed_at == "2026-01-02T03:04:05.678Z");
    CHECK(done.memory_mib == 512);
    CHECK(done.binary_size_bytes == package.binary_size_bytes());
    CHECK_FALSE(done.unchanged);
    const auto expected =
        R"({"PackageType":"Zip","Architectures":["x86_64"],"Role":"arn:aws:iam::123456789012:role/jobs",)"
        R"("Runtime":"provided.al2023","Handler":"bootstrap","Description":"","Timeout":30,"MemorySize":512,)"
        R"("Environment":{"Variables":{"MODE":"fast \"and\" small"}},"LoggingConfig":{"LogFormat":"Text"},)"
        R"("CodeSha256":")" +
        tests::code_digest(package) + "\"}";
    CHECK((platform.fake->job().settings == boost::json::parse(expected).as_object()));
    CHECK(platform.fake->live().at("Description").as_string() == "package " + package.sha256());
    REQUIRE(!told.empty());
    CHECK(told.front().step == DeployProgress::Step::checking);
    CHECK(told.back().step == DeployProgress::Step::done);
    bool uploaded = false;
    for (const auto& step : told)
        uploaded = uploaded || (step.bytes_total == package.size_bytes() && step.bytes_sent == package.size_bytes());
    CHECK(uploaded);
}

TEST_CASE("lambda deploy: the same package and configuration again write nothing") {
    auto options = lambda_options();
    options.tags = {{"team", "blue"}};
    options.description = "squares numbers";
    Deploying platform{options};
    auto wanted = config();
    wanted.max_concurrency = 5;
    wanted.keep_warm = 2;
    ok(platform.deploy(program(), wanted));
    const auto before = platform.fake->lines.size();
    const auto again = ok(platform.deploy(program(), wanted));
    CHECK(again.unchanged);
    CHECK(again.revision == "1");
    CHECK(platform.fake->writes(before).empty());
    CHECK(ok(run(platform.io, platform.executor.plan_deploy(0, program(), wanted))).unchanged);
    CHECK(platform.fake->writes(before).empty());
}

TEST_CASE("A3: between changes of a function its state is waited for; AWS pitfall 7: and a 409 is not the end") {
    Deploying platform;
    ok(platform.deploy(program(), config()));
    platform.fake->looks = 3;
    platform.fake->lines.clear();
    const auto done = ok(platform.deploy(program("2"), config(1024)));
    CHECK(done.revision == "2");
    const auto& lines = platform.fake->lines;
    const auto configuration = std::find(lines.begin(), lines.end(), "PUT " + function + "/configuration");
    REQUIRE(configuration != lines.end());
    for (int look = 1; look <= 3; ++look) CHECK(*(configuration + look) == "GET " + function);
    CHECK(*(configuration + 4) == "PUT " + function + "/code");  // it had been refused with 409 before that

    // Somebody else's change that begins after our look is met as a 409, and waited for.
    platform.fake->lines.clear();
    std::size_t updates = 0;
    platform.fake->before = [&](std::size_t, const HttpRequest& request) {
        if (request.verb != Verb::put || updates++ != 0) return;
        platform.fake->job().looks = 2;
    };
    CHECK(ok(platform.deploy(program("2"), config(2048))).revision == "3");
    CHECK(updates > 2);
    CHECK(platform.fake->live().at("MemorySize").as_int64() == 2048);
}

TEST_CASE("A4: an update brings environment, role and everything else that differs, and only that") {
    auto usual = lambda_options();
    usual.keep_versions = 0;
    Deploying platform{usual};
    ok(platform.deploy(program(), config()));
    struct Row {
        std::string what;
        std::function<void(LambdaOptions&, FaasConfig&)> alter;
        std::string request;
        std::string member;
        std::string value;
    };
    const std::vector<Row> rows{
        {"role", [](LambdaOptions& o, FaasConfig&) { o.role_arn = "arn:aws:iam::123456789012:role/other"; },
         "/configuration", "Role", R"("arn:aws:iam::123456789012:role/other")"},
        {"memory", [](LambdaOptions&, FaasConfig& c) { c.memory_mib = 256; }, "/configuration", "MemorySize", "256"},
        {"timeout", [](LambdaOptions&, FaasConfig& c) { c.timeout = std::chrono::seconds{9}; }, "/configuration",
         "Timeout", "9"},
        {"environment", [](LambdaOptions&, FaasConfig& c) { c.env_vars = {{"OTHER", "x"}}; }, "/configuration",
         "Environment", R"({"Variables":{"OTHER":"x"}})"},
        {"description", [](LambdaOptions& o, FaasConfig&) { o.description = "new"; }, "/configuration", "Description",
         R"("new")"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        auto options = usual;
        auto wanted = config();
        row.alter(options, wanted);
        Deploying other{options, platform.fake};
        const auto from = platform.fake->lines.size();
        ok(other.deploy(program(), wanted));
        const auto writes = platform.fake->writes(from);
        REQUIRE(writes.size() == 3);
        CHECK(writes[0] == "PUT " + function + row.request);
        CHECK(writes[1] == "POST " + function + "/versions");
        CHECK(writes[2] == "PUT " + function + "/aliases/live");
        CHECK(boost::json::serialize(platform.fake->job().settings.at(row.member)) == row.value);
        ok(platform.deploy(program(), config()));  // and back
    }
}

TEST_CASE("A5: the architecture is the package's, told to Lambda, and one that it lacks is refused") {
    Deploying platform;
    ok(platform.deploy(program()));
    CHECK(boost::json::serialize(platform.fake->live().at("Architectures")) == R"(["x86_64"])");
    ok(platform.deploy(program("1", Architecture::aarch64)));
    CHECK(boost::json::serialize(platform.fake->live().at("Architectures")) == R"(["arm64"])");
    auto& job = platform.fake->job();
    for (auto* settings : {&job.settings, &job.published_from, &job.versions.at(2).settings})
        (*settings)["Architectures"] = boost::json::array{"x86_64"};  // as somebody deployed it who did not look
    ok(platform.deploy(program("1", Architecture::aarch64)));
    CHECK(boost::json::serialize(platform.fake->live().at("Architectures")) == R"(["arm64"])");
    const auto from = platform.fake->lines.size();
    const auto error = failed(platform.deploy(program("1", Architecture::riscv64)));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(error.message.find("riscv64") != std::string::npos);
    CHECK(platform.fake->lines.size() == from);
}

TEST_CASE("lambda: a program that Amazon Linux cannot start is refused for AWS, and not for other servers") {
    const auto package = ok(Package::from_binary(test::build(test::VersionedImage{.versions = {"GLIBC_2.38"}})));
    Deploying platform;
    const auto error = failed(platform.deploy(package));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(error.message.find("bootstrap needs glibc 2.38, and provided.al2023 has 2.34: link it statically") !=
          std::string::npos);
    CHECK(platform.fake->lines.empty());
    ok(platform.deploy(ok(Package::from_binary(test::build(test::VersionedImage{.versions = {"GLIBC_2.34"}})))));
    auto options = lambda_options();
    options.endpoint = "https://lambda.example.com";
    ok(Deploying{options}.deploy(package));
}

TEST_CASE("A5: a package that is too large for a request goes by way of S3, in parts, and once") {
    auto options = lambda_options();
    options.inline_bytes = 6U << 20U;
    options.part_bytes = 5U << 20U;
    std::mt19937 random{7};
    std::string code(6'500'000, ' ');
    for (auto& c : code) c = static_cast<char>(random());
    const auto package = program(code);
    REQUIRE(package.size_bytes() > options.inline_bytes);

    const auto no_bucket = failed(Deploying{options}.deploy(package));
    CHECK(no_bucket.code == errc::invalid_configuration);
    CHECK(no_bucket.message.find("storage_bucket") != std::string::npos);

    options.storage_bucket = "packages";
    Deploying platform{options};
    ok(platform.deploy(package));
    const auto key = "/blueprint/" + package.sha256() + ".zip";
    const auto& lines = platform.fake->lines;
    CHECK((Lines{lines.begin() + 1, lines.begin() + 7} ==
           Lines{"HEAD " + key, "POST " + key + "?uploads=", "PUT " + key + "?partNumber=1&uploadId=up%2F1",
                 "PUT " + key + "?partNumber=2&uploadId=up%2F1", "POST " + key + "?uploadId=up%2F1",
                 "POST /2015-03-31/functions"}));
    CHECK(platform.fake->s3.objects.at(key.substr(1)).size() == package.size_bytes());
    CHECK(text_of_code(platform.fake->live()) == tests::code_digest(package));
    CHECK(platform.fake->bodies[6].find("ZipFile") == std::string::npos);

    // The same bytes for another function, by a path-style endpoint: they are there already.
    options.storage_endpoint = "https://storage.example.com/";
    options.prefix = "blueprint";
    Deploying other{options, platform.fake};
    const auto from = lines.size();
    ok(run(other.io, other.executor.deploy_job(1, package, {})));
    CHECK(lines[from + 1] == "HEAD /packages" + key);
    CHECK(lines[from + 2] == "POST /2015-03-31/functions");
}

TEST_CASE("A5: an upload that fails is ended, and one whose end was lost is looked for") {
    auto options = lambda_options();
    options.inline_bytes = 1;
    options.storage_bucket = "packages";
    Deploying small{options};
    ok(small.deploy(program()));
    CHECK(small.fake->lines[2].starts_with("PUT /blueprint/"));  // one request, as it fits into a part

    std::mt19937 random{8};
    std::string code(5'300'000, ' ');
    for (auto& c : code) c = static_cast<char>(random());
    options.part_bytes = 5U << 20U;
    const auto package = program(code);
    Deploying platform{options};
    platform.fake->s3.late_failure = true;  // with status 200
    const auto error = failed(platform.deploy(package));
    CHECK(error.code == errc::infrastructure);
    CHECK(error.platform_code == "InternalError");
    CHECK(platform.fake->lines.back().starts_with("DELETE /blueprint/"));
    CHECK_FALSE(platform.fake->s3.uploading);
    CHECK(platform.fake->functions.empty());

    Deploying nameless{options};
    nameless.fake->s3.nameless = true;
    CHECK(failed(nameless.deploy(package)).code == errc::serialization);
    CHECK(nameless.fake->lines.back().ends_with("?uploads="));
    CHECK(nameless.fake->functions.empty());

    Deploying lost{options};
    lost.fake->fault = FakeLambda::Fault::lost;
    lost.fake->fault_at = 6;  // the end of the upload
    ok(lost.deploy(package));
    CHECK(lost.fake->lines[6].starts_with("POST /blueprint/"));  // again, and told that there is no such upload
    CHECK(lost.fake->lines[7].starts_with("HEAD /blueprint/"));
}

TEST_CASE("C8: a deployment that returns can be invoked; AWS pitfall 8: a role that was just made is waited for") {
    Deploying platform;
    platform.fake->looks = 2;
    platform.fake->role_refusals = 3;
    ok(platform.deploy(program(), config()));
    CHECK(platform.fake->job().looks == 0);
    CHECK(platform.fake->job().versions.at(1).looks == 0);
    platform.fake->role_refusals = 2;
    ok(platform.deploy(program(), config(1024)));  // an update of the configuration too

    Deploying impatient;
    impatient.fake->role_refusals = 1000;
    const auto error = failed(impatient.deploy(program(), config()));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(error.message.find("cannot be assumed by Lambda") != std::string::npos);
    CHECK(error.message.find("role_patience") != std::string::npos);
    CHECK(impatient.fake->writes().size() == 6);  // five waits of a millisecond
    CHECK(impatient.fake->functions.empty());
}

TEST_CASE("C8: a change that Lambda could not make is an error with its reason, and callers keep the version before") {
    Deploying platform;
    ok(platform.deploy(program(), config()));
    platform.fake->next_failure = "InvalidSubnet";
    const auto error = failed(platform.deploy(program("2"), config()));
    CHECK(error.message.find("InvalidSubnet: it did not work") != std::string::npos);
    CHECK(error.message.find("callers still reach version 1") != std::string::npos);
    CHECK(text_of_code(platform.fake->live()) == tests::code_digest(program()));
    // Repaired by the next one, which writes all of it again.
    const auto from = platform.fake->lines.size();
    CHECK(ok(platform.deploy(program("2"), config())).revision == "2");
    CHECK(platform.fake->writes(from)[0] == "PUT " + function + "/configuration");
    CHECK(platform.fake->writes(from)[1] == "PUT " + function + "/code");
}

TEST_CASE("C11: only Lambda's own word makes a function absent; every other failure of the look is an error") {
    Deploying platform;
    platform.fake->before = [&](std::size_t, const HttpRequest&) {
        platform.fake->fault_at = platform.fake->lines.size();
    };
    CHECK(failed(platform.deploy(program())).code == errc::authentication);
    CHECK(platform.fake->writes().empty());
}

TEST_CASE("C7: max_concurrency and keep_warm are set, kept as they are, and taken away again") {
    Deploying platform;
    platform.fake->looks = 2;
    auto wanted = config();
    wanted.max_concurrency = 7;
    wanted.keep_warm = 3;
    std::string told;
    ok(platform.deploy(program(), wanted, [&](const DeployProgress& step) { told += step.detail + '\n'; }));
    CHECK(told.find("instances are being made to be kept warm") != std::string::npos);
    CHECK(platform.fake->job().reserved == 7);
    CHECK(platform.fake->job().provisioned.at("live").requested == 3);
    CHECK(platform.fake->job().provisioned.at("live").looks == 0);  // waited for until they were there
    ok(platform.deploy(program("2"), wanted));                      // the alias moves, and they with it
    CHECK(platform.fake->job().provisioned.at("live").looks == 0);
    ok(platform.deploy(program("2"), config()));
    CHECK_FALSE(platform.fake->job().reserved);
    CHECK(platform.fake->job().provisioned.empty());

    auto options = lambda_options();
    options.alias.clear();
    const auto error = failed(Deploying{options}.deploy(program(), wanted));
    CHECK(error.message.find("keep_warm needs an alias") != std::string::npos);
}

TEST_CASE("lambda deploy: tags of ours are set, those of others stay") {
    auto options = lambda_options();
    options.tags = {{"team", "blue"}};
    Deploying platform{options};
    ok(platform.deploy(program()));
    platform.fake->job().tags["cost"] = "17";
    options.tags = {{"team", "red"}};
    Deploying other{options, platform.fake};
    const auto from = platform.fake->lines.size();
    ok(other.deploy(program()));
    CHECK((platform.fake->writes(from) ==
           Lines{"POST /2017-03-31/tags/"
                 "arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Ablueprint-job-0"}));
    CHECK(boost::json::serialize(platform.fake->job().tags) == R"({"team":"red","cost":"17"})");
}

TEST_CASE("lambda deploy: without an alias calls go to $LATEST, and nothing is published") {
    auto options = lambda_options();
    options.alias.clear();
    Deploying platform{options};
    const auto made = ok(platform.deploy(program()));
    CHECK(made.endpoint.ends_with("/blueprint-job-0/invocations"));
    CHECK((platform.fake->writes() == Lines{"POST /2015-03-31/functions"}));
    ok(platform.deploy(program("2")));
    CHECK(platform.fake->writes().back() == "PUT " + function + "/code");
    CHECK(ok(platform.deploy(program("2"))).unchanged);
}

TEST_CASE("lambda deploy: old versions are removed, those with calls and the newest ones stay") {
    auto options = lambda_options();
    options.keep_versions = 2;
    Deploying platform{options};
    for (int i = 1; i <= 6; ++i) ok(platform.deploy(program(std::to_string(i))));
    std::vector<int> versions;
    for (const auto& [number, version] : platform.fake->job().versions) versions.push_back(number);
    CHECK((versions == std::vector<int>{4, 5, 6}));
    // One that another alias uses is left, and does not keep those from going that are older still.
    platform.fake->job().aliases["held"] = {.version = "5", .weights = {}, .revision = "r"};
    options.keep_versions = 1;
    Deploying fewer{options, platform.fake};
    ok(fewer.deploy(program("7")));
    CHECK(platform.fake->job().versions.contains(5));
    CHECK_FALSE(platform.fake->job().versions.contains(4));
}

TEST_CASE("lambda deploy: going back to a package that was deployed before needs no upload, and a split is ended") {
    Deploying platform;
    ok(platform.deploy(program("1")));
    ok(platform.deploy(program("2")));
    ok(run(platform.io, platform.executor.roll_back(0)));
    const auto from = platform.fake->lines.size();
    CHECK(ok(platform.deploy(program("2"))).revision == "2");
    CHECK(
        (platform.fake->writes(from) == Lines{"POST " + function + "/versions", "PUT " + function + "/aliases/live"}));

    ok(run(platform.io, platform.executor.shift_traffic(0, "1", 0.25)));
    const auto split = platform.fake->lines.size();
    CHECK(ok(platform.deploy(program("2"))).revision == "2");
    CHECK((platform.fake->writes(split) == Lines{"PUT " + function + "/aliases/live"}));
    CHECK(platform.fake->job().aliases.at("live").weights.empty());
}

TEST_CASE("lambda plan: tells the calls that a deployment then makes, and makes none of them") {
    Deploying platform;
    const auto plan_and_deploy = [&](const Package& package, const FaasConfig& wanted) {
        const auto from = platform.fake->lines.size();
        const auto plan = ok(run(platform.io, platform.executor.plan_deploy(0, package, wanted)));
        CHECK(platform.fake->writes(from).empty());
        Lines planned;
        for (const auto& call : plan.calls) {
            CHECK_FALSE(call.why.empty());
            if (call.writes) planned.push_back(call.what);
        }
        const auto then = platform.fake->lines.size();
        ok(platform.deploy(package, wanted));
        CHECK((planned == platform.fake->writes(then)));
        return plan;
    };
    auto wanted = config();
    CHECK(plan_and_deploy(program(), wanted).calls.size() == 6);
    wanted.max_concurrency = 3;
    wanted.keep_warm = 1;
    wanted.memory_mib = 1024;
    const auto update = plan_and_deploy(program("2"), wanted).calls;
    for (const std::string changed : {"/configuration", "/code"}) {  // after each change its end is waited for
        CAPTURE(changed);
        const auto write = std::find_if(update.begin(), update.end(), [&](const PlannedCall& call) {
            return call.what == "PUT " + function + changed;
        });
        REQUIRE(write != update.end());
        REQUIRE(write + 1 != update.end());
        CHECK((write + 1)->what == "GET " + function);
        CHECK_FALSE((write + 1)->writes);
    }
    CHECK(plan_and_deploy(program("2"), wanted).unchanged);
    for (int i = 3; i < 9; ++i) plan_and_deploy(program(std::to_string(i)), config());  // and old versions go
}

TEST_CASE("lambda deploy: whichever request fails, callers get the version before or all of the new one") {
    for (const auto fault : {FakeLambda::Fault::refused, FakeLambda::Fault::lost}) {
        for (std::size_t at = 1, last = 100; at <= last; ++at) {
            CAPTURE(at);
            auto wanted = config(1024);
            wanted.max_concurrency = 4;
            wanted.keep_warm = 1;
            Deploying platform;
            ok(platform.deploy(program("1"), config()));
            const auto from = platform.fake->lines.size();
            platform.fake->fault = fault;
            platform.fake->fault_at = from + at;
            const auto outcome = platform.deploy(program("2"), wanted);
            const bool lost = fault == FakeLambda::Fault::lost;
            if (platform.fake->lines.size() < from + at) {
                last = at;  // it made no request of that number
                CHECK(at > 12);
            }
            // What was lost is asked again, also where the first attempt had done it.
            if (lost || last == at) CHECK_MESSAGE(outcome.has_value(), (outcome ? "" : outcome.error().message));
            const auto& live = platform.fake->live();
            const bool is_new = text_of_code(live) == tests::code_digest(program("2"));
            CHECK(live.at("MemorySize").as_int64() == (is_new ? 1024 : 512));
            if (outcome) CHECK(is_new);
            // A deployment that works is none the worse for old versions that could not be looked for.
            if (!lost && last != at)
                CHECK(outcome.has_value() == platform.fake->lines[from + at - 1].starts_with("GET " + function + "/v"));
            if (!outcome && is_new) CHECK(outcome.error().message.find("callers reach version 2") != std::string::npos);
            // And the next one brings all in order.
            platform.fake->fault_at = 0;
            CHECK(ok(platform.deploy(program("2"), wanted)).revision ==
                  platform.fake->job().aliases.at("live").version);
            CHECK(ok(platform.deploy(program("2"), wanted)).unchanged);
        }
    }
}

TEST_CASE("lambda deploy: a first deployment may fail at any request, and be repeated") {
    for (const auto fault : {FakeLambda::Fault::refused, FakeLambda::Fault::lost}) {
        for (std::size_t at = 1, last = 100; at <= last; ++at) {
            CAPTURE(at);
            Deploying platform;
            platform.fake->fault = fault;
            platform.fake->fault_at = at;
            const auto outcome = platform.deploy(program("1"), config());
            if (platform.fake->lines.size() < at) last = at;
            if (fault == FakeLambda::Fault::lost) CHECK(outcome.has_value());
            platform.fake->fault_at = 0;
            ok(platform.deploy(program("1"), config()));
            CHECK(text_of_code(platform.fake->live()) == tests::code_digest(program("1")));
            CHECK(ok(platform.deploy(program("1"), config())).unchanged);
        }
    }
}

TEST_CASE("lambda deploy: another deployment that comes between any two requests is never overwritten") {
    struct Case {
        std::string code;
        std::uint32_t memory;
        bool exists;
    };
    for (const auto& theirs :
         {Case{"B", 512, true}, Case{"A", 2048, true}, Case{"B", 2048, true}, Case{"A", 2048, false}}) {
        for (std::size_t at = 1, last = 100; at <= last; ++at) {
            CAPTURE(theirs.code);
            CAPTURE(theirs.memory);
            CAPTURE(at);
            Deploying ours;
            if (theirs.exists) ok(ours.deploy(program("0"), config()));
            Deploying other{lambda_options(), ours.fake};
            const auto from = ours.fake->lines.size();
            bool came = false;
            ours.fake->before = [&](std::size_t number, const HttpRequest&) {
                if (number != from + at || std::exchange(came, true)) return;
                ok(other.deploy(program(theirs.code), config(theirs.memory)));
            };
            const auto outcome = ours.deploy(program("A"), config());
            ours.fake->before = {};
            if (!came) last = at;
            const auto& live = ours.fake->live();
            const bool is_theirs = text_of_code(live) == tests::code_digest(program(theirs.code)) &&
                                   live.at("MemorySize").as_int64() == theirs.memory;
            const bool is_ours =
                text_of_code(live) == tests::code_digest(program("A")) && live.at("MemorySize").as_int64() == 512;
            if (outcome) {  // theirs came before the first look, or after the alias had moved
                CHECK((at == 1 || !came ? is_ours : is_theirs));
            } else {
                CHECK(outcome.error().code == errc::conflict);
                CHECK(outcome.error().message.find("somebody else") != std::string::npos);
                CHECK(is_theirs);
                // Who finds the function made by somebody else writes nothing more.
                if (!theirs.exists && at == 2) CHECK(ours.fake->lines.back() == "GET " + function);
            }
        }
    }
}

TEST_CASE("lambda deploy: what somebody changes by hand between two requests does not reach callers") {
    for (const bool told_by_revision : {false, true}) {
        Deploying platform;
        ok(platform.deploy(program("1"), config()));
        const auto from = platform.fake->lines.size();
        platform.fake->before = [&, once = true](std::size_t, const HttpRequest& request) mutable {
            if (!request.target.ends_with("/versions") || !std::exchange(once, false)) return;
            platform.fake->job().settings["MemorySize"] = 3008;
            if (told_by_revision) platform.fake->job().revision = "theirs";
        };
        CHECK(failed(platform.deploy(program("2"), config())).code == errc::conflict);
        CHECK(platform.fake->job().aliases.at("live").version == "1");
        int published = 0;
        for (const auto& line : platform.fake->writes(from)) published += line.ends_with("/versions") ? 1 : 0;
        CHECK(published == 1);
    }
    // A revision that changed without what we look at, as by a permission, is none of that.
    Deploying platform;
    ok(platform.deploy(program("1"), config()));
    int changes = 0;
    platform.fake->before = [&](std::size_t, const HttpRequest& request) {
        if (request.verb != Verb::get && ++changes % 2 == 1) platform.fake->job().revision = "of a permission";
    };
    ok(platform.deploy(program("2"), config(1024)));
    CHECK(changes > 6);  // each was refused once
}

TEST_CASE(
    "lambda deploy: of two deployments at once one goes on, the other gets a conflict, and no half state is left") {
    int conflicts = 0;
    for (unsigned seed = 0; seed < 300; ++seed) {
        CAPTURE(seed);
        const bool exists = seed % 2 == 0;
        const auto fake = std::make_shared<FakeLambda>();
        fake->looks = static_cast<int>(seed % 3);
        Deploying first{lambda_options(), fake};
        if (exists) ok(first.deploy(program("0"), config()));
        std::mt19937 random{seed};
        const auto stops = [&] { return static_cast<int>(random() % 4); };
        boost::asio::io_context io;
        using executor_type = Deploying::executor_type;
        const auto executor = [&] {
            return std::make_unique<executor_type>(
                tests::FakeLambdaTransport{io.get_executor(), fake, stops}, NoAuth{}, LambdaCodec<>{lambda_options()},
                StandardResilience{{.max_attempts = 3, .first_delay = {}, .first_throttled_delay = {}}});
        };
        struct Deployer {
            std::unique_ptr<executor_type> executor;
            Package package;
            FaasConfig wanted;
            std::optional<result<FaasDeployment>> outcome{};
        };
        std::array<Deployer, 2> both{Deployer{executor(), program("A"), config(1024)},
                                     Deployer{executor(), program("B"), config(2048)}};
        for (auto& one : both)
            boost::asio::co_spawn(io, one.executor->deploy_job(0, one.package, one.wanted),
                                  [&one](std::exception_ptr failure, result<FaasDeployment> outcome) {
                                      if (failure) std::rethrow_exception(failure);
                                      one.outcome.emplace(std::move(outcome));
                                  });
        io.run();
        REQUIRE((both[0].outcome && both[1].outcome));
        const auto& live = fake->live();
        bool whole = false;
        for (const auto& one : both) {
            const bool is_this = text_of_code(live) == tests::code_digest(one.package);
            if (is_this) {
                CHECK(live.at("MemorySize").as_int64() == one.wanted.memory_mib);
                CHECK(one.outcome->has_value());
            }
            whole = whole || is_this;
            if (!*one.outcome) {
                CHECK((*one.outcome).error().code == errc::conflict);
                ++conflicts;
            }
        }
        CHECK(whole);
        CHECK((*both[0].outcome || *both[1].outcome));
    }
    CHECK(conflicts > 200);  // the runs did meet
}

}  // namespace aws_deploy_test
