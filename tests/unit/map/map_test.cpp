#include "blueprint/faas/map.hpp"

#include "support/fake_executor.hpp"
#include "support/run.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace map_test {

namespace faas = blueprint::faas;
namespace asio = boost::asio;
using namespace blueprint::faas::tests;
using namespace std::chrono_literals;
using faas::Bytes;
using faas::Completion;
using faas::errc;
using faas::Error;
using faas::Execution;
using faas::JobCall;
using faas::JobId;
using faas::MapEnd;
using faas::MapOptions;
using faas::MapProgress;
using faas::MapState;
using faas::result;

namespace {

std::uint64_t square(std::uint64_t x) { return x * x; }
std::uint64_t add(std::uint32_t a, std::uint64_t b) { return a + b; }
std::uint64_t first_of(faas::JobCall call) { return call.args.at(0); }
void nothing(std::uint8_t) {}
using Square = faas::Job<0, &square>;
using Add = faas::Job<1, &add>;
using First = faas::Job<2, &first_of>;
using Nothing = faas::Job<3, &nothing>;

// Runs typed jobs in this process.
template <class J>
struct TypedExecutor {
    asio::io_context* io;
    std::string_view provider_name() const { return "typed"; }
    asio::any_io_executor get_executor() { return io->get_executor(); }
    asio::awaitable<result<faas::JobResult>> invoke(JobCall call) {
        auto done = co_await invoke_with_metrics(std::move(call));
        if (!done) co_return std::move(done).error();
        co_return std::move(done->result);
    }
    asio::awaitable<result<faas::Invocation>> invoke_with_metrics(JobCall call) {
        faas::Invocation done;
        done.result.job_id = call.job_id;
        auto bytes = co_await J::run(std::move(call));
        if (!bytes) co_return std::move(bytes).error();
        done.result.outcome = *bytes;
        done.metrics.attempts = 2;
        co_return done;
    }
};

template <class T>
struct Outcome {
    std::vector<Completion<T>> completions{};
    result<void> last{};
};

// Breaks its own promise: an executor returns its errors.
template <class T>
struct ThrowingExecutor {
    asio::io_context* io;
    T thrown;
    std::string_view provider_name() const { return "throwing"; }
    asio::any_io_executor get_executor() { return io->get_executor(); }
    asio::awaitable<result<faas::JobResult>> invoke(JobCall) {
        throw thrown;
        co_return faas::JobResult{};
    }
    asio::awaitable<result<faas::Invocation>> invoke_with_metrics(JobCall) {
        throw thrown;
        co_return faas::Invocation{};
    }
};

// Takes everything from a stream, as a user would.
template <class T>
asio::awaitable<Outcome<T>> drain(faas::MapStream<T>& stream) {
    Outcome<T> all;
    for (;;) {
        auto next = co_await stream.next();
        if (!next) {
            all.last = next.error();
            break;
        }
        if (!*next) break;
        all.completions.push_back(std::move(**next));
    }
    co_return all;
}

std::vector<Bytes> inputs(std::size_t count) {
    std::vector<Bytes> some;
    for (std::size_t n = 0; n < count; ++n) some.push_back(Bytes{static_cast<std::uint8_t>(n)});
    return some;
}

template <class T>
std::vector<std::uint64_t> indices(const std::vector<Completion<T>>& completions) {
    std::vector<std::uint64_t> all;
    for (const auto& one : completions) all.push_back(one.index);
    return all;
}

// A source that gives its inputs when they are sent.
struct Source {
    explicit Source(asio::io_context& io) : gate{io} {}
    Gate gate;
    int given = 0;
    int end = 1000;
    std::optional<Error> fails{};
    asio::awaitable<result<std::optional<Bytes>>> next() {
        const bool through = co_await gate.wait();
        if (!through) co_return Error{.code = errc::cancelled, .message = "stopped"};
        if (fails) co_return *fails;
        if (given == end) co_return std::optional<Bytes>{};
        co_return std::optional<Bytes>{Bytes{static_cast<std::uint8_t>(given++)}};
    }
};

}  // namespace

TEST_CASE("map: every input comes back once, with its index") {
    asio::io_context io;
    FakeExecutor fake{io};
    auto stream = faas::map(fake, JobId{3}, inputs(100), {.in_flight = 7});
    CHECK(stream.progress().state == MapState::not_started);
    CHECK(fake.ids.empty());
    const auto all = ::tests::run(io, drain(stream));
    REQUIRE(all.last.has_value());
    REQUIRE(all.completions.size() == 100);
    std::set<std::uint64_t> seen;
    for (const auto& one : all.completions) {
        seen.insert(one.index);
        REQUIRE(one.value.has_value());
        CHECK(*one.value == Bytes{static_cast<std::uint8_t>(one.index)});
        CHECK(one.metrics.cold_start == true);
    }
    CHECK(seen.size() == 100);
    CHECK(fake.peak <= 7);
    const auto progress = stream.progress();
    CHECK(progress.state == MapState::ended);
    CHECK(progress.end == MapEnd::inputs_ended);
    CHECK(progress.total == 100);
    CHECK(progress.taken == 100);
    CHECK(progress.submitted == 100);
    CHECK(progress.succeeded == 100);
    CHECK(progress.not_submitted == 0);
    // The end stays the end.
    CHECK(::tests::run(io, drain(stream)).completions.empty());
}

TEST_CASE("map: a typed job takes its arguments and gives its results") {
    asio::io_context io;
    TypedExecutor<Square> squares{&io};
    auto stream = faas::map(squares, Square{}, std::views::iota(std::uint64_t{0}, std::uint64_t{5}), {.ordered = true});
    const auto all = ::tests::run(io, drain(stream));
    REQUIRE(all.completions.size() == 5);
    for (std::uint64_t n = 0; n < 5; ++n) CHECK(all.completions[n].value.value() == n * n);
    CHECK(all.completions[0].metrics.attempts == 2);

    const std::vector<std::pair<std::uint32_t, std::uint64_t>> pairs{{1, 2}, {3, 4}};
    auto sums = faas::map(TypedExecutor<Add>{&io}, Add{}, pairs, {.ordered = true});
    const auto added = ::tests::run(io, drain(sums));
    REQUIRE(added.completions.size() == 2);
    CHECK(added.completions[1].value.value() == 7);

    auto firsts = faas::map(std::make_shared<TypedExecutor<First>>(TypedExecutor<First>{&io}), First{},
                            std::vector<std::string>{"a", ""}, {.ordered = true});
    const auto got = ::tests::run(io, drain(firsts));
    REQUIRE(got.completions.size() == 2);
    CHECK(got.completions[0].value.value() == 'a');
    CHECK((got.completions[1].value.error().code == errc::function_error));

    TypedExecutor<Nothing> nothings{&io};
    auto voids = faas::map(nothings, Nothing{}, std::vector<std::uint8_t>{1, 2});
    CHECK(::tests::run(io, drain(voids)).completions.size() == 2);
}

TEST_CASE("map: a result that is not of the job's type is a failure") {
    asio::io_context io;
    FakeExecutor fake{io};  // answers with as many bytes as it got: of two arguments 12, not 8
    const std::vector<std::pair<std::uint32_t, std::uint64_t>> pairs{{1, 2}};
    auto stream = faas::map(fake, Add{}, pairs);
    const auto all = ::tests::run(io, drain(stream));
    REQUIRE(all.completions.size() == 1);
    CHECK((all.completions[0].value.error().code == errc::serialization));
    CHECK(stream.progress().failed == 1);
}

TEST_CASE("map: an endless range is read no further ahead than the in-flight limit") {
    asio::io_context io;
    FakeExecutor fake{io};
    std::size_t made = 0;
    auto endless = std::views::iota(0) | std::views::transform([&](int n) {
                       ++made;
                       return Bytes{static_cast<std::uint8_t>(n % 100)};
                   });
    auto stream = faas::map(fake, JobId{0}, endless, {.in_flight = 4});
    for (std::size_t taken = 1; taken <= 20; ++taken) {
        Operation<result<std::optional<Completion<Bytes>>>> next{io, stream.next()};
        io.restart();
        io.poll();
        REQUIRE(next.ended());
        CHECK(made <= taken + 4);
        CHECK(made >= taken);
    }
    const auto progress = stream.progress();
    CHECK(progress.state == MapState::waiting_for_consumer);
    CHECK(progress.untaken == 4);
    CHECK(progress.in_flight == 0);
    CHECK(!progress.total);
    stream.stop();
    const auto rest = ::tests::run(io, drain(stream));
    CHECK(rest.completions.size() == 4);
    CHECK(stream.progress().end == MapEnd::stop_requested);
    CHECK(!stream.progress().not_submitted);  // nobody can know
    CHECK(made == 24);
}

TEST_CASE("map: completions come as they are, or in order when asked") {
    for (const bool ordered : {false, true}) {
        CAPTURE(ordered);
        asio::io_context io;
        FakeExecutor fake{io};
        fake.gates.try_emplace(1, io);
        auto stream = faas::map(fake, JobId{0}, inputs(6), {.in_flight = 3, .ordered = ordered});
        std::vector<std::uint64_t> order;
        std::optional<Operation<Outcome<Bytes>>> all;
        all.emplace(io, drain(stream));
        io.poll();
        const auto before = stream.progress();
        CHECK(before.state == MapState::waiting_for_calls);
        CHECK(before.oldest == 1);
        CHECK(before.in_flight == 1);
        // In order, the window is full of what waits for input 1; otherwise everything else is through.
        CHECK(before.taken == (ordered ? 4 : 6));
        CHECK(before.untaken == (ordered ? 2 : 0));
        fake.gates.at(1).open();
        io.restart();
        io.poll();
        REQUIRE(all->ended());
        const std::vector<std::uint64_t> in_order{0, 1, 2, 3, 4, 5}, late{0, 2, 3, 4, 5, 1};
        CHECK(indices(all->outcome().completions) == (ordered ? in_order : late));
    }
}

TEST_CASE("map: a failure is a completion, and failures stop the map only when told to") {
    for (const int mode : {0, 1, 2}) {
        CAPTURE(mode);
        asio::io_context io;
        FakeExecutor fake{io};
        fake.fails = [](const JobCall& call) -> std::optional<Error> {
            if (call.args[0] % 2 == 0) return std::nullopt;
            return Error{.code = errc::function_error, .message = "odd", .execution = Execution::started};
        };
        MapOptions options{.in_flight = 1};
        if (mode == 1) options.max_failures = 3;
        if (mode == 2) {
            options.max_failure_ratio = 0.4;
            options.failure_ratio_after = 10;
        }
        auto stream = faas::map(fake, JobId{0}, inputs(100), options);
        const auto all = ::tests::run(io, drain(stream));
        CHECK(all.last.has_value());
        const auto progress = stream.progress();
        CHECK(progress.taken == all.completions.size());
        CHECK(progress.taken == std::vector<std::uint64_t>{100, 6, 10}[static_cast<std::size_t>(mode)]);
        CHECK(progress.not_submitted == 100 - progress.taken);
        CHECK(progress.end == std::vector{MapEnd::inputs_ended, MapEnd::max_failures,
                                          MapEnd::max_failure_ratio}[static_cast<std::size_t>(mode)]);
        CHECK(progress.failed == progress.taken / 2);
        CHECK(progress.last_failure == "odd");
        CHECK(progress.unknown == 0);
    }
}

TEST_CASE("map: a time limit stops, and calls in flight finish or are cancelled as told") {
    for (const bool cancel : {false, true}) {
        CAPTURE(cancel);
        asio::io_context io;
        FakeExecutor fake{io};
        fake.gates.try_emplace(0, io);
        auto stream =
            faas::map(fake, JobId{0}, inputs(5), {.in_flight = 1, .time_limit = 20ms, .cancel_when_stopped = cancel});
        Operation<Outcome<Bytes>> all{io, drain(stream)};
        while (stream.progress().state != MapState::stopping && !all.ended()) io.run_one();
        if (!cancel) {
            io.poll();
            CHECK(!all.ended());
            fake.gates.at(0).open();
        }
        io.run();
        REQUIRE(all.ended());
        REQUIRE(all.outcome().completions.size() == 1);
        CHECK(all.outcome().completions[0].value.has_value() == !cancel);
        const auto progress = stream.progress();
        CHECK(progress.end == MapEnd::time_limit);
        CHECK(progress.not_submitted == 4);
        CHECK(progress.unknown == (cancel ? 1 : 0));
    }
}

TEST_CASE("map: cancel ends calls in flight, and every input taken is accounted for") {
    asio::io_context io;
    FakeExecutor fake{io};
    for (std::uint8_t n = 0; n < 8; ++n) fake.gates.try_emplace(n, io);
    auto stream = faas::map(fake, JobId{0}, inputs(20), {.in_flight = 8});
    Operation<Outcome<Bytes>> all{io, drain(stream)};
    io.poll();
    CHECK(fake.running == 8);
    stream.cancel();
    io.restart();
    io.poll();
    REQUIRE(all.ended());
    CHECK(all.outcome().completions.size() == 8);
    for (const auto& one : all.outcome().completions) CHECK((one.value.error().code == errc::cancelled));
    CHECK(stream.progress().not_submitted == 12);
}

TEST_CASE("map: destroying the stream early cancels its calls, on a running and on a dead io_context") {
    for (const bool run_on : {true, false}) {
        asio::io_context io;
        FakeExecutor fake{io};
        fake.gates.try_emplace(1, io);
        {
            auto stream = faas::map(fake, JobId{0}, inputs(100), {.in_flight = 2});
            Operation<result<std::optional<Completion<Bytes>>>> next{io, stream.next()};
            io.poll();
            REQUIRE(next.ended());
            CHECK(next.outcome().value()->index == 0);
            CHECK(fake.running == 1);
        }
        if (!run_on) continue;  // what is left goes with the io_context; a sanitizer sees whether it does so well
        io.restart();
        io.run();
        CHECK(fake.running == 0);
        CHECK(fake.ids.size() <= 4);
    }
}

TEST_CASE("map: a wait that was cancelled loses nothing") {
    asio::io_context io;
    FakeExecutor fake{io};
    fake.gates.try_emplace(0, io);
    auto stream = faas::map(fake, JobId{0}, inputs(1));
    Operation<result<std::optional<Completion<Bytes>>>> next{io, stream.next()};
    io.poll();
    next.cancel();
    io.restart();
    io.poll();
    REQUIRE(next.ended());
    CHECK((next.outcome().error().code == errc::cancelled));
    fake.gates.at(0).open();
    const auto all = ::tests::run(io, drain(stream));
    REQUIRE(all.completions.size() == 1);
    CHECK(all.completions[0].value.has_value());
}

TEST_CASE("map: a source that waits is told as such, and its failure comes after all completions") {
    asio::io_context io;
    FakeExecutor fake{io};
    Source source{io};
    auto stream = faas::map(fake, JobId{0}, source, {.in_flight = 3});
    Operation<Outcome<Bytes>> all{io, drain(stream)};
    io.poll();
    CHECK(stream.progress().state == MapState::waiting_for_input);
    source.gate.let_one();
    io.restart();
    io.poll();
    CHECK(stream.progress().succeeded == 1);
    SUBCASE("it fails") {
        source.fails = Error{.code = errc::infrastructure, .message = "the queue is gone"};
        source.gate.let_one();
        io.restart();
        io.poll();
        REQUIRE(all.ended());
        CHECK(all.outcome().completions.size() == 1);
        CHECK(all.outcome().last.error().message == "the queue is gone");
        CHECK(stream.progress().end == MapEnd::source_failed);
        CHECK(::tests::run(io, drain(stream)).last.has_error());
    }
    SUBCASE("the map is stopped while it waits") {
        stream.stop();
        io.restart();
        io.poll();
        REQUIRE(all.ended());
        CHECK(all.outcome().last.has_value());
        CHECK(stream.progress().end == MapEnd::stop_requested);
    }
}

TEST_CASE("map: an input that throws ends the map with an error") {
    asio::io_context io;
    FakeExecutor fake{io};
    auto broken = std::views::iota(0, 10) | std::views::transform([](int n) {
                      if (n == 2) throw std::runtime_error{"row 2 is broken"};
                      return Bytes{};
                  });
    auto stream = faas::map(fake, JobId{0}, broken);
    const auto all = ::tests::run(io, drain(stream));
    CHECK(all.completions.size() == 2);
    CHECK(all.last.error().message.find("row 2 is broken") != std::string::npos);
}

TEST_CASE("map: whatever an input throws ends the map with an error that says so") {
    const auto ended = [](auto thrown) {
        asio::io_context io;
        FakeExecutor fake{io};
        auto broken = std::views::iota(0, 10) | std::views::transform([&](int n) {
                          if (n == 1) throw thrown;
                          return Bytes{};
                      });
        auto stream = faas::map(fake, JobId{0}, broken);
        const auto all = ::tests::run(io, drain(stream));
        CHECK(all.completions.size() == 1);
        CHECK(stream.progress().end == MapEnd::source_failed);
        return all.last.error();
    };
    using boost::system::system_error;
    const auto failed = ended(system_error{make_error_code(boost::system::errc::io_error)});
    CHECK((failed.code == errc::infrastructure));
    CHECK(failed.execution == Execution::not_started);
    CHECK(failed.message.starts_with("the map's inputs failed: "));
    CHECK((ended(system_error{asio::error::operation_aborted}).code == errc::cancelled));
    const auto odd = ended(7);
    CHECK((odd.code == errc::infrastructure));
    CHECK(odd.message.find("no std::exception") != std::string::npos);
}

TEST_CASE("map: an executor that throws fails its calls, of which nobody knows whether they ran") {
    const auto failed = [](auto thrown) {
        asio::io_context io;
        ThrowingExecutor<decltype(thrown)> broken{&io, thrown};
        auto stream = faas::map(broken, JobId{0}, inputs(3));
        const auto all = ::tests::run(io, drain(stream));
        REQUIRE(all.completions.size() == 3);
        CHECK(stream.progress().failed == 3);
        CHECK(stream.progress().unknown == 3);
        CHECK(stream.progress().end == MapEnd::inputs_ended);
        const Error error = all.completions.front().value.error();
        CHECK((error.code == errc::infrastructure));
        CHECK(error.execution == Execution::unknown);
        return error.message;
    };
    CHECK(failed(std::runtime_error{"out of luck"}) == "the executor threw: out of luck");
    CHECK(failed(7).find("no std::exception") != std::string::npos);
}

TEST_CASE("map: calls carry metadata, timeout, idempotency and a key of their own") {
    asio::io_context io;
    FakeExecutor fake{io};
    fake.keep_calls = true;
    auto stream = faas::map(fake, JobId{4}, inputs(2),
                            {.in_flight = 1,
                             .timeout = 3s,
                             .idempotent = true,
                             .run_id = "night",
                             .idempotency_keys = true,
                             .metadata = {{"x-request-id", "r1"}}});
    const auto all = ::tests::run(io, drain(stream));
    REQUIRE(fake.calls.size() == 2);
    CHECK(fake.calls[1].job_id == JobId{4});
    CHECK(fake.calls[1].timeout == 3s);
    CHECK(fake.calls[1].idempotent);
    CHECK(fake.calls[1].metadata.get("idempotency-key") == "night-1");
    CHECK(fake.calls[1].metadata.get("x-request-id") == "r1");
}

TEST_CASE("map: options that cannot work are refused before anything is read") {
    const auto refused = [](MapOptions options) {
        asio::io_context io;
        FakeExecutor fake{io};
        auto stream = faas::map(fake, JobId{0}, inputs(3), std::move(options));
        const auto all = ::tests::run(io, drain(stream));
        CHECK(all.completions.empty());
        CHECK(fake.ids.empty());
        CHECK(stream.progress().end == MapEnd::refused);
        CHECK(stream.progress().not_submitted == 3);
        REQUIRE(all.last.has_error());
        CHECK((all.last.error().code == errc::invalid_configuration));
    };
    refused({.in_flight = 0});
    refused({.max_failures = 0});
    refused({.idempotency_keys = true});
    refused({.resume = faas::ResumeOptions{.path = "x"}});
    refused({.run_id = "r", .resume = faas::ResumeOptions{}});
}

TEST_CASE("map: progress is told at every interval and at the end, also when nothing moves") {
    asio::io_context io;
    FakeExecutor fake{io};
    fake.gates.try_emplace(0, io);
    std::vector<MapProgress> told;
    auto stream = faas::map(fake, JobId{0}, inputs(3),
                            {.in_flight = 1,
                             .on_progress =
                                 [&](const MapProgress& progress) {
                                     told.push_back(progress);
                                     if (told.size() == 3) fake.gates.at(0).open();
                                 },
                             .progress_interval = 2ms});
    const auto all = ::tests::run(io, drain(stream));
    CHECK(all.completions.size() == 3);
    REQUIRE(told.size() >= 4);
    CHECK(told[0].state == MapState::waiting_for_calls);
    CHECK(told[0].oldest == 0);
    CHECK(told[2].oldest_running_for >= told[0].oldest_running_for);
    CHECK(told.back().end == MapEnd::inputs_ended);
    CHECK(told.back().succeeded == 3);
}

TEST_CASE("map: the line for a person says how far it is and why it stands still") {
    MapProgress progress{.state = MapState::waiting_for_calls, .succeeded = 117, .failed = 3, .in_flight = 64};
    progress.total = 1000;
    progress.per_second = 21.52;
    progress.oldest = 97;
    progress.oldest_running_for = 12s;
    CHECK(faas::describe(progress) ==
          "120 of 1000 done (3 failed), 64 in flight, 21.5/s; waiting for calls, input 97 for 12.0 s");
}

TEST_CASE("map: the line for a person leaves out what is nothing, and says why a map ended early") {
    MapProgress progress{};
    CHECK(faas::describe(progress) == "0 done, 0 in flight, 0.0/s; not started");
    progress.state = MapState::waiting_for_calls;
    progress.oldest = 3;
    progress.oldest_running_for = 999ms;
    CHECK(faas::describe(progress) == "0 done, 0 in flight, 0.0/s; waiting for calls");
    progress = {.state = MapState::ended, .succeeded = 5, .end = MapEnd::inputs_ended};
    progress.not_submitted = 0;
    CHECK(faas::describe(progress) == "5 done, 0 in flight, 0.0/s; ended");
    progress.end = MapEnd::time_limit;
    progress.not_submitted = 7;
    CHECK(faas::describe(progress) == "5 done, 0 in flight, 0.0/s; ended (time limit), 7 not submitted");
}

TEST_CASE("map: every state and every end has words of its own") {
    std::set<std::string_view> words;
    for (const auto state :
         {MapState::not_started, MapState::running, MapState::waiting_for_input, MapState::waiting_for_calls,
          MapState::waiting_for_consumer, MapState::stopping, MapState::ended})
        words.insert(to_string(state));
    CHECK(words.size() == 7);
    for (const auto end :
         {MapEnd::inputs_ended, MapEnd::stop_requested, MapEnd::max_failures, MapEnd::max_failure_ratio,
          MapEnd::time_limit, MapEnd::source_failed, MapEnd::resume_failed, MapEnd::refused, MapEnd::abandoned})
        words.insert(to_string(end));
    CHECK(words.size() == 16);
    CHECK(words.count("") == 0);
}

TEST_CASE("map: a share of failures is judged from the agreed number of inputs on") {
    const faas::MapOptions options{.max_failure_ratio = 0.25, .failure_ratio_after = 8};
    using faas::detail::too_many_failures;
    CHECK_FALSE(too_many_failures(options, 0, 0));
    CHECK_FALSE(too_many_failures(options, 0, 7));
    CHECK(too_many_failures(options, 5, 3) == MapEnd::max_failure_ratio);
    CHECK_FALSE(too_many_failures(options, 6, 2));  // just the share
    CHECK_FALSE(too_many_failures({.max_failure_ratio = 0, .failure_ratio_after = 0}, 0, 0));
    CHECK(too_many_failures({.max_failure_ratio = 0, .failure_ratio_after = 0}, 0, 1) == MapEnd::max_failure_ratio);
}

TEST_CASE("map: the rate is that of the last ten seconds") {
    using Clock = std::chrono::steady_clock;
    faas::detail::RateMeter meter;
    const Clock::time_point start{1000s};
    for (int n = 0; n < 100; ++n) meter.note(start + n * 100ms);
    CHECK(meter.per_second(start, start + 10s) == doctest::Approx(10));
    CHECK(meter.per_second(start, start + 15s) == doctest::Approx(5));
    CHECK(meter.per_second(start, start + 60s) == 0);
}

TEST_CASE("map: an io_context of several threads sees every input once") {
    asio::io_context io;
    FakeExecutor fake{io};  // only touched on the map's strand
    auto stream =
        faas::map(fake, JobId{0},
                  std::views::iota(0, 2000) | std::views::transform([](int n) { return std::to_string(n % 100); }),
                  {.in_flight = 16});
    std::optional<Outcome<Bytes>> all;
    asio::co_spawn(io, drain(stream), [&](std::exception_ptr failure, Outcome<Bytes> outcome) {
        if (failure) std::rethrow_exception(failure);
        all.emplace(std::move(outcome));
    });
    std::vector<std::thread> threads;
    for (int n = 0; n < 3; ++n) threads.emplace_back([&] { io.run(); });
    while (stream.progress().state != MapState::ended) std::this_thread::yield();
    for (auto& thread : threads) thread.join();
    REQUIRE(all.has_value());
    const auto got = indices(all->completions);
    CHECK(got.size() == 2000);
    CHECK(std::set<std::uint64_t>(got.begin(), got.end()).size() == 2000);
    CHECK(fake.peak <= 16);
}

}  // namespace map_test
