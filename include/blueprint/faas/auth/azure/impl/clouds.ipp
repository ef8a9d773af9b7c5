#ifndef BLUEPRINT_FAAS_AUTH_AZURE_IMPL_CLOUDS_IPP
#define BLUEPRINT_FAAS_AUTH_AZURE_IMPL_CLOUDS_IPP

#include "blueprint/faas/auth/azure/clouds.hpp"
#include "blueprint/faas/auth/impl/token_question.hpp"

#include <utility>

namespace blueprint::faas::azure {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::string> resolve_authority(const Environment& environment,
                                                                              std::string_view given) {
    using namespace faas::detail::token_question;
    std::string text{given};
    const std::string by = given.empty() ? "AZURE_AUTHORITY_HOST" : "the authority";
    if (text.empty()) text = variable(environment, "AZURE_AUTHORITY_HOST");
    if (text.empty()) return std::string{public_cloud.authority};
    if (text.find("://") == std::string::npos) text.insert(0, "https://");
    auto url = secret_url(text, by);
    if (!url) return std::move(url).error();
    if (url->target != "/")
        return failure(errc::invalid_configuration,
                       by + " has more than a host: leave out what follows it; the tenant is put there");
    return to_string(url->origin);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL const Cloud& cloud_of(std::string_view authority) noexcept {
    for (const auto* cloud : {&us_government_cloud, &china_cloud})
        if (authority == cloud->authority) return *cloud;
    if (authority == "https://login.partner.microsoftonline.cn") return china_cloud;  // its newer name
    return public_cloud;
}

}  // namespace blueprint::faas::azure

#endif
