#ifndef BLUEPRINT_FAAS_CODEC_IMPL_GCP_READING_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_GCP_READING_HPP

// What the parts of Google's codecs share. Included by the codecs' own files in impl/ alone.

#include "blueprint/faas/codec/impl/answer_reading.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/http.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail::gcp_reading {

using answer_reading::array_member;
using answer_reading::for_people;
using answer_reading::job_text;
using answer_reading::number_member;
using answer_reading::object_member;
using answer_reading::parse_object;
using answer_reading::plain_body_text;
using answer_reading::refused;
using answer_reading::text_member;
using answer_reading::true_member;

BLUEPRINT_FAAS_COLD inline Error unreadable(const HttpResponse& answer, std::string_view what) {
    return Error{.code = errc::serialization,
                 .message = "Google's answer is not what its API says: " + std::string{what},
                 .http_status = answer.status,
                 .execution = Execution::not_started};
}

}  // namespace blueprint::faas::detail::gcp_reading

#endif
