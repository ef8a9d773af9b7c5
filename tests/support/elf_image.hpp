#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_ELF_IMAGE_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_ELF_IMAGE_HPP

#include "blueprint/faas/job.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace blueprint::faas::test {

/// What an ELF file's header says. The defaults are an executable for x86_64.
struct ElfImage {
    std::uint16_t machine = 62;
    std::uint16_t type = 2;  ///< 1 object file, 2 executable, 3 position-independent or library, 4 core dump
    bool wide = true;
    bool big_endian = false;
    std::uint64_t entry_point = 0x400000;
    std::string interpreter{};  ///< empty: none
    std::string code = "code that nobody runs";
};

/// Writes the smallest file that such a header can stand in: header, one or two program headers, contents.
inline Bytes build(const ElfImage& image) {
    const std::size_t head = image.wide ? 64 : 52, entry = image.wide ? 56 : 32, word = image.wide ? 8 : 4;
    const std::size_t segments = image.interpreter.empty() ? 1 : 2;
    const std::string text = image.code + (segments == 2 ? image.interpreter + '\0' : "");
    Bytes out{0x7f,
              'E',
              'L',
              'F',
              static_cast<std::uint8_t>(image.wide ? 2 : 1),
              static_cast<std::uint8_t>(image.big_endian ? 2 : 1),
              1};
    out.resize(16);
    const auto put = [&](std::uint64_t value, std::size_t bytes) {
        for (std::size_t i = 0; i < bytes; ++i)
            out.push_back(static_cast<std::uint8_t>(value >> (8 * (image.big_endian ? bytes - 1 - i : i))));
    };
    put(image.type, 2);
    put(image.machine, 2);
    put(1, 4);
    put(image.entry_point, word);
    put(head, word);  // the program headers follow at once
    put(0, word);     // no sections
    put(0, 4);
    put(head, 2);
    put(entry, 2);
    put(segments, 2);
    for (int i = 0; i < 3; ++i) put(0, 2);
    const std::size_t contents = head + segments * entry;
    const auto segment = [&](std::uint32_t type, std::size_t at, std::size_t bytes) {
        put(type, 4);
        if (image.wide) put(5, 4);
        put(at, word);
        put(image.entry_point, word);
        put(image.entry_point, word);
        put(bytes, word);
        put(bytes, word);
        if (!image.wide) put(5, 4);
        put(1, word);
    };
    segment(1, contents, text.size());
    if (segments == 2) segment(3, contents + image.code.size(), image.interpreter.size() + 1);
    out.insert(out.end(), text.begin(), text.end());
    return out;
}

}  // namespace blueprint::faas::test

#endif
