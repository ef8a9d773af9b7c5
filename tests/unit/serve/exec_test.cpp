#include "blueprint/faas/serve/exec.hpp"

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/json_bytes.hpp"
#include "blueprint/faas/job_set.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/parse.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace exec_test {

namespace {

using namespace blueprint::faas;
using namespace std::chrono_literals;

std::uint64_t square(std::uint64_t x) { return x * x; }
std::string greet(std::string_view name) {
    if (name.empty()) throw std::runtime_error{"nobody \"there\"\n\xff\xed\xa0\x80 \xc3\xa9"};
    return "hi " + std::string{name};
}
Bytes echo_bytes(Bytes bytes) { return bytes; }
Bytes grow(std::uint32_t size) { return Bytes(size, 255); }
std::string told(const JobCall& call) {
    std::string out = call.timeout ? std::to_string(call.timeout->count()) : "none";
    for (const auto& [name, value] : call.metadata) out += ' ' + name + '=' + value;
    return out;
}
result<void> refuse() { return Error{.code = errc::throttled, .message = "not today", .platform_code = "CLOSED"}; }
asio::awaitable<std::uint64_t> slow(std::uint64_t x) {
    asio::steady_timer timer{co_await asio::this_coro::executor};
    timer.expires_after(std::chrono::steady_clock::duration::zero());
    co_await timer.async_wait(asio::use_awaitable);
    co_return x + 1;
}

using Jobs = JobSet<Job<0, &square>, Job<1, &greet>, Job<2, &grow>, Job<3, &told>, Job<4, &refuse>, Job<5, &slow>,
                    Job<256, &greet>>;

class FixedTime final : public Environment {
public:
    std::chrono::system_clock::time_point now() const override { return std::chrono::system_clock::time_point{1'000s}; }
};

boost::json::object served(std::string_view input, const ServeOptions& options = {}) {
    const Jobs jobs;
    const auto text = serve_exec(jobs, input, options, FixedTime{});
    REQUIRE_FALSE(text.empty());
    CHECK(text.find('\n') == text.size() - 1);
    return boost::json::parse(text).as_object();
}

std::string text_of(const boost::json::object& answer) {
    std::string out;
    if (const auto* text = answer.at("result").if_string()) {
        const auto bytes = detail::base64_decode({text->data(), text->size()});
        REQUIRE(bytes.has_value());
        return std::string{detail::text_of(*bytes)};
    }
    for (const auto& byte : answer.at("result").as_array()) out += static_cast<char>(byte.as_int64());
    return out;
}

void check_failed(const boost::json::object& answer, std::string_view code, std::string_view words) {
    CHECK(answer.at("success") == false);
    CHECK_FALSE(answer.contains("result"));
    const std::string said{answer.at("error").as_string().c_str()};
    CAPTURE(said);
    CHECK(answer.at("code") == boost::json::string_view{code.data(), code.size()});
    CHECK(said.find(words) != std::string::npos);
}

}  // namespace

TEST_CASE("serve: a call is answered with the job's bytes") {
    const auto answer = served(R"({"job_id":0,"args":[7,0,0,0,0,0,0,0]})");
    CHECK(answer.at("job_id") == 0);
    CHECK(answer.at("success") == true);
    CHECK(answer.at("result") == boost::json::parse("[49,0,0,0,0,0,0,0]"));
    CHECK(answer.at("execution_ms").as_int64() >= 0);
    CHECK_FALSE(answer.contains("error"));
}

TEST_CASE("serve: coroutine jobs run to their end") {
    const auto answer = served(R"({"job_id":5,"args":[7,0,0,0,0,0,0,0]})");
    CHECK(answer.at("success") == true);
    CHECK(answer.at("result") == boost::json::parse("[8,0,0,0,0,0,0,0]"));
}

TEST_CASE("R12: args may be a Base64 string, and unknown members are ignored") {
    CHECK(text_of(served(R"({"args":"eW91","job_id":1,"new":{"args":[1]}})")) == "hi you");
}

TEST_CASE("C1: a job id beyond 32 bits is refused, and 256 is not 0") {
    check_failed(served(R"({"job_id":4294967296,"args":[]})"), "BAD_REQUEST", "ids are 0 to 4294967295");
    check_failed(served(R"({"job_id":18446744073709551615,"args":[]})"), "BAD_REQUEST", "does not fit");
    check_failed(served(R"({"job_id":-1,"args":[]})"), "BAD_REQUEST", "job id -1 does not fit");
    check_failed(served(R"({"job_id":1.0,"args":[]})"), "BAD_REQUEST", "job_id is not an integer");
    check_failed(served(R"({"job_id":"1","args":[]})"), "BAD_REQUEST", "job_id is not an integer");
    const auto high = served(R"({"job_id":256,"args":[97]})");
    CHECK(high.at("job_id") == 256);
    CHECK(text_of(high) == "hi a");
    const auto unknown = served(R"({"job_id":4294967295,"args":[]})");
    CHECK(unknown.at("job_id").as_int64() == 4294967295);
    check_failed(unknown, "NOT_FOUND", "the jobs are 0, 1, 2, 3, 4, 5, 256");
}

TEST_CASE("C4: a failed job is success:false, not an empty success") {
    const auto thrown = served(R"({"job_id":1,"args":[]})");
    CHECK(thrown.at("job_id") == 1);
    check_failed(thrown, "FUNCTION_ERROR", "job 1 failed: nobody \"there\"\n");
    check_failed(served(R"({"job_id":4,"args":[]})"), "CLOSED", "not today");
    check_failed(served(R"({"job_id":0,"args":[1]})"), "BAD_REQUEST",
                 "job 0 takes 8 bytes (a little-endian 64-bit integer), got 1");
}

TEST_CASE("serve: a reason that is no UTF-8 or too long still makes a JSON text") {
    const auto answer = served(R"({"job_id":1,"args":[]})");
    CHECK(answer.at("error") == "job 1 failed: nobody \"there\"\n???? \xc3\xa9");
    CHECK(detail::presentable("\xf0\x9f\x98\x80z", 100) == "\xf0\x9f\x98\x80z");
    CHECK(detail::presentable("\xc0\x80\xf5\x80\x80\x80\xe2\x82", 100) == "????????");
    CHECK(detail::presentable("abc\xe2\x82\xac", 5) == "abc...");
    CHECK(detail::presentable(std::string(10'000, 'x'), 8192).size() == 8195);
}

TEST_CASE("serve: input that is no call is answered with what is wrong") {
    const std::vector<std::pair<std::string_view, std::string_view>> table{
        {"", "there is none"},
        {" \n", "there is none"},
        {"hello", "offset 0: a JSON object is expected"},
        {R"({"job_id":0,"args":[1)", "offset 21: the text ends inside the array"},
        {R"({"job_id":0,"args":[256]})", "offset 20: the number is above 255"},
        {R"({"job_id":0,"args":5})", "offset 19: an array of numbers or a Base64 string"},
        {R"({"job_id":0})", "args is missing"},
        {R"({"job_id":0,"args":null})", "args is missing"},
        {R"({"args":[]})", "job_id is missing"},
        {R"({"job_id":0,"args":[]}{})", "something follows the object"},
        {R"({"job_id":3,"args":[],"context":5})", "context is not an object"},
        {R"({"job_id":3,"args":[],"context":{"traceparent":5}})", "context.traceparent is not a string"},
        {R"({"job_id":3,"args":[],"context":{"deadline_ms":"5"}})", "context.deadline_ms is not an integer"},
    };
    for (const auto& [input, words] : table) {
        CAPTURE(input);
        const auto answer = served(input);
        CHECK_FALSE(answer.contains("job_id"));
        CHECK_FALSE(answer.contains("execution_ms"));
        check_failed(answer, "BAD_REQUEST", words);
    }
}

TEST_CASE("C2: what the platform says beside the call reaches the job") {
    CHECK(text_of(served(R"({"job_id":3,"args":[]})")) == "none");
    CHECK(text_of(served(R"({"job_id":3,"args":[],"context":null})")) == "none");
    CHECK(text_of(served(R"({"job_id":3,"args":[],"context":{"deadline_ms":1000250,"request_id":"r1",)"
                         R"("traceparent":"00-a","tracestate":null,"more":1}})")) ==
          "250 traceparent=00-a x-request-id=r1");
    CHECK(text_of(served(R"({"job_id":3,"args":[],"context":{"deadline_ms":999999}})")) == "0");
    CHECK(text_of(served(R"({"job_id":3,"args":[],"context":{"deadline_ms":-9223372036854775808}})")) == "0");
    const auto far = served(R"({"job_id":3,"args":[],"context":{"deadline_ms":9223372036854775807}})");
    CHECK(text_of(far) == std::to_string(INT64_MAX / 2 - 1'000'000));
}

TEST_CASE("serve: a result too large for the platform is a failure that names the sizes") {
    const auto fits = served(R"({"job_id":2,"args":[100,0,0,0]})", {.max_answer_bytes = 1024});
    CHECK(fits.at("success") == true);
    CHECK(fits.at("result").as_array().size() == 100);
    const auto refused = served(R"({"job_id":2,"args":[0,1,0,0]})", {.max_answer_bytes = 1024});
    CHECK(refused.at("job_id") == 2);
    check_failed(refused, "TOO_LARGE", "result of 256 bytes");
}

namespace {

struct Answering {
    std::vector<Invocation> answers{};
    asio::awaitable<std::vector<Invocation>> run(JobCall /*call*/) { co_return answers; }
};
struct Throwing {
    asio::awaitable<result<Bytes>> run(JobCall /*call*/) {
        throw std::runtime_error{"broken"};
        co_return Bytes{};
    }
};
struct Stuck {
    asio::awaitable<result<Bytes>> run(JobCall /*call*/) {
        const auto initiate = []<class Handler>(Handler&& handler) { const auto dropped = std::move(handler); };
        co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(initiate, asio::use_awaitable);
        co_return Bytes{1};
    }
};
static_assert(LocalJobs<Jobs> && LocalJobs<const Jobs> && LocalJobs<Answering>);
static_assert(ServeProtocol<ExecProtocol, Jobs> && ServeProtocol<LoopProtocol, Jobs>);

Invocation given(result<Bytes> outcome) { return Invocation{.result = {.job_id = 0, .outcome = std::move(outcome)}}; }

template <class Handler>
boost::json::object served_by(Handler jobs) {
    return boost::json::parse(serve_exec(jobs, R"({"job_id":0,"args":[]})")).as_object();
}

}  // namespace

TEST_CASE("serve: a router's list of results is answered if it holds one at most") {
    CHECK(served_by(Answering{{given(Bytes{4})}}).at("result") == boost::json::parse("[4]"));
    CHECK(served_by(Answering{}).at("result") == boost::json::parse("[]"));
    check_failed(served_by(Answering{{given(Bytes{4}), given(Bytes{5})}}), "FUNCTION_ERROR", "gave 2 results");
    const Error failure{.code = errc::function_error, .message = "it fell over"};
    check_failed(served_by(Answering{{given(Bytes{4}), given(failure)}}), "FUNCTION_ERROR", "it fell over");
}

TEST_CASE("serve: jobs that throw or wait forever for nothing are failures") {
    check_failed(served_by(Throwing{}), "FUNCTION_ERROR", "an exception ended the job: broken");
    check_failed(served_by(Stuck{}), "FUNCTION_ERROR", "cannot come any more");
}

TEST_CASE("serve: the result is a Base64 string for who reads it, and numbers for everybody else") {
    const JobSet<Job<0, &echo_bytes>> jobs;
    const auto answer = [&](std::string_view input) { return serve_exec(jobs, input, {}, FixedTime{}); };
    const auto has = [](const std::string& text, std::string_view part) {
        return text.find(part) != std::string::npos;
    };
    CHECK(has(answer(R"({"job_id":0,"args":[104,105]})"), R"("result":[104,105])"));
    CHECK(has(answer(R"({"job_id":0,"args":"aGk="})"), R"("result":"aGk=")"));
    CHECK(has(answer(R"({ "args" : "aGk=" , "job_id":0})"), R"("result":"aGk=")"));
    CHECK(has(answer(R"({"job_id":0,"args":[104,105],"context":{"bytes":"base64"}})"), R"("result":"aGk=")"));
    CHECK(has(answer(R"({"job_id":0,"args":[104,105],"context":{"bytes":"numbers"}})"), R"("result":[104,105])"));
    CHECK(has(answer(R"({"job_id":0,"args":[104,105],"context":{"bytes":1}})"), R"("result":[104,105])"));
    CHECK(has(answer(R"({"job_id":0,"x":"\"args\":\"","args":[104,105]})"), R"("result":[104,105])"));
    // 4 MiB of bytes above 99 make 16 MiB of numbers, and fit as Base64.
    const std::string large(4U << 20, '\xff');
    const auto text = detail::base64_encode(detail::bytes_of(large));
    CHECK(has(answer("{\"job_id\":0,\"args\":\"" + text + "\"}"), R"("success":true)"));
    std::string numbers = "{\"job_id\":0,\"args\":";
    detail::append_json_bytes(numbers, detail::bytes_of(large));
    CHECK(has(answer(numbers + '}'), R"("code":"TOO_LARGE")"));
}

TEST_CASE("serve: a loop keeps nothing of one job for the next") {
    detail::JobRunner runner;
    struct Jobs {
        static asio::awaitable<result<Bytes>> run(JobCall call) {
            const auto executor = co_await asio::this_coro::executor;
            if (call.job_id == JobId{1}) {
                const auto timer = std::make_shared<asio::steady_timer>(executor, 1ms);
                timer->async_wait([timer](boost::system::error_code) { FAIL("it was left behind and must not run"); });
            }
            if (call.job_id == JobId{2}) throw std::runtime_error{"oh"};
            co_return call.args;
        }
    } jobs;
    for (const std::uint32_t id : {0U, 0U, 1U, 0U, 2U, 0U, 0U}) {
        CAPTURE(id);
        if (id == 0) std::this_thread::sleep_for(2ms);
        const auto outcome = runner.run(jobs, JobCall{.job_id = JobId{id}, .args = {7}});
        CHECK(outcome.has_value() == (id != 2));
        if (outcome) CHECK((*outcome == Bytes{7}));
    }
}

}  // namespace exec_test
