#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_EVENT_FRAMES_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_EVENT_FRAMES_HPP

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::test {

/// One frame of an event stream.
struct Frame {
    std::string event{};
    std::string payload{};
};

inline std::uint32_t big_endian(std::string_view bytes) {
    std::uint32_t number = 0;
    for (const char c : bytes.substr(0, 4)) number = (number << 8) | static_cast<std::uint8_t>(c);
    return number;
}

/// Takes apart an event stream as its document has it, bit by bit for the checksums.
inline std::vector<Frame> frames_of(std::string_view bytes) {
    const auto crc = [](std::string_view data) {
        std::uint32_t value = 0xffffffffU;
        for (const char c : data) {
            value ^= static_cast<std::uint8_t>(c);
            for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1U) != 0 ? 0xedb88320U : 0U);
        }
        return ~value;
    };
    std::vector<Frame> frames;
    while (!bytes.empty()) {
        REQUIRE(bytes.size() >= 16);
        const std::size_t total = big_endian(bytes);
        const std::size_t headers = big_endian(bytes.substr(4));
        REQUIRE(total <= bytes.size());
        CHECK(big_endian(bytes.substr(8)) == crc(bytes.substr(0, 8)));
        CHECK(big_endian(bytes.substr(total - 4)) == crc(bytes.substr(0, total - 4)));
        const auto head = bytes.substr(12, headers);
        const auto name = head.find(":event-type");
        REQUIRE(name != std::string_view::npos);
        const auto length = static_cast<std::size_t>(static_cast<std::uint8_t>(head[name + 13]));
        frames.push_back({std::string{head.substr(name + 14, length)},
                          std::string{bytes.substr(12 + headers, total - headers - 16)}});
        bytes.remove_prefix(total);
    }
    return frames;
}

}  // namespace blueprint::faas::test

#endif
