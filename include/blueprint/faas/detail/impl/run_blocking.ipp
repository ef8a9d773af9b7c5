#ifndef BLUEPRINT_FAAS_DETAIL_IMPL_RUN_BLOCKING_IPP
#define BLUEPRINT_FAAS_DETAIL_IMPL_RUN_BLOCKING_IPP

#include "blueprint/faas/detail/run_blocking.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <exception>
#include <future>
#include <stdexcept>

namespace blueprint::faas::detail {

// Shared, because another thread may still be inside the handler when the waiting one has seen `done`.
struct BlockingState {
    std::atomic<bool> done{false};
    std::atomic<bool> seen{false};
};

// Wakes the waiting thread. Another thread of the context may run this in its place, so it comes back until the right
// one has noticed.
struct WakeBlocked {
    std::shared_ptr<BlockingState> state;
    asio::any_io_executor io;
    void operator()() const {
        if (!state->seen.load(std::memory_order_acquire)) asio::post(io, *this);
    }
};

// Ends an operation that is waited for. The promise is its own, so that one which is thrown away ends the waiting too.
struct BlockingEnd {
    std::promise<void> ended;
    std::shared_ptr<BlockingState> state;
    asio::any_io_executor wake_on;  // empty: nobody runs a context

    void operator()(std::exception_ptr failure) {
        if (failure)
            ended.set_exception(std::move(failure));
        else
            ended.set_value();
        state->done.store(true, std::memory_order_release);
        if (wake_on) asio::post(wake_on, WakeBlocked{state, wake_on});
    }
};

BLUEPRINT_FAAS_DECL void run_blocking(const asio::any_io_executor& io, asio::awaitable<void> operation) {
    const auto* on_context = io.target<asio::io_context::executor_type>();
    if (on_context != nullptr && on_context->running_in_this_thread())
        throw std::logic_error{"blocking() was called inside a handler of the io_context that it would wait for"};
    const auto state = std::make_shared<BlockingState>();
    std::promise<void> promise;
    auto ended = promise.get_future();
    const asio::any_io_executor wake_on = on_context != nullptr ? io : asio::any_io_executor{};
    asio::co_spawn(io, std::move(operation), BlockingEnd{std::move(promise), state, wake_on});
    if (on_context != nullptr) {
        auto& context = on_context->context();
        if (context.stopped()) context.restart();
        while (!state->done.load(std::memory_order_acquire)) {
            if (context.run_one() == 0 && !state->done.load(std::memory_order_acquire))
                throw std::logic_error{"the io_context was stopped before the operation ended"};
        }
        state->seen.store(true, std::memory_order_release);
    }
    ended.get();
}

}  // namespace blueprint::faas::detail

#if defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
template blueprint::faas::result<blueprint::faas::JobResult> blueprint::faas::detail::run_to_end(
    const boost::asio::any_io_executor&, boost::asio::awaitable<blueprint::faas::result<blueprint::faas::JobResult>>);
template blueprint::faas::result<blueprint::faas::Invocation> blueprint::faas::detail::run_to_end(
    const boost::asio::any_io_executor&, boost::asio::awaitable<blueprint::faas::result<blueprint::faas::Invocation>>);
#endif

#endif
