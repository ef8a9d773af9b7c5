#ifndef BLUEPRINT_FAAS_EXAMPLES_QUICKSTART_OPTIONS_HPP
#define BLUEPRINT_FAAS_EXAMPLES_QUICKSTART_OPTIONS_HPP

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

namespace quickstart {

inline constexpr std::string_view help = R"(usage: quickstart [options]

Deploys two of three jobs to a FaaS platform, runs calls of all three, shows where each ran and how, and removes what
it deployed. Without --url, --endpoint-url, --role, --project, --subscription or --region the platform is a local cloud
that this program starts, over TLS, on this machine.

  --calls N          how many calls to make up (2000)
  --input FILE|-     take the calls from JSON lines instead: {"job_id":0,"args":[27,0,0,0,0,0,0,0]}
  --output FILE      write every result as a JSON line
  --in-flight N      how many calls may run at once (16)
  --provider NAME    the platform's kind: custom (the custom HTTP contract), aws (AWS Lambda), cloud-run (Google Cloud
                     Run), gcp (Google Cloud Functions), azure (Azure Functions), digitalocean (DigitalOcean Functions)
                     or openwhisk (Apache OpenWhisk); for the last two a local cloud needs Node.js
  --url URL          use the platform at this address, of the custom HTTP contract
  --token-env NAME   the environment variable that holds the platform's bearer token
  --role ARN         run the functions on AWS Lambda as this role; credentials and region are looked for where AWS's own
                     tools look: AWS_ACCESS_KEY_ID, AWS_REGION, ~/.aws and so on
  --project NAME     run the functions or services in this project of Google Cloud; credentials are looked for where
                     Google's own tools look: GOOGLE_APPLICATION_CREDENTIALS, gcloud's login, the metadata server
  --subscription ID  run the functions in this subscription of Azure; credentials are looked for where Azure's own tools
                     look: AZURE_CLIENT_ID and so on, managed identity, az's login
  --resource-group NAME  in this resource group; it is made if it is not there, and stays
  --region NAME      in this region of Google Cloud (europe-west1) or of Azure (westeurope); or run the functions in
                     this region of DigitalOcean (fra1), with the token of DIGITALOCEAN_TOKEN or of doctl
  --endpoint-url URL use the server at this address, such as a local_cloud's, for AWS Lambda (with its key "local" if
                     AWS_ACCESS_KEY_ID is not set), for Google Cloud (with --project), for Azure (with --subscription),
                     for DigitalOcean (with --region) or for OpenWhisk, with what ~/.wskprops says; for these https://
                     alone
  --ca FILE          trust this certificate authority (PEM) as well
  --function FILE    the function binary to deploy (quickstart_function beside this program)
  --help             show this text

The jobs: 0 counts Collatz steps (on FaaS), 1 mirrors digits (here), 2 inverts modulo 97 and sometimes fails (on FaaS).
Each takes one number, written as 8 bytes, the lowest first. Exit status: 0 every call was answered, 1 something went
wrong that was not a job's own failure, 2 the command line was wrong.
)";

struct Options {
    std::uint64_t calls = 2000;
    std::string input{};
    std::string output{};
    std::size_t in_flight = 16;
    std::string provider = "custom";
    std::string url{};
    std::string role{};
    std::string project{};
    std::string region{};
    std::string subscription{};
    std::string resource_group{};
    std::string endpoint_url{};
    std::string token_env{};
    std::string ca_file{};
    std::string function{};
    bool show_help = false;
};

/// Reads the command line; nothing, and a message on standard error, if it is wrong.
inline std::optional<Options> parse(int argc, char** argv) {
    Options options;
    const auto wrong = [](const std::string& why) -> std::optional<Options> {
        std::cerr << "quickstart: " << why << "; see quickstart --help\n";
        return std::nullopt;
    };
    const auto number = [](std::string_view text, auto& out) {
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
        return failed == std::errc{} && end == text.data() + text.size() && out > 0;
    };
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        if (name == "--help" || name == "-h") {
            options.show_help = true;
            return options;
        }
        const bool known = name == "--calls" || name == "--input" || name == "--output" || name == "--in-flight" ||
                           name == "--url" || name == "--token-env" || name == "--ca" || name == "--function" ||
                           name == "--provider" || name == "--role" || name == "--endpoint-url" ||
                           name == "--project" || name == "--region" || name == "--subscription" ||
                           name == "--resource-group";
        if (!known) return wrong("unknown option '" + name + "'");
        if (++i == argc) return wrong(name + " needs a value");
        const std::string value = argv[i];
        if (name == "--calls" && !number(value, options.calls)) return wrong("--calls takes a number of at least 1");
        if (name == "--in-flight" && !number(value, options.in_flight))
            return wrong("--in-flight takes a number of at least 1");
        if (name == "--input") options.input = value;
        if (name == "--output") options.output = value;
        if (name == "--provider") options.provider = value;
        if (name == "--role") options.role = value;
        if (name == "--endpoint-url") options.endpoint_url = value;
        if (name == "--project") options.project = value;
        if (name == "--region") options.region = value;
        if (name == "--subscription") options.subscription = value;
        if (name == "--resource-group") options.resource_group = value;
        if (name == "--url") options.url = value;
        if (name == "--token-env") options.token_env = value;
        if (name == "--ca") options.ca_file = value;
        if (name == "--function") options.function = value;
    }
    const bool aws = options.provider == "aws";
    const bool google = options.provider == "gcp" || options.provider == "cloud-run";
    const bool azure = options.provider == "azure";
    const bool digitalocean = options.provider == "digitalocean";
    const bool openwhisk = options.provider == "openwhisk";
    if (!aws && !google && !azure && !digitalocean && !openwhisk && options.provider != "custom")
        return wrong("--provider is custom, aws, cloud-run, gcp, azure, digitalocean or openwhisk, and not " +
                     options.provider);
    if (options.provider != "custom" && !(options.url.empty() && options.token_env.empty()))
        return wrong("--url and --token-env are for --provider custom; for others give --endpoint-url");
    if (!aws && !options.role.empty()) return wrong("--role goes with --provider aws");
    if (!google && !options.project.empty()) return wrong("--project goes with --provider cloud-run and gcp");
    if (!google && !azure && !digitalocean && !options.region.empty())
        return wrong("--region goes with --provider cloud-run, gcp, azure and digitalocean");
    if (!azure && !(options.subscription.empty() && options.resource_group.empty()))
        return wrong("--subscription and --resource-group go with --provider azure");
    if (options.provider == "custom" && !options.endpoint_url.empty())
        return wrong("--endpoint-url is for other providers than custom, which has --url");
    if (digitalocean && options.region.empty() && !options.endpoint_url.empty())
        return wrong("--endpoint-url goes with --region");
    if (google && options.project.empty() && !(options.region.empty() && options.endpoint_url.empty()))
        return wrong("--region and --endpoint-url go with --project");
    if (azure && options.subscription.empty() &&
        !(options.resource_group.empty() && options.region.empty() && options.endpoint_url.empty()))
        return wrong("--resource-group, --region and --endpoint-url go with --subscription");
    if (azure && !options.subscription.empty() && (options.resource_group.empty() || options.region.empty()))
        return wrong("--subscription wants --resource-group and --region too");
    if (!aws && options.endpoint_url.starts_with("http://"))
        return wrong("--endpoint-url: tokens are not sent over plain http://, use https://");
    if (options.url.empty() && !options.token_env.empty()) return wrong("--token-env goes with --url");
    if (options.function.empty()) {
        std::error_code ignored;
        options.function =
            std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / "quickstart_function";
    }
    return options;
}

}  // namespace quickstart

#endif
