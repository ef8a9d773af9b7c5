#ifndef BLUEPRINT_FAAS_AUTH_GCP_IMPL_SUBJECT_EXECUTABLE_HPP
#define BLUEPRINT_FAAS_AUTH_GCP_IMPL_SUBJECT_EXECUTABLE_HPP

#include "blueprint/faas/auth/gcp/impl/token_endpoint.hpp"
#include "blueprint/faas/auth/gcp/subject_token.hpp"
#include "blueprint/faas/detail/child_command.hpp"
#include "blueprint/faas/detail/redact.hpp"
#include "blueprint/faas/detail/timestamp.hpp"
#include "blueprint/faas/detail/wiped.hpp"
#include "blueprint/faas/detail/wiped_json.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::gcp_subject {

using gcp_auth::failure;

inline constexpr const char* allow_variable = "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES";

/// The words of a command, wiped when they go: arguments may be secret.
struct CommandWords {
    std::vector<std::string> words{};

    CommandWords() = default;
    CommandWords(CommandWords&&) noexcept = default;
    CommandWords& operator=(CommandWords&&) = delete;
    ~CommandWords() {
        for (auto& word : words) wipe(word);
    }
};

/// Splits at blanks, but not within double quotes; a backslash means itself. Nothing if a quote is not closed.
BLUEPRINT_FAAS_COLD inline std::optional<CommandWords> quoted_words(std::string_view text) {
    CommandWords split;
    auto& words = split.words;
    bool quoted = false;
    bool in_word = false;
    for (const char c : text) {
        const bool blank = !quoted && (c == ' ' || c == '\t' || c == '\r' || c == '\n');
        if (!blank && !in_word) words.emplace_back().reserve(text.size());  // growing would leave copies behind
        in_word = !blank;
        if (c == '"')
            quoted = !quoted;
        else if (!blank)
            words.back() += c;
    }
    if (quoted) return std::nullopt;
    return split;
}

/// What such a program printed, or had printed into its file.
struct Printed {
    bool success = false;
    Secret token{};
    std::optional<std::chrono::system_clock::time_point> expires{};
    std::string code{};  ///< of a failure
    std::string told{};  ///< about it
};

/// Reads {"version":1,"success":true,"token_type":…,"id_token":…,"expiration_time":seconds} or
/// {"version":1,"success":false,"code":…,"message":…}. The error says what is wrong after `what`.
/// Source: AIP-4117, "Executable-sourced credentials".
BLUEPRINT_FAAS_COLD inline result<Printed> read_printed(const Secret& text, const std::string& what) {
    const auto wrong = [&](std::string_view why) {
        return failure(errc::serialization, what + " printed no usable answer: " + std::string{why} +
                                                "; run it by hand, and look at its output");
    };
    WipedMemory memory{text.size()};
    boost::system::error_code failed;
    const boost::json::value document =
        boost::json::parse({text.reveal().data(), text.size()}, failed, memory.storage());
    const auto* object = failed ? nullptr : document.if_object();
    if (object == nullptr) return wrong("it is no JSON object");
    const auto* version = object->if_contains("version");
    if (version == nullptr || !version->is_int64() || version->get_int64() != 1)
        return wrong("its version is not 1, the only one that is known");
    const auto* success = object->if_contains("success");
    if (success == nullptr || !success->is_bool()) return wrong("success is neither true nor false");
    Printed printed{.success = success->get_bool()};
    if (!printed.success) {
        printed.code = one_line(text_in(*object, "code"));
        printed.told = one_line(text_in(*object, "message"));
        if (printed.code.empty() || printed.told.empty())
            return wrong("it tells of a failure, but not by code and message which");
        return printed;
    }
    const auto type = text_in(*object, "token_type");
    const bool saml = type == "urn:ietf:params:oauth:token-type:saml2";
    if (!saml && type != "urn:ietf:params:oauth:token-type:id_token" && type != "urn:ietf:params:oauth:token-type:jwt")
        return wrong("its token_type is not that of an ID token, a JWT or a SAML 2.0 response");
    const char* const member = saml ? "saml_response" : "id_token";
    printed.token = text_in(*object, member);
    if (printed.token.empty()) return wrong("it has no " + std::string{member});
    if (const auto* end = object->if_contains("expiration_time"); end != nullptr && !end->is_null()) {
        if (!end->is_int64()) return wrong("its expiration_time is no number of seconds since 1970");
        // Bounded, because the number may be any: within_clock does the rest.
        const auto seconds = std::clamp<std::int64_t>(end->get_int64(), 0, std::int64_t{1} << 40U);
        printed.expires = within_clock(std::chrono::sys_time<std::chrono::milliseconds>{std::chrono::seconds{seconds}});
    }
    return printed;
}

/// Returns what the program keeps in its file if that is a proof which has not ended.
BLUEPRINT_FAAS_COLD inline result<Secret> kept_token(const gcp::ExecutableSubject& source,
                                                     const Environment& environment) {
    if (source.output_file.empty()) return Secret{};
    auto file = environment.read_file(source.output_file);
    if (!file) return std::move(file).error();
    if (!*file) return Secret{};
    // Anything else in it is for the program to replace.
    auto printed = read_printed(**file, "the output_file");
    const bool good = printed && printed->success && printed->expires && *printed->expires > environment.now();
    return good ? std::move(printed->token) : Secret{};
}

/// Judges what it printed when it ran.
BLUEPRINT_FAAS_COLD inline result<Secret> judge_printed(const Secret& output, const gcp::ExecutableSubject& source,
                                                        const std::vector<std::string>& words, const std::string& what,
                                                        std::chrono::system_clock::time_point now) {
    auto printed = read_printed(output, what);
    if (!printed) return std::move(printed).error();
    if (!printed->success) {
        Error error = failure(errc::authentication, what + " reports a failure");
        error.platform_code = printed->code;
        for (std::size_t i = 1; i < words.size(); ++i)
            for (auto* text : {&error.platform_code, &printed->told}) redact(*text, words[i]);
        error.message += " (" + error.platform_code + "): " + printed->told + "; do what it says, or run it by hand";
        return error;
    }
    if (!printed->expires && !source.output_file.empty())
        return failure(errc::serialization,
                       what +
                           " printed no expiration_time, which it must where there is an output_file: have it print "
                           "one, or remove output_file");
    if (printed->expires && *printed->expires <= now)
        return failure(errc::authentication, what +
                                                 " printed a token that has ended already; sign in again with the "
                                                 "tool that it is of, and check this machine's clock");
    return std::move(printed->token);
}

BLUEPRINT_FAAS_COLD inline std::vector<std::pair<std::string, std::string>> variables_of(
    const gcp::ExecutableSubject& source, const gcp::SubjectUse& use) {
    std::vector<std::pair<std::string, std::string>> variables{
        {"GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE", use.audience},
        {"GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE", use.token_type},
        {"GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE", "0"},
    };
    if (!source.output_file.empty()) variables.emplace_back("GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE", source.output_file);
    if (!use.impersonated_email.empty())
        variables.emplace_back("GOOGLE_EXTERNAL_ACCOUNT_IMPERSONATED_EMAIL", use.impersonated_email);
    return variables;
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<Secret>> token_of(Reach reach, gcp::ExecutableSubject source,
                                                                    gcp::SubjectUse use, Deadline deadline) {
    const std::string what = "the executable of credential_source";
    const auto& environment = *reach.environment;
    if (gcp_auth::variable(environment, allow_variable) != "1")
        co_return failure(errc::invalid_configuration,
                          what +
                              " is not run, because a credential file could so run anything; if you trust the file, "
                              "set " +
                              allow_variable + "=1");
    auto kept = kept_token(source, environment);
    if (!kept || !kept->empty()) co_return std::move(kept);
    const auto words = quoted_words(source.command.reveal());
    if (!words) co_return failure(errc::invalid_configuration, what + " has a quote that is not closed");
    ChildCommand command;
    command.words = words->words;
    command.variables = variables_of(source, use);
    const auto limit = deadline_after(source.timeout);
    auto running = run_child(std::move(command), what, std::min(deadline, limit));
    auto end = co_await std::move(running);
    if (!end) {
        Error error = std::move(end).error();
        if (error.code == errc::timed_out && limit < deadline)
            error.message += ", which is timeout_millis (" + std::to_string(source.timeout.count()) + ") away";
        co_return error;
    }
    if (end->signal != 0)
        co_return failure(errc::authentication, what + " was ended by signal " + std::to_string(end->signal) +
                                                    "; run it by hand, and look at what it says");
    if (end->exit_code != 0)
        co_return failure(errc::authentication, what + " ended with exit code " + std::to_string(end->exit_code) +
                                                    "; run it by hand, and look at what it says");
    co_return judge_printed(end->output, source, words->words, what, environment.now());
}

}  // namespace blueprint::faas::detail::gcp_subject
BLUEPRINT_FAAS_COROUTINES_END

#endif
