// Prints the README's table of platforms: what executors can do stands in the codecs, and so do limits and metrics;
// what the words say beside that is for people. platforms_table.py puts it into the README.
#include "blueprint/faas/capabilities.hpp"
#include "blueprint/faas/codec/aws_lambda.hpp"
#include "blueprint/faas/codec/azure_functions.hpp"
#include "blueprint/faas/codec/custom.hpp"
#include "blueprint/faas/codec/digitalocean.hpp"
#include "blueprint/faas/codec/gcp_functions.hpp"
#include "blueprint/faas/codec/gcp_run.hpp"
#include "blueprint/faas/codec/openwhisk.hpp"

#include <cstdint>
#include <initializer_list>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

using namespace blueprint::faas;

namespace {

struct Row {
    std::string_view platform;
    Capabilities can;
    std::string_view deployed;  // what is to be said of deploying, beside what the capabilities tell
    std::string_view told_by;   // whose word the metrics are
    std::string_view function_side;
    std::string_view local_cloud;
};

const Row rows[] = {
    {"custom HTTP contract, 1.0 and 1.1", capabilities_of_codec<CustomCodec<>>(), "", "the platform's",
     "`serve(jobs)`, one call or a loop", "yes"},
    {"custom, `BareLayout` (`POST /job/{id}` only)", capabilities_of_codec<CustomCodec<JsonBytes, BareLayout>>(), "",
     "the platform's", "yours", "-"},
    {"[AWS Lambda](docs/aws-lambda.md)", capabilities_of_codec<LambdaCodec<>>(), "", "the REPORT line's",
     "`serve(jobs)`, the runtime API", "yes"},
    {"[Google Cloud Run](docs/google-cloud.md)", capabilities_of_codec<CloudRunCodec<>>(), "without a build",
     "`serve`'s own", "`serve(jobs)`, HTTP on `PORT`", "yes"},
    {"[Google Cloud Functions v2](docs/google-cloud.md)", capabilities_of_codec<CloudFunctionCodec<>>(), "",
     "`serve`'s own", "the same, started by a Node.js shim", "yes"},
    {"[Azure Functions](docs/azure-functions.md), Flex Consumption and older plans",
     capabilities_of_codec<AzureFunctionsCodec<>>(), "", "`serve`'s own", "`serve(jobs)`, a custom handler", "yes"},
    {"[DigitalOcean Functions](docs/digitalocean-openwhisk.md)", capabilities_of_codec<DigitalOceanCodec<>>(),
     "namespace and access key too", "the activation record's",
     "`serve(jobs)`, ActionLoop, started by a Node.js shim or by itself", "yes"},
    {"[Apache OpenWhisk](docs/digitalocean-openwhisk.md) of one's own", capabilities_of_codec<OpenWhiskCodec<>>(), "",
     "likewise", "the same", "yes"},
};

// "yes", and the words of what else is so.
std::string listed(std::string_view lead, std::initializer_list<std::pair<bool, std::string_view>> words) {
    std::string out{lead};
    for (const auto& [is_so, word] : words) {
        if (!is_so || word.empty()) continue;
        if (!out.empty()) out += ", ";
        out += word;
    }
    return out.empty() ? "-" : out;
}
std::string yes(bool is_so) { return is_so ? "yes" : "-"; }

std::string deploying(const Row& row) {
    const auto& can = row.can;
    if (!can.deploy) return "-";
    return listed("yes", {{can.facts.deploys_by_build, "by the platform's build"},
                          {can.facts.one_app_for_all_jobs, "all jobs in one app"},
                          {can.plan_deploy, "with a plan before"},
                          {can.list_revisions && can.shift_traffic && can.roll_back,
                           "with revisions, shifted traffic, roll-back"},
                          {true, row.deployed}});
}

std::string metrics(const MetricsTold& told) {
    return listed("", {{told.execution_duration, "time"},
                       {told.billed_duration, "billed time"},
                       {told.queue_duration, "time queued"},
                       {told.cold_start, told.init_duration ? "cold starts and their time" : "cold starts"},
                       {told.memory_used, "memory"},
                       {told.executed_version, "version"}});
}

std::string size(std::uint64_t bytes) {
    if (bytes == 0) return "not known";
    return std::to_string(bytes >> 20U) + " MiB";
}

}  // namespace

int main() {
    std::cout << "| platform | invoke | longest call, answer | deploy | health | warm | metrics | function side | "
                 "local cloud |\n"
                 "|---|---|---|---|---|---|---|---|---|\n";
    for (const auto& row : rows) {
        const auto& can = row.can;
        std::cout << "| " << row.platform << " | "
                  << listed("yes", {{can.invoke_async, "also async"}, {can.invoke_streaming, "also streaming"}})
                  << " | " << size(can.facts.call_bytes) << ", " << size(can.facts.result_bytes) << " | "
                  << deploying(row) << " | " << yes(can.health) << " | " << yes(can.warm) << " | "
                  << metrics(can.facts.metrics) << "; " << row.told_by << " | " << row.function_side << " | "
                  << row.local_cloud << " |\n";
    }
}
