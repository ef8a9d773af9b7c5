#ifndef BLUEPRINT_FAAS_REGISTRY_HPP
#define BLUEPRINT_FAAS_REGISTRY_HPP

#include "blueprint/faas/detail/binding_table.hpp"
#include "blueprint/faas/executor_concept.hpp"
#include "blueprint/faas/switch.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

namespace detail {

/// Turns the constant in `bind<...>` into a number of 32 bits, or refuses it in a sentence.
template <auto Id>
consteval std::uint32_t bound_id() {
    constexpr bool is_number = std::integral<decltype(Id)> && !std::same_as<decltype(Id), bool>;
    static_assert(is_number, "a job id is an integer: bind<0, 3>(executor)");
    if constexpr (is_number) {
        static_assert(std::in_range<std::uint32_t>(Id), "a job id must be between 0 and 4294967295");
        return static_cast<std::uint32_t>(Id);
    } else {
        return 0;
    }
}

// What a binding keeps: a pointer to an executor that outlives it, a shared one, or the executor itself.
template <class E>
struct Borrowed {
    using executor_type = E;
    E* executor_;
    constexpr E& executor() const noexcept { return *executor_; }
};
template <class E>
struct Shared {
    using executor_type = E;
    std::shared_ptr<E> executor_;
    E& executor() const noexcept { return *executor_; }
};
template <class E>
struct Owned {
    using executor_type = E;
    mutable E executor_;  // a const registry has a fixed table; its executors may change themselves
    constexpr E& executor() const noexcept { return executor_; }
};

template <class T>
struct HolderOf {
    using type = Owned<T>;
};
template <class T>
struct HolderOf<T&> {
    using type = Borrowed<T>;
};
template <class E>
struct HolderOf<std::shared_ptr<E>> {
    using type = Shared<E>;
};
template <class E>
struct HolderOf<std::shared_ptr<E>&> : HolderOf<std::shared_ptr<E>> {};
template <class E>
struct HolderOf<const std::shared_ptr<E>&> : HolderOf<std::shared_ptr<E>> {};

template <class E>
concept Switchable = requires(const E& executor) {
    { executor.is_on() } -> std::same_as<bool>;
    executor.executor();
};

template <class T>
inline constexpr bool is_binding = false;

template <class... Bindings>
constexpr auto sorted_ids() {
    std::array<JobId, (std::size_t{0} + ... + Bindings::size)> ids{};
    std::size_t next = 0;
    [[maybe_unused]] const auto append = [&](const auto& some) {
        for (const JobId id : some) ids[next++] = id;
    };
    (append(Bindings::ids), ...);
    std::sort(ids.begin(), ids.end());
    return ids;
}

// For each of `ids`, the number of the binding that has it.
template <class... Bindings, std::size_t Size>
constexpr auto binding_numbers(const std::array<JobId, Size>& ids) {
    std::array<std::uint32_t, Size> numbers{};
    std::uint32_t number = 0;
    [[maybe_unused]] const auto note = [&](const auto& some) {
        for (const JobId id : some)
            numbers[static_cast<std::size_t>(std::lower_bound(ids.begin(), ids.end(), id) - ids.begin())] = number;
        ++number;
    };
    (note(Bindings::ids), ...);
    return numbers;
}

asio::awaitable<result<JobResult>> inline failed_invoke(Error error) { co_return error; }
asio::awaitable<result<Invocation>> inline failed_invoke_with_metrics(Error error) { co_return error; }

inline Error not_bound(JobId id, bool switched_off) {
    const std::string job = "job " + std::to_string(id.value());
    return Error{.code = errc::not_found,
                 .message = switched_off ? job +
                                               " was not run: its binding is switched off; turn it on, or run the job "
                                               "through a Router"
                                         : job + " was not run: it is bound to no executor; add bind<" +
                                               std::to_string(id.value()) +
                                               ">(executor) to the registry, or run the "
                                               "job through a Router",
                 .execution = Execution::not_started};
}

}  // namespace detail

/// Says that `Ids` run on one executor. Made by `bind`, read by `StaticRegistry`.
template <class Holder, std::uint32_t... Ids>
class Binding {
public:
    using executor_type = typename Holder::executor_type;
    static constexpr std::size_t size = sizeof...(Ids);
    static constexpr std::array<JobId, size> ids{JobId{Ids}...};
    static constexpr bool switchable = detail::Switchable<executor_type>;

    constexpr explicit Binding(Holder holder) : holder_{std::move(holder)} {}

    static constexpr bool has(JobId id) noexcept { return ((id.value() == Ids) || ...); }
    constexpr executor_type& executor() const noexcept { return holder_.executor(); }
    /// False while a `Switch` is off.
    constexpr bool is_on() const noexcept {
        if constexpr (switchable) return executor().is_on();
        return true;
    }
    /// Calls `f` with who really runs the job: of a `Switch`, the executor behind it.
    template <class F>
    constexpr void call_with_executor(F&& f) const {
        if constexpr (switchable)
            std::forward<F>(f)(executor().executor());
        else
            std::forward<F>(f)(executor());
    }

private:
    Holder holder_;
};

template <class Holder, std::uint32_t... Ids>
inline constexpr bool detail::is_binding<Binding<Holder, Ids...>> = true;

/// Binds the jobs `Ids` to `executor`: an lvalue is borrowed and must outlive the registry, a `std::shared_ptr` is
/// shared, and an rvalue is moved in. One executor may stand in several bindings.
template <auto... Ids, class E>
    requires Executor<typename detail::HolderOf<E>::type::executor_type>
constexpr auto bind(E&& executor) {
    static_assert(sizeof...(Ids) > 0, "bind needs the job ids: bind<0, 3>(executor)");
    using Holder = typename detail::HolderOf<E>::type;
    if constexpr (std::same_as<Holder, detail::Borrowed<std::remove_reference_t<E>>>)
        return Binding<Holder, detail::bound_id<Ids>()...>{Holder{std::addressof(executor)}};
    else
        return Binding<Holder, detail::bound_id<Ids>()...>{Holder{std::forward<E>(executor)}};
}

/// Maps job ids to executors at compile time: `StaticRegistry{bind<0, 3>(lambda), bind<1>(gcp)}`.
/// Dispatch is branch code: no map, no virtual call, no allocation. What can change while it runs is in a binding's
/// type: `Switch` and `OneOf`. All members are const and may be called from several threads, if the executors may.
template <class... Bindings>
class StaticRegistry {
    static_assert((detail::is_binding<Bindings> && ...),
                  "a StaticRegistry is made of bindings: StaticRegistry{bind<0, 3>(executor)}");

public:
    /// All bound ids in ascending order, as `std::array<JobId, N>`.
    static constexpr auto job_ids = detail::sorted_ids<Bindings...>();
    static_assert(std::adjacent_find(job_ids.begin(), job_ids.end()) == job_ids.end(),
                  "a job id is bound twice: each job has one executor");

    constexpr explicit StaticRegistry(Bindings... bindings) : bindings_{std::move(bindings)...} {}

    /// Tells whether `id` is bound, whatever its switch says.
    static constexpr bool is_faas_job([[maybe_unused]] JobId id) noexcept {
        if constexpr (searches)
            return position(id) < sizeof...(Bindings);
        else
            return (Bindings::has(id) || ...);
    }
    /// Tells whether `id` is bound through a `Switch`, so that its calls may go elsewhere.
    static constexpr bool can_be_switched_off([[maybe_unused]] JobId id) noexcept {
        return ((Bindings::switchable && Bindings::has(id)) || ...);
    }
    /// Tells whether a call of `id` made now would be run by an executor.
    constexpr bool routes([[maybe_unused]] JobId id) const noexcept {
        return with_binding(id, [](const auto& binding) { return binding.is_on(); });
    }

    /// Calls `f(executor)` for the executor of `id`; false, and nothing called, if `id` is not bound or switched off.
    /// Behind a `Switch` `f` gets the executor itself, so a call let through is not hit by turning off meanwhile.
    template <class F>
    constexpr bool with_executor([[maybe_unused]] JobId id, [[maybe_unused]] F&& f) const {
        return with_binding(id, [&f](const auto& binding) {
            if (!binding.is_on()) return false;
            binding.call_with_executor(f);
            return true;
        });
    }

    /// Returns the very executor (or `Switch`, or `OneOf`) that `Id` was bound to.
    template <auto Id>
    constexpr auto& get() const noexcept {
        constexpr JobId id{detail::bound_id<Id>()};
        static_assert(is_faas_job(id), "this job id is bound to no executor: add it to a bind<...>(executor)");
        constexpr std::size_t number = position(id);
        return bindings_.template get<(number < sizeof...(Bindings) ? number : 0)>().executor();
    }

    /// Runs the job on its executor, which must outlive the awaitable; `errc::not_found` if it has none now.
    asio::awaitable<result<JobResult>> invoke(JobCall call) const {
        std::optional<asio::awaitable<result<JobResult>>> operation;
        const JobId id = call.job_id;
        with_executor(id, [&](auto& executor) { operation.emplace(executor.invoke(std::move(call))); });
        return operation ? std::move(*operation) : detail::failed_invoke(detail::not_bound(id, is_faas_job(id)));
    }
    /// Like `invoke`, and tells what was measured.
    asio::awaitable<result<Invocation>> invoke_with_metrics(JobCall call) const {
        std::optional<asio::awaitable<result<Invocation>>> operation;
        const JobId id = call.job_id;
        with_executor(id, [&](auto& executor) { operation.emplace(executor.invoke_with_metrics(std::move(call))); });
        if (operation) return std::move(*operation);
        return detail::failed_invoke_with_metrics(detail::not_bound(id, is_faas_job(id)));
    }

private:
    // Of a few ids compilers make the best code when each binding is asked in turn. Of many the binding is looked up in
    // a constant table, by a search without a branch to guess.
    static constexpr bool searches = sizeof...(Bindings) > 8 || job_ids.size() > 16;
    static constexpr auto numbers = detail::binding_numbers<Bindings...>(job_ids);

    // The number of the binding that has `id`; their count if none has.
    static constexpr std::size_t position(JobId id) noexcept {
        std::size_t place = 0;
        for (std::size_t left = job_ids.size(); left > 1;) {
            const std::size_t half = left / 2;
            place += job_ids[place + half] <= id ? half : 0;
            left -= half;
        }
        if (job_ids.empty() || job_ids[place] != id) return sizeof...(Bindings);
        return numbers[place];
    }
    // Tells what `f` said of the binding that has `id`; false if none has.
    template <class F>
    constexpr bool with_binding([[maybe_unused]] JobId id, [[maybe_unused]] const F& f) const {
        if constexpr (searches)
            return bindings_.only(position(id), f);
        else
            return bindings_.any([&](const auto& binding) { return binding.has(id) && f(binding); });
    }

    detail::BindingTableOf<Bindings...> bindings_;
};

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
