#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_LAMBDA_REPORT_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_LAMBDA_REPORT_IPP

#include "blueprint/faas/detail/crc32.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/aws_lambda_report.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <cstdio>
#include <ctime>

namespace blueprint::faas::local {

inline std::string lambda_time(std::chrono::system_clock::time_point time, const char* zone) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(time);
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time - whole).count();
    const std::time_t seconds = std::chrono::system_clock::to_time_t(whole);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    char text[80];
    const int size =
        std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03d%s", utc.tm_year + 1900, utc.tm_mon + 1,
                      utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, static_cast<int>(ms), zone);
    return {text, static_cast<std::size_t>(size)};
}

BLUEPRINT_FAAS_DECL std::string lambda_log_time(std::chrono::system_clock::time_point time) {
    return lambda_time(time, "Z");
}
BLUEPRINT_FAAS_DECL std::string lambda_api_time(std::chrono::system_clock::time_point time) {
    return lambda_time(time, "+0000");
}

inline std::string lambda_milliseconds(std::chrono::microseconds time) {
    char text[48];
    const int size = std::snprintf(text, sizeof text, "%.2f", static_cast<double>(time.count()) / 1000.0);
    return {text, static_cast<std::size_t>(size)};
}

inline double lambda_rounded(std::chrono::microseconds time) {
    return static_cast<double>((time.count() + 5) / 10) / 100.0;
}

inline std::string lambda_json_line(std::string_view type, boost::json::object record) {
    boost::json::object line{{"time", lambda_log_time(std::chrono::system_clock::now())}, {"type", type}};
    line["record"] = std::move(record);
    return boost::json::serialize(line) + '\n';
}

BLUEPRINT_FAAS_DECL std::string lambda_start_line(const LambdaReport& report, bool json) {
    if (json)
        return lambda_json_line("platform.start", {{"requestId", report.request_id}, {"version", report.version}});
    return "START RequestId: " + report.request_id + " Version: " + report.version + '\n';
}

BLUEPRINT_FAAS_DECL std::string lambda_end_lines(const LambdaReport& report, bool json) {
    const auto billed = std::chrono::ceil<std::chrono::milliseconds>(report.duration +
                                                                     report.init.value_or(std::chrono::microseconds{}))
                            .count();
    if (json) {
        boost::json::object metrics{{"durationMs", lambda_rounded(report.duration)},
                                    {"billedDurationMs", billed},
                                    {"memorySizeMB", report.memory_mb},
                                    {"maxMemoryUsedMB", report.peak_memory_mib}};
        if (report.init) metrics["initDurationMs"] = lambda_rounded(*report.init);
        boost::json::object record{{"requestId", report.request_id},
                                   {"metrics", std::move(metrics)},
                                   {"status", report.status.empty() ? "success" : report.status}};
        if (!report.error_type.empty()) record["errorType"] = report.error_type;
        return lambda_json_line("platform.report", std::move(record));
    }
    std::string text = "END RequestId: " + report.request_id + "\nREPORT RequestId: " + report.request_id +
                       "\tDuration: " + lambda_milliseconds(report.duration) +
                       " ms\tBilled Duration: " + std::to_string(billed) +
                       " ms\tMemory Size: " + std::to_string(report.memory_mb) +
                       " MB\tMax Memory Used: " + std::to_string(report.peak_memory_mib) + " MB\t";
    if (report.init) text += "Init Duration: " + lambda_milliseconds(*report.init) + " ms\t";
    if (!report.status.empty()) text += "Status: " + report.status;
    if (!report.error_type.empty()) text += "\tError Type: " + report.error_type;
    return text + '\n';
}

BLUEPRINT_FAAS_DECL std::string lambda_init_line(std::chrono::microseconds duration, std::string_view phase,
                                                 std::string_view status, std::string_view error_type, bool json) {
    if (json) {
        boost::json::object record{{"initializationType", "on-demand"},
                                   {"phase", phase},
                                   {"status", status},
                                   {"metrics", boost::json::object{{"durationMs", lambda_rounded(duration)}}}};
        if (!error_type.empty()) record["errorType"] = error_type;
        return lambda_json_line("platform.initReport", std::move(record));
    }
    std::string text = "INIT_REPORT Init Duration: " + lambda_milliseconds(duration) + " ms\tPhase: ";
    text.append(phase).append("\tStatus: ").append(status);
    if (!error_type.empty()) text.append("\tError Type: ").append(error_type);
    return text + '\n';
}

inline void append_big_endian(std::string& out, std::uint32_t number) {
    for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(static_cast<std::uint8_t>(number >> shift));
}

inline void append_event_header(std::string& out, std::string_view name, std::string_view value) {
    out += static_cast<char>(name.size());
    out.append(name);
    out += '\7';  // a string
    out += static_cast<char>(static_cast<std::uint8_t>(value.size() >> 8));
    out += static_cast<char>(static_cast<std::uint8_t>(value.size()));
    out.append(value);
}

BLUEPRINT_FAAS_DECL std::string lambda_event_frame(std::string_view event_type, std::string_view content_type,
                                                   std::string_view payload) {
    std::string headers;
    append_event_header(headers, ":event-type", event_type);
    append_event_header(headers, ":content-type", content_type);
    append_event_header(headers, ":message-type", "event");
    std::string frame;
    frame.reserve(16 + headers.size() + payload.size());
    append_big_endian(frame, static_cast<std::uint32_t>(16 + headers.size() + payload.size()));
    append_big_endian(frame, static_cast<std::uint32_t>(headers.size()));
    append_big_endian(frame, faas::detail::crc32(faas::detail::bytes_of(frame)));
    frame.append(headers).append(payload);
    append_big_endian(frame, faas::detail::crc32(faas::detail::bytes_of(frame)));
    return frame;
}

}  // namespace blueprint::faas::local

#endif
