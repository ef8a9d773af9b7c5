#include "blueprint/faas/executor.hpp"

#include "blueprint/faas/auth/no_auth.hpp"
#include "blueprint/faas/blocking.hpp"
#include "blueprint/faas/start.hpp"
#include "support/run.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <deque>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace executor_test {

using namespace blueprint::faas;

namespace {

// Invokes only. A job's args say what happens: empty waits for ever, else the bytes come back.
class EchoCodec {
public:
    static constexpr std::string_view provider_name = "Echo";
    template <class L>
    asio::awaitable<result<Invocation>> invoke(L& link, const JobCall& call) {
        if (call.args.empty()) {
            auto waited = co_await link.wait(std::chrono::hours{1});
            if (!waited) co_return waited.error();
        }
        Invocation done;
        done.result.outcome = call.args;
        co_return done;
    }
};

using Echo = FaasExecutor<InMemoryTransport, NoAuth, EchoCodec>;

Echo make_echo(asio::io_context& io) {
    return Echo{InMemoryTransport{io.get_executor(), [](const HttpRequest&) { return HttpResponse{}; }}, NoAuth{},
                EchoCodec{}};
}

// What one exchange did not bring to its end, further ones do, if the codec is asked to.
class PatientCodec {
public:
    static constexpr std::string_view provider_name = "Patient";
    struct Prepared {
        std::shared_ptr<HttpRequest> call{};
        explicit operator bool() const noexcept { return call != nullptr; }
        HttpRequest& request() const noexcept { return *call; }
        static purpose::Invocation purpose() noexcept { return {}; }
        static Repeat repeat() noexcept { return Repeat::safe; }
        static std::optional<Error> judge(const HttpResponse& answer) {
            if (answer.status < 300) return std::nullopt;
            return Error{.code = errc::infrastructure, .message = "no", .retryable = true};
        }
        static bool goes_on(const HttpResponse& answer, bool metered) {
            return answer.status == 202 || (metered && answer.status == 203);
        }
        static result<Invocation> finish(result<HttpResponse> answer, bool) {
            if (!answer) return std::move(answer).error();
            return done_with("finished");
        }
    };
    static Invocation done_with(std::string_view how) {
        Invocation done;
        done.result.outcome = Bytes{how.begin(), how.end()};
        return done;
    }
    template <class L>
    asio::awaitable<result<Invocation>> invoke(L&, const JobCall&) {
        co_return Error{.code = errc::unsupported, .message = "every call can be prepared"};
    }
    template <class L>
    Prepared prepare(L&, const JobCall&) const {
        return {std::make_shared<HttpRequest>()};
    }
    template <class L>
    asio::awaitable<result<Invocation>> complete(L& link, const Prepared& prepared, const HttpResponse& answer) {
        HttpRequest request;
        request.target = "/look";
        const auto status = answer.status;
        const auto purpose = prepared.purpose();
        auto looked = co_await link.exchange(request, purpose, Repeat::safe, &Prepared::judge);
        if (!looked) co_return std::move(looked).error();
        co_return done_with("completed " + std::to_string(status));
    }
};
// One that cannot complete what its calls say goes on.
class ImpatientCodec {
public:
    static constexpr std::string_view provider_name = "Impatient";
    template <class L>
    asio::awaitable<result<Invocation>> invoke(L&, const JobCall&) {
        co_return PatientCodec::done_with("invoked");
    }
    template <class L>
    PatientCodec::Prepared prepare(L&, const JobCall&) const {
        return {std::make_shared<HttpRequest>()};
    }
};
using Patient = FaasExecutor<InMemoryTransport, NoAuth, PatientCodec>;
static_assert(CanComplete<PatientCodec, Patient::link_type>);
static_assert(CanPrepare<ImpatientCodec, Patient::link_type> && !CanComplete<ImpatientCodec, Patient::link_type>);
// Has one key to give back.
struct KeyedCodec : EchoCodec {
    std::shared_ptr<int> keys = std::make_shared<int>(1);
    template <class L>
    asio::awaitable<result<void>> release(L&) {
        if (--*keys < 0) co_return Error{.code = errc::infrastructure, .message = "no key is left"};
        co_return result<void>{};
    }
};

template <class E>
concept HasUndeploy = requires(E& e) { e.undeploy_job(JobId{}); };
template <class E>
concept HasRelease = requires(E& e) { e.release(); };

}  // namespace

static_assert(Executor<Echo>);
static_assert(!HasUndeploy<Echo>, "an operation that the codec lacks does not exist");
static_assert(!HasRelease<Echo>);
static_assert(Echo::provider_name() == "Echo");

TEST_CASE("executor: every completion token works") {
    asio::io_context io;
    auto echo = make_echo(io);
    auto future = start(echo, echo.invoke({.job_id = 1, .args = {1}}), asio::use_future);
    std::optional<result<JobResult>> called;
    start(echo, echo.invoke({.job_id = 1, .args = {2}}), [&](result<JobResult> done) { called = std::move(done); });
    auto later = start(echo, echo.invoke({.job_id = 1, .args = {3}}), asio::deferred);
    auto third = std::move(later)(asio::use_future);
    io.run();
    CHECK((*tests::ok(future.get()).outcome == Bytes{1}));
    REQUIRE(called);
    CHECK((*tests::ok(*called).outcome == Bytes{2}));
    CHECK((*tests::ok(third.get()).outcome == Bytes{3}));
}

TEST_CASE("executor: a cancellation that is late, or whose signal has gone, harms nothing") {
    asio::io_context io;
    auto echo = make_echo(io);
    int ended = 0;
    for (int steps = 0; steps < 8; ++steps) {
        CAPTURE(steps);
        auto stop = std::make_unique<asio::cancellation_signal>();
        start(echo, echo.invoke({.job_id = 1, .args = {1}}),
              asio::bind_cancellation_slot(stop->slot(), [&](const result<JobResult>&) { ++ended; }));
        io.restart();
        for (int i = 0; i < steps; ++i) io.poll_one();
        stop->emit(asio::cancellation_type::terminal);  // arrives by way of the io_context
        if (steps % 2 == 0) {
            while (ended == steps && io.poll_one() != 0) {
            }
        }
        stop.reset();
        io.run();
        CHECK(ended == steps + 1);
    }
}

TEST_CASE("executor: a cancellation slot ends the operation as `cancelled`") {
    asio::io_context io;
    auto echo = make_echo(io);
    asio::cancellation_signal stop;
    std::optional<result<JobResult>> ended;
    start(echo, echo.invoke({.job_id = 1, .timeout = std::chrono::hours{2}}),
          asio::bind_cancellation_slot(stop.slot(), [&](result<JobResult> done) { ended = std::move(done); }));
    io.poll();
    CHECK_FALSE(ended);
    stop.emit(asio::cancellation_type::terminal);
    io.run();
    REQUIRE(ended);
    CHECK(tests::failed(*ended).code == errc::cancelled);
}

TEST_CASE("executor: four threads run what a fifth starts and cancels") {
    constexpr int calls = 400;
    asio::io_context io;
    auto echo = make_echo(io);
    std::deque<asio::cancellation_signal> stops(calls);
    std::atomic<int> answered{0};
    std::atomic<int> cancelled{0};
    std::atomic<int> other{0};
    {
        auto guard = asio::make_work_guard(io);
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i) threads.emplace_back([&] { io.run(); });
        for (int i = 0; i < calls; ++i) {
            auto& stop = stops[static_cast<std::size_t>(i)];
            JobCall call{.job_id = 1, .timeout = std::chrono::hours{2}};
            if (i % 2 == 0) call.args = {1};  // the others wait for ever
            start(echo, echo.invoke(std::move(call)),
                  asio::bind_cancellation_slot(stop.slot(), [&](const result<JobResult>& done) {
                      ++(done ? answered : done.error().code == errc::cancelled ? cancelled : other);
                  }));
            if (i >= 7) stops[static_cast<std::size_t>(i - 7)].emit(asio::cancellation_type::partial);
        }
        for (auto& stop : stops) stop.emit(asio::cancellation_type::total);
        guard.reset();
        for (auto& thread : threads) thread.join();
    }
    CHECK(answered + cancelled == calls);
    CHECK(answered <= calls / 2);
    CHECK(other == 0);
}

TEST_CASE("executor: a call that goes on after its answer is completed by the codec, and a call that does not is not") {
    struct Row {
        std::vector<unsigned> statuses;  // of the answers, in order
        std::string bare;                // what becomes of a call
        std::string metered;
        std::size_t requests;  // of the one with metrics
    };
    const std::vector<Row> rows{{{200}, "finished", "finished", 1},
                                {{202, 200}, "completed 202", "completed 202", 2},
                                {{203, 200}, "finished", "completed 203", 2},
                                {{500, 202, 200}, "completed 202", "completed 202", 3},
                                {{202, 500, 200}, "completed 202", "completed 202", 3},
                                {{500, 200}, "finished", "finished", 2},
                                {{500, 500}, "no", "no", 2},
                                {{202, 500, 500}, "no", "no", 3}};
    for (const auto& row : rows) {
        CAPTURE(row.bare);
        CAPTURE(row.requests);
        asio::io_context io;
        std::size_t requests = 0;
        const auto answer = [&](const HttpRequest&) {
            HttpResponse out;
            out.status = row.statuses.at(requests++);
            return out;
        };
        const StandardResilience twice{{.max_attempts = 2, .first_delay = {}, .first_throttled_delay = {}}};
        Patient patient{InMemoryTransport{io.get_executor(), answer}, NoAuth{}, PatientCodec{}, twice};
        const auto told = [](const result<Bytes>& bytes) { return std::string{bytes->begin(), bytes->end()}; };
        const auto bare = tests::run(io, patient.invoke({.job_id = 1}));
        CHECK((bare ? told(bare->outcome) : bare.error().message) == row.bare);
        requests = 0;
        const auto metered = tests::run(io, patient.invoke_with_metrics({.job_id = 1}));
        CHECK((metered ? told(metered->result.outcome) : metered.error().message) == row.metered);
        CHECK(requests == row.requests);
        REQUIRE((metered || metered.error().metrics != nullptr));
        CHECK((metered ? metered->metrics.attempts : metered.error().metrics->attempts) == row.requests);
        if (metered) CHECK(metered->result.ran_on == "Patient");
        if (!metered) CHECK(metered.error().provider == "Patient");
    }
    asio::io_context io;
    FaasExecutor<InMemoryTransport, NoAuth, ImpatientCodec> impatient{
        InMemoryTransport{io.get_executor(), [](const HttpRequest&) { return HttpResponse{.status = 202}; }}, NoAuth{},
        ImpatientCodec{}};
    const auto done = tests::ok(tests::run(io, impatient.invoke({.job_id = 1})));
    CHECK((*done.outcome == Bytes{'f', 'i', 'n', 'i', 's', 'h', 'e', 'd'}));
}

TEST_CASE("C5: a wait beyond the deadline is told as `timed_out`, with the provider's name") {
    asio::io_context io;
    auto echo = make_echo(io);
    const auto error =
        tests::failed(tests::run(io, echo.invoke({.job_id = 1, .timeout = std::chrono::milliseconds{10}})));
    CHECK(error.code == errc::timed_out);
    CHECK(error.provider == "Echo");
    CHECK(error.metrics != nullptr);
}

TEST_CASE("blocking: runs the io_context until the operation ended, again and again") {
    asio::io_context io;
    auto echo = make_echo(io);
    for (std::uint8_t i = 1; i < 5; ++i)
        CHECK((*tests::ok(blocking(echo).invoke({.job_id = 1, .args = {i}})).outcome == Bytes{i}));
    CHECK(blocking(echo).invoke_with_metrics({.job_id = 1, .args = {1}}).has_value());
}

TEST_CASE("blocking: another thread may run the io_context too") {
    asio::io_context io;
    auto echo = make_echo(io);
    auto work = asio::make_work_guard(io);
    std::thread runner{[&] { io.run(); }};
    for (int i = 0; i < 200; ++i) CHECK(blocking(echo).invoke({.job_id = 1, .args = {7}}).has_value());
    work.reset();
    runner.join();
}

TEST_CASE("blocking: a call from inside a handler is a programming error, not a hang") {
    asio::io_context io;
    auto echo = make_echo(io);
    bool threw = false;
    asio::post(io, [&] {
        try {
            (void)blocking(echo).invoke({.job_id = 1, .args = {1}});
        } catch (const std::logic_error&) {
            threw = true;
        }
    });
    io.run();
    CHECK(threw);
}

TEST_CASE("blocking: what an operation throws reaches the caller, whoever runs the executor") {
    // A policy with a bug.
    struct Throwing {
        asio::any_io_executor io;
        asio::any_io_executor get_executor() const { return io; }
        static asio::awaitable<result<JobResult>> invoke(JobCall call) {
            if (call.args.empty()) throw std::runtime_error{"no bytes"};
            co_return JobResult{.job_id = call.job_id};
        }
    };
    asio::io_context io;
    auto work = asio::make_work_guard(io);
    Throwing here{io.get_executor()};
    CHECK_THROWS_WITH_AS((void)blocking(here).invoke({}), "no bytes", std::runtime_error);
    CHECK(blocking(here).invoke({.args = {1}}).has_value());

    std::thread runner{[&] { io.run(); }};
    Throwing there{asio::make_strand(io)};
    CHECK_THROWS_WITH_AS((void)blocking(there).invoke({}), "no bytes", std::runtime_error);
    CHECK(blocking(there).invoke({.args = {1}}).has_value());
    work.reset();
    runner.join();
}

TEST_CASE("executor: what it obtained for itself is given back by the codec, and a failure names the provider") {
    asio::io_context io;
    const KeyedCodec codec;
    FaasExecutor<InMemoryTransport, NoAuth, KeyedCodec> keyed{
        InMemoryTransport{io.get_executor(), [](const HttpRequest&) { return HttpResponse{}; }}, NoAuth{}, codec};
    CHECK(blocking(keyed).release().has_value());
    CHECK(*codec.keys == 0);
    const auto error = tests::failed(blocking(keyed).release());
    CHECK(error.provider == "Echo");
    CHECK(error.metrics != nullptr);
}

}  // namespace executor_test
