// What one call of a function costs: the library, textbook Beast and prebuilt bytes against a mock of Lambda in a
// second process, each in a process of its own, measured in turn.
//   meson test -C build --benchmark invoke --verbose
//   build/benchmarks/bench_invoke [--in-flight N] [--payload BYTES] [--json] [--rounds N] [--milliseconds N]
//       [--only NAME,NAME] [--calls N]
// A ratio is the median of those of all rounds. Under callgrind: `valgrind --tool=callgrind --collect-atstart=no
// --toggle-collect=bench_measured_run build/benchmarks/bench_invoke --only aws --in-flight 64 --calls 2000 --rounds 1`.
// Exit 1 if a call failed or the mock saw another number of requests.
#include "client.hpp"
#include "mock_platform.hpp"
#include "runner.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <vector>

namespace {

using namespace bench;
using namespace std::chrono_literals;

struct Competitor {
    std::string_view name;
    MakeClient make;
};
constexpr Competitor competitors[] = {{"aws", &make_aws},
                                      {"textbook", &make_textbook},
                                      {"prebuilt", &make_prebuilt},
                                      {"prebuilt_signed", &make_prebuilt_signed}};

struct Cell {
    Competitor competitor;
    Setting setting;
    std::unique_ptr<Runner> runner{};
    std::vector<Measured> rounds{};
};

double median(std::vector<double> all) {
    if (all.empty()) return 0;
    std::sort(all.begin(), all.end());
    return all[all.size() / 2];
}
template <class Get>
double median_of(const Cell& cell, Get get) {
    std::vector<double> all;
    for (const auto& one : cell.rounds) all.push_back(get(one));
    return median(std::move(all));
}

double ratio(const Cell& one, const Cell& other) {
    std::vector<double> all;
    for (std::size_t i = 0; i < one.rounds.size(); ++i)
        all.push_back(one.rounds[i].cpu_us() / other.rounds[i].cpu_us());
    return median(std::move(all));
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::size_t> in_flight{64, 1};
    std::size_t payload = 1024, rounds = 3;
    std::chrono::milliseconds time{250};
    std::uint64_t calls = UINT64_MAX;
    bool json = false;
    std::string only;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        const auto number = [&] { return i + 1 < argc ? std::strtoul(argv[++i], nullptr, 10) : 0; };
        if (name == "--json") json = true;
        if (name == "--in-flight") in_flight = {std::max<std::size_t>(number(), 1)};
        if (name == "--payload") payload = number();
        if (name == "--rounds") rounds = std::max<std::size_t>(number(), 1);
        if (name == "--milliseconds") time = std::chrono::milliseconds{number()};
        if (name == "--calls") {
            calls = number();
            time = 1h;
        }
        if (name == "--only" && i + 1 < argc) only = std::string{","} + argv[++i] + ',';
    }
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);

    const MockPlatform mock;
    std::vector<Cell> cells;
    for (const auto many : in_flight)
        for (const bool tls : {false, true})
            for (const auto& each : competitors)
                if (only.empty() || only.find(',' + std::string{each.name} + ',') != std::string::npos)
                    cells.push_back({.competitor = each,
                                     .setting = {.tls = tls,
                                                 .in_flight = many,
                                                 .payload = payload,
                                                 .port = mock.port(tls),
                                                 .authority = mock.authority()}});
    for (auto& cell : cells) {
        cell.runner = std::make_unique<Runner>(cell.competitor.make, cell.setting);
        cell.runner->run(1ms);  // connections are made
        cell.runner->run(50ms, calls);
    }
    bool failed = false;
    for (std::size_t round = 0; round < rounds; ++round) {
        for (auto& cell : cells) {
            const auto before = mock.requests();
            cell.rounds.push_back(cell.runner->run(time, calls));
            const auto& seen = cell.rounds.back();
            const auto counted = mock.requests() - before;
            if (seen.failures == 0 && counted == seen.calls) continue;
            failed = true;
            std::fprintf(stderr, "%s: %llu calls, %llu failed, %llu requests at the mock\n",
                         std::string{cell.competitor.name}.c_str(), static_cast<unsigned long long>(seen.calls),
                         static_cast<unsigned long long>(seen.failures), static_cast<unsigned long long>(counted));
        }
    }

    if (!json)
        std::printf("%-16s %5s %9s %9s   CPU us: %6s %6s %6s   %8s %8s %9s %7s\n", "client", "", "in flight", "calls/s",
                    "all", "user", "system", "p50 us", "p99 us", "peak MiB", "allocs");
    std::map<std::string, double> ratios;
    for (const auto& cell : cells) {
        const auto name = std::string{cell.competitor.name};
        const auto& setting = cell.setting;
        if (!json)
            std::printf(
                "%-16s %5s %9zu %9.0f %16.2f %6.2f %6.2f   %8.0f %8.0f %9.1f %7.2f\n", name.c_str(),
                setting.tls ? "TLS" : "plain", setting.in_flight, median_of(cell, [](auto& m) { return m.rate(); }),
                median_of(cell, [](auto& m) { return m.cpu_us(); }), median_of(cell, [](auto& m) { return m.user_us; }),
                median_of(cell, [](auto& m) { return m.system_us; }), median_of(cell, [](auto& m) { return m.p50_us; }),
                median_of(cell, [](auto& m) { return m.p99_us; }), median_of(cell, [](auto& m) { return m.peak_mib; }),
                median_of(cell, [](auto& m) { return m.allocations; }));
        for (const auto& ours : cells)
            if (ours.competitor.name == "aws" && name != "aws" && ours.setting.tls == setting.tls &&
                ours.setting.in_flight == setting.in_flight)
                ratios[std::string{setting.tls ? "aws_tls" : "aws_plain"} +
                       (setting.in_flight == 1 ? "_sequential_vs_" : "_vs_") + name] = ratio(ours, cell);
    }
    if (json) std::printf("{\"ratios\":{");
    const char* comma = "";
    for (const auto& [name, value] : ratios) {
        std::printf(json ? "%s\"%s\":%.3f" : "%s%-40s %.3f\n", json ? comma : "", name.c_str(), value);
        comma = ",";
    }
    if (json) std::printf("}}\n");
    return failed ? 1 : 0;
}
