#ifndef BLUEPRINT_FAAS_LOCAL_DEPLOYMENT_HPP
#define BLUEPRINT_FAAS_LOCAL_DEPLOYMENT_HPP

#include "blueprint/faas/detail/declare.hpp"
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

namespace blueprint::faas::local {

/// What all functions of one server run on. Outlives their deployments.
struct FunctionHost {
    asio::any_io_executor strand{};
    CloudOptions options{};
    std::unique_ptr<PackageStore> store{};
    ProcessTable processes{};
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

/// One package with its settings, in service, and the instances that wait for it: processes already started that block
/// on their stdin. Each serves one invocation. Held by `shared_ptr`; on the host's strand only.
class Deployment : public std::enable_shared_from_this<Deployment> {
public:
    struct Instance {
        std::shared_ptr<Process> process{};
        bool cold = true;  ///< it was started for this invocation
    };

    Deployment(FunctionHost& host, std::string function_id, FunctionSettings settings, StoredPackage package);

    const FunctionSettings& settings() const noexcept { return settings_; }
    const StoredPackage& package() const noexcept { return package_; }
    /// Returns an instance that waits, and sees to it that another takes its place; else starts one.
    result<Instance> take();
    /// Starts instances until `count` wait, within the limits, and returns how many do. Those end after
    /// `CloudLimits::warm_idle`; the settings' `keep_warm` of them are replaced by fresh ones then.
    result<std::uint32_t> warm(std::uint32_t count);
    std::uint32_t waiting() const noexcept { return static_cast<std::uint32_t>(waiting_.size()); }
    /// Takes it out of service: ends those that wait and starts no more.
    void retire();

private:
    result<std::shared_ptr<Process>> start();
    result<void> start_waiting();
    std::uint32_t most_waiting() const noexcept;

    FunctionHost& host_;
    std::string function_id_;
    FunctionSettings settings_;
    StoredPackage package_;
    std::list<std::shared_ptr<Process>> waiting_;
    bool retired_ = false;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/deployment.ipp"
#endif

#endif
