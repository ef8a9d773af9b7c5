#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/package/azure_manifest.hpp"
#include "support/plain_http.hpp"
#include "support/runtime_api.hpp"
#include "support/temporary_directory.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <thread>
#include <vector>

namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using namespace blueprint::faas;
using namespace std::chrono_literals;
using test::PlainClient;
using test::PlainReply;

constexpr int echo = 0, fail = 1, told = 2, meet = 3, crash = 4, pause_for = 5;

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

std::string number(std::uint64_t value) {
    std::string out;
    for (int i = 0; i < 8; ++i) out += static_cast<char>(value >> (8 * i) & 0xffU);
    return out;
}

std::string noise(std::size_t size) {
    std::mt19937 random{static_cast<std::uint32_t>(size)};
    std::string bytes(size, '\0');
    for (auto& byte : bytes) byte = static_cast<char>(random() & 0xffU);
    return bytes;
}

/// A port of loopback that is free.
std::uint16_t free_port() {
    const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(probe, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    ::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size);
    ::close(probe);
    return ntohs(address.sin_port);
}

const std::string front(16, 'a'), other(16, 'b');

/// An app's site as it is on an instance.
class Site {
public:
    /// Of one program. Job 5 may take a second.
    Site() {
        detail::AzureManifest manifest;
        for (const auto id : {echo, fail, told, pause_for})
            manifest.jobs[JobId{static_cast<std::uint32_t>(id)}] = {.package_sha256 = std::string(64, 'a'),
                                                                    .timeout = 60s};
        manifest.jobs[JobId{pause_for}].timeout = 1s;
        manifest.front = front;
        write("blueprint.json", to_text(manifest));
    }
    /// The same, in which all jobs but 0 and 1 are of the other program.
    static Site of_two() {
        Site site;
        detail::AzureManifest manifest;
        for (const auto id : {echo, fail, told, meet, crash, pause_for})
            manifest.jobs[JobId{static_cast<std::uint32_t>(id)}] = {
                .package_sha256 = std::string(64, id <= fail ? 'a' : 'b'), .timeout = 60s};
        manifest.jobs[JobId{pause_for}].timeout = 1s;
        manifest.front = front;
        site.write("blueprint.json", to_text(manifest));
        site.write("blueprint.sha256", std::string(64, '7'));
        for (const auto& name : {front, other}) {
            fs::create_directories(site.root() / "programs" / name);
            fs::create_symlink(program(), site.bootstrap_of(name));
        }
        return site;
    }
    void write(const fs::path& name, std::string_view text) const { std::ofstream{root() / name} << text; }
    fs::path bootstrap_of(const std::string& name) const { return root() / "programs" / name / "bootstrap"; }
    const fs::path& root() const { return directory_->path(); }

private:
    std::shared_ptr<test::TemporaryDirectory> directory_ = std::make_shared<test::TemporaryDirectory>();
};

/// A custom handler's process, started as Azure's host does.
class Handler {
public:
    explicit Handler(std::optional<Site> of = {}, std::vector<std::string> variables = {}, bool legacy = false,
                     const std::string& deeper = {})
        : site{std::move(of)}, port{free_port()} {
        variables.push_back((legacy ? "FUNCTIONS_HTTPWORKER_PORT=" : "FUNCTIONS_CUSTOMHANDLER_PORT=") +
                            std::to_string(port));
        variables.push_back("FUNCTIONS_APP_ROOT_PATH=" + (site ? site->root() : directory.path()).string());
        variables.push_back("TMPDIR=" + directory.path().string() + deeper);
        process.emplace(program(), std::move(variables), directory / "log");
        wait_until([&] { return listens(); }, "that it listens");
    }
    PlainClient connect() const { return PlainClient{port}; }
    bool listens() const {
        try {
            connect();
            return true;
        } catch (const std::system_error&) {
            return false;
        }
    }
    PlainReply call(int job, std::string_view args = {}, const std::string& fields = {}) const {
        return connect().call(job, args, fields);
    }
    PlainClient begin_meeting(const std::string& name) const {
        auto client = connect();
        client.request("POST", PlainClient::call_fields(meet), (directory / name).string());
        wait_until([&] { return fs::exists(directory / name); }, "that the job begins");
        return client;
    }
    void let_go(const std::string& name) const { std::ofstream{directory / (name + ".go")} << "go"; }

    std::optional<Site> site;
    std::uint16_t port;
    test::TemporaryDirectory directory{};
    std::optional<test::FunctionProcess> process{};
};

/// Sends a request in the host's envelope and returns the `res` of the answer.
json::object ask_in_envelope(const Handler& handler, const std::string& method, const json::object& fields,
                             const std::string& body) {
    json::object lists;
    for (const auto& [name, value] : fields) lists[name] = json::array{value};
    const json::object request{{"Url", "https://app.example/api/run"},
                               {"Method", method},
                               {"Query", json::object{}},
                               {"Headers", lists},
                               {"Params", json::object{}},
                               {"Body", body}};
    const json::object envelope{{"Data", json::object{{"req", request}}},
                                {"Metadata", json::object{{"sys", json::object{{"MethodName", "run"}}}}}};
    const auto reply = handler.connect().ask(
        "POST", "Content-Type: application/json; charset=utf-8\r\nX-Azure-Functions-InvocationId: host-1\r\n",
        json::serialize(envelope));
    CHECK(reply.status == 200);
    const auto answer = json::parse(reply.body).as_object();
    CHECK(answer.at("ReturnValue").is_null());
    return answer.at("Outputs").at("res").as_object();
}

std::string text(const json::object& from, const char* name) { return std::string{from.at(name).as_string().c_str()}; }

/// Tells how many processes have `words` in their environment.
int processes_with(std::string_view words) {
    int count = 0;
    for (const auto& entry : fs::directory_iterator{"/proc"}) {
        std::ifstream file{entry.path() / "environ", std::ios::binary};
        const std::string environment{std::istreambuf_iterator<char>{file}, {}};
        count += has(environment, words) ? 1 : 0;
    }
    return count;
}

}  // namespace

TEST_CASE("azure serve: requests that the host forwards are answered, whatever their path") {
    for (const bool legacy : {false, true}) {
        CAPTURE(legacy);
        const Handler handler{{}, {}, legacy};
        CHECK(handler.connect().ask("GET").status == 200);  // how the host sees that it is ready
        const auto bytes = noise(70'000);
        auto client = handler.connect();
        client.send("POST /api/run?code=x HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n" +
                    PlainClient::call_fields(echo) + "X-Azure-Functions-InvocationId: host-1\r\n\r\n" + bytes);
        const auto reply = client.read();
        CHECK(reply.status == 200);
        CHECK((reply.body == bytes));
        CHECK(reply.field("x-request-id") == "host-1");
        const auto asked = client.ask("POST", "Content-Type: application/json\r\n", R"({"job_id":0,"args":[1,2]})");
        CHECK(has(asked.body, R"({"job_id":0,"result":[1,2],"success":true)"));
        CHECK(has(client.call(told, {}, "X-Azure-Functions-InvocationId: host-2\r\n").body, ";x-request-id=host-2"));
        CHECK(has(client.call(99).body, R"("code":"NOT_FOUND")"));
    }
}

TEST_CASE("azure serve: it listens on loopback alone, and takes what Azure's host takes") {
    const Handler handler{{}, {"BLUEPRINT_HTTP_HOST=0.0.0.0"}};
    CHECK_THROWS_AS(PlainClient(handler.port, INADDR_LOOPBACK + 1), std::system_error);
    const auto bytes = noise(40U << 20);  // more than others' limit of 32 MiB
    const auto reply = handler.call(echo, bytes);
    CHECK(reply.status == 200);
    CHECK((reply.body == bytes));
    auto client = handler.connect();
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 104857601\r\n" + PlainClient::call_fields(echo) +
                "\r\n");
    CHECK(client.read().status == 413);
}

TEST_CASE("Azure pitfall 11: the port is open before anything else is done") {
    Site site;
    fs::remove(site.root() / "blueprint.json");
    REQUIRE(::mkfifo((site.root() / "blueprint.json").c_str(), 0600) == 0);  // who reads it waits
    const Handler handler{site};
    auto client = handler.connect();
    client.request("GET", "", "");
    detail::AzureManifest manifest;
    site.write("blueprint.json", to_text(manifest));
    CHECK(client.read().status == 200);
}

TEST_CASE("azure serve: calls come and go in the host's envelope") {
    const Handler handler{Site::of_two()};
    auto res = ask_in_envelope(handler, "POST", {{"Content-Type", "application/json"}, {"X-Blueprint-Job-Id", "0"}},
                               R"({"job_id":0,"args":[1,2]})");
    CHECK(res.at("statusCode") == 200);
    CHECK(has(text(res, "body"), R"({"job_id":0,"result":[1,2],"success":true)"));
    CHECK(text(res.at("headers").as_object(), "Content-Type") == "application/json");
    CHECK(text(res.at("headers").as_object(), "X-Request-Id") == "host-1");
    CHECK(text(res.at("headers").as_object(), "X-Blueprint-Cold-Start") == "true");
    // Of another program, too.
    res = ask_in_envelope(handler, "POST", {{"Content-Type", "application/json"}, {"X-Request-Id", "r-1"}},
                          R"({"job_id":2,"args":[]})");
    CHECK(res.at("statusCode") == 200);
    CHECK(text(res.at("headers").as_object(), "X-Request-Id") == "r-1");
    res = ask_in_envelope(handler, "POST", {{"Content-Type", "application/json"}}, R"({"job_id":1,"args":[]})");
    CHECK(res.at("statusCode") == 500);
    CHECK(has(text(res, "body"), R"("success":false)"));
    res = ask_in_envelope(handler, "GET", {}, "");
    CHECK(res.at("statusCode") == 200);
    CHECK(has(text(res, "body"), R"("status":"healthy")"));
    const auto begun = std::chrono::steady_clock::now();
    res = ask_in_envelope(handler, "POST", {{"X-Blueprint-Warm-Ms", "60"}}, "");
    CHECK(std::chrono::steady_clock::now() - begun >= 60ms);
    CHECK(has(text(res, "body"), R"({"warm":true)"));
    res = ask_in_envelope(handler, "PUT", {}, "");
    CHECK(res.at("statusCode") == 405);
}

TEST_CASE("Azure pitfall 10: a call of bare bytes in the envelope is refused with what to do") {
    const Handler handler;
    const auto res = ask_in_envelope(
        handler, "POST", {{"Content-Type", "application/octet-stream"}, {"X-Blueprint-Job-Id", "0"}}, "AAH/");
    CHECK(res.at("statusCode") == 415);
    CHECK(has(text(res, "body"), "enableForwardingHttpRequest"));
    // In JSON the same bytes go through.
    const auto fine =
        ask_in_envelope(handler, "POST", {{"Content-Type", "application/json"}}, R"({"job_id":0,"args":"AAH/"})");
    CHECK(has(text(fine, "body"), R"("result":"AAH/")"));
}

TEST_CASE("azure serve: a health check in the envelope is no call, so the first call is a cold start") {
    const Handler handler;
    CHECK(ask_in_envelope(handler, "GET", {}, "").at("statusCode") == 200);
    CHECK(handler.call(echo).field("x-blueprint-cold-start") == "true");
}

TEST_CASE("azure serve: calls of another program's jobs go to it byte for byte, and the health tells of all") {
    const Handler handler{Site::of_two()};
    const auto own = handler.call(echo, "x");
    CHECK(own.field("x-blueprint-revision") == front);
    const auto packed = detail::base64_encode(detail::bytes_of(R"({"tenant":"a"})"));
    const auto reply = handler.call(told, {},
                                    "X-Blueprint-Timeout-Ms: 50000\r\ntraceparent: 00-1-2-01\r\nX-Request-Id: r-1\r\n"
                                    "X-Blueprint-Metadata: " +
                                        packed + "\r\n");
    CHECK(reply.status == 200);
    CHECK(has(reply.body, ";traceparent=00-1-2-01;x-request-id=r-1;tenant=a"));
    const auto left = std::stol(reply.body);
    CHECK((left > 20'000 && left <= 50'000));
    CHECK(reply.field("x-request-id") == "r-1");
    CHECK(reply.field("x-blueprint-revision") == other);
    CHECK(reply.field("x-blueprint-cold-start") == "true");
    CHECK(reply.field("x-blueprint-instance") != own.field("x-blueprint-instance"));
    const auto again = handler.call(told);
    CHECK(again.field("x-blueprint-instance") == reply.field("x-blueprint-instance"));
    CHECK(again.field("x-blueprint-cold-start") == "false");
    CHECK(std::stol(again.body) <= 60'000);  // the job's own time, where the caller names none
    const auto asked =
        handler.connect().ask("POST", "Content-Type: application/json\r\n", R"({"job_id":2,"args":"AA=="})");
    CHECK(has(asked.body, R"({"job_id":2,"result":)"));
    const auto health = handler.connect().ask("GET").body;
    CHECK(has(health, R"("site":")" + std::string(64, '7') + R"(","jobs":[0,1,2,3,4,5])"));
    const auto unknown = handler.call(99);
    CHECK(unknown.status == 500);
    CHECK(has(unknown.body, R"("code":"NOT_FOUND")"));
}

TEST_CASE("azure serve: a program that crashed is started again for the next call, and no call runs twice") {
    const Handler handler{Site::of_two()};
    const auto first = handler.call(told).field("x-blueprint-instance");
    const auto crashed = handler.call(crash);
    CHECK(crashed.status == 500);
    CHECK(has(crashed.body, R"("code":"CRASHED")"));
    CHECK(has(crashed.body, "was ended by signal 6 during the call"));
    const auto next = handler.call(told);
    CHECK(next.status == 200);
    CHECK(next.field("x-blueprint-instance") != first);
    CHECK(next.field("x-blueprint-cold-start") == "true");
}

TEST_CASE("Azure pitfalls 1, 2: a program that cannot be executed where it is runs from a private copy elsewhere") {
    const auto site = Site::of_two();
    fs::remove(site.bootstrap_of(other));
    fs::copy_file(program(), site.bootstrap_of(other));
    fs::permissions(site.bootstrap_of(other), fs::perms{0644});
    Handler handler{site};
    CHECK(handler.call(told).field("x-blueprint-revision") == other);
    CHECK((fs::status(site.bootstrap_of(other)).permissions() == fs::perms{0644}));
    fs::path copies;
    for (const auto& entry : fs::directory_iterator{handler.directory.path()})
        if (fs::exists(entry.path() / other)) copies = entry.path();
    REQUIRE(!copies.empty());
    CHECK((fs::status(copies).permissions() == fs::perms{0700}));
    CHECK(fs::exists(copies / (other + ".http")));
    ::kill(handler.process->pid(), SIGTERM);
    CHECK(handler.process->wait() == 0);
    CHECK_FALSE(fs::exists(copies));
}

TEST_CASE("azure serve: where TMPDIR is too long for a socket's path, /tmp is taken") {
    const auto site = Site::of_two();
    Handler handler{site, {}, false, "/" + std::string(80, 'x')};
    CHECK(handler.call(told).field("x-blueprint-revision") == other);
    ::kill(handler.process->pid(), SIGTERM);
    CHECK(handler.process->wait() == 0);
}

TEST_CASE("azure serve: a program that cannot start is told so, and hinders no other") {
    const auto site = Site::of_two();
    fs::remove(site.bootstrap_of(other));
    const Handler handler{site};
    const auto missing = handler.call(told);
    CHECK(missing.status == 500);
    CHECK(has(missing.body, R"("code":"CANNOT_START")"));
    std::ofstream{site.bootstrap_of(other)} << "#!/bin/sh\nexit 7\n";
    fs::permissions(site.bootstrap_of(other), fs::perms{0755});
    const auto ended = handler.call(told);
    CHECK(ended.status == 500);
    CHECK(has(ended.body, "exited with status 7 before it took a call"));
    CHECK(handler.call(echo, "x").body == "x");
}

TEST_CASE("azure serve: each job ends with its own timeout, also one of another program") {
    for (const bool of_two : {false, true}) {
        CAPTURE(of_two);
        const Handler handler{of_two ? Site::of_two() : Site{}, {"BLUEPRINT_CONCURRENCY=2"}};
        auto client = handler.connect();
        const auto begun = std::chrono::steady_clock::now();
        const auto late = client.call(pause_for, number(4'000));
        const auto took = std::chrono::steady_clock::now() - begun;
        CHECK((took >= 1s && took < 3'500ms));
        CHECK(late.status == 500);
        CHECK(has(late.body, R"("code":"TIMEOUT")"));
        CHECK(late.field("connection") == "close");  // what the job gives in the end must not answer another request
        CHECK(handler.call(pause_for, number(20)).status == 200);
        CHECK(handler.call(echo, "x").body == "x");
    }
}

TEST_CASE("azure serve: calls run at once in another program, and SIGTERM lets them end and takes it along") {
    auto site = Site::of_two();
    const std::string mark = "SERVE_TEST_MARK=" + site.root().filename().string();
    Handler handler{site, {"BLUEPRINT_CONCURRENCY=3", mark}};
    auto first = handler.begin_meeting("a");
    auto second = handler.begin_meeting("b");
    CHECK(handler.call(echo, "x").body == "x");
    CHECK(processes_with(mark) == 2);
    ::kill(handler.process->pid(), SIGTERM);
    wait_until([&] { return !handler.listens(); }, "that it does not listen");
    handler.let_go("a");
    handler.let_go("b");
    CHECK(first.read().body == "met");
    CHECK(second.read().body == "met");
    CHECK(handler.process->wait() == 0);
    CHECK(processes_with(mark) == 0);
}

TEST_CASE("azure serve: other programs end with one that is killed") {
    auto site = Site::of_two();
    const std::string mark = "SERVE_TEST_MARK=" + site.root().filename().string();
    Handler handler{site, {mark}};
    CHECK(handler.call(told).status == 200);
    CHECK(processes_with(mark) == 2);
    ::kill(handler.process->pid(), SIGKILL);
    CHECK(handler.process->wait() == 128 + SIGKILL);
    wait_until([&] { return processes_with(mark) == 0; }, "that the other program ends");
}
