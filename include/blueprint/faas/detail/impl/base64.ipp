#ifndef BLUEPRINT_FAAS_DETAIL_IMPL_BASE64_IPP
#define BLUEPRINT_FAAS_DETAIL_IMPL_BASE64_IPP

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace blueprint::faas::detail {

inline constexpr std::string_view base64_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// What twelve bits are in Base64. An array of C, as all its elements are computed wherever this is included.
struct Base64Pairs {
    char text[4096][2];
};
inline constexpr auto base64_pairs = [] {
    const char* const alphabet = base64_alphabet.data();
    Base64Pairs pairs{};
    for (unsigned bits = 0; bits < 4096; ++bits) {
        pairs.text[bits][0] = alphabet[bits >> 6U];
        pairs.text[bits][1] = alphabet[bits & 63U];
    }
    return pairs;
}();

// What a character at each of four places adds to three bytes, as they lie in memory; the fourth byte is 0 only if it
// belongs to the alphabet. Four ORed together are what they mean, and tell whether any is bad.
inline constexpr auto base64_words = [] {
    std::array<std::array<std::uint32_t, 256>, 4> words{};
    for (auto& word : words) word.fill(std::bit_cast<std::uint32_t>(std::array<std::uint8_t, 4>{0, 0, 0, 1}));
    for (std::size_t place = 0; place < 4; ++place) {
        for (std::uint32_t value = 0; value < 64; ++value) {
            const auto bits = value << (18U - 6U * place);
            const std::array<std::uint8_t, 4> bytes{static_cast<std::uint8_t>(bits >> 16U),
                                                    static_cast<std::uint8_t>(bits >> 8U),
                                                    static_cast<std::uint8_t>(bits), 0};
            words[place][static_cast<std::uint8_t>(base64_alphabet[value])] = std::bit_cast<std::uint32_t>(bytes);
        }
    }
    return words;
}();

/// Writes the Base64 of `data` from `to` on.
inline void write_base64(char* to, std::span<const std::uint8_t> data) noexcept {
    const auto write = [&to](unsigned twelve_bits) {
        std::memcpy(to, base64_pairs.text[twelve_bits & 4095U], 2);
        to += 2;
    };
    const auto* from = data.data();
    auto left = data.size();
    for (; left >= 6; left -= 6, from += 6) {
        const auto first = static_cast<unsigned>(from[0]) << 16U | static_cast<unsigned>(from[1]) << 8U | from[2];
        const auto second = static_cast<unsigned>(from[3]) << 16U | static_cast<unsigned>(from[4]) << 8U | from[5];
        write(first >> 12U);
        write(first);
        write(second >> 12U);
        write(second);
    }
    for (; left >= 3; left -= 3, from += 3) {
        write(static_cast<unsigned>(from[0]) << 4U | from[1] >> 4U);
        write((from[1] & 15U) << 8U | from[2]);
    }
    if (left == 0) return;
    const unsigned second = left == 2 ? from[1] : 0U;
    write(static_cast<unsigned>(from[0]) << 4U | second >> 4U);
    to[0] = left == 2 ? base64_alphabet[(second & 15U) << 2U] : '=';
    to[1] = '=';
}

/// What four characters mean: three bytes, and a fourth that is 0 if all belong to the alphabet.
inline std::uint32_t base64_word(const char* at) noexcept {
    return base64_words[0][static_cast<std::uint8_t>(at[0])] | base64_words[1][static_cast<std::uint8_t>(at[1])] |
           base64_words[2][static_cast<std::uint8_t>(at[2])] | base64_words[3][static_cast<std::uint8_t>(at[3])];
}

/// Writes what `text`, of fours without padding, means from `to` on, and one byte more. Returns all words ORed.
inline std::uint32_t read_base64(std::uint8_t* to, std::string_view text) noexcept {
    std::uint32_t seen = 0;
    for (std::size_t at = 0; at < text.size(); at += 4, to += 3) {
        const auto word = base64_word(text.data() + at);
        seen |= word;
        std::memcpy(to, &word, sizeof word);  // the fourth byte is overwritten by the next word
    }
    return seen;
}

#if defined(__x86_64__) && defined(__GNUC__)

// 32 characters at a time, with AVX2. By the compiler's own vectors, as <immintrin.h> has 40,000 lines.
using Base64Bytes [[gnu::vector_size(32)]] = std::uint8_t;
using Base64Halves [[gnu::vector_size(32)]] = std::uint16_t;
using Base64Words [[gnu::vector_size(32)]] = std::uint32_t;
using Base64Chars [[gnu::vector_size(32)]] = char;  // this and those below: what the instructions take
using Base64Shorts [[gnu::vector_size(32)]] = short;
using Base64Ints [[gnu::vector_size(32)]] = int;
using Base64Longs [[gnu::vector_size(32)]] = long long;

// Whatever a shuffle looks up, it does so in each half of a vector by itself; thus each of these stands here twice.
struct Base64Lookups {
    std::uint8_t spread[32];   // which of twelve bytes are needed for sixteen characters
    std::uint8_t written[32];  // what the last twelve of 64 values lack to their characters, after what the others lack
    std::uint8_t kind[32];     // a bit for each set of characters, by their upper four bits
    std::uint8_t not_of[32];   // the kinds in which no character of the alphabet has these lower four bits
    std::uint8_t read[32];     // from a character to its value, by its upper four bits; for '/' they count as 1
    std::uint8_t packed[32];   // where the twelve bytes are among sixteen
};
inline constexpr auto base64_lookups = [] {
    const auto alphabet = [](unsigned value) { return static_cast<std::uint8_t>(base64_alphabet.data()[value]); };
    const auto difference = [](unsigned to, unsigned from) { return static_cast<std::uint8_t>(to - from); };
    Base64Lookups lookups{};
    for (unsigned place = 0; place < 32; ++place) {
        const unsigned at = place % 16, half = place - at;
        // The middle byte of three has bits of the second and of the third character: it is needed in both pairs.
        constexpr std::uint8_t of_three[] = {1, 0, 2, 1};
        lookups.spread[place] = static_cast<std::uint8_t>(at / 4 * 3 + of_three[at % 4]);
        if (at < 12) lookups.written[place] = difference(alphabet(52 + at), 52 + at + 'A' + ('a' - 'Z' - 1));
        // '+' and '/' are kind 1, digits 2, 'A' and 'a' begin kind 4, 'P' and 'p' kind 8; 16 has no character at all.
        constexpr std::uint8_t kinds[] = {16, 16, 1, 2, 4, 8, 4, 8};
        lookups.kind[place] = at < 8 ? kinds[at] : std::uint8_t{16};
        lookups.not_of[place] = 31;
        lookups.packed[place] = static_cast<std::uint8_t>(at < 12 ? at / 3 * 4 + 2 - at % 3 : 128);
        for (unsigned value = 0; value < 64; ++value) {
            const unsigned character = alphabet(value), upper = character / 16;
            if (character % 16 == at) lookups.not_of[place] &= static_cast<std::uint8_t>(~kinds[upper]);
            lookups.read[half + (character == '/' ? 1 : upper)] = difference(value, character);
        }
    }
    return lookups;
}();

[[gnu::target("avx2"), gnu::always_inline]] inline Base64Bytes base64_load(const void* from) noexcept {
    Base64Bytes bytes;
    std::memcpy(&bytes, from, sizeof bytes);
    return bytes;
}

/// Takes of each half of `bytes` those at the places in `places`, and 0 where the place's highest bit is set.
[[gnu::target("avx2"), gnu::always_inline]] inline Base64Bytes base64_look_up(Base64Bytes bytes,
                                                                              Base64Bytes places) noexcept {
    return reinterpret_cast<Base64Bytes>(
        __builtin_ia32_pshufb256(reinterpret_cast<Base64Chars>(bytes), reinterpret_cast<Base64Chars>(places)));
}

/// Writes 32 characters from `to` on: 24 bytes, which are in `from` where `order` looks for words.
[[gnu::target("avx2"), gnu::always_inline]] inline void write_base64_block(char* to, const std::uint8_t* from,
                                                                           Base64Ints order) noexcept {
    const auto words = __builtin_ia32_permvarsi256(reinterpret_cast<Base64Ints>(base64_load(from)), order);
    const auto spread = base64_look_up(reinterpret_cast<Base64Bytes>(words), base64_load(base64_lookups.spread));
    // Of the first two bytes and of the last two: the one character moves right (what stays of a product's upper half),
    // the other one left.
    const auto right = reinterpret_cast<Base64Words>(spread) & 0x0fc0fc00U;
    const auto left = reinterpret_cast<Base64Words>(spread) & 0x003f03f0U;
    const auto firsts = __builtin_ia32_pmulhuw256(reinterpret_cast<Base64Shorts>(right),
                                                  reinterpret_cast<Base64Shorts>(Base64Words{} + 0x04000040U));
    const auto seconds =
        reinterpret_cast<Base64Halves>(left) * reinterpret_cast<Base64Halves>(Base64Words{} + 0x01000010U);
    const auto values = reinterpret_cast<Base64Bytes>(firsts) | reinterpret_cast<Base64Bytes>(seconds);
    const auto small = reinterpret_cast<Base64Bytes>(reinterpret_cast<Base64Chars>(values) > 25) & ('a' - 'Z' - 1);
    const auto rest = base64_look_up(base64_load(base64_lookups.written), values - 52);
    const auto text = values + 'A' + small + rest;
    std::memcpy(to, &text, sizeof text);
}

/// Writes what can be written of `data`, at least 33 bytes, by three bytes.
[[gnu::target("avx2")]] inline void write_base64_blocks(char* to, std::span<const std::uint8_t> data) noexcept {
    auto left = data.size() / 3 * 3 - 24;
    const auto* from = data.data();
    write_base64_block(to, from, Base64Ints{0, 1, 2, 0, 3, 4, 5, 0});
    // All others begin to read two words before their bytes, so that the last one ends where the data ends.
    const Base64Ints order{2, 3, 4, 0, 5, 6, 7, 0};
    for (; left > 24; left -= 24) write_base64_block(to += 32, (from += 24) - 8, order);
    write_base64_block(to + left / 3 * 4, from + left - 8, order);
}

/// Turns 32 characters into their bytes, 24 and 8 of no meaning. False if one does not belong to the alphabet.
[[gnu::target("avx2"), gnu::always_inline]] inline bool read_base64_block(Base64Bytes& bytes,
                                                                          const char* from) noexcept {
    const auto text = base64_load(from);
    const auto upper = text >> 4;
    const auto kind = base64_look_up(base64_load(base64_lookups.kind), upper);
    const auto not_of = base64_look_up(base64_load(base64_lookups.not_of), text & 15);
    const auto slash = reinterpret_cast<Base64Bytes>(text == '/');  // 255, which is 1 less
    const auto values = text + base64_look_up(base64_load(base64_lookups.read), upper + slash);
    // Twice two neighbours become one: 12 bits of two characters, 24 bits of four.
    const auto pairs = __builtin_ia32_pmaddubsw256(reinterpret_cast<Base64Chars>(values),
                                                   reinterpret_cast<Base64Chars>(Base64Words{} + 0x01400140U));
    const auto fours = __builtin_ia32_pmaddwd256(pairs, reinterpret_cast<Base64Shorts>(Base64Words{} + 0x00011000U));
    const auto packed = base64_look_up(reinterpret_cast<Base64Bytes>(fours), base64_load(base64_lookups.packed));
    bytes = reinterpret_cast<Base64Bytes>(
        __builtin_ia32_permvarsi256(reinterpret_cast<Base64Ints>(packed), Base64Ints{0, 1, 2, 4, 5, 6, 3, 7}));
    return __builtin_ia32_ptestz256(reinterpret_cast<Base64Longs>(kind), reinterpret_cast<Base64Longs>(not_of)) != 0;
}

/// Reads `text`, at least 32 characters and by fours, up to a block with a bad character; returns how many were read.
[[gnu::target("avx2")]] inline std::size_t read_base64_blocks(std::uint8_t* to, std::string_view text) noexcept {
    const auto* from = text.data();
    auto left = text.size();
    Base64Bytes bytes;
    // A whole vector may be written as long as 32 bytes are left: 24 of this block and 8 of the next.
    for (; left >= 44; left -= 32, from += 32, to += 24) {
        if (!read_base64_block(bytes, from)) return text.size() - left;
        std::memcpy(to, &bytes, sizeof bytes);
    }
    if (left > 32) {
        if (!read_base64_block(bytes, from)) return text.size() - left;
        std::memcpy(to, &bytes, 24);
        left -= 32, from += 32, to += 24;
    }
    // The last one ends where the text ends, and begins within the one before.
    const auto again = 32 - left;
    if (!read_base64_block(bytes, from - again)) return text.size() - left;
    std::memcpy(to - again / 4 * 3, &bytes, 24);
    return text.size();
}

/// Tells whether the processor has the instructions that the blocks are made with.
inline bool has_base64_blocks() noexcept {
    __builtin_cpu_init();  // does nothing but before the constructors of a static binary
    return __builtin_cpu_supports("avx2") != 0;
}

#else

inline void write_base64_blocks(char*, std::span<const std::uint8_t>) noexcept {}
inline std::size_t read_base64_blocks(std::uint8_t*, std::string_view) noexcept { return 0; }
constexpr bool has_base64_blocks() noexcept { return false; }

#endif

/// Writes the Base64 of `data` from `to` on, 32 characters at a time where the processor can.
inline void write_base64_fast(char* to, std::span<const std::uint8_t> data) noexcept {
    if (data.size() < 33 || !has_base64_blocks()) return write_base64(to, data);
    write_base64_blocks(to, data);
    const auto done = data.size() / 3;
    write_base64(to + done * 4, data.subspan(done * 3));
}

/// Does what `read_base64` does, 32 characters at a time where the processor can and as long as all are good.
inline std::uint32_t read_base64_fast(std::uint8_t* to, std::string_view text) noexcept {
    const std::size_t done = text.size() < 32 || !has_base64_blocks() ? 0 : read_base64_blocks(to, text);
    return read_base64(to + done / 4 * 3, text.substr(done));
}

}  // namespace blueprint::faas::detail

#endif
