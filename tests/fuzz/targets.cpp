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
    {"xml", &xml},
    {"runtime_answer", &runtime_answer},
    {"lambda_event", &lambda_event},
    {"aws_report", &aws_report},
    {"aws_event_stream", &aws_event_stream},
    {"lambda_answer", &lambda_answer},
};

}  // namespace

std::span<const Target> targets() { return all; }

}  // namespace blueprint::faas::fuzz
