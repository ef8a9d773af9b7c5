#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_TIME_HPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_TIME_HPP

// The times in AWS requests. Included by the files of the local AWS alone.

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
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

}  // namespace blueprint::faas::local

#endif
