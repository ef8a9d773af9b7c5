#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_METADATA_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_METADATA_IPP

#include "blueprint/faas/local/azure_metadata.hpp"
#include "blueprint/faas/local/impl/answer_json.hpp"
#include "blueprint/faas/local/impl/form_words.hpp"
#include "blueprint/faas/local/options.hpp"

#include <boost/json/object.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace blueprint::faas::local {

namespace azure_metadata {

inline constexpr std::string_view machine_path = "/metadata/identity/oauth2/token";
inline constexpr std::string_view app_path = "/msi/token";

/// The path of a request; Microsoft's own library puts a slash at its end.
inline std::string_view path_without_slash(const ServerRequest& request) {
    auto path = path_of(request);
    if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    return path;
}

inline std::optional<HttpForm> read_query(const ServerRequest& request) {
    const auto query = std::string_view{request.target}.substr(path_of(request).size());
    return read_http_form(query.empty() ? query : query.substr(1));
}

/// Why no identity is given. `several`: it was not said which one.
struct Choice {
    const AzureManagedIdentity* identity = nullptr;
    bool several = false;
};

/// Chooses who is asked for. `by_resource`: how the parameter that names an identity's resource is called.
inline Choice choose(const AzureOptions& options, const HttpForm& form, std::string_view by_resource) {
    const auto& all = options.identities;
    const std::array<std::pair<std::string_view, std::string AzureManagedIdentity::*>, 4> names{{
        {"client_id", &AzureManagedIdentity::client_id},
        {"object_id", &AzureManagedIdentity::object_id},
        {"principal_id", &AzureManagedIdentity::object_id},
        {by_resource, &AzureManagedIdentity::resource_id},
    }};
    for (const auto& [name, member] : names) {
        const auto wanted = form_text(form, name);
        if (wanted.empty()) continue;
        const auto found = std::find_if(all.begin(), all.end(), [wanted, of = member](const auto& each) {
            return faas::detail::iequals(each.*of, wanted);
        });
        return {.identity = found == all.end() ? nullptr : &*found};
    }
    for (const auto& each : all)
        if (each.system_assigned) return {.identity = &each};
    if (all.size() == 1) return {.identity = &all.front()};
    return {.several = all.size() > 1};
}

inline ServerAnswer machine_answer(unsigned status, const boost::json::object& content) {
    ServerAnswer answer{.status = status, .content_type = "application/json; charset=utf-8"};
    answer.headers.emplace_back("Server", "IMDS/150.870.65.1854");
    answer.body = answer_json(content);
    return answer;
}

inline ServerAnswer machine_refusal(unsigned status, std::string_view error, std::string_view text) {
    return machine_answer(status, {{"error", error}, {"error_description", text}});
}

inline ServerAnswer app_refusal(unsigned status, std::string_view text) {
    ServerAnswer answer{.status = status, .content_type = "application/json; charset=utf-8"};
    answer.body = answer_json(boost::json::object{{"statusCode", status}, {"message", text}});
    return answer;
}

}  // namespace azure_metadata

BLUEPRINT_FAAS_DECL bool AzureMetadata::takes(const ServerRequest& head) {
    const auto path = azure_metadata::path_without_slash(head);
    // Another name below "/metadata/" is the management API's.
    return path.starts_with("/metadata/identity/") || path.starts_with("/metadata/instance") ||
           path == azure_metadata::app_path;
}

BLUEPRINT_FAAS_DECL const AzureToken& AzureMetadata::token(const AzureManagedIdentity& identity,
                                                           std::string_view resource) {
    constexpr std::size_t most = 1000;
    if (current_.size() > most) current_.clear();
    auto& current = current_[identity.client_id + ' ' + std::string{resource}];
    const auto early = std::min<std::chrono::seconds>(std::chrono::minutes{5}, options_.token_life / 2);
    if (current.value.empty() || current.expires - clock_.now() <= early)
        current = tokens_.issue({.client_id = identity.client_id,
                                 .object_id = identity.object_id,
                                 .audience = std::string{resource},
                                 .resource_id = identity.resource_id});
    return current;
}

BLUEPRINT_FAAS_DECL ServerAnswer AzureMetadata::machine(const ServerRequest& request) {
    using namespace azure_metadata;
    const auto bad = [](std::string_view text) { return machine_refusal(400, "invalid_request", text); };
    if (request.field("x-forwarded-for")) return bad("Requests that were forwarded (X-Forwarded-For) are not accepted");
    if (!faas::detail::iequals(request.field("metadata").value_or(""), "true"))
        return bad("Required metadata header not specified");
    if (path_without_slash(request) != machine_path)
        return machine_refusal(404, "not_found", "There is nothing of that name here");
    if (request.method != "GET") return machine_refusal(405, "method_not_allowed", "Only GET is allowed here");
    const auto form = read_query(request);
    if (!form) return bad("The query is malformed");
    const auto version = form_text(*form, "api-version");
    if (version.empty()) return bad("Required query variable 'api-version' is missing");
    if (version < "2018-02-01") return bad("The api-version '" + std::string{version} + "' is not supported");
    const auto resource = form_text(*form, "resource");
    if (resource.empty()) return bad("Required query variable 'resource' is missing");
    const auto choice = choose(options_, *form, "msi_res_id");
    if (choice.several)
        return bad(
            "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity "
            "in the token request");
    if (choice.identity == nullptr) return bad("Identity not found");
    if (azure_resource(resource, url_) == AzureResource::none)
        return machine_refusal(400, "invalid_resource",
                               "AADSTS500011: The resource principal named " + std::string{resource} +
                                   " was not found in the tenant named " + options_.tenant + '.');
    const auto& given = token(*choice.identity, resource);
    const auto expires = std::chrono::floor<std::chrono::seconds>(given.expires).time_since_epoch().count();
    const auto life = std::int64_t{options_.token_life.count()};
    return machine_answer(200, {{"access_token", given.value.reveal()},
                                {"client_id", choice.identity->client_id},
                                {"expires_in", std::to_string(expires - clock_.seconds())},
                                {"expires_on", std::to_string(expires)},
                                {"ext_expires_in", std::to_string(life)},
                                {"not_before", std::to_string(expires - life - 300)},
                                {"resource", resource},
                                {"token_type", "Bearer"}});
}

BLUEPRINT_FAAS_DECL ServerAnswer AzureMetadata::app_service(const ServerRequest& request) {
    using namespace azure_metadata;
    const auto header = request.field("x-identity-header");
    // It keeps others' requests from being sent there by a function: who sends one cannot add a field.
    if (!header || !same_secret(*header, options_.identity_header))
        return app_refusal(401, "The X-IDENTITY-HEADER is missing or wrong.");
    if (request.method != "GET") return app_refusal(405, "Only GET is allowed here.");
    const auto form = read_query(request);
    if (!form) return app_refusal(400, "The query is malformed.");
    if (form_text(*form, "api-version") != "2019-08-01") return app_refusal(400, "The api-version must be 2019-08-01.");
    const auto resource = form_text(*form, "resource");
    if (resource.empty()) return app_refusal(400, "The parameter resource is missing.");
    const auto choice = choose(options_, *form, "mi_res_id");
    if (choice.identity == nullptr)
        return app_refusal(400, choice.several ? "Several identities are assigned: name one."
                                               : "No Managed Identity found for specified ClientId/ResourceId/"
                                                 "PrincipalId.");
    if (azure_resource(resource, url_) == AzureResource::none)
        return app_refusal(400, "AADSTS500011: The resource principal named " + std::string{resource} +
                                    " was not found in the tenant named " + options_.tenant + '.');
    const auto& given = token(*choice.identity, resource);
    const auto expires = std::chrono::floor<std::chrono::seconds>(given.expires).time_since_epoch().count();
    return token_answer({{"access_token", given.value.reveal()},
                         {"expires_on", std::to_string(expires)},
                         {"resource", resource},
                         {"token_type", "Bearer"},
                         {"client_id", choice.identity->client_id}});
}

BLUEPRINT_FAAS_DECL ServerAnswer AzureMetadata::answer(const ServerRequest& request) {
    if (azure_metadata::path_without_slash(request) != azure_metadata::app_path) return machine(request);
    if (options_.identity_header.empty()) return azure_metadata::app_refusal(404, "There is no managed identity here.");
    return app_service(request);
}

}  // namespace blueprint::faas::local

#endif
