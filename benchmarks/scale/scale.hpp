#ifndef BLUEPRINT_FAAS_BENCHMARKS_SCALE_SCALE_HPP
#define BLUEPRINT_FAAS_BENCHMARKS_SCALE_SCALE_HPP

// What the parts of bench_scale have in common: how they measure, and the tables that they fill.

#include "run/client.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace bench {

struct Row {
    std::string name{};
    std::vector<std::pair<std::string, double>> values{};
};
struct Table {
    std::string name{};  // in JSON
    std::string what{};
    std::vector<Row> rows{};
};

/// What a registry's dispatch costs beside a hash map's, from 1 to 1,000 ids.
Table measure_registry();
/// What runner, map and router cost a job, beside a loop of the same calls.
Table measure_overhead();
/// Rate and memory of many jobs through map and runner.
Table measure_fan_out(bool full);
/// Calls a second of one thread and of two.
Table measure_threads();
/// Memory of a connection, and CPU time to open one.
Table measure_connections();

/// CPU time of this process, all threads together.
std::chrono::nanoseconds cpu_time() noexcept;
/// The most memory that this process ever had.
double peak_kib();
/// Runs `work` in a process of its own, so that memory and CPU time are its alone, and returns what it returned. Only
/// while this process has no other thread.
std::vector<double> in_child(const std::function<std::vector<double>()>& work);

inline double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

}  // namespace bench

#endif
