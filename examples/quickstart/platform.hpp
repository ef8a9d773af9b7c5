#ifndef BLUEPRINT_FAAS_EXAMPLES_QUICKSTART_PLATFORM_HPP
#define BLUEPRINT_FAAS_EXAMPLES_QUICKSTART_PLATFORM_HPP

#include "azure.hpp"
#include "digitalocean.hpp"
#include "google.hpp"
#include "options.hpp"
#include "surroundings.hpp"
#include <blueprint/faas/any_executor.hpp>
#include <blueprint/faas/local/certificates.hpp>
#include <blueprint/faas/local/cloud.hpp>
#include <blueprint/faas/provider/aws.hpp>
#include <blueprint/faas/provider/custom.hpp>
#include <blueprint/faas/transport/loopback.hpp>

#include <boost/asio/io_context.hpp>
#include <openssl/rand.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

namespace quickstart {

/// The platform that the jobs go to, and the local cloud if it is ours.
struct Platform {
    std::unique_ptr<faas::local::Cloud> cloud{};
    std::unique_ptr<Surroundings> around{};  // outlives the executor
    std::optional<faas::AnyFaasExecutor> executor{};
    std::string url{};
};

inline faas::Error refused(std::string why) {
    return faas::Error{.code = faas::errc::invalid_configuration, .message = std::move(why)};
}

/// Makes a word that nobody can guess.
inline faas::result<faas::Secret> random_secret() {
    unsigned char random[24];
    if (RAND_bytes(random, sizeof random) != 1)
        return faas::Error{.code = faas::errc::infrastructure, .message = "no random numbers to make a secret of"};
    return faas::Secret{faas::detail::hex_encode(random)};
}

/// Makes the executor of a provider at `url`; empty: at the provider itself. `environment` outlives it.
using MakeExecutor = faas::result<faas::AnyFaasExecutor> (*)(boost::asio::io_context& io, const Options& options,
                                                             const std::string& url, faas::TlsOptions tls,
                                                             const faas::Environment& environment);

/// Null: the provider has a way of its own.
inline MakeExecutor maker_of(const Options& options) {
    if (is_google(options)) return &google_executor;
    if (options.provider == "azure") return &azure_executor;
    if (options.provider == "digitalocean") return &digitalocean_executor;
    if (options.provider == "openwhisk") return &openwhisk_executor;
    return nullptr;
}

/// Any role will do for a local cloud, as long as it looks like one.
inline const std::string local_role = "arn:aws:iam::123456789012:role/quickstart";

/// Starts a local cloud over TLS, with a certificate authority and a secret that are made for this run alone.
inline faas::result<Platform> start_local_cloud(boost::asio::io_context& io, const Options& wanted) {
    auto authority = faas::local::CertificateAuthority::create();
    if (!authority) return authority.error();
    auto identity = authority->issue({"localhost", "127.0.0.1"});
    if (!identity) return identity.error();
    const auto secret = random_secret();
    if (!secret) return secret.error();

    const bool aws = wanted.provider == "aws";
    faas::local::CloudOptions options;
    options.tls = faas::local::TlsIdentity{identity->certificate, identity->private_key};
    options.bearer_tokens.push_back(*secret);
    if (aws) options.aws.emplace().keys.emplace("quickstart", *secret);
    const bool azure = wanted.provider == "azure";
    if (azure) options.azure = local_azure(*secret);
    const bool digitalocean = wanted.provider == "digitalocean";
    if (digitalocean) options.digitalocean.emplace().tokens.push_back(*secret);
    const bool openwhisk = wanted.provider == "openwhisk";
    if (openwhisk) options.openwhisk.emplace().users.push_back({.user = "quickstart", .password = *secret});
    const bool google = is_google(wanted);
    faas::result<faas::local::GcpAccountKey> account{};
    if (google) account = faas::local::GcpAccountKey::make(local_account);
    if (!account) return account.error();
    if (google) {
        auto& gcp = options.gcp.emplace();
        gcp.service_accounts.emplace(local_account, account->account);
        gcp.invokers.push_back("serviceAccount:" + local_account);
    }
#if defined(__SANITIZE_ADDRESS__)
    options.limit_memory = false;  // AddressSanitizer reserves terabytes of addresses
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    options.limit_memory = false;
#endif
#endif
    Platform platform;
    platform.cloud = std::make_unique<faas::local::Cloud>(io, std::move(options));
    if (auto started = platform.cloud->start(); !started) return started.error();
    platform.url = aws            ? platform.cloud->aws_url()
                   : google       ? platform.cloud->gcp_url()
                   : azure        ? platform.cloud->azure_url()
                   : digitalocean ? platform.cloud->digitalocean_url()
                   : openwhisk    ? platform.cloud->openwhisk_url()
                                  : platform.cloud->url();
    if (const auto make = maker_of(wanted); make != nullptr) {
        platform.around = std::make_unique<Surroundings>();
        Options there = wanted;
        if (google) {
            platform.around->lay("GOOGLE_APPLICATION_CREDENTIALS",
                                 account->file(local_project, platform.url + "/token"));
            there.project = local_project;
            there.region = "europe-west1";
        } else if (digitalocean) {
            platform.around->set("DIGITALOCEAN_TOKEN", *secret);
            there.region = "fra1";
        } else if (openwhisk) {
            platform.around->set("__OW_API_HOST", faas::Secret{platform.url});
            platform.around->set("__OW_API_KEY", "quickstart:" + *secret);
        } else {
            sign_in(*platform.around, platform.url, *secret);
            there.subscription = faas::local::AzureOptions{}.subscription;
            there.resource_group = "quickstart";
            there.region = "westeurope";
        }
        auto executor = make(io, there, platform.url, {.extra_roots = authority->certificate()}, *platform.around);
        if (!executor) return executor.error();
        platform.executor.emplace(std::move(*executor));
        return platform;
    }
    faas::HttpsTransport transport{io.get_executor(), {.extra_roots = authority->certificate()}};
    const auto keep = [&](auto executor) -> faas::result<Platform> {
        if (!executor) return executor.error();
        platform.executor.emplace(std::move(*executor));
        return std::move(platform);
    };
    if (!aws)
        return keep(faas::custom::create(std::move(transport), {.base_url = platform.url}, faas::Bearer{*secret}));
    faas::LambdaOptions lambda{.region = "us-east-1", .endpoint = platform.url, .role_arn = local_role};
    faas::aws::FixedCredentials key{{.access_key_id = "quickstart", .secret_access_key = *secret}};
    return keep(faas::aws::create(std::move(transport), std::move(key), std::move(lambda)));
}

/// Trusts the authority in the file of --ca as well, if there is one.
inline faas::result<faas::TlsOptions> read_tls(const Options& options) {
    faas::TlsOptions tls;
    if (options.ca_file.empty()) return tls;
    std::ifstream file{options.ca_file};
    std::ostringstream text;
    if (!file || !(text << file.rdbuf())) return refused("--ca: the file " + options.ca_file + " cannot be read");
    tls.extra_roots = text.str();
    return tls;
}

/// Reaches AWS Lambda, or a server that speaks it.
inline faas::result<Platform> reach_aws(boost::asio::io_context& io, const Options& options) {
    auto tls = read_tls(options);
    if (!tls) return tls.error();
    Platform platform;
    const auto keep = [&](auto executor) -> faas::result<Platform> {
        if (!executor) return executor.error();
        platform.url = executor->codec().options().endpoint;
        platform.executor.emplace(std::move(*executor));
        return std::move(platform);
    };
    faas::aws::Options wanted;
    wanted.lambda.role_arn = options.role.empty() ? local_role : options.role;
    wanted.lambda.endpoint = options.endpoint_url;
    wanted.tls = std::move(*tls);
    if (!options.endpoint_url.starts_with("http://"))
        return keep(faas::aws::create(io.get_executor(), std::move(wanted)));
    const auto unset = [](const char* name) { return std::getenv(name) == nullptr; };
    if (unset("AWS_REGION") && unset("AWS_DEFAULT_REGION")) wanted.lambda.region = "us-east-1";
    if (!unset("AWS_ACCESS_KEY_ID")) return keep(faas::aws::create_local(io.get_executor(), std::move(wanted)));
    // The key that local_cloud has unless it is given another.
    faas::aws::FixedCredentials key{{.access_key_id = "local", .secret_access_key = "local"}};
    faas::LoopbackTransport transport{io.get_executor()};
    auto lambda = faas::aws::resolve(std::move(wanted));
    if (!lambda) return lambda.error();
    return keep(faas::aws::create(std::move(transport), std::move(key), std::move(lambda->lambda)));
}

/// Reaches one of the other providers, or a server that plays it.
inline faas::result<Platform> reach_cloud(boost::asio::io_context& io, const Options& options) {
    auto tls = read_tls(options);
    if (!tls) return tls.error();
    const auto make = maker_of(options);
    auto executor = make(io, options, options.endpoint_url, std::move(*tls), faas::Environment::process());
    if (!executor) return executor.error();
    Platform platform;
    platform.url = !options.endpoint_url.empty() ? options.endpoint_url
                   : is_google(options)          ? "Google Cloud, project " + options.project
                   : options.provider == "azure" ? "Azure, resource group " + options.resource_group
                                                 : "DigitalOcean, region " + options.region;
    platform.executor.emplace(std::move(*executor));
    return platform;
}

/// Reaches a platform that is there already. A token never goes over plain HTTP: that would not compile.
inline faas::result<Platform> reach(boost::asio::io_context& io, const Options& options) {
    faas::Secret token;
    if (!options.token_env.empty()) {
        const char* value = std::getenv(options.token_env.c_str());
        if (value == nullptr || *value == '\0')
            return refused("the environment variable " + options.token_env +
                           " is not set: put the bearer token into it");
        token = value;
    }
    auto tls = read_tls(options);
    if (!tls) return tls.error();
    Platform platform;
    platform.url = options.url;
    const auto keep = [&](auto executor) -> faas::result<Platform> {
        if (!executor) return executor.error();
        platform.executor.emplace(std::move(*executor));
        return std::move(platform);
    };
    if (options.url.starts_with("http://")) {
        if (!token.empty()) return refused("--token-env: a token is not sent over plain http://, use https://");
        return keep(faas::custom::create(faas::LoopbackTransport{io.get_executor()}, {.base_url = options.url}));
    }
    faas::HttpsTransport transport{io.get_executor(), std::move(*tls)};
    if (token.empty()) return keep(faas::custom::create(std::move(transport), {.base_url = options.url}));
    return keep(faas::custom::create(std::move(transport), {.base_url = options.url}, faas::Bearer{token}));
}

}  // namespace quickstart

#endif
