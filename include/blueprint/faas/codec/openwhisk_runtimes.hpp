#ifndef BLUEPRINT_FAAS_CODEC_OPENWHISK_RUNTIMES_HPP
#define BLUEPRINT_FAAS_CODEC_OPENWHISK_RUNTIMES_HPP

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::detail {

/// What a platform takes, so that all of it is checked before anything is sent (D4). The values are those of OpenWhisk
/// as it comes. Source: OpenWhisk documentation, "OpenWhisk system details", System limits.
struct OpenWhiskBounds {
    std::string_view platform = "OpenWhisk";  ///< for messages; static lifetime
    std::uint32_t min_memory_mib = 128;
    std::uint32_t max_memory_mib = 512;
    std::chrono::milliseconds min_timeout{100};
    std::chrono::milliseconds max_timeout{300'000};
    /// Of a package. It travels as Base64, which is a third longer, and has to stay below the 48 MiB for code and the
    /// 50 MB that front ends take (pitfalls 2 to 4).
    std::uint64_t zip_bytes = 35ULL << 20;
    std::uint32_t calls_per_minute = 0;               ///< in a namespace; 0: not known
    std::uint32_t concurrent_calls = 0;               ///< in a namespace; 0: not known
    std::chrono::milliseconds blocking_wait{60'000};  ///< after that a call that waits is answered 202
    bool x86_64_only = false;                         ///< programs for another processor are refused
};

/// The bounds of DigitalOcean Functions. Source: DigitalOcean documentation, "Functions Limits"; "Run Functions
/// Asynchronously" for the wait.
inline constexpr OpenWhiskBounds digitalocean_bounds{
    .platform = "DigitalOcean",
    .min_memory_mib = 128,
    .max_memory_mib = 1024,
    .min_timeout = std::chrono::milliseconds{100},
    .max_timeout = std::chrono::minutes{15},
    .zip_bytes = 35ULL << 20,
    .calls_per_minute = 600,
    .concurrent_calls = 120,
    .blocking_wait = std::chrono::seconds{30},
    .x86_64_only = true,
};

/// What a host says of itself.
struct OpenWhiskOffer {
    struct Kind {
        std::string kind{};  ///< "nodejs:22"
        bool is_default = false;
        bool deprecated = false;  ///< actions of it can be read and deleted, and nothing else
    };
    std::map<std::string, std::vector<Kind>> families{};  ///< "nodejs" and what there is of it
    std::optional<std::uint32_t> min_memory_mib{};
    std::optional<std::uint32_t> max_memory_mib{};
    std::optional<std::chrono::milliseconds> min_timeout{};
    std::optional<std::chrono::milliseconds> max_timeout{};
    std::optional<std::uint32_t> calls_per_minute{};
    std::optional<std::uint32_t> concurrent_calls{};
};

/// Returns `bounds` with what the host itself says in place of what is usual.
constexpr OpenWhiskBounds with_offer(OpenWhiskBounds bounds, const OpenWhiskOffer& offer) noexcept {
    bounds.min_memory_mib = offer.min_memory_mib.value_or(bounds.min_memory_mib);
    bounds.max_memory_mib = offer.max_memory_mib.value_or(bounds.max_memory_mib);
    bounds.min_timeout = offer.min_timeout.value_or(bounds.min_timeout);
    bounds.max_timeout = offer.max_timeout.value_or(bounds.max_timeout);
    bounds.calls_per_minute = offer.calls_per_minute.value_or(bounds.calls_per_minute);
    bounds.concurrent_calls = offer.concurrent_calls.value_or(bounds.concurrent_calls);
    return bounds;
}

}  // namespace blueprint::faas::detail

#endif
