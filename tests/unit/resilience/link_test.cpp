#include "blueprint/faas/codec/link.hpp"

#include "blueprint/faas/auth/no_auth.hpp"
#include "blueprint/faas/provider/custom.hpp"
#include "blueprint/faas/resilience/standard.hpp"
#include "blueprint/faas/start.hpp"
#include "support/run.hpp"
#include "support/script.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace link_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using tests::failed;
using tests::ok;
using tests::run;
using tests::Script;

namespace {

constexpr RetryLimits at_once{.max_attempts = 3, .first_delay = 0ms, .first_throttled_delay = 0ms};
const std::string good = R"({"result":[7]})";

// An executor over a script, with a policy of the test's choice.
template <class AuthPolicy = NoAuth>
struct Scripted {
    explicit Scripted(ResilienceOptions options = {.retry = at_once}, AuthPolicy auth = {})
        : executor{tests::play(io, script), std::move(auth), CustomCodec<>{{.base_url = "https://a.example:8443"}},
                   StandardResilience{std::move(options)}} {}

    result<Invocation> invoke(JobCall call) { return run(io, executor.invoke_with_metrics(std::move(call))); }

    boost::asio::io_context io{};
    std::shared_ptr<Script> script = std::make_shared<Script>();
    FaasExecutor<InMemoryTransport, AuthPolicy, CustomCodec<>> executor;
};

// A credential of which another may be had, for the first so many times.
class Renewable {
public:
    static constexpr bool reveals_secret = false;
    asio::awaitable<result<void>> authorize(HttpRequest&, auto) { co_return result<void>{}; }
    bool invalidate() noexcept {
        ++*invalidated;
        return true;
    }
    std::shared_ptr<int> invalidated = std::make_shared<int>(0);
};
static_assert(Auth<Renewable>);

// One that looks at the answers to what it signed.
class Observer {
public:
    static constexpr bool reveals_secret = false;
    asio::awaitable<result<void>> authorize(HttpRequest& request, auto) {
        request.headers.set("X-Signed", std::to_string(seen->size()));
        co_return result<void>{};
    }
    void observe(const HttpRequest& request, const HttpResponse& answer) {
        seen->push_back(std::string{request.headers.get("X-Signed").value_or("")} + " " +
                        std::to_string(answer.status));
    }
    bool invalidate() noexcept { return true; }
    std::shared_ptr<std::vector<std::string>> seen = std::make_shared<std::vector<std::string>>();
};
static_assert(Auth<Observer>);

// One that has what it needs at hand only the second time.
class Sometimes {
public:
    static constexpr bool reveals_secret = false;
    bool try_authorize(HttpRequest& request, auto) {
        asked->push_back("at hand?");
        if (asked->size() == 1) return false;
        request.headers.set("X-By", "hand");
        return true;
    }
    asio::awaitable<result<void>> authorize(HttpRequest& request, auto) {
        asked->push_back("asked");
        request.headers.set("X-By", "asking");
        if (refuses) co_return Error{.code = errc::authentication, .message = "no key"};
        co_return result<void>{};
    }
    bool invalidate() noexcept { return false; }
    std::shared_ptr<std::vector<std::string>> asked = std::make_shared<std::vector<std::string>>();
    bool refuses = false;
};
static_assert(Auth<Sometimes>);

const Error reset{.code = errc::infrastructure, .message = "reset", .retryable = true, .execution = Execution::unknown};
const Error refused{
    .code = errc::infrastructure, .message = "refused", .retryable = true, .execution = Execution::not_started};

std::vector<Attempt> attempts_of(const Error& error) {
    REQUIRE(error.metrics != nullptr);
    return error.metrics->failed_attempts;
}

}  // namespace

TEST_CASE("link: what is repeated is what certainly did not run, or may run twice") {
    struct Row {
        std::string what;
        std::function<void(Script&)> first;
        bool idempotent;
        std::size_t requests;
    };
    const Row rows[] = {
        {"sent, fate unknown", [](Script& s) { s.then(reset); }, false, 1},
        {"sent, fate unknown, idempotent", [](Script& s) { s.then(reset); }, true, 2},
        {"never sent", [](Script& s) { s.then(refused); }, false, 2},
        {"503, fate unknown", [](Script& s) { s.then(503); }, false, 1},
        {"503, idempotent", [](Script& s) { s.then(503); }, true, 2},
        {"429", [](Script& s) { s.then(429); }, false, 2},
        {"404", [](Script& s) { s.then(404); }, true, 1},
        {"400", [](Script& s) { s.then(400); }, true, 1},
        {"the job failed", [](Script& s) { s.then(500, R"({"success":false,"error":"x","code":"EXECUTION_ERROR"})"); },
         true, 1},
        {"401", [](Script& s) { s.then(401); }, false, 2},
        {"401, and the platform says that the job ran",
         [](Script& s) {
             s.then(Error{
                 .code = errc::authentication, .message = "?", .retryable = true, .execution = Execution::started});
         },
         false, 1},
        {"403", [](Script& s) { s.then(403); }, true, 1},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        Scripted<Renewable> scripted;
        row.first(*scripted.script);
        scripted.script->then(200, good);
        const auto outcome = scripted.invoke({.job_id = 1, .idempotent = row.idempotent});
        CHECK(outcome.has_value() == (row.requests == 2));
        CHECK(scripted.script->seen.size() == row.requests);
        const auto& metrics = outcome ? outcome->metrics : *outcome.error().metrics;
        CHECK(metrics.attempts == row.requests);
        REQUIRE(metrics.failed_attempts.size() == 1);
        CHECK(metrics.failed_attempts[0].where == "https://a.example:8443");
    }
}

TEST_CASE("link: every failed attempt is recorded, of calls that succeed and of calls that fail") {
    for (const bool succeeds : {true, false}) {
        CAPTURE(succeeds);
        Scripted<> scripted;
        scripted.script->then(refused);
        scripted.script->then(503, R"({"error":"down","code":"UNAVAILABLE"})");
        succeeds ? scripted.script->then(200, good) : scripted.script->then(reset);
        const auto outcome = scripted.invoke({.job_id = 1, .idempotent = true});
        CHECK(outcome.has_value() == succeeds);
        const auto& metrics = outcome ? outcome->metrics : *outcome.error().metrics;
        CHECK(metrics.attempts == 3);
        const auto& list = metrics.failed_attempts;
        REQUIRE(list.size() == (succeeds ? 2 : 3));
        CHECK(list[0].why == "refused");
        CHECK(list[0].http_status == 0);
        CHECK(list[0].execution == Execution::not_started);
        CHECK(list[1].http_status == 503);
        CHECK(list[1].code == errc::infrastructure);
        CHECK(list[1].why.find("down") != std::string::npos);
        CHECK(list[1].execution == Execution::unknown);
        for (std::size_t i = 1; i < list.size(); ++i)
            CHECK(list[i].began_after >= list[i - 1].began_after + list[i - 1].took + list[i].waited_before);
        CHECK(metrics.total_duration >= list.back().began_after + list.back().took);
    }
    Scripted<> untroubled;
    untroubled.script->then(200, good);
    CHECK(ok(untroubled.invoke({.job_id = 1})).metrics.failed_attempts.capacity() == 0);
}

TEST_CASE("link: an error's fate is that of all its attempts") {
    Scripted<> scripted;
    scripted.script->then(reset);
    scripted.script->then(refused);
    scripted.script->then(refused);
    const auto error = failed(scripted.invoke({.job_id = 1, .idempotent = true}));
    CHECK(error.message == "refused");
    CHECK(error.execution == Execution::unknown);
    CHECK(attempts_of(error)[2].execution == Execution::not_started);
}

TEST_CASE("link: when the deadline leaves no time for another attempt, the last real error is told") {
    Scripted<> scripted{{.retry = {.first_delay = 1h, .max_delay = 1h}}};
    scripted.script->then(503, R"({"error":"down","code":"UNAVAILABLE"})", [] {
        Headers headers;
        headers.set("Retry-After", "30");
        return headers;
    }());
    const auto error = failed(scripted.invoke({.job_id = 1, .timeout = 2s, .idempotent = true}));
    CHECK(error.code == errc::infrastructure);
    CHECK(error.http_status == 503);
    CHECK((error.retry_after == 30s));
    CHECK(error.message.find("down") != std::string::npos);
    CHECK(error.message.find("the deadline left no time for another attempt") != std::string::npos);
    CHECK(scripted.script->seen.size() == 1);
    CHECK(attempts_of(error).size() == 1);
}

TEST_CASE("link: a call that is let in too late is `timed_out`; a repeat that is, keeps the error it had") {
    // One request a minute: the second must wait longer than the call may take.
    Scripted<> scripted{{.retry = at_once, .rate = {.per_second = 1.0 / 60, .burst = 1}}};
    scripted.script->then(refused);
    const auto first = failed(scripted.invoke({.job_id = 1, .timeout = 30ms}));
    CHECK(first.code == errc::infrastructure);
    CHECK(first.message.find("refused; no further attempt was made: the deadline came before") == 0);
    CHECK(first.execution == Execution::not_started);
    const auto second = failed(scripted.invoke({.job_id = 1, .timeout = 30ms}));
    CHECK(second.code == errc::timed_out);
    CHECK(second.execution == Execution::not_started);
    CHECK(second.metrics->attempts == 0);
    CHECK(attempts_of(second).empty());
    CHECK(scripted.script->seen.size() == 1);
}

TEST_CASE("link: an open circuit is told, with the time until it may be tried again") {
    Scripted<> scripted{{.retry = at_once, .breaker = BreakerOptions{.consecutive_failures = 2}}};
    for (int i = 0; i < 2; ++i) scripted.script->then(reset);
    CHECK(failed(scripted.invoke({.job_id = 1})).message == "reset");
    const auto second = failed(scripted.invoke({.job_id = 1, .idempotent = true}));
    CHECK(second.message.find("reset; no further attempt was made: not sent: most of the last requests") == 0);
    CHECK(second.execution == Execution::unknown);
    const auto third = failed(scripted.invoke({.job_id = 1}));
    CHECK(third.code == errc::infrastructure);
    CHECK(third.execution == Execution::not_started);
    CHECK(third.retryable);
    REQUIRE(third.retry_after.has_value());
    CHECK(*third.retry_after <= 5s);
    CHECK(scripted.script->seen.size() == 2);
}

TEST_CASE("link: credentials are renewed once a call, and not for ever") {
    Scripted<Renewable> scripted;
    Renewable auth;
    std::size_t calls = 0;
    for (; calls < 200; ++calls) {
        for (int i = 0; i < 2; ++i) scripted.script->then(401);
        CHECK(failed(scripted.invoke({.job_id = 1})).code == errc::authentication);
    }
    CHECK(scripted.script->seen.size() == calls + 20);
}

namespace {

// Every operation of the custom platform, over a script that answers by what is asked.
using Operation =
    std::function<std::optional<Error>(boost::asio::io_context&, custom::HttpFaasExecutor<NoAuth, InMemoryTransport>&)>;

template <class T>
std::optional<Error> error_of(result<T> outcome) {
    if (outcome) return std::nullopt;
    return std::move(outcome).error();
}

Package small_package() {
    const std::string script = "#!/bin/sh\n";
    PackageOptions options;
    options.allow_script = true;
    return ok(Package::from_binary(Bytes{script.begin(), script.end()}, options));
}

const std::vector<std::pair<std::string, Operation>> operations{
    {"invoke", [](auto& io, auto& e) { return error_of(run(io, e.invoke({.job_id = 0}))); }},
    {"deploy_job", [](auto& io, auto& e) { return error_of(run(io, e.deploy_job(0, small_package(), FaasConfig{}))); }},
    {"health_check", [](auto& io, auto& e) { return error_of(run(io, e.health_check(0))); }},
    {"warm", [](auto& io, auto& e) { return error_of(run(io, e.warm(0, 2))); }},
    {"get_deployment", [](auto& io, auto& e) { return error_of(run(io, e.get_deployment(0))); }},
    {"undeploy_job", [](auto& io, auto& e) { return error_of(run(io, e.undeploy_job(0))); }},
};

// A platform on which all goes well, but for the requests from number `fail_at` to `fail_until`.
struct Platform {
    std::size_t fail_at = 0;
    std::size_t fail_until = 0;
    Error failure{};
    std::size_t requests = 0;
    std::size_t failed = 0;
    bool deployed = false;

    result<HttpResponse> answer(const HttpRequest& request) {
        ++requests;
        if (requests >= fail_at && requests <= fail_until) {
            ++failed;
            return failure;
        }
        HttpResponse answer{.status = 200, .body = R"({"function_id":"job0","status":"deployed"})"};
        if (request.verb == Verb::get && request.target.ends_with("/job0") && !deployed && uploads) {
            answer.status = 404;
            answer.body = R"({"code":"NOT_FOUND","error":"no such function"})";
        }
        if (request.verb == Verb::put) {  // at first it is still working on it
            answer.body = R"({"function_id":"job0","status":"deploying"})";
            deployed = true;
        }
        if (request.target.ends_with("/invoke")) answer.body = good;
        if (request.target.ends_with("/health")) answer.body = R"({"status":"healthy"})";
        return answer;
    }
    bool uploads = false;
};

}  // namespace

TEST_CASE("link: every operation records its attempts, whichever of its exchanges fails") {
    for (const auto& [name, operation] : operations) {
        CAPTURE(name);
        std::size_t exchanges = 1;
        for (std::size_t n = 0; n <= exchanges; ++n) {  // 0: none fails
            CAPTURE(n);
            for (const bool repeatable : {false, true}) {
                CAPTURE(repeatable);
                auto platform = std::make_shared<Platform>();
                platform->uploads = name == "deploy_job";
                platform->failure = Error{.code = errc::infrastructure,
                                          .message = "wire cut",
                                          .retryable = repeatable,
                                          .execution = Execution::not_started};
                platform->fail_at = n == 0 ? 1'000 : n;
                platform->fail_until = repeatable ? platform->fail_at + 2 : platform->fail_at;
                boost::asio::io_context io;
                custom::HttpFaasExecutor<NoAuth, InMemoryTransport> executor{
                    InMemoryTransport{io.get_executor(),
                                      [platform](const HttpRequest& request) { return platform->answer(request); }},
                    NoAuth{}, CustomCodec<>{{.base_url = "https://a.example"}}, StandardResilience{at_once}};
                const auto error = operation(io, executor);
                if (n == 0) {
                    CHECK_FALSE(error);
                    exchanges = platform->requests;
                    continue;
                }
                REQUIRE(error);
                CHECK(error->code == errc::infrastructure);
                CHECK(error->provider == "Custom HTTP FaaS");
                REQUIRE(error->metrics);
                CHECK(error->metrics->attempts == platform->requests);
                CHECK(platform->failed == (repeatable ? 3 : 1));
                std::size_t recorded = 0;
                for (const auto& attempt : error->metrics->failed_attempts) {
                    if (attempt.why.find("wire cut") == 0) ++recorded;
                    CHECK(attempt.where == "https://a.example");
                }
                CHECK(recorded == platform->failed);
            }
        }
        CHECK(exchanges == (name == "deploy_job" ? 3 : 1));
    }
}

namespace {

enum class Where { admission, authorise, exchange, between };

// Hangs where it is told to, until it is cancelled.
struct Hanging {
    static constexpr bool reveals_secret = false;
    static constexpr bool confidential = true;
    Where where;
    bool heeds = true;  // ends what it does when cancelled, and says so
    asio::any_io_executor executor{};
    std::shared_ptr<int> sent = std::make_shared<int>(0);

    asio::awaitable<result<void>> authorize(HttpRequest&, auto) {
        if (where == Where::authorise) {
            const bool waited = co_await detail::wait_for(std::chrono::hours{1});
            if (!waited && heeds) co_return Error{.code = errc::cancelled, .message = "cancelled while fetching"};
        }
        co_return result<void>{};
    }
    bool invalidate() noexcept { return false; }
    asio::any_io_executor get_executor() { return executor; }
    asio::awaitable<result<HttpResponse>> exchange(const HttpRequest&, Deadline) {
        ++*sent;
        if (where == Where::between) co_return reset;
        const bool waited = co_await detail::wait_for(std::chrono::hours{1});
        if (waited || !heeds) co_return reset;
        co_return Error{.code = errc::cancelled, .message = "cancelled in flight", .execution = Execution::unknown};
    }
};
static_assert(Auth<Hanging>);
static_assert(Transport<Hanging>);

}  // namespace

TEST_CASE("C7: cancelling ends a call wherever it is, and tells whether the job may have run") {
    struct Row {
        Where where;
        bool heeds;
        Execution execution;
        int sent;
    };
    const Row rows[] = {
        {Where::admission, true, Execution::not_started, 0},  {Where::authorise, true, Execution::not_started, 0},
        {Where::authorise, false, Execution::not_started, 0}, {Where::exchange, true, Execution::unknown, 1},
        {Where::exchange, false, Execution::unknown, 1},      {Where::between, true, Execution::unknown, 1},
    };
    using Type = asio::cancellation_type;
    for (const auto type : {Type::terminal, Type::partial, Type::total}) {
        CAPTURE(static_cast<int>(type));
        for (const auto& row : rows) {
            CAPTURE(static_cast<int>(row.where));
            CAPTURE(row.heeds);
            boost::asio::io_context io;
            Hanging hanging{.where = row.where, .heeds = row.heeds, .executor = io.get_executor()};
            const auto sent = hanging.sent;
            ResilienceOptions options{.retry = {.first_delay = 1h, .max_delay = 1h}};
            if (row.where == Where::admission) options.rate = {.per_second = 0.001, .burst = 1};
            const StandardResilience resilience{options};
            if (row.where == Where::admission) {
                auto other = resilience.begin();
                REQUIRE(other.try_admit(std::chrono::steady_clock::now()));
            }
            FaasExecutor<Hanging, Hanging, CustomCodec<>> executor{
                hanging, hanging, CustomCodec<>{{.base_url = "https://a.example"}}, resilience};
            asio::cancellation_signal stop;
            std::optional<result<JobResult>> ended;
            start(executor, executor.invoke({.job_id = 1, .timeout = 10h, .idempotent = true}),
                  asio::bind_cancellation_slot(stop.slot(), [&](result<JobResult> done) { ended = std::move(done); }));
            io.poll();
            CHECK_FALSE(ended);
            CHECK(*sent == row.sent);
            stop.emit(type);
            io.restart();
            io.run_for(5s);
            REQUIRE(ended);
            const auto error = failed(*ended);
            CHECK(error.code == errc::cancelled);
            CHECK(error.execution == row.execution);
            const bool between = row.where == Where::between || (row.where == Where::exchange && !row.heeds);
            CHECK(error.message.starts_with("cancelled while waiting to try again; the last attempt: ") == between);
            CHECK(*sent == row.sent);
        }
    }
}

TEST_CASE("C7: who was cancelled before the call sends nothing any more") {
    boost::asio::io_context io;
    Hanging hanging{.where = Where::exchange, .executor = io.get_executor()};
    const auto sent = hanging.sent;
    using Executor = FaasExecutor<Hanging, Hanging, CustomCodec<>>;
    Executor executor{hanging, hanging, CustomCodec<>{{.base_url = "https://a.example"}}};
    struct Caller {
        static asio::awaitable<result<JobResult>> call(Executor& executor) {
            co_await asio::this_coro::throw_if_cancelled(false);
            const bool waited = co_await detail::wait_for(std::chrono::hours{1});
            CHECK_FALSE(waited);
            JobCall call;
            auto done = co_await executor.invoke(std::move(call));
            co_return done;
        }
    };
    asio::cancellation_signal stop;
    std::optional<result<JobResult>> ended;
    start(executor, Caller::call(executor),
          asio::bind_cancellation_slot(stop.slot(), [&](result<JobResult> done) { ended = std::move(done); }));
    io.poll();
    stop.emit(asio::cancellation_type::terminal);
    io.restart();
    io.run_for(5s);
    REQUIRE(ended);
    CHECK(failed(*ended).code == errc::cancelled);
    CHECK(failed(*ended).execution == Execution::not_started);
    CHECK(*sent == 0);
}

TEST_CASE("link: an auth that learns from answers sees each of them, with the request as it was sent, and no failure") {
    Observer auth;
    const auto seen = auth.seen;
    Scripted<Observer> world{{.retry = at_once}, std::move(auth)};
    world.script->then(401, R"({"error":"expired","code":"UNAUTHORIZED"})");
    world.script->then(refused);
    world.script->then(200, good);
    ok(world.invoke({.job_id = 0}));
    CHECK((*seen == std::vector<std::string>{"0 401", "1 200"}));
}

TEST_CASE("link: who is asked to authorise is the one that has it at hand, and only then the one that asks") {
    Sometimes auth;
    const auto asked = auth.asked;
    Scripted<Sometimes> world{{.retry = at_once}, auth};
    world.script->then(200, good);
    world.script->then(200, good);
    const auto first = ok(world.invoke({.job_id = 0}));
    CHECK((*asked == std::vector<std::string>{"at hand?", "asked"}));
    CHECK(world.script->seen.back().headers.get("X-By") == "asking");
    CHECK(first.metrics.attempts == 1);
    CHECK(first.metrics.failed_attempts.empty());
    ok(world.invoke({.job_id = 0}));
    CHECK((*asked == std::vector<std::string>{"at hand?", "asked", "at hand?"}));
    CHECK(world.script->seen.back().headers.get("X-By") == "hand");
}

TEST_CASE("link: why a request could not be authorised is told, and nothing is sent") {
    Sometimes auth;
    auth.refuses = true;
    Scripted<Sometimes> world{{.retry = at_once}, auth};
    const auto error = failed(world.invoke({.job_id = 0}));
    CHECK(error.code == errc::authentication);
    CHECK(error.message == "no key");
    CHECK(error.execution == Execution::not_started);
    CHECK(world.script->seen.empty());
    REQUIRE(attempts_of(error).size() == 1);
    CHECK(error.metrics->attempts == 0);
}

}  // namespace link_test
