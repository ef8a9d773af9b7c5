#ifndef BLUEPRINT_FAAS_DETAIL_IMPL_ENCODING_IPP
#define BLUEPRINT_FAAS_DETAIL_IMPL_ENCODING_IPP

#include "blueprint/faas/detail/encoding.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace blueprint::faas::detail {

inline constexpr std::string_view base64_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
inline constexpr std::string_view hex_digits = "0123456789abcdef";

// 0..63 for the alphabet's characters, 0x80 for all others: one OR over four values tells whether any is bad.
inline constexpr std::array<std::uint8_t, 256> base64_values = [] {
    std::array<std::uint8_t, 256> values{};
    values.fill(0x80);
    for (std::size_t i = 0; i < base64_alphabet.size(); ++i)
        values[static_cast<std::uint8_t>(base64_alphabet[i])] = static_cast<std::uint8_t>(i);
    return values;
}();

// 0..15, or -1 for what is no hexadecimal digit.
constexpr int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// By hand, and as fast as OpenSSL's: a function's binary then needs no cryptography, which would have to be loaded at
// each cold start.
BLUEPRINT_FAAS_DECL void append_base64(std::string& out, std::span<const std::uint8_t> data) {
    const char* const alphabet = base64_alphabet.data();
    const auto start = out.size();
    out.resize(start + (data.size() + 2) / 3 * 4);
    char* to = out.data() + start;
    const auto* from = data.data();
    const auto* const end_of_triples = from + data.size() / 3 * 3;
    for (; from != end_of_triples; from += 3, to += 4) {
        to[0] = alphabet[from[0] >> 2];
        to[1] = alphabet[(from[0] & 0x03U) << 4 | from[1] >> 4];
        to[2] = alphabet[(from[1] & 0x0fU) << 2 | from[2] >> 6];
        to[3] = alphabet[from[2] & 0x3fU];
    }
    const auto left = data.size() % 3;
    if (left == 0) return;
    const unsigned second = left == 2 ? from[1] : 0U;
    to[0] = alphabet[from[0] >> 2];
    to[1] = alphabet[(from[0] & 0x03U) << 4 | second >> 4];
    to[2] = left == 2 ? alphabet[(second & 0x0fU) << 2] : '=';
    to[3] = '=';
}

BLUEPRINT_FAAS_DECL std::string base64_encode(std::span<const std::uint8_t> data) {
    std::string out;
    append_base64(out, data);
    return out;
}

BLUEPRINT_FAAS_DECL std::optional<Bytes> base64_decode(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::size_t padding = 0;
    while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
    Bytes out(text.size() / 4 * 3 - padding);
    const auto value = [&](std::size_t i) -> std::uint32_t {
        return base64_values[static_cast<std::uint8_t>(text[i])];
    };
    const std::size_t whole = padding == 0 ? text.size() : text.size() - 4;
    std::uint32_t seen = 0;
    auto* to = out.data();
    for (std::size_t i = 0; i < whole; i += 4) {
        const auto a = value(i), b = value(i + 1), c = value(i + 2), d = value(i + 3);
        seen |= a | b | c | d;
        const auto bits = a << 18 | b << 12 | c << 6 | d;
        *to++ = static_cast<std::uint8_t>(bits >> 16);
        *to++ = static_cast<std::uint8_t>(bits >> 8);
        *to++ = static_cast<std::uint8_t>(bits);
    }
    if (padding != 0) {
        const auto a = value(whole), b = value(whole + 1), c = padding == 1 ? value(whole + 2) : 0;
        seen |= a | b | c;
        const auto bits = a << 18 | b << 12 | c << 6;
        if ((bits & (padding == 1 ? 0xffU : 0xffffU)) != 0) return std::nullopt;
        *to++ = static_cast<std::uint8_t>(bits >> 16);
        if (padding == 1) *to = static_cast<std::uint8_t>(bits >> 8);
    }
    if ((seen & 0x80U) != 0) return std::nullopt;
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
