#ifndef BLUEPRINT_FAAS_PROVIDER_DIGITALOCEAN_HPP
#define BLUEPRINT_FAAS_PROVIDER_DIGITALOCEAN_HPP

#include "blueprint/faas/auth/digitalocean.hpp"
#include "blueprint/faas/codec/digitalocean.hpp"
#include "blueprint/faas/codec/digitalocean_options.hpp"
#include "blueprint/faas/codec/payload.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/executor.hpp"
#include "blueprint/faas/secret.hpp"
#include "blueprint/faas/transport/https.hpp"

#include <chrono>
#include <utility>

/// DigitalOcean: Functions.
namespace blueprint::faas::digitalocean {

using Options = DigitalOceanOptions;

/// How an executor reaches DigitalOcean, beside what its codec is told.
struct ClientOptions {
    /// An API token, "dop_v1_…". Empty: found as `credentials` says, at the first request that needs one. With
    /// `DigitalOceanOptions::api_host` and `access_key` none does.
    Secret token{};
    TokenOptions credentials{};
    TlsOptions tls{};
    ConnectionOptions connections{};
    ResilienceOptions resilience{};
    /// Other operations than calls may have to find the namespace and to make an access key first.
    ExecutorOptions timeouts{.control_timeout = std::chrono::minutes{1}};
};

/// Runs jobs as functions of one namespace.
template <Transport TransportPolicy = HttpsTransport, PayloadFormat Format = Base64Json>
using BasicFunctionsExecutor = FaasExecutor<TransportPolicy, DigitalOceanAuth, DigitalOceanCodec<Format>>;
using FunctionsExecutor = BasicFunctionsExecutor<>;

/// Fills in what `options` leaves open:
/// - BLUEPRINT_DIGITALOCEAN_ACCESS_KEY: a namespace access key, "dof_v1_…:secret";
/// - BLUEPRINT_DIGITALOCEAN_API_HOST: where the namespace's functions are, "https://faas-nyc1-….doserverless.co"; with
///   both of them DigitalOcean's own API is not asked, and no API token is needed;
/// - BLUEPRINT_DIGITALOCEAN_NAMESPACE: the namespace's id, "fn-…";
/// - BLUEPRINT_DIGITALOCEAN_REGION: where a namespace is made if there is none, "nyc1";
/// - DIGITALOCEAN_API_URL, which is doctl's: the API, if it is not DigitalOcean's own.
/// The first four are this library's: DigitalOcean's tools have no variables for them. `errc::invalid_configuration`
/// names a variable that cannot be what it should be, and never shows a key.
BLUEPRINT_FAAS_DECL result<Options> resolve(Options options,
                                            const faas::Environment& environment = faas::Environment::process());

/// Makes an executor of its parts: for a transport or a token of one's own. `errc::invalid_configuration` tells which
/// option cannot work. `client` gives resilience and timeouts alone. `environment` outlives the executor.
template <PayloadFormat Format = Base64Json, Transport TransportPolicy>
result<BasicFunctionsExecutor<TransportPolicy, Format>> create(
    TransportPolicy transport, DigitalOceanAuth auth, Options options, const ClientOptions& client = {},
    const faas::Environment& environment = faas::Environment::process()) {
    DigitalOceanCodec<Format> codec{std::move(options), environment};
    if (codec.misconfigured()) return *codec.misconfigured();
    return BasicFunctionsExecutor<TransportPolicy, Format>{std::move(transport), std::move(auth), std::move(codec),
                                                           StandardResilience{client.resilience}, client.timeouts};
}

/// Makes an executor for DigitalOcean itself. `errc::invalid_configuration` tells what cannot work. `environment`
/// outlives the executor.
template <PayloadFormat Format = Base64Json>
result<BasicFunctionsExecutor<HttpsTransport, Format>> create(
    asio::any_io_executor executor, Options options, const ClientOptions& client = {},
    const faas::Environment& environment = faas::Environment::process()) {
    auto all = resolve(std::move(options), environment);
    if (!all) return std::move(all).error();
    if (!client.token.empty())
        if (auto good = check_token(client.token, "ClientOptions::token"); !good) return std::move(good).error();
    auto auth =
        client.token.empty() ? DigitalOceanAuth{environment, client.credentials} : DigitalOceanAuth{client.token};
    HttpsTransport transport{std::move(executor), client.tls, client.connections};
    return create<Format>(std::move(transport), std::move(auth), std::move(*all), client, environment);
}

}  // namespace blueprint::faas::digitalocean

#if defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
/// @cond
namespace blueprint::faas {

// The usual executor is compiled once, with src.hpp.
extern template asio::awaitable<result<JobResult>>
    FaasExecutor<HttpsTransport, DigitalOceanAuth, DigitalOceanCodec<Base64Json>>::invoke(JobCall);
extern template asio::awaitable<result<Invocation>>
    FaasExecutor<HttpsTransport, DigitalOceanAuth, DigitalOceanCodec<Base64Json>>::invoke_with_metrics(JobCall);

extern template result<digitalocean::FunctionsExecutor> digitalocean::create<Base64Json>(
    asio::any_io_executor, digitalocean::Options, const digitalocean::ClientOptions&, const Environment&);

}  // namespace blueprint::faas
/// @endcond
#else
#include "blueprint/faas/provider/impl/digitalocean.ipp"
#endif

#endif
