#ifndef BLUEPRINT_FAAS_DETAIL_SINGLE_FLIGHT_HPP
#define BLUEPRINT_FAAS_DETAIL_SINGLE_FLIGHT_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>

namespace blueprint::faas::detail {

namespace asio = boost::asio;

/// How waiting for a flight ended.
enum class FlightEnd { landed, timed_out, cancelled };

/// Runs one operation at a time, each with a number above that of the one before, on a strand of its own, so that it
/// belongs to none of the coroutines that wait for it. When the last of them is cancelled, so is the operation.
/// Safe to use from every thread; the io_context must outlive it.
class SingleFlight {
public:
    BLUEPRINT_FAAS_DECL explicit SingleFlight(asio::any_io_executor executor);
    /// Cancels the operation, which ends by itself and must own what it uses.
    BLUEPRINT_FAAS_DECL ~SingleFlight();
    SingleFlight(const SingleFlight&) = delete;
    SingleFlight& operator=(const SingleFlight&) = delete;

    /// Starts the operation of that number; it must not throw. `awaited`: it is cancelled when nobody waits any more.
    BLUEPRINT_FAAS_DECL void start(std::uint64_t number, asio::awaitable<void> operation, bool awaited);
    /// Waits until that operation, which may not have started yet, is over.
    BLUEPRINT_FAAS_DECL asio::awaitable<FlightEnd> wait(std::uint64_t number, Deadline deadline);

    struct State;

private:
    std::shared_ptr<State> state_;
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/detail/impl/single_flight.ipp"
#endif

#endif
