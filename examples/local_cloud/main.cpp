// FaaS platforms on this machine: speaks the custom platform contract, AWS Lambda, Google Cloud, Azure, DigitalOcean
// and Apache OpenWhisk, and runs what is deployed to it.
//   local_cloud --data /tmp/cloud      prints "custom listening on http://127.0.0.1:PORT", the same of "aws", "gcp",
//                                      "azure", "digitalocean" and "openwhisk", and serves until SIGINT.
#include <blueprint/faas/environment.hpp>
#include <blueprint/faas/local/cloud.hpp>
#include <blueprint/faas/local/gcp_key_file.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <utility>

namespace faas = blueprint::faas;
namespace asio = boost::asio;

namespace {

constexpr std::string_view usage =
    "usage: local_cloud [--listen ADDRESS:PORT] [--data DIR] [--tls CERT KEY] [--client-ca FILE] [--bearer-env NAME]\n"
    "                   [--host-name NAME] [--grace SECONDS] [--strict-1-0] [--no-memory-limit] [--allow-non-loopback] "
    "[--verbose] "
    "[--help]\n"
    "                   [--no-aws | --aws-port PORT --aws-region REGION --aws-account ID --aws-settle-ms MS]\n"
    "                   [--no-gcp | --gcp-port PORT --gcp-project ID --gcp-region REGION --gcp-settle-ms MS\n"
    "                    --gcp-key-file FILE --gcp-user-file FILE --gcp-identity AUDIENCE --functions-framework FILE]\n"
    "                   [--no-azure | --azure-port PORT --azure-tenant ID --azure-subscription ID --azure-settle-ms "
    "MS\n"
    "                    --azure-certificate FILE --azure-federated ISSUER SUBJECT --azure-identity-header-env NAME]\n"
    "                   [--no-digitalocean | --digitalocean-port PORT]\n"
    "                   [--no-openwhisk | --openwhisk-port PORT --openwhisk-auth-env NAME] [--node PROGRAM]\n"
    "  --listen ADDRESS:PORT  where to listen; port 0 is any free one (127.0.0.1:0)\n"
    "  --data DIR             where packages are kept while it runs (a temporary directory, removed at the end)\n"
    "  --tls CERT KEY         serve HTTPS with this PEM certificate chain and key\n"
    "  --client-ca FILE       ask for a client certificate that one of the authorities in this PEM file has signed\n"
    "  --bearer-env NAME      ask for the bearer token that this environment variable holds\n"
    "  --host-name NAME       let what needs no credential be asked for by this name too, beside localhost and this "
    "machine's\n"
    "                         addresses (the field Host); may be given more than once\n"
    "  --grace SECONDS        how long running invocations may go on after SIGINT or SIGTERM (0)\n"
    "  --strict-1-0           behave as a platform that knows nothing of contract 1.1\n"
    "  --no-memory-limit      do not limit the functions' memory (programs built with AddressSanitizer need that)\n"
    "  --allow-non-loopback   allow --listen beyond loopback; --tls is due then\n"
    "  --verbose              write a line for each request to stderr\n"
    "  --no-aws               do not play AWS; otherwise it is on a port of its own, and whoever signs with the key "
    "of\n"
    "                         AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY may do everything. Where these are not set, "
    "the\n"
    "                         id and the secret are both \"local\", and it is played on loopback only\n"
    "  --aws-port PORT        where AWS listens (any free one)\n"
    "  --aws-region REGION    which region it is (us-east-1)\n"
    "  --aws-account ID       which account it is (123456789012)\n"
    "  --aws-settle-ms MS     how long functions are being created and changed (300)\n"
    "  --no-gcp               do not play Google Cloud; otherwise it is on a port of its own, and on loopback its "
    "metadata\n"
    "                         server gives everybody tokens: set GCE_METADATA_HOST to its address\n"
    "  --gcp-port PORT        where Google Cloud listens (any free one)\n"
    "  --gcp-project ID       which project it is (local-project)\n"
    "  --gcp-region REGION    where its metadata server says that it is (europe-west1)\n"
    "  --gcp-settle-ms MS     how long its operations take (300)\n"
    "  --gcp-key-file FILE    the key of a service account that may do everything, as Google gives it out; a new one "
    "is\n"
    "                         written if there is no such file, for GOOGLE_APPLICATION_CREDENTIALS\n"
    "  --gcp-user-file FILE   the credentials of a user who may do everything, of the type authorized_user\n"
    "  --gcp-identity AUDIENCE  take JWTs for this audience, and who may sign requests to AWS, as foreign identities\n"
    "  --functions-framework FILE  run functions with a Node.js runtime by this program of npm\n"
    "  --no-azure             do not play Azure; otherwise it is on a port of its own, and the application that "
    "AZURE_CLIENT_ID\n"
    "                         names may do everything, with the secret AZURE_CLIENT_SECRET. Where these are not set, "
    "the id\n"
    "                         and the secret are both \"local\", and it is played on loopback only. There its metadata "
    "service\n"
    "                         gives everybody tokens: set AZURE_POD_IDENTITY_AUTHORITY_HOST to its address\n"
    "  --azure-port PORT      where Azure listens (any free one)\n"
    "  --azure-tenant ID      which tenant it is (AZURE_TENANT_ID, or 72f988bf-0000-4000-8000-000000000000)\n"
    "  --azure-subscription ID  which subscription it has (11111111-2222-4333-8444-555555555555)\n"
    "  --azure-settle-ms MS   how long its operations take (200)\n"
    "  --azure-certificate FILE  the application may also sign with the key of this PEM certificate\n"
    "  --azure-federated ISSUER SUBJECT  the application is also who shows a JWT by and of these\n"
    "  --azure-identity-header-env NAME  give tokens at /msi/token too, for the X-IDENTITY-HEADER that this "
    "environment\n"
    "                         variable holds\n"
    "  --no-digitalocean      do not play DigitalOcean; otherwise it is on a port of its own, and the token "
    "DIGITALOCEAN_TOKEN\n"
    "                         may do everything. Where that is not set any token may, and it is played on loopback "
    "only\n"
    "  --digitalocean-port PORT  where DigitalOcean listens (any free one)\n"
    "  --no-openwhisk         do not play Apache OpenWhisk; otherwise it is on a port of its own\n"
    "  --openwhisk-port PORT  where OpenWhisk listens (any free one)\n"
    "  --openwhisk-auth-env NAME  who has the USER:PASSWORD that this environment variable holds may use it. Without "
    "it\n"
    "                         anybody may, and it is played on loopback only\n"
    "  --node PROGRAM         run functions with a Node.js runtime of DigitalOcean and OpenWhisk by this program "
    "(node)\n"
    "Functions run with the rights of this program: deploy only what you would run yourself.\n";

[[noreturn]] void refuse(std::string_view why) {
    std::cerr << "local_cloud: " << why << "\n" << usage;
    std::exit(2);
}

void read_listen(std::string_view text, faas::local::CloudOptions& options) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) refuse("--listen wants ADDRESS:PORT, for example 127.0.0.1:8080");
    const auto port = text.substr(colon + 1);
    auto address = text.substr(0, colon);
    if (address.size() > 2 && address.front() == '[' && address.back() == ']')
        address = address.substr(1, address.size() - 2);
    const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), options.port);
    if (failed != std::errc{} || end != port.data() + port.size() || port.empty())
        refuse("the port of --listen must be a number from 0 to 65535");
    options.listen_address = address;
}

/// What the command line says beyond the cloud's own options.
struct Arguments {
    faas::local::CloudOptions cloud{};
    std::chrono::seconds grace{};
    std::string new_key_file{};  // to be written once it is known where tokens are asked for
    faas::local::GcpAccountKey key{};
};

std::uint64_t read_number(std::string_view name, std::string_view text, std::uint64_t most) {
    std::uint64_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{} || end != text.data() + text.size() || text.empty() || number > most)
        refuse(std::string{name} + " must be a number from 0 to " + std::to_string(most));
    return number;
}

/// Who may sign requests to AWS. A well-known pair is enough where only this machine can ask.
void read_aws_keys(faas::local::CloudOptions& options) {
    const char* id = std::getenv("AWS_ACCESS_KEY_ID");
    const char* secret = std::getenv("AWS_SECRET_ACCESS_KEY");
    const bool set = id != nullptr && secret != nullptr && *id != '\0' && *secret != '\0';
    if (set)
        options.aws->keys.insert_or_assign(id, faas::Secret{secret});
    else if (options.allow_non_loopback)
        options.aws.reset();
    else
        options.aws->keys.insert_or_assign("local", faas::Secret{"local"});
}

/// Who may ask for Azure's tokens, likewise.
void read_azure_application(faas::local::CloudOptions& options, faas::local::AzureApplication application) {
    const char* id = std::getenv("AZURE_CLIENT_ID");
    const char* secret = std::getenv("AZURE_CLIENT_SECRET");
    const bool named = id != nullptr && *id != '\0';
    application.client_id = named ? id : "local";
    if (named && secret != nullptr && *secret != '\0')
        application.secrets.emplace_back(secret);
    else if (!named && !options.allow_non_loopback)
        application.secrets.emplace_back("local");
    const bool proves = !application.secrets.empty() || !application.certificates.empty();
    if (options.allow_non_loopback && !proves) {
        options.azure.reset();
        return;
    }
    options.azure->applications.push_back(std::move(application));
    // Whoever reaches the metadata service gets tokens: nobody but this machine may.
    if (options.allow_non_loopback) return;
    options.azure->identities.push_back({.client_id = "00000000-0000-4000-8000-000000000001",
                                         .object_id = "00000000-0000-4000-8000-000000000002",
                                         .system_assigned = true});
}

/// Who may ask DigitalOcean's API.
void read_digitalocean_token(faas::local::CloudOptions& options) {
    const char* token = std::getenv("DIGITALOCEAN_TOKEN");
    if (token != nullptr && *token != '\0')
        options.digitalocean->tokens.emplace_back(token);
    else if (options.allow_non_loopback)
        options.digitalocean.reset();
}

faas::local::OpenWhiskUser read_openwhisk_user(std::string_view name, const std::string& pair) {
    const auto colon = pair.find(':');
    if (colon == std::string::npos) refuse(std::string{name} + " wants a variable of the form USER:PASSWORD");
    return {.user = pair.substr(0, colon), .password = std::string_view{pair}.substr(colon + 1)};
}

std::string must_be_set(const std::string& variable, std::string_view name) {
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr || *value == '\0')
        refuse("the environment variable " + variable + " of " + std::string{name} + " is not set");
    return value;
}

template <class T>
T must(faas::result<T> outcome) {
    if (!outcome) refuse(outcome.error().message);
    return std::move(*outcome);
}

/// Who Google's tokens may be of, beside the account of the metadata server.
void read_gcp_key(const std::string& file, const faas::local::GcpOptions& gcp, Arguments& arguments) {
    const auto text = must(faas::Environment::process().read_file(file));
    if (!text) arguments.new_key_file = file;
    arguments.key = must(text ? faas::local::GcpAccountKey::read(*text)
                              : faas::local::GcpAccountKey::make("local@" + gcp.project + ".iam.gserviceaccount.com"));
}

std::string read_certificate(const std::string& file) {
    constexpr std::string_view last = "-----END CERTIFICATE-----";
    const auto text = must(faas::Environment::process().read_file(file));
    const auto whole = text ? text->reveal() : std::string_view{};
    const auto begin = whole.find("-----BEGIN CERTIFICATE-----");
    const auto end = whole.find(last, std::min(begin, whole.size()));
    if (end == std::string_view::npos) refuse("--azure-certificate wants a readable PEM file with a certificate");
    // Its owner's key may stand in the same file.
    return std::string{whole.substr(begin, end + last.size() - begin)} + '\n';
}

faas::local::GcpUser read_gcp_user(const std::string& file) {
    const auto text = must(faas::Environment::process().read_file(file));
    if (!text) refuse("there is no file '" + file + '\'');
    boost::system::error_code failed;
    const auto json = boost::json::parse({text->reveal().data(), text->reveal().size()}, failed);
    const auto value = [&](const char* name) {
        const auto* object = failed ? nullptr : json.if_object();
        const auto* member = object != nullptr ? object->if_contains(name) : nullptr;
        if (member == nullptr || !member->is_string())
            refuse('\'' + file + "' has no " + name + ": it should be of the type authorized_user");
        return std::string{member->get_string().data(), member->get_string().size()};
    };
    return {.email = "local-user@example.com",
            .client_id = value("client_id"),
            .client_secret = value("client_secret"),
            .refresh_token = value("refresh_token")};
}

/// Who may sign requests to AWS may prove to Google that it is who it is.
void let_aws_in(faas::local::GcpOptions& gcp, const faas::local::AwsOptions& aws) {
    for (auto& identity : gcp.identities)
        for (const auto& [id, secret] : aws.keys)
            identity.aws_keys.insert_or_assign(id, faas::local::GcpAwsKey{.secret_access_key = secret});
}

Arguments read_arguments(int argc, char** argv) {
    Arguments arguments;
    auto& options = arguments.cloud;
    options.single_thread = true;
    faas::local::AwsOptions aws;
    faas::local::GcpOptions gcp;
    faas::local::AzureOptions azure;
    faas::local::AzureApplication application;
    faas::local::DigitalOceanOptions digitalocean;
    faas::local::OpenWhiskOptions openwhisk;
    if (const char* tenant = std::getenv("AZURE_TENANT_ID"); tenant != nullptr && *tenant != '\0')
        azure.tenant = tenant;
    std::string key_file;
    bool plays_aws = true;
    bool plays_gcp = true;
    bool plays_azure = true;
    bool plays_digitalocean = true;
    bool plays_openwhisk = true;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        const auto next = [&]() -> std::string {
            if (i + 1 >= argc) refuse(std::string{name} + " lacks a value");
            return argv[++i];
        };
        if (name == "--help") {
            std::cout << usage;
            std::exit(0);
        } else if (name == "--listen") {
            read_listen(next(), options);
        } else if (name == "--data") {
            options.data_directory = next();
        } else if (name == "--tls") {
            const auto chain = next();
            const auto key = next();
            auto identity = faas::local::TlsIdentity::from_files(chain, key);
            if (!identity) refuse(identity.error().message);
            options.tls = std::move(*identity);
        } else if (name == "--client-ca") {
            std::ifstream file{next(), std::ios::binary};
            options.client_ca.assign(std::istreambuf_iterator<char>{file}, {});
            if (options.client_ca.empty()) refuse("--client-ca wants a readable PEM file");
        } else if (name == "--grace") {
            arguments.grace = std::chrono::seconds{std::strtoul(next().c_str(), nullptr, 10)};
        } else if (name == "--bearer-env") {
            options.bearer_tokens.emplace_back(must_be_set(next(), name));
        } else if (name == "--host-name") {
            options.host_names.push_back(next());
        } else if (name == "--strict-1-0") {
            options.strict_1_0 = true;
        } else if (name == "--no-memory-limit") {
            options.limit_memory = false;
        } else if (name == "--allow-non-loopback") {
            options.allow_non_loopback = true;
        } else if (name == "--no-aws") {
            plays_aws = false;
        } else if (name == "--aws-port") {
            aws.port = static_cast<std::uint16_t>(read_number(name, next(), 65535));
        } else if (name == "--aws-region") {
            aws.region = next();
        } else if (name == "--aws-account") {
            aws.account_id = next();
        } else if (name == "--aws-settle-ms") {
            aws.settle = std::chrono::milliseconds{read_number(name, next(), 600'000)};
        } else if (name == "--no-gcp") {
            plays_gcp = false;
        } else if (name == "--gcp-port") {
            gcp.port = static_cast<std::uint16_t>(read_number(name, next(), 65535));
        } else if (name == "--gcp-project") {
            gcp.project = next();
        } else if (name == "--gcp-region") {
            gcp.region = next();
        } else if (name == "--gcp-settle-ms") {
            gcp.settle = std::chrono::milliseconds{read_number(name, next(), 600'000)};
        } else if (name == "--gcp-key-file") {
            key_file = next();
        } else if (name == "--gcp-user-file") {
            gcp.users.push_back(read_gcp_user(next()));
        } else if (name == "--gcp-identity") {
            gcp.identities.push_back({.audience = next()});
        } else if (name == "--functions-framework") {
            gcp.functions_framework = next();
        } else if (name == "--no-azure") {
            plays_azure = false;
        } else if (name == "--azure-port") {
            azure.port = static_cast<std::uint16_t>(read_number(name, next(), 65535));
        } else if (name == "--azure-tenant") {
            azure.tenant = next();
        } else if (name == "--azure-subscription") {
            azure.subscription = next();
        } else if (name == "--azure-settle-ms") {
            azure.settle = std::chrono::milliseconds{read_number(name, next(), 600'000)};
        } else if (name == "--azure-certificate") {
            application.certificates.push_back(read_certificate(next()));
        } else if (name == "--azure-federated") {
            const auto issuer = next();
            const auto subject = next();
            application.federated.push_back({.issuer = issuer, .subject = subject});
        } else if (name == "--azure-identity-header-env") {
            azure.identity_header = faas::Secret{must_be_set(next(), name)};
        } else if (name == "--no-digitalocean") {
            plays_digitalocean = false;
        } else if (name == "--digitalocean-port") {
            digitalocean.port = static_cast<std::uint16_t>(read_number(name, next(), 65535));
        } else if (name == "--no-openwhisk") {
            plays_openwhisk = false;
        } else if (name == "--openwhisk-port") {
            openwhisk.port = static_cast<std::uint16_t>(read_number(name, next(), 65535));
        } else if (name == "--node") {
            openwhisk.settings.node = next();
            digitalocean.functions.node = openwhisk.settings.node;
        } else if (name == "--openwhisk-auth-env") {
            openwhisk.users.push_back(read_openwhisk_user(name, must_be_set(next(), name)));
        } else if (name == "--verbose") {
            options.log = [](std::string_view line) { std::cerr << line << std::endl; };
        } else {
            refuse("does not know '" + std::string{name} + '\'');
        }
    }
    if (plays_aws) {
        options.aws = std::move(aws);
        read_aws_keys(options);
    }
    if (plays_azure) {
        options.azure = std::move(azure);
        read_azure_application(options, std::move(application));
    }
    if (plays_digitalocean) {
        options.digitalocean = std::move(digitalocean);
        read_digitalocean_token(options);
    }
    if (plays_openwhisk && (!options.allow_non_loopback || !openwhisk.users.empty()))
        options.openwhisk = std::move(openwhisk);
    if (!plays_gcp) return arguments;
    if (!key_file.empty()) {
        read_gcp_key(key_file, gcp, arguments);
        gcp.service_accounts[arguments.key.email] = arguments.key.account;
    }
    if (options.aws) let_aws_in(gcp, *options.aws);
    // Whoever reaches the metadata server gets tokens: nobody but this machine may.
    if (!options.allow_non_loopback) {
        gcp.metadata_account =
            key_file.empty() ? "local@" + gcp.project + ".iam.gserviceaccount.com" : arguments.key.email;
        gcp.service_accounts[gcp.metadata_account];
    }
    // They own the project, so they may call what they deploy.
    for (const auto& [email, account] : gcp.service_accounts) gcp.invokers.push_back("serviceAccount:" + email);
    for (const auto& user : gcp.users) gcp.invokers.push_back("user:" + user.email);
    options.gcp = std::move(gcp);
    return arguments;
}

asio::awaitable<void> stop_at_signal(asio::signal_set& signals, faas::local::Cloud& cloud, std::chrono::seconds grace) {
    co_await signals.async_wait(asio::use_awaitable);
    co_await cloud.stop(grace);
}

/// A thousand connections need more descriptors than most shells allow at first.
void allow_many_descriptors() {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

int main(int argc, char** argv) {
    auto arguments = read_arguments(argc, argv);
    allow_many_descriptors();
    const std::string project = arguments.cloud.gcp ? arguments.cloud.gcp->project : std::string{};
    asio::io_context io{1};
    faas::local::Cloud cloud{io, std::move(arguments.cloud)};
    asio::signal_set signals{io, SIGINT, SIGTERM};
    if (auto started = cloud.start(); !started) {
        std::cerr << "local_cloud: " << started.error().message << '\n';
        return started.error().code == faas::errc::invalid_configuration ? 2 : 1;
    }
    std::cout << "custom listening on " << cloud.url() << std::endl;
    if (const auto url = cloud.aws_url(); !url.empty()) std::cout << "aws listening on " << url << std::endl;
    if (const auto url = cloud.gcp_url(); !url.empty()) {
        if (!arguments.new_key_file.empty())
            if (auto written = faas::Environment::process().replace_file(arguments.new_key_file,
                                                                         arguments.key.file(project, url + "/token"));
                !written)
                refuse(written.error().message);
        std::cout << "gcp listening on " << url << std::endl;
    }
    if (const auto url = cloud.azure_url(); !url.empty()) std::cout << "azure listening on " << url << std::endl;
    if (const auto url = cloud.digitalocean_url(); !url.empty())
        std::cout << "digitalocean listening on " << url << std::endl;
    if (const auto url = cloud.openwhisk_url(); !url.empty())
        std::cout << "openwhisk listening on " << url << std::endl;
    asio::co_spawn(io, stop_at_signal(signals, cloud, arguments.grace), asio::detached);
    io.run();
}
