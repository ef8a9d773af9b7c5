#ifndef BLUEPRINT_FAAS_TRANSPORT_LOCKING_HPP
#define BLUEPRINT_FAAS_TRANSPORT_LOCKING_HPP

#include <concepts>

namespace blueprint::faas {

/// Says who uses a transport and its copies: `locks` is whether several threads may do so at once.
/// Models: Shared, SingleThread.
template <class L>
concept Locking = requires {
    { L::locks } -> std::convertible_to<bool>;
};

/// Lets any thread that runs the executor use the transport. Taking and giving back a connection is one short lock
/// each.
struct Shared {
    static constexpr bool locks = true;
};

/// Takes no locks and makes no strands. Whoever chooses it promises that ONE thread runs the executor (as with
/// `io_context{1}` run by one thread), and that the transport, its copies and the awaitables it made are made, awaited,
/// cancelled and destroyed on that thread alone. A broken promise is a data race.
struct SingleThread {
    static constexpr bool locks = false;
};

static_assert(Locking<Shared> && Locking<SingleThread>);

}  // namespace blueprint::faas

#endif
