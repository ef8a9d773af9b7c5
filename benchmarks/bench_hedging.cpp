// What hedging does to slow answers: the same platform asked with and without, in turn, in one process. Every hundredth
// answer takes ten times as long as the slowest of the others. Prints the quantiles, their ratios, and the further
// calls. `--json` prints one JSON object instead; `--rounds N` has each of 200 callers call N times instead of 100. The
// platform is a timer, and slow beside the machine's noise.
// Where all ordinary answers take the same time t, waiting for the quantile and then for an answer is 2 t: a slow
// answer of 10 t cannot come out more than 5 times faster.
#include "blueprint/faas/detail/wait.hpp"
#include "blueprint/faas/resilience/hedging.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>
#include <utility>
#include <vector>

namespace faas = blueprint::faas;
namespace asio = boost::asio;

namespace {

// Ordinary answers take from `least` to `most` ms, slow ones ten times `most`.
class Platform {
public:
    Platform(asio::io_context& io, unsigned least, unsigned most)
        : io_{io.get_executor()}, least_{least}, most_{most} {}
    static constexpr std::string_view provider_name() noexcept { return "platform"; }
    asio::any_io_executor get_executor() const { return io_; }
    asio::awaitable<faas::result<faas::JobResult>> invoke(faas::JobCall call) {
        auto done = co_await invoke_with_metrics(std::move(call));
        if (!done) co_return std::move(done).error();
        co_return std::move(done->result);
    }
    asio::awaitable<faas::result<faas::Invocation>> invoke_with_metrics(faas::JobCall) {
        co_await asio::this_coro::throw_if_cancelled(false);
        ++calls;
        state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
        const bool slow = (state_ >> 33U) % 100 == 0;
        const auto ordinary = least_ + static_cast<unsigned>(state_ >> 43U) % (most_ - least_ + 1);
        const bool waited = co_await faas::detail::wait_for(std::chrono::milliseconds{slow ? 10 * most_ : ordinary});
        if (!waited) co_return faas::Error{.code = faas::errc::cancelled, .message = "cancelled"};
        co_return faas::Invocation{};
    }
    std::size_t calls = 0;

private:
    asio::any_io_executor io_;
    unsigned least_;
    unsigned most_;
    std::uint64_t state_ = 42;
};

using Milliseconds = std::chrono::duration<double, std::milli>;

template <class E>
asio::awaitable<void> call_in_turn(E& executor, std::size_t calls, std::vector<double>& latencies) {
    for (std::size_t i = 0; i < calls; ++i) {
        faas::JobCall call{.job_id = 1, .idempotent = true};
        const auto began = std::chrono::steady_clock::now();
        const auto outcome = co_await executor.invoke(std::move(call));
        if (outcome) latencies.push_back(Milliseconds{std::chrono::steady_clock::now() - began}.count());
    }
}

template <class E>
std::vector<double> measure(asio::io_context& io, E& executor, std::size_t workers, std::size_t calls) {
    std::vector<double> latencies;
    for (std::size_t i = 0; i < workers; ++i)
        asio::co_spawn(io, call_in_turn(executor, calls, latencies), [](std::exception_ptr failure) {
            if (failure) std::rethrow_exception(failure);
        });
    io.restart();
    io.run();
    std::sort(latencies.begin(), latencies.end());
    return latencies;
}

double quantile(const std::vector<double>& sorted, double share) {
    return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(share * static_cast<double>(sorted.size())))];
}

}  // namespace

int main(int argc, char** argv) {
    constexpr std::size_t workers = 200;
    std::size_t calls = 100;
    bool json = false;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument{argv[i]};
        if (argument == "--json") {
            json = true;
        } else if (argument == "--rounds" && i + 1 < argc) {
            calls = std::max<std::size_t>(std::strtoul(argv[++i], nullptr, 10), 1);
        } else {
            std::fprintf(stderr, "usage: bench_hedging [--rounds N] [--json]\n");
            return 2;
        }
    }
    struct Shape {
        const char* name;
        unsigned least;
        unsigned most;
    };
    const Shape shapes[] = {{"ordinary 20 to 100 ms, slow 1 s", 20, 100}, {"ordinary 100 ms, slow 1 s", 100, 100}};
    if (json) std::printf("{");
    for (const auto& shape : shapes) {
        asio::io_context io;
        Platform plain{io, shape.least, shape.most};
        Platform platform{io, shape.least, shape.most};
        faas::Hedged hedged{platform};
        const auto without = measure(io, plain, workers, calls);
        const auto with = measure(io, hedged, workers, calls);
        const auto further =
            100.0 * static_cast<double>(platform.calls - plain.calls) / static_cast<double>(plain.calls);
        const double factor = quantile(without, 0.999) / quantile(with, 0.999);
        if (json) {
            std::printf(
                "%s\"%s\": {\"p999_without_ms\": %.2f, \"p999_with_ms\": %.2f, \"factor\": %.2f, "
                "\"further_percent\": %.2f}",
                &shape == shapes ? "" : ", ", shape.name, quantile(without, 0.999), quantile(with, 0.999), factor,
                further);
            continue;
        }
        std::printf("%s, %zu calls, %.2f %% further calls\n", shape.name, without.size(), further);
        for (const double share : {0.5, 0.95, 0.99, 0.999})
            std::printf("  p%-5g without %7.2f ms   with %7.2f ms   factor %.2f\n", 100 * share,
                        quantile(without, share), quantile(with, share),
                        quantile(without, share) / quantile(with, share));
    }
    if (json) std::printf("}\n");
    return 0;
}
