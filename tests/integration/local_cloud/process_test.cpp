#include "lab.hpp"
#include "support/vfork.hpp"

#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace process_test {

using namespace blueprint::faas;
using namespace blueprint::faas::test;

namespace {

/// Tells whether the process does anything still: one that nobody has waited for yet does not.
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

}  // namespace

TEST_CASE("local cloud: a function that sleeps too long is ended and answered TIMEOUT") {
    Lab lab{quick()};
    lab.deploy_script("job0", "sleep 100", R"({"timeout_secs":1})");
    const auto began = std::chrono::steady_clock::now();
    const auto reply = lab.invoke("job0");
    const auto took = std::chrono::steady_clock::now() - began;
    CHECK(reply.status == 504);
    CHECK(text_member(reply, "code") == "TIMEOUT");
    CHECK(json_of(reply).if_contains("success") == nullptr);
    CHECK(took >= 1s);
    CHECK(took < 5s);
    CHECK(lab.cloud.stats().processes_alive == 0);
}

TEST_CASE("local cloud: the caller's remaining time counts when it is shorter") {
    Lab lab{quick()};
    lab.deploy_script("job0", "sleep 100");
    const auto reply = lab.invoke("job0", "[]", {{"X-Blueprint-Timeout-Ms", "150"}});
    CHECK(reply.status == 504);
    CHECK(text_member(reply, "error").find("150 ms") != std::string::npos);
}

TEST_CASE("local cloud: a function that ignores TERM is killed") {
    Lab lab{quick()};
    lab.deploy_script("job0", "trap '' TERM; while :; do sleep 0.05; done");
    const auto began = std::chrono::steady_clock::now();
    const auto reply = lab.invoke("job0", "[]", {{"X-Blueprint-Timeout-Ms", "300"}});
    CHECK(reply.status == 504);
    CHECK(std::chrono::steady_clock::now() - began >= 490ms);
    CHECK(lab.cloud.stats().processes_alive == 0);
}

TEST_CASE("local cloud: what a failing function did is told") {
    Lab lab{quick()};
    struct Case {
        std::string script, words;
    };
    int number = 0;
    for (const auto& [script, words] :
         std::vector<Case>{{"kill -SEGV $$", "signal 11"},
                           {"cat > /dev/null; echo '{\"result\":[]}'; exit 3", "status 3"},
                           {"cat > /dev/null", "wrote nothing"},
                           {"cat > /dev/null; echo hello", "cannot be read"},
                           {"cat > /dev/null; echo '{\"result\":[1]} {}'", "cannot be read"},
                           {"cat > /dev/null; echo '{\"result\":[256]}'", "cannot be read"},
                           {"cat > /dev/null; echo '{\"result\":\"%%\"}'", "cannot be read"},
                           {"cat > /dev/null; echo '{}'", "has no result"},
                           {"cat", "has no result"},
                           {"cat > /dev/null; echo '{\"job_id\":1,\"result\":[]}'", "another job"},
                           {"cat > /dev/null; echo '{\"success\":1,\"result\":[]}'", "neither true nor false"}}) {
        CAPTURE(script);
        const auto id = "job" + std::to_string(number++);
        lab.deploy_script(id, "echo noted >&2; " + script);
        const auto reply = lab.invoke(id);
        CHECK(reply.status == 500);
        CHECK(text_member(reply, "code") == "EXECUTION_ERROR");
        CHECK_MESSAGE(text_member(reply, "error").find(words) != std::string::npos, reply.body);
        CHECK(json_of(reply).at("success").as_bool() == false);
        CHECK(json_of(reply).at("details").at("stderr").as_string() == "noted\n");
        CHECK(text_member(reply, "function_id") == id);
    }
}

TEST_CASE("local cloud: an error that the function knows of is passed on") {
    Lab lab;
    lab.deploy_script("job0",
                      R"(cat > /dev/null; echo '{"success":false,"error":"no such account","code":"NO_ACCOUNT"}')");
    const auto reply = lab.invoke("job0");
    CHECK(reply.status == 500);
    CHECK(text_member(reply, "error") == "no such account");
    CHECK(text_member(reply, "code") == "NO_ACCOUNT");
    CHECK(json_of(reply).at("success").as_bool() == false);
}

TEST_CASE("local cloud: a program that cannot be executed makes the function unhealthy" *
          doctest::skip(tests::vfork_is_fork)) {
    Lab lab;
    ZipWriter writer;
    REQUIRE(writer
                .add("bootstrap",
                     detail::bytes_of("\x7f"
                                      "ELF but not really"),
                     0755)
                .has_value());
    const auto zip = writer.finish();
    REQUIRE(lab.deploy("job0", std::string{detail::text_of(zip)}).status == 201);
    CHECK(lab.get("/api/functions/job0/health").status == 200);
    const auto reply = lab.invoke("job0");
    CHECK(reply.status == 500);
    CHECK(text_member(reply, "code") == "EXECUTION_ERROR");
    CHECK(text_member(reply, "error").find("cannot execute 'bootstrap'") != std::string::npos);
    const auto health = lab.get("/api/functions/job0/health");
    CHECK(health.status == 503);
    CHECK(text_member(health, "status") == "unhealthy");
    CHECK(lab.private_directories() == 0);
    CHECK(lab.deploy("job0", script_package(echo_script), {}, {{"If-Match", "*"}}).status == 200);
    CHECK(lab.get("/api/functions/job0/health").status == 200);
}

TEST_CASE("local cloud: a flood on stdout ends the function") {
    Lab lab{quick()};
    lab.deploy_script("job0", "exec yes");
    const auto began = std::chrono::steady_clock::now();
    const auto reply = lab.invoke("job0");
    CHECK(reply.status == 500);
    CHECK(text_member(reply, "error").find("wrote more than is allowed") != std::string::npos);
    CHECK(std::chrono::steady_clock::now() - began < 20s);
    CHECK(lab.cloud.stats().processes_alive == 0);
}

TEST_CASE("local cloud: of a flood on stderr the end is kept, and is made printable") {
    Lab lab{quick()};
    lab.deploy_script(
        "job0", R"(cat > /dev/null; yes | head -c 1000000 >&2; printf 'last \377 word' >&2; echo '{"success":false}')");
    const auto reply = lab.invoke("job0");
    CHECK(reply.status == 500);
    const auto tail = std::string{json_of(reply).at("details").at("stderr").as_string()};
    CHECK(tail.size() == 4096);
    CHECK(tail.substr(tail.size() - 11) == "last ? word");
}

TEST_CASE("H3: large input to a function that writes first does not deadlock") {
    Lab lab;
    // More than any pipe holds, in both directions, before the first byte is read.
    lab.deploy_script("job0", R"(printf '{"result":['; yes '1,' | head -n 400000; printf '1]}'; cat > /dev/null)");
    std::string args = "[0";
    for (int i = 0; i < (1 << 20) - 1; ++i) args += ",0";
    args += ']';
    CHECK(result_text(lab.invoke("job0", args)).size() == 400001);
}

TEST_CASE("local cloud: a function that reads nothing of a large argument is fine") {
    Lab lab;
    lab.deploy_script("job0", R"(exec 0<&-; echo '{"result":[33]}')");
    std::string args = "[0";
    for (int i = 0; i < (1 << 20) - 1; ++i) args += ",0";
    args += ']';
    CHECK(result_text(lab.invoke("job0", args)) == "!");
}

TEST_CASE("local cloud: a function that forks leaves no process, and nobody waits for its child") {
    Lab lab{quick()};
    lab.deploy_script("job0",
                      "sleep 300 & p=$!; cat > /dev/null; printf '{\"result\":[%d,%d,%d]}' $((p / 65536)) $((p / 256 % "
                      "256)) $((p % 256))");
    const auto began = std::chrono::steady_clock::now();
    const auto bytes = result_text(lab.invoke("job0"));
    CHECK(std::chrono::steady_clock::now() - began < 5s);
    REQUIRE(bytes.size() == 3);
    const int pid = static_cast<unsigned char>(bytes[0]) * 65536 + static_cast<unsigned char>(bytes[1]) * 256 +
                    static_cast<unsigned char>(bytes[2]);
    REQUIRE(pid > 1);
    lab.until([&] { return !runs(pid); });
    CHECK(lab.cloud.stats().processes_alive == 0);
}

TEST_CASE("local cloud: the environment has nothing of the server's") {
    REQUIRE(::setenv("SECRET_OF_THE_SERVER", "seen", 1) == 0);
    Lab lab;
    lab.deploy_script("job0", std::string{telling} + "env | sort | tell",
                      R"({"env_vars":{"COLOUR":"blue","TZ":"Asia/Tokyo"}})");
    const auto text = '\n' + result_text(lab.invoke("job0"));
    for (const std::string wanted : {"\nCOLOUR=blue\n", "\nTZ=Asia/Tokyo\n", "\nLANG=C.UTF-8\n", "\nPATH=/", "\nHOME=/",
                                     "\nTMPDIR=/", "\nBLUEPRINT_FUNCTION_ID=job0\n", "\nBLUEPRINT_MEMORY_MB=512\n"})
        CHECK_MESSAGE(text.find(wanted) != std::string::npos, wanted);
    CHECK(text.find("SECRET_OF_THE_SERVER") == std::string::npos);
    for (std::size_t at = 0; (at = text.find('\n', at)) + 1 < text.size(); ++at) {  // the shell adds PWD, OLDPWD and _
        const auto name = text.substr(at + 1, text.find('=', at) - at - 1);
        CAPTURE(name);
        CHECK(std::string{
                  " BLUEPRINT_FUNCTION_ID BLUEPRINT_MEMORY_MB COLOUR HOME LANG OLDPWD PATH PWD SHLVL TMPDIR TZ _ "}
                  .find(' ' + name + ' ') != std::string::npos);
    }
    ::unsetenv("SECRET_OF_THE_SERVER");
}

TEST_CASE("local cloud: three descriptors, an own group, no new privileges, fresh signals") {
    ::signal(SIGUSR1, SIG_IGN);
    Lab lab;
    lab.deploy_script(
        "job0", std::string{telling} +
                    "{ ls /proc/self/fd | wc -l; cut -d' ' -f1,5 /proc/$$/stat; "
                    "sed -n 's/^NoNewPrivs:[^0-9]*//p; s/^SigIgn:[^0-9]*//p; s/^SigBlk:[^0-9]*//p' /proc/self/status; "
                    "umask; ulimit -c; } | tell");
    const auto text = result_text(lab.invoke("job0"));
    ::signal(SIGUSR1, SIG_DFL);
    std::istringstream lines{text};
    std::string fds, pid, group, blocked, ignored, privileges, mask, core;
    lines >> fds >> pid >> group >> blocked >> ignored >> privileges >> mask >> core;
    CHECK(fds == "4");  // one of them is the directory that ls reads
    CHECK(pid == group);
    CHECK(blocked == "0000000000000000");
    CHECK(ignored == "0000000000000000");
    CHECK(privileges == "1");
    CHECK(mask == "0077");
    CHECK(core == "0");
}

TEST_CASE("local cloud: the private directory is fresh, writable and removed afterwards") {
    Lab lab;
    lab.deploy_script(
        "job0",
        std::string{telling} +
            "{ ls -A \"$TMPDIR\"; [ \"$HOME\" = \"$TMPDIR\" ] && echo \"$HOME\"; } | tell; "
            "echo x > \"$HOME/file\"; mkdir \"$HOME/closed\"; touch \"$HOME/closed/f\"; chmod 0 \"$HOME/closed\"");
    const auto first = result_text(lab.invoke("job0"));
    const auto second = result_text(lab.invoke("job0"));
    CHECK(first.size() > 2);
    CHECK(first != second);
    CHECK(!std::filesystem::exists(first.substr(0, first.size() - 1)));
    CHECK(lab.private_directories() == 0);
}

TEST_CASE("local cloud: memory is limited, and what was used is told") {
    Lab lab;
    lab.deploy_script(
        "big", R"(cat > /dev/null; dd if=/dev/zero of=/dev/null bs=300M count=1 2>/dev/null && echo '{"result":[1]}')",
        R"({"memory_mb":128})");
    CHECK(lab.invoke("big").status == 500);
    lab.deploy_script(
        "fits", R"(cat > /dev/null; dd if=/dev/zero of=/dev/null bs=300M count=1 2>/dev/null && echo '{"result":[1]}')",
        R"({"memory_mb":512})");
    const auto reply = lab.invoke("fits");
    REQUIRE_MESSAGE(reply.status == 200, reply.body);
    // The kernel hides a child's peak below that of the process which started it, which sanitizers make a large one.
    rusage own{};
    ::getrusage(RUSAGE_SELF, &own);
    if (own.ru_maxrss >= 250L * 1024) return;
    const auto used = json_of(reply).at("memory_used_mb").as_int64();
    CHECK(used >= 300);
    CHECK(used < 330);
}

TEST_CASE("local cloud: above max_concurrency a call is refused, not queued") {
    Lab lab{quick()};
    const auto go = (lab.data / "go").string();
    lab.deploy_script("job0", "cat > /dev/null; while [ ! -e \"$GO\" ]; do sleep 0.02; done; echo '{\"result\":[]}'",
                      R"({"max_concurrency":1,"env_vars":{"GO":")" + go + "\"}}");
    HttpClient one{lab.io, lab.cloud.url()};
    HttpClient two{lab.io, lab.cloud.url()};
    std::vector<HttpReply> replies;
    for (auto* client : {&one, &two})
        asio::co_spawn(lab.io, client->exchange(Lab::call("job0")),
                       [&](std::exception_ptr, HttpReply reply) { replies.push_back(std::move(reply)); });
    lab.until([&] { return !replies.empty(); });
    CHECK(replies[0].status == 429);
    CHECK(text_member(replies[0], "code") == "THROTTLED");
    CHECK(replies[0].field("retry-after") == "1");
    REQUIRE(std::system(("touch '" + go + "'").c_str()) == 0);
    lab.until([&] { return replies.size() == 2; });
    CHECK(replies[1].status == 200);
    CHECK(lab.invoke("job0").status == 200);
}

TEST_CASE("local cloud: the account's concurrency bounds all functions together") {
    auto options = quick();
    options.account_concurrency = 1;
    Lab lab{options};
    lab.deploy_script("slow", "sleep 100", R"({"timeout_secs":1})");
    lab.deploy_script("fast", echo_script);
    HttpClient client{lab.io, lab.cloud.url()};
    bool over = false;
    asio::co_spawn(lab.io, client.exchange(Lab::call("slow")), [&](std::exception_ptr, HttpReply) { over = true; });
    lab.until([&] { return lab.cloud.stats().processes_alive == 1; });
    CHECK(lab.invoke("fast").status == 429);
    lab.until([&] { return over; });
    CHECK(lab.invoke("fast").status == 200);
}

TEST_CASE("local cloud: warm instances are real, serve at once and are replaced") {
    Lab lab;
    lab.deploy_script("job0", echo_script, R"({"max_concurrency":3})");
    const auto warm = [&](std::string body) {
        return lab.ask({.method = "POST",
                        .target = "/api/functions/job0/warm",
                        .fields = {{"Content-Type", "application/json"}},
                        .body = std::move(body)});
    };
    CHECK(json_of(warm("")).at("instances_warmed").as_int64() == 1);
    CHECK(json_of(warm(R"({"instances":2})")).at("instances_warmed").as_int64() == 2);
    CHECK(lab.cloud.stats().processes_alive == 2);
    const auto more = json_of(warm(R"({"instances":50})"));
    CHECK(more.at("instances_warmed").as_int64() == 3);  // no more than may run at once
    CHECK(more.at("status").as_string() == "warm");
    for (const std::string bad :
         {"{\"instances\":0}", "{\"instances\":-1}", "{\"instances\":\"2\"}", "2", "{", "{\"instances\":1001}"}) {
        CAPTURE(bad);
        CHECK(warm(bad).status == 400);
    }
    const auto reply = lab.invoke("job0", "[65]");
    CHECK(result_text(reply) == "A");
    CHECK(json_of(reply).at("cold_start").as_bool() == false);
    lab.until([&] { return lab.cloud.stats().processes_alive == 3; });
    CHECK(lab.cloud.stats().processes_started == 4);

    CHECK(lab.deploy("job0", script_package(echo_script), {}, {{"If-Match", "*"}}).status == 200);
    lab.until([&] { return lab.cloud.stats().processes_alive == 0; });
    CHECK(json_of(lab.invoke("job0", "[65]")).at("cold_start").as_bool());
    CHECK(lab.packages_on_disk() == 1);
    CHECK(lab.ask({.method = "POST", .target = "/api/functions/absent/warm"}).status == 404);
}

TEST_CASE("local cloud: idle instances end, and those of keep_warm are renewed") {
    local::CloudOptions options;
    options.limits.warm_idle = 150ms;
    Lab lab{options};
    lab.deploy_script("once", echo_script);
    CHECK(lab.ask({.method = "POST", .target = "/api/functions/once/warm"}).status == 200);
    lab.until([&] { return lab.cloud.stats().processes_alive == 0; });
    CHECK(lab.private_directories() == 0);
    lab.deploy_script("kept", echo_script, R"({"keep_warm":2})");
    CHECK(lab.cloud.stats().processes_alive == 2);
    lab.until([&] { return lab.cloud.stats().processes_started >= 5; });
    CHECK(json_of(lab.invoke("kept")).at("cold_start").as_bool() == false);
}

TEST_CASE("local cloud: an instance that ends by itself is not taken and not started again and again") {
    Lab lab;
    lab.deploy_script("job0", "exit 0");
    CHECK(lab.ask({.method = "POST", .target = "/api/functions/job0/warm"}).status == 200);
    lab.until([&] { return lab.cloud.stats().processes_alive == 0; });
    CHECK(lab.cloud.stats().processes_started == 1);
    CHECK(lab.invoke("job0").status == 500);
    CHECK(lab.cloud.stats().processes_started == 2);
}

TEST_CASE("local cloud: a client that goes away cancels nothing") {
    Lab lab;
    const auto done = (lab.data / "done").string();
    lab.deploy_script("job0", "cat > /dev/null; sleep 0.2; echo x > \"$DONE\"; echo '{\"result\":[]}'",
                      R"({"env_vars":{"DONE":")" + done + "\"}}");
    HttpClient client{lab.io, lab.cloud.url()};
    asio::co_spawn(lab.io, client.exchange(Lab::call("job0")), asio::detached);
    lab.until([&] { return lab.cloud.stats().processes_alive == 1; });
    client.close();
    lab.until([&] { return std::filesystem::exists(done); });
    lab.until([&] { return lab.cloud.stats().processes_alive == 0 && lab.cloud.stats().open_connections == 0; });
}

TEST_CASE("local cloud: however instances come and go, every child is waited for") {
    Lab lab{quick()};
    const auto zip = script_package(echo_script);
    for (int round = 0; round < 40; ++round) {
        CAPTURE(round);
        REQUIRE(lab.deploy("job0", zip, R"({"keep_warm":2})").status == 201);
        HttpClient one{lab.io, lab.cloud.url()};
        HttpClient two{lab.io, lab.cloud.url()};
        int answered = 0;
        for (auto* client : {&one, &two})
            asio::co_spawn(lab.io, client->exchange(Lab::call("job0", "[65]")),
                           [&](std::exception_ptr, HttpReply reply) { answered += reply.status == 200 ? 1 : 100; });
        lab.until([&] { return answered == 2; });
        if (round % 2 == 0) REQUIRE(lab.deploy("job0", zip, {}, {{"If-Match", "*"}}).status == 200);
        REQUIRE(lab.ask({.method = "DELETE", .target = "/api/functions/job0"}).status == 204);
    }
    lab.until([&] { return lab.cloud.stats().processes_alive == 0; });
    siginfo_t info{};
    CHECK(::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1);
    CHECK(errno == ECHILD);
    CHECK(lab.private_directories() == 0);
    CHECK(lab.packages_on_disk() == 0);
}

}  // namespace process_test
