#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AWS_LAMBDA_CONTROL_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AWS_LAMBDA_CONTROL_IPP

// The requests of Lambda's control plane.

#include "blueprint/faas/codec/aws_lambda_control.hpp"
#include "blueprint/faas/codec/impl/wiped_json.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/utf8.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace blueprint::faas::detail {

namespace lambda_control {

inline void write_settings(WipedJson& json, const LambdaSettings& settings) {
    json.member("Role", settings.role);
    json.member("Runtime", settings.runtime);
    json.member("Handler", settings.handler);
    json.member("Description", settings.description);
    json.member("Timeout", settings.timeout);
    json.member("MemorySize", settings.memory);
    auto environment = json.object("Environment");
    auto variables = environment.object("Variables");
    for (const auto& [name, value] : settings.environment) variables.member(name, value.reveal());
    variables.end();
    environment.end();
    auto logging = json.object("LoggingConfig");
    logging.member("LogFormat", settings.log_format);
    logging.end();
}

inline void write_architecture(WipedJson& json, const LambdaSettings& settings) {
    json.name("Architectures");
    json.raw("[");
    json.text(settings.architecture);
    json.raw("]");
}

inline void write_tags(WipedJson& json, const std::map<std::string, std::string>& tags) {
    auto inner = json.object("Tags");
    for (const auto& [key, value] : tags) inner.member(key, value);
    inner.end();
}

inline void write_code(WipedJson& json, const LambdaWanted& wanted, const LambdaCode& code) {
    if (code.bucket.empty()) {
        json.base64("ZipFile", *wanted.zip);
    } else {
        json.member("S3Bucket", code.bucket);
        json.member("S3Key", code.key);
    }
}

inline std::string qualified(std::string path, std::string_view qualifier) {
    if (!qualifier.empty()) path.append("?Qualifier=").append(percent_encode(qualifier));
    return path;
}

// Fifty configurations with the longest environments and texts are less than half of it.
inline constexpr std::size_t longest_page = 2U << 20U;

inline std::string paged(std::string path, std::string_view marker) {
    path += "?MaxItems=50";
    if (!marker.empty()) path.append("&Marker=").append(percent_encode(marker));
    return path;
}

inline void set_json(HttpRequest& request, const LambdaBody& body) {
    request.headers.set("Content-Type", "application/json");
    request.body = body.body();
}

inline std::string version_description(const LambdaWanted& wanted) {
    auto text = "package " + wanted.package_sha256;
    if (!wanted.settings.description.empty()) text += ": " + wanted.settings.description;
    std::size_t taken = 0;
    std::size_t end = 0;
    while (end < text.size() && taken < 256) {
        end += std::max<std::size_t>(1, utf8_length(std::string_view{text}.substr(end)));
        ++taken;
    }
    text.resize(std::min(end, text.size()));
    return text;
}

}  // namespace lambda_control

BLUEPRINT_FAAS_DECL HttpRequest LambdaControl::get_function(JobId id, std::string_view qualifier) const {
    return protocol_.request(Verb::get, lambda_control::qualified(protocol_.function_path(id), qualifier));
}

BLUEPRINT_FAAS_DECL HttpRequest LambdaControl::create_function() const {
    auto request = protocol_.request(Verb::post, "/2015-03-31/functions");
    request.headers.set("Content-Type", "application/json");
    return request;
}

BLUEPRINT_FAAS_DECL HttpRequest LambdaControl::update_code(JobId id) const {
    auto request = protocol_.request(Verb::put, protocol_.function_path(id) + "/code");
    request.headers.set("Content-Type", "application/json");
    return request;
}

BLUEPRINT_FAAS_DECL HttpRequest LambdaControl::update_configuration(JobId id, const LambdaWanted& wanted,
                                                                    std::string_view revision_id) const {
    LambdaBody body;
    WipedJson json{body.bytes()};
    lambda_control::write_settings(json, wanted.settings);
    if (!revision_id.empty()) json.member("RevisionId", revision_id);
    json.end();
    auto request = protocol_.request(Verb::put, protocol_.function_path(id) + "/configuration");
    lambda_control::set_json(request, body);
    return request;
}

BLUEPRINT_FAAS_DECL HttpRequest LambdaControl::delete_function(JobId id, std::string_view qualifier) const {
    return protocol_.request(Verb::del, lambda_control::qualified(protocol_.function_path(id), qualifier));
}

BLUEPRINT_FAAS_DECL HttpRequest LambdaControl::list_functions(std::string_view marker) const {
    auto request = protocol_.request(Verb::get, lambda_control::paged("/2015-03-31/functions", marker));
    request.max_response_bytes = lambda_control::longest_page;
    return request;
}

BLUEPRINT_FAAS_DECL HttpRequest LambdaControl::publish(JobId id, const LambdaWanted& wanted,
                                                       std::string_view revision_id) const {
    LambdaBody body;
    WipedJson json{body.bytes()};
    json.member("CodeSha256", wanted.settings.code_sha256);
    json.member("Description", lambda_control::version_description(wanted));
    if (!revision_id.empty()) json.member("RevisionId", revision_id);
    json.end();
    auto request = protocol_.request(Verb::post, protocol_.function_path(id) + "/versions");
    lambda_control::set_json(request, body);
    return request;
}

BLUEPRINT_FAAS_DECL HttpRequest LambdaControl::list_versions(JobId id, std::string_view marker) const {
    auto request =
        protocol_.request(Verb::get, lambda_control::paged(protocol_.function_path(id) + "/versions", marker));
    request.max_response_bytes = lambda_control::longest_page;
    return request;
}

BLUEPRINT_FAAS_DECL HttpRequest LambdaControl::get_alias(JobId id) const {
    return protocol_.request(Verb::get, protocol_.function_path(id) + "/aliases/" + percent_encode(options().alias));
}

BLUEPRINT_FAAS_DECL HttpRequest LambdaControl::create_alias(JobId id, std::string_view version) const {
    LambdaBody body;
    WipedJson json{body.bytes()};
    json.member("Name", options().alias);
    json.member("FunctionVersion", version);
    json.end();
    auto request = protocol_.request(Verb::post, protocol_.function_path(id) + "/aliases");
    lambda_control::set_json(request, body);
    return request;
}

BLUEPRINT_FAAS_DECL HttpRequest LambdaControl::update_alias(JobId id, const LambdaAlias& alias) const {
    LambdaBody body;
    WipedJson json{body.bytes()};
    json.member("FunctionVersion", alias.version);
    auto routing = json.object("RoutingConfig");
    auto weights = routing.object("AdditionalVersionWeights");
    if (!alias.other.empty()) {
        std::array<char, 32> text{};
        const auto end = std::to_chars(text.data(), text.data() + text.size(), alias.other_share).ptr;
        weights.name(alias.other);
        weights.raw({text.data(), static_cast<std::size_t>(end - text.data())});
    }
    weights.end();  // empty: none, while a missing one would leave what is there
    routing.end();
    if (!alias.revision_id.empty()) json.member("RevisionId", alias.revision_id);
    json.end();
    auto request =
        protocol_.request(Verb::put, protocol_.function_path(id) + "/aliases/" + percent_encode(options().alias));
    lambda_control::set_json(request, body);
    return request;
}

BLUEPRINT_FAAS_DECL HttpRequest LambdaControl::tag(std::string_view arn,
                                                   const std::map<std::string, std::string>& tags) const {
    LambdaBody body;
    WipedJson json{body.bytes()};
    lambda_control::write_tags(json, tags);
    json.end();
    auto request = protocol_.request(Verb::post, "/2017-03-31/tags/" + percent_encode(arn));
    lambda_control::set_json(request, body);
    return request;
}

BLUEPRINT_FAAS_DECL HttpRequest LambdaControl::reserve(JobId id, std::optional<std::uint32_t> concurrency) const {
    auto request = protocol_.request(concurrency ? Verb::put : Verb::del,
                                     protocol_.function_path(id, "2017-10-31") + "/concurrency");
    if (!concurrency) return request;
    LambdaBody body;
    WipedJson json{body.bytes()};
    json.member("ReservedConcurrentExecutions", *concurrency);
    json.end();
    lambda_control::set_json(request, body);
    return request;
}

BLUEPRINT_FAAS_DECL HttpRequest LambdaControl::provisioned(Verb verb, JobId id, std::uint32_t instances) const {
    const auto path = protocol_.function_path(id, "2019-09-30") + "/provisioned-concurrency";
    auto request = protocol_.request(verb, lambda_control::qualified(path, options().alias));
    if (verb != Verb::put) return request;
    LambdaBody body;
    WipedJson json{body.bytes()};
    json.member("ProvisionedConcurrentExecutions", instances);
    json.end();
    lambda_control::set_json(request, body);
    return request;
}

BLUEPRINT_FAAS_DECL HttpRequest LambdaControl::dry_run(JobId id) const {
    JobCall call;
    call.job_id = id;
    return protocol_.call_request(call, "{}", Deadline::max(), LambdaProtocol::Way::check).value();
}

BLUEPRINT_FAAS_DECL HttpRequest LambdaControl::warm(JobId id) const {
    JobCall call;
    call.job_id = id;
    auto body = "{\"job_id\":" + std::to_string(id.value()) +
                ",\"warm\":{\"hold_ms\":" + std::to_string(options().warm_hold.count()) + "}}";
    auto request = protocol_.call_request(call, std::move(body), Deadline::max(), LambdaProtocol::Way::wait).value();
    request.headers.erase("X-Amz-Log-Type");
    return request;
}

BLUEPRINT_FAAS_DECL LambdaBody LambdaControl::create_body(JobId id, const LambdaWanted& wanted,
                                                          const LambdaCode& code) const {
    LambdaBody body;
    WipedJson json{body.bytes()};
    json.member("FunctionName", protocol_.function_name(id));
    json.member("PackageType", "Zip");
    lambda_control::write_architecture(json, wanted.settings);
    lambda_control::write_settings(json, wanted.settings);
    if (!wanted.tags.empty()) lambda_control::write_tags(json, wanted.tags);
    auto inner = json.object("Code");
    lambda_control::write_code(inner, wanted, code);
    inner.end();
    json.end();
    return body;
}

BLUEPRINT_FAAS_DECL LambdaBody LambdaControl::code_body(const LambdaWanted& wanted, const LambdaCode& code) const {
    LambdaBody body;
    WipedJson json{body.bytes()};
    lambda_control::write_architecture(json, wanted.settings);
    lambda_control::write_code(json, wanted, code);
    json.end();
    return body;
}

BLUEPRINT_FAAS_DECL void LambdaControl::set_revision(LambdaBody& body, std::string_view revision_id) {
    static constexpr std::string_view lead = ",\"RevisionId\":";
    auto& bytes = body.bytes();
    // It is the last member, and no value before it can hold this text: quotes in them are escaped. The package is not
    // searched.
    const auto tail = bytes.size() - std::min<std::size_t>(bytes.size(), 256);
    const auto at = text_of(bytes).substr(tail).rfind(lead);
    bytes.resize(at == std::string_view::npos ? bytes.size() - 1 : tail + at);
    WipedJson json{bytes};
    if (!revision_id.empty()) {
        json.raw(lead);
        json.text(revision_id);
    }
    json.raw("}");
}

}  // namespace blueprint::faas::detail

#endif
