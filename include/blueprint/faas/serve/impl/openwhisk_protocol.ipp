#ifndef BLUEPRINT_FAAS_SERVE_IMPL_OPENWHISK_PROTOCOL_IPP
#define BLUEPRINT_FAAS_SERVE_IMPL_OPENWHISK_PROTOCOL_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/serve/openwhisk_protocol.hpp"

#include <array>
#include <cstdint>
#include <cstdio>
#include <sys/random.h>
#include <thread>

namespace blueprint::faas::detail {

BLUEPRINT_FAAS_DECL ActionLoopSession::ActionLoopSession(const Environment& world, const ServeOptions& options,
                                                         int input, int output)
    : world_{world}, options_{options}, input_{input, options.max_input_bytes} {
    if (!is_writable(output)) {
        give_up(Error{.message = "descriptor " + std::to_string(output) +
                                 " is not open for writing, and a runtime of OpenWhisk reads the answers there"});
        return;
    }
    auto answer = AnswerStream::take(output, 2);
    if (!answer) {
        give_up(answer.error());
        return;
    }
    answer_ = *std::move(answer);
    if (!world.variable("__OW_WAIT_FOR_ACK").value_or("").empty()) write("{\"ok\":true}\n");
}

BLUEPRINT_FAAS_DECL const std::string& ActionLoopSession::instance() {
    if (instance_.empty()) {
        std::array<std::uint8_t, 16> random{};
        [[maybe_unused]] const auto size = ::getrandom(random.data(), random.size(), 0);  // 16 bytes never come short
        instance_ = hex_encode(random);
    }
    return instance_;
}

BLUEPRINT_FAAS_DECL void ActionLoopSession::give_up(const Error& error) {
    complain(error.message + '\n');
    over_ = true;
    status_ = 1;
}

BLUEPRINT_FAAS_DECL void ActionLoopSession::write(std::string_view line) {
    std::fflush(stdout);  // the process may be frozen as soon as it has answered, and the log ends with the call
    if (const auto written = answer_.write(line); !written) give_up(written.error());
}

BLUEPRINT_FAAS_DECL bool ActionLoopSession::answer_here(const ActionLoopCall& call) {
    if (call.kind == ActionLoopCall::Kind::job) return false;
    if (call.kind == ActionLoopCall::Kind::warm) {
        std::this_thread::sleep_for(call.hold);
        write(write_action_loop_warm(instance()));
    } else {
        write(write_action_loop_health(instance()));
    }
    return true;
}

BLUEPRINT_FAAS_DECL std::optional<JobCall> ActionLoopSession::next() {
    while (!over_) {
        const auto line = input_.read_line();
        if (!line) {  // where the next one begins is not known
            write(write_action_loop_answer({}, line.error(), {}, {}, options_.max_openwhisk_bytes));
            give_up(line.error());
            break;
        }
        if (!*line) break;
        ActionLoopCall call;
        if (const auto read = read_action_loop_call(**line, world_.now(), call); !read)
            write(write_action_loop_answer(call.job_id, read.error(), {}, {}, options_.max_openwhisk_bytes));
        else if (!answer_here(call))
            return std::move(call.call);
    }
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL void ActionLoopSession::reply(JobId id, const result<Bytes>& outcome,
                                                  std::chrono::milliseconds took,
                                                  std::optional<std::size_t> memory_mib) {
    write(write_action_loop_answer(id, outcome, took, memory_mib, options_.max_openwhisk_bytes));
}

}  // namespace blueprint::faas::detail

#endif
