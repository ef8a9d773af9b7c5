#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AWS_LAMBDA_PROTOCOL_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AWS_LAMBDA_PROTOCOL_IPP

#include "blueprint/faas/codec/aws_lambda_protocol.hpp"
#include "blueprint/faas/codec/impl/aws_lambda_reading.hpp"
#include "blueprint/faas/detail/retry_after.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <limits>
#include <utility>

namespace blueprint::faas::detail {

namespace lambda_protocol {

inline bool only(std::string_view text, std::string_view more) {
    return std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || more.find(c) != std::string_view::npos;
    });
}
inline constexpr std::string_view name_characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_";

BLUEPRINT_FAAS_COLD inline bool valid_region(std::string_view region) {
    return !region.empty() && region.size() <= 63 && only(region, "-") && !region.starts_with('-') &&
           !region.ends_with('-');
}

// An alias is never all digits: those are versions.
BLUEPRINT_FAAS_COLD inline bool valid_alias(std::string_view alias) {
    return alias.size() <= 128 && only(alias, name_characters) &&
           alias.find_first_not_of("0123456789") != std::string_view::npos;
}

// The end of the API's host names in the region's partition. Source: AWS General Reference, "Service endpoints".
BLUEPRINT_FAAS_COLD inline std::string_view host_suffix(std::string_view region) {
    struct Row {
        std::string_view start;
        std::string_view suffix;
    };
    static constexpr std::array<Row, 4> table{{{"cn-", "amazonaws.com.cn"},
                                               {"eusc-", "amazonaws.eu"},
                                               {"us-iso-", "c2s.ic.gov"},
                                               {"us-isob-", "sc2s.sgov.gov"}}};
    for (const auto& row : table)
        if (region.starts_with(row.start)) return row.suffix;
    return "amazonaws.com";
}

struct Meaning {
    errc code{};
    bool retryable = false;
    Execution execution = Execution::not_started;
};

// What is not here is told by its status. Lambda gives codes of its own only to calls that it did not run.
BLUEPRINT_FAAS_COLD inline std::optional<Meaning> by_code(std::string_view code) {
    struct Row {
        std::string_view code;
        Meaning meaning;
    };
    static constexpr Meaning sign_again{errc::authentication, true};
    static constexpr Meaning forbidden{errc::authentication, false};
    static constexpr Meaning fewer{errc::throttled, true};
    static constexpr Meaning passing{errc::infrastructure, true};
    static constexpr Meaning lasting{errc::invocation_failed, false};
    static constexpr std::array table{
        Row{"InvalidSignatureException", sign_again},
        Row{"SignatureDoesNotMatch", sign_again},
        Row{"AuthFailure", sign_again},
        Row{"RequestExpired", sign_again},
        Row{"RequestTimeTooSkewed", sign_again},
        Row{"RequestInTheFuture", sign_again},
        Row{"UnrecognizedClientException", sign_again},
        Row{"InvalidClientTokenId", sign_again},
        Row{"ExpiredTokenException", sign_again},
        Row{"ExpiredToken", sign_again},
        Row{"AccessDeniedException", forbidden},
        Row{"AccessDenied", forbidden},
        Row{"MissingAuthenticationTokenException", forbidden},
        Row{"IncompleteSignatureException", forbidden},
        Row{"Throttling", fewer},
        Row{"ThrottlingException", fewer},
        Row{"ThrottledException", fewer},
        Row{"RequestThrottled", fewer},
        Row{"RequestThrottledException", fewer},
        Row{"TooManyRequestsException", fewer},
        Row{"ProvisionedThroughputExceededException", fewer},
        Row{"TransactionInProgressException", fewer},
        Row{"RequestLimitExceeded", fewer},
        Row{"BandwidthLimitExceeded", fewer},
        Row{"LimitExceededException", fewer},
        Row{"SlowDown", fewer},
        Row{"PriorRequestNotComplete", fewer},
        Row{"EC2ThrottledException", fewer},
        Row{"RequestTimeout", passing},
        Row{"RequestTimeoutException", passing},
        Row{"ServiceException", passing},
        Row{"EC2UnexpectedException", passing},
        Row{"ENINotReadyException", passing},
        Row{"ResourceNotReadyException", passing},
        Row{"EC2AccessDeniedException", lasting},
        Row{"ENILimitReachedException", lasting},
        Row{"InvalidRuntimeException", lasting},
        Row{"InvalidSecurityGroupIDException", lasting},
        Row{"InvalidSubnetIDException", lasting},
        Row{"InvalidZipFileException", lasting},
        Row{"KMSAccessDeniedException", lasting},
        Row{"KMSDisabledException", lasting},
        Row{"KMSInvalidStateException", lasting},
        Row{"KMSNotFoundException", lasting},
        Row{"SubnetIPAddressLimitReachedException", lasting},
        Row{"EFSMountFailureException", lasting},
        Row{"S3FilesMountFailureException", lasting},
        Row{"RecursiveInvocationException", lasting},
        Row{"SnapStartException", lasting},
    };
    for (const auto& row : table)
        if (row.code == code) return row.meaning;
    return std::nullopt;
}

BLUEPRINT_FAAS_COLD inline std::optional<Meaning> by_status(unsigned status, bool has_code) {
    switch (status) {
        case 400:
        case 413:
        case 415:
        case 431: return Meaning{errc::invalid_configuration, false};
        case 401: return Meaning{errc::authentication, true};
        case 403: return Meaning{errc::authentication, false};
        // Without a code it was not Lambda that said so, and nobody may conclude that the function is not there.
        case 404: return Meaning{has_code ? errc::not_found : errc::invalid_configuration, false};
        case 405:
        case 501: return Meaning{errc::unsupported, false};
        case 408:
            if (has_code) return Meaning{errc::invocation_failed, false};
            return Meaning{errc::infrastructure, true, Execution::unknown};
        case 402:
        case 410: return Meaning{errc::invocation_failed, false};
        case 409:
        case 412: return Meaning{errc::conflict, false};
        case 429: return Meaning{errc::throttled, true};
        case 500:
        case 502:
        case 503:
        case 504: return Meaning{errc::infrastructure, true, Execution::unknown};
        default: return std::nullopt;
    }
}

// "com.aws#Name:http://..." is `Name`. Source: Smithy, "AWS restJson1 protocol", operation error serialization.
BLUEPRINT_FAAS_COLD inline std::string_view bare_code(std::string_view code) {
    code = code.substr(0, code.find(':'));
    return code.substr(code.rfind('#') + 1);  // npos + 1 is 0
}

BLUEPRINT_FAAS_COLD inline std::string error_code(const HttpResponse& answer, const json::object* body) {
    std::string_view code = answer.headers.get("x-amzn-ErrorType").value_or("");
    if (body != nullptr)
        for (const std::string_view member : {"code", "Code", "__type"})
            if (code.empty()) code = text_member(*body, member);
    return for_people(bare_code(code));
}

// Refused signatures are answered with what should have been signed, which holds the session token, and environment
// variables that are too long with their values.
BLUEPRINT_FAAS_COLD inline std::string_view without_what_is_secret(std::string_view text) {
    for (const std::string_view lead : {"The Canonical String", "The String-to-Sign", "String measured:"})
        text = text.substr(0, text.find(lead));
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= 0x20) text.remove_suffix(1);
    return text;
}

BLUEPRINT_FAAS_COLD inline std::string_view advice(const Meaning& meaning, std::string_view code,
                                                   std::string_view reason) {
    switch (meaning.code) {
        case errc::authentication:
            if (code == "AccessDeniedException" || code == "AccessDenied")
                return "; the credentials lack this permission";
            return "; check the credentials, the region and this machine's clock";
        case errc::not_found: return "; deploy the job first, and check region, prefix and alias";
        case errc::throttled:
            if (reason.starts_with("Reserved"))
                return "; raise the function's reserved concurrency, or send fewer calls at once";
            if (reason.starts_with("ConcurrentInvocation"))
                return "; the account's concurrency in this region is used up: send fewer calls at once, or have it "
                       "raised";
            return "; send fewer calls at once, or wait";
        case errc::infrastructure: return "; Lambda has a problem, try again later";
        default: return "";
    }
}

// `x-amz-retry-after` is in milliseconds. Source: AWS SDKs and Tools Reference Guide, "Retry behavior".
BLUEPRINT_FAAS_COLD inline std::optional<std::chrono::milliseconds> retry_after(const HttpResponse& answer) {
    if (const auto text = answer.headers.get("x-amz-retry-after")) {
        std::uint32_t number = 0;
        const auto* const end = text->data() + text->size();
        const auto [stopped, failed] = std::from_chars(text->data(), end, number);
        if (failed == std::errc{} && stopped == end) return std::chrono::milliseconds{number};
    }
    return read_retry_after(answer);
}

}  // namespace lambda_protocol

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL LambdaProtocol::LambdaProtocol(LambdaOptions options,
                                                                       const Environment& environment)
    : options_{std::move(options)}, environment_{environment} {
    auto base = checked_base();
    if (!base) {
        misconfigured_ = std::move(base).error();
        return;
    }
    base_ = std::move(*base);
    where_ = to_string(base_.origin);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Url> LambdaProtocol::checked_base() const {
    using namespace lambda_protocol;
    const auto wrong = [](std::string why) { return refused("LambdaOptions: " + std::move(why)); };
    if (!options_.region.empty() && !valid_region(options_.region))
        return wrong("region is no name of a region, such as eu-central-1");
    if (options_.region.empty() && options_.endpoint.empty())
        return wrong("region is empty; give it, such as eu-central-1, or an endpoint");
    if (!only(options_.prefix, name_characters) ||
        function_name(JobId{std::numeric_limits<std::uint32_t>::max()}).size() > 64)
        return wrong("prefix makes no name of a function: use up to 49 letters, digits, '-' and '_'");
    if (!options_.alias.empty() && !valid_alias(options_.alias))
        return wrong("alias is none: use up to 128 letters, digits, '-' and '_', not digits alone");
    const auto endpoint = options_.endpoint.empty()
                              ? "https://lambda." + options_.region + '.' + std::string{host_suffix(options_.region)}
                              : options_.endpoint;
    auto url = parse_url(endpoint);
    if (!url) return wrong("endpoint: " + url.error().message);
    if (url->target.find('?') != std::string::npos) return wrong("endpoint has a query, which has no meaning here");
    while (url->target.ends_with('/')) url->target.pop_back();  // a doubled slash is another operation to Lambda
    return url;
}

BLUEPRINT_FAAS_DECL std::string LambdaProtocol::function_name(JobId id) const {
    return (options_.prefix.empty() ? std::string{} : options_.prefix + '-') + "job-" + std::to_string(id.value());
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<JobId> LambdaProtocol::job_of(std::string_view function) const {
    const auto lead = options_.prefix.empty() ? std::string{"job-"} : options_.prefix + "-job-";
    if (!function.starts_with(lead)) return std::nullopt;
    function.remove_prefix(lead.size());
    std::uint32_t number = 0;
    const auto [end, failed] = std::from_chars(function.data(), function.data() + function.size(), number);
    if (failed != std::errc{} || end != function.data() + function.size()) return std::nullopt;
    if (std::to_string(number) != function) return std::nullopt;  // job-007 is a name, but none of ours
    return JobId{number};
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string LambdaProtocol::function_path(JobId id,
                                                                                  std::string_view version) const {
    std::string path{"/"};
    path.append(version).append("/functions/").append(function_name(id));
    return path;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest LambdaProtocol::request(Verb verb, std::string_view path) const {
    HttpRequest request;
    request.origin = base_.origin;
    request.verb = verb;
    request.target.clear();
    request.target.reserve(base_.target.size() + path.size());
    request.target.append(base_.target).append(path);
    return request;
}

BLUEPRINT_FAAS_DECL std::optional<Error> LambdaProtocol::judge(const HttpResponse& answer) {
    using namespace lambda_protocol;
    if (answer.status >= 200 && answer.status < 300) return std::nullopt;
    Error error{.code = errc::serialization, .http_status = answer.status};
    error.request_id = request_id(answer);
    if (answer.status >= 300 && answer.status < 400) {
        error.code = errc::infrastructure;
        error.execution = Execution::not_started;
        error.message = "Lambda's endpoint redirects to " +
                        for_people(answer.headers.get("Location").value_or("an address it does not name")) +
                        "; redirects are not followed: give that address as the endpoint if you trust it";
        return error;
    }
    const auto body = parse_object(answer.body);
    error.platform_code = error_code(answer, body ? &*body : nullptr);
    std::string text;
    std::string reason;
    if (body) {
        for (const std::string_view member : {"message", "Message", "errorMessage"})
            if (text.empty()) text = for_people(without_what_is_secret(text_member(*body, member)));
        reason = for_people(text_member(*body, "Reason"));
        if (!reason.empty()) text += (text.empty() ? "" : " ") + ('(' + reason + ')');
    } else {
        text = plain_body_text(without_what_is_secret(answer.body));
    }
    const bool has_code = !error.platform_code.empty();
    auto meaning = has_code ? by_code(error.platform_code) : std::nullopt;
    if (!meaning) meaning = by_status(answer.status, has_code);
    if (text.empty()) text = "Lambda answered HTTP " + std::to_string(answer.status);
    if (!meaning) {
        error.message = std::move(text) + "; that is an answer which the Lambda API does not have";
        return error;
    }
    error.code = meaning->code;
    error.retryable = meaning->retryable;
    error.execution = meaning->execution;
    error.retry_after = retry_after(answer);
    if (answer.status == 404 && !has_code)
        text += "; that is not Lambda's way to say it: check that the endpoint is the Lambda API's";
    error.message = std::move(text).append(advice(*meaning, error.platform_code, reason));
    return error;
}

}  // namespace blueprint::faas::detail

#endif
