#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_IDEMPOTENCY_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_IDEMPOTENCY_IPP

#include "blueprint/faas/local/idempotency.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

/// No id of a function has a space, so that no two pairs make the same name.
inline std::string key_name(std::string_view function_id, std::string_view key) {
    std::string name;
    name.reserve(function_id.size() + key.size() + 1);
    return name.append(function_id).append(1, ' ').append(key);
}

inline std::uint64_t bytes_kept(const IdempotencyStore::Entry& entry) noexcept {
    const auto& outcome = *entry.outcome;
    return sizeof(IdempotencyStore::Entry) + sizeof(InvokeOutcome) + 2 * entry.name.size() + outcome.output.capacity() +
           outcome.result.bytes.capacity() + (outcome.failure ? outcome.failure->body.capacity() : 0);
}

/// A request that waits for another one's answer. It is forgotten when its coroutine ends, however that happens.
struct KeyWaiter {
    KeyWaiter(IdempotencyStore::Entry& waited_for, const asio::any_io_executor& strand, Deadline deadline)
        : entry{waited_for}, woken{strand, deadline} {
        entry.waiting.push_back(&woken);
    }
    KeyWaiter(const KeyWaiter&) = delete;
    KeyWaiter& operator=(const KeyWaiter&) = delete;
    ~KeyWaiter() { std::erase(entry.waiting, &woken); }
    IdempotencyStore::Entry& entry;
    asio::steady_timer woken;
};

BLUEPRINT_FAAS_DECL std::shared_ptr<IdempotencyStore::Entry> IdempotencyStore::find(std::string_view function_id,
                                                                                    std::string_view key) {
    forget_old();
    const auto found = entries_.find(key_name(function_id, key));
    return found == entries_.end() ? nullptr : found->second;
}

BLUEPRINT_FAAS_DECL IdempotencyStore::Claim IdempotencyStore::claim(std::string_view function_id, std::string_view key,
                                                                    const Digest& digest, std::string invocation_id) {
    auto entry = std::make_shared<Entry>();
    entry->name = key_name(function_id, key);
    entry->digest = digest;
    entry->invocation_id = std::move(invocation_id);
    entries_.insert_or_assign(entry->name, entry);
    return {*this, std::move(entry)};
}

BLUEPRINT_FAAS_DECL void IdempotencyStore::Claim::end(const Outcome& outcome) {
    if (const auto entry = std::exchange(entry_, nullptr)) store_->end(entry, outcome);
}

BLUEPRINT_FAAS_DECL void IdempotencyStore::end(const std::shared_ptr<Entry>& entry, const Outcome& outcome) {
    entry->outcome = outcome;
    entry->over = true;
    for (auto* waiter : std::exchange(entry->waiting, {})) waiter->cancel();
    if (!outcome || !outcome->began) {
        entries_.erase(entry->name);
        return;
    }
    entry->expires = deadline_after(limits_.idempotency);
    entry->bytes = bytes_kept(*entry);
    bytes_ += entry->bytes;
    ended_.push_back(entry);
    forget_old();
}

BLUEPRINT_FAAS_DECL void IdempotencyStore::forget_old() {
    const auto now = std::chrono::steady_clock::now();
    while (!ended_.empty() && (ended_.front()->expires <= now || ended_.size() > limits_.idempotency_keys ||
                               bytes_ > limits_.idempotency_bytes))
        forget_first();
}

BLUEPRINT_FAAS_DECL void IdempotencyStore::forget_first() {
    const auto entry = std::move(ended_.front());
    ended_.pop_front();
    bytes_ -= entry->bytes;
    entries_.erase(entry->name);
}

BLUEPRINT_FAAS_DECL asio::awaitable<IdempotencyStore::Outcome> IdempotencyStore::outcome_of(
    std::shared_ptr<Entry> entry, asio::any_io_executor strand, Deadline deadline) {
    if (!entry->over) {
        KeyWaiter waiter{*entry, strand, deadline};
        const auto [ignored] = co_await waiter.woken.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
    co_return entry->outcome;
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
