#ifndef BLUEPRINT_FAAS_DETAIL_IMPL_JSON_BYTES_IPP
#define BLUEPRINT_FAAS_DETAIL_IMPL_JSON_BYTES_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/json_bytes.hpp"
#include "blueprint/faas/detail/json_scan.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/parser.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstring>
#include <utility>

namespace blueprint::faas::detail {

// "0,.." ... "255,": four characters are copied for every byte, and the next one overwrites what was too much.
inline constexpr auto json_byte_texts = [] {
    std::array<std::array<char, 4>, 256> table{};
    for (unsigned value = 0; value < 256; ++value) {
        std::size_t at = 0;
        if (value >= 100) table[value][at++] = static_cast<char>('0' + value / 100);
        if (value >= 10) table[value][at++] = static_cast<char>('0' + value / 10 % 10);
        table[value][at++] = static_cast<char>('0' + value % 10);
        table[value][at] = ',';
    }
    return table;
}();

// How many characters of such a text count, the comma among them.
inline constexpr auto json_byte_lengths = [] {
    std::array<std::uint8_t, 256> table{};
    for (unsigned value = 0; value < 256; ++value)
        table[value] = static_cast<std::uint8_t>(2 + (value >= 10) + (value >= 100));
    return table;
}();

BLUEPRINT_FAAS_DECL void append_json_bytes(std::string& out, std::span<const std::uint8_t> bytes) {
    constexpr std::size_t part = 4096;
    if (bytes.empty()) {
        out += "[]";
        return;
    }
    out.reserve(out.size() + 1 + 4 * bytes.size() + 96);  // also for what closes a document
    out += '[';
    // A string can only grow by zeros. By parts they are still in the nearest cache when they are overwritten.
    while (!bytes.empty()) {
        const auto some = bytes.first(std::min(part, bytes.size()));
        const auto start = out.size();
        out.resize(start + 4 * some.size());
        char* write = out.data() + start;
        for (const auto byte : some) {
            std::memcpy(write, json_byte_texts[byte].data(), 4);
            write += json_byte_lengths[byte];
        }
        out.resize(static_cast<std::size_t>(write - out.data()));
        bytes = bytes.subspan(some.size());
    }
    out.back() = ']';  // in place of the last comma
}

/// Reads one number 0 ... 255 at `at`, at whose end stands anything but a digit.
inline JsonStop read_json_byte(const char* at, const char* end, std::uint8_t& out) noexcept {
    if (at == end) return {at, "the text ends inside the array"};
    if (*at < '0' || *at > '9') return {at, "a number from 0 to 255 is expected"};
    const char* const first = at;
    unsigned value = 0;
    for (; at != end && *at >= '0' && *at <= '9'; ++at) {
        if (at - first == 3) return {first, "the number is above 255"};
        value = value * 10 + static_cast<unsigned>(*at - '0');
    }
    if (*first == '0' && at - first > 1) return {first, "the number has a leading zero"};
    if (value > 255) return {first, "the number is above 255"};
    if (at != end && (*at == '.' || *at == 'e' || *at == 'E')) return {at, "the number is not an integer"};
    out = static_cast<std::uint8_t>(value);
    return {at, nullptr};
}

/// Loads characters, the first of them into the lowest byte.
template <std::unsigned_integral Word>
Word load_json_text(const char* at) noexcept {
    Word text = 0;
    if constexpr (std::endian::native == std::endian::little) {
        std::memcpy(&text, at, sizeof text);
    } else {
        for (std::size_t i = sizeof text; i-- > 0;)
            text = static_cast<Word>(text << 8U | static_cast<unsigned char>(at[i]));
    }
    return text;
}

// What the lower halves of three characters in a row say, all of them digits or commas (12): the number that begins
// with them plus 256, or 0 if no number from 0 to 255 is written so.
inline constexpr auto json_byte_values = [] {
    constexpr unsigned comma = ',' & 15U;
    std::array<std::uint16_t, 4096> table{};
    for (unsigned value = 0; value < 256; ++value) {
        const unsigned a = value / 100, b = value / 10 % 10, c = value % 10;
        const auto known = static_cast<std::uint16_t>(256 + value);
        if (value >= 100) table[a << 8U | b << 4U | c] = known;
        if (value >= 10 && value < 100) table[b << 8U | c << 4U | comma] = known;
        for (unsigned next = 0; value < 10 && next < 16; ++next) table[c << 8U | comma << 4U | next] = known;
    }
    return table;
}();

// As many characters are looked at together, and so many numbers they have at least without or with a space each.
inline constexpr std::size_t json_window = 32;
template <bool Spaced>
inline constexpr std::size_t json_window_numbers = json_window / (Spaced ? 5 : 4);

/// Reads the first numbers of a window that begins with a number, has nothing but digits and commas and, if `Spaced`,
/// one space after each comma. Returns how many characters were used; 0 if anything is not so: then `out`, which has
/// room for `json_window_numbers`, is unspecified. No branch hangs on how long a number is: nobody can guess that.
template <bool Spaced>
std::size_t read_json_window(const char* at, std::uint8_t* out) noexcept {
    constexpr std::uint64_t each = 0x0101010101010101U, high = each * 0x80U;
    std::uint64_t strange = 0;
    std::uint32_t commas = 0, spaces = 0;
#pragma GCC unroll 4
    for (unsigned i = 0; i < json_window; i += 8) {
        const auto text = load_json_text<std::uint64_t>(at + i);
        // The highest bit of a byte tells what it is. A carry comes from a byte above 127 alone, which is strange.
        const auto others = ((text ^ (each * '0')) + each * (0x80U - 10U)) & high;  // no digits
        const auto gaps = Spaced ? others & ~(text << 4U) : 0;                      // spaces, if nothing is strange
        const auto wanted = (each * ',') ^ ((gaps >> 7U) * (',' ^ ' '));
        strange |= (others - (others >> 7U)) & (text ^ wanted);  // a byte of 0x7f for each of the others
        strange |= text & high;
        constexpr std::uint64_t gather = 0x0002040810204081U;  // brings the eight highest bits together, in order
        commas |= static_cast<std::uint32_t>((others ^ gaps) * gather >> 56U) << i;
        if constexpr (Spaced) spaces |= static_cast<std::uint32_t>(gaps * gather >> 56U) << i;
    }
    const auto digits = ~(commas | spaces);
    const auto too_long = digits & digits >> 1U & digits >> 2U & digits >> 3U;
    if (strange != 0 || too_long != 0 || (Spaced && spaces != commas << 1U)) return 0;

    unsigned begin = 0, known = 256;
#pragma GCC unroll 8
    for (std::size_t i = 0; i < json_window_numbers<Spaced>; ++i) {
        // The lower halves of the first, second and third byte come together in the highest twelve bits.
        const auto text = load_json_text<std::uint32_t>(at + begin) & 0x0f0f0fU;
        const auto value = json_byte_values[text * 0x10010010U >> 20U];
        known &= value;
        out[i] = static_cast<std::uint8_t>(value);
        begin = static_cast<unsigned>(std::countr_zero(commas)) + (Spaced ? 2 : 1);
        commas &= commas - 1;
    }
    return known == 0 ? 0 : begin;
}

inline JsonStop read_json_array_of_bytes(const char* at, const char* end, Bytes& out) {
    constexpr int after_failure = 8;  // so many numbers are read one by one before a window is tried again
    out.clear();
    if (at == end || *at != '[') return {at, "an array of numbers is expected"};
    at = skip_json_space(at + 1, end);
    if (at != end && *at == ']') return {at + 1, nullptr};
    const char* const begin = at;
    std::array<std::uint8_t, 4096> block;  // NOLINT: filled before it is read
    auto* filled = block.data();
    const auto* const full = block.data() + block.size() - json_window_numbers<false>;
    bool spaced = false;
    int one_by_one = 1;  // the first number tells whether the others have a space before them
    for (;;) {
        if (filled > full) {
            const auto count = static_cast<std::size_t>(filled - block.data());
            const auto* close = out.empty() ? std::memchr(at, ']', static_cast<std::size_t>(end - at)) : nullptr;
            if (close != nullptr) {
                const auto rest = static_cast<std::uint64_t>(static_cast<const char*>(close) - at);
                const auto more = rest * count / static_cast<std::uint64_t>(at - begin);
                out.reserve(count + static_cast<std::size_t>(more + more / 64 + 64));
            }
            out.insert(out.end(), block.data(), filled);
            filled = block.data();
        }
        if (one_by_one == 0) {
            std::size_t used = 0;
            if (static_cast<std::size_t>(end - at) >= json_window)
                used = spaced ? read_json_window<true>(at, filled) : read_json_window<false>(at, filled);
            if (used != 0) {
                at += used;
                filled += spaced ? json_window_numbers<true> : json_window_numbers<false>;
                continue;
            }
            one_by_one = after_failure;
        }
        --one_by_one;
        at = skip_json_space(at, end);
        const auto number = read_json_byte(at, end, *filled);
        if (number.why != nullptr) return number;
        ++filled;
        at = skip_json_space(number.at, end);
        if (at == end) return {at, "the text ends inside the array"};
        if (*at == ']') break;
        if (*at != ',') return {at, "a comma or the end of the array is expected"};
        ++at;
        spaced = at != end && *at == ' ';
        if (spaced) ++at;
    }
    out.insert(out.end(), block.data(), filled);
    return {at + 1, nullptr};
}

/// Reads the quoted text [from, to), whose escapes are undone; nothing if it is not a JSON string.
inline std::optional<std::string> read_json_string(const char* from, const char* to) {
    if (std::find(from, to, '\\') == to) return std::string{from + 1, to - 1};
    boost::system::error_code failed;
    const auto value = boost::json::parse(boost::json::string_view{from, static_cast<std::size_t>(to - from)}, failed);
    if (failed || !value.is_string()) return std::nullopt;
    return std::string{value.get_string().begin(), value.get_string().end()};
}

/// The text of a byte member's value, which `cut_json_bytes` has read.
struct JsonCut {
    const char* from = nullptr;
    const char* to = nullptr;
};

/// Reads the byte member's value at `at`: an array of numbers, a Base64 string, or null.
inline JsonStop read_json_bytes_value(const char* at, const char* end, std::optional<Bytes>& bytes) {
    if (at != end && *at == '[') return read_json_array_of_bytes(at, end, bytes.emplace());
    if (at != end && *at == '"') {
        const auto string = skip_json_string(at, end);
        if (string.why != nullptr) return string;
        if (std::find(at, string.at, '\\') == string.at)
            bytes = base64_decode({at + 1, static_cast<std::size_t>(string.at - at) - 2});
        else if (const auto text = read_json_string(at, string.at))  // some writers escape every slash
            bytes = base64_decode(*text);
        return {bytes ? string.at : at, bytes ? nullptr : "the string is not Base64"};
    }
    if (end - at >= 4 && std::string_view{at, 4} == "null") return {at + 4, nullptr};
    return {at, "an array of numbers or a Base64 string is expected"};
}

/// Goes through the top-level members up to the object's end. What is malformed elsewhere is left to the parser.
inline JsonStop cut_json_bytes(const char* at, const char* end, std::string_view member, std::optional<Bytes>& bytes,
                               JsonCut& cut) {
    at = skip_json_space(at, end);
    if (at == end || *at != '{') return {at, "a JSON object is expected"};
    at = skip_json_space(at + 1, end);
    if (at != end && *at == '}') return {at + 1, nullptr};
    for (;;) {
        if (at == end) return {at, "the text ends inside the object"};
        if (*at != '"') return {at, "a member's name is expected"};
        const char* const name_at = at;
        const auto name_end = skip_json_string(at, end);
        if (name_end.why != nullptr) return name_end;
        const auto name = read_json_string(at, name_end.at);
        if (!name) return {at, "the member's name is not a JSON string"};
        at = skip_json_space(name_end.at, end);
        if (at == end) return {at, "the text ends inside the object"};
        if (*at != ':') return {at, "a colon is expected"};
        at = skip_json_space(at + 1, end);
        if (*name == member) {
            if (cut.from != nullptr) return {name_at, "the member with the bytes stands there a second time"};
            const auto value = read_json_bytes_value(at, end, bytes);
            if (value.why != nullptr) return value;
            cut = {at, value.at};
            at = value.at;
        } else {
            const auto value = skip_json_value(at, end);
            if (value.why != nullptr) return value;
            at = value.at;
        }
        at = skip_json_space(at, end);
        if (at == end) return {at, "the text ends inside the object"};
        if (*at == '}') return {at + 1, nullptr};
        if (*at != ',') return {at, "a comma or the end of the object is expected"};
        at = skip_json_space(at + 1, end);
    }
}

inline Error json_error(std::size_t offset, std::string_view why) {
    return Error{
        .code = errc::serialization,
        .message = "the JSON is not as it should be: at offset " + std::to_string(offset) + ": " + std::string{why}};
}

BLUEPRINT_FAAS_DECL result<std::size_t> read_json_bytes(std::string_view text, Bytes& out) {
    const auto stop = read_json_array_of_bytes(text.data(), text.data() + text.size(), out);
    const auto offset = static_cast<std::size_t>(stop.at - text.data());
    if (stop.why != nullptr) return json_error(offset, stop.why);
    return offset;
}

BLUEPRINT_FAAS_DECL result<boost::json::object> parse_object_with_bytes(std::string_view text,
                                                                        std::string_view bytes_member,
                                                                        std::optional<Bytes>& bytes) {
    bytes.reset();
    const char* const begin = text.data();
    const char* const end = begin + text.size();
    const auto offset_of = [&](const char* at) { return static_cast<std::size_t>(at - begin); };
    JsonCut cut;
    const auto stop = cut_json_bytes(begin, end, bytes_member, bytes, cut);
    if (stop.why != nullptr) return json_error(offset_of(stop.at), stop.why);
    if (const char* rest = skip_json_space(stop.at, end); rest != end)
        return json_error(offset_of(rest), "something follows the object");

    // Strings end where the parser sees them end too, so with "null" in place of the bytes it judges the same text.
    std::string without_bytes;
    std::string_view small = text;
    if (bytes) {
        without_bytes.append(begin, cut.from).append("null").append(cut.to, end);
        small = without_bytes;
    }
    boost::json::parse_options options;
    options.max_depth = 32;
    boost::json::parser parser{{}, options};
    boost::system::error_code failed;
    auto used = parser.write_some(small.data(), small.size(), failed);
    if (failed) {
        if (bytes && used > offset_of(cut.from)) used += static_cast<std::size_t>(cut.to - cut.from) - 4;
        return json_error(used, failed.message());
    }
    auto object = std::move(parser.release().as_object());
    if (bytes) object.stable_erase(bytes_member);
    return object;
}

}  // namespace blueprint::faas::detail

#endif
