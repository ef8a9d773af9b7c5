#include "blueprint/faas/auth/token_cache.hpp"

#include "blueprint/faas/auth/token_schedule.hpp"
#include "blueprint/faas/detail/wait.hpp"
#include "blueprint/faas/secret.hpp"
#include "support/hand_clock.hpp"
#include "support/run.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace token_cache_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using tests::failed;
using tests::HandClock;
using tests::ok;

namespace {

constexpr TokenSchedule::Time begin{std::chrono::hours{24} * 365 * 55};

// A schedule with a token of an hour, fetched at `begin`. With jitter 0.5 it is refreshed 5 minutes before its end.
TokenSchedule with_token(std::chrono::milliseconds life = 1h) {
    TokenSchedule schedule;
    CHECK(schedule.next(begin) == TokenStep::fetch);
    schedule.fetched(begin, begin + life, 0.5);
    return schedule;
}

}  // namespace

TEST_CASE("token schedule: the first asker fetches, the others wait") {
    TokenSchedule schedule;
    CHECK(schedule.next(begin) == TokenStep::fetch);
    CHECK(schedule.next(begin) == TokenStep::wait);
    schedule.fetched(begin, begin + 1h, 0.5);
    CHECK(schedule.next(begin) == TokenStep::use);
}

TEST_CASE("token schedule: near its end a token is refreshed by one, used by all, and not used too late") {
    auto schedule = with_token();
    CHECK(schedule.next(begin + 54min + 59s) == TokenStep::use);
    CHECK(schedule.next(begin + 55min) == TokenStep::use_and_refresh);
    CHECK(schedule.next(begin + 55min) == TokenStep::use);
    CHECK(schedule.next(begin + 1h - 11s) == TokenStep::use);
    CHECK(schedule.next(begin + 1h - 9s) == TokenStep::wait);  // it would arrive too late
    schedule.fetched(begin + 1h - 5s, begin + 2h, 0.5);
    CHECK(schedule.next(begin + 1h) == TokenStep::use);
}

TEST_CASE("token schedule: a token of a few seconds is refreshed in its last quarter, spread by jitter") {
    auto schedule = with_token(4s);
    CHECK(schedule.next(begin + 2999ms) == TokenStep::use);
    CHECK(schedule.next(begin + 3000ms) == TokenStep::use_and_refresh);
    const auto first_refresh = [](double jitter) {
        TokenSchedule one;
        (void)one.next(begin);
        one.fetched(begin, begin + 4s, jitter);
        auto at = begin;
        while (one.next(at) == TokenStep::use) at += 1ms;
        return std::chrono::duration_cast<std::chrono::milliseconds>(at - begin);
    };
    CHECK((first_refresh(0.0) == 3250ms));
    CHECK((first_refresh(0.9999) >= 2750ms));
    CHECK((first_refresh(0.9999) < 2760ms));
}

TEST_CASE("token schedule: who gave a token may tell when it is worth another one, but not later than our own rule") {
    const auto first_refresh = [](TokenSchedule::Time told, double jitter) {
        TokenSchedule one;
        (void)one.next(begin);
        one.fetched(begin, begin + 1h, jitter, told);
        for (auto now = begin;; now += 1s)
            if (one.next(now) != TokenStep::use) return std::chrono::duration_cast<std::chrono::seconds>(now - begin);
    };
    CHECK(first_refresh(begin + 20min, 0) == 20min);
    CHECK(first_refresh(begin + 20min, 0.5) == 20min + 75s);  // spread, and never before what was told
    CHECK(first_refresh(begin + 59min, 0.5) == 55min);
    CHECK(first_refresh(begin + 2h, 0.5) == 55min);
    CHECK(first_refresh(begin - 1h, 0) == 0s);
}

TEST_CASE("token schedule: a failed refresh keeps the token, and is tried again after a pause that doubles") {
    auto schedule = with_token();
    auto at = begin + 55min;
    CHECK(schedule.next(at) == TokenStep::use_and_refresh);
    for (const auto pause : {375ms, 750ms, 1500ms, 3000ms, 6000ms, 12000ms, 22500ms, 22500ms}) {
        CAPTURE(pause.count());
        schedule.failed(at, std::nullopt, 0.5);
        CHECK(schedule.next(at) == TokenStep::use);
        CHECK(schedule.next(at + pause - 1ms) == TokenStep::use);
        at += pause;
        CHECK(schedule.next(at) == TokenStep::use_and_refresh);
    }
    schedule.failed(begin + 1h - 8s, std::nullopt, 0.5);
    CHECK(schedule.next(begin + 1h - 1s) == TokenStep::use);  // late, but better than nothing
    CHECK(schedule.next(begin + 1h) == TokenStep::fetch);     // without a token the pause is short
}

TEST_CASE("token schedule: without a token a failure is told to all for a second at most") {
    TokenSchedule schedule;
    auto at = begin;
    for (int i = 0; i < 10; ++i) {
        CHECK(schedule.next(at) == TokenStep::fetch);
        schedule.failed(at, std::nullopt, 0.99);
        CHECK(schedule.next(at) == TokenStep::pause);
        CHECK(schedule.pause_left(at) <= 1s);
        at += 1s;
    }
    schedule.failed(at, 7s, 0.5);  // the server says how long
    CHECK(schedule.next(at + 6999ms) == TokenStep::pause);
    CHECK(schedule.next(at + 7s) == TokenStep::fetch);
    schedule.failed(at, 24h, 0.5);
    CHECK((schedule.pause_left(at) == 5min));
}

TEST_CASE(
    "token schedule: a refused token is dropped, but a platform that refuses all of them empties no token server") {
    auto schedule = with_token();
    int dropped = 0;
    for (auto at = begin; at < begin + 100s; at += 100ms) {
        if (schedule.drop(at)) ++dropped;
        if (schedule.next(at) == TokenStep::fetch) schedule.fetched(at, at + 1h, 0.5);
    }
    CHECK(dropped >= 50);
    CHECK(dropped <= 5 + 50);
    CHECK(schedule.drop(begin + 200s));
    CHECK(schedule.next(begin + 200s) == TokenStep::fetch);
}

TEST_CASE("token schedule: a clock that is set back ends no token, lengthens no pause and asks for a fresh one") {
    auto schedule = with_token();
    CHECK(schedule.next(begin - 1h) == TokenStep::use_and_refresh);
    schedule.failed(begin, std::nullopt, 0.5);
    CHECK(schedule.next(begin - 1h) == TokenStep::use_and_refresh);
}

TEST_CASE("token schedule: a fetch that nobody wanted any more leaves no pause") {
    TokenSchedule schedule;
    CHECK(schedule.next(begin) == TokenStep::fetch);
    schedule.abandoned();
    CHECK(schedule.next(begin) == TokenStep::fetch);
}

namespace {

using Cache = TokenCache<Secret>;

// A token server under the test's hand: every fetch waits until the test says how it ends.
struct Server {
    explicit Server(asio::io_context& on) : io{on}, gate{on} { gate.expires_at(Deadline::max()); }

    Cache cache() {
        return Cache{io.get_executor(), [this] { return fetch(); }, TokenRules{}, clock};
    }
    asio::awaitable<Cache::Fetched> fetch() {
        const int number = ++fetches;
        ++running;
        most_running = std::max(most_running, running);
        while (outcomes.empty()) {
            const auto [stopped] = co_await gate.async_wait(asio::as_tuple(asio::use_awaitable));
            const auto state = co_await asio::this_coro::cancellation_state;
            if (state.cancelled() != asio::cancellation_type::none) {
                --running;
                ++cancelled;
                co_return Error{.code = errc::cancelled, .message = "the fetch was cancelled"};
            }
            static_cast<void>(stopped);
        }
        --running;
        auto outcome = std::move(outcomes.front());
        outcomes.pop_front();
        if (outcome) co_return std::move(*outcome);
        if (throwing) throw std::runtime_error{"out of luck"};
        co_return FetchedToken<Secret>{Secret{"token-" + std::to_string(number)}, clock.now() + 100s};
    }
    void answer(std::optional<Error> outcome = std::nullopt) {
        outcomes.push_back(std::move(outcome));
        gate.cancel();
    }
    // Lets everything happen that can happen by itself.
    void settle() {
        io.restart();
        while (io.poll() != 0) {
        }
    }

    asio::io_context& io;
    asio::steady_timer gate;
    HandClock clock;
    std::deque<std::optional<Error>> outcomes;
    int fetches = 0;
    int running = 0;
    int most_running = 0;
    int cancelled = 0;
    bool throwing = false;
};

// One call of `get` that a test can look at and cancel.
struct Asker {
    void ask(asio::io_context& io, Cache& cache, Deadline deadline = Deadline::max()) {
        asio::co_spawn(io, ask_coroutine(cache, deadline),
                       asio::bind_cancellation_slot(stop.slot(), [this](std::exception_ptr, result<Cache::Token> got) {
                           outcome = std::move(got);
                       }));
    }
    static asio::awaitable<result<Cache::Token>> ask_coroutine(Cache& cache, Deadline deadline) {
        co_await asio::this_coro::throw_if_cancelled(false);
        auto got = co_await cache.get(deadline);
        co_return got;
    }
    std::string token() const {
        if (!outcome) return "(waits)";
        if (!*outcome) return "(failed)";
        return std::string{(**outcome)->reveal()};
    }

    asio::cancellation_signal stop;
    std::optional<result<Cache::Token>> outcome;
};

const Error down{.code = errc::infrastructure, .message = "the token server is down", .retryable = true};

}  // namespace

TEST_CASE("token cache: a hundred that ask at once share one fetch, and later ones its token") {
    asio::io_context io;
    Server server{io};
    auto cache = server.cache();
    std::vector<Asker> askers(100);
    for (auto& one : askers) one.ask(io, cache);
    server.settle();
    CHECK(server.fetches == 1);
    CHECK(askers[0].token() == "(waits)");
    server.answer();
    server.settle();
    for (const auto& one : askers) CHECK(one.token() == "token-1");
    Asker late;
    late.ask(io, cache);
    server.settle();
    CHECK(late.token() == "token-1");
    CHECK(cache.ready()->reveal() == "token-1");
    CHECK(server.fetches == 1);
}

TEST_CASE("token cache: near its end the token is still used while one fetch renews it in the background") {
    asio::io_context io;
    Server server{io};
    auto cache = server.cache();
    Asker first;
    first.ask(io, cache);
    server.answer();
    server.settle();
    server.clock.advance(76s);
    Asker second;
    Asker third;
    second.ask(io, cache);
    third.ask(io, cache);
    server.settle();
    CHECK(second.token() == "token-1");
    CHECK(third.token() == "token-1");
    CHECK(server.fetches == 2);
    server.answer();
    server.settle();
    CHECK(cache.ready()->reveal() == "token-2");
    CHECK(server.fetches == 2);
    CHECK(server.most_running == 1);
}

TEST_CASE("token cache: a failed refresh is not felt while the token is good, and not repeated at once") {
    asio::io_context io;
    Server server{io};
    auto cache = server.cache();
    Asker first;
    first.ask(io, cache);
    server.answer();
    server.settle();
    server.clock.advance(76s);
    CHECK(cache.ready()->reveal() == "token-1");
    server.answer(down);
    server.settle();
    CHECK(server.fetches == 2);
    for (int i = 0; i < 10; ++i) CHECK(cache.ready()->reveal() == "token-1");
    server.settle();
    CHECK(server.fetches == 2);
    server.clock.advance(1s);
    CHECK(cache.ready()->reveal() == "token-1");
    server.answer();
    server.settle();
    CHECK(cache.ready()->reveal() == "token-3");
}

TEST_CASE("token cache: a failed fetch is told to all who waited, and for a moment to those who come after") {
    asio::io_context io;
    Server server{io};
    auto cache = server.cache();
    std::vector<Asker> askers(5);
    for (auto& one : askers) one.ask(io, cache);
    server.answer(down);
    server.settle();
    for (auto& one : askers) {
        REQUIRE(one.outcome);
        const auto error = failed(*one.outcome);
        CHECK(error.code == errc::infrastructure);
        CHECK(error.message == down.message);
        CHECK(error.execution == Execution::not_started);
    }
    Asker late;
    late.ask(io, cache);
    server.settle();
    REQUIRE(late.outcome);
    const auto error = failed(*late.outcome);
    CHECK(error.message == down.message);
    CHECK((error.retry_after == 375ms));
    CHECK(server.fetches == 1);
    server.clock.advance(400ms);
    Asker again;
    again.ask(io, cache);
    server.answer();
    server.settle();
    CHECK(again.token() == "token-2");
}

TEST_CASE("token cache: a fetch that throws is an error like any other") {
    asio::io_context io;
    Server server{io};
    auto cache = server.cache();
    server.throwing = true;
    Asker one;
    one.ask(io, cache);
    server.answer();
    server.settle();
    REQUIRE(one.outcome);
    CHECK(failed(*one.outcome).message.find("out of luck") != std::string::npos);
}

TEST_CASE("token cache: when the call that started the fetch is cancelled the others still get the token") {
    asio::io_context io;
    Server server{io};
    auto cache = server.cache();
    Asker starter;
    Asker other;
    starter.ask(io, cache);
    other.ask(io, cache);
    server.settle();
    starter.stop.emit(asio::cancellation_type::terminal);
    server.settle();
    REQUIRE(starter.outcome);
    CHECK(failed(*starter.outcome).code == errc::cancelled);
    CHECK(other.token() == "(waits)");
    server.answer();
    server.settle();
    CHECK(other.token() == "token-1");
    CHECK(server.cancelled == 0);
}

TEST_CASE("token cache: when all calls are cancelled so is the fetch, and the next call starts another at once") {
    asio::io_context io;
    Server server{io};
    auto cache = server.cache();
    Asker first;
    Asker second;
    first.ask(io, cache);
    second.ask(io, cache);
    server.settle();
    first.stop.emit(asio::cancellation_type::terminal);
    server.settle();
    CHECK(server.cancelled == 0);
    second.stop.emit(asio::cancellation_type::terminal);
    server.settle();
    CHECK(server.cancelled == 1);
    CHECK(server.running == 0);
    Asker third;
    third.ask(io, cache);
    server.answer();
    server.settle();
    CHECK(third.token() == "token-2");
}

TEST_CASE("token cache: who comes while the fetch is being cancelled takes over, whatever the moment") {
    int taken_over = 0;
    for (int steps = 0; steps < 10; ++steps) {
        CAPTURE(steps);
        asio::io_context io;
        Server server{io};
        auto cache = server.cache();
        Asker first;
        Asker second;
        first.ask(io, cache);
        server.settle();
        first.stop.emit(asio::cancellation_type::terminal);
        io.restart();
        for (int i = 0; i < steps; ++i) io.poll_one();
        asio::co_spawn(io, Asker::ask_coroutine(cache, Deadline::max()),
                       [&](std::exception_ptr, result<Cache::Token> got) { second.outcome = std::move(got); });
        server.settle();
        CHECK(server.running == 1);
        server.answer();
        server.settle();
        CHECK(second.token() == "token-" + std::to_string(server.fetches));
        taken_over += server.cancelled;
    }
    CHECK(taken_over > 0);
}

TEST_CASE("token cache: nobody waits beyond his own deadline, and the fetch goes on for the next") {
    asio::io_context io;
    Server server{io};
    auto cache = server.cache();
    Asker hurried;
    hurried.ask(io, cache, deadline_after(5ms));
    io.restart();
    while (!hurried.outcome && io.run_one() != 0) {
    }
    REQUIRE(hurried.outcome);
    const auto error = failed(*hurried.outcome);
    CHECK(error.code == errc::timed_out);
    CHECK(error.execution == Execution::not_started);
    CHECK(server.running == 1);
    server.answer();
    server.settle();
    CHECK(cache.ready()->reveal() == "token-1");
    CHECK(server.fetches == 1);
}

TEST_CASE("token cache: a refused token is dropped once, and a newer one stays") {
    asio::io_context io;
    Server server{io};
    auto cache = server.cache();
    Asker first;
    first.ask(io, cache);
    server.answer();
    server.settle();
    const auto used = [](std::string_view text) {
        return [text](const Secret& kept) { return kept.reveal() == text; };
    };
    CHECK(cache.invalidate(used("token-1")));
    CHECK(cache.ready() == nullptr);
    server.answer();
    server.settle();
    CHECK(cache.ready()->reveal() == "token-2");
    CHECK(cache.invalidate(used("token-1")));  // a slower call: a better one is there already
    CHECK(cache.ready()->reveal() == "token-2");
    CHECK(server.fetches == 2);
}

TEST_CASE("token cache: who waited for tokens that are refused before he sees them waits for one that stays") {
    asio::io_context io;
    HandClock clock;
    std::optional<Cache> cache;
    int fetches = 0;
    int drops = 0;
    const auto fetch = [&]() -> asio::awaitable<Cache::Fetched> {
        const auto number = std::to_string(++fetches);
        // As if a call that was under way with this very token were refused just as it comes.
        asio::post(io, [&] { drops += cache->invalidate([](const Secret&) { return true; }) ? 1 : 0; });
        co_return FetchedToken<Secret>{Secret{"token-" + number}, clock.now() + 100s};
    };
    cache.emplace(io.get_executor(), fetch, TokenRules{}, clock);
    Asker asker;
    asker.ask(io, *cache);
    for (io.restart(); io.poll() != 0;) {
    }
    CHECK(drops == 5);
    CHECK(asker.token() == "token-6");  // no more than so many are dropped in a row
}

TEST_CASE("token cache: a source that says it was cancelled when nobody cancelled it does not make a call cancelled") {
    asio::io_context io;
    HandClock clock;
    int fetches = 0;
    const auto fetch = [&]() -> asio::awaitable<Cache::Fetched> {
        ++fetches;
        co_return Error{.code = errc::cancelled, .message = "out of a mood"};
    };
    Cache cache{io.get_executor(), fetch, TokenRules{}, clock};
    Asker asker;
    asker.ask(io, cache);
    for (io.restart(); io.poll() != 0;) {
    }
    REQUIRE(asker.outcome);
    const auto error = failed(*asker.outcome);
    CHECK(error.code == errc::infrastructure);
    CHECK(error.retryable);
    CHECK(error.execution == Execution::not_started);
    CHECK(fetches == 3);
}

TEST_CASE("token cache: goes while a fetch is under way, which is cancelled and touches nothing of it") {
    asio::io_context io;
    Server server{io};
    {
        auto cache = server.cache();
        CHECK(cache.ready() == nullptr);
        server.settle();
        CHECK(server.running == 1);
    }
    server.settle();
    CHECK(server.running == 0);
    CHECK(server.cancelled == 1);
}

TEST_CASE("token cache: an io_context that goes with a fetch and a waiting call in it leaves nothing behind") {
    auto io = std::make_unique<asio::io_context>();
    auto server = std::make_unique<Server>(*io);
    std::unique_ptr<Cache> cache{new Cache(server->cache())};
    Asker asker;
    asker.ask(*io, *cache);
    server->settle();
    CHECK(server->running == 1);
    cache.reset();
    server.reset();
    io.reset();
    CHECK_FALSE(asker.outcome);
}

namespace {

asio::awaitable<Cache::Fetched> quick_fetch(const HandClock& clock, std::atomic<int>& fetches,
                                            std::atomic<int>& running, std::atomic<bool>& overlapped) {
    if (++running > 1) overlapped = true;
    const bool waited = co_await detail::wait_for(1ms);
    static_cast<void>(waited);
    const int number = ++fetches;
    --running;
    if (number % 7 == 0) co_return down;
    co_return FetchedToken<Secret>{Secret{"token-" + std::to_string(number)}, clock.now() + 10s};
}

asio::awaitable<void> worker(Cache& cache, HandClock& clock, std::atomic<int>& good, int number) {
    co_await asio::this_coro::throw_if_cancelled(false);
    for (int i = 0; i < 200; ++i) {
        auto got = co_await cache.get(deadline_after(20ms));
        if (!got) continue;
        if ((*got)->reveal().starts_with("token-")) ++good;
        if ((i + number) % 50 == 0) {
            const auto used = *got;
            static_cast<void>(cache.invalidate([&](const Secret& kept) { return kept == *used; }));
        }
        if (i % 20 == 0) clock.advance(300ms);
    }
}

}  // namespace

TEST_CASE("token cache: serves four threads, one fetch at a time") {
    asio::io_context io{4};
    HandClock clock;
    std::atomic<int> fetches{0};
    std::atomic<int> running{0};
    std::atomic<int> good{0};
    std::atomic<bool> overlapped{false};
    Cache cache{io.get_executor(), [&] { return quick_fetch(clock, fetches, running, overlapped); },
                TokenRules{.first_pause = 1ms, .max_bare_pause = 1ms}, clock};
    for (int i = 0; i < 32; ++i) asio::co_spawn(io, worker(cache, clock, good, i), [](std::exception_ptr) {});
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { io.run(); });
    threads.clear();
    CHECK(good > 32 * 100);
    CHECK(fetches > 3);
    CHECK_FALSE(overlapped);
}

}  // namespace token_cache_test
