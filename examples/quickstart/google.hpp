#ifndef BLUEPRINT_FAAS_EXAMPLES_QUICKSTART_GOOGLE_HPP
#define BLUEPRINT_FAAS_EXAMPLES_QUICKSTART_GOOGLE_HPP

#include "options.hpp"
#include "surroundings.hpp"
#include <blueprint/faas/any_executor.hpp>
#include <blueprint/faas/local/gcp_key_file.hpp>
#include <blueprint/faas/provider/gcp.hpp>

#include <boost/asio/io_context.hpp>

#include <string>
#include <utility>

namespace quickstart {

inline bool is_google(const Options& options) { return options.provider == "gcp" || options.provider == "cloud-run"; }

inline const std::string local_project = "local-project";
inline const std::string local_account = "quickstart@local-project.iam.gserviceaccount.com";

/// Makes the executor that was asked for. `url` is where Google Cloud is played; empty: Google itself. `environment`
/// outlives it.
inline faas::result<faas::AnyFaasExecutor> google_executor(boost::asio::io_context& io, const Options& options,
                                                           const std::string& url, faas::TlsOptions tls,
                                                           const faas::Environment& environment) {
    faas::GoogleCloudOptions cloud;
    cloud.project = options.project;
    cloud.region = options.region;
    cloud.run_endpoint = url;
    cloud.storage_endpoint = url;
    faas::gcp::ClientOptions client;
    client.tls = std::move(tls);
    const auto keep = [](auto executor) -> faas::result<faas::AnyFaasExecutor> {
        if (!executor) return executor.error();
        return faas::AnyFaasExecutor{std::move(*executor)};
    };
    if (options.provider == "gcp")
        return keep(faas::gcp::create(io.get_executor(), faas::CloudFunctionOptions{.cloud = cloud, .endpoint = url},
                                      client, environment));
    return keep(
        faas::gcp::create(io.get_executor(), faas::CloudRunOptions{.cloud = std::move(cloud)}, client, environment));
}

}  // namespace quickstart

#endif
