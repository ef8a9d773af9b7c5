#ifndef BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_READING_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_READING_HPP

// What the parts of OpenWhisk's codec share. Included by the codec's own files in impl/ alone.

#include "blueprint/faas/codec/impl/answer_reading.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/http.hpp"

#include <boost/json/object.hpp>

#include <string>
#include <string_view>

namespace blueprint::faas::detail::openwhisk_reading {

BLUEPRINT_FAAS_COLD inline Error unreadable(const HttpResponse& answer, std::string_view what) {
    return Error{.code = errc::serialization,
                 .message = "OpenWhisk's answer is not what its API says: " + std::string{what},
                 .http_status = answer.status,
                 .execution = Execution::not_started};
}

// What an error of OpenWhisk says, or the page of whoever stands before it.
struct Told {
    bool own = false;  ///< OpenWhisk itself said it
    std::string message{};
    std::string transaction{};  ///< what its logs know the request by
};

// Reads {"error":"text","code":"transaction"}. The code was a number once.
BLUEPRINT_FAAS_COLD inline Told told_by(const HttpResponse& answer) {
    using namespace answer_reading;
    Told told;
    const auto body = parse_object(answer.body);
    const auto* const error = body ? body->if_contains("error") : nullptr;
    told.own = error != nullptr && error->is_string();
    if (told.own) {
        told.message = for_people(text_member(*body, "error"));
        told.transaction = for_people(text_member(*body, "code"));
        if (const auto number = number_member<std::uint64_t>(*body, "code")) told.transaction = std::to_string(*number);
    } else {
        told.message = plain_body_text(answer.body);
    }
    if (told.transaction.empty()) told.transaction = for_people(answer.headers.get("X-Request-ID").value_or(""));
    return told;
}

}  // namespace blueprint::faas::detail::openwhisk_reading

#endif
