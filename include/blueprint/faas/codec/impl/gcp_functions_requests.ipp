#ifndef BLUEPRINT_FAAS_CODEC_IMPL_GCP_FUNCTIONS_REQUESTS_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_GCP_FUNCTIONS_REQUESTS_IPP

// What Cloud Functions is asked for.

#include "blueprint/faas/codec/gcp_functions_api.hpp"
#include "blueprint/faas/codec/impl/gcp_reading.hpp"
#include "blueprint/faas/codec/impl/wiped_json.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/utf8.hpp"
#include "blueprint/faas/detail/wiped_body.hpp"
#include "blueprint/faas/package/glibc.hpp"
#include "blueprint/faas/package/node_shim.hpp"
#include "blueprint/faas/package/package.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace blueprint::faas::detail {

namespace gcp_functions {

inline constexpr std::string_view entry_point = "run";  // of the shim
inline constexpr std::string_view shim_label = "blueprint-shim";

BLUEPRINT_FAAS_COLD inline std::string_view functions_ingress(std::string_view ingress) {
    if (ingress == "INGRESS_TRAFFIC_ALL") return "ALLOW_ALL";
    if (ingress == "INGRESS_TRAFFIC_INTERNAL_ONLY") return "ALLOW_INTERNAL_ONLY";
    return ingress == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" ? "ALLOW_INTERNAL_AND_GCLB" : "";
}

// The glibc below a Node.js runtime. Source: Cloud Run functions documentation, "Runtime support", base images.
BLUEPRINT_FAAS_COLD inline GlibcVersion glibc_of(unsigned node) { return {2, node >= 24 ? 39U : 35U}; }

BLUEPRINT_FAAS_COLD inline bool in(const std::vector<std::string>& fields, std::string_view field) {
    return std::find(fields.begin(), fields.end(), field) != fields.end();
}

}  // namespace gcp_functions

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string GoogleFunctions::name_of(JobId id) const {
    return api_.location() + "/functions/" + api_.id_of(id);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<GoogleFunctionWanted> GoogleFunctions::wanted(
    JobId id, const Package& package, const FaasConfig& config) const {
    using namespace gcp_functions;
    using gcp_reading::refused;
    const auto wrong = [](std::string why) { return refused("CloudFunctionOptions::" + std::move(why)); };
    const std::string_view runtime{options_.runtime};
    unsigned node = 0;
    if (runtime.starts_with("nodejs")) std::from_chars(runtime.data() + 6, runtime.data() + runtime.size(), node);
    if (node == 0) return wrong("runtime is no Node.js one, such as nodejs22, which starts the job's program");
    const auto& builder = options_.build_service_account;
    if (!builder.empty() && builder.find('@') == std::string::npos)
        return wrong("build_service_account is no email, such as builder@my-project.iam.gserviceaccount.com");
    if (!is_utf8(options_.description)) return wrong("description is no UTF-8 text");
    // Elsewhere than at Google, functions run on whatever that machine has.
    const auto present = api_.is_googles(GoogleService::functions) ? glibc_of(node) : newest_glibc;
    if (auto problem = google_package_problem(package, present, runtime)) return std::move(*problem);
    if (!package.architecture())
        return refused("the package's bootstrap is no ELF executable; deploy a program for x86_64");
    GoogleDeployed what;
    what.job = id;
    what.package_sha256 = package.sha256();
    auto checked = google_service_config(api_.options(), config, what);
    if (!checked) return std::move(checked).error();
    GoogleFunctionWanted out;
    out.config = std::move(*checked);
    out.config.labels[std::string{shim_label}] = node_shim_digest();
    out.ingress = functions_ingress(out.config.ingress);
    if (out.ingress.empty()) return refused("GoogleCloudOptions::ingress is none that functions have");
    out.description = options_.description;
    out.runtime = options_.runtime;
    if (!builder.empty())
        out.build_service_account = "projects/" + api_.options().project + "/serviceAccounts/" + builder;
    out.binary_size_bytes = package.binary_size_bytes();
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::vector<std::string> GoogleFunctions::difference(
    const GoogleFunctionWanted& wanted, const GoogleFunction* there) {
    using namespace gcp_functions;
    const auto& config = wanted.config;
    // A function that failed has nobody knows what of its last deployment.
    const bool all = there == nullptr || (!there->is_active() && !there->is_changing());
    std::vector<std::string> fields;
    const auto add = [&](std::string_view field, auto same) {
        if (all || !same()) fields.emplace_back(field);
    };
    const auto label = [&](std::string_view name) {
        const auto mine = config.labels.find(std::string{name});
        const auto found = there->labels.find(std::string{name});
        return found != there->labels.end() && found->second == mine->second;
    };
    add("description", [&] { return there->description == wanted.description; });
    add("labels", [&] { return has_labels(config.labels, there->labels); });
    add("buildConfig.runtime", [&] { return there->runtime == wanted.runtime; });
    add("buildConfig.entryPoint", [&] { return there->entry_point == entry_point; });
    add("buildConfig.source", [&] {
        return label("blueprint-package-1") && label("blueprint-package-2") && label(shim_label) &&
               there->runtime == wanted.runtime;
    });
    if (!wanted.build_service_account.empty())
        add("buildConfig.serviceAccount", [&] { return there->build_service_account == wanted.build_service_account; });
    add("serviceConfig.availableMemory",
        [&] { return read_memory_bytes(there->memory) == std::uint64_t{config.memory_mib} << 20U; });
    add("serviceConfig.availableCpu", [&] { return read_milli_cpu(there->cpu) == config.milli_cpu; });
    add("serviceConfig.timeoutSeconds", [&] { return there->timeout == config.timeout.count(); });
    add("serviceConfig.minInstanceCount", [&] { return there->min_instances == config.min_instances; });
    add("serviceConfig.maxInstanceCount", [&] { return there->max_instances == config.max_instances; });
    add("serviceConfig.maxInstanceRequestConcurrency",
        [&] { return std::max(there->concurrency, 1U) == config.concurrency; });
    if (!config.service_account.empty())
        add("serviceConfig.serviceAccountEmail",
            [&] { return iequals(there->service_account, config.service_account); });
    add("serviceConfig.ingressSettings", [&] { return there->ingress == wanted.ingress; });
    add("serviceConfig.allTrafficOnLatestRevision", [&] { return there->latest_gets_all; });
    add("serviceConfig.environmentVariables", [&] { return same_environment(config.environment, there->environment); });
    return fields;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool GoogleFunctions::has_source(const std::vector<std::string>& fields) {
    return gcp_functions::in(fields, "buildConfig.source");
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleFunctions::get(JobId id) const {
    return api_.request(GoogleService::functions, Verb::get, "/v2/" + name_of(id));
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleFunctions::remove(JobId id) const {
    return api_.request(GoogleService::functions, Verb::del, "/v2/" + name_of(id));
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleFunctions::list(std::string_view page_token) const {
    static constexpr std::size_t longest_page = 16U << 20U;
    auto path = "/v2/" + api_.location() + "/functions?pageSize=200";
    if (!page_token.empty()) path += "&pageToken=" + percent_encode(page_token);
    auto request = api_.request(GoogleService::functions, Verb::get, path);
    request.max_response_bytes = longest_page;
    return request;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleFunctions::upload_url() const {
    return api_.request(GoogleService::functions, Verb::post, "/v2/" + api_.location() + "/functions:generateUploadUrl",
                        Body{std::string{R"({"environment":"GEN_2"})"}});
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleFunctions::upload(const GoogleUpload& upload,
                                                                            std::shared_ptr<const Bytes> zip) {
    HttpRequest request;
    request.origin = upload.url.origin;
    request.verb = Verb::put;
    request.target = upload.url.target;
    request.headers.set("Content-Type", "application/zip");
    request.body = Body{std::move(zip)};
    return request;
}

BLUEPRINT_FAAS_COLD inline HttpRequest GoogleFunctions::write(HttpRequest request, const GoogleFunctionWanted& wanted,
                                                              const std::map<std::string, std::string>& labels,
                                                              const std::vector<std::string>& fields,
                                                              const GoogleUpload& upload, bool create) const {
    using gcp_functions::in;
    const auto& config = wanted.config;
    WipedBody body;
    WipedJson json{body.bytes()};
    if (create) json.member("environment", "GEN_2");
    if (in(fields, "description")) json.member("description", wanted.description);
    if (in(fields, "labels")) {
        auto all = json.object("labels");
        for (const auto& [key, value] : labels) all.member(key, value);
        all.end();
    }
    const auto any = [&](std::string_view part) {
        return std::any_of(fields.begin(), fields.end(), [&](const auto& field) { return field.starts_with(part); });
    };
    if (any("buildConfig.")) {
        auto build = json.object("buildConfig");
        if (in(fields, "buildConfig.runtime")) build.member("runtime", wanted.runtime);
        if (in(fields, "buildConfig.entryPoint")) build.member("entryPoint", gcp_functions::entry_point);
        if (in(fields, "buildConfig.source")) {
            auto source = build.object("source");
            auto storage = source.object("storageSource");
            storage.member("bucket", upload.bucket);
            storage.member("object", upload.object);
            if (!upload.generation.empty()) storage.member("generation", upload.generation);
            storage.end();
            source.end();
        }
        if (in(fields, "buildConfig.serviceAccount")) build.member("serviceAccount", wanted.build_service_account);
        build.end();
    }
    if (any("serviceConfig.")) {
        auto service = json.object("serviceConfig");
        const auto text = [&](std::string_view name, std::string_view value) {
            if (in(fields, "serviceConfig." + std::string{name})) service.member(name, value);
        };
        const auto number = [&](std::string_view name, std::uint32_t value) {
            if (in(fields, "serviceConfig." + std::string{name})) service.member(name, value);
        };
        text("availableMemory", config.memory);
        text("availableCpu", config.cpu);
        number("timeoutSeconds", static_cast<std::uint32_t>(config.timeout.count()));
        number("minInstanceCount", config.min_instances);
        number("maxInstanceCount", config.max_instances);
        number("maxInstanceRequestConcurrency", config.concurrency);
        text("serviceAccountEmail", config.service_account);
        text("ingressSettings", wanted.ingress);
        if (in(fields, "serviceConfig.allTrafficOnLatestRevision")) {
            service.name("allTrafficOnLatestRevision");
            service.raw("true");
        }
        if (in(fields, "serviceConfig.environmentVariables")) {
            auto variables = service.object("environmentVariables");
            for (const auto& [name, value] : config.environment) variables.member(name, value.reveal());
            variables.end();
        }
        service.end();
    }
    json.end();
    request.body = body.body();
    request.headers.set("Content-Type", "application/json");
    return request;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleFunctions::create(JobId id,
                                                                            const GoogleFunctionWanted& wanted,
                                                                            const GoogleUpload& upload) const {
    auto request = api_.request(GoogleService::functions, Verb::post,
                                "/v2/" + api_.location() + "/functions?functionId=" + api_.id_of(id));
    return write(std::move(request), wanted, wanted.config.labels, difference(wanted, nullptr), upload, true);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleFunctions::patch(JobId id, const GoogleFunctionWanted& wanted,
                                                                           const GoogleFunction& there,
                                                                           const std::vector<std::string>& fields,
                                                                           const GoogleUpload& upload) const {
    auto labels = wanted.config.labels;
    labels.insert(there.labels.begin(), there.labels.end());
    std::string mask;
    for (const auto& field : fields) mask.append(mask.empty() ? "" : ",").append(field);
    auto request = api_.request(GoogleService::functions, Verb::patch, "/v2/" + name_of(id) + "?updateMask=" + mask);
    return write(std::move(request), wanted, labels, fields, upload, false);
}

}  // namespace blueprint::faas::detail

#endif
