#include "blueprint/faas/local/loop_instances.hpp"
#include "lab.hpp"
#include "support/vfork.hpp"

#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace loop_test {

using namespace blueprint::faas;
using namespace blueprint::faas::test;

namespace {

/// Answers with the number of its process, in three bytes.
constexpr std::string_view tell_pid =
    R"(printf '{"result":[%d,%d,%d]}\n' $(($$ / 65536)) $(($$ / 256 % 256)) $(($$ % 256)))";

int number_of(const HttpReply& reply) {
    const auto bytes = result_text(reply);
    REQUIRE(bytes.size() == 3);
    const auto at = [&](std::size_t i) { return static_cast<int>(static_cast<unsigned char>(bytes[i])); };
    return at(0) * 65536 + at(1) * 256 + at(2);
}

bool runs(int pid) {
    std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
    std::string number, name, state;
    if (!(file >> number >> name >> state)) return false;
    return state != "Z" && state != "X";
}

local::CloudOptions quick() {
    local::CloudOptions options;
    options.limits.kill_after = 200ms;
    return options;
}

std::size_t lines_in(const std::filesystem::path& path) {
    std::ifstream file{path};
    std::string line;
    std::size_t count = 0;
    while (std::getline(file, line)) ++count;
    return count;
}

struct Callers {
    bool stop = false;
    std::size_t running = 0;
    std::size_t good = 0;
    std::size_t wrong = 0;
};

asio::awaitable<void> call_again_and_again(HttpClient& client, Callers& callers) {
    ++callers.running;
    while (!callers.stop) {
        HttpAsk what = Lab::call("job0", "[65]");
        const HttpReply reply = co_await client.exchange(std::move(what));
        const bool fine = reply.status == 200 && reply.body.find("[65]") != std::string::npos;
        ++(fine ? callers.good : callers.wrong);
    }
    --callers.running;
}

}  // namespace

TEST_CASE("loop: one process answers call after call") {
    Lab lab;
    lab.deploy_loop("job0", tell_pid);
    const auto first = lab.invoke("job0");
    CHECK(json_of(first).at("cold_start").as_bool());
    for (int i = 0; i < 50; ++i) {
        const auto reply = lab.invoke("job0");
        CHECK(number_of(reply) == number_of(first));
        CHECK(json_of(reply).at("cold_start").as_bool() == false);
    }
    CHECK(lab.cloud.stats().processes_started == 1);
    CHECK(json_of(lab.get("/api/functions/job0")).at("loop").as_bool());
    CHECK(json_of(lab.get("/api/functions/job0/health")).at("total_invocations").as_int64() == 51);
}

TEST_CASE("loop: the platform says so in the environment, and only to those who asked for it") {
    Lab lab;
    const auto body = R"(case "$BLUEPRINT_LOOP" in 1) echo '{"result":[49]}';; *) echo '{"result":[48]}';; esac)";
    lab.deploy_loop("loop", body);
    CHECK(result_text(lab.invoke("loop")) == "1");
    REQUIRE(lab.deploy("once", loop_package(loop_script(body), R"({"loop":false})")).status == 201);
    CHECK(result_text(lab.invoke("once")) == "0");
    REQUIRE(lab.deploy("plain", loop_package(loop_script(body), R"({"other":1})")).status == 201);
    CHECK(result_text(lab.invoke("plain")) == "0");
    for (const std::string manifest : {"", "{", "[]", "1", R"({"loop":1})", R"({"loop":null})"}) {
        CAPTURE(manifest);
        CHECK(lab.deploy("bad", loop_package(loop_script(body), manifest)).status == 400);
    }
    CHECK(lab.packages_on_disk() == 3);
}

TEST_CASE("loop: bytes of every form and size come back") {
    Lab lab;
    lab.deploy_loop("job0", loop_echo);
    std::string args = "[255";
    for (int i = 1; i < 20'000; ++i) args += ',' + std::to_string(i % 256);
    args += ']';
    for (const std::string& sent : {std::string{"[]"}, std::string{"[0]"}, std::string{"[ 1 , 2 ]"}, args}) {
        const auto reply = lab.invoke("job0", sent);
        CHECK(result_text(reply) == result_text({.status = 200, .body = "{\"result\":" + sent + '}'}));
    }
    CHECK(text_member(lab.invoke("job0", R"("aGk=")", {{"X-Blueprint-Bytes", "base64"}}), "result") == "aGk=");
    for (const std::string bad : {"[256]", "[01]", "[1,]", "[,1]", "[1.0]", "[-1]", "[1", "[1]]", "[1]x", "[1e1]"}) {
        CAPTURE(bad);
        CHECK(lab.invoke("job0", bad).status == 400);
    }
    CHECK(lab.cloud.stats().processes_started == 1);
}

TEST_CASE("loop: a call that takes too long is answered TIMEOUT and ends its process, the next has a fresh one") {
    Lab lab{quick()};
    lab.deploy_loop("job0",
                    std::string{R"([ "$args" = "[1]" ] && while :; do sleep 0.02; done; )"} + std::string{tell_pid});
    const int first = number_of(lab.invoke("job0"));
    const auto reply = lab.invoke("job0", "[1]", {{"X-Blueprint-Timeout-Ms", "200"}});
    CHECK(reply.status == 504);
    CHECK(text_member(reply, "code") == "TIMEOUT");
    CHECK(!runs(first));
    CHECK(number_of(lab.invoke("job0")) != first);
    CHECK(lab.cloud.stats().processes_started == 2);
    CHECK(lab.cloud.stats().processes_alive == 1);
}

TEST_CASE("loop: one that ignores TERM is killed") {
    Lab lab{quick()};
    REQUIRE(lab.deploy("job0", loop_package("trap '' TERM; read -r line; while :; do sleep 0.05; done")).status == 201);
    const auto began = std::chrono::steady_clock::now();
    CHECK(lab.invoke("job0", "[]", {{"X-Blueprint-Timeout-Ms", "200"}}).status == 504);
    CHECK(std::chrono::steady_clock::now() - began >= 390ms);
    CHECK(lab.cloud.stats().processes_alive == 0);
}

TEST_CASE("loop: what goes wrong in a call concerns that call alone") {
    auto options = quick();
    options.limits.answer_bytes = 64U << 10;
    Lab lab{options};
    struct Case {
        std::string body, words;
    };
    int number = 0;
    for (const auto& [body, words] :
         std::vector<Case>{{"kill -SEGV $$", "signal 11"},
                           {"exit 3", "status 3"},
                           {"exit 0", "wrote nothing"},
                           {"echo hello", "cannot be read"},
                           {"echo", "wrote nothing"},
                           {"echo '{\"result\":[256]}'", "cannot be read"},
                           {"echo '{\"result\":[1]}x'", "cannot be read"},
                           {"echo '{\"job_id\":7,\"result\":[1]}'", "another job"},
                           {"echo '{}'", "has no result"},
                           {"exec 1>&-; sleep 100", "signal 9"},
                           {"head -c 70000 /dev/zero | tr '\\0' x; sleep 100", "wrote more than is allowed"},
                           {"yes", "cannot be read"}}) {
        CAPTURE(body);
        const auto id = "job" + std::to_string(number++);
        lab.deploy_loop(
            id, R"([ "$args" = "[1]" ] && { echo noted >&2; )" + body + "; continue; }; " + std::string{tell_pid});
        const int first = number_of(lab.invoke(id));
        const auto reply = lab.invoke(id, "[1]");
        CHECK(reply.status == 500);
        CHECK(text_member(reply, "code") == "EXECUTION_ERROR");
        CHECK_MESSAGE(text_member(reply, "error").find(words) != std::string::npos, reply.body);
        CHECK(number_of(lab.invoke(id)) != first);
        lab.until([&] { return !runs(first); });
        CHECK(lab.get("/api/functions/" + id + "/health").status == 200);
    }
}

TEST_CASE("loop: an error that the function knows of leaves its process in service, and tells its own notes only") {
    Lab lab;
    lab.deploy_loop("job0",
                    R"(echo "notes of $args" >&2; sleep 0.05; [ "$args" = "[1]" ] && )"
                    R"({ echo '{"success":false,"error":"no such account","code":"NO_ACCOUNT"}'; continue; }; )" +
                        std::string{tell_pid});
    const int first = number_of(lab.invoke("job0", "[2]"));
    const auto reply = lab.invoke("job0", "[1]");
    CHECK(reply.status == 500);
    CHECK(text_member(reply, "code") == "NO_ACCOUNT");
    CHECK(json_of(reply).at("details").at("stderr").as_string() == "notes of [1]\n");
    CHECK(number_of(lab.invoke("job0", "[3]")) == first);
}

TEST_CASE("loop: more than one line for a call ends the process, for nobody knows whose the second is") {
    Lab lab;
    lab.deploy_loop("job0", R"(printf '{"result":%s}\n{"result":[9]}\n' "$args")");
    for (int i = 0; i < 5; ++i) CHECK(result_text(lab.invoke("job0", "[65]")) == "A");
    CHECK(lab.cloud.stats().processes_started == 5);
    lab.deploy_loop("late", R"(printf '{"result":%s}\n' "$args"; sleep 0.1; echo '{"result":[9]}')");
    CHECK(result_text(lab.invoke("late", "[65]")) == "A");
    lab.until([&] { return lab.cloud.stats().processes_alive == 0; });
    CHECK(result_text(lab.invoke("late", "[66]")) == "B");
}

TEST_CASE("loop: a process that ends between two calls costs no call") {
    Lab lab;
    const auto count = lab.data / "count";
    lab.deploy_loop("job0", "echo x >> \"$COUNT\"; " + std::string{loop_echo} + "; exit 0",
                    R"({"env_vars":{"COUNT":")" + count.string() + "\"}}");
    for (int i = 0; i < 100; ++i) REQUIRE(result_text(lab.invoke("job0", "[65]")) == "A");
    CHECK(lines_in(count) == 100);
}

TEST_CASE("loop: stderr of a long life stays bounded") {
    Lab lab;
    lab.deploy_loop("job0", "yes noise | head -c 100000 >&2; echo '{\"success\":false}'");
    for (int i = 0; i < 5; ++i) {
        const auto reply = lab.invoke("job0");
        CHECK(reply.status == 500);
        CHECK(json_of(reply).at("details").at("stderr").as_string().size() == 4096);
    }
    CHECK(lab.cloud.stats().processes_started == 1);
}

TEST_CASE("loop: quick calls need a few processes, however many are in flight") {
    Lab lab;
    lab.deploy_loop("job0", loop_echo);
    std::vector<HttpAsk> calls(300, Lab::call("job0", "[65]"));
    for (int round = 0; round < 3; ++round)
        for (const auto& reply : lab.ask_all(calls)) CHECK(result_text(reply) == "A");
    CHECK(lab.cloud.stats().processes_started <= 40);  // a busy machine makes some calls look slow
}

TEST_CASE("loop: slow calls get as many processes as may run at once") {
    Lab lab;
    const auto here = (lab.data / "here").string();
    lab.deploy_loop(
        "job0",
        "echo x >> \"$HERE\"; while [ \"$(wc -l < \"$HERE\")\" -lt 20 ]; do sleep 0.02; done; " + std::string{tell_pid},
        R"({"max_concurrency":20,"env_vars":{"HERE":")" + here + "\"}}");
    std::set<int> seen;
    for (const auto& reply : lab.ask_all(std::vector<HttpAsk>(20, Lab::call("job0")))) seen.insert(number_of(reply));
    CHECK(seen.size() == 20);
    CHECK(lab.cloud.stats().processes_alive == 20);
}

TEST_CASE("loop: above max_concurrency a call is refused, within it none is lost") {
    Lab lab{quick()};
    lab.deploy_loop("job0", "sleep 0.3; " + std::string{tell_pid}, R"({"max_concurrency":4})");
    int good = 0;
    int refused = 0;
    for (const auto& reply : lab.ask_all(std::vector<HttpAsk>(10, Lab::call("job0")))) {
        good += reply.status == 200 ? 1 : 0;
        refused += reply.status == 429 ? 1 : 0;
        if (reply.status == 429) CHECK(reply.field("retry-after") == "1");
    }
    CHECK(good == 4);
    CHECK(refused == 6);
    CHECK(lab.cloud.stats().processes_started <= 4);
}

TEST_CASE("loop: at a redeployment running calls end on the old package, later ones start on the new") {
    Lab lab;
    const auto go = (lab.data / "go").string();
    const auto begun = (lab.data / "begun").string();
    lab.deploy_loop("job0", "touch \"$BEGUN\"; while [ ! -e \"$GO\" ]; do sleep 0.02; done; echo '{\"result\":[49]}'",
                    R"({"env_vars":{"GO":")" + go + R"(","BEGUN":")" + begun + "\"}}");
    HttpClient client{lab.io, lab.cloud.url()};
    std::optional<HttpReply> first;
    asio::co_spawn(lab.io, client.exchange(Lab::call("job0")),
                   [&](std::exception_ptr, HttpReply reply) { first = std::move(reply); });
    lab.until([&] { return std::filesystem::exists(begun); });
    const auto next = loop_package(loop_script("echo '{\"result\":[50]}'"));
    REQUIRE(lab.deploy("job0", next, {}, {{"If-Match", "*"}}).status == 200);
    CHECK(result_text(lab.invoke("job0")) == "2");
    CHECK(lab.packages_on_disk() == 2);
    REQUIRE(std::system(("touch '" + go + "'").c_str()) == 0);
    lab.until([&] { return first.has_value(); });
    CHECK(result_text(*first) == "1");
    lab.until([&] { return lab.packages_on_disk() == 1 && lab.cloud.stats().processes_alive == 1; });
    CHECK(lab.ask({.method = "DELETE", .target = "/api/functions/job0"}).status == 204);
    lab.until([&] { return lab.packages_on_disk() == 0 && lab.cloud.stats().processes_alive == 0; });
    CHECK(lab.private_directories() == 0);
}

TEST_CASE("loop: redeployments under load lose no call") {
    Lab lab;
    lab.deploy_loop("job0", loop_echo);
    const auto zip = loop_package(loop_script(loop_echo));
    Callers callers;
    std::vector<std::unique_ptr<HttpClient>> clients;
    for (int i = 0; i < 20; ++i) {
        clients.push_back(std::make_unique<HttpClient>(lab.io, lab.cloud.url()));
        asio::co_spawn(lab.io, call_again_and_again(*clients.back(), callers), asio::detached);
    }
    for (int i = 0; i < 20; ++i) REQUIRE(lab.deploy("job0", zip, {}, {{"If-Match", "*"}}).status == 200);
    callers.stop = true;
    lab.until([&] { return callers.running == 0; });
    CHECK(callers.good > 20);
    CHECK(callers.wrong == 0);
    lab.until([&] { return lab.packages_on_disk() == 1; });
}

TEST_CASE("loop: warm instances are started, taken, and end when nobody needs them") {
    local::CloudOptions options;
    options.limits.warm_idle = 2s;  // long enough for a busy machine to come to the checks
    Lab lab{options};
    lab.deploy_loop("job0", loop_echo, R"({"max_concurrency":3})");
    const auto warm = [&](std::string body) {
        return json_of(lab.ask({.method = "POST", .target = "/api/functions/job0/warm", .body = std::move(body)}))
            .at("instances_warmed")
            .as_int64();
    };
    CHECK(warm(R"({"instances":2})") == 2);
    CHECK(warm(R"({"instances":50})") == 3);
    CHECK(json_of(lab.invoke("job0", "[1]")).at("cold_start").as_bool() == false);
    CHECK(lab.cloud.stats().processes_started == 3);
    lab.until([&] { return lab.cloud.stats().processes_alive == 0; });
    CHECK(lab.private_directories() == 0);
    lab.deploy_loop("kept", loop_echo, R"({"keep_warm":1})");
    lab.until([&] { return lab.cloud.stats().processes_started >= 6; });
    CHECK(json_of(lab.invoke("kept", "[1]")).at("cold_start").as_bool() == false);
}

TEST_CASE("loop: a program that cannot be executed makes the function unhealthy" *
          doctest::skip(tests::vfork_is_fork)) {
    Lab lab;
    ZipWriter writer;
    REQUIRE(writer
                .add("bootstrap",
                     detail::bytes_of("\x7f"
                                      "ELF not really"),
                     0755)
                .has_value());
    REQUIRE(writer.add("blueprint.json", detail::bytes_of(R"({"loop":true})"), 0644).has_value());
    const auto zip = writer.finish();
    REQUIRE(lab.deploy("job0", std::string{detail::text_of(zip)}).status == 201);
    CHECK(text_member(lab.invoke("job0"), "code") == "EXECUTION_ERROR");
    CHECK(lab.get("/api/functions/job0/health").status == 503);
    CHECK(lab.private_directories() == 0);
}

TEST_CASE("loop: stopping answers those too who wait for a process") {
    Lab lab{quick()};
    const auto begun = lab.data / "begun";
    lab.deploy_loop("job0", "echo x >> \"$BEGUN\"; while :; do sleep 0.02; done",
                    R"({"max_concurrency":6,"env_vars":{"BEGUN":")" + begun.string() + "\"}}");
    std::vector<std::unique_ptr<HttpClient>> clients;
    std::vector<unsigned> statuses;
    const auto asked_before = lab.cloud.stats().requests;
    for (int i = 0; i < 6; ++i) {
        clients.push_back(std::make_unique<HttpClient>(lab.io, lab.cloud.url()));
        asio::co_spawn(lab.io, clients.back()->exchange(Lab::call("job0")),
                       [&](std::exception_ptr, HttpReply reply) { statuses.push_back(reply.status); });
    }
    lab.until([&] { return lines_in(begun) >= 1 && lab.cloud.stats().requests == asked_before + 6; });
    const auto began = std::chrono::steady_clock::now();
    wait_for(lab.io, lab.cloud.stop());
    CHECK(std::chrono::steady_clock::now() - began < 5s);
    lab.until([&] { return statuses.size() == 6; });
    for (const auto status : statuses) CHECK(status == 503);
    CHECK(lab.cloud.stats().processes_alive == 0);
}

TEST_CASE("loop: a cloud that goes in the middle of everything takes all along") {
    TemporaryDirectory data;
    for (int round = 0; round < 3; ++round) {
        CAPTURE(round);
        auto io = std::make_unique<asio::io_context>(1);
        auto options = quick();
        options.data_directory = data.path();
        auto cloud = std::make_unique<local::Cloud>(*io, options);
        REQUIRE(cloud->start().has_value());
        HttpAsk deploy{.method = "PUT", .target = "/api/functions/job0"};
        deploy.body = loop_package(loop_script("echo x; while :; do sleep 0.02; done"));
        deploy.fields = {{"Content-Type", "application/zip"}};
        HttpClient client{*io, cloud->url()};
        REQUIRE(wait_for<HttpReply>(*io, client.exchange(deploy)).status == 201);
        std::vector<std::unique_ptr<HttpClient>> clients;
        for (int i = 0; i < 8; ++i) {
            clients.push_back(std::make_unique<HttpClient>(*io, cloud->url()));
            HttpFields more;
            if (i % 4 == 1) more = {{"Idempotency-Key", "k"}};
            if (i % 4 == 2) more = {{"Idempotency-Key", "k"}};
            if (i % 4 == 3) more = {{"Prefer", "respond-async"}};
            asio::co_spawn(*io, clients.back()->exchange(Lab::call("job0", "[1]", more)),
                           [](std::exception_ptr, HttpReply) {});
        }
        const auto end = std::chrono::steady_clock::now() + 10ms * (1 + 10 * round);
        io->restart();
        while (std::chrono::steady_clock::now() < end) io->run_one_for(1ms);
        if (round != 1) cloud.reset();  // else it goes after its clients
        for (auto& each : clients) each->close();
        client.close();
        if (round == 0) io->poll();
        clients.clear();
        cloud.reset();
        io.reset();
        siginfo_t info{};
        CHECK(::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1);
        std::size_t left = 0;
        for (const auto& entry : std::filesystem::directory_iterator{data.path()})
            left += entry.path().empty() ? 0U : 1U;
        CHECK(left == 0);
    }
}

TEST_CASE("loop: a strict 1.0 platform starts a process for each call") {
    local::CloudOptions options;
    options.strict_1_0 = true;
    Lab lab{options};
    lab.deploy_loop("job0", tell_pid);
    CHECK(number_of(lab.invoke("job0")) != number_of(lab.invoke("job0")));
}

TEST_CASE("local cloud: a descendant that leaves the process group ends with its function all the same") {
    Lab lab{quick()};
    const auto script = [](std::string_view answer) {
        return "setsid sh -c 'echo $$ > \"$TMPDIR/pid\"; exec sleep 300 <&- >&- 2>&-' & "
               "while [ ! -s \"$TMPDIR/pid\" ]; do sleep 0.01; done; p=$(cat \"$TMPDIR/pid\"); " +
               std::string{answer};
    };
    constexpr std::string_view tell =
        R"(printf '{"result":[%d,%d,%d]}\n' $((p / 65536)) $((p / 256 % 256)) $((p % 256)))";
    lab.deploy_script("once", "cat > /dev/null; " + script(tell));
    const int once = number_of(lab.invoke("once"));
    REQUIRE(once > 1);
    lab.until([&] { return !runs(once); });

    lab.deploy_loop("loop", script(tell));
    const int loop = number_of(lab.invoke("loop"));
    REQUIRE(loop > 1);
    CHECK(runs(loop));
    CHECK(lab.ask({.method = "DELETE", .target = "/api/functions/loop"}).status == 204);
    lab.until([&] { return !runs(loop); });
}

TEST_CASE("loop: after thousands of calls with churn nothing is left but what was there") {
    const auto descriptors = [] {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"})
            count += entry.path().empty() ? 0U : 1U;
        return count;
    };
    Lab lab{quick()};
    lab.invoke("absent");
    lab.until([&] { return lab.cloud.stats().open_connections == 0; });
    const auto before = descriptors();
    const auto zip = loop_package(loop_script(loop_echo));
    for (int round = 0; round < 10; ++round) {
        CAPTURE(round);
        REQUIRE(lab.deploy("job0", zip, R"({"keep_warm":2})").status == 201);
        for (int i = 0; i < 5; ++i)
            for (const auto& reply : lab.ask_all(std::vector<HttpAsk>(60, Lab::call("job0", "[65]"))))
                REQUIRE(result_text(reply) == "A");
        if (round % 2 == 0) REQUIRE(lab.deploy("job0", zip, {}, {{"If-Match", "*"}}).status == 200);
        REQUIRE(lab.ask({.method = "DELETE", .target = "/api/functions/job0"}).status == 204);
    }
    lab.until([&] { return lab.cloud.stats().processes_alive == 0 && lab.cloud.stats().open_connections == 0; });
    CHECK(descriptors() == before);
    siginfo_t info{};
    CHECK(::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1);
    CHECK(errno == ECHILD);
    CHECK(lab.private_directories() == 0);
    CHECK(lab.packages_on_disk() == 0);
}

TEST_CASE("loop: how many instances are started follows from what the others do") {
    using local::instances_to_start;
    using local::LoopLoad;
    struct Case {
        LoopLoad load;
        std::size_t expected;
    };
    for (const auto& [load, expected] : std::vector<Case>{
             {{.waiting = 1000, .instances = 1, .brisk = 1, .most = 1000, .wide = 2}, 1},  // until the machine is busy
             {{.waiting = 1000, .instances = 2, .brisk = 2, .most = 1000, .wide = 2}, 0},
             {{.waiting = 1000, .instances = 2, .brisk = 0, .most = 1000, .wide = 2}, 2},  // all stuck: twice as many
             {{.waiting = 1000, .instances = 16, .brisk = 0, .most = 1000, .wide = 2}, 16},
             {{.waiting = 1000, .instances = 500, .brisk = 0, .most = 1000, .wide = 2}, 32},  // but not all in one go
             {{.waiting = 1000, .instances = 500, .brisk = 1, .most = 1000, .wide = 2}, 1},
             {{.waiting = 3, .instances = 16, .brisk = 0, .most = 1000, .wide = 2}, 3},
             {{.waiting = 1000, .instances = 9, .brisk = 0, .most = 10, .wide = 2}, 1},
             {{.waiting = 1000, .instances = 10, .brisk = 0, .most = 10, .wide = 2}, 0},
             {{.waiting = 0, .instances = 2, .brisk = 0, .most = 10, .wide = 2}, 0}}) {
        CAPTURE(load.instances);
        CAPTURE(load.brisk);
        CHECK(instances_to_start(load) == expected);
    }
}

}  // namespace loop_test
