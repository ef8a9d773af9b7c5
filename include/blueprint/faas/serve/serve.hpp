#ifndef BLUEPRINT_FAAS_SERVE_SERVE_HPP
#define BLUEPRINT_FAAS_SERVE_SERVE_HPP

#include "blueprint/faas/serve/azure_protocol.hpp"
#include "blueprint/faas/serve/exec.hpp"
#include "blueprint/faas/serve/http_protocol.hpp"
#include "blueprint/faas/serve/lambda_runtime.hpp"
#include "blueprint/faas/serve/openwhisk_protocol.hpp"
#include "blueprint/faas/serve/protocol.hpp"
#include "blueprint/faas/serve/stdio.hpp"

#include <string>
#include <string_view>
#include <type_traits>

namespace blueprint::faas {

namespace detail {

template <class Jobs>
std::string serve_help() {
    std::string text =
        "This program is a function: a FaaS platform starts it and sends it calls on standard input.\n"
        "To try it here, send it a call yourself:\n"
        "    echo '{\"job_id\":0,\"args\":[1,2,3]}' | PROGRAM\n"
        "args are the bytes of the job's arguments; the answer's result is the bytes of what the job gives.\n";
    if constexpr (requires { std::remove_cvref_t<Jobs>::job_ids.size(); }) {
        std::string_view before = "Its jobs: ";
        for (const auto id : std::remove_cvref_t<Jobs>::job_ids) {
            text += before;
            text += std::to_string(id.value());
            before = ", ";
        }
        if (before == ", ") text += ".\n";
    }
    return text;
}

inline Surroundings surroundings() {
    return {.world = Environment::process(), .stdin_is_terminal = is_terminal(0), .writes_to_3 = is_writable(3)};
}

}  // namespace detail

/// Answers calls by the first of `Protocols` whose platform started this process, and returns the exit status for
/// `main`. If none did (somebody started it by hand), prints how to use the program to standard error and returns 2.
template <class... Protocols, LocalJobs Jobs>
    requires(ServeProtocol<Protocols, Jobs> && ...)
int serve_with(Jobs& jobs, const Surroundings& found, const ServeOptions& options) {
    int status = 2;
    const bool known = ((Protocols::detect(found) && (status = Protocols::serve(jobs, found, options), true)) || ...);
    if (!known) detail::complain(detail::serve_help<Jobs>());
    return status;
}

/// Makes this process a function: `int main() { return blueprint::faas::serve(jobs); }`. The platform that started it
/// is known by what it left in the environment; without a mark it is the custom contract's exec model. `jobs` is a
/// JobSet, a Router or any other `LocalJobs`. Standard output belongs to the answer: what jobs print goes to standard
/// error, and on AWS Lambda to the function's log with all the rest. SIGPIPE is ignored from here on. Call it once,
/// from `main`, before other threads start.
template <class Jobs>
    requires LocalJobs<std::remove_reference_t<Jobs>>
int serve(Jobs&& jobs, const ServeOptions& options = {}) {
    detail::ignore_broken_pipes();
    const auto found = detail::surroundings();
    // Platforms that leave a mark come first: whoever leaves none speaks the exec model. A further platform is one more
    // type in this list.
    return serve_with<LambdaProtocol, LoopProtocol, OpenWhiskProtocol, AzureProtocol, HttpProtocol, ExecProtocol>(
        jobs, found, options);
}

/// Says that this function cannot serve at all, because what its jobs need is not there, and returns the exit status
/// for `main`: `if (!model) return report_init_error(model.error());`. Writes it to standard error, and tells the
/// platforms that want to know; AWS Lambda shows it to the callers.
inline int report_init_error(const Error& error) {
    detail::ignore_broken_pipes();
    const auto found = detail::surroundings();
    detail::complain("the function cannot start: " + error.message + '\n');
    if (LambdaProtocol::detect(found)) LambdaProtocol::report_init_error(found, error);
    return 1;
}

}  // namespace blueprint::faas

#endif
