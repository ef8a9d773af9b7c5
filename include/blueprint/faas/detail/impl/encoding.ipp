#ifndef BLUEPRINT_FAAS_DETAIL_IMPL_ENCODING_IPP
#define BLUEPRINT_FAAS_DETAIL_IMPL_ENCODING_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/impl/base64.ipp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

namespace blueprint::faas::detail {

inline constexpr std::string_view hex_digits = "0123456789abcdef";

// 0..15, or -1 for what is no hexadecimal digit.
constexpr int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// By hand, and faster than OpenSSL's: a function's binary then needs no cryptography, which would have to be loaded at
// each cold start.
BLUEPRINT_FAAS_DECL void append_base64(std::string& out, std::span<const std::uint8_t> data) {
    constexpr std::size_t part = 12 * 1024;
    out.reserve(out.size() + (data.size() + 2) / 3 * 4);
    // A string can only grow by zeros. By parts they are still in the nearest cache when they are overwritten.
    while (!data.empty()) {
        const auto some = data.first(std::min(part, data.size()));
        const auto start = out.size();
        out.resize(start + (some.size() + 2) / 3 * 4);
        write_base64_fast(out.data() + start, some);
        data = data.subspan(some.size());
    }
}

BLUEPRINT_FAAS_DECL std::string base64_encode(std::span<const std::uint8_t> data) {
    std::string out;
    append_base64(out, data);
    return out;
}

BLUEPRINT_FAAS_DECL std::optional<Bytes> base64_decode(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    if (text.empty()) return Bytes{};
    // The last four characters come apart: they may be padded, and their bytes do not fill a word.
    std::array<char, 4> last{};
    std::copy(text.end() - 4, text.end(), last.begin());
    text.remove_suffix(4);
    std::size_t left = 3;
    for (; left > 1 && last[left] == '='; --left) last[left] = 'A';  // 0

    constexpr std::size_t part = 4 * 1024;
    Bytes out;
    out.reserve(text.size() / 4 * 3 + left);
    std::uint32_t seen = 0;
    // A vector can only grow by zeros. By parts they are still in the nearest cache when they are overwritten.
    while (!text.empty()) {
        const auto some = text.substr(0, part);
        const auto start = out.size();
        out.resize(start + some.size() / 4 * 3 + 1);
        seen |= read_base64_fast(out.data() + start, some);
        out.pop_back();
        text.remove_prefix(some.size());
    }
    const auto word = base64_word(last.data());
    const auto bytes = std::bit_cast<std::array<std::uint8_t, 4>>(word);
    if (std::any_of(bytes.begin() + left, bytes.begin() + 3, [](auto byte) { return byte != 0; })) return std::nullopt;
    if (std::bit_cast<std::array<std::uint8_t, 4>>(seen | word)[3] != 0) return std::nullopt;
    out.insert(out.end(), bytes.begin(), bytes.begin() + left);
    return out;
}

BLUEPRINT_FAAS_DECL std::string hex_encode(std::span<const std::uint8_t> data) {
    std::string out(data.size() * 2, '\0');
    for (std::size_t i = 0; i < data.size(); ++i) {
        out[2 * i] = hex_digits[data[i] >> 4];
        out[2 * i + 1] = hex_digits[data[i] & 0x0fU];
    }
    return out;
}

BLUEPRINT_FAAS_DECL std::optional<Bytes> hex_decode(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    Bytes out(text.size() / 2);
    for (std::size_t i = 0; i < out.size(); ++i) {
        const int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        out[i] = static_cast<std::uint8_t>(high * 16 + low);
    }
    return out;
}

BLUEPRINT_FAAS_DECL std::string percent_encode(std::string_view text) {
    constexpr std::string_view upper = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        // Not isalnum(): that one asks the locale.
        const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                c == '-' || c == '.' || c == '_' || c == '~';
        if (unreserved) {
            out += c;
            continue;
        }
        const auto byte = static_cast<std::uint8_t>(c);
        out += '%';
        out += upper[byte >> 4];
        out += upper[byte & 0x0fU];
    }
    return out;
}

BLUEPRINT_FAAS_DECL std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (text.size() - i < 3) return std::nullopt;
        const int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

}  // namespace blueprint::faas::detail

#endif
