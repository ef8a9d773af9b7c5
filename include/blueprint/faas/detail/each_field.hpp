#ifndef BLUEPRINT_FAAS_DETAIL_EACH_FIELD_HPP
#define BLUEPRINT_FAAS_DETAIL_EACH_FIELD_HPP

#include "blueprint/faas/http.hpp"

#include <string_view>

namespace blueprint::faas::detail {

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
