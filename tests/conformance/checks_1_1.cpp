// What contract 1.1 adds: checked where the platform announces it.
#include "functions.hpp"
#include "suite.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace blueprint::faas::conformance {

namespace {

using namespace std::chrono_literals;

const std::string functions = "/api/functions/";

void need(Platform& platform, Trial& trial, const std::string& feature) {
    if (!platform.announces(feature)) trial.not_offered('`' + feature + "` of contract 1.1 is not announced");
}

void describe(Platform& platform, Trial& trial) {
    const auto reply = platform.get("/api/platform");
    if (reply.status == 404) trial.not_offered("plain contract 1.0: the platform does not describe itself");
    trial.want_status(reply, {200}, "GET /api/platform describes the platform, or is 404");
    const auto json = reply.json();
    if (!trial.want(json.has_value(), reply.summary(), "the description is a JSON object")) return;
    trial.want(!reply.text("spec").empty(), reply.summary(), "`spec` is the contract's version, as text");
    const auto* features = json->if_contains("features");
    trial.want(features != nullptr && features->is_array(), reply.summary(), "`features` is an array");
    const auto* limits = json->if_contains("limits");
    trial.want(limits == nullptr || limits->is_object(), reply.summary(), "`limits` is an object");
}

void list(Platform& platform, Trial& trial) {
    need(platform, trial, "list");
    const auto id = platform.deploy_script(trial, answer_7);
    const auto find = [&](const Reply& reply) {
        const auto json = reply.json();
        const auto* all = json ? json->if_contains("functions") : nullptr;
        if (!trial.want(all != nullptr && all->is_array(), reply.summary(), "`functions` is an array")) return false;
        for (const auto& one : all->get_array()) {
            const auto* name = one.is_object() ? one.get_object().if_contains("function_id") : nullptr;
            if (name != nullptr && name->is_string() && name->get_string() == id) return true;
        }
        return false;
    };
    const auto reply = platform.get("/api/functions");
    trial.want_status(reply, {200}, "GET /api/functions lists the functions");
    trial.want(find(reply), reply.summary(), "the list holds what was deployed");
    (void)platform.remove(id);
    trial.want(!find(platform.get("/api/functions")), "the list still holds " + id,
               "the list holds no removed function");
}

void replace(Platform& platform, Trial& trial) {
    need(platform, trial, "replace");
    const auto missing = platform.put(platform.new_id(), script_package(answer_7), {}, {{"If-Match", "*"}});
    trial.want_error(missing, {412}, "PRECONDITION_FAILED", "PUT with If-Match: * of an absent function (R8)");
    const auto id = platform.deploy_script(trial, "cat > /dev/null; sleep 2; echo '{\"result\":[1]}'");
    const auto running = platform.client().start(platform.call(id));
    platform.client().pause(400ms);
    const auto other = script_package("cat > /dev/null; echo '{\"result\":[2]}'");
    const auto replaced = platform.put(id, other, {}, {{"If-Match", "*"}, {"X-Blueprint-Revision", "second"}});
    trial.want_status(replaced, {200}, "PUT with If-Match: * replaces the function (R8)");
    const auto later = platform.invoke(id);
    trial.want(result_bytes(later) == "\x02", later.summary(), "later calls start on the new package");
    const auto old = platform.client().wait(running);
    trial.want(result_bytes(old) == "\x01", old.summary(), "running invocations finish on the old package");
    const auto now = platform.get(functions + id);
    trial.want(now.text("revision") == "second", now.summary(),
               "X-Blueprint-Revision is kept and returned as `revision`");
}

void damaged(Platform& platform, Trial& trial) {
    if (platform.get("/api/platform").status != 200) trial.not_offered("`package_sha256` is of contract 1.1");
    const auto id = platform.new_id();
    const auto reply =
        platform.put(id, script_package(answer_7), "{\"package_sha256\":\"" + std::string(64, 'a') + "\"}");
    trial.want_error(reply, {400}, "BAD_REQUEST", "a package that is not what `package_sha256` says was damaged");
    trial.want_status(platform.get(functions + id), {404}, "a damaged package is not deployed");
}

void base64(Platform& platform, Trial& trial) {
    need(platform, trial, "base64");
    const auto id = platform.deploy_script(trial, echo_script);
    auto reply = platform.ask(platform.call(id, R"("aGk=")", {{"X-Blueprint-Bytes", "base64"}}));
    trial.want_status(reply, {200}, "a call with X-Blueprint-Bytes: base64");
    trial.want(reply.text("result") == "aGk=", reply.summary(), "`args` and `result` are Base64 strings");
    reply = platform.invoke(id, R"("aGk=")");
    trial.want(result_bytes(reply) == "hi", reply.summary(),
               "`args` are read from Base64 also without the field (R12)");
}

void binary(Platform& platform, Trial& trial) {
    need(platform, trial, "binary");
    const auto id = platform.deploy_script(trial, echo_script);
    Ask call{.verb = Verb::post, .path = functions + id + "/invoke", .body = some_bytes(1000)};
    call.fields = {{"Content-Type", "application/octet-stream"}, {"X-Blueprint-Job-Id", "4294967295"}};
    auto reply = platform.ask(call);
    trial.want_status(reply, {200}, "a call as application/octet-stream");
    trial.want(reply.body == some_bytes(1000), std::to_string(reply.body.size()) + " bytes",
               "the answer is the bare bytes of the result");
    trial.want(reply.field("Content-Type").starts_with("application/octet-stream"), reply.field("Content-Type"),
               "the answer is application/octet-stream");
    trial.want(!reply.field("X-Blueprint-Execution-Ms").empty(), "no X-Blueprint-Execution-Ms",
               "X-Blueprint-Execution-Ms says how long it ran");
    call.fields = {{"Content-Type", "application/octet-stream"}, {"X-Blueprint-Job-Id", "4294967296"}};
    trial.want_error(platform.ask(call), {400}, "BAD_REQUEST", "X-Blueprint-Job-Id is at most 4294967295");
    const auto bad = platform.deploy_script(trial, "cat > /dev/null; exit 3");
    call = {.verb = Verb::post, .path = functions + bad + "/invoke", .body = "x"};
    call.fields = {{"Content-Type", "application/octet-stream"}, {"X-Blueprint-Job-Id", "0"}};
    reply = platform.ask(call);
    trial.want(reply.status >= 400 && reply.json().has_value(), reply.summary(), "failures stay JSON");
}

void async(Platform& platform, Trial& trial) {
    need(platform, trial, "async");
    const auto id = platform.deploy_script(trial, "cat > /dev/null; sleep 1; echo '{\"result\":[7]}'");
    const auto reply = platform.ask(platform.call(id, "[]", {{"Prefer", "respond-async"}}));
    trial.want_status(reply, {202}, "a call with Prefer: respond-async is taken");
    trial.want(!reply.text("invocation_id").empty(), reply.summary(), "`invocation_id` names the invocation");
    trial.want(reply.took < 900ms, "answered after " + std::to_string(reply.took.count()) + " ms",
               "an asynchronous call is answered before it ends");
    std::int64_t count = 0;
    for (int look = 0; look < 40 && count == 0; ++look) {
        platform.client().pause(250ms);
        count = platform.get(functions + id + "/health").number("total_invocations").value_or(1);
    }
    trial.want(count == 1, std::to_string(count) + " invocations after 10 s", "an asynchronous call is run");
    const auto absent = platform.ask(platform.call(platform.new_id(), "[]", {{"Prefer", "respond-async"}}));
    trial.want_error(absent, {404}, "NOT_FOUND", "an asynchronous call of an absent function");
}

void idempotency(Platform& platform, Trial& trial) {
    need(platform, trial, "idempotency");
    const auto id = platform.deploy_script(
        trial, std::string{telling} + "cat > /dev/null; dd if=/dev/urandom bs=16 count=1 2>/dev/null | tell");
    const std::vector<std::pair<std::string, std::string>> key{{"Idempotency-Key", id + "-key"}};
    const auto first = result_bytes(platform.ask(platform.call(id, "[1]", key)));
    const auto again = platform.ask(platform.call(id, "[1]", key));
    if (!trial.want(first.has_value(), "the first call failed", "a call with Idempotency-Key works")) return;
    trial.want(result_bytes(again) == first, again.summary(), "the same key and body get the stored answer");
    const auto other = platform.ask(platform.call(id, "[1]", {{"Idempotency-Key", id + "-other"}}));
    trial.want(result_bytes(other).has_value() && result_bytes(other) != first, other.summary(),
               "another key is another call");
    const auto reused = platform.ask(platform.call(id, "[2]", key));
    trial.want_error(reused, {422}, "KEY_REUSED", "the same key with another body");
    const auto elsewhere = platform.deploy_script(trial, answer_7);
    const auto reply = platform.ask(platform.call(elsewhere, "[1]", key));
    trial.want(reply.status == 422 || result_bytes(reply) == "\x07", reply.summary(),
               "a key of another function never gets that function's answer");
    const auto count = platform.get(functions + id + "/health").number("total_invocations");
    trial.want(!count || *count == 2, std::to_string(count.value_or(0)) + " invocations",
               "of the calls with one key only the first is run");
}

void idempotency_at_once(Platform& platform, Trial& trial) {
    need(platform, trial, "idempotency");
    const auto id = platform.deploy_script(
        trial, std::string{telling} + "cat > /dev/null; sleep 1; dd if=/dev/urandom bs=16 count=1 2>/dev/null | tell");
    const auto call = platform.call(id, "[1]", {{"Idempotency-Key", id + "-key"}});
    const auto first = platform.client().start(call);
    platform.client().pause(200ms);
    const auto second = platform.client().start(call);
    const auto one = platform.client().wait(first);
    const auto two = platform.client().wait(second);
    trial.want(result_bytes(one).has_value(), one.summary(), "the first of two equal calls is run");
    trial.want(two.status == 409 || result_bytes(two) == result_bytes(one), two.summary(),
               "the second one, which comes while the first runs, gets its answer, or 409");
}

void warm_count(Platform& platform, Trial& trial) {
    need(platform, trial, "warm-count");
    const auto id = platform.deploy_script(trial, answer_7);
    Ask warm{.verb = Verb::post, .path = functions + id + "/warm", .body = R"({"instances":2})"};
    warm.fields.emplace_back("Content-Type", "application/json");
    const auto reply = platform.ask(warm);
    trial.want_status(reply, {200}, "warming two instances");
    trial.want(reply.number("instances_warmed").value_or(0) == 2, reply.summary(),
               "two were asked for, two are warm (R14)");
    for (const std::string bad : {R"({"instances":0})", R"({"instances":"2"})", "[2]"}) {
        warm.body = bad;
        trial.want_error(platform.ask(warm), {400}, "BAD_REQUEST", "warming with " + bad);
    }
}

void loop(Platform& platform, Trial& trial) {
    need(platform, trial, "loop");
    const std::string script =
        "#!/bin/sh\n[ \"$BLUEPRINT_LOOP\" = 1 ] || { cat > /dev/null; echo '{\"result\":[255]}'; exit 0; }\n"
        "n=0\nwhile read -r line; do n=$((n + 1)); case \"$line\" in *'\"args\":[9]'*) sleep 30 ;; esac\n"
        "echo \"{\\\"result\\\":[$n]}\"; done\n";
    const auto id = platform.deploy(trial, zip_of({{"bootstrap", script}, {"blueprint.json", R"({"loop":true})"}}),
                                    R"({"timeout_secs":1})");
    std::string seen;
    for (int call = 0; call < 3; ++call) {
        const auto reply = platform.invoke(id, "[1]");
        const auto bytes = result_bytes(reply);
        if (!trial.want(bytes && bytes->size() == 1, reply.summary(), "a function in loop mode answers line by line"))
            return;
        seen += *bytes;
    }
    trial.want(seen.find('\xff') == std::string::npos, "BLUEPRINT_LOOP is not 1",
               "loop mode is told by BLUEPRINT_LOOP=1");
    trial.want(seen.find('\x02') != std::string::npos || seen == "\xff\xff\xff", "every call had a new process",
               "in loop mode one process answers several calls");
    const auto late = platform.invoke(id, "[9]");
    trial.want(late.status == 504 || late.text("code") == "TIMEOUT", late.summary(),
               "a call in loop mode that takes too long is TIMEOUT");
    const auto after = platform.invoke(id, "[1]");
    trial.want(result_bytes(after).has_value(), after.summary(), "after a timeout the next call has a new process");
}

constexpr Check table[] = {
    {"1.1-describe", "Names and addresses", &describe},
    {"1.1-list", "Names and addresses", &list},
    {"1.1-replace", "R8", &replace},
    {"1.1-package-sha256", "Deploy", &damaged},
    {"1.1-base64", "R12", &base64},
    {"1.1-binary", "R12", &binary},
    {"1.1-async", "Invoke", &async},
    {"1.1-idempotency", "Invoke", &idempotency},
    {"1.1-idempotency-at-once", "Invoke", &idempotency_at_once},
    {"1.1-warm-count", "R14", &warm_count},
    {"1.1-loop", "R14", &loop},
};

}  // namespace

std::span<const Check> checks_of_1_1() { return table; }

}  // namespace blueprint::faas::conformance
