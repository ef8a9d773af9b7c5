#ifndef BLUEPRINT_FAAS_DETAIL_BEARER_TEXT_HPP
#define BLUEPRINT_FAAS_DETAIL_BEARER_TEXT_HPP

#include "blueprint/faas/detail/declare.hpp"

#include <algorithm>
#include <string_view>

namespace blueprint::faas::detail {

/// Tells whether `token` may stand behind "Bearer ". Source: RFC 6750, section 2.1, b64token.
BLUEPRINT_FAAS_COLD inline bool is_bearer_token(std::string_view token) noexcept {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view{"-._~+/="}.find(c) != std::string_view::npos;
    };
    return !token.empty() && std::all_of(token.begin(), token.end(), allowed);
}

}  // namespace blueprint::faas::detail

#endif
