#ifndef BLUEPRINT_FAAS_AUTH_AZURE_DEFAULT_CHAIN_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_DEFAULT_CHAIN_HPP

#include "blueprint/faas/auth/azure/azure_cli.hpp"
#include "blueprint/faas/auth/azure/azure_developer_cli.hpp"
#include "blueprint/faas/auth/azure/chain.hpp"
#include "blueprint/faas/auth/azure/environment.hpp"
#include "blueprint/faas/auth/azure/managed_identity.hpp"
#include "blueprint/faas/auth/azure/workload_identity.hpp"
#include "blueprint/faas/detail/declare.hpp"

#include <boost/asio/awaitable.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail::azure_selection {

/// Where a source is at home, by which AZURE_TOKEN_CREDENTIALS selects it.
enum class Use : std::uint8_t { production, development };

struct Selectable {
    std::string_view name;
    Use use;
};

/// All that may be selected, in the order in which they are looked at.
inline constexpr std::array<Selectable, 5> all{{{azure::credentials::Environment::name, Use::production},
                                                {azure::credentials::WorkloadIdentity::name, Use::production},
                                                {azure::credentials::ManagedIdentity::name, Use::production},
                                                {azure::credentials::AzureCli::name, Use::development},
                                                {azure::credentials::AzureDeveloperCli::name, Use::development}}};

constexpr bool is_selectable(std::string_view name) noexcept {
    for (const auto& one : all)
        if (one.name == name) return true;
    return false;
}

/// Tells why AZURE_TOKEN_CREDENTIALS passes a source over; empty: it does not. `errc::invalid_configuration` if it says
/// something that is not known.
BLUEPRINT_FAAS_DECL result<std::string> why_not(const Environment& environment, std::string_view name);

/// Says what was found out without asking anybody.
BLUEPRINT_FAAS_DECL asio::awaitable<result<azure::CredentialSearch>> say(result<std::string> why_not);

}  // namespace blueprint::faas::detail::azure_selection

namespace blueprint::faas::azure::credentials {

/// A source that AZURE_TOKEN_CREDENTIALS may take out of the chain: it says `prod` (what a deployed program has:
/// environment, workload identity, managed identity), `dev` (what developers sign in to) or the name of one source, in
/// upper or lower case. Not set or empty: all are in.
/// Source: Azure Identity libraries, "Credential chains", exclude a credential type category.
template <CredentialSource Source>
class Selected {
    static_assert(faas::detail::azure_selection::is_selectable(Source::name),
                  "AZURE_TOKEN_CREDENTIALS does not know this source: put it into a chain without Selected");

public:
    static constexpr std::string_view name = Source::name;

    explicit Selected(Source source = Source{}) : source_{std::move(source)} {}
    asio::awaitable<result<CredentialSearch>> find(const Reach& reach, Deadline deadline) const {
        auto why_not = faas::detail::azure_selection::why_not(*reach.environment, name);
        if (!why_not || !why_not->empty()) return faas::detail::azure_selection::say(std::move(why_not));
        return source_.find(reach, deadline);
    }

private:
    Source source_;
};
static_assert(CredentialSource<Selected<ManagedIdentity>>);

}  // namespace blueprint::faas::azure::credentials

namespace blueprint::faas::azure {

/// Looks where Azure's own libraries look (DefaultAzureCredential), in their order, but for what needs a window or
/// another language's runtime: variables, workload identity, managed identity, the Azure CLI, the Azure Developer CLI.
/// AZURE_TOKEN_CREDENTIALS narrows it.
using DefaultChain =
    Chain<credentials::Selected<credentials::Environment>, credentials::Selected<credentials::WorkloadIdentity>,
          credentials::Selected<credentials::ManagedIdentity>, credentials::Selected<credentials::AzureCli>,
          credentials::Selected<credentials::AzureDeveloperCli>>;
static_assert(TokenProvider<DefaultChain>);

/// What the caller decides for the sources of the usual chain.
struct DefaultChainOptions {
    std::string tenant{};        ///< of workload identity and of the developers' tools; empty: their own
    std::string subscription{};  ///< of the Azure CLI, which goes by it if there is no `tenant`
    std::string authority{};  ///< who gives tokens to applications; empty: AZURE_AUTHORITY_HOST, or the public cloud's
    credentials::ManagedIdentityOptions managed_identity{};
};

/// Makes the usual chain with what the caller decides.
BLUEPRINT_FAAS_DECL DefaultChain default_chain(Reach reach, const DefaultChainOptions& sources,
                                               ChainOptions options = {});

}  // namespace blueprint::faas::azure

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/azure/impl/default_chain.ipp"
#endif

#endif
