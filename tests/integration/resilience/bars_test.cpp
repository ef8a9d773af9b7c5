#include "blueprint/faas/provider/custom.hpp"
#include "blueprint/faas/resilience/failover.hpp"
#include "blueprint/faas/resilience/hedging.hpp"
#include "blueprint/faas/start.hpp"
#include "blueprint/faas/transport/loopback.hpp"
#include "peer.hpp"
#include "support/raw_peer.hpp"
#include "support/run.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace blueprint::faas;
using namespace std::chrono_literals;
using tests::CountingPeer;
using tests::json_answer;

namespace {

const std::string good = json_answer(R"({"result":[7]})");
const std::string unavailable = json_answer(R"({"code":"UNAVAILABLE","error":"down"})", "503 Service Unavailable");
const std::string too_many = json_answer(R"({"code":"THROTTLED","error":"slow down"})", "429 Too Many Requests");
const std::string unauthorized = json_answer(R"({"code":"UNAUTHORIZED","error":"expired"})", "401 Unauthorized");

// A credential that always says that there is another one.
class Renewable {
public:
    static constexpr bool reveals_secret = false;
    asio::awaitable<result<void>> authorize(HttpRequest&, auto) { co_return result<void>{}; }
    bool invalidate() noexcept { return true; }
};
using Client = FaasExecutor<LoopbackTransport, Renewable, CustomCodec<>>;

Client client(asio::io_context& io, const std::string& url, const StandardResilience& resilience = {}) {
    return Client{LoopbackTransport{io.get_executor()}, Renewable{}, CustomCodec<>{{.base_url = url}}, resilience};
}

struct Load {
    std::size_t calls = 0;
    std::size_t ended = 0;
    std::size_t succeeded = 0;
    std::uint64_t attempts = 0;
};

// Starts 1,000 calls a second for as long, whatever becomes of them, and waits for their ends.
asio::awaitable<void> load(Client& executor, std::chrono::milliseconds length, Load& load) {
    const auto io = co_await asio::this_coro::executor;
    asio::steady_timer tick{io};
    const auto began = std::chrono::steady_clock::now();
    const auto total = static_cast<std::size_t>(length.count());
    while (load.calls < total) {
        tick.expires_after(1ms);
        co_await tick.async_wait(asio::use_awaitable);
        const auto due =
            std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
        while (load.calls < total && load.calls < static_cast<std::size_t>(due.count())) {
            ++load.calls;
            start(executor, executor.invoke_with_metrics({.job_id = 1, .timeout = 20s, .idempotent = true}),
                  [&load](result<Invocation> outcome) {
                      ++load.ended;
                      if (outcome) ++load.succeeded;
                      load.attempts += outcome ? outcome->metrics.attempts : outcome.error().metrics->attempts;
                  });
        }
    }
    while (load.ended < load.calls) {
        tick.expires_after(1ms);
        co_await tick.async_wait(asio::use_awaitable);
    }
}

void run_until_done(asio::io_context& io, asio::awaitable<void> work) {
    bool done = false;
    asio::co_spawn(io, std::move(work), [&](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
        done = true;
    });
    while (!done && io.run_one() != 0) {
    }
    REQUIRE(done);
}

}  // namespace

TEST_CASE("resilience: in total failure at 1,000 calls/s at most 1.2 requests a call reach the platform") {
    struct Row {
        std::string_view name;
        std::string answer;
        bool breaker;
        bool gone;
    };
    const Row rows[] = {
        {"503", unavailable, false, false},
        {"429", too_many, false, false},
        {"401 with credentials that can be renewed", unauthorized, false, false},
        {"connections closed without an answer", "", false, false},
        {"connections refused", "", false, true},
        {"503, circuit breaker on", unavailable, true, false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        asio::io_context io;
        CountingPeer peer{io, row.answer};
        if (row.gone) peer.go_away();
        ResilienceOptions options;
        if (row.breaker) options.breaker = BreakerOptions{};
        auto executor = client(io, peer.url(), StandardResilience{options});
        Load calls;
        run_until_done(io, load(executor, 3s, calls));
        // A refused connection never comes to the peer: there the client's own count has to do.
        const auto requests = row.gone ? calls.attempts : peer.requests();
        std::printf("%-42.*s %zu calls, %llu requests: %.3f a call\n", static_cast<int>(row.name.size()),
                    row.name.data(), calls.calls, static_cast<unsigned long long>(requests),
                    static_cast<double>(requests) / static_cast<double>(calls.calls));
        CHECK(calls.calls == 3000);
        CHECK(calls.succeeded == 0);
        CHECK(requests * 10 <= calls.calls * 12);
        if (row.breaker) {
            CHECK(requests <= calls.calls / 10);
        } else {
            CHECK(requests > calls.calls);
            CHECK(requests == calls.attempts);
        }
    }
}

namespace {

// Workers that call one after the other, and what they saw.
struct Traffic {
    bool stop = false;
    std::size_t running = 0;
    std::size_t failed = 0;
    std::size_t succeeded = 0;
    std::optional<Moment> first_failure{};
    std::optional<Moment> second_served{};
};

template <class E>
asio::awaitable<void> work(E& executor, const CountingPeer& second, Traffic& traffic) {
    ++traffic.running;
    while (!traffic.stop) {
        JobCall call{.job_id = 1, .timeout = 10s};
        const auto before = second.requests();
        const auto outcome = co_await executor.invoke(std::move(call));
        const auto now = std::chrono::steady_clock::now();
        if (outcome) {
            ++traffic.succeeded;
            if (second.requests() > before && !traffic.second_served) traffic.second_served = now;
        } else {
            ++traffic.failed;
            if (!traffic.first_failure) traffic.first_failure = now;
        }
        const bool waited = co_await detail::wait_for(std::chrono::milliseconds{1});
        if (!waited) break;
    }
    --traffic.running;
}

template <class Until>
asio::awaitable<bool> until(Until reached, std::chrono::milliseconds patience) {
    const auto deadline = deadline_after(patience);
    while (!reached()) {
        if (time_left(deadline).count() == 0) co_return false;
        const bool waited = co_await detail::wait_for(std::chrono::milliseconds{1});
        if (!waited) co_return false;
    }
    co_return true;
}

}  // namespace

TEST_CASE("resilience: at most 20 calls fail and 1 s passes until the second executor serves, and back again") {
    for (const std::string_view how : {"503", "closed without an answer", "refused"}) {
        CAPTURE(how);
        asio::io_context io;
        CountingPeer first{io, good};
        CountingPeer second{io, good};
        auto a = client(io, first.url());
        auto b = client(io, second.url());
        Failover both{FailoverOptions{.breaker = {.consecutive_failures = 5, .open_for = 500ms}}, a, b};
        Traffic traffic;
        for (int i = 0; i < 8; ++i)
            asio::co_spawn(io, work(both, second, traffic), [](std::exception_ptr failure) {
                if (failure) std::rethrow_exception(failure);
            });
        struct Play {
            static asio::awaitable<void> act(CountingPeer& first, CountingPeer& second, Traffic& traffic,
                                             std::string_view how) {
                // Busy and well for a while, which a ratio of failures alone would have to outweigh.
                bool reached = co_await until([&] { return traffic.succeeded >= 2'000; }, 60s);
                CHECK(reached);
                CHECK(second.requests() == 0);
                CHECK(traffic.failed == 0);
                const auto broke = std::chrono::steady_clock::now();
                if (how == "503") first.answer(unavailable);
                if (how == "refused") first.go_away();
                if (how == "closed without an answer") first.hang_up();
                const auto asked_then = first.requests();
                reached = co_await until([&] { return traffic.second_served.has_value(); }, 60s);
                CHECK(reached);
                const auto began = traffic.first_failure.value_or(broke);
                const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
                    traffic.second_served.value_or(Moment::max()) - std::min(began, broke));
                reached = co_await until([&] { return second.requests() >= 500; }, 60s);
                CHECK(reached);
                std::printf("%-26.*s %zu calls failed, %lld ms until the second served\n", static_cast<int>(how.size()),
                            how.data(), traffic.failed, static_cast<long long>(took.count()));
                CHECK(traffic.failed <= 20);
                CHECK(took <= 1s);
                CHECK(first.requests() - asked_then <= 20);

                how == "refused" ? first.come_back() : first.answer(good);
                const auto failed_then = traffic.failed;
                const auto recovered = first.requests();
                reached = co_await until([&] { return first.requests() >= recovered + 500; }, 60s);
                CHECK(reached);
                CHECK(traffic.failed == failed_then);
                const auto second_then = second.requests();
                reached = co_await until([&] { return first.requests() >= recovered + 1'000; }, 60s);
                CHECK(reached);
                CHECK(second.requests() - second_then <= 8);  // what was under way
                traffic.stop = true;
                reached = co_await until([&] { return traffic.running == 0; }, 60s);
                CHECK(reached);
            }
        };
        run_until_done(io, Play::act(first, second, traffic, how));
        CHECK(both.state(0) == BreakerState::closed);
    }
}

namespace {

// A platform of which every hundredth answer takes ten times as long as the slowest of the others. A call's bytes come
// back with a mark of which answer they are: 1 for a slow one.
class Slowish {
public:
    explicit Slowish(asio::io_context& io) : io_{io.get_executor()} {}
    std::string_view provider_name() const { return "slowish"; }
    asio::any_io_executor get_executor() const { return io_; }
    asio::awaitable<result<JobResult>> invoke(JobCall call) {
        auto done = co_await invoke_with_metrics(std::move(call));
        if (!done) co_return std::move(done).error();
        co_return std::move(done->result);
    }
    asio::awaitable<result<Invocation>> invoke_with_metrics(JobCall call) {
        co_await asio::this_coro::throw_if_cancelled(false);
        ++calls;
        state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
        const bool slow = (state_ >> 33U) % 100 == 0;
        const auto ordinary = 2 + (state_ >> 43U) % 9;  // 2 to 10 ms
        const bool waited = co_await detail::wait_for(std::chrono::milliseconds{slow ? 100 : ordinary});
        if (!waited) co_return Error{.code = errc::cancelled, .message = "cancelled"};
        Invocation done;
        done.result.job_id = call.job_id;
        done.result.outcome = Bytes(1, slow ? 1 : 0);
        done.result.ran_on = provider_name();
        co_return done;
    }
    std::size_t calls = 0;

private:
    asio::any_io_executor io_;
    std::uint64_t state_ = 42;
};

template <class E>
asio::awaitable<void> call_in_turn(E& executor, std::size_t calls, std::size_t& slow, std::size_t& left) {
    for (std::size_t i = 0; i < calls; ++i) {
        JobCall call{.job_id = 1, .idempotent = true};
        const auto outcome = co_await executor.invoke(std::move(call));
        if (!outcome || *outcome->outcome != Bytes(1, 0)) ++slow;
    }
    --left;
}

template <class E>
std::size_t slow_answers(asio::io_context& io, E& executor, std::size_t workers, std::size_t calls) {
    std::size_t slow = 0;
    std::size_t left = workers;
    for (std::size_t i = 0; i < workers; ++i)
        asio::co_spawn(io, call_in_turn(executor, calls, slow, left), [](std::exception_ptr failure) {
            if (failure) std::rethrow_exception(failure);
        });
    io.restart();
    io.run();
    REQUIRE(left == 0);
    return slow;
}

}  // namespace

TEST_CASE("resilience: hedging keeps slow answers out of 99.9 % of the calls at no more than 5 % further ones") {
    asio::io_context io;
    Slowish plain{io};
    const auto slow_plain = slow_answers(io, plain, 32, 625);
    Slowish platform{io};
    Hedged quick{platform};
    const auto slow_hedged = slow_answers(io, quick, 32, 625);
    const auto statistics = quick.statistics();
    std::printf("of 20000 calls %zu had a slow answer, hedged %zu; %.2f %% further calls, quantile %lld us\n",
                slow_plain, slow_hedged, 100.0 * static_cast<double>(platform.calls - 20'000) / 20'000,
                static_cast<long long>(statistics.quantile.count()));
    CHECK(slow_plain >= 150);
    CHECK(slow_hedged <= 20);
    CHECK(plain.calls == 20'000);
    CHECK(statistics.calls == 20'000);
    CHECK(platform.calls == statistics.calls + statistics.hedged);
    CHECK(platform.calls <= 21'000);
    CHECK(statistics.won >= 100);
}
