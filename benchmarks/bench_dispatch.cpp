// What dispatch costs: a direct call, a StaticRegistry, and a hash map of type-erased executors, measured in turn in
// one process. `--json` prints one JSON object instead of the table. Exit 1 if the registry allocates.
#include "blueprint/faas/registry.hpp"

#include <boost/asio/system_executor.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace faas = blueprint::faas;
namespace asio = boost::asio;

namespace {

std::atomic<std::uint64_t> allocations{0};

// An executor whose operation costs next to nothing, so that dispatch is what one sees: a few dependent
// multiplications.
template <std::uint64_t Seed>
struct CheapExecutor {
    static constexpr std::string_view provider_name() noexcept { return "cheap"; }
    asio::any_io_executor get_executor() { return asio::system_executor{}; }
    asio::awaitable<faas::result<faas::JobResult>> invoke(faas::JobCall call) {
        co_return faas::JobResult{.job_id = call.job_id};
    }
    asio::awaitable<faas::result<faas::Invocation>> invoke_with_metrics(faas::JobCall) { co_return faas::Invocation{}; }

    [[gnu::noinline]] std::uint64_t work(std::uint64_t value) noexcept {
        value ^= state;
        for (int round = 0; round < 4; ++round) value = (value ^ (value >> 31U)) * 0x9e3779b97f4a7c15ULL;
        return value + Seed;
    }
    std::uint64_t state = Seed;
};

CheapExecutor<1> first;
CheapExecutor<2> second;
CheapExecutor<3> third;
constexpr faas::StaticRegistry registry{faas::bind<0, 3>(first), faas::bind<1>(second), faas::bind<7, 8, 9>(third)};

struct ErasedExecutor {
    virtual ~ErasedExecutor() = default;
    virtual std::uint64_t work(std::uint64_t value) = 0;
};
template <class E>
struct ErasedExecutorOf final : ErasedExecutor {
    explicit ErasedExecutorOf(E& executor) : executor_{&executor} {}
    std::uint64_t work(std::uint64_t value) override { return executor_->work(value); }
    E* executor_;
};
std::unordered_map<std::uint32_t, std::unique_ptr<ErasedExecutor>> erased;

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
    throw std::bad_alloc{};
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

// The ways, each a function of its own, so that `objdump --disassemble=dispatch_static` shows what it does.
extern "C" {
[[gnu::noinline]] std::uint64_t dispatch_direct(std::uint32_t /*id*/, std::uint64_t value) { return first.work(value); }
[[gnu::noinline]] std::uint64_t dispatch_by_hand(std::uint32_t id, std::uint64_t value) {
    switch (id) {
        case 0:
        case 3: return first.work(value);
        case 1: return second.work(value);
        case 7:
        case 8:
        case 9: return third.work(value);
        default: return value;
    }
}
[[gnu::noinline]] std::uint64_t dispatch_static(std::uint32_t id, std::uint64_t value) {
    registry.with_executor(faas::JobId{id}, [&value](auto& executor) { value = executor.work(value); });
    return value;
}
[[gnu::noinline]] std::uint64_t dispatch_erased(std::uint32_t id, std::uint64_t value) {
    const auto found = erased.find(id);
    return found == erased.end() ? value : found->second->work(value);
}
}

namespace {

constexpr std::size_t calls = 20'000;
constexpr std::size_t rounds = 301;

struct Measured {
    std::vector<double> nanoseconds{};
    std::uint64_t allocated = 0;

    double median() {
        std::nth_element(nanoseconds.begin(), nanoseconds.begin() + rounds / 2, nanoseconds.end());
        return nanoseconds[rounds / 2];
    }
};

// Each id hangs on the last answer (by adding zero in a way that only the processor knows), as a job's id comes with
// the job: otherwise the processor would look up the next executor while the last one still works.
std::uint64_t measure(Measured& into, const std::vector<std::uint32_t>& ids, std::uint64_t value,
                      std::uint64_t (*dispatch)(std::uint32_t, std::uint64_t)) {
    static volatile std::uint64_t always_zero = 0;
    const std::uint64_t mask = always_zero;
    const auto allocated_before = allocations.load(std::memory_order_relaxed);
    const auto before = std::chrono::steady_clock::now();
    for (const auto id : ids) value = dispatch(id + static_cast<std::uint32_t>(value & mask), value);
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - before;
    into.allocated += allocations.load(std::memory_order_relaxed) - allocated_before;
    into.nanoseconds.push_back(took.count() / static_cast<double>(ids.size()));
    return value;
}

}  // namespace

int main(int argc, char** argv) {
    const bool json = argc > 1 && std::string_view{argv[1]} == "--json";
    for (const auto id : {0U, 3U}) erased.emplace(id, std::make_unique<ErasedExecutorOf<CheapExecutor<1>>>(first));
    erased.emplace(1, std::make_unique<ErasedExecutorOf<CheapExecutor<2>>>(second));
    for (const auto id : {7U, 8U, 9U}) erased.emplace(id, std::make_unique<ErasedExecutorOf<CheapExecutor<3>>>(third));

    const std::vector<std::uint32_t> one_job(calls, 3);
    std::vector<std::uint32_t> any_job(calls);
    std::uint64_t random = 88172645463325252ULL;
    for (auto& id : any_job) {
        random ^= random << 13U, random ^= random >> 7U, random ^= random << 17U;
        id = std::array{0U, 1U, 3U, 7U, 8U, 9U}[random % 6];
    }
    Measured direct, fixed_static, fixed_map, mixed_hand, mixed_static, mixed_map;
    for (auto* each : {&direct, &fixed_static, &fixed_map, &mixed_hand, &mixed_static, &mixed_map})
        each->nanoseconds.reserve(rounds);
    auto value = static_cast<std::uint64_t>(argc);
    for (std::size_t round = 0; round < rounds; ++round) {
        value = measure(direct, one_job, value, dispatch_direct);
        value = measure(fixed_static, one_job, value, dispatch_static);
        value = measure(fixed_map, one_job, value, dispatch_erased);
        value = measure(mixed_hand, any_job, value, dispatch_by_hand);
        value = measure(mixed_static, any_job, value, dispatch_static);
        value = measure(mixed_map, any_job, value, dispatch_erased);
    }

    const auto allocated = static_cast<unsigned long long>(fixed_static.allocated + mixed_static.allocated);
    const double ns_direct = direct.median(), ns_static = fixed_static.median(), ns_map = fixed_map.median();
    const double ns_hand = mixed_hand.median(), ns_mixed = mixed_static.median(), ns_mixed_map = mixed_map.median();
    if (json) {
        std::printf(
            "{\"ns\":{\"direct\":%.3f,\"static\":%.3f,\"map\":%.3f,\"mixed_by_hand\":%.3f,\"mixed_static\":%.3f,"
            "\"mixed_map\":%.3f},",
            ns_direct, ns_static, ns_map, ns_hand, ns_mixed, ns_mixed_map);
        std::printf(
            "\"ratio\":{\"static_vs_direct\":%.3f,\"map_vs_direct\":%.3f,\"mixed_static_vs_by_hand\":%.3f,"
            "\"mixed_map_vs_by_hand\":%.3f},\"allocations\":{\"static\":%llu}}\n",
            ns_static / ns_direct, ns_map / ns_direct, ns_mixed / ns_hand, ns_mixed_map / ns_hand, allocated);
    } else {
        std::printf("dispatch of one call: median of %zu rounds of %zu calls, measured in turn\n", rounds, calls);
        const auto row = [](const char* what, double ns, double base) {
            std::printf("  %-48s %7.3f ns   ratio %.3f\n", what, ns, ns / base);
        };
        row("one job: direct call", ns_direct, ns_direct);
        row("one job: StaticRegistry", ns_static, ns_direct);
        row("one job: unordered_map of erased executors", ns_map, ns_direct);
        row("six jobs at random: switch written by hand", ns_hand, ns_hand);
        row("six jobs at random: StaticRegistry", ns_mixed, ns_hand);
        row("six jobs at random: unordered_map of erased", ns_mixed_map, ns_hand);
        std::printf("  allocations of the StaticRegistry: %llu   (check %llx)\n", allocated,
                    static_cast<unsigned long long>(value));
    }
    return allocated == 0 ? 0 : 1;
}
