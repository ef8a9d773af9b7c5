#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_SOURCE_WORLD_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_SOURCE_WORLD_HPP

#include "blueprint/faas/auth/reach.hpp"
#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/error.hpp"
#include "support/aws_world.hpp"
#include "support/run.hpp"
#include "support/script.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tests {

/// Returns a field of a form, decoded; "(none)" if it is not there.
inline std::string form_field(std::string_view form, std::string_view name) {
    for (auto rest = form; !rest.empty();) {
        const auto pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
        const auto equals = pair.find('=');
        if (pair.substr(0, equals) != name) continue;
        return blueprint::faas::detail::percent_decode(pair.substr(equals + 1)).value_or("(broken)");
    }
    return "(none)";
}

inline bool says(const blueprint::faas::Error& error, std::string_view text) {
    INFO(error.message);
    return error.message.find(text) != std::string::npos;
}

/// The surroundings of sources of credentials, and what answers them.
struct SourceWorld {
    boost::asio::io_context io{};
    AwsWorld around{};
    std::shared_ptr<Script> script = std::make_shared<Script>();
    blueprint::faas::Reach reach = tests::reach(io, around, script);

    std::int64_t now() const { return std::chrono::system_clock::to_time_t(around.time); }
    std::size_t asked() const { return script->seen.size(); }
    std::string url(std::size_t request) const {
        const auto& seen = script->seen.at(request);
        const auto blank = seen.line.find(' ');
        return seen.line.substr(0, blank + 1) + seen.origin + seen.line.substr(blank + 1);
    }
    std::string header(std::size_t request, std::string_view name) const {
        return std::string{script->seen.at(request).headers.get(name).value_or("(none)")};
    }
    std::string form(std::size_t request, std::string_view name) const {
        return form_field(script->seen.at(request).body, name);
    }
    /// Asks a source, and returns what it found, or why it found nothing.
    template <class Source>
    auto find(const Source& source) {
        return run(io, source.find(reach, blueprint::faas::deadline_after(std::chrono::minutes{1})));
    }
};

}  // namespace tests

#endif
