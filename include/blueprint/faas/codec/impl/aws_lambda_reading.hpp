#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AWS_LAMBDA_READING_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AWS_LAMBDA_READING_HPP

// What the parts of the Lambda codec share. Included by the codec's own files in impl/ alone.

#include "blueprint/faas/codec/impl/answer_reading.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/http.hpp"

#include <string>
#include <utility>

namespace blueprint::faas::detail::lambda_protocol {

namespace json = boost::json;
using answer_reading::for_people;
using answer_reading::number_member;
using answer_reading::parse_object;
using answer_reading::plain_body_text;
using answer_reading::shown_id;
using answer_reading::text_member;

inline Error refused(std::string message) {
    return Error{
        .code = errc::invalid_configuration, .message = std::move(message), .execution = Execution::not_started};
}

inline std::string request_id(const HttpResponse& answer) {
    return shown_id(answer.headers.get("x-amzn-RequestId").value_or(""));
}

}  // namespace blueprint::faas::detail::lambda_protocol

#endif
