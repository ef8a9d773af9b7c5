#ifndef BLUEPRINT_FAAS_DETAIL_IMPL_RANDOM_IPP
#define BLUEPRINT_FAAS_DETAIL_IMPL_RANDOM_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/random.hpp"

#include <openssl/rand.h>

#include <array>
#include <cstddef>
#include <stdexcept>

namespace blueprint::faas::detail {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL void draw_random(std::span<std::uint8_t> out) {
    if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1)
        throw std::runtime_error{"OpenSSL has no random numbers: look at its configuration"};
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string random_uuid() {
    std::array<std::uint8_t, 16> random{};
    draw_random(random);
    random[6] = static_cast<std::uint8_t>((random[6] & 0x0FU) | 0x40U);
    random[8] = static_cast<std::uint8_t>((random[8] & 0x3FU) | 0x80U);
    auto text = hex_encode(random);
    for (const std::size_t at : {8U, 13U, 18U, 23U}) text.insert(at, 1, '-');
    return text;
}

}  // namespace blueprint::faas::detail

#endif
