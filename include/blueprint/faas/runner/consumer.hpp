#ifndef BLUEPRINT_FAAS_RUNNER_CONSUMER_HPP
#define BLUEPRINT_FAAS_RUNNER_CONSUMER_HPP

#include "blueprint/faas/metrics.hpp"

#include <boost/asio/awaitable.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

namespace asio = boost::asio;

/// Where results go, failed ones included. `consume` gets one result after the other, in the order they became ready,
/// never two at once; the reference is good until its awaitable ends. An `Error` ends this consumer. It is called on
/// the runner's strand. It may have `finish()`, awaited once after the last result, of the same type. Models:
/// CallbackConsumer, CollectorConsumer, ChannelConsumer, JsonLinesConsumer.
template <class C>
concept Consumer = std::move_constructible<C> && requires(C& consumer, const Invocation& invocation) {
    { consumer.consume(invocation) } -> std::same_as<asio::awaitable<result<void>>>;
};

/// Calls `f(invocation)`, which returns nothing, a `result<void>`, or an `asio::awaitable` of that.
template <class F>
    requires std::same_as<std::invoke_result_t<F&, const Invocation&>, void> ||
             std::same_as<std::invoke_result_t<F&, const Invocation&>, result<void>> ||
             std::same_as<std::invoke_result_t<F&, const Invocation&>, asio::awaitable<result<void>>>
class CallbackConsumer {
public:
    explicit CallbackConsumer(F f) : f_{std::move(f)} {}

    asio::awaitable<result<void>> consume(const Invocation& invocation) {
        using Returned = std::invoke_result_t<F&, const Invocation&>;
        if constexpr (std::same_as<Returned, asio::awaitable<result<void>>>)
            return std::invoke(f_, invocation);
        else
            return call(invocation);
    }

private:
    asio::awaitable<result<void>> call(const Invocation& invocation) {
        if constexpr (std::is_void_v<std::invoke_result_t<F&, const Invocation&>>) {
            std::invoke(f_, invocation);
            co_return result<void>{};
        } else {
            co_return std::invoke(f_, invocation);
        }
    }

    F f_;
};

/// Keeps all results. Copies share what they keep, so hand one to the runner and read the other; safe from every
/// thread. More than `limit` results are an error of the consumer.
class CollectorConsumer {
public:
    explicit CollectorConsumer(std::size_t limit = 1'000'000) : kept_{std::make_shared<Kept>()}, limit_{limit} {}

    asio::awaitable<result<void>> consume(const Invocation& invocation) {
        const std::lock_guard lock{kept_->mutex};
        if (kept_->invocations.size() >= limit_)
            co_return Error{.code = errc::invalid_configuration,
                            .message = "the collector is full with " + std::to_string(limit_) +
                                       " results: raise its limit, or consume results as they come"};
        kept_->invocations.push_back(invocation);
        co_return result<void>{};
    }

    std::size_t size() const {
        const std::lock_guard lock{kept_->mutex};
        return kept_->invocations.size();
    }
    /// Returns all results so far and keeps none of them.
    std::vector<Invocation> take() {
        const std::lock_guard lock{kept_->mutex};
        return std::exchange(kept_->invocations, {});
    }

private:
    struct Kept {
        std::mutex mutex{};
        std::vector<Invocation> invocations{};
    };
    std::shared_ptr<Kept> kept_;
    std::size_t limit_;
};

static_assert(Consumer<CollectorConsumer>);

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
