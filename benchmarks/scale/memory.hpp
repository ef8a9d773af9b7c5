#ifndef BLUEPRINT_FAAS_BENCHMARKS_SCALE_MEMORY_HPP
#define BLUEPRINT_FAAS_BENCHMARKS_SCALE_MEMORY_HPP

// Executors that are whole but for the network.

#include "blueprint/faas/provider/custom.hpp"
#include "blueprint/faas/transport/in_memory.hpp"
#include "scale/scale.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace bench {

namespace asio = boost::asio;

inline faas::HttpResponse echo(const faas::HttpRequest& request) {
    faas::HttpResponse answer{.status = 200, .body = std::string{request.body.view()}};
    answer.headers.add("Content-Type", "application/octet-stream");
    return answer;
}

/// Answers each request `latency` after it came, and counts how many waited at once. One thread.
class LatentTransport {
public:
    static constexpr bool confidential = true;

    struct Seen {
        std::size_t running = 0;
        std::size_t most = 0;
    };

    LatentTransport(asio::any_io_executor executor, std::chrono::microseconds latency, Seen& seen)
        : executor_{std::move(executor)}, latency_{latency}, seen_{&seen} {}

    asio::any_io_executor get_executor() const noexcept { return executor_; }
    asio::awaitable<faas::result<faas::HttpResponse>> exchange(const faas::HttpRequest& request, faas::Deadline) {
        seen_->most = std::max(seen_->most, ++seen_->running);
        asio::steady_timer timer{executor_, latency_};
        const auto [stopped] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        --seen_->running;
        if (stopped) co_return faas::Error{.code = faas::errc::cancelled};
        co_return echo(request);
    }

private:
    asio::any_io_executor executor_;
    std::chrono::microseconds latency_;
    Seen* seen_;
};

/// An executor of the custom contract over `transport`, bytes as they are.
template <class Transport>
auto make_executor(Transport transport, std::string url = "https://faas.example.com") {
    return good(faas::custom::create<faas::Binary>(std::move(transport), {.base_url = std::move(url)}));
}
/// The same over memory: each call is answered before it can wait.
inline auto make_instant_executor(asio::any_io_executor executor) {
    return make_executor(faas::InMemoryTransport{std::move(executor), [](const faas::HttpRequest& request) {
                                                     return faas::result<faas::HttpResponse>{echo(request)};
                                                 }});
}

inline faas::JobCall make_call(std::uint32_t job = 0) { return {.job_id = job, .args = faas::Bytes(64)}; }

inline void check(const faas::result<faas::Invocation>& done) {
    if (!done) fail(done.error().message);
    if (!done->result.outcome) fail(done->result.outcome.error().message);
}

/// Makes so many calls, one after the other.
template <class Executor>
asio::awaitable<void> call_in_turn(Executor& executor, std::size_t calls) {
    for (std::size_t i = 0; i < calls; ++i) {
        auto call = make_call();
        auto done = co_await executor.invoke_with_metrics(std::move(call));
        check(done);
    }
}

}  // namespace bench

#endif
