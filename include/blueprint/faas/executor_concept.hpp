#ifndef BLUEPRINT_FAAS_EXECUTOR_CONCEPT_HPP
#define BLUEPRINT_FAAS_EXECUTOR_CONCEPT_HPP

#include "blueprint/faas/metrics.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <concepts>
#include <string_view>

namespace blueprint::faas {

namespace asio = boost::asio;

/// Runs jobs somewhere else: what a registry binds job ids to and a runner delegates to.
/// Every awaitable is lazy, and the executor must outlive it. A model may be called again before an earlier call ended;
/// whether from several threads is for the model to say. A failed call is an `Error`, so a value always holds bytes.
/// `provider_name()` has static lifetime. Models: FaasExecutor, AnyFaasExecutor, Switch, OneOf.
template <class E>
concept Executor = requires(E& executor, JobCall call) {
    { executor.provider_name() } -> std::convertible_to<std::string_view>;
    { executor.get_executor() } -> std::convertible_to<asio::any_io_executor>;
    { executor.invoke(call) } -> std::same_as<asio::awaitable<result<JobResult>>>;
    { executor.invoke_with_metrics(call) } -> std::same_as<asio::awaitable<result<Invocation>>>;
};

}  // namespace blueprint::faas

#endif
