#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_OPENWHISK_INSTANCE_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_OPENWHISK_INSTANCE_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/local/impl/azure_modes.hpp"
#include "blueprint/faas/local/impl/openwhisk_node_runner.hpp"
#include "blueprint/faas/local/impl/openwhisk_runtime.ipp"
#include "blueprint/faas/local/openwhisk_runtime.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

/// Why an instance could not be started, as its caller is told.
inline Error openwhisk_start_error(std::string message, errc code = errc::function_error) {
    return Error{.code = code, .message = std::move(message), .execution = Execution::not_started};
}

inline bool write_openwhisk_file(const std::filesystem::path& path, std::string_view text, ::mode_t mode) {
    std::ofstream file{path, std::ios::binary | std::ios::trunc};
    file.write(text.data(), static_cast<std::streamsize>(text.size()));
    file.close();
    return file.good() && ::chmod(path.c_str(), mode) == 0;
}

inline std::string read_openwhisk_file(const std::filesystem::path& path, std::size_t most) {
    std::ifstream file{path, std::ios::binary};
    std::string text(most, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
    return text;
}

/// Finds a program as a shell does; empty: it is not there.
inline std::filesystem::path find_openwhisk_program(const std::string& name) {
    if (name.find('/') != std::string::npos) return std::filesystem::absolute(name);
    const auto path = Environment::process().variable("PATH").value_or("");
    std::string_view rest = path;
    while (!rest.empty()) {
        const auto end = std::min(rest.find(':'), rest.size());
        const auto candidate = std::filesystem::path{rest.substr(0, end)} / name;
        if (candidate.is_absolute() && ::access(candidate.c_str(), X_OK) == 0) return candidate;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return {};
}

/// Puts the code on disk, once for all instances. `log` is given what the runtime would note.
BLUEPRINT_FAAS_DECL result<void> OpenWhiskPool::unpack(OpenWhiskLog& log) {
    if (code_) return {};
    constexpr std::string_view zip_mark = "PK\x03\x04";
    Bytes bytes;
    if (action_->binary) {
        auto decoded = faas::detail::base64_decode(action_->code);
        if (!decoded) return openwhisk_start_error("cannot decode the request: illegal base64 data");
        bytes = std::move(*decoded);
    }
    const auto text = action_->binary ? faas::detail::text_of(bytes) : std::string_view{action_->code};
    if (text.starts_with(zip_mark)) {
        auto unpacked = host_.store->unpack_as_is(bytes, bytes.size());
        if (!unpacked) {
            log.add(2, unpacked.error().message + '\n');
            return openwhisk_start_error(
                node() ? "Initialization has failed due to: There was an error uncompressing the action Zip archive."
                       : "The action failed to generate or locate a binary. See logs for details.");
        }
        apply_zip_modes(bytes, unpacked->directory->path());
        code_ = std::move(unpacked->directory);
        archive_ = true;
        return {};
    }
    if (node() && action_->binary)
        return openwhisk_start_error("Initialization has failed due to: There was an error Detecting the File type");
    auto directory = host_.store->private_directory();
    if (!directory) return openwhisk_start_error(directory.error().message, errc::infrastructure);
    if (!write_openwhisk_file((*directory)->path() / (node() ? "action.js" : "exec"), text, node() ? 0644 : 0755))
        return openwhisk_start_error("cannot write the action's code", errc::infrastructure);
    code_ = std::move(*directory);
    return {};
}

/// What the Go proxy asks of an unpacked archive before it starts it. Nothing is compiled here.
/// Source: apache/openwhisk-runtime-go, ActionProxy.StartLatestAction; filetype.go.
BLUEPRINT_FAAS_DECL result<void> OpenWhiskPool::check_program(OpenWhiskLog& log) const {
    const auto program = code_->path() / "exec";
    const auto begin = read_openwhisk_file(program, 64);
    const bool elf = begin.size() > 52 && begin.starts_with(
                                              "\x7f"
                                              "ELF");
    if (!elf && !begin.starts_with("#!")) {
        log.add(2, begin.empty() ? "there is no file exec, and the local cloud compiles nothing\n"
                                 : "exec is no program, and the local cloud compiles nothing\n");
        return openwhisk_start_error("The action failed to generate or locate a binary. See logs for details.");
    }
    if (!settings_.exec_env.empty()) {
        auto stated = read_openwhisk_file(code_->path() / "exec.env", 4096);
        const auto trimmed = [](std::string_view text) {
            constexpr std::string_view blanks = " \t\r\n";
            text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
            return text.substr(0, text.find_last_not_of(blanks) + 1);
        };
        if (trimmed(stated) != settings_.exec_env) {
            if (stated.empty()) {
                log.add(2, "open exec.env: no such file or directory\n");
            } else {
                log.add(1, "Expected exec.env should start with " + settings_.exec_env + "\nActual value: " + stated);
                log.add(2, "Execution environment version mismatch. See logs for details.\n");
            }
            return openwhisk_start_error("Cannot start action. Check logs for details.");
        }
    }
    if (::chmod(program.c_str(), 0755) != 0)
        return openwhisk_start_error("cannot make the action's program executable", errc::infrastructure);
    return {};
}

/// A parameter as a variable: a string as it is, anything else as JSON.
inline std::string openwhisk_variable(const boost::json::value& value) {
    if (value.is_string()) return std::string{value.get_string()};
    return boost::json::serialize(value);
}

BLUEPRINT_FAAS_DECL result<ProcessPlan> OpenWhiskPool::plan(const OpenWhiskCall& call) const {
    auto home = host_.store->private_directory();
    if (!home) return openwhisk_start_error(home.error().message, errc::infrastructure);
    const std::string home_path = (*home)->path().string();
    std::map<std::string, std::string> variables;
    ProcessPlan plan;
    if (node()) {
        plan.program = find_openwhisk_program(settings_.node);
        if (plan.program.empty())
            return openwhisk_start_error(
                "this machine has no Node.js '" + settings_.node + "' to play " + action_->kind + " with",
                errc::infrastructure);
        const auto runner = (*home)->path() / "runner.cjs";
        if (!write_openwhisk_file(runner, openwhisk_node_runner, 0644))
            return openwhisk_start_error("cannot write the runner of Node.js", errc::infrastructure);
        const auto code = archive_ ? code_->path() : code_->path() / "action.js";
        plan.arguments = {runner.string(), code.string(), std::string{main()}};
        plan.directory = archive_ ? code_->path() : (*home)->path();
        plan.mark = home_path;
        variables = {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
                     {"LANG", "C.UTF-8"},
                     {"HOME", home_path},
                     {"TMPDIR", home_path}};
    } else {
        // The environment is clean: no PATH and no HOME. The directory is the proxy's, not the program's.
        plan.program = code_->path() / "exec";
        plan.directory = (*home)->path();
        if (!settings_.exec_env.empty()) {
            variables["__OW_EXECUTION_ENV"] = settings_.exec_env;
            variables["__OW_WAIT_FOR_ACK"] = "1";
        }
    }
    for (const auto& [name, value] : call.environment) {
        const std::string_view key = name;
        if (key.find_first_of(std::string_view{"=\0", 2}) == std::string_view::npos)
            variables[std::string{key}] = openwhisk_variable(value);
    }
    const auto deadline = openwhisk_now() + timeout();
    variables["__OW_API_HOST"] = call.api_host;
    variables["__OW_NAMESPACE"] = action_->name_space;
    variables["__OW_ACTION_NAME"] = '/' + action_->qualified();
    variables["__OW_ACTION_VERSION"] = action_->version.text();
    variables["__OW_ACTIVATION_ID"] = call.activation_id;
    variables["__OW_TRANSACTION_ID"] = call.transaction_id;
    variables["__OW_DEADLINE"] = std::to_string(deadline.time_since_epoch().count());
    plan.environment.reserve(variables.size());
    for (auto& [name, value] : variables) {
        std::string variable;
        variable.reserve(name.size() + value.size() + 1);  // once, so that no copy of a secret is left behind
        variable.append(name).append(1, '=').append(value);
        plan.environment.push_back(std::move(variable));
        faas::detail::wipe(value);
    }
    if (host_.options.limit_memory) plan.memory_bytes = std::uint64_t{action_->limits.memory_mib} << 20;
    plan.output_bytes = static_cast<std::size_t>(2 * settings_.parameter_bytes + (64U << 10));
    plan.kill_after = std::chrono::milliseconds{100};  // a container that is in the way is removed, not asked to end
    plan.loop = true;
    plan.belongings = std::make_shared<std::pair<std::shared_ptr<OwnedDirectory>, std::shared_ptr<OwnedDirectory>>>(
        std::move(*home), code_);
    return plan;
}

BLUEPRINT_FAAS_DECL void OpenWhiskPool::give_up(OpenWhiskOutcome& outcome, const Error& error) const {
    fail(outcome, error.message,
         error.code == errc::function_error ? OpenWhiskStatus::developer_error : OpenWhiskStatus::whisk_error);
}

BLUEPRINT_FAAS_DECL result<void> OpenWhiskPool::prepare(OpenWhiskLog& log) {
    if (host_.ending || ended_ || !host_.store)
        return openwhisk_start_error("The system is being stopped.", errc::infrastructure);
    if (auto unpacked = unpack(log); !unpacked) return unpacked;
    return node() ? result<void>{} : check_program(log);
}

/// Starts the process of an instance; null: it came to nothing, and `outcome` says so.
BLUEPRINT_FAAS_DECL OpenWhiskPool::Held OpenWhiskPool::launch(const OpenWhiskCall& call, OpenWhiskOutcome& outcome) {
    const auto instance = std::make_shared<Instance>(Instance{.log = OpenWhiskLog{log_bytes()}});
    const auto give_up_with = [&](const Error& error) {
        give_up(outcome, error);
        outcome.log = instance->log.take();
        return Held{};
    };
    if (auto prepared = prepare(instance->log); !prepared) return give_up_with(prepared.error());
    auto planned = plan(call);
    if (!planned) return give_up_with(planned.error());
    planned->noted = [weak = std::weak_ptr<Instance>{instance}](int stream, std::string_view text) {
        if (const auto self = weak.lock()) self->log.add(stream, text);
    };
    auto started = Process::start(host_.strand, host_.processes, std::move(*planned));
    if (!started && started.error().code == errc::function_error) {
        instance->log.add(2, started.error().message + '\n');
        return give_up_with(openwhisk_start_error("Cannot start action. Check logs for details."));
    }
    if (!started) return give_up_with(started.error());
    instance->process = std::move(*started);
    all_.push_back(instance);
    instance->process->serve_calls(settings_.idle, [weak = weak_from_this(), raw = instance.get()](bool) {
        if (const auto self = weak.lock()) self->forget_idle(raw);
    });
    return instance;
}

/// Starts an instance and waits until it is ready. If it comes to nothing, `outcome` says so.
BLUEPRINT_FAAS_DECL asio::awaitable<void> OpenWhiskPool::start(Seat& seat, const OpenWhiskCall& call,
                                                               OpenWhiskOutcome& outcome) {
    seat.instance = launch(call, outcome);
    if (!seat.instance) co_return;
    const auto process = seat.instance->process;
    if (acknowledged()) {
        const auto limit = deadline_after(timeout());
        auto readiness = process->call({}, limit);
        const auto ready = co_await std::move(readiness);
        judge_start(ready, seat.instance->log, outcome);
        co_return;
    }
    // Such a runtime looks only whether the program ends at once.
    asio::steady_timer moment{host_.strand};
    moment.expires_after(std::chrono::milliseconds{5});
    const auto [ignored] = co_await moment.async_wait(asio::as_tuple(asio::use_awaitable));
    static_cast<void>(ignored);
    if (process->usable()) co_return;
    seat.instance->log.add(2, "command exited\n");
    const auto error = openwhisk_start_error("Cannot start action. Check logs for details.");
    give_up(outcome, error);
}

BLUEPRINT_FAAS_DECL void OpenWhiskPool::judge_start(const ProcessOutcome& ready, OpenWhiskLog& log,
                                                    OpenWhiskOutcome& outcome) const {
    if (ready.end == ProcessEnd::timed_out) return time_out(outcome, true);
    if (ready.end == ProcessEnd::stopped)
        return fail(outcome, "The system ended the action.", OpenWhiskStatus::whisk_error);
    const bool answered = ready.end == ProcessEnd::exited && ready.status == 0 && ready.output.ends_with('\n');
    if (answered) {
        boost::system::error_code failed;
        const auto json = boost::json::parse(ready.output, failed);
        const auto* const object = failed ? nullptr : json.if_object();
        const auto* const ok = object != nullptr ? object->if_contains("ok") : nullptr;
        if (ok != nullptr && ok->is_bool() && ok->get_bool()) return;
        const auto* const error = object != nullptr ? object->if_contains("error") : nullptr;
        if (node() && error != nullptr && error->is_string()) return fail(outcome, std::string{error->get_string()});
    }
    if (node()) return fail(outcome, "The action did not initialize and exited unexpectedly.");
    log.add(
        2, answered ? "The action did not initialize properly.\n" : "Command exited abruptly during initialization.\n");
    fail(outcome, "Cannot start action. Check logs for details.");
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
