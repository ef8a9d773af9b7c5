#ifndef BLUEPRINT_FAAS_CODEC_IMPL_JSON_TEXT_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_JSON_TEXT_HPP

// Writes JSON without a tree of it. Included by the codecs' own files in impl/ alone.

#include <array>
#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

namespace blueprint::faas::detail::json_text {

// Writes a text, which is UTF-8, as a JSON string.
inline void append_text(std::string& out, std::string_view text) {
    static constexpr std::string_view digits = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        static constexpr std::string_view plain = "\"\\\b\f\n\r\t";
        static constexpr std::string_view letters = "\"\\bfnrt";
        const auto code = static_cast<unsigned char>(c);
        const auto known = code >= 0x20 && c != '"' && c != '\\' ? std::string_view::npos : plain.find(c);
        if (known != std::string_view::npos)
            out.append(1, '\\').append(1, letters[known]);
        else if (code < 0x20)
            out.append("\\u00").append(1, digits[code >> 4U]).append(1, digits[code & 15U]);
        else
            out += c;
    }
    out += '"';
}

// Writes a member after those that `out` ends with, if any.
inline void append_member(std::string& out, std::string_view name, std::string_view value) {
    if (!out.empty() && out.back() != '{') out += ',';
    append_text(out, name);
    out += ':';
    append_text(out, value);
}

inline void append_number(std::string& out, std::integral auto number) {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    out.append(digits.data(), end.ptr);
}

}  // namespace blueprint::faas::detail::json_text

#endif
