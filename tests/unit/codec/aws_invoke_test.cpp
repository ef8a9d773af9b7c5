#include "aws_fixture.hpp"
#include "blueprint/faas/codec/aws_lambda.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/transport/options.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aws_invoke_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using detail::LambdaProtocol;
using tests::failed;
using tests::fields;
using tests::Lambda;
using tests::ok;
using tests::run;

namespace {

std::string base64(std::string_view text) { return detail::base64_encode(detail::bytes_of(text)); }

std::string plain(std::string_view text) {
    const auto bytes = detail::base64_decode(text);
    REQUIRE(bytes.has_value());
    return std::string{detail::text_of(*bytes)};
}

}  // namespace

TEST_CASE("lambda: a call is one POST to the alias, and the bytes of the answer come back") {
    Lambda<> lambda;
    lambda.script->then(200, R"({"job_id":3,"result":"GQD/","success":true})",
                        fields({{"x-amzn-RequestId", "id-1"}, {"X-Amz-Executed-Version", "7"}}));
    const auto done = ok(lambda.invoke({.job_id = 3, .args = {255, 0}, .metadata = {{"call-id", "77"}}}));
    CHECK((*done.result.outcome == Bytes{25, 0, 255}));
    CHECK(done.result.job_id == JobId{3});
    CHECK(done.result.metadata.get("call-id") == "77");
    CHECK(done.result.ran_on == "AWS Lambda");
    CHECK(done.metrics.request_id == "id-1");
    CHECK(done.metrics.executed_version == "7");
    CHECK(done.metrics.attempts == 1);
    CHECK_FALSE(done.metrics.cold_start.has_value());  // nothing told, nothing guessed

    REQUIRE(lambda.script->seen.size() == 1);
    const auto& seen = lambda.script->seen.front();
    CHECK(seen.origin == "https://lambda.eu-central-1.amazonaws.com");
    CHECK(seen.line == "POST /2015-03-31/functions/blueprint-job-3/invocations?Qualifier=live");
    CHECK(seen.body == R"({"job_id":3,"args":"/wA="})");
    CHECK(seen.headers.get("Content-Type") == "application/json");
    CHECK(seen.headers.get("X-Amz-Invocation-Type") == "RequestResponse");
    CHECK(seen.headers.get("X-Amz-Log-Type") == "Tail");
}

TEST_CASE("lambda: the answer may be the original crate's, an array of numbers and nothing else") {
    Lambda<JsonBytes> lambda;
    lambda.script->then(200, R"({"result":[25,0,255]})");
    CHECK((*ok(lambda.invoke({.job_id = 0, .args = {1, 2}})).result.outcome == Bytes{25, 0, 255}));
    CHECK(lambda.script->seen.front().body == R"({"job_id":0,"args":[1,2]})");
}

TEST_CASE("lambda: region, endpoint, its path, prefix and alias make the address") {
    struct Row {
        LambdaOptions options;
        std::string origin;
        std::string line;
    };
    const std::string call = "/2015-03-31/functions/";
    const std::vector<Row> rows{
        {{.region = "cn-north-1"},
         "https://lambda.cn-north-1.amazonaws.com.cn",
         "POST " + call + "blueprint-job-9/invocations?Qualifier=live"},
        {{.region = "eusc-de-east-1", .alias = ""},
         "https://lambda.eusc-de-east-1.amazonaws.eu",
         "POST " + call + "blueprint-job-9/invocations"},
        {{.region = "us-isob-east-1"},
         "https://lambda.us-isob-east-1.sc2s.sgov.gov",
         "POST " + call + "blueprint-job-9/invocations?Qualifier=live"},
        {{.endpoint = "http://127.0.0.1:4566/lambda//", .prefix = "", .alias = "b_2"},
         "http://127.0.0.1:4566",
         "POST /lambda" + call + "job-9/invocations?Qualifier=b_2"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.line);
        Lambda<> lambda{row.options};
        lambda.script->then(200, R"({"result":[]})");
        ok(lambda.invoke({.job_id = 9}));
        CHECK(lambda.script->seen.front().origin == row.origin);
        CHECK(lambda.script->seen.front().line == row.line);
    }
}

TEST_CASE("lambda: options that cannot work are told by name before anything is sent") {
    const std::vector<std::pair<LambdaOptions, std::string>> rows{
        {{}, "region is empty"},
        {{.region = "eu-central-1.evil.example/"}, "region is no name"},
        {{.region = "eu-central-1", .endpoint = "lambda.example"}, "endpoint: bad URL"},
        {{.region = "eu-central-1", .endpoint = "https://a.example/?x=1"}, "endpoint has a query"},
        {{.region = "eu-central-1", .prefix = "a/b"}, "prefix makes no name"},
        {{.region = "eu-central-1", .prefix = std::string(50, 'a')}, "prefix makes no name"},
        {{.region = "eu-central-1", .alias = "$LATEST"}, "alias is none"},
        {{.region = "eu-central-1", .alias = "12"}, "alias is none"},
    };
    for (const auto& [options, why] : rows) {
        CAPTURE(why);
        Lambda<> lambda{options};
        for (const auto& error :
             {failed(lambda.invoke({.job_id = 0})), failed(run(lambda.io, lambda.executor.invoke_async({.job_id = 0}))),
              failed(run(lambda.io, lambda.executor.check_invoke(0)))}) {
            CHECK(error.code == errc::invalid_configuration);
            CHECK(error.execution == Execution::not_started);
            CHECK(error.message.find(why) != std::string::npos);
        }
        CHECK(lambda.script->seen.empty());
    }
    CHECK_FALSE(LambdaCodec<>{{.region = "eu-central-1", .prefix = std::string(49, 'a')}}.misconfigured().has_value());
}

TEST_CASE("AWS pitfall 2: names in paths are percent-encoded, and a function's name is read back as its job") {
    const LambdaProtocol protocol{{.region = "eu-central-1", .prefix = "team"}};
    CHECK(protocol.function_path(4294967295) == "/2015-03-31/functions/team-job-4294967295");
    CHECK(protocol.request(Verb::get, "/x?Qualifier=" + detail::percent_encode("$LATEST")).target ==
          "/x?Qualifier=%24LATEST");
    CHECK(protocol.job_of("team-job-4294967295") == JobId{4294967295});
    for (const std::string_view other : {"team-job-4294967296", "team-job-007", "team-job-", "team-job-1x", "job-1"})
        CHECK_FALSE(protocol.job_of(other).has_value());
}

TEST_CASE("A1: the log tail is asked for, and what its REPORT line tells is in the metrics") {
    Lambda<> lambda{{.region = "eu-central-1", .keep_log_text = true}};
    const std::string log =
        "START RequestId: id-1 Version: 7\nEND RequestId: id-1\nREPORT RequestId: id-1\tDuration: 3.10 ms\t"
        "Billed Duration: 546 ms\tMemory Size: 2048 MB\tMax Memory Used: 95 MB\tInit Duration: 542.01 ms\t\n";
    const auto head = fields({{"x-amzn-RequestId", "id-1"}, {"X-Amz-Log-Result", base64(log)}});
    lambda.script->then(200, R"({"result":"","execution_ms":1,"memory_used_mb":3})", head);
    const auto metrics = ok(lambda.invoke({.job_id = 0})).metrics;
    CHECK((metrics.execution_duration == 3100us));
    CHECK((metrics.billed_duration == 546ms));
    CHECK((metrics.init_duration == 542'010us));
    CHECK(metrics.cold_start == true);
    CHECK(metrics.memory_used_mib == 95);
    CHECK(metrics.memory_limit_mib == 2048);
    CHECK(metrics.log_tail == log);

    Lambda<> quiet{{.region = "eu-central-1", .log_tail = false}};
    quiet.script->then(200, R"({"result":"","execution_ms":1,"memory_used_mb":3})", head);
    const auto without = ok(quiet.invoke({.job_id = 0})).metrics;
    CHECK_FALSE(quiet.script->seen.front().headers.get("X-Amz-Log-Type").has_value());
    CHECK(without.log_tail.empty());

    Lambda<> told;  // the function's own word counts where the platform says nothing
    told.script->then(200, R"({"result":"","execution_ms":1,"memory_used_mb":3})",
                      fields({{"X-Amz-Log-Result", "no Base64"}}));
    const auto own = ok(told.invoke({.job_id = 0})).metrics;
    CHECK((own.execution_duration == 1ms));
    CHECK(own.memory_used_mib == 3);
    CHECK_FALSE(own.cold_start.has_value());
}

TEST_CASE("a function's stack is told up to 64 lines, however it is written") {
    std::string lines, frames;
    for (int i = 0; i < 100; ++i) {
        lines += "at line\\n";
        frames += frames.empty() ? R"("at frame")" : R"(,"at frame")";
    }
    for (const auto& stack : {'"' + lines + '"', '[' + frames + ']'}) {
        CAPTURE(stack);
        const auto error = detail::LambdaProtocol::function_failed(R"({"errorMessage":"m","stackTrace":)" + stack + '}',
                                                                   "Unhandled", {});
        CHECK(error.stack_trace.size() == 64);
    }
}

TEST_CASE("A2, AWS pitfall 6: a 200 with X-Amz-Function-Error is a failure, with type, message and stack") {
    struct Row {
        std::string body;
        errc code;
        std::string platform_code;
        std::string message;
        std::vector<std::string> stack;
    };
    const std::vector<Row> rows{
        {R"({"errorMessage":"no such row","errorType":"KeyError","stackTrace":["  File a, line 1","  File b\n"]})",
         errc::function_error,
         "KeyError",
         "the job failed: no such row",
         {"  File a, line 1", "  File b "}},
        {R"({"errorMessage":"m","errorType":"Error","stackTrace":"Error: m\n    at f (/a.js:1)\n"})",
         errc::function_error,
         "Error",
         "the job failed: m",
         {"Error: m", "    at f (/a.js:1)"}},
        {R"x({"errorType":"TypeError","errorMessage":"m","trace":["TypeError: m","    at f (/a.js:1)"]})x",
         errc::function_error,
         "TypeError",
         "the job failed: m",
         {"TypeError: m", "    at f (/a.js:1)"}},
        {R"({"errorMessage":"m","stackTrace":[["a.py",3,"f","x"]]})",
         errc::function_error,
         "Unhandled",
         "the job failed: m",
         {R"(["a.py",3,"f","x"])"}},
        {R"({"errorType":"Sandbox.Timedout","errorMessage":"RequestId: x Error: Task timed out after 30.00 seconds"})",
         errc::timed_out,
         "Sandbox.Timedout",
         "Task timed out after 30.00 seconds; give the function a longer timeout",
         {}},
        {R"({"errorMessage":"2026-01-02T03:04:05Z x Task timed out after 3.00 seconds"})",
         errc::timed_out,
         "Unhandled",
         "Task timed out after 3.00 seconds",
         {}},
        {R"({"errorType":"Runtime.ExitError","errorMessage":"RequestId: x Error: Runtime exited with error: exit status 127"})",
         errc::function_error,
         "Runtime.ExitError",
         "exit status 127",
         {}},
        {"not JSON at all", errc::function_error, "Unhandled", "the job failed: not JSON at all", {}},
        {"", errc::function_error, "Unhandled", "gave no reason", {}},
    };
    const std::string log = "REPORT RequestId: id-1\tDuration: 7.00 ms\tBilled Duration: 7 ms\tStatus: error\n";
    for (const auto& row : rows) {
        CAPTURE(row.body);
        Lambda<> lambda;
        lambda.script->then(200, row.body,
                            fields({{"X-Amz-Function-Error", "Unhandled"},
                                    {"X-Amz-Executed-Version", "7"},
                                    {"x-amzn-RequestId", "id-1"},
                                    {"X-Amz-Log-Result", base64(log)}}));
        const auto error = failed(lambda.invoke({.job_id = 0, .idempotent = true}));
        CHECK(error.code == row.code);
        CHECK(error.platform_code == row.platform_code);
        CHECK(error.message.find(row.message) != std::string::npos);
        CHECK((error.stack_trace == row.stack));
        CHECK(error.execution == Execution::started);
        CHECK(error.http_status == 200);
        CHECK(error.request_id == "id-1");
        REQUIRE(error.metrics != nullptr);
        CHECK((error.metrics->execution_duration == 7ms));
        CHECK(error.metrics->cold_start == false);
        CHECK(error.metrics->executed_version == "7");
        CHECK(lambda.script->seen.size() == 1);  // it failed, and would fail again
    }
    // What this library's own function side says, and what never came to run a job.
    struct Other {
        std::string type;
        errc code;
        Execution execution;
        std::string advice;
    };
    for (const auto& other : std::vector<Other>{
             {"Function.TimedOut", errc::timed_out, Execution::started, "longer timeout"},
             {"Function.UnknownJob", errc::not_found, Execution::not_started, "deploy a program that has the job"},
             {"Function.JobFailed", errc::function_error, Execution::started, "why"},
             {"Runtime.InvalidEntrypoint", errc::function_error, Execution::not_started, "check its architecture"},
         }) {
        CAPTURE(other.type);
        Lambda<> lambda;
        lambda.script->then(200, R"({"errorMessage":"why","errorType":")" + other.type + "\"}",
                            fields({{"X-Amz-Function-Error", "Unhandled"}}));
        const auto error = failed(lambda.invoke({.job_id = 0}));
        CHECK(error.code == other.code);
        CHECK(error.execution == other.execution);
        CHECK(error.message.find(other.advice) != std::string::npos);
    }
}

TEST_CASE("C4: a job that failed is a failure, whatever the HTTP status says") {
    Lambda<> lambda;
    lambda.script->then(200, R"({"job_id":0,"success":false,"error":"no money","code":"BROKE","result":[]})");
    const auto error = failed(lambda.invoke({.job_id = 0}));
    CHECK(error.code == errc::function_error);
    CHECK(error.platform_code == "BROKE");
    CHECK(error.message == "the job failed: no money");
    CHECK(error.execution == Execution::started);

    lambda.script->then(200, R"({"job_id":0,"success":false,"error":"late","code":"TIMEOUT"})");
    CHECK(failed(lambda.invoke({.job_id = 0})).code == errc::timed_out);
    const std::vector<std::pair<std::string, std::string>> unreadable{
        {R"({"job_id":1,"result":[],"success":true})", "another job"},
        {R"({"job_id":0,"success":true})", "no `result`"},
        {R"({"job_id":0,"result":[],"success":"yes"})", "neither true nor false"},
        {R"("just text")", "not what serve() writes"},
        {"", "not what serve() writes"},
    };
    for (const auto& [body, why] : unreadable) {
        CAPTURE(body);
        lambda.script->then(200, body, fields({{"X-Amz-Executed-Version", "1"}}));
        const auto refused = failed(lambda.invoke({.job_id = 0}));
        CHECK(refused.code == errc::serialization);
        CHECK(refused.message.find(why) != std::string::npos);
        CHECK(refused.execution == Execution::started);
    }
}

TEST_CASE("AWS pitfall 3: after an ambiguous failure a call is never made twice, unless it is idempotent") {
    const Error cut{
        .code = errc::timed_out, .message = "no answer", .retryable = true, .execution = Execution::unknown};
    for (const bool idempotent : {false, true}) {
        CAPTURE(idempotent);
        for (const bool no_answer : {true, false}) {
            Lambda<> lambda;
            if (no_answer)
                lambda.script->then(cut);
            else
                lambda.script->then(503, "");
            lambda.script->then(200, R"({"result":""})");
            const auto done = lambda.invoke({.job_id = 0, .timeout = 60s, .idempotent = idempotent});
            CHECK(done.has_value() == idempotent);
            CHECK(lambda.script->seen.size() == (idempotent ? 2 : 1));
            if (!done) CHECK(done.error().execution == Execution::unknown);
        }
        Lambda<> lambda;  // what Lambda's own code says did not run is repeated in any case
        lambda.script->then(429, "", fields({{"x-amzn-ErrorType", "TooManyRequestsException"}}));
        lambda.script->then(500, "", fields({{"x-amzn-ErrorType", "ServiceException"}}));
        lambda.script->then(200, R"({"result":""})");
        CHECK(ok(lambda.invoke({.job_id = 0, .idempotent = idempotent})).metrics.attempts == 3);
        // and what will not get better is not.
        lambda.script->then(502, "", fields({{"x-amzn-ErrorType", "InvalidZipFileException"}}));
        CHECK(failed(lambda.invoke({.job_id = 0, .idempotent = idempotent})).metrics->attempts == 1);
    }
}

TEST_CASE("A8, AWS pitfall 4: idle connections are probed long before a NAT forgets them, after 350 s") {
    const ConnectionOptions defaults;
    CHECK(defaults.keepalive_idle > 0s);
    CHECK(defaults.keepalive_idle + 3 * defaults.keepalive_interval < 350s / 2);
    // Pitfall 5: and none is kept for so long that it may have died.
    CHECK(defaults.max_idle_time < 350s / 2);
}

TEST_CASE(
    "C3: Base64 lets 4.5 MB through where numbers end at 1.7 MB; AWS pitfall 15: too much is told before it is sent") {
    const JobCall large{.job_id = 0, .args = Bytes(4'700'000, 255)};
    Lambda<> dense;
    dense.script->then(200, R"({"result":""})");
    ok(dense.invoke(large));
    CHECK(dense.script->seen.front().body.size() <= 6'291'456);

    Lambda<JsonBytes> wide;
    const auto error = failed(wide.invoke(large));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(error.execution == Execution::not_started);
    CHECK(error.message.find("18800021 bytes") != std::string::npos);
    CHECK(error.message.find("6291456") != std::string::npos);
    CHECK(wide.script->seen.empty());

    const auto queued = failed(run(dense.io, dense.executor.invoke_async({.job_id = 0, .args = Bytes(800'000, 1)})));
    CHECK(queued.message.find("1048576") != std::string::npos);
    CHECK(dense.script->seen.size() == 1);
    // Older regions take less, and say how much.
    const std::string told = "300000 byte payload is too large for the Event invocation type (limit 262144 bytes)";
    dense.script->then(413, R"({"Type":"User","message":")" + told + "\"}",
                       fields({{"x-amzn-ErrorType", "RequestEntityTooLargeException"}}));
    const auto older = failed(run(dense.io, dense.executor.invoke_async({.job_id = 0, .args = Bytes(225'000, 1)})));
    CHECK(older.code == errc::invalid_configuration);
    CHECK(older.message == told);
}

TEST_CASE("C2, C6: metadata and deadline reach the function in the client context") {
    Lambda<> lambda;
    const auto context_of = [&](JobCall call) {
        lambda.script->then(200, R"({"result":""})");
        ok(lambda.invoke(std::move(call)));
        const auto context = lambda.script->seen.back().headers.get("X-Amz-Client-Context");
        return context ? plain(*context) : std::string{};
    };
    const auto text =
        context_of({.job_id = 0,
                    .metadata = {{"traceparent", "00-a-b-01"}, {"call \"id\"", "7"}, {"blueprint-warm", "1"}},
                    .timeout = 60s});
    const std::string lead = R"({"custom":{"traceparent":"00-a-b-01","call \"id\"":"7","blueprint-deadline-ms":")";
    REQUIRE(text.starts_with(lead));
    CHECK(text.ends_with("\"}}"));
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(lambda.clock.now().time_since_epoch());
    const std::chrono::milliseconds at{std::stoll(text.substr(lead.size()))};
    CHECK(at <= now + 60s);
    CHECK(at > now + 50s);

    const auto patient = context_of({.job_id = 0, .timeout = std::chrono::hours{24 * 365 * 250}});
    CHECK(patient.find("\"1766016000000\"") != std::string::npos);  // a year is as good as 250, and the clock holds it

    const auto forever = std::chrono::milliseconds::max();
    CHECK(context_of({.job_id = 0, .timeout = forever}).empty());
    CHECK(context_of({.job_id = 0, .metadata = {{"a", "b"}}, .timeout = forever}) == R"({"custom":{"a":"b"}})");

    // 3,583 characters of Base64 are 2,685 bytes.
    const auto filled = [&](std::size_t size) {
        return JobCall{.job_id = 0, .metadata = {{"a", std::string(size, 'x')}}, .timeout = forever};
    };
    CHECK(context_of(filled(2685 - 19)).size() == 2685);
    const auto before = lambda.script->seen.size();
    const auto error = failed(lambda.invoke(filled(2686 - 19)));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(error.message.find("3584 bytes, and Lambda takes 3583") != std::string::npos);
    const auto odd = failed(lambda.invoke({.job_id = 0, .metadata = {{"a", "\xff"}}}));
    CHECK(odd.message.find("is not UTF-8") != std::string::npos);
    CHECK(lambda.script->seen.size() == before);
}

TEST_CASE("lambda: a queued call takes its context in the event, and its receipt is Lambda's request") {
    Lambda<> lambda;
    lambda.script->then(202, "", fields({{"x-amzn-RequestId", "id-9"}}));
    const auto receipt =
        ok(run(lambda.io, lambda.executor.invoke_async(
                              {.job_id = 2,
                               .args = {1},
                               .metadata = {{"traceparent", "00-a-b-01"}, {"x-request-id", "r\n1"}, {"other", "x"}}})));
    CHECK(receipt.invocation_id == "id-9");
    CHECK_FALSE(receipt.completed);
    const auto& seen = lambda.script->seen.front();
    CHECK(seen.headers.get("X-Amz-Invocation-Type") == "Event");
    CHECK_FALSE(seen.headers.get("X-Amz-Log-Type").has_value());
    CHECK_FALSE(seen.headers.get("X-Amz-Client-Context").has_value());
    CHECK(seen.body == R"({"job_id":2,"args":"AQ==","context":{"traceparent":"00-a-b-01","request_id":"r\n1"}})");

    lambda.script->then(202, "");
    ok(run(lambda.io, lambda.executor.invoke_async({.job_id = 2})));
    CHECK(lambda.script->seen.back().body == R"({"job_id":2,"args":""})");
    // A platform that has no queue runs it, and says what became of it.
    lambda.script->then(200, R"({"result":""})");
    CHECK(ok(run(lambda.io, lambda.executor.invoke_async({.job_id = 2}))).completed);
    lambda.script->then(200, "{}", fields({{"X-Amz-Function-Error", "Unhandled"}}));
    CHECK(failed(run(lambda.io, lambda.executor.invoke_async({.job_id = 2}))).code == errc::function_error);
}

TEST_CASE("lambda: whether a job may be called is asked without running it") {
    Lambda<> lambda;
    lambda.script->then(204);
    CHECK(run(lambda.io, lambda.executor.check_invoke(5)).has_value());
    const auto& seen = lambda.script->seen.front();
    CHECK(seen.line == "POST /2015-03-31/functions/blueprint-job-5/invocations?Qualifier=live");
    CHECK(seen.headers.get("X-Amz-Invocation-Type") == "DryRun");
    CHECK_FALSE(seen.headers.get("X-Amz-Log-Type").has_value());

    lambda.script->then(404, R"({"Message":"Function not found"})",
                        fields({{"x-amzn-ErrorType", "ResourceNotFoundException"}}));
    CHECK(run(lambda.io, lambda.executor.check_invoke(5)).error().code == errc::not_found);
    lambda.script->then(200, R"({"result":""})");
    const auto ran = run(lambda.io, lambda.executor.check_invoke(5)).error();
    CHECK(ran.code == errc::unsupported);
    CHECK(ran.execution == Execution::unknown);
}

}  // namespace aws_invoke_test
