#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_VERSIONED_IMAGE_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_VERSIONED_IMAGE_HPP

#include "blueprint/faas/job.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace blueprint::faas::test {

/// An executable whose dynamic section asks for `versions` of two libraries. All of the file is loaded at `base`.
struct VersionedImage {
    std::vector<std::string> versions{"GLIBC_2.2.5", "GLIBC_2.34"};
    bool wide = true;
    bool big_endian = false;
    std::uint64_t base = 0x10000;
    std::size_t crossing = 0;  ///< instead of the lists: so many entries, each of which has all that follow as its own
};

/// Writes the file.
inline Bytes build(const VersionedImage& image) {
    const std::size_t head = image.wide ? 64 : 52, entry = image.wide ? 56 : 32, word = image.wide ? 8 : 4;
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
    const std::size_t dynamic = head + 2 * entry, needs = dynamic + 8 * word;
    const std::size_t texts = needs + 16 * (image.crossing != 0 ? image.crossing : 2 + image.versions.size() + 1);
    std::string names = std::string(1, '\0') + "libstdc++.so.6" + '\0' + "GLIBCXX_3.4.99" + '\0';
    std::vector<std::size_t> places;
    for (const auto& version : image.versions) {
        places.push_back(names.size());
        names += version + '\0';
    }
    put(2, 2);
    put(62, 2);
    put(1, 4);
    put(image.base, word);
    put(head, word);
    put(0, word);
    put(0, 4);
    for (const std::size_t value : {head, entry, std::size_t{2}, std::size_t{0}, std::size_t{0}, std::size_t{0}})
        put(value, 2);
    const auto segment = [&](std::uint32_t type, std::size_t at, std::size_t bytes) {
        put(type, 4);
        if (image.wide) put(5, 4);
        put(at, word);
        for (int i = 0; i < 2; ++i) put(image.base + at, word);
        for (int i = 0; i < 2; ++i) put(bytes, word);
        if (!image.wide) put(5, 4);
        put(1, word);
    };
    segment(1, 0, texts + names.size());
    segment(2, dynamic, 8 * word);
    for (const auto& [tag, value] : {std::pair<std::uint64_t, std::uint64_t>{5, image.base + texts},
                                     {0x6ffffffe, image.base + needs},
                                     {0x6fffffff, image.crossing != 0 ? image.crossing : 2},
                                     {0, 0}}) {
        put(tag, word);
        put(value, word);
    }
    const auto library = [&](std::size_t versions, std::size_t next) {
        put(1, 2);
        put(versions, 2);
        put(1, 4);
        put(16, 4);
        put(next, 4);
    };
    const auto version = [&](std::size_t name, bool last) {
        put(0, 4);
        put(0, 4);
        put(name, 4);
        put(last ? 0 : 16, 4);
    };
    for (std::size_t i = 0; i < image.crossing; ++i) {
        put(1, 2);
        put(0xffff, 2);
        for (const std::size_t value : {1U, 16U, 16U}) put(value, 4);
    }
    if (image.crossing == 0) {
        library(1, 32);
        version(16, true);
        library(image.versions.size(), 0);
        for (std::size_t i = 0; i < places.size(); ++i) version(places[i], i + 1 == places.size());
    }
    out.insert(out.end(), names.begin(), names.end());
    return out;
}

}  // namespace blueprint::faas::test

#endif
