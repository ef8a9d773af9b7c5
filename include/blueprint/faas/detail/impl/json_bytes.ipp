#ifndef BLUEPRINT_FAAS_DETAIL_IMPL_JSON_BYTES_IPP
#define BLUEPRINT_FAAS_DETAIL_IMPL_JSON_BYTES_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/json_bytes.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/parser.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
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
        if (at < 4) table[value][at] = ',';
    }
    return table;
}();

BLUEPRINT_FAAS_DECL void append_json_bytes(std::string& out, std::span<const std::uint8_t> bytes) {
    if (bytes.empty()) {
        out += "[]";
        return;
    }
    const auto start = out.size();
    out.resize(start + 1 + 4 * bytes.size());
    char* write = out.data() + start;
    *write++ = '[';
    for (const auto byte : bytes) {
        std::memcpy(write, json_byte_texts[byte].data(), 4);
        write += 2 + (byte >= 10) + (byte >= 100);
    }
    write[-1] = ']';  // in place of the last comma
    out.resize(static_cast<std::size_t>(write - out.data()));
}

/// Where reading stopped, and why: null if nothing is wrong.
struct JsonStop {
    const char* at = nullptr;
    const char* why = nullptr;
};

inline bool is_json_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

inline const char* skip_json_space(const char* at, const char* end) noexcept {
    while (at != end && is_json_space(*at)) ++at;
    return at;
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

inline JsonStop read_json_array_of_bytes(const char* at, const char* end, Bytes& out) {
    out.clear();
    if (at == end || *at != '[') return {at, "an array of numbers is expected"};
    at = skip_json_space(at + 1, end);
    if (at != end && *at == ']') return {at + 1, nullptr};
    if (const auto* close = static_cast<const char*>(std::memchr(at, ']', static_cast<std::size_t>(end - at))))
        out.reserve(static_cast<std::size_t>(close - at) / 4 + 1);  // "255," is the longest that one byte can be
    std::array<std::uint8_t, 4096> block;                           // NOLINT: filled before it is read
    auto filled = block.begin();
    const auto flush = [&] {
        out.insert(out.end(), block.begin(), filled);
        filled = block.begin();
    };
    for (;;) {
        if (block.end() == filled) flush();
        // "N,", "NN," and "NNN," without white space, far from the end: all but a few of the numbers of a large array.
        while (end - at >= 4 && filled != block.end()) {
            const auto a = static_cast<unsigned>(at[0] - '0');
            const auto b = static_cast<unsigned>(at[1] - '0');
            if (a > 9) break;
            if (at[1] == ',') {
                *filled++ = static_cast<std::uint8_t>(a);
                at += 2;
                continue;
            }
            if (b > 9 || a == 0) break;
            if (at[2] == ',') {
                *filled++ = static_cast<std::uint8_t>(a * 10 + b);
                at += 3;
                continue;
            }
            const auto c = static_cast<unsigned>(at[2] - '0');
            const auto value = a * 100 + b * 10 + c;
            if (c > 9 || value > 255 || at[3] != ',') break;
            *filled++ = static_cast<std::uint8_t>(value);
            at += 4;
        }
        if (filled == block.end()) continue;
        at = skip_json_space(at, end);
        const auto number = read_json_byte(at, end, *filled);
        if (number.why != nullptr) return number;
        ++filled;
        at = skip_json_space(number.at, end);
        if (at == end) return {at, "the text ends inside the array"};
        if (*at == ']') break;
        if (*at != ',') return {at, "a comma or the end of the array is expected"};
        ++at;
    }
    flush();
    return {at + 1, nullptr};
}

/// Returns the end of the string whose opening quote is at `at`.
inline JsonStop skip_json_string(const char* at, const char* end) noexcept {
    for (++at; at != end; ++at) {
        if (*at == '"') return {at + 1, nullptr};
        if (*at == '\\' && ++at == end) break;
    }
    return {end, "the text ends inside a string"};
}

/// Returns the end of the value at `at`. Only strings and brackets are looked at: the parser judges the rest.
inline JsonStop skip_json_value(const char* at, const char* end) noexcept {
    std::size_t depth = 0;
    while (at != end) {
        if (*at == '"') {
            const auto string = skip_json_string(at, end);
            if (string.why != nullptr) return string;
            at = string.at;
            continue;
        }
        if (*at == '{' || *at == '[') ++depth;
        if (depth == 0 && (*at == ',' || *at == '}' || *at == ']')) return {at, nullptr};
        if (*at == '}' || *at == ']') --depth;
        ++at;
    }
    return {at, "the text ends inside the object"};
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
