#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_PLAIN_CODECS_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_PLAIN_CODECS_HPP

#include "blueprint/faas/job.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

// Payload codecs as slow as they are plain, one character after the other: what the library's own are compared with.
namespace blueprint::faas::test {

/// What came of reading an array of bytes: they and how many characters it has, or what is wrong where.
struct PlainArray {
    Bytes bytes{};
    std::size_t at = 0;
    std::string_view why{};
};

inline PlainArray read_plain_array(std::string_view text) {
    PlainArray read;
    const auto stop = [&](std::size_t at, std::string_view why) {
        read.at = at;
        read.why = why;
        return read;
    };
    const auto is = [&](std::size_t at, std::string_view any) {
        return at < text.size() && any.find(text[at]) != std::string_view::npos;
    };
    constexpr std::string_view space = " \t\r\n", digit = "0123456789";
    std::size_t at = 0;
    if (!is(at, "[")) return stop(at, "an array of numbers is expected");
    ++at;
    while (is(at, space)) ++at;
    if (is(at, "]")) return stop(at + 1, "");
    for (;;) {
        while (is(at, space)) ++at;
        if (at == text.size()) return stop(at, "the text ends inside the array");
        if (!is(at, digit)) return stop(at, "a number from 0 to 255 is expected");
        std::string number;
        const auto first = at;
        for (; is(at, digit); ++at) number += text[at];
        if (number.size() > 3) return stop(first, "the number is above 255");
        if (number.size() > 1 && number[0] == '0') return stop(first, "the number has a leading zero");
        const int value = std::stoi(number);
        if (value > 255) return stop(first, "the number is above 255");
        if (is(at, ".eE")) return stop(at, "the number is not an integer");
        read.bytes.push_back(static_cast<std::uint8_t>(value));
        while (is(at, space)) ++at;
        if (at == text.size()) return stop(at, "the text ends inside the array");
        if (is(at, "]")) return stop(at + 1, "");
        if (!is(at, ",")) return stop(at, "a comma or the end of the array is expected");
        ++at;
    }
}

inline std::string write_plain_array(std::span<const std::uint8_t> bytes, std::string_view comma = ",") {
    std::string out = "[";
    for (std::size_t i = 0; i < bytes.size(); ++i) out.append(i == 0 ? "" : comma).append(std::to_string(bytes[i]));
    return out + ']';
}

constexpr std::string_view plain_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

inline std::string write_plain_base64(std::span<const std::uint8_t> bytes) {
    std::string out;
    for (std::size_t bit = 0; bit < bytes.size() * 8; bit += 6) {
        unsigned value = 0;
        for (std::size_t i = bit; i < bit + 6; ++i)
            value = value << 1U | (i / 8 < bytes.size() ? unsigned{bytes[i / 8]} >> (7 - i % 8) & 1U : 0U);
        out += plain_alphabet[value];
    }
    while (out.size() % 4 != 0) out += '=';
    return out;
}

/// Reads `text`, only if `write_plain_base64` writes exactly that.
inline std::optional<Bytes> read_plain_base64(std::string_view text) {
    Bytes out;
    unsigned value = 0, bits = 0;
    for (const char c : text.substr(0, text.find('='))) {
        const auto sextet = plain_alphabet.find(c);
        if (sextet == std::string_view::npos) return std::nullopt;
        value = (value << 6U | static_cast<unsigned>(sextet)) & 0xffffU;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        out.push_back(static_cast<std::uint8_t>(value >> bits));
    }
    if (write_plain_base64(out) != text) return std::nullopt;
    return out;
}

}  // namespace blueprint::faas::test

#endif
