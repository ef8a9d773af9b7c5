#ifndef BLUEPRINT_FAAS_CODEC_IMPL_ANSWER_READING_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_ANSWER_READING_HPP

// How platforms' JSON answers are taken apart, and how their words become fit to be shown. Included by the codecs' own
// files in impl/ alone.

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/shown_text.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/job.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail::answer_reading {

namespace json = boost::json;

inline std::string_view text_member(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    const auto* text = value != nullptr ? value->if_string() : nullptr;
    return text != nullptr ? std::string_view{*text} : std::string_view{};
}

// Durations and counts are told for information: one of another type is left out, it does not spoil the result.
template <class T>
std::optional<T> number_member(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    if (value == nullptr) return std::nullopt;
    std::uint64_t number = 0;
    if (const auto* i = value->if_int64(); i != nullptr && *i >= 0) {
        number = static_cast<std::uint64_t>(*i);
    } else if (const auto* u = value->if_uint64()) {
        number = *u;
    } else {
        return std::nullopt;
    }
    if (number > static_cast<std::uint64_t>(std::numeric_limits<T>::max())) return std::nullopt;
    return static_cast<T>(number);
}

BLUEPRINT_FAAS_COLD inline const json::object* object_member(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr ? value->if_object() : nullptr;
}

// An empty one if there is none.
BLUEPRINT_FAAS_COLD inline const json::array& array_member(const json::object& object, std::string_view name) {
    static const json::array none;
    const auto* value = object.if_contains(name);
    const auto* array = value != nullptr ? value->if_array() : nullptr;
    return array != nullptr ? *array : none;
}

BLUEPRINT_FAAS_COLD inline bool true_member(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_bool() && value->get_bool();
}

inline std::optional<json::object> parse_object(std::string_view text) {
    boost::system::error_code failed;
    json::value value = json::parse(text, failed);
    if (failed || !value.is_object()) return std::nullopt;
    return std::move(value.as_object());
}

BLUEPRINT_FAAS_COLD inline Error refused(std::string message) {
    return Error{
        .code = errc::invalid_configuration, .message = std::move(message), .execution = Execution::not_started};
}

// What a platform or a job says is shown to people: one line, bounded, no control characters.
BLUEPRINT_FAAS_COLD inline std::string for_people(std::string_view text) {
    return without_controls(shortened(text, 512));
}

// An id from a header field, which is kept as it is unless it has what must not be shown.
inline std::string shown_id(std::string_view id) {
    const bool plain =
        id.size() <= 512 && std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c <= '~'; });
    return plain ? std::string{id} : for_people(id);
}

// A page for browsers, as proxies and TLS fronts answer: its text without the tags.
BLUEPRINT_FAAS_COLD inline std::string page_text(std::string_view page) {
    std::string text;
    bool in_tag = false;
    for (const char c : page.substr(0, 8192)) {
        if (c == '<' || c == '>') in_tag = c == '<';
        const bool blank = c == '<' || c == '>' || static_cast<unsigned char>(c) <= 0x20;
        if (!in_tag && !blank) text += c;
        if (blank && !text.empty() && text.back() != ' ') text += ' ';
    }
    while (!text.empty() && text.back() == ' ') text.pop_back();
    return for_people(text);
}

BLUEPRINT_FAAS_COLD inline std::string plain_body_text(std::string_view body) {
    const auto begin = body.find_first_not_of(" \t\r\n");
    return begin != std::string_view::npos && body[begin] == '<' ? page_text(body.substr(begin)) : for_people(body);
}

inline std::string job_text(JobId id) { return "job " + std::to_string(id.value()); }

}  // namespace blueprint::faas::detail::answer_reading

#endif
