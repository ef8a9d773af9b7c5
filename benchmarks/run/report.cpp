#include "report.hpp"

#include <algorithm>
#include <cstdio>

namespace bench {

namespace {

double median(std::vector<double> all) {
    if (all.empty()) return 0;
    std::sort(all.begin(), all.end());
    return all.size() % 2 == 1 ? all[all.size() / 2] : (all[all.size() / 2 - 1] + all[all.size() / 2]) / 2;
}

double ratio(const Cell& one, const Cell& other, double (*get)(const Measured& seen)) {
    std::vector<double> all;
    for (std::size_t i = 0; i < std::min(one.rounds.size(), other.rounds.size()); ++i)
        if (get(other.rounds[i]) > 0) all.push_back(get(one.rounds[i]) / get(other.rounds[i]));
    return median(std::move(all));
}

double cpu(const Measured& seen) { return seen.cpu_us(); }
double rate(const Measured& seen) { return seen.rate(); }

std::string bytes(std::size_t count) {
    if (count >= 1U << 20U && count % (1U << 20U) == 0) return std::to_string(count >> 20U) + "_mib";
    if (count >= 1024 && count % 1024 == 0) return std::to_string(count / 1024) + "_kib";
    return std::to_string(count) + "_b";
}

std::string name_of(const Cell& cell, bool the_point) {
    std::string name{cell.competitor->name};
    name += cell.setting.tls ? "_tls" : "_plain";
    if (the_point) return name;
    if (cell.setting.in_flight == 1)
        name += "_sequential";
    else if (cell.setting.in_flight != 64)
        name += '_' + std::to_string(cell.setting.in_flight) + "_in_flight";
    if (cell.setting.payload != 1024) name += '_' + bytes(cell.setting.payload);
    return name;
}

bool same_load(const Setting& one, const Setting& other) {
    return one.tls == other.tls && one.in_flight == other.in_flight && one.payload == other.payload;
}

}  // namespace

double median_of(const Cell& cell, double (*get)(const Measured& seen)) {
    std::vector<double> all;
    for (const auto& one : cell.rounds) all.push_back(get(one));
    return median(std::move(all));
}

Ratios ratios(const std::vector<Group>& groups, bool the_point) {
    Ratios all;
    for (const auto& [title, cells] : groups) {
        for (const auto& cell : cells) {
            const bool ours = cell.competitor->name.starts_with("custom") || cell.competitor->name == "aws" ||
                              cell.competitor->name == "gcp" || cell.competitor->name == "azure" ||
                              cell.competitor->name == "openwhisk";
            if (!ours) continue;
            const auto name = name_of(cell, the_point);
            all.emplace(name + "_allocations", median_of(cell, [](const Measured& m) { return m.allocations; }));
            all.emplace(name + "_p99_vs_p50",
                        median_of(cell, [](const Measured& m) { return m.p50_us > 0 ? m.p99_us / m.p50_us : 0; }));
            for (const auto& other : cells) {
                const auto& setting = other.setting;
                if (&other != &cell && same_load(cell.setting, setting) && cell.competitor->name == "aws")
                    all.emplace(name + "_vs_" + std::string{other.competitor->name}, ratio(cell, other, &cpu));
                if (other.competitor == cell.competitor && setting.tls == cell.setting.tls && setting.in_flight == 64 &&
                    cell.setting.in_flight > 64)
                    all.emplace(std::string{cell.competitor->name} + (setting.tls ? "_tls" : "_plain") +
                                    "_throughput_" + std::to_string(cell.setting.in_flight) + "_vs_64",
                                ratio(cell, other, &rate));
            }
            // The point is one call at a time: under the name that it has in the whole table, too.
            if (the_point && cell.setting.in_flight == 1)
                for (const auto& other : cells)
                    if (&other != &cell && same_load(cell.setting, other.setting) && cell.competitor->name == "aws")
                        all.emplace(name + "_sequential_vs_" + std::string{other.competitor->name},
                                    ratio(cell, other, &cpu));
        }
    }
    return all;
}

void print_table(const std::vector<Group>& groups, const Ratios& ratios, const Missing& missing) {
    for (const auto& [title, cells] : groups) {
        std::printf("%s: medians of %zu rounds in turn\n", title.c_str(),
                    cells.empty() ? std::size_t{0} : cells.front().rounds.size());
        std::printf("  %-30s %5s %9s %9s %9s   CPU us: %6s %7s %7s   %8s %8s %9s   allocations: %6s %7s\n", "client",
                    "", "in flight", "bytes", "calls/s", "all", "user", "system", "p50 us", "p99 us", "peak MiB", "own",
                    "OpenSSL");
        for (const auto& cell : cells) {
            const auto of = [&](double (*get)(const Measured&)) { return median_of(cell, get); };
            const auto& setting = cell.setting;
            std::printf("  %-30.*s %5s %9zu %9zu %9.0f %16.2f %7.2f %7.2f   %8.1f %8.1f %9.1f",
                        static_cast<int>(cell.competitor->description.size()), cell.competitor->description.data(),
                        setting.tls ? "TLS" : "plain", setting.in_flight, setting.payload, of(&rate), of(&cpu),
                        of([](const Measured& m) { return m.user_us; }),
                        of([](const Measured& m) { return m.system_us; }),
                        of([](const Measured& m) { return m.p50_us; }), of([](const Measured& m) { return m.p99_us; }),
                        of([](const Measured& m) { return m.peak_mib; }));
            const auto allocations = of([](const Measured& m) { return m.allocations; });
            if (allocations >= 0)
                std::printf(" %21.2f %7.2f\n", allocations,
                            of([](const Measured& m) { return m.openssl_allocations; }));
            else
                std::printf(" %21s %7s\n", "-", "-");
        }
    }
    std::printf("ratios: of CPU time a call, unless they say otherwise (--json has more of them)\n");
    for (const auto& [name, value] : ratios) {
        const auto has = [&name](std::string_view part) { return name.find(part) != std::string::npos; };
        if (!name.starts_with("aws") || has("_allocations") || has("_vs_custom") || has("_vs_floor")) continue;
        std::printf("  %-60s %9.3f\n", name.c_str(), value);
    }
    for (const auto& [name, why] : missing)
        std::printf("NOT MEASURED: %.*s: %s\n", static_cast<int>(name.size()), name.data(), why.c_str());
}

void print_json(const std::vector<Group>& groups, const Ratios& ratios, const Missing& missing) {
    std::printf("{\"cells\":[");
    const char* comma = "";
    for (const auto& [title, cells] : groups) {
        for (const auto& cell : cells) {
            const auto of = [&](double (*get)(const Measured&)) { return median_of(cell, get); };
            std::printf(
                "%s{\"group\":\"%s\",\"client\":\"%.*s\",\"tls\":%s,\"in_flight\":%zu,\"payload\":%zu,"
                "\"rounds\":%zu,\"invokes_per_second\":%.0f,\"cpu_us\":%.3f,\"user_us\":%.3f,\"system_us\":%.3f,"
                "\"p50_us\":%.1f,\"p99_us\":%.1f,\"peak_rss_mib\":%.1f",
                comma, title.c_str(), static_cast<int>(cell.competitor->name.size()), cell.competitor->name.data(),
                cell.setting.tls ? "true" : "false", cell.setting.in_flight, cell.setting.payload, cell.rounds.size(),
                of(&rate), of(&cpu), of([](const Measured& m) { return m.user_us; }),
                of([](const Measured& m) { return m.system_us; }), of([](const Measured& m) { return m.p50_us; }),
                of([](const Measured& m) { return m.p99_us; }), of([](const Measured& m) { return m.peak_mib; }));
            const auto allocations = of([](const Measured& m) { return m.allocations; });
            if (allocations >= 0)
                std::printf(",\"allocations\":%.2f,\"openssl_allocations\":%.2f", allocations,
                            of([](const Measured& m) { return m.openssl_allocations; }));
            std::printf("}");
            comma = ",";
        }
    }
    std::printf("],\"ratios\":{");
    comma = "";
    for (const auto& [name, value] : ratios) {
        std::printf("%s\"%s\":%.4f", comma, name.c_str(), value);
        comma = ",";
    }
    std::printf("},\"not_measured\":{");
    comma = "";
    for (const auto& [name, why] : missing) {
        std::printf("%s\"%.*s\":\"%s\"", comma, static_cast<int>(name.size()), name.data(), why.c_str());
        comma = ",";
    }
    std::printf("}}\n");
}

}  // namespace bench
