#include "blueprint/faas/transport/impl/connect.hpp"
#include "integration/transport/lab.hpp"

#include <boost/asio/ip/v6_only.hpp>

#include <deque>
#include <functional>
#include <netinet/tcp.h>
#include <unistd.h>

namespace pool_test {

using namespace blueprint::faas;
using namespace tests;

namespace {

const std::string good = json_answer("{}");

bool all_done(const std::deque<Call>& calls) {
    return std::all_of(calls.begin(), calls.end(), [](const Call& call) { return call.done.has_value(); });
}

}  // namespace

TEST_CASE("pool: at the bound exchanges queue, all are served, and no further connection is opened") {
    asio::io_context io;
    RawPeer peer{io, {{.answer = good}}};
    LoopbackTransport transport{io.get_executor(), {.max_per_origin = 2}};
    std::deque<Call> calls(50);
    for (auto& call : calls) begin(io.get_executor(), transport, get(false, peer.port()), deadline_after(10s), call);
    REQUIRE(run_until(io, [&] { return transport.statistics().waiting == 48; }));
    CHECK(transport.statistics().busy_connections == 2);
    REQUIRE(run_until(io, [&] { return all_done(calls); }));
    for (auto& call : calls) CHECK(call.done->has_value());
    CHECK(peer.connections() == 2);
    const auto counted = transport.statistics();
    CHECK(counted.connections_opened == 2);
    CHECK(counted.connections_reused == 48);
    CHECK(counted.requests_sent == 50);
    CHECK(counted.idle_connections == 2);
    CHECK(counted.busy_connections == 0);
    CHECK(counted.waiting == 0);
}

TEST_CASE("pool: exchanges are served in the order in which they came, newcomers last") {
    asio::io_context io;
    for (const bool close : {false, true}) {  // a connection handed on, and a place handed on
        CAPTURE(close);
        RawPeer peer{io, {{.answer = good, .close = close}}};
        LoopbackTransport transport{io.get_executor(), {.max_per_origin = 1}};
        std::deque<Call> calls(20);
        std::size_t begun = 0;
        const auto one_more = [&] {
            begin(io.get_executor(), transport, get(false, peer.port(), '/' + std::to_string(begun)),
                  deadline_after(10s), calls[begun]);
            ++begun;
        };
        while (begun < 10) one_more();
        while (begun < 20) {  // one newcomer for each that has been answered
            REQUIRE(run_until(io, [&] { return calls[begun - 10].done.has_value(); }));
            one_more();
        }
        REQUIRE(run_until(io, [&] { return all_done(calls); }));
        REQUIRE(peer.requests().size() == 20);
        for (std::size_t i = 0; i < 20; ++i)
            CHECK(peer.requests()[i].starts_with("GET /" + std::to_string(i) + " HTTP/1.1"));
    }
}

TEST_CASE("pool: a deadline that comes in the queue is told as such, nothing was started, and others go on") {
    asio::io_context io;
    RawPeer peer{io, {{.silent = true}}};
    LoopbackTransport transport{io.get_executor(), {.max_per_origin = 1}};
    Call busy;
    Call late;
    Call patient;
    begin(io.get_executor(), transport, get(false, peer.port()), deadline_after(600ms), busy);
    REQUIRE(run_until(io, [&] { return peer.requests().size() == 1; }));
    const auto deadline = deadline_after(200ms);
    begin(io.get_executor(), transport, get(false, peer.port()), deadline, late);
    begin(io.get_executor(), transport, get(false, peer.port()), deadline_after(5s), patient);
    REQUIRE(run_until(io, [&] { return late.done.has_value(); }));
    CHECK(late.ended >= deadline);
    CHECK(late.ended < deadline + 50ms);
    const auto error = failed(*late.done);
    CHECK(error.code == errc::timed_out);
    CHECK(error.execution == Execution::not_started);
    CHECK(error.message.find("all 1 connections") != std::string::npos);
    CHECK(error.message.find("ConnectionOptions::max_per_origin") != std::string::npos);
    CHECK_FALSE(patient.done);
    REQUIRE(run_until(io, [&] { return peer.requests().size() == 2; }));  // the place of the first went to the third
    CHECK(failed(*busy.done).code == errc::timed_out);
    patient.stop.emit(asio::cancellation_type::terminal);
    REQUIRE(run_until(io, [&] { return patient.done.has_value(); }));
}

TEST_CASE("pool: of those who queue, one that is cancelled costs the others nothing, also at the moment of its turn") {
    asio::io_context io;
    RawPeer peer{io, {{.answer = good}}};
    LoopbackTransport transport{io.get_executor(), {.max_per_origin = 1}};
    std::deque<Call> calls(200);
    for (auto& call : calls) begin(io.get_executor(), transport, get(false, peer.port()), deadline_after(10s), call);
    REQUIRE(run_until(io, [&] { return transport.statistics().waiting == 199; }));
    // Right after each handler that ran, the one whose turn is next is cancelled: sometimes it has just been served.
    std::size_t next = 1;
    while (!all_done(calls) && io.run_one_for(10s) != 0) {
        while (next < calls.size() && calls[next].done) ++next;
        if (next < calls.size() && next % 3 == 0) calls[next++].stop.emit(asio::cancellation_type::terminal);
    }
    REQUIRE(all_done(calls));
    std::size_t served = 0;
    for (auto& call : calls) {
        served += call.done->has_value() ? 1 : 0;
        if (!*call.done) CHECK(call.done->error().code == errc::cancelled);
    }
    CHECK(served >= 100);
    CHECK(transport.statistics().busy_connections == 0);
    CHECK(transport.statistics().waiting == 0);
}

TEST_CASE("pool: who queues for a server that has died gets its own error, not silence") {
    asio::io_context io;
    auto peer = std::make_unique<RawPeer>(io, std::vector<RawPeer::Step>{{.silent = true}});
    const auto port = peer->port();
    LoopbackTransport transport{io.get_executor(), {.max_per_origin = 2}};
    std::deque<Call> calls(20);
    for (auto& call : calls) begin(io.get_executor(), transport, get(false, port), deadline_after(10s), call);
    REQUIRE(run_until(io, [&] { return peer->requests().size() == 2; }));
    peer.reset();
    REQUIRE(run_until(io, [&] { return all_done(calls); }));
    std::size_t refused = 0;
    for (auto& call : calls) {
        const auto error = failed(*call.done);
        CHECK(error.code == errc::infrastructure);
        refused += error.execution == Execution::not_started ? 1 : 0;
    }
    CHECK(refused == 18);
    CHECK(transport.statistics().connections_failed == 18);
    CHECK(transport.statistics().busy_connections == 0);
}

TEST_CASE("pool: a server that hangs up behind its answer without a word is noticed by the next exchange at once") {
    asio::io_context io;
    for (const bool close : {true, false}) {
        CAPTURE(close);
        RawPeer peer{io, {{.answer = good, .close = close}}};
        LoopbackTransport transport{io.get_executor()};
        const auto in_a_row = [&]() -> asio::awaitable<result<unsigned>> {
            const auto request = get(false, peer.port());
            unsigned answered = 0;
            for (int i = 0; i < 20; ++i) {
                auto answer = co_await transport.exchange(request, deadline_after(10s));
                if (!answer) co_return std::move(answer).error();
                ++answered;
            }
            co_return answered;
        };
        CHECK(ok(run_beside(io, in_a_row())) == 20);
        CHECK(peer.connections() == (close ? 20 : 1));
    }
}

TEST_CASE("pool: a connection that was idle or alive for too long is not used again") {
    asio::io_context io;
    const ConnectionOptions limits[] = {{.max_idle_time = 100ms}, {.max_age = 100ms}, {.max_idle = 0}};
    for (const auto& limit : limits) {
        RawPeer peer{io, {{.answer = good}}};
        LoopbackTransport transport{io.get_executor(), limit};
        CHECK_FALSE(ok(exchange(io, transport, get(false, peer.port()))).connection_reused);
        run_for(io, 150ms);
        CHECK_FALSE(ok(exchange(io, transport, get(false, peer.port()))).connection_reused);
        CHECK(peer.connections() == 2);
        CHECK(transport.statistics().connections_closed >= 1);
    }
}

TEST_CASE("pool: the policy of one thread serves exchanges, queue and deadline alike") {
    asio::io_context io{1};
    RawPeer peer{io, {{.answer = good}}};
    BasicLoopbackTransport<SingleThread> transport{io.get_executor(), {.max_per_origin = 2}};
    std::deque<Call> calls(50);
    for (auto& call : calls) begin(io.get_executor(), transport, get(false, peer.port()), deadline_after(10s), call);
    REQUIRE(run_until(io, [&] { return all_done(calls); }));
    for (auto& call : calls) CHECK(call.done->has_value());
    CHECK(peer.connections() == 2);
}

TEST_CASE("pool: idle connections, queues and attempts leave no descriptor behind") {
    asio::io_context io;
    RawPeer peer{io, {{.answer = good}}};
    exchange(io, LoopbackTransport{io.get_executor()}, get(false, peer.port()));
    run_for(io, 20ms);
    const auto before = descriptors();
    {
        LoopbackTransport transport{io.get_executor(), {.max_per_origin = 8}};
        std::deque<Call> calls(100);
        for (auto& call : calls)
            begin(io.get_executor(), transport, get(false, peer.port()), deadline_after(10s), call);
        REQUIRE(run_until(io, [&] { return all_done(calls); }));
        CHECK(descriptors() >= before + 8);
    }
    RawPeer other{io, {{.answer = good}}};  // makes the acceptor run once more
    peer.stop();
    run_for(io, 50ms);
    CHECK(descriptors() <= before + 1);
}

TEST_CASE("connecting: an address that is silent costs 250 ms, one that refuses nothing, and the loser is closed") {
    asio::io_context io;
    struct Row {
        bool deaf;
        std::chrono::milliseconds at_least, at_most;
    };
    for (const auto& row : {Row{true, 250ms, 1500ms}, Row{false, 0ms, 250ms}}) {
        CAPTURE(row.deaf);
        RawPeer peer{io, {{.answer = good}}};
        std::optional<DeafPort> deaf;
        const auto first = asio::ip::make_address("127.0.0.2");
        if (row.deaf) deaf.emplace(io, first, peer.port());
        run_for(io, 50ms);
        const auto before = descriptors();
        const auto attempt = std::make_shared<detail::ConnectAttempt>(io.get_executor());
        attempt->hold_to(deadline_after(5s), false);
        const auto race = std::make_shared<detail::ConnectRace>(
            attempt, io.get_executor(), Origin{}, detail::Addresses{first, asio::ip::make_address("127.0.0.1")},
            peer.port());
        const auto begun = std::chrono::steady_clock::now();
        race->start();
        REQUIRE(run_until(io, [&] { return race->over(); }));
        const auto took = std::chrono::steady_clock::now() - begun;
        CHECK(took >= row.at_least);
        CHECK(took < row.at_most);
        REQUIRE(race->winner());
        CHECK(race->winner()->socket.remote_endpoint().address() == asio::ip::make_address("127.0.0.1"));
        attempt->end();
        run_for(io, 50ms);
        CHECK(descriptors() <= before + 2);  // the winner, and the peer's end of it
    }
}

TEST_CASE("connecting: a dead IPv4 does not keep a host that lives on IPv6 from answering") {
    asio::io_context io;
    boost::system::error_code no_v6;
    tcp::acceptor alive{io};
    alive.open(tcp::v6(), no_v6);
    if (!no_v6) alive.set_option(asio::ip::v6_only{true}, no_v6);
    if (!no_v6) alive.bind({asio::ip::address_v6::loopback(), 0}, no_v6);
    if (no_v6) {
        MESSAGE("left out: this machine has no IPv6");
        return;
    }
    alive.listen();
    const DeafPort deaf{io, asio::ip::address_v4::loopback(), alive.local_endpoint().port()};
    run_for(io, 50ms);
    std::optional<tcp::socket> client;
    alive.async_accept([&](boost::system::error_code, tcp::socket socket) {
        client.emplace(std::move(socket));
        asio::async_write(*client, asio::buffer(good), [](boost::system::error_code, std::size_t) {});
    });
    LoopbackTransport transport{io.get_executor()};
    CHECK(ok(exchange(io, transport, get(false, deaf.port()), 3s)).status == 200);
}

TEST_CASE("connecting: a connection has probes below 60 s and sends at once") {
    asio::io_context io;
    RawPeer peer{io, {{.answer = good}}};
    tcp::socket socket{io};
    socket.connect({asio::ip::address_v4::loopback(), peer.port()});
    detail::set_socket_options(socket, {});
    const auto read = [&](int level, int name) {
        int value = 0;
        ::socklen_t size = sizeof value;
        REQUIRE(::getsockopt(socket.native_handle(), level, name, &value, &size) == 0);
        return value;
    };
    CHECK(read(IPPROTO_TCP, TCP_NODELAY) != 0);
    CHECK(read(SOL_SOCKET, SO_KEEPALIVE) != 0);
    CHECK(read(IPPROTO_TCP, TCP_KEEPIDLE) < 60);
    CHECK(read(IPPROTO_TCP, TCP_KEEPINTVL) < 60);
}

TEST_CASE("names: those who ask for one name at the same time share one look-up, and a failure is not remembered") {
    asio::io_context io;
    HttpsTransport transport{io.get_executor(), {}, {.proxy_from_environment = false}};
    for (const std::uint64_t lookups : {1U, 2U}) {
        std::deque<Call> calls(10);
        for (auto& call : calls)
            begin(io.get_executor(), transport, get(true, 443, "/", "no-such-host.invalid"), deadline_after(15s), call);
        REQUIRE(run_until(io, [&] { return all_done(calls); }));
        for (auto& call : calls) {
            const auto error = failed(*call.done);
            CHECK(error.execution == Execution::not_started);
            CHECK(error.message.find("no-such-host.invalid") != std::string::npos);
        }
        CHECK(transport.statistics().dns_lookups == lookups);
    }
}

TEST_CASE("names: an answer serves the exchanges that follow, until its addresses cannot be connected to") {
    char own_name[256] = {};
    REQUIRE(::gethostname(own_name, sizeof own_name - 1) == 0);
    asio::io_context io;
    tcp::resolver resolver{io};
    boost::system::error_code unknown;
    const auto entries = resolver.resolve(own_name, "", unknown);
    if (unknown || detail::addresses_without_lookup(own_name)) {
        MESSAGE("left out: this machine's own name has no address");
        return;
    }
    // A port that is open at the address of that name, and speaks no TLS; then it is closed.
    std::optional<tcp::acceptor> open{std::in_place, io, tcp::endpoint{entries.begin()->endpoint().address(), 0}};
    const auto port = open->local_endpoint().port();
    std::function<void()> accept = [&] {
        open->async_accept([&](boost::system::error_code failed, tcp::socket socket) {
            if (failed) return;
            socket.close(failed);
            accept();
        });
    };
    accept();
    HttpsTransport transport{io.get_executor(), {}, {.proxy_from_environment = false}};
    const auto ask = [&] { return failed(exchange(io, transport, get(true, port, "/", own_name))); };
    for (int i = 0; i < 3; ++i) CHECK(ask().message.find("no TLS connection") != std::string::npos);
    CHECK(transport.statistics().dns_lookups == 1);
    open.reset();
    CHECK(ask().message.find("Connection refused") != std::string::npos);
    CHECK(transport.statistics().dns_lookups == 1);
    CHECK(ask().message.find("Connection refused") != std::string::npos);
    CHECK(transport.statistics().dns_lookups == 2);  // perhaps the name has moved
}

TEST_CASE("cancellation: each kind, and the deadline, end each phase at once; only what was sent may have run") {
    struct Phase {
        std::string name;
        std::function<void(asio::io_context&, Call&, Deadline)> enter;  // returns when the phase has been reached
        Execution execution = Execution::not_started;
        std::string words{};
    };
    asio::io_context io;
    const auto authority = ok(local::CertificateAuthority::create());
    RawPeer silent{io, {{.silent = true}}};
    RawPeer silent_tls{io, {{.silent = true}}, ok(authority.issue({"localhost"}))};
    const DeafPort deaf{io, asio::ip::address_v4::loopback()};
    ProxyPeer proxy{io, {.silent = true}};
    run_for(io, 20ms);

    Call filler;
    LoopbackTransport narrow{io.get_executor(), {.max_per_origin = 1}};
    LoopbackTransport plain{io.get_executor()};
    HttpsTransport tls{io.get_executor(), {.extra_roots = authority.certificate()}, {.proxy_from_environment = false}};
    HttpsTransport proxied{io.get_executor(), {}, {.proxy = {.url = proxy.url()}}};
    begin(io.get_executor(), narrow, get(false, silent.port()), Deadline::max(), filler);
    const auto executor = io.get_executor();

    std::size_t connections = 0;
    const Phase phases[] = {{"queue",
                             [&](asio::io_context& on, Call& call, Deadline deadline) {
                                 begin(executor, narrow, get(false, silent.port()), deadline, call);
                                 REQUIRE(run_until(on, [&] { return narrow.statistics().waiting == 1; }));
                             },
                             Execution::not_started, "waiting for a connection"},
                            {"name",
                             [&](asio::io_context& on, Call& call, Deadline deadline) {
                                 begin(executor, tls, get(true, 443, "/", "no-such-host.invalid"), deadline, call);
                                 const auto before = tls.statistics().dns_lookups;
                                 REQUIRE(run_until(on, [&] { return tls.statistics().dns_lookups > before; }));
                             },
                             Execution::not_started, "looking up the name"},
                            {"TCP",
                             [&](asio::io_context& on, Call& call, Deadline deadline) {
                                 begin(executor, plain, get(false, deaf.port(), "/", "127.0.0.1"), deadline, call);
                                 run_for(on, 30ms);
                             },
                             Execution::not_started, "connecting to http://127.0.0.1"},
                            {"proxy",
                             [&](asio::io_context& on, Call& call, Deadline deadline) {
                                 const auto before = proxy.heads().size();
                                 begin(executor, proxied, get(true, 443), deadline, call);
                                 REQUIRE(run_until(on, [&] { return proxy.heads().size() > before; }));
                             },
                             Execution::not_started, "waiting for the proxy 127.0.0.1"},
                            {"TLS",
                             [&](asio::io_context& on, Call& call, Deadline deadline) {
                                 connections = silent.connections();
                                 begin(executor, tls, get(true, silent.port()), deadline, call);
                                 REQUIRE(run_until(on, [&] { return silent.connections() > connections; }));
                                 run_for(on, 10ms);
                             },
                             Execution::not_started, "the TLS handshake with"},
                            {"answer",
                             [&](asio::io_context& on, Call& call, Deadline deadline) {
                                 const auto before = silent.requests().size();
                                 begin(executor, plain, get(false, silent.port()), deadline, call);
                                 REQUIRE(run_until(on, [&] { return silent.requests().size() > before; }));
                             },
                             Execution::unknown, ""},
                            {"TLS answer",
                             [&](asio::io_context& on, Call& call, Deadline deadline) {
                                 const auto before = silent_tls.requests().size();
                                 begin(executor, tls, get(true, silent_tls.port()), deadline, call);
                                 REQUIRE(run_until(on, [&] { return silent_tls.requests().size() > before; }));
                             },
                             Execution::unknown, ""}};
    REQUIRE(run_until(io, [&] { return silent.requests().size() == 1; }));
    for (const auto& phase : phases) {
        CAPTURE(phase.name);
        for (const auto kind :
             {asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total}) {
            CAPTURE(static_cast<unsigned>(kind));
            Call call;
            phase.enter(io, call, deadline_after(20s));
            REQUIRE_FALSE(call.done);
            const auto asked = std::chrono::steady_clock::now();
            call.stop.emit(kind);
            REQUIRE(run_until(io, [&] { return call.done.has_value(); }, 5s));
            CHECK(call.ended - asked < 1s);
            const auto error = failed(*call.done);
            CAPTURE(error.message);
            CHECK(error.code == errc::cancelled);
            CHECK(error.execution == phase.execution);
            CHECK(error.message.find(phase.words) != std::string::npos);
        }
        if (phase.name == "name") continue;  // it ends before a deadline can come
        Call call;
        const auto deadline = deadline_after(150ms);
        phase.enter(io, call, deadline);
        REQUIRE(run_until(io, [&] { return call.done.has_value(); }, 5s));
        CHECK(call.ended >= deadline);
        CHECK(call.ended < deadline + 50ms);
        const auto error = failed(*call.done);
        CAPTURE(error.message);
        CHECK(error.code == errc::timed_out);
        CHECK(error.execution == phase.execution);
    }
    CHECK(narrow.statistics().waiting == 0);
    CHECK(plain.statistics().busy_connections == 0);
    CHECK(tls.statistics().busy_connections == 0);
    CHECK(proxied.statistics().busy_connections == 0);
    filler.stop.emit(asio::cancellation_type::terminal);
    REQUIRE(run_until(io, [&] { return filler.done.has_value(); }));
}

TEST_CASE("cancellation: `connect_timeout` that comes before the deadline is named") {
    asio::io_context io;
    const DeafPort deaf{io, asio::ip::address_v4::loopback()};
    run_for(io, 20ms);
    LoopbackTransport transport{io.get_executor(), {.connect_timeout = 100ms}};
    const auto slow = failed(exchange(io, transport, get(false, deaf.port(), "/", "127.0.0.1")));
    CHECK(slow.code == errc::timed_out);
    CHECK(slow.execution == Execution::not_started);
    CHECK(slow.retryable);
    CHECK(slow.message.find("ConnectionOptions::connect_timeout (100 ms)") != std::string::npos);
    const auto late = failed(exchange(io, transport, get(false, deaf.port(), "/", "127.0.0.1"), 50ms));
    CHECK(late.code == errc::timed_out);
    CHECK(late.message.find("deadline") != std::string::npos);
    CHECK(late.message.find("connect_timeout") == std::string::npos);
}

TEST_CASE("cancellation: an io_context that goes with exchanges in every phase takes them along") {
    const auto before = descriptors();
    {
        std::deque<Call> calls(40);
        std::optional<asio::io_context> io{std::in_place};
        std::optional<RawPeer> silent{std::in_place, *io, std::vector<RawPeer::Step>{{.silent = true}}};
        std::optional<DeafPort> deaf{std::in_place, *io, asio::ip::address_v4::loopback()};
        run_for(*io, 20ms);
        std::optional<LoopbackTransport> narrow{std::in_place, io->get_executor(),
                                                ConnectionOptions{.max_per_origin = 2}};
        std::optional<HttpsTransport> tls{std::in_place, io->get_executor()};
        const auto executor = io->get_executor();
        for (std::size_t i = 0; i < calls.size(); ++i) {
            const auto deadline = deadline_after(1h);
            if (i % 4 == 0) begin(executor, *narrow, get(false, silent->port()), deadline, calls[i]);
            if (i % 4 == 1) begin(executor, *tls, get(true, silent->port()), deadline, calls[i]);
            if (i % 4 == 2) begin(executor, *narrow, get(false, deaf->port(), "/", "127.0.0.1"), deadline, calls[i]);
            if (i % 4 == 3) begin(executor, *tls, get(true, deaf->port(), "/", "127.0.0.1"), deadline, calls[i]);
        }
        REQUIRE(run_until(*io, [&] { return silent->requests().size() == 2; }));
        run_for(*io, 300ms);
        narrow.reset();
        tls.reset();
        silent.reset();
        deaf.reset();
        io.reset();
    }
    CHECK(descriptors() == before);
}

}  // namespace pool_test
