#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/job_set.hpp"
#include "blueprint/faas/runner/router.hpp"
#include "blueprint/faas/serve/lambda_runtime.hpp"
#include "blueprint/faas/serve/serve.hpp"

#include <boost/json/parse.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lambda_test {

namespace {

using namespace blueprint::faas;
using namespace std::chrono_literals;

constexpr std::chrono::system_clock::time_point today{1'700'000'000'000ms};

std::string in(std::chrono::milliseconds later) {
    return std::to_string(
        std::chrono::duration_cast<std::chrono::milliseconds>(today.time_since_epoch() + later).count());
}

struct Event {
    std::string body = R"({"job_id":7,"args":[1,2]})";
    std::map<std::string, std::string> fields{};
};

Headers head(const Event& event) {
    Headers headers;
    headers.set("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4");
    for (const auto& [name, value] : event.fields) headers.set(name, value);
    return headers;
}

result<detail::LambdaCall> read(const Event& event) {
    const auto headers = head(event);
    auto call = detail::read_lambda_head(headers);
    REQUIRE(call.has_value());
    const auto read = detail::read_lambda_event(headers, event.body, today, *call);
    if (!read) return read.error();
    return call;
}

detail::LambdaCall ok(const Event& event) {
    auto call = read(event);
    if (!call) FAIL(call.error().message);
    return *std::move(call);
}

std::map<std::string, std::string> metadata(const detail::LambdaCall& call) {
    return {call.request.call.metadata.begin(), call.request.call.metadata.end()};
}

std::string base64(std::string_view text) { return detail::base64_encode(detail::bytes_of(text)); }

boost::json::object parsed(const std::string& text) { return boost::json::parse(text).as_object(); }

using Texts = std::map<std::string, std::string>;

}  // namespace

TEST_CASE("A6: an event of the runtime API is a call, and Lambda's fields are its timeout and metadata") {
    const auto call = ok({.fields = {{"lambda-runtime-deadline-ms", in(3s)},
                                     {"Lambda-Runtime-Trace-Id", "Root=1-5bef4de7;Sampled=1"},
                                     {"Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:x"}}});
    CHECK(call.request_id == "8476a536-e9f4");
    CHECK(call.job_id == JobId{7});
    CHECK(call.request.call.job_id == JobId{7});
    CHECK(call.request.call.args == Bytes{1, 2});
    CHECK_FALSE(call.request.base64);
    CHECK_FALSE(call.stream);
    CHECK_FALSE(call.hold.has_value());
    CHECK(call.echoed.empty());
    CHECK(call.request.call.timeout == 3s);
    CHECK(metadata(call) == Texts{{"x-request-id", "8476a536-e9f4"}, {"x-amzn-trace-id", "Root=1-5bef4de7;Sampled=1"}});
    CHECK(ok({.body = R"({"job_id":7,"args":"AQI="})"}).request.base64);
}

TEST_CASE("lambda: the client context comes as text or as Base64, and what is not the caller's metadata stays out") {
    const std::string context = R"({"client":{"app":"x"},"custom":{"traceparent":"00-ab","user":"\u00e9","n":5,)"
                                R"("x-request-id":"mine","blueprint-response":"stream","blueprint-other":"no"}})";
    for (const auto& text : {context, base64(context)}) {
        const auto call = ok({.fields = {{"Lambda-Runtime-Client-Context", text}}});
        CHECK(call.stream);
        CHECK(metadata(call) == Texts{{"traceparent", "00-ab"}, {"user", "\xc3\xa9"}, {"x-request-id", "mine"}});
    }
    CHECK_FALSE(
        ok({.fields = {{"Lambda-Runtime-Client-Context", R"({"custom":{"blueprint-response":"whole"}})"}}}).stream);
}

TEST_CASE("lambda: a client context of another form is passed over") {
    for (const std::string text :
         {"", "{", "[]", "{}", R"({"custom":null})", R"({"custom":["a"]})", "not Base64", "bm8gSlNPTg==", "WzFd"}) {
        CAPTURE(text);
        const auto call = ok({.fields = {{"Lambda-Runtime-Client-Context", text}}});
        CHECK(metadata(call) == Texts{{"x-request-id", "8476a536-e9f4"}});
        CHECK_FALSE(call.stream);
        CHECK_FALSE(call.request.call.timeout.has_value());
    }
}

TEST_CASE("lambda: what the event says of itself goes before the client context") {
    const auto call =
        ok({.body = R"({"job_id":7,"args":[],"context":{"traceparent":"event","request_id":"r1"}})",
            .fields = {{"Lambda-Runtime-Client-Context",
                        R"({"custom":{"traceparent":"context","x-request-id":"r2","tracestate":"s"}})"}}});
    CHECK(metadata(call) == Texts{{"traceparent", "event"}, {"tracestate", "s"}, {"x-request-id", "r1"}});
}

TEST_CASE("lambda: the shortest of three deadlines is the call's timeout") {
    using Left = std::optional<std::chrono::milliseconds>;
    struct Row {
        std::string lambda, context, event;
        Left expected;
    };
    const Row table[] = {
        {in(5s), in(6s), in(7s), 5s},
        {in(5s), in(4s), in(7s), 4s},
        {in(5s), in(6s), in(1500ms), 1500ms},
        {in(5s), "", "", 5s},
        {"", in(6s), "", 6s},
        {"", "", in(7s), 7s},
        {"", "", "", std::nullopt},
        {in(-1s), in(6s), "", 0s},
        {in(5s), in(-3s), "", 0s},
        {"soon", in(6s) + "x", "", std::nullopt},
        {"-9223372036854775808", "", "", 0s},
        {"99999999999999999999", in(2s), "", 2s},
    };
    for (const auto& row : table) {
        CAPTURE(row.lambda);
        CAPTURE(row.context);
        CAPTURE(row.event);
        Event event;
        if (!row.lambda.empty()) event.fields["Lambda-Runtime-Deadline-Ms"] = row.lambda;
        if (!row.context.empty())
            event.fields["Lambda-Runtime-Client-Context"] =
                R"({"custom":{"blueprint-deadline-ms":")" + row.context + "\"}}";
        if (!row.event.empty()) event.body = R"({"job_id":7,"args":[],"context":{"deadline_ms":)" + row.event + "}}";
        CHECK((ok(event).request.call.timeout == row.expected));
    }
}

TEST_CASE("lambda: an event that is no call is told with what is wrong, and named so that callers can tell") {
    const std::pair<std::string, std::string_view> table[] = {
        {"", "there is none"},
        {"null", "a JSON object is expected"},
        {R"({"args":[1]})", "job_id is missing"},
        {R"({"job_id":1})", "args is missing"},
        {R"({"job_id":4294967296,"args":[]})", "ids are 0 to 4294967295"},
        {R"({"job_id":1,"args":[256]})", "above 255"},
        {R"({"warm":{"hold_ms":5}})", "job_id is missing"},
        {R"({"job_id":1,"warm":{"hold_ms":"5"}})", "warm.hold_ms is not an integer"},
        {R"({"job_id":1,"warm":true})", "args is missing"},
    };
    for (const auto& [body, why] : table) {
        CAPTURE(body);
        const auto call = read({.body = body});
        REQUIRE_FALSE(call.has_value());
        CHECK(call.error().code == errc::serialization);
        CHECK_MESSAGE(call.error().message.find(why) != std::string::npos, call.error().message);
        const auto failure = detail::write_lambda_failure(detail::invalid_lambda_event(call.error()));
        CHECK(failure.type == "Runtime.InvalidPayload");
        CHECK(parsed(failure.body).at("errorType") == "Runtime.InvalidPayload");
    }
    CHECK_FALSE(detail::read_lambda_head({}).has_value());
}

TEST_CASE("C13: a warming mark is told from a call, and holds the process for a second at most") {
    const std::pair<std::string, std::chrono::milliseconds> marks[] = {
        {R"({"job_id":3,"warm":{"hold_ms":75}})", 75ms},  {R"({"job_id":3,"warm":{}})", 0ms},
        {R"({"job_id":3,"warm":{"hold_ms":null}})", 0ms}, {R"({"job_id":3,"warm":{"hold_ms":-5}})", 0ms},
        {R"({"job_id":3,"warm":{"hold_ms":60000}})", 1s},
    };
    for (const auto& [body, hold] : marks) {
        CAPTURE(body);
        const auto call = ok({.body = body});
        CHECK((call.hold == hold));
        CHECK(call.job_id == JobId{3});
    }
    for (const std::string body :
         {R"({"job_id":3,"args":[],"warm":{"hold_ms":75}})", R"({"job_id":3,"args":[],"a":"\"warm\""})"}) {
        CAPTURE(body);
        CHECK_FALSE(ok({.body = body}).hold.has_value());
    }
    CHECK(detail::write_lambda_warm(3U, "00ff", true) ==
          R"({"job_id":3,"success":true,"warm":true,"instance":"00ff","cold_start":true})");
    CHECK(detail::write_lambda_warm(0U, "a", false).ends_with(R"("cold_start":false})"));
}

TEST_CASE("lambda: the id of the attempt is repeated to hosts that sent one") {
    const auto call = ok({.fields = {{"Lambda-Runtime-Invocation-Id", "attempt-2"}}});
    CHECK(call.echoed == "Lambda-Runtime-Invocation-Id: attempt-2\r\n");
}

TEST_CASE("lambda: the type of a failure is Category.Reason, and the job's own code is its errorType") {
    struct Row {
        Error error;
        std::string_view type, error_type;
    };
    const Error ran{.code = errc::function_error, .message = "no", .execution = Execution::started};
    const auto with = [&](errc code, std::string platform_code, Execution execution) {
        auto error = ran;
        error.code = code;
        error.platform_code = std::move(platform_code);
        error.execution = execution;
        return error;
    };
    const Row table[] = {
        {ran, "Function.JobFailed", "Function.JobFailed"},
        {with(errc::throttled, "CLOSED", Execution::started), "Function.Throttled", "CLOSED"},
        {with(errc::function_error, "Function.NoMoney", Execution::started), "Function.NoMoney", "Function.NoMoney"},
        {with(errc::function_error, "Function.lower", Execution::started), "Function.JobFailed", "Function.lower"},
        {with(errc::function_error, "Function.A\r\nX: y", Execution::started), "Function.JobFailed",
         "Function.A\r\nX: y"},
        {with(errc::function_error, "Function.[", Execution::started), "Function.JobFailed", "Function.["},
        {with(errc::not_found, "", Execution::not_started), "Function.UnknownJob", "Function.UnknownJob"},
        {with(errc::not_found, "", Execution::started), "Function.JobFailed", "Function.JobFailed"},
        {with(errc::serialization, "", Execution::not_started), "Function.InvalidArguments",
         "Function.InvalidArguments"},
        {with(errc::serialization, "", Execution::started), "Function.JobFailed", "Function.JobFailed"},
        {with(errc::timed_out, "", Execution::started), "Function.TimedOut", "Function.TimedOut"},
    };
    for (const auto& [error, type, error_type] : table) {
        CAPTURE(error.platform_code);
        const auto failure = detail::write_lambda_failure(error);
        CHECK(failure.type == type);
        const auto body = parsed(failure.body);
        CHECK(body.at("errorMessage") == "no");
        CHECK((body.at("errorType") == boost::json::string_view{error_type.data(), error_type.size()}));
        CHECK(body.at("stackTrace").as_array().empty());
    }
}

TEST_CASE("lambda: whatever a job says of its failure is JSON of bounded length") {
    Error error{.message = "\"quoted\"\n\xff" + std::string(20'000, 'm')};
    error.platform_code = std::string(1'000, 'c');
    for (int i = 0; i < 1'000; ++i) error.stack_trace.push_back("frame\t" + std::string(1'000, 'f'));
    const auto failure = detail::write_lambda_failure(error);
    const auto body = parsed(failure.body);
    CHECK(std::string{body.at("errorMessage").as_string().c_str()}.starts_with("\"quoted\"\n?mmm"));
    CHECK(body.at("stackTrace").as_array().size() == 32);
    CHECK(failure.body.size() < 30'000);
    CHECK(failure.type == "Function.JobFailed");
    const auto trailers = detail::write_lambda_trailers(failure);
    CHECK(trailers ==
          "Lambda-Runtime-Function-Error-Type: Function.JobFailed\r\n"
          "Lambda-Runtime-Function-Error-Body: " +
              base64(failure.body) + "\r\n");
}

TEST_CASE("AWS pitfall 15: an answer above Lambda's limit fails the call, and names the limit") {
    const auto answer = [](std::size_t bytes, std::size_t most, bool as_base64) {
        return detail::write_lambda_answer(1U, Bytes(bytes, 200), 5ms, 3, most, as_base64);
    };
    const auto array = answer(2, 1000, false);
    REQUIRE(array.has_value());
    CHECK(*array == R"({"job_id":1,"result":[200,200],"success":true,"execution_ms":5,"memory_used_mb":3})");
    const auto text = answer(2, 1000, true);
    REQUIRE(text.has_value());
    CHECK(parsed(*text).at("result") == "yMg=");
    CHECK(answer(2, array->size(), false).has_value());
    for (const auto& refused : {answer(2, array->size() - 1, false), answer(1U << 20, 6'291'456 / 8, true),
                                answer(1'000, 1'333, true), answer(3U << 20, 6'291'456, false)}) {
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().platform_code == "Function.ResponseSizeTooLarge");
        CHECK(refused.error().message.find("bytes that Lambda takes") != std::string::npos);
        CHECK(detail::write_lambda_failure(refused.error()).type == "Function.ResponseSizeTooLarge");
    }
    const auto failed = detail::write_lambda_answer(1U, Error{.message = "no"}, 5ms, 3, 1000, false);
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().message == "no");
}

namespace {

struct Read {
    bool whole = false;
    std::string why{};
    detail::RuntimeAnswer answer{};
};

Read read_answer(std::string_view bytes, std::size_t piece, bool closed = false, std::size_t most = 1'000) {
    detail::RuntimeAnswerReader reader{most};
    Read out;
    for (auto rest = bytes; !rest.empty(); rest.remove_prefix(std::min(piece, rest.size()))) {
        const auto taken = reader.take(rest.substr(0, piece));
        if (!taken) return {.why = taken.error().message};
    }
    if (closed)
        if (const auto ended = reader.end(); !ended) out.why = ended.error().message;
    out.whole = reader.whole();
    out.answer = std::move(reader.answer());
    return out;
}

struct Spoken {
    std::string bytes{};
    unsigned status = 200;
    std::string body = "event";
    bool last = false;
    bool to_the_end = false;  ///< whole only when the connection has ended
};

const std::vector<Spoken>& spoken() {
    static const std::vector<Spoken> all{
        {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nevent"},
        {.bytes = "HTTP/1.1 202 Accepted\r\ncontent-length:0\r\n\r\n", .status = 202, .body = ""},
        {.bytes = "HTTP/1.1 204 \r\n\r\n", .status = 204, .body = ""},
        {.bytes = "HTTP/1.1 200\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nev\r\n3;x=y\r\nent\r\n0\r\nA: b\r\n\r\n"},
        {.bytes = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\n"
                  "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nevent",
         .last = true},
        {.bytes = "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nevent", .last = true},
        {.bytes = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nevent"},
        {.bytes = "HTTP/1.1 200 OK\r\n\r\nevent", .last = true, .to_the_end = true},
    };
    return all;
}

}  // namespace

TEST_CASE("lambda: answers of the runtime API are read in every form that HTTP has, however they arrive") {
    for (const auto& one : spoken()) {
        CAPTURE(one.bytes);
        for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}, one.bytes.size()}) {
            CAPTURE(piece);
            const auto read = read_answer(one.bytes, piece, one.to_the_end);
            CHECK_MESSAGE(read.whole, read.why);
            CHECK(read.answer.status == one.status);
            CHECK(read.answer.body == one.body);
            CHECK(read.answer.last == one.last);
            CHECK_FALSE(read.answer.too_long);
        }
    }
    const auto fields = read_answer("HTTP/1.1 202 OK\r\nA:1\r\nB: \t two words \r\nContent-Length: 0\r\n\r\n", 3);
    CHECK(fields.answer.headers.get("a") == "1");
    CHECK(fields.answer.headers.get("b") == "two words");
}

TEST_CASE("lambda: an answer that is cut off anywhere is an error") {
    for (const auto& one : spoken()) {
        CAPTURE(one.bytes);
        const auto least = one.to_the_end ? one.bytes.find("\r\n\r\n") + 4 : one.bytes.size();
        for (std::size_t size = 0; size < least; ++size) {
            const auto read = read_answer(one.bytes.substr(0, size), 5, true);
            CHECK_FALSE(read.whole);
            CHECK(read.why == (size == 0 ? "the runtime API closed the connection without an answer"
                                         : "the runtime API closed the connection in the middle of an answer"));
        }
    }
}

TEST_CASE("lambda: what is no HTTP is refused") {
    const std::pair<std::string, std::string_view> table[] = {
        {"SSH-2.0-OpenSSH\r\n", "does not begin with a status"},
        {"HTTP/1.1 abc\r\n", "does not begin with a status"},
        {"HTTP/2 200 OK\r\n", "does not begin with a status"},
        {"HTTP/1.1 200 OK\n", "a line does not end"},
        {"HTTP/1.1 200 OK\r\nno colon\r\n", "no colon"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n", "no number"},
        {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "no number"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "transfer coding"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "no size"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", "does not end where it should"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", "no size"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", "something follows"},
        {"HTTP/1.1 200 OK\r\nA: " + std::string(300'000, 'a'), "head does not end"},
    };
    for (const auto& [bytes, why] : table) {
        CAPTURE(why);
        const auto read = read_answer(bytes, 1'000);
        CHECK_FALSE(read.whole);
        CHECK_MESSAGE(read.why.find(why) != std::string::npos, read.why);
    }
}

TEST_CASE("lambda: of a body that is too long the rest is passed over, and the next answer can be read") {
    for (const std::string bytes :
         {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nevent",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\neve\r\n2\r\nnt\r\n0\r\n\r\n"}) {
        const auto read = read_answer(bytes, 4, false, 4);
        CHECK(read.whole);
        CHECK(read.answer.too_long);
        CHECK(read.answer.body == "even");
        CHECK_FALSE(read_answer(bytes, 4, false, 5).answer.too_long);
    }
}

namespace {

std::uint8_t next_of(std::uint8_t x) { return static_cast<std::uint8_t>(x + 1); }
result<void> two_pieces(const ResultSink& give) {
    for (const std::uint8_t byte : Bytes{1, 2})
        if (auto given = give({&byte, 1}); !given) return given;
    return {};
}

class OnLambda final : public Environment {
public:
    std::optional<std::string> variable(const std::string& name) const override {
        if (name == "AWS_LAMBDA_RUNTIME_API") return "runtime.example:9001";
        return std::nullopt;
    }
};

// Jobs of the user's own that begin to stream and throw.
struct Thrower {
    asio::awaitable<result<Bytes>> run(JobCall) { throw std::runtime_error{"run"}; }
    asio::awaitable<result<void>> stream(JobCall, ResultSink sink) {
        static_cast<void>(sink(detail::bytes_of("begun")));
        throw std::runtime_error{"stream"};
        co_return result<void>{};
    }
};

}  // namespace

TEST_CASE("A6: Lambda is known by its variable, before all other platforms") {
    using Jobs = JobSet<Job<0, &next_of>, Job<1, &two_pieces>>;
    const OnLambda world;
    CHECK(LambdaProtocol::detect({.world = world}));
    static_assert(ServeProtocol<LambdaProtocol, Jobs> && ServeProtocol<LambdaProtocol, Router>);
    static_assert(StreamingJobs<Jobs> && !StreamingJobs<Router>);
    // A name cannot be resolved, so that it ends at once and says what is expected.
    Jobs jobs;
    CHECK((serve_with<LambdaProtocol, ExecProtocol>(jobs, {.world = world}, {}) == 1));
}

TEST_CASE("pieces: what a job throws after its first piece is its failure, and the next job runs") {
    detail::JobRunner runner;
    Thrower thrower;
    std::string given;
    const auto keep = [&](std::span<const std::uint8_t> piece) -> result<void> {
        given += detail::text_of(piece);
        return {};
    };
    const auto failed = runner.stream(thrower, JobCall{}, keep);
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().message == "an exception ended the job: stream");
    CHECK(given == "begun");
    JobSet<Job<0, &next_of>, Job<1, &two_pieces>> jobs;
    given.clear();
    CHECK(runner.stream(jobs, JobCall{.job_id = 1}, keep).has_value());
    CHECK(given == "\1\2");
    CHECK(*runner.run(jobs, JobCall{.job_id = 1}) == Bytes{1, 2});
}

}  // namespace lambda_test
