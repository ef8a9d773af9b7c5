#include "blueprint/faas/codec/gcp_calls.hpp"

#include "blueprint/faas/codec/impl/function_caller.hpp"
#include "gcp_fixture.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gcp_calls_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using detail::GoogleCalls;
using tests::CloudFunctions;
using tests::failed;
using tests::FunctionsOf;
using tests::google_options;
using tests::ok;
using tests::program;
using tests::run;
using Lines = std::vector<std::string>;

namespace {

const std::string service = "https://blueprint-job-0-abc123-ew.a.run.app";

JobCall call_of(Bytes args = {1, 2, 255}) {
    JobCall call;
    call.args = std::move(args);
    return call;
}

CloudFunctionOptions known_url(std::string url = service) {
    auto options = tests::function_options();
    options.cloud.job_urls = {{JobId{0U}, std::move(url)}};
    return options;
}

// A cloud in which the job's function is in place, and what calls of it carried.
struct Called {
    std::shared_ptr<tests::FakeGcp> fake = std::make_shared<tests::FakeGcp>();
    std::optional<HttpRequest> seen{};
    HttpResponse answer{.status = 200};

    Called() {
        fake->service_at = [](const std::string& url) -> std::optional<std::string> {
            if (url == service) return "projects/p/locations/europe-west1/services/blueprint-job-0";
            return std::nullopt;
        };
        fake->invoked = [this](const HttpRequest& request) {
            seen = request;
            return answer;
        };
        answer.headers.set("Content-Type", "application/octet-stream");
    }
};

// What a caller needs of a link to wait for another one's look; no time passes.
struct PausesOnly {
    std::vector<std::chrono::milliseconds> pauses{};

    boost::asio::awaitable<result<void>> wait(std::chrono::milliseconds pause) {
        pauses.push_back(pause);
        co_await boost::asio::post(boost::asio::use_awaitable);
        co_return result<void>{};
    }
};

// Finds the URL once another one has waited so many times for it.
boost::asio::awaitable<result<detail::GoogleAddress>> found_after(PausesOnly& link, std::size_t waits) {
    while (link.pauses.size() < waits) co_await boost::asio::post(boost::asio::use_awaitable);
    co_return GoogleCalls::address(service);
}

Error judged(HttpResponse answer) {
    auto error = GoogleCalls::judge(answer);
    REQUIRE(error.has_value());
    return *error;
}
HttpResponse answered(unsigned status, std::string body) { return {.status = status, .body = std::move(body)}; }
bool says(const Error& error, std::string_view text) { return error.message.find(text) != std::string::npos; }

}  // namespace

TEST_CASE("G1: a call carries an ID token for the service's URL; GCP pitfall 2: never an access token") {
    Called cloud;
    CloudFunctions functions{known_url(), cloud.fake};
    ok(functions.invoke(call_of()));
    REQUIRE(cloud.seen.has_value());
    CHECK(cloud.seen->headers.get("Authorization") == "Bearer id-token for " + service);
    // What Google's front end says of any other token.
    cloud.fake->service_at = [](const std::string&) { return std::optional<std::string>{"somebody's"}; };
    CloudFunctions wrong{known_url("https://europe-west1-p.cloudfunctions.net/other"), cloud.fake};
    const auto error = failed(wrong.invoke(call_of()));
    CHECK(error.code == errc::authentication);
    CHECK(error.execution == Execution::not_started);
    CHECK(says(error, "The access token could not be verified"));
    CHECK(says(error, "takes ID tokens alone"));
}

TEST_CASE("GCP pitfall 1: the audience is the URL as it stands, of run.app without a path") {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"https://a-ew.a.run.app", "https://a-ew.a.run.app"},
        {"https://a-ew.a.run.app/", "https://a-ew.a.run.app"},
        {"https://a-ew.a.run.app/path?x=1", "https://a-ew.a.run.app"},
        {"https://europe-west1-p.cloudfunctions.net/my-function",
         "https://europe-west1-p.cloudfunctions.net/my-function"},
        {"https://job.example.com", "https://job.example.com"},
        {"https://job.example.com/?x=1", "https://job.example.com/"},
        {"http://127.0.0.1:8080/services/a", "http://127.0.0.1:8080/services/a"}};
    for (const auto& [url, audience] : rows) {
        CAPTURE(url);
        CHECK(ok(GoogleCalls::address(url)).audience == audience);
    }
    CHECK(ok(GoogleCalls::address("https://h.example/a/b?c=d")).url.target == "/a/b?c=d");
    auto options = google_options();
    options.job_urls = {{JobId{3U}, "not a URL"}};
    const auto problem = GoogleCalls{options}.misconfigured();
    REQUIRE(problem.has_value());
    CHECK(says(*problem, "job 3"));
}

TEST_CASE("G2: a warm call is one request, and the first one looks the URL up once") {
    CloudFunctions functions;
    ok(functions.deploy(program()));
    CloudFunctions fresh{tests::function_options(), functions.fake};
    auto& lines = functions.fake->lines;
    lines.clear();
    CHECK(ok(ok(fresh.invoke(call_of())).result.outcome) == Bytes{1, 2, 255});
    CHECK((lines == Lines{"GET https://cloudfunctions.googleapis.com/v2/projects/p/locations/europe-west1/functions/"
                          "blueprint-job-0",
                          "POST " + service + "/"}));
    lines.clear();
    const auto warm = ok(fresh.invoke(call_of()));
    CHECK((lines == Lines{"POST " + service + "/"}));
    CHECK(warm.metrics.attempts == 1);
    // After a deployment the URL is known without a look.
    lines.clear();
    ok(functions.invoke(call_of()));
    CHECK(lines.size() == 1);
}

TEST_CASE("google: a call's fields are those of the contract, in each format of bytes") {
    auto call = call_of();
    call.metadata = {{"traceparent", "00-1-2-01"},
                     {"tracestate", "a=b"},
                     {"x-request-id", "r-1"},
                     {"idempotency-key", "k-1"},
                     {"tenant", "gr\xc3\xbc\xc3\x9f \"x\""},
                     {"blueprint-secret", "never"}};
    call.timeout = 9s;
    const auto common = [&](const HttpRequest& request) {
        CHECK(request.verb == Verb::post);
        CHECK(request.target == "/");
        CHECK(request.headers.get("X-Blueprint-Job-Id") == "0");
        CHECK(request.headers.get("traceparent") == "00-1-2-01");
        CHECK(request.headers.get("tracestate") == "a=b");
        CHECK(request.headers.get("X-Request-Id") == "r-1");
        CHECK(request.headers.get("Idempotency-Key") == "k-1");
        const auto left = std::stoi(std::string{request.headers.get("X-Blueprint-Timeout-Ms").value_or("0")});
        CHECK(left > 0);
        CHECK(left <= 9000);
        const auto base64 = std::string{request.headers.get("X-Blueprint-Metadata").value_or("")};
        const auto json = detail::base64_decode(base64);
        REQUIRE(json.has_value());
        CHECK(
            (boost::json::parse(detail::text_of(*json)) == boost::json::value{{"tenant", "gr\xc3\xbc\xc3\x9f \"x\""}}));
        CHECK(request.headers.text().find("never") == std::string_view::npos);
    };
    {
        Called cloud;
        CloudFunctions functions{known_url(), cloud.fake};
        ok(functions.invoke(call));
        common(*cloud.seen);
        CHECK(cloud.seen->headers.get("Content-Type") == "application/octet-stream");
        CHECK(cloud.seen->body.view() == "\x01\x02\xff");
        // The next call writes its own and nothing of this one's.
        ok(functions.invoke(call_of({7})));
        CHECK_FALSE(cloud.seen->headers.get("X-Blueprint-Metadata").has_value());
        CHECK_FALSE(cloud.seen->headers.get("traceparent").has_value());
        CHECK(cloud.seen->body.view() == "\x07");
    }
    Called cloud;
    cloud.answer.headers.set("Content-Type", "application/json");
    cloud.answer.body = R"({"job_id":0,"result":"AQL/","success":true,"execution_ms":4})";
    FunctionsOf<Base64Json> base64{known_url(), cloud.fake};
    const auto done = ok(base64.invoke(call));
    CHECK(ok(done.result.outcome) == Bytes{1, 2, 255});
    CHECK(done.metrics.execution_duration == 4ms);
    common(*cloud.seen);
    CHECK(cloud.seen->headers.get("Content-Type") == "application/json");
    CHECK(cloud.seen->headers.get("X-Blueprint-Bytes") == "base64");
    CHECK(cloud.seen->body.view() == R"({"job_id":0,"args":"AQL/"})");
    FunctionsOf<JsonBytes> numbers{known_url(), cloud.fake};
    ok(numbers.invoke(call));
    CHECK_FALSE(cloud.seen->headers.get("X-Blueprint-Bytes").has_value());
    CHECK(cloud.seen->body.view() == R"({"job_id":0,"args":[1,2,255]})");
}

TEST_CASE("google: a call that could not travel is refused before it is sent") {
    Called cloud;
    auto options = known_url();
    options.cloud.max_body_bytes = 1024;
    CloudFunctions functions{options, cloud.fake};
    const auto refused = [&](JobCall call) {
        const auto error = failed(functions.invoke(std::move(call)));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(error.execution == Execution::not_started);
        CHECK(cloud.fake->lines.empty());
        return error;
    };
    CHECK(says(refused(call_of(Bytes(1025))), "1025 bytes"));
    auto call = call_of();
    call.metadata = {{"big", std::string(6200, 'x')}};
    CHECK(says(refused(call), "8192"));
    call.metadata = {{"bad", "\xff"}};
    CHECK(says(refused(call), "'bad'"));
    call.metadata = {{"most", std::string(6000, 'x')}};
    ok(functions.invoke(call));
}

TEST_CASE("google: the fields of an answer tell about the call, and nothing is guessed") {
    Called cloud;
    CloudFunctions functions{known_url(), cloud.fake};
    auto plain = ok(functions.invoke(call_of())).metrics;
    CHECK_FALSE(plain.execution_duration.has_value());
    CHECK_FALSE(plain.cold_start.has_value());
    CHECK_FALSE(plain.billed_duration.has_value());
    for (const auto& [name, value] :
         std::vector<std::pair<std::string, std::string>>{{"X-Blueprint-Execution-Ms", "12"},
                                                          {"x-blueprint-memory-mb", "34"},
                                                          {"X-Blueprint-Cold-Start", "true"},
                                                          {"X-Blueprint-Init-Ms", "56"},
                                                          {"X-Blueprint-Revision", "job-00007"},
                                                          {"X-Request-Id", "r-9"},
                                                          {"X-Cloud-Trace-Context", "t"}})
        cloud.answer.headers.set(name, value);
    const auto metrics = ok(functions.invoke(call_of())).metrics;
    CHECK(metrics.execution_duration == 12ms);
    CHECK(metrics.memory_used_mib == 34);
    CHECK(metrics.cold_start == true);
    CHECK(metrics.init_duration == 56ms);
    CHECK(metrics.executed_version == "job-00007");
    CHECK(metrics.request_id == "r-9");
    cloud.answer.headers.set("X-Request-Id",
                             "r-\xc2\x9b"
                             "9");  // a terminal would obey
    CHECK(ok(functions.invoke(call_of())).metrics.request_id == "r- 9");
    cloud.answer.headers.set("X-Blueprint-Execution-Ms", "-1");
    CHECK_FALSE(ok(functions.invoke(call_of())).metrics.execution_duration.has_value());
}

TEST_CASE("google: what a call failed with tells whether the job ran, and whether to call again") {
    struct Row {
        unsigned status;
        std::string body;
        errc code;
        bool retryable;
        Execution execution;
    };
    const std::string page = "<html><body><h1>Error</h1></body></html>";
    const auto unknown = Execution::unknown;
    const auto not_started = Execution::not_started;
    const auto started = Execution::started;
    const std::vector<Row> rows{
        // Google's front end.
        {401, page, errc::authentication, true, not_started},
        {403, page, errc::authentication, false, not_started},
        {404, page, errc::not_found, false, not_started},
        {413, page, errc::invalid_configuration, false, not_started},
        {429, "Rate exceeded.", errc::throttled, true, not_started},
        {500, "", errc::infrastructure, true, unknown},
        {500, "The request was aborted because there was no available instance.", errc::throttled, true, not_started},
        {502, page, errc::infrastructure, true, unknown},
        {503, "Service Unavailable", errc::infrastructure, true, unknown},
        {504, "upstream request timeout", errc::timed_out, true, unknown},
        {418, page, errc::serialization, false, unknown},
        {204, "", errc::serialization, false, unknown},
        {302, "", errc::infrastructure, false, not_started},
        // The function itself.
        {500, R"({"job_id":0,"success":false,"error":"no","code":"FUNCTION_ERROR"})", errc::function_error, false,
         started},
        {500, R"({"job_id":9,"success":false,"error":"no such job","code":"NOT_FOUND"})", errc::not_found, false,
         not_started},
        {500, R"({"job_id":0,"success":false,"error":"late","code":"TIMEOUT"})", errc::timed_out, false, started},
        {500, R"({"job_id":0,"success":false,"error":"x","code":"THROTTLED"})", errc::function_error, false, started},
        {400, R"({"error":"no args","code":"BAD_REQUEST"})", errc::invalid_configuration, false, not_started},
        {401, R"({"error":"who is that","code":"UNAUTHORIZED"})", errc::authentication, true, not_started},
        {403, R"({"error":"not you","code":"FORBIDDEN"})", errc::authentication, false, not_started},
        {404, R"({"error":"no such path","code":"NO_PATH"})", errc::not_found, false, not_started},
        {413, R"({"error":"large","code":"TOO_LARGE"})", errc::invalid_configuration, false, not_started},
        {429, R"({"error":"busy","code":"THROTTLED"})", errc::throttled, true, not_started},
        {502, R"({"error":"no answer","code":"UNAVAILABLE"})", errc::infrastructure, true, unknown},
        {503, R"({"error":"about to end","code":"UNAVAILABLE"})", errc::infrastructure, true, not_started},
        {504, R"({"error":"late","code":"TIMEOUT"})", errc::timed_out, false, not_started},
    };
    for (const auto& row : rows) {
        CAPTURE(row.status);
        CAPTURE(row.body);
        const auto error = judged(answered(row.status, row.body));
        CHECK(error.code == row.code);
        CHECK(error.retryable == row.retryable);
        CHECK(error.execution == row.execution);
        CHECK(error.http_status == row.status);
        CHECK_FALSE(error.message.empty());
    }
    CHECK(says(judged(answered(403, page)), "roles/run.invoker"));
    auto busy = answered(429, "");
    busy.headers.set("Retry-After", "2");
    CHECK(judged(busy).retry_after == 2s);
    auto crash = answered(500, "");
    crash.headers.set("X-Google-Status", "crash");
    CHECK(says(judged(crash), "crash"));
    auto failed_job =
        answered(500, R"({"job_id":0,"success":false,"error":"divided by 0","code":"E1","execution_ms":7})");
    failed_job.headers.set("X-Request-Id", "r-2");
    const auto error = judged(failed_job);
    CHECK(error.message == "the job failed: divided by 0");
    CHECK(error.platform_code == "E1");
    CHECK(error.request_id == "r-2");
    REQUIRE(error.metrics);
    CHECK(error.metrics->execution_duration == 7ms);
}

TEST_CASE("google: an answer of 200 that is no result is an error, never an empty success") {
    Called cloud;
    CloudFunctions functions{known_url(), cloud.fake};
    cloud.answer.headers.set("Content-Type", "text/html");
    for (const std::string body : {"<html>hello</html>", "", "[]", R"({"result":"AA==","job_id":5})", "{}",
                                   R"({"success":true})", R"({"success":false,"error":"x"})"}) {
        CAPTURE(body);
        cloud.answer.body = body;
        const auto error = failed(functions.invoke(call_of()));
        CHECK((error.code == errc::serialization || error.code == errc::function_error));
    }
    // Read by the general reader: another order, and a member that nobody knows.
    cloud.answer.body = R"({"more":[1],"result":[9],"job_id":0,"success":true,"cold_start":true})";
    const auto done = ok(functions.invoke(call_of()));
    CHECK(ok(done.result.outcome) == Bytes{9});
    CHECK(done.metrics.cold_start == true);
}

TEST_CASE("google: only calls that are idempotent, or certainly did not start, are made again") {
    Called cloud;
    CloudFunctions functions{known_url(), cloud.fake};
    int calls = 0;
    unsigned status = 503;
    cloud.fake->invoked = [&](const HttpRequest&) {
        ++calls;
        return answered(status, "");
    };
    CHECK(failed(functions.invoke(call_of())).execution == Execution::unknown);
    CHECK(calls == 1);
    calls = 0;
    auto call = call_of();
    call.idempotent = true;
    failed(functions.invoke(call));
    CHECK(calls == 3);
    calls = 0;
    status = 429;
    failed(functions.invoke(call_of()));
    CHECK(calls == 3);
}

TEST_CASE("google: a URL that answers 404 is forgotten, and looked up anew by the next call") {
    CloudFunctions functions;
    ok(functions.deploy(program()));
    ok(functions.invoke(call_of()));
    auto& config = functions.fake->function().at("serviceConfig").as_object();
    config["uri"] = "https://blueprint-job-0-moved-ew.a.run.app";
    const auto gone = failed(functions.invoke(call_of()));
    CHECK(gone.code == errc::not_found);
    CHECK(gone.execution == Execution::not_started);
    functions.fake->lines.clear();
    ok(functions.invoke(call_of()));
    CHECK(functions.fake->lines.size() == 2);
    CHECK(functions.fake->lines.back() == "POST https://blueprint-job-0-moved-ew.a.run.app/");
    // What the options say is not the codec's to forget, and it has nobody to ask.
    CloudFunctions fixed{known_url(), functions.fake};
    failed(fixed.invoke(call_of()));
    functions.fake->lines.clear();
    CHECK(failed(fixed.invoke(call_of())).code == errc::not_found);
    CHECK((functions.fake->lines == Lines{"POST " + service + "/"}));
    // A job that the program does not have is no address that moved.
    functions.fake->invoked = [](const HttpRequest&) {
        return answered(500, R"({"job_id":0,"success":false,"error":"no such job","code":"NOT_FOUND"})");
    };
    failed(functions.invoke(call_of()));
    functions.fake->lines.clear();
    failed(functions.invoke(call_of()));
    CHECK(functions.fake->lines.size() == 1);
}

TEST_CASE("google: of calls that begin at once one looks the URL up, and the others wait for what it finds") {
    const auto shared = std::make_shared<tests::FakeGcp>();
    CloudFunctions deployer{tests::function_options(), shared};
    ok(deployer.deploy(program()));
    for (const bool there : {true, false}) {
        CAPTURE(there);
        CloudFunctions functions{tests::function_options(), shared, [] { return 20; }};
        if (!there) shared->functions.all.clear();
        shared->lines.clear();
        int good = 0;
        int bad = 0;
        for (int i = 0; i < 8; ++i)
            boost::asio::co_spawn(functions.io, functions.executor.invoke(call_of()),
                                  [&](std::exception_ptr, result<JobResult> outcome) {
                                      if (outcome) ++good;
                                      if (!outcome && outcome.error().code == errc::not_found) ++bad;
                                  });
        functions.io.run();
        CHECK(good == (there ? 8 : 0));
        CHECK(bad == (there ? 0 : 8));
        CHECK(std::count_if(shared->lines.begin(), shared->lines.end(),
                            [](const std::string& line) { return line.starts_with("GET "); }) == 1);
    }
}

TEST_CASE("google: who waits for another's look looks ever less often") {
    boost::asio::io_context io;
    const detail::FunctionCaller<Binary, GoogleCalls> caller{google_options()};
    PausesOnly link;
    int good = 0;
    const auto look_up = [](PausesOnly& waiting, JobId) { return found_after(waiting, 8); };
    for (int i = 0; i < 2; ++i)
        boost::asio::co_spawn(io, caller.address(link, 0U, look_up),
                              [&](std::exception_ptr, result<detail::GoogleAddress> outcome) {
                                  if (outcome) ++good;
                              });
    io.run();
    CHECK(good == 2);
    CHECK((link.pauses == std::vector<std::chrono::milliseconds>{1ms, 2ms, 4ms, 8ms, 16ms, 32ms, 50ms, 50ms}));
}

TEST_CASE("google: options that cannot work are told by a call, before anything is sent") {
    auto no_project = tests::function_options();
    no_project.cloud.project.clear();
    for (const auto& options : {no_project, known_url("no URL")}) {
        CloudFunctions functions{options};
        CHECK(CloudFunctionCodec<>{options}.misconfigured().has_value());
        CHECK(failed(functions.invoke(call_of())).code == errc::invalid_configuration);
        CHECK(failed(run(functions.io, functions.executor.warm(0, 1))).code == errc::invalid_configuration);
        CHECK(failed(run(functions.io, functions.executor.describe_platform())).code == errc::invalid_configuration);
        CHECK(functions.fake->lines.empty());
    }
}

TEST_CASE("google: a call of a job that is not deployed says so, and nothing is called") {
    CloudFunctions functions;
    const auto error = failed(functions.invoke(call_of()));
    CHECK(error.code == errc::not_found);
    CHECK(error.execution == Execution::not_started);
    CHECK(says(error, "blueprint-job-0"));
    CHECK(functions.fake->lines.size() == 1);
    // A look that was in vain is not the last one.
    ok(CloudFunctions{tests::function_options(), functions.fake}.deploy(program()));
    ok(functions.invoke(call_of()));
}

TEST_CASE("google: a call fails with the reason, whichever of its exchanges does") {
    for (const auto fault : {tests::FakeGcp::Fault::refused, tests::FakeGcp::Fault::lost}) {
        for (std::size_t at = 1; at <= 2; ++at) {
            CAPTURE(at);
            CloudFunctions functions;
            ok(functions.deploy(program()));
            CloudFunctions fresh{tests::function_options(), functions.fake};
            functions.fake->lines.clear();
            functions.fake->fault_at = at;
            functions.fake->fault = fault;
            const auto outcome = fresh.invoke(call_of());
            const bool lost = fault == tests::FakeGcp::Fault::lost;
            if (lost && at == 1) {  // looking is harmless, and so is looking again
                CHECK(outcome.has_value());
                continue;
            }
            const auto error = failed(outcome);
            CHECK(error.code == (lost ? errc::infrastructure : errc::authentication));
            CHECK(error.execution == (lost ? Execution::unknown : Execution::not_started));
        }
    }
}

}  // namespace gcp_calls_test
