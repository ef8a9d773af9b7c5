#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_PROCESS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_PROCESS_IPP

#include "blueprint/faas/local/impl/process_start.ipp"
#include "blueprint/faas/local/process.hpp"

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
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

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
      print_pipe_{executor},
      pid_watch_{executor},
      timer_{executor},
      finished_timer_{executor, asio::steady_timer::time_point::max()} {}

BLUEPRINT_FAAS_DECL Process::~Process() {
    if (pid_ < 0 || reaped_) return;
    signal_group(SIGKILL);
    reap();
    table_.alive_.erase(this);
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
    if (!started_run_ && !calling_) {
        finish();
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
        if (errno != EAGAIN) {                      // it does not read any more, which is its own affair
            if (plan_.loop) signal_group(SIGKILL);  // but there is no use in a loop that does not
            break;
        }
        input_pipe_.async_wait(asio::posix::stream_descriptor::wait_write,
                               [self = shared_from_this()](boost::system::error_code failed) {
                                   if (!failed) self->write_input();
                               });
        return;
    }
    if (plan_.loop) return;
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
                                     const auto searched = output.size();
                                     if (output.size() + size > self->plan_.output_bytes) {
                                         size = self->plan_.output_bytes - output.size();
                                         if (!self->forced_end_) self->forced_end_ = ProcessEnd::too_much_output;
                                         self->signal_group(SIGKILL);
                                     }
                                     output.append(self->output_chunk_.data(), size);
                                     if (self->plan_.loop && self->take_line(searched)) return;
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
    if (exited_ && all_read()) {
        finish();
    } else if (plan_.loop && output_ended_ && !exited_ && !forced_end_ && !ending_) {
        // Most likely it is just ending; if not, nothing can be heard from it any more.
        ending_ = true;
        set_timer(std::chrono::steady_clock::now() + std::chrono::milliseconds{100}, &Process::on_kill_time);
    }
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
    // Until it is reaped, the number belongs to our child, so no stranger is hit. Where a tool makes fork of vfork, the
    // child may not have its group yet.
    if (pid_ > 0 && !reaped_ && ::kill(-pid_, signal) != 0 && errno == ESRCH) ::kill(pid_, signal);
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
    if (calling_ && !forced_end_) {
        // What is still in the pipe was not read: if that is all of it, nobody has seen the call.
        int in_pipe = 0;
        if (input_pipe_.is_open() && ::ioctl(input_pipe_.native_handle(), FIONREAD, &in_pipe) == 0)
            outcome_.unread = static_cast<std::size_t>(in_pipe) == written_;
    }
    finished_ = true;
    close_pipes();
    timer_.cancel();
    finished_timer_.cancel();
    table_.alive_.erase(this);
    kill_escaped();
    plan_.belongings.reset();
    plan_.noted = nullptr;
    if (const auto ended = std::exchange(idle_ended_, nullptr)) ended(false);
    watch_log_ = nullptr;
    if (const auto ended = std::exchange(watch_ended_, nullptr)) ended(outcome_);
}

BLUEPRINT_FAAS_DECL void Process::sample_memory() {
    // ru_maxrss tells nothing below the server's own peak, so the program is looked at while it writes its answer.
    if (memory_samples_ >= 8) {
        const auto now = std::chrono::steady_clock::now();
        if (!plan_.loop || now - sampled_ < std::chrono::seconds{1}) return;
        sampled_ = now;
    }
    ++memory_samples_;
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

BLUEPRINT_FAAS_DECL bool Process::computing() noexcept {
    if (!running()) return false;
    int answered = 0;  // an answer that nobody has read yet: it is this server that has no processor
    if (output_pipe_.is_open() && ::ioctl(output_pipe_.native_handle(), FIONREAD, &answered) == 0 && answered > 0)
        return true;
    char path[32];
    std::snprintf(path, sizeof path, "/proc/%d/stat", pid_);
    const OwnedFd file{::open(path, O_RDONLY | O_CLOEXEC)};
    char text[256];
    const auto size = file.get() < 0 ? 0 : ::read(file.get(), text, sizeof text);
    const std::string_view status{text, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
    const auto name_end = status.rfind(") ");  // the name may hold anything
    return name_end != std::string_view::npos && status.substr(name_end + 2, 1) == "R";
}

BLUEPRINT_FAAS_DECL void Process::close_pipes() noexcept {
    boost::system::error_code ignored;
    input_pipe_.close(ignored);
    output_pipe_.close(ignored);
    log_pipe_.close(ignored);
    print_pipe_.close(ignored);
    pid_watch_.close(ignored);
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
