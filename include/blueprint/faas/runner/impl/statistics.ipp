#ifndef BLUEPRINT_FAAS_RUNNER_IMPL_STATISTICS_IPP
#define BLUEPRINT_FAAS_RUNNER_IMPL_STATISTICS_IPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/runner/statistics.hpp"

#include <algorithm>
#include <utility>

namespace blueprint::faas::detail {

BLUEPRINT_FAAS_DECL void StatisticsBoard::Histogram::add(std::chrono::microseconds duration) noexcept {
    const auto us = std::max<std::int64_t>(duration.count(), 0);
    const auto& bounds = LatencyHistogram::bounds_seconds;
    const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), static_cast<double>(us) / 1e6) - bounds.begin();
    count(counts[static_cast<std::size_t>(bucket)]);
    sum_us.fetch_add(static_cast<std::uint64_t>(us), std::memory_order_relaxed);
}

BLUEPRINT_FAAS_DECL LatencyHistogram StatisticsBoard::Histogram::read() const {
    LatencyHistogram out;
    for (std::size_t i = 0; i < counts.size(); ++i) out.counts[i] = counts[i].load(std::memory_order_relaxed);
    out.sum = std::chrono::microseconds{static_cast<std::int64_t>(sum_us.load(std::memory_order_relaxed))};
    return out;
}

BLUEPRINT_FAAS_DECL void StatisticsBoard::Provider::add(const result<Bytes>& outcome, const FaasMetrics& metrics,
                                                        std::chrono::microseconds took) noexcept {
    duration.add(took);
    if (metrics.cold_start == true) count(cold_starts);
    if (outcome) return count(succeeded);
    const boost::system::error_code code = outcome.error().code;
    const bool ours = code.category() == faas_category() && code.value() > 0 &&
                      static_cast<std::size_t>(code.value()) < errors.size();
    count(errors[static_cast<std::size_t>(ours ? code.value() : static_cast<int>(errc::infrastructure))]);
}

BLUEPRINT_FAAS_DECL StatisticsBoard::Provider& StatisticsBoard::Job::provider(std::string_view name) noexcept {
    for (auto& one : providers) {
        if (!one.used.load(std::memory_order_relaxed)) {
            one.name = &one == &providers.back() ? std::string_view{"other"} : name;
            one.used.store(true, std::memory_order_release);
            return one;
        }
        if (one.name == name) return one;
    }
    return providers.back();
}

BLUEPRINT_FAAS_DECL StatisticsBoard::StatisticsBoard(const std::vector<JobId>& jobs) : ids_{jobs} {
    std::sort(ids_.begin(), ids_.end());
    ids_.erase(std::unique(ids_.begin(), ids_.end()), ids_.end());
    for (const JobId id : ids_) jobs_.emplace(id, std::make_unique<Job>());
}

BLUEPRINT_FAAS_DECL StatisticsBoard::Job& StatisticsBoard::of(JobId id) noexcept {
    const auto found = jobs_.find(id);
    return found == jobs_.end() ? other_ : *found->second;
}

BLUEPRINT_FAAS_DECL JobStatistics StatisticsBoard::read(std::optional<JobId> id, const Job& job) {
    const auto load = [](const Count& counter) { return counter.load(std::memory_order_relaxed); };
    JobStatistics out{.job_id = id,
                      .succeeded = load(job.succeeded),
                      .failed = load(job.failed),
                      .unfinished = load(job.unfinished),
                      .retries = load(job.retries),
                      .failovers = load(job.failovers),
                      .fallbacks = load(job.fallbacks),
                      .dead_letters = load(job.dead_letters),
                      .in_flight = load(job.in_flight),
                      .waiting = load(job.waiting),
                      .queue_wait = job.queue_wait.read()};
    for (const auto& one : job.providers) {
        if (!one.used.load(std::memory_order_acquire)) break;
        ProviderStatistics provider{.provider = std::string{one.name},
                                    .succeeded = load(one.succeeded),
                                    .cold_starts = load(one.cold_starts),
                                    .duration = one.duration.read()};
        for (std::size_t i = 0; i < one.errors.size(); ++i) provider.errors[i] = load(one.errors[i]);
        out.providers.push_back(std::move(provider));
    }
    return out;
}

BLUEPRINT_FAAS_DECL Statistics StatisticsBoard::read() const {
    Statistics out;
    for (const JobId id : ids_) out.jobs.push_back(read(id, *jobs_.at(id)));
    out.jobs.push_back(read(std::nullopt, other_));
    return out;
}

}  // namespace blueprint::faas::detail

#endif
