#ifndef BLUEPRINT_FAAS_ANY_EXECUTOR_HPP
#define BLUEPRINT_FAAS_ANY_EXECUTOR_HPP

#include "blueprint/faas/config.hpp"
#include "blueprint/faas/deployment.hpp"
#include "blueprint/faas/executor_concept.hpp"
#include "blueprint/faas/package/package.hpp"
#include "blueprint/faas/result_sink.hpp"

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

namespace detail {

// What an executor of any type can be asked for.
class ErasedExecutor {
public:
    virtual ~ErasedExecutor() = default;
    virtual std::string_view provider_name() = 0;
    virtual asio::any_io_executor get_executor() = 0;
    virtual asio::awaitable<result<JobResult>> invoke(JobCall) = 0;
    virtual asio::awaitable<result<Invocation>> invoke_with_metrics(JobCall) = 0;
    virtual asio::awaitable<result<Receipt>> invoke_async(JobCall) = 0;
    virtual asio::awaitable<result<FaasDeployment>> deploy_job(JobId, const Package&, FaasConfig, DeployObserver) = 0;
    virtual asio::awaitable<result<Health>> health_check(JobId) = 0;
    virtual asio::awaitable<result<WarmReport>> warm(JobId, std::uint32_t) = 0;
    virtual asio::awaitable<result<FaasDeployment>> get_deployment(JobId) = 0;
    virtual asio::awaitable<result<std::vector<FaasDeployment>>> list_deployments() = 0;
    virtual asio::awaitable<result<PlatformDescription>> describe_platform() = 0;
    virtual asio::awaitable<result<Invocation>> invoke_streaming(JobCall, ResultSink) = 0;
    virtual asio::awaitable<result<void>> check_invoke(JobId) = 0;
    virtual asio::awaitable<result<DeployPlan>> plan_deploy(JobId, const Package&, FaasConfig) = 0;
    virtual asio::awaitable<result<std::vector<Revision>>> list_revisions(JobId) = 0;
    virtual asio::awaitable<result<void>> shift_traffic(JobId, std::string, double) = 0;
    virtual asio::awaitable<result<Revision>> roll_back(JobId) = 0;
    virtual asio::awaitable<result<void>> undeploy_job(JobId) = 0;
    virtual asio::awaitable<result<void>> release() = 0;
};

template <class T>
asio::awaitable<result<T>> unsupported_operation(std::string operation, std::string_view provider) {
    co_return Error{.code = errc::unsupported,
                    .message = operation + " was not done: " + std::string{provider} +
                               " has no such operation; do it with the platform's own tools",
                    .provider = provider,
                    .execution = Execution::not_started};
}
inline asio::awaitable<result<void>> nothing_to_release() { co_return result<void>{}; }
template <class T>
asio::awaitable<result<T>> unsupported_operation(std::string operation, JobId id, std::string_view provider) {
    return unsupported_operation<T>(operation + " of job " + std::to_string(id.value()), provider);
}

template <Executor E>
class ErasedExecutorOf final : public ErasedExecutor {
public:
    explicit ErasedExecutorOf(std::shared_ptr<E> executor) : executor_{std::move(executor)} {}

    std::string_view provider_name() override { return executor_->provider_name(); }
    asio::any_io_executor get_executor() override { return executor_->get_executor(); }
    asio::awaitable<result<JobResult>> invoke(JobCall call) override { return executor_->invoke(std::move(call)); }
    asio::awaitable<result<Invocation>> invoke_with_metrics(JobCall call) override {
        return executor_->invoke_with_metrics(std::move(call));
    }
    asio::awaitable<result<Receipt>> invoke_async(JobCall call) override {
        if constexpr (requires(E& e) { e.invoke_async(call); })
            return executor_->invoke_async(std::move(call));
        else
            return unsupported_operation<Receipt>("invoke_async", call.job_id, provider_name());
    }
    asio::awaitable<result<FaasDeployment>> deploy_job(JobId id, const Package& package, FaasConfig config,
                                                       DeployObserver observer) override {
        if constexpr (requires(E& e) { e.deploy_job(id, package, config, observer); })
            return executor_->deploy_job(id, package, std::move(config), std::move(observer));
        else
            return unsupported_operation<FaasDeployment>("deploy_job", id, provider_name());
    }
    asio::awaitable<result<Health>> health_check(JobId id) override {
        if constexpr (requires(E& e) { e.health_check(id); })
            return executor_->health_check(id);
        else
            return unsupported_operation<Health>("health_check", id, provider_name());
    }
    asio::awaitable<result<WarmReport>> warm(JobId id, std::uint32_t instances) override {
        if constexpr (requires(E& e) { e.warm(id, instances); })
            return executor_->warm(id, instances);
        else
            return unsupported_operation<WarmReport>("warm", id, provider_name());
    }
    asio::awaitable<result<FaasDeployment>> get_deployment(JobId id) override {
        if constexpr (requires(E& e) { e.get_deployment(id); })
            return executor_->get_deployment(id);
        else
            return unsupported_operation<FaasDeployment>("get_deployment", id, provider_name());
    }
    asio::awaitable<result<std::vector<FaasDeployment>>> list_deployments() override {
        if constexpr (requires(E& e) { e.list_deployments(); })
            return executor_->list_deployments();
        else
            return unsupported_operation<std::vector<FaasDeployment>>("list_deployments", provider_name());
    }
    asio::awaitable<result<PlatformDescription>> describe_platform() override {
        if constexpr (requires(E& e) { e.describe_platform(); })
            return executor_->describe_platform();
        else
            return unsupported_operation<PlatformDescription>("describe_platform", provider_name());
    }
    asio::awaitable<result<Invocation>> invoke_streaming(JobCall call, ResultSink sink) override {
        if constexpr (requires(E& e) { e.invoke_streaming(call, sink); })
            return executor_->invoke_streaming(std::move(call), std::move(sink));
        else
            return unsupported_operation<Invocation>("invoke_streaming", call.job_id, provider_name());
    }
    asio::awaitable<result<void>> check_invoke(JobId id) override {
        if constexpr (requires(E& e) { e.check_invoke(id); })
            return executor_->check_invoke(id);
        else
            return unsupported_operation<void>("check_invoke", id, provider_name());
    }
    asio::awaitable<result<DeployPlan>> plan_deploy(JobId id, const Package& package, FaasConfig config) override {
        if constexpr (requires(E& e) { e.plan_deploy(id, package, config); })
            return executor_->plan_deploy(id, package, std::move(config));
        else
            return unsupported_operation<DeployPlan>("plan_deploy", id, provider_name());
    }
    asio::awaitable<result<std::vector<Revision>>> list_revisions(JobId id) override {
        if constexpr (requires(E& e) { e.list_revisions(id); })
            return executor_->list_revisions(id);
        else
            return unsupported_operation<std::vector<Revision>>("list_revisions", id, provider_name());
    }
    asio::awaitable<result<void>> shift_traffic(JobId id, std::string revision, double share) override {
        if constexpr (requires(E& e) { e.shift_traffic(id, revision, share); })
            return executor_->shift_traffic(id, std::move(revision), share);
        else
            return unsupported_operation<void>("shift_traffic", id, provider_name());
    }
    asio::awaitable<result<Revision>> roll_back(JobId id) override {
        if constexpr (requires(E& e) { e.roll_back(id); })
            return executor_->roll_back(id);
        else
            return unsupported_operation<Revision>("roll_back", id, provider_name());
    }
    asio::awaitable<result<void>> undeploy_job(JobId id) override {
        if constexpr (requires(E& e) { e.undeploy_job(id); })
            return executor_->undeploy_job(id);
        else
            return unsupported_operation<void>("undeploy_job", id, provider_name());
    }
    asio::awaitable<result<void>> release() override {
        if constexpr (requires(E& e) { e.release(); })
            return executor_->release();
        else
            return nothing_to_release();
    }

private:
    std::shared_ptr<E> executor_;
};

}  // namespace detail

/// Holds an executor of any type, for programs that choose the provider while they run. Copies share the executor;
/// one of them must outlive every awaitable. Every operation exists: one that the executor lacks is
/// `errc::unsupported`, but for `release`. Threads: as the executor inside.
class AnyFaasExecutor {
public:
    /// Moves `executor` in.
    template <Executor E>
        requires(!std::same_as<E, AnyFaasExecutor>)
    explicit AnyFaasExecutor(E executor) : AnyFaasExecutor{std::make_shared<E>(std::move(executor))} {}
    /// Shares `executor`, which must not be null.
    template <Executor E>
    explicit AnyFaasExecutor(std::shared_ptr<E> executor)
        : executor_{std::make_shared<detail::ErasedExecutorOf<E>>(std::move(executor))} {}

    std::string_view provider_name() const { return executor_->provider_name(); }
    asio::any_io_executor get_executor() const { return executor_->get_executor(); }
    /// Runs the job and returns its bytes.
    asio::awaitable<result<JobResult>> invoke(JobCall call) const { return executor_->invoke(std::move(call)); }
    /// Runs the job and tells what was measured.
    asio::awaitable<result<Invocation>> invoke_with_metrics(JobCall call) const {
        return executor_->invoke_with_metrics(std::move(call));
    }
    /// Hands the call over without waiting for its end.
    asio::awaitable<result<Receipt>> invoke_async(JobCall call) const {
        return executor_->invoke_async(std::move(call));
    }
    /// Puts the job's function in place. `package` is copied before this returns.
    asio::awaitable<result<FaasDeployment>> deploy_job(JobId id, const Package& package, FaasConfig config,
                                                       DeployObserver observer = {}) const {
        return executor_->deploy_job(id, package, std::move(config), std::move(observer));
    }
    /// Tells whether the job's function can do its work.
    asio::awaitable<result<Health>> health_check(JobId id) const { return executor_->health_check(id); }
    /// Asks for `instances` ready instances.
    asio::awaitable<result<WarmReport>> warm(JobId id, std::uint32_t instances = 1) const {
        return executor_->warm(id, instances);
    }
    /// Returns what the platform says of the job's function.
    asio::awaitable<result<FaasDeployment>> get_deployment(JobId id) const { return executor_->get_deployment(id); }
    /// Returns what the platform says of every job's function that it holds.
    asio::awaitable<result<std::vector<FaasDeployment>>> list_deployments() const {
        return executor_->list_deployments();
    }
    /// Returns what the platform announces of itself.
    asio::awaitable<result<PlatformDescription>> describe_platform() const { return executor_->describe_platform(); }
    /// Runs the job and hands its result to `sink` while it comes.
    asio::awaitable<result<Invocation>> invoke_streaming(JobCall call, ResultSink sink) const {
        return executor_->invoke_streaming(std::move(call), std::move(sink));
    }
    /// Asks whether the job may be invoked. No job runs by it.
    asio::awaitable<result<void>> check_invoke(JobId id) const { return executor_->check_invoke(id); }
    /// Tells which requests `deploy_job` would make now.
    asio::awaitable<result<DeployPlan>> plan_deploy(JobId id, const Package& package, FaasConfig config) const {
        return executor_->plan_deploy(id, package, std::move(config));
    }
    /// Returns the states of the job's function that the platform keeps.
    asio::awaitable<result<std::vector<Revision>>> list_revisions(JobId id) const {
        return executor_->list_revisions(id);
    }
    /// Gives `revision` the share (0 to 1) of the job's calls.
    asio::awaitable<result<void>> shift_traffic(JobId id, std::string revision, double share) const {
        return executor_->shift_traffic(id, std::move(revision), share);
    }
    /// Gives all calls to the revision before the one that has them now.
    asio::awaitable<result<Revision>> roll_back(JobId id) const { return executor_->roll_back(id); }
    /// Removes the job's function.
    asio::awaitable<result<void>> undeploy_job(JobId id) const { return executor_->undeploy_job(id); }
    /// Gives back what the executor obtained at the platform for itself. One that obtains nothing has nothing to do,
    /// which is a success.
    asio::awaitable<result<void>> release() const { return executor_->release(); }

private:
    std::shared_ptr<detail::ErasedExecutor> executor_;
};

static_assert(Executor<AnyFaasExecutor>);

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
