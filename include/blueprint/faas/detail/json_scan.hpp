#ifndef BLUEPRINT_FAAS_DETAIL_JSON_SCAN_HPP
#define BLUEPRINT_FAAS_DETAIL_JSON_SCAN_HPP

// Finds where the parts of a JSON text end, for readers that make no tree of it.

#include <cstddef>
#include <cstring>

namespace blueprint::faas::detail {

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

/// Returns the end of the string whose opening quote is at `at`.
inline JsonStop skip_json_string(const char* at, const char* end) noexcept {
    const auto find = [](const char* from, char c, const char* to) {
        return static_cast<const char*>(std::memchr(from, c, static_cast<std::size_t>(to - from)));
    };
    const char* quote = at++;
    for (;;) {
        // Not searched for anew while it is ahead: a text full of backslashes would be gone through for each of them.
        if (quote < at) quote = find(at, '"', end);
        if (quote == nullptr) return {end, "the text ends inside a string"};
        const auto* const escape = find(at, '\\', quote);
        if (escape == nullptr) return {quote + 1, nullptr};
        at = escape + 2;
    }
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

}  // namespace blueprint::faas::detail

#endif
