#ifndef BLUEPRINT_FAAS_DETAIL_CRC32_HPP
#define BLUEPRINT_FAAS_DETAIL_CRC32_HPP

#include "blueprint/faas/detail/declare.hpp"

#include <cstdint>
#include <span>

namespace blueprint::faas::detail {

/// Computes the CRC-32 of zip and gzip; `so_far` is the value of what came before.
BLUEPRINT_FAAS_DECL std::uint32_t crc32(std::span<const std::uint8_t> data, std::uint32_t so_far = 0) noexcept;

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/detail/impl/crc32.ipp"
#endif

#endif
