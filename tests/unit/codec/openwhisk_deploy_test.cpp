#include "blueprint/faas/package/openwhisk_action.hpp"
#include "blueprint/faas/start.hpp"
#include "openwhisk_codec_fixture.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace openwhisk_deploy_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using tests::DigitalOcean;
using tests::digitalocean_options;
using tests::failed;
using tests::FakeOpenWhisk;
using tests::hasty;
using tests::lines_with;
using tests::ok;
using tests::OpenWhisk;
using tests::openwhisk_options;
using tests::run;
using tests::says;
using tests::short_config;
using tests::whisk_program;
using Lines = std::vector<std::string>;

namespace {

const std::string action = "functions:/namespaces/_/actions/blueprint-job-0";

std::string text_of(const tests::rest::Object& object) { return boost::json::serialize(object); }

/// A host whose namespace has to be found, and is not there.
class EmptyHost : public detail::OpenWhiskHost {
public:
    using OpenWhiskHost::OpenWhiskHost;
    static std::optional<detail::OpenWhiskAccess> given() { return std::nullopt; }
    template <class L>
    asio::awaitable<result<detail::OpenWhiskAccess>> access(L&, std::optional<detail::OpenWhiskAccess>, bool) const {
        co_return Error{
            .code = errc::not_found, .message = "there is no such namespace", .execution = Execution::not_started};
    }
};

}  // namespace

TEST_CASE("D3: a new action is looked for, written whole, read back and seen to answer, in this order") {
    OpenWhisk whisk;
    const auto package = whisk_program();
    std::vector<DeployProgress> told;
    const auto done =
        ok(whisk.deploy(0, package, short_config(), [&](const DeployProgress& step) { told.push_back(step); }));
    CHECK((whisk.fake->lines == Lines{"GET " + action, "GET functions:/", "PUT " + action, "POST " + action}));
    CHECK(whisk.fake->targets[0] == "/api/v1/namespaces/_/actions/blueprint-job-0?code=false");
    CHECK(whisk.fake->targets[2] == "/api/v1/namespaces/_/actions/blueprint-job-0?overwrite=true");
    CHECK((whisk.fake->actions.marked == Lines{"health"}));
    CHECK(done.job_id == JobId{0U});
    CHECK(says(done.function_id, "blueprint-job-0"));
    CHECK(done.endpoint == "https://openwhisk.example.com/api/v1/namespaces/_/actions/blueprint-job-0");
    CHECK(done.state == DeploymentState::deployed);
    CHECK(done.memory_mib == 256);
    CHECK(done.timeout == 60s);
    CHECK(done.revision == "0.0.1");
    CHECK(done.package_sha256 == package.sha256());
    CHECK(done.binary_size_bytes == package.binary_size_bytes());
    CHECK_FALSE(done.unchanged);

    const auto& there = whisk.fake->actions.only();
    CHECK(there.exec.at("kind").as_string() == "nodejs:22");  // the newest, which "nodejs:9" is not
    CHECK(there.exec.at("main").as_string() == "main");
    CHECK(there.exec.at("code").as_string() == ok(openwhisk_node_code(package)));
    CHECK(there.exec.at("binary").as_bool());
    CHECK(text_of(there.limits) == R"({"timeout":60000,"memory":256,"logs":1,"concurrency":1})");
    CHECK(there.annotations.at("blueprint-package").as_string() ==
          package.sha256() + ':' + openwhisk_shim_digest(OpenWhiskWay::node, ""));
    CHECK(there.annotations.at("web-export") == boost::json::value(false));
    CHECK(there.annotations.at("final") == boost::json::value(true));
    CHECK(boost::json::serialize(there.parameters) == R"([{"key":"MODE","value":"fast \"and\" small","init":true}])");

    REQUIRE(!told.empty());
    CHECK(told.front().step == DeployProgress::Step::checking);
    CHECK(told.back().step == DeployProgress::Step::done);
    const auto size = whisk.fake->bodies[2].size();
    CHECK(std::any_of(told.begin(), told.end(),
                      [&](const DeployProgress& step) { return step.bytes_total == size && step.bytes_sent == size; }));
}

TEST_CASE("openwhisk: the same package and configuration again write nothing, also over what others added") {
    auto actions = hasty();
    actions.annotations = {{"team", "blue"}};
    OpenWhisk whisk{openwhisk_options(actions)};
    ok(whisk.deploy(0, whisk_program()));
    whisk.fake->actions.only().annotations["theirs"] = "too";
    whisk.asked();
    const auto again = ok(whisk.deploy(0, whisk_program()));
    CHECK(again.unchanged);
    CHECK(again.revision == "0.0.1");
    CHECK((whisk.asked() == Lines{"GET " + action, "POST " + action}));
    CHECK(ok(whisk.plan(0, whisk_program())).unchanged);
    CHECK(whisk.fake->writes().empty());
    // A newer runtime of the host's is no reason to write.
    whisk.fake->actions.offer["runtimes"].as_object()["nodejs"].as_array().push_back(
        tests::whisk::Object{{"kind", "nodejs:24"}, {"default", false}, {"deprecated", false}});
    CHECK(ok(whisk.deploy(0, whisk_program())).unchanged);
    auto bigger = short_config(512);
    ok(whisk.deploy(0, whisk_program(), bigger));
    CHECK(whisk.fake->actions.only().exec.at("kind").as_string() == "nodejs:24");
}

TEST_CASE("openwhisk: whatever differs has the whole action written, and what was taken out of it goes") {
    struct Row {
        std::string what;
        std::function<void(OpenWhiskActionOptions&, FaasConfig&)> alter;
        std::string difference;
    };
    const std::vector<Row> rows{
        {"memory", [](auto&, FaasConfig& c) { c.memory_mib = 128; }, "limits.memory"},
        {"timeout", [](auto&, FaasConfig& c) { c.timeout = 61s; }, "limits.timeout"},
        {"logs", [](OpenWhiskActionOptions& o, auto&) { o.log_mib = 2; }, "limits.logs"},
        {"concurrency", [](OpenWhiskActionOptions& o, auto&) { o.instance_calls = 3; }, "limits.concurrency"},
        {"variable", [](auto&, FaasConfig& c) { c.env_vars = {{"MODE", "slow"}}; }, "parameter MODE"},
        {"variables", [](auto&, FaasConfig& c) { c.env_vars.clear(); }, "parameter MODE"},
        {"annotation", [](OpenWhiskActionOptions& o, auto&) { o.annotations = {{"team", "red"}}; }, "annotation team"},
        {"annotations", [](OpenWhiskActionOptions& o, auto&) { o.annotations.clear(); }, "annotation team"},
        {"kind", [](OpenWhiskActionOptions& o, auto&) { o.kind = "nodejs:18"; }, "kind"},
        {"way", [](OpenWhiskActionOptions& o, auto&) { o.way = OpenWhiskWay::action_loop; }, "shim"},
    };
    auto usual = hasty();
    usual.annotations = {{"team", "blue"}};
    for (const auto& row : rows) {
        CAPTURE(row.what);
        OpenWhisk whisk{openwhisk_options(usual)};
        ok(whisk.deploy(0, whisk_program()));
        auto options = usual;
        auto config = short_config();
        row.alter(options, config);
        OpenWhisk other{openwhisk_options(options), whisk.fake};
        const auto plan = ok(other.plan(0, whisk_program(), config));
        CHECK_FALSE(plan.unchanged);
        CHECK(std::any_of(plan.calls.begin(), plan.calls.end(),
                          [&](const PlannedCall& call) { return call.writes && says(call.why, row.difference); }));
        whisk.asked();
        const auto done = ok(other.deploy(0, whisk_program(), config));
        CHECK_FALSE(done.unchanged);
        CHECK(done.revision == "0.0.2");
        CHECK((whisk.fake->writes() == Lines{"PUT " + action}));
        CHECK(ok(other.deploy(0, whisk_program(), config)).unchanged);
    }
    OpenWhisk whisk{openwhisk_options(usual)};
    ok(whisk.deploy(0, whisk_program()));
    const auto done = ok(whisk.deploy(0, whisk_program("1")));
    CHECK(done.package_sha256 == whisk_program("1").sha256());
    CHECK(whisk.fake->actions.only().exec.at("code").as_string() == ok(openwhisk_node_code(whisk_program("1"))));
}

TEST_CASE("D4: what the platform does not take is refused before anything is sent") {
    DigitalOcean ocean;
    const auto refused = [&](FaasConfig config, std::string_view part) {
        const auto error = failed(ocean.deploy(0, whisk_program(), config));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(error.execution == Execution::not_started);
        CHECK_MESSAGE(says(error, part), error.message);
        CHECK(failed(ocean.plan(0, whisk_program(), config)).code == errc::invalid_configuration);
    };
    refused(short_config(127), "128");
    refused(short_config(1025), "1024");
    auto config = short_config();
    config.timeout = 901s;
    refused(config, "900");
    config = short_config();
    config.keep_warm = 1;
    refused(config, "keep_warm");
    config = short_config();
    config.max_concurrency = 1;
    refused(config, "max_concurrency");
    CHECK(ocean.fake->lines.empty());
}

TEST_CASE("openwhisk: what is beyond the usual limits is asked of the host, whose own limits count") {
    OpenWhisk whisk;
    const auto error = failed(whisk.deploy(0, whisk_program(), short_config(2048)));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(says(error, "512"));
    CHECK((whisk.asked() == Lines{"GET functions:/"}));
    whisk.fake->actions.offer["limits"].as_object()["max_action_memory"] = 2048ULL << 20;
    CHECK(ok(whisk.deploy(0, whisk_program(), short_config(2048))).memory_mib == 2048);
    CHECK((whisk.asked() == Lines{"GET functions:/", "GET " + action, "PUT " + action, "POST " + action}));
    // What is within the usual ones may still be beyond the host's.
    whisk.fake->actions.offer["limits"].as_object()["max_action_memory"] = 256ULL << 20;
    CHECK(failed(whisk.deploy(1, whisk_program(), short_config(512))).code == errc::invalid_configuration);
    CHECK(whisk.fake->writes().empty());
    // What is wrong with something else is not the host's to allow, also of a function with the largest memory.
    whisk.asked();
    auto config = short_config(512);
    config.keep_warm = 1;
    CHECK(says(failed(whisk.deploy(1, whisk_program(), config)), "keep_warm"));
    CHECK(whisk.asked().empty());
}

TEST_CASE("pitfall 10 (OpenWhisk): a runtime that the host took instead of the one asked for is an error") {
    for (const bool terse : {false, true}) {
        CAPTURE(terse);
        auto actions = hasty();
        actions.kind = "nodejs:22";
        OpenWhisk whisk{openwhisk_options(actions)};
        whisk.fake->actions.other_kind = "nodejs:18";
        whisk.fake->actions.terse = terse;
        const auto error = failed(whisk.deploy(0, whisk_program()));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(says(error, "nodejs:22"));
        CHECK(says(error, "nodejs:18"));
        CHECK(whisk.fake->actions.marked.empty());
        // It is not taken for what was wanted the next time either.
        CHECK(failed(whisk.deploy(0, whisk_program())).code == errc::invalid_configuration);
    }
    auto actions = hasty();
    actions.kind = "nodejs:20";
    OpenWhisk whisk{openwhisk_options(actions)};
    const auto error = failed(whisk.deploy(0, whisk_program()));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(says(error, "nodejs:18"));
    CHECK(whisk.fake->writes().empty());
}

TEST_CASE("openwhisk: an answer that tells little is completed by a look") {
    OpenWhisk whisk;
    whisk.fake->actions.terse = true;
    const auto done = ok(whisk.deploy(0, whisk_program()));
    CHECK(done.memory_mib == 256);
    CHECK(done.revision == "0.0.1");
    CHECK((whisk.asked() ==
           Lines{"GET " + action, "GET functions:/", "PUT " + action, "GET " + action, "POST " + action}));
}

TEST_CASE("openwhisk: a host that does not tell its runtimes needs one that is named") {
    OpenWhisk whisk;
    whisk.fake->no_offer = true;
    const auto error = failed(whisk.deploy(0, whisk_program()));
    CHECK(says(error, "OpenWhiskActionOptions::kind"));
    CHECK(whisk.fake->writes().empty());
    auto actions = hasty();
    actions.kind = "nodejs:18";
    OpenWhisk named{openwhisk_options(actions), whisk.fake};
    ok(named.deploy(0, whisk_program()));
    CHECK(whisk.fake->actions.only().exec.at("kind").as_string() == "nodejs:18");
}

TEST_CASE("pitfall 1 (OpenWhisk): a program that cannot be started is told with what it wrote to the log") {
    OpenWhisk whisk;
    whisk.fake->actions.broken = "Cannot start action. Check logs for details.";
    whisk.fake->actions.log = "Expected exec.env should start with openwhisk/action-golang-v1.24";
    const auto error = failed(whisk.deploy(0, whisk_program()));
    CHECK(error.code == errc::invocation_failed);
    CHECK(says(error, "blueprint-job-0"));
    CHECK(says(error, "Cannot start action"));
    CHECK(says(error, "action-golang-v1.24"));
    CHECK(error.request_id == "00000000000000000000000000000001");
    // It is no better the next time, though there is nothing to write.
    CHECK(failed(whisk.deploy(0, whisk_program())).code == errc::invocation_failed);
    whisk.fake->actions.broken.clear();
    CHECK(ok(whisk.deploy(0, whisk_program())).unchanged);
    // A program that is none of this library's cannot run jobs.
    whisk.fake->actions.foreign = true;
    CHECK(failed(whisk.deploy(0, whisk_program())).code == errc::invocation_failed);
}

TEST_CASE("pitfall 5 (OpenWhisk): a first call that outlives the host's wait is made again") {
    OpenWhisk whisk;
    whisk.fake->actions.unfinished = 2;
    ok(whisk.deploy(0, whisk_program()));
    CHECK((whisk.fake->actions.marked == Lines{"health", "health", "health"}));
}

TEST_CASE("openwhisk: a new action that cannot be called yet is called again, and not for ever") {
    struct Row {
        int throttled = 0;
        int unknown = 0;
        bool answers = false;
    };
    // Each look makes three attempts where there are too many calls, and one where there is no action.
    for (const auto& row : {Row{3 * 3, 0, true}, Row{0, 3, true}, Row{3 * 4, 0, false}, Row{0, 4, false}}) {
        CAPTURE(row.throttled);
        CAPTURE(row.unknown);
        OpenWhisk whisk;
        whisk.fake->actions.throttled = row.throttled;
        whisk.fake->actions.unknown = row.unknown;
        const auto done = whisk.deploy(0, whisk_program());
        CHECK(done.has_value() == row.answers);
        if (!done) CHECK(says(done.error(), "it is deployed and does not answer"));
        CHECK(lines_with(whisk.fake->lines, "PUT ") == 1);
        CHECK(whisk.fake->actions.throttled == 0);
        CHECK(whisk.fake->actions.unknown == 0);
    }
}

TEST_CASE(
    "openwhisk: a program that never answers is waited for until the deployment's deadline, and what for is told") {
    OpenWhisk whisk{openwhisk_options(), std::make_shared<FakeOpenWhisk>(), {}, {.deploy_timeout = 50ms}};
    whisk.fake->actions.unfinished = -1;
    const auto error = failed(whisk.deploy(0, whisk_program()));
    CHECK(error.code == errc::timed_out);
    CHECK(says(error, "blueprint-job-0"));
    CHECK(says(error, "it does not answer yet"));
    CHECK(whisk.fake->actions.marked.size() > 1);
}

TEST_CASE("openwhisk: the default runtime of a family is whatever it stands for, and no difference") {
    auto actions = hasty();
    actions.kind = "nodejs:default";
    OpenWhisk whisk{openwhisk_options(actions)};
    ok(whisk.deploy(0, whisk_program()));
    CHECK(whisk.fake->actions.only().exec.at("kind").as_string() == "nodejs:22");
    CHECK(ok(whisk.deploy(0, whisk_program())).unchanged);
}

TEST_CASE("openwhisk: a change at the same time has the action looked at again, and not for ever") {
    OpenWhisk whisk;
    whisk.fake->actions.concurrent_changes = 2;
    ok(whisk.deploy(0, whisk_program()));
    CHECK(lines_with(whisk.fake->lines, "PUT ") == 3);
    CHECK(lines_with(whisk.fake->lines, "GET " + action) == 3);
    CHECK(lines_with(whisk.fake->lines, "GET functions:/") >= 1);

    OpenWhisk busy;
    busy.fake->actions.concurrent_changes = -1;
    const auto error = failed(busy.deploy(0, whisk_program()));
    CHECK(error.code == errc::conflict);
    CHECK(lines_with(busy.fake->lines, "PUT ") == 8);

    // Somebody else, who wants the same, was faster: there is nothing left to do.
    OpenWhisk second;
    OpenWhisk first{openwhisk_options(), second.fake};
    second.fake->actions.before_put = [&] {
        ok(first.deploy(0, whisk_program()));
        second.fake->actions.concurrent_changes = 1;
    };
    const auto done = ok(second.deploy(0, whisk_program()));
    CHECK(done.revision == "0.0.1");
    CHECK(second.fake->actions.only().version == 1);
}

TEST_CASE("openwhisk: of two who deploy different programs at once, the one whose program is gone is told") {
    for (const bool removed : {false, true}) {
        CAPTURE(removed);
        OpenWhisk whisk;
        OpenWhisk other{openwhisk_options(), whisk.fake};
        whisk.fake->actions.terse = true;  // so that it is looked at again
        whisk.fake->actions.after_put = [&] {
            if (removed)
                ok(other.undeploy(0));
            else
                ok(other.deploy(0, whisk_program("1")));
        };
        const auto error = failed(whisk.deploy(0, whisk_program("2")));
        CHECK(error.code == errc::conflict);
        CHECK(says(error, "meanwhile"));
    }
}

TEST_CASE("openwhisk: the package that actions are in is made before them, and once") {
    auto actions = hasty();
    actions.package = "jobs";
    OpenWhisk whisk{openwhisk_options(actions)};
    const std::string inside = "functions:/namespaces/_/actions/jobs/blueprint-job-0";
    const std::string package = "functions:/namespaces/_/packages/jobs";
    const auto planned = ok(whisk.plan(0, whisk_program()));
    whisk.asked();
    ok(whisk.deploy(0, whisk_program()));
    CHECK((whisk.asked() == Lines{"GET " + inside, "GET functions:/", "GET " + package, "PUT " + package,
                                  "PUT " + inside, "POST " + inside}));
    CHECK(whisk.fake->actions.packages.at("jobs") == 1);
    Lines would;
    for (const auto& call : planned.calls)
        if (call.writes) would.push_back(call.what);
    REQUIRE(would.size() == 2);
    CHECK(says(would[0], "PUT https://openwhisk.example.com/api/v1/namespaces/_/packages/jobs"));
    CHECK(says(would[1], "PUT https://openwhisk.example.com/api/v1/namespaces/_/actions/jobs/blueprint-job-0"));
    ok(whisk.deploy(1, whisk_program()));
    CHECK(whisk.fake->actions.packages.at("jobs") == 1);
    CHECK(ok(whisk.deploy(1, whisk_program())).unchanged);
    // An action of the package's name is somebody else's.
    OpenWhisk plain;
    plain.fake->actions.packages["blueprint-job-0"] = 1;
    const auto error = failed(plain.deploy(0, whisk_program()));
    CHECK(error.code == errc::conflict);
    CHECK(lines_with(plain.fake->lines, "PUT ") == 0);
}

TEST_CASE("openwhisk: the plan is what a deployment then does") {
    for (const bool there : {false, true}) {
        CAPTURE(there);
        OpenWhisk whisk;
        if (there) ok(whisk.deploy(0, whisk_program("old")));
        whisk.asked();
        const auto plan = ok(whisk.plan(0, whisk_program()));
        CHECK(whisk.fake->writes().empty());
        CHECK(lines_with(whisk.asked(), "POST ") == 0);
        ok(whisk.deploy(0, whisk_program()));
        Lines would;
        for (const auto& call : plan.calls) {
            const auto space = call.what.find(' ');
            auto path = call.what.substr(call.what.find('/', space + 10));
            if (path.starts_with("/api/v1")) path.erase(0, 7);
            would.push_back(call.what.substr(0, space) + " functions:" + path.substr(0, path.find('?')));
        }
        CHECK((would == whisk.asked()));
    }
}

TEST_CASE("D1, D2: a namespace that is missing is made where the options say, and its functions by OpenWhisk's API") {
    DigitalOcean ocean;
    ocean.fake->has_namespace = false;
    const auto plan = ok(ocean.plan(0, whisk_program()));
    CHECK_FALSE(plan.unchanged);
    REQUIRE(!plan.calls.empty());
    CHECK(plan.calls.front().what == "POST NAMESPACE");
    CHECK_FALSE(ocean.fake->has_namespace);
    ocean.asked();
    const auto done = ok(ocean.deploy(0, whisk_program(), short_config(1024)));
    const std::string spaces = "management:/v2/functions/namespaces";
    const std::string keys = spaces + '/' + std::string{FakeOpenWhisk::namespace_id} + "/keys";
    CHECK((ocean.asked() == Lines{"GET " + spaces, "POST " + spaces, "POST " + keys, "GET " + action,
                                  "GET functions:", "PUT " + action, "POST " + action}));
    CHECK(ocean.fake->label == "blueprint");
    CHECK(ocean.fake->region == "nyc1");
    CHECK(done.memory_mib == 1024);
    CHECK(says(done.endpoint, "https://faas-nyc1-2ef2e6cc.doserverless.co/api/v1/namespaces/_/actions/"));
    // Nothing else makes one.
    DigitalOcean none;
    none.fake->has_namespace = false;
    const auto absent = failed(run(none.io, none.executor.get_deployment(0)));
    CHECK(absent.code == errc::not_found);
    CHECK(says(absent, "there is no namespace"));
    CHECK(ok(run(none.io, none.executor.list_deployments())).empty());
    CHECK(ok(run(none.io, none.executor.health_check(0))).state == HealthState::absent);
    ok(none.undeploy(0));
    CHECK(failed(none.invoke({.job_id = 0})).code == errc::not_found);
    CHECK_FALSE(none.fake->has_namespace);
    auto options = digitalocean_options();
    options.create = false;
    DigitalOcean careful{options, none.fake};
    careful.asked();
    const auto refused = failed(careful.deploy(0, whisk_program()));
    CHECK(refused.code == errc::not_found);
    CHECK(says(refused, "DigitalOceanOptions::create"));
    CHECK((careful.asked() == Lines{"GET " + spaces}));
    CHECK(failed(careful.plan(0, whisk_program())).code == errc::not_found);
    CHECK_FALSE(none.fake->has_namespace);
}

TEST_CASE("openwhisk: where no option tells to make a namespace, one that is missing ends plan and deployment alike") {
    tests::WhiskOf<BasicOpenWhiskCodec<EmptyHost>> whisk;
    for (const auto& error : {failed(whisk.plan(0, whisk_program())), failed(whisk.deploy(0, whisk_program()))}) {
        CHECK(error.code == errc::not_found);
        CHECK(says(error, "there is no such namespace"));
        CHECK(says(error, "blueprint-job-0"));
    }
    CHECK(whisk.fake->lines.empty());
}

TEST_CASE("openwhisk: a deployment that makes the namespace is not kept from it by a call that finds none") {
    DigitalOcean ocean{digitalocean_options(), std::make_shared<FakeOpenWhisk>(), [] { return 3; }};
    ocean.fake->has_namespace = false;
    std::optional<result<JobResult>> called;
    start(ocean.executor, ocean.executor.invoke({.job_id = 0}),
          [&](result<JobResult> done) { called = std::move(done); });
    ok(ocean.deploy(0, whisk_program()));
    REQUIRE(called);
    CHECK(ocean.fake->has_namespace);
}

TEST_CASE("openwhisk: a deployment of which any request fails is told, and the next one makes it good") {
    for (const auto fault : {FakeOpenWhisk::Fault::refused, FakeOpenWhisk::Fault::lost}) {
        auto actions = hasty();
        actions.package = "jobs";
        std::size_t all = 0;
        {
            DigitalOcean ocean{digitalocean_options(actions)};
            ocean.fake->has_namespace = false;
            ok(ocean.deploy(0, whisk_program()));
            all = ocean.fake->lines.size();
        }
        CHECK(all > 6);
        for (std::size_t at = 1; at <= all; ++at) {
            CAPTURE(at);
            CAPTURE(static_cast<int>(fault));
            DigitalOcean ocean{digitalocean_options(actions)};
            ocean.fake->has_namespace = false;
            ocean.fake->fault = fault;
            ocean.fake->fault_at = at;
            const auto first = ocean.deploy(0, whisk_program());
            if (fault == FakeOpenWhisk::Fault::lost) CHECK(first.has_value());
            if (!first) CHECK_FALSE(says(first.error(), "secret-of-key"));
            ocean.fake->fault_at = 0;
            const auto done = ok(ocean.deploy(0, whisk_program()));
            CHECK(done.package_sha256 == whisk_program().sha256());
            CHECK(ok(ocean.invoke({.job_id = 0, .args = {1, 2}})).result.succeeded());
            CHECK(ocean.fake->actions.only().version >= 1);
        }
    }
}

}  // namespace openwhisk_deploy_test
