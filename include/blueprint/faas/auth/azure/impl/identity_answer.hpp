#ifndef BLUEPRINT_FAAS_AUTH_AZURE_IMPL_IDENTITY_ANSWER_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_IMPL_IDENTITY_ANSWER_HPP

#include "blueprint/faas/auth/azure/credential.hpp"
#include "blueprint/faas/auth/impl/token_question.hpp"
#include "blueprint/faas/detail/bearer_token.hpp"
#include "blueprint/faas/detail/timestamp.hpp"
#include "blueprint/faas/detail/wiped.hpp"
#include "blueprint/faas/detail/wiped_json.hpp"
#include "blueprint/faas/environment.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// What managed identities and the tools of developers answer. Each kind writes the end of a token in its own way.
namespace blueprint::faas::detail::azure_identity {

using Time = std::chrono::system_clock::time_point;

using token_question::failure;
using token_question::variable;

BLUEPRINT_FAAS_COLD inline Error unreadable(std::string_view what, std::string_view why) {
    return failure(errc::serialization, std::string{what} + " gave no usable token: " + std::string{why});
}

/// Reads seconds since 1970: a number, or digits in quotes.
BLUEPRINT_FAAS_COLD inline std::optional<Time> read_epoch(const boost::json::value& value) {
    constexpr double last = 253'402'300'799.0;  // of the year 9999
    double seconds = 0;
    if (const auto* text = value.if_string()) {
        const std::string_view digits = *text;
        if (digits.empty() || digits.size() > 20 || digits.find_first_not_of("0123456789") != std::string_view::npos)
            return std::nullopt;
        for (const char digit : digits) seconds = seconds * 10 + (digit - '0');
    } else if (value.is_number()) {
        seconds = value.to_number<double>();
    } else {
        return std::nullopt;
    }
    if (!(seconds >= 0)) return std::nullopt;
    const std::chrono::seconds whole{static_cast<std::int64_t>(std::min(seconds, last))};
    return within_clock(std::chrono::sys_time<std::chrono::milliseconds>{whole});
}

/// Reads "1/2/2026 3:04:05 AM +00:00", as App Service of old writes it, with or without "AM", by day of 24 hours then.
BLUEPRINT_FAAS_COLD inline std::optional<Time> read_american_time(std::string_view text) {
    bool good = true;
    const auto number_until = [&](char end) {
        unsigned value = 0;
        std::size_t digits = 0;
        for (; digits < text.size() && digits < 4 && text[digits] >= '0' && text[digits] <= '9'; ++digits)
            value = value * 10 + static_cast<unsigned>(text[digits] - '0');
        good = good && digits > 0 && digits < text.size() && text[digits] == end;
        text.remove_prefix(std::min(digits + 1, text.size()));
        return value;
    };
    const std::chrono::month month{number_until('/')};
    const std::chrono::day day{number_until('/')};
    const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(number_until(' '))}, month, day};
    unsigned hours = number_until(':');
    const unsigned minutes = number_until(':');
    const unsigned seconds = number_until(' ');
    const bool evening = text.starts_with("PM ");
    if (evening || text.starts_with("AM ")) {
        good = good && hours >= 1 && hours <= 12;
        hours = hours % 12 + (evening ? 12 : 0);
        text.remove_prefix(3);
    }
    if (!good || text != "+00:00" || !date.ok() || hours > 23 || minutes > 59 || seconds > 60) return std::nullopt;
    return within_clock(std::chrono::sys_days{date} + std::chrono::hours{hours} + std::chrono::minutes{minutes} +
                        std::chrono::seconds{seconds});
}

BLUEPRINT_FAAS_COLD inline Error ended_already(std::string_view what) {
    return failure(errc::authentication,
                   std::string{what} + " gave a token that has ended already: check this machine's clock");
}

/// Reads the answer of a managed identity that was asked at `asked`, which `what` names in messages. What lives longer
/// than two hours is worth renewing after half of its life: the platform keeps it as long as it can.
BLUEPRINT_FAAS_COLD inline result<azure::TimedToken> read_identity_answer(const Secret& text, std::string_view what,
                                                                          Time asked) {
    WipedMemory memory{text.size()};
    boost::system::error_code failed;
    const boost::json::value document =
        boost::json::parse({text.reveal().data(), text.size()}, failed, memory.storage());
    const auto* object = failed ? nullptr : document.if_object();
    if (object == nullptr) return unreadable(what, "its answer is no JSON object");
    azure::TimedToken token{.value = text_in(*object, "access_token")};
    if (token.value.empty()) return unreadable(what, "its answer has no access_token");
    if (!is_bearer_token(token.value.reveal())) return unreadable(what, "it has characters that no Bearer token has");
    if (const auto type = text_in(*object, "token_type"); !type.empty() && !iequals(type, "Bearer"))
        return unreadable(what, "its token_type is '" + one_line(type) + "' and not Bearer");

    std::optional<Time> expires;
    if (const auto* end = object->if_contains("expires_on")) {
        expires = read_epoch(*end);
        if (!expires) expires = read_timestamp(text_in(*object, "expires_on"));
        if (!expires) expires = read_american_time(text_in(*object, "expires_on"));
    }
    if (const auto* life = object->if_contains("expires_in"); life != nullptr && !expires)
        if (const auto seconds = lifetime_of(*life)) expires = asked + *seconds;
    if (!expires) return unreadable(what, "it tells neither by expires_on nor by expires_in when the token ends");
    if (*expires <= asked) return ended_already(what);
    token.expires = *expires;
    const auto life = token.expires - asked;
    if (life > std::chrono::hours{2}) token.refresh_at = asked + life / 2;
    if (const auto* advice = object->if_contains("refresh_in"))
        if (const auto seconds = lifetime_of(*advice); seconds && *seconds < life) token.refresh_at = asked + *seconds;
    return token;
}

/// Reads what `az account get-access-token` prints. `expires_on` is a number of seconds; older versions have only
/// `expiresOn`, by the clock of this place and without its zone.
BLUEPRINT_FAAS_COLD inline result<azure::TimedToken> read_cli_answer(const Secret& text, std::string_view what,
                                                                     const Environment& environment) {
    WipedMemory memory{text.size()};
    boost::system::error_code failed;
    const boost::json::value document =
        boost::json::parse({text.reveal().data(), text.size()}, failed, memory.storage());
    const auto* object = failed ? nullptr : document.if_object();
    if (object == nullptr) return unreadable(what, "it printed no JSON object");
    azure::TimedToken token{.value = text_in(*object, "accessToken")};
    if (!is_bearer_token(token.value.reveal())) return unreadable(what, "it printed no accessToken");
    std::optional<Time> expires;
    if (const auto* end = object->if_contains("expires_on")) expires = read_epoch(*end);
    if (const auto local = text_in(*object, "expiresOn"); !expires && !local.empty()) {
        expires = read_timestamp(local);  // some day it may have its zone
        if (const auto shown = expires ? std::nullopt : read_timestamp(std::string{local} + 'Z'))
            expires = environment.moment_of(
                std::chrono::local_seconds{std::chrono::floor<std::chrono::seconds>(*shown).time_since_epoch()});
    }
    if (!expires) return unreadable(what, "it printed neither expires_on nor expiresOn");
    if (*expires <= environment.now()) return ended_already(what);
    token.expires = *expires;
    return token;
}

/// Reads what `azd auth token` prints: {"token":…,"expiresOn":"2026-01-02T03:04:05Z"}.
BLUEPRINT_FAAS_COLD inline result<azure::TimedToken> read_developer_cli_answer(const Secret& text,
                                                                               std::string_view what,
                                                                               const Environment& environment) {
    WipedMemory memory{text.size()};
    boost::system::error_code failed;
    const boost::json::value document =
        boost::json::parse({text.reveal().data(), text.size()}, failed, memory.storage());
    const auto* object = failed ? nullptr : document.if_object();
    if (object == nullptr) return unreadable(what, "it printed no JSON object");
    azure::TimedToken token{.value = text_in(*object, "token")};
    if (!is_bearer_token(token.value.reveal())) return unreadable(what, "it printed no token");
    const auto expires = read_timestamp(text_in(*object, "expiresOn"));
    if (!expires) return unreadable(what, "its expiresOn is no time such as 2026-01-02T03:04:05Z");
    if (*expires <= environment.now()) return ended_already(what);
    token.expires = *expires;
    return token;
}

}  // namespace blueprint::faas::detail::azure_identity

#endif
