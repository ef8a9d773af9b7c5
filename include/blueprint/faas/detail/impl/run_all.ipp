#ifndef BLUEPRINT_FAAS_DETAIL_IMPL_RUN_ALL_IPP
#define BLUEPRINT_FAAS_DETAIL_IMPL_RUN_ALL_IPP

#include "blueprint/faas/detail/run_all.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstddef>
#include <deque>
#include <exception>
#include <memory>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

// The operations share it, so that what cancels them outlives them also where the io_context ends before they do.
struct RunningAll {
    explicit RunningAll(asio::any_io_executor strand) : ended_one{std::move(strand)} {}

    struct Operation {
        asio::cancellation_signal cancel{};
        bool running = true;
    };
    struct Ended {
        std::shared_ptr<RunningAll> all;
        Operation* operation;
        void operator()(std::exception_ptr thrown) const {
            if (thrown && !all->failure) all->failure = thrown;
            operation->running = false;
            --all->running;
            all->ended_one.cancel();
        }
    };

    asio::steady_timer ended_one;
    std::deque<Operation> operations{};  // signals do not move
    std::size_t running = 0;
    std::exception_ptr failure{};
};

BLUEPRINT_FAAS_COLD inline asio::awaitable<void> run_all_on_strand(std::vector<asio::awaitable<void>> operations) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const asio::any_io_executor strand = co_await asio::this_coro::executor;
    const auto all = std::make_shared<RunningAll>(strand);
    for (auto& one : operations) {
        auto& operation = all->operations.emplace_back();
        ++all->running;
        RunningAll::Ended ended{all, &operation};
        auto handler = asio::bind_executor(strand, std::move(ended));
        asio::co_spawn(strand, std::move(one),
                       asio::bind_cancellation_slot(operation.cancel.slot(), std::move(handler)));
    }
    for (bool told = false; all->running != 0;) {
        const auto state = co_await asio::this_coro::cancellation_state;
        if (!told && state.cancelled() != asio::cancellation_type::none) {
            told = true;
            for (auto& operation : all->operations)
                if (operation.running) operation.cancel.emit(asio::cancellation_type::terminal);
            if (all->running == 0) break;
        }
        const auto token = asio::as_tuple(asio::use_awaitable);
        all->ended_one.expires_at(asio::steady_timer::time_point::max());
        co_await all->ended_one.async_wait(token);
    }
    if (all->failure) std::rethrow_exception(all->failure);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<void> run_all(std::vector<asio::awaitable<void>> operations) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const asio::any_io_executor caller = co_await asio::this_coro::executor;
    const auto strand = asio::make_strand(caller);
    const auto token = asio::as_tuple(asio::use_awaitable);
    auto all = run_all_on_strand(std::move(operations));
    const auto [failure] = co_await asio::co_spawn(strand, std::move(all), token);
    if (failure) std::rethrow_exception(failure);
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
