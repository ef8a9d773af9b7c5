#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_EDGE_SOCKET_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_EDGE_SOCKET_HPP

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/detail/bind_handler.hpp>
#include <boost/asio/detail/fenced_block.hpp>
#include <boost/asio/detail/handler_alloc_helpers.hpp>
#include <boost/asio/detail/handler_work.hpp>
#include <boost/asio/detail/reactor.hpp>
#include <boost/asio/detail/reactor_op.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/version.hpp>

#include <memory>
#include <utility>

// The wait is built on what Asio calls a detail. With another version than those that the tests know, and where Asio
// does not use epoll, it is Asio's own.
#if BOOST_ASIO_VERSION == 102600 && defined(BOOST_ASIO_HAS_EPOLL) && !defined(BOOST_ASIO_HAS_IO_URING_AS_DEFAULT)
#define BLUEPRINT_FAAS_WAITS_FOR_EDGES
#endif

namespace blueprint::faas::detail {

namespace asio = boost::asio;

#ifdef BLUEPRINT_FAAS_WAITS_FOR_EDGES

/// A wait for a socket to become readable. `async_wait` arms epoll by a system call each time, because it also ends if
/// the socket has been readable before. Epoll tells of every arrival in any case, and Asio remembers whether it did
/// since the last wait; that is all that one needs who has read what there was.
template <class Handler>
class EdgeWait final : public asio::detail::reactor_op {
    using Reactor = asio::detail::reactor;
    using Work = asio::detail::handler_work<Handler, asio::any_io_executor>;

public:
    BOOST_ASIO_DEFINE_HANDLER_PTR(EdgeWait);

    EdgeWait(Handler& handler, const asio::any_io_executor& executor)
        : reactor_op{{}, &perform_once, &complete_wait}, handler_{std::move(handler)}, work_{handler_, executor} {}

    /// Begins to wait; `data` is what the reactor knows of `socket`.
    static void start(Reactor& reactor, Reactor::per_descriptor_data& data, int socket, Handler handler,
                      const asio::any_io_executor& executor) {
        auto slot = asio::get_associated_cancellation_slot(handler);
        ptr place = {std::addressof(handler), ptr::allocate(handler), nullptr};
        place.p = new (place.v) EdgeWait{handler, executor};
        if (slot.is_connected()) place.p->cancellation_key_ = &slot.template emplace<Cancel>(&reactor, &data, socket);
        reactor.start_op(Reactor::read_op, socket, data, place.p, false, true);
        place.v = place.p = nullptr;
    }

private:
    struct Cancel {
        Cancel(Reactor* by, Reactor::per_descriptor_data* of, int at) : reactor{by}, data{of}, socket{at} {}
        void operator()(asio::cancellation_type) { reactor->cancel_ops_by_key(socket, *data, Reactor::read_op, this); }
        Reactor* reactor;
        Reactor::per_descriptor_data* data;
        int socket;
    };

    // "Exhausted" makes Asio forget that the socket was readable.
    static status perform_once(reactor_op*) { return done_and_exhausted; }

    static void complete_wait(void* owner, asio::detail::operation* base, const boost::system::error_code&,
                              std::size_t) {
        auto* const wait = static_cast<EdgeWait*>(base);
        ptr place = {std::addressof(wait->handler_), wait, wait};
        Work work{std::move(wait->work_)};
        // The memory may be the handler's own, and is wanted for its next wait.
        asio::detail::binder1<Handler, boost::system::error_code> ready{wait->handler_, wait->ec_};
        place.h = std::addressof(ready.handler_);
        place.reset();
        if (owner == nullptr) return;
        const asio::detail::fenced_block fence{asio::detail::fenced_block::half};
        work.complete(ready, ready.handler_);
    }

    Handler handler_;
    Work work_;
};

/// A socket that can wait for what arrives.
class EdgeSocket : public asio::ip::tcp::socket {
public:
    explicit EdgeSocket(const asio::any_io_executor& executor)
        : asio::ip::tcp::socket{executor},
          reactor_{asio::use_service<asio::detail::reactor>(asio::query(executor, asio::execution::context))} {}

    /// Calls `handler(error_code)` when something has arrived since the last wait ended. It may end without a reason.
    template <class Handler>
    void async_wait_for_edge(Handler handler) {
        auto& mine = impl_.get_implementation();
        EdgeWait<Handler>::start(reactor_, mine.reactor_data_, mine.socket_, std::move(handler), get_executor());
    }

private:
    asio::detail::reactor& reactor_;
};

#else

class EdgeSocket : public asio::ip::tcp::socket {
public:
    explicit EdgeSocket(const asio::any_io_executor& executor) : asio::ip::tcp::socket{executor} {}

    template <class Handler>
    void async_wait_for_edge(Handler handler) {
        async_wait(wait_read, std::move(handler));
    }
};

#endif

}  // namespace blueprint::faas::detail

#endif
