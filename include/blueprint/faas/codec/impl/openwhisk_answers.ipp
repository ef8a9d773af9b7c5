#ifndef BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_ANSWERS_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_ANSWERS_IPP

#include "blueprint/faas/codec/impl/openwhisk_reading.hpp"
#include "blueprint/faas/codec/openwhisk_api.hpp"
#include "blueprint/faas/detail/retry_after.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail {

namespace openwhisk_answers {

struct Meaning {
    errc code{};
    bool retryable = false;
};

// `own`: OpenWhisk itself said so. Whoever else says 404 knows nothing of what is there.
BLUEPRINT_FAAS_COLD inline std::optional<Meaning> by_status(unsigned status, bool own) {
    switch (status) {
        case 400:
        case 406:
        case 411:
        case 413:
        case 415:
        case 422: return Meaning{errc::invalid_configuration, false};
        case 401:
        case 403: return Meaning{errc::authentication, false};
        case 404: return Meaning{own ? errc::not_found : errc::invalid_configuration, false};
        case 405:
        case 501: return Meaning{errc::unsupported, false};
        case 409: return Meaning{errc::conflict, false};
        case 429: return Meaning{errc::throttled, true};
        case 408:
        case 500:
        case 502:
        case 503:
        case 504: return Meaning{errc::infrastructure, true};
        default: return std::nullopt;
    }
}

struct Saying {
    unsigned status = 0;
    std::string_view words{};
    std::string_view advice{};
};

// Says what to do, where the refusal's own words do not. They are OpenWhisk's, of its ErrorResponse.
BLUEPRINT_FAAS_COLD inline std::string_view advice(const openwhisk_reading::Told& told, unsigned status, errc code) {
    static constexpr std::array rows{
        Saying{409, "not in this collection",
               "; a package has that name: choose another OpenWhiskActionOptions::prefix, or put the actions into a "
               "package"},
        Saying{409, "Concurrent modification", "; somebody else changed it at the same time: look again"},
        Saying{403, "kind", "; choose another OpenWhiskActionOptions::kind, or have this one allowed"},
        Saying{403, "",
               "; the credential is of another namespace: leave the namespace `_`, or give the credential of that one"},
        Saying{401, "", "; check the credential: it may have expired, been removed, or be of another host"},
        Saying{400, "no longer supported", "; choose another OpenWhiskActionOptions::kind"},
        Saying{400, "reserved", "; choose another name"},
        Saying{413, "",
               "; code travels as Base64, which is a third longer, and front ends take no more than 50 MB, those of "
               "test systems often 3 MB: keep the "
               "package below 35 MiB, and variables and calls below 1 MiB"},
    };
    for (const auto& row : rows)
        if (row.status == status && told.message.find(row.words) != std::string::npos) return row.advice;
    switch (code) {
        case errc::throttled: return "; ask for less at once, or wait";
        case errc::infrastructure: return "; the platform has a problem, try again later";
        default: return "";
    }
}

// A development server says 500 of bodies that are too long for it (pitfall 3).
BLUEPRINT_FAAS_COLD inline bool is_too_large(const openwhisk_reading::Told& told, unsigned status) {
    static constexpr std::array<std::string_view, 2> words{"content length limit", "52428800"};
    return status == 413 || (status == 500 && std::any_of(words.begin(), words.end(), [&](std::string_view one) {
                                 return told.message.find(one) != std::string::npos;
                             }));
}

BLUEPRINT_FAAS_COLD inline Error redirected(const HttpResponse& answer) {
    using answer_reading::for_people;
    const auto where = answer.headers.get("Location").value_or("an address it does not name");
    return Error{.code = errc::infrastructure,
                 .message = "OpenWhisk's API redirects to " + for_people(where.substr(0, where.find('?'))) +
                            "; redirects are not followed: give that address as the API host if you trust it",
                 .http_status = answer.status,
                 .execution = Execution::not_started};
}

}  // namespace openwhisk_answers

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<Error> OpenWhiskApi::judge(const HttpResponse& answer) {
    using namespace openwhisk_answers;
    if (answer.status >= 200 && answer.status < 300) return std::nullopt;
    if (answer.status >= 300 && answer.status < 400) return redirected(answer);
    auto told = openwhisk_reading::told_by(answer);
    if (told.message.empty()) told.message = "OpenWhisk answered HTTP " + std::to_string(answer.status);
    const bool too_large = is_too_large(told, answer.status);
    const auto status = too_large ? 413 : answer.status;
    const auto meaning = by_status(status, told.own);
    Error error{.code = meaning ? meaning->code : errc::serialization};
    error.message = told.message;
    if (meaning)
        error.message += advice(told, status, meaning->code);
    else
        error.message += "; that is an answer which OpenWhisk's API does not have";
    if (answer.status == 404 && !told.own)
        error.message += "; that was not said by OpenWhisk's API: check the API host and proxies";
    error.http_status = answer.status;
    if (too_large) error.platform_code = "TOO_LARGE";
    error.request_id = std::move(told.transaction);
    error.retryable = meaning && meaning->retryable;
    error.retry_after = read_retry_after(answer);
    error.execution = error.code == errc::infrastructure ? Execution::unknown : Execution::not_started;
    return error;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool OpenWhiskApi::is_concurrent_change(const Error& error) {
    return error.http_status == 409 && error.message.find("Concurrent modification") != std::string::npos;
}

}  // namespace blueprint::faas::detail

#endif
