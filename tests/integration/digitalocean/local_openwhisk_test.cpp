#include "openwhisk_lab.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

// OpenWhisk's API as the local cloud plays it: what is kept, and how it is told. How actions run is in
// local_openwhisk_runs_test.cpp.
namespace local_openwhisk_test {

using namespace blueprint::faas;
using namespace blueprint::faas::test;

TEST_CASE("local openwhisk: who is nobody learns what there is, and nothing else") {
    OpenWhiskLab lab;
    const auto offer = object_of(lab.send({.target = "/"}));
    CHECK(offer.at("limits").at("max_action_memory") == 536'870'912);
    CHECK(offer.at("limits").at("min_action_duration") == 100);
    const auto& node = offer.at("runtimes").at("nodejs").as_array();
    REQUIRE(node.size() == 3);
    CHECK(node[0] == json::value({{"kind", "nodejs:22"},
                                  {"image", "openwhisk/action-nodejs-v22"},
                                  {"deprecated", false},
                                  {"default", true},
                                  {"attached", true},
                                  {"requireMain", false}}));
    CHECK(node[1].at("default") == false);
    CHECK(node[2].at("kind") == "nodejs:14");
    CHECK(node[2].at("deprecated") == true);
    CHECK(object_of(lab.send({.target = "/api/v1"})).contains("runtimes") == false);
    CHECK(object_of(lab.send({.target = "/api/v1/"})).at("api_version") == "1.0.0");
    CHECK(error_of(lab.send({.target = "/api/v1/namespaces"}), 401) == "The supplied authentication is invalid");
    CHECK(error_of(lab.send(lab.ask("GET", "/api/v2/namespaces")), 404) == "The requested resource does not exist.");
    CHECK(error_of(lab.send(lab.ask("GET", "/api/v1x")), 404) == "The requested resource does not exist.");
}

TEST_CASE("local openwhisk: DigitalOcean tells its runtimes at /api/v1") {
    local::OpenWhiskSettings settings;
    settings.digitalocean = true;
    OpenWhiskLab lab{std::move(settings)};
    CHECK(object_of(lab.send({.target = "/api/v1"})).at("runtimes").as_object().contains("go"));
    CHECK(lab.send({.target = "/"}).status == 401);
}

TEST_CASE("local openwhisk: a namespace, its limits, and nobody else's") {
    OpenWhiskLab lab;
    const auto reply = lab.send(lab.ask("GET", "/api/v1/namespaces"));
    CHECK(json::parse(reply.body) == json::value(json::array{"guest"}));
    CHECK(reply.field("x-request-id").size() == 32);
    const auto limits = object_of(lab.get("limits"));
    CHECK(limits.at("concurrentInvocations") == 100);
    CHECK(limits.at("maxActionTimeout") == 300'000);
    CHECK(lab.send(lab.ask("GET", "/api/v1/namespaces/guest/actions")).body == "[]");
    CHECK(error_of(lab.send(lab.ask("GET", "/api/v1/namespaces/other/actions")), 403) ==
          "The supplied authentication is not authorized to access 'other/actions'.");
    CHECK(error_of(lab.get("nothing"), 404) == "The requested resource does not exist.");
    CHECK(error_of(lab.send("DELETE", "activations/x"), 405).starts_with("HTTP method not allowed"));
}

TEST_CASE("local openwhisk: an action is put, shown, replaced and deleted") {
    OpenWhiskLab lab;
    auto content = OpenWhiskLab::action("function main() {}", "nodejs:default");
    const auto first = object_of(lab.put("actions/hello", content));
    CHECK(first.at("version") == "0.0.1");
    CHECK(first.at("namespace") == "guest");
    CHECK(first.at("exec") == json::value({{"kind", "nodejs:22"}, {"binary", false}, {"code", "function main() {}"}}));
    CHECK(first.at("limits") == json::value({{"timeout", 60'000}, {"memory", 256}, {"logs", 10}, {"concurrency", 1}}));
    CHECK(value_of(first, "annotations", "exec") == "nodejs:22");
    CHECK(value_of(first, "annotations", "provide-api-key") == false);
    CHECK(first.at("updated").as_int64() > 1'700'000'000'000);

    CHECK(error_of(lab.put("actions/hello", content), 409) == "resource already exists");
    CHECK(object_of(lab.get("actions/hello")) == first);
    auto without = first;
    without.at("exec").as_object().erase("code");
    CHECK(object_of(lab.get("actions/hello?code=false")) == without);

    const auto second = object_of(lab.put("actions/hello?overwrite=true", {}));
    CHECK(second.at("version") == "0.0.2");
    CHECK(second.at("exec") == first.at("exec"));
    CHECK(object_of(lab.send("DELETE", "actions/hello")).at("version") == "0.0.2");
    CHECK(error_of(lab.get("actions/hello"), 404) == "The requested resource does not exist.");
    CHECK(lab.send("DELETE", "actions/hello").status == 404);
}

TEST_CASE("local openwhisk: what a PUT leaves out stays, annotations are merged, parameters are not") {
    OpenWhiskLab lab;
    auto content = OpenWhiskLab::action("x", "go:1.20", {{"timeout", 1000}, {"memory", 128}});
    content["annotations"] = json::parse(R"([{"key":"a","value":1},{"key":"b","value":"two"}])");
    content["parameters"] = json::parse(R"([{"key":"P","value":"v","init":true},{"key":"Q","value":{}}])");
    lab.deploy("kept", content);
    const auto next = lab.deploy("kept", json::parse(R"({"limits":{"memory":256},"annotations":[{"key":"b","value":2},
        {"key":"c","value":3}],"delAnnotations":["a"]})")
                                             .as_object());
    CHECK(next.at("limits").at("timeout") == 1000);
    CHECK(next.at("limits").at("memory") == 256);
    CHECK(value_of(next, "annotations", "a").is_null());
    CHECK(value_of(next, "annotations", "b") == 2);
    CHECK(value_of(next, "annotations", "c") == 3);
    CHECK(value_of(next, "annotations", "exec") == "go:1.20");
    CHECK(next.at("parameters") == content.at("parameters"));
    const auto last = lab.deploy("kept", json::parse(R"({"parameters":[{"key":"R","value":null}]})").as_object());
    CHECK(last.at("parameters") == json::parse(R"([{"key":"R","value":null}])"));
    CHECK(last.at("version") == "0.0.3");
}

TEST_CASE("local openwhisk: code is binary if it is well-formed Base64, whatever the client says") {
    const std::pair<std::string, bool> cases[] = {{"UEsDBA==", true}, {"UEsD", true},        {" UEsD\n", true},
                                                  {"UEsDB", false},   {"UEsD\nBA==", false}, {"function x(){}", false},
                                                  {"", false},        {"UE=DBA==", false},   {"====", false}};
    for (const auto& [code, binary] : cases) {
        CAPTURE(code);
        CHECK(local::is_openwhisk_binary(code) == binary);
    }
}

TEST_CASE("pitfall 10 (OpenWhisk): a runtime that is not offered is refused, and what is offered is told") {
    OpenWhiskLab lab;
    const auto put = [&](std::string_view kind) { return lab.put("actions/x", OpenWhiskLab::action("x", kind)); };
    CHECK(
        error_of(put("go:1.21"), 400) ==
        "The request content was malformed:\nThe specified runtime 'go:1.21' is not supported by this platform. Valid "
        "values are: 'nodejs:22', 'nodejs:20', 'go:1.24', 'go:1.20', 'nodejs:14'.");
    CHECK(error_of(put("nodejs:14"), 400) ==
          "The 'nodejs:14' runtime is no longer supported. You may read and delete but not update or invoke this "
          "action.");
    CHECK(put("go").status == 400);
    CHECK(put("rust:default").status == 400);
    CHECK(object_of(put("go:default")).at("exec").at("kind") == "go:1.24");
}

TEST_CASE("local openwhisk: what cannot be is refused with the platform's words") {
    OpenWhiskLab lab;
    const auto put = [&](std::string_view body) {
        return error_of(lab.send("PUT", "actions/x", std::string{body}), 400);
    };
    const std::string malformed = "The request content was malformed:\n";
    CHECK(put("{}") == "exec undefined");
    CHECK(put("[]") == malformed + "Object expected");
    CHECK(put("{").starts_with(malformed));
    CHECK(put(R"({"exec":{"code":"x"}})") == malformed + "'kind' must be a string defined in 'exec'");
    CHECK(put(R"({"exec":{"kind":"go:1.24"}})").find("'code' must be a string") != std::string::npos);
    CHECK(put(R"({"annotations":{},"exec":{"kind":"go:1.24","code":"x"}})") == malformed + "parameters malformed!");
    const auto limit = [&](std::string_view limits) {
        return put(R"({"exec":{"kind":"go:1.24","code":"x"},"limits":)" + std::string{limits} + '}');
    };
    CHECK(limit(R"({"timeout":99})") == "duration 99 milliseconds below allowed threshold of 100 milliseconds");
    CHECK(limit(R"({"timeout":300001})") ==
          "duration 300001 milliseconds exceeds allowed threshold of 300000 milliseconds");
    CHECK(limit(R"({"memory":127})") == "memory size 127 MB below allowed threshold of 128 MB");
    CHECK(limit(R"({"memory":513})") == "memory size 513 MB exceeds allowed threshold of 512 MB");
    CHECK(limit(R"({"logs":11})") == "log size 11 MB exceeds allowed threshold of 10 MB");
    CHECK(limit(R"({"concurrency":0})") == "concurrency 0 below allowed threshold of 1");
    CHECK(limit(R"({"memory":128.5})") == malformed + "memory limit must be whole number");
    CHECK(limit(R"({"memory":"128"})") == malformed + "memory limit must be whole number");
    auto typed = lab.ask("PUT", "/api/v1/namespaces/_/actions/x", "{}");
    typed.fields.back().second = "text/plain";
    CHECK(error_of(lab.send(typed), 415).find("application/json") != std::string::npos);
    for (const auto* const name : {"-x", "x%20", "a%2Fb", "%C3%A4"})
        CHECK(error_of(lab.get(std::string{"actions/"} + name), 400) ==
              "The name of the entity contains illegal characters.");
    CHECK(lab.get("actions/" + std::string(257, 'a')).status == 400);
    CHECK(lab.get("actions/" + std::string(256, 'a')).status == 404);
    CHECK(lab.get("actions/_a%20b@c.d-e").status == 404);
    CHECK(lab.get("actions/x?code=perhaps").status == 400);
    CHECK(lab.get("actions/a/b/c").status == 404);
}

TEST_CASE("pitfalls 2 and 3 (OpenWhisk): code too large, and a page of HTML from the front end") {
    local::OpenWhiskSettings settings;
    settings.code_bytes = 100;
    settings.request_bytes = 2000;
    settings.parameter_bytes = 200;
    OpenWhiskLab lab{std::move(settings)};
    CHECK(error_of(lab.put("actions/x", OpenWhiskLab::action(std::string(101, 'x'))), 413) ==
          "Code larger than allowed: 101 > 100 bytes.");
    const auto page = lab.put("actions/x", OpenWhiskLab::action(std::string(2000, 'x')));
    CHECK(page.status == 413);
    CHECK(page.field("content-type") == "text/html");
    CHECK(page.body.starts_with("<html>"));
    CHECK(error_of(lab.invoke("x", '"' + std::string(300, 'x') + '"'), 413) ==
          "Request larger than allowed: 302 > 200 bytes.");
    auto content = OpenWhiskLab::action("x");
    content["parameters"] = json::array{json::object{{"key", "p"}, {"value", std::string(200, 'x')}}};
    CHECK(error_of(lab.put("actions/x", content), 413).starts_with("Parameters larger than allowed: "));
}

TEST_CASE("pitfall 9 (OpenWhisk): packages and actions are not taken for each other") {
    OpenWhiskLab lab;
    const auto content = OpenWhiskLab::action("x");
    CHECK(error_of(lab.put("actions/pkg/x", content), 404) == "The requested resource does not exist.");
    const auto package = object_of(lab.put("packages/pkg", {}));
    CHECK(package.at("version") == "0.0.1");
    CHECK(lab.put("packages/pkg", {}).status == 409);
    CHECK(object_of(lab.put("packages/pkg?overwrite=true", {})).at("version") == "0.0.2");
    CHECK(object_of(lab.put("actions/pkg/x", content)).at("namespace") == "guest/pkg");
    lab.deploy("alone", content);
    const std::string other = "Resource by this name exists but is not in this collection.";
    CHECK(error_of(lab.get("actions/pkg"), 409) == other);
    CHECK(error_of(lab.put("actions/pkg?overwrite=true", content), 409) == other);
    CHECK(error_of(lab.invoke("pkg"), 409) == other);
    CHECK(error_of(lab.get("packages/alone"), 409) == other);
    CHECK(error_of(lab.get("actions/alone/x"), 409) == other);
    CHECK(error_of(lab.put("packages/default", {}), 400) == "Package name 'default' is reserved.");

    const auto shown = object_of(lab.get("packages/pkg"));
    REQUIRE(shown.at("actions").as_array().size() == 1);
    CHECK(shown.at("actions").at(0).at("name") == "x");
    CHECK(shown.at("binding") == json::object{});
    CHECK(error_of(lab.send("DELETE", "packages/pkg"), 409) ==
          "Package not empty (contains 1 entity). Set force param or delete package contents.");
    CHECK(lab.send("DELETE", "packages/pkg?force=true").status == 200);
    CHECK(lab.get("actions/pkg/x").status == 404);
    CHECK(lab.send("DELETE", "packages/pkg").status == 404);
}

TEST_CASE("local openwhisk: lists have pages, the newest first") {
    OpenWhiskLab lab;
    lab.put("packages/pkg", {});
    for (int i = 0; i < 35; ++i) lab.deploy("job-" + std::to_string(i), OpenWhiskLab::action("x"));
    lab.deploy("pkg/inner", OpenWhiskLab::action("x"));
    CHECK(array_of(lab.get("actions")).size() == 30);
    CHECK(array_of(lab.get("actions?limit=0")).size() == 36);
    CHECK(array_of(lab.get("actions?limit=10&skip=30")).size() == 6);
    CHECK(array_of(lab.get("actions?skip=100")).empty());
    CHECK(object_of(lab.get("actions?count=true")).at("actions") == 36);
    CHECK(object_of(lab.get("actions?count=true&skip=30")).at("actions") == 6);
    const auto inner = array_of(lab.get("actions/pkg/"));
    REQUIRE(inner.size() == 1);
    CHECK(inner[0].at("namespace") == "guest/pkg");
    CHECK(inner[0].at("exec") == json::value({{"binary", false}}));
    CHECK(inner[0].as_object().contains("parameters") == false);
    CHECK(array_of(lab.get("packages")).at(0).at("name") == "pkg");
    CHECK(lab.get("actions/none/").status == 404);
    CHECK(error_of(lab.get("actions?limit=201"), 400) ==
          "The value '201' is not in the range of 0 to 200 for actions.");
    CHECK(error_of(lab.get("actions?skip=-1"), 400) == "The value '-1' is not greater than or equal to 0 for actions.");
    CHECK(error_of(lab.get("packages?limit=x"), 400) == "The value 'x' is not an integer for packages.");
    CHECK(error_of(lab.get("activations?limit=-1"), 400) ==
          "The value '-1' is not in the range of 0 to 200 for activations.");
}

TEST_CASE("local openwhisk: namespaces know nothing of each other, and one can be removed") {
    OpenWhiskLab lab;
    lab.deploy_loop("one", loop_echo);
    CHECK(lab.record("one", R"({"n":1})").at("subject") == "guest");
    lab.name_space = "other";
    CHECK(lab.get("actions").body == "[]");
    CHECK(lab.get("activations").body == "[]");
    lab.deploy_loop("one", loop_echo);
    lab.system->remove_namespace("guest");
    CHECK(array_of(lab.get("actions")).size() == 1);
    lab.name_space = "guest";
    CHECK(lab.get("actions").body == "[]");
    CHECK(lab.get("activations").body == "[]");
    lab.until([&] { return lab.functions.processes.alive() == 0; });
}

}  // namespace local_openwhisk_test
