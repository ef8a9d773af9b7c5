#ifndef BLUEPRINT_FAAS_START_HPP
#define BLUEPRINT_FAAS_START_HPP

#include "blueprint/faas/detail/declare.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associator.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>
#include <memory>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

namespace asio = boost::asio;

namespace detail {

// What cancels a started operation. Asio 1.81 would hand a cancellation to the operation's executor by a pointer into
// the caller's signal, which may be gone when it arrives; and beside an operation that runs on another thread. So it is
// handed over by what the operation itself owns, on a strand.
struct Cancellation {
    explicit Cancellation(const asio::any_io_executor& io) : on{asio::make_strand(io)} {}
    asio::any_io_executor on;
    asio::cancellation_signal signal{};
};

// Stands in the caller's slot. Weak, because the caller's signal may outlive the operation and the io_context.
struct PassCancellation {
    std::weak_ptr<Cancellation> operation;
    void operator()(asio::cancellation_type type) const {
        if (const auto held = operation.lock()) asio::dispatch(held->on, [held, type] { held->signal.emit(type); });
    }
};

// Makes co_spawn's `void(exception_ptr, T)` the `void(T)` that `start` promises. An exception here is a programming
// error (an operation reports failures by value), so it goes on to whoever runs the io_context.
template <class Handler>
struct Unwrap {
    Handler handler;
    std::shared_ptr<Cancellation> cancellation;

    template <class T>
    void operator()(std::exception_ptr failure, T outcome) {
        if (failure) std::rethrow_exception(failure);
        std::move(handler)(std::move(outcome));
    }
};

// What a caller cancels, in whatever kind, ends the operation: `errc::cancelled` says what it may have done.
struct AnyKindEnds {
    asio::cancellation_type operator()(asio::cancellation_type asked) const noexcept {
        return asked == asio::cancellation_type::none ? asked : asio::cancellation_type::terminal;
    }
};

template <class T>
asio::awaitable<T> cancellable(asio::awaitable<T> operation) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto state = co_await asio::this_coro::cancellation_state;
    // What was cancelled before it began must stay so.
    if (state.cancelled() == asio::cancellation_type::none) {
        const AnyKindEnds filter;
        co_await asio::this_coro::reset_cancellation_state(filter);
    }
    T outcome = co_await std::move(operation);
    co_return outcome;
}

}  // namespace detail

/// Starts `operation` on the executor of `executor`: `start(lambda, lambda.invoke(call), asio::use_future)`.
/// Takes any completion token; completes as `void(T)` on the handler's own executor, and a cancellation slot of the
/// handler cancels the operation, whatever the kind of cancellation. The signal may be emitted at any time and may go
/// before the operation ends; from one thread at a time. `executor` outlives the operation.
template <class Executor, class T, asio::completion_token_for<void(T)> Token>
auto start(Executor& executor, asio::awaitable<T> operation, Token&& token) {
    return asio::async_initiate<Token, void(T)>(
        [](auto handler, asio::any_io_executor io, asio::awaitable<T> work) {
            const auto slot = asio::get_associated_cancellation_slot(handler);
            std::shared_ptr<detail::Cancellation> cancellation;
            asio::cancellation_slot inner;
            if (slot.is_connected()) {
                cancellation = std::make_shared<detail::Cancellation>(io);
                io = cancellation->on;
                inner = cancellation->signal.slot();
                asio::cancellation_slot{slot}.assign(detail::PassCancellation{cancellation});
            }
            detail::Unwrap<decltype(handler)> unwrap{std::move(handler), std::move(cancellation)};
            asio::co_spawn(io, detail::cancellable(std::move(work)),
                           asio::bind_cancellation_slot(inner, std::move(unwrap)));
        },
        token, asio::any_io_executor{executor.get_executor()}, std::move(operation));
}

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

// The handler's executor, allocator and cancellation slot stay those of the handler that `Unwrap` carries.
template <template <class, class> class Associator, class Handler, class Default>
struct boost::asio::associator<Associator, blueprint::faas::detail::Unwrap<Handler>, Default>
    : Associator<Handler, Default> {
    static auto get(const blueprint::faas::detail::Unwrap<Handler>& wrapped) noexcept {
        return Associator<Handler, Default>::get(wrapped.handler);
    }
    static auto get(const blueprint::faas::detail::Unwrap<Handler>& wrapped, const Default& fallback) noexcept {
        return Associator<Handler, Default>::get(wrapped.handler, fallback);
    }
};

#endif
