#ifndef BLUEPRINT_FAAS_SWITCH_HPP
#define BLUEPRINT_FAAS_SWITCH_HPP

#include "blueprint/faas/executor_concept.hpp"

#include <atomic>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

namespace detail {

template <class T>
asio::awaitable<result<T>> refused_by_switch(JobId id) {
    co_return Error{.code = errc::not_found,
                    .message = "job " + std::to_string(id.value()) +
                               " was not run: its Switch is off; turn it on, or run the job elsewhere",
                    .execution = Execution::not_started};
}

}  // namespace detail

/// Lets the jobs of a binding be taken off their executor while the program runs: `bind<3>(Switch{lambda})`.
/// While it is off a registry treats its jobs as not bound, so a runner hands them to the router. A call that was let
/// through before goes on. Borrows the executor, which must outlive it. All members are safe from every thread.
template <Executor E>
class Switch {
public:
    constexpr explicit Switch(E& executor, bool on = true) noexcept : executor_{&executor}, on_{on} {}
    /// Moves the setting as well; only before others know the switch.
    constexpr Switch(Switch&& other) noexcept : executor_{other.executor_}, on_{other.is_on()} {}

    void turn_on() noexcept { on_.store(true, std::memory_order_relaxed); }
    void turn_off() noexcept { on_.store(false, std::memory_order_relaxed); }
    bool is_on() const noexcept { return on_.load(std::memory_order_relaxed); }
    /// Returns the executor itself, on or off: to deploy to, or to ask for its health.
    constexpr E& executor() const noexcept { return *executor_; }

    std::string_view provider_name() const { return executor_->provider_name(); }
    asio::any_io_executor get_executor() const { return executor_->get_executor(); }
    /// Runs the job; `errc::not_found` and nothing sent while it is off.
    asio::awaitable<result<JobResult>> invoke(JobCall call) {
        return is_on() ? executor_->invoke(std::move(call)) : detail::refused_by_switch<JobResult>(call.job_id);
    }
    asio::awaitable<result<Invocation>> invoke_with_metrics(JobCall call) {
        if (is_on()) return executor_->invoke_with_metrics(std::move(call));
        return detail::refused_by_switch<Invocation>(call.job_id);
    }

private:
    E* executor_;
    std::atomic<bool> on_;
};

/// Points at one of several executors and can be pointed at another while the program runs:
/// `OneOf both{aws, gcp}; ... bind<0>(both); ... both.use<1>();`. Starts with the first.
/// A call stays where it was started. Borrows the executors, which must outlive it. Safe from every thread.
template <Executor... Es>
    requires(sizeof...(Es) > 0)
class OneOf {
public:
    constexpr explicit OneOf(Es&... executors) noexcept : executors_{&executors...} {}
    /// Moves the setting as well; only before others know it.
    constexpr OneOf(OneOf&& other) noexcept : executors_{other.executors_}, active_{other.active()} {}

    /// Points at the executor number `Index`, counted from 0.
    template <std::size_t Index>
    void use() noexcept {
        static_assert(Index < sizeof...(Es), "OneOf has no executor of this number: the first is 0");
        active_.store(Index, std::memory_order_relaxed);
    }
    /// Points at the executor number `index`; `errc::invalid_configuration` and no change if there is none.
    result<void> use(std::size_t index) {
        if (index >= sizeof...(Es))
            return Error{.code = errc::invalid_configuration,
                         .message = "cannot use executor number " + std::to_string(index) + ": there are " +
                                    std::to_string(sizeof...(Es)) + ", the first is 0",
                         .execution = Execution::not_started};
        active_.store(index, std::memory_order_relaxed);
        return {};
    }
    std::size_t active() const noexcept { return active_.load(std::memory_order_relaxed); }
    /// Returns executor number `Index`, pointed at or not.
    template <std::size_t Index>
    constexpr auto& executor() const noexcept {
        return *std::get<Index>(executors_);
    }

    std::string_view provider_name() const {
        return with_active([](auto& e) { return std::string_view{e.provider_name()}; });
    }
    asio::any_io_executor get_executor() const {
        return with_active([](auto& e) { return asio::any_io_executor{e.get_executor()}; });
    }
    asio::awaitable<result<JobResult>> invoke(JobCall call) {
        return with_active([&](auto& e) { return e.invoke(std::move(call)); });
    }
    asio::awaitable<result<Invocation>> invoke_with_metrics(JobCall call) {
        return with_active([&](auto& e) { return e.invoke_with_metrics(std::move(call)); });
    }

private:
    template <std::size_t Index = 0, class F>
    auto with_active_from(std::size_t index, F& f) const {
        if constexpr (Index + 1 < sizeof...(Es)) {
            if (index != Index) return with_active_from<Index + 1>(index, f);
        }
        return f(*std::get<Index>(executors_));
    }
    template <class F>
    auto with_active(F f) const {
        return with_active_from(active(), f);
    }

    std::tuple<Es*...> executors_;
    std::atomic<std::size_t> active_{0};
};

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
