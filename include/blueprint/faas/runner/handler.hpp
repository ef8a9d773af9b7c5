#ifndef BLUEPRINT_FAAS_RUNNER_HANDLER_HPP
#define BLUEPRINT_FAAS_RUNNER_HANDLER_HPP

#include "blueprint/faas/job.hpp"

#include <boost/asio/awaitable.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

namespace asio = boost::asio;

namespace detail {

template <class T>
struct AwaitedOf {
    using type = T;
    static constexpr bool awaitable = false;
};
template <class T>
struct AwaitedOf<asio::awaitable<T>> {
    using type = T;
    static constexpr bool awaitable = true;
};

// One constant, so that a compiler's refusal is one line and not the list of alternatives.
template <class A>
inline constexpr bool is_handler_answer =
    std::same_as<A, void> || std::same_as<A, result<void>> || std::same_as<A, Bytes> ||
    std::same_as<A, result<Bytes>> || std::same_as<A, std::vector<Bytes>> ||
    std::same_as<A, result<std::vector<Bytes>>>;

}  // namespace detail

/// Runs a job in this process: a function or coroutine of a `JobCall` that answers with `Bytes` (one result),
/// `std::vector<Bytes>` (several or none), nothing, or a `result` of these; a coroutine with an `asio::awaitable` of
/// one. A function holds up everything on its thread until it returns; an exception is a failed job.
template <class H>
concept JobHandler = std::move_constructible<H> && std::invocable<H&, JobCall> &&
                     detail::is_handler_answer<typename detail::AwaitedOf<std::invoke_result_t<H&, JobCall>>::type>;

namespace detail {

using HandlerResults = result<std::vector<Bytes>>;
using Handler = std::function<asio::awaitable<HandlerResults>(JobCall)>;

inline HandlerResults to_results(std::vector<Bytes> several) { return several; }
inline HandlerResults to_results(Bytes one) {
    std::vector<Bytes> several;
    several.push_back(std::move(one));
    return several;
}
inline HandlerResults to_results(result<void> none) {
    if (!none) return std::move(none).error();
    return std::vector<Bytes>{};
}
template <class T>
HandlerResults to_results(result<T> answer) {
    if (!answer) return std::move(answer).error();
    return to_results(std::move(*answer));
}

// The handler is shared with the coroutine: a capturing coroutine lambda must outlive what it started.
template <class H>
asio::awaitable<HandlerResults> call_handler(std::shared_ptr<H> handler, JobCall call) {
    using Returned = AwaitedOf<std::invoke_result_t<H&, JobCall>>;
    if constexpr (Returned::awaitable) {
        auto running = std::invoke(*handler, std::move(call));
        if constexpr (std::is_void_v<typename Returned::type>) {
            co_await std::move(running);
            co_return std::vector<Bytes>{};
        } else {
            auto answer = co_await std::move(running);
            co_return to_results(std::move(answer));
        }
    } else if constexpr (std::is_void_v<typename Returned::type>) {
        std::invoke(*handler, std::move(call));
        co_return std::vector<Bytes>{};
    } else {
        co_return to_results(std::invoke(*handler, std::move(call)));
    }
}

template <class H>
Handler make_handler(H handler) {
    return [shared = std::make_shared<H>(std::move(handler))](JobCall call) {
        return call_handler(shared, std::move(call));
    };
}

}  // namespace detail

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
