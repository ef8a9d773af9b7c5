#ifndef BLUEPRINT_FAAS_CODEC_OPENWHISK_ACTIVATION_HPP
#define BLUEPRINT_FAAS_CODEC_OPENWHISK_ACTIVATION_HPP

#include "blueprint/faas/detail/declare.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::detail {

/// How an activation ended. Source: Apache OpenWhisk, "OpenWhisk system details", "Activation record".
enum class OpenWhiskStatus : std::uint8_t {
    success,
    application_error,  ///< the action answered with a top-level member `error`
    developer_error,    ///< it could not be started, ended without an answer, or had not answered in time
    internal_error,     ///< the platform failed
    other,              ///< none of these words
};

/// What a record tells of one activation: `{"activationId":"44794bd6...","start":1500000000000,"end":1500000000005,
/// "duration":5,"annotations":[{"key":"initTime","value":45},...],"response":{"status":"success","success":true,
/// "result":{...}},"logs":[...],"name":"blueprint-job-7","version":"0.0.1",...}`. What it does not tell is empty. Views
/// are into the text that was read.
/// Source: Apache OpenWhisk, apiv1swagger.json, "Activation", and "Annotations on OpenWhisk assets"; DigitalOcean
/// documentation, "Activation Record Format".
struct OpenWhiskActivation {
    std::string_view id{};
    std::string_view name{};
    std::string_view version{};
    std::optional<std::chrono::milliseconds> start{};     ///< since 1970-01-01 UTC
    std::optional<std::chrono::milliseconds> end{};       ///< the same; empty while it goes on
    std::optional<std::chrono::milliseconds> duration{};  ///< `init_time` included
    std::optional<OpenWhiskStatus> status{};              ///< empty: it goes on
    std::string_view result{};                            ///< as JSON; empty: the record has none
    std::string_view logs{};                              ///< the array, as JSON; empty: there is none
    std::string_view annotations{};                       ///< the array, as JSON; empty: there is none

    /// Of `annotations`, where these were to be read.
    std::optional<std::chrono::milliseconds> init_time{};  ///< of a new instance; empty: there was one
    std::optional<std::chrono::milliseconds> wait_time{};  ///< in the platform's queue
    std::optional<std::uint32_t> memory_limit_mib{};
    std::optional<double> gib_seconds{};  ///< that DigitalOcean bills
    bool timed_out = false;               ///< the platform ended it at the action's time limit

    bool ended() const noexcept { return end.has_value() || status.has_value(); }
};

/// Reads a record; nothing if the text is none. A result is not looked into, so a large one costs no memory.
BLUEPRINT_FAAS_DECL std::optional<OpenWhiskActivation> read_openwhisk_activation(std::string_view text,
                                                                                 bool annotations = true);

/// Returns the id in `{"activationId":"..."}`, or in a record; empty if there is none.
BLUEPRINT_FAAS_DECL std::string_view read_openwhisk_activation_id(std::string_view text);

/// Makes the end of a log out of its lines, `["2026-...Z stdout: text",...]`, each of which then has its '\n': whole
/// lines of at most `most` bytes, or the end of the last one. Empty if `logs` is no such array.
BLUEPRINT_FAAS_DECL std::string openwhisk_log_tail(std::string_view logs, std::size_t most = 4096);

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/openwhisk_activation.ipp"
#endif

#endif
