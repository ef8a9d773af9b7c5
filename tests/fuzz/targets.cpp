#include "targets.hpp"

namespace blueprint::faas::fuzz {

namespace {

constexpr Target all[] = {
    {"http_answer", &http_answer},
    {"http_request", &http_request},
    {"gzip", &gzip},
    {"url", &url},
    {"text", &text},
    {"proxy_answer", &proxy_answer},
    {"proxy_options", &proxy_options},
    {"json_bytes", &json_bytes},
    {"zip", &zip},
    {"elf", &elf},
    {"contract_answer", &contract_answer},
    {"contract_call", &contract_call},
    {"function_line", &function_line},
    {"aws_config", &aws_config},
    {"doctl_config", &doctl_config},
    {"google_file", &google_file},
    {"xml", &xml},
    {"runtime_answer", &runtime_answer},
    {"function_request", &function_request},
    {"lambda_event", &lambda_event},
    {"action_loop_line", &action_loop_line},
    {"aws_report", &aws_report},
    {"aws_event_stream", &aws_event_stream},
    {"lambda_answer", &lambda_answer},
    {"tar_gz", &tar_gz},
    {"google_answer", &google_answer},
    {"google_call", &google_call},
    {"azure_answer", &azure_answer},
    {"azure_call", &azure_call},
    {"azure_deployment", &azure_deployment},
    {"azure_manifest", &azure_manifest},
    {"azure_token", &azure_token},
    {"azure_tool", &azure_tool},
    {"openwhisk_action", &openwhisk_action},
    {"openwhisk_activation", &openwhisk_activation},
    {"openwhisk_offer", &openwhisk_offer},
    {"digitalocean_answer", &digitalocean_answer},
    {"jwt", &jwt},
};

}  // namespace

std::span<const Target> targets() { return all; }

}  // namespace blueprint::faas::fuzz
