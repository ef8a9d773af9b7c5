#ifndef BLUEPRINT_FAAS_CODEC_IMPL_GCP_ADDRESSES_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_GCP_ADDRESSES_HPP

#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/job.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace blueprint::faas::detail {

/// Where a job's calls go, and whom a token for them is made for.
struct GoogleAddress {
    Url url{};
    std::string audience{};
};

/// The addresses of jobs: those of the options, and those that were looked up. Usable from all threads, because several
/// operations run at once.
class GoogleAddresses {
public:
    /// The right to look a job up: one has it, the others wait for the outcome.
    class Turn {
    public:
        Turn(GoogleAddresses& owner, JobId id) noexcept : owner_{&owner}, id_{id} {}
        Turn(Turn&& other) noexcept : owner_{std::exchange(other.owner_, nullptr)}, id_{other.id_} {}
        Turn& operator=(Turn&&) = delete;
        ~Turn() {
            if (owner_ != nullptr) owner_->end_turn(id_, nullptr);
        }
        /// Ends it in vain, also for those who wait.
        void fail(const Error& error) {
            std::exchange(owner_, nullptr)->end_turn(id_, std::make_shared<const Error>(error));
        }

    private:
        GoogleAddresses* owner_;
        JobId id_;
    };

    explicit GoogleAddresses(std::map<JobId, GoogleAddress> given) : given_{std::move(given)} {}

    /// Counts up whenever something becomes known or is forgotten. What was made of an address holds while it stays.
    std::uint64_t changes() const noexcept { return changes_.load(std::memory_order_acquire); }
    std::optional<GoogleAddress> find(JobId id) const {
        if (const auto own = given_.find(id); own != given_.end()) return own->second;
        const std::lock_guard lock{mutex_};
        const auto found = found_.find(id);
        return found == found_.end() ? std::nullopt : std::optional{found->second};
    }
    void set(JobId id, GoogleAddress address) {
        if (given_.contains(id)) return;
        const std::lock_guard lock{mutex_};
        const auto found = found_.find(id);
        if (found != found_.end() && found->second.audience == address.audience) return;
        found_.insert_or_assign(id, std::move(address));
        changes_.fetch_add(1, std::memory_order_release);
    }
    /// Forgets what was looked up, because nothing answers there; what the options say stays.
    void forget(JobId id) {
        const std::lock_guard lock{mutex_};
        if (found_.erase(id) != 0) changes_.fetch_add(1, std::memory_order_release);
    }

    /// Gives the turn to look up; nothing if another operation has it.
    std::optional<Turn> take_turn(JobId id) {
        const std::lock_guard lock{mutex_};
        auto& look = looks_[id];
        if (look.going_on) return std::nullopt;
        look.going_on = true;
        return Turn{*this, id};
    }
    /// Counts the looks at a job that have ended, so that who waits for one knows it from those before.
    std::uint64_t ended_looks(JobId id) const {
        const std::lock_guard lock{mutex_};
        const auto found = looks_.find(id);
        return found == looks_.end() ? 0 : found->second.ended;
    }
    /// Why the last look at a job was in vain; null if it was not, or ended for a reason of the looker's own.
    std::shared_ptr<const Error> last_failure(JobId id) const {
        const std::lock_guard lock{mutex_};
        const auto found = looks_.find(id);
        return found == looks_.end() ? nullptr : found->second.failure;
    }

private:
    struct Look {
        bool going_on = false;
        std::uint64_t ended = 0;
        std::shared_ptr<const Error> failure{};
    };
    void end_turn(JobId id, std::shared_ptr<const Error> failure) {
        const std::lock_guard lock{mutex_};
        auto& look = looks_[id];
        look.going_on = false;
        look.failure = std::move(failure);
        ++look.ended;
    }

    std::atomic<std::uint64_t> changes_{0};
    const std::map<JobId, GoogleAddress> given_;
    mutable std::mutex mutex_;
    std::map<JobId, GoogleAddress> found_;
    std::map<JobId, Look> looks_;
};

}  // namespace blueprint::faas::detail

#endif
