#include "blueprint/faas/auth/aws/profile.hpp"
#include "blueprint/faas/auth/aws/sso.hpp"
#include "blueprint/faas/detail/child_command.hpp"
#include "blueprint/faas/detail/replace_file.hpp"
#include "support/aws_sources.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <doctest/doctest.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace aws_sign_in_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using tests::failed_quietly;
using tests::found_key;
using tests::ok;
using tests::says;

namespace {

const std::string secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const std::string cache = "/h/.aws/sso/cache/";
// printf corp | sha1sum, and of https://example.awsapps.com/start
const std::string corp_file = cache + "ee0bfd2552fbd840c02cc48b6e823320543c450f.json";
const std::string start_file = cache + "e8be5486177c5b5392bd9aa76563515b29358e6e.json";

// A user whose config file has this text, and servers that a test writes.
struct User : tests::SourceWorld {
    explicit User(std::string config = {}) {
        around.variables["HOME"] = "/h";
        if (!config.empty()) around.files["/h/.aws/config"] = std::move(config);
    }
    result<aws::Search> profile(aws::SettingsOptions options = {}) {
        return find(aws::credentials::Profile{std::move(options)});
    }
};

const std::string sso_profile =
    "[default]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Jobs & More\n"
    "[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://example.awsapps.com/start\n";

// Somebody signed in: the token ends at `end` o'clock of the day that has just begun.
std::string sign_in(const std::string& end, const std::string& more = {}) {
    return R"({"startUrl":"https://example.awsapps.com/start","region":"eu-west-1","accessToken":"web-token-of-a-pod-1",)"
           R"("expiresAt":"2026-01-02T)" +
           end + "\"" + more + "}";
}

const std::string refreshable =
    R"(,"refreshToken":"session-token-of-refresh","clientId":"client-7","clientSecret":"container-token-of-client",)"
    R"("registrationExpiresAt":"2026-02-01T00:00:00Z")";

// The end of the credentials in milliseconds: 2026-01-02T06:00:00Z.
const std::string role_credentials =
    R"({"roleCredentials":{"accessKeyId":"ASIASSO","secretAccessKey":"wJalrXUtnFEMI/sso",)"
    R"("sessionToken":"session-token-of-sso","expiration":1767333600000}})";

struct SignedIn : User {
    explicit SignedIn(std::string token = sign_in("08:00:00Z"), std::string config = sso_profile)
        : User{std::move(config)} {
        around.files[corp_file] = std::move(token);
    }
};

// Runs a shell in place of a user's program.
result<detail::ChildEnd> shell(asio::io_context& io, std::string line, std::chrono::milliseconds limit = 60s,
                               std::size_t max_output = 64 << 10) {
    detail::ChildCommand command;
    command.words = {"/bin/sh", "-c", std::move(line)};
    command.max_output_bytes = max_output;
    command.max_log_bytes = 64;
    return tests::run(io, detail::run_child(std::move(command), "the command", deadline_after(limit)));
}

// No child of this process is left, dead or alive.
bool no_children() { return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD; }

result<aws::Search> by_process(const std::string& command) {
    User user{"[default]\ncredential_process = " + command};
    auto search = user.profile();
    CHECK(no_children());
    return search;
}

}  // namespace

TEST_CASE("sso: the portal is asked with the token of the sign-in, unsigned") {
    SignedIn user;
    user.script->then(200, role_credentials);
    const auto search = ok(user.profile());
    REQUIRE(search.found.has_value());
    const auto& given = search.found->credentials;
    CHECK(given.access_key_id == "ASIASSO");
    CHECK((given.secret_access_key == Secret{"wJalrXUtnFEMI/sso"}));
    CHECK((given.session_token == Secret{"session-token-of-sso"}));
    CHECK(given.account_id == "123456789012");
    CHECK((search.found->expires == user.around.time + 6h));
    CHECK(user.url(0) ==
          "GET https://portal.sso.eu-west-1.amazonaws.com/federation/credentials?role_name=Jobs%20%26%20More"
          "&account_id=123456789012");
    CHECK(user.header(0, "x-amz-sso_bearer_token") == "web-token-of-a-pod-1");
    CHECK(user.header(0, "Authorization") == "(none)");
    CHECK(user.around.replaced.empty());
}

TEST_CASE("sso: without a section the file has the name of the start URL, and old tools wrote UTC for Z") {
    User user{
        "[profile old]\nsso_start_url = https://example.awsapps.com/start\nsso_region = eu-west-2\n"
        "sso_account_id = 1\nsso_role_name = r\n"};
    user.around.variables["AWS_ENDPOINT_URL_SSO"] = "https://portal.example.com/base/";
    user.around.files[start_file] = sign_in("00:00:01UTC", refreshable);
    user.script->then(200, role_credentials);
    CHECK(found_key(user.profile({.profile = "old"})) == "ASIASSO");
    CHECK(user.url(0) == "GET https://portal.example.com/base/federation/credentials?role_name=r&account_id=1");
    user.around.time += 1s;
    CHECK(says(failed_quietly(user.profile({.profile = "old"})), "aws sso login --profile old"));
}

TEST_CASE("sso: who has not signed in, or signed in too long ago, is told what to run") {
    const auto told = [](User& user) {
        const auto error = failed_quietly(user.profile());
        CHECK(error.code == errc::authentication);
        CHECK(says(error, "aws sso login --sso-session corp"));
        CHECK(says(error, "'default'"));
        CHECK(user.asked() == user.script->seen.size());
        return error;
    };
    User stranger{sso_profile};
    CHECK(says(told(stranger), corp_file));
    for (const std::string& broken : std::vector<std::string>{
             "", "web-token-of-a-pod", sign_in("soon"), std::string{"[]"},
             std::string{R"({"expiresAt":"2026-01-02T08:00:00Z"})"}, std::string{R"({"accessToken":7})"},
             std::string{R"({"accessToken":"web-token\r\nX: 1","expiresAt":"2026-01-02T08:00:00Z"})"}}) {
        SignedIn user{broken};
        told(user);
    }
    SignedIn late{sign_in("00:00:00Z")};
    CHECK(says(told(late), "ended"));
    SignedIn forgotten{sign_in("00:00:00Z", R"(,"refreshToken":"session-token-of-r","clientId":"c","clientSecret":"s",)"
                                            R"("registrationExpiresAt":"2026-01-02T00:00:00Z")")};
    told(forgotten);
    CHECK(forgotten.asked() == 0);
    SignedIn refused;
    refused.script->then(401, R"({"message":"Session token web-token-of-a-pod-1 not found or invalid"})");
    CHECK(told(refused).http_status == 401);
    CHECK(refused.asked() == 1);
}

TEST_CASE("sso: a token with less than 15 minutes left is refreshed, and the file replaced whole") {
    SignedIn user{sign_in("00:15:00Z", refreshable + R"(,"other":{"kept":true})")};
    user.script->then(200, role_credentials);
    CHECK(found_key(user.profile()) == "ASIASSO");  // 15 minutes are enough
    user.around.time += 1s;
    user.script->then(200, R"({"accessToken":"web-token-of-a-pod-2","expiresIn":3600,"refreshToken":"next"})");
    user.script->then(200, role_credentials);
    CHECK(found_key(user.profile()) == "ASIASSO");
    REQUIRE(user.asked() == 3);
    CHECK(user.url(1) == "POST https://oidc.eu-west-1.amazonaws.com/token");
    CHECK(user.header(1, "Content-Type") == "application/json");
    CHECK(user.script->seen[1].body ==
          R"({"clientId":"client-7","clientSecret":"container-token-of-client","grantType":"refresh_token",)"
          R"("refreshToken":"session-token-of-refresh"})");
    CHECK(user.header(2, "x-amz-sso_bearer_token") == "web-token-of-a-pod-2");
    CHECK(user.around.replaced == std::vector<std::string>{corp_file});
    CHECK(user.around.files[corp_file] ==
          R"({"startUrl":"https://example.awsapps.com/start","region":"eu-west-1",)"
          R"("accessToken":"web-token-of-a-pod-2","expiresAt":"2026-01-02T01:00:01Z","refreshToken":"next",)"
          R"("clientId":"client-7","clientSecret":"container-token-of-client",)"
          R"("registrationExpiresAt":"2026-02-01T00:00:00Z","other":{"kept":true}})");
}

TEST_CASE("sso: a refresh that fails matters only when the old token has ended") {
    const std::string refusal =
        R"({"error":"invalid_grant","error_description":"session-token-of-refresh is unknown"})";
    SignedIn good{sign_in("00:01:00Z", refreshable)};
    good.script->then(400, refusal);
    good.script->then(200, role_credentials);
    CHECK(found_key(good.profile()) == "ASIASSO");
    CHECK(good.header(1, "x-amz-sso_bearer_token") == "web-token-of-a-pod-1");
    CHECK(good.around.replaced.empty());

    SignedIn ended{sign_in("00:00:00Z", refreshable)};
    ended.script->then(400, refusal);
    const auto error = failed_quietly(ended.profile());
    CHECK(error.platform_code == "invalid_grant");
    CHECK(says(error, "aws sso login --sso-session corp"));
    for (const auto* odd : {"{}", "no JSON", R"({"accessToken":"web-token-of-a-pod","expiresIn":0})",
                            R"({"accessToken":"web-token-of-a-pod\r","expiresIn":60})"}) {
        SignedIn user{sign_in("00:00:00Z", refreshable)};
        user.script->then(200, odd);
        CHECK(failed_quietly(user.profile()).code == errc::serialization);
    }
}

TEST_CASE("sso: a client secret much longer than the refresh token, as AWS gives it, is sent whole") {
    const std::string long_secret = "container-token-of-client-" + std::string(4096, 'x');
    SignedIn user{sign_in("00:00:00Z", R"(,"refreshToken":"session-token-of-r","clientId":"c","clientSecret":")" +
                                           long_secret + R"(","registrationExpiresAt":"2026-02-01T00:00:00Z")")};
    user.script->then(200, R"({"accessToken":"web-token-of-a-pod-2","expiresIn":3600})");
    user.script->then(200, role_credentials);
    CHECK(found_key(user.profile()) == "ASIASSO");
    CHECK(user.script->seen.at(0).body == R"({"clientId":"c","clientSecret":")" + long_secret +
                                              R"(","grantType":"refresh_token","refreshToken":"session-token-of-r"})");
}

TEST_CASE("sso: a home that cannot be written to does not keep a fresh token from being used") {
    SignedIn user{sign_in("00:00:00Z", refreshable)};
    user.script->then(200, R"({"accessToken":"web-token-of-a-pod-2","expiresIn":3600})");
    user.script->then(200, role_credentials);
    user.around.read_only.insert(corp_file);
    CHECK(found_key(user.profile()) == "ASIASSO");
    CHECK(user.header(1, "x-amz-sso_bearer_token") == "web-token-of-a-pod-2");
}

TEST_CASE("sso: what passes by itself is tried thrice, what does not once") {
    for (const unsigned status : {429U, 500U, 503U}) {
        SignedIn user;
        user.script->then(status);
        user.script->then(tests::nobody());
        user.script->then(200, role_credentials);
        CHECK(found_key(user.profile()) == "ASIASSO");
        SignedIn down;
        for (int i = 0; i < 3; ++i) down.script->then(status);
        const auto error = failed_quietly(down.profile());
        CHECK(error.code == (status == 429 ? errc::throttled : errc::infrastructure));
        CHECK(error.retryable);
        CHECK(down.asked() == 3);
    }
    SignedIn user;
    user.script->then(403, R"({"message":"No access","__type":"ForbiddenException"})");
    const auto error = failed_quietly(user.profile());
    CHECK(says(error, "sso_role_name"));
    CHECK(says(error, "No access"));
    CHECK(error.platform_code == "ForbiddenException");
    CHECK(user.asked() == 1);
}

TEST_CASE("sso: an answer without whole credentials, or with ended ones, is an error") {
    for (const auto* odd :
         {"", "[]", R"({"roleCredentials":{}})",
          R"({"roleCredentials":{"accessKeyId":"A","secretAccessKey":"wJalrXUtnFEMI","sessionToken":""}})",
          R"({"roleCredentials":{"accessKeyId":"A","secretAccessKey":"wJalrXUtnFEMI","sessionToken":"x",)"
          R"("expiration":1767312000000}})"}) {
        SignedIn user;
        user.script->then(200, odd);
        failed_quietly(user.profile());
        CHECK(user.asked() == 1);
    }
}

TEST_CASE("bad input: a time beyond what the clock counts to is its last moment, and a life of ages is ten years") {
    SignedIn user;
    auto far = role_credentials;
    far.replace(far.find("1767333600000"), 13, "9223372036854775807");
    user.script->then(200, far);
    CHECK((ok(user.profile()).found->expires == std::chrono::system_clock::time_point::max()));

    SignedIn ending{sign_in("00:10:00Z", refreshable)};
    ending.script->then(200, R"({"accessToken":"web-token-of-a-pod-2","expiresIn":9223372036854775807})");
    ending.script->then(200, role_credentials);
    CHECK(found_key(ending.profile()) == "ASIASSO");
    CHECK(ending.around.files[corp_file].find("\"expiresAt\":\"2035-12-31T00:00:00Z\"") != std::string::npos);
}

TEST_CASE("replace file: the new text is there whole, for its owner alone, and nothing is left beside it") {
    const test::TemporaryDirectory directory;
    const auto path = (directory / "token.json").string();
    std::ofstream{path} << "old";
    ::chmod(path.c_str(), 0644);
    CHECK(detail::replace_file(path, Secret{"new"}).has_value());
    std::string text;
    std::getline(std::ifstream{path}, text);
    CHECK(text == "new");
    struct stat status{};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    std::filesystem::create_directory(directory / "place");
    const auto error = failed_quietly(detail::replace_file((directory / "place").string(), Secret{secret}));
    CHECK(says(error, "place"));
    CHECK(says(failed_quietly(detail::replace_file((directory / "gone" / "x").string(), Secret{secret})), "gone"));
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator{directory.path()}) ++files;
    CHECK(files == 2);
}

TEST_CASE("credential_process: what it prints is read, with and without an end") {
    const auto search = ok(by_process(
        R"(/bin/sh -c 'printf "{\"Version\":1,\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"s\",)"
        R"(\"SessionToken\":\"t\",\"Expiration\":\"2026-01-02T00:10:00Z\",\"AccountId\":\"7\"}" "$1"' sh "A B")"));
    REQUIRE(search.found.has_value());
    CHECK(search.found->credentials.access_key_id == "A B");
    CHECK((search.found->credentials.session_token == Secret{"t"}));
    CHECK(search.found->credentials.account_id == "7");
    CHECK((search.found->expires == tests::AwsWorld{}.time + 10min));
    const auto now = tests::AwsWorld{}.time;
    const auto timeless = ok(detail::read_process_credentials(
        R"({"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","More":[]})", "p", now));
    CHECK_FALSE(timeless.expires.has_value());
    CHECK(timeless.credentials.session_token.empty());
}

TEST_CASE("credential_process: output that is none of credentials is told without showing it") {
    const std::vector<std::pair<std::string, std::string_view>> table{
        {"", "JSON"},
        {"wJalrXUtnFEMI", "JSON"},
        {R"({"AccessKeyId":"A","SecretAccessKey":"wJalrXUtnFEMI"})", "Version"},
        {R"({"Version":2,"AccessKeyId":"A","SecretAccessKey":"wJalrXUtnFEMI"})", "Version"},
        {R"({"Version":"1","AccessKeyId":"A","SecretAccessKey":"wJalrXUtnFEMI"})", "Version"},
        {R"({"Version":1,"SecretAccessKey":"wJalrXUtnFEMI"})", "AccessKeyId"},
        {R"({"Version":1,"AccessKeyId":"A"})", "SecretAccessKey"},
        {R"({"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","Expiration":"wJalrXUtnFEMI"})", "Expiration"},
        {R"({"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","Expiration":1})", "Expiration"},
        {R"({"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","Expiration":"2026-01-02T00:00:00Z"})", "ended"},
    };
    for (const auto& [output, part] : table) {
        CAPTURE(output);
        const auto error = failed_quietly(
            detail::read_process_credentials(std::string_view{output}, "the program", tests::AwsWorld{}.time));
        CHECK(says(error, part));
        CHECK(says(error, "the program"));
    }
}

TEST_CASE("credential_process: a program that fails is quoted from its error stream, its arguments hidden") {
    auto error = failed_quietly(by_process("/bin/sh -c 'echo oops $0 $1 >&2; exit 3' --key=" + secret + " " + secret));
    CHECK(error.code == errc::authentication);
    CHECK(says(error, "exit code 3"));
    CHECK(says(error, "oops"));
    CHECK(says(error, "[redacted]"));
    CHECK(says(error, "profile 'default'"));
    CHECK(says(failed_quietly(by_process("/bin/sh -c 'kill -9 $$'")), "signal 9"));
    error = failed_quietly(by_process("/no/such/program " + secret));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(says(error, "No such file"));
    CHECK(says(failed_quietly(by_process("/bin/sh -c 'open")), "quote"));
}

TEST_CASE("child command: output, end of the log and exit code come back; input is empty and descriptors are closed") {
    asio::io_context io;
    auto end = ok(shell(io, "cat; printf out; printf err >&2; exit 7"));
    CHECK((end.output == Secret{"out"}));
    CHECK(end.log == "err");
    CHECK(end.exit_code == 7);
    end = ok(shell(io, "i=0; while [ $i -lt 2000 ]; do echo line$i >&2; i=$((i+1)); done; printf ok"));
    CHECK((end.output == Secret{"ok"}));
    CHECK(end.log.size() == 64);
    CHECK(end.log.ends_with("line1999\n"));
    // A child that closes its streams and goes on is waited for.
    end = ok(shell(io, "exec >&- 2>&-; sleep 0.05; exit 9"));
    CHECK(end.exit_code == 9);
    const int leak = ::dup(0);
    end = ok(shell(io, "[ -e /proc/self/fd/" + std::to_string(leak) + " ] && echo leaked; trap", 60s));
    CHECK((end.output == Secret{""}));
    ::close(leak);
    CHECK(no_children());
}

TEST_CASE("child command: one that prints too much is ended") {
    asio::io_context io;
    CHECK(ok(shell(io, "printf 12345678", 60s, 8)).output.size() == 8);
    const auto error = failed_quietly(shell(io, "while :; do echo wJalrXUtnFEMI; done", 60s, 8));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(says(error, "8 bytes"));
    CHECK(no_children());
}

TEST_CASE("child command: at the deadline the whole group is killed, while the io_context goes on") {
    asio::io_context io;
    int ticks = 0;
    asio::steady_timer timer{io, 10ms};
    timer.async_wait([&](const boost::system::error_code&) { ++ticks; });
    const test::TemporaryDirectory directory;
    const auto pid_file = (directory / "pid").string();
    const auto error = failed_quietly(shell(io, "sleep 1000 & echo $! > " + pid_file + "; wait", 300ms));
    CHECK(error.code == errc::timed_out);
    CHECK(says(error, "the command did not end"));
    CHECK(ticks == 1);
    CHECK(no_children());
    pid_t grandchild = 0;
    std::ifstream{pid_file} >> grandchild;
    REQUIRE(grandchild > 0);
    // It was not ours to reap: whoever is, may take a moment.
    const auto running = [&] {
        std::ifstream state{"/proc/" + std::to_string(grandchild) + "/stat"};
        std::string pid, name, letter;
        return state >> pid >> name >> letter && letter != "Z" && letter != "X";
    };
    const auto patience = deadline_after(20s);
    while (running() && time_left(patience) > 0ms) ::usleep(1000);
    CHECK_FALSE(running());
}

TEST_CASE("child command: a cancelled call kills it, and so does an io_context that goes") {
    const detail::ChildCommand sleeper{.words = {"/bin/sh", "-c", "sleep 1000"}};
    std::optional<result<detail::ChildEnd>> outcome;
    {
        asio::io_context io;
        asio::cancellation_signal stop;
        asio::co_spawn(io, detail::run_child(sleeper, "the command", Deadline::max()),
                       asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr, result<detail::ChildEnd> end) {
                           outcome.emplace(std::move(end));
                       }));
        asio::steady_timer timer{io, 50ms};
        timer.async_wait([&](const boost::system::error_code&) { stop.emit(asio::cancellation_type::terminal); });
        io.run();
        REQUIRE(outcome.has_value());
        CHECK(failed_quietly(std::move(*outcome)).code == errc::cancelled);
        CHECK(no_children());
    }
    {
        asio::io_context io;
        asio::co_spawn(io, detail::run_child(sleeper, "the command", Deadline::max()),
                       [&](std::exception_ptr, result<detail::ChildEnd>) { FAIL("the command ended"); });
        io.run_for(50ms);
        CHECK_FALSE(no_children());
    }
    CHECK(no_children());
}

}  // namespace aws_sign_in_test
