#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_REQUEST_TARGET_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_REQUEST_TARGET_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/request_target.hpp"

#include <algorithm>

namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL std::string RequestTarget::name(std::size_t count) const {
    std::string name;
    for (std::size_t i = 0; i < count && i < segments.size(); ++i) name += (i == 0 ? "" : "/") + segments[i];
    return name;
}

BLUEPRINT_FAAS_DECL RequestTarget read_request_target(std::string_view target, std::string_view root) {
    const auto decoded = [](std::string_view text) {
        return faas::detail::percent_decode(text).value_or(std::string{text});
    };
    RequestTarget out;
    const auto question = std::min(target.find('?'), target.size());
    auto path = target.substr(0, question);
    auto query = target.substr(std::min(question + 1, target.size()));
    path.remove_prefix(std::min(root.size(), path.size()));
    for (;;) {
        const auto end = std::min(path.find('/'), path.size());
        out.segments.push_back(decoded(path.substr(0, end)));
        if (end == path.size()) break;
        path.remove_prefix(end + 1);
    }
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        auto one = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        const auto equals = std::min(one.find('='), one.size());
        if (!one.empty())
            out.query.insert_or_assign(decoded(one.substr(0, equals)),
                                       decoded(one.substr(std::min(equals + 1, one.size()))));
    }
    return out;
}

}  // namespace blueprint::faas::local

#endif
