#include "blueprint/faas/codec/openwhisk_action.hpp"

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/package/package.hpp"
#include "support/elf_image.hpp"
#include "support/run.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace openwhisk_action_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
namespace json = boost::json;
using detail::OpenWhiskAccess;
using detail::OpenWhiskAction;
using detail::OpenWhiskActions;
using detail::OpenWhiskApi;
using detail::OpenWhiskBounds;
using detail::OpenWhiskOffer;
using detail::OpenWhiskWanted;
using tests::failed;
using tests::ok;

namespace {

// What an OpenWhisk of August 2026 says of itself at /, shortened.
constexpr std::string_view self_hosted = R"({
  "api_paths": ["/api/v1"], "description": "OpenWhisk",
  "limits": {"actions_per_minute": 60, "concurrent_actions": 30, "sequence_length": 50,
             "min_action_duration": 100, "max_action_duration": 300000, "min_action_memory": 134217728,
             "max_action_memory": 536870912, "max_action_logs": 10485760},
  "runtimes": {
    "nodejs": [{"attached": true, "default": false, "deprecated": false, "kind": "nodejs:18", "requireMain": false},
               {"attached": true, "default": true, "deprecated": false, "kind": "nodejs:20", "requireMain": false}],
    "go": [{"default": true, "deprecated": false, "kind": "go:1.20", "requireMain": false}],
    "python": [{"default": true, "deprecated": false, "kind": "python:3.11", "requireMain": false}]
  }, "support": {"github": "https://github.com/apache/openwhisk/issues"}})";

constexpr std::string_view digitalocean = R"({"runtimes": {
    "nodejs": [{"kind": "nodejs:14", "default": false, "deprecated": true}, {"kind": "nodejs:24", "deprecated": true},
               {"kind": "nodejs:18", "default": true, "deprecated": false}, {"kind": "nodejs:9", "deprecated": false},
               {"kind": "nodejs:22", "default": false, "deprecated": false},
               {"kind": "nodejs-lambda:30", "default": true, "deprecated": false}],
    "go": [{"kind": "go:1.9", "deprecated": false}, {"kind": "go:1.24", "deprecated": false},
           {"kind": "go:1.20", "default": true, "deprecated": false}]}})";

HttpResponse answered(std::string_view body, unsigned status = 200) {
    return {.status = status, .body = std::string{body}};
}
OpenWhiskOffer offer_of(std::string_view body) { return ok(OpenWhiskActions::read_offer(answered(body))); }

OpenWhiskActionOptions options_of(std::string kind = {}, OpenWhiskWay way = OpenWhiskWay::node) {
    OpenWhiskActionOptions options;
    options.kind = std::move(kind);
    options.way = way;
    return options;
}
OpenWhiskApi api_of(std::map<std::string, std::string> annotations = {}, std::string package = {}) {
    auto options = options_of();
    options.annotations = std::move(annotations);
    options.package = std::move(package);
    return OpenWhiskApi{options};
}
OpenWhiskAccess access_of() { return {.api = ok(detail::openwhisk_api_url("https://faas.example"))}; }

Package package(std::string_view salt = {}) {
    const auto script = "#!/bin/sh\n" + std::string{salt};
    PackageOptions options;
    options.allow_script = true;
    return ok(Package::from_binary(Bytes{script.begin(), script.end()}, options));
}
FaasConfig config(std::uint32_t memory_mib = 256, std::chrono::seconds timeout = 60s) {
    return {.memory_mib = memory_mib, .timeout = timeout};
}
constexpr OpenWhiskBounds bounds{};
OpenWhiskWanted wanted_of(const OpenWhiskApi& api, const Package& what, const FaasConfig& how,
                          std::string kind = "nodejs:22", std::string_view shim = "0123abcd") {
    return ok(OpenWhiskActions::wanted(api, JobId{7U}, what, how, std::move(kind), bounds, shim));
}
Error refused(const FaasConfig& how, const OpenWhiskBounds& within = bounds) {
    return failed(OpenWhiskActions::wanted(api_of(), JobId{7U}, package(), how, "nodejs:22", within, "0123abcd"));
}
std::string put_text(const OpenWhiskWanted& wanted, std::string_view code, const OpenWhiskAction* there) {
    auto body = OpenWhiskActions::put_action_body(wanted, code, there);
    return std::string{detail::text_of(body.bytes())};
}
bool says(const Error& error, std::string_view text) { return error.message.find(text) != std::string::npos; }

// The action that OpenWhisk has after a PUT, as GET tells it without the code.
json::object stored(std::string_view put, const json::object* before = nullptr, std::string_view path = "guest") {
    const auto body = json::parse(put).as_object();
    json::object exec = body.at("exec").as_object();
    exec.erase("code");
    json::object annotations;
    if (before != nullptr)
        for (const auto& one : before->at("annotations").as_array())
            annotations[one.at("key").as_string()] = one.at("value");
    if (const auto* dropped = body.if_contains("delAnnotations"))
        for (const auto& name : dropped->as_array()) annotations.erase(name.as_string());
    for (const auto& one : body.at("annotations").as_array()) annotations[one.at("key").as_string()] = one.at("value");
    annotations["exec"] = exec.at("kind");
    json::array pairs;
    for (const auto& [key, value] : annotations) pairs.push_back({{"key", key}, {"value", value}});
    json::array parameters = body.at("parameters").as_array();
    std::reverse(parameters.begin(), parameters.end());  // OpenWhisk keeps them in no order
    json::object out{{"name", "blueprint-job-7"}, {"namespace", path}, {"publish", false}, {"version", "0.0.3"}};
    out["updated"] = 1'767'323'045'678;
    out["exec"] = exec;
    out["limits"] = body.at("limits");
    out["annotations"] = pairs;
    out["parameters"] = parameters;
    return out;
}
OpenWhiskAction read(const json::object& action) {
    return ok(OpenWhiskActions::read_action(answered(json::serialize(action))));
}
using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("openwhisk: what a host offers is read from both places where it is told") {
    const auto own = offer_of(self_hosted);
    REQUIRE(own.families.size() == 3);
    REQUIRE(own.families.at("nodejs").size() == 2);
    CHECK(own.families.at("nodejs")[1].kind == "nodejs:20");
    CHECK(own.families.at("nodejs")[1].is_default);
    CHECK(!own.families.at("nodejs")[0].is_default);
    CHECK(own.min_memory_mib == 128U);
    CHECK(own.max_memory_mib == 512U);
    CHECK(own.min_timeout == 100ms);
    CHECK(own.max_timeout == 300s);
    CHECK(own.calls_per_minute == 60U);
    CHECK(own.concurrent_calls == 30U);
    const auto theirs = offer_of(digitalocean);
    CHECK(theirs.families.at("nodejs")[0].deprecated);
    CHECK(!theirs.max_memory_mib.has_value());

    const auto within = with_offer(detail::digitalocean_bounds, theirs);
    CHECK(within.max_memory_mib == 1024);
    CHECK(within.max_timeout == 15min);
    CHECK(within.calls_per_minute == 600);
    CHECK(within.concurrent_calls == 120);
    CHECK(within.blocking_wait == 30s);
    CHECK(with_offer(bounds, own).calls_per_minute == 60);
    CHECK(with_offer(detail::digitalocean_bounds, own).max_memory_mib == 512);

    // OpenWhisk's /api/v1 is a card of its version alone, and a front end may answer anything.
    for (const auto* const body :
         {R"({"description":"OpenWhisk API","api_version":"1.0.0"})", "[]", "<html>", "", R"({"runtimes":[]})"}) {
        CAPTURE(body);
        const auto error = failed(OpenWhiskActions::read_offer(answered(body)));
        CHECK(error.code == errc::serialization);
        CHECK(error.http_status == 200);
    }
    const auto odd = offer_of(R"({"runtimes":{"go":7,"nodejs":[1,{"kind":2},{"kind":"nodejs:20"}]},"limits":{
        "max_action_memory":-1,"min_action_memory":5,"max_action_duration":"long","min_action_duration":0}})");
    CHECK(odd.families.size() == 1);
    CHECK(odd.families.at("nodejs").size() == 1);
    CHECK(with_offer(bounds, odd).max_memory_mib == 512);
    CHECK(with_offer(bounds, odd).max_timeout == 300s);
}

TEST_CASE("D3: the runtime is one that the host offers, the newest by its number and never a deprecated one") {
    const auto pick = [](std::string_view offer, std::string kind = {}, OpenWhiskWay way = OpenWhiskWay::node) {
        return ok(OpenWhiskActions::pick_kind(offer_of(offer), options_of(std::move(kind), way)));
    };
    CHECK(pick(self_hosted) == "nodejs:20");
    CHECK(pick(digitalocean) == "nodejs:22");
    CHECK(pick(digitalocean, {}, OpenWhiskWay::action_loop) == "go:1.24");
    CHECK(pick(digitalocean, "nodejs:9") == "nodejs:9");
    CHECK(pick(digitalocean, "nodejs:default") == "nodejs:18");
    CHECK(pick(self_hosted, "python:3.11", OpenWhiskWay::action_loop) == "python:3.11");
    // One without a number is taken only if there is no other; a host that tells nothing is believed to have what is
    // given.
    CHECK(pick(R"({"runtimes":{"n":[{"kind":"nodejs:latest"},{"kind":"nodejs:8.2"},{"kind":"nodejs:8.10"}]}})") ==
          "nodejs:8.10");
    CHECK(pick(R"({"runtimes":{"n":[{"kind":"nodejs:latest"},{"kind":"nodejs:lts","default":true}]}})") ==
          "nodejs:lts");
    CHECK(pick(R"({"runtimes":{}})", "nodejs:22") == "nodejs:22");
}

TEST_CASE("pitfall 10 (OpenWhisk): a runtime that is not offered is refused, and what there is is told") {
    const auto refuse = [](std::string_view offer, std::string kind, OpenWhiskWay way = OpenWhiskWay::node) {
        return failed(OpenWhiskActions::pick_kind(offer_of(offer), options_of(std::move(kind), way)));
    };
    const auto absent = refuse(digitalocean, "nodejs:20");
    CHECK(absent.code == errc::invalid_configuration);
    CHECK(absent.execution == Execution::not_started);
    CHECK(says(absent, "nodejs:20"));
    CHECK(says(absent, "nodejs:18"));
    CHECK(says(absent, "nodejs:22"));
    CHECK(!says(absent, "nodejs:14"));
    const auto old = refuse(digitalocean, "nodejs:14");
    CHECK(says(old, "read and deleted only"));
    CHECK(says(old, "nodejs:22"));
    CHECK(says(refuse(R"({"runtimes":{"php":[{"kind":"php:8.2"}]}})", {}), "there are php:8.2"));
    CHECK(says(refuse(R"({"runtimes":{}})", {}), "it offers none"));
    CHECK(says(refuse(R"({"runtimes":{"nodejs":[{"kind":"nodejs:14","deprecated":true}]}})", {}), "it offers none"));
    CHECK(says(refuse(R"({"runtimes":{"nodejs":[{"kind":"nodejs:20"}]}})", "go:1.24", OpenWhiskWay::action_loop),
               "go:1.24"));
    std::string many = R"({"runtimes":{"x":[{"kind":"x:0"})";
    for (int i = 1; i < 1000; ++i) many += R"(,{"kind":"x:)" + std::to_string(i) + "\\n\"}";
    const auto bounded = refuse(many + "]}}", {});
    CHECK(bounded.message.size() < 1500);
    CHECK(bounded.message.find('\n') == std::string::npos);
    CHECK(says(bounded, "and others"));
}

TEST_CASE("D4: memory and time are checked before anything is sent, by what the platform takes") {
    for (const auto& [how, words] :
         std::vector<std::pair<FaasConfig, std::string>>{{config(127), "memory_mib 127"},
                                                         {config(513), "128 to 512"},
                                                         {config(256, 0s), "timeout 0 s"},
                                                         {config(256, 301s), "1 s to 300 s"},
                                                         {config(256, -1s), "timeout -1 s"},
                                                         {config(256, std::chrono::seconds::max()), "1 s to 300 s"}}) {
        const auto error = refused(how);
        CHECK(error.code == errc::invalid_configuration);
        CHECK(error.execution == Execution::not_started);
        CHECK(says(error, "job 7"));
        CHECK_MESSAGE(says(error, words), error.message);
    }
    const auto digitalocean_says = refused(config(2048), detail::digitalocean_bounds);
    CHECK(says(digitalocean_says, "DigitalOcean takes 128 to 1024"));
    CHECK(says(refused(config(256, 901s), detail::digitalocean_bounds), "1 s to 900 s"));
    for (const auto& how : {config(128, 1s), config(512, 300s), FaasConfig{}})
        CHECK(OpenWhiskActions::wanted(api_of(), JobId{7U}, package(), how, "nodejs:22", bounds, "x").has_value());
    CHECK(OpenWhiskActions::wanted(api_of(), JobId{7U}, package(), config(1024, 900s), "nodejs:22",
                                   detail::digitalocean_bounds, "x")
              .has_value());
    auto few = config();
    few.max_concurrency = 5;
    CHECK(says(refused(few), "max_concurrency 5 cannot be kept"));
    auto warm = config();
    warm.keep_warm = 2;
    CHECK(says(refused(warm), "keep_warm 2 cannot be kept"));
    auto options = options_of();
    options.prefix = "";
    CHECK(says(failed(OpenWhiskActions::wanted(OpenWhiskApi{options}, JobId{7U}, package(), config(), "nodejs:22",
                                               bounds, "x")),
               "prefix"));
}

TEST_CASE("pitfalls 2 to 4 (OpenWhisk): a package that Base64 would make too large is refused before it is sent") {
    auto small = bounds;
    small.zip_bytes = package().size_bytes();
    const auto put = [&](const OpenWhiskBounds& within) {
        return OpenWhiskActions::wanted(api_of(), JobId{7U}, package(), config(), "nodejs:22", within, "x");
    };
    CHECK(put(small).has_value());
    --small.zip_bytes;
    const auto error = failed(put(small));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(error.platform_code == "TOO_LARGE");
    CHECK(says(error, std::to_string(small.zip_bytes)));
    CHECK(says(error, "Base64"));
    // The bounds themselves: what they let through has to fit into both limits as Base64.
    for (const auto& usual : {bounds, detail::digitalocean_bounds}) CHECK(usual.zip_bytes * 4 / 3 + 4 < 48ULL << 20U);

    ZipWriter zip;
    REQUIRE(zip.add("other", Bytes{1, 2, 3}).has_value());
    const auto without = ok(Package::from_zip(zip.finish()));
    CHECK(says(failed(OpenWhiskActions::wanted(api_of(), JobId{7U}, without, config(), "nodejs:22", bounds, "x")),
               "bootstrap"));
}

TEST_CASE("openwhisk: DigitalOcean runs x86-64 alone, a self-hosted one may run anything") {
    PackageOptions arm;
    arm.architecture = Architecture::aarch64;
    const auto what = ok(Package::from_binary(test::build({.machine = 183}), arm));
    const auto put = [&](const OpenWhiskBounds& within) {
        return OpenWhiskActions::wanted(api_of(), JobId{7U}, what, config(), "nodejs:22", within, "x");
    };
    CHECK(put(bounds).has_value());
    CHECK(says(failed(put(detail::digitalocean_bounds)), "x86-64"));
}

TEST_CASE("openwhisk: variables that a program would not get as they are given are refused, and never shown") {
    const std::string hidden = "hidden-word";
    for (const auto& [name, value, words] : std::vector<std::tuple<std::string, std::string, std::string>>{
             {"", hidden, "no name"},
             {"1A", hidden, "no name"},
             {"A B", hidden, "no name"},
             {"A=B", hidden, "no name"},
             {"__OW_API_KEY", hidden, "OpenWhisk sets itself"},
             {"BLUEPRINT_ACTION_LOOP", hidden, "this library's own"},
             {"blueprint_x", hidden, "this library's own"},
             {"args", hidden, "parameter of calls"},
             {"job_id", hidden, "parameter of calls"},
             {"BAD_TEXT", hidden + "\xff", "no UTF-8"},
             {"BAD_NUL", hidden + std::string(1, '\0'), "no UTF-8"},
             {"LONG", hidden + std::string(128U << 10U, 'a'), "128 KiB"}}) {
        auto how = config();
        how.env_vars.emplace(name, Secret{value});
        const auto error = refused(how);
        CHECK(error.code == errc::invalid_configuration);
        CHECK_MESSAGE(says(error, words), error.message);
        CHECK(!says(error, hidden));
    }
    auto all = config();
    for (int i = 0; i < 9; ++i) all.env_vars.emplace("V" + std::to_string(i), Secret{std::string(120U << 10U, 'a')});
    CHECK(says(refused(all), "1 MiB"));
}

TEST_CASE("openwhisk: a deployment that is there as it is wanted is found to be the same, whatever the order is") {
    auto how = config(384, 90s);
    how.env_vars.emplace("ALPHA", Secret{"one"});
    how.env_vars.emplace("BETA", Secret{"two \"quoted\"\n\\ \x01 \xc3\xa9"});
    how.env_vars.emplace("EMPTY", Secret{""});
    const auto api = api_of({{"team", "data"}, {"ticket", "12"}});
    const auto what = package();
    const auto wanted = wanted_of(api, what, how);
    CHECK(wanted.limits.timeout_ms == 90'000);
    CHECK(wanted.limits.memory_mib == 384);
    CHECK(wanted.package_sha256 == what.sha256());
    CHECK(wanted.binary_size_bytes == what.binary_size_bytes());
    CHECK(OpenWhiskActions::difference(wanted, nullptr) == Names{"action"});
    const auto put = put_text(wanted, "UEsDBA==", nullptr);
    const auto there = read(stored(put));
    CHECK(OpenWhiskActions::difference(wanted, &there) == Names{});
    // What others and the platform add stays, and is no difference.
    auto more = stored(put);
    more["annotations"].as_array().push_back({{"key", "provide-api-key"}, {"value", false}});
    more["annotations"].as_array().push_back({{"key", "theirs"}, {"value", {{"a", 1}}}});
    const auto annotated = read(more);
    CHECK(annotated.annotations.at("theirs") == R"({"a":1})");
    CHECK(annotated.annotations.at("provide-api-key") == "false");
    CHECK(OpenWhiskActions::difference(wanted, &annotated) == Names{});
    CHECK(json::parse(put_text(wanted, "UEsDBA==", &annotated)).as_object().size() == 4);
    // A kind that nobody chose is whatever there is, and "default" is any of its family.
    CHECK(OpenWhiskActions::difference(wanted_of(api, what, how, ""), &there) == Names{});
    CHECK(OpenWhiskActions::difference(wanted_of(api, what, how, "nodejs:default"), &there) == Names{});
    CHECK(OpenWhiskActions::difference(wanted_of(api, what, how, "go:default"), &there) == Names{"kind"});
    // Without an entry point it is "main".
    auto bare = stored(put);
    bare["exec"].as_object().erase("main");
    const auto without_main = read(bare);
    CHECK(OpenWhiskActions::difference(wanted, &without_main) == Names{});
}

TEST_CASE("openwhisk: whatever differs is named, and values are not") {
    auto how = config();
    how.env_vars.emplace("ALPHA", Secret{"hidden-word"});
    const auto api = api_of({{"team", "data"}});
    const auto what = package();
    const auto wanted = wanted_of(api, what, how);
    const auto there = stored(put_text(wanted, "UEsDBA==", nullptr));
    const auto annotation = [](json::object& action, std::string_view name) -> json::value& {
        for (auto& one : action["annotations"].as_array())
            if (one.at("key").as_string() == name) return one.as_object()["value"];
        throw std::out_of_range{"no such annotation"};
    };
    struct Row {
        std::string name;
        std::function<void(json::object&)> change;
    };
    const std::vector<Row> rows{
        {"kind", [](auto& a) { a["exec"].as_object()["kind"] = "nodejs:18"; }},
        {"main", [](auto& a) { a["exec"].as_object()["main"] = "other"; }},
        {"limits.timeout", [](auto& a) { a["limits"].as_object()["timeout"] = 3000; }},
        {"limits.memory", [](auto& a) { a["limits"].as_object()["memory"] = 128; }},
        {"limits.logs", [](auto& a) { a["limits"].as_object()["logs"] = 10; }},
        {"limits.concurrency", [](auto& a) { a["limits"].as_object()["concurrency"] = 2; }},
        {"annotation web-export", [&](auto& a) { annotation(a, "web-export") = true; }},
        {"annotation final", [&](auto& a) { annotation(a, "final") = false; }},
        {"annotation team", [&](auto& a) { annotation(a, "team") = "other"; }},
        {"package", [&](auto& a) { annotation(a, "blueprint-package") = std::string(64, 'a') + ":0123abcd"; }},
        {"package", [&](auto& a) { a["annotations"].as_array().clear(); }},
        {"shim", [&](auto& a) { annotation(a, "blueprint-package") = what.sha256() + ":ffffffff"; }},
        {"parameter ALPHA", [](auto& a) { a["parameters"].as_array()[0].as_object()["value"] = "other"; }},
        {"parameter ALPHA", [](auto& a) { a["parameters"].as_array()[0].as_object()["value"] = 5; }},
        {"parameter ALPHA", [](auto& a) { a["parameters"].as_array()[0].as_object().erase("init"); }},
        {"parameter ALPHA", [](auto& a) { a["parameters"].as_array()[0].as_object()["encryption"] = "aes-256"; }},
        {"parameter ALPHA", [](auto& a) { a["parameters"].as_array().clear(); }},
        {"parameter MORE",
         [](auto& a) { a["parameters"].as_array().push_back({{"key", "MORE"}, {"value", "hidden-word"}}); }},
    };
    for (const auto& row : rows) {
        auto changed = there;
        row.change(changed);
        const auto action = read(changed);
        const auto names = OpenWhiskActions::difference(wanted, &action);
        CAPTURE(row.name);
        CHECK(std::find(names.begin(), names.end(), row.name) != names.end());
        if (!changed["annotations"].as_array().empty()) CHECK(names.size() == 1);
        for (const auto& name : names) CHECK(name.find("hidden-word") == std::string::npos);
    }
    // A value that is encrypted is not what it looks like, and one that is not says so with null.
    auto open = there;
    open["parameters"].as_array()[0].as_object()["encryption"] = nullptr;
    const auto action = read(open);
    CHECK(OpenWhiskActions::difference(wanted, &action) == Names{});
}

TEST_CASE("openwhisk: annotations of the user go when they are wanted no longer, and those by others stay") {
    const auto what = package();
    const auto before = wanted_of(api_of({{"team", "data"}, {"ticket", "12"}}), what, config());
    auto there = stored(put_text(before, "UEsDBA==", nullptr));
    there["annotations"].as_array().push_back({{"key", "theirs"}, {"value", "x"}});
    auto action = read(there);

    const auto fewer = wanted_of(api_of({{"team", "data"}}), what, config());
    const auto fewer_names = OpenWhiskActions::difference(fewer, &action);
    CHECK(fewer_names == Names{"annotation blueprint-annotations", "annotation ticket"});
    auto put = put_text(fewer, "UEsDBA==", &action);
    CHECK(json::parse(put).at("delAnnotations") == json::array{"ticket"});
    there = stored(put, &there);
    action = read(there);
    CHECK(OpenWhiskActions::difference(fewer, &action) == Names{});
    CHECK(action.annotations.contains("theirs"));
    CHECK(!action.annotations.contains("ticket"));

    const auto none = wanted_of(api_of(), what, config());
    CHECK(!OpenWhiskActions::difference(none, &action).empty());
    put = put_text(none, "UEsDBA==", &action);
    there = stored(put, &there);
    action = read(there);
    CHECK(OpenWhiskActions::difference(none, &action) == Names{});
    CHECK(action.annotations.contains("theirs"));
    CHECK(!action.annotations.contains("team"));
    CHECK(!action.annotations.contains("blueprint-annotations"));
}

TEST_CASE("D2: a PUT says everything that an action is, because what it leaves out stays as it was") {
    auto how = config(384, 90s);
    how.env_vars.emplace("ALPHA", Secret{"one \"quoted\"\n"});
    auto options = options_of();
    options.log_mib = 2;
    options.instance_calls = 3;
    options.annotations = {{"team", "true"}};
    const OpenWhiskApi api{options};
    const auto what = package();
    const auto wanted = wanted_of(api, what, how);
    const auto put = json::parse(put_text(wanted, "UEsDBBQ=", nullptr)).as_object();
    CHECK(put.at("exec") ==
          json::object{{"kind", "nodejs:22"}, {"main", "main"}, {"binary", true}, {"code", "UEsDBBQ="}});
    CHECK(put.at("limits") == json::object{{"timeout", 90'000}, {"memory", 384}, {"logs", 2}, {"concurrency", 3}});
    CHECK(put.at("parameters") ==
          json::array{json::object{{"key", "ALPHA"}, {"value", "one \"quoted\"\n"}, {"init", true}}});
    json::object annotations;
    for (const auto& one : put.at("annotations").as_array()) annotations[one.at("key").as_string()] = one.at("value");
    CHECK(annotations == json::object{{"blueprint-annotations", "team"},
                                      {"blueprint-binary-bytes", std::to_string(what.binary_size_bytes())},
                                      {"blueprint-package", what.sha256() + ":0123abcd"},
                                      {"final", true},
                                      {"team", "true"},
                                      {"web-export", false}});
    CHECK(put.size() == 4);
    // Nothing to say is said too.
    auto bare = wanted_of(api_of(), what, config());
    bare.annotations.clear();
    const auto empty = json::parse(put_text(bare, "", nullptr)).as_object();
    CHECK(empty.at("annotations") == json::array{});
    CHECK(empty.at("parameters") == json::array{});
    // The kind of an action stays if none was chosen.
    OpenWhiskAction there;
    there.kind = "nodejs:18";
    bare.kind.clear();
    CHECK(json::parse(put_text(bare, "", &there)).at("exec").at("kind") == "nodejs:18");
    // Large code is not copied again and again, and comes through whole.
    const std::string code(3U << 20U, 'Q');
    CHECK(put_text(wanted, code, nullptr).find('"' + code + '"') != std::string::npos);
}

TEST_CASE("openwhisk: an action is read whether its code comes along or not, and the answer is wiped") {
    const auto what = package();
    auto how = config();
    how.env_vars.emplace("ALPHA", Secret{"hidden-word"});
    const auto wanted = wanted_of(api_of(), what, how);
    auto told = stored(put_text(wanted, "UEsDBA==", nullptr), nullptr, "guest/tools");
    const auto action = read(told);
    CHECK(action.name == "tools/blueprint-job-7");
    CHECK(action.name_space == "guest");
    CHECK(action.version == "0.0.3");
    CHECK(action.kind == "nodejs:22");
    CHECK(action.main == "main");
    CHECK(action.updated.time_since_epoch() == 1'767'323'045'678ms);
    CHECK(action.annotations.at("web-export") == "false");
    REQUIRE(action.parameters.size() == 1);
    CHECK(action.parameters[0].value.reveal() == "hidden-word");
    CHECK(action.parameters[0].plain);
    // PUT's answer repeats the code: 47 MB of it are passed over, and so is a string that only looks like its end.
    told["exec"].as_object()["code"] = "\\\"" + std::string(5U << 20U, 'Q') + "\\";
    HttpResponse answer = answered(json::serialize(told));
    const auto same = ok(OpenWhiskActions::read_action(answer));
    CHECK(answer.body.empty());
    CHECK(same.kind == "nodejs:22");
    CHECK(same.version == "0.0.3");
    CHECK(same.annotations == action.annotations);
    CHECK(same.parameters == action.parameters);
    CHECK(OpenWhiskActions::difference(wanted, &same) == Names{});
    for (const auto* const body :
         {"", "[]", "{}", R"({"name":""})", R"({"name":7})", "<html>", R"({"name":"a)", "\"", R"({"name":"a\)"}) {
        CAPTURE(body);
        CHECK(failed(OpenWhiskActions::read_action(answered(body))).code == errc::serialization);
    }
    // What is not told is not made up, but for what OpenWhisk's own words are.
    const auto least = ok(OpenWhiskActions::read_action(
        answered(R"({"name":"x","annotations":[1,{"key":"exec","value":"go:1.20"},{"key":"y"}],"parameters":[null,
                     {"key":"z"}],"limits":{"timeout":-1},"updated":"never"})")));
    CHECK(least.kind == "go:1.20");
    CHECK(least.version.empty());
    CHECK(least.limits == detail::OpenWhiskLimits{});
    REQUIRE(least.parameters.size() == 1);
    CHECK(!least.parameters[0].plain);
}

TEST_CASE("openwhisk: lists are read, also of actions in packages, which are no jobs of those outside") {
    const auto list = ok(OpenWhiskActions::read_actions(answered(R"([
        {"name":"blueprint-job-7","namespace":"guest","version":"0.0.1","publish":false,"updated":1767323045678,
         "annotations":[{"key":"exec","value":"nodejs:22"}],"exec":{"binary":true},
         "limits":{"timeout":60000,"memory":256,"logs":1,"concurrency":1}},
        {"name":"blueprint-job-8","namespace":"guest/tools","version":"0.0.2","publish":false}])")));
    REQUIRE(list.size() == 2);
    CHECK(list[0].kind == "nodejs:22");
    CHECK(api_of().job_of(list[0].name) == JobId{7U});
    CHECK(!api_of().job_of(list[1].name).has_value());
    CHECK(api_of({}, "tools").job_of(list[1].name) == JobId{8U});
    CHECK(ok(OpenWhiskActions::read_actions(answered("[]"))).empty());
    for (const auto* const body : {"", "{}", "[1]", R"([{"name":"a"},{}])", "<html>"})
        CHECK(failed(OpenWhiskActions::read_actions(answered(body))).code == errc::serialization);
}

TEST_CASE("openwhisk: a deployment is told with what the action says of itself, and nothing is guessed") {
    const auto what = package();
    const auto wanted = wanted_of(api_of(), what, config(384, 90s));
    const auto action = read(stored(put_text(wanted, "UEsDBA==", nullptr)));
    const auto told = OpenWhiskActions::deployment(api_of(), access_of(), JobId{7U}, action);
    CHECK(told.job_id == JobId{7U});
    CHECK(told.function_id == "/guest/blueprint-job-7");
    CHECK(told.endpoint == "https://faas.example/api/v1/namespaces/_/actions/blueprint-job-7");
    CHECK(told.memory_mib == 384U);
    CHECK(told.timeout == 90s);
    CHECK(told.revision == "0.0.3");
    CHECK(told.package_sha256 == what.sha256());
    CHECK(told.deployed_at == "2026-01-02T03:04:05.678Z");
    CHECK(told.binary_size_bytes == what.binary_size_bytes());
    CHECK(told.state == DeploymentState::deployed);

    OpenWhiskAction bare;
    bare.name = "blueprint-job-7";
    bare.limits.timeout_ms = 100;
    bare.annotations["blueprint-package"] = "something else";
    bare.annotations["blueprint-binary-bytes"] = "12 apples";
    const auto less = OpenWhiskActions::deployment(api_of(), access_of(), JobId{7U}, bare);
    CHECK(less.function_id == "/_/blueprint-job-7");
    CHECK(less.timeout == 1s);
    CHECK(less.package_sha256.empty());
    CHECK(less.deployed_at.empty());
    CHECK(!less.binary_size_bytes.has_value());
    bare.updated += std::chrono::milliseconds{std::numeric_limits<std::int64_t>::max()};
    CHECK(OpenWhiskActions::deployment(api_of(), access_of(), JobId{7U}, bare).deployed_at.empty());
}

}  // namespace openwhisk_action_test
