#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_PROCESS_CALL_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_PROCESS_CALL_IPP

#include "blueprint/faas/local/process.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <csignal>
#include <string_view>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

// The life of a process in a loop: a line in, a line out.

BLUEPRINT_FAAS_DECL void Process::serve_calls(std::chrono::milliseconds idle, std::function<void(bool expired)> ended) {
    idle_ended_ = std::move(ended);
    idle_time_ = idle;
    output_chunk_.resize(loop_chunk_bytes);
    log_chunk_.resize(loop_chunk_bytes);
    limit_call(deadline_after(idle));
    read_output();
    if (!plan_.noted) return read_log();
    // Answers and notes come by several pipes, and what was written first may be read last: so notes are read only when
    // somebody takes them, and once more when an answer has come.
    boost::system::error_code ignored;
    for (const int stream : {1, 2}) {
        (stream == 1 ? print_pipe_ : log_pipe_).non_blocking(true, ignored);
        watch_pipe(stream);
    }
}

BLUEPRINT_FAAS_DECL asio::awaitable<ProcessOutcome> Process::call(std::string line, Deadline deadline) {
    const auto self = shared_from_this();
    began_ = std::chrono::steady_clock::now();
    answered_.reset();
    outcome_.unread = finished_;
    input_ = std::move(line);
    if (!finished_) {
        calling_ = true;
        outcome_.output.clear();
        outcome_.log_tail.clear();  // what was noted during another call is not this caller's affair
        written_ = 0;
        limit_call(deadline);
        write_input();
    }
    while (!finished_ && !answered_) {
        const auto [ignored] = co_await finished_timer_.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
    if (answered_) {
        ProcessOutcome outcome = std::move(*answered_);
        answered_.reset();
        co_return outcome;
    }
    if (outcome_.unread) outcome_.output = std::move(input_);
    co_return std::move(outcome_);
}

/// Looks for the end of a line in what was read from `searched` on. Returns whether the process has finished.
BLUEPRINT_FAAS_DECL bool Process::take_line(std::size_t searched) {
    auto& output = outcome_.output;
    const auto is_space = [](std::string_view text) {
        return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
    };
    if (forced_end_) return finished_;
    if (!calling_) {
        if (!is_space(output)) {  // an answer to nothing: which call the next line belongs to cannot be known
            out_of_step_ = true;
            signal_group(SIGKILL);
        }
        output.clear();
        return finished_;
    }
    const auto end = output.find('\n', searched);
    if (end == std::string::npos) return finished_;
    if (!is_space(std::string_view{output}.substr(end + 1)) || written_ < input_.size()) {
        out_of_step_ = true;
        signal_group(SIGKILL);
    }
    output.resize(end + 1);
    if (plan_.noted && !print_ended_) static_cast<void>(take_log(1));
    if (plan_.noted && !log_ended_) static_cast<void>(take_log(2));
    auto& answer = answered_.emplace();
    answer.output = std::move(output);
    answer.log_tail = std::move(outcome_.log_tail);
    answer.duration = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began_);
    if (memory_sample_kib_ > 0) answer.peak_memory_mib = static_cast<std::uint32_t>((memory_sample_kib_ + 1023) / 1024);
    output.clear();
    outcome_.log_tail.clear();
    calling_ = false;
    if (input_.capacity() > loop_chunk_bytes) input_ = std::string{};
    if (!out_of_step_) limit_call(deadline_after(idle_time_));
    finished_timer_.cancel();
    return finished_;
}

/// Sets when the call, or the idleness, must have ended. The timer is set back for an earlier limit only; a later one
/// is found when it rings.
BLUEPRINT_FAAS_DECL void Process::limit_call(Deadline when) {
    if (ending_ || exited_) return;  // the timer serves the end already
    limit_ = when;
    if (when >= limit_watched_) return;
    limit_watched_ = when;
    set_timer(when, &Process::on_call_limit);
}

BLUEPRINT_FAAS_DECL void Process::on_call_limit() {
    limit_watched_ = Deadline::max();
    if (std::chrono::steady_clock::now() < limit_) {
        limit_call(limit_);
    } else if (calling_) {
        on_deadline();
    } else {
        const auto ended = std::exchange(idle_ended_, nullptr);
        end();
        if (ended) ended(true);
    }
}

BLUEPRINT_FAAS_DECL void Process::end() noexcept {
    if (finished_ || reaped_) return;
    idle_ended_ = nullptr;
    ending_ = true;
    boost::system::error_code ignored;
    input_pipe_.close(ignored);
    try {
        set_timer(std::chrono::steady_clock::now() + plan_.kill_after, &Process::on_kill_time);
    } catch (const std::exception&) {  // no memory for the timer: then at once
        signal_group(SIGKILL);
    }
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
