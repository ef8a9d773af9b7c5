#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AZURE_PUBLISH_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AZURE_PUBLISH_IPP

#include "blueprint/faas/codec/azure_publish.hpp"
#include "blueprint/faas/codec/impl/answer_reading.hpp"
#include "blueprint/faas/detail/attempts.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/retry_after.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <utility>

namespace blueprint::faas::detail {

namespace azure_publish {

using answer_reading::for_people;
using answer_reading::parse_object;
using answer_reading::plain_body_text;
using answer_reading::text_member;
namespace json = boost::json;

// The names by which `remedy` knows what the texts of refusals say.
inline constexpr std::string_view no_container = "BlobUploadFailedException (404)";
inline constexpr std::string_view no_access = "BlobUploadFailedException (403)";
inline constexpr std::string_view other_package = "RunFromRemoteZip";

// What a deployment service says may quote a URL, whose signature lets anybody in who has it.
BLUEPRINT_FAAS_COLD inline std::string unsigned_text(std::string_view text) {
    static constexpr std::string_view name = "sig=";
    std::string out{text};
    for (auto at = out.find(name); at != std::string::npos; at = out.find(name, at)) {
        at += name.size();
        const auto end = std::min(out.find_first_of(" \t\r\n\"'&<>,;", at), out.size());
        out.replace(at, end - at, "[redacted]");
    }
    return out;
}

BLUEPRINT_FAAS_COLD inline std::string shown(const HttpResponse& answer) {
    const auto body = parse_object(answer.body);
    std::string text;
    if (body)
        for (const auto* name : {"Message", "message", "ExceptionMessage", "error", "Error"})
            if (text.empty()) text = text_member(*body, name);
    if (text.empty()) return plain_body_text(unsigned_text(answer.body));
    return for_people(unsigned_text(text));
}

BLUEPRINT_FAAS_COLD inline Error unreadable(const HttpResponse& answer, std::string_view what) {
    return Error{.code = errc::serialization,
                 .message = "the app's deployment service does not answer as it is documented: " + std::string{what},
                 .http_status = answer.status,
                 .execution = Execution::not_started};
}

BLUEPRINT_FAAS_COLD inline Error failure(const HttpResponse& answer, errc code, bool retryable,
                                         std::string_view advice) {
    Error error{.code = code,
                .message = "the app's deployment service answers " + std::to_string(answer.status),
                .http_status = answer.status,
                .retryable = retryable,
                .execution = Execution::not_started};
    const auto says = shown(answer);
    if (!says.empty()) error.message += ": " + says;
    if (!advice.empty()) add_reason(error, advice);
    if (retryable) error.retry_after = read_retry_after(answer);
    return error;
}

// What holds for every request.
BLUEPRINT_FAAS_COLD inline Error common_failure(const HttpResponse& answer) {
    switch (answer.status) {
        case 401:
            return failure(answer, errc::authentication, true,
                           "the credential is not known there: it needs the role Website Contributor on the app");
        case 403:
            return failure(answer, errc::authentication, false,
                           "grant the credential the role Website Contributor on the app, and see that the access "
                           "restrictions of the app's advanced tool site let this machine in");
        case 404: return failure(answer, errc::not_found, false, "");
        case 408:
        case 500:
        case 502:
        case 503:
        case 504: return failure(answer, errc::infrastructure, true, "");
        case 429: return failure(answer, errc::throttled, true, "");
        default: return failure(answer, errc::invocation_failed, false, "");
    }
}

BLUEPRINT_FAAS_COLD inline bool is_success(const HttpResponse& answer) {
    return answer.status >= 200 && answer.status < 300;
}

BLUEPRINT_FAAS_COLD inline AzureDeploymentStatus::State state_of(std::int64_t status) {
    using State = AzureDeploymentStatus::State;
    switch (status) {
        case 3:
        case 6: return State::failed;  // 6 is a partial success: some instances have another site than the others
        case 4: return State::succeeded;
        case 5: return State::conflict;
        case -1: return State::cancelled;
        default: return State::running;  // also what is not known yet
    }
}

}  // namespace azure_publish

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<AzurePublish> AzurePublish::make(std::string_view host,
                                                                                AzurePublishWay way) {
    auto url = parse_url("https://" + std::string{host});
    if (!url || url->target != "/")
        return Error{.code = errc::serialization,
                     .message = "Azure names no host of the app's deployment service that could be asked",
                     .execution = Execution::not_started};
    return AzurePublish{std::move(url->origin), way};
}

inline HttpRequest AzurePublish::request(Verb verb, std::string target) const {
    HttpRequest out;
    out.origin = origin_;
    out.verb = verb;
    out.target = std::move(target);
    out.headers.set("Accept", "application/json");
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzurePublish::publish(std::shared_ptr<const Bytes> zip) const {
    auto out = request(Verb::post, way_ == AzurePublishWay::one_deploy
                                       ? "/api/publish?RemoteBuild=false&Deployer=blueprint-faas"
                                       : "/api/zipdeploy?isAsync=true&deployer=blueprint-faas");
    out.headers.set("Content-Type", "application/zip");
    out.body = std::move(zip);
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::string> AzurePublish::read_begun(const HttpResponse& answer) const {
    using namespace azure_publish;
    if (way_ == AzurePublishWay::zip_deploy) {
        const auto location = answer.headers.get("Location");
        if (!location) return std::string{"/api/deployments/latest"};
        if (location->starts_with('/') && !location->starts_with("//")) return std::string{*location};
        const auto url = parse_url(*location);
        // The token goes nowhere but to the app's own deployment service.
        if (!url || !(url->origin == origin_)) return unreadable(answer, "a deployment leads to somewhere else");
        return url->target;
    }
    boost::system::error_code failed;
    const auto body = json::parse(json::string_view{answer.body.data(), answer.body.size()}, failed);
    const auto* id = failed ? nullptr : body.if_string();
    if (id == nullptr || id->empty() || id->size() > 200) return unreadable(answer, "a deployment has no id");
    return "/api/deployments/" + percent_encode(std::string_view{id->data(), id->size()});
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzurePublish::look(std::string_view path) const {
    return request(Verb::get, std::string{path});
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<AzureDeploymentStatus> AzurePublish::read_status(
    const HttpResponse& answer) const {
    using namespace azure_publish;
    AzureDeploymentStatus out;
    out.retry_after = read_retry_after(answer);
    const auto body = parse_object(answer.body);
    const auto* const status = body ? body->if_contains("status") : nullptr;
    if (status == nullptr || !status->is_int64()) {
        // Zip deployment has the answer's status say whether it goes on.
        if (way_ == AzurePublishWay::zip_deploy && answer.status == 202) return out;
        return unreadable(answer, "a deployment has no status");
    }
    out.state = state_of(status->get_int64());
    out.id = text_member(*body, "id");
    for (const auto* name : {"status_text", "progress", "message"})
        if (out.text.empty()) out.text = for_people(unsigned_text(text_member(*body, name)));
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzurePublish::log(const AzureDeploymentStatus& status) const {
    return request(Verb::get,
                   "/api/deployments/" + (status.id.empty() ? "latest" : percent_encode(status.id)) + "/log");
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string AzurePublish::read_log(const HttpResponse& answer) {
    using namespace azure_publish;
    static constexpr std::size_t most_lines = 5;
    boost::system::error_code failed;
    const auto body = json::parse(json::string_view{answer.body.data(), answer.body.size()}, failed);
    const auto* lines = failed ? nullptr : body.if_array();
    std::string out;
    if (lines == nullptr) return out;
    for (auto at = lines->size() - std::min(lines->size(), most_lines); at < lines->size(); ++at) {
        const auto* line = (*lines)[at].if_object();
        const auto text = line != nullptr ? for_people(unsigned_text(text_member(*line, "message"))) : std::string{};
        if (!text.empty()) out.append(out.empty() ? "" : " | ").append(text);
    }
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<Error> AzurePublish::judge_publish(const HttpResponse& answer) {
    using namespace azure_publish;
    if (is_success(answer)) return std::nullopt;
    const auto says = [&](std::string_view text) { return answer.body.find(text) != std::string::npos; };
    const auto named = [](Error error, std::string_view name) {
        error.platform_code = name;
        return error;
    };
    if (answer.status == 400 && says("BlobUploadFailedException")) {
        if (says("404") || says("ContainerNotFound"))
            return named(failure(answer, errc::invocation_failed, false,
                                 "the container for deployments is not in the app's storage account"),
                         no_container);
        if (says("403") || says("Authorization"))
            return named(failure(answer, errc::authentication, false,
                                 "the app may not write to its storage account: see that it allows key access, or that "
                                 "the app's identity has the role Storage Blob Data Contributor there"),
                         no_access);
    }
    switch (answer.status) {
        case 400:
        case 413: return failure(answer, errc::invalid_configuration, false, "");
        case 404:
            return failure(answer, errc::invalid_configuration, false,
                           "the app does not take deployments in this way: Flex Consumption has no zip deployment, and "
                           "other plans have nothing else");
        case 409:
            if (says("WEBSITE_RUN_FROM_PACKAGE") || says("run-from-remote") || says("RunFromRemoteZip"))
                return named(failure(answer, errc::conflict, false,
                                     "the app runs a package from a URL, whose signature may have expired: take the "
                                     "setting WEBSITE_RUN_FROM_PACKAGE away, or set it to 1"),
                             other_package);
            return failure(answer, errc::conflict, false, "another deployment of the app goes on");
        case 415:
            return failure(answer, errc::unsupported, false,
                           "it does not take a zip: the app's plan may be of another kind than Azure tells");
        default: return common_failure(answer);
    }
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<Error> AzurePublish::judge_look(const HttpResponse& answer) {
    if (azure_publish::is_success(answer)) return std::nullopt;
    return azure_publish::common_failure(answer);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL AzurePublishRemedy AzurePublish::remedy(const Error& refused) {
    if (refused.platform_code == azure_publish::no_container) return AzurePublishRemedy::make_container;
    if (refused.platform_code == azure_publish::no_access) return AzurePublishRemedy::wait_for_storage;
    if (refused.platform_code == azure_publish::other_package) return AzurePublishRemedy::none;
    if (refused.http_status == 409) return AzurePublishRemedy::wait_for_other;
    if (refused.http_status == 502 || refused.http_status == 503 || refused.http_status == 504)
        return AzurePublishRemedy::wait_for_service;
    return AzurePublishRemedy::none;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<AzurePublishWatch::Next> AzurePublishWatch::after(
    const result<AzureDeploymentStatus>& look) {
    using State = AzureDeploymentStatus::State;
    if (!look) {
        const auto& error = look.error();
        if (error.code == errc::not_found) {
            if (seen_) return Next::vanished;
            if (++unknown_ <= early_looks) return Next::look_again;
            return Error{.code = errc::infrastructure,
                         .message = "the deployment was accepted, and is not known by now: deploy again",
                         .http_status = error.http_status,
                         .execution = Execution::not_started};
        }
        if (!error.retryable || ++failures_ > most_failures) return error;
        return Next::look_again;
    }
    seen_ = true;
    failures_ = 0;
    const auto& text = look->text;
    const auto ended = [&](errc code, std::string_view what) {
        return Error{.code = code,
                     .message = "the deployment " + std::string{what} + (text.empty() ? "" : ": " + text),
                     .execution = Execution::not_started};
    };
    switch (look->state) {
        case State::running: return Next::look_again;
        case State::succeeded: return Next::done;
        case State::conflict: return ended(errc::conflict, "met another one");
        case State::cancelled: return ended(errc::conflict, "was cancelled, as by a newer one");
        case State::failed: break;
    }
    return ended(errc::invocation_failed, "failed");
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL AzureSiteAnswer read_azure_site_answer(const HttpResponse& answer) {
    using namespace azure_publish;
    AzureSiteAnswer out;
    const auto body = parse_object(answer.body);
    if (!body) return out;
    out.digest = text_member(*body, "site");
    out.instance = for_people(text_member(*body, "instance"));
    return out;
}

}  // namespace blueprint::faas::detail

#endif
