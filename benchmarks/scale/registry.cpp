#include "blueprint/faas/registry.hpp"

#include "run/allocations.hpp"
#include "scale/scale.hpp"

#include <boost/asio/system_executor.hpp>

#include <memory>
#include <string_view>
#include <unordered_map>

namespace bench {

namespace {

namespace asio = boost::asio;

// An executor whose operation costs next to nothing, so that dispatch is what one sees.
template <std::size_t Number>
struct CheapExecutor {
    static constexpr std::string_view provider_name() noexcept { return "cheap"; }
    asio::any_io_executor get_executor() { return asio::system_executor{}; }
    asio::awaitable<faas::result<faas::JobResult>> invoke(faas::JobCall call) {
        co_return faas::JobResult{.job_id = call.job_id};
    }
    asio::awaitable<faas::result<faas::Invocation>> invoke_with_metrics(faas::JobCall) { co_return faas::Invocation{}; }

    [[gnu::noinline]] std::uint64_t work(std::uint64_t value) noexcept {
        return ((value ^ state) * 0x9e3779b97f4a7c15ULL) + Number;
    }
    std::uint64_t state = Number;
};
template <std::size_t Number>
CheapExecutor<Number> cheap{};

// Ids far from each other, as hashes of names would be: neighbours would be dispatched by comparing with two bounds.
constexpr std::uint32_t id_of(std::size_t number) { return static_cast<std::uint32_t>(number * 2654435761U); }

// Binds every `Executors`-th id, beginning with number `Executor`, to one executor.
template <std::size_t Executor, std::size_t Executors, std::size_t... I>
constexpr auto bind_some(std::index_sequence<I...>) {
    return faas::bind<id_of(I * Executors + Executor)...>(cheap<Executor>);
}
template <std::size_t Ids, std::size_t Executors>
constexpr auto make_registry() {
    return []<std::size_t... E>(std::index_sequence<E...>) {
        return faas::StaticRegistry{bind_some<E, Executors>(std::make_index_sequence<Ids / Executors>{})...};
    }(std::make_index_sequence<Executors>{});
}
template <std::size_t Ids, std::size_t Executors>
constexpr auto registry = make_registry<Ids, Executors>();

struct Erased {
    virtual ~Erased() = default;
    virtual std::uint64_t work(std::uint64_t value) = 0;
};
template <std::size_t Number>
struct ErasedOf final : Erased {
    std::uint64_t work(std::uint64_t value) override { return cheap<Number>.work(value); }
};
using Map = std::unordered_map<std::uint32_t, std::unique_ptr<Erased>>;

template <std::size_t Ids, std::size_t Executors>
Map make_map() {
    Map map;
    [&]<std::size_t... E>(std::index_sequence<E...>) {
        for (std::size_t i = 0; i < Ids / Executors; ++i)
            (map.emplace(id_of(i * Executors + E), std::make_unique<ErasedOf<E>>()), ...);
    }(std::make_index_sequence<Executors>{});
    return map;
}

template <std::size_t Ids, std::size_t Executors>
[[gnu::noinline]] std::uint64_t by_registry(std::uint32_t id, std::uint64_t value) {
    registry<Ids, Executors>.with_executor(faas::JobId{id}, [&value](auto& executor) { value = executor.work(value); });
    return value;
}
[[gnu::noinline]] std::uint64_t by_map(const Map& map, std::uint32_t id, std::uint64_t value) {
    const auto found = map.find(id);
    return found == map.end() ? value : found->second->work(value);
}

// Each id hangs on the last answer (by adding zero in a way that only the processor knows), as a job's id comes with
// the job: otherwise the processor would look up the next executor while the last one still works.
template <class F>
double nanoseconds_each(const std::vector<std::uint32_t>& ids, std::uint64_t& value, const F& dispatch) {
    static volatile std::uint64_t always_zero = 0;
    const std::uint64_t mask = always_zero;
    const auto before = cpu_time();
    for (const auto id : ids) value = dispatch(id + static_cast<std::uint32_t>(value & mask), value);
    return static_cast<double>((cpu_time() - before).count()) / static_cast<double>(ids.size());
}

template <std::size_t Ids, std::size_t Executors>
Row measure(const std::string& name) {
    constexpr std::size_t calls = 4096, rounds = 101;
    const auto map = make_map<Ids, Executors>();
    std::vector<std::uint32_t> ids(calls);
    std::uint64_t random = 88172645463325252ULL;
    for (auto& id : ids) {
        random ^= random << 13U, random ^= random >> 7U, random ^= random << 17U;
        id = id_of(random % Ids);
    }
    std::uint64_t value = 1;
    std::vector<double> direct, in_registry, in_map;
    for (auto* each : {&direct, &in_registry, &in_map}) each->reserve(rounds);
    std::uint64_t allocated = 0;
    for (std::size_t round = 0; round < rounds; ++round) {
        direct.push_back(nanoseconds_each(ids, value, [](std::uint32_t, std::uint64_t v) { return cheap<0>.work(v); }));
        const auto before = allocations().all;
        in_registry.push_back(nanoseconds_each(ids, value, by_registry<Ids, Executors>));
        allocated += allocations().all - before;
        in_map.push_back(
            nanoseconds_each(ids, value, [&map](std::uint32_t id, std::uint64_t v) { return by_map(map, id, v); }));
    }
    if (allocated != 0) fail("dispatch allocated");
    const double base = median(direct);
    return {name,
            {{"direct_ns", base},
             {"registry_ns", median(in_registry)},
             {"map_ns", median(in_map)},
             {"allocations", static_cast<double>(allocated)}}};
}

}  // namespace

Table measure_registry() {
    return {"registry",
            "dispatch of one call by id, ids at random",
            {measure<1, 1>("1 id"), measure<10, 2>("10 ids, 2 executors"), measure<100, 4>("100 ids, 4 executors"),
             measure<1000, 4>("1,000 ids, 4 executors"), measure<100, 100>("100 ids, 100 executors")}};
}

}  // namespace bench
