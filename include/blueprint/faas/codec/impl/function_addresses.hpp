#ifndef BLUEPRINT_FAAS_CODEC_IMPL_FUNCTION_ADDRESSES_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_FUNCTION_ADDRESSES_HPP

#include "blueprint/faas/error.hpp"
#include "blueprint/faas/job.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace blueprint::faas::detail {

/// Where the calls of jobs go, and what they need there: as the options say, and as it was looked up. Usable from all
/// threads, because several operations run at once.
template <class Address>
class FunctionAddresses {
public:
    /// An address, and the state of all of them at which it was the one to call.
    struct Known {
        Address address{};
        std::uint64_t state = 0;
    };

    /// The right to look a job up: one has it, the others wait for the outcome.
    class Turn {
    public:
        Turn(FunctionAddresses& owner, JobId id) noexcept : owner_{&owner}, id_{id} {}
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
        FunctionAddresses* owner_;
        JobId id_;
    };

    explicit FunctionAddresses(std::map<JobId, Address> given) : given_{std::move(given)} {}

    /// Counts up whenever something becomes known or is forgotten. What was made of an address holds while it stays.
    std::uint64_t changes() const noexcept { return changes_.load(std::memory_order_acquire); }
    std::optional<Known> find(JobId id) const {
        if (const auto own = given_.find(id); own != given_.end()) return Known{own->second, changes()};
        const std::lock_guard lock{mutex_};
        const auto found = found_.find(id);
        if (found == found_.end() || found->second.spoilt) return std::nullopt;
        return Known{found->second.address, changes_.load(std::memory_order_relaxed)};
    }
    /// Returns what is known or, but for a part of it, was.
    std::optional<Address> remembered(JobId id) const {
        if (const auto own = given_.find(id); own != given_.end()) return own->second;
        const std::lock_guard lock{mutex_};
        const auto found = found_.find(id);
        return found == found_.end() ? std::nullopt : std::optional{found->second.address};
    }
    /// Keeps what was found out, and returns the state since when it is known.
    std::uint64_t set(JobId id, Address address) {
        const std::lock_guard lock{mutex_};
        const auto found = found_.find(id);
        const bool same = found != found_.end() && !found->second.spoilt && found->second.address == address;
        const bool news = !same && !given_.contains(id);
        const auto state = changes_.load(std::memory_order_relaxed) + (news ? 1U : 0U);
        if (!news) return state;
        found_.insert_or_assign(id, Found{std::move(address), state});
        changes_.store(state, std::memory_order_release);
        return state;
    }
    /// Forgets what was looked up; what the options say stays.
    void forget(JobId id) {
        const std::lock_guard lock{mutex_};
        if (found_.erase(id) != 0) changes_.fetch_add(1, std::memory_order_release);
    }
    /// The same of what was known at `state`, because it does not hold: what was found out since then stays.
    void forget(JobId id, std::uint64_t state) {
        const std::lock_guard lock{mutex_};
        const auto found = found_.find(id);
        if (found == found_.end() || found->second.since > state) return;
        found_.erase(found);
        changes_.fetch_add(1, std::memory_order_release);
    }
    /// Says that a part of what was known at `state` does not hold: it is given out no more.
    void spoil(JobId id, std::uint64_t state) {
        const std::lock_guard lock{mutex_};
        const auto found = found_.find(id);
        if (found == found_.end() || found->second.since > state || found->second.spoilt) return;
        found->second.spoilt = true;
        changes_.fetch_add(1, std::memory_order_release);
    }

    /// The same if that is what is known now.
    void spoil(JobId id, const Address& address) {
        const std::lock_guard lock{mutex_};
        const auto found = found_.find(id);
        if (found == found_.end() || found->second.spoilt || found->second.address != address) return;
        found->second.spoilt = true;
        changes_.fetch_add(1, std::memory_order_release);
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
    struct Found {
        Address address{};
        std::uint64_t since = 0;  ///< the state at which it became known
        bool spoilt = false;
    };
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

    std::atomic<std::uint64_t> changes_{0};  // altered under the lock
    const std::map<JobId, Address> given_;
    mutable std::mutex mutex_;
    std::map<JobId, Found> found_;
    std::map<JobId, Look> looks_;
};

}  // namespace blueprint::faas::detail

#endif
