#include "blueprint/faas/codec/openwhisk_calls.hpp"

#include "blueprint/faas/codec/payload.hpp"
#include "openwhisk_records.hpp"
#include "support/run.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace openwhisk_calls_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using detail::OpenWhiskAccess;
using detail::OpenWhiskCalls;
using detail::OpenWhiskStatus;
using tests::failed;
using tests::ok;
using tests::openwhisk_answer;
using tests::openwhisk_error;
using tests::openwhisk_id;
using tests::OpenWhiskRecord;

namespace {

OpenWhiskAccess access() {
    OpenWhiskAccess out;
    out.api = ok(detail::parse_url("https://openwhisk.example.com/api/v1"));
    out.authorization = Secret{"Basic dXNlcjpub3QtYS1rZXk="};
    return out;
}
bool says(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// The request of one call, as it would be sent.
struct Written {
    detail::CallForm form{};
    std::optional<Error> wrong{};
    boost::json::value body() const { return boost::json::parse(form.request.body.view()); }
};
Written write(const OpenWhiskActionOptions& options, const JobCall& call, Deadline deadline = Deadline::max(),
              Moment now = {}) {
    const OpenWhiskCalls calls{options};
    Written out;
    calls.begin_form(out.form, call.job_id, access(), 0);
    auto& body = out.form.request.body.begin_text();
    out.wrong = calls.begin_body(body, call, deadline, now);
    if (out.wrong) return out;
    Base64Json::append(body, call.args);
    body += '}';
    out.wrong = calls.end_form(out.form, call);
    return out;
}

result<Invocation> read(const HttpResponse& answer, bool metered = true, OpenWhiskActionOptions options = {}) {
    return OpenWhiskCalls{options}.read_invocation(answer, JobId{7U}, metered);
}
Error judged(const HttpResponse& answer) {
    auto error = OpenWhiskCalls::judge(answer);
    REQUIRE(error.has_value());
    return *error;
}

}  // namespace

TEST_CASE("openwhisk: a call is a blocking invocation of the job's action, and wants the whole record") {
    OpenWhiskActionOptions options;
    auto written = write(options, {.job_id = 7, .args = {1, 2, 255}});
    CHECK_FALSE(written.wrong.has_value());
    const auto& request = written.form.request;
    CHECK((request.verb == Verb::post));
    CHECK(to_string(request.origin) == "https://openwhisk.example.com");
    CHECK(request.target == "/api/v1/namespaces/_/actions/blueprint-job-7?blocking=true&result=false");
    CHECK(request.headers.get("Authorization") == "Basic dXNlcjpub3QtYS1rZXk=");
    CHECK(request.headers.get("Content-Type") == "application/json");
    CHECK(request.body.view() == R"({"job_id":7,"args":"AQL/"})");
    CHECK((written.form.repeat == Repeat::if_unsent));
    CHECK(written.form.is_for(JobId{7U}, 0));
    options.prefix = "my jobs@x";
    options.package = "a b";
    written = write(options, {.job_id = 4294967295, .idempotent = true});
    CHECK(written.form.request.target ==
          "/api/v1/namespaces/_/actions/a%20b/my%20jobs%40x-job-4294967295?blocking=true&result=false");
    CHECK((written.form.repeat == Repeat::safe));
    CHECK(OpenWhiskCalls{options}.target(access(), JobId{0U}, false) ==
          "/api/v1/namespaces/_/actions/a%20b/my%20jobs%40x-job-0?blocking=false");
}

TEST_CASE("openwhisk: what is left of a call's time and its metadata stand in the context, with the caller's names") {
    const Moment now{5s};
    JobCall call{.job_id = 7,
                 .metadata = {{"traceparent", "00-a-b-01"},
                              {"tracestate", "v=1"},
                              {"x-request-id", "r-1"},
                              {"k\"1", "a\\b\n\xc3\xa4"},
                              {"idempotency-key", "once"},
                              {"blueprint-warm", "1"}}};
    const auto context = write({}, call, now + 29'950ms, now).body().at("context");
    CHECK(context.at("timeout_ms").to_number<int>() == 29'950);
    CHECK(context.at("traceparent").as_string() == "00-a-b-01");
    CHECK(context.at("tracestate").as_string() == "v=1");
    CHECK(context.at("request_id").as_string() == "r-1");
    const auto& metadata = context.at("metadata").as_object();
    CHECK(metadata.size() == 2);
    CHECK(metadata.at("k\"1").as_string() == "a\\b\n\xc3\xa4");
    CHECK(metadata.at("idempotency-key").as_string() == "once");
    // Only what there is.
    CHECK(write({}, {.job_id = 7, .metadata = {{"blueprint-x", "y"}}}).form.request.body.view() ==
          R"({"job_id":7,"args":""})");
    CHECK(write({}, {.job_id = 7}, now + 2s, now).form.request.body.view() ==
          R"({"job_id":7,"context":{"timeout_ms":2000},"args":""})");
    CHECK(write({}, {.job_id = 7, .metadata = {{"a", "b"}}}).form.request.body.view() ==
          R"({"job_id":7,"context":{"metadata":{"a":"b"}},"args":""})");
    CHECK(write({}, {.job_id = 7, .metadata = {{"x-request-id", "b"}}}).form.request.body.view() ==
          R"({"job_id":7,"context":{"request_id":"b"},"args":""})");
    // A call whose time is over still says something that is a time.
    CHECK(write({}, {.job_id = 7}, now, now + 1s).body().at("context").at("timeout_ms").to_number<int>() == 1);
    const auto wrong = write({}, {.job_id = 7, .metadata = {{"a", "\xff"}}}).wrong;
    REQUIRE(wrong.has_value());
    CHECK(wrong->code == errc::invalid_configuration);
    CHECK(says(wrong->message, "UTF-8"));
}

TEST_CASE("D4: a call that is larger than OpenWhisk takes is not sent") {
    OpenWhiskActionOptions options;
    JobCall call{.job_id = 7, .args = Bytes(786'400, 1)};
    CHECK_FALSE(write(options, call).wrong.has_value());
    call.args.resize(786'433);
    const auto wrong = write(options, call).wrong;
    REQUIRE(wrong.has_value());
    CHECK(wrong->code == errc::invalid_configuration);
    CHECK(wrong->execution == Execution::not_started);
    CHECK(says(wrong->message, "1048576"));
    CHECK(says(wrong->message, "max_body_bytes"));
    options.max_body_bytes = 29;
    CHECK(write(options, {.job_id = 7, .args = {1, 2, 3, 4, 5, 6}}).wrong.has_value());
    CHECK_FALSE(write(options, {.job_id = 7, .args = {1, 2, 3}}).wrong.has_value());
}

TEST_CASE("openwhisk: a record tells the job's bytes, and what the platform measured") {
    const auto warm = ok(read(openwhisk_answer(200, OpenWhiskRecord{})));
    CHECK((*warm.result.outcome == Bytes{1, 2, 255}));
    CHECK(warm.result.job_id == JobId{7U});
    CHECK(warm.metrics.request_id == openwhisk_id);
    CHECK(warm.metrics.executed_version == "0.0.7");
    CHECK(warm.metrics.cold_start == false);
    CHECK_FALSE(warm.metrics.init_duration.has_value());
    CHECK(warm.metrics.queue_duration == 21ms);
    CHECK(warm.metrics.execution_duration == 12ms);
    CHECK(warm.metrics.memory_limit_mib == 256U);
    CHECK(warm.metrics.memory_used_mib == 3U);
    CHECK_FALSE(warm.metrics.billed_duration.has_value());
    CHECK(warm.metrics.log_tail.empty());

    OpenWhiskRecord record;
    record.annotations = R"(,{"key":"initTime","value":8},{"key":"gbs","value":0.025},{"key":"uuid","value":"x"})";
    record.result = R"({"job_id":7,"result":[9],"success":true})";
    const auto cold = ok(read(openwhisk_answer(200, record)));
    CHECK((*cold.result.outcome == Bytes{9}));
    CHECK(cold.metrics.cold_start == true);
    CHECK(cold.metrics.init_duration == 8ms);
    CHECK(cold.metrics.execution_duration == 12ms);  // 20 ms of the record, without the start
    CHECK_FALSE(cold.metrics.queue_duration.has_value());
    CHECK(cold.metrics.billed_duration == 100ms);  // 0.025 GiB s at 0.25 GiB
    // Metrics that nobody asked for are not read; the bytes are.
    const auto bare = ok(read(openwhisk_answer(200, record), false));
    CHECK((*bare.result.outcome == Bytes{9}));
    CHECK_FALSE(bare.metrics.cold_start.has_value());
}

TEST_CASE("openwhisk: annotations of other types than documented are left out, and spoil nothing") {
    OpenWhiskRecord record;
    for (const std::string odd :
         {R"(,{"key":"initTime","value":"soon"},{"key":"waitTime","value":-1},{"key":"gbs","value":null})",
          R"(,7,"x",[],{},{"key":"initTime"},{"value":3},{"key":7,"value":8},{"key":"limits","value":[1]})"}) {
        CAPTURE(odd);
        record.annotations = odd;
        const auto done = ok(read(openwhisk_answer(200, record)));
        CHECK((*done.result.outcome == Bytes{1, 2, 255}));
        CHECK_FALSE(done.metrics.init_duration.has_value());
        CHECK_FALSE(done.metrics.queue_duration.has_value());
        CHECK_FALSE(done.metrics.billed_duration.has_value());
    }
    // A platform that tells no annotations does not tell that the call was a warm one.
    const auto done = ok(read(
        openwhisk_answer(200, R"({"activationId":"a1","response":{"status":"success","result":{"result":"AQ=="}}})")));
    CHECK_FALSE(done.metrics.cold_start.has_value());
    CHECK_FALSE(done.metrics.execution_duration.has_value());
}

TEST_CASE("openwhisk: a result that serve() would not have written so is read all the same, or told") {
    OpenWhiskRecord record;
    record.result = R"({ "more": {"a":[1,2]}, "result" : "AQ\/\/", "success" : true })";
    CHECK((*ok(read(openwhisk_answer(200, record))).result.outcome == Bytes{1, 15, 255}));
    struct Row {
        std::string result;
        std::string why;
    };
    for (const auto& row : {Row{R"({"job_id":8,"result":"AQ=="})", "another job"},
                            Row{R"({"job_id":7,"success":true})", "computed nothing"}, Row{"{}", "computed nothing"},
                            Row{R"({"job_id":7,"result":"?"})", "not what serve() writes"},
                            Row{R"({"job_id":7,"result":"AQ==","success":false})", "says that it failed"},
                            Row{"7", "not what serve() writes"}, Row{R"("text")", "not what serve() writes"}}) {
        CAPTURE(row.result);
        record.result = row.result;
        const auto error = failed(read(openwhisk_answer(200, record)));
        CHECK(error.code == errc::serialization);
        CHECK_MESSAGE(says(error.message, row.why), error.message);
        CHECK(error.execution == Execution::started);
        CHECK(error.request_id == openwhisk_id);
    }
}

TEST_CASE("openwhisk: an array comes bare, and is told as what no program of this library answers") {
    for (const unsigned status : {200U, 502U}) {
        CAPTURE(status);
        auto answer = openwhisk_answer(status, "[1,2,3]");
        answer.headers.set("X-OpenWhisk-Activation-Id", openwhisk_id);
        CHECK_FALSE(OpenWhiskCalls::judge(answer).has_value());
        const auto error = failed(read(answer));
        CHECK(error.code == errc::serialization);
        CHECK(error.execution == Execution::started);
        CHECK(error.request_id == openwhisk_id);
        CHECK(says(error.message, "array"));
    }
    OpenWhiskRecord record;
    record.result = "[1,2]";
    CHECK(says(failed(read(openwhisk_answer(200, record))).message, "array"));
}

TEST_CASE("pitfall 5 (OpenWhisk): a record without a result is told as what was too large") {
    OpenWhiskRecord record;
    for (const std::string none : {"", "null"}) {
        record.result = none;
        const auto error = failed(read(openwhisk_answer(200, record)));
        CHECK(error.code == errc::serialization);
        CHECK(error.execution == Execution::started);
        CHECK(says(error.message, "too large"));
        REQUIRE(error.metrics != nullptr);
        CHECK(error.metrics->memory_limit_mib == 256U);
    }
}

TEST_CASE("openwhisk: what is no record is told as such") {
    for (const std::string body : {"", "null", "7", "{}", "{\"activationId\":7}", R"({"activationId":"a"})",
                                   R"({"job_id":7,"result":"AQ=="})", "{\"activationId\":\"a\",\"start\":1"}) {
        CAPTURE(body);
        const auto error = failed(read(openwhisk_answer(200, body)));
        CHECK(error.code == errc::serialization);
        CHECK(says(error.message, "no activation record"));
    }
    const auto open = failed(read(openwhisk_answer(200, R"({"activationId":"a","start":1790000000000})")));
    CHECK(open.code == errc::serialization);
    CHECK(says(open.message, "does not tell how it ended"));
}

TEST_CASE("openwhisk: a failed activation is judged by its status, and tells what to do") {
    struct Row {
        std::string status;
        std::string result;
        errc code;
        Execution execution;
        std::string says;
        std::string platform_code;
    };
    const std::string application = "application error", developer = "action developer error";
    const auto started = Execution::started, not_started = Execution::not_started;
    const std::vector<Row> rows{
        // As the function writes it, and what OpenWhisk keeps of that.
        {application, R"({"job_id":7,"success":false,"error":"no luck","code":"FUNCTION_ERROR","execution_ms":5})",
         errc::function_error, started, "the job failed: no luck", "FUNCTION_ERROR"},
        {application, R"({"error":"no luck"})", errc::function_error, started, "the job failed: no luck", application},
        {application, R"({"error":{"success":false,"error":"late","code":"TIMEOUT","execution_ms":5}})",
         errc::timed_out, started, "late; give", "TIMEOUT"},
        {application, R"({"job_id":7,"success":false,"error":"no job 7","code":"NOT_FOUND"})", errc::not_found,
         not_started, "no job 7; deploy", "NOT_FOUND"},
        {application, R"({"error":7})", errc::function_error, started, "the job failed: 7", application},
        {application, R"({"error":"The action produced a response that exceeded the allowed length: 9 > 8 bytes."})",
         errc::function_error, started, "1 MiB", application},
        {developer, R"({"error":"The action exceeded its time limits of 1000 milliseconds."})", errc::timed_out,
         started, "FaasConfig::timeout", developer},
        {developer, R"({"error":"The action exceeded its time limits of 1000 milliseconds during initialization."})",
         errc::timed_out, not_started, "not ready in time", developer},
        {developer, R"({"error":"The action did not initialize and exited unexpectedly."})", errc::invocation_failed,
         not_started, "see the activation's log", developer},
        {developer, R"({"error":"The action failed during initialization: x"})", errc::invocation_failed, not_started,
         "could not be started", developer},
        {developer, R"({"error":"Initialization has failed due to: Error"})", errc::invocation_failed, not_started,
         "could not be started", developer},
        {developer, R"({"error":"The action did not produce a valid response and exited unexpectedly."})",
         errc::function_error, started, "ended before it answered", developer},
        {developer, R"({"error":"The action exhausted its memory and was aborted."})", errc::function_error, started,
         "memory_mib", developer},
        {developer, "", errc::function_error, started, "gave no reason", developer},
        {developer, R"("text")", errc::function_error, started, "text", developer},
    };
    for (const auto& row : rows) {
        CAPTURE(row.result);
        OpenWhiskRecord record;
        record.status = row.status;
        record.result = row.result;
        for (const unsigned status : {502U, 200U}) {  // as it is told at once, and as its record is read later
            const auto answer = openwhisk_answer(status, record);
            CHECK_FALSE(OpenWhiskCalls::judge(answer).has_value());
            const auto error = failed(read(answer, false));
            CHECK(error.code == row.code);
            CHECK(error.execution == row.execution);
            CHECK_MESSAGE(says(error.message, row.says), error.message);
            CHECK(error.platform_code == row.platform_code);
            CHECK(error.request_id == openwhisk_id);
            CHECK(error.http_status == status);
            CHECK_FALSE(error.retryable);
            REQUIRE(error.metrics != nullptr);
            CHECK(error.metrics->queue_duration == 21ms);
        }
    }
    OpenWhiskRecord told;
    told.status = application;
    told.result = R"({"success":false,"error":"x","code":"FUNCTION_ERROR","execution_ms":5,"memory_used_mb":4})";
    CHECK(failed(read(openwhisk_answer(502, told))).metrics->execution_duration == 5ms);
    CHECK(failed(read(openwhisk_answer(502, told))).metrics->memory_used_mib == 4U);
    // The platform says that it ended the action, in whatever words.
    told.status = developer;
    told.result = R"({"error":"too slow"})";
    auto text = told.text();
    text.replace(text.find(R"("timeout","value":false)"), 23, R"("timeout","value":true)");
    CHECK(failed(read(openwhisk_answer(502, text))).code == errc::timed_out);
    told.status = "puzzled";
    CHECK(failed(read(openwhisk_answer(502, told))).code == errc::serialization);
}

TEST_CASE("pitfall 1 (OpenWhisk): a program that its runtime does not take is told with what to look at") {
    OpenWhiskRecord record;
    record.status = "action developer error";
    record.result = R"({"error":"Cannot start action. Check logs for details."})";
    const auto error = failed(read(openwhisk_answer(502, record)));
    CHECK(error.code == errc::invocation_failed);
    CHECK(error.execution == Execution::not_started);
    CHECK(says(error.message, "OpenWhiskActionOptions::exec_env"));
    CHECK(error.request_id == openwhisk_id);
}

TEST_CASE("openwhisk: only the platform's own failure may be tried again") {
    OpenWhiskRecord record;
    record.status = "whisk internal error";
    record.result = R"({"error":"Something broke."})";
    for (const unsigned status : {500U, 502U}) {
        const auto error = judged(openwhisk_answer(status, record));
        CHECK(error.code == errc::infrastructure);
        CHECK(error.retryable);
        CHECK(error.execution == Execution::unknown);
        CHECK(error.request_id == openwhisk_id);
        CHECK(error.platform_code == "whisk internal error");
    }
    record.result = R"({"error":"Failed to provision resources to run the action."})";
    CHECK(judged(openwhisk_answer(500, record)).execution == Execution::not_started);
}

TEST_CASE("openwhisk: what is answered in a record's place tells whether the job ran, and whether to call again") {
    struct Row {
        unsigned status;
        std::string body;
        errc code;
        bool retryable;
        Execution execution;
    };
    const std::string page = "<html><head><title>x</title></head><body><h1>nginx says no</h1></body></html>";
    const auto told = openwhisk_error("whatever it is");
    const auto unknown = Execution::unknown, not_started = Execution::not_started;
    const std::vector<Row> rows{
        {400, told, errc::invalid_configuration, false, not_started},
        {401, told, errc::authentication, false, not_started},
        {403, told, errc::authentication, false, not_started},
        {404, told, errc::not_found, false, not_started},
        {404, page, errc::infrastructure, true, not_started},
        {405, told, errc::unsupported, false, not_started},
        {408, told, errc::timed_out, true, unknown},
        {409, told, errc::conflict, false, not_started},
        {413, page, errc::invalid_configuration, false, not_started},
        {429, told, errc::throttled, true, not_started},
        {500, told, errc::infrastructure, true, unknown},
        {502, page, errc::infrastructure, true, unknown},
        {502, told, errc::infrastructure, true, unknown},
        {503, told, errc::infrastructure, true, not_started},
        {503, page, errc::infrastructure, true, unknown},
        {504, page, errc::timed_out, true, unknown},
        {307, "", errc::infrastructure, false, not_started},
        {418, told, errc::serialization, false, unknown},
    };
    for (const auto& row : rows) {
        CAPTURE(row.status);
        CAPTURE(row.body);
        const auto error = judged(openwhisk_answer(row.status, row.body));
        CHECK(error.code == row.code);
        CHECK(error.retryable == row.retryable);
        CHECK(error.execution == row.execution);
        CHECK(error.http_status == row.status);
        CHECK(error.message.find('<') == std::string::npos);
        if (row.body == told) CHECK(says(error.message, "whatever it is"));
        if (row.body == told) CHECK(error.request_id == "b0nZmoUjvJ9nFFqSmHfkLGBVq43cCIZn");
        if (row.body == page) CHECK(says(error.message, "nginx says no"));
    }
    CHECK(says(judged(openwhisk_answer(409, told)).message, "prefix"));
    CHECK(says(judged(openwhisk_answer(418, told)).message, "an answer which calls of actions do not have"));
    auto moved = openwhisk_answer(307, "");
    CHECK(says(judged(moved).message, "redirects to an address it does not name"));
    moved.headers.set("Location", "https://elsewhere.example/");
    CHECK(says(judged(moved).message, "redirects to https://elsewhere.example/; redirects are not followed"));
    CHECK(judged(openwhisk_answer(400, R"({"error":"x","code":4711})")).request_id == "4711");  // of old versions
    auto busy = openwhisk_answer(429, openwhisk_error("Too many requests in the last minute (count: 9, allowed: 8)."));
    busy.headers.set("Retry-After", "7");
    CHECK(judged(busy).retry_after == 7s);
    CHECK_FALSE(OpenWhiskCalls::judge(openwhisk_answer(200, "")).has_value());
    CHECK_FALSE(OpenWhiskCalls::judge(openwhisk_answer(202, "")).has_value());
}

TEST_CASE("openwhisk: a look finds no record (yet) where the API says so, and nobody else") {
    CHECK_FALSE(OpenWhiskCalls::judge_look(openwhisk_answer(404, openwhisk_error("It does not exist."))).has_value());
    CHECK_FALSE(OpenWhiskCalls::judge_look(openwhisk_answer(200, OpenWhiskRecord{})).has_value());
    CHECK(OpenWhiskCalls::judge_look(openwhisk_answer(404, "<html>not here</html>"))->retryable);
    CHECK(OpenWhiskCalls::judge_look(openwhisk_answer(401, ""))->code == errc::authentication);
    CHECK(OpenWhiskCalls::judge_look(openwhisk_answer(502, ""))->code == errc::infrastructure);
}

TEST_CASE("openwhisk: an activation's id is in the answer or in its field, and is fit to stand in a path") {
    CHECK(OpenWhiskCalls::activation_id(openwhisk_answer(202, R"({"activationId":"ab12"})")) == "ab12");
    auto answer = openwhisk_answer(202, "{}");
    CHECK(OpenWhiskCalls::activation_id(answer).empty());
    answer.headers.set("X-OpenWhisk-Activation-Id", "cd34");
    CHECK(OpenWhiskCalls::activation_id(answer) == "cd34");
    for (const std::string unfit : {"../../x", "a?b", "a%2fb", "a b"})
        CHECK(OpenWhiskCalls::activation_id(openwhisk_answer(202, R"({"activationId":")" + unfit + "\"}")).empty());
    const OpenWhiskCalls calls{{}};
    CHECK(ok(calls.read_receipt(openwhisk_answer(202, R"({"activationId":"ab12"})"), JobId{7U})).invocation_id ==
          "ab12");
    CHECK_FALSE(ok(calls.read_receipt(openwhisk_answer(202, R"({"activationId":"ab12"})"), JobId{7U})).completed);
    CHECK(ok(calls.read_receipt(openwhisk_answer(200, OpenWhiskRecord{}), JobId{7U})).completed);
    CHECK(failed(calls.read_receipt(openwhisk_answer(202, "{}"), JobId{7U})).code == errc::serialization);
}

TEST_CASE("openwhisk: the log of a call is the end of what the record has, where it is wanted") {
    OpenWhiskActionOptions options;
    options.log_tail = true;
    const OpenWhiskCalls calls{options};
    OpenWhiskRecord record;
    CHECK(calls.lacks_log(openwhisk_answer(200, record)));
    CHECK_FALSE(OpenWhiskCalls{{}}.lacks_log(openwhisk_answer(200, record)));
    record.logs = R"(["2026-11-26T10:00:00.1Z stdout: one","2026-11-26T10:00:00.2Z stderr: two\n"])";
    const auto answer = openwhisk_answer(200, record);
    CHECK_FALSE(calls.lacks_log(answer));
    CHECK(ok(read(answer, true, options)).metrics.log_tail ==
          "2026-11-26T10:00:00.1Z stdout: one\n2026-11-26T10:00:00.2Z stderr: two\n");
    CHECK(ok(read(answer)).metrics.log_tail.empty());
    record.status = "application error";
    record.result = R"({"error":"x"})";
    CHECK(says(failed(read(openwhisk_answer(502, record), true, options)).metrics->log_tail, "stderr: two"));
    CHECK(OpenWhiskCalls::read_log(openwhisk_answer(200, R"({"logs":["a","b"]})")) == "a\nb\n");
    for (const std::string none : {"", "{}", "[]", R"({"logs":"a"})", R"({"logs":[1]})", R"({"logs":[})"})
        CHECK(OpenWhiskCalls::read_log(openwhisk_answer(200, none)).empty());
    // Logs that a platform may not keep are asked to be kept.
    CHECK(write(options, {.job_id = 7}).form.request.headers.get("X-OW-EXTRA-LOGGING") == "on");
    CHECK_FALSE(write({}, {.job_id = 7}).form.request.headers.get("X-OW-EXTRA-LOGGING").has_value());
}

TEST_CASE("openwhisk: the end of a log is whole lines, as many as there is room for") {
    using detail::openwhisk_log_tail;
    CHECK(openwhisk_log_tail(R"(["aaaa","bbbb","cccc"])", 15) == "aaaa\nbbbb\ncccc\n");
    CHECK(openwhisk_log_tail(R"(["aaaa","bbbb","cccc"])", 14) == "bbbb\ncccc\n");
    CHECK(openwhisk_log_tail(R"(["aaaa","bbbb","cccc"])", 10) == "bbbb\ncccc\n");
    CHECK(openwhisk_log_tail(R"(["aaaa","bbbb","cccc"])", 9) == "cccc\n");
    CHECK(openwhisk_log_tail(R"(["aaaa","bbbbbbbb"])", 5) == "bbbb\n");
    CHECK(openwhisk_log_tail("[\"aaaa\",\"b\xc3\xa4\xc3\xa4\"]", 4) == "\xc3\xa4\n");
    CHECK(openwhisk_log_tail("", 9).empty());
    CHECK(openwhisk_log_tail(R"({"a":1})", 9).empty());
}

TEST_CASE("openwhisk: a record is read as what it says, and what it does not say is empty") {
    const auto text = OpenWhiskRecord{}.text();
    const auto told = detail::read_openwhisk_activation(text);
    REQUIRE(told.has_value());
    CHECK(told->id == openwhisk_id);
    CHECK(told->name == "blueprint-job-7");
    CHECK(told->version == "0.0.7");
    CHECK(told->start == 1'790'000'000'000ms);
    CHECK(told->end == 1'790'000'000'020ms);
    CHECK(told->duration == 20ms);
    CHECK((told->status == OpenWhiskStatus::success));
    CHECK(told->wait_time == 21ms);
    CHECK_FALSE(told->timed_out);
    CHECK(told->ended());
    // Of a list, and of older systems.
    const auto entry = detail::read_openwhisk_activation(R"({"activationId":"a","start":1,"end":2,"statusCode":2})");
    REQUIRE(entry.has_value());
    CHECK((entry->status == OpenWhiskStatus::developer_error));
    const auto older =
        detail::read_openwhisk_activation(R"({"activationId":"a","response":{"statusCode":1,"result":{"error":"x"}}})");
    REQUIRE(older.has_value());
    CHECK((older->status == OpenWhiskStatus::application_error));
    const auto open = detail::read_openwhisk_activation(R"({"activationId":"a","start":1})");
    REQUIRE(open.has_value());
    CHECK_FALSE(open->ended());
    for (const std::string bad :
         {"", "[", "{", "[]", "{}", R"({"activationId":"a","response":{}},)", R"({"activationId":"a","response":7})",
          R"({"activationId":"a","response":{"status":}})", R"({"activationId":"a" "response":{}})",
          R"({"activationId":"a","response":{},"response":{}})", R"({"activationId":"a","response":{})",
          R"({"activationId":"a","start":1]})", R"({"activationId":"a","start":1,})"}) {
        CAPTURE(bad);
        CHECK_FALSE(detail::read_openwhisk_activation(bad).has_value());
    }
    // Cut anywhere it is none, and nothing is read beyond its end.
    for (std::size_t size = 0; size < text.size(); ++size)
        CHECK_FALSE(detail::read_openwhisk_activation(std::string{text, 0, size}).has_value());
}

TEST_CASE("openwhisk: warming calls and health calls are marked, and run no job") {
    OpenWhiskActionOptions options;
    options.warm_hold = 40ms;
    const OpenWhiskCalls calls{options};
    const auto warm = calls.warm_request(access(), JobId{256U});  // C1: never cut to eight bits
    CHECK(warm.target == "/api/v1/namespaces/_/actions/blueprint-job-256?blocking=true&result=false");
    CHECK(warm.body.view() == R"({"blueprint":"warm","hold_ms":40})");
    CHECK(warm.headers.get("Authorization") == "Basic dXNlcjpub3QtYS1rZXk=");
    const auto health = calls.health_request(access(), JobId{7U});
    CHECK(health.body.view() == R"({"blueprint":"health"})");
    CHECK((health.verb == Verb::post));

    OpenWhiskRecord record;
    record.result = R"({"blueprint":"warm","instance":"i-1"})";
    CHECK(OpenWhiskCalls::read_warmed(openwhisk_answer(200, record)).instance == "i-1");
    CHECK_FALSE((OpenWhiskCalls::read_health(openwhisk_answer(200, record)).state == HealthState::healthy));
    record.result = R"({"blueprint":"health","status":"healthy","instance":"i-1"})";
    CHECK((OpenWhiskCalls::read_health(openwhisk_answer(200, record)).state == HealthState::healthy));
    CHECK(says(OpenWhiskCalls::read_warmed(openwhisk_answer(200, record)).why_not, "serve()"));
    record.result = R"({"blueprint":"health","status":"tired"})";
    auto told = OpenWhiskCalls::read_health(openwhisk_answer(200, record));
    CHECK((told.state == HealthState::unhealthy));
    CHECK(says(told.reason, "tired"));
    record.result = R"({"greeting":"hello"})";
    told = OpenWhiskCalls::read_health(openwhisk_answer(200, record));
    CHECK((told.state == HealthState::unhealthy));
    CHECK(says(told.reason, "not as serve()"));
    record.status = "action developer error";
    record.result = R"({"error":"Cannot start action. Check logs for details."})";
    told = OpenWhiskCalls::read_health(openwhisk_answer(502, record));
    CHECK((told.state == HealthState::unhealthy));
    CHECK(says(told.reason, "Cannot start action"));
    CHECK(says(OpenWhiskCalls::read_warmed(openwhisk_answer(502, record)).why_not, "Cannot start action"));
    told = OpenWhiskCalls::read_health(openwhisk_answer(202, R"({"activationId":"a1"})"));
    CHECK((told.state == HealthState::unknown));
    CHECK(says(told.reason, "a1"));
}

}  // namespace openwhisk_calls_test
