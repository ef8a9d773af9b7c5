#ifndef BLUEPRINT_FAAS_AUTH_GCP_SETTINGS_HPP
#define BLUEPRINT_FAAS_AUTH_GCP_SETTINGS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace blueprint::faas::gcp {

/// The APIs of Google Cloud that are spoken to.
enum class Service : std::uint8_t { run, functions, storage };

/// What a caller decides; it comes before variables and files. What is empty is looked up there.
struct SettingsOptions {
    std::string project{};
    std::string region{};
    std::string credential_file{};  ///< that is used instead of the usual ones, and may name the project
};

/// A value, and who says so, for messages. An empty value: nobody says.
struct Setting {
    std::string value{};
    std::string by{};
};

/// What the caller, variables and files say together.
struct Settings {
    Setting project{};
    Setting run_region{};
    Setting functions_region{};
    Setting universe_domain{};  ///< "googleapis.com" where nobody says
    Setting run_endpoint{};     ///< "https://run.example.com", without a slash at its end; empty: Google's own
    Setting functions_endpoint{};
    Setting storage_endpoint{};

    /// Returns the project; `errc::invalid_configuration`, which says what to set, if nobody names one.
    BLUEPRINT_FAAS_DECL result<std::string> demand_project() const;
    /// Returns the region in which jobs of that service run, or an error that says what to set.
    BLUEPRINT_FAAS_DECL result<std::string> demand_region(Service service) const;
    /// Returns where a service is asked: what was configured, or "https://run.googleapis.com" and the like.
    BLUEPRINT_FAAS_DECL std::string endpoint_of(Service service) const;
};

/// Finds out what to go by. The caller comes first, then variables, then files.
/// - The project: GOOGLE_CLOUD_PROJECT, GCLOUD_PROJECT, CLOUDSDK_CORE_PROJECT, `project_id` of the credential file,
///   `[core] project` of gcloud's active configuration, `quota_project_id` of the credential file.
/// - The region: GOOGLE_CLOUD_REGION, then CLOUDSDK_RUN_REGION and `[run] region`, CLOUDSDK_FUNCTIONS_REGION and
///   `[functions] region` (for functions these before those), CLOUDSDK_COMPUTE_REGION and `[compute] region`.
/// - Endpoints: CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN, _CLOUDFUNCTIONS, _STORAGE, `[api_endpoint_overrides]`.
/// - The universe: GOOGLE_CLOUD_UNIVERSE_DOMAIN, CLOUDSDK_CORE_UNIVERSE_DOMAIN, the credential file, `[core]`.
/// gcloud's configuration is `configurations/config_NAME` in CLOUDSDK_CONFIG or `~/.config/gcloud`; the name is that of
/// CLOUDSDK_ACTIVE_CONFIG_NAME, of the file `active_config`, or `default`. A credential file that cannot be parsed says
/// nothing here: whoever gets tokens of it tells why.
/// `errc::invalid_configuration` names who says what cannot be used, and does not show it.
/// Source: Google Cloud SDK, "Managing gcloud CLI properties" and `gcloud topic configurations`.
BLUEPRINT_FAAS_DECL result<Settings> resolve_settings(const Environment& environment,
                                                      const SettingsOptions& options = {});

}  // namespace blueprint::faas::gcp

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/gcp/impl/settings.ipp"
#endif

#endif
