#ifndef BLUEPRINT_FAAS_RUNNER_METRICS_PAGE_HPP
#define BLUEPRINT_FAAS_RUNNER_METRICS_PAGE_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/runner/parts.hpp"
#include "blueprint/faas/runner/statistics.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace blueprint::faas {

/// Serves a runner's statistics to Prometheus, as plain HTTP on this machine's loopback alone: `GET /metrics`. One
/// scrape after the other; who is slow loses the connection after the time limit.
///
///     StatisticsSource numbers;
///     auto page = MetricsPage::listen(io.get_executor(), numbers, 9464).value();
///     Runner::builder(io).publish_statistics(numbers).background_service(std::move(page))...
class MetricsPage {
public:
    /// Listens on `port` of 127.0.0.1, or on a free one if it is 0. `errc::infrastructure` if that cannot be had.
    static result<MetricsPage> listen(const asio::any_io_executor& executor, StatisticsSource source,
                                      unsigned short port, std::chrono::milliseconds limit = std::chrono::seconds{5});

    /// Where it listens.
    unsigned short port() const noexcept { return port_; }
    /// Serves until it is cancelled; see `BackgroundService`. Once.
    asio::awaitable<result<void>> start() { return serve(state_); }

private:
    struct State;
    MetricsPage(std::shared_ptr<State> state, unsigned short port) : state_{std::move(state)}, port_{port} {}
    static asio::awaitable<result<void>> serve(std::shared_ptr<State> state);
    static asio::awaitable<void> answer(std::shared_ptr<State> state, std::shared_ptr<asio::ip::tcp::socket> socket);

    std::shared_ptr<State> state_;
    unsigned short port_;
};

static_assert(BackgroundService<MetricsPage>);

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/runner/impl/metrics_page.ipp"
#endif

#endif
