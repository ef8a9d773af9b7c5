#ifndef BLUEPRINT_FAAS_DETAIL_SHOWN_TEXT_HPP
#define BLUEPRINT_FAAS_DETAIL_SHOWN_TEXT_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/utf8.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace blueprint::faas::detail {

/// Cuts `text` to at most `most` bytes, and between words: half of a credential that a platform echoes would not be
/// recognised as one, and stay in the message.
BLUEPRINT_FAAS_COLD inline std::string_view shortened(std::string_view text, std::size_t most) noexcept {
    if (text.size() <= most) return text;
    const auto is_end = [](unsigned char c) { return c <= 0x20 || c == '"' || c == '\''; };
    std::size_t at = most;
    while (at > 0 && !is_end(static_cast<unsigned char>(text[at])) && !is_end(static_cast<unsigned char>(text[at - 1])))
        --at;
    return text.substr(0, at > 0 ? at : most);  // one long word is cut anywhere: `redact` knows long beginnings
}

/// Tells whether a terminal or a viewer obeys the UTF-8 character instead of showing it: controls, also those of two
/// bytes, line and paragraph separators, and what turns the direction of the text around it.
/// Source: Unicode Standard, "Bidirectional Character Types" and general categories Cc, Zl and Zp.
inline bool is_obeyed(std::string_view character) noexcept {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(character[at]); };
    if (character.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7f;
    if (character.size() == 2) return byte(0) == 0xc2 && byte(1) < 0xa0;
    if (character.size() != 3 || byte(0) != 0xe2) return false;
    if (byte(1) == 0x80) return byte(2) == 0x8e || byte(2) == 0x8f || (byte(2) >= 0xa8 && byte(2) <= 0xae);
    return byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9;
}

/// Puts blanks where the text is no UTF-8, and for all characters that are obeyed and not shown.
BLUEPRINT_FAAS_COLD inline std::string without_controls(std::string_view text) {
    std::string shown;
    shown.reserve(text.size());
    while (!text.empty()) {
        const auto length = utf8_length(text);
        const auto character = text.substr(0, length == 0 ? 1 : length);
        if (length == 0 || is_obeyed(character))
            shown += ' ';
        else
            shown.append(character);
        text.remove_prefix(character.size());
    }
    return shown;
}

}  // namespace blueprint::faas::detail

#endif
