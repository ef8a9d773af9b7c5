#ifndef BLUEPRINT_FAAS_RESILIENCE_BUDGET_HPP
#define BLUEPRINT_FAAS_RESILIENCE_BUDGET_HPP

#include "blueprint/faas/deadline.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace blueprint::faas {

/// How many retries all calls of an executor may make together: a share of the calls of the last 10 s.
struct RetryBudgetOptions {
    double share = 0.2;                   ///< retries per call, counted over the last 10 s
    std::uint32_t floor_per_second = 10;  ///< allowed however few calls there are
};

/// Keeps retries a fixed share of the traffic, so that a platform in trouble is not sent a multiple of it.
/// Counts in slots of a second: the window is the current second and the nine before. No clock, no lock.
class RetryBudget {
public:
    explicit RetryBudget(RetryBudgetOptions options) noexcept : options_{options} {}

    /// Counts one call. Its retries are not calls: a budget that grew with them would have no bound.
    void called(Moment now) noexcept {
        ++slot(now).calls;
        ++calls_;
    }
    /// Takes one retry; false if the window has had its share and this second its floor.
    bool take(Moment now) noexcept {
        Slot& current = slot(now);
        const auto shared = static_cast<double>(retries_) + 1 <= static_cast<double>(calls_) * options_.share;
        const auto floor = current.retries < options_.floor_per_second &&
                           retries_ < std::uint64_t{options_.floor_per_second} * slots_.size();
        if (!shared && !floor) return false;
        ++current.retries;
        ++retries_;
        return true;
    }
    /// Gives back a retry that was taken and then not made.
    void give_back(Moment now) noexcept {
        Slot& current = slot(now);
        if (current.retries == 0) return;
        --current.retries;
        --retries_;
    }

private:
    struct Slot {
        std::uint64_t calls = 0;
        std::uint64_t retries = 0;
    };

    // A caller may have read its clock just before another one did: what is late counts as now.
    Slot& slot(Moment now) noexcept {
        const auto second = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
        const auto steps = std::min<std::int64_t>(second - second_, static_cast<std::int64_t>(slots_.size()));
        for (std::int64_t step = 0; step < steps; ++step) {
            at_ = (at_ + 1) % slots_.size();
            calls_ -= slots_[at_].calls;
            retries_ -= slots_[at_].retries;
            slots_[at_] = {};
        }
        second_ = std::max<std::int64_t>(second_, second);
        return slots_[at_];
    }

    RetryBudgetOptions options_;
    std::array<Slot, 10> slots_{};
    std::size_t at_ = 0;
    std::int64_t second_ = 0;
    std::uint64_t calls_ = 0;    // of all slots
    std::uint64_t retries_ = 0;  // of all slots
};

/// What a retry costs, and what an exchange gives back when it succeeds.
struct RetryQuotaOptions {
    std::uint32_t tokens = 500;
    std::uint32_t retry_cost = 14;
    std::uint32_t throttled_retry_cost = 5;  ///< after `errc::throttled`, which is a healthy platform's word
    std::uint32_t success_gives = 1;         ///< when it succeeds at once; after retries it gives back their cost
};

/// Lets retries happen while they help: each costs tokens, which successes bring back. When nothing succeeds any more
/// the retries end within the first few dozen. No clock, no lock.
class RetryQuota {
public:
    explicit RetryQuota(std::uint32_t tokens) noexcept : tokens_{tokens}, most_{tokens} {}

    bool take(std::uint32_t cost) noexcept {
        if (cost > tokens_) return false;
        tokens_ -= cost;
        return true;
    }
    void give(std::uint32_t tokens) noexcept { tokens_ += std::min(tokens, most_ - tokens_); }
    std::uint32_t tokens() const noexcept { return tokens_; }

private:
    std::uint32_t tokens_;
    std::uint32_t most_;
};

/// Allows something extra for a share of the calls, and never more than that share of all calls so far. What is not
/// used is kept for `burst` of them. No clock, no lock.
class ShareBudget {
public:
    ShareBudget(double share, std::uint32_t burst) noexcept
        : per_call_{static_cast<std::uint64_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(one))},
          most_{burst * one} {}

    void called() noexcept { saved_ = std::min(saved_ + per_call_, most_); }
    bool take() noexcept {
        if (saved_ < one) return false;
        saved_ -= one;
        return true;
    }

private:
    static constexpr std::uint64_t one = 1'000'000;
    std::uint64_t per_call_;
    std::uint64_t most_;
    std::uint64_t saved_ = 0;
};

}  // namespace blueprint::faas

#endif
