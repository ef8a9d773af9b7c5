#ifndef BLUEPRINT_FAAS_CODEC_IMPL_GCP_API_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_GCP_API_IPP

#include "blueprint/faas/codec/gcp_api.hpp"
#include "blueprint/faas/codec/impl/gcp_reading.hpp"
#include "blueprint/faas/detail/retry_after.hpp"
#include "blueprint/faas/detail/xml.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <limits>
#include <utility>

namespace blueprint::faas::detail {

namespace gcp_api {

using gcp_reading::array_member;
using gcp_reading::for_people;
using gcp_reading::object_member;
using gcp_reading::parse_object;
using gcp_reading::plain_body_text;
using gcp_reading::refused;
using gcp_reading::text_member;
using gcp_reading::true_member;
using gcp_reading::unreadable;
namespace json = boost::json;

BLUEPRINT_FAAS_COLD inline bool only(std::string_view text, std::string_view more) {
    return std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || more.find(c) != std::string_view::npos;
    });
}

// What a code of google.rpc.Code means; `status` is the HTTP one that stands for it. Changes that Google cannot take at
// the moment (ABORTED) are for those to repeat who know what they change.
struct Meaning {
    int number = 0;
    std::string_view name{};
    errc code{};
    bool retryable = false;
};
inline constexpr std::array meanings{
    Meaning{1, "CANCELLED", errc::invocation_failed, false},
    Meaning{2, "UNKNOWN", errc::infrastructure, true},
    Meaning{3, "INVALID_ARGUMENT", errc::invalid_configuration, false},
    Meaning{4, "DEADLINE_EXCEEDED", errc::infrastructure, true},
    Meaning{5, "NOT_FOUND", errc::not_found, false},
    Meaning{6, "ALREADY_EXISTS", errc::conflict, false},
    Meaning{7, "PERMISSION_DENIED", errc::authentication, false},
    Meaning{8, "RESOURCE_EXHAUSTED", errc::throttled, true},
    Meaning{9, "FAILED_PRECONDITION", errc::invocation_failed, false},
    Meaning{10, "ABORTED", errc::conflict, false},
    Meaning{11, "OUT_OF_RANGE", errc::invalid_configuration, false},
    Meaning{12, "UNIMPLEMENTED", errc::unsupported, false},
    Meaning{13, "INTERNAL", errc::infrastructure, true},
    Meaning{14, "UNAVAILABLE", errc::infrastructure, true},
    Meaning{15, "DATA_LOSS", errc::infrastructure, false},
    Meaning{16, "UNAUTHENTICATED", errc::authentication, true},
};
BLUEPRINT_FAAS_COLD inline const Meaning* by_name(std::string_view name) {
    const auto* const found =
        std::find_if(meanings.begin(), meanings.end(), [&](const Meaning& one) { return one.name == name; });
    return found == meanings.end() ? nullptr : found;
}
BLUEPRINT_FAAS_COLD inline const Meaning* by_number(std::int64_t number) {
    return number >= 1 && number <= 16 ? &meanings[static_cast<std::size_t>(number - 1)] : nullptr;
}
// `googles`: the API itself said so. Whoever else says 404 knows nothing of what is there.
BLUEPRINT_FAAS_COLD inline std::optional<Meaning> by_status(unsigned status, bool googles) {
    switch (status) {
        case 400:
        case 411:
        case 413: return Meaning{0, {}, errc::invalid_configuration, false};
        case 401: return Meaning{0, {}, errc::authentication, true};
        case 403: return Meaning{0, {}, errc::authentication, false};
        case 404: return Meaning{0, {}, googles ? errc::not_found : errc::invalid_configuration, false};
        case 405:
        case 501: return Meaning{0, {}, errc::unsupported, false};
        case 409:
        case 412: return Meaning{0, {}, errc::conflict, false};
        case 429: return Meaning{0, {}, errc::throttled, true};
        case 408:
        case 500:
        case 502:
        case 503:
        case 504: return Meaning{0, {}, errc::infrastructure, true};
        case 410:
        case 499: return Meaning{0, {}, errc::invocation_failed, false};
        default: return std::nullopt;
    }
}

// "3.5s". Source: google.protobuf.Duration, JSON mapping.
BLUEPRINT_FAAS_COLD inline std::optional<std::chrono::milliseconds> duration(std::string_view text) {
    std::uint32_t seconds = 0;
    const auto* const end = text.data() + text.size();
    auto [stopped, failed] = std::from_chars(text.data(), end, seconds);
    if (failed != std::errc{} || !text.ends_with('s')) return std::nullopt;
    std::uint32_t milliseconds = 0;
    if (stopped != end && *stopped == '.')
        for (int weight = 100; ++stopped != end && *stopped >= '0' && *stopped <= '9'; weight /= 10)
            milliseconds += static_cast<std::uint32_t>(weight * (*stopped - '0'));
    return std::chrono::seconds{seconds} + std::chrono::milliseconds{milliseconds};
}

// What the details of a status say beside its message.
struct Details {
    std::string reason{};  ///< "SERVICE_DISABLED"
    std::string service{};
    std::string permission{};
    std::string link{};
    std::string fields{};
    std::optional<std::chrono::milliseconds> retry_after{};
};
BLUEPRINT_FAAS_COLD inline Details read_details(const json::array& all) {
    Details told;
    for (const auto& one : all) {
        const auto* detail = one.if_object();
        if (detail == nullptr) continue;
        const auto type = text_member(*detail, "@type");
        if (type.ends_with("google.rpc.ErrorInfo")) {
            told.reason = for_people(text_member(*detail, "reason"));
            if (const auto* more = object_member(*detail, "metadata")) {
                told.service = for_people(text_member(*more, "service"));
                told.permission = for_people(text_member(*more, "permission"));
                if (const auto url = text_member(*more, "activationUrl"); !url.empty()) told.link = for_people(url);
            }
        } else if (type.ends_with("google.rpc.Help")) {
            for (const auto& link : array_member(*detail, "links"))
                if (link.is_object() && told.link.empty())
                    told.link = for_people(text_member(link.get_object(), "url"));
        } else if (type.ends_with("google.rpc.BadRequest")) {
            for (const auto& violation : array_member(*detail, "fieldViolations")) {
                if (!violation.is_object()) continue;
                const auto field = for_people(text_member(violation.get_object(), "field"));
                const auto why = for_people(text_member(violation.get_object(), "description"));
                told.fields.append(told.fields.empty() ? "" : "; ").append(field).append(": ").append(why);
            }
        } else if (type.ends_with("google.rpc.RetryInfo")) {
            told.retry_after = duration(text_member(*detail, "retryDelay"));
        }
    }
    return told;
}

// Says what to do, where the refusal's own words do not (pitfall 12).
BLUEPRINT_FAAS_COLD inline std::string advice(const Meaning& meaning, const Details& told, std::string_view message) {
    const auto says = [&](std::string_view text) { return message.find(text) != std::string_view::npos; };
    if (told.reason == "SERVICE_DISABLED" || says("has not been used in project")) {
        const auto api = told.service.empty() ? std::string{"the API"} : told.service;
        return "; enable " + api + " and wait some minutes" + (told.link.empty() ? "" : ": " + told.link);
    }
    if (told.reason == "BILLING_DISABLED")
        return "; give the project a billing account" + (told.link.empty() ? "" : ": " + told.link);
    if (told.reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
        return "; the credential's scopes do not reach this API: it needs cloud-platform";
    if (told.reason == "USER_PROJECT_DENIED")
        return "; the credential may not use its quota project: grant roles/serviceusage.serviceUsageConsumer there, "
               "or "
               "name another one";
    if (!told.permission.empty()) return "; grant the credential " + told.permission;
    // Pitfalls 10 and 11 of the provider's own words for it.
    if (says("axScale") || says("max_instances") || says("maxInstanceCount"))
        return "; lower FaasConfig::max_concurrency or GoogleCloudOptions::max_instances, or have the quota raised";
    if (says("inScale") || says("min_instances") || says("minInstanceCount"))
        return "; keep_warm is what is meant: lower it, and see that the project has a billing account";
    if (says("actAs")) return "; grant the credential roles/iam.serviceAccountUser on the account that jobs run as";
    switch (meaning.code) {
        case errc::authentication:
            return meaning.retryable ? "; check the credential, and this machine's clock"
                                     : "; grant the credential what is missing, or check project and region";
        case errc::throttled: return "; ask for less at once, or wait";
        case errc::infrastructure: return "; Google has a problem, try again later";
        default: return "";
    }
}

// What Google tells in many parts is shown as long as somebody will read it.
BLUEPRINT_FAAS_COLD inline std::string shortened(std::string text, std::size_t most) {
    if (text.size() > most) text.resize(most);
    return text;
}

BLUEPRINT_FAAS_COLD inline Error error_of(const Meaning& meaning, std::string message, const Details& told) {
    Error error{.code = meaning.code, .platform_code = std::string{meaning.name}};
    error.retryable = meaning.retryable;
    error.execution = meaning.code == errc::infrastructure ? Execution::unknown : Execution::not_started;
    error.retry_after = told.retry_after;
    const auto help = advice(meaning, told, message);
    if (!told.fields.empty()) message += " (" + told.fields + ')';
    if (!told.reason.empty() && message.find(told.reason) == std::string::npos) message += " (" + told.reason + ')';
    error.message = shortened(std::move(message) + help, 2000);
    return error;
}

// What the stages of a change to a function are at, and where their log is: a build that fails says so there alone.
BLUEPRINT_FAAS_COLD inline std::string stages_of(const json::object& metadata, bool failed) {
    std::string text;
    const auto add = [&](std::string_view more) {
        if (!more.empty()) text.append(text.empty() ? "" : "; ").append(for_people(more));
    };
    for (const auto& one : array_member(metadata, "stages")) {
        const auto* stage = one.if_object();
        if (stage == nullptr) continue;
        const auto state = text_member(*stage, "state");
        const auto& messages = array_member(*stage, "stateMessages");
        if (!failed && state != "IN_PROGRESS") continue;
        if (failed && (state == "COMPLETE" || state == "NOT_STARTED") && messages.empty()) continue;
        const auto message = text_member(*stage, "message");
        add(std::string{text_member(*stage, "name")} + (message.empty() ? "" : ": " + std::string{message}));
        for (const auto& told : messages)
            if (told.is_object()) add(text_member(told.get_object(), "message"));
        if (const auto uri = text_member(*stage, "resourceUri"); failed && !uri.empty())
            add("its log: " + std::string{uri});
    }
    if (text.empty()) add(text_member(metadata, "statusDetail"));
    const auto build = text_member(metadata, "buildName");
    if (failed && !build.empty()) add("the build: " + std::string{build});
    return shortened(std::move(text), 1200);
}

}  // namespace gcp_api

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL GoogleApi::GoogleApi(GoogleCloudOptions options,
                                                             std::string_view functions_endpoint)
    : options_{std::move(options)} {
    const auto endpoint = [&](std::string_view given, std::string_view name) {
        if (!given.empty()) return std::string{given};
        return ("https://" + std::string{name} + '.').append(options_.universe_domain);
    };
    const std::array<std::string, 3> endpoints{endpoint(functions_endpoint, "cloudfunctions"),
                                               endpoint(options_.run_endpoint, "run"),
                                               endpoint(options_.storage_endpoint, "storage")};
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        auto url = parse_url(endpoints[i]);
        if (!url || url->target.find('?') != std::string::npos) {
            misconfigured_ =
                gcp_api::refused("an endpoint of Google's APIs, or universe_domain: " +
                                 (url ? "it has a query, which has no meaning here" : url.error().message));
            break;
        }
        while (url->target.ends_with('/')) url->target.pop_back();
        bases_[i] = std::move(*url);
    }
    if (!misconfigured_) misconfigured_ = check();
    cannot_manage_ = misconfigured_;
    if (cannot_manage_) return;
    if (options_.project.empty())
        cannot_manage_ =
            gcp_api::refused("GoogleCloudOptions::project is empty; give the project's id, such as my-project");
    else if (options_.region.empty())
        cannot_manage_ = gcp_api::refused("GoogleCloudOptions::region is empty; give it, such as europe-west1");
    // Calls of services whose URL is known need neither.
    if (options_.job_urls.empty()) misconfigured_ = cannot_manage_;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<Error> GoogleApi::check() {
    using namespace gcp_api;
    static constexpr std::size_t longest_id = 49;  // of a service of Cloud Run, which each function has too
    const auto wrong = [](std::string why) { return refused("GoogleCloudOptions: " + std::move(why)); };
    const auto longest = id_of(JobId{std::numeric_limits<std::uint32_t>::max()});
    if (!only(longest, "-") || longest.size() > longest_id || longest.front() < 'a' || longest.front() > 'z')
        return wrong("prefix makes no name of a service: use up to 34 small letters, digits and '-', a letter first");
    if (!only(options_.project, "-.:")) return wrong("project is no project's id, such as my-project");
    if (!only(options_.region, "-")) return wrong("region is no name of a region, such as europe-west1");
    return std::nullopt;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string GoogleApi::id_of(JobId id) const {
    return (options_.prefix.empty() ? std::string{} : options_.prefix + '-') + "job-" + std::to_string(id.value());
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<JobId> GoogleApi::job_of(std::string_view name) const {
    name = name.substr(name.rfind('/') + 1);  // npos + 1 is 0
    const auto lead = options_.prefix.empty() ? std::string{"job-"} : options_.prefix + "-job-";
    if (!name.starts_with(lead)) return std::nullopt;
    name.remove_prefix(lead.size());
    std::uint32_t number = 0;
    const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (failed != std::errc{} || end != name.data() + name.size()) return std::nullopt;
    if (std::to_string(number) != name) return std::nullopt;  // job-007 is a name, but none of ours
    return JobId{number};
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string GoogleApi::location() const {
    return "projects/" + options_.project + "/locations/" + options_.region;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleApi::request(GoogleService service, Verb verb,
                                                                       std::string_view path) const {
    HttpRequest out;
    out.origin = base(service).origin;
    out.verb = verb;
    out.target = base(service).target;
    out.target += path;
    out.headers.set("Accept", "application/json");
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleApi::request(GoogleService service, Verb verb,
                                                                       std::string_view path, Body json) const {
    auto out = request(service, verb, path);
    out.headers.set("Content-Type", "application/json");
    out.body = std::move(json);
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleApi::operation(GoogleService service,
                                                                         std::string_view name) const {
    return request(service, Verb::get, "/v2/" + std::string{name});
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool GoogleApi::is_googles(GoogleService service) const {
    return base(service).origin.host.ends_with('.' + options_.universe_domain);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<GoogleOperation> GoogleApi::read_operation(const HttpResponse& answer) {
    using namespace gcp_api;
    const auto body = parse_object(answer.body);
    if (!body) return unreadable(answer, "an operation is no JSON object");
    GoogleOperation operation;
    operation.name = text_member(*body, "name");
    operation.done = true_member(*body, "done");
    const auto* const failed = object_member(*body, "error");
    const auto* const metadata = object_member(*body, "metadata");
    if (metadata != nullptr) operation.progress = stages_of(*metadata, failed != nullptr);
    // What is asked for next, so it must be the name of an operation and nothing that leads elsewhere.
    const bool fit = operation.name.find("operations/") != std::string::npos &&
                     operation.name.find_first_of("?#% \\") == std::string::npos &&
                     operation.name.find("..") == std::string::npos;
    if (!fit && !operation.done) return unreadable(answer, "an operation has no name");
    if (failed == nullptr) return operation;
    operation.done = true;
    const auto* const code = failed->if_contains("code");
    const auto* known = code != nullptr && code->is_int64() ? by_number(code->get_int64()) : nullptr;
    if (known == nullptr) known = by_number(2);
    auto text = for_people(text_member(*failed, "message"));
    if (text.empty()) text = "Google ended the change and gave no reason";
    if (!operation.progress.empty()) text += " (" + operation.progress + ')';
    operation.failed = error_of(*known, std::move(text), read_details(array_member(*failed, "details")));
    // What went wrong inside a change does not pass by itself, but for a lack of resources, as when many services are
    // changed at once (pitfall 15).
    operation.failed->retryable = known->number == 8;
    if (known->number == 2 || known->number == 13) operation.failed->code = errc::invocation_failed;
    operation.failed->execution = Execution::not_started;
    return operation;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<Error> GoogleApi::judge(const HttpResponse& answer) {
    using namespace gcp_api;
    if (answer.status >= 200 && answer.status < 300) return std::nullopt;
    if (answer.status >= 300 && answer.status < 400)
        return Error{.code = errc::infrastructure,
                     .message = "Google's API redirects to " +
                                for_people(answer.headers.get("Location").value_or("an address it does not name")) +
                                "; redirects are not followed: give that address as the endpoint if you trust it",
                     .http_status = answer.status,
                     .execution = Execution::not_started};
    std::string text;
    std::string code;
    Details told;
    const auto body = parse_object(answer.body);
    const auto* const status = body ? object_member(*body, "error") : nullptr;
    bool googles = status != nullptr;
    if (status != nullptr) {
        text = for_people(text_member(*status, "message"));
        code = for_people(text_member(*status, "status"));
        told = read_details(array_member(*status, "details"));
        const auto& legacy = array_member(*status, "errors");  // Storage's form, which has no status
        if (code.empty() && !legacy.empty() && legacy.front().is_object())
            code = for_people(text_member(legacy.front().get_object(), "reason"));
    } else if (const auto document = read_xml(answer.body); document && document->name == "Error") {
        googles = true;  // Storage, where it is spoken to by signed URLs
        code = for_people(document->text_at("Code"));
        text = for_people(document->text_at("Message"));
    } else if (body) {  // as token endpoints and some proxies answer
        text = for_people(text_member(*body, "error_description"));
        if (text.empty()) text = for_people(text_member(*body, "message"));
    } else {
        text = plain_body_text(answer.body);
    }
    auto meaning = by_status(answer.status, googles);
    if (const auto* named = by_name(code)) meaning = *named;
    if (code == "rateLimitExceeded" || code == "userRateLimitExceeded" || code == "SlowDown")
        meaning = Meaning{0, {}, errc::throttled, true};
    if (code == "RequestTimeout") meaning = Meaning{0, {}, errc::infrastructure, true};  // a 400 of Storage
    if (text.empty()) text = "Google answered HTTP " + std::to_string(answer.status);
    if (!meaning)
        return Error{.code = errc::serialization,
                     .message = std::move(text) + "; that is an answer which Google's APIs do not have",
                     .http_status = answer.status,
                     .platform_code = std::move(code)};
    if (answer.status == 404 && !googles)
        text += "; that was not said by Google's API: check the endpoint, the universe domain and proxies";
    auto error = error_of(*meaning, std::move(text), told);
    error.http_status = answer.status;
    if (!code.empty()) error.platform_code = std::move(code);
    if (!error.retry_after) error.retry_after = read_retry_after(answer);
    return error;
}

}  // namespace blueprint::faas::detail

#endif
