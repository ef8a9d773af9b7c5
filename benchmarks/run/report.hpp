#ifndef BLUEPRINT_FAAS_BENCHMARKS_RUN_REPORT_HPP
#define BLUEPRINT_FAAS_BENCHMARKS_RUN_REPORT_HPP

#include "competitors.hpp"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

using Ratios = std::map<std::string, double>;
using Missing = std::vector<std::pair<std::string_view, std::string>>;  // names and reasons

/// The median of all rounds of a cell.
double median_of(const Cell& cell, double (*get)(const Measured& seen));

/// All ratios that the groups have: each is taken within one round, and the median of all rounds is given.
/// `aws_tls_vs_textbook` is CPU time a call; `aws_tls_throughput_256_vs_64` calls a second; `aws_tls_p99_vs_p50`
/// latency. `sequential` stands for one call at a time, other settings than 64 in flight and 1 KiB are named
/// (`aws_tls_1024_in_flight_vs_textbook`) unless they are `the_point`, the one that was asked for.
Ratios ratios(const std::vector<Group>& groups, bool the_point);

void print_table(const std::vector<Group>& groups, const Ratios& ratios, const Missing& missing);
void print_json(const std::vector<Group>& groups, const Ratios& ratios, const Missing& missing);

/// Draws the CPU time a call of all clients of a group, plain and over TLS.
std::string svg(const Group& group);

}  // namespace bench

#endif
