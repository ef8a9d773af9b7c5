#ifndef BLUEPRINT_FAAS_AUTH_AWS_IMPL_METADATA_ANSWER_HPP
#define BLUEPRINT_FAAS_AUTH_AWS_IMPL_METADATA_ANSWER_HPP

#include "blueprint/faas/auth/aws/source.hpp"
#include "blueprint/faas/detail/redact.hpp"
#include "blueprint/faas/detail/timestamp.hpp"
#include "blueprint/faas/detail/wiped.hpp"
#include "blueprint/faas/detail/wiped_json.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail::metadata {

inline Error failure(errc code, std::string message) {
    return Error{.code = code, .message = std::move(message), .execution = Execution::not_started};
}

inline aws::Search not_here(std::string why) { return aws::Search{.not_here = std::move(why)}; }

/// Returns a variable; an empty one counts as not set.
inline std::string variable(const Environment& environment, const char* name) {
    return environment.variable(name).value_or(std::string{});
}

inline bool is_true(std::string_view text) noexcept { return iequals(text, "true"); }

/// What a service of a task, a pod or an instance says when it is asked for credentials.
struct Answer {
    bool readable = false;  ///< it is a JSON object
    bool complete = false;  ///< the keys are there, and the time of their end, if it is told, is one
    aws::TimedCredentials timed{};
    std::string code{};  ///< one line
    std::string told{};  ///< one line
};

/// Reads {"AccessKeyId":…,"SecretAccessKey":…,"Token":…,"Expiration":…} or {"code":…,"message":…}.
BLUEPRINT_FAAS_COLD inline Answer read_answer(std::string_view text) {
    WipedMemory memory{text.size()};
    boost::system::error_code failed;
    const boost::json::value document = boost::json::parse({text.data(), text.size()}, failed, memory.storage());
    const auto* object = failed ? nullptr : document.if_object();
    Answer answer;
    if (object == nullptr) return answer;
    answer.readable = true;
    const auto either = [&](std::string_view name, std::string_view other) {
        const auto value = text_in(*object, name);
        return one_line(value.empty() ? text_in(*object, other) : value);
    };
    answer.code = either("Code", "code");
    answer.told = either("Message", "message");
    answer.timed.credentials = {.access_key_id = std::string{text_in(*object, "AccessKeyId")},
                                .secret_access_key = text_in(*object, "SecretAccessKey"),
                                .session_token = text_in(*object, "Token"),
                                .account_id = std::string{text_in(*object, "AccountId")}};
    const auto* end = object->if_contains("Expiration");
    const bool timeless = end == nullptr || end->is_null();
    if (!timeless) answer.timed.expires = read_timestamp(text_in(*object, "Expiration"));
    answer.complete = !answer.timed.credentials.access_key_id.empty() &&
                      !answer.timed.credentials.secret_access_key.empty() && (timeless || answer.timed.expires);
    return answer;
}

}  // namespace blueprint::faas::detail::metadata

#endif
