#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/serve/http_messages.hpp"
#include "blueprint/faas/serve/http_protocol.hpp"
#include "support/run.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace http_test {

namespace {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using detail::bytes_of;
using detail::HttpCall;
using detail::HttpInstance;
using tests::failed;
using tests::ok;

constexpr std::chrono::system_clock::time_point today{1'700'000'000'000ms};
constexpr detail::SteadyTime now{1'000'000ms};

using Fields = std::vector<std::pair<std::string, std::string>>;

const Fields binary{{"Content-Type", "application/octet-stream"}, {"X-Blueprint-Job-Id", "7"}};
const Fields json{{"Content-Type", "application/json"}, {"X-Blueprint-Job-Id", "7"}};

Fields with(Fields fields, const Fields& more) {
    fields.insert(fields.end(), more.begin(), more.end());
    return fields;
}

result<HttpCall> read_head(const Fields& fields, std::string_view method = "POST") {
    Headers headers;
    for (const auto& [name, value] : fields) headers.add(name, value);
    return detail::read_http_head(method, headers, now);
}

result<HttpCall> read(const Fields& fields, std::string_view body, detail::SteadyTime later = now) {
    auto call = read_head(fields);
    if (!call) return call;
    call->body.assign(body.begin(), body.end());
    const auto whole = detail::read_http_body(*call, today, later);
    if (!whole) return whole.error();
    return call;
}

std::string base64(std::string_view text) { return detail::base64_encode(bytes_of(text)); }

std::string metadata(const HttpCall& call) {
    std::string out;
    for (const auto& [name, value] : call.request.call.metadata) out += name + '=' + value + ';';
    return out;
}

boost::json::object parsed(std::string_view text) {
    return boost::json::parse(boost::json::string_view{text.data(), text.size()}).as_object();
}

bool has(std::string_view text, std::string_view words) { return text.find(words) != std::string_view::npos; }

const HttpInstance instance{.id = "0123456789abcdef0123456789abcdef", .revision = "service-00001-abc", .init = 12ms};

class World : public Environment {
public:
    explicit World(std::map<std::string, std::string> variables) : variables_{std::move(variables)} {}
    std::optional<std::string> variable(const std::string& name) const override {
        const auto found = variables_.find(name);
        return found == variables_.end() ? std::nullopt : std::optional{found->second};
    }

private:
    std::map<std::string, std::string> variables_;
};

}  // namespace

TEST_CASE("serve http: a call of bare bytes becomes the job's call") {
    const auto call = ok(read(binary, std::string_view{"\0\1\xff", 3}));
    CHECK(call.binary);
    CHECK(call.request.call.job_id == JobId{7});
    CHECK((call.request.call.args == Bytes{0, 1, 255}));
    CHECK_FALSE(call.request.call.timeout.has_value());
    CHECK(ok(read({{"content-type", "Application/Octet-Stream; x=y"}, {"x-blueprint-job-id", "4294967295"}}, ""))
              .request.call.job_id == JobId{4294967295U});
}

TEST_CASE("serve http: a call in JSON becomes the job's call, with numbers or Base64") {
    auto call = ok(read(json, R"({"job_id":7,"args":[1,2]})"));
    CHECK_FALSE(call.binary);
    CHECK_FALSE(call.request.base64);
    CHECK(call.request.call.job_id == JobId{7});
    CHECK((call.request.call.args == Bytes{1, 2}));
    call = ok(read({{"Content-Type", "application/json; charset=utf-8"}}, R"({"job_id":8,"args":"AQI="})"));
    CHECK(call.request.base64);
    CHECK(call.request.call.job_id == JobId{8});
    CHECK(ok(read(with(json, {{"X-Blueprint-Bytes", "base64"}}), R"({"job_id":7,"args":[]})")).request.base64);
}

TEST_CASE("serve http: a malformed call is refused with a status, a code and the reason") {
    struct Case {
        Fields fields;
        std::string body;
        unsigned status;
        std::string_view code;
        std::string_view words;
    };
    const std::vector<Case> cases{
        {{{"Content-Type", "application/octet-stream"}}, "", 400, "BAD_REQUEST", "needs X-Blueprint-Job-Id"},
        {{binary[0], {"X-Blueprint-Job-Id", "4294967296"}}, "", 400, "BAD_REQUEST", "X-Blueprint-Job-Id"},
        {{binary[0], {"X-Blueprint-Job-Id", "-1"}}, "", 400, "BAD_REQUEST", "X-Blueprint-Job-Id"},
        {{binary[0], {"X-Blueprint-Job-Id", "7 "}}, "", 400, "BAD_REQUEST", "X-Blueprint-Job-Id"},
        {{binary[1]}, "", 415, "UNSUPPORTED_MEDIA", "set Content-Type"},
        {{binary[1], {"Content-Type", "text/plain"}}, "", 415, "UNSUPPORTED_MEDIA", "set Content-Type"},
        {with(binary, {{"Content-Encoding", "gzip"}}), "", 415, "UNSUPPORTED_MEDIA", "Content-Encoding"},
        {with(binary, {{"X-Blueprint-Timeout-Ms", "0"}}), "", 400, "BAD_REQUEST", "X-Blueprint-Timeout-Ms"},
        {with(binary, {{"X-Blueprint-Timeout-Ms", "1s"}}), "", 400, "BAD_REQUEST", "X-Blueprint-Timeout-Ms"},
        {with(binary, {{"X-Blueprint-Metadata", "%"}}), "", 400, "BAD_REQUEST", "Base64"},
        {with(binary, {{"X-Blueprint-Metadata", base64("[]")}}), "", 400, "BAD_REQUEST", "JSON object"},
        {with(binary, {{"X-Blueprint-Metadata", base64("{")}}), "", 400, "BAD_REQUEST", "JSON object"},
        {with(binary, {{"X-Blueprint-Metadata", base64(R"({"a":1})")}}), "", 400, "BAD_REQUEST", "no string"},
        {{{"X-Blueprint-Warm-Ms", "soon"}}, "", 400, "BAD_REQUEST", "X-Blueprint-Warm-Ms"},
        {json, "", 400, "BAD_REQUEST", "the call cannot be read"},
        {json, R"({"job_id":7})", 400, "BAD_REQUEST", "args is missing"},
        {json, R"({"job_id":8,"args":[]})", 400, "BAD_REQUEST", "differ"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.body);
        CAPTURE(one.words);
        const auto error = failed(read(one.fields, one.body));
        CHECK(error.http_status == one.status);
        CHECK(error.platform_code == one.code);
        CHECK_MESSAGE(has(error.message, one.words), error.message);
        CHECK(error.execution == Execution::not_started);
        const auto reply = detail::write_http_refusal(error);
        CHECK(reply.status == one.status);
        CHECK(parsed(reply.text).at("code").as_string() == boost::json::string_view{one.code.data(), one.code.size()});
    }
    const auto error = failed(read_head({}, "DELETE"));
    CHECK(error.http_status == 405);
    CHECK(has(detail::write_http_refusal(error).fields, "Allow: GET, HEAD, POST\r\n"));
}

TEST_CASE("serve http: the caller's time is counted from the head of the request") {
    const auto patient = with(binary, {{"X-Blueprint-Timeout-Ms", "500"}});
    CHECK(ok(read(patient, "", now + 200ms)).request.call.timeout == 300ms);
    const auto late = failed(read(patient, "", now + 500ms));
    CHECK(late.http_status == 504);
    CHECK(late.platform_code == "TIMEOUT");
    // The body may have its own point in time; the sooner counts.
    const auto body = [](int ms) {
        return R"({"job_id":7,"args":[],"context":{"deadline_ms":)" + std::to_string(1'700'000'000'000 + ms) + "}}";
    };
    CHECK(ok(read(json, body(400))).request.call.timeout == 400ms);
    const auto both = with(json, {{"X-Blueprint-Timeout-Ms", "500"}});
    CHECK(ok(read(both, body(400), now + 50ms)).request.call.timeout == 400ms);
    CHECK(ok(read(both, body(600), now + 50ms)).request.call.timeout == 450ms);
    CHECK(failed(read(json, body(0))).http_status == 504);
}

TEST_CASE("serve http: trace, request id and other metadata reach the job, and those of the library do not") {
    const auto packed = base64(R"({"tenant":"a","blueprint-secret":"x","traceparent":"other","idempotency-key":"k"})");
    const auto fields = with(binary, {{"Traceparent", "00-1-2-01"},
                                      {"X-Request-ID", "r-1"},
                                      {"X-Cloud-Trace-Context", "abc/1;o=1"},
                                      {"X-Blueprint-Metadata", packed}});
    const auto call = ok(read(fields, ""));
    CHECK(call.request_id == "r-1");
    CHECK(metadata(call) ==
          "traceparent=00-1-2-01;x-request-id=r-1;x-cloud-trace-context=abc/1;o=1;tenant=a;idempotency-key=k;");
    const auto in_json = with(json, {{"traceparent", "00-1-2-01"}});
    const auto text = R"({"job_id":7,"args":[],"context":{"traceparent":"other","tracestate":"s"}})";
    CHECK(metadata(ok(read(in_json, text))) == "traceparent=00-1-2-01;tracestate=s;");
}

TEST_CASE("serve http: fields that say nothing to a function are not even kept") {
    for (const auto name : {"Content-Type", "X-BLUEPRINT-JOB-ID", "traceparent", "expect", "x-request-id"})
        CHECK_MESSAGE(detail::is_http_call_field(name), name);
    for (const auto name : {"Authorization", "X-Serverless-Authorization", "Cookie", "X-Blueprint-", "Forwarded"})
        CHECK_MESSAGE(!detail::is_http_call_field(name), name);
}

TEST_CASE("serve http: GET and HEAD ask for the health, and a warming call is held") {
    CHECK(ok(read_head({}, "GET")).health);
    CHECK(ok(read_head({}, "HEAD")).health);
    const auto health = detail::write_http_health(instance, {});
    CHECK(health.status == 200);
    CHECK(health.text ==
          "{\"status\":\"healthy\",\"instance\":\"" + instance.id + "\",\"revision\":\"service-00001-abc\"}\n");
    auto call = ok(read_head({{"X-Blueprint-Warm-Ms", "75"}}));
    CHECK(call.hold == 75ms);
    CHECK(ok(read_head({{"X-Blueprint-Warm-Ms", "99999999999"}})).hold == 10s);
    call.cold_start = true;
    const auto warm = detail::write_http_warm(instance, call);
    CHECK(warm.text == "{\"warm\":true,\"instance\":\"" + instance.id + "\",\"cold_start\":true}\n");
    CHECK(has(warm.fields, "X-Blueprint-Init-Ms: 12\r\n"));
}

TEST_CASE("serve http: what a job gave goes back as it was asked for, with what it cost") {
    auto call = ok(read(with(binary, {{"X-Request-Id", "r-1"}}), ""));
    auto reply = detail::write_http_answer(instance, call, Bytes{0, 255}, 45ms, 3, 100);
    CHECK(reply.status == 200);
    CHECK(reply.body() == std::string_view{"\0\xff", 2});
    CHECK(reply.fields ==
          "X-Blueprint-Execution-Ms: 45\r\nX-Blueprint-Memory-Mb: 3\r\n"
          "X-Blueprint-Cold-Start: false\r\nX-Blueprint-Instance: " +
              instance.id +
              "\r\nX-Blueprint-Revision: service-00001-abc\r\nX-Request-Id: r-1\r\n"
              "Content-Type: application/octet-stream\r\n");
    call.cold_start = true;
    reply = detail::write_http_answer(instance, call, Bytes{}, 45ms, {}, 100);
    CHECK(has(reply.fields, "X-Blueprint-Cold-Start: true\r\nX-Blueprint-Init-Ms: 12\r\n"));
    CHECK_FALSE(has(reply.fields, "Memory"));
    reply = detail::write_http_answer(instance, ok(read(json, R"({"job_id":7,"args":[]})")), Bytes{9}, 1ms, 3, 100);
    CHECK(reply.text == "{\"job_id\":7,\"result\":[9],\"success\":true,\"execution_ms\":1,\"memory_used_mb\":3}\n");
    reply = detail::write_http_answer(instance, ok(read(json, R"({"job_id":7,"args":""})")), Bytes{9}, 1ms, {}, 100);
    CHECK(reply.text == "{\"job_id\":7,\"result\":\"CQ==\",\"success\":true,\"execution_ms\":1}\n");
    CHECK(reply.status == 200);
}

TEST_CASE("serve http: a job that failed, or gave too much, is a 500 in JSON and never a 404") {
    const auto bare = ok(read(binary, ""));
    const Error unknown{.code = errc::not_found, .message = "there is no job 7 here"};
    const Error own{.code = errc::function_error, .message = "no such user", .platform_code = "NO_USER"};
    struct Case {
        result<Bytes> outcome;
        std::string_view code;
    };
    const std::vector<Case> cases{{unknown, "NOT_FOUND"}, {own, "NO_USER"}, {Bytes(101, 1), "TOO_LARGE"}};
    for (const auto& call : {bare, ok(read(json, R"({"job_id":7,"args":[]})"))}) {
        for (const auto& [outcome, code] : cases) {
            CAPTURE(code);
            const auto reply = detail::write_http_answer(instance, call, outcome, 1ms, 3, 100);
            CHECK(reply.status == 500);
            const auto answer = parsed(reply.text);
            CHECK(answer.at("job_id") == 7);
            CHECK(answer.at("success") == false);
            CHECK(answer.at("code").as_string() == boost::json::string_view{code.data(), code.size()});
            CHECK(has(reply.fields, "Content-Type: application/json\r\n"));
        }
    }
}

TEST_CASE("serve http: the head of an answer has its length and says whether the connection stays") {
    const detail::HttpReply reply{.status = 429, .fields = "A: b\r\n", .text = "12345"};
    CHECK(detail::write_http_head(reply, true) ==
          "HTTP/1.1 429 Too Many Requests\r\nA: b\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n");
    CHECK(has(detail::write_http_head(reply, false), "\r\nConnection: close\r\n\r\n"));
    auto busy = detail::http_refusal(429, "THROTTLED", "wait");
    busy.retry_after = 1500ms;
    CHECK(has(detail::write_http_refusal(busy, "r-1").fields, "X-Request-Id: r-1\r\nRetry-After: 2\r\n"));
}

TEST_CASE("serve http: a process knows by its environment that its calls come over HTTP") {
    const auto detected = [](const std::map<std::string, std::string>& variables) {
        const World world{variables};
        return HttpProtocol::detect({.world = world});
    };
    CHECK(detected({{"PORT", "8080"}, {"K_SERVICE", "job"}}));
    CHECK(detected({{"BLUEPRINT_HTTP_SOCKET", "/tmp/x"}}));
    CHECK(detected({{"BLUEPRINT_HTTP", "1"}}));
    CHECK_FALSE(detected({{"PORT", "8080"}}));
    CHECK_FALSE(detected({{"K_SERVICE", "job"}}));
    CHECK_FALSE(detected({{"BLUEPRINT_HTTP", "0"}, {"PORT", "8080"}}));
}

}  // namespace http_test
