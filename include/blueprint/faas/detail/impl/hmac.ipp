#ifndef BLUEPRINT_FAAS_DETAIL_IMPL_HMAC_IPP
#define BLUEPRINT_FAAS_DETAIL_IMPL_HMAC_IPP

#include "blueprint/faas/detail/hmac.hpp"
#include "blueprint/faas/secret.hpp"

#include <algorithm>
#include <array>

namespace blueprint::faas::detail {

BLUEPRINT_FAAS_DECL HmacSha256Key::HmacSha256Key(std::span<const std::uint8_t> key) {
    std::array<std::uint8_t, 64> block{};
    if (key.size() > block.size()) {
        const auto digest = sha256(key);
        std::copy(digest.begin(), digest.end(), block.begin());
    } else {
        std::copy(key.begin(), key.end(), block.begin());
    }
    for (auto& byte : block) byte ^= 0x36U;
    inner_.update(block);
    for (auto& byte : block) byte ^= 0x36U ^ 0x5cU;
    outer_.update(block);
    wipe(block.data(), block.size());
}

BLUEPRINT_FAAS_DECL Sha256Digest HmacSha256Key::code(std::span<const std::uint8_t> data, Sha256& work) const {
    work = inner_;
    work.update(data);
    return finish(work);
}

BLUEPRINT_FAAS_DECL Sha256Digest HmacSha256Key::finish(Sha256& work) const {
    const Sha256Digest digest = work.conclude();
    work = outer_;
    work.update(digest);
    return work.conclude();
}

}  // namespace blueprint::faas::detail

#endif
