#ifndef BLUEPRINT_FAAS_RUNNER_STATISTICS_HPP
#define BLUEPRINT_FAAS_RUNNER_STATISTICS_HPP

#include "blueprint/faas/metrics.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace blueprint::faas {

/// How long things took. Counts are per bucket, not summed up.
struct LatencyHistogram {
    /// Upper bounds of the buckets but the last, in seconds.
    /// Source: OpenTelemetry, "Semantic conventions for FaaS metrics", metric faas.invoke_duration.
    static constexpr std::array<double, 14> bounds_seconds{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                                           0.5,   0.75, 1,     2.5,  5,     7.5, 10};
    std::array<std::uint64_t, bounds_seconds.size() + 1> counts{};  ///< the last: longer than all bounds
    std::chrono::microseconds sum{};

    std::uint64_t count() const noexcept {
        std::uint64_t all = 0;
        for (const auto one : counts) all += one;
        return all;
    }
};

/// What one provider did for one job. Every attempt counts, so a call that was tried twice counts twice.
struct ProviderStatistics {
    std::string provider{};  ///< `provider_name()`, or "local"
    std::uint64_t succeeded = 0;
    std::array<std::uint64_t, 13> errors{};  ///< by the number of the `errc`
    std::uint64_t cold_starts = 0;           ///< as far as told by the platform
    LatencyHistogram duration{};             ///< of all attempts, as this process saw them

    std::uint64_t errors_of(errc code) const noexcept { return errors[static_cast<std::size_t>(code)]; }
};

/// What became of one job's calls.
struct JobStatistics {
    std::optional<JobId> job_id{};  ///< empty: all ids that have neither executor nor route, together
    std::uint64_t succeeded = 0;    ///< calls, each once
    std::uint64_t failed = 0;
    std::uint64_t unfinished = 0;
    std::uint64_t retries = 0;
    std::uint64_t failovers = 0;
    std::uint64_t fallbacks = 0;  ///< to the local route
    std::uint64_t dead_letters = 0;
    std::uint64_t in_flight = 0;    ///< now
    std::uint64_t waiting = 0;      ///< now, for the job's own in-flight limit
    LatencyHistogram queue_wait{};  ///< from the producer to the start
    std::vector<ProviderStatistics> providers{};
};

/// A moment of a run. Each number is exact; two of them may be of slightly different moments.
struct Statistics {
    std::vector<JobStatistics> jobs{};
};

namespace detail {

// The numbers behind `Statistics`: written with relaxed atomics by the runner's strand, read from every thread.
class StatisticsBoard {
public:
    using Count = std::atomic<std::uint64_t>;

    struct Histogram {
        std::array<Count, LatencyHistogram::bounds_seconds.size() + 1> counts{};
        Count sum_us{};

        void add(std::chrono::microseconds duration) noexcept;
        LatencyHistogram read() const;
    };
    struct Provider {
        std::atomic<bool> used{false};
        std::string_view name{};  // written before `used`
        Count succeeded{}, cold_starts{};
        std::array<Count, 13> errors{};
        Histogram duration{};

        void add(const result<Bytes>& outcome, const FaasMetrics& metrics, std::chrono::microseconds took) noexcept;
    };
    struct Job {
        Count succeeded{}, failed{}, unfinished{}, retries{}, failovers{}, fallbacks{}, dead_letters{}, in_flight{},
            waiting{};
        Histogram queue_wait{};
        std::array<Provider, 4> providers{};  // more than that share the last, as "other"

        /// `name` has static lifetime. Only for the strand that writes.
        Provider& provider(std::string_view name) noexcept;
    };

    explicit StatisticsBoard(const std::vector<JobId>& jobs);

    Job& of(JobId id) noexcept;
    Statistics read() const;

private:
    static JobStatistics read(std::optional<JobId> id, const Job& job);

    std::vector<JobId> ids_;
    std::unordered_map<JobId, std::unique_ptr<Job>> jobs_;  // not changed once built
    Job other_;
};

inline void count(StatisticsBoard::Count& counter) noexcept { counter.fetch_add(1, std::memory_order_relaxed); }
inline void uncount(StatisticsBoard::Count& counter) noexcept { counter.fetch_sub(1, std::memory_order_relaxed); }

}  // namespace detail

/// Reads the statistics of a runner that is built later: hand one copy to `RunnerBuilder::publish_statistics`, another
/// to what shows them. Safe from every thread.
class StatisticsSource {
public:
    /// Returns the present numbers; nothing at all before the runner was built.
    Statistics read() const {
        std::shared_ptr<const detail::StatisticsBoard> board;
        {
            const std::lock_guard lock{shared_->mutex};
            board = shared_->board;
        }
        return board ? board->read() : Statistics{};
    }
    void attach(std::shared_ptr<const detail::StatisticsBoard> board) const {
        const std::lock_guard lock{shared_->mutex};
        shared_->board = std::move(board);
    }

private:
    struct Shared {
        std::mutex mutex{};
        std::shared_ptr<const detail::StatisticsBoard> board{};
    };
    std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/runner/impl/statistics.ipp"
#endif

#endif
