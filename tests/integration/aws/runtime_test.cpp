#include "blueprint/faas/detail/encoding.hpp"
#include "support/runtime_api.hpp"
#include "support/temporary_directory.hpp"

#include <boost/json/parse.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <utility>
#include <vector>

namespace {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using test::http_answer;
using test::RuntimeApi;
using test::RuntimeReply;
using test::RuntimeRequest;

std::string program() {
    const char* path = std::getenv("BLUEPRINT_FAAS_TEST_RUNTIME_FUNCTION");
    REQUIRE(path != nullptr);
    return path;
}

std::string base64(std::string_view text) { return detail::base64_encode(detail::bytes_of(text)); }

std::string call(int job, std::string_view args = {}) {
    return "{\"job_id\":" + std::to_string(job) + ",\"args\":\"" + base64(args) + "\"}";
}

/// What `next` is answered.
std::string event(const std::string& id, const std::string& body, const std::string& fields = {}) {
    return http_answer("200 OK", body,
                       "Content-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: " + id + "\r\n" + fields);
}

const std::string stream_field =
    "Lambda-Runtime-Client-Context: " + base64(R"({"custom":{"blueprint-response":"stream"}})") + "\r\n";
const std::string accepted = http_answer("202 Accepted", R"({"status":"OK"})");

/// A conversation: each `next` is answered with the next event, all else is kept. After the last event `next` is
/// answered with HTTP 500, which ends the process.
struct Talk {
    test::TemporaryDirectory directory{};
    RuntimeApi api{};
    std::vector<std::string> variables{};
    std::vector<std::string> events{};
    /// Answers to what is posted, in order; when there are no more: 202.
    std::vector<RuntimeReply> replies{};
    bool close_events = false;  ///< hang up after each event

    std::vector<RuntimeRequest> posted{};
    std::size_t asked = 0;  ///< for events
    int status = -1;
    std::string log{};

    void run() {
        if (variables.empty()) variables.push_back("AWS_LAMBDA_RUNTIME_API=" + api.address());
        test::FunctionProcess function{program(), variables, directory / "log"};
        std::size_t replied = 0;
        api.serve([&](const RuntimeRequest& request) -> RuntimeReply {
            log = function.log();
            if (!request.is_next()) {
                posted.push_back(request);
                if (replied < replies.size()) return replies[replied++];
                return {.bytes = accepted};
            }
            if (asked < events.size()) return {.bytes = events[asked++], .close = close_events};
            ++asked;
            return {.bytes = http_answer("500 Internal Server Error", "{}"), .stop = true};
        });
        status = function.wait();
        log = function.log();
    }
};

boost::json::object parsed(const std::string& text) {
    boost::system::error_code failed;
    auto value = boost::json::parse(text, failed);
    REQUIRE_MESSAGE((!failed && value.is_object()), text);
    return std::move(value.get_object());
}

/// The bytes of a call's result, as text.
std::string result_of(const RuntimeRequest& posted) {
    const auto answer = parsed(posted.body);
    REQUIRE_MESSAGE((answer.contains("success") && answer.at("success") == true), posted.body);
    const auto text = answer.at("result").as_string();
    const auto bytes = detail::base64_decode({text.data(), text.size()});
    REQUIRE(bytes.has_value());
    return std::string{detail::text_of(*bytes)};
}

void check_failed(const RuntimeRequest& posted, const std::string& id, std::string_view type, std::string_view words) {
    CHECK(posted.method == "POST");
    CHECK(posted.target == "/2018-06-01/runtime/invocation/" + id + "/error");
    CHECK(posted.field("Lambda-Runtime-Function-Error-Type") == type);
    CHECK(posted.field("Content-Type") == "application/json");
    const auto body = parsed(posted.body);
    const std::string message{body.at("errorMessage").as_string().c_str()};
    CHECK_MESSAGE(message.find(words) != std::string::npos, message);
    CHECK(body.at("stackTrace").is_array());
}

bool has(const std::string& text, std::string_view words) { return text.find(words) != std::string::npos; }

}  // namespace

TEST_CASE("A6: a job binary asks for events and answers them, over one connection, without a proxy") {
    Talk talk;
    talk.variables = {"AWS_LAMBDA_RUNTIME_API=" + talk.api.address(), "http_proxy=http://127.0.0.1:1"};
    for (int i = 0; i < 3; ++i)
        talk.events.push_back(event("request-" + std::to_string(i), R"({"job_id":0,"args":[7,0,0,0,0,0,0,0]})"));
    talk.run();
    CHECK(talk.asked == 4);
    CHECK(talk.api.connections() == 1);
    REQUIRE(talk.posted.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
        const auto& posted = talk.posted[i];
        CHECK(posted.method == "POST");
        CHECK(posted.target == "/2018-06-01/runtime/invocation/request-" + std::to_string(i) + "/response");
        CHECK(posted.field("Content-Type") == "application/json");
        CHECK(posted.field("Host") == talk.api.address());
        CHECK(posted.field("Transfer-Encoding").empty());
        const auto answer = parsed(posted.body);
        CHECK(answer.at("job_id") == 0);
        CHECK(answer.at("success") == true);
        CHECK(answer.at("result") == boost::json::parse("[49,0,0,0,0,0,0,0]"));
        CHECK(answer.at("execution_ms").as_int64() >= 0);
    }
    // An HTTP 500 says that the host is beyond repair.
    CHECK(talk.status == 1);
    CHECK(has(talk.log, "the function ends, because it gets no events: the runtime API answered HTTP 500"));
}

TEST_CASE("AWS pitfall 6: what failed is posted as an error with its type, and the process goes on") {
    Talk talk;
    talk.events = {event("a", call(1, "OUT_OF_STOCK")), event("b", call(99)), event("c", call(0, "short")),
                   event("d", "this is no JSON"),       event("e/../f", ""),  event("g", call(2, "still here"))};
    talk.run();
    REQUIRE(talk.posted.size() == 6);
    check_failed(talk.posted[0], "a", "Function.JobFailed", "there is no answer");
    CHECK(parsed(talk.posted[0].body).at("errorType") == "OUT_OF_STOCK");
    check_failed(talk.posted[1], "b", "Function.UnknownJob", "there is no job 99 here: the jobs are 0, 1, 2");
    check_failed(talk.posted[2], "c", "Function.InvalidArguments", "8 bytes");
    check_failed(talk.posted[3], "d", "Runtime.InvalidPayload", "the call cannot be read");
    check_failed(talk.posted[4], "e%2F..%2Ff", "Runtime.InvalidPayload", "there is none");
    CHECK(result_of(talk.posted[5]) == "still here");
    CHECK(talk.api.connections() == 1);
}

TEST_CASE("A6: a reply that is refused is logged, and one to a broken host ends the process") {
    Talk talk;
    talk.events = {event("a", call(2, "x")), event("b", call(2, "x")), event("c", call(1)), event("d", call(2, "x")),
                   event("never", call(2, "x"))};
    talk.replies = {{.bytes = http_answer("413 Content Too Large", R"({"errorMessage":"too much"})")},
                    {.bytes = http_answer("400 Bad Request", "{\"errorMessage\":\"InvalidRequestID\"}\n")},
                    {.bytes = http_answer("403 Forbidden", "{}")},
                    {.bytes = http_answer("500 Internal Server Error", "{}"), .stop = true}};
    talk.run();
    CHECK(talk.asked == 4);
    CHECK(talk.posted.size() == 4);
    CHECK(talk.status == 1);
    CHECK(has(talk.log, R"(the reply /invocation/a/response did not arrive: HTTP 413 {"errorMessage":"too much"})"));
    CHECK(has(talk.log, "the reply /invocation/b/response did not arrive: HTTP 400"));
    CHECK(has(talk.log, "the reply /invocation/c/error did not arrive: HTTP 403"));
    CHECK(has(talk.log, "the function ends, because the runtime API cannot go on"));
}

TEST_CASE("A6: three failures to get an event end the process, and two do not") {
    const auto refused = http_answer("403 Forbidden", "{}");
    Talk talk;
    talk.events = {refused, refused, event("a", call(2, "x")), refused, refused, refused, event("never", call(2, "x"))};
    talk.api.early = [&](const RuntimeRequest& head) -> std::optional<RuntimeReply> {
        if (head.is_next() && talk.asked == 5) {
            ++talk.asked;
            return RuntimeReply{.bytes = refused, .stop = true};
        }
        return std::nullopt;
    };
    talk.run();
    CHECK(talk.posted.size() == 1);
    CHECK(talk.asked == 6);
    CHECK(talk.status == 1);
    CHECK(has(talk.log, "because it gets no events: the runtime API answered HTTP 403 instead of an event"));
}

TEST_CASE("A6: where nobody listens the process ends at once and says whom it asked") {
    std::string address;
    {
        RuntimeApi gone;
        address = gone.address();
    }
    test::TemporaryDirectory directory;
    for (const auto& [value, words] :
         {std::pair<std::string, std::string>{address, "at " + address + " cannot be reached"},
          {"runtime.example:9001", "an IP address or localhost with a port is expected"},
          {"127.0.0.1", "an IP address or localhost with a port is expected"},
          {"", "an IP address or localhost with a port is expected"}}) {
        CAPTURE(value);
        test::FunctionProcess function{program(), {"AWS_LAMBDA_RUNTIME_API=" + value}, directory / "log"};
        CHECK(function.wait() == 1);
        CHECK_MESSAGE(has(function.log(), words), function.log());
    }
}

TEST_CASE("A6: a connection that the host closed is made again, and no event is lost") {
    Talk talk;
    for (const auto* id : {"a", "b", "c"}) talk.events.push_back(event(id, call(2, id)));
    talk.close_events = true;
    talk.replies = {{.bytes = accepted, .close = true},
                    {.bytes = "", .close = true},  // it hangs up instead of an answer, on a new connection
                    {.bytes = accepted},
                    {.bytes = "HTTP/1.1 202 Accepted\r\nConnection: close\r\n\r\n", .close = true}};
    talk.run();
    CHECK(talk.asked == 4);
    REQUIRE(talk.posted.size() == 3);
    CHECK(has(talk.log, "the reply /invocation/b/response did not arrive: the runtime API closed the connection"));
    CHECK(result_of(talk.posted[0]) == "a");
    CHECK(result_of(talk.posted[2]) == "c");

    Talk kept;  // a connection that was closed just as it was used again: the reply is sent once more
    kept.events = {event("a", call(2, "x")), event("b", call(2, "y"))};
    kept.replies = {{.bytes = "", .close = true}};
    kept.run();
    REQUIRE(kept.posted.size() == 3);
    CHECK(kept.posted[0].body == kept.posted[1].body);
    CHECK(result_of(kept.posted[2]) == "y");
    CHECK(kept.api.connections() == 2);
    CHECK_FALSE(has(kept.log, "did not arrive"));
}

TEST_CASE("A6: the runtime API is found by IPv6 and by localhost, and events come in chunks too") {
    for (const bool ipv6 : {false, true}) {
        CAPTURE(ipv6);
        Talk talk;
        try {
            talk.api = RuntimeApi{ipv6};
        } catch (const std::system_error& no_ipv6) {
            MESSAGE(no_ipv6.what());
            continue;
        }
        const auto port = std::to_string(talk.api.port());
        talk.variables = {"AWS_LAMBDA_RUNTIME_API=" + (ipv6 ? "[::1]:" + port : "localhost:" + port)};
        talk.events = {
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: a\r\n"
            "Transfer-Encoding: chunked\r\n\r\n8\r\n{\"job_id\r\n17;x\r\n\":2,\"args\":\"aGVsbG8=\"} \r\n0\r\n\r\n"};
        talk.run();
        REQUIRE(talk.posted.size() == 1);
        CHECK(result_of(talk.posted[0]) == "hello");
        CHECK(talk.posted[0].field("Host") == (ipv6 ? "[::1]:" : "localhost:") + port);
    }
}

TEST_CASE("AWS pitfall 15: payloads of 1 MiB and of 6 MiB go through, and what is too large fails its call alone") {
    const std::string large(1U << 20, 'a');
    const std::string largest((6'291'456 - 200) / 4 * 3, 'b');
    Talk talk;
    talk.events = {event("a", call(2, large)), event("b", call(2, largest)), event("c", call(5, {"\xff\xff\x7f\0", 4})),
                   event("d", std::string(26U << 20, ' ')), event("e", call(2, "x"))};
    talk.run();
    REQUIRE(talk.posted.size() == 5);
    CHECK((result_of(talk.posted[0]) == large));
    CHECK((result_of(talk.posted[1]) == largest));
    CHECK(talk.posted[1].body.size() <= 6'291'456);
    check_failed(talk.posted[2], "c", "Function.ResponseSizeTooLarge", "8388607 bytes");
    check_failed(talk.posted[3], "d", "Runtime.InvalidPayload", "the event is longer than");
    CHECK(result_of(talk.posted[4]) == "x");
    CHECK(talk.api.connections() == 1);
}

TEST_CASE("A6: a host that refuses a long reply before it has read it does not end the process") {
    Talk talk;
    talk.events = {event("a", call(5, {"\0\0\x40\0", 4})), event("b", call(2, "x"))};
    talk.api.early = [](const RuntimeRequest& head) -> std::optional<RuntimeReply> {
        if (head.target.find("/a/") == std::string::npos) return std::nullopt;
        return RuntimeReply{.bytes = http_answer("413 Content Too Large", "{}"), .close = true};
    };
    talk.run();
    REQUIRE(talk.posted.size() == 1);
    CHECK(result_of(talk.posted[0]) == "x");
    CHECK(has(talk.log, "the reply /invocation/a/response did not arrive: HTTP 413"));
}

TEST_CASE("A6: a job sees its deadline, its metadata and the trace, and hosts see the attempt's id again") {
    const auto now =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
    const auto context = base64(R"({"custom":{"traceparent":"00-aa-bb-01","blueprint-deadline-ms":")" +
                                std::to_string((now + 3600s).count()) + "\"}}");
    Talk talk;
    talk.variables = {"AWS_LAMBDA_RUNTIME_API=" + talk.api.address(), "_X_AMZN_TRACE_ID=left by somebody"};
    talk.events = {
        event("a", call(4),
              "Lambda-Runtime-Deadline-Ms: " + std::to_string((now + 900s).count()) +
                  "\r\nLambda-Runtime-Trace-Id: Root=1-a;Sampled=1\r\n" +
                  "Lambda-Runtime-Invocation-Id: try-1\r\nLambda-Runtime-Client-Context: " + context + "\r\n"),
        event("b", call(3, "_X_AMZN_TRACE_ID"), "Lambda-Runtime-Trace-Id: Root=1-b\r\n"),
        event("c", call(3, "_X_AMZN_TRACE_ID")), event("d", call(1), "Lambda-Runtime-Invocation-Id: try-2\r\n")};
    talk.run();
    REQUIRE(talk.posted.size() == 4);
    const auto told = result_of(talk.posted[0]);
    const auto left = std::stol(told);
    CHECK(left > 840'000);
    CHECK(left <= 900'000);
    CHECK(told.substr(told.find(';')) == ";traceparent=00-aa-bb-01;x-request-id=a;x-amzn-trace-id=Root=1-a;Sampled=1");
    CHECK(talk.posted[0].field("Lambda-Runtime-Invocation-Id") == "try-1");
    CHECK(result_of(talk.posted[1]) == "Root=1-b");
    CHECK(result_of(talk.posted[2]) == "(not set)");
    CHECK(talk.posted[2].field("Lambda-Runtime-Invocation-Id").empty());
    CHECK(talk.posted[3].field("Lambda-Runtime-Invocation-Id") == "try-2");
}

TEST_CASE("C13: a warming mark runs no job, holds the process, and names it") {
    std::vector<std::chrono::steady_clock::time_point> times;
    Talk talk;
    talk.api.early = [&](const RuntimeRequest&) {
        times.push_back(std::chrono::steady_clock::now());
        return std::optional<RuntimeReply>{};
    };
    talk.events = {event("a", R"({"job_id":6,"warm":{"hold_ms":150}})"),
                   event("b", R"({"job_id":6,"warm":{"hold_ms":0}})"), event("c", call(2, "x"))};
    talk.run();
    REQUIRE(talk.posted.size() == 3);
    const auto cold = parsed(talk.posted[0].body), warm = parsed(talk.posted[1].body);
    CHECK(talk.posted[0].target.ends_with("/invocation/a/response"));
    CHECK(cold.at("job_id") == 6);
    CHECK(cold.at("success") == true);
    CHECK(cold.at("warm") == true);
    CHECK(cold.at("cold_start") == true);
    CHECK(warm.at("cold_start") == false);
    CHECK(cold.at("instance").as_string().size() == 32);
    CHECK(cold.at("instance") == warm.at("instance"));
    CHECK(times.at(1) - times.at(0) >= 150ms);
    CHECK_FALSE(has(talk.log, "printed by the job"));

    Talk other;
    other.events = {event("a", call(2, "x")), event("b", R"({"job_id":6,"warm":{}})")};
    other.run();
    REQUIRE(other.posted.size() == 2);
    CHECK(parsed(other.posted[1].body).at("cold_start") == false);
    CHECK(parsed(other.posted[1].body).at("instance") != cold.at("instance"));
}

TEST_CASE("A6: what a job prints is in the log before its reply, because the process may be frozen after it") {
    std::string log_at_reply;
    Talk talk;
    talk.events = {event("a", call(6))};
    talk.api.early = [&](const RuntimeRequest& head) {
        if (!head.is_next())
            log_at_reply =
                std::string{std::istreambuf_iterator<char>{std::ifstream{talk.directory / "log"}.rdbuf()}, {}};
        return std::optional<RuntimeReply>{};
    };
    talk.run();
    CHECK(has(log_at_reply, "printed by the job\n"));
}

TEST_CASE("A6: a function that cannot start tells the host why, and ends") {
    Talk talk;
    talk.variables = {"AWS_LAMBDA_RUNTIME_API=" + talk.api.address(), "TEST_WITHOUT_MODEL=1"};
    talk.replies = {{.bytes = accepted, .stop = true}};
    talk.run();
    CHECK(talk.status == 1);
    CHECK(talk.asked == 0);
    REQUIRE(talk.posted.size() == 1);
    CHECK(talk.posted[0].target == "/2018-06-01/runtime/init/error");
    CHECK(talk.posted[0].field("Lambda-Runtime-Function-Error-Type") == "Function.InitFailed");
    CHECK(parsed(talk.posted[0].body).at("errorMessage") == "the model is not there");
    CHECK(has(talk.log, "the function cannot start: the model is not there"));
}

TEST_CASE("streaming: pieces are on their way while the job still runs") {
    Talk talk;
    const auto fifo = talk.directory / "fifo";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    std::vector<std::string> chunks;
    // The job gives its second piece only after somebody has read the first.
    talk.api.on_chunk = [&](std::string_view chunk) {
        chunks.emplace_back(chunk);
        if (chunks.size() == 1) std::ofstream{fifo} << "second";
    };
    talk.events = {event("a", call(7, fifo.string()), stream_field + "Lambda-Runtime-Invocation-Id: try-1\r\n"),
                   event("b", call(7, "/dev/null"))};
    talk.run();
    REQUIRE(talk.posted.size() == 2);
    const auto& posted = talk.posted[0];
    CHECK(posted.target == "/2018-06-01/runtime/invocation/a/response");
    CHECK(posted.field("Lambda-Runtime-Function-Response-Mode") == "streaming");
    CHECK(posted.field("Transfer-Encoding") == "chunked");
    CHECK(posted.field("Content-Length").empty());
    CHECK(posted.field("Trailer") == "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body");
    CHECK(posted.field("Content-Type") == "application/octet-stream");
    CHECK(posted.field("Connection") == "close");
    CHECK(posted.field("Lambda-Runtime-Invocation-Id") == "try-1");
    CHECK(posted.trailers.empty());
    CHECK(posted.body.starts_with("firstsecondxxx"));
    CHECK(posted.chunks == std::vector<std::size_t>{5, 6, 1U << 20});
    // Who does not ask for a stream gets the pieces as one result.
    CHECK(talk.posted[1].field("Lambda-Runtime-Function-Response-Mode").empty());
    CHECK(result_of(talk.posted[1]).size() == 5 + (1U << 20));
}

TEST_CASE("streaming: a failure before the first piece is an error, one after it stands in the trailers") {
    Talk talk;
    talk.events = {event("a", call(8, {"\0", 1}), stream_field), event("b", call(8, "\2"), stream_field),
                   event("c", call(1, "CLOSED"), stream_field), event("d", call(99), stream_field),
                   event("e", "nonsense", stream_field)};
    talk.run();
    REQUIRE(talk.posted.size() == 5);
    check_failed(talk.posted[0], "a", "Function.JobFailed", "the source ran dry");
    const auto& broken = talk.posted[1];
    CHECK(broken.target.ends_with("/b/response"));
    CHECK(broken.body == "piecepiece");
    CHECK(broken.trailer("Lambda-Runtime-Function-Error-Type") == "Function.JobFailed");
    const auto told = detail::base64_decode(broken.trailer("Lambda-Runtime-Function-Error-Body"));
    REQUIRE(told.has_value());
    const auto error = parsed(std::string{detail::text_of(*told)});
    CHECK(error.at("errorMessage") == "job 8 failed: the source ran dry");
    CHECK(error.at("errorType") == "Function.JobFailed");
    check_failed(talk.posted[2], "c", "Function.JobFailed", "there is no answer");
    check_failed(talk.posted[3], "d", "Function.UnknownJob", "there is no job 99");
    check_failed(talk.posted[4], "e", "Runtime.InvalidPayload", "cannot be read");
}

TEST_CASE("streaming: a whole result is streamed as it is, of any size, and an empty one too") {
    Talk talk;
    talk.events = {event("a", call(2, "whole"), stream_field), event("b", call(2, ""), stream_field),
                   event("c", call(5, {"\0\0\x80\0", 4}), stream_field), event("d", call(2, "x")),
                   event("e", call(10), stream_field)};
    talk.close_events = true;  // a stream cannot be sent twice: it must not begin on a connection that is going
    talk.run();
    REQUIRE(talk.posted.size() == 5);
    CHECK(talk.posted[0].body == "whole");
    for (const std::size_t empty : {1U, 4U}) {
        CHECK(talk.posted[empty].field("Transfer-Encoding") == "chunked");
        CHECK(talk.posted[empty].body.empty());
        CHECK(talk.posted[empty].trailers.empty());
    }
    CHECK(talk.posted[2].body.size() == 8U << 20);
    CHECK(result_of(talk.posted[3]) == "x");
    CHECK_FALSE(has(talk.log, "did not arrive"));
}

TEST_CASE("streaming: a host that takes no more ends the job, and the process goes on") {
    Talk talk;
    talk.events = {event("a", call(9), stream_field), event("b", call(2, "x"))};
    talk.api.early = [](const RuntimeRequest& head) -> std::optional<RuntimeReply> {
        if (head.target.find("/a/") == std::string::npos) return std::nullopt;
        return RuntimeReply{.bytes = "", .close = true};
    };
    talk.run();
    REQUIRE(talk.posted.size() == 1);
    CHECK(result_of(talk.posted[0]) == "x");
    CHECK(has(talk.log, "refused before 4000"));
    CHECK(has(talk.log, "the reply /invocation/a/response did not arrive"));
    CHECK(talk.asked == 3);
}
