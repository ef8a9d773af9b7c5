#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_DEPLOYMENT_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_DEPLOYMENT_IPP

#include "blueprint/faas/local/deployment.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL Deployment::Deployment(FunctionHost& host, std::string function_id, FunctionSettings settings,
                                           StoredPackage package)
    : host_{host}, function_id_{std::move(function_id)}, settings_{std::move(settings)}, package_{std::move(package)} {
    if (!package_.loop) return;
    const LoopPlan plan{
        .most = most_running(), .keep_warm = settings_.keep_warm, .idle = host_.options.limits.warm_idle};
    loop_ = std::make_shared<LoopInstances>(host_.strand, plan, [this] { return start(); });
}

BLUEPRINT_FAAS_DECL std::uint32_t Deployment::most_running() const noexcept {
    return std::min(settings_.max_concurrency.value_or(host_.options.function_concurrency),
                    host_.options.account_concurrency);
}

BLUEPRINT_FAAS_DECL result<std::shared_ptr<Process>> Deployment::start() {
    if (host_.ending || !host_.store)
        return Error{.code = errc::infrastructure,
                     .message = "the platform is being stopped",
                     .execution = Execution::not_started};
    auto home = host_.store->private_directory();
    if (!home) return home.error();
    const std::string home_path = (*home)->path().string();
    std::map<std::string, std::string_view, std::less<>> variables{
        {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        {"LANG", "C.UTF-8"},
        {"TZ", "UTC"},
        {"HOME", home_path},
        {"TMPDIR", home_path},
    };
    for (const auto& [name, value] : settings_.env_vars) variables[name] = value.reveal();
    const auto memory_mb = std::to_string(settings_.memory_mb);
    variables["BLUEPRINT_FUNCTION_ID"] = function_id_;
    variables["BLUEPRINT_MEMORY_MB"] = memory_mb;
    if (package_.loop) variables["BLUEPRINT_LOOP"] = "1";

    ProcessPlan plan;
    plan.program = package_.directory->path() / "bootstrap";
    plan.directory = package_.directory->path();
    plan.environment.reserve(variables.size());
    for (const auto& [name, value] : variables) {
        std::string variable;
        variable.reserve(name.size() + value.size() + 1);  // once, so that no copy of a secret is left behind
        variable.append(name).append(1, '=').append(value);
        plan.environment.push_back(std::move(variable));
    }
    const auto& limits = host_.options.limits;
    if (host_.options.limit_memory) plan.memory_bytes = std::uint64_t{settings_.memory_mb} << 20;
    plan.output_bytes = static_cast<std::size_t>(limits.answer_bytes);
    plan.log_bytes = limits.stderr_bytes;
    plan.kill_after = limits.kill_after;
    plan.loop = package_.loop;
    plan.mark = home_path;
    plan.belongings = std::make_shared<std::pair<std::shared_ptr<OwnedDirectory>, std::shared_ptr<OwnedDirectory>>>(
        std::move(*home), package_.directory);

    const auto began = std::chrono::steady_clock::now();
    auto process = Process::start(host_.strand, host_.processes, std::move(plan));
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began);
    if (process) host_.start_time = host_.start_time.count() == 0 ? took : (host_.start_time * 7 + took) / 8;
    return process;
}

BLUEPRINT_FAAS_DECL result<Instance> Deployment::take() {
    while (!waiting_.empty()) {
        const auto process = waiting_.front();
        waiting_.pop_front();
        // Another one in its place, but this invocation comes first.
        asio::post(host_.strand, [weak = weak_from_this()] {
            const auto self = weak.lock();
            if (self && !self->retired_) static_cast<void>(self->start_waiting());
        });
        if (process->running()) return Instance{.process = process, .cold = false};
    }
    auto process = start();
    if (!process) return process.error();
    return Instance{.process = std::move(*process), .cold = true};
}

BLUEPRINT_FAAS_DECL asio::awaitable<result<Run>> Deployment::run(std::string input, Deadline deadline) {
    if (loop_) return run_in_loop(std::move(input), deadline);
    return run_once(std::move(input), deadline);
}

BLUEPRINT_FAAS_DECL asio::awaitable<result<Run>> Deployment::run_once(std::string input, Deadline deadline) {
    auto instance = take();
    if (!instance) co_return std::move(instance).error();
    Run run{nullptr, std::move(*instance)};
    run.outcome = co_await run.process->run(std::move(input), deadline);
    co_return run;
}

BLUEPRINT_FAAS_DECL asio::awaitable<result<Run>> Deployment::run_in_loop(std::string input, Deadline deadline) {
    const auto loop = loop_;
    for (int attempt = 0;; ++attempt) {
        auto instance = co_await loop->take(deadline);
        if (!instance) co_return std::move(instance).error();
        Run run{loop, std::move(*instance)};
        run.outcome = co_await run.process->call(std::move(input), deadline);
        if (!run.outcome.unread) co_return run;
        input = std::exchange(run.outcome.output, {});  // it ended before it saw the call: another one may have it
        if (attempt == 2) co_return run;
    }
}

BLUEPRINT_FAAS_DECL std::uint32_t Deployment::most_waiting() const noexcept {
    return std::min(host_.options.limits.warm_instances, most_running());
}

BLUEPRINT_FAAS_DECL result<std::uint32_t> Deployment::warm(std::uint32_t count) {
    const auto wanted = std::min(count, most_waiting());
    if (loop_) return loop_->warm(wanted);
    while (!retired_ && waiting() < wanted)
        if (auto started = start_waiting(); !started) return started.error();
    return waiting();
}

BLUEPRINT_FAAS_DECL result<void> Deployment::start_waiting() {
    if (waiting() >= most_waiting()) return {};
    auto process = start();
    if (!process) return process.error();
    waiting_.push_back(*process);
    (*process)->wait_idle(host_.options.limits.warm_idle,
                          [weak = weak_from_this(), raw = process->get()](bool expired) {
                              const auto self = weak.lock();
                              if (!self) return;
                              self->waiting_.remove_if([raw](const auto& other) { return other.get() == raw; });
                              // One that ended by itself is not replaced: it would end again, and again.
                              if (expired && !self->retired_ && self->waiting() < self->settings_.keep_warm)
                                  static_cast<void>(self->start_waiting());
                          });
    return {};
}

BLUEPRINT_FAAS_DECL void Deployment::retire() {
    retired_ = true;
    if (loop_) loop_->retire();
    for (const auto& process : std::exchange(waiting_, {})) process->kill();
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
