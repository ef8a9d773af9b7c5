#include "competitors.hpp"

#include <cstdlib>
#include <unistd.h>

namespace bench {

namespace {

template <MakeClient Make>
std::unique_ptr<Runner> forked(const Setting& setting) {
    return std::make_unique<Runner>(Make, setting);
}

std::string nothing_missing() { return {}; }

#if !defined(BENCH_WITH_LIBCURL)
std::string no_libcurl() { return "this was built without libcurl (Debian: libcurl4-openssl-dev)"; }
#endif

// The first Python that has boto3: that of Debian, else the user's own.
const std::string& python() {
    static const std::string found = [] {
        for (const std::string each : {"/usr/bin/python3", "python3"})
            if (std::system((each + " -c 'import boto3' >/dev/null 2>&1").c_str()) == 0) return each;
        return std::string{};
    }();
    return found;
}
std::string no_boto3() { return python().empty() ? "boto3 is not installed; sh tests/peers does it" : ""; }

std::string modules() {
    const char* const elsewhere = std::getenv("BLUEPRINT_FAAS_PEERS_DIR");
    return std::string{elsewhere != nullptr ? elsewhere : BENCH_PEERS} + "/aws/node_modules";
}
std::string no_javascript() {
    if (::access((modules() + "/@aws-sdk/client-lambda").c_str(), R_OK) != 0)
        return "@aws-sdk/client-lambda of npm is not installed; sh tests/peers does it";
    return std::system("node --version >/dev/null 2>&1") == 0 ? "" : "there is no Node.js; sh tests/peers installs it";
}

// What is asked for in turn: where, how many at once, how much.
std::vector<std::string> arguments_for(std::vector<std::string> command, const Setting& setting) {
    // As a user's own configuration must not be: it could name another region, proxy or endpoint.
    ::setenv("AWS_ACCESS_KEY_ID", access_key_id, 1);
    ::setenv("AWS_SECRET_ACCESS_KEY", secret_access_key, 1);
    ::unsetenv("AWS_SESSION_TOKEN");
    for (const char* const name : {"AWS_DEFAULT_REGION", "AWS_REGION"}) ::setenv(name, region, 1);
    for (const char* const name : {"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"}) ::setenv(name, "/dev/null", 1);
    ::setenv("no_proxy", "127.0.0.1", 1);
    ::setenv("NODE_NO_WARNINGS", "1", 1);  // the SDK has some to say about the years to come
    ::setenv("NODE_EXTRA_CA_CERTS", setting.authority_file.c_str(), 1);
    command.push_back((setting.tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(setting.port));
    command.push_back(std::to_string(setting.in_flight));
    command.push_back(std::to_string(setting.payload));
    return command;
}
std::unique_ptr<Runner> start_boto3(const Setting& setting) {
    auto command = arguments_for({python(), BENCH_SOURCES "/boto3_client.py"}, setting);
    command.push_back(setting.authority_file);
    return std::make_unique<Runner>(command);
}
std::unique_ptr<Runner> start_javascript(const Setting& setting) {
    auto command = arguments_for({"node", BENCH_SOURCES "/sdk_client.mjs"}, setting);
    command.push_back(modules());
    return std::make_unique<Runner>(command);
}

}  // namespace

std::span<const Competitor> competitors() {
    static constexpr Competitor all[] = {
        {"aws", "this library, AWS Lambda", true, true, &forked<&make_aws>, &nothing_missing},
        {"aws_metered", "this library, AWS, with metrics", true, true, &forked<&make_aws_metered>, &nothing_missing},
        {"custom_json", "this library, custom, JSON", false, true, &forked<&make_custom_json>, &nothing_missing},
        {"custom_base64", "this library, custom, Base64", false, true, &forked<&make_custom_base64>, &nothing_missing},
        {"custom_binary", "this library, custom, binary", true, true, &forked<&make_custom_binary>, &nothing_missing},
        {"gcp", "this library, Google Cloud Run", true, true, &forked<&make_gcp>, &nothing_missing},
        {"azure", "this library, Azure Functions", true, true, &forked<&make_azure>, &nothing_missing},
        {"openwhisk", "this library, OpenWhisk", true, true, &forked<&make_openwhisk>, &nothing_missing},
        {"textbook", "textbook Beast, unsigned", true, true, &forked<&make_textbook>, &nothing_missing},
        {"prebuilt", "prebuilt bytes, unsigned", true, true, &forked<&make_prebuilt>, &nothing_missing},
        {"prebuilt_signed", "prebuilt bytes, SigV4", true, true, &forked<&make_prebuilt_signed>, &nothing_missing},
        {"floor", "blocking sockets, unsigned", false, true, &forked<&make_floor>, &nothing_missing},
#if defined(BENCH_WITH_LIBCURL)
        {"libcurl", "libcurl, its SigV4", false, true, &forked<&make_libcurl>, &nothing_missing},
#else
        {"libcurl", "libcurl, its SigV4", false, true, nullptr, &no_libcurl},
#endif
        {"boto3", "boto3", false, false, &start_boto3, &no_boto3},
        {"javascript", "AWS SDK for JavaScript", false, false, &start_javascript, &no_javascript},
    };
    return all;
}

}  // namespace bench
