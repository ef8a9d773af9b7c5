#ifndef BLUEPRINT_FAAS_DETAIL_IMPL_CRC32_IPP
#define BLUEPRINT_FAAS_DETAIL_IMPL_CRC32_IPP

#include "blueprint/faas/detail/crc32.hpp"

#include <array>
#include <cstddef>

namespace blueprint::faas::detail {

// Eight tables, so that eight bytes are folded at a time: about 5 times as fast as one table.
using Crc32Tables = std::array<std::array<std::uint32_t, 256>, 8>;
inline constexpr Crc32Tables crc32_tables = [] {
    Crc32Tables tables{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t value = i;
        for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1U) != 0 ? 0xedb88320U : 0U);
        tables[0][i] = value;
    }
    for (std::size_t t = 1; t < 8; ++t)
        for (std::size_t i = 0; i < 256; ++i)
            tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 0xffU];
    return tables;
}();

BLUEPRINT_FAAS_DECL std::uint32_t crc32(std::span<const std::uint8_t> data, std::uint32_t so_far) noexcept {
    const auto& t = crc32_tables;
    std::uint32_t crc = ~so_far;
    while (data.size() >= 8) {
        const std::uint32_t low = crc ^ (std::uint32_t{data[0]} | std::uint32_t{data[1]} << 8 |
                                         std::uint32_t{data[2]} << 16 | std::uint32_t{data[3]} << 24);
        crc = t[7][low & 0xffU] ^ t[6][low >> 8 & 0xffU] ^ t[5][low >> 16 & 0xffU] ^ t[4][low >> 24] ^ t[3][data[4]] ^
              t[2][data[5]] ^ t[1][data[6]] ^ t[0][data[7]];
        data = data.subspan(8);
    }
    for (const auto byte : data) crc = (crc >> 8) ^ t[0][(crc ^ byte) & 0xffU];
    return ~crc;
}

}  // namespace blueprint::faas::detail

#endif
