#ifndef BLUEPRINT_FAAS_PROVIDER_AZURE_HPP
#define BLUEPRINT_FAAS_PROVIDER_AZURE_HPP

#include "blueprint/faas/auth/azure/default_chain.hpp"
#include "blueprint/faas/auth/azure_ad.hpp"
#include "blueprint/faas/auth/reach.hpp"
#include "blueprint/faas/codec/azure_functions.hpp"
#include "blueprint/faas/codec/azure_options.hpp"
#include "blueprint/faas/codec/payload.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/executor.hpp"
#include "blueprint/faas/transport/https.hpp"
#include "blueprint/faas/transport/metadata.hpp"

#include <chrono>
#include <string>
#include <utility>

/// Microsoft Azure: Azure Functions.
namespace blueprint::faas::azure {

/// How an executor reaches Azure, beside what its codec is told.
struct ClientOptions {
    TlsOptions tls{};
    ConnectionOptions connections{};
    ResilienceOptions resilience{};
    /// Azure ends a call after 230 s. Removing the last job removes the app, and any other one publishes the site anew.
    ExecutorOptions timeouts{.invoke_timeout = std::chrono::seconds{240},
                             .control_timeout = std::chrono::minutes{5},
                             .deploy_timeout = std::chrono::minutes{20}};
    /// Which of Azure's clouds it is, by who gives tokens in it: "https://login.microsoftonline.us". Empty:
    /// AZURE_AUTHORITY_HOST, else the public cloud.
    std::string authority{};
    /// For credentials that are looked for in the usual places.
    DefaultChainOptions credentials{};
};

/// Runs jobs in an app of Azure Functions, with credentials from `Provider`.
template <class Provider = DefaultChain, Transport TransportPolicy = HttpsTransport, PayloadFormat Format = Binary>
using BasicFunctionsExecutor = FaasExecutor<TransportPolicy, AzureAd<Provider>, AzureFunctionsCodec<Format>>;

/// The same with credentials from where Azure's own libraries look for them.
using FunctionsExecutor = BasicFunctionsExecutor<>;

/// Fills in what `options` leaves open, by the variables that Azure's own tools use: AZURE_SUBSCRIPTION_ID,
/// AZURE_RESOURCE_GROUP, AZURE_LOCATION. `errc::invalid_configuration` says what to set. A location is needed to make
/// something, and is never guessed.
BLUEPRINT_FAAS_DECL result<AzureFunctionsOptions> resolve(
    AzureFunctionsOptions options, const faas::Environment& environment = faas::Environment::process());

/// Fills in the management API of the cloud that `client` says, if `options` does not name one, and returns what tokens
/// are asked for in that cloud. `errc::invalid_configuration` if it says none.
BLUEPRINT_FAAS_DECL result<Scopes> enter_cloud(AzureFunctionsOptions& options, const ClientOptions& client,
                                               const faas::Environment& environment = faas::Environment::process());

/// Makes what the usual chain reaches servers by: `tls`, and plain HTTP to metadata services. `environment` outlives
/// it.
BLUEPRINT_FAAS_DECL Reach default_reach(const HttpsTransport& tls,
                                        const faas::Environment& environment = faas::Environment::process());

/// Makes an executor of its parts: for a transport or credentials of one's own. `errc::invalid_configuration` tells
/// which option cannot work. `environment` outlives the executor.
template <PayloadFormat Format = Binary, Transport TransportPolicy, class Provider>
result<BasicFunctionsExecutor<Provider, TransportPolicy, Format>> create(
    TransportPolicy transport, Provider provider, AzureFunctionsOptions options, const ClientOptions& client = {},
    const faas::Environment& environment = faas::Environment::process()) {
    auto scopes = enter_cloud(options, client, environment);
    if (!scopes) return std::move(scopes).error();
    AzureFunctionsCodec<Format> codec{std::move(options), environment};
    if (codec.misconfigured()) return *codec.misconfigured();
    return BasicFunctionsExecutor<Provider, TransportPolicy, Format>{
        std::move(transport), AzureAd<Provider>{std::move(provider), std::move(*scopes)}, std::move(codec),
        StandardResilience{client.resilience}, client.timeouts};
}

/// Makes an executor for Azure itself. Credentials are looked for at the first request that needs one.
/// `errc::invalid_configuration` tells what cannot work, or that no subscription or resource group is known.
/// `environment` outlives the executor.
template <PayloadFormat Format = Binary>
result<BasicFunctionsExecutor<DefaultChain, HttpsTransport, Format>> create(
    asio::any_io_executor executor, AzureFunctionsOptions options, const ClientOptions& client = {},
    const faas::Environment& environment = faas::Environment::process()) {
    auto all = resolve(std::move(options), environment);
    if (!all) return std::move(all).error();
    HttpsTransport transport{std::move(executor), client.tls, client.connections};
    auto sources = client.credentials;
    if (sources.authority.empty()) sources.authority = client.authority;
    auto chain = default_chain(default_reach(transport, environment), sources);
    return create<Format>(std::move(transport), std::move(chain), std::move(*all), client, environment);
}

}  // namespace blueprint::faas::azure

#if defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
/// @cond
namespace blueprint::faas {

// The usual executor is compiled once, with src.hpp.
extern template asio::awaitable<result<JobResult>>
    FaasExecutor<HttpsTransport, AzureAd<azure::DefaultChain>, AzureFunctionsCodec<Binary>>::invoke(JobCall);
extern template asio::awaitable<result<Invocation>> FaasExecutor<
    HttpsTransport, AzureAd<azure::DefaultChain>, AzureFunctionsCodec<Binary>>::invoke_with_metrics(JobCall);

extern template result<azure::FunctionsExecutor> azure::create<Binary>(asio::any_io_executor, AzureFunctionsOptions,
                                                                       const azure::ClientOptions&, const Environment&);

}  // namespace blueprint::faas
/// @endcond
#else
#include "blueprint/faas/provider/impl/azure.ipp"
#endif

#endif
