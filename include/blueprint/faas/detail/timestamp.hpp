#ifndef BLUEPRINT_FAAS_DETAIL_TIMESTAMP_HPP
#define BLUEPRINT_FAAS_DETAIL_TIMESTAMP_HPP

#include <charconv>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>
#include <system_error>

namespace blueprint::faas::detail {

/// Returns `time` by the wall clock, which counts nanoseconds: a time that it cannot count to is its last moment, and
/// one before 1970 is 1970.
inline std::chrono::system_clock::time_point within_clock(
    std::chrono::sys_time<std::chrono::milliseconds> time) noexcept {
    using Time = std::chrono::system_clock::time_point;
    if (time >= std::chrono::floor<std::chrono::milliseconds>(Time::max())) return Time::max();
    if (time.time_since_epoch().count() <= 0) return Time{};
    return Time{time};
}

/// Reads "2026-01-02T03:04:05Z", also with a fraction of the second (kept to the millisecond) and with an offset such
/// as "+02:00" or "+0200" for the Z; nothing if it is anything else. What is before 1970 is read as 1970, and what the
/// clock cannot count to ("9999-12-31T23:59:59Z") as its last moment. Source: RFC 3339, section 5.6.
inline std::optional<std::chrono::system_clock::time_point> read_timestamp(std::string_view text) noexcept {
    bool good = true;
    const auto number = [&](std::size_t digits) {
        unsigned value = 0;
        if (text.size() < digits) return good = false, value;
        const auto* const end = text.data() + digits;
        const auto [stopped, failed] = std::from_chars(text.data(), end, value);
        good = good && failed == std::errc{} && stopped == end;
        text.remove_prefix(digits);
        return value;
    };
    const auto skip = [&](std::string_view one_of) {
        good = good && !text.empty() && one_of.find(text.front()) != std::string_view::npos;
        if (!text.empty()) text.remove_prefix(1);
    };
    const std::chrono::year year{static_cast<int>(number(4))};
    skip("-");
    const std::chrono::month month{number(2)};
    skip("-");
    const std::chrono::year_month_day date{year, month, std::chrono::day{number(2)}};
    skip("Tt ");
    const std::chrono::hours hours{number(2)};
    skip(":");
    const std::chrono::minutes minutes{number(2)};
    skip(":");
    const std::chrono::seconds seconds{number(2)};
    std::chrono::milliseconds fraction{0};
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        std::size_t digits = 0;
        for (int weight = 100; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
            fraction += std::chrono::milliseconds{weight * (text[digits] - '0')};
            weight /= 10;
        }
        good = good && digits > 0;
        text.remove_prefix(digits);
    }
    std::chrono::minutes ahead{0};
    if (text.starts_with('+') || text.starts_with('-')) {
        const int sign = text.front() == '-' ? -1 : 1;
        text.remove_prefix(1);
        const std::chrono::hours offset_hours{number(2)};
        if (text.starts_with(':')) text.remove_prefix(1);
        const std::chrono::minutes offset_minutes{number(2)};
        good = good && offset_hours.count() < 24 && offset_minutes.count() < 60;
        ahead = sign * (offset_hours + offset_minutes);
    } else {
        skip("Zz");
    }
    if (!good || !text.empty() || !date.ok() || hours.count() > 23 || minutes.count() > 59 || seconds.count() > 60)
        return std::nullopt;
    return within_clock(std::chrono::sys_days{date} + hours + minutes + seconds + fraction - ahead);
}

}  // namespace blueprint::faas::detail

#endif
