#include "blueprint/faas/auth/api_key.hpp"
#include "blueprint/faas/provider/custom.hpp"
#include "blueprint/faas/start.hpp"
#include "blueprint/faas/transport/https.hpp"
#include "blueprint/faas/transport/loopback.hpp"
#include "support/raw_peer.hpp"
#include "support/run.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

using namespace blueprint::faas;
using namespace std::chrono_literals;
using tests::failed;
using tests::json_answer;
using tests::ok;
using tests::RawPeer;

namespace {

const std::string good = json_answer(R"({"result":[7]})");

// Runs one operation while the peer serves; the peer is told to stop when it has ended, so that the context can too.
template <class T>
T run_with(asio::io_context& io, RawPeer& peer, asio::awaitable<T> operation) {
    (void)peer;
    return tests::run_beside(io, std::move(operation));
}

// One call over plain HTTP, without retries, so that one request is one answer.
result<Invocation> call_once(std::vector<RawPeer::Step> script, std::chrono::milliseconds timeout = 5s) {
    asio::io_context io;
    RawPeer peer{io, std::move(script)};
    FaasExecutor<LoopbackTransport, NoAuth, CustomCodec<>, NoRetry> executor{
        LoopbackTransport{io.get_executor()}, NoAuth{}, CustomCodec<>{{.base_url = peer.url()}}};
    return run_with(io, peer, executor.invoke_with_metrics({.job_id = 0, .args = {1}, .timeout = timeout}));
}

std::size_t threads() {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator{"/proc/self/task"}, std::filesystem::directory_iterator{}));
}

}  // namespace

TEST_CASE("transport: answers of every legal shape are read") {
    const std::string json = R"({"result":[7]})";
    const RawPeer::Step legal[] = {
        {.answer = good},
        {.answer = good, .piece = 1},
        {.answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + good},
        {.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"res\r\n9;x=y\r\nult\":[7]}\r\n0\r\nT: "
                   "x\r\n\r\n"},
        {.answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + json, .close = true},
        {.answer = "HTTP/1.0 200 OK\r\n\r\n" + json, .close = true}};
    for (const auto& step : legal) {
        CAPTURE(step.answer);
        const auto done = ok(call_once({step}));
        CHECK((*done.result.outcome == Bytes{7}));
        CHECK(done.metrics.connection_reused == false);
    }
}

TEST_CASE("bad input: garbage, half an answer, too long an answer and a hang-up are each their own error") {
    struct Row {
        RawPeer::Step step;
        errc expected;
        std::string words;
    };
    const std::string big_head = "HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x') + "\r\n\r\n";
    const Row rows[] = {
        {{.answer = "SSH-2.0-OpenSSH_9.2\r\n", .close = true}, errc::serialization, "not HTTP"},
        {{.answer = std::string(300, '\0'), .close = true}, errc::serialization, "not HTTP"},
        {{.answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"},
         errc::serialization,
         "not HTTP"},
        {{.answer = big_head}, errc::serialization, "64 KiB"},
        {{.answer = "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nx"}, errc::serialization, "answered more than"},
        {{.answer = good.substr(0, good.size() - 3), .close = true}, errc::infrastructure, "in the middle"},
        {{.answer = good.substr(0, 20), .close = true}, errc::infrastructure, "in the middle"},
        {{.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"re", .close = true},
         errc::infrastructure,
         "in the middle"},
        {{.close = true}, errc::infrastructure, "without an answer"},
        {{.hang_up_first = true}, errc::infrastructure, "connection"}};
    for (const auto& row : rows) {
        CAPTURE(row.step.answer.substr(0, 60));
        const auto error = failed(call_once({row.step}));
        CAPTURE(error.message);
        CHECK(error.code == row.expected);
        CHECK(error.message.find(row.words) != std::string::npos);
        CHECK_FALSE(error.retryable);  // an invoke whose fate is unknown is not to be repeated
    }
}

TEST_CASE("C6: silence, and an answer that trickles, end at the deadline as `timed_out`") {
    const RawPeer::Step slow[] = {{.silent = true}, {.answer = good.substr(0, 30)}};
    for (const auto& step : slow) {
        const auto begun = std::chrono::steady_clock::now();
        const auto error = failed(call_once({step}, 200ms));
        CHECK(error.code == errc::timed_out);
        CHECK(error.execution == Execution::unknown);
        CHECK(std::chrono::steady_clock::now() - begun >= 200ms);
        REQUIRE(error.metrics);
        CHECK(error.metrics->total_duration >= 200ms);
    }
}

TEST_CASE("bad input: a refused connection is told at once, and nothing was started") {
    asio::io_context io;
    std::string url;
    {
        RawPeer gone{io, {{}}};
        url = gone.url();
    }
    io.run();
    auto executor = ok(custom::create(LoopbackTransport{io.get_executor()}, {.base_url = url}));
    const auto error = failed(tests::run(io, executor.invoke({.job_id = 0})));
    CHECK(error.code == errc::infrastructure);
    CHECK(error.execution == Execution::not_started);
    CHECK(error.message.find("Connection refused") != std::string::npos);
    REQUIRE(error.metrics);
    CHECK(error.metrics->attempts == 3);  // what was never sent may be tried again
}

TEST_CASE("bad input: a host that is not this machine gets no plain HTTP, and https no http") {
    asio::io_context io;
    auto loopback = ok(custom::create(LoopbackTransport{io.get_executor()}, {.base_url = "http://192.0.2.1"}));
    CHECK(failed(tests::run(io, loopback.invoke({.job_id = 0}))).message.find("loopback only") != std::string::npos);
    auto https = ok(custom::create(HttpsTransport{io.get_executor()}, {.base_url = "http://127.0.0.1"}));
    CHECK(failed(tests::run(io, https.invoke({.job_id = 0}))).message.find("https:// only") != std::string::npos);
    auto mixed = ok(custom::create(LoopbackTransport{io.get_executor()}, {.base_url = "https://127.0.0.1"}));
    CHECK(failed(tests::run(io, mixed.invoke({.job_id = 0}))).message.find("HttpsTransport") != std::string::npos);
}

TEST_CASE("transport: a warm invoke is one request on a kept connection") {
    asio::io_context io;
    RawPeer peer{io, {{.answer = good}}};
    auto executor = ok(custom::create(LoopbackTransport{io.get_executor()}, {.base_url = peer.url()}));
    for (int i = 0; i < 10; ++i) {
        const auto done = ok(run_with(io, peer, executor.invoke_with_metrics({.job_id = 0})));
        CHECK(done.metrics.connection_reused == (i > 0));
    }
    CHECK(peer.connections() == 1);
    CHECK(peer.requests().size() == 10);
    CHECK(executor.transport().statistics().connections_opened == 1);
    CHECK(executor.transport().statistics().idle_connections == 1);
}

TEST_CASE("transport: a kept connection that the server has closed is not used again") {
    asio::io_context io;
    RawPeer peer{io, {{.answer = good, .close = true}}};
    auto executor = ok(custom::create(LoopbackTransport{io.get_executor()}, {.base_url = peer.url()}));
    for (int i = 0; i < 5; ++i) {
        ok(run_with(io, peer, executor.invoke({.job_id = 0})));
        io.poll();
    }
    CHECK(peer.connections() == 5);
}

TEST_CASE("transport: an idle executor leaves nothing for the io_context to wait for") {
    asio::io_context io;
    auto peer = std::make_unique<RawPeer>(io, std::vector<RawPeer::Step>{{.answer = good}});
    auto executor = ok(custom::create(LoopbackTransport{io.get_executor()}, {.base_url = peer->url()}));
    ok(run_with(io, *peer, executor.invoke({.job_id = 0, .timeout = 1h})));
    peer.reset();
    io.restart();
    const auto begun = std::chrono::steady_clock::now();
    io.run();
    CHECK(std::chrono::steady_clock::now() - begun < 30s);
}

TEST_CASE("transport: 1,000 calls are in flight on one thread, and the library makes no thread") {
    asio::io_context io;
    RawPeer peer{io, {{.answer = good}}};
    auto executor = ok(custom::create(LoopbackTransport{io.get_executor()}, {.base_url = peer.url("localhost")}));
    const auto before = threads();
    std::size_t ended = 0;
    std::size_t most = 0;
    for (int i = 0; i < 1000; ++i)
        start(executor, executor.invoke({.job_id = 0}), [&](result<JobResult> done) {
            CHECK(done.has_value());
            ++ended;
        });
    while (ended < 1000 && io.run_one() != 0) most = std::max(most, peer.connections());
    CHECK(ended == 1000);
    CHECK(most == 1000);  // none waited for another
    CHECK(threads() == before);
}

TEST_CASE("transport: a caller that cancels is told `cancelled`, and whether the job may have run") {
    asio::io_context io;
    RawPeer peer{io, {{.silent = true}}};
    auto executor = ok(custom::create(LoopbackTransport{io.get_executor()}, {.base_url = peer.url()}));
    asio::cancellation_signal stop;
    std::optional<result<JobResult>> ended;
    start(executor, executor.invoke({.job_id = 0}),
          asio::bind_cancellation_slot(stop.slot(), [&](result<JobResult> done) { ended = std::move(done); }));
    while (peer.requests().empty()) io.run_one();
    stop.emit(asio::cancellation_type::terminal);
    while (!ended) io.run_one();
    const auto error = failed(*ended);
    CHECK(error.code == errc::cancelled);
    CHECK(error.execution == Execution::unknown);
}

TEST_CASE("transport: an answer that comes before the request was taken is still read") {
    asio::io_context io;
    asio::ip::tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
    const auto url = "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
    std::optional<asio::ip::tcp::socket> client;
    const std::string refusal = json_answer(R"({"error":"too much","code":"TOO_LARGE"})", "413 Too Large");
    acceptor.async_accept([&](boost::system::error_code, asio::ip::tcp::socket socket) {
        client.emplace(std::move(socket));
        asio::write(*client, asio::buffer(refusal));
        client->shutdown(asio::ip::tcp::socket::shutdown_send);
    });
    auto executor =
        ok(custom::create<Binary>(LoopbackTransport{io.get_executor()}, {.base_url = url, .max_body_bytes = 64 << 20}));
    JobCall call{.job_id = 0, .args = Bytes(8 << 20, 1), .timeout = 5s};
    std::optional<result<JobResult>> ended;
    start(executor, executor.invoke(call), [&](result<JobResult> done) { ended = std::move(done); });
    std::vector<char> sink(1 << 20);
    while (!ended && io.run_one() != 0) {
        boost::system::error_code ignored;
        if (client && client->available(ignored) > 0) client->read_some(asio::buffer(sink), ignored);
    }
    REQUIRE(ended);
    CHECK(failed(*ended).code == errc::invalid_configuration);
    CHECK(failed(*ended).http_status == 413);
}

TEST_CASE("TLS: a trusted certificate for the right name is accepted, and the connection kept") {
    asio::io_context io;
    const auto authority = ok(local::CertificateAuthority::create());
    RawPeer peer{io, {{.answer = good}}, ok(authority.issue({"localhost", "127.0.0.1"}))};
    for (const std::string host : {"localhost", "127.0.0.1"}) {
        auto executor = ok(custom::create(HttpsTransport{io.get_executor(), {.extra_roots = authority.certificate()}},
                                          {.base_url = peer.url(host)}, Bearer{"t-123456"}));
        ok(run_with(io, peer, executor.invoke({.job_id = 0})));
        ok(run_with(io, peer, executor.invoke({.job_id = 0})));
        CHECK(executor.transport().statistics().connections_opened == 1);
    }
    CHECK(peer.requests()[0].find("Authorization: Bearer t-123456\r\n") != std::string::npos);
}

TEST_CASE("TLS: a wrong, expired, future or unknown certificate is refused before anything is sent") {
    asio::io_context io;
    const auto authority = ok(local::CertificateAuthority::create());
    const auto stranger = ok(local::CertificateAuthority::create());
    struct Row {
        local::Certificate certificate;
        std::string words;
    };
    const Row rows[] = {{ok(authority.issue({"other.example"})), "use the name that the certificate was made for"},
                        {ok(authority.issue({"localhost"}, {.begins = -2h, .ends = -1h})), "expired"},
                        {ok(authority.issue({"localhost"}, {.begins = 1h, .ends = 2h})), "clock"},
                        {ok(stranger.issue({"localhost"})), "TlsOptions::extra_roots"}};
    for (const auto& row : rows) {
        CAPTURE(row.words);
        RawPeer peer{io, {{.answer = good}}, row.certificate};
        auto executor = ok(custom::create(HttpsTransport{io.get_executor(), {.extra_roots = authority.certificate()}},
                                          {.base_url = peer.url("localhost")}));
        const auto error = failed(run_with(io, peer, executor.invoke({.job_id = 0})));
        CAPTURE(error.message);
        CHECK(error.code == errc::infrastructure);
        CHECK(error.execution == Execution::not_started);
        CHECK_FALSE(error.retryable);
        CHECK(error.message.find(row.words) != std::string::npos);
        CHECK(peer.requests().empty());
        CHECK(peer.connections() == 1);  // a wrong certificate is not asked for three times
    }
}

TEST_CASE("TLS: a port that speaks something else is an error that says so") {
    asio::io_context io;
    RawPeer peer{io, {{.answer = "220 mail\r\n", .close = true}}};
    FaasExecutor<HttpsTransport, NoAuth, CustomCodec<>, NoRetry> executor{
        HttpsTransport{io.get_executor()}, NoAuth{},
        CustomCodec<>{{.base_url = "https://localhost:" + std::to_string(peer.port())}}};
    const auto error = failed(run_with(io, peer, executor.invoke({.job_id = 0, .timeout = 300ms})));
    CHECK((error.code == errc::timed_out || error.code == errc::infrastructure));
    CHECK(error.execution == Execution::not_started);
}

TEST_CASE("bad input: roots that are no certificates are told by name") {
    asio::io_context io;
    auto executor = ok(custom::create(HttpsTransport{io.get_executor(), {.extra_roots = "no PEM"}},
                                      {.base_url = "https://localhost:1"}));
    const auto error = failed(tests::run(io, executor.invoke({.job_id = 0})));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(error.message.find("TlsOptions::extra_roots") != std::string::npos);
}

TEST_CASE("transport: a name that does not exist is told as such within the deadline") {
    asio::io_context io;
    auto executor = ok(custom::create(HttpsTransport{io.get_executor()}, {.base_url = "https://no-such-host.invalid"}));
    const auto error = failed(tests::run(io, executor.invoke({.job_id = 0, .timeout = 3s})));
    CHECK((error.code == errc::infrastructure || error.code == errc::timed_out));
    CHECK(error.execution == Execution::not_started);
    CHECK(error.message.find("no-such-host.invalid") != std::string::npos);
}
