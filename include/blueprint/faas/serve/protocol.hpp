#ifndef BLUEPRINT_FAAS_SERVE_PROTOCOL_HPP
#define BLUEPRINT_FAAS_SERVE_PROTOCOL_HPP

#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/serve/local_jobs.hpp"

#include <concepts>
#include <cstddef>
#include <string_view>

namespace blueprint::faas {

/// Limits of the function side; what goes beyond is answered as a failure.
struct ServeOptions {
    std::size_t max_input_bytes = 25U << 20;  ///< 6 MiB of arguments as JSON numbers, and room for the rest
    std::size_t max_answer_bytes = 6U << 20;  ///< a platform of the custom contract keeps no more of it
};

/// What a function's process finds when it starts, and by which it knows its platform.
struct Surroundings {
    const Environment& world;
    bool stdin_is_terminal = false;
};

/// One way in which platforms hand calls to a function's process. `detect` says whether the process was started by such
/// a platform; `serve` answers its calls and returns the exit status of the process. Models: LambdaProtocol,
/// LoopProtocol, ExecProtocol.
template <class P, class Jobs>
concept ServeProtocol =
    LocalJobs<Jobs> && requires(Jobs& jobs, const Surroundings& found, const ServeOptions& options) {
        { P::name } -> std::convertible_to<std::string_view>;
        { P::detect(found) } -> std::same_as<bool>;
        { P::serve(jobs, found, options) } -> std::same_as<int>;
    };

}  // namespace blueprint::faas

#endif
