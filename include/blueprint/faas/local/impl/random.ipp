#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_RANDOM_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_RANDOM_IPP

#include "blueprint/faas/local/random.hpp"
#include "blueprint/faas/secret.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL std::string random_text(std::size_t length) {
    static constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    std::string out;
    out.reserve(length);
    std::array<std::uint8_t, 64> random{};
    while (out.size() < length) {
        draw_random(random);
        for (const auto byte : random)  // 248 = 4 * 62, so that no character is more frequent
            if (byte < 248 && out.size() < length) out += alphabet[byte % alphabet.size()];
    }
    faas::detail::wipe(random.data(), random.size());
    return out;
}

}  // namespace blueprint::faas::local

#endif
