#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_PROCESS_WATCH_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_PROCESS_WATCH_IPP

#include "blueprint/faas/local/process.hpp"

#include <algorithm>
#include <cerrno>
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
    read_log();
}

BLUEPRINT_FAAS_DECL void Process::drain_log() {
    if (finished_ || !watch_log_ || !log_pipe_.is_open()) return;
    std::vector<char> chunk(loop_chunk_bytes);  // the other one is being read into
    // Not for ever: the program may write faster than this reads.
    for (int round = 0; round < 64; ++round) {
        const auto size = ::read(log_pipe_.native_handle(), chunk.data(), chunk.size());
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) break;
        watch_log_(std::string_view{chunk.data(), static_cast<std::size_t>(size)});
    }
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
