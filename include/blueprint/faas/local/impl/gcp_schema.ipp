#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_SCHEMA_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_SCHEMA_IPP

#include "blueprint/faas/local/gcp_requests.hpp"
#include "blueprint/faas/local/gcp_schema.hpp"
#include "blueprint/faas/local/impl/gcp_schemas.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL GcpSchema gcp_run_schema() noexcept { return GcpSchema{gcp_run_messages}; }
BLUEPRINT_FAAS_DECL GcpSchema gcp_functions_schema() noexcept { return GcpSchema{gcp_functions_messages}; }

BLUEPRINT_FAAS_DECL std::optional<GcpSchema::Member> GcpSchema::find(std::string_view message,
                                                                     std::string_view name) const {
    const auto line = text_.find('\n' + std::string{message} + ':');
    if (line == std::string_view::npos) return std::nullopt;
    const auto begin = line + message.size() + 2;
    auto members = text_.substr(begin, text_.find('\n', begin) - begin);
    while (!members.empty()) {
        auto one = members.substr(1, members.find(',') - 1);
        members.remove_prefix(std::min(one.size() + 2, members.size()));
        const bool server_side = one.starts_with('-');
        if (server_side) one.remove_prefix(1);
        const auto blank = one.find(' ');
        if (one.substr(0, blank) == name) return Member{one.substr(blank + 1), server_side};
    }
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL result<boost::json::object> GcpSchema::read(std::string_view message,
                                                                const boost::json::value& json,
                                                                const std::string& path) const {
    if (!json.is_object())
        return gcp_invalid("Invalid JSON payload received. Expected an object" +
                           (path.empty() ? "" : " at '" + path + '\'') + '.');
    boost::json::object out;
    for (const auto& [key, value] : json.get_object()) {
        const std::string name{key};
        const auto member = find(message, name);
        if (!member)
            return gcp_invalid("Invalid JSON payload received. Unknown name \"" + name + '"' +
                               (path.empty() ? "" : " at '" + path + '\'') + ": Cannot find field.");
        if (member->server_side || value.is_null()) continue;
        auto read = read_value(member->type, value, path.empty() ? name : path + '.' + name);
        if (!read) return read.error();
        out[key] = std::move(*read);
    }
    return out;
}

inline Error gcp_invalid_value(std::string_view type, const boost::json::value& json, const std::string& path) {
    return gcp_invalid("Invalid value at '" + path + "' (" + std::string{type} + "), " + boost::json::serialize(json));
}

/// Reads a whole number, which may be written as a text.
inline std::optional<std::int64_t> gcp_whole_number(const boost::json::value& json) {
    if (json.is_int64()) return json.get_int64();
    if (json.is_double() && std::nearbyint(json.get_double()) == json.get_double() &&
        std::abs(json.get_double()) < 9e15)
        return static_cast<std::int64_t>(json.get_double());
    if (!json.is_string()) return std::nullopt;
    const std::string_view text = json.get_string();
    std::int64_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

BLUEPRINT_FAAS_DECL result<boost::json::value> GcpSchema::read_value(std::string_view type,
                                                                     const boost::json::value& json,
                                                                     const std::string& path) const {
    const auto inner = type.size() > 2 ? type.substr(1, type.size() - 2) : std::string_view{};
    switch (type.front()) {
        case '*': return json;
        case 's':
            if (!json.is_string()) return gcp_invalid_value("TYPE_STRING", json, path);
            return json;
        case 'b':
            if (!json.is_bool()) return gcp_invalid_value("TYPE_BOOL", json, path);
            return json;
        case 'n':
            if (!json.is_number()) return gcp_invalid_value("TYPE_DOUBLE", json, path);
            return json;
        case 'i': {
            const auto number = gcp_whole_number(json);
            using Limits = std::numeric_limits<std::int32_t>;
            if (!number || *number < Limits::min() || *number > Limits::max())
                return gcp_invalid_value("TYPE_INT32", json, path);
            return boost::json::value(*number);
        }
        case 'l': {
            const auto number = gcp_whole_number(json);
            if (!number) return gcp_invalid_value("TYPE_INT64", json, path);
            return boost::json::value(std::to_string(*number));
        }
        case 'd':
            if (!json.is_string() || !gcp_duration(json.get_string()))
                return gcp_invalid_value("type.googleapis.com/google.protobuf.Duration", json, path);
            return json;
        case 't':
            if (!json.is_string())
                return gcp_invalid_value("type.googleapis.com/google.protobuf.Timestamp", json, path);
            return json;
        case '(': {
            const auto words = '|' + std::string{inner} + '|';
            const auto* const word = json.if_string();
            if (word == nullptr || words.find('|' + std::string{*word} + '|') == std::string::npos)
                return gcp_invalid_value("TYPE_ENUM", json, path);
            return json;
        }
        case '{': {
            if (!json.is_object()) return gcp_invalid_value("TYPE_MAP", json, path);
            for (const auto& [key, value] : json.get_object())
                if (!value.is_string())
                    return gcp_invalid_value("TYPE_STRING", value, path + "[" + std::string{key} + "].value");
            return json;
        }
        case '[': {
            if (!json.is_array()) return gcp_invalid_value("TYPE_LIST", json, path);
            boost::json::array list;
            for (const auto& item : json.get_array()) {
                auto read = read_value(inner, item, path + '[' + std::to_string(list.size()) + ']');
                if (!read) return read.error();
                list.push_back(std::move(*read));
            }
            return boost::json::value(std::move(list));
        }
        default: {
            auto read_message = read(type, json, path);
            if (!read_message) return read_message.error();
            return boost::json::value(std::move(*read_message));
        }
    }
}

BLUEPRINT_FAAS_DECL GcpSchema::Names GcpSchema::names(std::string_view message, std::string_view mask_path) const {
    for (;;) {
        const auto dot = mask_path.find('.');
        const auto member = find(message, mask_path.substr(0, dot));
        if (!member) return Names::nothing;
        if (member->server_side) return Names::server_side;
        if (dot == std::string_view::npos) return Names::member;
        const char kind = member->type.front();
        if (kind == '{' || kind == '[') return Names::inside;
        if (kind < 'A' || kind > 'Z') return Names::nothing;
        message = member->type;
        mask_path.remove_prefix(dot + 1);
    }
}

}  // namespace blueprint::faas::local

#endif
