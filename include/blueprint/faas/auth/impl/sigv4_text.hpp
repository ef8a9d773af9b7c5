#ifndef BLUEPRINT_FAAS_AUTH_IMPL_SIGV4_TEXT_HPP
#define BLUEPRINT_FAAS_AUTH_IMPL_SIGV4_TEXT_HPP

#include "blueprint/faas/auth/sigv4_signing.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/secret.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail::sigv4 {

inline constexpr std::string_view upper_digits = "0123456789ABCDEF";

// The characters that are never escaped. Source: RFC 3986, section 2.3.
inline constexpr std::array<bool, 256> unreserved = [] {
    std::array<bool, 256> table{};
    for (const char c : std::string_view{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"})
        table[static_cast<std::uint8_t>(c)] = true;
    return table;
}();

inline bool is_unreserved(char c) noexcept { return unreserved[static_cast<std::uint8_t>(c)]; }

// 0..15, or -1 for what is no hexadecimal digit.
constexpr int digit_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// The byte that the three characters at the beginning of `text` escape, or -1.
constexpr int escaped_byte(std::string_view text) noexcept {
    if (text.size() < 3 || text[0] != '%') return -1;
    const int high = digit_value(text[1]), low = digit_value(text[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

// Memory for texts that may hold a session token: used again and again, wiped when it is given back.
class Buffer {
public:
    Buffer() = default;
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { wipe(data_.get(), size_); }
    // Room for `size` characters; what stood there is gone.
    char* room(std::size_t size) {
        if (size > size_) {
            wipe(data_.get(), size_);
            size_ = 0;
            data_.reset(new char[size * 2]);
            size_ = size * 2;
        }
        return data_.get();
    }
    char* data() noexcept { return data_.get(); }
    const char* data() const noexcept { return data_.get(); }

private:
    std::unique_ptr<char[]> data_{};
    std::size_t size_ = 0;
};

// Writes where there is room enough.
class Writer {
public:
    explicit Writer(char* at) noexcept : begin_{at}, at_{at} {}
    void put(std::string_view text) noexcept {
        if (text.empty()) return;  // memcpy must not be given null
        std::memcpy(at_, text.data(), text.size());
        at_ += text.size();
    }
    void put(char c) noexcept { *at_++ = c; }
    void put_escaped(std::uint8_t byte) noexcept {
        put('%');
        put(upper_digits[byte >> 4U]);
        put(upper_digits[byte & 15U]);
    }
    // Escapes all but unreserved characters and '/', a run of which is copied at once.
    void put_path(std::string_view path) noexcept {
        const auto* at = path.data();
        const auto* const end = at + path.size();
        while (at != end) {
            const auto* const run = at;
            while (at != end && (is_unreserved(*at) || *at == '/')) ++at;
            put(std::string_view{run, static_cast<std::size_t>(at - run)});
            if (at != end) put_escaped(static_cast<std::uint8_t>(*at++));
        }
    }
    char* at() const noexcept { return at_; }
    void at(char* here) noexcept { at_ = here; }
    std::size_t size() const noexcept { return static_cast<std::size_t>(at_ - begin_); }
    void shrink(std::size_t size) noexcept { at_ = begin_ + size; }
    std::string_view text(std::size_t from = 0) const noexcept { return {begin_ + from, size() - from}; }

private:
    char* begin_;
    char* at_;
};

inline bool is_blank(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Whether one of eight characters may be a blank. Source: Bit Twiddling Hacks, "Determine if a word has a byte less
// than n".
inline bool may_have_blank(std::uint64_t word) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101U;
    return ((word - ones * 0x21U) & ~word & ones * 0x80U) != 0;
}

// Trims a field's value and makes each run of blanks one. Eight characters at a time while there is no blank among
// them, because a session token has a thousand.
inline void put_value(Writer& out, std::string_view value) noexcept {
    const auto* at = value.data();
    const auto* end = at + value.size();
    while (at != end && is_blank(*at)) ++at;
    while (at != end && is_blank(end[-1])) --end;
    char* to = out.at();
    while (at < end) {
        std::uint64_t word = 0;
        if (end - at >= 8) {
            std::memcpy(&word, at, 8);
            if (!may_have_blank(word)) {
                std::memcpy(to, &word, 8);
                at += 8;
                to += 8;
                continue;
            }
        }
        for (const auto* const stop = end - at > 8 ? at + 8 : end; at < stop; ++at) {
            if (!is_blank(*at)) {
                *to++ = *at;
                continue;
            }
            *to++ = ' ';
            while (is_blank(at[1])) ++at;  // ends before `end`, whose last character is none
        }
    }
    out.at(to);
}

// Writes a name in lower case. Eight characters at a time, the last eight once more if their number is no multiple.
inline void put_lower(Writer& out, std::string_view name) noexcept {
    char* const to = out.at();
    const auto lower_word = [&](std::size_t at) {
        constexpr std::uint64_t ones = 0x0101010101010101U;
        std::uint64_t word = 0;
        std::memcpy(&word, name.data() + at, 8);
        const auto low = word & ones * 0x7fU;
        const auto upper = (low + ones * (0x80U - 'A')) & ~(low + ones * (0x7fU - 'Z')) & ~word & ones * 0x80U;
        word |= upper >> 2U;
        std::memcpy(to + at, &word, 8);
    };
    if (name.size() < 8) {
        for (std::size_t i = 0; i < name.size(); ++i) to[i] = ascii_lower(name[i]);
    } else {
        for (std::size_t at = 0; at + 8 <= name.size(); at += 8) lower_word(at);
        lower_word(name.size() - 8);
    }
    out.at(to + name.size());
}

// At most thrice as long as the path, and one more.
inline void put_uri(Writer& out, std::string_view path, aws::PathRules rules) noexcept {
    const auto put_part = [&](std::string_view part) { rules.encode ? out.put_path(part) : out.put(part); };
    if (path.empty()) return out.put('/');
    const bool normal = path.find("//") == std::string_view::npos && path.find("/.") == std::string_view::npos;
    if (!rules.normalize || normal) return put_part(path);
    const auto begin = out.size();
    for (std::size_t at = 0; at <= path.size();) {
        const auto end = std::min(path.find('/', at), path.size());
        const auto segment = path.substr(at, end - at);
        at = end + 1;
        if (segment.empty() || segment == ".") continue;
        if (segment == "..") {
            const auto last = out.text(begin).rfind('/');
            out.shrink(begin + (last == std::string_view::npos ? 0 : last));
            continue;
        }
        out.put('/');
        put_part(segment);
    }
    if (out.size() == begin || path.back() == '/') out.put('/');
}

// What stands between '&' in a query, in turn.
template <class Use>
void for_each_parameter(std::string_view query, Use use) {
    while (!query.empty()) {
        const auto parameter = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(parameter.size() + 1, query.size()));
        if (!parameter.empty()) use(parameter);
    }
}

// A name or value of a query in the one form that is signed: at most thrice as long.
inline void put_query_part(Writer& out, std::string_view part) noexcept {
    const auto* at = part.data();
    const auto* const end = at + part.size();
    while (at != end) {
        const auto* const run = at;
        while (at != end && is_unreserved(*at)) ++at;
        out.put(std::string_view{run, static_cast<std::size_t>(at - run)});
        if (at == end) return;
        const int escaped = escaped_byte({at, static_cast<std::size_t>(end - at)});
        const char meant = escaped >= 0 ? static_cast<char>(escaped) : *at;
        at += escaped >= 0 ? 3 : 1;
        if (is_unreserved(meant))
            out.put(meant);
        else
            out.put_escaped(static_cast<std::uint8_t>(meant));
    }
}

// Whether the text at `at` is an escape in upper-case digits.
inline bool upper_escape(std::string_view text, std::size_t at) noexcept {
    const auto digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); };
    return text.size() - at > 2 && text[at] == '%' && digit(text[at + 1]) && digit(text[at + 2]);
}

// Whether all servers read the target alike: escapes in upper case, nothing unescaped but unreserved characters and
// what parts the target, and in the query nothing escaped that need not be. (In a path "%2E%2E" is not made "..".)
inline bool is_strict(std::string_view target) noexcept {
    std::size_t at = 0;
    for (; at < target.size() && target[at] != '?'; ++at) {
        if (is_unreserved(target[at]) || target[at] == '/') continue;
        if (!upper_escape(target, at)) return false;
        at += 2;
    }
    bool in_name = true;
    for (++at; at < target.size(); ++at) {
        const char c = target[at];
        if (is_unreserved(c)) continue;
        if (c == '&' || (c == '=' && in_name)) {
            in_name = c == '&';
            continue;
        }
        if (!upper_escape(target, at) || is_unreserved(static_cast<char>(escaped_byte(target.substr(at)))))
            return false;
        at += 2;
    }
    return true;
}

inline std::string strict_target(std::string_view target) {
    const auto path = target.substr(0, target.find('?'));
    std::string strict(target.size() * 3 + 1, '\0');
    Writer out{strict.data()};
    for (std::size_t at = 0; at < path.size(); ++at) {
        if (is_unreserved(path[at]) || path[at] == '/') {
            out.put(path[at]);
            continue;
        }
        const int escaped = escaped_byte(path.substr(at));
        out.put_escaped(escaped >= 0 ? static_cast<std::uint8_t>(escaped) : static_cast<std::uint8_t>(path[at]));
        if (escaped >= 0) at += 2;
    }
    char before = '?';
    for_each_parameter(target.substr(std::min(path.size() + 1, target.size())), [&](std::string_view parameter) {
        const auto name = parameter.substr(0, parameter.find('='));
        out.put(std::exchange(before, '&'));
        put_query_part(out, name);
        if (name.size() == parameter.size()) return;
        out.put('=');
        put_query_part(out, parameter.substr(name.size() + 1));
    });
    strict.resize(out.size());
    return strict;
}

// "20150830T123600Z". A year beyond four digits is none that a request has.
inline void put_date(Writer& out, std::chrono::sys_seconds time) noexcept {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{time - day};
    const auto put_number = [&](unsigned value, unsigned unit) {
        for (; unit != 0; unit /= 10) out.put(static_cast<char>('0' + value / unit % 10));
    };
    put_number(static_cast<unsigned>(static_cast<int>(date.year())), 1000);
    put_number(static_cast<unsigned>(date.month()), 10);
    put_number(static_cast<unsigned>(date.day()), 10);
    out.put('T');
    put_number(static_cast<unsigned>(clock.hours().count()), 10);
    put_number(static_cast<unsigned>(clock.minutes().count()), 10);
    put_number(static_cast<unsigned>(clock.seconds().count()), 10);
    out.put('Z');
}

// Writes four bytes as eight hexadecimal digits at once: their halves are spread over eight bytes, and those above nine
// go on from 'a'.
inline void put_hex(Writer& out, const Sha256Digest& bytes) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101U;
    char* to = out.at();
    for (std::size_t i = 0; i < bytes.size(); i += 4, to += 8) {
        std::uint64_t halves = 0;
        if constexpr (std::endian::native == std::endian::little) {
            std::uint32_t four = 0;
            std::memcpy(&four, bytes.data() + i, 4);
            halves = (four | std::uint64_t{four} << 16U) & 0x0000ffff0000ffffU;
            halves = (halves | halves << 8U) & 0x00ff00ff00ff00ffU;
            halves = ((halves >> 4U) | halves << 8U) & ones * 0x0fU;
        } else {
            for (std::size_t k = i; k < i + 4; ++k) {
                const std::uint64_t byte = bytes[k];
                halves = halves << 16U | (byte >> 4U) << 8U | (byte & 15U);
            }
        }
        const auto letters = ((halves + ones * 6) >> 4U) & ones;
        halves += ones * '0' + letters * ('a' - '0' - 10);
        std::memcpy(to, &halves, 8);
    }
    out.at(to);
}

}  // namespace blueprint::faas::detail::sigv4

#endif
