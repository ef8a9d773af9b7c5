#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_LAMBDA_INSTANCE_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_LAMBDA_INSTANCE_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/aws_lambda_instance.hpp"
#include "blueprint/faas/local/impl/answer_json.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <csignal>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL std::string lambda_error_object(std::string_view error_type, std::string_view message) {
    return boost::json::serialize(boost::json::object{{"errorType", error_type}, {"errorMessage", message}});
}

BLUEPRINT_FAAS_DECL std::string lambda_exit_reason(const ProcessOutcome& outcome) {
    if (outcome.end == ProcessEnd::exited)
        return outcome.status == 0 ? std::string{} : "exit status " + std::to_string(outcome.status);
    const int signal = outcome.end == ProcessEnd::signalled ? outcome.status : SIGKILL;
    switch (signal) {
        case SIGABRT: return "signal: aborted";
        case SIGBUS: return "signal: bus error";
        case SIGFPE: return "signal: floating point exception";
        case SIGILL: return "signal: illegal instruction";
        case SIGKILL: return "signal: killed";
        case SIGPIPE: return "signal: broken pipe";
        case SIGSEGV: return "signal: segmentation fault";
        case SIGTERM: return "signal: terminated";
        default: return "signal: signal " + std::to_string(signal);
    }
}

BLUEPRINT_FAAS_DECL LambdaInstance::LambdaInstance(FunctionHost& host)
    : strand_{host.strand}, server_{host.strand, *this}, changed_{host.strand, asio::steady_timer::time_point::max()} {}

BLUEPRINT_FAAS_DECL result<std::shared_ptr<LambdaInstance>> LambdaInstance::start(FunctionHost& host,
                                                                                  LambdaInstancePlan plan) {
    if (host.ending || !host.store)
        return Error{.code = errc::infrastructure,
                     .message = "the platform is being stopped",
                     .execution = Execution::not_started};
    std::shared_ptr<LambdaInstance> instance{new LambdaInstance{host}};
    if (auto opened = instance->open(host, std::move(plan)); !opened) {
        instance->server_.close();
        return opened.error();
    }
    return instance;
}

BLUEPRINT_FAAS_DECL result<void> LambdaInstance::open(FunctionHost& host, LambdaInstancePlan plan) {
    CloudOptions options;  // the runtime API has no credentials: whoever reaches the address may be the function
    options.limits = host.options.limits;
    // A process is frozen between events there, and an answer may take as long as the function has time.
    options.limits.idle = options.limits.stall = std::chrono::hours{24 * 365};
    options.limits.body_bytes_per_second = 1;
    if (auto started = server_.start(options, weak_from_this()); !started) return started.error();
    auto temporary = host.store->private_directory();
    if (!temporary) return temporary.error();

    auto& variables = plan.variables;
    const auto task = plan.code->path();
    variables["AWS_LAMBDA_RUNTIME_API"] = server_.url().substr(std::string_view{"http://"}.size());
    variables["LAMBDA_TASK_ROOT"] = task.string();
    variables["LAMBDA_RUNTIME_DIR"] = "/var/runtime";
    variables["TMPDIR"] = (*temporary)->path().string();
    const std::pair<std::string_view, std::string> defaults[] = {
        {"PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin"},
        {"LD_LIBRARY_PATH", task.string() + ':' + (task / "lib").string() + ":/opt/lib"},
        {"LANG", "C.UTF-8"},
        {"TZ", ":UTC"},
    };
    for (const auto& [name, value] : defaults) variables.try_emplace(std::string{name}, value);

    ProcessPlan process;
    process.program = task / "bootstrap";
    process.directory = task;
    process.environment.reserve(variables.size());
    for (const auto& [name, value] : variables) {
        std::string variable;
        variable.reserve(name.size() + value.size() + 1);  // once, so that no copy of a secret is left behind
        variable.append(name).append(1, '=').append(value.reveal());
        process.environment.push_back(std::move(variable));
    }
    if (host.options.limit_memory) process.memory_bytes = std::uint64_t{plan.memory_mb} << 20;
    process.merge_output = true;
    process.mark = (*temporary)->path().string();
    process.belongings = std::make_shared<std::pair<std::shared_ptr<OwnedDirectory>, std::shared_ptr<OwnedDirectory>>>(
        std::move(*temporary), plan.code);
    began_ = std::chrono::steady_clock::now();
    auto started = Process::start(strand_, host.processes, std::move(process));
    if (!started) return started.error();
    process_ = std::move(*started);
    process_->watch(
        [weak = weak_from_this()](std::string_view text) {
            if (const auto self = weak.lock()) self->on_log(text);
        },
        [weak = weak_from_this()](const ProcessOutcome& outcome) {
            if (const auto self = weak.lock()) self->on_end(outcome);
        });
    return {};
}

BLUEPRINT_FAAS_DECL void LambdaInstance::on_log(std::string_view text) {
    constexpr std::size_t most = 64U << 10;
    log_.append(text);
    if (log_.size() > 2 * most) log_.erase(0, log_.size() - most);
}

BLUEPRINT_FAAS_DECL std::string LambdaInstance::take_log() {
    if (process_) process_->drain_log();
    return std::exchange(log_, {});
}

BLUEPRINT_FAAS_DECL std::uint32_t LambdaInstance::peak_memory_mib() {
    return process_ ? process_->peak_memory_mib().value_or(0) : 0;
}

BLUEPRINT_FAAS_DECL void LambdaInstance::on_end(const ProcessOutcome& outcome) {
    if (ended_) return;
    ended_.emplace(outcome);
    state_ = State::ended;
    changed();
    server_.close();
}

BLUEPRINT_FAAS_DECL void LambdaInstance::end() noexcept {
    if (process_) process_->kill();
}

/// Waits until `condition` holds, or the deadline comes.
BLUEPRINT_FAAS_DECL asio::awaitable<void> LambdaInstance::until(Condition condition, Deadline deadline,
                                                                std::uint64_t turn) {
    const auto self = shared_from_this();
    asio::steady_timer limit{strand_};
    limit.expires_at(deadline);
    limit.async_wait([weak = weak_from_this()](boost::system::error_code failed) {
        const auto alive = weak.lock();
        if (!failed && alive) alive->changed();
    });
    while (!(this->*condition)(turn) && std::chrono::steady_clock::now() < deadline) {
        const auto [ignored] = co_await changed_.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> LambdaInstance::initialised(Deadline deadline) {
    const auto self = shared_from_this();
    co_await until(&LambdaInstance::has_started, deadline);
    // Who says that it cannot initialise ends then: its last words and its status are worth a moment.
    const auto moment = deadline_after(std::chrono::milliseconds{500});
    if (state_ == State::failed) co_await until(&LambdaInstance::has_ended, moment);
    if (init_duration_.count() == 0)
        init_duration_ =
            std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began_);
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> LambdaInstance::run(std::shared_ptr<LambdaCall> call, Deadline deadline) {
    const auto self = shared_from_this();
    call_ = call;
    state_ = State::running;
    changed();
    co_await until(&LambdaInstance::has_answered, deadline);
    if (!call->answered || ended_) co_return;
    // The next call should find it waiting, so who returns at once is waited for; who does something first is not.
    const auto moment = deadline_after(std::chrono::milliseconds{250});
    co_await until(&LambdaInstance::has_returned, std::min(moment, deadline));
}

BLUEPRINT_FAAS_DECL LambdaInstance::Route LambdaInstance::route_of(const ServerRequest& head) {
    constexpr std::string_view root = "/2018-06-01/runtime/";
    std::string_view path = head.target;
    path = path.substr(0, path.find('?'));
    if (!path.starts_with(root)) return {};
    path.remove_prefix(root.size());
    if (head.method == "GET") return {path == "invocation/next" ? Step::next : Step::unknown, {}};
    if (head.method != "POST") return {};
    if (path == "init/error") return {Step::init_error, {}};
    constexpr std::string_view invocation = "invocation/";
    if (!path.starts_with(invocation)) return {};
    path.remove_prefix(invocation.size());
    const auto slash = path.find('/');
    if (slash == std::string_view::npos) return {};
    const auto step = path.substr(slash + 1);
    if (step == "response") return {Step::response, path.substr(0, slash)};
    if (step == "error") return {Step::error, path.substr(0, slash)};
    return {};
}

inline ServerAnswer runtime_answer(unsigned status, std::string_view error_type, std::string_view message) {
    ServerAnswer answer;
    answer.status = status;
    answer.body = answer_json(boost::json::object{{"errorMessage", message}, {"errorType", error_type}});
    return answer;
}

inline ServerAnswer runtime_accepted() {
    ServerAnswer answer;
    answer.status = 202;
    answer.body = "{\"status\":\"OK\"}\n";
    return answer;
}

BLUEPRINT_FAAS_DECL ServerAnswer LambdaInstance::failure(unsigned status, std::string_view message) {
    if (status == 413)
        return runtime_answer(413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size (6291556 bytes).");
    return runtime_answer(status, status < 500 ? "BadRequest" : "InternalServerError", message);
}

/// Ends a call for a reason that the platform found.
BLUEPRINT_FAAS_DECL void LambdaInstance::settle(LambdaCall& call, std::string error_type, std::string message) {
    call.failed = true;
    call.body = lambda_error_object(error_type, message);
    call.error_type = std::move(error_type);
    call.answered = true;
    if (state_ == State::running) state_ = State::returning;
    changed();
}

BLUEPRINT_FAAS_DECL std::optional<ServerAnswer> LambdaInstance::refuse_answer(const Route& route) const {
    if (!call_ || route.request_id != call_->request_id)
        return runtime_answer(400, "InvalidRequestID", "Invalid request ID");
    if (state_ != State::running)
        return runtime_answer(403, "InvalidStateTransition",
                              "State transition from Ready to InvocationResponse failed for runtime. Error: State "
                              "transition is not allowed");
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL Admission LambdaInstance::admit(const ServerRequest& head) {
    const auto route = route_of(head);
    constexpr std::uint64_t streamed_bytes = 200ULL << 20;
    if (route.step == Step::unknown) {
        ServerAnswer answer = runtime_answer(404, "ResourceNotFound", "404 page not found");
        return {.refusal = std::move(answer)};
    }
    if (route.step == Step::next) return {};
    if (route.step == Step::init_error) return {.body_bytes = 1U << 20};
    if (auto refusal = refuse_answer(route)) return {.refusal = std::move(refusal)};
    const auto call = call_;
    const auto mode = head.field("lambda-runtime-function-response-mode");
    if (route.step == Step::response && mode) {
        if (*mode != "streaming") {
            settle(*call, "Runtime.InvalidResponseModeHeader", "Lambda-Runtime-Function-Response-Mode is invalid");
            return {.refusal =
                        runtime_answer(400, "Runtime.InvalidResponseModeHeader", "Invalid response mode header")};
        }
        return {.body_bytes = streamed_bytes, .body_sink = [call](std::string_view piece) {
                    if (call->answered) return;
                    if (call->on_piece)
                        call->on_piece(piece);
                    else if (call->body.size() <= call->answer_bytes)
                        call->body.append(piece);
                }};
    }
    if (head.content_length && *head.content_length > call->answer_bytes) {
        broken_off(head, true);
        return {.refusal = failure(413, {})};
    }
    return {.body_bytes = call->answer_bytes};
}

BLUEPRINT_FAAS_DECL void LambdaInstance::broken_off(const ServerRequest& head, bool too_long) {
    const auto route = route_of(head);
    const bool answers = route.step == Step::response || route.step == Step::error;
    if (!answers || !call_ || route.request_id != call_->request_id || call_->answered) return;
    if (too_long)
        settle(*call_, "Function.ResponseSizeTooLarge",
               "Response payload size exceeded maximum allowed payload size (" + std::to_string(call_->answer_bytes) +
                   " bytes).");
    else
        settle(*call_, "Runtime.TruncatedResponse",
               "RequestId: " + call_->request_id + " Error: The runtime's response was truncated");
}

BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> LambdaInstance::answer(ServerRequest request) {
    const auto route = route_of(request);
    if (route.step == Step::next) co_return co_await next_event();
    if (route.step == Step::init_error) co_return take_init_error(request);
    co_return take_answer(route, request);
}

BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> LambdaInstance::next_event() {
    const auto self = shared_from_this();
    if (state_ == State::running)
        co_return runtime_answer(403, "InvalidStateTransition",
                                 "State transition from Running to Ready failed for runtime. Error: State transition "
                                 "is not allowed");
    if (state_ == State::starting)
        init_duration_ =
            std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began_);
    if (state_ != State::ended) {
        state_ = State::waiting;
        waiting_since_ = std::chrono::steady_clock::now();
    }
    // One that asks again has lost its connection.
    const auto turn = ++asked_;
    changed();
    co_await until(&LambdaInstance::has_event, Deadline::max(), turn);
    if (state_ != State::running || asked_ != turn || !call_)
        co_return runtime_answer(500, "InternalServerError", "the instance is being ended");
    const auto& call = *call_;
    ServerAnswer answer;
    const auto deadline = std::chrono::duration_cast<std::chrono::milliseconds>(call.deadline.time_since_epoch());
    answer.headers = {{"Lambda-Runtime-Aws-Request-Id", call.request_id},
                      {"Lambda-Runtime-Deadline-Ms", std::to_string(deadline.count())},
                      {"Lambda-Runtime-Invoked-Function-Arn", call.function_arn},
                      {"Lambda-Runtime-Trace-Id", call.trace_id}};
    if (!call.client_context.empty()) answer.headers.emplace_back("Lambda-Runtime-Client-Context", call.client_context);
    answer.body = call.event;
    co_return answer;
}

/// Reads the class of an error as the runtime told it: "Category.Reason".
inline std::string runtime_error_type(std::optional<std::string_view> sent) {
    if (!sent) return {};
    const auto dot = sent->find('.');
    const auto category = sent->substr(0, dot);
    const auto reason = dot == std::string_view::npos ? std::string_view{} : sent->substr(dot + 1);
    const bool known = category == "Runtime" || category == "Function";
    const bool word = reason.size() > 1 && reason[0] >= 'A' && reason[0] <= 'Z' &&
                      std::all_of(reason.begin(), reason.end(),
                                  [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); });
    if (known && word) return std::string{*sent};
    return category == "Function" ? "Function.Unknown" : "Runtime.Unknown";
}

BLUEPRINT_FAAS_DECL ServerAnswer LambdaInstance::take_answer(const Route& route, ServerRequest& request) {
    const auto call = call_;
    // Another connection may have answered while this body was being read.
    if (auto refusal = refuse_answer(route)) return std::move(*refusal);
    const bool streamed = request.field("lambda-runtime-function-response-mode").has_value();
    if (!streamed) call->body = faas::detail::text_of(request.body);
    call->failed = route.step == Step::error;
    if (call->failed) call->error_type = runtime_error_type(request.field("lambda-runtime-function-error-type"));
    for (const auto& [name, value] : request.trailers) {
        if (faas::detail::iequals(name, "lambda-runtime-function-error-type")) {
            call->failed = true;
            call->error_type = runtime_error_type(value);
        } else if (faas::detail::iequals(name, "lambda-runtime-function-error-body")) {
            const auto decoded = faas::detail::base64_decode(value);
            call->failed = true;
            call->body = decoded ? std::string{faas::detail::text_of(*decoded)} : value;
        }
    }
    if (!call->failed && call->body.size() > call->answer_bytes) {
        broken_off(request, true);
        return failure(413, {});
    }
    call->answered = true;
    state_ = State::returning;
    changed();
    return runtime_accepted();
}

BLUEPRINT_FAAS_DECL ServerAnswer LambdaInstance::take_init_error(ServerRequest& request) {
    if (state_ != State::starting)
        return runtime_answer(403, "InvalidStateTransition",
                              "State transition from Ready to InitError failed for runtime. Error: State transition is "
                              "not allowed");
    init_error_ = std::make_unique<LambdaCall>();
    init_error_->failed = true;
    init_error_->body = faas::detail::text_of(request.body);
    init_error_->error_type = runtime_error_type(request.field("lambda-runtime-function-error-type"));
    state_ = State::failed;
    changed();
    return runtime_accepted();
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
