#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_FIELD_SCAN_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_FIELD_SCAN_HPP

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace blueprint::faas::detail::plain_answer {

// Where names and values of header fields end. Sixteen characters are looked at at once where the processor is known to
// do so; what is special is left to the table.

constexpr std::array<bool, 256> make_name_bytes() {
    std::array<bool, 256> out{};
    for (unsigned c = '0'; c <= '9'; ++c) out[c] = true;
    for (unsigned c = 'a'; c <= 'z'; ++c) out[c] = true;
    for (unsigned c = 'A'; c <= 'Z'; ++c) out[c] = true;
    for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'})
        out[static_cast<unsigned char>(c)] = true;
    return out;
}
inline constexpr std::array<bool, 256> name_bytes = make_name_bytes();

constexpr bool is_name_byte(char c) noexcept { return name_bytes[static_cast<unsigned char>(c)]; }
constexpr bool is_value_byte(char c) noexcept { return c >= 0x20 && c < 0x7f; }

#if defined(__SSE2__)

inline constexpr std::size_t block = sizeof(__m128i);

inline __m128i load_block(std::string_view text, std::size_t at) noexcept {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
}
inline __m128i each_byte(char c) noexcept { return _mm_set1_epi8(c); }
// Which of the characters are from `first` to `last`, both ASCII: what is not has its sign set or is above.
inline __m128i are_within(__m128i text, char first, char last) noexcept {
    return _mm_and_si128(_mm_cmpgt_epi8(text, each_byte(static_cast<char>(first - 1))),
                         _mm_cmplt_epi8(text, each_byte(static_cast<char>(last + 1))));
}
// Returns how many of the characters come before the first that is not `good`.
inline std::size_t count_first(__m128i good) noexcept {
    return static_cast<std::size_t>(std::countr_one(static_cast<unsigned>(_mm_movemask_epi8(good))));
}
inline std::size_t count_letters(std::string_view text, std::size_t at) noexcept {
    const auto found = load_block(text, at);
    const auto letters = are_within(_mm_or_si128(found, each_byte(0x20)), 'a', 'z');
    return count_first(_mm_or_si128(letters, _mm_cmpeq_epi8(found, each_byte('-'))));
}
inline std::size_t count_visible(std::string_view text, std::size_t at) noexcept {
    return count_first(are_within(load_block(text, at), 0x20, 0x7e));
}

#else

inline constexpr std::size_t block = 8;

constexpr std::size_t count_letters(std::string_view, std::size_t) noexcept { return 0; }
inline std::size_t count_visible(std::string_view text, std::size_t at) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101;
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, block);
    const auto controls = (word - ones * 0x20) & ~word;
    const auto deleted = word ^ (ones * 0x7f);
    if (((((deleted - ones) & ~deleted) | controls | word) & (ones * 0x80)) == 0) return block;
    std::size_t count = 0;
    while (count < block && is_value_byte(text[at + count])) ++count;
    return count;
}

#endif

// Returns where the bytes end that may stand in a field's name.
inline std::size_t end_of_name(std::string_view text, std::size_t at) noexcept {
    for (; at < text.size(); ++at) {
        while (at + block <= text.size()) {
            const auto count = count_letters(text, at);
            at += count;
            if (count < block) break;
        }
        if (at == text.size() || !is_name_byte(text[at])) break;
    }
    return at;
}

// Returns where the visible characters and blanks end.
inline std::size_t end_of_value(std::string_view text, std::size_t at) noexcept {
    while (at + block <= text.size()) {
        const auto count = count_visible(text, at);
        at += count;
        if (count < block) return at;
    }
    while (at < text.size() && is_value_byte(text[at])) ++at;
    return at;
}

}  // namespace blueprint::faas::detail::plain_answer

#endif
