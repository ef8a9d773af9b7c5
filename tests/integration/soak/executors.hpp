#ifndef BLUEPRINT_FAAS_TESTS_SOAK_EXECUTORS_HPP
#define BLUEPRINT_FAAS_TESTS_SOAK_EXECUTORS_HPP

#include "blueprint/faas/auth/oauth2.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/provider/aws.hpp"
#include "blueprint/faas/provider/azure.hpp"
#include "blueprint/faas/provider/custom.hpp"
#include "blueprint/faas/provider/digitalocean.hpp"
#include "blueprint/faas/provider/gcp.hpp"
#include "blueprint/faas/provider/openwhisk.hpp"
#include "clouds.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace soak {

using namespace blueprint::faas;

// Jobs 0 to 6 run in a cloud, 10 to 16 at the fast platform.
inline constexpr std::size_t providers = 7;
inline constexpr std::array<const char*, providers> provider_names{
    "custom", "aws", "cloud run", "cloud functions", "azure", "digitalocean", "openwhisk"};
inline constexpr std::array<Platform, providers> platform_of{
    Platform::custom, Platform::aws,          Platform::google,   Platform::google,
    Platform::azure,  Platform::digitalocean, Platform::openwhisk};

// Where clients look for credentials, with the real clock.
class Surroundings final : public Environment {
public:
    std::optional<std::string> variable(const std::string& name) const override {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional{found->second};
    }
    result<std::optional<Secret>> read_file(const std::string& path, std::size_t) const override {
        const auto found = files.find(path);
        if (found == files.end()) return std::optional<Secret>{};
        return std::optional<Secret>{std::string_view{found->second}};
    }
    std::map<std::string, std::string> variables{};
    std::map<std::string, std::string> files{};
};

using Custom = custom::HttpFaasExecutor<ClientCredentials<HttpsTransport>>;

// Seven executors, for the clouds or for the fast platform.
struct Executors {
    Custom contract;
    aws::LambdaExecutor lambda;
    gcp::CloudRunExecutor run;
    gcp::CloudFunctionExecutor functions;
    azure::FunctionsExecutor app;
    digitalocean::FunctionsExecutor ocean;
    openwhisk::Executor whisk;
};

inline TlsOptions trusting(const local::CertificateAuthority& authority) {
    return {.system_roots = false, .extra_roots = authority.certificate()};
}
// Far below what the servers keep, as is the rule; and no connection grows old.
inline ConnectionOptions churning() { return {.max_idle_time = 400ms, .max_age = 3s}; }

struct Addresses {
    std::array<std::string, platforms> urls{};
    std::string token_url{};
    bool known = false;  // nothing is discovered: addresses and keys of what is called are given
};

inline Executors make_executors(asio::io_context& io, const local::CertificateAuthority& authority, const Addresses& at,
                                const Surroundings& around, std::uint32_t first_job) {
    const auto url = [&](Platform platform) { return at.urls.at(static_cast<std::size_t>(platform)); };
    const auto tls = trusting(authority);
    const HttpsTransport transport{io.get_executor(), tls, churning()};
    const auto job = [&](std::uint32_t i) { return *JobId::from(first_job + i); };

    ClientCredentialsOptions credentials;
    credentials.token_url = at.token_url;
    credentials.client_id = faas::test::TokenServerOptions{}.client_id;
    credentials.client_secret = faas::test::TokenServerOptions{}.client_secret;

    aws::Options lambda;
    lambda.lambda.region = "us-east-1";
    lambda.lambda.endpoint = url(Platform::aws);
    lambda.lambda.role_arn = "arn:aws:iam::123456789012:role/jobs";
    lambda.lambda.first_poll = 20ms;
    lambda.lambda.max_poll = 100ms;
    lambda.tls = tls;
    lambda.connections = churning();

    GoogleCloudOptions google;
    google.project = "local-project";
    google.region = "europe-west1";
    google.run_endpoint = url(Platform::google);
    google.storage_endpoint = url(Platform::google);
    google.first_poll = 20ms;
    google.max_poll = 100ms;
    google.invokers = {"serviceAccount:" + std::string{google_account}};
    if (at.known)
        for (const std::uint32_t i : {2U, 3U}) google.job_urls.emplace(job(i), url(Platform::google));
    CloudRunOptions run{.cloud = google, .start_patience = 20s};
    CloudFunctionOptions functions{.cloud = google, .endpoint = url(Platform::google)};
    const gcp::ClientOptions google_client{.tls = tls, .connections = churning()};

    AzureFunctionsOptions app;
    app.subscription = local::AzureOptions{}.subscription;
    app.resource_group = "group";
    app.location = "westeurope";
    app.endpoint = url(Platform::azure);
    app.first_poll = 20ms;
    app.max_poll = 100ms;
    app.start_patience = 6s;  // a restart in the middle costs a deployment as much
    if (at.known) {
        app.app_url = url(Platform::azure);
        app.function_key = std::string(56, 'x');
    }
    azure::ClientOptions azure_client_options;
    azure_client_options.tls = tls;
    azure_client_options.connections = churning();

    OpenWhiskActionOptions actions;
    actions.way = OpenWhiskWay::action_loop;
    actions.exec_env = local::OpenWhiskSettings{}.exec_env;
    actions.first_poll = 10ms;
    actions.max_poll = 100ms;
    DigitalOceanOptions ocean{.region = "fra1", .endpoint = url(Platform::digitalocean), .actions = actions};
    if (at.known) {
        ocean.api_host = url(Platform::digitalocean);
        ocean.access_key = "dof_v1_" + std::string(32, 'a') + ':' + std::string(64, 'x');
    }
    digitalocean::ClientOptions ocean_client;
    ocean_client.token = Secret{made_up};
    ocean_client.tls = tls;
    ocean_client.connections = churning();
    OpenWhiskOptions whisk{
        .api_host = url(Platform::openwhisk), .auth = "tester:" + Secret{made_up}, .actions = actions};
    openwhisk::ClientOptions whisk_client{.tls = tls, .connections = churning()};

    return {ok(custom::create(transport, {.base_url = url(Platform::custom)},
                              ClientCredentials{transport, std::move(credentials)})),
            ok(aws::create(io.get_executor(), std::move(lambda), around)),
            ok(gcp::create(io.get_executor(), std::move(run), google_client, around)),
            ok(gcp::create(io.get_executor(), std::move(functions), google_client, around)),
            ok(azure::create(io.get_executor(), std::move(app), azure_client_options, around)),
            ok(digitalocean::create(io.get_executor(), std::move(ocean), ocean_client, around)),
            ok(openwhisk::create(io.get_executor(), std::move(whisk), whisk_client, around))};
}

inline Surroundings surroundings(const Addresses& at, const std::string& google_key, const std::string& aws_path,
                                 const std::string& google_tokens) {
    Surroundings around;
    const auto& aws_url = at.urls[static_cast<std::size_t>(Platform::aws)];
    around.variables = {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", aws_url + aws_path},
                        {"GOOGLE_APPLICATION_CREDENTIALS", "/credentials.json"},
                        {"AZURE_AUTHORITY_HOST", at.urls[static_cast<std::size_t>(Platform::azure)]},
                        {"AZURE_TENANT_ID", local::AzureOptions{}.tenant},
                        {"AZURE_CLIENT_ID", std::string{azure_client}},
                        {"AZURE_CLIENT_SECRET", std::string{made_up}}};
    around.files["/credentials.json"] = boost::json::serialize(boost::json::object{{"type", "service_account"},
                                                                                   {"project_id", "local-project"},
                                                                                   {"private_key_id", "key-1"},
                                                                                   {"private_key", google_key},
                                                                                   {"client_email", google_account},
                                                                                   {"token_uri", google_tokens}});
    return around;
}

}  // namespace soak

#endif
