#ifndef BLUEPRINT_FAAS_MAP_CORE_HPP
#define BLUEPRINT_FAAS_MAP_CORE_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/bounded_queue.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/pooled_frame.hpp"
#include "blueprint/faas/map/options.hpp"
#include "blueprint/faas/metrics.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

namespace blueprint::faas::detail {

// Where the arguments of a map's calls come from, and who runs the calls: behind two virtual calls an input, so that
// the map's coroutines are compiled once.
class MapInputs {
public:
    using pooled_frames = void;
    virtual ~MapInputs() = default;
    /// The next input's arguments; empty at the end. One call at a time.
    virtual asio::awaitable<result<std::optional<Bytes>>> next() = 0;
    virtual std::optional<std::uint64_t> total() const = 0;
};
class MapTarget {
public:
    using pooled_frames = void;
    virtual ~MapTarget() = default;
    /// Runs the call; a result that is not of the job's type is a failure.
    virtual asio::awaitable<result<Invocation>> invoke(JobCall call) = 0;
};

// Counts events of the last ten seconds, each second in a cell of its own.
class RateMeter {
public:
    void note(std::chrono::steady_clock::time_point now) noexcept {
        advance(now);
        ++cells_[static_cast<std::size_t>(second_ % static_cast<std::int64_t>(cells_.size()))];
    }
    double per_second(std::chrono::steady_clock::time_point start, std::chrono::steady_clock::time_point now) noexcept;

private:
    void advance(std::chrono::steady_clock::time_point now) noexcept;
    std::array<std::uint64_t, 11> cells_{};  // the eleventh is the second that runs
    std::int64_t second_ = 0;
};

/// Tells what a map does at the moment, from plain counts.
MapState map_state(const MapProgress& counts, std::size_t limit, bool started, bool stopping, bool pulling,
                   bool inputs_ended) noexcept;

/// Runs a map. All of it happens on one strand; what `progress` reads is locked. Its coroutines keep it alive.
class MapCore : public std::enable_shared_from_this<MapCore> {
public:
    using pooled_frames = void;
    using Shared = std::shared_ptr<MapCore>;
    using Finished = Completion<Bytes>;

    MapCore(const asio::any_io_executor& executor, JobId job, std::unique_ptr<MapInputs> inputs,
            std::unique_ptr<MapTarget> target, MapOptions options);
    ~MapCore();

    static asio::awaitable<result<std::optional<Finished>>> next(Shared self);
    void request_stop(MapEnd why, bool cancel_calls);
    void abandon();
    MapProgress progress() const;

private:
    struct Call {
        std::uint64_t index = 0;
        std::chrono::steady_clock::time_point since{};
        asio::cancellation_signal cancel{};
    };

    static asio::awaitable<void> pump(Shared self);
    static asio::awaitable<result<std::optional<Bytes>>> pull(Shared self);
    static asio::awaitable<void> run_call(Shared self, std::uint64_t index, JobCall call);
    static asio::awaitable<void> watch(Shared self);

    void take_up(std::uint64_t index, Bytes args);
    void submit(std::uint64_t index, Bytes args, std::uint32_t failures);
    void finish(Finished done, bool called);
    void hand_out(std::uint64_t index, std::optional<Finished> done);
    void push(Finished done);
    void took();
    void start();
    bool wait_for_room();
    void conclude();
    void stop(MapEnd why, bool cancel_calls);
    void fail(MapEnd why, Error error);
    void cancel_calls();
    void report();
    bool stopping() const noexcept { return why_.has_value(); }

    asio::any_io_executor strand_;  // erased once: each erasing of a strand allocates
    const JobId job_;
    const MapOptions options_;
    std::unique_ptr<MapInputs> inputs_;
    std::unique_ptr<MapTarget> target_;
    std::shared_ptr<BoundedQueue<Finished>> done_;
    std::optional<ResumeFile> file_{};
    // Finished before an earlier input, if the order counts; empty: nothing is to be handed out.
    std::map<std::uint64_t, std::optional<Finished>> held_{};
    std::uint64_t next_out_ = 0;
    asio::steady_timer room_;   // never expires; cancelled to wake the pump
    asio::steady_timer clock_;  // for time limit and progress
    asio::cancellation_signal cancel_pull_{};
    std::optional<MapEnd> why_{};
    std::optional<Error> error_{};
    std::atomic<bool> started_{false};
    std::atomic<bool> pump_waits_{false};
    std::atomic<std::size_t> outstanding_{0};  // in flight, or finished and not taken

    std::uint64_t calls_failed_ = 0;

    mutable std::mutex mutex_;  // of what follows; written on the strand only, but for `untaken`
    MapProgress counts_{};
    mutable RateMeter rate_{};
    std::list<Call> calls_{};  // the oldest first
    std::chrono::steady_clock::time_point start_{};
    bool pulling_ = false;
    bool stop_seen_ = false;
    bool inputs_ended_ = false;
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/map/impl/core.ipp"
#endif

#endif
