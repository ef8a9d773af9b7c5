#ifndef BLUEPRINT_FAAS_DETAIL_WAIT_HPP
#define BLUEPRINT_FAAS_DETAIL_WAIT_HPP

#include "blueprint/faas/detail/declare.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>

namespace blueprint::faas::detail {

namespace asio = boost::asio;

/// Waits on a timer of the coroutine's own executor; false if the wait was cancelled. Apart, because timers are a fifth
/// of what a codec's header would cost.
BLUEPRINT_FAAS_DECL asio::awaitable<bool> wait_for(std::chrono::milliseconds delay);

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/detail/impl/wait.ipp"
#endif

#endif
