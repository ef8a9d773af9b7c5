#ifndef BLUEPRINT_FAAS_DETAIL_WIPED_HPP
#define BLUEPRINT_FAAS_DETAIL_WIPED_HPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/shown_text.hpp"
#include "blueprint/faas/job.hpp"
#include "blueprint/faas/secret.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace blueprint::faas::detail {

/// Copies `text` to bytes that are wiped when the last request which sends them goes.
inline std::shared_ptr<const Bytes> wiped_bytes(const Secret& text) {
    const auto wiped = [](const Bytes* bytes) {
        wipe(const_cast<std::uint8_t*>(bytes->data()), bytes->size());
        delete bytes;
    };
    const auto bytes = bytes_of(text.reveal());
    return std::shared_ptr<const Bytes>{new Bytes(bytes.begin(), bytes.end()), wiped};
}

/// Makes what a server says fit to show to people: one line, bounded, no control characters.
inline std::string one_line(std::string_view text) {
    std::string line{shortened(text, 256)};
    std::replace_if(line.begin(), line.end(), [](char c) { return c < ' ' || c > '~'; }, ' ');
    return line;
}

/// Returns `text` without blanks and line breaks around it.
constexpr std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view blanks = " \t\r\n";
    const auto begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

}  // namespace blueprint::faas::detail

#endif
