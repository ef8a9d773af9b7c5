#ifndef BLUEPRINT_FAAS_DETAIL_RANDOM_HPP
#define BLUEPRINT_FAAS_DETAIL_RANDOM_HPP

#include "blueprint/faas/detail/declare.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace blueprint::faas::detail {

/// Fills `out` with random bytes that are good for keys. Throws `std::runtime_error` if OpenSSL has none.
BLUEPRINT_FAAS_DECL void draw_random(std::span<std::uint8_t> out);

/// Draws a UUID, as in "8b1f0b3c-6a5d-4f0e-9d58-0c2f3e9a7b61". Throws like `draw_random`.
/// Source: RFC 9562, section 5.4, version 4.
BLUEPRINT_FAAS_DECL std::string random_uuid();

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/detail/impl/random.ipp"
#endif

#endif
