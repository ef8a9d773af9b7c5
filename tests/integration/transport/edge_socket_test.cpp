#include "blueprint/faas/transport/impl/socket_wait.hpp"
#include "integration/transport/lab.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace edge_socket_test {

using namespace blueprint::faas;
using namespace blueprint::faas::detail;

namespace {

// Two ends of a connection, of which one waits for edges.
struct Ends {
    explicit Ends(asio::io_context& on) : io{on}, near{io.get_executor()}, far{io} {
        asio::ip::tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
        near.connect(acceptor.local_endpoint());
        far = acceptor.accept();
        far.set_option(asio::ip::tcp::no_delay{true});
    }

    void say(std::string_view text) { asio::write(far, asio::buffer(text)); }
    // Waits, and tells how; nothing as long as the wait goes on.
    void wait(SocketWait::For what = SocketWait::For::arrival) {
        ended.reset();
        const SocketWait waiting{near, memory, what};
        waiting(asio::bind_cancellation_slot(stop.slot(), [this](SocketReady ready) { ended = ready.failed; }));
    }
    bool ends() {
        return tests::run_until(io, [&] { return ended.has_value(); });
    }
    // Whether the wait goes on after all has been done that can be done now.
    bool goes_on() {
        io.restart();
        while (io.poll() != 0) {
        }
        return !ended.has_value();
    }
    std::size_t read() {
        std::array<char, 64> room{};
        std::size_t taken = 0;
        boost::system::error_code failed;
        return receive_from(near.native_handle(), room, taken, failed) == SocketStep::done ? taken : 0;
    }
    // A fresh socket may have been told of something that nobody has waited for.
    void settle() {
        wait();
        if (!goes_on()) wait();
        REQUIRE(goes_on());
        stop.emit(asio::cancellation_type::terminal);
        REQUIRE(ends());
    }

    asio::io_context& io;
    asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(io);
    EdgeSocket near;
    asio::ip::tcp::socket far;
    WaitMemory memory;
    asio::cancellation_signal stop;
    std::optional<boost::system::error_code> ended;
};

}  // namespace

TEST_CASE("edge wait: it ends when something arrives, also if that was before it began") {
    asio::io_context io;
    Ends ends{io};
    ends.settle();
    ends.wait();
    CHECK(ends.goes_on());
    ends.say("a");
    REQUIRE(ends.ends());
    CHECK(*ends.ended == boost::system::error_code{});
    CHECK(ends.read() == 1);
    ends.say("bc");
    while (io.poll() != 0) {
    }  // the reactor is told, and nobody waits
    ends.wait();
    REQUIRE(ends.ends());
    CHECK(ends.read() == 2);
}

#ifdef BLUEPRINT_FAAS_WAITS_FOR_EDGES
TEST_CASE("edge wait: after each end it waits for the next arrival, where the other wait ends for the last one") {
    asio::io_context io;
    Ends ends{io};
    ends.settle();
    for (int i = 0; i < 100; ++i) {
        ends.wait();
        CHECK(ends.goes_on());
        ends.say("a");
        REQUIRE(ends.ends());
        if (i % 2 == 0) CHECK(ends.read() == (i == 0 ? 1 : 2));  // what is not read ends no further wait
    }
    ends.wait(SocketWait::For::readable);
    CHECK(ends.ends());
    CHECK(ends.read() == 1);
}
#endif

TEST_CASE("edge wait: a peer's end, a shutdown, a close and a cancellation end it") {
    asio::io_context io;
    {
        Ends ends{io};
        ends.settle();
        ends.wait();
        ends.far.close();
        CHECK(ends.ends());
        CHECK(*ends.ended == boost::system::error_code{});
    }
    {
        Ends ends{io};
        ends.settle();
        ends.wait();
        ::shutdown(ends.near.native_handle(), SHUT_RDWR);
        CHECK(ends.ends());
    }
    {
        Ends ends{io};
        ends.settle();
        ends.wait();
        ends.near.close();
        REQUIRE(ends.ends());
        CHECK(*ends.ended == asio::error::operation_aborted);
    }
    {
        Ends ends{io};
        ends.settle();
        ends.wait();
        ends.stop.emit(asio::cancellation_type::total);
        REQUIRE(ends.ends());
        CHECK(*ends.ended == asio::error::operation_aborted);
        ends.wait();
        CHECK(ends.goes_on());
        ends.say("a");
        CHECK(ends.ends());
    }
}

TEST_CASE("edge wait: what waits when its io_context goes is dropped with it") {
    std::weak_ptr<int> held;
    WaitMemory memory;  // mostly the waiting coroutine's, which goes after the wait
    {
        asio::io_context io;
        Ends ends{io};
        auto token = std::make_shared<int>(1);
        held = token;
        const SocketWait waiting{ends.near, memory, SocketWait::For::arrival};
        waiting([kept = std::move(token)](SocketReady) {});
        waiting([](SocketReady) {});
    }
    CHECK(held.expired());
}

}  // namespace edge_socket_test
