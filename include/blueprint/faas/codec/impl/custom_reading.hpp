#ifndef BLUEPRINT_FAAS_CODEC_IMPL_CUSTOM_READING_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_CUSTOM_READING_HPP

// How the custom contract's answers are read and its errors worded. Included by the codec's own .ipp files alone.

#include "blueprint/faas/codec/impl/answer_reading.hpp"
#include "blueprint/faas/deployment.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/http.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace blueprint::faas::detail {

namespace custom_protocol {

namespace json = boost::json;

BLUEPRINT_FAAS_COLD inline Error refused(std::string message) {
    return Error{
        .code = errc::invalid_configuration, .message = std::move(message), .execution = Execution::not_started};
}

BLUEPRINT_FAAS_COLD inline Error unreadable(std::string message, const HttpResponse& answer) {
    Error error{.code = errc::serialization, .message = std::move(message), .http_status = answer.status};
    error.request_id = answer_reading::shown_id(answer.headers.get("X-Request-Id").value_or(""));
    return error;
}

using answer_reading::for_people;
using answer_reading::number_member;
using answer_reading::parse_object;
using answer_reading::plain_body_text;
using answer_reading::shown_id;
using answer_reading::text_member;

BLUEPRINT_FAAS_COLD inline FaasDeployment deployment_in(const json::object& body, JobId id) {
    FaasDeployment deployment;
    deployment.job_id = id;
    deployment.function_id = text_member(body, "function_id");
    deployment.endpoint = text_member(body, "endpoint");
    const auto status = text_member(body, "status");
    if (status == "deploying") deployment.state = DeploymentState::deploying;
    if (status == "failed") deployment.state = DeploymentState::failed;
    deployment.memory_mib = number_member<std::uint32_t>(body, "memory_mb");
    if (const auto seconds = number_member<std::uint32_t>(body, "timeout_secs"))
        deployment.timeout = std::chrono::seconds{*seconds};
    if (const auto cold = number_member<std::uint32_t>(body, "cold_start_ms"))
        deployment.cold_start_estimate = std::chrono::milliseconds{*cold};
    deployment.revision = text_member(body, "revision");
    deployment.package_sha256 = text_member(body, "package_sha256");
    deployment.deployed_at = text_member(body, "deployed_at");
    deployment.binary_size_bytes = number_member<std::uint64_t>(body, "binary_size_bytes");
    deployment.problem = for_people(text_member(body, "error"));
    return deployment;
}

}  // namespace custom_protocol

}  // namespace blueprint::faas::detail

#endif
