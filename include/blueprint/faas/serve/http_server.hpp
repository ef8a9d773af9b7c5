#ifndef BLUEPRINT_FAAS_SERVE_HTTP_SERVER_HPP
#define BLUEPRINT_FAAS_SERVE_HTTP_SERVER_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/serve/http_door.hpp"
#include "blueprint/faas/serve/http_messages.hpp"
#include "blueprint/faas/serve/protocol.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace blueprint::faas::detail {

/// What a function's server does beyond what every one does.
struct HttpExtras {
    bool envelopes = false;  ///< takes calls in the envelope of Azure's host too
    bool keeps = false;      ///< leaves what came in the calls, so that they can be handed on
    std::string health{};    ///< members that the health has besides, each with a comma before it: `,"site":"..."`
    std::string revision{};  ///< what K_REVISION does not tell
};

/// The server of a function's process: one thread, the caller's of `run`, does all input and output, and others run
/// the jobs. Without any library but the system's and Beast's parser, since what it costs is paid at every cold start.
/// HTTP/1.1 with keep-alive; requests that follow each other without waiting are answered in turn, and those that are
/// no HTTP with 400. Source: RFC 9110; RFC 9112.
class FunctionServer {
public:
    /// Looks at BLUEPRINT_CONCURRENCY and K_REVISION of `world`.
    BLUEPRINT_FAAS_DECL FunctionServer(const Environment& world, const ServeOptions& options, HttpDoor door);
    FunctionServer(const Environment& world, const ServeOptions& options)
        : FunctionServer{world, options, HttpDoor::of(world)} {}
    FunctionServer(const FunctionServer&) = delete;
    FunctionServer& operator=(const FunctionServer&) = delete;
    BLUEPRINT_FAAS_DECL ~FunctionServer();

    /// Listens: from now on clients can connect and send, and wait for `run`. The error says why it cannot.
    BLUEPRINT_FAAS_DECL result<void> listen();
    /// Sets what the server does besides. Before `run`.
    BLUEPRINT_FAAS_DECL void add(HttpExtras extras);

    /// Listens, if it does not yet, and answers until SIGTERM or SIGINT has come and all calls have ended. `work` is
    /// what each thread of the jobs does: it takes calls until there are no more. Returns the exit status for `main`;
    /// if calls have not ended in time, ends the process.
    BLUEPRINT_FAAS_DECL int run(std::function<void()> work);

    /// Waits for the next call that a job must run for. Nothing: the thread is to end. For the threads of the jobs, as
    /// is `reply`.
    BLUEPRINT_FAAS_DECL std::optional<HttpCall> next();
    /// Answers a call with what its job gave.
    BLUEPRINT_FAAS_DECL void reply(const HttpCall& call, result<Bytes> outcome, std::chrono::milliseconds took,
                                   std::optional<std::size_t> memory_mib);
    /// Answers a call with what another process gave.
    BLUEPRINT_FAAS_DECL void reply(const HttpCall& call, HttpReply answer);
    /// Lets a call whose job runs be answered as one that took too long, when `until` comes before its answer.
    BLUEPRINT_FAAS_DECL void limit(const HttpCall& call, SteadyTime until, std::chrono::milliseconds time);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/serve/impl/http_server.ipp"
#endif

#endif
