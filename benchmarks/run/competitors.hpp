#ifndef BLUEPRINT_FAAS_BENCHMARKS_RUN_COMPETITORS_HPP
#define BLUEPRINT_FAAS_BENCHMARKS_RUN_COMPETITORS_HPP

#include "client.hpp"
#include "runner.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// One way to call a function, and how its process is started.
struct Competitor {
    std::string_view name;         // in JSON
    std::string_view description;  // for people
    bool quick;                    // measured without --full, too
    bool anywhere;                 // with every size and number, not with 1 KiB at 1 and 64 in flight alone
    std::unique_ptr<Runner> (*start)(const Setting& setting);
    std::string (*missing)();  // why it cannot be measured here; empty: it can
};

/// All that there are, ours first.
std::span<const Competitor> competitors();

/// What one competitor showed at one setting, round by round.
struct Cell {
    const Competitor* competitor = nullptr;
    Setting setting{};
    std::unique_ptr<Runner> runner{};
    std::vector<Measured> rounds{};
};

/// The cells that are measured in turn, so that they can be compared.
struct Group {
    std::string title{};
    std::vector<Cell> cells{};
};

}  // namespace bench

#endif
