#include "blueprint/faas/local/certificates.hpp"
#include "lab.hpp"
#include "support/self_signed.hpp"
#include "support/vfork.hpp"

#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>

#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace invoke_test {

using namespace blueprint::faas;
using namespace blueprint::faas::test;

namespace {

std::size_t lines_in(const std::filesystem::path& path) {
    std::ifstream file{path};
    std::string line;
    std::size_t count = 0;
    while (std::getline(file, line)) ++count;
    return count;
}

HttpAsk keyed(std::string id, std::string key, std::string_view args = "[65]", HttpFields more = {}) {
    more.emplace_back("Idempotency-Key", std::move(key));
    return Lab::call(std::move(id), args, std::move(more));
}

/// Deploys a loop that notes each call in the file returned, and then runs `body`.
std::filesystem::path deploy_counting(Lab& lab, std::string id, std::string_view body = loop_echo) {
    const auto file = lab.data / ("count-" + id);
    lab.deploy_loop(id, "echo \"$args\" >> \"$COUNT\"; " + std::string{body},
                    R"({"env_vars":{"COUNT":")" + file.string() + "\"}}");
    return file;
}

}  // namespace

TEST_CASE("idempotency: a key's call runs once, and its answer is given again") {
    Lab lab;
    const auto count = deploy_counting(lab, "job0");
    const auto first = lab.ask(keyed("job0", "k1"));
    CHECK(result_text(first) == "A");
    CHECK(first.field("idempotency-replayed").empty());
    const auto second = lab.ask(keyed("job0", "k1"));
    CHECK(second.body == first.body);
    CHECK(second.field("idempotency-replayed") == "true");
    CHECK(lines_in(count) == 1);
    CHECK(result_text(lab.ask(keyed("job0", "k2"))) == "A");
    CHECK(lines_in(count) == 2);
    CHECK(json_of(lab.get("/api/functions/job0/health")).at("total_invocations").as_int64() == 2);
}

TEST_CASE("idempotency: the same call is the same in whatever form it travels") {
    Lab lab;
    const auto count = deploy_counting(lab, "job0");
    CHECK(result_text(lab.ask(keyed("job0", "k", "[65,66]"))) == "AB");
    CHECK(result_text(lab.ask(keyed("job0", "k", "[ 65, 66 ]"))) == "AB");
    CHECK(text_member(lab.ask(keyed("job0", "k", R"("QUI=")", {{"X-Blueprint-Bytes", "base64"}})), "result") == "QUI=");
    HttpAsk bare{.method = "POST", .target = "/api/functions/job0/invoke", .body = "AB"};
    bare.fields = {{"Content-Type", "application/octet-stream"}, {"X-Blueprint-Job-Id", "0"}, {"Idempotency-Key", "k"}};
    CHECK(lab.ask(bare).body == "AB");
    CHECK(lines_in(count) == 1);
    bare.fields[1].second = "1";
    CHECK(lab.ask(bare).status == 422);
}

TEST_CASE("idempotency: another call with the same key is refused") {
    Lab lab;
    const auto count = deploy_counting(lab, "job0");
    CHECK(lab.ask(keyed("job0", "k", "[65]")).status == 200);
    const auto reply = lab.ask(keyed("job0", "k", "[66]"));
    CHECK(reply.status == 422);
    CHECK(text_member(reply, "code") == "KEY_REUSED");
    CHECK(lines_in(count) == 1);
    deploy_counting(lab, "job1");  // a key belongs to a function
    CHECK(result_text(lab.ask(keyed("job1", "k", "[66]"))) == "B");
    for (const std::string& bad :
         {std::string{}, std::string(256, 'k'), std::string{"a\tb"}, std::string{"\xc3\xa4"}}) {
        CAPTURE(bad);
        CHECK(lab.ask(keyed("job0", bad)).status == 400);
    }
}

TEST_CASE("idempotency: concurrent calls with one key run once and get one answer") {
    Lab lab;
    const auto count = deploy_counting(lab, "job0", "sleep 0.3; " + std::string{loop_echo});
    const auto replies = lab.ask_all(std::vector<HttpAsk>(20, keyed("job0", "k")));
    int replayed = 0;
    for (const auto& reply : replies) {
        CHECK(reply.body == replies[0].body);
        CHECK(result_text(reply) == "A");
        replayed += reply.field("idempotency-replayed") == "true" ? 1 : 0;
    }
    CHECK(replayed == 19);
    CHECK(lines_in(count) == 1);
}

TEST_CASE("idempotency: a waiting duplicate needs no place, and waits no longer than it may") {
    Lab lab;
    lab.deploy_loop("job0", "sleep 0.5; " + std::string{loop_echo}, R"({"max_concurrency":1})");
    auto replies = lab.ask_all({keyed("job0", "k"), keyed("job0", "k"), keyed("job0", "other"),
                                keyed("job0", "k", "[65]", {{"X-Blueprint-Timeout-Ms", "100"}})});
    // Which one comes first is not told: of the four, one runs, one or two are given its answer.
    CHECK(result_text(lab.ask(keyed("job0", "k2"))) == "A");
    int good = 0;
    int throttled = 0;
    for (const auto& reply : replies) {
        good += reply.status == 200 ? 1 : 0;
        throttled += reply.status == 429 ? 1 : 0;
        CHECK((reply.status == 200 || reply.status == 429 || reply.status == 504));
    }
    CHECK(good >= 1);
    CHECK(throttled >= 1);
}

TEST_CASE("idempotency: failures of the function are kept, what it never saw is not") {
    local::CloudOptions options;
    options.limits.kill_after = 100ms;
    Lab lab{options};
    const auto failing = deploy_counting(lab, "failing", R"(echo '{"success":false,"error":"no","code":"NO"}')");
    const auto crashing = deploy_counting(lab, "crashing", "kill -9 $$");
    const auto sleeping = deploy_counting(lab, "sleeping", "while :; do sleep 0.02; done");
    for (int i = 0; i < 2; ++i) {
        CHECK(text_member(lab.ask(keyed("failing", "k")), "code") == "NO");
        CHECK(text_member(lab.ask(keyed("crashing", "k")), "code") == "EXECUTION_ERROR");
        CHECK(lab.ask(keyed("sleeping", "k", "[65]", {{"X-Blueprint-Timeout-Ms", "800"}})).status == 504);
    }
    CHECK(lines_in(failing) == 1);
    CHECK(lines_in(crashing) == 1);
    CHECK(lines_in(sleeping) == 1);

    // Throttled: the same key may come again, and runs.
    const auto busy = lab.data / "count-busy";
    lab.deploy_loop("busy", "echo x >> \"$COUNT\"; sleep 0.3; " + std::string{loop_echo},
                    R"({"max_concurrency":1,"env_vars":{"COUNT":")" + busy.string() + "\"}}");
    const auto replies = lab.ask_all({keyed("busy", "a"), keyed("busy", "b")});
    CHECK(replies[0].status + replies[1].status == 629);
    CHECK(lab.ask(keyed("busy", replies[0].status == 429 ? "a" : "b")).status == 200);
    CHECK(lines_in(busy) == 2);
}

TEST_CASE("idempotency: a call whose program could not be started runs after a replacement" *
          doctest::skip(tests::vfork_is_fork)) {
    Lab lab;
    ZipWriter writer;
    REQUIRE(writer
                .add("bootstrap",
                     detail::bytes_of("\x7f"
                                      "ELF"),
                     0755)
                .has_value());
    const auto zip = writer.finish();
    REQUIRE(lab.deploy("broken", std::string{detail::text_of(zip)}).status == 201);
    CHECK(lab.ask(keyed("broken", "k")).status == 500);
    REQUIRE(lab.deploy("broken", script_package(echo_script), {}, {{"If-Match", "*"}}).status == 200);
    CHECK(result_text(lab.ask(keyed("broken", "k"))) == "A");
}

TEST_CASE("idempotency: keys outlive a replacement and an undeployment") {
    Lab lab;
    const auto count = deploy_counting(lab, "job0");
    CHECK(lab.ask(keyed("job0", "k")).status == 200);
    const auto zip = loop_package(loop_script("echo '{\"result\":[66]}'"));
    REQUIRE(lab.deploy("job0", zip, {}, {{"If-Match", "*"}}).status == 200);
    CHECK(result_text(lab.ask(keyed("job0", "k"))) == "A");
    REQUIRE(lab.ask({.method = "DELETE", .target = "/api/functions/job0"}).status == 204);
    CHECK(lab.ask(keyed("job0", "k")).status == 404);
    REQUIRE(lab.deploy("job0", zip).status == 201);
    CHECK(result_text(lab.ask(keyed("job0", "k"))) == "A");
    CHECK(result_text(lab.ask(keyed("job0", "new"))) == "B");
    CHECK(lines_in(count) == 1);
}

TEST_CASE("idempotency: answers expire, and the oldest make room") {
    local::CloudOptions options;
    options.limits.idempotency = 100ms;
    Lab lab{options};
    const auto count = deploy_counting(lab, "job0");
    CHECK(lab.ask(keyed("job0", "k")).status == 200);
    lab.until([&] {
        CHECK(lab.ask(keyed("job0", "k")).status == 200);
        return lines_in(count) == 2;
    });
    CHECK(lab.ask(keyed("job0", "k2")).status == 200);
    lab.until(
        [&] { return lab.ask(keyed("job0", "k2", "[66]")).status == 200; });  // another call, when it is forgotten

    local::CloudOptions few;
    few.limits.idempotency_keys = 2;
    Lab small{few};
    const auto calls = deploy_counting(small, "job0");
    for (const std::string key : {"a", "b", "c"}) CHECK(small.ask(keyed("job0", key)).status == 200);
    for (const std::string key : {"b", "c"}) CHECK(small.ask(keyed("job0", key)).status == 200);
    CHECK(lines_in(calls) == 3);
    CHECK(small.ask(keyed("job0", "a")).status == 200);
    CHECK(lines_in(calls) == 4);
}

TEST_CASE("async: the answer comes at once, the invocation runs to its end and is told to the log") {
    std::vector<std::string> lines;
    local::CloudOptions options;
    options.log = [&](std::string_view line) { lines.emplace_back(line); };
    Lab lab{options};
    const auto count = deploy_counting(lab, "job0", "sleep 0.2; echo done >> \"$COUNT\"; " + std::string{loop_echo});
    {
        HttpClient client{lab.io, lab.cloud.url()};
        const auto reply =
            wait_for<HttpReply>(lab.io, client.exchange(Lab::call("job0", "[65]", {{"Prefer", "respond-async"}})));
        CHECK(reply.status == 202);
        CHECK(reply.field("preference-applied") == "respond-async");
        CHECK(text_member(reply, "invocation_id").size() == 32);
        CHECK(lines_in(count) <= 1);
    }  // the client is gone
    lab.until([&] { return lines_in(count) == 2; });
    lab.until([&] { return !lines.empty() && lines.back().substr(0, 11) == "ASYNC job0 "; });
    CHECK(lines.back().find(" 200 ") != std::string::npos);
    CHECK(json_of(lab.get("/api/functions/job0/health")).at("total_invocations").as_int64() == 1);
    CHECK(lab.invoke("job0", "[65]", {{"Prefer", "wait=5, respond-async;x=1"}}).status == 202);
    CHECK(lab.invoke("job0", "[65]", {{"Prefer", "respond-asynchronously"}}).status == 200);
    CHECK(lab.invoke("job0", "[256]", {{"Prefer", "respond-async"}}).status == 400);
    CHECK(lab.invoke("absent", "[1]", {{"Prefer", "respond-async"}}).status == 404);
}

TEST_CASE("async: limits hold before anything is promised") {
    local::CloudOptions options;
    options.limits.async_invocations = 2;
    Lab lab{options};
    lab.deploy_loop("job0", "sleep 0.4; " + std::string{loop_echo}, R"({"max_concurrency":1})");
    lab.deploy_loop("job1", "sleep 0.4; " + std::string{loop_echo});
    const HttpFields prefer{{"Prefer", "respond-async"}};
    CHECK(lab.invoke("job0", "[1]", prefer).status == 202);
    CHECK(lab.invoke("job0", "[1]", prefer).status == 429);
    CHECK(lab.invoke("job1", "[1]", prefer).status == 202);
    const auto full = lab.invoke("job1", "[1]", prefer);
    CHECK(full.status == 429);
    CHECK(full.field("retry-after") == "1");
    lab.until([&] { return lab.invoke("job0", "[1]", prefer).status == 202; });
}

TEST_CASE("async: with a key the invocation is one, and its result can be had") {
    Lab lab;
    const auto count = deploy_counting(lab, "job0", "sleep 0.1; " + std::string{loop_echo});
    const HttpFields prefer{{"Prefer", "respond-async"}};
    const auto first = lab.ask(keyed("job0", "k", "[65]", prefer));
    const auto second = lab.ask(keyed("job0", "k", "[65]", prefer));
    CHECK(first.status == 202);
    CHECK(text_member(second, "invocation_id") == text_member(first, "invocation_id"));
    CHECK(result_text(lab.ask(keyed("job0", "k"))) == "A");
    CHECK(lines_in(count) == 1);
}

TEST_CASE("async: stopping gives invocations their grace, and reports what it ended") {
    for (const auto grace : {std::chrono::milliseconds{0}, std::chrono::milliseconds{10'000}}) {
        CAPTURE(grace.count());
        std::vector<std::string> lines;
        local::CloudOptions options;
        options.log = [&](std::string_view line) { lines.emplace_back(line); };
        Lab lab{options};
        const auto count =
            deploy_counting(lab, "job0", "sleep 0.5; echo done >> \"$COUNT\"; " + std::string{loop_echo});
        CHECK(lab.invoke("job0", "[1]", {{"Prefer", "respond-async"}}).status == 202);
        lab.until([&] { return lines_in(count) == 1; });
        wait_for(lab.io, lab.cloud.stop(grace));
        REQUIRE(!lines.empty());
        CHECK(lines.back().substr(0, 11) == "ASYNC job0 ");
        CHECK(lines.back().find(grace.count() > 0 ? " 200 " : " 503 ") != std::string::npos);
        CHECK(lines_in(count) == (grace.count() > 0 ? 2U : 1U));
    }
}

TEST_CASE("strict 1.0: neither keys nor preferences mean anything") {
    local::CloudOptions options;
    options.strict_1_0 = true;
    Lab lab{options};
    const auto count = lab.data / "count";
    lab.deploy_script("job0", "echo x >> \"$COUNT\"; " + std::string{echo_script},
                      R"({"env_vars":{"COUNT":")" + count.string() + "\"}}");
    for (int i = 0; i < 2; ++i)
        CHECK(result_text(lab.ask(keyed("job0", "k", "[65]", {{"Prefer", "respond-async"}}))) == "A");
    CHECK(lines_in(count) == 2);
    HttpAsk bare{.method = "POST", .target = "/api/functions/job0/invoke", .body = "AB"};
    bare.fields = {{"Content-Type", "application/octet-stream"}, {"X-Blueprint-Job-Id", "0"}};
    CHECK(lab.ask(bare).status == 415);
    CHECK(lab.get("/api/platform").status == 404);
}

TEST_CASE("local cloud: API keys and Basic credentials open, in any header of theirs") {
    local::CloudOptions options;
    options.bearer_tokens = {"token"};
    options.api_keys = {{.header = "X-Functions-Key", .key = "key"}};
    options.basic_users = {{.user = "worker", .password = "pass:word"}};
    Lab lab{options};
    const auto status = [&](std::string name, std::string value) {
        return lab.ask({.target = "/api/functions", .fields = {{std::move(name), std::move(value)}}}).status;
    };
    CHECK(status("Authorization", "Bearer token") == 200);
    CHECK(status("X-Functions-Key", "key") == 200);
    CHECK(status("Authorization", "Basic d29ya2VyOnBhc3M6d29yZA==") == 200);
    CHECK(status("Authorization", "basic d29ya2VyOnBhc3M6d29yZA==") == 200);
    CHECK(status("Authorization", "Basic d29ya2VyOnBhc3M=") == 401);
    CHECK(status("Authorization", "key") == 401);
    CHECK(status("X-Functions-Key", "Key") == 401);
    CHECK(status("X-Functions-Key", "") == 401);
    CHECK(status("X-Other", "key") == 401);
    const auto challenge = lab.get("/api/functions").field("www-authenticate");
    for (const std::string scheme : {"Bearer", "Basic realm=", "ApiKey"})
        CHECK(challenge.find(scheme) != std::string::npos);
}

TEST_CASE("local cloud: who may can be judged by a function of the head, before a byte of the body is read") {
    auto expires = std::chrono::steady_clock::now() + 1h;
    local::CloudOptions options;
    options.bearer_tokens = {"fixed"};
    options.authorize = [&](const local::ServerRequest& head) -> std::optional<local::Denial> {
        CHECK(head.body.empty());
        const Secret expected{"Bearer short-lived"};
        if (!local::same_secret(head.field("authorization").value_or(""), expected))
            return local::Denial{.message = "who are you?"};
        if (std::chrono::steady_clock::now() >= expires)
            return local::Denial{.message = "expired", .challenge = "Bearer error=\"invalid_token\""};
        if (head.method == "DELETE") return local::Denial{.status = 403, .message = "not you"};
        return std::nullopt;
    };
    Lab lab{options};
    const auto ask = [&](std::string method, std::string credential) {
        return lab.ask({.method = std::move(method),
                        .target = "/api/functions/job0",
                        .fields = {{"Authorization", std::move(credential)}, {"Content-Length", "0"}}});
    };
    CHECK(ask("GET", "Bearer fixed").status == 404);
    CHECK(ask("GET", "Bearer short-lived").status == 404);
    CHECK(ask("GET", "Bearer other").field("www-authenticate") == "Bearer");
    const auto forbidden = ask("DELETE", "Bearer short-lived");
    CHECK(forbidden.status == 403);
    CHECK(text_member(forbidden, "code") == "FORBIDDEN");
    CHECK(forbidden.field("www-authenticate").empty());
    expires = std::chrono::steady_clock::now();
    const auto late = ask("GET", "Bearer short-lived");
    CHECK(late.status == 401);
    CHECK(late.field("www-authenticate") == "Bearer error=\"invalid_token\"");
    CHECK(text_member(late, "error") == "expired");
}

TEST_CASE("local cloud: a client must show a certificate of the named authority, if one is named") {
    const auto server = make_self_signed();
    const auto authority = local::CertificateAuthority::create();
    const auto elsewhere = local::CertificateAuthority::create();
    REQUIRE((authority && elsewhere));
    const auto friendly = authority->issue_client("worker");
    const auto stranger = elsewhere->issue_client("worker");
    const auto another_server = authority->issue({"localhost"});  // of the authority, but no client
    REQUIRE((friendly && stranger && another_server));
    std::string subject;
    local::CloudOptions options;
    options.tls = local::TlsIdentity{.certificate_chain = server.certificate, .private_key = Secret{server.key}};
    options.client_ca = authority->certificate();
    options.authorize = [&](const local::ServerRequest& head) -> std::optional<local::Denial> {
        subject = head.client_subject;
        return std::nullopt;
    };
    Lab lab{options};
    const auto ask = [&](const local::Certificate* client) -> unsigned {
        asio::ssl::context tls{asio::ssl::context::tls_client};
        tls.add_certificate_authority(asio::buffer(server.certificate));
        tls.set_verify_mode(asio::ssl::verify_peer);
        if (client != nullptr) {
            tls.use_certificate_chain(asio::buffer(client->certificate));
            const auto key = client->private_key.reveal();
            tls.use_private_key(asio::buffer(key.data(), key.size()), asio::ssl::context::pem);
        }
        HttpClient connection{lab.io, lab.cloud.url(), &tls};
        const auto failed = wait_for<boost::system::error_code>(lab.io, connection.handshake());
        if (failed) return 0;
        try {
            return wait_for<HttpReply>(lab.io, connection.exchange({.target = "/api/functions"})).status;
        } catch (const std::exception&) {
            return 0;  // with TLS 1.3 the client hears of the refusal after its handshake
        }
    };
    CHECK(ask(&*friendly) == 200);
    CHECK(subject == "CN=worker");
    CHECK(ask(nullptr) == 0);
    CHECK(ask(&*stranger) == 0);
    CHECK(ask(&*another_server) == 0);
    CHECK(lab.cloud.stats().requests == 1);

    local::CloudOptions plain;
    plain.client_ca = authority->certificate();
    asio::io_context io;
    local::Cloud refused{io, plain};
    CHECK(!refused.start().has_value());
    options.client_ca = "no certificate";
    local::Cloud broken{io, options};
    const auto started = broken.start();
    REQUIRE(!started.has_value());
    CHECK(started.error().message.find("client CA") != std::string::npos);
}

TEST_CASE("local cloud: a body that drips is not waited for") {
    local::CloudOptions options;
    options.limits.stall = 300ms;
    options.limits.body_bytes_per_second = 1000;
    Lab lab{options};
    lab.deploy_loop("job0", loop_echo);
    HttpClient client{lab.io, lab.cloud.url()};
    wait_for(lab.io, client.write("POST /api/functions/job0/invoke HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                                  "application/json\r\nContent-Length: 5000\r\n\r\n"));
    bool over = false;
    const auto began = std::chrono::steady_clock::now();
    const auto drip = [](HttpClient& to, bool& done) -> asio::awaitable<void> {
        asio::steady_timer pause{co_await asio::this_coro::executor};
        try {
            for (int i = 0; i < 1000; ++i) {
                co_await to.write(" ");
                pause.expires_after(20ms);  // far more often than `stall`, far slower than the rate
                co_await pause.async_wait(asio::use_awaitable);
            }
        } catch (const std::exception&) {
        }
        done = true;
    };
    asio::co_spawn(lab.io, drip(client, over), asio::detached);
    lab.until([&] { return lab.cloud.stats().open_connections == 0; });
    CHECK(std::chrono::steady_clock::now() - began < 5s);
    lab.until([&] { return over; });
}

}  // namespace invoke_test
