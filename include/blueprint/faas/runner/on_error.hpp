#ifndef BLUEPRINT_FAAS_RUNNER_ON_ERROR_HPP
#define BLUEPRINT_FAAS_RUNNER_ON_ERROR_HPP

#include "blueprint/faas/executor_concept.hpp"
#include "blueprint/faas/registry.hpp"
#include "blueprint/faas/runner/error_policy.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace blueprint::faas {

/// Tells whether a call that ended with `error` may be run once more, there or elsewhere, without its job running
/// twice: it certainly did not run, or running it twice does no harm. Never after a cancellation.
inline bool may_run_again(const Error& error, bool idempotent) noexcept {
    return error.code != errc::cancelled && (idempotent || error.execution == Execution::not_started);
}

/// Tells whether the same call may come to something else at the same place a little later.
inline bool may_pass(const Error& error) noexcept {
    for (const auto lasting : {errc::invalid_configuration, errc::unsupported, errc::serialization,
                               errc::authentication, errc::not_found, errc::cancelled})
        if (error.code == lasting) return false;
    return true;
}

namespace detail {

// Another executor for failed calls, whose type only the user knows.
class Substitute {
public:
    virtual ~Substitute() = default;
    virtual std::string_view provider_name() = 0;
    virtual asio::awaitable<result<Invocation>> invoke(JobCall call) = 0;
};

template <class Holder>
class SubstituteOf final : public Substitute {
public:
    explicit SubstituteOf(Holder holder) : holder_{std::move(holder)} {}
    std::string_view provider_name() override { return holder_.executor().provider_name(); }
    asio::awaitable<result<Invocation>> invoke(JobCall call) override {
        return holder_.executor().invoke_with_metrics(std::move(call));
    }

private:
    Holder holder_;
};

// What is done about failed calls.
struct Remedies {
    unsigned retries = 0;
    std::vector<std::chrono::milliseconds> delays{};
    std::vector<std::shared_ptr<Substitute>> substitutes{};
    bool local_route = false;
    std::optional<ErrorPolicy> then{};

    bool any() const noexcept { return retries > 0 || !substitutes.empty() || local_route; }
};

/// Decides what follows each failed attempt of one call. Plain state without clock or coroutine.
class RemedyPlan {
public:
    enum class Kind { give_up, retry, failover, local_route };
    struct Step {
        Kind kind = Kind::give_up;
        std::chrono::milliseconds delay{};  ///< before a retry
        std::size_t substitute = 0;         ///< for a failover
    };

    /// `has_local_route`: the router could run the job, and has not.
    RemedyPlan(const Remedies& remedies, bool idempotent, bool has_local_route) noexcept
        : remedies_{&remedies}, idempotent_{idempotent}, has_local_route_{has_local_route} {}

    /// What follows `error`, with `time_left` of the call's timeout; nothing is tried that cannot be waited for.
    Step after(const Error& error, std::optional<std::chrono::milliseconds> time_left) {
        if (!may_run_again(error, idempotent_) || (time_left && time_left->count() <= 0)) return {};
        if (retried_ < remedies_->retries && asked_ == 0 && may_pass(error)) {
            auto delay = std::chrono::milliseconds{0};
            if (!remedies_->delays.empty())
                delay = remedies_->delays[std::min<std::size_t>(retried_, remedies_->delays.size() - 1)];
            if (error.retry_after) delay = std::max(delay, *error.retry_after);
            if (!time_left || delay < *time_left) {
                ++retried_;
                return {.kind = Kind::retry, .delay = delay};
            }
        }
        if (asked_ < remedies_->substitutes.size()) return {.kind = Kind::failover, .substitute = asked_++};
        asked_ = remedies_->substitutes.size() + 1;  // the executors had their turn
        if (!remedies_->local_route || !has_local_route_) return {};
        has_local_route_ = false;
        return {.kind = Kind::local_route};
    }

private:
    const Remedies* remedies_;
    unsigned retried_ = 0;
    std::size_t asked_ = 0;
    bool idempotent_;
    bool has_local_route_;
};

}  // namespace detail

/// Says what a runner does about a failed call, in this order: try it again, ask other executors, run it here; and what
/// a failure that is left does to the run:
///
///     OnError{}.retry(3, {100ms, 1s}).failover_to(gcp).fall_back_to_local_route().then(ErrorPolicy::report)
///
/// A step is taken only where it is safe: the error says that the job did not run (`Execution::not_started`), or the
/// call is `idempotent`. Everything else is a failed result with its `Error`. A call's `timeout` covers all steps. Jobs
/// without executor, route, fallback and an `on_error` of their own stay failed.
class OnError {
public:
    /// Tries again up to `times` times, waiting `delays` in turn, the last one repeatedly, and never less than the
    /// platform asked for. What will not pass (a wrong configuration, an unknown job, a refused credential) is not
    /// tried again at the same place. These come on top of what the executor's own resilience does.
    OnError& retry(unsigned times,
                   std::vector<std::chrono::milliseconds> delays = {
                       std::chrono::milliseconds{100}, std::chrono::seconds{1}, std::chrono::seconds{10}}) {
        remedies_.retries = times;
        remedies_.delays = std::move(delays);
        return *this;
    }
    /// Asks `executor` next; several are asked in the order they were added, each once. An lvalue is borrowed and must
    /// outlive the run, a `std::shared_ptr` is shared, an rvalue is moved in.
    template <class E>
        requires Executor<typename detail::HolderOf<E>::type::executor_type>
    OnError& failover_to(E&& executor) {
        using Holder = typename detail::HolderOf<E>::type;
        using Kept = detail::SubstituteOf<Holder>;
        if constexpr (std::same_as<Holder, detail::Borrowed<std::remove_reference_t<E>>>)
            remedies_.substitutes.push_back(std::make_shared<Kept>(Holder{std::addressof(executor)}));
        else
            remedies_.substitutes.push_back(std::make_shared<Kept>(Holder{std::forward<E>(executor)}));
        return *this;
    }
    /// Runs it in this process at last, if the router has a route for the job or a fallback.
    OnError& fall_back_to_local_route() {
        remedies_.local_route = true;
        return *this;
    }
    /// Sets what a failure that is left does to the run, for these jobs instead of `error_policy`.
    OnError& then(ErrorPolicy policy) {
        remedies_.then = policy;
        return *this;
    }

    const detail::Remedies& remedies() const noexcept { return remedies_; }

private:
    detail::Remedies remedies_;
};

}  // namespace blueprint::faas

#endif
