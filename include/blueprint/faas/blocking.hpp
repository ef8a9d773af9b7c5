#ifndef BLUEPRINT_FAAS_BLOCKING_HPP
#define BLUEPRINT_FAAS_BLOCKING_HPP

#include "blueprint/faas/config.hpp"
#include "blueprint/faas/deployment.hpp"
#include "blueprint/faas/detail/run_blocking.hpp"
#include "blueprint/faas/metrics.hpp"
#include "blueprint/faas/result_sink.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace blueprint::faas {

namespace asio = boost::asio;

class Package;

/// Calls the operations of an executor from ordinary code: each returns when it has ended.
/// On an `io_context` the calling thread runs the context meanwhile (other threads may run it too); on any other
/// executor somebody else must run it. Calling from inside a handler of that context throws `std::logic_error`.
template <class E>
class Blocking {
public:
    explicit Blocking(E& executor) noexcept : executor_{executor} {}

    result<JobResult> invoke(JobCall call) { return wait(executor_.invoke(std::move(call))); }
    result<Invocation> invoke_with_metrics(JobCall call) {
        return wait(executor_.invoke_with_metrics(std::move(call)));
    }
    auto invoke_async(JobCall call)
        requires requires(E& e) { e.invoke_async(call); }
    {
        return wait(executor_.invoke_async(std::move(call)));
    }
    template <class P>
    auto deploy_job(JobId id, P package, FaasConfig config, DeployObserver observer = {})
        requires requires(E& e) { e.deploy_job(id, package, config, observer); }
    {
        return wait(executor_.deploy_job(id, std::move(package), std::move(config), std::move(observer)));
    }
    auto health_check(JobId id)
        requires requires(E& e) { e.health_check(id); }
    {
        return wait(executor_.health_check(id));
    }
    auto warm(JobId id, std::uint32_t instances = 1)
        requires requires(E& e) { e.warm(id, instances); }
    {
        return wait(executor_.warm(id, instances));
    }
    auto get_deployment(JobId id)
        requires requires(E& e) { e.get_deployment(id); }
    {
        return wait(executor_.get_deployment(id));
    }
    auto list_deployments()
        requires requires(E& e) { e.list_deployments(); }
    {
        return wait(executor_.list_deployments());
    }
    auto describe_platform()
        requires requires(E& e) { e.describe_platform(); }
    {
        return wait(executor_.describe_platform());
    }
    auto invoke_streaming(JobCall call, ResultSink sink)
        requires requires(E& e) { e.invoke_streaming(call, sink); }
    {
        return wait(executor_.invoke_streaming(std::move(call), std::move(sink)));
    }
    auto check_invoke(JobId id)
        requires requires(E& e) { e.check_invoke(id); }
    {
        return wait(executor_.check_invoke(id));
    }
    template <class P>
    auto plan_deploy(JobId id, P package, FaasConfig config)
        requires requires(E& e) { e.plan_deploy(id, package, config); }
    {
        return wait(executor_.plan_deploy(id, std::move(package), std::move(config)));
    }
    auto list_revisions(JobId id)
        requires requires(E& e) { e.list_revisions(id); }
    {
        return wait(executor_.list_revisions(id));
    }
    auto shift_traffic(JobId id, std::string revision, double share)
        requires requires(E& e) { e.shift_traffic(id, revision, share); }
    {
        return wait(executor_.shift_traffic(id, std::move(revision), share));
    }
    auto roll_back(JobId id)
        requires requires(E& e) { e.roll_back(id); }
    {
        return wait(executor_.roll_back(id));
    }
    auto undeploy_job(JobId id)
        requires requires(E& e) { e.undeploy_job(id); }
    {
        return wait(executor_.undeploy_job(id));
    }
    auto release()
        requires requires(E& e) { e.release(); }
    {
        return wait(executor_.release());
    }

private:
    template <class T>
    T wait(asio::awaitable<T> operation) {
        return detail::run_to_end(executor_.get_executor(), std::move(operation));
    }

    E& executor_;
};

/// Makes the blocking form of `executor`, which must outlive it: `blocking(lambda).invoke(call)`.
template <class E>
Blocking<E> blocking(E& executor) noexcept {
    return Blocking<E>{executor};
}

}  // namespace blueprint::faas

#endif
