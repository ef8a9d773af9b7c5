#ifndef BLUEPRINT_FAAS_LOCAL_LOOP_INSTANCES_HPP
#define BLUEPRINT_FAAS_LOCAL_LOOP_INSTANCES_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/process.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace blueprint::faas::local {

/// A process that is given to one invocation.
struct Instance {
    std::shared_ptr<Process> process{};
    bool cold = true;  ///< it was started for this invocation
};

/// What the instances of a function in a loop are doing while calls wait for one.
struct LoopLoad {
    std::size_t waiting = 0;    ///< calls that have waited for longer than `LoopPlan::patience`, and those behind them
    std::size_t instances = 0;  ///< that exist
    std::size_t brisk = 0;      ///< of these, how many have a call younger than `LoopPlan::patience`, or are computing
    std::size_t most = 1;       ///< the function's limit
    std::size_t wide = 2;       ///< as many brisk ones keep the machine busy: more would only take turns
};

/// How many instances to start. Brisk ones will soon be free again, or use a processor already, so that a queue of
/// quick calls needs a few processes and not one a call; where all wait for something their number doubles, up to the
/// limit.
constexpr std::size_t instances_to_start(const LoopLoad& load) noexcept {
    const auto wanted = load.brisk == 0          ? std::max(load.wide, load.instances)
                        : load.brisk < load.wide ? load.wide - load.brisk
                                                 : std::size_t{0};
    const auto room = load.most > load.instances ? load.most - load.instances : std::size_t{0};
    constexpr std::size_t most_at_once = 32;  // starting one takes a millisecond, and nothing else is done meanwhile
    return std::min({wanted, load.waiting, room, most_at_once});
}

/// How the instances of a function in a loop are kept.
struct LoopPlan {
    std::size_t most = 1;  ///< of them at once
    std::size_t keep_warm = 0;
    std::chrono::milliseconds idle{};        ///< after which one ends that nobody needed
    std::chrono::milliseconds patience{10};  ///< how long a call waits before another instance is thought of
};

/// The processes of one deployment in a loop, and the calls that wait for one. The one freed last is taken first, the
/// call that came first is served first. Held by `shared_ptr`; on one strand only.
class LoopInstances : public std::enable_shared_from_this<LoopInstances> {
public:
    using Start = std::function<result<std::shared_ptr<Process>>()>;

    /// `start` starts a process; it is called until `retire`, and after it while calls wait.
    LoopInstances(asio::any_io_executor strand, LoopPlan plan, Start start);

    /// Returns an instance, at once or when one is free or started. `errc::throttled` if that is not before `deadline`.
    asio::awaitable<result<Instance>> take(Deadline deadline);
    /// Gives back what `take` gave. `in_step`: the next call's answer can be told from this one's.
    void give_back(const std::shared_ptr<Process>& process, bool in_step);
    /// Starts instances until `count` are idle, within the limit, and returns how many are.
    result<std::uint32_t> warm(std::uint32_t count);
    std::uint32_t idle() const noexcept { return static_cast<std::uint32_t>(idle_.size()); }
    /// Ends the idle ones; those that work end when no call of theirs is left.
    void retire();

private:
    /// A call that waits. It leaves the queue when its coroutine ends, however that happens.
    struct Waiter {
        explicit Waiter(LoopInstances& waited_for) : instances{waited_for}, woken{waited_for.strand_} {
            instances.queue_.push_back(this);
        }
        Waiter(const Waiter&) = delete;
        Waiter& operator=(const Waiter&) = delete;
        ~Waiter() { std::erase(instances.queue_, this); }
        LoopInstances& instances;
        asio::steady_timer woken;
        std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
        std::optional<result<Instance>> answer{};
    };
    struct Entry {
        std::shared_ptr<Process> process;
        std::chrono::steady_clock::time_point given;
    };

    result<std::shared_ptr<Process>> start();
    void hand(const std::shared_ptr<Process>& process, bool cold);
    void given(const std::shared_ptr<Process>& process) noexcept;
    void forget(const Process* process);
    void serve_waiting();
    void watch_queue();
    void grow();
    bool is_brisk(const Entry& entry, std::chrono::steady_clock::time_point now) const;

    asio::any_io_executor strand_;
    LoopPlan plan_;
    Start start_;
    std::vector<Entry> all_;
    std::vector<std::shared_ptr<Process>> idle_;
    std::deque<Waiter*> queue_;
    asio::steady_timer growth_;
    bool watching_ = false;
    bool retired_ = false;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/loop_instances.ipp"
#endif

#endif
