#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_PROCESS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_PROCESS_IPP

#include "blueprint/faas/local/process.hpp"
#include "blueprint/faas/secret.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <string_view>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace blueprint::faas::local {

/// A file descriptor that is closed with its owner.
class OwnedFd {
public:
    OwnedFd() = default;
    explicit OwnedFd(int fd) noexcept : fd_{fd} {}
    OwnedFd(OwnedFd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    OwnedFd& operator=(OwnedFd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~OwnedFd() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_ = -1;
};

/// All that the child needs between vfork and exec, laid out before: there it may only make system calls.
struct ChildStart {
    const char* program = nullptr;
    const char* directory = nullptr;
    char* const* arguments = nullptr;
    char* const* environment = nullptr;
    int pipes[3] = {-1, -1, -1};
    rlim_t memory = 0;
    pid_t parent = 0;
    int error = 0;               // the child shares our memory until it executes: this is how it tells
    const char* step = "start";  // what it was doing
};

[[noreturn]] inline void child_failed(ChildStart& start, const char* step) noexcept {
    start.error = errno;
    start.step = step;
    ::_exit(127);
}

/// What runs in the child. Async-signal-safe calls only; nothing is written but `start.error` and `start.step`.
[[noreturn]] inline void become_child(ChildStart& start) noexcept {
    if (::setpgid(0, 0) != 0) child_failed(start, "make a process group for");
    // A signal that the server ignores would stay ignored in the program, and its handlers must not run in shared
    // memory.
    for (int signal = 1; signal < 65; ++signal) {
        struct sigaction action{};
        action.sa_handler = SIG_DFL;
        ::sigaction(signal, &action, nullptr);
    }
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) child_failed(start, "tie to the server the life of");
    if (::getppid() != start.parent) ::_exit(127);  // the server died before the line above
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) child_failed(start, "take privileges from");
    for (int fd = 0; fd < 3; ++fd)
        if (::dup2(start.pipes[fd], fd) < 0) child_failed(start, "connect the pipes of");
#if defined(SYS_close_range)
    if (::syscall(SYS_close_range, 3U, ~0U, 0U) != 0)
#endif
    {
        rlimit open_files{};
        ::getrlimit(RLIMIT_NOFILE, &open_files);
        const auto most = static_cast<int>(std::min<rlim_t>(open_files.rlim_cur, 1U << 20));
        for (int fd = 3; fd < most; ++fd) ::close(fd);
    }
    if (::chdir(start.directory) != 0) child_failed(start, "enter the directory of");
    ::umask(077);
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    if (start.memory != 0) {
        // RLIMIT_DATA counts private writable memory. RLIMIT_AS would count reserved addresses too, of which Go, Java
        // and JavaScript programs take gigabytes that they never touch.
        const rlimit memory{start.memory, start.memory};
        if (::setrlimit(RLIMIT_DATA, &memory) != 0) child_failed(start, "limit the memory of");
    }
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execve(start.program, start.arguments, start.environment);
    child_failed(start, "execute");
}

/// vfork, because fork copies the page tables of a server that may be large. Nothing of this frame changes in the
/// child.
[[gnu::noinline]] inline pid_t start_child(ChildStart& start) noexcept {
    const pid_t pid = ::vfork();
    if (pid == 0) become_child(start);
    return pid;
}

/// Writes to a pipe without SIGPIPE reaching this process: a library must not change what signals do to its host.
inline ssize_t write_without_sigpipe(int fd, const char* data, std::size_t size) noexcept {
    sigset_t broken;
    sigset_t before;
    sigset_t pending;
    ::sigemptyset(&broken);
    ::sigaddset(&broken, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &broken, &before);
    ::sigpending(&pending);
    const bool already = ::sigismember(&pending, SIGPIPE) == 1;
    const auto written = ::write(fd, data, size);
    const int error = errno;
    if (written < 0 && error == EPIPE && !already) {
        const timespec now{};
        while (::sigtimedwait(&broken, nullptr, &now) < 0 && errno == EINTR) {
        }
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    return written;
}

/// Makes a pipe whose ends are closed by exec and are none of 0, 1, 2, whatever the host has closed.
inline bool make_pipe(OwnedFd& read_end, OwnedFd& write_end) noexcept {
    int fds[2] = {-1, -1};
    if (::pipe2(fds, O_CLOEXEC) != 0) return false;
    for (int& fd : fds) {
        if (fd > 2) continue;
        const int higher = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
        ::close(fd);
        fd = higher;
    }
    read_end = OwnedFd{fds[0]};
    write_end = OwnedFd{fds[1]};
    return fds[0] >= 0 && fds[1] >= 0;
}

inline Error process_error(errc code, std::string what, int error) {
    return Error{.code = code,
                 .message = std::move(what) + ": " + std::generic_category().message(error),
                 .execution = Execution::not_started};
}

BLUEPRINT_FAAS_DECL void ProcessTable::kill_all() noexcept {
    for (auto* process : alive_) process->kill();
}

BLUEPRINT_FAAS_DECL void ProcessTable::kill_and_reap_all() noexcept {
    while (!alive_.empty()) {
        // Reaping lets go of what the process holds, which may be its last owner's neighbour: one at a time, kept
        // alive.
        const auto process = (*alive_.begin())->weak_from_this().lock();
        if (!process) {
            alive_.erase(alive_.begin());
            continue;
        }
        process->forced_end_ = ProcessEnd::stopped;
        process->idle_ended_ = nullptr;
        process->signal_group(SIGKILL);
        process->reap();
        process->finish();
    }
}

BLUEPRINT_FAAS_DECL result<std::shared_ptr<Process>> Process::start(asio::any_io_executor executor, ProcessTable& table,
                                                                    ProcessPlan plan) {
    std::shared_ptr<Process> process{new Process{std::move(executor), table, std::move(plan)}};
    if (auto spawned = process->spawn(); !spawned) return spawned.error();
    process->watch_exit();
    return process;
}

BLUEPRINT_FAAS_DECL Process::Process(asio::any_io_executor executor, ProcessTable& table, ProcessPlan plan)
    : table_{table},
      plan_{std::move(plan)},
      input_pipe_{executor},
      output_pipe_{executor},
      log_pipe_{executor},
      pid_watch_{executor},
      timer_{executor},
      finished_timer_{executor, asio::steady_timer::time_point::max()} {}

BLUEPRINT_FAAS_DECL Process::~Process() {
    if (pid_ < 0 || reaped_) return;
    signal_group(SIGKILL);
    reap();
    table_.alive_.erase(this);
}

BLUEPRINT_FAAS_DECL result<void> Process::spawn() {
    OwnedFd theirs[3];
    OwnedFd ours[3];
    if (!make_pipe(theirs[0], ours[0]) || !make_pipe(ours[1], theirs[1]) || !make_pipe(ours[2], theirs[2]))
        return process_error(errc::infrastructure, "cannot make pipes for a function's process", errno);

    std::string program = plan_.program.string();
    std::vector<char*> arguments{program.data(), nullptr};
    std::vector<char*> environment;
    for (auto& variable : plan_.environment) environment.push_back(variable.data());
    environment.push_back(nullptr);

    ChildStart start{.program = program.c_str(),
                     .directory = plan_.directory.c_str(),
                     .arguments = arguments.data(),
                     .environment = environment.data(),
                     .memory = static_cast<rlim_t>(plan_.memory_bytes),
                     .parent = ::getpid()};
    for (int i = 0; i < 3; ++i) start.pipes[i] = theirs[i].get();

    // A child's ru_maxrss starts from what the process that forked it had.
    rusage own{};
    ::getrusage(RUSAGE_SELF, &own);
    memory_floor_kib_ = static_cast<std::uint64_t>(own.ru_maxrss) + 1024;

    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t pid = start_child(start);
    const int fork_error = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);

    if (pid < 0) return process_error(errc::infrastructure, "cannot start another process", fork_error);
    pid_ = pid;
    ++table_.started_;
    if (start.error != 0) {
        while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
        }
        reaped_ = true;
        const bool room =
            start.error == ENOMEM || start.error == EAGAIN || start.error == EMFILE || start.error == ENFILE;
        return process_error(room ? errc::infrastructure : errc::function_error,
                             "cannot " + std::string{start.step} + " '" + plan_.program.filename().string() + '\'',
                             start.error);
    }
    table_.alive_.insert(this);
    for (auto& variable : plan_.environment) blueprint::faas::detail::wipe(variable);  // they may hold secrets
    plan_.environment.clear();

    const auto pid_fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U));
    if (pid_fd < 0) {
        const int error = errno;
        signal_group(SIGKILL);
        while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
        }
        reaped_ = true;
        table_.alive_.erase(this);
        return process_error(errc::infrastructure, "cannot watch a function's process", error);
    }
    boost::system::error_code failed;
    boost::system::error_code any_failed;
    pid_watch_.assign(pid_fd, failed);
    if (failed) ::close(pid_fd);
    any_failed = failed;
    asio::posix::stream_descriptor* const pipes[3] = {&input_pipe_, &output_pipe_, &log_pipe_};
    for (int i = 0; i < 3; ++i) {
        pipes[i]->assign(ours[i].get(), failed);
        if (failed)
            any_failed = failed;
        else
            static_cast<void>(ours[i].release());
    }
    if (!any_failed) input_pipe_.non_blocking(true, any_failed);
    if (any_failed) return process_error(errc::infrastructure, "cannot watch a function's pipes", any_failed.value());
    return {};
}

BLUEPRINT_FAAS_DECL void Process::watch_exit() {
    pid_watch_.async_wait(asio::posix::stream_descriptor::wait_read,
                          [self = shared_from_this()](boost::system::error_code failed) {
                              if (failed || self->finished_) return;
                              // Asio reuses what it knows of a closed descriptor, so readiness that was meant for an
                              // older one may arrive here: it is believed only when the kernel says so too.
                              if (self->has_exited())
                                  self->on_exit();
                              else
                                  self->watch_exit();
                          });
}

BLUEPRINT_FAAS_DECL bool Process::has_exited() const noexcept {
    siginfo_t info{};
    const int outcome = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    return outcome == 0 ? info.si_pid == pid_ : errno == ECHILD;  // the latter: somebody else waited for it
}

BLUEPRINT_FAAS_DECL void Process::on_exit() {
    exited_ = true;
    if (!started_run_) {
        const auto ended = std::exchange(idle_ended_, nullptr);
        finish();
        if (ended) ended(false);
        return;
    }
    // A descendant may hold the pipes open for ever; what the program itself wrote is there already.
    set_timer(std::chrono::steady_clock::now() + std::chrono::milliseconds{100}, &Process::on_drain_time);
    after_eof();
}

BLUEPRINT_FAAS_DECL void Process::wait_idle(std::chrono::milliseconds timeout,
                                            std::function<void(bool expired)> ended) {
    idle_ended_ = std::move(ended);
    set_timer(std::chrono::steady_clock::now() + timeout, &Process::on_idle_timeout);
}

BLUEPRINT_FAAS_DECL void Process::on_idle_timeout() {
    if (started_run_ || finished_) return;
    const auto ended = std::exchange(idle_ended_, nullptr);
    kill();
    if (ended) ended(true);
}

BLUEPRINT_FAAS_DECL asio::awaitable<ProcessOutcome> Process::run(std::string input, Deadline deadline) {
    const auto self = shared_from_this();
    idle_ended_ = nullptr;
    started_run_ = true;
    began_ = std::chrono::steady_clock::now();
    input_ = std::move(input);
    if (!finished_) {
        output_chunk_.resize(chunk_bytes);
        log_chunk_.resize(chunk_bytes);
        set_timer(deadline, &Process::on_deadline);
        read_output();
        read_log();
        write_input();
    }
    while (!finished_) {
        const auto [ignored] = co_await finished_timer_.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
    co_return std::move(outcome_);
}

BLUEPRINT_FAAS_DECL void Process::write_input() {
    while (!finished_ && written_ < input_.size()) {
        const auto written =
            write_without_sigpipe(input_pipe_.native_handle(), input_.data() + written_, input_.size() - written_);
        if (written >= 0) {
            written_ += static_cast<std::size_t>(written);
            continue;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN) break;  // it does not read any more, which is its own affair
        input_pipe_.async_wait(asio::posix::stream_descriptor::wait_write,
                               [self = shared_from_this()](boost::system::error_code failed) {
                                   if (!failed) self->write_input();
                               });
        return;
    }
    boost::system::error_code ignored;
    input_pipe_.close(ignored);
    input_ = std::string{};
    written_ = 0;
}

BLUEPRINT_FAAS_DECL void Process::read_output() {
    output_pipe_.async_read_some(asio::buffer(output_chunk_),
                                 [self = shared_from_this()](boost::system::error_code failed, std::size_t size) {
                                     if (self->finished_) return;
                                     if (failed) {
                                         self->output_ended_ = true;
                                         self->after_eof();
                                         return;
                                     }
                                     self->sample_memory();
                                     auto& output = self->outcome_.output;
                                     if (output.size() + size > self->plan_.output_bytes) {
                                         size = self->plan_.output_bytes - output.size();
                                         if (!self->forced_end_) self->forced_end_ = ProcessEnd::too_much_output;
                                         self->signal_group(SIGKILL);
                                     }
                                     output.append(self->output_chunk_.data(), size);
                                     self->read_output();
                                 });
}

BLUEPRINT_FAAS_DECL void Process::read_log() {
    log_pipe_.async_read_some(asio::buffer(log_chunk_),
                              [self = shared_from_this()](boost::system::error_code failed, std::size_t size) {
                                  if (self->finished_) return;
                                  if (failed) {
                                      self->log_ended_ = true;
                                      self->after_eof();
                                      return;
                                  }
                                  auto& log = self->outcome_.log_tail;
                                  log.append(self->log_chunk_.data(), size);
                                  const auto most = self->plan_.log_bytes;
                                  if (log.size() > 2 * most)
                                      log.erase(0, log.size() - most);  // not at every piece: that would be quadratic
                                  self->read_log();
                              });
}

BLUEPRINT_FAAS_DECL void Process::after_eof() {
    if (exited_ && output_ended_ && log_ended_) finish();
}

BLUEPRINT_FAAS_DECL void Process::set_timer(std::chrono::steady_clock::time_point when, void (Process::*action)()) {
    const auto turn = ++timer_turn_;
    timer_.expires_at(when);
    timer_.async_wait([self = shared_from_this(), turn, action](boost::system::error_code failed) {
        if (!failed && turn == self->timer_turn_ && !self->finished_) (self.get()->*action)();
    });
}

BLUEPRINT_FAAS_DECL void Process::on_deadline() {
    if (!forced_end_) forced_end_ = ProcessEnd::timed_out;
    signal_group(SIGTERM);
    signal_group(SIGCONT);  // a stopped process would not see it
    set_timer(std::chrono::steady_clock::now() + plan_.kill_after, &Process::on_kill_time);
}

BLUEPRINT_FAAS_DECL void Process::on_kill_time() { signal_group(SIGKILL); }

BLUEPRINT_FAAS_DECL void Process::on_drain_time() {
    signal_group(SIGKILL);
    if (drains_++ > 0) {  // what holds the pipes has left the group
        finish();
        return;
    }
    set_timer(std::chrono::steady_clock::now() + std::chrono::milliseconds{100}, &Process::on_drain_time);
}

BLUEPRINT_FAAS_DECL void Process::kill() noexcept {
    if (finished_ || reaped_) return;
    if (!forced_end_) forced_end_ = ProcessEnd::stopped;
    idle_ended_ = nullptr;
    signal_group(SIGKILL);
}

BLUEPRINT_FAAS_DECL void Process::signal_group(int signal) noexcept {
    // Until it is reaped, the number belongs to our child, so no stranger is hit.
    if (pid_ > 0 && !reaped_) ::kill(-pid_, signal);
}

BLUEPRINT_FAAS_DECL void Process::reap() noexcept {
    if (reaped_ || pid_ < 0) return;
    siginfo_t info{};
    rusage usage{};
    long outcome = -1;
    do {  // not by the pidfd: Asio makes that non-blocking, and then it does not wait
        outcome = ::syscall(SYS_waitid, P_PID, pid_, &info, WEXITED, &usage);
    } while (outcome < 0 && errno == EINTR);
    reaped_ = true;
    if (outcome < 0) {  // somebody else waits for all children of this program
        outcome_.end = ProcessEnd::stopped;
        return;
    }
    outcome_.end = info.si_code == CLD_EXITED ? ProcessEnd::exited : ProcessEnd::signalled;
    outcome_.status = info.si_status;
    const auto peak = static_cast<std::uint64_t>(usage.ru_maxrss);
    const auto known = std::max(memory_sample_kib_, peak > memory_floor_kib_ ? peak : 0);
    if (known > 0) outcome_.peak_memory_mib = static_cast<std::uint32_t>((known + 1023) / 1024);
}

BLUEPRINT_FAAS_DECL void Process::finish() {
    if (finished_) return;
    const auto self = shared_from_this();
    signal_group(SIGKILL);
    reap();
    if (forced_end_) outcome_.end = *forced_end_;
    outcome_.duration =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began_);
    if (outcome_.log_tail.size() > plan_.log_bytes)
        outcome_.log_tail.erase(0, outcome_.log_tail.size() - plan_.log_bytes);
    finished_ = true;
    close_pipes();
    timer_.cancel();
    finished_timer_.cancel();
    table_.alive_.erase(this);
    plan_.belongings.reset();
}

BLUEPRINT_FAAS_DECL void Process::sample_memory() {
    // ru_maxrss tells nothing below the server's own peak, so the program is looked at while it writes its answer.
    if (memory_samples_++ >= 8) return;
    char path[32];
    std::snprintf(path, sizeof path, "/proc/%d/status", pid_);
    const OwnedFd file{::open(path, O_RDONLY | O_CLOEXEC)};
    if (file.get() < 0) return;
    char text[4096];
    const auto size = ::read(file.get(), text, sizeof text);
    if (size <= 0) return;
    const std::string_view status{text, static_cast<std::size_t>(size)};
    constexpr std::string_view name = "VmHWM:";
    const auto at = status.find(name);
    if (at == std::string_view::npos) return;
    const auto digits = status.find_first_of("0123456789", at + name.size());
    if (digits == std::string_view::npos) return;
    std::uint64_t kib = 0;
    std::from_chars(status.data() + digits, status.data() + status.size(), kib);
    memory_sample_kib_ = std::max(memory_sample_kib_, kib);
}

BLUEPRINT_FAAS_DECL void Process::close_pipes() noexcept {
    boost::system::error_code ignored;
    input_pipe_.close(ignored);
    output_pipe_.close(ignored);
    log_pipe_.close(ignored);
    pid_watch_.close(ignored);
}

}  // namespace blueprint::faas::local

#endif
