#ifndef BLUEPRINT_FAAS_PROVIDER_IMPL_CUSTOM_IPP
#define BLUEPRINT_FAAS_PROVIDER_IMPL_CUSTOM_IPP

#include "blueprint/faas/provider/custom.hpp"

// Included by src.hpp alone.
namespace blueprint::faas {

template asio::awaitable<result<JobResult>> FaasExecutor<HttpsTransport, NoAuth, CustomCodec<JsonBytes>>::invoke(
    JobCall);
template asio::awaitable<result<Invocation>>
    FaasExecutor<HttpsTransport, NoAuth, CustomCodec<JsonBytes>>::invoke_with_metrics(JobCall);
template result<custom::HttpFaasExecutor<>> custom::create<JsonBytes>(HttpsTransport, custom::Options, NoAuth);

}  // namespace blueprint::faas

#endif
