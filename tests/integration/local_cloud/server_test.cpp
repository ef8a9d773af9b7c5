#include "lab.hpp"
#include "support/self_signed.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/use_future.hpp>
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <utility>
#include <vector>

namespace server_test {

using namespace blueprint::faas;
using namespace blueprint::faas::test;

TEST_CASE("local cloud: without a known bearer token nothing is answered and no body is read") {
    local::CloudOptions options;
    options.bearer_tokens = {"first", "second"};
    Lab lab{options};
    for (const std::string target : {"/api/functions", "/api/functions/..", "/elsewhere"}) {
        CAPTURE(target);
        const auto reply = lab.get(target);
        CHECK(reply.status == 401);
        CHECK(reply.field("www-authenticate") == "Bearer");
        CHECK(text_member(reply, "code") == "UNAUTHORIZED");
    }
    for (const std::string credential :
         {"Bearer third", "Bearer firs", "Bearer firstt", "Bearer ", "Basic first", "first", "Bearerfirst", ""}) {
        CAPTURE(credential);
        CHECK(lab.ask({.target = "/api/functions", .fields = {{"Authorization", credential}}}).status == 401);
    }
    CHECK(lab.ask({.target = "/api/functions", .fields = {{"Authorization", "Bearer first"}}}).status == 200);
    CHECK(lab.ask({.target = "/api/functions", .fields = {{"authorization", "bearer second"}}}).status == 200);
    // The body is announced and never sent: the answer comes all the same.
    const auto reply = lab.ask({.method = "PUT",
                                .target = "/api/functions/job0",
                                .fields = {{"Content-Type", "application/zip"}, {"Content-Length", "50000000"}}});
    CHECK(reply.status == 401);
    CHECK(reply.field("connection") == "close");
}

TEST_CASE("local cloud: without credentials no page in a browser may use it, with one the credential decides") {
    Lab lab;
    for (const std::string page : {"https://example.com", "null", "http://127.0.0.1:80", ""})
        for (const std::string method : {"GET", "POST", "PUT", "DELETE"}) {
            CAPTURE(page);
            CAPTURE(method);
            CHECK(lab.ask({.method = method, .target = "/api/functions", .fields = {{"Origin", page}}}).status == 403);
        }
    CHECK(lab.get("/api/functions").status == 200);

    local::CloudOptions options;
    options.bearer_tokens = {"first"};
    Lab guarded{options};
    const std::pair<std::string, std::string> page{"Origin", "https://example.com"};
    CHECK(guarded.ask({.target = "/api/functions", .fields = {page}}).status == 401);
    CHECK(guarded.ask({.target = "/api/functions", .fields = {page, {"Authorization", "Bearer first"}}}).status == 200);
}

TEST_CASE(
    "local cloud: without credentials it is asked as this machine, and not by a name that somebody made lead here") {
    Lab lab;
    const auto status = [](Lab& of, const std::string& host) {
        return of.ask({.target = "/api/functions", .fields = {{"Host", host}}}).status;
    };
    for (const auto* const host : {"127.0.0.1", "127.0.0.1:4711", "127.8.9.10", "[::1]:4711", "[::1]", "localhost",
                                   "LocalHost:80", "localhost.", "faas.localhost:80"}) {
        CAPTURE(host);
        CHECK(status(lab, host) == 200);
    }
    for (const auto* const host : {"rebound.example", "rebound.example:4711", "127.0.0.1.rebound.example", "10.0.0.1",
                                   "[2001:db8::1]:80", "localhost.example", "notlocalhost", "[", "0.0.0.0", ""}) {
        CAPTURE(host);
        CHECK(status(lab, host) == 403);
    }
    local::CloudOptions named;
    named.host_names = {"Rebound.example"};
    Lab known{named};
    CHECK(status(known, "rebound.EXAMPLE:80") == 200);
    CHECK(status(known, "other.example") == 403);
    local::CloudOptions options;
    options.bearer_tokens = {"first"};
    Lab guarded{options};
    CHECK(guarded
              .ask({.target = "/api/functions",
                    .fields = {{"Host", "rebound.example"}, {"Authorization", "Bearer first"}}})
              .status == 200);
}

TEST_CASE("local cloud: what a platform gives to everybody, or for a secret that is none, no page in a browser gets") {
    struct Row {
        std::string_view what;
        std::string url;
        HttpAsk ask;
    };
    const auto all_of = [](local::Cloud& cloud) {
        return std::vector<Row>{
            {"aws, metadata", cloud.aws_url(), {.method = "PUT", .target = "/latest/api/token"}},
            {"aws, web identity", cloud.aws_url(), {.method = "POST", .target = "/"}},
            {"aws, signed", cloud.aws_url(), {.target = "/2015-03-31/functions/"}},
            {"gcp, metadata", cloud.gcp_url(), {.target = "/computeMetadata/v1/instance/zone"}},
            {"gcp, sts", cloud.gcp_url(), {.method = "POST", .target = "/v1/token"}},
            {"azure, metadata", cloud.azure_url(), {.target = "/metadata/identity/oauth2/token"}},
            {"azure, login", cloud.azure_url(), {.method = "POST", .target = "/common/oauth2/v2.0/token"}},
            {"digitalocean", cloud.digitalocean_url(), {.target = "/v2/functions/namespaces"}},
            {"openwhisk", cloud.openwhisk_url(), {.target = "/api/v1/namespaces"}},
        };
    };
    const auto refused = [](Lab& lab, const Row& row, std::string name, std::string value) {
        HttpAsk ask = row.ask;
        ask.fields.emplace_back(std::move(name), std::move(value));
        HttpClient client{lab.io, row.url};
        auto exchange = client.exchange(std::move(ask));
        const auto reply = wait_for<HttpReply>(lab.io, std::move(exchange));
        return reply.status == 403 && reply.body.find("what needs no credential") != std::string::npos;
    };
    local::CloudOptions options;
    options.host_names = {"named.example"};
    options.aws.emplace().keys = {{"local", Secret{"local"}}};
    options.gcp.emplace().identities.push_back({.audience = "anything"});
    options.azure.emplace().applications.push_back({.client_id = "local", .secrets = {Secret{"local"}}});
    options.digitalocean.emplace();
    options.openwhisk.emplace();
    Lab open{options};
    for (const auto& row : all_of(open.cloud)) {
        CAPTURE(row.what);
        CHECK(refused(open, row, "Host", "rebound.example"));
        CHECK(refused(open, row, "Origin", "http://localhost:8080"));
        CHECK_FALSE(refused(open, row, "Host", "localhost:8080"));
        CHECK_FALSE(refused(open, row, "Host", "named.example"));
    }

    options.aws->keys = {{"local", Secret{"not its name"}}};
    options.aws->web_identity_tokens = {Secret{"a token"}};
    options.gcp->identities.front().subject_tokens = {Secret{"a token"}};
    options.azure->applications.front().secrets = {Secret{"not its name"}};
    options.digitalocean->tokens = {Secret{"a token"}};
    options.openwhisk->users.push_back({.user = "somebody", .password = Secret{"something"}});
    Lab closed{options};
    for (const auto& row : all_of(closed.cloud)) {
        CAPTURE(row.what);
        const bool metadata = row.what.ends_with("metadata");  // it gives to everybody all the same
        CHECK(refused(closed, row, "Host", "rebound.example") == metadata);
        CHECK(refused(closed, row, "Origin", "http://localhost:8080") == metadata);
    }
}

TEST_CASE("local cloud: its directories are for their owner alone, whatever the umask") {
    const TemporaryDirectory temporary;
    local::CloudOptions options;
    options.data_directory = temporary / "data";
    const auto before = ::umask(0);
    boost::asio::io_context io;
    local::Cloud cloud{io.get_executor(), options};
    const bool started = cloud.start().has_value();
    ::umask(before);
    REQUIRE(started);
    std::size_t seen = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{options.data_directory}) {
        CAPTURE(entry.path().filename().string());
        const auto others = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
        CHECK(((entry.status().permissions() & others) == std::filesystem::perms::none));
        ++seen;
    }
    CHECK(seen >= 4);  // its own, with the lock, packages and private directories
    CHECK((std::filesystem::status(options.data_directory).permissions() == std::filesystem::perms{0700}));
}

TEST_CASE("local cloud: a refused upload of lawful size is read to its end, and the connection lives on") {
    Lab lab;
    lab.deploy_script("job0", echo_script);
    HttpClient client{lab.io, lab.cloud.url()};
    const HttpAsk upload{.method = "PUT",
                         .target = "/api/functions/job0",
                         .fields = {{"Content-Type", "application/zip"}},
                         .body = std::string(8U << 20, 'x')};
    CHECK(wait_for<HttpReply>(lab.io, client.exchange(upload)).status == 409);
    CHECK(wait_for<HttpReply>(lab.io, client.exchange({.target = "/api/functions/job0"})).status == 200);
}

TEST_CASE("local cloud: one connection serves many requests") {
    Lab lab;
    lab.deploy_script("job0", echo_script);
    const auto before = lab.cloud.stats();
    HttpClient client{lab.io, lab.cloud.url()};
    for (int i = 0; i < 20; ++i)
        CHECK(result_text(wait_for<HttpReply>(lab.io, client.exchange(Lab::call("job0", "[65]")))) == "A");
    CHECK(lab.cloud.stats().connections == before.connections + 1);
    CHECK(lab.cloud.stats().requests == before.requests + 20);
}

TEST_CASE("local cloud: malformed HTTP is answered 400 and loses its connection") {
    Lab lab;
    for (const std::string& bytes :
         {std::string{"hello\r\n\r\n"}, std::string{"GET /\r\n\r\n"}, std::string{"GET / HTTP/1.1\r\n\r\n"},
          std::string{"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n"},
          std::string{"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"},
          std::string{"GET / HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n"},
          std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15),
          std::string{
              "POST /api/functions/a/warm HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}}) {
        CAPTURE(bytes);
        HttpClient client{lab.io, lab.cloud.url()};
        wait_for(lab.io, client.write(bytes));
        const auto answer = wait_for<std::string>(lab.io, client.read_to_end());
        CHECK(answer.substr(0, 13) == "HTTP/1.1 400 ");
        CHECK(answer.find("Connection: close") != std::string::npos);
        CHECK(answer.find("BAD_REQUEST") != std::string::npos);
    }
    CHECK(lab.get("/api/functions").status == 200);
}

TEST_CASE("local cloud: a head beyond 64 KiB is answered 431") {
    Lab lab;
    const auto reply = lab.ask({.target = "/api/functions", .fields = {{"X-Long", std::string(70'000, 'x')}}});
    CHECK(reply.status == 431);
    CHECK(text_member(reply, "code") == "HEADER_TOO_LARGE");
    CHECK(lab.ask({.target = "/api/functions", .fields = {{"X-Long", std::string(60'000, 'x')}}}).status == 200);
}

TEST_CASE("local cloud: chunked bodies are taken, and counted") {
    local::CloudOptions options;
    options.limits.request_bytes = 100;
    Lab lab{options};
    lab.deploy_script("job0", echo_script);
    const std::string head =
        "POST /api/functions/job0/invoke HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
        "application/json\r\nTransfer-Encoding: "
        "chunked\r\n\r\n";
    HttpClient client{lab.io, lab.cloud.url()};
    wait_for(lab.io, client.write(head + "d\r\n{\"job_id\":0, \r\nc\r\n\"args\":[65]}\r\n0\r\n\r\n"));
    CHECK(result_text(wait_for<HttpReply>(lab.io, client.read_reply())) == "A");
    wait_for(lab.io, client.write(head + "65\r\n" + std::string(101, ' ') + "\r\n0\r\n\r\n"));
    const auto reply = wait_for<HttpReply>(lab.io, client.read_reply());
    CHECK(reply.status == 413);
    CHECK(reply.field("connection") == "close");
}

TEST_CASE("local cloud: a chunked body may come byte by byte, with trailers too") {
    Lab lab;
    HttpClient client{lab.io, lab.cloud.url()};
    const std::string head = "GET /api/functions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const std::string rest : {"0\r\n\r\n", "0\r\na: b\r\n\r\n"}) {
        CAPTURE(rest);
        wait_for(lab.io, client.write(head));
        for (const char c : rest) {
            wait_for(lab.io, client.write({c}));
            while (lab.io.poll() != 0) {
            }
        }
        CHECK(wait_for<HttpReply>(lab.io, client.read_reply()).status == 200);
    }
}

TEST_CASE("local cloud: two requests in one packet are answered in order") {
    Lab lab;
    HttpClient client{lab.io, lab.cloud.url()};
    wait_for(lab.io,
             client.write("GET /api/functions HTTP/1.1\r\nHost: localhost\r\n\r\nGET /api/platform HTTP/1.1\r\nHost: "
                          "localhost\r\nConnection: close\r\n\r\n"));
    CHECK(wait_for<HttpReply>(lab.io, client.read_reply()).body == "{\"functions\":[]}");
    CHECK(json_of(wait_for<HttpReply>(lab.io, client.read_reply())).contains("spec"));
    CHECK(wait_for<std::string>(lab.io, client.read_to_end()).empty());
}

TEST_CASE("local cloud: silent and stalling connections are closed") {
    local::CloudOptions options;
    options.limits.idle = 100ms;
    options.limits.stall = 200ms;
    Lab lab{options};
    for (const std::string start : {"", "GET /api/fun",
                                    "PUT /api/functions/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                                    "application/zip\r\nContent-Length: 10\r\n\r\nabc"}) {
        CAPTURE(start);
        HttpClient client{lab.io, lab.cloud.url()};
        const auto began = std::chrono::steady_clock::now();
        if (!start.empty()) wait_for(lab.io, client.write(start));
        CHECK(wait_for<std::string>(lab.io, client.read_to_end()).empty());
        CHECK(std::chrono::steady_clock::now() - began < 5s);
    }
    lab.until([&] { return lab.cloud.stats().open_connections == 0; });
}

TEST_CASE("local cloud: further clients wait while all connections are taken") {
    local::CloudOptions options;
    options.limits.connections = 1;
    Lab lab{options};
    HttpClient first{lab.io, lab.cloud.url()};
    CHECK(wait_for<HttpReply>(lab.io, first.exchange({.target = "/api/functions"})).status == 200);
    HttpClient second{lab.io, lab.cloud.url()};
    std::optional<HttpReply> reply;
    asio::co_spawn(lab.io, second.exchange({.target = "/api/functions"}),
                   [&](std::exception_ptr, HttpReply answer) { reply = std::move(answer); });
    lab.io.restart();
    lab.io.run_for(100ms);
    CHECK(!reply.has_value());
    first.close();
    lab.until([&] { return reply.has_value(); });
    CHECK(reply->status == 200);
}

TEST_CASE("local cloud: TLS serves the same, and its endpoints say https") {
    const auto identity = make_self_signed();
    local::CloudOptions options;
    options.tls = local::TlsIdentity{.certificate_chain = identity.certificate, .private_key = identity.key};
    Lab lab{options};
    CHECK(lab.cloud.url().substr(0, 18) == "https://127.0.0.1:");
    asio::ssl::context trust{asio::ssl::context::tls_client};
    trust.add_certificate_authority(asio::buffer(identity.certificate));
    trust.set_verify_mode(asio::ssl::verify_peer);
    HttpClient client{lab.io, lab.cloud.url(), &trust};
    REQUIRE(!wait_for<boost::system::error_code>(lab.io, client.handshake()));
    const HttpAsk upload{.method = "PUT",
                         .target = "/api/functions/job0",
                         .fields = {{"Content-Type", "application/zip"}},
                         .body = script_package(echo_script)};
    const auto deployed = wait_for<HttpReply>(lab.io, client.exchange(upload));
    CHECK(deployed.status == 201);
    CHECK(text_member(deployed, "endpoint") == lab.cloud.url() + "/api/functions/job0/invoke");
    std::string args = "[0";
    for (int i = 0; i < 300'000; ++i) args += ",1";
    CHECK(result_text(wait_for<HttpReply>(lab.io, client.exchange(Lab::call("job0", args + "]")))).size() == 300'001);
    // Plain HTTP to the TLS port ends without harm.
    HttpClient plain{lab.io, lab.cloud.url()};
    wait_for(lab.io, plain.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    wait_for<std::string>(lab.io, plain.read_to_end());
    CHECK(wait_for<HttpReply>(lab.io, client.exchange({.target = "/api/functions"})).status == 200);
}

TEST_CASE("local cloud: what it cannot or should not do is refused at the start") {
    asio::io_context io;
    const auto refused = [&](local::CloudOptions options) {
        local::Cloud cloud{io, std::move(options)};
        const auto started = cloud.start();
        REQUIRE(started.has_error());
        return started.error();
    };
    CHECK(refused({.listen_address = "localhost"}).message.find("IP address") != std::string::npos);
    CHECK(refused({.listen_address = "0.0.0.0"}).message.find("beyond loopback") != std::string::npos);
    CHECK(refused({.listen_address = "0.0.0.0", .allow_non_loopback = true}).message.find("without TLS") !=
          std::string::npos);
    CHECK(refused({.data_directory = "/proc/nowhere"}).message.find("data directory") != std::string::npos);
    CHECK(refused({.tls = local::TlsIdentity{.certificate_chain = "x", .private_key = "y"}})
              .message.find("certificate chain") != std::string::npos);
    const auto one = make_self_signed();
    const auto other = make_self_signed();
    const auto mixed =
        refused({.tls = local::TlsIdentity{.certificate_chain = one.certificate, .private_key = other.key}});
    CHECK((mixed.code == errc::invalid_configuration));
    CHECK(local::TlsIdentity::from_files("/nowhere/chain", "/nowhere/key").error().message.find("/nowhere/chain") !=
          std::string::npos);
    Lab lab;
    const auto port = static_cast<std::uint16_t>(std::stoul(lab.cloud.url().substr(lab.cloud.url().rfind(':') + 1)));
    CHECK(refused({.port = port}).message.find("cannot bind") != std::string::npos);
}

TEST_CASE("local cloud: stopping answers who waits, ends the children and removes the files") {
    Lab lab;
    lab.deploy_script("job0", "trap '' TERM; sleep 100", R"({"keep_warm":2})");
    HttpClient client{lab.io, lab.cloud.url()};
    std::optional<HttpReply> reply;
    asio::co_spawn(lab.io, client.exchange(Lab::call("job0")),
                   [&](std::exception_ptr, HttpReply answer) { reply = std::move(answer); });
    lab.until([&] { return lab.cloud.stats().processes_started == 3; });
    HttpClient idle{lab.io, lab.cloud.url()};
    CHECK(wait_for<HttpReply>(lab.io, idle.exchange({.target = "/api/functions"})).status == 200);
    wait_for(lab.io, lab.cloud.stop());
    lab.until([&] { return reply.has_value(); });
    CHECK(reply->status == 503);
    CHECK(text_member(*reply, "code") == "UNAVAILABLE");
    CHECK(lab.cloud.stats().processes_alive == 0);
    CHECK(lab.cloud.stats().open_connections == 0);
    CHECK(std::filesystem::is_empty(lab.data.path()));
    CHECK_THROWS(HttpClient{lab.io, lab.cloud.url()});
    wait_for(lab.io, lab.cloud.stop());
}

TEST_CASE("local cloud: a cloud that goes without being stopped takes its children along") {
    asio::io_context io;
    TemporaryDirectory data;
    std::optional<HttpClient> client;
    {
        local::CloudOptions options;
        options.data_directory = data.path();
        local::Cloud cloud{io, options};
        REQUIRE(cloud.start().has_value());
        HttpAsk upload{.method = "PUT",
                       .target = "/api/functions/job0",
                       .fields = {{"Content-Type", "application/zip"}},
                       .body = script_package("sleep 100")};
        client.emplace(io, cloud.url());
        REQUIRE(wait_for<HttpReply>(io, client->exchange(upload)).status == 201);
        asio::co_spawn(io, client->exchange(Lab::call("job0")), asio::detached);
        while (cloud.stats().processes_alive == 0) io.run_one();
    }
    CHECK(std::filesystem::is_empty(data.path()));
    io.restart();
    io.run();  // the client's exchange finds its connection closed; the server's part of it ends quietly
}

TEST_CASE("local cloud: what a killed server left is removed by the next one, a living one's directory is not") {
    TemporaryDirectory data;
    std::filesystem::create_directories(data / "cloud-dead01/packages/0");
    std::ofstream{data / "cloud-dead01/lock"} << "";
    std::filesystem::create_directories(data / "of-somebody-else");
    local::CloudOptions options;
    options.data_directory = data.path();
    Lab first{options};
    Lab second{options};
    CHECK(!std::filesystem::exists(data / "cloud-dead01"));
    CHECK(std::filesystem::exists(data / "of-somebody-else"));
    CHECK(std::filesystem::exists(first.cloud.directory()));
    CHECK(first.cloud.directory() != second.cloud.directory());
}

TEST_CASE("local cloud: the log has a line for each request, without headers and bodies") {
    std::vector<std::string> lines;
    local::CloudOptions options;
    options.log = [&](std::string_view line) { lines.emplace_back(line); };
    options.bearer_tokens = {"hush"};
    Lab lab{options};
    lab.ask({.target = "/api/functions/job0?key=hush", .fields = {{"Authorization", "Bearer hush"}}});
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].substr(0, 28) == "GET /api/functions/job0 404 ");
    CHECK(lines[0].find("hush") == std::string::npos);
}

TEST_CASE("local cloud: an io_context that several threads run serves as one thread does") {
    TemporaryDirectory data;
    asio::io_context server_io;
    local::CloudOptions options;
    options.data_directory = data.path();
    local::Cloud cloud{server_io, options};
    REQUIRE(cloud.start().has_value());
    std::vector<std::thread> threads;
    auto work = asio::make_work_guard(server_io);
    for (int i = 0; i < 2; ++i) threads.emplace_back([&] { server_io.run(); });
    {
        asio::io_context io;
        std::vector<std::unique_ptr<HttpClient>> clients;
        for (int i = 0; i < 4; ++i) clients.push_back(std::make_unique<HttpClient>(io, cloud.url()));
        const HttpAsk upload{.method = "PUT",
                             .target = "/api/functions/job0",
                             .fields = {{"Content-Type", "application/zip"}},
                             .body = script_package(echo_script)};
        CHECK(wait_for<HttpReply>(io, clients[0]->exchange(upload)).status == 201);
        int good = 0;
        const auto calls = [](HttpClient& client, int& counter) -> asio::awaitable<void> {
            for (int i = 0; i < 10; ++i) {
                HttpAsk what = Lab::call("job0", "[65]");
                const HttpReply reply = co_await client.exchange(std::move(what));
                counter += reply.status == 200 ? 1 : 0;
            }
        };
        for (auto& client : clients) asio::co_spawn(io, calls(*client, good), asio::detached);
        io.restart();
        io.run();
        CHECK(good == 40);
        auto stopped = asio::co_spawn(server_io, cloud.stop(), asio::use_future);
        REQUIRE((stopped.wait_for(10s) == std::future_status::ready));
    }
    work.reset();
    for (auto& thread : threads) thread.join();
    CHECK(std::filesystem::is_empty(data.path()));
}

TEST_CASE("local cloud: no descriptor is left behind by what was served") {
    const auto open_descriptors = [] {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"})
            count += entry.path().empty() ? 0 : 1;
        return count;
    };
    Lab lab;
    lab.deploy_script("job0", echo_script);
    lab.deploy_script("crash", "kill -9 $$");
    lab.invoke("job0");
    lab.until([&] { return lab.cloud.stats().open_connections == 0; });
    const auto before = open_descriptors();
    for (int i = 0; i < 10; ++i) {
        lab.invoke("job0");
        lab.invoke("crash");
        lab.deploy("job1", "no zip");
    }
    lab.until([&] { return lab.cloud.stats().open_connections == 0; });
    CHECK(open_descriptors() == before);
}

}  // namespace server_test
