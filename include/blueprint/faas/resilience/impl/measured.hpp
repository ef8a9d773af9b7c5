#ifndef BLUEPRINT_FAAS_RESILIENCE_IMPL_MEASURED_HPP
#define BLUEPRINT_FAAS_RESILIENCE_IMPL_MEASURED_HPP

#include "blueprint/faas/detail/attempts.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/metrics.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::detail {

inline FaasMetrics metrics_of(const Error& error) { return error.metrics ? *error.metrics : FaasMetrics{}; }

inline void put_metrics(Error& error, FaasMetrics metrics, Moment began) {
    metrics.total_duration = between(began, std::chrono::steady_clock::now());
    error.metrics = std::make_shared<const FaasMetrics>(std::move(metrics));
}

/// What several calls of executors, made for one call, add up to.
class MergedAttempts {
public:
    explicit MergedAttempts(Moment began) : began_{began} {}

    /// Adds a call that failed and was made at `from`. One whose executor tells nothing counts as one attempt.
    void failed(const Error& error, std::string_view executor, Moment from) {
        if (!error.metrics) {
            ++attempts_;
            list_.push_back(
                failed_attempt(error, std::string{executor}, began_, from, from, std::chrono::steady_clock::now()));
            return;
        }
        attempts_ += error.metrics->attempts;
        for (Attempt attempt : error.metrics->failed_attempts) {
            attempt.began_after += between(began_, from);
            list_.push_back(std::move(attempt));
        }
    }
    /// Adds a call that was cancelled, because it was needed no longer: it has requests, but no failure.
    void cancelled(const Error& error) { attempts_ += error.metrics ? error.metrics->attempts : 1; }
    /// Writes all of it into the metrics of the call that succeeded, made at `from`.
    void succeeded(FaasMetrics& metrics, Moment from) {
        metrics.attempts += attempts_;
        for (Attempt& attempt : metrics.failed_attempts) {
            attempt.began_after += between(began_, from);
            list_.push_back(std::move(attempt));
        }
        metrics.failed_attempts = std::move(list_);
        metrics.total_duration = between(began_, std::chrono::steady_clock::now());
    }
    void put(Error& error) {
        auto metrics = metrics_of(error);
        metrics.attempts = attempts_;
        metrics.failed_attempts = std::move(list_);
        put_metrics(error, std::move(metrics), began_);
    }

private:
    Moment began_;
    std::uint32_t attempts_ = 0;
    std::vector<Attempt> list_{};
};

}  // namespace blueprint::faas::detail

#endif
