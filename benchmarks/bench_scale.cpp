// How cost grows with size: dispatch of 1 to 1,000 job ids, what the runner and map add to a job, many jobs through
// both, one thread and two, and what a connection takes. docs/scaling.md carries the numbers on.
//
//     bench_scale [--full] [--json] [--only registry|overhead|fan_out|threads|connections]
//
// `--full` runs up to 1,000,000 jobs. Times are CPU times, medians of rounds taken in turn. Exit 1 if something went
// wrong: a call failed, dispatch allocated.
#include "scale/scale.hpp"

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string_view>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {

void fail(const std::string& why) {
    std::fprintf(stderr, "bench_scale: %s\n", why.c_str());
    std::exit(1);
}

std::chrono::nanoseconds cpu_time() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

double peak_kib() {
    std::ifstream file{"/proc/self/status"};
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr);
    return 0;
}

std::vector<double> in_child(const std::function<std::vector<double>()>& work) {
    int ends[2];
    if (::pipe(ends) != 0) fail("there are no pipes");
    std::fflush(stdout);
    const pid_t child = ::fork();
    if (child < 0) fail("there are no more processes");
    if (child == 0) {
        ::close(ends[0]);
        const auto values = work();
        const auto size = values.size() * sizeof(double);
        std::_Exit(::write(ends[1], values.data(), size) == static_cast<ssize_t>(size) ? 0 : 1);
    }
    ::close(ends[1]);
    std::vector<double> values(32);
    const auto size = ::read(ends[0], values.data(), values.size() * sizeof(double));
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || size <= 0) fail("a measurement failed");
    values.resize(static_cast<std::size_t>(size) / sizeof(double));
    return values;
}

}  // namespace bench

namespace {

void print(const bench::Table& table) {
    std::printf("%s\n", table.what.c_str());
    std::size_t width = 0;
    for (const auto& row : table.rows) width = std::max(width, row.name.size());
    std::printf("  %-*s", static_cast<int>(width), "");
    for (const auto& [name, value] : table.rows.front().values) std::printf("  %14s", name.c_str());
    std::printf("\n");
    for (const auto& row : table.rows) {
        std::printf("  %-*s", static_cast<int>(width), row.name.c_str());
        for (const auto& [name, value] : row.values) std::printf("  %14.*f", value < 100 ? 2 : 0, value);
        std::printf("\n");
    }
    std::printf("\n");
}

void print_json(const std::vector<bench::Table>& tables) {
    const char* between_tables = "{";
    for (const auto& table : tables) {
        std::printf("%s\"%s\":", between_tables, table.name.c_str());
        between_tables = ",";
        const char* between_rows = "{";
        for (const auto& row : table.rows) {
            std::printf("%s\"%s\":", between_rows, row.name.c_str());
            between_rows = ",";
            const char* between = "{";
            for (const auto& [name, value] : row.values) {
                std::printf("%s\"%s\":%.3f", between, name.c_str(), value);
                between = ",";
            }
            std::printf("}");
        }
        std::printf("}");
    }
    std::printf("}\n");
}

}  // namespace

int main(int argc, char** argv) {
    bool json = false, full = false;
    std::string_view only;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--json")
            json = true;
        else if (name == "--full")
            full = true;
        else if (name == "--only" && i + 1 < argc)
            only = argv[++i];
        else
            bench::fail("usage: bench_scale [--full] [--json] [--only PART]");
    }
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);

    std::vector<bench::Table> tables;
    const auto measure = [&](std::string_view name, auto part) {
        if (!only.empty() && only != name) return;
        tables.push_back(part());
        if (!json) print(tables.back());
    };
    // What forks comes first: it must not find threads.
    measure("fan_out", [full] { return bench::measure_fan_out(full); });
    measure("connections", bench::measure_connections);
    measure("registry", bench::measure_registry);
    measure("overhead", bench::measure_overhead);
    measure("threads", bench::measure_threads);
    if (tables.empty()) bench::fail("there is no such part: registry, overhead, fan_out, threads, connections");
    if (json) print_json(tables);
    return 0;
}
