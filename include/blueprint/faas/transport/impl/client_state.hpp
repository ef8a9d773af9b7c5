#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_CLIENT_STATE_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_CLIENT_STATE_HPP

#include "blueprint/faas/transport/http_client.hpp"
#include "blueprint/faas/transport/impl/attempt.hpp"
#include "blueprint/faas/transport/impl/connect.hpp"
#include "blueprint/faas/transport/impl/connection.hpp"
#include "blueprint/faas/transport/impl/optional_mutex.hpp"
#include "blueprint/faas/transport/impl/peers.hpp"
#include "blueprint/faas/transport/impl/pool.hpp"
#include "blueprint/faas/transport/impl/resolver.hpp"
#include "blueprint/faas/transport/impl/tls_context.hpp"
#include "blueprint/faas/transport/impl/watchdog.hpp"
#include "blueprint/faas/transport/impl/workbench.hpp"

#include <boost/asio/strand.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::detail {

using ConnectionPool = Pool<std::shared_ptr<Connection>, std::shared_ptr<ConnectAttempt>>;

/// A place in the pool that one exchange holds, with its connection or leave to open one; given up when it goes.
class Held {
public:
    Held() = default;
    Held(std::shared_ptr<HttpClient::State> state, ConnectionPool::Lease lease)
        : state_{std::move(state)}, lease_{std::move(lease)} {}
    Held(Held&& other) noexcept
        : state_{std::move(other.state_)},
          lease_{std::exchange(other.lease_, {})},
          reused_{std::exchange(other.reused_, false)} {}
    Held& operator=(Held&& other) noexcept {
        Held taken{std::move(other)};
        std::swap(state_, taken.state_);
        std::swap(lease_, taken.lease_);
        std::swap(reused_, taken.reused_);
        return *this;
    }
    inline ~Held();

    bool empty() const noexcept { return lease_.place == nullptr; }
    const std::shared_ptr<Connection>& connection() const noexcept { return lease_.item; }
    HttpClient::State& state() const noexcept { return *state_; }
    bool reused() const noexcept { return reused_; }
    /// Closes what has died while it was idle; then the place may have a connection that lives, or none.
    inline void find_healthy();
    /// Puts a connection just opened into the place.
    inline void fill(std::shared_ptr<Connection> opened);
    /// Lets others use the connection, and the place with it.
    inline void keep();

private:
    std::shared_ptr<HttpClient::State> state_;
    ConnectionPool::Lease lease_;
    bool reused_ = false;
};

struct HttpClient::State : std::enable_shared_from_this<HttpClient::State> {
    State(asio::any_io_executor io, Mode kind, ConnectionOptions limits, TlsOptions trust, bool several_threads)
        : executor{std::move(io)},
          mode{kind},
          locks{several_threads},
          options{std::make_shared<const ConnectionOptions>(std::move(limits))},
          tls{std::move(trust)},
          watchdog{std::make_shared<Watchdog>(executor, locks)},
          resolver{std::make_shared<Resolver>(executor, options->dns_ttl, locks)},
          mutex{locks},
          pool{PoolLimits{.max_per_origin = std::max<std::size_t>(options->max_per_origin, 1),
                          .max_idle = options->max_idle,
                          .max_idle_time = options->max_idle_time,
                          .max_age = options->max_age}} {
        if (mode == Mode::https_only) find_proxy();
    }

    const asio::any_io_executor executor;
    const Mode mode;
    const bool locks;
    const std::shared_ptr<const ConnectionOptions> options;
    const TlsOptions tls;
    const std::shared_ptr<Watchdog> watchdog;
    const std::shared_ptr<Resolver> resolver;
    std::shared_ptr<const Proxy> proxy;
    std::optional<Error> proxy_error;

    struct Counters {
        std::atomic<std::uint64_t> opened{0}, reused{0}, closed{0}, failed{0}, requests{0}, resumed{0};
    };
    Counters counters;

    Workbenches benches;

    mutable OptionalMutex mutex;  // guards what follows; never held over a co_await
    ConnectionPool pool;
    std::shared_ptr<TlsContext> context;

    BLUEPRINT_FAAS_COLD void find_proxy() {
        const bool from_environment = options->proxy.url.empty() && options->proxy_from_environment;
        result<ProxyOptions> wanted = options->proxy;
        if (from_environment) wanted = ProxyOptions::from_environment();
        if (!wanted) {
            proxy_error = std::move(wanted).error();
            return;
        }
        auto made = make_proxy(*wanted, from_environment);
        if (!made) {
            proxy_error = std::move(made).error();
        } else if (*made) {
            proxy = std::make_shared<const Proxy>(std::move(**made));
        }
    }

    /// Returns what runs one thing at a time: a strand, or with one thread the executor itself.
    asio::any_io_executor serial() const {
        if (!locks) return executor;
        return asio::make_strand(executor);
    }

    Peers peers() const noexcept {
        switch (mode) {
            case Mode::https_only: break;
            case Mode::loopback_http_only: return Peers::loopback;
            case Mode::metadata_http_only: return Peers::metadata;
        }
        return Peers::all;
    }

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
        if (mode != Mode::https_only && request.origin.tls)
            return error(to_string(request.origin) + " wants TLS: use HttpsTransport");
        if (!request.headers.refused().empty())
            return error("header field '" + request.headers.refused() +
                         "' was not sent: names must be tokens, and values free of line breaks and NUL");
        const auto unfit = [](unsigned char c) { return c <= ' ' || c == 0x7f; };
        if (!request.target.starts_with('/') || std::ranges::any_of(request.target, unfit))
            return error("the request target is no percent-encoded path that begins with '/'");
        return std::nullopt;
    }

    /// Adds TLS and the proxy to a plan.
    BLUEPRINT_FAAS_COLD result<void> complete(ConnectPlan& plan) {
        if (!plan.origin.tls) return {};
        if (proxy_error && (!options->proxy.url.empty() || !is_loopback_name(plan.origin.host))) return *proxy_error;
        if (proxy && goes_through(*proxy, plan.origin)) plan.proxy = proxy;
        const std::lock_guard lock{mutex};
        if (!context) {
            auto made = make_tls_context(tls, options->resume_tls_sessions, locks);
            if (!made) return std::move(made).error();
            context = std::move(*made);
        }
        plan.tls = context;
        return {};
    }

    /// Gives out a living connection of `origin`, or leave to open one, or (empty) nothing because all are busy.
    Held take(const Origin& origin, Deadline now) {
        std::vector<std::shared_ptr<Connection>> dropped;  // closed outside the lock
        ConnectionPool::Lease lease;
        {
            const std::lock_guard lock{mutex};
            if (!pool.take(origin, now, lease, dropped)) lease = {};
        }
        close(dropped);
        if (lease.place == nullptr) return {};
        Held held{shared_from_this(), std::move(lease)};
        held.find_healthy();
        return held;
    }
    void close(std::vector<std::shared_ptr<Connection>>& dropped) {
        if (!dropped.empty()) counters.closed.fetch_add(dropped.size(), std::memory_order_relaxed);
        dropped.clear();
    }
    void release(ConnectionPool::Lease lease) {
        if (lease.item) counters.closed.fetch_add(1, std::memory_order_relaxed);
        lease.item.reset();
        std::shared_ptr<ConnectAttempt> next;
        {
            const std::lock_guard lock{mutex};
            next = pool.release(std::move(lease));
        }
        if (next) next->ring();
    }

    BLUEPRINT_FAAS_COLD TransportStatistics read_statistics() const {
        const auto read = [](const std::atomic<std::uint64_t>& counter) {
            return counter.load(std::memory_order_relaxed);
        };
        TransportStatistics now{.connections_opened = read(counters.opened),
                                .connections_reused = read(counters.reused),
                                .connections_closed = read(counters.closed),
                                .connections_failed = read(counters.failed),
                                .requests_sent = read(counters.requests),
                                .tls_resumptions = read(counters.resumed),
                                .dns_lookups = resolver->lookups()};
        const std::lock_guard lock{mutex};
        now.idle_connections = pool.idle();
        now.busy_connections = pool.busy();
        now.waiting = pool.waiting();
        return now;
    }
};

inline Held::~Held() {
    if (lease_.place != nullptr) state_->release(std::move(lease_));
}

inline void Held::find_healthy() {
    while (lease_.item && !lease_.item->reusable()) {
        std::vector<std::shared_ptr<Connection>> dropped;
        dropped.push_back(std::move(lease_.item));
        lease_.item = nullptr;
        {
            const std::lock_guard lock{state_->mutex};
            state_->pool.replace(lease_, std::chrono::steady_clock::now(), dropped);
        }
        state_->close(dropped);
    }
    reused_ = lease_.item != nullptr;
    if (reused_) state_->counters.reused.fetch_add(1, std::memory_order_relaxed);
}

inline void Held::fill(std::shared_ptr<Connection> opened) {
    lease_.item = std::move(opened);
    state_->counters.opened.fetch_add(1, std::memory_order_relaxed);
    const auto& tls = lease_.item->tls;
    if (tls && SSL_session_reused(lease_.item->tls->native_handle()) == 1)
        state_->counters.resumed.fetch_add(1, std::memory_order_relaxed);
}

inline void Held::keep() {
    std::vector<std::shared_ptr<Connection>> dropped;
    std::shared_ptr<ConnectAttempt> next;
    const auto opened = lease_.item->opened;
    {
        const std::lock_guard lock{state_->mutex};
        next = state_->pool.give_back(std::exchange(lease_, {}), opened, std::chrono::steady_clock::now(), dropped);
    }
    state_->close(dropped);
    if (next) next->ring();
}

/// An exchange's stay in the pool's queue. Whatever is granted to one who is no longer there goes to the next.
class Queued {
public:
    Queued(std::shared_ptr<HttpClient::State> state, std::shared_ptr<ConnectAttempt> attempt)
        : state_{std::move(state)} {
        waiter_.bell = std::move(attempt);
    }
    Queued(const Queued&) = delete;
    Queued& operator=(const Queued&) = delete;
    ~Queued() {
        {
            const std::lock_guard lock{state_->mutex};
            state_->pool.leave(waiter_);
        }
        Held unwanted{state_, std::exchange(waiter_.granted, {})};
        if (unwanted.connection()) unwanted.keep();
    }

    /// Takes a place if one is free by now, or else queues.
    void enter(const Origin& origin, Held& held) {
        std::vector<std::shared_ptr<Connection>> dropped;
        ConnectionPool::Lease lease;
        {
            const std::lock_guard lock{state_->mutex};
            if (!state_->pool.take(origin, std::chrono::steady_clock::now(), lease, dropped))
                state_->pool.queue(origin, waiter_);
        }
        state_->close(dropped);
        if (lease.place != nullptr) held = Held{state_, std::move(lease)};
    }
    /// Takes what was granted meanwhile, if anything.
    void look(Held& held) {
        ConnectionPool::Lease granted;
        {
            const std::lock_guard lock{state_->mutex};
            if (waiter_.queued) return;
            granted = std::exchange(waiter_.granted, {});
        }
        if (granted.place != nullptr) held = Held{state_, std::move(granted)};
    }

private:
    std::shared_ptr<HttpClient::State> state_;
    ConnectionPool::Waiter waiter_{};
};

}  // namespace blueprint::faas::detail

#endif
