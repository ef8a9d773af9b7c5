#include "blueprint/faas/codec/azure_calls.hpp"

#include "azure_app_fixture.hpp"

#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <numeric>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace azure_calls_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using detail::AzureCalls;
using tests::Azure;
using tests::azure_app_options;
using tests::AzureOf;
using tests::failed;
using tests::FakeAzureApp;
using tests::known_azure_app;
using tests::ok;
using tests::run;
using Lines = std::vector<std::string>;

namespace {

JobCall call_of(Bytes args = {1, 2, 255}) {
    JobCall call;
    call.args = std::move(args);
    return call;
}
JobCall idempotent_call() {
    auto call = call_of();
    call.idempotent = true;
    return call;
}
HttpResponse answered(unsigned status, std::string body = {}) { return {.status = status, .body = std::move(body)}; }
Error judged(const HttpResponse& answer) {
    auto error = AzureCalls::judge(answer);
    REQUIRE(error.has_value());
    return *error;
}
bool says(const Error& error, std::string_view text) { return error.message.find(text) != std::string::npos; }
std::string shown(const Error& error) {
    std::ostringstream out;
    out << error << error.platform_code;
    return out.str();
}

const std::string look = "GET site:/sites/my-app";
const std::string look_keys = "POST site:/sites/my-app/host/default/listkeys";
const std::string call_line = "POST app:/api/run";

}  // namespace

TEST_CASE("Z3: the key is the field x-functions-key; no URL, no error and no message has it") {
    Azure azure{known_azure_app()};
    ok(azure.invoke(call_of()));
    REQUIRE(azure.app->calls.size() == 1);
    CHECK(azure.app->calls[0].target == "/api/run");
    CHECK(azure.app->calls[0].headers.get("x-functions-key") == azure.app->key);
    CHECK_FALSE(azure.app->calls[0].headers.get("Authorization").has_value());
    // A program that tells what it was sent.
    const std::string told = "I was called with " + azure.app->key;
    for (const auto& answer :
         {answered(500, R"({"job_id":0,"success":false,"error":")" + told + R"(","code":"FUNCTION_ERROR"})"),
          answered(200, R"({"job_id":0,"success":false,"error":")" + told + R"(","code":"FUNCTION_ERROR"})"),
          answered(500, "<html>" + told + "</html>")}) {
        azure.app->calls_answered = {answer};
        const auto error = failed(azure.invoke(call_of()));
        CHECK(says(error, "I was called with [redacted]"));
        CHECK(shown(error).find(azure.app->key) == std::string::npos);
        REQUIRE(error.metrics != nullptr);
        for (const auto& attempt : error.metrics->failed_attempts)
            CHECK(attempt.why.find(azure.app->key) == std::string::npos);
    }
}

TEST_CASE("Z3: a key in the URL of the options is refused, and not shown") {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"https://my-app.azurewebsites.net/api/run?code=secret-key-1", "query"},
        {"https://my-app.azurewebsites.net?code=secret-key-1", "query"},
        {"my-app.azurewebsites.net", "https://"},
        {"https://user:secret-key-1@my-app.azurewebsites.net", "password"}};
    for (const auto& [url, why] : rows) {
        CAPTURE(url);
        AzureFunctionsOptions options;
        options.app_url = url;
        const AzureCalls calls{options};
        REQUIRE(calls.misconfigured().has_value());
        CHECK(says(*calls.misconfigured(), why));
        CHECK(says(*calls.misconfigured(), "app_url"));
        CHECK_FALSE(says(*calls.misconfigured(), "secret-key-1"));
        Azure azure{options};
        CHECK(failed(azure.invoke(call_of())).code == errc::invalid_configuration);
        CHECK(azure.app->lines.empty());
    }
    auto options = known_azure_app();
    options.function_key = "secret-key-1\n";
    const AzureCalls calls{options};
    REQUIRE(calls.misconfigured().has_value());
    CHECK(says(*calls.misconfigured(), "function_key"));
    CHECK_FALSE(says(*calls.misconfigured(), "secret-key-1"));
}

TEST_CASE("azure: calls go to /api/run of the app, wherever that is") {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"https://my-app.azurewebsites.net", "/api/run"},
        {"https://my-app.azurewebsites.net/", "/api/run"},
        {"https://my-app.azurewebsites.net/api/run", "/api/run"},
        {"https://gateway.example.com/jobs/", "/jobs/api/run"}};
    for (const auto& [url, target] : rows) {
        CAPTURE(url);
        CHECK(ok(AzureCalls::function_url(url)).target == target);
    }
    const auto local = ok(AzureCalls::function_url_of("127.0.0.1:8443"));
    CHECK(local.origin == Origin{.tls = true, .host = "127.0.0.1", .port = 8443});
    CHECK(AzureCalls::host_status_request(local, "k").target == "/admin/host/status");
    for (const std::string host : {"", "evil.example/x", "a@b", "a?b", "a#b"}) {
        CAPTURE(host);
        CHECK(AzureCalls::function_url_of(host).has_error());
    }
}

TEST_CASE("Z2: where the app is and its key are asked for once for all jobs, and a warm call is one request") {
    Azure azure;
    CHECK(ok(ok(azure.invoke(call_of())).result.outcome) == Bytes{1, 2, 255});
    CHECK((azure.app->asked() == Lines{look, look_keys, call_line}));
    const auto warm = ok(azure.invoke(call_of()));
    CHECK((azure.app->asked() == Lines{call_line}));
    CHECK(warm.metrics.attempts == 1);
    auto other = call_of();
    other.job_id = 256;
    ok(azure.invoke(other));
    CHECK((azure.app->asked() == Lines{call_line}));
    CHECK(azure.app->calls.back().headers.get("X-Blueprint-Job-Id") == "256");
    CHECK(azure.app->calls.back().headers.get("x-functions-key") == azure.app->key);
    // With both given nothing is looked up.
    Azure known{known_azure_app()};
    ok(known.invoke(call_of()));
    CHECK((known.app->asked() == Lines{call_line}));
}

TEST_CASE("Z2: of many first calls at once one looks up, and the others wait for it") {
    Azure azure{azure_app_options(), std::make_shared<FakeAzureApp>(), [] { return 3; }};
    int done = 0;
    for (std::uint32_t i = 0; i < 20; ++i) {
        auto call = call_of();
        call.job_id = i;
        boost::asio::co_spawn(azure.io, azure.executor.invoke(std::move(call)),
                              [&](const std::exception_ptr& failure, const result<JobResult>& outcome) {
                                  CHECK(failure == nullptr);
                                  done += outcome.has_value() ? 1 : 0;
                              });
    }
    azure.io.run();
    CHECK(done == 20);
    auto asked = azure.app->asked();
    CHECK(asked.size() == 22);
    CHECK(std::count(asked.begin(), asked.end(), look) == 1);
    CHECK(std::count(asked.begin(), asked.end(), look_keys) == 1);
}

TEST_CASE("azure: what the options say is not asked for") {
    auto options = azure_app_options();
    options.app_url = "https://" + FakeAzureApp{}.host;
    Azure by_url{options};
    ok(by_url.invoke(call_of()));
    CHECK((by_url.app->asked() == Lines{look_keys, call_line}));
    options.app_url.clear();
    options.function_key = FakeAzureApp{}.key;
    Azure by_key{options};
    ok(by_key.invoke(call_of()));
    CHECK((by_key.app->asked() == Lines{look, call_line}));
    // Without a subscription nothing can be asked for: the error says so, and nothing is sent.
    AzureFunctionsOptions alone;
    alone.app_url = "https://" + FakeAzureApp{}.host;
    Azure unmanaged{alone};
    const auto error = failed(unmanaged.invoke(call_of()));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(error.execution == Execution::not_started);
    CHECK(unmanaged.app->lines.empty());
}

TEST_CASE("azure: a key that was changed is asked for once more, and the call that met it is repeated") {
    Azure azure;
    ok(azure.invoke(call_of()));
    azure.app->asked();
    azure.app->key = "function-key-of-the-app-2";
    // Not idempotent: a refused key is one that no job began with.
    const auto done = ok(azure.invoke(call_of({7})));
    CHECK(ok(done.result.outcome) == Bytes{7});
    CHECK((azure.app->asked() == Lines{call_line, look_keys, call_line}));
    CHECK(done.metrics.attempts == 3);
    REQUIRE(done.metrics.failed_attempts.size() == 1);
    CHECK(done.metrics.failed_attempts[0].http_status == 401);
    ok(azure.invoke(call_of()));
    CHECK((azure.app->asked() == Lines{call_line}));
    // The same for a call that is not written down beforehand.
    tests::FakeTransport<FakeAzureApp> transport{azure.io.get_executor(), azure.app, {}};
    Azure::Auth auth{azure::FixedTokens{{{azure::public_cloud.management_scope(), Secret{"management-token"}}}}};
    StandardResilience resilience;
    Azure::executor_type::link_type link{transport, auth, resilience, deadline_after(60s)};
    Azure::Codec codec{azure_app_options()};
    const auto call = call_of({8});
    ok(run(azure.io, codec.invoke(link, call)));
    CHECK((azure.app->asked() == Lines{look, look_keys, call_line}));
    azure.app->key = "function-key-of-the-app-3";
    CHECK(ok(ok(run(azure.io, codec.invoke(link, call))).result.outcome) == Bytes{8});
    CHECK((azure.app->asked() == Lines{call_line, look_keys, call_line}));
}

TEST_CASE("azure: an app that takes no key at all ends the call after one more look") {
    Azure azure;
    ok(azure.invoke(call_of()));
    azure.app->asked();
    azure.app->calls_answered = {answered(401), answered(401), answered(401), answered(401)};
    const auto error = failed(azure.invoke(idempotent_call()));
    CHECK((azure.app->asked() == Lines{call_line, look_keys, call_line}));
    CHECK(error.code == errc::authentication);
    CHECK(error.http_status == 401);
    CHECK_FALSE(error.retryable);
    CHECK(error.execution == Execution::not_started);
    CHECK(says(error, "function key"));
}

TEST_CASE("azure: a call that may have run before its key was refused is not made anew") {
    Azure azure;
    ok(azure.invoke(call_of()));
    azure.app->asked();
    azure.app->calls_answered = {answered(500), answered(401), answered(404)};
    const auto error = failed(azure.invoke(idempotent_call()));
    CHECK(error.code == errc::authentication);
    CHECK(error.execution == Execution::unknown);
    CHECK((azure.app->asked() == Lines{call_line, call_line}));
    azure.app->calls_answered.clear();
    ok(azure.invoke(call_of()));
    CHECK((azure.app->asked() == Lines{look_keys, call_line}));
}

TEST_CASE("azure: a key of the options that is refused is not looked for elsewhere") {
    auto options = azure_app_options();
    options.app_url = "https://" + FakeAzureApp{}.host;
    options.function_key = "an-old-function-key";
    for (const bool with_url : {true, false}) {
        CAPTURE(with_url);
        if (!with_url) options.app_url.clear();
        Azure azure{options};
        for (int i = 0; i < 2; ++i) {
            const auto error = failed(azure.invoke(call_of()));
            CHECK(error.code == errc::authentication);
            CHECK(says(error, "AzureFunctionsOptions::function_key"));
        }
        const auto asked = azure.app->asked();
        CHECK(std::count(asked.begin(), asked.end(), look_keys) == 0);
        CHECK(std::count(asked.begin(), asked.end(), call_line) == 2);
    }
}

TEST_CASE("azure: a call that comes back late with an old key does not drop the one that was fetched meanwhile") {
    // The fifth request is the second call's, after three for the call that looks up and one for the first call.
    const auto stops = [number = 0]() mutable { return ++number == 5 ? 60 : 2; };
    Azure azure{azure_app_options(), std::make_shared<FakeAzureApp>(), stops};
    ok(azure.invoke(call_of()));
    azure.app->asked();
    azure.app->key = "function-key-of-the-app-2";
    int done = 0;
    for (int i = 0; i < 2; ++i)
        boost::asio::co_spawn(azure.io, azure.executor.invoke(call_of()),
                              [&](const std::exception_ptr& failure, const result<JobResult>& outcome) {
                                  CHECK(failure == nullptr);
                                  done += outcome.has_value() ? 1 : 0;
                              });
    azure.io.restart();
    azure.io.run();
    CHECK(done == 2);
    CHECK((azure.app->asked() == Lines{call_line, look_keys, call_line, call_line, call_line}));
}

TEST_CASE("azure: a 404 has the app looked up anew, at the next call") {
    Azure azure;
    ok(azure.invoke(call_of()));
    azure.app->asked();
    const auto old_host = azure.app->host;
    azure.app->host = "my-app-def456.westeurope-01.azurewebsites.net";
    const auto error = failed(azure.invoke(idempotent_call()));
    CHECK(error.code == errc::not_found);
    CHECK(error.execution == Execution::not_started);
    CHECK((azure.app->asked() == Lines{"POST https://" + old_host + "/api/run"}));
    ok(azure.invoke(call_of()));
    CHECK((azure.app->asked() == Lines{look, look_keys, call_line}));
    azure.app->there = false;
    azure.app->calls_answered = {answered(404)};
    CHECK(failed(azure.invoke(call_of())).code == errc::not_found);
    azure.app->asked();
    const auto gone = failed(azure.invoke(call_of()));
    CHECK((azure.app->asked() == Lines{look}));
    CHECK(gone.code == errc::not_found);
    CHECK(says(gone, "there is no function app my-app"));
    CHECK(gone.execution == Execution::not_started);
}

TEST_CASE("Azure pitfall 4: a host that cannot tell its keys yet is asked again until it can") {
    Azure azure;
    azure.app->keys_untold = 7;
    ok(azure.invoke(call_of()));
    const auto asked = azure.app->asked();
    CHECK(std::count(asked.begin(), asked.end(), look) == 1);
    CHECK(std::count(asked.begin(), asked.end(), look_keys) == 8);
    CHECK(std::count(asked.begin(), asked.end(), call_line) == 1);
    // An answer without the key is none.
    Azure keyless;
    keyless.app->key.clear();
    const auto error = failed(keyless.invoke(call_of()));
    CHECK(error.execution == Execution::not_started);
    CHECK(says(error, "key"));
    CHECK(keyless.app->calls.empty());
}

TEST_CASE("azure: what a call failed with tells whether the job ran, and whether to call again") {
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
        // The host of the function, and who stands before it.
        {400, page, errc::invalid_configuration, false, not_started},
        {401, "", errc::authentication, false, not_started},
        {403, page, errc::authentication, false, not_started},
        {404, "", errc::not_found, false, not_started},
        {405, "", errc::unsupported, false, not_started},
        {413, "", errc::invalid_configuration, false, not_started},
        {429, "", errc::throttled, true, not_started},
        {500, "", errc::infrastructure, true, unknown},
        {502, page, errc::infrastructure, true, unknown},
        {503, "Function host is not running.", errc::infrastructure, true, unknown},
        {504, page, errc::timed_out, true, unknown},
        {418, page, errc::serialization, false, unknown},
        {307, "", errc::infrastructure, false, not_started},
        // The program.
        {500, R"({"job_id":0,"success":false,"error":"no","code":"FUNCTION_ERROR"})", errc::function_error, false,
         started},
        {500, R"({"job_id":0,"success":false,"error":"no","code":"TIMEOUT"})", errc::timed_out, false, started},
        {500, R"({"job_id":9,"success":false,"error":"no job 9","code":"NOT_FOUND"})", errc::not_found, false,
         not_started},
        {400, R"({"error":"bad","code":"BAD_REQUEST"})", errc::invalid_configuration, false, not_started},
        {413, R"({"error":"big","code":"TOO_LARGE"})", errc::invalid_configuration, false, not_started},
        {429, R"({"error":"busy","code":"BUSY"})", errc::throttled, true, not_started},
        {503, R"({"error":"ending","code":"UNAVAILABLE"})", errc::infrastructure, true, not_started},
        {504, R"({"error":"late","code":"TIMEOUT"})", errc::timed_out, false, not_started}};
    for (const auto& row : rows) {
        CAPTURE(row.status);
        CAPTURE(row.body);
        const auto error = judged(answered(row.status, row.body));
        CHECK(error.code == row.code);
        CHECK(error.retryable == row.retryable);
        CHECK(error.execution == row.execution);
        CHECK(error.http_status == row.status);
        CHECK_FALSE(error.message.empty());
        CHECK(error.message.find('<') == std::string::npos);
    }
    CHECK_FALSE(AzureCalls::judge(answered(200)).has_value());
    CHECK(says(judged(answered(403)), "stopped"));
    auto slow = answered(503);
    slow.headers.set("Retry-After", "7");
    CHECK(judged(slow).retry_after == 7s);
}

TEST_CASE("azure: a 500 that has a field of serve() is the program's own, and one without is nobody's") {
    auto answer = answered(500, "it crashed");
    CHECK(judged(answer).retryable);
    CHECK(judged(answer).code == errc::infrastructure);
    for (const std::string field : {"X-Blueprint-Execution-Ms", "x-blueprint-instance"}) {
        CAPTURE(field);
        auto own = answer;
        own.headers.set(field, "1");
        const auto error = judged(own);
        CHECK(error.code == errc::function_error);
        CHECK_FALSE(error.retryable);
        CHECK(error.execution == Execution::started);
    }
}

TEST_CASE("azure: only what may be repeated is: all that may pass of idempotent calls, of others what did not begin") {
    struct Row {
        unsigned status;
        std::size_t idempotent;  // requests
        std::size_t other;
    };
    for (const auto& row :
         {Row{429, 2, 2}, Row{500, 2, 1}, Row{502, 2, 1}, Row{503, 2, 1}, Row{504, 2, 1}, Row{403, 1, 1}}) {
        CAPTURE(row.status);
        for (const bool idempotent : {true, false}) {
            CAPTURE(idempotent);
            Azure azure{known_azure_app()};
            azure.app->calls_answered = {answered(row.status)};
            const auto outcome = azure.invoke(idempotent ? idempotent_call() : call_of());
            const auto requests = idempotent ? row.idempotent : row.other;
            CHECK(azure.app->calls.size() == requests);
            CHECK(outcome.has_value() == (requests == 2));
        }
    }
}

TEST_CASE("azure: the 230 s that Azure waits are told where a call ended by them") {
    CHECK(says(judged(answered(504)), "230 s"));
    CHECK(says(judged(answered(502)), "230 s"));
    // The job is told what is left of the caller's time.
    Azure azure{known_azure_app()};
    auto call = call_of();
    call.timeout = 9s;
    ok(azure.invoke(call));
    const auto left = std::stoi(std::string{azure.app->calls[0].headers.get("X-Blueprint-Timeout-Ms").value_or("0")});
    CHECK(left > 0);
    CHECK(left <= 9000);
}

TEST_CASE("Azure pitfall 10: bytes travel bare, as octets, and come back as they are") {
    Bytes all(256);
    std::iota(all.begin(), all.end(), std::uint8_t{0});
    Azure azure{known_azure_app()};
    CHECK(ok(ok(azure.invoke(call_of(all))).result.outcome) == all);
    REQUIRE(azure.app->calls.size() == 1);
    CHECK(azure.app->calls[0].headers.get("Content-Type") == "application/octet-stream");
    CHECK(azure.app->calls[0].body.view() == detail::text_of(all));
    // Where the host hands on no bytes, JSON does.
    auto app = std::make_shared<FakeAzureApp>();
    app->usual_answer.headers.set("Content-Type", "application/json; charset=utf-8");
    app->usual_answer.body = R"({"job_id":0,"result":"AQL/","success":true,"execution_ms":4})";
    AzureOf<Base64Json> base64{known_azure_app(), app};
    CHECK(ok(ok(base64.invoke(call_of())).result.outcome) == Bytes{1, 2, 255});
    CHECK(app->calls[0].headers.get("Content-Type") == "application/json");
    CHECK(app->calls[0].headers.get("X-Blueprint-Bytes") == "base64");
    CHECK(app->calls[0].body.view() == R"({"job_id":0,"args":"AQL/"})");
}

TEST_CASE("azure: a call that is larger than Azure takes is refused before it is sent") {
    auto options = known_azure_app();
    CHECK(options.max_body_bytes == detail::azure_request_bytes);
    options.max_body_bytes = 1024;
    Azure azure{options};
    const auto error = failed(azure.invoke(call_of(Bytes(1025))));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(error.execution == Execution::not_started);
    CHECK(says(error, "AzureFunctionsOptions::max_body_bytes"));
    CHECK(says(error, "104857600"));
    CHECK(azure.app->lines.empty());
    ok(azure.invoke(call_of(Bytes(1024))));
}

TEST_CASE("C9: cold start, times and memory are what the program tells; Z9: what is billed is never guessed") {
    Azure azure{known_azure_app()};
    auto plain = ok(azure.invoke(call_of())).metrics;
    CHECK_FALSE(plain.cold_start.has_value());
    CHECK_FALSE(plain.execution_duration.has_value());
    CHECK_FALSE(plain.memory_used_mib.has_value());
    CHECK_FALSE(plain.billed_duration.has_value());
    for (const auto& [name, value] :
         std::vector<std::pair<std::string, std::string>>{{"X-Blueprint-Execution-Ms", "12"},
                                                          {"X-Blueprint-Memory-Mb", "34"},
                                                          {"X-Blueprint-Cold-Start", "true"},
                                                          {"X-Blueprint-Init-Ms", "56"},
                                                          {"X-Blueprint-Instance", "abc"},
                                                          {"X-Request-Id", "r-9"}})
        azure.app->usual_answer.headers.set(name, value);
    const auto metrics = ok(azure.invoke(call_of())).metrics;
    CHECK(metrics.cold_start == true);
    CHECK(metrics.execution_duration == 12ms);
    CHECK(metrics.init_duration == 56ms);
    CHECK(metrics.memory_used_mib == 34);
    CHECK(metrics.request_id == "r-9");
    CHECK_FALSE(metrics.billed_duration.has_value());
}

TEST_CASE("azure: what an app says of itself is read as far as it says it") {
    const auto app = ok(AzureCalls::read_app(
        answered(200, R"({"status":"healthy","instance":"i","revision":"r","site":"abc","jobs":[0,256,-1,"x"]})")));
    CHECK(app.healthy);
    CHECK(app.instance == "i");
    CHECK(app.revision == "r");
    CHECK(app.site == "abc");
    CHECK(app.has(JobId{256U}));
    CHECK_FALSE(app.has(JobId{1U}));
    const auto simple = ok(AzureCalls::read_app(answered(200, R"({"status":"draining"})")));
    CHECK_FALSE(simple.healthy);
    CHECK(simple.words == "draining");
    CHECK(simple.has(JobId{1U}));
    for (const std::string body : {"", "[]", "{}", "<html>Your Functions 4.0 app is up and running</html>"})
        CHECK(AzureCalls::read_app(answered(200, body)).has_error());
    const auto host = ok(AzureCalls::read_host_status(
        answered(200, R"({"id":"x","state":"Error","errors":["The handler did not start.",1]})")));
    CHECK(host.state == "Error");
    CHECK(host.errors == Lines{"The handler did not start."});
    CHECK(AzureCalls::read_host_status(answered(200, "{}")).has_error());
}

}  // namespace azure_calls_test
