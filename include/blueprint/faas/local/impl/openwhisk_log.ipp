#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_OPENWHISK_LOG_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_OPENWHISK_LOG_IPP

#include "blueprint/faas/local/openwhisk_log.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <utility>

namespace blueprint::faas::local {

inline std::string openwhisk_log_time() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const std::int64_t nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
    const std::time_t seconds = static_cast<std::time_t>(nanoseconds / 1'000'000'000);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    char date[32];
    const auto date_bytes = std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    char fraction[16];
    std::snprintf(fraction, sizeof fraction, ".%09uZ", static_cast<unsigned>(nanoseconds % 1'000'000'000));
    return std::string{date, date_bytes} + fraction;
}

BLUEPRINT_FAAS_DECL void OpenWhiskLog::add(int stream, std::string_view text) {
    auto& begun = begun_[stream - 1];
    while (!text.empty()) {
        const auto end = text.find('\n');
        const auto part = text.substr(0, end);
        const auto room = limit_ - std::min(limit_, bytes_);
        truncated_ |= part.size() > room;
        bytes_ += part.size();
        begun += part.substr(0, room);
        if (end == std::string_view::npos) return;
        end_line(stream);
        text.remove_prefix(end + 1);
    }
}

BLUEPRINT_FAAS_DECL void OpenWhiskLog::end_line(int stream) {
    std::string_view text = begun_[stream - 1];
    constexpr std::string_view blanks = " \t\r\n";
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    text = text.substr(0, text.find_last_not_of(blanks) + 1);
    if (!truncated_ || !text.empty())
        lines_.push_back((openwhisk_log_time() + (stream == 1 ? " stdout: " : " stderr: ")).append(text));
    begun_[stream - 1].clear();
}

BLUEPRINT_FAAS_DECL std::vector<std::string> OpenWhiskLog::take() {
    for (const int stream : {1, 2})
        if (!begun_[stream - 1].empty()) end_line(stream);
    auto lines = std::exchange(lines_, {});
    if (limit_ == 0) lines.clear();
    if (truncated_ && limit_ > 0)
        lines.push_back("Logs were truncated because the total bytes size exceeds the limit of " +
                        std::to_string(limit_) + " bytes.");
    bytes_ = 0;
    truncated_ = false;
    return lines;
}

}  // namespace blueprint::faas::local

#endif
