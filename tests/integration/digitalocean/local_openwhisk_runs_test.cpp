#include "openwhisk_lab.hpp"
#include "support/vfork.hpp"

#include <boost/asio/steady_timer.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

// How the local cloud runs OpenWhisk's actions: as shell scripts that speak ActionLoop, and as scripts of Node.js.
namespace local_openwhisk_runs_test {

using namespace blueprint::faas;
using namespace blueprint::faas::test;

namespace {

const json::object& response_of(const json::object& record) { return record.at("response").as_object(); }
std::string result_error(const json::object& record) {
    return std::string{response_of(record).at("result").at("error").as_string()};
}
/// All lines of a record's log by one stream, without what stands before the text.
std::string log_of(const json::object& record, const std::string& stream = "stdout") {
    std::string all;
    const std::string mark = "Z " + stream + ": ";
    for (const auto& line : record.at("logs").as_array()) {
        const std::string text{line.as_string()};
        if (text.substr(std::min<std::size_t>(29, text.size())).starts_with(mark))
            all += text.substr(29 + mark.size()) + '\n';
    }
    return all;
}
std::string id_of(const json::object& record) { return std::string{record.at("activationId").as_string()}; }

}  // namespace

TEST_CASE("local openwhisk: a call gives a record, and what starting took is told once") {
    OpenWhiskLab lab;
    lab.deploy_loop("square", loop_echo);
    const auto reply = lab.invoke("square", R"({"n":7})");
    REQUIRE_MESSAGE(reply.status == 200, reply.body);
    const auto first = object_of(reply);
    CHECK(reply.field("x-openwhisk-activation-id") == id_of(first));
    CHECK(id_of(first).size() == 32);
    CHECK(first.at("name") == "square");
    CHECK(first.at("namespace") == "guest");
    CHECK(first.at("version") == "0.0.1");
    CHECK(response_of(first).at("status") == "success");
    CHECK(response_of(first).at("success") == true);
    CHECK(response_of(first).at("result").at("n") == 7);
    CHECK(first.at("logs").as_array().empty());
    CHECK(value_of(first, "annotations", "path") == "guest/square");
    CHECK(value_of(first, "annotations", "kind") == "go:1.24");
    CHECK(value_of(first, "annotations", "timeout") == false);
    CHECK(value_of(first, "annotations", "limits").at("memory") == 256);
    CHECK(value_of(first, "annotations", "initTime").is_number());
    CHECK(value_of(first, "annotations", "waitTime").is_number());
    CHECK(value_of(first, "annotations", "gbs").is_null());
    CHECK(first.at("end").as_int64() - first.at("start").as_int64() == first.at("duration").as_int64());
    CHECK(first.at("duration").as_int64() >= value_of(first, "annotations", "initTime").as_int64());

    const auto second = lab.record("square", R"({"n":8})");
    CHECK(value_of(second, "annotations", "initTime").is_null());
    CHECK(response_of(second).at("result").at("n") == 8);
    CHECK(response_of(second).at("result").at("pid") == response_of(first).at("result").at("pid"));
    CHECK(lab.system->instances() == 1);

    const auto bare = lab.invoke("square", R"({"n":9})", "blocking=true&result=true");
    CHECK(bare.status == 200);
    CHECK(object_of(bare).at("n") == 9);
    lab.deploy_loop("plain", R"(printf '{}\n' >&3)");
    CHECK(lab.send("POST", "actions/plain?blocking=true").status == 200);  // without a body
}

TEST_CASE("local openwhisk: an update ends the old instances, and a call under way ends with its own version") {
    OpenWhiskLab lab;
    lab.deploy_loop("slow", R"(/bin/sleep 0.3; printf '{"v":1}\n' >&3)");
    const auto id = id_of(object_of(lab.invoke("slow", "{}", "blocking=false")));
    lab.deploy_loop("slow", R"(printf '{"v":2}\n' >&3)");
    const auto second = lab.record("slow");
    CHECK(second.at("version") == "0.0.2");
    CHECK(response_of(second).at("result").at("v") == 2);
    const auto first = lab.stored(id);
    CHECK(first.at("version") == "0.0.1");
    CHECK(response_of(first).at("result").at("v") == 1);
    CHECK(lab.send("DELETE", "actions/slow").status == 200);
    lab.until([&] { return lab.functions.processes.alive() == 0; });
    CHECK(lab.system->instances() == 0);
}

TEST_CASE("local openwhisk: a program sees its parameters' variables, those of the platform, and no others") {
    OpenWhiskLab lab;
    auto content = OpenWhiskLab::action(
        loop_archive(R"(printf '%s\n' "$line"; /usr/bin/env; printf '{"pwd":"%s"}\n' "$PWD" >&3)"));
    content["parameters"] = json::parse(R"([{"key":"COLOUR","value":"red","init":true},
        {"key":"NUMBER","value":{"a":1},"init":true},{"key":"size","value":3}])");
    lab.deploy("seen", content);
    const auto record = lab.stored(id_of(lab.record("seen", R"({"x":"y"})")));
    auto log = log_of(record);
    const auto line = json::parse(log.substr(0, log.find('\n'))).as_object();
    CHECK(line.at("value") == json::parse(R"({"size":3,"x":"y"})"));
    CHECK(line.at("action_name") == "/guest/seen");
    CHECK(line.at("action_version") == "0.0.1");
    CHECK(line.at("namespace") == "guest");
    CHECK(line.at("api_host").as_string() == lab.url());
    CHECK(line.at("activation_id").as_string() == id_of(record));
    const auto deadline = std::stoll(std::string{line.at("deadline").as_string()});
    CHECK(deadline >= record.at("start").as_int64() + 60'000);
    CHECK(deadline <= record.at("end").as_int64() + 60'001);
    CHECK(line.size() == 8);

    std::vector<std::string> names;
    log.erase(0, log.find('\n') + 1);
    CHECK(log.find("COLOUR=red\n") != std::string::npos);
    CHECK(log.find("NUMBER={\"a\":1}\n") != std::string::npos);
    CHECK(log.find("__OW_ACTIVATION_ID=" + id_of(record) + '\n') != std::string::npos);
    CHECK(log.find("__OW_API_HOST=" + lab.url() + '\n') != std::string::npos);
    for (; !log.empty(); log.erase(0, log.find('\n') + 1)) {
        const auto name = log.substr(0, log.find('='));
        // These a shell sets by itself.
        if (name != "PWD" && name != "OLDPWD" && name != "SHLVL" && name != "_") names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    CHECK(
        (names == std::vector<std::string>{"COLOUR", "NUMBER", "__OW_ACTION_NAME", "__OW_ACTION_VERSION",
                                           "__OW_ACTIVATION_ID", "__OW_API_HOST", "__OW_DEADLINE", "__OW_EXECUTION_ENV",
                                           "__OW_NAMESPACE", "__OW_TRANSACTION_ID", "__OW_WAIT_FOR_ACK"}));
    // It does not start where its own file is.
    const auto directory = response_of(record).at("result").at("pwd").as_string();
    CHECK(std::string{directory}.find("private") != std::string::npos);
    CHECK(log_of(lab.stored(id_of(lab.record("seen")))).find(R"("value":{"size":3})") != std::string::npos);
}

TEST_CASE("local openwhisk: of a result with an error, that is what is left, and the answer is 502") {
    OpenWhiskLab lab;
    lab.deploy_loop("fails", R"(printf '{"job_id":7,"error":"no luck","code":"X"}\n' >&3)");
    const auto failed = lab.record("fails", "{}", 502);
    CHECK(response_of(failed).at("status") == "application error");
    CHECK(response_of(failed).at("success") == false);
    CHECK(response_of(failed).at("result") == json::value({{"error", "no luck"}}));
    CHECK(lab.invoke("fails", "{}", "blocking=true&result=true").body == R"({"error":"no luck"})");
    CHECK(value_of(lab.record("fails", "{}", 502), "annotations", "initTime").is_null());  // it is used again
}

TEST_CASE("local openwhisk: what is no object, and what ends, is the developer's error, and the instance goes") {
    OpenWhiskLab lab;
    lab.deploy_loop("bad", R"(printf '"text"\n' >&3)");
    for (int i = 0; i < 2; ++i) {
        const auto record = lab.record("bad", "{}", 502);
        CHECK(response_of(record).at("status") == "action developer error");
        CHECK(result_error(record) == "The action did not return a dictionary or array.");
        CHECK(value_of(record, "annotations", "initTime").is_number());
    }
    lab.deploy_loop("ends", "echo going; exit 3");
    const auto ended = lab.record("ends", "{}", 502);
    CHECK(response_of(ended).at("status") == "action developer error");
    CHECK(result_error(ended) == "command exited");
    CHECK(log_of(lab.stored(id_of(ended))) == "going\n");
    // One that ends between two calls is no call's failure.
    lab.deploy_loop("leaves", R"(printf '{"pid":%s}\n' $$ >&3; exit 0)");
    for (int i = 0; i < 5; ++i) CHECK(lab.invoke("leaves").status == 200);
    lab.deploy_loop("array", R"(printf '[1,2]\n' >&3)");
    const auto array = lab.invoke("array");
    CHECK(array.status == 200);
    CHECK(array.body == "[1,2]");  // bare, whatever was asked for
    lab.until([&] { return lab.functions.processes.alive() <= 1; });
}

TEST_CASE("local openwhisk: a program that takes too long is killed") {
    OpenWhiskLab lab;
    lab.deploy_loop("endless", "trap '' TERM; echo begun; while :; do :; done", {{"timeout", 300}});
    const auto record = lab.record("endless", "{}", 502);
    CHECK(response_of(record).at("status") == "action developer error");
    CHECK(result_error(record) == "The action exceeded its time limits of 300 milliseconds.");
    CHECK(value_of(record, "annotations", "timeout") == true);
    CHECK(log_of(lab.stored(id_of(record))) == "begun\n");
    CHECK(lab.functions.processes.alive() == 0);

    lab.deploy("silent", OpenWhiskLab::action(archive({{"exec", "#!/bin/sh\n/bin/sleep 60\n", 0755},
                                                       {"exec.env", std::string{good_exec_env}}}),
                                              "go:default", {{"timeout", 200}}));
    const auto silent = lab.record("silent", "{}", 502);
    CHECK(result_error(silent) == "The action exceeded its time limits of 200 milliseconds during initialization.");
    CHECK(value_of(silent, "annotations", "timeout") == true);
    CHECK(lab.functions.processes.alive() == 0);
}

TEST_CASE("pitfall 1 (OpenWhisk): a program that was made for another runtime is not started") {
    OpenWhiskLab lab;
    lab.deploy("old", OpenWhiskLab::action(loop_archive(loop_echo, "openwhisk/action-golang-v1.20")));
    const auto old = lab.record("old", "{}", 502);
    CHECK(response_of(old).at("status") == "action developer error");
    CHECK(result_error(old) == "Cannot start action. Check logs for details.");
    const auto log = lab.stored(id_of(old));
    CHECK(log_of(log) ==
          "Expected exec.env should start with openwhisk/action-golang-v1.24\n"
          "Actual value: openwhisk/action-golang-v1.20\n");
    CHECK(log_of(log, "stderr") == "Execution environment version mismatch. See logs for details.\n");
    lab.deploy("without", OpenWhiskLab::action(archive({{"exec", loop_program(loop_echo), 0755}})));
    const auto without = lab.record("without", "{}", 502);
    CHECK(result_error(without) == "Cannot start action. Check logs for details.");
    CHECK(log_of(lab.stored(id_of(without)), "stderr").find("exec.env") != std::string::npos);
    // A mode that was lost is no hindrance.
    lab.deploy("plain", OpenWhiskLab::action(archive(
                            {{"exec", loop_program(loop_echo), 0644}, {"exec.env", std::string{good_exec_env}}})));
    CHECK(response_of(lab.record("plain", R"({"n":1})")).at("result").at("n") == 1);
}

TEST_CASE("local openwhisk: what cannot be started is told, with the program's last words") {
    OpenWhiskLab lab;
    const auto start = [&](std::string_view program) {
        lab.deploy("x", OpenWhiskLab::action(
                            archive({{"exec", std::string{program}, 0755}, {"exec.env", std::string{good_exec_env}}})));
        auto record = lab.record("x", "{}", 502);
        CHECK(response_of(record).at("status") == "action developer error");
        return std::pair{result_error(record), log_of(lab.stored(id_of(record)), "stderr")};
    };
    const std::string cannot = "Cannot start action. Check logs for details.";
    CHECK(start("#!/bin/sh\necho oh no >&2\nexit 3\n") ==
          std::pair{cannot, std::string{"oh no\nCommand exited abruptly during initialization.\n"}});
    CHECK(start("#!/bin/sh\nprintf '{\"ok\":false}\\n' >&3\nread -r line\n") ==
          std::pair{cannot, std::string{"The action did not initialize properly.\n"}});
    CHECK(start("#!/no/such/shell\n").first == cannot);
    CHECK(start("package main\n").first == "The action failed to generate or locate a binary. See logs for details.");
    lab.deploy("x", OpenWhiskLab::action(archive({{"main.go", "package main\n"}})));
    CHECK(result_error(lab.record("x", "{}", 502)) ==
          "The action failed to generate or locate a binary. See logs for details.");
    lab.deploy("x", OpenWhiskLab::action("UEsDBAAA"));
    CHECK(result_error(lab.record("x", "{}", 502)) ==
          "The action failed to generate or locate a binary. See logs for details.");
}

TEST_CASE("local openwhisk: a runtime for finished programs wants neither exec.env nor a sign") {
    local::OpenWhiskSettings settings;
    settings.exec_env.clear();
    OpenWhiskLab lab{std::move(settings)};
    const std::string program =
        "#!/bin/sh\nwhile read -r line; do printf '{\"ack\":\"%s\"}\\n' \"${__OW_WAIT_FOR_ACK-none}\" "
        ">&3; done\n";
    lab.deploy("zip", OpenWhiskLab::action(archive({{"exec", program, 0755}})));
    CHECK(response_of(lab.record("zip")).at("result").at("ack") == "none");
    // And the program itself in place of an archive.
    lab.deploy("bare", OpenWhiskLab::action(base64_of(program)));
    CHECK(response_of(lab.record("bare")).at("result").at("ack") == "none");
    lab.deploy("gone", OpenWhiskLab::action(archive({{"exec", "#!/bin/sh\nexit 0\n", 0755}})));
    CHECK(response_of(lab.record("gone", "{}", 502)).at("status") == "action developer error");
}

TEST_CASE("local openwhisk: a call that nobody waits for, and its record later") {
    local::OpenWhiskSettings settings;
    settings.record_delay = 150ms;
    OpenWhiskLab lab{std::move(settings)};
    lab.deploy_loop("job", R"(echo working; printf '{"done":true}\n' >&3)");
    const auto reply = lab.invoke("job", "{}", "blocking=false");
    CHECK(reply.status == 202);
    const auto id = id_of(object_of(reply));
    CHECK(reply.field("x-openwhisk-activation-id") == id);
    CHECK(error_of(lab.get("activations/" + id), 404) == "The requested resource does not exist.");
    const auto record = lab.stored(id);
    CHECK(response_of(record).at("result").at("done") == true);
    const auto line = std::string{record.at("logs").at(0).as_string()};
    CHECK(line.substr(4, 1) == "-");
    CHECK(line.substr(29) == "Z stdout: working");
    CHECK(object_of(lab.get("activations/" + id + "/result")) == response_of(record));
    CHECK(object_of(lab.get("activations/" + id + "/logs")).at("logs") == record.at("logs"));
    CHECK(lab.get("activations/" + id + "/more").status == 404);
    CHECK(error_of(lab.get("activations/abc"), 400) == "activation id length is 3 but must be 32.");
    CHECK(error_of(lab.get("activations/" + std::string(32, 'z')), 400) == "The activation id is not valid.");
}

TEST_CASE("pitfall 5 (OpenWhisk): a call that outlives the wait is answered 202 and goes on") {
    local::OpenWhiskSettings settings;
    settings.blocking_wait = 2000ms;
    OpenWhiskLab lab{std::move(settings)};
    lab.deploy_loop("slow", R"(/bin/sleep 0.5; printf '{"done":true}\n' >&3)");
    const auto reply = lab.invoke("slow", "{}", "blocking=true&timeout=100");
    CHECK(reply.status == 202);
    const auto answer = object_of(reply);
    CHECK(answer.size() == 1);
    CHECK(response_of(lab.stored(id_of(answer))).at("result").at("done") == true);
    CHECK(lab.invoke("slow").status == 200);
    for (const auto* const timeout : {"0", "-1", "2001", "x"})
        CHECK(error_of(lab.invoke("slow", "{}", "blocking=true&timeout=" + std::string{timeout}), 400) ==
              "Timeout must be number of milliseconds up to 2000.");
    CHECK(lab.invoke("slow", "{}", "blocking=maybe").status == 400);
}

TEST_CASE("local openwhisk: parameters of the package, the action and the call, and those that are final") {
    OpenWhiskLab lab;
    lab.put("packages/pkg", json::parse(R"({"parameters":[{"key":"a","value":1},{"key":"b","value":1}]})").as_object());
    auto content = OpenWhiskLab::action(loop_archive(R"(printf '%s\n' "$line"; printf '{}\n' >&3)"));
    content["parameters"] = json::parse(R"([{"key":"b","value":2},{"key":"c","value":2},{"key":"d","value":null}])");
    lab.deploy("pkg/x", content);
    const auto log = log_of(lab.stored(id_of(lab.record("pkg/x", R"({"c":3,"d":3})"))));
    const auto value = json::parse(log).at("value");
    CHECK(value == json::parse(R"({"a":1,"b":2,"c":3,"d":3})"));
    CHECK(value_of(object_of(lab.get("actions/pkg/x")), "parameters", "a") == 1);
    lab.deploy("pkg/x", json::parse(R"({"annotations":[{"key":"final","value":true}]})").as_object());
    const std::string reserved = "Request defines parameters that are not allowed (e.g., reserved properties).";
    for (const auto* const name : {"a", "b", "c"})
        CHECK(error_of(lab.invoke("pkg/x", R"({")" + std::string{name} + R"(":1})"), 400) == reserved);
    CHECK(lab.invoke("pkg/x", R"({"d":1,"e":1})").status == 200);
}

TEST_CASE("local openwhisk: too many calls are refused") {
    local::OpenWhiskSettings settings;
    settings.calls_per_minute = 4;
    settings.concurrent_calls = 2;
    OpenWhiskLab lab{std::move(settings)};
    lab.deploy_loop("slow", R"(/bin/sleep 0.5; printf '{}\n' >&3)");
    const auto call = lab.ask("POST", "/api/v1/namespaces/_/actions/slow?blocking=true");
    auto replies = lab.send_all({call, call, call});
    std::sort(replies.begin(), replies.end(), [](const auto& a, const auto& b) { return a.status < b.status; });
    CHECK(replies[0].status == 200);
    CHECK(replies[1].status == 200);
    CHECK(error_of(replies[2], 429) == "Too many concurrent requests in flight (count: 2, allowed: 2).");
    CHECK(lab.invoke("slow").status == 200);
    CHECK(lab.invoke("none").status == 404);
    CHECK(error_of(lab.invoke("slow"), 429) == "Too many requests in the last minute (count: 5, allowed: 4).");
    lab.name_space = "other";
    CHECK(lab.invoke("none").status == 404);
}

TEST_CASE("local openwhisk: instances are started as calls need them, and no more than there may be") {
    local::OpenWhiskSettings settings;
    settings.instances = 2;
    settings.idle = 300ms;
    OpenWhiskLab lab{std::move(settings)};
    lab.deploy_loop("slow", R"(/bin/sleep 0.2; printf '{"pid":%s}\n' $$ >&3)");
    const auto call = lab.ask("POST", "/api/v1/namespaces/_/actions/slow?blocking=true");
    const auto replies = lab.send_all({call, call, call, call});
    std::vector<std::int64_t> programs;
    std::size_t waited = 0;
    for (const auto& reply : replies) {
        REQUIRE_MESSAGE(reply.status == 200, reply.body);
        const auto record = object_of(reply);
        programs.push_back(response_of(record).at("result").at("pid").as_int64());
        waited += value_of(record, "annotations", "waitTime").as_int64() >= 150 ? 1U : 0U;
    }
    std::sort(programs.begin(), programs.end());
    programs.erase(std::unique(programs.begin(), programs.end()), programs.end());
    CHECK(programs.size() == 2);
    CHECK(waited == 2);
    CHECK(lab.functions.processes.started() == 2);
    lab.until([&] { return lab.functions.processes.alive() == 0; });
    CHECK(lab.system->instances() == 0);
    CHECK(value_of(lab.record("slow"), "annotations", "initTime").is_number());
}

TEST_CASE("local openwhisk: an answer that is too long is told, not cut") {
    local::OpenWhiskSettings settings;
    settings.parameter_bytes = 1000;
    OpenWhiskLab lab{std::move(settings)};
    lab.deploy_loop("long", R"(printf '{"x":"%01000d"}\n' 0 >&3)");
    const auto record = lab.record("long", "{}", 502);
    CHECK(response_of(record).at("status") == "application error");
    CHECK(result_error(record) ==
          "The action produced a response that exceeded the allowed length: 1008 > 1000 bytes.");
}

TEST_CASE("local openwhisk: a log has its own limit, and each call its own lines") {
    OpenWhiskLab lab;
    lab.deploy_loop("talks", R"(echo to stderr >&2; echo to stdout; printf '{}\n' >&3)", {{"logs", 1}});
    for (int i = 0; i < 3; ++i) {
        const auto record = lab.stored(id_of(lab.record("talks")));
        CHECK(log_of(record) == "to stdout\n");
        CHECK(log_of(record, "stderr") == "to stderr\n");
    }
    lab.deploy_loop("silent", R"(echo unheard; printf '{}\n' >&3)", {{"logs", 0}});
    CHECK(lab.stored(id_of(lab.record("silent"))).at("logs").as_array().empty());
    lab.deploy_loop("much",
                    R"(i=0; while [ $i -lt 1100 ]; do printf '%01023d\n' $i; i=$((i+1)); done; printf '{}\n' >&3)",
                    {{"logs", 1}});
    const auto much = lab.stored(id_of(lab.record("much"))).at("logs").as_array();
    CHECK(much.size() == 1027);  // 1025 whole lines, a byte of the next one, and this:
    CHECK(much.back() == "Logs were truncated because the total bytes size exceeds the limit of 1048576 bytes.");
}

TEST_CASE("local openwhisk: the list of activations is cut by name, time and page") {
    local::OpenWhiskSettings settings;
    settings.records = 5;
    OpenWhiskLab lab{std::move(settings)};
    lab.put("packages/pkg", {});
    lab.deploy_loop("a", R"(printf '{"error":"x"}\n' >&3)");
    lab.deploy_loop("pkg/a", R"(printf '{}\n' >&3)");
    lab.deploy_loop("b", R"(printf '{}\n' >&3)");
    const auto first = id_of(lab.record("a", "{}", 502));
    const auto in_package = lab.record("pkg/a");
    lab.until([start = std::chrono::steady_clock::now()] { return std::chrono::steady_clock::now() - start > 5ms; });
    const auto last = lab.record("b");
    const auto all = array_of(lab.get("activations"));
    REQUIRE(all.size() == 3);
    CHECK(all[0].at("name") == "b");
    CHECK(all[2].at("statusCode") == 1);
    CHECK(all[2].as_object().contains("response") == false);
    CHECK(all[2].at("activationId").as_string() == first);
    CHECK(array_of(lab.get("activations?name=a")).size() == 2);
    CHECK(array_of(lab.get("activations?name=pkg/a")).size() == 1);
    CHECK(array_of(lab.get("activations?limit=1&skip=1")).at(0).at("activationId").as_string() == id_of(in_package));
    const auto start = std::to_string(last.at("start").as_int64());
    CHECK(array_of(lab.get("activations?since=" + start)).size() == 1);
    CHECK(array_of(lab.get("activations?upto=" + std::to_string(last.at("start").as_int64() - 1))).size() == 2);
    CHECK(array_of(lab.get("activations?docs=true")).at(2).at("response").at("status") == "application error");
    CHECK(object_of(lab.get("activations?count=true&name=b")).at("activations") == 1);
    CHECK(error_of(lab.get("activations?count=true&docs=true"), 400) ==
          "The parameter 'docs' is not permitted with 'count'.");
    CHECK(lab.get("activations?since=x").status == 400);
    for (int i = 0; i < 4; ++i) lab.record("b");
    CHECK(array_of(lab.get("activations")).size() == 5);
    CHECK(lab.get("activations/" + first).status == 404);
}

TEST_CASE("local openwhisk: DigitalOcean's records tell what is paid for") {
    local::OpenWhiskSettings settings;
    settings.digitalocean = true;
    OpenWhiskLab lab{std::move(settings)};
    lab.deploy_loop("paid", R"(printf '{}\n' >&3)");
    lab.record("paid");
    const auto warm = lab.record("paid");
    const auto tenths = std::max<std::int64_t>(1, (warm.at("duration").as_int64() + 99) / 100);
    CHECK(value_of(warm, "annotations", "gbs").as_double() == doctest::Approx(0.025 * static_cast<double>(tenths)));
    CHECK(error_of(lab.put("actions/paid?overwrite=true", json::parse(R"({"limits":{"concurrency":2}})").as_object()),
                   400) == "concurrency 2 exceeds allowed threshold of 1");
}

TEST_CASE("local openwhisk: who stops lets calls end, but not for ever") {
    OpenWhiskLab lab;
    lab.deploy_loop("slow", R"(/bin/sleep 0.3; printf '{"done":true}\n' >&3)");
    lab.deploy_loop("endless", R"(/bin/sleep 100)");
    const auto good = id_of(object_of(lab.invoke("slow", "{}", "blocking=false")));
    const auto bad = id_of(object_of(lab.invoke("endless", "{}", "blocking=false")));
    bool stopped = false;
    asio::co_spawn(lab.functions.strand, lab.system->stop(1000ms), [&](std::exception_ptr) { stopped = true; });
    CHECK(error_of(lab.invoke("slow"), 503) == "System is overloaded, try again later.");
    lab.until([&] { return stopped; });
    CHECK(response_of(object_of(lab.get("activations/" + good))).at("status") == "success");
    CHECK(response_of(object_of(lab.get("activations/" + bad))).at("status") == "whisk internal error");
    lab.until([&] { return lab.functions.processes.alive() == 0; });
}

TEST_CASE("local openwhisk: what is skipped without Node.js is told" * doctest::skip(has_node())) {
    MESSAGE("skipped: the tests of functions of Node.js, because there is none here");
}

TEST_SUITE("node" * doctest::skip(!has_node())) {
    TEST_CASE("local openwhisk, Node.js: source text is run, and keeps what it has between two calls") {
        OpenWhiskLab lab;
        lab.deploy("count", OpenWhiskLab::action(R"js(
            let calls = 0;
            function main(params) { console.log('call', ++calls); return { calls, hello: params.name }; }
        )js",
                                                 "nodejs:default"));
        const auto first = lab.record("count", R"({"name":"a"})");
        CHECK(response_of(first).at("result") == json::value({{"calls", 1}, {"hello", "a"}}));
        const auto second = lab.record("count", R"({"name":"b"})");
        CHECK(response_of(second).at("result").at("calls") == 2);
        CHECK(value_of(second, "annotations", "kind") == "nodejs:22");
        CHECK(log_of(lab.stored(id_of(second))) == "call 2\n");
        auto exported = OpenWhiskLab::action("exports.run = async () => ({ ok: true });", "nodejs:20");
        exported["exec"].as_object()["main"] = "run";
        lab.deploy("exported", exported);
        CHECK(response_of(lab.record("exported")).at("result").at("ok") == true);
    }

    TEST_CASE("local openwhisk, Node.js: an archive is run in its folder, with the platform's variables") {
        OpenWhiskLab lab;
        auto content = OpenWhiskLab::action(archive({{"package.json", R"({"main":"src/index.js"})"},
                                                     {"src/index.js", R"js(
                         const fs = require('fs');
                         exports.main = async (params) => ({
                             here: fs.existsSync('package.json'), mode: (fs.statSync('tool').mode & 0o777).toString(8),
                             id: process.env.__OW_ACTIVATION_ID, deadline: process.env.__OW_DEADLINE, colour: process.env.COLOUR,
                             home: process.env.HOME !== undefined && process.env.PATH !== undefined, params });
                         exports.other = { one: () => ({ other: true }) };
                     )js"},
                                                     {"tool", "#!/bin/sh\n", 0755}}),
                                            "nodejs:default");
        content["parameters"] = json::parse(R"([{"key":"COLOUR","value":"red","init":true}])");
        lab.deploy("zip", content);
        for (int i = 0; i < 2; ++i) {
            const auto record = lab.record("zip", R"({"a":[1]})");
            const auto& result = response_of(record).at("result");
            CHECK(result.at("here") == true);
            CHECK(result.at("mode") == "755");
            CHECK(result.at("id").as_string() == id_of(record));
            CHECK(std::stoll(std::string{result.at("deadline").as_string()}) > record.at("start").as_int64() + 50'000);
            CHECK(result.at("colour") == "red");
            CHECK(result.at("home") == true);
            CHECK(result.at("params") == json::parse(R"({"a":[1]})"));
        }
        content["exec"].as_object()["main"] = "src/index.other.one";
        lab.deploy("zip", content);
        // Up to the first dot it is a file: "src/index".
        CHECK(response_of(lab.record("zip")).at("result").at("other") == true);
    }

    TEST_CASE("local openwhisk, Node.js: what is thrown, rejected, and no object") {
        OpenWhiskLab lab;
        lab.deploy("x", OpenWhiskLab::action(R"js(
            function main({ what }) {
              if (what === 'throw') throw new TypeError('thrown');
              if (what === 'reject') return Promise.reject(new TypeError('rejected'));
              if (what === 'nothing') return Promise.reject();
              if (what === 'text') return 'text';
              if (what === 'exit') process.exit(7);
              if (what === 'error') return { error: { code: 5 }, more: 1 };
              if (what === 'array') return [1];
            }
        )js",
                                             "nodejs:default"));
        const auto run = [&](const std::string& what, unsigned status) {
            return lab.record("x", R"({"what":")" + what + R"("})", status);
        };
        const auto thrown = run("throw", 502);
        CHECK(response_of(thrown).at("status") == "action developer error");
        CHECK(result_error(thrown) == "An error has occurred: TypeError: thrown");
        CHECK(log_of(lab.stored(id_of(thrown)), "stderr").find("TypeError: thrown") != std::string::npos);
        const auto rejected = run("reject", 502);
        CHECK(value_of(rejected, "annotations", "initTime").is_number());  // who threw was not used again
        CHECK(response_of(rejected).at("status") == "application error");
        CHECK(response_of(rejected).at("result").at("error").at("name") == "TypeError");
        CHECK(response_of(rejected).at("result").at("error").at("message") == "rejected");
        CHECK(response_of(run("nothing", 502)).at("result") == json::parse(R"({"error":{}})"));
        CHECK(result_error(run("text", 502)) == "The action did not return a dictionary.");
        CHECK(result_error(run("exit", 502)) == "The action did not produce a valid response and exited unexpectedly.");
        CHECK(response_of(run("error", 502)).at("result") == json::parse(R"({"error":{"code":5}})"));
        CHECK(response_of(run("undefined", 200)).at("result") == json::object{});
        CHECK(lab.invoke("x", R"({"what":"array"})").body == "[1]");
    }

    TEST_CASE("local openwhisk, Node.js: what cannot be loaded is told") {
        OpenWhiskLab lab;
        const auto load = [&](std::string code, std::string_view main = "main") {
            auto content = OpenWhiskLab::action(std::move(code), "nodejs:default");
            content["exec"].as_object()["main"] = main;
            lab.deploy("x", content);
            const auto record = lab.record("x", "{}", 502);
            CHECK(response_of(record).at("status") == "action developer error");
            return result_error(record);
        };
        const std::string failed = "Initialization has failed due to: ";
        CHECK(load(archive({{"main.js", ""}})) ==
              failed + "Zipped actions must contain either package.json or index.js at the root.");
        CHECK(load(archive({{"index.js", ""}})) == failed + "Action entrypoint 'main' is not a function.");
        CHECK(load("const main = 5;") == failed + "Action entrypoint 'main' is not a function.");
        CHECK(load("syntax error").starts_with(failed + "SyntaxError"));
        CHECK(load("function main() {}", "main()").starts_with(failed));
        CHECK(load("UEsDBAAA").starts_with(failed));
        CHECK(load("AAAA").starts_with(failed));
        CHECK(load("process.exit(3)") == "The action did not initialize and exited unexpectedly.");
    }

    TEST_CASE("local openwhisk, Node.js: long lines, both ways") {
        OpenWhiskLab lab;
        lab.deploy("echo", OpenWhiskLab::action("function main(params) { return params; }", "nodejs:default"));
        std::string text(1'000'000, 'x');
        for (std::size_t i = 0; i < text.size(); i += 97) text[i] = '\n';
        const auto body = json::serialize(json::object{{"text", text}});
        const auto record = lab.record("echo", body);
        CHECK((response_of(record).at("result").at("text").as_string() == text));
        CHECK(response_of(record).at("size") == body.size());
    }

    TEST_CASE("local openwhisk, Node.js: the least memory is enough, and more than there is ends the program") {
        if (std::getenv("BLUEPRINT_FAAS_NO_MEMORY_LIMIT") != nullptr) return;
        OpenWhiskLab lab;
        lab.deploy("eat",
                   OpenWhiskLab::action(
                       "function main({ mib }) { const b = Buffer.alloc(mib << 20, 1); return { got: b.length }; }",
                       "nodejs:default", {{"memory", 128}}));
        CHECK(response_of(lab.record("eat", R"({"mib":1})")).at("result").at("got") == 1 << 20);
        const auto much = lab.record("eat", R"({"mib":400})", 502);
        CHECK(response_of(much).at("status") == "action developer error");
    }
}

TEST_CASE("local openwhisk, Node.js: a machine without it says so" * doctest::skip(tests::vfork_is_fork)) {
    local::OpenWhiskSettings settings;
    settings.node = "/no/such/node";
    OpenWhiskLab lab{std::move(settings)};
    lab.deploy("x", OpenWhiskLab::action("function main() {}", "nodejs:default"));
    const auto record = lab.record("x", "{}", 502);
    CHECK(result_error(record) == "Cannot start action. Check logs for details.");
    CHECK(log_of(lab.stored(id_of(record)), "stderr").find("'node'") != std::string::npos);
}

}  // namespace local_openwhisk_runs_test
