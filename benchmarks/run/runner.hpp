#ifndef BLUEPRINT_FAAS_BENCHMARKS_RUN_RUNNER_HPP
#define BLUEPRINT_FAAS_BENCHMARKS_RUN_RUNNER_HPP

#include "client.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <sys/types.h>

namespace bench {

/// What was seen of one run of one client.
struct Measured {
    std::uint64_t calls = 0;
    std::uint64_t failures = 0;
    double seconds = 0;
    double user_us = 0, system_us = 0;  // CPU time of the client's process a call
    double p50_us = 0, p99_us = 0;      // from a call to its result
    double peak_mib = 0;                // most memory in use during the run
    double allocations = 0;             // a call; negative: not counted

    double cpu_us() const noexcept { return user_us + system_us; }
    double rate() const noexcept { return seconds > 0 ? static_cast<double>(calls) / seconds : 0; }
};

/// A client in a process of its own, which runs when it is told to and waits otherwise. It is told by a line
/// "MILLISECONDS MOST" on its standard input, and answers by one of "CALLS FAILURES SECONDS USER_SECONDS SYSTEM_SECONDS
/// P50_US P99_US ALLOCATIONS".
class Runner {
public:
    /// Forks.
    Runner(MakeClient make, const Setting& setting);
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;
    /// Ends it.
    ~Runner();

    Measured run(std::chrono::milliseconds time, std::uint64_t most = UINT64_MAX);

private:
    pid_t process_ = -1;
    std::FILE* to_ = nullptr;
    std::FILE* from_ = nullptr;
};

}  // namespace bench

#endif
