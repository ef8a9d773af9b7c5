#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_DISCOVERY_HPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_DISCOVERY_HPP

// What Entra ID tells of itself to everybody. Included by the local Azure's login alone.

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/local/azure_tokens.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/impl/answer_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// Where the server is, as this client named it: 127.0.0.1 and localhost are one.
inline std::string azure_authority(const ServerRequest& request) {
    return (request.tls ? "https://" : "http://") + std::string{request.field("host").value_or("")};
}

inline ServerAnswer azure_document(const boost::json::object& content) {
    ServerAnswer answer{.content_type = "application/json; charset=utf-8"};
    answer.headers.emplace_back("Cache-Control", "max-age=86400, private");
    answer.body = answer_json(content);
    return answer;
}

/// Describes a tenant's endpoints. `named`: the tenant in the issuer, which is no real one for "common".
/// Source: OpenID Connect Discovery 1.0, section 3; Microsoft identity platform documentation, "OpenID Connect".
BLUEPRINT_FAAS_COLD inline ServerAnswer azure_configuration(const std::string& authority, std::string_view tenant,
                                                            std::string_view named, bool newer) {
    using boost::json::array;
    const auto base = authority + '/' + std::string{tenant};
    const std::string version = newer ? "/v2.0" : "";
    const boost::json::object content{
        {"token_endpoint", base + "/oauth2" + version + "/token"},
        {"token_endpoint_auth_methods_supported", array{"client_secret_post", "private_key_jwt"}},
        {"jwks_uri", base + "/discovery" + version + "/keys"},
        {"response_modes_supported", array{"query", "fragment", "form_post"}},
        {"subject_types_supported", array{"pairwise"}},
        {"id_token_signing_alg_values_supported", array{"RS256"}},
        {"response_types_supported", array{"code", "id_token", "code id_token", "id_token token"}},
        {"scopes_supported", array{"openid", "profile", "email", "offline_access"}},
        {"issuer", newer ? authority + '/' + std::string{named} + "/v2.0"
                         : "https://sts.windows.net/" + std::string{named} + '/'},
        {"authorization_endpoint", base + "/oauth2" + version + "/authorize"},
        {"end_session_endpoint", base + "/oauth2" + version + "/logout"},
        {"claims_supported", array{"sub", "iss", "aud", "exp", "iat", "tid", "oid", "ver"}},
    };
    return azure_document(content);
}

/// Describes which hosts are one: this one is alone.
BLUEPRINT_FAAS_COLD inline ServerAnswer azure_instances(const ServerRequest& request) {
    using boost::json::array;
    const std::string host{request.field("host").value_or("")};
    const boost::json::object known{{"preferred_network", host}, {"preferred_cache", host}, {"aliases", array{host}}};
    const boost::json::object content{
        {"tenant_discovery_endpoint", azure_authority(request) + "/common/v2.0/.well-known/openid-configuration"},
        {"api-version", "1.1"},
        {"metadata", array{known}},
    };
    return azure_document(content);
}

}  // namespace blueprint::faas::local

#endif
