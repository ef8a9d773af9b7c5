#ifndef BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_ACTIVATION_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_ACTIVATION_IPP

#include "blueprint/faas/codec/impl/json_walk.hpp"
#include "blueprint/faas/codec/openwhisk_activation.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <limits>

namespace blueprint::faas::detail {

namespace openwhisk_activation {

using json_walk::plain_number;
using json_walk::plain_text;
using json_walk::Walk;

inline std::optional<std::chrono::milliseconds> milliseconds(std::string_view value) noexcept {
    static constexpr double most = 9e15;  // which a double can count to
    const auto number = plain_number(value);
    if (!number || *number > most) return std::nullopt;
    return std::chrono::milliseconds{static_cast<std::int64_t>(*number)};
}

// Older systems write "action_developer_error", or the number alone.
inline OpenWhiskStatus status_of(std::string_view word) noexcept {
    if (word == "success" || word == "0") return OpenWhiskStatus::success;
    if (word == "application error" || word == "application_error" || word == "1")
        return OpenWhiskStatus::application_error;
    if (word == "action developer error" || word == "action_developer_error" || word == "2")
        return OpenWhiskStatus::developer_error;
    if (word == "whisk internal error" || word == "whisk_internal_error" || word == "3")
        return OpenWhiskStatus::internal_error;
    return OpenWhiskStatus::other;
}

inline bool read_response(std::string_view text, OpenWhiskActivation& told) {
    Walk members{text};
    if (!members.is_object()) return false;
    while (const auto member = members.next()) {
        if (member->name == "result" && told.result.empty() && member->value != "null") told.result = member->value;
        if (member->name == "status") told.status = status_of(plain_text(member->value).value_or("?"));
        if (member->name == "statusCode" && !told.status) told.status = status_of(member->value);
    }
    return members.whole();
}

inline void read_limits(std::string_view text, OpenWhiskActivation& told) {
    Walk members{text};
    if (!members.is_object()) return;
    while (const auto member = members.next()) {
        const auto number = member->name == "memory" ? plain_number(member->value) : std::nullopt;
        if (number && *number <= std::numeric_limits<std::uint32_t>::max())
            told.memory_limit_mib = static_cast<std::uint32_t>(*number);
    }
}

// They are told for information: one of another type is left out, it does not spoil the record.
inline void read_annotations(OpenWhiskActivation& told) {
    Walk all{told.annotations};
    while (const auto one = all.next()) {
        std::string_view key, value;
        Walk members{one->value};
        if (!members.is_object()) continue;
        while (const auto member = members.next()) {
            if (member->name == "key") key = plain_text(member->value).value_or("");
            if (member->name == "value") value = member->value;
        }
        if (key == "initTime") told.init_time = milliseconds(value);
        if (key == "waitTime") told.wait_time = milliseconds(value);
        if (key == "limits") read_limits(value, told);
        if (key == "gbs") told.gib_seconds = plain_number(value);
        if (key == "timeout") told.timed_out = value == "true";
    }
}

}  // namespace openwhisk_activation

BLUEPRINT_FAAS_DECL std::optional<OpenWhiskActivation> read_openwhisk_activation(std::string_view text,
                                                                                 bool annotations) {
    using namespace openwhisk_activation;
    std::optional<OpenWhiskActivation> told{std::in_place};
    bool has_response = false;
    Walk members{text};
    if (!members.is_object()) return std::nullopt;
    while (const auto member = members.next()) {
        const auto& [name, value] = *member;
        switch (name.size()) {
            case 3:
                if (name == "end") told->end = milliseconds(value);
                break;
            case 4:
                if (name == "logs" && value.front() == '[') told->logs = value;
                if (name == "name") told->name = plain_text(value).value_or("");
                break;
            case 5:
                if (name == "start") told->start = milliseconds(value);
                break;
            case 7:
                if (name == "version") told->version = plain_text(value).value_or("");
                break;
            case 8:
                if (name == "duration") told->duration = milliseconds(value);
                if (name == "response") {
                    if (has_response || !read_response(value, *told)) return std::nullopt;
                    has_response = true;
                }
                break;
            case 10:
                if (name == "statusCode" && !told->status) told->status = status_of(value);
                break;
            case 11:
                if (name == "annotations" && value.front() == '[') told->annotations = value;
                break;
            case 12:
                if (name == "activationId") told->id = plain_text(value).value_or("");
                break;
            default: break;
        }
    }
    if (!members.whole() || told->id.empty() || (!has_response && !told->start)) return std::nullopt;
    if (annotations && !told->annotations.empty()) read_annotations(*told);
    return told;
}

BLUEPRINT_FAAS_DECL std::string_view read_openwhisk_activation_id(std::string_view text) {
    using namespace openwhisk_activation;
    std::string_view id;
    Walk members{text};
    if (!members.is_object()) return id;
    while (const auto member = members.next())
        if (member->name == "activationId") id = plain_text(member->value).value_or("");
    return id;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string openwhisk_log_tail(std::string_view logs, std::size_t most) {
    std::string all;
    boost::system::error_code failed;
    const auto parsed = boost::json::parse(logs, failed);
    const auto* lines = failed ? nullptr : parsed.if_array();
    if (lines == nullptr) return all;
    for (const auto& line : *lines) {
        const auto* text = line.if_string();
        if (text == nullptr) continue;
        all.append(text->data(), text->size());
        if (all.empty() || all.back() != '\n') all += '\n';
    }
    if (all.size() <= most) return all;
    const auto too_much = all.size() - most;
    const auto line_end = all.find('\n', too_much - 1);
    // A line that is longer than all that may be is cut where it must be.
    auto from = line_end + 1 < all.size() ? line_end + 1 : too_much;
    while (from < all.size() && (static_cast<unsigned char>(all[from]) & 0xc0U) == 0x80U) ++from;
    return all.substr(from);
}

}  // namespace blueprint::faas::detail

#endif
