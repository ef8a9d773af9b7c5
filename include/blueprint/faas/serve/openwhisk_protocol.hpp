#ifndef BLUEPRINT_FAAS_SERVE_OPENWHISK_PROTOCOL_HPP
#define BLUEPRINT_FAAS_SERVE_OPENWHISK_PROTOCOL_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/serve/exec.hpp"
#include "blueprint/faas/serve/openwhisk_messages.hpp"
#include "blueprint/faas/serve/protocol.hpp"
#include "blueprint/faas/serve/stdio.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas {

namespace detail {

/// The talk with an action's runtime from the first line to the end of the input. What cannot be read is answered as a
/// failure, and the next line is waited for.
class ActionLoopSession {
public:
    static constexpr int answers = 3;  ///< the descriptor that a runtime reads

    /// Takes `output` for the answers alone, and says there that the program is ready, if the runtime waits for that.
    BLUEPRINT_FAAS_DECL ActionLoopSession(const Environment& world, const ServeOptions& options, int input = 0,
                                          int output = answers);
    ActionLoopSession(const ActionLoopSession&) = delete;
    ActionLoopSession& operator=(const ActionLoopSession&) = delete;

    /// Waits for the next call that a job must run for; warming calls, questions for the health and lines that cannot
    /// be read are answered here. Nothing: the process must end, and with `status()`.
    BLUEPRINT_FAAS_DECL std::optional<JobCall> next();
    int status() const noexcept { return status_; }
    /// Answers a call with what its job gave.
    BLUEPRINT_FAAS_DECL void reply(JobId id, const result<Bytes>& outcome, std::chrono::milliseconds took,
                                   std::optional<std::size_t> memory_mib);

private:
    BLUEPRINT_FAAS_DECL bool answer_here(const ActionLoopCall& call);
    BLUEPRINT_FAAS_DECL void write(std::string_view line);
    BLUEPRINT_FAAS_DECL void give_up(const Error& error);
    BLUEPRINT_FAAS_DECL const std::string& instance();

    const Environment& world_;
    ServeOptions options_;
    InputStream input_;
    AnswerStream answer_{};
    std::string instance_{};
    bool over_ = false;
    int status_ = 0;
};

/// Answers calls of `session` with what the jobs give, until there are no more.
template <LocalJobs Jobs>
int answer_action_loop_calls(Jobs& jobs, ActionLoopSession& session) {
    ExecState state;
    while (auto call = session.next()) {
        const auto id = call->job_id;
        const auto begun = std::chrono::steady_clock::now();
        const auto outcome = state.runner.run(jobs, *std::move(call));
        const auto took = std::chrono::steady_clock::now() - begun;
        session.reply(id, outcome, std::chrono::duration_cast<std::chrono::milliseconds>(took), state.memory.mib());
    }
    return session.status();
}

}  // namespace detail

/// Calls as a runtime of Apache OpenWhisk that speaks ActionLoop sends them, and the Node.js program that
/// `openwhisk_node_code` puts beside this one, on DigitalOcean Functions too: a line of JSON a call on standard input,
/// a line of JSON an answer on descriptor 3, one after the other until the end of the input. A call is
/// {"value":{"job_id":7,"args":"AQI="},...}, the answer is the exec model's with Base64; that of a job that failed
/// stands in a member `error`, by which the platform counts the call as failed. What jobs print is the action's log.
/// The process has the action's environment and nothing else: no PATH, no HOME.
///
/// BLUEPRINT_ACTION_LOOP=1 says so; OpenWhisk's own runtimes are known by the variables that they all or some of them
/// set (__OW_PROXY_VERSION, __OW_EXECUTION_ENV, __OW_WAIT_FOR_ACK, __OW_API_HOST), if somebody reads descriptor 3.
/// Source: OpenWhisk runtime for Go, "ACTION.md" (the ActionLoop protocol) and openwhisk/actionProxy.go.
struct OpenWhiskProtocol {
    static constexpr std::string_view name = "openwhisk";

    static bool detect(const Surroundings& found) {
        const auto& world = found.world;
        if (world.variable("BLUEPRINT_ACTION_LOOP") == "1") return true;
        if (!found.writes_to_3 || world.variable("BLUEPRINT_HTTP_SOCKET")) return false;
        for (const auto* mark : {"__OW_PROXY_VERSION", "__OW_EXECUTION_ENV", "__OW_WAIT_FOR_ACK", "__OW_API_HOST"})
            if (world.variable(mark)) return true;
        return false;
    }

    template <LocalJobs Jobs>
    static int serve(Jobs& jobs, const Surroundings& found, const ServeOptions& options) {
        detail::ActionLoopSession session{found.world, options};
        return detail::answer_action_loop_calls(jobs, session);
    }
};

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/serve/impl/openwhisk_protocol.ipp"
#endif

#endif
