#ifndef BLUEPRINT_FAAS_DETAIL_FIELD_NAMES_HPP
#define BLUEPRINT_FAAS_DETAIL_FIELD_NAMES_HPP

#include "blueprint/faas/http.hpp"

#include <cstddef>
#include <string_view>

namespace blueprint::faas::detail {

/// Compares a field's name, which is a token, with one in lower case. Of all the characters of tokens setting the bit
/// that makes a letter small turns none but letters into letters.
template <std::size_t Size>
constexpr bool is_field(std::string_view name, const char (&lower)[Size]) noexcept {
    constexpr auto length = Size - 1;
    if (name.size() != length) return false;
    int differs = 0;
    for (std::size_t i = 0; i < length; ++i) differs |= (name[i] | 0x20) ^ lower[i];
    return differs == 0;
}

/// Calls `visit(name, value)` in order for each field whose name begins with one of `initials`, which are lower-case
/// letters: for those who look for several in one pass.
template <class Visit>
void each_field(const Headers& headers, std::string_view initials, Visit visit) {
    for (std::string_view rest = headers.text(); !rest.empty();) {
        const auto end = rest.find('\r');
        bool wanted = false;
        for (const char initial : initials) wanted = wanted || initial == ascii_lower(rest.front());
        if (wanted) {
            const auto name = rest.substr(0, rest.find(':'));
            visit(name, rest.substr(name.size() + 2, end - name.size() - 2));
        }
        rest.remove_prefix(end + 2);
    }
}

}  // namespace blueprint::faas::detail

#endif
