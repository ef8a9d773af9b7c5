#include "blueprint/faas/map.hpp"
#include "blueprint/faas/runner/consumer.hpp"
#include "blueprint/faas/runner/producer.hpp"
#include "blueprint/faas/runner/runner.hpp"
#include "run/allocations.hpp"
#include "scale/memory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <filesystem>
#include <optional>
#include <ranges>
#include <unistd.h>

namespace bench {

namespace {

using Instant = decltype(make_instant_executor(std::declval<asio::any_io_executor>()));
using Latent = decltype(make_executor(std::declval<LatentTransport>()));

void rethrow(std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
}
void run_alone(asio::io_context& io, asio::awaitable<void> operation) {
    asio::co_spawn(io, std::move(operation), rethrow);
    io.restart();
    io.run();
}

// The ways of a job. Each makes `jobs` calls and takes all results.
template <class Executor>
asio::awaitable<void> through_map(Executor& executor, std::size_t jobs, faas::MapOptions options) {
    auto inputs =
        std::views::iota(std::size_t{0}, jobs) | std::views::transform([](std::size_t) { return faas::Bytes(64); });
    auto stream = faas::map(executor, faas::JobId{0}, std::move(inputs), std::move(options));
    std::size_t taken = 0;
    for (;;) {
        auto next = co_await stream.next();
        if (!next) fail(next.error().message);
        if (!*next) break;
        if (!(*next)->value) fail((*next)->value.error().message);
        ++taken;
    }
    if (taken != jobs) fail("the map lost results");
}

auto produce(std::size_t jobs) {
    return faas::GeneratorProducer{[left = jobs]() mutable {
        std::optional<faas::JobCall> call;
        if (left > 0) {
            --left;
            call = make_call();
        }
        return call;
    }};
}
// Runs the runner that `builder` comes to.
template <class Builder>
asio::awaitable<void> run(Builder builder, std::size_t jobs) {
    std::size_t taken = 0;
    auto runner = good(std::move(builder)
                           .producer(produce(jobs))
                           .consumer(faas::CallbackConsumer{[&taken](const faas::Invocation& done) {
                               if (!done.result.outcome) fail(done.result.outcome.error().message);
                               ++taken;
                           }})
                           .build());
    auto ended = co_await runner.run();
    if (!ended) fail(ended.error().message);
    if (taken != jobs) fail("the runner lost results");
}
template <class Executor>
asio::awaitable<void> through_runner(asio::io_context& io, Executor& executor, std::size_t jobs, bool ordered) {
    auto builder = faas::Runner::builder(io).router(faas::Router{}).template with_faas_executor<0>(executor);
    if (ordered) builder = std::move(builder).ordered_results();
    return run(std::move(builder), jobs);
}

faas::Router local_router() {
    faas::Router router;
    router.route(0, [](const faas::JobCall& call) { return call.args; });
    return router;
}
asio::awaitable<void> through_router(std::size_t jobs) {
    auto router = local_router();
    for (std::size_t i = 0; i < jobs; ++i) {
        auto call = make_call();
        auto answers = co_await router.run(std::move(call));
        if (answers.size() != 1 || !answers.front().result.outcome) fail("the router lost a result");
    }
}

struct Way {
    std::string name{};
    std::function<asio::awaitable<void>(asio::io_context&, std::size_t)> go{};
};

}  // namespace

Table measure_overhead() {
    constexpr std::size_t jobs = 2000, rounds = 15;
    asio::io_context io{1};
    auto executor = make_instant_executor(io.get_executor());
    const std::vector<Way> ways{
        {"loop of invoke", [&](asio::io_context&, std::size_t n) { return call_in_turn(executor, n); }},
        {"map", [&](asio::io_context&, std::size_t n) { return through_map(executor, n, {}); }},
        {"map, ordered", [&](asio::io_context&, std::size_t n) { return through_map(executor, n, {.ordered = true}); }},
        {"runner", [&](asio::io_context& on, std::size_t n) { return through_runner(on, executor, n, false); }},
        {"runner, ordered", [&](asio::io_context& on, std::size_t n) { return through_runner(on, executor, n, true); }},
        {"router, local job", [](asio::io_context&, std::size_t n) { return through_router(n); }},
        {"runner, local job",
         [](asio::io_context& on, std::size_t n) { return run(faas::Runner::builder(on).router(local_router()), n); }},
    };
    std::vector<std::vector<double>> times(ways.size()), counts(ways.size());
    for (std::size_t round = 0; round < rounds; ++round) {
        for (std::size_t i = 0; i < ways.size(); ++i) {
            const auto allocated = allocations().all;
            const auto before = cpu_time();
            run_alone(io, ways[i].go(io, jobs));
            times[i].push_back(static_cast<double>((cpu_time() - before).count()) / jobs);
            counts[i].push_back(static_cast<double>(allocations().all - allocated) / jobs);
        }
    }
    Table table{"overhead", "one job that is answered at once, in memory: CPU time and allocations", {}};
    for (std::size_t i = 0; i < ways.size(); ++i)
        table.rows.push_back({ways[i].name,
                              {{"ns", median(times[i])},
                               {"vs_loop", median(times[i]) / median(times[0])},
                               {"allocations", median(counts[i])}}});
    return table;
}

namespace {

// Runs one way with many jobs in a process of its own.
Row measure_many(const std::string& name, std::size_t jobs,
                 const std::function<asio::awaitable<void>(asio::io_context&, Latent&, std::size_t)>& go) {
    const auto seen = in_child([&] {
        asio::io_context io{1};
        LatentTransport::Seen waiting;
        auto executor = make_executor(LatentTransport{io.get_executor(), std::chrono::milliseconds{2}, waiting});
        run_alone(io, through_map(executor, 100, {}));  // what is made once is made
        const double base_kib = peak_kib();
        const auto cpu = cpu_time();
        const auto began = Clock::now();
        run_alone(io, go(io, executor, jobs));
        const std::chrono::duration<double> took = Clock::now() - began;
        const auto cpu_us = static_cast<double>((cpu_time() - cpu).count()) / 1000 / static_cast<double>(jobs);
        return std::vector<double>{static_cast<double>(jobs) / took.count(), cpu_us, static_cast<double>(waiting.most),
                                   peak_kib() - base_kib};
    });
    return {name + ", " + std::to_string(jobs),
            {{"jobs_per_s", seen[0]}, {"cpu_us", seen[1]}, {"in_flight", seen[2]}, {"peak_kib_more", seen[3]}}};
}

}  // namespace

Table measure_fan_out(bool full) {
    Table table{"fan_out", "many jobs of 2 ms, at most 1,024 in flight: rate, CPU time a job, and memory", {}};
    const auto resume_file =
        std::filesystem::temp_directory_path() / ("bench_scale_" + std::to_string(::getpid()) + ".resume");
    std::vector<std::size_t> sizes{1000, 10'000};
    if (full) sizes.insert(sizes.end(), {100'000, 1'000'000});
    for (const auto jobs : sizes) {
        table.rows.push_back(measure_many("map", jobs, [](asio::io_context&, Latent& executor, std::size_t n) {
            return through_map(executor, n, {.in_flight = 1024});
        }));
        table.rows.push_back(measure_many("map, ordered", jobs, [](asio::io_context&, Latent& executor, std::size_t n) {
            return through_map(executor, n, {.in_flight = 1024, .ordered = true});
        }));
        table.rows.push_back(
            measure_many("map, resume file", jobs, [&](asio::io_context&, Latent& executor, std::size_t n) {
                std::filesystem::remove(resume_file);
                return through_map(executor, n,
                                   {.in_flight = 1024, .run_id = "scale", .resume = {{.path = resume_file.string()}}});
            }));
        // What the run before has left, taken up again: everything is known to be done.
        table.rows.push_back(
            measure_many("map, resumed", jobs, [&](asio::io_context&, Latent& executor, std::size_t n) {
                return through_map(executor, n,
                                   {.in_flight = 1024, .run_id = "scale", .resume = {{.path = resume_file.string()}}});
            }));
        table.rows.push_back(measure_many("runner", jobs, [](asio::io_context& io, Latent& executor, std::size_t n) {
            return through_runner(io, executor, n, false);
        }));
        table.rows.push_back(
            measure_many("runner, ordered", jobs, [](asio::io_context& io, Latent& executor, std::size_t n) {
                return through_runner(io, executor, n, true);
            }));
    }
    std::filesystem::remove(resume_file);
    return table;
}

}  // namespace bench
