#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_PROCESS_START_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_PROCESS_START_IPP

#include "blueprint/faas/local/process.hpp"
#include "blueprint/faas/secret.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
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
    int pipes[4] = {-1, -1, -1, -1};
    rlim_t memory = 0;
    pid_t parent = 0;
    // The child shares our memory until it executes: this is how it tells what it was doing, and why that failed. It
    // never comes back from there, so that to an optimiser nothing that it writes could be seen by who goes on.
    volatile int error = 0;
    const char* volatile step = "start";
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
    const int count = start.pipes[3] < 0 ? 3 : 4;
    for (int fd = 0; fd < count; ++fd) {
        if (::dup2(start.pipes[fd], fd) < 0) child_failed(start, "connect the pipes of");
        // One that has its number already is still closed by exec.
        if (start.pipes[fd] == fd && ::fcntl(fd, F_SETFD, 0) != 0) child_failed(start, "connect the pipes of");
    }
#if defined(SYS_close_range)
    if (::syscall(SYS_close_range, static_cast<unsigned>(count), ~0U, 0U) != 0)
#endif
    {
        rlimit open_files{};
        ::getrlimit(RLIMIT_NOFILE, &open_files);
        const auto most = static_cast<int>(std::min<rlim_t>(open_files.rlim_cur, 1U << 20));
        for (int fd = count; fd < most; ++fd) ::close(fd);
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

BLUEPRINT_FAAS_DECL result<void> Process::spawn() {
    OwnedFd theirs[4];
    OwnedFd ours[4];
    if (!make_pipe(theirs[0], ours[0]) || !make_pipe(ours[1], theirs[1]) || !make_pipe(ours[2], theirs[2]))
        return process_error(errc::infrastructure, "cannot make pipes for a function's process", errno);
    if (plan_.noted && !make_pipe(ours[3], theirs[3]))
        return process_error(errc::infrastructure, "cannot make pipes for a function's process", errno);

    std::string program = plan_.program.string();
    std::vector<char*> arguments{program.data()};
    for (auto& argument : plan_.arguments) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
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
    if (plan_.merge_output) start.pipes[1] = start.pipes[2];
    if (plan_.noted) start.pipes[3] = std::exchange(start.pipes[1], theirs[3].get());

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
    if (const int failed = start.error; failed != 0) {
        while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
        }
        reaped_ = true;
        const bool room = failed == ENOMEM || failed == EAGAIN || failed == EMFILE || failed == ENFILE;
        return process_error(room ? errc::infrastructure : errc::function_error,
                             "cannot " + std::string{start.step} + " '" + plan_.program.filename().string() + '\'',
                             failed);
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
    asio::posix::stream_descriptor* const pipes[4] = {&input_pipe_, &output_pipe_, &log_pipe_, &print_pipe_};
    print_ended_ = !plan_.noted;
    for (int i = 0; i < (plan_.noted ? 4 : 3); ++i) {
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

}  // namespace blueprint::faas::local

#endif
