#include "aws_fixture.hpp"
#include "blueprint/faas/codec/aws_lambda_protocol.hpp"
#include "blueprint/faas/codec/aws_lambda_stream.hpp"
#include "blueprint/faas/detail/encoding.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aws_answers_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using detail::LambdaProtocol;
using tests::chunk;
using tests::complete;
using tests::failed;
using tests::fields;
using tests::frame;
using tests::header;
using tests::Lambda;
using tests::ok;
using tests::run;

namespace {

HttpResponse answered(unsigned status, std::string body, Headers headers = {}) {
    HttpResponse answer;
    answer.status = status;
    answer.body = std::move(body);
    answer.headers = std::move(headers);
    return answer;
}

Error judged(unsigned status, std::string body, Headers headers = {}) {
    const auto meant = LambdaProtocol::judge(answered(status, std::move(body), std::move(headers)));
    REQUIRE(meant.has_value());
    return *meant;
}

// A credential that is replaced by another when it is refused.
struct Renewed {
    static constexpr bool reveals_secret = true;
    int* dropped = nullptr;
    template <class Purpose>
    asio::awaitable<result<void>> authorize(HttpRequest& request, Purpose) const {
        request.headers.set("Authorization", "number " + std::to_string(*dropped));
        co_return result<void>{};
    }
    bool invalidate() noexcept { return ++*dropped > 0; }
};
static_assert(Auth<Renewed>);

/// An executor and what its sink took.
struct Streaming {
    Lambda<> lambda{};
    std::vector<std::string> pieces{};
    result<void> refusal{};

    void then(std::string body, std::string_view type = "application/vnd.amazon.eventstream") {
        lambda.script->then(
            200, std::move(body),
            fields({{"Content-Type", type}, {"x-amzn-RequestId", "id-1"}, {"X-Amz-Executed-Version", "7"}}));
    }
    result<Invocation> invoke(JobCall call) {
        return run(lambda.io, lambda.executor.invoke_streaming(
                                  std::move(call), [this](std::span<const std::uint8_t> piece) -> result<void> {
                                      pieces.emplace_back(detail::text_of(piece));
                                      return refusal;
                                  }));
    }
};

}  // namespace

TEST_CASE("lambda: what each refusal means, and whether the function may have run") {
    constexpr auto never = Execution::not_started;
    constexpr auto unknown = Execution::unknown;
    struct Row {
        unsigned status;
        std::string type;  // of the header field
        errc code;
        bool retryable;
        Execution execution;
    };
    const std::vector<Row> rows{
        {400, "InvalidParameterValueException", errc::invalid_configuration, false, never},
        {400, "RecursiveInvocationException", errc::invocation_failed, false, never},
        {400, "ThrottlingException", errc::throttled, true, never},
        {400, "ExpiredTokenException", errc::authentication, true, never},
        {401, "", errc::authentication, true, never},
        {402, "ServiceQuotaExceededException", errc::invocation_failed, false, never},
        {403, "AccessDeniedException", errc::authentication, false, never},
        {403, "InvalidSignatureException", errc::authentication, true, never},
        {403, "UnrecognizedClientException", errc::authentication, true, never},
        {403, "EFSMountFailureException", errc::invocation_failed, false, never},
        {404, "ResourceNotFoundException", errc::not_found, false, never},
        {404, "", errc::invalid_configuration, false, never},  // C11: no proxy's word makes a function absent
        {408, "SnapStartTimeoutException", errc::invocation_failed, false, never},
        {408, "", errc::infrastructure, true, unknown},
        {409, "ResourceConflictException", errc::conflict, false, never},
        {410, "EFSIOException", errc::invocation_failed, false, never},
        {412, "PreconditionFailedException", errc::conflict, false, never},
        {413, "RequestTooLargeException", errc::invalid_configuration, false, never},
        {415, "UnsupportedMediaTypeException", errc::invalid_configuration, false, never},
        {429, "TooManyRequestsException", errc::throttled, true, never},
        {500, "ServiceException", errc::infrastructure, true, never},
        {500, "InternalFailure", errc::infrastructure, true, unknown},
        {500, "", errc::infrastructure, true, unknown},
        {501, "", errc::unsupported, false, never},
        {502, "ResourceNotReadyException", errc::infrastructure, true, never},
        {502, "EC2ThrottledException", errc::throttled, true, never},
        {502, "InvalidZipFileException", errc::invocation_failed, false, never},
        {502, "KMSAccessDeniedException", errc::invocation_failed, false, never},
        {502, "InvalidRuntimeException", errc::invocation_failed, false, never},
        {502, "SubnetIPAddressLimitReachedException", errc::invocation_failed, false, never},
        {502, "", errc::infrastructure, true, unknown},
        {503, "", errc::infrastructure, true, unknown},
        {503, "ServiceUnavailableException", errc::infrastructure, true, unknown},
        {504, "", errc::infrastructure, true, unknown},
        {302, "", errc::infrastructure, false, never},
        {418, "", errc::serialization, false, unknown},
    };
    for (const auto& row : rows) {
        CAPTURE(row.status);
        CAPTURE(row.type);
        Headers head = fields({{"x-amzn-RequestId", "id-1"}});
        if (!row.type.empty()) head.set("x-amzn-errortype", row.type);
        const auto error = judged(row.status, R"({"message":"why","Type":"User"})", head);
        CHECK(error.code == row.code);
        CHECK(error.retryable == row.retryable);
        CHECK(error.execution == row.execution);
        CHECK(error.http_status == row.status);
        CHECK(error.request_id == "id-1");
        if (row.status >= 400) CHECK(error.platform_code == row.type);
        if (row.status >= 400) CHECK(error.message.starts_with("why"));
    }
    for (const unsigned status : {200U, 201U, 202U, 204U})
        CHECK_FALSE(LambdaProtocol::judge(answered(status, "")).has_value());
}

TEST_CASE("lambda: the code of an error is found in all its forms, and its message too") {
    const std::vector<std::pair<std::string, std::string>> forms{
        {"ResourceNotFoundException", "{}"},
        {"ResourceNotFoundException:http://internal.amazon.com/coral/com.amazon.coral.service/", "{}"},
        {"com.aws#ResourceNotFoundException", "{}"},
        {"", R"({"code":"ResourceNotFoundException"})"},
        {"", R"({"Code":"com.aws#ResourceNotFoundException:x"})"},
        {"", R"({"__type":"com.amazonaws.lambda#ResourceNotFoundException"})"},
    };
    for (const auto& [type, body] : forms) {
        CAPTURE(body);
        Headers head;
        if (!type.empty()) head.set("X-Amzn-Errortype", type);
        const auto error = judged(404, body, head);
        CHECK(error.platform_code == "ResourceNotFoundException");
        CHECK(error.code == errc::not_found);
    }
    CHECK(judged(400, R"({"message":null,"Message":"loud"})").message == "loud");
    CHECK(judged(502, "").message == "Lambda answered HTTP 502; Lambda has a problem, try again later");
    const auto page = judged(503, "<html><body><h1>503</h1> Back soon</body></html>");
    CHECK(page.message.starts_with("503 Back soon;"));
    CHECK(page.platform_code.empty());
}

TEST_CASE("lambda: the wait that is asked for is taken over, and a throttle says which limit it met") {
    const auto wait = [](std::initializer_list<std::pair<std::string_view, std::string_view>> all) {
        return judged(429, R"({"Reason":"CallerRateLimitExceeded"})", fields(all)).retry_after;
    };
    CHECK((wait({{"Retry-After", "2"}}) == 2s));
    CHECK((wait({{"x-amz-retry-after", "1500"}, {"Retry-After", "2"}}) == 1500ms));
    CHECK((wait({{"x-amz-retry-after", "-1"}, {"Retry-After", "2"}}) == 2s));
    CHECK_FALSE(wait({{"x-amz-retry-after", "soon"}}).has_value());

    const auto limited = [](const std::string& reason) {
        return judged(429, R"({"message":"Rate Exceeded.","Reason":")" + reason + "\"}",
                      fields({{"x-amzn-ErrorType", "TooManyRequestsException"}}))
            .message;
    };
    CHECK(limited("ReservedFunctionConcurrentInvocationLimitExceeded") ==
          "Rate Exceeded. (ReservedFunctionConcurrentInvocationLimitExceeded); raise the function's reserved "
          "concurrency, "
          "or send fewer calls at once");
    CHECK(limited("ConcurrentInvocationLimitExceeded").find("the account's concurrency") != std::string::npos);
    CHECK(limited("CallerRateLimitExceeded").ends_with("; send fewer calls at once, or wait"));
}

TEST_CASE("lambda: a refused signature does not put what was signed into the message") {
    const auto error =
        judged(403,
               R"({"message":"The request signature we calculated does not match.\n\nThe Canonical String for this )"
               R"(request should have been\n'POST\nx-amz-security-token:SESSIONTOKENEXAMPLE'\n"})",
               fields({{"x-amzn-ErrorType", "InvalidSignatureException"}}));
    CHECK(error.message ==
          "The request signature we calculated does not match.; check the credentials, the region and this machine's "
          "clock");
}

TEST_CASE("lambda: the values of environment variables that are too long are not told") {
    const auto error = judged(
        400,
        R"({"Type":"User","message":"Lambda was unable to configure your environment variables because the environment )"
        R"(variables you have provided exceeded the 4KB limit. String measured: {\"KEY\":\"not-to-be-seen\"}"})",
        fields({{"x-amzn-ErrorType", "InvalidParameterValueException"}}));
    CHECK(error.message.find("exceeded the 4KB limit") != std::string::npos);
    CHECK(error.message.find("not-to-be-seen") == std::string::npos);
}

TEST_CASE("bad input: an id of a request is told without what a terminal would obey, of Lambda's too") {
    const auto id = fields({{"x-amzn-RequestId",
                             "r-\xc2\x9b"
                             "31m"}});
    CHECK(judged(400, R"({"message":"no"})", id).request_id == "r- 31m");
    Lambda<> lambda;
    lambda.script->then(200, R"({"result":"AQ=="})", id);
    CHECK(ok(lambda.invoke({.job_id = 0})).metrics.request_id == "r- 31m");
}

TEST_CASE("lambda: credentials that were refused are replaced once, and the call is made again") {
    int dropped = 0;
    Lambda<Base64Json, Renewed> lambda{{.region = "eu-central-1"}, Renewed{&dropped}};
    lambda.script->then(403, R"({"message":"The security token included in the request is expired"})",
                        fields({{"x-amzn-ErrorType", "ExpiredTokenException"}}));
    lambda.script->then(200, R"({"result":"AQ=="})");
    const auto done = ok(lambda.invoke({.job_id = 0}));
    CHECK(done.metrics.attempts == 2);
    REQUIRE(done.metrics.failed_attempts.size() == 1);
    CHECK(lambda.script->seen.back().headers.get("Authorization") == "number 1");

    lambda.script->then(403, R"({"Message":"no"})", fields({{"x-amzn-ErrorType", "AccessDeniedException"}}));
    const auto error = failed(lambda.invoke({.job_id = 0}));
    CHECK(error.code == errc::authentication);
    CHECK(error.message == "no; the credentials lack this permission");
    CHECK(dropped == 1);
}

TEST_CASE("streaming: the pieces of the result are handed on, and the end tells what was measured") {
    Streaming stream;
    const std::string log = "REPORT RequestId: id-1\tDuration: 7.00 ms\tBilled Duration: 8 ms\n";
    stream.then(chunk("ab") + chunk("") +
                frame({header(":event-type", "Later"), header(":message-type", "event")}, "?") +
                chunk(std::string{"\0c", 2}) +
                complete("{\"LogResult\":\"" + detail::base64_encode(detail::bytes_of(log)) + "\"}"));
    const auto done = ok(stream.invoke({.job_id = 4, .args = {1}, .metadata = {{"a", "b"}}}));
    CHECK((stream.pieces == std::vector<std::string>{"ab", "", std::string{"\0c", 2}}));
    CHECK(done.result.outcome->empty());
    CHECK(done.result.job_id == JobId{4});
    CHECK(done.result.metadata.get("a") == "b");
    CHECK((done.metrics.execution_duration == 7ms));
    CHECK(done.metrics.cold_start == false);
    CHECK(done.metrics.executed_version == "7");
    const auto& seen = stream.lambda.script->seen.front();
    CHECK(seen.line == "POST /2021-11-15/functions/blueprint-job-4/response-streaming-invocations?Qualifier=live");
    CHECK(seen.headers.get("X-Amz-Log-Type") == "Tail");
    const detail::LambdaProtocol protocol{{.region = "eu-central-1"}};
    const auto request =
        ok(protocol.call_request({.job_id = 4}, "{}", Deadline::max(), detail::LambdaProtocol::Way::stream));
    CHECK(request.max_response_bytes > 200'000'000);  // Lambda ends streams there
    const auto context = detail::base64_decode(seen.headers.get("X-Amz-Client-Context").value_or(""));
    REQUIRE(context.has_value());
    CHECK(detail::text_of(*context).starts_with(R"({"custom":{"a":"b","blueprint-deadline-ms":")"));
    CHECK(detail::text_of(*context).ends_with(R"(","blueprint-response":"stream"}})"));
}

TEST_CASE("A2: streaming: a function that fails in the middle is a failure with its details") {
    Streaming stream;
    stream.then(
        chunk("ab") +
        complete(R"({"ErrorCode":"Unhandled","ErrorDetails":"{\"errorMessage\":\"no\",\"errorType\":\"KeyError\",)"
                 R"(\"stackTrace\":[\"f\"]}"})"));
    const auto error = failed(stream.invoke({.job_id = 0, .idempotent = true}));
    CHECK(error.code == errc::function_error);
    CHECK(error.platform_code == "KeyError");
    CHECK(error.message == "the job failed: no; 2 bytes of the result had come");
    CHECK((error.stack_trace == std::vector<std::string>{"f"}));
    CHECK(error.execution == Execution::started);
    CHECK(error.request_id == "id-1");
    CHECK(stream.lambda.script->seen.size() == 1);

    stream.then(complete(R"({"ErrorCode":"Sandbox.Timedout","ErrorDetails":"Task timed out after 3.00 seconds"})"));
    CHECK(failed(stream.invoke({.job_id = 0})).code == errc::timed_out);
}

TEST_CASE("streaming: whatever breaks a stream off is an error that says that the job has run") {
    struct Row {
        std::string body;
        errc code;
        std::string why;
    };
    auto damaged = chunk("abc");
    damaged.back() = static_cast<char>(damaged.back() ^ 1);
    const std::vector<Row> rows{
        {chunk("ab"), errc::infrastructure, "the stream ended before Lambda said that it is complete; 2 bytes"},
        {"", errc::infrastructure, "the stream ended before"},
        {chunk("ab") + complete().substr(0, 20), errc::infrastructure, "the stream ended before"},
        {chunk("ab") + damaged, errc::serialization, "the checksum of a message is wrong; 2 bytes"},
        {complete() + chunk("x"), errc::serialization, "goes on after"},
        {complete("[]"), errc::serialization, "no JSON object"},
        {chunk("ab") + frame({header(":message-type", "exception"), header(":exception-type", "ThrottlingException")},
                             R"({"message":"slower"})"),
         errc::throttled, "slower; send fewer calls"},
        {frame({header(":message-type", "error"), header(":error-code", "InternalFailure"),
                header(":error-message", "broken")},
               ""),
         errc::infrastructure, "broken; Lambda has a problem"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.why);
        Streaming stream;
        stream.then(row.body);
        const auto error = failed(stream.invoke({.job_id = 0, .idempotent = true}));
        CHECK(error.code == row.code);
        CHECK(error.message.find(row.why) != std::string::npos);
        CHECK(error.execution == Execution::started);
        CHECK_FALSE(error.retryable);
        CHECK(stream.lambda.script->seen.size() == 1);
        REQUIRE(error.metrics != nullptr);
        CHECK(error.metrics->executed_version == "7");
    }
    // A connection that breaks is the transport's error; the job has run all the same.
    const detail::LambdaProtocol protocol{{.region = "eu-central-1"}};
    const ResultSink sink = [](std::span<const std::uint8_t>) { return result<void>{}; };
    detail::LambdaStream stream{protocol, sink};
    const Error reset{.code = errc::infrastructure, .message = "reset", .retryable = true};
    CHECK(stream.interrupted(reset).execution == Execution::unknown);
    HttpResponse head;
    head.headers = fields({{"Content-Type", "application/vnd.amazon.eventstream; x=y"}, {"x-amzn-RequestId", "id-1"}});
    CHECK(stream.begin(head).has_value());
    CHECK(stream.write(chunk("abc")).has_value());
    const auto broken = stream.interrupted(reset);
    CHECK(broken.execution == Execution::started);
    CHECK(broken.message == "reset; 3 bytes of the result had come");
    CHECK(broken.request_id == "id-1");

    Streaming plain;
    plain.then(R"({"result":""})", "application/json");
    CHECK(failed(plain.invoke({.job_id = 0})).message.find("is of the type application/json") != std::string::npos);
}

TEST_CASE("streaming: a sink that takes no more ends the call with its own error, and is never asked twice") {
    Streaming stream;
    stream.refusal =
        Error{.code = errc::cancelled, .message = "enough", .retryable = true, .execution = Execution::not_started};
    stream.then(chunk("ab") + chunk("cd") + complete());
    stream.then(complete());
    const auto error = failed(stream.invoke({.job_id = 0}));
    CHECK(error.code == errc::cancelled);
    CHECK(error.message.starts_with("enough"));
    CHECK(error.execution == Execution::started);
    CHECK(stream.pieces.size() == 1);
    CHECK(stream.lambda.script->seen.size() == 1);
}

TEST_CASE("streaming: what is refused before the first byte is an ordinary error, repeated if the job did not start") {
    Streaming stream;
    stream.lambda.script->then(429, "", fields({{"x-amzn-ErrorType", "TooManyRequestsException"}}));
    stream.then(chunk("ab") + complete());
    CHECK(ok(stream.invoke({.job_id = 0})).metrics.attempts == 2);
    CHECK(stream.pieces.size() == 1);
    stream.lambda.script->then(404, R"({"Message":"Function not found"})",
                               fields({{"x-amzn-ErrorType", "ResourceNotFoundException"}}));
    const auto error = failed(stream.invoke({.job_id = 0}));
    CHECK(error.code == errc::not_found);
    CHECK(error.execution == Execution::not_started);
}

}  // namespace aws_answers_test
