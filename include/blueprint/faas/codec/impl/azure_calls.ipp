#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AZURE_CALLS_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AZURE_CALLS_IPP

#include "blueprint/faas/codec/azure_calls.hpp"
#include "blueprint/faas/codec/impl/answer_reading.hpp"
#include "blueprint/faas/detail/field_names.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <limits>
#include <utility>

namespace blueprint::faas::detail {

namespace azure_calls {

using answer_reading::array_member;
using answer_reading::for_people;
using answer_reading::object_member;
using answer_reading::parse_object;
using answer_reading::plain_body_text;
using answer_reading::refused;
using answer_reading::text_member;
namespace json = boost::json;

inline constexpr std::string_view key_field = "x-functions-key";
inline constexpr std::string_view function_path = "/api/run";

inline constexpr FunctionCalls::Words words{
    .body_limit = "AzureFunctionsOptions::max_body_bytes, of which Azure takes 104857600",
    .too_many = "; send fewer calls at once, or raise AzureFunctionsOptions::instance_concurrency or max_instances",
    .other_address = "give that address as AzureFunctionsOptions::app_url"};

// The words of the host before the program, and of Azure's front end before the host: most have no body.
// Source: Azure Functions documentation, "HTTP trigger", "Limits" and "Work with access keys"; App Service
// documentation, "Troubleshoot HTTP errors 502 and 503".
BLUEPRINT_FAAS_COLD inline std::optional<FunctionCalls::Meaning> host_meaning(unsigned status, bool by_program) {
    using Meaning = FunctionCalls::Meaning;
    switch (status) {
        case 400: return Meaning{errc::invalid_configuration, false, Execution::not_started, ""};
        // Another key is got by the codec, not by the Auth: so it is none of the failures that an Auth can mend.
        case 401:
            return Meaning{errc::authentication, false, Execution::not_started,
                           "; the app did not take the function key: where AzureFunctionsOptions::function_key is "
                           "given, give the one that the app has now"};
        case 403:
            return Meaning{errc::authentication, false, Execution::not_started,
                           "; the app is stopped, or its access restrictions do not let this network in"};
        case 404:
            return Meaning{errc::not_found, false, Execution::not_started,
                           "; there is no app of that name, or it has no function `run` (yet): deploy the job, or "
                           "check app_url"};
        case 405: return Meaning{errc::unsupported, false, Execution::not_started, ""};
        case 413:
            return Meaning{errc::invalid_configuration, false, Execution::not_started,
                           "; send less, or the place where the rest is"};
        case 429:
            return Meaning{errc::throttled, true, Execution::not_started,
                           "; no instance was free for the call: send fewer at once, or raise max_instances or "
                           "FaasConfig::max_concurrency"};
        case 500:
            if (by_program) return Meaning{errc::function_error, false, Execution::started, "; see the function's log"};
            return Meaning{errc::infrastructure, true, Execution::unknown,
                           "; the program ended before it answered, or gave no proper answer: see its log"};
        case 502:
            return Meaning{errc::infrastructure, true, Execution::unknown,
                           "; the program ended before it answered, or had not done so after 230 s, which is as long "
                           "as Azure waits: see its log"};
        case 503:
            return Meaning{errc::infrastructure, true, Execution::unknown,
                           "; the app is starting, or its program cannot be started: see its log"};
        case 504:
            return Meaning{errc::timed_out, true, Execution::unknown,
                           "; Azure waits 230 s for an answer, whatever the timeouts of call and job are: give the job "
                           "less to do"};
        default: return std::nullopt;
    }
}

// What serve() answers says so; what the host answers in its place does not.
BLUEPRINT_FAAS_COLD inline bool is_by_program(const HttpResponse& answer) {
    bool found = false;
    each_field(answer.headers, "x", [&](std::string_view name, std::string_view) {
        found = found || (name.size() > 12 && iequals(name.substr(0, 12), "x-blueprint-"));
    });
    return found;
}

BLUEPRINT_FAAS_COLD inline Error unreadable(std::string message, const HttpResponse& answer) {
    return Error{.code = errc::serialization,
                 .message = std::move(message),
                 .http_status = answer.status,
                 .execution = Execution::not_started};
}

}  // namespace azure_calls

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL AzureCalls::AzureCalls(const AzureFunctionsOptions& options)
    : FunctionCalls{options.max_body_bytes, options.warm_hold, azure_calls::words}, given_key_{options.function_key} {
    if (!given_key_.empty() && !is_key(given_key_)) {
        misconfigured_ = azure_calls::refused(
            "AzureFunctionsOptions::function_key has a character that keys do not have, a line's end perhaps");
        return;
    }
    if (options.app_url.empty()) return;
    auto url = function_url(options.app_url);
    if (!url) {
        misconfigured_ = std::move(url).error();
        misconfigured_->message.insert(0, "AzureFunctionsOptions::app_url: ");
        return;
    }
    if (!given_key_.empty()) given_.emplace(JobId{0U}, AzureAddress{*url, given_key_});
    given_url_ = std::move(*url);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Url> AzureCalls::function_url(std::string_view app_url) {
    auto url = parse_url(app_url);
    if (!url) return url;
    auto& target = url->target;
    if (target.find('?') != std::string::npos)
        return azure_calls::refused(
            "the URL has a query; give the app's address alone, as https://my-app.azurewebsites.net, and its key as "
            "AzureFunctionsOptions::function_key");
    while (target.ends_with('/')) target.pop_back();
    if (!target.ends_with(azure_calls::function_path)) target += azure_calls::function_path;
    return url;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Url> AzureCalls::function_url_of(std::string_view host) {
    if (host.find_first_of("/?#@") != std::string_view::npos)
        return Error{.code = errc::serialization,
                     .message = "Azure's answer is not what its API says: the app's host name '" +
                                azure_calls::for_people(host) + "' is none",
                     .execution = Execution::not_started};
    return function_url("https://" + std::string{host});
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool AzureCalls::is_key(const Secret& key) noexcept {
    const auto text = key.reveal();
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL void AzureCalls::begin_form(CallForm& form, JobId id,
                                                                    const AzureAddress& address, std::uint64_t state,
                                                                    Form bytes) const {
    FunctionCalls::begin_form(form, id, address.url, bytes);
    form.audience.clear();
    form.request.headers.add(azure_calls::key_field, address.key.reveal());
    form.fix(id, state);
}

BLUEPRINT_FAAS_DECL std::optional<Error> AzureCalls::judge(const HttpResponse& answer) {
    using namespace azure_calls;
    if (answer.status == 200) return std::nullopt;
    if (auto told = function_failure(answer, azure_calls::words)) return told;
    return front_failure(answer, plain_body_text(answer.body), host_meaning(answer.status, is_by_program(answer)));
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureCalls::warm_request(const AzureAddress& address) const {
    auto request = FunctionCalls::warm_request(address.url);
    request.headers.set(azure_calls::key_field, address.key.reveal());
    return request;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureCalls::health_request(const AzureAddress& address) {
    auto request = FunctionCalls::health_request(address.url);
    request.headers.set(azure_calls::key_field, address.key.reveal());
    return request;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<AzureAppAnswer> AzureCalls::read_app(const HttpResponse& answer) {
    using namespace azure_calls;
    const auto body = parse_object(answer.body);
    const auto status = body ? text_member(*body, "status") : std::string_view{};
    if (status.empty()) return unreadable("something answers there, but not as serve() does", answer);
    AzureAppAnswer app;
    app.healthy = status == "healthy";
    app.words = for_people(status);
    app.instance = for_people(text_member(*body, "instance"));
    app.revision = for_people(text_member(*body, "revision"));
    app.site = for_people(text_member(*body, "site"));
    const auto* jobs = body->if_contains("jobs");
    if (jobs == nullptr || !jobs->is_array()) return app;
    app.jobs.emplace();
    for (const auto& job : jobs->get_array()) {
        if (!job.is_int64() && !job.is_uint64()) continue;
        const auto number = job.is_uint64() ? job.get_uint64() : static_cast<std::uint64_t>(job.get_int64());
        if (number <= std::numeric_limits<std::uint32_t>::max())
            app.jobs->emplace_back(static_cast<std::uint32_t>(number));
    }
    return app;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureCalls::host_status_request(const Url& function,
                                                                                    const Secret& master_key) {
    auto url = function;
    url.target.resize(url.target.size() - azure_calls::function_path.size());
    url.target += "/admin/host/status";
    auto request = FunctionCalls::health_request(url);
    request.headers.set(azure_calls::key_field, master_key.reveal());
    return request;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<AzureHostStatus> AzureCalls::read_host_status(
    const HttpResponse& answer) {
    using namespace azure_calls;
    const auto body = parse_object(answer.body);
    AzureHostStatus status;
    if (body) status.state = for_people(text_member(*body, "state"));
    if (status.state.empty()) return unreadable("the app's host does not tell its state", answer);
    for (const auto& error : array_member(*body, "errors"))
        if (const auto* text = error.if_string(); text != nullptr)
            status.errors.push_back(for_people(std::string_view{*text}));
    return status;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL PlatformDescription AzureCalls::describe(std::uint64_t package_bytes) {
    PlatformDescription out;
    out.spec = "v4";  // of the functions' host
    out.features = {"list", "warm", "plan"};
    out.limits = {{"request_bytes", azure_request_bytes},
                  {"package_bytes", package_bytes},
                  {"memory_mb.min", 512},
                  {"memory_mb.max", 4096},
                  {"timeout_secs.min", 1},
                  {"timeout_secs.max", static_cast<std::uint64_t>(azure_longest_call.count())},
                  {"instances.min", 40},
                  {"instances.max", 1000}};
    return out;
}

}  // namespace blueprint::faas::detail

#endif
