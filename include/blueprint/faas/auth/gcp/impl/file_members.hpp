#ifndef BLUEPRINT_FAAS_AUTH_GCP_IMPL_FILE_MEMBERS_HPP
#define BLUEPRINT_FAAS_AUTH_GCP_IMPL_FILE_MEMBERS_HPP

#include "blueprint/faas/auth/gcp/impl/token_endpoint.hpp"

#include <initializer_list>
#include <string>
#include <string_view>

namespace blueprint::faas::detail::gcp_auth {

inline constexpr std::string_view usual_universe = "googleapis.com";

BLUEPRINT_FAAS_COLD inline Error wrong_file(std::string_view where, std::string_view why) {
    return failure(errc::invalid_configuration,
                   "the credential file '" + std::string{where} + "': " + std::string{why});
}

/// Refuses a file that lacks one of `names`, or has something else than text there.
BLUEPRINT_FAAS_COLD inline result<void> require(const boost::json::object& file,
                                                std::initializer_list<std::string_view> names, std::string_view where) {
    for (const auto name : names)
        if (text_in(file, name).empty())
            return wrong_file(where, "it has no '" + std::string{name} + "'; make or download it again");
    return {};
}

/// Tells whether `text` can be the end of host names, so that nothing else slips into a URL.
BLUEPRINT_FAAS_COLD inline bool is_domain(std::string_view text) noexcept {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyz0123456789-.";
    return !text.empty() && text.size() <= 253 && text.front() != '.' && text.back() != '.' &&
           text.find_first_not_of(allowed) == std::string_view::npos;
}

/// Reads what files of all types have in common.
BLUEPRINT_FAAS_COLD inline result<gcp::Credential> common_members(const boost::json::object& file,
                                                                  std::string_view where) {
    gcp::Credential credential{.project = std::string{text_in(file, "project_id")},
                               .quota_project = std::string{text_in(file, "quota_project_id")},
                               .universe_domain = std::string{text_in(file, "universe_domain")}};
    if (credential.universe_domain.empty()) credential.universe_domain = usual_universe;
    if (!is_domain(credential.universe_domain)) return wrong_file(where, "its 'universe_domain' is no domain name");
    return credential;
}

}  // namespace blueprint::faas::detail::gcp_auth

#endif
