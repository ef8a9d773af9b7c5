#include "blueprint/faas/serve/openwhisk_protocol.hpp"

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/job_set.hpp"
#include "support/run.hpp"

#include <boost/json/parse.hpp>
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <fcntl.h>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace openwhisk_protocol_test {

namespace {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using detail::ActionLoopCall;
using tests::failed;

constexpr std::chrono::system_clock::time_point today{1'700'000'000'000ms};

class World : public Environment {
public:
    explicit World(std::map<std::string, std::string> variables = {}) : variables_{std::move(variables)} {}
    std::optional<std::string> variable(const std::string& name) const override {
        const auto found = variables_.find(name);
        return found == variables_.end() ? std::nullopt : std::optional{found->second};
    }
    std::chrono::system_clock::time_point now() const override { return today; }

private:
    std::map<std::string, std::string> variables_;
};

ActionLoopCall read(std::string_view line) {
    ActionLoopCall call;
    if (const auto read = detail::read_action_loop_call(line, today, call); !read) FAIL(read.error().message);
    return call;
}

ActionLoopCall read_value(const std::string& value, const std::string& beside = "") {
    return read("{\"value\":" + value + beside + '}');
}

Error refused(std::string_view line) {
    ActionLoopCall call;
    return failed(detail::read_action_loop_call(line, today, call));
}

std::string told(const JobCall& call) {
    std::string out = call.timeout ? std::to_string(call.timeout->count()) : "none";
    for (const auto& [name, value] : call.metadata) out += ' ' + name + '=' + value;
    return out;
}

bool has(std::string_view text, std::string_view words) { return text.find(words) != std::string_view::npos; }

std::string job(const std::string& context) { return R"({"job_id":7,"args":[],"context":)" + context + '}'; }

// Both ends of a pipe, closed when they go.
struct Pipe {
    std::array<int, 2> ends{-1, -1};
    Pipe() { REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0); }
    ~Pipe() {
        close_end(0);
        close_end(1);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    void close_end(std::size_t end) {
        if (ends[end] >= 0) ::close(std::exchange(ends[end], -1));
    }
    /// Writes as much as somebody reads.
    void put(std::string_view text) const {
        while (!text.empty()) {
            const auto size = ::write(ends[1], text.data(), text.size());
            if (size <= 0) return;
            text.remove_prefix(static_cast<std::size_t>(size));
        }
    }
};

Bytes echo(Bytes bytes) { return bytes; }
result<void> refuse() { return Error{.code = errc::throttled, .message = "not today", .platform_code = "CLOSED"}; }
Bytes grow(std::uint32_t size) { return Bytes(size, 255); }
int answers_of_this_process = -1;
void shout() {  // at the descriptor that was the answers', as a job could that knows of it
    static constexpr std::string_view text = "no answer\n";
    [[maybe_unused]] const auto size = ::write(answers_of_this_process, text.data(), text.size());
}
using Jobs = JobSet<Job<0, &echo>, Job<1, &refuse>, Job<2, &grow>, Job<3, &shout>>;
static_assert(ServeProtocol<OpenWhiskProtocol, Jobs>);

struct Served {
    int status = 0;
    std::vector<std::string> lines{};
};

Served serve(std::string_view input, const World& world = World{}, const ServeOptions& options = {}) {
    detail::ignore_broken_pipes();
    Pipe in;
    Pipe out;
    std::thread writer{[&] {
        in.put(input);
        in.close_end(1);
    }};
    std::string text;
    std::thread reader{[&] {
        std::array<char, 65536> piece{};
        for (;;) {
            const auto size = ::read(out.ends[0], piece.data(), piece.size());
            if (size <= 0) return;
            text.append(piece.data(), static_cast<std::size_t>(size));
        }
    }};
    Served served;
    answers_of_this_process = out.ends[1];
    {
        Jobs jobs;
        detail::ActionLoopSession session{world, options, in.ends[0], out.ends[1]};
        served.status = detail::answer_action_loop_calls(jobs, session);
    }
    in.close_end(0);
    writer.join();
    out.close_end(1);
    reader.join();
    for (auto at = text.find('\n'); at != std::string::npos; at = text.find('\n')) {
        served.lines.push_back(text.substr(0, at));
        text.erase(0, at + 1);
    }
    CHECK(text.empty());  // each answer ends with a line's end
    return served;
}

boost::json::object parsed(const std::string& text) { return boost::json::parse(text).as_object(); }
/// By this member the platform counts a call as failed, and keeps no other.
boost::json::object failure(const boost::json::object& answer) { return answer.at("error").as_object(); }

}  // namespace

TEST_CASE("openwhisk serve: the program is known by our mark, or by a runtime's variables if somebody reads 3") {
    const auto detects = [](std::map<std::string, std::string> variables, bool writes_to_3) {
        const World world{std::move(variables)};
        return OpenWhiskProtocol::detect({.world = world, .writes_to_3 = writes_to_3});
    };
    CHECK(detects({{"BLUEPRINT_ACTION_LOOP", "1"}}, true));
    CHECK(detects({{"BLUEPRINT_ACTION_LOOP", "1"}}, false));  // which is then told
    CHECK_FALSE(detects({{"BLUEPRINT_ACTION_LOOP", "0"}}, true));
    CHECK_FALSE(detects({}, true));
    for (const auto* name : {"__OW_PROXY_VERSION", "__OW_EXECUTION_ENV", "__OW_WAIT_FOR_ACK", "__OW_API_HOST"}) {
        CAPTURE(name);
        CHECK(detects({{name, "x"}}, true));
        CHECK_FALSE(detects({{name, "x"}}, false));
        CHECK_FALSE(detects({{name, "x"}, {"BLUEPRINT_HTTP_SOCKET", "s"}}, true));
    }
}

TEST_CASE("openwhisk serve: whether a descriptor can be written to") {
    const Pipe pipe;
    CHECK(detail::is_writable(pipe.ends[1]));
    CHECK_FALSE(detail::is_writable(pipe.ends[0]));
    CHECK_FALSE(detail::is_writable(-1));
}

TEST_CASE("openwhisk serve: a line is a call, and what stands beside its value may be absent") {
    const auto plain = read(R"({"value":{"job_id":7,"args":"AQI="}})");
    CHECK(plain.kind == ActionLoopCall::Kind::job);
    CHECK(plain.job_id == JobId{7});
    CHECK(plain.call.job_id == JobId{7});
    CHECK(plain.call.args == Bytes{1, 2});
    CHECK(told(plain.call) == "none");
    const auto full =
        read(R"( { "transaction_id" : "t" , "api_host":"https://h","more":{"value":{"job_id":1}}, )"
             R"("value" : {"args":[1,2],"other":["}",{"args":"x"}],"job_id":7,"context":{"timeout_ms":29950,)"
             R"("traceparent":"00-a","tracestate":null,"request_id":"r1","metadata":{"k":"v","traceparent":"other",)"
             R"("blueprint-x":"no"}}} , "activation_id":"a1","deadline":1700000060000,"namespace":"ns" } )");
    CHECK(full.call.args == Bytes{1, 2});
    CHECK(told(full.call) == "29950 traceparent=00-a x-request-id=r1 k=v");
}

TEST_CASE("openwhisk serve: the sooner of the caller's time and the platform's deadline is the call's") {
    const auto timeout = [](const std::string& context, const std::string& beside) {
        return told(read_value(job(context), beside).call);
    };
    CHECK(timeout("{}", "") == "none");
    CHECK(timeout("null", R"(,"deadline":null)") == "none");
    CHECK(timeout(R"({"timeout_ms":5})", "") == "5");
    CHECK(timeout("{}", R"(,"deadline":1700000000250)") == "250");
    CHECK(timeout("{}", R"(,"deadline":"1700000000250")") == "250");
    CHECK(timeout(R"({"timeout_ms":100})", R"(,"deadline":"1700000000250")") == "100");
    CHECK(timeout(R"({"timeout_ms":400})", R"(,"deadline":1700000000250)") == "250");
    CHECK(timeout(R"({"timeout_ms":400,"deadline_ms":1700000000300})", "") == "300");
    CHECK(timeout(R"({"timeout_ms":9000000000000000000})", "") == "86400000");
    // What is no time says nothing: the platform's own watch goes on all the same.
    for (const auto* odd : {"\"\"", "\"soon\"", "\"1700000000250 \"", "1.5", "{}"})
        CHECK(timeout("{}", std::string{",\"deadline\":"} + odd) == "none");
}

TEST_CASE("openwhisk serve: a call whose time is over is refused, and runs nothing") {
    for (const auto* line : {R"({"value":{"job_id":7,"args":[],"context":{"timeout_ms":0}}})",
                             R"({"value":{"job_id":7,"args":[],"context":{"timeout_ms":-5}}})",
                             R"({"value":{"job_id":7,"args":[]},"deadline":1700000000000})",
                             R"({"value":{"job_id":7,"args":[]},"deadline":"-1"})"}) {
        CAPTURE(line);
        ActionLoopCall call;
        const auto error = failed(detail::read_action_loop_call(line, today, call));
        CHECK(error.code == errc::timed_out);
        CHECK(error.execution == Execution::not_started);
        CHECK(call.job_id == JobId{7});
    }
    const auto answer = parsed(serve(R"({"value":{"job_id":0,"args":[],"context":{"timeout_ms":0}}})").lines.at(0));
    CHECK(failure(answer).at("code") == "TIMEOUT");
    CHECK(failure(answer).at("job_id") == 0);
}

TEST_CASE("openwhisk serve: the activation's id is the request's if the caller gave none") {
    CHECK(told(read_value(job("{}"), R"(,"activation_id":"a1")").call) == "none x-request-id=a1");
    CHECK(told(read_value(job(R"({"request_id":"r"})"), R"(,"activation_id":"a1")").call) == "none x-request-id=r");
    CHECK(told(read_value(job(R"({"metadata":{"x-request-id":"m"}})"), R"(,"activation_id":"a1")").call) ==
          "none x-request-id=m");
    CHECK(told(read_value(job("{}"), R"(,"activation_id":7)").call) == "none");
    CHECK(told(read_value(job("{}"), R"(,"activation_id":"")").call) == "none");
}

TEST_CASE("openwhisk serve: warming calls and questions for the health are no jobs") {
    const auto warm = read(R"({"value":{"blueprint":"warm","hold_ms":75},"deadline":1})");
    CHECK(warm.kind == ActionLoopCall::Kind::warm);
    CHECK(warm.hold == 75ms);
    CHECK(read(R"({"value":{"blueprint":"warm"}})").hold == 0ms);
    CHECK(read(R"({"value":{"blueprint":"warm","hold_ms":60000}})").hold == 10s);
    CHECK(read(R"({"value":{"blueprint":"warm","hold_ms":-1}})").hold == 0ms);
    CHECK(read(R"({"value":{"blueprint":"health"}})").kind == ActionLoopCall::Kind::health);
    const auto begun = std::chrono::steady_clock::now();
    const auto served = serve(
        "{\"value\":{\"blueprint\":\"warm\",\"hold_ms\":60}}\n{\"value\":{\"blueprint\":\"health\"}}\n"
        "{\"value\":{\"blueprint\":\"warm\"}}\n");
    CHECK(std::chrono::steady_clock::now() - begun >= 60ms);
    CHECK(served.status == 0);
    REQUIRE(served.lines.size() == 3);
    const auto first = parsed(served.lines[0]), health = parsed(served.lines[1]);
    CHECK(first.at("blueprint") == "warm");
    CHECK(first.at("instance").as_string().size() == 32);
    CHECK(first.size() == 2);
    CHECK(health.at("blueprint") == "health");
    CHECK(health.at("status") == "healthy");
    CHECK(health.at("instance") == first.at("instance"));
    CHECK(served.lines[2] == served.lines[0]);
    CHECK(parsed(serve("{\"value\":{\"blueprint\":\"health\"}}").lines.at(0)).at("instance") != first.at("instance"));
}

TEST_CASE("openwhisk serve: what cannot be read is refused with what is wrong, and no part of it") {
    struct Row {
        std::string_view line, words;
    };
    const Row table[] = {
        {"", "no line of JSON"},
        {"[]", "no line of JSON"},
        {"{}", "no line of JSON"},
        {R"({"value")", "no line of JSON"},
        {R"({"value":)", "no line of JSON"},
        {R"({"value":{"job_id":7)", "no line of JSON"},
        {R"({"other":{"value":{}}})", "no line of JSON"},
        {R"({"value":{"job_id":7,"args":[]},secret})", "beside its value is no JSON"},
        {R"({"value":{"job_id":7,"args":[]}} secret)", "beside its value is no JSON"},
        {R"({"secret":,"value":{"job_id":7,"args":[]}})", "beside its value is no JSON"},
        {R"({"value":null})", "a JSON object is expected"},
        {R"({"value":[1]})", "a JSON object is expected"},
        {R"({"value":{}})", "job_id is missing"},
        {R"({"value":{"job_id":"secret","args":[]}})", "job_id is not an integer"},
        {R"({"value":{"job_id":4294967296,"args":[]}})", "4294967295"},
        {R"({"value":{"job_id":7}})", "args is missing"},
        {R"({"value":{"job_id":7,"args":"secret"}})", "not Base64"},
        {R"({"value":{"job_id":7,"args":[256]}})", "above 255"},
        {R"({"value":{"job_id":7,"args":[],"context":1}})", "context is not an object"},
        {R"({"value":{"job_id":7,"args":[],"context":{"timeout_ms":"secret"}}})", "timeout_ms is not an integer"},
        {R"({"value":{"job_id":7,"args":[],"context":{"request_id":1}}})", "context.request_id is not a string"},
        {R"({"value":{"job_id":7,"args":[],"context":{"metadata":["secret"]}}})", "metadata is not an object"},
        {R"({"value":{"job_id":7,"args":[],"context":{"metadata":{"k":1}}}})", "a value is not a string"},
        {R"({"value":{"blueprint":"secret"}})", "neither"},
        {R"({"value":{"blueprint":true}})", "neither"},
        {R"({"value":{"blueprint":"warm","hold_ms":"secret"}})", "hold_ms is not an integer"},
    };
    for (const auto& [line, words] : table) {
        CAPTURE(line);
        const auto error = refused(line);
        CHECK(error.code == errc::serialization);
        CHECK_MESSAGE(has(error.message, words), error.message);
        CHECK_FALSE(has(error.message, "secret"));
    }
    // Every beginning of a good line is refused, and no other way out is taken.
    const std::string good =
        R"({"a":"\"}","value":{"job_id":7,"args":"AQI=","context":{"metadata":{"k":"v"}}},"b":[{}]})";
    REQUIRE(read(good).call.args == Bytes{1, 2});
    for (std::size_t size = 0; size < good.size(); ++size) {
        CAPTURE(size);
        ActionLoopCall call;
        CHECK_FALSE(detail::read_action_loop_call(std::string_view{good}.substr(0, size), today, call).has_value());
    }
}

TEST_CASE("openwhisk serve: answers are the exec model's with Base64, one line each, until the end of the input") {
    const auto served = serve(
        "{\"value\":{\"job_id\":0,\"args\":[104,105]}}\n"
        "{\"value\":{\"job_id\":1,\"args\":\"\"}}\n"
        "{\"value\":{\"job_id\":9,\"args\":\"\"}}\n"
        "no call\n"
        "{\"value\":{\"job_id\":0,\"args\":\"aGk=\"}}");  // the last line without its end
    CHECK(served.status == 0);
    REQUIRE(served.lines.size() == 5);
    const auto first = parsed(served.lines[0]);
    CHECK(first.at("job_id") == 0);
    CHECK(first.at("result") == "aGk=");
    CHECK(first.at("success") == true);
    CHECK(first.at("execution_ms").as_int64() >= 0);
    CHECK(first.at("memory_used_mb").as_int64() > 0);
    CHECK_FALSE(first.contains("error"));
    const auto second = parsed(served.lines[1]);
    CHECK(second.size() == 1);
    CHECK(failure(second).at("job_id") == 1);
    CHECK(failure(second).at("error") == "not today");
    CHECK(failure(second).at("code") == "CLOSED");
    CHECK(failure(second).at("success") == false);
    CHECK(failure(parsed(served.lines[2])).at("code") == "NOT_FOUND");
    CHECK(failure(parsed(served.lines[3])).at("code") == "BAD_REQUEST");
    CHECK_FALSE(failure(parsed(served.lines[3])).contains("job_id"));
    CHECK(parsed(served.lines[4]).at("result") == "aGk=");
    CHECK(serve("").lines.empty());
}

TEST_CASE("openwhisk serve: that the program is ready is said once, to a runtime that waits for it") {
    const std::string call = "{\"value\":{\"job_id\":0,\"args\":[]}}\n";
    const auto waited = serve(call, World{{{"__OW_WAIT_FOR_ACK", "1"}}});
    REQUIRE(waited.lines.size() == 2);
    CHECK(waited.lines[0] == R"({"ok":true})");
    CHECK(serve(call, World{{{"__OW_WAIT_FOR_ACK", ""}}}).lines.size() == 1);
    CHECK(serve(call).lines.size() == 1);
}

TEST_CASE("openwhisk serve: lines and answers of any size come whole, and a larger answer is a failure that says so") {
    std::string input, bytes;
    for (const std::size_t size : {0U, 1U, 70'000U, 700'000U}) {
        bytes.assign(size, 'x');
        input += R"({"value":{"job_id":0,"args":")" + detail::base64_encode(detail::bytes_of(bytes)) + "\"}}\n";
    }
    input += R"({"value":{"job_id":2,"args":[0,0,16,0]}})";
    input += '\n';
    const auto served = serve(input);
    REQUIRE(served.lines.size() == 5);
    CHECK(has(served.lines[3], detail::base64_encode(detail::bytes_of(bytes))));
    CHECK(failure(parsed(served.lines[4])).at("code") == "TOO_LARGE");
    CHECK(has(served.lines[4], "1048576"));
    // Not more than is wanted is kept, and behind a line that is too long nobody knows where the next one begins.
    const auto ended = serve(input, World{}, {.max_input_bytes = 200'000});
    CHECK(ended.status == 1);
    REQUIRE(ended.lines.size() == 4);
    CHECK(failure(parsed(ended.lines[3])).at("code") == "TOO_LARGE");
}

TEST_CASE("openwhisk serve: what jobs write to the descriptor of the answers is the log's") {
    const auto served = serve("{\"value\":{\"job_id\":3,\"args\":[]}}\n{\"value\":{\"job_id\":0,\"args\":[]}}\n");
    REQUIRE(served.lines.size() == 2);
    CHECK(parsed(served.lines[0]).at("success") == true);
    CHECK(parsed(served.lines[1]).at("success") == true);
}

TEST_CASE("openwhisk serve: without somebody who reads the answers the process ends, and says why") {
    const World world;
    detail::ActionLoopSession session{world, {}, 0, -1};
    CHECK_FALSE(session.next().has_value());
    CHECK(session.status() == 1);
    detail::ignore_broken_pipes();
    Pipe in;
    Pipe out;
    in.put("{\"value\":{\"job_id\":0,\"args\":[]}}\n{\"value\":{\"job_id\":0,\"args\":[]}}\n");
    Jobs jobs;
    detail::ActionLoopSession left{world, {}, in.ends[0], out.ends[1]};
    out.close_end(0);
    CHECK(detail::answer_action_loop_calls(jobs, left) == 1);
}

}  // namespace openwhisk_protocol_test
