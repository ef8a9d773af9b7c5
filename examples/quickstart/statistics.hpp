#ifndef BLUEPRINT_FAAS_EXAMPLES_QUICKSTART_STATISTICS_HPP
#define BLUEPRINT_FAAS_EXAMPLES_QUICKSTART_STATISTICS_HPP

#include <blueprint/faas/metrics.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quickstart {

namespace faas = blueprint::faas;

/// Counts results and prints them as a table.
class Statistics {
public:
    void add(const faas::Invocation& done) {
        // A line that is no call has the line's number beside it, and no job.
        const bool no_call = done.result.ran_on.empty() && done.result.metadata.get("line").has_value();
        const auto job = no_call ? std::string{"-"} : std::to_string(done.result.job_id.value());
        auto& row = rows_[{job, done.result.ran_on.empty() ? "nowhere" : std::string{done.result.ran_on}}];
        row.times.push_back(done.metrics.total_duration);
        if (done.result.succeeded()) {
            ++row.ok;
        } else {
            ++row.failed;
            const auto error = done.result.outcome.error();
            // Only what the job itself decided is its own failure; all else is trouble on the way.
            const bool own = error.code == faas::errc::function_error || error.code == faas::errc::serialization;
            if (!own) ++trouble_;
            ++failures_[no_call ? error.message : "job " + job + ": " + error.message];
        }
        if (done.metrics.cold_start) row.cold_known = true;
        if (done.metrics.cold_start.value_or(false)) ++row.cold;
        ++count_;
    }
    std::uint64_t count() const noexcept { return count_; }
    std::uint64_t trouble() const noexcept { return trouble_; }

    /// `names` are the jobs by their numbers.
    void print(const std::map<std::string, std::string_view>& names) const {
        std::printf("\n  %-4s %-18s %-18s %7s %7s %10s %10s %12s\n", "job", "what", "ran on", "ok", "failed", "p50 ms",
                    "p99 ms", "cold starts");
        for (const auto& [key, row] : rows_) {
            const auto name = names.contains(key.first)
                                  ? names.at(key.first)
                                  : std::string_view{key.first == "-" ? "(no call)" : "(no such job)"};
            const auto cold = row.cold_known ? std::to_string(row.cold) : std::string{"-"};
            std::printf("  %-4s %-18.*s %-18s %7llu %7llu %10.2f %10.2f %12s\n", key.first.c_str(),
                        static_cast<int>(name.size()), name.data(), key.second.c_str(), row.ok, row.failed,
                        percentile(row.times, 0.50), percentile(row.times, 0.99), cold.c_str());
        }
        std::printf("\n");
    }
    /// Shows the commonest failures, at most five.
    void print_failures() const {
        std::vector<std::pair<std::uint64_t, std::string>> worst;
        for (const auto& [key, times] : failures_) worst.emplace_back(times, key);
        std::sort(worst.rbegin(), worst.rend());
        for (std::size_t i = 0; i < std::min<std::size_t>(worst.size(), 5); ++i)
            std::printf("  %llu x %s\n", static_cast<unsigned long long>(worst[i].first), worst[i].second.c_str());
        if (worst.size() > 5) std::printf("  and %zu more kinds of failure\n", worst.size() - 5);
    }

private:
    struct Row {
        unsigned long long ok = 0;
        unsigned long long failed = 0;
        unsigned long long cold = 0;
        bool cold_known = false;
        std::vector<std::chrono::microseconds> times{};
    };
    static double percentile(std::vector<std::chrono::microseconds> times, double share) {
        const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(times.size() - 1));
        std::nth_element(times.begin(), times.begin() + at, times.end());
        return static_cast<double>(times[static_cast<std::size_t>(at)].count()) / 1000.0;
    }

    std::map<std::pair<std::string, std::string>, Row> rows_;
    std::map<std::string, std::uint64_t> failures_;
    std::uint64_t count_ = 0;
    std::uint64_t trouble_ = 0;
};

}  // namespace quickstart

#endif
