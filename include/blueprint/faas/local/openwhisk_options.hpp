#ifndef BLUEPRINT_FAAS_LOCAL_OPENWHISK_OPTIONS_HPP
#define BLUEPRINT_FAAS_LOCAL_OPENWHISK_OPTIONS_HPP

#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/secret.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace blueprint::faas::local {

/// What an OpenWhisk system offers and how it behaves, whoever runs it.
struct OpenWhiskSettings {
    /// The runtimes that there are, the family's default one first. All of them are played by what this machine has: a
    /// `nodejs` by its Node.js, any other one starts the action's own program.
    std::vector<std::string> kinds{"nodejs:22", "nodejs:20", "go:1.24", "go:1.20"};
    std::vector<std::string> deprecated_kinds{"nodejs:14"};  ///< read and deleted only
    /// What the Go runtimes want to find in `exec.env`. Empty: they take programs without one.
    std::string exec_env = "openwhisk/action-golang-v1.24";
    std::string node = "node";                        ///< the program of Node.js, found on the PATH
    std::chrono::milliseconds blocking_wait{60'000};  ///< after which a blocking call is answered 202
    std::chrono::milliseconds max_timeout{300'000};   ///< of an action
    std::uint32_t min_memory_mib = 128;
    std::uint32_t max_memory_mib = 512;
    std::uint64_t parameter_bytes = 1U << 20;   ///< of a call, and of its result
    std::uint64_t code_bytes = 48ULL << 20;     ///< of the code as Base64
    std::uint64_t request_bytes = 50ULL << 20;  ///< beyond it, a page of HTML with status 413, as a front end gives
    std::uint32_t calls_per_minute = 6'000;
    std::uint32_t concurrent_calls = 100;    ///< in one namespace
    std::uint32_t instances = 16;            ///< of one action, processes of this machine
    std::chrono::milliseconds idle{60'000};  ///< an instance that nobody needed
    /// How long after its end a call's record cannot be read yet.
    std::chrono::milliseconds record_delay{0};
    std::size_t records = 10'000;  ///< kept; the oldest ones are forgotten beyond
    /// DigitalOcean's ways: `gbs` in records, and kinds told at /api/v1 instead of at /.
    bool digitalocean = false;
};

/// One who may use a namespace.
struct OpenWhiskUser {
    std::string name_space = "guest";
    std::string user{};
    Secret password{};
};

/// How the local cloud plays a self-hosted Apache OpenWhisk, on an address of its own.
struct OpenWhiskOptions {
    std::uint16_t port = 0;              ///< 0: any free one
    std::vector<OpenWhiskUser> users{};  ///< none: any user and password open the namespace `guest`
    OpenWhiskSettings settings{};
    /// Asked about each request, with its head alone: what it returns is answered instead. For tests of clients. Called
    /// on the server's strand.
    std::function<std::optional<ServerAnswer>(const ServerRequest& head)> fault{};
};

}  // namespace blueprint::faas::local

#endif
