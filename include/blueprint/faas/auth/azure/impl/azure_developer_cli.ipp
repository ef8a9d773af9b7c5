#ifndef BLUEPRINT_FAAS_AUTH_AZURE_IMPL_AZURE_DEVELOPER_CLI_IPP
#define BLUEPRINT_FAAS_AUTH_AZURE_IMPL_AZURE_DEVELOPER_CLI_IPP

#include "blueprint/faas/auth/azure/azure_developer_cli.hpp"
#include "blueprint/faas/auth/azure/impl/developer_tool.hpp"

namespace blueprint::faas::detail::azure_tool {

BLUEPRINT_FAAS_COLD inline result<std::vector<std::string>> developer_cli_arguments(
    const azure::credentials::AzureDeveloperCliOptions& options, const std::string& scope) {
    if (auto good = azure::check_scope(scope); !good) return std::move(good).error();
    if (!options.tenant.empty())
        if (auto good = azure::check_tenant(options.tenant, "the tenant"); !good) return std::move(good).error();
    std::vector<std::string> words{"auth", "token", "--output", "json", "--no-prompt", "--scope", scope};
    if (!options.tenant.empty()) words.insert(words.end(), {"--tenant-id", options.tenant});
    return words;
}

BLUEPRINT_FAAS_COLD inline Tool developer_cli_tool(const azure::credentials::AzureDeveloperCliOptions& options) {
    Tool tool;
    tool.what = "the Azure Developer CLI (azd)";
    tool.sign_in = "azd auth login";
    tool.program = options.program;
    tool.timeout = options.timeout;
    tool.arguments = [options](const std::string& scope) { return developer_cli_arguments(options, scope); };
    tool.read = &azure_identity::read_developer_cli_answer;
    return tool;
}

}  // namespace blueprint::faas::detail::azure_tool

namespace blueprint::faas::azure::credentials {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<CredentialSearch>> AzureDeveloperCli::find(
    const Reach&, Deadline) const {
    return faas::detail::azure_tool::find(faas::detail::azure_tool::developer_cli_tool(options_));
}

}  // namespace blueprint::faas::azure::credentials

#endif
