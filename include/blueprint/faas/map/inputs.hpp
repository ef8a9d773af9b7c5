#ifndef BLUEPRINT_FAAS_MAP_INPUTS_HPP
#define BLUEPRINT_FAAS_MAP_INPUTS_HPP

#include "blueprint/faas/map/core.hpp"
#include "blueprint/faas/registry.hpp"
#include "blueprint/faas/typed_job.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

// How an element becomes the bytes of a call: as it is, ...
struct AsBytes {
    template <class T>
        requires std::convertible_to<T, Bytes> || std::convertible_to<T, std::span<const std::uint8_t>> ||
                 std::convertible_to<T, std::string_view>
    static Bytes encode(T&& element) {
        if constexpr (std::convertible_to<T, Bytes>) {
            return std::forward<T>(element);
        } else if constexpr (std::convertible_to<T, std::span<const std::uint8_t>>) {
            const std::span<const std::uint8_t> bytes = std::forward<T>(element);
            return Bytes(bytes.begin(), bytes.end());
        } else {
            const std::string_view text = std::forward<T>(element);
            return Bytes(text.begin(), text.end());
        }
    }
};

template <class J, class Tuple>
concept TakesTuple = requires(Tuple&& tuple) { std::apply(make_call<J>, std::forward<Tuple>(tuple)); };

// ... or as the arguments of a typed job. A job that takes the `JobCall` alone gets bytes.
template <TypedJob J>
struct AsArguments {
    template <class T>
    static constexpr bool is_argument() {
        if constexpr (J::Signature::takes_call_alone)
            return requires(T&& element) { AsBytes::encode(std::forward<T>(element)); };
        else
            return std::is_invocable_v<decltype(make_call<J>), T> || is_tuple<T>();
    }
    template <class T>
        requires(is_argument<T>())
    static Bytes encode(T&& element) {
        if constexpr (J::Signature::takes_call_alone)
            return AsBytes::encode(std::forward<T>(element));
        else if constexpr (std::is_invocable_v<decltype(make_call<J>), T>)
            return make_call<J>(std::forward<T>(element)).args;
        else
            return std::apply(make_call<J>, std::forward<T>(element)).args;
    }

private:
    template <class T>
    static constexpr bool is_tuple() {
        if constexpr (requires { std::tuple_size<std::remove_cvref_t<T>>::value; }) {
            return []<std::size_t... I>(std::index_sequence<I...>) {
                return std::is_invocable_v<decltype(make_call<J>), decltype(std::get<I>(std::declval<T>()))...>;
            }(std::make_index_sequence<std::tuple_size_v<std::remove_cvref_t<T>>>{});
        } else {
            return false;
        }
    }
};

template <class T>
struct AwaitedInput;
template <class T>
struct AwaitedInput<asio::awaitable<result<std::optional<T>>>> {
    using type = T;
};

// A producer-like source: `next()` gives an input, an empty optional at the end, or an error.
template <class S>
concept InputSource = requires(S& source) { typename AwaitedInput<decltype(source.next())>::type; };

template <class T, class Encode>
concept Encodable = requires(T&& element) {
    { Encode::encode(std::forward<T>(element)) } -> std::same_as<Bytes>;
};

template <class R, class Encode>
concept EncodableRange = std::ranges::input_range<R> && std::ranges::viewable_range<R> &&
                         Encodable<std::ranges::range_reference_t<R>, Encode>;
template <class S, class Encode>
concept EncodableSource =
    InputSource<S> && Encodable<typename AwaitedInput<decltype(std::declval<S&>().next())>::type, Encode>;

template <class R, class Encode>
concept MapRange = EncodableRange<R, Encode> || EncodableSource<std::remove_reference_t<R>, Encode>;

template <class View, class Encode>
class RangeInputs final : public MapInputs {
public:
    explicit RangeInputs(View view) : view_{std::move(view)} {}

    asio::awaitable<result<std::optional<Bytes>>> next() override {
        // The iterator moves on only when the next element is wanted: a range may make it at that moment.
        if (at_)
            ++*at_;
        else
            at_.emplace(std::ranges::begin(view_));
        std::optional<Bytes> out;
        if (*at_ != std::ranges::end(view_)) out = Encode::encode(**at_);
        co_return out;
    }
    std::optional<std::uint64_t> total() const override {
        if constexpr (std::ranges::sized_range<const View>)
            return static_cast<std::uint64_t>(std::ranges::size(view_));
        else
            return std::nullopt;
    }

private:
    View view_;
    std::optional<std::ranges::iterator_t<View>> at_;
};

// `S` is the source itself, or a reference to one that stays the user's.
template <class S, class Encode>
class SourceInputs final : public MapInputs {
public:
    explicit SourceInputs(S source) : source_{std::forward<S>(source)} {}

    asio::awaitable<result<std::optional<Bytes>>> next() override {
        auto pending = source_.next();
        auto got = co_await std::move(pending);
        if (!got) co_return std::move(got).error();
        std::optional<Bytes> out;
        if (*got) out = Encode::encode(std::move(**got));
        co_return out;
    }
    std::optional<std::uint64_t> total() const override { return std::nullopt; }

private:
    S source_;
};

// What a result has to be, and how it is read: any bytes, ...
struct AnyBytes {
    static std::optional<Error> wrong(const JobResult&) { return std::nullopt; }
};
// ... or what a typed job gives. It is read twice, here and when it is taken: what is stored is bytes.
template <TypedJob J>
struct ResultOf {
    static std::optional<Error> wrong(const JobResult& answer) {
        auto value = decode_result<J>(answer);
        if (value) return std::nullopt;
        return std::move(value).error();
    }
};

template <class Holder, class Check>
class ExecutorTarget final : public MapTarget {
public:
    explicit ExecutorTarget(Holder holder) : holder_{std::move(holder)} {}

    asio::any_io_executor get_executor() const { return holder_.executor().get_executor(); }

    asio::awaitable<result<Invocation>> invoke(JobCall call) override {
        const JobId id = call.job_id;
        auto running = holder_.executor().invoke_with_metrics(std::move(call));
        auto done = co_await std::move(running);
        if (!done) co_return std::move(done).error();
        done->result.job_id = id;
        if (!done->result.outcome) co_return done->result.outcome.error();
        if (auto wrong = Check::wrong(done->result)) {
            wrong->metrics = std::make_shared<const FaasMetrics>(done->metrics);
            co_return std::move(*wrong);
        }
        co_return done;
    }

private:
    Holder holder_;
};

template <class T>
Completion<T> typed_completion(Completion<Bytes> raw) {
    if constexpr (std::same_as<T, Bytes>) {
        return raw;
    } else {
        Completion<T> out{.index = raw.index, .metrics = std::move(raw.metrics), .stored = raw.stored};
        if (!raw.value)
            out.value = std::move(raw.value).error();
        else if constexpr (!std::is_void_v<T>)
            out.value = payload_traits<T>::decode(*raw.value);
        return out;
    }
}

template <class Encode, class R>
std::unique_ptr<MapInputs> make_inputs(R&& range) {
    if constexpr (EncodableRange<R, Encode>)
        return std::make_unique<RangeInputs<std::views::all_t<R>, Encode>>(std::views::all(std::forward<R>(range)));
    else
        return std::make_unique<SourceInputs<R, Encode>>(std::forward<R>(range));
}

template <class Encode, class Check, class E, class R>
std::shared_ptr<MapCore> make_map(E&& executor, JobId job, R&& range, MapOptions options) {
    using Holder = typename HolderOf<E>::type;
    using Target = ExecutorTarget<Holder, Check>;
    std::unique_ptr<Target> target;
    if constexpr (std::same_as<Holder, Borrowed<std::remove_reference_t<E>>>)
        target = std::make_unique<Target>(Holder{std::addressof(executor)});
    else
        target = std::make_unique<Target>(Holder{std::forward<E>(executor)});
    asio::any_io_executor io{target->get_executor()};
    return std::make_shared<MapCore>(io, job, make_inputs<Encode>(std::forward<R>(range)), std::move(target),
                                     std::move(options));
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
