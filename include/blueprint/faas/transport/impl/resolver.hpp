#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_RESOLVER_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_RESOLVER_HPP

#include "blueprint/faas/transport/impl/attempt.hpp"
#include "blueprint/faas/transport/impl/dns_cache.hpp"
#include "blueprint/faas/transport/impl/optional_mutex.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// Finds the addresses of names: remembered ones at once, others by one look-up for all who ask at the same time.
/// The system's look-up cannot be stopped once it runs. So nobody waits for it beyond his own time, and what it finds
/// serves the next who asks.
class Resolver : public std::enable_shared_from_this<Resolver> {
public:
    Resolver(asio::any_io_executor executor, std::chrono::milliseconds ttl, bool locks)
        : executor_{std::move(executor)}, mutex_{locks}, cache_{ttl} {}

    struct Found {
        Addresses addresses{};
        boost::system::error_code failed{};
    };
    /// Waits, on `attempt->serial`, until the addresses of `host` are known or the attempt is stopped.
    BLUEPRINT_FAAS_COLD asio::awaitable<Found> resolve(std::shared_ptr<ConnectAttempt> attempt, std::string host) {
        Found found;
        if (auto known = addresses_without_lookup(host)) {
            found.addresses = *std::move(known);
            co_return found;
        }
        const auto lookup = join(attempt, host, found);
        while (lookup && !ended(*lookup, found) && !attempt->stopped()) co_await attempt->wait();
        if (lookup) leave(*lookup, attempt);
        co_return found;
    }
    /// Forgets the addresses of `host`, because none of them could be reached.
    BLUEPRINT_FAAS_COLD void forget(const std::string& host) {
        const std::lock_guard lock{mutex_};
        cache_.forget(host);
    }
    BLUEPRINT_FAAS_COLD std::uint64_t lookups() const {
        const std::lock_guard lock{mutex_};
        return lookups_;
    }

private:
    struct Lookup {
        explicit Lookup(const asio::any_io_executor& on) : resolver{on} {}
        asio::ip::tcp::resolver resolver;
        std::vector<std::shared_ptr<ConnectAttempt>> waiting{};
        Found found{};
        bool ended = false;
    };

    // Answers from memory (then there is no look-up), or joins the one that runs, or begins one.
    BLUEPRINT_FAAS_COLD std::shared_ptr<Lookup> join(const std::shared_ptr<ConnectAttempt>& attempt,
                                                     const std::string& host, Found& found) {
        const std::lock_guard lock{mutex_};
        if (const auto* known = cache_.find(host, std::chrono::steady_clock::now())) {
            found.addresses = *known;
            return nullptr;
        }
        auto& running = running_[host];
        const bool begins = running == nullptr;
        if (begins) running = std::make_shared<Lookup>(executor_);
        running->waiting.push_back(attempt);
        if (begins) {
            ++lookups_;
            running->resolver.async_resolve(
                host, "", [self = shared_from_this(), host, lookup = running](const auto& failed, const auto& entries) {
                    self->finish(host, *lookup, failed, entries);
                });
        }
        return running;
    }
    BLUEPRINT_FAAS_COLD void finish(const std::string& host, Lookup& lookup, const boost::system::error_code& failed,
                                    const asio::ip::tcp::resolver::results_type& entries) {
        std::vector<std::shared_ptr<ConnectAttempt>> waiting;
        {
            const std::lock_guard lock{mutex_};
            lookup.ended = true;
            lookup.found.failed = failed;
            for (const auto& entry : entries) lookup.found.addresses.push_back(entry.endpoint().address());
            if (!failed) cache_.store(host, lookup.found.addresses, std::chrono::steady_clock::now());
            if (const auto running = running_.find(host); running != running_.end() && running->second.get() == &lookup)
                running_.erase(running);
            waiting = lookup.waiting;
        }
        for (const auto& attempt : waiting) attempt->ring();
    }
    BLUEPRINT_FAAS_COLD bool ended(const Lookup& lookup, Found& found) {
        const std::lock_guard lock{mutex_};
        if (lookup.ended) found = lookup.found;
        return lookup.ended;
    }
    BLUEPRINT_FAAS_COLD void leave(Lookup& lookup, const std::shared_ptr<ConnectAttempt>& attempt) {
        const std::lock_guard lock{mutex_};
        std::erase(lookup.waiting, attempt);
        if (!lookup.waiting.empty() || lookup.ended) return;
        // It may still stand behind others in Asio's one thread for look-ups: then it need not run at all.
        lookup.resolver.cancel();
        std::erase_if(running_, [&](const auto& running) { return running.second.get() == &lookup; });
    }

    const asio::any_io_executor executor_;
    mutable OptionalMutex mutex_;
    DnsCache cache_;
    std::unordered_map<std::string, std::shared_ptr<Lookup>> running_;
    std::uint64_t lookups_ = 0;
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
