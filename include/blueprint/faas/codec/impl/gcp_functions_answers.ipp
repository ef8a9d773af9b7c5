#ifndef BLUEPRINT_FAAS_CODEC_IMPL_GCP_FUNCTIONS_ANSWERS_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_GCP_FUNCTIONS_ANSWERS_IPP

// What Cloud Functions answers.

#include "blueprint/faas/codec/gcp_functions_api.hpp"
#include "blueprint/faas/codec/impl/gcp_reading.hpp"
#include "blueprint/faas/detail/attempts.hpp"
#include "blueprint/faas/detail/wiped_json.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <utility>

namespace blueprint::faas::detail {

namespace gcp_functions {

using gcp_reading::array_member;
using gcp_reading::for_people;
using gcp_reading::number_member;
using gcp_reading::object_member;
using gcp_reading::text_member;
using gcp_reading::unreadable;
namespace json = boost::json;

BLUEPRINT_FAAS_COLD inline std::map<std::string, std::string> texts_in(const json::object& object,
                                                                       std::string_view name) {
    std::map<std::string, std::string> out;
    if (const auto* all = object_member(object, name))
        for (const auto& one : *all)
            if (const auto* text = one.value().if_string()) out.emplace(one.key(), *text);
    return out;
}

BLUEPRINT_FAAS_COLD inline std::string messages_in(const json::object& function) {
    std::string text;
    for (const auto& one : array_member(function, "stateMessages")) {
        const auto* told = one.if_object();
        if (told == nullptr) continue;
        text += text.empty() ? "" : "; ";
        const auto type = text_member(*told, "type");
        if (!type.empty()) text.append(type).append(": ");
        text += text_member(*told, "message");
    }
    return for_people(text);
}

BLUEPRINT_FAAS_COLD inline GoogleFunction function_in(const json::object& body) {
    static const json::object none;
    GoogleFunction out;
    const auto part = [&](std::string_view name) -> const json::object& {
        const auto* found = object_member(body, name);
        return found != nullptr ? *found : none;
    };
    const auto& build = part("buildConfig");
    const auto& service = part("serviceConfig");
    const auto number = [&](std::string_view name) { return number_member<std::uint32_t>(service, name).value_or(0); };
    out.name = text_member(body, "name");
    out.first_generation = text_member(body, "environment") == "GEN_1";
    out.state = text_member(body, "state");
    out.problem = messages_in(body);
    out.uri = text_member(service, "uri");
    out.service = text_member(service, "service");
    out.revision = text_member(service, "revision");
    out.update_time = text_member(body, "updateTime");
    out.description = text_member(body, "description");
    out.runtime = text_member(build, "runtime");
    out.entry_point = text_member(build, "entryPoint");
    out.build_service_account = text_member(build, "serviceAccount");
    out.memory = text_member(service, "availableMemory");
    out.cpu = text_member(service, "availableCpu");
    out.service_account = text_member(service, "serviceAccountEmail");
    out.ingress = text_member(service, "ingressSettings");
    out.timeout = number("timeoutSeconds");
    out.concurrency = number("maxInstanceRequestConcurrency");
    out.min_instances = number("minInstanceCount");
    out.max_instances = number("maxInstanceCount");
    const auto* all = service.if_contains("allTrafficOnLatestRevision");
    out.latest_gets_all = all == nullptr || !all->is_bool() || all->get_bool();
    if (const auto* variables = object_member(service, "environmentVariables"))
        for (const auto& one : *variables)
            if (const auto* text = one.value().if_string())
                out.environment.emplace(one.key(), Secret{std::string_view{*text}});
    out.labels = texts_in(body, "labels");
    return out;
}

}  // namespace gcp_functions

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string GoogleFunction::status() const {
    auto text = state.empty() ? std::string{"its state is not told"} : "it is " + gcp_functions::for_people(state);
    return problem.empty() ? text : std::move(text) + ": " + problem;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<GoogleFunction> GoogleFunctions::read_function(HttpResponse& answer) {
    result<GoogleFunction> out;
    {
        WipedMemory memory{answer.body.size()};
        boost::system::error_code failed;
        const auto body = boost::json::parse(answer.body, failed, memory.storage());
        if (failed || !body.is_object())
            out = gcp_functions::unreadable(answer, "a function is no JSON object");
        else
            out = gcp_functions::function_in(body.get_object());
    }
    wipe(answer.body);
    if (out && out->name.empty()) return gcp_functions::unreadable(answer, "a function has no name");
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<GoogleFunctionPage> GoogleFunctions::read_page(HttpResponse& answer) {
    using namespace gcp_functions;
    result<GoogleFunctionPage> out;
    bool named = true;
    {
        WipedMemory memory{answer.body.size()};
        boost::system::error_code failed;
        const auto value = boost::json::parse(answer.body, failed, memory.storage());
        const auto* list = failed || !value.is_object() ? nullptr : value.get_object().if_contains("functions");
        if (failed || !value.is_object()) {
            out = unreadable(answer, "a list of functions is no JSON object");
        } else if (list != nullptr && !list->is_array()) {
            out = unreadable(answer, "the member functions is no list");
        } else {
            const auto& body = value.get_object();
            for (const auto& one : array_member(body, "functions")) {
                out->functions.push_back(one.is_object() ? function_in(one.get_object()) : GoogleFunction{});
                named = named && !out->functions.back().name.empty();
            }
            out->next = text_member(body, "nextPageToken");
            for (const auto& place : array_member(body, "unreachable"))
                if (place.is_string())
                    out->unreachable.append(out->unreachable.empty() ? "" : ", ")
                        .append(for_people(place.get_string()));
        }
    }
    wipe(answer.body);
    if (out && !named) return unreadable(answer, "a function in a list has no name");
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<GoogleUpload> GoogleFunctions::read_upload(const HttpResponse& answer) {
    using namespace gcp_functions;
    const auto body = gcp_reading::parse_object(answer.body);
    if (!body) return unreadable(answer, "where the source is to be brought is no JSON object");
    auto url = parse_url(text_member(*body, "uploadUrl"));
    const auto* const source = object_member(*body, "storageSource");
    if (!url || source == nullptr || text_member(*source, "bucket").empty() || text_member(*source, "object").empty())
        return unreadable(answer, "it is not told where the source is to be brought");
    GoogleUpload out;
    out.url = std::move(*url);
    out.bucket = text_member(*source, "bucket");
    out.object = text_member(*source, "object");
    out.generation = text_member(*source, "generation");
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL FaasDeployment GoogleFunctions::deployment(JobId id,
                                                                                   const GoogleFunction& function) {
    FaasDeployment out;
    out.job_id = id;
    out.function_id = function.name;
    out.endpoint = function.uri;
    out.state = function.is_active()     ? DeploymentState::deployed
                : function.is_changing() ? DeploymentState::deploying
                                         : DeploymentState::failed;
    if (const auto bytes = read_memory_bytes(function.memory))
        out.memory_mib = static_cast<std::uint32_t>(*bytes >> 20U);
    if (function.timeout != 0) out.timeout = std::chrono::seconds{function.timeout};
    out.revision = function.revision;
    out.package_sha256 = labelled_package(function.labels);
    out.deployed_at = function.update_time;
    if (!function.is_active()) out.problem = function.status();
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Error GoogleFunctions::explained(Error error) {
    const auto says = [&](std::string_view text) { return error.message.find(text) != std::string::npos; };
    const bool is_build = says("uild failed") || says("BUILD") || says("uild service account");
    if (says("listen on the port") || says("HealthCheckContainerError") || says("failed to start"))
        add_reason(
            error,
            "the program did not start: see its log, and whether it runs on x86_64 with the libraries of Ubuntu");
    else if (says("fetcher") || (says("artifactregistry") && says("serverless-runtimes")))
        add_reason(error, "Google's own build cannot get its images in this project; Cloud Run needs no build");
    else if (is_build && (says("ermission") || says("does not have") || says("ccess denied") || says("403")))
        add_reason(
            error,
            "the account that builds lacks rights: grant it roles/cloudbuild.builds.builder, or name another one "
            "in CloudFunctionOptions::build_service_account");
    return error;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL PlatformDescription GoogleFunctions::describe() {
    static constexpr std::uint64_t most_body = 32U << 20U;
    PlatformDescription out;
    out.spec = "v2";
    out.features = {"list", "warm", "plan"};
    out.limits = {{"request_bytes", most_body}, {"response_bytes", most_body},   {"package_bytes", 100U << 20U},
                  {"memory_mb.min", 128},       {"memory_mb.max", 32'768},       {"timeout_secs.min", 1},
                  {"timeout_secs.max", 3600},   {"instance_concurrency.min", 1}, {"instance_concurrency.max", 1000}};
    return out;
}

}  // namespace blueprint::faas::detail

#endif
