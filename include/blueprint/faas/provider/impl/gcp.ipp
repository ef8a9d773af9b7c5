#ifndef BLUEPRINT_FAAS_PROVIDER_IMPL_GCP_IPP
#define BLUEPRINT_FAAS_PROVIDER_IMPL_GCP_IPP

#include "blueprint/faas/auth/gcp/settings.hpp"
#include "blueprint/faas/provider/gcp.hpp"

#include <string>
#include <utility>

namespace blueprint::faas::detail {

namespace gcp_provider {

// A project and a region are needed to manage services, not to call those whose URLs are given.
BLUEPRINT_FAAS_COLD inline result<gcp::Settings> fill(GoogleCloudOptions& options, gcp::Service service,
                                                      const Environment& environment) {
    auto settings = gcp::resolve_settings(environment, {.project = options.project, .region = options.region});
    if (!settings) return settings;
    const bool by_url_alone = !options.job_urls.empty();
    if (options.project.empty()) {
        auto project = settings->demand_project();
        if (project)
            options.project = std::move(*project);
        else if (!by_url_alone)
            return std::move(project).error();
    }
    if (options.region.empty()) {
        auto region = settings->demand_region(service);
        if (region)
            options.region = std::move(*region);
        else if (!by_url_alone)
            return std::move(region).error();
    }
    if (!settings->universe_domain.value.empty() && options.universe_domain == "googleapis.com")
        options.universe_domain = settings->universe_domain.value;
    if (options.run_endpoint.empty()) options.run_endpoint = settings->run_endpoint.value;
    if (options.storage_endpoint.empty()) options.storage_endpoint = settings->storage_endpoint.value;
    return settings;
}

}  // namespace gcp_provider

}  // namespace blueprint::faas::detail

namespace blueprint::faas::gcp {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<CloudFunctionOptions> resolve(CloudFunctionOptions options,
                                                                             const faas::Environment& environment) {
    const auto settings = faas::detail::gcp_provider::fill(options.cloud, Service::functions, environment);
    if (!settings) return settings.error();
    if (options.endpoint.empty()) options.endpoint = settings->functions_endpoint.value;
    return options;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<CloudRunOptions> resolve(CloudRunOptions options,
                                                                        const faas::Environment& environment) {
    const auto settings = faas::detail::gcp_provider::fill(options.cloud, Service::run, environment);
    if (!settings) return settings.error();
    return options;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Reach default_reach(const HttpsTransport& tls,
                                                            const faas::Environment& environment) {
    return make_reach(tls, MetadataTransport{tls.get_executor()}, environment);
}

}  // namespace blueprint::faas::gcp

#if defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
namespace blueprint::faas {

template asio::awaitable<result<JobResult>>
    FaasExecutor<HttpsTransport, GoogleAuth<gcp::DefaultChain>, CloudFunctionCodec<Binary>>::invoke(JobCall);
template asio::awaitable<result<Invocation>> FaasExecutor<HttpsTransport, GoogleAuth<gcp::DefaultChain>,
                                                          CloudFunctionCodec<Binary>>::invoke_with_metrics(JobCall);
template asio::awaitable<result<JobResult>>
    FaasExecutor<HttpsTransport, GoogleAuth<gcp::DefaultChain>, CloudRunCodec<Binary>>::invoke(JobCall);
template asio::awaitable<result<Invocation>>
    FaasExecutor<HttpsTransport, GoogleAuth<gcp::DefaultChain>, CloudRunCodec<Binary>>::invoke_with_metrics(JobCall);

template result<gcp::CloudFunctionExecutor> gcp::create<Binary>(asio::any_io_executor, CloudFunctionOptions,
                                                                const gcp::ClientOptions&, const Environment&);
template result<gcp::CloudRunExecutor> gcp::create<Binary>(asio::any_io_executor, CloudRunOptions,
                                                           const gcp::ClientOptions&, const Environment&);

}  // namespace blueprint::faas
#endif

#endif
