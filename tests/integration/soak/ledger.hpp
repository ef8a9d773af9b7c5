#ifndef BLUEPRINT_FAAS_TESTS_SOAK_LEDGER_HPP
#define BLUEPRINT_FAAS_TESTS_SOAK_LEDGER_HPP

#include "blueprint/faas/resilience/retry.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ios>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace soak {

enum class Told : std::uint8_t { nothing, success, not_started, started, unknown };

// What became of every call, by its number, in memory that is touched before the soak begins. A byte holds what was
// told, whether the call might run twice, and its job.
class Ledger {
public:
    explicit Ledger(std::size_t capacity) : told_(capacity, 0), runs_(capacity, 0) {}

    std::size_t capacity() const { return told_.size(); }
    std::optional<std::uint64_t> open(std::size_t job, bool idempotent) {
        if (next_ == told_.size()) return std::nullopt;
        told_[next_] = static_cast<std::uint8_t>(job << 4U | (idempotent ? 8U : 0U));
        return next_++;
    }
    // False: the call was told of before.
    bool close(std::uint64_t number, Told told) {
        if ((told_.at(number) & 7U) != 0) return false;
        told_[number] = static_cast<std::uint8_t>(told_[number] | static_cast<std::uint8_t>(told));
        return true;
    }
    // From the thread of one platform, or when all have ended.
    void count_run(std::uint64_t number) {
        if (number >= runs_.size())
            ++strangers_;
        else if (runs_[number] < 255)
            ++runs_[number];
    }
    // Runs of calls that nobody made.
    std::size_t strangers() const {
        std::size_t found = strangers_;
        for (std::size_t i = next_; i < runs_.size(); ++i) found += runs_[i];
        return found;
    }
    std::size_t calls() const { return next_; }
    Told told(std::size_t number) const { return static_cast<Told>(told_[number] & 7U); }
    bool idempotent(std::size_t number) const { return (told_[number] & 8U) != 0; }
    std::size_t job(std::size_t number) const { return told_[number] >> 4U; }
    unsigned runs(std::size_t number) const { return runs_[number]; }

private:
    std::vector<std::uint8_t> told_;
    std::vector<std::uint8_t> runs_;
    std::size_t next_ = 0;
    std::size_t strangers_ = 0;
};

/// Takes down the runs that functions left in `file`, eight bytes each.
inline void count_runs(const std::filesystem::path& file, Ledger& ledger) {
    std::ifstream in{file, std::ios::binary};
    for (std::array<char, 8> bytes{}; in.read(bytes.data(), bytes.size());) {
        std::uint64_t number = 0;
        for (std::size_t i = 8; i-- > 0;) number = number << 8U | static_cast<unsigned char>(bytes[i]);
        ledger.count_run(number);
    }
}

/// What callers were told compared with what ran.
struct Balance {
    std::size_t runs = 0;
    std::size_t unknown = 0;      // calls of which it was said that they may have run
    std::size_t unknown_run = 0;  // of them, those that did
    // What must not be:
    std::size_t told_nothing = 0;
    std::size_t ran_twice = 0;  // and might not
    std::size_t success_without_run = 0;
    std::size_t run_not_started = 0;      // it ran, and was said not to have started
    std::size_t started_without_run = 0;  // the other way round
    std::size_t ran_too_often = 0;        // more often than a call is tried
    std::vector<std::size_t> odd{};       // calls that are among them

    std::size_t sum() const {
        return told_nothing + ran_twice + success_without_run + run_not_started + started_without_run + ran_too_often;
    }
};

inline Balance balance(const Ledger& ledger) {
    Balance found;
    for (std::size_t i = 0; i < ledger.calls(); ++i) {
        const auto told = ledger.told(i);
        const auto runs = ledger.runs(i);
        found.runs += runs;
        found.unknown += told == Told::unknown ? 1U : 0U;
        found.unknown_run += told == Told::unknown && runs > 0 ? 1U : 0U;
        const auto before = found.sum();
        found.told_nothing += told == Told::nothing ? 1U : 0U;
        found.ran_twice += runs > 1 && !ledger.idempotent(i) ? 1U : 0U;
        found.success_without_run += told == Told::success && runs == 0 ? 1U : 0U;
        found.run_not_started += told == Told::not_started && runs != 0 ? 1U : 0U;
        found.started_without_run += told == Told::started && runs == 0 ? 1U : 0U;
        found.ran_too_often += runs > blueprint::faas::RetryLimits{}.max_attempts ? 1U : 0U;
        if (found.sum() != before) found.odd.push_back(i);
    }
    return found;
}

/// Says of odd calls what is in the ledger and in the file of failures.
inline std::string describe(const Ledger& ledger, const std::vector<std::size_t>& calls,
                            const std::filesystem::path& failures) {
    std::ostringstream text;
    for (const auto call : calls)
        text << "\n  call " << call << " of job " << ledger.job(call) << ": told "
             << static_cast<int>(ledger.told(call)) << ", ran " << ledger.runs(call) << " times"
             << (ledger.idempotent(call) ? ", idempotent" : "");
    std::ifstream in{failures};
    for (std::string line; std::getline(in, line);)
        if (std::binary_search(calls.begin(), calls.end(), std::strtoull(line.c_str(), nullptr, 10)))
            text << "\n  " << line;
    return text.str();
}

}  // namespace soak

#endif
