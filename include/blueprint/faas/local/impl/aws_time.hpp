#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_TIME_HPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_TIME_HPP

// The times in AWS requests. Included by the files of the local AWS alone.

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// Reads so many digits; -1 if there is anything else.
inline int aws_digits(std::string_view text, std::size_t at, std::size_t count) noexcept {
    int value = 0;
    for (std::size_t i = at; i < at + count; ++i) {
        if (i >= text.size() || text[i] < '0' || text[i] > '9') return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

inline std::optional<std::chrono::sys_seconds> aws_time_of(int year, int month, int day, int hour, int minute,
                                                           int second) {
    namespace chrono = std::chrono;
    if (year < 0 || month < 1 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
        second > 60)
        return std::nullopt;
    const chrono::year_month_day date{chrono::year{year}, chrono::month{static_cast<unsigned>(month)},
                                      chrono::day{static_cast<unsigned>(day)}};
    if (!date.ok()) return std::nullopt;
    return chrono::sys_days{date} + chrono::hours{hour} + chrono::minutes{minute} + chrono::seconds{second};
}

/// Reads "20150830T123600Z", and nothing else.
inline std::optional<std::chrono::sys_seconds> read_basic_time(std::string_view text) {
    if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
    return aws_time_of(aws_digits(text, 0, 4), aws_digits(text, 4, 2), aws_digits(text, 6, 2), aws_digits(text, 9, 2),
                       aws_digits(text, 11, 2), aws_digits(text, 13, 2));
}

/// Reads "Sun, 30 Aug 2015 12:36:00 GMT". Source: RFC 9110, section 5.6.7.
inline std::optional<std::chrono::sys_seconds> read_http_date(std::string_view text) {
    static constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT") return std::nullopt;
    int month = 0;
    for (std::size_t i = 0; i < months.size(); ++i)
        if (months[i] == text.substr(8, 3)) month = static_cast<int>(i) + 1;
    return aws_time_of(aws_digits(text, 12, 4), month, aws_digits(text, 5, 2), aws_digits(text, 17, 2),
                       aws_digits(text, 20, 2), aws_digits(text, 23, 2));
}

/// Writes a time by `strftime`, in UTC.
inline std::string write_time(std::chrono::system_clock::time_point time, const char* format) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    std::array<char, 64> text{};
    const auto size = std::strftime(text.data(), text.size(), format, &utc);
    return {text.data(), size};
}

/// Writes "20150830T123600Z".
inline std::string basic_time(std::chrono::system_clock::time_point time) { return write_time(time, "%Y%m%dT%H%M%SZ"); }

/// Writes "2015-08-30T12:36:00Z".
inline std::string extended_time(std::chrono::system_clock::time_point time) {
    return write_time(time, "%Y-%m-%dT%H:%M:%SZ");
}

}  // namespace blueprint::faas::local

#endif
