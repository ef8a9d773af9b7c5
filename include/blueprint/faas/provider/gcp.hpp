#ifndef BLUEPRINT_FAAS_PROVIDER_GCP_HPP
#define BLUEPRINT_FAAS_PROVIDER_GCP_HPP

#include "blueprint/faas/auth/gcp/default_chain.hpp"
#include "blueprint/faas/auth/google.hpp"
#include "blueprint/faas/auth/reach.hpp"
#include "blueprint/faas/codec/gcp_functions.hpp"
#include "blueprint/faas/codec/gcp_options.hpp"
#include "blueprint/faas/codec/gcp_run.hpp"
#include "blueprint/faas/codec/payload.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/executor.hpp"
#include "blueprint/faas/transport/https.hpp"
#include "blueprint/faas/transport/metadata.hpp"

#include <chrono>
#include <utility>

/// Google Cloud: Cloud Run and Cloud Functions v2.
namespace blueprint::faas::gcp {

/// How an executor reaches Google, beside what its codec is told.
struct ClientOptions {
    TlsOptions tls{};
    ConnectionOptions connections{};
    ResilienceOptions resilience{};
    /// A function is built by Google when it is deployed, which takes minutes.
    ExecutorOptions timeouts{.deploy_timeout = std::chrono::minutes{20}};
};

/// Runs jobs as functions of Cloud Functions v2, with credentials from `Provider`.
template <class Provider = DefaultChain, Transport TransportPolicy = HttpsTransport, PayloadFormat Format = Binary>
using BasicCloudFunctionExecutor = FaasExecutor<TransportPolicy, GoogleAuth<Provider>, CloudFunctionCodec<Format>>;
/// Runs jobs as services of Cloud Run, with credentials from `Provider`.
template <class Provider = DefaultChain, Transport TransportPolicy = HttpsTransport, PayloadFormat Format = Binary>
using BasicCloudRunExecutor = FaasExecutor<TransportPolicy, GoogleAuth<Provider>, CloudRunCodec<Format>>;

/// The same with credentials from where Google's own tools look for them.
using CloudFunctionExecutor = BasicCloudFunctionExecutor<>;
using CloudRunExecutor = BasicCloudRunExecutor<>;

/// Fills in what `options` leaves open, as Google's own tools would: project, region, endpoints, universe domain.
/// `errc::invalid_configuration` says what to set.
BLUEPRINT_FAAS_DECL result<CloudFunctionOptions> resolve(
    CloudFunctionOptions options, const faas::Environment& environment = faas::Environment::process());
BLUEPRINT_FAAS_DECL result<CloudRunOptions> resolve(
    CloudRunOptions options, const faas::Environment& environment = faas::Environment::process());

/// Makes what the usual chain reaches servers by: `tls`, and plain HTTP to the metadata server. `environment` outlives
/// it.
BLUEPRINT_FAAS_DECL Reach default_reach(const HttpsTransport& tls,
                                        const faas::Environment& environment = faas::Environment::process());

/// Makes an executor of its parts: for a transport or credentials of one's own. `errc::invalid_configuration` tells
/// which option cannot work.
template <PayloadFormat Format = Binary, Transport TransportPolicy, class Provider>
result<BasicCloudFunctionExecutor<Provider, TransportPolicy, Format>> create(TransportPolicy transport,
                                                                             Provider provider,
                                                                             CloudFunctionOptions options,
                                                                             const ClientOptions& client = {}) {
    CloudFunctionCodec<Format> codec{std::move(options)};
    if (codec.misconfigured()) return *codec.misconfigured();
    return BasicCloudFunctionExecutor<Provider, TransportPolicy, Format>{
        std::move(transport), GoogleAuth<Provider>{std::move(provider)}, std::move(codec),
        StandardResilience{client.resilience}, client.timeouts};
}
template <PayloadFormat Format = Binary, Transport TransportPolicy, class Provider>
result<BasicCloudRunExecutor<Provider, TransportPolicy, Format>> create(TransportPolicy transport, Provider provider,
                                                                        CloudRunOptions options,
                                                                        const ClientOptions& client = {}) {
    CloudRunCodec<Format> codec{std::move(options)};
    if (codec.misconfigured()) return *codec.misconfigured();
    return BasicCloudRunExecutor<Provider, TransportPolicy, Format>{
        std::move(transport), GoogleAuth<Provider>{std::move(provider)}, std::move(codec),
        StandardResilience{client.resilience}, client.timeouts};
}

/// Makes an executor for Google Cloud itself. Credentials are looked for at the first call.
/// `errc::invalid_configuration` tells what cannot work, or that no project or region is known. `environment` outlives
/// the executor.
template <PayloadFormat Format = Binary>
result<BasicCloudFunctionExecutor<DefaultChain, HttpsTransport, Format>> create(
    asio::any_io_executor executor, CloudFunctionOptions options, const ClientOptions& client = {},
    const faas::Environment& environment = faas::Environment::process()) {
    auto all = resolve(std::move(options), environment);
    if (!all) return std::move(all).error();
    HttpsTransport transport{std::move(executor), client.tls, client.connections};
    DefaultChain chain{default_reach(transport, environment)};
    return create<Format>(std::move(transport), std::move(chain), std::move(*all), client);
}
template <PayloadFormat Format = Binary>
result<BasicCloudRunExecutor<DefaultChain, HttpsTransport, Format>> create(
    asio::any_io_executor executor, CloudRunOptions options, const ClientOptions& client = {},
    const faas::Environment& environment = faas::Environment::process()) {
    auto all = resolve(std::move(options), environment);
    if (!all) return std::move(all).error();
    HttpsTransport transport{std::move(executor), client.tls, client.connections};
    DefaultChain chain{default_reach(transport, environment)};
    return create<Format>(std::move(transport), std::move(chain), std::move(*all), client);
}

}  // namespace blueprint::faas::gcp

#if defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
/// @cond
namespace blueprint::faas {

// The usual executors are compiled once, with src.hpp.
extern template asio::awaitable<result<JobResult>>
    FaasExecutor<HttpsTransport, GoogleAuth<gcp::DefaultChain>, CloudFunctionCodec<Binary>>::invoke(JobCall);
extern template asio::awaitable<result<Invocation>> FaasExecutor<
    HttpsTransport, GoogleAuth<gcp::DefaultChain>, CloudFunctionCodec<Binary>>::invoke_with_metrics(JobCall);
extern template asio::awaitable<result<JobResult>>
    FaasExecutor<HttpsTransport, GoogleAuth<gcp::DefaultChain>, CloudRunCodec<Binary>>::invoke(JobCall);
extern template asio::awaitable<result<Invocation>>
    FaasExecutor<HttpsTransport, GoogleAuth<gcp::DefaultChain>, CloudRunCodec<Binary>>::invoke_with_metrics(JobCall);

extern template result<gcp::CloudFunctionExecutor> gcp::create<Binary>(asio::any_io_executor, CloudFunctionOptions,
                                                                       const gcp::ClientOptions&, const Environment&);
extern template result<gcp::CloudRunExecutor> gcp::create<Binary>(asio::any_io_executor, CloudRunOptions,
                                                                  const gcp::ClientOptions&, const Environment&);

}  // namespace blueprint::faas
/// @endcond
#else
#include "blueprint/faas/provider/impl/gcp.ipp"
#endif

#endif
