#ifndef BLUEPRINT_FAAS_CODEC_OPENWHISK_OPTIONS_HPP
#define BLUEPRINT_FAAS_CODEC_OPENWHISK_OPTIONS_HPP

#include "blueprint/faas/secret.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace blueprint::faas {

/// How a finished program becomes an action, which OpenWhisk has no runtime of its own for.
enum class OpenWhiskWay {
    node,         ///< beside a Node.js runtime, which starts it once and hands it call after call; works everywhere
    action_loop,  ///< as the program of a runtime that speaks ActionLoop, such as Go's: no other program in between
};

/// How jobs become actions of one OpenWhisk namespace: each job is an action `{prefix}-job-{id}`.
struct OpenWhiskActionOptions {
    std::string prefix = "blueprint";
    /// The OpenWhisk package that the actions are in, which is made if it is not there. Empty: none.
    std::string package{};
    OpenWhiskWay way = OpenWhiskWay::node;
    /// The runtime, as the host names it: "nodejs:22". Empty: the newest of its kind that the host offers, for
    /// `action_loop` the newest of Go.
    std::string kind{};
    /// For `action_loop`: what the runtime wants to find in `exec.env`, such as "openwhisk/action-golang-v1.24". Empty:
    /// that is left out, which runtimes made for finished programs want.
    std::string exec_env{};
    std::uint32_t log_mib = 1;         ///< that the platform keeps of one call's log
    std::uint32_t instance_calls = 1;  ///< calls that one instance takes at a time; more is for self-hosted systems
    std::map<std::string, std::string> annotations{};  ///< put on what is deployed, for people and tools

    std::size_t max_body_bytes = 1U << 20;      ///< of a call, and of its answer; OpenWhisk takes no more
    std::chrono::milliseconds first_poll{100};  ///< between looks at a call that goes on; grows by a half
    std::chrono::milliseconds max_poll{1'000};
    std::chrono::milliseconds warm_hold{75};  ///< a warming call stays this long, so that the next one starts another
    bool log_tail = false;  ///< a call's log comes with its metrics; a platform may tell it by a further request
};

/// A self-hosted Apache OpenWhisk: where it is, and what opens a namespace of it.
struct OpenWhiskOptions {
    std::string api_host{};        ///< "https://openwhisk.example.com"
    Secret auth{};                 ///< "user:password", as `wsk property get --auth` tells it
    std::string name_space = "_";  ///< the one that `auth` belongs to, whatever its name is
    OpenWhiskActionOptions actions{};
};

}  // namespace blueprint::faas

#endif
