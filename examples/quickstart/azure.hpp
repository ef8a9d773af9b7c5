#ifndef BLUEPRINT_FAAS_EXAMPLES_QUICKSTART_AZURE_HPP
#define BLUEPRINT_FAAS_EXAMPLES_QUICKSTART_AZURE_HPP

#include "options.hpp"
#include "surroundings.hpp"
#include <blueprint/faas/any_executor.hpp>
#include <blueprint/faas/local/azure_options.hpp>
#include <blueprint/faas/provider/azure.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <string>
#include <utility>

namespace quickstart {

/// The application that signs in to the local cloud.
inline const std::string local_client = "99999999-0000-4000-8000-000000000001";

inline faas::local::AzureOptions local_azure(const faas::Secret& secret) {
    faas::local::AzureOptions azure;
    azure.applications.push_back({.client_id = local_client, .secrets = {secret}});
    return azure;
}

/// What that application finds around it, where Azure's own tools look.
inline void sign_in(Surroundings& around, const std::string& url, const faas::Secret& secret) {
    const faas::local::AzureOptions azure;
    around.set("AZURE_AUTHORITY_HOST", faas::Secret{url});
    around.set("AZURE_TENANT_ID", faas::Secret{azure.tenant});
    around.set("AZURE_CLIENT_ID", faas::Secret{local_client});
    around.set("AZURE_CLIENT_SECRET", secret);
}

/// Makes the executor. `url` is where Azure is played; empty: Azure itself. `environment` outlives it.
inline faas::result<faas::AnyFaasExecutor> azure_executor(boost::asio::io_context& io, const Options& options,
                                                          const std::string& url, faas::TlsOptions tls,
                                                          const faas::Environment& environment) {
    faas::AzureFunctionsOptions app;
    app.subscription = options.subscription;
    app.resource_group = options.resource_group;
    app.location = options.region;
    app.endpoint = url;
    if (!url.empty()) app.first_poll = std::chrono::milliseconds{50};
    faas::azure::ClientOptions client;
    client.tls = std::move(tls);
    auto executor = faas::azure::create(io.get_executor(), std::move(app), client, environment);
    if (!executor) return executor.error();
    return faas::AnyFaasExecutor{std::move(*executor)};
}

}  // namespace quickstart

#endif
