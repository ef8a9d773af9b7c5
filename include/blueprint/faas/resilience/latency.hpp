#ifndef BLUEPRINT_FAAS_RESILIENCE_LATENCY_HPP
#define BLUEPRINT_FAAS_RESILIENCE_LATENCY_HPP

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace blueprint::faas {

/// Knows one quantile of the last so many latencies, within 1.6 % and never below the truth.
/// Counts them in buckets of which 64 double the latency, and keeps its place among them: adding one moves that place
/// by a step or two, where sorting would cost a thousand times that. No clock, no lock.
class LatencyWindow {
public:
    /// `quantile` from (0, 1]; `size` is at least 1.
    LatencyWindow(double quantile, std::size_t size)
        : quantile_{std::clamp(quantile, 0.0, 1.0)}, window_(std::max<std::size_t>(size, 1)), counts_(buckets) {}

    void add(std::chrono::microseconds latency) noexcept {
        if (filled_ == window_.size()) {
            const auto oldest = window_[at_];
            --counts_[oldest];
            if (oldest < place_) --below_;
        } else {
            ++filled_;
        }
        const auto bucket = bucket_of(latency);
        window_[at_] = bucket;
        at_ = (at_ + 1) % window_.size();
        ++counts_[bucket];
        if (bucket < place_) ++below_;
        const auto rank =
            std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(quantile_ * static_cast<double>(filled_))));
        while (below_ >= rank) below_ -= counts_[--place_];
        while (below_ + counts_[place_] < rank) below_ += counts_[place_++];
    }
    std::size_t size() const noexcept { return filled_; }
    /// Returns the quantile; zero while there is no latency.
    std::chrono::microseconds value() const noexcept {
        return std::chrono::microseconds{filled_ == 0 ? 0 : top_of(place_)};
    }

private:
    // Exact below 128 µs; above, the six bits after the leading one. The last bucket begins at 76 hours.
    static constexpr std::uint16_t buckets = 128 + 64 * 31;

    static std::uint16_t bucket_of(std::chrono::microseconds latency) noexcept {
        const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(latency.count(), 0));
        if (value < 128) return static_cast<std::uint16_t>(value);
        const auto shift = static_cast<unsigned>(std::bit_width(value)) - 7U;  // at least 1
        const auto bucket = 128U + (shift - 1U) * 64U + static_cast<unsigned>((value >> shift) & 63U);
        return static_cast<std::uint16_t>(std::min<unsigned>(bucket, buckets - 1U));
    }
    static std::int64_t top_of(std::uint16_t bucket) noexcept {
        if (bucket < 128) return bucket;
        const unsigned shift = (bucket - 128U) / 64U + 1U;
        const std::int64_t first = std::int64_t{64 + (bucket - 128) % 64} << shift;
        return first + (std::int64_t{1} << shift) - 1;
    }

    double quantile_;
    std::vector<std::uint16_t> window_;  // the buckets of the last latencies
    std::vector<std::uint32_t> counts_;
    std::size_t at_ = 0;
    std::size_t filled_ = 0;
    std::uint16_t place_ = 0;  // the bucket in which the quantile lies
    std::uint64_t below_ = 0;  // latencies in the buckets before it
};

}  // namespace blueprint::faas

#endif
