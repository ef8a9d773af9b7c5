// What a function costs on Lambda: its program is started again and again, and this process plays the runtime API.
// Prints, for each program given, medians of `--runs N` (20): milliseconds from the start of the process to its first
// answer, memory in use after it and at its peak, and microseconds a call of 2,000 more. `--json` prints one JSON
// object. Exit 1 if a call failed, or if a program takes more than 10 MiB; how long it takes depends on what else the
// machine does, so the 15 ms that it should take at most are only printed.
#include "../tests/support/runtime_api.hpp"
#include "../tests/support/temporary_directory.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace test = blueprint::faas::test;
using Clock = std::chrono::steady_clock;

namespace {

constexpr double most_ms = 15, most_mib = 10;
constexpr std::size_t further_calls = 2'000;

struct Run {
    double first_ms = 0, resident_mib = 0, peak_mib = 0, call_us = 0;
};

double memory_mib(pid_t pid, std::string_view name) {
    std::ifstream file{"/proc/" + std::to_string(pid) + "/status"};
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(name)) return std::strtod(line.c_str() + name.size() + 1, nullptr) / 1024.0;
    return 0;
}

double since(Clock::time_point begun, double unit) {
    return std::chrono::duration<double>(Clock::now() - begun).count() / unit;
}

Run measure(const std::string& program, const std::filesystem::path& log) {
    static const std::string event =
        test::http_answer("200 OK", R"({"job_id":0,"args":[7,0,0,0,0,0,0,0]})", "Lambda-Runtime-Aws-Request-Id: r\r\n");
    test::RuntimeApi api;
    Run run;
    std::size_t answers = 0;
    auto begun = Clock::now();
    test::FunctionProcess function{program, {"AWS_LAMBDA_RUNTIME_API=" + api.address()}, log};
    api.serve([&](const test::RuntimeRequest& request) -> test::RuntimeReply {
        if (request.is_next()) return {.bytes = event};
        if (request.body.find(R"("result":[49,0,0,0,0,0,0,0],"success":true)") == std::string::npos) {
            std::fprintf(stderr, "bench_runtime: %s answered %s\n", program.c_str(), request.body.c_str());
            std::exit(1);
        }
        if (++answers == 1) {
            run.first_ms = since(begun, 1e-3);
            run.resident_mib = memory_mib(function.pid(), "VmRSS");
            run.peak_mib = memory_mib(function.pid(), "VmHWM");
            begun = Clock::now();
        }
        const bool last = answers == 1 + further_calls;
        if (last) run.call_us = since(begun, 1e-6) / static_cast<double>(further_calls);
        return {.bytes = test::http_answer("202 Accepted", ""), .stop = last};
    });
    return run;
}

double median(const std::vector<Run>& runs, double Run::* value) {
    std::vector<double> values;
    for (const auto& run : runs) values.push_back(run.*value);
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

}  // namespace

int main(int count, char** arguments) {
    std::size_t runs = 20;
    bool json = false;
    std::vector<std::string> programs;
    for (int i = 1; i < count; ++i) {
        const std::string_view argument = arguments[i];
        if (argument == "--json")
            json = true;
        else if (argument == "--runs" && i + 1 < count)
            runs = std::max<std::size_t>(std::strtoul(arguments[++i], nullptr, 10), 1);
        else
            programs.emplace_back(argument);
    }
    const test::TemporaryDirectory directory;
    std::vector<std::vector<Run>> measured(programs.size());
    for (std::size_t i = 0; i < runs; ++i)  // in turn, so that what else the machine does meets all alike
        for (std::size_t p = 0; p < programs.size(); ++p)
            measured[p].push_back(measure(programs[p], directory / "log"));
    bool within = true;
    std::printf(json ? "{" : "%-32s %9s %9s %9s %9s %10s\n", "program", "first ms", "RSS MiB", "peak MiB", "us/call",
                "size KiB");
    for (std::size_t p = 0; p < programs.size(); ++p) {
        const auto& all = measured[p];
        const double first = median(all, &Run::first_ms), resident = median(all, &Run::resident_mib);
        const double peak = median(all, &Run::peak_mib), call = median(all, &Run::call_us);
        const double size = static_cast<double>(std::filesystem::file_size(programs[p])) / 1024.0;
        const auto name = std::filesystem::path{programs[p]}.filename().string();
        within = within && peak <= most_mib;
        if (json)
            std::printf("%s\"%s\":{\"first_ms\":%.2f,\"rss_mib\":%.2f,\"peak_mib\":%.2f,\"call_us\":%.1f,\"kib\":%.0f}",
                        p == 0 ? "" : ",", name.c_str(), first, resident, peak, call, size);
        else
            std::printf("%-32s %9.2f %9.2f %9.2f %9.1f %10.0f\n", name.c_str(), first, resident, peak, call, size);
    }
    std::printf(json ? "}\n" : "at most %25.0f %29.0f\n", most_ms, most_mib);
    return within ? 0 : 1;
}
