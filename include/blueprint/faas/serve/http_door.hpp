#ifndef BLUEPRINT_FAAS_SERVE_HTTP_DOOR_HPP
#define BLUEPRINT_FAAS_SERVE_HTTP_DOOR_HPP

#include "blueprint/faas/environment.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::detail {

/// Where a function's server listens.
struct HttpDoor {
    std::optional<std::string> socket{};  ///< a path; nothing: it is a port
    std::string host = "0.0.0.0";
    std::string port{};
    std::string_view port_name = "PORT";  ///< the variable that names the port

    /// Looks at BLUEPRINT_HTTP_SOCKET, PORT and BLUEPRINT_HTTP_HOST of `world`.
    static HttpDoor of(const Environment& world) {
        return {.socket = world.variable("BLUEPRINT_HTTP_SOCKET"),
                .host = world.variable("BLUEPRINT_HTTP_HOST").value_or("0.0.0.0"),
                .port = world.variable("PORT").value_or("")};
    }
};

}  // namespace blueprint::faas::detail

#endif
