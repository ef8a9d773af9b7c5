#include "lab.hpp"
#include "support/raw_zip.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace contract_test {

using namespace blueprint::faas;
using namespace blueprint::faas::test;

namespace {

std::string json_array(const std::string& bytes) {
    std::string text;
    detail::append_json_bytes(text, detail::bytes_of(bytes));
    return text;
}

std::string some_bytes(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + i / 256);
    return bytes;
}

}  // namespace

TEST_CASE("local cloud: deploy, get, health, invoke, undeploy, get work in order") {
    Lab lab;
    const auto deployed = lab.deploy("job0", script_package(echo_script));
    REQUIRE_MESSAGE(deployed.status == 201, deployed.body);
    CHECK(text_member(deployed, "status") == "deployed");
    CHECK(text_member(lab.get("/api/functions/job0"), "function_id") == "job0");
    CHECK(text_member(lab.get("/api/functions/job0/health"), "status") == "healthy");
    CHECK(json_of(lab.get("/api/functions/job0/health")).at("last_invocation").is_null());

    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{256}, std::size_t{1} << 20}) {
        CAPTURE(size);
        const auto bytes = some_bytes(size);
        const auto reply = lab.invoke("job0", json_array(bytes));
        CHECK((result_text(reply) == bytes));
        const auto json = size > 1000 ? boost::json::object{} : json_of(reply);
        if (size <= 1000) {
            CHECK(json.at("success").as_bool());
            CHECK(json.at("job_id").as_int64() == 0);
            CHECK(json.at("execution_ms").as_int64() >= 1);
            CHECK(json.at("cold_start").as_bool());
        }
    }
    const auto health = json_of(lab.get("/api/functions/job0/health"));
    CHECK(health.at("total_invocations").as_int64() == 4);
    CHECK(health.at("last_invocation").is_string());

    CHECK(lab.ask({.method = "DELETE", .target = "/api/functions/job0"}).status == 204);
    CHECK(lab.get("/api/functions/job0").status == 404);
    CHECK(lab.get("/api/functions/job0/health").status == 404);
    CHECK(lab.invoke("job0").status == 404);
    CHECK(lab.ask({.method = "DELETE", .target = "/api/functions/job0"}).status == 404);
    CHECK(lab.packages_on_disk() == 0);
    CHECK(lab.private_directories() == 0);
}

TEST_CASE("local cloud: an existing function is replaced only with If-Match") {
    Lab lab;
    CHECK(lab.deploy("job0", script_package(echo_script), {}, {{"If-Match", "*"}}).status == 412);
    lab.deploy_script("job0", echo_script);
    const auto package = script_package("cat > /dev/null; echo '{\"result\":[2]}'");
    CHECK(lab.deploy("job0", package).status == 409);
    CHECK(lab.deploy("job0", package, {}, {{"If-None-Match", "*"}}).status == 409);
    CHECK(result_text(lab.invoke("job0", "[9]")) == "\x09");
    const auto replaced = lab.deploy("job0", package, {}, {{"If-Match", "*"}, {"X-Blueprint-Revision", "r2"}});
    CHECK(replaced.status == 200);
    CHECK(text_member(replaced, "revision") == "r2");
    CHECK(text_member(lab.get("/api/functions/job0"), "revision") == "r2");
    CHECK(result_text(lab.invoke("job0", "[9]")) == "\x02");
    CHECK(lab.deploy("job0", package, {}, {{"If-Match", "\"r1\""}}).status == 412);
    CHECK(lab.deploy("job0", package, {}, {{"If-Match", "\"r2\""}}).status == 200);
    CHECK(lab.packages_on_disk() == 1);
}

TEST_CASE("local cloud: a failed replacement leaves the old function in service") {
    Lab lab;
    lab.deploy_script("job0", echo_script);
    CHECK(lab.deploy("job0", "no zip at all", {}, {{"If-Match", "*"}}).status == 400);
    CHECK(result_text(lab.invoke("job0", "[65]")) == "A");
    CHECK(lab.packages_on_disk() == 1);
}

TEST_CASE("local cloud: a running invocation ends on the old package, later ones start on the new") {
    Lab lab;
    ZipWriter writer;
    const std::string script =
        "#!/bin/sh\ncat > /dev/null; touch \"$STARTED\"; while [ ! -e \"$GO\" ]; do sleep 0.02; done; "
        "printf '{\"result\":[%s]}' $(cat number)\n";
    REQUIRE(writer.add("bootstrap", detail::bytes_of(script), 0755).has_value());
    REQUIRE(writer.add("number", detail::bytes_of("49"), 0644).has_value());
    const auto zip = writer.finish();
    const auto go = (lab.data / "go").string();
    const auto begun = (lab.data / "begun").string();
    const auto config = R"({"env_vars":{"GO":")" + go + R"(","STARTED":")" + begun + "\"}}";
    REQUIRE(lab.deploy("job0", std::string{detail::text_of(zip)}, config).status == 201);

    HttpClient client{lab.io, lab.cloud.url()};
    std::optional<HttpReply> first;
    asio::co_spawn(lab.io, client.exchange(Lab::call("job0")),
                   [&](std::exception_ptr, HttpReply reply) { first = std::move(reply); });
    lab.until([&] { return std::filesystem::exists(begun); });
    REQUIRE(lab.deploy("job0", script_package("cat > /dev/null; echo '{\"result\":[50]}'"), {}, {{"If-Match", "*"}})
                .status == 200);
    CHECK(result_text(lab.invoke("job0")) == "2");
    CHECK(lab.packages_on_disk() == 2);
    REQUIRE(!first.has_value());
    REQUIRE(std::system(("touch '" + go + "'").c_str()) == 0);
    lab.until([&] { return first.has_value(); });
    CHECK(result_text(*first) == "1");
    lab.until([&] { return lab.packages_on_disk() == 1; });
}

TEST_CASE("H3: .. as a function id is refused") {
    Lab lab;
    for (const std::string id : {"..", "a/b", "%2e%2e", "%2E%2E", "a%2fb", "..%2f..", "", ".", "a.b", "-a", "_a",
                                 "a%00", "%", "a%2", "job0/", "../functions/job0"}) {
        CAPTURE(id);
        for (const std::string part : {"", "/invoke", "/health", "/warm"}) {
            CAPTURE(part);
            for (const std::string method : {"PUT", "GET", "POST", "DELETE"})
                CHECK(lab.ask({.method = method, .target = "/api/functions/" + id + part}).status == 400);
        }
    }
    CHECK(lab.get("/api/functions/" + std::string(65, 'a')).status == 400);
    CHECK(lab.get("/api/functions/" + std::string(64, 'a')).status == 404);
    CHECK(lab.get("/api/functions/j%6Fb0").status == 404);  // the same as job0, which is absent
    CHECK(lab.packages_on_disk() == 0);
}

TEST_CASE("H3: a broken configuration is refused") {
    Lab lab;
    const auto package = script_package(echo_script);
    for (const std::string config : {R"({"memory_mb":127})",
                                     R"({"memory_mb":10241})",
                                     R"({"memory_mb":"512"})",
                                     R"({"memory_mb":512.5})",
                                     R"({"memory_mb":null})",
                                     R"({"memory_mb":-512})",
                                     R"({"timeout_secs":0})",
                                     R"({"timeout_secs":901})",
                                     R"({"max_concurrency":0})",
                                     R"({"max_concurrency":1001})",
                                     R"({"max_concurrency":null})",
                                     R"({"keep_warm":-1})",
                                     R"({"keep_warm":65})",
                                     R"({"keep_warm":2,"max_concurrency":1})",
                                     R"({"env_vars":[]})",
                                     R"({"env_vars":{"A":1}})",
                                     R"({"env_vars":{"1A":"x"}})",
                                     R"({"env_vars":{"A-B":"x"}})",
                                     R"({"env_vars":{"":"x"}})",
                                     R"({"env_vars":{"BLUEPRINT_X":"x"}})",
                                     R"({"env_vars":{"A":"\u0000"}})",
                                     R"({"package_sha256":"00"})",
                                     R"({"package_sha256":7})",
                                     "[]",
                                     "7",
                                     "{",
                                     "{} {}"}) {
        CAPTURE(config);
        const auto reply = lab.deploy("job0", package, config);
        CHECK(reply.status == 400);
        CHECK(text_member(reply, "code") == "BAD_REQUEST");
        CHECK(!text_member(reply, "error").empty());
    }
    for (const std::string header : {"e30", "e30\t", "====", "not base64!", "eyB9", "e30=="}) {
        CAPTURE(header);
        const auto reply = lab.deploy("job0", package, {}, {{"X-Blueprint-Config", header}});
        CHECK(reply.status == (header == "eyB9" || header == "e30\t" ? (header == "eyB9" ? 201U : 400U) : 400U));
    }
    CHECK(lab.ask({.method = "DELETE", .target = "/api/functions/job0"}).status == 204);
    const auto too_long = lab.deploy("job0", package, {}, {{"X-Blueprint-Config", std::string(8193, 'A')}});
    CHECK(too_long.status == 431);
    CHECK(text_member(too_long, "code") == "HEADER_TOO_LARGE");
    CHECK(lab.get("/api/functions/job0").status == 404);
    CHECK(lab.packages_on_disk() == 0);
}

TEST_CASE("H3: memory, timeout and endpoint are the real ones") {
    local::CloudOptions options;
    options.host_names = {"cloud.example"};
    Lab lab{options};
    const auto script =
        std::string{telling} + "{ ulimit -d; echo $BLUEPRINT_MEMORY_MB $BLUEPRINT_FUNCTION_ID; } | tell";
    const auto reply = lab.deploy("job7", script_package(script), R"({"memory_mb":130,"timeout_secs":7})",
                                  {{"Host", "cloud.example:81"}});
    REQUIRE(reply.status == 201);
    const auto json = json_of(reply);
    CHECK(json.at("memory_mb").as_int64() == 192);
    CHECK(json.at("timeout_secs").as_int64() == 7);
    CHECK(text_member(reply, "endpoint") == "http://cloud.example:81/api/functions/job7/invoke");
    const auto later = lab.get("/api/functions/job7");
    CHECK(text_member(later, "endpoint") == lab.cloud.url() + "/api/functions/job7/invoke");
    CHECK(result_text(lab.invoke("job7")) == "196608\n192 job7\n");
}

TEST_CASE("local cloud: a damaged upload is refused") {
    Lab lab;
    const auto package = script_package(echo_script);
    const auto reply = lab.deploy("job0", package, "{\"package_sha256\":\"" + std::string(64, 'a') + "\"}");
    CHECK(reply.status == 400);
    CHECK(lab.get("/api/functions/job0").status == 404);
}

TEST_CASE("local cloud: each bad zip is refused and leaves nothing on disk") {
    local::CloudOptions options;
    options.limits.unpacked_bytes = 1U << 20;
    options.limits.package_bytes = 2U << 20;
    Lab lab{options};
    const auto zip = [](std::vector<RawEntry> entries) {
        const auto bytes = build({.entries = std::move(entries)});
        return std::string{detail::text_of(bytes)};
    };
    auto link = stored("lib", "/etc/passwd");
    link.mode = 0120777;
    auto encrypted = stored("bootstrap", "#!/bin/sh\n");
    encrypted.flags = 1;
    auto squeezed = stored("bootstrap", "#!/bin/sh\n");
    squeezed.method = 12;
    auto wrong_size = stored("bootstrap", "#!/bin/sh\n");
    wrong_size.local_size = 4;
    const auto good = stored("bootstrap", "#!/bin/sh\n");
    struct Case {
        std::string name, body;
        unsigned status = 400;
    };
    for (const auto& [name, body, status] :
         std::vector<Case>{{"garbage", "this is no zip"},
                           {"half", script_package(echo_script).substr(0, 60)},
                           {"no bootstrap", zip({stored("other", "x")})},
                           {"bootstrap elsewhere", zip({stored("bin/bootstrap", "x")})},
                           {"bootstrap is a directory", zip({directory("bootstrap/")})},
                           {"dots", zip({good, stored("../escaped", "x")})},
                           {"absolute", zip({good, stored("/tmp/escaped", "x")})},
                           {"backslash", zip({good, stored("a\\b", "x")})},
                           {"drive", zip({good, stored("C:/x", "x")})},
                           {"NUL", zip({good, stored(std::string{"a\0b", 3}, "x")})},
                           {"link", zip({good, link})},
                           {"twice", zip({good, good})},
                           {"encrypted", zip({encrypted})},
                           {"method", zip({squeezed})},
                           {"sizes", zip({wrong_size})},
                           {"unpacked too large", zip({good, stored("large", std::string((1U << 20) + 1, 'x'))}), 413},
                           {"packed too large", std::string((2U << 20) + 1, 'x'), 413}}) {
        CAPTURE(name);
        const auto reply = lab.deploy("job0", body);
        CHECK_MESSAGE(reply.status == status, reply.body);
        CHECK(text_member(reply, "code") == (status == 413 ? "TOO_LARGE" : "BAD_REQUEST"));
        CHECK(lab.packages_on_disk() == 0);
        CHECK(lab.get("/api/functions/job0").status == 404);
    }
    CHECK(!std::filesystem::exists("/tmp/escaped"));
}

TEST_CASE("local cloud: bytes travel as numbers, as Base64 and bare") {
    Lab lab;
    lab.deploy_script("job0", echo_script);
    CHECK(text_member(lab.invoke("job0", R"("aGk=")", {{"X-Blueprint-Bytes", "base64"}}), "result") == "aGk=");
    CHECK(result_text(lab.invoke("job0", R"("aGk=")")) == "hi");
    HttpAsk bare{.method = "POST", .target = "/api/functions/job0/invoke", .body = some_bytes(1000)};
    bare.fields = {{"Content-Type", "application/octet-stream"}, {"X-Blueprint-Job-Id", "4294967295"}};
    const auto reply = lab.ask(bare);
    CHECK(reply.status == 200);
    CHECK(reply.field("content-type") == "application/octet-stream");
    CHECK((reply.body == some_bytes(1000)));
    CHECK(std::stoi(reply.field("x-blueprint-execution-ms")) >= 1);
    CHECK(reply.field("x-blueprint-cold-start") == "true");

    for (const std::string args : {"[256]", "[-1]", "[1.5]", "[1e2]", "[null]", "\"a\"", "{}", "null", "[1"}) {
        CAPTURE(args);
        CHECK(lab.invoke("job0", args).status == 400);
    }
    for (const std::string body :
         {"", "{}", R"({"args":[]})", R"({"job_id":0})", R"({"job_id":-1,"args":[]})",
          R"({"job_id":4294967296,"args":[]})", R"({"job_id":"0","args":[]})", "[]", R"({"job_id":0,"args":[]}x)"}) {
        CAPTURE(body);
        CHECK(lab.ask({.method = "POST",
                       .target = "/api/functions/job0/invoke",
                       .fields = {{"Content-Type", "application/json"}},
                       .body = body})
                  .status == 400);
    }
    for (const std::string id : {"", "-1", "4294967296", "x", "1 "}) {
        CAPTURE(id);
        bare.fields = {{"Content-Type", "application/octet-stream"}, {"X-Blueprint-Job-Id", id}};
        CHECK(lab.ask(bare).status == (id == "1 " ? 200U : 400U));  // HTTP takes the space at the end away
    }
    bare.fields = {{"Content-Type", "text/plain"}};
    CHECK(lab.ask(bare).status == 415);
    CHECK(lab.invoke("job0", "[]", {{"X-Blueprint-Timeout-Ms", "soon"}}).status == 400);
    bare.fields = {
        {"Content-Type", "application/octet-stream"}, {"X-Blueprint-Job-Id", "0"}, {"Content-Length", "6291457"}};
    bare.body.clear();
    CHECK(lab.ask(bare).status == 413);
}

TEST_CASE("local cloud: the function is told job, arguments and context") {
    Lab lab;
    lab.deploy_script("job0", "line=$(cat); printf '%s' \"$line\" | { " +
                                  std::string{telling}.substr(0, telling.find("cat >")) + " tell; }");
    const auto reply = lab.invoke("job0", "[1,2]", {{"X-Request-Id", "req-1"}, {"traceparent", "00-a-b-01"}});
    CHECK(reply.field("x-request-id") == "req-1");
    boost::system::error_code failed;
    const auto seen = boost::json::parse(result_text(reply), failed).as_object();
    CHECK(seen.at("job_id").as_int64() == 0);
    CHECK(seen.at("args").as_array().size() == 2);
    const auto& context = seen.at("context").as_object();
    CHECK(context.at("request_id").as_string() == "req-1");
    CHECK(context.at("traceparent").as_string() == "00-a-b-01");
    const auto now =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    CHECK(context.at("deadline_ms").as_int64() > now);
    CHECK(context.at("deadline_ms").as_int64() <= now + 300'000);
}

TEST_CASE("local cloud: only what is implemented is announced") {
    Lab lab;
    const auto json = json_of(lab.get("/api/platform"));
    CHECK(json.at("spec").as_string() == "1.1");
    const boost::json::array features{"replace", "base64",      "binary",     "async",
                                      "list",    "idempotency", "warm-count", "loop"};
    CHECK(json.at("features") == features);
    const auto& limits = json.at("limits").as_object();
    CHECK(limits.at("request_bytes").as_int64() == 6 << 20);
    CHECK(limits.at("function_concurrency").as_int64() == 1000);
    CHECK(limits.at("account_concurrency").as_int64() == 2000);
    CHECK(limits.at("idempotency_secs").as_int64() == 86400);
    CHECK(json_of(lab.get("/api/functions")).at("functions").as_array().empty());
    lab.deploy_script("b", echo_script);
    lab.deploy_script("a", echo_script);
    const auto all = json_of(lab.get("/api/functions")).at("functions").as_array();
    REQUIRE(all.size() == 2);
    CHECK(all[0].at("function_id").as_string() == "a");
}

TEST_CASE("local cloud: strictly 1.0 it knows neither replacing nor describing") {
    local::CloudOptions options;
    options.strict_1_0 = true;
    Lab lab{options};
    lab.deploy_script("job0", echo_script);
    CHECK(lab.deploy("job0", script_package(echo_script), {}, {{"If-Match", "*"}}).status == 409);
    CHECK(lab.get("/api/platform").status == 404);
    CHECK(lab.get("/api/functions").status == 404);
    CHECK(result_text(lab.invoke("job0", "[65]", {{"X-Blueprint-Bytes", "base64"}})) == "A");
    CHECK(json_of(lab.invoke("job0", "[65]", {{"X-Blueprint-Bytes", "base64"}})).at("result").is_array());
}

TEST_CASE("local cloud: unknown paths, wrong methods and media are told apart") {
    Lab lab;
    lab.deploy_script("job0", echo_script);
    CHECK(lab.get("/").status == 404);
    CHECK(lab.get("/api").status == 404);
    CHECK(text_member(lab.get("/api/functionsx"), "code") == "NOT_FOUND");
    const std::vector<std::array<std::string, 3>> wrong{{"POST", "/api/functions/job0", "DELETE, GET, PUT"},
                                                        {"GET", "/api/functions/job0/invoke", "POST"},
                                                        {"POST", "/api/functions/job0/health", "GET"},
                                                        {"PUT", "/api/functions/job0/warm", "POST"},
                                                        {"DELETE", "/api/functions", "GET"},
                                                        {"OPTIONS", "/api/platform", "GET"}};
    for (const auto& [method, target, allow] : wrong) {
        CAPTURE(target);
        const auto reply = lab.ask({.method = method, .target = target});
        CHECK(reply.status == 405);
        CHECK(reply.field("allow") == allow);
        CHECK(text_member(reply, "code") == "NOT_SUPPORTED");
    }
    const auto form = lab.ask({.method = "PUT",
                               .target = "/api/functions/job1",
                               .fields = {{"Content-Type", "multipart/form-data; boundary=x"}},
                               .body = "--x--"});
    CHECK(form.status == 415);
    CHECK(text_member(form, "function_id") == "job1");
    CHECK(json_of(form).at("details").at("function_id").as_string() == "job1");
}

}  // namespace contract_test
