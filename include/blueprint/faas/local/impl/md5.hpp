#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_MD5_HPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_MD5_HPP

// The checksum that the platforms' storage tells of objects. Included by files of the local cloud alone.

#include "blueprint/faas/detail/encoding.hpp"

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

namespace blueprint::faas::local {

inline std::string md5_base64(std::span<const std::uint8_t> data) {
    std::array<std::uint8_t, 16> digest{};
    if (EVP_Q_digest(nullptr, "MD5", nullptr, data.data(), data.size(), digest.data(), nullptr) != 1)
        throw std::runtime_error{"OpenSSL offers no MD5, which storage tells of its objects"};
    return faas::detail::base64_encode(digest);
}

}  // namespace blueprint::faas::local

#endif
