#ifndef BLUEPRINT_FAAS_CODEC_IMPL_CUSTOM_DISCOVERED_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_CUSTOM_DISCOVERED_HPP

#include "blueprint/faas/deployment.hpp"
#include "blueprint/faas/detail/url.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace blueprint::faas::detail {

/// What a codec of the custom contract found out about its platform: the addresses that it named for jobs, and what it
/// announced of itself. Usable from all threads, because several operations run at once.
class CustomDiscovered {
public:
    using Clock = std::chrono::steady_clock;
    /// All that a call needs to know, read under one lock.
    struct View {
        std::optional<Url> endpoint{};
        std::shared_ptr<const PlatformDescription> announced{};
    };
    /// The right to ask the platform for its description: one has it, the others wait for the outcome.
    class Turn {
    public:
        explicit Turn(CustomDiscovered& owner) noexcept : owner_{&owner} {}
        Turn(Turn&& other) noexcept : owner_{std::exchange(other.owner_, nullptr)} {}
        Turn& operator=(Turn&&) = delete;
        ~Turn() {
            if (owner_ != nullptr) owner_->end_turn();
        }

    private:
        CustomDiscovered* owner_;
    };

    /// Counts up whenever something becomes known or is forgotten. What was made of a view holds while it stays.
    std::uint64_t changes() const noexcept { return changes_.load(std::memory_order_acquire); }
    View view(JobId id) const {
        const std::lock_guard lock{mutex_};
        const auto found = endpoints_.find(id);
        return {found == endpoints_.end() ? std::nullopt : std::optional{found->second}, announced_};
    }
    void set_endpoint(JobId id, Url url) {
        const std::lock_guard lock{mutex_};
        endpoints_.insert_or_assign(id, std::move(url));
        count_change();
    }
    void forget_endpoint(JobId id) {
        const std::lock_guard lock{mutex_};
        if (endpoints_.erase(id) != 0) count_change();
    }

    /// Returns what the platform announced; null if it was not asked yet, or what it said was forgotten.
    std::shared_ptr<const PlatformDescription> announced() const {
        const std::lock_guard lock{mutex_};
        return announced_;
    }
    void set_announced(PlatformDescription description) {
        const std::lock_guard lock{mutex_};
        announced_ = std::make_shared<const PlatformDescription>(std::move(description));
        count_change();
    }
    /// Forgets what the platform announced, because it behaved otherwise.
    void forget_announced() {
        const std::lock_guard lock{mutex_};
        announced_.reset();
        count_change();
    }
    /// Gives the turn to ask; nothing if another operation has it.
    std::optional<Turn> take_turn() {
        const std::lock_guard lock{mutex_};
        if (asking_) return std::nullopt;
        asking_ = true;
        return Turn{*this};
    }
    /// Tells whether a call that depends on the description should ask for it: not again soon after it was asked,
    /// whatever came of it.
    bool worth_asking(Clock::time_point now) const {
        const std::lock_guard lock{mutex_};
        return !announced_ && (asking_ || now >= not_before_);
    }
    void put_off(Clock::time_point until) {
        const std::lock_guard lock{mutex_};
        not_before_ = until;
    }

private:
    void count_change() noexcept { changes_.fetch_add(1, std::memory_order_release); }
    void end_turn() {
        const std::lock_guard lock{mutex_};
        asking_ = false;
    }

    std::atomic<std::uint64_t> changes_{0};
    mutable std::mutex mutex_;
    std::map<JobId, Url> endpoints_;
    std::shared_ptr<const PlatformDescription> announced_;
    Clock::time_point not_before_ = Clock::time_point::min();
    bool asking_ = false;
};

}  // namespace blueprint::faas::detail

#endif
