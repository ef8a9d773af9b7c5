#ifndef BLUEPRINT_FAAS_LOCAL_PROCESS_HPP
#define BLUEPRINT_FAAS_LOCAL_PROCESS_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace blueprint::faas::local {

namespace asio = boost::asio;

/// What a child process is started as.
struct ProcessPlan {
    std::filesystem::path program{};         ///< absolute
    std::vector<std::string> arguments{};    ///< after the program's own name
    std::filesystem::path directory{};       ///< where it starts
    std::vector<std::string> environment{};  ///< NAME=value, and nothing else
    std::uint64_t memory_bytes = 0;          ///< 0: not limited
    std::size_t output_bytes = 6U << 20;     ///< more on stdout ends it
    std::size_t log_bytes = 64U << 10;       ///< of stderr; its end is kept
    std::chrono::milliseconds kill_after{2000};
    bool loop = false;          ///< it answers a line for each line, see `Process::call`
    bool merge_output = false;  ///< stdout goes where stderr goes: it is the log too
    /// Given: it is in a loop whose answers come on descriptor 3, and what it writes to stdout (1) and stderr (2) is
    /// handed to this as it comes; what it has written before an answer, before that answer.
    std::function<void(int stream, std::string_view text)> noted{};
    std::shared_ptr<const void> belongings{};  ///< let go when no process of it is left: its directories
    /// A directory that `HOME` or `TMPDIR` names for this process alone: whoever has it in its environment is a
    /// descendant, and is killed when the process ends. Empty: descendants are known by their process group only.
    std::string mark{};
};

/// How a child process ended.
enum class ProcessEnd {
    exited,           ///< `status` is what it returned
    signalled,        ///< `status` is the signal
    timed_out,        ///< the deadline came
    too_much_output,  ///< it wrote more than `ProcessPlan::output_bytes`
    stopped,          ///< the server ended it
};

/// What a child process did.
struct ProcessOutcome {
    ProcessEnd end = ProcessEnd::exited;
    int status = 0;
    std::string output{};
    std::string log_tail{};
    std::chrono::microseconds duration{};  ///< from `run` to the end
    /// The most memory it had, rounded up; empty if the kernel did not tell it apart from the server's own.
    std::optional<std::uint32_t> peak_memory_mib{};
    /// The process ended before it took a byte of its line: another one may have it. `output` is that line then.
    bool unread = false;
};

class Process;

/// Knows all child processes of one server, so that none is left when it goes. One thread (or strand) at a time.
class ProcessTable {
public:
    ProcessTable() = default;
    ProcessTable(const ProcessTable&) = delete;
    ProcessTable& operator=(const ProcessTable&) = delete;
    ~ProcessTable() { kill_and_reap_all(); }

    /// Sends KILL to all; their ends are noticed by the event loop.
    void kill_all() noexcept;
    /// Sends KILL to all and waits in place for their ends: for when no event loop runs any more.
    void kill_and_reap_all() noexcept;
    std::uint64_t started() const noexcept { return started_; }
    std::size_t alive() const noexcept { return alive_.size(); }

private:
    friend class Process;
    std::unordered_set<Process*> alive_;
    std::uint64_t started_ = 0;
};

/// A child process in a process group of its own, with pipes and nothing else of the server's: its descriptors are 0, 1
/// and 2 (and 3, if answers come by that), signals and environment are fresh, it can gain no privileges, and
/// it dies with the thread that started it. Its end is seen through a pidfd: no SIGCHLD handler is installed and no
/// other child is waited for. Whoever is left of its group is killed when it ends, and so is a descendant that left the
/// group, unless it has also thrown away the environment that it was born with. Everything runs on the executor given,
/// which must be one thread or a strand. The io_context must outlive it.
class Process : public std::enable_shared_from_this<Process> {
public:
    /// Starts `plan`: `errc::function_error` if the program cannot be executed, `errc::infrastructure` if the machine
    /// has no room. `table` must outlive the process.
    static result<std::shared_ptr<Process>> start(asio::any_io_executor executor, ProcessTable& table,
                                                  ProcessPlan plan);
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    /// Leaves the process waiting at its stdin. After `timeout`, or when it ends by itself, `ended(expired)` is called
    /// once, unless `run` or `kill` came first.
    void wait_idle(std::chrono::milliseconds timeout, std::function<void(bool expired)> ended);
    /// Writes `input` and end of file to stdin while it reads stdout and stderr, and returns when the process has
    /// ended. At `deadline` its group gets TERM, and KILL after `kill_after`. Once for each process.
    asio::awaitable<ProcessOutcome> run(std::string input, Deadline deadline);
    /// Makes a process started with `ProcessPlan::loop` ready for calls. It ends when it had none for `idle`; when it
    /// is gone, for whatever reason but `kill` and `end`, `ended` is called once.
    void serve_calls(std::chrono::milliseconds idle, std::function<void(bool expired)> ended);
    /// Writes `line`, which ends with a newline, and returns when a line has come back: then `end` is `exited`,
    /// `status` 0 and `output` that line. An empty `line` is not written: the program's line is waited for that says
    /// that it is ready. In all other cases the process has ended, as `run` tells it. At `deadline`
    /// its group gets TERM, and KILL after `kill_after`. One call at a time.
    asio::awaitable<ProcessOutcome> call(std::string line, Deadline deadline);
    /// Lets the program run on its own, for one that is spoken to by other ways: stdin is closed, and `log` is given
    /// what it writes, which wants `ProcessPlan::merge_output`. When it is gone, for whatever reason, `ended` is called
    /// once.
    void watch(std::function<void(std::string_view)> log, std::function<void(const ProcessOutcome&)> ended);
    /// Hands over to `watch`'s `log` what the program has written up to now.
    void drain_log();
    /// Returns the most memory that the program has had so far, rounded up; nothing if that cannot be told.
    std::optional<std::uint32_t> peak_memory_mib();
    /// Tells whether another `call` may be made: it runs and has written nothing that it was not asked for.
    bool usable() const noexcept {
        return running() && !finished_ && !out_of_step_ && !forced_end_ && !output_ended_ && !ending_;
    }
    /// Closes stdin, which tells a process in a loop to end; who has not after `kill_after` is killed.
    void end() noexcept;
    /// Asks a process that is watched to end, by TERM to its group, and KILL after `kill_after`.
    void terminate();
    /// Sends KILL to the group; its end is noticed by the event loop.
    void kill() noexcept;
    /// Tells whether the program uses a processor or waits for one; false while it waits for anything else.
    bool computing() noexcept;
    /// Tells whether the program still runs.
    bool running() const noexcept { return !exited_ && !reaped_; }

private:
    friend class ProcessTable;
    static constexpr std::size_t chunk_bytes = 64U << 10;
    static constexpr std::size_t loop_chunk_bytes = 16U << 10;  // there may be a thousand of them for long

    Process(asio::any_io_executor executor, ProcessTable& table, ProcessPlan plan);
    result<void> spawn();
    void watch_exit();
    void on_exit();
    void write_input();
    void read_output();
    void read_log();
    void watch_pipe(int stream);
    bool take_log(int stream);
    bool all_read() const noexcept { return output_ended_ && log_ended_ && print_ended_; }
    void set_timer(std::chrono::steady_clock::time_point when, void (Process::*action)());
    void on_deadline();
    void on_kill_time();
    void on_idle_timeout();
    void on_drain_time();
    void after_eof();
    void finish();
    bool take_line(std::size_t searched);
    void limit_call(Deadline when);
    void on_call_limit();
    void kill_escaped() noexcept;
    bool has_exited() const noexcept;
    void reap() noexcept;
    void signal_group(int signal) noexcept;
    void sample_memory();
    void close_pipes() noexcept;

    ProcessTable& table_;
    ProcessPlan plan_;
    asio::posix::stream_descriptor input_pipe_;
    asio::posix::stream_descriptor output_pipe_;
    asio::posix::stream_descriptor log_pipe_;
    asio::posix::stream_descriptor print_pipe_;  // its stdout, where answers do not come by that
    asio::posix::stream_descriptor pid_watch_;
    asio::steady_timer timer_;
    asio::steady_timer finished_timer_;
    int pid_ = -1;
    std::string input_;
    std::size_t written_ = 0;
    std::vector<char> output_chunk_;
    std::vector<char> log_chunk_;
    ProcessOutcome outcome_;
    std::optional<ProcessEnd> forced_end_;
    std::chrono::steady_clock::time_point began_{};
    std::function<void(bool)> idle_ended_;
    std::uint64_t timer_turn_ = 0;
    std::uint64_t memory_floor_kib_ = 0;  // what a child inherits of the server's own peak
    std::uint64_t memory_sample_kib_ = 0;
    unsigned memory_samples_ = 0;
    unsigned drains_ = 0;
    bool started_run_ = false;
    bool output_ended_ = false;
    bool log_ended_ = false;
    bool print_ended_ = true;
    bool exited_ = false;
    bool reaped_ = false;
    bool finished_ = false;
    // What follows is of processes in a loop.
    std::optional<ProcessOutcome> answered_;  // the line of the call that is on
    std::chrono::milliseconds idle_time_{};
    Deadline limit_ = Deadline::max();
    Deadline limit_watched_ = Deadline::max();  // the timer rings then, maybe before the limit
    std::chrono::steady_clock::time_point sampled_{};
    bool calling_ = false;
    bool out_of_step_ = false;
    bool ending_ = false;
    // What follows is of processes that are watched.
    std::function<void(std::string_view)> watch_log_;
    std::function<void(const ProcessOutcome&)> watch_ended_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/process.ipp"
#include "blueprint/faas/local/impl/process_call.ipp"
#include "blueprint/faas/local/impl/process_descendants.ipp"
#include "blueprint/faas/local/impl/process_watch.ipp"
#endif

#endif
