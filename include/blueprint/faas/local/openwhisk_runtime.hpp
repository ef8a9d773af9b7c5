#ifndef BLUEPRINT_FAAS_LOCAL_OPENWHISK_RUNTIME_HPP
#define BLUEPRINT_FAAS_LOCAL_OPENWHISK_RUNTIME_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/deployment.hpp"
#include "blueprint/faas/local/openwhisk_actions.hpp"
#include "blueprint/faas/local/openwhisk_activations.hpp"
#include "blueprint/faas/local/openwhisk_log.hpp"
#include "blueprint/faas/local/openwhisk_options.hpp"
#include "blueprint/faas/local/process.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::local {

/// A call on its way to an instance.
struct OpenWhiskCall {
    boost::json::object arguments{};    ///< what the action is called with
    boost::json::object environment{};  ///< the parameters that a new instance gets as variables
    std::string activation_id{};
    std::string transaction_id{};
    std::string api_host{};
    std::chrono::steady_clock::time_point received{};
};

/// The instances of one version of an action: processes that are started when a call finds none that is free, kept for
/// the next one, and ended when nobody needed them for `OpenWhiskSettings::idle`. A `nodejs` kind is played by Node.js
/// with a runner of the library's own; any other one starts the program `exec` of the archive and speaks ActionLoop
/// with it: a line a call on stdin, a line an answer on descriptor 3. Held by `shared_ptr`; on the host's strand only.
/// Source: apache/openwhisk-runtime-go, docs/ACTION.md; apache/openwhisk-runtime-nodejs, runner.js.
class OpenWhiskPool : public std::enable_shared_from_this<OpenWhiskPool> {
public:
    /// All of these must outlive the calls.
    OpenWhiskPool(FunctionHost& host, const OpenWhiskSettings& settings,
                  std::shared_ptr<const OpenWhiskActionState> action);
    OpenWhiskPool(const OpenWhiskPool&) = delete;
    OpenWhiskPool& operator=(const OpenWhiskPool&) = delete;

    /// Runs a call to its end. An instance that fails it is not used again, unless the failure is the action's own.
    asio::awaitable<OpenWhiskOutcome> run(OpenWhiskCall call);
    /// Takes it out of service: ends the instances that wait, and the others when they have answered.
    void retire();
    /// Kills the instances, whatever they do, and starts no more.
    void end();
    /// Counts the instances that there are, and those that are being started.
    std::size_t instances() const noexcept { return instances_; }

private:
    /// A process, and what it writes.
    struct Instance {
        std::shared_ptr<Process> process{};
        OpenWhiskLog log;
    };
    using Held = std::shared_ptr<Instance>;
    /// The place of one instance, as long as a call holds it.
    class Seat;
    /// A call that waits for a place.
    struct Waiter;

    asio::awaitable<Seat> take();
    void leave(Held instance, bool keep);
    void drop(const Held& instance);
    void give_place();
    void forget_idle(const Instance* instance);
    bool node() const { return action_->kind.starts_with("nodejs:"); }
    bool acknowledged() const { return node() || !settings_.exec_env.empty(); }
    std::string_view main() const { return action_->main.empty() ? std::string_view{"main"} : action_->main; }
    std::chrono::milliseconds timeout() const { return std::chrono::milliseconds{action_->limits.timeout_ms}; }
    std::size_t log_bytes() const { return std::size_t{action_->limits.log_mib} << 20; }

    result<void> unpack(OpenWhiskLog& log);
    result<void> check_program(OpenWhiskLog& log) const;
    result<ProcessPlan> plan(const OpenWhiskCall& call) const;
    void give_up(OpenWhiskOutcome& outcome, const Error& error) const;
    result<void> prepare(OpenWhiskLog& log);
    Held launch(const OpenWhiskCall& call, OpenWhiskOutcome& outcome);
    asio::awaitable<void> start(Seat& seat, const OpenWhiskCall& call, OpenWhiskOutcome& outcome);
    void judge_start(const ProcessOutcome& ready, OpenWhiskLog& log, OpenWhiskOutcome& outcome) const;
    std::string line_of(OpenWhiskCall& call) const;
    void judge(ProcessOutcome answer, OpenWhiskOutcome& outcome) const;
    void judge_answer(std::string_view text, OpenWhiskOutcome& outcome) const;
    void fail(OpenWhiskOutcome& outcome, std::string message,
              OpenWhiskStatus status = OpenWhiskStatus::developer_error) const;
    void time_out(OpenWhiskOutcome& outcome, bool starting) const;

    FunctionHost& host_;
    const OpenWhiskSettings& settings_;
    std::shared_ptr<const OpenWhiskActionState> action_;
    std::shared_ptr<OwnedDirectory> code_;  // null: not unpacked yet
    bool archive_ = false;                  // the code is a folder
    std::vector<Held> all_;
    std::vector<Held> idle_;
    std::deque<Waiter*> queue_;
    std::size_t instances_ = 0;
    bool retired_ = false;
    bool ended_ = false;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/openwhisk_instance.ipp"
#include "blueprint/faas/local/impl/openwhisk_runtime.ipp"
#endif

#endif
