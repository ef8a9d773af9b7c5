#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_GATE_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_GATE_IPP

#include "blueprint/faas/local/azure_gate.hpp"
#include "blueprint/faas/local/impl/answer_json.hpp"
#include "blueprint/faas/local/impl/form_words.hpp"

#include <boost/json/object.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL ServerAnswer azure_failure(const Error& error, std::string_view tenant) {
    const unsigned http_status = error.http_status == 0 ? 500 : error.http_status;
    const std::string code = error.platform_code.empty() ? "InternalServerError" : error.platform_code;
    const boost::json::object content{{"code", code}, {"message", error.message}};
    ServerAnswer answer{.status = http_status, .content_type = "application/json; charset=utf-8"};
    answer.body = answer_json(boost::json::object{{"error", content}});
    if (http_status == 401) {
        const std::string_view why = code == "AuthenticationFailed"
                                         ? "The authentication failed because of missing 'Authorization' header."
                                         : std::string_view{error.message};
        answer.headers.emplace_back("WWW-Authenticate",
                                    "Bearer authorization_uri=\"https://login.windows.net/" + std::string{tenant} +
                                        "\", error=\"invalid_token\", error_description=\"" + std::string{why} + '"');
    }
    return answer;
}

BLUEPRINT_FAAS_DECL bool AzureGate::shows_token(const ServerRequest& head) {
    const auto field = head.field("authorization");
    return field && bearer_token(*field);
}

BLUEPRINT_FAAS_DECL result<AzureCaller> AzureGate::judge_management(const ServerRequest& head) const {
    const auto field = head.field("authorization");
    if (!field || field->empty())
        return azure_refusal(401, "AuthenticationFailed",
                             "Authentication failed. The 'Authorization' header is missing.");
    const auto token = bearer_token(*field);
    if (!token)
        return azure_refusal(401, "AuthenticationFailedInvalidHeader",
                             "Authentication failed. The 'Authorization' header is provided in an invalid format.");
    auto caller = tokens_.judge(*token);
    if (!caller) return caller.error();
    if (azure_resource(caller->audience, url_) != AzureResource::management)
        return azure_refusal(
            401, "InvalidAuthenticationTokenAudience",
            "The access token has been obtained for wrong audience or resource '" + caller->audience +
                "'. It should exactly match with one of the allowed audiences "
                "'https://management.core.windows.net/','https://management.core.windows.net','https://"
                "management.azure.com/','https://management.azure.com'.");
    return std::move(*caller);
}

BLUEPRINT_FAAS_DECL bool AzureGate::may_administrate(const AzureCaller& caller) const {
    if (!options_.administrators) return true;
    const auto& known = *options_.administrators;
    return std::find(known.begin(), known.end(), caller.client_id) != known.end();
}

BLUEPRINT_FAAS_DECL result<void> AzureGate::require(const AzureCaller& caller, std::string_view action,
                                                    std::string_view scope) const {
    if (may_administrate(caller)) return {};
    return azure_refusal(403, "AuthorizationFailed",
                         "The client '" + caller.client_id + "' with object id '" + caller.object_id +
                             "' does not have authorization to perform action '" + std::string{action} +
                             "' over scope '" + std::string{scope} +
                             "' or the scope is invalid. If access was recently granted, please refresh your "
                             "credentials.");
}

BLUEPRINT_FAAS_DECL result<AzureCaller> AzureGate::judge_storage(const ServerRequest& head) const {
    const auto field = head.field("authorization");
    if (!field || field->empty())
        return azure_refusal(401, "NoAuthenticationInformation",
                             "Server failed to authenticate the request. Please refer to the information in the "
                             "www-authenticate header.");
    const auto token = bearer_token(*field);
    if (!token)
        return azure_refusal(400, "InvalidAuthenticationInfo",
                             "Authentication information is not given in the correct format. Check the value of "
                             "Authorization header.");
    auto caller = tokens_.judge(*token);
    if (!caller || azure_resource(caller->audience, url_) != AzureResource::storage)
        return azure_refusal(401, "InvalidAuthenticationInfo",
                             "Server failed to authenticate the request. Please refer to the information in the "
                             "www-authenticate header.");
    return std::move(*caller);
}

BLUEPRINT_FAAS_DECL result<void> AzureGate::require_storage(const AzureCaller& caller) const {
    if (may_administrate(caller)) return {};
    return azure_refusal(403, "AuthorizationPermissionMismatch",
                         "This request is not authorized to perform this operation using this permission.");
}

BLUEPRINT_FAAS_DECL std::string AzureGate::storage_challenge() const {
    return "Bearer authorization_uri=https://login.microsoftonline.com/" + options_.tenant +
           "/oauth2/authorize resource_id=https://storage.azure.com";
}

}  // namespace blueprint::faas::local

#endif
