#ifndef BLUEPRINT_FAAS_LOCAL_AWS_LAMBDA_REPORT_HPP
#define BLUEPRINT_FAAS_LOCAL_AWS_LAMBDA_REPORT_HPP

#include "blueprint/faas/detail/declare.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// What was measured of one invocation.
struct LambdaReport {
    std::string request_id{};
    std::string version{};
    std::chrono::microseconds duration{};
    std::optional<std::chrono::microseconds> init{};  ///< of the instance, if it was started for this invocation
    std::uint32_t memory_mb = 128;
    std::uint32_t peak_memory_mib = 0;
    std::string status{};      ///< "error" or "timeout"; empty: success
    std::string error_type{};  ///< "Runtime.ExitError"
};

// The platform's lines in a function's log, as text or, of functions whose LogFormat is JSON, as JSON.
// Source: AWS Lambda Developer Guide, "Log events of custom runtimes" and "Telemetry API Event schema reference".

BLUEPRINT_FAAS_DECL std::string lambda_start_line(const LambdaReport& report, bool json);
/// Writes END and REPORT. Billed is what runs and the init, in whole milliseconds, rounded up.
BLUEPRINT_FAAS_DECL std::string lambda_end_lines(const LambdaReport& report, bool json);
/// Writes the line about an initialisation that failed; `phase` is "init" or "invoke".
BLUEPRINT_FAAS_DECL std::string lambda_init_line(std::chrono::microseconds duration, std::string_view phase,
                                                 std::string_view status, std::string_view error_type, bool json);

/// Writes a time as Lambda's logs do: "2026-01-02T03:04:05.678Z".
BLUEPRINT_FAAS_DECL std::string lambda_log_time(std::chrono::system_clock::time_point time);
/// Writes a time as `LastModified` does: "2026-01-02T03:04:05.678+0000".
BLUEPRINT_FAAS_DECL std::string lambda_api_time(std::chrono::system_clock::time_point time);

/// Writes a frame of the event stream that InvokeWithResponseStream answers with: an event of that type.
/// Source: AWS SDKs and Tools, "Event stream encoding".
BLUEPRINT_FAAS_DECL std::string lambda_event_frame(std::string_view event_type, std::string_view content_type,
                                                   std::string_view payload);

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/aws_lambda_report.ipp"
#endif

#endif
