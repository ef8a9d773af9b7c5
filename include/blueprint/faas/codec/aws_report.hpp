#ifndef BLUEPRINT_FAAS_CODEC_AWS_REPORT_HPP
#define BLUEPRINT_FAAS_CODEC_AWS_REPORT_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/metrics.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::detail {

/// What Lambda writes into a function's log about one call. A member that it did not tell is empty.
struct LambdaReport {
    std::string request_id{};
    std::optional<std::chrono::microseconds> duration{};
    std::optional<std::chrono::milliseconds> billed_duration{};   ///< the start included, where it is billed
    std::optional<std::chrono::microseconds> init_duration{};     ///< of the start of a new instance
    std::optional<std::chrono::microseconds> restore_duration{};  ///< of one that was restored from a snapshot
    std::optional<std::uint32_t> memory_size_mib{};               ///< what the instance was given
    std::optional<std::uint32_t> max_memory_used_mib{};           ///< the most it used since its start
    std::string status{};                                         ///< "timeout", "error"; empty: nothing was said
    std::string error_type{};                                     ///< "Runtime.ExitError"
    bool init_reported = false;  ///< a start that failed or took too long was told of in a line of its own
};

/// Finds the last report of the call `request_id` (empty: of any) in the end of a function's log:
///
///     REPORT RequestId: ID\tDuration: 3.01 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\t\n
///
/// Fields may be in any order, missing, new, or apart by blanks as log viewers make of tabs. With the function's log
/// format JSON it is {"type":"platform.report","record":{"requestId","metrics":{"durationMs",...},"status"}} in a line.
/// A line whose beginning was cut off is passed over. Nothing if there is none.
/// Source: AWS Lambda Developer Guide, "Viewing CloudWatch logs for Lambda functions" and "Lambda Telemetry API Event
/// schema reference".
BLUEPRINT_FAAS_DECL std::optional<LambdaReport> find_lambda_report(std::string_view log, std::string_view request_id);

/// Finds the report of the call `request_id` in `log` and puts what it tells into `metrics`, if there is one.
BLUEPRINT_FAAS_DECL void apply_last_report(std::string_view log, std::string_view request_id, FaasMetrics& metrics);

/// Puts what the report tells into `metrics`. A report without a start means that the instance was there already.
BLUEPRINT_FAAS_DECL void apply_lambda_report(const LambdaReport& report, FaasMetrics& metrics);

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/aws_report.ipp"
#endif

#endif
