#ifndef BLUEPRINT_FAAS_LOCAL_AWS_LAMBDA_POOL_HPP
#define BLUEPRINT_FAAS_LOCAL_AWS_LAMBDA_POOL_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/local/aws_lambda_instance.hpp"
#include "blueprint/faas/local/aws_lambda_report.hpp"
#include "blueprint/faas/local/aws_lambda_settings.hpp"
#include "blueprint/faas/local/aws_options.hpp"
#include "blueprint/faas/local/deployment.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

namespace blueprint::faas::local {

/// The code of a function, unpacked and as it was uploaded.
struct LambdaCode {
    StoredPackage package{};
    std::shared_ptr<OwnedDirectory> archive{};  ///< holds the file "code.zip"
    std::uint64_t bytes = 0;                    ///< of the zip
    std::string sha256_base64{};                ///< of the zip
};

/// What a pool's instances are of: one state of a function.
struct LambdaPoolPlan {
    std::string function_name{};
    std::string version{};
    std::string region{};
    std::shared_ptr<const LambdaSettings> settings{};
    std::shared_ptr<const LambdaCode> code{};
    /// Gives the variables of temporary credentials, as the execution role's. Null: none.
    std::function<std::map<std::string, Secret, std::less<>>()> credentials{};
};

/// What came of an invocation.
struct LambdaOutcome {
    bool failed = false;
    std::string body{};
    std::string error_type{};  ///< of a failure that the platform or the runtime classified
    std::string log{};         ///< START, what the function wrote, END and REPORT
    bool cold = false;
};

/// The instances of one state of a function: started when an invocation finds none that waits, kept for the next one,
/// ended when nobody needed them for `CloudLimits::warm_idle`. Held by `shared_ptr`; on the host's strand only.
class LambdaPool : public std::enable_shared_from_this<LambdaPool> {
public:
    LambdaPool(FunctionHost& host, LambdaPoolPlan plan);
    ~LambdaPool() { retire(); }
    LambdaPool(const LambdaPool&) = delete;
    LambdaPool& operator=(const LambdaPool&) = delete;

    const LambdaPoolPlan& plan() const noexcept { return plan_; }
    /// Runs one event to its end: an instance's answer, or what prevented it. `call->deadline` is set when the
    /// function's time begins.
    asio::awaitable<LambdaOutcome> run(std::shared_ptr<LambdaCall> call);
    /// Starts instances until `count` wait, and keeps so many. Returns how many do now; fewer than `count`: one of them
    /// could not initialise.
    asio::awaitable<std::uint32_t> provision(std::uint32_t count);
    /// Keeps no more than `count` of the instances that `provision` started for longer than any other.
    void keep(std::uint32_t count);
    /// Ends the instances that wait, and the others when they have answered.
    void retire();
    /// Counts the events that run.
    std::uint32_t running() const noexcept { return running_; }

private:
    struct Attempt;
    struct Counted;

    LambdaInstancePlan instance_plan(std::string_view initialisation) const;
    std::shared_ptr<LambdaInstance> take_waiting();
    asio::awaitable<void> start(Attempt& attempt);
    asio::awaitable<void> initialise(Attempt& attempt, std::string_view phase, Deadline limit);
    void conclude(Attempt& attempt) const;
    void put_back(const std::shared_ptr<LambdaInstance>& instance);
    void remove(const LambdaInstance* instance);
    void watch_idle();
    std::uint32_t usable() const;

    FunctionHost& host_;
    LambdaPoolPlan plan_;
    std::string log_stream_;
    std::list<std::shared_ptr<LambdaInstance>> instances_;
    asio::steady_timer idle_;
    bool idle_watched_ = false;
    bool retired_ = false;
    std::uint32_t provisioned_ = 0;
    std::uint32_t running_ = 0;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/aws_lambda_pool.ipp"
#endif

#endif
