#include "integration/transport/lab.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <mutex>
#include <random>
#include <thread>

using namespace blueprint::faas;
using namespace tests;

namespace {

constexpr int threads = 4;
constexpr int users = 48;
constexpr int rounds = 60;

// Answers each request with its own path, so that an answer which went to the wrong one shows. `/close` hangs up after
// the answer, `/silent` never answers, `/cut` hangs up instead. Lives on an io_context and a thread of its own.
class Echo {
public:
    explicit Echo(const std::optional<local::Certificate>& certificate) {
        if (certificate) {
            tls_.emplace(asio::ssl::context::tls_server);
            tls_->use_certificate_chain(asio::buffer(certificate->certificate));
            const auto key = certificate->private_key.reveal();
            tls_->use_private_key(asio::buffer(key.data(), key.size()), asio::ssl::context::pem);
        }
        asio::co_spawn(io_, listen(), asio::detached);
        thread_ = std::thread{[this] { io_.run(); }};
    }
    Echo(const Echo&) = delete;
    Echo& operator=(const Echo&) = delete;
    ~Echo() {
        io_.stop();
        thread_.join();
    }
    std::uint16_t port() const { return port_; }

private:
    asio::awaitable<void> listen() {
        for (;;) {
            auto [failed, socket] = co_await acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
            if (failed) co_return;
            asio::co_spawn(io_, serve(std::move(socket)), asio::detached);
        }
    }
    asio::awaitable<void> serve(tcp::socket socket) {
        if (!tls_) {
            co_await talk(socket);
            co_return;
        }
        asio::ssl::stream<tcp::socket&> stream{socket, *tls_};
        const auto [failed] =
            co_await stream.async_handshake(asio::ssl::stream_base::server, asio::as_tuple(asio::use_awaitable));
        if (!failed) co_await talk(stream);
    }
    template <class Stream>
    static asio::awaitable<void> talk(Stream& stream) {
        std::string input;
        for (;;) {
            while (input.find("\r\n\r\n") == std::string::npos) {
                char piece[1024];
                const auto space = asio::buffer(piece);
                const auto [failed, taken] =
                    co_await stream.async_read_some(space, asio::as_tuple(asio::use_awaitable));
                if (failed) co_return;
                input.append(piece, taken);
            }
            const auto path = input.substr(4, input.find(' ', 4) - 4);
            input.erase(0, input.find("\r\n\r\n") + 4);
            if (path.starts_with("/cut")) co_return;
            if (path.starts_with("/silent")) continue;
            const bool close = path.starts_with("/close");
            const std::string answer = std::string{"HTTP/1.1 200 OK\r\n"} + (close ? "Connection: close\r\n" : "") +
                                       "Content-Length: " + std::to_string(path.size()) + "\r\n\r\n" + path;
            const auto data = asio::buffer(answer);
            const auto [broken, sent] = co_await asio::async_write(stream, data, asio::as_tuple(asio::use_awaitable));
            if (broken || close) co_return;
        }
    }

    asio::io_context io_{1};
    std::optional<asio::ssl::context> tls_{};
    tcp::acceptor acceptor_{io_, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
    const std::uint16_t port_ = acceptor_.local_endpoint().port();
    std::thread thread_{};
};

struct Tally {
    std::atomic<int> answered{0}, cancelled{0}, timed_out{0}, cut{0}, wrong{0};
    std::mutex mutex{};
    std::string first_wrong{};

    void add_wrong(const std::string& what) {
        const std::lock_guard lock{mutex};
        if (wrong++ == 0) first_wrong = what;
    }
};

template <class Transport>
asio::awaitable<result<HttpResponse>> send_plainly(Transport transport, HttpRequest request, Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    auto answer = co_await transport.exchange(request, deadline);
    co_return answer;
}

// One exchange that is cancelled after `patience`, by a timer on the same strand.
template <class Transport>
asio::awaitable<result<HttpResponse>> send_and_cancel(Transport transport, HttpRequest request, Deadline deadline,
                                                      std::chrono::microseconds patience) {
    const auto strand = co_await asio::this_coro::executor;
    struct Stop {
        explicit Stop(const asio::any_io_executor& on) : timer{on} {}
        asio::steady_timer timer;
        asio::cancellation_signal signal{};
    };
    const auto stop = std::make_shared<Stop>(strand);
    stop->timer.expires_after(patience);
    stop->timer.async_wait([stop](const boost::system::error_code& failed) {
        if (!failed) stop->signal.emit(asio::cancellation_type::terminal);
    });
    auto sending = send_plainly(std::move(transport), std::move(request), deadline);
    auto token = asio::bind_cancellation_slot(stop->signal.slot(), asio::as_tuple(asio::use_awaitable));
    auto [failure, answer] = co_await asio::co_spawn(strand, std::move(sending), token);
    stop->timer.cancel();
    if (failure) std::rethrow_exception(failure);
    co_return std::move(answer);
}

// A user on a strand of its own: one exchange after the other, some good, some cancelled, some too slow, some cut.
template <class Transport>
asio::awaitable<void> use(Transport transport, bool tls, std::uint16_t port, unsigned seed, Tally& tally) {
    std::mt19937 random{seed};
    for (int i = 0; i < rounds; ++i) {
        const auto kind = random() % 8;
        const bool to_cut = kind == 5;
        const bool to_wait = kind == 6 || kind == 7;
        const std::string word = to_cut ? "/cut/" : to_wait ? "/silent/" : kind == 4 ? "/close/" : "/good/";
        const auto path = word + std::to_string(seed) + '/' + std::to_string(i);
        const auto timeout = kind == 6 ? std::chrono::milliseconds{1 + random() % 20} : 30'000ms;
        const auto patience = std::chrono::microseconds{kind == 7 || kind == 3 ? random() % 5'000 : 60'000'000};
        auto sending = send_and_cancel(transport, get(tls, port, path), deadline_after(timeout), patience);
        auto answer = co_await std::move(sending);
        // A descriptor that the watchdog shut although it was another's by then would show here as a broken good one.
        if (answer && answer->body == path) {
            ++tally.answered;
        } else if (answer) {
            tally.add_wrong(path + " was answered with " + answer->body);
        } else if (const auto& error = answer.error(); error.code == errc::cancelled && (kind == 7 || kind == 3)) {
            ++tally.cancelled;
        } else if (error.code == errc::timed_out && kind == 6) {
            ++tally.timed_out;
        } else if (error.code == errc::infrastructure && to_cut) {
            ++tally.cut;
        } else {
            tally.add_wrong(path + ": " + error.message);
        }
    }
}

template <class Transport>
void run_users(asio::io_context& io, const Transport& transport, bool tls, std::uint16_t port) {
    Tally tally;
    std::atomic<int> running{users};
    for (unsigned i = 0; i < users; ++i)
        asio::co_spawn(asio::make_strand(io), use(transport, tls, port, i, tally), [&](std::exception_ptr failure) {
            if (failure) tally.add_wrong("an exception");
            --running;
        });
    std::vector<std::thread> runners;
    for (int i = 0; i < threads; ++i) runners.emplace_back([&] { io.run(); });
    std::size_t most_waiting = 0;
    while (running > 0) {
        const auto now = transport.statistics();
        most_waiting = std::max(most_waiting, now.waiting);
        if (now.busy_connections > 12) tally.add_wrong("more connections than allowed");
        std::this_thread::yield();
    }
    for (auto& runner : runners) runner.join();
    CAPTURE(tally.first_wrong);
    CHECK(tally.wrong == 0);
    CHECK(tally.answered + tally.cancelled + tally.timed_out + tally.cut == users * rounds);
    CHECK(tally.answered > 0);
    CHECK(tally.cancelled > 0);
    CHECK(tally.timed_out > 0);
    CHECK(tally.cut > 0);
    CHECK(most_waiting > 0);
    const auto after = transport.statistics();
    CHECK(after.busy_connections == 0);
    CHECK(after.waiting == 0);
    CHECK(after.connections_opened == after.connections_closed + after.idle_connections);
    if (tls) CHECK(after.tls_resumptions > 0);
}

}  // namespace

TEST_CASE("threads: one plain transport serves 48 users on four threads, each answer to its own request") {
    const Echo server{std::nullopt};
    asio::io_context io;
    const LoopbackTransport transport{io.get_executor(), {.max_per_origin = 12}};
    run_users(io, transport, false, server.port());
}

TEST_CASE("threads: one TLS transport serves 48 users on four threads, each answer to its own request") {
    const auto authority = ok(local::CertificateAuthority::create());
    const Echo server{ok(authority.issue({"localhost"}))};
    asio::io_context io;
    const HttpsTransport transport{io.get_executor(), {.extra_roots = authority.certificate()}, {.max_per_origin = 12}};
    run_users(io, transport, true, server.port());
}

TEST_CASE("threads: transports made and dropped on four threads leave no descriptor behind") {
    const Echo server{std::nullopt};
    const auto before = descriptors();
    {
        asio::io_context io;
        Tally tally;
        for (unsigned i = 0; i < users; ++i)
            asio::co_spawn(asio::make_strand(io),
                           use(LoopbackTransport{io.get_executor()}, false, server.port(), i, tally), asio::detached);
        std::vector<std::thread> runners;
        for (int i = 0; i < threads; ++i) runners.emplace_back([&] { io.run(); });
        for (auto& runner : runners) runner.join();
        CAPTURE(tally.first_wrong);
        CHECK(tally.wrong == 0);
    }
    const auto closed = [&] { return descriptors() <= before; };
    for (int i = 0; i < 200 && !closed(); ++i) std::this_thread::sleep_for(10ms);  // the server's ends
    CHECK(closed());
}
