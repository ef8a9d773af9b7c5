#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_LOGIN_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_LOGIN_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/azure_login.hpp"
#include "blueprint/faas/local/impl/azure_discovery.hpp"
#include "blueprint/faas/local/impl/form_words.hpp"
#include "blueprint/faas/local/options.hpp"
#include "blueprint/faas/local/random.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <ctime>
#include <optional>
#include <vector>

namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL AzureLogin::Place AzureLogin::place_of(const ServerRequest& request) {
    auto path = path_of(request);
    if (path.starts_with('/')) path.remove_prefix(1);
    const auto slash = path.find('/');
    if (slash == std::string_view::npos) return {};
    return {.tenant = path.substr(0, slash), .what = path.substr(slash + 1)};
}

BLUEPRINT_FAAS_DECL bool AzureLogin::takes(const ServerRequest& head) {
    constexpr std::array<std::string_view, 7> all{
        "oauth2/v2.0/token",
        "oauth2/token",
        "v2.0/.well-known/openid-configuration",
        ".well-known/openid-configuration",
        "discovery/v2.0/keys",
        "discovery/keys",
        "discovery/instance",
    };
    return std::find(all.begin(), all.end(), place_of(head).what) != all.end();
}

BLUEPRINT_FAAS_DECL bool AzureLogin::knows_tenant(std::string_view tenant) const {
    return faas::detail::iequals(tenant, options_.tenant);
}

/// The refusal of a client whose proof is none: 401, unlike what else is wrong with a request.
inline Error azure_no_such_client(int number, std::string text) {
    return azure_refusal(401, "invalid_client " + std::to_string(number), std::move(text));
}

inline Error azure_bad_request(std::string_view error, int number, std::string text) {
    return azure_refusal(400, std::string{error} + ' ' + std::to_string(number), std::move(text));
}

inline Error azure_unknown_tenant(std::string_view tenant) {
    const std::string name{tenant.substr(0, 100)};
    if (name.empty() ||
        name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-") != std::string::npos)
        return azure_bad_request(
            "invalid_request", 900023,
            "Specified tenant identifier '" + name + "' is neither a valid DNS name, nor a valid external domain.");
    return azure_bad_request("invalid_request", 90002,
                             "Tenant '" + name +
                                 "' not found. Check to make sure you have the correct tenant ID and are signing into "
                                 "the correct cloud. Check with your subscription administrator, this may happen if "
                                 "there are no active subscriptions for the tenant.");
}

inline Error azure_missing_parameter(std::string_view name) {
    return azure_bad_request("invalid_request", 900144,
                             "The request body must contain the following parameter: '" + std::string{name} + "'.");
}

inline Error azure_malformed_request(std::string_view what) {
    return azure_bad_request("invalid_request", 9002313,
                             "Invalid request. Request is malformed or invalid: " + std::string{what});
}

/// A time as Entra ID words it: "2024-12-18 00:00:00Z".
inline std::string azure_login_time(std::int64_t seconds, const char* format = "%Y-%m-%d %H:%M:%SZ") {
    const auto time = static_cast<std::time_t>(seconds);
    std::tm utc{};
    ::gmtime_r(&time, &utc);
    std::array<char, 64> text{};
    return {text.data(), std::strftime(text.data(), text.size(), format, &utc)};
}

inline Error azure_out_of_time(std::int64_t now, std::int64_t begins, std::int64_t ends) {
    constexpr const char* format = "%Y-%m-%dT%H:%M:%S.0000000Z";
    return azure_no_such_client(
        700024, "Client assertion is not within its valid time range. Current time: " + azure_login_time(now, format) +
                    ", assertion valid from " + azure_login_time(begins, format) + ", expiry time of assertion " +
                    azure_login_time(ends, format) + '.');
}

inline Error azure_malformed_assertion(std::string_view why) {
    return azure_no_such_client(50027, "JWT token is invalid or malformed: " + std::string{why});
}

BLUEPRINT_FAAS_DECL result<void> AzureLogin::judge_secret(const AzureApplication& application,
                                                          std::string_view secret) const {
    bool known = false;
    for (const auto& each : application.secrets) known |= same_secret(secret, each);
    if (known) return {};
    for (const auto& each : application.expired_secrets) known |= same_secret(secret, each);
    if (known)
        return azure_no_such_client(7000222, "The provided client secret keys for app '" + application.client_id +
                                                 "' are expired. Visit the Azure portal to create new keys for your "
                                                 "app, or consider using certificate credentials for added security.");
    return azure_no_such_client(
        7000215,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not "
        "the client secret ID, for a secret added to app '" +
            application.client_id + "'.");
}

/// Finds the certificate that an assertion names: by `x5t#S256` that of a token signed by PS256, by `x5t` that of one
/// signed by RS256.
inline std::optional<JwtCertificate> azure_named_certificate(const AzureApplication& application, const Jwt& jwt) {
    const bool newer = jwt.header_text("alg") == "PS256";
    const auto named = base64url_decode(jwt.header_text(newer ? "x5t#S256" : "x5t"));
    for (const auto& pem : application.certificates) {
        auto certificate = read_jwt_certificate(pem);
        if (certificate && named && !named->empty() && *named == (newer ? certificate->sha256 : certificate->sha1))
            return certificate;
    }
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL result<void> AzureLogin::judge_signed(const ServerRequest& request, const Place& place,
                                                          const AzureApplication& application, const Jwt& jwt) const {
    const auto algorithm = jwt.header_text("alg");
    if (algorithm != "PS256" && algorithm != "RS256")
        return azure_malformed_assertion("its header must have alg PS256 or RS256.");
    const auto thumbprint = base64url_decode(jwt.header_text(algorithm == "PS256" ? "x5t#S256" : "x5t"));
    if (!thumbprint || thumbprint->empty())
        return azure_malformed_assertion("no certificate thumbprint is specified in the token's header.");
    const auto certificate = azure_named_certificate(application, jwt);
    const auto at_fault = [&](std::string_view what, std::string_view reason) {
        auto hex = faas::detail::hex_encode(*thumbprint);
        std::transform(hex.begin(), hex.end(), hex.begin(),
                       [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c; });
        return azure_no_such_client(700027, std::string{what} + " [Reason - " + std::string{reason} +
                                                ", Thumbprint of key used by client: '" + hex +
                                                "', Please visit the Azure Portal, Graph Explorer or directly use MS "
                                                "Graph to see configured keys for app Id '" +
                                                application.client_id + "'.]");
    };
    constexpr std::string_view unknown =
        "The certificate with identifier used to sign the client assertion is not registered on application.";
    if (!certificate) return at_fault(unknown, "The key was not found.");
    const auto now = clock_.seconds();
    if (certificate->ends < now || certificate->begins > now)
        return at_fault("The certificate with identifier used to sign the client assertion is expired on application.",
                        "The key used is expired.");
    if (!verify_jwt(jwt, certificate->public_key, algorithm))
        return at_fault("Client assertion contains an invalid signature.", "The key was found, but it did not sign.");

    const std::string path = '/' + std::string{place.tenant} + '/' + std::string{place.what};
    const auto audience = jwt.text("aud");
    if (audience != azure_authority(request) + path && audience != "https://login.microsoftonline.com" + path)
        return azure_no_such_client(700023, "Client assertion audience claim does not match Realm issuer.");
    if (!faas::detail::iequals(jwt.text("iss"), application.client_id) || jwt.text("sub") != jwt.text("iss"))
        return azure_no_such_client(700021,
                                    "Client assertion application identifier doesn't match 'client_id' parameter.");
    if (jwt.text("jti").empty()) return azure_malformed_assertion("it has no jti.");
    const auto ends = jwt.number("exp");
    const auto begins = jwt.number("nbf");
    if (!ends || !begins) return azure_malformed_assertion("it must say from when to when it is good.");
    const auto skew = std::int64_t{options_.max_skew.count()};
    if (*begins > now + skew || *ends <= now - skew) return azure_out_of_time(now, *begins, *ends);
    return {};
}

BLUEPRINT_FAAS_DECL result<void> AzureLogin::judge_federated(const AzureApplication& application,
                                                             const Jwt& jwt) const {
    const auto& known = application.federated;
    if (known.empty())
        return azure_no_such_client(
            70025, "The client '" + application.client_id + "' has no configured federated identity credentials.");
    const auto issuer = jwt.text("iss");
    const auto subject = jwt.text("sub");
    const auto audience = jwt.text("aud");
    const auto unmatched = [](int number, std::string_view what, std::string_view value) {
        return azure_no_such_client(number, "No matching federated identity record found for presented assertion " +
                                                std::string{what} + " '" + std::string{value} +
                                                "'. Check your federated identity credential Subject, Audience and "
                                                "Issuer against the presented assertion.");
    };
    std::vector<AzureFederatedCredential> left;
    const auto keep = [&](const auto& from, auto matches) {
        std::vector<AzureFederatedCredential> kept;
        std::copy_if(from.begin(), from.end(), std::back_inserter(kept), matches);
        left = std::move(kept);
        return !left.empty();
    };
    if (!keep(known, [&](const auto& each) { return each.issuer == issuer; }))
        return unmatched(700211, "issuer", issuer);
    if (!keep(left, [&](const auto& each) { return each.subject == subject; }))
        return unmatched(700213, "subject", subject);
    if (!keep(left, [&](const auto& each) { return each.audience == audience; }))
        return unmatched(700212, "audience", audience);
    const auto now = clock_.seconds();
    const auto skew = std::int64_t{options_.max_skew.count()};
    const auto ends = jwt.number("exp");
    const auto begins = jwt.number("nbf").value_or(jwt.number("iat").value_or(0));
    if (!ends) return azure_malformed_assertion("it does not say when it ends.");
    if (begins > now + skew || *ends <= now - skew) return azure_out_of_time(now, begins, *ends);
    return {};
}

BLUEPRINT_FAAS_DECL result<void> AzureLogin::judge_client(const ServerRequest& request, const Place& place,
                                                          const Form& form, const AzureApplication& application) const {
    const auto secret = form_text(form, "client_secret");
    const auto assertion = form_text(form, "client_assertion");
    if (secret.empty() == assertion.empty()) {
        if (!secret.empty()) return azure_malformed_request("two proofs of one client.");
        return azure_no_such_client(7000216,
                                    "'client_assertion', 'client_secret' or 'request' is required for the "
                                    "'client_credentials' grant type.");
    }
    if (!secret.empty()) return judge_secret(application, secret);
    if (form_text(form, "client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        return azure_missing_parameter("client_assertion_type");
    const auto jwt = read_jwt(assertion);
    if (!jwt) return azure_malformed_assertion("it must have a header, claims and a signature.");
    // What it signed itself says so; what another issuer did does not.
    return faas::detail::iequals(jwt->text("iss"), application.client_id) || !jwt->header_text("x5t").empty() ||
                   !jwt->header_text("x5t#S256").empty()
               ? judge_signed(request, place, application, *jwt)
               : judge_federated(application, *jwt);
}

BLUEPRINT_FAAS_DECL result<std::string> AzureLogin::judge_scope(const Place& place, const Form& form) const {
    std::string resource;
    if (place.what == "oauth2/token") {
        resource = form_text(form, "resource");
        if (resource.empty()) return azure_missing_parameter("resource");
    } else {
        const auto scopes = form_text(form, "scope");
        if (scopes.empty()) return azure_missing_parameter("scope");
        constexpr std::string_view end = "/.default";
        if (scopes.find(' ') != std::string_view::npos || !scopes.ends_with(end))
            return azure_bad_request("invalid_scope", 1002012,
                                     "The provided value for scope " + std::string{scopes} +
                                         " is not valid. Client credential flows must have a scope value with "
                                         "/.default suffixed to the resource identifier (application ID URI).");
        resource = scopes.substr(0, scopes.size() - end.size());
    }
    if (azure_resource(resource, url_) == AzureResource::none)
        return azure_bad_request("invalid_resource", 500011,
                                 "The resource principal named " + resource + " was not found in the tenant named " +
                                     options_.tenant +
                                     ". This can happen if the application has not been installed by the administrator "
                                     "of the tenant or consented to by any user in the tenant. You might have sent "
                                     "your authentication request to the wrong tenant.");
    return resource;
}

BLUEPRINT_FAAS_DECL result<AzureCaller> AzureLogin::judge(const ServerRequest& request, const Place& place) const {
    if (request.method != "POST")
        return azure_bad_request("invalid_request", 900561,
                                 "The endpoint only accepts POST requests. Received a " + request.method + " request.");
    if (!knows_tenant(place.tenant)) return azure_unknown_tenant(place.tenant);
    if (!has_type(request, "application/x-www-form-urlencoded"))
        return azure_malformed_request("the body must be application/x-www-form-urlencoded.");
    const auto form = read_http_form(faas::detail::text_of(request.body));
    if (!form) return azure_malformed_request("the body is no form, or has a parameter twice.");
    const auto grant = form_text(*form, "grant_type");
    if (grant.empty()) return azure_missing_parameter("grant_type");
    if (grant != "client_credentials")
        return azure_bad_request("unsupported_grant_type", 70003,
                                 "The app requested an unsupported grant type '" + std::string{grant} + "'.");
    const auto client = form_text(*form, "client_id");
    if (client.empty()) return azure_missing_parameter("client_id");
    const auto application =
        std::find_if(options_.applications.begin(), options_.applications.end(),
                     [&](const AzureApplication& each) { return faas::detail::iequals(each.client_id, client); });
    if (application == options_.applications.end())
        return azure_bad_request("unauthorized_client", 700016,
                                 "Application with identifier '" + std::string{client} +
                                     "' was not found in the directory '" + options_.tenant +
                                     "'. This can happen if the application has not been installed by the "
                                     "administrator of the tenant or consented to by any user in the tenant. You may "
                                     "have sent your authentication request to the wrong tenant.");
    if (const auto claims = form_text(*form, "claims"); !claims.empty()) {
        boost::system::error_code failed;
        const auto json = boost::json::parse({claims.data(), claims.size()}, failed);
        if (failed || !json.is_object()) return azure_malformed_request("'claims' is no JSON object.");
    }
    auto resource = judge_scope(place, *form);
    if (!resource) return resource.error();
    if (auto proven = judge_client(request, place, *form, *application); !proven) return proven.error();
    return AzureCaller{.client_id = application->client_id,
                       .object_id = azure_object_id(options_.tenant, application->client_id),
                       .audience = std::move(*resource)};
}

BLUEPRINT_FAAS_DECL ServerAnswer AzureLogin::token(const ServerRequest& request, const Place& place) const {
    const auto caller = judge(request, place);
    if (!caller) return refused(request, caller.error());
    const auto token = tokens_.issue(*caller);
    const auto life = std::int64_t{options_.token_life.count()};
    boost::json::object content{{"token_type", "Bearer"}};
    if (place.what == "oauth2/token") {
        // The older endpoint words numbers as texts.
        const auto now = clock_.seconds();
        content["expires_in"] = std::to_string(life);
        content["ext_expires_in"] = std::to_string(life);
        content["expires_on"] = std::to_string(now + life);
        content["not_before"] = std::to_string(now - 300);
        content["resource"] = caller->audience;
    } else {
        content["expires_in"] = life;
        content["ext_expires_in"] = life;
        if (life >= 7200) content["refresh_in"] = life / 2;
    }
    content["access_token"] = token.value.reveal();
    return token_answer(content);
}

BLUEPRINT_FAAS_DECL ServerAnswer AzureLogin::refused(const ServerRequest& request, const Error& error) const {
    const std::string_view code = error.platform_code;
    const auto blank = std::min(code.find(' '), code.size());
    const auto number = std::string{code.substr(std::min(blank + 1, code.size()))};
    const auto time = azure_login_time(clock_.seconds());
    const auto trace = random_uuid();
    const auto correlation = std::string{request.field("client-request-id").value_or("")};
    const auto correlation_id = correlation.empty() ? random_uuid() : correlation;
    const boost::json::object content{
        {"error", code.substr(0, blank)},
        {"error_description", "AADSTS" + number + ": " + error.message + " Trace ID: " + trace +
                                  " Correlation ID: " + correlation_id + " Timestamp: " + time},
        {"error_codes", boost::json::array{std::strtoll(number.c_str(), nullptr, 10)}},
        {"timestamp", time},
        {"trace_id", trace},
        {"correlation_id", correlation_id},
        {"error_uri", azure_authority(request) + "/error?code=" + number},
    };
    return token_answer(content, error.http_status);
}

BLUEPRINT_FAAS_DECL ServerAnswer AzureLogin::answer(const ServerRequest& request) const {
    const auto place = place_of(request);
    if (place.what == "oauth2/v2.0/token" || place.what == "oauth2/token") return token(request, place);
    if (request.method != "GET" && request.method != "HEAD")
        return refused(request, azure_malformed_request("only GET is allowed here."));
    if (place.what == "discovery/instance") return azure_instances(request);
    // Whoever does not know his tenant asks at these.
    const bool any = place.tenant == "common" || place.tenant == "organizations";
    if (!any && !knows_tenant(place.tenant)) return refused(request, azure_unknown_tenant(place.tenant));
    const auto authority = azure_authority(request);
    if (place.what.ends_with("keys")) {
        ServerAnswer answer{.content_type = "application/json; charset=utf-8"};
        answer.body = tokens_.key_set(authority + '/' + options_.tenant + "/v2.0");
        return answer;
    }
    return azure_configuration(authority, place.tenant, any ? "{tenantid}" : place.tenant,
                               place.what.starts_with("v2.0"));
}

}  // namespace blueprint::faas::local

#endif
