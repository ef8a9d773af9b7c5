#ifndef BLUEPRINT_FAAS_DETAIL_IMPL_CHILD_COMMAND_IPP
#define BLUEPRINT_FAAS_DETAIL_IMPL_CHILD_COMMAND_IPP

#include "blueprint/faas/detail/child_command.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <exception>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <spawn.h>
#include <string_view>
#include <sys/types.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// A started child, in a process group of its own: killed and reaped when this goes, if that has not happened before.
class Child {
public:
    explicit Child(pid_t pid) noexcept : pid_{pid} {}
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        if (pid_ <= 0) return;
        ::kill(-pid_, SIGKILL);
        while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
        }
    }

    /// Returns what `waitpid` tells of the child if it has ended. A host that ignores SIGCHLD has its children reaped
    /// by the system; how they ended is not known then, and what they printed has to speak for them.
    BLUEPRINT_FAAS_COLD std::optional<int> ended() noexcept {
        int status = 0;
        pid_t done = 0;
        do done = ::waitpid(pid_, &status, WNOHANG);
        while (done < 0 && errno == EINTR);
        if (done == 0) return std::nullopt;
        pid_ = -1;
        return done < 0 ? 0 : status;
    }

private:
    pid_t pid_;
};

/// Both ends of a pipe. They are closed by exec, and none of them is 0, 1 or 2, whatever the host has closed.
class ChildPipe {
public:
    ChildPipe() noexcept {
        if (::pipe2(ends_, O_CLOEXEC) != 0) error_ = errno;
        for (int& end : ends_) {
            if (end < 0 || end > STDERR_FILENO) continue;
            const int higher = ::fcntl(end, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
            if (higher < 0) error_ = errno;
            ::close(std::exchange(end, higher));
        }
    }
    ChildPipe(const ChildPipe&) = delete;
    ChildPipe& operator=(const ChildPipe&) = delete;
    ~ChildPipe() {
        for (const int end : ends_)
            if (end >= 0) ::close(end);
    }
    int error() const noexcept { return error_; }
    int write_end() const noexcept { return ends_[1]; }
    int release_read_end() noexcept { return std::exchange(ends_[0], -1); }

private:
    int ends_[2] = {-1, -1};
    int error_ = 0;
};

/// What the child prints, read until both streams end. On one strand with whoever waits for it.
class ChildStreams : public std::enable_shared_from_this<ChildStreams> {
public:
    ChildStreams(const asio::any_io_executor& strand, const ChildCommand& command, Deadline deadline)
        : output_pipe_{strand},
          log_pipe_{strand},
          over_{strand, deadline},
          max_output_{command.max_output_bytes},
          max_log_{command.max_log_bytes} {
        output_.resize(max_output_ + 1);  // in one piece: a string that grows leaves copies of a secret behind
    }
    ChildStreams(const ChildStreams&) = delete;
    ChildStreams& operator=(const ChildStreams&) = delete;
    ~ChildStreams() { wipe(output_); }

    boost::system::error_code begin(ChildPipe& output, ChildPipe& log) {
        boost::system::error_code failed;
        for (auto [pipe, from] : {std::pair{&output_pipe_, &output}, std::pair{&log_pipe_, &log}}) {
            const int end = from->release_read_end();
            pipe->assign(end, failed);
            if (!failed) continue;
            ::close(end);
            return failed;
        }
        read_output();
        read_log();
        return failed;
    }
    /// Expires at the deadline, and is cancelled when `finished` or `too_long` becomes true.
    asio::steady_timer& over() noexcept { return over_; }
    bool finished() const noexcept { return open_ == 0; }
    bool too_long() const noexcept { return output_size_ > max_output_; }
    BLUEPRINT_FAAS_COLD void close() {
        boost::system::error_code ignored;
        output_pipe_.close(ignored);
        log_pipe_.close(ignored);
    }
    Secret output() const { return std::string_view{output_}.substr(0, output_size_); }
    BLUEPRINT_FAAS_COLD std::string log() && {
        if (log_.size() > max_log_) log_.erase(0, log_.size() - max_log_);
        return std::move(log_);
    }

private:
    void read_output() {
        const auto room = asio::buffer(output_.data() + output_size_, output_.size() - output_size_);
        output_pipe_.async_read_some(
            room, [self = shared_from_this()](const boost::system::error_code& failed, std::size_t size) {
                self->output_size_ += size;
                if (failed) return self->one_ended();
                if (self->too_long())
                    self->over_.cancel();
                else
                    self->read_output();
            });
    }
    BLUEPRINT_FAAS_COLD void read_log() {
        log_pipe_.async_read_some(asio::buffer(piece_), [self = shared_from_this()](
                                                            const boost::system::error_code& failed, std::size_t size) {
            self->log_.append(self->piece_.data(), size);
            // The end of a log tells most. What came before is let go from time to time, not for every piece.
            if (self->log_.size() > 2 * self->max_log_ + self->piece_.size())
                self->log_.erase(0, self->log_.size() - self->max_log_);
            if (failed) return self->one_ended();
            self->read_log();
        });
    }
    void one_ended() {
        if (--open_ == 0) over_.cancel();
    }

    asio::posix::stream_descriptor output_pipe_;
    asio::posix::stream_descriptor log_pipe_;
    asio::steady_timer over_;
    std::size_t max_output_;
    std::size_t max_log_;
    std::string output_{};
    std::size_t output_size_ = 0;
    std::string log_{};
    std::array<char, 1024> piece_{};
    int open_ = 2;
};

/// Returns the variables of the command, each "NAME=value", those of this process by their own place in memory. The
/// pointers are good while `own` is, and while nobody changes this process's environment.
BLUEPRINT_FAAS_COLD inline std::vector<char*> child_variables(const ChildCommand& command,
                                                              std::vector<std::string>& own) {
    std::vector<char*> all;
    for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
        const std::string_view line{*at};
        const auto name = line.substr(0, line.find('='));
        const bool replaced = std::any_of(command.variables.begin(), command.variables.end(),
                                          [&](const auto& variable) { return variable.first == name; });
        if (!replaced) all.push_back(*at);
    }
    for (const auto& [name, value] : command.variables) own.push_back(name + '=' + value);
    for (auto& line : own) all.push_back(line.data());
    all.push_back(nullptr);
    return all;
}

/// Starts the command with its output and error streams in the pipes. Returns errno's value, or 0.
BLUEPRINT_FAAS_COLD inline int start_child(const ChildCommand& command, const ChildPipe& output, const ChildPipe& log,
                                           pid_t& pid) {
    std::vector<char*> words;
    for (const auto& word : command.words) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    std::vector<std::string> own;
    const auto variables = child_variables(command, own);

    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    if (const int failed = ::posix_spawn_file_actions_init(&files); failed != 0) return failed;
    if (const int failed = ::posix_spawnattr_init(&attributes); failed != 0) {
        ::posix_spawn_file_actions_destroy(&files);
        return failed;
    }
    int failed = ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (failed == 0) failed = ::posix_spawn_file_actions_adddup2(&files, output.write_end(), STDOUT_FILENO);
    if (failed == 0) failed = ::posix_spawn_file_actions_adddup2(&files, log.write_end(), STDERR_FILENO);
    if (failed == 0 && !command.directory.empty())
        failed = ::posix_spawn_file_actions_addchdir_np(&files, command.directory.c_str());
#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 34)
    // Sockets of the host that are not closed by exec.
    if (failed == 0) failed = ::posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
#endif
#endif
    // A signal that the host ignores or blocks would be so in the child too.
    sigset_t all;
    sigset_t none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    if (failed == 0) failed = ::posix_spawnattr_setsigdefault(&attributes, &all);
    if (failed == 0) failed = ::posix_spawnattr_setsigmask(&attributes, &none);
    if (failed == 0) failed = ::posix_spawnattr_setpgroup(&attributes, 0);
    if (failed == 0)
        failed = ::posix_spawnattr_setflags(&attributes,
                                            POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    if (failed == 0) failed = ::posix_spawnp(&pid, words[0], &files, &attributes, words.data(), variables.data());
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&files);
    return failed;
}

BLUEPRINT_FAAS_COLD inline Error child_failure(errc code, std::string message) {
    return Error{.code = code, .message = std::move(message), .execution = Execution::not_started};
}

BLUEPRINT_FAAS_COLD inline Error child_not_started(const std::string& what, int failed) {
    const bool room = failed == ENOMEM || failed == EAGAIN || failed == EMFILE || failed == ENFILE;
    Error error = child_failure(room ? errc::infrastructure : errc::invalid_configuration,
                                "cannot start " + what + ": " + std::generic_category().message(failed));
    error.retryable = room;
    if (failed == ENOENT) error.platform_code = "ENOENT";
    return error;
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<ChildEnd>> run_on_strand(ChildCommand command, std::string what,
                                                                           Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto strand = co_await asio::this_coro::executor;
    const auto stopped = [&] {
        const bool late = std::chrono::steady_clock::now() >= deadline;
        return child_failure(late ? errc::timed_out : errc::cancelled,
                             what + (late ? " did not end before the deadline" : " was cancelled"));
    };
    if (command.words.empty()) co_return child_failure(errc::invalid_configuration, what + " has no program");

    const auto streams = std::make_shared<ChildStreams>(strand, command, deadline);
    std::optional<Child> child;
    {
        ChildPipe output;
        ChildPipe log;
        if (const int failed = output.error() != 0 ? output.error() : log.error(); failed != 0)
            co_return child_not_started(what, failed);
        pid_t pid = 0;
        if (const int failed = start_child(command, output, log, pid); failed != 0)
            co_return child_not_started(what, failed);
        child.emplace(pid);
        for (auto& word : command.words) wipe(word);
        if (const auto failed = streams->begin(output, log)) {
            streams->close();
            co_return child_not_started(what, failed.value());
        }
    }
    while (!streams->finished() && !streams->too_long()) {
        const auto [interrupted] = co_await streams->over().async_wait(asio::as_tuple(asio::use_awaitable));
        const auto state = co_await asio::this_coro::cancellation_state;
        if (interrupted && state.cancelled() == asio::cancellation_type::none) continue;
        streams->close();
        co_return stopped();
    }
    streams->close();
    if (streams->too_long())
        co_return child_failure(errc::invalid_configuration,
                                what + " printed more than " + std::to_string(command.max_output_bytes) + " bytes");

    // Who closes its streams is about to end. Looking again is simpler than watching, and changes no signal handler.
    auto status = child->ended();
    for (std::chrono::milliseconds pause{1}; !status; status = child->ended()) {
        asio::steady_timer timer{strand, std::min(deadline, std::chrono::steady_clock::now() + pause)};
        const auto [interrupted] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        if (interrupted || std::chrono::steady_clock::now() >= deadline) co_return stopped();
        pause = std::min(pause * 2, std::chrono::milliseconds{50});
    }
    ChildEnd end;
    if (WIFSIGNALED(*status))
        end.signal = WTERMSIG(*status);
    else
        end.exit_code = WEXITSTATUS(*status);
    end.output = streams->output();
    end.log = std::move(*streams).log();
    co_return end;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<ChildEnd>> run_child(ChildCommand command,
                                                                                    std::string what,
                                                                                    Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto executor = co_await asio::this_coro::executor;
    // Two streams and a deadline are waited for at once, so that what they share needs one thread at a time.
    const asio::any_io_executor strand = asio::make_strand(executor);
    auto running = run_on_strand(std::move(command), what, deadline);
    auto [thrown, end] = co_await asio::co_spawn(strand, std::move(running), asio::as_tuple(asio::use_awaitable));
    if (thrown) std::rethrow_exception(thrown);
    co_return std::move(end);
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
