#ifndef BLUEPRINT_FAAS_LOCAL_DEPLOYMENT_HPP
#define BLUEPRINT_FAAS_LOCAL_DEPLOYMENT_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/local/loop_instances.hpp"
#include "blueprint/faas/local/package_store.hpp"
#include "blueprint/faas/local/process.hpp"
#include "blueprint/faas/secret.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace blueprint::faas::local {

/// What all functions of one server run on. Outlives their deployments.
struct FunctionHost {
    asio::any_io_executor strand{};
    CloudOptions options{};
    std::unique_ptr<PackageStore> store{};
    ProcessTable processes{};
    bool ending = false;                     ///< no process is started any more
    std::chrono::microseconds start_time{};  ///< what starting a process took lately; zero: none was started yet
};

/// How a deployed function is to run.
struct FunctionSettings {
    std::uint32_t memory_mb = 512;
    std::chrono::seconds timeout{300};
    std::optional<std::uint32_t> max_concurrency{};
    std::map<std::string, Secret, std::less<>> env_vars{};
    std::uint32_t keep_warm = 0;
};

/// What came of handing an invocation to an instance. An instance in a loop goes back when `finish` is called, or is
/// ended when that never happens.
class Run {
public:
    Run() = default;
    Run(std::shared_ptr<LoopInstances> loop, Instance instance)
        : cold{instance.cold}, process{std::move(instance.process)}, loop_{std::move(loop)} {}
    Run(Run&&) noexcept = default;
    Run& operator=(Run&& other) noexcept {
        std::swap(outcome, other.outcome);
        std::swap(cold, other.cold);
        std::swap(process, other.process);
        std::swap(loop_, other.loop_);
        return *this;
    }
    ~Run() { finish(false); }

    /// Gives the instance back. `in_step`: it answered as it should, so that it may have another call.
    void finish(bool in_step) {
        if (const auto loop = std::exchange(loop_, nullptr)) loop->give_back(process, in_step);
    }

    ProcessOutcome outcome{};
    bool cold = true;  ///< the instance was started for it
    std::shared_ptr<Process> process{};

private:
    std::shared_ptr<LoopInstances> loop_;
};

/// One package with its settings, in service, and the instances that wait for it: processes already started that block
/// on their stdin. Each serves one invocation, or one after the other if the package asks for a loop. Held by
/// `shared_ptr`; on the host's strand only.
class Deployment : public std::enable_shared_from_this<Deployment> {
public:
    Deployment(FunctionHost& host, std::string function_id, FunctionSettings settings, StoredPackage package);
    ~Deployment() { retire(); }
    Deployment(const Deployment&) = delete;
    Deployment& operator=(const Deployment&) = delete;

    const FunctionSettings& settings() const noexcept { return settings_; }
    const StoredPackage& package() const noexcept { return package_; }
    /// Tells how many invocations may run at once: `max_concurrency`, or what the platform chose.
    std::uint32_t most_running() const noexcept;
    /// Hands `input`, a line, to an instance: one that waits, else a new one; in a loop to one that is free before
    /// `deadline`. `*this` must be held until then.
    asio::awaitable<result<Run>> run(std::string input, Deadline deadline);
    /// Starts instances until `count` wait, within the limits, and returns how many do. Those end after
    /// `CloudLimits::warm_idle`; the settings' `keep_warm` of them are replaced by fresh ones then.
    result<std::uint32_t> warm(std::uint32_t count);
    /// Takes it out of service: ends those that wait and starts no more, but for calls that have been accepted.
    void retire();

private:
    result<std::shared_ptr<Process>> start();
    result<Instance> take();
    result<void> start_waiting();
    std::uint32_t most_waiting() const noexcept;
    std::uint32_t waiting() const noexcept { return static_cast<std::uint32_t>(waiting_.size()); }
    asio::awaitable<result<Run>> run_once(std::string input, Deadline deadline);
    asio::awaitable<result<Run>> run_in_loop(std::string input, Deadline deadline);

    FunctionHost& host_;
    std::string function_id_;
    FunctionSettings settings_;
    StoredPackage package_;
    std::list<std::shared_ptr<Process>> waiting_;
    std::shared_ptr<LoopInstances> loop_;  // null: one process for each invocation
    bool retired_ = false;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/deployment.ipp"
#endif

#endif
