// What functions may do to their platform, and what it makes of that. Source: "How a function runs", "Errors".
#include "functions.hpp"
#include "suite.hpp"

namespace blueprint::faas::conformance {

namespace {

using namespace std::chrono_literals;

const std::string functions = "/api/functions/";

// R11: what a client takes for a job that failed.
bool says_failed(const Reply& reply) {
    const auto json = reply.json();
    if (!json) return false;
    if (reply.text("code") == "EXECUTION_ERROR") return reply.status >= 400;
    const auto* success = json->if_contains("success");
    return success != nullptr && success->is_bool() && !success->get_bool();
}

// R13: what it takes for one that ran too long.
bool says_timed_out(const Reply& reply) {
    return reply.status == 504 || reply.text("code") == "TIMEOUT" ||
           (reply.status >= 500 && reply.text("error").starts_with("Function timeout after"));
}

void input(Platform& platform, Trial& trial) {
    const auto id = platform.deploy_script(trial, std::string{telling} + "tell");
    const auto reply = platform.invoke(id, "[1,2]");
    const auto bytes = result_bytes(reply);
    if (!trial.want(bytes.has_value(), reply.summary(), "a function may answer with its own input")) return;
    const Reply seen{.body = *bytes};
    const auto json = seen.json();
    const auto* args = json ? json->if_contains("args") : nullptr;
    trial.want(args != nullptr && args->is_array() && args->get_array().size() == 2, *bytes,
               "stdin holds the call as JSON, with `args`");
    trial.want(seen.number("job_id") == 0, *bytes, "stdin holds the `job_id`");
}

void surroundings(Platform& platform, Trial& trial) {
    const auto id = platform.deploy_script(
        trial,
        std::string{telling} +
            "cat > /dev/null; if echo x > \"$TMPDIR/probe\" && [ -n \"$HOME\" ] && [ $# -eq 0 ]; then r=yes; else "
            "r=no; fi; printf '%s %s' \"$r\" \"$BLUEPRINT_FUNCTION_ID\" | tell");
    const auto reply = platform.invoke(id);
    trial.want(result_bytes(reply) == "yes " + id, reply.summary(),
               "no arguments, HOME, a writable TMPDIR and BLUEPRINT_FUNCTION_ID");
}

void sleeps(Platform& platform, Trial& trial) {
    const auto id = platform.deploy_script(trial, "cat > /dev/null; exec sleep 60", R"({"timeout_secs":1})");
    const auto reply = platform.ask(platform.call(id));
    trial.want(says_timed_out(reply), reply.summary(),
               "504 TIMEOUT when a function runs longer than its timeout (R13)");
    trial.want(reply.took >= 900ms && reply.took < 10s, "answered after " + std::to_string(reply.took.count()) + " ms",
               "a timeout of 1 s ends the function after 1 s and a little");
}

void leaves_nothing(Platform& platform, Trial& trial, std::string_view name, const std::string& script_end) {
    const std::string marker = platform.new_id() + 'm';  // no function, but as unique as one
    const auto observer = platform.deploy_script(trial, look_for(marker));
    const auto id = platform.deploy_script(
        trial,
        script_end + marker +
            (name == "forks" ? " < /dev/null > /dev/null 2>&1 &\n" +
                                   std::string{"cat > /dev/null; sleep 1; echo '{\"result\":[7]}'"}
                             : std::string{}),
        R"({"timeout_secs":2})");
    const auto running = platform.client().start(platform.call(id));
    bool visible = false;
    for (int look = 0; look < 5 && !visible; ++look) {
        platform.client().pause(100ms);
        visible = result_bytes(platform.invoke(observer)) == "\x01";
    }
    const auto reply = platform.client().wait(running);
    if (name == "forks")
        trial.want(result_bytes(reply) == "\x07", reply.summary(),
                   "a function that leaves a child behind has answered when it ends");
    else
        trial.want(says_timed_out(reply), reply.summary(), "504 TIMEOUT (R13)");
    if (!visible)
        trial.not_offered(
            "the answer is right; functions do not see each other's processes, so what is left "
            "of them cannot be seen from outside");
    bool gone = false;
    for (int look = 0; look < 20 && !gone; ++look) {
        platform.client().pause(250ms);
        gone = result_bytes(platform.invoke(observer)) == std::string(1, '\0');
    }
    trial.want(gone, "a process of the function still ran 5 s later", "a function that ended leaves no process");
}

void timed_out_processes(Platform& platform, Trial& trial) {
    leaves_nothing(platform, trial, "sleeps", "cat > /dev/null; sh -c 'sleep 60; :' ");
}

void forks(Platform& platform, Trial& trial) { leaves_nothing(platform, trial, "forks", "sh -c 'sleep 60; :' "); }

void failures(Platform& platform, Trial& trial) {
    const std::pair<std::string, std::string> cases[] = {
        {"crashes", "kill -SEGV $$"},
        {"ends with status 3", "echo '{\"result\":[7]}'; exit 3"},
        {"prints garbage", "echo 'this is no JSON'"},
        {"prints nothing", ":"},
        {"prints half a document", "printf '{\"result\":[7'"},
        {"prints garbage after its answer", "echo '{\"result\":[7]} and more'"},
        {"prints two documents", "echo '{\"result\":[7]}'; echo '{\"result\":[7]}'"},
        {"prints no object", "echo '[7]'"}};
    for (const auto& [name, script] : cases) {
        const auto id = platform.deploy_script(trial, "cat > /dev/null; " + script);
        const auto reply = platform.invoke(id);
        trial.want(says_failed(reply), reply.summary(),
                   "500 EXECUTION_ERROR, or `success` is false, for a function that " + name + " (R11)");
        const auto health = platform.get(functions + id);
        trial.want_status(health, {200}, "a function that " + name + " is still deployed");
        (void)platform.remove(id);
    }
}

void knows_failure(Platform& platform, Trial& trial) {
    const auto id = platform.deploy_script(
        trial, R"(cat > /dev/null; echo '{"success":false,"error":"no square of a fish","code":"FISH"}')");
    const auto reply = platform.invoke(id);
    trial.want(says_failed(reply), reply.summary(), "an error that the function tells is no success (R11)");
    trial.want(reply.body.find("no square of a fish") != std::string::npos, reply.summary(),
               "`error` of the function reaches the caller");
}

void odd_result(Platform& platform, Trial& trial) {
    for (const std::string result : {"[256]", "[-1]", "[1.5]"}) {
        const auto id = platform.deploy_script(trial, "cat > /dev/null; echo '{\"result\":" + result + "}'");
        const auto reply = platform.invoke(id);
        const auto bytes = result_bytes(reply);
        trial.want(!bytes.has_value(), reply.summary(),
                   "the result " + result + " is no bytes: an error, never cut to fit (R12)");
        (void)platform.remove(id);
    }
    const auto id = platform.deploy_script(trial, "cat > /dev/null; echo '{}'");
    const auto reply = platform.invoke(id);
    trial.want(!result_bytes(reply).has_value(), reply.summary(), "no `result` is no success (R10)");
}

void floods(Platform& platform, Trial& trial) {
    const auto id = platform.deploy_script(
        trial,
        "cat > /dev/null; dd if=/dev/zero bs=1048576 count=8 2>/dev/null | tr '\\000' ' '; echo '{\"result\":[7]}'");
    const auto most = platform.limit("answer_bytes", 6U << 20);
    if (most >= 8U << 20) trial.not_offered("the announced limit is too high to try");
    const auto reply = platform.invoke(id);
    trial.want(reply.status == 413 || says_failed(reply), reply.summary(),
               "EXECUTION_ERROR or 413 for 8 MiB on stdout; 6 MiB are kept");
    const auto noisy = platform.deploy_script(
        trial,
        "cat > /dev/null; dd if=/dev/zero bs=1048576 count=8 2>/dev/null | tr '\\000' x >&2; echo '{\"result\":[7]}'");
    const auto fine = platform.invoke(noisy);
    trial.want(result_bytes(fine) == "\x07", fine.summary(), "8 MiB on stderr are logs, and no failure");
}

void reads_nothing(Platform& platform, Trial& trial) {
    const auto deaf = platform.deploy_script(trial, "exec echo '{\"result\":[7]}'");
    const auto large = json_array(some_bytes(1U << 20));
    auto reply = platform.invoke(deaf, large);
    trial.want(result_bytes(reply) == "\x07", reply.summary(), "a function need not read its input");
    const auto talker = platform.deploy_script(
        trial,
        "dd if=/dev/zero bs=1048576 count=1 2>/dev/null | tr '\\000' ' '; cat > /dev/null; echo '{\"result\":[7]}'",
        R"({"timeout_secs":10})");
    reply = platform.invoke(talker, large);
    trial.want(result_bytes(reply) == "\x07", reply.summary(),
               "stdout is read while stdin is written: a function that writes 1 MiB before it reads does not stall");
}

void throttled(Platform& platform, Trial& trial) {
    const auto id =
        platform.deploy_script(trial, "cat > /dev/null; sleep 2; echo '{\"result\":[7]}'", R"({"max_concurrency":1})");
    const auto first = platform.client().start(platform.call(id));
    platform.client().pause(300ms);
    const auto second = platform.invoke(id);
    const auto done = platform.client().wait(first);
    trial.want(result_bytes(done) == "\x07", done.summary(), "the call that came first is answered");
    trial.want_error(second, {429}, "THROTTLED", "the second call at once of a function whose max_concurrency is 1");
    trial.want(!second.field("Retry-After").empty(), "429 without Retry-After", "429 says Retry-After");
    trial.want(second.took < 1s, "refused after " + std::to_string(second.took.count()) + " ms",
               "above max_concurrency calls are refused at once, not queued");
    const auto third = platform.invoke(id);
    trial.want(result_bytes(third) == "\x07", third.summary(), "when there is room again calls are taken");
}

void removed_while_running(Platform& platform, Trial& trial) {
    const auto id = platform.deploy_script(trial, "cat > /dev/null; sleep 2; echo '{\"result\":[7]}'");
    const auto running = platform.client().start(platform.call(id));
    platform.client().pause(500ms);
    const auto removed = platform.remove(id);
    trial.want_status(removed, {200, 204}, "a function can be removed while it runs");
    const auto done = platform.client().wait(running);
    trial.want(result_bytes(done) == "\x07", done.summary(), "invocations that run end normally (R16)");
}

void warms(Platform& platform, Trial& trial) {
    const auto id = platform.deploy_script(trial, answer_7);
    const auto none = platform.ask({.verb = Verb::post, .path = functions + platform.new_id() + "/warm"});
    const auto reply = platform.ask({.verb = Verb::post, .path = functions + id + "/warm"});
    if (reply.status == 404 || reply.status == 405 || reply.status == 501)
        trial.not_offered("warming is optional (R14): " + reply.summary());
    trial.want_status(reply, {200}, "warming works");
    trial.want(reply.text("function_id") == id && reply.text("status") == "warm", reply.summary(),
               "`function_id` and `status` \"warm\" (R14)");
    trial.want(reply.number("instances_warmed").value_or(-1) >= 0, reply.summary(),
               "`instances_warmed` is the true count (R14)");
    trial.want_error(none, {404}, "NOT_FOUND", "warming an absent function (R14)");
    const auto health = platform.get(functions + id + "/health");
    trial.want(health.number("total_invocations").value_or(0) == 0, health.summary(), "warming runs no job");
    const auto call = platform.invoke(id);
    trial.want(result_bytes(call) == "\x07", call.summary(), "a warm instance answers");
}

void caller_time(Platform& platform, Trial& trial) {
    const auto id = platform.deploy_script(trial, "cat > /dev/null; exec sleep 3", R"({"timeout_secs":20})");
    const auto reply = platform.ask(platform.call(id, "[]", {{"X-Blueprint-Timeout-Ms", "500"}}));
    if (says_failed(reply)) trial.not_offered("X-Blueprint-Timeout-Ms may be ignored");
    trial.want(says_timed_out(reply) && reply.took < 2900ms, reply.summary(),
               "the smaller of X-Blueprint-Timeout-Ms and the function's own timeout ends it");
}

void request_id(Platform& platform, Trial& trial) {
    const auto id = platform.deploy_script(trial, answer_7);
    const auto reply = platform.ask(platform.call(id, "[]", {{"X-Request-Id", "conformance-77"}}));
    trial.want(result_bytes(reply) == "\x07", reply.summary(), "a call with X-Request-Id works as one without");
    if (reply.field("X-Request-Id").empty()) trial.not_offered("X-Request-Id may be ignored");
    trial.want(reply.field("X-Request-Id") == "conformance-77", reply.field("X-Request-Id"), "X-Request-Id is echoed");
}

constexpr Check table[] = {
    {"function-input", "How a function runs", &input},
    {"function-surroundings", "How a function runs", &surroundings},
    {"function-sleeps", "R13", &sleeps},
    {"function-timed-out-leaves-no-process", "How a function runs", &timed_out_processes},
    {"function-forks", "How a function runs", &forks},
    {"function-fails", "R11", &failures},
    {"function-tells-error", "R11", &knows_failure},
    {"function-odd-result", "R10, R12", &odd_result},
    {"function-floods", "How a function runs", &floods},
    {"function-reads-nothing", "How a function runs", &reads_nothing},
    {"concurrency", "How a function runs", &throttled},
    {"removed-while-running", "R16", &removed_while_running},
    {"warm", "R14", &warms},
    {"caller-time", "Invoke", &caller_time},
    {"request-id", "Invoke", &request_id},
};

}  // namespace

std::span<const Check> checks_of_functions() { return table; }

}  // namespace blueprint::faas::conformance
