#ifndef BLUEPRINT_FAAS_EXAMPLES_QUICKSTART_DIGITALOCEAN_HPP
#define BLUEPRINT_FAAS_EXAMPLES_QUICKSTART_DIGITALOCEAN_HPP

#include "options.hpp"
#include "surroundings.hpp"
#include <blueprint/faas/any_executor.hpp>
#include <blueprint/faas/provider/digitalocean.hpp>
#include <blueprint/faas/provider/openwhisk.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <string>
#include <utility>

namespace quickstart {

/// Makes the executor of DigitalOcean. `url` is where it is played; empty: DigitalOcean itself. `environment` outlives
/// it.
inline faas::result<faas::AnyFaasExecutor> digitalocean_executor(boost::asio::io_context& io, const Options& options,
                                                                 const std::string& url, faas::TlsOptions tls,
                                                                 const faas::Environment& environment) {
    faas::DigitalOceanOptions functions;
    functions.label = "quickstart";
    functions.region = options.region;
    functions.endpoint = url;
    functions.key_life = std::chrono::hours{1};
    faas::digitalocean::ClientOptions client;
    client.tls = std::move(tls);
    auto executor = faas::digitalocean::create(io.get_executor(), std::move(functions), client, environment);
    if (!executor) return executor.error();
    return faas::AnyFaasExecutor{std::move(*executor)};
}

/// Makes the executor of a self-hosted OpenWhisk. `url`: where it is; empty: what ~/.wskprops says.
inline faas::result<faas::AnyFaasExecutor> openwhisk_executor(boost::asio::io_context& io, const Options&,
                                                              const std::string& url, faas::TlsOptions tls,
                                                              const faas::Environment& environment) {
    faas::OpenWhiskOptions actions;
    actions.api_host = url;
    faas::openwhisk::ClientOptions client;
    client.tls = std::move(tls);
    auto executor = faas::openwhisk::create(io.get_executor(), std::move(actions), client, environment);
    if (!executor) return executor.error();
    return faas::AnyFaasExecutor{std::move(*executor)};
}

}  // namespace quickstart

#endif
