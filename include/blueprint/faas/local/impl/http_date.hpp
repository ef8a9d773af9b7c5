#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_HTTP_DATE_HPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_HTTP_DATE_HPP

#include <cstddef>
#include <cstdio>
#include <ctime>
#include <string>

namespace blueprint::faas::local {

/// A time as in "Sun, 06 Nov 1994 08:49:37 GMT". Source: RFC 9110, section 5.6.7.
inline std::string http_date(std::time_t now) {
    static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    char text[64];
    const int size =
        std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[utc.tm_wday % 7], utc.tm_mday,
                      months[utc.tm_mon % 12], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
    return {text, static_cast<std::size_t>(size)};
}

}  // namespace blueprint::faas::local

#endif
