#ifndef BLUEPRINT_FAAS_AUTH_AZURE_IMPL_AZURE_CLI_IPP
#define BLUEPRINT_FAAS_AUTH_AZURE_IMPL_AZURE_CLI_IPP

#include "blueprint/faas/auth/azure/azure_cli.hpp"
#include "blueprint/faas/auth/azure/impl/developer_tool.hpp"

namespace blueprint::faas::detail::azure_tool {

BLUEPRINT_FAAS_COLD inline result<std::vector<std::string>> cli_arguments(
    const azure::credentials::AzureCliOptions& options, const std::string& scope) {
    if (auto good = azure::check_scope(scope); !good) return std::move(good).error();
    if (!options.tenant.empty())
        if (auto good = azure::check_tenant(options.tenant, "the tenant"); !good) return std::move(good).error();
    if (auto good = check_subscription(options.subscription); !good) return std::move(good).error();
    if (!options.tenant.empty() && !options.subscription.empty())
        return failure(errc::invalid_configuration,
                       "the Azure CLI takes a tenant or a subscription, and not both: leave one of them out");
    std::vector<std::string> words{"account", "get-access-token", "--output", "json", "--resource"};
    words.emplace_back(azure::resource_of(scope));
    if (!options.tenant.empty()) words.insert(words.end(), {"--tenant", options.tenant});
    if (!options.subscription.empty()) words.insert(words.end(), {"--subscription", options.subscription});
    return words;
}

BLUEPRINT_FAAS_COLD inline Tool cli_tool(const azure::credentials::AzureCliOptions& options) {
    Tool tool;
    tool.what = "the Azure CLI (az)";
    tool.sign_in = "az login";
    tool.program = options.program;
    tool.timeout = options.timeout;
    tool.arguments = [options](const std::string& scope) { return cli_arguments(options, scope); };
    tool.read = &azure_identity::read_cli_answer;
    return tool;
}

}  // namespace blueprint::faas::detail::azure_tool

namespace blueprint::faas::azure::credentials {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<CredentialSearch>> AzureCli::find(const Reach&,
                                                                                                 Deadline) const {
    return faas::detail::azure_tool::find(faas::detail::azure_tool::cli_tool(options_));
}

}  // namespace blueprint::faas::azure::credentials

#endif
