#include "blueprint/faas/transport/impl/pool.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace pool_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;

namespace {

// A connection is a number here, and so is whoever waits; 0 is none.
struct Handle {
    int number = 0;
    Handle() = default;
    Handle(int n) : number{n} {}
    Handle(Handle&& other) noexcept : number{std::exchange(other.number, 0)} {}
    Handle& operator=(Handle&& other) noexcept {
        number = std::exchange(other.number, 0);
        return *this;
    }
};
using Pool = detail::Pool<Handle, int>;
using Lease = Pool::Lease;

const Origin a{.host = "a.example"};
const Origin b{.host = "b.example"};

// A pool with a clock of its own.
struct Fixture {
    explicit Fixture(detail::PoolLimits limits) : pool{limits} {}

    bool take(const Origin& origin, Lease& lease) { return pool.take(origin, now, lease, dropped); }
    // Opens a connection: takes a place that must be free and have no connection yet.
    Lease open(const Origin& origin, int connection) {
        Lease lease;
        REQUIRE(take(origin, lease));
        REQUIRE(lease.item.number == 0);
        lease.item.number = connection;
        return lease;
    }
    int give_back(Lease lease) { return pool.give_back(std::move(lease), opened, now, dropped); }
    int reuse(const Origin& origin) {
        Lease lease;
        REQUIRE(take(origin, lease));
        const int connection = lease.item.number;
        held.push_back(std::move(lease));
        return connection;
    }
    std::vector<int> closed() {
        std::vector<int> numbers;
        for (const auto& handle : dropped) numbers.push_back(handle.number);
        dropped.clear();
        return numbers;
    }

    Pool pool;
    Deadline now{1000s};
    Deadline opened{1000s};
    std::vector<Handle> dropped;
    std::vector<Lease> held;
};

}  // namespace

TEST_CASE("pool: the connection used last is given out first, and each origin has its own") {
    Fixture at{{}};
    auto one = at.open(a, 1);
    auto two = at.open(a, 2);
    auto three = at.open(b, 3);
    for (auto* lease : {&one, &three, &two}) CHECK(at.give_back(std::move(*lease)) == 0);
    CHECK(at.pool.idle() == 3);
    CHECK(at.reuse(a) == 2);
    CHECK(at.reuse(a) == 1);
    CHECK(at.reuse(a) == 0);  // leave to open a third
    CHECK(at.reuse(b) == 3);
    CHECK(at.pool.idle() == 0);
    CHECK(at.pool.busy() == 4);
}

TEST_CASE("pool: at the bound who comes is told so, opening connections count, and other origins are free") {
    Fixture at{{.max_per_origin = 2}};
    Lease opening;
    REQUIRE(at.take(a, opening));
    at.held.push_back(at.open(a, 1));
    Lease third;
    CHECK_FALSE(at.take(a, third));
    CHECK(third.place == nullptr);
    CHECK(at.take(b, third));
}

TEST_CASE("pool: who waits longest is served first, with a connection or with the place of a closed one") {
    Fixture at{{.max_per_origin = 2}};
    auto one = at.open(a, 1);
    auto two = at.open(a, 2);
    std::list<Pool::Waiter> waiters;
    for (const int bell : {11, 12, 13}) {
        Lease none;
        REQUIRE_FALSE(at.take(a, none));
        at.pool.queue(a, waiters.emplace_back(Pool::Waiter{.bell = bell}));
    }
    CHECK(at.pool.waiting() == 3);
    CHECK(at.give_back(std::move(one)) == 11);
    CHECK(at.pool.release(std::move(two)) == 12);
    auto waiter = waiters.begin();
    CHECK(waiter->granted.item.number == 1);
    CHECK((++waiter)->granted.item.number == 0);
    CHECK(waiter->granted.place != nullptr);
    CHECK_FALSE(waiter->queued);
    CHECK((++waiter)->queued);
    CHECK(at.pool.busy() == 2);

    Lease newcomer;
    CHECK_FALSE(at.take(a, newcomer));  // nobody passes the third
    CHECK(at.give_back(std::move(waiters.front().granted)) == 13);
}

TEST_CASE("pool: one who left gets nothing, and what was granted just before he left stays his to give on") {
    Fixture at{{.max_per_origin = 1}};
    auto one = at.open(a, 1);
    Pool::Waiter first{.bell = 11};
    Pool::Waiter second{.bell = 12};
    Pool::Waiter third{.bell = 13};
    for (auto* waiter : {&first, &second, &third}) at.pool.queue(a, *waiter);
    at.pool.leave(second);
    CHECK(second.granted.place == nullptr);
    CHECK(at.give_back(std::move(one)) == 11);
    at.pool.leave(first);  // too late: it has been served
    REQUIRE(first.granted.place != nullptr);
    CHECK(at.give_back(std::move(first.granted)) == 13);
    CHECK(third.granted.item.number == 1);
    CHECK(at.pool.waiting() == 0);
}

TEST_CASE("pool: what was idle too long is dropped from the old end, of whatever origin, and each once") {
    Fixture at{{.max_idle_time = 50s}};
    auto one = at.open(a, 1);
    auto two = at.open(b, 2);
    auto three = at.open(a, 3);
    at.give_back(std::move(one));
    at.now += 10s;
    at.give_back(std::move(two));
    at.now += 20s;
    at.give_back(std::move(three));
    at.now += 30s;
    CHECK(at.reuse(a) == 3);  // 30 s old; 1 and 2 are 60 s and 50 s old
    CHECK(at.closed() == std::vector<int>{1, 2});
    CHECK(at.pool.idle() == 0);
    CHECK(at.pool.origins() == 1);  // b has no place left, so nothing of it is kept
}

TEST_CASE("pool: a connection beyond its age is closed when it comes back and when it is asked for") {
    Fixture at{{.max_idle_time = 1h, .max_age = 100s}};
    auto one = at.open(a, 1);
    auto two = at.open(a, 2);
    at.give_back(std::move(one));
    at.now += 100s;
    at.give_back(std::move(two));
    CHECK(at.closed() == std::vector<int>{2});
    CHECK(at.reuse(a) == 0);
    CHECK(at.closed() == std::vector<int>{1});
    CHECK(at.pool.busy() == 1);
}

TEST_CASE("pool: a place whose connection grew too old goes to who waits, to open a new one") {
    Fixture at{{.max_per_origin = 1, .max_age = 100s}};
    auto one = at.open(a, 1);
    Pool::Waiter waiter{.bell = 11};
    at.pool.queue(a, waiter);
    at.now += 100s;
    CHECK(at.give_back(std::move(one)) == 11);
    CHECK(waiter.granted.place != nullptr);
    CHECK(waiter.granted.item.number == 0);
    CHECK(at.closed() == std::vector<int>{1});
}

TEST_CASE("pool: beyond `max_idle` the one idle for longest goes, of whatever origin") {
    Fixture at{{.max_idle = 2}};
    auto one = at.open(a, 1);
    auto two = at.open(b, 2);
    auto three = at.open(b, 3);
    for (auto* lease : {&one, &two, &three}) at.give_back(std::move(*lease));
    CHECK(at.closed() == std::vector<int>{1});
    CHECK(at.pool.idle() == 2);
    CHECK(at.pool.origins() == 1);
}

TEST_CASE("pool: one who finds his connection dead gets another idle one, or leave to open one") {
    Fixture at{{.max_per_origin = 2}};
    auto one = at.open(a, 1);
    auto two = at.open(a, 2);
    at.give_back(std::move(one));
    at.give_back(std::move(two));
    Lease lease;
    REQUIRE(at.take(a, lease));
    lease.item = Handle{};  // 2 was dead
    at.pool.replace(lease, at.now, at.dropped);
    CHECK(lease.item.number == 1);
    CHECK(at.pool.busy() == 1);
    lease.item = Handle{};
    at.pool.replace(lease, at.now, at.dropped);
    CHECK(lease.item.number == 0);
    CHECK(lease.place != nullptr);
    CHECK(at.pool.busy() == 1);
    Lease other;
    CHECK(at.take(a, other));  // the second place is free again
    Lease third;
    CHECK_FALSE(at.take(a, third));
}

TEST_CASE("pool: in 100,000 random steps nobody waits while a place is free, and no place is lost or given twice") {
    constexpr std::size_t bound = 3;
    Fixture at{{.max_per_origin = bound, .max_idle = 4, .max_idle_time = 5s, .max_age = 40s}};
    const Origin origins[] = {a, b};
    std::mt19937 random{7};
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    struct Busy {
        std::size_t origin;
        Lease lease;
    };
    struct Waiting {
        std::size_t origin;
        Pool::Waiter waiter{};
    };
    std::vector<Busy> busy;
    std::list<Waiting> waiting;
    int connections = 0;
    int bells = 0;
    for (int step = 0; step < 100'000; ++step) {
        int bell = 0;
        switch (below(8)) {
            case 0:
            case 1:
            case 2: {
                const auto origin = below(2);
                Lease lease;
                if (at.take(origins[origin], lease)) {
                    busy.push_back({origin, std::move(lease)});
                } else if (waiting.size() < 20) {
                    waiting.push_back({.origin = origin});
                    waiting.back().waiter.bell = ++bells;
                    at.pool.queue(origins[origin], waiting.back().waiter);
                }
                break;
            }
            case 3: at.now += std::chrono::seconds{below(3)}; break;
            case 4:
                if (!waiting.empty()) {
                    const auto left = std::next(waiting.begin(), static_cast<std::ptrdiff_t>(below(waiting.size())));
                    at.pool.leave(left->waiter);
                    REQUIRE(left->waiter.granted.place == nullptr);
                    waiting.erase(left);
                }
                break;
            default:
                if (!busy.empty()) {
                    std::swap(busy[below(busy.size())], busy.back());
                    auto done = std::move(busy.back());
                    busy.pop_back();
                    const bool has = done.lease.item.number != 0 || below(3) != 0;
                    if (has && done.lease.item.number == 0) done.lease.item.number = ++connections;
                    bell = has && below(4) != 0
                               ? at.pool.give_back(std::move(done.lease), at.now - std::chrono::seconds{below(60)},
                                                   at.now, at.dropped)
                               : at.pool.release(std::move(done.lease));
                    if (bell != 0) {  // it is the oldest of that origin, or the order is broken
                        auto first = waiting.begin();
                        while (first->origin != done.origin) ++first;
                        REQUIRE(first->waiter.bell == bell);
                        REQUIRE(first->waiter.granted.place != nullptr);
                        busy.push_back({first->origin, std::move(first->waiter.granted)});
                        waiting.erase(first);
                    }
                }
        }
        std::size_t used[2] = {};
        for (const auto& one : busy) ++used[one.origin];
        REQUIRE(at.pool.busy() == busy.size());
        REQUIRE(at.pool.waiting() == waiting.size());
        REQUIRE(at.pool.idle() <= 4);
        for (const auto& one : waiting) REQUIRE(used[one.origin] == bound);
        at.dropped.clear();
    }
}

}  // namespace pool_test
