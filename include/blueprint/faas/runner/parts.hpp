#ifndef BLUEPRINT_FAAS_RUNNER_PARTS_HPP
#define BLUEPRINT_FAAS_RUNNER_PARTS_HPP

#include "blueprint/faas/registry.hpp"
#include "blueprint/faas/runner/consumer.hpp"
#include "blueprint/faas/runner/producer.hpp"

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

/// Something that runs beside the jobs, such as a token refresher or a metrics page: `start()` is its whole life. An
/// `Error` ends the run, a good end does not; when the run is over, its pending operation is cancelled and its end
/// awaited. It is called on the runner's strand.
template <class S>
concept BackgroundService = std::move_constructible<S> && requires(S& service) {
    { service.start() } -> std::same_as<asio::awaitable<result<void>>>;
};

/// Is awaited once at the very end of a run, however it ended: `awaitable<result<void>>()`.
template <class H>
concept ShutdownHandler = std::move_constructible<H> && requires(H& handler) {
    { handler() } -> std::same_as<asio::awaitable<result<void>>>;
};

namespace detail {

// A part comes by value, or as std::ref or std::shared_ptr of one that the user keeps.
template <class T>
T& target(T& part) noexcept {
    return part;
}
template <class T>
T& target(std::reference_wrapper<T>& part) noexcept {
    return part.get();
}
template <class T>
T& target(std::shared_ptr<T>& part) noexcept {
    return *part;
}
template <class T>
using Target = std::remove_reference_t<decltype(target(std::declval<T&>()))>;

// The parts of a runner are few and wait most of the time, so their types are erased: the runner's coroutines are
// compiled once, not for every combination. The wrappers are coroutines so that what a part throws is theirs to catch.
class ErasedProducer {
public:
    virtual ~ErasedProducer() = default;
    virtual asio::awaitable<result<std::optional<Produced>>> next() = 0;
    virtual std::size_t abandon() = 0;
};

template <class P>
class ErasedProducerOf final : public ErasedProducer {
public:
    explicit ErasedProducerOf(P producer) : producer_{std::move(producer)} {}
    asio::awaitable<result<std::optional<Produced>>> next() override {
        auto got = co_await target(producer_).next();
        if (!got) co_return std::move(got).error();
        if (!*got) co_return std::optional<Produced>{};
        co_return std::optional<Produced>{std::move(**got)};
    }
    std::size_t abandon() override {
        if constexpr (requires(Target<P>& p) {
                          { p.abandon() } -> std::convertible_to<std::size_t>;
                      })
            return target(producer_).abandon();
        else
            return 0;
    }

private:
    P producer_;
};

class ErasedConsumer {
public:
    virtual ~ErasedConsumer() = default;
    virtual asio::awaitable<result<void>> consume(const Invocation&) = 0;
    virtual asio::awaitable<result<void>> finish() = 0;
};

template <class C>
class ErasedConsumerOf final : public ErasedConsumer {
public:
    explicit ErasedConsumerOf(C consumer) : consumer_{std::move(consumer)} {}
    asio::awaitable<result<void>> consume(const Invocation& invocation) override {
        auto taken = co_await target(consumer_).consume(invocation);
        co_return taken;
    }
    asio::awaitable<result<void>> finish() override {
        result<void> done{};
        if constexpr (requires(Target<C>& c) { c.finish(); }) done = co_await target(consumer_).finish();
        co_return done;
    }

private:
    C consumer_;
};

class ErasedTask {
public:
    virtual ~ErasedTask() = default;
    virtual asio::awaitable<result<void>> run() = 0;
};

template <class S>
class ServiceTask final : public ErasedTask {
public:
    explicit ServiceTask(S service) : service_{std::move(service)} {}
    asio::awaitable<result<void>> run() override {
        auto ended = co_await target(service_).start();
        co_return ended;
    }

private:
    S service_;
};

template <class H>
class ShutdownTask final : public ErasedTask {
public:
    explicit ShutdownTask(H handler) : handler_{std::move(handler)} {}
    asio::awaitable<result<void>> run() override {
        auto ended = co_await handler_();
        co_return ended;
    }

private:
    H handler_;
};

// A call that an executor has taken.
struct FaasCall {
    std::string_view provider{};
    asio::awaitable<result<Invocation>> operation{};
};

// The one door from the compiled runner to the registry, whose type only the builder knows. No coroutine in here:
// behind one virtual call a job, dispatch is the registry's branch code.
class FaasSide {
public:
    virtual ~FaasSide() = default;
    /// Starts `call` on its executor and moves it there; nothing, and `call` untouched, if it has none now.
    virtual std::optional<FaasCall> start(JobCall& call) = 0;
    virtual bool is_faas_job(JobId id) const noexcept = 0;
    virtual bool can_be_switched_off(JobId id) const noexcept = 0;
    virtual std::vector<JobId> job_ids() const = 0;
};

template <class Registry>
class FaasSideOf final : public FaasSide {
public:
    explicit FaasSideOf(Registry registry) : registry_{std::move(registry)} {}
    std::optional<FaasCall> start(JobCall& call) override {
        std::optional<FaasCall> started;
        registry_.with_executor(call.job_id, [&](auto& executor) {
            started.emplace(executor.provider_name(), executor.invoke_with_metrics(std::move(call)));
        });
        return started;
    }
    bool is_faas_job(JobId id) const noexcept override { return Registry::is_faas_job(id); }
    bool can_be_switched_off(JobId id) const noexcept override { return Registry::can_be_switched_off(id); }
    std::vector<JobId> job_ids() const override {
        return std::vector<JobId>(Registry::job_ids.begin(), Registry::job_ids.end());
    }

private:
    Registry registry_;
};

}  // namespace detail

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
