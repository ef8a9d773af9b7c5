#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_HTTP_CLIENT_IPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_HTTP_CLIENT_IPP

#include "blueprint/faas/transport/http_client.hpp"
#include "blueprint/faas/transport/impl/connect.hpp"
#include "blueprint/faas/transport/impl/connection.hpp"
#include "blueprint/faas/transport/impl/exchange.hpp"
#include "blueprint/faas/transport/impl/tls_context.hpp"
#include "blueprint/faas/transport/impl/watchdog.hpp"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>

#include <deque>
#include <mutex>
#include <optional>
#include <ostream>

namespace blueprint::faas::detail {

struct HttpClient::State {
    State(asio::any_io_executor io, Mode kind, ConnectionOptions limits, TlsOptions trust)
        : executor{std::move(io)},
          mode{kind},
          options{limits},
          tls{std::move(trust)},
          watchdog{std::make_shared<Watchdog>(executor)} {}

    asio::any_io_executor executor;
    const Mode mode;
    const ConnectionOptions options;
    const TlsOptions tls;
    std::shared_ptr<Watchdog> watchdog;

    std::mutex mutex;  // guards what follows; never held over a co_await
    std::shared_ptr<asio::ssl::context> context;
    std::deque<std::shared_ptr<Connection>> idle;  // the one used last is at the back
    TransportStatistics statistics;

    std::optional<Error> refuse(const HttpRequest& request) const {
        const auto error = [](std::string message) {
            return Error{.code = errc::invalid_configuration,
                         .message = std::move(message),
                         .execution = Execution::not_started};
        };
        if (mode == Mode::https_only && !request.origin.tls)
            return error(to_string(request.origin) +
                         " is plain HTTP: HttpsTransport speaks https:// only (LoopbackTransport speaks http:// to "
                         "this machine)");
        if (mode == Mode::loopback_http_only && request.origin.tls)
            return error(to_string(request.origin) + " wants TLS: use HttpsTransport");
        if (!request.headers.refused().empty())
            return error("header field '" + request.headers.refused() +
                         "' was not sent: names must be tokens, and values free of line breaks and NUL");
        if (!request.target.starts_with('/') ||
            request.target.find_first_of(std::string_view{" \t\r\n\0", 5}) != std::string::npos)
            return error("the request target is no percent-encoded path that begins with '/'");
        return std::nullopt;
    }

    result<std::shared_ptr<asio::ssl::context>> tls_context() {
        const std::lock_guard lock{mutex};
        if (!context) {
            auto made = make_tls_context(tls);
            if (!made) return made.error();
            context = std::move(*made);
        }
        return context;
    }

    std::shared_ptr<Connection> take_idle(const Origin& origin) {
        // Those too old or useless are closed outside the lock, when `dropped` goes.
        std::vector<std::shared_ptr<Connection>> dropped;
        const std::lock_guard lock{mutex};
        const auto oldest = std::chrono::steady_clock::now() - options.max_idle_time;
        while (!idle.empty() && idle.front()->idle_since < oldest) {
            dropped.push_back(std::move(idle.front()));
            idle.pop_front();
        }
        for (auto at = idle.size(); at-- > 0;) {
            if (idle[at]->origin() != origin) continue;
            auto connection = std::move(idle[at]);
            idle.erase(idle.begin() + static_cast<std::ptrdiff_t>(at));
            if (connection->reusable()) return connection;
            dropped.push_back(std::move(connection));
        }
        return nullptr;
    }

    void keep(std::shared_ptr<Connection> connection) {
        std::shared_ptr<Connection> dropped;
        const std::lock_guard lock{mutex};
        connection->idle_since = std::chrono::steady_clock::now();
        idle.push_back(std::move(connection));
        if (idle.size() > options.max_idle) {
            dropped = std::move(idle.front());
            idle.pop_front();
        }
    }
};

BLUEPRINT_FAAS_DECL HttpClient::HttpClient(asio::any_io_executor executor, Mode mode, ConnectionOptions connections,
                                           TlsOptions tls)
    : state_{std::make_shared<State>(std::move(executor), mode, connections, std::move(tls))} {}

BLUEPRINT_FAAS_DECL HttpClient::~HttpClient() = default;

BLUEPRINT_FAAS_DECL asio::any_io_executor HttpClient::get_executor() const noexcept { return state_->executor; }

BLUEPRINT_FAAS_DECL TransportStatistics HttpClient::statistics() const {
    const std::lock_guard lock{state_->mutex};
    auto statistics = state_->statistics;
    statistics.idle_connections = state_->idle.size();
    return statistics;
}

BLUEPRINT_FAAS_DECL asio::awaitable<result<HttpResponse>> HttpClient::exchange(const HttpRequest& request,
                                                                               Deadline deadline) {
    const auto state = state_;
    if (auto refused = state->refuse(request)) co_return std::move(*refused);
    if (std::chrono::steady_clock::now() >= deadline)
        co_return connect_error(
            errc::timed_out, "the deadline had passed before the request to " + to_string(request.origin) + " was sent",
            false);

    auto connection = state->take_idle(request.origin);
    const bool reused = connection != nullptr;
    if (!connection) {
        std::shared_ptr<asio::ssl::context> context;
        if (request.origin.tls) {
            auto made = state->tls_context();
            if (!made) co_return made.error();
            context = std::move(*made);
        }
        const Strand strand = asio::make_strand(state->executor);
        const auto limit = std::min(deadline, deadline_after(state->options.connect_timeout));
        auto connecting = connect(strand, state->executor, request.origin, std::move(context),
                                  state->mode == Mode::loopback_http_only, limit);
        auto [failure, opened] =
            co_await asio::co_spawn(strand, std::move(connecting), asio::as_tuple(asio::use_awaitable));
        if (failure) std::rethrow_exception(failure);
        if (!opened) co_return opened.error();
        connection = std::move(*opened);
        const std::lock_guard lock{state->mutex};
        ++state->statistics.connections_opened;
    }
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none)
        co_return connect_error(errc::cancelled, "cancelled before the request was sent", false);

    std::optional<Watchdog::Watch> watch;
    watch.emplace(state->watchdog, connection->socket.native_handle(), deadline);
    {
        const std::lock_guard lock{state->mutex};
        ++state->statistics.requests_sent;
    }
    bool reusable = false;
    auto answer = co_await converse(*connection, *watch, request, reusable);
    if (!answer) co_return answer;
    answer->connection_reused = reused;
    watch.reset();  // before another coroutine may take the connection
    if (reusable) state->keep(std::move(connection));
    co_return answer;
}

}  // namespace blueprint::faas::detail

#endif
