#ifndef BLUEPRINT_FAAS_SERVE_PROTOCOL_HPP
#define BLUEPRINT_FAAS_SERVE_PROTOCOL_HPP

#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/serve/local_jobs.hpp"

#include <chrono>
#include <concepts>
#include <cstddef>
#include <string_view>

namespace blueprint::faas {

/// Limits of the function side; what goes beyond is answered as a failure.
struct ServeOptions {
    std::size_t max_input_bytes = 25U << 20;     ///< 6 MiB of arguments as JSON numbers, and room for the rest
    std::size_t max_answer_bytes = 6U << 20;     ///< a platform of the custom contract keeps no more of it
    std::size_t max_http_bytes = 32U << 20;      ///< of a request's body over HTTP, and of its answer's; Google's limit
    std::size_t max_azure_bytes = 100U << 20;    ///< the same on Azure, whose host takes no more
    std::size_t max_openwhisk_bytes = 1U << 20;  ///< of an answer on OpenWhisk and DigitalOcean, which take no more
    /// Over HTTP: how long a client may take for the head of its request, or pause while it sends or receives.
    std::chrono::milliseconds http_stall{30'000};
    /// Over HTTP: what calls have to end in when the process is told to. Cloud Run kills it after 10 s.
    std::chrono::milliseconds http_drain{9'000};
};

/// What a function's process finds when it starts, and by which it knows its platform.
struct Surroundings {
    const Environment& world;
    bool stdin_is_terminal = false;
    bool writes_to_3 = false;  ///< descriptor 3 was open for writing
};

/// One way in which platforms hand calls to a function's process. `detect` says whether the process was started by such
/// a platform; `serve` answers its calls and returns the exit status of the process. Models: LambdaProtocol,
/// LoopProtocol, OpenWhiskProtocol, AzureProtocol, HttpProtocol, ExecProtocol.
template <class P, class Jobs>
concept ServeProtocol =
    LocalJobs<Jobs> && requires(Jobs& jobs, const Surroundings& found, const ServeOptions& options) {
        { P::name } -> std::convertible_to<std::string_view>;
        { P::detect(found) } -> std::same_as<bool>;
        { P::serve(jobs, found, options) } -> std::same_as<int>;
    };

}  // namespace blueprint::faas

#endif
