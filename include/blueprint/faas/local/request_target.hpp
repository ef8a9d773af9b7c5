#ifndef BLUEPRINT_FAAS_LOCAL_REQUEST_TARGET_HPP
#define BLUEPRINT_FAAS_LOCAL_REQUEST_TARGET_HPP

#include "blueprint/faas/detail/declare.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::local {

/// A target taken apart: "/v2/projects/p/locations/l/services/s:getIamPolicy?x=1".
struct RequestTarget {
    std::vector<std::string> segments{};  ///< decoded, without the API's version
    std::string verb{};                   ///< of Google's APIs, after the last colon: "getIamPolicy"
    std::map<std::string, std::string, std::less<>> query{};

    std::string_view get(std::string_view name) const {
        const auto found = query.find(name);
        return found == query.end() ? std::string_view{} : std::string_view{found->second};
    }
    bool flag(std::string_view name) const { return get(name) == "true"; }
    /// Joins the first `count` segments by slashes: a resource's name.
    std::string name(std::size_t count) const;
};

/// Takes a target apart that begins with `root`, "/v2/". Segments are cut at '/' before they are decoded.
BLUEPRINT_FAAS_DECL RequestTarget read_request_target(std::string_view target, std::string_view root);

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/request_target.ipp"
#endif

#endif
