#ifndef BLUEPRINT_FAAS_DETAIL_BEARER_TOKEN_HPP
#define BLUEPRINT_FAAS_DETAIL_BEARER_TOKEN_HPP

#include "blueprint/faas/detail/bearer_text.hpp"
#include "blueprint/faas/detail/declare.hpp"

#include <boost/json/value.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <system_error>

namespace blueprint::faas::detail {

/// Reads the seconds of a token's life: a number, or digits in quotes as some servers write it. Nothing: it is neither,
/// or no time in which a token could be used.
BLUEPRINT_FAAS_COLD inline std::optional<std::chrono::seconds> lifetime_of(const boost::json::value& value) {
    constexpr double longest = 10.0 * 365 * 86'400;
    double seconds = 0;
    if (const auto* text = value.if_string()) {
        const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), seconds);
        if (failed != std::errc{} || end != text->data() + text->size()) return std::nullopt;
    } else if (value.is_number()) {
        seconds = value.to_number<double>();
    } else {
        return std::nullopt;
    }
    if (!(seconds >= 1)) return std::nullopt;
    return std::chrono::seconds{static_cast<std::int64_t>(std::min(seconds, longest))};
}

}  // namespace blueprint::faas::detail

#endif
