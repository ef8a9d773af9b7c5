#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_WORKBENCH_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_WORKBENCH_HPP

#include "blueprint/faas/secret.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace blueprint::faas::detail {

/// Asks the processor for memory that will be wanted after the system call that comes first.
inline void prefetch(const void* from, std::size_t size) noexcept {
    constexpr std::size_t line = 64;
    const auto* const first = static_cast<const char*>(from);
    for (std::size_t at = 0; at < size; at += line) __builtin_prefetch(first + at);
}

/// Memory to write a request and to read an answer in, for the length of one step. Steps do not wait, so the exchanges
/// of a thread use the same piece one after the other, and it stays in the processor's cache; with buffers of each
/// connection a thousand of them do not. Wiped at its end: credentials pass through it.
struct Workbench {
    Workbench() = default;
    Workbench(const Workbench&) = delete;
    Workbench& operator=(const Workbench&) = delete;
    ~Workbench() { wipe(out); }

    std::string out{};
    std::unique_ptr<char[]> in{new char[in_bytes]};

    static constexpr std::size_t in_bytes = std::size_t{16} * 1024;
};

/// The workbenches that nobody uses at the moment. For all threads, without a lock.
class Workbenches {
public:
    class Lease {
    public:
        explicit Lease(Workbenches& owner) : owner_{owner}, bench_{owner.take()} {}
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        ~Lease() { owner_.put_back(std::move(bench_)); }
        Workbench* operator->() const noexcept { return bench_.get(); }

    private:
        Workbenches& owner_;
        std::unique_ptr<Workbench> bench_;
    };

    Workbenches() = default;
    Workbenches(const Workbenches&) = delete;
    Workbenches& operator=(const Workbenches&) = delete;
    ~Workbenches() {
        for (auto& place : idle_) delete place.load(std::memory_order_acquire);
    }

private:
    static constexpr std::size_t largest_kept = std::size_t{128} * 1024;

    std::unique_ptr<Workbench> take() {
        for (auto& place : idle_)
            if (auto* const bench = place.exchange(nullptr, std::memory_order_acq_rel))
                return std::unique_ptr<Workbench>{bench};
        return std::make_unique<Workbench>();
    }
    void put_back(std::unique_ptr<Workbench> bench) noexcept {
        if (bench->out.capacity() > largest_kept) return;
        for (auto& place : idle_) {
            Workbench* none = nullptr;
            if (place.compare_exchange_strong(none, bench.get(), std::memory_order_acq_rel)) {
                bench.release();
                return;
            }
        }
    }

    std::array<std::atomic<Workbench*>, 4> idle_{};
};

}  // namespace blueprint::faas::detail

#endif
