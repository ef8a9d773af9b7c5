#ifndef BLUEPRINT_FAAS_PROVIDER_CUSTOM_HPP
#define BLUEPRINT_FAAS_PROVIDER_CUSTOM_HPP

#include "blueprint/faas/auth/api_key.hpp"
#include "blueprint/faas/auth/no_auth.hpp"
#include "blueprint/faas/codec/custom.hpp"
#include "blueprint/faas/executor.hpp"
#include "blueprint/faas/transport/https.hpp"

#include <utility>

/// Platforms of your own that speak the custom HTTP contract.
namespace blueprint::faas::custom {

using Options = CustomOptions;

/// Runs jobs on a platform that speaks the custom contract: `HttpFaasExecutor<Bearer>` over HTTPS.
template <Auth AuthPolicy = NoAuth, Transport TransportPolicy = HttpsTransport, PayloadFormat Format = JsonBytes>
using HttpFaasExecutor = FaasExecutor<TransportPolicy, AuthPolicy, CustomCodec<Format>>;

/// The same for a platform that has nothing but `POST {base}/job/{id}`.
template <Auth AuthPolicy = NoAuth, Transport TransportPolicy = HttpsTransport, PayloadFormat Format = JsonBytes>
using BareHttpExecutor = FaasExecutor<TransportPolicy, AuthPolicy, CustomCodec<Format, BareLayout>>;

/// Makes an executor over `transport`; `errc::invalid_configuration` tells which option cannot work.
template <PayloadFormat Format = JsonBytes, Transport TransportPolicy, Auth AuthPolicy = NoAuth>
result<HttpFaasExecutor<AuthPolicy, TransportPolicy, Format>> create(TransportPolicy transport, Options options,
                                                                     AuthPolicy auth = {}) {
    CustomCodec<Format> codec{std::move(options)};
    if (codec.misconfigured()) return *codec.misconfigured();
    return HttpFaasExecutor<AuthPolicy, TransportPolicy, Format>{std::move(transport), std::move(auth),
                                                                 std::move(codec)};
}

}  // namespace blueprint::faas::custom

#if defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
/// @cond
namespace blueprint::faas {

// The usual executor is compiled once, with src.hpp.
extern template asio::awaitable<result<JobResult>> FaasExecutor<HttpsTransport, NoAuth, CustomCodec<JsonBytes>>::invoke(
    JobCall);
extern template asio::awaitable<result<Invocation>>
    FaasExecutor<HttpsTransport, NoAuth, CustomCodec<JsonBytes>>::invoke_with_metrics(JobCall);
extern template result<custom::HttpFaasExecutor<>> custom::create<JsonBytes>(HttpsTransport, custom::Options, NoAuth);

}  // namespace blueprint::faas
/// @endcond
#endif

#endif
