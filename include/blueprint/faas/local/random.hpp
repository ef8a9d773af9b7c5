#ifndef BLUEPRINT_FAAS_LOCAL_RANDOM_HPP
#define BLUEPRINT_FAAS_LOCAL_RANDOM_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/random.hpp"

#include <cstddef>
#include <string>

namespace blueprint::faas::local {

using faas::detail::draw_random;
using faas::detail::random_uuid;

/// Draws so many random characters of Base64 without '+', '/' and '='. Throws `std::runtime_error` if OpenSSL has none.
BLUEPRINT_FAAS_DECL std::string random_text(std::size_t length);

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/random.ipp"
#endif

#endif
