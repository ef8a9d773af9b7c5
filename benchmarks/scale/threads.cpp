#include "blueprint/faas/transport/https.hpp"
#include "blueprint/faas/transport/loopback.hpp"
#include "run/mock_platform.hpp"
#include "scale/memory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <malloc.h>
#include <memory>
#include <thread>
#include <type_traits>

namespace bench {

namespace {

constexpr std::size_t in_flight = 64;  // all threads together

// One io_context and an executor of its own. `Make` makes it out of one of Asio.
template <class Make>
struct Engine {
    explicit Engine(const Make& make, int threads = 1) : io{threads}, executor{make(io.get_executor())} {}

    void start(std::size_t loops, std::size_t calls) {
        running = loops;
        for (std::size_t i = 0; i < loops; ++i)
            asio::co_spawn(io, call_in_turn(executor, calls), [this](std::exception_ptr failure) {
                if (failure) std::rethrow_exception(failure);
                if (running.fetch_sub(1) == 1) io.stop();  // the pool's timers would go on
            });
        io.restart();
    }

    asio::io_context io;
    std::invoke_result_t<Make, asio::any_io_executor> executor;
    std::atomic<std::size_t> running{0};
};

struct Seen {
    std::vector<double> rates{}, cpu_us{};
};

// Lets so many engines make `calls` calls each of `in_flight` at once, each by so many threads.
template <class Make>
void run(std::vector<std::unique_ptr<Engine<Make>>>& engines, int threads_each, std::size_t calls, Seen& seen) {
    const auto cpu = cpu_time();
    const auto began = Clock::now();
    std::vector<std::thread> threads;
    for (auto& engine : engines) {
        engine->start(in_flight / engines.size(), calls);
        for (int i = 0; i < threads_each; ++i) threads.emplace_back([&engine] { engine->io.run(); });
    }
    for (auto& thread : threads) thread.join();
    const std::chrono::duration<double> took = Clock::now() - began;
    const auto made = static_cast<double>(calls * in_flight);
    seen.rates.push_back(made / took.count());
    seen.cpu_us.push_back(static_cast<double>((cpu_time() - cpu).count()) / 1000 / made);
}

template <class Make>
auto engines_of(const Make& make, std::size_t count, int threads_each) {
    std::vector<std::unique_ptr<Engine<Make>>> engines;
    for (std::size_t i = 0; i < count; ++i) engines.push_back(std::make_unique<Engine<Make>>(make, threads_each));
    return engines;
}

// The ways to use two cores. `MakeAlone` makes an executor for one thread that takes no locks.
template <class Make, class MakeAlone>
void measure(Table& table, const std::string& where, const Make& make, const MakeAlone& make_alone, std::size_t calls) {
    constexpr std::size_t rounds = 3;
    auto one = engines_of(make, 1, 1);
    auto one_alone = engines_of(make_alone, 1, 1);
    auto two = engines_of(make, 2, 1);
    auto two_alone = engines_of(make_alone, 2, 1);
    auto shared = engines_of(make, 1, 2);
    Seen seen[5];
    for (std::size_t round = 0; round <= rounds; ++round) {
        run(one, 1, calls, seen[0]);
        run(one_alone, 1, calls, seen[1]);
        run(two, 1, calls, seen[2]);
        run(two_alone, 1, calls, seen[3]);
        run(shared, 2, calls, seen[4]);
        if (round == 0)  // connections are made
            for (auto& each : seen) each = Seen{};
    }
    const char* const names[] = {"1 thread", "1 thread, no locks", "2 threads, an executor each",
                                 "2 threads, an executor each, no locks", "2 threads, one executor"};
    for (std::size_t i = 0; i < std::size(names); ++i)
        table.rows.push_back({where + ": " + names[i],
                              {{"calls_per_s", median(seen[i].rates)},
                               {"vs_1_thread", median(seen[i].rates) / median(seen[0].rates)},
                               {"cpu_us", median(seen[i].cpu_us)}}});
}

// The memory that this process holds at the moment.
double held_kib() {
#if defined(__GLIBC__)
    const auto info = ::mallinfo2();
    return static_cast<double>(info.uordblks + info.hblkhd) / 1024;
#else
    return peak_kib();
#endif
}

// Opens `count` connections at once, each for one call, and tells of each: KiB at the peak, KiB once it is idle, and
// CPU microseconds.
template <class Transport>
std::vector<double> open_many(asio::io_context& io, Transport transport, const std::string& url, std::size_t count) {
    auto executor = make_executor(transport, url);
    const auto call = [&](std::size_t calls) {
        std::size_t running = calls;
        for (std::size_t i = 0; i < calls; ++i)
            asio::co_spawn(io, call_in_turn(executor, 1), [&](std::exception_ptr failure) {
                if (failure) std::rethrow_exception(failure);
                if (--running == 0) io.stop();
            });
        io.restart();
        io.run();
    };
    call(1);
    const double base = peak_kib();
    const double base_held = held_kib();
    const auto cpu = cpu_time();
    call(count);
    const auto took = static_cast<double>((cpu_time() - cpu).count()) / 1000;
    const auto statistics = transport.statistics();
    if (statistics.idle_connections < count) fail("not every call had a connection of its own");
    const auto connections = static_cast<double>(count);
    return {(peak_kib() - base) / connections, (held_kib() - base_held) / connections, took / connections};
}

// Calls one after the other, each over a connection that is opened for it, and tells the CPU microseconds of each, and
// which share of the handshakes was short.
template <class Transport>
std::vector<double> open_again(asio::io_context& io, Transport transport, const std::string& url, std::size_t count) {
    auto executor = make_executor(transport, url);
    const auto cpu = cpu_time();
    asio::co_spawn(io, call_in_turn(executor, count), [&](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
        io.stop();
    });
    io.run();
    const auto took = static_cast<double>((cpu_time() - cpu).count()) / 1000;
    return {took / static_cast<double>(count),
            static_cast<double>(transport.statistics().tls_resumptions) / static_cast<double>(count)};
}

std::string url_of(const MockPlatform& mock, bool tls) {
    return (tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(mock.port(tls));
}

}  // namespace

Table measure_threads() {
    Table table{"threads", "64 calls in flight, all threads together: wall-clock rate, and CPU time of the client", {}};
    const auto instant = [](asio::any_io_executor io) { return make_instant_executor(std::move(io)); };
    measure(table, "memory", instant, instant, 200);
    const MockPlatform mock;
    const auto plain = [&](asio::any_io_executor io) {
        return make_executor(faas::LoopbackTransport{std::move(io)}, url_of(mock, false));
    };
    const auto plain_alone = [&](asio::any_io_executor io) {
        return make_executor(faas::BasicLoopbackTransport<faas::SingleThread>{std::move(io)}, url_of(mock, false));
    };
    measure(table, "plain", plain, plain_alone, 60);
    const faas::TlsOptions trust{.system_roots = false, .extra_roots = mock.authority()};
    const auto tls = [&](asio::any_io_executor io) {
        return make_executor(faas::HttpsTransport{std::move(io), trust}, url_of(mock, true));
    };
    const auto tls_alone = [&](asio::any_io_executor io) {
        return make_executor(faas::BasicHttpsTransport<faas::SingleThread>{std::move(io), trust}, url_of(mock, true));
    };
    measure(table, "tls", tls, tls_alone, 60);
    return table;
}

Table measure_connections() {
    constexpr std::size_t open = 1000, opened_in_turn = 200;
    Table table{"connections",
                "a connection and one call over it: memory of this process (the kernel's is not in it) and CPU time",
                {}};
    const MockPlatform mock;
    const faas::TlsOptions trust{.system_roots = false, .extra_roots = mock.authority()};
    const auto in_memory = [&](const std::string& name, bool tls) {
        const auto seen = in_child([&] {
            asio::io_context io{1};
            const faas::ConnectionOptions options{.max_idle = 2 * open, .max_per_origin = 2 * open};
            return tls ? open_many(io, faas::HttpsTransport{io.get_executor(), trust, options}, url_of(mock, true),
                                   open)
                       : open_many(io, faas::LoopbackTransport{io.get_executor(), options}, url_of(mock, false), open);
        });
        table.rows.push_back({name, {{"peak_kib", seen[0]}, {"idle_kib", seen[1]}, {"cpu_us", seen[2]}}});
    };
    in_memory("plain, 1,000 open at once", false);
    in_memory("tls, 1,000 open at once", true);
    const auto in_turn = [&](const std::string& name, bool resume) {
        const auto seen = in_child([&] {
            asio::io_context io{1};
            const faas::ConnectionOptions options{.max_age = std::chrono::milliseconds{0},
                                                  .resume_tls_sessions = resume};
            return open_again(io, faas::HttpsTransport{io.get_executor(), trust, options}, url_of(mock, true),
                              opened_in_turn);
        });
        if (resume && seen[1] < 0.9) fail("handshakes were not resumed");
        table.rows.push_back({name, {{"peak_kib", 0}, {"idle_kib", 0}, {"cpu_us", seen[0]}}});
    };
    in_turn("tls, one after the other, full handshakes", false);
    in_turn("tls, one after the other, resumed", true);
    return table;
}

}  // namespace bench
