#ifndef BLUEPRINT_FAAS_PROVIDER_IMPL_AWS_IPP
#define BLUEPRINT_FAAS_PROVIDER_IMPL_AWS_IPP

#include "blueprint/faas/provider/aws.hpp"

#include <cstddef>
#include <string>
#include <utility>

namespace blueprint::faas::aws {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Options> resolve(Options options, const faas::Environment& environment) {
    auto& lambda = options.lambda;
    if (!lambda.region.empty()) options.settings.region = lambda.region;
    if (!lambda.endpoint.empty()) options.settings.endpoint = lambda.endpoint;
    const auto settings = resolve_settings(environment, options.settings);
    if (!settings) return settings.error();
    auto endpoint = settings->endpoint_for(Service::lambda);
    if (!endpoint) return std::move(endpoint).error();
    lambda.region = std::move(endpoint->region);
    lambda.endpoint = std::move(endpoint->url);
    if (lambda.storage_endpoint.empty() && !lambda.storage_bucket.empty()) {
        auto storage = settings->endpoint_for(Service::s3);
        if (!storage) return std::move(storage).error();
        lambda.storage_endpoint = std::move(storage->url);
    }
    if (!settings->ca_bundle.empty()) {
        const auto bundle = environment.read_file(settings->ca_bundle, std::size_t{16} << 20U);
        if (!bundle) return bundle.error();
        if (!*bundle)
            return Error{.code = errc::invalid_configuration,
                         .message = "the file of certificate authorities '" + settings->ca_bundle +
                                    "' (AWS_CA_BUNDLE or ca_bundle) does not exist",
                         .execution = Execution::not_started};
        options.tls.extra_roots.append("\n").append((*bundle)->reveal());
    }
    return options;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Reach default_reach(const HttpsTransport& tls,
                                                            const faas::Environment& environment) {
    return make_reach(tls, MetadataTransport{tls.get_executor()}, environment);
}

}  // namespace blueprint::faas::aws

#if defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
namespace blueprint::faas {

template asio::awaitable<result<JobResult>>
    FaasExecutor<HttpsTransport, SigV4<aws::DefaultChain>, LambdaCodec<Base64Json>>::invoke(JobCall);
template asio::awaitable<result<Invocation>>
    FaasExecutor<HttpsTransport, SigV4<aws::DefaultChain>, LambdaCodec<Base64Json>>::invoke_with_metrics(JobCall);
template result<aws::LambdaExecutor> aws::create<Base64Json>(asio::any_io_executor, aws::Options, const Environment&);

}  // namespace blueprint::faas
#endif

#endif
