#ifndef BLUEPRINT_FAAS_CODEC_IMPL_GCP_READING_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_GCP_READING_HPP

// What the parts of Google's codecs share. Included by the codecs' own files in impl/ alone.

#include "blueprint/faas/codec/impl/answer_reading.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/http.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail::gcp_reading {

namespace json = boost::json;
using answer_reading::for_people;
using answer_reading::number_member;
using answer_reading::parse_object;
using answer_reading::plain_body_text;
using answer_reading::text_member;

BLUEPRINT_FAAS_COLD inline Error refused(std::string message) {
    return Error{
        .code = errc::invalid_configuration, .message = std::move(message), .execution = Execution::not_started};
}

BLUEPRINT_FAAS_COLD inline Error unreadable(const HttpResponse& answer, std::string_view what) {
    return Error{.code = errc::serialization,
                 .message = "Google's answer is not what its API says: " + std::string{what},
                 .http_status = answer.status,
                 .execution = Execution::not_started};
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

inline std::string job_text(JobId id) { return "job " + std::to_string(id.value()); }

}  // namespace blueprint::faas::detail::gcp_reading

#endif
