#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_POOL_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_POOL_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/http.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <iterator>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace blueprint::faas::detail {

struct PoolLimits {
    std::size_t max_per_origin = 1024;
    std::size_t max_idle = 1024;
    std::chrono::milliseconds max_idle_time{50'000};
    std::chrono::milliseconds max_age{900'000};
};

/// Decides who gets which connection: the bookkeeping alone, without sockets, clock or lock. Each origin has so many
/// places; a connection has one from before it is opened until it is closed. The connection used last is given out
/// first, so that those not needed grow old together. When all places are taken, those who come queue, and each
/// connection or place that comes back goes to the one who has waited longest, past all who come later. `Item` is a
/// nullable handle of a connection, `Bell` a nullable one that wakes who waits. Every step is O(1), but for connections
/// that have grown old, each of which is dropped once. One thread at a time.
template <class Item, class Bell>
class Pool {
public:
    struct Origins;

    /// A place of an origin, with its connection, or (`item` null) leave to open one. Empty if `place` is null.
    struct Lease {
        Origins* place = nullptr;
        Item item{};
    };
    /// One who queues. Stays where it is until `leave` or the grant.
    struct Waiter {
        Bell bell{};
        Lease granted{};
        bool queued = false;
        typename std::list<Waiter*>::iterator position{};
    };

    explicit Pool(PoolLimits limits) : limits_{limits} {}
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    /// Gives out a place of `origin`; false: all are taken. What has grown too old is moved to `dropped`.
    bool take(const Origin& origin, Deadline now, Lease& lease, std::vector<Item>& dropped) {
        prune(now, dropped);
        auto& at = by_origin_.try_emplace(origin).first->second;
        if (at.key == nullptr) at.key = &by_origin_.find(origin)->first;
        if (take_idle(at, now, lease, dropped)) return true;
        if (at.places >= limits_.max_per_origin) return false;
        ++at.places;
        ++busy_;
        lease.place = &at;
        return true;
    }
    /// Lets one wait whom `take` just gave nothing.
    void queue(const Origin& origin, Waiter& waiter) {
        auto& at = by_origin_.find(origin)->second;
        waiter.position = at.waiting.insert(at.waiting.end(), &waiter);
        waiter.queued = true;
        waiter.granted.place = &at;  // where it queues, until something is granted
        ++waiting_;
    }
    /// Takes a waiter out of its queue. What it may have been granted meanwhile is its own, to use or to give back.
    void leave(Waiter& waiter) {
        if (!waiter.queued) return;
        waiter.queued = false;
        waiter.granted.place->waiting.erase(waiter.position);
        waiter.granted.place = nullptr;
        --waiting_;
    }
    /// Keeps a connection, which was opened at `opened`, for who comes next. Returns the bell of the one who got it.
    Bell give_back(Lease lease, Deadline opened, Deadline now, std::vector<Item>& dropped) {
        prune(now, dropped);
        if (now - opened >= limits_.max_age) {
            dropped.push_back(std::move(lease.item));
            return release(std::move(lease));
        }
        auto& at = *lease.place;
        if (!at.waiting.empty()) return grant(std::move(lease));
        if (spare_.empty()) spare_.emplace_back();
        idle_.splice(idle_.end(), spare_, std::prev(spare_.end()));  // the one used last: it is in the cache
        auto& kept = idle_.back();
        kept = Idle{.item = std::move(lease.item),
                    .at = &at,
                    .since = now,
                    .opened = opened,
                    .older = at.newest,
                    .position = std::prev(idle_.end())};
        if (at.newest != nullptr) at.newest->newer = &kept;
        at.newest = &kept;
        --busy_;
        if (idle_.size() > limits_.max_idle) drop(idle_.front(), dropped);
        return Bell{};
    }
    /// Gives up a place whose connection is closed or never came to be. Returns the bell of the one who got the place.
    Bell release(Lease lease) {
        auto& at = *lease.place;
        lease.item = Item{};
        if (!at.waiting.empty()) return grant(std::move(lease));
        --busy_;
        vacate(at);
        return Bell{};
    }
    /// Looks for another idle connection for one who found that of his lease broken. There may be none: then the lease
    /// is leave to open one.
    void replace(Lease& lease, Deadline now, std::vector<Item>& dropped) {
        Lease other;
        if (!take_idle(*lease.place, now, other, dropped)) return;
        auto& at = *lease.place;
        lease = std::move(other);
        --busy_;
        --at.places;  // nobody waits where something is idle
    }

    std::size_t idle() const noexcept { return idle_.size(); }
    std::size_t busy() const noexcept { return busy_; }
    std::size_t waiting() const noexcept { return waiting_; }
    std::size_t origins() const noexcept { return by_origin_.size(); }

private:
    struct Idle {
        Item item{};
        Origins* at = nullptr;
        Deadline since{};
        Deadline opened{};
        Idle* older = nullptr;  // of the same origin
        Idle* newer = nullptr;
        typename std::list<Idle>::iterator position{};
    };
    struct Hash {
        std::size_t operator()(const Origin& origin) const noexcept {
            return std::hash<std::string>{}(origin.host) * 31 + origin.port * 2U + (origin.tls ? 1U : 0U);
        }
    };

    bool take_idle(Origins& at, Deadline now, Lease& lease, std::vector<Item>& dropped) {
        while (at.newest != nullptr) {
            auto& kept = *at.newest;
            if (now - kept.opened < limits_.max_age) {
                lease.item = std::move(kept.item);
                lease.place = &at;
                unlink(kept);
                ++busy_;
                return true;
            }
            dropped.push_back(std::move(kept.item));
            unlink(kept);
            --at.places;  // not `vacate`: the caller goes on with it
        }
        return false;
    }
    Bell grant(Lease lease) {
        auto& waiter = *lease.place->waiting.front();
        lease.place->waiting.pop_front();
        --waiting_;
        waiter.queued = false;
        waiter.granted = std::move(lease);
        return waiter.bell;
    }
    void prune(Deadline now, std::vector<Item>& dropped) {
        while (!idle_.empty() && now - idle_.front().since >= limits_.max_idle_time) drop(idle_.front(), dropped);
    }
    void drop(Idle& kept, std::vector<Item>& dropped) {
        dropped.push_back(std::move(kept.item));
        auto& at = *kept.at;
        unlink(kept);
        vacate(at);
    }
    void unlink(Idle& kept) {
        (kept.newer != nullptr ? kept.newer->older : kept.at->newest) = kept.older;
        if (kept.older != nullptr) kept.older->newer = kept.newer;
        spare_.splice(spare_.end(), idle_, kept.position);
        kept = Idle{};
    }
    void vacate(Origins& at) {
        if (--at.places == 0) by_origin_.erase(by_origin_.find(*at.key));
    }

    const PoolLimits limits_;
    std::unordered_map<Origin, Origins, Hash> by_origin_;
    std::list<Idle> idle_;   // of all origins; the one used last is at the back
    std::list<Idle> spare_;  // empty nodes, so that keeping a connection allocates nothing
    std::size_t busy_ = 0;
    std::size_t waiting_ = 0;
};

/// What is known of one origin. An origin without a place is forgotten.
template <class Item, class Bell>
struct Pool<Item, Bell>::Origins {
    const Origin* key = nullptr;
    std::size_t places = 0;
    Idle* newest = nullptr;
    std::list<Waiter*> waiting{};
};

}  // namespace blueprint::faas::detail

#endif
