#ifndef BLUEPRINT_FAAS_SERVE_HTTP_PROTOCOL_HPP
#define BLUEPRINT_FAAS_SERVE_HTTP_PROTOCOL_HPP

#include "blueprint/faas/serve/exec.hpp"
#include "blueprint/faas/serve/http_server.hpp"
#include "blueprint/faas/serve/protocol.hpp"

#include <chrono>
#include <string_view>
#include <utility>

namespace blueprint::faas {

namespace detail {

/// What a thread of the jobs does: takes calls of `server` and answers them with what the jobs give, until there are no
/// more.
template <LocalJobs Jobs, class Server>
void answer_http_calls(Jobs& jobs, Server& server) {
    ExecState state;
    while (auto call = server.next()) {
        const auto begun = std::chrono::steady_clock::now();
        auto outcome = state.runner.run(jobs, std::move(call->request.call));
        const auto took = std::chrono::steady_clock::now() - begun;
        server.reply(*call, std::move(outcome), std::chrono::duration_cast<std::chrono::milliseconds>(took),
                     state.memory.mib());
    }
}

}  // namespace detail

/// Calls over HTTP, as Google Cloud Run sends them to a container and Cloud Functions to its Node.js process, which
/// hands them on. Listens
/// - on PORT of all IPv4 addresses, if K_SERVICE is there too, as on Cloud Run, or BLUEPRINT_HTTP is "1";
///   BLUEPRINT_HTTP_HOST names one address instead, and PORT 0 takes any port and says which on standard error;
/// - on the Unix socket BLUEPRINT_HTTP_SOCKET, if that is there. The process then ends with the one that started it.
///
/// A call is a POST of any path with X-Blueprint-Job-Id: bare arguments as application/octet-stream, answered with the
/// bare result, or the exec model's JSON, answered with JSON. X-Blueprint-Timeout-Ms is the caller's time. A job that
/// failed is a 500 with the exec model's answer. GET asks for the health.
///
/// BLUEPRINT_CONCURRENCY is how many calls run at once, each on a thread of its own; 1 if it is not there. With more,
/// the jobs must bear that: a JobSet does if its functions do, a Router if its handlers do. Further calls wait; beyond
/// 1,000 they are answered with 429. What jobs print goes where it always does. SIGTERM ends the process when the calls
/// under way have ended; a client that goes away ends no call. Source: Cloud Run documentation, "Container runtime
/// contract".
struct HttpProtocol {
    static constexpr std::string_view name = "http";

    static bool detect(const Surroundings& found) {
        const auto& world = found.world;
        return world.variable("BLUEPRINT_HTTP_SOCKET") || world.variable("BLUEPRINT_HTTP") == "1" ||
               (world.variable("K_SERVICE") && world.variable("PORT"));
    }

    template <LocalJobs Jobs>
    static int serve(Jobs& jobs, const Surroundings& found, const ServeOptions& options) {
        detail::FunctionServer server{found.world, options};
        return server.run([&jobs, &server] { detail::answer_http_calls(jobs, server); });
    }
};

}  // namespace blueprint::faas

#endif
