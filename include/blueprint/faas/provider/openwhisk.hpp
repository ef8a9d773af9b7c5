#ifndef BLUEPRINT_FAAS_PROVIDER_OPENWHISK_HPP
#define BLUEPRINT_FAAS_PROVIDER_OPENWHISK_HPP

#include "blueprint/faas/auth/no_auth.hpp"
#include "blueprint/faas/auth/openwhisk/wskprops.hpp"
#include "blueprint/faas/codec/openwhisk.hpp"
#include "blueprint/faas/codec/openwhisk_options.hpp"
#include "blueprint/faas/codec/payload.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/executor.hpp"
#include "blueprint/faas/transport/https.hpp"

#include <utility>

/// Apache OpenWhisk, self-hosted or from whoever offers it.
namespace blueprint::faas::openwhisk {

using Options = OpenWhiskOptions;

/// How an executor reaches an OpenWhisk, beside what its codec is told.
struct ClientOptions {
    /// Many systems have a certificate that nobody vouches for: `TlsOptions::extra_roots` takes it.
    TlsOptions tls{};
    ConnectionOptions connections{};
    ResilienceOptions resilience{};
    ExecutorOptions timeouts{};
};

/// Runs jobs as actions of one namespace. The codec sends the credential itself, so nobody else has to; over
/// `LoopbackTransport` it stays on this machine.
template <Transport TransportPolicy = HttpsTransport, PayloadFormat Format = Base64Json>
using BasicExecutor = FaasExecutor<TransportPolicy, NoAuth, OpenWhiskCodec<Format>>;
using Executor = BasicExecutor<>;

/// Fills in what `options` leaves open, by what an action knows of its own system (`__OW_API_HOST`, `__OW_API_KEY`),
/// else by the file of the command line `wsk` (WSK_CONFIG_FILE, ~/.wskprops). Address and credential come from one
/// place: a credential is never sent to another address than the one that it stands beside.
/// `errc::invalid_configuration` says what was looked at, and what to set.
BLUEPRINT_FAAS_DECL result<Options> resolve(Options options,
                                            const faas::Environment& environment = faas::Environment::process());

/// Makes an executor over `transport`; nothing is looked up in the surroundings. `errc::invalid_configuration` tells
/// which option cannot work. `client` gives resilience and timeouts alone. `environment` outlives the executor.
template <PayloadFormat Format = Base64Json, Transport TransportPolicy>
result<BasicExecutor<TransportPolicy, Format>> create(
    TransportPolicy transport, Options options, const ClientOptions& client = {},
    const faas::Environment& environment = faas::Environment::process()) {
    OpenWhiskCodec<Format> codec{std::move(options), environment};
    if (codec.misconfigured()) return *codec.misconfigured();
    return BasicExecutor<TransportPolicy, Format>{std::move(transport), NoAuth{}, std::move(codec),
                                                  StandardResilience{client.resilience}, client.timeouts};
}

/// Makes an executor for an OpenWhisk that is reached by TLS, with what `resolve` finds.
/// `errc::invalid_configuration` tells what cannot work. `environment` outlives the executor.
template <PayloadFormat Format = Base64Json>
result<BasicExecutor<HttpsTransport, Format>> create(
    asio::any_io_executor executor, Options options, const ClientOptions& client = {},
    const faas::Environment& environment = faas::Environment::process()) {
    auto all = resolve(std::move(options), environment);
    if (!all) return std::move(all).error();
    HttpsTransport transport{std::move(executor), client.tls, client.connections};
    return create<Format>(std::move(transport), std::move(*all), client, environment);
}

}  // namespace blueprint::faas::openwhisk

#if defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
/// @cond
namespace blueprint::faas {

// The usual executor is compiled once, with src.hpp.
extern template asio::awaitable<result<JobResult>>
    FaasExecutor<HttpsTransport, NoAuth, OpenWhiskCodec<Base64Json>>::invoke(JobCall);
extern template asio::awaitable<result<Invocation>>
    FaasExecutor<HttpsTransport, NoAuth, OpenWhiskCodec<Base64Json>>::invoke_with_metrics(JobCall);

extern template result<openwhisk::Executor> openwhisk::create<Base64Json>(asio::any_io_executor, openwhisk::Options,
                                                                          const openwhisk::ClientOptions&,
                                                                          const Environment&);

}  // namespace blueprint::faas
/// @endcond
#else
#include "blueprint/faas/provider/impl/openwhisk.ipp"
#endif

#endif
