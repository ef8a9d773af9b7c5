#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_HAS_NODE_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_HAS_NODE_HPP

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <unistd.h>

namespace blueprint::faas::test {

/// Whether Node.js is on the PATH, where the local cloud looks for it.
inline bool has_node() {
    const char* const path = std::getenv("PATH");
    std::string_view rest = path != nullptr ? path : "";
    while (!rest.empty()) {
        const auto end = std::min(rest.find(':'), rest.size());
        if (::access((std::string{rest.substr(0, end)} + "/node").c_str(), X_OK) == 0) return true;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return false;
}

}  // namespace blueprint::faas::test

#endif
