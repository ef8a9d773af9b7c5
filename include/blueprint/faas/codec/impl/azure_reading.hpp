#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AZURE_READING_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AZURE_READING_HPP

// What the parts of Azure's codec share. Included by the codec's own files in impl/ alone.

#include "blueprint/faas/codec/impl/answer_reading.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/http.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail::azure_reading {

namespace json = boost::json;
using answer_reading::array_member;
using answer_reading::for_people;
using answer_reading::number_member;
using answer_reading::object_member;
using answer_reading::parse_object;
using answer_reading::plain_body_text;
using answer_reading::refused;
using answer_reading::text_member;
using answer_reading::true_member;

BLUEPRINT_FAAS_COLD inline Error unreadable(const HttpResponse& answer, std::string_view what) {
    return Error{.code = errc::serialization,
                 .message = "Azure's answer is not what its API says: " + std::string{what},
                 .http_status = answer.status,
                 .execution = Execution::not_started};
}

inline std::string lower(std::string_view text) {
    std::string out{text};
    std::transform(out.begin(), out.end(), out.begin(), ascii_lower);
    return out;
}

inline bool only(std::string_view text, std::string_view more) {
    return std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || more.find(c) != std::string_view::npos;
    });
}

// What an error of Azure says.
struct Told {
    bool azures = false;  ///< the API itself said it, not a page of somebody's
    std::string code{};
    std::string message{};
};

// An error of either shape: {"code","message","details"}, and {"Code","Message","Details"} as App Service has it.
Told told_by(const json::object& error);
// The error of an operation that ended in vain, or of a refusal with that status; 0: no refusal.
Error error_told(Told told, unsigned status);

}  // namespace blueprint::faas::detail::azure_reading

#endif
