#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_PROCESS_WATCH_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_PROCESS_WATCH_IPP

#include "blueprint/faas/local/process.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <unistd.h>
#include <utility>

namespace blueprint::faas::local {

// The life of a process that is spoken to by other ways than its pipes.

BLUEPRINT_FAAS_DECL void Process::watch(std::function<void(std::string_view)> log,
                                        std::function<void(const ProcessOutcome&)> ended) {
    started_run_ = true;
    began_ = std::chrono::steady_clock::now();
    watch_log_ = std::move(log);
    watch_ended_ = std::move(ended);
    boost::system::error_code ignored;
    input_pipe_.close(ignored);
    output_pipe_.close(ignored);  // nobody holds its other end
    output_ended_ = true;
    log_chunk_.resize(loop_chunk_bytes);
    log_pipe_.non_blocking(true, ignored);
    watch_pipe(2);
}

/// Waits until there is something to read, and reads only then: so nothing is under way when `drain_log` reads.
BLUEPRINT_FAAS_DECL void Process::watch_pipe(int stream) {
    auto& pipe = stream == 1 ? print_pipe_ : log_pipe_;
    pipe.async_wait(asio::posix::stream_descriptor::wait_read,
                    [self = shared_from_this(), stream](boost::system::error_code failed) {
                        if (self->finished_) return;
                        if (!failed && self->take_log(stream)) {
                            self->watch_pipe(stream);
                            return;
                        }
                        (stream == 1 ? self->print_ended_ : self->log_ended_) = true;
                        self->after_eof();
                    });
}

/// Hands over what is in the pipe. Returns false at its end.
BLUEPRINT_FAAS_DECL bool Process::take_log(int stream) {
    auto& pipe = stream == 1 ? print_pipe_ : log_pipe_;
    // Not for ever: the program may write faster than this reads.
    for (int round = 0; round < 64; ++round) {
        const auto size = ::read(pipe.native_handle(), log_chunk_.data(), log_chunk_.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return errno == EAGAIN;
        if (size == 0) return false;
        const std::string_view text{log_chunk_.data(), static_cast<std::size_t>(size)};
        if (plan_.noted)
            plan_.noted(stream, text);
        else
            watch_log_(text);
    }
    return true;
}

BLUEPRINT_FAAS_DECL void Process::drain_log() {
    if (!finished_ && watch_log_ && !log_ended_) static_cast<void>(take_log(2));
}

BLUEPRINT_FAAS_DECL void Process::terminate() {
    if (finished_ || !running()) return;
    if (!forced_end_) forced_end_ = ProcessEnd::stopped;
    signal_group(SIGTERM);
    signal_group(SIGCONT);  // a stopped process would not see it
    set_timer(std::chrono::steady_clock::now() + plan_.kill_after, &Process::on_kill_time);
}

BLUEPRINT_FAAS_DECL std::optional<std::uint32_t> Process::peak_memory_mib() {
    if (running()) {
        memory_samples_ = 0;  // whoever asks wants to know
        sample_memory();
    } else if (outcome_.peak_memory_mib) {
        return outcome_.peak_memory_mib;
    }
    if (memory_sample_kib_ == 0) return std::nullopt;
    return static_cast<std::uint32_t>((memory_sample_kib_ + 1023) / 1024);
}

}  // namespace blueprint::faas::local

#endif
