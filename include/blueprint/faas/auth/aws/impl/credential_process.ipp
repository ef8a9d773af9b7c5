#ifndef BLUEPRINT_FAAS_AUTH_AWS_IMPL_CREDENTIAL_PROCESS_IPP
#define BLUEPRINT_FAAS_AUTH_AWS_IMPL_CREDENTIAL_PROCESS_IPP

#include "blueprint/faas/auth/aws/credential_process.hpp"
#include "blueprint/faas/detail/child_command.hpp"
#include "blueprint/faas/detail/redact.hpp"
#include "blueprint/faas/detail/shell_words.hpp"
#include "blueprint/faas/detail/timestamp.hpp"
#include "blueprint/faas/detail/wiped.hpp"
#include "blueprint/faas/detail/wiped_json.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

namespace credential_process {

BLUEPRINT_FAAS_COLD inline Error failure(errc code, std::string_view what, std::string_view why) {
    std::string message{what};
    message.append(" ").append(why);
    return Error{.code = code, .message = std::move(message), .execution = Execution::not_started};
}

// What a program writes to its error stream may repeat what it was called with: its arguments are hidden, the words
// behind a '=' too.
BLUEPRINT_FAAS_COLD inline std::string told_by(std::string_view log, const std::vector<std::string>& words) {
    constexpr std::size_t shown = 256;
    std::string told{trimmed(log)};
    for (std::size_t i = 1; i < words.size(); ++i) {
        const std::string_view word = words[i];
        redact(told, word);
        if (const auto equals = word.find('='); equals != std::string_view::npos) redact(told, word.substr(equals + 1));
    }
    if (told.size() > shown) told.erase(0, told.size() - shown);
    return one_line(told);
}

}  // namespace credential_process

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<aws::TimedCredentials> read_process_credentials(
    const Secret& output, std::string_view what, std::chrono::system_clock::time_point now) {
    using credential_process::failure;
    WipedMemory memory{output.size()};
    boost::system::error_code failed;
    const auto text = output.reveal();
    const boost::json::value document = boost::json::parse({text.data(), text.size()}, failed, memory.storage());
    const auto* object = failed ? nullptr : document.if_object();
    if (object == nullptr)
        return failure(errc::serialization, what,
                       "did not print a JSON object; run it by hand, and look at its output");
    const auto* version = object->if_contains("Version");
    if (version == nullptr || !version->is_int64() || version->get_int64() != 1)
        return failure(errc::serialization, what, "did not print \"Version\": 1, the only one there is");
    aws::TimedCredentials timed{.credentials = {.access_key_id = std::string{text_in(*object, "AccessKeyId")},
                                                .secret_access_key = text_in(*object, "SecretAccessKey"),
                                                .session_token = text_in(*object, "SessionToken"),
                                                .account_id = std::string{text_in(*object, "AccountId")}}};
    if (timed.credentials.access_key_id.empty()) return failure(errc::serialization, what, "printed no AccessKeyId");
    if (timed.credentials.secret_access_key.empty())
        return failure(errc::serialization, what, "printed no SecretAccessKey");
    if (const auto* end = object->if_contains("Expiration"); end != nullptr && !end->is_null()) {
        timed.expires = read_timestamp(text_in(*object, "Expiration"));
        if (!timed.expires)
            return failure(errc::serialization, what,
                           "printed an Expiration that is no time such as 2026-01-02T03:04:05Z");
        if (*timed.expires <= now)
            return failure(errc::authentication, what,
                           "printed credentials that have ended already; sign in again with the tool that it is of");
    }
    return timed;
}

}  // namespace blueprint::faas::detail

namespace blueprint::faas::aws {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<TimedCredentials>> run_credential_process(
    Reach reach, CredentialProcess process, Deadline deadline) {
    using faas::detail::credential_process::failure;
    using faas::detail::credential_process::told_by;
    co_await asio::this_coro::throw_if_cancelled(false);
    const std::string what = "the credential_process of the profile '" + process.profile + '\'';
    auto words = faas::detail::shell_words(process.command.reveal());
    if (!words) co_return failure(errc::invalid_configuration, what, "has a quote that is not closed");
    faas::detail::ChildCommand command;
    command.words = *words;
    auto running = faas::detail::run_child(std::move(command), what, deadline);
    auto end = co_await std::move(running);
    if (!end) co_return std::move(end).error();
    if (end->exit_code != 0 || end->signal != 0) {
        const std::string how = end->signal != 0 ? "was ended by signal " + std::to_string(end->signal)
                                                 : "ended with exit code " + std::to_string(end->exit_code);
        const std::string told = told_by(end->log, *words);
        co_return failure(errc::authentication, what,
                          how + (told.empty() ? "; run it by hand, and look at what it says" : ": " + told));
    }
    co_return faas::detail::read_process_credentials(end->output, what, reach.environment->now());
}

}  // namespace blueprint::faas::aws
BLUEPRINT_FAAS_COROUTINES_END

#endif
