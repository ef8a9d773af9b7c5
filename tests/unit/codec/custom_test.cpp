#include "blueprint/faas/codec/custom.hpp"

#include "fixture.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace custom_test {

using namespace blueprint::faas;
using tests::Custom;
using tests::failed;
using tests::ok;
using tests::run;

TEST_CASE("custom: a call is one POST with the contract's body, and the answer's bytes come back") {
    Custom<> custom;
    custom.script->then(
        200,
        R"({"job_id":3,"result":[25,255,0],"success":true,"execution_ms":45,"memory_used_mb":128,"cold_start":true,"new":{}})");
    const auto done = ok(run(custom.io, custom.executor.invoke_with_metrics(
                                            {.job_id = 3, .args = {1, 2, 255}, .metadata = {{"call-id", "77"}}})));
    CHECK((*done.result.outcome == Bytes{25, 255, 0}));
    CHECK(done.result.job_id == JobId{3});
    CHECK(done.result.metadata.get("call-id") == "77");
    CHECK(done.result.ran_on == "Custom HTTP FaaS");
    CHECK((done.metrics.execution_duration == std::chrono::milliseconds{45}));
    CHECK(done.metrics.memory_used_mib == 128);
    CHECK(done.metrics.cold_start == true);
    CHECK(done.metrics.attempts == 1);
    CHECK_FALSE(done.metrics.billed_duration.has_value());

    REQUIRE(custom.script->seen.size() == 1);
    const auto& seen = custom.script->seen.front();
    CHECK(seen.origin == "https://faas.example.com");
    CHECK(seen.line == "POST /api/functions/job3/invoke");
    CHECK(seen.body == R"({"job_id":3,"args":[1,2,255]})");
    CHECK(seen.headers.get("Content-Type") == "application/json");
    CHECK(seen.headers.get("Authorization") == "Bearer fixed-token");
    CHECK(seen.headers.get("X-Blueprint-Timeout-Ms").has_value());
}

TEST_CASE("custom: Base64 and binary payloads go out as the contract's 1.1 says") {
    Custom<Base64Json> base64;
    base64.script->then(200, R"({"result":"/wA="})");
    CHECK((*ok(base64.invoke({.job_id = 0, .args = {255, 0}})).outcome == Bytes{255, 0}));
    CHECK(base64.script->seen.front().body == R"({"job_id":0,"args":"/wA="})");
    CHECK(base64.script->seen.front().headers.get("X-Blueprint-Bytes") == "base64");

    Custom<Binary> binary;
    Headers headers;
    headers.set("Content-Type", "application/octet-stream");
    headers.set("X-Blueprint-Execution-Ms", "7");
    headers.set("X-Blueprint-Memory-Mb", "64");
    binary.script->then(200, std::string{"\0\xff", 2}, headers);
    const auto done = ok(run(binary.io, binary.executor.invoke_with_metrics({.job_id = 9, .args = {0, 1}})));
    CHECK((*done.result.outcome == Bytes{0, 255}));
    CHECK((done.metrics.execution_duration == std::chrono::milliseconds{7}));
    CHECK(done.metrics.memory_used_mib == 64);
    CHECK(binary.script->seen.front().body == std::string{"\0\x01", 2});
    CHECK(binary.script->seen.front().headers.get("X-Blueprint-Job-Id") == "9");
}

TEST_CASE("custom: whether a call began with a cold start is told by the body, and else by a field of the answer") {
    Custom<> json;
    Custom<Binary> binary;
    const auto told = [](auto& custom, const std::string& body, const std::string& field, const std::string& type) {
        Headers headers;
        headers.set("Content-Type", type);
        if (!field.empty()) headers.set("X-Blueprint-Cold-Start", field);
        custom.script->then(200, body, headers);
        return ok(run(custom.io, custom.executor.invoke_with_metrics({.job_id = 3}))).metrics.cold_start;
    };
    const std::string silent = R"({"result":[1]})";
    const std::string cold = R"({"result":[1],"cold_start":true})";
    const std::string warm = R"({"result":[1],"cold_start":false})";
    struct Row {
        std::string field;
        std::optional<bool> means;
    };
    for (const auto& row : {Row{"true", true}, Row{"false", false}, Row{"", {}}, Row{"maybe", {}}, Row{"TRUE", {}}}) {
        CAPTURE(row.field);
        CHECK(told(json, silent, row.field, "application/json") == row.means);
        CHECK(told(json, cold, row.field, "application/json") == true);
        CHECK(told(json, warm, row.field, "application/json") == false);
        CHECK(told(binary, "bytes", row.field, "application/octet-stream") == row.means);
    }
}

TEST_CASE("H2: addresses are the contract's, whatever slashes the base URL ends with") {
    for (const std::string base : {"https://a.example/f", "https://a.example/f/", "https://a.example/f///"}) {
        CAPTURE(base);
        Custom<> custom{{.base_url = base, .prefix = "team"}};
        custom.script->then(200, R"({"result":[]})");
        ok(custom.invoke({.job_id = 4294967295}));
        custom.script->then(200, R"({"status":"healthy"})");
        ok(run(custom.io, custom.executor.health_check(1)));
        CHECK(custom.script->seen[0].line == "POST /f/api/functions/team-job-4294967295/invoke");
        CHECK(custom.script->seen[1].line == "GET /f/api/functions/team-job-1/health");
    }
}

TEST_CASE("custom: a job's own endpoint is used exactly as written") {
    Custom<> custom{{.base_url = "https://a.example", .job_endpoints = {{JobId{1}, "https://b.example/run/it?x=1"}}}};
    custom.script->then(200, R"({"result":[]})");
    ok(custom.invoke({.job_id = 1}));
    CHECK(custom.script->seen[0].origin == "https://b.example");
    CHECK(custom.script->seen[0].line == "POST /run/it?x=1");
}

TEST_CASE("custom: the bare layout posts to /job/{id} and asks for health with HEAD") {
    Custom<JsonBytes, BareLayout> custom;
    custom.script->then(200, R"({"result":[1]})");
    ok(custom.invoke({.job_id = 5}));
    custom.script->then(405);
    CHECK(ok(run(custom.io, custom.executor.health_check(5))).state == HealthState::healthy);
    custom.script->then(404);
    CHECK(ok(run(custom.io, custom.executor.health_check(5))).state == HealthState::absent);
    CHECK(custom.script->seen[0].line == "POST /job/5");
    CHECK(custom.script->seen[1].line == "HEAD /job/5");
}

TEST_CASE("C4: a job that failed is a function error, whatever the HTTP status") {
    for (const unsigned status : {200U, 400U, 500U}) {
        CAPTURE(status);
        Custom<> custom;
        custom.script->then(status,
                            R"({"success":false,"error":"no square of a negative","code":"NEGATIVE","result":[]})");
        const auto error = failed(custom.invoke({.job_id = 0}));
        CHECK(error.code == errc::function_error);
        CHECK(error.execution == Execution::started);
        CHECK(error.platform_code == "NEGATIVE");
        CHECK(error.message.find("no square of a negative") != std::string::npos);
        CHECK(custom.script->seen.size() == 1);
    }
}

TEST_CASE("custom: an answer without `result` is a failure, not an empty success") {
    const std::string bad[] = {R"({"job_id":0})",
                               R"({"result":null})",
                               R"({"result":[1,256]})",
                               R"({"result":[-1]})",
                               R"({"result":[1.5]})",
                               R"({"result":"not base64!"})",
                               R"({"result":[1],"job_id":1})",
                               R"({"result":[1],"job_id":4294967296})",
                               R"({"result":[1],"success":"yes"})",
                               R"({"result":[1]} trailing)",
                               R"({"result":[1])",
                               "[]",
                               "",
                               "<html>"};
    for (const auto& body : bad) {
        CAPTURE(body);
        Custom<> custom;
        custom.script->then(200, body);
        const auto error = failed(custom.invoke({.job_id = 0}));
        CHECK(error.code == errc::serialization);
        CHECK_FALSE(error.retryable);
        CHECK(custom.script->seen.size() == 1);
    }
    Custom<> page;
    page.script->then(200, "<html>");
    CHECK(
        failed(page.invoke({.job_id = 5})).message.starts_with("the answer to job 5 is not what the contract says: "));
}

TEST_CASE("custom: only who speaks the contract is believed that the job ran") {
    const std::tuple<unsigned, std::string, Execution> rows[] = {
        {200, "<html>Please log in", Execution::unknown},
        {200, "", Execution::unknown},
        {200, R"({"result":[1])", Execution::unknown},
        {200, R"({"job_id":0})", Execution::started},
        {504, "<html>504 Gateway Time-out", Execution::unknown},
        {504, R"({"error":"too slow","code":"TIMEOUT"})", Execution::started}};
    for (const auto& [status, body, execution] : rows) {
        CAPTURE(body);
        Custom<> custom;
        custom.script->then(status, body);
        CHECK((failed(custom.invoke({.job_id = 0})).execution == execution));
        CHECK(custom.script->seen.size() == 1);
    }
}

TEST_CASE("C5: every row of the contract's error table becomes its own error") {
    struct Row {
        unsigned status;
        std::string code;
        errc expected;
        std::size_t requests;  // of an invoke that may not run twice
    };
    const Row rows[] = {{400, "BAD_REQUEST", errc::invalid_configuration, 1},
                        {401, "UNAUTHORIZED", errc::authentication, 1},
                        {403, "FORBIDDEN", errc::authentication, 1},
                        {404, "NOT_FOUND", errc::not_found, 1},
                        {405, "NOT_SUPPORTED", errc::unsupported, 1},
                        {501, "", errc::unsupported, 1},
                        {409, "CONFLICT", errc::conflict, 1},
                        {412, "PRECONDITION_FAILED", errc::conflict, 1},
                        {422, "KEY_REUSED", errc::conflict, 1},
                        {413, "TOO_LARGE", errc::invalid_configuration, 1},
                        {415, "UNSUPPORTED_MEDIA", errc::invalid_configuration, 1},
                        {431, "HEADER_TOO_LARGE", errc::invalid_configuration, 1},
                        {429, "THROTTLED", errc::throttled, 3},
                        {500, "EXECUTION_ERROR", errc::function_error, 1},
                        {500, "INFRASTRUCTURE_ERROR", errc::infrastructure, 1},
                        {502, "UNAVAILABLE", errc::infrastructure, 1},
                        {503, "UNHEALTHY", errc::infrastructure, 1},
                        {504, "TIMEOUT", errc::timed_out, 1},
                        {500, "TIMEOUT", errc::timed_out, 1},
                        {418, "", errc::serialization, 1},
                        {302, "", errc::infrastructure, 1}};
    for (const auto& row : rows) {
        CAPTURE(row.status);
        CAPTURE(row.code);
        Custom<> custom;
        Headers headers;
        headers.set("X-Request-Id", "r-1");
        for (int i = 0; i < 4; ++i)
            custom.script->then(row.status, R"({"error":"for people","code":")" + row.code + R"(","details":{}})",
                                headers);
        const auto error = failed(custom.invoke({.job_id = 0}));
        CHECK(error.code == row.expected);
        CHECK(error.http_status == row.status);
        CHECK(error.platform_code == (row.status == 302 ? "" : row.code));
        CHECK(error.request_id == "r-1");
        CHECK(error.provider == "Custom HTTP FaaS");
        CHECK(custom.script->seen.size() == row.requests);
        REQUIRE(error.metrics);
        CHECK(error.metrics->attempts == row.requests);
    }
}

TEST_CASE("custom: the text of an error is found in all its historic places") {
    const std::pair<std::string, std::string> rows[] = {{R"({"error":"abc"})", "abc"},
                                                        {R"({"message":"abc"})", "abc"},
                                                        {R"({"detail":"abc"})", "abc"},
                                                        {"plain abc", "plain abc"},
                                                        {R"({"error":7})", "HTTP 400"}};
    for (const auto& [body, text] : rows) {
        CAPTURE(body);
        Custom<> custom;
        custom.script->then(400, body);
        CHECK(failed(custom.invoke({.job_id = 0})).message.find(text) != std::string::npos);
    }
}

TEST_CASE("R13: 1.0's words for a timeout are a timeout, unless the job says them") {
    Custom<> custom;
    for (const std::string code : {"", R"(,"code":"EXECUTION_ERROR")"}) {
        custom.script->then(500, R"({"error":"Function timeout after 300s","success":false)" + code + "}");
        CHECK(failed(custom.invoke({.job_id = 0})).code == errc::timed_out);
    }
    custom.script->then(500, R"({"error":"Function timeout after 3s","success":false,"code":"FUNCTION_ERROR"})");
    CHECK(failed(custom.invoke({.job_id = 0})).code == errc::function_error);
}

TEST_CASE("custom: an invoke runs again only where it is safe") {
    const Error unsent{
        .code = errc::infrastructure, .message = "refused", .retryable = true, .execution = Execution::not_started};
    const Error unknown{
        .code = errc::infrastructure, .message = "reset", .retryable = true, .execution = Execution::unknown};
    struct Row {
        Error first;
        bool idempotent;
        std::size_t requests;
    };
    const Row rows[] = {{unsent, false, 2}, {unknown, false, 1}, {unknown, true, 2}};
    for (const auto& row : rows) {
        CAPTURE(row.requests);
        Custom<> custom;
        custom.script->then(row.first);
        custom.script->then(200, R"({"result":[7]})");
        const auto done = custom.invoke({.job_id = 0, .idempotent = row.idempotent});
        CHECK(done.has_value() == (row.requests == 2));
        CHECK(custom.script->seen.size() == row.requests);
    }
}

TEST_CASE("C6: a wait that would outlive the deadline is not begun") {
    Custom<> custom;
    Headers headers;
    headers.set("Retry-After", "3600");
    custom.script->then(429, R"({"code":"THROTTLED","error":"slow down"})", headers);
    const auto error = failed(custom.invoke({.job_id = 0, .timeout = std::chrono::milliseconds{1000}}));
    CHECK(error.code == errc::throttled);
    CHECK((error.retry_after == std::chrono::seconds{3600}));
    CHECK(custom.script->seen.size() == 1);
}

TEST_CASE("custom: trace, request id and idempotency key are passed on, other metadata stays here") {
    Custom<> custom;
    custom.script->then(200, R"({"result":[]})");
    ok(custom.invoke({.job_id = 0,
                      .metadata = {{"traceparent", "00-ab-cd-01"},
                                   {"tracestate", "a=b"},
                                   {"x-request-id", "r-9"},
                                   {"idempotency-key", "k-9"},
                                   {"service", "s"}}}));
    const auto& headers = custom.script->seen[0].headers;
    CHECK(headers.get("traceparent") == "00-ab-cd-01");
    CHECK(headers.get("tracestate") == "a=b");
    CHECK(headers.get("X-Request-Id") == "r-9");
    CHECK(headers.get("Idempotency-Key") == "k-9");
    CHECK_FALSE(headers.get("service"));
}

TEST_CASE("custom: metadata with a line break is refused, and nothing is sent") {
    Custom<> custom;
    CHECK(failed(custom.invoke({.job_id = 0, .metadata = {{"traceparent", "a\r\nX-Evil: 1"}}})).code ==
          errc::invalid_configuration);
}

TEST_CASE("C3: a call beyond the platform's limit is refused before it is sent, and says how to shrink it") {
    Custom<> custom{{.base_url = "https://a.example", .max_body_bytes = 100}};
    const auto error = failed(custom.invoke({.job_id = 0, .args = Bytes(40, 255)}));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(error.execution == Execution::not_started);
    CHECK(error.message.find("Base64Json") != std::string::npos);
    CHECK(custom.script->seen.empty());
    Custom<Binary> binary{{.base_url = "https://a.example", .max_body_bytes = 100}};
    Headers headers;
    headers.set("Content-Type", "application/octet-stream");
    binary.script->then(200, "x", headers);
    ok(binary.invoke({.job_id = 0, .args = Bytes(100, 255)}));
}

TEST_CASE("C12: health is a state with a reason, not a bare yes") {
    struct Row {
        unsigned status;
        std::string body;
        HealthState state;
        std::string reason;
    };
    const Row rows[] = {
        {200,
         R"({"function_id":"job0","status":"healthy","last_invocation":"2026-01-01T00:00:00Z","total_invocations":5})",
         HealthState::healthy, ""},
        {200, R"({"status":"unhealthy","error":"disk"})", HealthState::unhealthy, "disk"},
        {200, R"({"status":"odd"})", HealthState::unknown, ""},
        {503, R"({"status":"unhealthy","error":"crashing"})", HealthState::unhealthy, "crashing"},
        {503, "", HealthState::unhealthy, "the platform says so and gives no reason"},
        {404, "{}", HealthState::absent, "the platform has no such function; deploy the job first"}};
    for (const auto& row : rows) {
        CAPTURE(row.body);
        Custom<> custom;
        custom.script->then(row.status, row.body);
        const auto health = ok(run(custom.io, custom.executor.health_check(0)));
        CHECK(health.state == row.state);
        CHECK(health.reason == row.reason);
        CHECK(custom.script->seen.size() == 1);
    }
    Custom<> custom;
    custom.script->then(200, rows[0].body);
    const auto health = ok(run(custom.io, custom.executor.health_check(0)));
    CHECK(health.last_invocation == "2026-01-01T00:00:00Z");
    CHECK(health.total_invocations == 5);
}

TEST_CASE("C13: warming asks the platform and runs no job; a platform without it says so") {
    Custom<> custom;
    custom.script->then(200, R"({"function_id":"job256","status":"warm","instances_warmed":2})");
    const auto report = ok(run(custom.io, custom.executor.warm(256, 3)));
    CHECK(report.supported);
    CHECK(report.requested == 3);
    CHECK(report.instances == 2);
    CHECK(custom.script->seen[0].line == "POST /api/functions/job256/warm");
    CHECK(custom.script->seen[0].body == R"({"instances":3})");
    for (const unsigned status : {404U, 405U, 501U}) {
        custom.script->then(status, "{}");
        const auto none = ok(run(custom.io, custom.executor.warm(0)));
        CHECK_FALSE(none.supported);
        CHECK_FALSE(none.instances.has_value());
    }
    custom.script->then(404, R"({"code":"NOT_FOUND","error":"no such function"})");
    CHECK(failed(run(custom.io, custom.executor.warm(0))).code == errc::not_found);
}

TEST_CASE("custom: options that cannot work are told before anything is sent") {
    const CustomOptions bad[] = {{.base_url = ""},
                                 {.base_url = "https://user:pw-secret@a.example"},
                                 {.base_url = "https://a.example?x=1"},
                                 {.base_url = "https://a.example", .prefix = "-x"},
                                 {.base_url = "https://a.example", .prefix = "a/b"},
                                 {.base_url = "https://a.example", .prefix = std::string(60, 'a')},
                                 {.base_url = "https://a.example", .job_endpoints = {{JobId{1}, "b.example"}}},
                                 {.base_url = "https://a.example", .trusted_origins = {"b.example"}}};
    for (const auto& options : bad) {
        Custom<> custom{options};
        const auto error = failed(custom.invoke({.job_id = 0}));
        CAPTURE(error.message);
        CHECK(error.code == errc::invalid_configuration);
        CHECK(error.message.find("CustomOptions::") == 0);
        CHECK(error.message.find("pw-secret") == std::string::npos);
        CHECK(custom.script->seen.empty());
    }
}

TEST_CASE("C10: neither an error nor its metrics shows the credential that the platform echoes") {
    Custom<> custom;
    custom.script->then(400, R"({"error":"you sent Bearer fixed-token and I do not like it"})");
    const auto error = failed(custom.invoke({.job_id = 0}));
    CHECK(error.message.find("fixed-token") == std::string::npos);
    CHECK(error.message.find("[redacted]") != std::string::npos);
}

TEST_CASE("bad input: deep, doubled, endless and impossible JSON of a platform is an error or is left out") {
    const auto deep = std::string(100'000, '[');
    for (const auto& text : std::vector<std::string>{
             R"({"result":)" + deep, R"({"new":)" + deep + R"(,"result":[1]})", R"({"result":[1],"result":[2]})",
             R"({"result":[256]})", R"({"result":[-1]})", R"({"result":[1e0]})", R"({"result":[NaN]})",
             R"({"result":[1]} {"result":[2]})", R"({"result":[1])", "{\"result\":[1]}" + std::string(1, '\0')}) {
        CAPTURE(text.substr(0, 64));
        Custom<> custom;
        custom.script->then(200, text);
        CHECK(failed(custom.invoke({.job_id = 0})).code == errc::serialization);
    }
    // What is told besides is not worth a result.
    for (const std::string number : {"-1", "1e308", "99999999999999999999999999", "\"NaN\"", "null", "[]", "1.5"}) {
        CAPTURE(number);
        Custom<> custom;
        custom.script->then(200, R"({"result":[7],"execution_ms":)" + number + R"(,"memory_used_mb":)" + number + '}');
        const auto done = ok(run(custom.io, custom.executor.invoke_with_metrics({.job_id = 0})));
        CHECK((*done.result.outcome == Bytes{7}));
        CHECK_FALSE(done.metrics.execution_duration.has_value());
        CHECK_FALSE(done.metrics.memory_used_mib.has_value());
    }
}

TEST_CASE("bad input: an id of a request is told without what a terminal would obey") {
    Headers headers;
    headers.set("X-Request-Id",
                "r-\xc2\x9b"
                "31m\xe2\x80\xae");  // a colour, and the writing turned round
    for (const auto& [status, body] : std::vector<std::pair<unsigned, std::string>>{
             {200, R"({"result":[1]})"}, {200, "{"}, {500, R"({"success":false,"error":"no"})"}, {403, "{}"}}) {
        CAPTURE(status);
        Custom<> custom;
        custom.script->then(status, body, headers);
        const auto told = run(custom.io, custom.executor.invoke_with_metrics({.job_id = 0}));
        CHECK((told ? told->metrics.request_id : told.error().request_id) == "r- 31m ");
    }
}

TEST_CASE("custom: each attempt tells the platform the time that is left then, not what there was at first") {
    asio::io_context io;
    std::vector<long> told;
    InMemoryTransport slow{
        io.get_executor(), [&](const HttpRequest& request) -> result<HttpResponse> {
            told.push_back(std::stol(std::string{request.headers.get("X-Blueprint-Timeout-Ms").value_or("-1")}));
            std::this_thread::sleep_for(std::chrono::milliseconds{20});
            HttpResponse answer;
            answer.status = told.size() == 1 ? 503 : 200;
            answer.body = R"({"result":[1]})";
            return answer;
        }};
    FaasExecutor executor{std::move(slow), NoAuth{}, CustomCodec<>{{.base_url = "https://faas.example.com"}}};
    ok(run(io, executor.invoke({.job_id = 0, .timeout = std::chrono::seconds{60}, .idempotent = true})));
    REQUIRE(told.size() == 2);
    CHECK(told[0] <= 60'000);
    CHECK(told[1] >= 1);
    CHECK(told[1] <= told[0] - 20);
}

}  // namespace custom_test
