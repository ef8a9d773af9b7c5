#include "blueprint/faas/detail/encoding.hpp"
#include "support/plain_http.hpp"
#include "support/runtime_api.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <thread>
#include <vector>

namespace {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using test::PlainClient;
using test::PlainReply;

constexpr int echo = 0, fail = 1, told = 2, meet = 3, sleep_for = 5, grow = 6;

std::string program() {
    const char* path = std::getenv("BLUEPRINT_FAAS_TEST_HTTP_FUNCTION");
    REQUIRE(path != nullptr);
    return path;
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

std::string number(std::uint64_t value, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xffU);
    return out;
}

/// A function's process that listens on loopback, or on a Unix socket.
class Function {
public:
    explicit Function(std::vector<std::string> variables = {}, bool on_socket = false)
        : path_{on_socket ? directory / "http" : std::filesystem::path{}} {
        if (on_socket)
            variables.push_back("BLUEPRINT_HTTP_SOCKET=" + path_.string());
        else
            variables.insert(variables.end(), {"BLUEPRINT_HTTP=1", "BLUEPRINT_HTTP_HOST=127.0.0.1", "PORT=0"});
        process.emplace(program(), std::move(variables), directory / "log");
        const std::string mark = "listening on 127.0.0.1 port ";
        wait_until([&] { return on_socket ? listens() : has(process->log(), mark) && has(process->log(), "\n"); },
                   "that it listens");
        if (on_socket) return;
        const auto log = process->log();
        port_ = static_cast<std::uint16_t>(std::stoul(log.substr(log.find(mark) + mark.size())));
    }
    PlainClient connect() const { return path_.empty() ? PlainClient{port_} : PlainClient{path_}; }
    bool listens() const {
        try {
            connect();
            return true;
        } catch (const std::system_error&) {
            return false;
        }
    }
    /// Begins a call that goes on until `let_go`, on a connection of its own.
    PlainClient begin_meeting(const std::string& name) {
        auto client = connect();
        client.request("POST", PlainClient::call_fields(meet), (directory / name).string());
        wait_until([&] { return std::filesystem::exists(directory / name); }, "that the job begins");
        return client;
    }
    void let_go(const std::string& name) const { std::ofstream{directory / (name + ".go")} << "go"; }
    void terminate() const { ::kill(process->pid(), SIGTERM); }

    test::TemporaryDirectory directory{};
    std::optional<test::FunctionProcess> process{};

private:
    std::filesystem::path path_{};
    std::uint16_t port_ = 0;
};

}  // namespace

TEST_CASE("serve http: bytes of all sizes go in and out, over TCP and a Unix socket, on one connection") {
    for (const bool on_socket : {false, true}) {
        CAPTURE(on_socket);
        const Function function{{}, on_socket};
        auto client = function.connect();
        for (const std::size_t size : {0U, 1U, 256U, 70'000U, 1U << 20, 4U << 20}) {
            CAPTURE(size);
            const auto bytes = noise(size);
            const auto reply = client.call(echo, bytes);
            CHECK(reply.status == 200);
            CHECK((reply.body == bytes));
            CHECK(reply.field("content-type") == "application/octet-stream");
        }
        auto reply = client.ask("POST", "Content-Type: application/json\r\n", R"({"job_id":0,"args":[1,2]})");
        CHECK(has(reply.body, R"({"job_id":0,"result":[1,2],"success":true)"));
        reply = client.call(fail, "NO_USER");
        CHECK(reply.status == 500);
        CHECK(has(reply.body, R"("success":false,"error":"there is no answer","code":"NO_USER")"));
        reply = client.call(99);
        CHECK(reply.status == 500);
        CHECK(has(reply.body, R"("code":"NOT_FOUND")"));
        reply = client.call(sleep_for, "short");
        CHECK(reply.status == 500);
        CHECK(has(reply.body, R"("code":"BAD_REQUEST")"));
        reply = client.call(grow, number((4U << 20) + 1, 4));
        CHECK(reply.status == 500);
        CHECK(has(reply.body, R"("code":"TOO_LARGE")"));
    }
}

TEST_CASE("serve http: the first call of a process is a cold start, and health checks are no calls") {
    const Function function{{"K_REVISION=job-00002-xyz"}};
    auto client = function.connect();
    const auto health = client.ask("GET");
    CHECK(health.status == 200);
    CHECK(has(health.body, R"("status":"healthy")"));
    const auto head = client.ask("HEAD");
    CHECK(head.status == 200);
    CHECK(head.field("content-length") == std::to_string(health.body.size()));
    const auto first = client.call(sleep_for, number(30, 8));
    CHECK(first.field("x-blueprint-cold-start") == "true");
    CHECK(std::stoi(first.field("x-blueprint-execution-ms")) >= 30);
    CHECK(std::stoi(first.field("x-blueprint-init-ms")) < 5'000);
    CHECK(std::stoi(first.field("x-blueprint-memory-mb")) > 0);
    CHECK(first.field("x-blueprint-revision") == "job-00002-xyz");
    const auto instance = first.field("x-blueprint-instance");
    CHECK(instance.size() == 32);
    CHECK(has(health.body, instance));
    const auto second = client.call(echo, "x", "X-Request-Id: r-1\r\n");
    CHECK(second.field("x-blueprint-cold-start") == "false");
    CHECK(second.field("x-blueprint-init-ms").empty());
    CHECK(second.field("x-blueprint-instance") == instance);
    CHECK(second.field("x-request-id") == "r-1");
    const Function other;
    auto another = other.connect();
    const auto begun = std::chrono::steady_clock::now();
    auto warm = another.ask("POST", "X-Blueprint-Warm-Ms: 75\r\n");
    CHECK(std::chrono::steady_clock::now() - begun >= 75ms);
    CHECK(warm.status == 200);
    CHECK(has(warm.body, R"({"warm":true,"instance":")"));
    CHECK(has(warm.body, R"("cold_start":true})"));
    CHECK_FALSE(has(warm.body, instance));
    CHECK(another.call(echo).field("x-blueprint-cold-start") == "false");
}

TEST_CASE("serve http: the job sees the caller's time, trace and other metadata") {
    const Function function;
    auto client = function.connect();
    const auto packed = detail::base64_encode(detail::bytes_of(R"({"tenant":"a"})"));
    const auto reply = client.call(told, {},
                                   "X-Blueprint-Timeout-Ms: 50000\r\ntraceparent: 00-1-2-01\r\n"
                                   "Authorization: Bearer none\r\nX-Blueprint-Metadata: " +
                                       packed + "\r\n");
    CHECK(has(reply.body, ";traceparent=00-1-2-01;tenant=a"));
    const auto left = std::stol(reply.body);
    CHECK((left > 20'000 && left <= 50'000));
    CHECK(client.call(told).body == "none");
}

TEST_CASE("serve http: as many calls as were agreed run at once, and the next ones wait") {
    Function function{{"BLUEPRINT_CONCURRENCY=3"}};
    std::vector<PlainClient> running;
    for (const auto name : {"a", "b", "c"}) running.push_back(function.begin_meeting(name));
    auto waiting = function.connect();
    waiting.request("POST", PlainClient::call_fields(echo), "waits");
    // Nobody is free before its time is over, and it is told so then, not when somebody is.
    const auto late = function.connect().call(echo, {}, "X-Blueprint-Timeout-Ms: 50\r\n");
    CHECK(late.status == 504);
    CHECK(has(late.body, R"("code":"TIMEOUT")"));
    function.let_go("b");
    CHECK(running[1].read().body == "met");
    CHECK(waiting.read().body == "waits");
    for (const auto name : {"a", "c"}) function.let_go(name);
    CHECK(running[0].read().body == "met");
    CHECK(running[2].read().body == "met");
}

TEST_CASE("serve http: beyond 1,000 waiting calls it refuses with 429, and those that wait are answered") {
    rlimit files{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = files.rlim_max;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &files) == 0);
    REQUIRE(files.rlim_max >= 1'200);
    Function function;
    auto running = function.begin_meeting("a");
    std::vector<PlainClient> waiting;
    for (int i = 0; i < 1'000; ++i) {
        waiting.push_back(function.connect());
        waiting.back().request("POST", PlainClient::call_fields(echo), std::to_string(i));
    }
    // Those before have arrived at the process, in whatever order it reads them.
    std::optional<PlainReply> refused;
    auto another = function.connect();
    wait_until(
        [&] {
            const auto reply = another.call(echo, "x", "X-Blueprint-Timeout-Ms: 20\r\n");
            if (reply.status == 429) refused = reply;
            return refused.has_value();
        },
        "429");
    CHECK(refused->field("retry-after") == "1");
    CHECK(has(refused->body, R"("code":"THROTTLED")"));
    CHECK(refused->field("connection") == "keep-alive");
    function.let_go("a");
    CHECK(running.read().body == "met");
    int right = 0;
    for (int i = 0; i < 1'000; ++i)
        right += waiting[static_cast<std::size_t>(i)].read().body == std::to_string(i) ? 1 : 0;
    CHECK(right == 1'000);
}

TEST_CASE("serve http: a client that goes away ends no call") {
    Function function;
    {
        auto client = function.begin_meeting("a");
        client.close();
    }
    // It still takes the one place there is.
    CHECK(function.connect().call(echo, {}, "X-Blueprint-Timeout-Ms: 50\r\n").status == 504);
    CHECK_FALSE(std::filesystem::exists(function.directory / "a.met"));
    function.let_go("a");
    CHECK(function.connect().call(echo, "next").body == "next");
    CHECK(std::filesystem::exists(function.directory / "a.met"));
}

TEST_CASE("serve http: SIGTERM lets the calls under way and those that wait end, and nothing else") {
    for (const bool on_socket : {false, true}) {
        CAPTURE(on_socket);
        Function function{{}, on_socket};
        auto idle = function.connect();
        CHECK(idle.call(echo, "x").body == "x");
        auto running = function.begin_meeting("a");
        auto waiting = function.connect();
        waiting.request("POST", PlainClient::call_fields(echo), "waits");
        auto held = function.connect();
        held.request("POST", "X-Blueprint-Warm-Ms: 10000\r\n", "");
        auto half = function.connect();
        half.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n" + PlainClient::call_fields(echo) + "\r\nha");
        // What was sent before is read before: a call on a newer connection is answered after they have come.
        CHECK(function.connect().ask("GET").status == 200);
        function.terminate();
        CHECK(held.read().status == 200);
        CHECK(idle.read_to_end() == 0);
        wait_until([&] { return !function.listens(); }, "that it does not listen");
        half.send("lf");
        function.let_go("a");
        const auto last = running.read();
        CHECK(last.body == "met");
        CHECK(last.field("connection") == "close");
        CHECK(waiting.read().body == "waits");
        CHECK(half.read().body == "half");
        CHECK(function.process->wait() == 0);
        CHECK_FALSE(std::filesystem::exists(function.directory / "http"));
    }
}

TEST_CASE("serve http: a call that does not end in time does not keep the process") {
    Function function{{"TEST_DRAIN_MS=100"}};
    auto running = function.begin_meeting("a");
    function.terminate();
    CHECK(running.read_to_end() == 0);
    CHECK(function.process->wait() == 1);
    CHECK(has(function.process->log(), "1 calls have not come to their end"));
}

TEST_CASE("serve http: clients that speak no HTTP, or too much of it, are told so and harm nobody") {
    const Function function;
    const auto post = "POST / HTTP/1.1\r\nHost: x\r\n" + PlainClient::call_fields(echo);
    struct Case {
        std::string bytes;
        unsigned status;
    };
    const std::vector<Case> cases{
        {"\x16\x03\x01\x02garbage\r\n\r\n", 400},
        {"POST / HTTP/2.0\r\nHost: x\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400},
        {post + "Content-Length: -1\r\n\r\n", 400},
        {post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
        {post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
        {post + "Transfer-Encoding: gzip\r\n\r\n", 400},
        {post + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
        {post + "Content-Length: 5\r\nExpect: wonders\r\n\r\n", 417},
        {post + "Content-Length: 4194305\r\nExpect: 100-continue\r\n\r\n", 413},
        {post + "Transfer-Encoding: chunked\r\n\r\n500000\r\n", 413},
        {"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + std::string(70'000, 'x'), 431},
        {"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", 405},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nab", 415},
    };
    for (const auto& [bytes, status] : cases) {
        CAPTURE(bytes.substr(0, 200));
        auto client = function.connect();
        client.send(bytes);
        const auto reply = client.read();
        CHECK(reply.status == status);
        CHECK(has(reply.body, R"("error":")"));
        CHECK(client.read_to_end() == 0);
    }
    auto kept = function.connect();
    CHECK(kept.ask("POST", "Content-Type: text/plain\r\n").status == 415);
    CHECK(kept.call(echo, "well").body == "well");
    auto client = function.connect();
    client.send(post + "Content-Length: 3\r\n\r\nab");
    client.close();
    CHECK(function.connect().call(echo, "well").body == "well");
}

TEST_CASE("serve http: chunks, interim answers, requests in a row and old clients are served") {
    const Function function;
    auto client = function.connect();
    const auto post = "POST /any/path?x=y HTTP/1.1\r\nHost: x\r\n" + PlainClient::call_fields(echo);
    client.send(post + "Transfer-Encoding: chunked\r\n\r\n");
    for (const char byte : std::string_view{"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: z\r\n\r\n"})
        client.send(std::string_view{&byte, 1});
    CHECK(client.read().body == "abcde");
    client.send(post + "Transfer-Encoding: chunked\r\n\r\n");
    for (const char byte : std::string_view{"0\r\n\r\n"}) client.send(std::string_view{&byte, 1});
    CHECK(client.read().body.empty());
    client.send(post + "Content-Length: 4\r\nExpect: 100-Continue\r\n\r\n");
    CHECK(client.read().status == 100);
    client.send("body");
    CHECK(client.read().body == "body");
    client.send(post + "Content-Length: 3\r\n\r\noneGET / HTTP/1.1\r\nHost: x\r\n\r\n" + post +
                "Content-Length: 3\r\n\r\ntwo" + post + "Content-Length: 5\r\nConnection: close\r\n\r\nthree" + post);
    CHECK(client.read().body == "one");
    CHECK(has(client.read().body, "healthy"));
    CHECK(client.read().body == "two");
    const auto last = client.read();
    CHECK(last.body == "three");
    CHECK(last.field("connection") == "close");
    CHECK(client.read_to_end() == 0);
    auto old = function.connect();
    old.send("GET / HTTP/1.0\r\n\r\n");
    CHECK(old.read().field("connection") == "close");
    CHECK(old.read_to_end() == 0);
}

TEST_CASE("serve http: a client that stalls loses its connection, one that is slow does not") {
    Function function{{"TEST_STALL_MS=600"}, true};
    auto head = function.connect();
    head.send("POST / HT");
    auto body = function.connect();
    body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n" + PlainClient::call_fields(echo) + "\r\na");
    auto deaf = function.connect();
    deaf.request("POST", PlainClient::call_fields(grow), number(4U << 20, 4));
    auto slow = function.connect();
    slow.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n" + PlainClient::call_fields(echo) + "\r\n");
    for (int i = 0; i < 8; ++i) {
        std::this_thread::sleep_for(100ms);
        slow.send("s");
    }
    CHECK(slow.read().body == "ssssssss");
    CHECK(head.read().status == 408);
    CHECK(body.read().status == 408);
    // Idle connections are no stalled ones.
    CHECK(slow.call(echo, "again").body == "again");
    // The stall of the deaf client began with the call, so it has been dropped in the middle of its answer.
    CHECK(deaf.read_to_end() < (4U << 20));
}

TEST_CASE("serve http: a hundred clients keep their connections and get their own answers") {
    const Function function{{"BLUEPRINT_CONCURRENCY=8"}};
    std::vector<PlainClient> clients;
    for (int i = 0; i < 100; ++i) clients.push_back(function.connect());
    std::set<std::string> instances;
    int cold = 0;
    for (int round = 0; round < 20; ++round) {
        for (std::size_t i = 0; i < clients.size(); ++i)
            clients[i].request("POST", PlainClient::call_fields(echo), std::to_string(i) + '/' + std::to_string(round));
        for (std::size_t i = 0; i < clients.size(); ++i) {
            const auto reply = clients[i].read();
            REQUIRE(reply.body == std::to_string(i) + '/' + std::to_string(round));
            instances.insert(reply.field("x-blueprint-instance"));
            cold += reply.field("x-blueprint-cold-start") == "true" ? 1 : 0;
        }
    }
    CHECK(instances.size() == 1);
    CHECK(cold == 1);
}

TEST_CASE("GCP pitfall 8: on Cloud Run the process listens on all addresses, and says why if it cannot") {
    test::TemporaryDirectory directory;
    {
        test::FunctionProcess function{program(), {"K_SERVICE=job-0", "PORT=0"}, directory / "log"};
        const std::string mark = "listening on 0.0.0.0 port ";
        wait_until([&] { return has(function.log(), mark) && has(function.log(), "\n"); }, "that it listens");
        const auto log = function.log();
        const auto port = static_cast<std::uint16_t>(std::stoul(log.substr(log.find(mark) + mark.size())));
        CHECK(PlainClient{port, INADDR_LOOPBACK + 1}.call(echo, "x").body == "x");
    }
    const auto ends = [&](std::vector<std::string> variables, std::string_view words) {
        variables.emplace_back("BLUEPRINT_HTTP=1");
        test::FunctionProcess function{program(), std::move(variables), directory / "log"};
        CHECK(function.wait() == 1);
        CHECK_MESSAGE(has(function.log(), words), function.log());
    };
    const Function other;
    const std::string log = other.process->log();
    const auto taken = log.substr(log.rfind(' ') + 1, log.size() - log.rfind(' ') - 2);
    ends({"PORT=" + taken, "BLUEPRINT_HTTP_HOST=127.0.0.1"}, "port " + taken + ": Address already in use");
    ends({"PORT=http"}, "PORT is 'http'");
    ends({}, "PORT is ''");
    ends({"PORT=0", "BLUEPRINT_HTTP_HOST=localhost"}, "BLUEPRINT_HTTP_HOST is 'localhost'");
    ends({"PORT=0", "BLUEPRINT_HTTP_HOST=127.0.0.1", "BLUEPRINT_CONCURRENCY=0"}, "BLUEPRINT_CONCURRENCY is '0'");
    ends({"BLUEPRINT_HTTP_SOCKET=" + std::string(200, 'x')}, "BLUEPRINT_HTTP_SOCKET must be a path");
    ends({"BLUEPRINT_HTTP_SOCKET=/nowhere/at/all"}, "No such file or directory");
}

TEST_CASE("serve http: a socket that a dead process left behind is taken, one in use is not") {
    Function function{{}, true};
    const auto path = (function.directory / "http").string();
    test::TemporaryDirectory directory;
    test::FunctionProcess second{program(), {"BLUEPRINT_HTTP_SOCKET=" + path}, directory / "log"};
    CHECK(second.wait() == 1);
    CHECK(has(second.log(), "Address already in use"));
    CHECK(function.connect().call(echo, "first").body == "first");
    ::kill(function.process->pid(), SIGKILL);
    function.process->wait();
    test::FunctionProcess third{program(), {"BLUEPRINT_HTTP_SOCKET=" + path}, directory / "log"};
    wait_until([&] { return function.listens(); }, "that it listens");
    CHECK(function.connect().call(echo, "third").body == "third");
}
