#include "blueprint/faas/job_set.hpp"
#include "blueprint/faas/metrics.hpp"
#include "blueprint/faas/typed_job.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/system_executor.hpp>
#include <doctest/doctest.h>

#include <concepts>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace typed_call_test {

namespace {

using namespace blueprint::faas;

std::uint64_t square(std::uint64_t x) { return x * x; }
asio::awaitable<result<std::string>> repeat(std::uint8_t times, std::string_view text) {
    if (times == 0) co_return Error{.message = "not even once"};
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    co_return out;
}
std::string_view shout(std::span<const std::uint8_t> bytes) { return bytes.empty() ? "silence" : "noise"; }
void forget(bool) {}
std::uint8_t raw(const JobCall& call) { return static_cast<std::uint8_t>(call.args.size()); }

using Square = Job<0, &square>;
using Repeat = Job<1, &repeat>;
using Shout = Job<2, &shout>;
using Forget = Job<3, &forget>;
using Raw = Job<4, &raw>;

// An executor that runs the jobs at once, and remembers the call.
struct Here {
    JobSet<Square, Repeat, Shout, Forget> jobs{};
    JobCall last{};
    std::optional<Error> broken{};
    std::optional<JobResult> fixed{};

    std::string_view provider_name() const noexcept { return "here"; }
    asio::any_io_executor get_executor() { return asio::system_executor{}; }
    asio::awaitable<result<JobResult>> invoke(JobCall call) {
        last = call;
        if (broken) co_return *broken;
        if (fixed) co_return *fixed;
        JobResult answer{.job_id = call.job_id};
        answer.outcome = co_await jobs.run(std::move(call));
        if (!answer.outcome) co_return answer.outcome.error();
        co_return answer;
    }
    asio::awaitable<result<Invocation>> invoke_with_metrics(JobCall call) {
        auto answer = co_await invoke(std::move(call));
        if (!answer) co_return answer.error();
        Invocation invocation;
        invocation.result = *std::move(answer);
        co_return invocation;
    }
};
static_assert(Executor<Here>);

template <class T>
T finish(asio::awaitable<T> operation) {
    asio::io_context io;
    std::optional<T> outcome;
    asio::co_spawn(io, std::move(operation), [&](std::exception_ptr thrown, T value) {
        CHECK_FALSE(thrown);
        outcome.emplace(std::move(value));
    });
    io.run();
    REQUIRE(outcome.has_value());
    return *std::move(outcome);
}

template <class J>
concept HasTypedCall = requires { make_call<J>; };
static_assert(HasTypedCall<Square> && !HasTypedCall<Raw>);
static_assert(std::invocable<decltype(make_call<Square>), std::uint64_t>);
static_assert(!std::invocable<decltype(make_call<Square>), std::string>);
static_assert(!std::invocable<decltype(make_call<Square>)>);
static_assert(!std::invocable<decltype(make_call<Square>), std::uint64_t, std::uint64_t>);

}  // namespace

TEST_CASE("typed call: arguments are encoded as the job decodes them") {
    const auto call = make_call<Square>(7);
    CHECK(call.job_id == JobId{0U});
    CHECK(call.args == Bytes{7, 0, 0, 0, 0, 0, 0, 0});
    CHECK(make_call<Repeat>(2, "ab").args == Bytes{2, 'a', 'b'});
    CHECK(make_call<Shout>(Bytes{9}).args == Bytes{9});
    CHECK(make_call<Forget>(true).args == Bytes{1});
}

TEST_CASE("typed call: a job called through an executor gives what its function gives") {
    Here here;
    const auto squared = finish(call_job<Square>(here, 9U));
    REQUIRE(squared.has_value());
    CHECK(*squared == 81);
    CHECK(here.last.args.size() == 8);
    const std::string_view text = "xy";
    const auto repeated = finish(call_job<Repeat>(here, 3, text));
    REQUIRE(repeated.has_value());
    CHECK(*repeated == "xyxyxy");
    const result<std::string> shouted = finish(call_job<Shout>(here, Bytes{}));
    REQUIRE(shouted.has_value());
    CHECK(*shouted == "silence");
    const result<void> forgotten = finish(call_job<Forget>(here, false));
    CHECK(forgotten.has_value());
}

TEST_CASE("C4: a typed call of a failed job is its Error, not a value") {
    Here here;
    const auto failed = finish(call_job<Repeat>(here, 0, "x"));
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == errc::function_error);
    CHECK(failed.error().message == "not even once");
    here.broken = Error{.code = errc::infrastructure, .message = "no network"};
    const auto unreachable = finish(call_job<Square>(here, 1));
    REQUIRE_FALSE(unreachable.has_value());
    CHECK(unreachable.error().code == errc::infrastructure);
}

TEST_CASE("typed call: a result that is not the job's is refused") {
    Here here;
    here.fixed = JobResult{.job_id = 0U, .outcome = Bytes{1, 2, 3}};
    const auto size = finish(call_job<Square>(here, 1));
    REQUIRE_FALSE(size.has_value());
    CHECK(size.error().code == errc::serialization);
    CHECK(size.error().execution == Execution::started);
    CHECK(size.error().message ==
          "the result of job 0: 8 bytes (a little-endian 64-bit integer) wanted, got 3: is another version of it "
          "deployed?");
    const auto other = decode_result<Repeat>(*here.fixed);
    REQUIRE_FALSE(other.has_value());
    CHECK(other.error().message == "this is the result of job 0, not of job 1");
    const auto something = decode_result<Forget>(JobResult{.job_id = 3U, .outcome = Bytes{1}});
    REQUIRE_FALSE(something.has_value());
    CHECK(something.error().message ==
          "job 3 gives nothing, but its result has 1 bytes: is another version of it deployed?");
    const auto failed = decode_result<Square>(
        JobResult{.job_id = 0U, .outcome = Error{.code = errc::timed_out, .message = "too slow"}});
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == errc::timed_out);
    CHECK(*decode_result<Raw>(JobResult{.job_id = 4U, .outcome = Bytes{6}}) == 6);
}

}  // namespace typed_call_test
