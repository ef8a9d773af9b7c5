#ifndef BLUEPRINT_FAAS_DETAIL_RUN_ALL_HPP
#define BLUEPRINT_FAAS_DETAIL_RUN_ALL_HPP

#include "blueprint/faas/detail/declare.hpp"

#include <boost/asio/awaitable.hpp>

#include <vector>

namespace blueprint::faas::detail {

namespace asio = boost::asio;

/// Runs operations at once, on a strand of the caller's executor, and returns when all of them have ended: nothing goes
/// on behind the caller's back. Cancelling it cancels each of them, and is theirs to report. What one throws is thrown
/// when all have ended. Each owns what it uses, or uses what outlives the io_context.
BLUEPRINT_FAAS_DECL asio::awaitable<void> run_all(std::vector<asio::awaitable<void>> operations);

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/detail/impl/run_all.ipp"
#endif

#endif
