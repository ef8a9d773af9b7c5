#ifndef BLUEPRINT_FAAS_DETAIL_BINDING_TABLE_HPP
#define BLUEPRINT_FAAS_DETAIL_BINDING_TABLE_HPP

#include "blueprint/faas/job.hpp"

#include <array>
#include <cstddef>
#include <utility>

namespace blueprint::faas::detail {

template <std::size_t Index, class Binding>
struct BindingAt {
    Binding binding;
};

/// What a `std::tuple` of bindings would be, at one small class a binding: the compiler checks the constructors of a
/// tuple against all elements, so that of a runner's hundred bindings the last was as dear as the first thirty.
template <class Indices, class... Bindings>
class BindingTable;

template <std::size_t... Index, class... Bindings>
class BindingTable<std::index_sequence<Index...>, Bindings...> : BindingAt<Index, Bindings>... {
public:
    constexpr explicit BindingTable(Bindings... bindings) : BindingAt<Index, Bindings>{std::move(bindings)}... {}

    /// Calls `f` with one binding after the other until it returns true; tells whether it did.
    template <class F>
    constexpr bool any([[maybe_unused]] const F& f) const {
        return (f(static_cast<const BindingAt<Index, Bindings>&>(*this).binding) || ...);
    }
    /// Calls `f` with the binding of that number; tells what it said, false if there is none.
    template <class F>
    constexpr bool only([[maybe_unused]] std::size_t number, [[maybe_unused]] const F& f) const {
        return ((Index == number && f(static_cast<const BindingAt<Index, Bindings>&>(*this).binding)) || ...);
    }
    template <std::size_t I>
    constexpr const auto& get() const noexcept {
        return at<I>(*this);
    }

private:
    template <std::size_t I, class Binding>
    static constexpr const Binding& at(const BindingAt<I, Binding>& one) noexcept {
        return one.binding;
    }
};

/// Bindings that were gathered one by one. Each step adds one to a base that is there already, so that the hundredth
/// costs what the first does.
struct NothingBound {
    static constexpr std::array<JobId, 0> ids{};
};
template <class Before, std::size_t Index, class Added>
struct AlsoBound : Before, BindingAt<Index, Added> {
    AlsoBound(Before before, Added added) : Before{std::move(before)}, BindingAt<Index, Added>{std::move(added)} {}

    static constexpr auto ids = [] {
        std::array<JobId, Before::ids.size() + Added::size> all{};
        for (std::size_t i = 0; i < Before::ids.size(); ++i) all[i] = Before::ids[i];
        for (std::size_t i = 0; i < Added::size; ++i) all[Before::ids.size() + i] = Added::ids[i];
        return all;
    }();
    static consteval bool has_no_id_twice() {
        for (std::size_t i = Before::ids.size(); i < ids.size(); ++i)
            for (std::size_t other = 0; other < i; ++other)
                if (ids[other] == ids[i]) return false;
        return true;
    }
};

template <class... Bindings>
using BindingTableOf = BindingTable<std::index_sequence_for<Bindings...>, Bindings...>;

}  // namespace blueprint::faas::detail

#endif
