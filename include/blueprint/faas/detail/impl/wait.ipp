#ifndef BLUEPRINT_FAAS_DETAIL_IMPL_WAIT_IPP
#define BLUEPRINT_FAAS_DETAIL_IMPL_WAIT_IPP

#include "blueprint/faas/detail/wait.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

BLUEPRINT_FAAS_DECL asio::awaitable<bool> wait_for(std::chrono::milliseconds delay) {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer{executor, delay};
    const auto [stopped] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return !stopped;
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
