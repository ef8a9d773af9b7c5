#ifndef BLUEPRINT_FAAS_DETAIL_JOB_SIGNATURE_HPP
#define BLUEPRINT_FAAS_DETAIL_JOB_SIGNATURE_HPP

#include "blueprint/faas/deployment.hpp"
#include "blueprint/faas/payload_traits.hpp"
#include "blueprint/faas/result_sink.hpp"

#include <boost/asio/awaitable.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace blueprint::faas {

namespace asio = boost::asio;

namespace detail {

template <class... Ts>
struct Types {};

// The result and the parameters of a function pointer; of a lambda those of its one operator().
template <class F>
struct FunctionType {
    static constexpr bool known = false;
    using Result = void;
    using Parameters = Types<>;
};
template <class R, class... P>
struct FunctionType<R (*)(P...)> {
    static constexpr bool known = true;
    using Result = R;
    using Parameters = Types<P...>;
};
template <class R, class... P>
struct FunctionType<R (*)(P...) noexcept> : FunctionType<R (*)(P...)> {};

template <class F>
struct LambdaType : FunctionType<F> {};
template <class R, class C, class... P>
struct LambdaType<R (C::*)(P...) const> : FunctionType<R (*)(P...)> {};
template <class R, class C, class... P>
struct LambdaType<R (C::*)(P...) const noexcept> : FunctionType<R (*)(P...)> {};

template <class F>
    requires std::is_class_v<F> && requires { &F::operator(); }
struct FunctionType<F> : LambdaType<decltype(&F::operator())> {};

template <class T>
struct ResultShape {
    using Value = T;
    static constexpr bool may_fail = false;
};
template <class T>
struct ResultShape<result<T>> {
    using Value = T;
    static constexpr bool may_fail = true;
};

// What a function gives once awaited, and the value inside: awaitable<result<T>>, awaitable<T>, result<T>, T.
template <class T>
struct ReturnShape : ResultShape<T> {
    static constexpr bool is_coroutine = false;
};
template <class T>
struct ReturnShape<asio::awaitable<T>> : ResultShape<T> {
    static constexpr bool is_coroutine = true;
};

template <class T>
inline constexpr bool is_job_call = std::is_same_v<std::remove_cvref_t<T>, JobCall>;
template <class T>
inline constexpr bool is_result_sink = std::is_same_v<std::remove_cvref_t<T>, ResultSink>;

// What holds an argument while the function runs: a view needs an owner.
template <class T>
struct Stored {
    using type = T;
};
template <>
struct Stored<std::string_view> {
    using type = std::string;
};
template <>
struct Stored<std::span<const std::uint8_t>> {
    using type = Bytes;
};
template <class T>
using stored_t = typename Stored<std::remove_cvref_t<T>>::type;

// How a caller hands an argument over: text in any form, the rest as what it is.
template <class T>
using given_t = std::conditional_t<std::is_same_v<T, std::string>, std::string_view, const T&>;

template <class T>
inline constexpr bool can_be_changed = std::is_lvalue_reference_v<T> && !std::is_const_v<std::remove_reference_t<T>>;

template <class T>
constexpr void require_payload() {
    static_assert(Payload<T>,
                  "no payload_traits for this type: take or give an integer, a floating point number, bool, "
                  "std::string, Bytes or std::array<std::uint8_t, N>; for a struct use BOOST_DESCRIBE_STRUCT and "
                  "include <blueprint/faas/payload_json.hpp>, or specialise blueprint::faas::payload_traits");
}

inline std::string job_name(JobId id) { return "job " + std::to_string(id.value()); }

/// Reads and writes a job's arguments, one after the other: fixed sizes first, then at most one that takes the rest.
template <class... Args>
struct Arguments {
    static constexpr std::size_t count = sizeof...(Args);
    using Tuple = std::tuple<Args...>;
    static constexpr bool are_payloads = (Payload<Args> && ...);

    static constexpr bool sizes_are_clear() {
        constexpr std::array<bool, count + 1> fixed{FixedSizePayload<Args>..., true};
        for (std::size_t i = 0; i + 1 < count; ++i)
            if (!fixed[i]) return false;
        return true;
    }
    static consteval void check() {
        (require_payload<Args>(), ...);
        if constexpr (are_payloads) {
            static_assert(sizes_are_clear(),
                          "only the last parameter of a job may have a variable size (text, bytes, a struct): nothing "
                          "would tell where it ends and the next begins");
        }
    }

    template <class T>
    static constexpr std::size_t size_of() {
        if constexpr (FixedSizePayload<T>) return payload_traits<T>::fixed_size;
        return 0;
    }
    static constexpr std::size_t fixed_bytes() { return (std::size_t{0} + ... + size_of<Args>()); }
    static constexpr bool has_fixed_size = (FixedSizePayload<Args> && ...);

    static Error size_error(JobId id, std::size_t got) {
        std::string message = job_name(id) + " takes ";
        if constexpr (count == 0) {
            message += "no arguments";
        } else {
            message += (has_fixed_size ? "" : "at least ") + std::to_string(fixed_bytes()) +
                       (fixed_bytes() == 1 ? " byte (" : " bytes (");
            std::string_view comma;
            ((message += comma, message += payload_description<Args>(), comma = ", "), ...);
            message += ')';
        }
        message += ", got " + std::to_string(got) + (count == 0 ? " bytes" : "");
        return Error{.code = errc::serialization, .message = std::move(message), .execution = Execution::not_started};
    }

    static result<Tuple> decode(JobId id, std::span<const std::uint8_t> bytes) {
        const bool fits = has_fixed_size ? bytes.size() == fixed_bytes() : bytes.size() >= fixed_bytes();
        if (!fits) return size_error(id, bytes.size());
        std::tuple<std::optional<Args>...> slots;
        std::optional<Error> failed;
        std::size_t index = 0;
        const auto read = [&]<class T>(std::optional<T>& slot) {
            ++index;
            if (failed) return;
            const auto size = FixedSizePayload<T> ? size_of<T>() : bytes.size();
            if (auto value = payload_traits<T>::decode(bytes.first(size)))
                slot.emplace(*std::move(value));
            else
                failed = std::move(value).error();
            bytes = bytes.subspan(size);
            if (!failed) return;
            failed->message = "argument " + std::to_string(index) + " of " + job_name(id) + ": " + failed->message;
            failed->execution = Execution::not_started;
        };
        std::apply([&](auto&... slot) { (read(slot), ...); }, slots);
        if (failed) return *std::move(failed);
        return std::apply([](auto&... slot) { return Tuple{*std::move(slot)...}; }, slots);
    }

    static Bytes encode(given_t<Args>... args) {
        Bytes out;
        if constexpr (has_fixed_size) out.reserve(fixed_bytes());
        (payload_traits<Args>::encode(args, out), ...);
        return out;
    }
};

// Takes the call and the sink, which stand first and last, apart from the arguments that travel as bytes.
template <class Done, class List>
struct SplitParameters;
template <class... P>
struct SplitParameters<Types<P...>, Types<>> {
    static constexpr bool takes_call = false;
    static constexpr bool takes_sink = false;
    using Encoded = Arguments<stored_t<P>...>;
};
template <class... P, class Last>
    requires is_result_sink<Last>
struct SplitParameters<Types<P...>, Types<Last>> : SplitParameters<Types<P...>, Types<>> {
    static constexpr bool takes_sink = true;
};
template <class... P, class Next, class... Rest>
struct SplitParameters<Types<P...>, Types<Next, Rest...>> : SplitParameters<Types<P..., Next>, Types<Rest...>> {};
template <class First, class... Rest>
    requires is_job_call<First>
struct SplitParameters<Types<>, Types<First, Rest...>> : SplitParameters<Types<>, Types<Rest...>> {
    static constexpr bool takes_call = true;
};

template <class... P>
consteval bool none_can_be_changed(Types<P...>) {
    return !(can_be_changed<P> || ...);
}

/// All that `Job` needs to know of its function. `check` tells what is wrong in sentences; what is not `usable` must
/// not be instantiated further, so that no other message follows.
template <class Function>
struct JobSignature {
    using Shape = FunctionType<Function>;
    using Returns = ReturnShape<std::remove_cvref_t<typename Shape::Result>>;
    using Parameters = SplitParameters<Types<>, typename Shape::Parameters>;
    using Encoded = typename Parameters::Encoded;
    using Returned = std::remove_cvref_t<typename Returns::Value>;
    static constexpr bool takes_call = Parameters::takes_call;
    static constexpr bool takes_sink = Parameters::takes_sink;
    static constexpr bool takes_call_alone = takes_call && Encoded::count == 0;
    /// What callers get: of a function that gives its result to a sink, the bytes of all pieces.
    using Value = std::conditional_t<takes_sink, Bytes, Returned>;
    static constexpr bool gives_payload = std::is_void_v<Value> || Payload<stored_t<Value>>;
    static constexpr bool gives_once = !takes_sink || std::is_void_v<Returned>;
    static constexpr bool usable = Shape::known && none_can_be_changed(typename Shape::Parameters{}) &&
                                   Encoded::are_payloads && Encoded::sizes_are_clear() && gives_payload && gives_once;

    static consteval bool check() {
        static_assert(Shape::known,
                      "a job's function is the address of a free or static member function, or a lambda without "
                      "captures and without auto parameters: this is neither");
        static_assert(none_can_be_changed(typename Shape::Parameters{}),
                      "a job's parameter is a reference to something that the function could change, and nobody would "
                      "see the change: take it by value or by const reference");
        Encoded::check();
        if constexpr (!gives_payload) require_payload<stored_t<Value>>();
        static_assert(gives_once,
                      "a job that takes a ResultSink gives its result there: it returns nothing, or result<void>");
        return true;
    }
};

}  // namespace detail

}  // namespace blueprint::faas

#endif
