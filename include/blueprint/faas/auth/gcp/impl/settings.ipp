#ifndef BLUEPRINT_FAAS_AUTH_GCP_IMPL_SETTINGS_IPP
#define BLUEPRINT_FAAS_AUTH_GCP_IMPL_SETTINGS_IPP

#include "blueprint/faas/auth/gcp/impl/file_members.hpp"
#include "blueprint/faas/auth/gcp/impl/gcloud_directory.hpp"
#include "blueprint/faas/auth/gcp/settings.hpp"
#include "blueprint/faas/detail/url.hpp"

#include <initializer_list>
#include <map>
#include <utility>

namespace blueprint::faas::detail::gcp_settings {

using gcp::Setting;
using gcp_auth::variable;

BLUEPRINT_FAAS_COLD inline Error wrong(std::string message) {
    return gcp_auth::failure(errc::invalid_configuration, std::move(message));
}

/// gcloud's active configuration, by "section/key".
struct Configuration {
    std::string path{};
    std::map<std::string, std::string, std::less<>> values{};
};

BLUEPRINT_FAAS_COLD inline void read_lines(std::string_view text, Configuration& configuration) {
    std::string section;
    while (!text.empty()) {
        const auto line = trimmed(text.substr(0, text.find('\n')));
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
        if (line.empty() || line.starts_with('#') || line.starts_with(';')) continue;
        if (line.starts_with('[') && line.ends_with(']')) {
            section = trimmed(line.substr(1, line.size() - 2));
            continue;
        }
        const auto equals = line.find('=');
        if (equals == std::string_view::npos) continue;
        configuration.values[section + '/' + std::string{trimmed(line.substr(0, equals))}] =
            trimmed(line.substr(equals + 1));
    }
}

BLUEPRINT_FAAS_COLD inline result<Configuration> active_configuration(const Environment& environment) {
    Configuration configuration;
    const auto directory = gcp_auth::gcloud_directory(environment);
    if (directory.empty()) return configuration;
    std::string by = "CLOUDSDK_ACTIVE_CONFIG_NAME";
    auto name = variable(environment, by.c_str());
    if (name.empty()) {
        by = directory + "/active_config";
        const auto told = environment.read_file(by, 4096);
        if (!told) return told.error();
        if (*told) name = trimmed((*told)->reveal());
    }
    if (name.empty()) name = "default";
    // It becomes a part of a path.
    if (name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos)
        return wrong(by + " is no name of a gcloud configuration: lower-case letters, digits and '-' alone");
    configuration.path = directory + "/configurations/config_" + name;
    const auto text = environment.read_file(configuration.path);
    if (!text) return text.error();
    if (*text) read_lines((*text)->reveal(), configuration);
    return configuration;
}

/// What the credential file says beside the credential.
struct FileSays {
    std::string path{};
    std::string project{};
    std::string quota_project{};
    std::string universe_domain{};
};

BLUEPRINT_FAAS_COLD inline result<FileSays> read_credential_file(const Environment& environment,
                                                                 const std::string& named) {
    FileSays says{.path = named};
    if (says.path.empty()) says.path = variable(environment, "GOOGLE_APPLICATION_CREDENTIALS");
    if (says.path.empty()) {
        const auto directory = gcp_auth::gcloud_directory(environment);
        if (directory.empty()) return says;
        says.path = directory + "/application_default_credentials.json";
    }
    const auto text = environment.read_file(says.path);
    if (!text) return text.error();
    if (!*text) return says;
    WipedMemory memory{(*text)->size()};
    boost::system::error_code failed;
    const boost::json::value document =
        boost::json::parse({(*text)->reveal().data(), (*text)->size()}, failed, memory.storage());
    const auto* object = failed ? nullptr : document.if_object();
    if (object == nullptr) return says;
    says.project = text_in(*object, "project_id");
    says.quota_project = text_in(*object, "quota_project_id");
    says.universe_domain = text_in(*object, "universe_domain");
    return says;
}

class Lookup {
public:
    Lookup(const Environment& environment, const Configuration& configuration, const FileSays& file)
        : environment_{environment}, configuration_{configuration}, file_{file} {}

    /// Takes the first that says something: "NAME" is a variable, "[section/key" of the configuration, "{member" of the
    /// credential file.
    BLUEPRINT_FAAS_COLD Setting first(std::initializer_list<std::string_view> places) const {
        for (const auto place : places) {
            Setting found = at(place);
            if (!found.value.empty()) return found;
        }
        return {};
    }

private:
    BLUEPRINT_FAAS_COLD Setting at(std::string_view place) const {
        const std::string name{place.substr(1)};
        if (place.starts_with('[')) {
            const auto found = configuration_.values.find(name);
            if (found == configuration_.values.end()) return {};
            return {found->second, "'" + name + "' of '" + configuration_.path + "'"};
        }
        if (place.starts_with('{')) {
            const auto& value = name == "project_id"         ? file_.project
                                : name == "quota_project_id" ? file_.quota_project
                                                             : file_.universe_domain;
            return {value, "'" + name + "' of '" + file_.path + "'"};
        }
        return {variable(environment_, std::string{place}.c_str()), std::string{place}};
    }

    const Environment& environment_;
    const Configuration& configuration_;
    const FileSays& file_;
};

// All of these become parts of URLs and of paths in them, so they must not be able to name something else. They are not
// shown: whoever puts a key into the wrong variable would find it in a log.
BLUEPRINT_FAAS_COLD inline result<void> check(const Setting& setting, std::string_view allowed, std::string_view what) {
    if (setting.value.find_first_not_of(allowed) == std::string::npos && setting.value.size() <= 253) return {};
    return wrong(setting.by + " is no " + std::string{what});
}

BLUEPRINT_FAAS_COLD inline result<void> check_endpoint(Setting& endpoint, std::string_view version) {
    if (endpoint.value.empty()) return {};
    const auto url = parse_url(endpoint.value);
    if (!url) return wrong(endpoint.by + " is no endpoint: " + url.error().message);
    if (url->target.find('?') != std::string::npos) return wrong(endpoint.by + " is no endpoint: it has a query");
    // gcloud wants a slash at the end, and for Storage the API's version too.
    while (endpoint.value.ends_with('/')) endpoint.value.pop_back();
    if (!version.empty() && endpoint.value.ends_with(version))
        endpoint.value.resize(endpoint.value.size() - version.size());
    return {};
}

}  // namespace blueprint::faas::detail::gcp_settings

namespace blueprint::faas::gcp {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::string> Settings::demand_project() const {
    if (!project.value.empty()) return project.value;
    return faas::detail::gcp_settings::wrong(
        "no Google Cloud project is known; set the option 'project' or the variable GOOGLE_CLOUD_PROJECT, or run "
        "'gcloud config set project PROJECT'");
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::string> Settings::demand_region(Service service) const {
    const bool functions = service == Service::functions;
    const auto& region = functions ? functions_region : run_region;
    if (!region.value.empty()) return region.value;
    return faas::detail::gcp_settings::wrong(
        std::string{"no Google Cloud region is known; set the option 'region' or the variable GOOGLE_CLOUD_REGION, or "
                    "run 'gcloud config set "} +
        (functions ? "functions" : "run") + "/region europe-west1'");
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string Settings::endpoint_of(Service service) const {
    const bool run = service == Service::run;
    const bool functions = service == Service::functions;
    const auto& configured = run ? run_endpoint : functions ? functions_endpoint : storage_endpoint;
    if (!configured.value.empty()) return configured.value;
    return std::string{run         ? "https://run."
                       : functions ? "https://cloudfunctions."
                                   : "https://storage."} +
           (universe_domain.value.empty() ? std::string{"googleapis.com"} : universe_domain.value);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Settings> resolve_settings(const Environment& environment,
                                                                          const SettingsOptions& options) {
    using namespace faas::detail::gcp_settings;
    const auto configuration = active_configuration(environment);
    if (!configuration) return configuration.error();
    const auto file = read_credential_file(environment, options.credential_file);
    if (!file) return file.error();
    const Lookup lookup{environment, *configuration, *file};

    Settings settings;
    settings.project = {options.project, "the option 'project'"};
    if (options.project.empty())
        settings.project = lookup.first({"GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT",
                                         "{project_id", "[core/project", "{quota_project_id"});
    settings.run_region = settings.functions_region = {options.region, "the option 'region'"};
    if (options.region.empty()) {
        settings.run_region =
            lookup.first({"GOOGLE_CLOUD_REGION", "CLOUDSDK_RUN_REGION", "[run/region", "CLOUDSDK_FUNCTIONS_REGION",
                          "[functions/region", "CLOUDSDK_COMPUTE_REGION", "[compute/region"});
        settings.functions_region =
            lookup.first({"GOOGLE_CLOUD_REGION", "CLOUDSDK_FUNCTIONS_REGION", "[functions/region",
                          "CLOUDSDK_RUN_REGION", "[run/region", "CLOUDSDK_COMPUTE_REGION", "[compute/region"});
    }
    settings.universe_domain = lookup.first(
        {"GOOGLE_CLOUD_UNIVERSE_DOMAIN", "CLOUDSDK_CORE_UNIVERSE_DOMAIN", "{universe_domain", "[core/universe_domain"});
    settings.run_endpoint = lookup.first({"CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN", "[api_endpoint_overrides/run"});
    settings.functions_endpoint =
        lookup.first({"CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDFUNCTIONS", "[api_endpoint_overrides/cloudfunctions"});
    settings.storage_endpoint =
        lookup.first({"CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", "[api_endpoint_overrides/storage"});

    constexpr std::string_view words = "abcdefghijklmnopqrstuvwxyz0123456789-";
    constexpr std::string_view ids = "abcdefghijklmnopqrstuvwxyz0123456789-.:";
    if (auto good = check(settings.project, ids, "id of a project, such as my-project-123"); !good)
        return std::move(good).error();
    for (const auto* region : {&settings.run_region, &settings.functions_region})
        if (auto good = check(*region, words, "name of a region, such as europe-west1"); !good)
            return std::move(good).error();
    if (settings.universe_domain.value.empty()) settings.universe_domain = {"googleapis.com", "Google"};
    if (!faas::detail::gcp_auth::is_domain(settings.universe_domain.value))
        return wrong(settings.universe_domain.by + " is no domain name, such as googleapis.com");
    for (auto* endpoint : {&settings.run_endpoint, &settings.functions_endpoint, &settings.storage_endpoint}) {
        const bool storage = endpoint == &settings.storage_endpoint;
        if (auto good = check_endpoint(*endpoint, storage ? "/storage/v1" : ""); !good) return std::move(good).error();
    }
    return settings;
}

}  // namespace blueprint::faas::gcp

#endif
