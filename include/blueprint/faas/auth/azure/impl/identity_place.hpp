#ifndef BLUEPRINT_FAAS_AUTH_AZURE_IMPL_IDENTITY_PLACE_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_IMPL_IDENTITY_PLACE_HPP

#include "blueprint/faas/auth/azure/impl/identity_answer.hpp"
#include "blueprint/faas/auth/azure/managed_identity.hpp"
#include "blueprint/faas/detail/url.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

// Where the identity of what runs here is to be had, by the variables of its platform.
namespace blueprint::faas::detail::azure_identity {

using azure::credentials::ManagedIdentityOptions;

enum class Kind : std::uint8_t { app_service, machine_learning, cloud_shell, arc, imds };

/// Whom to ask, and how.
struct Place {
    ManagedIdentityOptions options{};
    Kind kind = Kind::imds;
    std::string what{};          ///< in messages: "the identity endpoint of App Service (IDENTITY_ENDPOINT)"
    Url url{};                   ///< without what is asked for
    std::string_view version{};  ///< of the API; static lifetime
    std::string_view id_name{};  ///< what `id` is called here; static lifetime
    std::string id{};            ///< of a user-assigned identity; empty: the system-assigned one
    std::string whose{};         ///< in messages: " 'ID'", or empty
    std::string_view secret_field{};
    Secret secret{};       ///< proves that we run here; empty: the field Metadata does
    bool certain = false;  ///< it must be there: nobody has to look
    std::string none{};    ///< why there is none; empty: there may be one
};

/// Tells whether a file is there. One that is too long or unreadable is.
BLUEPRINT_FAAS_COLD inline bool exists(const Environment& environment, const std::string& path) {
    const auto file = environment.read_file(path, 1);
    return !file || file->has_value();
}

BLUEPRINT_FAAS_COLD inline Error wrong(std::string_view name, std::string_view why) {
    return failure(errc::invalid_configuration, std::string{name} + ": " + std::string{why});
}

/// Reads the address that a variable names.
BLUEPRINT_FAAS_COLD inline result<Url> url_of(const std::string& text, std::string_view variable_name) {
    auto url = parse_url(text);
    if (!url) return wrong(variable_name, url.error().message);
    return url;
}

/// Gives the place the id of a user-assigned identity, if one is wanted. Where there is no such id (`resource_name`
/// empty: the platform knows client ids only; `client_name` too: it knows none), one that the caller wants is an error,
/// and one of AZURE_CLIENT_ID says that there is nothing here.
BLUEPRINT_FAAS_COLD inline result<void> choose(Place& place, const Environment& environment,
                                               std::string_view client_name, std::string_view object_name,
                                               std::string_view resource_name) {
    const auto& options = place.options;
    const int named = !options.client_id.empty() + !options.object_id.empty() + !options.resource_id.empty();
    if (named > 1)
        return failure(errc::invalid_configuration,
                       "a managed identity is named by its client id, object id or resource id: leave one of them");
    const bool by_variable = named == 0;
    const std::string client_id = by_variable ? variable(environment, "AZURE_CLIENT_ID") : options.client_id;
    place.id = client_id + options.object_id + options.resource_id;
    if (place.id.empty()) return {};
    place.id_name = !client_id.empty() ? client_name : !options.object_id.empty() ? object_name : resource_name;
    if (!place.id_name.empty()) {
        place.whose = " '" + one_line(place.id) + '\'';
        return {};
    }
    if (!client_name.empty())
        return failure(errc::invalid_configuration, place.what + " knows user-assigned identities by client id alone");
    if (!by_variable) return failure(errc::invalid_configuration, place.what + " has no user-assigned identities");
    place.none = place.what + " has no user-assigned identities, and AZURE_CLIENT_ID names one";
    return {};
}

/// The plain HTTP of a place that hands out more than tokens: it must be this machine.
BLUEPRINT_FAAS_COLD inline bool is_here(const Origin& origin) noexcept {
    return origin.host == "localhost" || origin.host == "::1" ||
           (origin.host.starts_with("127.") && origin.host.find_first_not_of("0123456789.") == std::string::npos);
}

BLUEPRINT_FAAS_COLD inline result<Place> finish(Place place, result<Url> url, result<void> chosen) {
    if (!url) return std::move(url).error();
    if (!chosen) return std::move(chosen).error();
    place.url = std::move(*url);
    return place;
}

/// Finds out whom to ask; asks nobody.
BLUEPRINT_FAAS_COLD inline result<Place> plan(const Environment& environment, ManagedIdentityOptions options) {
    const auto endpoint = variable(environment, "IDENTITY_ENDPOINT");
    const auto header = variable(environment, "IDENTITY_HEADER");
    const auto old_endpoint = variable(environment, "MSI_ENDPOINT");
    const auto old_secret = variable(environment, "MSI_SECRET");
    const bool arc_variables = !endpoint.empty() && !variable(environment, "IMDS_ENDPOINT").empty();
    Place place;
    place.options = std::move(options);
    place.certain = true;
    if (!endpoint.empty() && !header.empty() && !variable(environment, "IDENTITY_SERVER_THUMBPRINT").empty())
        return failure(errc::unsupported,
                       "the managed identity of Service Fabric (IDENTITY_SERVER_THUMBPRINT) cannot be used: its "
                       "endpoint has a certificate that is known by its thumbprint alone; set AZURE_TENANT_ID, "
                       "AZURE_CLIENT_ID and AZURE_CLIENT_SECRET of an application instead");
    if (!endpoint.empty() && !header.empty()) {
        place.kind = Kind::app_service;
        place.what = "the identity endpoint of App Service (IDENTITY_ENDPOINT)";
        place.version = "2019-08-01";
        place.secret_field = "X-IDENTITY-HEADER";
        place.secret = header;
        auto chosen = choose(place, environment, "client_id", "object_id", "mi_res_id");
        return finish(std::move(place), url_of(endpoint, "IDENTITY_ENDPOINT"), std::move(chosen));
    }
    if (!old_endpoint.empty() && !old_secret.empty()) {
        place.kind = Kind::machine_learning;
        place.what = "the identity endpoint of Machine Learning (MSI_ENDPOINT)";
        place.version = "2017-09-01";
        place.secret_field = "secret";
        place.secret = old_secret;
        auto chosen = choose(place, environment, "clientid", "", "");
        // What runs in Machine Learning has an identity of the compute, which must be named like all others.
        if (place.id.empty()) place.id = variable(environment, "DEFAULT_IDENTITY_CLIENT_ID");
        place.id_name = "clientid";
        return finish(std::move(place), url_of(old_endpoint, "MSI_ENDPOINT"), std::move(chosen));
    }
    if (!old_endpoint.empty()) {
        place.kind = Kind::cloud_shell;
        place.what = "Cloud Shell (MSI_ENDPOINT)";
        auto chosen = choose(place, environment, "", "", "");
        return finish(std::move(place), url_of(old_endpoint, "MSI_ENDPOINT"), std::move(chosen));
    }
    if (arc_variables || exists(environment, "/opt/azcmagent/bin/himds")) {
        place.kind = Kind::arc;
        place.certain = arc_variables;
        place.what = "the agent of Azure Arc";
        place.version = "2020-06-01";
        auto chosen = choose(place, environment, "", "", "");
        auto url = url_of(arc_variables ? endpoint : "http://127.0.0.1:40342/metadata/identity/oauth2/token",
                          "IDENTITY_ENDPOINT");
        if (url && !is_here(url->origin))
            return wrong("IDENTITY_ENDPOINT", "the agent of Azure Arc runs on this machine, and that is another one");
        return finish(std::move(place), std::move(url), std::move(chosen));
    }
    const auto pod = variable(environment, "AZURE_POD_IDENTITY_AUTHORITY_HOST");
    place.kind = Kind::imds;
    place.certain = !pod.empty() || iequals(variable(environment, "AZURE_TOKEN_CREDENTIALS"),
                                            azure::credentials::ManagedIdentity::name);
    place.what = pod.empty() ? "the metadata service of this machine" : "what AZURE_POD_IDENTITY_AUTHORITY_HOST names";
    place.version = "2018-02-01";
    auto chosen = choose(place, environment, "client_id", "object_id", "msi_res_id");
    auto url = url_of(pod.empty() ? "http://169.254.169.254" : pod, "AZURE_POD_IDENTITY_AUTHORITY_HOST");
    if (url) {
        if (url->target.find('?') != std::string::npos)
            return wrong("AZURE_POD_IDENTITY_AUTHORITY_HOST", "it has a query, and should be such as http://127.0.0.1");
        if (url->target.ends_with('/')) url->target.pop_back();
        url->target += "/metadata/identity/oauth2/token";
    }
    return finish(std::move(place), std::move(url), std::move(chosen));
}

}  // namespace blueprint::faas::detail::azure_identity

#endif
