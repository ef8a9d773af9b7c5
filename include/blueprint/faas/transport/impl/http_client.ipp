#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_HTTP_CLIENT_IPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_HTTP_CLIENT_IPP

#include "blueprint/faas/transport/http_client.hpp"
#include "blueprint/faas/transport/impl/client_state.hpp"
#include "blueprint/faas/transport/impl/connect.hpp"
#include "blueprint/faas/transport/impl/connection.hpp"
#include "blueprint/faas/transport/impl/exchange.hpp"
#include "blueprint/faas/transport/impl/watchdog.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>

#include <optional>
#include <ostream>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

namespace http_client {

// What the caller's cancellation does while an attempt is under way on its own strand. Asio 1.81 would hand it over by
// a pointer that may have gone by then. Weak, because the caller's signal may outlive the io_context.
struct StopAttempt {
    std::weak_ptr<ConnectAttempt> attempt;
    void operator()(asio::cancellation_type) const {
        if (const auto held = attempt.lock()) asio::dispatch(held->serial, [held] { held->stop(); });
    }
};

inline Error queue_error(const ConnectAttempt& attempt, const Origin& origin, const ConnectionOptions& options) {
    const auto bound = std::to_string(options.max_per_origin);
    if (!attempt.late())
        return connect_error(errc::cancelled, "cancelled while waiting for a connection to " + to_string(origin),
                             false);
    return connect_error(errc::timed_out,
                         "all " + bound + " connections to " + to_string(origin) +
                             " were busy until the deadline: call less at once, allow more time, or raise "
                             "ConnectionOptions::max_per_origin (" +
                             bound + ")",
                         true);
}

// What a server says that has waited long enough for the next request, and hangs up. It met ours on the way.
// Source: RFC 9110, section 15.5.9 (408).
inline Error gave_up_waiting(const Origin& origin) {
    return connect_error(errc::infrastructure,
                         to_string(origin) + " gave up the kept connection (408) as the request was on its way", true);
}

inline Error cancelled() { return connect_error(errc::cancelled, "cancelled before the request was sent", false); }

// Waits in the queue for a place, and fills it with a connection: a kept one that is still good, or a new one.
inline asio::awaitable<result<Held>> acquire(std::shared_ptr<HttpClient::State> state,
                                             std::shared_ptr<ConnectAttempt> attempt, Origin origin, Deadline deadline,
                                             Held held) {
    co_await asio::this_coro::throw_if_cancelled(false);
    attempt->hold_to(deadline, false);
    if (held.empty()) {
        Queued queued{state, attempt};
        queued.enter(origin, held);
        while (held.empty() && !attempt->stopped()) {
            co_await attempt->wait();
            queued.look(held);
        }
        if (attempt->stopped()) {
            if (held.connection()) held.keep();
            co_return queue_error(*attempt, origin, *state->options);
        }
        held.find_healthy();
    }
    if (!held.connection()) {
        ConnectPlan plan{
            .executor = state->executor, .origin = origin, .options = state->options, .peers = state->peers()};
        auto ready = state->complete(plan);
        if (!ready) co_return std::move(ready).error();
        const auto limit = deadline_after(state->options->connect_timeout);
        attempt->hold_to(std::min(limit, deadline), limit < deadline);
        auto opened = co_await connect(attempt, std::move(plan), state->resolver);
        if (!opened) {
            state->counters.failed.fetch_add(1, std::memory_order_relaxed);
            co_return std::move(opened).error();
        }
        held.fill(std::move(*opened));
    }
    co_return std::move(held);
}

inline asio::awaitable<result<Held>> attempt_to_acquire(std::shared_ptr<HttpClient::State> state,
                                                        std::shared_ptr<ConnectAttempt> attempt, Origin origin,
                                                        Deadline deadline, Held held) {
    auto outcome = co_await acquire(std::move(state), attempt, std::move(origin), deadline, std::move(held));
    attempt->end();
    co_return std::move(outcome);
}

// Fills `held` with a connection that is yet to be opened or waited for. Returns why there is none.
inline asio::awaitable<std::unique_ptr<Error>> fill(std::shared_ptr<HttpClient::State> state, const Origin& origin,
                                                    Deadline deadline, Held& held) {
    const auto attempt = std::make_shared<ConnectAttempt>(state->serial());
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    auto slot = cancellation.slot();
    if (cancellation.cancelled() != asio::cancellation_type::none) co_return std::make_unique<Error>(cancelled());
    if (slot.is_connected()) slot.assign(StopAttempt{attempt});
    auto acquiring = attempt_to_acquire(state, attempt, origin, deadline, std::move(held));
    auto token = asio::bind_cancellation_slot(asio::cancellation_slot{}, asio::as_tuple(asio::use_awaitable));
    auto [failure, acquired] = co_await asio::co_spawn(attempt->serial, std::move(acquiring), token);
    if (slot.is_connected()) slot.clear();
    if (failure) std::rethrow_exception(failure);
    if (!acquired) co_return std::make_unique<Error>(std::move(acquired).error());
    held = std::move(*acquired);
    co_return nullptr;
}

// Hears what steps did not bring. In TLS 1.3 a server checks our certificate after the handshake has ended for us; its
// verdict is the first thing it says. Then it never looked at the request. If it hung up before we wrote, the verdict
// is still unread; what has not come by now is not waited for.
inline asio::awaitable<result<HttpResponse>> hear(Conversation& talk, Held& held, Watchdog::Watch& watch) {
    auto answer = co_await talk.end();
    auto& connection = *held.connection();
    if (answer || !connection.tls || held.reused() || watch.expired() || answer.error().code != errc::infrastructure)
        co_return answer;
    if (!connection.tls_failure && answer.error().execution == Execution::not_started) {
        boost::system::error_code gone;
        connection.socket.shutdown(asio::socket_base::shutdown_receive, gone);
        const auto heard = co_await connection.read();
        (void)heard;
    }
    if (is_about_our_certificate(connection.tls_failure))
        co_return certificate_error(connection, connection.tls_failure);
    co_return answer;
}

}  // namespace http_client

BLUEPRINT_FAAS_DECL HttpClient::HttpClient(asio::any_io_executor executor, Mode mode, ConnectionOptions connections,
                                           TlsOptions tls, bool locks)
    : state_{std::make_shared<State>(std::move(executor), mode, std::move(connections), std::move(tls), locks)} {}

BLUEPRINT_FAAS_DECL HttpClient::~HttpClient() = default;

BLUEPRINT_FAAS_DECL asio::any_io_executor HttpClient::get_executor() const noexcept { return state_->executor; }

BLUEPRINT_FAAS_DECL TransportStatistics HttpClient::statistics() const { return state_->read_statistics(); }

BLUEPRINT_FAAS_DECL asio::awaitable<result<HttpResponse>> HttpClient::exchange(const HttpRequest& request,
                                                                               Deadline deadline) {
    if (auto refused = state_->refuse(request)) co_return std::move(*refused);
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline)
        co_return connect_error(
            errc::timed_out, "the deadline had passed before the request to " + to_string(request.origin) + " was sent",
            false);

    auto held = state_->take(request.origin, now);
    if (!held.connection()) {
        auto failed = co_await http_client::fill(state_, request.origin, deadline, held);
        if (failed) co_return std::move(*failed);
    }
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) {
        held.keep();
        co_return http_client::cancelled();
    }

    auto& state = held.state();
    auto& connection = *held.connection();
    const bool reused = held.reused();
    std::optional<Watchdog::Watch> watch;
    watch.emplace(*state.watchdog, connection.socket.native_handle(), deadline);
    state.counters.requests.fetch_add(1, std::memory_order_relaxed);
    Conversation talk{connection, *watch, state.benches, request};
    for (auto step = talk.begin(); Conversation::waits(step);) {
        const auto ready = co_await connection.until(step);
        const auto now_cancelled = co_await asio::this_coro::cancellation_state;
        step = talk.go_on(ready.failed, now_cancelled.cancelled());
    }
    bool reusable = talk.reusable();
    if (!talk.answered()) {
        auto heard = co_await http_client::hear(talk, held, *watch);
        if (!heard) co_return heard;
        reusable = talk.reusable();
        talk.answer() = std::move(*heard);
    }
    auto& answer = talk.answer();
    if (reused && !reusable && answer.status == 408) co_return http_client::gave_up_waiting(request.origin);
    answer.connection_reused = reused;
    watch.reset();  // before another coroutine may take the connection
    if (reusable) held.keep();
    co_return std::move(answer);
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
