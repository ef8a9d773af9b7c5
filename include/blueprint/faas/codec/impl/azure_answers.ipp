#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AZURE_ANSWERS_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AZURE_ANSWERS_IPP

#include "blueprint/faas/codec/azure_api.hpp"
#include "blueprint/faas/codec/impl/azure_reading.hpp"
#include "blueprint/faas/detail/retry_after.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail {

namespace azure_reading {

// A text of Azure's may repeat a setting that it did not like: what is a secret in it goes.
BLUEPRINT_FAAS_COLD inline std::string without_secrets(std::string text) {
    for (const std::string_view name : {"AccountKey=", "SharedAccessSignature=", "sig=", "code="}) {
        for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at)) {
            at += name.size();
            const auto end = std::min(text.find_first_of("; \"'&,<>)", at), text.size());
            text.replace(at, end - at, "...");
        }
    }
    return text;
}

BLUEPRINT_FAAS_COLD inline std::string either_member(const json::object& object, std::string_view small,
                                                     std::string_view capital) {
    const auto text = text_member(object, small);
    return without_secrets(for_people(text.empty() ? text_member(object, capital) : text));
}

BLUEPRINT_FAAS_COLD inline Told told_by(const json::object& error) {
    static constexpr std::size_t most = 1200;
    Told told;
    told.code = either_member(error, "code", "Code");
    told.message = either_member(error, "message", "Message");
    told.azures = !told.code.empty() || !told.message.empty();
    const auto add = [&](const std::string& more) {
        if (more.empty() || told.message.size() > most || told.message.find(more) != std::string::npos) return;
        told.message.append(told.message.empty() ? "" : "; ").append(more);
    };
    for (const auto* name : {"details", "Details"})
        for (const auto& one : array_member(error, name))
            if (one.is_object()) add(either_member(one.get_object(), "message", "Message"));
    return told;
}

struct Meaning {
    errc code{};
    bool retryable = false;
};

// `azures`: the API itself said so. Whoever else says 404 knows nothing of what is there.
BLUEPRINT_FAAS_COLD inline std::optional<Meaning> by_status(unsigned status, bool azures) {
    switch (status) {
        case 0: return Meaning{errc::invocation_failed, false};  // a change went wrong, which does not pass by itself
        case 400:
        case 411:
        case 413:
        case 415:
        case 422: return Meaning{errc::invalid_configuration, false};
        case 401: return Meaning{errc::authentication, true};
        case 403: return Meaning{errc::authentication, false};
        case 404: return Meaning{azures ? errc::not_found : errc::invalid_configuration, false};
        case 405:
        case 501: return Meaning{errc::unsupported, false};
        case 409:
        case 412: return Meaning{errc::conflict, false};
        case 410: return Meaning{errc::invocation_failed, false};
        case 429: return Meaning{errc::throttled, true};
        case 408:
        case 500:
        case 502:
        case 503:
        case 504: return Meaning{errc::infrastructure, true};
        default: return std::nullopt;
    }
}

// Codes that mean another thing than their status does elsewhere.
BLUEPRINT_FAAS_COLD inline std::optional<Meaning> by_code(std::string_view code) {
    struct Row {
        std::string_view code{};
        Meaning meaning{};
    };
    static constexpr std::array rows{
        // A subscription or a type that is not there is no resource that is absent: nothing can be made in it.
        Row{"SubscriptionNotFound", {errc::invalid_configuration, false}},
        Row{"InvalidSubscriptionId", {errc::invalid_configuration, false}},
        Row{"InvalidResourceType", {errc::invalid_configuration, false}},
        Row{"NoRegisteredProviderFound", {errc::invalid_configuration, false}},
        Row{"TooManyRequests", {errc::throttled, true}},
        Row{"SubscriptionRequestsThrottled", {errc::throttled, true}},
        Row{"ServerTimeout", {errc::infrastructure, true}},
    };
    const auto* const found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.code == code; });
    return found == rows.end() ? std::nullopt : std::optional{found->meaning};
}

// Says what to do, where the refusal's own words do not.
BLUEPRINT_FAAS_COLD inline std::string_view advice(const Told& told, const Meaning& meaning) {
    struct Row {
        std::string_view code{};
        std::string_view advice{};
    };
    static constexpr std::array rows{
        Row{"AuthorizationFailed", "; grant the credential the role Contributor on the resource group"},
        Row{"LinkedAuthorizationFailed", "; grant the credential rights on what the request refers to"},
        Row{"InvalidAuthenticationTokenTenant", "; the credential is of another tenant than the subscription"},
        Row{"SubscriptionNotFound", "; check AzureFunctionsOptions::subscription, and the credential's tenant"},
        Row{"ResourceGroupNotFound", "; check AzureFunctionsOptions::resource_group"},
        Row{"RequestDisallowedByPolicy", "; a policy of the subscription forbids it: ask who looks after it"},
        Row{"ScopeLocked", "; a lock forbids it: have it removed"},
        Row{"MissingSubscriptionRegistration", "; register the resource provider for the subscription"},
        Row{"LocationNotAvailableForResourceType", "; choose another AzureFunctionsOptions::location"},
        Row{"StorageAccountAlreadyTaken", "; name another one in AzureFunctionsOptions::storage_account"},
        Row{"SubscriptionIsOverQuotaForSku", "; have the quota raised, or choose another location"},
    };
    const auto* const found =
        std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.code == told.code; });
    if (found != rows.end()) return found->advice;
    switch (meaning.code) {
        case errc::authentication:
            return meaning.retryable ? "; check the credential, and this machine's clock"
                                     : "; grant the credential what is missing";
        case errc::throttled: return "; ask for less at once, or wait";
        case errc::infrastructure: return "; Azure has a problem, try again later";
        default: return "";
    }
}

BLUEPRINT_FAAS_COLD inline Error error_told(Told told, unsigned status) {
    if (told.message.empty())
        told.message =
            status == 0 ? "Azure ended the change and gave no reason" : "Azure answered HTTP " + std::to_string(status);
    auto meaning = by_status(status, told.azures);
    if (const auto named = by_code(told.code)) meaning = named;
    if (!meaning)
        return Error{.code = errc::serialization,
                     .message = std::move(told.message) + "; that is an answer which Azure's APIs do not have",
                     .http_status = status,
                     .platform_code = std::move(told.code)};
    if (status == 404 && !told.azures)
        told.message += "; that was not said by Azure's API: check the endpoint and proxies";
    Error error{.code = meaning->code};
    error.message = told.message;
    error.message += advice(told, *meaning);
    error.http_status = status;
    error.platform_code = std::move(told.code);
    error.retryable = meaning->retryable;
    error.execution = meaning->code == errc::infrastructure ? Execution::unknown : Execution::not_started;
    return error;
}

BLUEPRINT_FAAS_COLD inline bool says(const Error& error, std::string_view text) {
    return error.message.find(text) != std::string::npos;
}

// The name of a resource provider and nothing else, because it goes into a path.
BLUEPRINT_FAAS_COLD inline std::string provider_at(std::string_view text) {
    const auto end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.");
    const auto name = text.substr(0, end);
    return name.starts_with('.') || name.find('.') == std::string_view::npos ? std::string{} : std::string{name};
}

}  // namespace azure_reading

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<Error> AzureApi::judge(const HttpResponse& answer) {
    using namespace azure_reading;
    if (answer.status >= 200 && answer.status < 300) return std::nullopt;
    if (answer.status >= 300 && answer.status < 400) {
        const auto where = answer.headers.get("Location").value_or("an address it does not name");
        return Error{.code = errc::infrastructure,
                     .message = "Azure's API redirects to " + for_people(where.substr(0, where.find('?'))) +
                                "; redirects are not followed: give that address as the endpoint if you trust it",
                     .http_status = answer.status,
                     .execution = Execution::not_started};
    }
    Told told;
    const auto body = parse_object(answer.body);
    if (const auto* const wrapped = body ? object_member(*body, "error") : nullptr) {
        told = told_by(*wrapped);
    } else if (body) {
        told = told_by(*body);
    } else {
        told.message = without_secrets(plain_body_text(answer.body));
    }
    auto error = error_told(std::move(told), answer.status);
    error.retry_after = read_retry_after(answer);
    error.request_id = for_people(answer.headers.get("x-ms-request-id").value_or(""));
    return error;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<Error> AzureApi::judge_host(const HttpResponse& answer) {
    auto error = judge(answer);
    if (!error || !azure_reading::says(*error, "from host runtime")) return error;
    // The management API hands on with 400 what the app's host cannot do yet.
    error->code = errc::infrastructure;
    error->retryable = true;
    error->execution = Execution::not_started;
    return error;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool AzureApi::is_busy(const Error& error) {
    using azure_reading::says;
    static constexpr std::array<std::string_view, 6> codes{
        "AnotherOperationInProgress", "OperationInProgress", "StorageAccountOperationInProgress",
        "ResourceGroupBeingDeleted",  "RequestConflict",     "ConflictingConcurrentWriteNotAllowed"};
    if (std::find(codes.begin(), codes.end(), error.platform_code) != codes.end()) return true;
    // App Service has this one code for what goes on and for names that are somebody else's.
    return error.platform_code == "Conflict" && !says(error, "already exists") && !says(error, "already in use") &&
           !says(error, "not available") && !says(error, "taken") && !says(error, "cannot be deleted");
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string AzureApi::unregistered(const Error& error,
                                                                           const HttpRequest& request) {
    using azure_reading::provider_at;
    if (error.platform_code != "MissingSubscriptionRegistration") return {};
    static constexpr std::string_view lead = "namespace '";
    if (const auto at = error.message.find(lead); at != std::string::npos)
        if (auto name = provider_at(std::string_view{error.message}.substr(at + lead.size())); !name.empty())
            return name;
    static constexpr std::string_view part = "/providers/";
    const auto at = request.target.rfind(part);
    return at == std::string::npos ? std::string{}
                                   : provider_at(std::string_view{request.target}.substr(at + part.size()));
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<bool> AzureApi::read_registered(const HttpResponse& answer) {
    using namespace azure_reading;
    const auto body = parse_object(answer.body);
    if (!body || text_member(*body, "registrationState").empty())
        return unreadable(answer, "a resource provider has no registrationState");
    return text_member(*body, "registrationState") == "Registered";
}

}  // namespace blueprint::faas::detail

#endif
