#ifndef BLUEPRINT_FAAS_LOCAL_IDEMPOTENCY_HPP
#define BLUEPRINT_FAAS_LOCAL_IDEMPOTENCY_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/local/invoke_messages.hpp"
#include "blueprint/faas/local/options.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace blueprint::faas::local {

/// Remembers what came of the calls that had an `Idempotency-Key`, so that none runs twice.
///
/// A key belongs to a function's id: it outlives a replacement and an undeployment of the function, because a client
/// that repeats a call does not know of these. Kept is what came of a call that the function may have seen, failures
/// and timeouts included. A call that it cannot have seen (refused, throttled, no process to be had) leaves no trace:
/// it may be sent again. Two calls are the same if job id and arguments are, in whatever form they travelled. Beyond
/// `CloudLimits::idempotency_keys` or `idempotency_bytes` the oldest answers are forgotten. On one strand only.
class IdempotencyStore {
public:
    using Outcome = std::shared_ptr<const InvokeOutcome>;
    using Digest = faas::detail::Sha256Digest;

    /// A key that was used: its call runs, or has ended.
    struct Entry {
        std::string name{};
        Digest digest{};
        std::string invocation_id{};
        Outcome outcome{};
        bool over = false;
        std::vector<asio::steady_timer*> waiting{};
        std::chrono::steady_clock::time_point expires{};
        std::uint64_t bytes = 0;
    };

    /// Says that the call of a new key runs. If it goes without `end`, the call is as if it had not been.
    class Claim {
    public:
        Claim() = default;
        Claim(IdempotencyStore& store, std::shared_ptr<Entry> entry) : store_{&store}, entry_{std::move(entry)} {}
        Claim(Claim&& other) noexcept : store_{other.store_}, entry_{std::move(other.entry_)} {}
        Claim& operator=(Claim&& other) noexcept {
            std::swap(store_, other.store_);
            std::swap(entry_, other.entry_);
            return *this;
        }
        ~Claim() { end(nullptr); }
        /// Tells what came of the call to all who wait for it; keeps it if the function may have seen the call.
        void end(const Outcome& outcome);

    private:
        IdempotencyStore* store_ = nullptr;
        std::shared_ptr<Entry> entry_;
    };

    explicit IdempotencyStore(const CloudLimits& limits) : limits_{limits} {}

    /// Returns what is known of the key; null if nothing is.
    std::shared_ptr<Entry> find(std::string_view function_id, std::string_view key);
    /// Takes a key of which nothing is known.
    Claim claim(std::string_view function_id, std::string_view key, const Digest& digest, std::string invocation_id);
    /// Waits until the entry's call has ended and returns its outcome; null at `deadline`, or if it came to nothing.
    static asio::awaitable<Outcome> outcome_of(std::shared_ptr<Entry> entry, asio::any_io_executor strand,
                                               Deadline deadline);
    std::size_t size() const noexcept { return entries_.size(); }

private:
    void end(const std::shared_ptr<Entry>& entry, const Outcome& outcome);
    void forget_old();
    void forget_first();

    const CloudLimits& limits_;
    std::unordered_map<std::string, std::shared_ptr<Entry>> entries_;
    std::list<std::shared_ptr<Entry>> ended_;  // in the order of their expiry
    std::uint64_t bytes_ = 0;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/idempotency.ipp"
#endif

#endif
