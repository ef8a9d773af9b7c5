#ifndef BLUEPRINT_FAAS_PROVIDER_AWS_HPP
#define BLUEPRINT_FAAS_PROVIDER_AWS_HPP

#include "blueprint/faas/auth/aws/default_chain.hpp"
#include "blueprint/faas/auth/aws/reach.hpp"
#include "blueprint/faas/auth/aws/settings.hpp"
#include "blueprint/faas/auth/sigv4.hpp"
#include "blueprint/faas/codec/aws_lambda.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/executor.hpp"
#include "blueprint/faas/transport/https.hpp"
#include "blueprint/faas/transport/loopback.hpp"
#include "blueprint/faas/transport/metadata.hpp"

#include <utility>

/// AWS Lambda.
namespace blueprint::faas::aws {

/// What `create` needs to know beyond what it finds as AWS's own tools do, in `AWS_...` variables and below `~/.aws`.
struct Options {
    LambdaOptions lambda{};      ///< `region` and `endpoint` are looked up if they are empty
    SettingsOptions settings{};  ///< profile, FIPS, dual stack; its region and endpoint are those of `lambda`
    TlsOptions tls{};            ///< `AWS_CA_BUNDLE` is added to it
    ConnectionOptions connections{};
    ResilienceOptions resilience{};
    ExecutorOptions timeouts{};
};

/// Runs jobs on AWS Lambda, with credentials from `Provider`.
template <CredentialsProvider Provider = DefaultChain, Transport TransportPolicy = HttpsTransport,
          PayloadFormat Format = Base64Json>
using BasicLambdaExecutor = FaasExecutor<TransportPolicy, SigV4<Provider>, LambdaCodec<Format>>;

/// The same with credentials from where AWS's own tools look for them.
using LambdaExecutor = BasicLambdaExecutor<>;

/// Fills in what `options` leaves open: region, endpoint, authorities. `errc::invalid_configuration` says what to set.
BLUEPRINT_FAAS_DECL result<Options> resolve(Options options,
                                            const faas::Environment& environment = faas::Environment::process());

/// Makes what the usual chain reaches servers by: `tls`, and plain HTTP to metadata services. `environment` outlives
/// it.
BLUEPRINT_FAAS_DECL Reach default_reach(const HttpsTransport& tls,
                                        const faas::Environment& environment = faas::Environment::process());

/// Makes an executor of its parts: for a transport or credentials of one's own. `errc::invalid_configuration` tells
/// which option cannot work. `environment` outlives the executor.
template <PayloadFormat Format = Base64Json, Transport TransportPolicy, CredentialsProvider Provider>
result<BasicLambdaExecutor<Provider, TransportPolicy, Format>> create(
    TransportPolicy transport, Provider provider, LambdaOptions options, ResilienceOptions resilience = {},
    ExecutorOptions timeouts = {}, const faas::Environment& environment = faas::Environment::process()) {
    SigV4<Provider> auth{std::move(provider), SigV4Options{.region = options.region}, environment};
    LambdaCodec<Format> codec{std::move(options), environment};
    if (codec.misconfigured()) return *codec.misconfigured();
    return BasicLambdaExecutor<Provider, TransportPolicy, Format>{
        std::move(transport), std::move(auth), std::move(codec), StandardResilience{resilience}, timeouts};
}

/// Makes an executor for AWS itself, or another server that speaks `https://`. Credentials are looked for at the first
/// call. `errc::invalid_configuration` tells what cannot work, or that no region is known.
template <PayloadFormat Format = Base64Json>
result<BasicLambdaExecutor<DefaultChain, HttpsTransport, Format>> create(
    asio::any_io_executor executor, Options options = {},
    const faas::Environment& environment = faas::Environment::process()) {
    auto all = resolve(std::move(options), environment);
    if (!all) return std::move(all).error();
    HttpsTransport transport{std::move(executor), all->tls, all->connections};
    auto reach = default_reach(transport, environment);
    return create<Format>(std::move(transport), default_chain(std::move(reach), all->settings), std::move(all->lambda),
                          all->resilience, all->timeouts, environment);
}

/// The same for a server on this machine that speaks plain `http://`, such as a local cloud.
template <PayloadFormat Format = Base64Json>
result<BasicLambdaExecutor<DefaultChain, LoopbackTransport, Format>> create_local(
    asio::any_io_executor executor, Options options,
    const faas::Environment& environment = faas::Environment::process()) {
    auto all = resolve(std::move(options), environment);
    if (!all) return std::move(all).error();
    auto reach = default_reach(HttpsTransport{executor, all->tls, all->connections}, environment);
    return create<Format>(LoopbackTransport{std::move(executor), all->connections},
                          default_chain(std::move(reach), all->settings), std::move(all->lambda), all->resilience,
                          all->timeouts, environment);
}

}  // namespace blueprint::faas::aws

#if defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
/// @cond
namespace blueprint::faas {

// The usual executor is compiled once, with src.hpp.
extern template asio::awaitable<result<JobResult>>
    FaasExecutor<HttpsTransport, SigV4<aws::DefaultChain>, LambdaCodec<Base64Json>>::invoke(JobCall);
extern template asio::awaitable<result<Invocation>>
    FaasExecutor<HttpsTransport, SigV4<aws::DefaultChain>, LambdaCodec<Base64Json>>::invoke_with_metrics(JobCall);
extern template result<aws::LambdaExecutor> aws::create<Base64Json>(asio::any_io_executor, aws::Options,
                                                                    const Environment&);

}  // namespace blueprint::faas
/// @endcond
#else
#include "blueprint/faas/provider/impl/aws.ipp"
#endif

#endif
