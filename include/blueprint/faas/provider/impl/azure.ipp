#ifndef BLUEPRINT_FAAS_PROVIDER_IMPL_AZURE_IPP
#define BLUEPRINT_FAAS_PROVIDER_IMPL_AZURE_IPP

#include "blueprint/faas/auth/azure/clouds.hpp"
#include "blueprint/faas/provider/azure.hpp"

#include <string>
#include <utility>

namespace blueprint::faas::azure {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<AzureFunctionsOptions> resolve(AzureFunctionsOptions options,
                                                                              const faas::Environment& environment) {
    const auto fill = [&](std::string& option, const char* variable) {
        if (option.empty()) option = environment.variable(variable).value_or("");
        return !option.empty();
    };
    const auto unknown = [](const char* what, const char* option, const char* variable) {
        return Error{.code = errc::invalid_configuration,
                     .message = std::string{"no "} + what + " is known: set AzureFunctionsOptions::" + option +
                                " or the variable " + variable,
                     .execution = Execution::not_started};
    };
    fill(options.location, "AZURE_LOCATION");
    // They are needed to manage an app, not to call one whose address and key are given.
    const bool by_url_alone = !options.app_url.empty() && !options.function_key.empty();
    if (!fill(options.subscription, "AZURE_SUBSCRIPTION_ID") && !by_url_alone)
        return unknown("subscription", "subscription", "AZURE_SUBSCRIPTION_ID");
    if (!fill(options.resource_group, "AZURE_RESOURCE_GROUP") && !by_url_alone)
        return unknown("resource group", "resource_group", "AZURE_RESOURCE_GROUP");
    return options;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Scopes> enter_cloud(AzureFunctionsOptions& options,
                                                                   const ClientOptions& client,
                                                                   const faas::Environment& environment) {
    const auto authority = resolve_authority(environment, client.authority);
    if (!authority) return authority.error();
    const auto& cloud = cloud_of(*authority);
    if (options.endpoint.empty()) options.endpoint = cloud.management;
    return scopes_of(cloud);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Reach default_reach(const HttpsTransport& tls,
                                                            const faas::Environment& environment) {
    return make_reach(tls, MetadataTransport{tls.get_executor()}, environment);
}

}  // namespace blueprint::faas::azure

#if defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
namespace blueprint::faas {

template asio::awaitable<result<JobResult>>
    FaasExecutor<HttpsTransport, AzureAd<azure::DefaultChain>, AzureFunctionsCodec<Binary>>::invoke(JobCall);
template asio::awaitable<result<Invocation>> FaasExecutor<HttpsTransport, AzureAd<azure::DefaultChain>,
                                                          AzureFunctionsCodec<Binary>>::invoke_with_metrics(JobCall);

template result<azure::FunctionsExecutor> azure::create<Binary>(asio::any_io_executor, AzureFunctionsOptions,
                                                                const azure::ClientOptions&, const Environment&);

}  // namespace blueprint::faas
#endif

#endif
