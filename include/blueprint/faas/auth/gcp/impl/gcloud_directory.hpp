#ifndef BLUEPRINT_FAAS_AUTH_GCP_IMPL_GCLOUD_DIRECTORY_HPP
#define BLUEPRINT_FAAS_AUTH_GCP_IMPL_GCLOUD_DIRECTORY_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"

#include <string>

namespace blueprint::faas::detail::gcp_auth {

/// Returns the directory in which gcloud keeps what it knows of its user; empty: nobody says where.
BLUEPRINT_FAAS_COLD inline std::string gcloud_directory(const Environment& environment) {
    auto directory = environment.variable("CLOUDSDK_CONFIG").value_or("");
    if (!directory.empty()) return directory;
    directory = environment.variable("HOME").value_or("");
    return directory.empty() ? directory : directory + "/.config/gcloud";
}

}  // namespace blueprint::faas::detail::gcp_auth

#endif
