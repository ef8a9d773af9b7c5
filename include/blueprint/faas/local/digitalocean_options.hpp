#ifndef BLUEPRINT_FAAS_LOCAL_DIGITALOCEAN_OPTIONS_HPP
#define BLUEPRINT_FAAS_LOCAL_DIGITALOCEAN_OPTIONS_HPP

#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/openwhisk_options.hpp"
#include "blueprint/faas/secret.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace blueprint::faas::local {

/// What DigitalOcean's functions are allowed, other than a self-hosted system's. It takes 600 calls a minute; here the
/// bound is the one that all systems have, since tests make more.
/// Source: DigitalOcean documentation, "Functions Limits" and "Functions Runtimes".
inline OpenWhiskSettings digitalocean_functions() {
    OpenWhiskSettings settings;
    settings.kinds = {"nodejs:22", "nodejs:24", "nodejs:18", "go:1.24", "go:1.25", "go:1.20"};
    settings.blocking_wait = std::chrono::seconds{30};
    settings.max_timeout = std::chrono::minutes{15};
    settings.max_memory_mib = 1024;
    settings.concurrent_calls = 120;
    settings.digitalocean = true;
    return settings;
}

/// How the local cloud plays DigitalOcean Functions: the API of namespaces and access keys, and OpenWhisk's API for the
/// functions of all namespaces, on one address. `api_host` of a namespace is that address.
struct DigitalOceanOptions {
    std::uint16_t port = 0;         ///< 0: any free one
    std::vector<Secret> tokens{};   ///< API tokens; none: any that is sent
    std::vector<Secret> readers{};  ///< API tokens that may list and nothing else (scope function:read)
    std::size_t max_namespaces = 10;
    std::chrono::seconds clock_offset{0};  ///< how far the server's clock is ahead of the machine's
    std::uint32_t requests_per_hour = 5000;
    std::uint32_t requests_per_minute = 250;
    /// Namespaces tell `uuid` and `key` too, and these open them, as was so until 2026.
    bool legacy_keys = false;
    /// The label of a namespace that App Platform keeps in the account, "ap-…", and that nobody else may touch. Empty:
    /// there is none.
    std::string app_label{};
    /// What plays the functions themselves. Its users are the access keys, which come and go.
    OpenWhiskSettings functions = digitalocean_functions();
    /// Asked about each request, with its head alone: what it returns is answered instead. For tests of clients. Called
    /// on the server's strand.
    std::function<std::optional<ServerAnswer>(const ServerRequest& head)> fault{};
};

}  // namespace blueprint::faas::local

#endif
