#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_RUN_ROLLOUT_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_RUN_ROLLOUT_IPP

#include "blueprint/faas/local/gcp_run.hpp"
#include "blueprint/faas/local/gcp_run_settings.hpp"
#include "blueprint/faas/local/impl/gcp_run.ipp"
#include "blueprint/faas/package/tar.hpp"

#include <boost/json/array.hpp>

#include <sys/stat.h>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

// What happens after Cloud Run has accepted a change.

BLUEPRINT_FAAS_DECL ServerAnswer GcpRun::begin(Change change) {
    auto& changed = *change.changed;
    ++changed.changes;
    const auto parent = changed.name.substr(0, changed.name.find("/services/"));
    change.operation = shared_.operations.begin(parent, gcp_run_typed("Service", show(changed)));
    auto answer = gcp_json(*shared_.operations.show(change.operation));
    shared_.spawn(roll_out(std::move(change)));
    return answer;
}

/// Waits until no other change of the service goes on.
BLUEPRINT_FAAS_DECL asio::awaitable<void> GcpRun::take_turn(Found changed) {
    constexpr std::chrono::milliseconds look_again{5};
    while (changed->changing && !shared_.stopping()) co_await shared_.pause(look_again);
    changed->changing = true;
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> GcpRun::roll_out(Change change) {
    const auto changed = change.changed;
    const auto revision = change.revision;
    co_await take_turn(changed);
    co_await shared_.pause(shared_.options.settle);
    auto fault = shared_.fault(change.verb, changed->name);
    if (shared_.stopping()) fault = GcpStatus{.code = 1, .message = "The operation was cancelled."};
    if (revision && fault) {
        revision->reason = "UNKNOWN";
        revision->message = fault->message;
    } else if (revision) {
        co_await bring_up(changed, revision);
    }
    if (changed->gone && !fault) fault = GcpStatus{.code = 10, .message = "The service has been deleted meanwhile."};
    changed->reason.clear();
    changed->message.clear();
    if (revision && !revision->reason.empty()) {
        changed->reason = revision->reason;
        changed->message =
            "Revision '" + revision->name + "' is not ready and cannot serve traffic. " + revision->message;
        // FAILED_PRECONDITION, as Google has it for all of these.
        if (!fault) fault = GcpStatus{.code = 9, .message = changed->message};
    } else if (revision) {
        changed->latest_ready = revision->name;
    }
    --changed->changes;
    changed->changing = false;
    changed->observed = changed->generation;
    if (!changed->gone) {
        apply_traffic(*changed);
        apply_rules(*changed);
    }
    if (change.operation.empty()) co_return;
    shared_.operations.tell(change.operation, gcp_run_typed("Service", show(*changed)));
    if (fault)
        shared_.operations.fail(change.operation, *fault);
    else
        shared_.operations.succeed(change.operation, gcp_run_typed("Service", show(*changed)));
}

inline constexpr std::string_view run_container_missing = "CONTAINER_MISSING";

/// Finds the program of a revision, from its package if it has one. The `Error`'s platform_code is the reason of the
/// revision's condition.
BLUEPRINT_FAAS_DECL result<GcpProgram> GcpRun::program_of(const GcpService& of, const GcpRevision& revision) const {
    const auto& container = revision.shown.at("containers").get_array().front().get_object();
    const auto image = gcp_text(container, "image");
    const auto missing = [](std::string message) {
        return gcp_refusal(400, run_container_missing, std::move(message));
    };
    if (image.find(gcp_function_images) != std::string::npos) {
        if (of.program) return *of.program;
        return missing("Image '" + image + "' not found.");
    }
    GcpProgram out;
    if (image != "scratch") {
        const auto known = shared_.options.images.find(image);
        if (known == shared_.options.images.end()) return missing("Image '" + image + "' not found.");
        out.program = known->second;
        out.directory = known->second.parent_path();
        if (const auto* const command = gcp_at(container, "command"))
            if (!command->get_array().empty())
                out.arguments.emplace_back(command->get_array().front().get_string());  // the image has its own program
        return out;
    }
    const auto bucket = gcp_text(container, "sourceCode.cloudStorageSource.bucket");
    const auto object = gcp_text(container, "sourceCode.cloudStorageSource.object");
    const auto archive =
        shared_.storage.find(bucket, object, gcp_text(container, "sourceCode.cloudStorageSource.generation"));
    if (!archive) return missing("The source code gs://" + bucket + '/' + object + " was not found.");
    auto directory = shared_.host.store->private_directory();
    if (!directory) return missing(directory.error().message);
    out.code = std::move(*directory);
    out.directory = out.code->path();
    const auto files =
        extract_tar_gz(*archive, out.directory, {.compressed_bytes = 250ULL << 20, .unpacked_bytes = 1ULL << 30});
    if (!files) return missing("The source code is no archive that can be unpacked: " + files.error().message);
    const std::string command{container.at("command").get_array().front().get_string()};
    out.program = out.directory / std::filesystem::path{command}.lexically_normal();
    struct stat status{};
    if (::stat(out.program.c_str(), &status) != 0 || !S_ISREG(status.st_mode))
        return missing("The source code has no file '" + command + "', which the command names.");
    if ((status.st_mode & 0111U) == 0)
        return gcp_refusal(400, "CONTAINER_PERMISSION_DENIED",
                           "The file '" + command +
                               "' of the source code is not executable: its mode in the archive "
                               "must be 0755.");
    if (const auto inside = gcp_text(container, "workingDir"); !inside.empty() && inside.front() != '/')
        out.directory /= std::filesystem::path{inside}.lexically_normal();
    return out;
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> GcpRun::bring_up(Found changed, std::shared_ptr<GcpRevision> revision) {
    auto program = program_of(*changed, *revision);
    if (!program) {
        revision->reason = program.error().platform_code;
        revision->message = program.error().message;
        co_return;
    }
    auto plan = plan_of_run_revision(revision->shown, changed->shown);
    plan.code = std::move(program->code);
    plan.program = std::move(program->program);
    plan.directory = std::move(program->directory);
    plan.node = program->node;
    plan.arguments.insert(plan.arguments.begin(), program->arguments.begin(), program->arguments.end());
    for (const auto& [name, value] : program->variables) plan.variables.try_emplace(name, value);
    plan.variables["K_SERVICE"] = changed->id;
    plan.variables["K_REVISION"] = revision->name;
    plan.variables["K_CONFIGURATION"] = changed->id;
    // There the container's network keeps strangers away; here nothing does.
    plan.variables["BLUEPRINT_HTTP_HOST"] = "127.0.0.1";
    plan.startup.user_agent = "GoogleHC/1.0";
    const auto port = plan.port;
    revision->pool = std::make_shared<HttpPool>(shared_.host, std::move(plan), shared_.options.queue_time);
    const auto problem = co_await revision->pool->prove();
    if (!problem) {
        revision->ready = true;
        co_return;
    }
    revision->reason = "HEALTH_CHECK_CONTAINER_ERROR";
    revision->message =
        "The user-provided container failed to start and listen on the port defined provided by the PORT=" +
        std::to_string(port) +
        " environment variable within the allocated timeout. This can happen when the container port is misconfigured "
        "or if the timeout is too short. The health check timeout can be extended. Logs for this revision might "
        "contain more information.\n\nLogs URL: " +
        shared_.url + "/local/logs/" + changed->name + "/revisions/" + revision->name + "\nThe container " + *problem +
        '.';
}

BLUEPRINT_FAAS_DECL void GcpRun::apply_traffic(GcpService& of) {
    std::map<std::string, std::uint32_t> percents;
    for (const auto& item : of.shown.at("traffic").get_array()) {
        const auto& target = item.get_object();
        auto name = gcp_text(target, "revision");
        if (name.empty()) name = of.latest_ready;
        percents[name] += static_cast<std::uint32_t>(gcp_number(target, "percent"));
    }
    std::vector<GcpFront::Share> shares;
    for (const auto& [name, revision] : of.revisions) {
        if (!revision->pool) continue;
        const auto percent = revision->ready ? percents[name] : 0;
        if (percent == 0) {
            revision->pool->retire();
            continue;
        }
        const auto plan = plan_of_run_revision(revision->shown, of.shown);
        revision->pool->resume();
        revision->pool->keep(plan.min_instances, plan.max_instances);
        shares.push_back({.pool = revision->pool, .percent = percent});
    }
    of.front->set_traffic(std::move(shares));
}

BLUEPRINT_FAAS_DECL void GcpRun::remove(std::string_view name) {
    const auto found = find(name);
    if (!found) return;
    found->gone = true;
    for (const auto& [id, revision] : found->revisions)
        if (revision->pool) revision->pool->retire();
    found->front->set_traffic({});
    found->front->stop_accepting();
    services_.erase(found->name);
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> GcpRun::erase_later(Found erased, std::string operation) {
    co_await take_turn(erased);
    co_await shared_.pause(shared_.options.settle);
    erased->changing = false;
    --erased->changes;
    if (const auto fault = shared_.fault("delete", erased->name)) {
        shared_.operations.fail(operation, *fault);
        co_return;
    }
    remove(erased->name);
    auto shown = gcp_run_typed("Service", show(*erased));
    shown["deleteTime"] = shared_.now();
    shared_.operations.succeed(operation, std::move(shown));
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> GcpRun::erase_revision_later(Found of, std::string revision,
                                                                       std::string operation) {
    co_await shared_.pause(shared_.options.settle);
    const auto found = of->revisions.find(revision);
    if (found == of->revisions.end()) {
        shared_.operations.fail(operation, {.code = 5, .message = "The revision has been deleted meanwhile."});
        co_return;
    }
    auto shown = gcp_run_typed("Revision", show(*of, *found->second));
    if (const auto fault = shared_.fault("delete", of->name + "/revisions/" + revision)) {
        shared_.operations.fail(operation, *fault);
        co_return;
    }
    if (found->second->pool) found->second->pool->retire();
    of->revisions.erase(found);
    shown["deleteTime"] = shared_.now();
    shared_.operations.succeed(operation, std::move(shown));
}

BLUEPRINT_FAAS_DECL asio::awaitable<result<GcpRun::Found>> GcpRun::deploy_function(
    std::string name, boost::json::object wanted, GcpProgram program, std::string caller, bool all_traffic) {
    const auto id = name.substr(name.rfind('/') + 1);
    auto judged = judge_run_service(std::move(wanted), id, shared_.options);
    if (!judged) co_return judged.error();
    auto found = find(name);
    Change change{.verb = "deploy"};
    const auto path_prefix = '/' + id;
    if (found) {
        found->program = std::move(program);
        found->path_prefix = path_prefix;
        if (!all_traffic) (*judged)["traffic"] = found->shown.at("traffic");
        auto revision = this->change(*found, std::move(*judged), true);
        if (!revision) co_return revision.error();
        change.revision = std::move(*revision);
    } else {
        auto made = make(name, std::move(*judged), std::move(caller));
        if (!made) co_return made.error();
        found = *made;
        found->program = std::move(program);
        found->path_prefix = path_prefix;
        change.revision = add_revision(*found);
    }
    change.changed = found;
    ++found->changes;
    const auto revision = change.revision;
    auto rolling = roll_out(std::move(change));
    co_await std::move(rolling);
    if (!revision->reason.empty()) co_return gcp_refusal(400, revision->reason, found->message);
    co_return found;
}

BLUEPRINT_FAAS_DECL void GcpRun::stop_accepting() {
    for (const auto& [name, one] : services_) one->front->stop_accepting();
}

BLUEPRINT_FAAS_DECL std::size_t GcpRun::calls() const {
    std::size_t calls = 0;
    for (const auto& [name, one] : services_)
        for (const auto& [id, revision] : one->revisions) calls += revision->pool ? revision->pool->calls() : 0;
    return calls;
}

BLUEPRINT_FAAS_DECL std::size_t GcpRun::instances() const {
    std::size_t instances = 0;
    for (const auto& [name, one] : services_)
        for (const auto& [id, revision] : one->revisions) instances += revision->pool ? revision->pool->instances() : 0;
    return instances;
}

BLUEPRINT_FAAS_DECL void GcpRun::end() {
    for (const auto& [name, one] : services_) {
        one->front->close();
        for (const auto& [id, revision] : one->revisions)
            if (revision->pool) revision->pool->end();
    }
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
