#ifndef BLUEPRINT_FAAS_DETAIL_RUN_BLOCKING_HPP
#define BLUEPRINT_FAAS_DETAIL_RUN_BLOCKING_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/metrics.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

namespace asio = boost::asio;

/// Runs `operation` on `io` and returns when it has ended, or throws what it threw; see `Blocking`. Apart, and without
/// the type of an outcome, because starting a coroutine is the dearest thing that a user's file would compile.
BLUEPRINT_FAAS_DECL void run_blocking(const asio::any_io_executor& io, asio::awaitable<void> operation);

// The outcome is shared: if the waiting ends early, because the io_context was stopped, the operation may go on.
template <class T>
asio::awaitable<void> keep_outcome(asio::awaitable<T> operation, std::shared_ptr<std::optional<T>> outcome) {
    T ended = co_await std::move(operation);
    outcome->emplace(std::move(ended));
}

/// The same for an operation with an outcome.
template <class T>
T run_to_end(const asio::any_io_executor& io, asio::awaitable<T> operation) {
    const auto outcome = std::make_shared<std::optional<T>>();
    run_blocking(io, keep_outcome(std::move(operation), outcome));
    return std::move(**outcome);
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#if defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
// What nearly every program calls is compiled once.
extern template blueprint::faas::result<blueprint::faas::JobResult> blueprint::faas::detail::run_to_end(
    const boost::asio::any_io_executor&, boost::asio::awaitable<blueprint::faas::result<blueprint::faas::JobResult>>);
extern template blueprint::faas::result<blueprint::faas::Invocation> blueprint::faas::detail::run_to_end(
    const boost::asio::any_io_executor&, boost::asio::awaitable<blueprint::faas::result<blueprint::faas::Invocation>>);
#else
#include "blueprint/faas/detail/impl/run_blocking.ipp"
#endif

#endif
