#ifndef BLUEPRINT_FAAS_TRANSPORT_IN_MEMORY_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IN_MEMORY_HPP

#include "blueprint/faas/body_stream.hpp"
#include "blueprint/faas/transport/concept.hpp"

#include <functional>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

/// Answers every request by calling a handler: unit tests need no socket, and nothing leaves the process.
/// The handler is called from the coroutine that makes the exchange. Copies share nothing but what the handler shares.
class InMemoryTransport {
public:
    static constexpr bool confidential = true;  // no byte leaves the process
    using Handler = std::function<result<HttpResponse>(const HttpRequest&)>;

    InMemoryTransport(asio::any_io_executor executor, Handler handler)
        : executor_{std::move(executor)}, handler_{std::move(handler)} {}

    asio::any_io_executor get_executor() const noexcept { return executor_; }
    asio::awaitable<result<HttpResponse>> exchange(const HttpRequest& request, Deadline deadline) {
        if (!request.headers.refused().empty())
            co_return Error{.code = errc::invalid_configuration,
                            .message = "header field '" + request.headers.refused() + "' has a forbidden character",
                            .execution = Execution::not_started};
        if (std::chrono::steady_clock::now() >= deadline)
            co_return Error{.code = errc::timed_out,
                            .message = "the deadline had passed before the request was sent",
                            .execution = Execution::not_started};
        auto answer = handler_(request);
        if (answer && request.sink && answer->status >= 200 && answer->status < 300) {
            auto taken = hand_over(*answer, *request.sink);
            if (!taken) co_return std::move(taken).error();
        }
        co_return answer;
    }

private:
    static result<void> hand_over(HttpResponse& answer, BodySink& sink) {
        const auto body = std::exchange(answer.body, {});
        auto begun = sink.begin(answer);
        return begun ? sink.write(body) : begun;
    }

    asio::any_io_executor executor_;
    Handler handler_;
};
static_assert(Transport<InMemoryTransport>);

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
