#ifndef BLUEPRINT_FAAS_RUNNER_IMPL_METRICS_PAGE_IPP
#define BLUEPRINT_FAAS_RUNNER_IMPL_METRICS_PAGE_IPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/runner/metrics_page.hpp"
#include "blueprint/faas/runner/prometheus.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <string_view>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

struct MetricsPage::State {
    asio::ip::tcp::acceptor acceptor;
    StatisticsSource source;
    std::chrono::milliseconds limit;
};

BLUEPRINT_FAAS_DECL result<MetricsPage> MetricsPage::listen(const asio::any_io_executor& executor,
                                                            StatisticsSource source, unsigned short port,
                                                            std::chrono::milliseconds limit) {
    using asio::ip::tcp;
    auto state = std::make_shared<State>(State{tcp::acceptor{executor}, std::move(source), limit});
    const tcp::endpoint here{asio::ip::address_v4::loopback(), port};
    auto& acceptor = state->acceptor;
    boost::system::error_code failed;
    acceptor.open(here.protocol(), failed);
    if (!failed) acceptor.set_option(tcp::acceptor::reuse_address{true}, failed);
    if (!failed) acceptor.bind(here, failed);
    if (!failed) acceptor.listen(asio::socket_base::max_listen_connections, failed);
    const auto bound = failed ? here : acceptor.local_endpoint(failed);
    if (failed)
        return Error{.code = errc::infrastructure,
                     .message = "the metrics page cannot listen on 127.0.0.1:" + std::to_string(port) + ": " +
                                failed.message() + "; choose another port, or 0 for a free one",
                     .execution = Execution::not_started};
    return MetricsPage{std::move(state), bound.port()};
}

namespace detail {

BLUEPRINT_FAAS_DECL std::string metrics_answer(std::string_view request, const StatisticsSource& source) {
    const auto line = request.substr(0, request.find("\r\n"));
    const auto method = line.substr(0, line.find(' '));
    auto target = line.substr(method.size());
    if (!target.empty()) target.remove_prefix(1);
    target = target.substr(0, target.find_first_of(" ?"));
    std::string status = "200 OK", body;
    if (line.find(" HTTP/1.") == std::string_view::npos)
        status = "400 Bad Request";
    else if (target != "/metrics")
        status = "404 Not Found";
    else if (method != "GET")
        status = "405 Method Not Allowed\r\nAllow: GET";
    else
        body = to_prometheus(source.read());
    return "HTTP/1.1 " + status + "\r\nContent-Type: " + std::string{prometheus_content_type} +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
}

}  // namespace detail

BLUEPRINT_FAAS_DECL asio::awaitable<void> MetricsPage::answer(std::shared_ptr<State> state,
                                                              std::shared_ptr<asio::ip::tcp::socket> socket) {
    constexpr std::size_t longest_request = 8192;
    asio::steady_timer limit{socket->get_executor(), deadline_after(state->limit)};
    limit.async_wait([socket](boost::system::error_code stopped) {
        boost::system::error_code ignored;
        if (!stopped) socket->close(ignored);
    });
    std::string request;
    const auto room = asio::dynamic_buffer(request, longest_request);
    const std::string_view end = "\r\n\r\n";
    const auto [unread, size] =
        co_await asio::async_read_until(*socket, room, end, asio::as_tuple(asio::use_awaitable));
    if (unread) co_return;
    const std::string text = detail::metrics_answer(request, state->source);
    const auto bytes = asio::buffer(text);
    co_await asio::async_write(*socket, bytes, asio::as_tuple(asio::use_awaitable));
    boost::system::error_code ignored;
    socket->shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

BLUEPRINT_FAAS_DECL asio::awaitable<result<void>> MetricsPage::serve(std::shared_ptr<State> state) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto here = co_await asio::this_coro::executor;
    for (;;) {
        auto socket = std::make_shared<asio::ip::tcp::socket>(here);
        const auto [failed] = co_await state->acceptor.async_accept(*socket, asio::as_tuple(asio::use_awaitable));
        const auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none)
            co_return Error{.code = errc::cancelled, .message = "the metrics page was stopped"};
        if (failed) {
            // Out of descriptors for a moment, or a peer that has gone: the run must not end by it.
            asio::steady_timer pause{here, std::chrono::milliseconds{100}};
            co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
            continue;
        }
        auto answering = answer(state, std::move(socket));
        co_await std::move(answering);
    }
}

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
