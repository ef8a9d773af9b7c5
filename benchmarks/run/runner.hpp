#ifndef BLUEPRINT_FAAS_BENCHMARKS_RUN_RUNNER_HPP
#define BLUEPRINT_FAAS_BENCHMARKS_RUN_RUNNER_HPP

#include "client.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <sys/types.h>
#include <vector>

namespace bench {

/// What was seen of one run of one client.
struct Measured {
    std::uint64_t calls = 0;
    std::uint64_t failures = 0;
    double seconds = 0;
    double user_us = 0, system_us = 0;  // CPU time of the client's process a call
    double p50_us = 0, p99_us = 0;      // from a call to its result
    double peak_mib = 0;                // most memory in use during the run
    double allocations = 0;             // a call, without those of OpenSSL; negative: not counted
    double openssl_allocations = 0;     // a call

    double cpu_us() const noexcept { return user_us + system_us; }
    double rate() const noexcept { return seconds > 0 ? static_cast<double>(calls) / seconds : 0; }
};

/// A client in a process of its own, which runs when it is told to and waits otherwise. It is told by a line
/// "MILLISECONDS MOST MEASURED" on its standard input (MEASURED is 0 for a run to warm up), and answers by one of
/// "CALLS FAILURES SECONDS USER_SECONDS SYSTEM_SECONDS P50_US P99_US ALLOCATIONS OPENSSL_ALLOCATIONS", the last two
/// negative if they are not counted. Any other line ends it.
class Runner {
public:
    /// Forks.
    Runner(MakeClient make, const Setting& setting);
    /// Starts another program.
    explicit Runner(const std::vector<std::string>& command);
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;
    /// Ends it.
    ~Runner();

    Measured run(std::chrono::milliseconds time, std::uint64_t most = UINT64_MAX) { return run(time, most, true); }
    /// Makes all connections, and uses each of them.
    void warm_up();

private:
    Measured run(std::chrono::milliseconds time, std::uint64_t most, bool measured);
    void start(void (*run_there)(const void* what, std::FILE* from, std::FILE* to), const void* what);

    pid_t process_ = -1;
    std::FILE* to_ = nullptr;
    std::FILE* from_ = nullptr;
};

}  // namespace bench

#endif
