#ifndef BLUEPRINT_FAAS_RUNNER_IMPL_DEAD_LETTERS_IPP
#define BLUEPRINT_FAAS_RUNNER_IMPL_DEAD_LETTERS_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/utf8.hpp"
#include "blueprint/faas/runner/dead_letters.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace blueprint::faas {

namespace detail {

BLUEPRINT_FAAS_DECL std::string to_utf8(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const auto length = utf8_length(text);
        out += length == 0 ? std::string_view{"\xEF\xBF\xBD"} : text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

BLUEPRINT_FAAS_DECL std::string json_quoted(std::string_view text) {
    const std::string valid = to_utf8(text);
    return boost::json::serialize(boost::json::string_view{valid.data(), valid.size()});
}

BLUEPRINT_FAAS_DECL std::string utc_time(std::chrono::system_clock::time_point time) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(time);
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time - whole).count();
    const std::time_t seconds = std::chrono::system_clock::to_time_t(whole);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 96> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                  parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(ms));
    return text.data();
}

BLUEPRINT_FAAS_DECL result<DeadLetterFile> DeadLetterFile::open(const DeadLetterOptions& options) {
    auto file = AppendFile::open(options.path, "the dead letter file");
    if (!file) return std::move(file).error();
    // Find the end of the last whole line, from behind.
    std::array<char, 4096> block{};
    std::uint64_t end = file->size();
    while (end > 0) {
        const auto from = end - std::min<std::uint64_t>(end, block.size());
        const auto size = static_cast<std::size_t>(end - from);
        auto got = file->read_at(from, block.data(), size);
        if (!got) return std::move(got).error();
        const auto newline = std::string_view{block.data(), *got}.rfind('\n');
        end = newline == std::string_view::npos ? from : from + newline + 1;
        if (newline != std::string_view::npos) break;
    }
    if (end < file->size())
        if (auto cut = file->truncate(end); !cut) return std::move(cut).error();
    return DeadLetterFile{std::move(*file), options.sync};
}

BLUEPRINT_FAAS_DECL result<void> DeadLetterFile::write(std::string line) {
    line += '\n';
    return file_.append(line, sync_);
}

}  // namespace detail

BLUEPRINT_FAAS_DECL std::string format_dead_letter(const JobCall& call, const Error& error, std::uint32_t attempts,
                                                   std::chrono::system_clock::time_point time) {
    std::string line = "{\"job_id\":" + std::to_string(call.job_id.value()) + ",\"base64\":\"";
    detail::append_base64(line, call.args);
    line += '"';
    const bool plain = std::all_of(call.metadata.begin(), call.metadata.end(), [](const auto& entry) {
        return detail::is_utf8(entry.first) && detail::is_utf8(entry.second);
    });
    const auto base64 = [](std::string_view text) { return detail::base64_encode(detail::bytes_of(text)); };
    const char* separator = "";
    if (!call.metadata.empty()) line += plain ? ",\"metadata\":{" : ",\"metadata_base64\":[";
    for (const auto& [name, value] : call.metadata) {
        line += separator;
        line += plain ? detail::json_quoted(name) + ':' + detail::json_quoted(value)
                      : "[\"" + base64(name) + "\",\"" + base64(value) + "\"]";
        separator = ",";
    }
    if (!call.metadata.empty()) line += plain ? "}" : "]";
    if (call.timeout) line += ",\"timeout_ms\":" + std::to_string(call.timeout->count());
    if (call.idempotent) line += ",\"idempotent\":true";
    const char* execution = error.execution == Execution::unknown   ? "unknown"
                            : error.execution == Execution::started ? "started"
                                                                    : "not started";
    line += ",\"dead_letter\":{\"code\":" + detail::json_quoted(error.code.message()) +
            ",\"message\":" + detail::json_quoted(error.message) + ",\"execution\":\"" + execution +
            "\",\"attempts\":" + std::to_string(attempts) + ",\"provider\":" + detail::json_quoted(error.provider);
    if (error.http_status != 0) line += ",\"http_status\":" + std::to_string(error.http_status);
    if (!error.platform_code.empty()) line += ",\"platform_code\":" + detail::json_quoted(error.platform_code);
    if (!error.request_id.empty()) line += ",\"request_id\":" + detail::json_quoted(error.request_id);
    return line + ",\"time\":\"" + detail::utc_time(time) + "\"}}";
}

}  // namespace blueprint::faas

#endif
