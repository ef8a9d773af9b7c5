#ifndef BLUEPRINT_FAAS_DETAIL_UTF8_HPP
#define BLUEPRINT_FAAS_DETAIL_UTF8_HPP

#include <cstddef>
#include <string_view>

namespace blueprint::faas::detail {

/// Returns how many bytes the character at the start of `text` has; 0 if it is none. No overlong forms, no surrogates,
/// nothing beyond U+10FFFF. Source: RFC 3629, section 4.
inline std::size_t utf8_length(std::string_view text) noexcept {
    const auto byte = [&](std::size_t at) -> unsigned {
        return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
    };
    const auto follows = [&](std::size_t at, unsigned low = 0x80, unsigned high = 0xbf) {
        return byte(at) >= low && byte(at) <= high;
    };
    if (text.empty()) return 0;
    const unsigned lead = byte(0);
    if (lead < 0x80) return 1;
    if (lead < 0xc2) return 0;
    if (lead < 0xe0) return follows(1) ? 2 : 0;
    if (lead < 0xf0) return follows(1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf) && follows(2) ? 3 : 0;
    if (lead < 0xf5)
        return follows(1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf) && follows(2) && follows(3) ? 4 : 0;
    return 0;
}

/// Tells whether all of `text` is UTF-8.
inline bool is_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        const auto length = utf8_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

}  // namespace blueprint::faas::detail

#endif
