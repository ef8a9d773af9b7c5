#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_LAMBDA_POOL_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_LAMBDA_POOL_IPP

#include "blueprint/faas/local/aws_lambda_pool.hpp"
#include "blueprint/faas/local/aws_sessions.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

/// How one event goes through the pool.
struct LambdaPool::Attempt {
    std::shared_ptr<LambdaCall> call;
    std::shared_ptr<LambdaInstance> instance{};
    LambdaReport report{};
    std::string log{};
    std::string init_problem{};  // the error object, if no instance could be had
    std::string init_error_type{};
    Deadline deadline{};  // of the function; set when its time begins
    bool timed_out = false;
    bool json_log = false;
};

/// Counts one event that runs.
struct LambdaPool::Counted {
    explicit Counted(LambdaPool& counting) : pool{counting} { ++pool.running_; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --pool.running_; }
    LambdaPool& pool;
};

inline std::string new_log_stream(std::string_view version) {
    const auto day = lambda_log_time(std::chrono::system_clock::now()).substr(0, 10);
    std::string stream = day;
    std::replace(stream.begin(), stream.end(), '-', '/');
    std::string id = random_uuid();
    id.erase(std::remove(id.begin(), id.end(), '-'), id.end());
    return stream + "/[" + std::string{version} + ']' + id;
}

BLUEPRINT_FAAS_DECL LambdaPool::LambdaPool(FunctionHost& host, LambdaPoolPlan plan)
    : host_{host}, plan_{std::move(plan)}, log_stream_{new_log_stream(plan_.version)}, idle_{host.strand} {}

BLUEPRINT_FAAS_DECL LambdaInstancePlan LambdaPool::instance_plan(std::string_view initialisation) const {
    LambdaInstancePlan plan{.code = plan_.code->package.directory, .memory_mb = plan_.settings->memory_mb};
    auto& variables = plan.variables;
    if (plan_.settings->variables) variables = *plan_.settings->variables;
    if (plan_.credentials)
        for (auto& [name, value] : plan_.credentials()) variables.insert_or_assign(name, std::move(value));
    const auto& shown = plan_.settings->shown;
    const auto text = [](const boost::json::value& value) { return std::string_view{value.get_string()}; };
    variables["_HANDLER"] = text(shown.at("Handler"));
    variables["AWS_REGION"] = plan_.region;
    variables["AWS_DEFAULT_REGION"] = plan_.region;
    variables["AWS_LAMBDA_FUNCTION_NAME"] = plan_.function_name;
    variables["AWS_LAMBDA_FUNCTION_VERSION"] = plan_.version;
    variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = std::to_string(plan_.settings->memory_mb);
    variables["AWS_LAMBDA_LOG_GROUP_NAME"] = text(shown.at("LoggingConfig").at("LogGroup"));
    variables["AWS_LAMBDA_LOG_STREAM_NAME"] = log_stream_;
    variables["AWS_LAMBDA_INITIALIZATION_TYPE"] = initialisation;
    if (plan_.settings->json_log) variables["AWS_LAMBDA_LOG_FORMAT"] = "JSON";
    return plan;
}

BLUEPRINT_FAAS_DECL std::shared_ptr<LambdaInstance> LambdaPool::take_waiting() {
    // The one that was used last: the others come to their idle end.
    std::shared_ptr<LambdaInstance> best;
    for (const auto& instance : instances_)
        if (instance->waiting() && !instance->claimed && (!best || instance->waiting_since() > best->waiting_since()))
            best = instance;
    if (best) best->claimed = true;
    return best;
}

BLUEPRINT_FAAS_DECL void LambdaPool::remove(const LambdaInstance* instance) {
    instances_.remove_if([instance](const auto& other) { return other.get() == instance; });
}

BLUEPRINT_FAAS_DECL void LambdaPool::put_back(const std::shared_ptr<LambdaInstance>& instance) {
    instance->claimed = false;
    if (instance->ended()) {
        remove(instance.get());
    } else if (retired_) {
        instance->end();
        remove(instance.get());
    } else {
        watch_idle();
    }
}

BLUEPRINT_FAAS_DECL void LambdaPool::keep(std::uint32_t count) {
    if (provisioned_ <= count) return;
    provisioned_ = count;
    watch_idle();
}

BLUEPRINT_FAAS_DECL void LambdaPool::retire() {
    retired_ = true;
    idle_.cancel();
    instances_.remove_if([](const auto& instance) {
        if (instance->claimed) return false;
        instance->end();
        return true;
    });
}

BLUEPRINT_FAAS_DECL void LambdaPool::watch_idle() {
    if (idle_watched_ || retired_) return;
    idle_watched_ = true;
    idle_.expires_after(host_.options.limits.warm_idle);
    idle_.async_wait([weak = weak_from_this()](boost::system::error_code failed) {
        const auto self = weak.lock();
        if (failed || !self || self->retired_) return;
        self->idle_watched_ = false;
        const auto oldest = std::chrono::steady_clock::now() - self->host_.options.limits.warm_idle;
        std::size_t kept = self->provisioned_;
        self->instances_.remove_if([&](const auto& instance) {
            if (instance->ended()) return true;
            if (instance->claimed || !instance->waiting() || instance->waiting_since() > oldest) return false;
            if (kept > 0) {
                --kept;
                return false;
            }
            instance->end();
            return true;
        });
        if (!self->instances_.empty()) self->watch_idle();
    });
}

/// Makes one attempt to have an instance. Leaves `attempt.instance` empty if there is none, and why.
BLUEPRINT_FAAS_DECL asio::awaitable<void> LambdaPool::initialise(Attempt& attempt, std::string_view phase,
                                                                 Deadline limit) {
    const auto began = std::chrono::steady_clock::now();
    auto started = LambdaInstance::start(host_, instance_plan("on-demand"));
    std::string status = "error";
    const std::string prefix = "RequestId: " + attempt.call->request_id + " Error: ";
    std::chrono::microseconds took{};
    if (!started) {
        const auto& error = started.error();
        attempt.init_error_type = "Runtime.InvalidEntrypoint";
        std::string why = error.message.substr(std::min(error.message.rfind(": ") + 2, error.message.size()));
        if (error.code != errc::function_error) {
            attempt.init_error_type = "Runtime.Unknown";
            why = error.message;
        } else if (why.starts_with("No such file") &&
                   !std::filesystem::exists(plan_.code->package.directory->path() / "bootstrap")) {
            why = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]";
        } else {
            if (!why.empty()) why[0] = faas::detail::ascii_lower(why[0]);
            why = "fork/exec /var/task/bootstrap: " + why;
        }
        attempt.init_problem = lambda_error_object(attempt.init_error_type, prefix + why);
        took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began);
    } else {
        const auto instance = std::move(*started);
        instance->claimed = true;
        instances_.push_back(instance);
        co_await instance->initialised(limit);
        if (instance->waiting()) {
            attempt.instance = instance;
            attempt.report.init = instance->init_duration();
            co_return;
        }
        took = instance->init_duration();
        attempt.log += instance->take_log();
        attempt.report.peak_memory_mib = std::max(attempt.report.peak_memory_mib, instance->peak_memory_mib());
        if (const auto* const said = instance->init_error()) {
            attempt.init_error_type = said->error_type.empty() ? "Runtime.Unknown" : said->error_type;
            attempt.init_problem = said->body;
        } else if (const auto& ended = instance->ended()) {
            const auto reason = lambda_exit_reason(*ended);
            attempt.init_error_type = "Runtime.ExitError";
            attempt.init_problem = lambda_error_object(
                attempt.init_error_type, prefix + (reason.empty() ? "Runtime exited without providing a reason"
                                                                  : "Runtime exited with error: " + reason));
        } else {
            status = "timeout";
            attempt.init_error_type.clear();
            attempt.init_problem.clear();
        }
        instance->end();
        remove(instance.get());
    }
    attempt.log += lambda_init_line(took, phase, status, attempt.init_error_type, attempt.json_log);
}

/// Gets an instance for the attempt: one that waits, or a new one. The platform gives an initialisation ten seconds,
/// and makes one that failed again, in the function's own time.
/// Source: AWS Lambda Developer Guide, "Lambda runtime environment", "Failures during the Init phase".
BLUEPRINT_FAAS_DECL asio::awaitable<void> LambdaPool::start(Attempt& attempt) {
    constexpr std::chrono::seconds most{10};
    const auto limit = deadline_after(most);
    co_await initialise(attempt, "init", limit);
    if (attempt.instance) co_return;
    const auto own = deadline_after(plan_.settings->timeout);
    attempt.deadline = own;
    const auto began = std::chrono::steady_clock::now();
    co_await initialise(attempt, "invoke", own);
    attempt.report.init.reset();  // its time is the function's own
    attempt.report.duration =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began);
    attempt.timed_out = !attempt.instance && attempt.init_problem.empty();
}

BLUEPRINT_FAAS_DECL asio::awaitable<LambdaOutcome> LambdaPool::run(std::shared_ptr<LambdaCall> call) {
    const auto self = shared_from_this();
    const Counted counted{*this};
    Attempt attempt{.call = call};
    attempt.json_log = plan_.settings->json_log;
    attempt.report.request_id = call->request_id;
    attempt.report.version = plan_.version;
    attempt.report.memory_mb = plan_.settings->memory_mb;
    attempt.instance = take_waiting();
    LambdaOutcome outcome;
    outcome.cold = attempt.instance == nullptr;
    if (outcome.cold)
        co_await start(attempt);
    else
        static_cast<void>(attempt.instance->take_log());  // what was written between events is nobody's
    const auto began = std::chrono::steady_clock::now();
    if (attempt.instance) {
        attempt.log += attempt.instance->take_log();
        attempt.log += lambda_start_line(attempt.report, attempt.json_log);
        if (attempt.deadline == Deadline{}) attempt.deadline = deadline_after(plan_.settings->timeout);
        call->deadline = std::chrono::system_clock::now() + time_left(attempt.deadline);
        co_await attempt.instance->run(call, attempt.deadline);
        const auto& report = attempt.report;
        attempt.report.duration = report.duration + std::chrono::duration_cast<std::chrono::microseconds>(
                                                        std::chrono::steady_clock::now() - began);
        attempt.timed_out = !call->answered && !attempt.instance->ended();
        attempt.log += attempt.instance->take_log();
        attempt.report.peak_memory_mib = attempt.instance->peak_memory_mib();
    } else {
        attempt.log += lambda_start_line(attempt.report, attempt.json_log);
    }
    conclude(attempt);
    if (attempt.instance) {
        if (attempt.timed_out) attempt.instance->end();
        if (attempt.timed_out)
            remove(attempt.instance.get());
        else
            put_back(attempt.instance);
    }
    outcome.failed = call->failed;
    outcome.body = std::move(call->body);
    outcome.error_type = call->error_type;
    outcome.log = std::move(attempt.log);
    co_return outcome;
}

/// Says what became of the attempt: in the call, and in the log.
BLUEPRINT_FAAS_DECL void LambdaPool::conclude(Attempt& attempt) const {
    auto& call = *attempt.call;
    auto& report = attempt.report;
    const std::string prefix = "RequestId: " + call.request_id + " Error: ";
    const auto now = [] { return lambda_log_time(std::chrono::system_clock::now()); };
    if (attempt.timed_out) {
        char seconds[48];
        std::snprintf(seconds, sizeof seconds, "%.2f", static_cast<double>(plan_.settings->timeout.count()));
        const std::string message = "Task timed out after " + std::string{seconds} + " seconds";
        call.failed = true;
        call.error_type = "Sandbox.Timedout";
        call.body = lambda_error_object(call.error_type, prefix + message);
        report.duration = plan_.settings->timeout;
        report.status = "timeout";
        if (!attempt.json_log) attempt.log += now() + ' ' + call.request_id + ' ' + message + "\n\n";
    } else if (!attempt.instance) {
        call.failed = true;
        call.error_type = attempt.init_error_type;
        call.body = std::move(attempt.init_problem);
        report.status = "error";
        report.error_type = call.error_type;
    } else if (!call.answered) {
        const auto reason = lambda_exit_reason(*attempt.instance->ended());
        const std::string message = prefix + (reason.empty() ? "Runtime exited without providing a reason"
                                                             : "Runtime exited with error: " + reason);
        call.failed = true;
        call.error_type = "Runtime.ExitError";
        call.body = lambda_error_object(call.error_type, message);
        report.status = "error";
        report.error_type = call.error_type;
        if (!attempt.json_log) attempt.log += message + '\n' + call.error_type + '\n';
    } else if (call.failed && !call.error_type.empty()) {
        report.status = "error";
        report.error_type = call.error_type;
    }
    attempt.log += lambda_end_lines(report, attempt.json_log);
}

BLUEPRINT_FAAS_DECL std::uint32_t LambdaPool::usable() const {
    const auto runs = [](const auto& instance) { return !instance->ended(); };
    return static_cast<std::uint32_t>(std::count_if(instances_.begin(), instances_.end(), runs));
}

BLUEPRINT_FAAS_DECL asio::awaitable<std::uint32_t> LambdaPool::provision(std::uint32_t count) {
    const auto self = shared_from_this();
    provisioned_ = count;
    std::list<std::shared_ptr<LambdaInstance>> fresh;
    while (!retired_ && usable() < count) {
        auto started = LambdaInstance::start(host_, instance_plan("provisioned-concurrency"));
        if (!started) co_return usable();
        (*started)->claimed = true;
        instances_.push_back(*started);
        fresh.push_back(std::move(*started));
    }
    constexpr std::chrono::seconds most{10};
    const auto limit = deadline_after(most);
    for (const auto& instance : fresh) {
        co_await instance->initialised(limit);
        instance->claimed = false;
        if (instance->waiting()) continue;
        instance->end();
        remove(instance.get());
    }
    if (retired_) retire();  // meanwhile, while they were claimed
    co_return usable();
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
