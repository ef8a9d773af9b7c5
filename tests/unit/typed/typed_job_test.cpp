#include "blueprint/faas/typed_job.hpp"

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/job_set.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cmath>
#include <exception>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace typed_job_test {

namespace {

using namespace blueprint::faas;

std::uint64_t square(std::uint64_t x) { return x * x; }
std::string greet(const std::string& name) { return "hello " + name; }
std::int32_t sum(std::int32_t a, std::int16_t b, std::int8_t c) { return a + b + c; }
Bytes repeat(std::uint8_t times, Bytes what) {
    Bytes out;
    for (int i = 0; i < times; ++i) out.insert(out.end(), what.begin(), what.end());
    return out;
}
std::uint32_t answer() noexcept { return 42; }
int touched = 0;
void touch() { ++touched; }
result<double> root(double x) {
    if (x < 0) return Error{.message = "no real root of a negative number"};
    return std::sqrt(x);
}
result<void> check(bool good) {
    if (!good) return Error{.code = errc::throttled, .message = "later", .retryable = true};
    return {};
}
std::string throws() { throw std::runtime_error{"the disk is full"}; }
std::string throws_a_number() { throw 5; }
asio::awaitable<std::uint64_t> slow_square(std::uint64_t x) {
    asio::steady_timer timer{co_await asio::this_coro::executor};
    timer.expires_after(std::chrono::steady_clock::duration::zero());
    co_await timer.async_wait(asio::use_awaitable);
    co_return x* x;
}
asio::awaitable<result<std::string>> slow_root(std::string text) {
    if (text.empty()) co_return Error{};
    co_return text.substr(0, 1);
}
asio::awaitable<void> slow_touch() {
    ++touched;
    co_return;
}
asio::awaitable<void> slow_throw() {
    throw std::runtime_error{"gone"};
    co_return;
}
asio::awaitable<void> endless() {
    asio::steady_timer timer{co_await asio::this_coro::executor};
    timer.expires_at(std::chrono::steady_clock::time_point::max());
    co_await timer.async_wait(asio::use_awaitable);
}
std::string who(const JobCall& call, std::uint8_t times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += call.metadata.get("user").value_or("nobody");
    return out;
}
std::uint64_t count(JobCall call) { return call.args.size(); }
std::uint32_t checksum(std::span<const std::uint8_t> bytes) { return std::accumulate(bytes.begin(), bytes.end(), 0U); }
std::string_view second_half(std::string_view text) {
    return text.size() < 4 ? std::string_view{"short"} : std::string_view{"long"};
}
result<void> lines(const JobCall& call, std::uint8_t count, std::string_view line, const ResultSink& give) {
    for (int i = 0; i < count; ++i) {
        const auto text = std::string{line} + std::string{call.metadata.get("end").value_or("\n")};
        if (auto given = give(detail::bytes_of(text)); !given) return given;
    }
    if (line == "bad") return Error{.message = "the last line is missing"};
    return {};
}
void nothing_said(const ResultSink&) { ++touched; }
asio::awaitable<void> slow_pieces(ResultSink give) {
    asio::steady_timer timer{co_await asio::this_coro::executor};
    for (const std::string_view piece : {"one", "", "two"}) {
        timer.expires_after(std::chrono::steady_clock::duration::zero());
        co_await timer.async_wait(asio::use_awaitable);
        static_cast<void>(give(detail::bytes_of(piece)));
    }
    throw std::runtime_error{"no third"};
}
struct Tools {
    static std::array<std::uint8_t, 2> pair(std::array<std::uint8_t, 2> in) { return {in[1], in[0]}; }
};

template <class T>
result<T> run(asio::awaitable<result<T>> operation) {
    asio::io_context io;
    result<T> out = Error{.message = "never ended"};
    asio::co_spawn(io, std::move(operation), [&](std::exception_ptr thrown, result<T> outcome) {
        CHECK_FALSE(thrown);
        out = std::move(outcome);
    });
    io.run();
    return out;
}

template <class J>
result<Bytes> run_job(Bytes args) {
    return run(J::run(JobCall{.job_id = J::id, .args = std::move(args)}));
}

Bytes le64(std::uint64_t x) {
    Bytes out;
    payload_traits<std::uint64_t>::encode(x, out);
    return out;
}
Bytes text(std::string_view x) { return {x.begin(), x.end()}; }

}  // namespace

// A type of the user's own, with what the trait asks for.
struct Money {
    std::int64_t cents = 0;
};

}  // namespace typed_job_test

template <>
struct blueprint::faas::payload_traits<typed_job_test::Money> {
    static constexpr std::string_view description = "an amount in cents";
    static constexpr std::size_t fixed_size = 8;
    static void encode(const typed_job_test::Money& value, Bytes& out) {
        payload_traits<std::int64_t>::encode(value.cents, out);
    }
    static result<typed_job_test::Money> decode(std::span<const std::uint8_t> bytes) {
        const auto cents = payload_traits<std::int64_t>::decode(bytes);
        if (!cents) return cents.error();
        if (*cents < 0) return Error{.code = errc::serialization, .message = "an amount is never negative"};
        return typed_job_test::Money{*cents};
    }
};

namespace typed_job_test {

namespace {
Money add(Money a, Money b) { return {a.cents + b.cents}; }
}  // namespace

TEST_CASE("typed: integers are little-endian and as wide as their type") {
    const auto squared = run_job<Job<0, &square>>({7, 0, 0, 0, 0, 0, 0, 0});
    REQUIRE(squared.has_value());
    CHECK(*squared == Bytes{49, 0, 0, 0, 0, 0, 0, 0});
    const auto large = run_job<Job<0, &square>>(le64(0x1'0000));
    REQUIRE(large.has_value());
    CHECK(*large == Bytes{0, 0, 0, 0, 1, 0, 0, 0});
    const auto added = run_job<Job<3, &sum>>({0xff, 0xff, 0xff, 0xff, 0x00, 0x80, 0x01});  // -1, -32768, 1
    REQUIRE(added.has_value());
    CHECK(*added == Bytes{0x00, 0x80, 0xff, 0xff});
}

TEST_CASE("typed: arguments of a wrong size are refused with the size that is right, and the function is not called") {
    for (const std::size_t size : {0UL, 3UL, 7UL, 9UL, 16UL}) {
        CAPTURE(size);
        const auto refused = run_job<Job<0, &square>>(Bytes(size));
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == errc::serialization);
        CHECK(refused.error().execution == Execution::not_started);
        CHECK(refused.error().message ==
              "job 0 takes 8 bytes (a little-endian 64-bit integer), got " + std::to_string(size));
    }
    const auto several = run_job<Job<3, &sum>>(Bytes(8));
    REQUIRE_FALSE(several.has_value());
    CHECK(several.error().message ==
          "job 3 takes 7 bytes (a little-endian 32-bit signed integer, a little-endian 16-bit signed integer, "
          "an 8-bit signed integer), got 8");
    const auto too_few = run_job<Job<4, &repeat>>({});
    REQUIRE_FALSE(too_few.has_value());
    CHECK(too_few.error().message == "job 4 takes at least 1 byte (an 8-bit integer, bytes), got 0");
    touched = 0;
    const auto none = run_job<Job<5, &touch>>({1});
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().message == "job 5 takes no arguments, got 1 bytes");
    CHECK(touched == 0);
}

TEST_CASE("typed: text and bytes travel as they are, and may follow fixed sizes") {
    CHECK(*run_job<Job<1, &greet>>(text("you")) == text("hello you"));
    CHECK(*run_job<Job<1, &greet>>({}) == text("hello "));
    CHECK(*run_job<Job<4, &repeat>>({2, 8, 9}) == Bytes{8, 9, 8, 9});
    CHECK(*run_job<Job<4, &repeat>>({2}) == Bytes{});
    CHECK(*run_job<Job<6, &checksum>>({200, 100}) == Bytes{44, 1, 0, 0});
    CHECK(*run_job<Job<7, &second_half>>(text("abcd")) == text("long"));
    CHECK(*run_job<Job<8, &Tools::pair>>({1, 2}) == Bytes{2, 1});
}

TEST_CASE("typed: functions may take nothing, give nothing, or be a lambda") {
    CHECK(*run_job<Job<2, &answer>>({}) == Bytes{42, 0, 0, 0});
    touched = 0;
    const auto nothing = run_job<Job<5, &touch>>({});
    REQUIRE(nothing.has_value());
    CHECK(nothing->empty());
    CHECK(touched == 1);
    CHECK(*run_job<Job<9, [](std::uint8_t x) { return static_cast<std::uint8_t>(x + 1); }>>({4}) == Bytes{5});
}

TEST_CASE("typed: bool is 0 or 1, floating point is IEEE 754") {
    REQUIRE(run_job<Job<10, &check>>({1}).has_value());
    const auto two = run_job<Job<10, &check>>({2});
    REQUIRE_FALSE(two.has_value());
    CHECK(two.error().code == errc::serialization);
    CHECK(two.error().message == "argument 1 of job 10: a truth value is 0 or 1, got 2");
    Bytes four;
    payload_traits<double>::encode(4.0, four);
    CHECK(four == Bytes{0, 0, 0, 0, 0, 0, 0x10, 0x40});
    CHECK(*run_job<Job<11, &root>>(four) == Bytes{0, 0, 0, 0, 0, 0, 0, 0x40});
    Bytes one;
    payload_traits<float>::encode(1.0F, one);
    CHECK(one == Bytes{0, 0, 0x80, 0x3f});
}

TEST_CASE("C4: a job that gives an Error is a failure, not an empty success") {
    Bytes negative;
    payload_traits<double>::encode(-1.0, negative);
    const auto failed = run_job<Job<11, &root>>(negative);
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == errc::function_error);
    CHECK(failed.error().message == "no real root of a negative number");
    CHECK(failed.error().execution == Execution::started);
    const auto later = run_job<Job<10, &check>>({0});
    REQUIRE_FALSE(later.has_value());
    CHECK(later.error().code == errc::throttled);
    CHECK(later.error().retryable);
    const auto silent = run_job<Job<12, &slow_root>>({});
    REQUIRE_FALSE(silent.has_value());
    CHECK(silent.error().code == errc::function_error);
    CHECK(silent.error().message == "job 12 failed and gave no reason");
}

TEST_CASE("C4: a job that throws is a failure with its reason") {
    const auto failed = run_job<Job<13, &throws>>({});
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == errc::function_error);
    CHECK(failed.error().message == "job 13 failed: the disk is full");
    CHECK(failed.error().execution == Execution::started);
    const auto odd = run_job<Job<14, &throws_a_number>>({});
    REQUIRE_FALSE(odd.has_value());
    CHECK(odd.error().message == "job 14 failed: it threw something that is no std::exception");
    const auto slow = run_job<Job<15, &slow_throw>>({});
    REQUIRE_FALSE(slow.has_value());
    CHECK(slow.error().message == "job 15 failed: gone");
}

TEST_CASE("typed: coroutines are awaited") {
    CHECK(*run_job<Job<16, &slow_square>>(le64(9)) == le64(81));
    CHECK(*run_job<Job<12, &slow_root>>(text("xyz")) == text("x"));
    touched = 0;
    REQUIRE(run_job<Job<17, &slow_touch>>({}).has_value());
    CHECK(touched == 1);
}

TEST_CASE("typed: a cancelled coroutine job is cancelled, not failed") {
    asio::io_context io;
    asio::cancellation_signal stop;
    result<Bytes> outcome;
    asio::co_spawn(io, Job<18, &endless>::run(JobCall{.job_id = 18}),
                   asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr thrown, result<Bytes> ended) {
                       CHECK_FALSE(thrown);
                       outcome = std::move(ended);
                   }));
    asio::post(io, [&] { stop.emit(asio::cancellation_type::terminal); });
    io.run();
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().code == errc::cancelled);
}

TEST_CASE("C2: a function that takes the JobCall sees its metadata, and its bytes if it takes nothing else") {
    const auto named = run(Job<19, &who>::run(JobCall{.job_id = 19, .args = {2}, .metadata = {{"user", "ann"}}}));
    REQUIRE(named.has_value());
    CHECK(*named == text("annann"));
    CHECK(*run_job<Job<20, &count>>({1, 2, 3}) == le64(3));
}

TEST_CASE("typed: the user's own payload_traits are used, and its refusal names the argument") {
    using Add = Job<21, &add>;
    Bytes args = le64(5);
    for (const auto byte : le64(6)) args.push_back(byte);
    CHECK(*run_job<Add>(args) == le64(11));
    args[15] = 0x80;
    const auto refused = run_job<Add>(args);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == errc::serialization);
    CHECK(refused.error().message == "argument 2 of job 21: an amount is never negative");
}

TEST_CASE("job set: it runs the job of the call's id, whatever the order it was written in") {
    using Jobs = JobSet<Job<7, &square>, Job<1, &greet>, Job<4294967295, &answer>>;
    static_assert(Jobs::job_ids == std::array<JobId, 3>{1U, 7U, 4294967295U});
    static_assert(Jobs::contains(7U) && !Jobs::contains(0U));
    const Jobs jobs;
    CHECK(*run(jobs.run(JobCall{.job_id = 7, .args = le64(3)})) == le64(9));
    CHECK(*run(jobs.run(JobCall{.job_id = 1, .args = text("x")})) == text("hello x"));
    CHECK(*run(jobs.run(JobCall{.job_id = 4294967295})) == Bytes{42, 0, 0, 0});
}

TEST_CASE("C1: a job set refuses an unknown id and names the ones it has") {
    const JobSet<Job<256, &square>, Job<1, &greet>> jobs;
    const auto refused = run(jobs.run(JobCall{.job_id = 0}));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == errc::not_found);
    CHECK(refused.error().execution == Execution::not_started);
    CHECK(refused.error().message == "there is no job 0 here: the jobs are 1, 256");
}

TEST_CASE("job set: an unknown id in a large set names only the first ids") {
    const auto large = []<std::size_t... I>(std::index_sequence<I...>) { return JobSet<Job<I, &answer>...>{}; };
    const auto jobs = large(std::make_index_sequence<40>{});
    const auto refused = run(jobs.run(JobCall{.job_id = 40}));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message ==
          "there is no job 40 here: the jobs are 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 and 24 more");
    CHECK(run(jobs.run(JobCall{.job_id = 39})).has_value());
}

TEST_CASE("pieces: a job gives its result piece by piece, and as one where nobody takes pieces") {
    using Lines = Job<22, &lines>;
    static_assert(std::same_as<Lines::Value, Bytes>);
    const JobCall call{.job_id = 22, .args = {3, 'a', 'b'}, .metadata = {{"end", ";"}}};
    std::vector<std::string> pieces;
    const auto keep = [&](std::span<const std::uint8_t> piece) -> result<void> {
        pieces.emplace_back(detail::text_of(piece));
        return {};
    };
    CHECK(run(Lines::stream(call, keep)).has_value());
    CHECK(pieces == std::vector<std::string>{"ab;", "ab;", "ab;"});
    const auto joined = run(Lines::run(call));
    REQUIRE(joined.has_value());
    CHECK(*joined == text("ab;ab;ab;"));
    const auto decoded = decode_result<Lines>(JobResult{.job_id = 22, .outcome = joined});
    REQUIRE(decoded.has_value());
    CHECK(*decoded == text("ab;ab;ab;"));
    CHECK(make_call<Lines>(3, "ab").args == call.args);
}

TEST_CASE("pieces: arguments are checked, and an exception is a failed job, after pieces too") {
    std::vector<std::string> pieces;
    const auto keep = [&](std::span<const std::uint8_t> piece) -> result<void> {
        pieces.emplace_back(detail::text_of(piece));
        return {};
    };
    const auto refused = run(Job<22, &lines>::stream(JobCall{.job_id = 22}, keep));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message == "job 22 takes at least 1 byte (an 8-bit integer, text), got 0");
    CHECK(pieces.empty());
    const auto failed = run(Job<22, &lines>::stream(JobCall{.job_id = 22, .args = {1, 'b', 'a', 'd'}}, keep));
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().message == "the last line is missing");
    CHECK(failed.error().code == errc::function_error);
    CHECK_FALSE(run_job<Job<22, &lines>>({1, 'b', 'a', 'd'}).has_value());
    pieces.clear();
    const auto thrown = run(Job<23, &slow_pieces>::stream(JobCall{.job_id = 23}, keep));
    REQUIRE_FALSE(thrown.has_value());
    CHECK(thrown.error().message == "job 23 failed: no third");
    CHECK(pieces == std::vector<std::string>{"one", "", "two"});
}

TEST_CASE("pieces: who takes no more ends the job, and the refusal is the call's error") {
    int taken = 0;
    const auto two = [&](std::span<const std::uint8_t>) -> result<void> {
        if (++taken > 2) return Error{.code = errc::cancelled, .message = "enough"};
        return {};
    };
    const auto ended = run(Job<22, &lines>::stream(JobCall{.job_id = 22, .args = {9, 'x'}}, two));
    REQUIRE_FALSE(ended.has_value());
    CHECK(ended.error().code == errc::cancelled);
    CHECK(ended.error().message == "enough");
    CHECK(taken == 3);
}

TEST_CASE("pieces: a job with a whole result is one piece, and a set streams the job of the call's id") {
    const JobSet<Job<0, &square>, Job<22, &lines>, Job<24, &nothing_said>> jobs;
    Bytes all;
    int pieces = 0;
    const auto keep = [&](std::span<const std::uint8_t> piece) -> result<void> {
        ++pieces;
        all.insert(all.end(), piece.begin(), piece.end());
        return {};
    };
    CHECK(run(jobs.stream(JobCall{.job_id = 0, .args = le64(5)}, keep)).has_value());
    CHECK(all == le64(25));
    CHECK(pieces == 1);
    touched = 0;
    CHECK(run(jobs.stream(JobCall{.job_id = 24}, keep)).has_value());
    CHECK(touched == 1);
    CHECK(pieces == 1);
    const auto unknown = run(jobs.stream(JobCall{.job_id = 1}, keep));
    REQUIRE_FALSE(unknown.has_value());
    CHECK(unknown.error().code == errc::not_found);
    CHECK(unknown.error().message == "there is no job 1 here: the jobs are 0, 22, 24");
}

}  // namespace typed_job_test
