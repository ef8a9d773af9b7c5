#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_FUNCTIONS_DEPLOY_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_FUNCTIONS_DEPLOY_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/local/aws_sessions.hpp"
#include "blueprint/faas/local/gcp_functions.hpp"
#include "blueprint/faas/local/impl/gcp_functions.ipp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

// How functions are built and come into service.

BLUEPRINT_FAAS_DECL boost::json::object GcpFunctions::metadata(const GcpFunction& of, std::string_view verb) const {
    boost::json::object out{{"createTime", shared_.now()},
                            {"target", of.name},
                            {"verb", verb},
                            {"cancelRequested", false},
                            {"apiVersion", "v2"}};
    out["operationType"] = verb == "create"   ? "CREATE_FUNCTION"
                           : verb == "update" ? "UPDATE_FUNCTION"
                                              : "DELETE_FUNCTION";
    boost::json::array stages;
    if (verb != "delete") {
        out["requestResource"] = gcp_functions_typed("google.cloud.functions.v2.Function", show(of));
        for (const auto* const name : {"ARTIFACT_REGISTRY", "BUILD", "SERVICE"})
            stages.push_back(boost::json::object{{"name", name}, {"state", "NOT_STARTED"}});
    } else {
        stages.push_back(boost::json::object{{"name", "SERVICE"}, {"state", "NOT_STARTED"}});
    }
    out["stages"] = std::move(stages);
    return gcp_functions_typed("google.cloud.functions.v2.OperationMetadata", std::move(out));
}

BLUEPRINT_FAAS_DECL void GcpFunctions::set_stage(boost::json::object& metadata, std::string_view name,
                                                 std::string_view state, std::string_view problem) {
    for (auto& item : metadata["stages"].get_array()) {
        auto& stage = item.get_object();
        if (gcp_text(stage, "name") != name) continue;
        stage["state"] = state;
        if (problem.empty()) continue;
        const boost::json::object message{{"severity", "ERROR"}, {"type", "Failed"}, {"message", problem}};
        stage["stateMessages"] = boost::json::array{message};
    }
}

BLUEPRINT_FAAS_DECL ServerAnswer GcpFunctions::begin(Change change) {
    auto& function = *change.changed;
    function.busy = true;
    function.state = "DEPLOYING";
    function.problem.clear();
    function.updated = shared_.now();
    change.metadata = metadata(function, change.verb);
    const auto parent = function.name.substr(0, function.name.find("/functions/"));
    change.operation = shared_.operations.begin(parent, change.metadata);
    auto answer = gcp_json(*shared_.operations.show(change.operation));
    shared_.spawn(deploy(std::move(change)));
    return answer;
}

BLUEPRINT_FAAS_DECL void GcpFunctions::tell(Change& change, std::string_view stage, std::string_view state,
                                            std::string_view problem) {
    set_stage(change.metadata, stage, state, problem);
    shared_.operations.tell(change.operation, change.metadata);
}

BLUEPRINT_FAAS_DECL void GcpFunctions::fail(Change& change, std::string_view stage, const GcpStatus& status) {
    auto& function = *change.changed;
    function.state = "FAILED";
    function.problem = status.message;
    function.busy = false;
    change.metadata["endTime"] = shared_.now();
    tell(change, stage, "COMPLETE", status.message);
    shared_.operations.fail(change.operation, status);
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> GcpFunctions::deploy(Change change) {
    auto& function = *change.changed;
    tell(change, "ARTIFACT_REGISTRY", "COMPLETE");
    function.build = "projects/" + shared_.options.project_number + "/locations/" + gcp_region_of(function.name) +
                     "/builds/" + random_uuid();
    change.metadata["buildName"] = function.build;
    tell(change, "BUILD", "IN_PROGRESS");
    co_await shared_.pause(shared_.options.settle);
    auto fault = shared_.fault(change.verb, function.name);
    if (shared_.stopping()) fault = GcpStatus{.code = 1, .message = "The operation was cancelled."};
    if (fault) {
        fail(change, "BUILD", *fault);
        co_return;
    }
    auto building = build(change.changed);
    auto program = co_await std::move(building);
    if (!program) {
        const GcpStatus status{.code = 3,
                               .message = "Build failed with status: FAILURE and message: " + program.error().message};
        fail(change, "BUILD", status);
        co_return;
    }
    tell(change, "BUILD", "COMPLETE");
    tell(change, "SERVICE", "IN_PROGRESS");
    const auto parent = function.name.substr(0, function.name.find("/functions/"));
    function.service = parent + "/services/" + function.id;
    const auto* const all = gcp_at(function.shown, "serviceConfig.allTrafficOnLatestRevision");
    auto deploying = run_.deploy_function(function.service, service_of(function), std::move(*program), change.caller,
                                          all == nullptr || all->get_bool());
    auto deployed = co_await std::move(deploying);
    if (const auto made = run_.find(function.service)) function.uri = made->front->url();
    if (!deployed) {
        const GcpStatus status{.code = 3,
                               .message = "Could not create or update Cloud Run service " + function.id +
                                          ", Container Healthcheck failed. " + deployed.error().message};
        fail(change, "SERVICE", status);
        co_return;
    }
    function.revision = (*deployed)->latest_ready;
    function.state = "ACTIVE";
    function.busy = false;
    function.updated = shared_.now();
    change.metadata["endTime"] = function.updated;
    tell(change, "SERVICE", "COMPLETE");
    shared_.operations.succeed(change.operation,
                               gcp_functions_typed("google.cloud.functions.v2.Function", show(function)));
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> GcpFunctions::erase_later(Found erased, std::string operation,
                                                                    boost::json::object metadata) {
    co_await shared_.pause(shared_.options.settle);
    erased->busy = false;
    if (const auto fault = shared_.fault("delete", erased->name)) {
        erased->state = "FAILED";
        erased->problem = fault->message;
        shared_.operations.fail(operation, *fault);
        co_return;
    }
    run_.remove(erased->service);
    functions_.erase(erased->name);
    set_stage(metadata, "SERVICE", "COMPLETE");
    metadata["endTime"] = shared_.now();
    shared_.operations.tell(operation, std::move(metadata));
    shared_.operations.succeed(operation, gcp_functions_typed("google.protobuf.Empty", {}));
}

BLUEPRINT_FAAS_DECL std::filesystem::path GcpFunctions::node() const {
    if (!shared_.options.node.empty()) return shared_.options.node;
    const auto path = Environment::process().variable("PATH").value_or("");
    std::string_view rest = path;
    while (!rest.empty()) {
        const auto end = std::min(rest.find(':'), rest.size());
        const auto candidate = std::filesystem::path{rest.substr(0, end)} / "node";
        if (candidate.is_absolute() && ::access(candidate.c_str(), X_OK) == 0) return candidate;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return {};
}

/// Has Node.js read a script. Returns what is wrong with it; nothing: it can be run.
BLUEPRINT_FAAS_DECL asio::awaitable<std::string> GcpFunctions::check_script(std::filesystem::path node,
                                                                            std::filesystem::path script) {
    ProcessPlan plan;
    plan.program = node;
    plan.arguments = {"--check", script.string()};
    plan.directory = script.parent_path();
    plan.environment = {"PATH=/usr/local/bin:/usr/bin:/bin"};
    auto started = Process::start(shared_.host.strand, shared_.host.processes, std::move(plan));
    if (!started) co_return started.error().message;
    const auto process = std::move(*started);
    constexpr std::chrono::seconds most{60};
    const auto limit = deadline_after(most);
    auto running = process->run({}, limit);
    const auto outcome = co_await std::move(running);
    if (outcome.end == ProcessEnd::exited && outcome.status == 0) co_return std::string{};
    co_return "node --check of " + script.filename().string() + " failed: " + outcome.log_tail;
}

inline Error build_error(std::string message) { return gcp_refusal(400, "INVALID_ARGUMENT", std::move(message)); }

/// Looks over what would be made an image of, as the buildpack for Node.js does.
/// Source: Cloud Run functions documentation, "Specify dependencies in Node.js"; "Source directory structure".
BLUEPRINT_FAAS_DECL asio::awaitable<result<GcpProgram>> GcpFunctions::build(Found of) {
    const auto& config = of->shown.at("buildConfig").get_object();
    const auto bucket = gcp_text(config, "source.storageSource.bucket");
    const auto object = gcp_text(config, "source.storageSource.object");
    const auto zip = shared_.storage.find(bucket, object, gcp_text(config, "source.storageSource.generation"));
    if (!zip) co_return build_error("Failed to retrieve function source code from gs://" + bucket + '/' + object);
    if (!shared_.host.store) co_return build_error("The cloud is being stopped.");
    auto unpacked = shared_.host.store->unpack_as_is(*zip, 512ULL << 20);
    if (!unpacked) co_return build_error("The source is no zip that can be unpacked: " + unpacked.error().message);
    GcpProgram out;
    out.code = std::move(unpacked->directory);
    out.directory = out.code->path();
    std::ifstream file{out.directory / "package.json", std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    boost::system::error_code failed;
    const auto package = boost::json::parse(text, failed);
    if (failed || !package.is_object()) co_return build_error("package.json is missing or holds no JSON object.");
    auto main = gcp_text(package.get_object(), "main");
    if (main.empty()) main = "index.js";
    const auto script = out.directory / std::filesystem::path{main}.lexically_normal();
    std::error_code unknown;
    if (!std::filesystem::is_regular_file(script, unknown))
        co_return build_error(
            "provided module can't be loaded: did you specify the correct location for the module "
            "defining your function? There is no " +
            main + '.');
    const auto interpreter = node();
    if (!interpreter.empty()) {
        auto checking = check_script(interpreter, script);
        const auto problem = co_await std::move(checking);
        if (!problem.empty()) co_return build_error(problem);
    }
    // An image does not keep what may be executed: who needs that makes it so himself.
    for (const auto& entry : std::filesystem::recursive_directory_iterator{out.directory, unknown})
        if (entry.is_regular_file(unknown)) ::chmod(entry.path().c_str(), 0644);
    const auto entry_point = gcp_text(config, "entryPoint");
    out.variables = {{"FUNCTION_TARGET", entry_point}, {"FUNCTION_SIGNATURE_TYPE", "http"}};
    const auto& framework = shared_.options.functions_framework;
    if (framework.empty()) {  // what the package's script would start
        out.program = out.directory / "function" / "bootstrap";
        if (::chmod(out.program.c_str(), 0755) != 0)
            co_return build_error(
                "The local cloud was given no functions-framework, and so starts function/bootstrap, "
                "which is not there.");
        co_return out;
    }
    if (interpreter.empty()) co_return build_error("The local cloud finds no Node.js to run the functions-framework.");
    out.program = interpreter;
    out.node = true;
    const auto real = std::filesystem::canonical(framework, unknown);
    if (unknown) co_return build_error("There is no functions-framework at " + framework.string());
    out.arguments = {real.string(), "--target=" + entry_point, "--source=" + out.directory.string(),
                     "--signature-type=http"};
    // The framework is among the modules that npm would have installed.
    for (auto at = real; at.has_relative_path(); at = at.parent_path())
        if (at.filename() == "node_modules") {
            out.variables["NODE_PATH"] = at.string();
            break;
        }
    co_return out;
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
