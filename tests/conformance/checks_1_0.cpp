// What every platform must do, whatever its version: addresses, deployments, packages, calls, errors.
#include "functions.hpp"
#include "suite.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <array>

namespace blueprint::faas::conformance {

namespace {

using namespace std::chrono_literals;

const std::string functions = "/api/functions/";

void life(Platform& platform, Trial& trial) {
    const auto id = platform.new_id();
    const auto put = platform.put(id, script_package(echo_script), R"({"memory_mb":130,"timeout_secs":7})");
    if (!trial.want_status(put, {200, 201, 202}, "a new function is deployed")) Trial::give_up();
    trial.want(put.text("function_id") == id, put.summary(), "the answer names the `function_id`");
    const auto memory = put.number("memory_mb");
    trial.want(!memory || *memory >= 130, put.summary(), "no less memory than was asked for (R19)");
    for (int look = 0; look < 60 && platform.get(functions + id).text("status") == "deploying"; ++look)
        platform.client().pause(500ms);
    const auto got = platform.get(functions + id);
    trial.want_status(got, {200}, "what was deployed can be read");
    trial.want(got.text("function_id") == id && got.text("status") == "deployed", got.summary(),
               "`function_id`, and `status` is \"deployed\"");
    const auto health = platform.get(functions + id + "/health");
    trial.want_status(health, {200}, "a deployed function is healthy (R15)");
    trial.want(health.text("status") == "healthy", health.summary(), "`status` is \"healthy\"");
    const auto removed = platform.remove(id);
    trial.want_status(removed, {200, 204}, "a function can be removed");
    const auto gone = platform.get(functions + id);
    trial.want_error(gone, {404}, "NOT_FOUND", "what was removed is gone");
}

void bytes_survive(Platform& platform, Trial& trial) {
    const auto id = platform.deploy_echo(trial);
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{256}, std::size_t{1} << 20}) {
        const auto bytes = some_bytes(size);
        const auto reply = platform.invoke(id, json_array(bytes));
        const auto back = result_bytes(reply);
        const auto what = std::to_string(size) + " bytes sent to an echo come back as they were (R10, R12)";
        if (!trial.want(back.has_value(), reply.summary(), what)) return;
        trial.want(*back == bytes, std::to_string(back->size()) + " bytes, not all as they were", what);
        if (size > 1000) continue;
        const auto job = reply.number("job_id");
        trial.want(!job || *job == 0, reply.summary(), "a `job_id` in the answer is the call's (R10)");
    }
    const auto health = platform.get(functions + id + "/health");
    const auto count = health.number("total_invocations");
    trial.want(!count || *count == 4, health.summary(), "`total_invocations` counts the calls");
}

void absent(Platform& platform, Trial& trial) {
    const auto id = platform.new_id();
    trial.want_error(platform.get(functions + id), {404}, "NOT_FOUND", "GET of an absent function");
    trial.want_error(platform.get(functions + id + "/health"), {404}, "NOT_FOUND",
                     "health of an absent function (R15)");
    trial.want_error(platform.invoke(id), {404}, "NOT_FOUND", "a call of an absent function");
    const auto removed = platform.remove(id);
    trial.want_error(removed, {404}, "NOT_FOUND", "DELETE of an absent function (R16)");
}

void twice(Platform& platform, Trial& trial) {
    const auto id = platform.deploy_script(trial, echo_script);
    const auto other = script_package("cat > /dev/null; echo '{\"result\":[2]}'");
    trial.want_error(platform.put(id, other), {409}, "CONFLICT", "PUT without If-Match on an existing function (R8)");
    const auto none = platform.put(id, other, {}, {{"If-None-Match", "*"}});
    trial.want_error(none, {409}, "CONFLICT", "PUT with If-None-Match: * on an existing function (R8)");
    const auto old = platform.invoke(id, "[9]");
    trial.want(result_bytes(old) == "\x09", old.summary(), "a refused PUT changes nothing");
    const auto replaced = platform.put(id, other, {}, {{"If-Match", "*"}});
    trial.want_status(replaced, {200, 409}, "PUT with If-Match: * replaces, or is refused by a platform of 1.0 (R8)");
    const auto now = platform.invoke(id, "[9]");
    trial.want(result_bytes(now) == (replaced.status == 200 ? "\x02" : "\x09"), now.summary(),
               replaced.status == 200 ? "after 200 calls run the new package" : "after 409 calls run the old package");
}

void failed_replacement(Platform& platform, Trial& trial) {
    const auto id = platform.deploy_script(trial, echo_script);
    const auto refused = platform.put(id, "this is no zip", {}, {{"If-Match", "*"}});
    trial.want_error(refused, {400, 409}, "", "PUT of what is no package");
    const auto reply = platform.invoke(id, "[9]");
    trial.want(result_bytes(reply) == "\x09", reply.summary(),
               "a failed replacement leaves the old function in service");
}

void ids(Platform& platform, Trial& trial) {
    const std::string names[] = {"..",   "a/b", "%2e%2e", "%2E%2E", "a%2fb", "..%2f..",           "a.b", "-a", "_a",
                                 "a%00", "%",   "a%2",    "a%20",   ".",     std::string(65, 'a')};
    for (const auto& name : names) {
        const auto what = "the id \"" + name.substr(0, 16) + "\" is none";
        trial.want_error(platform.get(functions + name), {400}, "BAD_REQUEST", "GET: " + what);
        Ask put{.verb = Verb::put, .path = functions + name, .body = script_package(answer_7)};
        put.fields.emplace_back("Content-Type", "application/zip");
        const auto deployed = platform.ask(put);
        trial.want_error(deployed, {400}, "BAD_REQUEST", "PUT: " + what);
        if (deployed.status == 200 || deployed.status == 201)
            (void)platform.ask({.verb = Verb::del, .path = functions + name});
        trial.want_error(platform.invoke(name), {400}, "BAD_REQUEST", "POST: " + what);
    }
    trial.want_status(platform.get(functions + std::string(64, 'a')), {404}, "an id may have 64 letters");
}

void methods(Platform& platform, Trial& trial) {
    const auto id = platform.deploy_script(trial, answer_7);
    const std::array<std::pair<Verb, std::string>, 4> wrong{{{Verb::post, functions + id},
                                                             {Verb::get, functions + id + "/invoke"},
                                                             {Verb::post, functions + id + "/health"},
                                                             {Verb::patch, functions + id}}};
    for (const auto& [verb, path] : wrong) {
        const auto reply = platform.ask({.verb = verb, .path = path});
        const auto what = std::string{to_string(verb)} + " is no method of " + path.substr(path.rfind('/'));
        trial.want_error(reply, {405}, "NOT_SUPPORTED", what);
        trial.want(!reply.field("Allow").empty(), "405 without Allow", "the field Allow names the methods: " + what);
    }
}

void bad_config(Platform& platform, Trial& trial) {
    const auto package = script_package(answer_7);
    for (const std::string config :
         {R"({"memory_mb":127})", R"({"memory_mb":10241})", R"({"memory_mb":"512"})", R"({"memory_mb":512.5})",
          R"({"memory_mb":null})", R"({"timeout_secs":0})", R"({"timeout_secs":901})", R"({"max_concurrency":0})",
          R"({"max_concurrency":1001})", R"({"max_concurrency":null})", R"({"env_vars":[]})", R"({"env_vars":{"A":1}})",
          R"({"env_vars":{"1A":"x"}})", R"({"env_vars":{"A-B":"x"}})", R"({"env_vars":{"BLUEPRINT_X":"x"}})", "[]", "7",
          "{", "{} {}"}) {
        const auto id = platform.new_id();
        const auto reply = platform.put(id, package, config);
        trial.want_error(reply, {400}, "BAD_REQUEST", "the configuration " + config + " (R6)");
        trial.want_status(platform.get(functions + id), {404}, "nothing was deployed with " + config);
        (void)platform.remove(id);
    }
    for (const std::string header : {"e30", "====", "not base64!", "e30=="}) {
        const auto id = platform.new_id();
        const auto reply = platform.put(id, package, {}, {{"X-Blueprint-Config", header}});
        trial.want_error(reply, {400}, "BAD_REQUEST", "X-Blueprint-Config: " + header + " is no Base64 (R6)");
        (void)platform.remove(id);
    }
    const auto id = platform.new_id();
    const auto large = platform.put(id, package, {}, {{"X-Blueprint-Config", std::string(8196, 'A')}});
    trial.want_status(large, {431}, "X-Blueprint-Config beyond 8 KiB (R6)");
}

void variables(Platform& platform, Trial& trial) {
    const std::string secret = "value-that-nobody-is-told";
    const auto id =
        platform.deploy_script(trial, std::string{telling} + "cat > /dev/null; printf %s \"$CONFORMANCE_A\" | tell",
                               R"({"env_vars":{"CONFORMANCE_A":")" + secret + "\"}}");
    const auto reply = platform.invoke(id);
    trial.want(result_bytes(reply) == secret, reply.summary(), "the function has the variables of `env_vars`");
    for (const std::string& path : {functions + id, functions + id + "/health", std::string{"/api/functions"}}) {
        const auto told = platform.get(path);
        trial.want(told.body.find(secret) == std::string::npos, "GET " + path + " shows a value of `env_vars`",
                   "values of `env_vars` may be secrets, and are never returned");
    }
}

void media(Platform& platform, Trial& trial) {
    const auto form =
        platform.put(platform.new_id(), "--x--\r\n", {}, {{"Content-Type", "multipart/form-data; boundary=x"}});
    trial.want_error(form, {415}, "UNSUPPORTED_MEDIA", "a package comes as application/zip, not as a form (R5)");
    const auto id = platform.deploy_script(trial, answer_7);
    Ask call{.verb = Verb::post, .path = functions + id + "/invoke", .body = "x"};
    call.fields.emplace_back("Content-Type", "text/plain");
    trial.want_error(platform.ask(call), {415}, "UNSUPPORTED_MEDIA", "a call comes as application/json");
}

void bad_zips(Platform& platform, Trial& trial) {
    using test::stored;
    const auto good = stored("bootstrap", "#!/bin/sh\n");
    auto link = stored("lib", "/etc/passwd");
    link.mode = 0120777;
    auto device = stored("null", "");
    device.mode = 0020666;
    auto encrypted = good;
    encrypted.flags = 1;
    auto method = good;
    method.method = 12;
    auto sizes = good;
    sizes.local_size = 4;
    auto many = std::vector<test::RawEntry>{good};
    for (int i = 0; i < 10'001; ++i) many.push_back(stored("f" + std::to_string(i), ""));
    const std::pair<std::string, std::string> cases[] = {
        {"garbage", "this is no zip"},
        {"half a zip", script_package(echo_script).substr(0, 60)},
        {"no `bootstrap`", raw_zip({stored("other", "x")})},
        {"`bootstrap` not at the root", raw_zip({stored("bin/bootstrap", "x")})},
        {"`bootstrap` as a directory", raw_zip({test::directory("bootstrap/")})},
        {"a path with ..", raw_zip({good, stored("../escaped", "x")})},
        {"a path with .. inside", raw_zip({good, stored("a/../../escaped", "x")})},
        {"an absolute path", raw_zip({good, stored("/tmp/escaped", "x")})},
        {"a backslash", raw_zip({good, stored("a\\b", "x")})},
        {"a drive", raw_zip({good, stored("C:/x", "x")})},
        {"NUL in a name", raw_zip({good, stored(std::string{"a\0b", 3}, "x")})},
        {"a link", raw_zip({good, link})},
        {"a device", raw_zip({good, device})},
        {"a name twice", raw_zip({good, good})},
        {"encryption", raw_zip({encrypted})},
        {"another method than stored and deflated", raw_zip({method})},
        {"sizes that contradict the directory", raw_zip({sizes})},
        {"more than 10,000 entries", raw_zip(std::move(many))}};
    for (const auto& [name, zip] : cases) {
        const auto id = platform.new_id();
        const auto reply = platform.put(id, zip);
        trial.want_error(reply, {400, 413}, "", "a package with " + name + " is refused");
        trial.want_status(platform.get(functions + id), {404}, "nothing is left of a package with " + name);
        (void)platform.remove(id);
    }
}

void large_packages(Platform& platform, Trial& trial) {
    if (!platform.options().large) trial.not_offered("left out with --no-large");
    const auto packed = platform.limit("package_bytes", 50U << 20);
    const auto unpacked = platform.limit("unpacked_bytes", 250U << 20);
    if (packed > 100U << 20 || unpacked > 1024U << 20) trial.not_offered("the announced limits are too high to try");
    // Several files of the same 26 MiB, which deflate to 165 KB each.
    constexpr std::size_t matches = (26U << 20) / 258;
    const std::string data(1 + matches * 258, 'a');
    auto entry = test::deflated("0", test::run_of_a(matches), detail::bytes_of(data));
    std::vector<test::RawEntry> entries{test::stored("bootstrap", "#!/bin/sh\n")};
    for (std::uint64_t size = 0; size <= unpacked; size += data.size()) {
        entry.name = "f" + std::to_string(entries.size());
        entries.push_back(entry);
    }
    auto id = platform.new_id();
    const auto bomb = platform.put(id, raw_zip(std::move(entries)));
    trial.want_error(bomb, {413}, "TOO_LARGE", "a package that unpacks to more than 250 MiB (R9)");
    trial.want_status(platform.get(functions + id), {404}, "nothing is left of a package that is too large");
    id = platform.new_id();
    const auto reply = platform.put(id, std::string(static_cast<std::size_t>(packed) + 1, 'x'));
    const bool hung_up = reply.status == 0 && reply.failure.find("broke the connection") != std::string::npos;
    if (!hung_up) trial.want_status(reply, {413}, "a package of more than 50 MiB (R9)");
    trial.want_status(platform.get(functions + id), {404}, "nothing is left of a package that is too large");
}

void bad_calls(Platform& platform, Trial& trial) {
    const auto id = platform.deploy_script(trial, answer_7);
    for (const std::string args : {"[256]", "[-1]", "[1.5]", "[null]", "{}", "null", "[1", "\"not base64!\""})
        trial.want_error(platform.invoke(id, args), {400}, "BAD_REQUEST", "`args` " + args + " are no bytes (R12)");
    for (const std::string body :
         {"", "{}", R"({"args":[]})", R"({"job_id":0})", R"({"job_id":-1,"args":[]})",
          R"({"job_id":4294967296,"args":[]})", R"({"job_id":"0","args":[]})", "[]", R"({"job_id":0,"args":[]}x)"}) {
        auto call = platform.call(id);
        call.body = body;
        trial.want_error(platform.ask(call), {400}, "BAD_REQUEST", "the call '" + body + "' is malformed");
    }
}

void large_call(Platform& platform, Trial& trial) {
    const auto most = platform.limit("request_bytes", 6U << 20);
    if (most > 64U << 20) trial.not_offered("the announced limit is too high to try");
    const auto id = platform.deploy_script(trial, answer_7);
    const std::string zeros(static_cast<std::size_t>(most) / 2 + 1, '\0');
    const auto reply = platform.invoke(id, json_array(zeros));
    const bool hung_up = reply.status == 0 && reply.failure.find("broke the connection") != std::string::npos;
    if (!hung_up) trial.want_status(reply, {413}, "a call whose body is beyond the limit");
}

void authorisation(Platform& platform, Trial& trial) {
    if (!platform.client().has_credential())
        trial.not_offered("no credential was given to this program, so none can be left out");
    const auto id = platform.deploy_script(trial, answer_7);
    auto call = platform.call(id);
    call.with_credential = false;
    const auto refused = platform.ask(call);
    trial.want_error(refused, {401}, "UNAUTHORIZED", "a call without credential");
    trial.want(!refused.field("WWW-Authenticate").empty(), "401 without WWW-Authenticate",
               "401 says with WWW-Authenticate what credential it wants");
    for (const std::string& path : {functions + id, functions + platform.new_id()}) {
        Ask get{.path = path, .with_credential = false};
        trial.want_error(platform.ask(get), {401}, "UNAUTHORIZED", "a stranger is not told which functions exist");
        get.fields.emplace_back("Authorization", "Bearer not-a-credential-of-yours");
        trial.want_status(platform.ask(get), {401, 403}, "a wrong credential is refused");
    }
    Ask put{.verb = Verb::put, .path = functions + platform.new_id(), .body = script_package(answer_7)};
    put.fields.emplace_back("Content-Type", "application/zip");
    put.with_credential = false;
    trial.want_status(platform.ask(put), {401}, "deploying without credential");
}

constexpr Check table[] = {
    {"life", "Names and addresses", &life},
    {"bytes", "Invoke, R10, R12", &bytes_survive},
    {"absent", "R15, R16", &absent},
    {"deployed-twice", "R8", &twice},
    {"failed-replacement", "R8", &failed_replacement},
    {"ids", "Names and addresses", &ids},
    {"methods", "Names and addresses", &methods},
    {"configuration", "R6, Limits and targets", &bad_config},
    {"variables", "Deploy", &variables},
    {"media", "R5", &media},
    {"bad-packages", "Package", &bad_zips},
    {"large-packages", "R9", &large_packages},
    {"bad-calls", "R12", &bad_calls},
    {"large-call", "Invoke", &large_call},
    {"authorisation", "Who may", &authorisation},
};

}  // namespace

std::span<const Check> checks_of_1_0() { return table; }

}  // namespace blueprint::faas::conformance
