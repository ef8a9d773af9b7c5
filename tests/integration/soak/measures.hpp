#ifndef BLUEPRINT_FAAS_TESTS_SOAK_MEASURES_HPP
#define BLUEPRINT_FAAS_TESTS_SOAK_MEASURES_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <malloc.h>
#include <unistd.h>
#include <vector>

namespace soak {

struct Sample {
    std::size_t descriptors = 0;
    std::size_t resident_kib = 0;
    std::size_t in_use_kib = 0;  // of the heap: what grows there has been kept, and is no gap between what was
};

inline Sample take_sample() {
    Sample sample;
    sample.descriptors = static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator{"/proc/self/fd"}, std::filesystem::directory_iterator{}));
    std::size_t pages = 0;
    std::ifstream{"/proc/self/statm"} >> pages >> pages;
    sample.resident_kib = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) / 1024;
    sample.in_use_kib = ::mallinfo2().uordblks / 1024;
    return sample;
}

// How much a straight line through the samples from `first` on grows between its ends.
inline double growth_kib(const std::vector<Sample>& samples, std::size_t first) {
    const auto count = static_cast<double>(samples.size() - first);
    double mean = 0, up = 0, down = 0;
    for (std::size_t i = first; i < samples.size(); ++i) mean += static_cast<double>(samples[i].resident_kib) / count;
    for (std::size_t i = first; i < samples.size(); ++i) {
        const double at = static_cast<double>(i - first) - (count - 1) / 2;
        up += at * (static_cast<double>(samples[i].resident_kib) - mean);
        down += at * at;
    }
    return down > 0 ? up / down * (count - 1) : 0;
}

// Times in steps of a fourth power of two, so that a window of calls has a median and no list.
class Latencies {
public:
    void add(std::chrono::microseconds time) {
        const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 1));
        const auto octave = static_cast<unsigned>(std::bit_width(us)) - 1;
        const auto quarter = octave < 2 ? 0 : (us >> (octave - 2)) & 3U;
        ++counts_[std::min<std::size_t>(octave * 4 + quarter, counts_.size() - 1)];
        ++count_;
    }
    std::uint64_t median_us() const {
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < counts_.size(); ++i)
            if ((seen += counts_[i]) * 2 >= count_ && count_ > 0)
                return (std::uint64_t{1} << i / 4) + (std::uint64_t{i % 4} << i / 4) / 4;
        return 0;
    }

private:
    std::array<std::uint32_t, 128> counts_{};
    std::uint64_t count_ = 0;
};

}  // namespace soak

#endif
