// What contract 1.1 adds, on the client's side: asked for or announced, never guessed.
#include "blueprint/faas/codec/custom.hpp"
#include "blueprint/faas/start.hpp"
#include "fixture.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace custom_1_1_test {

using namespace blueprint::faas;
using tests::Custom;
using tests::failed;
using tests::ok;
using tests::run;
using Lines = std::vector<std::string>;

namespace {

const std::string all_features =
    R"({"spec":"1.1","features":["replace","base64","binary","async","list","idempotency"],"limits":{"request_bytes":100,"answer_bytes":90000000,"memory_mb":{"min":128,"max":10240},"odd":"x"},"more":1})";
const Error lost{.code = errc::infrastructure, .message = "reset", .retryable = true, .execution = Execution::unknown};

CustomOptions with(CustomOptions options) {
    options.base_url = "https://faas.example.com";
    return options;
}

// A transport whose answers are late, so that operations overlap.
class SlowTransport {
public:
    static constexpr bool confidential = true;
    SlowTransport(asio::any_io_executor executor, std::function<HttpResponse(const HttpRequest&)> handler)
        : executor_{std::move(executor)}, handler_{std::move(handler)} {}
    asio::any_io_executor get_executor() const { return executor_; }
    asio::awaitable<result<HttpResponse>> exchange(const HttpRequest& request, Deadline) {
        asio::steady_timer timer{co_await asio::this_coro::executor, std::chrono::milliseconds{20}};
        const auto [stopped] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        if (stopped) co_return Error{.code = errc::cancelled, .message = "cancelled"};
        co_return handler_(request);
    }

private:
    asio::any_io_executor executor_;
    std::function<HttpResponse(const HttpRequest&)> handler_;
};

HttpResponse answer_of(unsigned status, std::string body) {
    HttpResponse answer;
    answer.status = status;
    answer.body = std::move(body);
    return answer;
}

}  // namespace

TEST_CASE("custom 1.1: an asynchronous call asks to be run later and returns the receipt") {
    Custom<> custom;
    custom.script->then(202, R"({"invocation_id":"i-7","more":{}})");
    const auto receipt = ok(run(custom.io, custom.executor.invoke_async({.job_id = 3, .args = {1}})));
    CHECK(receipt.invocation_id == "i-7");
    CHECK_FALSE(receipt.completed);
    REQUIRE(custom.script->seen.size() == 1);
    const auto& seen = custom.script->seen.front();
    CHECK(seen.line == "POST /api/functions/job3/invoke");
    CHECK(seen.body == R"({"job_id":3,"args":[1]})");
    CHECK(seen.headers.get("Prefer") == "respond-async");
    CHECK_FALSE(seen.headers.get("X-Blueprint-Timeout-Ms"));  // the time for handing over does not bound the job

    custom.script->then(200, R"({"result":[1]})");
    ok(custom.invoke({.job_id = 3}));
    CHECK_FALSE(custom.script->seen.back().headers.get("Prefer"));
}

TEST_CASE("custom 1.1: a platform that ran an asynchronous call at once is told from one that took it") {
    Custom<> custom;
    custom.script->then(200, R"({"result":[7]})");
    CHECK(ok(run(custom.io, custom.executor.invoke_async({.job_id = 0}))).completed);
    custom.script->then(200, R"({"success":false,"error":"no"})");
    CHECK(failed(run(custom.io, custom.executor.invoke_async({.job_id = 0}))).code == errc::function_error);
    custom.script->then(202, "{}");
    CHECK(failed(run(custom.io, custom.executor.invoke_async({.job_id = 0}))).code == errc::serialization);
    custom.script->then(501, R"({"code":"NOT_SUPPORTED"})");
    CHECK(failed(run(custom.io, custom.executor.invoke_async({.job_id = 0}))).code == errc::unsupported);
    custom.script->then(lost);
    const auto unknown = failed(run(custom.io, custom.executor.invoke_async({.job_id = 0})));
    CHECK(unknown.execution == Execution::unknown);
    CHECK(custom.script->seen.size() == 5);  // none of them was sent twice
}

TEST_CASE("custom 1.1: what the platform is known to lack is refused before anything is sent") {
    Custom<> custom;
    custom.script->then(200, R"({"spec":"1.1","features":["replace"]})");
    CHECK(ok(run(custom.io, custom.executor.describe_platform())).spec == "1.1");
    const auto later = failed(run(custom.io, custom.executor.invoke_async({.job_id = 0})));
    CHECK(later.code == errc::unsupported);
    CHECK(later.execution == Execution::not_started);
    CHECK(later.message.find("async") != std::string::npos);
    CHECK(failed(run(custom.io, custom.executor.list_deployments())).code == errc::unsupported);
    CHECK(custom.script->seen.size() == 1);
}

TEST_CASE("custom 1.1: the description is asked for once; 404, 405 and 501 mean plain 1.0") {
    Custom<> custom;
    custom.script->then(200, all_features);
    const auto told = ok(run(custom.io, custom.executor.describe_platform()));
    CHECK(told.spec == "1.1");
    CHECK(told.has("async"));
    CHECK_FALSE(told.has("loop"));
    CHECK(told.limit("request_bytes") == 100);
    CHECK(told.limit("memory_mb.max") == 10240);
    CHECK_FALSE(told.limit("odd").has_value());
    CHECK(ok(run(custom.io, custom.executor.describe_platform())).has("list"));
    CHECK((custom.script->lines() == Lines{"GET /api/platform"}));
    for (const unsigned status : {404U, 405U, 501U}) {
        Custom<> plain;
        plain.script->then(status, "<html>not here</html>");
        const auto nothing = ok(run(plain.io, plain.executor.describe_platform()));
        CHECK(nothing.spec == "1.0");
        CHECK(nothing.features.empty());
    }
    for (const std::string bad : {"[]", "x", R"({"features":"async"})", R"({"features":[1]})"}) {
        CAPTURE(bad);
        Custom<> odd;
        odd.script->then(200, bad);
        CHECK(failed(run(odd.io, odd.executor.describe_platform())).code == errc::serialization);
    }
}

TEST_CASE("custom 1.1: a description that the platform belies is forgotten") {
    Custom<> custom;
    for (const unsigned status : {200U, 501U}) {
        CAPTURE(status);
        custom.script->then(200, all_features);
        ok(run(custom.io, custom.executor.describe_platform()));
        custom.script->then(status, R"({"result":[]})");
        (void)run(custom.io, custom.executor.invoke_async({.job_id = 0}));
        CHECK(custom.script->answers.empty());
    }
    custom.script->then(200, all_features);
    ok(run(custom.io, custom.executor.describe_platform()));
    custom.script->then(404, "{}");
    CHECK(failed(run(custom.io, custom.executor.list_deployments())).code == errc::unsupported);
    custom.script->then(200, R"({"spec":"1.1","features":[]})");
    CHECK(ok(run(custom.io, custom.executor.describe_platform())).features.empty());
}

TEST_CASE("custom 1.1: operations at once ask for the description once, and all get it") {
    asio::io_context io;
    int asked = 0;
    SlowTransport transport{io.get_executor(), [&](const HttpRequest& request) {
                                if (request.target != "/api/platform") return answer_of(200, R"({"result":[]})");
                                ++asked;
                                return answer_of(200, all_features);
                            }};
    FaasExecutor<SlowTransport, NoAuth, CustomCodec<>> executor{
        transport, NoAuth{}, CustomCodec<>{with({.idempotency_keys = IdempotencyKeys::if_announced})}};
    int ended = 0;
    asio::cancellation_signal stop;
    // The first one, which asks, is cancelled: another one has to ask in its place.
    std::optional<Error> cancelled;
    start(executor, executor.describe_platform(),
          asio::bind_cancellation_slot(stop.slot(), [&](result<PlatformDescription> done) {
              if (!done) cancelled = std::move(done).error();
          }));
    for (int i = 0; i < 10; ++i) {
        start(executor, executor.describe_platform(), [&](result<PlatformDescription> done) {
            CHECK(done.has_value());
            ++ended;
        });
        start(executor, executor.invoke({.job_id = 0}), [&](result<JobResult> done) {
            CHECK(done.has_value());
            ++ended;
        });
    }
    io.poll();
    stop.emit(asio::cancellation_type::terminal);
    io.run();
    CHECK(ended == 20);
    REQUIRE(cancelled);
    CHECK(cancelled->code == errc::cancelled);
    CHECK(asked == 1);
}

TEST_CASE("custom 1.1: announced limits replace the contract's, configured ones replace both") {
    Custom<> custom;
    custom.script->then(200, all_features);
    ok(run(custom.io, custom.executor.describe_platform()));
    CHECK(failed(custom.invoke({.job_id = 0, .args = Bytes(40, 255)})).code == errc::invalid_configuration);
    CHECK(custom.script->seen.size() == 1);

    const detail::CustomProtocol plain{with({})};
    PlatformDescription told;
    told.limits = {{"request_bytes", 100}, {"answer_bytes", std::uint64_t{1} << 40U}};
    CHECK(plain.request_limit(nullptr) == 6U << 20U);
    CHECK(plain.answer_limit(nullptr) == 6U << 20U);
    CHECK(plain.request_limit(&told) == 100);
    CHECK(plain.answer_limit(&told) == 64U << 20U);
    const detail::CustomProtocol configured{with({.max_body_bytes = 7})};
    CHECK(configured.request_limit(&told) == 7);
    CHECK(configured.answer_limit(&told) == 7);
}

TEST_CASE("custom: the limit of an answer is that of its body as it travels, numbers or Base64") {
    std::vector<std::size_t> limits;
    asio::io_context io;
    InMemoryTransport transport{io.get_executor(), [&](const HttpRequest& request) {
                                    limits.push_back(request.max_response_bytes);
                                    return answer_of(200, R"({"result":[]})");
                                }};
    auto numbers = ok(custom::create(transport, with({})));
    ok(run(io, numbers.invoke({.job_id = 0})));
    auto base64 = ok(custom::create<Base64Json>(transport, with({.max_body_bytes = 1000})));
    ok(run(io, base64.invoke({.job_id = 0})));
    CHECK((limits == std::vector<std::size_t>{6U << 20U, 1000}));
}

TEST_CASE("custom 1.1: the list holds this executor's jobs and nothing else") {
    Custom<> custom{with({.prefix = "team"})};
    custom.script->then(
        200,
        R"({"functions":[{"function_id":"team-job-7","status":"deploying","memory_mb":192,"revision":"r"},{"function_id":"job7"},{"function_id":"team-job-007"},{"function_id":"team-job-4294967296"},{"function_id":"team-job-"},{"function_id":"team-job-4294967295","status":"failed","error":"no disk"}],"next":null})");
    const auto all = ok(run(custom.io, custom.executor.list_deployments()));
    CHECK((custom.script->lines() == Lines{"GET /api/functions"}));
    REQUIRE(all.size() == 2);
    CHECK(all[0].job_id == JobId{7});
    CHECK(all[0].state == DeploymentState::deploying);
    CHECK(all[0].memory_mib == 192);
    CHECK(all[0].revision == "r");
    CHECK(all[1].job_id == JobId{4294967295});
    CHECK(all[1].state == DeploymentState::failed);
    CHECK(all[1].problem == "no disk");
    for (const std::string bad :
         {"[]", "{}", R"({"functions":{}})", R"({"functions":[1]})", R"({"functions":[{"function_id":7}]})"}) {
        CAPTURE(bad);
        custom.script->then(200, bad);
        CHECK(failed(run(custom.io, custom.executor.list_deployments())).code == errc::serialization);
    }
    for (const unsigned status : {404U, 405U, 501U}) {
        custom.script->then(status, R"({"code":"NOT_FOUND"})");
        CHECK(failed(run(custom.io, custom.executor.list_deployments())).code == errc::unsupported);
    }
}

TEST_CASE("custom 1.1: a key that the platform honours makes a call repeatable, and every call has one") {
    Custom<> custom{with({.idempotency_keys = IdempotencyKeys::always})};
    std::set<std::string> keys;
    for (int call = 0; call < 3; ++call) {
        const auto first = custom.script->seen.size();
        custom.script->then(lost);
        custom.script->then(lost);
        custom.script->then(200, R"({"result":[7]})");
        CHECK((*ok(custom.invoke({.job_id = 0})).outcome == Bytes{7}));
        REQUIRE(custom.script->seen.size() == first + 3);
        const std::string key{custom.script->seen[first].headers.get("Idempotency-Key").value_or("")};
        CHECK(key.size() == 32);
        CHECK(key.find_first_not_of("0123456789abcdef") == std::string::npos);
        CHECK(custom.script->seen[first + 1].headers.get("Idempotency-Key") == key);
        CHECK(custom.script->seen[first + 2].headers.get("Idempotency-Key") == key);
        keys.insert(key);
    }
    CHECK(keys.size() == 3);

    custom.script->seen.clear();
    custom.script->then(lost);
    custom.script->then(200, R"({"result":[]})");
    ok(custom.invoke({.job_id = 0, .metadata = {{"idempotency-key", "mine"}}}));
    REQUIRE(custom.script->seen.size() == 2);
    CHECK(custom.script->seen[1].headers.get("Idempotency-Key") == "mine");
}

TEST_CASE("custom 1.1: a key by itself promises nothing") {
    Custom<> custom;
    custom.script->then(lost);
    failed(custom.invoke({.job_id = 0, .metadata = {{"idempotency-key", "mine"}}}));
    CHECK(custom.script->seen.size() == 1);
    custom.script->then(200, R"({"result":[]})");
    ok(custom.invoke({.job_id = 0}));
    CHECK_FALSE(custom.script->seen[1].headers.get("Idempotency-Key"));
}

TEST_CASE("custom 1.1: whether keys are honoured is asked once, and a warm call stays one request") {
    Custom<> custom{with({.idempotency_keys = IdempotencyKeys::if_announced})};
    custom.script->then(200, all_features);
    custom.script->then(lost);
    custom.script->then(200, R"({"result":[]})");
    ok(custom.invoke({.job_id = 0}));
    custom.script->then(200, R"({"result":[]})");
    ok(custom.invoke({.job_id = 0}));
    const std::string call = "POST /api/functions/job0/invoke";
    CHECK((custom.script->lines() == Lines{"GET /api/platform", call, call, call}));
    CHECK(custom.script->seen[1].headers.get("Idempotency-Key"));
    CHECK(custom.script->seen[3].headers.get("Idempotency-Key"));
}

TEST_CASE("custom 1.1: where keys are not announced, or nobody can say, calls go out as without them") {
    struct Row {
        unsigned status;
        std::string body;
    };
    for (const auto& row : {Row{200, R"({"spec":"1.1","features":["list"]})"}, Row{404, ""}, Row{500, "{}"},
                            Row{401, "{}"}, Row{200, "garbage"}}) {
        CAPTURE(row.status);
        Custom<> custom{with({.idempotency_keys = IdempotencyKeys::if_announced})};
        custom.script->then(row.status, row.body);
        custom.script->then(200, R"({"result":[]})");
        ok(custom.invoke({.job_id = 0}));
        custom.script->then(lost);
        failed(custom.invoke({.job_id = 0}));
        const std::string call = "POST /api/functions/job0/invoke";
        CHECK((custom.script->lines() == Lines{"GET /api/platform", call, call}));
        CHECK_FALSE(custom.script->seen[2].headers.get("Idempotency-Key"));
    }
}

TEST_CASE("custom 1.1: what one platform announced is not taken for the user's own address elsewhere") {
    auto options = with({.idempotency_keys = IdempotencyKeys::if_announced});
    options.job_endpoints = {{JobId{1}, "https://other.example/run"}, {JobId{2}, "https://faas.example.com/run"}};
    Custom<> custom{options};
    custom.script->then(200, all_features);
    custom.script->then(200, R"({"result":[]})");
    ok(custom.invoke({.job_id = 2}));
    CHECK(custom.script->seen[1].headers.get("Idempotency-Key"));
    custom.script->then(lost);
    failed(custom.invoke({.job_id = 1, .args = Bytes(40, 255)}));  // nor is its limit of 100 bytes
    CHECK(custom.script->seen.size() == 3);
    CHECK_FALSE(custom.script->seen[2].headers.get("Idempotency-Key"));
}

TEST_CASE("custom 1.1: a key that was used for another call is a conflict, and not tried again") {
    Custom<> custom{with({.idempotency_keys = IdempotencyKeys::always})};
    custom.script->then(422, R"({"code":"KEY_REUSED","error":"another body"})");
    const auto error = failed(custom.invoke({.job_id = 0, .metadata = {{"idempotency-key", "k"}}}));
    CHECK(error.code == errc::conflict);
    CHECK(error.execution == Execution::not_started);
    CHECK(custom.script->seen.size() == 1);
}

TEST_CASE("custom: strictly 1.0 the client uses nothing of 1.1") {
    Custom<> custom{with({.idempotency_keys = IdempotencyKeys::if_announced, .strict_1_0 = true})};
    custom.script->then(200, R"({"result":[]})");
    ok(custom.invoke({.job_id = 0}));
    CHECK_FALSE(custom.script->seen[0].headers.get("Idempotency-Key"));
    CHECK(failed(run(custom.io, custom.executor.invoke_async({.job_id = 0}))).code == errc::unsupported);
    CHECK(failed(run(custom.io, custom.executor.list_deployments())).code == errc::unsupported);
    CHECK(ok(run(custom.io, custom.executor.describe_platform())).spec == "1.0");
    CHECK(custom.script->seen.size() == 1);
    custom.script->then(200, R"({"status":"warm","instances_warmed":3})");
    CHECK(ok(run(custom.io, custom.executor.warm(0, 2))).instances == 3);
    CHECK(custom.script->seen[1].body.empty());
    CHECK_FALSE(custom.script->seen[1].headers.get("Content-Type"));

    FaasConfig config;
    custom.script->then(404, "{}");
    custom.script->then(201, R"({"function_id":"job0"})");
    ok(run(custom.io, custom.executor.deploy_job(0, tests::package(), config)));
    const auto& put = custom.script->seen[3];
    CHECK_FALSE(put.headers.get("X-Blueprint-Revision"));
    const auto document = detail::base64_decode(put.headers.get("X-Blueprint-Config").value_or(""));
    REQUIRE(document);
    CHECK(detail::text_of(*document) == R"({"memory_mb":512,"timeout_secs":300})");
    config.keep_warm = 1;
    CHECK(failed(run(custom.io, custom.executor.deploy_job(0, tests::package(), config))).code ==
          errc::invalid_configuration);

    Custom<Base64Json> base64{with({.strict_1_0 = true})};
    CHECK(failed(base64.invoke({.job_id = 0})).message.find("JsonBytes") != std::string::npos);
    Custom<Binary> binary{with({.strict_1_0 = true})};
    CHECK(failed(binary.invoke({.job_id = 0})).code == errc::invalid_configuration);
    Custom<> keys{with({.idempotency_keys = IdempotencyKeys::always, .strict_1_0 = true})};
    CHECK(failed(keys.invoke({.job_id = 0})).code == errc::invalid_configuration);
}

TEST_CASE("R8: strictly 1.0 an existing function is not uploaded to, but removed, kept or told of") {
    const auto play = [](Custom<>& custom) {
        custom.script->then(200, R"({"function_id":"job0"})");
        custom.script->then(204);
        custom.script->then(201, R"({"function_id":"job0"})");
        return run(custom.io, custom.executor.deploy_job(0, tests::package(), {}));
    };
    const std::string at = " /api/functions/job0";
    Custom<> recreate{with({.strict_1_0 = true})};
    CHECK_FALSE(ok(play(recreate)).unchanged);
    CHECK((recreate.script->lines() == Lines{"GET" + at, "DELETE" + at, "PUT" + at}));
    CHECK_FALSE(recreate.script->seen[2].headers.get("If-Match"));
    Custom<> keep{with({.on_conflict = OnConflict::keep, .strict_1_0 = true})};
    CHECK(ok(play(keep)).unchanged);
    CHECK(keep.script->seen.size() == 1);
    Custom<> fail{with({.on_conflict = OnConflict::fail, .strict_1_0 = true})};
    CHECK(failed(play(fail)).code == errc::conflict);
    CHECK(fail.script->seen.size() == 1);
}

TEST_CASE("R8: a function whose deployment failed is deployed again, not given up") {
    Custom<> custom;
    custom.script->then(404, R"({"code":"NOT_FOUND"})");
    custom.script->then(202, R"({"function_id":"job0","status":"deploying"})");
    custom.script->then(200, R"({"function_id":"job0","status":"failed","error":"no disk left"})");
    CHECK(failed(run(custom.io, custom.executor.deploy_job(0, tests::package(), {}))).code == errc::infrastructure);
    const std::string revision{custom.script->seen[1].headers.get("X-Blueprint-Revision").value_or("")};
    custom.script->then(200, R"({"function_id":"job0","status":"failed","error":"x","revision":")" + revision + "\"}");
    const auto told = ok(run(custom.io, custom.executor.get_deployment(0)));
    CHECK(told.state == DeploymentState::failed);
    CHECK(told.problem == "x");
    custom.script->then(200, R"({"function_id":"job0","status":"failed","revision":")" + revision + "\"}");
    custom.script->then(200, R"({"function_id":"job0","status":"deployed"})");
    CHECK_FALSE(ok(run(custom.io, custom.executor.deploy_job(0, tests::package(), {}))).unchanged);
    CHECK(custom.script->seen.back().headers.get("If-Match") == "*");
}

TEST_CASE("R8: an upload to a 1.0 platform whose answer is lost after the old function went is made good") {
    Custom<> custom;
    const std::string exists = R"({"function_id":"job0"})";
    custom.script->then(200, exists);
    custom.script->then(409, "{}");
    custom.script->then(200, exists);
    custom.script->then(204);
    custom.script->then(lost);  // the upload arrived, its answer did not
    custom.script->then(409, "{}");
    custom.script->then(200, exists);
    custom.script->then(409, "{}");
    custom.script->then(200, exists);
    custom.script->then(204);
    custom.script->then(201, exists);
    CHECK(ok(run(custom.io, custom.executor.deploy_job(0, tests::package(), {}))).function_id == "job0");
    CHECK(custom.script->answers.empty());
}

TEST_CASE("custom: uploading is told byte by byte, and the package is not copied") {
    asio::io_context io;
    const void* sent_from = nullptr;
    InMemoryTransport transport{io.get_executor(), [&](const HttpRequest& request) {
                                    if (request.verb == Verb::get) return answer_of(404, "{}");
                                    sent_from = request.body.view().data();
                                    REQUIRE(request.upload_progress);
                                    request.upload_progress(10, request.body.size());
                                    request.upload_progress(request.body.size(), request.body.size());
                                    return answer_of(201, R"({"function_id":"job0"})");
                                }};
    auto executor = ok(custom::create(transport, with({})));
    const auto package = tests::package();
    std::vector<DeployProgress> told;
    ok(run(io, executor.deploy_job(0, package, {}, [&](const DeployProgress& progress) { told.push_back(progress); })));
    CHECK(sent_from == package.zip()->data());
    using Step = DeployProgress::Step;
    REQUIRE(told.size() == 5);
    CHECK(told[0].bytes_total == 0);
    const std::uint64_t expected[] = {0, 10, package.size_bytes()};
    for (std::size_t i = 0; i < 3; ++i) {
        CAPTURE(i);
        CHECK(told[i + 1].step == Step::uploading);
        CHECK(told[i + 1].bytes_sent == expected[i]);
        CHECK(told[i + 1].bytes_total == package.size_bytes());
    }
    CHECK(told[4].step == Step::done);
    ok(run(io, executor.deploy_job(0, package, {}, [](const DeployProgress&) {})));
}

TEST_CASE("custom: a TLS front that wants a client certificate is `authentication`, and its page is readable") {
    struct Row {
        std::string body;
        errc code;
        std::string text;
    };
    const auto page = [](const std::string& text) {
        return "<html>\r\n<head><title>400 " + text + "</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1>" +
               "</center>\r\n<center>" + text + "</center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
    };
    for (const auto& row :
         {Row{page("No required SSL certificate was sent"), errc::authentication, "client certificate"},
          Row{page("The SSL certificate error"), errc::authentication, "does not trust"},
          Row{page("The plain HTTP request was sent to HTTPS port"), errc::invalid_configuration, "https://"},
          Row{page("Request Header Or Cookie Too Large"), errc::invalid_configuration, "Cookie Too Large"},
          Row{R"({"error":"The SSL certificate error"})", errc::invalid_configuration, "The SSL"}}) {
        CAPTURE(row.text);
        Custom<> custom;
        custom.script->then(400, row.body);
        const auto error = failed(custom.invoke({.job_id = 0}));
        CHECK(error.code == row.code);
        CHECK(error.execution == Execution::not_started);
        CHECK(error.message.find(row.text) != std::string::npos);
        CHECK(error.message.find('<') == std::string::npos);
        CHECK(custom.script->seen.size() == 1);
    }
    Custom<> custom;
    custom.script->then(496, "");
    CHECK(failed(custom.invoke({.job_id = 0})).code == errc::authentication);
}

}  // namespace custom_1_1_test
