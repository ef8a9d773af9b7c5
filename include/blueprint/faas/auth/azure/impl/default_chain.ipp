#ifndef BLUEPRINT_FAAS_AUTH_AZURE_IMPL_DEFAULT_CHAIN_IPP
#define BLUEPRINT_FAAS_AUTH_AZURE_IMPL_DEFAULT_CHAIN_IPP

#include "blueprint/faas/auth/azure/default_chain.hpp"
#include "blueprint/faas/auth/impl/token_question.hpp"
#include "blueprint/faas/detail/wiped.hpp"

#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::azure_selection {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::string> why_not(const Environment& environment,
                                                                    std::string_view name) {
    constexpr const char* by = "AZURE_TOKEN_CREDENTIALS";
    const auto text = token_question::variable(environment, by);
    const auto wanted = trimmed(text);
    if (wanted.empty()) return std::string{};
    bool known = false;
    bool selected = false;
    std::string names;
    for (const auto& one : all) {
        const std::string_view kind = one.use == Use::production ? "prod" : "dev";
        const bool meant = iequals(wanted, kind) || iequals(wanted, one.name);
        known = known || meant;
        selected = selected || (meant && one.name == name);
        names.append(", ").append(one.name);
    }
    if (!known)
        return token_question::failure(errc::invalid_configuration,
                                       std::string{by} + " is '" + one_line(wanted) + "'; it may be dev, prod" + names);
    return selected ? std::string{} : std::string{by} + " is " + one_line(wanted);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<azure::CredentialSearch>> say(
    result<std::string> why_not) {
    if (!why_not) co_return std::move(why_not).error();
    azure::CredentialSearch search;
    search.not_here = std::move(*why_not);
    co_return search;
}

}  // namespace blueprint::faas::detail::azure_selection

namespace blueprint::faas::azure {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL DefaultChain default_chain(Reach reach, const DefaultChainOptions& sources,
                                                                   ChainOptions options) {
    using credentials::Selected;
    credentials::WorkloadIdentityOptions workload{.tenant = sources.tenant, .authority = sources.authority};
    credentials::AzureCliOptions cli{.tenant = sources.tenant};
    if (cli.tenant.empty()) cli.subscription = sources.subscription;  // it does not take both
    credentials::AzureDeveloperCliOptions developer_cli{.tenant = sources.tenant};
    return DefaultChain{std::move(reach),
                        std::move(options),
                        Selected{credentials::Environment{sources.authority}},
                        Selected{credentials::WorkloadIdentity{std::move(workload)}},
                        Selected{credentials::ManagedIdentity{sources.managed_identity}},
                        Selected{credentials::AzureCli{std::move(cli)}},
                        Selected{credentials::AzureDeveloperCli{std::move(developer_cli)}}};
}

}  // namespace blueprint::faas::azure
BLUEPRINT_FAAS_COROUTINES_END

#endif
