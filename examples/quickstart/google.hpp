#ifndef BLUEPRINT_FAAS_EXAMPLES_QUICKSTART_GOOGLE_HPP
#define BLUEPRINT_FAAS_EXAMPLES_QUICKSTART_GOOGLE_HPP

#include "options.hpp"
#include <blueprint/faas/any_executor.hpp>
#include <blueprint/faas/environment.hpp>
#include <blueprint/faas/local/gcp_key_file.hpp>
#include <blueprint/faas/provider/gcp.hpp>

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace quickstart {

namespace faas = blueprint::faas;

inline bool is_google(const Options& options) { return options.provider == "gcp" || options.provider == "cloud-run"; }

inline const std::string local_project = "local-project";
inline const std::string local_account = "quickstart@local-project.iam.gserviceaccount.com";

/// What a client of the local cloud finds around it: the key file of the account that was made for this run, where
/// Google's tools look for one.
class OwnAccount final : public faas::Environment {
public:
    void take(faas::Secret file) { file_ = std::move(file); }
    std::optional<std::string> variable(const std::string& name) const override {
        if (name == "GOOGLE_APPLICATION_CREDENTIALS") return "(made for this run)";
        return std::nullopt;
    }
    faas::result<std::optional<faas::Secret>> read_file(const std::string& path, std::size_t) const override {
        if (path == "(made for this run)") return std::optional<faas::Secret>{file_};
        return std::optional<faas::Secret>{};
    }

private:
    faas::Secret file_{};
};

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
