// Fan-out: one job over many inputs, so many at a time, and a file that lets a later run do the rest only. The jobs run
// in this process; with the executor of a platform in the place of `LocalExecutor` nothing else changes.
#include <blueprint/faas/job_set.hpp>
#include <blueprint/faas/map.hpp>
#include <blueprint/faas/runner/local_executor.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <exception>
#include <filesystem>
#include <iostream>
#include <ranges>
#include <string>
#include <utility>

namespace asio = boost::asio;
namespace faas = blueprint::faas;

bool the_weather_is_bad = true;

faas::result<std::uint64_t> square(std::uint64_t x) {
    if (x % 4 == 2 && the_weather_is_bad) return faas::Error{.message = "no " + std::to_string(x) + " today"};
    return x * x;
}
using Square = faas::Job<0, &square>;

asio::awaitable<void> square_all(faas::LocalExecutor& executor, faas::MapOptions options) {
    // The range is read as completions are taken, so it may also be endless or come from a file.
    auto inputs = std::views::iota(std::uint64_t{0}, std::uint64_t{100});
    auto stream = faas::map(executor, Square{}, inputs, std::move(options));
    std::uint64_t sum = 0;
    for (;;) {
        auto next = co_await stream.next();
        if (!next) {
            std::cout << "the map failed: " << next.error() << '\n';  // the input or the resume file is broken
            co_return;
        }
        if (!*next) break;
        const auto& done = **next;  // index, value, metrics
        if (done.value)
            sum += *done.value;
        else
            std::cout << "input " << done.index << " failed: " << done.value.error() << '\n';
    }
    // Nothing is lost silently: what failed, what was known from an earlier run, and what was never submitted.
    const auto progress = stream.progress();
    std::cout << to_string(*progress.end) << ": " << progress.succeeded << " succeeded, " << progress.failed
              << " failed, " << progress.resumed << " known, " << progress.not_submitted.value_or(0)
              << " not submitted, sum " << sum << '\n';
}

int main() {
    const auto file = std::filesystem::temp_directory_path() / "blueprint-faas-03-fan-out";
    std::filesystem::remove(file);
    asio::io_context io;
    faas::Router jobs;
    jobs.add(faas::JobSet<Square>{});
    faas::LocalExecutor executor{io.get_executor(), jobs};
    const auto run = [&] {
        faas::MapOptions options{.in_flight = 8, .ordered = true, .max_failures = 3, .run_id = "squares"};
        options.resume = faas::ResumeOptions{.path = file.string()};
        asio::co_spawn(io, square_all(executor, std::move(options)), [](std::exception_ptr failure) {
            if (failure) std::rethrow_exception(failure);
        });
        io.restart();
        io.run();
    };
    run();  // stops at the third failure
    the_weather_is_bad = false;
    run();  // as after a crash: runs what failed or was never submitted, and hands out the rest from the file
    std::filesystem::remove(file);
}
