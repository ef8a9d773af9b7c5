#ifndef BLUEPRINT_FAAS_LOCAL_AWS_LAMBDA_INSTANCE_HPP
#define BLUEPRINT_FAAS_LOCAL_AWS_LAMBDA_INSTANCE_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/deployment.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/http_server.hpp"
#include "blueprint/faas/local/process.hpp"
#include "blueprint/faas/secret.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// One event on its way through an instance, and what comes of it.
struct LambdaCall {
    std::string request_id{};
    std::string event{};
    std::string function_arn{};
    std::string trace_id{};
    std::string client_context{};  ///< JSON on one line; empty: none
    std::chrono::system_clock::time_point deadline{};
    std::size_t answer_bytes = (6U << 20) + 100;  ///< the longest answer that does not stream
    /// Is given the pieces of an answer that streams as they come; null: they are collected in `body`.
    std::function<void(std::string_view)> on_piece{};

    bool answered = false;     ///< what follows is there
    bool failed = false;       ///< it is an error, and `body` its object
    std::string body{};        ///< of an answer that was not given to `on_piece`
    std::string error_type{};  ///< as the runtime classified the error: "Function.Unknown"; or the platform's own
};

/// What one instance is started from.
struct LambdaInstancePlan {
    std::shared_ptr<OwnedDirectory> code{};
    std::map<std::string, Secret, std::less<>> variables{};  ///< all but those that belong to one instance
    std::uint32_t memory_mb = 128;
};

/// One instance of a function: the process of its bootstrap, and the runtime API on an address of its own that the
/// process asks for events. One event at a time; between events it is kept. On the host's strand only.
/// Source: AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes".
class LambdaInstance final : public HttpService, public std::enable_shared_from_this<LambdaInstance> {
public:
    /// Starts the process. The host must outlive the call. `errc::function_error`: it cannot be executed.
    static result<std::shared_ptr<LambdaInstance>> start(FunctionHost& host, LambdaInstancePlan plan);
    ~LambdaInstance() override = default;

    /// Returns when the process asks for its first event, has failed, has ended, or the deadline came.
    asio::awaitable<void> initialised(Deadline deadline);
    /// Hands over an event, which needs `waiting`, and returns when it is answered and the process asks for the next
    /// one (or a moment has passed since), when the process has ended, or at the deadline.
    asio::awaitable<void> run(std::shared_ptr<LambdaCall> call, Deadline deadline);
    /// Kills the process.
    void end() noexcept;

    /// Tells whether it waits for an event.
    bool waiting() const noexcept { return state_ == State::waiting; }
    /// Since when it does.
    std::chrono::steady_clock::time_point waiting_since() const noexcept { return waiting_since_; }
    /// How the process ended; nothing: it runs.
    const std::optional<ProcessOutcome>& ended() const noexcept { return ended_; }
    /// What the process said when it could not initialise; null: nothing.
    const LambdaCall* init_error() const noexcept { return init_error_.get(); }
    /// From the start of the process to its first request for an event.
    std::chrono::microseconds init_duration() const noexcept { return init_duration_; }
    /// Takes what was written since the last time, the end of it if that is long.
    std::string take_log();
    std::uint32_t peak_memory_mib();
    /// Whether somebody has taken it for an invocation. For its pool.
    bool claimed = false;

    // Towards the process: the runtime API.
    Admission admit(const ServerRequest& head) override;
    asio::awaitable<ServerAnswer> answer(ServerRequest request) override;
    ServerAnswer failure(unsigned status, std::string_view message) override;
    void broken_off(const ServerRequest& head, bool too_long) override;

private:
    enum class State { starting, waiting, running, returning, failed, ended };
    enum class Step { next, response, error, init_error, unknown };
    struct Route {
        Step step = Step::unknown;
        std::string_view request_id{};
    };

    explicit LambdaInstance(FunctionHost& host);
    result<void> open(FunctionHost& host, LambdaInstancePlan plan);
    static Route route_of(const ServerRequest& head);
    /// What is waited for. The number is of one request for an event.
    using Condition = bool (LambdaInstance::*)(std::uint64_t) const;
    bool has_started(std::uint64_t) const { return state_ != State::starting; }
    bool has_ended(std::uint64_t) const { return ended_.has_value(); }
    bool has_answered(std::uint64_t) const { return call_->answered || ended_.has_value(); }
    bool has_returned(std::uint64_t) const { return state_ != State::returning; }
    bool has_event(std::uint64_t turn) const { return state_ != State::waiting || asked_ != turn; }
    asio::awaitable<void> until(Condition condition, Deadline deadline, std::uint64_t turn = 0);
    asio::awaitable<ServerAnswer> next_event();
    std::optional<ServerAnswer> refuse_answer(const Route& route) const;
    ServerAnswer take_answer(const Route& route, ServerRequest& request);
    ServerAnswer take_init_error(ServerRequest& request);
    void settle(LambdaCall& call, std::string error_type, std::string message);
    void changed() { changed_.cancel(); }
    void on_log(std::string_view text);
    void on_end(const ProcessOutcome& outcome);

    asio::any_io_executor strand_;
    HttpServer server_;
    asio::steady_timer changed_;
    std::shared_ptr<Process> process_;
    State state_ = State::starting;
    std::uint64_t asked_ = 0;  // requests for an event; the newest of them gets it
    std::shared_ptr<LambdaCall> call_;
    std::unique_ptr<LambdaCall> init_error_;
    std::optional<ProcessOutcome> ended_;
    std::string log_;
    std::chrono::steady_clock::time_point began_{};
    std::chrono::steady_clock::time_point waiting_since_{};
    std::chrono::microseconds init_duration_{};
};

/// Words how a process ended as Lambda does: "exit status 127", "signal: killed"; empty for one that ended well.
BLUEPRINT_FAAS_DECL std::string lambda_exit_reason(const ProcessOutcome& outcome);

/// Writes the object that a caller gets for an error which the platform found.
BLUEPRINT_FAAS_DECL std::string lambda_error_object(std::string_view error_type, std::string_view message);

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/aws_lambda_instance.ipp"
#endif

#endif
