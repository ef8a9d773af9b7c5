#ifndef BLUEPRINT_FAAS_MAP_HPP
#define BLUEPRINT_FAAS_MAP_HPP

#include "blueprint/faas/map/core.hpp"
#include "blueprint/faas/map/inputs.hpp"
#include "blueprint/faas/map/options.hpp"
#include "blueprint/faas/registry.hpp"
#include "blueprint/faas/typed_job.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

/// The completions of a map, one `next` after the other. Made by `map`; nothing happens before the first `next`.
///
///     for (;;) {
///         auto next = co_await stream.next();
///         if (!next) ...                         // the input or the resume file failed: `next.error()`
///         if (!*next) break;                     // the end; stream.progress() tells why, and what was not submitted
///         use((*next)->index, (*next)->value);   // a value or an Error
///     }
///
/// Calls run on one strand of the executor's io_context, which must outlive the stream. While the stream waits for
/// somebody to call `next` it keeps that io_context from running out of work.
template <class T>
class MapStream {
public:
    using value_type = Completion<T>;

    explicit MapStream(std::shared_ptr<detail::MapCore> core) noexcept : core_{std::move(core)} {}
    MapStream(MapStream&&) noexcept = default;
    MapStream& operator=(MapStream&& other) noexcept {
        if (this != &other) {
            if (core_) core_->abandon();
            core_ = std::move(other.core_);
        }
        return *this;
    }
    /// Submits no more and cancels what is in flight; the calls end on their own, so the executor must live until the
    /// io_context has run their ends. What they came to is still written to the resume file.
    ~MapStream() {
        if (core_) core_->abandon();
    }

    /// Waits for the next completion; empty at the end. An error is the last word too: the range or the resume file
    /// failed, after all completions were given out. `errc::cancelled` if this wait was cancelled, which cancels no
    /// call and loses no completion: `next` may be called again. Several coroutines may take turns.
    asio::awaitable<result<std::optional<Completion<T>>>> next() { return take(core_); }
    /// Submits no more inputs and lets calls in flight finish; their completions and the end follow. From any thread.
    void stop() { core_->request_stop(MapEnd::stop_requested, false); }
    /// Submits no more inputs and cancels calls in flight; their completions and the end follow. From any thread.
    void cancel() { core_->request_stop(MapEnd::stop_requested, true); }
    /// Tells what the map is doing, for whom it waits, and at the end what was not submitted. From any thread.
    MapProgress progress() const { return core_->progress(); }

private:
    static asio::awaitable<result<std::optional<Completion<T>>>> take(std::shared_ptr<detail::MapCore> core) {
        auto next = detail::MapCore::next(std::move(core));
        auto got = co_await std::move(next);
        if (!got) co_return std::move(got).error();
        std::optional<Completion<T>> out;
        if (*got) out = detail::typed_completion<T>(std::move(**got));
        co_return out;
    }

    std::shared_ptr<detail::MapCore> core_;
};

/// Calls job `job` through `executor` for each element of `range`, which is bytes (`Bytes`, text, or a span), many at a
/// time, and streams what each came to:
///
///     auto stream = map(lambda, JobId{3}, inputs, {.in_flight = 200, .max_failures = 10});
///
/// `executor` and `range` are borrowed as lvalues and must outlive the stream and its calls, moved in as rvalues; a
/// `std::shared_ptr` to an executor is shared. `range` is any input range, also an endless one, or a producer: a type
/// with `asio::awaitable<result<std::optional<Input>>> next()`. It is read once, on the map's strand, and never further
/// ahead than `MapOptions::in_flight`: completions that nobody takes stop the submission.
template <class E, class R>
    requires Executor<typename detail::HolderOf<E>::type::executor_type> && detail::MapRange<R, detail::AsBytes>
MapStream<Bytes> map(E&& executor, JobId job, R&& range, MapOptions options = {}) {
    return MapStream<Bytes>{detail::make_map<detail::AsBytes, detail::AnyBytes>(
        std::forward<E>(executor), job, std::forward<R>(range), std::move(options))};
}

/// The same for a typed job: elements are its argument, or tuples of its arguments, and completions hold what its
/// function gives: `map(lambda, Square{}, std::views::iota(std::uint64_t{0}))` streams `Completion<std::uint64_t>`.
/// A result that cannot be read as that is a failure.
template <class E, TypedJob J, class R>
    requires Executor<typename detail::HolderOf<E>::type::executor_type> && detail::MapRange<R, detail::AsArguments<J>>
MapStream<detail::stored_t<typename J::Value>> map(E&& executor, J /*job*/, R&& range, MapOptions options = {}) {
    return MapStream<detail::stored_t<typename J::Value>>{detail::make_map<detail::AsArguments<J>, detail::ResultOf<J>>(
        std::forward<E>(executor), J::id, std::forward<R>(range), std::move(options))};
}

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
