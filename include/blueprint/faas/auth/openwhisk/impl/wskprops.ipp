#ifndef BLUEPRINT_FAAS_AUTH_OPENWHISK_IMPL_WSKPROPS_IPP
#define BLUEPRINT_FAAS_AUTH_OPENWHISK_IMPL_WSKPROPS_IPP

#include "blueprint/faas/auth/openwhisk/wskprops.hpp"
#include "blueprint/faas/detail/wiped.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace blueprint::faas::openwhisk {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Properties read_wskprops(const Secret& text) {
    Properties properties;
    for (auto rest = text.reveal(); !rest.empty();) {
        const auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        const auto equals = line.find('=');
        if (equals == std::string_view::npos) continue;
        const auto key = faas::detail::trimmed(line.substr(0, equals));
        const auto value = faas::detail::trimmed(line.substr(equals + 1));
        if (key == "APIHOST") properties.api_host = value;
        if (key == "AUTH") properties.auth = Secret{value};
    }
    return properties;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Properties properties_of_action(const faas::Environment& environment) {
    return {.api_host = environment.variable("__OW_API_HOST").value_or(""),
            .auth = environment.variable("__OW_API_KEY").value_or(""),
            .by = "__OW_API_HOST and __OW_API_KEY"};
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Properties> properties_of_user(const faas::Environment& environment) {
    auto path = environment.variable("WSK_CONFIG_FILE").value_or("");
    const bool named = !path.empty();
    if (!named) {
        path = environment.variable("HOME").value_or("");
        if (path.empty()) return Properties{.by = "'~/.wskprops' (HOME is not set)"};
        path += "/.wskprops";
    }
    const auto text = environment.read_file(path);
    if (!text) return text.error();
    if (!*text && named)
        return Error{.code = errc::invalid_configuration,
                     .message = "WSK_CONFIG_FILE names the file '" + path + "', which does not exist; correct the path",
                     .execution = Execution::not_started};
    auto properties = *text ? read_wskprops(**text) : Properties{};
    properties.by = *text ? "'" + path + "'" : "'" + path + "' (which is not there)";
    return properties;
}

}  // namespace blueprint::faas::openwhisk

#endif
