#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AWS_REPORT_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AWS_REPORT_IPP

#include "blueprint/faas/codec/aws_report.hpp"
#include "blueprint/faas/codec/impl/answer_reading.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <utility>

namespace blueprint::faas::detail {

namespace lambda_report {

inline constexpr std::string_view blanks = " \t\r";

inline std::string_view trimmed(std::string_view text) noexcept {
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    return text.substr(0, text.find_last_not_of(blanks) + 1);  // npos + 1 is 0
}

/// Takes what stands before the next blank, and the blanks after it.
inline std::string_view take_word(std::string_view& rest) noexcept {
    const auto word = rest.substr(0, rest.find_first_of(blanks));
    rest.remove_prefix(word.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(blanks), rest.size()));
    return word;
}

/// Reads "542.01 ms", to the microsecond. Nothing if it is anything else.
inline std::optional<std::chrono::microseconds> read_duration(std::string_view text) noexcept {
    const auto number = take_word(text);
    const auto dot = std::min(number.find('.'), number.size());
    const auto fraction = number.substr(std::min(dot + 1, number.size()));
    std::uint32_t whole = 0;
    const auto [stopped, failed] = std::from_chars(number.data(), number.data() + dot, whole);
    if (text != "ms" || failed != std::errc{} || stopped != number.data() + dot) return std::nullopt;
    if (fraction.find_first_not_of("0123456789") != std::string_view::npos || number.ends_with('.'))
        return std::nullopt;
    const auto digit = [&](std::size_t at) { return at < fraction.size() ? fraction[at] - '0' : 0; };
    return std::chrono::milliseconds{whole} +
           std::chrono::microseconds{digit(0) * 100 + digit(1) * 10 + digit(2) + (digit(3) >= 5 ? 1 : 0)};
}

inline std::optional<std::uint32_t> read_memory(std::string_view text) noexcept {
    const auto number = take_word(text);
    std::uint32_t value = 0;
    const auto* const end = number.data() + number.size();
    const auto [stopped, failed] = std::from_chars(number.data(), end, value);
    if (text != "MB" || failed != std::errc{} || stopped != end) return std::nullopt;
    return value;
}

inline std::optional<std::chrono::milliseconds> up_to_millisecond(std::optional<std::chrono::microseconds> told) {
    if (!told) return std::nullopt;
    return std::chrono::ceil<std::chrono::milliseconds>(*told);
}

inline void take_field(LambdaReport& report, std::string_view name, std::string_view value) {
    if (name == "Duration") report.duration = read_duration(value);
    if (name == "Billed Duration") report.billed_duration = up_to_millisecond(read_duration(value));
    if (name == "Init Duration") report.init_duration = read_duration(value);
    if (name == "Restore Duration") report.restore_duration = read_duration(value);
    if (name == "Memory Size") report.memory_size_mib = read_memory(value);
    if (name == "Max Memory Used") report.max_memory_used_mib = read_memory(value);
    if (name == "Status") report.status = value;
    if (name == "Error Type") report.error_type = value;
}

/// Reads "Name: value" fields that have tabs between them, or, where there is no tab, blanks. A value is then one word,
/// and its unit.
inline void take_fields(LambdaReport& report, std::string_view text) {
    const bool tabs = text.find('\t') != std::string_view::npos;
    while (!text.empty()) {
        const auto field = tabs ? text.substr(0, text.find('\t')) : text;
        text.remove_prefix(std::min(field.size() + 1, text.size()));
        const auto colon = field.find(':');
        if (colon == std::string_view::npos) continue;
        const auto name = trimmed(field.substr(0, colon));
        auto value = trimmed(field.substr(colon + 1));
        if (!tabs) {
            auto rest = value;
            (void)take_word(rest);
            auto after_unit = rest;
            const auto unit = take_word(after_unit);
            if (unit == "ms" || unit == "MB") rest = after_unit;
            value = trimmed(value.substr(0, value.size() - rest.size()));
            text = rest;
        }
        take_field(report, name, value);
    }
}

inline std::optional<std::chrono::microseconds> milliseconds_member(const boost::json::object& metrics,
                                                                    std::string_view name) {
    const auto* value = metrics.if_contains(name);
    if (value == nullptr || !value->is_number()) return std::nullopt;
    const auto number = value->to_number<double>();
    if (!(number >= 0 && number < 4e9)) return std::nullopt;
    return std::chrono::microseconds{std::llround(number * 1000)};
}

inline std::optional<LambdaReport> read_json_report(std::string_view line) {
    const auto whole = answer_reading::parse_object(line);
    if (!whole || answer_reading::text_member(*whole, "type") != "platform.report") return std::nullopt;
    const auto* record = whole->if_contains("record");
    if (record == nullptr || !record->is_object()) return std::nullopt;
    const auto& told = record->get_object();
    LambdaReport report;
    report.request_id = answer_reading::text_member(told, "requestId");
    report.status = answer_reading::text_member(told, "status");
    if (report.status == "success") report.status.clear();
    report.error_type = answer_reading::text_member(told, "errorType");
    const auto* metrics = told.if_contains("metrics");
    if (metrics == nullptr || !metrics->is_object()) return report;
    const auto& numbers = metrics->get_object();
    report.duration = milliseconds_member(numbers, "durationMs");
    report.billed_duration = up_to_millisecond(milliseconds_member(numbers, "billedDurationMs"));
    report.init_duration = milliseconds_member(numbers, "initDurationMs");
    report.restore_duration = milliseconds_member(numbers, "restoreDurationMs");
    report.memory_size_mib = answer_reading::number_member<std::uint32_t>(numbers, "memorySizeMB");
    report.max_memory_used_mib = answer_reading::number_member<std::uint32_t>(numbers, "maxMemoryUsedMB");
    return report;
}

/// A report without its request id, which stands in the log or, if that is JSON, here.
struct Found {
    LambdaReport report{};
    std::string_view request_id{};
};

inline std::optional<Found> find_last(std::string_view log, std::string_view request_id) {
    static constexpr std::string_view lead = "REPORT RequestId:";
    static constexpr std::string_view init_lead = "INIT_REPORT ";
    std::optional<Found> found;
    std::optional<LambdaReport> init;  // told of since the report before
    while (!log.empty()) {
        const auto line = log.substr(0, log.find('\n'));
        log.remove_prefix(std::min(line.size() + 1, log.size()));
        std::optional<Found> read;
        // What the job printed last may stand before it in the same line. Looked for forwards first, which is quick.
        if (line.find(lead) != std::string_view::npos) {
            auto rest = trimmed(line.substr(line.rfind(lead) + lead.size()));
            read.emplace().request_id = take_word(rest);
            take_fields(read->report, rest);
        } else if (line.find("platform.report") != std::string_view::npos) {
            const auto begin = line.find('{');
            auto report =
                begin == std::string_view::npos ? std::nullopt : read_json_report(trimmed(line.substr(begin)));
            if (report) read.emplace().report = std::move(*report);
        } else if (line.starts_with(init_lead)) {
            take_fields(init.emplace(), line.substr(init_lead.size()));
        }
        if (!read) continue;
        if (init) {
            read->report.init_reported = true;
            if (!read->report.init_duration) read->report.init_duration = init->init_duration;
        }
        init.reset();
        const std::string_view id = read->request_id.empty() ? read->report.request_id : read->request_id;
        if (request_id.empty() || id == request_id) found = std::move(read);
    }
    return found;
}

}  // namespace lambda_report

BLUEPRINT_FAAS_DECL std::optional<LambdaReport> find_lambda_report(std::string_view log, std::string_view request_id) {
    auto found = lambda_report::find_last(log, request_id);
    if (!found) return std::nullopt;
    if (!found->request_id.empty()) found->report.request_id = found->request_id;
    return std::move(found->report);
}

BLUEPRINT_FAAS_DECL void apply_last_report(std::string_view log, std::string_view request_id, FaasMetrics& metrics) {
    if (const auto found = lambda_report::find_last(log, request_id)) apply_lambda_report(found->report, metrics);
}

BLUEPRINT_FAAS_DECL void apply_lambda_report(const LambdaReport& report, FaasMetrics& metrics) {
    if (report.duration) metrics.execution_duration = report.duration;
    if (report.billed_duration) metrics.billed_duration = report.billed_duration;
    if (report.memory_size_mib) metrics.memory_limit_mib = report.memory_size_mib;
    if (report.max_memory_used_mib) metrics.memory_used_mib = report.max_memory_used_mib;
    metrics.init_duration = report.init_duration ? report.init_duration : report.restore_duration;
    metrics.cold_start = metrics.init_duration.has_value() || report.init_reported;
}

}  // namespace blueprint::faas::detail

#endif
