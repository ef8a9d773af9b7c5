#ifndef BLUEPRINT_FAAS_RESILIENCE_GATE_HPP
#define BLUEPRINT_FAAS_RESILIENCE_GATE_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/resilience/rate_limit.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

namespace blueprint::faas {

namespace asio = boost::asio;

/// Lets callers in at a bounded rate, and a bounded number at once. Who has to wait stands in one queue, first come,
/// first served. May be used from several threads.
class Gate {
public:
    /// `max_concurrent` 0: any number.
    Gate(RateLimitOptions rate, std::size_t max_concurrent) : rate_{rate}, max_concurrent_{max_concurrent} {}
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;

    /// Lets the caller in if that needs no waiting. Who is in says `leave` when done.
    BLUEPRINT_FAAS_DECL bool try_enter(Moment now);
    /// Waits in the queue. Nobody is in after `errc::timed_out` (the deadline came first) and `errc::cancelled`.
    BLUEPRINT_FAAS_DECL static asio::awaitable<result<void>> enter(std::shared_ptr<Gate> gate, Deadline deadline);
    BLUEPRINT_FAAS_DECL void leave() noexcept;

    std::size_t inside() const;
    std::size_t waiting() const;

private:
    struct Waiter;
    struct Wait;

    bool room() const noexcept { return max_concurrent_ == 0 || inside_ < max_concurrent_; }
    void let_in(Moment now);
    void remove(Waiter& waiter) noexcept;
    void wake(Waiter* waiter) noexcept;

    mutable std::mutex mutex_;
    RateLimit rate_;
    const std::size_t max_concurrent_;
    std::size_t inside_ = 0;
    std::size_t waiting_ = 0;
    Waiter* first_ = nullptr;
    Waiter* last_ = nullptr;
};

inline std::size_t Gate::inside() const {
    const std::lock_guard lock{mutex_};
    return inside_;
}
inline std::size_t Gate::waiting() const {
    const std::lock_guard lock{mutex_};
    return waiting_;
}

/// Stands for one caller who is in, and leaves the gate when it goes.
class GatePermit {
public:
    GatePermit() = default;
    /// Takes over the leaving of a caller who was let in.
    explicit GatePermit(std::shared_ptr<Gate> entered) noexcept : gate_{std::move(entered)} {}
    GatePermit(GatePermit&& other) noexcept = default;
    GatePermit& operator=(GatePermit&& other) noexcept {
        gate_.swap(other.gate_);
        return *this;
    }
    ~GatePermit() { release(); }
    void release() noexcept {
        if (const auto gate = std::exchange(gate_, nullptr)) gate->leave();
    }

private:
    std::shared_ptr<Gate> gate_{};
};

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/resilience/impl/gate.ipp"
#endif

#endif
