#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_SCM_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_SCM_IPP

#include "blueprint/faas/local/azure_scm.hpp"
#include "blueprint/faas/local/impl/azure_call.ipp"

#include <algorithm>
#include <string>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL AzureScm::AzureScm(FunctionHost& host, AzureSurroundings& surroundings,
                                       std::shared_ptr<AzureHost> app, std::weak_ptr<void> owner)
    : surroundings_{surroundings}, app_{std::move(app)}, owner_{std::move(owner)}, server_{host.strand, *this} {}

BLUEPRINT_FAAS_DECL result<std::shared_ptr<AzureScm>> AzureScm::open(FunctionHost& host,
                                                                     AzureSurroundings& surroundings,
                                                                     std::shared_ptr<AzureHost> app,
                                                                     std::weak_ptr<void> owner) {
    std::shared_ptr<AzureScm> opened{new AzureScm{host, surroundings, std::move(app), std::move(owner)}};
    CloudOptions options = host.options;
    options.port = 0;
    options.client_ca.clear();  // who deploys shows a token
    if (auto listens = opened->server_.start(options, opened->weak_from_this()); !listens) return listens.error();
    return opened;
}

BLUEPRINT_FAAS_DECL ServerAnswer AzureScm::failure(unsigned status, std::string_view message) {
    return azure_host_text(status, message);
}

BLUEPRINT_FAAS_DECL bool AzureScm::busy() const noexcept {
    using Status = AzureDeploymentRecord::Status;
    return std::any_of(deployments_.begin(), deployments_.end(), [](const AzureDeploymentRecord& one) {
        return one.status != Status::success && one.status != Status::failed && one.status != Status::conflict;
    });
}

BLUEPRINT_FAAS_DECL const AzureDeploymentRecord* AzureScm::find(std::string_view id) const {
    for (const auto& one : deployments_)
        if (faas::detail::iequals(one.id, id)) return &one;
    if (faas::detail::iequals(id, "latest") && !deployments_.empty()) return &deployments_.back();
    return nullptr;
}

/// Tells whether a request brings a package, by whichever of the two ways.
inline bool is_publish(const ServerRequest& request) { return path_without_query(request) == "/api/publish"; }
inline bool is_zip_deploy(const ServerRequest& request) { return path_without_query(request) == "/api/zipdeploy"; }

/// Refuses a package before a byte of it is read.
BLUEPRINT_FAAS_DECL std::optional<ServerAnswer> AzureScm::judge_package(const ServerRequest& head) const {
    const auto& app = app_->app();
    // Each plan has the way of its own, and does not know the other's (pitfall 9).
    if (is_publish(head) != app.flex) return azure_host_text(404, "");
    if (head.method != "POST") return azure_host_text(405, "");
    const auto type = lower_text(std::string{head.field("content-type").value_or("")});
    const bool zip = type.starts_with("application/zip") ||
                     (!app.flex && (type.starts_with("application/octet-stream") || type.empty()));
    if (!zip) return azure_host_text(415, "The package must come as application/zip.");
    if (busy())
        return azure_host_text(409, "There is a deployment currently in progress. Please try again when it completes.");
    const auto package = app.settings.find("WEBSITE_RUN_FROM_PACKAGE");
    if (!app.flex && package != app.settings.end() && package->second.reveal().starts_with("http"))
        return azure_host_text(409, "Run-From-Zip is set to a remote URL using WEBSITE_RUN_FROM_PACKAGE.");
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL Admission AzureScm::admit(const ServerRequest& head) {
    const auto owner = owner_.lock();
    if (!owner) return {.refusal = azure_host_text(503, "The service is unavailable.")};
    if (const auto& fault = surroundings_.options().fault)
        if (auto answer = fault(head)) return {.refusal = std::move(*answer)};
    if (auto refusal = surroundings_.judge_deployer(head)) return {.refusal = std::move(refusal)};
    if (!is_publish(head) && !is_zip_deploy(head)) return {.body_bytes = 64U << 10};
    if (auto refusal = judge_package(head)) return {.refusal = std::move(refusal)};
    return {.body_bytes = package_bytes};
}

BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> AzureScm::answer(ServerRequest request) {
    const auto self = shared_from_this();
    const auto owner = owner_.lock();
    if (!owner) co_return azure_host_text(503, "The service is unavailable.");
    if (is_publish(request)) co_return publish(std::move(request));
    if (!is_zip_deploy(request)) co_return show(request);
    auto deployed = zip_deploy(std::move(request));
    ServerAnswer answer = co_await std::move(deployed);
    co_return answer;
}

BLUEPRINT_FAAS_DECL void AzureScm::note(AzureDeploymentRecord& record, std::string message) const {
    record.log.push_back({.time = surroundings_.now(), .message = std::move(message)});
}

BLUEPRINT_FAAS_DECL AzureDeploymentRecord& AzureScm::begin(const ServerRequest& request) {
    const auto query = read_request_target(request.target, "/").query;
    const auto get = [&](std::string_view name) {
        for (const auto& [key, value] : query)
            if (faas::detail::iequals(key, name)) return value;
        return std::string{};
    };
    constexpr std::size_t most = 50;
    if (deployments_.size() >= most) deployments_.pop_front();  // it is over, as all are but the last
    auto& record = deployments_.emplace_back();
    record.id = random_uuid();
    record.deployer = get("deployer");
    record.author = get("author");
    record.received = record.started = surroundings_.now();
    note(record, "Received a package of " + std::to_string(request.body.size()) + " bytes.");
    return record;
}

/// Takes a package of a Flex Consumption app: it is put into the app's container at once, and the rest goes on later.
BLUEPRINT_FAAS_DECL ServerAnswer AzureScm::publish(ServerRequest request) {
    if (auto refusal = judge_package(request)) return std::move(*refusal);
    if (request.body.empty()) return azure_host_text(400, "The request has no package.");
    if (const auto kept = surroundings_.keep_package(app_->app(), request.body); !kept) {
        const auto& error = kept.error();
        return azure_host_text(400,
                               "[BlobUploadFailedException] The package could not be uploaded to the deployment "
                               "storage: status " +
                                   std::to_string(error.http_status) + ", " + error.platform_code + ". " +
                                   error.message);
    }
    auto& record = begin(request);
    surroundings_.spawn(carry_out(shared_from_this(), record, std::move(request.body)));
    ServerAnswer accepted{.status = 202, .content_type = "application/json; charset=utf-8"};
    accepted.body = '"' + record.id + '"';
    return accepted;
}

BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> AzureScm::zip_deploy(ServerRequest request) {
    if (auto refusal = judge_package(request)) co_return std::move(*refusal);
    if (request.body.empty()) co_return azure_host_text(400, "The request has no package.");
    const auto target = read_request_target(request.target, "/");
    auto& record = begin(request);
    auto work = carry_out(shared_from_this(), record, std::move(request.body));
    if (!faas::detail::iequals(target.get("isAsync"), "true")) {
        co_await std::move(work);
        const bool fine = record.status == AzureDeploymentRecord::Status::success;
        co_return azure_host_text(fine ? 200 : 400, fine ? "" : record.status_text);
    }
    surroundings_.spawn(std::move(work));
    const auto scheme = request.tls ? "https://" : "http://";
    ServerAnswer accepted{.status = 202, .content_type = ""};
    accepted.headers.emplace_back("Location",
                                  scheme + std::string{request.field("host").value_or("localhost")} +
                                      "/api/deployments/latest?deployer=" + std::string{target.get("deployer")});
    accepted.headers.emplace_back("SCM-DEPLOYMENT-ID", record.id);
    co_return accepted;
}

/// Puts a package into service. What prevented it, for people; nothing: it is.
BLUEPRINT_FAAS_DECL std::optional<std::string> AzureScm::put_into_service(const Bytes& zip) const {
    const auto& options = surroundings_.options();
    if (options.operation_fault)
        if (const auto fault = options.operation_fault(app_->app().id + "/publish"))
            return fault->code + ": " + fault->message;
    if (const auto deployed = app_->deploy(zip); !deployed)
        return "Package deployment failed: " + deployed.error().message;
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> AzureScm::carry_out(std::shared_ptr<AzureScm> self,
                                                              AzureDeploymentRecord& record, Bytes zip) {
    using Status = AzureDeploymentRecord::Status;
    const auto step = self->surroundings_.options().settle / 3;
    for (const auto next : {Status::building, Status::deploying}) {
        co_await self->surroundings_.pause(step);
        record.status = next;
    }
    co_await self->surroundings_.pause(step);
    const auto problem = self->put_into_service(zip);
    record.ended = self->surroundings_.now();
    record.status_text = problem.value_or("");
    self->note(record, problem ? *problem : "Deployment successful.");
    record.status = problem ? Status::failed : Status::success;
}

BLUEPRINT_FAAS_DECL boost::json::object AzureScm::show(const AzureDeploymentRecord& record,
                                                       const ServerRequest& request) const {
    const bool over = !record.ended.empty();
    const auto url = (request.tls ? "https://" : "http://") + std::string{request.field("host").value_or("localhost")} +
                     "/api/deployments/" + record.id;
    const bool success = record.status == AzureDeploymentRecord::Status::success;
    boost::json::object shown{{"id", record.id},
                              {"status", static_cast<int>(record.status)},
                              {"status_text", record.status_text},
                              {"author_email", "N/A"},
                              {"author", record.author.empty() ? "N/A" : record.author},
                              {"deployer", record.deployer},
                              {"message", "Created via a push deployment"},
                              {"progress", over ? "" : "Running."},
                              {"received_time", record.received},
                              {"start_time", record.started},
                              {"complete", over},
                              {"active", success && deployments_.back().id == record.id},
                              {"is_temp", false},
                              {"is_readonly", true},
                              {"url", url},
                              {"log_url", url + "/log"},
                              {"site_name", app_->app().name}};
    shown["end_time"] = over ? boost::json::value(record.ended) : boost::json::value(nullptr);
    shown["last_success_end_time"] = success ? boost::json::value(record.ended) : boost::json::value(nullptr);
    boost::json::object summary{{"errors", boost::json::array{}}, {"warnings", boost::json::array{}}};
    if (over && !success) summary["errors"].as_array().emplace_back(record.status_text);
    shown["build_summary"] = std::move(summary);
    return shown;
}

/// Answers what asks of deployments.
BLUEPRINT_FAAS_DECL ServerAnswer AzureScm::show(const ServerRequest& request) const {
    const auto target = read_request_target(request.target, "/");
    const auto& segments = target.segments;
    const auto is = [&](std::size_t at, std::string_view name) {
        return segments.size() > at && faas::detail::iequals(segments[at], name);
    };
    if (!is(0, "api") || request.method != "GET") return azure_host_text(404, "");
    if (is(1, "isdeploying") && segments.size() == 2) return json_answer(boost::json::object{{"value", busy()}});
    if (!is(1, "deployments") || segments.size() > 4) return azure_host_text(404, "");
    if (segments.size() == 2) {
        boost::json::array listed;
        for (auto one = deployments_.rbegin(); one != deployments_.rend(); ++one) listed.push_back(show(*one, request));
        return json_answer(listed);
    }
    const auto* const record = find(segments[2]);
    if (!record) return azure_host_text(404, "");
    if (segments.size() == 3) {
        auto answer = json_answer(show(*record, request));
        // Who asks for the latest is told by the status whether it is over; else both are 200, and so is a failure.
        if (is(2, "latest") && record->ended.empty()) answer.status = 202;
        return answer;
    }
    if (!is(3, "log")) return azure_host_text(404, "");
    boost::json::array lines;
    for (const auto& line : record->log)
        lines.push_back(boost::json::object{{"log_time", line.time},
                                            {"id", record->id},
                                            {"message", line.message},
                                            {"type", 0},
                                            {"details_url", nullptr}});
    return json_answer(lines);
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
