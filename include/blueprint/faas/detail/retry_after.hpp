#ifndef BLUEPRINT_FAAS_DETAIL_RETRY_AFTER_HPP
#define BLUEPRINT_FAAS_DETAIL_RETRY_AFTER_HPP

#include "blueprint/faas/http.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace blueprint::faas::detail {

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT`; nothing if it is anything else. Source: RFC 9110, section 5.6.7, IMF-fixdate.
BLUEPRINT_FAAS_COLD inline std::optional<std::chrono::sys_seconds> read_http_date(std::string_view text) noexcept {
    static constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (text.size() != 29 || text.substr(3, 2) != ", " || !text.ends_with(" GMT")) return std::nullopt;
    bool good = text[7] == ' ' && text[11] == ' ' && text[16] == ' ' && text[19] == ':' && text[22] == ':';
    const auto number = [&](std::size_t at, std::size_t digits) {
        unsigned value = 0;
        const auto* const end = text.data() + at + digits;
        const auto [stopped, failed] = std::from_chars(text.data() + at, end, value);
        good = good && failed == std::errc{} && stopped == end;
        return value;
    };
    const auto month = std::find(months.begin(), months.end(), text.substr(8, 3));
    const std::chrono::year_month_day day{std::chrono::year{static_cast<int>(number(12, 4))},
                                          std::chrono::month{static_cast<unsigned>(month - months.begin()) + 1},
                                          std::chrono::day{number(5, 2)}};
    const std::chrono::hours hours{number(17, 2)};
    const std::chrono::minutes minutes{number(20, 2)};
    const std::chrono::seconds seconds{number(23, 2)};
    if (!good || !day.ok() || hours.count() > 23 || minutes.count() > 59 || seconds.count() > 60) return std::nullopt;
    return std::chrono::sys_days{day} + hours + minutes + seconds;
}

/// Reads `Retry-After`: seconds, or a date, which is compared with the answer's own `Date`, so that no clock of ours
/// decides. Nothing if it is absent or unreadable. Source: RFC 9110, section 10.2.3.
BLUEPRINT_FAAS_COLD inline std::optional<std::chrono::milliseconds> read_retry_after(const HttpResponse& answer) {
    const auto text = answer.headers.get("Retry-After");
    if (!text) return std::nullopt;
    std::uint32_t seconds = 0;
    const auto* const end = text->data() + text->size();
    const auto [stopped, failed] = std::from_chars(text->data(), end, seconds);
    if (failed == std::errc{} && stopped == end) return std::chrono::seconds{seconds};
    const auto until = read_http_date(*text);
    const auto now = read_http_date(answer.headers.get("Date").value_or(""));
    if (!until || !now) return std::nullopt;
    return std::max(std::chrono::milliseconds{0}, std::chrono::milliseconds{*until - *now});
}

}  // namespace blueprint::faas::detail

#endif
