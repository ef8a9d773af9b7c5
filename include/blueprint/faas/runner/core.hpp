#ifndef BLUEPRINT_FAAS_RUNNER_CORE_HPP
#define BLUEPRINT_FAAS_RUNNER_CORE_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/executor_concept.hpp"
#include "blueprint/faas/runner/dead_letters.hpp"
#include "blueprint/faas/runner/error_policy.hpp"
#include "blueprint/faas/runner/on_error.hpp"
#include "blueprint/faas/runner/parts.hpp"
#include "blueprint/faas/runner/report.hpp"
#include "blueprint/faas/runner/router.hpp"
#include "blueprint/faas/runner/statistics.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace blueprint::faas::detail {

/// What a builder has gathered.
struct RunnerSetup {
    // Apart, because each member of a builder hands it on.
    BLUEPRINT_FAAS_DECL RunnerSetup();
    BLUEPRINT_FAAS_DECL RunnerSetup(RunnerSetup&& other) noexcept;
    BLUEPRINT_FAAS_DECL ~RunnerSetup();
    RunnerSetup& operator=(RunnerSetup&&) = delete;

    std::optional<Router> router{};
    std::vector<std::unique_ptr<ErasedProducer>> producers{};
    std::vector<std::unique_ptr<ErasedConsumer>> consumers{};
    std::vector<std::unique_ptr<ErasedTask>> services{};
    std::unique_ptr<ErasedTask> shutdown{};
    std::unique_ptr<FaasSide> faas{};
    ErrorPolicy policy = ErrorPolicy::stop;
    Remedies remedies{};  // of jobs that have none of their own
    std::unordered_map<JobId, Remedies> job_remedies{};
    std::unordered_map<JobId, std::size_t> job_limits{};  // in flight
    std::size_t job_queue = 64;
    bool ordered = false;
    std::optional<DeadLetterOptions> dead_letters{};
    std::optional<DeadLetterFile> dead_letter_file{};
    std::function<void(const Statistics&)> on_statistics{};
    std::chrono::milliseconds statistics_interval{std::chrono::seconds{10}};
    std::vector<StatisticsSource> statistics_sources{};
    std::size_t max_in_flight = 1024;
    std::size_t consumer_queue = 1024;
    std::chrono::milliseconds drain_timeout{std::chrono::seconds{30}};
    std::chrono::milliseconds delivery_timeout{std::chrono::seconds{1}};
    bool handle_signals = false;
};

/// Tells what is wrong with a setup; nothing if it can run. What is merely doubtful is appended to `warnings`.
BLUEPRINT_FAAS_DECL std::optional<Error> check_setup(const RunnerSetup& setup, std::vector<std::string>& warnings);
/// Opens the files that a setup names; nothing if that went well.
BLUEPRINT_FAAS_DECL std::optional<Error> open_files(RunnerSetup& setup);

/// What the ending of a run depends on, and what is to be done next. Plain state without clock or coroutine.
struct RunState {
    enum class StopLevel { none, drain, now };
    enum class Step { wait, stop_producers, cancel_calls, close_queues, cancel_consumers, done };

    StopLevel wanted = StopLevel::none;
    std::size_t producers = 0;  ///< that still run
    std::size_t calls = 0;      ///< that still run
    std::size_t waiting = 0;    ///< calls that wait for their job's own limit
    std::size_t consumers = 0;  ///< that still run
    bool deadline_passed = false;
    bool producers_stopped = false;
    bool calls_cancelled = false;
    bool queues_closed = false;
    bool consumers_cancelled = false;

    /// Returns the next step and notes it as done. First the producers end, then the calls, then the consumers.
    Step next_step() noexcept;
};

/// Runs a setup. Everything happens on one strand, so nothing here is locked. Its coroutines keep it alive.
class RunnerCore final : public Destination, public std::enable_shared_from_this<RunnerCore> {
public:
    RunnerCore(const asio::any_io_executor& executor, RunnerSetup setup);
    ~RunnerCore();

    static asio::awaitable<result<RunReport>> run_all(std::shared_ptr<RunnerCore> self);
    /// Safe from every thread.
    void request_stop(EndReason reason, RunState::StopLevel level);
    const RunReport& report() const noexcept { return report_; }

    Statistics statistics() const { return board_->read(); }

    asio::awaitable<result<Answers>> run(JobCall call) override;

private:
    struct Slot;
    struct Delivery;
    struct Outlet;
    struct Task {
        asio::cancellation_signal cancel{};
    };
    // The right of a call to be in flight, and the place of its results if the order counts.
    struct Ticket {
        std::shared_ptr<Slot> slot{};
        std::uint64_t number = 0;
    };
    struct WaitingCall {
        JobCall call;
        std::chrono::steady_clock::time_point since;
        std::optional<Ticket> ticket{};
    };
    // A job with a limit of its own.
    struct Lane {
        std::size_t limit = 0;
        std::size_t running = 0;
        std::deque<WaitingCall> waiting{};
        bool is_full() const noexcept { return running >= limit; }
    };
    // Where an attempt is made.
    enum class Place { usual, substitute, here };
    using Clock = std::chrono::steady_clock;
    using Shared = std::shared_ptr<RunnerCore>;

    static asio::awaitable<void> drive(Shared self);
    static asio::awaitable<void> produce(Shared self, std::size_t index);
    static asio::awaitable<void> carry_out(Shared self, JobCall call, Ticket ticket);
    static asio::awaitable<void> tell_statistics(Shared self);
    static asio::awaitable<void> consume(Shared self, std::size_t index);
    static asio::awaitable<void> serve(Shared self, std::size_t index);
    static asio::awaitable<void> watch_signals(Shared self);
    static asio::awaitable<void> wind_up(Shared self);

    void spawn(std::list<Task>& tasks, asio::awaitable<void> operation, std::size_t& running);
    void take_step(RunState::Step step);
    asio::awaitable<Answers> attempt(JobCall call, Place place, std::size_t substitute);
    asio::awaitable<Answers> attempt_until_done(JobCall call, const Remedies& remedies);
    asio::awaitable<bool> pause(std::chrono::milliseconds delay);

    Ticket take_ticket();
    Lane* lane_of(JobId id) noexcept;
    bool any_lane_ready() const noexcept;
    bool must_wait(const Lane* lane) const noexcept;
    void admit(Produced produced, Lane* lane, Clock::time_point since);
    void wake_lanes();
    void start_lanes();
    void cut_off_waiting();
    void start_call(JobCall call, Ticket ticket, Clock::time_point since);
    void cut_off(JobCall call, Ticket ticket);
    void refuse(RefusedCall refused, Ticket ticket);
    void count(const Answers& answers, JobId id, bool cancelled);
    void bury(const JobCall& call, const Answers& answers);
    void hand_over(Answers answers, Ticket ticket);
    const Remedies& remedies_of(JobId id) const;
    ErrorPolicy policy_of(JobId id) const { return remedies_of(id).then.value_or(setup_.policy); }
    void deliver(Invocation invocation, const std::shared_ptr<Slot>& slot);
    void close(Outlet& outlet);
    JobCounts& counts_of(JobId id);
    void problem(std::string where, Error error, FailureOf failure, EndReason reason);
    bool stopping() const noexcept { return state_.wanted != RunState::StopLevel::none; }
    void end(EndReason reason, std::optional<Error> error, RunState::StopLevel level);

    asio::any_io_executor strand_;  // erased once: each erasing of a strand allocates
    RunnerSetup setup_;
    RunReport report_{};
    RunState state_{};
    asio::steady_timer change_;  // expires at a deadline only; cancelled to wake whoever waits for a change of state
    asio::steady_timer room_;    // never expires; cancelled to wake a producer that waits for a slot
    std::optional<asio::signal_set> signals_{};
    std::list<Task> producers_{}, calls_{}, consumers_{}, services_{};
    std::vector<std::unique_ptr<Outlet>> outlets_{};
    std::shared_ptr<StatisticsBoard> board_;
    std::unordered_map<JobId, Lane> lanes_{};
    // Results that wait for those of an earlier call, if the order counts.
    struct Held {
        Answers answers{};
        std::shared_ptr<Slot> slot{};
    };
    std::map<std::uint64_t, Held> held_{};
    std::uint64_t next_ticket_ = 0, next_delivered_ = 0;
    bool lanes_woken_ = false;
    std::size_t slots_ = 0;  // taken by calls until every consumer has their results within its bound
    std::size_t services_running_ = 0;
    std::size_t consumers_failed_ = 0;
    bool services_stopped_ = false;
    bool ended_ = false;
    std::atomic<bool> started_{false};
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/runner/impl/core.ipp"
#endif

#endif
